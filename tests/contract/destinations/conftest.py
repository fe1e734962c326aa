"""Every engine the suite runs against: one more engine is one more line in `ENGINES`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from kustomer_sync.destinations import Destination, destination
from kustomer_sync.destinations.duckdb import DuckDB

SCHEMA = "kustomer"


@dataclass
class Subject:
    """A destination, a second pair of hands on the same schema, and eyes that need neither."""

    url: str
    destination: Destination
    again: Callable[[], Destination]
    read_all: Callable[[Iterable[str]], dict[str, list[dict[str, Any]]]]

    def read(self, table: str) -> list[dict[str, Any]]:
        return self.read_all([table])[table]


def duckdb_file(folder: Path, prefix: str, memory_limit: str = "128MB") -> Subject:
    file = folder / "org.duckdb"
    url = f"duckdb:///{file}"

    def again() -> Destination:
        return destination(
            url, schema=SCHEMA, system_prefix=prefix, memory_limit=memory_limit, hold_seconds=0
        )  # it is read between its calls

    def read_all(tables: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
        with duckdb.connect(str(file), read_only=True) as db:
            return {
                t: db.sql(f'SELECT * FROM {SCHEMA}."{t}"').to_arrow_table().to_pylist()
                for t in tables
            }

    return Subject(url, again(), again, read_all)


def duckdb_in_memory(folder: Path, prefix: str) -> Subject:
    """The same engine without a file to open: several times as many stories in the same time."""
    held = duckdb.connect(config={"threads": 1, "preserve_insertion_order": False})
    (folder / "org.duckdb").touch()

    def again() -> Destination:
        to = DuckDB(str(folder / "org.duckdb"), schema=SCHEMA, system_prefix=prefix)
        opened = to._file
        opened._connect = lambda *, read_only: held.cursor()  # type: ignore[method-assign]  # no file
        return to

    def read_all(tables: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
        return {
            t: held.sql(f'SELECT * FROM {SCHEMA}."{t}"').to_arrow_table().to_pylist()
            for t in tables
        }

    return Subject("", again(), again, read_all)


ENGINES: dict[str, Callable[[Path, str, str], Subject]] = {"duckdb": duckdb_file}


@pytest.fixture(params=list(ENGINES))
def subjects(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Subject]]:
    """Makes a new, empty destination each time it is called."""
    made: list[Subject] = []

    def new(prefix: str = "_fivetran_", memory_limit: str = "128MB") -> Subject:
        made.append(
            ENGINES[request.param](tmp_path_factory.mktemp("destination"), prefix, memory_limit)
        )
        return made[-1]

    yield new
    for subject in made:
        subject.destination.close()


@pytest.fixture
def subject(subjects: Callable[..., Subject]) -> Subject:
    return subjects()
