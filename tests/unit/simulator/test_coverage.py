"""Nothing is promised that no test looks at."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from kustomer_sync.simulator import Limits, Switches
from kustomer_sync.simulator.faults import FAULT_NAMES

TESTS = "".join(
    path.read_text("utf-8")
    for path in Path(__file__).parent.glob("test_*.py")
    if path.name != Path(__file__).name
)
NAMES = [field.name for settings in (Switches, Limits) for field in fields(settings)]


@pytest.mark.parametrize("name", [*NAMES, *FAULT_NAMES])
def test_every_switch_limit_and_fault_is_tested(name: str) -> None:
    """By name, in some other file of this folder."""
    assert name in TESTS
