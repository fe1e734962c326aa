"""Going on where the reference connector stopped, in the schema that it filled.

Nothing is copied or moved: the state is written as if what is there had been read by us up to a
day before the oldest of the searched tables was last synced. What can't be trusted to be whole is
read from the beginning: a table that is missing or empty, and one of which a child or history
table is missing. Columns get their types when a sync makes the tables ready, and are widened only
when a value comes that does not fit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from kustomer_sync.destinations import Destination, destination
from kustomer_sync.errors import SyncError, UsageError
from kustomer_sync.kustomer import windows
from kustomer_sync.kustomer.catalog import CONVERSATION, CONVERSATION_TIME, KOBJECT, TABLES
from kustomer_sync.kustomer.client import Client, Forbidden, NotFound, Refused
from kustomer_sync.model import (
    SYSTEM,
    Change,
    Column,
    Each,
    Found,
    Listing,
    Search,
    Table,
    Type,
    Write,
)
from kustomer_sync.protect import Protection
from kustomer_sync.report import AdoptedTable, Adoption
from kustomer_sync.settings import Connection
from kustomer_sync.shred import CustomTypes, Names, klass_table
from kustomer_sync.sync.choice import Limits, choose, client_for
from kustomer_sync.sync.histories import KEY as HISTORIES
from kustomer_sync.sync.landing import (
    ADOPTED,
    ATTACHMENTS,
    PREFIX,
    TableState,
    family,
    of_long_ago,
)

_DAY = timedelta(days=1)
_COUNTED = 8_500  # rows that the daily comparison counts at once
_NAMED = 2  # tables that a reason names
_LISTED = 100  # records of a page of a list
_KLASS_LISTS = 3  # a klass is enabled, disabled, or between


def adopt(
    connection: Connection, *, apply: bool = False, limits: Limits | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
) -> Adoption:  # fmt: skip
    """What adopting the connection's schema changes; done if `apply`, else nothing is written.

    `tell` hears, in a sentence, of what makes it wait.
    Raises `UsageError` where there is nothing to adopt.
    """
    there = destination(
        connection.destination_url, schema=connection.schema_name,
        system_prefix=connection.system_prefix, memory_limit=connection.memory_limit,
        tell=tell,
    )  # fmt: skip
    try:
        tables, found = choose(connection), there.found()
        if there.state():
            raise UsageError(
                f"The schema {connection.schema_name!r} is ours already: there is nothing to "
                "adopt.", "Run `kustomer-sync sync`.",
            )  # fmt: skip
        _check(connection, tables, found)
        plan = _Plan(connection, tables, there, found)
        there.refuse(plan.as_stored())
        told = plan.told(there)
        try:
            told = replace(told, requests=_requests(connection, plan, limits or Limits()))
        except SyncError as error:
            told = replace(told, unasked=str(error))
        if apply:
            there.begin(datetime.now(UTC))
            there.write(Write((), {}, plan.state()))
        return replace(told, applied=apply)
    finally:
        there.close()


def not_adopted(connection: Connection, found: Mapping[str, Found]) -> str:
    """What a first sync says of rows that are not ours; "" where there are none."""
    synced = f"{connection.system_prefix}synced"
    filled = [
        part.name
        for table in choose(connection)
        for part in table.walk()
        if part.name in found and found[part.name].rows and synced in found[part.name].columns
    ]
    if not filled:
        return ""
    more = f" and {len(filled) - 1} more" if len(filled) > 1 else ""
    return (
        f"The schema {connection.schema_name!r} has rows that another connector wrote, in "
        f"{filled[0]}{more}, and was not adopted: everything is read from the beginning, and no "
        "row is doubled. `kustomer-sync adopt`, before the first sync, is what goes on where that "
        "one stopped."
    )


def _check(connection: Connection, tables: Iterable[Table], found: Mapping[str, Found]) -> None:
    """The schema is one that the reference connector may have filled."""
    where = f"The schema {connection.schema_name!r} of {connection.shown_destination}"
    if not found:
        raise UsageError(
            f"{where} is not there or has no tables.",
            "Check `destination` and `schema`; a new schema needs no adopting, only a sync.",
        )
    parts = [part for table in tables for part in table.walk() if part.name in found]
    if not any(found[part.name].rows for part in parts):
        raise UsageError(
            f"{where} has no rows in any table of the reference connector's.",
            "Check `schema`; a new schema needs no adopting, only a sync.",
        )
    synced = f"{connection.system_prefix}synced"
    for part in parts:
        columns = found[part.name].columns
        needed = [part.parent_column or "id", synced]
        if isinstance(part.reading, Search):
            needed.append("updated_at")
        for column in needed:
            if column not in columns:
                raise UsageError(
                    f"Table {part.name!r} has no column {column!r}: the reference connector did "
                    "not fill it.",
                    f"Rename it, or leave it out with enabled = false in "
                    f"[connections.{connection.name}.tables.{part.name}].",
                )
            if column in (synced, "updated_at") and columns[column] is not Type.INSTANT:
                raise UsageError(
                    f"Column {column!r} of table {part.name!r} holds no times.",
                    "Change its type to TIMESTAMP WITH TIME ZONE first.",
                )


class _Plan:
    """What is there, and what the state will say of it."""

    def __init__(
        self, connection: Connection, tables: tuple[Table, ...], there: Destination,
        found: Mapping[str, Found],
    ) -> None:  # fmt: skip
        self.connection, self.tables, self.there, self.found = connection, tables, there, found
        self.klass_tables = _klass_tables(connection, found)
        self.cursor = self._cursor()
        self.since = {t.name: self._since(t) for t in tables if isinstance(t.reading, Search)}
        """Searched table -> why it is read from the beginning; "" where it goes on."""

    def _cursor(self) -> datetime | None:
        """A day before the oldest of the searched tables was last synced."""
        times = [
            self.found[table.name].synced
            for table in self.tables
            if isinstance(table.reading, Search) and self._filled(table.name)
        ]
        known = [at for at in times if at is not None]
        return min(known) - _DAY if known else None

    def _filled(self, name: str) -> bool:
        return name in self.found and self.found[name].rows > 0

    def _since(self, table: Table) -> str:
        if not self._filled(table.name):
            return "it is empty" if table.name in self.found else "it is not there"
        missing = sorted(family(table) - self.found.keys())
        if missing:
            return f"{_few(missing)} not there"
        told = (child.name for child in table.children if child.name != ATTACHMENTS)
        empty = sorted(name for name in told if not self._filled(name))
        if empty:
            return f"{_few(empty)} empty"
        if self.cursor is None:
            return f"none of the searched tables has a {self.connection.system_prefix}synced"
        if table.per_klass and self._klassless(table):
            return "some of its records are in no klass's table"
        return ""

    def advice(self) -> str:
        """What in the config would let it go on with more; "" where nothing would.

        Nothing but its histories tells when a connection was made.
        """
        histories = {part.history for part in _of(CONVERSATION, TABLES).walk() if part.history}
        old = not histories & self.found.keys() and self._filled(CONVERSATION.name)
        if not old or self.connection.service_version == 1:
            return ""
        return (
            f"None of the {len(histories)} history tables is there: if the schema was made before "
            f"August 2022, set service_version = 1 in [connections.{self.connection.name}]; then "
            f"{CONVERSATION.name} goes on too."
        )

    def _klassless(self, table: Table) -> bool:
        """Whether any of its living records is in none of the klasses' tables."""
        there = set(self.there.missing(table, []))
        for name in self.klass_tables:
            there -= set(self.there.holding(table.of_klass(name), "id", there))
        return bool(there)

    @property
    def millis(self) -> int:
        assert self.cursor is not None  # noqa: S101 - narrows for the type checker
        return windows.millis(self.cursor)

    def goes_on(self, table: Table) -> bool:
        return self.since.get(table.name) == ""

    # ---- what is written ----

    def state(self) -> dict[str, Any]:
        """What is there was read up to the cursor, and asked for by its parents up to there."""
        done = {"done": [[0, self.millis]]} if self.cursor else {}
        adopted = {"klass_tables": self.klass_tables, "columns": self._custom_columns()}
        parts = [part for table in self.tables for part in table.walk() if part.history]
        going_on = {part.name: None for part in parts if self._filled(str(part.history))}
        kept: dict[str, Any] = {
            ADOPTED: adopted, HISTORIES: going_on, PREFIX: self.connection.system_prefix,
        }  # fmt: skip
        for table in self.tables:
            if self.goes_on(table):
                kept[f"table:{table.name}"] = {**TableState().state(), **done}
                if isinstance(table.reading, Search) and table.reading.older_each:
                    kept[f"table:{of_long_ago(table.name)}"] = done
        for name, parent in ((ATTACHMENTS, "message"), (CONVERSATION_TIME.name, "conversation")):
            if self._filled(name) and self.since.get(parent) == "":
                kept[f"table:{name}"] = {**TableState().state(), **done}
        return kept

    def _custom_columns(self) -> dict[str, list[str]]:
        """By table, the columns of custom attributes that it has."""
        names = [*(table.name for table in self.tables if table.custom), *self.klass_tables]
        return {
            name: sorted(c for c in self.found[name].columns if c.startswith("custom_"))
            for name in names
            if name in self.found
        }

    # ---- what is told ----

    def told(self, there: Destination) -> Adoption:
        stored = self.as_stored()
        hashed = {(n, c.name) for t in stored for n in _names(t) for c in t.columns if c.hashed}
        changes = [_later(c, hashed) for c in there.changes(stored)]
        ours = {name for table in self.tables for name in family(table)} | {*self.klass_tables}
        shown = [name for name in sorted(ours) if name in self.found]
        shown = [name for name in shown if not name.startswith(SYSTEM)]
        return Adoption(
            connection=self.connection.name,
            cursor=self.cursor,
            tables=tuple(self._table(name, changes) for name in shown),
            new=tuple(sorted(n for n in ours - self.found.keys() if not n.startswith(SYSTEM))),
            alone=tuple(sorted(self.found.keys() - ours)),
            requests=None,
            advice=self.advice(),
        )

    def as_stored(self) -> list[Table]:
        """The tables that are there, each with the custom columns that it has."""
        klasses = [
            klass_table(_of(KOBJECT, self.tables), name, Names()) for name in self.klass_tables
        ]
        return [self._with_customs(table) for table in (*self.tables, *klasses)]

    def _with_customs(self, table: Table) -> Table:
        if not table.custom or table.per_klass or table.name not in self.found:
            return table
        stored = self.found[table.name].columns
        named = [column for column in stored if column.startswith("custom_")]
        customs = tuple(
            Column(name, Type.JSON if stored[name] is Type.JSON else _type_of(name), custom=name)
            for name in named
        )
        return Protection(self.connection).dressed(
            replace(table, columns=(*table.columns, *customs))
        )

    def _table(self, name: str, changes: Iterable[Change]) -> AdoptedTable:
        own = [change for change in changes if change.table == name]
        root = next((t for t in self.tables if name in _names(t)), KOBJECT)
        mine = _own_columns(root, name, self.connection.system_prefix)
        columns = self.found[name].columns
        why = self.since.get(root.name)
        return AdoptedTable(
            name=name, rows=self.found[name].rows,
            cursor=self.cursor if why == "" else None,
            why=_why(root, why),
            added=tuple(c.column for c in own if c.stored is None),
            changed=tuple(c for c in own if c.stored is not None and c.becomes is not None),
            kept=tuple(c for c in own if c.stored is not None and c.becomes is None),
            others=tuple(c for c in columns if c not in mine and not c.startswith("custom_")),
        )  # fmt: skip


def _later(change: Change, hashed: set[tuple[str, str]]) -> Change:
    """A custom column becomes what it must be with its first value, or when it is hashed."""
    at_once = not change.column.startswith("custom_") or (change.table, change.column) in hashed
    if at_once or change.becomes is None:
        return change
    return replace(change, why=f"{change.why}, and stays until a value comes")


def _few(names: list[str]) -> str:
    """Names as far as a column of a grid has room for them; the list of new tables has all."""
    if len(names) <= _NAMED:
        return ", ".join(names)
    kind = "history tables" if all(name.endswith("_history") for name in names) else "tables"
    return f"{len(names)} {kind}"


def _why(root: Table, why: str | None) -> str:
    if why is None:
        return "read whole" if isinstance(root.reading, Listing) else "read by conversation"
    return f"read from the beginning: {why}" if why else ""


def _type_of(name: str) -> Type:
    """The type of a custom attribute, as the name of its column tells."""
    suffix = name.rpartition("_")[2].capitalize()
    return CustomTypes().type_of("", suffix)


# ---- which tables and columns are ours ----


def _of(table: Table, chosen: Iterable[Table]) -> Table:
    return next((t for t in chosen if t.name == table.name), table)


def _names(table: Table) -> set[str]:
    return {part.name for part in table.walk()} | {p.history for p in table.walk() if p.history}


def _klass_tables(connection: Connection, found: Mapping[str, Found]) -> list[str]:
    """Tables of klasses, as far as KObjects are wanted; by what columns they have."""
    if not any(table.per_klass for table in choose(connection)):
        return []
    catalog = {name for table in TABLES for name in _names(table)}
    needed = {"id", "updated_at", f"{connection.system_prefix}synced"}
    version = f"{connection.system_prefix}start"
    return sorted(
        name for name, table in found.items()
        if name.startswith(f"{KOBJECT.name}_") and name not in catalog
        and Protection(connection).klass_lands(name, KOBJECT.name)
        and needed <= table.columns.keys() and version not in table.columns
    )  # fmt: skip


def _own_columns(root: Table, name: str, prefix: str) -> set[str]:
    """The columns that the catalog or the choice gives a table, wanted or not, and the system's."""
    own = {f"{prefix}{mark}" for mark in ("id", "synced", "deleted", "start", "end", "active")}
    for table in (root, _of(root, TABLES)):
        for part in table.walk():
            if name in (part.name, part.history) or (name not in _names(root) and part is table):
                legacy = table is not root
                own |= {c.name for c in part.columns if not (legacy and c.legacy)}
    return own


# ---- what the first sync takes ----


def _requests(connection: Connection, plan: _Plan, limits: Limits) -> dict[str, int]:
    """About how many searches and requests the first sync takes.

    The changes since the cursor, what is asked for by them, the lists, and the daily comparison.
    """
    client = client_for(connection, threading.Event(), replace(limits, retry_seconds=5.0))
    try:
        counts = {t.name: _changed(client, plan, t) for t in plan.tables if t.name in plan.since}
    finally:
        client.close()
    searches = sum(max(1, -(-count // windows.PAGE_SIZE)) for count in counts.values())
    searches += sum(_compared(_rows(plan, name)) for name in counts if name in plan.found)
    others = sum(_others(plan, table, counts.get("conversation", 0)) for table in plan.tables)
    others += 1 + _KLASS_LISTS + len(plan.klass_tables)  # the key, and klasses with what they have
    return {"search": searches, "total": searches + others}


def _changed(client: Client, plan: _Plan, table: Table) -> int:
    """How many of a searched table's records the next sync reads; none where it may not."""
    lo = plan.millis if plan.goes_on(table) else 0
    window = windows.Window(table, (lo, windows.millis(datetime.now(UTC)) + windows.DAY_MS))
    try:
        return client.search(windows.body(window), page=1, page_size=1).total or 0
    except (Forbidden, NotFound, Refused):
        return 0


def _compared(rows: int) -> int:
    """Counts with and without soft-deleted records; what is older is counted in two places."""
    return 2 * (rows // _COUNTED + 1) + 4


def _rows(plan: _Plan, name: str) -> int:
    return plan.found[name].rows if name in plan.found else 0


def _others(plan: _Plan, table: Table, conversations: int) -> int:
    """Pages of its list, or a call for each conversation: those that changed, if it is adopted."""
    if isinstance(table.reading, Listing):
        rows = max(_rows(plan, part.name) for part in table.walk())
        pages = (1 + rows // _LISTED) * (1 + len(table.reading.also))
        return pages + (_rows(plan, table.name) if table.reading.singly else 0)
    name = ATTACHMENTS if any(c.name == ATTACHMENTS for c in table.children) else table.name
    if isinstance(table.reading, Each) or name == ATTACHMENTS:
        adopted = f"table:{name}" in plan.state()
        return conversations if adopted else max(conversations, _rows(plan, "conversation"))
    return 1 if table.custom else 0  # its custom attributes
