"""The hostile org: each trick is played, and the API stays exact about all of it."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kustomer_sync.simulator import Scale, Simulator, Switches
from kustomer_sync.simulator.attributes import ATTRIBUTES, ONLY_ARCHIVE
from kustomer_sync.simulator.base import Base
from kustomer_sync.simulator.clock import iso, to_ms
from kustomer_sync.simulator.org import KINDS
from kustomer_sync.simulator.org.hostile import GONE, SEARCHED, TRICKS, Trick, sort_of
from kustomer_sync.simulator.org.oddities import COLLIDING, HIDDEN, hostile_things
from kustomer_sync.simulator.org.things import ODD_KLASSES
from kustomer_sync.simulator.search import ENUMS

from .conftest import Json, Kustomer, Start

ANCHOR = 1_790_000_000_000
TINY = Scale(20, 45, 90, 24, 5, 24, 30, 10, 9, 4, 9, 5, burst=12)
TINIEST = Scale(10, 20, 40, 8, 3, 12, 14, 5, 6, 3, 6, 3, burst=6)
ALL = Switches(horizon_days=None, list_depth_cap=None, users_list_includes_deleted=True,
               core_lists_include_deleted=True)  # fmt: skip
Change = tuple[str, tuple[str, ...], Any, Any]
"""Kind, path, what the pleasant record has there, what the hostile one has."""


def exact(value: Any) -> str:
    """JSON text, which tells 1, 1.0 and true apart."""
    return "absent" if value is GONE else json.dumps(value, sort_keys=True)


def changes(kind: str, old: Any, new: Any, path: tuple[str, ...] = ()) -> Iterator[Change]:
    """Where two records differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in {**old, **new}:
            yield from changes(kind, old.get(key, GONE), new.get(key, GONE), (*path, key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for before, after in zip(old, new, strict=True):
            yield from changes(kind, before, after, (*path, "*"))
    elif exact(old) != exact(new):
        yield kind, path, old, new


def played(sim: Simulator) -> list[Change]:
    """All changes between an org and the pleasant one below it."""
    base = sim.world.base
    kinds = KINDS | hostile_things(KINDS)
    plain = Base(kinds, base.seed, base.scale, base.anchor_ms, hostile=True)
    return [
        change
        for kind in KINDS
        for i in range(base.count(kind))
        for change in changes(kind, plain.record(kind, i), base.record(kind, i))
    ]


def _in_array(fits: Callable[[list[Any], list[Any]], bool]) -> Callable[[Change], bool]:
    return lambda c: isinstance(c[2], list) and isinstance(c[3], list) and fits(c[2], c[3])


def _related(value: Callable[[Any], bool]) -> Callable[[Change], bool]:
    return lambda c: c[1][0] == "relationships" and len(c[1]) > 1 and value(c)


def _now(name: str, value: Any) -> Callable[[Change], bool]:
    return lambda c: c[1] == ("attributes", name) and exact(c[3]) == exact(value)


def _large(kind: str, *path: str) -> Callable[[Change], bool]:
    return lambda c: (
        c[:2] == (kind, ("attributes", *path)) and isinstance(c[3], str) and len(c[3]) > 10**6
    )


SIGNS: dict[str, Callable[[Change], bool]] = {
    "megabyte_body": _large("note", "body"),
    "megabyte_subject": _large("message", "subject"),
    "megabyte_custom": _large("kobject", "custom", "commentTxt"),
    "odd_hours": lambda c: c[:2] == ("schedule", ("attributes", "hours", "2")) and c[3] == "closed",
    "nameless_attachment": _now("contentLength", GONE),
    "attachment_of_nulls": _now("contentType", None),
    "deep_nesting": lambda c: c[1][-1] == "payload" and isinstance(c[3], dict) and "" in c[3],
    "custom_null": _now("custom", None),
    "custom_missing": _now("custom", GONE),
    "custom_text": _now("custom", "n/a"),
    "custom_array": _now("custom", []),
    "relationships_missing": lambda c: c[1] == ("relationships",) and c[3] is GONE,
    "relationship_dangling": _related(lambda c: str(c[3]).startswith("deadbeef")),
    "relationship_null": _related(lambda c: c[1][-1] == "data" and c[3] is None),
    "relationship_links_only": _related(lambda c: c[1][-1] == "data" and c[3] is GONE),
    "relationship_missing": _related(lambda c: len(c[1]) == 2 and c[3] is GONE),
    "unknown_attributes": lambda c: c[1] == ("attributes", "select") and c[3] == "from",
    "nulls_in_array": _in_array(lambda old, new: new[:1] == [None] and new[1:] == old),
    "twice_in_array": _in_array(lambda old, new: bool(old) and new == [*old, old[0]]),
    "strangers_in_array": _in_array(lambda _old, new: new[-2:] == [["nested"], ""]),
    "unknown_id_in_array": _in_array(lambda _old, new: str(new[-1]).startswith("deadbeef")),
}
"""How one knows that a trick was played which is not a plain swap."""


def _sign(trick: Trick) -> Callable[[Change], bool]:
    if trick.name in SIGNS:
        return SIGNS[trick.name]
    if trick.name.startswith("to_"):
        return lambda c: c[1][-2:] == ("meta", "to")
    if trick.name.startswith("custom_"):
        return lambda c: "custom" in c[1] and c[1][-1].startswith("wobbly")
    return lambda c: (
        c[1][0] == "attributes"
        and "custom" not in c[1]
        and c[1][-1] != "to"
        and sort_of(c[2]) == trick.sort
        and exact(c[3]) == exact(trick.value)
        if c[2] is not GONE
        else False
    )


@pytest.mark.parametrize("seed", [7, 8])
@pytest.mark.parametrize("scale", ["small", TINY, TINIEST])
def test_every_trick_is_played(scale: str | Scale, seed: int) -> None:
    """At each scale, the tiniest too."""
    sim = Simulator(character="hostile", scale=scale, seed=seed, anchor_ms=ANCHOR)
    found = played(sim)
    assert [t.name for t in TRICKS if not any(map(_sign(t), found))] == []


@pytest.mark.parametrize("scale", ["small", TINY, TINIEST])
def test_recipients_and_custom_values_have_every_shape(scale: str | Scale) -> None:
    """`meta.to` of messages and of conversations' first messages; values of the wobbly ones."""
    sim = Simulator(character="hostile", scale=scale, anchor_ms=ANCHOR)
    messages = [_at(r, "meta", "to") for r in sim.ledger.records("message").values()]
    talks = [
        _at(r, "firstMessageIn", "meta", "to") for r in sim.ledger.records("conversation").values()
    ]
    for shapes in (messages, talks):
        assert {str, list, type(None)} <= {type(shape) for shape in shapes}
    assert {dict, str} <= {type(m) for m in messages}
    customs = [
        (name, value)
        for kind in ("customer", "conversation", "message", "kobject", "company")
        for r in sim.ledger.records(kind).values()
        if isinstance(custom := _at(r, "custom"), dict)
        for name, value in custom.items()
        if name.startswith("wobbly")
    ]
    types = {(name, type(value)) for name, value in customs}
    for name, type_ in (("Num", str), ("Num", list), ("Num", int), ("Num", float), ("Bool", int),
                        ("Bool", bool), ("Bool", str), ("At", int), ("Str", dict), ("Str", int),
                        ("Id", list)):  # fmt: skip
        assert (f"wobbly{name}", type_) in types
    assert ("wobblyNum", 18446744073709551616000) in customs
    assert ("wobblyAt", "soon") in customs


def _at(record: Json, *keys: str) -> Any:
    here: Any = record["attributes"]
    for key in keys:
        here = here.get(key) if isinstance(here, dict) else None
    return here


@pytest.mark.parametrize("scale", [TINY, TINIEST])
def test_what_the_api_itself_needs_stays_sane(scale: Scale) -> None:
    """Ids, types, update times, and what searches count by."""
    sim = Simulator(character="hostile", scale=scale, anchor_ms=ANCHOR)
    base = sim.world.base
    for kind in KINDS:
        for i, version in enumerate(sim.ledger.current(kind)):
            record = version.record or {}
            attributes, facts = record["attributes"], base.facts(kind, i)
            assert record["id"] == base.id(kind, i)
            assert record["type"].partition(".")[0] == kind
            assert attributes["updatedAt"] == iso(base.updated(kind, i))
            assert record["links"]["self"]
            assert (attributes.get("deleted") is True) is facts["deleted"]
            for name in ("status", "direction", "channel", "redacted"):
                if name in facts:
                    assert attributes[name] == facts[name]
            if kind in SEARCHED:
                assert to_ms(attributes["createdAt"]) == base.created(kind, i)


def test_klasses_and_custom_attributes_collide(start: Start) -> None:
    """In snake case; about a hundred of an object, some unknown to metadata, some only later."""
    kustomer = start(character="hostile", scale=TINY, switches=ALL)
    names = [k["attributes"]["name"] for k in kustomer.listed("/v1/klasses")]
    assert {"select", "tag", "shipment-event", "shipment_event", "shipmentEvent"} <= set(names)
    things = Counter(r["type"] for r in kustomer.sim.ledger.records("kobject").values())
    assert all(things[f"kobject.{name}"] for name, _, _ in ODD_KLASSES)
    for name, _, _ in ODD_KLASSES:
        assert len(kustomer.listed(f"/v1/klasses/{name}")) == things[f"kobject.{name}"]
        assert len(kustomer.ids(f"kobject_{name}", deleted=True)) == things[f"kobject.{name}"]
        assert kustomer.get(f"/v1/metadata/kobject.{name}").status_code == 200
    for resource in ("customer", "conversation", "kobject.order"):
        known = kustomer.get(f"/v1/metadata/{resource}").json()["data"]["attributes"]["properties"]
        assert len(known) == 100 - len(HIDDEN)
        assert set(COLLIDING) <= set(known)
        kind = resource.partition(".")[0]
        records = list(kustomer.sim.ledger.records(kind).values())
        customs = [c for r in records if isinstance(c := r["attributes"].get("custom"), dict)]
        used = {name for custom in customs for name in custom}
        assert {"laterStr", "hiddenStr", "null", "FooBarStr"} <= used
        assert max(map(len, used)) > 63
        assert not any("laterStr" in custom for custom in customs[: len(customs) // 2])


def test_a_burst_shares_one_update_time(start: Start) -> None:
    """Two thousand messages at the small scale; as many as the scale says at others."""
    for scale, many in (("small", 2_000), (TINY, 12)):
        kustomer = start(character="hostile", scale=scale, switches=ALL)
        times = Counter(
            kustomer.sim.world.base.updated("message", i)
            for i in range(kustomer.sim.world.base.count("message"))
        )
        moment, count = times.most_common(1)[0]
        assert count >= many
        where = {"message_updated_at": {"equals": iso(moment)}}
        assert kustomer.search("message", where).json()["meta"]["total"] == count


def assert_served_exactly(kustomer: Kustomer) -> None:
    """Lists, searches and reads by id give the ledger's records, to the last digit."""
    for kind in KINDS:
        records = kustomer.sim.ledger.records(kind)
        truth = {i: exact(r) for i, r in records.items()}
        path = KINDS[kind].path
        if path is not None:
            listed = kustomer.listed(path, status="enabled") if kind != "klass" else []
            assert kind == "klass" or {r["id"]: exact(r) for r in listed} == truth, kind
        if kind in SEARCHED:
            assert set(kustomer.ids(kind, deleted=True, size=7)) <= set(truth)
            found = kustomer.search(kind, deleted=True, size=500).json()
            assert found["meta"]["total"] == len(truth)
            assert {r["id"]: exact(r) for r in found["data"]} == truth
            for record_id in list(truth)[::9]:
                link = records[record_id]["links"]["self"]
                assert exact(kustomer.get(link).json()["data"]) == truth[record_id]
    sla = kustomer.get("/v1/slas", versions="all").json()["included"]
    versions = kustomer.sim.ledger.records("sla_version")
    assert all(exact(v) == exact(versions[v["id"]]) for v in sla)
    for schedule in kustomer.sim.ledger.records("schedule"):
        assert kustomer.get(f"/v1/schedules/{schedule}", include="holidays").status_code == 200


@pytest.mark.parametrize("seed", [7, 8])
def test_what_is_served_is_what_the_ledger_says(start: Start, seed: int) -> None:
    """At rest, and after five hundred things that happened."""
    kustomer = start(character="hostile", scale=TINY, seed=seed, switches=ALL)
    assert_served_exactly(kustomer)
    kustomer.sim.mutator.step(500)
    kustomer.sim.settle()
    assert_served_exactly(kustomer)


def test_a_mutator_survives_the_small_scale(start: Start) -> None:
    """And so do searches of everything afterwards, page by page."""
    kustomer = start(character="hostile", switches=ALL)
    kustomer.sim.mutator.step(500)
    kustomer.sim.mutator.burst("message", 300)
    kustomer.sim.settle()
    for kind in SEARCHED:
        first = kustomer.search(kind, deleted=True, size=500).json()
        assert first["meta"]["total"] == kustomer.sim.ledger.count(kind)
        moments = [r["attributes"]["updatedAt"] for r in first["data"]]
        assert moments == sorted(moments)


def test_odd_values_can_be_sorted_and_filtered_by(start: Start) -> None:
    """Every attribute, every operator; sorting loses nobody, down is up reversed."""
    switches = Switches(horizon_days=None, string_ranges=True, shuffle_ties=False)
    kustomer = start(character="hostile", scale=TINIEST, switches=switches)
    kustomer.sim.mutator.step(60)
    kustomer.sim.settle()
    values = {"number": 3, "datetime": "2026-01-01T00:00:00.000Z", "boolean": True}
    ids: Json = {"query": {"idsOnly": "true"}, "size": 500}
    for kind in SEARCHED:
        total = kustomer.search(kind).json()["meta"]["total"]
        for (theirs, name), attribute in ATTRIBUTES.items():
            if theirs != kind or (theirs, name) in ONLY_ARCHIVE:
                continue
            key = f"{kind}_{name}"
            up = kustomer.ids(kind, sort=key, **ids)
            assert len(up) == len(set(up)) == total, key
            assert kustomer.ids(kind, sort=key, way="desc", **ids) == up[::-1], key
            value = ENUMS.get((kind, name), {values.get(attribute.sort, "open")}).copy().pop()
            ordered = [{key: {o: value}} for o in ("gt", "gte", "lt", "lte", "equals", "contains")]
            either = [*ordered, {key: {"in": [value]}}, {key: {"not_set": ""}}]
            found = kustomer.search(kind, more={"or": either}, **ids)
            assert found.status_code == 200, (key, found.text)
            assert found.json()["meta"]["total"] <= total


def test_odd_values_can_be_looked_up_and_listed_by(start: Start) -> None:
    """Lookups, list filters, children, events, times and the audit log."""
    kustomer = start(character="hostile", scale=TINIEST, switches=ALL)
    kustomer.sim.mutator.step(60)
    ledger = kustomer.sim.ledger
    for path in ("/v1/customers/email=x", "/v1/customers/phone=x", "/v1/customers/externalId=x",
                 "/v1/conversations/externalId=x", "/v1/klasses/select/externalId=x"):  # fmt: skip
        assert kustomer.get(path).status_code == 404
    kustomer.listed("/v1/companies", filter="a")
    kustomer.listed("/v1/users", email="x", userType="user")
    kustomer.listed("/v1/routing/work-sessions", active="true", statusType="busy")
    assert kustomer.get("/v1/audit-logs", count=1_000).status_code == 200
    times: set[str] = set()
    for talk in ledger.records("conversation"):
        for under in ("messages", "notes", "times", "events", "attachments"):
            kustomer.listed(f"/v1/conversations/{talk}/{under}")
        times |= {t["id"] for t in kustomer.listed(f"/v2/conversations/{talk}/times")}
    owned = {
        t["id"]
        for t in ledger.records("conversation_time").values()
        if t["relationships"]["conversation"]["data"]["id"] in ledger.records("conversation")
    }
    assert times == owned
    for customer in list(ledger.records("customer"))[::3]:
        for under in ("messages", "notes", "conversations", "merges", "klasses/order"):
            kustomer.listed(f"/v1/customers/{customer}/{under}")


def test_a_message_names_an_attachment_twice(start: Start) -> None:
    """In `relationships` and in `included`."""
    kustomer = start(character="hostile", scale=TINY, switches=ALL)
    page = kustomer.get("/v1/messages", include="attachments").json()
    named = [[a["id"] for a in m["relationships"]["attachments"]["data"]] for m in page["data"]]
    assert any(len(ids) > len(set(ids)) for ids in named)
    included = [a["id"] for a in page["included"]]
    assert included == [one for ids in named for one in ids]


def test_a_parent_that_exists_nowhere_can_be_searched_by(start: Start) -> None:
    """Those who name it are found."""
    kustomer = start(character="hostile", scale=TINY, switches=ALL)
    found = 0
    for message in kustomer.sim.ledger.records("message").values():
        customer = (message.get("relationships") or {}).get("customer") or {}
        there = (customer.get("data") or {}).get("id", "")
        if there.startswith("deadbeef"):
            found += 1
            where = {"message_customer_id": {"equals": there}}
            assert message["id"] in kustomer.ids("message", where)
    assert found


def test_faults_and_switches_work_on_odd_records(start: Start) -> None:
    """A page that shifts, tags as names, the word for emulation, `links` of a klass."""
    odd = Switches(horizon_days=None, tags_as_names=True, emulation_as_word=True,
                   klass_link_singular=False)  # fmt: skip
    kustomer = start(character="hostile", scale=TINY, switches=odd)
    kustomer.sim.faults.add("shift", times=3)
    for kind in SEARCHED:
        assert kustomer.search(kind, deleted=True, size=100).status_code == 200
    assert kustomer.get("/_sim/state").json()["character"] == "hostile"


def test_the_same_seed_is_hostile_in_the_same_way() -> None:
    """And another seed in another way."""
    one, again, other = (
        Simulator(character="hostile", scale=TINY, seed=seed, anchor_ms=ANCHOR)
        for seed in (5, 5, 6)
    )
    for kind in KINDS:
        assert exact(one.ledger.records(kind)) == exact(again.ledger.records(kind))
    assert exact(one.ledger.records("tag")) != exact(other.ledger.records("tag"))


def test_a_hostile_million_costs_nothing_until_it_is_read(start: Start) -> None:
    """A deep window within a second or two, of the machine's time."""
    begin = time.process_time()
    kustomer = start(character="hostile", scale="large")
    moment = kustomer.sim.world.base.updated("conversation", 700_000)
    where = {"conversation_updated_at": {"gte": iso(moment)}}
    assert len(kustomer.search("conversation", where, size=50).json()["data"]) == 50
    assert time.process_time() - begin < 10


def test_the_pleasant_org_is_the_default() -> None:
    """And an unknown character is refused."""
    pleasant = Simulator(anchor_ms=ANCHOR, character="pleasant")
    plain = Simulator(anchor_ms=ANCHOR)
    assert exact(pleasant.ledger.records("tag")) == exact(plain.ledger.records("tag"))
    with pytest.raises(ValueError, match="pleasant, hostile"):
        Simulator(character="rude")  # type: ignore[arg-type]  # that is the test
