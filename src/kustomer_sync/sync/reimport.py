"""Re-importing a listed table: read whole, so that absence says that a record is gone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kustomer_sync.errors import PathFailed
from kustomer_sync.kustomer import listings, windows
from kustomer_sync.kustomer.client import Forbidden, NotFound, Refused
from kustomer_sync.kustomer.singly import UNSURE, by_id
from kustomer_sync.model import Described, Record, Table

if TYPE_CHECKING:
    from kustomer_sync.sync.run import Run


def reimport(run: Run, table: Table) -> bool:
    """The table is as Kustomer lists it; what two complete listings lack is flagged as gone.

    Whether the list was whole. `listed_at` is when the sync began: what changed since may be there
    as it was before, or not.
    """
    run.note(f"re-importing {table.name}")
    try:
        whole = _listing(run, table)
        agreed = whole.unsure and whole.complete
        if whole.unsure:
            whole = listings.together(whole, _listing(run, table, again=True))
        absent = _gone(run, table, whole, agreed=agreed) if whole.complete else ()
    except (Forbidden, NotFound, Refused, PathFailed) as error:
        run.unread(table, error)
        if isinstance(error, NotFound | Refused):  # a role may be given at any time
            run.landing.of(table.name).listed_at = windows.instant(run.began).isoformat()
            run.landing.touch(table.name)
        return False
    if not whole.complete:
        run.warn("listing_incomplete", f"{table.known_as}: {whole.why}; nothing was flagged.")
    if not whole.again:
        run.landing.of(table.name).listed_at = windows.instant(run.began).isoformat()
        run.landing.touch(table.name)
    run.landing.commit(run.landing.absent(table, absent))
    return whole.complete


def _listing(run: Run, table: Table, *, again: bool = False) -> listings.Whole:
    whole = listings.Whole()
    if isinstance(table.reading, Described):
        pages = described(run, whole, again=again)
    else:
        pages = listings.read(run.client, table, whole)
    for records in pages:
        run.landing.take(table, records, 0)
    run.minimum.others += whole.pages
    if whole.unread:
        run.landing.take(table, whole.unread, 0, whole=False)
        run.warn(
            "records_unread",
            f"{table.name}: {len(whole.unread)} listed records could not be read by their ids; "
            "they are as the list has them, and what it leaves out stays.",
        )
    return whole


def described(run: Run, whole: listings.Whole, *, again: bool) -> Iterator[list[Record]]:
    """The metadata of each resource that has some."""
    for resource in run.landing.resources():
        record = run.landing.described(resource, again=again)
        if record:
            whole.ids.add(resource)
            yield [record]
        elif record is UNSURE:
            whole.complete, whole.why = False, f"the metadata of {resource} could not be read"
    if run.landing.klasses.unlisted:
        whole.complete, whole.why = False, f"{run.landing.klasses.lacking} could not be listed"
        whole.again = True


def _gone(run: Run, table: Table, whole: listings.Whole, *, agreed: bool) -> tuple[str, ...]:
    """Ids that two complete listings and a look by id agree are gone.

    `agreed`: `whole` is two listings already.
    """
    run.landing.commit()
    missing = run.destination.missing(table, sorted(whole.ids))
    if not missing:
        return ()
    before = len(missing) + len(whole.ids)
    if len(missing) * 2 > before:
        run.warn(
            "listing_shrank",
            f"{table.name}: {len(missing)} of {before} records are no longer listed; "
            "the list was read again before they were flagged.",
        )
    second = whole if agreed else _listing(run, table, again=True)
    if not second.complete:
        return ()
    gone = []
    for record_id in missing:
        if record_id in second.ids:
            continue
        try:
            record = by_id(run.client, table, record_id)
        except (Forbidden, PathFailed):
            record = UNSURE
        if record:
            run.landing.take(table, [record], 0)
        else:  # two listings agree; a path that tells nothing does not contradict them
            gone.append(record_id)
    return tuple(gone)
