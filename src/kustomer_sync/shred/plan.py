"""What a page is read as: one struct type, made from where a table's values are.

The keys on the way to any value are struct fields even where nothing below them is read by
Arrow, so that a record with something else than an object there is always noticed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from kustomer_sync.model import Column, Origin, Table, Type
from kustomer_sync.shred.values import READ, Array

Path = tuple[str, ...]
CUSTOM = ("attributes", "custom")
"""Where a record, or an element that is one, has its custom attributes."""


@dataclass(slots=True)
class Node:
    """One object of the records: what is read of it, and the objects inside it."""

    leaves: list[tuple[str, pa.DataType, int]] = field(default_factory=list)
    """Key, type, and the slot that the array goes to."""
    inner: dict[str, Node] = field(default_factory=dict)

    def type(self) -> pa.StructType:
        inner = [pa.field(key, node.type()) for key, node in self.inner.items()]
        return pa.struct([*(pa.field(key, type_) for key, type_, _ in self.leaves), *inner])

    def spread(self, array: Array, slots: list[Any]) -> None:
        """Each leaf's array to its slot, with the nulls of the objects that hold it."""
        if not self.leaves and not self.inner:
            return
        fields = array.flatten()
        for (_, _, slot), leaf in zip(self.leaves, fields, strict=False):
            slots[slot] = leaf
        for node, inner in zip(self.inner.values(), fields[len(self.leaves) :], strict=True):
            node.spread(inner, slots)


class Reading:
    """The columns and lists that are read as one array of structs, and which slots they fill."""

    def __init__(self, ways: Iterable[Path] = ()) -> None:
        self.root = Node()
        self.slots = 0
        for way in ways:
            self._node(way)

    def _node(self, path: Path) -> Node:
        node = self.root
        for key in path:
            node = node.inner.setdefault(key, Node())
        return node

    def add(self, path: Path, types: Sequence[pa.DataType]) -> tuple[int, ...]:
        """Read the value at `path` as each of `types`."""
        node = self._node(path[:-1])
        taken = tuple(range(self.slots, self.slots + len(types)))
        node.leaves += [(path[-1], type_, slot) for type_, slot in zip(types, taken, strict=True)]
        self.slots += len(types)
        return taken

    def spread(self, array: Array) -> list[Any]:
        slots: list[Any] = [None] * self.slots
        self.root.spread(array, slots)
        return slots


def _ways(table: Table, columns: Sequence[Column], lists: Sequence[Path]) -> tuple[Path, ...]:
    """Every path to an object that is only on the way to values; outer ones first.

    Where a column or child takes the whole of what is there (Json), it may be anything.
    """
    paths = [*(c.source for c in columns), *lists]
    values = set(paths)
    if table.custom:
        paths.append((*CUSTOM, ""))
    found: dict[Path, None] = {}
    for path in filter(_speakable, paths):
        for n in range(1, len(path)):
            if path[:n] in values:
                break
            found[path[:n]] = None
    return tuple(found)


def _open(path: Path, ways: tuple[Path, ...]) -> bool:
    """Whether Arrow can go there."""
    return bool(path) and _speakable(path) and (len(path) == 1 or path[:-1] in ways)


def _speakable(path: Path) -> bool:
    """Whether Arrow can have the keys as field names."""
    try:
        return all(key.encode() or True for key in path)
    except UnicodeEncodeError:
        return False


def by_arrow(column: Column) -> bool:
    """Whether a column's values can be read by Arrow at all."""
    return column.origin is Origin.VALUE and column.type is not Type.JSON and not column.first


@dataclass(frozen=True, slots=True)
class ChildPlan:
    """How the elements of a child's array are read: as structs, or as the values they are."""

    child: Table
    elements: Reading | None
    """None: an element is itself the value."""
    columns: tuple[tuple[Column, tuple[int, ...]], ...]
    slot: int
    """Where its list is."""
    type: pa.DataType
    """What the list is read as."""


@dataclass(frozen=True, slots=True)
class Plan:
    type: pa.StructType
    reading: Reading
    columns: tuple[tuple[Column, tuple[int, ...] | None], ...]
    """Every column of the root with its slots; None: taken from the records one by one."""
    children: tuple[ChildPlan | Table, ...]
    """Every child in order; a bare table is shredded element by element."""
    ways: tuple[Path, ...]
    """Every path at which a record has an object or nothing."""
    said: frozenset[Path]
    """Those whose misfits this table tells: not what only the way to custom attributes shares."""


def plan(table: Table, columns: Sequence[Column], stubborn: frozenset[str]) -> Plan:
    """`stubborn`: names of columns and children that Arrow was not able to read before."""
    lists = [e for c in table.children if isinstance(e := c.elements, tuple) and e]
    ways = _ways(table, columns, lists)
    reading = Reading(ways)
    taken: list[tuple[Column, tuple[int, ...] | None]] = []
    for column in columns:
        fast = by_arrow(column) and column.name not in stubborn and _open(column.source, ways)
        taken.append((column, reading.add(column.source, READ[column.type]) if fast else None))
    children: list[ChildPlan | Table] = []
    for child in table.children:
        planned = None if child.name in stubborn else _child_plan(child, reading, ways)
        children.append(planned or child)
    said = {c.source[:n] for c in columns if c.custom is None for n in range(1, len(c.source))}
    said |= {path[:n] for path in lists for n in range(1, len(path))}
    if table.custom:
        said.add(CUSTOM)
    return Plan(reading.root.type(), reading, tuple(taken), tuple(children), ways, frozenset(said))


def _child_plan(child: Table, reading: Reading, outer: tuple[Path, ...]) -> ChildPlan | None:
    """None where Arrow can't read the elements, or they are hashed."""
    values = [c for c in child.columns if c.origin is Origin.VALUE]
    if not isinstance(child.elements, tuple) or not _open(child.elements, outer) or not values:
        return None
    if any(c.origin is Origin.SURROGATE for c in child.columns):
        return None
    if not all(by_arrow(c) for c in values):
        return None
    if len(values) == 1 and not values[0].source and values[0].type is Type.STRING:
        texts = pa.list_(pa.string())
        (slot,) = reading.add(child.elements, (texts,))
        return ChildPlan(child, None, ((values[0], (0,)),), slot, texts)
    if not all(c.source for c in values):
        return None
    ways = {c.source[:n] for c in values for n in range(1, len(c.source))}
    if any(c.source in ways for c in values):
        return None
    elements = Reading()
    columns = tuple((c, elements.add(c.source, READ[c.type])) for c in values)
    for place in (CUSTOM[1:], CUSTOM):  # Arrow refuses a page with an element that has some
        if len(place) == 1 or place[:1] in ways:
            elements.add(place, (pa.null(),))
    structs = pa.list_(elements.root.type())
    (slot,) = reading.add(child.elements, (structs,))
    return ChildPlan(child, elements, columns, slot, structs)
