"""What the product promises, and the tests that prove it; `docs/reference/features.md` is made
of this.

First each row of the reference connector's feature table, then what it lacks. A feature without
tests is one that this version does not have.
"""

from __future__ import annotations

from dataclasses import dataclass

A, D = "tests/acceptance/", "tests/contract/destinations/"
U = "tests/unit/"


@dataclass(frozen=True)
class Feature:
    name: str
    promise: str
    """What is true of it; "" where this version lacks it."""
    tests: tuple[str, ...] = ()
    """pytest node ids, each of a test that fails when the feature is broken."""
    reference: bool = False
    """A row of the reference connector's own table of features."""


def _tests(file: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{file}::test_{name}" for name in names)
