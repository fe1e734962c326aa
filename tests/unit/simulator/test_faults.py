"""Each fault does what its name says, as often as its rule says."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx2
import orjson
import pytest

from kustomer_sync.simulator import Fault

from .conftest import Kustomer


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("status", None, 500),
        ("status", 503, 503),
        ("status", 429, 429),
        ("empty", None, 500),
        ("html", None, 502),
        ("expired", None, 401),
        ("forbidden", None, 403),
    ],
)
def test_answers_that_are_errors(
    kustomer: Kustomer, name: Any, value: float | None, status: int
) -> None:
    """Once, then the request succeeds."""
    rule = kustomer.sim.faults.add(name, "/v1/users", times=1, value=value)
    reply = kustomer.get("/v1/users")
    assert reply.status_code == status
    assert (name == "html") == reply.text.startswith("<!DOCTYPE html>")
    assert (name == "empty") == (reply.content == b"")
    assert kustomer.get("/v1/users").status_code == 200
    assert rule.fired == 1


@pytest.mark.parametrize("name", ["reset", "reset_body", "cut_short"])
def test_connections_break(kustomer: Kustomer, name: Any) -> None:
    """Before the headers, or in the middle of the body; the next request is fine."""
    kustomer.sim.faults.add(name, "/v1/messages", times=1)
    with pytest.raises(httpx2.TransportError) as broken:
        kustomer.get("/v1/messages")
    if name != "cut_short":
        assert isinstance(broken.value, httpx2.ReadError | httpx2.RemoteProtocolError)
    assert kustomer.get("/v1/messages").status_code == 200
    assert kustomer.sim.requests.lines[0].fault == name


def test_truncated_json_has_a_content_length_that_agrees(kustomer: Kustomer) -> None:
    """HTTP is fine, JSON is not."""
    kustomer.sim.faults.add("truncated", times=1)
    reply = kustomer.http.get("/v1/messages", headers={"Accept-Encoding": "identity"})
    assert int(reply.headers["content-length"]) == len(reply.content)
    with pytest.raises(json.JSONDecodeError):
        reply.json()


def test_slow_bodies_and_late_replies(kustomer: Kustomer) -> None:
    """`value` bytes per second; `value` seconds."""
    body = kustomer.http.get("/v1/brands", headers={"Accept-Encoding": "identity"})
    kustomer.sim.faults.add("slow", times=1, value=len(body.content) * 3)
    kustomer.sim.faults.add("delay", times=1, value=0.3)
    for _ in range(2):
        begin = time.monotonic()
        assert (
            kustomer.http.get("/v1/brands", headers={"Accept-Encoding": "identity"}).json()
            == body.json()
        )
        assert time.monotonic() - begin >= 0.25


def test_a_partial_page_says_timed_out(kustomer: Kustomer) -> None:
    """Half of the page."""
    kustomer.sim.faults.add("timed_out", method="POST", times=1)
    reply = kustomer.search("message", size=50).json()
    assert reply["meta"]["timed_out"] is True
    assert len(reply["data"]) == 25
    assert kustomer.search("message", size=50).json()["meta"]["timed_out"] is False


def _ids(reply: httpx2.Response) -> list[str]:
    return [record["id"] for record in reply.json()["data"]]


def test_pages_come_twice_overlap_or_never_end(kustomer: Kustomer) -> None:
    """duplicate_page, overlap, repeat."""
    pages = {n: _ids(kustomer.get("/v1/messages", page=n, pageSize=50)) for n in (1, 2, 3)}
    faults = kustomer.sim.faults
    faults.add("duplicate_page", "page=3", times=1)
    assert _ids(kustomer.get("/v1/messages", page=3, pageSize=50)) == pages[2]
    faults.add("overlap", "page=3", times=1, value=5)
    shifted = _ids(kustomer.get("/v1/messages", page=3, pageSize=50))
    assert shifted == pages[2][-5:] + pages[3][:-5]
    faults.add("repeat", "page=1[0-9]")
    last = kustomer.get("/v1/messages", page=12, pageSize=50)
    assert _ids(last) == pages[1]
    assert last.json()["links"]["next"] == "/v1/messages?page=13&pageSize=50"
    faults.clear()
    assert kustomer.get("/v1/messages", page=12, pageSize=50).json()["links"]["next"] is None


def test_next_leads_astray(kustomer: Kustomer) -> None:
    """To itself, or to another host."""
    kustomer.sim.faults.add("next_self", times=1)
    links = kustomer.get("/v1/messages").json()["links"]
    assert links["next"] == links["self"]
    kustomer.sim.faults.add("next_foreign", times=1)
    following = kustomer.get("/v1/messages").json()["links"]["next"]
    assert following.startswith("https://elsewhere.example.com/v1/messages")


def test_records_move_while_paging(kustomer: Kustomer) -> None:
    """A record of page 1 is updated after it was served, so one record is skipped."""
    every = kustomer.ids("conversation")
    kustomer.sim.faults.add("shift", "page=1", times=1, value=1)
    first = _ids(kustomer.search("conversation", size=20))
    second = _ids(kustomer.search("conversation", size=20, page=2))
    assert len(kustomer.sim.world.writes) == 1
    assert kustomer.sim.world.writes[0].id == first[0]
    assert len(set(every[:41]) - set(first) - set(second)) >= 1


def test_totals_lie(kustomer: Kustomer) -> None:
    """By `value`."""
    total = kustomer.search("message").json()["meta"]["total"]
    kustomer.sim.faults.add("wrong_total", times=1, value=-9)
    assert kustomer.search("message").json()["meta"]["total"] == total - 9


def test_bodies_that_parsers_choke_on(kustomer: Kustomer) -> None:
    """Invalid UTF-8, a lone surrogate, an integer beyond 2^64."""
    faults = kustomer.sim.faults
    faults.add("bad_utf8", times=1)
    with pytest.raises(UnicodeDecodeError):
        kustomer.get("/v1/messages").content.decode()
    faults.add("surrogate", times=1)
    content = kustomer.get("/v1/messages").content
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(content)
    assert json.loads(content)["data"][0]["attributes"]["junkStr"] == "a\ud83d"
    faults.add("huge_integer", times=1)
    records = kustomer.get("/v1/messages").json()["data"]
    values = {m["attributes"]["custom"].get("hugeNum") for m in records}
    assert values - {None} == {36893488147419103233}


def test_hostile_values_in_hand_made_records(kustomer: Kustomer) -> None:
    """Whatever is put in comes out, through lists and search."""
    hostile = {"body": "nul \x00 and \ud83d", "bigNum": 2**70, "deep": {"a": [[{"b": None}]]}}
    note = kustomer.sim.create("note", hostile)
    for record in (
        kustomer.get(f"/v1/notes/{note}").json()["data"],
        kustomer.search("note", way="desc").json()["data"][0],
    ):
        assert {name: record["attributes"][name] for name in hostile} == hostile


def test_rules_choose_their_requests(kustomer: Kustomer) -> None:
    """skip, times, method, path and a seeded probability."""
    rule = kustomer.sim.faults.add("status", "/v1/brands", skip=2, times=2)
    codes = [kustomer.get("/v1/brands").status_code for _ in range(6)]
    assert codes == [200, 200, 500, 500, 200, 200]
    assert rule.fired == 2
    kustomer.sim.faults.add("status", method="POST")
    assert kustomer.get("/v1/brands").status_code == 200
    assert kustomer.search("note").status_code == 500
    kustomer.sim.faults.clear()

    def struck() -> list[int]:
        kustomer.sim.faults.clear()
        kustomer.sim.faults.add("status", probability=0.5, seed=3)
        return [kustomer.get("/v1/brands").status_code for _ in range(20)]

    first = struck()
    assert first == struck()
    assert 4 < first.count(500) < 16


def test_an_unknown_fault_is_refused() -> None:
    """With the list of the known ones."""
    with pytest.raises(ValueError, match="one of status, html"):
        Fault("explode")  # type: ignore[arg-type]  # that is the point


def test_requests_are_logged_and_counted(kustomer: Kustomer) -> None:
    """By route and status, with bodies."""
    kustomer.search("note")
    kustomer.get(f"/v1/conversations/{kustomer.sim.id('conversation', 1)}")
    kustomer.get("/v1/nothing")
    log = kustomer.sim.requests
    assert log.total == 3
    assert log.searches == 1
    assert log.count(r"^/v1/conversations/\{id\}$") == 1
    assert log.count(status=404) == 1
    assert orjson.loads(log.lines[0].body)["queryContext"] == "note"
    log.clear()
    assert log.total == 0


HOSTILE: list[dict[str, object]] = [
    {"custom": None, "tags": "not a list", "deleted": "yes"},
    {"custom": [1, 2], "tags": None, "name": {"a": 1}, "createdAt": "long ago"},
    {"updatedAt": None, "emails": "x", "meta": [[]], "status": 7},
    {"updatedAt": 12, "": "", "a.b": {"": None}, "klass": "order"},
]


@pytest.mark.parametrize("attributes", HOSTILE)
def test_nothing_hostile_breaks_the_simulator(
    kustomer: Kustomer, attributes: dict[str, object]
) -> None:
    """Lists, filters and searches go on over whatever a test puts into a record."""
    for kind, path in (("conversation", "conversations"), ("customer", "customers")):
        made = kustomer.sim.create(kind, attributes, {"customer": kustomer.sim.id("customer", 1)})
        assert kustomer.get(f"/v1/{path}/{made}").status_code == 200
        assert kustomer.listed(f"/v1/{path}")
        assert (
            kustomer.search(kind, {f"{kind}_any_text": {"contains": "kettle"}}).status_code == 200
        )
        assert kustomer.search(kind, {f"{kind}_tags": {"not_set": ""}}).status_code == 200
        assert kustomer.search(kind, sort=f"{kind}_created_at").status_code == 200
        assert kustomer.search(kind, sort=f"{kind}_name").status_code == 200
        kustomer.sim.edit(kind, made, {"custom": {"aStr": "b"}})
        kustomer.sim.soft_delete(kind, made)
    company = kustomer.sim.create("company", {"name": None})
    assert company in [c["id"] for c in kustomer.listed("/v1/companies")]
    assert kustomer.get("/v1/companies", filter="acorn").status_code == 200
    bad = {"filter[start]": "yesterday"}
    assert kustomer.get("/v1/audit-logs", **bad).status_code == 400
