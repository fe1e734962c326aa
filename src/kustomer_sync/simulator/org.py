"""The org as it is: the made-up records, and every change made since.

The ledger is the list of versions of each changed record; the first version of any other is
derived. Searches see a version only when it is indexed, lists and GETs at once.
"""

from __future__ import annotations

import copy
import random
import threading
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kustomer_sync.simulator.clock import Clock, iso, parse_iso
from kustomer_sync.simulator.made_up import ORG, MadeUp, Record, ref

SEARCHED = ("customer", "conversation", "message", "note", "company", "kobject")
LISTED = ("tag", "team", "user", "klass")
KINDS = (*SEARCHED, *LISTED)


@dataclass(frozen=True, slots=True)
class Version:
    record: Record
    written_at: int
    indexed_at: int


class _Numbers:
    """The `updatedAt` of a kind's made-up records, for bisection."""

    def __init__(self, made_up: MadeUp, kind: str) -> None:
        self._made_up, self._kind = made_up, kind

    def __len__(self) -> int:
        return self._made_up.count(self._kind)

    def __getitem__(self, n: int) -> int:
        return self._made_up.updated(self._kind, n)


class Org:
    """All methods may be called from any thread."""

    def __init__(self, made_up: MadeUp, clock: Clock, seed: int) -> None:
        self.made_up, self.clock = made_up, clock
        self.lock = threading.RLock()
        self.index_lag_ms = 0
        self.changed: dict[str, dict[str, list[Version]]] = {kind: {} for kind in KINDS}
        self.erased: dict[str, dict[str, int]] = {kind: {} for kind in KINDS}
        self.multi: set[str] = set()
        self._rng = random.Random(f"{seed}/org")
        self._next = 0
        self._last = 0

    # ---- what is there ----

    def get(self, kind: str, record_id: str) -> Record | None:
        """The record as it is now, soft-deleted or not; None when it never was or is erased."""
        from kustomer_sync.simulator.made_up import number

        with self.lock:
            if record_id in self.erased[kind]:
                return None
            versions = self.changed[kind].get(record_id)
            if versions:
                return versions[-1].record
            n = number(kind, record_id)
            if n is None or not 0 <= n < self.made_up.count(kind):
                return None
            return self.made_up.record(kind, n)

    def everything(self, kind: str) -> Iterator[Record]:
        """Every record as it is now, by id; erased ones are not there."""
        from kustomer_sync.simulator.made_up import ident

        with self.lock:
            ids = {ident(kind, n) for n in range(self.made_up.count(kind))}
            ids |= set(self.changed[kind])
            for record_id in sorted(ids - set(self.erased[kind])):
                record = self.get(kind, record_id)
                if record is not None:
                    yield record

    def versions(self, kind: str, record_id: str) -> list[Record]:
        """Every version there ever was, oldest first."""
        from kustomer_sync.simulator.made_up import number

        with self.lock:
            found = []
            n = number(kind, record_id)
            if n is not None and n < self.made_up.count(kind):
                found.append(self.made_up.record(kind, n))
            return found + [v.record for v in self.changed[kind].get(record_id, ())]

    def between(self, kind: str, lo: int, hi: int) -> tuple[range, list[Record]]:
        """Numbers of made-up records with lo <= updatedAt < hi, and changed ones as indexed now.

        The range may hold numbers of changed records: `hidden` tells which.
        """
        numbers = _Numbers(self.made_up, kind)
        found = range(bisect_left(numbers, lo), bisect_left(numbers, hi))
        shown = []
        with self.lock:
            now = self.clock.now()
            for record_id, versions in self.changed[kind].items():
                if record_id in self.erased[kind]:
                    continue
                seen = [v for v in versions if v.indexed_at <= now]
                if seen and lo <= parse_iso(seen[-1].record["attributes"]["updatedAt"]) < hi:
                    shown.append(seen[-1].record)
        return found, shown

    def hidden(self, kind: str) -> set[str]:
        """Ids whose made-up version searches no longer show."""
        with self.lock:
            now = self.clock.now()
            changed = {
                i for i, vs in self.changed[kind].items() if any(v.indexed_at <= now for v in vs)
            }
            return changed | set(self.erased[kind])

    # ---- changes ----

    def stamp(self) -> int:
        """The time of a write; never before an earlier one."""
        self._last = max(self._last, self.clock.now())
        return self._last

    def put(self, kind: str, record: Record, *, at: int | None = None) -> Record:
        """A new version, as it stands."""
        with self.lock:
            written = self.stamp() if at is None else at
            lag = self._rng.randint(0, self.index_lag_ms) if self.index_lag_ms else 0
            self.changed[kind].setdefault(record["id"], []).append(
                Version(record, written, written + lag)
            )
            self.erased[kind].pop(record["id"], None)
            return record

    def edit(
        self, kind: str, record_id: str, attributes: Record | None = None,
        relationships: Record | None = None, *, bump: bool = True, at: int | None = None,
    ) -> Record:  # fmt: skip
        """The record with other attributes and relationships; `rev` and `updatedAt` move on."""
        with self.lock:
            current = self.get(kind, record_id)
            if current is None:
                raise KeyError(record_id)
            record = copy.deepcopy(current)
            record["attributes"] |= attributes or {}
            record["relationships"] = record.get("relationships", {}) | (relationships or {})
            when = self.stamp() if at is None else at
            if bump:
                before = parse_iso(record["attributes"]["updatedAt"])
                record["attributes"]["updatedAt"] = iso(max(when, before))
            if "rev" in record["attributes"]:
                record["attributes"]["rev"] += 1
            return self.put(kind, record, at=when)

    def create(
        self, kind: str, attributes: Record, relationships: Record | None = None, *,
        record_id: str | None = None, type_: str | None = None, at: int | None = None,
    ) -> Record:  # fmt: skip
        with self.lock:
            self._next += 1
            when = self.stamp() if at is None else at
            times = {"createdAt": iso(when), "updatedAt": iso(when), "modifiedAt": iso(when)}
            record = {
                "type": type_ or kind,
                "id": record_id or f"6b{self._next:022x}",
                "attributes": {**times, "rev": 1, **attributes},
                "relationships": {"org": ref("org", ORG), **(relationships or {})},
            }
            return self.put(kind, record, at=when)

    def soft_delete(self, kind: str, record_id: str, *, bump: bool = True) -> Record:
        gone = {"deleted": True, "deletedAt": iso(self.clock.now())}
        return self.edit(kind, record_id, gone, bump=bump)

    def undelete(self, kind: str, record_id: str) -> Record:
        return self.edit(kind, record_id, {"deleted": False, "deletedAt": None})

    def erase(self, kind: str, record_id: str) -> None:
        """Gone for good: no list, search or GET shows it again."""
        with self.lock:
            self.erased[kind][record_id] = self.clock.now()

    def state(self) -> dict[str, Any]:
        return {
            kind: {"changed": len(self.changed[kind]), "erased": len(self.erased[kind])}
            for kind in KINDS
        }
