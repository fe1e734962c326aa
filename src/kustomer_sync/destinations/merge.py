"""One merge plan for every engine: which statements land a batch, given what is staged.

The plan is a conversation: it yields a `Step`, one statement, and is sent the numbers that the
statement gave, so that it asks for no work there is not. It knows tables and columns, not drivers.
A batch written again changes nothing.

For a batch of table T staged as S, and each child C staged as SC:

    winner    of several copies of a record the highest (updatedAt, rev), the last of equal ones;
              accepted unless the stored row is newer
    T         accepted rows that differ are replaced, new ones inserted, equal ones left alone
    C         rows that left an accepted record's array go, new and changed ones come

The histories of both follow: `histories.py`.

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
        if stored is Type.JSON and wanted is Type.STRING:  # a text is itself, without the quotes
            text = f"CAST({sql} AS VARCHAR)"
            own = f"CAST({sql} AS JSON) ->> '$'"
            return f"CASE WHEN starts_with({text}, '\"') THEN {own} ELSE {text} END"
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


def wanted(values: dict[str, str], table: Table) -> dict[str, str]:
    """Without the columns that nobody wants: what stands there makes no row different."""
    return {name: sql for name, sql in values.items() if name not in table.left_out}


def _flagged(table: Table, record: str, element: str) -> str:
    """Whether a child's row is flagged: with its record, and where it stays on its own too."""
    own = f" OR {element}.{DELETED}" if table.stays else ""
    return f"({record}.{DELETED}{own})"


@dataclass(frozen=True, slots=True)
class Staged:
    """Rows that the engine can select from."""

    table: Table
    """Its columns and their types, as they are there."""
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
        """The rows of the tables; `histories` then has the versions of their histories."""
        yield from self._winners(root)
        yield from self._root(root)
        for child in children:
            yield from self._child(child)

    # ---- names ----

    def t(self, name: str) -> str:
        return self.dialect.name(*self.schema, name)

    def q(self, name: str) -> str:
        return self.dialect.name(name)

    def values(self, staged: Staged, alias: str, target: str) -> dict[str, str]:
        """Target column -> SQL of its staged value; NULL where the batch has no such column."""
        own = {self.system.physical(c): c for c in staged.table.columns}
        values = {}
        for name, type_ in self.stored[target].items():
            column = own.get(name)
            if column is None:
                values[name] = "NULL"
            else:
                values[name] = self.dialect.cast(
                    f"{alias}.{self.q(column.name)}", column.type, type_
                )
        return values

    def _differs(self, alias: str, values: Mapping[str, str], target: str) -> str:
        """Whether the stored row of `alias` has another value than these in any column."""
        types = self.stored[target]
        tests = []
        for name, value in values.items():
            old = f"{alias}.{self.q(name)}"
            if types[name] is Type.JSON:
                old, value = f"CAST({old} AS VARCHAR)", f"CAST({value} AS VARCHAR)"
            tests.append(f"{old} IS DISTINCT FROM {value}")
        return " OR ".join(tests) or "FALSE"

    def compared(self, temp: str, root: Staged, target: str, flag: str = "") -> Steps:
        """Those of `temp` that are the same so far are changed if a column of theirs differs."""
        values = list(wanted(self.values(root, "s", target), root.table).items())
        for first in range(0, len(values), WIDE):
            differs = self._differs("o", dict(values[first : first + WIDE]), target)
            yield Step(
                target,
                f"""
                UPDATE {temp} SET status = 'changed' WHERE status = 'same' AND there IN (
                    SELECT t.there FROM {temp} t
                    JOIN {self.t(target)} o ON o.{self.dialect.row} = t.there
                    JOIN {root.relation} s ON s.{ROW} = t.{ROW}
                    WHERE t.status = 'same' AND ({differs}{flag})
                )
                """,
            )

    # ---- records ----

    def _winners(self, root: Staged) -> Steps:
        """Temp table `winners`: the copy of each record that counts, and what to do with it.

        `there` is its stored row, the newest if somebody made it `times`; `status` is new, changed,
        or same until a column is found that differs.
        """
        target = root.table.place
        stored = self.stored[target]
        changed, newer, marks, newest = "FALSE", "TRUE", "", [self.dialect.row]
        if stored.get("updated_at") is Type.INSTANT:
            marks, newest = ", updated_at", ["updated_at DESC NULLS LAST", *newest]
            stamp = self.values(root, "s", target)["updated_at"]
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
            SELECT s.id, s.{ROW}, s.{DELETED}, o.there, o.times,
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
                SELECT {self.dialect.row} AS there, id{marks}, count(*) OVER one AS times
                FROM {self.t(target)} WHERE id IN (SELECT id FROM {root.relation})
                WINDOW one AS (PARTITION BY id)
                QUALIFY row_number() OVER (PARTITION BY id ORDER BY {", ".join(newest)}) = 1
            ) o ON o.id = s.id
            WHERE {newer}
            """,
        )

    def _root(self, root: Staged) -> Steps:
        name = root.table.place
        flag = f" OR o.{self.q(self.system.deleted)} IS DISTINCT FROM s.{DELETED}"
        same, twice = yield Step(
            name,
            "SELECT count(*) FILTER (status = 'same'), count(*) FILTER (times > 1) FROM winners",
        )
        if twice:
            yield Step(
                name,
                f"DELETE FROM {self.t(name)} WHERE id IN (SELECT id FROM winners WHERE times > 1) "
                f"AND {self.dialect.row} NOT IN (SELECT there FROM winners WHERE times > 1)",
                ("deleted",),
            )
        if same:
            yield from self.compared("winners", root, name, flag)
        new, changed = yield Step(
            name,
            "SELECT count(*) FILTER (status = 'new'), count(*) FILTER (status = 'changed') "
            "FROM winners",
            ("inserted", "updated"),
        )
        gone = "SELECT there FROM winners WHERE status = 'changed'"
        if changed:
            yield Step(name, f"DELETE FROM {self.t(name)} WHERE {self.dialect.row} IN ({gone})")
        if new or changed:
            values = self.values(root, "s", name)
            columns = [*values, self.system.synced, self.system.deleted]
            yield Step(
                name,
                f"""
                INSERT INTO {self.t(name)} ({", ".join(map(self.q, columns))})
                SELECT {", ".join([*values.values(), self.synced_at, f"w.{DELETED}"])}
                FROM {root.relation} s JOIN winners w ON w.{ROW} = s.{ROW}
                WHERE w.status <> 'same'
                """,
            )

    # ---- children ----

    def _child(self, child: Staged) -> Steps:
        """The accepted records' rows are what their arrays hold, one row a key, the first."""
        table = child.table
        name, stored = table.place, self.t(table.place)
        values = self.values(child, "s", name)
        parent, flag = self.q(table.parent_column), self.q(self.system.deleted)
        keys = list(dict.fromkeys([parent, *map(self.q, self.system.key(table))]))
        own = wanted({column: f"e.{self.q(column)}" for column in values}, table)
        selected = ", ".join(f"{sql} AS {self.q(column)}" for column, sql in values.items())
        match = " AND ".join(f"o.{key} IS NOT DISTINCT FROM e.{key}" for key in keys)
        columns = [*map(self.q, values), flag]
        taken, here, gone = [f"e.{column}" for column in columns], f"e.{parent} IS NOT NULL", "TRUE"
        if table.stays:
            taken = [f"CASE WHEN {here} THEN e.{c} ELSE o.{c} END" for c in columns[:-1]]
            taken.append(f"coalesce(e.{flag}, TRUE)")
            here, gone = "TRUE", f"o.{flag} IS DISTINCT FROM TRUE"
        yield from self._once(name, parent, keys)
        yield from self.changes(
            name,
            f"""
            WITH elements AS (
                SELECT DISTINCT ON ({", ".join(keys)}) *
                FROM (SELECT {selected}, {_flagged(table, "w", "s")} AS {flag}, s.{PLACE}
                      FROM {child.relation} s JOIN winners w ON w.{ROW} = s.{ROW})
                ORDER BY {", ".join(keys)}, {PLACE}
            ), stored AS (
                SELECT {self.dialect.row} AS there, * FROM {stored}
                WHERE {parent} IN (SELECT id FROM winners)
            )
            SELECT {", ".join(f"{sql} AS {c}" for sql, c in zip(taken, columns, strict=True))},
                   o.there, {here} AS here
            FROM elements e FULL JOIN stored o ON {match}
            WHERE o.there IS NULL OR CASE WHEN e.{parent} IS NULL THEN {gone}
                ELSE {self._differs("o", own, name)} OR o.{flag} IS DISTINCT FROM e.{flag} END
            """,
            columns,
        )

    def _once(self, name: str, parent: str, keys: list[str]) -> Steps:
        """Of the stored records' rows, what somebody made twice is there once."""
        stored = "SELECT id FROM winners WHERE there IS NOT NULL"
        theirs = f"FROM {self.t(name)} WHERE {parent} IN ({stored})"
        row, same = self.dialect.row, f"GROUP BY {', '.join(keys)}"
        (more,) = yield Step(
            name, f"SELECT count(*) FROM (SELECT 1 {theirs} {same} HAVING count(*) > 1)"
        )
        if more:
            yield Step(
                name,
                f"DELETE {theirs} AND {row} NOT IN (SELECT min({row}) {theirs} {same})",
                ("deleted",),
            )

    def along(self, child: Table) -> Steps:
        """Of a child that the batch does not tell: its rows are flagged as their records are."""
        flag, synced = self.q(self.system.deleted), self.q(self.system.synced)
        set_, owner = f"SET {flag} = w.{DELETED}, {synced} = {self.synced_at}", child.parent_column
        update = f"UPDATE {self.t(child.place)} o {set_} FROM winners w "
        update += f"WHERE w.id = o.{self.q(owner)} AND o.{flag} IS DISTINCT FROM w.{DELETED}"
        yield Step(child.place, f"{update} AND w.{DELETED}", ("deleted",))
        if not child.stays:  # else an element may have left on its own
            yield Step(child.place, f"{update} AND NOT w.{DELETED}", ("updated",))

    def changes(self, target: str, select: str, columns: list[str]) -> Steps:
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
                f"DELETE FROM {self.t(target)} "
                f"WHERE {self.dialect.row} IN (SELECT there FROM changes)",
            )
        if inserted or updated:
            yield Step(
                target,
                f"INSERT INTO {self.t(target)} "
                f"({', '.join([*columns, self.q(self.system.synced)])}) "
                f"SELECT {', '.join([*columns, self.synced_at])} FROM changes WHERE here",
            )

    # ---- absences ----

    def absent(self, table: Table, gone: str) -> Steps:
        """Flag the rows, child rows too, of the ids that relation `gone` holds; close versions."""
        flag, synced = self.q(self.system.deleted), self.q(self.system.synced)
        start, end, active = (
            self.q(n) for n in (self.system.start, self.system.end, self.system.active)
        )
        for part in table.walk():  # of which some may be new, and made ready by the next sync
            owner = self.q(part.parent_column or "id")
            if part.place not in self.stored:
                continue
            yield Step(
                part.place,
                f"UPDATE {self.t(part.place)} SET {flag} = TRUE, {synced} = {self.synced_at} "
                f"WHERE {owner} IN (SELECT id FROM {gone}) AND {flag} IS DISTINCT FROM TRUE",
                ("deleted",),
            )
            if part.history in self.stored:
                yield Step(
                    str(part.history),
                    f"UPDATE {self.t(str(part.history))} SET {active} = FALSE, "
                    f"{end} = greatest({start}, {self.synced_at}), {synced} = {self.synced_at} "
                    f"WHERE {owner} IN (SELECT id FROM {gone}) AND {active}",
                    ("deleted",),
                )

    # ---- comparing ----

    def unlike(self, root: Staged, children: list[Staged]) -> Iterator[Question]:
        """What is stored of the batch's records otherwise than the batch has it; writes nothing.

        A row that is stored twice differs in its key.
        """
        name, flag = root.table.name, self.q(self.system.deleted)
        place = root.table.place
        if place not in self.stored:
            yield Question(name, (), f"SELECT id, FALSE, TRUE FROM {root.relation}")
        else:
            stored = (
                f"(SELECT *, count(*) OVER (PARTITION BY id) AS {TIMES} FROM {self.t(place)} "
                f"WHERE id IN (SELECT id FROM {root.relation}))"
            )
            marks = {"id": f"o.{TIMES} > 1"}
            marks[self.system.deleted] = f"o.{flag} IS DISTINCT FROM s.{DELETED}"
            tests = list((self._tests(root) | marks).items())
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

    def _tests(self, staged: Staged) -> dict[str, str]:
        """Column -> whether the stored row `o` has another value than the staged row `s`."""
        own = {self.system.physical(c): c for c in staged.table.landing}
        stored, tests = self.stored[staged.table.place], {}
        for name, type_ in stored.items():
            column = own.get(name)
            if column is not None:
                tests[name] = self._unequal(name, type_, column, f"s.{self.q(column.name)}")
            elif name.startswith("custom_") and name not in staged.table.left_out:
                tests[name] = f"o.{self.q(name)} IS NOT NULL"
        lacking = {name: c for name, c in own.items() if name not in stored}
        return tests | {name: f"s.{self.q(c.name)} IS NOT NULL" for name, c in lacking.items()}

    def _sides(self, name: str, stored: Type, column: Column, new: str) -> tuple[str, str]:
        """A stored value and `new`, at a type that holds both: none is too large for the other."""
        wide = wider(stored, column.type)
        old = self.dialect.cast(f"o.{self.q(name)}", stored, wide)
        new = self.dialect.cast(new, column.type, wide)
        if wide is Type.JSON:
            old, new = f"CAST({old} AS VARCHAR)", f"CAST({new} AS VARCHAR)"
        return old, new

    def _unequal(self, name: str, stored: Type, column: Column, new: str) -> str:
        """A number whose column became text may be stored as it was before, or not at all."""
        old, new = self._sides(name, stored, column, new)
        unequal = f"{old} IS DISTINCT FROM {new}"
        text = wider(stored, column.type) is Type.STRING
        if text and column.custom is not None and column.custom.endswith("Num"):
            same = f"TRY_CAST({old} AS DOUBLE) = TRY_CAST({new} AS DOUBLE)"
            unequal = f"({unequal} AND NOT ({old} IS NULL OR coalesce({same}, FALSE)))"
        return unequal

    def _unlike_child(self, root: Staged, child: Staged) -> Question:
        table = child.table
        name, place, parent = table.name, table.place, self.q(table.parent_column)
        staged = f"FROM {child.relation} c JOIN {root.relation} r ON r.{ROW} = c.{ROW}"
        if place not in self.stored:
            return Question(name, (), f"SELECT r.id, FALSE, TRUE {staged}")
        flag = self.q(self.system.deleted)
        stored, own = self.stored[place], {self.system.physical(c): c for c in table.columns}
        new = {name: f"e.{self.q(name)}" for name in stored}
        tests = {
            name: self._unequal(name, type_, own[name], new[name])
            if name in own
            else f"o.{self.q(name)} IS NOT NULL"
            for name, type_ in stored.items()
            if name not in table.left_out
        }
        names = dict.fromkeys([table.parent_column, *self.system.key(table)])
        keys = list(map(self.q, names))
        match = " AND ".join(
            " IS NOT DISTINCT FROM ".join(self._sides(n, stored[n], own[n], new[n])) for n in names
        )
        tests[table.parent_column] = f"o.{TIMES} > 1"
        tests[self.system.deleted] = f"o.{flag} IS DISTINCT FROM e.{flag}"
        chosen = ", ".join(f"c.{self.q(own[n].name)} AS {self.q(n)}" for n in stored if n in own)
        stays = f"AND NOT (e.{parent} IS NULL AND o.{flag})" if table.stays else ""
        return Question(
            name, tuple(tests),
            f"""
            WITH elements AS (
                SELECT DISTINCT ON ({", ".join(keys)}) *
                FROM (SELECT {chosen}, {_flagged(table, "r", "c")} AS {flag}, c.{PLACE} {staged})
                ORDER BY {", ".join([*keys, PLACE])}
            ), stored AS (
                SELECT *, count(*) OVER (PARTITION BY {", ".join(keys)}) AS {TIMES}
                FROM {self.t(place)} WHERE {parent} IN (SELECT id FROM {root.relation})
            )
            SELECT coalesce(e.{parent}, o.{parent}), o.{parent} IS NOT NULL,
                   e.{parent} IS NOT NULL, {", ".join(tests.values())}
            FROM elements e FULL JOIN stored o ON {match}
            WHERE (o.{parent} IS NULL OR e.{parent} IS NULL OR {" OR ".join(tests.values())})
              {stays}
            """,
        )  # fmt: skip
