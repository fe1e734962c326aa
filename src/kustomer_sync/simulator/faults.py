"""Faults that a test scripts: which requests, how many of them, and what goes wrong."""

from __future__ import annotations

import random
import re
import threading
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "429", "500", "503", "html", "empty", "reset", "truncated", "slow", "timed_out", "repeat",
    "foreign_next", "loop_next", "shift", "lying_total", "expired", "forbidden", "garbage",
]  # fmt: skip


@dataclass(slots=True)
class Fault:
    kind: Kind
    path: str = ".*"
    times: int = 1
    chance: float = 1.0


class Faults:
    """The script; each fault is used up by the requests it met."""

    def __init__(self, seed: int) -> None:
        self._faults: list[Fault] = []
        self._rng = random.Random(f"{seed}/faults")
        self._lock = threading.Lock()
        self.met = 0

    def add(self, kind: Kind, path: str = ".*", *, times: int = 1, chance: float = 1.0) -> None:
        with self._lock:
            self._faults.append(Fault(kind, path, times, chance))

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def draw(self, path: str) -> Kind | None:
        """What goes wrong with this request, if anything."""
        with self._lock:
            for fault in self._faults:
                if fault.times > 0 and re.search(fault.path, path):
                    if self._rng.random() >= fault.chance:
                        continue
                    fault.times -= 1
                    self.met += 1
                    return fault.kind
        return None
