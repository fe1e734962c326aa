"""Search: contexts, attributes, operators, caps, horizon, order, index lag."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pytest

from kustomer_sync.simulator import Scale, Switches
from kustomer_sync.simulator.clock import iso

from .conftest import Json, Kustomer, Start

CONTEXTS = ["customer", "conversation", "message", "note", "company", "kobject"]
TWO_YEARS_MS = 730 * 86_400_000


@pytest.mark.parametrize("context", CONTEXTS)
def test_both_searches_together_find_everything_once(kustomer: Kustomer, context: str) -> None:
    """Standard: the last two years; archive: only what is older; deleted ones when asked."""
    young = kustomer.ids(context, deleted=True)
    sort = "conversation_created_at" if context == "note" else None
    if context == "note":
        assert kustomer.search(context, archive=True, sort=sort).status_code == 400
        body = {"queryContext": "note", "includeDeleted": True}
        reply = kustomer.http.post("/v1/customers/archive/search", json=body)
        old = [record["id"] for record in reply.json()["data"]]
    else:
        old = kustomer.ids(context, deleted=True, archive=True)
    truth = {version.id: version for version in kustomer.sim.ledger.current(context)}
    assert sorted(young + old) == sorted(truth)
    horizon = kustomer.sim.clock.now_ms() - TWO_YEARS_MS
    assert all(truth[record_id].updated >= horizon - 60_000 for record_id in young)
    assert all(truth[record_id].updated < horizon for record_id in old)
    assert old


def test_the_envelope_of_a_search(kustomer: Kustomer) -> None:
    """meta and links as observed."""
    reply = kustomer.search("message", page=2, size=50).json()
    total = reply["meta"]["total"]
    assert reply["meta"] == {
        "pageSize": 50,
        "page": 2,
        "total": total,
        "totalPages": -(-total // 50),
        "aggregations": {},
        "timed_out": False,
    }
    assert reply["links"]["next"] == "/v1/customers/search?page=3&pageSize=50"
    assert reply["links"]["prev"] == "/v1/customers/search?page=1&pageSize=50"


def test_a_found_record_is_the_record_of_a_get(kustomer: Kustomer) -> None:
    """Same serializer."""
    found = kustomer.search("conversation").json()["data"][3]
    assert kustomer.get(found["links"]["self"]).json()["data"] == found


def test_deleted_records_are_hidden_unless_asked_for(kustomer: Kustomer) -> None:
    """`includeDeleted`."""
    talk = kustomer.sim.id("conversation", 140)
    kustomer.sim.soft_delete("conversation", talk)
    assert talk not in kustomer.ids("conversation")
    assert talk in kustomer.ids("conversation", deleted=True)
    kustomer.sim.undelete("conversation", talk)
    assert talk in kustomer.ids("conversation")
    kustomer.sim.hard_delete("conversation", talk)
    assert talk not in kustomer.ids("conversation", deleted=True)


def _count(kustomer: Kustomer, context: str, *where: Json, deleted: bool = False) -> int:
    ids = kustomer.ids(context, *where, deleted=deleted)
    assert len(ids) == len(set(ids))
    return len(ids)


def test_time_windows_are_exact_to_the_millisecond(kustomer: Kustomer) -> None:
    """gte, gt, lt, lte and equals on update time."""
    sim = kustomer.sim
    times = sorted(v.updated for v in sim.ledger.current("message"))[-40:]
    low, high = times[5], times[-5]

    def window(first: str, last: str) -> int:
        bounds = {first: iso(low), last: iso(high)}
        return _count(kustomer, "message", {"message_updated_at": bounds}, deleted=True)

    assert window("gte", "lt") == sum(low <= t < high for t in times)
    assert window("gt", "lte") == sum(low < t <= high for t in times)
    same = _count(kustomer, "message", {"message_updated_at": {"equals": iso(low)}}, deleted=True)
    assert same == times.count(low)


def test_time_windows_may_see_whole_seconds_only(start: Start) -> None:
    """The other answer of `subsecond_exact`."""
    kustomer = start(switches=Switches(subsecond_exact=False))
    note = kustomer.sim.create("note", {"body": "x", "updatedAt": "2026-01-05T10:00:00.400Z"})
    later = {
        "note_updated_at": {"gte": "2026-01-05T10:00:00.900Z", "lt": "2026-01-05T10:00:01.000Z"}
    }
    assert kustomer.ids("note", later) == [note]
    kustomer.sim.switches = Switches()
    assert kustomer.ids("note", later) == []


def test_dates_are_read_in_the_time_zone(kustomer: Kustomer) -> None:
    """`YYYY-MM-DD` begins at midnight of `timeZone`; ISO times are never shifted."""
    stamp = "2026-01-05T22:30:00.000Z"
    note = kustomer.sim.create("note", {"body": "x", "updatedAt": stamp})
    day: Json = {"note_updated_at": {"gte": "2026-01-06", "lt": "2026-01-07"}}
    assert note not in kustomer.ids("note", day)
    assert note in kustomer.ids("note", day, more={"timeZone": "Asia/Tokyo"})


FILTERS: list[tuple[str, Json]] = [
    ("conversation", {"conversation_status": {"equals": "open"}}),
    ("conversation", {"conversation_status": {"in": ["open", "snoozed"]}}),
    ("conversation", {"conversation_direction": {"equals": "out"}}),
    ("conversation", {"conversation_priority": {"gte": 3, "lt": 5}}),
    ("conversation", {"conversation_channels": {"contains": "email"}}),
    ("conversation", {"conversation_assigned_users": {"not_set": ""}}),
    ("conversation", {"conversation_sla_breached": {"equals": True}}),
    ("conversation", {"conversation_custom_refundAmountNum": {"gt": 100}}),
    ("message", {"message_channel": {"equals": "chat"}}),
    ("message", {"message_redacted": {"equals": "true"}}),
    ("message", {"message_subject": {"contains": "kettle"}}),
    ("kobject", {"kobject_custom_order_paidBool": {"equals": True}}),
]
TESTS: dict[str, Callable[[Json, Json], bool]] = {
    "conversation_status": lambda a, o: a["status"] in (o.get("in") or [o.get("equals")]),
    "conversation_direction": lambda a, o: a["direction"] == o["equals"],
    "conversation_priority": lambda a, _o: 3 <= a["priority"] < 5,
    "conversation_channels": lambda a, _o: "email" in a["channels"],
    "conversation_assigned_users": lambda a, _o: not a["assignedUsers"],
    "conversation_sla_breached": lambda a, _o: a.get("sla", {}).get("breached") is True,
    "conversation_custom_refundAmountNum": lambda a, _o: (
        (a["custom"].get("refundAmountNum") or 0) > 100
    ),
    "message_channel": lambda a, o: a["channel"] == o["equals"],
    "message_redacted": lambda a, _o: a["redacted"],
    "message_subject": lambda a, _o: "kettle" in a["subject"],
    "kobject_custom_order_paidBool": lambda a, _o: (
        a["custom"].get("paidBool") is True and a["klassDisplayName"] == "Order"
    ),
}


@pytest.mark.parametrize(("context", "where"), FILTERS)
def test_filters_agree_with_the_truth(start: Start, context: str, where: Json) -> None:
    """Each on the untouched base and after many changes."""
    kustomer = start(switches=Switches(horizon_days=None))
    name, operators = next(iter(where.items()))
    for _ in range(2):
        truth = [
            v.id
            for v in kustomer.sim.ledger.current(context)
            if v.record is not None
            and not v.deleted
            and TESTS[name](v.record["attributes"], operators)
        ]
        assert truth
        assert sorted(kustomer.ids(context, where)) == sorted(truth)
        for i in range(0, kustomer.sim.world.base.count(context), 7):
            change = {"status": "snoozed", "priority": 4, "channel": "chat", "redacted": True}
            kustomer.sim.edit(context, kustomer.sim.id(context, i), change)


def test_and_or_not_combine(kustomer: Kustomer) -> None:
    """Nested and at the top."""
    is_open = {"conversation_status": {"equals": "open"}}
    inward = {"conversation_direction": {"equals": "in"}}
    both = set(kustomer.ids("conversation", is_open, inward))
    either = set(kustomer.ids("conversation", {"or": [is_open, inward]}))
    every = set(kustomer.ids("conversation"))
    assert set(kustomer.ids("conversation", more={"not": [is_open]})) == every - set(
        kustomer.ids("conversation", is_open)
    )
    assert set(kustomer.ids("conversation", more={"or": [is_open, inward]})) == either
    assert both < either < every


def test_contains_matches_whole_words_only(kustomer: Kustomer) -> None:
    """As Glue's tests say."""
    talk = kustomer.sim.create("conversation", {"name": "A Quadrilateral umbrella"})
    assert kustomer.ids("conversation", {"conversation_name": {"contains": "quadrilateral"}}) == [
        talk
    ]
    assert kustomer.ids("conversation", {"conversation_name": {"contains": "quadri"}}) == []


def test_by_foreign_id(kustomer: Kustomer) -> None:
    """`message_customer_id` and the like, changed owners included."""
    customer = kustomer.sim.id("customer", 40)
    where = {"conversation_customer_id": {"equals": customer}}
    listed = {c["id"] for c in kustomer.listed(f"/v1/customers/{customer}/conversations")}
    assert set(kustomer.ids("conversation", where)) == listed
    talk = next(iter(listed))
    other = {"customer": kustomer.sim.world.relation("customer", kustomer.sim.id("customer", 41))}
    kustomer.sim.edit("conversation", talk, {}, other)
    assert set(kustomer.ids("conversation", where)) == listed - {talk}


def test_filters_cross_contexts(kustomer: Kustomer) -> None:
    """Messages by their conversation, customers by their conversations."""
    is_open = {"conversation_status": {"equals": "open"}}
    talks = set(kustomer.ids("conversation", is_open))
    messages = kustomer.search("message", is_open, size=500).json()["data"]
    assert messages
    assert {m["relationships"]["conversation"]["data"]["id"] for m in messages} <= {
        v.id
        for v in kustomer.sim.ledger.current("conversation")
        if v.record and v.record["attributes"]["status"] == "open"
    }
    customers = set(kustomer.ids("customer", is_open))
    for talk in talks:
        record = kustomer.sim.get("conversation", talk)
        assert record is not None
        owner = record["relationships"]["customer"]["data"]["id"]
        version = kustomer.sim.world.latest("customer", owner)
        assert version is not None
        young = version.updated > kustomer.sim.clock.now_ms() - TWO_YEARS_MS + 60_000
        assert owner in customers or version.deleted or not young


def test_one_klass_can_be_a_context(kustomer: Kustomer) -> None:
    """`kobject_<klass>`, with the plain and the per-klass time."""
    orders = kustomer.ids("kobject_order")
    every = kustomer.search("kobject", size=500).json()["data"]
    assert sorted(orders) == sorted(r["id"] for r in every if r["type"] == "kobject.order")
    where = {"kobject_order_updated_at": {"gte": "2000-01-01"}}
    assert sorted(kustomer.ids("kobject_order", where)) == sorted(orders)
    kustomer.sim.add_klass("balloon", kobjects=4)
    assert len(kustomer.ids("kobject_balloon")) == 4


BAD: list[Json] = [
    {},
    {"queryContext": "planet"},
    {"queryContext": "kobject_nothing"},
    {"queryContext": "conversation_time"},
    {"queryContext": "note", "and": [{"note_colour": {"equals": "x"}}]},
    {"queryContext": "note", "and": [{"note_body": {"resembles": "x"}}]},
    {"queryContext": "note", "and": [{"note_updated_at": {"gte": "yesterday"}}]},
    {"queryContext": "note", "and": [{"note_updated_at": "2026-01-01"}]},
    {"queryContext": "note", "sort": [{"note_updated_at": "sideways"}]},
    {"queryContext": "conversation", "and": [{"conversation_status": {"equals": "asleep"}}]},
    {"queryContext": "conversation", "and": [{"conversation_id": {"equals": "x"}}]},
    {"queryContext": "conversation", "and": [{"conversation_deleted": {"equals": True}}]},
    {"queryContext": "conversation", "and": [{"conversation_customer_id": {"gt": "5"}}]},
]


@pytest.mark.parametrize("body", BAD)
def test_what_kustomer_does_not_know_is_a_400(kustomer: Kustomer, body: Json) -> None:
    """Shape A with `bad_request`."""
    reply = kustomer.http.post("/v1/customers/search", json=body)
    assert reply.status_code == 400
    assert reply.json()["errors"][0]["code"] == "bad_request"


def test_invalid_json_is_a_400(kustomer: Kustomer) -> None:
    """Not a crash."""
    assert kustomer.http.post("/v1/customers/search", content=b"{").status_code == 400


def test_ids_are_searchable_in_the_archive_and_by_switch(start: Start) -> None:
    """The standard schema lacks them; `string_ranges` allows ranges over them."""
    kustomer = start()
    old = kustomer.ids("conversation", archive=True)
    where = {"conversation_id": {"in": old[:2]}}
    assert set(kustomer.ids("conversation", where, archive=True)) == set(old[:2])
    young = kustomer.ids("conversation")
    kustomer.sim.switches = Switches(ids_searchable=True, string_ranges=True)
    assert kustomer.ids("conversation", {"conversation_id": {"equals": young[0]}}) == [young[0]]
    half = sorted(young)[len(young) // 2]
    below = kustomer.ids("conversation", {"conversation_id": {"lt": half}})
    assert sorted(below) == [i for i in sorted(young) if i < half]


def test_the_archive_knows_few_attributes(kustomer: Kustomer) -> None:
    """`conversation_deleted` yes, `conversation_status` no."""
    gone = {"conversation_deleted": {"equals": True}}
    assert kustomer.search("conversation", gone, archive=True, deleted=True).status_code == 200
    status = {"conversation_status": {"equals": "open"}}
    assert kustomer.search("conversation", status, archive=True).status_code == 400


def test_the_archive_may_be_missing_or_overlap(kustomer: Kustomer) -> None:
    """404, or a day of records that both searches hold."""
    edge = kustomer.sim.clock.now_ms() - TWO_YEARS_MS + 3_600_000
    note = kustomer.sim.create("company", {"name": "Edge", "updatedAt": iso(edge)})
    assert note not in kustomer.ids("company", archive=True)
    kustomer.sim.switches = Switches(archive_boundary="overlapping")
    assert note in kustomer.ids("company", archive=True)
    assert note in kustomer.ids("company")
    kustomer.sim.switches = Switches(archive_available=False)
    assert kustomer.search("company", archive=True).status_code == 404


def test_records_fall_into_the_archive_as_time_passes(kustomer: Kustomer) -> None:
    """The horizon moves with the clock."""
    note = kustomer.sim.create("company", {"name": "Ages"})
    assert note in kustomer.ids("company")
    kustomer.sim.clock.advance(731 * 86_400)
    assert note not in kustomer.ids("company")
    assert note in kustomer.ids("company", archive=True)


def test_page_sizes_are_clamped(kustomer: Kustomer) -> None:
    """Asked 1,000, got 500."""
    assert kustomer.search("message", size=1_000).json()["meta"]["pageSize"] == 500
    kustomer.sim.switches = Switches(max_search_page_size=100)
    assert len(kustomer.search("message", size=1_000).json()["data"]) == 100


@pytest.mark.parametrize("status", [400, 404])
def test_next_still_points_past_the_page_cap(start: Start, status: int) -> None:
    """Page 100 (here 5) has a next, and asking for it is refused."""
    kustomer = start(switches=Switches(page_cap=5, page_cap_status=status))
    last = kustomer.search("message", page=5, size=10).json()
    assert last["links"]["next"] == "/v1/customers/search?page=6&pageSize=10"
    assert last["meta"]["totalPages"] > 5
    refused = kustomer.http.post(last["links"]["next"], json={"queryContext": "message"})
    assert refused.status_code == status


def test_the_record_cap_refuses_or_runs_dry(start: Start) -> None:
    """10,000 records (here 120) whatever the page size, or no such cap."""
    kustomer = start(switches=Switches(record_cap=120))
    assert kustomer.search("message", page=2, size=60).json()["links"]["next"]
    assert len(kustomer.search("message", page=2, size=100).json()["data"]) == 20
    assert kustomer.search("message", page=3, size=60).status_code == 400
    kustomer.sim.switches = Switches(record_cap=120, past_record_cap="empty")
    assert kustomer.search("message", page=3, size=60).json()["data"] == []
    kustomer.sim.switches = Switches(record_cap=None)
    assert len(kustomer.search("message", page=3, size=60).json()["data"]) == 60


def test_past_the_last_page(kustomer: Kustomer) -> None:
    """Empty, or 404."""
    assert kustomer.search("company", page=7).json()["data"] == []
    kustomer.sim.switches = Switches(past_last_page="404")
    assert kustomer.search("company", page=7).status_code == 404


def test_the_total_may_be_capped(kustomer: Kustomer) -> None:
    """`trackTotalHits`."""
    real = kustomer.search("message").json()["meta"]["total"]
    assert real > 100
    kustomer.sim.switches = Switches(total_capped=100)
    reply = kustomer.search("message", size=50).json()
    assert (reply["meta"]["total"], reply["meta"]["totalPages"]) == (100, 2)


@pytest.mark.parametrize(
    ("says", "parts"),
    [("total", {"data", "links", "meta"}), ("links", {"data", "links"}), ("nothing", {"data"})],
)
def test_a_search_says_how_it_goes_on_or_does_not(
    kustomer: Kustomer, says: Literal["total", "links", "nothing"], parts: set[str]
) -> None:
    """With the same records: its total and links, links alone, or neither."""
    told = kustomer.search("company", size=50).json()
    kustomer.sim.switches = Switches(search_says=says)
    reply = kustomer.search("company", size=50).json()
    assert {part for part in ("data", "links", "meta") if part in reply} == parts
    assert {r["id"] for r in reply["data"]} == {r["id"] for r in told["data"]}


def test_equal_times_come_in_another_order_each_time(start: Start) -> None:
    """No stable tie-break: pages of a burst overlap; within one page everything is there once."""
    kustomer = start(scale=Scale(messages=2_000, burst=300))
    times = [v.updated for v in kustomer.sim.ledger.current("message")]
    burst = iso(max(times, key=times.count))
    where = {"message_updated_at": {"equals": burst}}
    first, second = kustomer.ids("message", where), kustomer.ids("message", where)
    assert sorted(first) == sorted(second)
    assert first != second
    paged = {i for page in range(1, 7) for i in _page(kustomer, where, page)}
    assert len(paged) < 300
    kustomer.sim.switches = Switches(shuffle_ties=False)
    assert kustomer.ids("message", where) == kustomer.ids("message", where)
    assert len({i for page in range(1, 7) for i in _page(kustomer, where, page)}) == 300


def _page(kustomer: Kustomer, where: Json, page: int) -> list[str]:
    reply = kustomer.search("message", where, page=page, size=50).json()
    return [record["id"] for record in reply["data"]]


def test_sorting(kustomer: Kustomer) -> None:
    """By update time, creation time and other attributes, both ways; a second key is ignored."""
    for key, name in (
        ("conversation_updated_at", "updatedAt"),
        ("conversation_created_at", "createdAt"),
        ("conversation_priority", "priority"),
    ):
        kustomer.sim.edit("conversation", kustomer.sim.id("conversation", 77), {"priority": 3})
        up = [r["attributes"][name] for r in _sorted(kustomer, key, "asc")]
        down = [r["attributes"][name] for r in _sorted(kustomer, key, "desc")]
        assert up == sorted(up)
        assert down == up[::-1]


def _sorted(kustomer: Kustomer, key: str, way: str) -> list[Json]:
    found: list[Json] = kustomer.search("conversation", sort=key, way=way, size=500).json()["data"]
    return found


def test_ids_only(kustomer: Kustomer) -> None:
    """Only type and id, ignored, or refused."""
    reply = kustomer.search("kobject", query={"idsOnly": "true"}).json()
    assert set(reply["data"][0]) == {"type", "id"}
    kustomer.sim.switches = Switches(ids_only="ignored")
    assert "attributes" in kustomer.search("kobject", query={"idsOnly": "true"}).json()["data"][0]
    kustomer.sim.switches = Switches(ids_only="refused")
    assert kustomer.search("kobject", query={"idsOnly": "true"}).status_code == 400
    assert kustomer.search("kobject").status_code == 200


def test_a_search_may_refuse_to_sort(kustomer: Kustomer) -> None:
    """Documented is a sort of customers."""
    kustomer.sim.switches = Switches(sorts="customers")
    for context, status in (("customer", 200), ("note", 400)):
        asked = {"queryContext": context, "and": [], "sort": [{f"{context}_updated_at": "asc"}]}
        assert kustomer.http.post("/v1/customers/search", json=asked).status_code == status


def test_search_may_include_attachments(kustomer: Kustomer) -> None:
    """Relationship data and `included`, neither, or a refusal."""
    assert "included" not in kustomer.search("message").json()
    kustomer.sim.switches = Switches(search_includes_attachments=True)
    reply = kustomer.search("message", size=300).json()
    named = [a["id"] for m in reply["data"] for a in m["relationships"]["attachments"]["data"]]
    assert sorted(named) == sorted(a["id"] for a in reply["included"])
    assert named
    kustomer.sim.switches = Switches(search_includes_attachments="refused")
    assert kustomer.search("message", query={"include": "attachments"}).status_code == 400


def test_contexts_that_may_or_may_not_exist(kustomer: Kustomer) -> None:
    """company and conversation_time."""
    kustomer.sim.switches = Switches(company_context=False, conversation_time_context=True)
    assert kustomer.search("company").status_code == 400
    assert kustomer.search("conversation_time").json()["meta"]["total"] > 100


def test_a_delete_may_or_may_not_move_the_update_time(kustomer: Kustomer) -> None:
    """`delete_bumps_updated_at` and `delete_moves_in_index`."""
    sim = kustomer.sim
    now = iso(sim.clock.now_ms() - 60_000)
    recent = {"conversation_updated_at": {"gte": now}}
    first, second, third = (sim.id("conversation", i) for i in (100, 101, 102))
    sim.soft_delete("conversation", first)
    assert kustomer.ids("conversation", recent, deleted=True) == [first]
    sim.switches = Switches(delete_bumps_updated_at=False)
    before = sim.ledger.versions("conversation", second)[0].updated
    assert sim.soft_delete("conversation", second).updated == before
    assert kustomer.ids("conversation", recent, deleted=True) == [first]
    sim.switches = Switches(delete_moves_in_index=False)
    assert sim.soft_delete("conversation", third).updated > before
    assert kustomer.ids("conversation", recent, deleted=True) == [first]
    assert third in kustomer.ids("conversation", deleted=True)


@pytest.mark.parametrize("kind", ["note", "company"])
def test_deleted_notes_and_companies_may_stay_hidden(kustomer: Kustomer, kind: str) -> None:
    """`note_deletes_visible`, `company_deletes_visible`."""
    gone = kustomer.sim.id(kind, 5)
    kustomer.sim.soft_delete(kind, gone)
    assert gone in kustomer.ids(kind, deleted=True)
    hiding: Any = {f"{kind}_deletes_visible": False}
    kustomer.sim.switches = Switches(**hiding)
    assert gone not in kustomer.ids(kind, deleted=True)


def test_a_merge_moves_everything_and_may_bump_it(kustomer: Kustomer) -> None:
    """`merge_bumps_updated_at` both ways."""
    sim = kustomer.sim
    for bumps, (source, target) in ((True, (30, 31)), (False, (34, 35))):
        sim.switches = Switches(merge_bumps_updated_at=bumps)
        one, other = sim.id("customer", source), sim.id("customer", target)
        talks = [c["id"] for c in kustomer.listed(f"/v1/customers/{one}/conversations")]
        assert talks
        before = {i: sim.ledger.versions("conversation", i)[-1] for i in talks}
        merge = sim.merge(one, other)
        assert kustomer.listed(f"/v1/customers/{one}/conversations") == []
        moved = {c["id"] for c in kustomer.listed(f"/v1/customers/{other}/conversations")}
        assert set(talks) <= moved
        for talk in talks:
            after = sim.ledger.versions("conversation", talk)[-1]
            assert (after.updated > before[talk].updated) is bumps
            assert after.rev == before[talk].rev + 1
        assert [m["id"] for m in kustomer.listed(f"/v1/customers/{one}/merges")] == [merge]
        gone = sim.get("customer", one)
        assert gone is not None
        assert gone["attributes"]["deleted"] is True


def test_the_index_lags_and_then_knows(start: Start) -> None:
    """A write is true at once and found after the lag."""
    kustomer = start(switches=Switches(index_lag_ms=30_000))
    talk = kustomer.sim.id("conversation", 90)
    kustomer.sim.edit("conversation", talk, {"name": "Changed"})
    where = {"conversation_name": {"equals": "changed"}}
    assert (
        kustomer.get(f"/v1/conversations/{talk}").json()["data"]["attributes"]["name"] == "Changed"
    )
    assert kustomer.ids("conversation", where) == []
    kustomer.sim.clock.advance(31)
    assert kustomer.ids("conversation", where) == [talk]


def test_with_random_lag_later_writes_show_before_earlier_ones(start: Start) -> None:
    """The order of visibility is not the order of `updatedAt`."""
    kustomer = start(switches=Switches(index_lag_ms=60_000, index_lag_random=True))
    made = [kustomer.sim.create("note", {"body": f"zebra {n}"}) for n in range(30)]
    kustomer.sim.clock.advance(20)
    seen = set(kustomer.ids("note", {"note_body": {"contains": "zebra"}}))
    assert 0 < len(seen) < 30
    places = [made.index(note) for note in seen]
    assert max(places) >= len(places)
    kustomer.sim.settle()
    assert len(kustomer.ids("note", {"note_body": {"contains": "zebra"}})) == 30


def test_an_older_late_version_never_hides_a_newer_one(start: Start) -> None:
    """Late indexing of a record itself."""
    kustomer = start()
    talk = kustomer.sim.id("conversation", 90)
    kustomer.sim.edit("conversation", talk, {"name": "First"}, lag_ms=40_000)
    kustomer.sim.edit("conversation", talk, {"name": "Second"})
    kustomer.sim.clock.advance(60)
    assert kustomer.ids("conversation", {"conversation_name": {"equals": "first"}}) == []
    assert kustomer.ids("conversation", {"conversation_name": {"equals": "second"}}) == [talk]
