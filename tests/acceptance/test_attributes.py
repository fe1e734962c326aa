"""Custom attributes and klasses that appear between two syncs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from kustomer_sync.settings import Connection
from kustomer_sync.shred.naming import snake
from kustomer_sync.simulator import Simulator
from kustomer_sync.sync import Resync, sync
from kustomer_sync.sync.verify import verify
from tests.acceptance.case import UNLIMITED, Case, living
from tests.acceptance.histories import faults
from tests.acceptance.test_foreign import done_by_somebody
from tests.acceptance.test_protect import SECRET, assert_nowhere, connect, digest
from tests.acceptance.test_verify import found, verified
from tests.acceptance.truth import contents

Connect = Callable[..., Connection]
Query = Callable[[str], list[tuple[Any, ...]]]


def test_a_new_attribute_of_several_values_lands_as_what_it_is(
    case: Case,
) -> None:
    """Its metadata is asked for when it is met, not a day later: an array is no number."""
    with case.org(rate=0) as sim:
        connection = case.connect(sim)
        case.sync(connection)
        sim.add_custom("customer", "sizesNum", {"type": "number", "multi": True})
        sim.edit("customer", sim.id("customer", 3), {"custom": {"sizesNum": [38, 39]}})
        thing = sim.id("kobject", 3)
        klass = str(sim.get("kobject", thing)["type"]).removeprefix("kobject.")  # type: ignore[index]  # it is there
        sim.add_custom(f"kobject.{klass}", "sizesNum", {"type": "number", "multi": True})
        sim.edit("kobject", thing, {"custom": {"sizesNum": [40]}})
        sim.clock.advance(60)
        case.sync(connection)
        found = "SELECT typeof(custom_sizes_num), custom_sizes_num::VARCHAR FROM kustomer.{} " \
                "WHERE custom_sizes_num IS NOT NULL"  # fmt: skip
        assert case.ask(found.format("customer")) == [("JSON", "[38,39]")]
        assert case.ask(found.format(case.klass_table(sim, sim.id("kobject", 3)))) == [
            ("JSON", "[40]")
        ]
        sim.requests.clear()
        sim.edit("customer", sim.id("customer", 4), {"custom": {"sizesNum": [41]}})
        sim.clock.advance(60)
        case.sync(connection)
        assert sim.requests.count("/v1/metadata") == 0
        sim.mutator.start(10)
        case.assert_equal(sim, connection)


def test_an_attribute_that_is_met_between_two_daily_readings_has_its_history(case: Case) -> None:
    """Where that of attributes is wanted: they land as their table is wanted."""
    kept = "custom_attribute_metadata"
    with case.org(rate=0) as sim:
        tables = ("customer", "_kustomer_sync_metadata")
        connection = case.connect(sim, tables=tables, histories=[kept])
        case.sync(connection)
        sim.add_custom("customer", "sizesNum", {"type": "number", "multi": True})
        sim.edit("customer", sim.id("customer", 3), {"custom": {"sizesNum": [38, 39]}})
        sim.clock.advance(60)
        case.sync(connection)
        for table in (kept, f"{kept}_history"):
            assert case.ask(f"SELECT resource FROM kustomer.{table} WHERE id = 'sizesNum'") == [
                ("customer",)
            ]


def test_a_new_klass_is_typed_by_its_metadata(case: Case) -> None:
    """Met between two daily readings; its attribute of several values is an array."""
    with case.org() as sim:
        connection = case.connect(sim)
        case.sync(connection)
        sim.mutator.stop()
        sim.add_klass("parcel", kobjects=0)
        sim.add_custom("kobject.parcel", "stopsNum", {"type": "number", "multi": True})
        sim.create("kobject.parcel", {"title": "p", "tags": [], "custom": {"stopsNum": [1, 2]}},
                   {"customer": sim.id("customer", 1)})  # fmt: skip
        sim.clock.advance(60)
        case.sync(connection)
        assert case.ask("SELECT custom_stops_num::VARCHAR FROM kustomer.kobject_parcel") == [
            ("[1,2]",)
        ]


def test_what_was_learnt_of_an_attribute_is_kept_between_syncs(case: Case) -> None:
    """A record that changes the same day finds its columns as they are, names and types."""
    with case.org() as sim:
        connection = case.connect(sim)
        case.sync(connection)
        one = next(living(sim, "customer", 3))
        sim.edit("customer", one, {"custom": {"interestsStr": ["a", "b"]}})
        sim.clock.advance(60)
        case.sync(connection)
        types = "SELECT DISTINCT typeof(custom_interests_str) FROM kustomer.customer"
        assert case.ask(types) == [("JSON",)]
        columns = "SELECT count(*) FROM duckdb_columns() WHERE column_name LIKE 'custom_interests%'"
        assert case.ask(columns) == [(1,)]


@pytest.mark.parametrize(
    ("name", "was", "value", "about", "becomes", "landed"),
    [
        ("codeNum", "number", 7, {"type": "string"}, "seven", ("VARCHAR", "7", "seven")),
        ("codeBool", "boolean", True, {"type": "string"}, "maybe", ("VARCHAR", "true", "maybe")),
        ("codeAt", "date", "2025-01-02T03:04:05.000Z", {"type": "string"}, "soon",
         ("VARCHAR", "2025-01-02T03:04:05.000Z", "soon")),
        ("codeStr", "string", "007", {"type": "string", "multi": True}, ["a", "b"],
         ("VARCHAR", "007", '["a","b"]')),
        ("codeStr", "number", "007", {"type": "string"}, "x", ("VARCHAR", "007", "x")),
    ],
)  # fmt: skip
def test_an_attribute_that_is_created_again_with_another_type_loses_no_value(
    case: Case, name: str, was: str, value: Any, about: dict[str, Any], becomes: Any,
    landed: tuple[str, str, str],
) -> None:  # fmt: skip
    """Its column widens in place; what did not change is what it was, read again or not."""
    with case.org(rate=0) as sim:
        kinds = ("customer", "kobject.order")
        orders = [
            one for one in living(sim, "kobject", 0)
            if (sim.get("kobject", one) or {})["type"] == "kobject.order"
        ]  # fmt: skip
        people = list(living(sim, "customer", 1))
        for kind in kinds:
            sim.add_custom(kind, name, {"type": was})
        for kind, ids in (("customer", people), ("kobject", orders)):
            for one in ids[:3]:
                sim.edit(kind, one, {"custom": {name: value}})
        connection = case.connect(sim, tables=("customer", "kobject"), histories=("customer",))
        sim.clock.advance(60)
        case.sync(connection)
        for kind in kinds:
            sim.drop_custom(kind, name)
            sim.add_custom(kind, name, about)
        for kind, ids in (("customer", people), ("kobject", orders)):
            sim.edit(kind, ids[0], {"custom": {name: becomes}})
        for seconds, said in ((60, "read again"), (24 * 3600, "once more")):
            for kind, ids in (("customer", people), ("kobject", orders)):
                sim.edit(kind, ids[1], {"custom": {name: value}, "externalId": said})
            sim.clock.advance(seconds)
            case.sync(connection)
        column = f"custom_{snake(name)}"
        rejected = "SELECT count(*) FROM kustomer._kustomer_sync_rejects WHERE column_name = '{}'"
        assert case.ask(rejected.format(column)) == [(0,)]
        for table, (new, again, old, *_) in (("customer", people), ("kobject_order", orders)):
            found = dict(case.ask(
                f"SELECT id, typeof({column}) || ' ' || {column} FROM kustomer.{table}"
            ))  # fmt: skip
            type_, before, after = landed
            assert found[new] == f"{type_} {after}"
            assert found[again] == found[old] == f"{type_} {before}"
        kept = f"SELECT {column} FROM kustomer.customer_history WHERE id = '{people[0]}' " \
               "ORDER BY _fivetran_start DESC LIMIT 2"  # fmt: skip
        assert case.ask(kept) == [(landed[2],), (landed[1],)]


def test_an_attribute_of_several_values_that_has_one_by_now_stays_json(case: Case) -> None:
    """One text is JSON too, in quotes."""
    with case.org(rate=0) as sim:
        one, other = list(living(sim, "customer", 1))[:2]
        sim.add_custom("customer", "codesStr", {"type": "string", "multi": True})
        for person in (one, other):
            sim.edit("customer", person, {"custom": {"codesStr": ["a"]}})
        connection = case.connect(sim, tables=("customer",))
        sim.clock.advance(60)
        case.sync(connection)
        sim.drop_custom("customer", "codesStr")
        sim.add_custom("customer", "codesStr", {"type": "string"})
        sim.edit("customer", one, {"custom": {"codesStr": "b"}})
        sim.clock.advance(60)
        case.sync(connection)
        found = "SELECT typeof(custom_codes_str), custom_codes_str::VARCHAR FROM kustomer.customer "
        assert case.ask(f"{found} WHERE id = '{one}'") == [("JSON", '"b"')]
        assert case.ask(f"{found} WHERE id = '{other}'") == [("JSON", '["a"]')]


def test_a_hundred_attributes_land_as_what_their_names_say(case: Case) -> None:
    """As many as an object may have; ids and trees are text, be it of digits."""
    kinds = {
        "Num": (1.5, "DOUBLE"), "At": ("2024-05-01T12:00:00Z", "TIMESTAMP WITH TIME ZONE"),
        "Bool": (True, "BOOLEAN"), "Str": ("007", "VARCHAR"), "Txt": ("a\nb", "VARCHAR"),
        "Url": ("https://a.example", "VARCHAR"), "Id": ("0042", "VARCHAR"),
        "Tree": ("billing.refund.late", "VARCHAR"),
    }  # fmt: skip
    names = [f"wide{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(100)]
    given = {
        f"{name}{list(kinds)[n % len(kinds)]}": list(kinds.values())[n % len(kinds)]
        for n, name in enumerate(names)
    }  # fmt: skip
    with case.org(rate=0) as sim:
        connection = case.connect(sim)
        changed = {"custom": {name: value for name, (value, _) in given.items()}}
        sim.edit("customer", sim.id("customer", 3), changed)
        sim.clock.advance(60)
        case.sync(connection)
        there = dict(case.ask(
            "SELECT column_name, data_type FROM duckdb_columns() "
            "WHERE table_name = 'customer' AND column_name LIKE 'custom_wide%'"
        ))  # fmt: skip
        assert there == {f"custom_{snake(name)}": kind for name, (_, kind) in given.items()}
        case.assert_equal(sim, connection)


ELEMENTS = (
    "SELECT email, custom_score_num, custom_why_str FROM kustomer.customer_email "
    "WHERE custom_score_num IS NOT NULL OR custom_why_str IS NOT NULL"
)


def test_elements_may_have_attributes_of_their_own(connect: Connect, query: Query) -> None:
    """As the reference connector's overview says; they come, change and go with their record."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        sync(connection)
        one = sim.id("customer", 3)
        email = {"email": "a@example.com", "custom": {"scoreNum": 7, "whyStr": "so"}}
        sim.edit("customer", one, {"emails": [email, {"email": "b@example.com"}]})
        sim.clock.advance(60)
        assert sync(connection).status == "SUCCESSFUL"
        assert query(ELEMENTS) == [("a@example.com", 7.0, "so")]
        sim.edit("customer", one, {"emails": [email | {"custom": {"scoreNum": 8}}]})
        sim.clock.advance(60)
        sync(connection)
        assert query(ELEMENTS) == [("a@example.com", 8.0, None)]
        assert verify(connection).exit_code == 0
        sim.edit("customer", one, {"emails": ["a@example.com"]})
        sim.clock.advance(60)
        sync(connection)
        assert query(ELEMENTS) == []


def test_attributes_of_elements_are_blocked_and_hashed_as_others(
    connect: Connect, query: Query
) -> None:
    """By the names of their columns."""
    columns = {"custom_score_num": {"enabled": False}, "custom_why_str": {"hashed": True}}
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(
            sim, tables={"customer_email": {"columns": columns}}, hash_salt="a salt of the tests"
        )
        email = {"email": "a@example.com", "custom": {"scoreNum": 7, "whyStr": "so"}}
        sim.edit("customer", sim.id("customer", 3), {"emails": [email]})
        sim.clock.advance(60)
        assert sync(connection, tables=["customer"]).status == "SUCCESSFUL"
        ((why,),) = query(
            "SELECT custom_why_str FROM kustomer.customer_email WHERE custom_why_str IS NOT NULL"
        )
        assert len(why) == 64
        assert (
            query(
                "SELECT column_name FROM duckdb_columns() WHERE table_name = 'customer_email' AND "
                "column_name = 'custom_score_num'"
            )
            == []
        )


EMAIL = {"email": "a@example.com", "type": "work", "verified": True}
SPANS = (
    "SELECT custom_score_num, _fivetran_active FROM kustomer.customer_email_history "
    "WHERE customer_id = '{}' ORDER BY _fivetran_start, custom_score_num"
)


def scored(sim: Simulator, one: str, *scores: Any) -> None:
    """The customer has one address for each score, all else alike; a minute passes."""
    emails = [EMAIL if s is None else EMAIL | {"custom": {"scoreNum": s}} for s in scores]
    sim.edit("customer", one, {"emails": emails})
    sim.clock.advance(60)


def test_attributes_of_elements_have_their_history(case: Case) -> None:
    """Elements that differ in nothing else are two, and their other values are in no other row."""
    case = replace(case, character="pleasant")
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("customer",), histories=("customer_email",))
        one, other = list(living(sim, "customer", 3))[:2]
        for scores in ((7,), (8,), (8, 9, 9), (None,)):
            scored(sim, one, *scores)
            case.sync(connection)
        was = [(7.0, False), (8.0, False), (9.0, False), (None, True)]
        assert case.ask(SPANS.format(one)) == was
        scored(sim, one, 8)
        scored(sim, other, 1, 2)
        case.sync(connection)
        assert case.ask(SPANS.format(one)) == [*was[:-1], (None, False), (8.0, True)]
        assert faults(case, ["customer_email"]) == []
        scored(sim, other)  # the batch has no such column
        case.sync(connection)
        assert case.ask(SPANS.format(other))[-2:] == [(1.0, False), (2.0, False)]
        case.assert_equal(sim, connection)
        assert found(verified(case, connection)) == {}
        wrong = f"UPDATE customer_email_history SET custom_score_num = 5 WHERE _fivetran_active " \
                f"AND customer_id = '{one}'"  # fmt: skip
        done_by_somebody(case, wrong)
        report = verified(case, connection, repair=True)
        assert [d.what for d in report.tables["customer"].differing] == ["history differs"]
        assert found(verified(case, connection)) == {}
        assert case.ask(SPANS.format(one))[-1] == (8.0, True)


def test_the_history_of_tags_has_their_attributes(case: Case) -> None:
    """The six of the reference schema are no others; of a tag that is there twice the first."""
    case = replace(case, character="pleasant")
    with case.org(rate=0) as sim:
        connection = case.connect(sim, tables=("conversation",))
        talk = next(living(sim, "conversation", 3))
        for weights in ((1, 2), (3, 1)):
            tags = [{"id": "t", "custom": {"weightNum": weight}} for weight in weights]
            sim.edit("conversation", talk, {"tags": tags})
            sim.clock.advance(60)
            case.sync(connection)
        kept = (
            "SELECT custom_weight_num, _fivetran_active FROM kustomer.conversation_tag_history "
            f"WHERE conversation_id = '{talk}' AND tag_id = 't' ORDER BY _fivetran_start"
        )
        assert case.ask(kept) == [(1.0, False), (3.0, True)]


def test_a_history_that_begins_has_the_attributes_of_elements(case: Case) -> None:
    """As its table has them, whatever their type."""
    case = replace(case, character="pleasant")
    with case.org(rate=0) as sim:
        one = next(living(sim, "customer", 3))
        sim.edit(
            "customer", one, {"emails": [EMAIL | {"custom": {"scoreNum": 7, "manyStr": ["a"]}}]}
        )
        sim.clock.advance(60)
        case.sync(case.connect(sim, tables=("customer",)))
        connection = case.connect(sim, tables=("customer",), histories=("customer_email",))
        case.sync(connection)
        many = "SELECT custom_many_str FROM kustomer.customer_email_history WHERE customer_id = "
        assert case.ask(SPANS.format(one)) == [(7.0, True)]
        assert case.ask(f"{many} '{one}'") == [('["a"]',)]
        before = contents(case.database)
        sim.clock.advance(60)
        case.sync(connection, resync=Resync())
        assert contents(case.database) == before
        assert found(verified(case, connection)) == {}


def test_histories_have_protected_attributes_of_elements_as_their_table(case: Case) -> None:
    """Blocked from the start, hashed from the start, hashed later, and let in again."""
    case = replace(case, character="pleasant")
    columns = ("customer_email__custom_score_num", "customer_email__custom_why_str")
    kept = "SELECT {} FROM kustomer.customer_email_history WHERE customer_id = '{}' " \
           "AND _fivetran_active"  # fmt: skip
    with case.org(rate=0) as sim:
        one = next(living(sim, "customer", 3))
        custom = {"scoreNum": 7, "whyStr": f"{SECRET}1"}
        sim.edit("customer", one, {"emails": [EMAIL | {"custom": custom}]})
        sim.clock.advance(60)
        history: dict[str, Any] = {"customer_email": {"history": True}}
        wishes = history | {columns[0]: {"enabled": False}, columns[1]: {"hashed": True}}
        case.sync(connect(case, sim, ("customer",), **wishes))
        assert_nowhere(case)
        assert case.ask(kept.format("custom_why_str", one)) == [(digest(f"{SECRET}1"),)]
        there = "SELECT table_name FROM duckdb_columns() WHERE column_name = 'custom_score_num'"
        assert case.ask(there) == []
        case.sync(connect(case, sim, ("customer",), **history))
        both = "custom_score_num, custom_why_str"
        assert case.ask(kept.format(both, one)) == [(7.0, f"{SECRET}1")]
        wishes = history | {name: {"hashed": True} for name in columns}
        hashed = connect(case, sim, ("customer",), **wishes)
        case.sync(hashed)
        assert case.ask(kept.format(both, one)) == [(digest("7"), digest(f"{SECRET}1"))]
        assert found(verified(case, hashed)) == {}


@pytest.mark.parametrize("kind", ["customer", "attachment"])
def test_attributes_of_elements_that_were_kept_out_are_filled_when_they_are_let_in(
    connect: Connect, query: Query, kind: str
) -> None:
    """Though their records do not change any more; the sync before says that they were kept out."""
    custom = {"custom": {"scoreNum": 7}}
    with Simulator(limits=UNLIMITED) as sim:
        one, place = sim.id(kind, 3), "message_attachment"
        if kind == "customer":
            place = "customer_email"
            custom = {"emails": [{"email": "a@example.com", **custom}]}  # type: ignore[dict-item]  # JSON
        sim.edit(kind, one, custom)
        sim.clock.advance(60)
        tables = ["customer", "conversation", "message"]
        before = sync(connect(sim, schema_change_handling="BLOCK_ALL"), tables=tables)
        (said,) = (w.message for w in before.warnings if w.code == "new_blocked")
        assert f"{place}.custom_score_num" in said
        sync(connect(sim), tables=tables)
        found = f"SELECT custom_score_num FROM kustomer.{place} WHERE custom_score_num IS NOT NULL"
        assert query(found) == [(7.0,)]


def test_attachments_may_have_attributes_of_their_own(connect: Connect, query: Query) -> None:
    """Which are among an attachment's own, and asked for by conversation."""
    with Simulator(limits=UNLIMITED) as sim:
        attached = sim.id("attachment", 0)
        sim.edit("attachment", attached, {"custom": {"pagesNum": 3}})
        assert sync(connect(sim), tables=["message"]).status == "SUCCESSFUL"
        found = "SELECT id, custom_pages_num FROM kustomer.message_attachment " \
                "WHERE custom_pages_num IS NOT NULL"  # fmt: skip
        assert query(found) == [(attached, 3.0)]
