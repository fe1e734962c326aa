"""One answer is got, however often it takes; what must not be tried again is not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import httpx2
import pytest

from kustomer_sync.errors import KeyRefused, PathFailed, SourceFailed, SourceUnreachable
from kustomer_sync.kustomer.client import Client, Forbidden, _epoch, _refused_for, walk
from kustomer_sync.kustomer.quota import Quota
from kustomer_sync.simulator import Limits, Simulator, Switches
from kustomer_sync.simulator.faults import Fault

Opened = Callable[..., AbstractContextManager[tuple[Client, Simulator]]]
UNLIMITED = Limits(org=1_000_000, search=1_000_000)


class Clock:
    """One clock for the simulator and the quota; only waiting moves it on."""

    def __init__(self) -> None:
        self.now = 1_800_000_010.0

    def __call__(self) -> float:
        return self.now


class Ticking(threading.Event):
    """Never set; whoever waits for it moves the clock on."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        self.clock.now += timeout or 0
        return False


@pytest.fixture
def patient() -> Iterator[tuple[Client, Simulator, Clock, list[str]]]:
    """A client that is as patient as ever in no time, the clock, and what it tells."""
    clock = Clock()
    quota = Quota(90, max_wait=900, clock=clock, stop=threading.Event())
    told: list[str] = []
    with Simulator(limits=UNLIMITED, wall=clock) as sim:
        client = Client(
            sim.url, sim.token, quota, clock=clock, stop=Ticking(clock), tell=told.append
        )
        yield client, sim, clock, told
        client.close()


@pytest.fixture
def opened() -> Opened:
    @contextmanager
    def made(
        limits: Limits = UNLIMITED,
        percentage: float = 90,
        page_seconds: float = 120,
        retry_seconds: float = 2,
        **switches: Any,
    ) -> Iterator[tuple[Client, Simulator]]:
        clock = Clock()
        quota = Quota(percentage, max_wait=900, clock=clock, stop=threading.Event())

        def wait(seconds: float | None = None) -> bool:
            clock.now += seconds or 0
            return True

        quota._changed.wait = wait  # type: ignore[method-assign,assignment]  # waiting takes no time
        with Simulator(limits=limits, switches=Switches(**switches), wall=clock) as sim:
            client = Client(
                sim.url, sim.token, quota, retry_seconds=retry_seconds, page_seconds=page_seconds
            )
            try:
                yield client, sim
            finally:
                client.close()

    return made


def moments(sim: Simulator) -> list[float]:
    return [line.at / 1000 for line in sim.requests.lines]


def test_a_link_to_another_host_is_never_followed(opened: Opened) -> None:
    """The key goes nowhere else; the error names the host."""
    with opened() as (client, sim):
        sim.faults.add("next_foreign", "/v1/tags")
        with pytest.raises(SourceFailed, match="another host"):
            list(walk(client, "/v1/tags", {}))
        assert sim.requests.total == 1


@pytest.mark.parametrize(
    ("base", "link"),
    [
        *(
            (base, link)
            for base in ("http://one.test", "http://one.test/below/it")
            for link in ("?page=2", "/v1/tags?page=2", f"{base}/v1/tags?page=2")
        ),
        ("http://one.test/below/it", "/below/it/v1/tags?page=2"),
        ("https://One.test", "http://one.test:80/v1/tags?page=2"),
    ],
)
def test_a_link_is_a_path_of_this_host_however_it_is_written(base: str, link: str) -> None:
    """A query alone, as the audit log's is published; a path; an address as behind a proxy."""
    client = Client(base, "key", Quota(90, max_wait=1, clock=Clock(), stop=threading.Event()))
    assert client.next_path(link, "/v1/tags") == "/v1/tags?page=2"
    client.close()


def test_a_429_is_waited_out_until_the_reset(opened: Opened) -> None:
    """Whatever the headers say is left, they name the moment at which requests are taken again."""
    with opened(Limits(org=300)) as (client, sim):
        sim.faults.add("status", "/v1/teams", times=1, value=429)
        client.get("/v1/teams")
        first, second = moments(sim)
        assert second - first >= 59 - first % 60
        assert client.requests.rate_limited == 1


def test_a_retry_after_is_honoured(opened: Opened) -> None:
    """Where no other header says anything."""
    with opened(Limits(org=3), retry_after=True, ratelimit_headers=False) as (client, sim):
        for _ in range(3):
            httpx2.get(f"{sim.url}/v1/teams", headers=sim.headers)
        client.get("/v1/teams")
        first, second = moments(sim)[3:]
        assert second - first >= 59 - first % 60
        assert client.requests.rate_limited == 1


def test_a_retry_after_may_be_a_date(opened: Opened) -> None:
    """By the server's clock; of a date in the past it is tried again soon."""
    at = "Thu, 26 Nov 2026 18:00:30 GMT"
    now = 1_795_716_000.0
    assert 30 <= _refused_for(at, None, now) <= 32
    assert 0 < _refused_for(at, None, now + 100) <= 2
    assert _refused_for("soon", None, now) == 15


@pytest.fixture
def far_west(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose own time is not UTC."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("far_west")
def test_each_form_of_an_http_date_is_the_same_moment() -> None:
    """The oldest has no zone and is UTC all the same (RFC 9110, 5.6.7): else the present is off."""
    forms = (
        "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    )  # fmt: skip
    assert {_epoch(form) for form in forms} == {784_111_777.0}


def test_a_refused_key_is_not_tried_again(opened: Opened) -> None:
    """401 stops at once."""
    with opened() as (client, sim):
        sim.expire_key()
        with pytest.raises(KeyRefused, match="expired"):
            client.get("/v1/teams")
        assert sim.requests.total == 1


def test_a_missing_role_is_not_tried_again(opened: Opened) -> None:
    """403 is an answer."""
    with opened() as (client, sim):
        sim.revoke_role("org.permission.tag.read")
        with pytest.raises(Forbidden):
            client.get("/v1/tags")
        assert sim.requests.total == 1


def test_what_keeps_failing_is_given_up_at_the_deadline(opened: Opened) -> None:
    """Tried more than once, then said."""
    with opened() as (client, sim):
        sim.faults.add("status", "/v1/teams", value=503)
        with pytest.raises(SourceFailed, match="503"):
            client.get("/v1/teams")
        assert sim.requests.total > 1


Patient = tuple[Client, Simulator, Clock, list[str]]


def test_a_path_that_keeps_failing_while_others_answer_is_that_path_alone(
    patient: Patient,
) -> None:
    """After a quarter of an hour; the next such path is given a minute, the next half of that."""
    client, sim, clock, _ = patient
    sim.faults.add("status", "/v1/(teams|customers)", value=500)
    paths = ["/v1/teams", *(f"/v1/customers/{sim.id('customer', n)}" for n in range(60))]
    times = [(860, 960), (25, 100), (10, 50), *[(2, 25)] * 58]
    for path, (least, most) in zip(paths, times, strict=True):
        began = clock()
        with pytest.raises(PathFailed, match=f"{path} kept failing"):
            client.get(path)
        assert least < clock() - began < most
    assert client.get("/v1/users")["data"]


def test_a_kustomer_that_is_down_is_no_matter_of_a_path(patient: Patient) -> None:
    """It ends in a minute more than a path may fail, however many paths there are."""
    client, sim, clock, _ = patient
    sim.faults.add("status", value=500)
    began = clock()
    with pytest.raises(SourceFailed, match="/v1/teams kept failing") as caught:
        client.get("/v1/teams")
    assert not isinstance(caught.value, PathFailed)
    assert clock() - began < 1020


def test_an_outage_after_a_path_was_given_up_costs_no_other_path(patient: Patient) -> None:
    """Kustomer is waited for as long as ever, whatever a single path is given."""
    client, sim, clock, _ = patient
    sim.faults.add("status", "/v1/teams", value=500)
    with pytest.raises(PathFailed):
        client.get("/v1/teams")
    began = clock()
    sim.faults.clear()
    sim.faults.rules.append(Until(clock, began + 600))
    assert client.get("/v1/tags")["data"]
    assert clock() - began >= 600


class Until(Fault):
    """Every request fails until then."""

    def __init__(self, clock: Clock, end: float) -> None:
        super().__init__("status", value=503)
        self.clock, self.end = clock, end

    def fires(self, method: str, target: str) -> bool:
        return self.clock() < self.end


def test_what_keeps_failing_is_said_once(patient: Patient) -> None:
    """After half a minute, in one sentence that says for how long it is borne."""
    client, sim, clock, told = patient
    fault = sim.faults.add("status", "/v1/teams", times=4, value=503)
    client.get("/v1/teams")  # which passes in time
    assert fault.fired == 4
    assert told == []
    sim.faults.rules.append(Until(clock, clock() + 200))
    client.get("/v1/teams")
    (said,) = told
    assert "keeps failing at /v1/teams (status 503)" in said
    assert "for up to 15 minutes" in said


def test_what_never_speaks_json_is_not_kustomer(patient: Patient) -> None:
    """Given up after a minute, and `base_url` is named: a web front answers every path alike."""
    client, sim, clock, told = patient
    sim.faults.add("html", value=200)
    began = clock()
    with pytest.raises(SourceUnreachable, match=r"not Kustomer's API.*Check `base_url`"):
        client.get("/v1/users/current")
    assert 25 < clock() - began <= 60
    assert all("for up to a minute" in said for said in told)


def test_a_page_that_says_that_kustomer_is_down_is_waited_out(patient: Patient) -> None:
    """It has a status of its own; and one with status 200 is told apart by what came before."""
    client, sim, clock, _ = patient
    sim.faults.add("html", value=502)
    began = clock()
    with pytest.raises(SourceFailed):
        client.get("/v1/teams")
    assert clock() - began > 860
    sim.faults.clear()
    assert client.get("/v1/teams")["data"]
    sim.faults.add("html", value=200)
    began = clock()
    with pytest.raises(SourceFailed):
        client.get("/v1/teams")
    assert clock() - began > 860


def test_a_body_that_drips_is_asked_for_again(opened: Opened) -> None:
    """Every byte comes in good time, and the whole would take a minute."""
    with opened(page_seconds=2, retry_seconds=30) as (client, sim):
        fault = sim.faults.add("slow", "/v1/teams", times=1, value=200)
        client.get("/v1/teams")
        assert fault.fired == 1
        assert sim.requests.total == 2


@pytest.mark.parametrize("limits", [Limits(org=60), Limits(org=60, others=20)])
def test_the_share_of_the_budget_is_kept(opened: Opened, limits: Limits) -> None:
    """Half of 60 a minute, in any minute; none is refused, also where others use the rest."""
    with opened(limits, percentage=50) as (client, sim):
        for _ in range(80):
            client.get("/v1/teams")
        assert client.requests.rate_limited == 0
        sent = moments(sim)
        for n, at in enumerate(sent[2:], start=2):  # the first reply tells the limit
            assert sum(1 for other in sent[n:] if other < at + 60) <= 30
