"""What a connection's state says: how far each table is read, the last sync, the budgets.

Only the destination is asked, and only read; the source gets no request.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from kustomer_sync.destinations import Destination, destination
from kustomer_sync.kustomer import windows
from kustomer_sync.kustomer.quota import share_of
from kustomer_sync.model import Each, Listing, Recent, Search, Table
from kustomer_sync.protect import Protection
from kustomer_sync.report import Reach, Status, TableStatus, iso_of
from kustomer_sync.settings import Connection
from kustomer_sync.shred import Names
from kustomer_sync.sync.choice import choose
from kustomer_sync.sync.landing import ATTACHMENTS, LONG_AGO, UNATTACHED, TableState, family

_ALL = 1 << 40


def status(
    connection: Connection, now: datetime | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
) -> Status:  # fmt: skip
    """How far the destination of a connection is; no tables where nothing was ever synced.

    `tell` hears, in a sentence, of what makes it wait.
    """
    now = now or datetime.now(UTC)
    there = destination(
        connection.destination_url, schema=connection.schema_name,
        system_prefix=connection.system_prefix, memory_limit=connection.memory_limit,
        tell=tell,
    )  # fmt: skip
    try:
        return _status(connection, there, now)
    finally:
        there.close()


def _status(connection: Connection, there: Destination, now: datetime) -> Status:
    state = there.state()
    found = Status(
        connection.name, connection.shown_destination, connection.schema_name,
        state.get("last_sync"), _budgets(state, now, connection),
    )  # fmt: skip
    if not state:
        return found
    names, protection = Names.from_state(state.get("names") or {}), Protection(connection)
    roots = {name: table for table in choose(connection) for name in _all(table, names, protection)}
    kept = {
        name: TableState.from_state(state.get(f"table:{name}") or {})
        for name in {*roots, *(root.name for root in roots.values())}
    }
    asked = kept.get(ATTACHMENTS)
    alone = {ATTACHMENTS} if asked and (asked.done or state.get(UNATTACHED)) else set()
    rows = there.rows({*roots, *(root.place for root in roots.values())})
    for name, table in roots.items():
        found.tables[name] = _table(name, table, kept, rows[name], alone)
    left = _Left(
        there, {root.name: root for root in roots.values()}, kept, rows,
        unattached=bool(state.get(UNATTACHED)),
    )  # fmt: skip
    for name, told in found.tables.items():
        told.to_come = None if told.denied else _to_come(roots[name], told, left)
    _estimate(found, now)
    return found


def _budgets(
    state: Mapping[str, Any], now: datetime, connection: Connection
) -> dict[str, Any] | None:  # fmt: skip
    """The budgets as they are by now: what was used over a minute ago no longer counts.

    Of a sync that runs nobody knows what it used since it last wrote, so that stays as it was. The
    share is the config's, which such a sync keeps to as well.
    """
    quota: dict[str, Any] | None = state.get("quota")
    if quota is None:
        return None
    runs = (state.get("last_sync") or {}).get("status") == "RUNNING"
    past = not runs and now - datetime.fromisoformat(quota["at"]) >= timedelta(minutes=1)
    share = connection.api_utilization_percentage
    lanes = {
        lane: quota[lane]
        | {"permitted": share_of(quota[lane]["limit"], share)}
        | ({"used": 0} if past else {})
        for lane in ("requests", "searches")
    }
    at = iso_of(now) if past else quota["at"]
    return quota | {"at": at, "share": share} | lanes


def _all(table: Table, names: Names, protection: Protection) -> Iterator[str]:
    """The table, its children and histories, and a table for each klass met."""
    yield from (t.name for t in table.shown())
    yield from sorted(family(table) - {t.name for t in table.shown()})
    if table.per_klass:
        klasses = sorted(names.klasses(table.name).values())
        yield from (name for name in klasses if protection.klass_lands(name, table.name))


def _table(
    name: str, root: Table, kept: dict[str, TableState], rows: int, alone: Collection[str]
) -> TableStatus:  # fmt: skip
    """`alone`: the children that are asked for on their own."""
    own = kept[name if name in alone else root.name]
    if name in alone:
        reach = _reach(own.done, kept[root.name].done)
        return TableStatus("each", rows, *reach, denied=own.denied)
    if name != root.known_as:
        return TableStatus("child", rows)
    listed_at = None if own.listed_at == LONG_AGO else own.listed_at
    match root.reading:
        case Search(listed=Listing()) if own.listed_at and not own.done:
            return TableStatus("listing", rows, listed_at=listed_at)
        case Search():
            top = max((hi for _, hi in (*own.done, *own.counted)), default=0)
            return TableStatus("search", rows, *_reach(own.done, [(0, top)]), denied=own.denied)
        case Each(of=of):
            parents = kept[of].done if of in kept else []
            return TableStatus("each", rows, *_reach(own.done, parents), denied=own.denied)
        case Recent():
            return TableStatus("recent", rows, listed_at=listed_at)
    return TableStatus("listing", rows, listed_at=listed_at)


def _reach(
    done: list[windows.Span], wanted: list[windows.Span]
) -> tuple[Reach | None, tuple[Reach, ...]]:
    """What is read without a gap from the newest on, and what is open."""
    left = [gap for span in wanted for gap in windows.gaps(span, done)]
    return Reach(*done[-1]) if done else None, tuple(Reach(*gap) for gap in left)


class _Left:
    """How much of each table is still to come: records, or requests for what is asked for."""

    def __init__(
        self, there: Destination, roots: dict[str, Table], kept: dict[str, TableState],
        rows: Mapping[str, int], *, unattached: bool,
    ) -> None:  # fmt: skip
        self._there, self._roots, self._kept = there, roots, kept
        self._rows = {name: rows[root.place] for name, root in roots.items()}
        self._unattached = unattached

    def records(self, name: str) -> int | None:
        """Those that searches counted and that are not there; None until all are counted."""
        own = self._kept[name]
        known = windows.merged([*own.done, *own.counted])
        if not known:
            return None
        wanted = (known[0][0] if own.archive_denied else 0, known[-1][1])
        if not windows.gaps(wanted, own.done):
            return 0
        if windows.gaps(wanted, known):
            return None
        return max(0, own.records - self._there_are(name, own.counted))

    def requests(self, name: str, of: str) -> int | None:
        """One for each record of table `of`, there or to come, that was not asked by yet."""
        to_come = self.records(of) if of in self._roots else 0
        if to_come is None or of not in self._roots:
            return to_come
        done = [(0, hi) for _, hi in (*self._kept[of].done, *self._kept[of].counted)]
        return to_come + self._unasked(name, of, windows.merged(done))

    def attachments(self) -> int | None:
        """Messages are asked for by conversation: as large a part of these is left as of them."""
        done, to_come = self._kept["message"].done, self.records("message")
        if not self._unattached:  # those to come bring theirs along
            unasked = self._unasked(ATTACHMENTS, "message", done)
        elif to_come is None:
            return None
        else:
            unasked = self.requests(ATTACHMENTS, "message") or 0
        every = self._rows["message"] + (to_come or 0)
        talks = self.requests("", "conversation") if "conversation" in self._roots else every
        return None if talks is None else math.ceil(talks * unasked / every) if every else 0

    def _unasked(self, name: str, of: str, spans: list[windows.Span]) -> int:
        """Records there, of these spans, that what is asked for by them has not followed."""
        done = self._kept[name].done if name else []
        return self._there_are(of, [gap for span in spans for gap in windows.gaps(span, done)])

    def _there_are(self, name: str, spans: list[windows.Span]) -> int:
        held = (h for span in spans for h in self._there.spread(self._roots[name], *span, _ALL))
        return sum(one.kept for one in held)


def _to_come(root: Table, table: TableStatus, left: _Left) -> int | None:
    if table.reading == "search":
        return left.records(root.name)
    if isinstance(root.reading, Each):
        return left.requests(root.name, root.reading.of)
    return left.attachments() if table.reading == "each" else None


def _estimate(found: Status, now: datetime) -> None:
    """When nothing will be left, at these budgets.

    The tables of a lane share its budget and are read side by side, so they are ready together;
    requests are sent by what the searches brought. Not known of one, it is known of none.
    """
    if found.quota is None:
        return
    page_size = (found.last_sync or {}).get("page_size") or windows.PAGE_SIZE
    minutes = 0.0
    for reading, lane, many in (("search", "searches", page_size), ("each", "requests", 1)):
        tables = [t for t in found.tables.values() if t.reading == reading and not t.denied]
        if any(table.to_come is None for table in tables):
            return
        pages = sum(math.ceil((table.to_come or 0) / many) for table in tables)
        minutes += pages / found.quota[lane]["permitted"]
        for table in tables:
            if table.to_come:
                table.complete_at = iso_of(now + timedelta(minutes=minutes))
