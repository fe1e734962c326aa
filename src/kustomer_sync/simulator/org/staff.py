"""Users, teams, tags and what else an org sets up for itself [D, O: reference section 5]."""

from __future__ import annotations

from ..clock import DAY, HOUR, iso
from ..kind import Draw, Drawn, Json, Kind, some_deleted
from .talk import picks
from .words import COLORS, FIRST_NAMES, LAST_NAMES, SENTENCES, TAGS, TEAMS

MACHINE_USER = 1
"""The index of the machine user that owns the API key."""


def draw_user(d: Draw) -> Drawn:
    """A user; the second one is the key's machine user."""
    dice = d.dice
    first, last = FIRST_NAMES[d.i % 25], LAST_NAMES[dice[0] % len(LAST_NAMES)]
    machine = d.i == MACHINE_USER
    name = "Sync Key" if machine else f"{first} {last}"
    attributes: Json = {
        "name": name,
        "displayName": None if dice[1] < 60 else name.split()[0],
        "email": f"agent.{d.i}@example.com",
        "userType": "machine" if machine else "limited" if dice[2] < 20 else "user",
        "mobile": f"+1555011{d.i % 10_000:04}" if dice[3] < 90 else None,
        "roles": ["org.permission"] if machine else ["org.user", "org.user.customer.read"],
        "roleGroups": [],
        "password": {"allowNew": True, "forceNew": False},
        "isEmailValid": True,
        "verifiedEmailStatus": "verified",
        "mostRecentLoginAt": iso(d.between(4)),
    }
    if dice[5] < 90:
        attributes["emailSignature"] = f"{name}\nTeapot Care"
        attributes["avatarUrl"] = f"https://img.example.com/{d.i}.png"
    return Drawn(attributes, _made_by(d) if d.i else {})


def draw_team(d: Draw) -> Drawn:
    """A team and its members."""
    name = TEAMS[d.i % len(TEAMS)] + ("" if d.i < len(TEAMS) else f" {d.i}")
    attributes: Json = {
        "name": name,
        "displayName": name,
        "icon": "cup",
        "members": picks(d, "user", 0, 2 + d.dice[9] % 6),
        "roleGroups": [],
    }
    return Drawn(attributes, _made_by(d))


def draw_tag(d: Draw) -> Drawn:
    """A tag; three colours in four."""
    name = TAGS[d.i % len(TAGS)] + ("" if d.i < len(TAGS) else f"-{d.i}")
    attributes: Json = {"name": name, "deleted": False}
    if d.dice[0] < 192:
        attributes["color"] = f"#{d.dice[0]:02x}{d.dice[1]:02x}{d.dice[2]:02x}"
    return Drawn(attributes, _made_by(d))


def draw_brand(d: Draw) -> Drawn:
    """Two brands, the first the default."""
    return Drawn({"name": ("Teapot", "Umbrella")[d.i % 2], "default": d.i == 0}, _made_by(d))


def draw_schedule(d: Draw) -> Drawn:
    """Hours in minutes from midnight, day 0 is Sunday [I]; days off are null [D]."""
    day = [[540, 720], [780, 1_080]] if d.i else [[480, 1_020]]
    hours = {str(n): day if 0 < n < 6 else None for n in range(7)}
    attributes = {
        "name": ("Office hours", "Night shift")[d.i % 2],
        "timezone": "Europe/Berlin" if d.i else "America/Los_Angeles",
        "default": d.i == 0,
        "hours": hours,
    }
    return Drawn(attributes, _made_by(d))


def draw_holiday(d: Draw) -> Drawn:
    """A holiday of a schedule, included with `include=holidays` [D]."""
    attributes = {
        "name": f"Day of the {COLORS[d.i % 8]} umbrella",
        "description": SENTENCES[d.dice[0] % 8],
        "startDate": iso(d.updated)[:10],
        "endDate": iso(d.updated + DAY)[:10],
        "enabled": d.dice[1] < 200,
    }
    owner = d.base.owner("holiday", d.i)
    return Drawn(attributes, {"schedule": d.base.relation("schedule", owner), **_made_by(d)})


def draw_sla(d: Draw) -> Drawn:
    """An SLA; its versions come in `included` [D, O]."""
    versions = d.base.children("sla_version", "sla", d.i)
    data = [{"type": "sla_version", "id": d.base.id("sla_version", v)} for v in versions]
    relations = {**_made_by(d, "createdBy"), "versions": {"data": data}}
    return Drawn({"currentVersion": len(versions)}, relations)


def draw_sla_version(d: Draw) -> Drawn:
    """One version of an SLA [O]."""
    owner = d.base.owner("sla_version", d.i)
    version = d.i - d.base.children("sla_version", "sla", owner)[0] + 1
    times = {str(n): n * HOUR for n in range(1, 6)}
    attributes = {
        "name": f"Answer within {owner + 1} hours",
        "description": SENTENCES[d.dice[0] % 8],
        "version": version,
        "hours": "default" if owner else d.base.id("schedule", 0),
        "metrics": {
            "firstResponse": {"enabled": True, "times": times},
            "longestUnrespondedMessage": {"enabled": False, "times": times},
            "totalConversationOpenTime": {"enabled": False, "times": {}},
            "totalCustomerWaitTime": {"enabled": True, "times": {"1": HOUR}},
            "nextReply": {"enabled": False, "times": {}, "basedOnHumanInteraction": True},
        },
        "criteria": {
            "and": [{"conversation_channels": {"operator": "contains", "value": "email"}}],
            "or": [
                {"conversation_priority": {"operator": "gte", "value": version, "type": "number"}},
                {"conversation_tags": {"operator": "in", "value": picks(d, "tag", 1, 2)}},
            ],
        },
    }
    return Drawn(attributes, {"sla": d.base.relation("sla", owner), **_made_by(d, "createdBy")})


def draw_shortcut(d: Draw) -> Drawn:
    """A shortcut with the changes it makes to a conversation [O]."""
    attributes: Json = {
        "name": f"Shortcut {d.i}",
        "draft": {"text": SENTENCES[d.dice[0] % 8]},
        "payload": {"text": {"blocks": [], "entityMap": {}}},
        "conversation": {
            "name": f"Renamed by shortcut {d.i}",
            "status": "done",
            "snooze": d.base.id("snooze", d.dice[6] % d.base.count("snooze")),
            "tags": picks(d, "tag", 1, 2),
            "assignedUsers": picks(d, "user", 3, 1),
            "assignedTeams": picks(d, "team", 4, 1),
        },
        "isPrivate": d.dice[5] < 40,
        "deleted": False,
        "appDisabled": False,
    }
    relations = {
        "accessUsers": {"data": []},
        "accessTeams": {"data": []},
        "attachments": {"data": []},
        **_made_by(d),
    }
    return Drawn(attributes, relations)


def draw_snooze(d: Draw) -> Drawn:
    """A menu option for snoozing: relative, dynamic or absolute [D]; two of an older shape [I]."""
    older: dict[int, Json] = {
        3: {"relative": 4 * HOUR},
        4: {"day": {"type": "relative", "value": 1}, "value": "09:00 am"},
    }
    if d.i in older:
        return Drawn({"name": f"Old {d.i}", "enabled": d.i == 3, "time": older[d.i]}, _made_by(d))
    kind = ("relative", "dynamic", "absolute")[d.i % 3]
    value: object = {
        "relative": (d.i + 1) * HOUR,
        "dynamic": {"day": {"type": "relative", "value": 1}, "time": "09:00 am"},
        "absolute": d.updated + 365 * DAY,
    }[kind]
    name = f"Later ({kind} {d.i})"
    return Drawn({"name": name, "enabled": True, "type": kind, "value": value}, _made_by(d))


def draw_satisfaction(d: Draw) -> Drawn:
    """A survey form [D]."""
    attributes: Json = {
        "name": ("How did we do", "Chat rating")[d.i % 2],
        "formType": "csat",
        "enabled": True,
        "channel": ("email", "chat")[d.i % 2],
        "delayTime": 24 * HOUR,
        "scale": {"type": "star", "options": 5, "labelLow": "bad", "labelHigh": "good"},
        "ratingPrompt": "How was the tea?",
        "questions": [],
        "criteria": {"and": [], "or": []},
    }
    return Drawn(attributes, _made_by(d))


def draw_card(d: Draw) -> Drawn:
    """An installed card of an app [D dev, names from the ERD]."""
    attributes = {
        "name": f"card-{d.i}",
        "app": f"teapot-app-{d.i % 2}",
        "appId": f"teapot-app-{d.i % 2}",
        "description": SENTENCES[d.dice[0] % 8],
        "url": f"https://cards.example.com/{d.i}",
        "context": ["customer", "conversation"][: 1 + d.i % 2],
    }
    return Drawn(attributes)


def draw_notification(d: Draw) -> Drawn:
    """A notification of the key's own user [D dev]."""
    talk = d.dice[0] % max(1, d.base.count("conversation"))
    attributes: Json = {
        "name": "kustomer.conversation.assigned",
        "status": "read" if d.dice[1] & 1 else "unread",
        "event": {"name": "kustomer.conversation.update", "id": d.base.id("conversation", talk)},
    }
    machine = d.base.relation("user", MACHINE_USER % d.base.count("user"))
    return Drawn(attributes, {"user": machine})


def _made_by(d: Draw, *names: str) -> Json:
    user = d.base.relation("user", d.dice[60] % d.base.count("user"))
    return dict.fromkeys(names or ("createdBy", "modifiedBy"), user)


def _roles(name: str, *more: str) -> tuple[str, ...]:
    return (f"org.permission.{name}.read", f"org.user.{name}.read", *more)


def _admin(name: str) -> tuple[str, ...]:
    return _roles(name, f"org.admin.{name}.read")


STAFF = (
    Kind(
        "user",
        11,
        lambda scale: scale.users,
        draw_user,
        path="/v1/users",
        roles=_roles("user"),
        facts=some_deleted(5, 17, 33),
        page_max=500,
        deleted_switch="users_list_includes_deleted",
        filters={
            "pending": lambda attributes, value: (
                bool(attributes.get("pending")) is (value == "true")
            ),
            "userType": lambda attributes, value: attributes.get("userType") == value,
            "email": lambda attributes, value: attributes.get("email") == value,
        },
    ),
    Kind(
        "team",
        12,
        lambda scale: scale.teams,
        draw_team,
        path="/v1/teams",
        facts=some_deleted(4),
        page_max=500,
        deleted_switch="teams_list_includes_deleted",
    ),
    Kind(
        "tag",
        13,
        lambda scale: scale.tags,
        draw_tag,
        path="/v1/tags",
        roles=("org.permission.tag.read", "org.user.tag.read"),
        facts=some_deleted(3, 19, 40),
        deleted_switch="tags_list_includes_deleted",
    ),
    Kind("brand", 14, lambda _s: 2, draw_brand, path="/v1/brands", roles=_admin("brand")),
    Kind(
        "schedule", 15, lambda _s: 2, draw_schedule, path="/v1/schedules", roles=_admin("schedule")
    ),
    Kind(
        "holiday",
        16,
        lambda _s: 6,
        draw_holiday,
        home="/v1/schedules/holidays",
        roles=_admin("schedule"),
        owner="schedule",
    ),
    Kind("sla", 17, lambda _s: 3, draw_sla, path="/v1/slas", roles=_roles("sla")),
    Kind(
        "sla_version",
        18,
        lambda _s: 6,
        draw_sla_version,
        home="/v1/slas/versions",
        roles=_roles("sla"),
        owner="sla",
    ),
    Kind(
        "shortcut",
        19,
        lambda _s: 12,
        draw_shortcut,
        path="/v1/shortcuts",
        roles=_roles("shortcut"),
        facts=some_deleted(7),
        shows_rev=True,
    ),
    Kind("snooze", 20, lambda _s: 6, draw_snooze, path="/v1/snoozes", roles=_roles("snooze")),
    Kind(
        "satisfaction",
        21,
        lambda _s: 2,
        draw_satisfaction,
        path="/v1/satisfaction",
        roles=_roles("satisfaction"),
    ),
    Kind("card", 27, lambda _s: 4, draw_card, path="/v1/cards", roles=_roles("apps")),
    Kind("notification", 28, lambda _s: 8, draw_notification, path="/v1/notifications"),
)
