"""Bytes of a reply -> JSON values that every destination can hold, with every digit kept.

orjson is the fast way and sees almost every page. It silently turns integers beyond 64 bits into
floats, and refuses a whole page for one lone surrogate, NaN or stray byte; such a page is parsed
by `json`. NUL and lone surrogates, which some databases refuse, become U+FFFD in keys and values.
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

_REPLACEMENT = "\ufffd"
_UNLANDABLE = re.compile("[\x00\ud800-\udfff]")
# Digits and the minus sign become "0", so one search finds every run of twenty.
_DIGITS = bytes(48 if chr(c) in "0123456789-" else 120 for c in range(256))
_RUN = b"0" * 20
_SPACE = b" \t\r\n"


def parse(body: bytes) -> Any:
    """The JSON value; `ValueError` when it is truncated, empty or not JSON. NaN becomes None."""
    if not _beyond_64_bits(body):
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError:
            pass  # what orjson refuses may still be readable
        else:
            return _scrubbed(value) if b"\\u0000" in body else value
    try:
        return _scrubbed(_lenient(body))
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None


def _beyond_64_bits(body: bytes) -> bool:
    """Whether a number of 20 digits, or 19 and a sign, may stand outside of strings.

    A run of digits is a number only behind `:`, `[` or `,`, or at the very start.
    """
    digits = body.translate(_DIGITS)
    at = digits.find(_RUN)
    while at >= 0:
        before = at - 1
        while before >= 0 and body[before] in _SPACE:
            before -= 1
        if before < 0 or body[before] in b":[,":
            return True
        at = digits.find(_RUN, at + len(_RUN))
    return False


def _lenient(body: bytes) -> Any:
    text = body.decode("utf-8", "replace").removeprefix("\ufeff")
    return json.loads(text, strict=False, parse_int=_integer, parse_constant=_not_json)


def _integer(digits: str) -> int | str:
    """An integer; one longer than Python reads (4,300 digits) stays the text it is."""
    try:
        return int(digits)
    except ValueError:
        return digits


def _not_json(name: str) -> None:
    """NaN and Infinity are nothing."""


def _scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        return _UNLANDABLE.sub(_REPLACEMENT, value)
    if isinstance(value, list):
        return [_scrubbed(item) for item in value]
    if isinstance(value, dict):
        return {_scrubbed(key): _scrubbed(item) for key, item in value.items()}
    return value
