"""`status` tells how far a connection is, from its destination alone."""

from __future__ import annotations

import hashlib
import json
import os
import re
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kustomer_sync.cli import run
from kustomer_sync.cli.commands import _share
from kustomer_sync.cli.screen import standing
from kustomer_sync.destinations import destination
from kustomer_sync.kustomer import windows
from kustomer_sync.kustomer.windows import Caps
from kustomer_sync.report import Status, iso_of
from kustomer_sync.settings import Connection, load
from kustomer_sync.simulator import Limits, Simulator
from kustomer_sync.sync import Limits as Narrow
from kustomer_sync.sync import Resync, sync
from kustomer_sync.sync.status import status
from tests.acceptance.case import UNLIMITED, Case
from tests.acceptance.conftest import Meanwhile

Connect = Callable[..., Connection]
SMALL = Narrow(caps=Caps(60, 100), page_size=20, commit_records=40, workers=1)
OPEN = ("conversation", "customer", "company", "message", "note", "kobject")
"""Tables that a backfill cut off at its 30th search has not whole."""


def test_a_complete_connection_says_so_and_is_only_read(case: Case) -> None:
    """Rows, both ends of what is read, the last sync, the budgets; no request, no write."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, api_utilization_percentage=50)
        report = case.sync(connection)
        before = sim.requests.total
        there = hashlib.sha256(case.database.read_bytes()).hexdigest()
        found = status(connection)
        assert sim.requests.total == before
        assert hashlib.sha256(case.database.read_bytes()).hexdigest() == there
        for name, table in report.tables.items():
            assert found.tables[name].rows == table.rows
        talks = found.tables["conversation"].to_dict()
        assert talks["complete"]
        assert talks["complete_from"] is None
        assert talks["complete_to"] == report.tables["conversation"].cursor
        assert found.tables["tag"].listed_at is not None
        assert found.tables["conversation_tag"].reading == "child"
        assert found.last_sync is not None
        assert found.last_sync["sync_id"] == report.sync_id
        assert found.last_sync["status"] == "SUCCESSFUL"
        assert found.last_sync["requests"]["total"] == report.requests["total"]
        assert found.quota is not None
        assert found.quota["share"] == 50
        assert found.quota["searches"]["limit"] == UNLIMITED.search
        assert found.quota["searches"]["permitted"] == UNLIMITED.search // 2
        assert 0 < found.quota["searches"]["used"] <= report.requests["search"]
        later = datetime.now(UTC) + timedelta(minutes=2)
        used = status(connection, now=later).quota
        assert used is not None
        assert used["searches"]["used"] == used["requests"]["used"] == 0
        assert used["at"] == iso_of(later)


@contextmanager
def cut_off(connect: Connect, skip: int, **limits: int) -> Iterator[tuple[Simulator, Connection]]:
    """A backfill that ended at the search after `skip` others."""
    budget = {"org": 600, "search": 300, **limits}
    with Simulator(limits=Limits(**budget)) as sim:
        connection = connect(sim)
        sim.faults.add("expired", "search", skip=skip)
        assert sync(connection, limits=SMALL).status == "FAILURE"
        yield sim, connection


def test_an_unfinished_backfill_says_what_is_open_and_when_it_will_be_whole(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was counted and is not there, at the budget that all tables share."""
    monkeypatch.setattr(windows, "_LONG", 20)
    with cut_off(connect, skip=30) as (sim, connection):
        now = datetime.now(UTC)
        tables = status(connection, now=now).tables
        left = {name: sim.ledger.count(name) - tables[name].rows for name in OPEN}
        told = {name: tables[name].to_come for name in OPEN}
        # Old notes come from a list; a record on either side of two years may be counted twice.
        assert all(-8 <= (told[name] or 0) - n <= 2 for name, n in left.items())
        assert min(left.values()) > 0
        assert any(tables[name].complete is None for name in OPEN)
        searches = sum(-(-n // 20) for n in told.values() if n)
        ready = now + timedelta(minutes=searches / 270)
        assert {tables[name].complete_at for name in OPEN} == {iso_of(ready)}
        each = [tables[name] for name in ("conversation_time", "message_attachment")]
        assert [t.to_come for t in each] == [sim.ledger.count("conversation")] * 2
        ready += timedelta(minutes=sum(t.to_come or 0 for t in each) / 540)
        assert {t.complete_at for t in each} == {iso_of(ready)}
        sim.faults.clear()
        sim.faults.add("expired", "search", skip=30)  # the next sync goes on, and is cut off too
        sim.limits = UNLIMITED
        assert sync(connection, limits=SMALL).status == "FAILURE"
        tables = status(connection).tables
        left = {name: sim.ledger.count(name) - tables[name].rows for name in OPEN}
        assert all(-8 <= (tables[name].to_come or 0) - n <= 2 for name, n in left.items())
        assert max(left.values()) > 20
        sim.faults.clear()
        sync(connection)
        tables = status(connection).tables
        assert not any(t.open or t.to_come or t.complete_at for t in tables.values())


def test_what_is_not_counted_yet_has_no_time(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor has what shares its budget, or is asked for by it; that is said."""
    monkeypatch.setattr(windows, "_LONG", 20)
    with cut_off(connect, skip=14) as (sim, connection):
        found = status(connection)
        told = {name: found.tables[name].to_come for name in OPEN}
        assert told["message"] is None
        assert told["conversation"] == sim.ledger.count("conversation") - 20
        assert not any(t.complete_at for t in found.tables.values())
        standing(found, to_stdout=True)
        shown = capsys.readouterr().out
        assert "about 130 records to come, complete at an unknown time" in shown
        assert "what is to come is not counted yet" in shown


def test_what_is_asked_for_by_others_has_its_time_when_these_are_there(connect: Connect) -> None:
    """One request for each conversation that was not asked by; no other counts."""
    with Simulator(limits=Limits(org=600, search=100_000)) as sim:
        connection = connect(sim)
        sim.faults.add("expired", "/times", skip=50)
        sync(connection)
        now = datetime.now(UTC)
        found = status(connection, now=now).tables["conversation_time"]
        assert found.to_come == sim.ledger.count("conversation")
        assert found.complete_at == iso_of(now + timedelta(minutes=found.to_come / 540))


def test_a_list_that_a_resync_did_not_come_to_is_to_be_re_imported(
    connect: Connect, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says no time at which it never was re-imported."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        sync(connection)
        sim.faults.add("expired", "/v1/tags")
        assert sync(connection, resync=Resync()).status == "FAILURE"
        found = status(connection)
        assert found.tables["tag"].listed_at is None
        standing(found, to_stdout=True)
        shown = capsys.readouterr().out
        assert "to be re-imported" in shown
        assert "1970" not in shown
        sim.faults.clear()
        sync(connection)
        assert status(connection).tables["tag"].listed_at is not None


def test_a_table_that_can_not_be_read_says_so_and_keeps_no_other_from_its_time(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once it can be, it is like any other."""
    monkeypatch.setattr(windows, "_LONG", 20)

    def denied() -> set[str]:
        return {name for name, t in status(connection).tables.items() if t.denied}

    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        sim.revoke_role("search.create")
        sync(connection, limits=SMALL)
        assert denied() == {*OPEN}
        sim.grant_role("search.create")
        sim.faults.add("forbidden", "/times")
        sync(connection, tables=["conversation", "conversation_time"], limits=SMALL)
        assert denied() == {*OPEN, "conversation_time"} - {"conversation"}
        sim.faults.add("expired", "search", skip=40)
        sync(connection, limits=SMALL)
        found = status(connection)
        assert denied() == {"conversation_time"}
        assert found.tables["conversation_time"].to_come is None
        assert found.tables["message_attachment"].complete_at is not None
        standing(found, to_stdout=True)
        assert "could not be read" in capsys.readouterr().out
        sim.faults.clear()
        sync(connection)
        assert denied() == set()


def test_a_sync_that_was_killed_is_not_over(connect: Connect) -> None:
    """Each commit says that it runs, and of which budgets; none is made for that."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        seen: list[object] = []

        def look(_: int) -> None:
            there = destination(
                connection.destination_url, schema="kustomer", system_prefix="_fivetran_",
                memory_limit="128MB", hold_seconds=0,
            )  # fmt: skip
            if (state := there.state()).get("last_sync"):
                seen.append((state["last_sync"]["status"], state["last_sync"]["ended_at"]))
                assert state["quota"]["requests"]["used"] > 0
                later = datetime.now(UTC) + timedelta(hours=2)
                told = status(connection, now=later).quota
                assert told is not None
                assert told["at"] == state["quota"]["at"]
                assert told["requests"]["used"] == state["quota"]["requests"]["used"]

        sim.faults.rules.append(Meanwhile("/v1/users", look))
        sync(connection, tables=["tag", "team", "user"], reimport=True)
        assert set(seen) == {("RUNNING", None)}


TWO = """
[connections.acme]
base_url = "{url}"
access_token = "demo-key"
destination = "duckdb:///acme.duckdb"
index_lag_seconds = 0
api_utilization_percentage = {share}

[connections.other]
domain = "other"
access_token = "demo-key"
destination = "duckdb:///other.duckdb"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "kustomer-sync.toml"


def test_the_command_tells_of_one_connection_or_of_all(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that was never synced too; nothing is made."""
    with Simulator(limits=UNLIMITED) as sim:
        folder.write_text(TWO.format(url=sim.url, share=90))
        assert run(["sync", "acme", "--table", "tag"]) == 0
    capsys.readouterr()
    assert run(["status"]) == 0
    told = capsys.readouterr().out
    assert "re-imported" in told
    assert "SUCCESSFUL" in told
    assert "Nothing was synced yet" in told
    assert run(["status", "acme", "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["connections"]
    assert one["tables"]["tag"]["rows"] == 30
    assert one["last_sync"]["status"] == "SUCCESSFUL"
    assert run(["status", "acne"]) == 2
    assert "acme" in capsys.readouterr().err
    assert not Path("other.duckdb").exists()


def test_the_key_is_not_needed(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks Kustomer nothing, so it runs where the key's variable is not set."""
    monkeypatch.delenv("NOT_SET_ANYWHERE", raising=False)
    text = TWO.format(url="http://127.0.0.1:9", share=90)
    folder.write_text(text.replace('"demo-key"', '"env:NOT_SET_ANYWHERE"'))
    assert run(["status"]) == 0
    assert "Nothing was synced yet" in capsys.readouterr().out
    assert run(["sync", "acme"]) == 2


def test_what_people_read_has_one_kind_of_time(
    connect: Connect, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that runs may have been killed; what it used is told of when it last wrote."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        sync(connection, tables=["tag", "company", "conversation"])
    found = status(connection)
    assert found.last_sync is not None
    assert found.quota is not None
    at = "2026-01-02T03:04:05.678Z"
    found.last_sync |= {"status": "RUNNING", "ended_at": None, "started_at": at}
    found.quota |= {"at": "2026-01-02T03:05:06.789Z"}
    reset = {"resets_at": "2026-01-02T03:05:40.678Z"}
    found.quota["searches"] |= reset | {"limit": 16, "permitted": 4, "used": 3}
    found.quota["requests"] |= reset
    standing(found, to_stdout=True, now=datetime(2026, 1, 2, 3, 5, 8, tzinfo=UTC))
    told = capsys.readouterr().out
    assert (
        "Last sync: RUNNING, or killed, started 2026-01-02 03:04:05 UTC, "
        "last wrote 2026-01-02 03:05:06 UTC." in told
    )
    used = "Budget of searches: 16 a minute, 4 permitted (90 %), 3 used in the minute before "
    assert f"{used}2026-01-02 03:05:06 UTC (1.2 s ago), resets 2026-01-02 03:05:40 UTC." in told
    assert told.count("resets 2026-01-02 03:05:40 UTC.") == 2
    assert not re.search(r"\dT\d", told)
    standing(found, to_stdout=True, now=datetime(2026, 1, 2, 3, 6, 22, tzinfo=UTC))
    told = capsys.readouterr().out
    assert f"{used}2026-01-02 03:05:06 UTC (1 min 15 s ago).\n" in told
    assert "resets" not in told


def test_a_limit_that_kustomer_did_not_tell_is_no_fact(
    connect: Connect, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before a first search."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim, api_utilization_percentage=50)
        sync(connection, tables=["tag"])
        standing(status(connection), to_stdout=True)
        told = capsys.readouterr().out
        untold = "not told by Kustomer in the last sync; of 100 a minute, as documented"
        assert f"searches: {untold}, 50 perm" in told
        assert f"Budget of requests: {UNLIMITED.org:,} a minute, " in told
        sync(connection, tables=["company"])
        standing(status(connection), to_stdout=True)
        assert "not told" not in capsys.readouterr().out


def test_a_share_changed_in_the_file_counts_for_the_sync_that_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its next request on."""
    monkeypatch.setattr("kustomer_sync.kustomer.quota._LOOK", 0.0)
    with Simulator(limits=UNLIMITED) as sim:
        text = TWO.format(url=sim.url, share=90)
        folder.write_text(text)

        def less(number: int) -> None:
            if number == 1:
                folder.write_text(text.replace("= 90", "= 40"))

        sim.faults.rules.append(Meanwhile("/v1/teams", less))
        assert run(["sync", "acme", "--table", "team", "--table", "user"]) == 0
    quota = status(load(folder, "acme")).quota
    assert quota is not None
    assert quota["share"] == 40
    assert quota["requests"]["permitted"] == UNLIMITED.org * 40 // 100


def test_a_comparison_takes_a_changed_share_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quarter of the limit is too little for it, nine tenths are enough."""
    monkeypatch.setattr("kustomer_sync.kustomer.quota._LOOK", 0.0)
    only = ["--table", "team", "--table", "user"]
    with Simulator(limits=UNLIMITED) as sim:
        text = TWO.format(url=sim.url, share=90)
        text = text.replace("[connections.other]", "max_wait_minutes = 0\n[connections.other]")
        folder.write_text(text)
        assert run(["sync", "acme", *only]) == 0
        sim.limits = Limits(org=8, search=8)
        sim.clock.advance(61)
        folder.write_text(text.replace("= 90", "= 25"))
        assert run(["verify", "acme", *only]) == 3

        def more(_: int) -> None:
            folder.write_text(text)

        sim.faults.rules.append(Meanwhile("/v1/teams", more))
        sim.clock.advance(61)
        assert run(["verify", "acme", *only]) == 0


def test_a_share_changed_in_the_file_counts_for_what_is_told(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether or not a sync ran since: what is permitted, and when it will be whole."""
    monkeypatch.setattr(windows, "_LONG", 20)
    with cut_off(connect, skip=30) as (sim, connection):
        now = datetime.now(UTC)
        less = connect(sim, api_utilization_percentage=45)
        before, after = status(connection, now=now), status(less, now=now)
    assert after.quota is not None
    assert after.quota["share"] == 45
    assert after.quota["searches"]["permitted"] == 135
    assert after.quota["requests"]["permitted"] == 270

    def wait(found: Status) -> float:
        told = found.tables["message"].complete_at
        assert told is not None
        return (datetime.fromisoformat(told) - now).total_seconds()

    assert wait(after) == pytest.approx(2 * wait(before), abs=0.01)


def test_a_changed_file_that_can_not_be_used_is_said_once_and_changes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The share stays until the file is good again."""
    folder.write_text(TWO.format(url="http://127.0.0.1:9", share=90))
    asked = Namespace(
        config=folder, name="acme", domain=None, access_token=None, base_url=None,
        destination=None, schema=None,
    )  # fmt: skip
    share = _share(asked, load(folder, "acme"))
    assert share is not None
    assert share() == 90
    folder.write_text(TWO.format(url="http://127.0.0.1:9", share=300))
    assert [share(), share(), share()] == [90, 90, 90]
    error = capsys.readouterr().err
    assert error.count("Warning") == 1
    assert "25 to 90" in error
    folder.unlink()
    assert share() == 90
    folder.write_text(TWO.format(url="http://127.0.0.1:9", share=60.5))
    assert share() == 60.5
    os.utime(folder, (1, 1))
    assert share() == 60.5
    assert capsys.readouterr().err == ""


def test_when_others_use_the_budget_up_it_goes_on_later_without_loss(case: Case) -> None:
    """RESCHEDULED, not failed, and no request refused; with another share the rest is read."""
    with case.org(limits=Limits(org=100_000, search=100_000)) as sim:
        first = case.connect(sim, max_wait_minutes=0, api_utilization_percentage=90)
        drained = Limits(100_000, 100_000, other_searches=10**12)
        sim.faults.rules.append(
            Meanwhile("search", lambda n: setattr(sim, "limits", drained) if n == 4 else None)
        )
        report = case.sync(first)
        assert report.status == "RESCHEDULED"
        assert report.exit_code == 3
        assert report.error is not None
        assert report.error.code == "rescheduled"
        told = status(first)
        assert told.last_sync is not None
        assert told.last_sync["status"] == "RESCHEDULED"
        sim.faults.clear()
        sim.limits = UNLIMITED
        case.assert_equal(sim, case.connect(sim, api_utilization_percentage=25))
