"""Columns that another program made: no value of theirs is lost, whatever their type was."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from kustomer_sync.destinations.duckdb import DuckDB
from kustomer_sync.errors import DestinationFailed
from kustomer_sync.model import (
    ARROW_TYPES,
    DELETED,
    REV,
    ROW,
    UPDATED_AT,
    Batch,
    Column,
    Rows,
    Table,
    Type,
    Write,
)

AT = datetime(2026, 1, 2, tzinfo=UTC)


def made(path: Path, engine: str, value: str) -> DuckDB:
    """A destination whose table `thing` somebody else made."""
    with duckdb.connect(str(path)) as db:
        db.execute("CREATE SCHEMA kustomer")
        marked = "_fivetran_synced TIMESTAMPTZ"
        db.execute(f"CREATE TABLE kustomer.thing (id VARCHAR, x {engine}, {marked})")
        db.execute(f"INSERT INTO kustomer.thing VALUES ('a', {value}, now())")
    target = DuckDB(str(path), schema="kustomer")
    target.begin(AT)
    return target


def thing(type_: Type) -> Table:
    return Table("thing", (Column("id"), Column("x", type_)))


def come(target: DuckDB, type_: Type, value: object) -> None:
    """A record `b` with this value lands."""
    data = {
        "id": pa.array(["b"]), "x": pa.array([value], ARROW_TYPES[type_]),
        UPDATED_AT: pa.array([AT], pa.timestamp("us", "UTC")), REV: pa.nulls(1, pa.int64()),
        DELETED: pa.array([False]), ROW: pa.array([0], pa.int64()),
    }  # fmt: skip
    target.write(Write((Batch(Rows(thing(type_), pa.table(data))),)))


def stored(path: Path) -> tuple[str, dict[str, str]]:
    """The column's type, and its values as text by id."""
    with duckdb.connect(str(path)) as db:
        db.execute("SET TimeZone = 'UTC'")
        rows = db.execute("SELECT id, CAST(x AS VARCHAR) FROM kustomer.thing").fetchall()
        ((type_,),) = db.execute(
            "SELECT data_type FROM duckdb_columns() WHERE table_name = 'thing' AND "
            "column_name = 'x'"
        ).fetchall()
    return str(type_), dict(rows)


@pytest.mark.parametrize(
    ("engine", "value", "ours", "becomes", "text"),
    [
        ("SMALLINT", "7", Type.INT, "INTEGER", "7"),
        ("UBIGINT", "18446744073709551615", Type.LONG, "VARCHAR", "18446744073709551615"),
        ("HUGEINT", "7", Type.LONG, "BIGINT", "7"),
        ("FLOAT", "0.5", Type.DOUBLE, "DOUBLE", "0.5"),
        ("DECIMAL(18,0)", "7", Type.LONG, "BIGINT", "7"),
        ("DECIMAL(18,3)", "1.25", Type.DOUBLE, "DOUBLE", "1.25"),
        ("DECIMAL(38,3)", "12345678901234567890123.125", Type.DOUBLE, "VARCHAR",
         "12345678901234567890123.125"),
        ("DATE", "'2026-01-02'", Type.INSTANT, "TIMESTAMP WITH TIME ZONE",
         "2026-01-02 00:00:00+00"),
        ("DATE", "'2026-01-02'", Type.STRING, "VARCHAR", "2026-01-02"),
        ("TIMESTAMP", "'2026-01-02 03:04:05.678'", Type.INSTANT, "TIMESTAMP WITH TIME ZONE",
         "2026-01-02 03:04:05.678+00"),
        ("UUID", "'0b1d3ab1-5d0f-4fbc-9a9f-0a4a6a3a8f11'", Type.STRING, "VARCHAR",
         "0b1d3ab1-5d0f-4fbc-9a9f-0a4a6a3a8f11"),
        ("INTEGER", "7", Type.LONG, "BIGINT", "7"),
        ("BIGINT", "7", Type.INT, "BIGINT", "7"),
        ("BIGINT", "7", Type.STRING, "BIGINT", "7"),
        ("VARCHAR", "'7'", Type.INT, "VARCHAR", "7"),
    ],
)  # fmt: skip
def test_making_ready_gives_the_nearest_of_our_types(
    tmp_path: Path, engine: str, value: str, ours: Type, becomes: str, text: str
) -> None:
    """Text, where that could not hold every value; what is wide enough stays."""
    path = tmp_path / "x.duckdb"
    target = made(path, engine, value)
    planned = [c for c in target.changes([thing(ours)]) if c.column == "x"]
    assert stored(path)[0] == engine
    target.ensure([thing(ours)])
    assert stored(path) == (becomes, {"a": text})
    assert [c.becomes or engine for c in planned] in ([becomes], [])


@pytest.mark.parametrize(
    ("engine", "value", "type_", "comes", "becomes", "texts"),
    [
        ("BIGINT", "4711", Type.STRING, "-12", "BIGINT", ("4711", "-12")),
        ("BIGINT", "4711", Type.STRING, "00123", "VARCHAR", ("4711", "00123")),
        ("BIGINT", "4711", Type.STRING, " 5", "VARCHAR", ("4711", " 5")),
        ("BIGINT", "4711", Type.STRING, "1.5", "VARCHAR", ("4711", "1.5")),
        ("BIGINT", "4711", Type.STRING, None, "BIGINT", ("4711", None)),
        ("DOUBLE", "2", Type.STRING, "2.5", "DOUBLE", ("2.0", "2.5")),
        ("DOUBLE", "2", Type.STRING, "2.50", "VARCHAR", ("2", "2.50")),
        ("BOOLEAN", "true", Type.STRING, "false", "BOOLEAN", ("true", "false")),
        ("BOOLEAN", "true", Type.STRING, "yes", "VARCHAR", ("true", "yes")),
        ("BIGINT", "7", Type.DOUBLE, 8.0, "BIGINT", ("7", "8")),
        ("BIGINT", "7", Type.DOUBLE, 2.5, "DOUBLE", ("7.0", "2.5")),
        ("BIGINT", "9007199254740993", Type.DOUBLE, 2.5, "VARCHAR", ("9007199254740993", "2.5")),
        ("TIMESTAMP", "'2026-01-02'", Type.STRING, "soon", "VARCHAR",
         ("2026-01-02T00:00:00.000Z", "soon")),
        ("DOUBLE", "2", Type.LONG, 9007199254740993, "VARCHAR", ("2", "9007199254740993")),
    ],
)  # fmt: skip
def test_a_narrower_column_stays_while_every_value_fits(
    tmp_path: Path, engine: str, value: str, type_: Type, comes: object, becomes: str,
    texts: tuple[str, str | None],
) -> None:  # fmt: skip
    """The first that would not read as it was sent widens it; what was there is as it was."""
    path = tmp_path / "x.duckdb"
    target = made(path, engine, value)
    target.ensure([thing(type_)])
    target.changed.clear()
    come(target, type_, comes)
    assert stored(path) == (becomes, {"a": texts[0], "b": texts[1]})
    assert [(c.column, c.becomes) for c in target.changed] == (
        [("x", becomes)] if becomes == "VARCHAR" or (engine, becomes) == ("BIGINT", "DOUBLE")
        else []
    )  # fmt: skip
    come(target, type_, comes)
    assert stored(path)[1] == {"a": texts[0], "b": texts[1]}


def test_rows_are_not_flagged_where_nobody_flagged_any(tmp_path: Path) -> None:
    """A filter on the flag finds them."""
    path = tmp_path / "x.duckdb"
    made(path, "BIGINT", "1").ensure([thing(Type.LONG)])
    with duckdb.connect(str(path)) as db:
        assert db.execute("SELECT _fivetran_deleted FROM kustomer.thing").fetchall() == [(False,)]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ('CREATE VIEW "THING" AS SELECT 1 AS n', "THING is a view"),
        ('CREATE TABLE "THING" ("ID" VARCHAR, "N" INT NOT NULL)', "must not be NULL"),
        ('CREATE TABLE "THING" ("ID" VARCHAR NOT NULL, "X" DECIMAL(9, 0) UNIQUE)', ""),
    ],
    ids=["view", "required", "key"],
)
def test_the_engine_s_case_is_no_other_name(tmp_path: Path, statement: str, said: str) -> None:
    """Of the schema, of what is in the way, and of a key's column, whose type stays."""
    path = tmp_path / "x.duckdb"
    with duckdb.connect(str(path)) as db:
        db.execute('CREATE SCHEMA "KUSTOMER"')
        db.execute('SET schema = "KUSTOMER"')
        db.execute(statement)
    target = DuckDB(str(path), schema="kustomer")
    target.begin(AT)
    if said:
        with pytest.raises(DestinationFailed, match=said):
            target.ensure([thing(Type.LONG)])
        return
    target.ensure([thing(Type.LONG)])
    come(target, Type.LONG, 7)
    assert target.found()["thing"].rows == 1
