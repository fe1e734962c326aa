"""One sync of one connection: the loop that everything else serves.

    check the key -> begin (epoch) -> listings that are due -> windows, newest first -> report

One way of one record: page -> shred -> batch -> `destination.write` together with the cursor
that covers it, in one transaction. No step reaches back. Source and destination meet only here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from kustomer_sync.destinations import Destination, destination
from kustomer_sync.errors import (
    ConfigError,
    Interrupted,
    KeyRefused,
    Rescheduled,
    SourceFailed,
    SourceUnreachable,
    SyncError,
    SyncFailed,
)
from kustomer_sync.kustomer import catalog, listings, windows
from kustomer_sync.kustomer.client import Client, Forbidden, NotFound, Refused
from kustomer_sync.kustomer.klasses import Klasses, metadata
from kustomer_sync.kustomer.quota import SEARCHES_PER_MINUTE, Quota
from kustomer_sync.model import Batch, Counts, Listing, Record, Search, Table, Write
from kustomer_sync.report import Progress, Report, TableReport, Warned
from kustomer_sync.settings import Connection
from kustomer_sync.shred import CustomTypes, Names, Shredder, concat

COMMIT_RECORDS = 20_000
COMMIT_BYTES = 64 * 1024 * 1024
COMMIT_SECONDS = 60.0
_DAY_MS = 86_400_000
_TWO_YEARS = 730 * _DAY_MS + _DAY_MS // 2
_HORIZON_MARGIN = 3 * _DAY_MS
"""Where the search ends and the archive begins is not documented to the day: both are read."""
_REIMPORT_EVERY = timedelta(hours=24)
_METADATA = {
    "customer": "customer",
    "conversation": "conversation",
    "message": "message",
    "company": "company",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a test or an operator may narrow."""

    caps: windows.Caps = field(default_factory=windows.Caps)
    page_size: int = windows.PAGE_SIZE
    searches_per_minute: int = SEARCHES_PER_MINUTE
    workers: int = 6
    commit_records: int = COMMIT_RECORDS
    commit_seconds: float = COMMIT_SECONDS
    retry_seconds: float = 900.0
    page_seconds: float = 120.0


def sync(
    connection: Connection,
    *,
    tables: Sequence[str] = (),
    reimport: bool = False,
    progress: Callable[[Progress], None] | None = None,
    stop: threading.Event | None = None,
    limits: Limits | None = None,
) -> Report:
    """Bring the destination up to the source's present; the report says how that went.

    Raises `UsageError` when it could not begin: then nothing was written. Whatever happens after
    it began is in the report: its `status`, and its `error` when it did not end well.
    """
    run = Sync(
        connection, tables=tables, reimport=reimport, progress=progress,
        stop=stop or threading.Event(), limits=limits or Limits(),
    )  # fmt: skip
    try:
        return run.run()
    finally:
        run.close()


def choose(connection: Connection, names: Sequence[str] = ()) -> tuple[Table, ...]:
    """The root tables a connection syncs, with the columns and children it wants."""
    chosen = []
    for table in catalog.TABLES:
        if names and table.name not in names and not {c.name for c in table.children} & set(names):
            continue
        if _enabled(connection, table.name):
            chosen.append(_trimmed(connection, table))
    return tuple(chosen)


def _enabled(connection: Connection, name: str) -> bool:
    choice = connection.tables.get(name)
    return choice is None or choice.enabled


def _trimmed(connection: Connection, table: Table) -> Table:
    columns = tuple(c for c in table.columns if connection.extras or not c.extra)
    history = table.history
    if connection.service_version == 1 or (history and not _enabled(connection, history)):
        history = None
    children = tuple(
        _trimmed(connection, child)
        for child in table.children
        if _enabled(connection, child.name) and (connection.extras or not child.extra)
    )
    return replace(
        table, columns=columns, children=children, history=history,
        history_key=table.history_key if history else (),
    )  # fmt: skip


def client_for(connection: Connection, stop: threading.Event, limits: Limits) -> Client:
    quota = Quota(
        connection.api_utilization_percentage,
        max_wait=connection.max_wait_minutes * 60,
        clock=time.monotonic,
        stop=stop,
        searches_per_minute=limits.searches_per_minute,
    )
    return Client(
        connection.api_url, connection.token(), quota, proxy=connection.proxy,
        ca_file=connection.ca_file, stop=stop, retry_seconds=limits.retry_seconds,
        page_seconds=limits.page_seconds,
    )  # fmt: skip


def first_contact(client: Client) -> dict[str, Any]:
    """What the key is: its attributes and relationships; {} when no path tells.

    `GET /v1/auth/tokens/current` is documented for every key and names its roles; a server
    without it is asked for the current user.
    """
    for path in ("/v1/auth/tokens/current", "/v1/users/current"):
        try:
            body = client.get(path)
        except (NotFound, Forbidden, Refused):
            continue
        data = body.get("data") if isinstance(body, dict) else None
        return data if isinstance(data, dict) else {}
    return {}


class Sync:
    """The state of one run. Read `run` first."""

    def __init__(
        self, connection: Connection, *, tables: Sequence[str], reimport: bool,
        progress: Callable[[Progress], None] | None, stop: threading.Event, limits: Limits,
    ) -> None:  # fmt: skip
        self.connection, self.limits, self.stop = connection, limits, stop
        self.reimport = reimport
        self.tables = choose(connection, tables)
        if not self.tables:
            raise ConfigError("No table is left to sync.", "Enable one in the config file.")
        self.client = client_for(connection, stop, limits)
        self.destination: Destination = destination(
            connection.destination_url, schema=connection.schema_name,
            system_prefix=connection.system_prefix, memory_limit=connection.memory_limit,
        )  # fmt: skip
        self.report = Report(connection=connection.name, sync_id=str(uuid4()))
        self._progress = progress
        self._minimum = _Minimum()

    def close(self) -> None:
        self.client.close()
        self.destination.close()

    def run(self) -> Report:
        self.report.started_at = datetime.now(UTC)
        self._note("checking the key")
        first_contact(self.client)
        self.destination.check()
        state = self.destination.begin(self.report.started_at)
        self.landing = Landing(self, state)
        try:
            self._ensure()
            self._read()
            self.landing.commit()
            self.report.status = "SUCCESSFUL"
        except SyncError as error:
            self._ended_early(error)
        self._finish()
        return self.report

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
        if error.code in ("superseded", "destination_failed"):
            return
        try:
            self.landing.commit()
        except SyncError as second:
            self.report.error = second

    def _ensure(self) -> None:
        self.destination.ensure(self.tables)

    def _read(self) -> None:
        due = self._reimport_due()
        if due:
            self.landing.refresh_custom()
        for table in self.tables:
            if isinstance(table.reading, Listing) and (due or self._never_listed(table)):
                self._list(table)
        self._search(due)
        if due:
            self.landing.state["reimport"] = {"at": self._now().isoformat()}

    # ---- time: always the server's ----

    def _now(self) -> datetime:
        if self.client.server_time is None:
            self.warn(
                "no_server_time", "Kustomer's replies carry no Date; this machine's clock was used."
            )
            return datetime.now(UTC)
        return self.client.server_time

    def _reimport_due(self) -> bool:
        """Once a day, whatever the sync frequency; at `daily_sync_time` where it is set."""
        last = self.landing.state.get("reimport", {}).get("at")
        if self.reimport or last is None:
            return True
        at, now = datetime.fromisoformat(last), self._now()
        daily = self.connection.daily_sync_time
        if daily is None:
            return now - at >= _REIMPORT_EVERY
        hour, minute = (int(part) for part in daily.split(":"))
        due = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
        if due > now:
            due -= timedelta(days=1)
        return at < due

    def _never_listed(self, table: Table) -> bool:
        return "listed_at" not in self.landing.state.get(f"table:{table.name}", {})

    # ---- listings ----

    def _list(self, table: Table) -> None:
        """Re-import a listed table; what a complete listing lacks twice is flagged as gone."""
        self._note(f"re-importing {table.name}")
        try:
            whole = self._listing(table)
        except (Forbidden, NotFound, Refused) as error:
            self._denied(table, str(error))
            return
        absent: tuple[str, ...] = ()
        if whole.complete:
            absent = self._gone(table, whole)
        else:
            self.warn("listing_incomplete", f"{table.name}: {whole.why}; nothing was flagged.")
        self.landing.commit(
            {table.name: absent} if absent else {},
            {f"table:{table.name}": {"listed_at": self._now().isoformat()}},
        )

    def _listing(self, table: Table) -> listings.Whole:
        whole = listings.Whole()
        for records in listings.read(self.client, table, whole):
            self.landing.take(table, records, 0)
        self._minimum.pages += whole.pages
        return whole

    def _gone(self, table: Table, whole: listings.Whole) -> tuple[str, ...]:
        """Ids that two complete listings and a look by id agree are gone."""
        self.landing.commit()
        missing = self.destination.missing(table, sorted(whole.ids))
        if not missing:
            return ()
        before = len(missing) + len(whole.ids)
        if len(missing) * 2 > before:
            self.warn(
                "listing_shrank",
                f"{table.name}: {len(missing)} of {before} records are no longer listed; "
                "the list was read again before they were flagged.",
            )
        second = self._listing(table)
        if not second.complete:
            return ()
        gone = []
        for record_id in missing:
            if record_id in second.ids:
                continue
            record = listings.by_id(self.client, table, record_id)
            if record is None:
                gone.append(record_id)
            else:
                self.landing.take(table, [record], 0)
        return tuple(gone)

    # ---- searches ----

    def _search(self, due: bool) -> None:
        searched = [t for t in self.tables if isinstance(t.reading, Search)]
        if not searched:
            return
        hi = windows.millis(self._now()) - self.connection.index_lag_seconds * 1000
        reader = windows.Reader(
            self.client, caps=self.limits.caps, page_size=self.limits.page_size,
            workers=self.limits.workers, oldest_first=not self.connection.priority_first,
        )  # fmt: skip
        todo = [w for table in searched for w in self._windows(table, hi, due)]
        self._note("reading changes, newest first")
        events = reader.read(todo)
        try:
            for event in events:
                self._event(event)
        finally:
            events.close()  # type: ignore[attr-defined]  # a generator, typed as an iterator

    def _windows(self, table: Table, hi: int, due: bool) -> Iterator[windows.Window]:
        """What of `table` is not read yet, and the overlap before the newest read part again."""
        state = self.landing.table_state(table)
        done = state.done
        if done:
            top = done[-1][1]
            overlap = self.connection.overlap_seconds * 1000
            done = windows.merged((lo, min(h, top - overlap)) for lo, h in done)
        horizon = windows.millis(self._now()) - _TWO_YEARS
        low, high = horizon - _HORIZON_MARGIN, horizon + _HORIZON_MARGIN
        archive = due or not state.archive_denied
        for lo, upto in windows.gaps((0, hi), done):
            for span, archives in (
                ((max(lo, high), upto), (False,)),
                ((max(lo, low), min(upto, high)), (False, True)),
                ((lo, min(upto, low)), (True,)),
            ):
                if span[0] < span[1] and (archive or True not in archives):
                    yield windows.Window(table, span, archives)

    def _event(self, event: windows.Event) -> None:
        match event:
            case windows.Found(table, records, nbytes):
                self._minimum.seen(table, records)
                self.landing.take(table, records, nbytes)
            case windows.Completed(table, span, _):
                self.landing.table_state(table).complete(span)
                self.landing.touched.add(table.name)
            case windows.Denied(table, archive, message) if archive:
                self.landing.table_state(table).archive_denied = True
                self.landing.touched.add(table.name)
                self.warn(
                    "archive_unavailable",
                    f"{table.name}: records older than two years can't be read ({message}).",
                )
            case windows.Denied(table, _, message):
                self._denied(table, message)
            case windows.Incomplete(table, span, message):
                self.warn(
                    "window_incomplete",
                    f"{table.name} at {windows.iso(span[0])}: {message}; it is tried again.",
                )

    # ---- telling ----

    def warn(self, code: str, message: str) -> None:
        warning = Warned(code, message)
        if warning not in self.report.warnings:
            self.report.warnings.append(warning)

    def _denied(self, table: Table, message: str) -> None:
        names = ", ".join(t.name for t in table.walk())
        self.warn(
            "role_missing",
            f"{table.name} was not read ({message}). Give the key the role {table.role}; "
            f"it costs: {names}.",
        )

    def _note(self, phase: str) -> None:
        self._phase = phase
        self.tell()

    def tell(self) -> None:
        if self._progress is None:
            return
        requests = self.client.requests
        lane, org = self.client.quota.search, self.client.quota.org
        self._progress(
            Progress(
                phase=self._phase,
                tables=dict(self.landing.taken) if hasattr(self, "landing") else {},
                requests=requests.total,
                searches=requests.search,
                rate_limited=requests.rate_limited,
                search_budget=lane.allowed,
                search_used=len(lane.sent),
                request_budget=org.allowed,
                request_used=len(org.sent),
                page_size=self.limits.page_size,
            )
        )

    def _finish(self) -> None:
        names = sorted(self.landing.names_of_all())
        rows = self.destination.rows(names)
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
            "minimum": self._minimum.total(self.tables, self.limits.page_size),
        }
        self.report.ended_at = datetime.now(UTC)


def _begun(error: SyncError) -> SyncError:
    """The same error, met after the sync began: it failed, it was not used wrongly."""
    failed = SyncFailed(error.message, error.hint)
    failed.code = error.code
    return failed


@dataclass(slots=True)
class _Minimum:
    """The fewest requests that could have brought what was read."""

    pages: int = 0
    ids: dict[str, set[str]] = field(default_factory=dict)

    def seen(self, table: Table, records: list[Record]) -> None:
        self.ids.setdefault(table.name, set()).update(str(r.get("id")) for r in records)

    def total(self, tables: Iterable[Table], page_size: int) -> int:
        searched = [t for t in tables if isinstance(t.reading, Search)]
        counts = [len(self.ids.get(t.name, ())) for t in searched]
        return self.pages + sum(max(1, -(-count // page_size)) for count in counts)


@dataclass(slots=True)
class TableState:
    """What of a searched table was read: completed spans, in milliseconds since 1970."""

    done: list[windows.Span] = field(default_factory=list)
    archive_denied: bool = False

    def complete(self, span: windows.Span) -> None:
        self.done = windows.merged([*self.done, span])

    @property
    def cursor(self) -> str | None:
        """The end of the part that is read without a gap from the beginning of time."""
        if self.done and self.done[0][0] <= 0:
            return windows.iso(self.done[0][1])
        return None


class Landing:
    """Takes pages in, gathers batches, and commits them with the state that covers them."""

    def __init__(self, run: Sync, state: dict[str, Any]) -> None:
        self._run = run
        self.state = state
        self.names = Names.from_state(state.get("names") or {})
        self.types = CustomTypes.from_state(state.get("custom_types") or {})
        self.klasses = Klasses(run.client, state.get("klasses") or {})
        self.counts: dict[str, Counts] = {}
        self.taken: dict[str, int] = {}
        self.touched: set[str] = set()
        self._states: dict[str, TableState] = {}
        self._shredders: dict[str, Shredder] = {}
        self._buffered: dict[str, list[Batch]] = {}
        self._records = self._nbytes = 0
        self._since = time.monotonic()

    def table_state(self, table: Table) -> TableState:
        if table.name not in self._states:
            kept = self.state.get(f"table:{table.name}") or {}
            self._states[table.name] = TableState(
                [(lo, hi) for lo, hi in kept.get("done", [])], kept.get("archive_denied", False)
            )
        return self._states[table.name]

    def cursor_of(self, name: str) -> str | None:
        for table in self._run.tables:
            if name in _family(table) and isinstance(table.reading, Search):
                return self.table_state(table).cursor
        return None

    def refresh_custom(self) -> None:
        """Ask for klasses and the metadata of custom attributes: they say how values are typed."""
        searched = {t.name for t in self._run.tables if t.custom}
        for name, resource in _METADATA.items():
            if name in searched:
                self.types.learn(name, metadata(self._run.client, resource))
        if "kobject" in searched:
            self.klasses.refresh()
            if self.klasses.denied is not None:
                self._run.warn(
                    "role_missing",
                    "The klasses could not be listed; give the key org.permission.klass.read.",
                )
            for klass in sorted(set(self.klasses.names.values())):
                self._learn_klass(klass)

    def _learn_klass(self, klass: str) -> None:
        self.types.learn(f"kobject.{klass}", metadata(self._run.client, f"kobject.{klass}"))

    def take(self, table: Table, records: list[Record], nbytes: int) -> None:
        """Shred a page and keep it for the next commit, which comes when enough is gathered."""
        if table.per_klass:
            for record in records:
                klass = self.klasses.of(record)
                record["klass"] = klass
                attributes = record.get("attributes")
                if isinstance(attributes, dict) and attributes.get("name") is None:
                    attributes["name"] = klass
                if not self.types.knows(f"kobject.{klass}"):
                    self._learn_klass(klass)
        for batch in self._shredder(table).shred(records):
            self._buffered.setdefault(batch.root.table.name, []).append(batch)
        self.taken[table.name] = self.taken.get(table.name, 0) + len(records)
        self._records += len(records)
        self._nbytes += nbytes
        self._run.tell()
        late = time.monotonic() - self._since > self._run.limits.commit_seconds
        if self._records >= self._run.limits.commit_records or self._nbytes >= COMMIT_BYTES or late:
            self.commit()

    def _shredder(self, table: Table) -> Shredder:
        if table.name not in self._shredders:
            self._shredders[table.name] = Shredder(
                table, names=self.names, custom_types=self.types,
                klass_of=lambda record: str(record["klass"]),
            )  # fmt: skip
        return self._shredders[table.name]

    def commit(
        self, absent: Mapping[str, tuple[str, ...]] | None = None,
        state: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """Everything taken so far is in the destination, with the spans that it completes."""
        batches = tuple(concat(pages) for pages in self._buffered.values())
        changed: dict[str, Any] = {
            f"table:{name}": {
                "done": [list(span) for span in self._states[name].done],
                "archive_denied": self._states[name].archive_denied,
            }
            for name in self.touched
        }
        changed |= dict(state or {})
        if batches:
            changed |= {
                "names": self.names.state(),
                "custom_types": self.types.state(),
                "klasses": self.klasses.names,
            }
        if "reimport" in self.state:
            changed["reimport"] = self.state["reimport"]
        if batches or absent or changed:
            counts = self._run.destination.write(Write(batches, absent or {}, changed))
            for name, count in counts.items():
                self.counts.setdefault(name, Counts())
                self.counts[name] += count
            self._say_rejects(batches)
        self.state |= changed
        self._buffered.clear()
        self.touched.clear()
        self._records = self._nbytes = 0
        self._since = time.monotonic()

    def _say_rejects(self, batches: Sequence[Batch]) -> None:
        rejected: dict[str, int] = {}
        for batch in batches:
            for reject in batch.rejects:
                key = f"{reject.table}.{reject.column}"
                rejected[key] = rejected.get(key, 0) + 1
        for key, count in rejected.items():
            self._run.warn(
                "values_rejected",
                f"{key}: {count} values did not fit and landed as NULL; their text is in "
                "_kustomer_sync_rejects.",
            )

    def names_of_all(self) -> set[str]:
        names = set(self.counts)
        for table in self._run.tables:
            names |= _family(table)
        return names


def _family(table: Table) -> set[str]:
    """The table, its children, and the histories of both."""
    return {t.name for t in table.walk()} | {t.history for t in table.walk() if t.history}


__all__ = ["Limits", "SourceFailed", "Sync", "choose", "sync"]
