"""What `init` asks on a terminal, and what it writes."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from kustomer_sync.cli import run
from kustomer_sync.simulator import Simulator


def asked(folder: Path, answers: str, *flags: str) -> tuple[int, str]:
    """`init` on a terminal of its own, and what it said there."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "kustomer_sync", "init", *flags], cwd=folder,
        stdin=theirs, stdout=theirs, stderr=theirs, text=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        os.write(ours, answers.encode())
        said = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:
                break
            if not part:
                break
            said += part
        code = process.wait(30)
    os.close(ours)
    return code, said.decode()


def test_questions_are_asked_until_the_answer_is_right(tmp_path: Path) -> None:
    """An address is understood; a wrong one is explained and asked for again."""
    answers = "not an org\nhttps://acme.kustomerapp.com/app\n\nmaybe\ny\nacme.db\n\n\n"
    code, said = asked(tmp_path, answers)
    assert code == 0, said
    assert 'must be the org\'s name alone: "acme"' in said
    assert "must be a database URL" in said
    path = tmp_path / "kustomer-sync.toml"
    assert tomllib.loads(path.read_text())["connections"]["acme"] == {
        "domain": "acme", "access_token": "env:KUSTOMER_ACCESS_TOKEN", "eu_region": True,
        "destination": "duckdb:///acme.duckdb", "schema": "kustomer",
    }  # fmt: skip
    assert path.stat().st_mode & 0o777 == 0o600
    assert "export KUSTOMER_ACCESS_TOKEN=" in said


def test_without_a_terminal_what_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, nothing written; a wrong flag too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", Path(os.devnull).open())  # noqa: SIM115 - closed with the process
    assert run(["init", "--domain", "acme"]) == 2
    assert "--access-token is missing" in capsys.readouterr().err
    assert run(["init", "--domain", "acme", "--access-token", "k", "--schema", "A-B"]) == 2
    assert "--schema must be lower-case" in capsys.readouterr().err
    flags = ["init", "--domain", "acme", "--access-token", "k", "--destination", "mysql://host/db"]
    assert run(flags) == 2
    assert "'mysql' is not a destination this version writes to" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert run(["init", "--domain", "acme", "--access-token", "k"]) == 0
    assert run(["init", "--domain", "acme", "--access-token", "k"]) == 2
    assert "--force" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "destination"),
    [
        (["--base-url", "http://127.0.0.1:9"], "duckdb:///kustomer-sync.duckdb"),
        (["--domain", "acme"], "duckdb:///acme.duckdb"),
        (["--domain", "acme", "--schema", "acme"], "duckdb:///acme-sync.duckdb"),
    ],
)
def test_the_file_has_another_name_than_the_schema(
    tmp_path: Path, flags: list[str], destination: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else SQL can't tell them apart."""
    path = tmp_path / "kustomer-sync.toml"
    assert run(["init", *flags, "--access-token", "k", "--config", str(path)]) == 0
    (made,) = tomllib.loads(path.read_text())["connections"].values()
    assert made["destination"] == destination
    assert "Warning" not in capsys.readouterr().out


def test_a_file_and_a_schema_of_one_name_are_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are taken all the same; `check` says so too."""
    path = str(tmp_path / "kustomer-sync.toml")
    with Simulator() as sim:
        given = ["--access-token", sim.token, "--destination", "duckdb:///Kustomer.prod.db"]
        assert run(["init", "--base-url", sim.url, *given, "--config", path]) == 0
        said = "Warning: Kustomer.prod.db and its schema have one name, so DuckDB refuses kust"
        assert said in capsys.readouterr().out
        assert run(["check", "--config", path]) == 0
    assert said in capsys.readouterr().err
