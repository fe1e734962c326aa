"""kill -9 at any moment loses, doubles, staleness or wrongly deletes nothing."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kustomer_sync.simulator import Character, Simulator, Switches
from kustomer_sync.sync import choose
from tests.acceptance.case import CONDITIONS, TINY, UNLIMITED, connection_to
from tests.acceptance.hostile import hostile_differences
from tests.acceptance.truth import differences

KILLS = 25


@pytest.mark.timeout(600)
@pytest.mark.parametrize("character", ["pleasant", pytest.param("hostile", marks=pytest.mark.slow)])
def test_twenty_five_kills_leave_nothing_wrong(database: Path, character: Character) -> None:
    """Syncs are killed at random moments while the org changes; one clean sync makes it whole."""
    rng = random.Random(11)
    with Simulator(seed=11, scale=TINY, limits=UNLIMITED, character=character) as sim:
        command = [sys.executable, "-m", "tests.acceptance.run_sync", sim.url, str(database)]
        sim.mutator.start(15)
        killed = 0
        while killed < KILLS:
            size, cap = CONDITIONS[killed % len(CONDITIONS)]
            sim.switches = Switches(
                record_cap=cap, max_search_page_size=size, index_lag_ms=2000,
                index_lag_random=True, late_write_ms=2000,
            )  # fmt: skip
            process = subprocess.Popen([*command, str(size), str(cap)])
            time.sleep(rng.uniform(0.4, 2.2))
            if process.poll() is None:
                killed += 1
            process.kill()
            process.wait()
        sim.mutator.stop()
        sim.settle()
        sim.clock.advance(30)
        assert subprocess.run([*command, "500", "10000"], check=False).returncode == 0
        compare = differences if character == "pleasant" else hostile_differences
        assert compare(sim, database, tables=choose(connection_to(sim, database))) == []
