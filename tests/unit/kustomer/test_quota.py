"""The budgets: never more than the share, never faster than replies allow."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import pairwise

import pytest

from kustomer_sync.errors import Rescheduled
from kustomer_sync.kustomer.quota import Limit, Quota, parse_limit


class Clock:
    """A clock that a waiting quota moves on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def quota(
    clock: Clock, *, percentage: float = 90, max_wait: float = 900,
    share: Callable[[], float] | None = None, waits: Callable[[float], None] = lambda seconds: None,
) -> Quota:  # fmt: skip
    made = Quota(
        percentage, max_wait=max_wait, clock=clock, stop=threading.Event(), share=share,
        waits=waits,
    )  # fmt: skip

    def wait(seconds: float | None = None) -> bool:
        clock.now += seconds or 0
        return True

    made._changed.wait = wait  # type: ignore[method-assign,assignment]  # waiting takes no time
    return made


def test_searches_stay_within_their_share_in_any_minute() -> None:
    """90 % of 100 a minute is 90 in any 60 seconds, and nearly all of them are used."""
    clock = Clock()
    q = quota(clock)
    sent = []
    while clock.now < 1000 + 600:
        q.acquire(search=True)
        sent.append(clock.now)
        q.release(search=True, limit=None, refused_for=None)
        clock.now += 0.01
    for n, at in enumerate(sent):
        assert sum(1 for other in sent[n:] if other < at + 60) <= 90
    assert len(sent) >= 0.95 * 90 * 10


def test_when_others_use_the_budget_up_it_waits_for_the_reset() -> None:
    """A reply that says 5 of 1,000 remain stops the lane until the reset it names."""
    clock = Clock()
    q = quota(clock)
    q.acquire(search=False)
    q.release(search=False, limit=Limit(1000, 5, 42.0), refused_for=None)
    before = clock.now
    q.acquire(search=False)
    assert clock.now - before == pytest.approx(42, abs=1.1)


def test_headers_of_a_search_that_speak_of_the_org_do_not_widen_the_search_lane() -> None:
    """A search reply with the org's limit leaves searches at 100 a minute."""
    q = quota(Clock())
    q.acquire(search=False)
    q.release(search=False, limit=Limit(1000, 999, 60), refused_for=None)
    q.acquire(search=True)
    q.release(search=True, limit=Limit(1000, 998, 60), refused_for=None)
    assert q.search.limit == 100
    assert q.org.limit == 1000


def test_too_long_without_a_possible_request_reschedules() -> None:
    """A reset beyond `max_wait_minutes` is waited for that long and no less, and it says so."""
    clock = Clock()
    q = quota(clock, max_wait=120)
    q.acquire(search=False)
    q.release(search=False, limit=Limit(300, 0, 600.0), refused_for=None)
    before = clock.now
    with pytest.raises(Rescheduled, match=r"left no request for 2 minutes\.") as told:
        q.acquire(search=False)
    assert clock.now - before == pytest.approx(120)
    assert "again in 8 minutes" in told.value.hint


def test_a_reset_beyond_the_wait_is_not_waited_for_when_the_budget_frees_earlier() -> None:
    """Nothing is foretold: a reply to another request, or the share, may let it go."""
    clock = Clock()
    q = quota(clock, max_wait=120, share=lambda: 25 if clock.now < 1100 else 90)
    q.acquire(search=False)
    q.release(search=False, limit=Limit(300, 150, 1800.0), refused_for=None)
    q.set_share(25)
    q.acquire(search=False)
    assert clock.now == pytest.approx(1100, abs=1.1)


def test_a_minute_s_wait_lasts_until_the_next_request() -> None:
    """`max_wait_minutes = 1` paces a share that was used up at once, and never reschedules."""
    clock = Clock()
    q = quota(clock, percentage=25, max_wait=60)
    for _ in range(100):
        q.acquire(search=True)
        q.release(search=True, limit=None, refused_for=None)
    assert clock.now == pytest.approx(1000 + 3 * 60.25)


def test_refusals_alone_reschedule_after_the_wait() -> None:
    """Requests that go out and are refused are none that could be sent."""
    clock = Clock()
    q = quota(clock, max_wait=120)

    def refused() -> None:
        for _ in range(100):
            q.acquire(search=False)
            q.release(search=False, limit=None, refused_for=15.0)

    with pytest.raises(Rescheduled, match=r"for 2 minutes\."):
        refused()
    assert clock.now - 1000 == pytest.approx(120)


def test_time_without_a_wish_to_send_is_no_wait() -> None:
    """Twenty minutes of loading are not twenty minutes without a possible request."""
    clock = Clock()
    q = quota(clock, max_wait=120)
    q.acquire(search=False)
    q.release(search=False, limit=Limit(300, 0, 1230.0), refused_for=None)
    clock.now += 1200
    q.acquire(search=False)
    assert clock.now == pytest.approx(2230, abs=1.1)


def test_without_a_wait_the_sentence_says_now() -> None:
    """`max_wait_minutes = 0` waits for nothing."""
    q = quota(Clock(), max_wait=0)
    q.acquire(search=False)
    q.release(search=False, limit=Limit(300, 0, 600.0), refused_for=None)
    with pytest.raises(Rescheduled, match=r"leaves no request now\."):
        q.acquire(search=False)


def test_a_long_wait_is_told_once_and_until_when() -> None:
    """Each minute's wait is one of its own; a short one is not told."""
    clock = Clock()
    told: list[float] = []
    q = quota(clock, percentage=25, waits=lambda seconds: told.append(clock.now + seconds))
    for _ in range(75):
        q.acquire(search=True)
        q.release(search=True, limit=None, refused_for=None)
        clock.now += 0.1
    assert told == pytest.approx([1060.25, 1120.5], abs=2.5)
    q.release(search=True, limit=None, refused_for=9.0)
    q.acquire(search=False)
    assert len(told) == 2


def test_a_wait_that_is_given_up_earlier_is_told_until_then() -> None:
    """And one that becomes longer is told again."""
    clock = Clock()
    told: list[float] = []
    q = quota(clock, max_wait=120, waits=lambda seconds: told.append(clock.now + seconds))
    q.acquire(search=False)
    q.release(search=False, limit=Limit(300, 0, 20.0), refused_for=None)
    q.set_share(25)
    wait, longer = q._changed.wait, [Limit(300, 0, 600.0)]

    def others(seconds: float | None = None) -> bool:
        if clock.now > 1010 and longer:
            q.org.heard(longer.pop(), clock.now)
        return wait(seconds)

    q._changed.wait = others  # type: ignore[method-assign,assignment]  # a reply comes while it waits
    with pytest.raises(Rescheduled):
        q.acquire(search=False)
    assert told == pytest.approx([1020, 1120])


@pytest.mark.parametrize(
    ("reset", "seconds"), [("1700000030", 30), ("30", 30), ("1700000030000", 30), ("soon", 60)]
)
def test_a_reset_is_understood_in_every_unit(reset: str, seconds: float) -> None:
    """Epoch seconds, seconds from now, epoch milliseconds; nonsense is a minute."""
    headers = {
        "x-ratelimit-limit": "1000", "x-ratelimit-remaining": "7", "x-ratelimit-reset": reset
    }  # fmt: skip
    found = parse_limit(headers, 1_700_000_000.0)
    assert found == Limit(1000, 7, seconds)


def test_missing_headers_are_no_limit() -> None:
    """ "In most APIs", say the docs."""
    assert parse_limit({}, None) is None


def test_a_changed_share_counts_from_the_next_request_on() -> None:
    """Less permits less of both budgets at once; more lets a waiting request go."""
    clock = Clock()
    q = quota(clock, percentage=90)
    for _ in range(25):
        q.acquire(search=True)
        q.release(search=True, limit=None, refused_for=None)
    q.set_share(25)
    assert (q.org.allowed, q.search.allowed) == (75, 25)
    before = clock.now
    q.acquire(search=True)
    assert clock.now - before == pytest.approx(60.25, abs=1.1)
    q.set_share(90)
    before = clock.now
    for _ in range(60):
        q.acquire(search=True)
    assert clock.now == before


def test_a_waiting_request_goes_when_the_share_it_waits_for_grows() -> None:
    """It is asked for about once a second, and never oftener."""
    clock = Clock()
    asked: list[float] = []

    def share() -> float:
        asked.append(clock.now)
        return 25 if clock.now < 1010 else 90

    q = quota(clock, percentage=25, share=share)
    for _ in range(25):
        q.acquire(search=True)
    before = clock.now
    q.acquire(search=True)
    assert clock.now - before == pytest.approx(10, abs=1.5)
    assert all(b - a >= 1 for a, b in pairwise(asked))


def test_the_use_of_a_budget_is_that_of_the_last_minute() -> None:
    """What went out, and when the minute that the server counts ends."""
    clock = Clock()
    q = quota(clock)
    for _ in range(3):
        q.acquire(search=True)
        q.release(search=True, limit=Limit(100, 90, 30.0), refused_for=None)
    requests, searches = q.use()
    assert (searches.limit, searches.permitted, searches.used) == (100, 90, 3)
    assert searches.resets_in == pytest.approx(30)
    assert (requests.limit, requests.used) == (300, 3)
    clock.now += 61
    assert [use.used for use in q.use()] == [0, 0]
