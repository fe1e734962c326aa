"""Klasses, their KObjects and the metadata of custom attributes [D, O: reference section 5]."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from ..clock import DAY, iso
from ..kind import PERIOD, Draw, Drawn, Facts, Json, Kind
from .custom import CUSTOM, values
from .people import tags
from .words import SENTENCES

KLASSES = (
    ("order", "Order", "enabled"),
    ("shipment-event", "Shipment event", "enabled"),
    ("reservation", "Reservation", "enabled"),
    ("old-survey", "Old survey", "disabled"),
    ("imported-case", "Imported case", "existing_only"),
)
ODD_KLASSES = (
    ("select", "Select", "enabled"),
    ("tag", "Tag", "enabled"),
    ("shipment_event", "Shipment event", "enabled"),
    ("shipmentEvent", "SHIPMENT EVENT  ", "enabled"),
    (
        "extraordinarily-long-name-of-a-klass-that-somebody-typed-in-on-a-friday-afternoon",
        "Klass; 'quoted' 🫖",
        "existing_only",
    ),
)
"""Klasses of the hostile org only."""
NAMES = [klass[0] for klass in (*KLASSES, *ODD_KLASSES)]
RESOURCES = (*CUSTOM, "kobject.imported-case")


def kobject_facts(rng: Random) -> Sequence[Facts]:
    """Klasses mixed; one in 64 deleted."""
    klasses = ["order"] * 38 + ["shipment-event"] * 16 + ["reservation"] * 8 + ["imported-case"] * 2
    rng.shuffle(klasses)
    gone = rng.randrange(PERIOD)
    return [{"deleted": n == gone, "klass": klasses[n]} for n in range(PERIOD)]


def draw_kobject(d: Draw) -> Drawn:
    """A KObject; its type is `kobject.<klass>` [I], its klass link is singular [D, O]."""
    dice, base, klass = d.dice, d.base, d.facts["klass"]
    attributes: Json = {
        "title": f"{klass.capitalize()} {d.i:06}",
        "icon": "box",
        "images": [],
        "data": {
            "source": "shop",
            "lines": [{"sku": f"SKU-{dice[0]}", "quantity": 1 + dice[1] % 4}],
        },
        "custom": values(d, f"kobject.{klass}"),
        "tags": tags(d, dice[2] // 100),
        "roleGroupVersions": [],
        "klassDisplayName": klass.replace("-", " ").capitalize(),
    }
    if dice[3] < 200:
        attributes["externalId"] = f"{klass}-{d.i}"
    if dice[4] < 128:
        attributes["description"] = SENTENCES[dice[4] % 8]
    if klass == "reservation":
        attributes |= {
            "klassMixins": ["assignable"],
            "status": "done" if dice[5] & 1 else "open",
            "assignedUser": base.id("user", dice[6] % base.count("user")),
            "assignedTeam": base.id("team", dice[7] % base.count("team")),
            "doneCount": dice[5] & 1,
            "reopenCount": 0,
        }
    name = base.id("klass", NAMES.index(klass))
    relations: Json = {
        "klass": {
            "link": {"self": f"/v1/klasses/{klass}"},
            "data": {"type": "klass", "id": name},
        },
        "createdBy": base.relation("user", dice[8] % base.count("user")),
    }
    customer = base.owner("kobject", d.i)
    if dice[9] < 240:
        relations["customer"] = base.relation("customer", customer)
    if dice[10] < 40 and base.count("company"):
        relations["company"] = base.relation("company", base.owner("customer", customer))
    talks = base.children("conversation", "customer", customer)
    if dice[10] >= 200 and talks:
        relations["conversation"] = base.relation("conversation", talks[-1])
    if klass == "reservation":
        relations["queue"] = base.relation("queue", dice[11] % base.count("queue"))
    return Drawn(
        attributes,
        relations,
        type=f"kobject.{klass}",
        links={"self": f"/v1/klasses/{klass}/{d.id}"},
    )


def draw_klass(d: Draw) -> Drawn:
    """A klass; its name is the key in URLs [D]."""
    name, display, status = (*KLASSES, *ODD_KLASSES)[d.i]
    attributes = {
        "name": name,
        "displayName": display,
        "icon": "box",
        "color": "#9b59b6",
        "status": status,
        "mixins": ["assignable"] if name == "reservation" else [],
        "appDisabled": False,
    }
    return Drawn(attributes, {"kobjects": {"links": {"self": f"/v1/klasses/{name}"}}})


def draw_metadata(d: Draw) -> Drawn:
    """The custom attributes of one resource [D, O]."""
    resource = RESOURCES[d.i]
    properties = {c.name: c.described(iso(d.created)) for c in CUSTOM.get(resource, ())}
    return Drawn(
        {"resource": resource, "properties": properties, "standardProperties": {}},
        links={"self": f"/v1/metadata/{resource}"},
    )


KLASS_ROLES = ("org.permission.klass.read", "org.admin.klass.read", "org.user.klass.read")

THINGS = (
    Kind(
        "kobject",
        8,
        lambda scale: scale.kobjects,
        draw_kobject,
        home="/v1/klasses",
        roles=("org.permission.kobject.read", "org.user.kobject.read"),
        owner="customer",
        facts=kobject_facts,
        lead_ms=DAY,
        bursts=True,
        shows_rev=True,
        deleted_switch="core_lists_include_deleted",
    ),
    Kind(
        "klass",
        9,
        lambda _scale: len(KLASSES),
        draw_klass,
        path="/v1/klasses",
        home="/v1/klasses",
        roles=KLASS_ROLES,
        filters={"status": lambda attributes, value: attributes.get("status") == value},
        defaults={"status": "enabled"},
    ),
    Kind(
        "metadata",
        10,
        lambda _scale: len(RESOURCES),
        draw_metadata,
        home="/v1/metadata",
        roles=(
            "org.permission.metadata.read",
            "org.admin.metadata.read",
            "org.user.metadata.read",
        ),
    ),
)
