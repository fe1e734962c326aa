"""Which destination a URL names, and what opening it says when it can't."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
import sqlglot
from tests.contract.destinations.org import CONVERSATION, EPOCH, Copy, batch, without_history

from kustomer_sync.destinations import destination, merge
from kustomer_sync.destinations.duckdb import DuckDB
from kustomer_sync.errors import ConfigError, DestinationUnusable
from kustomer_sync.model import Table, Type, Write


def path_of(url: str, folder: Path | None = None) -> str:
    made = destination(url, schema="k", folder=folder)
    assert isinstance(made, DuckDB)
    return made.path


def test_three_slashes_are_relative_to_the_config_file_four_absolute() -> None:
    """As everywhere in the SQLAlchemy world."""
    assert path_of("duckdb:///acme.duckdb", Path("/srv/sync")) == "/srv/sync/acme.duckdb"
    assert path_of("duckdb:///data/acme.duckdb") == "data/acme.duckdb"
    assert path_of("duckdb:////var/acme.duckdb", Path("/srv/sync")) == "/var/acme.duckdb"
    assert path_of("duckdb:///:memory:", Path("/srv/sync")) == ":memory:"


@pytest.mark.parametrize("url", ["mysql://h/db", "acme.duckdb", "DuckDB", "", "snowflake://a/b"])
def test_an_unknown_scheme_is_told_what_is_supported(url: str) -> None:
    """The message names what would work."""
    with pytest.raises(ConfigError, match=r"Supported: .*duckdb://"):
        destination(url, schema="k")


@pytest.mark.parametrize("url", ["duckdb://acme.duckdb", "duckdb:///", "duckdb:///a.db?x=1"])
def test_a_malformed_duckdb_url_is_refused(url: str) -> None:
    """Two slashes would name a host."""
    with pytest.raises(ConfigError):
        destination(url, schema="k")


def test_a_password_in_a_wrong_url_is_not_repeated() -> None:
    """An error message ends up in logs."""
    with pytest.raises(ConfigError) as caught:
        destination("mysql://me:secret@h/db", schema="k")
    assert "secret" not in str(caught.value)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """A typing error in the path is the commonest cause."""
    with pytest.raises(DestinationUnusable, match=r"folder .*nowhere"):
        destination("duckdb:///nowhere/a.duckdb", schema="k", folder=tmp_path).check()


def test_a_folder_or_a_foreign_file_is_not_a_database(tmp_path: Path) -> None:
    """Nothing is overwritten, and the hint says what the path is."""
    with pytest.raises(DestinationUnusable, match="It is a folder"):
        DuckDB(str(tmp_path), "k").check()
    foreign = tmp_path / "notes.txt"
    foreign.write_text("not a database " * 1000)
    with pytest.raises(DestinationUnusable, match="not a DuckDB file"):
        DuckDB(str(foreign), "k").check()
    assert foreign.read_text().startswith("not a database")


HOLD = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); input()"


def hold(file: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLD, str(file)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_locked_file_is_waited_for_a_minute_then_its_holder_is_named(tmp_path: Path) -> None:
    """Somebody's open notebook delays a sync; it fails only after a minute, saying who it was."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += 10 * seconds  # a slow clock: fewer attempts to wait for

    to = DuckDB(str(tmp_path / "a.duckdb"), "k", sleep=sleep, clock=lambda: now[0])
    holder = hold(tmp_path / "a.duckdb")
    with pytest.raises(DestinationUnusable, match=f"held for 60 s by .*{holder.pid}"):
        to.check()
    holder.communicate("\n")
    assert 60 <= now[0] < 66
    to.check()


def test_a_lock_that_is_let_go_is_only_a_delay(tmp_path: Path) -> None:
    """The sync goes on as soon as the file is free."""
    file = tmp_path / "a.duckdb"
    holder = hold(file)
    DuckDB(str(file), "k", sleep=lambda _: holder.communicate("\n") and None).check()


def test_between_two_batches_anybody_may_read(tmp_path: Path) -> None:
    """No call keeps the file open, so another process reads what has landed so far."""
    file = tmp_path / "a.duckdb"
    to = DuckDB(str(file), "k")
    to.begin(EPOCH)
    to.write(Write((batch([Copy("a")]),)))
    program = "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); "
    program += "print(c.execute('select count(*) from k.conversation').fetchall())"
    command = [sys.executable, "-c", program, str(file)]
    assert subprocess.check_output(command, text=True) == "[(1,)]\n"
    assert not (tmp_path / "a.duckdb.wal").exists()


def test_a_question_does_not_create_the_file(tmp_path: Path) -> None:
    """`status` on a connection that never ran leaves no file."""
    assert DuckDB(str(tmp_path / "a.duckdb"), "k").state() == {}
    assert list(tmp_path.iterdir()) == []


def test_nothing_of_a_batch_is_kept_in_an_index(tmp_path: Path) -> None:
    """Keys are ours to keep: no index has to fit into memory."""
    file = tmp_path / "a.duckdb"
    to = DuckDB(str(file), "k")
    to.begin(EPOCH)
    to.write(Write((batch([Copy("a")]),)))
    with duckdb.connect(str(file)) as db:
        assert db.execute("SELECT count(*) FROM duckdb_indexes()").fetchall() == [(0,)]
        constraints = "SELECT count(*) FROM duckdb_constraints() WHERE schema_name = 'k'"
        assert db.execute(constraints).fetchall() == [(0,)]


@pytest.mark.parametrize("dialect", [merge.DUCKDB, merge.POSTGRES], ids=lambda d: d.name)
@pytest.mark.parametrize(
    "table", [CONVERSATION, without_history(CONVERSATION, root=True)], ids=["all", "joins"]
)
def test_every_statement_of_the_plan_is_that_engines_sql(
    dialect: merge.Dialect, table: Table
) -> None:
    """The plan is written once; each dialect's parser accepts every statement of it."""
    names = merge.Names(dialect, "k", "_fivetran_")
    shapes = [s for one in table.walk() for s in names.shapes(one)]
    stored = {s.name: s.all for s in shapes}
    plan = merge.Plan(names, stored)
    made = plan.batch(batch([Copy("a")], table)) + plan.absent(table)
    for shape in shapes:
        made += merge.ensure(names, shape, None)
        made += merge.ensure(names, shape, dict.fromkeys(shape.all, Type.INT))
    assert len(made) > 50
    for statement in made:
        assert sqlglot.parse(statement.sql, dialect=dialect.name), statement.name
