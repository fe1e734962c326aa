"""A million conversations cost no more than a hundred."""

from __future__ import annotations

import socket
import time
import tracemalloc

import pytest

from kustomer_sync.simulator import Scale, Simulator, Switches
from kustomer_sync.simulator.clock import iso

from .conftest import Kustomer, Start


def test_small_starts_at_once(start: Start) -> None:
    """Well under a second."""
    begin = time.process_time()
    assert start().get("/v1/users/current").status_code == 200
    assert time.process_time() - begin < 2


@pytest.fixture
def large(start: Start) -> Kustomer:
    """A million conversations, two million messages."""
    return start(scale="large", switches=Switches(list_depth_cap=None))


def test_a_deep_window_of_a_million(large: Kustomer) -> None:
    """Start, one deep window in the middle, its pages, a count by status, a deep list page."""
    base = large.sim.world.base
    low, high = base.updated("conversation", 500_000), base.updated("conversation", 504_000)
    where = {"conversation_updated_at": {"gte": iso(low), "lt": iso(high)}}
    reply = large.search("conversation", where, deleted=True, size=500, page=8).json()
    assert 3_800 < reply["meta"]["total"] < 4_200
    first = large.search("conversation", where, {"conversation_status": {"equals": "open"}}).json()
    assert 600 < first["meta"]["total"] < 900
    every = large.search("conversation", size=1).json()["meta"]["total"]
    archived = large.search("conversation", size=1, archive=True).json()["meta"]["total"]
    assert 980_000 < every + archived < 1_000_000
    deep = large.get("/v1/messages", page=15_000).json()
    assert len(deep["data"]) == 100
    talk = base.id("conversation", 777_777)
    assert large.get(f"/v1/conversations/{talk}/messages").status_code == 200


def test_changes_find_their_place_among_a_million(large: Kustomer) -> None:
    """Edited, deleted and created records in a search over all."""
    sim = large.sim
    before = large.search("conversation", size=1).json()["meta"]["total"]
    changed = sim.id("conversation", 600_001)
    sim.edit("conversation", changed, {"name": "moved"})
    sim.clock.advance(1)
    created = sim.create("conversation", {"name": "new"})
    sim.hard_delete("conversation", sim.id("conversation", 700_002))
    newest = large.search("conversation", way="desc", size=2).json()
    assert [r["id"] for r in newest["data"]] == [created, changed]
    assert abs(newest["meta"]["total"] - before) <= 1
    assert sim.ledger.count("conversation") == 1_000_000


def test_memory_stays_flat(large: Kustomer) -> None:
    """Reading 5,000 records at different depths leaves less than 40 MB behind."""
    large.search("message", size=500)
    tracemalloc.start()
    try:
        base = large.sim.world.base
        for i in range(100_000, 1_100_000, 100_000):
            where = {"message_updated_at": {"gte": iso(base.updated("message", i))}}
            large.search("message", where, size=500)
        assert tracemalloc.get_traced_memory()[0] < 40_000_000
    finally:
        tracemalloc.stop()


def test_named_scales(start: Start) -> None:
    """small, medium, large; anything else says which there are."""
    assert Scale.named("medium").conversations == 100_000
    with pytest.raises(ValueError, match="small, medium, large"):
        Simulator(scale="huge")


def test_an_odd_scale_has_all_its_children(start: Start) -> None:
    """Counts that divide into nothing: each child once, under one parent."""
    kustomer = start(scale=Scale(customers=7, conversations=31, messages=83, notes=5, companies=3))
    for kind, path in (("message", "messages"), ("note", "notes")):
        found = [
            child["id"]
            for talk in kustomer.sim.ledger.records("conversation")
            for child in kustomer.listed(f"/v1/conversations/{talk}/{path}")
        ]
        live = [v.id for v in kustomer.sim.ledger.current(kind) if not v.deleted]
        assert sorted(found) == sorted(live)


def test_an_answer_does_not_wait_for_an_acknowledgement(start: Start) -> None:
    """Connections have TCP_NODELAY; without it each request takes 40 ms."""
    kustomer = start()
    assert kustomer.get("/v1/users/current").status_code == 200
    sockets = [t.get_extra_info("socket") for t in kustomer.sim._app.transports.values()]
    assert [s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for s in sockets] == [1]
