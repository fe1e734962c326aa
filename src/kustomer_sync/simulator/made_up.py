"""A made-up org's records, each computed from (seed, type, number) alone, so that a million cost
no memory. Written from Kustomer's documentation and public payloads (kustomer-api.md section 5).

Numbers grow with `updatedAt`, so that a span of time is a range of numbers.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kustomer_sync.simulator.clock import DAY, iso

Record = dict[str, Any]
SPAN = 3 * 365 * DAY
"""The org is three years old, so a third of it is beyond the search's two years."""
ORG = "57f29863a1dbf61100e6aa92"
KLASSES = ("order", "shipment-event", "reservation")
_WORDS = (
    "refund", "parcel", "late", "broken", "login", "invoice", "address", "colour", "size",
    "exchange", "voucher", "delivery", "warranty", "battery", "screen", "return", "label",
    "courier", "upgrade", "plan",
)  # fmt: skip
_FIRST = (
    "Ada", "Bela", "Cyra", "Dario", "Edda", "Fenn", "Gita", "Hodd", "Ines", "Jarl", "Kiri",
    "Lomi", "Mera", "Nolo", "Odra",
)  # fmt: skip
_LAST = (
    "Quillmoor", "Vandersloot", "Okonje", "Tarrasch", "Belmonde", "Yxgard", "Pemberlin",
    "Sandovar",
)  # fmt: skip
_CHANNELS = ("email", "chat", "sms", "voice", "facebook")
_CODE = {
    "customer": 1, "conversation": 2, "message": 3, "note": 4, "company": 5, "kobject": 6,
    "tag": 7, "team": 8, "user": 9, "klass": 10, "attachment": 11,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scale:
    customers: int = 60
    conversations: int = 150
    messages: int = 600
    kobjects: int = 90
    notes: int = 60
    companies: int = 12
    tags: int = 14
    teams: int = 5
    users: int = 12

    def of(self, kind: str) -> int:
        if kind == "klass":
            return len(KLASSES)
        plural = "companies" if kind == "company" else f"{kind}s"
        return int(getattr(self, plural))


SCALES = {
    "small": Scale(),
    "medium": Scale(25_000, 100_000, 200_000, 30_000, 10_000, 1_000, 60, 12, 80),
    "large": Scale(250_000, 1_000_000, 2_000_000, 200_000, 100_000, 5_000, 90, 20, 200),
}


def ident(kind: str, n: int) -> str:
    """24 hex digits like Kustomer's, from which type and number can be read back."""
    return f"5a{_CODE[kind]:02x}c0ffee{n:014x}"


def number(kind: str, record_id: str) -> int | None:
    head = f"5a{_CODE[kind]:02x}c0ffee"
    if len(record_id) != 24 or not record_id.startswith(head):
        return None
    try:
        return int(record_id[10:], 16)
    except ValueError:
        return None


def ref(kind: str, record_id: str, path: str = "") -> Record:
    return {
        "links": {"self": f"/v1/{path or kind + 's'}/{record_id}"},
        "data": {"type": kind, "id": record_id},
    }


class MadeUp:
    """The records the org starts with."""

    def __init__(self, seed: int, scale: Scale, now: int) -> None:
        self.seed, self.scale = seed, scale
        self.start, self.end = now - SPAN, now - 3_600_000
        self._make: dict[str, Callable[[int, random.Random], tuple[Record, Record]]] = {
            "customer": self._customer, "conversation": self._conversation,
            "message": self._message, "note": self._note, "company": self._company,
            "kobject": self._kobject, "tag": self._tag, "team": self._team, "user": self._user,
            "klass": self._klass,
        }  # fmt: skip

    def count(self, kind: str) -> int:
        return self.scale.of(kind)

    def updated(self, kind: str, n: int) -> int:
        """Never falls as `n` grows; every 40 numbers a burst of 12 shares one millisecond."""
        place = n % 40
        step = n - place + (28 if place >= 28 else place)
        return self.start + (self.end - self.start) * step // max(self.count(kind), 1)

    def created(self, kind: str, n: int) -> int:
        return self.updated(kind, n) - (n * 7919) % (30 * DAY)

    def record(self, kind: str, n: int) -> Record:
        rng = random.Random(f"{self.seed}/{kind}/{n}")
        attributes, relationships = self._make[kind](n, rng)
        created, updated = iso(self.created(kind, n)), iso(self.updated(kind, n))
        record_id = ident(kind, n)
        path = {"company": "companies", "klass": "klasses"}.get(kind, f"{kind}s")
        return {
            "type": kind,
            "id": record_id,
            "attributes": attributes
            | {"createdAt": created, "updatedAt": updated, "modifiedAt": updated},
            "relationships": {"org": ref("org", ORG), **relationships},
            "links": {"self": f"/v1/{path}/{record_id}"},
        }

    def any_id(self, kind: str, rng: random.Random) -> str:
        return ident(kind, rng.randrange(max(self.count(kind), 1)))

    def ids(self, kind: str, rng: random.Random, most: int) -> list[str]:
        return list(dict.fromkeys(self.any_id(kind, rng) for _ in range(rng.randint(0, most))))

    def by(self, rng: random.Random) -> Record:
        return {
            "createdBy": ref("user", self.any_id("user", rng)),
            "modifiedBy": ref("user", self.any_id("user", rng)),
        }

    def _text(self, rng: random.Random, words: int) -> str:
        return " ".join(rng.choice(_WORDS) for _ in range(words))

    def _customer(self, n: int, rng: random.Random) -> tuple[Record, Record]:
        first, last = rng.choice(_FIRST), rng.choice(_LAST)
        email = f"{first}.{last}.{n}@example.com".lower()
        emails = [{"email": email, "verified": rng.random() < 0.5, "type": "home"}]
        if n % 5 == 0:
            emails.append({"email": f"work.{email}", "verified": False, "type": "work"})
        location = {
            "type": "home", "address": f"{n} Made-up Lane", "address2": "Flat 1",
            "cityName": "Exampleton", "countryCode": "XX", "latitude": 51.5 + n % 10 / 10,
            "longitude": -0.1, "zipCode": f"{n % 99999:05d}",
        }  # fmt: skip
        attributes: Record = {
            "name": f"{first} {last}", "displayName": f"{first} {last}", "firstName": first,
            "lastName": last, "displayColor": "orange", "displayIcon": "balloon",
            "externalIds": [{"externalId": f"ext-{n}", "verified": True}] if n % 3 == 0 else [],
            "externalId": f"ext-{n}" if n % 3 == 0 else None,
            "sharedExternalIds": [], "emails": emails,
            "sharedEmails": [emails[0]] if n % 11 == 0 else [],
            "phones": [{"phone": f"+1555{n:07d}", "verified": False, "type": "mobile"}],
            "sharedPhones": [{"phone": "+15550000000", "type": "other"}] if n % 13 == 0 else [],
            "whatsapps": [{"phone": f"+1555{n:07d}"}] if n % 7 == 0 else [],
            "sharedWhatsapps": [{"phone": "+15550000001"}] if n % 17 == 0 else [],
            "socials": [{"type": "twitter", "userid": str(n), "username": f"made_up_{n}",
                         "url": f"https://social.example.com/{n}", "verified": False}]
            if n % 4 == 0 else [],
            "sharedSocials": [{"type": "instagram", "username": f"shared_{n}"}]
            if n % 19 == 0 else [],
            "urls": [{"url": f"https://example.com/{n}", "type": "website"}] if n % 6 == 0 else [],
            "locations": [location] if n % 2 == 0 else [],
            "activeUsers": self.ids("user", rng, 2), "watchers": self.ids("user", rng, 1),
            "tags": self.ids("tag", rng, 3), "verified": rng.random() < 0.7, "rev": 1 + n % 5,
            "lastConversation": {"id": self.any_id("conversation", rng), "channels": ["email"],
                                 "tags": self.ids("tag", rng, 2)},
            "conversationCounts": {"all": 3, "open": 1, "snoozed": 0, "done": 2},
            "lastActivityAt": iso(self.updated("customer", n)),
            "lastMessageAt": iso(self.updated("customer", n) - 5000),
            "lastMessageOut": {"sentAt": iso(self.updated("customer", n) - 9000)},
            "sentiment": {"polarity": rng.choice([-1, 0, 1]), "confidence": 0.5 + n % 5 / 10}
            if n % 3 else {},
            "progressiveStatus": rng.choice(["open", "done", None]), "defaultLang": "en_us",
            "custom": self._custom("customer", n, rng), "preview": {},
        }  # fmt: skip
        relationships: Record = self.by(rng) | {
            "messages": {"links": {"self": f"/v1/customers/{ident('customer', n)}/messages"}},
            "order": {"links": {"self": f"/v1/customers/{ident('customer', n)}/klasses/order"},
                      "meta": {"kobject": True}},
        }  # fmt: skip
        if n % 4 == 0:
            relationships["company"] = ref("company", self.any_id("company", rng), "companies")
        if n % 23 == 5:
            attributes |= {"deleted": True, "deletedAt": iso(self.updated("customer", n))}
            relationships["deletedBy"] = ref("user", self.any_id("user", rng))
        else:
            attributes["deleted"] = False
        return attributes, relationships

    def _conversation(self, n: int, rng: random.Random) -> tuple[Record, Record]:
        at = self.updated("conversation", n)
        status = rng.choice(["open", "done", "done", "snoozed"])
        message_in = {
            "id": self.any_id("message", rng), "sentAt": iso(at - 900_000),
            "createdAt": iso(at - 899_000), "channel": "email", "directionType": "initial-in",
            "meta": {"to": [f"help{n % 3}@example.com"] if n % 3 else "help@example.com",
                     "recipient": {"email": "help@example.com", "mailboxHash": f"h{n}"}},
        }  # fmt: skip
        response = {
            "id": self.any_id("message", rng), "time": 300_000 + n, "businessTime": 200_000,
            "responseTime": 310_000 + n, "createdAt": iso(at - 600_000),
            "sentAt": iso(at - 599_000), "createdBy": self.any_id("user", rng),
            "createdByTeams": self.ids("team", rng, 1), "assignedTeams": [], "assignedUsers": [],
        }  # fmt: skip
        done = {
            "time": 3_600_000 + n, "businessTime": 1_800_000, "createdAt": iso(at - 60_000),
            "createdBy": self.any_id("user", rng), "messageCount": 4, "noteCount": 1,
            "messageCountByChannel": {"email": 3, "chat": 1}, "lastMessageDirection": "out",
        }  # fmt: skip
        attributes: Record = {
            "name": self._text(rng, 4), "preview": self._text(rng, 25),
            "channels": rng.sample(_CHANNELS, rng.randint(0, 2)), "status": status,
            "priority": 1 + n % 5, "direction": "in", "defaultLang": "en_us", "spam": n % 50 == 0,
            "ended": status == "done", "messageCount": n % 9, "noteCount": n % 3,
            "outboundMessageCount": n % 4, "reopenCount": n % 2, "snoozeCount": n % 3,
            "rev": 1 + n % 7, "satisfaction": n % 5, "tags": self.ids("tag", rng, 4),
            "suggestedTags": [{"tag": t, "confidence": 0.9} for t in self.ids("tag", rng, 2)],
            "assignedUsers": self.ids("user", rng, 2), "assignedTeams": self.ids("team", rng, 1),
            "lastActivityAt": iso(at), "lastMessageAt": iso(at - 1000),
            "lastMessageDirection": "out", "firstMessageIn": message_in,
            "lastMessageIn": {k: message_in[k] for k in ("id", "sentAt", "createdAt", "channel")},
            "lastMessageOut": {"id": self.any_id("message", rng), "sentAt": iso(at - 1000),
                               "createdAt": iso(at - 1000)},
            "firstResponse": response if n % 2 else {}, "modificationHistory":
            {"statusAt": iso(at), "tagsAt": None}, "sentiment": {"polarity": 1, "confidence": 0.8}
            if n % 3 == 0 else {}, "custom": self._custom("conversation", n, rng),
            "predictions": [], "suggestedShortcuts": [], "roleGroupVersions": [],
            "open": {"statusAt": iso(at - 100)},
        }  # fmt: skip
        if status == "done":
            attributes |= {"firstDone": done, "lastDone": done, "endedAt": iso(at - 60_000),
                           "endedReason": "resolved", "endedByType": "user"}  # fmt: skip
        if status == "snoozed":
            attributes["snooze"] = {"status": "scheduled", "statusAt": iso(at),
                                    "time": iso(at + DAY)}  # fmt: skip
        if n % 6 == 0:
            attributes["satisfactionLevel"] = {
                "form": f"form{n % 3}", "formResponse": f"resp{n}", "channel": "email",
                "status": "rated", "rating": 1 + n % 5, "score": 20 * (1 + n % 5),
                "firstAnswer": self._text(rng, 6), "createdAt": iso(at), "sentAt": iso(at),
                "updatedAt": iso(at), "sentBy": self.any_id("user", rng),
                "sentByTeams": self.ids("team", rng, 2),
            }  # fmt: skip
        relationships: Record = self.by(rng) | {
            "customer": ref("customer", self.any_id("customer", rng)),
            "messages": {
                "links": {"self": f"/v1/conversations/{ident('conversation', n)}/messages"}
            },
        }
        if n % 5 == 0:
            attributes["sla"] = {
                "name": "Gold",
                "version": 2,
                "matchedAt": iso(at - DAY),
                "status": "pending",
                "breached": n % 10 == 0,
                "breach": {"metric": "firstResponse", "at": iso(at)},
                "summary": {"firstBreachAt": iso(at), "satisfiedAt": None},
                "metrics": {"firstResponse": {"breachAt": iso(at), "satisfiedAt": None}},
            }
            relationships["sla"] = ref("sla", "5a7b6d7067cd0a00013a7982")
            relationships["slaVersion"] = {
                "data": {"type": "sla_version", "id": "5b182948f57cbd12d8f21ef0"}
            }
        if n % 9 == 0:
            attributes["assistant"] = {"assistantId": ["5c000000000000000000a551"],
                                       "status": "done", "type": "chat"}  # fmt: skip
            relationships["brand"] = ref("brand", "5c00000000000000000b4a4d")
        if status == "done":
            relationships["endedBy"] = ref("user", self.any_id("user", rng))
        if n % 31 == 3:
            attributes |= {"deleted": True, "deletedAt": iso(at)}
            relationships["deletedBy"] = ref("user", self.any_id("user", rng))
        return attributes, relationships

    def _message(self, n: int, rng: random.Random) -> tuple[Record, Record]:
        at = self.updated("message", n)
        conversation = self.any_id("conversation", rng)
        to: Any = ["a@example.com", {"email": "b@example.com"}, [{"email": "c@example.com"}]][n % 3]
        attributes: Record = {
            "channel": rng.choice(_CHANNELS), "app": "postmark", "size": 100 + n % 5000,
            "direction": "in" if n % 2 else "out",
            "directionType": "initial-in" if n % 2 else "response-out",
            "preview": self._text(rng, 30), "subject": self._text(rng, 5), "status": "sent",
            "auto": n % 8 == 0, "sentAt": iso(at), "rev": 1 + n % 3, "lang": "en",
            "assignedTeams": self.ids("team", rng, 1), "assignedUsers": self.ids("user", rng, 2),
            "createdByTeams": self.ids("team", rng, 1), "reactions": [],
            "meta": {"from": "made.up@example.com", "to": to, "subject": "Re: it"},
            "custom": {}, "redacted": False, "externalId": f"m-{n}",
        }  # fmt: skip
        if n % 10 == 0:
            attributes["firstDelivered"] = {"timestamp": iso(at), "clientType": "web"}
        relationships: Record = self.by(rng) | {
            "customer": ref("customer", self.any_id("customer", rng)),
            "conversation": ref("conversation", conversation),
            "shortcuts": {"data": [{"type": "shortcut", "id": f"5c0000000000000000005c{n % 9}0"}]
                          if n % 12 == 0 else []},
        }  # fmt: skip
        return attributes, relationships

    def attachments(self, message_id: str) -> list[Record]:
        """The attachments of a message: every seventh of the org's first messages has some."""
        n = number("message", message_id)
        if n is None or n % 7:
            return []
        made = []
        for k in range(1 + n % 2):
            attachment = ident("attachment", n * 4 + k)
            self_ = f"/v1/messages/{message_id}/attachments/{attachment}"
            made.append(
                {
                    "type": "attachment", "id": attachment,
                    "attributes": {"name": f"photo-{n}-{k}.png", "contentType": "image/png",
                                   "contentLength": 1000 + n, "redacted": False},
                    "relationships": {"org": ref("org", ORG),
                                      "message": ref("message", message_id)},
                    "links": {"self": self_, "related": f"{self_}/content"},
                }
            )  # fmt: skip
        return made

    def _note(self, n: int, rng: random.Random) -> tuple[Record, Record]:
        attributes: Record = {"body": self._text(rng, 20), "userMentions": [], "deleted": False}
        return attributes, self.by(rng) | {
            "customer": ref("customer", self.any_id("customer", rng)),
            "conversation": ref("conversation", self.any_id("conversation", rng)),
        }

    def _company(self, n: int, rng: random.Random) -> tuple[Record, Record]:
        attributes: Record = {"name": f"Made-up Works {n}", "externalId": f"co-{n}", "emails": [],
                              "phones": [], "tags": self.ids("tag", rng, 2), "rev": 1,
                              "custom": {}}  # fmt: skip
        return attributes, self.by(rng)

    def _kobject(self, n: int, rng: random.Random) -> tuple[Record, Record]:
        klass = KLASSES[n % len(KLASSES)]
        attributes: Record = {
            "externalId": f"{klass}-{n}", "title": f"{klass.title()} {n}", "icon": "box",
            "description": self._text(rng, 8), "images": [], "data": {}, "rev": 1 + n % 3,
            "tags": self.ids("tag", rng, 2), "custom": self._custom(klass, n, rng),
        }  # fmt: skip
        relationships: Record = {
            "customer": ref("customer", self.any_id("customer", rng)),
            "klass": {"link": f"/v1/klasses/{ident('klass', n % len(KLASSES))}",
                      "data": {"type": "klass", "id": ident("klass", n % len(KLASSES))}},
        }  # fmt: skip
        return attributes, relationships

    def _tag(self, n: int, rng: random.Random) -> tuple[Record, Record]:
        name = _WORDS[n % len(_WORDS)] + (f" {n // len(_WORDS)}" if n >= len(_WORDS) else "")
        gone = n % 13 == 12
        attributes: Record = {"name": name, "color": rng.choice(["red", "blue"]), "deleted": gone}
        if gone:
            attributes["deletedAt"] = iso(self.updated("tag", n))
        return attributes, self.by(rng)

    def _team(self, n: int, rng: random.Random) -> tuple[Record, Record]:
        attributes: Record = {"name": f"Team {n}", "displayName": f"Team {n}", "icon": "star",
                              "members": self.ids("user", rng, 5), "roleGroups": [],
                              "deleted": False}  # fmt: skip
        return attributes, self.by(rng)

    def _user(self, n: int, rng: random.Random) -> tuple[Record, Record]:
        name = f"{rng.choice(_FIRST)} {rng.choice(_LAST)}"
        attributes: Record = {
            "name": name, "displayName": name, "email": f"agent{n}@example.com",
            "emailSignature": "Kind regards", "mobile": None, "userType": "user",
            "roles": ["org.user", "org.admin.team.read"][: 1 + n % 2], "roleGroups": [],
        }  # fmt: skip
        if n % 11 == 10:
            attributes |= {"deleted": True, "deletedAt": iso(self.updated("user", n))}
        return attributes, self.by(rng)

    def _klass(self, n: int, rng: random.Random) -> tuple[Record, Record]:
        name = KLASSES[n]
        return {"name": name, "displayName": name.title(), "status": "enabled"}, {}

    def _custom(self, what: str, n: int, rng: random.Random) -> Record:
        custom: Record = {"scoreNum": n % 100 + (0.5 if n % 4 == 0 else 0), "nicknameStr": str(n)}
        if n % 2:
            custom |= {"vipBool": n % 4 == 1, "sinceAt": iso(self.start), "noteTxt": "a long text"}
        if n % 3 == 0:
            custom |= {"homeUrl": "https://example.com", "categoryTree": "a.b.c",
                       "choicesStr": ["x", "y"], "address2Str": None}  # fmt: skip
        return custom

    def metadata(self, resource: str) -> Record:
        """The custom attributes of a resource as `GET /v1/metadata/{resource}` shows them."""
        properties: Record = {
            name: {"type": kind, "displayName": name}
            for name, kind in (
                ("scoreNum", "number"), ("nicknameStr", "string"), ("vipBool", "boolean"),
                ("sinceAt", "date"), ("noteTxt", "text"), ("homeUrl", "url"),
                ("categoryTree", "tree"), ("address2Str", "string"),
            )
        }  # fmt: skip
        properties["choicesStr"] = {"type": "string", "displayName": "Choices", "multi": True}
        return {
            "type": "metadata", "id": f"meta-{resource}",
            "attributes": {"resource": resource, "properties": properties},
        }  # fmt: skip
