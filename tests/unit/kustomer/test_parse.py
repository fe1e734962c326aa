"""A reply's bytes become JSON values that keep every digit and that every database can hold."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kustomer_sync.kustomer.parse import _beyond_64_bits, parse


@pytest.mark.parametrize(
    "number",
    [
        123456789012345678901234, 2**64, 2**64 - 1, 2**63, -(2**63), -(2**63) - 1,
        -9999999999999999999, 12345678901234567890,
    ],
)  # fmt: skip
@pytest.mark.parametrize("around", ["[{}]", '{{"a":{}}}', '{{"a": \n{}}}', "[1,\t{} ]", "{}"])
def test_integers_keep_their_digits(number: int, around: str) -> None:
    """orjson alone would make floats of integers beyond 64 bits."""
    text = around.format(number)
    assert json.dumps(parse(text.encode())) == json.dumps(json.loads(text))


def test_an_integer_of_thousands_of_digits_stays_text() -> None:
    """Longer than Python reads, but not lost."""
    assert parse(b"[" + b"7" * 5000 + b"]") == ["7" * 5000]


def test_ids_made_of_digits_do_not_slow_a_page_down() -> None:
    """Runs of digits inside of strings are no numbers."""
    assert not _beyond_64_bits(b'{"id":"507f19123456789012345678","at":"12345678901234567890"}')
    assert not _beyond_64_bits(b'{"text":"call 12345678901234567890"}')
    assert _beyond_64_bits(b'{"id":"12345678901234567890","n": 12345678901234567890}')


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (rb'["a\u0000b"]', ["a\ufffdb"]),
        (rb'{"a\u0000":1}', {"a\ufffd": 1}),
        (rb'["\ud83d"]', ["\ufffd"]),
        (rb'[{"\udc00":"\udfff"}]', [{"\ufffd": "\ufffd"}]),
        (rb'["\ud83d\ude00"]', ["\U0001f600"]),
        (rb'["\\u0000"]', ["\\u0000"]),
        (b'["\xff"]', ["\ufffd"]),
        (b'["a\x00b\nc"]', ["a\ufffdb\nc"]),
        (b"[NaN,-Infinity,1]", [None, None, 1]),
        (b"\xef\xbb\xbf[1]", [1]),
        (rb'["\ud800",12345678901234567890123]', ["\ufffd", 12345678901234567890123]),
    ],
)
def test_what_some_databases_refuse_is_replaced(body: bytes, value: object) -> None:
    """NUL, lone surrogates and stray bytes become U+FFFD, in keys too; the page is read."""
    assert parse(body) == value


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"data":[{"id":"a"', b"<html>", b'["\\ud8', b"[" * 100_000]
)
def test_a_broken_body_is_a_value_error(body: bytes) -> None:
    """A truncated page is never taken for a short one."""
    with pytest.raises(ValueError):  # noqa: PT011 - any of json's own
        parse(body)


_JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.integers(-(10**24), 10**24), st.text(),
        st.floats(allow_nan=False, allow_infinity=False),
    ),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
)  # fmt: skip


def _without_nul(value: object) -> object:
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(item) for key, item in value.items()}
    return value


@settings(max_examples=100, deadline=None)
@given(_JSON, st.booleans())
def test_reads_what_json_reads(value: object, ascii_only: bool) -> None:
    """Alike with the standard library, to the last digit, but for NUL."""
    body = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert repr(parse(body)) == repr(_without_nul(json.loads(body)))
