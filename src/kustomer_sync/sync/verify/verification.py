"""Whether source and destination agree. Read `Verification.verify` first.

What is compared is what a sync has read: records whose every time lies in the spans that the state
calls done, less the overlap, or before the last re-import. What changed since is the next sync's.
A record counts as different only when it was read again singly, and is still unlike its rows then.
Rows are compared with what landing the record once more would make of them.

A record that was erased leaves no time behind, so it differs until a sync flags it.

    searched     counts, where those differ ids, and samples of both sides
    listed       the whole list once more
    asked        what is listed by parent: a sample of parents, each whole
    comparison   what each of them needs, and what was found
    tables       what is wrong with our tables themselves, whatever Kustomer has
    records      what a record says of itself
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

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
from kustomer_sync.kustomer import windows
from kustomer_sync.kustomer.client import Forbidden, NotFound, Refused
from kustomer_sync.model import Each, Listing, Log, Search, Table
from kustomer_sync.report import Progress, TableVerified, Verified
from kustomer_sync.settings import Connection
from kustomer_sync.sync.choice import Limits, first_contact, refuse_other_org
from kustomer_sync.sync.follow import follow_again
from kustomer_sync.sync.frugal import frugal
from kustomer_sync.sync.histories import take_up
from kustomer_sync.sync.landing import Landing
from kustomer_sync.sync.run import Run
from kustomer_sync.sync.verify import tables as standing
from kustomer_sync.sync.verify.asked import Asked
from kustomer_sync.sync.verify.comparison import SILENT, Comparison, Way, root_of
from kustomer_sync.sync.verify.listed import Listed
from kustomer_sync.sync.verify.records import apart
from kustomer_sync.sync.verify.searched import Searched
from kustomer_sync.sync.wanted import lacks, make_ready, refuse_changed

SAMPLE = 100


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


class Verification:
    """One comparison under way."""

    def __init__(
        self, run: Run, sample: int, rng: random.Random, announce: Callable[[int], None]
    ) -> None:
        self.run, self.announce = run, announce
        self.common = Comparison(run, sample, rng)
        self.found = self.common.found
        self._searched, self._listed = Searched(self.common), Listed(self.common)
        self._asked = Asked(self.common)

    def _way(self, table: Table) -> Way | None:
        """None for the audit log, which can't be compared."""
        match table.reading:
            case Search():
                return self._searched
            case Listing():
                return self._listed
            case Each():
                return self._asked
            case Log():
                return None
        raise AssertionError(table.reading)

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
            self.common.strayed = run.destination.strayed()
            found.expected = run.client.requests.total + sum(map(self._cost, run.tables))
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

    def _cost(self, table: Table) -> int:
        way = self._way(table)
        return 0 if way is None or self._changed(table) else way.cost(table)

    def _table(self, table: Table) -> None:
        self.run.note(f"verifying {table.known_as}")
        if changed := self._changed(table):
            self.common.of(table).unfit += changed
            return
        if missing := lacks(self.run, table):
            why = f"the next sync reads it again for {', '.join(sorted(missing))}"
            self.common.untold(table, why)
            return
        try:
            if way := self._way(table):
                way.compare(table)
            else:
                self.common.untold(table, "Kustomer keeps it for a while only")
        except (Forbidden, NotFound, Refused, PathFailed) as error:
            self.run.unread(table, error)
            self.common.untold(table, f"it could not be read ({cause(error)})")
        self._versions(table)
        self.common.of(table).unfit += standing.nameless(self.run, table)

    def _changed(self, table: Table) -> list[str]:
        return standing.changed(self.run, table, self.common.strayed)

    def _versions(self, table: Table) -> None:
        """Histories are compared with the rows; where a record's row differs, that says it all."""
        found = self.common.of(table)
        ids = {*found.ids}
        found.differing += [d for d in standing.astray(self.run, table) if d.id not in ids]
        found.differing.sort(key=lambda d: (d.id, d.table, d.what))
        if isinstance(table.reading, Each):
            self._asked.add(table, sorted({*found.ids} - ids))

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
            before = self.common.of(table)
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
        self.common.strayed = run.destination.strayed()
        names = {table.name for table in behind}
        for table in every:
            if {table.name, root_of(table)} & names:
                self._asked.forget(table)
                before = self.common.of(table)
                self.found.tables[table.known_as] = TableVerified()
                self._table(table)
                self.common.of(table).recall(before)

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
        now = self.common.of(table)
        untold = {one for told in now.untold if told.why != SILENT for one in told.ids}
        if isinstance(table.reading, Each):  # a list that was not read is told by its parent
            untold |= set(self.run.destination.holding(table, table.reading.via, untold))
        return [one for one in ids if one in {*now.ids, *untold}]

    def _read_again(self, table: Table, ids: list[str]) -> None:
        if way := self._way(table):
            way.read_again(table, ids)

    def _renew(self, table: Table, ids: list[str]) -> None:
        """A message that does not say which attachments it has keeps its rows."""
        if isinstance(table.reading, Each):
            return
        records = [record for _, record in self.common.look(table, ids) if record]
        self.common.attach(table, records)
        for part in apart(table, records):
            self.run.landing.renew(table, part)

    def _again(self, table: Table, ids: list[str]) -> None:
        if way := self._way(table):
            way.again(table, ids)
        self._versions(table)


def _begins_anew(error: SyncError) -> None:
    """What to do next is said of a comparison: it does not go on where it stopped."""
    if isinstance(error, Rescheduled):
        error.hint = f"Run `kustomer-sync verify` again {error.wait}; it begins anew."
    elif isinstance(error, Interrupted):
        error.message, error.hint = "It was interrupted.", "Run it again; it begins anew."
    elif isinstance(error, SourceFailed):
        error.hint = "Run `kustomer-sync verify` again later; it begins anew."
