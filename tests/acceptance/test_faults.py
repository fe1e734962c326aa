"""What goes wrong on the way to Kustomer costs time, never rows."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import pytest

from kustomer_sync.errors import KeyRefused
from kustomer_sync.simulator import Simulator
from kustomer_sync.simulator.faults import FaultName
from kustomer_sync.sync import Limits
from tests.acceptance.case import SPINE, UNLIMITED, Case, living

SEARCHED = ("customer", "conversation", "message", "kobject")
HASTY = Limits(page_seconds=1.5)
BRIEF = Limits(retry_seconds=1)
DAY = 86_400


def given_up(sim: Simulator) -> list[tuple[str, str, bytes]]:
    """Requests that a fault answered with an error, and that nothing answered as they are since."""
    lines = [((one.path, one.query, one.body), one) for one in sim.requests.lines]
    answered = {asked: one.number for asked, one in lines if one.status < 400}
    failed = [(asked, one.number) for asked, one in lines if one.fault and one.status >= 400]
    return [asked for asked, number in failed if answered.get(asked, -1) < number]


@pytest.mark.parametrize(
    ("name", "value"),
    [("status", 429), ("status", 500), ("status", 503), ("html", None), ("empty", None),
     ("reset", None), ("reset_body", None), ("cut_short", None), ("truncated", None),
     ("slow", 300), ("delay", 1), ("timed_out", None), ("duplicate_page", None), ("overlap", 10),
     ("repeat", None), ("shift", 3), ("wrong_total", 7), ("bad_utf8", None),
     ("surrogate", None)],
)  # fmt: skip
def test_a_passing_fault_loses_nothing(case: Case, name: FaultName, value: float | None) -> None:
    """Five searches go wrong in each way; the rows are the org's all the same."""
    soon = replace(UNLIMITED, window_seconds=2)  # a 429 is waited for until its window ends
    with case.org(limits=soon) as sim:
        connection = case.connect(sim)
        fault = sim.faults.add(name, "search", times=5, probability=0.7, value=value)
        report = case.sync(connection, limits=HASTY)
        assert report.status == "SUCCESSFUL", report.error
        assert fault.fired >= 3
        assert "role_missing" not in {w.code for w in report.warnings}  # none was given up
        assert given_up(sim) == []  # nor asked for in another way
        assert report.requests["rate_limited"] == (fault.fired if value == 429 else 0)
        sim.faults.clear()
        case.assert_equal(sim, connection)


_ELSEWHERE = ("/v1/(tags|teams|users|klasses)", "archive/search", "/conversations/.*/messages")
_BROKEN: tuple[tuple[FaultName, float | None], ...] = (
    ("status", 503), ("html", None), ("reset_body", None), ("cut_short", None),
    ("truncated", None), ("slow", 300), ("bad_utf8", None),
)  # fmt: skip


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        pytest.param(path, name, value, marks=[pytest.mark.slow] if (n + m) % 3 else [])
        for n, path in enumerate(_ELSEWHERE) for m, (name, value) in enumerate(_BROKEN)
    ],
)  # fmt: skip
def test_a_passing_fault_of_what_else_is_asked_loses_nothing(
    case: Case, path: str, name: FaultName, value: float | None
) -> None:
    """Lists, the archive, and what is asked for by each conversation."""
    with case.org() as sim:
        connection = case.connect(sim)
        fault = sim.faults.add(name, path, times=3, value=value)
        report = case.sync(connection, limits=HASTY)
        assert report.status == "SUCCESSFUL", report.error
        assert fault.fired == 3
        assert not {"role_missing", "not_told"} & {w.code for w in report.warnings}
        sim.faults.clear()
        case.assert_equal(sim, connection)


@pytest.mark.parametrize("name", ["next_foreign", "next_self"])
def test_a_link_that_leads_astray_is_not_followed(case: Case, name: FaultName) -> None:
    """It is said; the key goes to no other host; the next sync is whole."""
    with case.org() as sim:
        connection = case.connect(sim)
        sim.faults.add(name, "/v1/tags", times=5)
        report = case.sync(connection)
        if name == "next_foreign":
            assert report.exit_code == 1
            assert report.error is not None
            assert "link" in report.error.message
        else:
            assert "links back" in str([w.message for w in report.warnings])
        sim.faults.clear()
        case.assert_equal(sim, connection)


def test_a_listing_that_fails_half_way_flags_nothing(case: Case) -> None:
    """A shortened listing is read again before anything is believed gone."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim)
        case.sync(connection)
        sim.faults.add("shift", "/v1/users", times=1)
        report = case.sync(connection, reimport=True)
        assert report.tables["user"].deleted == 0
        case.assert_equal(sim, connection)


def test_an_expired_key_ends_the_sync_and_what_was_read_stays(case: Case) -> None:
    """Exit code 1 after it began, 2 before; with a new key nothing is missing."""
    with case.org() as sim:
        connection = case.connect(sim)
        sim.faults.add("expired", "search", times=1, skip=9)
        report = case.sync(connection)
        assert report.exit_code == 1
        assert report.error is not None
        assert "expired" in report.error.message
        assert sum(report.tables[name].rows for name in SEARCHED) > 0
        sim.expire_key()
        with pytest.raises(KeyRefused):
            case.sync(connection)
        sim.expire_key(False)
        case.assert_equal(sim, connection)


def test_a_withdrawn_role_costs_its_table_and_no_other(case: Case) -> None:
    """A warning names the role; given back, the rows come."""
    with case.org() as sim:
        connection = case.connect(sim)
        sim.revoke_role("org.permission.user.read")
        report = case.sync(connection)
        assert report.exit_code == 0
        (warning,) = (w for w in report.warnings if w.code == "role_missing")
        assert "org.permission.user.read" in warning.message
        assert report.tables["user"].rows == 0
        assert report.tables["message"].rows > 30
        sim.grant_role("org.permission.user.read")
        case.assert_equal(sim, connection)


def test_without_the_search_role_the_listed_tables_still_come(case: Case) -> None:
    """Each searched table costs a warning; the sync succeeds."""
    with case.org() as sim:
        sim.revoke_role("search.create")
        report = case.sync(case.connect(sim))
        assert report.exit_code == 0
        said = " ".join(w.message for w in report.warnings if w.code == "role_missing")
        assert all(name in said for name in ("customer", "conversation", "message", "kobject"))
        assert report.tables["tag"].rows > 0
        assert report.tables["customer"].rows == 0


@pytest.mark.parametrize(
    ("path", "unread"),
    [
        ("/v1/tags", {"tag"}),
        pytest.param(r"/v1/klasses\?", {"klass"}, marks=pytest.mark.slow),
        ("archive/search", {"customer", "message", "conversation"}),
        ("/v1/(conversations|customers)/[^/]*/messages|/v1/messages/", {"message_attachment"}),
        ("/v1/conversations/[^/]*/times", {"conversation_time"}),
    ],
)
def test_a_path_that_keeps_failing_costs_what_is_read_there_and_no_more(
    case: Case, path: str, unread: set[str]
) -> None:
    """All the rest is committed, then the sync fails with its error; the next one is whole."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=(*SPINE, "conversation_time", "klass"))
        sim.faults.add("status", path, value=500)
        report = case.sync(connection, limits=BRIEF)
        assert report.exit_code == 1
        assert report.error is not None
        assert "kept failing" in report.error.message
        said = [w.message.split()[0] for w in report.warnings if w.code == "not_read"]
        assert unread <= set(said)
        others = {*SPINE, "conversation_time", "message_attachment"} - unread
        for name in others if "archive" not in path else {"tag", "kobject"}:
            assert report.tables[name].rows > 0, name
        sim.faults.clear()
        sim.clock.advance(60)
        case.assert_equal(sim, connection)


def test_messages_of_no_conversation_that_all_fail_keep_nothing_else_from_being_asked_for(
    case: Case,
) -> None:
    """Each has but its own path; what is asked for after them comes, theirs by the next sync."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=(*SPINE, "conversation_time"))
        for lone in islice(living(sim, "message", 0), 14):
            sim.edit("message", lone, {}, {"conversation": {"data": None}})
        sim.settle()
        sim.clock.advance(60)
        sim.faults.add("status", "/v1/messages/", value=500)
        report = case.sync(connection, limits=BRIEF)
        assert report.exit_code == 1
        assert report.tables["conversation_time"].rows > 0
        said = [w.message.split()[0] for w in report.warnings if w.code == "not_read"]
        assert said == ["message_attachment"]
        sim.faults.clear()
        sim.clock.advance(60)
        case.assert_equal(sim, connection)


@pytest.mark.parametrize("what", ["messages", "times"])
def test_one_record_whose_path_keeps_failing_costs_itself_alone(case: Case, what: str) -> None:
    """A warning says so; what belongs to all others is there, and its own a day later."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=(*SPINE, "conversation_time"))
        one = next(living(sim, "conversation", 3))
        fault = sim.faults.add("status", f"/v1/conversations/{one}/{what}", value=500)
        report = case.sync(connection, limits=BRIEF)
        assert report.status == "SUCCESSFUL", report.error
        assert fault.fired > 1
        assert "not_told" in {w.code for w in report.warnings}
        for name in ("message_attachment", "conversation_time"):
            assert report.tables[name].rows > 0
        sim.faults.clear()
        sim.clock.advance(DAY + 60)
        case.assert_equal(sim, connection)


def test_searches_that_always_time_out_end_the_sync(case: Case) -> None:
    """Instead of being cut and asked for ever; the next sync is whole."""
    with case.org() as sim:
        connection = case.connect(sim)
        sim.faults.add("timed_out", "search")
        report = case.sync(connection, limits=Limits(retry_seconds=1))
        assert report.exit_code == 1
        assert report.error is not None
        assert "timed out" in report.error.message
        assert report.tables["tag"].rows > 0
        assert report.tables["message"].cursor is None
