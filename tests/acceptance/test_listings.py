"""A listed table is what Kustomer lists, and a list that lies flags nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import duckdb
import pytest

from kustomer_sync.kustomer.client import Client
from kustomer_sync.kustomer.quota import Quota
from kustomer_sync.kustomer.singly import messages_of
from kustomer_sync.settings import Connection
from kustomer_sync.simulator import Simulator, Switches
from kustomer_sync.simulator.faults import FaultName
from kustomer_sync.sync import Limits, sync
from tests.acceptance.case import TINY, UNLIMITED, Case
from tests.acceptance.conftest import Meanwhile

Connect = Callable[..., Connection]
Query = Callable[[str], list[tuple[Any, ...]]]
FLAGGED = "SELECT count(*) FROM kustomer.tag WHERE _fivetran_deleted"


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("name", ["duplicate_page", "overlap", "repeat"])
def test_a_list_that_repeats_itself_is_read_again(case: Case, name: FaultName, times: int) -> None:
    """A page came in the place of another, whose records are new: they are there all the same.

    At once; if it came in both readings, with the next sync.
    """
    with case.org(list_max_page_size=3) as sim:
        users = {(version.id,) for version in sim.ledger.current("user")}
        fault = sim.faults.add(name, r"/v1/users\?.*page=2", times=times, value=3)
        connection = case.connect(sim)
        for _ in range(times):
            assert case.sync(connection).status == "SUCCESSFUL"
        assert fault.fired == times
        assert users <= set(case.ask("SELECT id FROM kustomer.user"))
        case.assert_equal(sim, connection)


@pytest.mark.parametrize("times", [1, 2])
def test_what_slid_to_a_page_already_read_is_read_all_the_same(
    connect: Connect, query: Query, times: int
) -> None:
    """One of page 1 is erased before page 2 comes; in both readings, the next sync has it."""
    with Simulator(scale=TINY, limits=UNLIMITED, switches=Switches(list_max_page_size=3)) as sim:
        first = sorted(version.id for version in sim.ledger.current("team"))

        def erase(number: int) -> None:
            if number <= times:
                sim.hard_delete("team", first[number - 1])

        sim.faults.rules.append(Meanwhile(r"/v1/teams\?page=2", erase))
        connection = connect(sim)
        for _ in range(times):
            sync(connection, tables=["team"])
        there = {one for (one,) in query("SELECT id FROM kustomer.team")}
        assert {version.id for version in sim.ledger.current("team")} <= there


@pytest.mark.parametrize("erased", [0, 1, 3])
def test_a_list_below_a_parent_that_shifts_is_read_until_it_does_not(erased: int) -> None:
    """Each time one of page 1 is erased before page 2 comes; all that are left are told."""
    with Simulator(limits=UNLIMITED, switches=Switches(list_max_page_size=1)) as sim:
        talk = sim.id("conversation", 5)
        for n in range(4):
            sim.create("message", {"preview": str(n)}, {"conversation": talk})

        def erase(number: int) -> None:
            if number <= erased:
                sim.hard_delete("message", left()[0])

        def left() -> list[str]:
            of = [(v.id, v.record) for v in sim.ledger.current("message")]
            return sorted(i for i, r in of if r and of_talk(r) == talk)

        def of_talk(record: dict[str, Any]) -> Any:
            return record["relationships"]["conversation"]["data"]["id"]

        sim.faults.rules.append(Meanwhile(r"/messages\?page=2", erase))
        quota = Quota(90, max_wait=9, clock=time.monotonic, stop=threading.Event())
        client = Client(sim.url, sim.token, quota)
        found = messages_of(client, "conversations", talk)
        client.close()
        assert {record["id"] for record in found} == {*left()}


def test_a_list_of_one_page_is_read_once(connect: Connect) -> None:
    """It can't shift."""
    with Simulator(scale=TINY, limits=UNLIMITED) as sim:
        sync(connect(sim), tables=["team"])
        assert sum("/v1/teams" in line.path for line in sim.requests.lines) == 1


@pytest.mark.parametrize("path", ["/v1/metadata/customer", "/v1/klasses.*status=disabled"])
def test_what_was_refused_in_part_is_read_as_soon_as_a_role_is_given(case: Case, path: str) -> None:
    """Not a day later: the metadata of one resource, and the klasses of one status."""
    tables = ("customer", "kobject", "klass", "_kustomer_sync_metadata")
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=tables)
        sim.faults.add("status", path, value=403)
        report = case.sync(connection)
        said = "\n".join(w.message for w in report.warnings)
        assert ("The klasses that are disabled could not be listed" in said) == ("klass" in path)
        assert "_kustomer_sync_metadata" not in said
        sim.faults.clear()
        sim.clock.advance(60)
        case.sync(connection)
        rows = "SELECT count(*) FROM kustomer.custom_attribute_metadata WHERE resource = 'customer'"
        assert case.ask(rows) > [(0,)]
        assert case.differences(sim, connection) == []


def test_of_metadata_only_what_was_refused_is_asked_for_at_every_sync(case: Case) -> None:
    """Of the other resources once a day; what a `--table` left out is not asked for."""
    tables = ("customer", "conversation", "tag", "_kustomer_sync_metadata")
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=tables)
        sim.faults.add("status", "/v1/metadata/conversation", value=403)
        case.sync(connection)
        for only, asked in (((), 1), (("conversation",), 1), (("customer", "tag"), 0)):
            sim.clock.advance(60)
            sim.requests.clear()
            case.sync(connection, tables=only)
            assert sim.requests.count("/v1/metadata") == asked
        sim.faults.clear()
        sim.clock.advance(60)
        case.sync(connection)
        assert case.differences(sim, connection) == []
        sim.requests.clear()
        case.sync(connection)
        assert sim.requests.count("/v1/metadata") == 0


@pytest.mark.parametrize("status", [403, 500])
def test_metadata_of_notes_that_was_there_and_is_refused_is_not_gone(
    case: Case, status: int
) -> None:
    """It is not documented that there is any; where there is, a refusal says nothing of it."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("note", "_kustomer_sync_metadata"))
        case.sync(connection)
        with duckdb.connect(str(case.database)) as db:
            db.execute(
                "INSERT INTO kustomer._kustomer_sync_metadata BY NAME SELECT * "
                "REPLACE ('note' AS id) FROM kustomer._kustomer_sync_metadata LIMIT 1"
            )
        sim.faults.add("status", "/v1/metadata/note", value=status)
        case.sync(connection, reimport=True, limits=Limits(retry_seconds=0.5))
        flagged = "SELECT _fivetran_deleted FROM kustomer._kustomer_sync_metadata WHERE id = 'note'"
        assert case.ask(flagged) == [(False,)]
        sim.faults.clear()
        case.sync(connection, reimport=True)
        assert case.ask(flagged) == [(True,)]


def test_a_list_that_never_ends_is_given_up(case: Case) -> None:
    """The same page for ever: a warning says so, what it shows is there, nothing is flagged."""
    with case.org() as sim:
        sim.faults.add("repeat", "/v1/tags")
        report = case.sync(case.connect(sim), tables=["tag"])
        assert report.status == "SUCCESSFUL"
        (said,) = (w.message for w in report.warnings if w.code == "listing_incomplete")
        assert "without bringing anything new" in said
        assert report.tables["tag"].rows > 0
        assert sim.requests.total < 20


def test_a_list_that_is_cut_off_flags_nothing(connect: Connect, query: Query) -> None:
    """Over 100 pages: it may have ended early, which a warning says."""
    switches = Switches(list_max_page_size=1)
    with Simulator(limits=UNLIMITED, switches=switches) as sim:
        connection = connect(sim)
        for n in range(75):
            sim.create("tag", {"name": f"more {n}"})
        sim.hard_delete("tag", sim.create("tag", {"name": "gone"}))
        sync(connection, tables=["tag"])
        sim.switches = replace(switches, list_depth_cap=100)
        report = sync(connection, tables=["tag"], reimport=True)
        assert "listing_incomplete" in {w.code for w in report.warnings}
        assert report.tables["tag"].rows == 105
        assert query(FLAGGED) == [(0,)]


@pytest.mark.parametrize("cap", [20, 10])
def test_what_a_list_lacks_and_a_look_by_id_shows_is_not_flagged(
    connect: Connect, query: Query, cap: int
) -> None:
    """Two lists that end too early; one that shrank by more than half is said first."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        sync(connection, tables=["tag"])
        sim.switches = Switches(list_depth_cap=cap)
        report = sync(connection, tables=["tag"], reimport=True)
        assert report.tables["tag"].deleted == 0
        assert ("listing_shrank" in {w.code for w in report.warnings}) is (cap == 10)
        assert query(FLAGGED) == [(0,)]


def test_a_list_that_shrank_once_flags_nothing(connect: Connect, query: Query) -> None:
    """The second list has what the first lacked, and the path by id tells nothing."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        sync(connection, tables=["tag"])
        sim.faults.rules.append(
            Meanwhile(
                r"/v1/tags\?",
                lambda number: setattr(
                    sim, "switches", Switches(list_depth_cap=10 if number < 3 else 10_000)
                ),
            )
        )
        sim.faults.add("status", r"/v1/tags/[0-9a-f]{24}", value=400)
        assert sync(connection, tables=["tag"], reimport=True).tables["tag"].deleted == 0
        assert query(FLAGGED) == [(0,)]


def test_a_list_that_is_refused_flags_nothing(case: Case) -> None:
    """A role withdrawn after the first sync leaves the rows as they are."""
    with case.org() as sim:
        connection = case.connect(sim)
        case.sync(connection, tables=["tag"])
        before = case.ask("SELECT * FROM kustomer.tag ORDER BY ALL")
        sim.hard_delete("tag", sim.id("tag", 2))
        sim.revoke_role("org.permission.tag.read")
        report = case.sync(connection, tables=["tag"], reimport=True)
        assert report.status == "SUCCESSFUL"
        assert "role_missing" in {w.code for w in report.warnings}
        assert case.ask("SELECT * FROM kustomer.tag ORDER BY ALL") == before
        sim.grant_role("org.permission.tag.read")
        case.assert_equal(sim, connection)
