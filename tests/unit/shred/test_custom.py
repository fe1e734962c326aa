"""A custom attribute's type follows from its name and metadata, never from its values."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from kustomer_sync.model import Record, Type
from kustomer_sync.shred import CustomTypes, concat
from tests.unit.shred.tables import THING, column, shred, shredder, thing, type_of


@pytest.mark.parametrize(
    ("attribute", "type_"),
    [
        ("ordersNum", Type.DOUBLE), ("paidAt", Type.INSTANT), ("vipBool", Type.BOOLEAN),
        ("nameStr", Type.STRING), ("noteTxt", Type.STRING), ("siteUrl", Type.STRING),
        ("whereTree", Type.STRING), ("otherId", Type.STRING), ("whatever", Type.STRING),
        ("linesMulti", Type.JSON), ("listStr", Type.JSON),
    ],
)  # fmt: skip
def test_types(attribute: str, type_: Type) -> None:
    """By suffix, unless the metadata says that there are several values."""
    types = CustomTypes()
    types.learn("thing", {
        "linesMulti": {"multi": True}, "listStr": {"array": True}, "ordersNum": {"multi": False},
        "paidAt": None,
    })  # fmt: skip
    found = types.column("thing", "custom_x", attribute)
    assert (found.type, found.custom) == (type_, attribute)
    assert found.source == ("attributes", "custom", attribute)


def test_metadata_that_can_not_be_read() -> None:
    """Suffixes decide."""
    types = CustomTypes()
    types.learn("thing", None)
    assert types.described("thing") == set()
    assert types.type_of("thing", "xNum") is Type.DOUBLE


def test_a_column_exists_once_an_attribute_was_met() -> None:
    """Be it null; a page without it has no such column."""
    pages = shredder()
    first = pages.shred([thing("a", custom={"xNum": None}), thing("b")])[0]
    second = pages.shred([thing("c", custom=None), thing("d", custom={"yStr": "1"})])[0]
    assert column(first, "custom_x_num") == [None, None]
    assert type_of(first, "custom_x_num") is Type.DOUBLE
    assert column(second, "custom_y_str") == [None, "1"]
    assert "custom_x_num" not in second.root.data.column_names


def test_values_never_decide() -> None:
    """Digits in a text stay text, a number in a text becomes text."""
    batch = shred(
        thing("a", custom={"zipStr": "00123", "bNum": 5, "cAt": "2016-11-09T12:00:00Z"}),
        thing("b", custom={"zipStr": 123, "bNum": 0.5, "cAt": "later", "dBool": "maybe"}),
    )  # fmt: skip
    assert column(batch, "custom_zip_str") == ["00123", "123"]
    assert column(batch, "custom_b_num") == [5.0, 0.5]
    assert column(batch, "custom_c_at") == [datetime(2016, 11, 9, 12, tzinfo=UTC), None]
    assert column(batch, "custom_d_bool") == [None, None]
    assert len(batch.rejects) == 2


@pytest.mark.parametrize("large", [2**53 + 1, 10**30, -(2**60), "12345678901234567890"])
def test_a_number_that_would_lose_digits_makes_its_column_text(large: Any) -> None:
    """For good, also after a restart; whole numbers have no fraction there."""
    types = CustomTypes()
    pages = shredder(custom_types=types)
    before = pages.shred([thing("a", custom={"xNum": 5}), thing("b", custom={"xNum": 0.25})])[0]
    batch = pages.shred([thing("c", custom={"xNum": large}), thing("d", custom={"xNum": 7.0})])[0]
    assert type_of(before, "custom_x_num") is Type.DOUBLE
    assert type_of(batch, "custom_x_num") is Type.STRING
    assert column(batch, "custom_x_num") == [str(large), "7"]
    again = CustomTypes.from_state(orjson.loads(orjson.dumps(types.state())))
    later = shred(thing("e", custom={"xNum": 1}), custom_types=again)
    assert column(later, "custom_x_num") == ["1"]
    whole = concat([before, batch, later])
    assert column(whole, "custom_x_num") == ["5", "0.25", str(large), "7", "1"]


def test_several_values_land_as_json() -> None:
    """Valid JSON also where one text came alone."""
    types = CustomTypes()
    types.learn("thing", {"colorsStr": {"multi": True}})
    page = [thing("a", custom={"colorsStr": ["x", "y"]}), thing("b", custom={"colorsStr": "x"})]
    batch = shred(*page, custom_types=types)
    assert column(batch, "custom_colors_str") == ['["x","y"]', '"x"']


@pytest.mark.parametrize("custom", ["text", 5, ["a"]])
def test_something_else_than_custom_attributes(custom: Any) -> None:
    """Is said; the record lands."""
    batch = shred(thing("a", custom=custom), thing("b", custom={"xStr": "y"}))
    assert column(batch, "custom_x_str") == [None, "y"]
    assert [r.column for r in batch.rejects] == ["attributes.custom"]


def test_any_name_is_an_attribute() -> None:
    """Names are arbitrary text; each is a column."""
    batch = shred(thing("a", custom={"": "1", "a.b": "2", "💥": "3", "a b": "4", "deleted": "5"}))
    own = [c for c in batch.root.table.columns if c.custom is not None]
    found = {c.custom: column(batch, c.name)[0] for c in own}
    assert found == {"": "1", "a.b": "2", "💥": "3", "a b": "4", "deleted": "5"}


def _klass(record: Record) -> str:
    return str(record["type"]).removeprefix("kobject.")


def test_klasses() -> None:
    """Every KObject is in the common table without, and in its klass's with, custom columns."""
    table = replace(THING, name="kobject", per_klass=True, children=THING.children[:1])
    page = [
        {
            **thing("a", name="x", count=2**31, tags=["t"], custom={"sizeNum": 1}),
            "type": "kobject.order",
        },
        {**thing("b", name="y", custom={"sizeNum": "big"}), "type": "kobject.tag"},
        {**thing("c", name="z", custom={"colorStr": "red"}), "type": "kobject.order"},
        {**thing("d"), "type": "kobject.order"},
    ]
    common, order, tag = shredder(table, klass_of=_klass).shred(page)
    assert [b.root.table.name for b in (common, order, tag)] == [
        "kobject", "kobject_order", "kobject_tag",
    ]  # fmt: skip
    assert not any(c.custom for c in common.root.table.columns)
    assert len(common.children) == 1
    assert order.children == tag.children == ()
    assert column(order, "id") == ["a", "c", "d"]
    assert column(order, "__row") == [0, 1, 2]
    assert column(order, "custom_size_num") == [1.0, None, None]
    assert column(order, "custom_color_str") == [None, "red", None]
    assert type_of(order, "count") is Type.LONG
    assert column(tag, "custom_size_num") == [None]
    assert common.rejects == ()
    assert [(r.table, r.record_id, r.value) for r in tag.rejects] == [("kobject_tag", "b", "big")]


def test_klasses_have_types_of_their_own() -> None:
    """One klass's long numbers make no text of another's."""
    table, types = replace(THING, per_klass=True, children=()), CustomTypes()
    page = [
        {**thing("a", custom={"xNum": 2**60}), "type": "one"},
        {**thing("b", custom={"xNum": 1}), "type": "two"},
    ]
    _, one, two = shredder(table, custom_types=types, klass_of=_klass).shred(page)
    assert type_of(one, "custom_x_num") is Type.STRING
    assert type_of(two, "custom_x_num") is Type.DOUBLE
