"""When the pages of a list were the whole list."""

from __future__ import annotations

import pytest

from kustomer_sync.kustomer.client import Page
from kustomer_sync.kustomer.listings import Whole, counted


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
