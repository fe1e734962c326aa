"""Who is measured: `kustomer-sync` as its users run it, and dlt in an environment of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from process import Spent, spent
from source import Source

from kustomer_sync.kustomer.catalog import TABLES

HERE = Path(__file__).parent
COMMAND = Path(sys.executable).parent / "kustomer-sync"
READ = {"tag", "team", "user", "conversation", "customer", "message", "kobject"}
"""What both read. Conversation times would be a request for each conversation."""
MEMORY = 128
"""MB: our `memory_limit`, the default."""
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ours:
    """`kustomer-sync sync` of one connection into one file."""

    folder: Path
    history: bool = True
    everything: bool = False
    """All tables as by default, not those alone that dlt reads too."""

    def fresh(self, source: Source) -> None:
        """A new file, and a config file that names it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        settings = {
            "base_url": source.url, "access_token": source.token, "index_lag_seconds": 0,
            "destination": f"duckdb:///{self.database}", "memory_limit": f"{MEMORY}MB",
            "service_version": 2 if self.history else 1,
        }  # fmt: skip
        lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
        others = () if self.everything else (t for t in TABLES if next(t.shown()).name not in READ)
        for name in sorted(part.name for t in others for part in t.shown()):
            lines += [f"[connections.bench.tables.{name}]", "enabled = false"]
        text = "\n".join(["[connections.bench]", *lines, ""])
        (self.folder / "kustomer-sync.toml").write_text(text, "utf-8")

    @property
    def database(self) -> Path:
        return self.folder / "bench.duckdb"

    def sync(self, source: Source, *, only: str = "") -> Json:
        """One sync, perhaps of one table: its cost, its requests, the rows that changed."""
        with source.counted() as asked:
            done = spent([COMMAND, "sync", "--json", *_flags(table=only)], self.folder)
        report = json.loads(done.output)
        if report["status"] != "SUCCESSFUL":
            raise RuntimeError(f"the sync ended {report['status']}: {report['error']}")
        changed = sum(t["inserted"] + t["updated"] for t in report["tables"].values())
        fewest = report["requests"]["minimum"]
        return {**done.figures(), "requests": asked["total"], "fewest": fewest,
                "refused": asked["rate_limited"], "changed_rows": changed}  # fmt: skip

    def stages(self) -> Json:
        """CPU-seconds of a sync by stage."""
        done = spent([sys.executable, HERE / "stages.py"], self.folder)
        return {"cpu": round(done.cpu, 3), "stages": json.loads(done.output)}


@dataclass(frozen=True, slots=True)
class Dlt:
    """`peer_dlt.py` into one file."""

    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / "peer.duckdb"

    def fresh(self, source: Source) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()

    def sync(self, source: Source, *, since: str = "", only: str = "") -> Json:
        """Everything, or what was updated since then, or one table."""
        settings = {
            "RUNTIME__DLTHUB_TELEMETRY": "false",  # it would report to its makers
            "RUNTIME__LOG_LEVEL": "CRITICAL",  # it warns of every column that is still empty
            "DLT_DATA_DIR": str(self.folder / "dlt"),
        }
        command: list[str | Path] = [
            DLT_PYTHON,
            HERE / "peer_dlt.py",
            source.url,
            source.token,
            self.database,
        ]
        with source.made_easy(), source.counted() as asked:
            done = spent([*command, *_flags(since=since, only=only)], self.folder, settings)
        return {**done.figures(), "requests": asked["total"]}


def _flags(**given: str) -> list[str]:
    return [word for name, value in given.items() if value for word in (f"--{name}", value)]


_DLT = HERE / ".dlt"
DLT_PYTHON = _DLT / "bin" / "python"


def install_dlt() -> None:
    """The environment of `dlt-requirements.txt` is there; made anew when that file changed."""
    requirements = HERE / "dlt-requirements.txt"
    wanted = requirements.read_text("utf-8")
    stamp = _DLT / "installed"
    if stamp.exists() and stamp.read_text("utf-8") == wanted:
        return
    venv.create(_DLT, clear=True, with_pip=True)
    (_DLT / ".gitignore").write_text("*\n", "utf-8")
    pip = ["-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    subprocess.run([DLT_PYTHON, *pip, "-r", requirements], check=True)  # noqa: S603 - our own list
    stamp.write_text(wanted, "utf-8")


def versions(python: str | Path, *packages: str) -> dict[str, str]:
    """The releases in that Python's environment."""
    ask = f"from importlib import metadata as m; print(*(m.version(p) for p in {packages}))"
    told = spent([python, "-c", ask], HERE).output.split()
    return dict(zip(packages, told, strict=True))


def landed(contestant: Ours | Dlt) -> Json:
    """What lies in its file."""
    done = spent([sys.executable, HERE / "landed.py", contestant.database], contestant.folder)
    return dict(json.loads(done.output))


def help_shown() -> Spent:
    return spent([COMMAND, "--help"], HERE)


def python_started() -> Spent:
    return spent([sys.executable, "-c", ""], HERE)
