"""Records of over two years ago that the archive search does not know: from a list of them all.

The search ends at two years, and the archive has no attributes of notes (documented). Lists end at
10,000 records (observed), by ascending id as it seems; a note of long ago is then found by its
conversation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kustomer_sync.errors import PathFailed
from kustomer_sync.kustomer import listings
from kustomer_sync.kustomer.client import Forbidden, NotFound, Refused
from kustomer_sync.model import Listing, Table
from kustomer_sync.sync.landing import ids_of, of_long_ago, read_ms
from kustomer_sync.sync.sweep import confirmed

if TYPE_CHECKING:
    from kustomer_sync.sync.run import Run


def older(run: Run, table: Table, listing: Listing) -> None:
    """What of `table` was updated before the search begins is as Kustomer lists it."""
    run.note(f"reading {of_long_ago(table.name)}")
    state, horizon = run.landing.of(table.name), run.horizon
    try:
        whole = _read(run, table, listing, horizon)
        if whole.unsure and not whole.cut:
            whole = listings.together(whole, _read(run, table, listing, horizon))
        run.landing.commit()
        # One that is soft-deleted may be in no list and on no path of its own, and yet be there.
        stored = set(run.destination.ids(table, 0, horizon, living=True))
        unseen = stored - whole.ids if whole.complete else ()
        gone = confirmed(run, table, sorted(unseen)) or ()
    except (Forbidden, NotFound, Refused, PathFailed) as error:
        run.unread(table, error)
        return
    state.list_cut = whole.cut
    if whole.cut:
        run.warn(
            "list_cut",
            f"{of_long_ago(table.name)}: {whole.why}; they are read by conversation.",
        )
    elif not whole.complete:
        run.warn("listing_incomplete", f"{of_long_ago(table.name)}: {whole.why}.")
    if not whole.again:  # else the next sync reads it again
        state.listed_at = run.now().isoformat()
    run.landing.touch(table.name)
    run.landing.commit(run.landing.absent(table, gone))


def _read(run: Run, table: Table, listing: Listing, horizon: int) -> listings.Whole:
    """The list from the oldest on, as far as its records are older than `horizon`."""
    whole = listings.Whole()
    rising, last = True, 0
    pages = listings.counted(listings.pages(run.client, listing), whole)
    for number, records in enumerate(pages, 1):
        run.minimum.others += 1
        found = [r for r in records if (read_ms(r, "updatedAt") or 0) < horizon]
        run.landing.take(table, found, 0)
        whole.ids |= ids_of(found)
        made = [read_ms(r, "createdAt") or 0 for r in records]
        rising = rising and [last, *made] == sorted([last, *made])
        last = made[-1] if made else last
        if rising and last >= horizon:
            whole.unsure = number > 1
            break  # what was made since was not updated before
    return whole
