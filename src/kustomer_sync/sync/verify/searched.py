"""Searched tables: by counts, where those differ by ids, and by samples of both sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

from kustomer_sync.kustomer import windows
from kustomer_sync.kustomer.singly import UNSURE
from kustomer_sync.model import Held, Record, Stamp, Table
from kustomer_sync.sync.follow import to_read
from kustomer_sync.sync.landing import read_ms
from kustomer_sync.sync.sweep import confirmed, counted, living
from kustomer_sync.sync.verify.comparison import EXHAUSTED, Compared, Comparison, spans_of
from kustomer_sync.sync.verify.records import apart, attaches, deleted, silent, slim

_DRAW = 25  # records of one search for a sample
_NEWER = 2  # searches that find nothing newer than what was read
_AHEAD = 7 * windows.DAY_MS  # no record is from later than this
_ROUNDS = 2  # the second looks for what moved while the first did
_OLD = "compared by the sample alone, for no search counts what is over two years old"


class Searched:
    """How searched tables are compared, as far as their windows were read."""

    def __init__(self, common: Comparison) -> None:
        self.common, self.run = common, common.run
        self._seen: dict[tuple[str, str], int] = {}
        """The `updatedAt` at which a search showed a record, by table and id."""

    def cost(self, table: Table) -> int:
        """Counts, what changed since, searches of a sample, and one request for each record of it.

        For each message one more: the list that says which attachments it has.
        """
        parts = list(self._held(table, spans_of(self.run, table)))
        counts = sum(len(archives) for _, archives in parts)
        searches = self._searches(parts) * max((len(a) for _, a in parts), default=0)
        cost = counts * (2 if table.says_deleted else 1) + searches + _NEWER
        return cost + self.common.sample_of(table) * (2 if attaches(table) else 1)

    def compare(self, table: Table) -> None:
        """Where a span's counts are not alike its ids are compared; samples in any case."""
        spans = spans_of(self.run, table)
        if not spans:
            self.common.untold(table, EXHAUSTED)
            return
        compared = Compared(table, spans, looked=spans[-1][1])
        self._catch_up(compared)
        self.common.of(table).source = self.common.of(table).destination = 0
        parts = list(self._held(table, spans))
        listed = [
            part for span in spans for part, archives in self.run.readable(table, span)
            if not archives
        ]  # fmt: skip
        if old := [s.id for s in self._stamps(table, listed)]:
            self.common.untold(table, _OLD, old)
        away = self._stamps(table, spans, compared.moved)
        self.common.of(table).changed += len(away)
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

    def read_again(self, table: Table, ids: list[str]) -> None:
        """The records land as they are now, and those that are gone are flagged."""
        landing = self.run.landing
        landing.commit(landing.absent(table, self._landed(table, ids)))

    def again(self, table: Table, ids: list[str]) -> None:
        """Whether these still differ."""
        compared = Compared(table, spans_of(self.run, table))
        compared.looked = compared.spans[-1][1] if compared.spans else self.run.began
        self._catch_up(compared)
        self._confirm(compared, {one: self._seen.get((table.name, one)) for one in ids})

    # ---- counts and ids ----

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

    def _searches(self, parts: Iterable[tuple[Held, tuple[bool, ...]]]) -> int:
        """How many searches draw the sample, if each brings as many records as it may."""
        return -(-min(self.common.sample, sum(held.kept for held, _ in parts)) // _DRAW)

    def _catch_up(self, compared: Compared) -> None:
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
                        found[str(r.get("id"))] = r if r.get("id") in wanted else slim(r)
                case windows.Completed(_, span, _):
                    whole.append(span)
                case windows.Denied(_, archive, error) if not archive:
                    raise error
        return found, windows.merged(whole)

    def _agrees(
        self, table: Table, held: Held, archives: tuple[bool, ...], moved: list[Stamp]
    ) -> bool:
        """Whether the source counts what the destination has, but for what changed since."""
        found = self.common.of(table)
        away = [s for s in moved if s.updated is not None and held.lo <= s.updated < held.hi]
        kept = held.kept - len(away)
        live = held.live - sum(not stamp.deleted for stamp in away)
        window = windows.Window(table, (held.lo, held.hi), archives)
        theirs = counted(self.run, window, deleted=False)
        agree, ours = theirs == live, live
        if table.says_deleted:  # what is soft-deleted is flagged elsewhere
            theirs, ours = counted(self.run, window, deleted=True), kept
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

    def _by_ids(self, compared: Compared, spans: list[windows.Span]) -> dict[str, int | None]:
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
                self.common.untold(
                    table, f"{windows.iso(lo)} to {windows.iso(hi)} was not read", unread
                )
                there = {one: at for one, at in there.items() if one not in unread}
        theirs = {o: (read_ms(r, "updatedAt"), says and deleted(r)) for o, r in listed.items()}
        unlike = {one for one in there.keys() | theirs.keys() if there.get(one) != theirs.get(one)}
        if not says:  # these are flagged, which is not seen here
            unlike -= {one for one in unlike - there.keys() if deleted(listed[one])}
        unlike |= {one for one, times in Counter(s.id for s in stamps).items() if times > 1}
        return {one: theirs.get(one, (None,))[0] for one in unlike - compared.moved}

    # ---- samples ----

    def _drawn(self, compared: Compared) -> dict[str, int | None]:
        """Records drawn from the destination and read by id that are not alike, or not there."""
        table = compared.table
        drawn = self.common.draw(table, "id", compared.spans)
        ids = [one for one in drawn if one not in compared.moved]
        suspects: dict[str, int | None] = {}
        records = []
        for one, record in self.common.look(table, ids):
            if record:
                records.append(record)
            else:
                suspects[one] = None
        self.common.attach(table, [r for r in records if compared.settled(r)], self.common.sample)
        return suspects | self._suspected(compared, records)

    def _searched_for(
        self, compared: Compared, parts: list[tuple[Held, tuple[bool, ...]]]
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

    def _suspected(self, compared: Compared, records: list[Record]) -> dict[str, int | None]:
        """Those of the records that are settled and not alike, each with its `updatedAt`."""
        settled = {str(r["id"]): r for r in records if compared.settled(r)}
        times = {one: read_ms(record, "updatedAt") for one, record in settled.items()}
        unlike = self.common.unlike(compared.table, list(settled.values()))
        self.common.count(compared.table, settled)
        return {one: times[one] for one in {u.record_id for u in unlike}}

    # ---- what counts ----

    def _confirm(self, compared: Compared, suspects: Mapping[str, int | None]) -> None:
        """Each suspect is read singly, and is a difference if it still is unlike its rows.

        Its own path may hide that it is soft-deleted; a search of its moment does not, nor, where
        the index has seen more, one of what changed since.
        """
        table = compared.table
        looked = dict(
            self.common.look(table, [one for one in suspects if one not in compared.moved])
        )
        hidden = [one for one, record in looked.items() if not record]
        times = {s.id: s.updated for s in self._stamps(table, compared.spans, hidden)}
        times |= {one: at for one in hidden if (at := suspects[one]) is not None}
        shown = self._shown(table, times)
        self._seen |= {(table.name, one): times[one] or 0 for one in shown}
        records = [record for record in looked.values() if record]
        self.common.attach(table, [r for r in records if compared.settled(r)])
        self.common.differ(table, self.common.not_since(compared, [*records, *shown.values()]))
        hidden = [one for one in hidden if one not in shown]
        if unsure := [one for one in hidden if looked[one] is UNSURE]:
            self.common.untold(table, "a look by id tells nothing", unsure)
        if absent := [one for one in hidden if looked[one] is None]:
            self._gone(compared, absent)

    def _shown(self, table: Table, times: Mapping[str, int | None]) -> dict[str, Record]:
        """The records that searches show at these times."""
        spans = windows.merged(windows.second_of(at) for at in times.values() if at is not None)
        todo = [window for span in spans for window in self.run.windows_of(table, span)]
        found = self._read(table, todo, times.keys())[0]
        return {one: record for one, record in found.items() if one in times}

    def _gone(self, compared: Compared, absent: list[str]) -> None:
        """Of records that their own paths don't show: those that nothing shows any more.

        One that is stored as soft-deleted may be there all the same: nobody documents that its path
        shows it, nor at which of its moments a search does. The row does not say that it lives.
        """
        table = compared.table
        shown = [record for _, record in self.common.look(table, living(self.run, table))]
        if not any(shown):
            self.common.untold(table, "a look by id shows no living record either", absent)
            return
        for _ in range(_ROUNDS):  # what is soft-deleted may show in searches alone
            self._catch_up(compared)
        looked = dict(self.common.look(table, [one for one in absent if one not in compared.moved]))
        self.common.differ(
            table, self.common.not_since(compared, [r for r in looked.values() if r])
        )
        if unsure := [one for one, record in looked.items() if record is UNSURE]:
            self.common.untold(table, "a look by id tells nothing", unsure)
        gone = [one for one, record in looked.items() if record is None]
        stamps = self._stamps(table, compared.spans, gone)
        if quiet := {stamp.id for stamp in stamps if stamp.deleted}:
            self.common.untold(table, "they are soft-deleted, and nothing shows them", quiet)
        stored = {stamp.id for stamp in stamps} - quiet
        self.common.of(table).extra = sorted({*self.common.of(table).extra, *stored})

    # ---- repairing ----

    def _landed(self, table: Table, ids: list[str]) -> tuple[str, ...]:
        """The records land as they are now; those that are gone.

        What is asked for by them is open again, for it may be flagged as they were.
        """
        run, looked = self.run, dict(self.common.look(table, ids))
        self.common.attach(table, [record for record in looked.values() if record])
        times = {one: self._seen.get((table.name, one)) for one in ids if not looked[one]}
        looked |= self._shown(table, times)
        for part in apart(table, [record for record in looked.values() if record]):
            for record in part:
                at = read_ms(record, "updatedAt")
                if at is not None and (silent(table, record) or not attaches(table)):
                    to_read(run, table, (at, at + 1))
            run.landing.take(table, part, 0)
        return confirmed(run, table, [one for one in ids if not looked[one]]) or ()
