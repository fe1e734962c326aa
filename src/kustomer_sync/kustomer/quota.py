"""The two budgets of Kustomer's API, and waiting for them.

Kustomer limits an org's requests in all (300-2,000 a minute by plan) and, apart from that, the
searches of API keys (100 a minute). Source: rate-limits page, documented. Which of the two the
headers of a search reply describe is not documented, so both answers must work: a search reply
whose limit is the one seen on other replies speaks of the org, any other speaks of searches.

A lane lets at most its share of the limit go out in any 60 seconds, so that whatever way the
server cuts its minutes, the share is never exceeded; a 429 is an accident. When replies say that
others used the budget up, it waits for the reset they name.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kustomer_sync.errors import Interrupted, Rescheduled
from kustomer_sync.report import counted

SEARCHES_PER_MINUTE = 100
"""Documented for API keys; used until a reply says otherwise."""
ORG_PER_MINUTE = 300
"""The smallest plan's; used until a reply says otherwise."""
LARGEST_PLAN = 2000
"""No plan of Kustomer's allows more; a server that does keeps other limits than documented."""
_LOOK = 1.0  # seconds between two looks at the share
_SOON = 2.0  # seconds; a reset so near is not given up, since minutes are not exact
_LONG = 10.0  # seconds; a wait longer than that is told
_MINUTE = 60.25  # a little more, since requests do not all travel equally fast


@dataclass(frozen=True, slots=True)
class Limit:
    """What a reply's headers say: `reset_in` in seconds from that reply."""

    limit: int
    remaining: int
    reset_in: float


def parse_limit(headers: Mapping[str, str], server_time: float | None) -> Limit | None:
    """The limit in a reply's headers; None where they are missing or make no sense.

    `x-ratelimit-reset` is most likely an epoch in seconds; a small number is read as seconds
    from now, a huge one as milliseconds. Epochs are compared with the server's own `Date`.
    """
    try:
        limit = int(headers["x-ratelimit-limit"])
        remaining = int(headers["x-ratelimit-remaining"])
    except (KeyError, ValueError):
        return None
    if limit < 1:
        return None
    try:
        reset = float(headers.get("x-ratelimit-reset", "60"))
    except ValueError:
        reset = 60.0
    if reset > 1e12:
        reset /= 1000
    if reset > 1e6:
        reset = reset - server_time if server_time is not None else 60.0
    return Limit(limit, remaining, min(max(reset, 0.0), 3600.0))


def share_of(limit: int, percentage: float) -> int:
    """What may go out in a minute; one at least."""
    return max(1, int(limit * percentage / 100))


@dataclass(frozen=True, slots=True)
class Use:
    """What a budget allows in a minute and what went out in the last one."""

    limit: int
    told: bool
    """A reply told the limit; else it is the documented one."""
    permitted: int
    used: int
    resets_in: float
    """Seconds until the minute ends, as the server last said; else until a request is forgotten."""


class Lane:
    """One budget. All methods are called with the quota's lock held."""

    def __init__(self, limit: int, percentage: float) -> None:
        self.limit, self.told = limit, False
        self.percentage = percentage
        self.sent: deque[float] = deque()
        self.in_flight = 0
        self.blocked_until = 0.0
        self.used_by_all = 0
        self.window_ends = 0.0

    @property
    def allowed(self) -> int:
        return share_of(self.limit, self.percentage)

    def ready_at(self, now: float) -> float:
        """The earliest moment at which a request may go out; <= now means at once."""
        while self.sent and self.sent[0] <= now - _MINUTE:
            self.sent.popleft()
        at = self.blocked_until
        if len(self.sent) >= self.allowed:
            at = max(at, self.sent[len(self.sent) - self.allowed] + _MINUTE)
        if now < self.window_ends and self.used_by_all + self.in_flight >= self.allowed:
            at = max(at, self.window_ends)
        return at

    def use(self, now: float) -> Use:
        self.ready_at(now)  # what is older than a minute is forgotten
        resets_in = max(0.0, self.window_ends - now)
        if not resets_in and self.sent:
            resets_in = self.sent[0] + _MINUTE - now
        return Use(self.limit, self.told, self.allowed, len(self.sent), resets_in)

    def heard(self, limit: Limit, now: float) -> None:
        self.limit, self.told = limit.limit, True
        self.used_by_all = limit.limit - limit.remaining
        self.window_ends = now + limit.reset_in


class Quota:
    """Both lanes of one connection, shared by all its threads."""

    def __init__(
        self,
        percentage: float,
        *,
        max_wait: float,
        clock: Callable[[], float],
        stop: threading.Event,
        searches_per_minute: int = SEARCHES_PER_MINUTE,
        requests_per_minute: int = ORG_PER_MINUTE,
        share: Callable[[], float] | None = None,
        waits: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        """`waits` hears once of each long wait how many seconds it lasts at most."""
        self._clock, self._waits = clock, waits
        self._told_until = float("-inf")
        self._share, self._looked = share, clock()
        self._stop = stop
        self._max_wait = max_wait
        self._changed = threading.Condition()
        self.org = Lane(requests_per_minute, percentage)
        self.search = Lane(searches_per_minute, percentage)
        self._org_limit_heard: int | None = None
        self._stuck_since: float | None = None
        """Since when every request had to wait or was refused; None while one could go out."""
        self.waited = 0.0

    def acquire(self, *, search: bool) -> None:
        """Return when a request may go out. `Rescheduled` when none was possible for too long."""
        lanes = (self.org, self.search) if search else (self.org,)
        with self._changed:
            while True:
                if self._stop.is_set():
                    raise Interrupted("The sync was interrupted.", "Run it again to go on.")
                now = self._clock()
                self._look(now)
                at = max(lane.ready_at(now) for lane in lanes)
                if at <= now:
                    for lane in lanes:
                        lane.sent.append(now)
                        lane.in_flight += 1
                    return
                # Waited for, not foretold: what others use, or the share, may change before.
                until = self._stuck(now) + self._max_wait
                if at <= until + _SOON:
                    until = at
                if now >= until:
                    raise _rescheduled(now - self._stuck(now), at - now)
                self._tell(now, until)
                pause = min(until - now, 1.0)
                self.waited += pause
                self._changed.wait(pause)

    def set_share(self, percentage: float) -> None:
        """From the next request on, waiting ones too, both budgets are paced by this share."""
        with self._changed:
            self.org.percentage = self.search.percentage = percentage
            self._changed.notify_all()

    def _look(self, now: float) -> None:
        """Ask for the share, once a second at most."""
        if self._share is not None and now - self._looked >= _LOOK:
            self._looked = now
            self.org.percentage = self.search.percentage = self._share()

    def use(self) -> tuple[Use, Use]:
        """Of all requests, and of searches."""
        with self._changed:
            now = self._clock()
            return self.org.use(now), self.search.use(now)

    def release(self, *, search: bool, limit: Limit | None, refused_for: float | None) -> None:
        """A reply came (or none did): learn from its headers; `refused_for` seconds on a 429."""
        with self._changed:
            now = self._clock()
            lanes = (self.org, self.search) if search else (self.org,)
            for lane in lanes:
                lane.in_flight -= 1
            if limit is not None:
                self._lane_of(limit, search).heard(limit, now)
                if search and limit.limit > LARGEST_PLAN:
                    self.search.heard(limit, now)
            if refused_for is not None:
                lane = lanes[-1] if limit is None else self._lane_of(limit, search)
                lane.blocked_until = max(lane.blocked_until, now + refused_for)
                self._stuck(now)
            else:
                self._stuck_since = None
            self._changed.notify_all()

    def _tell(self, now: float, until: float) -> None:
        """A wait is told when it begins, and when it becomes longer; by one thread for all."""
        if until - max(now, self._told_until) > _LONG:
            self._told_until = until
            self._waits(until - now)

    def _stuck(self, now: float) -> float:
        """No request can be sent now; since when that is so."""
        if self._stuck_since is None:
            self._stuck_since = now
        return self._stuck_since

    def _lane_of(self, limit: Limit, search: bool) -> Lane:
        if not search:
            self._org_limit_heard = limit.limit
            return self.org
        return self.org if limit.limit == self._org_limit_heard else self.search


def _rescheduled(waited: float, wait: float) -> Rescheduled:
    """After so many seconds without a request; the next may go out in `wait` seconds."""
    minutes, seconds = round(waited / 60), round(waited)
    span = counted(minutes, "minute") if waited >= 60 else counted(seconds, "second")
    said = f"left no request for {span}" if seconds else "leaves no request now"
    return Rescheduled(
        f"Kustomer's rate limit {said}.", f"in {counted(max(1, round(wait / 60)), 'minute')}"
    )
