"""Looks by id and by parent: each in its turn, at the likeliest place first, and told once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import pytest

from kustomer_sync.settings import Connection
from kustomer_sync.simulator import Simulator, Switches
from kustomer_sync.sync import sync
from tests.acceptance.case import TINY, UNLIMITED, Case, living
from tests.acceptance.conftest import Meanwhile

Connect = Callable[..., Connection]
Query = Callable[[str], list[tuple[Any, ...]]]


def merged(sim: Simulator, case: Case) -> tuple[str, int]:
    """A customer with KObjects that is merged into another, and how many it had."""
    ((source, count), *_) = case.ask(
        "SELECT customer_id, count(*) FROM kustomer.kobject WHERE NOT _fivetran_deleted "
        "AND customer_id IN (SELECT id FROM kustomer.customer WHERE NOT deleted) "
        "AND id NOT IN (SELECT id FROM kustomer.kobject_imported_case) "
        "GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    sim.merge(source, next(one for one in living(sim, "customer", 2) if one != source))
    return source, count


@pytest.fixture
def kobjects(database: Any) -> Case:
    return Case(500, 10_000, database)


def test_a_kobject_is_looked_for_in_its_own_klass_first(kobjects: Case) -> None:
    """One request for each that a merge moved, however many klasses there are."""
    with kobjects.org(rate=0, merge_bumps_updated_at=False) as sim:
        connection = kobjects.connect(sim, tables=["customer", "kobject"])
        kobjects.sync(connection)
        source, count = merged(sim, kobjects)
        sim.clock.advance(60)
        sim.requests.clear()
        kobjects.sync(connection)
        assert sim.requests.count("/v1/klasses/[^/]+/{id}") == count > 0
        moved = f"SELECT count(*) FROM kustomer.kobject WHERE customer_id = '{source}'"
        assert kobjects.ask(moved) == [(0,)]


def test_a_klass_that_is_forbidden_does_not_hide_the_others(kobjects: Case) -> None:
    """A KObject whose klass is not known is found behind the one that is refused."""
    with kobjects.org(rate=0, merge_bumps_updated_at=False) as sim:
        connection = kobjects.connect(sim, tables=["customer", "kobject"])
        kobjects.sync(connection)
        source, _ = merged(sim, kobjects)
        with duckdb.connect(str(kobjects.database)) as db:
            for klass in ("order", "shipment_event", "reservation"):
                db.execute(f"DELETE FROM kustomer.kobject_{klass}")
        sim.clock.advance(60)
        fault = sim.faults.add("forbidden", "/v1/klasses/imported-case/[0-9a-f]{24}")
        kobjects.sync(connection)
        assert fault.fired
        moved = f"SELECT count(*) FROM kustomer.kobject WHERE customer_id = '{source}'"
        assert kobjects.ask(moved) == [(0,)]


def test_what_is_asked_for_by_others_has_its_turn(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What took all the time until the next sync was due waits the next time."""
    monkeypatch.setattr("kustomer_sync.sync.follow._ASKED", 2)
    with Simulator(scale=TINY, limits=UNLIMITED) as sim:
        connection = connect(sim, sync_frequency=1)
        sim.faults.rules.append(
            Meanwhile("/(messages|times)", lambda _: sim.clock.advance(8)),
        )
        asked = []
        for _ in range(2):
            sim.requests.clear()
            sync(connection, tables=["conversation", "message", "conversation_time"])
            asked.append([sim.requests.count(f"/{name}$") for name in ("messages", "times")])
        (first, second), (third, fourth) = asked
        assert first > second > 0
        assert fourth > third > 0


@pytest.mark.parametrize(("path", "rows"), [("/v1/assistants", True), (None, False)])
def test_assistants_are_looked_for_behind_a_path_that_is_forbidden(
    connect: Connect, path: Any, rows: bool
) -> None:
    """Where the other has none either, a role may be missing: a warning says so."""
    with Simulator(scale=TINY, switches=Switches(assistants_path=path), limits=UNLIMITED) as sim:
        sim.faults.add("forbidden", "/v1/chat/assistants")
        report = sync(connect(sim), tables=["assistant"])
        assert (report.tables["assistant"].rows > 0) is rows
        assert ("role_missing" in {w.code for w in report.warnings}) is not rows


def test_a_value_that_is_read_twice_is_counted_once(connect: Connect) -> None:
    """A message that is read again for its attachments."""
    with Simulator(scale=TINY, limits=UNLIMITED) as sim:
        sim.edit("message", next(living(sim, "message", 3)), {"sentAt": "whenever"})
        sim.clock.advance(60)  # else no search shows it yet
        report = sync(connect(sim), tables=["conversation", "message"])
        assert report.tables["message_attachment"].rows > 0
        (said,) = (w.message for w in report.warnings if w.code == "values_rejected")
        assert said.startswith("message.sent_at: 1 value ")
