"""What the destination must hold, worked out record by record from the simulator's ledger.

Knows the catalog's columns but neither Arrow nor SQL: a second, slow way to the same rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb

from kustomer_sync.kustomer.catalog import TABLES
from kustomer_sync.model import Column, Origin, Table, Type
from kustomer_sync.shred.naming import snake
from kustomer_sync.simulator import Simulator, Version
from kustomer_sync.simulator.org import KINDS

Row = dict[str, Any]
BY_DEFAULT = tuple(table for table in TABLES if not table.off)
"""Those that a connection syncs of which nothing is said."""


def differences(
    sim: Simulator, path: Path, schema: str = "kustomer", *, tables: Iterable[Table] = BY_DEFAULT
) -> list[str]:
    """Each way in which the destination is not what it must be; [] when it is right."""
    assert sim.requests.crashes == []
    found: list[str] = []
    with duckdb.connect(str(path), read_only=True) as connection:
        for table in map(current, tables):
            records, erased, unsure = records_of(sim, table)
            found += _table(connection, schema, table, records, erased, unsure)
            sure = [record for record in records if record["id"] not in unsure]
            found += _custom(connection, schema, table, sure, _multi(sim, table), erased)
            if any(part.history for part in table.walk()):
                found += _histories(connection, schema, table, records, erased - _quiet(sim, table))
    return found


def current(table: Table) -> Table:
    """Without the columns that only `service_version = 1` has; a connection of it marks none."""
    columns = tuple(column for column in table.columns if not column.legacy)
    return replace(table, columns=columns, children=tuple(map(current, table.children)))


def records_of(sim: Simulator, table: Table) -> tuple[list[Row], set[str], set[str]]:
    """What exists, the ids of what exists no more, and of what no request may show."""
    records = [whole(sim, v) for v in sim.ledger.current(table.object)]
    gone = {v.id for v in sim.ledger.erased(table.object)}
    if table.object == "routing_setting":
        gone = {_last(sim, table, one)["relationships"]["team"]["data"]["id"] for one in gone}
    if table.object == "conversation_time":  # what has no conversation can't be asked for
        there = sim.ledger.records("conversation")
        orphans = [r for r in records if _related(r, "conversation") not in there]
        gone |= {r["id"] for r in orphans}
        records = [r for r in records if r not in orphans]
    unsure = {r["id"] for r in records if _hidden(sim, table.name, r)}
    return records, gone - {r["id"] for r in records}, unsure


def _quiet(sim: Simulator, table: Table) -> set[str]:
    """What was soft-deleted before it was erased, where the table's flag says both: nobody asks
    for a row again that is flagged, and its history stays as the soft delete left it.
    """
    if table.says_deleted:
        return set()
    return {
        gone.id
        for gone in sim.ledger.erased(table.object)
        for version in sim.ledger.versions(table.object, gone.id)
        if version.record and version.record["attributes"].get("deleted")
    }


def _last(sim: Simulator, table: Table, record_id: str) -> Row:
    return [v.record for v in sim.ledger.versions(table.object, record_id) if v.record][-1]


def _related(record: Row, name: str) -> str:
    return str(record["relationships"][name]["data"]["id"])


def _hidden(sim: Simulator, kind: str, record: Row) -> bool:
    """Soft-deleted, and in no search or list: a note of long ago, or under the switch for it."""
    if kind not in ("note", "company") or record["attributes"].get("deleted") is not True:
        return False
    if kind == "company":
        return not sim.switches.company_deletes_visible
    old = millis(record["attributes"]["updatedAt"]) < sim.clock.now_ms() - 727 * 86_400_000
    return not sim.switches.note_deletes_visible or (
        old and not sim.switches.core_lists_include_deleted
    )


INCLUDED = {"message": "attachment", "schedule": "holiday", "sla": "sla_version"}
RELATED = {"attachment": "attachments", "holiday": "holidays", "sla_version": "versions"}


def whole(sim: Simulator, version: Version) -> Row:
    """The record as a perfect reader puts it together: attachments, the klass's name."""
    record: Row = sim.world.present(KINDS[version.kind], version.record or {}, version.updated)
    if version.kind in INCLUDED:
        kind = INCLUDED[version.kind]
        found = sim.world.children(kind, version.kind, version.id)
        data = {"data": [v.record for v in found if v.record is not None]}
        related = record.get("relationships") or {}
        return {**record, "relationships": {**related, RELATED[kind]: data}}
    if version.kind == "metadata":
        return {**record, "id": record["attributes"]["resource"]}
    if version.kind == "routing_setting":
        return {**record, "id": _related(record, "team")}
    if version.kind == "snooze" and record["attributes"].get("time") is None:
        value = record["attributes"].get("value")
        time = {"value": value}
        if record["attributes"].get("type") == "relative":
            time = {"relative": value}
        elif isinstance(value, dict):
            time = {"day": value.get("day"), "value": value.get("time")}
        return {**record, "attributes": {**record["attributes"], "time": time}}
    if version.kind == "conversation_time":
        times = {k: v / 1000 for k, v in record["attributes"].items()
                 if k in ("handleTime", "messageTime", "noteTime")
                 and isinstance(v, int | float) and not isinstance(v, bool)}  # fmt: skip
        whole = {k: int(v) if v.is_integer() else v for k, v in times.items()}
        return {**record, "attributes": {**record["attributes"], **whole}}
    if version.kind == "kobject":
        klass = record["type"].removeprefix("kobject.")
        attributes = dict(record["attributes"])
        if attributes.get("name") is None:
            attributes["name"] = klass
        return {**record, "klass": klass, "attributes": attributes}
    return record


def _multi(sim: Simulator, table: Table) -> set[str]:
    """The custom attributes that hold arrays."""
    return {
        name
        for version in sim.ledger.current("metadata")
        if version.record is not None
        and version.record["attributes"]["resource"].split(".")[0] == table.name
        for name, said in version.record["attributes"]["properties"].items()
        if said.get("multi")
    }


def _living_attributes(record: Row) -> Iterator[str]:
    """Custom attributes that the metadata does not call deleted."""
    for name, said in (record["attributes"].get("properties") or {}).items():
        if not (isinstance(said, dict) and said.get("deletedAt")):
            yield name


def _table(
    connection: duckdb.DuckDBPyConnection, schema: str, table: Table, records: list[Row],
    erased: set[str], unsure: set[str],
) -> Iterator[str]:  # fmt: skip
    says_itself = table.says_deleted
    soft = set() if says_itself else {r["id"] for r in records if r["attributes"].get("deleted")}
    for part in table.shown():
        key_of = _content if any(c.origin is Origin.SURROGATE for c in part.columns) else _key
        wanted: dict[tuple[Any, ...], Row] = {}
        for record in records:
            for row in rows_of(part, record):
                wanted.setdefault(key_of(part, row), row)
        owner = part.parent_column or "id"
        living = {(name, r["id"]) for r in records for name in _living_attributes(r)}
        got: dict[tuple[Any, ...], Row] = {}
        for row in stored_rows(connection, schema, part):
            gone = row[owner] in erased
            if row[owner] in unsure:
                wanted.pop(key_of(part, row), None)
                continue
            key = key_of(part, row)
            flagged = gone or row[owner] in soft or (part.stays and key not in living)
            if row["_fivetran_deleted"] != flagged:
                yield f"{part.name} {row[owner]} is wrongly flagged or not flagged"
            if gone or (part.stays and key not in wanted):
                continue
            if key in got:
                yield f"{part.name} {key} is doubled"
            got[key] = row
        for key in wanted.keys() - got.keys():
            if wanted[key].get(owner) in unsure:
                continue
            yield f"{part.name} {key} is lost"
        for key in got.keys() - wanted.keys():
            yield f"{part.name} {key} should not be there"
        for key in wanted.keys() & got.keys():
            for column, value in wanted[key].items():
                if got[key][column] != value:
                    yield f"{part.name} {key} {column}: {got[key][column]!r}, not {value!r}"


def stored_rows(
    connection: duckdb.DuckDBPyConnection, schema: str, table: Table,
    mark: str = "_fivetran_deleted",
) -> list[Row]:  # fmt: skip
    columns = [*table.columns, Column(mark, Type.BOOLEAN)]
    selected = ", ".join(
        f'epoch_ms("{c.name}")' if c.type is Type.INSTANT else f'"{c.name}"' for c in columns
    )
    rows = connection.execute(f'SELECT {selected} FROM {schema}."{table.name}"').fetchall()
    found = []
    for row in rows:
        named = dict(zip([c.name for c in columns], row, strict=True))
        for column in table.columns:
            if column.type is Type.JSON and named[column.name] is not None:
                named[column.name] = json.loads(named[column.name])
        found.append(named)
    return found


def _key(table: Table, row: Row) -> tuple[Any, ...]:
    return tuple(row[k] for k in table.key)


def _content(table: Table, row: Row) -> tuple[Any, ...]:
    """All of a row whose key is made up by the program."""
    return tuple(row[c.name] for c in table.columns if c.origin is not Origin.SURROGATE)


def rows_of(table: Table, record: Row) -> Iterator[Row]:
    if table.parent is None:
        yield {c.name: _value(record, c) for c in table.columns}
        return
    if isinstance(table.elements, tuple):
        elements = _at(record, table.elements) or []
    else:
        elements = list(ELEMENTS[table.name](record))
    for index, element in enumerate(elements, start=1):
        row = {}
        for column in table.columns:
            match column.origin:
                case Origin.PARENT:
                    row[column.name] = record["id"]
                case Origin.INDEX:
                    row[column.name] = index
                case Origin.SURROGATE:
                    pass
                case _:
                    row[column.name] = _value(element, column)
        yield row


def _hours(record: Row) -> Iterator[Row]:
    for day, openings in record["attributes"]["hours"].items():
        for place, (start, end) in enumerate(openings or [], start=1):
            yield {"day": day, "index": place, "start": start, "end": end}


def _held(name: str) -> Callable[[Row], Iterator[Row]]:
    return lambda record: iter(record["relationships"][name]["data"])


def _metrics(record: Row) -> Iterator[Row]:
    for version in record["relationships"]["versions"]["data"]:
        for name, metric in version["attributes"]["metrics"].items():
            for priority, commitment in metric["times"].items():
                yield {"version": version["id"], "name": name, "enabled": metric["enabled"],
                       "priority": int(priority), "commitment": commitment}  # fmt: skip


def _criteria(record: Row) -> Iterator[Row]:
    for version in record["relationships"]["versions"]["data"]:
        for match, conditions in version["attributes"]["criteria"].items():
            for condition in conditions:
                for field, test in condition.items():
                    yield {"version": version["id"], "match": match, "field": field, **test}


def _nodes(record: Row) -> Iterator[Row]:
    for dialog in record["attributes"].get("dialogs") or []:
        for node in dialog.get("nodes") or []:
            yield {"dialog": dialog["id"], **node}


def _mentions(kind: str) -> Callable[[Row], Iterator[Row]]:
    def elements(record: Row) -> Iterator[Row]:
        yield from (m for m in record["attributes"].get("userMentions") or [] if m.get(kind))

    return elements


def _of_conversation(name: str) -> Callable[[Row], Iterator[Row]]:
    def elements(record: Row) -> Iterator[Row]:
        for value in record["attributes"].get(name) or []:
            yield {"value": value, "conversation": _related(record, "conversation")}

    return elements


ELEMENTS: dict[str, Callable[[Row], Iterator[Any]]] = {
    "business_schedule_hour": _hours,
    "business_holiday": _held("holidays"),
    "sla_version": _held("versions"),
    "sla_metric": _metrics,
    "sla_criteria": _criteria,
    "assistant_dialog_node": _nodes,
    "note_user_mention": _mentions("user"),
    "note_team_mention": _mentions("team"),
    "conversation_time_channel": _of_conversation("channels"),
    "conversation_time_created_by_team": _of_conversation("createdByTeams"),
    "team_queue": lambda record: iter(record["attributes"]["queues"]),
    "custom_attribute_metadata": lambda r: iter({"id": n} for n in r["attributes"]["properties"]),
}
"""The elements of children that are not simply an array's."""


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _value(holder: Any, column: Column) -> Any:
    if column.source and not isinstance(holder, dict):
        return holder
    value = _at(holder, column.source)
    if column.first and isinstance(value, list):
        value = value[0] if value else None
    return convert(value, column.type)


def convert(value: Any, type_: Type) -> Any:
    if value is None:
        return None
    match type_:
        case Type.INSTANT:
            return millis(value)
        case Type.STRING if not isinstance(value, str):
            return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        case Type.DOUBLE:
            return float(value)
        case Type.INT | Type.LONG if isinstance(value, str):
            return int(value)
        case Type.BOOLEAN if not isinstance(value, bool):
            return None  # `assistant.emulation` may be a word, which does not fit
    return value


def millis(text: str) -> int:
    return round(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


def _custom(
    connection: duckdb.DuckDBPyConnection, schema: str, table: Table, records: list[Row],
    multi: set[str], erased: set[str],
) -> Iterator[str]:  # fmt: skip
    """Every custom attribute is in its column, of the type its suffix says."""
    if not table.custom or (table.hidden and not table.per_klass):
        return
    for record in records:
        record["table"] = f"kobject_{snake(record['klass'])}" if table.per_klass else table.name
    for name in sorted({r["table"] for r in records}):
        cursor = connection.execute(f'SELECT * FROM {schema}."{name}" LIMIT 0')
        columns = [d[0] for d in cursor.description or ()]
        cursor.fetchall()
        custom = [c for c in columns if c.startswith("custom_")]
        selected = ", ".join(
            f'epoch_ms("{c}")' if c.endswith("_at") else f'"{c}"'
            for c in ["id", "_fivetran_deleted", *custom]
        )
        rows = connection.execute(f'SELECT {selected} FROM {schema}."{name}"').fetchall()
        stored = {row[0]: dict(zip(custom, row[2:], strict=True)) for row in rows}
        soft = {r["id"] for r in records if r["attributes"].get("deleted")}
        for record_id, flagged, *_ in rows if table.per_klass else ():
            if flagged != (record_id in erased | soft):
                yield f"{name} {record_id} is wrongly flagged or not flagged"
        if len(rows) != len(stored):
            yield f"{name} has doubled rows"
        for record in (r for r in records if r["table"] == name):
            attributes = record["attributes"].get("custom") or {}
            wanted = {
                f"custom_{snake(k)}": v if k in multi else _custom_value(k, v)
                for k, v in attributes.items()
            }
            arrays = {f"custom_{snake(k)}" for k in multi}
            got = stored.get(record["id"])
            if got is None:
                yield f"{name} {record['id']} is lost"
                continue
            for column in custom:
                value = got[column]
                if column in arrays and value is not None:
                    value = json.loads(value)
                if value != wanted.get(column):
                    yield f"{name} {record['id']} {column}: {value!r}, not {wanted.get(column)!r}"


def _custom_value(name: str, value: Any) -> Any:
    for suffix, type_ in (("Num", Type.DOUBLE), ("At", Type.INSTANT), ("Bool", Type.BOOLEAN)):
        if name.endswith(suffix):
            return convert(value, type_)
    return convert(value, Type.STRING)


def _histories(
    connection: duckdb.DuckDBPyConnection, schema: str, table: Table, records: list[Row],
    erased: set[str],
) -> Iterator[str]:  # fmt: skip
    """Versions tile and end in the present; an element's intervals end as the present has it."""
    if table.history:
        yield from _versions(connection, schema, table, records, erased)
    for child in table.children:
        if child.history is None:
            continue
        names = [column.name for column in child.history_columns()]
        history = Table(child.history, child.history_columns())
        active = [tuple(r.values()) for r in _kept(connection, schema, history) if r.pop(ACTIVE)]
        wanted = {tuple(row[n] for n in names) for r in records for row in rows_of(child, r)}
        if len(active) != len(set(active)):
            yield f"{child.history} has two active rows of one content"
        if set(active) != wanted:
            odd = sorted(set(active) ^ wanted, key=str)[:5]
            yield f"{child.history}: the active rows are not the present's: {odd}"


START, END, ACTIVE = "_fivetran_start", "_fivetran_end", "_fivetran_active"
_ENDLESS = 253_402_300_799_999


def _versions(
    connection: duckdb.DuckDBPyConnection, schema: str, table: Table, records: list[Row],
    erased: set[str],
) -> Iterator[str]:  # fmt: skip
    marks = (Column(START, Type.INSTANT), Column(END, Type.INSTANT))
    history = Table(str(table.history), (*table.columns, *marks))
    timed = any(column.name == "updated_at" for column in table.columns)
    by_id: dict[str, list[Row]] = {}
    for row in _kept(connection, schema, history):
        by_id.setdefault(row["id"], []).append(row)
    for gone in erased & by_id.keys():
        if any(version[ACTIVE] for version in by_id[gone]):
            yield f"{table.history} {gone} is gone and has an active version"
    for record in records:
        versions = sorted(by_id.get(record["id"], []), key=lambda v: v[START])
        if not versions:
            yield f"{table.history} {record['id']} has no version"
            continue
        for before, after in pairwise(versions):
            if before[END] != after[START] - 1 or before[ACTIVE]:
                yield f"{table.history} {record['id']} does not tile at {after[START]}"
        last, (wanted,) = versions[-1], rows_of(table, record)
        updated = record["attributes"].get("updatedAt")
        if not last[ACTIVE] or last[END] != _ENDLESS:
            yield f"{table.history} {record['id']} does not end in the present"
        if timed and updated and last[START] != millis(updated):
            yield f"{table.history} {record['id']} does not start when it was updated"
        for column, value in wanted.items():
            if last[column] != value:
                yield f"{table.history} {record['id']} is stale: {column} is {last[column]!r}"


def _kept(connection: duckdb.DuckDBPyConnection, schema: str, history: Table) -> list[Row]:
    """The rows of a history, with whether they are active."""
    return stored_rows(connection, schema, history, ACTIVE)


def contents(path: Path, schema: str = "kustomer") -> dict[str, list[tuple[Any, ...]]]:
    """Every table's rows in order, but for the state's."""
    with duckdb.connect(str(path), read_only=True) as connection:
        names = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = ?", [schema]
        ).fetchall()
        found = {}
        for (name,) in sorted(names):
            if name == "_kustomer_sync_state":
                continue
            rows = connection.execute(
                f'SELECT CAST(t AS VARCHAR) FROM {schema}."{name}" t'
            ).fetchall()
            found[name] = sorted(rows)
        return found
