"""What can happen to an org: the verbs that tests, the mutator and the control routes share."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from .clock import iso, to_ms
from .kind import Json
from .world import Version, World

GONE: Any = object()
"""As a value of `edit`: the attribute is absent afterwards."""


class Deeds:
    """Writes to one world. Each is true at once and searchable when the index has seen it."""

    def __init__(self, world: World) -> None:
        self.world = world

    def edit(
        self,
        kind: str,
        record_id: str,
        attributes: Json,
        relationships: Json | None = None,
        *,
        at: int | None = None,
        bump: bool = True,
        lag_ms: int | None = None,
        action: str = "update",
    ) -> Version:
        """Set attributes (any value; `GONE` removes) and relationships (None removes).

        `custom` is merged, everything else replaced. `attributes["updatedAt"]` (ISO) or `at` (ms)
        sets the moment, never before the last version's.
        """
        attributes = dict(attributes)
        stamp = attributes.pop("updatedAt", None)
        moment = to_ms(stamp) if isinstance(stamp, str) else at

        def change(record: Json) -> None:
            _set(record["attributes"], attributes)
            for name, there in (relationships or {}).items():
                held = record.setdefault("relationships", {})
                if there is None:
                    held.pop(name, None)
                else:
                    held[name] = there
            if action == "update" and "modifiedAt" not in attributes:
                record["attributes"]["modifiedAt"] = iso(self.world.clock.now_ms())

        return self.world.write(
            kind, record_id, action, change, at=moment, bump=bump, lag_ms=lag_ms
        )

    def create(
        self,
        kind: str,
        attributes: Json,
        relationships: Json | None = None,
        *,
        record_id: str | None = None,
        lag_ms: int | None = None,
    ) -> str:
        """A new record; its id. `kobject.<klass>` makes a KObject of that klass.

        `updatedAt` and `createdAt` may be given; relationships may be `{"customer": id}`.
        """
        name, _, klass = kind.partition(".")
        pointers = {
            key: there if isinstance(there, dict) else self.world.relation(key, there)
            for key, there in (relationships or {}).items()
        }
        record_type, link = None, None
        if klass:
            record_type = kind
            link = f"/v1/klasses/{klass}/{{id}}"
            pointers.setdefault(
                "klass",
                {
                    "link": {"self": f"/v1/klasses/{klass}"},
                    "data": {"type": "klass", "id": self._klass_id(klass)},
                },
            )
        elif name == "metadata":
            link = f"/v1/metadata/{attributes['resource']}"
        return self.world.create(
            name,
            copy.deepcopy(attributes),
            pointers,
            record_type=record_type,
            record_id=record_id,
            lag_ms=lag_ms,
            link=link,
        )

    def soft_delete(self, kind: str, record_id: str, lag_ms: int | None = None) -> Version:
        """`deleted`, `deletedAt`, `deletedBy`; `updatedAt` moves if the switch says so [U]."""
        world = self.world
        user = world.base.relation("user", 0)
        stamp = iso(world.clock.now_ms())
        return self.edit(
            kind,
            record_id,
            {"deleted": True, "deletedAt": stamp},
            {"deletedBy": user},
            bump=world.switches.delete_bumps_updated_at,
            lag_ms=lag_ms,
            action="delete",
        )

    def undelete(self, kind: str, record_id: str) -> Version:
        """The record returns."""
        return self.edit(
            kind,
            record_id,
            {"deleted": False, "deletedAt": GONE},
            {"deletedBy": None},
            action="undelete",
        )

    def hard_delete(self, kind: str, record_id: str) -> Version:
        """The record vanishes from everything; only the ledger knows it existed."""
        return self.world.write(kind, record_id, "erase", None)

    def restore(self, kind: str, record: Json, *, bump: bool = True) -> Version:
        """A vanished record is there again as it was; its `updatedAt` is now if `bump`."""
        return self.world.restore(kind, record, bump=bump)

    def redact(self, message_id: str) -> Version:
        """The row stays, the body is gone [D]."""
        now = iso(self.world.clock.now_ms())
        gone = {"redacted": True, "redactedAt": now, "preview": "", "size": 0}
        user = self.world.base.relation("user", 0)
        return self.edit("message", message_id, gone, {"redactedBy": user}, action="redact")

    def merge(self, source_id: str, target_id: str) -> str:
        """Merge customers: everything of the source moves to the target, the source is deleted [I].

        Returns the id of the customer_merge.
        """
        world = self.world
        with world.lock:
            target = {"customer": world.relation("customer", target_id)}
            bump = world.switches.merge_bumps_updated_at
            for kind in ("conversation", "message", "note", "kobject"):
                for child in world.children(kind, "customer", source_id):
                    self.edit(kind, child.id, {}, target, bump=bump, action="merge")
            source = world.get("customer", source_id) or {"attributes": {}}
            kept = world.get("customer", target_id) or {"attributes": {}}
            union = {
                key: _union(kept["attributes"].get(key), source["attributes"].get(key))
                for key in ("emails", "phones", "socials", "tags")
            }
            self.edit("customer", target_id, union, action="merge")
            self.soft_delete("customer", source_id)
            return self.create(
                "customer_merge",
                {"status": "completed"},
                {
                    "source": world.relation("customer", source_id),
                    "target": world.relation("customer", target_id),
                    "createdBy": world.base.relation("user", 0),
                },
            )

    def add_custom(self, resource: str, name: str, about: Json | None = None) -> None:
        """A new custom attribute in the metadata of `conversation`, `kobject.<klass>` ..."""
        world = self.world
        with world.lock:
            stamp = iso(world.clock.now_ms())
            described = {"type": "string", "displayName": name, "updatedAt": stamp} | (about or {})
            found = world.metadata(resource)
            if found is None:
                blank = {"resource": resource, "properties": {name: described}}
                self.create("metadata", blank | {"standardProperties": {}})
                return
            properties = found["attributes"]["properties"] | {name: described}
            self.edit("metadata", found["id"], {"properties": properties})

    def drop_custom(self, resource: str, name: str) -> None:
        """The attribute stays in metadata with `deletedAt` [D]."""
        found = self.world.metadata(resource)
        if found is not None:
            properties = copy.deepcopy(found["attributes"]["properties"])
            properties[name]["deletedAt"] = iso(self.world.clock.now_ms())
            self.edit("metadata", found["id"], {"properties": properties})

    def add_klass(self, name: str, kobjects: int = 3, customers: Iterable[str] = ()) -> str:
        """A new klass with metadata and KObjects; its id."""
        with self.world.lock:
            owners = list(customers) or [self.world.base.id("customer", 0)]
            klass = self.world.create(
                "klass",
                {"name": name, "displayName": name.capitalize(), "status": "enabled", "mixins": []},
                {"kobjects": {"links": {"self": f"/v1/klasses/{name}"}}},
            )
            self.add_custom(f"kobject.{name}", "labelStr")
            self.add_custom(f"kobject.{name}", "amountNum", {"type": "number"})
            for n in range(kobjects):
                self.create(
                    f"kobject.{name}",
                    {
                        "title": f"{name} {n}",
                        "externalId": f"{name}-{n}",
                        "custom": {"labelStr": f"label {n}", "amountNum": n * 1.5},
                        "tags": [],
                    },
                    {"customer": owners[n % len(owners)]},
                )
            return klass

    def _klass_id(self, name: str) -> str:
        for version in self.world.everything("klass"):
            if version.record is not None and version.record["attributes"]["name"] == name:
                return version.id
        raise KeyError(f"no klass {name}")


def _set(here: Json, values: Json) -> None:
    for name, value in values.items():
        if value is GONE:
            here.pop(name, None)
        elif name == "custom" and isinstance(value, dict) and isinstance(here.get(name), dict):
            _set(here[name], value)
        else:
            here[name] = copy.deepcopy(value)


def _union(mine: Any, theirs: Any) -> list[Any]:
    merged = list(mine) if isinstance(mine, list) else []
    more = theirs if isinstance(theirs, list) else []
    return merged + [each for each in more if each not in merged]
