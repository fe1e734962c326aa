"""Custom attributes: which there are, what metadata says of them, and their made-up values.

The suffix of a custom attribute is its type: Str, Txt, Num, At, Bool, Url, Id [D], Tree [O];
enumerated and multi values may be arrays [I]; every value may be null [D].
"""

from __future__ import annotations

from collections.abc import Callable
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
    dice = draw.dice
    for at, (name, often, make) in enumerate(_MAKERS.get(resource, ()), 40):
        chance = dice[at]
        if chance >= often:
            result[name] = None if chance < often + 8 else make(draw, chance)
    return result


def _maker(custom: Custom) -> Callable[[Draw, int], Any]:
    """How a value of this attribute is drawn."""
    name, choices = custom.name, custom.choices
    if custom.multi:
        return lambda _draw, chance: [choices[chance % len(choices)], choices[0]][: 1 + chance % 2]
    if choices:
        return lambda _draw, chance: choices[chance % len(choices)]
    by_suffix: dict[str, Callable[[Draw, int], Any]] = {
        "Str": lambda draw, chance: f"{name[:1].upper()}-{draw.i * 7 + chance:06}",
        "Num": lambda draw, chance: (12.25 if chance & 1 else 3) * chance + draw.i % 97,
        "Bool": lambda _draw, chance: chance % 3 > 0,
        "At": lambda draw, chance: iso(draw.created + chance * 86_400_123),
        "Url": lambda draw, _chance: f"https://shop.example.com/{name}/{draw.i}",
        "Id": lambda draw, chance: draw.base.id("user", chance % draw.base.count("user")),
        "Txt": lambda _draw, chance: f"{SUBJECTS[chance % 10]}: {SENTENCES[chance % 8]}",
    }
    return by_suffix[custom.suffix]


_MAKERS = {
    resource: tuple((c.name, 200 if c.deleted else 56, _maker(c)) for c in customs)
    for resource, customs in CUSTOM.items()
}
