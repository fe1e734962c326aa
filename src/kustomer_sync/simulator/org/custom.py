"""Custom attributes: which there are, what metadata says of them, and their made-up values.

The suffix of a custom attribute is its type: Str, Txt, Num, At, Bool, Url, Id [D], Tree [O];
enumerated and multi values may be arrays [I]; every value may be null [D].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..clock import iso
from ..kind import Draw, Json
from .words import SENTENCES, SUBJECTS


@dataclass(frozen=True)
class Custom:
    """One custom attribute."""

    name: str
    choices: tuple[str, ...] = ()
    multi: bool = False
    target: str | None = None
    deleted: bool = False

    @property
    def suffix(self) -> str:
        """The type."""
        for suffix in ("Str", "Txt", "Num", "At", "Bool", "Url", "Id", "Tree"):
            if self.name.endswith(suffix):
                return suffix
        raise ValueError(f"{self.name} has no type suffix")

    def described(self, changed: str) -> Json:
        """What metadata says of it [D, O]."""
        display = "".join(f" {c.lower()}" if c.isupper() else c for c in self.name).strip()
        about: Json = {
            "type": METADATA_TYPES[self.suffix],
            "displayName": display.removesuffix(self.suffix.lower()).strip().capitalize(),
            "updatedAt": changed,
            "modifiedAt": changed,
        }
        if self.choices and self.suffix != "Tree":
            about["enumeration"] = list(self.choices)
        if self.choices and self.suffix == "Tree":
            about["tree"] = {"id": f"{self.name}-tree", "children": list(self.choices)}
        if self.multi:
            about |= {"multi": True, "array": True}
        if self.target:
            about["target"] = self.target
        if self.deleted:
            about["deletedAt"] = changed
        return about


METADATA_TYPES = {
    "Str": "string",
    "Txt": "string",
    "Num": "number",
    "At": "datetime",
    "Bool": "boolean",
    "Url": "url",
    "Id": "id",
    "Tree": "tree",
}

CUSTOM: dict[str, tuple[Custom, ...]] = {
    "customer": (
        Custom("loyaltyTierStr", ("tin", "brass", "gold")),
        Custom("lifetimeValueNum"),
        Custom("renewalAt"),
        Custom("vipBool"),
        Custom("shopProfileUrl"),
        Custom("accountManagerId", target="user"),
        Custom("regionTree", ("north.coast", "north.hills", "south.isles")),
        Custom("aboutTxt"),
        Custom("interestsStr", ("kettles", "lamps", "wellingtons"), multi=True),
        Custom("faxStr", deleted=True),
    ),
    "conversation": (
        Custom("orderNumberStr"),
        Custom("refundAmountNum"),
        Custom("followUpAt"),
        Custom("escalatedBool"),
        Custom("caseUrl"),
        Custom("relatedUserId", target="user"),
        Custom("contactReasonTree", ("delivery.late", "delivery.lost", "product.broken")),
        Custom("resolutionTxt"),
        Custom("productsStr", ("kettle", "lamp", "boots"), multi=True),
    ),
    "message": (Custom("campaignStr"), Custom("urgentBool")),
    "company": (
        Custom("industryStr", ("tea", "post", "rain")),
        Custom("seatsNum"),
        Custom("contractEndAt"),
        Custom("keyAccountBool"),
        Custom("portalUrl"),
        Custom("ownerId", target="user"),
        Custom("segmentTree", ("retail.small", "retail.large")),
        Custom("remarksTxt"),
        Custom("marketsStr", ("de", "fr", "us"), multi=True),
    ),
    "kobject.order": (
        Custom("orderNumberStr"),
        Custom("totalNum"),
        Custom("placedAt"),
        Custom("paidBool"),
        Custom("trackingUrl"),
        Custom("soldById", target="user"),
        Custom("categoryTree", ("home.kitchen", "home.garden")),
        Custom("commentTxt"),
        Custom("itemsStr", ("kettle", "lamp", "boots"), multi=True),
        Custom("address2Str"),
    ),
    "kobject.shipment-event": (
        Custom("carrierStr", ("snail", "owl", "tortoise")),
        Custom("weightNum"),
        Custom("scannedAt"),
        Custom("deliveredBool"),
        Custom("labelUrl"),
    ),
    "kobject.reservation": (
        Custom("roomStr"),
        Custom("guestsNum"),
        Custom("arrivesAt"),
        Custom("paidBool"),
        Custom("wishesTxt"),
    ),
}


def values(draw: Draw, resource: str) -> Json:
    """Made-up `custom` of a record: some missing, some null [D, O]."""
    result: Json = {}
    for n, custom in enumerate(CUSTOM.get(resource, ())):
        chance = draw.dice[40 + n]
        if chance < 56 or (custom.deleted and chance < 200):
            continue
        result[custom.name] = None if chance < 64 else _value(draw, custom, chance)
    return result


def _value(draw: Draw, custom: Custom, chance: int) -> Any:
    suffix = custom.suffix
    if custom.choices:
        chosen = custom.choices[chance % len(custom.choices)]
        return [chosen, custom.choices[0]][: 1 + (chance & 1)] if custom.multi else chosen
    if suffix == "Str":
        return f"{custom.name[:1].upper()}-{draw.i * 7 + chance:06}"
    if suffix == "Num":
        return chance * 12.25 + draw.i % 97 if chance & 1 else chance * 3 + draw.i % 89
    if suffix == "Bool":
        return chance % 3 > 0
    if suffix == "At":
        return iso(draw.created + chance * 86_400_123)
    if suffix == "Url":
        return f"https://shop.example.com/{custom.name}/{draw.i}"
    if suffix == "Id":
        return draw.base.id("user", chance % max(1, draw.base.count("user")))
    return f"{SUBJECTS[chance % len(SUBJECTS)]}: {SENTENCES[chance % len(SENTENCES)]}"
