"""Values -> Arrow arrays of a column's type: by kernels where all fit, one by one where not.

Arrow reads some values wrongly without a word, so numbers are read twice and compared:
`pa.array([1.5], int64)` is 1, and `pa.array([True], float64)` is 1.0, but each refuses what the
other lets pass. What does not fit becomes NULL and a misfit; nothing is raised for a value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from kustomer_sync.model import ARROW_TYPES, Type

Array: TypeAlias = Any
"""A pyarrow array; its stubs tie kernels to element types that only the catalog knows."""

REFUSED = (pa.ArrowException, TypeError, ValueError, OverflowError)
"""What Arrow raises for values that it can't take."""

READ: Mapping[Type, tuple[pa.DataType, ...]] = {
    Type.STRING: (pa.string(),),
    Type.INT: (pa.int64(), pa.float64()),
    Type.LONG: (pa.int64(), pa.float64()),
    Type.DOUBLE: (pa.float64(), pa.int64()),
    Type.BOOLEAN: (pa.bool_(),),
    Type.INSTANT: (pa.string(),),  # pa.array refuses ISO strings as timestamps; the cast does not
}
"""What values of a type are read as; `settle` makes the column of it. Json is not read so."""

_EXACT = 2**53
_INT, _LONG = 2**31, 2**63
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = -62_135_596_800_000_000  # microseconds: year 1
_LAST = 253_402_300_799_999_999  # the end of year 9999
_WHOLE = re.compile(r"-?[0-9]+")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Settled:
    """A column's values, all of them."""

    array: Array
    type: Type
    """The column's type, or Long where an Int column met a larger number."""
    misfits: tuple[tuple[int, Any, str], ...] = ()
    """Place, value and reason of each that became NULL."""


class Misfit(Exception):  # noqa: N818 - reads as what it is
    """A value that its column can't hold; the message is why."""


# ---- text ----


def text(value: Any) -> str:
    """A value as text: a string is itself, anything else its JSON."""
    return _landable(value) if isinstance(value, str) else json_text(value)


def json_text(value: Any) -> str:
    """Compact JSON, keys in their order, every digit kept."""
    try:
        return orjson.dumps(value).decode()
    except (TypeError, ValueError):
        pass  # beyond 64 bits or 255 levels, or a lone surrogate
    try:
        return _landable(json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":")))
    except RecursionError:
        return '"(nested too deeply)"'


def _finite(value: Any) -> Any:
    if isinstance(value, float) and value - value != 0:
        return None
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return value


def _landable(value: str) -> str:
    return value if value.isascii() else _SURROGATES.sub("\ufffd", value)


def number_text(value: Any) -> str:
    """A number as the text of a column that holds numbers: 5 and 5.0 are both `5`."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return text(value)


def loses_digits(values: Sequence[Any]) -> bool:
    """Whether an integer among them is beyond what a double can hold exactly."""
    return any(
        abs(value) > _EXACT if isinstance(value, int) else _long_digits(value) for value in values
    )


def _long_digits(value: Any) -> bool:
    whole = isinstance(value, str) and len(value) > 15 and _WHOLE.fullmatch(value.strip())
    return bool(whole) and (len(value) > 400 or abs(int(value)) > _EXACT)


# ---- by kernels ----


def settle(columns: Sequence[tuple[Type, tuple[Array, ...]]]) -> list[Settled | None]:
    """Arrays as `READ` -> each in its column's type; None where it must be redone one by one.

    Columns of one type are cast together: a page has dozens, and each kernel call costs more
    than the values it works on.
    """
    found: list[Settled | None] = [None] * len(columns)
    groups: dict[Type, list[int]] = {}
    for place, (type_, arrays) in enumerate(columns):
        if type_ in _TOGETHER:
            groups.setdefault(type_, []).append(place)
        else:
            found[place] = Settled(arrays[0], type_)
    for type_, places in groups.items():
        together = _together(type_, [columns[place][1] for place in places])
        for place, settled in zip(places, together, strict=True):
            found[place] = settled
    return found


def _together(type_: Type, columns: list[tuple[Array, ...]]) -> list[Settled | None]:
    make = _TOGETHER[type_]
    if len(columns) == 1:
        return [make(type_, columns[0])]
    readings = zip(*columns, strict=True)
    joined = make(type_, tuple(pa.concat_arrays(same) for same in readings))
    if joined is None or joined.type is not type_:
        return [make(type_, arrays) for arrays in columns]
    found: list[Settled | None] = []
    at = 0
    for arrays in columns:
        found.append(Settled(joined.array.slice(at, len(arrays[0])), type_))
        at += len(arrays[0])
    return found


def _whole(type_: Type, arrays: tuple[Array, ...]) -> Settled | None:
    integers, numbers = arrays
    same = pc.equal(pc.cast(integers, pa.float64(), safe=False), numbers)
    if pc.all(same).as_py() is False:
        return None
    if type_ is Type.INT:
        try:
            return Settled(pc.cast(integers, pa.int32()), type_)
        except pa.ArrowInvalid:
            pass  # beyond 32 bits
    return Settled(integers, Type.LONG)


def _times(type_: Type, arrays: tuple[Array, ...]) -> Settled | None:
    try:
        times: Array = arrays[0].cast(ARROW_TYPES[type_])
    except pa.ArrowInvalid:
        return None
    bounds: Any = pc.min_max(times)
    if bounds["min"].is_valid and (bounds["min"].value < _FIRST or bounds["max"].value > _LAST):
        return None
    return Settled(times, type_)


_TOGETHER: Mapping[Type, Callable[[Type, tuple[Array, ...]], Settled | None]] = {
    Type.INT: _whole,
    Type.LONG: _whole,
    Type.INSTANT: _times,
}


def by_kernels(values: Sequence[Any], type_: Type) -> Settled | None:
    """Python values that all fit; None where any does not."""
    try:
        if type_ is Type.JSON:
            made = [None if value is None else orjson.dumps(value) for value in values]
            return Settled(pa.array(made, pa.string()), type_)
        return settle([(type_, tuple(pa.array(values, as_) for as_ in READ[type_]))])[0]
    except REFUSED:
        return None


# ---- one by one ----


def convert(values: Sequence[Any], type_: Type, *, numbers: bool = False) -> Settled:
    """Python values in their column's type, whatever they are.

    `numbers`: they are numbers that a text column holds.
    """
    quick = None if numbers else by_kernels(values, type_)
    if quick is not None:
        return quick
    return _one_by_one(values, type_, number_text if numbers else _BY_TYPE[type_])


def _one_by_one(values: Sequence[Any], type_: Type, fit: Callable[[Any], Any]) -> Settled:
    made: list[Any] = []
    misfits = []
    for place, value in enumerate(values):
        try:
            made.append(None if value is None else fit(value))
        except Misfit as why:
            made.append(None)
            misfits.append((place, value, str(why)))
    if type_ is Type.INT and any(v is not None and not -_INT <= v < _INT for v in made):
        type_ = Type.LONG
    return Settled(pa.array(made, ARROW_TYPES[type_]), type_, tuple(misfits))


def _to_integer(value: Any) -> int:
    if isinstance(value, str):
        value = _from_digits(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Misfit("not a whole number")
    if not -_LONG <= value < _LONG:
        raise Misfit("beyond 64 bits")
    return value


def _from_digits(value: str) -> int:
    digits = value.strip()
    if not _WHOLE.fullmatch(digits):
        raise Misfit("not a whole number")
    return int(digits) if len(digits) < 400 else _LONG


def _to_double(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Misfit("not a number")
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value.strip()):
            raise Misfit("not a number")
        if _WHOLE.fullmatch(value.strip()):
            value = _from_digits(value) if len(value) < 400 else 10**400
    try:
        number = float(value)
    except OverflowError:
        raise Misfit("too large for a double") from None
    if number - number != 0:
        raise Misfit("not a finite number")
    if isinstance(value, int) and int(number) != value:
        raise Misfit("a double would lose digits")
    return number


def _to_boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise Misfit("neither true nor false")


def _to_instant(value: Any) -> datetime:
    """ISO 8601 from year 1 to 9999, UTC where no offset is given; a number is milliseconds."""
    try:
        if isinstance(value, str) and _DATE.match(value.strip()):
            at = datetime.fromisoformat(value.strip())
            return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _EPOCH + timedelta(milliseconds=value)
    except (ValueError, OverflowError):
        pass  # no such day, or out of range
    raise Misfit("not a time")


_BY_TYPE: Mapping[Type, Callable[[Any], Any]] = {
    Type.STRING: text,
    Type.JSON: json_text,
    Type.INT: _to_integer,
    Type.LONG: _to_integer,
    Type.DOUBLE: _to_double,
    Type.BOOLEAN: _to_boolean,
    Type.INSTANT: _to_instant,
}
