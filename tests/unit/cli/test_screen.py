"""What a person sees while a sync runs: tables, records, requests against the budget, time left."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from kustomer_sync.cli.screen import Screen, clean, comparison, drawn, duration, seconds_left
from kustomer_sync.report import (
    BackFill,
    Differing,
    Progress,
    TableVerified,
    Verified,
    counted,
)


def moment(**changes: object) -> Progress:
    values: dict[str, object] = {
        "phase": "reading", "tables": {"tag": 30, "message": 25_000},
        "expected": {"message": 100_000}, "requests": 70, "searches": 50, "rate_limited": 0,
        "search_budget": 90, "search_used": 90, "request_budget": 900, "request_used": 95,
        "page_size": 500, **changes,
    }  # fmt: skip
    return Progress(**values)  # type: ignore[arg-type]  # by their names


def shown(now: Progress, elapsed: float) -> str:
    console = Console(file=io.StringIO(), width=100, force_terminal=False)
    console.print(drawn(now, elapsed))
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]  # StringIO


def test_all_four_are_on_the_screen() -> None:
    text = shown(moment(rate_limited=2), 60)
    assert "reading, 1 min 00 s, about 3 min 00 s of searches left" in text
    assert "message  25,000 of 100,000" in text
    assert "30 records" in text
    assert "90 of 90 searches a minute" in text
    assert "95 of 900 requests a minute" in text
    assert "2 refused (429)" in text


def test_many_tables_do_not_push_the_budget_off_the_screen() -> None:
    text = shown(moment(tables={f"t{n}": n for n in range(40)}, expected={"t3": 9000}), 60)
    assert "and 26 more tables" in text
    assert "3 of 9,000" in text
    assert len(text.splitlines()) <= 17


@pytest.mark.parametrize(
    ("changes", "elapsed", "seconds"),
    [
        ({}, 60, 180),  # as fast as so far
        ({}, 6, 100),  # the 150 pages to come can't come faster than 90 a minute
        ({"search_used": 0}, 6, 40),  # of which 90 may go out at once
        ({"expected": {}}, 60, None),
        ({"tables": {}}, 60, None),
        ({"tables": {"message": 100_001}}, 60, None),
    ],
)
def test_the_time_left_is_bounded_by_the_budget(
    changes: dict[str, object], elapsed: float, seconds: float | None
) -> None:
    assert seconds_left(moment(**changes), elapsed) == seconds


def test_what_takes_minutes_of_requests_says_so() -> None:
    """Each record's list is a request, and no faster than the budget lets them."""
    asked = moment(phase="reading conversation_time", expected={}, cost=9_000)
    assert "reading conversation_time, about 9,000 requests, 1 min 00 s, " in shown(asked, 60)
    assert "about 10 min 00 s of requests left" in shown(asked, 60)
    assert "left" not in shown(moment(expected={}, cost=900), 60)


def test_off_a_terminal_a_line_is_written_now_and_then() -> None:
    """Not at once: a short sync says nothing but its outcome."""
    now = [0.0]
    out = io.StringIO()
    with Screen(Console(file=out, width=200), clock=lambda: now[0]) as screen:
        for second in range(13):
            now[0] = second
            screen.show(moment())
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("reading: 25,030 of 100,000 records, 70 requests, ")


def test_a_wait_is_told_with_its_end() -> None:
    """At once in a line off a terminal, in the head line on one."""
    out = io.StringIO()
    waiting = moment(waits_until=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    told = "waiting for Kustomer's rate limit, until 03:04:05 UTC at the latest"
    with Screen(Console(file=out, width=200), clock=lambda: 0.0) as screen:
        screen.show(waiting)
    assert out.getvalue() == f"reading: {told}\n"
    assert told in " ".join(shown(waiting, 60).split())


def test_one_is_not_many() -> None:
    one = {"requests": 1, "tables": {"tag": 1}, "expected": {}, "cost": 1}
    text = shown(moment(**one), 60)
    assert "about 1 request," in text
    assert "1 record " in text
    assert "  1 request," in text
    assert counted(2000, "search", "searches") == "2,000 searches"
    assert str(BackFill("tag", ("tag.name",), 1, 0, 1)) == (
        "tag.name: 1 record of tag is read again, in about 1 request."
    )


def test_off_a_terminal_a_sentence_is_one_line() -> None:
    """And where no records are taken, as while verifying, none are told."""
    out = io.StringIO()
    now = [0.0]
    with Screen(Console(file=out, width=40), clock=lambda: now[0]) as screen:
        screen.show(moment(sentence="tag.name: 30 records of tag are read again, in 1 request."))
        now[0] = 6
        screen.show(moment(phase="verifying tag", tables={}, expected={}, search_budget=0))
    assert out.getvalue().splitlines()[0].endswith("in 1 request.")
    assert out.getvalue().splitlines()[1].startswith("verifying tag: 70 requests, ")


def test_what_differs_is_said_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    """And `--repair` is advised only where it can do something that was not tried."""

    def told(table: TableVerified, *, repaired: bool = False) -> str:
        found = Verified("acme", "DIFFERS", tables={"tag": table}, repaired=repaired)
        comparison(found, to_stdout=True)
        return capsys.readouterr().out

    differing = [
        Differing("1", "tag", ("color", "name")),
        Differing("2", "tag_history", what="history differs"),
        Differing("3", "tag_word", what="row missing"),
    ]
    said = told(TableVerified(differing=differing))
    assert "tag 1: tag.color, tag.name differ\n" in said
    assert "tag 2: tag_history does not fit its row\n" in said
    assert "tag 3: tag_word lacks a row\n" in said
    assert "`verify --repair` reads again what differs" in said
    assert "--repair" not in told(TableVerified(differing=differing, repaired=["1"]), repaired=True)
    assert "--repair" not in told(TableVerified(unfit=["k.tag is gone; the next sync mends it."]))


def test_text_of_the_source_cannot_steer_the_terminal() -> None:
    assert clean("a\x1b[31mb\n") == "a\N{REPLACEMENT CHARACTER}[31mb\N{REPLACEMENT CHARACTER}"
    assert [duration(s) for s in (0.04, 59.9, 125, 11_400)] == [
        "0.0 s", "59.9 s", "2 min 05 s", "3 h 10 min",
    ]  # fmt: skip
