"""The catalog as a picture or as data."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest

from kustomer_sync.erd import FORMS, render
from kustomer_sync.model import Column, Listing, Origin, Search, Table, Type

TABLES = (
    Table("tag", (Column("id"), Column("name")), reading=Listing("/v1/tags")),
    Table(
        "conversation",
        (Column("id"), Column("meta", Type.JSON, extra=True)),
        reading=Search("conversation"),
        history="conversation_history",
        history_key=("id",),
        children=(
            Table(
                "conversation_tag",
                (
                    Column("conversation_id", references="conversation", origin=Origin.PARENT),
                    Column("tag_id", references="tag"),
                ),
                key=("conversation_id", "tag_id"),
                parent="conversation",
                history="conversation_tag_history",
                history_key=("conversation_id", "tag_id"),
            ),
        ),
    ),
)
EVERY = [
    "conversation",
    "conversation_history",
    "conversation_tag",
    "conversation_tag_history",
    "tag",
]


def test_json_has_tables_and_relations() -> None:
    """The shape of the reference connector's file: keys and foreign keys marked."""
    drawn = json.loads(render(TABLES, "json"))
    assert [t["name"] for t in drawn["tables"]] == EVERY
    joined = next(t for t in drawn["tables"] if t["name"] == "conversation_tag")
    assert joined["columns"] == [
        {"name": "conversation_id", "type": "String", "primaryKey": True, "foreignKey": True},
        {"name": "tag_id", "type": "String", "primaryKey": True, "foreignKey": True},
    ]
    assert {
        "targetTable": "tag",
        "sourceTable": "conversation_tag",
        "targetColumns": ["id"],
        "sourceColumns": ["tag_id"],
    } in drawn["relations"]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_names_every_table_and_column(form: str) -> None:
    """Nothing is lost on the way to any form."""
    drawn = render(TABLES, form)
    for word in (*EVERY, "meta", "tag_id", "conversation_id"):
        assert re.search(rf"\b{word}\b", drawn), word


@pytest.mark.parametrize("form", FORMS)
def test_without_extras_the_reference_schema_is_left(form: str) -> None:
    """What is beyond the reference schema can be left out."""
    assert "meta" not in render(TABLES, form, extras=False)


def test_the_picture_keeps_every_line_inside_its_box() -> None:
    """The svg is well-formed, its boxes do not overlap and its links lead to tables."""
    picture = ElementTree.fromstring(render(TABLES, "svg"))  # noqa: S314 - our own output
    svg = "{http://www.w3.org/2000/svg}"
    ids = [g.get("id") for g in picture.iter(f"{svg}g")]
    assert sorted(filter(None, ids)) == EVERY
    assert {a.get("href") for a in picture.iter(f"{svg}a")} <= {f"#{i}" for i in ids}
    boxes = [
        tuple(float(r.get(k, "0")) for k in ("x", "y", "width", "height"))
        for g in picture.iter(f"{svg}g")
        for r in g.iter(f"{svg}rect")
    ]
    for n, (x, y, w, h) in enumerate(boxes):
        assert x + w <= float(picture.get("width", "0"))
        assert y + h <= float(picture.get("height", "0"))
        for x2, y2, w2, h2 in boxes[n + 1 :]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y


def test_mermaid_draws_a_relation_from_one_to_many() -> None:
    """The line mermaid understands."""
    assert 'tag ||--o{ conversation_tag : "tag_id"' in render(TABLES, "mermaid")
