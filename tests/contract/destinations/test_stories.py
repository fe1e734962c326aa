"""Whatever Kustomer sends, in whatever order: the destination holds what the model says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kustomer_sync.model import Batch, Reject, Table, Type, Write
from tests.contract.destinations.conftest import Subject
from tests.contract.destinations.model_of_merge import Model
from tests.contract.destinations.org import (
    CONVERSATION,
    EPOCH,
    Copy,
    at,
    batch,
    without,
    without_history,
)

TABLES: dict[str, Table] = {
    "as it is": CONVERSATION,
    "children's histories only": without_history(CONVERSATION, root=True),
    "root's history only": without_history(CONVERSATION, children=True),
    "no rev": without(CONVERSATION, "rev"),
    "no times": without_history(
        without(CONVERSATION, "updated_at", "rev"), root=True, children=True
    ),
}
IDS = ["a", "b", "c"]
TIMES = [at(0), at(0) + timedelta(milliseconds=1), at(1), at(2), at(3), at(4)]
CUSTOM_VALUES: dict[Type, st.SearchStrategy[Any]] = {
    Type.INT: st.integers(-5, 5),
    Type.LONG: st.sampled_from([2**40, -(2**40), 7]),
    Type.DOUBLE: st.sampled_from([1.5, 3.0, -2.0, 1e20, 0.25]),
    Type.BOOLEAN: st.booleans(),
    Type.INSTANT: st.sampled_from(TIMES),
    Type.STRING: st.sampled_from(["", "x", "Zoë 🙂", "7", "007", "true"]),
    Type.JSON: st.sampled_from(['["a"]', '{"b": 1}', "null"]),
}


@dataclass(frozen=True)
class Page:
    """What makes a batch; short to read when a story fails."""

    copies: tuple[Copy, ...]
    custom: dict[str, Type]
    rejects: tuple[Reject, ...]

    def of(self, table: Table) -> Batch:
        return batch(self.copies, table, self.custom, self.rejects)


@dataclass(frozen=True)
class Told:
    """What makes a write. `afterwards`, another process goes on."""

    pages: tuple[Page, ...]
    absent: tuple[str, ...]
    state: dict[str, int]
    afterwards: bool

    def of(self, table: Table) -> Write:
        absent = {table.name: self.absent} if self.absent else {}
        return Write(tuple(p.of(table) for p in self.pages), absent, self.state)


@st.composite
def copies(draw: st.DrawFn, custom: dict[str, Type]) -> Copy:
    channels = st.tuples(st.sampled_from(["mail", "chat", None]), st.sampled_from([1, 2, None]))
    return Copy(
        id=draw(st.sampled_from(IDS)),
        name=draw(st.sampled_from(["x", "y", None])),
        updated_at=draw(st.sampled_from([*TIMES, *TIMES, None])),
        rev=draw(st.sampled_from([1, 2, 3, None])),
        tags=draw(st.lists(st.sampled_from(["t", "u", "v", None]), max_size=3)),
        channels=draw(st.lists(channels, max_size=3)),
        metrics=draw(st.lists(st.sampled_from(["m", "m2", "n"]), max_size=3)),
        deleted=draw(st.sampled_from([False, False, True])),
        custom={n: draw(st.none() | CUSTOM_VALUES[t]) for n, t in custom.items()},
    )


@st.composite
def pages(draw: st.DrawFn) -> Page:
    names = st.sampled_from(["custom_a", "custom_b"])
    custom = draw(st.dictionaries(names, st.sampled_from(list(Type)), max_size=2))
    rejects = st.builds(
        Reject,
        table=st.sampled_from(["conversation", "conversation_channel"]),
        record_id=st.sampled_from([*IDS, ""]),
        column=st.just("size"),
        value=st.sampled_from(["much", "more"]),
        reason=st.just("not a number"),
    )
    made = draw(st.lists(copies(custom), max_size=5))
    return Page(tuple(made), custom, tuple(draw(st.lists(rejects, max_size=2))))


TOLD = st.builds(
    Told,
    pages=st.lists(pages(), max_size=2).map(tuple),
    absent=st.sets(st.sampled_from(IDS)).map(lambda ids: tuple(sorted(ids))),
    state=st.dictionaries(st.sampled_from(["k", "l"]), st.integers(0, 3), max_size=1),
    afterwards=st.booleans(),
)


@st.composite
def stories(draw: st.DrawFn) -> list[Told]:
    """A few writes, then some of them again."""
    told = draw(st.lists(TOLD, min_size=1, max_size=5))
    return told + draw(st.lists(st.sampled_from(told), max_size=2))


def examples(number: int) -> settings:
    return settings(
        max_examples=number,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


PREFIXES = st.sampled_from(["_fivetran_", "_sys_"])


@examples(30)
@given(name=st.sampled_from(list(TABLES)), story=stories(), prefix=PREFIXES)
def test_the_destination_holds_what_the_model_says(
    subjects: Callable[..., Subject], name: str, story: list[Told], prefix: str
) -> None:
    """Several copies in a batch, late older ones, emptied arrays, replays, absences and returns,
    new and wider columns, and now and then another process that goes on where one stopped.
    """
    play(subjects(prefix), TABLES[name], story, prefix)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@examples(500)
@given(name=st.sampled_from(list(TABLES)), story=stories(), prefix=PREFIXES)
def test_it_does_so_through_hundreds_of_stories(
    subjects: Callable[..., Subject], name: str, story: list[Told], prefix: str
) -> None:
    """The same promise, looked at for long."""
    play(subjects(prefix), TABLES[name], story, prefix)


def play(subject: Subject, table: Table, story: list[Told], prefix: str) -> None:
    to, model = subject.destination, Model(prefix)
    to.begin(EPOCH)
    to.ensure([table])
    model.ensure(table)
    for place, told in enumerate(story):
        synced = EPOCH + timedelta(days=10 + place)
        to.begin(synced)
        counts = to.write(told.of(table))
        expected = model.write(told.of(table), synced)
        assert {t: asdict(c) for t, c in counts.items()} == expected
        assert_same(subject, model)
        if told.afterwards:
            to = subject.again()
            to.begin(synced)
            to.ensure([table])
    assert_same_about_itself(subject, model)


def assert_same(subject: Subject, model: Model) -> None:
    found = subject.read_all([*model.content, "_kustomer_sync_rejects"])
    for name, content in model.content.items():
        assert in_order(found[name]) == in_order(list(content.values())), name
    rejects = [tuple(r.values()) for r in found["_kustomer_sync_rejects"]]
    assert sorted(rejects) == sorted((*k, at) for k, at in model.rejects.items())


def assert_same_about_itself(subject: Subject, model: Model) -> None:
    assert subject.destination.state() == model.state
    there = {t: dict(c) for t, c in subject.destination.columns().items()}
    system = {f"{model.prefix}{n}" for n in ("synced", "deleted", "start", "end", "active")}
    for name, types in model.types.items():
        assert {c: t for c, t in there[name].items() if c not in system} == types, name


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda r: sorted((k, str(v)) for k, v in r.items()))
