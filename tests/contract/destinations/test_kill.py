"""A machine may lose power at any moment."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.contract.destinations.conftest import Subject
from tests.contract.destinations.model_of_merge import Model
from tests.contract.destinations.org import CONVERSATION
from tests.contract.destinations.test_stories import assert_same, assert_same_about_itself
from tests.contract.destinations.writer import numbered, synced

ROOT = Path(__file__).parents[3]
KILLS = 10


def test_a_kill_at_any_moment_leaves_whole_writes(subjects: Callable[..., Subject]) -> None:
    """Ten times killed with -9 in the middle of writing: nothing lost, doubled, half or stale."""
    subject, model, rng = subjects(), Model(), Random(11)
    model.ensure(CONVERSATION)
    landed = 0
    for _ in range(KILLS):
        told = run_and_kill(subject.url, rng.choice([1, 1, 2]), rng.uniform(0.0, 0.3))
        state = subject.destination.state()
        for number in range(landed + 1, state.get("written", 0) + 1):
            model.write(numbered(number), synced(number))
        landed = state.get("written", 0)
        assert landed in (told, told + 1), "a write that was reported is there"
        assert_same(subject, model)
        assert_same_about_itself(subject, model)


def run_and_kill(url: str, writes: int, later: float) -> int:
    """Let it do some writes and a part of one; the number it last reported."""
    command = [sys.executable, "-m", "tests.contract.destinations.writer", url]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told = [int(writer.stdout.readline()) for _ in range(writes)]
        time.sleep(later)
        writer.kill()
        told += [int(line) for line in writer.stdout]
    return told[-1]
