"""A made-up org and a connection to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from kustomer_sync.settings import Connection, from_flags
from kustomer_sync.simulator import Simulator
from tests.acceptance.case import CONDITIONS, UNLIMITED, Case

__all__ = ["UNLIMITED"]


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


@pytest.fixture(params=CONDITIONS, ids=lambda condition: f"page-{condition[0]}-cap-{condition[1]}")
def case(request: pytest.FixtureRequest, database: Path) -> Case:
    """Each condition in turn."""
    size, cap = request.param
    return Case(size, cap, database)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make test` runs each test of a case under one of the conditions, drawn from its name.

    The other five are marked slow: `make test-all` runs every test under all of them.
    """
    for item in items:
        params = getattr(item, "callspec", None)
        if params is None or "case" not in params.params:
            continue
        size, cap = params.params["case"]
        test = item.nodeid.replace(f"page-{size}-cap-{cap}", "")
        turn = crc32(test.encode()) % len(CONDITIONS)  # the same whatever else is run
        if CONDITIONS[turn] != (size, cap):
            item.add_marker(pytest.mark.slow)
