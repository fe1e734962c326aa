"""What a key can do, before anything is written."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from kustomer_sync.destinations import destination
from kustomer_sync.kustomer.client import Client, Forbidden, NotFound, Refused
from kustomer_sync.model import Listing, Search, Table
from kustomer_sync.report import Check, Missing
from kustomer_sync.settings import Connection
from kustomer_sync.sync import Limits, choose, client_for, first_contact

_SEARCH = "org.permission.search.create"
_BROAD = ("org.permission", "org.user", "org.admin", "org")
"""Grants that cover everything below them; `org.permission` is used in practice."""


def check(connection: Connection) -> Check:
    """The key's org, name and missing roles. Writes nothing, in the source or the destination."""
    client = client_for(connection, threading.Event(), Limits())
    try:
        token = first_contact(client)
        found = destination(
            connection.destination_url, schema=connection.schema_name,
            system_prefix=connection.system_prefix, memory_limit=connection.memory_limit,
        )  # fmt: skip
        found.check()
        attributes = token.get("attributes") or {}
        roles = attributes.get("roles")
        tables = choose(connection)
        if isinstance(roles, list):
            missing = _missing(client, tables, {str(role) for role in roles})
        else:
            missing = _refused(client, tables)
        return Check(
            org=_org(token), key_name=attributes.get("name"),
            roles_known=isinstance(roles, list), missing=missing,
        )  # fmt: skip
    finally:
        client.close()


def _org(token: dict[str, Any]) -> str | None:
    data = ((token.get("relationships") or {}).get("org") or {}).get("data") or {}
    return data.get("id") if isinstance(data, dict) else None


def _needs(table: Table) -> tuple[str, ...]:
    return (_SEARCH, table.role) if isinstance(table.reading, Search) else (table.role,)


def has(roles: set[str], role: str) -> bool:
    """Whether any of a key's roles grants `role`, in the new or the legacy naming."""
    kind, action = role.removeprefix("org.permission.").rsplit(".", 1)
    legacy = {f"org.user.{kind}.read", f"org.admin.{kind}.read", f"org.user.{kind}.{action}"}
    above = {f"org.permission.{kind}", f"org.user.{kind}", f"org.admin.{kind}"}
    kobjects = {f"org.permission.{kind}.kobject", "org.permission.kobject.read"}
    return bool(roles & ({role, *legacy, *above, *_BROAD} | (kobjects & {role})))


def _missing(client: Client, tables: Iterable[Table], roles: set[str]) -> tuple[Missing, ...]:
    """Roles the key lacks; that of a list counts only if it is refused: not all are documented."""
    lacking: dict[str, list[str]] = {}
    for table in tables:
        for role in _needs(table):
            if has(roles, role):
                continue
            if isinstance(table.reading, Search) or _refused(client, [table]):
                lacking.setdefault(role, []).extend(t.name for t in table.walk())
    return tuple(Missing(role, tuple(names)) for role, names in lacking.items())


def _refused(client: Client, tables: Iterable[Table]) -> tuple[Missing, ...]:
    """Each path tried once, where Kustomer does not tell the key's roles."""
    missing = []
    for table in tables:
        try:
            if isinstance(table.reading, Listing):
                client.get(table.reading.path, {"page": "1", "pageSize": "1"})
            elif isinstance(table.reading, Search):
                client.search(
                    {"queryContext": table.reading.context, "and": []}, page=1, page_size=1
                )
        except Forbidden:
            missing.append(Missing(table.role, tuple(t.name for t in table.walk())))
        except (NotFound, Refused):
            continue
    return tuple(missing)
