"""Whose clock counts, how late the index may be, and when the daily reading is due."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Any

import duckdb
import pytest

from kustomer_sync.kustomer.windows import Caps
from kustomer_sync.settings import Connection
from kustomer_sync.simulator import Simulator
from kustomer_sync.sync import Limits, sync
from tests.acceptance.case import UNLIMITED, Case
from tests.acceptance.conftest import Meanwhile

Connect = Callable[..., Connection]
Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.mark.parametrize("date_header", [True, False])
@pytest.mark.parametrize("skew", [-600, 600])
def test_a_clock_of_ours_that_is_wrong_loses_nothing(
    case: Case, monkeypatch: pytest.MonkeyPatch, skew: int, date_header: bool
) -> None:
    """Ten minutes either way, also where replies carry no `Date`: nothing lost or flagged."""
    with case.org(date_header=date_header, hard_deletes=False) as sim:
        our_clock(monkeypatch, sim, skew)
        connection = case.connect(sim, overlap_seconds=60)
        for _ in range(3):
            sim.mutator.step(30)
            sim.settle()
            sim.clock.advance(120)
            report = case.sync(connection)
            assert report.status == "SUCCESSFUL"
            said = {w.code for w in report.warnings}
            assert ("no_server_time" in said) is not date_header
        sim.mutator.stop()
        sim.clock.advance(900)
        case.assert_equal_by_polling(sim, connection)


def our_clock(monkeypatch: pytest.MonkeyPatch, sim: Simulator, ahead: float) -> None:
    """This machine's clock is so many seconds ahead of the server's, whatever both say."""

    class Ours(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Ours:
            return cls.fromtimestamp(sim.clock.now().timestamp() + ahead, tz)

    monkeypatch.setattr("kustomer_sync.sync.run.datetime", Ours)


def test_without_a_date_the_cursor_does_not_pass_what_was_seen(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our clock is an hour ahead; the cursor stays at the newest record of any table."""
    with case.org(date_header=False) as sim:
        our_clock(monkeypatch, sim, 3600)
        report = case.sync(case.connect(sim))
        server = sim.clock.now().isoformat().replace("+00:00", "Z")
        for name in ("customer", "conversation", "message", "kobject"):
            cursor = report.tables[name].cursor
            assert cursor is not None
            assert cursor <= server


@pytest.mark.parametrize(("lag", "overlap"), [(60, 0), (0, 60)])
def test_what_the_index_shows_late_is_read(case: Case, lag: int, overlap: int) -> None:
    """Either margin does it: searches that stop before the present, or that begin again earlier."""
    with case.org(hard_deletes=False) as sim:
        connection = case.connect(sim, index_lag_seconds=lag, overlap_seconds=overlap)
        case.sync(connection)
        for n in range(1, 9):
            late = sim.id("conversation", -n)
            sim.clock.advance(20)
            sim.edit("conversation", late, {"name": f"late {n}"}, lag_ms=20_000)
            sim.clock.advance(10)
            case.sync(connection)
        case.assert_equal_by_polling(sim, connection)


def test_what_the_index_shows_late_is_read_after_a_sync_that_was_cut_off(
    connect: Connect,
) -> None:
    """The part before an earlier sync's end is read again, whatever was read above it since."""
    limits = Limits(caps=Caps(30, 100), page_size=20, commit_records=20, workers=1)
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim, overlap_seconds=60)
        sim.clock.advance(10)
        late = sim.id("conversation", -1)
        sim.edit("conversation", late, {"name": "late"}, lag_ms=300_000)
        sim.clock.advance(10)
        sync(connection, limits=limits)
        sim.clock.advance(600)
        for n in range(60):
            sim.clock.advance(1)
            sim.edit("conversation", sim.id("conversation", n), {})
        sim.clock.advance(1)
        sim.faults.add("expired", "search", skip=3)
        report = sync(connection, tables=["conversation"], limits=limits)
        assert report.status == "FAILURE"
        assert report.tables["conversation"].updated > 0
        sim.faults.clear()
        sync(connection, limits=limits)
        assert _names(connection, late) == ["late"]


def _names(connection: Connection, record_id: str) -> list[str]:
    path = connection.destination.removeprefix("duckdb:///")
    with duckdb.connect(path, read_only=True) as db:
        found = db.execute("SELECT name FROM kustomer.conversation WHERE id = ?", [record_id])
        return [row[0] for row in found.fetchall()]


def test_records_on_either_side_of_two_years_land(case: Case) -> None:
    """The boundary between search and archive loses none."""
    with case.org(hard_deletes=False) as sim:
        now = sim.clock.now().timestamp()
        edge = set()
        for hours in range(726 * 24, 736 * 24, 7):
            at = datetime.fromtimestamp(now - hours * 3600, UTC)
            stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            about = {"name": "edge", "createdAt": stamp, "updatedAt": stamp, "tags": []}
            there = {"customer": sim.id("customer", 1)}
            edge.add((sim.create("conversation", about, there),))
        sim.settle()
        connection = case.connect(sim)
        case.sync(connection)
        case.assert_equal_by_polling(sim, connection)  # what is edited meanwhile lands then
        assert edge <= set(case.ask("SELECT id FROM kustomer.conversation"))


def test_the_daily_reading_is_due_at_its_time(connect: Connect) -> None:
    """`daily_sync_time`, in the server's UTC: once after it, and not before."""
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0).timestamp()
    with Simulator(limits=UNLIMITED, wall=lambda: noon) as sim:
        connection = connect(sim, daily_sync_time="14:00")

        def listed() -> bool:
            sim.requests.clear()
            sync(connection, tables=["tag"])
            return sim.requests.count("/v1/tags") > 0

        assert listed()
        sim.clock.advance(7100)
        assert not listed()
        sim.clock.advance(200)
        assert listed()
        assert not listed()


def test_an_outage_is_waited_for_where_no_reply_carries_a_date(case: Case) -> None:
    """A host that refused connections for a moment is not one that can't be reached."""
    with case.org(date_header=False) as sim:
        port = int(sim.url.rpartition(":")[2])
        connection = case.connect(sim)
        sim._port = port  # it comes back where it was

        absence = threading.Thread(target=_restart, args=(sim,))

        def away(number: int) -> None:
            if number == 1:
                absence.start()

        sim.faults.rules.append(Meanwhile("/v1/teams", away))
        report = case.sync(connection, tables=["tag", "team", "user"])
        absence.join()
        assert report.status == "SUCCESSFUL", report.error
        assert report.tables["user"].rows
        case.assert_equal(sim, connection)


def _restart(sim: Simulator) -> None:
    sim.stop()
    time.sleep(4)
    while True:
        try:
            sim.start()
            break
        except OSError:  # some other process has its port
            time.sleep(1)
    sim.mutator.start(20)
