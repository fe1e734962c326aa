"""The command line: what a person types, and what comes back."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import kustomer_sync
import kustomer_sync.check
import kustomer_sync.sync
from kustomer_sync import __version__
from kustomer_sync.cli import COMMANDS, app, run
from kustomer_sync.errors import KeyRefused, Rescheduled, SourceFailed, SyncError
from kustomer_sync.report import Check, Missing, Progress, Report, TableReport, Warned
from kustomer_sync.settings import Connection, load

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
GOOD = """
[connections.acme]
domain = "acme"
access_token = "made-up-key"
destination = "duckdb:///acme.duckdb"
"""
FLAGS = ("--domain", "acme", "--access-token", "k", "--destination", "duckdb:///a.duckdb")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KUSTOMER_SYNC_DEBUG", raising=False)
    return tmp_path


@pytest.fixture
def config(home: Path) -> Path:
    """A config file with one connection."""
    path = home / "kustomer-sync.toml"
    path.write_text(GOOD, "utf-8")
    return path


class Engine:
    """Stands where `sync` stands: remembers how it was called, gives or raises what it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[Connection, dict[str, Any]]] = []
        self.error: SyncError | Exception | None = None
        self.report = Report(
            "acme",
            "id-1",
            "SUCCESSFUL",
            NOW,
            NOW + timedelta(seconds=8),
            {"total": 12, "search": 6, "rate_limited": 1, "minimum": 11},
            {
                "customer": TableReport(3, 2, 1, 1234, "2026-11-24T08:00:00.000Z"),
                "tag": TableReport(0, 0, 0, 0, None),
            },
            [Warned("forbidden", "note was not read; give the key the role r.")],
        )

    def __call__(self, connection: Connection, **how: Any) -> Report:
        self.calls.append((connection, how))
        if self.error:
            raise self.error
        how["progress"](Progress("reading", {"customer": 5}, 1, 1, 0, 90, 1))
        how["progress"](
            Progress("reading", {"customer": 9}, 2, 2, 0, 90, 2, done=frozenset({"customer"}))
        )
        return self.report


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    made = Engine()
    monkeypatch.setattr(kustomer_sync.sync, "sync", made)
    return made


Capture = pytest.CaptureFixture[str]


# Help and usage.


def test_help_names_every_command_and_the_first_steps(capsys: Capture) -> None:
    """Also when nothing or a bare -h is typed."""
    for arguments in ([], ["-h"], ["--help"], ["help"]):
        assert run(arguments) == 0
        told = capsys.readouterr().out
        assert all(name in told and what in told for name, what in COMMANDS)
        assert "Exit codes" in told


def test_help_lists_exactly_the_commands_there_are() -> None:
    """The list that help prints and the commands can't drift apart."""
    assert {c.callback.__name__ for c in app.app.registered_commands if c.callback} == {
        name for name, _ in COMMANDS
    }


def test_help_imports_nothing_heavy() -> None:
    """`--help` answers before typer, pydantic, pyarrow or duckdb are loaded."""
    code = (
        "import sys; from kustomer_sync.cli import run; run(['--help']);"
        "heavy = {'typer', 'pydantic', 'pyarrow', 'duckdb', 'rich', 'httpx2', 'sqlglot'};"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", [name for name, _ in COMMANDS])
def test_every_command_explains_itself(command: str, capsys: Capture) -> None:
    """Each takes --config and --json, and says so."""
    assert run([command, "--help"]) == 0
    told = capsys.readouterr().out
    assert "--config FILE" in told
    assert "--json" in told
    assert dict(COMMANDS)[command] in " ".join(told.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["snyc"], "snyc"),
        (["sync", "--tabel", "x"], "--tabel"),
        (["sync", "a", "b"], "unexpected extra argument"),
        (["sync", "--config"], "--config"),
        (["erd", "--format", "svgg"], 'did you mean "svg"?'),
        (["simulator", "--port", "x"], "--port"),
        (["simulator", "--scale", "smal"], 'did you mean "small"?'),
        (["--nonsense"], "--nonsense"),
        (["sync"], "kustomer-sync.toml"),
        (["check", "--config", "none.toml"], "none.toml"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(
    arguments: list[str], said: str, capsys: Capture, home: Path
) -> None:
    """What is wrong, and where the right flags are told; nothing is written."""
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Error: ")
    assert said in err
    assert "Traceback" not in err
    assert len(err.splitlines()) == 1
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [["sync", "--json"], ["--json", "sync"], ["sync", "--json", "--x"]]
)
def test_with_json_an_error_is_json_too(arguments: list[str], capsys: Capture) -> None:
    """A program that reads stdout always finds a report there."""
    assert run(arguments) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["status"] == "FAILURE"
    assert set(told["error"]) == {"code", "message", "hint"}
    assert told["tables"] == {}


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize(
    ("more", "arguments", "said"),
    [
        ("destinaton = 1", [], 'unknown key "destinaton"'),
        ("api_utilization_percentage = 95", [], "must be from 25 to 90"),
        ('hash_salt = "env:NO_SUCH_VARIABLE"', [], "NO_SUCH_VARIABLE, which is not set"),
        ("", ["amce"], 'did you mean "acme"?'),
        ("", ["--table", "custommer"], 'did you mean "customer"?'),
        ("[connections.acme.tables.custommer]\nenabled = false", [], 'did you mean "customer"?'),
        ("schema =", [], "not valid TOML"),
    ],
)
def test_bad_input_stops_before_anything_begins(
    more: str, arguments: list[str], said: str, capsys: Capture, home: Path, engine: Engine
) -> None:
    """Each kind of slip in the file or the flags: one sentence, exit code 2, no sync."""
    (home / "kustomer-sync.toml").write_text(GOOD + more + "\n", "utf-8")
    assert run(["sync", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert engine.calls == []
    assert [p.name for p in home.iterdir()] == ["kustomer-sync.toml"]


# sync.


@pytest.mark.usefixtures("config")
def test_sync_tells_what_landed_and_where(engine: Engine, capsys: Capture) -> None:
    """The only connection needs no name; the summary is on stdout, progress on stderr."""
    assert run(["sync"]) == 0
    out, err = capsys.readouterr()
    assert "customer" in out
    assert "1,234" in out
    assert "acme.duckdb" in out
    assert "8.0 s" in out
    assert "1 without" in out
    assert "give the key the role r" in out
    assert "customer: 9 records, done" in err
    assert engine.calls[0][0].name == "acme"


@pytest.mark.usefixtures("config")
def test_sync_json_is_the_report_alone(engine: Engine, capsys: Capture) -> None:
    """stdout is one JSON value of the documented shape; people read stderr."""
    assert run(["sync", "acme", "--json", "--table", "customer", "--reimport"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        "connection": "acme",
        "sync_id": "id-1",
        "status": "SUCCESSFUL",
        "started_at": "2026-11-24T08:00:00.000Z",
        "ended_at": "2026-11-24T08:00:08.000Z",
        "requests": {"total": 12, "search": 6, "rate_limited": 1, "minimum": 11},
        "tables": {
            "customer": {
                "inserted": 3,
                "updated": 2,
                "deleted": 1,
                "rows": 1234,
                "cursor": "2026-11-24T08:00:00.000Z",
            },
            "tag": {"inserted": 0, "updated": 0, "deleted": 0, "rows": 0, "cursor": None},
        },
        "warnings": [
            {"code": "forbidden", "message": "note was not read; give the key the role r."}
        ],
        "error": None,
    }
    assert "1,234" in err
    assert engine.calls[0][1]["tables"] == ("customer",)
    assert engine.calls[0][1]["reimport"] is True


def test_flags_alone_make_a_connection(engine: Engine, home: Path) -> None:
    """Five flags and no file."""
    assert run(["sync", *FLAGS, "--schema", "crm"]) == 0
    connection = engine.calls[0][0]
    assert (connection.name, connection.schema_name) == ("acme", "crm")
    assert connection.destination_url == f"duckdb:///{home}/a.duckdb"


@pytest.mark.usefixtures("config")
def test_a_name_and_flags_are_not_mixed(engine: Engine) -> None:
    """A name means the file; flags mean no file: both at once would be a guess."""
    assert run(["sync", "acme", "--schema", "other"]) == 2
    assert engine.calls == []


def test_a_missing_flag_is_named(capsys: Capture) -> None:
    """Flags without a key say which flag is missing."""
    assert run(["sync", "--domain", "acme", "--destination", "duckdb:///a.duckdb"]) == 2
    assert "--access-token is missing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (KeyRefused("Kustomer refused the key.", "Make a new one."), 2, "FAILURE"),
        (SourceFailed("Kustomer kept failing.", "Try later."), 1, "FAILURE"),
        (Rescheduled("No request was possible.", "Run it again."), 3, "RESCHEDULED"),
        (KeyboardInterrupt(), 3, "CANCELED"),
    ],
)
def test_an_error_has_its_documented_exit_code(
    error: Exception, code: int, status: str, engine: Engine, capsys: Capture
) -> None:
    """And is told in one sentence with what to do."""
    engine.error = error
    assert run(["sync", *FLAGS, "--json"]) == code
    out, err = capsys.readouterr()
    assert json.loads(out)["status"] == status
    assert err.startswith("Error: ")


@pytest.mark.parametrize(
    ("status", "code"),
    [("SUCCESSFUL", 0), ("FAILURE", 1), ("RESCHEDULED", 3), ("CANCELED", 3)],
)
def test_a_report_has_its_documented_exit_code(status: str, code: int, engine: Engine) -> None:
    """A sync that began tells how it ended."""
    engine.report.status = status
    assert run(["sync", *FLAGS]) == code


def test_our_own_mistake_shows_no_traceback_and_no_data(engine: Engine, capsys: Capture) -> None:
    """Not even the exception's text, which may quote a record or a key."""
    engine.error = ValueError("secret-token in a record")
    assert run(["sync", *FLAGS, "--json"]) == 1
    out, err = capsys.readouterr()
    assert "secret-token" not in out + err
    assert "Traceback" not in err
    assert "KUSTOMER_SYNC_DEBUG" in err


def test_a_signal_asks_the_sync_to_stop(
    monkeypatch: pytest.MonkeyPatch, capfd: Capture, engine: Engine
) -> None:
    """SIGTERM and SIGINT set the stop event; the handlers are as before afterwards."""

    def interrupted(connection: Connection, *, stop: threading.Event, **how: Any) -> Report:
        for _ in range(3):  # as `timeout` and shells do: to the process, and to its group
            os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(5)
        engine.report.status = "CANCELED"
        return engine.report

    monkeypatch.setattr(kustomer_sync.sync, "sync", interrupted)
    before = signal.getsignal(signal.SIGTERM)
    assert run(["sync", *FLAGS]) == 3
    assert "second signal stops at once" in capfd.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_second_signal_stops_at_once(home: Path) -> None:
    """A sync that does not come to an end can still be ended, with exit code 3."""
    code = (
        "import os, signal, time, kustomer_sync.sync as s\n"
        "def sync(*a, **k):\n"
        "    for _ in range(2): os.kill(os.getpid(), signal.SIGINT); time.sleep(1.2)\n"
        "    time.sleep(60)\n"
        "s.sync = sync\n"
        "from kustomer_sync.cli import run\n"
        f"run({['sync', *FLAGS]!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=home, timeout=50, check=False)
    assert done.returncode == 3


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    """`kustomer-sync tables | head -1` ends quietly."""
    command = f"{sys.executable} -m kustomer_sync erd --format svg | head -c 10"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)  # noqa: S602 - a pipe is the point
    assert done.stderr == ""


# check.


def test_check_names_missing_roles_and_what_they_cost(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Org, key, each missing role with its tables, and the cost of per-parent readings."""
    found = Check(
        org="org-1",
        key_name="sync",
        roles_known=True,
        missing=(Missing("org.permission.note.read", ("note", "note_user_mention")),),
        costs=(("conversation_time", "one request per changed conversation"),),
    )
    monkeypatch.setattr(kustomer_sync.check, "check", lambda connection: found)
    assert run(["check", *FLAGS]) == 0
    told = capsys.readouterr().out
    assert "org-1" in told
    assert "org.permission.note.read, which costs: note, note_user_mention." in told
    assert "conversation_time costs one request per changed conversation." in told
    assert run(["check", *FLAGS, "--json"]) == 0
    out, _ = capsys.readouterr()
    assert json.loads(out)["missing"][0]["tables"] == ["note", "note_user_mention"]


def test_check_of_a_key_that_does_not_work_is_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Whatever the reason: nothing was written."""

    def failing(connection: Connection) -> Check:
        raise SourceFailed("Kustomer kept failing.", "Try later.")

    monkeypatch.setattr(kustomer_sync.check, "check", failing)
    assert run(["check", *FLAGS, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "source_failed"


# init.


def test_init_writes_a_file_that_sync_accepts(
    home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no terminal one flag is enough; the next command is told; only the owner reads it."""
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115, PTH123 - not a terminal
    assert run(["init", "--domain", "acme.kustomerapp.com"]) == 0
    told = capsys.readouterr().out
    assert "kustomer-sync check acme" in told
    assert "KUSTOMER_ACCESS_TOKEN" in told
    path = home / "kustomer-sync.toml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    monkeypatch.setenv("KUSTOMER_ACCESS_TOKEN", "k")
    acme = load(path)["acme"]
    assert acme.domain == "acme"
    assert acme.destination_url == f"duckdb:///{home}/acme.duckdb"


def test_init_asks_on_a_terminal_and_asks_again(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """A wrong answer is explained and asked for again."""
    said = iter(["acme corp", "acme", "env:ACME_KEY", "y", "acme.duckdb", "duckdb:///x.duckdb", ""])
    monkeypatch.setattr("sys.stdin", types.SimpleNamespace(isatty=lambda: True))

    def prompt(question: str, default: Any = None, **how: Any) -> Any:
        return next(said) or default

    monkeypatch.setattr("typer.prompt", prompt)
    monkeypatch.setattr("typer.confirm", lambda *a, **k: next(said) == "y")
    assert run(["init", "--name", "first"]) == 0
    assert "must be the org's name alone" in capsys.readouterr().err
    assert (home / "kustomer-sync.toml").read_text("utf-8") == (
        '[connections.first]\ndomain = "acme"\naccess_token = "env:ACME_KEY"\neu_region = true\n'
        'destination = "duckdb:///x.duckdb"\nschema = "kustomer"\n'
    )


def test_init_never_overwrites_unasked(config: Path, capsys: Capture) -> None:
    """An existing file stays as it is, byte for byte, unless --force is given."""
    before = config.read_bytes()
    assert run(["init", "--domain", "other"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert config.read_bytes() == before


@pytest.mark.parametrize(
    "flags",
    [
        ["--domain", "acme corp"],
        ["--domain", "acme", "--destination", "acme.duckdb"],
        ["--domain", "acme", "--access-token", "Bearer abc"],
        [],
    ],
)
def test_init_refuses_what_sync_would_refuse(
    flags: list[str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong or missing flag writes nothing."""
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115, PTH123 - not a terminal
    assert run(["init", *flags]) == 2
    assert list(home.iterdir()) == []


# tables, erd, version.


def test_tables_lists_each_with_its_reading_and_key(capsys: Capture) -> None:
    """In words for people, with columns as JSON for programs; no config file is needed."""
    assert run(["tables"]) == 0
    assert "customer_email" in capsys.readouterr().out
    assert run(["tables", "--json"]) == 0
    entries = {e["table"]: e for e in json.loads(capsys.readouterr().out)}
    assert entries["customer"]["reading"] == "search"
    assert entries["customer_email"]["parent"] == "customer"
    assert entries["customer_email"]["key"] == ["index", "customer_id"]
    assert entries["conversation_history"]["reading"] == "history"


def test_tables_of_a_connection_leaves_out_what_it_does_not_sync(
    config: Path, capsys: Capture
) -> None:
    """A disabled table is not listed."""
    config.write_text(GOOD + "[connections.acme.tables.customer]\nenabled = false\n", "utf-8")
    assert run(["tables", "acme", "--json"]) == 0
    names = {e["table"] for e in json.loads(capsys.readouterr().out)}
    assert "customer" not in names
    assert "conversation" in names


def test_erd_prints_the_form_asked_for(capsys: Capture) -> None:
    """mermaid unless told otherwise; --json is the json form."""
    assert run(["erd"]) == 0
    assert capsys.readouterr().out.startswith("erDiagram")
    assert run(["erd", "--json"]) == 0
    assert {"tables", "relations"} <= json.loads(capsys.readouterr().out).keys()


def test_version_is_told(capsys: Capture) -> None:
    """As a command and as the flag people try first."""
    for arguments in (["version"], ["--version"]):
        assert run(arguments) == 0
        assert capsys.readouterr().out.strip() == __version__
    assert run(["version", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["version"] == __version__


# demo and simulator.


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """Stands where the simulator stands."""

    class Simulator:
        url, token = "http://127.0.0.1:1", "demo-key"

        def __init__(self, seed: int, scale: str) -> None:
            assert (seed, scale) == (7, "small")

        def __enter__(self) -> Simulator:
            return self

        def __exit__(self, *error: object) -> None: ...

    def serve(port: int, seed: int, scale: str, ready: Callable[[str], None]) -> None:
        if port == 1:
            raise OSError(98, "Address already in use")
        ready(f"http://127.0.0.1:{port}")
        raise KeyboardInterrupt

    made = types.ModuleType("kustomer_sync.simulator")
    vars(made).update(Simulator=Simulator, serve=serve)
    monkeypatch.setitem(sys.modules, "kustomer_sync.simulator", made)
    monkeypatch.setattr(kustomer_sync, "simulator", made, raising=False)
    return made


@pytest.mark.usefixtures("box")
def test_the_simulator_tells_a_command_to_paste(capsys: Capture) -> None:
    """Its address, its key, and the sync of it; interrupting it is its normal end."""
    assert run(["simulator", "--port", "8901"]) == 0
    told = capsys.readouterr().out
    assert "kustomer-sync sync --base-url http://127.0.0.1:8901 --access-token demo-key" in told
    assert run(["simulator", "--port", "1"]) == 2
    assert "Port 1 can't be opened" in capsys.readouterr().err


@pytest.mark.usefixtures("box")
def test_the_demo_shows_queries_with_their_real_results(
    engine: Engine, home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What landed, where, and two queries answered by the file itself."""
    import duckdb

    def land(connection: Connection, **how: Any) -> Report:
        with duckdb.connect(connection.destination_url.removeprefix("duckdb:///")) as database:
            database.execute(
                "CREATE SCHEMA kustomer; USE kustomer;"
                "CREATE TABLE conversation AS SELECT 'c' id, 'open' status, 4 message_count;"
                "CREATE TABLE tag AS SELECT 't' id, 'vip' || chr(27) AS name;"
                "CREATE TABLE conversation_tag AS SELECT 'c' conversation_id, 't' tag_id"
            )
        return engine(connection, **how)

    monkeypatch.setattr(kustomer_sync.sync, "sync", land)
    assert run(["demo", "--output", "out"]) == 0
    told = capsys.readouterr().out
    assert "vip" in told
    assert "\x1b" not in told
    assert (home / "out/kustomer-demo.duckdb").exists()
    assert run(["demo", "--output", "out", "--json"]) == 0
    queries = json.loads(capsys.readouterr().out)["queries"]
    assert queries[0]["rows"] == [["open", 1, 4.0]]


@contextmanager
def _terminal() -> Iterator[Any]:
    from rich.console import Console

    yield Console(force_terminal=True, width=100, record=True, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123 - thrown away


def test_a_terminal_sees_tables_requests_and_time_left() -> None:
    """Records against what is expected, the search budget, 429s, and how long it will take."""
    from kustomer_sync.cli.screen import Screen, drawn

    now = Progress(
        "reading windows", {"customer": 1200, "tag": 3}, 40, 30, 2, 90, 88,
        expected={"customer": 5000}, done=frozenset({"tag"}), seconds_left=125,
    )  # fmt: skip
    with _terminal() as console:
        with Screen(console) as screen:
            screen.show(now)
        console.print(drawn(now))
        told = console.export_text()
    for words in ("customer", "1,200", "of 5,000", "88 of 90", "2 refused (429)", "2 min 05 s"):
        assert words in told
    assert "1 tables done" in told
