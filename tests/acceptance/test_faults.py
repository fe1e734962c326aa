"""What goes wrong on the way to Kustomer costs time, never rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kustomer_sync.errors import KeyRefused
from kustomer_sync.settings import Connection
from kustomer_sync.simulator import Simulator
from kustomer_sync.simulator.faults import FaultName
from kustomer_sync.sync import Limits, sync
from tests.acceptance.conftest import UNLIMITED
from tests.acceptance.truth import differences

Connect = Callable[..., Connection]
SMALL = Limits(page_size=40, page_seconds=1.5)


@pytest.mark.parametrize(
    ("name", "value"),
    [("status", 429), ("status", 500), ("status", 503), ("html", None), ("empty", None),
     ("reset", None), ("reset_body", None), ("cut_short", None), ("truncated", None),
     ("slow", 300), ("delay", 1), ("timed_out", None), ("duplicate_page", None), ("overlap", 10),
     ("repeat", None), ("shift", 3), ("wrong_total", 7), ("bad_utf8", None),
     ("surrogate", None)],
)  # fmt: skip
def test_a_passing_fault_loses_nothing(
    connect: Connect, database: Path, name: FaultName, value: float | None
) -> None:
    """Five searches go wrong in each way; the rows are the org's all the same."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        fault = sim.faults.add(name, "search", times=5, probability=0.4, value=value)
        report = sync(connection, limits=SMALL)
        assert report.status == "SUCCESSFUL", report.error
        assert fault.fired == 5
        if name == "shift":  # what it changed is read by the next sync
            sim.clock.advance(2)
            sync(connection)
        assert differences(sim, database) == []
        assert report.requests["rate_limited"] == (5 if value == 429 else 0)


@pytest.mark.parametrize("name", ["next_foreign", "next_self"])
def test_a_link_that_leads_astray_is_not_followed(
    connect: Connect, database: Path, name: FaultName
) -> None:
    """The sync fails and says so; the key goes to no other host; the next sync is whole."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        sim.faults.add(name, "/v1/tags", times=5)
        report = sync(connection)
        assert report.exit_code == 1
        assert report.error is not None
        assert "link" in report.error.message
        sim.faults.clear()
        assert sync(connection).status == "SUCCESSFUL"
        assert differences(sim, database) == []


def test_a_listing_that_fails_half_way_flags_nothing(connect: Connect, database: Path) -> None:
    """A shortened listing is read again before anything is believed gone."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        sync(connection)
        sim.faults.add("shift", "/v1/users", times=1)
        report = sync(connection, reimport=True)
        assert report.tables["user"].deleted == 0
        sync(connection, reimport=True)  # the shift was a change of its own
        assert differences(sim, database) == []


def test_an_expired_key_ends_the_sync_and_what_was_read_stays(
    connect: Connect, database: Path
) -> None:
    """Exit code 1 after it began, 2 before; with a new key nothing is missing."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        sim.faults.add("expired", "search", times=1, skip=5)
        report = sync(connection, limits=SMALL)
        assert report.exit_code == 1
        assert report.error is not None
        assert "expired" in report.error.message
        sim.expire_key()
        with pytest.raises(KeyRefused):
            sync(connection)
        sim.expire_key(False)
        assert sync(connection).status == "SUCCESSFUL"
        assert differences(sim, database) == []


def test_a_withdrawn_role_costs_its_table_and_no_other(connect: Connect, database: Path) -> None:
    """A warning names the role; given back, the rows come."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        sim.revoke_role("org.permission.user.read")
        report = sync(connection)
        assert report.exit_code == 0
        (warning,) = (w for w in report.warnings if w.code == "role_missing")
        assert "org.permission.user.read" in warning.message
        assert report.tables["user"].rows == 0
        assert report.tables["message"].rows == 600
        sim.grant_role("org.permission.user.read")
        assert sync(connection).status == "SUCCESSFUL"
        assert differences(sim, database) == []


def test_without_the_search_role_the_listed_tables_still_come(connect: Connect) -> None:
    """Each searched table costs a warning; the sync succeeds."""
    with Simulator(limits=UNLIMITED) as sim:
        sim.revoke_role("search.create")
        report = sync(connect(sim))
        assert report.exit_code == 0
        said = " ".join(w.message for w in report.warnings if w.code == "role_missing")
        assert all(name in said for name in ("customer", "conversation", "message", "kobject"))
        assert report.tables["tag"].rows == 30
        assert report.tables["customer"].rows == 0


def test_searches_that_always_time_out_end_the_sync(connect: Connect) -> None:
    """Instead of being cut and asked for ever; the next sync is whole."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        sim.faults.add("timed_out", "search")
        report = sync(connection, limits=Limits(retry_seconds=1))
        assert report.exit_code == 1
        assert report.error is not None
        assert "timed out" in report.error.message
        assert report.tables["tag"].rows == 30
        assert report.tables["message"].cursor is None
