"""The hostile org: what a careless or merely old server could send, beside the pleasant org.

A pleasant record is drawn first, then a few tricks are played on it. Tricks are dealt like cards,
so that each occurs even in an org of ten customers, and which record gets which, and where, is a
function of seed, kind and index. `id`, `type`, `updatedAt`, `rev` and what searches count and sort
by stay sane (`KEPT`): the API itself could not work without them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random
from typing import Any, Literal, NamedTuple

from ..clock import iso
from ..kind import Draw, Drawn, Json, Kind
from .oddities import HOSTILE_CUSTOM, hostile_things, odd_values

Sort = Literal["text", "time", "id", "whole", "truth", "real", "object", "array", "null"]
SEARCHED = ("customer", "conversation", "message", "note", "company", "kobject")
"""Their `createdAt` stays sane, searches sort by it; conversation times may be searched too."""
KEPT: dict[str, tuple[str, ...]] = {
    "conversation": ("status", "direction"),
    "message": ("channel", "direction", "redacted"),
    "klass": ("name", "status"),
    "work_session": ("active",),
}
"""Attributes nobody plays tricks on, beside `ALWAYS_KEPT`: searches and lists count by them."""
ALWAYS_KEPT = ("deleted", "updatedAt", "rev", "custom")
POINTERS = {
    "attachment": "message",
    "conversation_time": "conversation",
    "holiday": "schedule",
    "sla_version": "sla",
    "routing_setting": "team",
    "kobject": "klass",
}
"""The relationship through which a record is found at all; it stays."""
FAVOURITES = (
    "name", "displayName", "firstName", "lastName", "subject", "preview", "body", "title",
    "tags", "emails", "phones", "assignedUsers", "createdByTeams", "members", "messageCount",
    "noteCount", "size", "priority", "sentiment", "verified", "lastActivityAt", "sentAt",
)  # fmt: skip
"""Half of all tricks are played on one of these, if the record has it."""
AT_MOST = 12
"""Tricks on one record."""
ROUND = 24
"""Each trick is played once in so many records of a large kind."""
TIME = re.compile(r"\d{4}-\d\d-\d\d")
HEX_ID = re.compile(r"[0-9a-f]{24}")


def sort_of(value: Any) -> Sort:
    """What kind of field a value of the pleasant org stands for."""
    if isinstance(value, str):
        if TIME.match(value):
            return "time"
        return "id" if HEX_ID.fullmatch(value) else "text"
    if value is None:
        return "null"
    sorts: dict[type, Sort] = {
        bool: "truth", int: "whole", float: "real", dict: "object", list: "array",
    }  # fmt: skip
    return sorts[type(value)]


class Place(NamedTuple):
    """A key of an object inside a record."""

    above: tuple[int, ...]
    """The objects and arrays it lies in, by `id()`."""
    holder: Json
    key: str


class Hand:
    """One record while tricks are played on it; no trick undoes another's."""

    def __init__(self, kind: str, d: Draw, drawn: Drawn, chance: Random) -> None:
        self.kind = kind
        self.d = d
        self.attributes: Json = _copied(drawn.attributes)
        self.relationships: Json | None = _copied(drawn.relationships)
        self.chance = chance
        self._places: dict[Sort, list[Place]] = {}
        self._holding: set[int] = set()
        """Objects and arrays with a played place somewhere inside."""
        self._taken: set[tuple[int, str]] = set()
        self._closed: set[int] = set()
        """Objects that are no longer in the record."""

    def survey(self) -> None:
        """Learn the places of the record as it is; what tricks put there later is none of them."""
        for place in _places(self.attributes, skip=(*ALWAYS_KEPT, *KEPT.get(self.kind, ()))):
            self._places.setdefault(sort_of(place.holder[place.key]), []).append(place)

    def put(self, sort: Sort, value: Any, *, filled: bool = False) -> None:
        """Replace some value of this sort; `GONE` removes it, a callable makes it from the old."""
        found = [place for place in self._places.get(sort, ()) if self.free(place)]
        if filled:
            found = [p for p in found if p.holder[p.key]]
        favourites = [p for p in found if p.key in FAVOURITES]
        if favourites and self.chance.random() < 0.5:
            found = favourites
        if found:
            self.set(self.chance.choice(found), value)

    def set(self, place: Place, value: Any) -> None:
        """Replace the value at a place."""
        if value is GONE:
            old = place.holder.pop(place.key)
        else:
            old = place.holder[place.key]
            place.holder[place.key] = value(old) if callable(value) else _copied(value)
        if isinstance(old, dict | list):
            self._closed |= {id(inner.holder) for inner in _places({"": old}) if inner.above}
        self._holding |= {*place.above, id(place.holder)}
        self._taken.add((id(place.holder), place.key))

    def at(self, *keys: str) -> Place:
        """The place a path leads to; objects on the way are made if they are not there."""
        above: tuple[int, ...] = ()
        here = self.attributes
        for key in keys[:-1]:
            if not isinstance(here.get(key), dict):
                here[key] = {}
            above = (*above, id(here))
            here = here[key]
        here.setdefault(keys[-1], None)
        return Place(above, here, keys[-1])

    def free(self, place: Place) -> bool:
        """Whether no trick was played on a place, or on anything in it."""
        value = place.holder.get(place.key)
        return (
            id(place.holder) not in self._closed
            and (id(place.holder), place.key) not in self._taken
            and id(value) not in self._holding
        )


GONE: Any = object()


@dataclass(frozen=True)
class Trick:
    """One way in which a record can be unlike what the documentation promises."""

    name: str
    about: str
    play: Callable[[Hand], None]
    kinds: tuple[str, ...] = ()
    """Empty: every kind."""
    sort: Sort | None = None
    """Of the field it is played on, if it is played on any field of a sort."""
    value: Any = None
    """What such a field holds afterwards; `GONE`: it is absent."""
    once: bool = False
    """Played on one record only."""

    @property
    def place(self) -> str:
        """The first word of the name: tricks that share it may be after the same place."""
        return self.name.partition("_")[0].removesuffix("s")


def swap(name: str, sort: Sort, value: Any, about: str) -> Trick:
    """A trick that puts a value where a field of some sort was."""
    return Trick(name, about, lambda hand: hand.put(sort, value), sort=sort, value=value)


# --- what can be done to an array, a relationship, `custom` and so on


def nulls_in_array(hand: Hand) -> None:
    """An array holds a null, before its other elements."""
    hand.put("array", lambda old: [None, *old])


def twice_in_array(hand: Hand) -> None:
    """An array names its first element twice."""
    hand.put("array", lambda old: [*old, _copied(old[0])], filled=True)


def strangers_in_array(hand: Hand) -> None:
    """An array holds a string, a number, an object and an array among its elements."""
    hand.put("array", lambda old: [*old, "stranger", 7, {"odd": True}, ["nested"], ""])


def unknown_id_in_array(hand: Hand) -> None:
    """An array of ids names one that exists nowhere."""
    key = hand.chance.choice(("tags", "assignedUsers", "assignedTeams", "members", "queues"))
    place = hand.at(key if isinstance(hand.attributes.get(key), list) else "tags")
    if hand.free(place):
        hand.set(place, lambda old: [*(old or []), f"deadbeef{hand.d.id[8:]}"])


def relationship_missing(hand: Hand) -> None:
    """One relationship is absent."""
    name = _some_relationship(hand)
    if hand.relationships is not None and name:
        del hand.relationships[name]


def relationship_null(hand: Hand) -> None:
    """The `data` of one relationship is null."""
    name = _some_relationship(hand)
    if hand.relationships is not None and name:
        hand.relationships[name] = {"data": None}


def relationship_links_only(hand: Hand) -> None:
    """One relationship has `links` and no `data`."""
    name = _some_relationship(hand)
    if hand.relationships is not None and name:
        hand.relationships[name].pop("data", None)


def relationship_dangling(hand: Hand) -> None:
    """One relationship points at a record that exists nowhere."""
    name = _some_relationship(hand)
    if hand.relationships is not None and name:
        data = hand.relationships[name]["data"]
        data["id"] = f"deadbeef{data['id'][8:]}"
        hand.relationships[name].pop("links", None)


def relationships_missing(hand: Hand) -> None:
    """The whole key `relationships` is absent, `org` with it."""
    if hand.kind not in POINTERS:
        hand.relationships = None


def _some_relationship(hand: Hand) -> str | None:
    """One that points at one record and has not been played with; a parent rather than others."""
    names = [
        name
        for name, there in (hand.relationships or {}).items()
        if name != POINTERS.get(hand.kind)
        and {"links", "data"} <= set(there)
        and isinstance(there["data"], dict)
    ]
    parents = [name for name in names if name in ("customer", "conversation", "company", "user")]
    return hand.chance.choice(parents or names) if names else None


def custom_null(hand: Hand) -> None:
    """`custom` is null."""
    _custom_becomes(hand, None)


def custom_missing(hand: Hand) -> None:
    """`custom` is absent."""
    _custom_becomes(hand, GONE)


def custom_text(hand: Hand) -> None:
    """`custom` is a string."""
    _custom_becomes(hand, "n/a")


def custom_array(hand: Hand) -> None:
    """`custom` is an empty array, as PHP writes an empty object."""
    _custom_becomes(hand, [])


def _custom_becomes(hand: Hand, value: Any) -> None:
    place = Place((), hand.attributes, "custom")
    if isinstance(hand.attributes.get("custom"), dict) and hand.free(place):
        hand.set(place, value)


def _custom(name: str, key: str, value: Any, about: str) -> Trick:
    def play(hand: Hand) -> None:
        if isinstance(hand.attributes.get("custom"), dict):
            hand.set(hand.at("custom", key), value)

    return Trick(name, about, play, tuple({r.partition(".")[0]: None for r in HOSTILE_CUSTOM}))


def _recipients(name: str, value: Any, about: str) -> Trick:
    def play(hand: Hand) -> None:
        steps = ("meta",) if hand.kind == "message" else ("firstMessageIn", "meta")
        place = hand.at(*steps, "to")
        if hand.free(place):
            hand.set(place, value)

    return Trick(name, about, play, ("message", "conversation"))


def deep_nesting(hand: Hand) -> None:
    """Free-form objects are nested 60 deep, with keys that are empty, dotted and quoted."""
    inner: Any = "bottom"
    for depth in range(60):
        inner = {"in": [inner], "depth": depth} if depth % 2 else {"in": inner}
    odd = {"": 1, "a.b": 2, "$ref": 3, 'say "x"': 4, "deep": inner}
    hand.set(hand.at("meta" if hand.kind == "message" else "data", "payload"), odd)


def unknown_attributes(hand: Hand) -> None:
    """Attributes no documentation names, one of them called `select`."""
    hand.set(hand.at("surprise"), {"at": iso(hand.d.updated), "n": [1, 2]})
    hand.set(hand.at("select"), "from")


def odd_hours(hand: Hand) -> None:
    """Days of a schedule are a word, openings have one end or text, a day is called `8`."""
    hours = {"0": [], "1": [[540]], "2": "closed", "3": [["540", "1020"], None], "8": [[0, 1440]]}
    hand.set(hand.at("hours"), hours)


def nameless_attachment(hand: Hand) -> None:
    """An attachment without name, type and length."""
    for key in ("name", "contentType", "contentLength"):
        hand.set(hand.at(key), GONE)


def attachment_of_nulls(hand: Hand) -> None:
    """An attachment whose name, type and length are null."""
    for key in ("name", "contentType", "contentLength"):
        hand.set(hand.at(key), None)


def megabyte_body(hand: Hand) -> None:
    """A note of 1.5 MB."""
    hand.set(hand.at("body"), MEGABYTES)


def megabyte_subject(hand: Hand) -> None:
    """A message whose subject has 1.5 MB."""
    hand.set(hand.at("subject"), MEGABYTES)


def megabyte_custom(hand: Hand) -> None:
    """A custom text of 1.5 MB."""
    hand.set(hand.at("custom", "commentTxt"), MEGABYTES)


MEGABYTES = "One kettle, two cups 🫖\n'); --\t" * 50_000
LIKE_SQL = "O'Brien \"the \\\\\"; '); DROP TABLE customer; -- %s {0} ${x} $1 `b` ;;"


def _own(*plays: Callable[[Hand], None], kinds: tuple[str, ...] = (), once: bool = False) -> Any:
    return [Trick(p.__name__, p.__doc__ or "", p, kinds, once=once) for p in plays]


TRICKS: tuple[Trick, ...] = (
    # Those with a place of their own come first, then whole objects and arrays, then the rest.
    *_own(megabyte_body, kinds=("note",), once=True),
    *_own(megabyte_subject, kinds=("message",), once=True),
    *_own(megabyte_custom, kinds=("kobject",), once=True),
    *_own(odd_hours, kinds=("schedule",)),
    *_own(nameless_attachment, attachment_of_nulls, kinds=("attachment",)),
    *_own(deep_nesting, kinds=("message", "kobject")),
    _recipients("to_null", None, "`meta.to` is null"),
    _recipients("to_text", "care@example.com, copy@example.com", "`meta.to` is a string"),
    _recipients("to_object", {"email": "care@example.com", "name": None}, "`meta.to`: an object"),
    _recipients("to_texts", ["care@example.com", "copy@example.com"], "`meta.to`: strings"),
    _recipients("to_objects", [{"email": "a@example.com"}, {"name": "B"}], "`meta.to`: objects"),
    _recipients("to_mixture", ["a@example.com", {"email": "b@example.com"}, None],
                "`meta.to`: a string, an object and null"),
    _recipients("to_nobody", [], "`meta.to` is an empty array"),
    _recipients("to_missing", GONE, "`meta.to` is absent"),
    _custom("custom_number_text", "wobblyNum", "12,50", "a Num holds text"),
    _custom("custom_number_beyond", "wobblyNum", 18446744073709551616000, "a Num beyond 2^63"),
    _custom("custom_number_array", "wobblyNum", [1, 2.5], "a Num holds an array"),
    _custom("custom_truth_one", "wobblyBool", 1, "a Bool holds 1"),
    _custom("custom_truth_text", "wobblyBool", "true", "a Bool holds text"),
    _custom("custom_time_soon", "wobblyAt", "soon", "an At holds a word"),
    _custom("custom_time_millis", "wobblyAt", 1_735_689_600_000, "an At holds epoch millis"),
    _custom("custom_text_object", "wobblyStr", {"value": "x", "n": [1]}, "a Str holds an object"),
    _custom("custom_text_number", "wobblyStr", 42, "a Str holds a number"),
    _custom("custom_id_array", "wobblyId", ["a", None], "an Id holds an array"),
    *_own(custom_null, custom_missing, custom_text, custom_array,
          kinds=("customer", "conversation", "message", "company", "kobject")),
    *_own(relationships_missing),
    *_own(relationship_dangling, relationship_null, relationship_links_only, relationship_missing),
    *_own(unknown_attributes, nulls_in_array, twice_in_array, strangers_in_array),
    *_own(unknown_id_in_array, kinds=("customer", "conversation", "kobject", "company")),
    swap("object_text", "object", "n/a", "a word where an object is expected"),
    swap("object_array", "object", [], "an array where an object is expected"),
    swap("object_objects", "object", [{"id": "x"}], "an array of objects instead of one"),
    swap("object_number", "object", 0, "a number where an object is expected"),
    swap("object_null", "object", None, "null where an object is expected"),
    swap("object_missing", "object", GONE, "no object where one is expected"),
    swap("object_masked", "object", "****", "a sensitive object is masked"),
    swap("array_null", "array", None, "null where an array is expected"),
    swap("array_missing", "array", GONE, "no array where one is expected"),
    swap("array_text", "array", "vip", "a word where an array is expected"),
    swap("array_object", "array", {"0": "a", "1": "b"}, "an object where an array is expected"),
    swap("array_truth", "array", False, "false where an array is expected"),
    swap("time_empty", "time", "", "a time that is an empty string"),
    swap("time_word", "time", "not a date", "a time that is no time"),
    swap("time_no_such_day", "time", "2026-02-30T10:00:00Z", "a day that does not exist"),
    swap("time_millis", "time", 1_735_689_600_123, "a time in epoch milliseconds"),
    swap("time_millis_text", "time", "1735689600123", "the same, as text"),
    swap("time_offset", "time", "2026-01-02T03:04:05.678+02:00", "a time with an offset"),
    swap("time_seconds", "time", "2026-01-02T03:04:05Z", "a time without milliseconds"),
    swap("time_micros", "time", "2026-01-02T03:04:05.678912Z", "a time with microseconds"),
    swap("time_naive", "time", "2026-01-02 03:04:05", "a time without zone, with a space"),
    swap("time_day", "time", "2026-01-02", "a day where a time is expected"),
    swap("time_year_10000", "time", "+010000-01-01T00:00:00.000Z", "a time after the last year"),
    swap("time_year_12026", "time", "12026-01-02T03:04:05.678Z", "a year with a digit too many"),
    swap("time_year_1", "time", "0001-01-01T00:00:00.000Z", "a time in the first year"),
    swap("time_object", "time", {"$date": 1_735_689_600_123}, "a time as Mongo writes it"),
    swap("time_null", "time", None, "no time, null"),
    swap("time_missing", "time", GONE, "no time, absent"),
    swap("whole_beyond_64_bits", "whole", 18446744073709551616000, "far beyond 64 bits"),
    swap("whole_below_64_bits", "whole", -9223372036854775809, "just below 64 bits"),
    swap("whole_beyond_32_bits", "whole", 2147483648, "just beyond 32 bits"),
    swap("whole_digits", "whole", "42", "an integer as text"),
    swap("whole_zeros", "whole", "00123", "an integer as text with leading zeros"),
    swap("whole_as_float", "whole", 3.0, "an integer written 3.0"),
    swap("whole_fraction", "whole", 3.7, "a fraction in an integer field"),
    swap("whole_exponent", "whole", 1e21, "a float beyond 64 bits in an integer field"),
    swap("whole_word", "whole", "n/a", "a word in an integer field"),
    swap("whole_empty", "whole", "", "an empty string in an integer field"),
    swap("whole_truth", "whole", True, "true in an integer field"),
    swap("whole_masked", "whole", "****", "a sensitive number is masked"),
    swap("whole_null", "whole", None, "no integer, null"),
    swap("whole_missing", "whole", GONE, "no integer, absent"),
    swap("truth_text", "truth", "true", "a boolean as text"),
    swap("truth_text_no", "truth", "False", "a boolean as text, capitalised"),
    swap("truth_word", "truth", "yes", "a boolean as a word"),
    swap("truth_one", "truth", 1, "a boolean as 1"),
    swap("truth_empty", "truth", "", "a boolean as an empty string"),
    swap("truth_null", "truth", None, "no boolean, null"),
    swap("truth_missing", "truth", GONE, "no boolean, absent"),
    swap("real_text", "real", "0.5", "a float as text"),
    swap("real_word", "real", "n/a", "a word where a float is expected"),
    swap("real_huge", "real", 1.7976931348623157e308, "the largest float"),
    swap("real_beyond", "real", 10**40, "an integer of 41 digits where a float is expected"),
    swap("real_null", "real", None, "no float, null"),
    swap("real_missing", "real", GONE, "no float, absent"),
    swap("text_emoji", "text", "👩‍👩‍👧‍👦 family 🫖 🇩🇪 👍🏽", "emoji, joined, flags, skin tones"),
    swap("text_rtl", "text", "שלום \u202eevil\u202c مرحبا", "right-to-left text and overrides"),
    swap("text_marks", "text", "Z\u0335a\u0338\u0322lgo e\u0301 ﬁ Å", "combining marks"),
    swap("text_sql", "text", LIKE_SQL, "quotes, backslashes, semicolons, SQL, placeholders"),
    swap("text_lines", "text", "  \tlines\r\nof\x0btext\u2028and\u0085more \n ", "line ends, tabs"),
    swap("text_controls", "text", "bell \x07 escape \x1b[31m del \x7f bom \ufeff", "controls"),
    swap("text_empty", "text", "", "an empty string"),
    swap("text_blank", "text", "   ", "only spaces"),
    swap("text_nul", "text", "nul\x00inside\x00", "NUL characters"),
    swap("text_surrogate", "text", "half \ud83d of it", "a lone surrogate"),
    swap("text_surrogates", "text", "\ude00\ud83d", "surrogates in the wrong order"),
    swap("text_number", "text", 42, "a number in a string field"),
    swap("text_float", "text", 0.1, "a float in a string field"),
    swap("text_beyond", "text", 123456789012345678901234567890, "a huge number in a string field"),
    swap("text_truth", "text", True, "true in a string field"),
    swap("text_object", "text", {"value": "x", "more": {"a": [1]}}, "an object in a string field"),
    swap("text_array", "text", ["a", None, 3], "an array in a string field"),
    swap("text_digits", "text", "00123", "digits that must keep their zeros"),
    swap("text_true", "text", "true", "text that looks like a boolean"),
    swap("text_null_word", "text", "null", "text that looks like null"),
    swap("text_nan", "text", "NaN", "text that looks like a float"),
    swap("text_json", "text", '{"a": [1, "\\u0000"]}', "text that looks like JSON"),
    swap("text_null", "text", None, "no text, null"),
    swap("text_missing", "text", GONE, "no text, absent"),
)  # fmt: skip
"""In the order in which they are played."""


# --- dealing and playing


def hostile_kinds(pleasant: Mapping[str, Kind]) -> dict[str, Kind]:
    """The same kinds, their records spoiled; more klasses, and more custom attributes."""
    kinds = dict(pleasant) | hostile_things(pleasant)
    return {name: kind if name == "metadata" else _spoiled(kind) for name, kind in kinds.items()}


def _spoiled(kind: Kind) -> Kind:
    def draw(d: Draw) -> Drawn:
        return spoil(kind.name, d, kind.draw(d))

    return replace(kind, draw=draw)


def spoil(kind: str, d: Draw, drawn: Drawn) -> Drawn:
    """A pleasant record with its share of tricks; the pleasant one stays as it was."""
    chance = Random(f"{d.base.seed} hostile {kind} {d.i}")
    hand = Hand(kind, d, drawn, chance)
    if kind not in (*SEARCHED, "conversation_time"):
        hand.attributes.setdefault("createdAt", iso(d.created))
    hand.attributes.setdefault("modifiedAt", iso(d.updated))
    if d.facts["deleted"]:
        hand.attributes["deletedAt"] = iso(d.updated)
    held = hand.attributes.get("custom")
    if isinstance(held, dict):
        held |= odd_values(drawn.type or kind, d, chance)
    count = d.base.count(kind)
    hand.survey()
    dealt = deal(d.base.seed, kind, count)
    for trick in dealt[d.i % len(dealt)]:
        if not trick.once or d.i // len(dealt) == count // len(dealt) // 2:
            trick.play(hand)
    return replace(drawn, attributes=hand.attributes, relationships=hand.relationships)


@lru_cache(maxsize=256)
def deal(seed: int, kind: str, count: int) -> tuple[tuple[Trick, ...], ...]:
    """Which tricks are played on record i: those at `i % len`.

    Tricks on the same place go to different records, and those of few kinds to the first ones, so
    that kinds of few records have them too.
    """
    chance = Random(f"{seed} deal {kind}")
    tricks = [trick for trick in TRICKS if not trick.kinds or kind in trick.kinds]
    many = max(min(count, ROUND), -(-len(tricks) // AT_MOST))
    tricks += [trick for trick in tricks if trick.sort == "real"] * 2  # not every record has floats
    order = chance.sample(tricks, len(tricks))
    order.sort(key=lambda trick: (not trick.kinds, trick.place))
    return tuple(tuple(sorted(order[at::many], key=TRICKS.index)) for at in range(many))


def _places(
    holder: Json, above: tuple[int, ...] = (), skip: tuple[str, ...] = ()
) -> Iterator[Place]:
    for key, value in holder.items():
        if key in skip:
            continue
        yield Place(above, holder, key)
        inside = (*above, id(holder))
        if isinstance(value, dict):
            yield from _places(value, inside)
        elif isinstance(value, list):
            for each in value:
                if isinstance(each, dict):
                    yield from _places(each, (*inside, id(value)))


def _copied(value: Any) -> Any:
    """Objects that the pleasant org shares between places become separate ones."""
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value
