"""What the repository promises of itself."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
TARGETS = ("demo", "test", "test-all", "check", "docs", "bench")


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def tracked(*patterns: str) -> list[str]:
    words = ["git", "-C", str(ROOT), "ls-files", *patterns]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()


def test_the_lock_file_is_hashed_and_names_no_registry() -> None:
    """Every line is a pinned package with its hashes, or a hash."""
    whole = read("requirements.lock")
    assert "://" not in whole
    assert "index" not in whole
    packages = [line for line in whole.splitlines() if line and not line.startswith(" ")]
    assert packages
    for package in packages:
        assert re.match(r"[a-z0-9._-]+(\[[a-z0-9,-]+\])?==\S+ ", package), package
        following = whole.split(package, 1)[1].lstrip("\\\n ")
        assert following.startswith("--hash=sha256:"), package


def test_every_exception_from_lint_and_types_has_its_reason() -> None:
    """In `pyproject.toml` beside the rule, elsewhere on the line."""
    ruff = read("pyproject.toml").split("[tool.ruff.lint]")[1].split("[tool.mypy]")[0]
    rules = [line for line in ruff.splitlines() if re.match(r' +"[A-Z]+\d+"', line)]
    assert rules
    assert [line for line in rules if "# " not in line] == []
    bare = []
    for name in tracked("*.py"):
        for line in read(name).splitlines():
            noqa = re.search(r"# noqa\b(?!: [A-Z0-9, ]+ - \S)", line)
            ignored = re.search(r"# type: ignore\b(?!\[[a-z,-]+\]  # \S)", line)
            if (noqa or ignored) and "re.search" not in line:
                bare.append(f"{name}: {line.strip()}")
    assert bare == []


def test_ci_runs_what_the_readme_says() -> None:
    """And the Makefile has what both name."""
    made = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    assert made >= set(TARGETS)
    ran = re.findall(r"^make ([a-z-]+)$", read(".ci/run"), re.MULTILINE)
    assert {"check", "demo", "test"} <= set(ran)
    assert "$ make test" in read("README.md")
    assert "$ make demo" in read("README.md")


def test_it_may_be_used_by_anybody() -> None:
    assert "Apache License" in read("LICENSE")[:200]
    assert 'license = "Apache-2.0"' in read("pyproject.toml")


@pytest.mark.parametrize("what", ["/ho" + "me/", "/ro" + "ot/", "/wo" + "rk/"])
def test_no_path_of_a_developer_s_machine_is_committed(what: str) -> None:
    named = [n for n in tracked() if Path(ROOT / n).suffix in {".py", ".md", ".toml", ".json", ""}]
    found = [n for n in named if re.search(rf"(?<![\w.}}-]){re.escape(what)}", read(n))]
    assert found == []
