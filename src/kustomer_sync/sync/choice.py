"""What a connection asks for: its tables and columns, its client, and what narrows a sync."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kustomer_sync.errors import ConfigError, PathFailed, SourceUnreachable
from kustomer_sync.kustomer import catalog, windows
from kustomer_sync.kustomer.client import PULSE, Client, Forbidden, NotFound, Refused
from kustomer_sync.kustomer.quota import ORG_PER_MINUTE, SEARCHES_PER_MINUTE, Quota
from kustomer_sync.model import READ_BACK, Table
from kustomer_sync.protect import Protection
from kustomer_sync.settings import Connection

COMMIT_RECORDS = 20_000
COMMIT_BYTES = 64 * 1024 * 1024
COMMIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a test or an operator may narrow."""

    caps: windows.Caps = field(default_factory=windows.Caps)
    page_size: int = windows.PAGE_SIZE
    searches_per_minute: int = SEARCHES_PER_MINUTE
    requests_per_minute: int = ORG_PER_MINUTE
    """Both until a reply names the limits."""
    workers: int = 6
    commit_records: int = COMMIT_RECORDS
    commit_seconds: float = COMMIT_SECONDS
    retry_seconds: float = 900.0
    page_seconds: float = 120.0


def choose(connection: Connection, names: Sequence[str] = ()) -> tuple[Table, ...]:
    """The root tables a connection syncs, with the columns and children it wants."""
    protection = Protection(connection)
    chosen = []
    for table in catalog.TABLES:
        if names and table.name not in names and not {c.name for c in table.children} & set(names):
            continue
        if (connection.extras or not table.extra) and _any_wanted(connection, protection, table):
            trimmed = _trimmed(connection, protection, table)
            if any(_lands(part) for part in trimmed.walk()) or _klass_named(protection, table):
                chosen.append(trimmed)
    return tuple(chosen)


def _any_wanted(connection: Connection, protection: Protection, root: Table) -> bool:
    """Whether any table of its records is enabled, or a history spelled out, or a klass's table."""
    shown = any(protection.enabled(part.name) for part in root.shown())
    histories = any(
        _history_wanted(connection, part.name) or (part.history and protection.named(part.history))
        for part in root.walk()
    )
    return shown or histories or _klass_named(protection, root)


def _klass_named(protection: Protection, root: Table) -> bool:
    return bool(protection.klasses_named(root))


def _lands(table: Table) -> bool:
    """Whether anything that users see lands of it."""
    return not table.hidden or table.history is not None


def _trimmed(connection: Connection, protection: Protection, table: Table) -> Table:
    """The table with what is wanted of it; hidden where only its children or its history are."""
    extra = {c.name for c in table.columns if c.extra and not connection.extras}
    old = connection.service_version == 1
    columns = (
        replace(c, legacy=False) if c.legacy else c for c in table.columns
        if c.name not in extra and (old or not c.legacy)
    )  # fmt: skip
    children = (
        _trimmed(connection, protection, child)
        for child in table.children
        if connection.extras or not child.extra
    )
    found = replace(
        table, columns=tuple(columns),
        children=tuple(child for child in children if _lands(child)),
        left_out=tuple(sorted(extra | {c.name for c in table.columns if c.legacy and not old})),
    )  # fmt: skip
    found = protection.dressed(_kept(connection, found))
    return found if protection.enabled(table.name) else _hidden(found)


def _hidden(table: Table) -> Table:
    """With the columns alone that the program reads back; its history, if any, has all."""
    read = {*table.key, table.parent_column, "rev", *READ_BACK}
    lands = tuple(c.name for c in table.columns if c.name in read)
    if table.history or table.per_klass:
        return replace(table, hidden=True, lands=lands)
    columns = tuple(c for c in table.columns if c.name in lands)
    return replace(table, hidden=True, columns=columns, custom=False)


def _kept(connection: Connection, table: Table) -> Table:
    """With a history if it is asked for, or if the reference schema has one of it."""
    name = table.history or f"{table.name}_history"
    if _history_wanted(connection, table.name):
        return table.versioned(name)
    kept = connection.tables.get(name)
    if table.history and connection.service_version != 1 and (kept is None or kept.enabled):
        return table
    bare = replace(table, history=None, history_key=())
    if not table.per_klass:
        return bare
    klasses = (name for name in connection.tables if name.startswith(f"{table.name}_"))
    children = {child.name for child in table.children}
    return replace(bare, klasses_kept=frozenset(
        name for name in klasses if name not in children and _history_wanted(connection, name)
    ))  # fmt: skip


def _history_wanted(connection: Connection, name: str) -> bool:
    choice = connection.tables.get(name)
    return choice is not None and choice.history


def client_for(
    connection: Connection, stop: threading.Event, limits: Limits,
    share: Callable[[], float] | None = None, waits: Callable[[float], None] = lambda seconds: None,
    tell: Callable[[str], None] = lambda sentence: None,
) -> Client:  # fmt: skip
    quota = Quota(
        connection.api_utilization_percentage,
        max_wait=connection.max_wait_minutes * 60,
        clock=time.monotonic,
        stop=stop,
        searches_per_minute=limits.searches_per_minute,
        requests_per_minute=limits.requests_per_minute,
        share=share,
        waits=waits,
    )
    return Client(
        connection.api_url, connection.token(), quota, proxy=connection.proxy,
        ca_file=connection.ca_file, stop=stop, retry_seconds=limits.retry_seconds,
        page_seconds=limits.page_seconds, tell=tell,
    )  # fmt: skip


def first_contact(client: Client) -> dict[str, Any]:
    """What the key is: its attributes and relationships; {} when no path tells.

    `GET /v1/auth/tokens/current` is documented for every key and names its roles; a server
    without it is asked for the current user. `SourceUnreachable` where no path at all is known.
    """
    unknown = 0
    for path in (PULSE, "/v1/users/current"):
        try:
            body = client.get(path)
        except (NotFound, Forbidden, Refused) as error:
            unknown += isinstance(error, NotFound)
            continue
        data = body.get("data") if isinstance(body, dict) else None
        return data if isinstance(data, dict) else {}
    if unknown == 2 and not any(_knows(client, path) for path in _EVERYWHERE):
        raise SourceUnreachable(
            f"{client.base_url} answers, but has none of the paths of Kustomer's API (404).",
            "Check `base_url`: it ends before /v1.",
        )
    return {}


_EVERYWHERE = ("/v1/users", "/v1/tags", "/v1/klasses")
"""Lists that every Kustomer has, whether or not a key may read them."""


def _knows(client: Client, path: str) -> bool:
    try:
        client.get(path, {"page": "1", "pageSize": "1"})
    except NotFound:
        return False
    except (Forbidden, Refused, PathFailed):
        return True
    return True


ORG = "org"
"""State key: the id of the org whose data the destination holds."""


def org_of(told: Mapping[str, Any]) -> str | None:
    """The id of the org that what `first_contact` told belongs to; both its paths document one."""
    found: Any = told
    for key in ("relationships", "org", "data", "id"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, str) else None


def refuse_other_org(
    connection: Connection, told: Mapping[str, Any], state: Mapping[str, Any]
) -> None:
    """Another org's records would all seem gone, and be flagged. What names no org may be any."""
    kept, given = state.get(ORG), org_of(told)
    if kept and given and kept != given:
        raise ConfigError(
            f"The schema {connection.schema_name!r} of {connection.shown_destination} holds the "
            f"data of org {kept}, and the key is of org {given}.",
            f"Give [connections.{connection.name}] another schema, or a key of the former org.",
        )
