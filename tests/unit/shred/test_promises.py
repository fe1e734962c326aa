"""A row always lands, and says what the record said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kustomer_sync.kustomer.catalog import CONVERSATION, CUSTOMER, KOBJECT, NOTE, SLA, WORK_SESSION
from kustomer_sync.kustomer.parse import parse
from kustomer_sync.model import Batch, Table, Type
from kustomer_sync.shred import CustomTypes, Names, Shredder, concat
from kustomer_sync.shred.naming import snake


def shred(table: Table, *records: dict[str, Any], types: CustomTypes | None = None) -> Batch:
    shredder = Shredder(table, names=Names(), custom_types=types or CustomTypes())
    return shredder.shred(list(records))[0]


def customer(**attributes: Any) -> dict[str, Any]:
    return {"type": "customer", "id": "u1", "attributes": attributes}


def root(batch: Batch) -> dict[str, Any]:
    (row,) = batch.root.data.to_pylist()
    return dict(row)


def child(batch: Batch, name: str) -> list[dict[str, Any]]:
    (rows,) = [c for c in batch.children if c.table.name == name]
    return [{k: v for k, v in r.items() if k != "__row"} for r in rows.data.to_pylist()]


@pytest.mark.parametrize(
    ("name", "snaked"),
    [("airBnbThreadIdNum", "air_bnb_thread_id_num"), ("airBNBuserIdNum", "air_bn_buser_id_num"),
     ("verifiedAtAt", "verified_at_at"), ("address2", "address_2"), ("Café", "cafe"),
     ("9lives", "_9_lives"), ("a--b c", "a_b_c"), ("日本", "_65e5_672c")],
)  # fmt: skip
def test_names_follow_the_reference_connector(name: str, snaked: str) -> None:
    """Split camelCase, acronyms, digits; transliterate; never empty."""
    assert snake(name) == snaked


def test_colliding_names_are_numbered_in_order_of_first_sight() -> None:
    """`fooBarStr` and `foo_barStr` get columns of their own, the same ones for ever after."""
    names = Names()
    first = [names.column("customer", a, []) for a in ("fooBarStr", "foo_barStr", "FooBarStr")]
    assert first == ["custom_foo_bar_str", "custom_foo_bar_str_2", "custom_foo_bar_str_3"]
    again = Names.from_state(json.loads(json.dumps(names.state())))
    assert again.column("customer", "foo_barStr", []) == "custom_foo_bar_str_2"


def test_a_klass_called_tag_does_not_take_the_child_table_s_name() -> None:
    """`kobject_tag` holds the tags of KObjects; the klass gets `kobject_tag_2`."""
    shredder = Shredder(
        KOBJECT, names=Names(), custom_types=CustomTypes(), klass_of=lambda r: str(r["klass"])
    )
    records = [{"id": "k1", "klass": "tag"}, {"id": "k2", "klass": "select"}]
    names = [b.root.table.name for b in shredder.shred(records)]
    assert names == ["kobject", "kobject_tag_2", "kobject_select"]


def test_types_come_from_the_suffix_and_metadata_never_from_values() -> None:
    """A digit-only string stays text; a multi-value attribute is JSON."""
    types = CustomTypes()
    types.learn("customer", {"listStr": {"multi": True}})
    custom = {"zipStr": "01234", "listStr": ["a"], "ageNum": 5, "bornAt": "2020-01-01",
              "vipBool": True, "plan": {"a": 1}}  # fmt: skip
    batch = shred(CUSTOMER, customer(custom=custom), types=types)
    assert {c.custom: c.type for c in batch.root.table.columns if c.custom} == {
        "zipStr": Type.STRING, "listStr": Type.JSON, "ageNum": Type.DOUBLE,
        "bornAt": Type.INSTANT, "vipBool": Type.BOOLEAN, "plan": Type.STRING,
    }  # fmt: skip
    assert root(batch)["custom_zip_str"] == "01234"
    assert root(batch)["custom_plan"] == '{"a":1}'


def test_a_float_in_an_integer_column_is_a_reject_not_a_rounding() -> None:
    """1.5 is NULL and kept as text; 2.0 is 2; a longer integer widens the column."""
    batch = shred(CONVERSATION, {"id": "c", "attributes": {"messageCount": 1.5, "noteCount": 2.0,
                                                           "snoozeCount": 2**40}})  # fmt: skip
    assert root(batch)["message_count"] is None
    assert root(batch)["note_count"] == 2
    assert root(batch)["snooze_count"] == 2**40
    assert batch.root.table.column("snooze_count").type is Type.LONG
    (reject,) = batch.rejects
    assert (reject.column, reject.value) == ("message_count", "1.5")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("2020-01-02T03:04:05.678Z", "2020-01-02T03:04:05.678000+00:00"),
     ("2020-01-02T03:04:05+02:00", "2020-01-02T01:04:05+00:00"),
     ("2020-01-02", "2020-01-02T00:00:00+00:00"),
     (1577934245678, "2020-01-02T03:04:05.678000+00:00"), ("soon", None), (True, None)],
)  # fmt: skip
def test_times_are_read_leniently(value: Any, expected: str | None) -> None:
    """ISO with or without zone, dates, epochs; anything else is a reject."""
    batch = shred(CUSTOMER, customer(createdAt=value))
    got = root(batch)["created_at"]
    assert (got.isoformat() if got else None) == expected
    assert len(batch.rejects) == (0 if expected else 1)


def test_elements_count_from_one_and_skip_nulls() -> None:
    """A lone value is a list of one; a null element is none."""
    batch = shred(CUSTOMER, customer(emails=[{"email": "a"}, None, {"email": "b"}], tags="t1"))
    emails = [(r["index"], r["email"]) for r in child(batch, "customer_email")]
    assert emails == [(1, "a"), (2, "b")]
    assert child(batch, "customer_tag") == [{"customer_id": "u1", "tag_id": "t1"}]


def test_suggested_tags_come_as_objects_or_ids() -> None:
    """`{tag, confidence}` and a bare id are the same row."""
    batch = shred(CONVERSATION, {"id": "c", "attributes": {"suggestedTags": [{"tag": "a"}, "b"]}})
    assert [r["tag_id"] for r in child(batch, "conversation_suggested_tag")] == ["a", "b"]


def test_custom_attributes_of_elements_are_columns_of_their_own() -> None:
    """Of objects in an array, of attachments, of ids that come as objects; types by suffix."""
    shredder = Shredder(CUSTOMER, names=Names(), custom_types=CustomTypes())
    plain = customer(emails=[{"email": "a@example.com"}], tags=["t1"])
    assert [c.name for c in shredder.shred([plain])[0].children[0].table.columns][:2]
    full = customer(
        emails=[
            {"email": "b@example.com", "custom": {"scoreNum": 7, "seenAt": "2024-01-01T00:00:00Z"}},
            {"email": "c@example.com", "custom": {"scoreNum": "x", "idNum": 2**60}},
            {"email": "d@example.com", "custom": None},
        ],
        tags=[{"id": "t2", "custom": {"whyStr": "so"}}, "t3"],
    )
    for batch in (shredder.shred([plain, full])[0], shredder.shred([full])[0]):
        rows = {row["email"]: row for row in child(batch, "customer_email")}
        b, c = rows["b@example.com"], rows["c@example.com"]
        assert (b["custom_score_num"], b["custom_seen_at"].year) == (7.0, 2024)
        assert (c["custom_score_num"], c["custom_id_num"]) == (None, str(2**60))
        assert rows["d@example.com"]["custom_score_num"] is None
        tags = {row["tag_id"]: row["custom_why_str"] for row in child(batch, "customer_tag")}
        assert {"t2": "so", "t3": None}.items() <= tags.items()
        said = [(r.table, r.column, r.value) for r in batch.rejects]
        assert said == [("customer_email", "custom_score_num", "x")]
    (back,) = shredder.shred([plain])
    assert {"custom_score_num"}.isdisjoint(child(back, "customer_email")[0])
    alone = customer(emails=[{"email": "e@example.com", "custom": {"scoreNum": 1}}])
    assert child(shred(CUSTOMER, alone), "customer_email")[0]["custom_score_num"] == 1


def test_a_mention_may_be_a_bare_id() -> None:
    """Of a user, as the list is called; nothing vanishes without a word."""
    mentions = ["u1", {"user": "u2"}, {"team": "t1"}, {"user": "u3", "team": "t2"}]
    note = {"type": "note", "id": "n1", "attributes": {"userMentions": mentions}}
    users = [row["user_id"] for row in child(shred(NOTE, note), "note_user_mention")]
    assert users == ["u1", "u2", "u3"]
    teams = [row["team_id"] for row in child(shred(NOTE, note), "note_team_mention")]
    assert teams == ["t1", "t2"]


def test_surrogate_ids_are_stable_and_tell_repeats_apart() -> None:
    """The same elements get the same ids on every reading."""
    session = {"id": "w", "attributes": {"capacities": [{"limit": 5}, {"limit": 5}]}}
    first = child(shred(WORK_SESSION, session), "work_session_capacity")
    second = child(shred(WORK_SESSION, json.loads(json.dumps(session))), "work_session_capacity")
    assert first == second
    assert len({r["_fivetran_id"] for r in first}) == 2


def test_an_sla_with_versions_becomes_versions_metrics_and_criteria() -> None:
    """The awkward one: one row a metric and priority, one a condition."""
    version = {"id": "v1", "attributes": {"version": 1, "name": "Gold",
               "metrics": {"firstResponse": {"enabled": True, "times": {"1": 60, "2": 120}}},
               "criteria": {"and": [{"status": {"operator": "eq", "value": "open"}}]}}}  # fmt: skip
    batch = shred(SLA, {"id": "s", "relationships": {"versions": {"data": [version]}}})
    assert [(r["id"], r["sla_id"]) for r in child(batch, "sla_version")] == [("v1", "s")]
    metrics = [(r["name"], r["priority"], r["commitment"]) for r in child(batch, "sla_metric")]
    assert metrics == [("firstResponse", 1, 60), ("firstResponse", 2, 120)]
    assert [r["field"] for r in child(batch, "sla_criteria")] == ["status"]


def test_what_orjson_refuses_still_lands() -> None:
    """Lone surrogates and NUL become U+FFFD; long integers keep their digits."""
    page = parse(
        b'{"a":"x\\ud800y\\u0000","n":123456789012345678901234567890,"e":"\\ud83d\\ude00"}'
    )
    assert page == {"a": "x\ufffdy\ufffd", "n": 123456789012345678901234567890, "e": "😀"}
    with pytest.raises(ValueError, match=r"delimiter|Expecting"):
        parse(b'{"data": [1, 2')


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False)
    | st.text(max_size=6) | st.just("2020-01-01T00:00:00.000Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner,
                                                                max_size=3),
    max_leaves=6,
)  # fmt: skip
ATTRIBUTES = st.dictionaries(
    st.sampled_from(
        ["name", "deleted", "createdAt", "updatedAt", "rev", "emails", "tags", "custom",
         "conversationCounts", "sentiment", "locations", "lastConversation", "verified"]
    ),
    JSONS, max_size=8,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.builds(
            lambda n, a, r: {"id": f"u{n}", "attributes": a, "relationships": r},
            st.integers(0, 99), ATTRIBUTES | JSONS, JSONS,
        ),
        min_size=1, max_size=5,
    )
)  # fmt: skip
def test_a_record_of_any_shape_is_a_row(records: list[dict[str, Any]]) -> None:
    """Nothing that JSON can say makes a page fail, and pages together are the pages apart."""
    shredder = Shredder(CUSTOMER, names=Names(), custom_types=CustomTypes())
    pages = [shredder.shred([r])[0] for r in records]
    joined = concat(pages)
    assert joined.root.data.num_rows == len(records)
    assert [r["id"] for r in joined.root.data.to_pylist()] == [r["id"] for r in records]
    (whole,) = Shredder(CUSTOMER, names=Names(), custom_types=CustomTypes()).shred(records)
    assert whole.root.data.num_rows == len(records)
