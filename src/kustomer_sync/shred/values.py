"""Values -> one Arrow array of a column's type: fast where they fit, tolerant where they don't.

What does not fit becomes NULL and a misfit with its raw text; nothing is ever raised for a value.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from kustomer_sync.model import ARROW_TYPES, Type

_EXACT = 2**53
_INT, _LONG = 2**31, 2**63
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Misfit(ValueError):  # noqa: N818 - reads as what it is
    """A value that its column can't hold."""


@dataclass(frozen=True, slots=True)
class Converted:
    array: pa.Array
    type: Type
    """The column's type, or Long where an Int column met a larger number."""
    misfits: tuple[tuple[int, Any, str], ...] = ()
    """Place, value and reason of each that became NULL."""


def text(value: Any) -> str:
    """A value as text: a string is itself, anything else its JSON."""
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value).decode()
    except (TypeError, ValueError):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def number_text(value: float) -> str:
    """A double as text; a whole one without its fraction."""
    return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)


def loses_digits(values: Sequence[Any]) -> bool:
    """Whether an integer among them can't be told from its neighbour as a double."""
    return any(isinstance(v, int) and abs(v) > _EXACT for v in values)


FAST = {
    Type.STRING: pa.string(),
    Type.INT: pa.float64(),  # pa.array([1.5], int64) would silently be 1
    Type.LONG: pa.float64(),
    Type.DOUBLE: pa.float64(),
    Type.BOOLEAN: pa.bool_(),
    Type.INSTANT: pa.string(),  # pa.array refuses ISO strings as timestamps
}
"""What values are read as at first; `settle` makes the column's own type of it."""


def settle(array: pa.Array, type_: Type) -> Converted | None:
    """A fast-read array in its column's type, or None when it must be redone tolerantly."""
    try:
        if type_ is Type.INSTANT:
            return Converted(pc.cast(array, ARROW_TYPES[type_]), type_)
        if type_ in (Type.INT, Type.LONG):
            whole = pc.cast(array, pa.int64())
            bounds = pc.min_max(whole)
            least, most = bounds["min"].as_py(), bounds["max"].as_py()
            if least is None:
                return Converted(pc.cast(whole, ARROW_TYPES[type_]), type_)
            if least < -_EXACT or most > _EXACT:
                return None
            fits = type_ is Type.LONG or (least >= -_INT and most < _INT)
            settled = type_ if fits else Type.LONG
            return Converted(pc.cast(whole, ARROW_TYPES[settled]), settled)
    except pa.ArrowInvalid:
        return None
    return Converted(array, type_)


def convert(values: Sequence[Any], type_: Type) -> Converted:
    """The same for Python values, whatever they are."""
    if type_ is Type.JSON:
        return Converted(
            pa.array([None if v is None else _json(v) for v in values], pa.string()), type_
        )
    try:
        settled = settle(pa.array(values, FAST[type_]), type_)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        settled = None
    return settled or _tolerant(values, type_)


def _json(value: Any) -> str:
    return text(value) if not isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _tolerant(values: Sequence[Any], type_: Type) -> Converted:
    out: list[Any] = []
    misfits = []
    for place, value in enumerate(values):
        try:
            out.append(None if value is None else _BY_TYPE[type_](value))
        except Misfit as error:
            out.append(None)
            misfits.append((place, value, str(error)))
    if type_ is Type.INT and any(v is not None and not -_INT <= v < _INT for v in out):
        type_ = Type.LONG
    return Converted(pa.array(out, ARROW_TYPES[type_]), type_, tuple(misfits))


def _integer(value: Any) -> int:
    if isinstance(value, str):
        digits = value.strip()
        if not digits.lstrip("-").isascii() or not digits.lstrip("-").isdigit():
            raise Misfit("not a number")
        value = int(digits) if len(digits) <= 20 else _LONG
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Misfit("not a whole number")
    if not -_LONG <= value < _LONG:
        raise Misfit("beyond 64 bits")
    return value


def _double(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Misfit("not a number")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise Misfit("not a number") from None
    if number - number != 0:
        raise Misfit("not a finite number")
    return number


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise Misfit("neither true nor false")


def _instant(value: Any) -> datetime:
    try:
        if isinstance(value, str):
            at = datetime.fromisoformat(value.strip())
            return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1000 if abs(value) > 1e11 else value
            return _EPOCH + timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        pass
    raise Misfit("not a time")


_BY_TYPE = {
    Type.STRING: text,
    Type.INT: _integer,
    Type.LONG: _integer,
    Type.DOUBLE: _double,
    Type.BOOLEAN: _boolean,
    Type.INSTANT: _instant,
}
