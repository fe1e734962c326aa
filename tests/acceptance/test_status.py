"""`status` tells how far a connection is, from its destination alone."""

from __future__ import annotations

import hashlib
import json
import os
import re
from argparse import Namespace
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kustomer_sync.cli import run
from kustomer_sync.cli.commands import _share
from kustomer_sync.cli.screen import standing
from kustomer_sync.destinations import destination
from kustomer_sync.kustomer.windows import Caps
from kustomer_sync.settings import Connection, load
from kustomer_sync.simulator import Limits, Simulator
from kustomer_sync.sync import Limits as Narrow
from kustomer_sync.sync import sync
from kustomer_sync.sync.status import status
from tests.acceptance.case import UNLIMITED, Case
from tests.acceptance.conftest import Meanwhile

Connect = Callable[..., Connection]
SMALL = Narrow(caps=Caps(60, 100), page_size=20, commit_records=40, workers=1)


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


def test_an_unfinished_backfill_says_what_is_open_and_when_it_will_be_whole(
    connect: Connect,
) -> None:
    """By the density so far and the searches permitted; unknown where nothing tells."""
    with Simulator(limits=Limits(org=100_000, search=300)) as sim:
        connection = connect(sim)
        sim.faults.add("expired", "search", skip=14)
        report = sync(connection, limits=SMALL)
        assert report.status == "FAILURE"
        now = datetime.now(UTC)
        found = status(connection, now=now)
        assert found.last_sync is not None
        assert found.last_sync["status"] == "FAILURE"
        open_ = {name: t for name, t in found.tables.items() if t.reading == "search" and t.open}
        known = {name: t.complete_at for name, t in open_.items() if t.complete is not None}
        assert known
        left = sum(-(-(sim.ledger.count(name) - open_[name].rows) // 20) for name in known)
        for at in known.values():
            assert at is not None
            minutes = (datetime.fromisoformat(at) - now) / timedelta(minutes=1)
            assert left / 3 < minutes * 270 < left * 3
        assert all(t.complete_at is None for t in open_.values() if t.complete is None)
        sim.faults.clear()
        sync(connection, limits=SMALL)
        assert not any(t.open for t in status(connection).tables.values())


def test_a_sync_that_was_killed_is_not_over(connect: Connect) -> None:
    """Each commit says that it runs, and of which budgets; none is made for that."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        seen: list[object] = []

        def look(_: int) -> None:
            there = destination(
                connection.destination_url, schema="kustomer", system_prefix="_fivetran_",
                memory_limit="128MB",
            )  # fmt: skip
            if (state := there.state()).get("last_sync"):
                seen.append((state["last_sync"]["status"], state["last_sync"]["ended_at"]))
                assert state["quota"]["requests"]["used"] > 0

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
    """One that runs may have been killed; a budget that is back is back now."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        sync(connection, tables=["tag", "company", "conversation"])
    found = status(connection)
    assert found.last_sync is not None
    assert found.quota is not None
    at = "2026-01-02T03:04:05.678Z"
    found.last_sync |= {"status": "RUNNING", "ended_at": None, "started_at": at}
    found.quota |= {"at": "2026-01-02T03:05:06.789Z"}
    found.quota["searches"] |= {"resets_at": at}
    found.quota["requests"] |= {"resets_at": at}
    standing(found, to_stdout=True, now=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    told = capsys.readouterr().out
    assert (
        "Last sync: RUNNING, or killed, started 2026-01-02 03:04:05 UTC, "
        "last wrote 2026-01-02 03:05:06 UTC." in told
    )
    assert told.count("resets 2026-01-02 03:04:05 UTC.") == 2
    assert not re.search(r"\dT\d", told)
    standing(found, to_stdout=True, now=datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC))
    assert capsys.readouterr().out.count("resets now.") == 2


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
        drained = Limits(100_000, 100_000, other_searches=100_000_000)
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
