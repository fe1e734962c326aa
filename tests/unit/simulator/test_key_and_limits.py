"""The key, its roles, the two rate limits, and how errors look."""

from __future__ import annotations

from typing import Any

import pytest

from kustomer_sync.simulator import Limits, Switches

from .conftest import Kustomer, Start


def still() -> float:
    """A clock that only `advance` moves: no minute ends by chance."""
    return 1_800_000_000.0


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer  demo-key", "bearer demo-key", "Bearer other", "demo-key"]
)
def test_only_a_bearer_with_one_space_gets_in(kustomer: Kustomer, header: str) -> None:
    """Everything else is a 401."""
    reply = kustomer.http.get("/v1/users", headers={"Authorization": header})
    assert reply.status_code == 401
    assert reply.json()["errors"][0]["code"] == "unauthorized"


def test_an_expired_key_says_so(kustomer: Kustomer) -> None:
    """401 `Expired token`."""
    kustomer.sim.expire_key()
    reply = kustomer.get("/v1/users/current")
    assert reply.status_code == 401
    assert "Expired token" in reply.json()["errors"][0]["message"]
    kustomer.sim.expire_key(False)
    assert kustomer.get("/v1/users/current").status_code == 200


def test_the_token_tells_its_roles(kustomer: Kustomer) -> None:
    """Before and after one is withdrawn."""
    roles = kustomer.get("/v1/auth/tokens/current").json()["data"]["attributes"]["roles"]
    assert {"org.permission.search.create", "org.permission.message.read"} <= set(roles)
    kustomer.sim.revoke_role("message.read")
    roles = kustomer.get("/v1/auth/tokens/current").json()["data"]["attributes"]["roles"]
    assert "org.permission.message.read" not in roles


@pytest.mark.parametrize("shape", ["A", "B"])
def test_a_missing_role_is_a_403_in_either_shape(start: Start, shape: Any) -> None:
    """Other endpoints go on working."""
    kustomer = start(switches=Switches(error_shape=shape))
    kustomer.sim.revoke_role("org.permission.message.read")
    reply = kustomer.get("/v1/messages")
    assert reply.status_code == 403
    error = reply.json()["errors"][0]
    assert error["code"] == "forbidden"
    assert set(error) >= ({"message"} if shape == "A" else {"title", "detail", "status"})
    assert kustomer.get("/v1/notes").status_code == 200
    kustomer.sim.grant_role("org.user")
    assert kustomer.get("/v1/messages").status_code == 200


def test_searching_needs_the_search_role(kustomer: Kustomer) -> None:
    """`org.permission.search.create`; and, as `search_needs_object_role` says, what it finds."""
    kustomer.sim.revoke_role("note.read")
    assert kustomer.search("note").status_code == 200
    kustomer.sim.switches = Switches(search_needs_object_role=True)
    assert kustomer.search("note").status_code == 403
    assert kustomer.search("message").status_code == 200
    kustomer.sim.revoke_role("search.create")
    assert kustomer.search("message").status_code == 403


def test_errors_may_have_no_body(start: Start) -> None:
    """Observed."""
    kustomer = start(switches=Switches(empty_error_bodies=True))
    reply = kustomer.get("/v1/nothing")
    assert (reply.status_code, reply.content) == (404, b"")


def test_the_org_limit_refuses_until_the_window_ends(start: Start) -> None:
    """429 with the headers, then all is well again."""
    kustomer = start(limits=Limits(org=3, search=100), wall=still)
    seen = [kustomer.get("/v1/brands") for _ in range(5)]
    assert [reply.status_code for reply in seen] == [200, 200, 200, 429, 429]
    assert [reply.headers["x-ratelimit-remaining"] for reply in seen] == ["2", "1", "0", "0", "0"]
    reset = int(seen[-1].headers["x-ratelimit-reset"])
    now = kustomer.sim.clock.now_ms() / 1_000
    assert 0 < reset - now <= 60
    assert "retry-after" not in seen[-1].headers
    assert kustomer.sim.requests.rate_limited == 2
    kustomer.sim.clock.advance(reset - now + 0.01)
    assert kustomer.get("/v1/brands").status_code == 200


def test_searches_have_a_limit_of_their_own(start: Start) -> None:
    """Lists still pass."""
    kustomer = start(limits=Limits(org=100, search=2), wall=still)
    assert [kustomer.search("note").status_code for _ in range(3)] == [200, 200, 429]
    assert kustomer.get("/v1/notes").status_code == 200


def test_what_the_headers_of_a_search_describe(start: Start) -> None:
    """The search limit, or the org's."""
    kustomer = start(limits=Limits(org=100, search=20), wall=still)
    assert kustomer.search("note").headers["x-ratelimit-limit"] == "20"
    kustomer.sim.switches = Switches(ratelimit_headers_on_search="org")
    reply = kustomer.search("note")
    assert reply.headers["x-ratelimit-limit"] == "100"
    assert reply.headers["x-ratelimit-remaining"] == "98"
    kustomer.sim.switches = Switches(
        ratelimit_headers_on_search="org", search_counts_towards_org=False
    )
    assert kustomer.search("note").headers["x-ratelimit-remaining"] == "98"


def test_the_headers_may_be_absent_or_in_other_units(start: Start) -> None:
    """seconds, delta, ms, none; Retry-After; Date."""
    kustomer = start(limits=Limits(org=1), wall=still)
    now = kustomer.sim.clock.now_ms()
    assert int(kustomer.get("/v1/brands").headers["x-ratelimit-reset"]) * 1_000 > now
    kustomer.sim.switches = Switches(reset_unit="delta", retry_after=True)
    refused = kustomer.get("/v1/brands")
    assert int(refused.headers["x-ratelimit-reset"]) <= 60
    assert refused.headers["retry-after"] == refused.headers["x-ratelimit-reset"]
    kustomer.sim.switches = Switches(reset_unit="ms")
    assert int(kustomer.get("/v1/brands").headers["x-ratelimit-reset"]) > now
    assert "date" in kustomer.get("/v1/brands").headers
    kustomer.sim.switches = Switches(ratelimit_headers=False, date_header=False)
    bare = kustomer.get("/v1/brands").headers
    assert not [name for name in bare if name.startswith("x-ratelimit")]
    assert "date" not in bare


def test_others_use_up_the_budget_too(start: Start) -> None:
    """Evenly over the window."""
    kustomer = start(limits=Limits(org=100, others=80), wall=still)
    assert kustomer.get("/v1/brands").headers["x-ratelimit-remaining"] == "99"
    kustomer.sim.clock.advance(30)
    assert kustomer.get("/v1/brands").headers["x-ratelimit-remaining"] == "58"
    kustomer.sim.limits = Limits(org=100, others=300)
    assert kustomer.get("/v1/brands").status_code == 429


def test_date_is_the_simulators_own_time(start: Start) -> None:
    """Moved clocks show, and uvicorn adds no second header."""
    kustomer = start(wall=still)
    kustomer.sim.clock.advance(40 * 86_400)
    reply = kustomer.get("/v1/brands")
    assert reply.headers.get_list("date") == [kustomer.sim.clock.http_date()]


def test_windows_and_others_searches_can_be_set(start: Start) -> None:
    """`window_seconds` and `other_searches`."""
    limits = Limits(search=10, window_seconds=10, other_searches=8)
    kustomer = start(limits=limits, wall=still)
    first = kustomer.search("note").headers
    assert first["x-ratelimit-reset"] == "1800000010"
    assert first["x-ratelimit-remaining"] == "9"
    kustomer.sim.clock.advance(5)
    assert kustomer.search("note").headers["x-ratelimit-remaining"] == "4"
