"""One merge plan for every engine: which statements land a batch, given what is staged.

The plan is a conversation: it yields a `Step`, one statement, and is sent the numbers that the
statement gave, so that it asks for no work there is not. It knows tables and columns, not drivers.
A batch written again changes nothing.

For a batch of table T staged as S, and each child C staged as SC:

    winner    of several copies of a record the highest (updatedAt, rev), the last of equal ones;
              accepted unless the stored row is newer
    T         accepted rows that differ are replaced, new ones inserted, equal ones left alone
    C         rows that left an accepted record's array go, new and changed ones come
    T_history every copy is a version; versions tile; only rows that change are written
    C_history intervals in which an element was present, rebuilt over the record's versions

A target is many times a batch, so it is first asked for the few narrow columns of the records that
the batch has; wide rows are compared only where keys and times can't tell that a row changed.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from kustomer_sync.model import (
    DELETED,
    REV,
    ROW,
    UPDATED_AT,
    Column,
    Origin,
    Rows,
    Table,
    Type,
    wider,
)

Count = Literal["inserted", "updated", "deleted"]

PLACE = "__place"
"""int64, in a staged child: where the row stood among the batch's; of a key's rows the first stays.
"""


TIMES = "__times"
"""How often a stored row is there."""
WIDE = 100
"""Columns compared in one statement: an engine holds a block or more of each."""


@dataclass(frozen=True, slots=True)
class Step:
    """One statement. `counts` says what the first numbers it gives mean for `table`."""

    table: str
    sql: str
    counts: tuple[Count, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A query for the rows of `table` that are not as a batch has them.

    Each row that it gives: the record's id, whether the row is stored, whether the batch has it,
    and for each of `columns` whether it differs.
    """

    table: str
    columns: tuple[str, ...]
    sql: str


Steps = Generator[Step, tuple[int, ...], None]
"""Is sent the numbers each statement gave: of a SELECT its row, else how many rows it made."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs between engines."""

    types: Mapping[Type, str]
    row: str
    """What names a stored row as long as the transaction lasts."""

    def name(self, *parts: str) -> str:
        """Quoted, qualified; the only place where an identifier becomes SQL."""
        return ".".join('"' + part.replace('"', '""') + '"' for part in parts)

    def cast(self, sql: str, stored: Type, wanted: Type) -> str:
        """A value in a wider type; as text it is what it would have been had it come so."""
        if stored == wanted:
            return f"CAST({sql} AS JSON)" if wanted is Type.JSON else sql
        if stored is Type.DOUBLE and wanted is Type.STRING:
            return (
                f"CASE WHEN {sql} = trunc({sql}) AND abs({sql}) < 1e38 "
                f"THEN CAST(CAST({sql} AS HUGEINT) AS VARCHAR) ELSE CAST({sql} AS VARCHAR) END"
            )
        if stored is Type.INSTANT and wanted is Type.STRING:
            return f"strftime({sql}, '%Y-%m-%dT%H:%M:%S.%gZ')"
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


def _wanted(values: dict[str, str], table: Table) -> dict[str, str]:
    """Without the columns that nobody wants: what stands there makes no row different."""
    return {name: sql for name, sql in values.items() if name not in table.left_out}


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

    def batch(self, root: Staged, children: list[Staged]) -> Steps:
        table = root.rows.table
        yield from self._winners(root)
        yield from self._root(root)
        for child in children:
            yield from self._child(child)
        if table.history:
            yield from self._tiles(root)
            yield from self._root_history(root)
        elif any(child.rows.table.history for child in children):
            yield from self._sightings(root, children)
        for child in children:
            if child.rows.table.history:
                yield from self._child_history(child)

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

    def _differs(self, alias: str, values: Mapping[str, str], target: str) -> str:
        """Whether the stored row of `alias` has another value than these in any column."""
        types = self.stored[target]
        tests = []
        for name, value in values.items():
            old = f"{alias}.{self._q(name)}"
            if types[name] is Type.JSON:
                old, value = f"CAST({old} AS VARCHAR)", f"CAST({value} AS VARCHAR)"
            tests.append(f"{old} IS DISTINCT FROM {value}")
        return " OR ".join(tests) or "FALSE"

    def _compared(self, temp: str, root: Staged, target: str, flag: str = "") -> Steps:
        """Those of `temp` that are the same so far are changed if a column of theirs differs."""
        values = list(_wanted(self._values(root.rows, "s", target), root.rows.table).items())
        for first in range(0, len(values), WIDE):
            differs = self._differs("o", dict(values[first : first + WIDE]), target)
            yield Step(
                target,
                f"""
                UPDATE {temp} SET status = 'changed' WHERE status = 'same' AND {ROW} IN (
                    SELECT t.{ROW} FROM {temp} t
                    JOIN {self._t(target)} o ON o.{self.dialect.row} = t.there
                    JOIN {root.relation} s ON s.{ROW} = t.{ROW}
                    WHERE t.status = 'same' AND ({differs}{flag})
                )
                """,
            )

    # ---- records ----

    def _winners(self, root: Staged) -> Steps:
        """Temp table `winners`: the copy of each record that counts, and what to do with it.

        `there` is its stored row; `status` is new, changed, or same until a column is found that
        differs.
        """
        target = root.rows.table.place
        stored = self.stored[target]
        changed, newer, marks = "FALSE", "TRUE", ""
        if stored.get("updated_at") is Type.INSTANT:
            marks = ", updated_at"
            stamp = self._values(root.rows, "s", target)["updated_at"]
            changed = f"o.updated_at IS DISTINCT FROM {stamp}"
            equal = f"s.{UPDATED_AT} = o.updated_at"
            if stored.get("rev") in (Type.INT, Type.LONG):
                marks += ", rev"
                equal += f" AND (s.{REV} IS NULL OR o.rev IS NULL OR s.{REV} >= o.rev)"
            newer = (
                f"o.there IS NULL OR s.{UPDATED_AT} IS NULL OR o.updated_at IS NULL "
                f"OR s.{UPDATED_AT} > o.updated_at OR ({equal})"
            )
        yield Step(
            target,
            f"""
            CREATE OR REPLACE TEMP TABLE winners AS
            SELECT s.id, s.{ROW}, s.{DELETED}, o.there,
                   CASE WHEN o.there IS NULL THEN 'new' WHEN {changed} THEN 'changed'
                        ELSE 'same' END AS status
            FROM (
                SELECT * FROM {root.relation}
                QUALIFY row_number() OVER (
                    PARTITION BY id
                    ORDER BY {UPDATED_AT} DESC NULLS LAST, {REV} DESC NULLS LAST, {ROW} DESC
                ) = 1
            ) s
            LEFT JOIN (
                SELECT {self.dialect.row} AS there, id{marks} FROM {self._t(target)}
                WHERE id IN (SELECT id FROM {root.relation})
            ) o ON o.id = s.id
            WHERE {newer}
            """,
        )

    def _root(self, root: Staged) -> Steps:
        name = root.rows.table.place
        flag = f" OR o.{self._q(self.system.deleted)} IS DISTINCT FROM s.{DELETED}"
        (same,) = yield Step(name, "SELECT count(*) FROM winners WHERE status = 'same'")
        if same:
            yield from self._compared("winners", root, name, flag)
        new, changed = yield Step(
            name,
            "SELECT count(*) FILTER (status = 'new'), count(*) FILTER (status = 'changed') "
            "FROM winners",
            ("inserted", "updated"),
        )
        gone = "SELECT there FROM winners WHERE status = 'changed'"
        if changed:
            yield Step(name, f"DELETE FROM {self._t(name)} WHERE {self.dialect.row} IN ({gone})")
        if new or changed:
            values = self._values(root.rows, "s", name)
            columns = [*values, self.system.synced, self.system.deleted]
            yield Step(
                name,
                f"""
                INSERT INTO {self._t(name)} ({", ".join(map(self._q, columns))})
                SELECT {", ".join([*values.values(), self.synced_at, f"w.{DELETED}"])}
                FROM {root.relation} s JOIN winners w ON w.{ROW} = s.{ROW}
                WHERE w.status <> 'same'
                """,
            )

    # ---- children ----

    def _child(self, child: Staged) -> Steps:
        """The accepted records' rows are what their arrays hold, one row a key, the first."""
        table = child.rows.table
        name, stored = table.place, self._t(table.place)
        values = self._values(child.rows, "s", name)
        parent, flag = self._q(table.parent_column), self._q(self.system.deleted)
        keys = list(dict.fromkeys([parent, *map(self._q, self.system.key(table))]))
        own = _wanted({column: f"e.{self._q(column)}" for column in values}, table)
        selected = ", ".join(f"{sql} AS {self._q(column)}" for column, sql in values.items())
        match = " AND ".join(f"o.{key} IS NOT DISTINCT FROM e.{key}" for key in keys)
        columns = [*map(self._q, values), flag]
        yield from self._changes(
            name,
            f"""
            WITH elements AS (
                SELECT DISTINCT ON ({", ".join(keys)}) *
                FROM (SELECT {selected}, w.{DELETED} AS {flag}, s.{PLACE}
                      FROM {child.relation} s JOIN winners w ON w.{ROW} = s.{ROW})
                ORDER BY {", ".join(keys)}, {PLACE}
            ), stored AS (
                SELECT {self.dialect.row} AS there, * FROM {stored}
                WHERE {parent} IN (SELECT id FROM winners)
            )
            SELECT {", ".join(f"e.{column}" for column in columns)}, o.there,
                   e.{parent} IS NOT NULL AS here
            FROM elements e FULL JOIN stored o ON {match}
            WHERE o.there IS NULL OR e.{parent} IS NULL
               OR {self._differs("o", own, name)} OR o.{flag} IS DISTINCT FROM e.{flag}
            """,
            columns,
        )

    def _changes(self, target: str, select: str, columns: list[str]) -> Steps:
        """Lands what `select` gives: for each row that changes `there`, its stored row if it has
        one, `here`, whether it stays, and then its quoted columns.
        """
        (found,) = yield Step(target, f"CREATE OR REPLACE TEMP TABLE changes AS {select}")
        if not found:
            return
        inserted, updated, deleted = yield Step(
            target,
            "SELECT count(*) FILTER (there IS NULL), "
            "count(*) FILTER (there IS NOT NULL AND here), count(*) FILTER (NOT here) FROM changes",
            ("inserted", "updated", "deleted"),
        )
        if updated or deleted:
            yield Step(
                target,
                f"DELETE FROM {self._t(target)} "
                f"WHERE {self.dialect.row} IN (SELECT there FROM changes)",
            )
        if inserted or updated:
            yield Step(
                target,
                f"INSERT INTO {self._t(target)} "
                f"({', '.join([*columns, self._q(self.system.synced)])}) "
                f"SELECT {', '.join([*columns, self.synced_at])} FROM changes WHERE here",
            )

    # ---- histories ----

    def _copies(self, root: Staged) -> str:
        """SQL of the staged copies that are versions, one for each start of a record."""
        return f"""
            SELECT id, {UPDATED_AT} AS start, {REV} AS rev, {ROW} FROM {root.relation}
            WHERE {UPDATED_AT} IS NOT NULL
            QUALIFY row_number() OVER (
                PARTITION BY id, {UPDATED_AT} ORDER BY {REV} DESC NULLS LAST, {ROW} DESC
            ) = 1
        """

    def _tiles(self, root: Staged) -> Steps:
        """Temp table `tiles`: every version of the batch's records, with its end anew.

        `there` is its stored row, `__row` the staged copy that is or replaces it; `until` and
        `open` are its end and whether it is active; `status` as in `winners`.
        """
        history = str(root.rows.table.history)
        start, end, active = map(
            self._q, (self.system.start, self.system.end, self.system.active)
        )  # fmt: skip
        staged = f"c.{ROW}"
        kept = (
            f"{self.dialect.row} AS there, id, {start} AS start, {end} AS until, {active} AS open"
        )
        if self.stored[history].get("rev") in (Type.INT, Type.LONG):
            staged = f"CASE WHEN o.rev > c.rev THEN NULL ELSE {staged} END"
            kept += ", rev"
        yield Step(
            history,
            f"""
            CREATE OR REPLACE TEMP TABLE tiles AS
            WITH copies AS ({self._copies(root)}), stored AS (
                SELECT {kept} FROM {self._t(history)} WHERE id IN (SELECT id FROM copies)
            ), versions AS (
                SELECT coalesce(c.id, o.id) AS id, coalesce(c.start, o.start) AS start, o.there,
                       o.until, o.open, {staged} AS {ROW}
                FROM copies c FULL JOIN stored o ON o.id = c.id AND o.start = c.start
            ), ordered AS (
                SELECT *, lead(start) OVER (PARTITION BY id ORDER BY start) AS following,
                       row_number() OVER (PARTITION BY id ORDER BY start) AS n
                FROM versions
            ), ended AS (
                SELECT id, start, there, {ROW}, n, until AS old_until, open AS old_open,
                       CASE WHEN following IS NOT NULL THEN following - INTERVAL 1 MILLISECOND
                            WHEN {ROW} IS NOT NULL THEN {self.end_of_time} ELSE until END AS until,
                       CASE WHEN following IS NOT NULL THEN FALSE
                            WHEN {ROW} IS NOT NULL THEN TRUE ELSE open END AS open
                FROM ordered
            )
            SELECT id, start, there, {ROW}, n, until, open,
                   CASE WHEN there IS NULL THEN 'new'
                        WHEN old_until IS DISTINCT FROM until OR old_open IS DISTINCT FROM open
                        THEN 'changed'
                        ELSE 'same' END AS status
            FROM ended
            """,
        )

    def _root_history(self, root: Staged) -> Steps:
        history = str(root.rows.table.history)
        stored, row = self._t(history), self.dialect.row
        start, end, active, synced = map(
            self._q, (self.system.start, self.system.end, self.system.active, self.system.synced)
        )  # fmt: skip
        again = f"SELECT count(*) FROM tiles WHERE status = 'same' AND {ROW} IS NOT NULL"
        (same,) = yield Step(history, again)
        if same:
            yield from self._compared("tiles", root, history)
        new, changed, replaced = yield Step(
            history,
            f"""
            SELECT count(*) FILTER (status = 'new'), count(*) FILTER (status = 'changed'),
                   count(*) FILTER (status = 'changed' AND {ROW} IS NOT NULL)
            FROM tiles
            """,
            ("inserted", "updated"),
        )
        if changed > replaced:
            yield Step(
                history,
                f"UPDATE {stored} h SET {end} = t.until, {active} = t.open, "
                f"{synced} = {self.synced_at} FROM tiles t "
                f"WHERE h.{row} = t.there AND t.status = 'changed' AND t.{ROW} IS NULL",
            )
        gone = f"SELECT there FROM tiles WHERE status = 'changed' AND {ROW} IS NOT NULL"
        if replaced:
            yield Step(history, f"DELETE FROM {stored} WHERE {row} IN ({gone})")
        if new or replaced:
            values = self._values(root.rows, "s", history)
            made = [*values.values(), "t.start", "t.until", "t.open", self.synced_at]
            yield Step(
                history,
                f"""
                INSERT INTO {stored}
                    ({", ".join([*map(self._q, values), start, end, active, synced])})
                SELECT {", ".join(made)}
                FROM tiles t JOIN {root.relation} s ON s.{ROW} = t.{ROW}
                WHERE t.status <> 'same'
                """,
            )

    def _sightings(self, root: Staged, children: list[Staged]) -> Steps:
        """Temp table `tiles` where the records' own history is not kept.

        A record was seen at its staged copies, at the times its elements came and went, and last
        at its row's `updated_at`. What was seen last ends as its stored elements do.
        """
        target = root.rows.table.place
        start, end, active = map(
            self._q, (self.system.start, self.system.end, self.system.active)
        )  # fmt: skip
        seen = ["SELECT id, start FROM copies"]
        for child in children:
            if child.rows.table.history:
                whose = self._q(child.rows.table.parent_column)
                touched = (
                    f"FROM {self._t(child.rows.table.history)} "
                    f"WHERE {whose} IN (SELECT id FROM copies)"
                )
                seen += [
                    f"SELECT {whose}, {start} {touched}",
                    f"SELECT {whose}, {end} + INTERVAL 1 MILLISECOND {touched} AND NOT {active}",
                ]
        latest = "SELECT id, NULL AS latest FROM copies WHERE FALSE"
        if self.stored[target].get("updated_at") is Type.INSTANT:
            latest = (
                f"SELECT id, updated_at AS latest FROM {self._t(target)} "
                "WHERE updated_at IS NOT NULL AND id IN (SELECT id FROM copies)"
            )
            seen.append("SELECT id, latest FROM current")
        yield Step(
            target,
            f"""
            CREATE OR REPLACE TEMP TABLE tiles AS
            WITH copies AS ({self._copies(root)}), current AS ({latest}),
            seen AS ({" UNION ".join(seen)}), ordered AS (
                SELECT s.id, s.start, c.{ROW},
                       lead(s.start) OVER (PARTITION BY s.id ORDER BY s.start) AS following,
                       row_number() OVER (PARTITION BY s.id ORDER BY s.start) AS n
                FROM seen s LEFT JOIN current o ON o.id = s.id
                LEFT JOIN copies c ON c.id = s.id AND c.start = s.start
                WHERE o.latest IS NULL OR s.start <= o.latest
            )
            SELECT id, start, {ROW}, n,
                   CASE WHEN following IS NOT NULL THEN following - INTERVAL 1 MILLISECOND
                        WHEN {ROW} IS NOT NULL THEN {self.end_of_time} END AS until,
                   CASE WHEN following IS NOT NULL THEN FALSE
                        WHEN {ROW} IS NOT NULL THEN TRUE END AS open
            FROM ordered
            """,
        )

    def _child_history(self, child: Staged) -> Steps:
        """For the records of `tiles`, when each element was present.

        A record's versions are its observations. A staged copy says itself which elements it
        had; a stored version had those whose interval covers its start. Runs of observations
        with the element present are its intervals, each as long as the versions it covers.
        """
        table = child.rows.table
        history = str(table.history)
        start, end, active = map(
            self._q, (self.system.start, self.system.end, self.system.active)
        )  # fmt: skip
        parent = self._q(table.parent_column)
        others = [self._q(k) for k in table.history_key if k != table.parent_column]
        keys = ", ".join(others)
        same_key = " AND ".join(
            [f"o.{parent} = i.id", f"o.{start} = i.start", *(f"o.{k} = i.{k}" for k in others)]
        )
        yield from self._changes(
            history,
            f"""
            WITH stored AS (
                SELECT {self.dialect.row} AS there, * FROM {self._t(history)}
                WHERE {parent} IN (SELECT id FROM tiles)
            ), present AS (
                SELECT t.id, t.n, t.start, t.until, t.open, {", ".join(f"s.{k}" for k in others)}
                FROM tiles t JOIN {child.relation} s ON s.{ROW} = t.{ROW}
                WHERE {" AND ".join(f"s.{k} IS NOT NULL" for k in others)}
                UNION
                SELECT t.id, t.n, t.start, coalesce(t.until, o.{end}), coalesce(t.open, o.{active}),
                       {", ".join(f"o.{k}" for k in others)}
                FROM tiles t JOIN stored o
                  ON o.{parent} = t.id AND t.start >= o.{start} AND t.start <= o.{end}
                WHERE t.{ROW} IS NULL
            ), numbered AS (
                SELECT *, n - row_number() OVER (PARTITION BY id, {keys} ORDER BY n) AS run
                FROM present
            ), intervals AS (
                SELECT id, {keys}, min(start) AS start, max(until) AS until, bool_or(open) AS open
                FROM numbered GROUP BY id, {keys}, run
            )
            SELECT i.id AS {parent}, {", ".join(f"i.{k}" for k in others)}, i.start AS {start},
                   i.until AS {end}, i.open AS {active}, o.there, i.id IS NOT NULL AS here
            FROM intervals i FULL JOIN stored o ON {same_key}
            WHERE i.id IS NULL OR o.there IS NULL
               OR o.{end} IS DISTINCT FROM i.until OR o.{active} IS DISTINCT FROM i.open
            """,
            [parent, *others, start, end, active],
        )

    # ---- absences ----

    def absent(self, table: Table, gone: str) -> Steps:
        """Flag the rows, child rows too, of the ids that relation `gone` holds; close versions."""
        flag, synced = self._q(self.system.deleted), self._q(self.system.synced)
        start, end, active = (
            self._q(n) for n in (self.system.start, self.system.end, self.system.active)
        )
        for part in table.walk():
            owner = self._q(part.parent_column or "id")
            yield Step(
                part.place,
                f"UPDATE {self._t(part.place)} SET {flag} = TRUE, {synced} = {self.synced_at} "
                f"WHERE {owner} IN (SELECT id FROM {gone}) AND {flag} IS DISTINCT FROM TRUE",
                ("deleted",),
            )
            if part.history:
                yield Step(
                    part.history,
                    f"UPDATE {self._t(part.history)} SET {active} = FALSE, "
                    f"{end} = greatest({start}, {self.synced_at}), {synced} = {self.synced_at} "
                    f"WHERE {owner} IN (SELECT id FROM {gone}) AND {active}",
                    ("deleted",),
                )

    # ---- comparing ----

    def unlike(self, root: Staged, children: list[Staged]) -> Iterator[Question]:
        """What is stored of the batch's records otherwise than the batch has it; writes nothing.

        A row that is stored twice differs in its key.
        """
        name, flag = root.rows.table.name, self._q(self.system.deleted)
        place = root.rows.table.place
        if place not in self.stored:
            yield Question(name, (), f"SELECT id, FALSE, TRUE FROM {root.relation}")
        else:
            stored = (
                f"(SELECT *, count(*) OVER (PARTITION BY id) AS {TIMES} FROM {self._t(place)} "
                f"WHERE id IN (SELECT id FROM {root.relation}))"
            )
            marks = {"id": f"o.{TIMES} > 1"}
            marks[self.system.deleted] = f"o.{flag} IS DISTINCT FROM s.{DELETED}"
            tests = list((self._tests(root.rows) | marks).items())
            for first in range(0, len(tests), WIDE):
                some = dict(tests[first : first + WIDE])
                yield Question(
                    name, tuple(some),
                    f"SELECT s.id, o.id IS NOT NULL, TRUE, {', '.join(some.values())} "
                    f"FROM {root.relation} s LEFT JOIN {stored} o ON o.id = s.id "
                    f"WHERE o.id IS NULL OR {' OR '.join(some.values())}",
                )  # fmt: skip
        for child in children:
            yield self._unlike_child(root, child)

    def _tests(self, rows: Rows) -> dict[str, str]:
        """Column -> whether the stored row `o` has another value than the staged row `s`."""
        own = {self.system.physical(c): c for c in rows.table.landing}
        stored, tests = self.stored[rows.table.place], {}
        for name, type_ in stored.items():
            column = own.get(name)
            if column is not None:
                tests[name] = self._unequal(name, type_, column)
            elif name.startswith("custom_") and name not in rows.table.left_out:
                tests[name] = f"o.{self._q(name)} IS NOT NULL"
        lacking = {name: c for name, c in own.items() if name not in stored}
        return tests | {name: f"s.{self._q(c.name)} IS NOT NULL" for name, c in lacking.items()}

    def _unequal(self, name: str, stored: Type, column: Column) -> str:
        """A number whose column became text may be stored as it was before, or not at all."""
        wide = wider(stored, column.type)
        old = self.dialect.cast(f"o.{self._q(name)}", stored, wide)
        new = self.dialect.cast(f"s.{self._q(column.name)}", column.type, wide)
        if wide is Type.JSON:
            old, new = f"CAST({old} AS VARCHAR)", f"CAST({new} AS VARCHAR)"
        unequal = f"{old} IS DISTINCT FROM {new}"
        if wide is Type.STRING and column.custom is not None and column.custom.endswith("Num"):
            same = f"TRY_CAST({old} AS DOUBLE) = TRY_CAST({new} AS DOUBLE)"
            unequal = f"({unequal} AND NOT ({old} IS NULL OR coalesce({same}, FALSE)))"
        return unequal

    def _unlike_child(self, root: Staged, child: Staged) -> Question:
        table = child.rows.table
        name, place, parent = table.name, table.place, self._q(table.parent_column)
        staged = f"FROM {child.relation} c JOIN {root.relation} r ON r.{ROW} = c.{ROW}"
        if place not in self.stored:
            return Question(name, (), f"SELECT r.id, FALSE, TRUE {staged}")
        flag = self._q(self.system.deleted)
        values = self._values(child.rows, "c", place)
        keys = list(dict.fromkeys([parent, *map(self._q, self.system.key(table))]))
        match = " AND ".join(f"o.{key} IS NOT DISTINCT FROM e.{key}" for key in keys)
        own = _wanted({column: f"e.{self._q(column)}" for column in values}, table)
        tests = {c: self._differs("o", {c: sql}, place) for c, sql in own.items()}
        tests[table.parent_column] = f"o.{TIMES} > 1"
        tests[self.system.deleted] = f"o.{flag} IS DISTINCT FROM e.{flag}"
        chosen = ", ".join(f"{sql} AS {self._q(column)}" for column, sql in values.items())
        return Question(
            name, tuple(tests),
            f"""
            WITH elements AS (
                SELECT DISTINCT ON ({", ".join(keys)}) *
                FROM (SELECT {chosen}, r.{DELETED} AS {flag}, c.{PLACE} {staged})
                ORDER BY {", ".join(keys)}, {PLACE}
            ), stored AS (
                SELECT *, count(*) OVER (PARTITION BY {", ".join(keys)}) AS {TIMES}
                FROM {self._t(place)} WHERE {parent} IN (SELECT id FROM {root.relation})
            )
            SELECT coalesce(e.{parent}, o.{parent}), o.{parent} IS NOT NULL,
                   e.{parent} IS NOT NULL, {", ".join(tests.values())}
            FROM elements e FULL JOIN stored o ON {match}
            WHERE o.{parent} IS NULL OR e.{parent} IS NULL OR {" OR ".join(tests.values())}
            """,
        )  # fmt: skip
