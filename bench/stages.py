"""Where a sync's CPU time goes: `python bench/stages.py` beside a config file, as JSON.

The same sync as the command's, in this process, with a clock around each stage. A stage that
another calls counts as itself only; what no stage covers is `the rest`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Stages:
    """CPU time by stage, over all threads."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._inside = threading.local()
        self._lock = threading.Lock()

    def of(self, stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **named: Any) -> Any:
            outer = getattr(self._inside, "spent", None)
            self._inside.spent = 0.0
            start = time.thread_time()
            try:
                return work(*args, **named)
            finally:
                spent = time.thread_time() - start
                with self._lock:
                    own = spent - self._inside.spent
                    self.seconds[stage] = self.seconds.get(stage, 0.0) + own
                self._inside.spent = None if outer is None else outer + spent
                if outer is None:
                    del self._inside.spent

        return timed

    def watch(self) -> None:
        from kustomer_sync.destinations.duckdb import DuckDB
        from kustomer_sync.kustomer import client
        from kustomer_sync.shred import Shredder
        from kustomer_sync.sync import landing

        for owner, name, stage in (
            (client.Client, "_attempt", "HTTP"), (client, "parse", "parsing"),
            (client, "_page", "pages"), (Shredder, "shred", "shredding"),
            (landing, "concat", "putting pages together"), (landing.Landing, "take", "pages"),
            (DuckDB, "write", "writing to DuckDB"), (DuckDB, "_read", "reading from DuckDB"),
            (DuckDB, "rows", "reading from DuckDB"), (DuckDB, "missing", "reading from DuckDB"),
        ):  # fmt: skip
            setattr(owner, name, self.of(stage, getattr(owner, name)))


def main() -> None:
    from kustomer_sync.settings import load
    from kustomer_sync.sync import sync

    stages = Stages()
    stages.watch()
    started = time.process_time()
    report = sync(load(Path("kustomer-sync.toml"), None))
    if report.status != "SUCCESSFUL":
        raise SystemExit(f"the sync ended {report.status}: {report.error}")
    whole = time.process_time()
    told = {"starting up": started, **stages.seconds}
    told["the rest"] = whole - sum(told.values())
    print(json.dumps({stage: round(seconds, 3) for stage, seconds in told.items()}))


if __name__ == "__main__":
    main()
