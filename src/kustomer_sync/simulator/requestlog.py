"""What was asked and answered, so that tests count requests and see every 429."""

from __future__ import annotations

import re
from collections import Counter, deque
from dataclasses import dataclass, field

HEX_ID = re.compile(r"[0-9a-f]{24}")
KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Request:
    """One request and how it ended."""

    number: int
    at: int
    method: str
    path: str
    query: str
    body: bytes
    status: int
    fault: str | None
    size: int

    @property
    def route(self) -> str:
        """The path with ids as `{id}`."""
        return HEX_ID.sub("{id}", self.path)


@dataclass
class RequestLog:
    """The last requests, and counters of all."""

    lines: deque[Request] = field(default_factory=lambda: deque(maxlen=KEPT))
    counts: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    """By (method, route, status)."""
    total: int = 0
    crashes: list[Exception] = field(default_factory=list)
    """Bugs of the simulator itself; the request was answered 500."""

    def add(self, request: Request) -> None:
        """Record one."""
        self.lines.append(request)
        self.counts[request.method, request.route, request.status] += 1
        self.total += 1

    def clear(self) -> None:
        """Forget all."""
        self.lines.clear()
        self.counts.clear()
        self.crashes.clear()
        self.total = 0

    def count(
        self, path: str | None = None, *, method: str | None = None, status: int | None = None
    ) -> int:
        """How many requests fit; `path` is a regex on the route."""
        return sum(
            many
            for (verb, route, code), many in self.counts.items()
            if (path is None or re.search(path, route))
            and method in (None, verb)
            and status in (None, code)
        )

    @property
    def searches(self) -> int:
        """Searches, archive included."""
        return self.count(r"/search$", method="POST")

    @property
    def rate_limited(self) -> int:
        """Replies with 429."""
        return self.count(status=429)
