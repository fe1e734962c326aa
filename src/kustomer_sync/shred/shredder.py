"""Records of one page -> Arrow rows of a table and its children, driven by the table's columns.

The whole page is read as one struct array, from which columns and child tables are taken by
Arrow kernels. Where a value does not fit, only its column is taken one by one, on this page and
from then on; the others stay with Arrow. A row always lands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, product
from typing import Any

import pyarrow as pa

from kustomer_sync.model import (
    DELETED,
    REV,
    ROW,
    UPDATED_AT,
    Batch,
    Column,
    Record,
    Reject,
    Rows,
    Table,
    Type,
)
from kustomer_sync.shred.custom import CustomTypes
from kustomer_sync.shred.elements import at, retyped, shred_elements
from kustomer_sync.shred.lists import Lists, read_lists
from kustomer_sync.shred.naming import Names
from kustomer_sync.shred.plan import CUSTOM, ChildPlan, Plan, plan
from kustomer_sync.shred.values import (
    REFUSED,
    Array,
    Settled,
    by_kernels,
    convert,
    loses_digits,
    settle,
    text,
)

_MARKS = (
    Column(UPDATED_AT, Type.INSTANT, ("attributes", "updatedAt")),
    Column(REV, Type.LONG, ("attributes", "rev")),
    Column(DELETED, Type.BOOLEAN, ("attributes", "deleted")),
)
_MARK_NAMES = tuple(mark.name for mark in _MARKS)
_ALWAYS_KNOWN = {"custom", "rev", "updatedAt", "deleted"}


def _no_klass(record: Record) -> str | None:
    return "unknown"


class Shredder:
    """Shreds the pages of one root table; what was learnt of custom attributes is remembered."""

    def __init__(
        self, table: Table, *, names: Names, custom_types: CustomTypes,
        klass_of: Callable[[Record], str | None] = _no_klass,
    ) -> None:  # fmt: skip
        self.table = table
        self.unknown: set[str] = set()
        """Attributes met that no column takes."""
        self._names, self._types, self._klass_of = names, custom_types, klass_of
        self._known = _known(table)
        own = replace(table, custom=table.custom and not table.per_klass)
        self._pages = _Pages(own, (*table.columns, *_MARKS), table.name, names, custom_types)
        self._klasses: dict[str, tuple[Table, _Pages]] = {}

    def shred(self, records: Sequence[Record]) -> list[Batch]:
        """The page as batches: one of the table and, where it has klasses, one of each klass met.

        Every record with an id is a row; one without is a reject of the first batch. A klass's
        batch has rejects of its custom columns only, the first has those of the others.
        """
        kept, rejects = _with_ids(self.table.name, records)
        self.unknown |= _attributes(kept) - self._known
        ids = [text(record["id"]) for record in kept]
        found = self._pages.read(kept, ids)
        whole = Batch(_root(self.table, found), found.children, (*rejects, *found.rejects))
        if not self.table.per_klass:
            return [whole]
        return [whole, *self._by_klass(whole.root, kept, ids)]

    def _by_klass(self, root: Rows, records: list[Record], ids: list[str]) -> Iterator[Batch]:
        """The same rows again, in their klass's table and with its custom columns."""
        members: dict[str | None, list[int]] = {}
        for place, record in enumerate(records):
            members.setdefault(self._klass_of(record), []).append(place)
        for klass, places in members.items():
            if klass is None or not self._names.klass_admitted(klass, self.table.name):
                continue
            table, pages = self._klass(klass)
            found = pages.read([records[n] for n in places], [ids[n] for n in places])
            shared = root.data.drop_columns([ROW]).take(pa.array(places, pa.int64()))
            for column in found.columns:
                shared = shared.append_column(column.name, found.settled[column.name].array)
            shared = shared.append_column(ROW, _numbered(len(places)))
            table = replace(table, columns=(*root.table.columns, *found.columns))
            yield Batch(Rows(table, shared), (), found.rejects)

    def _klass(self, klass: str) -> tuple[Table, _Pages]:
        if klass not in self._klasses:
            name = self._names.klass_table(klass, klass_names_taken(self.table), self.table.name)
            table = klass_table(self.table, name, self._names)
            resource = f"{self.table.name}.{klass}"
            self._klasses[klass] = table, _Pages(table, (), resource, self._names, self._types)
        return self._klasses[klass]


def klass_names_taken(root: Table) -> set[str]:
    """What no klass's table is called: the root, its children, and a history of any."""
    return {name for part in root.walk() for name in (part.name, f"{part.name}_history")}


def klass_table(table: Table, name: str, names: Names) -> Table:
    """The table of that name for one klass of the records of `table`.

    It has a history if the common table has one, or if it was asked for by its own name.
    """
    one = table.of_klass(name)
    if table.history or name in table.klasses_kept:
        return one.versioned(names.klass_history(name, table.name))
    return one


def _known(table: Table) -> set[str]:
    paths = [c.source for c in table.columns]
    paths += [c.elements for c in table.children if isinstance(c.elements, tuple)]
    return {p[1] for p in paths if len(p) > 1 and p[0] == "attributes"} | _ALWAYS_KNOWN


def _attributes(records: Sequence[Record]) -> set[str]:
    found = (record.get("attributes") for record in records)
    return set().union(*(a for a in found if isinstance(a, dict)))


def _with_ids(name: str, records: Sequence[Any]) -> tuple[list[Record], list[Reject]]:
    kept, rejects = [], []
    for record in records:
        found = record.get("id") if isinstance(record, dict) else None
        if type(found) in (str, int) and found != "":
            kept.append(record)
        else:
            rejects.append(Reject(name, "", "id", text(record), "a record without an id"))
    return kept, rejects


def _numbered(count: int) -> Array:
    return pa.array(range(count), pa.int64())


@dataclass(frozen=True, slots=True)
class _Found:
    columns: tuple[Column, ...]
    """Those that land, at the types they came out."""
    settled: Mapping[str, Settled]
    children: tuple[Rows, ...]
    rejects: tuple[Reject, ...]


def _root(table: Table, found: _Found) -> Rows:
    """The root's rows, with the marks that a batch carries."""
    settled = found.settled
    deleted = settled[DELETED].array.fill_null(False)
    if table.says_deleted:
        deleted = pa.array([False] * len(deleted), pa.bool_())
    arrays = [
        *(settled[c.name].array for c in found.columns), settled[UPDATED_AT].array,
        settled[REV].array, deleted, _numbered(len(deleted)),
    ]  # fmt: skip
    names = [*(c.name for c in found.columns), *_MARK_NAMES, ROW]
    return Rows(replace(table, columns=found.columns), pa.Table.from_arrays(arrays, names))


class _Pages:
    """The pages of one table: what was learnt of them, and so how the next is read."""

    def __init__(
        self, table: Table, fixed: tuple[Column, ...], resource: str, names: Names,
        types: CustomTypes,
    ) -> None:  # fmt: skip
        self._table, self._fixed, self._resource = table, fixed, resource
        self._names, self._types = names, types
        self._attributes: dict[str, str] = {}
        """The custom attributes met so far with their columns, in order of first sight."""
        self._stubborn: set[str] = set()
        """Columns and children that Arrow once could not read."""
        self._learnt: tuple[int, ...] | None = None
        self._plan: Plan

    def read(self, records: list[Record], ids: list[str]) -> _Found:
        met = self._met(records)
        page = _Page(self._planned(), self._table, records, ids, self._custom_of)
        settled = page.columns(self._type_of)
        children = page.children()
        self._stubborn |= page.misread
        columns = [
            c
            for c, _ in page.plan.columns
            if c.name not in _MARK_NAMES and (c.custom is None or c.custom in met)
        ]
        return _Found(retyped(columns, settled), settled, children, tuple(page.rejects))

    def _met(self, records: list[Record]) -> dict[str, None]:
        """The page's custom attributes; each has its column's name afterwards."""
        if not self._table.custom:
            return {}
        customs = (at(record, CUSTOM) for record in records)
        found = dict.fromkeys(chain.from_iterable(c for c in customs if isinstance(c, dict)))
        own, names = self._table.name, self._names
        met = {a: None for a in found if a in self._attributes or names.column_admitted(own, a)}
        for attribute in met:
            if attribute not in self._attributes:
                taken = [c.name for c in self._table.columns]
                name = self._names.column(self._table.name, attribute, taken)
                self._attributes[attribute] = name
        return met

    def _custom_of(self, child: Table, elements: Sequence[Any]) -> tuple[Column, ...]:
        """A column for each custom attribute that elements of the child carry.

        The reference connector has some; no document shows one, nor metadata for it.
        """
        found: dict[str, tuple[str, ...]] = {}
        for element, place in product(elements, (CUSTOM[1:], CUSTOM)):
            if isinstance(custom := at(element, place), dict):
                found |= {attribute: (*place, attribute) for attribute in custom}
        columns = []
        for attribute, source in found.items():
            if self._names.column_admitted(child.name, attribute):
                name = self._names.column(child.name, attribute, [c.name for c in child.columns])
                column = replace(self._types.column(child.name, name, attribute), source=source)
                values = [at(element, source) for element in elements]
                type_ = self._type_of(column, values, child.name)
                columns.append(replace(column, type=type_))
        return tuple(columns)

    def _planned(self) -> Plan:
        learnt = self._types.changes, len(self._attributes), len(self._stubborn)
        if learnt != self._learnt:
            own = (
                self._types.column(self._resource, name, attribute)
                for attribute, name in self._attributes.items()
            )
            self._plan = plan(self._table, (*self._fixed, *own), frozenset(self._stubborn))
            self._learnt = learnt
        return self._plan

    def _type_of(self, column: Column, values: list[Any], resource: str = "") -> Type:
        """Text, from now on, for a custom number of which a value would lose digits."""
        if column.custom is not None and column.type is Type.DOUBLE and loses_digits(values):
            self._types.widen(resource or self._resource, column.custom)
            return Type.STRING
        return column.type


class _Page:
    """The records of one page: read by Arrow where it can, else one by one."""

    def __init__(
        self, how: Plan, table: Table, records: list[Record], ids: list[str],
        custom_of: Callable[[Table, Sequence[Any]], tuple[Column, ...]],
    ) -> None:  # fmt: skip
        self.plan, self._custom_of = how, custom_of
        self.rejects: list[Reject] = []
        self.misread: set[str] = set()
        """Columns and children that Arrow could not read."""
        self._table, self._records, self._ids = table, records, ids
        slots = self._slots()
        self._lists = [None if slots is None else self._list(c, slots) for c in how.children]
        self._settled = iter(self._settle(slots))

    def _slots(self) -> list[Any] | None:
        """What Arrow read; None where it refuses the page."""
        try:
            return self.plan.reading.spread(pa.array(self._records, self.plan.type))
        except REFUSED:
            if not self._straighten():
                return None
        try:
            return self.plan.reading.spread(pa.array(self._records, self.plan.type))
        except REFUSED:
            return None

    def _straighten(self) -> bool:
        """Put nothing where something other than an object is, and say what was there."""
        before, self._records = self._records, list(self._records)
        for place in range(len(before)):
            for way in self.plan.ways:
                found = at(self._records[place], way)
                if found is None or isinstance(found, dict):
                    continue
                self._records[place] = _without(self._records[place], way)
                if found not in ("", []) and way in self.plan.said:
                    self._reject(self._table, place, ".".join(way), found, "not an object")
        return any(a is not b for a, b in zip(before, self._records, strict=True))

    def _reject(self, table: Table, place: int, column: str, value: Any, why: str) -> None:
        self.rejects.append(Reject(table.name, self._ids[place], column, text(value), why))

    def _list(self, child: ChildPlan | Table, slots: list[Any]) -> Lists | None:
        if isinstance(child, Table):
            return None
        return read_lists(child, slots[child.slot], self._records)

    def _settle(self, slots: list[Any] | None) -> list[Settled | None]:
        """Of everything that Arrow read, columns first, then the children's columns."""
        if slots is None:
            return []
        columns = [
            (c.type, tuple(slots[n] for n in taken))
            for c, taken in self.plan.columns
            if taken is not None
        ]
        return settle([*columns, *(r for found in self._lists if found for r in found.readings)])

    def columns(self, type_of: Callable[[Column, list[Any]], Type]) -> dict[str, Settled]:
        found = {}
        for column, taken in self.plan.columns:
            quick = None if taken is None else next(self._settled, None)
            found[column.name] = quick or self._one_by_one(column, taken is not None, type_of)
        return found

    def _one_by_one(
        self, column: Column, tried: bool, type_of: Callable[[Column, list[Any]], Type]
    ) -> Settled:
        values = [at(record, column.source) for record in self._records]
        if column.first:
            values = [_first(value) for value in values]
        quick = by_kernels(values, column.type)
        if quick is not None:
            return quick
        if tried:
            self.misread.add(column.name)
        type_ = type_of(column, values)
        settled = convert(values, type_, numbers=replace(column, type=type_).number_as_text)
        if column.name not in _MARK_NAMES:
            for place, value, why in settled.misfits:
                self._reject(self._table, place, column.name, value, why)
        return settled

    def children(self) -> tuple[Rows, ...]:
        """After `columns`: each child's rows."""
        ids = pa.array(self._ids, pa.string())
        return tuple(
            self._child(child, found, ids)
            for child, found in zip(self.plan.children, self._lists, strict=True)
        )

    def _child(self, how: ChildPlan | Table, found: Lists | None, ids: Array) -> Rows:
        if found is not None:
            settled = [next(self._settled) for _ in found.readings]
            rows = found.rows(settled, ids)
            if rows is not None:
                return rows
        child = how if isinstance(how, Table) else how.child
        rows, clean = shred_elements(child, self._records, self._ids, self.rejects, self._custom_of)
        if found is not None or not clean or not self._listable(how):
            self.misread.add(child.name)
        return rows

    def _listable(self, how: ChildPlan | Table) -> bool:
        """Whether Arrow can read a child's arrays, where it could not read the page."""
        if isinstance(how, Table) or not isinstance(how.child.elements, tuple):
            return True
        try:
            pa.array([at(record, how.child.elements) for record in self._records], how.type)
        except REFUSED:
            return False
        return True


def _without(record: Record, way: tuple[str, ...]) -> Record:
    """A copy with nothing at `way`."""
    key, *rest = way
    return {**record, key: _without(record[key], tuple(rest)) if rest else None}


def _first(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return next((item for item in value if item is not None), None)
