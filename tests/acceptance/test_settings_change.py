"""A setting that changes between two syncs, or between a sync and a comparison."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import duckdb
import pytest

from kustomer_sync.check import check
from kustomer_sync.shred import Names
from kustomer_sync.simulator import Simulator
from kustomer_sync.sync import Resync
from kustomer_sync.sync.adopt import adopt
from tests.acceptance.case import Case, connection_to, living
from tests.acceptance.hostile import scrubbed
from tests.acceptance.test_foreign import done_by_somebody
from tests.acceptance.test_protect import SECRET, connect, digest, plant, read_all_again
from tests.acceptance.test_verify import found, verified

OFF = {"enabled": False}
HASHED = {"hashed": True}


def test_a_custom_column_that_was_blocked_and_is_hashed_now_is_filled(case: Case) -> None:
    """With its digests, of every record."""
    with case.org(rate=0) as sim:
        ids = plant(sim)
        case.sync(connect(case, sim, customer__custom_code_str=OFF))
        case.sync(connect(case, sim, customer__custom_code_str=HASHED))
        there = f"SELECT custom_code_str FROM kustomer.customer WHERE id = '{ids['customer']}'"
        assert case.ask(there) == [(digest(f"{SECRET}3"),)]


def test_a_second_klass_of_a_family_that_is_blocked_is_filled(case: Case) -> None:
    """Its older KObjects too."""
    with case.org(rate=0) as sim:
        sim.add_klass("parcel", kobjects=3)
        sim.clock.advance(60)
        one: dict[str, Any] = {"kobject": OFF, "kobject_tag": OFF,
                               "kobject_order": {"enabled": True}}  # fmt: skip
        case.sync(connect(case, sim, **one))
        case.sync(connect(case, sim, **one, kobject_parcel={"enabled": True}))
        assert case.ask("SELECT count(*) FROM kustomer.kobject_parcel") == [(3,)]


@pytest.mark.parametrize("way", ["let in", "dropped", "of before August 2022"])
def test_what_attachments_lack_is_asked_for_by_conversation(case: Case, way: str) -> None:
    """Searches do not bring it; what that costs is told."""
    with case.org(rate=0) as sim:
        tables = ("conversation", "message")
        whole = connect(case, sim, tables)
        columns, wishes = ["name", "content_type"], dict[str, Any]()
        if way == "let in":
            wishes = {"message_attachment__name": OFF, "message_attachment__content_type": HASHED}
        elif way != "dropped":
            whole = connect(case, sim, tables, settings={"service_version": 1})
            columns = ["created_at", "updated_at"]
        case.sync(connect(case, sim, tables, **wishes))
        if way == "dropped":
            done_by_somebody(case, "ALTER TABLE message_attachment DROP COLUMN content_length")
            columns = ["content_length"]
        else:
            (fill,) = [f for f in check(whole).back_fills if f.table == "message"]
            ((talks,),) = case.ask("SELECT count(*) FROM kustomer.conversation")
            assert (fill.searches, fill.others) == (0, talks)
        sim.clock.advance(60)
        sim.requests.clear()
        case.sync(whole)
        conversations = case.ask(
            "SELECT count(DISTINCT conversation_id) FROM kustomer.message"
        )[0][0]  # fmt: skip
        assert sim.requests.count("/v1/conversations/.*/messages") >= conversations
        filled = ", ".join(f"count({column}) > 0" for column in columns)
        there = f"SELECT {filled} FROM kustomer.message_attachment"
        assert case.ask(there) == [(True,) * len(columns)]
        read = case.ask("SELECT * FROM kustomer.message_attachment ORDER BY id")
        read_all_again(case)
        assert case.sync(whole).tables["message_attachment"].updated == 0
        assert case.ask("SELECT * FROM kustomer.message_attachment ORDER BY id") == read


def test_what_attachments_lack_costs_a_request_for_each_conversation(case: Case) -> None:
    """Nothing else: no message is searched for again."""
    with case.org(rate=0) as sim:
        tables = ("conversation", "message")
        whole = connect(case, sim, tables)
        for connection in (connect(case, sim, tables, message_attachment__name=OFF), whole):
            case.sync(connection)
        sim.clock.advance(60)
        sim.requests.clear()
        case.sync(whole)
        searches = sim.requests.count("/v1/customers/search")
        done_by_somebody(case, "ALTER TABLE message_attachment DROP COLUMN name")
        sim.clock.advance(60)
        sim.requests.clear()
        case.sync(whole)
        assert sim.requests.count("/v1/customers/search") == searches
        ((talks,),) = case.ask("SELECT count(DISTINCT conversation_id) FROM kustomer.message")
        asked = sim.requests.count("/v1/conversations/.*/messages")
        assert asked >= talks


def test_columns_of_klasses_whose_common_table_is_blocked_are_filled(case: Case) -> None:
    """One that was blocked of all klasses, and those beyond the reference schema."""
    with case.org(rate=0) as sim:
        ids = plant(sim, misfits=False)
        klasses = connect(case, sim, kobject=OFF)
        case.sync(connect(case, sim, settings={"extras": False}, kobject__title=OFF, kobject=OFF))
        (fill,) = [f for f in check(klasses).back_fills if f.table == "kobject"]
        assert {"kobject.title", "kobject.rev"} <= set(fill.lacking)
        case.sync(klasses)
        table = case.klass_table(sim, ids["kobject"])
        filled = f"SELECT title, rev > 0 FROM kustomer.{table} WHERE id = '{ids['kobject']}'"
        assert case.ask(filled) == [(f"{SECRET}8", True)]
        assert case.ask(f"SELECT count(*) FROM kustomer.{table} WHERE rev IS NULL") == [(0,)]
        assert not [f for f in check(klasses).back_fills if f.table == "kobject"]


@pytest.mark.parametrize(
    "name", ["kobject_nosuch", "customer__custom_nosuch", "kobject__custom_nosuch"]
)
def test_what_never_was_is_not_read_again_when_its_section_goes(case: Case, name: str) -> None:
    """It was told that nothing is called so."""
    with case.org(rate=0) as sim:
        wishes: dict[str, Any] = {name: OFF}
        report = case.sync(connect(case, sim, **wishes))
        assert [w.code for w in report.warnings if w.code == "name_unmet"]
        whole = connect(case, sim)
        assert check(whole).back_fills == ()
        told: list[str] = []
        case.sync(whole, progress=lambda now: told.append(now.sentence))
        assert not any(told)


def test_a_custom_attribute_that_came_while_it_was_blocked_is_filled(case: Case) -> None:
    """And a klass: neither was there when it was blocked."""
    with case.org(rate=0) as sim:
        wishes: dict[str, Any] = {"customer__custom_fresh_str": OFF, "kobject_parcel": OFF}
        blocked = connect(case, sim, **wishes)
        case.sync(blocked)
        sim.add_klass("parcel", kobjects=3)
        sim.add_custom("customer", "freshStr", {"type": "string"})
        sim.edit("customer", next(living(sim, "customer", 3)), {"custom": {"freshStr": "fresh"}})
        sim.clock.advance(60)
        case.sync(blocked)
        case.sync(connect(case, sim))
        fresh = "SELECT count(*) FROM kustomer.customer WHERE custom_fresh_str = 'fresh'"
        assert case.ask(fresh) == [(1,)]
        assert case.ask("SELECT count(*) FROM kustomer.kobject_parcel") == [(3,)]


def test_what_is_wanted_since_is_no_difference_and_stops_no_repair(case: Case) -> None:
    """The next sync fills it."""
    with case.org(rate=0) as sim:
        plant(sim)
        case.sync(connect(case, sim, customer__display_name=OFF))
        whole = connect(case, sim)
        report = verified(case, whole)
        assert found(report) == {}
        assert "display_name" in report.tables["customer"].untold[0].why
        case.sync(whole)
        assert found(verified(case, whole)) == {}
        done_by_somebody(case, "ALTER TABLE customer DROP COLUMN display_name")
        report = verified(case, whole, repair=True)
        assert report.error is None, report.error
        case.sync(whole)
        assert found(verified(case, whole)) == {}


def test_a_repair_by_records_that_lack_what_is_wanted_since_is_no_success_unseen(
    case: Case,
) -> None:
    """It marks them as to be read again; what is asked for by them is compared all the same."""
    case = replace(case, character="pleasant")
    with case.org(rate=0) as sim:
        tables = ("conversation", "conversation_time")
        case.sync(connect(case, sim, tables, conversation__name=OFF))
        whole = connect(case, sim, tables)
        ((time, talk),) = case.ask(
            "SELECT min(t.id), t.conversation_id FROM kustomer.conversation_time t "
            "JOIN kustomer.conversation c ON c.id = t.conversation_id "
            "WHERE NOT c.deleted GROUP BY 2 ORDER BY 2 LIMIT 1"
        )
        done_by_somebody(case, f"UPDATE conversation_time SET note_time = -1 WHERE id = '{time}'")
        hidden = sim.faults.add("status", f"{talk}/times", value=400, skip=2, times=1)
        report = verified(case, whole, repair=True)  # looked at twice; hidden when it is repaired
        assert hidden.fired == 1
        assert found(report) == {"conversation_time": [time]}
        assert report.tables["conversation_time"].repaired == []
        assert report.status == "DIFFERS"
        case.sync(whole)
        report = verified(case, whole, repair=True)
        assert report.tables["conversation_time"].repaired == [time]
        assert report.status == "AGREES"
        assert found(verified(case, whole)) == {}


def test_a_file_that_is_called_as_its_schema_is_mended_too(case: Case) -> None:
    """Somebody changed a type in it."""
    case = replace(case, database=case.database.with_name("kustomer.duckdb"))
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("tag",))
        case.sync(connection)
        with duckdb.connect(str(case.database)) as db:
            db.execute("ALTER TABLE kustomer.kustomer.tag ALTER name TYPE JSON USING to_json(name)")
        sim.clock.advance(60)
        report = case.sync(connection, reimport=True)
        assert report.status == "SUCCESSFUL", report.error
        name = sim.get("tag", sim.id("tag", 1))["attributes"]["name"]  # type: ignore[index]  # it is there
        there = "SELECT name FROM kustomer.kustomer.tag WHERE id = '{}'"
        assert case.ask(there.format(sim.id("tag", 1))) == [(scrubbed(name),)]


def test_columns_of_the_old_schema_stay_when_the_new_one_is_wanted(case: Case) -> None:
    """As they are; nothing is rewritten for them, and nothing differs."""
    with case.org(rate=0) as sim:
        tables = ("card", "conversation", "message")
        case.sync(case.connect(sim, tables=tables, service_version=1))
        old = "SELECT id, created_at FROM kustomer.message_attachment ORDER BY id"
        before = case.ask(old)
        assert any(at for _, at in before)
        sim.clock.advance(60)
        now = case.connect(sim, tables=tables)
        assert case.sync(now, resync=Resync()).tables["message_attachment"].updated == 0
        assert case.ask(old) == before
        assert found(verified(case, now)) == {}


def test_somebody_s_column_of_a_history_stays_when_an_array_is_emptied(case: Case) -> None:
    """Of the elements that left, too."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("conversation", "tag"))
        case.sync(connection)
        done_by_somebody(
            case,
            "ALTER TABLE conversation_tag_history ADD COLUMN mine VARCHAR",
            "UPDATE conversation_tag_history SET mine = tag_id",
        )
        ((talk,),) = case.ask("SELECT min(conversation_id) FROM kustomer.conversation_tag")
        sim.edit("conversation", talk, {"tags": []})
        sim.clock.advance(60)
        case.sync(connection)
        kept = f"SELECT DISTINCT mine = tag_id, _fivetran_active FROM " \
               f"kustomer.conversation_tag_history WHERE conversation_id = '{talk}'"  # fmt: skip
        assert case.ask(kept) == [(True, False)]


def test_a_history_of_elements_may_have_no_column_left(case: Case) -> None:
    """Then it says from when to when there were any."""
    with case.org(rate=0) as sim:
        wishes: dict[str, Any] = {"user_role": {"history": True, "columns": {"name": OFF}}}
        connection = connect(case, sim, ("user",), **wishes)
        assert case.sync(connection).status == "SUCCESSFUL"
        sim.clock.advance(60)
        report = case.sync(connection, reimport=True)
        assert report.status == "SUCCESSFUL", report.error
        assert case.ask("SELECT count(*) > 0 FROM kustomer.user_role_history") == [(True,)]


def test_no_klass_is_called_as_a_history_of_the_family() -> None:
    """Whether that is kept or not."""
    from kustomer_sync.kustomer.catalog import KOBJECT
    from kustomer_sync.shred import CustomTypes, Shredder

    names = Names()
    shredder = Shredder(
        KOBJECT, names=names, custom_types=CustomTypes(), klass_of=lambda _: "tagHistory"
    )
    made = shredder.shred([{"id": "a", "type": "kobject.tagHistory", "attributes": {}}])
    assert [batch.root.table.name for batch in made] == ["kobject", "kobject_tag_history_2"]


def test_what_was_adopted_is_not_new(case: Case) -> None:
    """With `BLOCK_ALL` too its custom columns and klasses' tables go on."""
    with case.org(rate=0) as sim:
        ids = plant(sim, misfits=False)
        connection = case.connect(sim, tables=("customer", "kobject"), extras=False)
        case.sync(connection)
        _unwritten(case)
        sim.clock.advance(3 * 24 * 3600)
        strict = _strict(case, sim)
        assert adopt(strict, apply=True).applied
        order = next(
            one for one in living(sim, "kobject", 0)
            if (sim.get("kobject", one) or {})["type"] == "kobject.order"
        )  # fmt: skip
        for kind, one in (("customer", ids["customer"]), ("kobject", order)):
            sim.edit(kind, one, {"externalId": "changed"})
        sim.add_custom("customer", "lateStr")
        sim.edit("customer", ids["customer"], {"custom": {"lateStr": "late"}})
        sim.clock.advance(600)
        report = case.sync(strict)
        assert {w.code for w in report.warnings} >= {"new_blocked"}
        there = "SELECT external_id, custom_code_str FROM kustomer.customer "
        there += f"WHERE id = '{ids['customer']}'"
        assert case.ask(there) == [("changed", f"{SECRET}3")]
        changed = f"SELECT external_id FROM kustomer.kobject_order WHERE id = '{order}'"
        assert case.ask(changed) == [("changed",)]
        # Which of several alike names another connector numbered first, nothing tells.
        assert case.character == "hostile" or found(verified(case, strict)) == {}


def _unwritten(case: Case) -> None:
    """As another connector would have left it."""
    with duckdb.connect(str(case.database)) as db:
        for name in ("_kustomer_sync_state", "_kustomer_sync_rejects"):
            db.execute(f"DROP TABLE kustomer.{name}")


def _strict(case: Case, sim: Simulator) -> Any:
    plain = case.connect(sim, tables=("customer", "kobject"), extras=False)
    tables = {name: {"enabled": c.enabled} for name, c in plain.tables.items()}
    return connection_to(
        sim, case.database, overlap_seconds=5, tables=tables, extras=False,
        schema_change_handling="BLOCK_ALL",
    )  # fmt: skip
