"""DuckDB. A write is one transaction; a killed process leaves all of the last committed ones and
nothing of the next.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import orjson
import pyarrow as pa

from kustomer_sync.destinations import foreign
from kustomer_sync.destinations.file import File, first_line
from kustomer_sync.destinations.foreign import Ours
from kustomer_sync.destinations.histories import as_stored, astray, histories, taken_in
from kustomer_sync.destinations.merge import PLACE, Dialect, Plan, Staged, Steps, System
from kustomer_sync.destinations.types import BY_NAME, TYPES, nearest
from kustomer_sync.errors import DestinationFailed, DestinationUnusable, Superseded
from kustomer_sync.model import (
    END_OF_TIME,
    Batch,
    Begun,
    Change,
    Column,
    Counts,
    Found,
    Held,
    Reject,
    Returned,
    Rows,
    Stamp,
    Strayed,
    Table,
    Type,
    Unlike,
    Write,
    may_stay,
    wider,
)

Digests: TypeAlias = Callable[[Any, Type], Any]
"""An Arrow array of values of a type -> one of their digests."""
STATE, REJECTS = "_kustomer_sync_state", "_kustomer_sync_rejects"
OURS = "columns"
"""State key: the columns of each table that the program made, with what is in them."""
_AT_ONCE = 20_000
"""Values hashed at once."""
MOST_TIMES = 16
TIDY_EVERY = 50
"""Syncs after which one puts small pieces of tables together. DuckDB would at every write, and a
bulk load then rewrites its newest pieces with each batch: 500,000 records took 88 CPU-seconds
instead of 35.
"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHORT_OF_MEMORY = re.compile(r"\(\S+ \S+/\S+ \S+ used\)")
_DIALECT = Dialect(TYPES, row="rowid")


@dataclass(frozen=True, slots=True)
class _Shape:
    """What columns a table is to have, each of at least this type; which of them have digests."""

    name: str
    wanted: Mapping[str, Type]
    hashed: Collection[str]
    left_out: Iterable[str]

    @classmethod
    def of(
        cls, name: str, columns: Mapping[str, Column], marks: Mapping[str, Type],
        left_out: Iterable[str],
    ) -> _Shape:  # fmt: skip
        wanted = {**{c: column.landed for c, column in columns.items()}, **marks}
        return cls(name, wanted, {c for c, column in columns.items() if column.hashed}, left_out)


class DuckDB:
    """A schema of a DuckDB file. See `Destination` for what each method promises."""

    def __init__(
        self, path: str, *, schema: str, system_prefix: str = "_fivetran_",
        memory_limit: str = "128MB", sleep: Callable[[float], None] = time.sleep,
        lock_seconds: float | None = None, tell: Callable[[str], None] = lambda sentence: None,
        hold_seconds: float = 0.0,
    ) -> None:  # fmt: skip
        """`hold_seconds`: how long the file stays open for whatever comes next."""
        self._schema, self._memory = schema, memory_limit
        self._file = File(
            path, memory_limit=memory_limit, hold_seconds=hold_seconds, sleep=sleep, tell=tell,
            lock_seconds=lock_seconds,
        )  # fmt: skip
        self._system = System(system_prefix)
        self._epoch: int | None = None
        self._synced_at: datetime | None = None
        self._known: dict[str, Table] = {}
        self._stored: dict[str, dict[str, Type]] | None = None
        """What `_columns` saw."""
        self._stored_in = 0
        """In which opening of the file: while it is open nobody else can change it."""
        self._foreign: dict[tuple[str, str], str] = {}
        """Table and column of each type that is none of `TYPES`, as `_columns` last saw them."""
        self.changed: list[Change] = []
        self._ours = Ours()
        self._digests: Digests | None = None
        self._times = 1
        """How often `memory_limit` a write has needed."""

    @property
    def path(self) -> Path:
        return self._file.path

    # ---- opening ----

    @contextmanager
    def _open(self, *, create: bool = True) -> Iterator[duckdb.DuckDBPyConnection | None]:
        """The file, open; None when it is not there and `create` is False.

        Who did not begin writes nothing, not even what a killed process left beside the file.
        """
        if not create and not self.path.exists():
            yield None
            return
        read_only = not create and self._epoch is None
        with self._file.open(read_only=read_only) as connection:
            if self._epoch is not None and self._epoch % TIDY_EVERY == 0:
                connection.execute("RESET max_vacuum_tasks")
            if self._times > 1:
                connection.execute(f"SET memory_limit = '{_times(self._memory, self._times)}'")
            yield connection

    @contextmanager
    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._open() as connection:
            assert connection is not None  # noqa: S101 - narrows for the type checker
            try:
                connection.execute("BEGIN")
                yield connection
                if self._ours.changed:
                    self._put(connection, {OURS: self._ours.state()})
                connection.execute("COMMIT")
                self._ours.keep()
            except duckdb.Error as error:
                self._ours.forget()
                raise DestinationFailed(
                    f"{str(self.path)!r} refused a write ({first_line(error)}).",
                    "Nothing of it was kept; the sync goes on from here the next time.",
                ) from error
            except Exception:
                self._ours.forget()
                raise

    def check(self) -> None:
        new = not self.path.exists()
        with self._open():
            pass
        self.close()
        if new:
            self.path.unlink(missing_ok=True)

    def close(self) -> None:
        self._file.close()

    # ---- state ----

    def begin(self, synced_at: datetime) -> dict[str, Any]:
        self._synced_at = synced_at
        with self._transaction() as connection:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {self._t()}")
            foreign.refuse_views(connection, self._schema, (STATE, REJECTS))
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {self._t(STATE)} "
                "(key VARCHAR NOT NULL, value JSON, epoch BIGINT)"
            )
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {self._t(REJECTS)} (table_name VARCHAR, "
                "record_id VARCHAR, column_name VARCHAR, value VARCHAR, reason VARCHAR, "
                f"{_DIALECT.name(self._system.synced)} {TYPES[Type.INSTANT]})"
            )
            found = self._epoch_there(connection)
            self._epoch = (found or 0) + 1
            if found is None:
                connection.execute(
                    f"INSERT INTO {self._t(STATE)} VALUES ('epoch', NULL, ?)", [self._epoch]
                )
            else:
                connection.execute(
                    f"UPDATE {self._t(STATE)} SET epoch = ? WHERE key = 'epoch'", [self._epoch]
                )
            self._stored = None
            self._ours = Ours(self._state(connection, own=True).get(OURS))
            return self._state(connection)

    def state(self) -> dict[str, Any]:
        with self._open(create=False) as connection:
            if connection is None or STATE not in self._columns(connection):
                return {}
            return self._state(connection)

    def _state(self, connection: duckdb.DuckDBPyConnection, *, own: bool = False) -> dict[str, Any]:
        """What was written as state; `own`: what this file keeps there itself."""
        which = "key = ?" if own else "key NOT IN ('epoch', ?)"
        rows = connection.execute(
            f"SELECT key, CAST(value AS VARCHAR) FROM {self._t(STATE)} WHERE {which}", [OURS]
        ).fetchall()
        return {key: orjson.loads(value) for key, value in rows}

    def _epoch_there(self, connection: duckdb.DuckDBPyConnection) -> int | None:
        row = connection.execute(
            f"SELECT epoch FROM {self._t(STATE)} WHERE key = 'epoch'"
        ).fetchall()
        return int(row[0][0]) if row else None

    def _own(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Nobody has begun since; else `Superseded`."""
        if self._epoch_there(connection) != self._epoch:
            raise Superseded(
                "Another sync of this connection has taken over.",
                "Nothing of this one was written since; let the other one finish.",
            )

    def _t(self, *name: str) -> str:
        """A table of the schema, or the schema itself; the file's own name may be the same."""
        return _DIALECT.name(self._file.catalog, self._schema, *name)

    # ---- tables ----

    def columns(self) -> Mapping[str, Mapping[str, Type]]:
        with self._open(create=False) as connection:
            there = {} if connection is None else self._columns(connection)
            return {name: dict(columns) for name, columns in there.items()}

    def _columns(self, connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, Type]]:
        """Of every table of the schema; who changes one changes what is returned, too."""
        if self._stored is None or self._stored_in != self._file.openings:
            self._stored, self._stored_in = self._columns_there(connection), self._file.openings
        return self._stored

    def _columns_there(self, connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, Type]]:
        rows = connection.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() "
            "JOIN duckdb_tables() USING (database_name, schema_name, table_name) "
            "WHERE database_name = current_database() AND lower(schema_name) = ? "
            "ORDER BY column_index",
            [self._schema],
        ).fetchall()
        rows = [(foreign.spelled(t), foreign.spelled(c), type_) for t, c, type_ in rows]
        found: dict[str, dict[str, Type]] = {}
        self._foreign = {(t, c): type_ for t, c, type_ in rows if type_ not in BY_NAME}
        for table, column, type_ in rows:
            found.setdefault(table, {})[column] = nearest(type_)
        return found

    def found(self) -> Mapping[str, Found]:
        with self._open(create=False) as connection:
            if connection is None:
                return {}
            columns = self._columns(connection)
            return {name: self._found(connection, name, columns[name]) for name in columns}

    def _found(
        self, connection: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, Type]
    ) -> Found:
        synced, newest = self._system.synced, "NULL"
        if columns.get(synced) is Type.INSTANT:
            newest = f"epoch_us(max({_DIALECT.name(synced)}))"
        rows, at = connection.execute(
            f"SELECT count(*), {newest} FROM {self._t(name)}"
        ).fetchall()[0]  # fmt: skip
        return Found(columns, rows, None if at is None else _EPOCH + timedelta(microseconds=at))

    def changes(self, tables: Iterable[Table]) -> list[Change]:
        with self._open(create=False) as connection:
            if connection is None:
                return []
            stored = self._columns(connection)
            return [
                change
                for table in tables
                for part in table.walk()
                for shape in self._shapes(part)
                if shape.name in stored
                for change in self._differing(connection, shape, stored[shape.name])
            ]

    def ensure(
        self, tables: Iterable[Table], *, digests: Digests | None = None,
        state: Mapping[str, Any] | None = None, returned: Iterable[Returned] = (),
        silent: Mapping[str, Iterable[str]] | None = None, standing: Iterable[Table] = (),
    ) -> Mapping[str, Counts]:  # fmt: skip
        if self._epoch is None:
            raise RuntimeError("ensure before begin")
        self._digests = digests or self._digests
        counts: dict[str, Counts] = {}
        tables = tuple(tables)
        with self._transaction() as connection:
            self._own(connection)
            self._refuse(connection, tables)
            told_by = self._told_by(tables)
            foreign.mend(connection, self._file.catalog, self._schema, self._ours, told_by)
            self._stored = None
            stored = self._columns(connection)
            for table in tables:
                self._known[table.name] = table
                self._ensure(connection, table, stored, counts)
            for part in (part for table in standing for part in table.walk()):
                for shape in self._shapes(part):
                    self._protect(connection, shape, stored, counts)
            for back in returned:
                self._returned(connection, back, stored, counts)
            without = [
                f"{part.name}.{column}"
                for table in tables for part in table.walk() for column in part.left_out
            ]  # fmt: skip
            connection.execute(
                f"DELETE FROM {self._t(REJECTS)} "
                "WHERE list_contains(?, concat(table_name, '.', column_name))",
                [without],
            )
            for name, kept in (silent or {}).items():
                connection.execute(
                    f"UPDATE {self._t(REJECTS)} SET value = NULL WHERE table_name = ? "
                    "AND value IS NOT NULL AND NOT list_contains(?, column_name)",
                    [name, list(kept)],
                )
            self._put(connection, state or {})
        return counts

    def refuse(self, tables: Iterable[Table]) -> None:
        with self._open(create=False) as connection:
            if connection is None:
                return
            stored, tables = self._columns(connection), tuple(tables)
            self._recall(connection, stored)
            shapes = (s for table in tables for part in table.walk() for s in self._shapes(part))
            try:
                self._refuse(connection, tables)
                for shape in shapes:
                    self._refuse_own(connection, shape, stored.get(shape.name, {}))
            except DestinationFailed as error:
                raise DestinationUnusable(error.message, error.hint) from None

    def _refuse(self, connection: duckdb.DuckDBPyConnection, tables: tuple[Table, ...]) -> None:
        names = {name for table in tables for name in foreign.places(table)}
        foreign.refuse_views(connection, self._schema, names)
        foreign.refuse_required(connection, self._schema, self._always(tables))

    def _refuse_own(
        self, connection: duckdb.DuckDBPyConnection, shape: _Shape, have: Collection[str]
    ) -> None:  # fmt: skip
        """What we made is remembered, and has lost what it lacks; other connectors mark rows."""
        marks = (m for m in (self._system.start, self._system.synced) if m in shape.wanted)
        lacking = next((mark for mark in marks if mark not in have), None)
        if have and lacking and not self._ours.knows(shape.name):
            known = {*shape.wanted, *shape.left_out}
            own = [c for c in have if c not in known and not c.startswith("custom_")]
            name = f"{self._schema}.{shape.name}"
            foreign.refuse_own(connection, self._t(shape.name), name, lacking, own)

    def know(self, table: Table) -> None:
        self._known.setdefault(table.name, table)

    def _always(self, tables: Iterable[Table]) -> dict[str, set[str]]:
        """By table, the columns for which each row that is written has a value."""
        system, found = self._system, dict[str, set[str]]()
        for part in (part for table in tables for part in table.walk()):
            marks = {system.synced, system.deleted, part.parent_column or "id"}
            found[part.place] = {*marks, *system.key(part)}
            if part.history:
                marks = {system.synced, system.start, system.end, system.active}
                found[part.history] = {*marks, *part.history_key}
        return found

    def _told_by(self, tables: Iterable[Table]) -> dict[str, set[str]]:
        """By table, the columns that say whose its rows are, and since when they were.

        None where the rows could not be read again.
        """
        found = dict[str, set[str]]()
        for root in tables:
            for part in root.walk():
                owner = part.parent_column or "id"
                found[part.place] = set() if root.fades else {owner}
                if part.history:
                    found[part.history] = set() if root.fades else {owner, self._system.start}
        return found

    def strayed(self) -> list[Strayed]:
        with self._open(create=False) as connection:
            if connection is None:
                return []
            self._recall(connection, self._columns(connection))
            return foreign.strayed(connection, self._schema, self._ours)

    def _recall(
        self, connection: duckdb.DuckDBPyConnection, stored: Mapping[str, Mapping[str, Type]]
    ) -> None:  # fmt: skip
        """Who did not begin knows which columns are ours, too."""
        if self._epoch is None and STATE in stored:
            self._ours = Ours(self._state(connection, own=True).get(OURS))

    def _ensure(
        self, connection: duckdb.DuckDBPyConnection, table: Table,
        stored: dict[str, dict[str, Type]], counts: dict[str, Counts],
        staged: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        """The table, its children and their histories are there and wide enough.

        `staged`, by table: where the rows are that it must be wide enough for.
        """
        self.know(table)  # a batch may bring fewer children
        for part in table.walk():
            new = part.place not in stored
            for shape in self._shapes(part):
                self._shape(connection, shape, stored, counts, (staged or {}).get(shape.name))
            twin = part.name if part.hidden else replace(part, hidden=True).place
            if part.hidden and new and twin in stored and twin != part.place:
                self._copied(connection, twin, part.place, stored)
            elif not part.hidden and twin in stored and twin != part.name:
                self._uncovered(connection, part, twin, stored, counts)

    def _shapes(self, table: Table) -> Iterator[_Shape]:
        """The table and its history as they are to be."""
        columns = {self._system.physical(c): c for c in table.landing}
        synced, deleted = self._system.synced, self._system.deleted
        yield _Shape.of(
            table.place, columns, {synced: Type.INSTANT, deleted: Type.BOOLEAN}, table.left_out
        )
        if table.history:
            marks = {
                self._system.start: Type.INSTANT, self._system.end: Type.INSTANT,
                self._system.active: Type.BOOLEAN, synced: Type.INSTANT,
            }  # fmt: skip
            kept = {c.name: c for c in table.history_columns()}
            yield _Shape.of(table.history, kept, marks, table.left_out)

    def _shape(
        self, connection: duckdb.DuckDBPyConnection, shape: _Shape,
        stored: dict[str, dict[str, Type]], counts: dict[str, Counts], relation: str | None,
    ) -> None:  # fmt: skip
        """The table has the columns, wide enough, and digests in those that are hashed alone."""
        name, wanted = shape.name, shape.wanted
        if name not in stored:
            foreign.refuse_views(connection, self._schema, (name,))
            body = ", ".join(f"{_DIALECT.name(c)} {TYPES[t]}" for c, t in wanted.items())
            connection.execute(f"CREATE TABLE {self._t(name)} ({body})")
            stored[name] = dict(wanted)
            self._ours.made(name, wanted, shape.hashed)
            return
        have = stored[name]
        self._refuse_own(connection, shape, have)
        self._ours.met(name, have, {*wanted, *shape.left_out})
        for column in wanted:
            self._fit(connection, shape, column, have, counts, relation)

    def _protect(
        self, connection: duckdb.DuckDBPyConnection, shape: _Shape,
        stored: dict[str, dict[str, Type]], counts: dict[str, Counts],
    ) -> None:  # fmt: skip
        """Of a table that stands, columns that are to be hashed have digests; no others count as
        digests, so that one made with another salt is not taken for one."""
        name, have = shape.name, stored.get(shape.name, {})
        if name not in self._ours.tables() and self._system.synced not in have:
            return  # somebody else's
        self._ours.met(name, have, {*shape.wanted, *shape.left_out})
        for column in shape.wanted:
            hashed = column in shape.hashed
            own = column in have and self._ours.has(name, column)
            if own and hashed != self._ours.is_hashed(name, column):
                self._fit(connection, shape, column, have, counts, None)

    def _fit(
        self, connection: duckdb.DuckDBPyConnection, shape: _Shape, column: str,
        have: dict[str, Type], counts: dict[str, Counts], relation: str | None,
    ) -> None:  # fmt: skip
        """The column is there, wide enough, and has digests if it is to be hashed."""
        name, type_ = shape.name, shape.wanted[column]
        was = self._ours.is_hashed(name, column)
        raw = column in have and column in shape.hashed and not was
        opened = column in have and was and column not in shape.hashed
        if (name, column) in self._foreign or not (raw or opened):
            change = self._difference(connection, name, column, type_, have, relation)
            if change is not None and change.becomes is not None:
                self._change(connection, change, have)
                if change.stored is not None:  # what is hashed is text in the end
                    self.changed.append(_hashed(change) if raw else change)
        elif raw and have[column] is not Type.STRING:
            self.changed.append(_hashed(Change(name, column, TYPES[have[column]], "", None)))
        if raw:
            self._hash(connection, name, column, have, counts)
        elif opened:
            using = f"TRY_CAST({_DIALECT.name(column)} AS {{}})"
            self._retype(connection, name, column, type_, using)
            have[column] = type_
        known = None if (name, column) in self._foreign else have.get(column, type_)
        self._ours.note(name, column, known, hashed=column in shape.hashed)

    def _change(
        self, connection: duckdb.DuckDBPyConnection, change: Change, have: dict[str, Type]
    ) -> None:
        name, column, becomes = change.table, change.column, BY_NAME[str(change.becomes)]
        table, quoted = self._t(name), _DIALECT.name(column)
        if change.stored is None:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {quoted} {change.becomes}")
            if column == self._system.deleted:  # whoever filled it flagged none
                connection.execute(f"UPDATE {table} SET {quoted} = FALSE")
        else:
            using = self._as(name, column, have[column], becomes)
            self._retype(connection, name, column, becomes, using)
        self._foreign.pop((name, column), None)
        have[column] = becomes

    def _retype(
        self, connection: duckdb.DuckDBPyConnection, name: str, column: str, type_: Type, using: str
    ) -> None:  # fmt: skip
        foreign.retype(
            connection, self._t(name), name, column, TYPES[type_], using.format(TYPES[type_])
        )

    def _hash(
        self, connection: duckdb.DuckDBPyConnection, name: str, column: str,
        have: dict[str, Type], counts: dict[str, Counts],
    ) -> None:  # fmt: skip
        """What stands in the column raw is a digest afterwards."""
        assert self._digests is not None  # noqa: S101 - who hashes brings what makes digests
        table, quoted = self._t(name), _DIALECT.name(column)
        only = ""
        if not self._ours.is_known(name, column):  # the state was dropped: it may have digests
            only = f"AND NOT regexp_full_match(CAST({quoted} AS VARCHAR), '[0-9a-f]{{64}}')"
        connection.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE raw AS
            SELECT row_number() OVER () AS n, {quoted} AS value, CAST({quoted} AS VARCHAR) AS was
            FROM (SELECT DISTINCT {quoted} FROM {table} WHERE {quoted} IS NOT NULL {only})
            """
        )
        connection.execute("CREATE OR REPLACE TEMP TABLE made (n BIGINT, digest VARCHAR)")
        (total,) = connection.execute("SELECT count(*) FROM raw").fetchall()[0]
        for first in range(1, int(total) + 1, _AT_ONCE):
            found = connection.sql(
                f"SELECT n, value FROM raw WHERE n BETWEEN {first} AND {first + _AT_ONCE - 1}"
            ).to_arrow_table()
            digests = self._digests(found.column("value"), have[column])
            connection.register("digests", pa.table({"n": found.column("n"), "digest": digests}))
            connection.execute("INSERT INTO made SELECT * FROM digests")
            connection.unregister("digests")
        if have[column] is not Type.STRING:
            self._retype(connection, name, column, Type.STRING, f"CAST({quoted} AS VARCHAR)")
            have[column] = Type.STRING
        synced = f", {_DIALECT.name(self._system.synced)} = {_timestamp(self._synced_at)}"
        # Somebody may have dropped it from a table that is wanted no more.
        synced = synced if self._system.synced in have else ""
        rows = connection.execute(
            f"UPDATE {table} SET {quoted} = made.digest{synced} "
            f"FROM raw JOIN made USING (n) WHERE {table}.{quoted} = raw.was"
        ).fetchall()
        counts.setdefault(name, Counts()).updated += int(rows[0][0])
        connection.execute("DROP TABLE raw")

    def _copied(
        self, connection: duckdb.DuckDBPyConnection, source: str, target: str,
        stored: dict[str, dict[str, Type]],
    ) -> None:  # fmt: skip
        """A table that is hidden from now on begins with what it had when it was not."""
        both = [c for c in stored[target] if c in stored[source]]
        names = ", ".join(map(_DIALECT.name, both))
        connection.execute(
            f"INSERT INTO {self._t(target)} ({names}) SELECT {names} FROM {self._t(source)}"
        )

    def _uncovered(
        self, connection: duckdb.DuckDBPyConnection, table: Table, twin: str,
        stored: dict[str, dict[str, Type]], counts: dict[str, Counts],
    ) -> None:  # fmt: skip
        """A table that was hidden: what was flagged meanwhile is; the hidden one is no more.

        What came meanwhile is there with what was kept of it, so that whether it went is found out.
        """
        keys = self._system.key(table)
        flag, synced = _DIALECT.name(self._system.deleted), _DIALECT.name(self._system.synced)
        same = " AND ".join(f"t.{_DIALECT.name(k)} = h.{_DIALECT.name(k)}" for k in keys)
        rows = connection.execute(
            f"UPDATE {self._t(table.place)} t SET {flag} = TRUE, "
            f"{synced} = {_timestamp(self._synced_at)} FROM {self._t(twin)} h "
            f"WHERE {same} AND h.{flag} AND t.{flag} IS DISTINCT FROM TRUE"
        ).fetchall()
        counts.setdefault(table.place, Counts()).deleted += int(rows[0][0])
        both = [c for c in stored[twin] if c in stored[table.place] and c != self._system.synced]
        names = ", ".join(map(_DIALECT.name, both))
        rows = connection.execute(
            f"INSERT INTO {self._t(table.place)} ({names}, {synced}) "
            f"SELECT {names}, {_timestamp(self._synced_at)} FROM {self._t(twin)} h "
            f"WHERE NOT EXISTS (SELECT 1 FROM {self._t(table.place)} t WHERE {same})"
        ).fetchall()
        counts[table.place].inserted += int(rows[0][0])
        connection.execute(f"DROP TABLE {self._t(twin)}")
        del stored[twin]
        self._ours.dropped(twin)

    def _returned(
        self, connection: duckdb.DuckDBPyConnection, back: Returned,
        stored: dict[str, dict[str, Type]], counts: dict[str, Counts],
    ) -> None:  # fmt: skip
        """Rows of records that went while the table was not wanted are flagged, or ended."""
        if back.table not in stored or back.root not in stored:
            return
        flag, synced = _DIALECT.name(self._system.deleted), _DIALECT.name(self._system.synced)
        gone = f"{_DIALECT.name(back.owner)} IN (SELECT id FROM {self._t(back.root)} WHERE {flag})"
        now = _timestamp(self._synced_at)
        start, end, active = map(
            _DIALECT.name, (self._system.start, self._system.end, self._system.active)
        )  # fmt: skip
        done = f"{flag} = TRUE, {synced} = {now} WHERE {flag} IS DISTINCT FROM TRUE"
        if back.history:
            ended = f"{active} = FALSE, {end} = greatest({start}, {now})"
            done = f"{ended}, {synced} = {now} WHERE {active}"
        rows = connection.execute(f"UPDATE {self._t(back.table)} SET {done} AND {gone}").fetchall()
        counts.setdefault(back.table, Counts()).deleted += int(rows[0][0])

    # ---- columns that another program made ----

    def _differing(
        self, connection: duckdb.DuckDBPyConnection, shape: _Shape, have: Mapping[str, Type]
    ) -> Iterator[Change]:
        """What of a table's columns is not as wanted, and what becomes of each."""
        for column, type_ in shape.wanted.items():
            change = self._difference(connection, shape.name, column, type_, have)
            if column in shape.hashed and column in have and have[column] is not Type.STRING:
                stored = self._foreign.get((shape.name, column), TYPES[have[column]])
                change = _hashed(Change(shape.name, column, stored, "", None))
            if change is not None:
                yield change

    def _difference(
        self, connection: duckdb.DuckDBPyConnection, name: str, column: str, type_: Type,
        have: Mapping[str, Type], relation: str | None = None,
    ) -> Change | None:  # fmt: skip
        """How a column is not as wanted, and what becomes of it.

        A narrower one stays as it is while all that comes, in `relation`, fits it.
        """
        stored = have.get(column)
        if stored is None:
            return Change(name, column, None, TYPES[type_], TYPES[type_])
        engine = self._foreign.get((name, column))
        if engine is not None:
            return self._nearest(connection, name, column, engine, type_)
        if stored is type_:
            return None
        becomes, why = self._widened(connection, name, column, (stored, type_), relation)
        if becomes is stored and not may_stay(stored, type_) and stored is not Type.STRING:
            return None
        changed = None if becomes is stored else TYPES[becomes]
        return Change(name, column, TYPES[stored], TYPES[type_], changed, why)

    def _nearest(
        self, connection: duckdb.DuckDBPyConnection, name: str, column: str, engine: str,
        type_: Type,
    ) -> Change:  # fmt: skip
        """A type that is none of ours becomes the nearest of ours in which no value is lost."""
        near = nearest(engine)
        if engine == "DATE" and type_ is Type.STRING:
            near = Type.STRING  # a day alone is no time
        why = f"{engine} is no type of this program"
        if self._constrained(connection, name, column):
            return Change(name, column, engine, TYPES[type_], None, "it is in a key")
        quoted = _DIALECT.name(column)
        back = f"TRY_CAST(TRY_CAST({quoted} AS {TYPES[near]}) AS {engine})"
        if near is not Type.STRING and self._loses(connection, name, quoted, back):
            near, why = Type.STRING, f"{TYPES[near]} can't hold every value of it"
        return Change(name, column, engine, TYPES[type_], TYPES[near], why)

    def _widened(
        self, connection: duckdb.DuckDBPyConnection, name: str, column: str,
        types: tuple[Type, Type], relation: str | None,
    ) -> tuple[Type, str]:  # fmt: skip
        """What a column of the first type is once it holds values of the second, and why."""
        stored, type_ = types
        if not may_stay(stored, type_):
            return wider(stored, type_), f"it must hold {TYPES[type_]} too"
        quoted = _DIALECT.name(column)
        misfit = None
        if relation is not None:
            back = _DIALECT.cast(f"TRY_CAST({quoted} AS {TYPES[stored]})", stored, type_)
            misfit = self._first_other(connection, relation, quoted, back)
        if misfit is None:
            return stored, "it stays while every value fits"
        wide = Type.STRING
        if stored in (Type.INT, Type.LONG) and type_ is Type.DOUBLE:
            exact = f"TRY_CAST(CAST({quoted} AS DOUBLE) AS {TYPES[stored]})"
            lost = self._loses(connection, name, quoted, exact)
            wide = Type.STRING if lost else Type.DOUBLE
        return wide, f"{misfit[:50]!r} does not fit {TYPES[stored]} without loss"

    def _as(self, name: str, column: str, stored: Type, becomes: Type) -> str:
        """SQL of a column's values in the type that it gets."""
        quoted = _DIALECT.name(column)
        if (name, column) in self._foreign and becomes is not Type.STRING:
            return f"CAST({quoted} AS {TYPES[becomes]})"
        if (name, column) in self._foreign and stored is Type.INSTANT:
            return f"CAST({quoted} AS VARCHAR)"
        return _DIALECT.cast(quoted, stored, becomes)

    def _loses(
        self, connection: duckdb.DuckDBPyConnection, name: str, quoted: str, back: str
    ) -> bool:
        """Whether any value of a column is another after it went to another type and `back`."""
        return self._first_other(connection, self._t(name), quoted, back) is not None

    def _first_other(
        self, connection: duckdb.DuckDBPyConnection, relation: str, quoted: str, back: str
    ) -> str | None:
        """The first value of a column that is not the same as `back`, as text."""
        rows = connection.execute(
            f"SELECT CAST({quoted} AS VARCHAR) FROM {relation} "
            f"WHERE ({back}) IS DISTINCT FROM {quoted} LIMIT 1"
        ).fetchall()
        return str(rows[0][0]) if rows else None

    def _constrained(
        self, connection: duckdb.DuckDBPyConnection, name: str, column: str
    ) -> bool:  # fmt: skip
        """Whether DuckDB lets nobody change the column's type."""
        found = connection.execute(
            "SELECT 1 FROM duckdb_constraints() WHERE database_name = current_database() "
            "AND lower(schema_name) = ? AND lower(table_name) = ? AND constraint_type IN "
            "('PRIMARY KEY', 'UNIQUE') "
            "AND list_contains([lower(c) for c in constraint_column_names], ?)",
            [self._schema, name, column],
        ).fetchall()
        return bool(found)

    # ---- writing ----

    def write(self, write: Write) -> Mapping[str, Counts]:
        """With more memory than `memory_limit` where a table is so wide that nothing less will do:
        DuckDB holds a block or two of each column that it writes.
        """
        if self._epoch is None or self._synced_at is None:
            raise RuntimeError("write before begin")
        while True:
            try:
                return self._write(write)
            except DestinationFailed as error:
                if not _SHORT_OF_MEMORY.search(str(error.__cause__)) or self._times == MOST_TIMES:
                    raise
            self._times *= 2

    def _write(self, write: Write) -> Mapping[str, Counts]:
        counts: dict[str, Counts] = {}
        with self._transaction() as connection:
            self._own(connection)
            stored = self._columns(connection)
            for begun in write.begun:
                self._take_in(connection, begun, stored, counts)
            for batch in write.batches:
                anew = write.anew.get(batch.root.table.name, ())
                self._batch(connection, batch, stored, counts, anew)
            for name, ids in write.absent.items():
                self._absent(connection, name, ids, stored, counts)
            self._put(connection, write.state)
        return counts

    def _take_away(
        self, connection: duckdb.DuckDBPyConnection, ids: tuple[str, ...], batch: Batch,
        stored: dict[str, dict[str, Type]],
    ) -> None:  # fmt: skip
        if not ids:
            return
        brought = [one for one in batch.root.data["id"].to_pylist() if one in ids]
        for part in (batch.root.table, *(child.table for child in batch.children)):
            if part.place in stored:
                owner = _DIALECT.name(part.parent_column or "id")
                connection.execute(
                    f"DELETE FROM {self._t(part.place)} WHERE list_contains(?, {owner})", [brought]
                )

    def _plan(self, stored: dict[str, dict[str, Type]]) -> Plan:
        """The plan sees only the tables' own columns, not the system's."""
        system = {
            self._system.synced, self._system.deleted, self._system.start, self._system.end,
            self._system.active,
        }  # fmt: skip
        own = {
            name: {c: t for c, t in columns.items() if c not in system and self._ours.has(name, c)}
            for name, columns in stored.items()
        }
        return Plan(
            _DIALECT, self._system, (self._file.catalog, self._schema), own,
            _timestamp(self._synced_at or END_OF_TIME), _timestamp(END_OF_TIME),
        )  # fmt: skip

    def _take_in(
        self, connection: duckdb.DuckDBPyConnection, begun: Begun,
        stored: dict[str, dict[str, Type]], counts: dict[str, Counts],
    ) -> None:  # fmt: skip
        self._ensure(connection, begun.table, stored, counts)
        place = self._t(begun.table.place)
        if connection.execute(f"SELECT 1 FROM {place} LIMIT 1").fetchall():
            table = as_stored(begun.table, self._plan(stored))
            rows = {str(part.history): self._t(part.place) for part in table.walk()}
            self._ensure(connection, table, stored, counts, rows)
            paused = _timestamp(begun.paused) if begun.paused else None
            plan = self._plan(stored)
            theirs = foreign.theirs(connection, self._schema, self._ours, stored, plan.system)
            whole = [Staged(part, plan.t(part.place)) for part in table.walk()]
            with foreign.kept(connection, plan, theirs, whole):
                _run(connection, taken_in(plan, table, paused), counts)

    def _batch(
        self, connection: duckdb.DuckDBPyConnection, batch: Batch,
        stored: dict[str, dict[str, Type]], counts: dict[str, Counts],
        anew: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        table = replace(
            batch.root.table,
            children=tuple(child.table for child in batch.children),
        )
        root = _staged(connection, batch.root, "staged")
        children = [
            _staged(connection, child, f"staged_{n}", PLACE)
            for n, child in enumerate(batch.children)
        ]
        relations = {s.table.place: s.relation for s in (root, *children)}
        for part in table.walk():
            counts.setdefault(part.place, Counts())
            if part.history:
                counts.setdefault(part.history, Counts())
                relations[part.history] = relations[part.place]
        self._ensure(connection, table, stored, counts, relations)
        plan = self._plan(stored)
        theirs = foreign.theirs(connection, self._schema, self._ours, stored, plan.system)
        with foreign.kept(connection, plan, theirs, (root, *children)):
            self._take_away(connection, anew, batch, stored)
            _run(connection, plan.batch(root, children), counts)
            for child in self._known[table.name].children:
                if child.place in stored and child.place not in relations:
                    _run(connection, plan.along(child), counts)
            _run(connection, histories(plan, root, children), counts)
        self._rejects(connection, batch)
        for staged in (root, *children):
            connection.unregister(staged.relation)

    def _rejects(self, connection: duckdb.DuckDBPyConnection, batch: Batch) -> None:
        """The accepted records' rejects are those of this reading, and no older ones."""
        names = [part.name for part in batch.root.table.walk()]
        older = f"SELECT 1 FROM {self._t(REJECTS)} WHERE list_contains(?, table_name) LIMIT 1"
        if not batch.rejects and not connection.execute(older, [names]).fetchall():
            return  # so it is nearly always
        connection.register("rejected", _rejects_table(batch.rejects))
        same = (
            "o.table_name = r.table_name AND o.record_id = r.record_id AND "
            "o.column_name = r.column_name AND o.value IS NOT DISTINCT FROM r.value "
            "AND o.reason = r.reason"
        )
        connection.execute(
            f"DELETE FROM {self._t(REJECTS)} o WHERE list_contains(?, table_name) "
            "AND record_id IN (SELECT id FROM winners) "
            f"AND NOT EXISTS (SELECT 1 FROM rejected r WHERE {same})",
            [names],
        )
        if batch.rejects:
            connection.execute(
                f"INSERT INTO {self._t(REJECTS)} "
                f"SELECT DISTINCT r.*, {_timestamp(self._synced_at)} FROM rejected r "
                "WHERE (record_id = '' OR record_id IN (SELECT id FROM winners)) "
                f"AND NOT EXISTS (SELECT 1 FROM {self._t(REJECTS)} o WHERE {same})"
            )
        connection.unregister("rejected")

    def _absent(
        self, connection: duckdb.DuckDBPyConnection, name: str, ids: tuple[str, ...],
        stored: dict[str, dict[str, Type]], counts: dict[str, Counts],
    ) -> None:  # fmt: skip
        table = self._known.get(name, Table(name, ()))
        if table.place not in stored:
            raise DestinationFailed(
                f"What is absent from table {name!r} can't be flagged: it was not made ready.",
                "This is a fault of the program; please report it.",
            )
        connection.register("gone", pa.table({"id": pa.array(ids, pa.string())}))
        _run(connection, self._plan(stored).absent(table, "gone"), counts)
        connection.unregister("gone")

    def _put(self, connection: duckdb.DuckDBPyConnection, state: Mapping[str, Any]) -> None:
        if not state:
            return
        keys, texts = list(state), [orjson.dumps(value).decode() for value in state.values()]
        connection.execute(f"DELETE FROM {self._t(STATE)} WHERE list_contains(?, key)", [keys])
        connection.execute(
            f"INSERT INTO {self._t(STATE)} SELECT unnest(?), unnest(?), NULL", [keys, texts]
        )

    # ---- reading ----

    def missing(self, table: Table, seen: Iterable[str]) -> list[str]:
        with self._open(create=False) as connection:
            if connection is None or table.place not in (stored := self._columns(connection)):
                return []
            connection.register("seen", pa.table({"id": pa.array(list(seen), pa.string())}))
            held = [(part.place, part.parent_column or "id") for part in table.walk()]
            rows = connection.execute(
                f"SELECT DISTINCT id FROM ({self._held(held, stored)}) h "
                "WHERE NOT EXISTS (SELECT 1 FROM seen s WHERE s.id = h.id) ORDER BY id"
            ).fetchall()
            return [row[0] for row in rows]

    def _held(
        self, held: Iterable[tuple[str, str]], stored: Mapping[str, Mapping[str, Any]]
    ) -> str:
        """SQL of the ids in these columns of these tables, in rows not flagged."""
        return " UNION ALL ".join(
            f"SELECT {_DIALECT.name(column)} AS id FROM {self._t(name)} "
            f"WHERE {self._unflagged(stored[name])} AND {_DIALECT.name(column)} IS NOT NULL"
            for name, column in held
            if name in stored
        )

    def _unflagged(self, columns: Mapping[str, Any]) -> str:
        """SQL that holds for rows not flagged; of a table without flags, for all."""
        flag = self._system.deleted
        return f"{_DIALECT.name(flag)} IS DISTINCT FROM TRUE" if flag in columns else "TRUE"

    def strays(self, table: Table, hi: int, held: Iterable[tuple[str, str]]) -> list[str]:
        with self._open(create=False) as connection:
            if connection is None or table.place not in (stored := self._columns(connection)):
                return []
            held = [(table.place, "id"), *held]
            flag = _DIALECT.name(self._system.deleted)
            rows = connection.execute(
                f"SELECT DISTINCT id FROM ({self._held(held, stored)}) h WHERE NOT EXISTS ("
                f"SELECT 1 FROM {self._t(table.place)} o WHERE o.id = h.id "
                f"AND o.{flag} IS DISTINCT FROM TRUE AND epoch_ms(o.updated_at) BETWEEN 0 AND ?"
                ") ORDER BY id",
                [hi - 1],
            ).fetchall()
            return [row[0] for row in rows]

    def spread(self, table: Table, lo: int, hi: int, most: int, turn: float = 0.0) -> list[Held]:
        says = table.says_deleted
        rows = self._read(
            table,
            f"""
            WITH stamps AS (
                SELECT epoch_ms(updated_at) AS stamp, {"deleted" if says else "FALSE AS deleted"}
                FROM kept WHERE id IS NOT NULL AND epoch_ms(updated_at) BETWEEN ? AND ?
            ), cuts AS (
                SELECT ?::BIGINT AS lo UNION
                SELECT greatest(?, stamp - stamp % 1000) FROM (
                    SELECT stamp, row_number() OVER (ORDER BY stamp) AS n, count(*) OVER () AS every
                    FROM stamps
                ) WHERE n % ? = CAST(floor(? * least(?, every)) AS BIGINT)
            )
            SELECT c.lo, count(*), count(*) FILTER (deleted IS DISTINCT FROM TRUE)
            FROM stamps s ASOF JOIN cuts c ON s.stamp >= c.lo
            GROUP BY c.lo ORDER BY c.lo
            """,
            [lo, hi - 1, lo, lo, most, turn, most],
        )
        starts = [lo, *(int(row[0]) for row in rows[1:])] if rows else [lo]
        counts = [(int(row[1]), int(row[2])) for row in rows] or [(0, 0)]
        return [
            Held(start, stop, *count)
            for start, stop, count in zip(starts, [*starts[1:], hi], counts, strict=True)
        ]

    def ids(self, table: Table, lo: int, hi: int, *, living: bool = False) -> list[str]:
        says = living and table.says_deleted
        only = "AND deleted IS DISTINCT FROM TRUE" if says else ""
        rows = self._read(
            table,
            "SELECT id FROM kept WHERE id IS NOT NULL AND epoch_ms(updated_at) BETWEEN ? AND ? "
            f"{only} ORDER BY id",
            [lo, hi - 1],
        )
        return [row[0] for row in rows]

    def stamps(
        self, table: Table, lo: int, hi: int, among: Iterable[str] | None = None
    ) -> list[Stamp]:
        says = table.says_deleted
        made = any(c.name == "created_at" for c in table.landing)  # perhaps as a digest
        created = "epoch_ms(try_cast(created_at AS TIMESTAMPTZ))" if made else "NULL"
        only = "" if among is None else "AND list_contains(?, id)"
        rows = self._read(
            table,
            f"SELECT id, epoch_ms(updated_at), {'deleted IS TRUE' if says else 'FALSE'}, "
            f"{created} FROM kept WHERE id IS NOT NULL AND epoch_ms(updated_at) BETWEEN ? AND ? "
            f"{only} ORDER BY id",
            [lo, hi - 1, *([] if among is None else [list(among)])],
        )
        return [Stamp(*row) for row in rows]

    def draw(self, table: Table, column: str, lo: int, hi: int, most: int) -> list[str]:
        rows = self._read(
            table,
            f"SELECT {_DIALECT.name(column)} FROM (SELECT * FROM kept "
            "WHERE epoch_ms(updated_at) BETWEEN ? AND ? ORDER BY random() LIMIT ?)",
            [lo, hi - 1, most],
        )
        return [row[0] for row in rows if row[0] is not None]

    def nameless(self, table: Table) -> Mapping[str, int]:
        with self._open(create=False) as connection:
            if connection is None:
                return {}
            stored, found = self._columns(connection), dict[str, int]()
            for part in (part for part in table.walk() if part.place in stored):
                rows = connection.execute(
                    f"SELECT count(*) FROM {self._t(part.place)} WHERE "
                    f"{self._unflagged(stored[part.place])} "
                    f"AND {_DIALECT.name(part.parent_column or 'id')} IS NULL"
                ).fetchall()
                found |= {part.place: int(rows[0][0])} if rows[0][0] else {}
            return found

    def unlike(self, batches: Iterable[Batch]) -> list[Unlike]:
        with self._open(create=False) as connection:
            if connection is None:
                return []
            stored = self._columns(connection)
            self._recall(connection, stored)
            plan = self._plan(stored)
            return [one for batch in batches for one in self._unlike(connection, plan, batch)]

    def _unlike(
        self, connection: duckdb.DuckDBPyConnection, plan: Plan, batch: Batch
    ) -> Iterator[Unlike]:
        root = _staged(connection, batch.root, "staged")
        children = [
            _staged(connection, child, f"staged_{n}", PLACE)
            for n, child in enumerate(batch.children)
        ]
        found: dict[tuple[str, str, bool, bool], dict[str, None]] = {}
        for question in plan.unlike(root, children):
            for owner, there, here, *differs in connection.execute(question.sql).fetchall():
                pairs = zip(question.columns, differs, strict=True) if there and here else ()
                columns = found.setdefault((question.table, owner, there, here), {})
                columns |= {name: None for name, yes in pairs if yes}
        for (table, owner, there, here), columns in found.items():
            yield Unlike(table, owner, tuple(columns), there, here)
        for staged in (root, *children):
            connection.unregister(staged.relation)

    def astray(self, table: Table) -> list[tuple[str, str]]:
        with self._open(create=False) as connection:
            if connection is None or table.place not in (stored := self._columns(connection)):
                return []
            self._recall(connection, stored)
            return [
                (history, record_id)
                for history, sql in astray(self._plan(stored), table)
                for (record_id,) in connection.execute(sql).fetchall()
            ]

    def holding(
        self, table: Table, column: str, values: Iterable[str], wanted: str = "id"
    ) -> list[str]:
        rows = self._read(
            table,
            f"SELECT DISTINCT {_DIALECT.name(wanted)} FROM kept "
            f"WHERE list_contains(?, {_DIALECT.name(column)}) ORDER BY 1",
            [list(values)],
        )
        return [row[0] for row in rows if row[0] is not None]

    def newest(
        self,
        table: Table,
        column: str,
        lo: int,
        hi: int,
        most: int,
        *,
        changed: bool = False,
        lacking: str | None = None,
        made_before: int | None = None,
    ) -> tuple[int, list[str]]:
        synced = _DIALECT.name(self._system.synced)
        only = f"AND {synced} = {_timestamp(self._synced_at)}" if changed else ""
        only += f" AND {_DIALECT.name(lacking)} IS NULL" if lacking else ""
        if made_before is not None and any(c.name == "created_at" for c in table.landing):
            only += f" AND (created_at IS NULL OR epoch_ms(created_at) < {made_before:d})"
        rows = self._read(
            table,
            f"""
            WITH found AS (
                SELECT {_DIALECT.name(column)} AS value, epoch_ms(updated_at) AS stamp
                FROM kept WHERE epoch_ms(updated_at) BETWEEN ? AND ? {only}
            ), bound AS (
                SELECT coalesce(min(stamp), ?) AS stamp
                FROM (SELECT stamp FROM found ORDER BY stamp DESC LIMIT 1 OFFSET ?)
            )
            SELECT value, max(found.stamp), any_value(bound.stamp) FROM found, bound
            WHERE found.stamp >= bound.stamp GROUP BY value ORDER BY 2 DESC, 1
            """,
            [lo, hi - 1, lo, most - 1],
        )
        since = int(rows[0][2]) if rows else lo
        return since, [row[0] for row in rows if row[0] is not None]

    def _read(self, table: Table, sql: str, values: list[Any]) -> list[tuple[Any, ...]]:
        """What `sql` over `kept`, the table's rows not flagged, gives; [] without a table."""
        with self._open(create=False) as connection:
            if connection is None or table.place not in (stored := self._columns(connection)):
                return []
            connection.execute(
                f"CREATE TEMP VIEW kept AS SELECT * FROM {self._t(table.place)} "
                f"WHERE {self._unflagged(stored[table.place])}"
            )
            return connection.execute(sql, values).fetchall()

    def rows(self, tables: Iterable[str]) -> Mapping[str, int]:
        with self._open(create=False) as connection:
            there = {} if connection is None else self._columns(connection)
            counted = {}
            for name in tables:
                counted[name] = 0
                if connection is not None and name in there:
                    found = connection.execute(f"SELECT count(*) FROM {self._t(name)}").fetchall()
                    counted[name] = int(found[0][0])
            return counted


def _run(
    connection: duckdb.DuckDBPyConnection, steps: Steps, counts: dict[str, Counts]
) -> None:  # fmt: skip
    """Each statement in its turn; the plan hears what it gave."""
    step = next(steps, None)
    while step is not None:
        rows = connection.execute(step.sql).fetchall()
        numbers = tuple(int(number) for number in rows[0]) if rows else (0,)
        of = counts.setdefault(step.table, Counts())
        for meaning, number in zip(step.counts, numbers, strict=False):
            setattr(of, meaning, getattr(of, meaning) + number)
        try:
            step = steps.send(numbers)
        except StopIteration:
            return


def _hashed(change: Change) -> Change:
    """The same of a column that is hashed."""
    text = TYPES[Type.STRING]
    return replace(change, ours=text, becomes=text, why="it is hashed")


def _staged(
    connection: duckdb.DuckDBPyConnection, rows: Rows, name: str, place: str = ""
) -> Staged:  # fmt: skip
    """The rows as a relation; each with its place among them if that is asked for."""
    data = rows.data
    if place:
        data = data.append_column(place, pa.arange(0, data.num_rows))
    connection.register(name, data)
    return Staged(rows.table, name)


def _rejects_table(rejects: Iterable[Reject]) -> pa.Table:
    rejects = list(rejects)
    return pa.table(
        {
            "table_name": pa.array([r.table for r in rejects], pa.string()),
            "record_id": pa.array([r.record_id for r in rejects], pa.string()),
            "column_name": pa.array([r.column for r in rejects], pa.string()),
            "value": pa.array([r.value for r in rejects], pa.string()),
            "reason": pa.array([r.reason for r in rejects], pa.string()),
        }
    )


def _timestamp(at: datetime | None) -> str:
    assert at is not None  # noqa: S101 - narrows for the type checker
    return f"TIMESTAMPTZ '{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00'"


def _times(size: str, factor: int) -> str:
    """`2GB` times 4 is `8GB`."""
    number = re.match(r"\s*[\d.]+", size)
    if number is None or "%" in size:
        return size
    return f"{float(number[0]) * factor:g}{size[number.end() :]}"
