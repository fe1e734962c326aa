"""Reading one record by its id, and many of them side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import quote

from kustomer_sync.errors import PathFailed
from kustomer_sync.kustomer.client import Client, Forbidden, NotFound, Refused, walk
from kustomer_sync.model import Described, Listing, Params, Record, Search, Table

Asked = TypeVar("Asked")
Given = TypeVar("Given")
UNSURE: Record = {}
"""Neither a record nor the word that there is none."""
Answer = Forbidden | NotFound | Refused | PathFailed
"""Why one thing could not be read, of which others know nothing."""
_IN_A_ROW = 10
_READINGS = 5
"""Of one list in which records are erased while it is read."""
_ATTACHMENTS = "attachments"
ATTACHED: Params = (("include", _ATTACHMENTS),)
"""Of a message: with its attachments. Documented for the lists of an owner's messages alone."""


def by_id(
    client: Client, table: Table, record_id: str, klasses: Iterable[str] = (), also: Params = ()
) -> Record | None:
    """The record as Kustomer has it now; None when every path to it says that there is none.

    `also`: parameters of the request.

    `UNSURE` when an answer was anything else, or there is no path. A KObject's path names its
    klass, so each of `klasses` is tried. Whether a soft-deleted record is shown is not documented:
    a record may be None here and still exist, deleted. `Forbidden` where every path is,
    `PathFailed` where one keeps failing.
    """
    absent = []
    forbidden: list[Forbidden] = []
    reading = table.reading
    params = dict([*(reading.singly if isinstance(reading, Listing) else ()), *also]) or None
    for path in _paths(table, record_id, klasses):
        try:
            record = client.one(path, params)
        except NotFound:
            absent.append(True)
            continue
        except Forbidden as error:
            forbidden.append(error)
            record = None
        except Refused:
            record = None
        if record is not None:
            if isinstance(reading, Described):
                record["id"] = record_id  # it has one of its own, which nobody asks by
            elif isinstance(reading, Listing):
                identify(reading, record)
            if record.get("id") == record_id:
                return record
        absent.append(False)
    if forbidden and len(forbidden) == len(absent):
        raise forbidden[0]
    return None if absent and all(absent) else UNSURE


def _paths(table: Table, record_id: str, klasses: Iterable[str]) -> Iterator[str]:
    match table.reading:
        case Described(path=path):
            yield path.format(resource=quoted(record_id))
        case Listing(path=path, instead=instead):
            yield from (f"{one}/{quoted(record_id)}" for one in (path, *instead))
        case Search(one=one) if "{klass}" in one:
            for klass in klasses:
                yield one.format(klass=quoted(klass), id=quoted(record_id))
        case Search(one=one):
            yield one.format(id=quoted(record_id))


def quoted(value: str) -> str:
    """As one part of a path, whatever characters an id or a klass's name has."""
    return quote(value, safe="")


def identify(listing: Listing, record: Record) -> None:
    """The record's id is what tells it apart in the tables, and its shape is the columns'."""
    if listing.shaped:
        listing.shaped(record)
    if listing.identity:
        value: Any = record
        for key in listing.identity:
            value = value.get(key) if isinstance(value, dict) else None
        record["id"] = value if isinstance(value, str) else record.get("id")


def many(
    ask: Callable[[Asked], Given], items: Iterable[Asked], workers: int
) -> Iterator[tuple[Asked, Given]]:
    """Each item with what asking for it gave, in order; an error ends all and is raised."""
    left = iter(items)
    with ThreadPoolExecutor(workers, thread_name_prefix="each") as pool:
        while some := list(islice(left, workers * 4)):
            yield from zip(some, pool.map(ask, some), strict=True)


def tried(
    ask: Callable[[Asked], Given], items: Iterable[Asked], workers: int
) -> Iterator[tuple[Asked, Given | Answer]]:
    """As `many`, but what one item answers ends nothing: it is given in its place.

    `PathFailed` is raised after it came many times in a row: each takes a while.
    """

    def asked(one: Asked) -> Given | Answer:
        try:
            return ask(one)
        except (Forbidden, NotFound, Refused, PathFailed) as error:
            return error

    failed = 0
    for one, found in many(asked, items, workers):
        failed = failed + 1 if isinstance(found, PathFailed) else 0
        if isinstance(found, PathFailed) and failed == _IN_A_ROW:
            raise found
        yield one, found


def by_ids(
    client: Client, table: Table, ids: Iterable[str], *,
    klasses: Callable[[str], list[str]] = lambda _: [], workers: int = 1,
) -> Iterator[tuple[str, Record | None]]:  # fmt: skip
    """Each record as by `by_id`; `UNSURE` where that record alone is forbidden.

    Raises `Forbidden` after the last where every one is: then a role is missing.
    """
    forbidden = allowed = None
    for one, found in tried(lambda one: by_id(client, table, one, klasses(one)), ids, workers):
        if isinstance(found, Forbidden):
            forbidden = found
        else:
            allowed = one
        yield one, UNSURE if isinstance(found, Exception) else found
    if forbidden is not None and allowed is None:
        raise forbidden


def of_parent(client: Client, path: str, parent: str) -> list[Record]:
    """The records listed at `path` with the parent's id for `{id}`; `NotFound` without a list."""
    return _listed(client, path.format(id=quoted(parent)), {})


def _listed(client: Client, path: str, params: dict[str, str]) -> list[Record]:
    """All records of a list.

    Where pages may have shifted while they were read, they are read until one reading has all that
    the one before has: then nothing left meanwhile that could have hidden another. `Refused` where
    that never happens.
    """
    before: set[Any] | None = None
    for _ in range(_READINGS):
        records, sure = _read(client, path, params)
        ids = {record.get("id") for record in records}
        if sure or (before is not None and before <= ids):
            return records
        before = ids
    raise Refused(200, f"records leave the list {path} faster than it is read")


def _read(client: Client, path: str, params: dict[str, str]) -> tuple[list[Record], bool]:
    """The records of all pages; whether it is one page, or each said how many records there are."""
    records: list[Record] = []
    totals: list[int | None] = []
    try:
        for page in walk(client, path, {"page": "1", "pageSize": "100", **params}):
            records += page.records
            totals.append(page.total)
    except NotFound as error:
        if totals:  # what has a first page is there
            raise Refused(404, f"it says that it goes on, and does not ({error})") from error
        raise
    return records, len(totals) == 1 or {*totals} == {len({r.get("id") for r in records})}


def messages_of(client: Client, owner: str, owner_id: str) -> list[Record]:
    """The messages of one of the `conversations` or `customers`, attachments included.

    `NotFound` when Kustomer has no such owner. `include=attachments` is documented for these
    lists, and not for searches.
    """
    messages = _listed(client, f"/v1/{owner}/{quoted(owner_id)}/messages", dict(ATTACHED))
    for message in messages:  # asked for: one that names no attachments has none
        related(message).setdefault(_ATTACHMENTS, {"data": []})
    _fill(client, messages)
    return messages


def related(record: Record) -> dict[str, Any]:
    """The record's relationships, which it has from now on where it has none, or null."""
    if record.get("relationships") is None:
        record["relationships"] = {}
    found = record["relationships"]
    return found if isinstance(found, dict) else {}


def message(client: Client, message_id: str) -> Record | None:
    """A message with its attachments; None where it does not say which it has."""
    try:
        found = client.one(f"/v1/messages/{quoted(message_id)}", dict(ATTACHED))
    except (NotFound, Refused):
        return None
    if found is None or _attachments(found) is None:
        return None
    _fill(client, [found])
    return found


def _fill(client: Client, messages: list[Record]) -> None:
    """Attachments that are named alone are as their own paths show them, as far as these tell.

    What is named is `included` (documented); a server that does not include it has it below its
    message.
    """
    for message in messages:
        for item in named_alone(message):
            path = f"/v1/messages/{quoted(str(message['id']))}/attachments/{quoted(item['id'])}"
            try:
                item |= client.one(path) or {}
            except (NotFound, Refused, PathFailed):
                continue
            except Forbidden:
                return


def named_alone(message: Record) -> list[Record]:
    """The attachments that a message names without their attributes."""
    items = (item for item in _attachments(message) or () if isinstance(item, dict))
    return [i for i in items if isinstance(i.get("id"), str) and "attributes" not in i]


def attach(messages: list[Record], listed: list[Record]) -> None:
    """The messages name the attachments that those of `listed` with the same ids do."""
    told = {r.get("id"): data for r in listed if (data := _attachments(r)) is not None}
    for message in messages:
        if message["id"] in told:
            message["relationships"] = {
                **(message.get("relationships") or {}), _ATTACHMENTS: {"data": told[message["id"]]}
            }  # fmt: skip


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
