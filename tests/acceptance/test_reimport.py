"""What vanishes from a re-imported table is flagged once a day, with its child rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from kustomer_sync.destinations.duckdb import DuckDB
from kustomer_sync.errors import DestinationFailed
from kustomer_sync.kustomer.catalog import TABLES
from kustomer_sync.model import Counts, Table, Write
from kustomer_sync.settings import Connection
from kustomer_sync.simulator import Simulator
from kustomer_sync.sync import Limits, sync
from kustomer_sync.sync.verify import verify
from tests.acceptance.case import TINY, UNLIMITED, Case, living

Connect = Callable[..., Connection]
Query = Callable[[str], list[tuple[Any, ...]]]
HOUR = 3600
DAY = 24 * HOUR
FLAGGED = "SELECT count(*) FROM kustomer.tag WHERE _fivetran_deleted"

REIMPORTED: dict[str, tuple[str, tuple[str, ...]]] = {
    "assistant": ("assistant", ("dialogs",)),
    "brand": ("brand", ()),
    "card": ("card", ("context",)),
    "company": ("company", ("emails",)),  # read by search, compared with the source daily
    "custom_attribute_metadata": ("metadata", ()),  # a deleted attribute stays described
    "notification": ("notification", ()),
    "queue": ("queue", ()),
    "shortcut": ("shortcut", ("conversation", "tags")),
    "sla": ("sla", ()),  # never edited: it gets a new version
    "snooze": ("snooze", ()),
    "tag": ("tag", ()),
    "team_queue": ("routing_setting", ("queues",)),
    "team": ("team", ("members",)),
    "user": ("user", ("roles",)),
}
"""The fourteen: the kind of their records, and where these have an array of elements."""


def known_as(sim: Simulator, kind: str, record_id: str) -> str:
    """What tells the record apart in the tables."""
    record = sim.get(kind, record_id)
    assert record is not None
    if kind == "metadata":
        return str(record["attributes"]["resource"])
    if kind == "routing_setting":
        return str(record["relationships"]["team"]["data"]["id"])
    return record_id


def held(case: Case, table: Table, owner: str) -> dict[str, tuple[int, int]]:
    """By table: how many rows the record and its children have, and how many are flagged."""
    return {
        part.name: case.ask(
            "SELECT count(*), count(*) FILTER (_fivetran_deleted) "
            f"FROM kustomer.{part.name} WHERE {part.parent_column or 'id'} = '{owner}'"
        )[0]
        for part in table.walk()
    }  # fmt: skip


@pytest.mark.parametrize("name", REIMPORTED)
def test_what_vanishes_is_flagged_with_its_children_a_day_later_and_returns(
    case: Case, name: str
) -> None:
    """Not by a sync before; the rows stay, and are as they were when the record is back."""
    kind, _ = REIMPORTED[name]
    table = next(t for t in TABLES if name in {part.name for part in t.shown()})
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=[table.name])
        case.sync(connection)
        owners = {one: known_as(sim, kind, one) for one in living(sim, kind, 1)}
        rows = {one: sum(n for n, _ in held(case, table, owners[one]).values()) for one in owners}
        gone = max(owners, key=lambda one: rows[one])
        record, owner = sim.get(kind, gone), owners[gone]
        assert record is not None
        before = held(case, table, owner)
        assert name not in before or before[name][0] > 0
        sim.hard_delete(kind, gone)
        sim.clock.advance(HOUR)
        case.sync(connection)
        assert held(case, table, owner) == before
        sim.clock.advance(DAY)
        report = case.sync(connection)
        assert report.status == "SUCCESSFUL", report.error
        assert held(case, table, owner) == {part: (n, n) for part, (n, _) in before.items()}
        sim.restore(kind, record)
        sim.clock.advance(DAY + 60)
        case.sync(connection)
        assert held(case, table, owner) == before
        case.assert_equal(sim, connection)


@pytest.mark.parametrize("name", [name for name, (_, path) in REIMPORTED.items() if path])
def test_an_element_that_left_is_removed_not_flagged(case: Case, name: str) -> None:
    """Of a record that stays; where a record is never edited there is none."""
    kind, path = REIMPORTED[name]
    table = next(t for t in TABLES if name in {part.name for part in t.shown()})
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=[table.name])
        if kind == "card":  # of which few have any
            sim.edit(kind, next(living(sim, kind, 1)), {"context": ["customer", "company"]})
        case.sync(connection)
        for one in living(sim, kind, 1):
            record = sim.get(kind, one)
            assert record is not None
            holder = record["attributes"]
            for key in path:
                holder = holder.get(key) if isinstance(holder, dict) else None
            if isinstance(holder, list) and holder and holder[0] and holder[0] not in holder[1:]:
                break
        else:
            pytest.fail(f"no {kind} has elements")
        owner, before = known_as(sim, kind, one), case.differences(sim, connection)
        assert before == []
        value: Any = holder[1:]
        for key in reversed(path[1:]):
            value = {**record["attributes"][path[0]], key: value}
        sim.edit(kind, one, {path[0]: value})
        sim.clock.advance(DAY + 60)
        report = case.sync(connection)
        assert sum(report.tables[child.name].deleted for child in table.children) >= 1
        assert all(flagged == 0 for _, flagged in held(case, table, owner).values())
        assert case.differences(sim, connection) == []


@pytest.mark.parametrize(
    ("daily", "minutes", "times"),
    [pytest.param(None, 5, 2, marks=pytest.mark.slow), (None, 60, 2), ("14:00", 60, 3)],
)
def test_listed_tables_are_read_once_a_day_whatever_the_frequency(
    connect: Connect, daily: str | None, minutes: int, times: int
) -> None:
    """Two days from noon: at once and a day later; with `daily_sync_time` at once and then."""
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0).timestamp()
    with Simulator(scale=TINY, limits=UNLIMITED, wall=lambda: noon) as sim:
        connection = connect(sim, daily_sync_time=daily, sync_frequency=min(minutes, 60))
        for _ in range(2 * DAY // (minutes * 60)):
            assert sync(connection, tables=["brand", "snooze"]).status == "SUCCESSFUL"
            sim.clock.advance(minutes * 60)
        assert sim.requests.count("/v1/brands$") == times
        assert sim.requests.count("/v1/snoozes$") == times


def test_the_flags_of_a_listing_change_in_one_transaction(
    connect: Connect, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them with the word that the table was listed, or neither."""
    written = DuckDB.write

    def refused(self: DuckDB, write: Write) -> Mapping[str, Counts]:
        if write.absent:
            assert {name: len(ids) for name, ids in write.absent.items()} == {"team": 3}
            assert write.state["table:team"]["listed_at"]
            raise DestinationFailed("The process was killed.", "")
        return written(self, write)

    with Simulator(scale=TINY, limits=UNLIMITED) as sim:
        connection = connect(sim)
        sync(connection, tables=["team"])
        for n in (1, 2, 3):
            sim.hard_delete("team", sim.id("team", n))
        sim.clock.advance(DAY + 60)
        monkeypatch.setattr(DuckDB, "write", refused)
        assert sync(connection, tables=["team"]).status == "FAILURE"
        assert query(FLAGGED.replace("tag", "team")) == [(0,)]
        monkeypatch.setattr(DuckDB, "write", written)
        sim.clock.advance(60)
        assert sync(connection, tables=["team"]).tables["team"].deleted == 3
        flagged = "SELECT DISTINCT _fivetran_synced FROM kustomer.{} WHERE _fivetran_deleted"
        assert len(query(flagged.format("team"))) == 1
        assert query(flagged.format("team")) == query(flagged.format("team_member"))


@pytest.mark.parametrize("path", [r"/v1/tags\?", "/v1/(tags/[0-9a-f]{24}|auth)"])
def test_an_api_that_is_down_meanwhile_flags_nothing(
    connect: Connect, query: Query, path: str
) -> None:
    """At the second listing or at the look by id; the sync fails, the next one flags."""
    with Simulator(scale=TINY, limits=UNLIMITED) as sim:
        connection = connect(sim)
        sync(connection, tables=["tag"])
        sim.hard_delete("tag", sim.id("tag", 2))
        sim.clock.advance(DAY + 60)
        skip = 2 if "?" in path else 1  # the first listing is two lists; the key is looked at first
        fault = sim.faults.add("status", path, value=500, skip=skip)
        report = sync(connection, tables=["tag"], limits=Limits(retry_seconds=1))
        assert report.status == "FAILURE"
        assert fault.fired
        assert query(FLAGGED) == [(0,)]
        sim.faults.clear()
        assert sync(connection, tables=["tag"]).tables["tag"].deleted == 1


def test_a_look_by_id_that_keeps_failing_does_not_contradict_two_listings(
    connect: Connect, query: Query
) -> None:
    """Kustomer answers everything else."""
    with Simulator(scale=TINY, limits=UNLIMITED) as sim:
        connection = connect(sim)
        sync(connection, tables=["tag"])
        sim.hard_delete("tag", sim.id("tag", 2))
        sim.clock.advance(DAY + 60)
        sim.faults.add("status", "/v1/tags/[0-9a-f]{24}", value=500)
        report = sync(connection, tables=["tag"], limits=Limits(retry_seconds=1))
        assert report.status == "SUCCESSFUL"
        assert query(FLAGGED) == [(1,)]


def test_a_second_listing_that_repeats_a_page_flags_nothing(connect: Connect, query: Query) -> None:
    """It may have passed others over; a day later it is looked at again."""
    with Simulator(scale=TINY, limits=UNLIMITED) as sim:
        sim.switches = replace(sim.switches, list_max_page_size=1)
        connection = connect(sim)
        sync(connection, tables=["team"])
        sim.hard_delete("team", sim.id("team", 2))
        sim.clock.advance(DAY + 60)
        fault = sim.faults.add("duplicate_page", r"/v1/teams\?.*page=2", skip=1, times=1)
        sync(connection, tables=["team"])
        assert fault.fired == 1
        assert query(FLAGGED.replace("tag", "team")) == [(0,)]
        sim.clock.advance(DAY + 60)
        assert sync(connection, tables=["team"]).tables["team"].deleted == 1


def test_a_part_of_a_list_that_is_refused_flags_nothing(connect: Connect, query: Query) -> None:
    """Deleted tags may be in the list of deleted ones alone, and shown by no look by id."""
    with Simulator(scale=TINY, limits=UNLIMITED) as sim:
        sim.switches = replace(sim.switches, tags_list_includes_deleted=False, get_deleted="404")
        connection = connect(sim)
        sim.soft_delete("tag", sim.id("tag", 1))
        sync(connection, tables=["tag"])
        for status in (403, 404):
            sim.clock.advance(DAY + 60)
            fault = sim.faults.add("status", "/v1/tags.*deleted=true", value=status)
            report = sync(connection, tables=["tag"])
            assert report.status == "SUCCESSFUL"
            assert fault.fired
            assert "listing_incomplete" in {w.code for w in report.warnings}
            assert query(FLAGGED) == [(0,)]
            sim.faults.clear()
        sim.hard_delete("tag", sim.id("tag", 1))
        sim.clock.advance(DAY + 60)
        assert sync(connection, tables=["tag"]).tables["tag"].deleted == 1


def test_a_snooze_lands_in_either_shape(connect: Connect, query: Query) -> None:
    """The documented one, and the one that the columns name."""
    with Simulator(limits=UNLIMITED) as sim:
        sync(connect(sim), tables=["snooze"])
        shapes = set()
        for one, record in sim.ledger.records("snooze").items():
            told = record["attributes"]
            shapes.add(told.get("type") or tuple(told["time"]))
            value = told.get("value") or told["time"]
            expected: tuple[Any, ...] = (None, None, None, str(value))
            if isinstance(value, dict) and "day" in value:
                day, at = value["day"], value.get("time") or value["value"]
                expected = (None, day["type"], str(day["value"]), at)
            elif told.get("type") == "relative" or isinstance(value, dict):
                after = value["relative"] if isinstance(value, dict) else value
                expected = (after, None, None, None)
            assert query(
                "SELECT time_relative, time_day_type, time_day_value, time_value "
                f"FROM kustomer.snooze WHERE id = '{one}'"
            ) == [expected]
        assert shapes == {"relative", "dynamic", "absolute", ("relative",), ("day", "value")}


def test_a_custom_attribute_that_is_deleted_is_flagged(case: Case) -> None:
    """Its metadata says `deletedAt` (documented), or no longer names it; the row stays."""
    told = (
        "SELECT id FROM kustomer.custom_attribute_metadata WHERE resource = 'customer' AND id IN "
        "('oneStr', 'twoStr', 'threeStr', 'goneStr') AND _fivetran_deleted ORDER BY id"
    )
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=["_kustomer_sync_metadata"])
        for name in ("oneStr", "twoStr", "threeStr", "goneStr"):
            sim.add_custom("customer", name)
        sim.drop_custom("customer", "goneStr")
        case.sync(connection)
        assert case.ask(told) == [("goneStr",)]
        sim.drop_custom("customer", "oneStr")
        metadata = sim.world.metadata("customer")
        assert metadata is not None
        properties = dict(metadata["attributes"]["properties"])
        two = properties.pop("twoStr")
        sim.edit("metadata", metadata["id"], {"properties": properties})
        sim.clock.advance(DAY + 60)
        report = case.sync(connection)
        flagged = case.ask(told)
        assert flagged == [("goneStr",), ("oneStr",), ("twoStr",)]
        assert report.tables["custom_attribute_metadata"].updated == 2
        assert verify(connection).exit_code == 0
        assert case.sync(connection, reimport=True).tables["custom_attribute_metadata"].updated == 0
        sim.edit("metadata", metadata["id"], {"properties": {**properties, "twoStr": two}})
        sim.clock.advance(DAY + 60)
        assert case.sync(connection).tables["custom_attribute_metadata"].updated == 1
        assert case.sync(connection, reimport=True).tables["custom_attribute_metadata"].updated == 0
        flagged = case.ask(told)
        assert flagged == [("goneStr",), ("oneStr",)]
        case.assert_equal(sim, connection)
