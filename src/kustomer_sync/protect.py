"""What a connection does not want to land as it is: blocked and hashed columns, blocked tables.

A blocked value is dropped, a hashed one becomes the hexadecimal HMAC-SHA-256, keyed with
`hash_salt`, of the text a text column would show it as:

    text            itself, in UTF-8
    whole numbers   their digits: `-5`
    other numbers   the shortest digits that give the same double: `5` for 5.0, `0.1`, `1e-07`
    times           `2026-11-25T08:00:00.000Z`, in UTC, to the millisecond
    true, false     `true`, `false`
    JSON            its text, compact, keys in their order

NULL stays NULL. A key that the program makes from an element's content is made with the salt too
where a column of its table is blocked or hashed: else the content could be guessed from it.

Done page by page, before anything is gathered; the raw value reaches no disk and no message.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from kustomer_sync.kustomer.catalog import TABLES
from kustomer_sync.model import Batch, Column, Origin, Reject, Rows, Table, Type
from kustomer_sync.settings import ColumnChoice, Connection, TableChoice
from kustomer_sync.shred.concat import widened
from kustomer_sync.shred.naming import Names

_NO_TABLE = TableChoice()
_FAMILIES = {root.name: {table.name for table in root.walk()} for root in TABLES}
_OFF = {table.name for root in TABLES for table in root.walk() if table.off}
_OF_KLASSES = {root.name for root in TABLES if root.per_klass}


class Protection:
    """What a connection says of its tables and columns."""

    def __init__(self, connection: Connection) -> None:
        self._tables = connection.tables
        salt = connection.hash_salt
        self._salt = salt.get_secret_value().encode() if salt is not None else None

    # ---- what is wanted ----

    def enabled(self, table: str) -> bool:
        """Whether it is wanted; what costs many requests only where the config names it."""
        if table not in self._tables:
            return table not in _OFF
        return self._tables[table].enabled

    def named(self, table: str) -> bool:
        """Whether the config speaks of the table, and does not block it."""
        return table in self._tables and self._tables[table].enabled

    def klass_lands(self, name: str, common: str) -> bool:
        """Whether a klass's table is wanted: of a family that is blocked whole, if it is named."""
        return self.enabled(name) and (
            self.named(name) or any(self.enabled(one) for one in _FAMILIES[common])
        )

    def klasses_named(self, root: Table) -> list[str]:
        """The klasses' tables that the config names and does not block."""
        own, prefix = _FAMILIES[root.name], f"{root.name}_"
        return sorted(
            name for name in self._tables
            if root.per_klass and name.startswith(prefix) and name not in own and self.named(name)
        )  # fmt: skip

    def of(self, table: Table) -> dict[str, ColumnChoice]:
        """Its columns of which something is said; what is said of all klasses is said of each."""
        found: dict[str, ColumnChoice] = {}
        for name in (table.common, table.name):
            for column, wish in self._tables.get(name, _NO_TABLE).columns.items():
                before = found.get(column, ColumnChoice())
                found[column] = ColumnChoice(
                    enabled=before.enabled and wish.enabled, hashed=before.hashed or wish.hashed
                )
        return found

    def dressed(self, table: Table) -> Table:
        """The table as it lands: without its blocked columns, the hashed ones marked."""
        wishes = self.of(table)
        blocked = [name for name, wish in wishes.items() if not wish.enabled]
        hashed = {name for name, wish in wishes.items() if wish.hashed and wish.enabled}
        kept = tuple(
            replace(c, hashed=True) if _is_hashed(c, hashed, blocked) and not c.hashed else c
            for c in table.columns
            if c.name not in blocked
        )
        if kept == table.columns and not blocked:
            return table
        left_out = dict.fromkeys([*table.left_out, *blocked])
        return replace(table, columns=kept, left_out=tuple(left_out))

    # ---- batches ----

    def protect(self, batch: Batch) -> Batch | None:
        """The batch as it may land; None for a klass whose table is blocked."""
        table = batch.root.table
        if table.common and not self.klass_lands(table.name, table.common):
            return None
        if not self._guarded(table):
            return batch
        parts = {part.table.name: part.table for part in (batch.root, *batch.children)}
        blocked = {
            (part.name, column)
            for part in parts.values() for column, wish in self.of(part).items() if not wish.enabled
        }  # fmt: skip
        rejects = tuple(
            self._told(reject, parts.get(reject.table))
            for reject in batch.rejects if (reject.table, reject.column) not in blocked
        )  # fmt: skip
        return Batch(
            self._rows(batch.root), tuple(self._rows(child) for child in batch.children), rejects
        )

    def _guarded(self, table: Table) -> bool:
        """Whether anything of its records is not to land as it is."""
        root = table.common or table.name
        return any(
            not choice.enabled
            or any(wish.hashed or not wish.enabled for wish in choice.columns.values())
            for name, choice in self._tables.items()
            if name in _FAMILIES[root] or (root in _OF_KLASSES and name.startswith(f"{root}_"))
        )

    def _rows(self, rows: Rows) -> Rows:
        table = self.dressed(rows.table)
        if table is rows.table and not any(c.hashed for c in table.columns):
            return rows
        dropped = {c.name for c in rows.table.columns} - {c.name for c in table.columns}
        data = rows.data.drop_columns(sorted(dropped)) if dropped else rows.data
        columns = []
        for column in table.columns:
            if column.hashed:
                made = self.digests(data.column(column.name), column.type)
                data = data.set_column(data.column_names.index(column.name), column.name, made)
                column = replace(column, type=Type.STRING)
            columns.append(column)
        return Rows(replace(table, columns=tuple(columns)), data)

    def _told(self, reject: Reject, table: Table | None) -> Reject:
        """The reject without its text, but where that is a value of a column that lands as it is.

        What stands where an object was expected may be anything.
        """
        if table is not None and reject.column in self.open_columns(table):
            return reject
        return replace(reject, value=None)

    def open_columns(self, table: Table, custom: Iterable[str] = ()) -> set[str]:
        """Its columns of which a value that does not fit is kept as text."""
        dressed = self.dressed(table)
        wishes = self.of(table)
        found = {c.name for c in dressed.columns if not c.hashed and c.source != ("id",)}
        return found | {name for name in custom if name not in wishes}

    # ---- digests ----

    def digests(self, values: Any, type_: Type) -> pa.Array:
        """The values, an Arrow array of a column's type, as their digests."""
        assert self._salt is not None  # noqa: S101 - `check_tables` refuses hashing without one
        texts = widened(values, type_, Type.STRING).to_pylist()
        made: dict[str, str] = {}
        for value in texts:
            if value is not None and value not in made:
                made[value] = hmac.digest(self._salt, value.encode(), "sha256").hex()
        return pa.array([None if value is None else made[value] for value in texts], pa.string())

    def fingerprint(self) -> str | None:
        """What tells this salt from another, and tells nothing else of it; None without one."""
        if self._salt is None:
            return None
        return hmac.digest(self._salt, b"\0kustomer-sync: which salt this is", "sha256").hex()[:16]

    # ---- names ----

    def blocked_names(self, root: Table) -> set[str]:
        """`table` and `table.column` of what the config blocks of a root and what belongs to it."""
        found = set()
        for name, choice in self._of_family(root):
            found |= set() if choice.enabled else {name}
            found |= {f"{name}.{c}" for c, wish in choice.columns.items() if not wish.enabled}
        return found

    def hashed_names(self, root: Table) -> set[str]:
        """`table.column` of what is hashed and not blocked; keys made from content too."""
        found = set()
        for name, choice in self._of_family(root):
            wishes = choice.columns.items()
            found |= {f"{name}.{c}" for c, wish in wishes if wish.hashed and wish.enabled}
        for table in root.walk():
            for column in self.dressed(table).columns:
                if column.origin is Origin.SURROGATE and column.hashed:
                    found.add(f"{table.name}.{column.name}")
        return found

    def _of_family(self, root: Table) -> Iterator[tuple[str, TableChoice]]:
        own = _FAMILIES[root.name]
        for name, choice in self._tables.items():
            if name in own or (root.per_klass and name.startswith(f"{root.name}_")):
                yield name, choice

    def unmet(
        self, names: Names, klass_tables: Iterable[str], columns: Mapping[str, Iterable[str]]
    ) -> Iterator[tuple[str, list[str]]]:
        """Klasses and custom columns that are blocked or hashed and that nobody met.

        Each with the names that it may have been meant to be. `klass_tables`, and by table
        `columns`: what was adopted, and so is there whether or not a record came with it.
        """
        for table, choice in self._tables.items():
            klasses = {root: {*names.klasses(root).values(), *klass_tables} for root in _OF_KLASSES}
            for root, known in klasses.items():
                own = table.startswith(f"{root}_") and table not in _FAMILIES[root]
                if own and table not in known and not choice.enabled:
                    yield table, sorted(known)
            scopes = (table, *klasses.get(table, ()))
            met = {c for one in scopes for c in names.columns(one).values()}
            met |= {c for one in scopes for c in columns.get(one, ())}
            for column, wish in choice.columns.items():
                guarded = wish.hashed or not wish.enabled
                if guarded and column.startswith("custom_") and column not in met:
                    yield f"{table}.{column}", sorted(f"{table}.{one}" for one in met)

    def admits(self, handling: str) -> Callable[[str, str], bool]:
        """Whether a klass or custom attribute that was never met gets the name it wants."""

        def admitted(scope: str, wanted: str) -> bool:
            if handling == "ALLOW_ALL":
                return True
            if scope.endswith(".*"):
                return any(self.named(name) for name in self._tables if _is(name, wanted))
            return handling == "ALLOW_COLUMNS" or any(
                wish.enabled
                for table in (scope, *(r for r in _OF_KLASSES if scope.startswith(f"{r}_")))
                for name, wish in self._tables.get(table, _NO_TABLE).columns.items()
                if _is(name, wanted)
            )

        return admitted


def _is(name: str, wanted: str) -> bool:
    """Whether it is the name, or the one that was given where that was taken."""
    return name == wanted or re.fullmatch(re.escape(wanted) + r"_\d+", name) is not None


def _is_hashed(column: Column, hashed: set[str], blocked: list[str]) -> bool:
    if column.origin is Origin.SURROGATE:
        return bool(hashed or blocked)
    return column.name in hashed
