"""DuckDB. One process holds a file, and while it is open no other can read it, so it is open only
while something is read or written. A write is one transaction; a killed process leaves all of
the last committed ones and nothing of the next.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import orjson
import pyarrow as pa

from kustomer_sync.destinations import foreign
from kustomer_sync.destinations.foreign import Ours
from kustomer_sync.destinations.merge import (
    PLACE,
    Dialect,
    Plan,
    Staged,
    Steps,
    System,
    history_columns,
)
from kustomer_sync.destinations.types import BY_NAME, TYPES
from kustomer_sync.errors import DestinationFailed, DestinationUnusable, Superseded
from kustomer_sync.model import (
    END_OF_TIME,
    Batch,
    Column,
    Counts,
    Held,
    Reject,
    Returned,
    Rows,
    Strayed,
    Table,
    Type,
    Write,
    wider,
)

Digests: TypeAlias = Callable[[Any, Type], Any]
"""An Arrow array of values of a type -> one of their digests."""
STATE, REJECTS = "_kustomer_sync_state", "_kustomer_sync_rejects"
OURS = "columns"
"""State key: the columns of each table that the program made, with what is in them."""
_AT_ONCE = 20_000
"""Values hashed at once."""
LOCK_SECONDS = 60.0
MOST_TIMES = 16
TIDY_EVERY = 50
"""Syncs after which one puts small pieces of tables together. DuckDB would at every write, and a
bulk load then rewrites its newest pieces with each batch: 500,000 records took 88 CPU-seconds
instead of 35.
"""
_SHORT_OF_MEMORY = re.compile(r"\(\S+ \S+/\S+ \S+ used\)")
_DIALECT = Dialect(TYPES, row="rowid")


class DuckDB:
    """A schema of a DuckDB file. See `Destination` for what each method promises."""

    def __init__(
        self, path: str, *, schema: str, system_prefix: str = "_fivetran_",
        memory_limit: str = "128MB", sleep: Callable[[float], None] = time.sleep,
        lock_seconds: float | None = None,
    ) -> None:  # fmt: skip
        self.path = Path(path)
        self._schema, self._memory = schema, memory_limit
        self._system = System(system_prefix)
        self._sleep = sleep
        self._lock_seconds = LOCK_SECONDS if lock_seconds is None else lock_seconds
        self._epoch: int | None = None
        self._synced_at: datetime | None = None
        self._known: dict[str, Table] = {}
        self._catalog = ""
        self._ours = Ours()
        self._odd: set[tuple[str, str]] = set()
        """Columns of a type that is none of ours."""
        self._digests: Digests | None = None
        self._times = 1
        """How often `memory_limit` a write has needed."""

    # ---- opening ----

    @contextmanager
    def _open(self, *, create: bool = True) -> Iterator[duckdb.DuckDBPyConnection | None]:
        """The file, open; None when it is not there and `create` is False."""
        if not self.path.exists():
            if not create:
                yield None
                return
            if not self.path.parent.is_dir():
                raise DestinationUnusable(
                    f"The folder {str(self.path.parent)!r} does not exist.",
                    "Create it, or change `destination`.",
                )
        connection = self._connect()
        try:
            connection.execute("SET TimeZone = 'UTC'")
            if self._epoch is None or self._epoch % TIDY_EVERY:
                connection.execute("SET max_vacuum_tasks = 0")
            if self._times > 1:
                connection.execute(f"SET memory_limit = '{_times(self._memory, self._times)}'")
            self._catalog = connection.execute("SELECT current_database()").fetchall()[0][0]
            yield connection
        finally:
            connection.close()

    def _connect(self) -> duckdb.DuckDBPyConnection:
        waited = 0.0
        while True:
            try:
                return duckdb.connect(
                    str(self.path),
                    config={
                        "memory_limit": self._memory,
                        "threads": 1,  # a second one saves no time here and costs memory
                        "preserve_insertion_order": False,
                    },
                )
            except duckdb.Error as error:
                if "Could not set lock" not in str(error):
                    raise DestinationUnusable(
                        f"{str(self.path)!r} can't be opened as a DuckDB file ({_first(error)}).",
                        "Check `destination` and `memory_limit`.",
                    ) from None
                if waited >= self._lock_seconds:
                    raise DestinationUnusable(
                        f"{str(self.path)!r} is open in another program ({_first(error)}).",
                        "Close it there and run the sync again.",
                    ) from None
            self._sleep(0.25)
            waited += 0.25

    @contextmanager
    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._open() as connection:
            assert connection is not None  # noqa: S101 - narrows for the type checker
            try:
                connection.execute("BEGIN")
                yield connection
                if self._ours.changed:
                    self._put(connection, OURS, self._ours.state())
                connection.execute("COMMIT")
                self._ours.keep()
            except duckdb.Error as error:
                self._ours.forget()
                raise DestinationFailed(
                    f"{str(self.path)!r} refused a write ({_first(error)}).",
                    "Nothing of it was kept; the sync goes on from here the next time.",
                ) from error
            except Exception:
                self._ours.forget()
                raise

    def check(self) -> None:
        new = not self.path.exists()
        with self._open():
            pass
        if new:
            self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Nothing is held between calls."""

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
        return _DIALECT.name(self._catalog, self._schema, *name)

    # ---- tables ----

    def columns(self) -> Mapping[str, Mapping[str, Type]]:
        with self._open(create=False) as connection:
            return {} if connection is None else self._columns(connection)

    def _columns(self, connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, Type]]:
        rows = connection.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() "
            "JOIN duckdb_tables() USING (database_name, schema_name, table_name) "
            "WHERE database_name = current_database() AND schema_name = ? ORDER BY column_index",
            [self._schema],
        ).fetchall()
        found: dict[str, dict[str, Type]] = {}
        for table, column, type_ in rows:
            found.setdefault(table, {})[column] = BY_NAME.get(type_, Type.STRING)
        self._odd = {(table, column) for table, column, type_ in rows if type_ not in BY_NAME}
        return found

    def ensure(
        self, tables: Iterable[Table], *, digests: Digests | None = None,
        state: Mapping[str, Any] | None = None, returned: Iterable[Returned] = (),
        silent: Mapping[str, Iterable[str]] | None = None,
    ) -> Mapping[str, Counts]:  # fmt: skip
        if self._epoch is None:
            raise RuntimeError("ensure before begin")
        self._digests = digests or self._digests
        counts: dict[str, Counts] = {}
        tables = tuple(tables)
        with self._transaction() as connection:
            self._own(connection)
            names = {name for table in tables for name in foreign.places(table)}
            foreign.refuse_views(connection, self._schema, names)
            foreign.refuse_required(connection, self._schema, names)
            foreign.mend(connection, self._schema, self._ours, names)
            stored = self._columns(connection)
            for table in tables:
                self._ensure(connection, table, stored, counts)
            for back in returned:
                self._returned(connection, back, stored)
            for name, kept in (silent or {}).items():
                connection.execute(
                    f"UPDATE {self._t(REJECTS)} SET value = NULL WHERE table_name = ? "
                    "AND value IS NOT NULL AND NOT list_contains(?, column_name)",
                    [name, list(kept)],
                )
            for key, value in (state or {}).items():
                self._put(connection, key, value)
        return counts

    def strayed(self) -> list[Strayed]:
        with self._open(create=False) as connection:
            if connection is None:
                return []
            return foreign.strayed(connection, self._schema, self._ours)

    def _ensure(
        self, connection: duckdb.DuckDBPyConnection, table: Table,
        stored: dict[str, dict[str, Type]], counts: dict[str, Counts],
    ) -> None:  # fmt: skip
        """The table, its children and their histories are there and wide enough."""
        self._known.setdefault(table.name, table)  # a batch may bring fewer children
        for part in table.walk():
            columns = {self._system.physical(c): c for c in part.landing}
            synced, deleted = self._system.synced, self._system.deleted
            new = part.place not in stored
            self._shape(
                connection, part.place, columns, {synced: Type.INSTANT, deleted: Type.BOOLEAN},
                stored, counts, part.left_out,
            )  # fmt: skip
            twin = part.name if part.hidden else replace(part, hidden=True).place
            if part.hidden and new and twin in stored and twin != part.place:
                self._copied(connection, twin, part.place, stored)
            elif not part.hidden and twin in stored and twin != part.name:
                self._uncovered(connection, part, twin, stored)
            if part.history:
                kept = {c.name: c for c in history_columns(part)}
                marks = {
                    self._system.start: Type.INSTANT, self._system.end: Type.INSTANT,
                    self._system.active: Type.BOOLEAN, synced: Type.INSTANT,
                }  # fmt: skip
                self._shape(connection, part.history, kept, marks, stored, counts, part.left_out)

    def _shape(
        self, connection: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, Column],
        marks: Mapping[str, Type], stored: dict[str, dict[str, Type]],
        counts: dict[str, Counts], left_out: Iterable[str],
    ) -> None:  # fmt: skip
        """The table has the columns, wide enough, and digests in those that are hashed alone."""
        table = self._t(name)
        wanted = {**{c: column.landed for c, column in columns.items()}, **marks}
        hashed = {c for c, column in columns.items() if column.hashed}
        if name not in stored:
            foreign.refuse_views(connection, self._schema, (name,))
            body = ", ".join(f"{_DIALECT.name(c)} {TYPES[t]}" for c, t in wanted.items())
            connection.execute(f"CREATE TABLE {table} ({body})")
            stored[name] = dict(wanted)
            self._ours.made(name, wanted, hashed)
            return
        have = stored[name]
        self._ours.met(name, have, {*wanted, *left_out})
        for column, type_ in wanted.items():
            quoted = _DIALECT.name(column)
            if (name, column) in self._odd:  # somebody made it before there was a value for it
                self._retype(connection, name, column, Type.STRING, f"CAST({quoted} AS VARCHAR)")
            if column not in have:
                connection.execute(f"ALTER TABLE {table} ADD COLUMN {quoted} {TYPES[type_]}")
                have[column] = type_
            elif column in hashed and not self._ours.is_hashed(name, column):
                self._hash(connection, name, column, have, counts)
            elif self._ours.is_hashed(name, column) and column not in hashed:
                self._retype(connection, name, column, type_, f"TRY_CAST({quoted} AS {{}})")
                have[column] = type_
            elif (wide := wider(have[column], type_)) != have[column]:
                using = _DIALECT.cast(quoted, have[column], wide)
                self._retype(connection, name, column, wide, using)
                have[column] = wide
            self._ours.note(name, column, have[column], hashed=column in hashed)

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
        synced = _DIALECT.name(self._system.synced)
        rows = connection.execute(
            f"UPDATE {table} SET {quoted} = made.digest, {synced} = {_timestamp(self._synced_at)} "
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
        stored: dict[str, dict[str, Type]],
    ) -> None:  # fmt: skip
        """A table that was hidden: what was flagged meanwhile is; the hidden one is no more."""
        keys = self._system.key(table)
        flag, synced = _DIALECT.name(self._system.deleted), _DIALECT.name(self._system.synced)
        same = " AND ".join(f"t.{_DIALECT.name(k)} = h.{_DIALECT.name(k)}" for k in keys)
        connection.execute(
            f"UPDATE {self._t(table.place)} t SET {flag} = TRUE, "
            f"{synced} = {_timestamp(self._synced_at)} FROM {self._t(twin)} h "
            f"WHERE {same} AND h.{flag} AND t.{flag} IS DISTINCT FROM TRUE"
        )
        connection.execute(f"DROP TABLE {self._t(twin)}")
        del stored[twin]
        self._ours.dropped(twin)

    def _returned(
        self, connection: duckdb.DuckDBPyConnection, back: Returned,
        stored: dict[str, dict[str, Type]],
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
        connection.execute(f"UPDATE {self._t(back.table)} SET {done} AND {gone}")

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
            for batch in write.batches:
                self._batch(connection, batch, stored, counts)
            for name, ids in write.absent.items():
                self._absent(connection, name, ids, stored, counts)
            for key, value in write.state.items():
                self._put(connection, key, value)
        return counts

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
        assert self._synced_at is not None  # noqa: S101 - narrows for the type checker
        return Plan(
            _DIALECT, self._system, (self._catalog, self._schema), own, _timestamp(self._synced_at),
            _timestamp(END_OF_TIME),
        )  # fmt: skip

    def _batch(
        self, connection: duckdb.DuckDBPyConnection, batch: Batch,
        stored: dict[str, dict[str, Type]], counts: dict[str, Counts],
    ) -> None:  # fmt: skip
        table = replace(
            batch.root.table,
            children=tuple(child.table for child in batch.children),
        )
        self._ensure(connection, table, stored, counts)
        for part in table.walk():
            counts.setdefault(part.place, Counts())
            if part.history:
                counts.setdefault(part.history, Counts())
        root = _staged(connection, batch.root, "staged")
        children = [
            _staged(connection, child, f"staged_{n}", PLACE)
            for n, child in enumerate(batch.children)
        ]
        plan = self._plan(stored)
        theirs = foreign.theirs(connection, self._schema, self._ours, stored, plan.system)
        with foreign.kept(connection, plan, theirs, (root, *children)):
            _run(connection, plan.batch(root, children), counts)
        self._rejects(connection, batch)
        for staged in (root, *children):
            connection.unregister(staged.relation)

    def _rejects(self, connection: duckdb.DuckDBPyConnection, batch: Batch) -> None:
        """The accepted records' rejects are those of this reading, and no older ones."""
        connection.register("rejected", _rejects_table(batch.rejects))
        names = [part.name for part in batch.root.table.walk()]
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

    def _put(self, connection: duckdb.DuckDBPyConnection, key: str, value: Any) -> None:
        text = orjson.dumps(value).decode()
        connection.execute(f"DELETE FROM {self._t(STATE)} WHERE key = ?", [key])
        connection.execute(f"INSERT INTO {self._t(STATE)} VALUES (?, ?, NULL)", [key, text])

    # ---- reading ----

    def missing(self, table: Table, seen: Iterable[str]) -> list[str]:
        with self._open(create=False) as connection:
            if connection is None or table.place not in self._columns(connection):
                return []
            connection.register("seen", pa.table({"id": pa.array(list(seen), pa.string())}))
            flag = _DIALECT.name(self._system.deleted)
            rows = connection.execute(
                f"SELECT id FROM {self._t(table.place)} WHERE {flag} IS DISTINCT FROM TRUE "
                "AND id NOT IN (SELECT id FROM seen) ORDER BY id"
            ).fetchall()
            return [row[0] for row in rows]

    def spread(self, table: Table, lo: int, hi: int, most: int, turn: float = 0.0) -> list[Held]:
        says = "deleted" in {c.name for c in table.columns}
        rows = self._read(
            table,
            f"""
            WITH stamps AS (
                SELECT epoch_ms(updated_at) AS stamp, {"deleted" if says else "FALSE AS deleted"}
                FROM kept WHERE epoch_ms(updated_at) BETWEEN ? AND ?
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

    def ids(self, table: Table, lo: int, hi: int) -> list[str]:
        rows = self._read(
            table,
            "SELECT id FROM kept WHERE epoch_ms(updated_at) BETWEEN ? AND ? ORDER BY id",
            [lo, hi - 1],
        )
        return [row[0] for row in rows]

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
    ) -> tuple[int, list[str]]:
        synced = _DIALECT.name(self._system.synced)
        only = f"AND {synced} = {_timestamp(self._synced_at)}" if changed else ""
        only += f" AND {_DIALECT.name(lacking)} IS NULL" if lacking else ""
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
            if connection is None or table.place not in self._columns(connection):
                return []
            connection.execute(
                f"CREATE TEMP VIEW kept AS SELECT * FROM {self._t(table.place)} "
                f"WHERE {_DIALECT.name(self._system.deleted)} IS DISTINCT FROM TRUE"
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


def _staged(
    connection: duckdb.DuckDBPyConnection, rows: Rows, name: str, place: str = ""
) -> Staged:  # fmt: skip
    """The rows as a relation; each with its place among them if that is asked for."""
    data = rows.data
    if place:
        data = data.append_column(place, pa.arange(0, data.num_rows))
    connection.register(name, data)
    return Staged(rows, name)


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


def _first(error: Exception) -> str:
    """The first line of an engine's error, which says it; the rest is advice."""
    return str(error).strip().splitlines()[0][:300]
