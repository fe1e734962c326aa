"""A schema that the reference connector filled is gone on with: no row doubled, lost or stale."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from kustomer_sync.errors import UsageError
from kustomer_sync.settings import Connection
from kustomer_sync.simulator import Simulator
from kustomer_sync.sync import adopt
from tests.acceptance.case import EVERYTHING, Case, living
from tests.acceptance.reference import fill

Query = Callable[[str], list[tuple[Any, ...]]]
DAYS = 3 * 24 * 3600


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def written(path: Path, *statements: str) -> None:
    with duckdb.connect(str(path)) as db:
        for statement in statements:
            db.execute(statement)


def told_names(path: Path, names: dict[str, dict[str, str]]) -> None:
    """What nobody can know: of those whose names become the same, which was met first."""
    with duckdb.connect(str(path)) as db:
        db.execute(
            "INSERT INTO kustomer._kustomer_sync_state VALUES ('names', ?, NULL)",
            [json.dumps(names)],
        )


def differences(case: Case, sim: Simulator, connection: Connection) -> list[str]:
    """As ever, but that a custom column may have kept another type, and what nobody can know.

    Which values of a record the reference connector could not keep it does not tell, so of records
    not read since there are no rejects.
    """
    copy = replace(case, database=case.database.with_name("copy.duckdb"))
    shutil.copy(case.database, copy.database)
    for table, column in case.ask(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'kustomer' AND "
        "column_name LIKE 'custom%' AND NOT regexp_matches(column_name, '_(num|at|bool)$') "
        "AND data_type NOT IN ('VARCHAR', 'JSON')"
    ):
        written(copy.database, f'ALTER TABLE kustomer."{table}" ALTER "{column}" TYPE VARCHAR')
    found = copy.differences(sim, connection)
    return [one for one in found if not one.endswith("wrongly rejected or not")]


@pytest.mark.parametrize("version", [1, 2])
def test_an_adopted_schema_ends_equal_to_the_org(case: Case, version: int) -> None:
    """Whatever happened before, meanwhile and since; and nothing is doubled."""
    with case.org(seed=11, rate=0) as sim:
        connection = case.connect(
            sim, tables=EVERYTHING, extras=False, service_version=version
        )
        sim.mutator.step(60)
        sim.hard_delete("customer", next(living(sim, "customer", 3)))
        sim.hard_delete("kobject", next(living(sim, "kobject", 2)))
        sim.settle()
        _, shared = fill(sim, case.database, connection)
        before = digest(case.database)
        told = adopt(connection)
        assert digest(case.database) == before
        assert not told.applied
        sim.clock.advance(DAYS)
        sim.mutator.step(60)
        again = next(living(sim, "customer", 5))
        written(
            case.database,
            f"INSERT INTO kustomer.customer_email (customer_id, index) VALUES ('{again}', 77)",
        )
        sim.edit("customer", again, {"displayName": "again"})
        assert adopt(connection, apply=True).applied
        told_names(case.database, shared)
        sim.settle()
        sim.clock.advance(60)
        report = case.sync(connection)
        assert report.status == "SUCCESSFUL", report.error
        sim.mutator.step(30)
        sim.settle()
        sim.clock.advance(24 * 3600 + 60)
        report = case.sync(connection, reimport=True)
        assert report.status == "SUCCESSFUL", report.error
        assert differences(case, sim, connection) == []
