"""Records of one page -> Arrow rows of a table and its children, driven by the table's columns.

The whole page becomes one struct array of an explicit type, from which columns and child tables
are taken by Arrow kernels. A page in which any value does not fit is taken column by column,
and only the columns that do not fit value by value. A row always lands.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kustomer_sync.model import (
    ARROW_TYPES,
    DELETED,
    REV,
    ROW,
    UPDATED_AT,
    Batch,
    Column,
    Origin,
    Record,
    Reject,
    Rows,
    Table,
    Type,
    wider,
)
from kustomer_sync.shred.custom import CustomTypes
from kustomer_sync.shred.naming import Names
from kustomer_sync.shred.values import (
    FAST,
    Converted,
    convert,
    loses_digits,
    number_text,
    settle,
    text,
)

_MARKS = (
    Column(UPDATED_AT, Type.INSTANT, ("attributes", "updatedAt")),
    Column(REV, Type.LONG, ("attributes", "rev")),
)
_SOFT = Column(DELETED, Type.BOOLEAN, ("attributes", "deleted"))
_REFUSED = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError)


class Shredder:
    """Shreds the pages of one root table; remembers names and types of custom attributes."""

    def __init__(
        self, table: Table, *, names: Names, custom_types: CustomTypes,
        klass_of: Callable[[Record], str] = lambda record: "unknown",
    ) -> None:  # fmt: skip
        self.table = table
        self.unknown: set[str] = set()
        """Attributes met that no column takes."""
        self._names, self._types, self._klass_of = names, custom_types, klass_of
        self._soft = not any(c.name == "deleted" for c in table.columns)
        self._attributes = _known(table)

    def shred(self, records: Sequence[Record]) -> list[Batch]:
        """The page as batches: one of the table, and one of each klass met where it has klasses.

        Every record with an id is a row; one without is a reject of the first batch.
        """
        kept, rejects = _with_ids(self.table.name, records)
        self._notice(kept)
        ids = [text(r["id"]) for r in kept]
        own = () if self.table.per_klass else self._custom(kept, self.table.name, self.table)
        batch = self._batch(self.table, own, kept, ids, rejects)
        if not self.table.per_klass:
            return [batch]
        return [batch, *self._klasses(kept)]

    def _klasses(self, records: list[Record]) -> Iterator[Batch]:
        by_klass: dict[str, list[Record]] = {}
        for record in records:
            by_klass.setdefault(self._klass_of(record), []).append(record)
        taken = {t.name for t in self.table.walk()}
        for klass, members in by_klass.items():
            name = self._names.klass_table(self.table.name, klass, taken)
            table = replace(self.table, name=name, children=(), per_klass=False)
            own = self._custom(members, f"{self.table.name}.{klass}", table)
            yield self._batch(table, own, members, [text(r["id"]) for r in members], ())

    def _custom(self, records: list[Record], resource: str, table: Table) -> tuple[Column, ...]:
        """A column for each custom attribute on the page, in order of first sight."""
        if not table.custom:
            return ()
        dicts = [_at(r, ("attributes", "custom")) for r in records]
        met = dict.fromkeys(key for d in dicts if isinstance(d, dict) for key in d)
        taken = [c.name for c in table.columns]
        found = []
        for attribute in met:
            name = self._names.column(table.name, attribute, taken)
            column = self._types.column(resource, name, attribute)
            if column.type is Type.DOUBLE and loses_digits(
                [d.get(attribute) for d in dicts if isinstance(d, dict)]
            ):
                self._types.widen(resource, attribute)
                column = replace(column, type=Type.STRING)
            found.append(column)
        return tuple(found)

    def _batch(
        self, table: Table, custom: tuple[Column, ...], records: list[Record], ids: list[str],
        rejects: Sequence[Reject],
    ) -> Batch:  # fmt: skip
        columns = (*table.columns, *custom)
        marks = (*_MARKS, _SOFT) if self._soft else _MARKS
        page = _Page(records, (*columns, *marks), table.children)
        found = list(rejects)
        taken, data = page.columns((*columns, *marks), table.name, ids, found)
        if not self._soft:
            data[DELETED] = pa.array([False] * len(records), pa.bool_())
        data[DELETED] = pc.fill_null(data[DELETED], False)
        data[ROW] = pa.array(range(len(records)), pa.int64())
        landing = [c for c in taken if c.name not in (UPDATED_AT, REV, DELETED)]
        root = Rows(replace(table, columns=tuple(landing), children=table.children), pa.table(data))
        children = tuple(page.child(child, ids, found) for child in table.children)
        found = [r for r in found if r.column not in (UPDATED_AT, REV, DELETED)]
        return Batch(root, children, tuple(found))

    def _notice(self, records: list[Record]) -> None:
        met: set[str] = set().union(
            *(r["attributes"] for r in records if isinstance(r.get("attributes"), dict))
        )
        self.unknown |= met - self._attributes


def _known(table: Table) -> set[str]:
    paths = [c.source for t in table.walk() for c in t.columns if t is table]
    paths += [c.elements for c in table.children if isinstance(c.elements, tuple)]
    known = {p[1] for p in paths if len(p) > 1 and p[0] == "attributes"}
    return known | {"custom", "rev", "updatedAt", "deleted"}


def _with_ids(name: str, records: Sequence[Record]) -> tuple[list[Record], list[Reject]]:
    kept, rejects = [], []
    for record in records:
        if isinstance(record, dict) and record.get("id") not in (None, ""):
            kept.append(record)
        else:
            rejects.append(Reject(name, "", "id", text(record), "a record without an id"))
    return kept, rejects


@dataclass(frozen=True, slots=True)
class _Nowhere:
    """What stands where an object was expected on the way to a value."""

    value: Any


def _at(record: Any, path: tuple[str, ...]) -> Any:
    """The value at a path; None where the way there is missing or null."""
    for key in path:
        if record is None:
            return None
        if not isinstance(record, dict):
            return _Nowhere(record)
        record = record.get(key)
    return record


class _Page:
    """The records of one page: as a struct array if all fits, as they are if not."""

    def __init__(
        self, records: list[Record], columns: Sequence[Column], children: Sequence[Table]
    ) -> None:
        self._records = records
        self._struct: pa.StructArray | None = None
        paths = [c.elements for c in children if isinstance(c.elements, tuple)]
        if _any_text(records, paths):
            return
        tree: dict[str, Any] = {}
        for column in columns:
            if _fast(column):
                _plant(tree, column.source, FAST[column.type])
        for child in children:
            if isinstance(child.elements, tuple) and _fast_child(child):
                _plant(tree, child.elements, pa.list_(_element_type(child)))
        try:
            self._struct = pa.array(records, _struct_type(tree))
        except (*_REFUSED, _Clash):
            self._struct = None

    def columns(
        self, columns: Sequence[Column], table: str, ids: list[str], rejects: list[Reject]
    ) -> tuple[list[Column], dict[str, pa.Array]]:
        """Each column's array, its type as it came out, and what did not fit."""
        taken, data = [], {}
        for column in columns:
            converted = self._fast(column) or _slow(self._records, column)
            taken.append(replace(column, type=converted.type))
            data[column.name] = converted.array
            rejects += [
                Reject(table, ids[place], column.name, text(value), why)
                for place, value, why in converted.misfits
            ]
        return taken, data

    def _fast(self, column: Column) -> Converted | None:
        if self._struct is None or not _fast(column):
            return None
        return settle(_dig(self._struct, column.source), column.type)

    def child(self, child: Table, ids: list[str], rejects: list[Reject]) -> Rows:
        if self._struct is not None and isinstance(child.elements, tuple) and _fast_child(child):
            rows = self._fast_child(child, ids)
            if rows is not None:
                return rows
        return _slow_child(child, self._records, ids, rejects)

    def _fast_child(self, child: Table, ids: list[str]) -> Rows | None:
        assert isinstance(child.elements, tuple)  # noqa: S101 - narrows for the type checker
        lists = _dig(self._struct, child.elements)
        elements = pc.list_flatten(lists)
        if elements.null_count:
            return None
        parents = pc.list_parent_indices(lists)
        data: dict[str, pa.Array] = {}
        taken = []
        for column in child.columns:
            if column.origin is Origin.PARENT:
                array = pc.take(pa.array(ids, pa.string()), parents)
                converted = Converted(array, column.type)
            elif column.origin is Origin.INDEX:
                converted = Converted(_places(lists, parents), column.type)
            else:
                values = _dig(elements, column.source) if column.source else elements
                settled = settle(values, column.type)
                if settled is None:
                    return None
                converted = settled
            data[column.name] = converted.array
            taken.append(replace(column, type=converted.type))
        data[ROW] = pc.cast(parents, pa.int64())
        return Rows(replace(child, columns=tuple(taken)), pa.table(data))


def _any_text(records: list[Record], paths: list[tuple[str, ...]]) -> bool:
    """Whether a string stands where a list is expected: Arrow would make a list of its letters."""
    keys = [path[1] for path in paths if len(path) == 2 and path[0] == "attributes"]
    deeper = [path for path in paths if len(path) != 2 or path[0] != "attributes"]
    for record in records:
        attributes = record.get("attributes")
        if isinstance(attributes, dict):
            for key in keys:
                if isinstance(attributes.get(key), str):
                    return True
        for path in deeper:
            if isinstance(_at(record, path), str):
                return True
    return False


def _places(lists: pa.ListArray, parents: pa.Array) -> pa.Array:
    """Each element's place in its list, from 1."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    starts = pc.subtract(
        pc.cumulative_sum(pc.cast(lengths, pa.int64())), pc.cast(lengths, pa.int64())
    )
    running = pa.array(range(1, len(parents) + 1), pa.int64())
    return pc.cast(pc.subtract(running, pc.take(starts, parents)), pa.int32())


def _fast(column: Column) -> bool:
    return (
        column.origin is Origin.VALUE
        and column.type is not Type.JSON
        and not column.first
        and bool(column.source)
    )


def _fast_child(child: Table) -> bool:
    return all(
        c.origin in (Origin.PARENT, Origin.INDEX)
        or (c.origin is Origin.VALUE and c.type is not Type.JSON and not c.first)
        for c in child.columns
    )


def _element_type(child: Table) -> pa.DataType:
    values = [c for c in child.columns if c.origin is Origin.VALUE]
    if all(not c.source for c in values):
        return FAST[values[0].type]
    tree: dict[str, Any] = {}
    for column in values:
        _plant(tree, column.source, FAST[column.type])
    return _struct_type(tree)


class _Clash(ValueError):  # noqa: N818 - reads as what it is
    """Two columns want the same place as different things."""


def _plant(tree: dict[str, Any], path: tuple[str, ...], leaf: pa.DataType) -> None:
    for key in path[:-1]:
        tree = tree.setdefault(key, {})
        if not isinstance(tree, dict):
            raise _Clash(path)
    if tree.setdefault(path[-1], leaf) != leaf:
        raise _Clash(path)


def _struct_type(tree: dict[str, Any]) -> pa.DataType:
    return pa.struct([(k, _struct_type(v) if isinstance(v, dict) else v) for k, v in tree.items()])


def _dig(array: Any, path: tuple[str, ...]) -> pa.Array:
    """A nested field with the nulls of what holds it."""
    return pc.struct_field(array, list(path))


# ---- column by column, where a page does not fit ----


def _slow(records: Sequence[Any], column: Column) -> Converted:
    values = [_at(r, column.source) for r in records]
    if column.first:
        values = [(v[0] if v else None) if isinstance(v, list) else v for v in values]
    lost = tuple(
        (place, v.value, "an object was expected here")
        for place, v in enumerate(values)
        if isinstance(v, _Nowhere)
    )
    if lost:
        values = [None if isinstance(v, _Nowhere) else v for v in values]
    converted = convert(values, column.type)
    return replace(converted, misfits=(*converted.misfits, *lost)) if lost else converted


def _slow_child(
    child: Table, records: Sequence[Record], ids: list[str], rejects: list[Reject]
) -> Rows:
    parents: list[int] = []
    places: list[int] = []
    elements: list[Any] = []
    for n, record in enumerate(records):
        for place, element in enumerate(_elements(child, record), start=1):
            parents.append(n)
            places.append(place)
            elements.append(element)
    data: dict[str, pa.Array] = {}
    taken = []
    for column in child.columns:
        match column.origin:
            case Origin.PARENT:
                array = pa.array([ids[n] for n in parents], pa.string())
                converted = Converted(array, column.type)
            case Origin.INDEX:
                converted = Converted(pa.array(places, pa.int32()), column.type)
            case Origin.SURROGATE:
                array = pa.array(_surrogates(parents, elements, ids), pa.string())
                converted = Converted(array, column.type)
            case Origin.VALUE:
                converted = _slow([_value_holder(e, column) for e in elements], column)
        rejects += [
            Reject(child.name, ids[parents[place]], column.name, text(value), why)
            for place, value, why in converted.misfits
        ]
        data[column.name] = converted.array
        taken.append(replace(column, type=converted.type))
    data[ROW] = pa.array(parents, pa.int64())
    rows = Rows(replace(child, columns=tuple(taken)), pa.table(data))
    return _keyed(rows)


def _keyed(rows: Rows) -> Rows:
    """Without the elements whose key is missing: nothing could tell them apart."""
    keys = [k for k in rows.table.key if rows.data.column(k).null_count]
    data = rows.data
    for key in keys:
        data = data.filter(pc.is_valid(data.column(key)))
    return Rows(rows.table, data) if keys else rows


def _elements(child: Table, record: Record) -> list[Any]:
    """The elements that rows are made of; a lone value is a list of one."""
    if not isinstance(child.elements, tuple):
        try:
            return list(child.elements(record))
        except (AttributeError, TypeError):
            return []  # not shaped as documented; the root row lands all the same
    found = _at(record, child.elements)
    if found is None or isinstance(found, _Nowhere):
        return []
    return [e for e in found if e is not None] if isinstance(found, list) else [found]


def _value_holder(element: Any, column: Column) -> Any:
    """The element as its column expects it: ids may come as objects, objects as ids."""
    if not column.source and isinstance(element, dict) and column.references:
        return element.get("id", element.get(column.references))
    if len(column.source) == 1 and column.references and not isinstance(element, dict):
        return {column.source[0]: element}
    return element


def _surrogates(parents: list[int], elements: list[Any], ids: list[str]) -> Iterator[str]:
    """Ids that depend on nothing but the record's id, the element, and how often it was there."""
    seen: dict[tuple[int, str], int] = {}
    for parent, element in zip(parents, elements, strict=True):
        canonical = json.dumps(element, sort_keys=True, ensure_ascii=False)
        count = seen[(parent, canonical)] = seen.get((parent, canonical), 0) + 1
        digest = hashlib.sha256(f"{ids[parent]}\n{count}\n{canonical}".encode("utf-8", "replace"))
        yield digest.hexdigest()[:32]


# ---- pages -> one batch ----


def concat(batches: Sequence[Batch]) -> Batch:
    """One batch of several of the same table: every column of any, NULL where one lacked it."""
    if len(batches) == 1:
        return batches[0]
    offsets, at = [], 0
    for batch in batches:
        offsets.append(at)
        at += batch.records
    root = _joined([b.root for b in batches], offsets)
    children = []
    for n in range(len(batches[0].children)):
        children.append(_joined([b.children[n] for b in batches], offsets))
    rejects = tuple(reject for b in batches for reject in b.rejects)
    return Batch(root, tuple(children), rejects)


def _joined(parts: Sequence[Rows], offsets: Sequence[int]) -> Rows:
    columns: dict[str, Column] = {}
    for part in parts:
        for column in part.table.columns:
            known = columns.get(column.name)
            type_ = wider(known.type, column.type) if known else column.type
            columns[column.name] = replace(column, type=type_)
    marks = [n for n in (UPDATED_AT, REV, DELETED) if n in parts[0].data.column_names]
    tables = []
    for part, offset in zip(parts, offsets, strict=True):
        own = {c.name: c.type for c in part.table.columns}
        data: dict[str, Any] = {}
        for name, column in columns.items():
            target = ARROW_TYPES[column.type]
            if name in own:
                data[name] = cast(part.data.column(name), own[name], column.type)
            else:
                data[name] = pa.nulls(part.data.num_rows, target)
        for mark in marks:
            data[mark] = part.data.column(mark)
        data[ROW] = pc.add(part.data.column(ROW), pa.scalar(offset, pa.int64()))
        tables.append(pa.table(data))
    table = replace(parts[0].table, columns=tuple(columns.values()))
    return Rows(table, pa.concat_tables(tables).combine_chunks())


def cast(array: Any, stored: Type, wanted: Type) -> Any:
    """An array in a wider type; a whole double becomes text without a fraction."""
    if stored == wanted:
        return array
    if wanted is Type.STRING and stored is Type.DOUBLE:
        values = array.to_pylist()
        return pa.array([None if v is None else number_text(v) for v in values], pa.string())
    if wanted is Type.STRING and stored is Type.JSON:
        return array
    return pc.cast(array, ARROW_TYPES[wanted])
