"""Comparing searched tables with the source, for what a search by `updatedAt` can't show.

Nobody documents that a soft delete moves `updatedAt`, and a record erased for good just vanishes.
So once a day the source's counts per span of `updatedAt`, with and without soft-deleted records,
are compared with the destination's. A span that differs is read again to the last record; a row
that it lacks is flagged only when a look by id finds nothing either, on a path that at the same
time shows a living record. What is stored as soft-deleted may be on no path, and in the index at
the moment before its delete (neither is documented): it is looked for by when it was made. A sweep
that can't be sure marks nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from kustomer_sync.errors import PathFailed, cause
from kustomer_sync.kustomer import windows
from kustomer_sync.kustomer.client import Forbidden, NotFound, Page, Refused
from kustomer_sync.kustomer.singly import UNSURE, by_ids, tried
from kustomer_sync.model import Held, Record, Stamp, Table
from kustomer_sync.sync.landing import ids_of

if TYPE_CHECKING:
    from kustomer_sync.sync.run import Run

_GOLDEN = 0.618034
"""Each day's cuts are elsewhere: a row too many and one too few hide each other once at most."""
_PART = 200  # looks by id until what they told is flagged
_ALL = 1 << 40
_FAR = 253402300799000  # 9999-12-31 in milliseconds since 1970: later than any record is
_FILL = 0.85  # of the cap: a span with more records in the source than here still counts


def most(run: Run) -> int:
    """How many rows a span may have so that one search counts and shows its records."""
    cap = min(run.limits.caps.records, run.limits.caps.pages * run.limits.page_size)
    return max(1, int(cap * _FILL))


def sweep(run: Run, table: Table, hi: int) -> None:
    """The destination has no row before `hi` that the source lacks, nor an older copy of one."""
    run.landing.commit()  # what is taken in but not there yet would hide what is there no longer
    turn = hi // windows.DAY_MS * _GOLDEN % 1
    try:
        spans = [
            (held, archives)
            for lo, top in run.landing.of(table.name).done
            for part, archives in run.readable(table, (lo, min(top, hi)))
            if archives
            for held in run.destination.spread(table, *part, most(run), turn)
        ]
        searches = sum(len(archives) for _, archives in spans) * (2 if table.says_deleted else 1)
        run.note(f"comparing {table.name} with the source", cost=searches)
        differing = [
            (held.lo, held.hi)
            for held, archives in spans
            if not _agrees(run, table, held, archives)
        ]
        if differing:
            _compared(run, table, windows.merged(differing))
    except (Forbidden, NotFound, Refused, PathFailed) as error:
        run.warn(
            "sweep_failed",
            f"{table.name} was not compared ({cause(error)}); nothing was flagged.",
        )
        return  # not `swept_at`: what was deleted since the last whole one is still to be followed
    run.landing.of(table.name).swept_at = run.now().isoformat()
    run.landing.touch(table.name)
    run.landing.commit()


def _agrees(run: Run, table: Table, held: Held, archives: tuple[bool, ...]) -> bool:
    """Whether the source has as many records in this span, and as many soft-deleted ones."""
    window = windows.Window(table, (held.lo, held.hi), archives)
    if counted(run, window, deleted=False) != held.live:
        return False
    if not table.says_deleted:
        return True  # what is soft-deleted is flagged, so here only the living can be counted
    return counted(run, window, deleted=True) == held.kept


def counted(run: Run, window: windows.Window, *, deleted: bool) -> int | None:
    """The source's total in a window; None when it tells none."""
    found = 0
    for archive in window.archives:
        page = _first(run, windows.body(window, deleted=deleted), archive=archive)
        run.minimum.others += 1
        if page.total is None or page.timed_out:
            return None
        found += page.total
    return found


def _first(run: Run, body: dict[str, Any], *, archive: bool) -> Page:
    """The smallest page of a search; with ids alone where such pages are as others are.

    What they look like is not documented.
    """
    ask = partial(run.client.search, body, page=1, page_size=1, archive=archive)
    try:
        page = ask(params={"idsOnly": "true"})
    except Refused:
        return ask()
    return ask() if page.total is None else page


def _compared(run: Run, table: Table, spans: list[windows.Span]) -> None:
    """Read the spans again; the ids that they and a look by id lack are flagged.

    What only moved meanwhile is met among the changes before it is looked for. Each look is a
    request: what was confirmed is flagged in parts, so that the next sync looks for the rest.
    """
    absent, unread = reread(run, table, spans)
    if absent:
        run.changes()
        run.landing.commit()
        absent &= {one for lo, hi in spans for one in run.destination.ids(table, lo, hi)}
    (there,) = run.destination.spread(table, 0, _FAR, _ALL)
    if len(absent) * 2 > there.kept:
        run.warn(
            "table_shrank",
            f"{table.name}: {len(absent)} of {there.kept} records are in no search any more; they "
            "were searched again before they were flagged.",
        )
        absent &= reread(run, table, spans)[0]
    if unread:
        run.warn(
            "sweep_incomplete",
            f"{table.name}: {len(unread)} spans could not be read whole; nothing of them was "
            "flagged.",
        )
    left = sorted(absent)
    while left:
        run.note(f"looking for {table.name} that no search shows", cost=len(left))
        gone = confirmed(run, table, left[:_PART])
        if gone is None:
            return
        run.landing.commit(run.landing.absent(table, gone))
        left = left[_PART:]


def reread(
    run: Run, table: Table, spans: list[windows.Span], *, living: bool = False
) -> tuple[set[str], list[windows.Span]]:
    """What the spans hold lands once more; the stored ids that they lack, and what is not read.

    `living`: ids of rows that are soft-deleted do not count.
    """
    ids = partial(run.destination.ids, table, living=living)
    before = {record_id for lo, hi in spans for record_id in ids(lo, hi)}
    unread = list(spans)
    for event in run.events(w for span in spans for w in run.windows_of(table, span)):
        match event:
            case windows.Found(_, records, _):
                before -= ids_of(records)
            case windows.Completed(_, span, _):
                unread = [gap for rest in unread for gap in windows.gaps(rest, [span])]
    for lo, hi in unread:
        before -= set(ids(lo, hi))
    return before, unread


def confirmed(run: Run, table: Table, absent: list[str]) -> tuple[str, ...] | None:
    """Those of the ids of which a look by id says that they are not there; what it finds lands.

    None where such a look shows no living record either, and so says nothing.
    """
    if not absent:
        return ()

    def looks(ids: list[str]) -> Iterator[tuple[str, Record | None]]:
        klasses = run.landing.klasses_of(table, ids)
        return by_ids(run.client, table, ids, klasses=klasses, workers=run.limits.workers)

    if not _shows_one(looks, living(run, table)):
        run.warn(
            "sweep_unconfirmed",
            f"{table.name}: {len(absent)} records are missing from the search, but a look by id "
            "shows no living record either; nothing was flagged.",
        )
        return None
    gone = []
    with suppress(Forbidden):  # the key may look, for it saw a living one: these are hidden from it
        for record_id, record in looks(absent):
            if record is None:
                gone.append(record_id)
            elif record is not UNSURE:
                run.landing.take(table, [record], 0)
    doubted = _doubted(run, table, gone)
    return tuple(one for one in gone if one not in doubted)


def _doubted(run: Run, table: Table, gone: list[str]) -> set[str]:
    """Those stored as soft-deleted that may be there though neither their moment nor path shows it.

    A search by when a record was made shows it wherever else the index keeps it; whether that
    reaches as far back as the record is told by when it was made, too.
    """
    stamps = run.destination.stamps(table, 0, _FAR, gone) if gone else []
    looks = tried(partial(_unshown, run, table), (s for s in stamps if s.deleted),
                  run.limits.workers)  # fmt: skip
    return {stamp.id for stamp, unshown in looks if unshown is not True}


def _unshown(run: Run, table: Table, stamp: Stamp) -> bool:
    """Whether searches that would show the record don't."""
    parts = [part for _, part in run.readable(table, (0, windows.millis(run.now())))]
    recent = stamp.created is not None and stamp.created >= run.horizon
    if stamp.created is None or not (recent or any(True in archives for archives in parts)):
        return False
    window = windows.Window(table, (0, _FAR), created=windows.second_of(stamp.created))
    for archive in (False,) if recent else (False, True):
        page = run.client.search(
            windows.body(window), page=1, page_size=run.limits.page_size, archive=archive
        )
        run.minimum.others += 1
        ids = ids_of(page.records)
        if page.timed_out or page.total != len(ids) or stamp.id in ids:
            return False
    return True


def _shows_one(
    looks: Callable[[list[str]], Iterable[tuple[str, Record | None]]], ids: Iterable[str]
) -> bool:  # fmt: skip
    """Whether a look at any of the ids, one after another, shows a record."""
    forbidden: Forbidden | None = None
    for one in ids:
        try:
            if any(record for _, record in looks([one])):
                return True
        except Forbidden as error:
            forbidden = error
    if forbidden is not None:
        raise forbidden
    return False


def living(run: Run, table: Table) -> Iterator[str]:
    """Ids of records that a search shows at this moment: the newest, and the newest archived."""
    for part, archives in run.readable(table, (0, windows.millis(run.now()))):
        for archive in archives:
            page = run.client.search(
                windows.body(windows.Window(table, part), deleted=False), page=1, page_size=1,
                archive=archive,
            )  # fmt: skip
            run.minimum.others += 1
            yield from ids_of(page.records)
