"""What other servers do where the documents are silent costs no row and no false warning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import pytest

from kustomer_sync.settings import Connection
from kustomer_sync.simulator import Simulator, Switches
from kustomer_sync.sync import Resync, sync
from tests.acceptance.case import UNLIMITED, Case, living

Connect = Callable[..., Connection]
Query = Callable[[str], list[tuple[Any, ...]]]
DAY = 24 * 3600


def test_companies_that_no_search_knows_are_listed_once_a_day(
    connect: Connect, query: Query
) -> None:
    """With their deletes; nothing says that a role is missing."""
    with Simulator(switches=Switches(company_context=False), limits=UNLIMITED) as sim:
        connection = connect(sim)
        first = sync(connection, tables=["company"])
        assert first.warnings == []
        assert first.tables["company"].rows == len(sim.ledger.records("company")) > 0
        gone, changed = sim.id("company", 1), sim.id("company", 2)
        sim.hard_delete("company", gone)
        sim.edit("company", changed, {"name": "Anew"})
        assert sync(connection, tables=["company"]).tables["company"].deleted == 0
        sim.clock.advance(DAY + 60)
        later = sync(connection, tables=["company"])
        assert later.warnings == []
        assert query("SELECT id FROM kustomer.company WHERE _fivetran_deleted") == [(gone,)]
        assert query(f"SELECT name FROM kustomer.company WHERE id = '{changed}'") == [("Anew",)]
        sim.edit("company", changed, {"name": "Again"})
        sync(connection, tables=["company"], resync=Resync(("company",)))
        assert query(f"SELECT name FROM kustomer.company WHERE id = '{changed}'") == [("Again",)]


def test_a_search_that_is_refused_is_no_missing_role(connect: Connect) -> None:
    """What Kustomer said is told."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        sim.faults.add("status", "/v1/customers/search", value=400)
        report = sync(connection, tables=["customer"])
        assert {warning.code for warning in report.warnings} == {"not_read"}


@pytest.mark.parametrize("links", ["object", "none"])
def test_a_list_is_read_to_its_end_however_it_says_that_it_goes_on(
    connect: Connect, query: Query, links: Literal["object", "none"]
) -> None:
    """Its pages are smaller than was asked for."""
    switches = Switches(list_links=links, list_max_page_size=10)
    with Simulator(switches=switches, limits=UNLIMITED) as sim:
        report = sync(connect(sim), tables=["tag", "team"])
        assert report.warnings == []
        for table in ("tag", "team"):
            there = {one for (one,) in query(f"SELECT id FROM kustomer.{table}")}
            assert there == {version.id for version in sim.ledger.current(table)}
        assert report.tables["tag"].rows > 10


@pytest.mark.parametrize("says", ["links", "nothing"])
def test_a_search_is_read_to_its_end_whether_it_says_where_that_is(
    case: Case, says: Literal["links", "nothing"]
) -> None:
    """Its total is documented, as its links are."""
    case = replace(case, size=max(case.size, 7))
    with case.org(rate=0, search_says=says) as sim:
        connection = case.connect(sim)
        said = {warning.code for warning in case.sync(connection).warnings}
        assert said.isdisjoint({"window_incomplete", "not_read"})
        sim.mutator.start(case.rate)
        case.sync(connection)
        sim.mutator.step(60)
        case.assert_equal(sim, connection)


@pytest.mark.parametrize(
    ("linked", "past"), [(True, "empty"), (False, "empty"), (False, "404"), (False, "400")]
)
def test_a_list_that_says_nothing_of_its_end_is_read_to_it(
    connect: Connect, query: Query, linked: bool, past: Literal["empty", "404", "400"]
) -> None:
    """As the published list of events is: more than a page of them to one conversation.

    Scripts saw 400 and 404 past the last page.
    """
    switches = Switches(events_linked=linked, past_last_page=past)
    with Simulator(switches=switches, limits=UNLIMITED) as sim:
        talk = next(living(sim, "conversation", 3))
        for n in range(230):
            sim.clock.advance(1)
            sim.edit("conversation", talk, {"priority": 1 + n % 5})
        sim.clock.advance(60)
        connection = connect(sim, tables={"conversation_event": {}})
        report = sync(connection, tables=["conversation", "conversation_event"])
        assert report.warnings == []
        found = f"SELECT count(*) FROM kustomer.conversation_event WHERE conversation_id = '{talk}'"
        assert query(found) == [(231,)]


@pytest.mark.parametrize("status", [400, 404])
def test_notes_need_no_metadata(connect: Connect, status: int) -> None:
    """The resources that have metadata are documented without `note`, which has attributes."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        sim.faults.add("status", "/v1/metadata/note", value=status)
        report = sync(connection, tables=["note", "custom_attribute_metadata"])
        assert report.warnings == []


def test_a_deleted_record_is_missed_where_ids_alone_are_refused(
    connect: Connect, query: Query
) -> None:
    """The daily comparison counts without them."""
    switches = Switches(ids_only="refused", sorts="customers")
    with Simulator(switches=switches, limits=UNLIMITED) as sim:
        connection = connect(sim)
        sync(connection, tables=["company"])
        gone = sim.id("company", 1)
        sim.hard_delete("company", gone)
        sim.clock.advance(DAY + 60)
        assert sync(connection, tables=["company"]).warnings == []
        assert query("SELECT id FROM kustomer.company WHERE _fivetran_deleted") == [(gone,)]
