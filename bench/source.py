"""The simulator in a process of its own: what it costs is nobody's figure."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

UNLIMITED = 10_000_000
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """An org that answers at `url`."""

    url: str
    token: str

    def now(self) -> str:
        return str(self._tell("POST", "clock", {"advance": 0})["now"])

    def change(self, conversations: int) -> int:
        """So many conversations change, 50 at a time; how many did. A sync sees them all.

        Ten minutes after anything before: an earlier change is in no sync's overlap any more.
        """
        self._tell("POST", "clock", {"advance": 600})
        done = 0
        while done < conversations:
            done += self._tell("POST", "mutate", {"burst": ["conversation", 50]})["burst"]
        time.sleep(1.5)  # `Date` has whole seconds: what is younger waits for the next sync
        return done

    @contextmanager
    def made_easy(self) -> Iterator[None]:
        """Meanwhile plain paging reads every record: records of one moment keep their order from
        page to page, and none is so old that it is in the archive alone."""
        self._tell("PATCH", "switches", {"shuffle_ties": False, "horizon_days": None})
        try:
            yield
        finally:
            self._tell("PATCH", "switches", {"shuffle_ties": True, "horizon_days": 730})

    @contextmanager
    def counted(self) -> Iterator[Json]:
        """How many requests came meanwhile: `total`, `searches`, `rate_limited`."""
        self._tell("DELETE", "requests")
        told: Json = {}
        yield told
        told.update(self._tell("GET", "requests"))

    def searched(self) -> list[float]:
        """When the searches since the last count began came, in seconds; the last 10,000."""
        lines = self._tell("GET", "requests?lines=10000")["lines"]
        return sorted(line["at"] / 1000 for line in lines if line["path"].endswith("/search"))

    def _tell(self, method: str, path: str, body: Json | None = None) -> Json:
        request = urllib.request.Request(  # noqa: S310 - our own simulator
            f"{self.url}/_sim/{path}", json.dumps(body or {}).encode(), method=method
        )
        with urllib.request.urlopen(request) as reply:  # noqa: S310 - our own simulator
            return dict(json.load(reply))


@contextmanager
def source(conversations: int, *, limited: bool = False) -> Iterator[Source]:
    """An org of so many conversations; `limited`: with Kustomer's own rate limits."""
    command = [sys.executable, __file__, str(conversations), *(["limited"] if limited else [])]
    with subprocess.Popen(  # noqa: S603 - ourselves
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None  # noqa: S101 - narrows for the type checker
        assert process.stdin is not None  # noqa: S101 - narrows for the type checker
        try:
            yield Source(*process.stdout.readline().split())
        finally:
            process.stdin.close()


def serve(conversations: int, *, limited: bool) -> None:
    """Until stdin ends. Searches name attachments, or each conversation costs a request."""
    from kustomer_sync.simulator import Limits, Simulator, Switches
    from kustomer_sync.simulator.scale import _times

    with Simulator(
        scale=_times(conversations, burst=max(40, min(4000, conversations // 60))),
        switches=Switches(search_includes_attachments=True),
        limits=Limits() if limited else Limits(org=UNLIMITED, search=UNLIMITED),
    ) as org:
        print(org.url, org.token, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    serve(int(sys.argv[1]), limited="limited" in sys.argv)
