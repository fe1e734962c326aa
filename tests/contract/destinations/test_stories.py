"""Whatever Kustomer sends, in whatever order: the destination holds what the model says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
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

IDS = ["a", "b", "c"]
TIMES = [at(0), at(0) + timedelta(milliseconds=1), at(1), at(2), at(3), at(4)]
CUSTOM_VALUES: dict[Type, st.SearchStrategy[Any]] = {
    Type.INT: st.integers(-5, 5),
    Type.LONG: st.sampled_from([2**40, -(2**40), 7]),
    Type.DOUBLE: st.sampled_from([1.5, 3.0, -2.0, 1e20, 0.25]),
    Type.BOOLEAN: st.booleans(),
    Type.INSTANT: st.sampled_from([*TIMES, EPOCH + timedelta(microseconds=7)]),
    Type.STRING: st.sampled_from(["", "x", "Zoë 🙂"]),
    Type.JSON: st.sampled_from(['["a"]', '{"b": 1}', "null"]),
}

tables = st.sampled_from(
    [
        CONVERSATION,
        CONVERSATION,
        without_history(CONVERSATION, root=True),
        without_history(CONVERSATION, children=True),
        without(CONVERSATION, "rev"),
        without_history(without(CONVERSATION, "updated_at", "rev"), root=True, children=True),
    ]
)


@st.composite
def copies(draw: st.DrawFn, custom: dict[str, Type]) -> Copy:
    return Copy(
        id=draw(st.sampled_from(IDS)),
        name=draw(st.sampled_from(["x", "y", None])),
        updated_at=draw(st.sampled_from([*TIMES, *TIMES, None])),
        rev=draw(st.sampled_from([1, 2, 3, None])),
        tags=draw(st.lists(st.sampled_from(["t", "u", "v", None]), max_size=3)),
        channels=draw(
            st.lists(
                st.tuples(st.sampled_from(["mail", "chat", None]), st.sampled_from([1, 2, None])),
                max_size=3,
            )
        ),
        metrics=draw(st.lists(st.sampled_from(["m", "m2", "n"]), max_size=3)),
        deleted=draw(st.sampled_from([False, False, True])),
        custom={n: draw(st.none() | CUSTOM_VALUES[t]) for n, t in custom.items()},
    )


@st.composite
def batches(draw: st.DrawFn, table: Table) -> Batch:
    custom = draw(
        st.dictionaries(
            st.sampled_from(["custom_a", "custom_b"]), st.sampled_from(list(Type)), max_size=2
        )
    )
    rejects = draw(
        st.lists(
            st.builds(
                Reject,
                table=st.sampled_from(["conversation", "conversation_channel"]),
                record_id=st.sampled_from(IDS),
                column=st.just("size"),
                value=st.sampled_from(["much", "more"]),
                reason=st.just("not a number"),
            ),
            max_size=2,
        )
    )
    return batch(draw(st.lists(copies(custom), max_size=5)), table, custom, rejects)


@st.composite
def stories(draw: st.DrawFn) -> tuple[Table, list[Write]]:
    table = draw(tables)
    writes = st.builds(
        Write,
        batches=st.lists(batches(table), max_size=2).map(tuple),
        absent=st.dictionaries(
            st.just("conversation"), st.sets(st.sampled_from(IDS)).map(tuple), max_size=1
        ),
        state=st.dictionaries(st.sampled_from(["k", "l"]), st.integers(0, 3), max_size=1),
    )
    told = draw(st.lists(writes, min_size=1, max_size=5))
    replayed = draw(st.lists(st.sampled_from(told), max_size=2))
    return table, told + replayed


def examples(number: int) -> settings:
    return settings(
        max_examples=number,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@examples(15)
@given(story=stories(), prefix=st.sampled_from(["_fivetran_", "_sys_"]))
def test_the_destination_holds_what_the_model_says(
    subjects: Callable[..., Subject], story: tuple[Table, list[Write]], prefix: str
) -> None:
    """Several copies in a batch, late older ones, emptied arrays, replays, returns, new columns,
    and now and then another process that goes on where the last one stopped.
    """
    play(subjects, story, prefix)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@examples(400)
@given(story=stories(), prefix=st.sampled_from(["_fivetran_", "_sys_"]))
def test_it_does_so_through_hundreds_of_stories(
    subjects: Callable[..., Subject], story: tuple[Table, list[Write]], prefix: str
) -> None:
    """The same promise, looked at for long."""
    play(subjects, story, prefix)


def play(subjects: Callable[..., Subject], story: tuple[Table, list[Write]], prefix: str) -> None:
    table, writes = story
    subject, model = subjects(prefix), Model(prefix)
    subject.destination.begin(EPOCH)
    subject.destination.ensure([table])
    model.ensure(table)
    for place, write in enumerate(writes):
        synced = EPOCH + timedelta(days=10 + place)
        subject.destination.begin(synced)
        if place % 2:
            subject.destination = subject.again()
            subject.destination.begin(synced)
            subject.destination.ensure([table])
        counts = subject.destination.write(write)
        expected = model.write(write, synced)
        assert {t: asdict(c) for t, c in counts.items()} == expected
        assert_same(subject, model)
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
