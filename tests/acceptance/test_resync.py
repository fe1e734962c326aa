"""A re-sync mends whatever is wrong in the destination, and loses nothing on the way."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from kustomer_sync.cli import run as cli
from kustomer_sync.destinations.duckdb import DuckDB
from kustomer_sync.model import Counts, Each, Listing, Write
from kustomer_sync.settings import Connection
from kustomer_sync.simulator import Simulator
from kustomer_sync.sync import Limits, Resync, choose, sync
from tests.acceptance.case import EVERYTHING, TINY, UNLIMITED, Case, living
from tests.acceptance.conftest import Meanwhile
from tests.acceptance.truth import contents

Connect = Callable[..., Connection]
DAY = 24 * 3600
ALL = Resync()
INVENTED = ("made-up", "timeless", "orphan")
UNDONE = {"resync_incomplete", "sweep_unconfirmed"}
MARKED = "SELECT value FROM kustomer._kustomer_sync_state WHERE key = 'resync'"
SEARCHED = ("conversation", "customer", "message", "kobject")


@pytest.fixture
def small(database: Path) -> Case:
    """Pages of few records, of which a search shows not many: a table is read in many parts."""
    return Case(10, 20, database)


def damage(database: Path, tables: Sequence[str] = SEARCHED) -> None:
    """Rows lost, changed, made up and flagged; child rows lost and made up.

    The same on every day: an id begins with the second in which its record was made.
    """
    with duckdb.connect(str(database)) as db:
        db.execute("SET TimeZone = 'UTC'")
        for table in tables:
            some = "WHERE hash(substr(id, 9)) % 5"
            db.execute(f"DELETE FROM kustomer.{table} {some} = 0")
            db.execute(f"UPDATE kustomer.{table} SET external_id = 'changed' {some} = 1")
            db.execute(f"UPDATE kustomer.{table} SET _fivetran_deleted = TRUE {some} = 2")
            db.execute(
                f"INSERT INTO kustomer.{table} BY NAME SELECT * REPLACE ('made-up' AS id) "
                f"FROM kustomer.{table} WHERE NOT _fivetran_deleted "
                "ORDER BY updated_at DESC LIMIT 1"
            )
        some = "(SELECT id FROM kustomer.conversation WHERE hash(substr(id, 9)) % 3"
        for child in ("conversation_tag", "conversation_channel"):
            db.execute(f"DELETE FROM kustomer.{child} WHERE conversation_id IN {some} = 1)")
        db.execute(
            "INSERT INTO kustomer.conversation_tag BY NAME SELECT id AS conversation_id, "
            f"'made-up' AS tag_id, FALSE AS _fivetran_deleted FROM {some} = 2)"
        )


def stray(database: Path) -> None:
    """Rows that no search by time leads to, and attachments, which a search does not bring."""
    with duckdb.connect(str(database)) as db:
        for table in SEARCHED:
            db.execute(
                f"INSERT INTO kustomer.{table} (id, _fivetran_deleted) VALUES ('timeless', FALSE)"
            )
        db.execute(
            "INSERT INTO kustomer.customer_email (customer_id, index, _fivetran_deleted) "
            "VALUES ('orphan', 1, FALSE)"
        )
        db.execute("DELETE FROM kustomer.message_attachment WHERE hash(id) % 2 = 0")
        db.execute(
            "INSERT INTO kustomer.message_attachment (id, message_id, _fivetran_deleted) "
            "SELECT 'made-up', id, FALSE FROM kustomer.message LIMIT 1"
        )


def assert_mended(
    case: Case, sim: Simulator, connection: Connection, *, polled: bool = True
) -> None:
    """The destination is the org but for what was made up, which is flagged.

    `polled`: after what came meanwhile was read too, without the daily comparison.
    """
    if polled:
        sim.mutator.stop()
        sim.settle()
        sim.clock.advance(30)
        assert case.sync(connection).status == "SUCCESSFUL"
        listed = [t.name for t in choose(connection) if isinstance(t.reading, Listing)]
        assert case.sync(connection, tables=listed, reimport=True).status == "SUCCESSFUL"
    found = case.differences(sim, connection)
    assert [d for d in found if not any(word in d for word in (*INVENTED, "(None"))] == []
    for table in choose(connection):
        for part in table.shown():
            owner = part.parent_column or "id"
            assert case.ask(
                f"SELECT count(*) FROM kustomer.{part.name} WHERE NOT _fivetran_deleted "
                f"AND {owner} IN {INVENTED}"
            ) == [(0,)], part.name
    assert case.ask(MARKED) == [("{}",)]


def test_a_resync_mends_whatever_is_wrong(case: Case) -> None:
    """In a living org; nothing else would find most of it."""
    with case.org(hard_deletes=False) as sim:
        connection = case.connect(sim)
        case.sync(connection)
        old = "updated_at < now() - INTERVAL 740 DAYS"
        assert case.ask(f"SELECT count(*) FROM kustomer.conversation WHERE {old}") != [(0,)]
        damage(case.database)
        stray(case.database)
        report = case.sync(connection, resync=ALL)
        assert report.status == "SUCCESSFUL", report.error
        assert not {w.code for w in report.warnings} & UNDONE
        assert_mended(case, sim, connection)


def test_a_resync_mends_listed_tables_and_what_is_asked_for_by_others(case: Case) -> None:
    """Every table of the org, on the day that it was read."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=EVERYTHING)
        case.sync(connection)
        with duckdb.connect(str(case.database)) as db:
            for table in choose(connection):
                for part in table.shown():
                    owner = part.parent_column or "id"
                    db.execute(f"DELETE FROM kustomer.{part.name} WHERE hash({owner}) % 3 = 0")
                    db.execute(f"UPDATE kustomer.{part.name} SET _fivetran_deleted = TRUE "
                               f"WHERE hash({owner}) % 3 = 1")  # fmt: skip
                    if isinstance(table.reading, Each):  # which has no path of its own
                        owner = table.reading.via
                    db.execute(f"INSERT INTO kustomer.{part.name} ({owner}, _fivetran_deleted) "
                               "VALUES ('made-up', FALSE)")  # fmt: skip
        sim.clock.advance(30)
        report = case.sync(connection, resync=ALL)
        assert report.status == "SUCCESSFUL", report.error
        assert not {w.code for w in report.warnings} & UNDONE
        assert_mended(case, sim, connection, polled=False)


def test_what_a_polling_sync_leaves_wrong(case: Case) -> None:
    """The control: without a re-sync the damage stays."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim)
        case.sync(connection)
        damage(case.database)
        sim.clock.advance(30)
        case.sync(connection)
        assert len(case.differences(sim, connection)) > 10


def test_a_resync_since_a_date_mends_what_is_newer(small: Case) -> None:
    """What is older stays as it was; it is not even asked for."""
    with small.org(rate=0) as sim:
        connection = small.connect(sim, tables=SEARCHED)
        small.sync(connection)
        since = sim.clock.now() - timedelta(days=300)
        damage(small.database)
        newer = f"updated_at >= TIMESTAMPTZ '{since.isoformat()}'"
        older = f"FROM kustomer.{{}} WHERE NOT {newer} ORDER BY ALL"
        kept = [small.ask(f"SELECT * {older.format(table)}") for table in SEARCHED]
        sim.requests.clear()
        assert small.sync(connection, resync=Resync(since=since)).status == "SUCCESSFUL"
        assert not any("archive" in line.path for line in sim.requests.lines)
        assert kept == [small.ask(f"SELECT * {older.format(table)}") for table in SEARCHED]
        assert all(kept)
        for table in SEARCHED:
            right = {
                v.id for v in sim.ledger.current(table) if v.updated / 1e3 >= since.timestamp()
            }
            assert right
            changed = "external_id IS DISTINCT FROM 'changed'"
            stored = f"SELECT id FROM kustomer.{table} WHERE {newer} AND {changed}"
            assert {one for (one,) in small.ask(stored)} - {"made-up"} == right
        assert small.sync(connection, resync=ALL).status == "SUCCESSFUL"
        assert_mended(small, sim, connection, polled=False)


def test_readers_keep_their_rows_until_new_ones_replace_them(
    small: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No commit leaves fewer rows than before; views stay; flags come in one commit, at the end."""
    narrow = Limits(commit_records=30, workers=2)
    seen: list[int] = []
    flags: list[tuple[str, ...]] = []
    written = DuckDB.write

    def watched(self: DuckDB, write: Write) -> Mapping[str, Counts]:
        done = written(self, write)
        self.close()
        seen.append(small.ask("SELECT count(*) FROM kustomer.busy")[0][0])
        if write.absent:
            flags.append(write.absent["conversation"])
            assert write.state["resync"] == {}
        return done

    with small.org(rate=0) as sim:
        connection = small.connect(sim, tables=["conversation"])
        small.sync(connection)
        with duckdb.connect(str(small.database)) as db:
            db.execute(
                "CREATE VIEW kustomer.busy AS SELECT * FROM kustomer.conversation "
                "WHERE NOT _fivetran_deleted"
            )
            for n in range(3):
                db.execute(
                    "INSERT INTO kustomer.conversation BY NAME SELECT * REPLACE "
                    f"('made-up {n}' AS id) FROM kustomer.busy ORDER BY updated_at LIMIT 1 "
                    f"OFFSET {n * 12}"
                )
        before = small.ask("SELECT count(*) FROM kustomer.busy")[0][0]
        monkeypatch.setattr(DuckDB, "write", watched)
        report = small.sync(connection, resync=ALL, limits=narrow)
        assert report.tables["conversation"].deleted == 3
        assert flags == [("made-up 0", "made-up 1", "made-up 2")]
        assert set(seen) == {before, before - 3}
        assert seen.count(before) >= 3
        assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize("end", ["stopped", "failed"])
def test_a_resync_that_ended_early_goes_on_with_the_next_sync(small: Case, end: str) -> None:
    """It reads the rest, few spans again, and flags what is gone when it is done."""
    narrow = Limits(workers=1)
    with small.org(rate=0) as sim:
        connection = small.connect(sim, tables=SEARCHED, overlap_seconds=0)
        small.sync(connection)
        damage(small.database)
        sim.clock.advance(2)
        stop, early = threading.Event(), 9
        if end == "failed":
            sim.faults.add("expired", "search", skip=early)
        else:

            def stopped(n: int) -> None:
                if n > early:
                    stop.set()

            sim.faults.rules.append(Meanwhile("search", stopped))
        sim.requests.clear()
        report = small.sync(connection, resync=ALL, limits=narrow, stop=stop)
        assert report.status == {"stopped": "CANCELED", "failed": "FAILURE"}[end]
        assert report.tables["message"].deleted == 0
        sim.faults.clear()
        left = json.loads(small.ask(MARKED)[0][0])
        newest = max(v.updated for v in sim.ledger.current("conversation"))
        assert 0 < left["conversation"]["spans"][-1][1] <= newest
        assert left["conversation"]["unseen"] == ["made-up"]
        report = small.sync(connection, limits=narrow)
        assert report.status == "SUCCESSFUL"
        assert report.tables["message"].deleted == 1
        assert_mended(small, sim, connection, polled=False)


def test_a_resync_that_never_came_to_read_is_done_by_the_next_sync(small: Case) -> None:
    """What was asked for is kept before anything is read."""
    with small.org(rate=0) as sim:
        connection = small.connect(sim, tables=["conversation"])
        small.sync(connection)
        damage(small.database, tables=["conversation"])
        sim.faults.add("expired", "search")
        assert small.sync(connection, resync=ALL).status == "FAILURE"
        sim.faults.clear()
        assert small.sync(connection).tables["conversation"].deleted == 1
        assert_mended(small, sim, connection, polled=False)


@pytest.mark.parametrize(
    ("fault", "path", "times", "said"),
    [
        (403, "search", None, "resync_incomplete"),
        (403, "search", 1, "resync_incomplete"),
        (400, "search", None, "resync_incomplete"),
        (403, "/v1/conversations/[0-9a-f]{24}$", None, "resync_incomplete"),
        (404, "/v1/conversations/[0-9a-f]{24}$", None, "sweep_unconfirmed"),
    ],
)
def test_a_resync_of_an_api_that_fails_flags_nothing(
    small: Case, fault: int, path: str, times: int | None, said: str
) -> None:
    """Refused half way, or where ids are looked for; the next sync goes on when it can."""
    with small.org(rate=0) as sim:
        connection = small.connect(sim, tables=["conversation"])
        small.sync(connection)
        damage(small.database, tables=["conversation"])
        skip = 4 if path == "search" else 0
        sim.faults.add("empty", path, value=fault, skip=skip, times=times)
        report = small.sync(connection, resync=ALL)
        assert report.status == "SUCCESSFUL"
        assert said in {w.code for w in report.warnings}
        assert report.tables["conversation"].deleted == 0
        assert "conversation" in json.loads(small.ask(MARKED)[0][0])
        sim.faults.clear()
        sim.clock.advance(DAY + 60)  # an archive that was refused is asked again a day later
        assert small.sync(connection).tables["conversation"].deleted == 1
        assert_mended(small, sim, connection, polled=False)


@pytest.mark.parametrize("since", [None, 300])
def test_a_soft_deleted_record_that_no_look_shows_is_not_flagged(
    small: Case, since: int | None
) -> None:
    """The index has it at the time before it was deleted, and a look by id does not show it."""
    with small.org(rate=0, delete_moves_in_index=False, get_deleted="404") as sim:
        connection = small.connect(sim, tables=["conversation"])
        small.sync(connection)
        gone = list(living(sim, "conversation", 0))[:3]
        for one in gone:
            sim.soft_delete("conversation", one)
        sim.clock.advance(DAY + 60)
        small.sync(connection)
        deleted = "SELECT count(*) FROM kustomer.conversation WHERE deleted AND id IN " + str(
            tuple(gone)
        )
        assert small.ask(deleted) == [(3,)]
        at = None if since is None else sim.clock.now() - timedelta(days=since)
        sim.clock.advance(60)
        sim.requests.clear()
        report = small.sync(connection, resync=Resync(since=at), limits=Limits(workers=1))
        assert report.tables["conversation"].deleted == 0
        assert not any(line.path.endswith(tuple(gone)) for line in sim.requests.lines)
        assert_mended(small, sim, connection, polled=False)


def test_what_is_deleted_while_a_resync_reads_is_not_flagged(small: Case) -> None:
    """It is not where it was, and not shown by its id: it is looked for among the changes."""
    with small.org(rate=0, get_deleted="404") as sim:
        connection = small.connect(sim, tables=["conversation"])
        small.sync(connection)
        gone = next(living(sim, "conversation", 2))
        sim.clock.advance(60)
        sim.faults.rules.append(
            Meanwhile("search", lambda n: n == 3 and sim.soft_delete("conversation", gone))
        )
        sim.mutator.stop()

        def settled(n: int) -> None:
            if n > 3:
                sim.settle()
                sim.clock.advance(2)

        sim.faults.rules.append(Meanwhile("search", settled))
        report = small.sync(connection, resync=ALL)
        assert report.tables["conversation"].deleted == 0
        assert small.ask(f"SELECT deleted FROM kustomer.conversation WHERE id = '{gone}'") == [
            (True,)
        ]
        assert_mended(small, sim, connection, polled=False)


def test_a_resync_of_an_unchanged_org_rewrites_no_row(connect: Connect, database: Path) -> None:
    """Every table as it was, `_fivetran_synced` included; histories too."""
    with Simulator(scale=TINY, limits=UNLIMITED) as sim:
        connection = connect(sim)
        sync(connection)
        before = contents(database)
        sim.clock.advance(30)
        sim.requests.clear()
        report = sync(connection, resync=ALL)
        assert report.status == "SUCCESSFUL"
        assert contents(database) == before
        assert sim.requests.count("/v1/conversations/{id}/times") >= 45
        assert sim.requests.count("/v1/conversations/{id}/messages") > 20
        assert sim.requests.count("/v1/notes$") == 1
        assert sim.requests.count("/v1/tags") > 0
        assert not {"inserted", "updated", "deleted"} & {
            kind for t in report.tables.values() for kind in ("inserted", "updated", "deleted")
            if getattr(t, kind)
        }  # fmt: skip


def test_a_child_is_filled_alone_and_other_tables_go_on(small: Case) -> None:
    """Its root is read again, of which nothing changes; what else changed is read as ever."""
    with small.org(rate=0) as sim:
        connection = small.connect(sim, tables=SEARCHED)
        first = small.sync(connection).tables["message_attachment"].rows
        with duckdb.connect(str(small.database)) as db:
            db.execute("DELETE FROM kustomer.message_attachment")
            db.execute("DELETE FROM kustomer.customer_email")
        came = sim.create("customer", {"name": "new", "emails": []})
        sim.settle()
        sim.clock.advance(30)
        report = small.sync(connection, resync=Resync(("message_attachment",)))
        changed = {
            name: t.inserted
            for name, t in report.tables.items()
            if t.inserted + t.updated + t.deleted
        }
        assert changed == {"message_attachment": first, "customer": 1}
        assert (came,) in small.ask("SELECT id FROM kustomer.customer")
        assert sim.requests.count("/times$") == 0


@pytest.mark.parametrize("passes", ["before", "meanwhile"])
def test_a_row_newer_than_the_last_search_is_compared(small: Case, passes: str) -> None:
    """What a look by id brings may be newer than what the last search reached."""
    with small.org(rate=0) as sim:
        connection = small.connect(sim, tables=["conversation"])
        small.sync(connection)
        sim.clock.advance(60)
        with duckdb.connect(str(small.database)) as db:
            db.execute(
                "INSERT INTO kustomer.conversation BY NAME SELECT * REPLACE ('made-up' AS id, "
                f"TIMESTAMPTZ '{sim.clock.now() + timedelta(seconds=5)}' AS updated_at) "
                "FROM kustomer.conversation LIMIT 1"
            )
        if passes == "before":
            sim.clock.advance(60)
        else:
            sim.faults.rules.append(
                Meanwhile("search", lambda n: sim.clock.advance(60 if n == 4 else 0))
            )
        assert small.sync(connection, resync=ALL).tables["conversation"].deleted == 1


def test_changes_are_read_while_a_long_resync_goes_on(small: Case) -> None:
    """Where it takes longer than from one sync to the next."""
    with small.org(rate=0) as sim:
        connection = small.connect(sim, tables=["conversation"], sync_frequency=1)
        small.sync(connection)
        sim.clock.advance(60)
        came: list[str] = []

        def later(n: int) -> None:
            if n == 4:
                came.append(sim.create("conversation", {"name": "meanwhile"}))
                sim.settle()
                sim.clock.advance(70)

        sim.faults.rules.append(Meanwhile("search", later))
        small.sync(connection, resync=ALL, limits=Limits(workers=1))
        assert (came[0],) in small.ask("SELECT id FROM kustomer.conversation")


def marked(case: Case) -> str:
    """What the state says of a re-sync."""
    return "".join(value for (value,) in case.ask(MARKED))


@pytest.mark.timeout(300)
def test_kills_during_a_resync_leave_nothing_wrong(database: Path) -> None:
    """kill -9 at random moments; plain syncs go on with it while the org changes."""
    rng = random.Random(5)
    case = Case(10, 20, database)
    with case.org(hard_deletes=False, rate=10) as sim:
        connection = case.connect(sim, tables=EVERYTHING)
        command = [sys.executable, "-m", "tests.acceptance.run_sync", sim.url, str(database),
                   "10", "20"]  # fmt: skip
        subprocess.run([*command, "plain"], check=True)
        damage(database)
        unfinished = 0
        for how in ("resync", *["plain"] * 5):
            before, upto = sim.requests.searches, rng.randint(15, 60)
            process = subprocess.Popen([*command, how])
            while process.poll() is None and sim.requests.searches < before + upto:
                time.sleep(0.01)
            process.kill()
            process.wait()
            unfinished += marked(case) not in ("", "{}")
        assert unfinished > 2
        sim.mutator.stop()
        assert subprocess.run([*command, "plain"], check=False).returncode == 0
        assert_mended(case, sim, connection)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--since", "yesterday"], "2026-01-31"),
        (["--since", "2999-01-01"], "future"),
        (["--table", "custmer"], "customer"),
    ],
)
def test_what_can_not_be_resynced_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    """Exit code 2, nothing written."""
    with Simulator(scale=TINY, limits=UNLIMITED) as sim:
        flags = ["--base-url", sim.url, "--access-token", sim.token,
                 "--destination", f"duckdb:///{tmp_path}/acme.duckdb"]  # fmt: skip
        assert cli(["resync", *flags, *words]) == 2
        told = capsys.readouterr().err
        assert said in told
        assert told.count("\n") == 1
        assert not list(tmp_path.iterdir())


def test_the_command_says_what_it_will_take(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before it reads, on stderr; the report is that of a sync."""
    with Simulator(scale=TINY, limits=UNLIMITED) as sim:
        flags = ["--base-url", sim.url, "--access-token", sim.token,
                 "--destination", f"duckdb:///{tmp_path}/acme.duckdb", "--json"]  # fmt: skip
        assert cli(["sync", *flags, "--table", "customer"]) == 0
        capsys.readouterr()
        assert cli(["resync", *flags, "--table", "company", "--since", "2020-01-01"]) == 0
        err = capsys.readouterr().err
        assert "Re-sync of" not in err
        assert "nothing is read again. What was never read of company is read besides" in err
        assert cli(["resync", *flags, "--table", "customer_email", "--since", "2020-01-01"]) == 0
        out, err = capsys.readouterr()
        assert re.search(r"^Re-sync of customer: about \d+ records, in about \d+ requests\.$", err,
                         re.MULTILINE)  # fmt: skip
        assert json.loads(out)["tables"]["customer"]["updated"] == 0
