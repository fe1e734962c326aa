"""Somebody else changes the destination: it is found, named, and set right."""

from __future__ import annotations

import threading

import duckdb
import pytest

from kustomer_sync.report import Report
from kustomer_sync.settings import Connection
from kustomer_sync.simulator import Simulator
from kustomer_sync.sync import Resync
from tests.acceptance.case import Case, living
from tests.acceptance.histories import faults

TABLES = ("tag", "customer", "conversation", "message", "kobject")


def done_by_somebody(case: Case, *statements: str) -> None:
    with duckdb.connect(str(case.database)) as db:
        db.execute("SET schema = 'kustomer'")
        for statement in statements:
            db.execute(statement)


def next_sync(case: Case, sim: Simulator, connection: Connection) -> Report:
    sim.clock.advance(60)
    report = case.sync(connection)
    assert report.status == "SUCCESSFUL", report.error
    return report


def named(report: Report) -> str:
    return " ".join(w.message for w in report.warnings if w.code == "destination_changed")


@pytest.mark.parametrize(
    "table",
    ["tag", "customer", "customer_email", "message_attachment", "conversation_tag_history"],
)
def test_a_table_that_was_dropped_is_named_and_filled(case: Case, table: str) -> None:
    """Today's rows are all there again, without a re-sync of anything else."""
    with case.org(hard_deletes=False) as sim:
        connection = case.connect(sim, tables=TABLES)
        case.sync(connection)
        done_by_somebody(case, f"DROP TABLE {table}")
        report = next_sync(case, sim, connection)
        assert f"kustomer.{table} is gone" in named(report)
        assert report.tables[table].rows > 0
        case.assert_equal_by_polling(sim, connection)
        assert named(next_sync(case, sim, connection)) == ""


def test_a_klass_s_table_that_was_dropped_is_filled(case: Case) -> None:
    """Custom columns too."""
    with case.org(hard_deletes=False) as sim:
        connection = case.connect(sim, tables=TABLES)
        case.sync(connection)
        ((table,),) = case.ask("SELECT min(table_name) FROM duckdb_tables() WHERE table_name LIKE "
                               "'kobject_%' AND table_name <> 'kobject_tag'")  # fmt: skip
        done_by_somebody(case, f"DROP TABLE {table}")
        assert table in named(next_sync(case, sim, connection))
        case.assert_equal_by_polling(sim, connection)


@pytest.mark.parametrize("edited", [False, True])
def test_rows_that_were_doubled_are_one_again_when_read(case: Case, edited: bool) -> None:
    """The newest of them counts; the history has no version more than there was."""
    kept = ("customer", "kobject", "tag")
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=TABLES, histories=kept)
        case.sync(connection)
        for table in ("conversation", "customer", "kobject", "tag"):
            one = next(living(sim, table, 4))
            twice = f"INSERT INTO {table} SELECT * FROM {table} WHERE id = '{one}'"
            older = f"UPDATE {table} SET updated_at = updated_at - INTERVAL 1 DAY WHERE rowid = "
            older += f"(SELECT min(rowid) FROM {table} WHERE id = '{one}')"
            done_by_somebody(case, twice, older)
            if edited:
                sim.edit(table, one, {})
        sim.clock.advance(60)
        again = Resync() if not edited else None
        assert case.sync(connection, reimport=True, resync=again).status == "SUCCESSFUL"
        assert faults(case, ("conversation", *kept)) == []
        case.assert_equal(sim, connection)


def test_the_price_of_a_table_that_is_gone_is_no_guess(case: Case) -> None:
    """Nothing tells how many records it had."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("tag", "note"))
        case.sync(connection)
        done_by_somebody(case, "DROP TABLE tag", "ALTER TABLE note RENAME TO was_note")
        sim.clock.advance(60)
        told: list[str] = []
        report = case.sync(connection, progress=lambda now: told.append(now.sentence))
        assert sorted(filter(None, told)) == [
            f"{name}: all records of {name} are read again; how many requests that takes is not "
            "known."
            for name in ("note", "tag")
        ]  # fmt: skip
        assert report.tables["note"].inserted > 0


def test_a_column_that_was_dropped_is_named_and_filled(case: Case) -> None:
    """One of the catalog and a custom one, in a root, a child and a klass's table."""
    with case.org(hard_deletes=False) as sim:
        connection = case.connect(sim, tables=TABLES)
        case.sync(connection)
        customs = "table_name = 'customer' AND column_name LIKE 'custom_%'"
        ((column,),) = case.ask(f"SELECT min(column_name) FROM duckdb_columns() WHERE {customs}")
        dropped = (("customer", "display_name"), ("customer_email", "type"), ("customer", column))
        done_by_somebody(case, *(f"ALTER TABLE {t} DROP COLUMN {c}" for t, c in dropped))
        told = named(next_sync(case, sim, connection))
        for table, name in dropped:
            assert f"kustomer.{table} has lost its column {name}" in told
        case.assert_equal_by_polling(sim, connection)


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("note", "id"), ("tag", "id"), ("conversation_tag", "conversation_id"),
        ("conversation_tag", "tag_id"), ("conversation_history", "id"),
        ("conversation_history", "_fivetran_start"),
        ("conversation_tag_history", "conversation_id"), ("kobject", "id"),
    ],
)  # fmt: skip
def test_rows_whose_key_was_dropped_are_replaced(case: Case, table: str, column: str) -> None:
    """They can be told from nothing, so they are not there beside those that are read again."""
    with case.org(hard_deletes=False) as sim:
        connection = case.connect(sim, tables=("tag", "note", "conversation", "kobject"))
        case.sync(connection)
        done_by_somebody(case, f"ALTER TABLE {table} DROP COLUMN {column}")
        report = next_sync(case, sim, connection)
        assert f"kustomer.{table} has lost its column {column}" in named(report)
        assert case.ask(f"SELECT count(*) FROM kustomer.{table} WHERE {column} IS NULL") == [(0,)]
        assert report.tables[table].rows > 0
        case.assert_equal_by_polling(sim, connection)


def test_what_could_not_be_read_again_stays_without_its_key(case: Case) -> None:
    """Kustomer keeps an audit log for a while: better twice than lost."""
    with case.org(rate=0) as sim:
        sim.edit("customer", sim.id("customer", 1), {"name": "another"})
        sim.clock.advance(60)
        connection = case.connect(sim, tables=("audit_log",))
        before = case.sync(connection).tables["audit_log"].rows
        assert before > 0
        done_by_somebody(case, "ALTER TABLE audit_log DROP COLUMN id")
        next_sync(case, sim, connection)
        nameless = "SELECT count(*) FROM kustomer.audit_log WHERE id IS NULL"
        assert case.ask(nameless) == [(before,)]


def test_rows_whose_key_was_dropped_are_read_again_after_a_crash(case: Case) -> None:
    """What is to be read again is in the state before the rows go."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("note",))
        case.sync(connection)
        done_by_somebody(case, "ALTER TABLE note DROP COLUMN id")
        sim.clock.advance(60)
        stop = threading.Event()
        report = case.sync(
            connection, stop=stop,
            progress=lambda now: stop.set() if now.phase.startswith("reading") else None,
        )  # fmt: skip
        assert report.status == "CANCELED"
        next_sync(case, sim, connection)
        case.assert_equal(sim, connection)


@pytest.mark.parametrize("table", ["kobject", "kobject_order", "tag", "customer_email"])
def test_a_flag_that_was_dropped_is_made_again_from_the_truth(case: Case, table: str) -> None:
    """Of what Kustomer has no longer, in the same sync; child rows and klasses' copies too."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("tag", "customer", "kobject"))
        case.sync(connection)
        kind, column = table.partition("_")[0], "id"
        if kind == "customer":
            column = "customer_id"
        ((gone,),) = case.ask(f"SELECT min({column}) FROM kustomer.{table}")
        sim.hard_delete(kind, gone)
        sim.clock.advance(24 * 3600)
        case.sync(connection)
        flags = f"SELECT DISTINCT {column} FROM kustomer.{table} WHERE _fivetran_deleted ORDER BY 1"
        before = case.ask(flags)
        assert (gone,) in before
        sim.clock.advance(60)
        done_by_somebody(case, f"ALTER TABLE {table} DROP COLUMN _fivetran_deleted")
        next_sync(case, sim, connection)
        assert case.ask(flags) == before
        case.assert_equal(sim, connection)


def test_what_is_flagged_at_the_start_of_a_sync_is_counted(case: Case) -> None:
    """Times of a conversation that somebody flagged are no longer living rows."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("conversation", "conversation_time"))
        case.sync(connection)
        ((talk, times),) = case.ask(
            "SELECT conversation_id, count(*) FROM kustomer.conversation_time GROUP BY 1 LIMIT 1"
        )
        flagged = f"_fivetran_deleted = TRUE WHERE id = '{talk}'"
        done_by_somebody(case, f"UPDATE conversation SET {flagged}")
        report = next_sync(case, sim, connection)
        assert report.tables["conversation_time"].deleted == times


def test_a_column_of_another_type_is_named_and_set_right(case: Case) -> None:
    """Of a type of ours or not, wider or narrower; every value is there."""
    with case.org(hard_deletes=False) as sim:
        connection = case.connect(sim, tables=TABLES)
        case.sync(connection)
        done_by_somebody(
            case,
            "ALTER TABLE conversation ALTER message_count TYPE VARCHAR",
            "ALTER TABLE conversation ALTER note_count TYPE DECIMAL(9, 2)",
            "ALTER TABLE conversation ALTER created_at TYPE DATE",
            "ALTER TABLE customer ALTER verified TYPE TINYINT",
        )
        told = named(next_sync(case, sim, connection))
        for name in ("message_count", "note_count", "created_at", "verified"):
            assert name in told
        types = dict(case.ask(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name IN "
            "('conversation', 'customer')"
        ))  # fmt: skip
        assert types["message_count"] == "INTEGER"
        assert types["created_at"] == "TIMESTAMP WITH TIME ZONE"
        case.assert_equal_by_polling(sim, connection)


def test_what_is_somebody_s_own_is_left_alone(case: Case) -> None:
    """Columns and tables beside ours keep what is in them, and make no row differ."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=TABLES)
        case.sync(connection)
        done_by_somebody(
            case,
            "ALTER TABLE customer ADD COLUMN region VARCHAR",
            "UPDATE customer SET region = 'region ' || id",
            "ALTER TABLE customer_email ADD COLUMN checked BOOLEAN",
            "UPDATE customer_email SET checked = TRUE",
            "CREATE TABLE notes_of_mine AS SELECT 1 AS n",
            "CREATE VIEW emails AS SELECT email FROM customer_email",
        )
        sim.clock.advance(60)
        report = case.sync(connection, reimport=True)
        assert report.tables["customer"].updated == 0
        customer = sim.id("customer", 2)
        sim.edit("customer", customer, {"displayName": "new name"})
        assert named(next_sync(case, sim, connection)) == ""
        assert case.ask(
            f"SELECT display_name, region FROM kustomer.customer WHERE id = '{customer}'"
        ) == [("new name", f"region {customer}")]
        assert case.ask("SELECT count(*) FROM kustomer.customer WHERE region IS NULL") == [(0,)]
        assert case.ask("SELECT n FROM kustomer.notes_of_mine") == [(1,)]


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (["DROP TABLE customer_email", "CREATE VIEW customer_email AS SELECT 1 AS email"],
         "kustomer.customer_email is a view"),
        (["ALTER TABLE customer ADD COLUMN region VARCHAR DEFAULT 'x'",
          "ALTER TABLE customer ALTER region SET NOT NULL",
          "ALTER TABLE customer ALTER region DROP DEFAULT"], "region"),
        (["CREATE TABLE other AS SELECT * FROM customer",
          "ALTER TABLE customer ALTER conversation_counts_all TYPE VARCHAR",
          "CREATE INDEX mine ON customer (conversation_counts_all)"], "conversation_counts_all"),
    ],
)  # fmt: skip
def test_what_can_not_be_written_to_is_named_in_one_sentence(
    case: Case, statements: list[str], said: str
) -> None:
    """The sync fails before it reads anything; the next one goes on when it is out of the way."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=TABLES)
        case.sync(connection)
        done_by_somebody(case, *statements)
        sim.clock.advance(60)
        report = case.sync(connection)
        assert report.exit_code == 1
        assert report.error is not None
        assert said in report.error.message
        assert report.error.hint
        assert "\n" not in report.error.message


def test_a_dropped_state_begins_anew_without_duplicates(case: Case) -> None:
    """Hashed columns are not hashed twice."""
    with case.org(hard_deletes=False) as sim:
        connection = case.connect(sim, tables=TABLES)
        case.sync(connection)
        done_by_somebody(case, "DROP TABLE _kustomer_sync_state")
        case.assert_equal_by_polling(sim, connection)
