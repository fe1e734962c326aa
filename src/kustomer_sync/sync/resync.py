"""Re-sync: what was read is read once more, and what Kustomer no longer has is flagged at the end.

That a re-sync was asked for is kept in the state, so it outlives this sync: each sync goes on with
it where the last one ended. Records land over what is stored, a span after another, the newest
first; no table is emptied. Ids that are stored in a span and were not seen in it are gathered, and
flagged in one transaction when all of the table was read and a look by id found nothing either.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

from kustomer_sync.errors import PathFailed, UsageError, cause
from kustomer_sync.kustomer import windows
from kustomer_sync.kustomer.client import Forbidden, NotFound, Refused
from kustomer_sync.kustomer.listings import PAGE_SIZE
from kustomer_sync.model import Each, Listing, Log, Record, Search, Table
from kustomer_sync.report import counted
from kustomer_sync.sync.choice import choose
from kustomer_sync.sync.follow import forget
from kustomer_sync.sync.landing import LONG_AGO, ids_of
from kustomer_sync.sync.log import log_key
from kustomer_sync.sync.sweep import confirmed, most, reread

if TYPE_CHECKING:
    from kustomer_sync.sync.run import Run

_KEY = "resync"
_ALL = 1 << 40
_FAR = 1 << 48
"""In milliseconds since 1970: later than any record is."""


@dataclass(frozen=True, slots=True)
class Resync:
    """What is to be read once more."""

    tables: tuple[str, ...] = ()
    """By name; all that the connection wants if there are none."""
    since: datetime | None = None
    """Of searched tables, only what was updated since."""

    def check(self, now: datetime) -> None:
        """It can be done; else `UsageError`."""
        if self.since is not None and self.since > now:
            raise UsageError(
                f"{windows.iso(windows.millis(self.since))} is in the future for Kustomer.",
                "Give --since a date that has been.",
            )


@dataclass(slots=True)
class Mark:
    """What of a searched table is still to be read once more, and what was not seen so far."""

    spans: list[windows.Span]
    unseen: set[str] = field(default_factory=set)
    """Ids stored in spans that were read, in which Kustomer does not have them."""
    whole: bool = False
    """From the beginning of time, not since a date."""

    def saw(self, records: list[Record]) -> None:
        self.unseen -= ids_of(records)

    def state(self) -> dict[str, Any]:
        return {"spans": self.spans, "unseen": sorted(self.unseen), "whole": self.whole}


def mark(run: Run, wanted: Resync) -> None:
    """From here on the re-sync is in the state; it is said what it will take about."""
    names = {table.name for table in choose(run.connection, wanted.tables)}
    lo = max(0, windows.millis(wanted.since)) if wanted.since else 0
    span = (lo, windows.millis(run.now()))
    asked = [table for table in run.tables if table.name in names]
    for table in asked:
        state = run.landing.of(table.name)
        reading = table.reading
        old = isinstance(reading, Search) and reading.older and lo < run.horizon
        listed = isinstance(reading, Search) and reading.listed
        if isinstance(reading, Listing) or old or listed:
            state.listed_at = LONG_AGO  # so it is due
        if isinstance(table.reading, Log):
            run.landing.put(log_key(table), None)
        if isinstance(table.reading, Search):
            state.archive_denied = False
            before = run.marks.get(table.name, Mark([]))
            parts = [(max(lo, a), min(span[1], b)) for a, b in state.done]
            top = max([lo, *(hi for _, hi in parts)])
            newer = run.destination.ids(table, top, _FAR, living=lo > 0)
            run.marks[table.name] = Mark(
                windows.merged([*before.spans, *parts]), before.unseen.union(newer),
                before.whole or lo == 0,
            )  # fmt: skip
        run.landing.touch(table.name)
    forget(run, names, span)
    _keep(run)
    run.landing.commit()
    run.say(_told(run, asked, span))


def marks(kept: dict[str, Any]) -> dict[str, Mark]:
    """What the state says is to be read once more, by table."""
    return {
        name: Mark([(lo, hi) for lo, hi in one["spans"]], set(one["unseen"]), one["whole"])
        for name, one in (kept.get(_KEY) or {}).items()
    }


def _keep(run: Run) -> None:
    """The next commit writes what is still to be done."""
    run.landing.put(_KEY, {name: one.state() for name, one in run.marks.items()})


def resync(run: Run, table: Table) -> None:
    """What is marked of the table is as Kustomer has it; what could not be read stays marked."""
    asked = run.marks.get(table.name)
    if asked is None:
        return
    run.note(f"re-syncing {table.name}")
    try:
        for spans in _rounds(run, table, asked.spans):
            run.landing.commit()
            unseen, unread = reread(run, table, spans, living=not asked.whole)
            left = chain.from_iterable(windows.gaps(span, spans) for span in asked.spans)
            asked.spans = windows.merged([*left, *unread])
            asked.unseen |= unseen
            _keep(run)
            run.landing.commit()
            run.keep_up()
        if _left(run, table, asked.spans):
            run.warn(
                "resync_incomplete",
                f"{table.name} was not read whole; nothing was flagged, the next sync goes on.",
            )
        else:
            _finish(run, table, asked)
    except (Forbidden, NotFound, Refused, PathFailed) as error:
        run.warn(
            "resync_incomplete",
            f"{table.name} was not re-synced to its end ({cause(error)}); nothing was flagged, "
            "the next sync goes on.",
        )


def _left(run: Run, table: Table, spans: list[windows.Span]) -> list[windows.Span]:
    """What of the spans is still to be read, but for what comes from a list."""
    parts = [found for span in spans for found in run.readable(table, span)]
    listed = [part for part, archives in parts if not archives]
    return [gap for span in spans for gap in windows.gaps(span, listed)]


def _rounds(
    run: Run, table: Table, spans: list[windows.Span]
) -> Iterator[list[windows.Span]]:  # fmt: skip
    """The spans in parts that one search can show, as many at a time as are read side by side.

    Always the newest first. What was soft-deleted may be stored at that time and in the index at
    the one before, and a look by id may not show it (neither is documented): so it is met again
    after it was not seen. Since a date it may not be met, so it does not count as unseen.
    """
    parts = [
        (held.lo, held.hi)
        for span in spans
        for part, archives in run.readable(table, span)
        if archives
        for held in run.destination.spread(table, *part, most(run))
    ]
    parts.sort(reverse=True)
    for first in range(0, len(parts), run.limits.workers):
        yield parts[first : first + run.limits.workers]


def _finish(run: Run, table: Table, asked: Mark) -> None:
    """What no search and no look by id shows is flagged, and the re-sync of the table is done."""
    if asked.whole:
        hi = windows.millis(run.now())
        asked.unseen |= set(run.destination.strays(table, hi, _held(run, table)))
    if asked.unseen:
        run.changes()  # what was deleted or changed since is met there
    gone = confirmed(run, table, sorted(asked.unseen))
    if gone is None:
        return  # the next sync looks again
    del run.marks[table.name]
    _keep(run)
    if asked.whole:
        run.landing.of(table.name).swept_at = run.now().isoformat()
        run.landing.touch(table.name)
        run.compared |= table.name == "customer"
    run.landing.commit(run.landing.absent(table, gone))


def _held(run: Run, table: Table) -> Iterator[tuple[str, str]]:
    """Where else the ids of the table's records are: its children, klasses, what is asked by it."""
    yield from ((child.place, child.parent_column) for child in table.children)
    yield from ((name, "id") for name in run.landing.of_klasses(table))
    for other in run.tables:
        if isinstance(other.reading, Each) and other.reading.of == table.name:
            yield other.place, other.reading.via


def _told(run: Run, asked: Collection[Table], span: windows.Span) -> str:
    """How many records are read once more, and about how many requests that takes.

    A table of which nothing was read, or not all, says so: what it lacks is no second reading.
    """
    fresh, unfinished = _unread(run, asked)
    asked = [table for table in asked if table not in fresh]
    records = requests = 0
    talks = [table for table in run.tables if table.name == "conversation"]
    for table in asked:
        if isinstance(table.reading, Search):
            count = _count(run, table, run.marks[table.name].spans)
            requests += -(-count // run.limits.page_size) + 1
        elif isinstance(table.reading, Listing):
            count = run.destination.rows([table.place])[table.place]
            requests += max(1, -(-count // PAGE_SIZE)) + (count if table.reading.singly else 0)
        else:
            count = run.destination.rows([table.place])[table.place]
        records += count
        if isinstance(table.reading, Each) or table.name == "message":
            requests += sum(_count(run, talk, [span]) for talk in talks)  # one for each of them
    names = ", ".join(table.known_as for table in asked)
    told = []
    if asked:
        about = f"about {counted(records, 'record')}, in about {counted(requests, 'request')}"
        told.append(f"Re-sync of {names}: {about}.")
    if fresh:
        names = ", ".join(table.known_as for table in fresh)
        told.append(f"Of {names} nothing of that time was read before, so nothing is read again.")
    if fresh or unfinished:
        names = ", ".join(table.known_as for table in (*fresh, *unfinished))
        told.append(f"What was never read of {names} is read besides, as by any sync.")
    return " ".join(told)


def _unread(run: Run, asked: Collection[Table]) -> tuple[list[Table], list[Table]]:
    """The searched tables of which nothing is to be read again, and those not read to their end."""
    searched = [table for table in asked if isinstance(table.reading, Search)]
    fresh = [table for table in searched if not run.marks[table.name].spans]
    cut = [table for table in searched if len(run.landing.of(table.name).done) != 1
           or run.landing.of(table.name).cursor is None]  # fmt: skip
    return fresh, [table for table in cut if table not in fresh]


def _count(run: Run, table: Table, spans: list[windows.Span]) -> int:
    return sum(held.kept for s in spans for held in run.destination.spread(table, *s, _ALL))
