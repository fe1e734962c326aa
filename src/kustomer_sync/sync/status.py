"""What a connection's state says: how far each table is read, the last sync, the budgets.

Only the destination is asked, and only read; the source gets no request.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from kustomer_sync.destinations import destination
from kustomer_sync.kustomer import windows
from kustomer_sync.model import Each, Recent, Search, Table
from kustomer_sync.protect import Protection
from kustomer_sync.report import Reach, Status, TableStatus, iso_of
from kustomer_sync.settings import Connection
from kustomer_sync.shred import Names
from kustomer_sync.sync.choice import choose
from kustomer_sync.sync.landing import ATTACHMENTS, TableState, family

_FIRST = ("user", "team", "tag")
"""An org has these before it has records to search for, and they are read first."""


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
    state = there.state()
    found = Status(
        connection.name, connection.shown_destination, connection.schema_name,
        state.get("last_sync"), _as_of(state.get("quota"), now),
    )  # fmt: skip
    if not state:
        return found
    names, protection = Names.from_state(state.get("names") or {}), Protection(connection)
    roots = {name: table for table in choose(connection) for name in _all(table, names, protection)}
    kept = {
        name: TableState.from_state(state.get(f"table:{name}") or {})
        for name in {*roots, *(root.name for root in roots.values())}
    }
    rows = there.rows({*roots, *(root.place for root in roots.values())})
    for name, table in roots.items():
        found.tables[name] = _table(name, table, kept, rows[name])
    sizes = {root.name: rows[root.place] for root in roots.values()}
    _estimate(found, roots, sizes, there.oldest(_FIRST), now)
    return found


def _as_of(quota: dict[str, Any] | None, now: datetime) -> dict[str, Any] | None:
    """The budgets as they are by now: what was used over a minute ago no longer counts."""
    if quota is None or now - datetime.fromisoformat(quota["at"]) < timedelta(minutes=1):
        return quota
    return quota | {lane: quota[lane] | {"used": 0} for lane in ("requests", "searches")}


def _all(table: Table, names: Names, protection: Protection) -> Iterator[str]:
    """The table, its children and histories, and a table for each klass met."""
    yield from (t.name for t in table.shown())
    yield from sorted(family(table) - {t.name for t in table.shown()})
    if table.per_klass:
        klasses = sorted(names.klasses(table.name).values())
        yield from (name for name in klasses if protection.klass_lands(name, table.name))


def _table(name: str, root: Table, kept: dict[str, TableState], rows: int) -> TableStatus:
    own = kept[name if name == ATTACHMENTS else root.name]
    first = root.known_as
    if name == ATTACHMENTS and own.done:
        return TableStatus("each", rows, *_reach(own.done, kept[root.name].done))
    if name != first:
        return TableStatus("child", rows)
    match root.reading:
        case Search():
            top = own.done[-1][1] if own.done else None
            return TableStatus("search", rows, *_reach(own.done, [(0, top)] if top else []))
        case Each(of=of):
            parents = kept[of].done if of in kept else []
            return TableStatus("each", rows, *_reach(own.done, parents))
        case Recent():
            return TableStatus("recent", rows, listed_at=own.listed_at)
    return TableStatus("listing", rows, listed_at=own.listed_at)


def _reach(
    done: list[windows.Span], wanted: list[windows.Span]
) -> tuple[Reach | None, tuple[Reach, ...]]:
    """What is read without a gap from the newest on, and what is open."""
    left = [gap for span in wanted for gap in windows.gaps(span, done)]
    return Reach(*done[-1]) if done else None, tuple(Reach(*gap) for gap in left)


def _estimate(
    found: Status, roots: dict[str, Table], sizes: dict[str, int], began: int | None, now: datetime
) -> None:
    """When what is open will be read, at the density of records seen so far and these budgets.

    An org is as old as its first user, team or tag. The tables share a budget and are read side by
    side, so that they are ready together.
    """
    if began is None or found.quota is None:
        return
    page_size = (found.last_sync or {}).get("page_size") or windows.PAGE_SIZE
    for reading, lane, many in (("search", "searches", page_size), ("each", "requests", 1)):
        open_ = {
            name: share for name, table in found.tables.items()
            if table.reading == reading and (share := _open_share(table, began)) is not None
        }  # fmt: skip
        asked = {name: sizes[_asked_by(roots[name], name)] for name in open_}
        requests = sum(math.ceil(share * asked[name] / many) for name, share in open_.items())
        ready = now + timedelta(minutes=requests / found.quota[lane]["permitted"])
        for name in open_:
            found.tables[name].complete_at = iso_of(ready)


def _asked_by(root: Table, name: str) -> str:
    """The table whose rows say how many requests are to come."""
    if isinstance(root.reading, Each) and name != ATTACHMENTS:
        return root.reading.of
    return root.name


def _open_share(table: TableStatus, began: int) -> float | None:
    """How many times what is read is open, by time; None where nothing is, or that is not told."""
    if not table.open or table.complete is None:
        return None
    read = table.complete.hi - max(table.complete.lo, began)
    left = sum(max(0, r.hi - max(r.lo, began)) for r in table.open)
    return left / read if read > 0 else None
