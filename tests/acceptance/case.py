"""What acceptance tests hold under: any page size, any cap, late indexing, a living org.

A test whose subject is one change (a setting, damage, a fault, a record that comes or goes) leaves
the org otherwise at rest, for a change by chance could hide what it looks for; it ends as they all
do, with the destination equal to the org. One of kills, commands, budgets, request counts or sizes
sets these itself.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from kustomer_sync.kustomer.catalog import TABLES
from kustomer_sync.kustomer.windows import Caps
from kustomer_sync.model import Listing
from kustomer_sync.report import Report
from kustomer_sync.settings import Connection, from_flags
from kustomer_sync.shred import Names
from kustomer_sync.simulator import Character, Limits, Scale, Simulator, Switches
from kustomer_sync.sync import Limits as Narrow
from kustomer_sync.sync import choose, sync
from tests.acceptance.hostile import hostile_differences
from tests.acceptance.truth import differences

UNLIMITED = Limits(org=10_000_000, search=10_000_000)
"""Budgets are tested on their own; elsewhere they would only cost time."""
TINY = Scale(20, 45, 90, 24, 5, 24, 30, 10, 9, 4, 9, 5, burst=12)
TINIEST = Scale(10, 20, 40, 8, 3, 12, 14, 5, 6, 3, 6, 3, burst=6)
"""For pages of one record: there each costs a request."""
SPINE = ("tag", "team", "user", "conversation", "customer", "message", "kobject")
"""What most tests read; one that reads everything says so, for it takes several times as long."""
EVERYTHING = tuple(table.name for table in TABLES if not table.off)
CONDITIONS = [(1, 10), (7, 10), (500, 10), (1, 10_000), (7, 10_000), (500, 10_000)]
"""Page size, and how many records a search yields in all."""
CHARACTERS: tuple[Character, ...] = ("pleasant", "hostile")
"""An org whose records are as documented, and one in which anything may be anything."""


def connection_to(sim: Simulator, database: Path, **settings: Any) -> Connection:
    """A connection that reads up to the server's present."""
    given = {
        "base_url": sim.url, "access_token": sim.token, "index_lag_seconds": 0,
        "destination": f"duckdb:///{database}", **settings,
    }  # fmt: skip
    return from_flags(**given)


def living(sim: Simulator, kind: str, first: int) -> Iterator[str]:
    """The ids of base records that are there and not soft-deleted, from `first` on and round."""
    count = sim.world.base.count(kind)
    for n in range(first, first + count):
        record = sim.get(kind, sim.id(kind, n % count))
        if record is not None and not record["attributes"].get("deleted"):
            yield sim.id(kind, n % count)


@dataclass(frozen=True)
class Case:
    """One of the conditions, and the database that a test syncs into."""

    size: int
    cap: int
    database: Path
    character: Character = "pleasant"

    @property
    def rate(self) -> float:
        """How many things a second happen in its org, unless a test says otherwise."""
        return 5 if self.size == 1 else 20

    @contextmanager
    def org(
        self,
        *,
        seed: int = 7,
        rate: float | None = None,
        limits: Limits = UNLIMITED,
        **switches: Any,
    ) -> Iterator[Simulator]:
        """A small org in which `rate` things a second happen, and are indexed late.

        0 is for tests that count what happened.
        """
        answers = {
            "record_cap": self.cap, "max_search_page_size": self.size, "index_lag_ms": 2000,
            "index_lag_random": True, "late_write_ms": 2000, **switches,
        }  # fmt: skip
        rate = self.rate if rate is None else rate
        scale = TINIEST if self.size == 1 else TINY
        with Simulator(
            seed=seed, scale=scale, switches=Switches(**answers), limits=limits,
            character=self.character,
        ) as sim:  # fmt: skip
            if rate:
                sim.mutator.start(rate)
            try:
                yield sim
            finally:
                sim.mutator.stop()

    def connect(
        self, sim: Simulator, *, tables: Collection[str] = SPINE,
        histories: Collection[str] = (), **settings: Any,
    ) -> Connection:  # fmt: skip
        """A connection that reads up to the server's present, and again what may come late."""
        left_out = {t.name for t in TABLES for t in t.shown()} - {
            c.name for t in TABLES if t.name in tables for c in t.shown()
        }
        choices = {name: {"enabled": False} for name in left_out}
        choices |= {t.name: {"enabled": True} for t in TABLES if t.off and t.name in tables}
        choices |= {name: {"history": True} for name in histories}
        given = {"overlap_seconds": 5, "tables": choices, **settings}
        return connection_to(sim, self.database, **given)

    def sync(self, connection: Connection, **how: Any) -> Report:
        narrow = replace(
            how.pop("limits", Narrow()), caps=Caps(self.cap, 100), page_size=self.size,
            searches_per_minute=UNLIMITED.search, requests_per_minute=UNLIMITED.org,
        )  # fmt: skip
        return sync(connection, limits=narrow, **how)

    def assert_equal(self, sim: Simulator, connection: Connection) -> None:
        """The changes end, the index catches up, one more sync: the destination is the org."""
        sim.mutator.stop()
        sim.settle()
        sim.clock.advance(30)
        report = self.sync(connection, reimport=True)
        assert report.status == "SUCCESSFUL", report.error
        assert self.differences(sim, connection) == []

    def assert_equal_by_polling(self, sim: Simulator, connection: Connection) -> None:
        """The same without the daily comparison, which would mend what searches missed.

        For orgs with `hard_deletes=False`.
        """
        sim.mutator.stop()
        sim.settle()
        sim.clock.advance(connection.index_lag_seconds + 30)
        listed = [t.name for t in choose(connection) if isinstance(t.reading, Listing)]
        for report in (
            self.sync(connection), self.sync(connection, tables=listed, reimport=True)
        ):  # fmt: skip
            assert report.status == "SUCCESSFUL", report.error
        assert self.differences(sim, connection) == []

    def differences(self, sim: Simulator, connection: Connection) -> list[str]:
        """Each way in which the destination is not the org."""
        compare = differences if self.character == "pleasant" else hostile_differences
        return compare(sim, self.database, tables=choose(connection))

    def klass_table(self, sim: Simulator, kobject: str) -> str:
        """The table of the KObject's klass; one that is called `tag` gets another name."""
        record = sim.get("kobject", kobject)
        assert record is not None
        klass = str(record["type"]).removeprefix("kobject.")
        ((kept,),) = self.ask("SELECT value FROM kustomer._kustomer_sync_state WHERE key = 'names'")
        return Names.from_state(json.loads(kept)).klasses("kobject")[klass]

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.database), read_only=True) as db:
            return db.execute(query).fetchall()
