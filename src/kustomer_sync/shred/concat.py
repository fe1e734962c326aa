"""Batches of single pages -> one batch of the same table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kustomer_sync.model import ARROW_TYPES, ROW, Batch, Column, Rows, Type, wider
from kustomer_sync.shred.values import number_text


def concat(batches: Sequence[Batch]) -> Batch:
    """One batch of several of the same root: every column of any, NULL where one lacked it.

    A column has the type that holds the values of all; `__row` is made unique.
    """
    if len(batches) == 1:
        return batches[0]
    offsets = [0]
    for batch in batches:
        offsets.append(offsets[-1] + batch.records)
    root = _joined([batch.root for batch in batches], offsets)
    children = zip(*(batch.children for batch in batches), strict=True)
    rejects = tuple(reject for batch in batches for reject in batch.rejects)
    return Batch(root, tuple(_joined(parts, offsets) for parts in children), rejects)


def _joined(parts: Sequence[Rows], offsets: Sequence[int]) -> Rows:
    columns = _united(parts)
    marks = [name for name in parts[0].data.column_names if name not in columns]
    names = [*columns, *marks]
    tables = [_fitted(part, columns, names) for part in parts]
    data = pa.concat_tables(tables).combine_chunks()
    shifts = pa.array(offsets[: len(parts)], pa.int64())
    owners = pa.array(
        [n for n, part in enumerate(parts) for _ in range(part.data.num_rows)], pa.int64()
    )
    rows = pc.add(data.column(ROW), shifts.take(owners))
    data = data.set_column(names.index(ROW), ROW, rows)
    return Rows(replace(parts[0].table, columns=tuple(columns.values())), data)


def _united(parts: Sequence[Rows]) -> dict[str, Column]:
    columns: dict[str, Column] = {}
    seen: set[tuple[Column, ...]] = set()
    for part in parts:
        if part.table.columns in seen:
            continue
        seen.add(part.table.columns)
        for column in part.table.columns:
            known = columns.get(column.name)
            if known is None:
                columns[column.name] = column
            elif known.type is not column.type:
                columns[column.name] = replace(column, type=wider(known.type, column.type))
    return columns


def _fitted(part: Rows, columns: Mapping[str, Column], names: Sequence[str]) -> pa.Table:
    """The part's data with all `columns`, each at its type, in the order of `names`."""
    own = {column.name: column.type for column in part.table.columns}
    if part.data.column_names == list(names) and all(
        own[name] is column.type for name, column in columns.items()
    ):
        return part.data
    arrays: list[Any] = []
    for name in names:
        column = columns.get(name)
        if column is None:
            arrays.append(part.data.column(name))
        elif name in own:
            arrays.append(widened(part.data.column(name), own[name], column.type))
        else:
            arrays.append(pa.array([None] * part.data.num_rows, ARROW_TYPES[column.type]))
    return pa.Table.from_arrays(arrays, list(names))


def widened(array: Any, stored: Type, wanted: Type) -> Any:
    """Values in a wider type; as text they are what they would have been had they come so."""
    if ARROW_TYPES[stored] == ARROW_TYPES[wanted]:
        return array
    if wanted is Type.STRING:
        spell = _SPELLED.get(stored, str)
        made = [None if value is None else spell(value) for value in array.to_pylist()]
        return pa.array(made, pa.string())
    return pc.cast(array, ARROW_TYPES[wanted])


def _iso(value: datetime) -> str:
    return value.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _truth(value: bool) -> str:
    return "true" if value else "false"


_SPELLED: Mapping[Type, Callable[[Any], str]] = {
    Type.DOUBLE: number_text,
    Type.BOOLEAN: _truth,
    Type.INSTANT: _iso,
}
