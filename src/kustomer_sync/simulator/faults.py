"""Faults: rules that make chosen requests go wrong, in the ways real APIs do.

A rule fires on requests whose method and path fit, the next `times` of them or with a
probability of its own seed. Only the first rule that fires counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from random import Random
from typing import Literal, get_args

FaultName = Literal[
    "status",  # `value` is the status: 429, 500, 503 ...; JSON error body
    "html",  # 502 with an HTML body, or the status in `value`
    "empty",  # 500 with no body, or the status in `value`
    "expired",  # 401 Expired token
    "forbidden",  # 403: role withdrawn
    "reset",  # connection reset before any header
    "reset_body",  # connection reset in the middle of the body
    "cut_short",  # full Content-Length, half the body, connection closed
    "truncated",  # half the JSON with a Content-Length that agrees
    "slow",  # body at `value` bytes per second
    "delay",  # reply after `value` seconds
    "timed_out",  # half the page, meta.timed_out: true
    "duplicate_page",  # the page before this one, under this one's number
    "overlap",  # begins `value` (10) records before it should
    "repeat",  # the first page for ever, `next` never null
    "next_self",  # `next` is this very page
    "next_foreign",  # `next` is on another host
    "shift",  # `value` (1) records of the page are changed right after it is served
    "wrong_total",  # meta.total off by `value` (7)
    "bad_utf8",  # invalid UTF-8 inside a string
    "surrogate",  # a lone surrogate escape inside a string
    "huge_integer",  # an integer beyond 2^64 in each record
]
FAULT_NAMES: tuple[str, ...] = get_args(FaultName)


@dataclass
class Fault:
    """One rule."""

    name: FaultName
    path: str = ".*"
    """A regex searched in the path with its query string."""
    method: str | None = None
    times: int | None = None
    """Fire on so many fitting requests, then never again; None: for ever."""
    skip: int = 0
    """Let so many fitting requests pass first."""
    probability: float = 1.0
    seed: int = 0
    value: float | None = None
    fired: int = 0
    chance: Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.name not in FAULT_NAMES:
            raise ValueError(f"unknown fault {self.name}; one of {', '.join(FAULT_NAMES)}")
        self.chance = Random(self.seed)

    def fires(self, method: str, target: str) -> bool:
        """Whether this request goes wrong; counts it if so."""
        if self.times is not None and self.fired >= self.times:
            return False
        if self.method not in (None, method) or not re.search(self.path, target):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.chance.random() >= self.probability:
            return False
        self.fired += 1
        return True


@dataclass
class Faults:
    """The rules in force, in order."""

    rules: list[Fault] = field(default_factory=list)

    def add(
        self,
        name: FaultName,
        path: str = ".*",
        *,
        method: str | None = None,
        times: int | None = None,
        skip: int = 0,
        probability: float = 1.0,
        seed: int = 0,
        value: float | None = None,
    ) -> Fault:
        """Append a rule; its `fired` tells how often it struck."""
        rule = Fault(name, path, method, times, skip, probability, seed, value)
        self.rules.append(rule)
        return rule

    def clear(self) -> None:
        """Everything goes right again."""
        self.rules.clear()

    def strike(self, method: str, target: str) -> Fault | None:
        """The rule that hits this request."""
        return next((rule for rule in self.rules if rule.fires(method, target)), None)
