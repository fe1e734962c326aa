"""Customers and companies [D, O: reference section 5]."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from ..clock import DAY, iso
from ..kind import PERIOD, Draw, Drawn, Facts, Json, Kind
from .custom import values
from .words import CITIES, COLORS, COMPANIES, FIRST_NAMES, ICONS, LAST_NAMES, SENTENCES


def draw_customer(d: Draw) -> Drawn:
    """A customer with most of the observed attributes; never-set ones are absent [O]."""
    dice, base = d.dice, d.base
    first = FIRST_NAMES[dice[0] % len(FIRST_NAMES)]
    last = LAST_NAMES[dice[1] % len(LAST_NAMES)]
    talks = base.children("conversation", "customer", d.i)
    counts = {"all": len(talks), "snoozed": 0, "open": 0, "done": 0}
    for talk in talks:
        counts[base.facts("conversation", talk)["status"]] += 1
    active = iso(d.updated)
    place = location(dice[7])
    attributes: Json = {
        "name": f"{first} {last}",
        "displayName": f"{first} {last}",
        "displayColor": COLORS[dice[2] % 8],
        "displayIcon": ICONS[dice[3] % 8],
        "firstName": first,
        "lastName": last,
        "externalIds": _external(d, "crm") if dice[4] < 160 else [],
        "sharedExternalIds": _external(d, "shared") if dice[4] < 20 else [],
        "emails": emails(d, first, last)[: 1 + (dice[5] < 60)],
        "sharedEmails": emails(d, "team", last)[:1] if dice[5] > 235 else [],
        "phones": phones(d) if dice[6] < 150 else [],
        "sharedPhones": phones(d)[:1] if dice[6] > 240 else [],
        "smoochIds": [],
        "whatsapps": phones(d)[:1] if dice[6] > 200 else [],
        "sharedWhatsapps": phones(d)[:1] if 190 < dice[6] < 215 else [],
        "facebookIds": [],
        "instagramIds": [],
        "socials": socials(d, first) if dice[8] < 50 else [],
        "sharedSocials": socials(d, last) if dice[8] > 250 else [],
        "urls": [{"url": f"https://{last.lower()}.example.com/{d.i}", "type": "website"}]
        if dice[8] & 3 == 0
        else [],
        "locations": [place, location(dice[9])][: 1 + (dice[9] & 1)] if dice[7] < 90 else [],
        "recentLocation": {"updatedAt": active, "location": place} if dice[7] < 50 else {},
        "locale": "de_DE" if dice[10] < 50 else "en_US",
        "timeZone": "Europe/Berlin" if dice[10] < 50 else "America/Los_Angeles",
        "activeUsers": _users(d, dice[11] // 100),
        "watchers": _users(d, dice[12] // 90),
        "signedUpAt": iso(d.created),
        "lastActivityAt": active,
        "lastCustomerActivityAt": iso(d.between(13)),
        "lastSeenAt": iso(d.between(14)),
        "conversationCounts": counts,
        "preview": {"previewAt": active, "type": "message_in", "text": SENTENCES[dice[15] % 8]},
        "tags": tags(d, dice[16] // 86),
        "progressiveStatus": "open" if counts["open"] else "done" if counts["done"] else None,
        "verified": dice[17] < 128,
        "deleted": False,
        "roleGroupVersions": [],
        "recentItems": [],
        "custom": values(d, "customer"),
    }
    if dice[18] < 128:
        attributes["externalId"] = f"cust-{d.i}"
        attributes["defaultLang"] = "en_us"
    if dice[19] < 200:
        attributes["sentiment"] = {"polarity": dice[19] % 3 - 1, "confidence": dice[20] / 255}
    if dice[21] < 40:
        attributes |= {"gender": "mf"[dice[21] & 1], "birthdayAt": iso(d.created - 9_999 * DAY)}
    if talks:
        _talked(d, attributes, talks[-1])
    else:
        attributes["lastConversation"] = {"tags": [], "channels": []}
    relationships: Json = {
        "messages": {"links": {"self": f"/v1/customers/{d.id}/messages"}},
        "createdBy": base.relation("user", dice[22] % base.count("user")),
    }
    if dice[22] < 150:
        relationships["modifiedBy"] = relationships["createdBy"]
    if has_company(dice) and base.count("company"):
        relationships["company"] = base.relation("company", base.owner("customer", d.i))
    for thing in base.children("kobject", "customer", d.i):
        name = base.facts("kobject", thing)["klass"]
        relationships[name] = {
            "links": {"self": f"/v1/customers/{d.id}/klasses/{name}"},
            "meta": {"kobject": True},
        }
    return Drawn(attributes, relationships)


def has_company(dice: bytes) -> bool:
    """Whether the customer with these dice works for a company."""
    return dice[23] < 110


def _talked(d: Draw, attributes: Json, talk: int) -> None:
    base, dice = d.base, d.dice
    said = iso(d.between(24))
    attributes["lastConversation"] = {
        "id": base.id("conversation", talk),
        "channels": ["email"],
        "tags": tags(d, 1 + (dice[25] & 1)),
        "sentiment": {"polarity": dice[25] % 3 - 1, "confidence": dice[26] / 255},
    }
    attributes["lastMessageAt"] = said
    attributes["lastMessageIn"] = {"sentAt": said, "channel": "email"}
    attributes["lastMessageOut"] = {"sentAt": iso(d.between(27))}
    if dice[28] < 40:
        attributes["lastMessageUnrespondedTo"] = {"sentAt": said, "channel": "email"}
    if dice[28] < 80:
        attributes["satisfactionLevel"] = {
            "count": 1,
            "acknowledgeCount": 1,
            "avgRating": 1 + dice[29] % 5,
            "avgScore": (1 + dice[29] % 5) * 20,
            "firstSatisfaction": {"createdAt": said, "sentByTeams": []},
            "lastSatisfaction": {"createdAt": said, "sentByTeams": []},
        }


def draw_company(d: Draw) -> Drawn:
    """A company; `externalId` only on some."""
    dice, base = d.dice, d.base
    name = company_name(dice)
    slug = f"{COMPANIES[dice[0] % 16]}-{d.i}".lower()
    attributes: Json = {
        "name": name,
        "emails": [{"email": f"office@{slug}.example.com", "type": "work", "verified": True}],
        "phones": phones(d)[:1],
        "whatsapps": [],
        "socials": socials(d, slug) if dice[2] < 90 else [],
        "urls": [{"url": f"https://{slug}.example.com", "type": "website"}],
        "domains": [{"domain": f"{slug}.example.com"}],
        "locations": [location(dice[3])] if dice[3] < 180 else [],
        "tags": tags(d, dice[4] // 120),
        "roleGroupVersions": [],
        "custom": values(d, "company"),
    }
    if dice[5] < 150:
        attributes |= {"externalId": f"comp-{d.i}", "employeeCount": dice[6] * 3}
    user = base.relation("user", dice[7] % base.count("user"))
    return Drawn(attributes, {"createdBy": user, "modifiedBy": user})


def company_name(dice: bytes) -> str:
    """The name of the company with these dice."""
    return f"{COMPANIES[dice[0] % 16]} & {COMPANIES[dice[1] % 16]} Ltd"


def customer_facts(rng: Random) -> Sequence[Facts]:
    """One in 64 is soft-deleted."""
    gone = rng.randrange(PERIOD)
    return [{"deleted": n == gone} for n in range(PERIOD)]


def emails(d: Draw, first: str, last: str) -> list[Json]:
    """Two addresses, made-up."""
    plain = f"{first}.{last}.{d.i}".lower().encode("ascii", "ignore").decode().strip(".")
    return [
        {"email": f"{plain}@example.com", "verified": d.dice[30] < 99, "type": "home"},
        {"email": f"{plain}@work.example.com", "verified": False, "type": "work"},
    ]


def phones(d: Draw) -> list[Json]:
    """Two numbers of the range kept for fiction."""
    number = f"+1555010{d.i % 10_000:04}"
    return [
        {"phone": number, "verified": False, "type": "mobile"},
        {"phone": f"{number}9", "verified": False, "type": "work"},
    ]


def socials(d: Draw, name: str) -> list[Json]:
    """One profile."""
    return [
        {
            "type": ("facebook", "instagram", "twitter")[d.dice[31] % 3],
            "userid": f"{d.i}{d.dice[31]:03}",
            "username": name.lower(),
            "url": f"https://social.example.com/{d.i}",
            "verified": False,
        }
    ]


def location(chance: int) -> Json:
    """A place that does not exist."""
    city, code, country, region, region_name, latitude, longitude = CITIES[chance % len(CITIES)]
    place: Json = {
        "type": "home",
        "name": "Home",
        "address": f"{chance} Crumpet Lane",
        "latitude": latitude,
        "longitude": longitude,
        "countryCode": code,
        "countryName": country,
        "regionCode": region,
        "regionName": region_name,
        "cityName": city,
        "zipCode": f"{chance:05}",
    }
    if chance & 1:
        place |= {"address2": "2nd floor", "address3": "left", "areaCode": "555"}
    return place


def tags(d: Draw, many: int) -> list[str]:
    """Ids of distinct tags."""
    count = d.base.count("tag")
    if not many or not count:
        return []
    return list({d.base.id("tag", d.dice[32 + n] % count): None for n in range(many)})


def _users(d: Draw, many: int) -> list[str]:
    base = d.base
    return list(
        dict.fromkeys(base.id("user", d.dice[36 + n] % base.count("user")) for n in range(many))
    )


def _external(d: Draw, system: str) -> list[Json]:
    return [{"externalId": f"{system}-{d.i}", "verified": d.dice[4] & 1 == 0}]


def _has(key: str, part: str) -> Any:
    """A lookup by a value inside a list of objects."""
    return lambda attributes, value: any(
        isinstance(item, dict) and item.get(part) == value
        for item in (attributes.get(key) if isinstance(attributes.get(key), list) else ())
    )


PEOPLE = (
    Kind(
        "customer",
        1,
        lambda scale: scale.customers,
        draw_customer,
        path="/v1/customers",
        roles=("org.permission.customer.read", "org.user.customer.read"),
        owner="company",
        facts=customer_facts,
        lead_ms=20 * DAY,
        bursts=True,
        shows_rev=True,
        counted=True,
        deleted_switch="core_lists_include_deleted",
        lookups={
            "email": _has("emails", "email"),
            "phone": _has("phones", "phone"),
            "externalId": lambda attributes, value: attributes.get("externalId") == value,
        },
    ),
    Kind(
        "company",
        2,
        lambda scale: scale.companies,
        draw_company,
        path="/v1/companies",
        roles=("org.permission.company.read", "org.user.company.read"),
        facts=customer_facts,
        lead_ms=90 * DAY,
        shows_rev=True,
        deleted_switch="core_lists_include_deleted",
        filters={
            "externalId": lambda attributes, value: attributes.get("externalId") == value,
            "filter": lambda attributes, value: (
                value.lower() in str(attributes.get("name")).lower()
            ),
        },
    ),
)
