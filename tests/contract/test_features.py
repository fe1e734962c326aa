"""Every feature is proved by tests that are there, and that notice when it is broken."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tests.features import FEATURES, REFERENCE, Feature
from tests.mutations.listed import MUTATIONS

ROOT = Path(__file__).parents[2]
ROWS = (
    "Capture deletes", "History mode", "Custom data", "Data blocking", "Column hashing", "Re-sync",
    "API configurable", "Priority-first sync", "Data models", "Private networking",
    "Authorization via API", "Supported deployment models", "Setup and region",
    "Incremental sync",
)  # fmt: skip
"""Those of the reference connector's overview, and what its text promises besides."""


def test_every_row_of_the_reference_connector_s_table_is_told_of() -> None:
    assert tuple(feature.name for feature in REFERENCE) == ROWS


@cache
def _tests_of(file: str) -> set[str]:
    return set(re.findall(r"^def (test_\w+)", (ROOT / file).read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_its_tests_are_there_and_each_is_named_by_a_mutation(feature: Feature) -> None:
    """But for those that go by chance. A feature that this version lacks says so."""
    if not feature.tests:
        assert feature.promise.startswith("Not yet")
        return
    for test in (*feature.tests, *feature.by_chance):
        file, name = test.split("::")
        assert name in _tests_of(file), test
    broken = {test.partition("[")[0] for mutation in MUTATIONS for test in mutation.tests}
    assert {*feature.tests} - broken == set()
