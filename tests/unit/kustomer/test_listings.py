"""When the pages of a list were the whole list."""

from __future__ import annotations

import pytest

from kustomer_sync.kustomer.client import Page
from kustomer_sync.kustomer.listings import Whole, counted, together


@pytest.mark.parametrize(
    ("records", "total", "complete"),
    [
        (30, None, True),
        (30, 30, True),
        (30, 31, False),
        (10_000, None, False),
        (10_000, 10_000, False),  # as far as it counts, perhaps
        (12_000, 12_000, True),
    ],
)
def test_a_list_is_whole_when_it_ended_by_itself_or_its_total_agrees(
    records: int, total: int | None, complete: bool
) -> None:
    whole = Whole()
    page = Page([{"id": str(n)} for n in range(records)], 1, records, total, None, False, 1)
    assert [len(found) for found in counted(iter([page]), whole)] == [records]
    assert whole.complete is complete
    assert len(whole.ids) == records


@pytest.mark.parametrize(
    ("totals", "unsure"),
    [
        ((2,), False),
        ((None,), False),
        ((None, None), True),
        ((4, 4), False),
        ((5, 4), True),
        ((5, 5), True),
        ((None, 4), True),
    ],
)
def test_a_list_of_several_pages_may_have_shifted_unless_each_says_how_many_there_are(
    totals: tuple[int | None, ...], unsure: bool
) -> None:
    whole = Whole()
    pages = [
        Page([{"id": f"{n}a"}, {"id": f"{n}b"}], n, 2, total, None, False, 1)
        for n, total in enumerate(totals)
    ]
    assert len(list(counted(iter(pages), whole))) == len(totals)
    assert whole.unsure is unsure


@pytest.mark.parametrize(("second", "again"), [({"a", "b", "c"}, False), ({"b", "c"}, True)])
def test_what_left_between_two_readings_may_have_hidden_another(
    second: set[str], again: bool
) -> None:
    """Then the next sync lists it again; what either of them has is there."""
    both = together(Whole(ids={"a", "b"}), Whole(ids=set(second)))
    assert both.again is again
    assert both.ids == {"a", "b", "c"}
