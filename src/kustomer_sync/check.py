"""What a key can do, before anything is written."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from kustomer_sync.destinations import destination
from kustomer_sync.errors import PathFailed
from kustomer_sync.kustomer.catalog import TABLES
from kustomer_sync.kustomer.client import Client, Forbidden, NotFound, Refused
from kustomer_sync.kustomer.singly import quoted, told_apart
from kustomer_sync.kustomer.windows import PAGE_SIZE, Caps
from kustomer_sync.model import SEARCH_ROLE, Each, Listing, Log, Record, Search, Table
from kustomer_sync.report import Check, Cost, Missing
from kustomer_sync.settings import Connection
from kustomer_sync.sync import (
    ATTACHMENTS,
    Limits,
    choose,
    client_for,
    everything_of,
    first_contact,
    org_of,
    pending,
    refuse_changed,
    refuse_other_org,
)

_BROAD = ("org.permission", "org.user", "org.admin", "org")
"""Grants that cover everything below them; `org.permission` is used in practice."""
_PATIENCE = 60.0
"""Seconds for which a path may keep failing: somebody sits and waits."""


def check(
    connection: Connection, tell: Callable[[str], None] = lambda sentence: None
) -> Check:  # fmt: skip
    """The key's org, name and missing roles. Writes nothing, in the source or the destination.

    `tell` hears, in a sentence, of what makes it wait.
    """
    limits = Limits(retry_seconds=_PATIENCE)
    client = client_for(connection, threading.Event(), limits, tell=tell)
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
        refuse_changed(connection, state)
        refuse_other_org(connection, token, state)
        found.refuse(tables)
        held = {str(role) for role in roles} if isinstance(roles, list) else None
        costs, refused = _costs(client, tables)
        return Check(
            org=org_of(token), key_name=attributes.get("name"),
            roles_known=held is not None, missing=_missing(client, tables, held, refused),
            costs=costs, search_budget=client.quota.search.allowed,
            request_budget=client.quota.org.allowed,
            back_fills=pending(connection, found, tables, PAGE_SIZE),
        )  # fmt: skip
    finally:
        client.close()
        found.close()


def _needs(table: Table) -> tuple[str, ...]:
    """What is asked for by the records of others needs these to be found."""
    searched = _searched(table)
    found = (SEARCH_ROLE, searched.role) if searched else ()
    return tuple(role for role in dict.fromkeys([*found, table.role]) if role)


def _searched(table: Table) -> Table | None:
    """The table whose records a search finds: its own, or those that it is asked for by."""
    of = table.reading.of if isinstance(table.reading, Each) else table.name
    found = next((t for t in (table, *TABLES) if t.name == of), table)
    return found if isinstance(found.reading, Search) else None


def has(roles: set[str], role: str) -> bool:
    """Whether any of a key's roles grants `role`, in the new or the legacy naming."""
    kind, action = role.removeprefix("org.permission.").rsplit(".", 1)
    legacy = {f"org.user.{kind}.read", f"org.admin.{kind}.read", f"org.user.{kind}.{action}"}
    above = {f"org.permission.{kind}", f"org.user.{kind}", f"org.admin.{kind}"}
    kobjects = {f"org.permission.{kind}.kobject", "org.permission.kobject.read"}
    return bool(roles & ({role, *legacy, *above, *_BROAD} | (kobjects & {role})))


def _missing(
    client: Client, tables: Iterable[Table], roles: set[str] | None, refused: set[str]
) -> tuple[Missing, ...]:
    """Roles that the key lacks, with what that costs; `roles` are its own where they are told.

    One that it has is believed, but of tables whose search was `refused` all the same. One that it
    lacks counts where a path refuses: not all roles are documented, nor whether a search needs
    those of what it finds.
    """
    lacking: dict[str, list[str]] = {}
    for table in tables:
        searched = _searched(table)
        doubted = searched is not None and searched.name in refused
        if doubted or roles is None or not all(has(roles, role) for role in _needs(table)):
            for role, names in _refused(client, table, roles):
                lacking.setdefault(role, []).extend(names)
    return tuple(Missing(role, tuple(names)) for role, names in lacking.items())


def _refused(
    client: Client, table: Table, roles: set[str] | None
) -> Iterator[tuple[str, list[str]]]:
    """What of a table can't be read, by the role it needs; its reading is tried once."""
    searched = _searched(table)
    try:
        found = _one(client, searched) if searched else None
    except Forbidden:
        # The role of what is searched, if that alone is lacking; else that of all searches.
        own = searched.role if searched and roles and has(roles, SEARCH_ROLE) else None
        yield own if own and roles and not has(roles, own) else SEARCH_ROLE, everything_of(table)
        return
    path = _path(table, found)
    if path is None:
        return
    try:
        client.get(path, {"page": "1", "pageSize": "1"})
    except Forbidden:
        attached = [t for t in table.children if t.name == ATTACHMENTS]
        yield table.role, [n for t in attached for n in everything_of(t)] or everything_of(table)
    except (NotFound, Refused, PathFailed):
        return


def _one(client: Client, table: Table) -> Record | None:
    """One record that a search shows; raises `Forbidden` where it may not be sent."""
    assert isinstance(table.reading, Search)  # noqa: S101 - narrows for the type checker
    asked = {"queryContext": table.reading.context, "and": []}
    try:
        page = client.search(asked, page=1, page_size=1)
    except (NotFound, Refused, PathFailed):
        return None
    return page.records[0] if page.records else None


def _path(table: Table, found: Record | None) -> str | None:
    """What is asked for besides searches; `found` is one of the records that it is asked for by."""
    match table.reading:
        case Listing(path=path):
            return path.format(resource="customer")
        case Log(path=path):
            return path
        case Each(path=path) if found is not None:
            return path.format(id=quoted(str(found["id"])))
        case Search() if found is not None and any(c.name == ATTACHMENTS for c in table.children):
            if told_apart([found])[1] and (talk := _conversation_of(found)):
                return f"/v1/conversations/{quoted(talk)}/messages"
    return None


def _conversation_of(message: Record) -> str | None:
    talk = (message.get("relationships") or {}).get("conversation") or {}
    data = talk.get("data") if isinstance(talk, dict) else None
    return str(data["id"]) if isinstance(data, dict) and "id" in data else None


def _each(tables: Iterable[Table]) -> Iterator[str]:
    """Tables that take a request for each conversation."""
    for table in tables:
        if isinstance(table.reading, Each) and table.reading.of == "conversation":
            yield table.name


def _costs(client: Client, tables: Iterable[Table]) -> tuple[tuple[Cost, ...], set[str]]:
    """How many records a search shows of each table, and how many requests bring them.

    And the tables whose search is forbidden.

    Kustomer counts to 10,000; beyond that the count says only that there are more. Where the
    search of messages names no attachments, those take a request for each conversation.
    """
    costs: dict[str, Cost] = {}
    named, refused = True, set[str]()
    tables = tuple(tables)
    for table in tables:
        if not isinstance(table.reading, Search):
            continue
        asked = {"queryContext": table.reading.context, "and": [], "includeDeleted": True}
        try:
            page = client.search(asked, page=1, page_size=1)
        except Forbidden:
            refused.add(table.name)
            continue
        except (NotFound, Refused, PathFailed):
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
    return tuple(costs.values()), refused
