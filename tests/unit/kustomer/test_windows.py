"""A searched table is read to its last record, whatever the caps, the ties and the changes."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kustomer_sync.kustomer import windows
from kustomer_sync.kustomer.catalog import CUSTOMER
from kustomer_sync.kustomer.client import Page, Refused
from kustomer_sync.kustomer.windows import (
    Caps,
    Completed,
    Counted,
    Found,
    Incomplete,
    Reader,
    Window,
    gaps,
    iso,
    merged,
    millis,
)

START = 1_700_000_000_000


class Org:
    """A search in memory, as stingy as the documented one: caps, capped totals, unstable ties."""

    def __init__(
        self, times: list[tuple[int, int]], *, cap: int = 10_000, pages: int = 100,
        total_capped: bool = False, seed: int = 0, late: list[tuple[int, int]] | None = None,
        apart: str = "refused", sorts: tuple[str, ...] = ("updated_at", "created_at"),
        created: bool = True, says: str = "total", most: int = 500,
    ) -> None:  # fmt: skip
        self.records = [record(n, u, c) for n, (u, c) in enumerate(times)]
        self.cap, self.pages, self.total_capped = cap, pages, total_capped
        self.rng = random.Random(seed)
        self.requests = 0
        self.touched = late or []
        self.apart = apart
        """How `customer_id` is searched by: refused, ignored or heeded."""
        self.sorts, self.created = sorts, created
        """By what it sorts, and whether it can be searched by `created_at`."""
        self.says, self.most = says, most
        """What a reply says of its end (its total and links, links alone, or nothing); how many
        records it has at most."""

    def search(
        self, body: Mapping[str, Any], *, page: int, page_size: int, archive: bool = False,
        params: Mapping[str, Any] | None = None, room: threading.Semaphore | None = None,
    ) -> Page:  # fmt: skip
        shown = self._answer(body, page, page_size)
        if room is not None:
            assert room.acquire(timeout=20), "a page that was let go of did not give its room back"
        return shown

    def _answer(self, body: Mapping[str, Any], page: int, page_size: int) -> Page:
        self.requests += 1
        size = min(page_size, self.most)
        if page > self.pages or (page - 1) * size >= self.cap:
            raise Refused(400, "past the last page")
        found = [r for r in self.records if matches(r, body["and"], self.apart)]
        for ((_, test),) in (condition.items() for condition in body.get("not", [])):
            if self.apart == "heeded":
                found = [r for r in found if r["id"] not in test["in"]]
        if not self.created and any("created_at" in key for test in body["and"] for key in test):
            raise Refused(400, "Unknown attribute created_at")
        if "sort" not in body:
            return self._shown(found, page, size)
        self.rng.shuffle(found)
        ((key, _),) = body["sort"][0].items()
        if not key.endswith(self.sorts):
            raise Refused(400, f"no sort by {key}")
        attribute = "updatedAt" if key.endswith("updated_at") else "createdAt"
        found.sort(key=lambda r: str(r["attributes"][attribute]), reverse=True)
        return self._shown(found, page, size)

    def _shown(self, found: list[dict[str, Any]], page: int, size: int) -> Page:
        shown = found[(page - 1) * size : min(page * size, self.cap)]
        total = min(len(found), self.cap) if self.total_capped else len(found)
        more = "/next" if page * size < len(found) else None
        if self.says == "total":
            return Page(shown, page, size, total, more, False, 1)
        linked = self.says == "links"
        return Page(shown, next=more if linked else None, linked=linked)


def record(n: int, updated: int, created: int) -> dict[str, Any]:
    return {
        "id": f"r{n}",
        "attributes": {"updatedAt": iso(updated), "createdAt": iso(created)},
    }


def matches(record: dict[str, Any], conditions: list[dict[str, Any]], apart: str) -> bool:
    attributes = record["attributes"]
    for condition in conditions:
        ((key, test),) = condition.items()
        if key.endswith(("_updated_at", "_created_at")):
            name = "updatedAt" if key.endswith("updated_at") else "createdAt"
            if not test.get("gte", "") <= attributes[name] < test.get("lt", "~"):
                return False
        elif key != "customer_id" or apart == "refused":
            raise Refused(400, f"Unknown attribute {key}")
        elif apart == "heeded" and record["id"] not in test["in"]:
            return False
    return True


def read(org: Org, *, caps: Caps, size: int, workers: int = 1) -> tuple[set[str], list[Any]]:
    reader = Reader(org, caps=caps, page_size=size, workers=workers)  # type: ignore[arg-type]  # the part of Client that is used
    window = Window(CUSTOMER, (0, START + 10_000_000))
    ids: set[str] = set()
    spans: list[Any] = []
    for event in reader.read([window]):
        match event:
            case Found(records=records):
                ids |= {r["id"] for r in records}
            case Completed(span=span):
                spans.append(span)
            case Incomplete():
                spans.append(None)
    return ids, spans


@pytest.mark.parametrize("size", [1, 7, 500])
@pytest.mark.parametrize("cap", [10, 10_000])
@pytest.mark.parametrize("total_capped", [False, True])
def test_every_record_is_found_at_every_page_size_and_cap(
    size: int, cap: int, total_capped: bool
) -> None:
    """300 records, some in bursts, are all read, and the spans leave no gap."""
    rng = random.Random(5)
    times = []
    for _ in range(100):
        at = START + rng.randrange(9_000_000)
        times += [(at, at - rng.randrange(1_000_000)) for _ in range(rng.choice([1, 1, 1, 5, 8]))]
    org = Org(times, cap=cap, total_capped=total_capped)
    ids, spans = read(org, caps=Caps(cap, 100), size=size)
    assert len(ids) == len(times)
    assert None not in spans
    assert merged(spans) == [(0, START + 10_000_000)]


def test_equal_timestamps_beyond_the_cap_are_read_by_their_creation() -> None:
    """2,000 records in one millisecond, with a cap of 100: none is lost."""
    times = [(START, START - n) for n in range(2000)]
    ids, spans = read(Org(times, cap=100), caps=Caps(100, 100), size=50)
    assert len(ids) == 2000
    assert merged(spans) == [(0, START + 10_000_000)]


@pytest.mark.parametrize("cap", [100, 10_000])
@pytest.mark.parametrize("sorts", [(), ("updated_at",), ("created_at",)])
@pytest.mark.parametrize("created", [True, False])
def test_a_search_that_refuses_to_sort_is_read_unsorted(
    cap: int, sorts: tuple[str, ...], created: bool
) -> None:
    """What it sorts by is documented for customers alone; there is a burst of pages too."""
    times = [(START + n * 1000, START - n) for n in range(300)]
    times += [(START + 5, START - n) for n in range(30)]
    org = Org(times, cap=cap, sorts=sorts, created=created, apart="ignored")
    ids, spans = read(org, caps=Caps(cap, 100), size=10)
    assert len(ids) == len(times)
    assert merged(spans) == [(0, START + 10_000_000)]


def test_records_alike_in_both_times_are_read_again_until_all_were_seen() -> None:
    """40 records with equal updatedAt and createdAt in pages of 7, in an order never the same."""
    ids, spans = read(Org([(START, START)] * 40, cap=100), caps=Caps(100, 100), size=7)
    assert len(ids) == 40
    assert None not in spans


@pytest.mark.parametrize("total_capped", [False, True])
@pytest.mark.parametrize("count", [40, 900])
def test_records_alike_in_both_times_beyond_the_cap_are_told_apart_by_id(
    count: int, total_capped: bool
) -> None:
    """A search by id is documented for the archive; where it works, none is lost."""
    org = Org([(START, START)] * count, cap=10, apart="heeded", total_capped=total_capped)
    ids, spans = read(org, caps=Caps(10, 100), size=5)
    assert len(ids) == count
    assert merged(spans) == [(0, START + 10_000_000)]


@pytest.mark.parametrize("most", [7, 500])
@pytest.mark.parametrize("says", ["links", "nothing"])
@pytest.mark.parametrize("step", [0, 1, 1000])
def test_a_search_that_tells_no_total_is_read_to_its_end(says: str, step: int, most: int) -> None:
    """By its links, or by what its page 2 shows; a page of fewer than were asked for is not all."""
    org = Org([(START + n * step, START + n) for n in range(200)], cap=50, says=says, most=most)
    ids, spans = read(org, caps=Caps(50, 100), size=10)
    assert len(ids) == 200
    assert merged(spans) == [(0, START + 10_000_000)]


def test_what_slides_to_page_1_while_page_2_of_a_silent_search_is_asked_for_is_read() -> None:
    """The newest record is updated in between: the 11th of them is on page 1 then."""
    org = Org([(START + n * 1000, START + n) for n in range(11)], says="nothing")
    answer = org._answer

    def answered(body: Mapping[str, Any], page: int, page_size: int) -> Page:
        if page == 2 and len(org.records) == 11:
            del org.records[10]
        return answer(body, page, page_size)

    org._answer = answered  # type: ignore[method-assign]  # something happens in between
    ids, _ = read(org, caps=Caps(10_000, 100), size=10)
    assert {f"r{n}" for n in range(10)} <= ids


def test_a_silent_search_that_times_out_is_not_an_empty_one() -> None:
    """Page 1 of nothing is no end where the server says that it timed out."""
    org = Org([(START, START)], says="nothing")
    answer = org._answer

    def answered(body: Mapping[str, Any], page: int, page_size: int) -> Page:
        return replace(answer(body, page, page_size), records=[], timed_out=True)

    org._answer = answered  # type: ignore[method-assign]  # the server is too slow
    reader = Reader(org, workers=1)  # type: ignore[arg-type]  # the part of Client that is used
    window = Window(CUSTOMER, (START, START + 1))
    assert not [e for e in reader.read([window]) if isinstance(e, Completed)]


@pytest.mark.parametrize("says", ["links", "nothing"])
@pytest.mark.parametrize("count", [10, 40])
def test_records_alike_in_both_times_without_a_total_are_read_if_one_page_has_them(
    says: str, count: int
) -> None:
    """Of more nobody says how many they are: the span stays open."""
    ids, spans = read(
        Org([(START, START)] * count, cap=100, says=says), caps=Caps(100, 100), size=10
    )
    assert len(ids) >= 10
    assert (None in spans) is (count > 10)


@pytest.mark.parametrize("total_capped", [False, True])
@pytest.mark.parametrize("apart", ["refused", "ignored"])
def test_what_cannot_be_read_completely_is_said_and_not_completed(
    apart: str, total_capped: bool
) -> None:
    """More equal records than the cap shows: the span stays open, so it is tried again."""
    org = Org([(START, START)] * 40, cap=10, apart=apart, total_capped=total_capped)
    ids, spans = read(org, caps=Caps(10, 100), size=5)
    assert None in spans
    assert merged(s for s in spans if s) != [(0, START + 10_000_000)]
    assert ids


@pytest.mark.parametrize("alike", [False, True])
def test_a_server_with_a_lower_cap_than_documented_loses_nothing(alike: bool) -> None:
    """Its refusal of a page within the documented cap teaches the reader."""
    times = [(START, START + n * 1000) if alike else (START + n * 1000, START) for n in range(500)]
    org = Org(times, cap=60)
    ids, spans = read(org, caps=Caps(), size=20)
    assert len(ids) == 500
    assert org.requests <= (25 + 2 * alike) * 1.6  # a look at the one moment, before and after
    assert merged(spans) == [(0, START + 10_000_000)]


def test_a_large_clean_range_costs_few_requests_more_than_its_pages() -> None:
    """At most a twentieth more than the fewest possible."""
    times = [(START + n * 400, START) for n in range(20_000)]
    org = Org(times, cap=1000)
    ids, _ = read(org, caps=Caps(1000, 100), size=50)
    assert len(ids) == 20_000
    assert org.requests <= 400 * 1.05


@settings(max_examples=60, deadline=None)
@given(
    times=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 60)), max_size=60),
    size=st.integers(1, 9),
    cap=st.integers(25, 60),
    capped=st.booleans(),
    seed=st.integers(0, 5),
)
def test_any_distribution_of_times_is_read_or_said_to_be_incomplete(
    times: list[tuple[int, int]], size: int, cap: int, capped: bool, seed: int
) -> None:
    """A completed span never lacks a record."""
    org = Org([(START + u, START + c) for u, c in times], cap=cap, total_capped=capped, seed=seed)
    ids, spans = read(org, caps=Caps(cap, 100), size=size)
    done = merged(s for s in spans if s)
    for r in org.records:
        at = millis(datetime.fromisoformat(r["attributes"]["updatedAt"]))
        if any(lo <= at < hi for lo, hi in done):
            assert r["id"] in ids
    if None not in spans:
        assert done == [(0, START + 10_000_000)]


@pytest.mark.parametrize("group", [2, 37, 90, 100, 101, 250])
def test_equal_times_at_the_ends_of_pages_cost_few_requests(group: int) -> None:
    """Groups of records changed at once do not make their window be read twice."""
    org = Org([(START + n // group * 3000, START + n) for n in range(3000)])
    ids, spans = read(org, caps=Caps(), size=100)
    assert len(ids) == 3000
    assert merged(spans) == [(0, START + 10_000_000)]
    assert org.requests <= (1.5 + 3 * (group >= 100)) * 30  # a page of equal ones: by createdAt


@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=60), st.integers(1, 9),
    st.integers(0, 59), st.integers(0, 5),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_a_record_that_changes_among_equal_times_hides_no_other(
    groups: list[int], size: int, which: int, after: int
) -> None:
    """Whatever record leaves, and whenever: those that stayed are found, or the span stays open."""

    class Busy(Org):
        def _answer(self, body: Mapping[str, Any], page: int, page_size: int) -> Page:
            shown = super()._answer(body, page, page_size)
            if self.requests == after + 1:
                gone = self.records[which % len(self.records)]
                gone["attributes"]["updatedAt"] = iso(START + 20_000_000)
            return shown

    org = Busy([(START + at * 1000, START + n) for n, at in enumerate(groups)])
    ids, spans = read(org, caps=Caps(), size=size)
    stayed = {r["id"] for r in org.records if r["attributes"]["updatedAt"] < iso(START + 10**7)}
    assert stayed <= ids or merged(spans) != [(0, START + 10_000_000)]


def test_many_workers_find_the_same() -> None:
    """Windows in parallel lose nothing."""
    times = [(START + n * 7, START) for n in range(3000)]
    ids, spans = read(Org(times, cap=200), caps=Caps(200, 100), size=20, workers=6)
    assert len(ids) == 3000
    assert merged(spans) == [(0, START + 10_000_000)]


class Leaving(Org):
    """After the first request a record is changed, and leaves the window that is being read."""

    def search(self, body: Mapping[str, Any], **paging: Any) -> Page:
        page = super().search(body, **paging)
        if self.requests == 1:
            newest = max(self.records, key=lambda r: str(r["attributes"]["updatedAt"]))
            newest["attributes"]["updatedAt"] = iso(START + 20_000_000)
        return page


def test_a_record_that_leaves_while_its_window_is_read_hides_no_other() -> None:
    """Every record that stayed is found."""
    org = Leaving([(START + n * 1000, START) for n in range(60)], cap=10)
    ids, spans = read(org, caps=Caps(10, 100), size=1)
    assert {f"r{n}" for n in range(59)} <= ids
    assert merged(spans) == [(0, START + 10_000_000)]


class Moving(Org):
    """Between two pages one record leaves the window and others come in at its end."""

    def __init__(self, times: list[tuple[int, int]], *, come: int, after: int = 1) -> None:
        super().__init__(times)
        self.come, self.after = come, after

    def search(self, body: Mapping[str, Any], **paging: Any) -> Page:
        page = super().search(body, **paging)
        if self.requests == self.after:
            newest = max(self.records, key=lambda r: str(r["attributes"]["updatedAt"]))
            newest["attributes"]["updatedAt"] = iso(START + 20_000_000)
            for n in range(self.come):
                self.records.append(record(1000 + n, START - 1000 - n, START))
        return page


def test_a_total_that_changes_between_pages_makes_the_window_be_read_again() -> None:
    """One left and two came: as many ids are seen as the first page told, and yet one is hidden."""
    org = Moving([(START + n * 1000, START) for n in range(6)], come=2)
    ids, spans = read(org, caps=Caps(), size=3)
    assert {f"r{n}" for n in range(5)} | {"r1000", "r1001"} <= ids
    assert merged(spans) == [(0, START + 10_000_000)]


class MovingAlike(Org):
    """All of one moment: between two pages the latest created leaves and two come at the end."""

    def search(self, body: Mapping[str, Any], **paging: Any) -> Page:
        page = super().search(body, **paging)
        if paging["page"] == 1 and "created_at" in str(body):
            latest = max(self.records, key=lambda r: str(r["attributes"]["createdAt"]))
            if latest["id"] == "r5":
                self.records.remove(latest)
                self.records += [record(1000 + n, START, START - 1000 - n) for n in range(2)]
        return page


def test_a_total_that_changes_between_pages_by_number_makes_them_be_read_again() -> None:
    """As many ids are seen as page 1 told, and yet one is hidden."""
    org = MovingAlike([(START, START + n * 1000) for n in range(6)])
    ids, spans = read(org, caps=Caps(), size=3)
    assert {f"r{n}" for n in range(5)} | {"r1000", "r1001"} <= ids
    assert merged(spans) == [(0, START + 10_000_000)]


def test_a_window_that_changed_once_is_read_once_more_before_it_is_cut() -> None:
    """The tenth page contradicts the others; then all eleven anew."""
    org = Moving([(START + n * 1000, START) for n in range(30)], come=2, after=9)
    read(org, caps=Caps(), size=3)
    assert org.requests == 10 + 11


class TimedOut(Org):
    """The first replies have half of what there is, say so much is all, and that they timed out."""

    def search(self, body: Mapping[str, Any], **paging: Any) -> Page:
        page = super().search(body, **paging)
        if self.requests > 3:
            return page
        shown = page.records[: len(page.records) // 2]
        return Page(shown, page.number, page.size, len(shown), None, True, 1)


def test_a_search_that_timed_out_is_not_believed() -> None:
    """Its total is not the org's."""
    ids, _ = read(TimedOut([(START + n, START) for n in range(10)]), caps=Caps(), size=50)
    assert len(ids) == 10


@pytest.mark.parametrize("oldest_first", [False, True])
def test_the_newest_are_read_first(oldest_first: bool) -> None:
    """Or the oldest, where that is asked for."""
    org = Org([(START + n * 1000, START) for n in range(300)], cap=20)
    reader = Reader(
        org,  # type: ignore[arg-type]  # the part of Client that is used
        caps=Caps(20, 100), page_size=10, workers=1, oldest_first=oldest_first,
    )  # fmt: skip
    spans = [
        event.span
        for event in reader.read([Window(CUSTOMER, (0, START + 10_000_000))])
        if isinstance(event, Completed)
    ]
    assert len(spans) > 10
    assert spans == sorted(spans, reverse=not oldest_first)


class Clamping(Org):
    """Its pages are smaller than asked for."""

    def search(self, body: Mapping[str, Any], *, page_size: int, **paging: Any) -> Page:
        return super().search(body, page_size=min(page_size, 20), **paging)


def test_smaller_pages_than_asked_for_cost_no_more_than_their_number() -> None:
    """The size is the reply's, not ours."""
    org = Clamping([(START + n * 1000, START) for n in range(400)])
    ids, _ = read(org, caps=Caps(), size=500)
    assert len(ids) == 400
    assert org.requests == 21  # each page reads its last record's time again
    alike = Clamping([(START, START + n * 1000) for n in range(400)])
    ids, _ = read(alike, caps=Caps(), size=500)
    assert len(ids) == 400
    assert alike.requests == 21  # a look at the one moment, then by `createdAt`


def test_gaps_are_what_is_not_done() -> None:
    """Spans in any order, touching or overlapping."""
    assert gaps((0, 100), [(50, 60), (10, 20), (20, 30)]) == [(0, 10), (30, 50), (60, 100)]
    assert gaps((0, 100), [(0, 100)]) == []


@pytest.mark.parametrize("total_capped", [False, True])
def test_all_that_is_to_be_read_is_counted_once(total_capped: bool) -> None:
    """A total that may be a capped one counts nothing: the parts are counted then."""
    times = [(START + n * 10, START) for n in range(300)]
    org = Org(times, cap=100, total_capped=total_capped)
    reader = Reader(org, caps=Caps(100, 100), page_size=20, workers=1)  # type: ignore[arg-type]  # the part of Client that is used
    window = Window(CUSTOMER, (0, START + 10_000))
    told = [event for event in reader.read([window]) if isinstance(event, Counted)]
    assert sum(one.records for one in told) == 300
    assert merged(one.span for one in told if one.span) == [window.span]
    assert len(told) == 1 or total_capped


@pytest.mark.parametrize("long", [5, 50])
def test_a_long_reading_is_counted_whole_before_it_goes_on(
    long: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short one is over before anybody asks; and the searches that count cost."""
    monkeypatch.setattr(windows, "_LONG", long)
    org = Org([(START + n, START) for n in range(200)])
    reader = Reader(org, page_size=20, workers=1)  # type: ignore[arg-type]  # the part of Client that is used
    old, new = Window(CUSTOMER, (0, START + 100)), Window(CUSTOMER, (START + 100, START + 200))
    events = list(reader.read([old, new]))
    counted = [event.span for event in events if isinstance(event, Counted)]
    assert counted == [new.span, old.span]
    kinds = [type(event) for event in events if not isinstance(event, Found)]
    assert (kinds[:2] == [Counted, Counted]) == (long == 5)
    assert org.requests == (13 if long == 5 else 12)
