"""The rows of a child table element by element: for arrays that Arrow can't read as they are.

Tolerates what the API is known to mix: an id where an object is expected, an object where an id
is, one value where an array is. Knows nothing of the fast way but the rows it must give.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pyarrow as pa

from kustomer_sync.model import DELETED, ROW, Column, Origin, Record, Reject, Rows, Table, Type
from kustomer_sync.shred.values import Array, Settled, convert, json_text, text

_NOTHING: tuple[Any, ...] = (None, "", [], {})


@dataclass(frozen=True, slots=True)
class Element:
    parent: int
    """The place of its record on the page."""
    place: int
    """Its place in its array, from 1; nulls are not counted."""
    value: Any


def at(record: Any, path: tuple[str, ...]) -> Any:
    """The value at a path; None where there is no way to it."""
    for key in path:
        if not isinstance(record, dict):
            return None
        record = record.get(key)
    return record


def obstacle(record: Any, path: tuple[str, ...]) -> tuple[tuple[str, ...], Any] | None:
    """What stands on the way to `path` where an object was expected; nothing is no obstacle."""
    for n, key in enumerate(path):
        if record is None or record == "" or record == []:
            return None
        if not isinstance(record, dict):
            return path[:n], record
        record = record.get(key)
    return None


def shred_elements(
    child: Table, records: Sequence[Record], ids: Sequence[str], rejects: list[Reject],
    custom: Callable[[Table, Sequence[Any]], tuple[Column, ...]] = lambda child, values: (),
) -> tuple[Rows, bool]:  # fmt: skip
    """The child's rows, and whether every element was what it should be.

    `custom`: the columns of the custom attributes that elements carry.
    """
    met = len(rejects)
    elements = list(_elements(child, records, ids, rejects))
    own = custom(child, [e.value for e in elements])
    child = replace(child, columns=(*child.columns, *own)) if own else child
    values = [c for c in child.columns if c.origin is Origin.VALUE]
    stand_in = _stand_in(child, values)
    taken = {c.name: [_value(c, e.value, c is stand_in) for e in elements] for c in values}
    keys = [c.name for c in values if c.name in child.key]
    kept = [n for n in range(len(elements)) if all(taken[key][n] is not None for key in keys)]
    settled = {
        c.name: convert([taken[c.name][n] for n in kept], c.type, numbers=c.number_as_text)
        for c in values
    }
    for n in set(range(len(elements))).difference(kept):
        lost = elements[n]
        rejects.append(
            Reject(child.name, ids[lost.parent], "element", text(lost.value), "it has no key")
        )
    elements = [elements[n] for n in kept]
    _say(child, [c for c in values if c.custom is None], stand_in, elements, ids, rejects)
    for column in values:
        rejects += [
            Reject(child.name, ids[elements[n].parent], column.name, text(value), why)
            for n, value, why in settled[column.name].misfits
        ]
    given = {c.name: settled.get(c.name) or _given(c, elements, ids) for c in child.columns}
    rows = child_rows(child, given, pa.array([e.parent for e in elements], pa.int64()))
    if child.stays:
        deleted = pa.array([at(e.value, ("deleted",)) is True for e in elements], pa.bool_())
        rows = replace(rows, data=rows.data.append_column(DELETED, deleted))
    return rows, not own and len(rejects) == met


def child_rows(child: Table, given: dict[str, Settled], parents: Array) -> Rows:
    """The rows of a child from its settled columns; types as they came out."""
    columns = retyped(child.columns, given)
    arrays = [given[c.name].array for c in columns]
    table = child if columns == child.columns else replace(child, columns=columns)
    return Rows(table, pa.Table.from_arrays([*arrays, parents], [*(c.name for c in columns), ROW]))


def retyped(columns: Sequence[Column], given: dict[str, Settled]) -> tuple[Column, ...]:
    return tuple(
        c if given[c.name].type is c.type else replace(c, type=given[c.name].type) for c in columns
    )


def _elements(
    child: Table, records: Sequence[Record], ids: Sequence[str], rejects: list[Reject]
) -> Iterator[Element]:
    for n, record in enumerate(records):
        if callable(child.elements):
            try:
                found = list(child.elements(record))
            except Exception as error:  # a row lands, whatever the record
                why = f"its elements could not be taken: {type(error).__name__}"
                rejects.append(Reject(child.name, ids[n], "element", "", why))
                continue
        else:
            found = at(record, child.elements)
            if not isinstance(found, list):
                found = [] if found in _NOTHING else [found]
        there = [value for value in found if value is not None]
        for place, value in enumerate(there, start=1):
            yield Element(n, place, value)


def _stand_in(child: Table, values: Sequence[Column]) -> Column | None:
    """The column that a bare id fills, where elements are objects that hold it."""
    return next((c for c in values if c.source and (c.references or c.name in child.key)), None)


def _value(column: Column, element: Any, stands_in: bool) -> Any:
    if stands_in and isinstance(element, str | int) and not isinstance(element, bool):
        return element
    found = at(element, column.source)
    if column.first and isinstance(found, list):
        found = next((item for item in found if item is not None), None)
    if column.references and isinstance(found, dict):
        return _id_in(found, column.references)
    return found


def _id_in(value: Record, kind: str) -> Any:
    """The id in an object that stands for one: `{id: x}`, `{user: x}` or `{user: {id: x}}`."""
    found = value.get("id")
    if found is None:
        found = value.get(kind)
    return found.get("id") if isinstance(found, dict) else found


def _say(
    child: Table, values: Sequence[Column], stand_in: Column | None,
    elements: Sequence[Element], ids: Sequence[str], rejects: list[Reject],
) -> None:  # fmt: skip
    """A reject for whatever stands where an object was expected, once."""
    for element in elements:
        bare = isinstance(element.value, str | int) and not isinstance(element.value, bool)
        if bare and stand_in is not None:
            continue
        found = dict(
            o for c in values if (o := obstacle(element.value, c.source)) is not None
        )  # fmt: skip
        for path, value in found.items():
            rejects.append(
                Reject(child.name, ids[element.parent], ".".join(path) or "element",
                       text(value), "an object was expected here")
            )  # fmt: skip


def _given(column: Column, elements: Sequence[Element], ids: Sequence[str]) -> Settled:
    if column.origin is Origin.INDEX:
        return convert([e.place for e in elements], column.type)
    if column.origin is Origin.PARENT:
        return Settled(pa.array([ids[e.parent] for e in elements], pa.string()), Type.STRING)
    return Settled(pa.array(list(_surrogates(elements, ids)), pa.string()), Type.STRING)


def _surrogates(elements: Sequence[Element], ids: Sequence[str]) -> Iterator[str]:
    """A stable id: what the element is, whose it is, and which of several equal ones."""
    seen: dict[tuple[int, str], int] = {}
    for element in elements:
        same = element.parent, canonical(element.value)
        seen[same] = seen.get(same, 0) + 1
        made = f"{ids[element.parent]}\n{seen[same]}\n{same[1]}"
        yield hashlib.blake2b(made.encode("utf-8", "replace"), digest_size=16).hexdigest()


def canonical(value: Any) -> str:
    """The same text for equal JSON, whatever the order of its keys."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except (TypeError, ValueError, RecursionError):
        return json.dumps(json.loads(json_text(value)), sort_keys=True, separators=(",", ":"))
