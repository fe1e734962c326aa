"""Everything that knows a database. Start at `destination(url)`; the promises are in `protocol`."""

from __future__ import annotations

from pathlib import Path

from kustomer_sync.destinations.protocol import Destination
from kustomer_sync.errors import ConfigError

__all__ = ["SUPPORTED", "Destination", "destination"]

SUPPORTED = ("duckdb",)


def destination(
    url: str,
    *,
    schema: str,
    system_prefix: str = "_fivetran_",
    memory_limit: str = "128MB",
    folder: Path | None = None,
) -> Destination:
    """The destination a SQLAlchemy-style URL names; opens nothing yet.

    Three slashes are a path relative to `folder` (default: the current one), four an absolute one.
    """
    scheme, mark, rest = url.partition("://")
    if not mark or scheme not in SUPPORTED:
        raise ConfigError(
            f"The destination {scheme + mark!r} is not supported."
            if mark
            else "The destination is not a URL.",
            f"Supported: {', '.join(f'{s}://' for s in SUPPORTED)}; for example duckdb:///acme.duckdb",
        )
    from kustomer_sync.destinations.duckdb import MEMORY, DuckDB

    host, slash, path = rest.partition("/")
    if host or not slash or not path:
        raise ConfigError(
            "A DuckDB destination names a file and no host.",
            "Three slashes for a relative path, four for an absolute one: duckdb:///acme.duckdb",
        )
    if "?" in path:
        raise ConfigError("A DuckDB destination takes no options after a question mark.")
    return DuckDB(
        path=path if path == MEMORY else str((folder or Path()) / path),
        schema=schema,
        system_prefix=system_prefix,
        memory_limit=memory_limit,
    )
