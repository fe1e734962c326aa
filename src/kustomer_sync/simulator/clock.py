"""The simulated server's clock: real time plus an offset that a test may move on."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import format_datetime

DAY = 86_400_000


def iso(ms: int) -> str:
    """Kustomer's timestamps: ISO-8601, UTC, milliseconds (documented)."""
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def parse_iso(text: str) -> int:
    at = datetime.fromisoformat(text)
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return int(at.timestamp()) * 1000 + at.microsecond // 1000


class Clock:
    def __init__(self) -> None:
        self.offset_ms = 0

    def now(self) -> int:
        """Milliseconds since 1970."""
        return time.time_ns() // 1_000_000 + self.offset_ms

    def advance(self, seconds: float) -> None:
        self.offset_ms += int(seconds * 1000)

    def http_date(self) -> str:
        return format_datetime(datetime.fromtimestamp(self.now() // 1000, UTC), usegmt=True)
