"""The command line: what it prints, its exit codes, and that bad input writes nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest

from kustomer_sync.cli import run
from kustomer_sync.destinations.duckdb import DuckDB
from kustomer_sync.simulator import Limits, Simulator
from tests.acceptance.case import UNLIMITED

GOOD = """
[connections.acme]
domain = "acme"
base_url = "{url}"
access_token = "demo-key"
destination = "duckdb:///acme.duckdb"
index_lag_seconds = 0
"""


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def config(text: str) -> Path:
    path = Path("kustomer-sync.toml")
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ('api_utilization_percentage = 95', "25 to 90"),
        ('api_utilization_percentage = 10', "25 to 90"),
        ('acess_token = "x"', "access_token"),
        ('tables = { custmer = { enabled = false } }', "customer"),
        ('tables = { customer = { hashd = true } }', "history"),
        ('sync_frequency = 7', "360"),
        ('daily_sync_time = "25:00"', "14:00"),
        ('schema = "a;drop"', "lower-case"),
        ('memory_limit = "lots"', "128MB"),
        ('hash_salt = "env:NOT_SET_ANYWHERE"', "NOT_SET_ANYWHERE"),
        ('tables = { customer = { columns = { id = { hashed = true } } } }', "customer's key"),
        ('service_version = 3', "1 or 2"),
        ('proxy = ', "TOML"),
    ],
)  # fmt: skip
def test_a_bad_setting_is_one_sentence_and_writes_nothing(
    change: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2; the sentence says what to do next."""
    config(GOOD.format(url="http://127.0.0.1:9") + change)
    assert run(["sync", "acme"]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    assert not Path("acme.duckdb").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sync", "acne"], "acme"),
        (["sync", "acme", "--table", "custmer"], "customer"),
        (["sync", "acme", "--config", "other.toml"], "init"),
        (["sync", "--domain", "acme"], "--access-token"),
        (["sync", "acme", "--domain", "acme"], "one or the other"),
        (["erd", "--format", "svgg"], "svg"),
        (["synk"], "--help"),
        (["sync", "--nonsense"], "--help"),
        (["init", "--force", "--nonsense"], "--help"),
    ],
)
def test_wrong_usage_names_what_is_right(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and the nearest right word."""
    config(GOOD.format(url="http://127.0.0.1:9"))
    assert run(arguments) == 2
    assert said in capsys.readouterr().err
    assert not Path("acme.duckdb").exists()


def test_an_unreachable_host_and_a_bad_key_write_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Both are found at the first request: exit code 2."""
    config(GOOD.format(url="http://127.0.0.1:9"))
    assert run(["sync", "acme"]) == 2
    assert "can't be reached" in capsys.readouterr().err
    with Simulator(limits=UNLIMITED) as sim:
        config(GOOD.format(url=sim.url).replace("demo-key", "wrong"))
        assert run(["sync", "acme", "--json"]) == 2
        captured = capsys.readouterr()
        assert json.loads(captured.out)["error"]["code"] == "key_refused"
        assert "wrong" not in captured.err
    assert not Path("acme.duckdb").exists()


@pytest.mark.parametrize(
    ("destination", "said"),
    [
        ("duckdb:///no/such/folder/x.duckdb", "no/such/folder"),
        ("duckdb:///junk.duckdb", "junk.duckdb"),
        ("duckdb:///folder", "folder"),
        ("postgresql://host/db", "is not a destination this version writes to"),
        ("duckdb:///x.duckdb?a=b", "Write it as duckdb:///acme.duckdb"),
    ],
)
def test_a_destination_that_cannot_be_opened_is_said_and_nothing_is_written(
    destination: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, by `check` and by `sync`; the file that is there stays as it is."""
    Path("junk.duckdb").write_text("not a database")
    Path("folder").mkdir()
    with Simulator(limits=UNLIMITED) as sim:
        config(GOOD.format(url=sim.url).replace("duckdb:///acme.duckdb", destination))
        for command in ("check", "sync"):
            assert run([command]) == 2
            error = capsys.readouterr().err
            assert said in error
            assert error.count("\n") == 1
    assert Path("junk.duckdb").read_text() == "not a database"
    assert sorted(path.name for path in Path().iterdir()) == [
        "folder", "junk.duckdb", "kustomer-sync.toml",
    ]  # fmt: skip


def test_a_socks_proxy_without_its_extra_is_one_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What is missing is named with the command that installs it."""
    config(GOOD.format(url="http://127.0.0.1:9") + 'proxy = "socks5://127.0.0.1:1080"')
    assert run(["check"]) == 2
    assert "pip install 'kustomer-sync[socks]'" in capsys.readouterr().err


def test_a_file_without_certificates_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    Path("ca.pem").write_text("nothing")
    config(GOOD.format(url="https://127.0.0.1:9") + 'ca_file = "ca.pem"')
    assert run(["check"]) == 2
    assert "holds no certificates" in capsys.readouterr().err


def test_a_locked_file_is_waited_for_then_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program has it open: exit code 2, and its rows are as they were."""
    monkeypatch.setattr("kustomer_sync.destinations.file.LOCK_SECONDS", 3.0)
    code = (
        "import duckdb, time; c = duckdb.connect('acme.duckdb'); print(1, flush=True); "
        "time.sleep(60)"
    )
    with Simulator(limits=UNLIMITED) as sim:
        config(GOOD.format(url=sim.url))
        holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        try:
            assert holder.stdout is not None
            holder.stdout.readline()
            for command in ("sync", "status", "check"):
                assert run([command, "acme"]) == 2
                err = capsys.readouterr().err
                waits = f"(PID {holder.pid}): waiting for it, up to 3 s."
                assert err.count(waits) == 1, err
                assert err.index(waits) < err.index("still open in")
                assert "run the sync again" not in err
        finally:
            holder.kill()
            holder.wait()


READER = """
import duckdb, sys, time
while True:
    try:
        held = duckdb.connect(sys.argv[1], read_only=True)
        break
    except duckdb.Error:
        time.sleep(0.005)
print(1, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(("when", "status", "code"), [(1, "FAILURE", 1), (2, "SUCCESSFUL", 0)])
def test_a_file_taken_while_a_sync_runs_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    when: int, status: str, code: int,
) -> None:  # fmt: skip
    """It began, so it ends with its report: exit code 1, or 0 where all was committed before."""
    monkeypatch.setattr("kustomer_sync.destinations.file.LOCK_SECONDS", 1.0)
    readers: list[subprocess.Popen[bytes]] = []
    calls: list[Any] = []
    rows = DuckDB.rows

    def taken(destination: DuckDB, tables: Any) -> Any:
        calls.append(tables)
        if len(calls) == when:
            destination.close()
            words = [sys.executable, "-c", READER, str(destination.path)]
            readers.append(subprocess.Popen(words, stdout=subprocess.PIPE))
            assert readers[0].stdout is not None
            readers[0].stdout.readline()
        return rows(destination, tables)

    monkeypatch.setattr(DuckDB, "rows", taken)
    with Simulator(limits=UNLIMITED) as sim:
        config(GOOD.format(url=sim.url))
        try:
            assert run(["sync", "--json"]) == code
        finally:
            readers[0].kill()
            readers[0].wait()
        report = json.loads(capsys.readouterr().out)
        assert report["status"] == status
        assert (report["error"] or {}).get("code") == ("destination_unusable" if code else None)
        assert "rows_uncounted" in {w["code"] for w in report["warnings"]}
        assert len(calls) == when  # what was waited for in vain is not waited for again
        monkeypatch.setattr(DuckDB, "rows", rows)
        assert run(["sync"]) == 0


def test_sync_json_is_the_documented_report(capsys: pytest.CaptureFixture[str]) -> None:
    """Machine-readable on stdout, everything human on stderr."""
    with Simulator(limits=UNLIMITED) as sim:
        config(GOOD.format(url=sim.url))
        assert run(["sync", "--json"]) == 0
    captured = capsys.readouterr()
    report: dict[str, Any] = json.loads(captured.out)
    assert list(report) == ["connection", "sync_id", "status", "started_at", "ended_at",
                            "requests", "tables", "warnings", "error"]  # fmt: skip
    assert report["status"] == "SUCCESSFUL"
    assert report["error"] is None
    assert set(report["requests"]) == {"total", "search", "rate_limited", "minimum"}
    assert report["tables"]["customer"]["inserted"] == 60
    assert set(report["tables"]["customer"]) == {"inserted", "updated", "deleted", "rows",
                                                 "cursor"}  # fmt: skip
    assert "conversation_tag_history" in report["tables"]
    for wrong in (["nope"], ["acme", "--table", "custmer"], ["--config", "none.toml"], ["--what"]):
        assert run(["sync", *wrong, "--json"]) == 2
        refused = json.loads(capsys.readouterr().out)
        assert list(refused) == list(report)
        assert refused["connection"] == (wrong[0] if wrong[0][0] != "-" else "")
        assert refused["tables"] == {}
        assert refused["error"]["hint"]
    assert "SUCCESSFUL" in captured.err


def test_flags_alone_are_a_connection() -> None:
    """No file is needed; a key may be given as env:NAME."""
    os.environ["MADE_UP_KEY"] = "demo-key"
    with Simulator(limits=UNLIMITED) as sim:
        arguments = ["sync", "--base-url", sim.url, "--access-token", "env:MADE_UP_KEY",
                     "--destination", "duckdb:///flags.duckdb", "--schema", "crm",
                     "--table", "tag", "--table", "team"]  # fmt: skip
        assert run(arguments) == 0
    with duckdb.connect("flags.duckdb") as db:
        assert db.execute("SELECT count(*) FROM crm.tag").fetchall() == [(30,)]
        tables = db.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    assert ("customer",) not in tables


def test_check_names_each_missing_role_and_what_it_costs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And says so when none is missing; it writes nothing."""
    with Simulator(limits=UNLIMITED) as sim:
        config(GOOD.format(url=sim.url))
        assert run(["check"]) == 0
        said = capsys.readouterr().out
        assert "every table" in said
        assert "Not counted there: what is over two years old" in said
        sim.revoke_role("org.permission.tag.read")
        sim.revoke_role("org.permission.message.read")
        assert run(["check"]) == 0
        said = capsys.readouterr().out
        assert "org.permission.tag.read, which costs: tag." in said
        assert "org.permission.message.read, which costs: message_attachment." in said
    assert not Path("acme.duckdb").exists()


def test_init_writes_a_file_that_works_and_no_second_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What init wrote, sync reads; an existing file is not written over."""
    arguments = ["init", "--name", "acme", "--domain", "acme", "--us", "--schema", "kustomer",
                 "--access-token", "env:ACME_KEY",
                 "--destination", "duckdb:///x.duckdb"]  # fmt: skip
    assert run(arguments) == 0
    assert "kustomer-sync check acme" in capsys.readouterr().out
    os.environ["ACME_KEY"] = "demo-key"
    assert run(["tables", "acme"]) == 0
    assert run(arguments) == 2
    assert "--force" in capsys.readouterr().err


def test_a_klass_that_no_one_met_is_an_unknown_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Once klasses are known; a first sync takes any. One that is there comes with all of them."""
    with Simulator(limits=UNLIMITED) as sim:
        config(GOOD.format(url=sim.url))
        assert run(["sync", "--table", "kobject_odrer"]) == 0
        with_all = "kobject_odrer is read with all of kobject"
        assert with_all in capsys.readouterr().err
        before = Path("acme.duckdb").read_bytes(), sim.requests.total
        for command in ("sync", "resync", "verify"):
            assert run([command, "--table", "kobject_odrer"]) == 2
            err = capsys.readouterr().err
            assert 'Unknown table "kobject_odrer"; did you mean "kobject_order"?' in err
            assert err.count("\n") == 1
        assert run(["sync", "--table", "kobject_nosuch"]) == 2
        assert "did you mean" not in capsys.readouterr().err
        assert (Path("acme.duckdb").read_bytes(), sim.requests.total) == before
        sim.add_klass("parcel", kobjects=0)
        assert run(["sync", "--reimport", "--table", "kobject", "--table", "klass"]) == 0
        for table in ("kobject_order", "kobject_parcel", "kobject_tag", "kobject"):
            capsys.readouterr()
            assert run(["sync", "--table", table]) == 0
            klass = table in ("kobject_order", "kobject_parcel")
            assert (f"{table} is read with all of kobject" in capsys.readouterr().err) == klass


def test_a_table_that_is_off_is_not_asked_for_by_its_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its root would be read, and nothing of what was asked for. A root's name is all of it."""
    off = ("team_member", "conversation_tag_history", "kobject_order", "team_queue", "message")
    with Simulator(limits=UNLIMITED) as sim:
        config(GOOD.format(url=sim.url) + "".join(
            f"[connections.acme.tables.{name}]\nenabled = false\n" for name in off
        ))  # fmt: skip
        for command in ("sync", "resync", "verify"):
            for name in off[:-1]:
                assert run([command, "--table", name]) == 2
                assert f"{name} is not enabled" in capsys.readouterr().err
        assert not Path("acme.duckdb").exists()
        assert sim.requests.total == 0
        for name in ("team", "message_shortcut", "message"):
            assert run(["sync", "--table", name]) == 0


def test_a_signal_stops_resumably() -> None:
    """SIGTERM ends a sync that waits for its budget with exit code 3; the next one goes on."""
    with Simulator(limits=Limits(org=1000, search=6)) as sim:
        config(GOOD.format(url=sim.url))
        command = [sys.executable, "-m", "kustomer_sync", "sync", "acme", "--json"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 30
        while sim.requests.searches < 4 and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=20)
        assert process.returncode == 3
        assert json.loads(out)["status"] == "CANCELED"


def test_no_budget_for_too_long_is_rescheduled(capsys: pytest.CaptureFixture[str]) -> None:
    """The limit is used up: exit code 3, and no request is refused."""
    with Simulator(limits=Limits(org=20)) as sim:
        config(GOOD.format(url=sim.url) + "max_wait_minutes = 0")
        assert run(["sync", "--json"]) == 3
        report = json.loads(capsys.readouterr().out)
        assert report["status"] == "RESCHEDULED"
        assert report["requests"]["rate_limited"] == 0


def test_a_wait_is_told_while_it_lasts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Off a terminal, once, and not in place of the wait: 1.2 seconds of one that takes minutes."""
    monkeypatch.setattr("kustomer_sync.kustomer.quota._LONG", 1.0)
    with Simulator(limits=Limits(org=20)) as sim:
        config(GOOD.format(url=sim.url) + "max_wait_minutes = 0.02")
        began = time.monotonic()
        assert run(["sync"]) == 3
        waited = time.monotonic() - began
        assert waited >= 1.2
        told = capsys.readouterr().err
        assert told.count("waiting for Kustomer's rate limit, until ") == 1
        said = re.search(r"Kustomer's rate limit left no request for (\d+) seconds?\.", told)
        assert said is not None
        assert 1 <= int(said[1]) <= round(waited), "1, but for a machine that has much else to do"


def test_tables_and_erd_print_the_catalog(capsys: pytest.CaptureFixture[str]) -> None:
    """Every table with its key; the four forms of the diagram."""
    assert run(["tables", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {"conversation", "message_attachment"} <= {t["table"] for t in listed}
    for form, start in (
        ("mermaid", "erDiagram"),
        ("dbml", "Table"),
        ("svg", "<svg"),
        ("json", "{"),
    ):
        assert run(["erd", "--format", form]) == 0
        assert capsys.readouterr().out.startswith(start)


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_fault_of_ours_is_one_sentence_that_quotes_nothing(
    form: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback reaches a user, unless asked for; nor does what an error's text may hold."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("hunter2")

    config(GOOD.format(url="http://localhost:1"))
    monkeypatch.setattr("kustomer_sync.sync.sync", broken)
    monkeypatch.delenv("KUSTOMER_SYNC_DEBUG", raising=False)
    assert run(["sync", *form]) == 1
    said = capsys.readouterr()
    assert "hunter2" not in said.out + said.err
    assert "Traceback" not in said.out + said.err
    assert "Something in kustomer-sync itself went wrong (RuntimeError)" in said.err + said.out
    assert "KUSTOMER_SYNC_DEBUG=1" in said.err + said.out
    if form:
        assert json.loads(said.out)["status"] == "FAILURE"
    monkeypatch.setenv("KUSTOMER_SYNC_DEBUG", "1")
    with pytest.raises(RuntimeError):
        run(["sync"])


def test_the_tables_of_a_connection_are_listed_without_its_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nobody is asked, no secret is."""
    monkeypatch.delenv("NOT_SET_ANYWHERE", raising=False)
    text = GOOD.format(url="http://localhost:1").replace("demo-key", "env:NOT_SET_ANYWHERE")
    config(text + "extras = false\n")
    assert run(["tables", "acme", "--json"]) == 0
    listed = {t["table"] for t in json.loads(capsys.readouterr().out)}
    assert "conversation" in listed
    assert "klass" not in listed


@pytest.mark.parametrize("words", [["tables"], ["erd", "--format", "svg"], ["tables", "--json"]])
def test_whoever_reads_may_have_seen_enough(words: list[str]) -> None:
    """`kustomer-sync tables | head -1`: exit code 0, and not a word of complaint."""
    command = [sys.executable, "-m", "kustomer_sync", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 0


def test_nobody_need_look_for_a_sync_to_end_as_it_does() -> None:
    """Both ends of what it says are gone: it syncs all the same, and its exit code is true."""
    with Simulator(limits=UNLIMITED) as sim:
        config(GOOD.format(url=sim.url))
        for token, code in (("demo-key", 0), ("wrong", 2)):
            config(GOOD.format(url=sim.url).replace("demo-key", token))
            command = [sys.executable, "-m", "kustomer_sync", "sync", "--table", "tag"]
            pipes = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for stream in (pipes.stdout, pipes.stderr):
                assert stream is not None
                stream.close()
            assert pipes.wait(30) == code
    with duckdb.connect("acme.duckdb") as db:
        assert db.execute("SELECT count(*) FROM kustomer.tag").fetchall() == [(30,)]


def test_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    """One line."""
    assert run(["version"]) == 0
    assert capsys.readouterr().out == "0.1.0\n"


def test_progress_tells_what_is_still_to_come() -> None:
    """Records expected, from the searches' totals; the time left at the budget for searches."""
    from kustomer_sync.cli.screen import seconds_left
    from kustomer_sync.report import Progress
    from kustomer_sync.settings import from_flags
    from kustomer_sync.sync import Limits as Narrow
    from kustomer_sync.sync import sync

    seen: list[Progress] = []
    with Simulator(limits=UNLIMITED) as sim:
        connection = from_flags(
            base_url=sim.url, access_token=sim.token, destination="duckdb:///p.duckdb",
            index_lag_seconds=0,
        )  # fmt: skip
        sync(connection, progress=seen.append, limits=Narrow(page_size=50))
    assert seen[-1].expected["message"] >= 500
    assert seen[-1].page_size == 50
    assert seen[-1].request_budget >= seen[-1].search_budget > 0
    assert seconds_left(seen[-1], 3) is None


def test_adopt_tells_first_and_does_it_then(capsys: pytest.CaptureFixture[str]) -> None:
    """Without --apply nothing is written; a second --apply is refused with exit code 2."""
    path = Path("acme.duckdb")
    with Simulator(limits=UNLIMITED, scale="small") as sim:
        config(GOOD.format(url=sim.url))
        assert run(["adopt", "acme"]) == 2
        assert "is not there or has no tables" in capsys.readouterr().err
        assert not path.exists()
        with duckdb.connect(str(path)) as db:
            db.execute("CREATE SCHEMA kustomer")
            db.execute(
                "CREATE TABLE kustomer.tag (id VARCHAR, name VARCHAR, mine INT, "
                "_fivetran_synced TIMESTAMP)"
            )
            db.execute("INSERT INTO kustomer.tag VALUES ('gone', 'x', 5, '2026-01-02 03:04:05')")
        before = path.read_bytes()
        assert run(["adopt", "acme"]) == 0
        told = capsys.readouterr().out
        assert "Nothing was written" in told
        assert "tag: not ours, left as they are: mine." in told
        assert run(["adopt", "acme", "--json"]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert (answer["applied"], answer["cursor"]) == (False, None)
        assert answer["tables"]["tag"]["rows"] == 1
        assert "created_at" in answer["tables"]["tag"]["added"]
        assert answer["requests"]["search"] > 0
        assert path.read_bytes() == before
        assert run(["adopt", "acme", "--apply"]) == 0
        assert "Adopted" in capsys.readouterr().out
        assert run(["adopt", "acme", "--apply"]) == 2
        assert "is ours already" in capsys.readouterr().err
        assert run(["sync", "acme", "--table", "tag"]) == 0
    with duckdb.connect(str(path)) as db:
        gone = db.execute("SELECT mine, _fivetran_deleted FROM kustomer.tag WHERE id = 'gone'")
        assert gone.fetchall() == [(5, True)]
