"""Bytes of a reply -> JSON values that every destination can hold, with every digit kept.

orjson is the fast way. It turns integers beyond 64 bits into floats and refuses a whole page for
one lone surrogate, so a page in which either may occur is parsed by `json`. NUL and lone
surrogates become U+FFFD, since some databases refuse them.
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

_ODD = r"[:\[,]\s*-?\d{19}|\\u0000|\\u[dD][89a-fA-F]"
_UNLANDABLE = re.compile("[\x00\ud800-\udfff]")


def parse(content: bytes) -> Any:
    """The JSON value; `ValueError` when it is truncated or not JSON."""
    if not content:
        raise ValueError("an empty body")
    if not pc.match_substring_regex(pa.scalar(content, pa.binary()), _ODD).as_py():
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError:
            pass  # NaN and invalid UTF-8 are looked at again below
    return _scrubbed(json.loads(content.decode("utf-8", "replace")))


def _scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        return _UNLANDABLE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_scrubbed(item) for item in value]
    if isinstance(value, dict):
        return {_scrubbed(key): _scrubbed(item) for key, item in value.items()}
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None  # NaN and Infinity are not JSON
    return value
