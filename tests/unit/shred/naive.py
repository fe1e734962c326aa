"""A second shredder, as plain as can be: one value at a time, no Arrow, no state, no haste.

Written from the rules, not from the other's code. Where the two disagree, one of them is wrong.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from kustomer_sync.model import Column, Origin, Table, Type
from kustomer_sync.shred import CustomTypes, Names

Path = tuple[str, ...]


class Unfit(Exception):  # noqa: N818 - reads as what it is
    pass


@dataclass
class Landed:
    """What lands in one table."""

    types: dict[str, Type] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Outcome:
    tables: dict[str, Landed] = field(default_factory=dict)
    rejects: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    """How often (table, record, column, value) was rejected."""


def shred(
    table: Table, records: Sequence[Any], names: Names, types: CustomTypes,
    klass_of: Callable[[Any], str] | None = None,
) -> Outcome:  # fmt: skip
    out = Outcome()
    kept = []
    for record in records:
        ident = record.get("id") if isinstance(record, dict) else None
        if (isinstance(ident, str) and ident) or (
            isinstance(ident, int) and not isinstance(ident, bool)
        ):
            kept.append(record)
        else:
            out.rejects[table.name, "", "id", as_text(record)] += 1
    ways = _ways(table)
    if table.per_klass:
        ways.discard(("attributes", "custom"))
    say_obstacles(out, table.name, kept, ways)
    columns = list(table.columns)
    if table.custom and not table.per_klass:
        columns += customs(table, table.name, kept, names, types)
    land(out, table.name, columns, kept)
    marks(out.tables[table.name].rows, table, kept)
    for child in table.children:
        land_child(out, child, kept)
    if table.per_klass and klass_of is not None:
        taken = [t.name for t in table.walk()]
        klasses: dict[str, list[int]] = {}
        for n, record in enumerate(kept):
            klasses.setdefault(klass_of(record), []).append(n)
        whole = out.tables[table.name]
        for klass, places in klasses.items():
            name = names.klass_table(klass, taken, table.name)
            own = [kept[n] for n in places]
            if table.custom:
                say_obstacles(out, name, own, {("attributes", "custom")})
            scope = Table(name, table.columns, custom=table.custom)
            extra = customs(scope, f"{table.name}.{klass}", own, names, types)
            land(out, name, extra, own)
            landed = out.tables[name]
            landed.types = {**whole.types, **landed.types}
            landed.rows = [
                {**whole.rows[n], **row, "__row": m}
                for m, (n, row) in enumerate(zip(places, landed.rows, strict=True))
            ]
    return out


# ---- ways through a record ----


def at(record: Any, path: Path) -> Any:
    for key in path:
        record = record.get(key) if isinstance(record, dict) else None
    return record


def _ways(table: Table) -> set[Path]:
    paths: list[Path] = [c.source for c in table.columns]
    paths += [("attributes", mark) for mark in ("updatedAt", "rev", "deleted")]
    paths += [c.elements for c in table.children if isinstance(c.elements, tuple)]
    values = set(paths)  # what a column takes whole may be anything
    if table.custom:
        paths.append(("attributes", "custom", "any"))
    return {path[:n] for path in paths for n in range(1, len(path))} - values


def say_obstacles(out: Outcome, name: str, records: Sequence[Any], ways: set[Path]) -> None:
    for record in records:
        for way in ways:
            found = at(record, way)
            if found is not None and not isinstance(found, dict) and found not in ("", []):
                out.rejects[name, as_text(record["id"]), ".".join(way), as_text(found)] += 1


# ---- columns ----


def customs(
    table: Table, resource: str, records: Sequence[Any], names: Names, types: CustomTypes
) -> list[Column]:
    if not table.custom:
        return []
    values: dict[str, list[Any]] = {}
    for record in records:
        custom = at(record, ("attributes", "custom"))
        for key, value in custom.items() if isinstance(custom, dict) else ():
            values.setdefault(key, []).append(value)
    for key, met in values.items():
        if types.type_of(resource, key) is Type.DOUBLE and any(map(too_long, met)):
            types.widen(resource, key)
    taken = [c.name for c in table.columns]
    return [types.column(resource, names.column(table.name, key, taken), key) for key in values]


def too_long(value: Any) -> bool:
    if isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]+\s*", value):
        value = int(value)
    return isinstance(value, int) and abs(value) > 2**53


def land(out: Outcome, name: str, columns: Sequence[Column], records: Sequence[Any]) -> None:
    landed = out.tables.setdefault(name, Landed())
    landed.rows = [{"__row": n} for n in range(len(records))]
    for column in columns:
        values = [pick(record, column) for record in records]
        ids = [as_text(record["id"]) for record in records]
        made = fit_all(out, name, column, values, ids, landed)
        for row, value in zip(landed.rows, made, strict=True):
            row[column.name] = value


def pick(record: Any, column: Column) -> Any:
    value = at(record, column.source)
    if column.first and isinstance(value, list):
        there = [item for item in value if item is not None]
        value = there[0] if there else None
    return value


def fit_all(
    out: Outcome, name: str, column: Column, values: list[Any], ids: list[str], landed: Landed
) -> list[Any]:
    made = []
    for value, ident in zip(values, ids, strict=True):
        try:
            made.append(None if value is None else fit(column, value))
        except Unfit:
            out.rejects[name, ident, column.name, as_text(value)] += 1
            made.append(None)
    large = any(v is not None and not -(2**31) <= v < 2**31 for v in made if type(v) is int)
    landed.types[column.name] = Type.LONG if column.type is Type.INT and large else column.type
    return made


def marks(rows: list[dict[str, Any]], table: Table, records: Sequence[Any]) -> None:
    says = any(c.name == "deleted" for c in table.columns)
    wanted = (("__updated_at", "updatedAt", Type.INSTANT), ("__rev", "rev", Type.LONG))
    for row, record in zip(rows, records, strict=True):
        for name, key, type_ in wanted:
            try:
                value = at(record, ("attributes", key))
                row[name] = None if value is None else fit(Column(name, type_), value)
            except Unfit:
                row[name] = None
        deleted = at(record, ("attributes", "deleted"))
        row["__deleted"] = not says and (deleted is True or deleted == "true")


# ---- children ----


def land_child(out: Outcome, child: Table, records: Sequence[Any]) -> None:
    landed = out.tables.setdefault(child.name, Landed())
    own = [c for c in child.columns if c.origin is Origin.VALUE]
    holders = [c for c in own if c.source and (c.references or c.name in child.key)]
    kept: list[tuple[int, str, int, Any]] = []
    for n, record in enumerate(records):
        ident = as_text(record["id"])
        there = [element for element in elements(child, record) if element is not None]
        for place, element in enumerate(there, start=1):
            values = {c.name: piece(c, element, c in holders[:1]) for c in own}
            if any(values[c.name] is None for c in own if c.name in child.key):
                out.rejects[child.name, ident, "element", as_text(element)] += 1
                continue
            kept.append((n, ident, place, element))
            if not (holders and is_id(element)):
                for way, found in blocked(element, own).items():
                    where = ".".join(way) or "element"
                    out.rejects[child.name, ident, where, as_text(found)] += 1
    landed.rows = [{"__row": n} for n, *_ in kept]
    if child.stays:
        for row, (*_, element) in zip(landed.rows, kept, strict=True):
            row["__deleted"] = at(element, ("deleted",)) is True
    for column in child.columns:
        if column.origin is Origin.VALUE:
            pieces = [piece(column, e, column in holders[:1]) for _, _, _, e in kept]
            made = fit_all(out, child.name, column, pieces, [k[1] for k in kept], landed)
        elif column.origin is Origin.SURROGATE:
            made = [None for _ in kept]
        else:
            made = [ident if column.origin is Origin.PARENT else p for _, ident, p, _ in kept]
        landed.types.setdefault(column.name, column.type)
        for row, value in zip(landed.rows, made, strict=True):
            row[column.name] = value


def is_id(value: Any) -> bool:
    return isinstance(value, str) or type(value) is int


def elements(child: Table, record: Any) -> list[Any]:
    if callable(child.elements):
        return list(child.elements(record))
    found = at(record, child.elements)
    if isinstance(found, list):
        return found
    return [] if found is None or found == "" or found == {} else [found]


def piece(column: Column, element: Any, holds_id: bool) -> Any:
    if holds_id and is_id(element):
        return element
    value = pick(element, column)
    if column.references and isinstance(value, dict):
        inner = value["id"] if value.get("id") is not None else value.get(column.references)
        return inner.get("id") if isinstance(inner, dict) else inner
    return value


def blocked(element: Any, columns: Sequence[Column]) -> dict[Path, Any]:
    found: dict[Path, Any] = {}
    for column in columns:
        for n in range(len(column.source)):
            value = at(element, column.source[:n])
            if value is None or value == "" or value == []:
                break
            if not isinstance(value, dict):
                found[column.source[:n]] = value
                break
    return found


# ---- values ----


def fit(column: Column, value: Any) -> Any:
    if column.type is Type.JSON:
        return as_json(value)
    if column.type is Type.STRING:
        whole = isinstance(value, float) and value.is_integer()
        if column.custom is not None and column.custom.endswith("Num") and whole:
            return str(int(value))
        return as_text(value)
    if column.type is Type.BOOLEAN:
        if value is True or value is False:
            return value
        return {"true": True, "false": False}[value] if value in ("true", "false") else unfit()
    if column.type is Type.INSTANT:
        return instant(value)
    return number(column.type, value)


def unfit() -> Any:
    raise Unfit


def number(type_: Type, value: Any) -> Any:
    if isinstance(value, bool):
        unfit()
    if isinstance(value, str):
        value = value.strip()
        if re.fullmatch(r"-?[0-9]+", value):
            value = int(value)
        elif type_ is Type.DOUBLE and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?", value):
            value = float(value)
    if not isinstance(value, int | float) or not math.isfinite(value):
        unfit()
    if type_ is Type.DOUBLE:
        try:
            return float(value) if float(value) == value else unfit()
        except OverflowError:
            unfit()
    if value != int(value) or not -(2**63) <= int(value) < 2**63:
        unfit()
    return int(value)


def instant(value: Any) -> datetime:
    try:
        if isinstance(value, str) and re.match(r"\s*[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            at = datetime.fromisoformat(value.strip())
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value)
    except (ValueError, OverflowError):
        pass
    raise Unfit


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else as_json(value)


def as_json(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # an integer beyond 64 bits
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
