"""What a sync and a check say of themselves, as values: report, progress, check.

Knows neither terminal nor network; imports only errors, so that reading it costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from kustomer_sync.errors import Interrupted, Rescheduled, SyncError


class Status(StrEnum):
    """How a sync ended."""

    SUCCESSFUL = "SUCCESSFUL"
    FAILURE = "FAILURE"
    RESCHEDULED = "RESCHEDULED"
    CANCELED = "CANCELED"


@dataclass(frozen=True, slots=True)
class Requests:
    """What a sync asked of Kustomer."""

    total: int = 0
    """Every request, searches, retries and 429s included."""
    search: int = 0
    rate_limited: int = 0
    minimum: int = 0
    """The fewest a perfect reader could have done with."""


@dataclass(frozen=True, slots=True)
class TableReport:
    """What a sync did to one table."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    rows: int = 0
    """Rows there afterwards, flagged ones included."""
    cursor: datetime | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "inserted": self.inserted,
            "updated": self.updated,
            "deleted": self.deleted,
            "rows": self.rows,
            "cursor": iso(self.cursor),
        }


@dataclass(frozen=True, slots=True)
class Caution:
    """A warning of a sync that went on: what happened and what to do about it."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What ended a sync."""

    code: str
    message: str
    hint: str = ""
    exit_code: int = 1

    @classmethod
    def of(cls, error: SyncError) -> Fault:
        return cls(error.code, error.message, error.hint, error.exit_code)

    def to_dict(self) -> dict[str, str]:
        return {"code": self.code, "message": self.message, "hint": self.hint}


@dataclass(frozen=True, slots=True)
class Report:
    """One sync, told afterwards."""

    connection: str
    sync_id: str | None
    status: Status
    started_at: datetime | None
    ended_at: datetime | None
    requests: Requests = field(default_factory=Requests)
    tables: Mapping[str, TableReport] = field(default_factory=dict)
    warnings: tuple[Caution, ...] = ()
    error: Fault | None = None

    @classmethod
    def failed(cls, connection: str, error: SyncError) -> Report:
        """The report of a sync that never came to write its own."""
        return cls(connection, None, status_of(error), None, None, error=Fault.of(error))

    @property
    def exit_code(self) -> int:
        """0 done; 1 failed after it began; 2 nothing was written; 3 stopped early, resumable."""
        if self.status is Status.SUCCESSFUL:
            return 0
        if self.status is Status.FAILURE:
            return self.error.exit_code if self.error else 1
        return 3

    def to_dict(self) -> dict[str, Any]:
        """The public shape of `sync --json`."""
        return {
            "connection": self.connection,
            "sync_id": self.sync_id,
            "status": str(self.status),
            "started_at": iso(self.started_at),
            "ended_at": iso(self.ended_at),
            "requests": {
                "total": self.requests.total,
                "search": self.requests.search,
                "rate_limited": self.requests.rate_limited,
                "minimum": self.requests.minimum,
            },
            "tables": {name: table.to_dict() for name, table in self.tables.items()},
            "warnings": [{"code": w.code, "message": w.message} for w in self.warnings],
            "error": self.error.to_dict() if self.error else None,
        }


def status_of(error: SyncError) -> Status:
    """What a sync that met this error is called."""
    if isinstance(error, Rescheduled):
        return Status.RESCHEDULED
    if isinstance(error, Interrupted):
        return Status.CANCELED
    return Status.FAILURE


def iso(moment: datetime | None) -> str | None:
    """UTC, milliseconds, `Z`: `2026-11-24T08:00:00.000Z`."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class TableProgress:
    """How far the reading of one table is."""

    records: int = 0
    expected: int | None = None
    done: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """A running sync, at one moment."""

    phase: str = ""
    """What it is doing, in a few words."""
    tables: Mapping[str, TableProgress] = field(default_factory=dict)
    requests: int = 0
    searches: int = 0
    search_used: int = 0
    """Searches sent within the last minute."""
    search_limit: int = 0
    """Searches allowed a minute, by Kustomer's limit and our share of it."""
    rate_limited: int = 0
    """Answers that were 429."""
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """A role that the key lacks, and the tables that costs."""

    role: str
    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """What a key can do, told before anything is written."""

    org: str
    key_name: str
    missing: tuple[Missing, ...] = ()
    costs: tuple[tuple[str, str], ...] = ()
    """Table -> what reading it costs in requests, for those read by one call per parent."""
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "org": self.org,
            "key_name": self.key_name,
            "missing": [{"role": m.role, "tables": list(m.tables)} for m in self.missing],
            "costs": [{"table": table, "cost": text} for table, text in self.costs],
            "warnings": list(self.warnings),
            "error": None,
        }
