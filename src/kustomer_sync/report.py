"""What a sync and a check say of themselves: plain values, and their JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kustomer_sync.errors import Interrupted, Rescheduled, SyncError

if TYPE_CHECKING:
    from kustomer_sync.model import Change


def counted(number: int, noun: str, many: str | None = None) -> str:
    """`1 request`, `2,000 requests`; `many` where an s does not make the plural."""
    return f"{number:,} {noun if number == 1 else many or f'{noun}s'}"


@dataclass(frozen=True, slots=True)
class Warned:
    """Something the user should know although the sync went on."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class TableReport:
    inserted: int
    updated: int
    """Rows that changed."""
    deleted: int
    """Rows flagged, plus elements that left a living record's array."""
    rows: int
    """Rows there afterwards, flagged ones included."""
    cursor: str | None


@dataclass(slots=True)
class Report:
    """One sync, as `sync --json` prints it."""

    connection: str
    sync_id: str | None
    status: str = "FAILURE"
    started_at: datetime | None = None
    ended_at: datetime | None = None
    requests: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("total", "search", "rate_limited", "minimum"), 0)
    )
    tables: dict[str, TableReport] = field(default_factory=dict)
    warnings: list[Warned] = field(default_factory=list)
    error: SyncError | None = None

    @classmethod
    def failed(cls, connection: str, error: SyncError) -> Report:
        """The report of a sync that never came to write its own."""
        early = {Rescheduled: "RESCHEDULED", Interrupted: "CANCELED"}
        return cls(connection, None, early.get(type(error), "FAILURE"), error=error)

    @property
    def exit_code(self) -> int:
        """0 done, 1 failed after it began, 3 stopped early and resumable."""
        return {"SUCCESSFUL": 0, "RESCHEDULED": 3, "CANCELED": 3}.get(self.status, 1)

    def to_dict(self) -> dict[str, Any]:
        return {
            "connection": self.connection,
            "sync_id": self.sync_id,
            "status": self.status,
            "started_at": iso_of(self.started_at),
            "ended_at": iso_of(self.ended_at),
            "requests": self.requests,
            "tables": {
                name: {
                    "inserted": t.inserted,
                    "updated": t.updated,
                    "deleted": t.deleted,
                    "rows": t.rows,
                    "cursor": t.cursor,
                }
                for name, t in self.tables.items()
            },
            "warnings": [{"code": w.code, "message": w.message} for w in self.warnings],
            "error": error_dict(self.error),
        }


def error_dict(error: SyncError | None) -> dict[str, str] | None:
    if error is None:
        return None
    return {"code": error.code, "message": error.message, "hint": error.hint}


def iso_of(at: datetime | None) -> str | None:
    """As all JSON of ours has times."""
    return None if at is None else _iso(at)


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Progress:
    """A moment of a running sync."""

    phase: str
    tables: dict[str, int]
    """Records taken in so far."""
    requests: int
    searches: int
    rate_limited: int
    search_budget: int
    """Searches that may go out in a minute."""
    search_used: int
    """Of these, how many went out in the last one."""
    request_budget: int = 0
    """Requests, searches among them, that may go out in a minute; 0 where not known."""
    request_used: int = 0
    """Of these, how many went out in the last one."""
    expected: Mapping[str, int] = field(default_factory=dict)
    """Records a table will have given in the end, where that is known."""
    page_size: int = 0
    """Records a search brings at most; 0 where not known."""
    cost: int = 0
    """Requests that the phase takes, about; 0 where that is not known before."""
    sentence: str = ""
    """Something to be told once, if there is something."""
    waits_until: datetime | None = None
    """The rate limit leaves no request until then, at the latest; told once of a wait."""


@dataclass(frozen=True, slots=True)
class Differing:
    """Rows made from one record that are not as the source has them."""

    id: str
    table: str
    """The record's own, a child or a klass's."""
    columns: tuple[str, ...] = ()
    """What differs; () where a row is missing, one too many, or alike and there twice."""
    what: str = "differs"
    """Or `row missing`, `row too many`, `is there twice`, or `history differs`."""


@dataclass(frozen=True, slots=True)
class Untold:
    """What could not be compared, and why."""

    why: str
    ids: tuple[str, ...] = ()


@dataclass(slots=True)
class TableVerified:
    """How a table compares with the source."""

    source: int | None = None
    """Records that Kustomer has, of those compared by number; None where that can't be told."""
    destination: int | None = None
    """Rows that the destination has of these."""
    sampled: int = 0
    """Whole records compared value by value."""
    changed: int = 0
    """Records that changed since they were read; they are no differences."""
    missing: list[str] = field(default_factory=list)
    """Ids of records that Kustomer has and the destination lacks, or shows as gone."""
    extra: list[str] = field(default_factory=list)
    """Ids of rows that are there, and of which Kustomer has no record any more."""
    differing: list[Differing] = field(default_factory=list)
    untold: list[Untold] = field(default_factory=list)
    unfit: list[str] = field(default_factory=list)
    """What is wrong with the tables themselves or with rows of no record, and what to do next."""
    repaired: list[str] = field(default_factory=list)
    """Ids of those above that were read again, and then were as the source has them."""

    @property
    def compared(self) -> bool:
        """Whether anything of it was."""
        return self.source is not None or self.sampled > 0

    @property
    def ids(self) -> list[str]:
        """Of all records that were found to differ."""
        return sorted({*self.missing, *self.extra, *(d.id for d in self.differing)})

    @property
    def left(self) -> list[str]:
        """Of those that still do."""
        return [one for one in self.ids if one not in self.repaired]

    @property
    def differs(self) -> bool:
        return bool(self.left or self.unfit)

    def recall(self, before: TableVerified) -> None:
        """What differed in an earlier comparison counts as found, too."""
        self.missing = sorted({*self.missing, *before.missing})
        self.extra = sorted({*self.extra, *before.extra})
        found = {*self.differing, *before.differing}
        self.differing = sorted(found, key=lambda d: (d.id, d.table, d.what))

    def to_dict(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "destination": self.destination,
            "sampled": self.sampled,
            "changed": self.changed,
            "missing": self.missing,
            "extra": self.extra,
            "differing": [
                {"id": d.id, "table": d.table, "what": d.what, "columns": list(d.columns)}
                for d in self.differing
            ],
            "unfit": self.unfit,
            "untold": [{"why": u.why, "ids": list(u.ids)} for u in self.untold],
            "repaired": self.repaired,
        }


@dataclass(slots=True)
class Verified:
    """One comparison of source and destination, as `verify --json` prints it."""

    connection: str
    status: str = "FAILURE"
    """`AGREES`, `DIFFERS`; `RESCHEDULED`, `CANCELED` or `FAILURE` where it ended early."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    expected: int = 0
    """About how many requests it was to take."""
    requests: dict[str, int] = field(default_factory=dict)
    tables: dict[str, TableVerified] = field(default_factory=dict)
    warnings: list[Warned] = field(default_factory=list)
    error: SyncError | None = None
    repaired: bool = False
    """What differed was read again."""

    @property
    def exit_code(self) -> int:
        """0 all agree, 1 something differs or it failed, 3 stopped early."""
        return {"AGREES": 0, "RESCHEDULED": 3, "CANCELED": 3}.get(self.status, 1)

    def to_dict(self) -> dict[str, Any]:
        return {
            "connection": self.connection,
            "status": self.status,
            "started_at": iso_of(self.started_at),
            "ended_at": iso_of(self.ended_at),
            "requests": {"expected": self.expected, **self.requests},
            "tables": {name: table.to_dict() for name, table in self.tables.items()},
            "warnings": [{"code": w.code, "message": w.message} for w in self.warnings],
            "error": error_dict(self.error),
        }


@dataclass(frozen=True, slots=True)
class Reach:
    """A part of a table's time, by `updatedAt`, in milliseconds since 1970."""

    lo: int
    hi: int

    @property
    def since(self) -> str | None:
        """None: from the beginning of time."""
        return iso_of(datetime.fromtimestamp(self.lo / 1000, UTC)) if self.lo > 0 else None

    @property
    def until(self) -> str:
        return _iso(datetime.fromtimestamp(self.hi / 1000, UTC))


@dataclass(slots=True)
class TableStatus:
    """How far a table is read."""

    reading: str
    """search, each, listing, recent; child for what comes with another table."""
    rows: int
    complete: Reach | None = None
    """What is read without a gap, from the newest record on back."""
    open: tuple[Reach, ...] = ()
    """What is still to be read."""
    listed_at: str | None = None
    """When it was last re-imported; None where it never was or is to be once more."""
    to_come: int | None = None
    """About how many records are still to come, or requests where each takes one; None where that
    is not known."""
    complete_at: str | None = None
    """When nothing will be open, at these budgets; None where that is not known."""
    denied: bool = False
    """It could not be read when it was asked for last."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "reading": self.reading,
            "rows": self.rows,
            "complete_from": self.complete.since if self.complete else None,
            "complete_to": self.complete.until if self.complete else None,
            "complete": self.complete is not None and not self.open,
            "open": [{"from": r.since, "to": r.until} for r in self.open],
            "listed_at": self.listed_at,
            "to_come": self.to_come,
            "complete_at": self.complete_at,
            "denied": self.denied,
        }


@dataclass(slots=True)
class Status:
    """How far a connection is, as its destination says."""

    connection: str
    destination: str
    schema: str
    last_sync: dict[str, Any] | None = None
    """Its id, status, when it started and ended, its requests; RUNNING until it ended."""
    quota: dict[str, Any] | None = None
    """Of searches and of all requests: the limit and whether Kustomer told it, what of it is
    permitted, used in the minute before `at`, when the server's minute ends. A sync that waits
    writes nothing, so while one runs `at` may be a while ago; after it, what was used over a minute
    ago no longer counts."""
    tables: dict[str, TableStatus] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {
            "connection": self.connection,
            "destination": self.destination,
            "schema": self.schema,
            "last_sync": self.last_sync,
            "quota": self.quota,
            "tables": {name: table.to_dict() for name, table in self.tables.items()},
        }


@dataclass(frozen=True, slots=True)
class Missing:
    """A role the key lacks, and the tables that costs."""

    role: str
    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cost:
    """What reading a table from its beginning takes."""

    table: str
    records: int
    at_least: bool
    """Kustomer does not count further than this: there may be many more."""
    searches: int
    others: int
    """Requests that are no searches."""


_SHOWN = 4
"""Columns of a back-fill that are named."""


@dataclass(frozen=True, slots=True)
class BackFill:
    """A root table that is read again for what is wanted of it and is not there."""

    table: str
    lacking: tuple[str, ...]
    """Tables and `table.column`."""
    records: int | None
    """None where nothing tells how many there are, as when the table was lost."""
    searches: int | None
    others: int | None
    """Requests that are no searches."""

    def __str__(self) -> str:
        shown = ", ".join(self.lacking[:_SHOWN])
        more = len(self.lacking) - _SHOWN
        records = "all records" if self.records is None else counted(self.records, "record")
        if self.searches is None or self.others is None:
            cost = "; how many requests that takes is not known"
        else:
            cost = f", in about {counted(self.searches + self.others, 'request')}"
        return (
            f"{shown}{f' and {more} more' if more > 0 else ''}: {records} of {self.table} "
            f"{'is' if self.records == 1 else 'are'} read again{cost}."
        )


@dataclass(frozen=True, slots=True)
class Check:
    """What a key can do for a connection."""

    org: str | None
    key_name: str | None
    roles_known: bool
    """Whether Kustomer told the key's roles; without that each path was tried."""
    missing: tuple[Missing, ...]
    costs: tuple[Cost, ...] = ()
    """What reading each table from its beginning takes, where that is known."""
    search_budget: int = 0
    """Searches that may go out in a minute."""
    request_budget: int = 0
    """Requests, searches among them, that may go out in a minute."""
    back_fills: tuple[BackFill, ...] = ()
    """What the next sync will read again."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "org": self.org,
            "key_name": self.key_name,
            "roles_known": self.roles_known,
            "missing": [{"role": m.role, "tables": list(m.tables)} for m in self.missing],
            "costs": [
                {"table": c.table, "records": c.records, "at_least": c.at_least,
                 "searches": c.searches, "others": c.others}
                for c in self.costs
            ],
            "back_fills": [
                {"table": b.table, "lacking": list(b.lacking), "records": b.records,
                 "searches": b.searches, "others": b.others}
                for b in self.back_fills
            ],
            "search_budget": self.search_budget,
            "request_budget": self.request_budget,
            "error": None,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class AdoptedTable:
    """What becomes of a table that the reference connector filled."""

    name: str
    rows: int
    cursor: datetime | None
    """Where the next sync goes on; None where it is read otherwise, as `why` says."""
    why: str
    added: tuple[str, ...]
    """Columns that it does not have yet."""
    changed: tuple[Change, ...]
    """Columns that get another type."""
    kept: tuple[Change, ...]
    """Columns that keep their type although ours is another."""
    others: tuple[str, ...]
    """Columns that are not ours: they are left as they are."""


@dataclass(frozen=True, slots=True)
class Adoption:
    """What `adopt` changes, or has changed."""

    connection: str
    cursor: datetime | None
    tables: tuple[AdoptedTable, ...]
    new: tuple[str, ...]
    """Tables that the next sync makes."""
    alone: tuple[str, ...]
    """Tables that are not ours: they are left as they are."""
    requests: dict[str, int] | None
    """About what the next sync takes: searches, and requests in all."""
    applied: bool = False
    advice: str = ""
    """What in the config would let it go on with more."""
    unasked: str = ""
    """Why Kustomer could not be asked what the next sync takes."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "connection": self.connection,
            "applied": self.applied,
            "advice": self.advice or None,
            "cursor": iso_of(self.cursor),
            "requests": self.requests,
            "unasked": self.unasked or None,
            "tables": {
                table.name: {
                    "rows": table.rows,
                    "cursor": iso_of(table.cursor),
                    "why": table.why,
                    "added": list(table.added),
                    "changed": [_change(change) for change in table.changed],
                    "kept": [_change(change) for change in table.kept],
                    "others": list(table.others),
                }
                for table in self.tables
            },
            "new": list(self.new),
            "left_alone": list(self.alone),
            "error": None,
        }


def _change(change: Change) -> dict[str, Any]:
    return {
        "column": change.column, "type": change.stored, "ours": change.ours,
        "becomes": change.becomes, "why": change.why,
    }  # fmt: skip
