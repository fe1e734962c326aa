"""Writes, versions, the ledger and the mutator."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from kustomer_sync.simulator import GONE, Simulator, Switches
from kustomer_sync.simulator.clock import iso
from kustomer_sync.simulator.mutator import SETTINGS, WEIGHTS
from kustomer_sync.simulator.org import KINDS

from .conftest import Json, Kustomer, Start

ANCHOR = 1_790_000_000_000


def test_every_version_has_its_own_rev_and_a_later_or_equal_time(start: Start) -> None:
    """Strictly, whatever happens, in every kind."""
    kustomer = start(switches=Switches(delete_bumps_updated_at=False, merge_bumps_updated_at=False))
    kustomer.sim.mutator.step(500)
    for kind, record_id in {(w.kind, w.id) for w in kustomer.sim.world.writes}:
        versions = kustomer.sim.ledger.versions(kind, record_id)
        assert [v.rev for v in versions] == list(
            range(versions[0].rev, versions[0].rev + len(versions))
        )
        times = [v.updated for v in versions]
        assert times == sorted(times)
        for version in versions:
            if version.record is not None:
                assert version.record["attributes"]["updatedAt"] == iso(version.updated)
                if "rev" in version.record["attributes"]:
                    assert version.record["attributes"]["rev"] == version.rev


def test_a_version_is_never_changed_by_a_later_one(kustomer: Kustomer) -> None:
    """Each keeps its own attributes."""
    talk = kustomer.sim.id("conversation", 50)
    for priority in (1, 2, 3):
        kustomer.sim.edit("conversation", talk, {"priority": priority, "custom": {"aStr": "x"}})
    versions = kustomer.sim.ledger.versions("conversation", talk)
    records = [v.record for v in versions]
    assert [r["attributes"]["priority"] for r in records[1:] if r] == [1, 2, 3]
    assert records[0] == kustomer.sim.world.base.record("conversation", 50)


def test_edit_sets_removes_and_merges_custom(kustomer: Kustomer) -> None:
    """`GONE` removes, None is null, `custom` is merged, `updatedAt` may be given."""
    talk = kustomer.sim.id("conversation", 50)
    stamp = iso(kustomer.sim.clock.now_ms() + 5_000)
    kustomer.sim.edit("conversation", talk, {"custom": {"oneStr": "1", "twoStr": "2"}})
    kustomer.sim.edit(
        "conversation",
        talk,
        {"name": None, "preview": GONE, "custom": {"oneStr": GONE}, "updatedAt": stamp},
    )
    record = kustomer.sim.get("conversation", talk)
    assert record is not None
    attributes = record["attributes"]
    assert attributes["name"] is None
    assert "preview" not in attributes
    assert "oneStr" not in attributes["custom"]
    assert attributes["custom"]["twoStr"] == "2"
    assert attributes["updatedAt"] == stamp


def test_the_ledger_is_what_a_perfect_reader_reads(start: Start) -> None:
    """After many mutations: searches and lists give exactly its records."""
    kustomer = start(
        switches=Switches(horizon_days=None, list_depth_cap=None, users_list_includes_deleted=True)
    )
    kustomer.sim.mutator.step(300)
    kustomer.sim.settle()
    for kind in ("customer", "conversation", "message", "note", "company", "kobject"):
        truth = kustomer.sim.ledger.records(kind)
        found: dict[str, Json] = {}
        for page in range(1, 9):
            reply = kustomer.search(kind, deleted=True, page=page, size=500).json()
            found |= {record["id"]: record for record in reply["data"]}
        for record_id in set(truth) - set(found):  # a tie at a page's edge
            found[record_id] = kustomer.get(truth[record_id]["links"]["self"]).json()["data"]
        assert reply["meta"]["total"] == len(truth) == kustomer.sim.ledger.count(kind)
        assert found == truth
    for kind in ("user", "team", "tag"):
        listed = {r["id"]: r for r in kustomer.listed(f"/v1/{kind}s")}
        assert listed == kustomer.sim.ledger.records(kind)


def test_hard_deleted_records_are_in_the_ledger_only(kustomer: Kustomer) -> None:
    """With the time; gone from lists, ids and search."""
    note = kustomer.sim.id("note", 60)
    before = kustomer.sim.clock.now_ms()
    kustomer.sim.hard_delete("note", note)
    assert [(v.kind, v.id) for v in kustomer.sim.ledger.erased()] == [("note", note)]
    assert kustomer.sim.ledger.erased("note")[0].at >= before
    assert kustomer.get(f"/v1/notes/{note}").status_code == 404
    assert note not in [n["id"] for n in kustomer.listed("/v1/notes")]
    assert note not in kustomer.ids("note", deleted=True)
    assert note not in kustomer.sim.ledger.records("note")
    assert kustomer.sim.ledger.versions("note", note)[-1].record is None
    with pytest.raises(KeyError):
        kustomer.sim.edit("note", note, {"body": "?"})


def test_redaction_keeps_the_row(kustomer: Kustomer) -> None:
    """`redacted`, and no preview."""
    message = kustomer.sim.id("message", 500)
    kustomer.sim.redact(message)
    found = kustomer.get(f"/v1/messages/{message}").json()["data"]
    assert found["attributes"]["redacted"] is True
    assert found["attributes"]["preview"] == ""
    assert "redactedBy" in found["relationships"]


def test_a_new_klass_brings_metadata_and_kobjects(kustomer: Kustomer) -> None:
    """And can be listed and searched."""
    kustomer.sim.add_klass("kite", kobjects=5)
    kites = kustomer.listed("/v1/klasses/kite")
    assert {kite["type"] for kite in kites} == {"kobject.kite"}
    assert kustomer.get(kites[0]["links"]["self"]).json()["data"] == kites[0]
    known = kustomer.get("/v1/metadata/kobject.kite").json()["data"]["attributes"]["properties"]
    assert set(known) == {"labelStr", "amountNum"}
    assert len(kustomer.ids("kobject_kite")) == 5


def test_custom_attributes_come_and_go(kustomer: Kustomer) -> None:
    """Metadata keeps a dropped one with `deletedAt`."""
    kustomer.sim.add_custom("conversation", "shinyStr")
    where = {"conversation_custom_shinyStr": {"equals": "yes"}}
    assert kustomer.ids("conversation", where) == []
    talk = kustomer.sim.id("conversation", 99)
    kustomer.sim.edit("conversation", talk, {"custom": {"shinyStr": "yes"}})
    assert kustomer.ids("conversation", where) == [talk]
    kustomer.sim.drop_custom("conversation", "shinyStr")
    known = kustomer.get("/v1/metadata/conversation").json()["data"]["attributes"]["properties"]
    assert known["shinyStr"]["deletedAt"]


def test_the_mutator_does_everything(kustomer: Kustomer) -> None:
    """All its deeds in a thousand steps."""
    happened = kustomer.sim.mutator.step(1_000)
    assert set(happened) == set(WEIGHTS)
    actions = Counter(w.action for w in kustomer.sim.world.writes)
    assert set(actions) == {"create", "update", "delete", "undelete", "erase", "merge", "redact"}
    times = Counter(w.updated for w in kustomer.sim.world.writes if w.kind == "conversation")
    assert max(times.values()) >= 5


def test_the_same_seed_makes_the_same_org_and_the_same_things_happen() -> None:
    """Bit for bit, apart from nothing."""

    def story(seed: int) -> list[object]:
        ticks = iter(range(10**9))
        sim = Simulator(
            seed=seed, anchor_ms=ANCHOR, wall=lambda: ANCHOR / 1_000 + next(ticks) / 100
        )
        sim.mutator.step(150)
        return [(w.kind, w.id, w.rev, w.updated, w.record) for w in sim.world.writes]

    assert story(5) == story(5)
    assert story(5) != story(6)
    one, other = (Simulator(seed=s, anchor_ms=ANCHOR) for s in (5, 6))
    assert one.id("customer", 0) != other.id("customer", 0)


def test_hard_deletes_can_be_switched_off(start: Start) -> None:
    """The mutator erases nothing then."""
    kustomer = start(switches=Switches(hard_deletes=False))
    kustomer.sim.mutator.step(400)
    assert kustomer.sim.ledger.erased() == []


def test_things_happen_in_the_background(kustomer: Kustomer) -> None:
    """Until stopped."""
    kustomer.sim.mutator.start(200)
    deadline = time.monotonic() + 5
    while len(kustomer.sim.world.writes) < 5 and time.monotonic() < deadline:
        assert kustomer.search("conversation").status_code == 200
    kustomer.sim.mutator.stop()
    many = len(kustomer.sim.world.writes)
    assert many >= 5
    time.sleep(0.05)
    assert len(kustomer.sim.world.writes) == many


def test_a_burst_shares_one_update_time(kustomer: Kustomer) -> None:
    """Of existing records."""
    assert kustomer.sim.mutator.burst("message", 80) == 80
    assert len({w.updated for w in kustomer.sim.world.writes}) == 1


def test_late_writes_become_visible_later(start: Start) -> None:
    """The mutator's late-indexed writes, and `settle`."""
    kustomer = start(switches=Switches(late_write_ms=60_000))
    while not kustomer.sim.mutator.done["late"]:
        kustomer.sim.mutator.step()
    while not kustomer.sim.world.pending():
        kustomer.sim.mutator.step()
    kustomer.sim.settle()
    assert kustomer.sim.world.pending() == 0


def test_what_the_org_set_up_changes_too(kustomer: Kustomer) -> None:
    """Each small kind is edited, created and taken away; lists say the same as the ledger."""
    kustomer.sim.mutator.step(6_000)
    done = {(w.kind, w.action) for w in kustomer.sim.world.writes}
    for kind in SETTINGS:
        gone = "delete" if kind == "shortcut" else "erase"
        assert {(kind, "create"), (kind, "update"), (kind, gone)} <= done, kind
    assert ("conversation_time", "create") in done
    assert ("sla_version", "create") in done
    for kind in set(SETTINGS) - {"holiday"}:
        listed = {r["id"]: r for r in kustomer.listed(KINDS[kind].root)}
        assert listed == kustomer.sim.ledger.records(kind)
    slas = kustomer.get("/v1/slas", versions="all").json()
    versions = {v["id"]: v for v in slas["included"]}
    for sla in slas["data"]:
        named = [v["id"] for v in sla["relationships"]["versions"]["data"]]
        assert len(named) == sla["attributes"]["currentVersion"]
        assert all(versions[v]["relationships"]["sla"]["data"]["id"] == sla["id"] for v in named)
    settings = kustomer.sim.ledger.records("routing_setting").values()
    teams = [s["relationships"]["team"]["data"]["id"] for s in settings]
    assert len(teams) == len(set(teams))
