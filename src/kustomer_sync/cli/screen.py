"""What a person sees: progress while a sync runs, and what landed afterwards."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table as Grid

from kustomer_sync.model import Each, Listing, Recent, Search, Table
from kustomer_sync.report import Progress, Report

_EVERY = 5.0  # seconds between lines where there is no terminal


class Screen:
    """Live on a terminal, a line every few seconds elsewhere; always on stderr."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._live: Live | None = None
        self._said = 0.0
        self._phase = ""

    def __enter__(self) -> Screen:
        if self._console.is_terminal:
            self._live = Live(
                console=self._console, transient=True, refresh_per_second=8, auto_refresh=False
            )
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, now: Progress) -> None:
        moment = time.monotonic()
        if self._live is not None:
            if moment - self._said > 0.1 or now.phase != self._phase:
                self._live.update(_drawn(now), refresh=True)
                self._said = moment
        elif moment - self._said > _EVERY or now.phase != self._phase:
            records = sum(now.tables.values())
            self._console.print(
                f"{now.phase}: {records:,} records, {now.requests:,} requests", highlight=False
            )
            self._said = moment
        self._phase = now.phase


def _drawn(now: Progress) -> Grid:
    grid = Grid(box=None, show_header=False, padding=(0, 2, 0, 0))
    grid.add_row(now.phase, "")
    for name, records in now.tables.items():
        known = f" of {now.expected[name]:,}" if now.expected.get(name, 0) > records else ""
        grid.add_row(f"  {name}", f"{records:,}{known} records")
    limited = f", {now.rate_limited} refused (429)" if now.rate_limited else ""
    grid.add_row(
        f"  requests {now.requests:,}{limited}",
        f"searches in the last minute: {now.search_used} of {now.search_budget}",
    )
    if now.minutes_left >= 1:
        grid.add_row(f"  about {now.minutes_left:,.0f} minutes left", "")
    return grid


def summary(report: Report, where: str, *, to_stdout: bool = False) -> None:
    """What landed, where, how long it took, and each warning."""
    console = Console(stderr=not to_stdout, highlight=False, soft_wrap=True)
    grid = Grid(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("table", "rows", "inserted", "updated", "deleted"):
        grid.add_column(title, justify="left" if title == "table" else "right")
    shown = [(n, t) for n, t in report.tables.items() if t.rows or t.inserted or t.deleted]
    for name, table in shown:
        grid.add_row(
            name, f"{table.rows:,}", f"{table.inserted:,}", f"{table.updated:,}",
            f"{table.deleted:,}",
        )  # fmt: skip
    if shown:
        console.print(grid)
    empty = len(report.tables) - len(shown)
    seconds = 0.0
    if report.started_at and report.ended_at:
        seconds = (report.ended_at - report.started_at).total_seconds()
    console.print(
        f"{report.status} in {seconds:.1f} s with {report.requests.get('total', 0):,} requests: "
        f"{len(shown)} tables with rows{f', {empty} without' if empty else ''} in {where}"
    )
    for warning in report.warnings:
        console.print(f"Warning ({warning.code}): {warning.message}")
    if report.error is not None:
        console.print(f"Error: {report.error}")


def table_list(tables: Iterable[Table], as_json: bool) -> None:
    """Each table with its reading and key, children below their parent."""
    listed = []
    for root in tables:
        for table in root.walk():
            listed.append((table, root))
    if as_json:
        print(
            json.dumps(
                [
                    {
                        "table": t.name, "parent": t.parent, "reading": _reading(root),
                        "source": _source(root), "key": list(t.key), "history": t.history,
                        "columns": [c.name for c in t.columns],
                    }
                    for t, root in listed
                ]
            )
        )  # fmt: skip
        return
    grid = Grid(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("table", "read by", "from", "key", "history"):
        grid.add_column(title, no_wrap=True)
    for table, root in listed:
        child = table.parent is not None
        grid.add_row(
            f"  {table.name}" if child else table.name,
            "" if child else _reading(root),
            "" if child else _source(root),
            ", ".join(table.key),
            table.history or "",
        )
    Console(highlight=False, width=None if sys.stdout.isatty() else 160).print(grid)


def _reading(table: Table) -> str:
    return type(table.reading).__name__.lower()


def _source(table: Table) -> str:
    match table.reading:
        case Search(context):
            return f"POST /v1/customers/search ({context})"
        case Listing(path=path) | Recent(path=path) | Each(path=path):
            return f"GET {path}"
    return ""


_QUERIES = (
    "SELECT status, count(*) AS conversations, round(avg(message_count), 1) AS messages\n"
    "FROM kustomer.conversation GROUP BY status ORDER BY 2 DESC",
    "SELECT t.name AS tag, count(*) AS conversations\n"
    "FROM kustomer.conversation_tag ct JOIN kustomer.tag t ON t.id = ct.tag_id\n"
    "GROUP BY 1 ORDER BY 2 DESC LIMIT 5",
)


def show_queries(path: Path, shown: Path) -> None:
    """Two queries to try, with what they give on the rows that just landed."""
    import duckdb

    print(f"\nThe rows are in {shown}. Two queries to try:\n")
    with duckdb.connect(str(path), read_only=True) as connection:
        for query in _QUERIES:
            print("\n".join(f"  {line}" for line in query.splitlines()))
            print(connection.sql(query))
