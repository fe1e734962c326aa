"""What a record of Kustomer says of itself: when it was touched, which attachments it has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from kustomer_sync.kustomer import windows
from kustomer_sync.kustomer.singly import told_apart
from kustomer_sync.model import Record, Table
from kustomer_sync.sync.landing import ATTACHMENTS, read_ms


def attaches(table: Table) -> bool:
    """Whether its records have attachments, which not each reply names."""
    return any(child.name == ATTACHMENTS for child in table.children)


def silent(table: Table, record: Record) -> bool:
    """Whether it is a message that does not say which attachments it has."""
    return attaches(table) and not told_apart([record])[0]


def apart(table: Table, records: list[Record]) -> Iterator[list[Record]]:
    """Those that say which attachments they have; the others, which among these would have none."""
    for quiet in (False, True):
        if part := [r for r in records if silent(table, r) is quiet]:
            yield part


def conversation(message: Record) -> str:
    """The id of a message's conversation; "" where it names none."""
    data: Any = message.get("relationships")
    for key in ("conversation", "data", "id"):
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, str) else ""


def touched(record: Record) -> int | None:
    """The latest time at which it, or what it includes, was written or deleted; None: untold."""
    own = _latest(record)
    if own is None:
        return None
    included = record.get("included")
    related = record.get("relationships")
    parts = list(included) if isinstance(included, list) else []
    for relation in related.values() if isinstance(related, dict) else ():
        data = relation.get("data") if isinstance(relation, dict) else None
        parts += data if isinstance(data, list) else [data]
    theirs = (_latest(part) for part in parts if isinstance(part, dict))
    return max([own, *(at for at in theirs if at is not None)])


def _latest(record: Record) -> int | None:
    attributes = record.get("attributes")
    if not isinstance(attributes, dict):
        return None
    names = ["updatedAt", "createdAt"]
    if deleted(record):
        names.append("deletedAt")
    return max((at for name in names if (at := read_ms(record, name)) is not None), default=None)


def slim(record: Record) -> Record:
    """No more of it than says which version it is."""
    attributes = record.get("attributes")
    told = attributes if isinstance(attributes, dict) else {}
    return {"attributes": {name: told.get(name) for name in ("updatedAt", "deleted")}}


def deleted(record: Record) -> bool:
    """Whether it says that it is soft-deleted."""
    attributes = record.get("attributes")
    return isinstance(attributes, dict) and attributes.get("deleted") is True


def within(at: int | None, spans: Iterable[windows.Span]) -> bool:
    """Whether a time is in one of the spans; one that is not told is in none."""
    return at is not None and any(lo <= at < hi for lo, hi in spans)
