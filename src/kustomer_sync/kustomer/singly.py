"""Reading one record by its id, and many of them side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

from kustomer_sync.kustomer.client import Client, NotFound, Refused, walk
from kustomer_sync.model import Listing, Record, Search, Table

Asked = TypeVar("Asked")
Given = TypeVar("Given")
UNSURE: Record = {}
"""Neither a record nor the word that there is none."""
_ATTACHMENTS = "attachments"


def by_id(
    client: Client, table: Table, record_id: str, klasses: Iterable[str] = ()
) -> Record | None:
    """The record as Kustomer has it now; None when every path to it says that there is none.

    `UNSURE` when an answer was anything else, or there is no path. A KObject's path names its
    klass, so each of `klasses` is tried. Whether a soft-deleted record is shown is not documented:
    a record may be None here and still exist, deleted.
    """
    absent = []
    for path in _paths(table, record_id, klasses):
        try:
            body = client.get(path)
        except NotFound:
            absent.append(True)
            continue
        except Refused:
            body = None
        data = body.get("data") if isinstance(body, dict) else None
        if isinstance(data, dict) and data.get("id") == record_id:
            return data
        absent.append(False)
    return None if absent and all(absent) else UNSURE


def _paths(table: Table, record_id: str, klasses: Iterable[str]) -> Iterator[str]:
    match table.reading:
        case Listing(path):
            yield f"{path}/{record_id}"
        case Search(one=one) if "{klass}" in one:
            for klass in klasses:
                yield one.format(klass=klass, id=record_id)
        case Search(one=one):
            yield one.format(id=record_id)


def many(
    ask: Callable[[Asked], Given], items: Iterable[Asked], workers: int
) -> Iterator[tuple[Asked, Given]]:
    """Each item with what asking for it gave, in order; an error ends all and is raised."""
    left = iter(items)
    with ThreadPoolExecutor(workers, thread_name_prefix="each") as pool:
        while some := list(islice(left, workers * 4)):
            yield from zip(some, pool.map(ask, some), strict=True)


def messages_of(client: Client, owner: str, owner_id: str) -> list[Record] | None:
    """The messages of one of the `conversations` or `customers`, attachments included.

    None when Kustomer has no such owner. `include=attachments` is documented for these lists, and
    not for searches.
    """
    path = f"/v1/{owner}/{owner_id}/messages"
    try:
        pages = walk(client, path, {"page": "1", "pageSize": "100", "include": _ATTACHMENTS})
        messages = [record for page in pages for record in page.records]
    except NotFound:
        return None
    for message in messages:  # asked for: one that names no attachments has none
        if isinstance(message.setdefault("relationships", {}), dict):
            message["relationships"].setdefault(_ATTACHMENTS, {"data": []})
    return messages


def told_apart(records: list[Record]) -> tuple[list[Record], list[Record]]:
    """Messages that say which attachments they have, each with its attributes; and the others.

    On a page where some say so, one that does not has none.
    """
    told = [_attachments(r) for r in records]
    if not any(relation is not None for relation in told):
        return [], records
    known: list[Record] = []
    unknown: list[Record] = []
    for record, data in zip(records, told, strict=True):
        whole = all(isinstance(item, dict) and "attributes" in item for item in data or ())
        (known if whole else unknown).append(record)
    return known, unknown


def _attachments(record: Record) -> list[Any] | None:
    relation = (record.get("relationships") or {}).get(_ATTACHMENTS)
    data = relation.get("data") if isinstance(relation, dict) else None
    return data if isinstance(data, list) else None
