"""Whether source and destination agree. Read `Verification.verify` first.

What is compared is what a sync has read: records whose every time lies in the spans that the state
calls done, less the overlap, or before the last re-import. What changed since is the next sync's.
A record counts as different only when it was read again singly, and is still unlike its rows then.
Rows are compared with what landing the record once more would make of them.

A record that was erased leaves no time behind, so it differs until a sync flags it.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from kustomer_sync.errors import (
    Interrupted,
    PathFailed,
    Rescheduled,
    SourceFailed,
    SyncError,
    SyncFailed,
    UsageError,
    cause,
)
from kustomer_sync.kustomer import listings, windows
from kustomer_sync.kustomer.client import Forbidden, NotFound, Refused
from kustomer_sync.kustomer.singly import (
    ATTACHED,
    UNSURE,
    attach,
    by_id,
    messages_of,
    of_parent,
    told_apart,
    tried,
)
from kustomer_sync.model import (
    Described,
    Each,
    Held,
    Listing,
    Log,
    Record,
    Search,
    Stamp,
    Strayed,
    Table,
    Unlike,
)
from kustomer_sync.report import Differing, Progress, TableVerified, Untold, Verified, counted
from kustomer_sync.settings import Connection
from kustomer_sync.shred import klass_table
from kustomer_sync.sync import sweep
from kustomer_sync.sync.choice import Limits, first_contact, refuse_other_org
from kustomer_sync.sync.follow import OWNED, belongs, follow_again, land_each, to_read
from kustomer_sync.sync.frugal import frugal
from kustomer_sync.sync.histories import kept, take_up
from kustomer_sync.sync.landing import ATTACHMENTS, Landing, ids_of, read_ms
from kustomer_sync.sync.reimport import described, reimport
from kustomer_sync.sync.run import Run
from kustomer_sync.sync.sweep import confirmed, living
from kustomer_sync.sync.wanted import lacks, make_ready, refuse_changed

SAMPLE = 100
_DRAW = 25  # records of one search for a sample
_NEWER = 2  # searches that find nothing newer than what was read
_AHEAD = 7 * windows.DAY_MS  # no record is from later than this
_ROUNDS = 2  # the second looks for what moved while the first did
_OWNER = "customer_id"
_QUIET = {_OWNER, "rev", "modified_at"}
"""What a merge of customers moves, perhaps without a trace in the record's `updatedAt`."""
_EXHAUSTED = "nothing of it was read to the end yet"
_SILENT = "which attachments they have is not told"
_OLD = "compared by the sample alone, for no search counts what is over two years old"
_PAGE = listings.PAGE_SIZE


def verify(
    connection: Connection,
    *,
    tables: Sequence[str] = (),
    sample: int = SAMPLE,
    repair: bool = False,
    progress: Callable[[Progress], None] | None = None,
    announce: Callable[[int], None] = lambda requests: None,
    stop: threading.Event | None = None,
    limits: Limits | None = None,
    rng: random.Random | None = None,
    share: Callable[[], float] | None = None,
) -> Verified:
    """How source and destination compare; `repair` reads again what differs.

    Without `repair` nothing is written. `announce` is told about how many requests it will take
    before most of them go out; `share` is as `sync` has it. Raises `UsageError` where there is
    nothing to compare.
    """
    run = Run(
        connection, tables=tables, whole=False, progress=progress,
        stop=stop or threading.Event(), limits=limits or Limits(), share=share,
    )  # fmt: skip
    chance = rng or random.Random()  # noqa: S311 - a sample, not cryptography
    try:
        with frugal():
            return Verification(run, sample, chance, announce).verify(repair=repair)
    except SyncError as error:
        _begins_anew(error)
        raise
    finally:
        run.close()


@dataclass
class _Compared:
    """What of a searched table is compared, and what changed in it since it was read."""

    table: Table
    spans: list[windows.Span]
    moved: set[str] = field(default_factory=set)
    """Ids of records that were updated after the last of the spans."""
    looked: int = 0
    """Up to when all of those are known, in milliseconds since 1970."""

    def settled(self, record: Record) -> bool:
        """Whether nothing of it is from outside the spans, and it says of when it is."""
        return _within(touched(record), self.spans)


class Verification:
    """One comparison under way."""

    def __init__(
        self, run: Run, sample: int, rng: random.Random, announce: Callable[[int], None]
    ) -> None:
        self.run, self.sample, self.rng, self.announce = run, sample, rng, announce
        self.found = Verified(run.connection.name)
        self._seen: dict[tuple[str, str], int] = {}
        """The `updatedAt` at which a search showed a record, by table and id."""
        self._sampled: set[tuple[str, str]] = set()
        self._followed: dict[str, list[windows.Span]] = {}
        """By table that is asked for by parent: what was asked for when the comparison began."""
        self._owners: dict[str, set[str]] = {}
        """By table that is asked for by parent: the parents of what differs."""
        self._alone = False
        """The path of one message refuses to include attachments."""
        self._strayed: list[Strayed] = []
        """What somebody else did to our tables."""

    def verify(self, *, repair: bool) -> Verified:
        run, found = self.run, self.found
        found.started_at = datetime.now(UTC)
        run.note("checking the key")
        told = first_contact(run.client)
        state = run.destination.state()
        if not state:
            raise UsageError(
                f"There is nothing to verify: {run.connection.shown_destination} has nothing of "
                "this connection.",
                f"Run `kustomer-sync sync {run.connection.name}` first.",
            )
        refuse_changed(run.connection, state)
        refuse_other_org(run.connection, told, state)
        try:
            run.landing = Landing(run, state)
            run.began = windows.millis(run.now())
            self._strayed = run.destination.strayed()
            found.expected = self._cost()
            self.announce(found.expected)
            for table in run.tables:
                self._table(table)
            behind = [t for t in run.tables if self._changed(t) or lacks(run, t)]
            if repair and (behind or any(t.ids for t in found.tables.values())):
                self._repair(behind)
            if run.failed is not None:
                raise run.failed
            left = any(t.differs for t in found.tables.values())
            compared = [t.compared for t in found.tables.values()]
            if not left and compared and not any(compared):
                raise SyncFailed(
                    "Nothing was compared.", "Run a sync to its end, and see what is said above."
                )
            found.status = "DIFFERS" if left else "AGREES"
        except SyncError as error:
            early = {Rescheduled: "RESCHEDULED", Interrupted: "CANCELED"}
            _begins_anew(error)
            found.status, found.error = early.get(type(error), "FAILURE"), error
        found.ended_at = datetime.now(UTC)
        found.warnings = run.report.warnings
        requests = run.client.requests
        found.requests = {
            "total": requests.total, "search": requests.search,
            "rate_limited": requests.rate_limited,
        }  # fmt: skip
        return found

    def _table(self, table: Table) -> None:
        self.run.note(f"verifying {table.known_as}")
        if changed := self._changed(table):
            self._of(table).unfit += changed
            return
        if missing := lacks(self.run, table):
            why = f"the next sync reads it again for {', '.join(sorted(missing))}"
            self._untold(table, why)
            return
        try:
            match table.reading:
                case Search():
                    self._searched(table)
                case Listing():
                    self._listed(table)
                case Each():
                    self._each(table, table.reading)
                case Log():
                    self._untold(table, "Kustomer keeps it for a while only")
        except (Forbidden, NotFound, Refused, PathFailed) as error:
            self.run.unread(table, error)
            self._untold(table, f"it could not be read ({cause(error)})")
        self._versions(table)
        self._of(table).unfit += self._nameless(table)

    # ---- what is wrong with tables ----

    def _made_of(self, table: Table) -> Iterator[Table]:
        """The table, its klasses' tables, and the children of each."""
        landing = self.run.landing
        for name in landing.of_klasses(table):
            yield from klass_table(table, name, landing.names).walk()
        yield from table.walk()

    def _changed(self, table: Table) -> list[str]:
        """What somebody did to the tables themselves: nothing of them can be compared then."""
        parts: dict[str, Table] = {}
        for part in self._made_of(table):
            parts |= dict.fromkeys([part.place, *([part.history] if part.history else ())], part)
        told = []
        for one in self._strayed:
            if one.table not in parts or one.column in parts[one.table].left_out:
                continue
            name, what = self._named(one.table), "makes it again and fills it"
            by = "the next sync, or `verify --repair`,"
            if one.column is None:
                said = f"{name} is gone"
            elif one.now is None:
                said = f"{name} has lost its column {one.column}"
            else:
                said = f"{name}.{one.column} was {one.was} and somebody made it {one.now}"
                what = "sets it right"
            told.append(f"{said}; {by} {what}.")
        return told

    def _nameless(self, table: Table) -> list[str]:
        """Rows that don't say of which record they are: nothing can be compared with them."""
        told = []
        columns = {part.place: part.parent_column or "id" for part in self._made_of(table)}
        klasses = (t for t in self._made_of(table) if t.common)
        for part in (table, *klasses):
            for place, rows in self.run.destination.nameless(part).items():
                name, column = self._named(place), columns[place]
                remove = f"DELETE FROM {name} WHERE {column} IS NULL"  # noqa: S608 - said, not run
                which = "It is" if rows == 1 else "They are"
                told.append(
                    f"{counted(rows, 'row')} of {name} without {column}. {which} of no record: "
                    f"{remove}"
                )
        return told

    def _named(self, place: str) -> str:
        return f"{self.run.connection.sql_schema}.{place}"

    # ---- histories ----

    def _versions(self, table: Table) -> None:
        """Kustomer has no versions to compare with; the last of each record is what its row is.

        Where a row itself differs that says it all.
        """
        landing, found = self.run.landing, self._of(table)
        ids = {*found.ids}
        klasses = (klass_table(table, name, landing.names) for name in landing.of_klasses(table))
        for one in (table, *klasses):
            parts = {str(p.history) for p in one.walk() if p.history and kept(landing.state, p)}
            found.differing += [
                Differing(record_id, history, what="history differs")
                for history, record_id in self.run.destination.astray(one)
                if history in parts and record_id not in ids
            ]
        found.differing.sort(key=lambda d: (d.id, d.table, d.what))
        if isinstance(table.reading, Each):  # it is by its parent that a record is read again
            astray = sorted({*found.ids} - ids)
            owners = self.run.destination.holding(table, "id", astray, table.reading.via)
            self._owners.setdefault(table.name, set()).update(owners)

    def _of(self, table: Table) -> TableVerified:
        return self.found.tables.setdefault(table.known_as, TableVerified())

    def _untold(self, table: Table, why: str, ids: Iterable[str] = ()) -> None:
        untold = Untold(why, tuple(sorted(ids)))
        if untold not in self._of(table).untold:
            self._of(table).untold.append(untold)

    def _cost(self) -> int:
        """How many requests this takes at most, where all agrees and lists have a page each.

        Counts, pages of lists, and one a sampled record; of messages one more, for the list that
        says which attachments they have.
        """
        run, cost = self.run, self.run.client.requests.total
        rows = run.destination.rows([t.place for t in run.chosen])
        for table in run.tables:
            if self._changed(table):
                continue
            of = table.reading.of if isinstance(table.reading, Each) else table.name
            asked = next((t.place for t in run.chosen if t.name == of), "")
            sampled = min(self.sample, rows.get(asked, 0))
            if isinstance(table.reading, Search):
                parts = list(self._held(table, self._spans(table)))
                counts = sum(len(archives) for _, archives in parts)
                searches = self._searches(parts) * max((len(a) for _, a in parts), default=0)
                cost += counts * (2 if table.says_deleted else 1) + searches + _NEWER
                cost += sampled * (2 if _attaches(table) else 1)
            elif isinstance(table.reading, Described):
                cost += len(run.landing.resources()) + 1
            elif isinstance(table.reading, Listing):
                pages = -(-rows[table.place] // listings.PAGE_SIZE) + len(table.reading.also)
                cost += max(1, pages) + (rows[table.place] if table.reading.singly else 0)
            else:
                cost += sampled
        return cost

    def _searches(self, parts: Iterable[tuple[Held, tuple[bool, ...]]]) -> int:
        """How many searches draw the sample, if each brings as many records as it may."""
        return -(-min(self.sample, sum(held.kept for held, _ in parts)) // _DRAW)

    # ---- searched tables ----

    def _spans(self, table: Table) -> list[windows.Span]:
        """What of the table was read for good: what may be indexed late is still to be read.

        So is what is wanted now and was not when it was read.
        """
        overlap = self.run.connection.overlap_seconds * 1000
        state = self.run.landing.of(table.name)
        done = [rest for span in state.done for rest in windows.gaps(span, state.again)]
        return windows.merged((lo, top - overlap) for lo, top in done)

    def _held(
        self, table: Table, spans: Iterable[windows.Span]
    ) -> Iterator[tuple[Held, tuple[bool, ...]]]:
        """The destination's rows by spans that one search counts, and which searches do."""
        caps = self.run.limits.caps
        most = max(1, min(caps.records, caps.pages * self.run.limits.page_size) * 4 // 5)
        for span in spans:
            for part, archives in self.run.readable(table, span):
                if archives:
                    for held in self.run.destination.spread(table, *part, most):
                        yield held, archives

    def _searched(self, table: Table) -> None:
        spans = self._spans(table)
        if not spans:
            self._untold(table, _EXHAUSTED)
            return
        compared = _Compared(table, spans, looked=spans[-1][1])
        self._catch_up(compared)
        self._of(table).source = self._of(table).destination = 0
        parts = list(self._held(table, spans))
        listed = [
            part for span in spans for part, archives in self.run.readable(table, span)
            if not archives
        ]  # fmt: skip
        if old := [s.id for s in self._stamps(table, listed)]:
            self._untold(table, _OLD, old)
        away = self._stamps(table, spans, compared.moved)
        self._of(table).changed += len(away)
        differing = [
            (held.lo, held.hi) for held, archives in parts
            if not self._agrees(table, held, archives, away)
        ]  # fmt: skip
        suspects: dict[str, int | None] = {}
        if differing:
            suspects = self._by_ids(compared, windows.merged(differing))
        suspects |= self._drawn(compared)
        suspects |= self._searched_for(compared, parts)
        self._confirm(compared, suspects)

    def _catch_up(self, compared: _Compared) -> None:
        """What was updated since the spans were read is known by its ids.

        A look goes back behind the last one as far as an index may be late.
        """
        lo, now = compared.looked, windows.millis(self.run.now())
        window = windows.Window(compared.table, (lo, now + _AHEAD))
        compared.looked = max(lo, now - self.run.connection.overlap_seconds * 1000)
        compared.moved |= self._read(compared.table, [window])[0].keys()

    def _read(
        self, table: Table, todo: Iterable[windows.Window], wanted: Collection[str] = ()
    ) -> tuple[dict[str, Record], list[windows.Span]]:
        """Id -> the record, and the spans that were read whole.

        But for those `wanted`, no more is kept of a record than says which version it is.
        """
        run, whole = self.run, []
        found: dict[str, Record] = {}
        reader = windows.Reader(
            run.client, caps=run.limits.caps, page_size=run.limits.page_size,
            workers=run.limits.workers, patience=run.limits.retry_seconds,
        )  # fmt: skip
        for event in reader.read(list(todo)):
            match event:
                case windows.Found(_, records, _):
                    for r in records:
                        found[str(r.get("id"))] = r if r.get("id") in wanted else _slim(r)
                case windows.Completed(_, span, _):
                    whole.append(span)
                case windows.Denied(_, archive, error) if not archive:
                    raise error
        return found, windows.merged(whole)

    def _agrees(
        self, table: Table, held: Held, archives: tuple[bool, ...], moved: list[Stamp]
    ) -> bool:
        """Whether the source counts what the destination has, but for what changed since."""
        found = self._of(table)
        away = [s for s in moved if s.updated is not None and held.lo <= s.updated < held.hi]
        kept = held.kept - len(away)
        live = held.live - sum(not stamp.deleted for stamp in away)
        window = windows.Window(table, (held.lo, held.hi), archives)
        theirs = sweep.counted(self.run, window, deleted=False)
        agree, ours = theirs == live, live
        if table.says_deleted:  # what is soft-deleted is flagged elsewhere
            theirs, ours = sweep.counted(self.run, window, deleted=True), kept
            agree = agree and theirs == kept
        found.destination = (found.destination or 0) + ours
        before = found.source  # a total of a part says nothing of all
        found.source = None if theirs is None or before is None else before + theirs
        return agree

    def _stamps(
        self, table: Table, spans: Iterable[windows.Span], among: Iterable[str] | None = None
    ) -> list[Stamp]:
        if among is not None and not (among := list(among)):
            return []
        return [s for lo, hi in spans for s in self.run.destination.stamps(table, lo, hi, among)]

    def _by_ids(self, compared: _Compared, spans: list[windows.Span]) -> dict[str, int | None]:
        """Ids that the spans have in one of both only, or at another time; with the source's."""
        table = compared.table
        listed, whole = self._read(
            table, [w for span in spans for w in self.run.windows_of(table, span)]
        )
        stamps, says = self._stamps(table, spans), table.says_deleted
        there = {stamp.id: (stamp.updated, says and stamp.deleted) for stamp in stamps}
        for span in spans:
            for lo, hi in windows.gaps(span, whole):
                unread = {s.id for s in stamps if s.updated is not None and lo <= s.updated < hi}
                self._untold(table, f"{windows.iso(lo)} to {windows.iso(hi)} was not read", unread)
                there = {one: at for one, at in there.items() if one not in unread}
        theirs = {o: (read_ms(r, "updatedAt"), says and _deleted(r)) for o, r in listed.items()}
        unlike = {one for one in there.keys() | theirs.keys() if there.get(one) != theirs.get(one)}
        if not says:  # these are flagged, which is not seen here
            unlike -= {one for one in unlike - there.keys() if _deleted(listed[one])}
        unlike |= {one for one, times in Counter(s.id for s in stamps).items() if times > 1}
        return {one: theirs.get(one, (None,))[0] for one in unlike - compared.moved}

    # ---- samples ----

    def _drawn(self, compared: _Compared) -> dict[str, int | None]:
        """Records drawn from the destination and read by id that are not alike, or not there."""
        table = compared.table
        drawn = self._draw(table, "id", compared.spans)
        ids = [one for one in drawn if one not in compared.moved]
        suspects: dict[str, int | None] = {}
        records = []
        for one, record in self._look(table, ids):
            if record:
                records.append(record)
            else:
                suspects[one] = None
        self._attach(table, [r for r in records if compared.settled(r)], self.sample)
        return suspects | self._suspected(compared, records)

    def _draw(self, table: Table, column: str, spans: Iterable[windows.Span]) -> list[str]:
        drawn = {
            one for lo, hi in spans
            for one in self.run.destination.draw(table, column, lo, hi, self.sample)
        }  # fmt: skip
        return self.rng.sample(sorted(drawn), min(self.sample, len(drawn)))

    def _searched_for(
        self, compared: _Compared, parts: list[tuple[Held, tuple[bool, ...]]]
    ) -> dict[str, int | None]:
        """The same of records drawn from the source: the newest before some moments."""
        run, table = self.run, compared.table
        searches = self._searches(parts)
        drawn = [
            one for lo, hi in compared.spans
            for one in run.destination.draw(table, "id", lo, hi, searches)
        ]  # fmt: skip
        records: dict[str, Record] = {}
        for stamp in self._stamps(table, compared.spans, drawn)[:searches]:
            at = stamp.updated or 0
            for held, archives in parts:
                for archive in archives if held.lo <= at < held.hi else ():
                    page = windows.newest(
                        run.client, windows.Window(table, (held.lo, at + 1)), archive=archive,
                        page_size=min(_DRAW, run.limits.page_size),
                    )  # fmt: skip
                    records |= {str(r["id"]): r for r in page.records if r.get("id") is not None}
        return self._suspected(compared, list(records.values()))

    def _suspected(self, compared: _Compared, records: list[Record]) -> dict[str, int | None]:
        """Those of the records that are settled and not alike, each with its `updatedAt`."""
        settled = {str(r["id"]): r for r in records if compared.settled(r)}
        times = {one: read_ms(record, "updatedAt") for one, record in settled.items()}
        unlike = self._unlike(compared.table, list(settled.values()))
        self._count(compared.table, settled)
        return {one: times[one] for one in {u.record_id for u in unlike}}

    def _count(self, table: Table, ids: Iterable[str]) -> None:
        """So many records more were compared whole; one that was before counts once."""
        fresh = {(table.name, one) for one in ids} - self._sampled
        self._sampled |= fresh
        self._of(table).sampled += len(fresh)

    # ---- what counts ----

    def _look(self, table: Table, ids: Iterable[str]) -> Iterator[tuple[str, Record | None]]:
        """Each record as its own path shows it; None, or UNSURE, as by `by_id`."""
        ids = list(ids)
        klasses = self.run.landing.klasses_of(table, ids)

        def look(one: str) -> Record | None:
            also = ATTACHED if _attaches(table) and not self._alone else ()
            found = by_id(self.run.client, table, one, klasses(one), also)
            if found is UNSURE and also:
                found = by_id(self.run.client, table, one)
                self._alone = found is not UNSURE
            return found

        for one, found in tried(look, ids, self.run.limits.workers):
            yield one, UNSURE if isinstance(found, Exception) else found

    def _attach(self, table: Table, records: list[Record], most: int | None = None) -> None:
        """Messages that don't say which attachments they have do, as their conversations list them.

        In about `most` requests. Of which none tells, that is said.
        """
        silent = [r for r in records if _silent(table, r)]
        talks: dict[str, list[Record]] = {}
        for record in silent:
            talks.setdefault(_conversation(record), []).append(record)
        asked = []
        for talk in sorted(talks.keys() - {""}):
            held = len(self.run.destination.holding(table, "conversation_id", [talk]))
            pages = max(1, -(-held // _PAGE))
            if most is None or pages <= most:
                asked.append(talk)
                most = None if most is None else most - pages
        ask = partial(messages_of, self.run.client, "conversations")
        for talk, listed in tried(ask, asked, self.run.limits.workers):
            if not isinstance(listed, Exception):
                attach(talks[talk], listed)
        if untold := [r for r in silent if _silent(table, r)]:
            self._untold(table, _SILENT, ids_of(untold))

    def _unlike(self, table: Table, records: list[Record]) -> list[Unlike]:
        """What of these records is stored otherwise than they would land; each comes once."""
        landing, found = self.run.landing, list[Unlike]()
        times = {str(r["id"]): read_ms(r, "updatedAt") for r in records}
        for part in _apart(table, records):
            found += self.run.destination.unlike(landing.shredded(table, part))
        followed = landing.of(ATTACHMENTS).done
        return [
            u for u in found
            if u.table != ATTACHMENTS or _within(times.get(u.record_id), followed)
        ]  # fmt: skip

    def _confirm(self, compared: _Compared, suspects: Mapping[str, int | None]) -> None:
        """Each suspect is read singly, and is a difference if it still is unlike its rows.

        Its own path may hide that it is soft-deleted; a search of its moment does not, nor, where
        the index has seen more, one of what changed since.
        """
        table = compared.table
        looked = dict(self._look(table, [one for one in suspects if one not in compared.moved]))
        hidden = [one for one, record in looked.items() if not record]
        times = {s.id: s.updated for s in self._stamps(table, compared.spans, hidden)}
        times |= {one: at for one in hidden if (at := suspects[one]) is not None}
        shown = self._shown(table, times)
        self._seen |= {(table.name, one): times[one] or 0 for one in shown}
        records = [record for record in looked.values() if record]
        self._attach(table, [r for r in records if compared.settled(r)])
        self._differ(table, self._not_since(compared, [*records, *shown.values()]))
        hidden = [one for one in hidden if one not in shown]
        if unsure := [one for one in hidden if looked[one] is UNSURE]:
            self._untold(table, "a look by id tells nothing", unsure)
        if absent := [one for one in hidden if looked[one] is None]:
            self._gone(compared, absent)

    def _shown(self, table: Table, times: Mapping[str, int | None]) -> dict[str, Record]:
        """The records that searches show at these times."""
        spans = windows.merged(windows.second_of(at) for at in times.values() if at is not None)
        todo = [window for span in spans for window in self.run.windows_of(table, span)]
        found = self._read(table, todo, times.keys())[0]
        return {one: record for one, record in found.items() if one in times}

    def _not_since(self, compared: _Compared, records: list[Record]) -> list[Record]:
        """Without those that changed since they were read, or may have."""
        table, kept = compared.table, []
        for record in records:
            if touched(record) is None:
                self._untold(table, "a record does not say when it changed", [str(record["id"])])
            elif compared.settled(record):
                kept.append(record)
            else:
                self._of(table).changed += 1
        return kept

    def _differ(self, table: Table, records: list[Record]) -> None:
        """What is unlike is reported."""
        found = self._of(table)
        keys = {part.name: part.parent_column or "id" for part in self._made_of(table)}
        for u in self._unlike(table, records):
            if u.table == table.name and not u.there:
                found.missing.append(u.record_id)
            elif self._follows(table, u):
                self._untold(table, "its customer was merged or deleted since", [u.record_id])
            elif self._shown_gone(table, u):
                found.missing.append(u.record_id)
            else:
                columns = tuple(c for c in u.columns if c != keys.get(u.table))
                hidden = table.hidden and u.table == table.name
                shown = (table.known_as, ()) if hidden else (u.table, columns)
                found.differing.append(
                    Differing(u.record_id, *shown, _what(u, twice=columns != u.columns))
                )
        found.missing[:] = sorted(set(found.missing))
        found.differing[:] = sorted(set(found.differing), key=lambda d: (d.id, d.table, d.what))

    @property
    def _flag(self) -> str:
        return f"{self.run.connection.system_prefix}deleted"

    def _shown_gone(self, table: Table, unlike: Unlike) -> bool:
        """Whether the row is flagged though the source has the record."""
        if unlike.table != table.name or unlike.columns != (self._flag,):
            return False
        return not self.run.destination.holding(table, "id", [unlike.record_id])

    def _follows(self, table: Table, unlike: Unlike) -> bool:
        """Whether what moved the record may be newer than what was read of its old customer."""
        customers = next((t for t in self.run.chosen if t.name == "customer"), None)
        moved = {_OWNER} <= set(unlike.columns) <= _QUIET
        if table.name not in OWNED or customers is None or not moved:
            return False
        compared = _Compared(customers, self._spans(customers))
        for owner in self.run.destination.holding(table, "id", [unlike.record_id], _OWNER):
            for _, customer in self._look(customers, [owner]):
                return not customer or not compared.settled(customer)
        return False

    def _gone(self, compared: _Compared, absent: list[str]) -> None:
        """Of records that their own paths don't show: those that nothing shows any more.

        One that is stored as soft-deleted may be there all the same: nobody documents that its path
        shows it, nor at which of its moments a search does. The row does not say that it lives.
        """
        table = compared.table
        shown = [record for _, record in self._look(table, living(self.run, table))]
        if not any(shown):
            self._untold(table, "a look by id shows no living record either", absent)
            return
        for _ in range(_ROUNDS):  # what is soft-deleted may show in searches alone
            self._catch_up(compared)
        looked = dict(self._look(table, [one for one in absent if one not in compared.moved]))
        self._differ(table, self._not_since(compared, [r for r in looked.values() if r]))
        if unsure := [one for one, record in looked.items() if record is UNSURE]:
            self._untold(table, "a look by id tells nothing", unsure)
        gone = [one for one, record in looked.items() if record is None]
        stamps = self._stamps(table, compared.spans, gone)
        if quiet := {stamp.id for stamp in stamps if stamp.deleted}:
            self._untold(table, "they are soft-deleted, and nothing shows them", quiet)
        stored = {stamp.id for stamp in stamps} - quiet
        self._of(table).extra = sorted({*self._of(table).extra, *stored})

    # ---- listed tables ----

    def _listed(self, table: Table) -> None:
        """The whole list and the rows, as of the last re-import."""
        found, at = self._of(table), self.run.landing.of(table.name).listed_at
        if at is None:
            self._untold(table, "it is still to be listed to its end")
            return
        compared = _Compared(table, [(0, windows.millis(datetime.fromisoformat(at)))])
        whole, records = self._list(table)
        there = self.run.destination.missing(table, [])
        found.source = sum(table.says_deleted or not _deleted(r) for r in records.values())
        found.destination = len(there)
        settled = [r for r in records.values() if compared.settled(r) or touched(r) is None]
        self._count(table, (str(r["id"]) for r in settled))
        suspects = {u.record_id for u in self._unlike(table, settled)}
        suspects |= {one for one, times in Counter(there).items() if times > 1}
        if whole.complete:
            suspects |= set(there) - records.keys()
        else:
            self._untold(table, f"what it lacks: {whole.why}")
        if suspects:
            self._confirm_listed(compared, suspects)

    def _list(self, table: Table) -> tuple[listings.Whole, dict[str, Record]]:
        whole = listings.Whole()
        if isinstance(table.reading, Described):
            pages = described(self.run, whole, again=True)
        else:
            pages = listings.read(self.run.client, table, whole)
        found = {str(r["id"]): r for page in pages for r in page if r.get("id") is not None}
        if whole.unread:
            self._untold(table, "their own paths tell nothing", ids_of(whole.unread))
        return whole, found

    def _confirm_listed(self, compared: _Compared, suspects: set[str]) -> None:
        """By id; one whose path tells nothing by the list, which is read once more."""
        table = compared.table
        looked = dict(self._look(table, sorted(suspects)))
        records = [record for record in looked.values() if record]
        untold = [one for one, record in looked.items() if not record]
        whole, listed = self._list(table) if untold else (listings.Whole(), {})
        records += [listed[one] for one in untold if one in listed]
        self._differ(table, self._quiet(compared, self._not_since(compared, records)))
        left = [one for one in untold if one not in listed]
        if not whole.complete:
            self._untold(table, f"whether they are gone: {whole.why}", left)
            return
        stored = set(self.run.destination.missing(table, [])) & set(left)
        self._of(table).extra = sorted({*self._of(table).extra, *stored})

    def _quiet(self, compared: _Compared, records: list[Record]) -> list[Record]:
        """Without those that lack what only their own path includes: when it left, nothing says."""
        table = compared.table
        if not (isinstance(table.reading, Listing) and table.reading.singly):
            return records
        unlike: dict[str, list[Unlike]] = {}
        for u in self._unlike(table, records):
            unlike.setdefault(u.record_id, []).append(u)
        quiet = {
            one for one, found in unlike.items()
            if all(u.table != table.name and not u.here for u in found)
        }  # fmt: skip
        if quiet:
            self._untold(table, "something of it was removed, perhaps since", quiet)
        return [r for r in records if str(r["id"]) not in quiet]

    # ---- tables read by call per parent ----

    def _each(self, table: Table, reading: Each) -> None:
        """A sample of parents, each with all that is listed for it."""
        if not self.sample:
            self._untold(table, "it is compared by a sample alone, and none was asked for")
            return
        compared = self._parent(table, reading)
        if compared is None:
            return
        found = self._of(table)
        listed = self._asked(table, reading, self._draw(compared.table, "id", compared.spans))
        records = {str(r["id"]): r for told in listed.values() for r in told}
        there = self._there(table, reading, listed, records)
        found.source, found.destination = len(records), len(there)
        self._count(table, records)
        unlike = {u.record_id for u in self._unlike(table, list(records.values()))}
        suspects = {
            one for one, told in listed.items() if unlike & ids_of(told)
        }  # fmt: skip
        suspects |= set(
            self.run.destination.holding(table, "id", there - records.keys(), reading.via)
        )
        self._confirm_each(table, reading, compared, suspects)

    def _parent(self, table: Table, reading: Each) -> _Compared | None:
        """The table that its records are asked by, as far as that was followed."""
        parent = next((t for t in self.run.chosen if t.name == reading.of), None)
        if parent is None:
            self._untold(table, f"{reading.of} is disabled")
            return None
        if self._changed(parent):
            self._untold(table, f"somebody changed {reading.of}, by which it is asked for")
            return None
        followed = self._followed.setdefault(table.name, self.run.landing.of(table.name).done)
        spans = _both(self._spans(parent), followed)
        if not spans:
            self._untold(table, _EXHAUSTED)
            return None
        return _Compared(parent, spans)

    def _there(
        self, table: Table, reading: Each, parents: Iterable[str], listed: Collection[str]
    ) -> set[str]:
        """What the destination has of the parents; not what Kustomer keeps no longer."""
        there = set(self.run.destination.holding(table, reading.via, parents))
        return there & set(listed) if reading.fades else there

    def _asked(
        self, table: Table, reading: Each, parents: Iterable[str]
    ) -> dict[str, list[Record]]:
        """By parent what is listed for it; one that is gone is left out, its own table tells."""
        found, refused = {}, []
        for one, records in tried(
            lambda one: of_parent(self.run.client, reading.path, one), parents,
            self.run.limits.workers,
        ):  # fmt: skip
            if isinstance(records, NotFound):
                continue
            if isinstance(records, Exception):
                refused.append(one)
                continue
            for record in records:
                belongs(record, reading.of, one)
            found[one] = records
        if refused:
            self._untold(table, f"its list could not be read by {reading.of}", refused)
        return found

    def _confirm_each(
        self, table: Table, reading: Each, compared: _Compared, parents: Iterable[str]
    ) -> None:
        """Parents that are settled are asked once more, and then it counts."""
        settled = [
            one for one, record in self._look(compared.table, sorted(parents))
            if record and compared.settled(record)
        ]  # fmt: skip
        self._of(table).changed += len(set(parents)) - len(settled)
        self._owners.setdefault(table.name, set()).update(settled)
        listed = self._asked(table, reading, settled)
        records = {str(r["id"]): r for told in listed.values() for r in told}
        there = self._there(table, reading, listed, records)
        self._differ(table, self._not_since(compared, list(records.values())))
        found = self._of(table)
        found.extra = sorted({*found.extra, *(there - records.keys())})

    # ---- repairing ----

    def _repair(self, behind: Sequence[Table]) -> None:
        """What differs is read again the way a sync reads it, and then compared once more.

        `behind`: the tables of which something is to be made first, and all to be read for it.
        What is still unlike then has a row that says that it is newer, or is there twice: its rows
        are made anew. What else is asked for by these records is asked for again.
        """
        run = self.run
        run.note("reading again what differs")
        self.found.repaired = True
        run.synced_at = datetime.now(UTC)
        run.landing = Landing(run, run.destination.begin(run.synced_at))
        make_ready(run, orphans=False)  # a parent that is flagged may be there, and is read next
        take_up(run)
        self._fill(behind)
        for table in run.tables:
            before = self._of(table)
            left = before.ids
            try:
                for repair in (self._read_again, self._renew):
                    if left:
                        left = self._repaired(table, left, repair)
                before.repaired = [one for one in before.ids if one not in left]
            finally:
                self.found.tables[table.known_as] = before
        follow_again(run)

    def _fill(self, behind: Sequence[Table]) -> None:
        """What of these was made anew has its values again, by a sync of these alone.

        They are compared then, and what is asked for by their records; what differed before is
        told all the same.
        """
        run, every = self.run, self.run.tables
        if not behind:
            return
        run.tables = tuple(behind)
        try:
            run.read()
        finally:
            run.tables = every
        self._strayed = run.destination.strayed()
        names = {table.name for table in behind}
        for table in every:
            of = table.reading.of if isinstance(table.reading, Each) else table.name
            if {table.name, of} & names:
                self._followed.pop(table.name, None)
                before = self._of(table)
                self.found.tables[table.known_as] = TableVerified()
                self._table(table)
                self._of(table).recall(before)

    def _repaired(
        self, table: Table, ids: list[str], repair: Callable[[Table, list[str]], None]
    ) -> list[str]:
        """Those of the ids that still differ after the repair, or of which it can't be told."""
        try:
            repair(table, ids)
            self.run.landing.commit()
            self.found.tables[table.known_as] = TableVerified()
            self._again(table, ids)
        except (Forbidden, NotFound, Refused, PathFailed) as error:
            self.run.unread(table, error)
            return ids
        now = self._of(table)
        untold = {one for told in now.untold if told.why != _SILENT for one in told.ids}
        if isinstance(table.reading, Each):  # a list that was not read is told by its parent
            untold |= set(self.run.destination.holding(table, table.reading.via, untold))
        return [one for one in ids if one in {*now.ids, *untold}]

    def _renew(self, table: Table, ids: list[str]) -> None:
        """A message that does not say which attachments it has keeps its rows."""
        if isinstance(table.reading, Each):
            return
        records = [record for _, record in self._look(table, ids) if record]
        self._attach(table, records)
        for part in _apart(table, records):
            self.run.landing.renew(table, part)

    def _read_again(self, table: Table, ids: list[str]) -> None:
        run = self.run
        match table.reading:
            case Search():
                run.landing.commit(run.landing.absent(table, self._landed(table, ids)))
            case Listing():
                reimport(run, table)
            case Each() as reading:
                owners = sorted(self._owners.get(table.name, ()))
                land_each(run, table, reading, not reading.fades, owners)

    def _landed(self, table: Table, ids: list[str]) -> tuple[str, ...]:
        """The records land as they are now; those that are gone.

        What is asked for by them is open again, for it may be flagged as they were.
        """
        run, looked = self.run, dict(self._look(table, ids))
        self._attach(table, [record for record in looked.values() if record])
        times = {one: self._seen.get((table.name, one)) for one in ids if not looked[one]}
        looked |= self._shown(table, times)
        for part in _apart(table, [record for record in looked.values() if record]):
            for record in part:
                at = read_ms(record, "updatedAt")
                if at is not None and (_silent(table, record) or not _attaches(table)):
                    to_read(run, table, (at, at + 1))
            run.landing.take(table, part, 0)
        return confirmed(run, table, [one for one in ids if not looked[one]]) or ()

    def _again(self, table: Table, ids: list[str]) -> None:
        match table.reading:
            case Search():
                compared = _Compared(table, self._spans(table))
                compared.looked = compared.spans[-1][1] if compared.spans else self.run.began
                self._catch_up(compared)
                self._confirm(compared, {one: self._seen.get((table.name, one)) for one in ids})
            case Listing():
                self._listed(table)
            case Each() as reading:
                if parent := self._parent(table, reading):
                    owners = self._owners.get(table.name, set())
                    self._confirm_each(table, reading, parent, owners)
        self._versions(table)


def _begins_anew(error: SyncError) -> None:
    """What to do next is said of a comparison: it does not go on where it stopped."""
    if isinstance(error, Rescheduled):
        error.hint = f"Run `kustomer-sync verify` again {error.wait}; it begins anew."
    elif isinstance(error, Interrupted):
        error.message, error.hint = "It was interrupted.", "Run it again; it begins anew."
    elif isinstance(error, SourceFailed):
        error.hint = "Run `kustomer-sync verify` again later; it begins anew."


# ---- what a record says ----


def _what(unlike: Unlike, *, twice: bool) -> str:
    """How a row is not as it should be; `twice`: one stored twice, which differs in its key."""
    if not unlike.there:
        return "row missing"
    if not unlike.here:
        return "row too many"
    return "is there twice" if twice else "differs"


def _attaches(table: Table) -> bool:
    """Whether its records have attachments, which not each reply names."""
    return any(child.name == ATTACHMENTS for child in table.children)


def _silent(table: Table, record: Record) -> bool:
    """Whether it is a message that does not say which attachments it has."""
    return _attaches(table) and not told_apart([record])[0]


def _apart(table: Table, records: list[Record]) -> Iterator[list[Record]]:
    """Those that say which attachments they have; the others, which among these would have none."""
    for silent in (False, True):
        if part := [r for r in records if _silent(table, r) is silent]:
            yield part


def _conversation(message: Record) -> str:
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
    deleted = attributes.get("deleted") is True
    names = ("updatedAt", "createdAt", *(("deletedAt",) if deleted else ()))
    return max((at for name in names if (at := read_ms(record, name)) is not None), default=None)


def _slim(record: Record) -> Record:
    attributes = record.get("attributes")
    told = attributes if isinstance(attributes, dict) else {}
    return {"attributes": {name: told.get(name) for name in ("updatedAt", "deleted")}}


def _deleted(record: Record) -> bool:
    attributes = record.get("attributes")
    return isinstance(attributes, dict) and attributes.get("deleted") is True


def _within(at: int | None, spans: Iterable[windows.Span]) -> bool:
    return at is not None and any(lo <= at < hi for lo, hi in spans)


def _both(some: Iterable[windows.Span], others: Iterable[windows.Span]) -> list[windows.Span]:
    """What lies in both."""
    others = list(others)
    return windows.merged((max(a, c), min(b, d)) for a, b in some for c, d in others)
