"""Everything in docs/ is what the code says and what the commands print."""

from __future__ import annotations

import importlib.util
import re
import socket
from pathlib import Path
from types import ModuleType

import pytest

from kustomer_sync.errors import ConfigError
from kustomer_sync.kustomer.catalog import TABLES
from kustomer_sync.settings import check_tables, load
from kustomer_sync.sync import choose

ROOT = Path(__file__).parent.parent.parent


def _build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build", ROOT / "docs" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BUILD = _build()
BASE = (
    '[connections.acme]\ndomain = "acme"\naccess_token = "k"\n'
    'destination = "duckdb:///acme.duckdb"\nhash_salt = "s"\n'
)


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


@pytest.mark.parametrize("path", BUILD.pages(), ids=lambda path: path.name)
def test_a_config_file_of_a_page_is_one(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each TOML block is a file, or fits into one; but for one that the page says is refused."""
    monkeypatch.setenv("KUSTOMER_HASH_SALT", "s")
    file, whole = tmp_path / "kustomer-sync.toml", BASE
    for block in re.findall(r"```toml\n(.*?)```\n", path.read_text("utf-8"), re.DOTALL):
        begins = re.search(r"^\[connections\.\w+\]", block, re.MULTILINE)
        whole = block if begins else whole
        file.write_text(whole if begins else whole + block, "utf-8")
        connection = load(file, asks=False)
        if "# refused" in block:
            with pytest.raises(ConfigError):
                check_tables(connection, TABLES)
        else:
            check_tables(connection, TABLES)


def test_what_costs_much_is_on_where_the_readme_says_so(tmp_path: Path) -> None:
    """All that is off without."""
    (block,) = re.findall(r"```toml\n(.*?)```\n", (ROOT / "README.md").read_text(), re.DOTALL)
    (tmp_path / "x.toml").write_text(BASE + block)
    on = {table.name for table in choose(load(tmp_path / "x.toml"))}
    assert on >= {table.name for table in TABLES if table.off} != set()


def test_the_readme_names_every_command_of_a_connection() -> None:
    """Nobody finds what is not in the list."""
    text = (ROOT / "README.md").read_text("utf-8")
    for command in ("check", "sync", "resync", "status", "verify", "adopt"):
        assert re.search(rf"^\$ kustomer-sync {command} +#", text, re.MULTILINE), command


def _without_numbers(text: str) -> list[str]:
    text = re.sub(r"\b([0-9a-f]{24}|[0-9a-f]{8}-[0-9a-f-]{27})\b", "ID", text)
    text = re.sub(r"\d[\d,.:TZ-]*", "N", text)
    lines = [re.sub(r"\s+", " ", line) for line in text.splitlines()]
    return [line for line in lines if "searches a minute" not in line]


def test_every_link_of_a_page_leads_somewhere() -> None:
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text("utf-8")):
            assert (path.parent / target).exists(), f"{path.name}: {target}"
