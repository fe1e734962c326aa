"""What a user may rely on, one promise a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kustomer_sync.errors import DestinationFailed, Superseded
from kustomer_sync.model import END_OF_TIME, Column, Counts, Reject, Stamp, Table, Type, Write
from tests.contract.destinations.conftest import Subject
from tests.contract.destinations.org import (
    CONVERSATION,
    EMAIL,
    EPOCH,
    Copy,
    at,
    batch,
    without,
    without_history,
)

MONDAY = datetime(2024, 6, 3, 12, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)
MS = timedelta(milliseconds=1)


@pytest.fixture
def started(subject: Subject) -> Subject:
    subject.destination.begin(MONDAY)
    subject.destination.ensure([CONVERSATION])
    return subject


def load(
    subject: Subject,
    *copies: Copy,
    table: Table = CONVERSATION,
    custom: Mapping[str, Type] | None = None,
) -> dict[str, Counts]:
    return dict(subject.destination.write(Write((batch(copies, table, custom),))))


def only(rows: list[dict[str, Any]]) -> dict[str, Any]:
    assert len(rows) == 1
    return rows[0]


def versions(subject: Subject) -> list[tuple[Any, ...]]:
    return sorted(
        (r["name"], r["_fivetran_start"], r["_fivetran_end"], r["_fivetran_active"])
        for r in subject.read("conversation_history")
    )


def tag_spans(subject: Subject) -> list[tuple[Any, ...]]:
    return sorted(
        (r["tag_id"], r["_fivetran_start"], r["_fivetran_end"], r["_fivetran_active"])
        for r in subject.read("conversation_tag_history")
    )


def test_a_record_lands_with_its_children_and_system_columns(started: Subject) -> None:
    """A new conversation is one row, its tags are rows, and all say when they were synced."""
    counts = load(started, Copy("a", tags=["t", "u"], metrics=["m"]))
    assert counts["conversation"] == Counts(inserted=1)
    assert counts["conversation_tag"] == Counts(inserted=2)
    assert counts["conversation_channel"] == Counts()
    row = only(started.read("conversation"))
    assert (row["_fivetran_deleted"], row["_fivetran_synced"]) == (False, MONDAY)
    assert {r["tag_id"] for r in started.read("conversation_tag")} == {"t", "u"}
    assert only(started.read("conversation_metric"))["_fivetran_id"] == "a/m"


def test_an_unchanged_row_is_not_rewritten(started: Subject) -> None:
    """Reading the same again changes nothing, `synced` stays, every count is zero."""
    copy = Copy("a", tags=["t"], channels=[("mail", 1)], metrics=["m"])
    load(started, copy)
    started.destination.begin(TUESDAY)
    assert set(map(repr, load(started, copy).values())) == {repr(Counts())}
    for table in ("conversation", "conversation_tag", "conversation_history"):
        assert only(started.read(table))["_fivetran_synced"] == MONDAY


def test_an_older_copy_never_overwrites_a_newer(started: Subject) -> None:
    """A copy that comes late leaves the newer row and its children as they are."""
    load(started, Copy("a", "new", at(2), tags=["t"]))
    load(started, Copy("a", "old", at(1), tags=["u"]))
    assert only(started.read("conversation"))["name"] == "new"
    assert only(started.read("conversation_tag"))["tag_id"] == "t"


def test_of_two_copies_with_one_time_the_higher_rev_stays(started: Subject) -> None:
    """`updatedAt` alone does not decide; `rev` does, in a batch and against what is stored."""
    load(started, Copy("a", "two", at(1), rev=2), Copy("a", "one", at(1), rev=1))
    load(started, Copy("a", "one again", at(1), rev=1))
    assert only(started.read("conversation"))["name"] == "two"


def test_a_table_without_updated_at_takes_every_copy(subject: Subject) -> None:
    """Where Kustomer gives no time, the last reading is the truth."""
    bare = without_history(without(CONVERSATION, "updated_at", "rev"), root=True, children=True)
    subject.destination.begin(MONDAY)
    load(subject, Copy("a", "one", at(5)), table=bare)
    load(subject, Copy("a", "two", at(1)), table=bare)
    assert only(subject.read("conversation"))["name"] == "two"


def test_an_emptied_array_empties_its_child_table(started: Subject) -> None:
    """Tags that were taken off a conversation are gone from the tag table."""
    load(started, Copy("a", updated_at=at(1), tags=["t", "u"]), Copy("b", tags=["t"]))
    counts = load(started, Copy("a", updated_at=at(2)))
    assert counts["conversation_tag"] == Counts(deleted=2)
    assert only(started.read("conversation_tag"))["conversation_id"] == "b"


def test_a_repeated_element_is_one_row_the_first(started: Subject) -> None:
    """The same key twice in one array is one row."""
    load(started, Copy("a", tags=["t", "t"], metrics=["m first", "m second"]))
    assert only(started.read("conversation_tag"))["tag_id"] == "t"
    assert only(started.read("conversation_metric"))["name"] == "m first"


def test_a_vanished_record_is_flagged_with_its_children(started: Subject) -> None:
    """What Kustomer no longer has keeps its rows, flagged; it is counted once."""
    load(started, Copy("a", tags=["t", "u"]), Copy("b"))
    started.destination.begin(TUESDAY)
    gone = Write(absent={"conversation": ("a", "never seen")})
    counts = started.destination.write(gone)
    assert (counts["conversation"], counts["conversation_tag"]) == (
        Counts(deleted=1),
        Counts(deleted=2),
    )
    flagged = {r["id"]: r["_fivetran_deleted"] for r in started.read("conversation")}
    assert flagged == {"a": True, "b": False}
    assert {r["_fivetran_deleted"] for r in started.read("conversation_tag")} == {True}
    assert set(map(repr, started.destination.write(gone).values())) == {repr(Counts())}


def test_a_record_that_returns_is_unflagged(started: Subject) -> None:
    """A record seen again after its absence is a living record again, children too."""
    load(started, Copy("a", tags=["t"]))
    started.destination.write(Write(absent={"conversation": ("a",)}))
    load(started, Copy("a", tags=["t"]))
    assert only(started.read("conversation"))["_fivetran_deleted"] is False
    assert only(started.read("conversation_tag"))["_fivetran_deleted"] is False
    assert versions(started) == [("hello", EPOCH, END_OF_TIME, True)]


def test_versions_tile_time_and_a_late_one_goes_between(started: Subject) -> None:
    """Every `updatedAt` is a version; one found late is put between and erases nothing."""
    load(started, Copy("a", "1", at(1)), Copy("a", "3", at(3)))
    load(started, Copy("a", "2", at(2)))
    assert versions(started) == [
        ("1", at(1), at(2) - MS, False),
        ("2", at(2), at(3) - MS, False),
        ("3", at(3), END_OF_TIME, True),
    ]


def test_a_hard_delete_closes_the_active_version_and_stays_closed(started: Subject) -> None:
    """A record gone from Kustomer has no active version, even when an old copy comes late."""
    load(started, Copy("a", "2", at(2), tags=["t"]))
    started.destination.write(Write(absent={"conversation": ("a",)}))
    load(started, Copy("a", "1", at(1), tags=["t"]))
    assert versions(started) == [("1", at(1), at(2) - MS, False), ("2", at(2), MONDAY, False)]
    assert tag_spans(started) == [("t", at(1), MONDAY, False)]


def test_a_record_that_returns_changed_has_a_new_active_version(started: Subject) -> None:
    """Closed by its absence, then seen with a later time: one active version, and they tile."""
    load(started, Copy("a", "1", at(1), tags=["t"]))
    started.destination.write(Write(absent={"conversation": ("a",)}))
    assert versions(started) == [("1", at(1), MONDAY, False)]
    back = MONDAY + timedelta(hours=5)
    load(started, Copy("a", "2", back, tags=["t"]))
    assert versions(started) == [("1", at(1), back - MS, False), ("2", back, END_OF_TIME, True)]
    assert tag_spans(started) == [("t", at(1), END_OF_TIME, True)]


def test_a_soft_delete_is_a_new_active_version(started: Subject) -> None:
    """Kustomer's own mark is data: the record's last version says so and is active."""
    load(started, Copy("a", "1", at(1)))
    load(started, Copy("a", "gone", at(2), deleted=True))
    assert versions(started)[-1] == ("gone", at(2), END_OF_TIME, True)
    assert only(started.read("conversation"))["_fivetran_deleted"] is True


def test_a_tag_taken_off_and_put_back_has_a_gap(started: Subject) -> None:
    """Join tables open when an element appears and close when it leaves, at the parent's time."""
    load(started, Copy("a", "1", at(1), tags=["t"]))
    load(started, Copy("a", "2", at(2)))
    load(started, Copy("a", "3", at(3), tags=["t"]))
    assert tag_spans(started) == [("t", at(1), at(2) - MS, False), ("t", at(3), END_OF_TIME, True)]


def test_a_late_copy_without_the_tag_splits_its_span(started: Subject) -> None:
    """A copy found between two others that lacks the tag opens a gap exactly there."""
    load(started, Copy("a", "1", at(1), tags=["t"]), Copy("a", "3", at(3), tags=["t"]))
    assert tag_spans(started) == [("t", at(1), END_OF_TIME, True)]
    load(started, Copy("a", "2", at(2)))
    assert tag_spans(started) == [("t", at(1), at(2) - MS, False), ("t", at(3), END_OF_TIME, True)]


def test_a_join_history_is_kept_without_its_record_s(subject: Subject) -> None:
    """Whoever disables `conversation_history` still has `conversation_tag_history`; a late copy
    is put before what is known since.
    """
    table = without_history(CONVERSATION, root=True)
    subject.destination.begin(MONDAY)
    load(subject, Copy("a", "1", at(1), tags=["t"]), table=table)
    load(subject, Copy("a", "3", at(3)), table=table)
    load(subject, Copy("a", "2", at(2), tags=["t", "u"]), table=table)
    assert tag_spans(subject) == [
        ("t", at(1), at(3) - MS, False),
        ("u", at(2), at(3) - MS, False),
    ]
    load(subject, Copy("b", "3", at(3)), table=table)
    load(subject, Copy("b", "2", at(2), tags=["v"]), table=table)
    assert ("v", at(2), at(3) - MS, False) in tag_spans(subject)


def test_an_element_without_its_key_is_one_row_that_stays(started: Subject) -> None:
    """NULL in a key is a key like another: neither doubled nor rewritten by a replay."""
    copy = Copy("a", tags=[None, "t", None])
    load(started, copy)
    assert load(started, copy)["conversation_tag"] == Counts()
    assert {r["tag_id"] for r in started.read("conversation_tag")} == {None, "t"}
    assert len(started.read("conversation_tag")) == 2


def test_a_new_custom_attribute_is_a_new_column(started: Subject) -> None:
    """An attribute first seen today is a column from today on, NULL on the rows before."""
    load(started, Copy("a"))
    load(started, Copy("b", custom={"custom_age_num": 1.5}), custom={"custom_age_num": Type.DOUBLE})
    ages = {r["id"]: r["custom_age_num"] for r in started.read("conversation")}
    assert ages == {"a": None, "b": 1.5}
    assert started.destination.columns()["conversation"]["custom_age_num"] is Type.DOUBLE
    assert "custom_age_num" in started.destination.columns()["conversation_history"]


def test_numbers_that_become_text_read_as_a_person_writes_them(started: Subject) -> None:
    """A widened column keeps 12345678901 as those digits, not as 1.2345678901e10."""
    load(started, Copy("a", custom={"custom_n": 12345678901.0}), custom={"custom_n": Type.DOUBLE})
    load(started, Copy("b", custom={"custom_n": "9" * 20}), custom={"custom_n": Type.STRING})
    load(started, Copy("c", custom={"custom_n": 2.5}), custom={"custom_n": Type.DOUBLE})
    numbers = {r["id"]: r["custom_n"] for r in started.read("conversation")}
    assert numbers == {"a": "12345678901", "b": "9" * 20, "c": "2.5"}


def test_times_that_become_text_read_as_kustomer_writes_them(started: Subject) -> None:
    """A widened column keeps what a text column would have got."""
    noon = at(12) + 5 * MS
    load(started, Copy("a", custom={"custom_x": noon}), custom={"custom_x": Type.INSTANT})
    load(started, Copy("b", custom={"custom_x": "soon"}), custom={"custom_x": Type.STRING})
    texts = {r["id"]: r["custom_x"] for r in started.read("conversation")}
    assert texts == {"a": "2024-03-01T12:00:00.005Z", "b": "soon"}


def test_an_int_column_widens_and_later_ints_still_fit(started: Subject) -> None:
    """Int becomes Long in place; rows that were equal stay untouched."""
    load(started, Copy("a", custom={"custom_n": 1}), custom={"custom_n": Type.INT})
    load(started, Copy("b", custom={"custom_n": 2**40}), custom={"custom_n": Type.LONG})
    counts = load(started, Copy("a", custom={"custom_n": 1}), custom={"custom_n": Type.INT})
    assert counts["conversation"] == Counts()
    assert started.destination.columns()["conversation"]["custom_n"] is Type.LONG


def test_names_are_only_names(started: Subject) -> None:
    """A custom attribute called like SQL, or with quotes in it, is a column like any other."""
    for name in ('select"; DROP TABLE x; --', "order", "ünï 🙂", "Group'By"):
        load(started, Copy("a", custom={name: "v"}), custom={name: Type.STRING})
        assert only(started.read("conversation"))[name] == "v"


def test_rejects_are_not_doubled_by_a_replay_and_go_when_the_record_is_mended(
    started: Subject,
) -> None:
    """A value that did not fit is kept once, and no longer than the record has it."""
    bad = Reject("conversation", "a", "size", "much", "not a number")
    write = Write((batch([Copy("a", updated_at=at(1))], rejects=[bad]),))
    started.destination.write(write)
    started.destination.begin(TUESDAY)
    started.destination.write(write)
    row = only(started.read("_kustomer_sync_rejects"))
    assert (row["value"], row["_fivetran_synced"]) == ("much", MONDAY)
    load(started, Copy("a", updated_at=at(2)))
    assert started.read("_kustomer_sync_rejects") == []


def test_another_prefix_renames_all_system_columns(subjects: Callable[..., Subject]) -> None:
    """`system_prefix` covers the surrogate id too."""
    subject = subjects("_sys_")
    subject.destination.begin(MONDAY)
    load(subject, Copy("a", metrics=["m"]))
    row = only(subject.read("conversation_metric"))
    assert set(row) == {"_sys_id", "conversation_id", "name", "_sys_deleted", "_sys_synced"}


def test_only_the_newest_sync_may_write(subject: Subject) -> None:
    """A process that froze while another took over writes nothing when it wakes."""
    frozen, newer = subject.destination, subject.again()
    frozen.begin(MONDAY)
    frozen.ensure([CONVERSATION])
    newer.begin(TUESDAY)
    with pytest.raises(Superseded):
        frozen.write(Write((batch([Copy("a")]),), state={"cursor": 1}))
    assert subject.read("conversation") == []
    assert newer.state() == {}
    newer.write(Write((batch([Copy("b")]),)))
    assert only(subject.read("conversation"))["id"] == "b"


def test_an_older_sync_may_not_even_add_a_column(subject: Subject) -> None:
    """Nor a table: whoever began last owns the schema."""
    frozen = subject.destination
    frozen.begin(MONDAY)
    subject.again().begin(TUESDAY)
    with pytest.raises(Superseded):
        frozen.ensure([CONVERSATION])
    assert "conversation" not in subject.destination.columns()


def test_the_state_is_kept_and_given_back(started: Subject) -> None:
    """What a sync saves beside its rows, the next one gets from `begin`."""
    started.destination.write(Write(state={"cursor": {"t": [1, None, "é"]}, "other": 1}))
    started.destination.write(Write(state={"other": 2}))
    saved = {"cursor": {"t": [1, None, "é"]}, "other": 2}
    assert started.destination.state() == saved
    assert started.again().begin(TUESDAY) == saved


def test_a_refused_write_leaves_nothing(started: Subject) -> None:
    """When one batch of a write can't land, the others and the state have not either."""
    broken = batch([Copy("b", custom={"j": "{not json"})], CONVERSATION, {"j": Type.JSON})
    with pytest.raises(DestinationFailed):
        started.destination.write(Write((batch([Copy("a")]), broken), state={"k": 1}))
    assert started.read("conversation") == []
    assert started.destination.state() == {}


def test_an_absence_needs_a_known_table(subject: Subject) -> None:
    """Flagging without knowing the child tables would leave them unflagged."""
    subject.destination.begin(MONDAY)
    with pytest.raises(DestinationFailed, match="conversation"):
        subject.destination.write(Write(absent={"conversation": ("a",)}))


def test_ids_missing_from_a_listing(started: Subject) -> None:
    """Rows that a listing does not name, those flagged before left out; how many rows there are."""
    to = started.destination
    load(started, Copy("a", updated_at=at(1)), Copy("b", updated_at=at(2)), Copy("c"))
    to.write(Write(absent={"conversation": ("b",)}))
    assert to.missing(CONVERSATION, ["a"]) == ["c"]
    assert to.missing(CONVERSATION, []) == ["a", "c"]
    assert to.rows(["conversation", "not there"]) == {"conversation": 3, "not there": 0}


def test_nothing_is_there_before_the_first_sync(subject: Subject) -> None:
    """Every question has an answer on an empty destination, and asking creates nothing."""
    to = subject.destination
    assert (to.state(), to.columns(), to.missing(CONVERSATION, ["a"])) == ({}, {}, [])
    assert to.rows(["conversation"]) == {"conversation": 0}


def test_ensure_adds_and_drops_nothing(started: Subject) -> None:
    """A column that the catalog no longer has stays with its values."""
    load(started, Copy("a", "kept"))
    smaller = without(CONVERSATION, "name")
    more = replace(smaller, columns=(*smaller.columns, Column("new", Type.JSON)))
    started.destination.ensure([more])
    row = only(started.read("conversation"))
    assert (row["name"], row["new"]) == ("kept", None)


def test_a_check_leaves_nothing_behind(subject: Subject) -> None:
    """Checking may be done at any time and is seen by nobody."""
    subject.destination.check()
    assert subject.destination.columns() == {}
    subject.destination.check()


def test_a_table_too_wide_for_the_memory_limit_lands(subjects: Callable[..., Subject]) -> None:
    """Hundreds of custom attributes: it takes more memory than was allowed, and is all there."""
    subject = subjects(memory_limit="20MB")
    subject.destination.begin(MONDAY)
    custom = {f"custom_{n}": Type.STRING for n in range(150)}
    copies = [
        Copy(f"c{n}", custom={name: f"{n} and {name} " * 3 for name in custom}) for n in range(1500)
    ]
    load(subject, *copies, custom=custom)
    assert load(subject, *copies, custom=custom)["conversation_history"] == Counts()
    copies[7] = replace(copies[7], custom={**copies[7].custom, "custom_149": "other"})
    counts = load(subject, *copies, custom=custom)
    assert counts == {**counts, "conversation": Counts(updated=1)}
    assert counts["conversation_history"] == Counts(updated=1)
    assert subject.destination.rows(["conversation", "conversation_history"]) == {
        "conversation": 1500, "conversation_history": 1500
    }  # fmt: skip


def test_what_is_unlike_is_what_landing_would_change(started: Subject) -> None:
    """By row and column; nothing of a batch that landed, and nothing is written."""
    copies = [Copy("a", tags=["t"], channels=[("mail", 1)]), Copy("b", tags=["u"])]
    wanted = batch(copies, CONVERSATION)
    unlike = started.destination.unlike
    assert {(u.table, u.record_id, u.there, u.here) for u in unlike([wanted])} >= {
        ("conversation", "a", False, True), ("conversation_tag", "b", False, True),
    }  # fmt: skip
    started.destination.write(Write((wanted,)))
    before = started.read("conversation")
    assert unlike([wanted]) == []
    other = batch([Copy("a", name="new", tags=["t", "v"], channels=[("mail", 2)])], CONVERSATION)
    found = {(u.table, u.columns, u.there, u.here) for u in unlike([other])}
    assert ("conversation", ("name",), True, True) in found
    assert ("conversation_tag", (), False, True) in found
    assert {table for table, *_ in found} == {
        "conversation", "conversation_tag", "conversation_channel"
    }  # fmt: skip
    fewer = batch([Copy("b")], CONVERSATION)
    assert [(u.table, u.there, u.here) for u in unlike([fewer])] == [
        ("conversation_tag", True, False)
    ]
    assert started.read("conversation") == before


def test_what_no_longer_fits_an_elements_narrower_column_is_unlike_its_row(
    subject: Subject,
) -> None:
    """Such a column, of an adopted table, holds numbers until a text lands."""
    numbers = tuple(replace(c, type=Type.INT) if c.name == "id" else c for c in EMAIL.columns)
    narrow = replace(EMAIL, columns=numbers)
    subject.destination.begin(MONDAY)
    subject.destination.ensure([replace(CONVERSATION, children=(narrow,))])
    subject.destination.ensure([CONVERSATION])
    load(subject, Copy("a", emails=[("7", True)]))
    assert only(subject.read("conversation_email"))["id"] == 7
    for email, expected in (("7", []), ("many", [("conversation_email", ("id",))])):
        other = batch([Copy("a", emails=[(email, True)])])
        assert [(u.table, u.columns) for u in subject.destination.unlike([other])] == expected


def test_rows_made_anew_are_as_if_never_stored(started: Subject) -> None:
    """An older copy lands over a newer one, with its children; versions stay."""
    load(started, Copy("a", "new", at(2), tags=["t", "u"]), Copy("b"))
    older = batch([Copy("a", "old", at(1), tags=["t"])], CONVERSATION)
    started.destination.write(Write((older,), anew={"conversation": ("a",)}))
    assert {r["id"]: r["name"] for r in started.read("conversation")}["a"] == "old"
    assert [r["tag_id"] for r in started.read("conversation_tag")] == ["t"]
    assert len(started.read("conversation")) == 2
    assert {name for name, *_ in versions(started)} >= {"old", "new"}


def test_stamps_and_draws_are_of_rows_in_a_span(started: Subject) -> None:
    """Which versions there are, of all or of some records; and some of them by chance."""
    load(started, Copy("a", updated_at=at(1)), Copy("b", updated_at=at(2)))
    whole, there = (0, 1 << 60), started.destination
    ms = [int(at(hours).timestamp() * 1000) for hours in (1, 2)]
    assert there.stamps(CONVERSATION, *whole) == [
        Stamp("a", ms[0], False),
        Stamp("b", ms[1], False),
    ]
    assert [s.id for s in there.stamps(CONVERSATION, *whole, among=["b", "c"])] == ["b"]
    assert there.stamps(CONVERSATION, ms[0] + 1, ms[1]) == []
    assert set(there.draw(CONVERSATION, "id", *whole, 5)) == {"a", "b"}
    assert len(there.draw(CONVERSATION, "id", *whole, 1)) == 1
    assert there.draw(CONVERSATION, "id", ms[0], ms[1], 5) == ["a"]
