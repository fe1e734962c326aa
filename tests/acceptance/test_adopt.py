"""A schema that the reference connector filled is gone on with: no row doubled, lost or stale."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from kustomer_sync.cli.screen import adoption
from kustomer_sync.destinations import destination
from kustomer_sync.errors import DestinationUnusable, UsageError
from kustomer_sync.model import Search
from kustomer_sync.report import Progress, Report
from kustomer_sync.settings import Connection
from kustomer_sync.simulator import Simulator
from kustomer_sync.sync import Limits, Resync, adopt, choose
from kustomer_sync.sync.adopt import _Plan as Plan
from tests.acceptance.case import EVERYTHING, SPINE, Case, connection_to, living
from tests.acceptance.histories import faults
from tests.acceptance.reference import fill
from tests.acceptance.test_foreign import IN_THE_WAY, KEPT

Query = Callable[[str], list[tuple[Any, ...]]]
DAYS = 3 * 24 * 3600


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def written(path: Path, *statements: str) -> None:
    with duckdb.connect(str(path)) as db:
        for statement in statements:
            db.execute(statement)


def told_names(path: Path, names: dict[str, dict[str, str]]) -> None:
    """What nobody can know: of those whose names become the same, which was met first."""
    with duckdb.connect(str(path)) as db:
        db.execute(
            "INSERT INTO kustomer._kustomer_sync_state VALUES ('names', ?, NULL)",
            [json.dumps(names)],
        )


def differences(case: Case, sim: Simulator, connection: Connection) -> list[str]:
    """As ever, but that a custom column may have kept another type, and what nobody can know.

    Which values of a record the reference connector could not keep it does not tell, so of records
    not read since there are no rejects.
    """
    copy = replace(case, database=case.database.with_name("copy.duckdb"))
    shutil.copy(case.database, copy.database)
    for table, column in case.ask(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'kustomer' AND "
        "column_name LIKE 'custom%' AND NOT regexp_matches(column_name, '_(num|at|bool)$') "
        "AND data_type NOT IN ('VARCHAR', 'JSON')"
    ):
        written(copy.database, f'ALTER TABLE kustomer."{table}" ALTER "{column}" TYPE VARCHAR')
    for table, column in case.ask(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'kustomer' AND "
        "column_name LIKE 'custom%num' AND data_type = 'VARCHAR' AND NOT table_name LIKE '%history'"
    ):  # text since before: of what was read since, a number's
        number = f'TRY_CAST("{column}" AS DOUBLE)'
        odd = f'(NOT _fivetran_deleted AND "{column}" IS NOT NULL)'
        odd += f" AND ({number} IS NULL OR abs({number}) > 9e15)"
        if case.ask(f'SELECT count(*) FROM kustomer."{table}" WHERE {odd}') == [(0,)]:
            alter = f'ALTER TABLE kustomer."{table}" ALTER "{column}" TYPE DOUBLE USING {number}'
            written(copy.database, alter)
    found = copy.differences(sim, connection)
    retyped = re.compile(
        r"\w+_history (lacks|has too much) \("
    )  # the copy's table, not its history
    return [
        one for one in found
        if not one.endswith("wrongly rejected or not")
        and not (case.character == "hostile" and retyped.match(one))
    ]  # fmt: skip


@pytest.mark.parametrize("version", [1, 2])
def test_an_adopted_schema_ends_equal_to_the_org(case: Case, version: int) -> None:
    """Whatever happened before, meanwhile and since; and nothing is doubled."""
    with case.org(seed=11, rate=0) as sim:
        connection = case.connect(sim, tables=EVERYTHING, extras=False, service_version=version)
        sim.mutator.step(60)
        sim.hard_delete("customer", next(living(sim, "customer", 3)))
        sim.hard_delete("kobject", next(living(sim, "kobject", 2)))
        sim.settle()
        _, shared = fill(sim, case.database, connection)
        before = digest(case.database)
        told = adopt(connection)
        assert digest(case.database) == before
        assert not told.applied
        sim.clock.advance(DAYS)
        sim.mutator.step(60)
        again = next(living(sim, "customer", 5))
        written(
            case.database,
            f"INSERT INTO kustomer.customer_email (customer_id, index) VALUES ('{again}', 77)",
        )
        sim.edit("customer", again, {"displayName": "again"})
        assert adopt(connection, apply=True).applied
        told_names(case.database, shared)
        sim.settle()
        sim.clock.advance(60)
        report = case.sync(connection)
        assert report.status == "SUCCESSFUL", report.error
        sim.mutator.step(30)
        sim.settle()
        sim.clock.advance(24 * 3600 + 60)
        report = case.sync(connection, reimport=True)
        assert report.status == "SUCCESSFUL", report.error
        assert differences(case, sim, connection) == []


def adopted(case: Case, sim: Simulator, **settings: Any) -> Connection:
    """A connection to a schema that was filled just now, three days ago."""
    sim.settle()
    connection = case.connect(sim, extras=False, **settings)
    fill(sim, case.database, connection)
    sim.clock.advance(DAYS)
    return connection


def applied(case: Case, connection: Connection) -> Report:
    """Adopted, and synced."""
    assert adopt(connection, apply=True).applied
    report = case.sync(connection)
    assert report.status == "SUCCESSFUL", report.error
    return report


def test_it_goes_on_a_day_before_the_oldest_table_was_synced(case: Case) -> None:
    """And rewrites no row that did not change since."""
    case = replace(case, size=max(case.size, 7))  # in the smallest org child tables are empty
    with case.org(rate=0) as sim:
        sim.settle()
        connection = case.connect(sim, extras=False)
        synced, _ = fill(sim, case.database, connection)
        oldest = min(synced[name] for name in ("conversation", "customer", "message", "kobject"))
        at = "SELECT id, updated_at, _fivetran_synced FROM kustomer.{} ORDER BY id"
        names = ("conversation", "customer", "message", "tag", "conversation_history")
        before = {name: case.ask(at.format(name)) for name in names}
        sim.clock.advance(DAYS)
        told = adopt(connection, apply=True)
        cursor = oldest.replace(tzinfo=UTC) - timedelta(days=1)
        assert told.cursor == cursor
        assert {t.cursor for t in told.tables if t.name in ("customer", "customer_tag")} == {cursor}
        assert next(t for t in told.tables if t.name == "tag").why == "read whole"
        sim.requests.clear()
        report = case.sync(connection)
        recent = sum(sim_at >= cursor for rows in before.values() for _, sim_at, _ in utc(rows))
        searches = (asked for asked in sim.requests.lines if asked.path.endswith("/search"))
        assert sum("idsOnly" not in asked.query for asked in searches) < 10 + 3 * recent
        assert {n: (t.inserted, t.updated) for n, t in report.tables.items() if n in names} == (
            dict.fromkeys(names, (0, 0))
        )
        assert {name: utc(case.ask(at.format(name))) for name in names} == {
            name: utc(rows) for name, rows in before.items()
        }


def utc(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [
        (one, *(at if at is None or at.tzinfo else at.replace(tzinfo=UTC) for at in times))
        for one, *times in rows
    ]


def type_of(case: Case, table: str, column: str) -> str:
    ((found,),) = case.ask(
        "SELECT data_type FROM duckdb_columns() WHERE schema_name = 'kustomer' AND "
        f"table_name = '{table}' AND column_name = '{column}'"
    )
    return str(found)


def test_a_number_column_of_a_text_attribute_stays_one_while_values_fit(case: Case) -> None:
    """The first value that does not widens it in place, which is said once."""
    with case.org(rate=0) as sim:
        one, other, third = [next(living(sim, "customer", n)) for n in (1, 4, 7)]
        for customer in (one, other):
            sim.edit("customer", customer, {"custom": {"codeStr": "4711"}})
        connection = adopted(case, sim)
        assert type_of(case, "customer", "custom_code_str") == "BIGINT"
        (told,) = (t for t in adopt(connection).tables if t.name == "customer")
        kept = {change.column: change for change in told.kept}["custom_code_str"]
        assert (kept.stored, kept.ours, kept.becomes) == ("BIGINT", "VARCHAR", None)
        sim.edit("customer", one, {"custom": {"codeStr": "-12"}})
        sim.settle()
        sim.clock.advance(30)
        report = applied(case, connection)
        assert type_of(case, "customer", "custom_code_str") == "BIGINT"
        codes = f"SELECT custom_code_str FROM kustomer.customer WHERE id IN ('{one}', '{other}')"
        assert sorted(case.ask(codes)) == [(-12,), (4711,)]
        assert "column_changed" not in {
            w.code for w in report.warnings if "custom_code_str" in w.message
        }
        sim.edit("customer", third, {"custom": {"codeStr": "00123"}})
        sim.settle()
        sim.clock.advance(30)
        report = case.sync(connection)
        said = [w.message for w in report.warnings if "custom_code_str" in w.message]
        assert said == [
            "customer.custom_code_str was BIGINT and is VARCHAR now: "
            "'00123' does not fit BIGINT without loss."
        ]
        codes = "SELECT id, custom_code_str FROM kustomer.customer WHERE custom_code_str NOT NULL"
        assert {(one, "-12"), (other, "4711"), (third, "00123")} <= set(case.ask(codes))
        assert not [w for w in case.sync(connection).warnings if "custom_code_str" in w.message]


def test_a_custom_column_of_another_type_changes_with_its_first_value(case: Case) -> None:
    """As the dry run says; a column of the catalog does at once."""
    with case.org(rate=0) as sim:
        connection = adopted(case, sim)
        written(
            case.database, "ALTER TABLE kustomer.customer ADD COLUMN custom_never_at TIMESTAMP_MS"
        )
        (told,) = (t for t in adopt(connection).tables if t.name == "customer")
        why = {change.column: change.why for change in told.changed}
        assert why["custom_never_at"] == (
            "TIMESTAMP_MS is no type of this program, and stays until a value comes"
        )
        assert why["created_at"] == "TIMESTAMP is no type of this program"
        applied(case, connection)
        assert type_of(case, "customer", "custom_never_at") == "TIMESTAMP_MS"
        assert type_of(case, "customer", "created_at") == "TIMESTAMP WITH TIME ZONE"


def test_why_kustomer_could_not_be_asked_is_said(
    case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    """The key is refused, or nobody answers; what the schema tells is told all the same."""
    with case.org(rate=0) as sim:
        adopted(case, sim)
        for wrong, said in (
            ({"access_token": "another"}, "401"), ({"base_url": "http://127.0.0.1:9"}, "127.0.0.1"),
        ):  # fmt: skip
            told = adopt(case.connect(sim, extras=False, **wrong), limits=Limits(retry_seconds=0.1))
            adoption(told, "here", to_stdout=True)
            asked = "could not be asked how many requests the next sync takes: "
            (line,) = (o for o in capsys.readouterr().out.splitlines() if asked in o)
            assert said in line.partition(asked)[2]
            assert told.to_dict()["unasked"] in line


@pytest.mark.parametrize("status", [403, 400])
def test_a_search_that_kustomer_refuses_keeps_nobody_from_adopting(case: Case, status: int) -> None:
    """For want of a role, or because it knows no such object: no record comes by it."""
    with case.org(rate=0) as sim:
        connection = adopted(case, sim)
        sim.faults.add("status", "customers/search", value=status)
        told = adopt(connection, apply=True)
        assert told.applied
        searched = [table for table in choose(connection) if isinstance(table.reading, Search)]
        assert told.requests is not None
        assert told.requests["search"] >= len(searched)
        sim.faults.clear()
        report = case.sync(connection)
        assert report.status == "SUCCESSFUL", report.error


def test_what_is_not_ours_is_left_alone(case: Case) -> None:
    """Tables, and columns of our tables, of records that are read again too."""
    with case.org(rate=0) as sim:
        connection = adopted(case, sim)
        again = next(living(sim, "customer", 3))
        written(
            case.database,
            "CREATE TABLE kustomer.plan AS SELECT 1 AS n",
            "ALTER TABLE kustomer.customer ADD COLUMN segment VARCHAR DEFAULT 'new'",
            "UPDATE kustomer.customer SET segment = 'gold'",
            "ALTER TABLE kustomer.customer_tag ADD COLUMN weight DECIMAL(9,2)",
            "UPDATE kustomer.customer_tag SET weight = 1.25",
            "ALTER TABLE kustomer.conversation_history ADD COLUMN seen DATE",
            "UPDATE kustomer.conversation_history SET seen = '2026-01-02'",
        )
        told = adopt(connection)
        assert told.alone == ("plan",)
        assert next(t for t in told.tables if t.name == "customer").others == ("segment",)
        sim.edit("customer", again, {"displayName": "Again", "tags": [sim.id("tag", 0)]})
        tagged = len(case.ask("SELECT * FROM kustomer.customer_tag"))
        versions = len(case.ask("SELECT * FROM kustomer.conversation_history"))
        sim.settle()
        sim.clock.advance(30)
        applied(case, connection)
        assert case.ask(
            f"SELECT display_name, segment FROM kustomer.customer WHERE id = '{again}'"
        ) == [("Again", "gold")]
        assert case.ask("SELECT DISTINCT segment FROM kustomer.customer") == [("gold",)]
        kept = case.ask("SELECT count(*) FROM kustomer.customer_tag WHERE weight = 1.25")[0][0]
        assert kept >= tagged - 5
        assert case.ask(
            "SELECT count(*) FROM kustomer.conversation_history WHERE seen = '2026-01-02'"
        ) == [(versions,)]
        assert case.ask("SELECT * FROM kustomer.plan") == [(1,)]


def test_a_custom_column_that_is_hashed_at_once_is_told_as_it_is(case: Case) -> None:
    """Though no record was read that has it, and it was a number."""
    with case.org(rate=0) as sim:
        one = next(living(sim, "customer", 1))
        sim.edit("customer", one, {"custom": {"worthNum": 12.5}})
        sim.clock.advance(DAYS)  # so that it is not read again
        plain = adopted(case, sim, tables=("customer",))
        written(
            case.database, "ALTER TABLE kustomer.customer ALTER custom_worth_num TYPE DECIMAL(18,4)"
        )
        hashed = {"columns": {"custom_worth_num": {"hashed": True}}}
        off = {name: {"enabled": c.enabled} for name, c in plain.tables.items()}
        tables: dict[str, Any] = {**off, "customer": hashed}
        connection = connection_to(
            sim, case.database, overlap_seconds=5, extras=False, tables=tables, hash_salt="salt"
        )
        report = applied(case, connection)
        made = hmac.new(b"salt", b"12.5", "sha256").hexdigest()
        there = f"SELECT custom_worth_num FROM kustomer.customer WHERE id = '{one}'"
        assert case.ask(there) == [(made,)]
        told = [w.message for w in report.warnings if "custom_worth_num" in w.message]
        assert told == [
            "customer.custom_worth_num was DECIMAL(18,4) and is VARCHAR now: it is hashed."
        ]


def respelled(path: Path, spell: Callable[[str], str]) -> None:
    """Every table and column of the schema; DuckDB knows no case, so by way of other names."""
    with duckdb.connect(str(path)) as db:
        db.execute("SET schema = 'kustomer'")
        for table, column in db.execute(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'kustomer'"
        ).fetchall():
            db.execute(f'ALTER TABLE "{table}" RENAME "{column}" TO "__{column}"')
            db.execute(f'ALTER TABLE "{table}" RENAME "__{column}" TO "{spell(column)}"')
        for (table,) in db.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'kustomer'"
        ).fetchall():
            db.execute(f'ALTER TABLE "{table}" RENAME TO "__{table}"')
            db.execute(f'ALTER TABLE "__{table}" RENAME TO "{spell(table)}"')


@pytest.mark.parametrize("first", ["adopted", "only synced"])
def test_names_in_capitals_are_the_same_names(case: Case, first: str) -> None:
    """As Snowflake spells them; what is somebody's own keeps its values and its spelling."""
    with case.org(rate=0) as sim:
        sim.settle()
        connection = case.connect(sim, tables=EVERYTHING, extras=False)
        _, shared = fill(sim, case.database, connection)
        written(
            case.database,
            'ALTER TABLE kustomer.customer ADD COLUMN "région" VARCHAR',
            'UPDATE kustomer.customer SET "région" = id',
        )
        respelled(case.database, str.upper)
        sim.clock.advance(DAYS)
        before = case.ask("SELECT id FROM kustomer.customer ORDER BY 1")
        sim.edit("customer", next(living(sim, "customer", 3)), {"displayName": "Again"})
        sim.settle()
        sim.clock.advance(60)
        if first == "adopted":
            told = {table.name for table in adopt(connection, apply=True).tables}
            assert {"customer", "conversation_history"} <= told
            told_names(case.database, shared)
        report = case.sync(connection, reimport=True)
        assert report.status == "SUCCESSFUL", report.error
        kept = case.ask('SELECT "RÉGION" FROM kustomer."CUSTOMER" WHERE "RÉGION" = id ORDER BY 1')
        assert kept == before
        respelled(case.database, str.lower)
        if first == "adopted":
            written(case.database, 'ALTER TABLE kustomer.customer DROP COLUMN "région"')
            assert differences(case, sim, connection) == []


def test_a_table_that_can_t_be_whole_is_read_from_the_beginning(case: Case) -> None:
    """One that is not there, one that is empty, and one that lacks a child or a history."""
    with case.org(rate=0) as sim:
        connection = adopted(case, sim)
        written(
            case.database, "DROP TABLE kustomer.customer_email", "DELETE FROM kustomer.message",
            "DROP TABLE kustomer.conversation_tag_history", "DROP TABLE kustomer.kobject",
        )  # fmt: skip
        told = {t.name: t for t in adopt(connection).tables}
        assert told["customer"].why == "read from the beginning: customer_email not there"
        assert told["message"].why == "read from the beginning: it is empty"
        assert told["conversation"].cursor is None
        assert told["kobject_tag"].why == "read from the beginning: it is not there"
        applied(case, connection)
        sim.clock.advance(24 * 3600)
        assert case.sync(connection, reimport=True).status == "SUCCESSFUL"
        assert [d for d in differences(case, sim, connection) if "customer_email" in d] == []


def test_a_child_table_that_is_empty_is_filled(case: Case) -> None:
    """Nothing tells whether somebody emptied it."""
    emptied = ("customer_email", "conversation_tag", "message_attachment")
    with case.org(rate=0) as sim:
        connection = adopted(case, sim)
        written(case.database, *(f"DELETE FROM kustomer.{name}" for name in emptied))
        told = {t.name: t for t in adopt(connection).tables}
        assert "customer_email" in told["customer"].why
        assert told["customer"].why.endswith(" empty")
        applied(case, connection)
        sim.clock.advance(24 * 3600)
        assert case.sync(connection, reimport=True).status == "SUCCESSFUL"
        found = differences(case, sim, connection)
        assert [d for d in found if any(name in d for name in emptied)] == []


@pytest.mark.parametrize("late", [17 * 60, 3])
def test_histories_go_on_whenever_their_versions_began(case: Case, late: int) -> None:
    """The reference connector may begin a version when it ingests it, not when it was written."""
    names = ("conversation_history", "conversation_tag_history", "conversation_channel_history")
    with case.org(rate=0) as sim:
        for talk, _ in zip(living(sim, "conversation", 0), range(6), strict=False):
            sim.edit("conversation", talk, {"name": "of that day"})
        connection = case.connect(sim, extras=False)
        sim.settle()
        fill(sim, case.database, connection, ingested=timedelta(seconds=late))
        one = "SELECT epoch_ms(_fivetran_start), epoch_ms(_fivetran_end) FROM kustomer.{}"
        versions = {name: case.ask(one.format(name)) for name in names}
        sim.clock.advance(DAYS)
        first = applied(case, connection)
        assert {n: first.tables[n].inserted + first.tables[n].deleted for n in names} == (
            dict.fromkeys(names, 0)
        )
        talk = next(living(sim, "conversation", 3))
        sim.edit("conversation", talk, {"name": "of today"})
        sim.settle()
        sim.clock.advance(60)
        report = case.sync(connection)
        made = report.tables["conversation_history"]
        assert (made.inserted, made.updated, made.deleted) == (1, 1, 0)
        again = case.sync(connection, resync=Resync(tables=("conversation",)))
        assert again.status == "SUCCESSFUL"
        assert again.tables["conversation_history"].inserted == 0
        assert faults(case, ("conversation",)) == []
        for name in names:
            then = set(case.ask(one.format(name)))
            assert len(set(versions[name]) - then) <= 3  # those of the edited one


def test_a_schema_that_does_not_say_when_it_was_synced_is_read_from_the_beginning(
    case: Case,
) -> None:
    """Where the searched tables say nothing of it; one that does says it for all."""
    case = replace(case, size=max(case.size, 7))  # in a larger org each table has rows
    with case.org(rate=0) as sim:
        connection = adopted(case, sim)
        at = "UPDATE kustomer.{} SET _fivetran_synced = {}"
        searched = [t.name for t in choose(connection) if isinstance(t.reading, Search)]
        written(case.database, *(at.format(name, "NULL") for name in searched))
        told = adopt(connection)
        assert told.cursor is None
        why = "read from the beginning: none of the searched tables has a _fivetran_synced"
        assert {t.why for t in told.tables if t.name in searched} == {why}
        now = sim.clock.now()
        written(case.database, at.format("customer", f"'{now:%Y-%m-%d %H:%M:%S}'"))
        assert adopt(connection).cursor is not None
        written(case.database, at.format("customer", "NULL"))
        applied(case, connection)
        sim.clock.advance(24 * 3600)
        assert case.sync(connection, reimport=True).status == "SUCCESSFUL"
        doubled = "SELECT id FROM kustomer.customer GROUP BY id HAVING count(*) > 1"
        assert case.ask(doubled) == []


def test_a_schema_without_histories_may_be_an_old_one(
    case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    """Said once, in the dry run; with service_version = 1 the conversations go on."""
    with case.org(rate=0) as sim:
        connection = adopted(case, sim, service_version=1)
        newer = case.connect(sim, extras=False)
        told = adopt(newer)
        assert "set service_version = 1 in [connections.kustomer]" in told.advice
        (talk,) = (t for t in told.tables if t.name == "conversation")
        assert talk.why == "read from the beginning: 6 history tables not there"
        adoption(told, "here", to_stdout=True)
        assert capsys.readouterr().out.count("service_version = 1") == 1
        told = adopt(connection)
        assert told.advice == ""
        assert {t.why for t in told.tables if t.name == "conversation"} == {""}
        written(case.database, "CREATE TABLE kustomer.conversation_tag_history (id VARCHAR)")
        assert "service_version" not in _plan(newer, case).advice()


def _plan(connection: Connection, case: Case) -> Plan:
    """What `adopt` would do with the schema, whether or not it may be adopted."""
    there = destination(
        f"duckdb:///{case.database}", schema="kustomer", system_prefix="_fivetran_",
        memory_limit="128MB", hold_seconds=0,
    )  # fmt: skip
    return Plan(connection, choose(connection), there, there.found())


def test_tables_with_declared_keys_are_gone_on_with(case: Case) -> None:
    """DuckDB lets nobody change the type of a key's column; all else is as ever."""
    with case.org(rate=0) as sim:
        sim.settle()
        connection = case.connect(sim, extras=False, service_version=1)
        _, shared = fill(sim, case.database, connection, primary_keys=True)
        sim.clock.advance(DAYS)
        sim.mutator.step(40)
        sim.settle()
        sim.clock.advance(60)
        adopt(connection, apply=True)
        told_names(case.database, shared)
        assert case.sync(connection, reimport=True).status == "SUCCESSFUL"
        assert differences(case, sim, connection) == []


def test_extras_are_filled_for_what_is_read_from_now_on(case: Case) -> None:
    """They are not in the reference schema, so nobody has them for what was read before."""
    with case.org(rate=0) as sim:
        sim.settle()
        connection = case.connect(sim)
        fill(sim, case.database, connection)
        sim.clock.advance(DAYS)
        again = next(living(sim, "customer", 3))
        sim.edit("customer", again, {"displayName": "Again"})
        sim.settle()
        sim.clock.advance(30)
        applied(case, connection)
        found = dict(case.ask("SELECT id, rev FROM kustomer.customer"))
        assert found[again] is not None
        assert None in found.values()


def test_what_was_erased_before_is_flagged_everywhere(case: Case) -> None:
    """Also in the table of a klass, and where only child rows tell that there was a parent."""
    with case.org(rate=0) as sim:
        sim.add_klass("lonely", kobjects=1)
        (gone,) = (
            one for one, record in sim.ledger.records("kobject").items()
            if record["type"] == "kobject.lonely"
        )  # fmt: skip
        sim.settle()
        tables = (*SPINE, "_kustomer_sync_routing")
        connection = case.connect(sim, extras=False, tables=tables)
        fill(sim, case.database, connection)
        written(
            case.database,
            "INSERT INTO kustomer.team_queue (team_id, queue_id, _fivetran_deleted) "
            "VALUES ('no team', 'no queue', FALSE)",
        )
        sim.hard_delete("kobject", gone)
        sim.clock.advance(DAYS)
        applied(case, connection)
        flagged = "SELECT count(*) FROM kustomer.{} WHERE _fivetran_deleted AND {} = '{}'"
        assert case.ask(flagged.format("kobject", "id", gone)) == [(1,)]
        assert case.ask(flagged.format("kobject_lonely", "id", gone)) == [(1,)]
        assert case.ask(flagged.format("team_queue", "team_id", "no team")) == [(1,)]


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (("DROP SCHEMA kustomer CASCADE",), "is not there or has no tables"),
        (("DROP SCHEMA kustomer CASCADE", "CREATE SCHEMA kustomer",
          "CREATE TABLE kustomer.mine (id INT)", "INSERT INTO kustomer.mine VALUES (1)"),
         "has no rows in any table"),
        (("ALTER TABLE kustomer.tag DROP COLUMN _fivetran_synced",),
         "Table 'tag' has no column '_fivetran_synced'"),
        (("ALTER TABLE kustomer.customer DROP COLUMN id",), "Table 'customer' has no column 'id'"),
        (("ALTER TABLE kustomer.message ALTER updated_at TYPE VARCHAR",), "holds no times"),
    ],
    ids=["no-schema", "no-table-of-ours", "not-synced", "no-id", "no-times"],
)  # fmt: skip
def test_what_can_t_be_adopted_is_refused(
    case: Case, statements: tuple[str, ...], said: str
) -> None:
    """In one sentence, and nothing is written."""
    with case.org(rate=0) as sim:
        connection = adopted(case, sim)
        written(case.database, *statements)
        before = digest(case.database)
        with pytest.raises(UsageError, match=said):
            adopt(connection, apply=True)
        assert digest(case.database) == before


@pytest.mark.parametrize("said", IN_THE_WAY)
def test_what_the_first_sync_would_refuse_is_refused(case: Case, said: str) -> None:
    """In the same sentence, by the dry run too, and nothing is written."""
    with case.org(rate=0) as sim:
        adopted(case, sim)
        connection = case.connect(sim, extras=False, histories=KEPT)
        written(case.database, "USE kustomer", *IN_THE_WAY[said])
        before = digest(case.database)
        for apply in (False, True):
            with pytest.raises(DestinationUnusable, match=said):
                adopt(connection, apply=apply)
        assert digest(case.database) == before


def test_a_first_sync_says_that_nothing_was_adopted(case: Case) -> None:
    """Before it writes; nothing is doubled, and what is ours by then says no more of it."""
    with case.org(rate=0) as sim:
        connection = adopted(case, sim)
        before, told = digest(case.database), list[tuple[str, bool]]()

        def hear(now: Progress) -> None:
            if now.sentence:
                told.append((now.sentence, digest(case.database) == before))

        report = case.sync(connection, progress=hear)
        (said,) = (w.message for w in report.warnings if w.code == "not_adopted")
        assert "kustomer-sync adopt" in said
        assert told[0] == (f"Warning: {said}", True)
        for table, key in (
            ("customer", "id"), ("conversation_tag", "conversation_id, tag_id"),
            ("conversation_history", "id, _fivetran_start"),
            ("customer_email", "customer_id, index"),
        ):  # fmt: skip
            doubled = f"SELECT {key} FROM kustomer.{table} GROUP BY {key} HAVING count(*) > 1"
            assert case.ask(doubled) == []
        assert "not_adopted" not in {w.code for w in case.sync(connection).warnings}


def test_an_empty_schema_and_one_that_was_adopted_say_nothing_of_it(case: Case) -> None:
    """Nor does one with tables of somebody's own."""
    with case.org(rate=0) as sim:
        connection = adopted(case, sim)
        report = applied(case, connection)
        assert "not_adopted" not in {w.code for w in report.warnings}
        written(
            case.database, "DROP SCHEMA kustomer CASCADE", "CREATE SCHEMA kustomer",
            "CREATE TABLE kustomer.plan AS SELECT 1 AS n, now() AS _fivetran_synced",
        )  # fmt: skip
        report = case.sync(connection)
        assert report.status == "SUCCESSFUL"
        assert "not_adopted" not in {w.code for w in report.warnings}


def test_what_is_ours_already_is_refused(case: Case) -> None:
    """Adopted, or filled by a sync."""
    with case.org(rate=0) as sim:
        connection = adopted(case, sim)
        adopt(connection, apply=True)
        with pytest.raises(UsageError, match="is ours already"):
            adopt(connection, apply=True)
