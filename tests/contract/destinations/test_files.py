"""Which file a URL names, and who else may have it open."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from kustomer_sync.destinations import Destination, destination
from kustomer_sync.destinations.duckdb import DuckDB
from kustomer_sync.errors import ConfigError, DestinationUnusable
from kustomer_sync.model import Write
from tests.contract.destinations.org import EPOCH, Copy, batch


def named(url: str) -> Destination:
    return destination(url, schema="k", system_prefix="_fivetran_", memory_limit="128MB")


def path_of(url: str) -> str:
    made = named(url)
    assert isinstance(made, DuckDB)
    return str(made.path)


def test_three_slashes_are_relative_four_absolute() -> None:
    """As everywhere in the SQLAlchemy world; what a URL escapes is unescaped."""
    assert path_of("duckdb:///acme.duckdb") == "acme.duckdb"
    assert path_of("duckdb:///data/acme.duckdb") == "data/acme.duckdb"
    assert path_of("duckdb:////var/acme.duckdb") == "/var/acme.duckdb"
    assert path_of("duckdb:///a%20b%23c.duckdb") == "a b#c.duckdb"


@pytest.mark.parametrize("url", ["mysql://h/db", "acme.duckdb", "DuckDB", "", "snowflake://a/b"])
def test_an_unknown_scheme_is_told_what_is_supported(url: str) -> None:
    """The message names what would work."""
    with pytest.raises(ConfigError, match="duckdb:///"):
        named(url)


@pytest.mark.parametrize(
    "url",
    ["duckdb://acme.duckdb", "duckdb:///", "duckdb:///a.db?x=1", "duckdb://h/a.db",
     "duckdb:///:memory:"],
)  # fmt: skip
def test_a_malformed_duckdb_url_is_refused(url: str) -> None:
    """Two slashes would name a host, options are not read, and memory would not keep a row."""
    with pytest.raises(ConfigError, match="duckdb:///"):
        named(url)


@pytest.mark.parametrize("url", ["mysql://me:secret@h/db", "duckdb://me:secret@h/db"])
def test_a_password_in_a_wrong_url_is_not_repeated(url: str) -> None:
    """An error message ends up in logs."""
    with pytest.raises(ConfigError) as caught:
        named(url)
    assert "secret" not in str(caught.value)


def test_a_folder_is_not_a_database(tmp_path: Path) -> None:
    """Said at once, and the folder stays as it is."""
    with pytest.raises(DestinationUnusable, match="can't be opened"):
        DuckDB(str(tmp_path), schema="k").check()
    assert list(tmp_path.iterdir()) == []


HOLD = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); input()"


def hold(file: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLD, str(file)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_file_held_elsewhere_is_waited_for_a_minute_then_its_holder_is_named(
    tmp_path: Path,
) -> None:
    """Somebody's open notebook delays a sync; it fails only after a minute, saying who it was."""
    slept: list[float] = []
    to = DuckDB(str(tmp_path / "a.duckdb"), schema="k", sleep=slept.append)
    holder = hold(tmp_path / "a.duckdb")
    with pytest.raises(DestinationUnusable, match=f"still open in .*{holder.pid}"):
        to.check()
    holder.communicate("\n")
    assert 60 <= sum(slept) < 66
    to.check()


def test_a_file_that_is_let_go_is_only_a_delay(tmp_path: Path) -> None:
    """The sync goes on as soon as the file is free."""
    file = tmp_path / "a.duckdb"
    holder = hold(file)

    def let_go(seconds: float) -> None:
        holder.communicate("\n")

    to = DuckDB(str(file), schema="k", sleep=let_go)
    to.begin(EPOCH)
    assert holder.returncode == 0


def test_a_file_that_is_no_database_is_not_waited_for(tmp_path: Path) -> None:
    """Whatever its path is called; and nothing of it is overwritten."""
    foreign = tmp_path / "clock.txt"
    foreign.write_text("not a database " * 1000)
    slept: list[float] = []
    with pytest.raises(DestinationUnusable, match="can't be opened as a DuckDB file"):
        DuckDB(str(foreign), schema="k", sleep=slept.append).check()
    assert slept == []
    assert foreign.read_text() == "not a database " * 1000


def test_a_file_is_held_for_a_moment_and_then_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opened once for calls that follow each other; nothing of one is left for the next."""
    monkeypatch.setattr("kustomer_sync.destinations.file._LONGEST_HOLD", 60)
    file = tmp_path / "a.duckdb"
    to, opened = DuckDB(str(file), schema="k", hold_seconds=5.0), []
    connect = to._file._connect

    def counted(*, read_only: bool) -> duckdb.DuckDBPyConnection:
        opened.append(read_only)
        return connect(read_only=read_only)

    to._file._connect = counted  # type: ignore[method-assign]  # to count
    to.begin(EPOCH)
    for n in range(3):
        to.write(Write((batch([Copy("a")]),), state={"n": n}))
        assert to.state()["n"] == n
        assert list(to.ids(batch([]).root.table, 0, 1 << 48)) == ["a"]
    assert opened == [False]
    with pytest.raises(duckdb.Error, match="different configuration"):
        duckdb.connect(str(file), read_only=True)
    for _ in range(200):
        time.sleep(0.05)
        with suppress(duckdb.Error), duckdb.connect(str(file), read_only=True) as db:
            assert db.sql("SELECT count(*) FROM k.conversation").fetchall() == [(1,)]
            break
    else:
        pytest.fail("it is still held")
    to.state()
    to.close()
    duckdb.connect(str(file), read_only=True).close()
    assert opened == [False, False]


def test_a_file_that_was_taken_up_again_is_held_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was to close it the first time leaves it, whether it is in use or held again by then."""
    monkeypatch.setattr("kustomer_sync.destinations.file._LONGEST_HOLD", 60)
    to, closed = DuckDB(str(tmp_path / "a.duckdb"), schema="k", hold_seconds=30), []
    to.begin(EPOCH)
    file = to._file
    held = file._held
    assert held is not None
    file._close_if_due()
    assert file._held is held
    closed.append(held.opened.execute("SELECT 1").fetchall())
    taken = file._take(read_only=False)
    file._close_if_due()
    closed.append(taken.execute("SELECT 2").fetchall())
    assert closed == [[(1,)], [(2,)]]
    taken.close()
    to.close()


def test_what_others_do_while_the_file_is_free_is_seen(tmp_path: Path) -> None:
    """Columns are looked up once while nobody else can change them, and then again."""
    file = tmp_path / "a.duckdb"
    to = DuckDB(str(file), schema="k", hold_seconds=30)
    to.begin(EPOCH)
    to.write(Write((batch([Copy("a")]),)))
    assert "note" not in to.columns()["conversation"]
    to.close()
    with duckdb.connect(str(file)) as db:
        db.execute("ALTER TABLE k.conversation ADD COLUMN note VARCHAR")
    assert "note" in to.columns()["conversation"]
    to.close()


def test_a_file_that_is_always_in_use_is_free_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However short the time between two calls is."""
    monkeypatch.setattr("kustomer_sync.destinations.file._LONGEST_HOLD", 0.0)
    file = tmp_path / "a.duckdb"
    to = DuckDB(str(file), schema="k", hold_seconds=30)
    to.begin(EPOCH)
    duckdb.connect(str(file), read_only=True).close()


def test_between_two_batches_anybody_may_read(tmp_path: Path) -> None:
    """No call keeps the file open, so another process reads what has landed so far."""
    file = tmp_path / "a.duckdb"
    to = DuckDB(str(file), schema="k")
    to.begin(EPOCH)
    to.write(Write((batch([Copy("a")]),)))
    program = "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); "
    program += "print(c.execute('select count(*) from k.conversation').fetchall())"
    command = [sys.executable, "-c", program, str(file)]
    assert subprocess.check_output(command, text=True) == "[(1,)]\n"
    assert not (tmp_path / "a.duckdb.wal").exists()


def test_a_question_does_not_create_the_file(tmp_path: Path) -> None:
    """`status` on a connection that never ran leaves no file."""
    to = DuckDB(str(tmp_path / "a.duckdb"), schema="k")
    assert to.state() == {}
    assert to.columns() == {}
    assert to.rows(["conversation"]) == {"conversation": 0}
    assert list(tmp_path.iterdir()) == []


def test_nothing_of_a_batch_is_kept_in_an_index(tmp_path: Path) -> None:
    """Keys are ours to keep: no index has to fit into memory."""
    file = tmp_path / "a.duckdb"
    to = DuckDB(str(file), schema="k")
    to.begin(EPOCH)
    to.write(Write((batch([Copy("a")]),)))
    with duckdb.connect(str(file)) as db:
        assert db.execute("SELECT count(*) FROM duckdb_indexes()").fetchall() == [(0,)]
        constraints = (
            "SELECT count(*) FROM duckdb_constraints() WHERE schema_name = 'k' "
            "AND table_name LIKE 'conversation%'"
        )
        assert db.execute(constraints).fetchall() == [(0,)]


def test_who_did_not_begin_only_reads(tmp_path: Path) -> None:
    """What a killed process left beside the file is seen, and left there."""
    path = tmp_path / "org.duckdb"
    first = DuckDB(str(path), schema="kustomer")
    first.begin(EPOCH)
    first.write(Write(state={"seen": 1}))
    with duckdb.connect(str(path)) as db:
        db.execute("PRAGMA disable_checkpoint_on_shutdown")
        db.execute("UPDATE kustomer._kustomer_sync_state SET value = '2' WHERE key = 'seen'")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    assert len(before) == 2
    assert DuckDB(str(path), schema="kustomer").state()["seen"] == 2
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
