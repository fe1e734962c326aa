"""Reading a listed table whole, and saying honestly whether it was whole.

A list has no filter by time, so it is read from page 1 to its end. Only a complete reading says
that a record is gone. Facts (kustomer-api.md section 3): lists stop at about 10,000 records
(observed); most report no total; pages shift when a record is deleted meanwhile (inferred): then
the first of a page that is still to come is passed over, which nothing in the list shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from kustomer_sync.errors import PathFailed
from kustomer_sync.kustomer.client import Client, Forbidden, NotFound, Page, Refused, walk
from kustomer_sync.kustomer.singly import UNSURE, by_id, identify
from kustomer_sync.model import Listing, Params, Record, Table

PAGE_SIZE = 100
_MOST_RECORDS = 10_000
_MOST_PAGES = 100


@dataclass(slots=True)
class Whole:
    """What one reading of a list came to; filled while its pages are drawn."""

    ids: set[str] = field(default_factory=set)
    pages: int = 0
    complete: bool = True
    unsure: bool = False
    """It may have shifted while it was read; a second reading tells."""
    again: bool = False
    """Something of it may be missing that the next sync may read."""
    why: str = ""
    cut: bool = False
    """It may have ended before its last record."""
    unread: list[Record] = field(default_factory=list)
    """As they were listed: their own path told nothing."""


def read(client: Client, table: Table, whole: Whole) -> Iterator[list[Record]]:
    """The pages of records of `table`; afterwards `whole` says which ids and how complete."""
    assert isinstance(table.reading, Listing)  # noqa: S101 - narrows for the type checker
    reading = table.reading
    for further in ((), *reading.also):
        try:
            for records in counted(pages(client, reading, further), whole):
                yield _singly(client, table, records, whole) if reading.singly else records
        except (Forbidden, NotFound, Refused) as error:
            if not further:
                raise
            whole.complete, whole.why = False, f"a part of the list can't be read ({error})"
            whole.again = whole.again or isinstance(error, Forbidden)  # a role may be given


def pages(client: Client, listing: Listing, further: Params = ()) -> Iterator[Page]:
    """From the first of the paths at which there is a list; `NotFound` where none is, and
    `Forbidden` where one of them may hold one.

    A list that breaks off ends with a page of nothing that says so.
    """
    paths = [listing.path, *listing.instead]
    asked = {"page": "1", "pageSize": str(PAGE_SIZE), **dict(further)}
    began = False
    forbidden: Forbidden | None = None
    while paths:
        path = paths.pop(0)
        try:
            for page in walk(client, path, asked):
                began, paths = True, []
                for record in page.records:
                    identify(listing, record)
                yield page
        except Forbidden as error:
            forbidden = error
            if began or not paths:
                raise
        except (NotFound, Refused) as error:
            if began:  # it says that it goes on, and does not
                yield Page(records=[], cut=str(error) or "it ends with an error")
            elif not paths or isinstance(error, Refused):
                raise (forbidden or error) from None


def _singly(client: Client, table: Table, records: list[Record], whole: Whole) -> list[Record]:
    """The records as their own paths show them; one that can't be read is left as it is stored."""
    found = []
    for listed in records:
        try:
            record = by_id(client, table, str(listed.get("id")))
        except (Forbidden, PathFailed):
            record = UNSURE
        whole.pages += 1
        if record:
            found.append(record)
        else:
            whole.unread.append(listed)
    return found


def counted(pages: Iterator[Page], whole: Whole) -> Iterator[list[Record]]:
    """The pages' records; when they are drawn, `whole` says whether a list ended by itself.

    A page alone can't shift; of more, those are all whose ids are as many as each page said.
    """
    ids: set[str] = set()
    totals: set[int | None] = set()
    number, count, last = 0, 0, None
    for page in pages:
        if page.cut:
            whole.complete, whole.cut, whole.why = False, True, f"the list breaks off: {page.cut}"
            break
        number, last = number + 1, page
        totals.add(page.total)
        found = [str(r["id"]) for r in page.records if r.get("id") is not None]
        count += len(found)
        ids.update(found)
        yield page.records
    whole.ids |= ids
    whole.pages += number
    if number > 1 and totals != {count} and not whole.cut:
        whole.unsure = True
    if count > len(ids) and not whole.cut:
        whole.complete, whole.unsure, whole.again = False, True, True
        whole.why = f"{count - len(ids)} of {count} records were listed twice"
    total = last.total if last is not None else None
    if total is not None and total != _MOST_RECORDS:  # which may be as far as it counts
        if total != len(ids):
            whole.complete, whole.why = False, f"{len(ids)} of {total} records were listed"
    elif len(ids) >= _MOST_RECORDS or number >= _MOST_PAGES:
        whole.complete, whole.cut = False, True
        whole.why = f"the list may be cut off at {len(ids)} records"


def together(first: Whole, second: Whole) -> Whole:
    """Two readings of a list: what one of them passed over the other has.

    If the second has all of the first, nothing left while the first was read, and so it passed
    nothing over. Else the next sync lists it again.
    """
    second.again = second.again or not first.ids <= second.ids
    second.ids |= first.ids
    return second
