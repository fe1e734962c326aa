"""A made-up org and a connection to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from kustomer_sync.settings import Connection, from_flags
from kustomer_sync.simulator import Limits, Simulator
from kustomer_sync.simulator.faults import Fault

UNLIMITED = Limits(org=10_000_000, search=10_000_000)
"""Budgets are tested on their own; elsewhere they would only cost time."""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "acme.duckdb"


@pytest.fixture
def connect(database: Path) -> Callable[..., Connection]:
    """A connection to a simulator that reads up to the server's present."""

    def made(sim: Simulator, **settings: Any) -> Connection:
        given = {
            "base_url": sim.url, "access_token": sim.token, "index_lag_seconds": 0,
            "destination": f"duckdb:///{database}", **settings,
        }  # fmt: skip
        return from_flags(**given)

    return made


class Meanwhile(Fault):
    """No fault: something happens in the org just before a fitting request is answered."""

    def __init__(self, path: str, deed: Callable[[int], object]) -> None:
        super().__init__("status", path)
        self.deed = deed
        """Is told the number of the fitting request, from 1."""

    def fires(self, method: str, target: str) -> bool:
        """Never; but the deed is done."""
        if re.search(self.path, target):
            self.fired += 1
            self.deed(self.fired)
        return False


@pytest.fixture
def query(database: Path) -> Callable[[str], list[tuple[Any, ...]]]:
    """The rows of a query on what landed."""

    def rows(sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(database), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    return rows
