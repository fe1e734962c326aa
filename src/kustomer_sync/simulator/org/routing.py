"""Queues and work sessions [D dev + names inferred from the ERD: reference section 5]."""

from __future__ import annotations

from ..clock import HOUR, iso
from ..kind import Draw, Drawn, Json, Kind

STATUSES = ("available", "busy", "unavailable", "offline")
QUEUES = ("DEFAULT_QUEUE", "Email", "Chat", "Returns")


def draw_queue(d: Draw) -> Drawn:
    """A queue; the first is the system's own."""
    name = QUEUES[d.i]
    attributes: Json = {
        "name": name,
        "displayName": name.replace("_", " ").capitalize(),
        "description": f"All that is about {name.lower()}",
        "priority": d.i + 1,
        "itemSize": 1 + d.i % 2,
        "system": d.i == 0,
        "restrictTransfersByUsers": False,
    }
    user = d.base.relation("user", 0)
    return Drawn(attributes, {"createdBy": user, "modifiedBy": user})


def draw_session(d: Draw) -> Drawn:
    """One shift of an agent, mutable until `signedOutAt` [D]; the newest are still active."""
    dice, base = d.dice, d.base
    active = d.i >= base.count("work_session") - 4
    users = base.count("user")
    start = d.updated - 8 * HOUR
    totals = {
        name: {"time": dice[n] * 60_000, "businessTime": dice[n] * 30_000, "statusAt": iso(start)}
        for n, name in enumerate(
            (
                "totalAvailable",
                "totalAvailableAtCapacity",
                "totalUnavailable",
                "totalUnavailableAtCapacity",
                "totalUnavailableIdleCapacity",
            )
        )
    }
    attributes: Json = {
        "active": active,
        "statusType": ("available", "busy", "unavailable")[dice[6] % 3] if active else "offline",
        "subsystem": "routing",
        "signedInAt": iso(start),
        "userName": {"keyword": f"agent.{d.i % users}"},
        "capacityRemaining": dice[7] % 5,
        "capacityStatus": "at_capacity" if dice[7] % 5 == 0 else "idle",
        "totalCapacity": 5,
        "changedTeam": dice[8] < 20,
        "handledConversationCount": dice[9] % 30,
        "handledItemCount": dice[9] % 30 + 2,
        "workItemCount": dice[10] % 4,
        "pausedWorkItemCount": 0,
        "hasPendingItem": False,
        "hasSkills": dice[11] < 30,
        "routable": active,
        "lastAssignedItemAt": iso(d.between(12)),
        "capacities": [{"priority": n, "limit": 5, "remaining": dice[13] % 5} for n in (1, 2)],
        "channels": [{"name": "email", "max": 5, "remaining": 2}, {"name": "chat", "max": 2}],
        **totals,
    }
    if not active:
        attributes["signedOutAt"] = iso(d.updated)
    elif dice[14] & 1:
        attributes["idleSince"] = iso(d.updated)
    user = base.relation("user", d.i % users)
    relations = {
        "user": user,
        "team": base.relation("team", dice[15] % base.count("team")),
        "queue": base.relation("queue", dice[16] % base.count("queue")),
        "createdBy": user,
        "modifiedBy": user,
    }
    return Drawn(attributes, relations)


def draw_settings(d: Draw) -> Drawn:
    """Routing settings of one team: which queues it works on, up to ten [D dev]."""
    queues = dict.fromkeys(d.base.id("queue", d.dice[n] % len(QUEUES)) for n in range(3))
    attributes: Json = {
        "enabled": d.dice[4] < 220,
        "queues": list(queues),
        "externalQueues": [],
        "capacity": 5,
    }
    user = d.base.relation("user", 0)
    relations = {"team": d.base.relation("team", d.i), "createdBy": user, "modifiedBy": user}
    return Drawn(attributes, relations)


def draw_status(d: Draw) -> Drawn:
    """A routing status agents choose [D dev]."""
    name = STATUSES[d.i]
    return Drawn({"name": name.capitalize(), "statusType": name, "system": d.i != 1})


def _truth(key: str, attributes: Json, value: str) -> bool:
    return bool(attributes.get(key)) is (value == "true")


ROUTING = (
    Kind(
        "queue",
        22,
        lambda _s: len(QUEUES),
        draw_queue,
        path="/v1/routing/queues",
        roles=("org.permission.queue.read", "org.permission.routing.read"),
        filters={"key": lambda attributes, value: attributes.get("key") == value},
    ),
    Kind(
        "work_session",
        23,
        lambda scale: scale.work_sessions,
        draw_session,
        path="/v1/routing/work-sessions",
        roles=("org.permission.work_session.read", "org.permission.routing.read"),
        lead_ms=9 * HOUR,
        shows_rev=True,
        filters={
            "active": lambda attributes, value: _truth("active", attributes, value),
            "statusType": lambda attributes, value: attributes.get("statusType") == value,
        },
        order_switch="work_session_order",
    ),
    Kind(
        "routing_setting",
        25,
        lambda scale: scale.teams,
        draw_settings,
        path="/v1/routing/settings",
        roles=("org.permission.routing.read",),
    ),
    Kind(
        "routing_status",
        26,
        lambda _s: len(STATUSES),
        draw_status,
        path="/v1/routing/statuses",
        roles=("org.permission.routing_status.read", "org.permission.routing.read"),
    ),
    Kind(
        "customer_merge",
        24,
        lambda _s: 0,
        lambda _d: Drawn({}),
        home="/v1/customers/merges",
        roles=(
            "org.permission.customer_merge.read",
            "org.admin.customer.merge.read",
            "org.user.customer.read",
        ),
    ),
)
