"""Each promise is broken on purpose, and its test must notice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutations.imported import WHERE
from tests.mutations.listed import MUTATIONS, Mutation

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "kustomer_sync"
FAILED, PASSED = 1, 0


def test_every_mutation_still_fits_the_code() -> None:
    """Its old text is there once; else the list says nothing any more."""
    for mutation in MUTATIONS:
        text = (PACKAGE / mutation.file).read_text("utf-8")
        assert text.count(mutation.old) == 1, f"{mutation.file}: {mutation.old!r}"
        assert mutation.new != mutation.old
    changes = [(m.file, m.old, m.new) for m in MUTATIONS]
    assert len(changes) == len(set(changes))


@pytest.mark.timeout(120)
def test_every_named_test_is_there() -> None:
    """Collected once; a name without its parameters stands for all of them."""
    files = sorted({test.partition("::")[0] for m in MUTATIONS for test in m.tests})
    done = pytest_run(["--collect-only", "-qq", *files], PACKAGE.parent)
    assert done.returncode == 0, done.stdout
    listed = pytest_run(["--collect-only", "-q", *files], PACKAGE.parent).stdout.splitlines()
    there = {line for line in listed if "::" in line}
    there |= {line.partition("[")[0] for line in there}
    named = {test for m in MUTATIONS for test in m.tests}
    assert named - there == set()


@pytest.mark.slow
@pytest.mark.timeout(3700)
def test_without_a_mutation_all_pass(tmp_path: Path) -> None:
    """The control: a copy that nothing was done to."""
    shutil.copytree(PACKAGE, tmp_path / PACKAGE.name)
    named = sorted({test for m in MUTATIONS for test in m.tests})
    done = pytest_run(named, tmp_path, timeout=3600)
    assert done.returncode == PASSED, done.stdout


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("mutation", MUTATIONS, ids=[m.id for m in MUTATIONS])
def test_what_is_broken_is_noticed(tmp_path: Path, mutation: Mutation) -> None:
    """A copy with one change: its tests fail, and not for want of being run."""
    copy = tmp_path / PACKAGE.name
    shutil.copytree(PACKAGE, copy)
    file = copy / mutation.file
    text = file.read_text("utf-8")
    file.write_text(text.replace(mutation.old, mutation.new), "utf-8")
    done = pytest_run(["-x", *mutation.tests], tmp_path)
    assert done.returncode == FAILED, f"{mutation.sentence}\n{done.stdout[-2000:]}"


def pytest_run(
    arguments: list[str], source: Path, timeout: int = 1400
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """pytest in a process of its own, with the package from `source` and from nowhere else."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    environment |= {"PYTHONPATH": str(source), WHERE: str(source / PACKAGE.name)}
    command = [
        sys.executable, "-m", "pytest", "-p", "tests.mutations.imported", "-p", "no:cacheprovider",
        "-p", "no:xdist", "-o", "addopts=--strict-markers", "--timeout=60", *arguments,
    ]  # fmt: skip
    return subprocess.run(
        command, cwd=ROOT, env=environment, text=True, check=False, timeout=timeout,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
