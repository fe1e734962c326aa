"""How fast, how large, how frugal: `python bench/run.py [small|medium|large]`.

Serves made-up orgs from the simulator, syncs them by `kustomer-sync` and by dlt, each sync a
process over HTTP, writes `bench/results/PLAN.json`, and renews `docs/explanation/performance.md`
from the largest plan's results. Ratios count; seconds are this machine's.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import page
from contestants import (
    DLT_PYTHON,
    HERE,
    MEMORY,
    Dlt,
    Ours,
    help_shown,
    install_dlt,
    landed,
    python_started,
    versions,
)
from source import Source, source

CHANGED = 500
AGAIN = 3
"""How often the short syncs are measured."""
STARTS = 15
PERMITTED = 90
"""Searches a minute: 90 % of Kustomer's 100, as `api_utilization_percentage` says by default."""
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    sizes: tuple[int, ...]
    """Conversations of the orgs that we sync alone; there are 3.75 times as many records."""
    paired: int
    """Conversations of the org that dlt syncs too."""
    limited: int
    """Conversations of the org with rate limits; 12,000 fill a minute."""
    rounds: int = 3


PLANS = {
    "small": Plan((10_000,), paired=5_000, limited=14_000),
    "medium": Plan((10_000, 100_000), paired=20_000, limited=27_000),
    "large": Plan((10_000, 100_000, 1_000_000), paired=20_000, limited=27_000),
}


def facts(plan: str) -> Json:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "plan": plan, "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(), "cores": os.cpu_count(), "memory_gb": round(memory / 2**30),
        "system": f"{platform.system()} {platform.machine()}", "load_before": os.getloadavg()[0],
        "python": platform.python_version(), "memory_limit_mb": MEMORY,
        "ours": versions(sys.executable, "duckdb", "pyarrow", "orjson", "httpx2"),
        "dlt": versions(DLT_PYTHON, "dlt", "duckdb", "pyarrow", "orjson", "requests"),
    }  # fmt: skip


def _commit() -> str:
    """The last commit that changed what is measured; with a + when more has changed since."""
    found = _git("log", "-1", "--format=%h", "--", "src")
    return f"{found}+" if _git("status", "--porcelain", "--", "src") else found


def _git(*words: str) -> str:
    command = ["git", "-C", str(HERE.parent), *words]
    told = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    return told.stdout.strip()


def starting() -> Json:
    """Seconds until `kustomer-sync --help` is shown, and those of Python alone."""
    helps, bare = [], []
    for _ in range(STARTS):
        helps.append(help_shown())
        bare.append(python_started())
    return {
        "help_wall": statistics.median(s.wall for s in helps),
        "help_cpu": statistics.median(s.cpu for s in helps),
        "python_wall": statistics.median(s.wall for s in bare),
    }


def alone(conversations: int, folder: Path) -> Json:
    """One size: everything, nothing changed, some changed."""
    with source(conversations) as org:
        ours = Ours(folder / "alone")
        ours.fresh(org)
        first = ours.sync(org)
        told = {"conversations": conversations, "first": first, "landed": landed(ours)}
        told["file_mb"] = ours.database.stat().st_size >> 20
        told["nothing"] = [ours.sync(org) for _ in range(AGAIN)]
        told["changed"] = [_changed(org, ours) for _ in range(AGAIN)]
        return told


def everything(conversations: int, folder: Path) -> Json:
    """A first sync of all tables, as by default: conversation times are a request each."""
    with source(conversations) as org:
        ours = Ours(folder / "everything", everything=True)
        ours.fresh(org)
        return {"conversations": conversations, **ours.sync(org)}


def _changed(org: Source, ours: Ours) -> Json:
    conversations = org.change(CHANGED)
    return {"conversations": conversations, **ours.sync(org)}


def paired(conversations: int, rounds: int, folder: Path) -> Json:
    """We with and without histories, and dlt, by turns, on the same records.

    Once the conversations alone, once everything; then what some changes cost each.
    """
    with source(conversations) as org:
        ours, plain = Ours(folder / "ours"), Ours(folder / "plain", history=False)
        dlt = Dlt(folder / "dlt")
        contestants: list[tuple[str, Ours | Dlt]] = [
            ("history", ours), ("no_history", plain), ("dlt", dlt)
        ]  # fmt: skip
        told: Json = {"conversations": conversations, "rounds": [], "one_table": [], "small": []}
        for number in range(rounds):
            turns = contestants[:: -1 if number % 2 else 1]
            told["one_table"].append(_round(org, turns, only="conversation"))
            told["rounds"].append(_round(org, turns))
        told["landed"] = {name: landed(each) for name, each in contestants}
        _same_records(told["landed"])
        for _ in range(AGAIN):
            since = org.now()
            changed = org.change(CHANGED)
            took = {"history": ours.sync(org), "no_history": plain.sync(org)}
            took["dlt"] = dlt.sync(org, since=since)
            told["small"].append({"conversations": changed, **took})
        _same_records({name: landed(each) for name, each in contestants})
        plain.fresh(org)
        ours.fresh(org)
        told["stages"] = ours.stages()
        return told


def _round(org: Source, contestants: Sequence[tuple[str, Ours | Dlt]], only: str = "") -> Json:
    took = {}
    for name, each in contestants:
        each.fresh(org)
        took[name] = each.sync(org, only=only)
    return took


def _same_records(found: Json) -> None:
    """A peer that did less is no peer."""
    if any(each["by_table"] != found["history"]["by_table"] for each in found.values()):
        raise RuntimeError(f"not the same records: {found}")


def limited(conversations: int, folder: Path) -> Json:
    """The share of the permitted searches that a first sync uses, in its whole minutes."""
    with source(conversations, limited=True) as org:
        ours = Ours(folder / "limited")
        ours.fresh(org)
        sync = ours.sync(org)
        moments = org.searched()
    minutes = int((moments[-1] - moments[0]) // 60)
    within = sum(moment < moments[0] + 60 * minutes for moment in moments)
    return {
        "conversations": conversations, "searches": len(moments), "minutes": minutes,
        "share": round(within / (PERMITTED * minutes), 4), "refused": sync["refused"],
        "requests": sync["requests"], "fewest": sync["fewest"], "wall": sync["wall"],
        "peak_mb": sync["peak_mb"],
    }  # fmt: skip


def main(name: str) -> None:
    plan = PLANS[name]
    install_dlt()
    results = facts(name)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        results["start"] = _step("starting the command", starting)
        results["sizes"] = []
        for size in plan.sizes:
            what = f"{size:,} conversations"
            results["sizes"].append(_step(what, partial(alone, size, folder)))
            page.save(results, finished=False)
        what = f"{plan.sizes[0]:,} conversations, all tables"
        results["everything"] = _step(what, partial(everything, plan.sizes[0], folder))
        page.save(results, finished=False)
        what = f"{plan.paired:,} conversations, by turns with dlt"
        results["paired"] = _step(what, partial(paired, plan.paired, plan.rounds, folder))
        page.save(results, finished=False)
        what = f"{plan.limited:,} conversations with rate limits"
        results["limited"] = _step(what, partial(limited, plan.limited, folder))
    results["load_after"] = os.getloadavg()[0]
    page.save(results)
    page.renew()
    print(page.figures(results))


def _step(what: str, work: Callable[[], Json]) -> Json:
    began = time.monotonic()
    print(f"{what} ...", end=" ", flush=True)
    found = work()
    print(f"{time.monotonic() - began:.0f} s", flush=True)
    return found


if __name__ == "__main__":
    chosen = sys.argv[1] if len(sys.argv) > 1 else "small"
    if chosen not in PLANS:
        sys.exit(f"There is no plan {chosen!r}: {', '.join(PLANS)}.")
    main(chosen)
