"""Whatever Kustomer sends, in whatever order: the destination holds what the model says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kustomer_sync.model import END_OF_TIME, Batch, Begun, Column, Reject, Table, Type, Write
from tests.contract.destinations.conftest import Subject, duckdb_in_memory
from tests.contract.destinations.model_of_merge import Model
from tests.contract.destinations.org import (
    CONVERSATION,
    EPOCH,
    Copy,
    at,
    batch,
    with_histories,
    without,
    without_history,
)

BARE: dict[str, Table] = {
    "with times": CONVERSATION,
    "no rev": without(CONVERSATION, "rev"),
    "no times": without(CONVERSATION, "updated_at", "rev"),
}
"""Their histories come and go."""
TABLES: dict[str, Table] = {
    "as it is": CONVERSATION,
    "children's histories only": without_history(CONVERSATION, root=True),
    "root's history only": without_history(CONVERSATION, children=True),
    "no rev": without(CONVERSATION, "rev"),
    "no times": without(CONVERSATION, "updated_at", "rev"),
    "no histories": without_history(CONVERSATION, root=True, children=True),
    "every history": with_histories(CONVERSATION, [c.name for c in CONVERSATION.walk()]),
}
Found = dict[str, list[dict[str, Any]]]
"""Tables with their rows."""
IDS = ["a", "b", "c"]
TIMES = [at(0), at(0) + timedelta(milliseconds=1), at(1), at(2), at(3), at(4)]
CUSTOM_VALUES: dict[Type, st.SearchStrategy[Any]] = {
    Type.INT: st.integers(-5, 5),
    Type.LONG: st.sampled_from([2**40, -(2**40), 7]),
    Type.DOUBLE: st.sampled_from([1.5, 3.0, -2.0, 1e20, 0.25]),
    Type.BOOLEAN: st.booleans(),
    Type.INSTANT: st.sampled_from(TIMES),
    Type.STRING: st.sampled_from(["", "x", "Zoë 🙂", "7", "007", "true"]),
    Type.JSON: st.sampled_from(['["a"]', '{"b": 1}', "null", '"x"']),
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
    """What makes a write. `afterwards`, another process goes on. `kept`: with these histories."""

    pages: tuple[Page, ...]
    absent: tuple[str, ...]
    state: dict[str, int]
    afterwards: bool
    kept: frozenset[str] = frozenset()

    def of(self, table: Table) -> Write:
        absent = {table.name: self.absent} if self.absent else {}
        return Write(tuple(p.of(table) for p in self.pages), absent, self.state)


@st.composite
def copies(draw: st.DrawFn, custom: dict[str, Type]) -> Copy:
    channels = st.tuples(st.sampled_from(["mail", "chat", None]), st.sampled_from([1, 2, None]))
    scores = st.sampled_from([1, 2, None])
    tags = st.sampled_from(["t", "u", "v", None])
    email = st.sampled_from(["e", "f", None]), st.sampled_from([True, None])
    emails = st.tuples(*email) | st.tuples(*email, scores)
    return Copy(
        id=draw(st.sampled_from(IDS)),
        name=draw(st.sampled_from(["x", "y", None])),
        updated_at=draw(st.sampled_from([*TIMES, *TIMES, None])),
        rev=draw(st.sampled_from([1, 2, 3, None])),
        tags=draw(st.lists(tags | st.tuples(tags, scores), max_size=3)),
        channels=draw(st.lists(channels, max_size=3)),
        metrics=draw(st.lists(st.sampled_from(["m", "m2", "n"]), max_size=3)),
        emails=draw(st.lists(emails, max_size=3)),
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


@st.composite
def switched(draw: st.DrawFn) -> list[Told]:
    """Several writes and some of them again; histories are switched on and off in between."""
    every = [CONVERSATION.name, *(child.name for child in CONVERSATION.children)]
    some = st.sampled_from([[], every[:1], every[1:], every]) | st.lists(st.sampled_from(every))
    told, kept = [], draw(some)
    for one in draw(stories()):
        kept = draw(st.just(kept) | some)
        told.append(replace(one, kept=frozenset(kept)))
    return told


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


@examples(10)
@given(name=st.sampled_from(list(BARE)), story=switched(), prefix=PREFIXES)
def test_histories_may_be_switched_at_any_time(
    subjects: Callable[..., Subject], name: str, story: list[Told], prefix: str
) -> None:
    """Of records with and without times, of arrays with an index, a made-up key or a join's."""
    switch(subjects(prefix), BARE[name], story, prefix)


@examples(40)
@given(name=st.sampled_from(list(BARE)), story=switched(), prefix=PREFIXES)
def test_histories_may_be_switched_in_many_stories(
    tmp_path: Path, name: str, story: list[Told], prefix: str
) -> None:
    """The same without a file, which is opened anew for each write."""
    switch(duckdb_in_memory(tmp_path, prefix), BARE[name], story, prefix)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@examples(3000)
@given(name=st.sampled_from(list(BARE)), story=switched(), prefix=PREFIXES)
def test_they_may_be_so_through_thousands_of_stories(
    tmp_path: Path, name: str, story: list[Told], prefix: str
) -> None:
    """The same promise, looked at for long."""
    switch(duckdb_in_memory(tmp_path, prefix), BARE[name], story, prefix)


def switch(subject: Subject, bare: Table, story: list[Told], prefix: str) -> None:
    """Each write with the histories that it is told to keep; those that it did not are caught up.

    A write that is told again is one that a crash let be done twice.
    """
    to, model, before = subject.destination, Model(prefix), frozenset[str]()
    paused: dict[str, datetime] = {}
    for place, told in enumerate(story):
        synced = EPOCH + timedelta(hours=2 * place, milliseconds=place)
        paused |= dict.fromkeys(before - told.kept, synced)
        table = with_histories(bare, told.kept)
        to.begin(synced)
        to.ensure([table])
        model.ensure(table)
        taken = Write(begun=begun(model, table, told.kept - before, paused))
        for write in (taken, taken, told.of(table)) if told.afterwards else (taken, told.of(table)):
            counts = {t: asdict(c) for t, c in to.write(write).items()}
            assert some(counts) == some(model.write(write, synced))
            found = assert_same(subject, model)
            assert_ends_in_the_present(found, table, prefix)
            assert to.astray(table) == []
            if told.afterwards:
                to = subject.again()
                to.begin(synced)
                to.ensure([table])
        before = told.kept


def some(counts: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """Where anything happened."""
    return {table: count for table, count in counts.items() if any(count.values())}


def begun(
    model: Model, table: Table, names: frozenset[str], paused: dict[str, datetime]
) -> tuple[Begun, ...]:
    """Each history that begins, as a sync has it begun: with custom columns, and alone."""

    def whole(one: Table) -> Table:
        found = model.types[one.name].items()
        own = (Column(n, t, custom=n) for n, t in found if n.startswith("custom_"))
        return replace(one, columns=(*one.columns, *own))

    root = replace(whole(table), children=())
    parts = [root, *(replace(root, history=None, children=(whole(c),)) for c in table.children)]
    named = zip(table.walk(), parts, strict=True)
    return tuple(Begun(p, paused.get(one.name)) for one, p in named if one.name in names)


def assert_ends_in_the_present(found: Found, table: Table, prefix: str) -> None:
    """Said without the model: versions tile, and what is active is what the table has."""
    start, end, active = (f"{prefix}{mark}" for mark in ("start", "end", "active"))
    flag = f"{prefix}deleted"
    parents = {row["id"]: row for row in found[table.name]}
    for part in (part for part in table.walk() if part.history):
        owner = part.parent_column or "id"
        rows, kept = found[part.name], found[str(part.history)]
        own = [c.name for c in part.history_columns()]
        if part.parent is not None:  # what elements have of their own
            own += [name for name in (kept[0] if kept else ()) if name.startswith("custom_")]
        content = {
            id_: {tuple(r[c] for c in own) for r in rows if r[owner] == id_} for id_ in parents
        }
        for id_ in parents:
            mine = sorted((r for r in kept if r[owner] == id_), key=lambda r: r[start])
            assert all(r[end] >= r[start] or part.parent for r in mine)
            living = [tuple(r[c] for c in own) for r in mine if r[active]]
            assert all((r[end] == END_OF_TIME) == r[active] for r in mine)
            assert len(living) == len(set(living))
            if not parents[id_][flag]:
                assert set(living) == content[id_], part.history
            if part.parent is None:
                assert len(living) <= 1
                assert mine
                for one, following in pairwise(mine):
                    assert one[end] == following[start] - timedelta(milliseconds=1)


def assert_same(subject: Subject, model: Model) -> Found:
    """What was found, which is what the model says."""
    found = subject.read_all([*model.content, "_kustomer_sync_rejects"])
    for name, content in model.content.items():
        assert in_order(found[name]) == in_order(list(content.values())), name
    rejects = [tuple(r.values()) for r in found["_kustomer_sync_rejects"]]
    assert sorted(rejects) == sorted((*k, at) for k, at in model.rejects.items())
    return found


def assert_same_about_itself(subject: Subject, model: Model) -> None:
    assert subject.destination.state() == model.state
    there = {t: dict(c) for t, c in subject.destination.columns().items()}
    system = {f"{model.prefix}{n}" for n in ("synced", "deleted", "start", "end", "active")}
    for name, types in model.types.items():
        assert {c: t for c, t in there[name].items() if c not in system} == types, name


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda r: sorted((k, str(v)) for k, v in r.items()))
