"""What a search by `updatedAt` does not show: quiet deletes, records erased for good, merges."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from kustomer_sync.destinations import destination
from kustomer_sync.kustomer import windows
from kustomer_sync.kustomer.catalog import KOBJECT
from kustomer_sync.report import Progress
from kustomer_sync.settings import Connection
from kustomer_sync.simulator import Simulator, Switches
from kustomer_sync.sync import choose, sweep, sync
from tests.acceptance.case import SPINE, TINY, UNLIMITED, Case, living
from tests.acceptance.conftest import Meanwhile
from tests.acceptance.truth import differences

Connect = Callable[..., Connection]
Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.mark.parametrize("table", ["customer", "conversation", "message", "kobject"])
def test_an_erased_record_is_flagged_with_its_children_and_returns(case: Case, table: str) -> None:
    """Found by the daily comparison, not by the next polling; the rows stay."""
    with case.org() as sim:
        connection = case.connect(sim)
        there = list(living(sim, table, 7))
        case.sync(connection)
        gone = next(one for one in living(sim, table, 7) if one in there)
        record = sim.get(table, gone)
        assert record is not None
        own = case.klass_table(sim, gone) if table == "kobject" else ""
        sim.hard_delete(table, gone)
        sim.clock.advance(60)
        case.sync(connection)
        flagged = f"SELECT id FROM kustomer.{table} WHERE _fivetran_deleted"
        assert (gone,) not in case.ask(flagged)
        sim.mutator.stop()
        sim.clock.advance(24 * 3600)
        report = case.sync(connection)
        assert report.tables[table].deleted >= 1
        assert (gone,) in case.ask(flagged)
        if own:
            assert (gone,) in case.ask(f"SELECT id FROM kustomer.{own} WHERE _fivetran_deleted")
        sim.restore(table, record)
        sim.clock.advance(60)
        case.sync(connection)
        assert (gone,) not in case.ask(flagged)
        case.assert_equal(sim, connection)


@pytest.mark.parametrize("get_deleted", ["record", "404"])
def test_a_soft_delete_that_moves_no_time_is_found_by_the_daily_comparison(
    case: Case, get_deleted: Any
) -> None:
    """The record says so itself; it is not flagged as gone. Nothing else in the org differs."""
    with case.org(rate=0, delete_bumps_updated_at=False, get_deleted=get_deleted) as sim:
        connection = case.connect(sim)
        case.sync(connection)
        gone = next(living(sim, "conversation", 9))
        sim.soft_delete("conversation", gone)
        sim.clock.advance(24 * 3600 + 60)
        sim.requests.clear()
        case.sync(connection)
        assert not any(line.path.endswith(gone) for line in sim.requests.lines)  # seen by now
        told = f"SELECT deleted FROM kustomer.conversation WHERE id = '{gone}'"
        assert case.ask(told) == [(True,)]
        flagged = "SELECT id FROM kustomer.conversation WHERE _fivetran_deleted"
        assert case.ask(flagged) == []
        case.assert_equal(sim, connection)


def test_a_soft_deleted_record_that_is_searched_at_its_old_moment_is_not_flagged(
    database: Path,
) -> None:
    """There an erased one that was soft-deleted makes up for it, and its own path hides it."""
    case = Case(500, 10_000, database)
    with case.org(rate=0, get_deleted="404", delete_moves_in_index=False) as sim:
        connection = case.connect(sim)
        case.sync(connection)
        old = [one for (one,) in case.ask(
            "SELECT id FROM kustomer.conversation WHERE deleted IS NOT TRUE AND updated_at < "
            "now() - INTERVAL 740 DAY ORDER BY updated_at"
        )]  # fmt: skip
        sim.edit("conversation", old[1], {"deleted": True}, bump=False)
        sim.soft_delete("conversation", old[2])
        for _ in range(4):
            sim.clock.advance(24 * 3600 + 60)
            case.sync(connection)
            flagged = case.ask("SELECT id FROM kustomer.conversation WHERE _fivetran_deleted")
            assert (old[2],) not in flagged
            if sim.get("conversation", old[1]):
                sim.hard_delete("conversation", old[1])


@pytest.mark.parametrize("table", ["conversation", "note"])
def test_a_soft_deleted_record_of_a_time_that_can_not_be_searched_is_not_flagged(
    database: Path, table: str
) -> None:
    """It is over two years ago by now; there is no archive, or it knows no notes."""
    case = Case(500, 10_000, database)
    switches: Any = {"get_deleted": "404", "delete_moves_in_index": False}
    with case.org(rate=0, archive_available=table == "note", **switches) as sim:
        connection = case.connect(sim, tables=(table,))
        case.sync(connection)
        ((old, days),) = case.ask(
            f"SELECT id, date_diff('day', updated_at, now()) FROM kustomer.{table} "
            "WHERE deleted IS NOT TRUE AND updated_at > now() - INTERVAL 720 DAY "
            "ORDER BY updated_at LIMIT 1"
        )
        sim.soft_delete(table, old)
        sim.clock.advance(24 * 3600 + 60)
        case.sync(connection)
        assert case.ask(f"SELECT deleted FROM kustomer.{table} WHERE id = '{old}'") == [(True,)]
        sim.clock.advance((740 - days) * 24 * 3600)
        assert not {w.code for w in case.sync(connection).warnings} & {"sweep_failed"}
        assert case.ask(f"SELECT id FROM kustomer.{table} WHERE _fivetran_deleted") == []


@pytest.mark.parametrize("bumps", [True, False])
def test_what_a_merge_moved_is_the_other_customer_s(case: Case, bumps: bool) -> None:
    """Whether or not the moved records' `updatedAt` moves."""
    with case.org(rate=0, merge_bumps_updated_at=bumps) as sim:
        connection = case.connect(sim)
        case.sync(connection)
        source, target = islice(living(sim, "customer", 5), 2)
        moved = case.ask(
            f"SELECT count(*) FROM kustomer.conversation WHERE customer_id = '{source}'"
        )
        assert moved != [(0,)]
        sim.merge(source, target)
        sim.clock.advance(60)
        case.sync(connection)
        for table in ("conversation", "message", "kobject"):
            query = f"SELECT count(*) FROM kustomer.{table} WHERE customer_id = '{source}'"
            assert case.ask(query) == [(0,)]
        case.assert_equal(sim, connection)


def test_nothing_is_flagged_when_a_look_by_id_shows_nothing_at_all(case: Case) -> None:
    """A path that finds no living record either proves nothing; a warning says so."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim)
        case.sync(connection)
        sim.hard_delete("conversation", next(living(sim, "conversation", 7)))
        sim.clock.advance(24 * 3600 + 60)
        sim.faults.add("empty", r"/v1/conversations/[0-9a-f]{24}$", value=404)
        report = case.sync(connection)
        assert report.tables["conversation"].deleted == 0
        assert "sweep_unconfirmed" in {w.code for w in report.warnings}
        sim.faults.clear()
        assert case.sync(connection, reimport=True).tables["conversation"].deleted >= 1
        case.assert_equal(sim, connection)


def test_the_comparison_of_an_unchanged_org_costs_its_counts_and_changes_nothing(
    connect: Connect,
) -> None:
    """Two counts a span for tables that say `deleted`, one for the others."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        sync(connection)
        sim.clock.advance(24 * 3600 + 60)
        sim.requests.clear()
        report = sync(connection)
        assert all(t.deleted == t.updated == t.inserted == 0 for t in report.tables.values())
        polling = 6
        counts = (2 + 2 + 1 + 1 + 1) * 2 * 3  # two spans, old times counted in both searches
        counts += 2  # notes; the old ones are in no search
        assert sim.requests.searches <= polling + counts
        read = [line for line in sim.requests.lines if "search?" in f"{line.path}?{line.query}"]
        assert sum("idsOnly" not in line.query for line in read) == polling


def test_the_comparison_tells_its_requests_before_it_sends_them(connect: Connect) -> None:
    """Of each table, as many as it takes where nothing differs."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        sync(connection)
        sim.clock.advance(24 * 3600 + 60)
        seen: list[Progress] = []
        sync(connection, progress=seen.append)
        told = [now for now in seen if now.phase.startswith("comparing ")]
        first = {now.phase: now for now in reversed(told)}
        assert {f"comparing {name} with the source" for name in SPINE[3:]} <= first.keys()
        for phase, now in first.items():
            after = next(n for n in seen[seen.index(now) :] if n.phase != phase)
            assert now.cost > 0
            assert after.searches - now.searches == now.cost


def test_looks_for_what_was_erased_are_announced_and_none_is_paid_twice(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sync that is stopped keeps what it found gone; the next one looks for the rest."""
    monkeypatch.setattr(sweep, "_PART", 4)
    case = Case(500, 10_000, database)
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("message",))
        case.sync(connection)
        erased = list(islice(living(sim, "message", 0), 20))
        for one in erased:
            sim.hard_delete("message", one)
        sim.clock.advance(24 * 3600 + 60)
        stop = threading.Event()
        looks = f"/v1/messages/({'|'.join(erased)})$"
        sim.faults.rules.append(Meanwhile(looks, lambda n: stop.set() if n == 10 else None))
        seen: list[Progress] = []
        report = case.sync(connection, stop=stop, progress=seen.append)
        assert report.status == "CANCELED"
        assert max(now.cost for now in seen if now.phase.startswith("looking for")) == 20
        flagged = "SELECT count(*) FROM kustomer.message WHERE _fivetran_deleted"
        ((kept,),) = case.ask(flagged)
        assert 4 <= kept < 20
        sim.faults.clear()
        sim.requests.clear()
        case.sync(connection)
        assert case.ask(flagged) == [(20,)]
        asked = [line.path for line in sim.requests.lines if re.search(looks, line.path)]
        assert len(asked) == 20 - kept


@pytest.mark.parametrize("returns", [True, False])
def test_a_table_that_shrank_by_half_is_searched_again_and_reported_first(
    database: Path, returns: bool
) -> None:
    """What a second reading shows is not even looked for by its id."""
    case = Case(500, 10_000, database)
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("message",))
        case.sync(connection)
        there = case.ask("SELECT id FROM kustomer.message WHERE NOT _fivetran_deleted ORDER BY 1")
        gone = {one: sim.get("message", one) for (one,) in there[: len(there) * 2 // 3]}
        for one in gone:
            sim.hard_delete("message", one)
        sim.clock.advance(24 * 3600 + 60)

        def back(number: int) -> None:
            if returns and number == 5:  # the changes; before them the spans were read once
                for record in gone.values():
                    assert record is not None
                    sim.restore("message", record, bump=False)
                sim.settle()

        sim.faults.rules.append(Meanwhile(r"search\?page=1&pageSize=500", back))
        sim.requests.clear()
        report = case.sync(connection)
        assert {w.code for w in report.warnings} == {"table_shrank"}
        assert report.tables["message"].deleted == (0 if returns else len(gone))
        asked = {line.path.rpartition("/")[2] for line in sim.requests.lines}
        assert asked & gone.keys() == (set() if returns else gone.keys())


def test_attachments_wait_for_the_role_and_land_when_it_is_there(case: Case) -> None:
    """A search that includes none: the messages are read again by conversation."""
    with case.org() as sim:
        connection = case.connect(sim)
        fault = sim.faults.add("forbidden", r"/v1/conversations/[0-9a-f]{24}/messages")
        report = case.sync(connection)
        assert report.exit_code == 0
        assert fault.fired
        assert any("message_attachment" in w.message for w in report.warnings)
        assert report.tables["message_attachment"].rows == 0
        sim.faults.clear()
        assert case.sync(connection).tables["message_attachment"].rows > 0
        case.assert_equal(sim, connection)


@pytest.mark.parametrize("owners", [20, 4])
def test_equal_times_beyond_the_cap_lose_nothing(database: Path, owners: int) -> None:
    """300 conversations of one moment, with a cap of 100 records; some created at once too.

    Of so many customers, who have less of these than fill a page, or more, alike in their names.
    """
    case = Case(20, 100, database)
    at = "2026-03-01T12:00:00.000Z"
    with case.org(rate=0) as sim:
        customers = [sim.id("customer", n) for n in range(owners)]
        for n in range(300):
            created = at if n < 150 else f"2026-02-{1 + n % 28:02}T10:00:00.{n:03}Z"
            sim.create(
                "conversation",
                {"name": f"equal {n % owners}", "createdAt": created, "updatedAt": at, "tags": []},
                {"customer": customers[n % owners]},
            )
        sim.settle()
        connection = case.connect(sim)
        report = case.sync(connection)
        assert report.status == "SUCCESSFUL"
        assert "window_incomplete" not in {w.code for w in report.warnings}
        case.assert_equal_by_polling(sim, connection)


def test_what_changes_while_it_is_compared_is_not_flagged(connect: Connect, database: Path) -> None:
    """Each table lacks a record and has its newest changed by every count; a klass is unlisted."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        sync(connection)
        sim.revoke_role("klass.read")
        sim.add_klass("late")
        sim.clock.advance(60)
        sync(connection)
        for table in ("customer", "conversation", "message", "kobject"):
            sim.hard_delete(table, sim.id(table, -5))
        sim.clock.advance(24 * 3600 + 60)
        fault = sim.faults.add("shift", "idsOnly", value=1)
        report = sync(connection)
        assert fault.fired > 4
        flagged = {n: report.tables[n].deleted for n in ("customer", "conversation", "message",
                                                         "kobject", "kobject_late")}  # fmt: skip
        assert flagged == {"customer": 1, "conversation": 1, "message": 1, "kobject": 1,
                           "kobject_late": 0}  # fmt: skip
        sim.faults.clear()
        sim.clock.advance(60)
        sync(connection)
        told = [table for table in choose(connection) if table.name != "klass"]
        assert differences(sim, database, tables=told) == []


def test_a_span_of_which_nothing_is_left_is_flagged_whole(case: Case) -> None:
    """The record that shows the path to work lies elsewhere."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim)
        case.sync(connection)
        there = destination(
            f"duckdb:///{case.database}", schema="kustomer", system_prefix="_fivetran_",
            memory_limit="128MB", hold_seconds=0,
        )  # fmt: skip
        span = there.spread(KOBJECT, 0, 4_000_000_000_000, 3)[2]
        erased = there.ids(KOBJECT, span.lo, span.hi)
        for gone in erased:
            sim.hard_delete("kobject", gone)
        sim.clock.advance(24 * 3600 + 60)
        assert case.sync(connection).tables["kobject"].deleted == len(erased) > 1
        case.assert_equal(sim, connection)


def test_a_row_too_many_does_not_hide_one_too_few(connect: Connect, database: Path) -> None:
    """Counts that agree by chance do so once: the next day's spans begin elsewhere."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        sync(connection)
        times = sorted((v.updated, v.id) for v in sim.ledger.current("conversation"))
        two_years_ago = windows.millis(datetime.now(UTC) - timedelta(days=700))
        oldest = next(at for at, _ in times if at > two_years_ago)  # all of one search's span
        sim.hard_delete("conversation", times[-1][1])
        late = {"name": "late", "updatedAt": windows.iso(oldest + 1000), "tags": []}
        sim.create("conversation", late, {"customer": sim.id("customer", 1)})
        for _ in range(4):
            sim.clock.advance(24 * 3600 + 60)
            sync(connection)
        assert differences(sim, database) == []


def test_a_refusal_is_no_proof_that_a_record_is_gone(case: Case) -> None:
    """Only the word that there is none is."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim)
        case.sync(connection)
        gone = next(living(sim, "conversation", 7))
        sim.hard_delete("conversation", gone)
        sim.clock.advance(24 * 3600 + 60)
        fault = sim.faults.add("status", f"/v1/conversations/{gone}$", value=400)
        case.sync(connection)
        assert fault.fired == 1
        flagged = "SELECT id FROM kustomer.conversation WHERE _fivetran_deleted"
        assert (gone,) not in case.ask(flagged)
        sim.faults.clear()
        case.sync(connection, reimport=True)
        assert (gone,) in case.ask(flagged)
        case.assert_equal(sim, connection)


def test_without_the_archive_the_recent_part_is_compared(case: Case) -> None:
    """What can't be read is left alone; a quiet delete in the rest is found."""
    with case.org(rate=0, archive_available=False, delete_bumps_updated_at=False) as sim:
        connection = case.connect(sim)
        case.sync(connection)
        gone = sim.id("conversation", -1)
        sim.soft_delete("conversation", gone)
        sim.clock.advance(24 * 3600 + 60)
        report = case.sync(connection)
        assert "sweep_failed" not in {w.code for w in report.warnings}
        query = f"SELECT deleted FROM kustomer.conversation WHERE id = '{gone}'"
        assert case.ask(query) == [(True,)]


@pytest.mark.parametrize("status", [403, 400])
def test_a_merge_is_remembered_until_its_records_could_be_read(case: Case, status: int) -> None:
    """The role is lacking, or a look is refused: what moved is found later, by nothing else."""
    with case.org(rate=0, merge_bumps_updated_at=False) as sim:
        connection = case.connect(sim)
        case.sync(connection)
        source, target = islice(living(sim, "customer", 5), 2)
        owned = f"SELECT count(*) FROM kustomer.conversation WHERE customer_id = '{source}'"
        sim.merge(source, target)
        sim.clock.advance(60)
        fault = sim.faults.add("status", r"/v1/conversations/[0-9a-f]{24}$", value=status)
        report = case.sync(connection)
        assert report.status == "SUCCESSFUL"
        assert fault.fired
        assert case.ask(owned) != [(0,)]
        assert status != 403 or "role_missing" in {w.code for w in report.warnings}
        sim.faults.clear()
        sim.clock.advance(60)
        case.sync(connection)
        case.assert_equal(sim, connection)


def test_a_merge_that_can_not_be_followed_is_tried_once_a_day(connect: Connect) -> None:
    """Not at every sync: each costs a request for every record of the customer."""
    switches = Switches(merge_bumps_updated_at=False)
    with Simulator(switches=switches, limits=UNLIMITED) as sim:
        connection = connect(sim)
        sync(connection)
        sim.merge(sim.id("customer", 5), sim.id("customer", 6))
        looks = sim.faults.add("status", r"/v1/conversations/[0-9a-f]{24}$", value=403)
        asked = []
        for seconds in (60, 60, 24 * 3600):
            sim.clock.advance(seconds)
            before = looks.fired
            sync(connection)
            asked.append(looks.fired > before)
        assert asked == [True, False, True]


def test_a_comparison_that_failed_forgets_no_merge(connect: Connect, database: Path) -> None:
    """A merge that moves no time is found by comparison alone, days later if need be."""
    quiet = Switches(merge_bumps_updated_at=False, delete_bumps_updated_at=False)
    with Simulator(switches=quiet, limits=UNLIMITED) as sim:
        connection = connect(sim)
        sync(connection)
        sim.clock.advance(60)
        source, target = islice(living(sim, "customer", 6), 2)
        sim.merge(source, target)
        sim.faults.add("status", "/search.*pageSize=1(&|$)", value=400)
        for _ in range(3):
            sim.clock.advance(24 * 3600 + 60)
            report = sync(connection)
            assert "sweep_failed" in {w.code for w in report.warnings}
        sim.faults.clear()
        sim.clock.advance(24 * 3600 + 60)
        sync(connection)
        assert differences(sim, database) == []


def test_a_merge_met_by_a_sync_of_customers_alone_is_remembered(case: Case) -> None:
    """The next sync of everything follows it."""
    with case.org(rate=0, merge_bumps_updated_at=False) as sim:
        connection = case.connect(sim)
        case.sync(connection)
        sim.merge(*islice(living(sim, "customer", 5), 2))
        sim.clock.advance(60)
        case.sync(connection, tables=["customer"])
        sim.clock.advance(60)
        case.sync(connection)
        case.assert_equal(sim, connection)


def test_an_erased_record_that_had_been_soft_deleted_is_flagged(
    connect: Connect, database: Path
) -> None:
    """Only the counts with deleted ones tell."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        gone = sim.id("conversation", 40)
        sim.soft_delete("conversation", gone)
        sim.clock.advance(60)
        sync(connection)
        sim.hard_delete("conversation", gone)
        sim.clock.advance(24 * 3600 + 60)
        assert sync(connection).tables["conversation"].deleted == 1
        assert differences(sim, database) == []


def test_a_comparison_that_can_not_read_its_spans_flags_nothing(
    connect: Connect, database: Path
) -> None:
    """The counts differ, and the search is refused from then on: a warning, and no flag."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        sync(connection)
        sim.hard_delete("conversation", next(living(sim, "conversation", 7)))
        sim.clock.advance(24 * 3600 + 60)
        refused = sim.faults.add("status", r"search\?page=1&pageSize=500$", value=400, skip=4)
        report = sync(connection)
        assert refused.fired
        assert "sweep_incomplete" in {w.code for w in report.warnings}
        assert report.tables["conversation"].deleted == 0
        sim.faults.clear()
        assert sync(connection, reimport=True).tables["conversation"].deleted == 1


def test_attachments_stay_while_they_can_not_be_asked_for(connect: Connect) -> None:
    """A message read again by a search that includes none keeps those it has."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        assert sync(connection).tables["message_attachment"].rows == 150
        for n in range(100):
            sim.edit("message", sim.id("message", n), {})
        sim.clock.advance(60)
        sim.faults.add("forbidden", r"/v1/conversations/[0-9a-f]{24}/messages")
        report = sync(connection)
        assert report.tables["message"].updated == 100
        assert report.tables["message_attachment"].rows == 150


def test_attachments_of_messages_that_nothing_leads_to_land(connect: Connect, query: Query) -> None:
    """No conversation, or one that is gone with its customer: each is asked for by its own id."""
    with Simulator(limits=UNLIMITED) as sim:
        talk, customer = sim.id("conversation", 40), sim.id("customer", 10)
        sent = [
            sim.create("message", {"subject": "of nobody"}),
            sim.create("message", {"subject": "of the gone"},
                       {"conversation": talk, "customer": customer}),
        ]  # fmt: skip
        held = [sim.create("attachment", {"name": "a.png"}, {"message": one}) for one in sent]
        sim.hard_delete("conversation", talk)
        sim.hard_delete("customer", customer)
        sim.clock.advance(60)
        sync(connect(sim))
        found = query("SELECT id FROM kustomer.message_attachment")
        assert {(one,) for one in held} <= set(found)


def test_attachments_are_flagged_as_their_message_is(case: Case) -> None:
    """Where its search does not name them, too; and again when it is there again."""
    case = replace(case, character="pleasant")
    with case.org(rate=0, delete_bumps_updated_at=True) as sim:
        connection = case.connect(sim, tables=("message",))
        case.sync(connection)
        ((one, count),) = case.ask(
            "SELECT message_id, count(*) FROM kustomer.message_attachment a "
            "JOIN kustomer.message m ON m.id = message_id WHERE NOT m._fivetran_deleted "
            "GROUP BY 1 ORDER BY 1 LIMIT 1"
        )
        flags = (
            "SELECT count(*) FILTER (_fivetran_deleted) FROM kustomer.message_attachment "
            f"WHERE message_id = '{one}'"
        )
        for change, flagged in ((sim.soft_delete, count), (sim.undelete, 0)):
            change("message", one)
            sim.settle()
            sim.clock.advance(60)
            report = case.sync(connection)
            assert report.status == "SUCCESSFUL", report.error
            assert case.ask(flags) == [(flagged,)]
            assert report.tables["message_attachment"].deleted == flagged


def test_attachments_that_are_named_alone_are_read_by_their_own_paths(
    connect: Connect, query: Query
) -> None:
    """Where the key may not, that is said, and they come a day after it may."""
    switches = Switches(attachments_included=False)
    with Simulator(scale=TINY, switches=switches, limits=UNLIMITED) as sim:
        connection = connect(sim)
        spoken = ["conversation", "message"]
        sim.revoke_role("org.permission.attachment.read")
        report = sync(connection, tables=spoken)
        assert report.tables["message_attachment"].rows == 0
        assert "org.permission.attachment.read" in str([w.message for w in report.warnings])
        sim.grant_role("org.permission.attachment.read")
        sim.clock.advance(24 * 3600 + 60)
        report = sync(connection, tables=spoken)
        assert report.warnings == []
        named = {
            one for (one,) in query("SELECT id FROM kustomer.message_attachment WHERE name <> ''")
        }
        assert named == {v.id for v in sim.ledger.current("attachment")}


def test_attachments_that_a_search_includes_cost_no_request_more(connect: Connect) -> None:
    """They are asked for with the search; only where it brings none, by conversation."""
    with Simulator(switches=Switches(search_includes_attachments=True), limits=UNLIMITED) as sim:
        assert sync(connect(sim)).tables["message_attachment"].rows == 150
        assert sim.requests.count("/messages$") == 0
        assert any("include=attachments" in line.query for line in sim.requests.lines)
