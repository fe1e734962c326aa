"""Help is fast and true; a slip is answered with the right word, and never repeats a secret."""

from __future__ import annotations

import subprocess
import sys

import pytest

from kustomer_sync.cli.words import COMMANDS, Help, help_of, overview, read
from kustomer_sync.errors import UsageError


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]])
def test_asking_for_help_lists_every_command(words: list[str]) -> None:
    with pytest.raises(Help) as asked:
        read(words)
    assert str(asked.value) == overview()
    assert all(f"  {name} " in overview() for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_commands_help_names_its_options(command: str) -> None:
    """However it is asked for, and with --config and --json, which all take."""
    for words in ([command, "--help"], ["help", command], [command, "--json", "-h"]):
        with pytest.raises(Help) as asked:
            read(words)
        assert str(asked.value) == help_of(command)
    assert "--config FILE" in help_of(command)
    assert "--json" in help_of(command)


def test_help_imports_nothing_that_takes_time() -> None:
    """Whoever adds such an import sees this fail before a user waits for it."""
    code = (
        "import sys; sys.argv = ['kustomer-sync', '--help']\n"
        "from kustomer_sync.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('HEAVY', [m for m in ('duckdb', 'pyarrow', 'pydantic', 'rich', 'httpx2', 'asyncio')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Usage: kustomer-sync COMMAND" in done.stdout
    assert done.stdout.endswith("HEAVY []\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["synk"], 'There is no command "synk"; did you mean "sync"?'),
        (["--nonsense"], 'There is no option "--nonsense".'),
        (["sync", "--tabel", "tag"], 'There is no option "--tabel"; did you mean "--table"?'),
        (["sync", "acme", "secret-key"], "There is a word too many."),
        (["erd", "--format", "svgg"], 'no format; did you mean "svg"?'),
        (["simulator", "--port", "70000"], "--port: must be from 0 to 65535"),
        (["simulator", "--seed", "x"], "must be a whole number, not 'x'"),
        (["init", "--us", "--eu"], "not allowed with"),
    ],
)
def test_a_slip_is_answered_with_what_is_right(words: list[str], said: str) -> None:
    with pytest.raises(UsageError) as slip:
        read(words)
    assert said in str(slip.value)
    assert "--help" in slip.value.hint
    assert "secret-key" not in str(slip.value)


def test_what_all_commands_take_may_stand_before_the_command() -> None:
    asked = read(["--json", "--config", "other.toml", "sync", "acme"])
    assert (asked.command, asked.name, asked.json) == ("sync", "acme", True)
    assert str(asked.config) == "other.toml"
