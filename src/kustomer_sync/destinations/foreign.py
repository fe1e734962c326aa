"""What other people do in the schema that a connection writes to.

A table belongs to the program with the columns that it made; these are remembered in the state.
Names are told apart as the engine does, which knows no case: `TAG` is our table `tag`.
What is more is somebody else's and keeps its values; what is less, or of another type, was done by
somebody else and is told. What can't be written to is refused by name before anything is written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING

import duckdb

from kustomer_sync.destinations.types import BY_NAME, TYPES
from kustomer_sync.errors import DestinationFailed
from kustomer_sync.model import Strayed, Table, Type, wider

if TYPE_CHECKING:
    from kustomer_sync.destinations.merge import Plan, Staged, System

_HASHED = "hashed"
_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def spelled(name: str) -> str:
    """A name of the destination as our names are spelled. To DuckDB `É` and `é` are two."""
    return name.translate(_LOWER)


class Ours:
    """The columns that the program made, by table, each with its type or `hashed`."""

    def __init__(self, state: Mapping[str, Mapping[str, str]] | None = None) -> None:
        self._kept = {name: dict(columns) for name, columns in (state or {}).items()}
        self._now = deepcopy(self._kept)

    @property
    def changed(self) -> bool:
        return self._now != self._kept

    def state(self) -> dict[str, dict[str, str]]:
        return deepcopy(self._now)

    def keep(self) -> None:
        """What was noted is committed."""
        if self.changed:
            self._kept = deepcopy(self._now)

    def forget(self) -> None:
        """What was noted was rolled back."""
        self._now = deepcopy(self._kept)

    def made(self, table: str, columns: Mapping[str, Type], hashed: Iterable[str]) -> None:
        self._now[table] = {c: str(t) for c, t in columns.items()} | dict.fromkeys(hashed, _HASHED)

    def met(self, table: str, there: Iterable[str], known: set[str]) -> None:
        """A table of which nothing is remembered: its columns of ours are those with our names."""
        if table not in self._now:
            own = (c for c in there if c in known or c.startswith("custom_"))
            self._now[table] = dict.fromkeys(own, "")

    def note(self, table: str, column: str, type_: Type | None, *, hashed: bool) -> None:
        """None: it stays of a type that is none of ours."""
        self._now[table][column] = _HASHED if hashed else str(type_ or "")

    def gone(self, table: str, column: str | None) -> None:
        if column is None:
            self._now.pop(table, None)
        else:
            self._now.get(table, {}).pop(column, None)

    def dropped(self, table: str) -> None:
        self._now.pop(table, None)

    def knows(self, table: str) -> bool:
        """Whether anything is remembered of the table."""
        return table in self._now

    def has(self, table: str, column: str) -> bool:
        return table not in self._now or column in self._now[table]

    def is_hashed(self, table: str, column: str) -> bool:
        return self._now.get(table, {}).get(column) == _HASHED

    def is_known(self, table: str, column: str) -> bool:
        """Whether what is in the column is remembered."""
        return bool(self._now.get(table, {}).get(column))

    def tables(self) -> Mapping[str, Mapping[str, str]]:
        return self._now


def places(table: Table) -> Iterator[str]:
    """The names in the destination of a table, its children and their histories."""
    for part in table.walk():
        yield part.place
        if part.history:
            yield part.history


# ---- what can't be written to ----


def refuse_views(
    connection: duckdb.DuckDBPyConnection, schema: str, names: Iterable[str]
) -> None:  # fmt: skip
    """No view has a name that a table of the program has."""
    rows = connection.execute(
        "SELECT view_name FROM duckdb_views() WHERE database_name = current_database() "
        "AND lower(schema_name) = ? AND list_contains(?, lower(view_name)) ORDER BY 1",
        [schema, list(names)],
    ).fetchall()
    if rows:
        raise DestinationFailed(
            f"{schema}.{rows[0][0]} is a view, where the sync keeps a table of that name.",
            "Rename or drop the view; the next sync goes on.",
        )


def refuse_required(
    connection: duckdb.DuckDBPyConnection, schema: str, always: Mapping[str, Collection[str]]
) -> None:  # fmt: skip
    """No column is in the way of a row that has nothing for it.

    `always`: by table, the columns for which each row has something.
    """
    rows = connection.execute(
        "SELECT table_name, column_name FROM duckdb_columns() "
        "WHERE database_name = current_database() AND lower(schema_name) = ? AND NOT is_nullable "
        "AND column_default IS NULL AND list_contains(?, lower(table_name)) ORDER BY 1, 2",
        [schema, list(always)],
    ).fetchall()
    rows = [(t, column) for t, column in rows if spelled(column) not in always[spelled(t)]]
    if rows:
        raise DestinationFailed(
            f"{schema}.{rows[0][0]} has a column {rows[0][1]!r} that must not be NULL and has no "
            "default, so no row can be written to it.",
            "Drop its NOT NULL or give it a default; the next sync goes on.",
        )


def refuse_own(
    connection: duckdb.DuckDBPyConnection, table: str, name: str, lacking: str, own: Collection[str]
) -> None:  # fmt: skip
    """Nobody's own table has a name that one of the program has. `table` is SQL.

    Such a table is one without a system column, `lacking`, that has rows, or columns of its `own`.
    """
    if own or connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchall():
        raise DestinationFailed(
            f"{name} is somebody's own table, where the sync keeps one of that name: it has no "
            f"column {lacking!r}.",
            "Rename or drop the table; the next sync goes on.",
        )


def retype(
    connection: duckdb.DuckDBPyConnection, table: str, name: str, column: str, type_: str,
    using: str,
) -> None:  # fmt: skip
    """The column has the type; what stands in its way is named. `table` is SQL."""
    quoted = '"' + column.replace('"', '""') + '"'
    try:
        connection.execute(f"ALTER TABLE {table} ALTER COLUMN {quoted} TYPE {type_} USING {using}")
    except (duckdb.CatalogException, duckdb.BinderException, duckdb.DependencyException) as error:
        raise DestinationFailed(
            f"{name}.{column} has to become {type_}, and something that somebody made depends on "
            f"it ({str(error).splitlines()[0]}).",
            "Drop that, such as an index, and sync again; then make it anew.",
        ) from None


# ---- what somebody changed ----


def strayed(connection: duckdb.DuckDBPyConnection, schema: str, ours: Ours) -> list[Strayed]:
    """Each table that is gone, and each column that is gone or has another type."""
    there = _types(connection, schema)
    found: list[Strayed] = []
    for table, columns in ours.tables().items():
        if table not in there:
            found.append(Strayed(table, None, "", None))
            continue
        for column, kept in columns.items():
            was, now = _type(kept), there[table].get(column)
            if now is None:
                found.append(Strayed(table, column, kept, None))
            elif was is not None and now != _sql(was):
                found.append(Strayed(table, column, _sql(was), now, _holds(now, was)))
    return found


def _types(connection: duckdb.DuckDBPyConnection, schema: str) -> dict[str, dict[str, str]]:
    rows = connection.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() "
        "JOIN duckdb_tables() USING (database_name, schema_name, table_name) "
        "WHERE database_name = current_database() AND lower(schema_name) = ?",
        [schema],
    ).fetchall()
    found: dict[str, dict[str, str]] = {}
    for table, column, type_ in rows:
        found.setdefault(spelled(table), {})[spelled(column)] = type_
    return found


def _type(kept: str) -> Type | None:
    """A remembered type; None where none is."""
    return Type.STRING if kept == _HASHED else Type(kept) if kept else None


def _sql(type_: Type) -> str:
    return TYPES[type_]


def _holds(now: str, was: Type) -> bool:
    """Whether a column of type `now` holds whatever one of ours held."""
    return now in BY_NAME and wider(was, BY_NAME[now]) is BY_NAME[now]


def mend(
    connection: duckdb.DuckDBPyConnection, catalog: str, schema: str, ours: Ours,
    told_by: Mapping[str, Collection[str]],
) -> None:  # fmt: skip
    """Columns of these tables that have another type have their own again where every value fits.

    Else they are text, which holds them all; what is gone is forgotten, so that it is made anew.
    `told_by`: by table, the columns without any of which its rows are nobody's; these go with it,
    and with what it held. Versions whose start is still a time stay: nothing else has them.
    """
    for one in strayed(connection, schema, ours):
        if one.table not in told_by:
            continue
        place = (catalog, schema, one.table)  # a file may be called as its schema is
        table = ".".join('"' + n.replace('"', '""') + '"' for n in place)
        still_time = one.was == TYPES[Type.INSTANT] and str(one.now).startswith("TIMESTAMP")
        if not one.lossless and not still_time and one.column in told_by[one.table]:
            connection.execute(f"DELETE FROM {table}")
        if one.now is None:
            ours.gone(one.table, one.column)
            continue
        column = str(one.column)
        quoted = '"' + column.replace('"', '""') + '"'
        text = f"CAST({quoted} AS VARCHAR)"
        own = f"TRY_CAST({text} AS {one.was})"
        back = f"TRY_CAST(CAST({own} AS VARCHAR) AS {one.now})"
        if one.was == TYPES[Type.BOOLEAN] and one.now.endswith("INT"):  # 1 has not the text `true`
            back = f"TRY_CAST({own} AS {one.now})"
        (odd,) = connection.execute(
            f"SELECT count(*) FROM {table} WHERE {back} IS DISTINCT FROM {quoted}"
        ).fetchall()[0]
        if odd:
            retype(connection, table, one.table, column, "VARCHAR", text)
            ours.note(one.table, column, Type.STRING, hashed=ours.is_hashed(one.table, column))
        else:
            retype(connection, table, one.table, column, one.was, own)


# ---- what is somebody's own ----


def theirs(
    connection: duckdb.DuckDBPyConnection, schema: str, ours: Ours,
    stored: Mapping[str, Iterable[str]], system: System,
) -> dict[str, list[str]]:  # fmt: skip
    """Columns of our tables that somebody else made, but for those that are computed."""
    marks = {system.synced, system.deleted, system.start, system.end, system.active}
    found = {
        table: own
        for table, columns in stored.items()
        if (own := [c for c in columns if not ours.has(table, c) and c not in marks])
    }
    if not found:
        return {}
    rows = connection.execute(
        "SELECT table_name, column_name FROM information_schema.columns WHERE is_generated = "
        "'ALWAYS' AND table_catalog = current_database() AND lower(table_schema) = ?",
        [schema],
    ).fetchall()
    computed = {(spelled(table), spelled(column)) for table, column in rows}
    return {
        table: kept
        for table, columns in found.items()
        if (kept := [c for c in columns if (table, c) not in computed])
    }


@contextmanager
def kept(
    connection: duckdb.DuckDBPyConnection, plan: Plan, theirs: Mapping[str, list[str]],
    staged: Iterable[Staged],
) -> Iterator[None]:  # fmt: skip
    """What somebody else's columns hold of rows that are written in between stays.

    The first of `staged` has the ids of the records whose rows these are.
    """
    restore, staged = [], list(staged)
    for one in staged if theirs else ():
        table = one.table
        for name, keys in (
            (table.place, [table.parent_column or "id", *plan.system.key(table)]),
            (table.history or "", [*_known_by(plan, table), plan.system.start]),
        ):
            if columns := theirs.get(name):
                owner = table.parent_column or "id"
                ids = f"{plan.dialect.name(owner)} IN (SELECT id FROM {staged[0].relation})"
                aside = _set_aside(connection, plan, name, dict.fromkeys(keys), columns, ids)
                restore.append(aside)
    yield
    for sql in restore:
        connection.execute(sql)


def _known_by(plan: Plan, table: Table) -> list[str]:
    """The columns that tell the rows of its history apart, but for the start; no blocked one."""
    if table.parent is None:
        return ["id"]
    there = plan.stored.get(table.history or "", {})
    return [name for name in there if name not in table.left_out]


def _set_aside(
    connection: duckdb.DuckDBPyConnection, plan: Plan, name: str, keys: Iterable[str],
    columns: list[str], whose: str,
) -> str:  # fmt: skip
    """The statement that puts back what these columns have now."""
    quote = plan.dialect.name
    aside, table = quote(f"aside_{name}"), quote(*plan.schema, name)
    keys = list(keys)
    names = ", ".join(map(quote, [*keys, *columns]))
    some = " OR ".join(f"{quote(c)} IS NOT NULL" for c in columns)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {aside} AS SELECT {names} FROM {table} "
        f"WHERE ({some}) AND {whose}"
    )
    same = " AND ".join(f"t.{quote(k)} IS NOT DISTINCT FROM a.{quote(k)}" for k in keys)
    differs = " OR ".join(f"t.{quote(c)} IS DISTINCT FROM a.{quote(c)}" for c in columns)
    sets = ", ".join(f"{quote(c)} = a.{quote(c)}" for c in columns)
    return f"UPDATE {table} t SET {sets} FROM {aside} a WHERE {same} AND ({differs})"
