"""The run of one sync. Read `Run.run` first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from kustomer_sync.destinations import Destination, destination
from kustomer_sync.errors import (
    ConfigError,
    DestinationUnusable,
    Interrupted,
    KeyRefused,
    PathFailed,
    Rescheduled,
    SourceUnreachable,
    SyncError,
    SyncFailed,
    cause,
    did_you_mean,
)
from kustomer_sync.kustomer import windows
from kustomer_sync.kustomer.client import Forbidden
from kustomer_sync.model import SEARCH_ROLE, Counts, Listing, Log, Recent, Record, Search, Table
from kustomer_sync.protect import Protection
from kustomer_sync.report import Progress, Report, TableReport, Warned, counted, iso_of
from kustomer_sync.settings import Connection
from kustomer_sync.sync.adopt import not_adopted
from kustomer_sync.sync.choice import (
    ORG,
    Limits,
    choose,
    client_for,
    first_contact,
    org_of,
    refuse_other_org,
)
from kustomer_sync.sync.follow import follow, follow_merged, have_read, to_read
from kustomer_sync.sync.frugal import frugal
from kustomer_sync.sync.histories import take_up
from kustomer_sync.sync.landing import Landing, everything_of, read_ms
from kustomer_sync.sync.log import log
from kustomer_sync.sync.older import older
from kustomer_sync.sync.recent import recent
from kustomer_sync.sync.reimport import reimport
from kustomer_sync.sync.resync import Mark, Resync, mark, marks, resync
from kustomer_sync.sync.sweep import sweep
from kustomer_sync.sync.wanted import kept_out, make_ready, refuse_changed

_TWO_YEARS = 730 * windows.DAY_MS + windows.DAY_MS // 2
_HORIZON_MARGIN = 3 * windows.DAY_MS
"""Where the search ends and the archive begins is not documented to the day: both are read."""
_DAY = timedelta(hours=24)


def sync(
    connection: Connection,
    *,
    tables: Sequence[str] = (),
    reimport: bool = False,
    resync: Resync | None = None,
    progress: Callable[[Progress], None] | None = None,
    stop: threading.Event | None = None,
    limits: Limits | None = None,
    share: Callable[[], float] | None = None,
) -> Report:
    """Bring the destination up to the source's present; the report says how that went.

    `share`, asked about once a second, is the `api_utilization_percentage` from then on.
    `resync`: what was read before is read once more, by this sync and if need be the next ones.

    Raises `UsageError` when it could not begin: then nothing was written. Whatever happens after
    it began is in the report: its `status`, and its `error` when it did not end well.
    """
    run = Run(
        connection, tables=tables, whole=reimport, again=resync, progress=progress,
        stop=stop or threading.Event(), limits=limits or Limits(), share=share,
    )  # fmt: skip
    try:
        with frugal():
            return run.run()
    finally:
        run.close()


@dataclass(slots=True)
class Minimum:
    """The fewest requests that could have brought what was read."""

    others: int = 0
    """Listing pages, counts of the sweep and calls per parent."""
    records: dict[str, int] = field(default_factory=dict)
    """Records of the windows that were completed, by table."""

    def total(self, tables: Iterable[Table], page_size: int) -> int:
        searched = [t for t in tables if isinstance(t.reading, Search)]
        counts = [self.records.get(t.name, 0) for t in searched]
        return self.others + sum(max(1, -(-count // page_size)) for count in counts)


class Run:
    """One sync under way: what its steps share."""

    def __init__(
        self, connection: Connection, *, tables: Sequence[str], whole: bool,
        progress: Callable[[Progress], None] | None, stop: threading.Event, limits: Limits,
        share: Callable[[], float] | None = None, again: Resync | None = None,
    ) -> None:  # fmt: skip
        self.connection, self.limits = connection, limits
        self.whole = whole
        """Re-import everything even if that was done today."""
        self.again = again
        self.marks: dict[str, Mark] = {}
        """By table, what a re-sync is still to read."""
        self.chosen = choose(connection)
        self.tables = choose(connection, tables)
        if not self.tables or (again and not choose(connection, again.tables)):
            named = ", ".join(again.tables if again else tables)
            raise ConfigError(
                f"Nothing of {named} is enabled." if named else "No table is left to sync.",
                "Enable it in the config file." if named else "Enable one in the config file.",
            )
        self.protection = Protection(connection)
        self.client = client_for(connection, stop, limits, share, self.wait, self.say)
        self.destination: Destination = destination(
            connection.destination_url, schema=connection.schema_name,
            system_prefix=connection.system_prefix, memory_limit=connection.memory_limit,
            tell=self.say,
        )  # fmt: skip
        self.report = Report(connection=connection.name, sync_id=str(uuid4()))
        self.minimum = Minimum()
        self.failed: PathFailed | None = None
        """Why a table could not be read although everything else was."""
        self.expected: dict[str, int] = {}
        self.synced_at = datetime.now(UTC)
        """When the sync began, by this machine's clock."""
        self.began = 0
        """The server's time when the sync began, in milliseconds since 1970."""
        self.merged_since = 0
        """A customer deleted before was met deleted before; in milliseconds since 1970."""
        self.compared = False
        """The customers were compared with the source."""
        self.reread: dict[str, list[windows.Span]] = {}
        """By what is asked for by their records: spans that were read again."""
        self._polled = 0
        """The end of what was read of changes, in milliseconds since 1970."""
        self._newest = 0
        """The latest `updatedAt` met, in milliseconds since 1970, while no reply tells a time."""
        self._listed: dict[str, Table] = {}
        """Tables that no search knows, as they are read instead; by name."""
        self._progress = progress
        self._rejects: dict[str, int] = {}
        self._phase, self._cost = "", 0

    def close(self) -> None:
        self.client.close()
        self.destination.close()

    def run(self) -> Report:
        self.report.started_at = self.synced_at = datetime.now(UTC)
        self.note("checking the key")
        told = first_contact(self.client)
        if self.again:
            self.again.check(self.now())
        self.destination.check()
        before = self.destination.state()
        refuse_changed(self.connection, before)
        refuse_other_org(self.connection, told, before)
        self.destination.refuse(self.tables)
        if not before:
            self._say_if_not_adopted()
        state = self.destination.begin(self.synced_at)
        self.landing = Landing(self, state)
        if (org := org_of(told)) and org != state.get(ORG):
            self.landing.put(ORG, org)
        self.marks = marks(state)
        try:
            make_ready(self)
            self.landing.say_changed()
            take_up(self)
            self.read()
            if self.failed is not None:
                raise self.failed
            self._ended("SUCCESSFUL")
            self.landing.commit()
            self.report.status = "SUCCESSFUL"
        except SyncError as error:
            self._ended_early(error)
        self._finish()
        return self.report

    def _say_if_not_adopted(self) -> None:
        """Before anything is written: afterwards it is too late to adopt."""
        said = not_adopted(self.connection, self.destination.found())
        if said:
            self.warn("not_adopted", said)
            self.say(f"Warning: {said}")

    def read(self) -> None:
        """What is due of each table is read and landed."""
        self.began = windows.millis(self.now())
        if self.again:
            mark(self, self.again)
        self.landing.describe_withheld()
        for table in self.tables:
            if table.custom and (self.whole or self.due(self.landing.of(table.name).described_at)):
                self.landing.describe(table)
                self.landing.of(table.name).archive_denied = False  # asked again once a day
        for table in self.tables:
            if isinstance(table.reading, Listing):
                began = windows.millis(self.now())
                whole = self._listing_due(table) and reimport(self, table)
                if isinstance(table.reading, Recent):
                    recent(self, table, table.reading, began, whole=whole)
        self._search()
        for table in self._listed.values():
            if self._listing_due(table):
                reimport(self, table)
        for table in self.tables:
            listing = table.reading.older if isinstance(table.reading, Search) else None
            if listing is not None and self._listing_due(table):
                older(self, table, listing)
            if isinstance(table.reading, Log):
                log(self, table, table.reading)
        follow_merged(self)
        follow(self)

    def _listing_due(self, table: Table) -> bool:
        return self.whole or self.due(self.landing.of(table.name).listed_at)

    def _search(self) -> None:
        """Every searched table is read up to the present, and again or compared where due."""
        searched = [t for t in self.tables if isinstance(t.reading, Search)]
        rows = self.destination.rows([t.place for t in searched])
        empty = [t.name for t in searched if rows[t.place] == 0]
        fresh = {name for name in empty if not self.landing.of(name).done}
        compared = self.landing.of("customer").swept_at
        if "customer" in fresh:
            self.merged_since = self.began
        elif compared is not None:  # what was deleted since may be met by search or comparison
            self.merged_since = windows.millis(datetime.fromisoformat(compared)) - windows.DAY_MS
        self.note("reading changes, newest first")
        hi = self.changes()
        for table in searched:
            resync(self, table)
        for table in searched:
            state = self.landing.of(table.name)
            if table.name in fresh:  # read whole by this sync: compared when the next is due
                state.swept_at = self.now().isoformat()
                self.landing.touch(table.name)
            elif self.whole or self.due(state.swept_at, self.connection.sweep_frequency):
                # What may still be indexed late would be counted there and lacked here.
                sweep(self, table, hi - self.connection.overlap_seconds * 1000)
                self.compared |= table.name == "customer"

    def changes(self) -> int:
        """Every searched table is read up to what is returned, in milliseconds since 1970."""
        hi = windows.millis(self.now()) - self.connection.index_lag_seconds * 1000
        searched = [t for t in self.tables if isinstance(t.reading, Search)]
        for _ in self.events(w for table in searched for w in self._windows(table, hi)):
            pass
        self._polled = hi
        return hi

    def keep_up(self) -> None:
        """Changes are read where another sync would have read them by now."""
        passed = windows.millis(self.now()) - self._polled
        if passed >= self.connection.sync_frequency * 60_000:
            self.changes()

    def _ended_early(self, error: SyncError) -> None:
        """Keep what was read whole so far; say how it ended."""
        self.report.status = "FAILURE"
        if isinstance(error, Rescheduled):
            self.report.status = "RESCHEDULED"
        if isinstance(error, Interrupted):
            self.report.status = "CANCELED"
        if isinstance(error, KeyRefused | SourceUnreachable):
            error = _begun(error)
        self.report.error = error
        if error.code == "superseded" or self.landing.broken:
            return
        self._ended(self.report.status)
        try:
            self.landing.commit()
        except SyncError as second:
            self.report.error = second

    # ---- what the state says of this sync ----

    def told(self) -> dict[str, Any]:
        """What each commit says of the budgets, and that this sync is not over yet."""
        if self.report.started_at is None:
            return {"quota": self._quota()}
        return {"quota": self._quota(), "last_sync": self._last_sync("RUNNING", None)}

    def _ended(self, status: str) -> None:
        """The next commit says how the sync ended."""
        self.landing.put("last_sync", self._last_sync(status, datetime.now(UTC)))

    def _last_sync(self, status: str, ended: datetime | None) -> dict[str, Any]:
        requests = self.client.requests
        return {
            "sync_id": self.report.sync_id, "status": status,
            "started_at": iso_of(self.report.started_at), "ended_at": iso_of(ended),
            "requests": {"total": requests.total, "search": requests.search},
            "page_size": self.limits.page_size,
        }  # fmt: skip

    def _quota(self) -> dict[str, Any]:
        """By the server's clock where it tells one."""
        now = self.client.server_time or datetime.now(UTC)
        requests, searches = (
            {"limit": use.limit, "told": use.told, "permitted": use.permitted, "used": use.used,
             "resets_at": iso_of(now + timedelta(seconds=use.resets_in))}
            for use in self.client.quota.use()
        )  # fmt: skip
        share = self.client.quota.org.percentage
        return {"at": iso_of(now), "share": share, "requests": requests, "searches": searches}

    # ---- time: always the server's ----

    def now(self) -> datetime:
        if self.client.server_time is None:
            self.warn(
                "no_server_time", "Kustomer's replies carry no Date; this machine's clock was used."
            )
            return datetime.now(UTC)
        return self.client.server_time

    def due(self, last: str | None, minutes: int | None = None) -> bool:
        """Once a day, whatever the sync frequency; at `daily_sync_time` where it is set."""
        if last is None:
            return True
        at, now = datetime.fromisoformat(last), self.now()
        if minutes is not None:
            return now - at >= timedelta(minutes=minutes)
        daily = self.connection.daily_sync_time
        if daily is None:
            return now - at >= _DAY
        hour, minute = (int(part) for part in daily.split(":"))
        due = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
        if due > now:
            due -= timedelta(days=1)
        return at < due

    def next_is_due(self) -> bool:
        """The next sync should have begun by now, so what can wait does."""
        passed = windows.millis(self.now()) - self.began
        return passed >= self.connection.sync_frequency * 60_000

    # ---- windows ----

    def _windows(self, table: Table, hi: int) -> Iterator[windows.Window]:
        """What of `table` is not read yet, the overlap before it, and what is wanted once more.

        Each read part may end where a sync met the present, not only the newest: one that was cut
        off read from its present downwards.
        """
        overlap = self.connection.overlap_seconds * 1000
        state = self.landing.of(table.name)
        done = windows.merged((lo, top - overlap) for lo, top in state.done)
        unread = windows.gaps((0, hi), done)
        # What may be indexed late is read for the first time, whatever is read again.
        state.again = [rest for part in state.again for rest in windows.gaps(part, unread)]
        for span in sorted([*unread, *state.again]):
            yield from self.windows_of(table, span)

    def windows_of(self, table: Table, span: windows.Span) -> Iterator[windows.Window]:
        """The windows that cover a span: of the search, of the archive, or of both."""
        for part, archives in self.readable(table, span):
            yield windows.Window(table, part, archives or (False,))

    def readable(
        self, table: Table, span: windows.Span
    ) -> Iterator[tuple[windows.Span, tuple[bool, ...]]]:
        """A span's parts: what the search holds for sure, and what the archive may hold too.

        Documented is that the search ends at two years; one that reaches further loses nothing.
        Without the archive only the former can be read; () where the archive has none of these.
        """
        denied = self.landing.of(table.name).archive_denied
        listed = isinstance(table.reading, Search) and table.reading.older is not None
        lo, hi = span
        for part, archives in (
            ((max(lo, self.horizon), hi), (False,)),
            ((lo, min(hi, self.horizon)), () if listed else (False, True)),
        ):
            if part[0] < part[1] and not (denied and True in archives):
                yield part, archives

    @property
    def horizon(self) -> int:
        """What was updated since is in the search for sure; in milliseconds since 1970."""
        return windows.millis(self.now()) - _TWO_YEARS + _HORIZON_MARGIN

    def events(self, todo: Iterable[windows.Window]) -> Iterator[windows.Event]:
        """What reading the windows gives, each event taken in before it is yielded."""
        todo = list(todo)
        for window in todo:
            to_read(self, window.table, window.span)
        reader = windows.Reader(
            self.client, caps=self.limits.caps, page_size=self.limits.page_size,
            workers=self.limits.workers, oldest_first=not self.connection.priority_first,
            patience=self.limits.retry_seconds,
        )  # fmt: skip
        with closing(reader.read(todo)) as events:
            for event in events:
                self._event(event)
                yield event

    def _event(self, event: windows.Event) -> None:
        match event:
            case windows.Counted(table, records, span):
                state = self.landing.of(table.name)
                if table.name not in self.expected:
                    state.counted = []
                state.counted = windows.merged([*state.counted, *([span] if span else ())])
                self.expected[table.name] = self.expected.get(table.name, 0) + records
                state.records, state.denied = self.expected[table.name], False
                self.landing.touch(table.name)
                self.tell()
            case windows.Found(table, records, nbytes):
                self._note_time(records)
                if table.name in self.marks:
                    self.marks[table.name].saw(records)
                self.landing.take(table, records, nbytes)
            case windows.Completed(table, span, records):
                self.minimum.records[table.name] = self.minimum.records.get(table.name, 0) + records
                span = self._certain(span)
                self.landing.of(table.name).complete(span)
                self.landing.touch(table.name)
                have_read(self, table, span)
            case windows.Denied(table, archive, PathFailed() as error):
                if not archive:
                    self.landing.of(table.name).denied = True
                    self.landing.touch(table.name)
                self.unread(table, error)
            case windows.Denied(table, archive, error) if archive:
                self.landing.of(table.name).archive_denied = True
                self.landing.touch(table.name)
                self.warn(
                    "archive_unavailable",
                    f"{table.name}: records older than two years can't be read ({error}).",
                )
            case windows.Denied(table, _, error):
                listing = table.reading.listed if isinstance(table.reading, Search) else None
                if listing is not None and not isinstance(error, Forbidden):
                    self._listed[table.name] = replace(table, reading=listing)
                    return
                self.landing.of(table.name).denied = True
                self.landing.touch(table.name)
                self.unread(table, error)
            case windows.Incomplete(table, span, message):
                self.warn(
                    "window_incomplete",
                    f"{table.name} at {windows.iso(span[0])}: {message}; it is tried again.",
                )

    def _note_time(self, records: Iterable[Record]) -> None:
        for record in records if self.client.server_time is None else ():
            self._newest = max(self._newest, read_ms(record, "updatedAt") or 0)

    def _certain(self, span: windows.Span) -> windows.Span:
        """What of a span that was read lies in the server's past for sure.

        Where no reply carries a `Date`, its end came from this machine's clock, which may be
        ahead; a record is from the server's past.
        """
        if self.client.server_time is not None:
            return span
        certain = self._newest + 1 - self.connection.index_lag_seconds * 1000
        return span[0], min(span[1], certain)

    # ---- telling ----

    def warn(self, code: str, message: str) -> None:
        warning = Warned(code, message)
        if warning not in self.report.warnings:
            self.report.warnings.append(warning)

    def reject(self, column: str, count: int) -> None:
        self._rejects[column] = self._rejects.get(column, 0) + count

    def denied(self, table: Table, message: str) -> None:
        names = everything_of(table)
        searched = isinstance(table.reading, Search)
        roles = f"the roles {SEARCH_ROLE} and" if searched else "the role"
        self.warn(
            "role_missing",
            f"{names[0]} was not read ({message}). Give the key {roles} {table.role}; "
            f"it costs: {', '.join(names)}.",
        )

    def unread(self, table: Table, error: Exception) -> None:
        """A table could not be read, for want of a role or because its path answers otherwise."""
        if isinstance(error, Forbidden):
            self.denied(table, str(error))
            return
        name = table.known_as
        self.warn(
            "not_read", f"{name} was not read ({cause(error)}); what is there stays as it is."
        )
        self.failed_by(error)

    def unlisted(self, klasses: str, error: Exception) -> None:
        """Some klasses, or all, could not be listed."""
        said = f"{klasses[0].upper()}{klasses[1:]} could not be listed ({cause(error)})"
        if isinstance(error, Forbidden):
            self.warn("role_missing", f"{said}; give the key org.permission.klass.read.")
        else:
            self.warn("not_read", f"{said}.")

    def failed_by(self, error: Exception) -> None:
        """A table was not read; if that is because its path kept failing, the sync fails too."""
        if isinstance(error, PathFailed):
            self.failed = self.failed or error

    def note(self, phase: str, cost: int = 0) -> None:
        """What is done next, and about how many requests it takes where that is known before."""
        self._phase, self._cost = phase, cost
        self.tell()

    def say(self, sentence: str) -> None:
        """Something to be told once."""
        self.tell(sentence)

    def wait(self, seconds: float) -> None:
        """No request goes out for so long, at most."""
        self.tell(waits_until=datetime.now(UTC) + timedelta(seconds=seconds))

    def tell(self, sentence: str = "", waits_until: datetime | None = None) -> None:
        if self._progress is None:
            return
        requests = self.client.requests
        lane, org = self.client.quota.search, self.client.quota.org
        self._progress(
            Progress(
                phase=self._phase,
                tables=dict(self.landing.taken) if hasattr(self, "landing") else {},
                expected=dict(self.expected),
                requests=requests.total,
                searches=requests.search,
                rate_limited=requests.rate_limited,
                search_budget=lane.allowed,
                search_used=len(lane.sent),
                request_budget=org.allowed,
                request_used=len(org.sent),
                page_size=self.limits.page_size,
                cost=self._cost,
                sentence=sentence,
                waits_until=waits_until,
            )
        )

    def _kept_out(self) -> str:
        names = self.landing.names
        return kept_out(self.connection, names.kept_out, names, self.chosen)

    def _finish(self) -> None:
        for column, count in self._rejects.items():
            self.warn(
                "values_rejected",
                f"{column}: {counted(count, 'value')} did not fit and landed as NULL; the text is "
                "in _kustomer_sync_rejects.",
            )
        if self.landing.names.kept_out:
            self.warn("new_blocked", self._kept_out())
        if self.report.status == "SUCCESSFUL":
            for name, known in self.protection.unmet(self.landing.names, *self.landing.adopted):
                self.warn(
                    "name_unmet",
                    f"No record has anything called {name!r}, so nothing was blocked or hashed for "
                    f"it{did_you_mean(name, known)}",
                )
        names = sorted(self.landing.names_of_all())
        rows = self._rows(names)
        for name in names:
            counts = self.landing.counts.get(name, Counts())
            self.report.tables[name] = TableReport(
                inserted=counts.inserted, updated=counts.updated, deleted=counts.deleted,
                rows=rows.get(name, 0), cursor=self.landing.cursor_of(name),
            )  # fmt: skip
        requests = self.client.requests
        self.report.requests = {
            "total": requests.total,
            "search": requests.search,
            "rate_limited": requests.rate_limited,
            "minimum": self.minimum.total(self.tables, self.limits.page_size),
        }
        self.report.ended_at = datetime.now(UTC)

    def _rows(self, names: list[str]) -> Mapping[str, int]:
        """How many rows each table has; a destination that was waited for in vain is not again."""
        error = self.report.error
        if error is None or error.code != DestinationUnusable.code:
            try:
                return self.destination.rows(names)
            except DestinationUnusable as unusable:
                error = unusable
        self.warn("rows_uncounted", f"The tables' rows were not counted ({cause(error)}).")
        return {}


def _begun(error: SyncError) -> SyncError:
    """The same error, met after the sync began: it failed, it was not used wrongly."""
    failed = SyncFailed(error.message, error.hint)
    failed.code = error.code
    return failed
