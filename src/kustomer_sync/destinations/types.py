"""What our types are called in DuckDB."""

from __future__ import annotations

from collections.abc import Mapping

from kustomer_sync.model import Type

TYPES: Mapping[Type, str] = {
    Type.STRING: "VARCHAR",
    Type.INT: "INTEGER",
    Type.LONG: "BIGINT",
    Type.DOUBLE: "DOUBLE",
    Type.BOOLEAN: "BOOLEAN",
    Type.INSTANT: "TIMESTAMP WITH TIME ZONE",
    Type.JSON: "JSON",
}
BY_NAME = {name: type_ for type_, name in TYPES.items()}
_NEAREST: Mapping[str, Type] = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "UTINYINT", "USMALLINT"), Type.INT),
    **dict.fromkeys(("UINTEGER", "UBIGINT", "HUGEINT", "UHUGEINT"), Type.LONG),
    "FLOAT": Type.DOUBLE,
    **dict.fromkeys(
        ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), Type.INSTANT
    ),
}
"""What other programs' types become, if no value of the column is lost by it; all else is text."""


def nearest(engine: str) -> Type:
    """The type of ours that a column of the engine's type is treated as."""
    if engine.startswith("DECIMAL"):
        return Type.LONG if engine.endswith(",0)") else Type.DOUBLE
    return BY_NAME.get(engine) or _NEAREST.get(engine, Type.STRING)
