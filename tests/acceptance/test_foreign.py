"""Somebody else changes the destination: it is found, named, and set right."""

from __future__ import annotations

import threading
from dataclasses import replace

import duckdb
import pytest

from kustomer_sync.check import check
from kustomer_sync.errors import ConfigError, DestinationUnusable
from kustomer_sync.report import Report
from kustomer_sync.settings import Connection
from kustomer_sync.simulator import Simulator
from kustomer_sync.sync import Resync
from kustomer_sync.sync.verify import verify
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


@pytest.mark.parametrize("edited", [False, True])
def test_child_rows_that_were_doubled_are_one_again_when_read(case: Case, edited: bool) -> None:
    """Those of objects of their own, too, which stay flagged where they are gone."""
    children = {
        "conversation_tag": "conversation", "customer_email": "customer",
        "message_attachment": "message",
    }  # fmt: skip
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=TABLES)
        case.sync(connection)
        for child, root in children.items():
            ((one,),) = case.ask(f"SELECT min({root}_id) FROM kustomer.{child}")
            some = f"FROM {child} WHERE {root}_id = '{one}'"
            done_by_somebody(case, f"INSERT INTO {child} SELECT * {some}")
            if edited:
                sim.edit(root, one, {})
        sim.clock.advance(60)
        again = Resync() if not edited else None
        assert case.sync(connection, resync=again).status == "SUCCESSFUL"
        assert case.differences(sim, connection) == []


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


@pytest.mark.parametrize(
    ("table", "column", "type_"),
    [
        ("conversation_tag_history", "_fivetran_start", "DATE"),
        ("conversation_tag", "conversation_id", "JSON USING to_json(left(conversation_id, 9))"),
        ("note", "id", "JSON USING to_json('note ' || id)"),
    ],
)  # fmt: skip
def test_rows_whose_key_lost_something_are_replaced(
    case: Case, table: str, column: str, type_: str
) -> None:
    """As where it was dropped: nothing that is read again is there twice."""
    with case.org(hard_deletes=False) as sim:
        connection = case.connect(sim, tables=("tag", "note", "conversation"))
        case.sync(connection)
        done_by_somebody(case, f"ALTER TABLE {table} ALTER {column} TYPE {type_}")
        report = next_sync(case, sim, connection)
        assert f"kustomer.{table}.{column} was" in named(report)
        assert report.tables[table].rows > 0
        case.assert_equal_by_polling(sim, connection)


@pytest.mark.parametrize("type_", ["TIMESTAMP", "TIMESTAMP_S"])
def test_versions_whose_start_is_another_kind_of_time_stay(case: Case, type_: str) -> None:
    """Nothing else has the old ones; and none is there twice when its record is read again."""
    names = ("conversation_history", "conversation_tag_history")
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("conversation",))
        for talk, _ in zip(living(sim, "conversation", 0), range(5), strict=False):
            sim.edit("conversation", talk, {"name": "of now"})
        case.sync(connection)
        sim.clock.advance(60)
        for talk, _ in zip(living(sim, "conversation", 3), range(5), strict=False):
            sim.edit("conversation", talk, {"name": "of later"})
        sim.clock.advance(60)
        case.sync(connection)
        counts = {name: case.ask(f"SELECT count(*) FROM kustomer.{name}") for name in names}
        for name in names:
            done_by_somebody(case, f"ALTER TABLE {name} ALTER _fivetran_start TYPE {type_}")
        report = case.sync(connection, resync=Resync())
        assert report.status == "SUCCESSFUL", report.error
        assert {n: case.ask(f"SELECT count(*) FROM kustomer.{n}") for n in names} == counts


def test_what_old_versions_lost_is_not_read_again_and_that_is_said(case: Case) -> None:
    """Of the table itself everything is."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("conversation",))
        case.sync(connection)
        talk = sim.id("conversation", 3)
        ((created,),) = case.ask(
            f"SELECT created_at FROM kustomer.conversation WHERE id = '{talk}'"
        )
        sim.edit("conversation", talk, {"name": "another"})
        sim.clock.advance(60)
        case.sync(connection)
        tables = ("conversation", "conversation_history")
        done_by_somebody(case, *(f"ALTER TABLE {t} ALTER created_at TYPE DATE" for t in tables))
        report = next_sync(case, sim, connection)
        told = [w.message for w in report.warnings if w.code == "destination_changed"]
        right = "it is set right and read again"
        assert [one.partition("DATE: ")[2] for one in sorted(told)] == [
            f"{right}.", f"{right}, but for the versions of before."
        ]  # fmt: skip
        versions = case.ask(
            "SELECT created_at, _fivetran_active FROM kustomer.conversation_history "
            f"WHERE id = '{talk}' ORDER BY _fivetran_start"
        )
        assert versions[-1] == (created, True)
        assert versions[0] != (created, False)


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


IN_THE_WAY = {
    "kustomer.customer_email is a view": (
        "DROP TABLE customer_email", "CREATE VIEW customer_email AS SELECT 1 AS email",
    ),
    "region": (
        "ALTER TABLE customer ADD COLUMN region VARCHAR DEFAULT 'x'",
        "ALTER TABLE customer ALTER region SET NOT NULL",
        "ALTER TABLE customer ALTER region DROP DEFAULT",
    ),
    "kustomer.customer_history is somebody's own table": (
        "CREATE TABLE customer_history AS SELECT id, updated_at AS dbt_valid_from, "
        "NULL::TIMESTAMPTZ AS dbt_valid_to, now() AS _fivetran_synced FROM customer",
    ),
    "kustomer.tag_history is somebody's own table": ("CREATE TABLE tag_history (dbt_id VARCHAR)",),
}  # fmt: skip
"""What somebody did -> the sentence that names it, where these two have histories."""
KEPT = ("customer", "tag")


@pytest.mark.parametrize("said", IN_THE_WAY)
def test_what_is_in_the_way_is_named_before_anything_is_written(case: Case, said: str) -> None:
    """By `check` and by the sync; the next one goes on when it is out of the way."""
    with case.org(rate=0) as sim:
        case.sync(case.connect(sim, tables=TABLES))
        done_by_somebody(case, *IN_THE_WAY[said])
        sim.clock.advance(60)
        before = case.database.read_bytes()
        connection = case.connect(sim, tables=TABLES, histories=KEPT)
        for begun in (check, case.sync):
            with pytest.raises(DestinationUnusable, match=said) as refused:
                begun(connection)
            assert refused.value.hint
        assert case.database.read_bytes() == before
        if said.endswith("table"):
            table = said.split()[0]
            done_by_somebody(case, f"ALTER TABLE {table} RENAME TO mine")
            report = next_sync(case, sim, connection)
            assert report.tables[table.removeprefix("kustomer.")].rows > 0


def test_a_klass_s_table_that_is_somebody_s_own_is_not_taken_over(case: Case) -> None:
    """Which klasses there are the sync learns while it reads; then it says so and stops."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("kobject",))
        with duckdb.connect(str(case.database)) as db:
            db.execute("CREATE SCHEMA kustomer")
            db.execute("CREATE TABLE kustomer.kobject_order AS SELECT 'a' AS id")
        report = case.sync(connection)
        assert report.exit_code == 1
        assert report.error is not None
        assert "kustomer.kobject_order is somebody's own table" in report.error.message
        assert case.ask("SELECT * FROM kustomer.kobject_order") == [("a",)]


def test_a_mark_that_was_dropped_from_a_table_of_ours_is_made_again(case: Case) -> None:
    """The table is remembered, so it is nobody else's."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=TABLES)
        case.sync(connection)
        done_by_somebody(
            case, "ALTER TABLE customer DROP COLUMN _fivetran_synced",
            "ALTER TABLE conversation_history DROP COLUMN _fivetran_start",
        )  # fmt: skip
        next_sync(case, sim, connection)
        case.assert_equal(sim, connection)


def test_a_table_that_is_empty_and_has_no_column_of_its_own_is_filled(case: Case) -> None:
    """Nobody loses anything."""
    with case.org(rate=0) as sim:
        with duckdb.connect(str(case.database)) as db:
            db.execute("CREATE SCHEMA kustomer")
            db.execute("CREATE TABLE kustomer.tag (id VARCHAR)")
        connection = case.connect(sim, tables=("tag",))
        assert case.sync(connection).status == "SUCCESSFUL"
        case.assert_equal(sim, connection)


def test_another_org_s_key_is_refused(case: Case) -> None:
    """Before anything is written: its records would be mixed with those of the former org."""
    with case.org(rate=0) as sim, case.org(rate=0, seed=8) as other:
        connection = case.connect(sim, tables=("tag", "customer"))
        case.sync(connection)
        before = case.database.read_bytes()
        wrong = case.connect(other, tables=("tag", "customer"))
        here, there = sim.world.base.org_id, other.world.base.org_id
        orgs = f"data of org {here}, and the key is of org {there}"
        for begun in (check, case.sync, verify):
            with pytest.raises(ConfigError, match=orgs) as refused:
                begun(wrong)
            assert refused.value.exit_code == 2
        assert case.database.read_bytes() == before
        case.assert_equal(sim, connection)


def test_a_server_that_names_no_org_is_believed(case: Case) -> None:
    """Nothing is known of either then, or what was known stays."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("tag",))
        case.sync(connection)
        sim.faults.add("status", "/current", value=404)
        sim.clock.advance(60)
        assert case.sync(connection).status == "SUCCESSFUL"
        key = "SELECT value->>'$' FROM kustomer._kustomer_sync_state WHERE key = 'org'"
        assert case.ask(key) == [(sim.world.base.org_id,)]


def test_what_can_not_be_set_right_is_named_in_one_sentence(case: Case) -> None:
    """The sync fails before it reads anything; the next one goes on when it is out of the way."""
    said = "conversation_counts_all"
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=TABLES)
        case.sync(connection)
        done_by_somebody(
            case,
            "CREATE TABLE other AS SELECT * FROM customer",
            f"ALTER TABLE customer ALTER {said} TYPE VARCHAR",
            f"CREATE INDEX mine ON customer ({said})",
        )
        sim.clock.advance(60)
        report = case.sync(connection)
        assert report.exit_code == 1
        assert report.error is not None
        assert said in report.error.message
        assert report.error.hint
        assert "\n" not in report.error.message


def test_a_dropped_state_begins_anew_without_duplicates(case: Case) -> None:
    """Hashed columns are not hashed twice."""
    # Which of klasses that are alike in their names has which number nothing else knows.
    case = replace(case, character="pleasant")
    with case.org(hard_deletes=False) as sim:
        connection = case.connect(sim, tables=TABLES)
        case.sync(connection)
        done_by_somebody(case, "DROP TABLE _kustomer_sync_state")
        case.assert_equal_by_polling(sim, connection)
