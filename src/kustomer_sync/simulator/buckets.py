"""The two rate limits: fixed windows of server time, one for the org, one for searches [D]."""

from __future__ import annotations

from dataclasses import dataclass, field

from .clock import SECOND, Clock
from .switches import Limits, Switches


@dataclass
class Bucket:
    """Requests of the current window."""

    window: int = -1
    used: int = 0

    def roll(self, window: int) -> None:
        """Start afresh in a new window."""
        if window != self.window:
            self.window, self.used = window, 0


@dataclass(frozen=True)
class Verdict:
    """Whether a request may pass, and what the headers say."""

    allowed: bool
    headers: dict[str, str]


@dataclass
class Buckets:
    """Counts requests against both limits. A refused request uses up nothing."""

    clock: Clock
    limits: Limits
    org: Bucket = field(default_factory=Bucket)
    search: Bucket = field(default_factory=Bucket)

    def take(self, searching: bool, switches: Switches) -> Verdict:
        """Use up one request, if both budgets have one."""
        now = self.clock.now_ms()
        length = self.limits.window_seconds * SECOND
        window, passed = divmod(now, length)
        for bucket in (self.org, self.search):
            bucket.roll(window)
        counts_org = not searching or switches.search_counts_towards_org
        org_left = self._left(self.org, self.limits.org, self.limits.others, passed / length)
        search_left = self._left(
            self.search, self.limits.search, self.limits.other_searches, passed / length
        )
        allowed = (not counts_org or org_left > 0) and (not searching or search_left > 0)
        if allowed:
            self.org.used += counts_org
            self.search.used += searching
            org_left -= counts_org
            search_left -= searching
        described = searching and switches.ratelimit_headers_on_search == "search"
        limit, left = (
            (self.limits.search, search_left) if described else (self.limits.org, org_left)
        )
        reset = (window + 1) * length
        return Verdict(allowed, _headers(limit, left, reset, now, allowed, switches))

    def _left(self, bucket: Bucket, limit: int, others: int, part: float) -> int:
        return max(0, limit - bucket.used - int(others * part))


def _headers(
    limit: int, left: int, reset: int, now: int, allowed: bool, switches: Switches
) -> dict[str, str]:
    delta = -(-(reset - now) // SECOND)
    value = {"seconds": reset // SECOND, "delta": delta, "ms": reset}[switches.reset_unit]
    headers = {}
    if switches.ratelimit_headers:
        headers = {
            "x-ratelimit-limit": str(limit),
            "x-ratelimit-remaining": str(left),
            "x-ratelimit-reset": str(value),
        }
    if not allowed and switches.retry_after:
        headers["Retry-After"] = str(delta)
    return headers
