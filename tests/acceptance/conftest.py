"""A made-up org and a connection to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kustomer_sync.settings import Connection, from_flags
from kustomer_sync.simulator import Limits, Simulator

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
