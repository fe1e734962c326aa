"""Reading a searched table completely although a search shows at most 10,000 records.

A search is bounded by `lo <= updatedAt < hi`, newest first. Of what it shows only page 1 can't
shift, so a window is read downward: page 1, then page 1 of all that is not newer than the last
record, and so on, as long as each total is what was left. One that does not add up is read by
page numbers, where every page has to report the same total and the distinct ids to equal it; one
over the cap, or that does not add up then, is cut, newest part first, until it fits one page; down
to one millisecond, then by `createdAt`, and records alike in both by the first attribute that
tells them apart.

Facts (kustomer-api.md section 4): 100 pages is documented, 10,000 records observed; totals may
be capped there, `links.next` runs past page 100, equal `updatedAt` come in any order, there is
no second sort key. So none of these is relied on.
"""

from __future__ import annotations

import heapq
import itertools
import queue
import threading
import time
from collections.abc import Generator, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from kustomer_sync.errors import PathFailed, SourceFailed
from kustomer_sync.kustomer.client import (
    RETRY_SECONDS,
    Client,
    Forbidden,
    NotFound,
    Page,
    Refused,
)
from kustomer_sync.model import Record, Search, Table

PAGE_SIZE = 500
DAY_MS = 86_400_000
_FAR = 253402300799000  # 9999-12-31, in ms: `createdAt` has no upper bound of its own
_FILL = 0.85  # how full of the cap a window is aimed at, so that few need another cut
_DENSE = 20  # a page with fewer records says too little of the density
_TIES_PASSES = 40
_LONG = 500  # pages: a reading of so many counts all before it goes on
_UNANSWERED = 50  # searches in a row, and for longer than is waited for any one
PARSED = 2  # pages parsed and not landed yet, in all threads: each may take 10 MB
_APART: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "customer": (
        ("customer_id", ("id",)),
        ("customer_externalId", ("attributes", "externalId")),
        ("customer_name", ("attributes", "name")),
    ),
    "conversation": (
        ("conversation_id", ("id",)),
        ("conversation_customer_id", ("relationships", "customer", "data", "id")),
        ("conversation_name", ("attributes", "name")),
    ),
    "message": (
        ("message_id", ("id",)),
        ("message_customer_id", ("relationships", "customer", "data", "id")),
        ("message_external_id", ("attributes", "externalId")),
    ),
    "kobject": (
        ("kobject_id", ("id",)),
        ("kobject_customer_id", ("relationships", "customer", "data", "id")),
    ),
}
"""Search attributes that tell records alike in both times apart, and their places. The ids are
documented for the archive search only; what a search does not know it refuses."""


@dataclass(frozen=True, slots=True)
class Caps:
    """How far one search can be read; the stricter counts. A lower one is learnt from a refusal."""

    records: int = 10_000
    pages: int = 100


Span = tuple[int, int]
"""[lo, hi) in milliseconds since 1970."""


def millis(at: datetime) -> int:
    return int(at.timestamp()) * 1000 + at.microsecond // 1000


def instant(ms: int) -> datetime:
    seconds, rest = divmod(ms, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)


def iso(ms: int) -> str:
    return f"{instant(ms):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same time, as few spans in order."""
    out: list[Span] = []
    for lo, hi in sorted((lo, hi) for lo, hi in spans if lo < hi):
        if out and lo <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], hi))
        else:
            out.append((lo, hi))
    return out


def gaps(span: Span, done: Iterable[Span]) -> list[Span]:
    """What of `span` is not in `done`."""
    out, at = [], span[0]
    for lo, hi in merged(done):
        if lo > at:
            out.append((at, min(lo, span[1])))
        at = max(at, hi)
        if at >= span[1]:
            break
    if at < span[1]:
        out.append((at, span[1]))
    return [(lo, hi) for lo, hi in out if lo < hi]


def second_of(at: int) -> Span:
    """The whole second of a moment: whether a search tells less apart is not documented."""
    lo = at - at % 1000
    return lo, lo + 1000


@dataclass(frozen=True, slots=True)
class Among:
    """Only records whose value of a search attribute is one of these; or is none of these."""

    attribute: str
    values: tuple[str, ...]
    inside: bool = True


@dataclass(frozen=True, slots=True)
class Window:
    """A span of one table to read, from the search, from the archive search, or from both."""

    table: Table
    span: Span
    archives: tuple[bool, ...] = (False,)
    created: Span | None = None
    among: Among | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """A window that is about to be read has so many records, as far as the search tells."""

    table: Table
    records: int
    span: Span | None
    """What was counted to the last record by now; None where the archive is still to be asked."""


@dataclass(frozen=True, slots=True)
class Found:
    """Records of a table, as they came."""

    table: Table
    records: list[Record]
    nbytes: int


@dataclass(frozen=True, slots=True)
class Completed:
    """A span was read to the last record; every `Found` of it came before."""

    table: Table
    span: Span
    records: int


@dataclass(frozen=True, slots=True)
class Denied:
    """A table, or the archive of it, can't be read with this key, or not now, or not at all."""

    table: Table
    archive: bool
    error: Forbidden | NotFound | Refused | PathFailed


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A span of one millisecond could not be read to the last record; it stays open."""

    table: Table
    span: Span
    message: str


Event = Counted | Found | Completed | Denied | Incomplete


class _Stopped(Exception):  # noqa: N818 - control flow within this file
    pass


class Reader:
    """Reads windows in parallel, newest first, and yields what it finds as it finds it."""

    def __init__(
        self, client: Client, *, caps: Caps | None = None, page_size: int = PAGE_SIZE,
        workers: int = 6, oldest_first: bool = False, patience: float = RETRY_SECONDS,
    ) -> None:  # fmt: skip
        self._client = client
        self._caps = caps or Caps()
        self._page_size = page_size
        self._workers = workers
        self._patience = patience
        self._answered_at, self._unanswered = time.monotonic(), 0
        self._sign = 1 if oldest_first else -1
        self._queue: queue.Queue[Event | BaseException | None] = queue.Queue(maxsize=2)
        self._room = threading.Semaphore(PARSED)
        self._todo: list[tuple[int, int, Window]] = []
        self._order = itertools.count()
        self._open = 0  # windows queued or being read
        self._ready = threading.Condition()
        self._stopped = False
        self._denied: set[tuple[str, bool]] = set()
        self._way: dict[tuple[str, bool, bool], int] = {}
        """Which of `_ways` was not refused: by table, whether sorted by updatedAt, and archive."""
        self._uncounted: set[tuple[str, Span, bool]] = set()
        """Table, span and search of windows whose first page has not told how many there are."""
        self._told = 0
        """Pages of all that was counted."""

    def read(self, windows: Iterable[Window]) -> Generator[Event, None, None]:
        """Every event of every window. An error of one worker ends all and is raised here."""
        for window in windows:
            self._uncounted |= _keys(window)
            self._add(window)
        if not self._open:
            return
        threads = [
            threading.Thread(target=self._work, name=f"search-{n}", daemon=True)
            for n in range(self._workers)
        ]
        for thread in threads:
            thread.start()
        try:
            running = len(threads)
            while running:
                event = self._queue.get()
                if event is None:
                    running -= 1
                elif isinstance(event, BaseException):
                    raise event
                else:
                    yield event
                    if isinstance(event, Found):
                        self._room.release()
                del event  # or its records stay until the next comes
        finally:
            self._stop_workers(threads)

    def _stop_workers(self, threads: list[threading.Thread]) -> None:
        with self._ready:
            self._stopped = True
            self._ready.notify_all()
        while any(thread.is_alive() for thread in threads):
            self._room.release()  # nobody waits for the consumer any more
            try:
                self._queue.get(timeout=0.05)
            except queue.Empty:
                continue

    def _add(self, window: Window) -> None:
        with self._ready:
            key = self._sign * window.span[1]
            heapq.heappush(self._todo, (key, next(self._order), window))
            self._open += 1
            self._ready.notify()

    def _work(self) -> None:
        try:
            while (window := self._take()) is not None:
                self._window(window)
                with self._ready:
                    self._open -= 1
                    self._ready.notify_all()
        except _Stopped:
            pass
        except BaseException as error:
            if not self._stopped:
                self._queue.put(error)
        finally:
            self._queue.put(None)

    def _take(self) -> Window | None:
        with self._ready:
            while not self._todo and self._open and not self._stopped:
                self._ready.wait()
            if self._stopped or not self._open:
                return None
            return heapq.heappop(self._todo)[2]

    def _emit(self, event: Event) -> None:
        if self._stopped:
            raise _Stopped
        self._queue.put(event)

    # ---- one window ----

    def _window(self, window: Window) -> None:
        """Read `window` to the end, or hand on what of it is not read yet as new windows."""
        found = 0
        for archive in window.archives:
            if (window.table.name, archive) in self._denied:
                return
            try:
                read = self._span(window, archive)
            except Forbidden as error:  # one role covers both searches
                self._deny(window.table, (False, True), error)
                return
            except (NotFound, Refused, PathFailed) as error:
                self._deny(window.table, (archive,), error)
                return
            if read is None:
                return  # its parts were queued, or it was said to be incomplete
            found += read
            if read == 0 and not archive and True in window.archives:
                window = replace(window, archives=(True,))
        if window.created is None:
            self._emit(Completed(window.table, window.span, found))

    def _deny(
        self, table: Table, archives: tuple[bool, ...],
        error: Forbidden | NotFound | Refused | PathFailed,
    ) -> None:  # fmt: skip
        with self._ready:
            known = (table.name, archives[0]) in self._denied
            self._denied |= {(table.name, archive) for archive in archives}
        if not known:
            self._emit(Denied(table, archives[0], error))

    def _span(self, window: Window, archive: bool) -> int | None:
        """How many records the window has, when it was read completely; else None."""
        for attempt in range(2):
            shown = _Shown(_key(window))
            first = self._slim(self._page(window, archive, 1), shown)
            total = _total(first)
            self._count(window, archive, total)
            if total is None or self._over(total, self._size_of(first)):
                return self._cut(window, archive, first, total)
            if total == shown.distinct():
                return total
            if window.created is None:
                if window.span[1] - window.span[0] <= 1:  # in whatever order, so never twice alike
                    return self._cut(window, archive, first, total)
                if attempt == 0:
                    if self._downward(window, archive, first, total):
                        return total
                    continue
            agreed, capped = self._pages(window, archive, first, total, shown)
            if agreed and shown.distinct() == total:
                return total
            if capped:
                return self._cut(window, archive, first, total)
            if attempt == 1 or shown.tied():  # ties across pages would not add up again
                break
        return self._cut(window, archive, first, None, sorted(itertools.chain(*shown.times())))

    def _count(self, window: Window, archive: bool, total: int | None) -> None:
        """Tell once how many records a window has; a capped total says nothing, its parts do."""
        key = (window.table.name, window.span, archive)
        if key not in self._uncounted or window.created or total in (None, self._caps.records):
            return
        self._uncounted.discard(key)
        whole = not self._uncounted & _keys(window)
        self._emit(Counted(window.table, total, window.span if whole else None))
        with self._ready:
            before, self._told = self._told, self._told - (-total // self._page_size)
            waiting = [w for *_, w in self._todo] if before < _LONG <= self._told else []
        for other in waiting:
            self._count_ahead(other)

    def _count_ahead(self, window: Window) -> None:
        """A reading that takes long is worth the searches that tell how long."""
        for _, _, archive in sorted(self._uncounted & _keys(window)):
            try:
                page = self._page(window, archive, 1, wanted=False)
            except (Forbidden, NotFound, Refused, PathFailed) as error:
                self._deny(window.table, (archive,), error)
            else:
                self._count(window, archive, _total(page))

    def _downward(self, window: Window, archive: bool, page: Page, total: int) -> bool:
        """Read the window from its page 1 down, each page as page 1 of what is not known yet.

        What is newer than a page's oldest time was shown by it, whatever comes and goes elsewhere;
        that time itself is read again with what is older, since of equal times some may be hidden.
        More of them than a page are read by `createdAt`. False where a total is not what is left:
        something came or went, or the server does not tell these times apart.
        """
        (lo, top), left = window.span, total
        while True:
            times = _times(page.records, "updatedAt")
            if not times or not _descending(times) or not lo <= times[-1] < top:
                return False
            distinct = len({str(r.get("id")) for r in page.records})
            if distinct != len(times):
                return False
            if distinct == left:
                return True
            at = times[-1]
            newer, top = sum(time > at for time in times), at + 1
            if not newer:
                equal = replace(window, span=(at, top))
                newer, top = self._created(equal, archive) or 0, at
                if not newer:
                    return False
            left -= newer
            if left <= 0 or top <= lo:
                return left == 0
            page = self._page(replace(window, span=(lo, top)), archive, 1)
            page = self._slim(page, _Shown("updatedAt"))
            if _total(page) != left:
                return False

    def _pages(
        self, window: Window, archive: bool, first: Page, total: int, shown: _Shown
    ) -> tuple[bool, bool]:
        """Read the pages by number: whether each reported the total, and whether one was refused.

        `shown` has what each showed.
        """
        size = self._size_of(first)
        number = 1
        while number * size < total:
            number += 1
            try:
                page = self._page(window, archive, number)
            except (NotFound, Refused):
                self._learn_cap((number - 1) * size)
                return False, True
            page = self._slim(page, shown)
            if page.total != total or self._size_of(page, size) != size:
                return False, False
        return True, False

    def _cut(
        self, window: Window, archive: bool, first: Page, total: int | None,
        times: list[int] | None = None,
    ) -> int | None:  # fmt: skip
        """Cut the window and read its parts; at one millisecond cut by `createdAt`.

        `times` are those of a window under the cap that did not add up: its parts are to have one
        page each, which cannot shift.
        """
        lo, hi = window.created or window.span
        if first.timed_out and (hi - lo <= 1 or window.created is not None):
            self._emit(Incomplete(window.table, window.span, "the search times out"))
            return None
        if hi - lo <= 1:
            if window.created is not None:
                return self._alike(window, archive)
            return self._by_created(window, archive)
        key = _key(window)
        cuts = _singly(lo, hi, times or [], self._size_of(first))
        if not cuts and window.created is None:
            cuts = self._many(lo, hi, first, total)
        cuts = cuts or [self._where(lo, hi, first, key, total)]
        spans = list(itertools.pairwise([lo, *cuts, hi]))
        if window.created is not None:  # parts of a millisecond are read at once: the whole counts
            counts = [self._span(replace(window, created=span), archive) for span in spans]
            return None if None in counts else sum(c for c in counts if c is not None)
        uncounted = self._uncounted & _keys(window)
        self._uncounted -= uncounted
        for span in spans:
            self._uncounted |= {(name, span, other) for name, _, other in uncounted}
            self._add(replace(window, span=span))
        return None

    def _many(self, lo: int, hi: int, first: Page, total: int | None) -> list[int]:
        """Cuts into as many even parts as a total above the cap asks for; [] without one.

        The newest page's density says how far back the total reaches.
        """
        times = _times(first.records, "updatedAt")
        cap = self._cap(self._size_of(first))
        if total is None or total <= cap or len(times) < _DENSE or not _descending(times):
            return []
        newest = times[0] + 1
        reach = max(times[0] - times[-1], 1) * total // (len(times) - 1)
        start = max(lo, newest - reach)
        parts = max(2, -(-total // max(1, int(cap * _FILL))))
        cuts = {start + (newest - start) * n // parts for n in range(parts)}
        return sorted(at for at in cuts if lo < at < hi)

    def _where(self, lo: int, hi: int, first: Page, key: str, total: int | None) -> int:
        """Where to cut in two: by the density of the newest page, else in the middle."""
        times = _times(first.records, key)
        middle = (lo + hi) // 2
        if not times or not _descending(times) or not lo <= times[-1] < hi:
            return max(lo + 1, min(middle, hi - 1))
        if total is None:  # it did not add up: halve what was seen
            at = times[len(times) // 2]
            return max(lo + 1, min(at if at > lo else middle, hi - 1))
        cap = self._cap(self._size_of(first))
        top = min(hi, times[0] + 1)  # nothing lies above the newest
        at = top - max(1, int((top - times[-1]) * cap * _FILL / len(times)))
        if at <= lo:
            at = top - max(1, int((top - lo) * min(0.5, cap * _FILL / max(total, 1))))
        return max(lo + 1, min(at, times[-1] if times[-1] > lo else at, hi - 1))

    def _by_created(self, window: Window, archive: bool) -> int | None:
        """One millisecond of `updatedAt` with more than a page in it: read it by `createdAt`."""
        read = self._created(window, archive)
        if read is None:
            return None
        again = self._page(window, archive, 1, wanted=False)
        total = _total(again)
        if total is not None and total < self._cap(self._size_of(again)) and total != read:
            self._emit(
                Incomplete(window.table, window.span, f"{read} of {total} records could be read")
            )
            return None
        return read

    def _created(self, window: Window, archive: bool) -> int | None:
        """How many it has, read by `createdAt` where the search knows that."""
        try:
            return self._span(replace(window, created=(0, _FAR)), archive)
        except (NotFound, Refused):
            return self._alike(window, archive)

    def _alike(self, window: Window, archive: bool) -> int | None:
        """Records alike in both times: told apart by another attribute, in parts of one page."""
        for attribute, place in _APART.get(window.table.name, ()):
            try:
                seen = self._apart(window, archive, attribute, place)
            except (NotFound, Refused):
                continue  # this search does not know the attribute
            if seen is not None:
                return len(seen)
        return self._ties(window, archive)

    def _apart(
        self, window: Window, archive: bool, attribute: str, place: tuple[str, ...]
    ) -> set[str] | None:
        """Ids of all records, read by the values seen, then by those of the rest, and so on.

        None when the attribute does not tell them apart, or the search does not heed it.
        """
        known: dict[str, None] = {}
        seen: set[str] = set()
        while True:
            rest = replace(window, among=Among(attribute, tuple(known), False)) if known else window
            page = self._page(rest, archive, 1)
            ids = {str(r.get("id")) for r in page.records}
            if self._single(page):
                return seen | ids
            values = dict.fromkeys(v for r in page.records if isinstance(v := _at(r, place), str))
            if not values or values.keys() & known.keys():
                return None
            read = self._valued(window, archive, attribute, tuple(values))
            if (
                read is None
                or not {str(r.get("id")) for r in page.records if isinstance(_at(r, place), str)}
                <= read
            ):
                return None
            seen |= read
            known |= values

    def _valued(
        self, window: Window, archive: bool, attribute: str, values: tuple[str, ...]
    ) -> set[str] | None:
        """Ids of the records with one of the values; None when one value's can't all be seen."""
        theirs = replace(window, among=Among(attribute, values))
        page = self._page(theirs, archive, 1)
        if self._single(page):
            return {str(r.get("id")) for r in page.records}
        if len(values) == 1:
            seen, _, whole = self._passes(theirs, archive)
            return seen if whole else None
        half = len(values) // 2
        parts = [
            self._valued(window, archive, attribute, p) for p in (values[:half], values[half:])
        ]
        return None if None in parts else set().union(*(p for p in parts if p is not None))

    def _single(self, page: Page) -> bool:
        """Whether the page shows all that was found."""
        total = _total(page)
        ids = {r.get("id") for r in page.records}
        return total == len(ids) and not self._over(total, self._size_of(page))

    def _ties(self, window: Window, archive: bool) -> int | None:
        """Nothing tells the records apart: read all pages again until all were seen."""
        seen, total, whole = self._passes(window, archive)
        if whole:
            return total
        self._emit(
            Incomplete(
                window.table, window.span,
                f"{len(seen)} of {total or 'an unknown number of'} records with equal createdAt "
                "and updatedAt were seen",
            )
        )  # fmt: skip
        return None

    # ---- requests ----

    def _passes(self, window: Window, archive: bool) -> tuple[set[str], int, bool]:
        """The ids seen on its pages, read again until all were; how many it has; whether all are.

        Beyond the cap they never are: there the number may be no more than the cap itself.
        """
        seen: set[str] = set()
        total = 0
        for _ in range(_TIES_PASSES):
            page = self._page(window, archive, 1)
            size, told = self._size_of(page), _total(page)
            seen |= {str(r.get("id")) for r in page.records}
            if told is None:
                return seen, 0, False
            total = told
            number = 1
            while len(seen) < total and number * size < min(total, self._cap(size)):
                number += 1
                page = self._page(window, archive, number)
                seen |= {str(r.get("id")) for r in page.records}
            if self._over(total, size):
                return seen, total, False
            if len(seen) == total:
                return seen, total, True
        return seen, total, False

    def _page(self, window: Window, archive: bool, number: int, *, wanted: bool = True) -> Page:
        """A page, its records handed on if they are `wanted`; page 1 says whether it is all."""
        page = self._answered(window, archive, number, wanted)
        if number > 1 or page.timed_out or page.total is not None or page.linked:
            return page
        return self._further(window, page, archive, wanted)

    def _answered(self, window: Window, archive: bool, number: int, wanted: bool) -> Page:
        """A page as it was answered.

        One that timed out on the server, or is of other records, is asked for again.
        """
        if self._stopped:
            raise _Stopped
        for _ in range(5):
            page = self._search(window, archive, number)
            fits = not page.timed_out and all(_is(r, window.table) for r in page.records)
            if fits:
                self._answered_at, self._unanswered = time.monotonic(), 0
            if fits and wanted and page.records:
                self._emit(Found(window.table, page.records, page.nbytes))
            else:
                self._room.release()
            if fits:
                return page
            self._not_answered()
        return replace(page, records=[], total=None, next="more", timed_out=True)

    def _further(self, window: Window, page: Page, archive: bool, wanted: bool) -> Page:
        """Page 1 of a search that says nothing of its end, with what page 2 says of that.

        Its size says nothing: a server may give fewer than were asked for. It is all if page 2 has
        nothing new and page 1 is the same then: else one that left it made room for another.
        """
        known = _ids(page)
        if not known:
            return replace(page, total=0)
        try:
            second = self._answered(window, archive, 2, wanted)
        except (NotFound, Refused):  # as some answer past the last page
            second = replace(page, records=[])
        if not second.timed_out and _ids(second) <= known:
            again = self._answered(window, archive, 1, wanted)
            if _ids(again) == known and not again.timed_out:
                return replace(page, total=len(known))
        return replace(page, next="more")

    def _search(self, window: Window, archive: bool, number: int) -> Page:
        """A page as the server gives it; unsorted, or without attachments, where it refuses those.

        By what a search sorts is documented for customers alone, that it includes for lists alone.
        """
        search = partial(
            self._client.search, page=number, page_size=self._page_size, archive=archive,
            room=self._room,
        )  # fmt: skip
        key, ways = (window.table.name, window.created is None, archive), _ways(window)
        known = self._way.get(key)
        if known is not None or number > 1:
            asked, params = ways[known or 0]
            return search(asked, params=params)
        refused: list[Refused] = []
        for way, (asked, params) in enumerate(ways):
            try:
                page = search(asked, params=params)
            except Refused as error:
                refused.append(error)
            else:
                self._way[key] = way
                return page
        raise refused[0]

    def _not_answered(self) -> None:
        """No search has had a true answer for too long: `SourceFailed`."""
        self._unanswered += 1
        late = time.monotonic() - self._answered_at > self._patience
        if late and self._unanswered >= _UNANSWERED:
            raise SourceFailed(
                f"Kustomer's last {self._unanswered} searches all timed out on its side.",
                "Run the sync again; it goes on where it stopped.",
            )

    def _slim(self, page: Page, shown: _Shown) -> Page:
        """The page with no more of its records than says which they were: many pages are in work,
        and what was handed on takes no memory here.
        """
        shown.add(page.records)
        slim = [
            {"id": r.get("id"), "attributes": {shown.key: _stamp(r, shown.key)}}
            for r in page.records
        ]
        return replace(page, records=slim)

    def _size_of(self, page: Page, default: int | None = None) -> int:
        return page.size or default or len(page.records) or self._page_size

    def _cap(self, size: int) -> int:
        return max(1, min(self._caps.records, self._caps.pages * size))

    def _over(self, total: int, size: int) -> bool:
        """A total at the cap may be a capped one, so it says nothing."""
        return total >= self._cap(size)

    def _learn_cap(self, records: int) -> None:
        """The server refused a page within the caps we know: it shows no more than `records`."""
        if records < self._caps.records:
            self._caps = replace(self._caps, records=max(records, 1))


def body(window: Window, *, deleted: bool = True) -> dict[str, Any]:
    """The search that shows a window's records in any order; with soft-deleted ones or not."""
    assert isinstance(window.table.reading, Search)  # noqa: S101 - narrows for the type checker
    context = window.table.reading.context
    lo, hi = window.span
    conditions = _between(f"{context}_updated_at", lo, hi)
    if window.created is not None:
        conditions += _between(f"{context}_created_at", *window.created)
    asked: dict[str, Any] = {
        "queryContext": context,
        "and": conditions,
        "includeDeleted": deleted,
    }
    if window.among is not None:
        among = {window.among.attribute: {"in": list(window.among.values)}}
        if window.among.inside:
            conditions.append(among)
        else:
            asked["not"] = [among]
    return asked


def _ordered(window: Window) -> dict[str, Any]:
    """The same, newest first."""
    asked = body(window)
    by = "updated" if window.created is None else "created"
    return {**asked, "sort": [{f"{asked['queryContext']}_{by}_at": "desc"}]}


def newest(client: Client, window: Window, *, page_size: int, archive: bool) -> Page:
    """A window's newest records; any of them where the search refuses to sort."""
    ask = partial(client.search, page=1, page_size=page_size, archive=archive)
    try:
        return ask(_ordered(window))
    except Refused:
        return ask(body(window))


def _between(attribute: str, lo: int, hi: int) -> list[dict[str, Any]]:
    """One operator a condition, as every documented example has it."""
    return [{attribute: {"gte": iso(lo)}}, {attribute: {"lt": iso(hi)}}]


def _at(record: Record, place: tuple[str, ...]) -> Any:
    value: Any = record
    for key in place:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _ways(window: Window) -> list[tuple[dict[str, Any], dict[str, str]]]:
    """Bodies and parameters to ask with; the first that is not refused is the best."""
    included = [{"include": "attachments"}] if window.table.object == "message" else []
    return [(one, params) for params in [*included, {}] for one in (_ordered(window), body(window))]


def _total(page: Page) -> int | None:
    """The total a page reports; a single page without one has as many as it shows."""
    if page.total is not None:
        return page.total
    return len(_ids(page)) if page.next is None else None


def _ids(page: Page) -> set[str]:
    return {str(r.get("id")) for r in page.records}


def _is(record: Record, table: Table) -> bool:
    """Whether a record is of the table that was asked for; a KObject's type may name its klass."""
    kind = record.get("type")
    return not isinstance(kind, str) or kind.split(".")[0] == table.object


class _Shown:
    """Which records the pages of a window showed, in order, and their times."""

    def __init__(self, key: str) -> None:
        self.key = key
        self._ids: list[list[str]] = []
        self._stamps: list[list[Any]] = []

    def add(self, records: list[Record]) -> None:
        self._ids.append([str(r.get("id")) for r in records])
        self._stamps.append([_stamp(r, self.key) for r in records])

    def distinct(self) -> int:
        return len(set(itertools.chain(*self._ids)))

    def times(self) -> list[list[int]]:
        """By page; [] for one with a time that can't be read."""
        return [_read(stamps) for stamps in self._stamps]

    def tied(self) -> bool:
        """Whether equal times lie on both sides of a page's end, where they may change places."""
        return any(a and b and a[-1] == b[0] for a, b in itertools.pairwise(self._stamps))


def _keys(window: Window) -> set[tuple[str, Span, bool]]:
    """What is counted of a window."""
    return {(window.table.name, window.span, archive) for archive in window.archives}


def _key(window: Window) -> str:
    """The attribute that a window's records are sorted by."""
    return "updatedAt" if window.created is None else "createdAt"


def _stamp(record: Record, key: str) -> Any:
    return (record.get("attributes") or {}).get(key)


def _times(records: list[Record], key: str) -> list[int]:
    """The records' times in the order they came; [] when one can't be read."""
    return _read([_stamp(record, key) for record in records])


def _read(stamps: list[Any]) -> list[int]:
    try:
        return [millis(datetime.fromisoformat(stamp)) for stamp in stamps]
    except (TypeError, ValueError):
        return []


def _singly(lo: int, hi: int, times: list[int], size: int) -> list[int]:
    """Cuts of [lo, hi) into parts with less than a page of the `times` each, in order.

    More equal ones than a page are a part of their own, of one millisecond.
    """
    room, filled = max(1, int(size * _FILL)), 0
    cuts: set[int] = set()
    for at, group in itertools.groupby(times):
        count = sum(1 for _ in group)
        if filled + count > room:
            cuts.add(at)
            filled = 0
        if count > room:
            cuts.add(at + 1)
        else:
            filled += count
    return sorted(at for at in cuts if lo < at < hi)


def _descending(times: list[int]) -> bool:
    return all(a >= b for a, b in itertools.pairwise(times))
