"""What Kustomer does not tell for a while, or hides of one record, costs nothing else."""

from __future__ import annotations

from itertools import islice
from typing import Any

import duckdb
import pytest

from kustomer_sync.kustomer import client
from kustomer_sync.model import Record
from kustomer_sync.sync import Limits
from kustomer_sync.sync.adopt import adopt
from tests.acceptance.case import Case, living
from tests.acceptance.conftest import Meanwhile
from tests.acceptance.test_protect import connect
from tests.acceptance.test_readings import handled
from tests.acceptance.test_verify import found, verified

DAY = 24 * 3600
BRIEF = Limits(retry_seconds=0.5)
TALKS = ("conversation", "conversation_time")


def flagged(case: Case, table: str) -> set[str]:
    rows = case.ask(f"SELECT id FROM kustomer.{table} WHERE _fivetran_deleted")
    return {one for (one,) in rows}


# ---- lists by parent ----


@pytest.mark.parametrize("status", [403, 404])
def test_a_list_that_was_not_told_is_asked_for_again(case: Case, status: int) -> None:
    """Of some conversations, or of all though they are there: by the next sync, then daily."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=TALKS)
        case.sync(connection)
        sim.clock.advance(60)
        talks = list(islice(living(sim, "conversation", 3), 6))
        made = {handled(sim, talk) for talk in talks}
        sim.clock.advance(60)
        hidden = talks[2:] if status == 403 else talks
        sim.faults.add("status", f"({'|'.join(hidden)})/times", value=status)
        said = {w.code for w in case.sync(connection).warnings}
        assert ("not_told" if status == 403 else "not_read") in said
        there = "SELECT count(*) FROM kustomer.conversation_time WHERE list_contains({}, id)"
        assert case.ask(there.format(sorted(made))) == [(len(talks) - len(hidden),)]
        sim.faults.clear()
        sim.clock.advance(60)
        case.sync(connection)
        assert case.ask(there.format(sorted(made))) == [(len(talks),)]
        case.assert_equal(sim, connection)


def test_what_is_never_told_is_asked_for_once_a_day(case: Case) -> None:
    """Not at every sync."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=TALKS)
        hidden = next(living(sim, "conversation", 3))
        fault = sim.faults.add("status", f"{hidden}/times", value=403)
        asked = []
        for seconds in (0, 60, 60, DAY):
            sim.clock.advance(seconds)
            before = fault.fired
            case.sync(connection)
            asked.append(fault.fired > before)
        assert asked == [True, True, False, True]


def test_a_list_without_a_later_page_is_not_the_end_of_its_owner(case: Case) -> None:
    """What has a first page is there: it is asked again."""
    with case.org(rate=0, list_max_page_size=1) as sim:
        connection = case.connect(sim, tables=TALKS)
        talk = next(living(sim, "conversation", 3))
        made = {handled(sim, talk) for _ in range(2)}
        sim.clock.advance(60)
        sim.faults.add("status", f"{talk}/times.*page=2", value=404)
        assert "not_told" in {w.code for w in case.sync(connection).warnings}
        sim.faults.clear()
        case.sync(connection)
        there = {one for (one,) in case.ask("SELECT id FROM kustomer.conversation_time")}
        assert made <= there


def test_a_detour_that_is_forbidden_blocks_no_attachments(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest message's conversation is gone, and customers' messages are not to be read."""
    monkeypatch.setattr("kustomer_sync.sync.follow._ASKED", 5)
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("conversation", "message"))
        sim.faults.add("status", r"/v1/customers/[0-9a-f]{24}/messages", value=403)
        talks = {
            r["attributes"]["updatedAt"]: r["relationships"]["conversation"]["data"]["id"]
            for one in living(sim, "message", 1)
            if isinstance(r := sim.get("message", one), dict) and _conversation(r)
        }
        sim.hard_delete("conversation", talks[max(talks)])
        case.sync(connection)
        case.assert_equal(sim, connection)


@pytest.mark.parametrize("status", [403, 500])
def test_attachments_of_a_message_of_no_conversation_are_asked_for_again(
    case: Case, status: int
) -> None:
    """Its own path is all there is, and fails or is forbidden: a warning says so; a day later."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("conversation", "message"))
        lone = next(living(sim, "message", 3))
        held = sim.create("attachment", {"name": "a.png"}, {"message": lone})
        sim.edit("message", lone, {}, {"conversation": {"data": None}})
        sim.settle()
        sim.clock.advance(60)
        sim.faults.add("status", f"/v1/messages/{lone}", value=status)
        report = case.sync(connection, limits=BRIEF)
        assert report.status == "SUCCESSFUL", report.error
        assert "1 message could not be read" in str([w.message for w in report.warnings])
        there = "SELECT id FROM kustomer.message_attachment"
        assert (held,) not in case.ask(there)
        sim.faults.clear()
        sim.clock.advance(DAY + 60)
        case.sync(connection)
        assert (held,) in case.ask(there)
        case.assert_equal(sim, connection)


def _conversation(message: Any) -> bool:
    """Whether a message of a hostile org says which one it is of, and when it was updated."""
    try:
        return bool(
            message["relationships"]["conversation"]["data"]["id"]
            and str(message["attributes"]["updatedAt"]).startswith("20")
        )
    except (KeyError, TypeError):
        return False


def test_what_came_while_its_followers_were_left_out_is_asked_for_later(case: Case) -> None:
    """A conversation that was indexed late, in a span that they had followed."""
    with case.org(rate=0) as sim:
        both = case.connect(sim, tables=TALKS, overlap_seconds=300)
        alone = case.connect(sim, tables=("conversation",), overlap_seconds=300)
        case.sync(both)
        sim.clock.advance(600)
        owner = {"customer": sim.id("customer", 1)}
        late = sim.create("conversation", {"name": "late"}, owner, lag_ms=120_000)
        made = sim.create("conversation_time", {"handleTime": 5}, {"conversation": late})
        sim.clock.advance(30)
        case.sync(both)
        sim.clock.advance(200)
        case.sync(alone)
        sim.clock.advance(600)
        case.sync(both)
        assert (made,) in case.ask("SELECT id FROM kustomer.conversation_time")


# ---- looks by id ----


def test_a_record_that_is_hidden_keeps_no_other_from_being_flagged(case: Case) -> None:
    """Its own path is forbidden to this key: nobody knows of it, and of the others all is known."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("conversation",))
        case.sync(connection)
        gone, hidden = islice(living(sim, "conversation", 3), 2)
        sim.hard_delete("conversation", gone)
        sim.hard_delete("conversation", hidden)
        sim.faults.add("status", f"/v1/conversations/{hidden}$", value=403)
        for _ in range(2):
            sim.clock.advance(DAY + 60)
            report = case.sync(connection)
            assert not {"sweep_failed", "sweep_unconfirmed"} & {w.code for w in report.warnings}
            assert flagged(case, "conversation") & {gone, hidden} == {gone}


def test_a_record_that_is_hidden_keeps_no_other_from_following_a_merge(case: Case) -> None:
    """The first of the customer's conversations."""
    with case.org(rate=0, merge_bumps_updated_at=False) as sim:
        connection = case.connect(sim, tables=("conversation", "customer"))
        case.sync(connection)
        ((source, count),) = case.ask(
            "SELECT customer_id, count(*) FROM kustomer.conversation WHERE NOT _fivetran_deleted "
            "AND customer_id IN (SELECT id FROM kustomer.customer WHERE deleted IS NOT TRUE) "
            "GROUP BY 1 HAVING count(*) > 1 ORDER BY 2 DESC, 1 LIMIT 1"
        )
        theirs = (
            f"SELECT min(id), count(*) FROM kustomer.conversation WHERE customer_id = '{source}'"
        )
        ((hidden, _),) = case.ask(theirs)
        sim.merge(source, next(one for one in living(sim, "customer", 0) if one != source))
        sim.faults.add("status", f"/v1/conversations/{hidden}$", value=403)
        sim.clock.advance(60)
        case.sync(connection)
        assert count > 1
        assert case.ask(theirs) == [(hidden, 1)]


def test_a_customer_who_was_erased_after_a_merge_is_followed(case: Case) -> None:
    """No search shows that she was merged: the comparison tells that she is gone."""
    quiet: dict[str, Any] = {"merge_bumps_updated_at": False, "delete_bumps_updated_at": False}
    with case.org(rate=0, **quiet) as sim:
        connection = case.connect(sim, tables=("conversation", "customer"))
        case.sync(connection)
        ((source,),) = case.ask(
            "SELECT min(customer_id) FROM kustomer.conversation WHERE NOT _fivetran_deleted "
            "AND customer_id IN (SELECT id FROM kustomer.customer WHERE deleted IS NOT TRUE)"
        )
        sim.clock.advance(60)
        sim.merge(source, next(one for one in living(sim, "customer", 0) if one != source))
        sim.hard_delete("customer", source)
        sim.clock.advance(DAY + 60)
        case.sync(connection)
        theirs = f"SELECT count(*) FROM kustomer.conversation WHERE customer_id = '{source}'"
        assert case.ask(theirs) == [(0,)]
        case.assert_equal(sim, connection)


def test_an_old_note_that_was_soft_deleted_is_still_there(case: Case) -> None:
    """Neither a list nor its own path, which is not asked, may show it; its history is as was."""
    with case.org(rate=0, get_deleted="404") as sim:
        connection = case.connect(sim, tables=("conversation", "note"), histories=("note",))
        case.sync(connection)
        gone = next(living(sim, "note", 1))
        sim.soft_delete("note", gone)
        sim.clock.advance(60)
        case.sync(connection)
        sim.clock.advance(740 * DAY)
        sim.create("note", {"body": "new"}, {"conversation": sim.id("conversation", 1)})
        sim.settle()
        sim.clock.advance(60)
        sim.requests.clear()
        case.sync(connection)
        assert not any(gone in asked.path for asked in sim.requests.lines)
        assert case.ask(
            f"SELECT deleted, _fivetran_deleted FROM kustomer.note WHERE id = '{gone}'"
        ) == [(True, False)]
        assert case.ask(
            f"SELECT deleted FROM kustomer.note_history WHERE id = '{gone}' AND _fivetran_active"
        ) == [(True,)]


# ---- klasses ----


@pytest.mark.parametrize("role", [True, False])
def test_a_kobject_of_a_klass_that_is_kept_out_is_not_taken_for_gone(
    case: Case, role: bool
) -> None:
    """It changes while it is compared, and a look by id needs its klass."""
    with case.org(rate=0) as sim:
        if not role:
            sim.revoke_role("org.permission.klass.read")
        handling = {"schema_change_handling": "BLOCK_ALL"}
        connection = connect(
            case, sim, ("kobject",), settings=handling, kobject_order={"enabled": True}
        )
        case.sync(connection)
        others = (
            one for one in living(sim, "kobject", 0)
            if (sim.get("kobject", one) or {})["type"] != "kobject.order"
        )  # fmt: skip
        moved = next(others)
        sim.clock.advance(DAY + 60)

        def move(n: int) -> None:
            if n == 1:
                sim.edit("kobject", moved, {"title": "moved"})
                sim.settle()

        sim.faults.rules.append(Meanwhile("search.*idsOnly", move))
        case.sync(connection)
        assert moved not in flagged(case, "kobject")


def test_kobjects_whose_klass_has_no_name_yet_get_their_table_later(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their `type` does not say it, and the klasses could not be listed: no table is called so."""
    _plain(monkeypatch)
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("kobject",))
        sim.faults.add("status", r"/v1/klasses\?", value=404)
        case.sync(connection)
        tables = "SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'kobject_%'"
        assert case.ask(tables) == [("kobject_tag",)]
        sim.faults.clear()
        gone = next(living(sim, "kobject", 1))
        sim.hard_delete("kobject", gone)
        sim.clock.advance(DAY + 60)
        case.sync(connection)
        case.assert_equal(sim, connection)


def test_a_klass_that_has_no_name_keeps_no_other_s_kobjects_from_being_flagged(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look at a living one goes by the klass whose table has it, as a look at a lost one does."""
    _plain(monkeypatch)
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("kobject",))
        case.sync(connection)
        sim.add_klass("parcel", kobjects=0)
        sim.create(
            "kobject.parcel", {"title": "p", "tags": []}, {"customer": sim.id("customer", 1)}
        )
        sim.faults.add("status", r"/v1/klasses\?", value=403)
        gone = next(living(sim, "kobject", 1))
        sim.hard_delete("kobject", gone)
        sim.clock.advance(DAY + 60)
        case.sync(connection)
        assert gone in flagged(case, "kobject")
        sim.faults.clear()
        case.assert_equal(sim, connection)


def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """No KObject's `type` says of which klass it is."""
    whole = client._whole

    def plain(*given: Any) -> list[Record]:
        records = whole(*given)
        for record in records:
            if str(record.get("type")).startswith("kobject."):
                record["type"] = "kobject"
        return records

    monkeypatch.setattr(client, "_whole", plain)


def test_an_adopted_schema_without_a_klass_s_table_gets_it_whole(case: Case) -> None:
    """The reference connector had kept it out: its KObjects are read from the beginning."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("kobject",), extras=False)
        case.sync(connection)
        with duckdb.connect(str(case.database)) as db:
            for name in ("_kustomer_sync_state", "_kustomer_sync_rejects", "kobject_order"):
                db.execute(f"DROP TABLE kustomer.{name}")
        sim.clock.advance(3 * DAY)
        told = {table.name: table.why for table in adopt(connection, apply=True).tables}
        assert "no klass's table" in told["kobject"]
        case.sync(connection)
        case.assert_equal(sim, connection)


# ---- verify ----


def test_a_quiet_soft_delete_is_a_difference(case: Case) -> None:
    """The counts differ, and of all there is only whether it is deleted."""
    with case.org(rate=0, delete_bumps_updated_at=False) as sim:
        connection = case.connect(sim, tables=("customer",))
        case.sync(connection)
        gone = next(living(sim, "customer", 3))
        sim.clock.advance(60)
        sim.soft_delete("customer", gone)
        sim.settle()
        sim.clock.advance(60)
        case.sync(connection)
        assert found(verified(case, connection, sample=0)) == {"customer": [gone]}
