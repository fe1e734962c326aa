"""What is true of every history in every org, said in SQL over what landed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import duckdb

from kustomer_sync.kustomer.catalog import TABLES
from kustomer_sync.model import Column, Table, Type
from kustomer_sync.simulator import Simulator
from tests.acceptance.truth import Row, millis, rows_of, stored_rows, whole

if TYPE_CHECKING:
    from tests.acceptance.case import Case

_MARKS = tuple(f"_fivetran_{mark}" for mark in ("start", "end", "active", "synced"))
_PARTS = {part.name: (part, root) for root in TABLES for part in root.walk()}


def faults(case: Case, names: Iterable[str]) -> list[str]:
    """Each way in which a history of these tables does not tile or end in what the table has."""
    with duckdb.connect(str(case.database), read_only=True) as db:
        return [fault for name in names for fault in faults_of(db, name)]


def faults_of(db: duckdb.DuckDBPyConnection, name: str) -> Iterator[str]:
    """As `faults`, of one table."""
    part, root = _PARTS.get(name, (None, None))
    owner = part.parent_column if part and part.parent else "id"
    records = root.name if part and root and part.parent else name
    table, history = f'kustomer."{name}"', f'kustomer."{name}_history"'
    found = db.execute(f"DESCRIBE {history}").fetchall()
    own = ", ".join(f'"{row[0]}"' for row in found if row[0] not in _MARKS)
    left_out = {"index", *(f"_fivetran_{mark}" for mark in ("id", "deleted", "synced"))}
    for column in {row[0] for row in db.execute(f"DESCRIBE {table}").fetchall()} - left_out:
        if f'"{column}"' not in own:
            yield f"{name}_history has no column {column}"
    living = f'SELECT id FROM kustomer."{records}" WHERE NOT _fivetran_deleted'
    present = f"SELECT {own} FROM {table} WHERE {owner} IN ({living})"
    active = f"SELECT {own} FROM {history} WHERE _fivetran_active AND {owner} IN ({living})"
    for what, query in {
        "lacks": f"{present} EXCEPT {active}",
        "has too much": f"{active} EXCEPT {present}",
        "has twice": f"SELECT {own} FROM {history} WHERE _fivetran_active GROUP BY ALL "
        "HAVING count(*) > 1",
        "is active and has an end": f"SELECT {owner}, _fivetran_end FROM {history} "
        "WHERE _fivetran_active <> (_fivetran_end = TIMESTAMPTZ '9999-12-31 23:59:59.999+00')",
        "ends before it starts": f"SELECT {owner} FROM {history} "
        "WHERE _fivetran_end < _fivetran_start",
    }.items():
        for row in db.execute(query).fetchall()[:3]:
            yield f"{name}_history {what} {row}"
    if owner == "id":
        for row in db.execute(f"""
            SELECT id, _fivetran_start FROM (
                SELECT *, lead(_fivetran_start) OVER (PARTITION BY id ORDER BY _fivetran_start) AS n
                FROM {history}
            ) WHERE _fivetran_end IS DISTINCT FROM n - INTERVAL 1 MILLISECOND AND n IS NOT NULL
        """).fetchall()[:3]:
            yield f"{name}_history does not tile {row}"


def unheard_of(case: Case, sim: Simulator, table: Table) -> list[str]:
    """Versions in the history of `table` that the record never was, by the org's own ledger.

    Not every version of the ledger is there: one that came and went between two syncs was seen by
    nobody.
    """
    start = Column("_fivetran_start", Type.INSTANT)
    history = Table(f"{table.name}_history", (*table.columns, start))
    with duckdb.connect(str(case.database), read_only=True) as db:
        rows = stored_rows(db, "kustomer", history, "_fivetran_active")
    return [
        f"{row['id']} at {row[start.name]}"
        for row in rows
        if not any(
            all(row[name] == value for name, value in was.items())
            for was in _written(sim, table, row["id"], row[start.name])
        )
    ]


def _written(sim: Simulator, table: Table, record_id: str, at: int) -> Iterator[Row]:
    """What the record was each time it was written with this `updatedAt`."""
    for version in sim.ledger.versions(table.object, record_id):
        if version.record and millis(version.record["attributes"]["updatedAt"]) == at:
            yield from rows_of(table, whole(sim, version))
