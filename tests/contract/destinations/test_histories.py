"""What any history keeps, one promise a test; `test_stories.py` says it of all at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kustomer_sync.model import END_OF_TIME, Begun, Column, Table, Type, Write
from tests.contract.destinations.conftest import Subject
from tests.contract.destinations.org import (
    CONVERSATION,
    Copy,
    at,
    batch,
    with_histories,
    without,
)

MONDAY = datetime(2024, 6, 3, 12, tzinfo=UTC)
DAYS = [MONDAY + timedelta(days=n) for n in range(6)]
MS = timedelta(milliseconds=1)
ROOT, EMAILS = "conversation", "conversation_email"
EVERY = with_histories(CONVERSATION, [part.name for part in CONVERSATION.walk()])
BARE = with_histories(CONVERSATION, [])
NO_TIMES = without(EVERY, "updated_at", "rev")


def load(subject: Subject, day: int, *copies: Copy, table: Table = EVERY) -> dict[str, Any]:
    """A sync of that day; the tables where it changed anything."""
    subject.destination.begin(DAYS[day])
    subject.destination.ensure([table])
    counts = subject.destination.write(Write((batch(copies, table),)))
    return {name: c for name, c in counts.items() if c.inserted or c.updated or c.deleted}


def gone(subject: Subject, day: int, table: Table, *ids: str) -> None:
    subject.destination.begin(DAYS[day])
    subject.destination.ensure([table])
    subject.destination.write(Write(absent={ROOT: ids}))


def take_in(subject: Subject, day: int, name: str, paused: datetime | None = None) -> None:
    """The history of that table begins."""
    table = with_histories(CONVERSATION, [name])
    children = tuple(child for child in table.children if child.name == name)
    subject.destination.begin(DAYS[day])
    subject.destination.ensure([table])
    begun = Begun(replace(table, children=children), paused)
    subject.destination.write(Write(begun=(begun,)))


def spans(subject: Subject, table: str, *columns: str) -> list[tuple[Any, ...]]:
    """The rows of its history: these columns, start, end, whether it is active."""
    marks = ("_fivetran_start", "_fivetran_end", "_fivetran_active")
    rows = subject.read(f"{table}_history")
    return sorted(
        (tuple(row[c] for c in (*columns, *marks)) for row in rows), key=lambda r: (r[-3], str(r))
    )


def test_a_record_without_a_time_has_a_version_from_the_sync_that_saw_it(subject: Subject) -> None:
    """It opens one only when a column of it changed, and they tile."""
    one = Copy("a", "x", None)
    load(subject, 0, one)
    assert load(subject, 1, one) == {}
    load(subject, 2, replace(one, name="y"))
    assert spans(subject, ROOT, "name") == [
        ("x", DAYS[0], DAYS[2] - MS, False),
        ("y", DAYS[2], END_OF_TIME, True),
    ]
    load(subject, 2, replace(one, name="z"))
    assert spans(subject, ROOT, "name")[1:] == [("z", DAYS[2], END_OF_TIME, True)]


def test_a_time_that_no_column_holds_opens_a_version_only_with_a_change(subject: Subject) -> None:
    """The table lacks `updated_at`: a record that was written without a change is the same."""
    copies = [Copy("a", n, at(h)) for n, h in (("x", 1), ("x", 2), ("y", 3), ("y", 4))]
    load(subject, 0, *copies, table=NO_TIMES)
    assert spans(subject, ROOT, "name") == [
        ("x", at(1), at(3) - MS, False),
        ("y", at(3), END_OF_TIME, True),
    ]
    assert load(subject, 1, *copies, table=NO_TIMES) == {}


def test_what_the_table_took_is_the_last_version(subject: Subject) -> None:
    """A record seen without a time and then with an older one is, from now on, as it was then."""
    load(subject, 0, Copy("a", "x", None))
    load(subject, 1, Copy("a", "y", at(1)))
    assert spans(subject, ROOT, "name") == [
        ("y", at(1), DAYS[0] - MS, False),
        ("x", DAYS[0], DAYS[1] - MS, False),
        ("y", DAYS[1], END_OF_TIME, True),
    ]
    assert load(subject, 2, Copy("a", "y", at(1))) == {}


def test_of_a_copy_that_is_two_versions_only_the_changed_one_is_written(subject: Subject) -> None:
    """One copy may be what its record was at its own time, and what it is from this sync on."""
    load(subject, 0, Copy("a", "x", at(1)), table=NO_TIMES)
    load(subject, 1, Copy("a", "y", at(0)), table=NO_TIMES)
    load(subject, 2, Copy("a", "z", at(0.5)), table=NO_TIMES)
    load(subject, 2, Copy("a", "x", at(1)), table=NO_TIMES)
    assert spans(subject, ROOT, "name")[-1] == ("x", DAYS[2], END_OF_TIME, True)
    (was,) = (r for r in subject.read(f"{ROOT}_history") if r["_fivetran_start"] == at(1))
    assert (was["name"], was["_fivetran_synced"]) == ("x", DAYS[1])


def test_a_record_without_a_time_that_returns_is_open_again(subject: Subject) -> None:
    """Closed while it was gone; as it was, it goes on."""
    load(subject, 0, Copy("a", "x", None))
    gone(subject, 1, EVERY, "a")
    assert spans(subject, ROOT, "name") == [("x", DAYS[0], DAYS[1], False)]
    load(subject, 2, Copy("a", "x", None))
    assert spans(subject, ROOT, "name") == [("x", DAYS[0], END_OF_TIME, True)]


def test_an_element_is_known_by_its_content(subject: Subject) -> None:
    """Its place may change, NULL is a value like another; what it holds may not."""
    load(subject, 0, Copy("a", updated_at=at(1), emails=[("e", None), ("f", True), (None, None)]))
    last = Copy("a", updated_at=at(2), emails=[("f", True), (None, None), ("e", True)])
    load(subject, 1, last)
    assert load(subject, 2, last) == {}
    assert spans(subject, EMAILS, "id", "verified") == [
        ("e", None, at(1), at(2) - MS, False),
        ("f", True, at(1), END_OF_TIME, True),
        (None, None, at(1), END_OF_TIME, True),
        ("e", True, at(2), END_OF_TIME, True),
    ]
    assert "index" not in subject.read(f"{EMAILS}_history")[0]


def test_a_repeated_key_is_in_the_history_as_in_the_table(subject: Subject) -> None:
    """The first element of a key is kept, whatever the others hold."""
    load(subject, 0, Copy("a", metrics=["m first", "m second"]))
    assert [row["name"] for row in subject.read("conversation_metric")] == ["m first"]
    assert [row[0] for row in spans(subject, "conversation_metric", "name")] == ["m first"]


def test_elements_of_a_record_without_a_time_open_when_they_are_seen(subject: Subject) -> None:
    """Whether or not the record itself changed, and whether or not its history is kept."""
    for table in (EVERY, with_histories(CONVERSATION, [EMAILS])):
        id_ = f"{table.history}"
        load(subject, 0, Copy(id_, updated_at=None), table=table)
        load(subject, 1, Copy(id_, updated_at=None, emails=[("e", None)]), table=table)
        load(subject, 2, Copy(id_, updated_at=None, emails=[("e", None)]), table=table)
        load(subject, 3, Copy(id_, updated_at=None), table=table)
        load(subject, 4, Copy(id_, updated_at=None), table=table)
        found = [r for r in spans(subject, EMAILS, "conversation_id", "id") if r[0] == id_]
        assert found == [(id_, "e", DAYS[1], DAYS[3] - MS, False)]


def test_elements_of_a_record_that_returns_as_it_was_are_open_again(subject: Subject) -> None:
    """Where the record's own history is not kept, too."""
    only = with_histories(CONVERSATION, [EMAILS])
    copy = Copy("a", updated_at=at(1), emails=[("e", None)])
    load(subject, 0, copy, table=only)
    gone(subject, 1, only, "a")
    assert spans(subject, EMAILS, "id") == [("e", at(1), DAYS[1], False)]
    load(subject, 2, copy, table=only)
    assert spans(subject, EMAILS, "id") == [("e", at(1), END_OF_TIME, True)]


def test_a_copy_of_a_lower_rev_says_nothing_of_what_was_there(subject: Subject) -> None:
    """Neither of the record nor, where that has no history, of its elements."""
    for table in (EVERY, with_histories(CONVERSATION, [EMAILS])):
        id_ = f"{table.history}"
        load(subject, 0, Copy(id_, "x", at(1), rev=2, emails=[("e", None)]), table=table)
        load(subject, 1, Copy(id_, "y", at(1), rev=1, emails=[("f", None)]), table=table)
        found = [r[1] for r in spans(subject, EMAILS, "conversation_id", "id") if r[0] == id_]
        assert found == ["e"]


def test_a_history_that_begins_has_what_is_there(subject: Subject) -> None:
    """Rows at their `updated_at`, else when they were synced; flagged ones closed by their flag."""
    load(subject, 0, Copy("a", "x", at(1)), Copy("b", "y", None), Copy("c", "z", at(3)), table=BARE)
    gone(subject, 1, BARE, "c")
    take_in(subject, 2, ROOT)
    wanted = [
        ("x", at(1), END_OF_TIME, True),
        ("z", at(3), DAYS[1], False),
        ("y", DAYS[0], END_OF_TIME, True),
    ]
    assert spans(subject, ROOT, "name") == wanted
    take_in(subject, 3, ROOT)
    assert spans(subject, ROOT, "name") == wanted
    assert {row["_fivetran_synced"] for row in subject.read(f"{ROOT}_history")} == {DAYS[2]}


def test_elements_that_are_there_are_open_from_their_record_s_time(subject: Subject) -> None:
    """A child's history begins for itself."""
    load(subject, 0, Copy("a", updated_at=at(1), emails=[("e", None)]), table=BARE)
    take_in(subject, 1, EMAILS)
    assert spans(subject, EMAILS, "id") == [("e", at(1), END_OF_TIME, True)]


def test_a_history_that_goes_on_takes_in_what_changed_meanwhile(subject: Subject) -> None:
    """A new version, a flag, elements that came and went: each at its record's time."""
    was = [Copy(i, "x", at(1), emails=[("e", None)]) for i in ("a", "b", "c")]
    load(subject, 0, *was)
    load(subject, 1, Copy("a", "y", at(2), emails=[("f", None)]), table=BARE)
    gone(subject, 1, BARE, "b")
    take_in(subject, 2, ROOT, paused=DAYS[1])
    take_in(subject, 2, EMAILS, paused=DAYS[1])
    assert spans(subject, ROOT, "id", "name") == [
        ("a", "x", at(1), at(2) - MS, False),
        ("b", "x", at(1), DAYS[1], False),
        ("c", "x", at(1), END_OF_TIME, True),
        ("a", "y", at(2), END_OF_TIME, True),
    ]
    assert spans(subject, EMAILS, "conversation_id", "id") == [
        ("a", "e", at(1), at(2) - MS, False),
        ("b", "e", at(1), DAYS[1], False),
        ("c", "e", at(1), END_OF_TIME, True),
        ("a", "f", at(2), END_OF_TIME, True),
    ]


@pytest.mark.parametrize("paused", [True, False])
def test_a_soft_delete_before_the_pause_is_still_none_of_its_end(
    subject: Subject, paused: bool
) -> None:
    """The flag alone can't tell a soft delete from a hard one; what the history saw can."""
    load(subject, 0, Copy("a", "x", at(1), deleted=True), table=EVERY if paused else BARE)
    assert not paused or spans(subject, ROOT, "name") == [("x", at(1), END_OF_TIME, True)]
    take_in(subject, 2, ROOT, paused=DAYS[1] if paused else None)
    assert [row[-1] for row in spans(subject, ROOT, "name")] == [paused]


def test_a_custom_column_is_taken_in_too(subject: Subject) -> None:
    """Whatever the history is told to keep."""
    subject.destination.begin(DAYS[0])
    copy = Copy("a", custom={"custom_age_num": 1.5})
    made = batch([copy], BARE, {"custom_age_num": Type.DOUBLE})
    subject.destination.write(Write((made,)))
    table = with_histories(CONVERSATION, [ROOT])
    custom = Column("custom_age_num", Type.DOUBLE)
    begun = replace(table, children=(), columns=(*table.columns, custom))
    subject.destination.write(Write(begun=(Begun(begun),)))
    (row,) = subject.read(f"{ROOT}_history")
    assert row["custom_age_num"] == 1.5


def test_a_history_that_goes_on_holds_what_its_table_came_to_hold(subject: Subject) -> None:
    """A column of it that was made for numbers is widened for the texts of the table's."""
    load(subject, 0, Copy("a"))
    custom = "custom_code_str"
    for day, table, type_, value in ((1, EVERY, Type.INT, 7), (2, BARE, Type.STRING, "007")):
        subject.destination.begin(DAYS[day])
        subject.destination.ensure([table])
        made = batch([Copy("a", None, at(day), custom={custom: value})], table, {custom: type_})
        subject.destination.write(Write((made,)))
    kept = with_histories(CONVERSATION, [ROOT])
    text = Column(custom, Type.STRING)
    begun = replace(kept, children=(), columns=(*kept.columns, text))
    subject.destination.write(Write(begun=(Begun(begun, DAYS[2]),)))
    assert [value for value, *_ in spans(subject, ROOT, custom)] == [None, "7", "007"]
