"""`POST /v1/customers/search` and its archive twin: from a body to the records it finds.

Conditions on update and creation time become a range of base indices, conditions on facts become
residues, so the usual searches never look at a record they do not return. Anything else is tested
record by record, within that range.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import orjson

from .answers import Refusal
from .attributes import (
    ARCHIVE_NAMES,
    ATTRIBUTES,
    ONLY_ARCHIVE,
    Attribute,
    conversation_of,
    custom,
    identity,
)
from .clock import DAY, MINUTE, SECOND, to_ms
from .kind import Facts, Json
from .sequence import Keyed, Merged, Run
from .world import Version, World, related

CONTEXTS = ("customer", "conversation", "message", "note", "company", "kobject")
OPERATORS = ("equals", "in", "contains", "gt", "gte", "lt", "lte", "not_set")
FACTS = {
    ("conversation", "status"): "status",
    ("conversation", "direction"): "direction",
    ("message", "channel"): "channel",
    ("message", "direction"): "direction",
    ("message", "redacted"): "redacted",
}
ENUMS = {
    ("conversation", "status"): {"snoozed", "open", "done"},
    ("conversation", "direction"): {"in", "out"},
    ("message", "direction"): {"in", "out"},
    ("message", "status"): {"sent", "received", "error"},
}
Span = tuple[float, float]
ALWAYS: Span = (-math.inf, math.inf)
WORDS = re.compile(r"\w+")


@dataclass(frozen=True)
class Condition:
    """One attribute, one operator, one value; perhaps of a related kind or of one klass only."""

    attribute: Attribute
    operator: str
    value: Any
    klass: str | None = None
    span: Span | None = None
    """Half-open range in ms for times."""

    def holds(self, values: list[Any]) -> bool:
        """Whether any of a record's values fits."""
        operator, wanted = self.operator, self.value
        if operator == "not_set":
            return not values
        if self.attribute.name == "deleted" and not values:
            values = [False]
        if self.span is not None:
            low, high = self.span
            return any(low <= moment < high for moment in _times(values))
        if operator == "equals":
            return any(_plain(value) == _plain(wanted) for value in values)
        if operator == "in":
            options = {_plain(option) for option in wanted}
            return any(_plain(value) in options for value in values)
        if operator == "contains":
            words = _words(wanted)
            return any(words <= _words(value) for value in values)
        return any(_ordered(operator, value, wanted) for value in values)


@dataclass(frozen=True)
class Group:
    """`and`, `or` or `not` over conditions and groups."""

    how: str
    parts: tuple[Group | Condition, ...]


@dataclass(frozen=True)
class Query:
    """A search body, understood."""

    kind: str
    klass: str | None
    where: Group
    sort: Attribute
    descending: bool
    include_deleted: bool
    archive: bool
    print: bytes = field(repr=False, default=b"")


@dataclass(frozen=True)
class Found:
    """What a search finds, sliced on demand."""

    kind: str
    records: Merged

    def __len__(self) -> int:
        return len(self.records)

    def refs(self, offset: int, size: int, chance: Random | None) -> list[int | Version]:
        """Base indices and changed versions at [offset, offset + size)."""
        if chance is None:
            keyed = self.records.slice(offset, size)
        else:
            keyed = self.records.shuffled(offset, size, chance)
        return [ref for _key, ref in keyed]


class Search:
    """Parses and runs searches over one world; remembers a few results that took long."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._kept: dict[Any, Found] = {}

    # --- understanding

    def understand(self, body: bytes, archive: bool) -> Query:
        """A Query, or Refusal 400 for anything Kustomer would not know [D]."""
        try:
            asked = orjson.loads(body)
        except orjson.JSONDecodeError as broken:
            raise Refusal(400, "Invalid request body or parameters.") from broken
        if not isinstance(asked, dict):
            raise Refusal(400, "Invalid request body or parameters.")
        kind, klass = self._context(asked.get("queryContext"))
        zone = asked.get("timeZone", "GMT")
        read = _Reader(self._world, kind, archive, zone)
        parts = [
            Group(how, read.parts(asked[how])) for how in ("and", "or", "not") if asked.get(how)
        ]
        sort, descending = read.sort(asked.get("sort"))
        include = asked.get("includeDeleted") is True
        where = Group("and", tuple(parts))
        return Query(kind, klass, where, sort, descending, include, archive, body)

    def _context(self, context: Any) -> tuple[str, str | None]:
        switches = self._world.switches
        if not isinstance(context, str) or not context:
            raise Refusal(400, "queryContext is required", "queryContext")
        known = context in CONTEXTS and (context != "company" or switches.company_context)
        if known or (context == "conversation_time" and switches.conversation_time_context):
            return context, None
        kind, _, klass = context.partition("_")
        if kind == "kobject" and klass in self._world.klass_names():
            return kind, klass
        raise Refusal(400, f"Unknown queryContext {context}", "queryContext")

    # --- finding

    def run(self, query: Query) -> Found:
        """The records as the index knows them now."""
        world = self._world
        world.catch_up()
        horizon = self._horizon()
        key = (query.print, query.archive, world.index_number, len(world.writes), horizon)
        kept = self._kept.get(key)
        if kept is None:
            kept = self._find(query, self._span(query, horizon))
            if len(self._kept) > 8:
                self._kept.clear()
            self._kept[key] = kept
        return kept

    def _horizon(self) -> int | None:
        days = self._world.switches.horizon_days
        if days is None:
            return None
        now = self._world.clock.now_ms()
        return now - now % MINUTE - days * DAY

    def _span(self, query: Query, horizon: int | None) -> Span:
        if not query.archive:
            return ALWAYS if horizon is None else (horizon, math.inf)
        if horizon is None:
            return (math.inf, math.inf)
        overlap = DAY if self._world.switches.archive_boundary == "overlapping" else 0
        return (-math.inf, horizon + overlap)

    def _find(self, query: Query, span: Span) -> Found:
        switches = self._world.switches
        visible = {
            "note": switches.note_deletes_visible,
            "company": switches.company_deletes_visible,
        }
        if not visible.get(query.kind, True):
            query = replace(query, include_deleted=False)
        plan = _plan(query, span)
        base = self._world.base
        low, high = _indices(self._world, query.kind, plan)
        residues = base.residues(query.kind, plan.fits)
        shelf = self._world.index[query.kind]
        run = Run(low, max(low, high), residues, shelf.touched)
        by = query.sort.name
        lazy = not plan.rest and by in ("updated_at", "created_at")
        changed = self._changed(query, plan)
        if lazy:
            moment = base.updated if by == "updated_at" else base.created
            kind = query.kind
            merged = Merged(run, lambda i: moment(kind, i), changed, query.descending)
            return Found(kind, merged)
        matches = [*changed, *self._tested(query, plan, run)]
        matches.sort(key=lambda keyed: keyed[0])
        nothing = Run(0, 0, residues, ())
        return Found(query.kind, Merged(nothing, lambda i: i, matches, query.descending))

    def _tested(self, query: Query, plan: Plan, run: Run) -> Iterator[Keyed]:
        base = self._world.base
        for n in range(len(run)):
            i = run.index(n)
            record = base.record(query.kind, i)
            if all(self._holds(part, query.kind, record) for part in plan.rest):
                yield self._key(query, record, base.updated(query.kind, i)), i

    def _changed(self, query: Query, plan: Plan) -> list[Keyed]:
        shelf = self._world.index[query.kind]
        entries, (low, high) = shelf.entries, plan.updated
        start = 0 if low == -math.inf else bisect_left(entries, (low, ""))
        end = len(entries) if high == math.inf else bisect_left(entries, (high, ""))
        found = []
        for key, record_id in entries[start:end]:
            version = shelf.held[record_id][1]
            record = version.record
            if record is not None and self._shown(query, plan, version, record):
                found.append((self._key(query, record, key), version))
        found.sort(key=lambda keyed: keyed[0])
        return found

    def _shown(self, query: Query, plan: Plan, version: Version, record: Json) -> bool:
        if version.deleted and not query.include_deleted:
            return False
        if query.klass is not None and record["type"] != f"kobject.{query.klass}":
            return False
        low, high = plan.created
        if (low, high) != ALWAYS:
            times = list(_times([record["attributes"].get("createdAt")]))
            if not any(low <= moment < high for moment in times):
                return False
        conditions = (*plan.facts, *plan.rest)
        return all(self._holds(part, query.kind, record) for part in conditions)

    def _key(self, query: Query, record: Json, updated: int) -> Any:
        if query.sort.name == "updated_at":
            return updated
        values = query.sort.values(record)
        if query.sort.sort == "datetime":
            return next(_times(values), -1)
        if query.sort.sort == "number":
            return next((v for v in values if isinstance(v, int | float)), -math.inf)
        return str(values[0]) if values else ""

    def _holds(self, part: Group | Condition, kind: str, record: Json) -> bool:
        if isinstance(part, Condition):
            return self._condition(part, kind, record)
        results = (self._holds(inner, kind, record) for inner in part.parts)
        if part.how == "and":
            return all(results)
        return any(results) if part.how == "or" else not any(results)

    def _condition(self, condition: Condition, kind: str, record: Json) -> bool:
        """A condition on a related kind holds if any related record fits [D, O]."""
        theirs = condition.attribute.kind
        for each in [record] if theirs == kind else self._relatives(kind, record, theirs):
            if condition.klass is not None and each["type"] != f"kobject.{condition.klass}":
                continue
            if condition.holds(condition.attribute.values(each)):
                return True
        return False

    def _relatives(self, kind: str, record: Json, theirs: str) -> Iterator[Json]:
        there = related(record).get(theirs)
        if isinstance(there, dict) and isinstance(there.get("data"), dict):
            found = self._world.get(theirs, there["data"]["id"])
            if found is not None:
                yield found
        elif _lies_under(self._world, theirs, kind):
            for version in self._world.children(theirs, kind, record["id"]):
                if version.record is not None:
                    yield version.record


@dataclass(frozen=True)
class Plan:
    """A query taken apart: what is arithmetic, and what must be looked at."""

    updated: Span
    created: Span
    facts: tuple[Condition, ...]
    owners: tuple[Condition, ...]
    rest: tuple[Group | Condition, ...]
    fits: Callable[[Facts], bool]


def _plan(query: Query, span: Span) -> Plan:
    updated, created = span, ALWAYS
    facts: list[Condition] = []
    rest: list[Group | Condition] = []
    for part in _flat(query.where):
        own = isinstance(part, Condition) and part.attribute.kind == query.kind
        if not isinstance(part, Condition) or not own or part.klass not in (None, query.klass):
            rest.append(part)
        elif part.span is not None and part.attribute.name == "updated_at":
            updated = _meet(updated, part.span)
        elif part.span is not None and part.attribute.name == "created_at":
            created = _meet(created, part.span)
        elif _fact(part) is not None and part.operator in ("equals", "in"):
            facts.append(part)
        else:
            rest.append(part)
    owners = tuple(p for p in rest if isinstance(p, Condition) and p.operator == "equals")
    return Plan(updated, created, tuple(facts), owners, tuple(rest), _fits(query, facts))


def _flat(group: Group) -> Iterator[Group | Condition]:
    for part in group.parts:
        if isinstance(part, Group) and part.how == "and":
            yield from _flat(part)
        else:
            yield part


def _fact(condition: Condition) -> str | None:
    if condition.attribute.name == "deleted":
        return "deleted"
    return FACTS.get((condition.attribute.kind, condition.attribute.name))


def _fits(query: Query, conditions: list[Condition]) -> Callable[[Facts], bool]:
    def fits(facts: Facts) -> bool:
        if facts["deleted"] and not query.include_deleted:
            return False
        if query.klass is not None and facts.get("klass") != query.klass:
            return False
        return all(c.holds([facts[_fact(c) or ""]]) for c in conditions)

    return fits


def _indices(world: World, kind: str, plan: Plan) -> tuple[int, int]:
    """The range of base indices a plan can touch."""
    base = world.base
    low, high = 0, base.count(kind)
    for span, by in ((plan.updated, "updated"), (plan.created, "created")):
        start, end = span
        if start == math.inf:
            return 0, 0
        if start != -math.inf:
            low = max(low, base.first_at(kind, int(start), by))
        if end != math.inf:
            high = min(high, base.first_at(kind, int(end), by))
    for condition in plan.owners:
        place = condition.attribute.place
        if place[0] == "relationships" and _lies_under(world, kind, place[1]):
            i = base.find(place[1], str(condition.value))
            if i is None and base.hostile:
                continue  # a record may name an owner that exists nowhere
            under = base.children(kind, place[1], i) if i is not None else range(0)
            low, high = max(low, under.start), min(high, under.stop)
    return low, max(low, high)


def _lies_under(world: World, kind: str, ancestor: str) -> bool:
    owner = world.base.kinds[kind].owner
    return owner == ancestor or (owner is not None and _lies_under(world, owner, ancestor))


def _meet(one: Span, other: Span) -> Span:
    return max(one[0], other[0]), min(one[1], other[1])


class _Reader:
    """Reads the conditions and the sort of one body."""

    def __init__(self, world: World, kind: str, archive: bool, zone: Any) -> None:
        self._world = world
        self._kind = kind
        self._archive = archive
        self._zone = zone if isinstance(zone, str) else "GMT"

    def parts(self, asked: Any) -> tuple[Group | Condition, ...]:
        """`[{attribute: {operator: value}}, ...]`, one object, or nested and/or/not."""
        found: list[Group | Condition] = []
        for each in asked if isinstance(asked, list) else [asked]:
            if not isinstance(each, dict):
                raise Refusal(400, "Filters must be objects")
            inner = [part for name, value in each.items() for part in self._item(name, value)]
            found.append(inner[0] if len(inner) == 1 else Group("and", tuple(inner)))
        return tuple(found)

    def _item(self, name: str, value: Any) -> Iterator[Group | Condition]:
        if name in ("and", "or", "not"):
            yield Group(name, self.parts(value))
            return
        attribute, klass = self.attribute(name)
        if not isinstance(value, dict) or not value:
            raise Refusal(400, f"{name} needs an operator", name)
        for operator, wanted in value.items():
            condition = Condition(attribute, operator, wanted, klass)
            yield self._checked(condition, name)

    def _checked(self, condition: Condition, name: str) -> Condition:
        operator, wanted, sort = condition.operator, condition.value, condition.attribute.sort
        if operator not in OPERATORS:
            raise Refusal(400, f"Unknown operator {operator}", name)
        if operator == "in" and not isinstance(wanted, list):
            raise Refusal(400, f"{name}: in needs a list", name)
        options = ENUMS.get((condition.attribute.kind, condition.attribute.name))
        asked = wanted if operator == "in" else [wanted]
        if options and operator in ("equals", "in") and not {str(a) for a in asked} <= options:
            raise Refusal(400, f"{name}: unknown value {wanted}", name)
        if operator in ("gt", "gte", "lt", "lte", "equals") and sort == "datetime":
            return replace(condition, span=self._time_span(operator, wanted, name))
        if operator in ("gt", "gte", "lt", "lte"):
            number = isinstance(wanted, int | float) and not isinstance(wanted, bool)
            if sort == "number" and not number:
                raise Refusal(400, f"{name}: {wanted!r} is not a number", name)
            if sort != "number" and not self._world.switches.string_ranges:
                raise Refusal(400, f"{name}: operator {operator} does not apply", name)
        return condition

    def _time_span(self, operator: str, wanted: Any, name: str) -> Span:
        try:
            moment = to_ms(wanted, self._zone)
        except (TypeError, ValueError, OverflowError) as wrong:
            raise Refusal(400, f"{name}: {wanted!r} is not a date", name) from wrong
        width = DAY if len(wanted) == 10 else 1
        if not self._world.switches.subsecond_exact and width == 1:
            moment, width = moment - moment % SECOND, SECOND
        tick = 1 if width == DAY else width
        return {
            "gte": (moment, math.inf),
            "gt": (moment + tick, math.inf),
            "lt": (-math.inf, moment),
            "lte": (-math.inf, moment + tick),
            "equals": (moment, moment + width),
        }[operator]

    def sort(self, asked: Any) -> tuple[Attribute, bool]:
        """The first sort key; a second one is ignored [O]. Without one: newest update first [U]."""
        if not asked:
            return ATTRIBUTES[self._kind, "updated_at"], True
        if self._world.switches.sorts == "customers" and self._kind != "customer":
            raise Refusal(400, f"Cannot sort {self._kind}", "sort")
        first = asked[0] if isinstance(asked, list) else asked
        if not isinstance(first, dict) or len(first) != 1:
            raise Refusal(400, "sort needs objects of one key", "sort")
        name, way = next(iter(first.items()))
        attribute, klass = self.attribute(name)
        if way not in ("asc", "desc") or attribute.kind != self._kind:
            raise Refusal(400, f"Cannot sort by {name} {way}", "sort")
        del klass
        return attribute, way == "desc"

    def attribute(self, name: str) -> tuple[Attribute, str | None]:
        """What a name in a body means, and the klass it is limited to."""
        for kind in ("conversation_time", *CONTEXTS):
            rest = name.removeprefix(f"{kind}_")
            found = None if rest == name else self._of(kind, rest, name)
            if found is not None:
                self._reachable(found[0], name)
                return found
        raise Refusal(400, f"Unknown attribute {name}", name)

    def _of(self, kind: str, rest: str, name: str) -> tuple[Attribute, str | None] | None:
        if self._archive:
            return self._of_archive(kind, rest)
        if rest == "id":
            return (identity(kind), None) if self._world.switches.ids_searchable else None
        known = ATTRIBUTES.get((kind, rest))
        if known is not None and (kind, rest) not in ONLY_ARCHIVE:
            return known, None
        if kind == "kobject":
            return self._of_klass(rest)
        attribute = rest.removeprefix("custom_")
        if attribute != rest and attribute in self._world.custom_names(kind):
            return custom(kind, rest, attribute), None
        return None

    def _of_klass(self, rest: str) -> tuple[Attribute, str | None] | None:
        for klass in self._world.klass_names():
            attribute = rest.removeprefix(f"custom_{klass}_")
            if attribute != rest and attribute in self._world.custom_names(f"kobject.{klass}"):
                return custom("kobject", rest, attribute), klass
            plain = ATTRIBUTES.get(("kobject", rest.removeprefix(f"{klass}_")))
            if plain is not None and rest.startswith(f"{klass}_"):
                return plain, klass
        return None

    def _of_archive(self, kind: str, rest: str) -> tuple[Attribute, str | None] | None:
        if kind == "kobject" and rest not in ARCHIVE_NAMES[kind]:
            for klass in self._world.klass_names():
                if rest.startswith(f"{klass}_"):
                    rest = rest.removeprefix(f"{klass}_")
                    break
        if rest not in ARCHIVE_NAMES[kind]:
            return None
        if rest == "id":
            return identity(kind), None
        if (kind, rest) == ("message", "conversation_id"):
            return conversation_of(kind), None
        alias = {"companyId": "company_id", "any_text_new": "any_text"}.get(rest, rest)
        return ATTRIBUTES[kind, alias], None

    def _reachable(self, attribute: Attribute, name: str) -> None:
        mine, theirs = self._kind, attribute.kind
        near = (
            mine == theirs
            or _lies_under(self._world, mine, theirs)
            or _lies_under(self._world, theirs, mine)
        )
        if not near:
            raise Refusal(400, f"{name} does not apply to {mine}", name)


def _times(values: list[Any]) -> Iterator[int]:
    for value in values:
        try:
            yield to_ms(value)
        except (TypeError, ValueError, OverflowError):
            continue


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        lowered = value.lower()
        return {"true": True, "false": False}.get(lowered, lowered)
    return value if isinstance(value, int | float) else str(value)


def _words(value: Any) -> set[str]:
    return set(WORDS.findall(str(value).lower()))


def _ordered(operator: str, value: Any, wanted: Any) -> bool:
    comparable = str if isinstance(wanted, str) else (int, float)
    if not isinstance(value, comparable) or isinstance(value, bool):
        return False
    if operator == "gt":
        return bool(value > wanted)
    if operator == "gte":
        return bool(value >= wanted)
    return bool(value < wanted) if operator == "lt" else bool(value <= wanted)
