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
