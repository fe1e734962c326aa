"""Everything that knows a database."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from kustomer_sync.destinations.protocol import Destination
from kustomer_sync.errors import ConfigError

__all__ = ["Destination", "destination"]

HOLD_SECONDS = 0.1
"""Longer than what a sync does between two calls that belong together."""


def destination(
    url: str, *, schema: str, system_prefix: str, memory_limit: str,
    tell: Callable[[str], None] = lambda sentence: None, hold_seconds: float = HOLD_SECONDS,
) -> Destination:  # fmt: skip
    """The destination a URL names, not opened yet. SQLAlchemy-style: `duckdb:////abs/olute.db`.

    `tell` hears, in a sentence, of what makes it wait. A file stays open for `hold_seconds` after
    it was used, and until `close` at most.
    """
    parts = urlsplit(url)
    if parts.scheme == "duckdb":
        path = unquote(parts.path.removeprefix("/"))
        if not path or path == ":memory:" or parts.netloc or parts.query or parts.fragment:
            raise ConfigError(
                "`destination` has to name a DuckDB file, and nothing else.",
                "Write it as duckdb:///acme.duckdb, or duckdb:////var/acme.duckdb from the root.",
            )
        from kustomer_sync.destinations.duckdb import DuckDB

        return DuckDB(
            path, schema=schema, system_prefix=system_prefix, memory_limit=memory_limit, tell=tell,
            hold_seconds=hold_seconds,
        )  # fmt: skip
    raise ConfigError(
        f"{parts.scheme or url!r} is not a destination this version writes to.",
        "Use duckdb:///FILE.",
    )
