"""What must land of an org in which anything may be anything: by the naive shredder's rules.

Unlike `truth`, which knows where a well-behaved record has its values, this knows the rules for
values that do not fit. The names that custom attributes and klasses got are taken from the state,
for they depend on the order in which they were met; that they are names of their own is tested.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from kustomer_sync.model import Origin, Table, Type
from kustomer_sync.shred import CustomTypes, Names
from kustomer_sync.simulator import Simulator
from tests.acceptance.histories import faults_of
from tests.acceptance.truth import Row, records_of
from tests.unit.shred import naive

_ODD = re.compile("[\x00\ud800-\udfff]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Key = tuple[Any, ...]


def hostile_differences(
    sim: Simulator, path: Path, tables: Iterable[Table], schema: str = "kustomer"
) -> list[str]:
    """Each way in which the destination is not what it must be; [] when it is right."""
    assert sim.requests.crashes == []
    with duckdb.connect(str(path), read_only=True) as db:
        state = dict(db.execute(f"SELECT key, value FROM {schema}._kustomer_sync_state").fetchall())
        names = Names.from_state(json.loads(state["names"]))
        types = CustomTypes.from_state(json.loads(state["custom_types"]))
        found = list(_clashes(names))
        for table in tables:
            found += _compared(sim, db, schema, table, names, types)
            for part in table.walk():
                if part.history and not (part.hidden or table.hidden):
                    found += faults_of(db, part.name)
    return found


def _clashes(names: Names) -> Iterator[str]:
    """Two attributes in one column, or two klasses in one table."""
    for scope, given in names.state().items():
        for name, count in Counter(given.values()).items():
            if count > 1:
                yield f"{scope}: {name} is given to {count} attributes"


def _compared(
    sim: Simulator, db: duckdb.DuckDBPyConnection, schema: str, table: Table, names: Names,
    types: CustomTypes,
) -> Iterator[str]:  # fmt: skip
    records, erased, unsure = records_of(sim, table)
    records = [scrubbed(record) for record in records if record["id"] not in unsure]
    outcome = naive.shred(table, records, names, types, lambda record: str(record["klass"]))
    soft = {
        row["id"] for row in outcome.tables[table.name].rows if row["__deleted"]
    }  # fmt: skip
    parts = {part.name: part for part in table.walk()}
    for name, landed in outcome.tables.items():
        part = parts.get(name, table)
        if part.hidden:
            continue
        owner = part.parent_column or "id"
        rejected = set(_rejects(db, schema, name))
        refused = {(record_id, column) for record_id, column, _ in rejected}
        for record_id, column, value in rejected ^ {
            reject[1:] for reject in outcome.rejects if reject[0] == name
        }:
            text = column.endswith("_num") and landed.types.get(column) is Type.STRING
            # An element of a blocked record may hold what must not be told.
            silent = table.hidden and column == "element" and (record_id, column) in refused
            if record_id not in erased | unsure and not (text or silent):
                yield f"{name} {record_id} {column}: {_short(value)} is wrongly rejected or not"
        made_up = any(c.origin is Origin.SURROGATE for c in part.columns)
        key_of = _Contents(part) if made_up else partial(_key, part)
        wanted: dict[Key, Row] = {}
        for row in landed.rows:
            wanted.setdefault(key_of(row), row)
        key_of = _Contents(part) if made_up else key_of
        living = {key_of(row) for row in landed.rows if not row["__deleted"]} if part.stays else ()
        got: dict[Key, Row] = {}
        for row in _stored(db, schema, name, landed.types):
            gone = row[owner] in erased
            if row[owner] in unsure:
                continue
            dead = part.stays and key_of(row) not in living
            if row["_fivetran_deleted"] != (gone or row[owner] in soft or dead):
                yield f"{name} {row[owner]} is wrongly flagged or not flagged"
            if gone or (part.stays and key_of(row) not in wanted):
                continue
            key = key_of(row)
            if key in got:
                yield f"{name} {key} is doubled"
            got[key] = row
        yield from (f"{name} {key} is lost" for key in wanted.keys() - got.keys())
        yield from (f"{name} {key} should not be there" for key in got.keys() - wanted.keys())
        for key in wanted.keys() & got.keys():
            for column, type_ in landed.types.items():
                value = _comparable(wanted[key].get(column), type_)
                if column.startswith("_fivetran") or got[key][column] == value:
                    continue
                stored = got[key][column]
                was_a_number = column.endswith("_num") and type_ is Type.STRING
                if was_a_number and stored is None and (got[key][owner], column) in refused:
                    continue  # and the column became text after that
                if not (was_a_number and _as_the_number(stored, value)):
                    yield f"{name} {key} {column}: {_short(got[key][column])}, not {_short(value)}"


def _rejects(db: duckdb.DuckDBPyConnection, schema: str, name: str) -> list[tuple[str, str, str]]:
    """Whose value, of which column, and the value."""
    return db.execute(
        f"SELECT record_id, column_name, value FROM {schema}._kustomer_sync_rejects "
        "WHERE table_name = ?", [name],
    ).fetchall()  # fmt: skip


def _as_the_number(stored: Any, value: Any) -> bool:
    """Both are one number: the column became text after this row had landed."""
    if stored is None or not isinstance(value, str):
        return False
    try:
        return float(stored) == float(value)
    except ValueError:
        return False


def _key(table: Table, row: Row) -> Key:
    return tuple(_hashable(row[c.name]) for c in table.columns if c.name in table.key)


class _Contents:
    """All of a row whose key the program makes up, and which of several equal ones it is."""

    def __init__(self, table: Table) -> None:
        self._names = [c.name for c in table.columns if c.origin is not Origin.SURROGATE]
        self._met: Counter[Key] = Counter()

    def __call__(self, row: Row) -> Key:
        content = tuple(_hashable(row[name]) for name in self._names)
        self._met[content] += 1
        return (*content, self._met[content])


def _hashable(value: Any) -> Any:
    return _comparable(value, Type.INSTANT) if isinstance(value, datetime) else value


def _stored(
    db: duckdb.DuckDBPyConnection, schema: str, name: str, types: dict[str, Type]
) -> Iterator[Row]:
    columns = [column for column in types if not column.startswith("_fivetran")]
    selected = ", ".join(
        f'epoch_us("{c}")' if types[c] is Type.INSTANT else f'"{c}"' for c in columns
    )
    rows = db.execute(f'SELECT {selected}, _fivetran_deleted FROM {schema}."{name}"').fetchall()
    for row in rows:
        named = dict(zip([*columns, "_fivetran_deleted"], row, strict=True))
        for column in columns:
            if types[column] is Type.JSON and named[column] is not None:
                named[column] = json.loads(named[column])
        yield named


def _comparable(value: Any, type_: Type) -> Any:
    if isinstance(value, datetime):
        return (value - _EPOCH) // timedelta(microseconds=1)
    if type_ is Type.JSON and value is not None:
        return json.loads(value)
    return value


def scrubbed(value: Any) -> Any:
    """What no database can hold is the replacement character, in keys too."""
    if isinstance(value, str):
        return _ODD.sub("\ufffd", value)
    if isinstance(value, list):
        return [scrubbed(item) for item in value]
    if isinstance(value, dict):
        return {scrubbed(key): scrubbed(item) for key, item in value.items()}
    return value


def _short(value: Any) -> str:
    return repr(value)[:80]
