"""What a key can do, before anything is written."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from kustomer_sync.destinations import destination
from kustomer_sync.kustomer.client import Client, Forbidden, NotFound, Refused
from kustomer_sync.kustomer.windows import PAGE_SIZE, Caps
from kustomer_sync.model import Each, Listing, Search, Table
from kustomer_sync.protect import Protection
from kustomer_sync.report import Check, Cost, Missing
from kustomer_sync.settings import Connection
from kustomer_sync.sync import (
    ATTACHMENTS,
    Limits,
    choose,
    client_for,
    first_contact,
    pending,
    refuse_other_salt,
)

_SEARCH = "org.permission.search.create"
_BROAD = ("org.permission", "org.user", "org.admin", "org")
"""Grants that cover everything below them; `org.permission` is used in practice."""


def check(
    connection: Connection, tell: Callable[[str], None] = lambda sentence: None
) -> Check:  # fmt: skip
    """The key's org, name and missing roles. Writes nothing, in the source or the destination.

    `tell` hears, in a sentence, of what makes it wait.
    """
    client = client_for(connection, threading.Event(), Limits())
    found = destination(
        connection.destination_url, schema=connection.schema_name,
        system_prefix=connection.system_prefix, memory_limit=connection.memory_limit, tell=tell,
    )  # fmt: skip
    try:
        token = first_contact(client)
        found.check()
        attributes = token.get("attributes") or {}
        roles = attributes.get("roles")
        tables, state = choose(connection), found.state()
        refuse_other_salt(connection.name, Protection(connection), tables, state)
        if isinstance(roles, list):
            missing = _missing(client, tables, {str(role) for role in roles})
        else:
            missing = _refused(client, tables)
        return Check(
            org=_org(token), key_name=attributes.get("name"),
            roles_known=isinstance(roles, list), missing=missing,
            costs=_costs(client, tables), search_budget=client.quota.search.allowed,
            request_budget=client.quota.org.allowed,
            back_fills=pending(connection, found, tables, PAGE_SIZE),
        )  # fmt: skip
    finally:
        client.close()
        found.close()


def _org(token: dict[str, Any]) -> str | None:
    data = ((token.get("relationships") or {}).get("org") or {}).get("data") or {}
    return data.get("id") if isinstance(data, dict) else None


def _needs(table: Table) -> tuple[str, ...]:
    own = (table.role,) if table.role else ()
    return (_SEARCH, *own) if isinstance(table.reading, Search) else own


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
                lacking.setdefault(role, []).extend(t.name for t in table.shown())
    return tuple(Missing(role, tuple(names)) for role, names in lacking.items())


def _refused(client: Client, tables: Iterable[Table]) -> tuple[Missing, ...]:
    """Each path tried once, where Kustomer does not tell the key's roles."""
    missing = []
    for table in tables:
        try:
            if isinstance(table.reading, Listing):
                path = table.reading.path.format(resource="customer")
                client.get(path, {"page": "1", "pageSize": "1"})
            elif isinstance(table.reading, Search):
                client.search(
                    {"queryContext": table.reading.context, "and": []}, page=1, page_size=1
                )
        except Forbidden:
            missing.append(Missing(table.role, tuple(t.name for t in table.shown())))
        except (NotFound, Refused):
            continue
    return tuple(missing)


def _each(tables: Iterable[Table]) -> Iterator[str]:
    """Tables that take a request for each conversation."""
    for table in tables:
        if isinstance(table.reading, Each) and table.reading.of == "conversation":
            yield table.name


def _costs(client: Client, tables: Iterable[Table]) -> tuple[Cost, ...]:
    """How many records a search shows of each table, and how many requests bring them.

    Kustomer counts to 10,000; beyond that the count says only that there are more. Where the
    search of messages names no attachments, those take a request for each conversation.
    """
    costs: dict[str, Cost] = {}
    named = True
    tables = tuple(tables)
    for table in tables:
        if not isinstance(table.reading, Search):
            continue
        asked = {"queryContext": table.reading.context, "and": [], "includeDeleted": True}
        try:
            page = client.search(asked, page=1, page_size=1)
        except (Forbidden, NotFound, Refused):
            continue
        if page.total is not None:
            costs[table.name] = Cost(
                table.name, page.total, page.total >= Caps().records,
                searches=max(1, -(-page.total // PAGE_SIZE)), others=0,
            )  # fmt: skip
        if any(child.name == ATTACHMENTS for child in table.children):
            named = all("attachments" in (r.get("relationships") or {}) for r in page.records)
    told = costs.get("conversation")
    for name in (ATTACHMENTS if told and not named else None, *_each(tables)):
        if told and name:
            costs[name] = replace(told, table=name, searches=0, others=told.records)
    return tuple(costs.values())
