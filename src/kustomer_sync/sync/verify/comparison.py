"""What comparing a table needs however it is read, and what was found."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from kustomer_sync.kustomer import listings, windows
from kustomer_sync.kustomer.singly import ATTACHED, UNSURE, attach, by_id, messages_of, tried
from kustomer_sync.model import Each, Record, Strayed, Table, Unlike
from kustomer_sync.report import Differing, TableVerified, Untold, Verified
from kustomer_sync.sync.follow import OWNED
from kustomer_sync.sync.landing import ATTACHMENTS, ids_of, read_ms
from kustomer_sync.sync.run import Run
from kustomer_sync.sync.verify.records import (
    apart,
    attaches,
    conversation,
    silent,
    touched,
    within,
)
from kustomer_sync.sync.verify.tables import made_of

EXHAUSTED = "nothing of it was read to the end yet"
SILENT = "which attachments they have is not told"
_OWNER = "customer_id"
_QUIET = {_OWNER, "rev", "modified_at"}
"""What a merge of customers moves, perhaps without a trace in the record's `updatedAt`."""
_PAGE = listings.PAGE_SIZE


@dataclass
class Compared:
    """What of a table is compared, and what changed in it since it was read."""

    table: Table
    spans: list[windows.Span]
    moved: set[str] = field(default_factory=set)
    """Ids of records that were updated after the last of the spans."""
    looked: int = 0
    """Up to when all of those are known, in milliseconds since 1970."""

    def settled(self, record: Record) -> bool:
        """Whether nothing of it is from outside the spans, and it says of when it is."""
        return within(touched(record), self.spans)


class Way(Protocol):
    """How tables of one reading are compared, and read again."""

    def cost(self, table: Table) -> int:
        """Requests that `compare` takes at most, where all agrees and lists have a page each."""

    def compare(self, table: Table) -> None:
        """What differs is reported, once it was read again."""

    def read_again(self, table: Table, ids: list[str]) -> None:
        """These records land, the way a sync lands them."""

    def again(self, table: Table, ids: list[str]) -> None:
        """What of these, which were read again, still differs is reported."""


class Comparison:
    """One comparison under way: what was found so far, and how anything of it is found."""

    def __init__(self, run: Run, sample: int, rng: random.Random) -> None:
        self.run, self.sample, self.rng = run, sample, rng
        self.found = Verified(run.connection.name)
        self.strayed: list[Strayed] = []
        """What somebody else did to our tables."""
        self._sampled: set[tuple[str, str]] = set()
        self._alone = False
        """The path of one message refuses to include attachments."""

    def of(self, table: Table) -> TableVerified:
        """What was found of the table."""
        return self.found.tables.setdefault(table.known_as, TableVerified())

    def untold(self, table: Table, why: str, ids: Iterable[str] = ()) -> None:
        """Why the table, or these records of it, could not be compared."""
        untold = Untold(why, tuple(sorted(ids)))
        if untold not in self.of(table).untold:
            self.of(table).untold.append(untold)

    def count(self, table: Table, ids: Iterable[str]) -> None:
        """So many records more were compared whole; one that was before counts once."""
        fresh = {(table.name, one) for one in ids} - self._sampled
        self._sampled |= fresh
        self.of(table).sampled += len(fresh)

    def sample_of(self, table: Table) -> int:
        """How many records its sample has; where it is asked for by parent, parents."""
        name = root_of(table)
        places = [t.place for t in self.run.chosen if t.name == name]
        return min(self.sample, sum(self.run.destination.rows(places).values()))

    def draw(self, table: Table, column: str, spans: Iterable[windows.Span]) -> list[str]:
        """A sample of the table's rows within the spans: their values of the column."""
        drawn = {
            one for lo, hi in spans
            for one in self.run.destination.draw(table, column, lo, hi, self.sample)
        }  # fmt: skip
        return self.rng.sample(sorted(drawn), min(self.sample, len(drawn)))

    def look(self, table: Table, ids: Iterable[str]) -> Iterator[tuple[str, Record | None]]:
        """Each record as its own path shows it; None, or UNSURE, as by `by_id`."""
        ids = list(ids)
        klasses = self.run.landing.klasses_of(table, ids)

        def look(one: str) -> Record | None:
            also = ATTACHED if attaches(table) and not self._alone else ()
            found = by_id(self.run.client, table, one, klasses(one), also)
            if found is UNSURE and also:
                found = by_id(self.run.client, table, one)
                self._alone = found is not UNSURE
            return found

        for one, found in tried(look, ids, self.run.limits.workers):
            yield one, UNSURE if isinstance(found, Exception) else found

    def attach(self, table: Table, records: list[Record], most: int | None = None) -> None:
        """Messages that don't say which attachments they have do, as their conversations list them.

        In about `most` requests. Of which none tells, that is said.
        """
        quiet = [r for r in records if silent(table, r)]
        talks: dict[str, list[Record]] = {}
        for record in quiet:
            talks.setdefault(conversation(record), []).append(record)
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
        if untold := [r for r in quiet if silent(table, r)]:
            self.untold(table, SILENT, ids_of(untold))

    def unlike(self, table: Table, records: list[Record]) -> list[Unlike]:
        """What of these records is stored otherwise than they would land; each comes once."""
        landing, found = self.run.landing, list[Unlike]()
        times = {str(r["id"]): read_ms(r, "updatedAt") for r in records}
        for part in apart(table, records):
            found += self.run.destination.unlike(landing.shredded(table, part))
        followed = landing.of(ATTACHMENTS).done
        return [
            u for u in found
            if u.table != ATTACHMENTS or within(times.get(u.record_id), followed)
        ]  # fmt: skip

    def not_since(self, compared: Compared, records: list[Record]) -> list[Record]:
        """Without those that changed since they were read, or may have."""
        table, kept = compared.table, []
        for record in records:
            if touched(record) is None:
                self.untold(table, "a record does not say when it changed", [str(record["id"])])
            elif compared.settled(record):
                kept.append(record)
            else:
                self.of(table).changed += 1
        return kept

    def differ(self, table: Table, records: list[Record]) -> None:
        """What is unlike is reported."""
        found = self.of(table)
        keys = {part.name: part.parent_column or "id" for part in made_of(self.run, table)}
        for u in self.unlike(table, records):
            if u.table == table.name and not u.there:
                found.missing.append(u.record_id)
            elif self._follows(table, u):
                self.untold(table, "its customer was merged or deleted since", [u.record_id])
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

    def _shown_gone(self, table: Table, unlike: Unlike) -> bool:
        """Whether the row is flagged though the source has the record."""
        flag = f"{self.run.connection.system_prefix}deleted"
        if unlike.table != table.name or unlike.columns != (flag,):
            return False
        return not self.run.destination.holding(table, "id", [unlike.record_id])

    def _follows(self, table: Table, unlike: Unlike) -> bool:
        """Whether what moved the record may be newer than what was read of its old customer."""
        customers = next((t for t in self.run.chosen if t.name == "customer"), None)
        moved = {_OWNER} <= set(unlike.columns) <= _QUIET
        if table.name not in OWNED or customers is None or not moved:
            return False
        compared = Compared(customers, spans_of(self.run, customers))
        for owner in self.run.destination.holding(table, "id", [unlike.record_id], _OWNER):
            for _, customer in self.look(customers, [owner]):
                return not customer or not compared.settled(customer)
        return False


def spans_of(run: Run, table: Table) -> list[windows.Span]:
    """What of the table was read for good: what may be indexed late is still to be read.

    So is what is wanted now and was not when it was read.
    """
    overlap = run.connection.overlap_seconds * 1000
    state = run.landing.of(table.name)
    done = [rest for span in state.done for rest in windows.gaps(span, state.again)]
    return windows.merged((lo, top - overlap) for lo, top in done)


def root_of(table: Table) -> str:
    """The table whose records it is asked by; its own name where it is not."""
    return table.reading.of if isinstance(table.reading, Each) else table.name


def _what(unlike: Unlike, *, twice: bool) -> str:
    """How a row is not as it should be; `twice`: one stored twice, which differs in its key."""
    if not unlike.there:
        return "row missing"
    if not unlike.here:
        return "row too many"
    return "is there twice" if twice else "differs"
