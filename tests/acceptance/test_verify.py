"""`verify` names what differs and nothing else, and writes only to repair it."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pytest

from kustomer_sync.cli import run
from kustomer_sync.cli.screen import comparison
from kustomer_sync.kustomer.windows import Caps
from kustomer_sync.report import Verified
from kustomer_sync.settings import Connection
from kustomer_sync.simulator import Character, Limits, Simulator, Switches
from kustomer_sync.sync import Limits as Narrow
from kustomer_sync.sync import sync
from kustomer_sync.sync.verify import verify
from tests.acceptance.case import (
    EVERYTHING,
    SPINE,
    TINY,
    UNLIMITED,
    Case,
    connection_to,
    living,
)
from tests.acceptance.histories import faults

Connect = Callable[..., Connection]
TABLES = (*SPINE, "conversation_time", "business_schedule")
DAY = 24 * 3600
OWNER = "conversation_id"
BRIEF = Narrow(retry_seconds=0.5)


def verified(case: Case, connection: Connection, **how: Any) -> Verified:
    """Every record is in the sample."""
    narrow = replace(
        how.pop("limits", Narrow()), caps=Caps(case.cap, 100), page_size=case.size,
        searches_per_minute=UNLIMITED.search, requests_per_minute=UNLIMITED.org,
    )  # fmt: skip
    return verify(connection, limits=narrow, **{"sample": 500, **how})


def found(report: Verified) -> dict[str, list[str]]:
    return {name: table.ids for name, table in report.tables.items() if table.ids}


@contextmanager
def damage(case: Case) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(case.database)) as db:
        yield db


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def histories(case: Case) -> list[list[tuple[Any, ...]]]:
    names = [name for (name,) in case.ask(
        "SELECT table_name FROM duckdb_tables() WHERE table_name LIKE '%_history' ORDER BY 1"
    )]  # fmt: skip
    assert names
    return [sorted(case.ask(f"SELECT CAST(t AS VARCHAR) FROM kustomer.{name} t")) for name in names]


def test_each_damage_is_named_repaired_and_then_gone(case: Case) -> None:
    """A row deleted, altered, flagged or too many; a child's; a custom value; a listed record's."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=TABLES)
        case.sync(connection)
        assert found(verified(case, connection)) == {}
        talks, people = list(living(sim, "conversation", 0)), list(living(sim, "customer", 0))
        before, versions = case.ask("SELECT count(*) FROM kustomer.message"), histories(case)
        tagged, tag = case.ask("SELECT conversation_id, tag_id FROM kustomer.conversation_tag")[-1]
        lost, hidden = [one for one in talks if one != tagged][:2]
        custom, own, value = _custom(case)
        timed = case.ask("SELECT id FROM kustomer.conversation_time")[0][0]
        tags = [row[0] for row in case.ask("SELECT id FROM kustomer.tag ORDER BY id")]
        with damage(case) as db:
            for sql in (
                f"DELETE FROM kustomer.conversation WHERE id = '{lost}'",
                f"UPDATE kustomer.conversation SET _fivetran_deleted = TRUE WHERE id = '{hidden}'",
                "DELETE FROM kustomer.conversation_tag "
                f"WHERE conversation_id = '{tagged}' AND tag_id = '{tag}'",
                f"UPDATE kustomer.customer SET name = 'nobody' WHERE id = '{people[0]}'",
                "INSERT INTO kustomer.message BY NAME "
                "SELECT * REPLACE ('00000000000000000000dead' AS id) FROM kustomer.message LIMIT 1",
                f"UPDATE kustomer.{custom} SET {own} = NULL WHERE id = '{value}'",
                f"UPDATE kustomer.conversation_time SET note_time = '-1' WHERE id = '{timed}'",
                f"UPDATE kustomer.tag SET name = 'renamed' WHERE id = '{tags[0]}'",
                f"DELETE FROM kustomer.tag WHERE id = '{tags[1]}'",
                "INSERT INTO kustomer.team BY NAME "
                "SELECT * REPLACE ('00000000000000000000beef' AS id) FROM kustomer.team LIMIT 1",
            ):
                db.execute(sql)
        there = digest(case.database)
        report = verified(case, connection)
        assert digest(case.database) == there
        assert report.status == "DIFFERS"
        assert report.exit_code == 1
        tables = report.tables
        assert tables["conversation"].missing == sorted([lost, hidden])
        assert [
            (d.id, d.table, d.what) for d in tables["conversation"].differing if d.columns != (own,)
        ] == [(tagged, "conversation_tag", "row missing")]
        assert tables["message"].extra == ["00000000000000000000dead"]
        names = {(d.id, c) for d in tables["customer"].differing for c in d.columns}
        assert (people[0], "name") in names
        assert (value, own) in {
            (d.id, c) for t in tables.values() for d in t.differing for c in d.columns
        }
        assert [d.columns for d in tables["conversation_time"].differing] == [("note_time",)]
        assert [d.columns for d in tables["tag"].differing] == [("name",)]
        assert tables["tag"].missing == [tags[1]]
        assert tables["team"].extra == ["00000000000000000000beef"]
        report = verified(case, connection, repair=True)
        assert report.status == "AGREES", found(report)
        assert report.tables["tag"].repaired == sorted(tags[:2])
        assert case.ask("SELECT count(*) FROM kustomer.message") == [(before[0][0] + 1,)]
        assert found(verified(case, connection)) == {}
        assert histories(case) == versions
        with damage(case) as db:  # they were flagged, which is all that a sync would do
            for table in ("message", "team"):
                gone = f"DELETE FROM kustomer.{table} WHERE _fivetran_deleted AND id LIKE '0000%'"
                assert db.execute(gone).fetchall() == [(1,)]
        case.assert_equal(sim, connection)


def test_a_row_that_says_it_is_newer_or_is_there_twice_is_made_anew(case: Case) -> None:
    """Landing it again would change nothing; its children and history stay as they should be."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim)
        case.sync(connection)
        versions = histories(case)
        talk, thing = next(living(sim, "conversation", 3)), next(living(sim, "kobject", 3))
        tag, twice = next(living(sim, "tag", 3)), next(living(sim, "conversation", 9))
        with damage(case) as db:
            db.execute(
                "UPDATE kustomer.conversation SET updated_at = updated_at + INTERVAL 1 HOUR, "
                f"name = 'of tomorrow' WHERE id = '{talk}'"
            )
            for table, one in (("kobject", thing), ("tag", tag), ("conversation", twice)):
                db.execute(
                    f"INSERT INTO kustomer.{table} "
                    f"SELECT * FROM kustomer.{table} WHERE id = '{one}'"
                )
        told = {"conversation": sorted([talk, twice]), "kobject": [thing], "tag": [tag]}
        assert found(verified(case, connection)) == told
        report = verified(case, connection, repair=True)
        assert report.status == "AGREES"
        assert found(verified(case, connection)) == {}
        assert histories(case) == versions
        case.assert_equal(sim, connection)


def test_what_is_said_tells_repaired_from_unrepaired_and_a_row_that_is_there_twice(
    case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    """One of two is not to be read when it is repaired; each has its own line."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("tag", "conversation"))
        case.sync(connection)
        one, other = islice(living(sim, "conversation", 3), 2)
        tag = next(living(sim, "tag", 3))
        with damage(case) as db:
            db.execute(f"INSERT INTO kustomer.tag SELECT * FROM kustomer.tag WHERE id = '{tag}'")
            db.execute(f"UPDATE kustomer.conversation SET name = '?' WHERE id = '{one}'")
            db.execute(f"DELETE FROM kustomer.conversation WHERE id = '{other}'")
        comparison(verified(case, connection), to_stdout=True)
        said = capsys.readouterr().out
        assert f"tag {tag}: tag has a row twice" in said
        assert f"conversation {one}: conversation.name differs" in said
        assert "repaired: " not in said
        report = verified(case, connection, repair=True)
        comparison(report, to_stdout=True)
        said = capsys.readouterr().out
        assert f"tag {tag}: repaired: tag has a row twice" in said
        assert f"conversation {one}: repaired: conversation.name differs" in said
        assert f"conversation: repaired: missing in the destination: {other}" in said
        report.tables["conversation"].repaired.remove(other)
        report.status = "DIFFERS"
        comparison(report, to_stdout=True)
        said = capsys.readouterr().out
        assert f"conversation: not repaired: missing in the destination: {other}" in said
        assert f"conversation {one}: repaired: conversation.name differs" in said
        assert "verify --repair" not in said
        case.assert_equal(sim, connection)


def test_a_version_that_somebody_doubled_is_there_once_after_a_repair(case: Case) -> None:
    """In the history of a record and of an array; where the table's row differs, so it is read."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim)
        case.sync(connection)
        versions = histories(case)
        talk = next(living(sim, "conversation", 3))
        with damage(case) as db:
            for table, column in (("conversation", "id"), ("conversation_channel", OWNER)):
                twice = f"SELECT * FROM kustomer.{table}_history WHERE {column} = '{talk}'"
                assert db.execute(f"INSERT INTO kustomer.{table}_history {twice}").fetchall()[0][0]
            db.execute(f"UPDATE kustomer.conversation SET name = 'x' WHERE id = '{talk}'")
        assert verified(case, connection, repair=True).status == "AGREES"
        assert histories(case) == versions


def test_what_is_asked_for_by_its_parent_is_repaired_by_it(case: Case) -> None:
    """A row that is there twice, and a history that lost its last version or has it changed."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=TABLES, histories=("conversation_time",))
        case.sync(connection)
        versions = histories(case)
        ids = [one for (one,) in case.ask("SELECT id FROM kustomer.conversation_time ORDER BY 1")]
        twice, lost, changed = ids[0], ids[1], ids[2]
        with damage(case) as db:
            table = "kustomer.conversation_time"
            db.execute(f"INSERT INTO {table} SELECT * FROM {table} WHERE id = '{twice}'")
            db.execute(f"DELETE FROM {table}_history WHERE id = '{lost}'")
            db.execute(f"UPDATE {table}_history SET note_time = -1 WHERE id = '{changed}'")
        assert found(verified(case, connection)) == {"conversation_time": [twice, lost, changed]}
        assert verified(case, connection, repair=True).status == "AGREES"
        assert found(verified(case, connection)) == {}
        assert len(case.ask("SELECT id FROM kustomer.conversation_time")) == len(ids)
        assert [len(one) for one in histories(case)] == [len(one) for one in versions]


def test_a_repair_by_a_list_that_is_not_read_is_none(case: Case) -> None:
    """The record still differs, whatever the parent's list says of it: nothing."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=TABLES)
        case.sync(connection)
        one, talk = case.ask(
            "SELECT id, conversation_id FROM kustomer.conversation_time ORDER BY 1 LIMIT 1"
        )[0]
        with damage(case) as db:
            db.execute(f"UPDATE kustomer.conversation_time SET note_time = -1 WHERE id = '{one}'")
        # As it is compared and confirmed it is listed, as it is repaired it is not.
        sim.faults.add("status", rf"{talk}/times", value=400, skip=2)
        report = verified(case, connection, repair=True)
        assert report.tables["conversation_time"].repaired == []
        assert report.status == "DIFFERS"


# ---- what is asked for by others ----

SILENT: Any = {"get_includes_attachments": False}
"""Documented are attachments of an owner's list of messages, not of a message by its id."""


def with_attachment(case: Case) -> tuple[str, int]:
    """A message, and how many attachments it has."""
    ((one, count),) = case.ask(
        "SELECT message_id, count(*) FROM kustomer.message_attachment a JOIN kustomer.message m "
        "ON m.id = message_id WHERE NOT m._fivetran_deleted AND conversation_id IS NOT NULL "
        "GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1"
    )
    return one, count


def gone_and_back(case: Case, sim: Simulator, connection: Connection, kind: str, one: str) -> None:
    """A daily sync met it gone and flagged it; by now it is there as it was."""
    record = sim.get(kind, one)
    assert record is not None
    sim.hard_delete(kind, one)
    sim.clock.advance(DAY + 3600)
    case.sync(connection)
    sim.restore(kind, record, bump=False)
    sim.settle()


@pytest.mark.parametrize("told", ["by-list", "later"])
def test_attachments_of_a_message_that_returned_are_there_again(case: Case, told: str) -> None:
    """Where its own path does not name them, its conversation does, or the next sync asks."""
    case = replace(case, character="pleasant")  # each message has a conversation
    with case.org(rate=0, **SILENT) as sim:
        connection = case.connect(sim, tables=("conversation", "message"))
        case.sync(connection)
        one, count = with_attachment(case)
        flags = (
            "SELECT count(*) FROM kustomer.message_attachment "
            f"WHERE message_id = '{one}' AND NOT _fivetran_deleted"
        )
        gone_and_back(case, sim, connection, "message", one)
        assert case.ask(flags) == [(0,)]
        if told == "later":
            sim.faults.add("status", r"/[0-9a-f]{24}/messages\?", value=403)
        report = verified(case, connection, repair=True)
        assert report.status == "AGREES", found(report)
        assert report.tables["message"].repaired == [one]
        if told == "later":
            assert one in {i for u in report.tables["message"].untold for i in u.ids}
            assert case.ask(flags) == [(count,)]  # as their message is, until they are told
            sim.faults.clear()
            sim.clock.advance(60)
            case.sync(connection)
        assert case.ask(flags) == [(count,)]
        assert found(verified(case, connection)) == {}
        case.assert_equal(sim, connection)


@pytest.mark.parametrize("way", ["returned", "by-hand"])
@pytest.mark.parametrize("at_once", [True, False])
def test_times_of_a_conversation_that_is_there_are_there(
    case: Case, way: str, at_once: bool
) -> None:
    """A repair of it asks for them again; without their table the next sync does."""
    with case.org(rate=0) as sim:
        both = ("conversation", "conversation_time")
        connection = case.connect(sim, tables=both)
        case.sync(connection)
        ((one, count),) = case.ask(
            "SELECT conversation_id, count(*) FROM kustomer.conversation_time JOIN "
            "kustomer.conversation c ON c.id = conversation_id WHERE c.deleted IS NOT TRUE "
            "GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1"
        )
        flags = (
            "SELECT count(*) FROM kustomer.conversation_time "
            f"WHERE conversation_id = '{one}' AND NOT _fivetran_deleted"
        )
        if way == "returned":
            gone_and_back(case, sim, connection, "conversation", one)
            assert case.ask(flags) == [(0,)]
        else:
            with damage(case) as db:
                db.execute("UPDATE kustomer.conversation SET _fivetran_deleted = TRUE "
                           f"WHERE id = '{one}'")  # fmt: skip
        names = both if at_once else ("conversation",)
        assert verified(case, connection, tables=names, repair=True).status == "AGREES"
        if not at_once:
            sim.clock.advance(60)
            case.sync(connection)
        assert case.ask(flags) == [(count,)]
        assert found(verified(case, connection)) == {}
        case.assert_equal(sim, connection)


def test_a_repair_flags_nothing_of_a_record_that_it_does_not_read(case: Case) -> None:
    """Its parent was flagged by somebody, and is in no table that is compared."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("conversation", "conversation_time"))
        case.sync(connection)
        times = "FROM kustomer.conversation_time WHERE NOT _fivetran_deleted"
        before = case.ask(f"SELECT count(*) {times}")
        ((hit, other),) = case.ask(f"SELECT min(conversation_id), max(conversation_id) {times}")
        with damage(case) as db:
            db.execute("UPDATE kustomer.conversation SET _fivetran_deleted = TRUE "
                       f"WHERE id = '{hit}'")  # fmt: skip
            db.execute("UPDATE kustomer.conversation_time SET note_time = -1 "
                       f"WHERE conversation_id = '{other}'")  # fmt: skip
        report = verified(case, connection, tables=("conversation_time",), repair=True)
        assert report.status == "AGREES", found(report)
        assert case.ask(f"SELECT count(*) {times}") == before


@pytest.mark.parametrize("named", [True, False])
def test_attachments_that_were_lost_are_named_and_repaired(case: Case, named: bool) -> None:
    """By the message's own path, or by its conversation's list."""
    case = replace(case, character="pleasant")  # each message has a conversation
    with case.org(rate=0, get_includes_attachments=named) as sim:
        connection = case.connect(sim, tables=("conversation", "message"))
        case.sync(connection)
        with damage(case) as db:
            lost = db.execute("DELETE FROM kustomer.message_attachment RETURNING message_id")
            owners = {one for (one,) in lost.fetchall()}
        report = verified(case, connection)
        told = {(d.table, d.what) for d in report.tables["message"].differing}
        assert told == {("message_attachment", "row missing")}
        unsure = {one for u in report.tables["message"].untold for one in u.ids}
        assert owners - unsure <= set(found(report)["message"])
        assert verified(case, connection, repair=True).status == "AGREES"
        assert found(verified(case, connection)) == {}
        case.assert_equal(sim, connection)


def test_attachments_that_nothing_tells_are_no_difference_and_said(case: Case) -> None:
    """Neither the message's own path names them, nor may its conversation's list be read."""
    case = replace(case, character="pleasant")  # each message has a conversation
    with case.org(rate=0, **SILENT) as sim:
        connection = case.connect(sim, tables=("conversation", "message"))
        case.sync(connection)
        one, _ = with_attachment(case)
        ((talk,),) = case.ask(f"SELECT conversation_id FROM kustomer.message WHERE id = '{one}'")
        sim.faults.add("status", rf"/{talk}/messages\?", value=403)
        ((other,),) = case.ask(
            "SELECT max(id) FROM kustomer.message WHERE NOT _fivetran_deleted "
            f"AND conversation_id <> '{talk}'"
        )
        with damage(case) as db:  # one that tells: beside it, silence would mean none
            db.execute(f"UPDATE kustomer.message SET preview = 'other' WHERE id = '{other}'")
        report = verified(case, connection)
        assert found(report) == {"message": [other]}
        told = {u.why: u.ids for u in report.tables["message"].untold}
        assert one in told["which attachments they have is not told"]


@pytest.mark.parametrize("listed", [True, False])
def test_a_message_is_made_anew_and_keeps_its_attachments(case: Case, listed: bool) -> None:
    """It is there twice, or says that it is newer; its own path does not name them."""
    case = replace(case, character="pleasant")  # each message has a conversation
    with case.org(rate=0, **SILENT) as sim:
        connection = case.connect(sim, tables=("conversation", "message"))
        case.sync(connection)
        one, count = with_attachment(case)
        newer = next(o for o in living(sim, "message", 3) if o != one)
        with damage(case) as db:
            db.execute("INSERT INTO kustomer.message "
                       f"SELECT * FROM kustomer.message WHERE id = '{one}'")  # fmt: skip
            db.execute("UPDATE kustomer.message SET updated_at = updated_at + INTERVAL 1 HOUR, "
                       f"preview = 'of tomorrow' WHERE id = '{newer}'")  # fmt: skip
        if not listed:
            sim.faults.add("status", r"/[0-9a-f]{24}/messages\?", value=403)
        assert set(found(verified(case, connection))["message"]) == {one, newer}
        assert verified(case, connection, repair=True).status == "AGREES"
        assert case.ask(f"SELECT count(*) FROM kustomer.message WHERE id = '{one}'") == [(1,)]
        assert case.ask(
            "SELECT count(*) FROM kustomer.message_attachment "
            f"WHERE message_id = '{one}' AND NOT _fivetran_deleted"
        ) == [(count,)]
        sim.faults.clear()
        assert found(verified(case, connection)) == {}
        case.assert_equal(sim, connection)


@pytest.mark.parametrize("answer", ["named", "silent", "refused"])
@pytest.mark.parametrize("sample", [5, 500])
def test_no_more_is_asked_than_was_announced(sample: int, answer: str, tmp_path: Path) -> None:
    """Each record by its id once; and a list for a message whose attachments that does not tell."""
    switches = Switches(get_includes_attachments=answer == "named")
    with Simulator(scale=TINY, switches=switches, limits=UNLIMITED) as sim:
        connection = connection_to(sim, tmp_path / "acme.duckdb")
        sync(connection)
        if answer == "refused":
            sim.faults.add("status", r"/v1/messages/[0-9a-f]{24}\?include", value=400)
        sim.requests.clear()
        report = verify(connection, sample=sample)
        assert report.status == "AGREES", report.tables
        assert report.requests["total"] <= report.expected
        asked = Counter(
            request.path for request in sim.requests.lines
            if re.fullmatch("/v1/messages/[0-9a-f]{24}", request.path)
        )  # fmt: skip
        assert asked
        assert sum(n - 1 for n in asked.values()) <= (20 if answer == "refused" else 0)


# ---- what somebody did to tables ----


def test_rows_without_an_id_are_a_difference(case: Case) -> None:
    """The column was dropped and made again: the rows are of no record, and all of these lack."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("tag", "customer"))
        case.sync(connection)
        with damage(case) as db:
            for table in ("tag", "customer"):
                db.execute(f"ALTER TABLE kustomer.{table} DROP COLUMN id")
                db.execute(f"ALTER TABLE kustomer.{table} ADD COLUMN id VARCHAR")
        ((rows,),) = case.ask("SELECT count(*) FROM kustomer.customer")
        report = verified(case, connection)
        assert report.exit_code == 1
        (said,) = report.tables["customer"].unfit
        assert said.startswith(f"{rows} rows of kustomer.customer without id.")
        assert len(report.tables["customer"].missing) == report.tables["customer"].source == rows
        assert verified(case, connection, repair=True).exit_code == 1
        with damage(case) as db:
            for report_of in ("customer", "tag"):
                (said,) = report.tables[report_of].unfit
                db.execute(said[said.index("DELETE") :])
        assert verified(case, connection).status == "AGREES"
        case.assert_equal(sim, connection)


def test_what_is_told_to_remove_them_works_in_a_file_of_the_schema_s_name(case: Case) -> None:
    """DuckDB takes `kustomer.tag` for ambiguous there."""
    case = replace(case, database=case.database.with_name("kustomer.duckdb"))
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("tag",))
        case.sync(connection)
        with duckdb.connect(str(case.database)) as db:
            db.execute("INSERT INTO kustomer.kustomer.tag (name) VALUES ('nobody')")
        (said,) = verified(case, connection).tables["tag"].unfit
        with duckdb.connect(str(case.database)) as db:
            db.execute(said[said.index("DELETE") :])
        assert verified(case, connection).status == "AGREES"


@pytest.mark.parametrize(
    ("table", "sql", "said"),
    [
        ("kobject", "ALTER TABLE kobject ALTER updated_at TYPE VARCHAR",
         "kustomer.kobject.updated_at was TIMESTAMP WITH TIME ZONE and somebody made it VARCHAR"),
        ("tag", "ALTER TABLE tag DROP COLUMN id", "kustomer.tag has lost its column id"),
        ("conversation", "ALTER TABLE conversation DROP COLUMN updated_at",
         "kustomer.conversation has lost its column updated_at"),
        ("team", "DROP TABLE team_member", "kustomer.team_member is gone"),
    ],
)  # fmt: skip
def test_what_somebody_did_to_a_table_is_named(case: Case, table: str, sql: str, said: str) -> None:
    """The next sync sets it right; the other tables are compared all the same."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=TABLES)
        case.sync(connection)
        other = next(living(sim, "customer", 3))
        with damage(case) as db:
            db.execute("USE kustomer")
            db.execute(sql)
            db.execute(f"UPDATE customer SET name = 'nobody' WHERE id = '{other}'")
        report = verified(case, connection)
        assert report.error is None
        assert report.exit_code == 1
        (told,) = report.tables[table].unfit
        assert told.startswith(said)
        assert "the next sync" in told
        assert {name for name, t in report.tables.items() if t.unfit} == {table}
        assert found(report) == {"customer": [other]}


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "beside-a-lost-row"])
@pytest.mark.parametrize(
    ("column", "sql"),
    [
        ("team.name", "ALTER TABLE team DROP COLUMN name"),
        ("conversation.status", "ALTER TABLE conversation DROP COLUMN status"),
        ("team_member.user_id", "DROP TABLE team_member"),
    ],
)
def test_a_repair_fills_what_somebody_took_out(
    case: Case, column: str, sql: str, alone: bool
) -> None:
    """In the same command, whether or not a row differs too; what it says is then true."""
    table, _, name = column.partition(".")
    there = f"SELECT {name} FROM kustomer.{table} ORDER BY 1"
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=TABLES)
        case.sync(connection)
        before, tag = case.ask(there), next(living(sim, "tag", 3))
        with damage(case) as db:
            db.execute("USE kustomer")
            db.execute(sql)
            if not alone:
                db.execute(f"DELETE FROM tag WHERE id = '{tag}'")
        report = verified(case, connection, repair=True)
        assert report.status == "AGREES", report.error
        assert all(t.compared for t in report.tables.values())
        assert found(report) == ({} if alone else {"tag": [tag]})
        assert [w.code for w in report.warnings] == ["destination_changed"]
        assert case.ask(there) == before
        assert verified(case, connection).status == "AGREES"
        case.assert_equal(sim, connection)


def test_a_soft_deleted_record_that_only_searches_show_is_compared(case: Case) -> None:
    """Its own path says that it is not there; so does nothing else."""
    with case.org(rate=0, get_deleted="404") as sim:
        connection = case.connect(sim, tables=("conversation",))
        one = next(living(sim, "conversation", 1))
        sim.soft_delete("conversation", one)
        sim.clock.advance(60)
        case.sync(connection)
        with damage(case) as db:
            db.execute(f"UPDATE kustomer.conversation SET name = '?' WHERE id = '{one}'")
        differing = verified(case, connection, sample=10_000).tables["conversation"].differing
        assert [(d.id, d.columns) for d in differing] == [(one, ("name",))]


def _custom(case: Case) -> tuple[str, str, str]:
    """A table, a custom column of it, and a record that has something there."""
    columns = case.ask(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE column_name LIKE 'custom_%' "
        "AND column_name NOT LIKE '%num' AND table_name IN ('customer', 'conversation') ORDER BY 2"
    )
    for table, column in columns:
        if ids := case.ask(f'SELECT id FROM kustomer.{table} WHERE "{column}" IS NOT NULL'):
            return table, column, ids[0][0]
    raise AssertionError("no custom value landed")


@pytest.mark.parametrize(
    ("character", "tables", "switches"),
    [
        ("pleasant", EVERYTHING, {}),
        ("hostile", EVERYTHING, {}),
        ("hostile", SPINE, {"get_deleted": "404"}),
        ("pleasant", SPINE, {"merge_bumps_updated_at": False}),
    ],
    ids=["pleasant", "hostile", "deleted-is-404", "merges-move-no-time"],
)
def test_a_living_org_raises_no_alarm(
    case: Case, character: Character, tables: tuple[str, ...], switches: dict[str, Any]
) -> None:
    """What changed since the cursor is no difference, however much that is, wherever it shows."""
    case = replace(case, character=character)
    with case.org(hard_deletes=False, rate=0, **switches) as sim:
        connection = case.connect(sim, tables=tables)
        assert case.sync(connection).status == "SUCCESSFUL"
        sim.mutator.step(80)
        sim.mutator.start(20)
        report = verified(case, connection, sample=20)
        assert report.error is None
        assert found(report) == {}
        assert sum(table.changed for table in report.tables.values()) > 0


def test_a_history_that_does_not_end_with_its_rows_is_named_and_repaired(case: Case) -> None:
    """Of a table that always has one, of its elements, of one that is asked for, of a klass."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=SPINE, histories=("customer", "kobject"))
        case.sync(connection)
        tagged, tag = case.ask("SELECT conversation_id, tag_id FROM kustomer.conversation_tag")[-1]
        talk, person, order = (
            next(living(sim, kind, 3)) for kind in ("conversation", "customer", "kobject")
        )
        kept = f"{case.klass_table(sim, order)}_history"
        with damage(case) as db:
            for sql in (
                f"UPDATE kustomer.conversation_history SET name = 'wrong' WHERE id = '{talk}'",
                f"UPDATE kustomer.customer_history SET _fivetran_active = FALSE "
                f"WHERE id = '{person}'",
                f"DELETE FROM kustomer.{kept} WHERE id = '{order}'",
                "INSERT INTO kustomer.conversation_tag_history BY NAME SELECT * REPLACE "
                "('made up' AS tag_id) FROM kustomer.conversation_tag_history "
                f"WHERE conversation_id = '{tagged}' AND tag_id = '{tag}'",
            ):
                db.execute(sql)
        there = digest(case.database)
        report = verified(case, connection)
        assert digest(case.database) == there
        assert report.exit_code == 1
        assert {(d.id, d.table) for t in report.tables.values() for d in t.differing} == {
            (talk, "conversation_history"), (person, "customer_history"), (order, kept),
            (tagged, "conversation_tag_history"),
        }  # fmt: skip
        assert verified(case, connection, repair=True).status == "AGREES"
        assert found(verified(case, connection)) == {}
        assert faults(case, ["customer", "kobject"]) == []


@pytest.mark.parametrize("which", ["active", "over"])
def test_a_history_that_has_a_row_twice_is_named_and_repaired(case: Case, which: str) -> None:
    """The one that is active under another start too; of a record, and of its elements."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("conversation", "tag"))
        case.sync(connection)
        tagged = case.ask("SELECT conversation_id FROM kustomer.conversation_tag")[-1][0]
        sim.clock.advance(60)
        sim.edit("conversation", tagged, {"name": "another", "tags": []})
        sim.settle()
        sim.clock.advance(60)
        case.sync(connection)
        before = histories(case)
        earlier = " REPLACE (_fivetran_start - INTERVAL 1 SECOND AS _fivetran_start)"
        doubled = {
            "active": (f"{earlier} FROM kustomer.conversation_history WHERE id = ",),
            "over": (
                " FROM kustomer.conversation_history WHERE id = ",
                " FROM kustomer.conversation_tag_history WHERE conversation_id = ",
            ),
        }[which]
        with damage(case) as db:
            for rows in doubled:
                db.execute(
                    f"INSERT INTO kustomer.{rows.partition('kustomer.')[2].partition(' ')[0]} "
                    f"SELECT *{rows}'{tagged}' AND _fivetran_active = {which == 'active'}"
                )
        assert found(verified(case, connection)) == {"conversation": [tagged]}
        assert verified(case, connection, repair=True).status == "AGREES"
        assert found(verified(case, connection)) == {}
        assert faults(case, []) == []
        assert which == "active" or histories(case) == before


def test_what_only_a_sample_compares_is_said(database: Path) -> None:
    """Notes of over two years ago are in no search; times are asked for by conversations drawn."""
    case = Case(500, 10_000, database)
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("note", "conversation", "conversation_time"))
        case.sync(connection)
        old = {one for (one,) in case.ask(
            "SELECT id FROM kustomer.note WHERE updated_at < now() - INTERVAL 735 DAY "
            "AND NOT _fivetran_deleted"
        )}  # fmt: skip
        report = verified(case, connection, sample=0)
        told = {u.why: u.ids for u in report.tables["note"].untold}
        assert old
        assert old <= {*told["compared by the sample alone, for no search counts what is over two "
                             "years old"]}  # fmt: skip
        assert not report.tables["conversation_time"].compared
        assert report.tables["conversation_time"].untold
        assert report.status == "AGREES"


def test_a_delete_that_searches_show_late_is_no_difference(case: Case) -> None:
    """Its record's own path hides it at once; the first look at what changed saw none of it."""
    late: dict[str, Any] = {"index_lag_ms": 60_000, "index_lag_random": False}
    with case.org(rate=0, get_deleted="404", **late) as sim:
        connection = case.connect(sim, tables=("customer",))
        case.sync(connection)
        sim.soft_delete("customer", next(living(sim, "customer", 3)))
        sim.clock.advance(3)

        class Slow(random.Random):
            def sample(self, *given: Any, **named: Any) -> list[Any]:
                sim.settle()
                return super().sample(*given, **named)

        report = verified(case, connection, rng=Slow())
        assert found(report) == {}
        assert report.error is None


@pytest.mark.parametrize("moves", [True, False])
@pytest.mark.parametrize("bumps", [True, False])
def test_a_soft_deleted_record_that_no_path_shows_is_no_difference(
    case: Case, bumps: bool, moves: bool
) -> None:
    """Wherever the index keeps it; nor does a repair of another flag it."""
    hidden: dict[str, Any] = {
        "get_deleted": "404", "delete_bumps_updated_at": bumps, "delete_moves_in_index": moves,
    }  # fmt: skip
    with case.org(rate=0, **hidden) as sim:
        connection = case.connect(sim, tables=("conversation", "customer"))
        case.sync(connection)
        sim.clock.advance(3600)
        for kind in ("conversation", "customer"):
            for one in list(living(sim, kind, 6))[:3]:
                sim.soft_delete(kind, one)
        for _ in range(2):
            sim.clock.advance(DAY + 60)
            case.sync(connection)
        assert case.differences(sim, connection) == []
        assert found(verified(case, connection)) == {}
        gone = next(living(sim, "conversation", 9))
        sim.hard_delete("conversation", gone)
        sim.settle()
        assert found(verified(case, connection)) == {"conversation": [gone]}
        assert verified(case, connection, repair=True).status == "AGREES"
        assert case.differences(sim, connection) == []


def test_what_was_erased_since_is_all_that_a_living_org_differs_in(case: Case) -> None:
    """No record says when it was erased, so it counts until a sync flags it."""
    with case.org() as sim:
        connection = case.connect(sim)
        case.sync(connection)
        sim.mutator.step(60)
        report = verified(case, connection)
        erased = {version.id for version in sim.ledger.erased()}
        assert all(set(ids) <= erased for ids in found(report).values())
        assert all(t.missing == [] and t.differing == [] for t in report.tables.values())


def test_a_role_that_is_missing_costs_its_table_and_no_other(case: Case) -> None:
    """What can't be read can't be told, which is no difference."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim)
        case.sync(connection)
        sim.revoke_role("org.permission.message.read")
        sim.revoke_role("org.permission.tag.read")
        with damage(case) as db:
            db.execute("UPDATE kustomer.conversation SET name = 'altered'")
            db.execute("UPDATE kustomer.tag SET name = 'altered'")
        report = verified(case, connection)
        assert set(found(report)) == {"conversation"}
        assert report.tables["message"].compared  # by what searches show
        assert report.tables["tag"].untold
        assert {w.code for w in report.warnings} == {"role_missing"}


@pytest.mark.parametrize(
    ("path", "lost"), [("/v1/tags", {"tag"}), ("customers/search", {"customer", "conversation"})]
)
def test_a_path_that_keeps_failing_costs_its_table_and_the_comparison_its_success(
    case: Case, path: str, lost: set[str]
) -> None:
    """All else is compared; what failed is no missing role, and nothing is said to agree."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("tag", "team", "customer", "conversation"))
        case.sync(connection)
        with damage(case) as db:
            db.execute("UPDATE kustomer.team SET name = 'altered'")
        sim.faults.add("status", path, value=500)
        report = verified(case, connection, repair=True, limits=BRIEF)
        assert (report.status, report.exit_code) == ("FAILURE", 1)
        assert report.error is not None
        assert "kept failing" in report.error.message
        assert "begins anew" in report.error.hint
        assert {w.code for w in report.warnings} == {"not_read"}
        assert {name for name, t in report.tables.items() if not t.compared} == lost
        assert report.tables["team"].repaired
        sim.faults.clear()
        assert found(verified(case, connection)) == {}


CONFIG = """
[connections.acme]
base_url = "{url}"
access_token = "demo-key"
destination = "duckdb:///acme.duckdb"
index_lag_seconds = 0
overlap_seconds = 0
max_wait_minutes = 0
"""


def test_the_command_tells_its_price_and_by_its_exit_code_what_it_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """2 before a first sync, 0 when all agree, 1 with the ids of what differs, 3 without budget."""
    monkeypatch.chdir(tmp_path)
    only = ["--table", "tag", "--table", "conversation_tag"]
    with Simulator(limits=UNLIMITED) as sim:
        Path("kustomer-sync.toml").write_text(CONFIG.format(url=sim.url))
        assert run(["verify", "acme"]) == 2
        assert "nothing to verify" in capsys.readouterr().err
        assert not Path("acme.duckdb").exists()
        assert run(["sync", *only]) == 0
        capsys.readouterr()
        assert run(["verify", *only, "--sample", "20"]) == 0
        told = capsys.readouterr()
        assert "at most" in told.err
        assert "AGREES" in told.out
        with duckdb.connect("acme.duckdb") as db:
            gone = db.execute("DELETE FROM kustomer.tag RETURNING id").fetchall()
        assert run(["verify", *only, "--json"]) == 1
        report = json.loads(capsys.readouterr().out)
        assert report["tables"]["tag"]["missing"] == sorted(one for (one,) in gone)
        assert report["requests"]["total"] >= 3
        assert run(["verify", *only, "--repair"]) == 0
        assert run(["verify", *only]) == 0
        assert run(["sync", "--table", "customer", "--table", "tag"]) == 0
        with duckdb.connect("acme.duckdb") as db:
            db.execute("DELETE FROM kustomer._kustomer_sync_state WHERE key = 'table:customer'")
        capsys.readouterr()
        assert run(["verify", "--table", "customer"]) == 1
        assert "Nothing was compared." in capsys.readouterr().err
        assert run(["verify", "--table", "customer", "--table", "tag"]) == 0
        assert "AGREES with" in (said := capsys.readouterr().out)
        assert "but for customer, which could not be compared" in said
        sim.limits = Limits(org=10, search=5)
        assert run(["verify"]) == 3
        said = capsys.readouterr().err
        assert "rate limit" in said
        assert "Run `kustomer-sync verify` again in 1 minute; it begins anew." in said
        assert run(["resync"]) == 3
        said = capsys.readouterr().err
        assert "Run `kustomer-sync sync` again in 1 minute; it goes on" in said


def test_where_kustomer_tells_no_totals_the_source_s_is_not_nought(case: Case) -> None:
    """Nobody knows it: null, and a question mark."""
    case = replace(case, size=max(case.size, 7))
    with case.org(rate=0, search_says="links") as sim:
        connection = case.connect(sim, tables=("customer",))
        case.sync(connection)
        report = verified(case, connection)
        assert report.tables["customer"].to_dict()["source"] is None
        assert report.tables["customer"].destination
