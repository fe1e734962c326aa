"""The catalog holds the reference connector's schema: names, types and keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kustomer_sync.erd import flat, render
from kustomer_sync.kustomer.catalog import TABLES

REFERENCE: dict[str, Any] = json.loads(
    (Path(__file__).parent / "reference_schema.json").read_text("utf-8")
)
OURS = {table.name: table for table in flat(TABLES) if not table.extra}


def test_every_table_of_the_reference_is_there() -> None:
    """Eighty of eighty."""
    assert set(OURS) == set(REFERENCE)
    assert len(REFERENCE) == 80


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_table_has_the_columns_types_and_key_of_the_reference(name: str) -> None:
    """A query written for the reference connector finds every column, with the type it had."""
    table, reference = OURS[name], REFERENCE[name]
    assert {c.name: c.type.value for c in table.columns if not c.extra} == reference["columns"]
    assert sorted(table.key) == sorted(reference["key"])


def test_every_relation_of_the_reference_is_drawn() -> None:
    """But for one that nobody can join by: a channel's name is no conversation's id."""
    drawn: dict[str, dict[str, str]] = {name: {} for name in REFERENCE}
    for relation in json.loads(render(TABLES, "json", extras=False))["relations"]:
        (ours,), (theirs,) = relation["sourceColumns"], relation["targetColumns"]
        drawn[relation["sourceTable"]][ours] = f"{relation['targetTable']}.{theirs}"
    wanted = {name: dict(table["references"]) for name, table in REFERENCE.items()}
    del wanted["conversation_time_channel"]["channel"]
    assert drawn == wanted


def test_the_json_erd_has_the_shape_of_the_reference() -> None:
    """Whoever reads the reference connector's ERD file can read ours."""
    drawn = json.loads(render(TABLES, "json"))
    assert set(drawn) == {"tables", "relations", "positions", "notes", "tableGroups"}
    for table in drawn["tables"]:
        assert set(table) == {"name", "columns", "tags", "link"}
    keys = {key for table in drawn["tables"] for column in table["columns"] for key in column}
    assert keys == {"name", "type", "primaryKey", "foreignKey"}
    assert all(set(place) == {"x", "y"} for place in drawn["positions"].values())
    customer = next(t for t in drawn["tables"] if t["name"] == "customer")
    assert {"name": "id", "type": "String", "primaryKey": True} in customer["columns"]
    assert {
        "targetTable": "customer",
        "sourceTable": "conversation",
        "targetColumns": ["id"],
        "sourceColumns": ["customer_id"],
    } in drawn["relations"]
