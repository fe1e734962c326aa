"""Whatever happens in the org while syncs run, the destination ends equal to it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from kustomer_sync.settings import Connection
from kustomer_sync.simulator import Simulator, Switches
from kustomer_sync.sync import choose, sync
from tests.acceptance.case import EVERYTHING, TINY, UNLIMITED, Case, living
from tests.acceptance.hostile import hostile_differences
from tests.acceptance.truth import contents

Connect = Callable[..., Connection]
REFERENCE: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "contract" / "reference_schema.json").read_text("utf-8")
)


def test_the_destination_equals_the_org_under_change(case: Case) -> None:
    """Syncs while 20 changes a second are made: no row lost, doubled, stale, or wrong."""
    with case.org(seed=case.size + case.cap) as sim:
        connection = case.connect(sim, tables=EVERYTHING)
        for _ in range(2):
            report = case.sync(connection)
            assert report.status == "SUCCESSFUL", report.error
        case.assert_equal(sim, connection)


@pytest.mark.parametrize(
    "switches",
    [
        {"total_capped": 10_000, "page_cap_status": 404, "past_last_page": "404"},
        {"record_cap": None, "past_record_cap": "empty", "subsecond_exact": False},
        {
            "users_list_includes_deleted": True, "tags_list_includes_deleted": False,
            "teams_list_includes_deleted": False, "core_lists_include_deleted": True,
        },
        {
            "klass_link_singular": False, "emulation_as_word": True, "tags_as_names": True,
            "shuffle_ties": False,
        },
        {"archive_boundary": "overlapping", "get_deleted": "404"},
        {"horizon_days": None, "ids_only": "ignored"},
        {"ratelimit_headers_on_search": "org", "reset_unit": "ms", "error_shape": "B"},
        {"ratelimit_headers": False, "empty_error_bodies": True},
        {"list_page_size_reported": False, "list_max_page_size": 7},
        {"reset_unit": "delta", "retry_after": True, "search_counts_towards_org": False},
        {"search_includes_attachments": True, "ids_searchable": True, "string_ranges": True},
        {"delete_bumps_updated_at": False, "merge_bumps_updated_at": False},
        {"delete_moves_in_index": False, "note_deletes_visible": False,
         "company_deletes_visible": False},
        {  # a soft-deleted company is then in no search, and where lists hide it nowhere
            "company_context": False, "core_lists_include_deleted": True, "sorts": "customers",
            "ids_only": "refused", "search_includes_attachments": "refused",
        },
    ],
    ids=["capped-totals", "whole-seconds", "lists-other-way", "tag-names", "archive-overlaps",
         "no-horizon", "headers-of-org", "no-headers", "bare-meta", "reset-in-seconds",
         "attachments-included", "quiet-deletes", "deletes-stay-in-index", "sparing-search"],
)  # fmt: skip
def test_either_answer_to_an_open_question_gives_the_same_rows(
    case: Case, switches: dict[str, Any]
) -> None:
    """The reader assumes neither answer to what Kustomer's documentation leaves open."""
    with case.org(seed=3, **switches) as sim:
        connection = case.connect(sim, tables=EVERYTHING)
        sim.mutator.step(60)
        report = case.sync(connection)
        assert report.status == "SUCCESSFUL", report.error
        sim.mutator.step(60)
        case.assert_equal(sim, connection)


def test_a_second_sync_of_an_unchanged_org_changes_nothing_and_only_polls(
    connect: Connect, database: Path
) -> None:
    """Identical tables, one search for each searched table, and two looks at the work sessions."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        first = sync(connection)
        assert first.status == "SUCCESSFUL"
        assert [name for name, table in first.tables.items() if not table.rows] == []
        before = contents(database)
        sim.clock.advance(3600)
        second = sync(connection)
        assert second.status == "SUCCESSFUL"
        assert {n: t.rows for n, t in second.tables.items()} == {
            n: t.rows for n, t in first.tables.items()
        }
        assert second.requests["search"] == 6
        assert second.requests["total"] == 9
        assert all((t.inserted, t.updated, t.deleted) == (0, 0, 0) for t in second.tables.values())
        assert contents(database) == before


def test_what_changed_in_the_six_incremental_tables_is_all_that_is_read(connect: Connect) -> None:
    """Those that the reference connector names: one page each, its record and its elements."""
    edits: dict[str, dict[str, Any]] = {
        "conversation": {"name": "new"}, "customer": {"name": "new"}, "message": {"preview": "new"},
        "note": {"body": "new"}, "kobject": {"title": "new"}, "work_session": {"active": False},
    }  # fmt: skip
    with Simulator(scale=TINY, limits=UNLIMITED) as sim:
        connection = connect(sim, overlap_seconds=0)
        first = sync(connection, tables=tuple(edits))
        sim.clock.advance(60)
        for kind, edit in edits.items():
            sim.edit(kind, next(living(sim, kind, 3)), edit)
        tags = [sim.id("tag", 1), sim.id("tag", 2)]
        sim.edit("conversation", next(living(sim, "conversation", 3)), {"tags": tags})
        sim.clock.advance(3600)
        second = sync(connection, tables=tuple(edits))
        changed = {name: (t.inserted, t.updated) for name, t in second.tables.items()}
        assert {changed[name] for name in edits} == {(0, 1)}
        assert sum(changed["conversation_tag"]) > 0
        assert second.requests["search"] == 5
        assert first.requests["search"] >= 5


def test_without_extras_the_reference_schema_alone_lands(connect: Connect, database: Path) -> None:
    """Every table and column of it, and beside them only custom and system columns."""
    with Simulator(scale=TINY, limits=UNLIMITED) as sim:
        assert sync(connect(sim, extras=False)).status == "SUCCESSFUL"
    with duckdb.connect(str(database), read_only=True) as db:
        landed: dict[str, set[str]] = {}
        for table, column in db.execute(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = 'kustomer' AND NOT starts_with(table_name, '_kustomer_sync_') "
            "AND NOT starts_with(column_name, 'custom_') "
            "AND NOT starts_with(column_name, '_fivetran_')"
        ).fetchall():
            landed.setdefault(table, set()).add(column)
    klasses = {name for name in landed if name.startswith("kobject_")} - set(REFERENCE)
    assert klasses
    assert set(landed) - klasses == set(REFERENCE)
    for name, table in REFERENCE.items():
        theirs = {c for c in table["columns"] if not c.startswith("_fivetran_")}
        assert landed[name] == theirs, name
    for name in klasses:
        assert landed[name] <= landed["kobject"], name


def test_a_reimport_of_an_unchanged_org_changes_nothing(connect: Connect, database: Path) -> None:
    """Re-reading everything, elements keep their order, index and keys."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim, overlap_seconds=10**9)
        assert sync(connection).status == "SUCCESSFUL"
        before = contents(database)
        sim.clock.advance(60)
        again = sync(connection, reimport=True)
        assert again.requests["total"] > 10
        assert contents(database) == before


@pytest.mark.slow
def test_a_hostile_org_lands_with_a_burst_and_then_changes_nothing(
    connect: Connect, database: Path
) -> None:
    """2,000 records of one millisecond; read whole again, no row is rewritten.

    But once: a value may land as NULL before another shows that its column is to be text.
    """
    with Simulator(character="hostile", limits=UNLIMITED) as sim:
        connection = connect(sim, overlap_seconds=10**9)
        moments = Counter(
            r["attributes"].get("updatedAt") for r in sim.ledger.records("message").values()
        )
        assert max(moments.values()) >= 2_000
        assert sync(connection).status == "SUCCESSFUL"
        assert hostile_differences(sim, database, choose(connection)) == []
        for _ in range(2):
            before = contents(database)
            sim.clock.advance(60)
            assert sync(connection, reimport=True).status == "SUCCESSFUL"
        assert contents(database) == before
        assert hostile_differences(sim, database, choose(connection)) == []


def test_a_tag_that_vanishes_is_flagged_and_one_that_returns_is_not(case: Case) -> None:
    """Kustomer no longer has it: the row stays, flagged; back again: unflagged."""
    with case.org() as sim:
        connection = case.connect(sim)
        case.sync(connection)
        tag = sim.id("tag", 3)
        record = sim.get("tag", tag)
        assert record is not None
        sim.hard_delete("tag", tag)
        report = case.sync(connection, reimport=True)
        assert report.tables["tag"].deleted == 1
        query = "SELECT _fivetran_deleted FROM kustomer.tag WHERE id = ?"
        with duckdb.connect(str(case.database)) as db:
            assert db.execute(query, [tag]).fetchall() == [(True,)]
        sim.restore("tag", record)
        case.sync(connection, reimport=True)
        with duckdb.connect(str(case.database)) as db:
            assert db.execute(query, [tag]).fetchall() == [(False,)]


def test_cursors_reach_the_present_and_say_null_while_a_backfill_has_gaps(
    connect: Connect,
) -> None:
    """Without the archive, what is older than two years is missing and the cursor says so."""
    with Simulator(switches=Switches(archive_available=False), limits=UNLIMITED) as sim:
        report = sync(connect(sim))
        assert report.tables["conversation"].cursor is None
        assert "archive_unavailable" in {w.code for w in report.warnings}
    with Simulator(limits=UNLIMITED) as sim:
        report = sync(connect(sim, schema="whole"))
        assert report.tables["conversation"].cursor is not None


def test_metadata_is_asked_for_by_table(case: Case) -> None:
    """A sync of one table leaves the custom attributes of the others to be asked for."""
    with case.org() as sim:
        connection = case.connect(sim)
        case.sync(connection, tables=["message"])
        case.sync(connection)
        case.assert_equal(sim, connection)
    several = "SELECT typeof(custom_interests_str) FROM kustomer.customer LIMIT 1"
    with duckdb.connect(str(case.database)) as db:
        assert db.execute(several).fetchall() == [("JSON",)]
