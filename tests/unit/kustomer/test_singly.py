"""Records by their ids, and what belongs to them."""

from __future__ import annotations

from typing import Any

import pytest

from kustomer_sync.kustomer import singly
from kustomer_sync.kustomer.catalog import TABLES
from kustomer_sync.kustomer.singly import _paths, of_parent, related

BY_NAME = {table.name: table for table in TABLES}


@pytest.mark.parametrize(
    ("table", "path"),
    [
        ("conversation", "/v1/conversations/a%2Fb%3Fc%23%20d"),
        ("tag", "/v1/tags/a%2Fb%3Fc%23%20d"),
        ("kobject", "/v1/klasses/my%20klass%3F/a%2Fb%3Fc%23%20d"),
    ],
)
def test_an_id_is_one_part_of_a_path(table: str, path: str) -> None:
    """Whatever is in it, and in a klass's name."""
    assert list(_paths(BY_NAME[table], "a/b?c# d", ["my klass?"])) == [path]


def test_so_is_a_parent_s_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """For whoever asks by it: a sync and `verify`."""
    asked: list[str] = []

    def listed(_: Any, path: str, params: dict[str, str]) -> list[Any]:
        asked.append(path)
        return []

    monkeypatch.setattr(singly, "_listed", listed)
    none: Any = None
    of_parent(none, "/v1/conversations/{id}/times", "a/b?c")
    assert asked == ["/v1/conversations/a%2Fb%3Fc/times"]


@pytest.mark.parametrize(
    ("record", "after"),
    [
        ({}, {"new": 1}),
        ({"relationships": None}, {"new": 1}),
        ({"relationships": {"old": 0}}, {"old": 0, "new": 1}),
        ({"relationships": "text"}, "text"),
    ],
)
def test_a_record_that_names_no_relationships_can_be_given_some(
    record: dict[str, Any], after: Any
) -> None:
    """Null is none; what is something else is left as it came."""
    related(record)["new"] = 1
    assert record["relationships"] == after
