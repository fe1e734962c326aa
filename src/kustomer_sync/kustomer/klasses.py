"""Klasses (the types of custom objects) and the metadata of custom attributes."""

from __future__ import annotations

import re
from typing import Any

from kustomer_sync.errors import PathFailed
from kustomer_sync.kustomer.client import Client, Forbidden, NotFound, Refused, walk
from kustomer_sync.model import Record

_ID = re.compile("[0-9a-f]{24}")
UNKNOWN = "unknown"
"""The klass of a KObject that does not say of which it is."""
_STATUSES = ("enabled", "existing_only", "disabled")


class Klasses:
    """Knows the klass of a KObject; asks Kustomer again when it meets an unknown one."""

    def __init__(self, client: Client, known: dict[str, str]) -> None:
        self.names = dict(known)
        """klass id -> name"""
        self.unlisted: dict[str, Forbidden | PathFailed] = {}
        """The statuses of which none could be listed, and why."""
        self.unnamed: set[str] = set()
        """Ids of klasses of which a KObject was met and no name is known."""
        self._client = client
        self._asked = False

    def ensure(self) -> None:
        """Every klass was asked for in this sync."""
        if not self._asked:
            self.refresh()

    def refresh(self) -> None:
        """Ask for every klass, whatever its status; without the role, what is known stays."""
        self._asked = True
        for status in _STATUSES:
            try:
                for page in walk(self._client, "/v1/klasses", {"status": status}):
                    for klass in page.records:
                        name = (klass.get("attributes") or {}).get("name")
                        if isinstance(name, str) and name:
                            self.names[str(klass.get("id"))] = name
            except (NotFound, Refused):
                continue
            except (Forbidden, PathFailed) as error:
                self.unlisted[status] = error

    @property
    def lacking(self) -> str:
        """Which could not be listed, in words; none of them or those of some statuses."""
        if set(self.unlisted) == set(_STATUSES):
            return "the klasses"
        return f"the klasses that are {' or '.join(self.unlisted)}" if self.unlisted else ""

    def of(self, record: Record) -> str:
        """The name of the klass a KObject belongs to; "unknown" when nothing says it.

        Where its klass could not be listed that is the klass's id, which is then `unnamed`.

        Its `type` is `kobject.<klass>` or plain `kobject` (inferred), and its `klass`
        relationship has `link` where all others have `links` (documented and observed).
        """
        kind = record.get("type")
        if isinstance(kind, str) and kind.startswith("kobject.") and len(kind) > 8:
            return kind[8:]
        relationships = record.get("relationships")
        relation = relationships.get("klass") if isinstance(relationships, dict) else None
        if isinstance(relation, dict):
            for ref in _refs(relation):
                if ref in self.names:
                    return self.names[ref]
                if ref in self.names.values():
                    return ref
                if not self._asked:
                    self.refresh()
                    return self.of(record)
            for ref in _refs(relation):
                if _ID.fullmatch(ref):
                    self.unnamed.add(ref)
                return ref
        attributes = record.get("attributes")
        name = attributes.get("klassName") if isinstance(attributes, dict) else None
        return name if isinstance(name, str) and name else UNKNOWN


def _refs(relation: dict[str, Any]) -> list[str]:
    """What a `klass` relationship points to: an id, or the last part of a link."""
    found = []
    data = relation.get("data")
    if isinstance(data, dict) and isinstance(data.get("id"), str):
        found.append(data["id"])
    for key in ("link", "links"):
        link = relation.get(key)
        if isinstance(link, dict):
            link = link.get("self")
        if isinstance(link, str) and link:
            found.append(link.rstrip("/").rsplit("/", 1)[-1])
    return found


def properties(described: Record | None) -> dict[str, Any] | None:
    """A resource's custom attributes by name; None when its metadata says nothing of them."""
    attributes = (described or {}).get("attributes")
    found = attributes.get("properties") if isinstance(attributes, dict) else None
    return found if isinstance(found, dict) else None
