"""A page of records becomes rows: every value in its column, and what does not fit is kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from kustomer_sync.model import DELETED, REV, ROW, UPDATED_AT, Column, Table, Type
from kustomer_sync.shred import concat
from tests.unit.shred.tables import (
    THING,
    attribute,
    column,
    parent,
    rows,
    said,
    shred,
    shredder,
    thing,
    type_of,
)

NOON = datetime(2016, 11, 9, 12, tzinfo=UTC)


def test_a_record_becomes_a_row() -> None:
    """Attributes, nested objects and relationships each land in their column."""
    record = thing(
        "a", name="Foo", count=3, size=2**40, sentiment={"score": 0.5}, spam=False,
        createdAt="2016-11-09T12:00:00.000Z", done={"b": 1, "a": [2]},
    )  # fmt: skip
    record["relationships"] = {"org": {"data": {"type": "org", "id": "o"}}}
    batch = shred(record)
    row = batch.root.data.to_pylist()[0]
    assert (row["id"], row["org_id"], row["name"], row["count"]) == ("a", "o", "Foo", 3)
    assert (row["size"], row["score"], row["spam"], row["created_at"]) == (2**40, 0.5, False, NOON)
    assert row["done"] == '{"b":1,"a":[2]}'
    assert row["label"] is None
    assert batch.rejects == ()


def test_a_relationship_that_is_only_a_link_is_null() -> None:
    """`messages` and the like have no `data`."""
    record = thing("a")
    record["relationships"] = {"org": {"links": {"self": "/x"}}, "customer": {"data": None}}
    batch = shred(record)
    assert column(batch, "org_id") == column(batch, "customer_id") == [None]
    assert batch.rejects == ()


# ---- values that Arrow reads wrongly or refuses ----


def test_a_fraction_in_an_integer_column_is_not_cut_off() -> None:
    """Arrow alone would land 1.5 as 1."""
    batch = shred(thing("a", count=1.5), thing("b", count=2.0), thing("c", count=3))
    assert column(batch, "count") == [None, 2, 3]
    assert said(batch) == {("thing", "a", "count", "1.5"): 1}


@pytest.mark.parametrize("name", ["count", "size"])
def test_true_is_no_number(name: str) -> None:
    """Arrow alone would land it as 1 in a column of doubles."""
    batch = shred(thing("a", **{name: True}), thing("b", sentiment={"score": True}))
    assert column(batch, name) == [None, None]
    assert column(batch, "score") == [None, None]
    assert len(batch.rejects) == 2


def test_a_text_is_not_an_array_of_its_letters() -> None:
    """Arrow alone would make three tags of `abc`."""
    batch = shred(thing("a", tags="abc"), thing("b", tags=["x"]), thing("c", tags="é"))
    assert rows(batch, "thing_tag", "thing_id", "tag_id") == [
        ("a", "abc"), ("b", "x"), ("c", "é"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "landed"),
    [
        ("2016-11-09T12:00:00.000Z", NOON),
        ("2016-11-09T12:00:00Z", NOON),
        ("2016-11-09T14:00:00.000+02:00", NOON),
        ("2016-11-09T12:00:00", NOON),
        ("2016-11-09", NOON.replace(hour=0)),
        (1478692800000, NOON),
        (1478692800000.0, NOON),
        ("9999-12-31T23:59:59.999Z", datetime(9999, 12, 31, 23, 59, 59, 999000, UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_times(given: Any, landed: datetime) -> None:
    """With or without milliseconds and offset, a day alone, or the epoch's milliseconds."""
    batch = shred(thing("a", createdAt=given), thing("b", createdAt="2016-11-09T12:00:00.000Z"))
    assert column(batch, "created_at") == [landed, NOON]
    assert batch.rejects == ()


@pytest.mark.parametrize(
    "given",
    [
        "soon", "", "2016-02-30T00:00:00Z", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00", 10**18, True, [], {"at": 1},
        "20161109", "1478692800000",
    ],
)  # fmt: skip
def test_what_is_no_time_is_kept_aside(given: Any) -> None:
    """Also what a database or Python has no date for."""
    batch = shred(thing("a", createdAt=given), thing("b", createdAt="2016-11-09T12:00:00.000Z"))
    assert column(batch, "created_at") == [None, NOON]
    ((_, ident, name, _),) = said(batch)
    assert (ident, name) == ("a", "created_at")


def test_text_columns_take_anything() -> None:
    """Numbers keep their digits, objects and arrays become JSON, digits stay text."""
    values = ["007", 7, 1.5, 12345678901234567890123, True, {"b": [1], "a": None}, [], None]
    batch = shred(*(thing(str(n), name=value) for n, value in enumerate(values)))
    assert column(batch, "name") == [
        "007", "7", "1.5", "12345678901234567890123", "true", '{"b":[1],"a":null}', "[]", None,
    ]  # fmt: skip
    assert type_of(batch, "name") is Type.STRING
    assert batch.rejects == ()


def test_an_integer_column_widens_for_the_batch_only() -> None:
    """Int becomes Long when a number is beyond 32 bits; the next page is Int again."""
    pages = shredder()
    first = pages.shred([thing("a", count=1), thing("b", count=2**31)])[0]
    second = pages.shred([thing("c", count=2**31 - 1), thing("d", count=-(2**31))])[0]
    assert type_of(first, "count") is Type.LONG
    assert first.root.data.schema.field("count").type == pa.int64()
    assert type_of(second, "count") is Type.INT
    assert type_of(concat([second, first]), "count") is Type.LONG
    assert type_of(concat([first, second]), "count") is Type.LONG
    assert column(concat([second, first]), "count") == [2**31 - 1, -(2**31), 1, 2**31]


def test_large_integers_keep_every_digit() -> None:
    """Those that a double can't hold are read one by one; beyond 64 bits none can be held."""
    values = [2**53 + 1, 2**63 - 1, -(2**63), 2**63, "9007199254740993"]
    batch = shred(*(thing(str(n), size=value) for n, value in enumerate(values)))
    assert column(batch, "size") == [2**53 + 1, 2**63 - 1, -(2**63), None, 2**53 + 1]
    assert said(batch) == {("thing", "3", "size", str(2**63)): 1}


@pytest.mark.parametrize(
    ("given", "landed"), [("true", True), ("false", False), ("True", None), (1, None), ("", None)]
)
def test_booleans(given: Any, landed: bool | None) -> None:
    """Only true and false, be it as text."""
    batch = shred(thing("a", spam=given), thing("b", spam=True))
    assert column(batch, "spam") == [landed, True]
    assert len(batch.rejects) == (landed is None)


def test_one_misfit_leaves_the_other_columns_alone() -> None:
    """Only its own value is NULL, and its raw text is kept with the reason."""
    batch = shred(thing("a", count={"n": 1}, name="x", size=1), thing("b", count=2, size=3))
    assert column(batch, "count") == [None, 2]
    assert column(batch, "size") == [1, 3]
    (reject,) = batch.rejects
    assert (reject.value, reject.reason) == ('{"n":1}', "not a whole number")


def test_only_the_column_that_does_not_fit_leaves_the_fast_way() -> None:
    """From the second page on, the others are read by Arrow whatever that column brings."""
    pages = shredder()
    pages.shred([thing("a", name=5, count=1)])
    assert pages._pages._stubborn == {"name"}
    batch = pages.shred([thing("b", name=6, count=2)])[0]
    assert (column(batch, "name"), column(batch, "count")) == (["6"], [2])
    assert pages._pages._stubborn == {"name"}


# ---- records that are not as they should be ----


@pytest.mark.parametrize("attributes", [None, [], "", {}])
def test_a_record_without_attributes_is_a_row(attributes: Any) -> None:
    """Its columns are NULL and nothing is said, since nothing is lost."""
    batch = shred({"id": "a", "attributes": attributes}, thing("b", name="x"))
    assert column(batch, "name") == [None, "x"]
    assert batch.rejects == ()


@pytest.mark.parametrize("attributes", [5, "text", ["a"]])
def test_something_else_than_attributes_is_said_once(attributes: Any) -> None:
    """Not once for each column it should have held; the other records stay as they are."""
    pages = shredder()
    page = [{"id": "a", "attributes": attributes}, thing("b", name="x", tags=["t"])]
    batch = pages.shred(page)[0]
    assert column(batch, "name") == [None, "x"]
    assert [r.column for r in batch.rejects] == ["attributes"]
    assert rows(batch, "thing_tag", "thing_id", "tag_id") == [("b", "t")]
    assert pages._pages._stubborn == set()


def test_records_without_an_id_are_rejected() -> None:
    """They have no row to land in, but they are kept."""
    batch = shred({"attributes": {}}, None, 5, [], {"id": ""}, {"id": {}}, {"id": True}, thing(7))
    assert column(batch, "id") == ["7"]
    assert [(r.table, r.record_id, r.column) for r in batch.rejects] == [("thing", "", "id")] * 7


def test_an_empty_page_is_an_empty_batch() -> None:
    """With every table, so that destinations see the same shape."""
    batch = shred()
    assert batch.records == 0
    assert [c.table.name for c in batch.children] == [c.name for c in THING.children]


def test_unknown_attributes_are_noticed() -> None:
    """What the catalog does not know is said, custom attributes and children's arrays are not."""
    pages = shredder()
    pages.shred([thing("a", name="x", brandNew=1, tags=[], custom={"xStr": "y"}, rev=1)])
    pages.shred([thing("b", newer=1)])
    assert pages.unknown == {"brandNew", "newer"}


# ---- marks ----


def test_marks() -> None:
    """A copy's time and revision go with it; what is no time or number is NULL."""
    batch = shred(
        thing("a", updatedAt="2016-11-09T12:00:00.000Z", rev=3),
        thing("a", updatedAt="x", rev=True), thing("b"),
    )  # fmt: skip
    assert column(batch, UPDATED_AT) == [NOON, None, None]
    assert column(batch, REV) == [3, None, None]
    assert column(batch, ROW) == [0, 1, 2]
    assert said(batch) == {("thing", "a", "updated_at", "x"): 1}


def test_soft_deletes_where_no_column_says_so() -> None:
    """A table with a `deleted` column says it there, and is not marked."""
    page = [thing("a", deleted=True), thing("b", deleted=False), thing("c")]
    assert column(shred(*page), DELETED) == [True, False, False]
    own = Table(
        "tag", (Column("id", source=("id",)), attribute("deleted", Type.BOOLEAN, "deleted"))
    )
    batch = shred(*page, table=own)
    assert column(batch, DELETED) == [False, False, False]
    assert column(batch, "deleted") == [True, False, None]


def test_the_first_of_an_array() -> None:
    """Where the API gives one or several, the first is the value."""
    given = [["x", "y"], [None, "y"], [], "x", None]
    batch = shred(*(thing(str(n), assistant={"ids": ids}) for n, ids in enumerate(given)))
    assert column(batch, "assistant_id") == ["x", "y", None, "x", None]


# ---- children ----


def test_elements_keep_their_order_and_count_from_one() -> None:
    """A null element is skipped and not counted."""
    batch = shred(
        thing("a", channels=["sms", None, "chat"]), thing("b"), thing("c", channels=["x"])
    )
    assert rows(batch, "thing_channel", "thing_id", "index", "name", ROW) == [
        ("a", 1, "sms", 0), ("a", 2, "chat", 0), ("c", 1, "x", 2),
    ]  # fmt: skip


def test_ids_come_bare_or_in_objects() -> None:
    """`tags` and the like may be ids, objects with an id, or objects that hold one."""
    mixed = ["t1", {"id": "t2"}, {"tag": "t3"}, {"tag": {"id": "t4"}}, 5]
    batch = shred(
        thing("a", tags=mixed, suggestedTags=[{"tag": "t1"}, "t2", {"tag": {"id": "t3"}}])
    )
    assert [tag for (tag,) in rows(batch, "thing_tag", "tag_id")] == ["t1", "t2", "t3", "t4", "5"]
    assert [tag for (tag,) in rows(batch, "thing_suggested", "tag_id")] == ["t1", "t2", "t3"]
    assert batch.rejects == ()


def test_an_element_without_a_key_is_kept_aside() -> None:
    """It can't be a row of a table that joins two ids."""
    batch = shred(thing("a", suggestedTags=[{"tag": None, "confidence": 1}, {"tag": "t"}]))
    assert rows(batch, "thing_suggested", "tag_id") == [("t",)]
    assert said(batch) == {("thing_suggested", "a", "element", '{"tag":null,"confidence":1}'): 1}


def test_one_value_where_an_array_is_expected() -> None:
    """Is an array of one."""
    batch = shred(thing("a", emails={"email": "x@y.z", "verified": True}), thing("b", tags=5))
    assert rows(batch, "thing_email", "index", "email", "verified") == [(1, "x@y.z", True)]
    assert rows(batch, "thing_tag", "thing_id", "tag_id") == [("b", "5")]


def test_an_element_that_is_no_object_is_a_row_all_the_same() -> None:
    """With its place, and its text among the rejects."""
    batch = shred(thing("a", emails=["x@y.z", {"email": "b", "verified": 1}]))
    assert rows(batch, "thing_email", "index", "email", "verified") == [
        (1, None, None),
        (2, "b", None),
    ]
    assert said(batch) == {
        ("thing_email", "a", "element", "x@y.z"): 1, ("thing_email", "a", "verified", "1"): 1,
    }  # fmt: skip


def test_surrogate_ids_are_stable() -> None:
    """The same element of the same record has the same id at every reading, others their own."""
    sizes = {"x": 1, "y": 2}
    once = rows(
        shred(thing("a", steps=sizes), thing("b", steps=sizes)), "thing_step", "_fivetran_id"
    )
    again = rows(
        shred(thing("b", steps=sizes), thing("a", steps=sizes)), "thing_step", "_fivetran_id"
    )
    assert len(set(once)) == 4
    assert again == once[2:] + once[:2]


def test_equal_elements_have_ids_of_their_own() -> None:
    """Else one of them would vanish; key order makes no difference."""
    table = Table(
        "thing", (Column("id", source=("id",)),), children=(
            Table("thing_x", (Column("_id", origin=THING.children[4].columns[0].origin), parent()),
                  key=("_id",), elements=("attributes", "x")),
        ),
    )  # fmt: skip
    one = rows(
        shred(thing("a", x=[{"n": 1, "m": 2}, {"m": 2, "n": 1}]), table=table), "thing_x", "_id"
    )
    two = rows(
        shred(thing("a", x=[{"m": 2, "n": 1}, {"n": 1, "m": 2}]), table=table), "thing_x", "_id"
    )
    assert len(set(one)) == 2
    assert one == two


def test_elements_that_can_not_be_taken_cost_no_row() -> None:
    """A function of the record that fails leaves the record's other tables alone."""

    def fails(record: Any) -> list[Any]:
        raise KeyError("x")

    child = Table("thing_x", (parent(), Column("x")), key=("thing_id",), elements=fails)
    batch = shred(
        thing("a"), table=Table("thing", (Column("id", source=("id",)),), children=(child,))
    )
    assert batch.records == 1
    assert [(r.table, r.record_id) for r in batch.rejects] == [("thing_x", "a")]


# ---- pages together ----


def test_pages_together() -> None:
    """A column that one page lacked is NULL there, and rows of children find their copies."""
    pages = shredder()
    parts = [
        pages.shred([thing("a", tags=["t"], custom={"xStr": "1"})])[0],
        pages.shred([thing("b"), thing("c", tags=["u"], custom={"yNum": 2})])[0],
        pages.shred([])[0],
        pages.shred([thing("d", tags=["v"])])[0],
    ]
    whole = concat(parts)
    assert column(whole, "id") == ["a", "b", "c", "d"]
    assert column(whole, ROW) == [0, 1, 2, 3]
    assert column(whole, "custom_x_str") == ["1", None, None, None]
    assert column(whole, "custom_y_num") == [None, None, 2.0, None]
    assert rows(whole, "thing_tag", "tag_id", ROW) == [("t", 0), ("u", 2), ("v", 3)]
