"""A made-up org in a few tables, and batches of it from plain values."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from kustomer_sync.model import (
    ARROW_TYPES,
    DELETED,
    REV,
    ROW,
    UPDATED_AT,
    Batch,
    Column,
    Origin,
    Reject,
    Rows,
    Table,
    Type,
)

EPOCH = datetime(2024, 3, 1, tzinfo=UTC)

TAG = Table(
    "conversation_tag",
    (Column("conversation_id", origin=Origin.PARENT), Column("tag_id")),
    key=("conversation_id", "tag_id"),
    parent="conversation",
    parent_column="conversation_id",
    history="conversation_tag_history",
    history_key=("conversation_id", "tag_id"),
)
CHANNEL = Table(
    "conversation_channel",
    (
        Column("conversation_id", origin=Origin.PARENT),
        Column("index", Type.INT, origin=Origin.INDEX),
        Column("name"),
        Column("size", Type.INT),
    ),
    key=("index", "conversation_id"),
    parent="conversation",
    parent_column="conversation_id",
    history="conversation_channel_history",
    history_key=("name", "conversation_id"),
)
METRIC = Table(
    "conversation_metric",
    (
        Column("_fivetran_id", origin=Origin.SURROGATE),
        Column("conversation_id", origin=Origin.PARENT),
        Column("name"),
    ),
    key=("_fivetran_id",),
    parent="conversation",
    parent_column="conversation_id",
)
EMAIL = Table(
    "conversation_email",
    (
        Column("index", Type.INT, origin=Origin.INDEX),
        Column("conversation_id", origin=Origin.PARENT),
        Column("id"),  # its own; the record's is `conversation_id`
        Column("verified", Type.BOOLEAN),
    ),
    key=("index", "conversation_id"),
    parent="conversation",
    parent_column="conversation_id",
)
SCORE = Column("custom_score_num", Type.INT, custom="scoreNum")
"""An attribute that elements may have of their own."""
CONVERSATION = Table(
    "conversation",
    (
        Column("id"),
        Column("name"),
        Column("updated_at", Type.INSTANT),
        Column("rev", Type.LONG),
    ),
    history="conversation_history",
    history_key=("id",),
    children=(TAG, CHANNEL, METRIC, EMAIL),
    custom=True,
)


def at(hours: float) -> datetime:
    return EPOCH + timedelta(hours=hours)


@dataclass(frozen=True)
class Copy:
    """One copy of a conversation as Kustomer might show it."""

    id: str
    name: str | None = "hello"
    updated_at: datetime | None = EPOCH
    rev: int | None = None
    tags: Sequence[str | tuple[str | None, int | None] | None] = ()
    """Each with an attribute of its own, if it carries one; so with emails."""
    channels: Sequence[tuple[str | None, int | None]] = ()
    metrics: Sequence[str] = ()
    emails: Sequence[
        tuple[str | None, bool | None] | tuple[str | None, bool | None, int | None]
    ] = ()
    deleted: bool = False
    custom: Mapping[str, Any] = field(default_factory=dict)


def without(table: Table, *columns: str) -> Table:
    return replace(table, columns=tuple(c for c in table.columns if c.name not in columns))


def without_history(table: Table, *, root: bool = False, children: bool = False) -> Table:
    return replace(
        table,
        history=None if root else table.history,
        children=tuple(replace(c, history=None) if children else c for c in table.children),
    )


def with_histories(table: Table, names: Collection[str]) -> Table:
    """The table and its children, with the histories of those named and no others."""

    def kept(one: Table) -> Table:
        return one.versioned(f"{one.name}_history") if one.name in names else one

    bare = without_history(table, root=True, children=True)
    return replace(kept(bare), children=tuple(kept(child) for child in bare.children))


def batch(
    copies: Sequence[Copy],
    table: Table = CONVERSATION,
    custom: Mapping[str, Type] | None = None,
    rejects: Sequence[Reject] = (),
) -> Batch:
    root = replace(
        table, columns=(*table.columns, *(Column(n, t) for n, t in (custom or {}).items()))
    )
    values = [
        {
            "id": c.id,
            "name": c.name,
            "updated_at": c.updated_at,
            "rev": c.rev,
            **{n: c.custom.get(n) for n in custom or {}},
            ROW: place,
            UPDATED_AT: c.updated_at,
            REV: c.rev,
            DELETED: c.deleted,
        }
        for place, c in enumerate(copies)
    ]
    meta = {
        ROW: pa.int64(),
        UPDATED_AT: ARROW_TYPES[Type.INSTANT],
        REV: pa.int64(),
        DELETED: pa.bool_(),
    }
    return Batch(
        Rows(root, _arrow(root, values, meta)),
        tuple(_child(c, _elements(c, copies)) for c in table.children),
        tuple(rejects),
    )


def _child(table: Table, elements: list[dict[str, Any]]) -> Rows:
    """With the column of their own attribute if elements carry it."""
    if any(SCORE.name in element for element in elements):
        table = replace(table, columns=(*table.columns, SCORE))
    return Rows(table, _arrow(table, elements, {ROW: pa.int64()}))


def _elements(table: Table, copies: Sequence[Copy]) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for place, copy in enumerate(copies):
        base = {ROW: place, "conversation_id": copy.id}
        if table.name == TAG.name:
            for tag in copy.tags:
                own = tag if isinstance(tag, tuple) else (tag,)
                out.append({**base, **dict(zip(("tag_id", SCORE.name), own, strict=False))})
        elif table.name == CHANNEL.name:
            out += [
                {**base, "index": i, "name": name, "size": size}
                for i, (name, size) in enumerate(copy.channels, 1)
            ]
        elif table.name == EMAIL.name:
            out += [
                {**base, "index": i}
                | dict(zip(("id", "verified", SCORE.name), email, strict=False))
                for i, email in enumerate(copy.emails, 1)
            ]
        else:
            out += [{**base, "_fivetran_id": f"{copy.id}/{m[0]}", "name": m} for m in copy.metrics]
    return out


def _arrow(table: Table, values: list[dict[str, Any]], meta: dict[str, pa.DataType]) -> pa.Table:
    kinds = {**{c.name: ARROW_TYPES[c.type] for c in table.columns}, **meta}
    return pa.table(
        {n: pa.array([v.get(n) for v in values], type=kind) for n, kind in kinds.items()}
    )
