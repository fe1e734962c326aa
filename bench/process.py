"""A command as a process of its own, and what it took."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Spent:
    cpu: float
    """User and system seconds, those of its children included."""
    wall: float
    """Seconds."""
    peak_mb: int
    """The most memory it held at once. Linux counts the forking parent too: keep that small."""
    output: str

    def figures(self) -> dict[str, Any]:
        told = asdict(self)
        del told["output"]
        return {**told, "cpu": round(self.cpu, 3), "wall": round(self.wall, 3)}


def spent(
    command: Sequence[str | Path], folder: Path, settings: Mapping[str, str] | None = None
) -> Spent:
    """Run it in `folder` to its end; `RuntimeError` with its last words when it fails.

    Bytecode is kept as an installed package's is: otherwise every start would compile anew.
    """
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - our own commands
            command, cwd=folder, stdout=out, stderr=err, stdin=subprocess.DEVNULL,
            env={**inherited, **(settings or {})},
        )  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        output = out.read().decode()
        if process.returncode != 0:
            last = (err.read().decode() or output)[-2000:]
            raise RuntimeError(f"{command[0]} ended with {process.returncode}:\n{last}")
        cpu = usage.ru_utime + usage.ru_stime
        return Spent(cpu, wall, usage.ru_maxrss // 1024, output)
