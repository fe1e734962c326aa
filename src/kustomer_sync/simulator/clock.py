"""The simulator's own time: real UTC plus an offset that tests move, and how it is written.

All times inside the simulator are integer milliseconds since 1970 (UTC). Kustomer writes them as
ISO-8601 with milliseconds, `2016-11-09T02:46:29.789Z` [D].
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
TWO_YEARS = 730 * DAY


class Clock:
    """Server time. It never runs backwards by itself; `advance` moves it for everyone at once."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._offset_ms = 0

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return int(self._wall() * SECOND) + self._offset_ms

    def now(self) -> datetime:
        """The same as an aware datetime."""
        return datetime.fromtimestamp(self.now_ms() / SECOND, UTC)

    def advance(self, seconds: float) -> None:
        """Jump forward (or back, for a test of skewed clocks) by so many seconds."""
        self._offset_ms += int(seconds * SECOND)

    def http_date(self) -> str:
        """The value of the `Date` header."""
        return formatdate(self.now_ms() / SECOND, usegmt=True)


def iso(ms: int) -> str:
    """`2016-11-09T02:46:29.789Z` for a count of milliseconds."""
    minutes, rest = divmod(ms, MINUTE)
    day, minute = divmod(minutes, 1_440)
    second, milli = divmod(rest, SECOND)
    return f"{_date(day)}{_TIMES[minute]}{second:02}.{milli:03}Z"


def to_ms(text: str, zone: str = "GMT") -> int:
    """Milliseconds for an ISO time, or for a date that begins in `zone`.

    Raises ValueError for anything else. Dates are read in the search's `timeZone`; ISO times
    ending in Z are never shifted [D].
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        try:
            moment = moment.replace(tzinfo=ZoneInfo(zone))
        except ZoneInfoNotFoundError as unknown:
            raise ValueError(f"unknown time zone {zone}") from unknown
    seconds = int(moment.replace(microsecond=0).timestamp())
    return seconds * SECOND + moment.microsecond // 1_000


_TIMES = [f"T{minute // 60:02}:{minute % 60:02}:" for minute in range(1_440)]


@lru_cache(maxsize=8_192)
def _date(day: int) -> str:
    return datetime.fromtimestamp(day * 86_400, UTC).strftime("%Y-%m-%d")
