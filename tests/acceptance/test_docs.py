"""Everything in docs/ is what the code says and what the commands print."""

from __future__ import annotations

import importlib.util
import re
import socket
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent.parent


def _build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build", ROOT / "docs" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BUILD = _build()


@pytest.mark.parametrize("name", BUILD.reference())
def test_a_reference_page_says_what_the_code_says(name: str) -> None:
    """`make docs` renews it."""
    assert (ROOT / "docs" / "reference" / name).read_text("utf-8") == BUILD.reference()[name]


@pytest.mark.parametrize("path", BUILD.pages(), ids=lambda path: path.name)
def test_a_page_shows_what_its_commands_print(path: Path) -> None:
    """But for numbers, and for how often progress was told, which differ with the machine."""
    shown = path.read_text("utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    assert _without_numbers(BUILD.played(shown, port)) == _without_numbers(shown)


def _without_numbers(text: str) -> list[str]:
    text = re.sub(r"\b([0-9a-f]{24}|[0-9a-f]{8}-[0-9a-f-]{27})\b", "ID", text)
    text = re.sub(r"\d[\d,.:TZ-]*", "N", text)
    lines = [re.sub(r"\s+", " ", line) for line in text.splitlines()]
    return [line for line in lines if "searches a minute" not in line]


def test_every_link_of_a_page_leads_somewhere() -> None:
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text("utf-8")):
            assert (path.parent / target).exists(), f"{path.name}: {target}"
