"""Tables and records to shred in tests: every type, every kind of child, and readable results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from kustomer_sync.model import Batch, Column, Origin, Record, Rows, Table, Type
from kustomer_sync.shred import CustomTypes, Names, Shredder


def attribute(name: str, type_: Type, *path: str, first: bool = False) -> Column:
    return Column(name, type_, ("attributes", *path), first=first)


def relation(name: str) -> Column:
    return Column(f"{name}_id", source=("relationships", name, "data", "id"))


def parent(name: str = "thing") -> Column:
    return Column(f"{name}_id", origin=Origin.PARENT)


def index() -> Column:
    return Column("index", Type.INT, origin=Origin.INDEX)


def _steps(record: Record) -> Iterator[Record]:
    attributes = record.get("attributes")
    steps = attributes.get("steps") if isinstance(attributes, dict) else None
    for name, step in steps.items() if isinstance(steps, dict) else ():
        yield {"name": name, "size": step}


TAG = Table(
    "thing_tag", (parent(), Column("tag_id", references="tag")), key=("thing_id", "tag_id"),
    elements=("attributes", "tags"), parent="thing", parent_column="thing_id",
)  # fmt: skip
SUGGESTED = Table(
    "thing_suggested", (parent(), Column("tag_id", source=("tag",), references="tag")),
    key=("thing_id", "tag_id"), elements=("attributes", "suggestedTags"), parent="thing",
    parent_column="thing_id",
)  # fmt: skip
CHANNEL = Table(
    "thing_channel", (index(), parent(), Column("name")), key=("index", "thing_id"),
    elements=("attributes", "channels"), parent="thing", parent_column="thing_id",
)  # fmt: skip
EMAIL = Table(
    "thing_email",
    (
        index(), parent(), Column("email", source=("email",)),
        Column("verified", Type.BOOLEAN, ("verified",)), Column("size", Type.INT, ("size",)),
        Column("at", Type.INSTANT, ("meta", "at")),
    ),
    key=("index", "thing_id"), elements=("attributes", "emails"), parent="thing",
    parent_column="thing_id",
)  # fmt: skip
STEP = Table(
    "thing_step",
    (
        Column("_fivetran_id", origin=Origin.SURROGATE), parent(),
        Column("name", source=("name",)), Column("size", Type.LONG, ("size",)),
    ),
    key=("_fivetran_id",), elements=_steps, parent="thing", parent_column="thing_id",
)  # fmt: skip
SHORTCUT = Table(
    "thing_shortcut", (parent(), Column("shortcut_id", source=("id",), references="shortcut")),
    key=("thing_id", "shortcut_id"), elements=("relationships", "shortcuts", "data"),
    parent="thing", parent_column="thing_id",
)  # fmt: skip

THING = Table(
    "thing",
    (
        Column("id", source=("id",)),
        relation("org"), relation("customer"),
        attribute("name", Type.STRING, "name"),
        attribute("count", Type.INT, "count"),
        attribute("size", Type.LONG, "size"),
        attribute("score", Type.DOUBLE, "sentiment", "score"),
        attribute("label", Type.STRING, "sentiment", "label"),
        attribute("spam", Type.BOOLEAN, "spam"),
        attribute("created_at", Type.INSTANT, "createdAt"),
        attribute("updated_at", Type.INSTANT, "updatedAt"),
        attribute("done", Type.JSON, "done"),
        attribute("assistant_id", Type.STRING, "assistant", "ids", first=True),
        attribute("done_by", Type.STRING, "done", "by"),
    ),
    children=(TAG, SUGGESTED, CHANNEL, EMAIL, STEP, SHORTCUT), custom=True,
)  # fmt: skip


def thing(ident: Any = "a", /, **attributes: Any) -> Record:
    return {"type": "thing", "id": ident, "attributes": attributes, "relationships": {}}


def shredder(table: Table = THING, **more: Any) -> Shredder:
    more.setdefault("names", Names())
    more.setdefault("custom_types", CustomTypes())
    return Shredder(table, **more)


def shred(*records: Any, table: Table = THING, **more: Any) -> Batch:
    """The one batch of a page."""
    (batch,) = shredder(table, **more).shred(records)
    return batch


def column(batch: Batch, name: str) -> list[Any]:
    return list(batch.root.data.column(name).to_pylist())


def type_of(batch: Batch, name: str) -> Type:
    return batch.root.table.column(name).type


def rows(batch: Batch, child: str, *names: str) -> list[tuple[Any, ...]]:
    """A child's rows, these columns of them."""
    found = next(c for c in batch.children if c.table.name == child)
    return [tuple(row[name] for name in names) for row in found.data.to_pylist()]


def said(batch: Batch) -> Counter[tuple[str, str, str, str | None]]:
    """What was rejected: table, record, column, value."""
    return Counter((r.table, r.record_id, r.column, r.value) for r in batch.rejects)


def landed(parts: Sequence[Rows]) -> dict[str, tuple[dict[str, Type], list[dict[str, Any]]]]:
    return {
        part.table.name: ({c.name: c.type for c in part.table.columns}, part.data.to_pylist())
        for part in parts
    }
