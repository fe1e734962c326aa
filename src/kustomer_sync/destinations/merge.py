"""One merge plan for every engine: which statements land a batch, given what is staged.

The plan is data: a list of `Step`s, each one statement whose row count has a meaning. It knows
tables and columns, not drivers. Every statement is idempotent: run twice, the rows are the same.

For a batch of table T staged as S, and each child C staged as SC:

    winner    of several copies of a record the highest (updatedAt, rev), the last of equal ones;
              accepted unless the stored row is newer
    T         accepted rows that differ are replaced, new ones inserted, equal ones left alone
    C         rows that left an accepted record's array go, new and changed ones come
    T_history every copy is a version; versions tile; only rows that change are written
    C_history intervals in which an element was present, rebuilt over the record's versions
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from kustomer_sync.model import DELETED, REV, ROW, UPDATED_AT, Column, Origin, Rows, Table, Type

Count = Literal["inserted", "updated", "deleted", ""]


@dataclass(frozen=True, slots=True)
class Step:
    """One statement. `counts` says what the number it yields means for `table`."""

    table: str
    sql: str
    counts: Count = ""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs between engines."""

    types: Mapping[Type, str]

    def name(self, *parts: str) -> str:
        """Quoted, qualified; the only place where an identifier becomes SQL."""
        return ".".join('"' + part.replace('"', '""') + '"' for part in parts)

    def cast(self, sql: str, stored: Type, wanted: Type) -> str:
        """A value in a wider type; a whole double becomes text without its fraction."""
        if stored == wanted:
            return f"CAST({sql} AS JSON)" if wanted is Type.JSON else sql
        if stored is Type.DOUBLE and wanted is Type.STRING:
            return (
                f"CASE WHEN {sql} = trunc({sql}) AND abs({sql}) < 9007199254740992 "
                f"THEN CAST(CAST({sql} AS BIGINT) AS VARCHAR) ELSE CAST({sql} AS VARCHAR) END"
            )
        return f"CAST({sql} AS {self.types[wanted]})"


@dataclass(frozen=True, slots=True)
class System:
    """The names of the system columns."""

    prefix: str

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

    def physical(self, column: Column) -> str:
        """A column's name in the destination: a surrogate key carries the prefix."""
        return f"{self.prefix}id" if column.origin is Origin.SURROGATE else column.name

    def key(self, table: Table) -> tuple[str, ...]:
        return tuple(self.physical(table.column(name)) for name in table.key)


def history_columns(table: Table) -> tuple[Column, ...]:
    """The columns of a table's history: its own, but for the place in an array."""
    if table.parent is None:
        return table.columns
    return tuple(table.column(name) for name in table.history_key)


@dataclass(frozen=True, slots=True)
class Staged:
    """Rows that the engine can select from."""

    rows: Rows
    relation: str
    """SQL of the relation."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Writes the statements. `stored` says which columns of which type each table has now."""

    dialect: Dialect
    system: System
    schema: tuple[str, ...]
    """Catalog and schema: a schema alone may be taken for a catalog of the same name."""
    stored: Mapping[str, Mapping[str, Type]]
    synced_at: str
    """SQL of the sync's start."""
    end_of_time: str
    """SQL of the end of a version that is active."""

    def batch(self, root: Staged, children: list[Staged]) -> Iterator[Step]:
        table = root.rows.table
        yield from self._winners(root)
        yield from self._root(root)
        for child in children:
            yield from self._child(child)
        if table.history:
            yield from self._versions(root)
            yield from self._root_history(root)
            for child in children:
                if child.rows.table.history:
                    yield from self._child_history(root, child)

    # ---- names ----

    def _t(self, name: str) -> str:
        return self.dialect.name(*self.schema, name)

    def _q(self, name: str) -> str:
        return self.dialect.name(name)

    def _values(self, rows: Rows, alias: str, target: str) -> dict[str, str]:
        """Target column -> SQL of its staged value; NULL where the batch has no such column."""
        own = {self.system.physical(c): c for c in rows.table.columns}
        values = {}
        for name, type_ in self.stored[target].items():
            column = own.get(name)
            if column is None:
                values[name] = "NULL"
            else:
                values[name] = self.dialect.cast(
                    f"{alias}.{self._q(column.name)}", column.type, type_
                )
        return values

    def _differs(self, stored: str, alias: str, values: Mapping[str, str], target: str) -> str:
        types = self.stored[target]
        tests = []
        for name, value in values.items():
            old = f"{alias}.{self._q(name)}"
            if types[name] is Type.JSON:
                old, value = f"CAST({old} AS VARCHAR)", f"CAST({value} AS VARCHAR)"
            tests.append(f"{old} IS DISTINCT FROM {value}")
        return " OR ".join(tests) or "FALSE"

    # ---- records ----

    def _winners(self, root: Staged) -> Iterator[Step]:
        """Temp table `winners`: id, __row and status of the copy of each record that counts."""
        table, target = root.rows.table, root.rows.table.name
        stored = self.stored[target]
        values = self._values(root.rows, "s", target)
        newer = ["o.id IS NULL"]
        if "updated_at" in stored:
            stamp = f"s.{UPDATED_AT}"
            same = f"{stamp} = o.updated_at"
            if "rev" in stored:
                same += f" AND (s.{REV} IS NULL OR o.rev IS NULL OR s.{REV} >= o.rev)"
            newer += [f"{stamp} IS NULL", "o.updated_at IS NULL", f"{stamp} > o.updated_at",
                      f"({same})"]  # fmt: skip
        else:
            newer = ["TRUE"]
        flag = f"o.{self._q(self.system.deleted)} IS DISTINCT FROM s.{DELETED}"
        differs = self._differs(target, "o", values, target)
        yield Step(table.name, "DROP TABLE IF EXISTS winners")
        yield Step(
            table.name,
            f"""
            CREATE TEMP TABLE winners AS
            SELECT s.id, s.{ROW}, s.{DELETED},
                   CASE WHEN o.id IS NULL THEN 'new'
                        WHEN {differs} OR {flag} THEN 'changed' ELSE 'same' END AS status
            FROM (
                SELECT * FROM {root.relation}
                QUALIFY row_number() OVER (
                    PARTITION BY id
                    ORDER BY {UPDATED_AT} DESC NULLS LAST, {REV} DESC NULLS LAST, {ROW} DESC
                ) = 1
            ) s
            LEFT JOIN {self._t(target)} o ON o.id = s.id
            WHERE {" OR ".join(newer)}
            """,
        )

    def _root(self, root: Staged) -> Iterator[Step]:
        name = root.rows.table.name
        values = self._values(root.rows, "s", name)
        columns = [*map(self._q, values), self._q(self.system.synced), self._q(self.system.deleted)]
        yield Step(
            name,
            f"DELETE FROM {self._t(name)} WHERE id IN "
            "(SELECT id FROM winners WHERE status = 'changed')",
            "updated",
        )
        yield Step(
            name,
            f"""
            INSERT INTO {self._t(name)} ({", ".join(columns)})
            SELECT {", ".join([*values.values(), self.synced_at, f"w.{DELETED}"])}
            FROM {root.relation} s JOIN winners w ON w.{ROW} = s.{ROW}
            WHERE w.status <> 'same'
            """,
        )
        yield Step(name, "SELECT count(*) FROM winners WHERE status = 'new'", "inserted")

    # ---- children ----

    def _child(self, child: Staged) -> Iterator[Step]:
        """Temp table `elements`: what the accepted records' arrays hold, one row a key."""
        table = child.rows.table
        name, stored = table.name, self._t(table.name)
        values = self._values(child.rows, "s", name)
        keys = [self._q(k) for k in self.system.key(table)]
        parent = self._q(table.parent_column)
        flag = self._q(self.system.deleted)
        selected = ", ".join(f"{sql} AS {self._q(col)}" for col, sql in values.items())
        yield Step(name, "DROP TABLE IF EXISTS elements")
        yield Step(
            name,
            f"""
            CREATE TEMP TABLE elements AS
            SELECT DISTINCT ON ({", ".join([parent, *(k for k in keys if k != parent)])}) *
            FROM (SELECT {selected}, w.{DELETED} AS {flag}
                  FROM {child.relation} s JOIN winners w ON w.{ROW} = s.{ROW})
            """,
        )
        own = {col: f"e.{self._q(col)}" for col in values}
        differs = self._differs(name, "o", own, name) + f" OR o.{flag} IS DISTINCT FROM e.{flag}"
        match = " AND ".join(f"o.{k} = e.{k}" for k in dict.fromkeys([parent, *keys]))
        yield Step(
            name,
            f"SELECT count(*) FROM {stored} o JOIN elements e ON {match} WHERE {differs}",
            "updated",
        )
        yield Step(
            name,
            f"SELECT count(*) FROM {stored} o SEMI JOIN winners w ON w.id = o.{parent} "
            f"WHERE NOT EXISTS (SELECT 1 FROM elements e WHERE {match})",
            "deleted",
        )
        yield Step(
            name,
            f"SELECT count(*) FROM elements e WHERE NOT EXISTS "
            f"(SELECT 1 FROM {stored} o WHERE {match})",
            "inserted",
        )
        yield Step(
            name,
            f"DELETE FROM {stored} o WHERE o.{parent} IN (SELECT id FROM winners) "
            f"AND NOT EXISTS (SELECT 1 FROM elements e WHERE {match} AND NOT ({differs}))",
        )
        columns = [*map(self._q, values), flag]
        yield Step(
            name,
            f"""
            INSERT INTO {stored} ({", ".join([*columns, self._q(self.system.synced)])})
            SELECT {", ".join([*(f"e.{c}" for c in columns), self.synced_at])} FROM elements e
            WHERE NOT EXISTS (SELECT 1 FROM {stored} o WHERE {match})
            """,
        )

    # ---- histories ----

    def _versions(self, root: Staged) -> Iterator[Step]:
        """Temp table `versions`: id, start and __row of each copy that is or replaces a version."""
        table = root.rows.table
        history = str(table.history)
        start = self._q(self.system.start)
        older = f"h.id = s.id AND h.{start} = s.{UPDATED_AT}"
        if "rev" in self.stored[history]:
            older += f" AND h.rev > s.{REV}"
            guard = f"WHERE NOT EXISTS (SELECT 1 FROM {self._t(history)} h WHERE {older})"
        else:
            guard = ""
        yield Step(history, "DROP TABLE IF EXISTS versions")
        yield Step(
            history,
            f"""
            CREATE TEMP TABLE versions AS
            SELECT s.id, s.{UPDATED_AT} AS start, s.{ROW}
            FROM (
                SELECT id, {UPDATED_AT}, {REV}, {ROW} FROM {root.relation}
                WHERE {UPDATED_AT} IS NOT NULL
                QUALIFY row_number() OVER (
                    PARTITION BY id, {UPDATED_AT} ORDER BY {REV} DESC NULLS LAST, {ROW} DESC
                ) = 1
            ) s {guard}
            """,
        )

    def _root_history(self, root: Staged) -> Iterator[Step]:
        """Temp table `tiles`: every version of the touched records with its end anew."""
        history = str(root.rows.table.history)
        stored = self._t(history)
        start, end, active = (
            self._q(n) for n in (self.system.start, self.system.end, self.system.active)
        )
        synced = self._q(self.system.synced)
        values = self._values(root.rows, "s", history)
        differs = self._differs(history, "h", values, history)
        yield Step(history, "DROP TABLE IF EXISTS tiles")
        yield Step(
            history,
            f"""
            CREATE TEMP TABLE tiles AS
            WITH stored AS (
                SELECT h.id, h.{start} AS start, h.{end} AS old_end, h.{active} AS old_active
                FROM {stored} h SEMI JOIN versions v ON v.id = h.id
            ), everything AS (
                SELECT coalesce(v.id, o.id) AS id, coalesce(v.start, o.start) AS start,
                       v.{ROW}, v.id IS NOT NULL AS staged, o.id IS NOT NULL AS there,
                       o.old_end, o.old_active
                FROM versions v FULL JOIN stored o ON o.id = v.id AND o.start = v.start
            ), ordered AS (
                SELECT *, lead(start) OVER (PARTITION BY id ORDER BY start) AS following
                FROM everything
            )
            SELECT id, start, {ROW}, staged, there, old_end, old_active,
                   CASE WHEN following IS NOT NULL THEN following - INTERVAL 1 MILLISECOND
                        WHEN staged THEN {self.end_of_time} ELSE old_end END AS new_end,
                   CASE WHEN following IS NOT NULL THEN FALSE
                        WHEN staged THEN TRUE ELSE old_active END AS new_active
            FROM ordered
            """,
        )
        yield Step(history, "DROP TABLE IF EXISTS changes")
        yield Step(
            history,
            f"""
            CREATE TEMP TABLE changes AS
            SELECT t.* FROM tiles t
            LEFT JOIN {root.relation} s ON s.{ROW} = t.{ROW}
            LEFT JOIN {stored} h ON t.staged AND t.there AND h.id = t.id AND h.{start} = t.start
            WHERE NOT t.there OR t.old_end IS DISTINCT FROM t.new_end
               OR t.old_active IS DISTINCT FROM t.new_active
               OR (t.staged AND ({differs}))
            """,
        )
        yield Step(history, "SELECT count(*) FROM changes WHERE there", "updated")
        yield Step(history, "SELECT count(*) FROM changes WHERE NOT there", "inserted")
        yield Step(
            history,
            f"""
            UPDATE {stored} h SET {end} = c.new_end, {active} = c.new_active,
                   {synced} = {self.synced_at}
            FROM changes c WHERE NOT c.staged AND h.id = c.id AND h.{start} = c.start
            """,
        )
        yield Step(
            history,
            f"DELETE FROM {stored} h USING changes c "
            f"WHERE c.staged AND c.there AND h.id = c.id AND h.{start} = c.start",
        )
        columns = [*map(self._q, values), start, end, active, synced]
        yield Step(
            history,
            f"""
            INSERT INTO {stored} ({", ".join(columns)})
            SELECT {
                ", ".join(
                    [*values.values(), "c.start", "c.new_end", "c.new_active", self.synced_at]
                )
            }
            FROM changes c JOIN {root.relation} s ON s.{ROW} = c.{ROW} WHERE c.staged
            """,
        )

    def _child_history(self, root: Staged, child: Staged) -> Iterator[Step]:
        """Temp table `intervals`: for the touched records, when each element was present.

        A record's versions are its observations. A staged copy says itself which elements it
        had; a stored version had those whose interval covers its start. Runs of observations
        with the element present are its intervals, each as long as the versions it covers.
        """
        table = child.rows.table
        history = str(table.history)
        stored, record = self._t(history), self._t(str(root.rows.table.history))
        start, end, active = (
            self._q(n) for n in (self.system.start, self.system.end, self.system.active)
        )
        parent = self._q(table.parent_column)
        others = [self._q(k) for k in table.history_key if k != table.parent_column]
        keys = ", ".join(others)
        synced = self._q(self.system.synced)
        staged_keys = ", ".join(f"s.{k}" for k in others)
        h_keys = ", ".join(f"h.{k}" for k in others)
        present = " AND ".join(f"s.{k} IS NOT NULL" for k in others)
        yield Step(history, "DROP TABLE IF EXISTS intervals")
        yield Step(
            history,
            f"""
            CREATE TEMP TABLE intervals AS
            WITH observed AS (
                SELECT h.id, h.{start} AS start, h.{end} AS until, h.{active} AS open,
                       row_number() OVER (PARTITION BY h.id ORDER BY h.{start}) AS n
                FROM {record} h SEMI JOIN versions v ON v.id = h.id
            ), present AS (
                SELECT v.id, v.start, {staged_keys}
                FROM versions v JOIN {child.relation} s ON s.{ROW} = v.{ROW} WHERE {present}
                UNION
                SELECT o.id, o.start, {h_keys}
                FROM observed o ANTI JOIN versions v ON v.id = o.id AND v.start = o.start
                JOIN {stored} h
                  ON h.{parent} = o.id AND o.start >= h.{start} AND o.start <= h.{end}
            ), numbered AS (
                SELECT p.*, o.until, o.open, o.n, o.n - row_number() OVER (
                    PARTITION BY p.id, {keys} ORDER BY o.n) AS run
                FROM present p JOIN observed o ON o.id = p.id AND o.start = p.start
            )
            SELECT id AS {parent}, {keys}, min(start) AS start, max(until) AS until,
                   bool_or(open) AS open
            FROM numbered GROUP BY id, {keys}, run
            """,
        )
        same_key = " AND ".join(
            [
                f"h.{parent} = i.{parent}",
                f"h.{start} = i.start",
                *(f"h.{k} = i.{k}" for k in others),
            ]
        )
        same = f"{same_key} AND h.{end} = i.until AND h.{active} = i.open"
        touched = f"h.{parent} IN (SELECT id FROM versions)"
        yield Step(
            history,
            f"SELECT count(*) FROM {stored} h JOIN intervals i ON {same_key} WHERE NOT ({same})",
            "updated",
        )
        yield Step(
            history,
            f"SELECT count(*) FROM intervals i WHERE NOT EXISTS "
            f"(SELECT 1 FROM {stored} h WHERE {same_key})",
            "inserted",
        )
        yield Step(
            history,
            f"SELECT count(*) FROM {stored} h WHERE {touched} AND NOT EXISTS "
            f"(SELECT 1 FROM intervals i WHERE {same_key})",
            "deleted",
        )
        yield Step(
            history,
            f"DELETE FROM {stored} h WHERE {touched} AND NOT EXISTS "
            f"(SELECT 1 FROM intervals i WHERE {same})",
        )
        yield Step(
            history,
            f"""
            INSERT INTO {stored} ({parent}, {keys}, {start}, {end}, {active}, {synced})
            SELECT i.{parent}, {", ".join(f"i.{k}" for k in others)}, i.start, i.until, i.open,
                   {self.synced_at}
            FROM intervals i WHERE NOT EXISTS (SELECT 1 FROM {stored} h WHERE {same_key})
            """,
        )

    # ---- absences ----

    def absent(self, table: Table, gone: str) -> Iterator[Step]:
        """Flag the rows, child rows too, of the ids that relation `gone` holds; close versions."""
        flag, synced = self._q(self.system.deleted), self._q(self.system.synced)
        start, end, active = (
            self._q(n) for n in (self.system.start, self.system.end, self.system.active)
        )
        for part in table.walk():
            owner = self._q(part.parent_column or "id")
            yield Step(
                part.name,
                f"UPDATE {self._t(part.name)} SET {flag} = TRUE, {synced} = {self.synced_at} "
                f"WHERE {owner} IN (SELECT id FROM {gone}) AND {flag} IS DISTINCT FROM TRUE",
                "deleted",
            )
            if part.history:
                yield Step(
                    part.history,
                    f"UPDATE {self._t(part.history)} SET {active} = FALSE, "
                    f"{end} = greatest({start}, {self.synced_at}), {synced} = {self.synced_at} "
                    f"WHERE {owner} IN (SELECT id FROM {gone}) AND {active}",
                    "deleted",
                )
