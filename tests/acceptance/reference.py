"""A schema as the reference connector leaves it, worked out from the simulator's ledger.

The same tables and columns, but types of custom columns that were guessed from their values, its
own surrogate ids, old rows of keyless tables flagged, no rejects, no state, and no notice taken of
what was erased. Knows neither Arrow nor the merge plan.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from kustomer_sync.model import Listing, Origin, Search, Table, Type
from kustomer_sync.settings import Connection
from kustomer_sync.shred import CustomTypes, Names
from kustomer_sync.shred.naming import snake
from kustomer_sync.simulator import Simulator
from kustomer_sync.sync import choose
from tests.acceptance.hostile import scrubbed as scrubbed
from tests.acceptance.truth import Row, records_of, whole
from tests.unit.shred import naive

ENGINE = {
    Type.STRING: "VARCHAR", Type.INT: "BIGINT", Type.LONG: "BIGINT", Type.DOUBLE: "DOUBLE",
    Type.BOOLEAN: "BOOLEAN", Type.INSTANT: "TIMESTAMP", Type.JSON: "JSON",
}  # fmt: skip
"""Not always ours: whole numbers are as wide as can be, and times have no zone."""
FOREVER = datetime(9999, 12, 31, 23, 59, 59, 999000)


def fill(
    sim: Simulator, path: Path, connection: Connection, *, primary_keys: bool = False,
    guessed: bool = True, ingested: timedelta = timedelta(0),
) -> tuple[dict[str, datetime], dict[str, dict[str, str]]]:  # fmt: skip
    """The reference connector has synced everything until now: when each table was, by name.

    And which name each klass and custom attribute got whose name others become too. A version
    begins `ingested` after its `updatedAt`.
    """
    now = sim.clock.now().replace(microsecond=0, tzinfo=None)
    synced = {}
    names, types = Names(), _types(sim)
    with duckdb.connect(str(path)) as db:
        db.execute("CREATE SCHEMA kustomer")
        for n, table in enumerate(_without_extras(choose(connection))):
            at = now - timedelta(minutes=n)
            for name, landed in _landed(sim, table, names, types).items():
                part = _part(table, name)
                if part.hidden:
                    continue
                rows = list(_once(part, landed.rows))
                kept = {c: t for c, t in landed.types.items() if not c.startswith("_fivetran")}
                marks: dict[str, Any] = {"_fivetran_synced": at}
                if any(c.origin is Origin.SURROGATE for c in part.columns):
                    rows = list(_versions_of_keyless(rows, kept))
                elif isinstance(table.reading, Listing):
                    marks["_fivetran_deleted"] = False
                key = part.key if primary_keys and part is not table else ()
                key = ("id",) if primary_keys and "id" in part.key else key
                _store(db, name, kept, rows, marks, guessed=guessed, key=key)
                synced[name] = at
            if table.history:
                _histories(db, sim, table, names, types, at, guessed=guessed, ingested=ingested)
    return synced, _shared(names)


def _shared(names: Names) -> dict[str, dict[str, str]]:
    found = {}
    for scope, given in names.state().items():
        count = Counter(snake(key).lstrip("_")[:50] for key in given)
        shared = {key: n for key, n in given.items() if count[snake(key).lstrip("_")[:50]] > 1}
        found[scope] = shared
    return found


def _without_extras(tables: Iterable[Table]) -> Iterator[Table]:
    for table in tables:
        if not table.extra:
            columns = tuple(c for c in table.columns if not c.extra)
            children = tuple(c for c in _without_extras(table.children))
            yield replace(table, columns=columns, children=children)


def _types(sim: Simulator) -> CustomTypes:
    types = CustomTypes()
    for version in sim.ledger.current("metadata"):
        assert version.record is not None
        about = version.record["attributes"]
        types.learn(about["resource"], about["properties"])
    return types


def _part(table: Table, name: str) -> Table:
    found = next((part for part in table.walk() if part.name == name), None)
    return found or replace(table, name=name, children=(), per_klass=False)


def _landed(
    sim: Simulator, table: Table, names: Names, types: CustomTypes
) -> dict[str, naive.Landed]:  # fmt: skip
    """What exists, and what was erased, which the reference connector never noticed."""
    records, _, _ = records_of(sim, table)
    if isinstance(table.reading, Search):
        records += [_before(sim, v.kind, v.id) for v in sim.ledger.erased(table.object)]
    there = list({record["id"]: record for record in map(scrubbed, records)}.values())
    return naive.shred(table, there, names, types, lambda r: str(r["klass"])).tables


def _before(sim: Simulator, kind: str, record_id: str) -> Row:
    return whole(sim, [v for v in sim.ledger.versions(kind, record_id) if v.record][-1])


def _once(part: Table, rows: Iterable[Row]) -> Iterator[Row]:
    met = set()
    for row in rows:
        key = tuple(str(row[name]) for name in part.key)
        if any(c.origin is Origin.SURROGATE for c in part.columns) or key not in met:
            met.add(key)
            yield row


def _versions_of_keyless(rows: list[Row], columns: Iterable[str]) -> Iterator[Row]:
    """Each row with an id of its values, and an old row of each third parent."""
    for n, row in enumerate(rows):
        text = repr([n, *(row[c] for c in columns)])
        made = hashlib.sha1(text.encode("utf-8", "replace")).hexdigest()  # noqa: S324 - an id
        yield {**row, "_fivetran_id": made, "_fivetran_deleted": False}
        if n % 3 == 0:
            yield {**row, "_fivetran_id": made[::-1], "_fivetran_deleted": True}


def _histories(
    db: duckdb.DuckDBPyConnection, sim: Simulator, table: Table, names: Names,
    types: CustomTypes, at: datetime, *, guessed: bool, ingested: timedelta,
) -> None:  # fmt: skip
    """A version for each `updatedAt`; an element's interval for each run of versions with it."""
    versions: list[Row] = []
    elements: dict[str, list[Row]] = {c.name: [] for c in table.children if c.history}
    kept: dict[str, Type] = {}
    current = {v.id for v in sim.ledger.current(table.object)}
    for record_id in sorted(current | {v.id for v in sim.ledger.erased(table.object)}):
        told = [v for v in sim.ledger.versions(table.object, record_id) if v.record]
        by_time = {v.record["attributes"]["updatedAt"]: v for v in told if v.record}
        records = [scrubbed(whole(sim, by_time[when])) for when in sorted(by_time)]
        landed = [naive.shred(table, [record], names, types).tables for record in records]
        starts = [one[table.name].rows[0]["__updated_at"].replace(tzinfo=None) + ingested
                  for one in landed]  # fmt: skip
        ends = [*(start - timedelta(milliseconds=1) for start in starts[1:]), FOREVER]
        for one, start, end in zip(landed, starts, ends, strict=True):
            versions.append(_version(one[table.name].rows[0], start, end))
            kept |= one[table.name].types
        for child in (c for c in table.children if c.history):
            seen = [{tuple(row[k] for k in child.history_key) for row in one[child.name].rows}
                    for one in landed]  # fmt: skip
            for key in sorted(set().union(*seen)):
                row = dict(zip(child.history_key, key, strict=True))
                for first, last in _runs([key in there for there in seen]):
                    elements[child.name].append(_version(row, starts[first], ends[last]))
    marks = {"_fivetran_synced": at}
    assert table.history is not None
    _store(db, table.history, kept, versions, marks, guessed=guessed)
    for child in (c for c in table.children if c.history):
        kinds = dict.fromkeys(child.history_key, Type.STRING)
        assert child.history is not None
        _store(db, child.history, kinds, elements[child.name], marks, guessed=guessed)


def _version(row: Row, start: datetime, end: datetime) -> Row:
    marks = {"_fivetran_start": start, "_fivetran_end": end, "_fivetran_active": end == FOREVER}
    return {**row, **marks}


def _runs(present: list[bool]) -> Iterator[tuple[int, int]]:
    first = None
    for n, there in enumerate([*present, False]):
        if there and first is None:
            first = n
        elif not there and first is not None:
            yield first, n - 1
            first = None


def _store(
    db: duckdb.DuckDBPyConnection, name: str, kept: dict[str, Type], rows: list[Row],
    marks: dict[str, Any], *, guessed: bool, key: tuple[str, ...] = (),
) -> None:  # fmt: skip
    own = {c for c in (rows[0] if rows else {}) if c.startswith("_fivetran")} | marks.keys()
    columns = {c: ENGINE[t] for c, t in kept.items()}
    if guessed:
        columns |= {c: guess for c in kept if (guess := _guess(c, [row.get(c) for row in rows]))}
    columns |= {c: _mark(c) for c in sorted(own)}
    body = ", ".join(f'"{c}" {t}' for c, t in columns.items())
    if key:
        body += f", PRIMARY KEY ({', '.join(key)})"
    db.execute(f'CREATE TABLE kustomer."{name}" ({body})')
    if rows:
        values = [[_plain({**marks, **row}.get(c)) for c in columns] for row in rows]
        holes = ", ".join("?" for _ in columns)
        db.executemany(f'INSERT INTO kustomer."{name}" VALUES ({holes})', values)


def _mark(column: str) -> str:
    if column in ("_fivetran_deleted", "_fivetran_active"):
        return "BOOLEAN"
    return "VARCHAR" if column == "_fivetran_id" else "TIMESTAMP"


def _guess(column: str, values: list[Any]) -> str | None:
    """The type of a custom column as its values look; None: as declared."""
    met = [value for value in values if value is not None]
    if not column.startswith("custom_") or not met:
        return None
    if all(isinstance(v, str) and _digits(v) for v in met):
        return "BIGINT"
    if all(isinstance(v, float) and v.is_integer() and abs(v) < 1e15 for v in met):
        return "BIGINT"
    return None


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 18 and str(int(text)) == text


def _plain(value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value
