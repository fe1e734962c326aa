"""Whatever Kustomer sends lands as a naive shredder would land it, page by page or at once."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from kustomer_sync.kustomer.parse import parse
from kustomer_sync.model import ARROW_TYPES, Record, Type
from kustomer_sync.shred import CustomTypes, Names, Shredder, concat
from tests.unit.shred import naive
from tests.unit.shred.tables import THING, landed, said, shredder

_NAMES = st.sampled_from(["", "a", "b", "ab", "true", "12", "7.5", "Ünï", "0012", "a\u2028b"])
_TIMES = st.sampled_from([
    "2016-11-09T02:46:29.789Z", "2016-11-09T02:46:29Z", "2016-11-09", "2016-11-09T02:46:29",
    "2016-11-09T02:46:29.1+02:00", "9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00Z",
    "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00",
    "2016-02-30T00:00:00Z", "2016-11-09T24:00:00Z", "soon", " 2016-11-09T02:46:29Z ",
    "2016-11-09T02:46:29.123456789Z", "2016-11-09T02Z", "20161109", "2016-W45-3",
])  # fmt: skip
_INTS = st.one_of(
    st.integers(-5, 5),
    st.sampled_from([
        sign * (2**power) + more
        for sign in (1, -1) for power in (31, 32, 53, 63, 64, 70) for more in (-1, 0, 1)
    ]),
)  # fmt: skip
_FLOATS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 1.5, 5.0, 1e16, 1e18, 2.0**63, 1e22, 1e300, 5e-324]),
)
_SCALARS = st.one_of(st.none(), st.booleans(), _INTS, _FLOATS, _NAMES, _TIMES, st.text(max_size=3))
_HOSTILE = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["id", "tag", "email", "size", "meta", "at", "by", "data", "x"]),
            inner, max_size=3,
        ),
    ),
    max_leaves=6,
)  # fmt: skip
_IDS = st.sampled_from(["t1", "t2", "t3"])
_GOOD: dict[str, st.SearchStrategy[Any]] = {
    "name": _NAMES, "count": st.integers(0, 9), "size": st.integers(0, 2**40),
    "spam": st.booleans(), "createdAt": st.just("2016-11-09T02:46:29.789Z"),
    "updatedAt": st.just("2016-11-10T02:46:29.789Z"), "rev": st.integers(1, 99),
    "done": st.fixed_dictionaries({}, optional={"by": _IDS, "n": st.integers()}),
    "sentiment": st.fixed_dictionaries({}, optional={"score": st.floats(-1, 1), "label": _NAMES}),
    "assistant": st.fixed_dictionaries({"ids": st.lists(_IDS, max_size=2)}),
    "tags": st.lists(_IDS, max_size=3), "channels": st.lists(st.sampled_from("ab"), max_size=3),
    "suggestedTags": st.lists(st.fixed_dictionaries({"tag": _IDS}), max_size=2),
    "emails": st.lists(
        st.fixed_dictionaries(
            {"email": _NAMES}, optional={"verified": st.booleans(), "size": st.integers(0, 9)}
        ), max_size=2,
    ),
    "steps": st.dictionaries(_NAMES, st.integers(0, 9), max_size=2), "deleted": st.booleans(),
    "custom": st.fixed_dictionaries({}, optional={
        "aNum": st.floats(-9, 9), "bNum": st.integers(0, 9), "cStr": _NAMES,
        "dAt": st.just("2016-11-09T02:46:29.789Z"), "eBool": st.booleans(),
        "fMulti": st.lists(_NAMES, max_size=2), "a_num": _NAMES, "": _NAMES,
    }),
}  # fmt: skip
_PLACES = [
    *(("attributes", key) for key in _GOOD), ("attributes",), ("relationships",), ("id",),
    *(("attributes", "custom", key) for key in ("aNum", "bNum", "cStr", "dAt", "eBool", "fMulti")),
    ("attributes", "sentiment", "score"), ("attributes", "assistant", "ids"),
    ("relationships", "org"), ("relationships", "org", "data"),
    ("relationships", "org", "data", "id"), ("relationships", "shortcuts"),
    ("relationships", "shortcuts", "data"), ("attributes", "unheardOf"),
]  # fmt: skip


@st.composite
def records(draw: st.DrawFn) -> list[Any]:
    """A page that is mostly as it should be, with a few values that are not."""
    page: list[Any] = []
    for n in range(draw(st.integers(0, 4))):
        chosen = draw(st.lists(st.sampled_from(sorted(_GOOD)), unique=True))
        attributes = {key: draw(_GOOD[key]) for key in chosen}
        org = {"data": {"id": "o1"}} if draw(st.booleans()) else {"links": {"self": "/v1/orgs"}}
        shortcuts = {"data": [{"type": "shortcut", "id": draw(_IDS)}]}
        relations = {"org": org, "customer": None, "shortcuts": shortcuts}
        page.append({"id": f"r{n}", "attributes": attributes, "relationships": relations})
    for _ in range(draw(st.integers(0, 4)) if page else 0):
        _put(draw(st.sampled_from(page)), draw(st.sampled_from(_PLACES)), draw(_HOSTILE))
    if page and draw(st.integers(0, 9)) == 0:
        page[0] = draw(_HOSTILE)
    return page


def _put(record: Record, path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        if not isinstance(record.get(key), dict):
            return
        record = record[key]
    record[path[-1]] = value


def _types() -> CustomTypes:
    types = CustomTypes()
    for resource in ("thing", "thing.red", "thing.blue"):
        types.learn(resource, {"fMulti": {"multi": True}})
    return types


def _klass(record: Record) -> str:
    return "red" if str(record["id"]) < "r2" else "blue"


def _assert_same(fast: list[Any], wanted: naive.Outcome) -> None:
    found = landed([rows for batch in fast for rows in (batch.root, *batch.children)])
    assert found.keys() == wanted.tables.keys()
    for name, (types, rows) in found.items():
        for row in rows:
            if "_fivetran_id" in row:
                row["_fivetran_id"] = None
        assert types == wanted.tables[name].types, name
        assert rows == wanted.tables[name].rows, name
    assert sum((said(batch) for batch in fast), start=type(wanted.rejects)()) == wanted.rejects


def _well_typed(batch: Any) -> None:
    for rows in (batch.root, *batch.children):
        rows.data.validate(full=True)
        for column in rows.table.columns:
            assert rows.data.schema.field(column.name).type == ARROW_TYPES[column.type]


@settings(max_examples=150, deadline=None)
@given(st.lists(records(), min_size=1, max_size=3))
def test_equals_the_naive_shredder(pages: list[list[Any]]) -> None:
    """Rows, types and rejects of each page are the naive ones, whatever came before."""
    fast, names, types = shredder(custom_types=_types()), Names(), _types()
    for page in pages:
        batches = fast.shred(page)
        for batch in batches:
            _well_typed(batch)
        _assert_same(batches, naive.shred(THING, page, names, types))


@settings(max_examples=60, deadline=None)
@given(st.lists(records(), min_size=1, max_size=3))
def test_equals_the_naive_shredder_with_klasses(pages: list[list[Any]]) -> None:
    """Each klass's table has the common columns and its own custom ones; the common table none."""
    table = replace(THING, per_klass=True)
    fast = shredder(table, custom_types=_types(), klass_of=_klass)
    names, types = Names(), _types()
    for page in pages:
        batches = fast.shred(page)
        _assert_same(batches, naive.shred(table, page, names, types, _klass))
        assert all(not batch.children for batch in batches[1:])


_CHAOS = st.recursive(
    st.one_of(
        _SCALARS, st.floats(), st.text(st.characters(), max_size=3), st.just("\ud800"),
        st.just("\x00"),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(
                st.sampled_from(["id", "attributes", "relationships", "custom", *_GOOD]),
                st.text(st.characters(), max_size=3), st.sampled_from(["\ud800", "\x00", "xNum"]),
            ), inner, max_size=4,
        ),
    ), max_leaves=20,
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(_CHAOS, records().map(lambda page: page[:1])), max_size=4))
def test_a_row_always_lands(chaos: list[Any]) -> None:
    """Nothing raises, and each object that has an id is one row."""
    page = [r for item in chaos for r in (item if isinstance(item, list) else [item])]
    batch = shredder().shred(page)[0]
    idents = [r.get("id") for r in page if isinstance(r, dict)]
    wanted = sum(type(i) is int or (isinstance(i, str) and i != "") for i in idents)
    assert batch.records == wanted
    _well_typed(batch)


@settings(max_examples=60, deadline=None)
@given(records())
def test_a_row_lands_from_bytes_too(page: list[Any]) -> None:
    """What is parsed from JSON lands as what was serialized: the text of a page loses nothing."""
    again = parse(json.dumps({"data": page}).encode())["data"]
    assert said(shredder().shred(page)[0]) == said(shredder().shred(again)[0])
    left, right = shredder().shred(page)[0], shredder().shred(again)[0]
    assert landed([left.root, *left.children]) == landed([right.root, *right.children])


@settings(max_examples=60, deadline=None)
@given(records(), st.integers(1, 3))
def test_pages_together_are_the_whole(page: list[Any], size: int) -> None:
    """Shredded page by page and joined, or all at once: the same rows."""
    for n, record in enumerate(page):
        if isinstance(record, dict):
            record["id"] = f"r{n}"
    types = _types()
    whole = Shredder(THING, names=Names(), custom_types=types).shred(page)[0]
    known = CustomTypes.from_state(orjson.loads(orjson.dumps(types.state())))
    by_page = Shredder(THING, names=Names(), custom_types=known)
    parts = [page[n : n + size] for n in range(0, len(page), size)] or [[]]
    joined = concat([by_page.shred(part)[0] for part in parts])
    _well_typed(joined)
    assert landed([joined.root, *joined.children]) == landed([whole.root, *whole.children])
    assert said(joined) == said(whole)


def test_the_table_of_these_tests_has_every_type() -> None:
    """Else they would prove less than they say."""
    assert {c.type for t in THING.walk() for c in t.columns} == set(Type)
