"""What a sync and a check say of themselves: plain values, and their JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kustomer_sync.errors import Interrupted, Rescheduled, SyncError


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
            "started_at": _iso(self.started_at),
            "ended_at": _iso(self.ended_at),
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


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


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
    notice: str = ""
    """What is to be told once, before it is done."""
    page_size: int = 0
    """Records a search brings at most; 0 where not known."""


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
    records: int
    searches: int
    others: int
    """Requests that are no searches."""

    def __str__(self) -> str:
        shown = ", ".join(self.lacking[:_SHOWN])
        more = len(self.lacking) - _SHOWN
        return (
            f"{shown}{f' and {more} more' if more > 0 else ''}: {self.records:,} records of "
            f"{self.table} are read again, in about {self.searches + self.others:,} requests."
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
