"""What the destination must hold, worked out record by record from the simulator's ledger.

Knows the catalog's columns but neither Arrow nor SQL: a second, slow way to the same rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
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


def differences(sim: Simulator, path: Path, schema: str = "kustomer") -> list[str]:
    """Each way in which the destination is not what it must be; [] when it is right."""
    assert sim.requests.crashes == []
    found: list[str] = []
    with duckdb.connect(str(path), read_only=True) as connection:
        for table in TABLES:
            records = [_whole(sim, v) for v in sim.ledger.current(table.name)]
            erased = {v.id for v in sim.ledger.erased(table.name)} - {r["id"] for r in records}
            found += _table(connection, schema, table, records, erased)
            found += _custom(connection, schema, table, records, _multi(sim, table), erased)
            if table.history:
                found += _histories(connection, schema, table, records, erased)
    return found


def _whole(sim: Simulator, version: Version) -> Row:
    """The record as a perfect reader puts it together: attachments, the klass's name."""
    record: Row = sim.world.present(KINDS[version.kind], version.record or {}, version.updated)
    if version.kind == "message":
        found = sim.world.children("attachment", "message", version.id)
        attachments = {"data": [v.record for v in found if v.record is not None]}
        return {**record, "relationships": {**record["relationships"], "attachments": attachments}}
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


def _table(
    connection: duckdb.DuckDBPyConnection, schema: str, table: Table, records: list[Row],
    erased: set[str],
) -> Iterator[str]:  # fmt: skip
    says_itself = any(c.name == "deleted" for c in table.columns)
    soft = set() if says_itself else {r["id"] for r in records if r["attributes"].get("deleted")}
    for part in table.walk():
        wanted: dict[tuple[Any, ...], Row] = {}
        for record in records:
            for row in rows_of(part, record):
                wanted.setdefault(tuple(row[k] for k in part.key), row)
        owner = part.parent_column or "id"
        got: dict[tuple[Any, ...], Row] = {}
        for row in _stored(connection, schema, part):
            gone = row[owner] in erased
            if row["_fivetran_deleted"] != (gone or row[owner] in soft):
                yield f"{part.name} {row[owner]} is wrongly flagged or not flagged"
            if gone:
                continue
            key = tuple(row[k] for k in part.key)
            if key in got:
                yield f"{part.name} {key} is doubled"
            got[key] = row
        for key in wanted.keys() - got.keys():
            yield f"{part.name} {key} is lost"
        for key in got.keys() - wanted.keys():
            yield f"{part.name} {key} should not be there"
        for key in wanted.keys() & got.keys():
            for column, value in wanted[key].items():
                if got[key][column] != value:
                    yield f"{part.name} {key} {column}: {got[key][column]!r}, not {value!r}"


def _stored(connection: duckdb.DuckDBPyConnection, schema: str, table: Table) -> list[Row]:
    columns = [*table.columns, Column("_fivetran_deleted", Type.BOOLEAN)]
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


def rows_of(table: Table, record: Row) -> Iterator[Row]:
    if table.parent is None:
        yield {c.name: _value(record, c) for c in table.columns}
        return
    assert isinstance(table.elements, tuple)
    for index, element in enumerate(_at(record, table.elements) or [], start=1):
        row = {}
        for column in table.columns:
            match column.origin:
                case Origin.PARENT:
                    row[column.name] = record["id"]
                case Origin.INDEX:
                    row[column.name] = index
                case _:
                    row[column.name] = _value(element, column)
        yield row


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
    if not table.custom:
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
    marks = "epoch_ms(_fivetran_start), epoch_ms(_fivetran_end), _fivetran_active"
    by_id: dict[str, list[tuple[int, int, bool, str]]] = {}
    rows = connection.execute(
        f"SELECT id, {marks}, status FROM {schema}.{table.history}"
    ).fetchall()
    for record_id, *version in rows:
        by_id.setdefault(record_id, []).append(tuple(version))
    for gone in erased & by_id.keys():
        if any(version[2] for version in by_id[gone]):
            yield f"{table.history} {gone} is gone and has an active version"
    for record in records:
        versions = sorted(by_id.get(record["id"], []))
        if not versions:
            yield f"{table.history} {record['id']} has no version"
            continue
        for before, after in pairwise(versions):
            if before[1] != after[0] - 1 or before[2]:
                yield f"{table.history} {record['id']} does not tile at {after[0]}"
        last = versions[-1]
        if not last[2] or last[0] != millis(record["attributes"]["updatedAt"]):
            yield f"{table.history} {record['id']} does not end in the present"
        if last[3] != record["attributes"].get("status"):
            yield f"{table.history} {record['id']} has a stale last version"
    for child in table.children:
        if child.history is None:
            continue
        keys = ", ".join(child.history_key)
        active = connection.execute(
            f"SELECT {keys} FROM {schema}.{child.history} WHERE _fivetran_active"
        ).fetchall()
        wanted = {
            tuple(row[k] for k in child.history_key) for r in records for row in rows_of(child, r)
        }
        if len(active) != len(set(active)):
            yield f"{child.history} has two active rows of one key"
        if set(active) != wanted:
            odd = sorted(set(active) ^ wanted)[:5]
            yield f"{child.history}: the active rows are not the present's: {odd}"


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
