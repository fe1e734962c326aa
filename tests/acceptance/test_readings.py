"""The rarer ways of reading: work sessions, times by conversation, old notes, and the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest

from kustomer_sync.destinations.duckdb import DuckDB
from kustomer_sync.kustomer import windows
from kustomer_sync.kustomer.client import walk
from kustomer_sync.model import Batch, Record, Write
from kustomer_sync.settings import Connection
from kustomer_sync.shred import Shredder
from kustomer_sync.simulator import Limits as SimLimits
from kustomer_sync.simulator import Scale, Simulator, Switches
from kustomer_sync.simulator.api import AUDITED
from kustomer_sync.sync import Limits, choose, sync
from tests.acceptance.case import TINY, UNLIMITED, Case, connection_to, living
from tests.acceptance.truth import differences

Connect = Callable[..., Connection]
Query = Callable[[str], list[tuple[Any, ...]]]
DAY = 24 * 3600
SHIFTS = ("work_session",)
TIMES = ("conversation", "conversation_time")
NOTES = ("conversation", "note")


# ---- work sessions ----


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_work_sessions_are_as_they_are_in_a_living_org(case: Case, order: str) -> None:
    """Those that end, and those that come and end between two syncs, in whichever order."""
    with case.org(work_session_order=order, list_max_page_size=7) as sim:
        connection = case.connect(sim, tables=SHIFTS)
        case.sync(connection)
        for _ in range(3):
            for _ in range(12):
                sim.mutator._shift()
            came = sim.create("work_session", {"active": False}, {"user": sim.id("user", 2)})
            sim.clock.advance(600)
            report = case.sync(connection)
            assert report.status == "SUCCESSFUL", report.error
            assert (came,) in case.ask("SELECT id FROM kustomer.work_session")
        sim.mutator.stop()
        sim.clock.advance(60)
        assert case.sync(connection).status == "SUCCESSFUL"  # not the daily reading
        assert case.differences(sim, connection) == []


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_little_of_the_work_sessions_is_read_between_two_daily_readings(
    connect: Connect, order: Any
) -> None:
    """The open ones, those that were open by their ids, and the newest page."""
    scale = Scale(work_sessions=400)
    switches = Switches(work_session_order=order)
    with Simulator(scale=scale, switches=switches, limits=UNLIMITED) as sim:
        connection = connect(sim)
        sync(connection, tables=["work_session"])
        ended = sim.id("work_session", -1)
        sim.edit("work_session", ended, {"active": False, "signedOutAt": "2026-01-01T10:00:00Z"})
        sim.clock.advance(3600)
        sim.requests.clear()
        report = sync(connection, tables=["work_session"])
        assert report.tables["work_session"].updated == 1
        asked = sim.requests.total - 1  # the key
        assert (
            asked == {"desc": 3, "asc": 4}[order]
        )  # one page tells that it begins with the oldest


def test_a_list_of_work_sessions_that_ends_early_is_read_from_both_ends(
    connect: Connect, query: Query
) -> None:
    """The oldest hundred and the newest; a day later what came is read, and nothing flagged."""
    switches = Switches(list_depth_cap=100, list_max_page_size=1)
    with Simulator(scale=Scale(work_sessions=150), switches=switches, limits=UNLIMITED) as sim:
        connection = connect(sim)
        assert sync(connection, tables=["work_session"]).tables["work_session"].rows == 150
        came = sim.create("work_session", {"active": False}, {"user": sim.id("user", 2)})
        sim.clock.advance(DAY + 60)
        report = sync(connection, tables=["work_session"])
        assert report.tables["work_session"].deleted == 0
        assert (came,) in query("SELECT id FROM kustomer.work_session")


def test_work_sessions_are_read_where_no_other_order_is_offered(
    connect: Connect, query: Query
) -> None:
    """`sort` is documented for other lists; where it is refused the list is read whole."""
    switches = Switches(work_session_order="asc", list_max_page_size=10)
    with Simulator(switches=switches, limits=UNLIMITED) as sim:
        connection = connect(sim)
        sync(connection, tables=["work_session"])
        sim.faults.add("status", "sort=desc", value=400)
        came = sim.create("work_session", {"active": False}, {"user": sim.id("user", 2)})
        sim.clock.advance(600)
        sync(connection, tables=["work_session"])
        assert (came,) in query("SELECT id FROM kustomer.work_session")


def test_a_list_that_breaks_off_is_read_from_its_other_end(connect: Connect) -> None:
    """It says that it goes on, and answers with an error."""
    switches = Switches(list_max_page_size=10)
    with Simulator(switches=switches, limits=UNLIMITED) as sim:
        sim.faults.add("status", r"work-sessions\?.*page=3", value=400)
        report = sync(connect(sim), tables=["work_session"])
        assert report.tables["work_session"].rows == 40
        assert "listing_incomplete" in {w.code for w in report.warnings}


def test_a_work_session_that_is_not_signed_out_is_looked_at_again(
    connect: Connect, query: Query
) -> None:
    """It is listed as active no more, and may still change; it is not on the newest page."""
    switches = Switches(work_session_order="desc", list_max_page_size=2)
    with Simulator(switches=switches, limits=UNLIMITED) as sim:
        connection = connect(sim)
        sync(connection, tables=["work_session"])
        one = sim.id("work_session", -4)
        for change in ({"active": False}, {"signedOutAt": "2026-01-01T10:00:00.000Z"}):
            sim.edit("work_session", one, change)
            sim.clock.advance(600)
            sync(connection, tables=["work_session"])
        assert query(
            f"SELECT epoch(signed_out_at) FROM kustomer.work_session WHERE id = '{one}'"
        ) == [(1767261600.0,)]


def test_a_work_session_that_vanished_is_flagged_by_the_daily_reading(
    connect: Connect, query: Query
) -> None:
    """Not before: it might only be closed to us."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        sync(connection, tables=["work_session"])
        gone = sim.id("work_session", -1)
        sim.hard_delete("work_session", gone)
        sim.clock.advance(60)
        sync(connection, tables=["work_session"])
        flagged = "SELECT id FROM kustomer.work_session WHERE _fivetran_deleted"
        assert query(flagged) == []
        sim.clock.advance(DAY)
        sync(connection, tables=["work_session"])
        assert query(flagged) == [(gone,)]


# ---- by conversation ----


def test_times_are_asked_for_by_changed_conversations_alone(connect: Connect, query: Query) -> None:
    """Also of a part that is read again for what may be indexed late."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim, overlap_seconds=10**8)
        sync(connection, tables=TIMES)
        talk = sim.id("conversation", 40)
        sim.create("conversation_time", {"handleTime": 90_000, "channels": ["email"]},
                   {"conversation": talk})  # fmt: skip
        sim.edit("conversation", talk, {"lastActivityAt": "2026-01-01T00:00:00Z"})
        sim.clock.advance(60)
        sim.requests.clear()
        sync(connection, tables=TIMES)
        assert sim.requests.count("/times$") == 1
        new = f"SELECT handle_time FROM kustomer.conversation_time WHERE conversation_id = '{talk}'"
        assert ("90",) in query(new)


def test_lists_by_record_say_how_many_are_left_and_are_shredded_together(
    connect: Connect, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each shredded by itself would take as long, and as much memory, as a page of hundreds."""
    pages = []
    shred = Shredder.shred

    def counted(shredder: Shredder, records: Sequence[Record]) -> list[Batch]:
        pages.append(len(records))
        return shred(shredder, records)

    monkeypatch.setattr(Shredder, "shred", counted)
    left = []
    scale = Scale(conversations=1200, messages=900, conversation_times=900)
    with Simulator(scale=scale, limits=UNLIMITED) as sim:
        report = sync(connect(sim), tables=TIMES, progress=lambda now: left.append(now.cost))
        assert {*left} == {1200, 0}
        assert left[-1] == 0  # what is left is less than is asked for at once
        count = sim.ledger.count("conversation_time")
        assert query("SELECT count(*) FROM kustomer.conversation_time") == [(count,)]
        assert report.requests["total"] > 1200
        assert len(pages) < 50
        assert sum(pages) >= 1200 + count


def test_lists_of_nothing_are_followed_by_commits_too(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill costs the requests since the last one, not all."""
    monkeypatch.setattr("kustomer_sync.sync.follow._ASKED", 10)
    followed = []
    write = DuckDB.write

    def watched(target: DuckDB, batch: Write) -> Any:
        followed.append(str(batch.state.get("table:conversation_time", {}).get("done")))
        return write(target, batch)

    monkeypatch.setattr(DuckDB, "write", watched)
    with Simulator(scale=Scale(conversation_times=0), limits=UNLIMITED) as sim:
        assert sim.ledger.count("conversation_time") == 0
        sync(connect(sim), tables=TIMES, limits=Limits(commit_seconds=0))
    assert len({*followed}) > 5


def test_times_of_a_vanished_conversation_are_flagged_and_return_with_it(
    connect: Connect, database: Path, query: Query
) -> None:
    """They can't be asked for without it."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        sync(connection, tables=TIMES)
        gone = sim.id("conversation", 40)
        record = sim.get("conversation", gone)
        assert record is not None
        sim.hard_delete("conversation", gone)
        sim.clock.advance(DAY + 60)
        sync(connection, tables=TIMES)
        tables = [t for t in choose(connection) if t.name in TIMES]
        assert query("SELECT DISTINCT conversation_id FROM kustomer.conversation_time "
                     "WHERE _fivetran_deleted") == [(gone,)]  # fmt: skip
        assert differences(sim, database, tables=tables) == []
        sim.restore("conversation", record)
        sim.clock.advance(60)
        sync(connection, tables=TIMES)
        assert differences(sim, database, tables=tables) == []


def test_a_time_that_is_listed_no_longer_is_flagged(connect: Connect, query: Query) -> None:
    """When its conversation changes."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        sync(connection, tables=TIMES)
        gone = sim.id("conversation_time", 50)
        record = sim.get("conversation_time", gone)
        assert record is not None
        sim.hard_delete("conversation_time", gone)
        sim.edit("conversation", record["relationships"]["conversation"]["data"]["id"], {})
        sim.clock.advance(60)
        sync(connection, tables=TIMES)
        flagged = "SELECT id FROM kustomer.conversation_time WHERE _fivetran_deleted"
        assert query(flagged) == [(gone,)]


def test_times_go_on_where_the_next_sync_was_due(connect: Connect, database: Path) -> None:
    """The newest conversations first; a warning says how far it came."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim, sync_frequency=1)
        hurry = sim.faults.add("delay", "/times$", value=0.001)
        sim.clock.advance(1)

        def passes(*_: object) -> None:
            if hurry.fired == 1:
                sim.clock.advance(120)

        first = sync(connection, tables=TIMES, progress=passes)
        assert first.status == "SUCCESSFUL"
        while "pending" in {w.code for w in first.warnings}:
            first = sync(connection, tables=TIMES)
        tables = [t for t in choose(connection) if t.name in TIMES]
        assert differences(sim, database, tables=tables) == []


def test_times_get_on_however_small_the_budget_is(connect: Connect, database: Path) -> None:
    """Each sync that ends for want of requests goes on where the one before stopped."""
    with Simulator(scale=TINY, limits=UNLIMITED) as sim:
        connection = connect(sim, max_wait_minutes=0, api_utilization_percentage=50)
        sync(connection, tables=["conversation"])
        sim.limits = SimLimits(org=30, search=100)
        for _ in range(20):
            sim.clock.advance(61)
            report = sync(connection, tables=TIMES)
            if report.status == "SUCCESSFUL":
                break
            assert report.status == "RESCHEDULED"
        assert report.status == "SUCCESSFUL"
        times = [line for line in sim.requests.lines if line.path.endswith("/times")]
        assert len(times) < 2 * sim.world.base.count("conversation")
        tables = [t for t in choose(connection) if t.name in TIMES]
        assert differences(sim, database, tables=tables) == []


def handled(sim: Simulator, talk: str) -> str:
    """An agent's time on a conversation, which changes with it; the time's id."""
    made = sim.create("conversation_time", {"handleTime": 90_000}, {"conversation": talk})
    sim.edit("conversation", talk, {"lastActivityAt": "2026-01-01T00:00:00Z"})
    return made


def test_times_are_asked_for_also_when_the_sync_that_read_their_conversations_was_cut_off(
    connect: Connect, query: Query
) -> None:
    """Its rows had landed, its span was not complete: a part that is read again, too.

    Of that are those that were indexed late: their conversations had been followed by then.
    """
    limits = Limits(page_size=5, commit_records=1, workers=1)
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim, overlap_seconds=10**8)
        late, made = [sim.id("conversation", -n) for n in (6, 7)], []
        for talk in late:
            sim.clock.advance(10)  # no two at the same time: the second page reaches down to them
            sim.edit("conversation", talk, {"name": "late"}, lag_ms=300_000)
        sim.clock.advance(10)
        sync(connection, tables=TIMES)
        for n in range(1, 6):
            sim.clock.advance(10)
            made.append(handled(sim, sim.id("conversation", -n)))
        for talk in late:
            about = {"conversation": talk}
            made.append(sim.create("conversation_time", {"handleTime": 90_000}, about))
        sim.clock.advance(300)
        sim.faults.add("expired", "search", skip=2)
        landed = "SELECT id FROM kustomer.conversation WHERE name = 'late'"
        assert query(landed) == []
        assert sync(connection, tables=TIMES, limits=limits).status == "FAILURE"
        assert {one for (one,) in query(landed)} == {*late}
        sim.faults.clear()
        assert sync(connection, tables=TIMES).status == "SUCCESSFUL"
        assert {(one,) for one in made} <= set(query("SELECT id FROM kustomer.conversation_time"))


def test_times_are_asked_for_after_a_sync_of_conversations_alone(
    connect: Connect, query: Query
) -> None:
    """What it read again is open for the next sync of everything; what goes it flags itself."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim, overlap_seconds=90 * DAY)
        late = sim.id("conversation", -1)
        sim.clock.advance(10)
        sim.edit("conversation", late, {"name": "late"}, lag_ms=300_000)
        sim.clock.advance(10)
        sync(connection, tables=TIMES)
        made = sim.create("conversation_time", {"handleTime": 90_000}, {"conversation": late})
        gone = sim.id("conversation", 40)
        sim.hard_delete("conversation", gone)
        sim.clock.advance(DAY + 60)
        sync(connection, tables=["conversation"])
        flagged = "SELECT DISTINCT conversation_id FROM kustomer.conversation_time " \
                  "WHERE _fivetran_deleted"  # fmt: skip
        assert query(flagged) == [(gone,)]
        sync(connection, tables=TIMES)
        assert (made,) in query("SELECT id FROM kustomer.conversation_time")
        assert query(flagged) == [(gone,)]


@pytest.mark.parametrize("status", [400, 403])
def test_one_conversation_that_is_refused_costs_the_others_nothing(
    connect: Connect, query: Query, status: int
) -> None:
    """A record that this key may not see; a warning counts such."""
    with Simulator(limits=UNLIMITED) as sim:
        refused = sim.id("conversation", 100)
        sim.faults.add("status", f"{refused}/times", value=status)
        report = sync(connect(sim), tables=TIMES)
        assert "not_told" in {w.code for w in report.warnings}
        others = sum(
            v.record["relationships"]["conversation"]["data"]["id"] != refused
            for v in sim.ledger.current("conversation_time") if v.record
        )  # fmt: skip
        assert query("SELECT count(*) FROM kustomer.conversation_time") == [(others,)]


def test_a_time_that_came_to_another_conversation_is_not_flagged(
    connect: Connect, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Conversations are asked in parts; it is found at one before the other lacks it."""
    monkeypatch.setattr("kustomer_sync.sync.follow._ASKED", 1)
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        sync(connection, tables=TIMES)
        time = sim.id("conversation_time", 50)
        record = sim.get("conversation_time", time)
        assert record is not None
        before, after = (
            record["relationships"]["conversation"]["data"]["id"],
            sim.id("conversation", -1),
        )
        sim.edit(
            "conversation_time",
            time,
            {},
            {"conversation": sim.world.relation("conversation", after)},
        )
        sim.edit("conversation", before, {})
        sim.clock.advance(1)
        sim.edit("conversation", after, {})
        sim.clock.advance(60)
        sync(connection, tables=TIMES)
        where = f"SELECT conversation_id, _fivetran_deleted FROM kustomer.conversation_time " \
                f"WHERE id = '{time}'"  # fmt: skip
        assert query(where) == [(after, False)]


# ---- notes of long ago ----


def test_notes_of_over_two_years_ago_come_from_their_list(case: Case) -> None:
    """The archive has none; what vanishes is flagged a day later, and what returns is not."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=NOTES)
        old = sim.id("note", 0)
        case.sync(connection)
        assert (old,) in case.ask("SELECT id FROM kustomer.note")
        record = sim.get("note", old)
        assert record is not None
        sim.hard_delete("note", old)
        sim.mutator.start(10)
        sim.clock.advance(DAY + 60)
        case.sync(connection)
        assert (old,) in case.ask("SELECT id FROM kustomer.note WHERE _fivetran_deleted")
        sim.restore("note", record)
        case.assert_equal(sim, connection)


def test_notes_of_a_list_that_ends_early_come_by_conversation(
    connect: Connect, database: Path
) -> None:
    """It shows 100 of 120 old ones; nothing is flagged for want of being listed."""
    switches = Switches(list_depth_cap=100, list_max_page_size=1)
    with Simulator(scale=Scale(notes=1500), switches=switches, limits=UNLIMITED) as sim:
        connection = connect(sim)
        report = sync(connection, tables=NOTES)
        assert report.status == "SUCCESSFUL"
        assert "list_cut" in {w.code for w in report.warnings}
        horizon = windows.iso(windows.millis(sim.clock.now()) - 727 * DAY * 1000)
        talks = sim.ledger.records("conversation")
        old = {one for one, r in talks.items() if r["attributes"]["createdAt"] < horizon}
        asked = {
            line.path.split("/")[3]
            for line in sim.requests.lines
            if line.path.startswith("/v1/conversations/") and line.path.endswith("/notes")
        }
        assert asked == old
        assert len(old) < len(talks)
        tables = [t for t in choose(connection) if t.name in NOTES]
        assert differences(sim, database, tables=tables) == []
        talk = min(old)  # its list leaves out what is soft-deleted
        sim.edit("conversation", talk, {"name": "again"})
        sim.soft_delete("note", next(
            one for one, r in sim.ledger.records("note").items()
            if r["relationships"]["conversation"]["data"]["id"] == talk
        ))  # fmt: skip
        sim.settle()
        sim.clock.advance(DAY + 60)
        report = sync(connection, tables=NOTES)
        assert report.tables["note"].deleted == 0


def test_the_old_notes_cost_a_look_at_the_oldest_pages_alone(connect: Connect) -> None:
    """The list is by age; it is read until the search knows the rest."""
    with Simulator(scale=Scale(notes=2000), limits=UNLIMITED) as sim:
        sync(connect(sim), tables=NOTES)
        assert sim.requests.count("/v1/notes$") <= 3


# ---- lists ----


@pytest.mark.parametrize("path", ["/v1/chat/assistants", "/v1/assistants", None])
def test_assistants_are_read_wherever_they_are_listed(
    connect: Connect, database: Path, path: Any
) -> None:
    """No document names the path; where there is none, a warning says so and the sync goes on."""
    with Simulator(switches=Switches(assistants_path=path), limits=UNLIMITED) as sim:
        connection = connect(sim)
        report = sync(connection, tables=["assistant", "tag"])
        assert report.status == "SUCCESSFUL"
        assert ("not_read" in {w.code for w in report.warnings}) is (path is None)
        assert (report.tables["assistant_dialog_node"].rows > 0) is (path is not None)
        assert report.tables["tag"].rows
        tables = [t for t in choose(connection) if t.name == "assistant"]
        assert path is None or differences(sim, database, tables=tables) == []


@pytest.mark.parametrize(("table", "path", "child"), [
    ("business_schedule", "/v1/schedules/", "business_holiday"),
    ("sla", "/v1/slas/", "sla_version"),
])  # fmt: skip
def test_what_a_single_path_does_not_tell_stays_as_it_is(
    connect: Connect, table: str, path: str, child: str
) -> None:
    """Lists leave holidays and versions out, so each record is read by its id."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        before = sync(connection, tables=[table]).tables[child].rows
        assert before > 0
        sim.faults.add("status", f"{path}[0-9a-f]{{24}}", value=400)
        assert sync(connect(sim, schema="new"), tables=[table]).tables[table].rows > 0
        report = sync(connection, tables=[table], reimport=True)
        assert "records_unread" in {w.code for w in report.warnings}
        assert report.tables[child].rows == before
        assert report.tables[child].deleted == report.tables[table].deleted == 0


def test_a_look_by_id_that_is_forbidden_does_not_end_the_sync(
    connect: Connect, query: Query
) -> None:
    """Two lists that lack a card tell enough."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        sync(connection, tables=["card"])
        gone = sim.id("card", 2)
        sim.hard_delete("card", gone)
        sim.faults.add("status", "/v1/cards/[0-9a-f]{24}", value=403)
        assert sync(connection, tables=["card"], reimport=True).status == "SUCCESSFUL"
        assert query("SELECT id FROM kustomer.card WHERE _fivetran_deleted") == [(gone,)]


def test_metadata_that_can_not_be_read_flags_nothing(connect: Connect, query: Query) -> None:
    """A refusal is no word that there is none."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        sync(connection, tables=["custom_attribute_metadata"])
        sim.faults.add("status", "/v1/metadata/conversation", value=400)
        report = sync(connection, tables=["custom_attribute_metadata"], reimport=True)
        assert "listing_incomplete" in {w.code for w in report.warnings}
        resources = "SELECT DISTINCT resource FROM kustomer.custom_attribute_metadata " \
                    "WHERE NOT _fivetran_deleted"  # fmt: skip
        assert ("conversation",) in query(resources)


def test_what_only_the_program_needs_is_shown_to_nobody(connect: Connect, query: Query) -> None:
    """The settings behind `team_queue` land in a system table, in no report."""
    with Simulator(limits=UNLIMITED) as sim:
        report = sync(connect(sim), tables=["team_queue", "custom_attribute_metadata"])
        assert set(report.tables) == {"team_queue", "custom_attribute_metadata"}
        assert report.tables["team_queue"].rows > 0
        sim.revoke_role("org.permission.routing.read")
        report = sync(connect(sim), tables=["team_queue"], reimport=True)
        (said,) = (w.message for w in report.warnings if w.code == "role_missing")
        assert said.startswith("team_queue was not read")


# ---- what is off unless it is named ----


def test_events_and_the_audit_log_land_only_where_they_are_named(case: Case) -> None:
    """They are extras, and cost many requests."""
    with case.org() as sim:
        named = {"conversation_event": {}, "audit_log": {"enabled": True}}
        for settings, wanted in (
            ({}, set()),
            ({"tables": named}, {"conversation_event", "audit_log"}),
            ({"tables": named, "extras": False}, set()),
        ):
            found = {t.name for t in choose(connection_to(sim, case.database, **settings))}
            assert found & {"conversation_event", "audit_log"} == wanted


def test_the_events_of_conversations_are_those_that_kustomer_lists(case: Case) -> None:
    """In a living org: each conversation's as long as it changes."""
    with case.org(hard_deletes=False) as sim:
        connection = case.connect(sim, tables=("conversation", "conversation_event"))
        case.sync(connection)
        case.sync(connection)
        sim.mutator.stop()
        sim.settle()
        sim.clock.advance(60)
        assert case.sync(connection).status == "SUCCESSFUL"
        listed = set()
        with httpx2.Client(base_url=sim.url) as http:
            http.headers["authorization"] = f"Bearer {sim.token}"
            for version in sim.ledger.current("conversation"):
                for page in range(1, 9):
                    path = f"/v1/conversations/{version.id}/events?page={page}"
                    listed |= {(e["id"], version.id) for e in http.get(path).json()["data"]}
        rows = case.ask("SELECT id, conversation_id, _fivetran_deleted, name, changes IS NOT NULL "
                        "FROM kustomer.conversation_event")  # fmt: skip
        assert len(listed) > sim.world.base.count("conversation")
        assert sorted(row[:2] for row in rows) == sorted(listed)
        assert {row[2:] for row in rows} <= {
            (False, f"kustomer.conversation.{verb}", True)
            for verb in ("create", "update", "delete")
        }


def test_events_that_kustomer_keeps_no_longer_stay(case: Case) -> None:
    """How long it keeps them is not documented; that they go is no word that they never were."""
    with case.org(rate=0, events_kept_days=5000) as sim:
        connection = case.connect(sim, tables=("conversation", "conversation_event"))
        before = case.sync(connection).tables["conversation_event"].rows
        changed = next(living(sim, "conversation", 3))
        sim.clock.advance(5001 * DAY)
        sim.edit("conversation", changed, {"priority": 1})
        sim.clock.advance(60)
        report = case.sync(connection)
        assert report.tables["conversation_event"].rows == before + 1
        flagged = "SELECT count(*) FROM kustomer.conversation_event WHERE _fivetran_deleted"
        assert case.ask(flagged) == [(0,)]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_the_audit_log_is_there_to_its_last_entry(
    case: Case, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a living org, in whichever order Kustomer has it, and of many pages each time."""
    monkeypatch.setattr(
        "kustomer_sync.sync.log.walk", lambda client, path, _: walk(client, path, {"count": "25"})
    )
    with case.org(audit_order=order) as sim:
        connection = case.connect(sim, tables=("audit_log",))
        for _ in range(2):
            before = len(sim.world.writes)
            while sum(v.kind in AUDITED for v in sim.world.writes[before:]) < 60:
                sim.mutator.step()
            sim.clock.advance(60)
            case.sync(connection)
        sim.mutator.stop()
        sim.clock.advance(60)
        assert case.sync(connection).status == "SUCCESSFUL"
        wanted = sum(version.kind in AUDITED for version in sim.world.writes)
        assert wanted > 0
        told = (
            "SELECT count(*), count(DISTINCT id), count(org_id), count(object_id), count(changes) "
        )
        assert case.ask(f"{told}FROM kustomer.audit_log") == [(wanted,) * 5]


@pytest.mark.parametrize(("order", "pages"), [("desc", 1), ("asc", 3)])
def test_only_the_newest_pages_of_the_audit_log_are_read_again(
    connect: Connect, order: Any, pages: int
) -> None:
    """Back to what was there, and the overlap; all of them where it begins with the oldest."""
    with Simulator(limits=UNLIMITED, switches=Switches(audit_order=order)) as sim:
        connection = connect(sim, tables={"audit_log": {}}, overlap_seconds=5)
        customer = sim.id("customer", 5)
        for number in range(2_100):
            sim.edit("customer", customer, {"name": f"number {number}"})
            sim.clock.advance(number % 2)
        assert sync(connection, tables=["audit_log"]).tables["audit_log"].rows == 2_100
        sim.clock.advance(3600)
        sim.edit("customer", customer, {"name": "last"})
        sim.requests.clear()
        report = sync(connection, tables=["audit_log"])
        assert report.tables["audit_log"].inserted == 1
        assert sim.requests.total == 1 + pages  # the first tells of the key


def test_an_audit_log_that_can_not_be_read_costs_a_warning(connect: Connect) -> None:
    """It names the role."""
    with Simulator(limits=UNLIMITED) as sim:
        sim.revoke_role("org.permission.audit_logs.read")
        report = sync(connect(sim, tables={"audit_log": {}}), tables=["audit_log"])
        assert report.status == "SUCCESSFUL"
        (said,) = (w.message for w in report.warnings if w.code == "role_missing")
        assert "org.permission.audit_logs.read" in said
