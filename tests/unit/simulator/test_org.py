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


TABLE_ROWS = {
    "assistant": "assistant",
    "assistant_dialog": "assistant dialogs",
    "assistant_dialog_node": "assistant dialogs nodes",
    "brand": "brand",
    "business_holiday": "holiday",
    "business_schedule": "schedule",
    "business_schedule_hour": "schedule hours",
    "card": "card",
    "card_context": "card context",
    "company": "company",
    "company_email": "company emails",
    "company_location": "company locations",
    "company_phone": "company phones",
    "company_social": "company socials",
    "company_tag": "company tags",
    "company_url": "company urls",
    "conversation": "conversation",
    "conversation_assigned_team": "conversation assignedTeams",
    "conversation_assigned_user": "conversation assignedUsers",
    "conversation_channel": "conversation channels",
    "conversation_suggested_tag": "conversation suggestedTags tag",
    "conversation_tag": "conversation tags",
    "conversation_time": "conversation_time",
    "conversation_time_channel": "conversation_time channels",
    "conversation_time_created_by_team": "conversation_time createdByTeams",
    "custom_attribute_metadata": "metadata properties",
    "customer": "customer",
    "customer_active_user": "customer activeUsers",
    "customer_email": "customer emails",
    "customer_external_link": "customer externalIds",
    "customer_last_conversation_tag": "customer lastConversation tags",
    "customer_location": "customer locations",
    "customer_phone": "customer phones",
    "customer_shared_email": "customer sharedEmails",
    "customer_shared_external_link": "customer sharedExternalIds",
    "customer_shared_phone": "customer sharedPhones",
    "customer_shared_social": "customer sharedSocials",
    "customer_shared_whatsapp": "customer sharedWhatsapps",
    "customer_social": "customer socials",
    "customer_tag": "customer tags",
    "customer_url": "customer urls",
    "customer_watcher": "customer watchers",
    "customer_whatsapp": "customer whatsapps",
    "kobject": "kobject",
    "kobject_tag": "kobject tags",
    "message": "message",
    "message_assigned_team": "message assignedTeams",
    "message_assigned_user": "message assignedUsers",
    "message_attachment": "attachment contentType",
    "message_created_by_team": "message createdByTeams",
    "message_shortcut": "message @shortcuts data",
    "note": "note",
    "note_team_mention": "note userMentions team",
    "note_user_mention": "note userMentions user",
    "notification": "notification",
    "queue": "queue",
    "shortcut": "shortcut",
    "shortcut_assigned_team": "shortcut conversation assignedTeams",
    "shortcut_assigned_user": "shortcut conversation assignedUsers",
    "shortcut_tag": "shortcut conversation tags",
    "sla": "sla",
    "sla_criteria": "sla_version criteria and",
    "sla_metric": "sla_version metrics firstResponse times",
    "sla_version": "sla_version",
    "snooze": "snooze time day",
    "tag": "tag",
    "team": "team",
    "team_member": "team members",
    "team_queue": "routing_setting queues",
    "user": "user",
    "user_role": "user roles",
    "work_session": "work_session",
    "work_session_capacity": "work_session capacities",
    "work_session_channel": "work_session channels",
}
"""Every table of the reference schema but the histories, and where its rows come from."""


def _held(here: Any, steps: list[str]) -> bool:
    if isinstance(here, list):
        return any(_held(each, steps) for each in here)
    if not steps:
        return here not in (None, "", {})
    return isinstance(here, dict) and _held(here.get(steps[0]), steps[1:])


@pytest.mark.parametrize("table", TABLE_ROWS)
def test_every_table_of_the_reference_gets_rows(table: str) -> None:
    """In an org of the small scale."""
    kind, *steps = TABLE_ROWS[table].split()
    place = ["relationships", steps[0][1:], *steps[1:]] if steps and steps[0][0] == "@" else None
    records = list(SMALL.ledger.records(kind).values())
    assert any(_held(r, place or ["attributes", *steps]) for r in records)


SMALL = Simulator()


def test_schedules_have_days_off_and_days_of_several_openings() -> None:
    """Null and two pairs of minutes."""
    schedules = SMALL.ledger.records("schedule").values()
    days = [day for s in schedules for day in s["attributes"]["hours"].values()]
    assert None in days
    assert {1, 2} <= {len(day) for day in days if day}


def test_snoozes_come_in_both_shapes() -> None:
    """`type` and `value`, and the older `time`."""
    snoozes = [s["attributes"] for s in SMALL.ledger.records("snooze").values()]
    assert any("value" in s for s in snoozes)
    assert any("relative" in s.get("time", {}) for s in snoozes)
    assert any("day" in s.get("time", {}) for s in snoozes)
