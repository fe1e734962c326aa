"""Conversations, messages, notes, attachments, conversation times [D, O: reference section 5]."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from ..clock import DAY, HOUR, MINUTE, iso
from ..kind import PERIOD, Draw, Drawn, Facts, Json, Kind
from .custom import values
from .people import company_name, has_company, tags
from .words import CHANNELS, SENTENCES, SUBJECTS


def conversation_facts(rng: Random) -> Sequence[Facts]:
    """One in 64 deleted; 12 open, 6 snoozed, the others done; a quarter outbound."""
    statuses = ["open"] * 12 + ["snoozed"] * 6 + ["done"] * 46
    directions = ["out"] * 16 + ["in"] * 48
    rng.shuffle(statuses)
    rng.shuffle(directions)
    gone = rng.randrange(PERIOD)
    return [
        {"deleted": n == gone, "status": statuses[n], "direction": directions[n]}
        for n in range(PERIOD)
    ]


def message_facts(rng: Random) -> Sequence[Facts]:
    """Never deleted; directions and channels mixed; one in 64 redacted."""
    directions = ["in"] * 36 + ["out"] * 28
    channels = [CHANNELS[n % 3] if n < 48 else CHANNELS[n % 8] for n in range(PERIOD)]
    rng.shuffle(directions)
    rng.shuffle(channels)
    gone = rng.randrange(PERIOD)
    return [
        {
            "deleted": False,
            "direction": directions[n],
            "channel": channels[n],
            "redacted": n == gone,
        }
        for n in range(PERIOD)
    ]


def note_facts(rng: Random) -> Sequence[Facts]:
    """Two in 64 deleted."""
    gone = rng.sample(range(PERIOD), 2)
    return [{"deleted": n in gone} for n in range(PERIOD)]


def draw_conversation(d: Draw) -> Drawn:
    """A conversation of about 3 KB, its counters agreeing with its messages and notes."""
    dice, base, status = d.dice, d.base, d.facts["status"]
    messages = base.children("message", "conversation", d.i)
    inbound = [m for m in messages if base.facts("message", m)["direction"] == "in"]
    outbound = [m for m in messages if base.facts("message", m)["direction"] == "out"]
    channels = list(dict.fromkeys(base.facts("message", m)["channel"] for m in messages))
    active = iso(d.updated)
    users, teams = picks(d, "user", 0, dice[0] // 100), picks(d, "team", 2, dice[1] // 90)
    attributes: Json = {
        "name": SUBJECTS[dice[2] % len(SUBJECTS)],
        "preview": SENTENCES[dice[3] % 8],
        "channels": channels,
        "status": status,
        "priority": 1 + dice[4] % 5,
        "direction": d.facts["direction"],
        "messageCount": len(messages),
        "inboundMessageCount": len(inbound),
        "outboundMessageCount": len(outbound),
        "noteCount": len(base.children("note", "conversation", d.i)),
        "doneCount": int(status == "done"),
        "reopenCount": dice[5] % 3,
        "reopenFromDoneCount": dice[5] % 2,
        "snoozeCount": int(status == "snoozed") + dice[6] % 2,
        "satisfaction": 0,
        "lastActivityAt": active,
        "tags": tags(d, dice[7] // 80),
        "suggestedTags": [
            {"tag": tag, "confidence": dice[8] / 255} for tag in tags(d, 1 + (dice[8] & 1))
        ]
        if dice[8] < 40
        else [],
        "suggestedShortcuts": [],
        "linkedConversations": [],
        "skills": [],
        "roleGroupVersions": [],
        "accessOverride": [],
        "assignedUsers": users,
        "assignedTeams": teams,
        "sentiment": {"polarity": dice[9] % 3 - 1, "confidence": dice[10] / 255}
        if dice[9] < 180
        else {},
        "firstResponse": {},
        "lastMessageIn": {},
        "spam": dice[11] < 6,
        "ended": status == "done" and dice[12] < 60,
        "deleted": False,
        "defaultLang": "en_us",
        "modificationHistory": {"nameAt": None, "statusAt": active, "tagsAt": iso(d.between(16))},
        "custom": values(d, "conversation"),
    }
    if dice[18] < 40:
        attributes["externalId"] = f"talk-{d.i}"
    if dice[13] < 90:
        _worked_for(d, attributes, base.owner("conversation", d.i))
    if attributes["ended"]:
        attributes |= {"endedAt": active, "endedReason": "answered", "endedByType": "user"}
    _said(d, attributes, inbound, outbound)
    _stood(d, attributes, users, teams, len(messages), len(outbound), channels)
    if dice[19] < 90:
        attributes["sla"] = sla_state(d)
    if dice[20] < 60:
        attributes["satisfactionLevel"] = satisfaction(d, teams)
        attributes["satisfaction"] = attributes["satisfactionLevel"].get("score", 0)
    if dice[21] < 20:
        assistant = base.id("assistant", dice[21] % base.count("assistant"))
        attributes["assistant"] = {
            "assistantId": [assistant],
            "status": "transferred",
            "type": "visual_editor",
            "emulation": False,
            "transferredAt": iso(d.between(21)),
            "fac": {"isFac": False, "source": "assistant", "reasons": [], "exclusions": []},
        }
    return Drawn(attributes, _conversation_relations(d))


def _worked_for(d: Draw, attributes: Json, customer: int) -> None:
    """`firstCompany` of a conversation or message whose customer has a company."""
    base = d.base
    if base.count("company") and has_company(base.dice("customer", customer)):
        company = base.owner("customer", customer)
        attributes["firstCompany"] = {
            "id": base.id("company", company),
            "name": company_name(base.dice("company", company)),
        }


def _conversation_relations(d: Draw) -> Json:
    base, dice = d.base, d.dice
    author = base.relation("user", dice[22] % base.count("user"))
    relations: Json = {
        "customer": base.relation("customer", base.owner("conversation", d.i)),
        "messages": {"links": {"self": f"/v1/conversations/{d.id}/messages"}},
        "createdBy": author,
        "modifiedBy": base.relation("user", dice[23] % base.count("user")),
    }
    if d.facts["status"] == "done" and dice[12] < 60:
        relations["endedBy"] = author
    if dice[24] < 200:
        relations["brand"] = base.relation("brand", dice[24] % base.count("brand"))
    if dice[25] < 128:
        relations["queue"] = base.relation("queue", dice[25] % base.count("queue"))
    if dice[19] < 90:
        sla = dice[19] % base.count("sla")
        relations["sla"] = base.relation("sla", sla)
        version = base.children("sla_version", "sla", sla)[-1]
        relations["slaVersion"] = {
            "data": {"type": "sla_version", "id": base.id("sla_version", version)}
        }
    return relations


def _said(d: Draw, attributes: Json, inbound: list[int], outbound: list[int]) -> None:
    base = d.base
    if inbound:
        first, last = inbound[0], inbound[-1]
        newest = _mention(d, last)
        attributes["firstMessageIn"] = (newest if first == last else _mention(d, first)) | {
            "directionType": "initial-in",
            "meta": {
                "to": ["care@example.com", "copy@example.com"]
                if d.dice[26] & 1
                else "care@example.com",
                "recipient": {"email": "care@example.com", "mailboxHash": f"{d.i:x}"},
            },
        }
        attributes["lastMessageIn"] = newest | {"meta": {"to": "care@example.com"}}
        attributes["lastReceivedAt"] = iso(base.updated("message", last))
    if outbound:
        by = base.id("user", d.dice[27] % base.count("user"))
        sent = _mention(d, outbound[0]) | {"createdBy": by}
        if d.dice[27] < 128:
            attributes["firstMessageOut"] = sent | {"createdByTeams": picks(d, "team", 2, 1)}
        single = outbound[0] == outbound[-1]
        newest = sent if single else _mention(d, outbound[-1]) | {"createdBy": by}
        attributes["lastMessageOut"] = newest
        spent = (1 + d.dice[28]) * MINUTE
        answer = sent | {
            "time": spent,
            "businessTime": spent // 2,
            "responseTime": spent // 3,
            "createdByTeams": picks(d, "team", 2, 1),
            "assignedTeams": [],
            "assignedUsers": [],
        }
        attributes["firstResponse"] = answer
        if d.dice[28] < 30:
            attributes["lastResponse"] = answer
            attributes["firstResponseSinceLastDone"] = answer
    elif inbound:
        attributes["lastMessageUnrespondedTo"] = _mention(d, inbound[-1])
    if inbound or outbound:
        last = max([*inbound, *outbound])
        attributes["lastMessageAt"] = iso(base.updated("message", last))
        attributes["lastMessageDirection"] = base.facts("message", last)["direction"]
        attributes["replyChannel"] = base.facts("message", last)["channel"]


def _mention(d: Draw, message: int) -> Json:
    at = iso(d.base.created("message", message))
    return {
        "id": d.base.id("message", message),
        "sentAt": at,
        "createdAt": at,
        "channel": d.base.facts("message", message)["channel"],
    }


def _stood(
    d: Draw,
    attributes: Json,
    users: list[str],
    teams: list[str],
    messages: int,
    outbound: int,
    channels: list[str],
) -> None:
    """The state machine's traces: open, snooze, firstDone, lastDone, totals (ms [I])."""
    dice, status = d.dice, d.facts["status"]
    attributes["open"] = {"statusAt": iso(d.between(29))}
    spent = max(1, d.updated - d.created) * dice[29] // 256
    attributes["totalOpen"] = {"time": spent, "businessTime": spent // 3}
    if status == "snoozed":
        attributes["snooze"] = {
            "status": "scheduled",
            "statusAt": iso(d.updated),
            "time": iso(d.updated + 3 * DAY),
        }
    elif dice[30] < 50:
        attributes["snooze"] = {
            "status": "elapsed" if dice[30] & 1 else "canceled",
            "statusAt": iso(d.between(30)),
            "time": iso(d.between(31)),
        }
        attributes["totalSnooze"] = {"time": spent // 5, "businessTime": spent // 15}
    if status == "done":
        done = {
            "time": spent,
            "businessTime": spent // 3,
            "createdAt": iso(d.updated),
            "createdBy": d.base.id("user", dice[31] % d.base.count("user")),
            "createdByTeams": teams,
            "assignedTeams": teams,
            "assignedUsers": users,
            "noteCount": attributes["noteCount"],
            "messageCount": messages,
            "messageCountByChannel": {c: max(1, messages // len(channels)) for c in channels},
            "outboundMessageCount": outbound,
            "outboundMessageCountByChannel": dict.fromkeys(channels[:1], outbound),
            "lastMessageDirection": "out" if outbound else "in",
            "lastMessageDirectionType": "response-out",
        }
        attributes["firstDone"] = done
        if dice[31] < 50:
            attributes["lastDone"] = done
        attributes["totalDone"] = {"time": spent // 9, "businessTime": spent // 27}


def sla_state(d: Draw) -> Json:
    """`sla` of a conversation, a third of them breached [O]."""
    dice = d.dice
    breach = iso(d.between(33))
    state: Json = {
        "name": f"Answer within {dice[34] % 8 + 1} hours",
        "version": 2,
        "matchedAt": iso(d.created),
        "status": ("done", "pending", "paused")[dice[35] % 3],
        "breached": dice[36] < 80,
        "metrics": {
            "firstResponse": {"breachAt": iso(d.created + HOUR), "satisfiedAt": breach},
            "longestUnrespondedMessage": {"breachAt": iso(d.created + 8 * HOUR)},
            "totalConversationOpenTime": {"breachAt": iso(d.created + DAY)},
            "totalCustomerWaitTime": {"breachAt": iso(d.created + 2 * DAY)},
        },
        "summary": {"satisfiedAt": breach},
    }
    if state["breached"]:
        state["breach"] = {"metric": "firstResponse", "at": breach}
        state["summary"] = {"firstBreachAt": breach}
    return state


def satisfaction(d: Draw, teams: list[str]) -> Json:
    """`satisfactionLevel` of a conversation: rated, offered or only scheduled [O]."""
    dice = d.dice
    level: Json = {
        "form": f"{d.id[:8]}ee{d.id[10:16]}00000001",
        "channel": "email",
        "status": ("rated", "commented", "offered", "scheduled", "unresponded")[dice[37] % 5],
        "scheduledFor": iso(d.between(37)),
        "createdAt": iso(d.between(37)),
        "updatedAt": iso(d.updated),
        "sentBy": d.base.id("user", dice[38] % d.base.count("user")),
        "sentByTeams": teams,
        "answers": [],
    }
    if level["status"] in ("rated", "commented"):
        score = dice[39] % 5 + 1
        level |= {
            "formResponse": f"{d.id[:8]}ef{d.id[10:]}",
            "rating": score,
            "score": score * 20,
            "firstAnswer": SENTENCES[dice[39] % 8],
            "sentAt": iso(d.between(38)),
        }
    return level


def draw_message(d: Draw) -> Drawn:
    """A message: preview and pointer to the body, not the body [D, I]."""
    dice, base, facts = d.dice, d.base, d.facts
    inward = facts["direction"] == "in"
    sent = iso(d.created)
    attributes: Json = {
        "channel": facts["channel"],
        "app": "postmark" if facts["channel"] == "email" else facts["channel"],
        "size": dice[0] * 37 + 20,
        "direction": facts["direction"],
        "directionType": ("response-", "followup-", "initial-")[dice[1] % 3] + facts["direction"],
        "preview": f"{SENTENCES[dice[2] % 8]} {SENTENCES[dice[3] % 8]} (#{d.i})",
        "subject": SUBJECTS[dice[4] % len(SUBJECTS)],
        "status": "received" if inward else "error" if dice[5] < 5 else "sent",
        "auto": dice[6] < 20,
        "sentAt": sent,
        "redacted": facts["redacted"],
        "assignedTeams": picks(d, "team", 7, dice[7] // 128),
        "assignedUsers": picks(d, "user", 9, dice[8] // 128),
        "createdByTeams": [] if inward else picks(d, "team", 11, 1),
        "reactions": [],
        "intentDetections": [],
        "meta": message_meta(d),
        "custom": values(d, "message"),
    }
    if facts["redacted"]:
        attributes |= {"redactedAt": iso(d.updated), "preview": "", "size": 0}
    if attributes["status"] == "error":
        attributes |= {"error": {"status": 552, "title": "Mailbox full"}, "errorAt": sent}
    if dice[12] < 100:
        attributes["externalId"] = f"<msg-{d.i}@mail.example.com>"
    if dice[13] < 60:
        attributes["firstDelivered"] = {"timestamp": sent, "clientType": "email"}
    if dice[13] < 30:
        attributes["firstRead"] = {"timestamp": iso(d.updated)}
    if not inward:
        attributes |= {
            "responseTime": dice[14] * MINUTE,
            "responseBusinessTime": dice[14] * MINUTE // 2,
        }
        if dice[15] < 10:
            attributes["source"] = "bulk"
    talk = base.owner("message", d.i)
    customer = base.owner("conversation", talk)
    if dice[20] < 40:
        _worked_for(d, attributes, customer)
    relations: Json = {
        "customer": base.relation("customer", customer),
        "conversation": base.relation("conversation", talk),
    }
    if not inward:
        user = base.relation("user", dice[16] % base.count("user"))
        relations |= {"createdBy": user, "modifiedBy": user}
        if dice[17] < 60:
            shortcut = base.id("shortcut", dice[17] % base.count("shortcut"))
            relations["shortcuts"] = {"data": [{"type": "shortcut", "id": shortcut}]}
    if facts["redacted"]:
        relations["redactedBy"] = base.relation("user", dice[18] % base.count("user"))
    links = {"self": f"/v1/messages/{d.id}", "related": f"/v1/messages/{d.id}/body"}
    return Drawn(attributes, relations, links=links)


def message_meta(d: Draw) -> Json:
    """`meta` differs by channel; `to` and `cc` are a string, an object or an array [O]."""
    channel, chance = d.facts["channel"], d.dice[19]
    if channel == "email":
        to = (
            "care@example.com",
            {"email": "care@example.com", "name": "Teapot Care"},
            [{"email": "care@example.com"}, {"email": f"box{chance}@example.com"}],
        )[chance % 3]
        return {
            "from": f"person.{d.i}@example.com",
            "to": to,
            "cc": [] if chance & 1 else "boss@example.com",
            "bcc": [],
            "subject": SUBJECTS[chance % len(SUBJECTS)],
            "inReplyTo": None,
            "recipient": {"email": "care@example.com", "mailboxHash": f"{chance:x}"},
        }
    if channel == "voice":
        return {
            "from": f"+1555010{d.i % 10_000:04}",
            "to": "+15550100000",
            "placedAt": iso(d.created),
            "answeredAt": iso(d.created + 20_000),
            "endedAt": iso(d.created + chance * 1_000 + 21_000),
            "status": "completed",
        }
    return {"from": f"{channel}-{d.i}", "to": f"{channel}-care", "payload": {"n": chance}}


def draw_note(d: Draw) -> Drawn:
    """A note; mentions are objects with `user` or `team` [O]."""
    dice, base = d.dice, d.base
    mentions: list[Json] = [{"user": user} for user in picks(d, "user", 0, dice[0] // 100)]
    mentions += [{"team": team} for team in picks(d, "team", 2, dice[1] // 150)]
    attributes: Json = {
        "body": f"{SENTENCES[dice[2] % 8]}\n\n- {SENTENCES[dice[3] % 8]} (#{d.i})",
        "createdByTeams": picks(d, "team", 4, 1),
        "userMentions": mentions,
        "deleted": False,
    }
    if dice[5] < 60:
        attributes |= {"externalId": f"note-{d.i}", "lang": "en"}
    talk = base.owner("note", d.i)
    user = base.relation("user", dice[6] % base.count("user"))
    relations = {
        "customer": base.relation("customer", base.owner("conversation", talk)),
        "conversation": base.relation("conversation", talk),
        "createdBy": user,
        "modifiedBy": user,
    }
    return Drawn(attributes, relations)


def draw_attachment(d: Draw) -> Drawn:
    """An attachment of a message; `links.related` is the file's place [D]."""
    base, chance = d.base, d.dice[0]
    message = base.owner("attachment", d.i)
    kind = ("image/png", "application/pdf", "text/plain")[chance % 3]
    attributes: Json = {
        "name": f"picture-{d.i}.{kind[-3:]}",
        "contentType": kind,
        "contentLength": chance * 1_001 + 1,
        "redacted": base.facts("message", message)["redacted"],
    }
    place = f"/v1/messages/{base.id('message', message)}/attachments/{d.id}"
    return Drawn(
        attributes,
        {"message": base.relation("message", message)},
        links={"self": place, "related": f"{place}?redirect=true"},
    )


def draw_time(d: Draw) -> Drawn:
    """A conversation time in milliseconds, as v2 gives it; v1 divides by 1,000 [D]."""
    dice, base = d.dice, d.base
    talk = base.owner("conversation_time", d.i)
    spent = dice[0] * 7_000 + 3_000
    attributes: Json = {
        "createdByTeams": picks(d, "team", 1, 1),
        "assignedUsers": picks(d, "user", 3, 1),
        "assignedTeams": [],
        "handleAt": iso(d.created + spent),
        "handleTime": spent,
        "channels": ["email", "chat"][: 1 + (dice[5] & 1)],
    }
    if dice[6] < 140:
        attributes |= {"messageAt": iso(d.created + spent), "messageTime": spent // 2_000 * 1_000}
    elif dice[6] < 190:
        attributes |= {"noteAt": iso(d.created + spent), "noteTime": spent // 3_000 * 1_000}
    else:
        pauser = base.id("user", dice[7] % base.count("user"))
        attributes |= {"handlePauseAt": iso(d.created + spent), "handlePauseBy": pauser}
    relations = {
        "customer": base.relation("customer", base.owner("conversation", talk)),
        "conversation": base.relation("conversation", talk),
        "createdBy": base.relation("user", dice[8] % base.count("user")),
    }
    return Drawn(attributes, relations)


def picks(d: Draw, kind: str, byte: int, many: int) -> list[str]:
    """Ids of so many distinct records."""
    count = d.base.count(kind)
    if not many or not count:
        return []
    return list({d.base.id(kind, d.dice[byte + n] % count): None for n in range(many)})


def _talk_role(name: str) -> tuple[str, ...]:
    return (f"org.permission.{name}.read", f"org.user.{name}.read")


TALK = (
    Kind(
        "conversation",
        3,
        lambda scale: scale.conversations,
        draw_conversation,
        path="/v1/conversations",
        roles=_talk_role("conversation"),
        owner="customer",
        facts=conversation_facts,
        lead_ms=2 * DAY,
        bursts=True,
        shows_rev=True,
        deleted_switch="core_lists_include_deleted",
        lookups={"externalId": lambda attributes, value: attributes.get("externalId") == value},
    ),
    Kind(
        "message",
        4,
        lambda scale: scale.messages,
        draw_message,
        path="/v1/messages",
        roles=_talk_role("message"),
        owner="conversation",
        facts=message_facts,
        lead_ms=3 * MINUTE,
        bursts=True,
        shows_rev=True,
        deleted_switch="core_lists_include_deleted",
    ),
    Kind(
        "note",
        5,
        lambda scale: scale.notes,
        draw_note,
        path="/v1/notes",
        roles=_talk_role("note"),
        owner="conversation",
        facts=note_facts,
        lead_ms=3 * MINUTE,
        bursts=True,
        deleted_switch="core_lists_include_deleted",
    ),
    Kind(
        "attachment",
        6,
        lambda scale: scale.attachments,
        draw_attachment,
        home="/v1/attachments",
        roles=_talk_role("attachment"),
        owner="message",
        lead_ms=2 * MINUTE,
    ),
    Kind(
        "conversation_time",
        7,
        lambda scale: scale.conversation_times,
        draw_time,
        home="/v1/conversations/times",
        roles=_talk_role("conversation"),
        owner="conversation",
        lead_ms=2 * MINUTE,
    ),
)
