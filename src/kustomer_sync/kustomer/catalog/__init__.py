"""The catalog: every table, declared once. Everything else about a table is derived from here.

Names and types are those of the reference connector's ERD; where values are in the records is
known from Kustomer's API documentation and public payloads. Adding an object touches one place.
"""

from __future__ import annotations

from kustomer_sync.kustomer.catalog.klasses import KLASS, KOBJECT
from kustomer_sync.kustomer.catalog.org import (
    ASSISTANT,
    BRAND,
    BUSINESS_SCHEDULE,
    CARD,
    METADATA,
    NOTIFICATION,
    SATISFACTION,
    SHORTCUT,
    SLA,
    SNOOZE,
    TAG,
    TEAM,
    USER,
)
from kustomer_sync.kustomer.catalog.people import COMPANY, CUSTOMER
from kustomer_sync.kustomer.catalog.routing import QUEUE, ROUTING, WORK_SESSION
from kustomer_sync.kustomer.catalog.talk import (
    AUDIT_LOG,
    CONVERSATION,
    CONVERSATION_EVENT,
    CONVERSATION_TIME,
    MESSAGE,
    NOTE,
)
from kustomer_sync.model import Column, Origin, Table, Type

__all__ = [
    "COMPANY", "CONVERSATION", "CONVERSATION_TIME", "CUSTOMER", "KOBJECT", "MESSAGE", "METADATA",
    "NOTE", "SLA", "TABLES", "TAG", "WORK_SESSION", "history_table",
]  # fmt: skip

TABLES: tuple[Table, ...] = (
    TAG, TEAM, USER, BRAND, QUEUE, ROUTING, BUSINESS_SCHEDULE, SLA, SHORTCUT, SNOOZE, CARD,
    ASSISTANT, NOTIFICATION, SATISFACTION, KLASS, METADATA, WORK_SESSION, CONVERSATION, CUSTOMER,
    COMPANY, MESSAGE, NOTE, KOBJECT, CONVERSATION_TIME, CONVERSATION_EVENT, AUDIT_LOG,
)  # fmt: skip
"""The tables that sync, small reference tables first: what the large ones point to is there."""


def history_table(table: Table, prefix: str = "_fivetran_") -> Table | None:
    """The history table of `table` as a table: its columns, the key with the version's start."""
    if table.history is None:
        return None
    kept = tuple(c for c in table.columns if c.origin is not Origin.INDEX)
    start = Column(f"{prefix}start", Type.INSTANT)
    return Table(
        table.history, (*kept, start), key=(*table.history_key, start.name),
        parent=table.parent, parent_column=table.parent_column, link=table.link,
    )  # fmt: skip
