"""A DuckDB file as destination.

The file is open only inside a call: between two batches any other program may read it. It knows
how to open, wait, stage and run; what is run is `merge`'s.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from sqlglot import exp

from kustomer_sync.destinations import merge
from kustomer_sync.errors import DestinationFailed, DestinationUnusable, Superseded
from kustomer_sync.model import ARROW_TYPES, Batch, Counts, Table, Type, Write

MEMORY = ":memory:"
EPOCH = "_epoch"
"""The state row whose `epoch` says which sync may write."""
WAIT_SECONDS = 60.0
PAUSE_SECONDS = 0.5
ROW_GROUP_ROWS = 20_480
"""About one batch. DuckDB compresses a table's last row group anew at each checkpoint: with its own
122,880 rows a first load would do that six times over."""

_TYPES = {
    "VARCHAR": Type.STRING,
    "INTEGER": Type.INT,
    "BIGINT": Type.LONG,
    "DOUBLE": Type.DOUBLE,
    "BOOLEAN": Type.BOOLEAN,
    "TIMESTAMP WITH TIME ZONE": Type.INSTANT,
    "JSON": Type.JSON,
    # met where another tool made the table
    "SMALLINT": Type.INT,
    "TINYINT": Type.INT,
    "FLOAT": Type.DOUBLE,
    "TIMESTAMP": Type.INSTANT,
}

_turns: dict[str, threading.Lock] = {}
"""One lock a file: within a process DuckDB would share the file instead of locking it."""


@dataclass
class DuckDB:
    """One schema of one DuckDB file."""

    path: str
    """A file, or `:memory:`."""
    schema: str
    system_prefix: str = "_fivetran_"
    memory_limit: str = "128MB"
    threads: int = 2
    wait_seconds: float = WAIT_SECONDS
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _epoch: int | None = None
    _synced_at: datetime | None = None
    _tables: dict[str, Table] = field(default_factory=dict)
    """Root tables as last ensured: whose child rows an absence flags."""
    _kept: duckdb.DuckDBPyConnection | None = None
    """The connection of a `:memory:` database, which lives as long as this object."""

    # The promises -----------------------------------------------------------------------------

    def check(self) -> None:
        with self._open() as db, _transaction(db, keep=False):
            self._create_schema(db)
            probe = self._names.table("_kustomer_sync_check")
            _run(db, f"CREATE TABLE {probe} (id INTEGER)")

    def begin(self, synced_at: datetime) -> dict[str, Any]:
        with self._open() as db, _transaction(db):
            self._create_schema(db)
            epoch = self._stored_epoch(db) + 1
            state = self._names.table(merge.STATE)
            _run(db, f"DELETE FROM {state} WHERE key = $1", EPOCH)
            started = json.dumps({"synced_at": synced_at.isoformat()})
            _run(db, f"INSERT INTO {state} VALUES ($1, $2, $3)", EPOCH, started, epoch)
            found = self._read_state(db)
        self._epoch, self._synced_at = epoch, synced_at
        return found

    def state(self) -> dict[str, Any]:
        if not self._exists():
            return {}
        with self._open() as db:
            return self._read_state(db) if merge.STATE in self._names_there(db) else {}

    def ensure(self, tables: Iterable[Table]) -> None:
        tables = tuple(tables)
        with self._open() as db, _transaction(db):
            self._create_schema(db)
            self._ensure(db, tables)
        self._tables.update({t.name: t for t in tables})

    def columns(self) -> Mapping[str, Mapping[str, Type]]:
        if not self._exists():
            return {}
        names = self._names
        with self._open() as db:
            stored = self._stored(db)
        back = {f"{names.prefix}id": "_fivetran_id"}
        return {
            table: {back.get(c, c): t for c, t in columns.items() if c not in names.system}
            for table, columns in stored.items()
            if table not in merge.OURS and names.synced in columns
        }

    def write(self, write: Write) -> Mapping[str, Counts]:
        counts: dict[str, Counts] = {}
        with self._open() as db, _transaction(db):
            self._require_epoch(db)
            for batch in write.batches:
                self._load(db, batch, counts)
            for table, ids in write.absent.items():
                self._mark_absent(db, table, ids, counts)
            self._save_state(db, write.state)
        return counts

    def missing(self, table: Table, seen: pa.StringArray) -> list[str]:
        names, key = self._names, self._names(merge.identity(table))
        with self._reading(table) as db:
            if db is None:
                return []
            with _staged(db, {"__ks_seen": pa.table({"id": seen.cast(pa.string())})}):
                found = _run(
                    db,
                    f"""
                    SELECT t.{key} FROM {names.table(table.name)} t
                    WHERE t.{names(names.deleted)} IS DISTINCT FROM TRUE
                        AND NOT EXISTS (SELECT 1 FROM __ks_seen s WHERE s.id = t.{key})
                    ORDER BY 1
                    """,
                )
        return [row[0] for row in found]

    def ids(self, table: Table, lo: datetime, hi: datetime) -> pa.Table:
        names = self._names
        with self._reading(table) as db:
            stored = self._stored(db).get(table.name, {}) if db is not None else {}
            if db is None or stored.get("updated_at") is not Type.INSTANT:
                return _IDS.empty_table()
            soft = (
                "coalesce(t.deleted, FALSE)" if stored.get("deleted") is Type.BOOLEAN else "FALSE"
            )
            query = f"""
                SELECT t.{names(merge.identity(table))} AS id, t.updated_at, {soft} AS deleted,
                    coalesce(t.{names(names.deleted)}, FALSE) AS flagged
                FROM {names.table(table.name)} t
                WHERE t.updated_at >= $1 AND t.updated_at < $2
                """
            found: pa.Table = db.sql(query, params=[lo, hi]).to_arrow_table()
        return found.cast(_IDS)

    def rows(self, tables: Iterable[str]) -> Mapping[str, int]:
        counts = dict.fromkeys(tables, 0)
        if not self._exists():
            return counts
        with self._open() as db:
            there = self._names_there(db)
            for name in counts:
                if name in there:
                    query = f"SELECT count(*) FROM {self._names.table(name)}"
                    counts[name] = int(_run(db, query)[0][0])
        return counts

    def close(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    # A write ------------------------------------------------------------------------------------

    def _require_epoch(self, db: duckdb.DuckDBPyConnection) -> None:
        if self._epoch is None:
            raise DestinationFailed("A write came before the sync began.")
        if self._stored_epoch(db) != self._epoch:
            raise Superseded(
                "Another sync of this connection took over.",
                "Nothing was written by this one; the newer one carries on.",
            )

    def _load(self, db: duckdb.DuckDBPyConnection, batch: Batch, counts: dict[str, Counts]) -> None:
        tables = (batch.root.table, *(c.table for c in batch.children))
        alone = [_childless(t) for t in tables]
        self._ensure(db, alone)
        stored = self._stored(db)
        for table in alone:
            for shape in self._names.shapes(table):
                counts.setdefault(shape.name, Counts())
        plan = merge.Plan(self._names, stored)
        with _staged(db, merge.staged(batch)):
            self._run_plan(db, plan.batch(batch), counts)

    def _mark_absent(
        self,
        db: duckdb.DuckDBPyConnection,
        name: str,
        ids: tuple[str, ...],
        counts: dict[str, Counts],
    ) -> None:
        table = self._tables.get(name)
        if table is None:
            raise DestinationFailed(f"Table {name} was not prepared before its absences came.")
        for shape in self._names.shapes(table):
            counts.setdefault(shape.name, Counts())
        plan = merge.Plan(self._names, self._stored(db))
        with _staged(db, {merge.STAGED_ABSENT: pa.table({"id": pa.array(ids, pa.string())})}):
            self._run_plan(db, plan.absent(table), counts)

    def _run_plan(
        self,
        db: duckdb.DuckDBPyConnection,
        statements: Iterable[merge.Statement],
        counts: dict[str, Counts],
    ) -> None:
        for statement in statements:
            found = _run(db, statement.sql, *((self._synced_at,) if statement.synced else ()))
            for count in statement.counts:
                one = counts[count.table]
                affected = getattr(one, count.kind) + count.sign * int(found[0][0])
                setattr(one, count.kind, affected)

    def _save_state(self, db: duckdb.DuckDBPyConnection, state: Mapping[str, Any]) -> None:
        if not state:
            return
        target = self._names.table(merge.STATE)
        rows = pa.table(
            {
                "key": pa.array(list(state), pa.string()),
                "value": pa.array([json.dumps(v) for v in state.values()], pa.string()),
            }
        )
        with _staged(db, {merge.STAGED_STATE: rows}):
            _run(db, f"DELETE FROM {target} WHERE key IN (SELECT key FROM {merge.STAGED_STATE})")
            _run(
                db,
                f"INSERT INTO {target} SELECT key, value::JSON, $1 FROM {merge.STAGED_STATE}",
                self._epoch,
            )

    # What is there ------------------------------------------------------------------------------

    @property
    def _names(self) -> merge.Names:
        return merge.Names(merge.DUCKDB, self.schema, self.system_prefix)

    def _create_schema(self, db: duckdb.DuckDBPyConnection) -> None:
        names = self._names
        _run(db, f"CREATE SCHEMA IF NOT EXISTS {names(self.schema)}")
        _run(
            db,
            f"CREATE TABLE IF NOT EXISTS {names.table(merge.STATE)}"
            " (key VARCHAR, value JSON, epoch BIGINT)",
        )
        _run(
            db,
            f"CREATE TABLE IF NOT EXISTS {names.table(merge.REJECTS)}"
            " (table_name VARCHAR, record_id VARCHAR, column_name VARCHAR, value VARCHAR,"
            f" reason VARCHAR, {names(names.synced)} TIMESTAMPTZ)",
        )

    def _ensure(self, db: duckdb.DuckDBPyConnection, tables: Iterable[Table]) -> None:
        stored = self._stored(db)
        for table in tables:
            for shape in self._names.shapes(table):
                for statement in merge.ensure(self._names, shape, stored.get(shape.name)):
                    _run(db, statement.sql)

    def _stored(self, db: duckdb.DuckDBPyConnection) -> dict[str, dict[str, Type]]:
        found = _run(
            db,
            "SELECT table_name, column_name, data_type FROM duckdb_columns()"
            " WHERE schema_name = $1 AND database_name = current_database()"
            " ORDER BY table_name, column_index",
            self.schema,
        )
        out: dict[str, dict[str, Type]] = {}
        for table, column, kind in found:
            out.setdefault(table, {})[column] = _TYPES.get(kind, Type.STRING)
        return out

    def _names_there(self, db: duckdb.DuckDBPyConnection) -> set[str]:
        return set(self._stored(db))

    def _stored_epoch(self, db: duckdb.DuckDBPyConnection) -> int:
        if merge.STATE not in self._names_there(db):
            return 0
        query = f"SELECT max(epoch) FROM {self._names.table(merge.STATE)} WHERE key = $1"
        return int(_run(db, query, EPOCH)[0][0] or 0)

    def _read_state(self, db: duckdb.DuckDBPyConnection) -> dict[str, Any]:
        query = f"SELECT key, value FROM {self._names.table(merge.STATE)} WHERE key <> $1"
        return {key: json.loads(value) for key, value in _run(db, query, EPOCH)}

    # Open and closed ----------------------------------------------------------------------------

    def _exists(self) -> bool:
        return self.path == MEMORY or Path(self.path).exists()

    @contextmanager
    def _reading(self, table: Table) -> Iterator[duckdb.DuckDBPyConnection | None]:
        """Open, or None where the table is not there yet."""
        if not self._exists():
            yield None
            return
        with self._open() as db:
            yield db if table.name in self._names_there(db) else None

    @contextmanager
    def _open(self) -> Iterator[duckdb.DuckDBPyConnection]:
        if self.path == MEMORY:
            self._kept = self._kept or self._connect()
            yield self._kept
            return
        turn = _turns.setdefault(str(Path(self.path).resolve()), threading.Lock())
        if not turn.acquire(timeout=self.wait_seconds):
            raise _locked(self.path, "another sync of this process", self.wait_seconds)
        try:
            db = self._wait_for(self.path)
            try:
                yield db
            finally:
                db.close()
        finally:
            turn.release()

    def _wait_for(self, path: str) -> duckdb.DuckDBPyConnection:
        """Connect, waiting while somebody else holds the file."""
        folder = Path(path).parent
        if not folder.is_dir():
            raise DestinationUnusable(
                f"The folder {folder} of the DuckDB file does not exist.",
                "Create it, or correct the destination.",
            )
        give_up = self.clock() + self.wait_seconds
        while True:
            try:
                return self._connect()
            except duckdb.Error as error:
                holder = _holder(str(error))
                if holder is None:
                    raise _unusable(path, error) from error
                if self.clock() >= give_up:
                    raise _locked(path, holder, self.wait_seconds) from error
            self.sleep(PAUSE_SECONDS)

    def _connect(self) -> duckdb.DuckDBPyConnection:
        """Attached instead of opened: only so can the size of a row group be said."""
        db = duckdb.connect(
            MEMORY,
            config={
                "memory_limit": self.memory_limit,
                "threads": self.threads,
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,  # a sync talks to Kustomer alone
            },
        )
        if self.path != MEMORY:
            file = exp.Literal.string(self.path).sql(dialect="duckdb")
            try:
                _run(db, f"ATTACH {file} AS sync (ROW_GROUP_SIZE {ROW_GROUP_ROWS})")
                _run(db, "USE sync")
            except BaseException:
                db.close()
                raise
        return db


_IDS = pa.schema(
    [
        ("id", ARROW_TYPES[Type.STRING]),
        ("updated_at", ARROW_TYPES[Type.INSTANT]),
        ("deleted", ARROW_TYPES[Type.BOOLEAN]),
        ("flagged", ARROW_TYPES[Type.BOOLEAN]),
    ]
)


def _childless(table: Table) -> Table:
    """The table alone: in a batch its children come beside it, with columns of their own."""
    return replace(table, children=())


def _run(db: duckdb.DuckDBPyConnection, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """Run one statement and read its result to the end, as DuckDB 2 wants it."""
    return db.execute(sql, list(values) or None).fetchall()


@contextmanager
def _transaction(db: duckdb.DuckDBPyConnection, *, keep: bool = True) -> Iterator[None]:
    """All of it or nothing; what DuckDB refuses becomes our error."""
    try:
        _run(db, "BEGIN")
        yield
        _run(db, "COMMIT" if keep else "ROLLBACK")
    except BaseException as error:
        _roll_back(db)
        if isinstance(error, duckdb.Error):
            raise DestinationFailed(f"DuckDB refused the write: {_first_line(error)}") from error
        raise


def _roll_back(db: duckdb.DuckDBPyConnection) -> None:
    try:
        _run(db, "ROLLBACK")
    except duckdb.Error:  # a failed COMMIT has rolled back already
        return


@contextmanager
def _staged(db: duckdb.DuckDBPyConnection, tables: Mapping[str, pa.Table]) -> Iterator[None]:
    """The tables readable by name, straight from Arrow's memory."""
    for name, data in tables.items():
        db.register(name, data)
    try:
        yield
    finally:
        for name in tables:
            db.unregister(name)


def _holder(message: str) -> str | None:
    """Who holds the lock, in DuckDB's words; None if the message is not about a lock."""
    if held := re.search(r"lock is held in (.+?)(?:\. |$)", message):
        return held.group(1)
    if "Could not set lock" in message or "being used by another process" in message:
        return "another process"
    if "different configuration" in message:
        return "another connection of this process"
    return None


def _locked(path: str, holder: str, seconds: float) -> DestinationUnusable:
    return DestinationUnusable(
        f"The DuckDB file {path} was held for {seconds:g} s by {holder}.",
        "Close that program's connection, or let it open the file read-only and briefly.",
    )


def _unusable(path: str, error: duckdb.Error) -> DestinationUnusable:
    if Path(path).is_dir():
        hint = "It is a folder: name a file inside it."
    elif "not a valid DuckDB database" in str(error):
        hint = "It is not a DuckDB file, or damaged: name another file, or restore it."
    else:
        hint = "Check that the file and its folder may be written."
    return DestinationUnusable(
        f"The DuckDB file {path} can't be opened: {_first_line(error)}", hint
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0]
