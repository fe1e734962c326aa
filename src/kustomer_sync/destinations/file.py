"""A DuckDB file. One process holds it, and while it is open no other can read it, so it is open
only while something is read or written, and for a moment after, since to open it takes as long as
to write a little.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from kustomer_sync.errors import DestinationUnusable

LOCK_SECONDS = 60.0
_LONGEST_HOLD = 0.5
"""Seconds after which a file that is always in use is let go of, so that others may read it."""
_PATIENCE = 2.0
"""Seconds after which it is said that a file is waited for."""
_HELD = re.compile("Could not set lock|different configuration")
"""By another process; or by this one, which writes where we read or reads where we write."""
_HOLDER = re.compile(r"held in (.+?) \(PID (\d+)\)")


@dataclass(frozen=True, slots=True)
class _Held:
    """A file that is open with nothing under way, and until when."""

    opened: duckdb.DuckDBPyConnection
    read_only: bool
    until: float


class File:
    """Where it is, and how it is opened: waited for while another program has it, and held for
    whatever comes next. An error closes it.
    """

    def __init__(
        self, path: str, *, memory_limit: str, hold_seconds: float,
        sleep: Callable[[float], None], tell: Callable[[str], None], lock_seconds: float | None,
    ) -> None:  # fmt: skip
        """`hold_seconds`: how long it stays open; `lock_seconds`: how long it is waited for, of
        which `tell` hears."""
        self.path = Path(path)
        self.catalog = ""
        """What the engine calls the file that is open."""
        self.openings = 0
        """How often it was opened: what was seen in another opening others may have changed."""
        self._memory, self._hold_seconds = memory_limit, hold_seconds
        self._sleep, self._tell = sleep, tell
        self._lock_seconds = LOCK_SECONDS if lock_seconds is None else lock_seconds
        self._held: _Held | None = None
        self._holding = threading.RLock()
        self._closer: threading.Timer | None = None
        self._opened_at = 0.0

    @contextmanager
    def open(self, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor, whose temporary tables go with it. A file that is not there is made."""
        file, done = self._take(read_only=read_only), False
        try:
            cursor = file.cursor()
            yield cursor
            cursor.close()
            done = True
        finally:
            if done and self._hold_seconds:
                self._hold(file, read_only=read_only)
            else:
                file.close()

    def close(self) -> None:
        """It is held no longer."""
        with self._holding:
            if self._closer is not None:
                self._closer.cancel()
                self._closer = None
            if self._held is not None:
                self._held.opened.close()
                self._held = None

    def _take(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        """The file that is held, or one that is opened."""
        with self._holding:
            held, self._held = self._held, None
            if held is not None:
                if held.read_only == read_only:
                    return held.opened
                held.opened.close()
        file = self._connect(read_only=read_only)
        file.execute("SET GLOBAL TimeZone = 'UTC'")
        file.execute("SET max_vacuum_tasks = 0")
        self.catalog = file.execute("SELECT current_database()").fetchall()[0][0]
        self._opened_at = time.monotonic()
        self.openings += 1
        return file

    def _hold(self, file: duckdb.DuckDBPyConnection, *, read_only: bool) -> None:
        """Let go of the file in a moment, unless it is taken up again; now and then at once."""
        now = time.monotonic()
        if now - self._opened_at > _LONGEST_HOLD:
            file.close()
            return
        with self._holding:
            self._held = _Held(file, read_only, now + self._hold_seconds)
            if self._closer is None:
                self._wait(self._hold_seconds)

    def _wait(self, seconds: float) -> None:
        self._closer = threading.Timer(seconds, self._close_if_due)
        self._closer.daemon = True
        self._closer.start()

    def _close_if_due(self) -> None:
        """One thread waits however often the file was taken up meanwhile: each costs as much as
        a small write."""
        with self._holding:
            self._closer = None
            left = self._held.until - time.monotonic() if self._held else 0.0
            if left > 0:
                self._wait(left)
            elif self._held:
                self._held.opened.close()
                self._held = None

    def _connect(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        if not self.path.parent.is_dir():
            raise DestinationUnusable(
                f"The folder {str(self.path.parent)!r} does not exist.",
                "Create it, or change `destination`.",
            )
        waited = 0.0
        while True:
            try:
                return duckdb.connect(
                    str(self.path),
                    read_only=read_only,
                    config={
                        "memory_limit": self._memory,
                        "threads": 1,  # a second one saves no time here and costs memory
                        "preserve_insertion_order": False,
                    },
                )
            except duckdb.Error as error:
                if not _HELD.search(str(error)):
                    raise DestinationUnusable(
                        f"{str(self.path)!r} can't be opened as a DuckDB file "
                        f"({first_line(error)}).",
                        "Check `destination` and `memory_limit`.",
                    ) from None
                if waited >= self._lock_seconds:
                    raise DestinationUnusable(
                        f"{str(self.path)!r} is still open in {_holder(error)} after "
                        f"{self._lock_seconds:.0f} s.",
                        "Close it there and try again.",
                    ) from None
                if waited == _PATIENCE:
                    self._tell(
                        f"{str(self.path)!r} is open in {_holder(error)}: waiting for it, up to "
                        f"{self._lock_seconds:.0f} s."
                    )
            self._sleep(0.25)
            waited += 0.25


def first_line(error: Exception) -> str:
    """Of an engine's error, which says it; the rest is advice."""
    return str(error).strip().splitlines()[0][:300]


def _holder(error: Exception) -> str:
    """Who has the file, as far as the engine tells."""
    found = _HOLDER.search(str(error))
    return f"{Path(found[1]).name} (PID {found[2]})" if found else "another program"
