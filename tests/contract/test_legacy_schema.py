"""`service_version = 1` has the tables and columns of before August 2022.

`legacy_columns.json` is what a customer of that time had, but for custom attributes.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kustomer_sync.erd import flat, render
from kustomer_sync.kustomer.catalog import TABLES
from kustomer_sync.settings import from_flags
from kustomer_sync.sync import choose

LEGACY: dict[str, list[str]] = json.loads(
    (Path(__file__).parent / "legacy_columns.json").read_text("utf-8")
)
SYSTEM = {"_fivetran_synced", "_fivetran_deleted"}
NOT_KUSTOMERS = {
    "fivetran_audit": "the reference connector's log, which it has discontinued",
}
OF_THEIR_OWN = {
    "conversation": {
        # joined in by a view of the customer's that has them commented out by now
        "team_id", "team_name", "user_id", "user_name",
    },
    "kobject_reservation": {"complexes_title", "property_short_code"},  # joined in by their view
}  # fmt: skip


def columns(version: int) -> dict[str, set[str]]:
    connection = from_flags(
        domain="acme", access_token="k", destination="duckdb:///x.duckdb", extras=False,
        service_version=version,
    )  # fmt: skip
    return {t.name: {c.name for c in t.columns} for root in choose(connection) for t in root.walk()}


@pytest.mark.parametrize("name", sorted(LEGACY.keys() - NOT_KUSTOMERS))
def test_a_query_on_the_old_schema_finds_every_column(name: str) -> None:
    """But for what a customer's own views had joined in."""
    ours = columns(1)["kobject" if name.startswith("kobject_") else name]
    assert set(LEGACY[name]) - ours - SYSTEM == OF_THEIR_OWN.get(name, set())


def test_only_version_1_has_what_the_reference_schema_dropped() -> None:
    """Six columns of two tables; neither version 2 nor a picture of the tables shows them."""
    old, new = columns(1), columns(2)
    dropped = {(name, column) for name in old for column in old[name] - new[name]}
    assert dropped == {
        ("card", "created_by"), ("card", "modified_by"),
        *(("message_attachment", c) for c in
          ("created_at", "created_by", "modified_by", "updated_at")),
    }  # fmt: skip
    assert not any(c.legacy for table in flat(TABLES) for c in table.columns)
    drawn = json.loads(render(TABLES, "json"))
    (card,) = (table for table in drawn["tables"] if table["name"] == "card")
    assert "created_by" not in {column["name"] for column in card["columns"]}
