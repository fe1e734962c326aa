"""A made-up org and a connection to it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zlib import crc32

import duckdb
import pytest

from kustomer_sync.settings import Connection
from kustomer_sync.simulator import Character, Simulator
from kustomer_sync.simulator.faults import Fault
from tests.acceptance.case import CHARACTERS, CONDITIONS, Case, connection_to

EVERY = [(size, cap, character) for character in CHARACTERS for size, cap in CONDITIONS]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "acme.duckdb"


@pytest.fixture
def connect(database: Path) -> Callable[..., Connection]:
    """A connection to a simulator that reads up to the server's present."""

    def made(sim: Simulator, **settings: Any) -> Connection:
        return connection_to(sim, database, **settings)

    return made


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`make test-all` runs each test of a case under every condition.

    In the hostile org under one of them: there the records are what may be anything.
    """
    if "condition" in metafunc.fixturenames and os.environ.get("EVERY_CONDITION"):
        hostile = [one for one in EVERY if one[2] == "hostile"]
        drawn = hostile[crc32(metafunc.function.__name__.encode()) % len(hostile)]
        chosen = [*(one for one in EVERY if one[2] == "pleasant"), drawn]
        names = [f"{character}-page-{size}-cap-{cap}" for size, cap, character in chosen]
        metafunc.parametrize("condition", chosen, ids=names)


@pytest.fixture
def condition(request: pytest.FixtureRequest) -> tuple[int, int, Character]:
    """Page size, cap and org, drawn from the test's name: the same whatever else is run."""
    return EVERY[crc32(request.node.nodeid.encode()) % len(EVERY)]


@pytest.fixture
def case(condition: tuple[int, int, Character], database: Path) -> Case:
    """What every acceptance test holds under; it differs from test to test."""
    size, cap, character = condition
    return Case(size, cap, database, character)


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
