"""The merge plan: what is done to a database so that a batch has landed in it.

One plan for every engine that speaks SQL. Its inputs are staged tables (`staged`) and the columns
that are there (`stored`); its output is a list of named statements, all of one transaction, each
saying what its affected rows count as. It runs nothing and knows no connection.

Read it from `Plan.batch`: winners among the copies, the root's rows, the children's rows, then the
histories. Every one of these ends in `Plan._reconcile`: stored rows that differ are deleted,
new and different ones inserted, equal ones not touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import pyarrow as pa
from sqlglot import exp

from kustomer_sync.model import (
    DELETED,
    REV,
    ROW,
    UPDATED_AT,
    Batch,
    Column,
    Origin,
    Rows,
    Table,
    Type,
    wider,
)

STATE = "_kustomer_sync_state"
REJECTS = "_kustomer_sync_rejects"
OURS = frozenset({STATE, REJECTS})

STAGE = "__ks_stage_{}"
"""A staged table: 0 is the root, 1.. its children in the batch's order."""
STAGED_REJECTS = "__ks_stage_rejects"
STAGED_ABSENT = "__ks_stage_absent"
STAGED_STATE = "__ks_stage_state"

SEEN = "__n"
"""int64, in a staged child: the element's place in the batch, so that the first of equals stays."""

Columns = Mapping[str, Type]
Stored = Mapping[str, Columns]


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one engine says differently."""

    name: str
    """sqlglot's name for it; quoting follows."""
    types: Mapping[Type, str]
    row_id: str
    """The column that names a stored row for the rest of the transaction."""
    instant_text: str
    """A timestamp {0} as ISO text, six digits of a second, Z at the end."""


DUCKDB = Dialect(
    "duckdb",
    {
        Type.STRING: "VARCHAR",
        Type.INT: "INTEGER",
        Type.LONG: "BIGINT",
        Type.DOUBLE: "DOUBLE",
        Type.BOOLEAN: "BOOLEAN",
        Type.INSTANT: "TIMESTAMPTZ",
        Type.JSON: "JSON",
    },
    "rowid",
    "strftime({0} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')",
)
POSTGRES = Dialect(
    "postgres",
    {
        Type.STRING: "TEXT",
        Type.INT: "INTEGER",
        Type.LONG: "BIGINT",
        Type.DOUBLE: "DOUBLE PRECISION",
        Type.BOOLEAN: "BOOLEAN",
        Type.INSTANT: "TIMESTAMPTZ",
        Type.JSON: "JSONB",
    },
    "ctid",
    "to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
)


@dataclass(frozen=True, slots=True)
class Count:
    """Each affected row counts `sign` towards `kind` of `table`."""

    table: str
    kind: str
    sign: int = 1


@dataclass(frozen=True, slots=True)
class Statement:
    name: str
    """What it does, for messages and traces: `conversation_tag: insert`."""
    sql: str
    counts: tuple[Count, ...] = ()
    synced: bool = False
    """Its one parameter, $1, is when the sync began."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One table as the destination has it: landed names and types, system columns last."""

    name: str
    columns: Columns
    system: Columns

    @property
    def all(self) -> dict[str, Type]:
        return {**self.columns, **self.system}


@lru_cache(maxsize=4096)
def quote(name: str, dialect: str) -> str:
    """The one place where a name becomes SQL."""
    return exp.to_identifier(name, quoted=True).sql(dialect=dialect)


def staged(batch: Batch) -> dict[str, pa.Table]:
    """The tables that must be readable under these names while a plan runs."""
    root = batch.root.data
    meta: dict[str, pa.DataType] = {
        ROW: pa.int64(),
        UPDATED_AT: pa.timestamp("us", tz="UTC"),
        REV: pa.int64(),
        DELETED: pa.bool_(),
    }
    for name, kind in meta.items():
        if name not in root.column_names:
            root = root.append_column(name, pa.array([None] * root.num_rows, kind))
    out = {STAGE.format(0): root}
    for place, child in enumerate(batch.children, 1):
        seen = pa.array(range(child.data.num_rows), pa.int64())
        out[STAGE.format(place)] = child.data.append_column(SEEN, seen)
    out[STAGED_REJECTS] = pa.table(
        {
            "table_name": pa.array([r.table for r in batch.rejects], pa.string()),
            "record_id": pa.array([r.record_id for r in batch.rejects], pa.string()),
            "column_name": pa.array([r.column for r in batch.rejects], pa.string()),
            "value": pa.array([r.value for r in batch.rejects], pa.string()),
            "reason": pa.array([r.reason for r in batch.rejects], pa.string()),
        }
    )
    return out


@dataclass(frozen=True)
class Names:
    """How tables and columns are called in one schema of one engine."""

    dialect: Dialect
    schema: str
    prefix: str

    def __call__(self, name: str) -> str:
        return quote(name, self.dialect.name)

    def table(self, name: str) -> str:
        return f"{self(self.schema)}.{self(name)}"

    def list(self, names: Iterable[str], alias: str = "") -> str:
        at = f"{alias}." if alias else ""
        return ", ".join(f"{at}{self(n)}" for n in names)

    @property
    def synced(self) -> str:
        return f"{self.prefix}synced"

    @property
    def deleted(self) -> str:
        return f"{self.prefix}deleted"

    @property
    def start(self) -> str:
        return f"{self.prefix}start"

    @property
    def end(self) -> str:
        return f"{self.prefix}end"

    @property
    def active(self) -> str:
        return f"{self.prefix}active"

    @property
    def system(self) -> frozenset[str]:
        return frozenset({self.synced, self.deleted, self.start, self.end, self.active})

    def landed(self, column: Column) -> str:
        """The catalog says `_fivetran_id`; it lands under the connection's own prefix."""
        if column.origin is Origin.SURROGATE:
            return self.landed_name(column.name)
        return column.name

    def landed_name(self, name: str) -> str:
        return f"{self.prefix}id" if name == "_fivetran_id" else name

    def shapes(self, table: Table) -> Iterator[Shape]:
        """The table, its history, its children, theirs."""
        flag = {self.deleted: Type.BOOLEAN, self.synced: Type.INSTANT}
        version = {
            self.start: Type.INSTANT,
            self.end: Type.INSTANT,
            self.active: Type.BOOLEAN,
            self.synced: Type.INSTANT,
        }
        for one in table.walk():
            yield Shape(one.name, {self.landed(c): c.type for c in one.columns}, flag)
            if one.history:
                yield Shape(one.history, {self.landed(c): c.type for c in versioned(one)}, version)

    def key(self, table: Table) -> tuple[str, ...]:
        """What tells its rows apart; for a child, within its parent."""
        names = (table.parent_column, *table.key) if table.parent_column else table.key
        return tuple(dict.fromkeys(self.landed_name(n) for n in names))

    def history_key(self, table: Table) -> tuple[str, ...]:
        if not table.history_key:
            return self.key(table)
        names = (table.parent_column, *table.history_key)
        return tuple(dict.fromkeys(self.landed_name(n) for n in names if n))


def versioned(table: Table) -> tuple[Column, ...]:
    """The columns its history has; an element's place is none of them unless it is the key."""
    key = table.history_key or table.key
    return tuple(c for c in table.columns if c.origin is not Origin.INDEX or c.name in key)


def identity(table: Table) -> str:
    """The column that holds a root record's id."""
    return "id" if "id" in table.key else table.key[0]


# Shapes -----------------------------------------------------------------------------------------


def ensure(names: Names, shape: Shape, stored: Columns | None) -> list[Statement]:
    """Statements after which the table has at least this shape."""
    table = names.table(shape.name)
    sql_type = names.dialect.types
    if stored is None:
        columns = ", ".join(f"{names(n)} {sql_type[t]}" for n, t in shape.all.items())
        return [Statement(f"{shape.name}: create", f"CREATE TABLE {table} ({columns})")]
    out = []
    for name, kind in shape.all.items():
        have = stored.get(name)
        if have is None:
            sql = f"ALTER TABLE {table} ADD COLUMN {names(name)} {sql_type[kind]}"
            out.append(Statement(f"{shape.name}: add {name}", sql))
        elif (to := wider(have, kind)) != have:
            using = cast(names(name), have, to, names.dialect)
            sql = (
                f"ALTER TABLE {table} ALTER COLUMN {names(name)} TYPE {sql_type[to]} USING {using}"
            )
            out.append(Statement(f"{shape.name}: widen {name}", sql))
    return out


def cast(value: str, have: Type, want: Type, dialect: Dialect) -> str:
    """The value at the wider type; text of a number reads as a person would write it."""
    to = dialect.types[want]
    if want is not Type.STRING or have is Type.STRING:
        return f"CAST({value} AS {to})"
    if have is Type.DOUBLE:
        whole = f"{value} = floor({value}) AND abs({value}) < 9007199254740992"
        return (
            f"CASE WHEN {whole} THEN CAST(CAST({value} AS BIGINT) AS {to})"
            f" ELSE CAST({value} AS {to}) END"
        )
    if have is Type.INSTANT:  # Kustomer writes milliseconds; more only where there are more
        iso = dialect.instant_text.format(value)
        return f"regexp_replace({iso}, '000Z$', 'Z')"
    return f"CAST({value} AS {to})"


# The plan ---------------------------------------------------------------------------------------

LOWEST_INSTANT = "CAST('-infinity' AS TIMESTAMPTZ)"
LOWEST_REV = "CAST('-9223372036854775808' AS BIGINT)"
END = "CAST('9999-12-31 23:59:59.999+00' AS TIMESTAMPTZ)"
TICK = "INTERVAL '1 millisecond'"


@dataclass
class Plan:
    """Builds the statements of one batch; temporary tables are dropped by its last ones."""

    names: Names
    stored: Stored
    """The columns that are there now, of every table the batch lands in."""
    statements: list[Statement] = field(default_factory=list)
    temporary: list[str] = field(default_factory=list)

    def batch(self, batch: Batch) -> list[Statement]:
        self._accept(batch.root)
        self._root(batch.root)
        for place, child in enumerate(batch.children, 1):
            self._child(place, child)
        self._histories(batch)
        self._rejects(batch)
        return self._finished()

    def absent(self, table: Table) -> list[Statement]:
        """Kustomer no longer has the staged ids: flag rows and child rows, close versions."""
        for one in table.walk():
            owner = self.names(one.parent_column or identity(one))
            self._flag(one.name, owner)
            if one.history:
                self._close(one.history, owner)
        return self._finished()

    # Roots ------------------------------------------------------------------------------------

    def _accept(self, root: Rows) -> None:
        """`accepted`: of each record the copy to land, if nothing newer is stored."""
        n, table = self.names, root.table
        key = n.key(table)
        values = [self._staged(root, c) for c in key]
        keys = ", ".join(f"{v} AS {n(c)}" for v, c in zip(values, key, strict=True))
        stored = self.stored[table.name]
        self._create(
            "accepted",
            f"{table.name}: choose copies",
            f"""
            SELECT w.*, w.{n(identity(table))} AS __id, t.{n.dialect.row_id} AS __at
            FROM (
                SELECT s.{ROW}, {keys}, s.{UPDATED_AT}, s.{REV},
                    coalesce(s.{DELETED}, FALSE) AS __flag,
                    row_number() OVER (
                        PARTITION BY {", ".join(values)}
                        ORDER BY s.{UPDATED_AT} DESC NULLS LAST, s.{REV} DESC NULLS LAST,
                            s.{ROW} DESC
                    ) AS __place
                FROM {STAGE.format(0)} s
            ) w
            LEFT JOIN {n.table(table.name)} t ON {self._equal(key, "t", "w")}
            WHERE w.__place = 1 AND (t.{n(key[0])} IS NULL OR {self._not_older(stored)})
            """,
        )

    def _not_older(self, stored: Columns) -> str:
        if stored.get("updated_at") is not Type.INSTANT:
            return "TRUE"
        mine = f"coalesce(w.{UPDATED_AT}, {LOWEST_INSTANT})"
        theirs = f"coalesce(t.{self.names('updated_at')}, {LOWEST_INSTANT})"
        return f"{mine} > {theirs} OR ({mine} = {theirs} AND {self._rev(stored)})"

    def _rev(self, stored: Columns) -> str:
        """The incoming rev is not below the stored one, where revs are stored."""
        if stored.get("rev") not in (Type.INT, Type.LONG):
            return "TRUE"
        mine = f"coalesce(w.{REV}, {LOWEST_REV})"
        return f"{mine} >= coalesce(t.{self.names('rev')}, {LOWEST_REV})"

    def _root(self, root: Rows) -> None:
        n, name = self.names, root.table.name
        columns = self._landing(name)
        self._reconcile(
            name,
            key=n.key(root.table),
            columns=[*columns, n.deleted],
            rows=f"""
                SELECT {self._cast_all(root, columns)},
                    a.__flag AS {n(n.deleted)}, a.__at, s.{ROW} AS {SEEN}
                FROM {STAGE.format(0)} s JOIN __ks_accepted a ON a.{ROW} = s.{ROW}
            """,
        )

    # Children ---------------------------------------------------------------------------------

    def _child(self, place: int, child: Rows) -> None:
        n, name = self.names, child.table.name
        columns, key = self._landing(name), n.key(child.table)
        first = self._create(
            f"first_{place}",
            f"{name}: first of equal elements",
            f"""
            SELECT a.__flag, min(s.{SEEN}) AS {SEEN}
            FROM {STAGE.format(place)} s JOIN __ks_accepted a ON a.{ROW} = s.{ROW}
            GROUP BY s.{ROW}, a.__flag, {n.list(self._source_names(child, key), "s")}
            """,
        )
        self._reconcile(
            name,
            key=key,
            columns=[*columns, n.deleted],
            rows=f"""
                SELECT {self._cast_all(child, columns)}, a.__flag AS {n(n.deleted)}, s.{SEEN}
                FROM {STAGE.format(place)} s JOIN {first} a ON a.{SEEN} = s.{SEEN}
            """,
            owner=child.table.parent_column,
            of_owners=f"""
                SELECT t.{n.dialect.row_id} AS __at, {n.list([*columns, n.deleted], "t")}
                FROM {n.table(name)} t
                WHERE t.{n(child.table.parent_column)} IN (SELECT a.__id FROM __ks_accepted a)
            """,
        )

    # Histories --------------------------------------------------------------------------------

    def _histories(self, batch: Batch) -> None:
        root = batch.root.table
        kept = [(i, c) for i, c in enumerate(batch.children, 1) if c.table.history]
        if not root.history and not kept:
            return
        self._versions(batch.root)
        if root.history:
            self._observe_versions(batch.root, root.history)
            self._root_history(batch.root, root.history)
        for place, child in kept:
            self._stored_intervals(place, child)
            if not root.history:
                self._observe_intervals(place, child)
            self._child_history(place, child, "observed" if root.history else f"observed_{place}")

    def _versions(self, root: Rows) -> None:
        """`versions`: of each record the staged copy at each `updatedAt`, if no newer is stored."""
        n, table = self.names, root.table
        key = n.history_key(table)
        values = [self._staged(root, c) for c in key]
        keys = ", ".join(f"{v} AS {n(c)}" for v, c in zip(values, key, strict=True))
        stored, unless_newer = "", "TRUE"
        if table.history:
            stored = f"""
            LEFT JOIN {n.table(table.history)} t
                ON {self._equal(key, "t", "w")} AND t.{n(n.start)} = w.__start"""
            unless_newer = f"t.{n(n.start)} IS NULL OR " + self._rev(self.stored[table.history])
        self._create(
            "versions",
            f"{table.name}: choose versions",
            f"""
            SELECT w.*, w.{n(identity(table))} AS __id,
                {f"t.{n.dialect.row_id}" if stored else "NULL"} AS __at
            FROM (
                SELECT s.{ROW}, {keys}, s.{UPDATED_AT} AS __start, s.{REV},
                    row_number() OVER (
                        PARTITION BY {", ".join(values)}, s.{UPDATED_AT}
                        ORDER BY s.{REV} DESC NULLS LAST, s.{ROW} DESC
                    ) AS __place
                FROM {STAGE.format(0)} s
                WHERE s.{UPDATED_AT} IS NOT NULL
            ) w{stored}
            WHERE w.__place = 1 AND ({unless_newer})
            """,
        )

    def _observe_versions(self, root: Rows, history: str) -> None:
        """`observed`: every version, stored or staged, of the staged records, with its span."""
        n = self.names
        key = n.history_key(root.table)
        start, end, active = n(n.start), n(n.end), n(n.active)
        self._create(
            "observed",
            f"{history}: line up versions",
            f"""
            SELECT {n.list(key, "o")}, o.__id, o.__start, o.{ROW}, o.__at, o.__seq, o.__next,
                {self._close_before("o", "o.__end")} AS __end,
                {self._still_active("o", "o.__active")} AS __active
            FROM (
                SELECT u.*,
                    row_number() OVER line AS __seq, lead(u.__start) OVER line AS __next
                FROM (
                    SELECT {n.list(key, "v")}, v.__id, v.__start, v.{ROW}, v.__at,
                        CAST(NULL AS TIMESTAMPTZ) AS __end, CAST(NULL AS BOOLEAN) AS __active
                    FROM __ks_versions v
                    UNION ALL
                    SELECT {n.list(key, "t")}, t.{n(identity(root.table))}, t.{start}, NULL,
                        t.{n.dialect.row_id}, t.{end}, t.{active}
                    FROM {n.table(history)} t
                    WHERE EXISTS (SELECT 1 FROM __ks_versions v WHERE {self._equal(key, "t", "v")})
                        AND NOT EXISTS (
                            SELECT 1 FROM __ks_versions v
                            WHERE {self._equal(key, "t", "v")} AND v.__start = t.{start}
                        )
                ) u
                WINDOW line AS (PARTITION BY {n.list(key, "u")} ORDER BY u.__start)
            ) o
            """,
        )

    def _close_before(self, alias: str, stored: str) -> str:
        return (
            f"CASE WHEN {alias}.__next IS NOT NULL THEN {alias}.__next - {TICK}"
            f" WHEN {alias}.{ROW} IS NOT NULL THEN {END} ELSE {stored} END"
        )

    def _still_active(self, alias: str, stored: str) -> str:
        return (
            f"CASE WHEN {alias}.__next IS NOT NULL THEN FALSE"
            f" WHEN {alias}.{ROW} IS NOT NULL THEN TRUE ELSE {stored} END"
        )

    def _root_history(self, root: Rows, history: str) -> None:
        n = self.names
        key = n.history_key(root.table)
        start, end, active = n(n.start), n(n.end), n(n.active)
        columns = self._landing(history)
        self._reconcile(
            history,
            key=(*key, n.start),
            columns=[*columns, n.start, n.end, n.active],
            rows=f"""
                SELECT {self._cast_all(root, columns)}, o.__start AS {start}, o.__end AS {end},
                    o.__active AS {active}, o.__at, s.{ROW} AS {SEEN}
                FROM {STAGE.format(0)} s JOIN __ks_observed o ON o.{ROW} = s.{ROW}
            """,
        )
        self._add(
            f"{history}: close what was followed",
            f"""
            UPDATE {n.table(history)} AS t
            SET {end} = o.__end, {active} = o.__active, {n(n.synced)} = $1
            FROM __ks_observed o
            WHERE t.{n.dialect.row_id} = o.__at AND o.{ROW} IS NULL
                AND (t.{end} IS DISTINCT FROM o.__end OR t.{active} IS DISTINCT FROM o.__active)
            """,
            Count(history, "updated"),
            synced=True,
        )

    def _stored_intervals(self, place: int, child: Rows) -> None:
        """`stored_N`: the intervals that the staged records have so far."""
        n, table = self.names, child.table
        assert table.history is not None  # noqa: S101 - the caller chose tables with a history
        columns = [*self._landing(table.history), n.start, n.end, n.active]
        self._create(
            f"stored_{place}",
            f"{table.history}: read",
            f"""
            SELECT t.{n.dialect.row_id} AS __at, {n.list(columns, "t")}
            FROM {n.table(table.history)} t
            WHERE t.{n(table.parent_column)} IN (SELECT v.__id FROM __ks_versions v)
            """,
        )

    def _observe_intervals(self, place: int, child: Rows) -> None:
        """`observed_N` where the root has no history: what the intervals themselves tell."""
        n, table = self.names, child.table
        owner, stored = n(table.parent_column), f"__ks_stored_{place}"
        self._create(
            f"observed_{place}",
            f"{table.history}: line up observations",
            f"""
            SELECT u.*, row_number() OVER line AS __seq, lead(u.__start) OVER line AS __next
            FROM (
                SELECT v.__id, v.__start, v.{ROW} FROM __ks_versions v
                UNION ALL
                SELECT b.__id, b.__start, NULL
                FROM (
                    SELECT t.{owner} AS __id, t.{n(n.start)} AS __start
                    FROM {stored} t
                    UNION
                    SELECT t.{owner}, t.{n(n.end)} + {TICK}
                    FROM {stored} t WHERE NOT t.{n(n.active)}
                ) b
                WHERE NOT EXISTS (
                    SELECT 1 FROM __ks_versions v
                    WHERE v.__id = b.__id AND v.__start = b.__start
                )
            ) u
            WINDOW line AS (PARTITION BY u.__id ORDER BY u.__start)
            """,
        )

    def _child_history(self, place: int, child: Rows, observed: str) -> None:
        """Intervals of each element: gaps and islands over its record's observations."""
        n, table = self.names, child.table
        assert table.history is not None  # noqa: S101 - the caller chose tables with a history
        key, columns = n.history_key(table), self._landing(table.history)
        start, end, active = n(n.start), n(n.end), n(n.active)
        owner = n(table.parent_column)
        cast_key = [self._cast_stored(child, c, table.history) for c in key]
        known = " AND ".join(f"{c} IS NOT NULL" for c in cast_key)
        first = self._create(
            f"elements_{place}",
            f"{table.history}: first of equal elements",
            f"""
            SELECT s.{ROW}, min(s.{SEEN}) AS {SEEN}
            FROM {STAGE.format(place)} s JOIN __ks_versions v ON v.{ROW} = s.{ROW}
            WHERE {known}
            GROUP BY s.{ROW}, {", ".join(cast_key)}
            """,
        )
        present = self._create(
            f"present_{place}",
            f"{table.history}: who was there when",
            f"""
            SELECT {self._cast_all(child, columns, table.history)},
                o.__id, o.__seq, o.__start,
                {self._close_before("o", "NULL")} AS __end,
                {self._still_active("o", "NULL")} AS __active
            FROM {STAGE.format(place)} s
            JOIN {first} f ON f.{SEEN} = s.{SEEN}
            JOIN __ks_{observed} o ON o.{ROW} = f.{ROW}
            UNION ALL
            SELECT {n.list(columns, "t")}, o.__id, o.__seq, o.__start,
                {self._close_before("o", f"t.{end}")}, {self._still_active("o", f"t.{active}")}
            FROM __ks_{observed} o
            JOIN __ks_stored_{place} t ON t.{owner} = o.__id
                AND t.{start} <= o.__start AND o.__start <= t.{end}
            WHERE o.{ROW} IS NULL
            """,
        )
        line = f"(PARTITION BY {n.list(key, 'p')} ORDER BY p.__seq)"
        payload = [c for c in columns if c not in key]

        def follows(look: str, step: str) -> str:
            same = [f"{look}(p.__seq) OVER {line} = p.__seq {step} 1"]
            same += [f"{look}(p.{n(c)}) OVER {line} IS NOT DISTINCT FROM p.{n(c)}" for c in payload]
            return f"coalesce({' AND '.join(same)}, FALSE)"

        intervals = self._create(
            f"intervals_{place}",
            f"{table.history}: intervals",
            f"""
            SELECT {n.list(columns, "i")}, i.__start AS {start}, i.__until AS {end},
                i.__still AS {active}
            FROM (
                SELECT e.*,
                    CASE WHEN e.__closes THEN e.__end ELSE lead(e.__end) OVER line END AS __until,
                    CASE WHEN e.__closes THEN e.__active ELSE lead(e.__active) OVER line END
                        AS __still
                FROM (
                    SELECT p.*, NOT {follows("lag", "-")} AS __opens,
                        NOT {follows("lead", "+")} AS __closes
                    FROM {present} p
                ) e
                WHERE e.__opens OR e.__closes
                WINDOW line AS (PARTITION BY {n.list(key, "e")} ORDER BY e.__seq)
            ) i
            WHERE i.__opens
            """,
        )
        self._reconcile(
            table.history,
            key=(*key, n.start),
            columns=[*columns, n.start, n.end, n.active],
            rows=f"SELECT i.*, i.{n.dialect.row_id} AS {SEEN} FROM {intervals} i",
            owner=table.parent_column,
            of_owners=f"SELECT * FROM __ks_stored_{place}",
        )

    # What Kustomer no longer has ----------------------------------------------------------------

    def _flag(self, table: str, owner: str) -> None:
        n = self.names
        self._add(
            f"{table}: flag",
            f"""
            UPDATE {n.table(table)} AS t SET {n(n.deleted)} = TRUE, {n(n.synced)} = $1
            WHERE t.{owner} IN (SELECT a.id FROM {STAGED_ABSENT} a)
                AND t.{n(n.deleted)} IS DISTINCT FROM TRUE
            """,
            Count(table, "deleted"),
            synced=True,
        )

    def _close(self, history: str, owner: str) -> None:
        n = self.names
        self._add(
            f"{history}: close",
            f"""
            UPDATE {n.table(history)} AS t
            SET {n(n.active)} = FALSE, {n(n.synced)} = $1,
                {n(n.end)} = greatest(t.{n(n.start)}, CAST($1 AS TIMESTAMPTZ))
            WHERE t.{owner} IN (SELECT a.id FROM {STAGED_ABSENT} a) AND t.{n(n.active)}
            """,
            Count(history, "deleted"),
            synced=True,
        )

    # Rejects ------------------------------------------------------------------------------------

    def _rejects(self, batch: Batch) -> None:
        """Those of the landed copies, instead of the ones these records had before."""
        n = self.names
        target = n.table(REJECTS)
        columns = ("table_name", "record_id", "column_name", "value", "reason")
        tables = [batch.root.table.name, *(c.table.name for c in batch.children)]
        listed = ", ".join(exp.Literal.string(t).sql(dialect=n.dialect.name) for t in tables)
        text = n.dialect.types[Type.STRING]
        of_these = f"IN (SELECT CAST(a.__id AS {text}) FROM __ks_accepted a)"
        self._add(
            "rejects: delete",
            f"""
            DELETE FROM {target} AS t
            WHERE t.record_id {of_these} AND t.table_name IN ({listed}) AND NOT EXISTS (
                SELECT 1 FROM {STAGED_REJECTS} s WHERE {self._equal(columns, "t", "s")}
            )
            """,
        )
        if batch.rejects:
            self._add(
                "rejects: insert",
                f"""
                INSERT INTO {target} ({n.list([*columns, n.synced])})
                SELECT DISTINCT {n.list(columns, "s")}, CAST($1 AS TIMESTAMPTZ)
                FROM {STAGED_REJECTS} s
                WHERE s.record_id {of_these} AND NOT EXISTS (
                    SELECT 1 FROM {target} t WHERE {self._equal(columns, "t", "s")}
                )
                """,
                synced=True,
            )

    # What they all end in -----------------------------------------------------------------------

    def _reconcile(
        self,
        name: str,
        *,
        key: Sequence[str],
        columns: Sequence[str],
        rows: str,
        owner: str = "",
        of_owners: str = "",
    ) -> None:
        """Make the stored rows equal `rows`, a query of `columns`, `__n` and, if found, `__at`.

        With `owner`: of the stored rows `of_owners` those that are not among `rows` are removed;
        `key` then tells rows apart within their owner and may hold nulls.
        """
        n, target, at = self.names, self.names.table(name), self.names.dialect.row_id
        differ = " OR ".join(f"t.{n(c)} IS DISTINCT FROM r.{n(c)}" for c in columns if c not in key)
        if owner:
            match = self._equal(key, "t", "r", exact=owner)
            query = f"""
                SELECT r.{SEEN}, t.__at, {differ or "FALSE"} AS __differs
                FROM ({rows}) r
                RIGHT JOIN ({of_owners}) t ON {match}
                """
        else:
            query = f"""
                SELECT r.{SEEN}, r.__at, {differ or "FALSE"} AS __differs
                FROM (SELECT * FROM ({rows}) r WHERE r.__at IS NOT NULL) r
                JOIN {target} t ON t.{at} = r.__at
                """
        found = self._create(f"found_{len(self.temporary)}", f"{name}: compare", query)
        self._take_out(
            f"{name}: take out what changed",
            target,
            f"SELECT f.__at FROM {found} f WHERE f.{SEEN} IS NOT NULL AND f.__differs",
            Count(name, "updated"),
            Count(name, "inserted", -1),
        )
        if owner:
            self._take_out(
                f"{name}: take out what left",
                target,
                f"SELECT f.__at FROM {found} f WHERE f.{SEEN} IS NULL",
                Count(name, "deleted"),
            )
        self._add(
            f"{name}: insert",
            f"""
            INSERT INTO {target} ({n.list([*columns, n.synced])})
            SELECT {n.list(columns, "r")}, CAST($1 AS TIMESTAMPTZ)
            FROM ({rows}) r
            WHERE NOT EXISTS (
                SELECT 1 FROM {found} f WHERE f.{SEEN} = r.{SEEN} AND NOT f.__differs
            )
            """,
            Count(name, "inserted"),
            synced=True,
        )

    def _take_out(self, name: str, target: str, which: str, *counts: Count) -> None:
        at = self.names.dialect.row_id
        self._add(name, f"DELETE FROM {target} AS t WHERE t.{at} IN ({which})", *counts)

    # Pieces of SQL ------------------------------------------------------------------------------

    def _landing(self, name: str) -> list[str]:
        """Every stored column that is not ours, the batch's or not."""
        return [c for c in self.stored[name] if c not in self.names.system]

    def _staged(self, rows: Rows, name: str) -> str:
        return self._cast_stored(rows, name, rows.table.name)

    def _cast_stored(self, rows: Rows, name: str, target: str) -> str:
        """A staged value at the stored type; NULL where the batch has no such column."""
        want = self.stored[target][name]
        column = next((c for c in rows.table.columns if self.names.landed(c) == name), None)
        if column is None or column.name not in rows.data.column_names:
            return f"CAST(NULL AS {self.names.dialect.types[want]})"
        value = f"s.{self.names(column.name)}"
        if column.type == want and want is not Type.JSON:
            return value
        have = Type.STRING if column.type is Type.JSON else column.type  # JSON is staged as text
        return cast(value, have, want, self.names.dialect)

    def _cast_all(self, rows: Rows, columns: Sequence[str], target: str = "") -> str:
        target = target or rows.table.name
        return ", ".join(
            f"{self._cast_stored(rows, c, target)} AS {self.names(c)}" for c in columns
        )

    def _source_names(self, rows: Rows, key: Sequence[str]) -> list[str]:
        """The batch's own names of landed columns."""
        return [c.name for k in key for c in rows.table.columns if self.names.landed(c) == k]

    def _equal(self, names: Iterable[str], left: str, right: str, exact: str = "*") -> str:
        """Equal in all; null equals null but in `exact`, which joins (* is all)."""
        n = self.names
        return " AND ".join(
            f"{left}.{n(c)} {'=' if exact in ('*', c) else 'IS NOT DISTINCT FROM'} {right}.{n(c)}"
            for c in names
        )

    # Statements ---------------------------------------------------------------------------------

    def _add(self, name: str, sql: str, *counts: Count, synced: bool = False) -> None:
        self.statements.append(Statement(name, sql, counts, synced))

    def _create(self, temporary: str, name: str, query: str) -> str:
        self.temporary.append(f"__ks_{temporary}")
        self._add(name, f"CREATE TEMPORARY TABLE __ks_{temporary} AS {query}")
        return f"__ks_{temporary}"

    def _finished(self) -> list[Statement]:
        for name in self.temporary:
            self._add(f"{name}: drop", f"DROP TABLE {name}")
        out, self.statements, self.temporary = self.statements, [], []
        return out
