"""The rows of a child table by kernels, from the lists that Arrow read with the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kustomer_sync.model import ARROW_TYPES, Origin, Record, Rows, Table, Type
from kustomer_sync.shred.elements import at, child_rows
from kustomer_sync.shred.plan import ChildPlan
from kustomer_sync.shred.values import Array, Settled


@dataclass(frozen=True, slots=True)
class Lists:
    """All elements of a child's arrays on one page."""

    child: Table
    names: tuple[str, ...]
    readings: tuple[tuple[Type, tuple[Array, ...]], ...]
    """Of each named column: what `settle` takes."""
    parents: Array
    places: Array | None

    def rows(self, settled: Sequence[Settled | None], ids: Array) -> Rows | None:
        """None where a value does not fit, or a key is missing."""
        given: dict[str, Settled] = {}
        for name, found in zip(self.names, settled, strict=True):
            if found is None or (name in self.child.key and found.array.null_count):
                return None
            given[name] = found
        for column in self.child.columns:
            if column.origin is Origin.PARENT:
                given[column.name] = Settled(ids.take(self.parents), Type.STRING)
            elif column.origin is Origin.INDEX:
                places: Any = self.places
                given[column.name] = Settled(places.cast(ARROW_TYPES[column.type]), column.type)
        return child_rows(self.child, given, self.parents)


def read_lists(how: ChildPlan, lists: Array, records: Sequence[Record]) -> Lists | None:
    """None where Arrow took a text for an array of its characters."""
    child = how.child
    values: Array = lists.flatten()
    parents: Array = pc.list_parent_indices(lists)
    if how.elements is None and _maybe_texts(values) and _texts(child, records):
        return None
    if values.null_count:
        there = values.is_valid()
        values, parents = values.filter(there), parents.filter(there)
    places: Array = None
    if any(c.origin is Origin.INDEX for c in child.columns):
        places = _places(parents)
    slots = [values] if how.elements is None else how.elements.spread(values)
    readings = tuple((c.type, tuple(slots[n] for n in taken)) for c, taken in how.columns)
    return Lists(child, tuple(c.name for c, _ in how.columns), readings, parents, places)


def _maybe_texts(values: Array) -> bool:
    """Whether any element is a single character: `pa.array(["ab"], list_(string()))` has two."""
    lengths: Array = pc.binary_length(values)
    return len(values) > 0 and pc.min(lengths).as_py() in (1, 2, 3, 4)


def _texts(child: Table, records: Sequence[Record]) -> bool:
    path = child.elements if isinstance(child.elements, tuple) else ()
    return any(isinstance(at(record, path), str) for record in records)


def _places(parents: Array) -> Array:
    """Each element's place in its array, from 1; nulls are not counted."""
    counted, last, place = [], None, 0
    for parent in parents.to_pylist():
        place = place + 1 if parent == last else 1
        last = parent
        counted.append(place)
    return pa.array(counted, pa.int64())
