"""Where two features meet: histories, protection, other people's columns, repairs, parents."""

from __future__ import annotations

from typing import Any

import pytest

from kustomer_sync.kustomer import windows
from kustomer_sync.simulator import Scale, Simulator, Switches
from kustomer_sync.sync import sync
from tests.acceptance.case import UNLIMITED, Case, connection_to, living
from tests.acceptance.histories import faults
from tests.acceptance.test_foreign import done_by_somebody, named
from tests.acceptance.test_protect import SECRET, connect, digest, plant
from tests.acceptance.test_verify import verified

DAY = 24 * 3600
OFF = {"enabled": False}
KEPT = {"history": True}
HASHED = {"hashed": True}
PAGE = 1_000
"""Entries of the audit log that one request shows."""


# ---- histories and protection ----


def test_a_history_that_begins_has_the_digests_of_its_table(case: Case) -> None:
    """Made once: neither the table's nor the history's are digested again."""
    with case.org(rate=0) as sim:
        ids = plant(sim)
        wishes: dict[str, Any] = {"customer__custom_code_str": HASHED, "kobject__title": HASHED}
        case.sync(connect(case, sim, **wishes))
        kept = connect(case, sim, customer=KEPT, kobject=KEPT, **wishes)
        for _ in range(3):
            sim.clock.advance(60)
            assert case.sync(kept, reimport=True).status == "SUCCESSFUL"
        codes, titles = {digest(f"{SECRET}3")}, {digest(f"{SECRET}8")}
        for table, column, id_, wanted in (
            ("customer", "custom_code_str", ids["customer"], codes),
            ("kobject", "title", ids["kobject"], titles),
        ):
            for name in (table, f"{table}_history"):
                rows = case.ask(f"SELECT {column} FROM kustomer.{name} WHERE id = '{id_}'")
                assert {value for (value,) in rows if value is not None} == wanted, name


def test_a_blocked_root_keeps_its_history_if_that_is_asked_for(case: Case) -> None:
    """Although nothing else of it lands."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("tag",))
        tables = {"tag": {"enabled": False, "history": True}}
        others = {name: {"enabled": c.enabled} for name, c in connection.tables.items()}
        connection = connection_to(sim, case.database, tables={**others, **tables})
        report = case.sync(connection)
        assert set(report.tables) == {"tag_history"}
        assert report.tables["tag_history"].rows > 0
        assert case.ask("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'tag'") == [(0,)]


def test_a_klass_that_returns_knows_what_went_meanwhile(case: Case) -> None:
    """In its table and its history, whether it or all klasses were not wanted."""
    with case.org(rate=0) as sim:
        for name in ("parcel", "letter"):
            sim.add_klass(name, kobjects=3)
        sim.clock.advance(60)
        whole = connect(case, sim, kobject=KEPT)
        case.sync(whole)
        gone = {}
        for name in ("parcel", "letter"):
            ((gone[name],),) = case.ask(f"SELECT min(id) FROM kustomer.kobject_{name}")
        # The family is blocked but for parcels; then parcels are blocked, and the rest is not.
        sim.hard_delete("kobject", gone["letter"])
        sim.clock.advance(DAY + 60)
        case.sync(connect(case, sim, kobject={**OFF, "history": True}, kobject_tag=OFF,
                          kobject_parcel={"enabled": True}))  # fmt: skip
        sim.hard_delete("kobject", gone["parcel"])
        sim.clock.advance(DAY + 60)
        case.sync(connect(case, sim, kobject=KEPT, kobject_parcel=OFF))
        case.sync(whole)
        for name, one in gone.items():
            flag = f"SELECT _fivetran_deleted FROM kustomer.kobject_{name} WHERE id = '{one}'"
            assert case.ask(flag) == [(True,)], name
            assert case.ask(
                f"SELECT count(*) FROM kustomer.kobject_{name}_history "
                f"WHERE id = '{one}' AND _fivetran_active"
            ) == [(0,)], name


# ---- other people's columns ----


def test_somebody_s_column_keeps_its_values_through_repairs_and_new_histories(case: Case) -> None:
    """Also one that is called as a custom attribute would be."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim)
        case.sync(connection)
        done_by_somebody(
            case,
            "ALTER TABLE customer ADD COLUMN custom_region VARCHAR",
            "UPDATE customer SET custom_region = 'region ' || id",
            # A row that says that it is newer is made anew by a repair.
            "UPDATE customer SET updated_at = updated_at + INTERVAL 1 SECOND, rev = 9999, "
            "display_name = 'wrong' WHERE id = (SELECT min(id) FROM customer)",
        )
        assert verified(case, connection, repair=True).status == "AGREES"
        kept = case.connect(sim, histories=("customer",))
        sim.clock.advance(60)
        assert case.sync(kept, reimport=True).status == "SUCCESSFUL"
        missing = "SELECT count(*) FROM kustomer.customer WHERE custom_region IS NULL"
        assert case.ask(missing) == [(0,)]
        assert faults(case, ["customer"]) == ["customer_history has no column custom_region"]


def test_somebody_s_column_of_a_history_keeps_its_values_through_a_pause(case: Case) -> None:
    """What is closed when the history goes on is still the row it was."""
    with case.org(rate=0) as sim:
        tables, name = ("customer",), "customer_email_history"
        kept = case.connect(sim, tables=tables, histories=("customer_email",))
        case.sync(kept)
        done_by_somebody(case, f"ALTER TABLE {name} ADD COLUMN mine VARCHAR",
                         f"UPDATE {name} SET mine = email")  # fmt: skip
        before = case.ask(f"SELECT count(*) FROM kustomer.{name}")
        case.sync(case.connect(sim, tables=tables))
        ((changed, emails),) = case.ask(
            f"SELECT customer_id, count(*) FROM kustomer.{name} GROUP BY 1 ORDER BY 1 LIMIT 1"
        )
        sim.edit("customer", changed, {"emails": [{"email": "n@example.com"}]})
        sim.clock.advance(60)
        case.sync(case.connect(sim, tables=tables))
        case.sync(kept)
        mine = f"SELECT count(*) FROM kustomer.{name} WHERE mine = email"
        assert case.ask(mine) == before
        assert case.ask(f"{mine} AND NOT _fivetran_active") == [(emails,)]


def test_somebody_s_column_of_a_history_without_a_blocked_one_stops_no_sync(case: Case) -> None:
    """The blocked column is none of what tells the history's rows apart."""
    with case.org(rate=0) as sim:
        connection = connect(case, sim, customer_email={**KEPT, "columns": {"type": OFF}})
        case.sync(connection)
        done_by_somebody(case, "ALTER TABLE customer_email_history ADD COLUMN mine VARCHAR",
                         "UPDATE customer_email_history SET mine = 'x'")  # fmt: skip
        changed = next(living(sim, "customer", 3))
        sim.edit("customer", changed, {"emails": [{"email": "n@example.com", "type": "work"}]})
        sim.clock.advance(60)
        report = case.sync(connection)
        assert report.status == "SUCCESSFUL", report.error
        new = f"SELECT email FROM kustomer.customer_email_history WHERE customer_id = '{changed}'"
        assert ("n@example.com",) in case.ask(new)


# ---- repairs ----


def test_a_repair_leaves_no_hole_in_a_history_that_is_paused(case: Case) -> None:
    """What it lands and flags meanwhile is taken in when the history goes on."""
    with case.org(rate=0) as sim:
        on = case.connect(sim, histories=("customer",))
        case.sync(on)
        gone, lost = (one for one, _ in zip(living(sim, "customer", 3), range(2), strict=False))
        sim.hard_delete("customer", gone)
        sim.clock.advance(60)
        done_by_somebody(case, f"DELETE FROM customer WHERE id = '{lost}'",
                         f"DELETE FROM customer_history WHERE id = '{lost}'")  # fmt: skip
        assert verified(case, case.connect(sim), repair=True).status == "AGREES"
        assert case.sync(on).status == "SUCCESSFUL"
        assert faults(case, ["customer"]) == []
        active = (
            f"SELECT id FROM kustomer.customer_history WHERE id = '{gone}' AND _fivetran_active"
        )
        assert case.ask(active) == []


# ---- what is asked for by others ----


def test_old_notes_are_asked_for_by_conversations_that_land_hidden(case: Case) -> None:
    """Their time of creation does not land; then each of them is asked."""
    switches = Switches(list_depth_cap=100, list_max_page_size=1)
    with Simulator(scale=Scale(notes=1500), switches=switches, limits=UNLIMITED) as sim:
        tables = {"conversation": OFF}
        connection = connection_to(sim, case.database, tables=tables)
        report = sync(connection, tables=["conversation_tag", "note"])
        assert report.status == "SUCCESSFUL", report.error
        old = windows.iso(windows.millis(sim.clock.now()) - 731 * DAY * 1000)
        there = {one for (one,) in case.ask("SELECT id FROM kustomer.note")}
        wanted = {
            one for one, r in sim.ledger.records("note").items()
            if r["attributes"]["updatedAt"] < old and not r["attributes"].get("deleted")
        }  # fmt: skip
        assert wanted <= there


def test_times_that_return_know_which_conversations_went(case: Case) -> None:
    """While the table was left out nobody flagged them; their children are flagged too."""
    with case.org(rate=0) as sim:
        tables = ("conversation", "conversation_time")
        whole = case.connect(sim, tables=tables)
        case.sync(whole)
        ((gone,),) = case.ask("SELECT min(conversation_id) FROM kustomer.conversation_time")
        sim.hard_delete("conversation", gone)
        sim.clock.advance(DAY + 60)
        case.sync(case.connect(sim, tables=("conversation",)))
        case.sync(whole)
        flags = "SELECT DISTINCT _fivetran_deleted FROM kustomer.{} WHERE conversation_id = '{}'"
        assert case.ask(flags.format("conversation_time", gone)) == [(True,)]
        assert case.ask(flags.format("conversation_time_channel", gone)) in ([(True,)], [])
        case.assert_equal(sim, whole)


def test_a_flag_in_passing_hides_no_column_that_somebody_dropped(case: Case) -> None:
    """A sync of conversations alone flags their times; the next whole one fills the column."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("conversation", "conversation_time"))
        case.sync(connection)
        ((gone,),) = case.ask("SELECT min(conversation_id) FROM kustomer.conversation_time")
        done_by_somebody(case, "ALTER TABLE conversation_time DROP COLUMN handle_time")
        sim.hard_delete("conversation", gone)
        sim.clock.advance(DAY + 60)
        case.sync(connection, tables=["conversation"])
        report = case.sync(connection)
        assert "conversation_time has lost its column handle_time" in named(report)
        case.assert_equal(sim, connection)


@pytest.mark.parametrize("way", ["blocked", "dropped"])
def test_the_audit_log_is_filled_like_any_other_table(case: Case, way: str) -> None:
    """What Kustomer still has of it, when a column is wanted again or somebody took it out."""
    with case.org(rate=0) as sim:
        for number in range(PAGE + 10):
            sim.edit("customer", sim.id("customer", number % 9), {"name": f"number {number}"})
            sim.clock.advance(60 if number == PAGE else 0)
        sim.clock.advance(3600)
        tables = ("audit_log",)
        whole = connect(case, sim, tables)
        if way == "blocked":
            case.sync(connect(case, sim, tables, audit_log__changes=OFF))
        else:
            case.sync(whole)
            done_by_somebody(case, "ALTER TABLE audit_log DROP COLUMN changes")
        sim.clock.advance(3600)
        case.sync(whole)
        told = "SELECT count(*), count(changes) FROM kustomer.audit_log"
        assert case.ask(told) == [(PAGE + 10, PAGE + 10)]
