"""What the hostile org sets up for itself: odd klasses and a hundred custom attributes an object.

Their names collide once they are written in snake case, are longer than identifiers of databases,
or hold what metadata never mentions; their values change type from record to record.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from ..clock import DAY, iso
from ..kind import PERIOD, Draw, Drawn, Facts, Json, Kind
from .custom import CUSTOM, METADATA_TYPES
from .things import NAMES, ODD_KLASSES, RESOURCES

LONG = "nameOfACustomAttributeThatIsLongerThanTheIdentifiersOfMostDatabases"
COLLIDING = ("fooBarStr", "foo_barStr", "FooBarStr", "fooBARStr", "foo_bar_str")
"""One and the same once they are written in snake case."""
ODDLY_NAMED = (
    *COLLIDING,
    f"{LONG}OneStr",
    f"{LONG}TwoStr",
    "selectStr",
    "orderNum",
    "groupBool",
    "null",
    "id",
    "createdAt",
    "updatedAt",
    "custom",
    "Str",
    "2ndAddressStr",
    "line1Str",
    "line_1Str",
    "404Num",
    "größeNum",
    "名前Str",
    "mood🫖Str",
    "with spaceStr",
    "with-dashStr",
    "dot.tedStr",
    'quo"tedStr',
    "semi;colonStr",
    "aboutTXT",
    "trailing_Str",
    "_leadingStr",
)
"""Reserved words, names of standard columns, no type suffix, digits, unicode, punctuation."""
WOBBLY = ("wobblyNum", "wobblyBool", "wobblyAt", "wobblyStr", "wobblyId")
"""On every record, mostly of the right type."""
LATER = ("laterStr", "laterNum", "laterAt")
"""Only on the newest quarter of the records."""
HIDDEN = ("hiddenStr", "hiddenNum", "hiddenTree")
"""Not in metadata."""
LIMIT = 100
"""Custom attributes of one object [D]."""


def _named(resource: str, full: bool) -> tuple[str, ...]:
    own = (*WOBBLY, *LATER, *HIDDEN, *ODDLY_NAMED)
    room = LIMIT - len(CUSTOM.get(resource, ())) - len(own)
    suffixes = list(METADATA_TYPES)
    more = (f"extra{n:02}{suffixes[n % len(suffixes)]}" for n in range(room))
    return (*own, *more) if full else own


HOSTILE_CUSTOM: dict[str, tuple[str, ...]] = {
    "customer": _named("customer", full=True),
    "conversation": _named("conversation", full=True),
    "message": _named("message", full=False),
    "company": _named("company", full=False),
    "kobject.order": _named("kobject.order", full=True),
    **{f"kobject.{name}": _named(name, full=False) for name, _, _ in ODD_KLASSES},
}
"""By resource, beside those of the pleasant org."""

ODD_VALUES: dict[str, tuple[Any, ...]] = {
    "Str": ({"a": 1}, 7, True, ["x", None], "", "nul\x00", "half \ud83d", 2**70, 0.1, {}, []),
    "Txt": ("", "'); --\r\n\t", "\ude00", ["a", "b"], None, 1e21, "שלום 👩‍👩‍👧‍👦"),
    "Num": ("12,5", "", "007", 2**64 * 1000, -(2**63) - 1, True, [1], {"n": 1}, "****", 1e308, 0.1),
    "Bool": (1, 0, "true", "", "nein", [True], "False"),
    "At": ("soon", "", 1_735_689_600_000, "2026-02-30T10:00:00Z", "2026-01-02", "tomorrow 5 pm"),
    "Url": ("", "not a url", 5, {"href": "https://shop.example.com"}),
    "Id": ("", None, ["a", None], 5, {"id": "x"}),
    "Tree": (["a.b"], "", "a..b", {"path": "a"}, 0),
}
"""By suffix: what an attribute holds now and then."""


def suffix_of(name: str) -> str:
    """The type a name promises; `Str` if it promises none."""
    return next((suffix for suffix in METADATA_TYPES if name.endswith(suffix)), "Str")


def odd_values(resource: str, d: Draw, chance: Random) -> Json:
    """About a third of a record's odd custom attributes; one in eight of another type."""
    found: Json = {}
    new = d.i >= d.base.count(resource.partition(".")[0]) * 3 // 4
    for name in HOSTILE_CUSTOM.get(resource, ()):
        if name in WOBBLY or (new and name in LATER):
            found[name] = _right(name, d, chance)
        elif name not in LATER and chance.random() < 0.33:
            found[name] = _right(name, d, chance)
            if chance.random() < 0.125:
                found[name] = copy.deepcopy(chance.choice((None, *ODD_VALUES[suffix_of(name)])))
    return found


def _right(name: str, d: Draw, chance: Random) -> Any:
    """A value of the type that a name promises."""
    number = chance.randrange(10_000)
    made: dict[str, Callable[[], Any]] = {
        "Num": lambda: number / 4 if number & 1 else number,
        "Bool": lambda: number % 3 > 0,
        "At": lambda: iso(d.created + number * DAY // 100),
        "Url": lambda: f"https://shop.example.com/{number}",
        "Id": lambda: d.base.id("user", number % d.base.count("user")),
        "Tree": lambda: f"branch.{number % 9}",
    }
    return made.get(suffix_of(name), lambda: f"{name[:3]}-{number:04}")()


def hostile_things(pleasant: Mapping[str, Kind]) -> dict[str, Kind]:
    """KObjects, klasses and metadata with the odd ones among them."""
    return {
        "kobject": replace(pleasant["kobject"], facts=_kobject_facts),
        "klass": replace(pleasant["klass"], count=lambda _s: len(NAMES)),
        "metadata": replace(
            pleasant["metadata"], count=lambda _s: len(_RESOURCES), draw=_draw_metadata
        ),
    }


def _kobject_facts(rng: Random) -> Sequence[Facts]:
    """Every klass that has KObjects among the first twelve; two in 64 deleted."""
    used = [name for name in NAMES if name != "old-survey"]
    first = [*used, *["order"] * (12 - len(used))]
    rng.shuffle(first)
    rest = rng.choices(used, [9 if name == "order" else 1 for name in used], k=PERIOD - len(first))
    gone = {rng.randrange(12), 12 + rng.randrange(PERIOD - 12)}
    return [{"deleted": n in gone, "klass": klass} for n, klass in enumerate((*first, *rest))]


_RESOURCES = (*RESOURCES, *(f"kobject.{name}" for name, _, _ in ODD_KLASSES))


def _draw_metadata(d: Draw) -> Drawn:
    """Descriptions of all but the hidden; some say little, some another type than the name."""
    resource, changed = _RESOURCES[d.i], iso(d.created)
    properties: Json = {c.name: c.described(changed) for c in CUSTOM.get(resource, ())}
    for n, name in enumerate(HOSTILE_CUSTOM.get(resource, ())):
        if name not in HIDDEN:
            properties[name] = _described(name, n, changed)
    return Drawn(
        {"resource": resource, "properties": properties, "standardProperties": {}},
        links={"self": f"/v1/metadata/{resource}"},
    )


def _described(name: str, n: int, changed: str) -> Json:
    if n % 11 == 0:
        return {}
    kind = METADATA_TYPES[suffix_of(name)] if n % 7 else "string"
    about: Json = {"type": kind, "displayName": f"{name}; 'x' 🫖", "updatedAt": changed}
    if n % 13 == 0:
        about |= {"deletedAt": changed, "displayName": None}
    return about
