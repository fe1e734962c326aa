"""A setting that changes between two syncs, or between a sync and a comparison."""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import Any

import duckdb
import pytest

from kustomer_sync.check import check
from kustomer_sync.errors import ConfigError
from kustomer_sync.shred import Names
from kustomer_sync.simulator import Simulator
from kustomer_sync.sync import Resync
from kustomer_sync.sync.adopt import adopt
from tests.acceptance.case import Case, connection_to, living
from tests.acceptance.hostile import scrubbed
from tests.acceptance.test_foreign import done_by_somebody
from tests.acceptance.test_protect import HASHED as ALL_HASHED
from tests.acceptance.test_protect import SECRET, connect, digest, plant, read_all_again
from tests.acceptance.test_verify import found, verified
from tests.acceptance.truth import contents

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


def raw(case: Case) -> set[str]:
    """Tables that have a planted secret in clear."""
    tables = case.ask("SELECT table_name FROM duckdb_tables()")
    rows = f"SELECT count(*) FROM kustomer.\"{{}}\" t WHERE CAST(t AS VARCHAR) LIKE '%{SECRET}%'"
    return {name for (name,) in tables if case.ask(rows.format(name)) != [(0,)]}


@pytest.mark.parametrize(
    ("before", "after", "tables"),
    [
        ({"customer": {"history": True}}, {}, {"customer_history"}),
        ({}, {"settings": {"service_version": 1}}, {"conversation_history"}),
        ({}, {"kobject_order": OFF, "kobject_reservation": OFF}, {"kobject_order"}),
        ({}, {"customer": OFF, "customer_email": OFF}, {"customer", "customer_email"}),
        ({}, {"wanted": ("conversation", "message", "kobject")}, {"customer", "customer_email"}),
    ],
    ids=["history", "service_version", "klass", "child", "family"],
)  # fmt: skip
def test_what_is_wanted_no_more_becomes_digests_too(
    case: Case, before: dict[str, Any], after: dict[str, Any], tables: set[str]
) -> None:
    """Tables and histories that stand there since; the rejects keep no text of it."""
    with case.org(rate=0) as sim:
        order = next(
            one for one in living(sim, "kobject", 0)
            if (sim.get("kobject", one) or {})["type"] == "kobject.order"
        )  # fmt: skip
        sim.edit("kobject", order, {"title": f"{SECRET}10"})
        ids = plant(sim)
        case.sync(connect(case, sim, **before))
        assert tables <= raw(case)
        sim.clock.advance(60)
        report = case.sync(connect(case, sim, **{**ALL_HASHED, **after}))
        assert report.status == "SUCCESSFUL", report.error
        assert raw(case) == set()
        for table in tables & {"customer", "customer_history"}:
            names = case.ask(f"SELECT display_name FROM kustomer.{table} "
                             f"WHERE id = '{ids['customer']}'")  # fmt: skip
            assert (digest(f"{SECRET}1"),) in names
        made = contents(case.database)
        sim.clock.advance(60)
        case.sync(connect(case, sim, **{**ALL_HASHED, **after}))
        assert contents(case.database) == made


@pytest.mark.parametrize("way", ["another table alone", "family wanted no more"])
def test_another_salt_is_refused_as_long_as_digests_of_the_former_stand(
    case: Case, way: str
) -> None:
    """Whatever was synced with it meanwhile; once they are gone it is as good."""
    with case.org(rate=0) as sim:
        ids = plant(sim)
        case.sync(connect(case, sim, customer__display_name=HASHED))
        other = connect(case, sim, salt="other")
        if way == "another table alone":
            case.sync(other, tables=["message"])
        else:
            case.sync(connect(case, sim, ("tag", "conversation"), salt="other"))
        sim.clock.advance(60)
        hashed = connect(case, sim, salt="other", customer__display_name=HASHED)
        for refused in (lambda: case.sync(hashed), lambda: check(hashed)):
            with pytest.raises(ConfigError, match=r"hash_salt.*\(customer.display_name\)"):
                refused()
        family = connect(case, sim, ("tag",), salt="other", tag__name=HASHED)
        with pytest.raises(ConfigError, match="hash_salt"):
            case.sync(family)
        name = f"SELECT display_name FROM kustomer.customer WHERE id = '{ids['customer']}'"
        assert case.ask(name) == [(digest(f"{SECRET}1"),)]
        case.sync(other)
        assert case.ask(name) == [(f"{SECRET}1",)]
        case.sync(hashed)
        made = hmac.new(b"other", f"{SECRET}1".encode(), "sha256").hexdigest()
        assert case.ask(name) == [(made,)]


@pytest.mark.parametrize("adopts", [False, True], ids=["synced", "adopted"])
def test_another_system_prefix_is_refused_and_writes_nothing(case: Case, adopts: bool) -> None:
    """Exit 2, by name and with the one that was; in a new schema it is as good."""
    with case.org(rate=0) as sim:
        tables = ("conversation", "tag")
        connection = case.connect(sim, tables=tables, extras=False)
        case.sync(connection)
        if adopts:
            _unwritten(case)
            assert adopt(connection, apply=True).applied
        other = case.connect(sim, tables=tables, extras=False, system_prefix="_sys_")
        before = case.database.read_bytes()
        for refused in (lambda: case.sync(other), lambda: check(other)):
            with pytest.raises(ConfigError) as told:
                refused()
            assert "system_prefix in [connections.kustomer]" in told.value.message
            assert 'system_prefix = "_fivetran_"' in told.value.hint
        if not adopts:
            with pytest.raises(ConfigError):
                verified(case, other)
        assert case.database.read_bytes() == before
        assert case.sync(connection).status == "SUCCESSFUL"
        new = case.connect(
            sim, tables=tables, extras=False, system_prefix="_sys_", schema="another"
        )
        assert case.sync(new).status == "SUCCESSFUL"
        assert case.ask("SELECT bool_or(_sys_active) FROM another.conversation_history") == [
            (True,)
        ]


def test_what_kustomer_no_longer_has_keeps_its_digest(case: Case) -> None:
    """It can't be read again; hashed anew it is a digest of a digest."""
    with case.org(rate=0) as sim:
        ids = plant(sim)
        hashed = connect(case, sim, customer__display_name=HASHED)
        case.sync(hashed)
        sim.hard_delete("customer", ids["customer"])
        sim.clock.advance(24 * 3600)
        case.sync(hashed)
        name = f"SELECT display_name FROM kustomer.customer WHERE id = '{ids['customer']}'"
        made = digest(f"{SECRET}1")
        for connection, there in ((connect(case, sim), made), (hashed, digest(made))):
            case.sync(connection)
            assert case.ask(name) == [(there,)]


def test_columns_beyond_the_reference_become_digests_where_extras_are_wanted_no_more(
    case: Case,
) -> None:
    """As all that stands there."""
    with case.org(rate=0) as sim:
        case.sync(connect(case, sim))
        case.sync(connect(case, sim, settings={"extras": False}, message__rev=HASHED,
                          conversation__rev=HASHED))  # fmt: skip
        for table in ("message", "conversation", "conversation_history"):
            assert case.ask(f"SELECT DISTINCT length(rev) FROM kustomer.{table}") == [(64,)]


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


def test_a_history_that_was_whole_when_its_table_was_blocked_is_not_read_again(case: Case) -> None:
    """It goes on; one that was paused before lacks what came meanwhile, and is filled."""
    case = replace(case, character="pleasant")
    with case.org(rate=0) as sim:
        tables = ("conversation",)
        whole = connect(case, sim, tables)
        hidden = connect(case, sim, tables, conversation=OFF, conversation_tag=OFF)
        paused = connect(case, sim, tables, conversation_history=OFF)
        case.sync(whole)
        assert check(hidden).back_fills == ()
        before = contents(case.database)
        told: list[str] = []
        case.sync(hidden, progress=lambda now: told.append(now.sentence))
        assert not any(told)
        after = contents(case.database)
        histories = ("conversation_history", "conversation_tag_history")
        assert [after[name] for name in histories] == [before[name] for name in histories]
        last = "SELECT name FROM kustomer.conversation_history WHERE id = '{}' AND _fivetran_active"
        talk = next(living(sim, "conversation", 3))
        for connection, name in ((hidden, "while it is blocked"), (whole, "shown"), (paused, "no")):
            sim.edit("conversation", talk, {"name": name})
            sim.clock.advance(60)
            case.sync(connection)
            assert (case.ask(last.format(talk)) == [(name,)]) == (connection is not paused)
        (fill,) = check(hidden).back_fills
        assert fill.lacking == ("conversation_history",)
        case.sync(hidden)
        assert case.ask(last.format(talk)) == [("no",)]
        case.assert_equal(sim, hidden)


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


@pytest.mark.parametrize(("skip", "repaired"), [(4, False), (2, True)])
def test_a_repair_by_records_that_lack_what_is_wanted_since_is_no_success_unseen(
    case: Case, skip: int, repaired: bool
) -> None:
    """These are read again first; what differed is told, and repaired only if that was seen."""
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
        hidden = sim.faults.add("status", f"{talk}/times", value=400, skip=skip, times=1)
        report = verified(case, whole, repair=True)
        assert hidden.fired == 1
        assert found(report) == {"conversation_time": [time]}
        assert report.tables["conversation_time"].repaired == ([time] if repaired else [])
        assert report.status == ("AGREES" if repaired else "DIFFERS")
        if repaired:
            return
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


def test_columns_that_are_left_out_have_no_rejects(case: Case) -> None:
    """Neither those of before nor new ones; of others they stay."""
    rejected = "SELECT column_name FROM kustomer._kustomer_sync_rejects WHERE record_id = '{}' " \
               "AND column_name IN ('created_at', 'custom_count_num', 'message_count') " \
               "ORDER BY 1"  # fmt: skip
    wanted = ("conversation", "message")
    with case.org(rate=0) as sim:
        old = {"service_version": 1}
        talk = next(living(sim, "conversation", 3))
        odd = {"messageCount": "many", "custom": {"countNum": "few"}}
        sim.edit("conversation", talk, odd)
        sim.clock.advance(60)
        case.sync(connect(case, sim, wanted, settings=old))
        done_by_somebody(  # a time of an attachment that was none, as records of before had
            case, "INSERT INTO _kustomer_sync_rejects (table_name, record_id, column_name, value) "
            f"VALUES ('message_attachment', '{talk}', 'created_at', 'never')",
        )  # fmt: skip
        every = [("created_at",), ("custom_count_num",), ("message_count",)]
        assert case.ask(rejected.format(talk)) == every
        case.sync(connect(case, sim, wanted, settings=old))
        assert case.ask(rejected.format(talk)) == every
        newer = connect(case, sim, wanted, conversation__custom_count_num=OFF)
        case.sync(newer)
        assert case.ask(rejected.format(talk)) == [("message_count",)]
        sim.edit("conversation", talk, {**odd, "name": "again"})
        sim.clock.advance(60)
        case.sync(newer)
        assert case.ask(rejected.format(talk)) == [("message_count",)]


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
