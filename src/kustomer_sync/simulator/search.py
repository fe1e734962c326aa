"""`POST /v1/customers/search` and its archive twin, as documented and observed (section 4)."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from kustomer_sync.simulator.clock import DAY, parse_iso
from kustomer_sync.simulator.made_up import Record, ident
from kustomer_sync.simulator.org import SEARCHED, Org
from kustomer_sync.simulator.switches import Switches

TWO_YEARS = 730 * DAY
_TIMES = ("updated_at", "created_at", "modified_at", "last_activity_at")
_EQUALS = {
    "conversation_status": ("attributes", "status"),
    "conversation_customer_id": ("relationships", "customer", "data", "id"),
    "message_customer_id": ("relationships", "customer", "data", "id"),
    "note_customer_id": ("relationships", "customer", "data", "id"),
    "note_conversation_id": ("relationships", "conversation", "data", "id"),
    "message_channel": ("attributes", "channel"),
    "message_status": ("attributes", "status"),
    "note_deleted": ("attributes", "deleted"),
}
_OPERATORS = ("equals", "in", "contains", "gt", "gte", "lt", "lte", "not_set")


class BadRequest(ValueError):  # noqa: N818 - an answer, not a failure
    """What the API answers with 400."""


@dataclass(frozen=True, slots=True)
class Result:
    records: list[Record]
    total: int


def run(
    org: Org, body: Any, *, offset: int, size: int, archive: bool, switches: Switches,
    rng: random.Random,
) -> Result:  # fmt: skip
    """The records at `offset`, and how many there are in all."""
    if not isinstance(body, dict) or not isinstance(body.get("queryContext"), str):
        raise BadRequest("queryContext is required")
    kind, klass = _context(body["queryContext"])
    lo, hi = _bounds(body, kind)
    horizon = org.clock.now() - TWO_YEARS
    if archive:
        hi = min(hi, horizon + switches.archive_overlap_days * DAY)
    else:
        lo = max(lo, horizon)
    wanted = _tests(body, kind)
    plain = not wanted and klass is None
    deleted_too = body.get("includeDeleted") is True
    numbers, changed = org.between(kind, lo, hi)
    hidden = org.hidden(kind)
    rest = [r for r in changed if all(test(r) for test in wanted)]
    if not deleted_too:
        rest = [r for r in rest if not r["attributes"].get("deleted")]
    if klass is not None:
        rest = [r for r in rest if klass_of(org, r) == klass]
    descending, attribute = _order(body, kind)
    top = offset + size if plain and deleted_too and attribute == "updatedAt" else None
    base = list(_base(org, kind, numbers, hidden, top, descending))
    if not plain or not deleted_too:
        made = [org.made_up.record(kind, n) for _, n in base]
        made = [r for r in made if all(test(r) for test in wanted)]
        if not deleted_too:
            made = [r for r in made if not r["attributes"].get("deleted")]
        if klass is not None:
            made = [r for r in made if klass_of(org, r) == klass]
        everything: list[tuple[int, float, Any]] = [
            (parse_iso(r["attributes"][attribute]), rng.random(), r) for r in made
        ]
        total = len(made) + len(rest)
    elif attribute == "updatedAt":
        everything = [(at, rng.random(), n) for at, n in base]
        total = len(numbers) - _hidden_in(org, kind, numbers, hidden) + len(rest)
    else:
        everything = [(org.made_up.created(kind, n), rng.random(), n) for _, n in base]
        total = len(base) + len(rest)
    everything += [(parse_iso(r["attributes"][attribute]), rng.random(), r) for r in rest]
    everything.sort(key=lambda item: (item[0], item[1]), reverse=descending)
    page = [
        org.made_up.record(kind, item) if isinstance(item, int) else item
        for _, _, item in everything[offset : offset + size]
    ]
    return Result(page, total)


def klass_of(org: Org, record: Record) -> str:
    data = ((record.get("relationships") or {}).get("klass") or {}).get("data") or {}
    klass = org.get("klass", str(data.get("id"))) if data else None
    return str(klass["attributes"]["name"]) if klass else ""


def _base(
    org: Org, kind: str, numbers: range, hidden: set[str], top: int | None, descending: bool
) -> Iterator[tuple[int, int]]:
    """(updatedAt, number) of the made-up records; only the first `top` and their ties if given."""
    taken, last = 0, None
    for n in reversed(numbers) if descending else numbers:
        at = org.made_up.updated(kind, n)
        if top is not None and taken >= top and at != last:
            return
        if ident(kind, n) in hidden:
            continue
        taken, last = taken + 1, at
        yield at, n


def _hidden_in(org: Org, kind: str, numbers: range, hidden: set[str]) -> int:
    from kustomer_sync.simulator.made_up import number

    return sum(1 for i in hidden if (n := number(kind, i)) is not None and n in numbers)


def _context(context: str) -> tuple[str, str | None]:
    if context in SEARCHED:
        return context, None
    if context.startswith("kobject_"):
        return "kobject", context.removeprefix("kobject_")
    raise BadRequest(f"unknown queryContext {context}")


def _conditions(body: dict[str, Any], group: str) -> list[dict[str, Any]]:
    found = body.get(group, [])
    if isinstance(found, dict) and group == "not":
        found = [found]
    if not isinstance(found, list) or not all(isinstance(c, dict) for c in found):
        raise BadRequest(f"{group} must be a list of conditions")
    return found


def _bounds(body: dict[str, Any], kind: str) -> tuple[int, int]:
    """The span of updatedAt that the `and` conditions leave."""
    lo, hi = -(2**60), 2**60
    for condition in _conditions(body, "and"):
        for name, test in condition.items():
            if name != f"{kind}_updated_at":
                continue
            for operator, value in _operators(test):
                at = _time(value)
                match operator:
                    case "gte":
                        lo = max(lo, at)
                    case "gt":
                        lo = max(lo, at + 1)
                    case "lt":
                        hi = min(hi, at)
                    case "lte":
                        hi = min(hi, at + 1)
                    case "equals":
                        lo, hi = max(lo, at), min(hi, at + 1)
    return lo, hi


def _operators(test: Any) -> list[tuple[str, Any]]:
    if not isinstance(test, dict):
        raise BadRequest("a condition needs an operator")
    for operator in test:
        if operator not in _OPERATORS:
            raise BadRequest(f"unknown operator {operator}")
    return list(test.items())


def _time(value: Any) -> int:
    try:
        return parse_iso(value)
    except (TypeError, ValueError):
        raise BadRequest(f"not a date: {value}") from None


def _tests(body: dict[str, Any], kind: str) -> list[Callable[[Record], bool]]:
    """What else must hold of a record."""
    tests: list[Callable[[Record], bool]] = []
    for condition in _conditions(body, "and"):
        for name, test in condition.items():
            if name != f"{kind}_updated_at":
                tests.append(_test(name, test, kind))
    either = [_test(n, t, kind) for c in _conditions(body, "or") for n, t in c.items()]
    if either:
        tests.append(lambda record: any(test(record) for test in either))
    for condition in _conditions(body, "not"):
        for name, test in condition.items():
            tests.append(_negated(_test(name, test, kind)))
    return tests


def _negated(test: Callable[[Record], bool]) -> Callable[[Record], bool]:
    return lambda record: not test(record)


def _test(name: str, test: Any, kind: str) -> Callable[[Record], bool]:
    operators = _operators(test)
    for time in _TIMES:
        if name == f"{kind}_{time}":
            head, *tail = time.split("_")
            attribute = head + "".join(word.title() for word in tail)
            return lambda record: _compares(record["attributes"].get(attribute), operators)
    if name in _EQUALS:
        path = _EQUALS[name]
        return lambda record: _equals(_at(record, path), operators)
    raise BadRequest(f"unknown attribute {name}")


def _compares(value: Any, operators: list[tuple[str, Any]]) -> bool:
    if value is None:
        return any(operator == "not_set" for operator, _ in operators)
    at = _time(value)
    compare: dict[str, Callable[[int], bool]] = {
        "gte": lambda b: at >= b, "gt": lambda b: at > b, "lt": lambda b: at < b,
        "lte": lambda b: at <= b, "equals": lambda b: at == b,
    }  # fmt: skip
    return all(o in compare and compare[o](_time(bound)) for o, bound in operators)


def _equals(value: Any, operators: list[tuple[str, Any]]) -> bool:
    checks: dict[str, Callable[[Any], bool]] = {
        "equals": lambda other: bool(value == other),
        "in": lambda others: value in others,
        "contains": lambda word: isinstance(value, str) and word in value.split(),
        "not_set": lambda _: value is None,
    }
    return all(o in checks and checks[o](other) for o, other in operators)


def _at(record: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        record = record.get(key) if isinstance(record, dict) else None
    return record


def _order(body: dict[str, Any], kind: str) -> tuple[bool, str]:
    """The first sort key; a second is accepted and ignored (observed in some combinations)."""
    sort = body.get("sort") or []
    if isinstance(sort, list) and sort and isinstance(sort[0], dict):
        ((name, direction),) = list(sort[0].items())[:1]
        if direction not in ("asc", "desc"):
            raise BadRequest(f"unknown direction {direction}")
        attribute = "createdAt" if name == f"{kind}_created_at" else "updatedAt"
        return direction == "desc", attribute
    return True, "updatedAt"
