"""What a whole sync costs: `python bench/whole_sync.py [scale] [options]`.

The simulator serves a made-up org in a process of its own; each sync is a process too. Three of
them: everything into a new DuckDB file, again with nothing changed, again after 500 conversations
changed. CPU time is user + system of the sync's process, imports and HTTP included.

    scale          small, medium, large, or how many conversations; records are 3.75 times as many
    --stages       where the CPU time went
    --paced        with Kustomer's default limits, on clocks that run three times as fast: how much
                   of the permitted searches was used, and whether any was refused
    --attachments  read by conversation too, a request each, as an org does whose searches
                   name none; otherwise the searches name them
    --first        the first sync only
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

SPEED = 3
"""How fast the clocks run with --paced; faster than the machine reads, it would be measured."""
CHANGED = 500
MEMORY = 128
OVER = 200
"""MB: what the sync's process may take beyond DuckDB's `memory_limit`."""
Json = dict[str, Any]


# ---- the source, a process of its own ----


def serve(scale: str, *, paced: bool, attachments: bool) -> None:
    from kustomer_sync.simulator import Limits, Scale, Simulator, Switches

    began = time.time()
    with Simulator(
        scale=_scale(scale) if scale.isdigit() else Scale.named(scale),
        switches=Switches(search_includes_attachments=not attachments),
        limits=Limits() if paced else Limits(org=10_000_000, search=10_000_000),
        wall=(lambda: began + (time.time() - began) * SPEED) if paced else time.time,
    ) as sim:
        print(sim.url, sim.token, flush=True)
        sys.stdin.read()


def _scale(conversations: str) -> Any:
    from kustomer_sync.simulator.scale import _times

    return _times(int(conversations), burst=max(40, min(4000, int(conversations) // 60)))


@contextmanager
def simulator(scale: str, *flags: str) -> Iterator[tuple[str, str]]:
    """Its address and key."""
    command = [sys.executable, __file__, "--serve", scale, *flags]
    with subprocess.Popen(  # noqa: S603 - ourselves
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None  # noqa: S101 - narrows for the type checker
        assert process.stdin is not None  # noqa: S101 - narrows for the type checker
        try:
            url, token = process.stdout.readline().split()
            yield url, token
        finally:
            process.stdin.close()


def tell(url: str, path: str, **body: Any) -> Any:
    request = urllib.request.Request(  # noqa: S310 - our own simulator
        f"{url}/_sim/{path}", json.dumps(body).encode(), method="POST"
    )
    with urllib.request.urlopen(request) as reply:  # noqa: S310 - our own simulator
        return json.load(reply)


# ---- one sync, a process of its own ----


class Stages:
    """CPU time by stage; what a stage calls that is one itself counts there only."""

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
            (client.Client, "_attempt", "http"), (client, "parse", "parse"),
            (client, "_page", "page"), (Shredder, "shred", "shred"), (landing, "concat", "concat"),
            (landing.Landing, "take", "take"), (DuckDB, "write", "write"),
            (DuckDB, "_read", "look"),
            (DuckDB, "rows", "look"), (DuckDB, "missing", "look"),
        ):  # fmt: skip
            setattr(owner, name, self.of(stage, getattr(owner, name)))


def one(url: str, token: str, database: str, *, paced: bool, stages: bool) -> Json:
    from kustomer_sync.settings import from_flags
    from kustomer_sync.sync import choice, sync

    searches = _fast(choice) if paced else []
    watched = Stages()
    if stages:
        watched.watch()
    connection = from_flags(
        base_url=url, access_token=token, destination=f"duckdb:///{database}",
        index_lag_seconds=0, memory_limit=f"{MEMORY}MB",
    )  # fmt: skip
    base, wall = time.process_time(), time.monotonic()
    report = sync(connection)
    cpu, wall = time.process_time() - base, time.monotonic() - wall
    if report.status != "SUCCESSFUL":
        raise SystemExit(f"the sync ended {report.status}: {report.error}")
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "cpu": used.ru_utime + used.ru_stime, "sync_cpu": cpu, "wall": wall,
        "peak": used.ru_maxrss // 1024, "main": time.thread_time(),
        "stages": watched.seconds, "requests": report.requests, "searches": searches,
        "warnings": [f"{w.code}: {w.message}" for w in report.warnings],
        "tables": {n: [t.rows, t.inserted, t.updated] for n, t in report.tables.items()},
    }  # fmt: skip


def _fast(choice: Any) -> list[float]:
    """Clocks of the quota that run as fast as the simulator's; the moments of the searches."""
    from kustomer_sync.kustomer.quota import Quota

    choice.time = SimpleNamespace(monotonic=lambda: time.monotonic() * SPEED)
    acquire, moments = Quota.acquire, []

    def counted(self: Quota, *, search: bool) -> None:
        if getattr(self._changed, "hurried", None) is None:
            wait = self._changed.wait
            self._changed.wait = lambda pause=None: wait(pause and pause / SPEED)  # type: ignore[method-assign] # a bench's own clock
            self._changed.hurried = True  # type: ignore[attr-defined] # as above
        acquire(self, search=search)
        if search:
            moments.append(self._clock())

    Quota.acquire = counted  # type: ignore[method-assign] # as above
    return moments


def run(url: str, token: str, database: Path, *flags: str) -> Json:
    command = [sys.executable, __file__, "--sync", url, token, str(database), *flags]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # noqa: S603 - ourselves
    return dict(json.loads(done.stdout))


# ---- telling ----

ROOTS = ("tag", "team", "user", "conversation", "customer", "message", "kobject")


def say(what: str, told: Json, *, records: int = 0) -> None:
    requests = told["requests"]
    share = requests["total"] / max(requests["minimum"], 1)
    speed = f", {records / told['cpu']:,.0f} records per CPU-second" if records else ""
    print(
        f"{what}: {told['cpu']:.2f} CPU-s (sync itself {told['sync_cpu']:.2f}, of which "
        f"{told['main']:.2f} shredding and landing){speed}, {told['wall']:.1f} s, peak "
        f"{told['peak']} MB; {requests['total']} requests, {requests['minimum']} at least "
        f"({share:.3f}), {requests['rate_limited']} refused",
        flush=True,
    )
    for stage, seconds in sorted(told["stages"].items(), key=lambda item: -item[1]):
        print(f"    {stage:10} {seconds:7.2f}")
    if told["stages"]:
        rest = told["sync_cpu"] - sum(told["stages"].values())
        print(f"    {'the rest':10} {rest:7.2f}", flush=True)
    for warning in told["warnings"]:
        print(f"    {warning}")


def paced(told: Json, allowed: int) -> None:
    """`allowed` a minute: the time that so many searches need at least, by the time they took."""
    moments = told["searches"]
    full = (len(moments) - 1) // allowed * 60
    took = moments[-1] - moments[0]
    print(f"    {len(moments)} searches in {took / 60:.2f} minutes: ", end="")
    print(f"{100 * full / took:.1f} % of the permitted" if full else "too few to tell", flush=True)


def main(scale: str, flags: list[str]) -> None:
    passed = [f for f in flags if f in ("--paced", "--stages", "--attachments")]
    with simulator(scale, *passed) as (url, token), tempfile.TemporaryDirectory() as folder:
        database = Path(folder, "bench.duckdb")
        first = run(url, token, database, *passed)
        records = sum(first["tables"][name][0] for name in ROOTS)
        rows = sum(rows for rows, *_ in first["tables"].values())
        print(f"{records:,} records, {rows:,} rows, file {database.stat().st_size >> 20} MB")
        say("everything", first, records=records)
        print(f"    peak allowed {MEMORY + OVER} MB: {_met(first['peak'] <= MEMORY + OVER)}")
        if "--paced" in flags:
            paced(first, 90)
        if "--first" in flags:
            return
        say("nothing changed", run(url, token, database, *passed))
        done = 0
        while done < min(CHANGED, first["tables"]["conversation"][0] // 2):
            done += tell(url, "mutate", burst=["conversation", 50])["burst"]
        time.sleep(1.5)  # `Date` has whole seconds: what is younger waits for the next sync
        again = run(url, token, database, *passed)
        changed = sum(inserted + updated for _, inserted, updated in again["tables"].values())
        say(f"{done} conversations changed, {changed} rows", again)


def _met(true: bool) -> str:
    return "met" if true else "MISSED"


if __name__ == "__main__":
    given = [a for a in sys.argv[1:] if not a.startswith("--")]
    options = [a for a in sys.argv[1:] if a.startswith("--")]
    if "--serve" in options:
        serve(given[0], paced="--paced" in options, attachments="--attachments" in options)
    elif "--sync" in options:
        told = one(*given, paced="--paced" in options, stages="--stages" in options)
        print(json.dumps(told))
    else:
        main(given[0] if given else "small", options)
