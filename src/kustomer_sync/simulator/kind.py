"""What a kind of object is: one value says where it is listed, who may read it, how it is drawn.

Adding a Kustomer object to the simulator is one more `Kind` in `org/`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from .clock import DAY
from .scale import Scale

if TYPE_CHECKING:
    from .base import Base

Json = dict[str, Any]
Facts = Mapping[str, Any]

PERIOD = 64
"""Facts that searches filter by repeat over this many records: counting them is arithmetic."""


@dataclass(frozen=True, slots=True)
class Draw:
    """All that a drawing function may look at for record `i`."""

    base: Base
    i: int
    id: str
    dice: bytes
    """64 bytes of seeded chance."""
    facts: Facts
    created: int
    updated: int

    def between(self, byte: int) -> int:
        """A moment between creation and last update."""
        return self.created + (self.updated - self.created) * self.dice[byte] // 256


@dataclass(frozen=True, slots=True)
class Drawn:
    """A record without what all records have in common."""

    attributes: Json
    relationships: Json | None = field(default_factory=dict)
    """None: the record has no such key, not even for its org."""
    type: str | None = None
    links: Json | None = None


def no_facts(_rng: Random) -> Sequence[Facts]:
    """Nothing deleted, nothing to filter by."""
    return [{"deleted": False}] * PERIOD


def some_deleted(*positions: int) -> Callable[[Random], Sequence[Facts]]:
    """Facts of small kinds: the records at these positions are soft-deleted."""
    return lambda _rng: [{"deleted": n in positions} for n in range(PERIOD)]


@dataclass(frozen=True)
class Kind:
    """One kind of object."""

    name: str
    """The JSON:API `type`."""
    code: int
    """Two hex digits inside its ids."""
    count: Callable[[Scale], int]
    draw: Callable[[Draw], Drawn]
    path: str | None = None
    """Where it is listed (`/v1/brands`); None: only under another object."""
    home: str | None = None
    """Prefix of `links.self` when it differs from `path`."""
    roles: tuple[str, ...] = ()
    """Any one of these lets a key read it; none: every key may."""
    owner: str | None = None
    """The kind whose child it is; children of one owner lie side by side."""
    facts: Callable[[Random], Sequence[Facts]] = no_facts
    lead_ms: int = 30 * DAY
    """How long before its last update a base record was created, at least."""
    bursts: bool = False
    """Has runs of equal `updatedAt`."""
    shows_rev: bool = False
    page_max: int = 100
    counted: bool = False
    """Lists carry `meta.total`, `meta.totalPages` and `links.last`."""
    deleted_switch: str | None = None
    """The switch that says whether the plain list contains soft-deleted records."""
    filters: Mapping[str, Callable[[Json, str], bool]] = field(default_factory=dict)
    """List parameters: (attributes, value) -> keep?"""
    defaults: Mapping[str, str] = field(default_factory=dict)
    """Values of list parameters that are not given."""
    order_switch: str | None = None
    """The switch that says whether lists ascend or descend."""
    lookups: Mapping[str, Callable[[Json, str], bool]] = field(default_factory=dict)
    """`/{path}/{key}={value}` forms."""

    @property
    def root(self) -> str:
        """Prefix of `links.self`."""
        return self.home or self.path or f"/v1/{self.name}s"


class Residues:
    """The base indices whose facts fit: those i with `i % PERIOD` in a set of positions."""

    def __init__(self, positions: Sequence[int]) -> None:
        self._positions = sorted(positions)
        self._below = [bisect_left(self._positions, n) for n in range(PERIOD + 1)]

    def holds(self, i: int) -> bool:
        """Whether index i fits."""
        here = i % PERIOD
        return self._below[here + 1] > self._below[here]

    def rank(self, n: int) -> int:
        """How many fitting indices are below n."""
        whole, rest = divmod(n, PERIOD)
        return whole * len(self._positions) + self._below[rest]

    def select(self, k: int) -> int:
        """The k-th fitting index, from 0."""
        whole, rest = divmod(k, len(self._positions))
        return whole * PERIOD + self._positions[rest]


def relation(kind_name: str, record_id: str, root: str) -> Json:
    """A relationship as Kustomer writes it [D]."""
    return {
        "links": {"self": f"{root}/{record_id}"},
        "data": {"type": kind_name, "id": record_id},
    }
