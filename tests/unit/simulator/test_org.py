"""The made-up org is true to life: references hold, attributes are there, shapes vary."""

from __future__ import annotations

from typing import Any

import pytest

from kustomer_sync.simulator import Scale, Simulator
from kustomer_sync.simulator.clock import DAY
from kustomer_sync.simulator.org import KINDS
from kustomer_sync.simulator.world import encode

ANCHOR = 1_790_000_000_000


@pytest.fixture(scope="module")
def sim() -> Simulator:
    """Not served; only looked at."""
    return Simulator(scale=Scale(customers=300, conversations=1_200, messages=2_400, notes=300))


def test_every_reference_leads_somewhere(sim: Simulator) -> None:
    """Relationships and ids inside attributes."""
    known = {kind: set(sim.ledger.records(kind)) for kind in KINDS}
    for kind in KINDS:
        for record in sim.ledger.records(kind).values():
            for there in record["relationships"].values():
                data = there.get("data") or []
                for pointer in data if isinstance(data, list) else [data]:
                    if pointer["type"] != "org":
                        assert pointer["id"] in known[pointer["type"]], (kind, pointer)
            attributes = record["attributes"]
            for key, target in (("tags", "tag"), ("assignedUsers", "user"), ("members", "user")):
                assert set(attributes.get(key) or ()) <= known[target]


def test_times_grow_with_ids_and_some_are_older_than_two_years(sim: Simulator) -> None:
    """And bursts share one."""
    base = sim.world.base
    for kind in ("customer", "conversation", "message", "note"):
        count = base.count(kind)
        updated = [base.updated(kind, i) for i in range(count)]
        created = [base.created(kind, i) for i in range(count)]
        ids = [base.id(kind, i) for i in range(count)]
        assert updated == sorted(updated)
        assert created == sorted(created)
        assert ids == sorted(ids)
        assert all(c <= u for c, u in zip(created, updated, strict=True))
        assert sum(u < base.anchor_ms - 730 * DAY for u in updated) >= count * 6 // 100
        assert max(updated.count(u) for u in updated[:: max(1, count // 40)]) >= 9


def test_shapes_vary_as_observed(sim: Simulator) -> None:
    """`meta.to` is a string, an object and an array; attributes missing, null and empty."""
    messages = sim.ledger.records("message").values()
    shapes = {type(m["attributes"]["meta"].get("to")) for m in messages}
    assert {str, dict, list} <= shapes
    talks = [c["attributes"] for c in sim.ledger.records("conversation").values()]
    for key in ("sla", "satisfactionLevel", "firstDone", "snooze", "externalId", "assistant"):
        assert 0 < sum(key in talk for talk in talks) < len(talks)
    assert any(talk["sentiment"] == {} for talk in talks)
    assert any(
        to == ["care@example.com", "copy@example.com"]
        for to in (talk.get("firstMessageIn", {}).get("meta", {}).get("to") for talk in talks)
    )
    customs = [talk["custom"] for talk in talks]
    for key in ("orderNumberStr", "refundAmountNum", "followUpAt", "escalatedBool", "productsStr"):
        values = [custom.get(key, "missing") for custom in customs]
        assert None in values
        assert "missing" in values
    assert any(isinstance(c.get("productsStr"), list) for c in customs)


def test_a_conversation_is_about_three_kilobytes(sim: Simulator) -> None:
    """On average."""
    sizes = [len(encode(c)) for c in sim.ledger.records("conversation").values()]
    assert 2_500 < sum(sizes) / len(sizes) < 5_000


def test_nobody_real_is_in_it(sim: Simulator) -> None:
    """E-mail at example.com only."""

    def mails(value: Any) -> list[str]:
        if isinstance(value, dict):
            return [m for inner in value.values() for m in mails(inner)]
        if isinstance(value, list):
            return [m for inner in value for m in mails(inner)]
        return [value] if isinstance(value, str) and "@" in value else []

    for kind in ("customer", "user", "company", "message"):
        for record in sim.ledger.records(kind).values():
            assert all("example.com" in mail for mail in mails(record["attributes"]))


def test_an_id_tells_its_index_and_nothing_else_does(sim: Simulator) -> None:
    """Round trip; foreign ids are not found."""
    base = sim.world.base
    for kind in KINDS:
        for i in range(0, base.count(kind), 97):
            assert base.find(kind, base.id(kind, i)) == i
    assert base.find("customer", base.id("conversation", 1)) is None
    assert base.find("customer", "zzz") is None
    assert base.find("customer", "") is None
