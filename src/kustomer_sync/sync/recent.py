"""A list that is long, of which little may still change: read back to where it was known.

Work sessions are written until their agent signs out, and never after (documented). Their list has
no filter by time, and its order is not documented.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from kustomer_sync.errors import PathFailed
from kustomer_sync.kustomer import listings
from kustomer_sync.kustomer.client import Forbidden, NotFound, Refused
from kustomer_sync.kustomer.singly import by_ids
from kustomer_sync.model import Params, Recent, Table
from kustomer_sync.sync.landing import ids_of, read_ms

if TYPE_CHECKING:
    from kustomer_sync.sync.run import Run

_NEWEST_FIRST: tuple[Params, ...] = ((), (("sort", "desc"),))
"""As it comes, and as most lists can be asked for: either may be newest first."""


def recent(run: Run, table: Table, reading: Recent, began: int, *, whole: bool) -> None:
    """Records that are open, or were last time, and those made since are as Kustomer has them.

    `whole`: the list was read from end to end since `began`, in milliseconds since 1970.
    """
    key = f"recent:{table.name}"
    before = run.landing.state.get(key) or {}
    still: set[str] = set()
    try:
        with suppress(NotFound, Refused):  # then those that were open are asked for one by one
            for page in listings.pages(run.client, reading, reading.open):
                run.minimum.others += 1
                still |= ids_of(page.records)
                run.landing.take(table, page.records, 0)
        ended = sorted(set(before.get("open", ())) - still)
        for record_id, record in by_ids(run.client, table, ended, workers=run.limits.workers):
            run.minimum.others += 1
            if record:
                run.landing.take(table, [record], 0)
            if record is not None and read_ms(record, reading.closed) is None:
                still.add(record_id)  # what is gone is left to the daily reading
        if not whole:
            _newer(run, table, reading, before.get("since"))
    except (Forbidden, NotFound, Refused, PathFailed) as error:
        run.unread(table, error)
        return
    run.landing.put(key, {"open": sorted(still), "since": began})
    run.landing.commit()


def _newer(run: Run, table: Table, reading: Recent, since: int | None) -> None:
    """What was made since is taken, or all where no order shows where that begins.

    A list that ends early shows its other end in the other order.
    """
    overlap = run.connection.overlap_seconds * 1000
    for order in _NEWEST_FIRST:
        newest_first = True
        last: int | None = None
        try:
            for page in listings.pages(run.client, reading, order):
                run.minimum.others += 1
                run.landing.take(table, page.records, 0)
                times = [at for r in page.records if (at := read_ms(r, "createdAt")) is not None]
                newest_first = _falls(last, times, alone=page.number == 1 and page.next is None)
                if not newest_first and since is not None:
                    break
                last = times[-1] if times else last
                if since is not None and last is not None and last < since - overlap:
                    return
        except (NotFound, Refused):
            if not order:
                raise
            newest_first = False  # this order is not offered
        if newest_first and since is not None:
            return  # to its end
    if since is None:
        return
    for page in listings.pages(run.client, reading):
        run.minimum.others += 1
        run.landing.take(table, page.records, 0)


def _falls(last: int | None, times: list[int], *, alone: bool) -> bool:
    """Whether a page goes on from newer to older; a single one says nothing and is all there is."""
    if alone:
        return True
    run = [*(() if last is None else (last,)), *times]
    return len(set(run)) > 1 and run == sorted(run, reverse=True)
