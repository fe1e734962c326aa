"""What a person sees: progress while a sync runs, what landed, what a key may read, the tables."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table as Grid
from rich.text import Text

from kustomer_sync.cli import lost, written
from kustomer_sync.model import Change, Column, Each, Listing, Log, Origin, Recent, Search, Table
from kustomer_sync.report import (
    Adoption,
    Check,
    Differing,
    Progress,
    Reach,
    Report,
    Status,
    TableStatus,
    TableVerified,
    Verified,
    counted,
)

_EVERY = 5.0
"""Seconds between lines where there is no terminal."""
_SHOWN = 14
"""Tables shown at once while a sync runs."""


class _Console(Console):
    """One whose reader may leave: what is left to say is lost, the command still ends as it does.

    rich would end it with exit code 1; a sync must not stop because nobody looks any more.
    """

    def on_broken_pipe(self) -> None:
        self.quiet = True
        lost(self.file)


def _console(*, to_stdout: bool) -> Console:
    """Nothing in our text is markup; off a terminal lines are as long as they need to be."""
    stream = sys.stdout if to_stdout else sys.stderr
    width = None if stream.isatty() else 200
    return _Console(stderr=not to_stdout, highlight=False, markup=False, emoji=False, width=width)


def _print_grid(console: Console, grid: Grid) -> None:
    """The grid, in a file without the spaces that fill its lines."""
    if console.is_terminal:
        console.print(grid)
        return
    with console.capture() as captured:
        console.print(grid)
    lines = captured.get().splitlines()
    try:
        console.file.write("".join(f"{line.rstrip()}\n" for line in lines))
    except BrokenPipeError:
        console.on_broken_pipe()


def say(text: str) -> None:
    """A word to the person, on stderr."""
    written(f"{text}\n", sys.stderr)


def clean(value: object) -> str:
    """Text from elsewhere, without what could steer a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value))


def duration(seconds: float) -> str:
    """`8.3 s`, `2 min 05 s`, `3 h 10 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


# ---- while a sync runs ----


class Screen:
    """Live on a terminal, a line now and then elsewhere; always on stderr, from any thread."""

    def __init__(
        self, console: Console | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console or _console(to_stdout=False)
        self._clock = clock
        self._began = clock()
        self._said = self._began
        self._live: Live | None = None
        self._last = Progress("starting", {}, 0, 0, 0, 0, 0)
        self._lock = threading.Lock()

    def __enter__(self) -> Screen:
        if self._console.is_terminal:
            self._live = Live(
                console=self._console, transient=True, refresh_per_second=4,
                get_renderable=lambda: drawn(self._last, self._clock() - self._began),
            )  # fmt: skip
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, now: Progress) -> None:
        with self._lock:
            before, self._last = self._last, now
            if now.sentence:
                self._console.print(clean(now.sentence), soft_wrap=self._live is None)
            moment = self._clock()
            if self._live is None and now.waits_until is not None:
                self._console.print(f"{clean(now.phase)}: {_waits(now.waits_until)}")
            if self._live is None and now.cost and before.phase != now.phase:
                self._console.print(f"{clean(now.phase)}: about {counted(now.cost, 'request')}")
            if self._live is None and moment - self._said >= _EVERY:
                self._said = moment
                told = [*_records(now), *_requests(now), *_left(now, moment - self._began)]
                self._console.print(f"{clean(now.phase)}: {', '.join(told)}")


def drawn(now: Progress, elapsed: float) -> Group:
    """What is being done and for how long still, the tables, what they used of the budgets."""
    cost = [f"about {counted(now.cost, 'request')}"] if now.cost else []
    waits = [_waits(now.waits_until)] if now.waits_until is not None else []
    told = [clean(now.phase), *cost, duration(elapsed), *_left(now, elapsed), *waits]
    head = Text(", ".join(told), style="bold")
    grid = Grid(box=None, show_header=False, padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(no_wrap=True)
    names = [name for name in {**now.expected, **now.tables} if name]
    open_ = [n for n in names if now.expected.get(n, 0) > now.tables.get(n, 0)]
    whole = [n for n in names if n not in open_]
    for name in (whole + open_)[-_SHOWN:]:  # the unfinished ones last, nearest to the eye
        grid.add_row(f"  {clean(name)}", *_share(now.tables.get(name, 0), now.expected.get(name)))
    hidden = len(names) - _SHOWN
    if hidden > 0:
        grid.add_row(f"  and {hidden} more {_tables(hidden)}", "", "", style="dim")
    return Group(head, grid, Text("  " + ", ".join(_requests(now)), style="dim"))


def _waits(until: datetime) -> str:
    return f"waiting for Kustomer's rate limit, until {until:%H:%M:%S} UTC at the latest"


def _share(taken: int, expected: int | None) -> tuple[str, RenderableType]:
    if not expected:
        return counted(taken, "record"), ""
    total = max(expected, taken)  # records may come while it reads
    return f"{taken:,} of {total:,}", ProgressBar(total=total, completed=taken, width=24)


def _records(now: Progress) -> list[str]:
    """How many were taken, if any are: `verify` takes none."""
    taken = sum(now.tables.values())
    expected = sum(max(n, now.tables.get(name, 0)) for name, n in now.expected.items())
    if now.expected and expected >= taken:
        return [f"{taken:,} of {expected:,} records"]
    return [counted(taken, "record")] if taken else []


def _requests(now: Progress) -> list[str]:
    """What was sent, and how much of each budget of the last minute that is."""
    told = [counted(now.requests, "request")]
    if now.request_budget:
        told.append(f"{now.request_used:,} of {now.request_budget:,} requests a minute")
    if now.search_budget:
        told.append(f"{now.search_used:,} of {now.search_budget:,} searches a minute")
    if now.rate_limited:
        told.append(f"{now.rate_limited:,} refused (429)")
    return told


def _left(now: Progress, elapsed: float) -> list[str]:
    seconds = seconds_left(now, elapsed)
    told = [] if seconds is None else [f"about {duration(seconds)} of searches left"]
    if now.request_budget and now.cost > now.request_budget:
        told.append(f"about {duration(60 * now.cost / now.request_budget)} of requests left")
    return told


def seconds_left(now: Progress, elapsed: float) -> float | None:
    """What the records still expected will take; None where that can't be known.

    They can't come faster than the search budget lets them, nor are they likely to come faster
    than those before them.
    """
    rest = {n: more - now.tables.get(n, 0) for n, more in now.expected.items()}
    rest = {name: more for name, more in rest.items() if more > 0}
    taken = sum(now.tables.get(name, 0) for name in now.expected)
    if not rest or not now.page_size or not now.search_budget or not taken:
        return None
    searches = sum(-(-more // now.page_size) for more in rest.values())
    waiting = max(0, searches - max(0, now.search_budget - now.search_used))
    return max(60 * waiting / now.search_budget, elapsed * sum(rest.values()) / taken)


# ---- what landed ----


def summary(report: Report, where: str, *, to_stdout: bool) -> None:
    """What landed, where, how long it took, each warning; an error goes to stderr."""
    console = _console(to_stdout=to_stdout)
    shown = {n: t for n, t in report.tables.items() if t.rows or t.inserted or t.deleted}
    if shown:
        grid = Grid(box=None, padding=(0, 2, 0, 0), header_style="bold")
        grid.add_column("table")
        for title in ("rows", "inserted", "updated", "deleted"):
            grid.add_column(title, justify="right")
        for name, t in shown.items():
            counts = (f"{n:,}" for n in (t.rows, t.inserted, t.updated, t.deleted))
            grid.add_row(clean(name), *counts)
        _print_grid(console, grid)
    console.print(_outcome(report, len(shown)), soft_wrap=True)
    console.print(f"The rows are in {where}.", soft_wrap=True)
    for warning in report.warnings:
        console.print(f"Warning: {clean(warning.message)}", style="yellow", soft_wrap=True)
    if report.error is not None:
        say(f"Error: {clean(report.error)}")


def _outcome(report: Report, filled: int) -> str:
    took = ""
    if report.started_at and report.ended_at:
        took = f" in {duration((report.ended_at - report.started_at).total_seconds())}"
    requests = report.requests
    used = counted(requests.get("total", 0), "request")
    if requests.get("rate_limited"):
        used += f", {requests['rate_limited']:,} of them refused (429)"
    empty = len(report.tables) - filled
    without = f" and {empty} without" if empty else ""
    return f"{report.status}{took} with {used}: {filled} {_tables(filled)} with rows{without}."


def _tables(number: int) -> str:
    return "table" if number == 1 else "tables"


# ---- how source and destination compare ----

_NAMED = 5
"""Ids shown of each kind and table; --json has them all."""


def comparison(found: Verified, *, to_stdout: bool) -> None:
    """Both counts of each table, then each difference with its ids, and what can't be told."""
    console = _console(to_stdout=to_stdout)
    if found.tables:
        grid = Grid(box=None, padding=(0, 2, 0, 0), header_style="bold")
        grid.add_column("table")
        titles = ("source", "destination", "sampled", "missing", "extra", "differing", "repaired")
        for title in titles:
            grid.add_column(title, justify="right")
        for name, t in found.tables.items():
            counts = (t.source, t.destination, t.sampled, len(t.missing), len(t.extra),
                      len({d.id for d in t.differing}), len(t.repaired))  # fmt: skip
            shown = ["" if n is None else f"{n:,}" for n in counts]
            if t.source is None and t.destination is not None:
                shown[0] = "?"  # Kustomer tells no total
            grid.add_row(clean(name), *shown)
        _print_grid(console, grid)
    for name, t in found.tables.items():
        for line in _unlike(name, t, found.repaired):
            console.print(clean(line), style="red", soft_wrap=True)
        for untold in t.untold:
            ids = f": {_some(untold.ids)}" if untold.ids else ""
            console.print(clean(f"{name}: {untold.why}{ids}"), style="yellow", soft_wrap=True)
    for warning in found.warnings:
        console.print(f"Warning: {clean(warning.message)}", style="yellow", soft_wrap=True)
    if found.error is not None:
        say(f"Error: {clean(found.error)}")
    used = counted(found.requests.get("total", 0), "request")
    left_out = [name for name, t in found.tables.items() if not t.compared]
    rest = f", but for {', '.join(left_out)}, which could not be compared" if left_out else ""
    console.print(clean(f"{found.status} with {used}{rest}.{_hint(found)}"), soft_wrap=True)


def _unlike(name: str, table: TableVerified, repaired: bool) -> Iterator[str]:
    """What differs; where that was `repaired`, what still does before what no longer does."""
    for sentence in table.unfit:
        yield f"{name}: {sentence}"
    left, done = {*table.left}, {*table.repaired}
    for ids, so in ((left, "not repaired: " if repaired else ""), (done, "repaired: ")):
        if missing := [one for one in table.missing if one in ids]:
            yield f"{name}: {so}missing in the destination: {_some(missing)}"
        if extra := [one for one in table.extra if one in ids]:
            yield f"{name}: {so}no longer in Kustomer: {_some(extra)}"
        differing = [d for d in table.differing if d.id in ids]
        for d in differing[:_NAMED]:
            yield f"{name} {d.id}: {so}{_said(d)}"
        if len(differing) > _NAMED:
            yield f"{name}: {so}and {len(differing) - _NAMED:,} more"


def _said(d: Differing) -> str:
    if d.columns and d.what == "differs":
        columns = ", ".join(f"{d.table}.{column}" for column in d.columns)
        return f"{columns} {'differs' if len(d.columns) == 1 else 'differ'}"
    return {
        "row missing": f"{d.table} lacks a row",
        "row too many": f"{d.table} has a row too many",
        "is there twice": f"{d.table} has a row twice",
        "history differs": f"{d.table} does not fit its row",
    }.get(d.what, f"{d.table} differs")


def _some(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _NAMED:,} more" if len(ids) > _NAMED else ""
    return f"{', '.join(ids[:_NAMED])}{more}"


def _hint(found: Verified) -> str:
    """What nobody repaired yet; what only a sync sets right says so itself."""
    if found.status != "DIFFERS" or not any(t.ids for t in found.tables.values()):
        return ""
    if found.repaired:
        return " What could not be repaired still differs; --json has every id."
    return " `verify --repair` reads again what differs; --json has every id."


# ---- how far a connection is ----


def standing(found: Status, *, to_stdout: bool, now: datetime | None = None) -> None:
    """How far each table is, the last sync, the budgets."""
    now = now or datetime.now(UTC)
    console = _console(to_stdout=to_stdout)

    def line(text: str) -> None:
        console.print(clean(text), soft_wrap=True)

    line(f"{found.connection}: {found.destination}, schema {found.schema}")
    if not found.tables:
        line("Nothing was synced yet.")
        return
    grid = Grid(box=None, padding=(0, 2, 0, 0), header_style="bold")
    grid.add_column("table")
    grid.add_column("rows", justify="right")
    grid.add_column("how far", no_wrap=True)
    for name, table in found.tables.items():
        grid.add_row(clean(name), f"{table.rows:,}", clean(_how_far(table)))
    _print_grid(console, grid)
    if found.last_sync:
        line(f"Last sync: {_last(found.last_sync, found.quota)}.")
    for lane in ("searches", "requests") if found.quota else ():
        assert found.quota is not None  # noqa: S101 - narrows for the type checker
        line(f"Budget of {lane}: {_budget(found.quota, lane, now)}.")


def _budget(quota: dict[str, Any], lane: str, now: datetime) -> str:
    """Of when it is, too: a sync that waits writes nothing meanwhile."""
    told, at = quota[lane], quota["at"]
    limit = f"{told['limit']:,} a minute"
    if not told.get("told", True):  # a state of before may lack it
        limit = f"not told by Kustomer in the last sync; of {limit}, as documented"
    ago = max(0.0, (now - datetime.fromisoformat(at)).total_seconds())
    used = f"{told['used']:,} used in the minute before {instant(at)} ({duration(ago)} ago)"
    reset = told["resets_at"]
    resets = f", resets {instant(reset)}" if datetime.fromisoformat(reset) > now else ""
    return f"{limit}, {told['permitted']:,} permitted ({quota['share']:g} %), {used}{resets}"


def _last(sync: dict[str, Any], quota: dict[str, Any] | None) -> str:
    """How it ended; one that has not may have been killed, which nothing tells."""
    began = f"started {instant(sync['started_at'])}"
    if sync["ended_at"]:
        return f"{sync['status']}, {began}, ended {instant(sync['ended_at'])}"
    wrote = f", last wrote {instant(quota['at'])}" if quota else ""
    return f"{sync['status']}, or killed, {began}{wrote}"


def instant(iso: str) -> str:
    """A moment as people are told it: `2026-11-25 06:11:11 UTC`."""
    return f"{datetime.fromisoformat(iso).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _how_far(table: TableStatus) -> str:
    if table.reading == "child":
        return "with its record"
    if table.reading in ("listing", "recent"):
        yet = "to be re-imported" if table.rows else "not listed yet"
        return f"re-imported {instant(table.listed_at)}" if table.listed_at else yet
    if table.denied:
        return "could not be read"
    if table.complete is None:
        return f"nothing read to its end yet{_still(table)}"
    told = f"complete from {_since(table.complete)} to {instant(table.complete.until)}"
    if table.open:
        told += f"; open from {_since(table.open[0])}"
    return f"{told}{_still(table)}" if table.open or table.to_come else told


def _still(table: TableStatus) -> str:
    """How much is to come, and when it will be there."""
    if table.to_come is None:
        return "; what is to come is not counted yet"
    what = counted(table.to_come, "request" if table.reading == "each" else "record")
    at = instant(table.complete_at) if table.complete_at else "an unknown time"
    return f"; about {what} to come{f', complete at {at}' if table.to_come else ''}"


def _since(reach: Reach) -> str:
    return instant(reach.since) if reach.since else "the beginning"


# ---- what a key may read ----


def findings(found: Check, connection: str, destination: str, *, to_stdout: bool) -> None:
    """The org, the key, each missing role with the tables that costs, and what reading costs."""
    console = _console(to_stdout=to_stdout)

    def line(text: str, style: str = "") -> None:
        console.print(clean(text), style=style, soft_wrap=True)

    line(f"The key {found.key_name or '(unnamed)'} of org {found.org or '(unknown)'} works.")
    line(f"The destination {destination} opens.")
    if not found.roles_known:
        line("Kustomer did not tell the key's roles, so each path was tried.")
    for missing in found.missing:
        line(f"It lacks {missing.role}, which costs: {', '.join(missing.tables)}.", "yellow")
    if found.missing:
        line("A key's roles can't be changed: make a new key with these roles too, or go without.")
    else:
        line("It may read every table.")
    for text in _price(found, connection):
        line(text)
    for filled in found.back_fills:
        line(f"The next sync fills {filled}")


def _price(found: Check, connection: str) -> list[str]:
    """What a first sync and the later ones cost, as far as Kustomer's counts tell."""
    if not found.costs:
        return []
    shown = ", ".join(
        f"{cost.table} {'at least ' if cost.at_least else ''}{cost.records:,}"
        for cost in found.costs
        if cost.searches
    )
    searches = sum(cost.searches for cost in found.costs)
    requests = searches + sum(cost.others for cost in found.costs)
    more = "at least " if any(cost.at_least for cost in found.costs) else "about "
    seconds = 60 * max(searches / found.search_budget, requests / found.request_budget)
    told = [
        f"Records of the last two years: {shown}.",
        f"Reading them all takes {more}{counted(searches, 'search', 'searches')} "
        f"(of {found.search_budget:,} a minute) and {counted(requests, 'request')} "
        f"(of {found.request_budget:,} a minute): {more}{duration(seconds)}.",
    ]
    told += [
        f"Of these requests {cost.others:,} {'is' if cost.others == 1 else 'are'} for "
        f"{cost.table}, one for each conversation; enabled = false in "
        f"[connections.{connection}.tables.{cost.table}] saves them."
        for cost in found.costs
        if cost.others
    ]
    return [*told, _UNPRICED, "Later syncs read only what changed."]


_UNPRICED = (
    "Not counted there: what is over two years old (from the archive, notes from their list), and "
    "what comes from lists, read whole once a day (tags, users, klasses and the like; companies "
    "and other records too where no search tells how many there are)."
)


# ---- what adopting changes ----


def adoption(told: Adoption, where: str, *, to_stdout: bool) -> None:
    """Where each table goes on, which columns change and why, what is left alone."""
    console = _console(to_stdout=to_stdout)
    grid = Grid(box=None, padding=(0, 2, 0, 0), header_style="bold")
    grid.add_column("table")
    grid.add_column("rows", justify="right")
    grid.add_column("goes on at")
    grid.add_column("new columns", justify="right")
    for table in told.tables:
        at = table.why if table.cursor is None else f"{table.cursor:%Y-%m-%d %H:%M:%S} UTC"
        grid.add_row(clean(table.name), f"{table.rows:,}", clean(at), f"{len(table.added):,}")
    _print_grid(console, grid)
    for line in _adopted(told, where):
        console.print(clean(line), soft_wrap=True)


def _adopted(told: Adoption, where: str) -> Iterator[str]:
    for table in told.tables:
        if table.added:
            yield f"{table.name}: added: {', '.join(table.added)}."
        for (stored, becomes, why), columns in _alike(table.changed).items():
            yield f"{table.name}: {', '.join(columns)}: {stored} becomes {becomes}: {why}."
        for change in table.kept:
            yield (
                f"{table.name}.{change.column} stays {change.stored}; ours would be "
                f"{change.ours}. {change.why[:1].upper()}{change.why[1:]}."
            )
        if table.others:
            yield f"{table.name}: not ours, left as they are: {', '.join(table.others)}."
    if told.new:
        yield f"Tables that the next sync makes: {', '.join(told.new)}."
    if told.alone:
        yield f"Tables that are not ours, left as they are: {', '.join(told.alone)}."
    if told.advice and not told.applied:
        yield told.advice
    if told.requests is None:
        yield f"Kustomer could not be asked how many requests the next sync takes: {told.unasked}"
    else:
        yield (
            f"The next sync takes about {counted(told.requests['search'], 'search', 'searches')} "
            f"and {counted(told.requests['total'], 'request')} in all."
        )
    if told.applied:
        yield f"Adopted: {where}. The next `kustomer-sync sync` goes on there."
    else:
        yield f"Nothing was written to {where}. Add --apply to adopt it."


def _alike(changes: Iterable[Change]) -> dict[tuple[str | None, str | None, str], list[str]]:
    """The columns of which the same is told."""
    found: dict[tuple[str | None, str | None, str], list[str]] = {}
    for change in changes:
        found.setdefault((change.stored, change.becomes, change.why), []).append(change.column)
    return found


# ---- the tables ----


def table_entries(tables: Iterable[Table]) -> list[dict[str, Any]]:
    """Each table with what it is, how it is read and its key; children after their parent."""
    entries = []
    for root in tables:
        for table in root.walk():
            if not table.hidden:
                entries.append(_entry(table, root))
            if table.history:
                entries.append(_history_entry(table, root))
    return entries


def _entry(table: Table, root: Table) -> dict[str, Any]:
    top = table is root or root.hidden
    path = table.elements if isinstance(table.elements, tuple) else ()
    return {
        "table": table.name,
        "parent": None if top else root.name,
        "reading": _reading(root) if top else "child",
        "key": list(table.key),
        "about": _about(table, root),
        "source": _source(root) + (_ATTACHED if "attachments" in path else ""),
        "role": root.role,
        "history": table.history,
        "columns": _columns(table.columns, table, root),
    }


_ATTACHED = ", then GET /v1/conversations/{id}/messages?include=attachments"


def _columns(columns: Iterable[Column], table: Table, root: Table) -> list[dict[str, Any]]:
    return [
        {"name": c.name, "type": str(c.landed), "extra": c.extra, "source": _field(c, table, root)}
        for c in columns
        if not c.legacy
    ]


def _reading(root: Table) -> str:
    return (
        "recent"
        if isinstance(root.reading, Recent)
        else (
            "listing" if isinstance(root.reading, Listing) else type(root.reading).__name__.lower()
        )
    )


def _field(column: Column, table: Table, root: Table) -> str:
    """Where its value is in the API's record, or in the element the row is made from."""
    match column.origin:
        case Origin.PARENT:
            return f"id of the {root.object.replace('_', ' ')}"
        case Origin.INDEX:
            return "place in the array, from 1"
        case Origin.SURROGATE:
            return "made of the record's id and the element"
    path = ".".join(column.source)
    path = getattr(table.elements, "places", {}).get(path, path) or "the element"
    return f"{path}, the first" if column.first else path


def _history_entry(table: Table, root: Table) -> dict[str, Any]:
    return {
        **_entry(table, root),
        "table": table.history,
        "parent": table.name,
        "reading": "history",
        "key": list(table.history_key),
        "about": f"every version of the rows of {table.name}",
        "history": None,
        "columns": _columns(table.history_columns(), table, root),
    }


def _about(table: Table, root: Table) -> str:
    if table is not root:
        wrapping = ("attributes", "relationships", "data")
        path = table.elements if isinstance(table.elements, tuple) else ()
        array = ".".join(key for key in path if key not in wrapping)
        article = "an" if root.name[0] in "aeio" else "a"
        element = f"one row for each element of {article} {root.name.replace('_', ' ')}'s {array}"
        if array:
            return element
        said = (table.elements.__doc__ or "") if callable(table.elements) else ""
        of = root.object.replace("_", " ")
        return f"for each {of}, one row for {said[:1].lower()}{said[1:].rstrip('.')}"
    klasses = f", and one table {root.name}_KLASS for each klass" if root.per_klass else ""
    custom = ", with custom attributes" if root.custom else ""
    off = "; off unless the config names it" if root.off else ""
    return f"one row for each {root.name.replace('_', ' ')}{custom}{klasses}{off}"


def _source(table: Table) -> str:
    match table.reading:
        case Search(context):
            return f"POST /v1/customers/search ({context})"
        case Listing(path=path, singly=singly, instead=instead):
            ways = [path, *instead]
            told = " or ".join(f"GET {way}" for way in ways)
            asked = "&".join(f"{key}={value}" for key, value in singly)
            return f"{told}, then GET {path}/{{id}}?{asked}" if singly else told
        case Each(path=path) | Log(path=path):
            return f"GET {path}"
    return ""


def table_list(entries: list[dict[str, Any]]) -> None:
    grid = Grid(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("table", "read by", "key", "what it is, and from where"):
        grid.add_column(title, no_wrap=not title.startswith("what"))
    for entry in entries:
        indent = "  " if entry["parent"] else ""
        key = ", ".join(entry["key"])
        about = entry["about"] if entry["parent"] else f"{entry['about']}: {entry['source']}"
        grid.add_row(f"{indent}{entry['table']}", entry["reading"], key, about)
    console = _console(to_stdout=True)
    _print_grid(console, grid)
    console.print(
        "\nsearch: what changed since the last sync. listing: all of it, once a day. recent: the\n"
        "newest pages. each: one call per changed parent. log: its newest pages. child, history:\n"
        "with their parent."
    )


# ---- the demo's queries ----

_QUERIES = (
    "SELECT status, count(*) AS conversations, round(avg(message_count), 1) AS messages\n"
    "FROM {schema}.conversation GROUP BY status ORDER BY conversations DESC, status",
    "SELECT t.name AS tag, count(*) AS conversations\n"
    "FROM {schema}.conversation_tag AS ct JOIN {schema}.tag AS t ON t.id = ct.tag_id\n"
    "GROUP BY tag ORDER BY conversations DESC, tag LIMIT 5",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A query and what it gave."""

    sql: str
    columns: list[str]
    rows: list[list[Any]]

    def show(self, *, to_stdout: bool) -> None:
        console = _console(to_stdout=to_stdout)
        console.print(f"\n{self.sql};\n", style="bold")
        grid = Grid(box=None, padding=(0, 2, 0, 2), header_style="dim")
        for column in self.columns:
            grid.add_column(column)
        for row in self.rows:
            grid.add_row(*(clean(value) for value in row))
        _print_grid(console, grid)


def query_results(path: Path, schema: str) -> list[Asked]:
    """The queries, asked of the rows that just landed."""
    import duckdb

    found = []
    with duckdb.connect(str(path), read_only=True) as database:
        for query in _QUERIES:
            sql = query.format(schema=schema)
            answer = database.execute(sql)
            columns = [column[0] for column in answer.description or ()]
            found.append(Asked(sql, columns, [list(row) for row in answer.fetchall()]))
    return found
