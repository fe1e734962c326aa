"""A sync that was cut off goes on where it stopped, and says no more than it read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from kustomer_sync.destinations.duckdb import DuckDB
from kustomer_sync.errors import DestinationUnusable
from kustomer_sync.kustomer.windows import Caps
from kustomer_sync.model import Counts, Write
from kustomer_sync.settings import Connection
from kustomer_sync.simulator import Simulator
from kustomer_sync.simulator.faults import Fault
from kustomer_sync.sync import Limits, sync
from tests.acceptance.case import UNLIMITED, Case
from tests.acceptance.conftest import Meanwhile
from tests.acceptance.truth import differences

Connect = Callable[..., Connection]
SMALL = Limits(caps=Caps(60, 100), page_size=20, commit_records=40, workers=2)


def pages(sim: Simulator) -> int:
    """Searches for records, not for their number."""
    return sum(
        line.path.endswith("/search") and "idsOnly" not in line.query for line in sim.requests.lines
    )


def cut_off(sim: Simulator, after: int) -> Fault:
    return sim.faults.add("expired", "search", skip=after)


def test_a_sync_that_is_cut_off_in_a_living_org_loses_nothing(case: Case) -> None:
    """Wherever it happens; what came meanwhile is read with the rest."""
    with case.org(hard_deletes=False) as sim:
        connection = case.connect(sim)
        for after in (3, 6, 10):
            cut_off(sim, after)
            case.sync(connection)
            sim.faults.clear()
        case.assert_equal_by_polling(sim, connection)


def test_what_was_read_is_not_read_again_and_what_was_not_is(
    connect: Connect, database: Path
) -> None:
    """Cut off three times; then whole, with few searches more than one sync needs."""
    with Simulator(limits=UNLIMITED) as sim:
        sync(connect(sim, schema="at_once"), limits=SMALL)
        needed = pages(sim)
        sim.requests.clear()
        connection = connect(sim, overlap_seconds=0)
        for _ in range(3):
            cut_off(sim, needed // 4)
            report = sync(connection, limits=SMALL)
            assert report.status == "FAILURE"
            assert report.tables["message"].cursor is None
            sim.faults.clear()
        assert sync(connection, limits=SMALL).status == "SUCCESSFUL"
        # A cut costs the windows in work, of three pages and a look, and new looks at the rest.
        assert pages(sim) < needed + 3 * 15
        assert differences(sim, database) == []


def test_a_commit_that_failed_leaves_nothing_that_says_it_was_made(
    connect: Connect, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file was locked for a minute: neither its rows nor their spans are there."""
    written = DuckDB.write
    calls: list[Write] = []

    def locked_once(self: DuckDB, write: Write) -> Mapping[str, Counts]:
        calls.append(write)
        if any(batch.root.table.name == "conversation" for batch in write.batches):
            monkeypatch.setattr(DuckDB, "write", written)
            raise DestinationUnusable("The file is locked.", "Close the other program.")
        return written(self, write)

    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        monkeypatch.setattr(DuckDB, "write", locked_once)
        assert sync(connection).status == "FAILURE"
        assert calls
        assert sync(connection).status == "SUCCESSFUL"
        assert differences(sim, database) == []


def test_each_commit_saves_what_was_completed(connect: Connect) -> None:
    """A killed process loses no more than its last batch: the state is there with the rows."""
    from kustomer_sync.destinations import destination

    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        seen: list[int] = []

        def look(_: int) -> None:
            there = destination(
                connection.destination_url, schema="kustomer", system_prefix="_fivetran_",
                memory_limit="128MB", hold_seconds=0,
            )  # fmt: skip
            if sim.requests.searches % 10 == 0:
                seen.append(len(there.state().get("table:message", {}).get("done", [])))

        sim.faults.rules.append(Meanwhile("search", look))
        sync(connection, limits=SMALL)
        assert any(seen)
