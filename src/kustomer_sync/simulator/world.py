"""The org as it is now: the lazy base, every change ever made to it, and what the index knows.

Truth and search index are kept apart. A write is true at once; the search finds it when its lag
is over. Both hold only what was changed; unchanged records stay arithmetic.
"""

from __future__ import annotations

import copy
import heapq
import json
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from threading import RLock
from typing import Any

import orjson

from .base import CREATED_FROM, Base
from .clock import DAY, SECOND, Clock, iso, to_ms
from .kind import Json, Kind, relation
from .org import KINDS, Character, kinds_of
from .scale import Scale
from .switches import Switches

CACHED_RECORDS = 4_096
"""Serialised base records kept, whatever the scale."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of one record. `record` None: erased for good."""

    kind: str
    id: str
    rev: int
    updated: int
    at: int
    """Server time of the write."""
    record: Json | None
    action: str
    number: int
    """Position among all writes, from 1; 0 for a base version."""

    @property
    def deleted(self) -> bool:
        """Soft-deleted."""
        return self.record is not None and self.record["attributes"].get("deleted") is True


class Shelf:
    """Changed records of one kind, sorted by a key, and the base indices they replace."""

    def __init__(self) -> None:
        self.touched: list[int] = []
        self.entries: list[tuple[Any, str]] = []
        self.held: dict[str, tuple[Any, Version]] = {}

    def put(self, base_index: int | None, key: Any, version: Version) -> None:
        """Hold this version instead of what was there; an erased one only hides the base."""
        before = self.held.pop(version.id, None)
        if before is not None:
            del self.entries[bisect_left(self.entries, (before[0], version.id))]
        elif base_index is not None:
            at = bisect_left(self.touched, base_index)
            if at == len(self.touched) or self.touched[at] != base_index:
                self.touched.insert(at, base_index)
        if version.record is not None:
            self.held[version.id] = (key, version)
            insort(self.entries, (key, version.id))


class World:
    """All records and all writes. One lock guards it."""

    def __init__(
        self,
        seed: int,
        scale: Scale,
        clock: Clock,
        switches: Switches,
        anchor_ms: int | None = None,
        character: Character = "pleasant",
    ) -> None:
        self.seed = seed
        self.character = character
        self.clock = clock
        self._switches = switches
        start = clock.now_ms()
        self.base = Base(
            kinds_of(character),
            seed,
            scale,
            start - start % DAY if anchor_ms is None else anchor_ms,
            hostile=character == "hostile",
        )
        self.lock = RLock()
        self.history: dict[tuple[str, str], list[Version]] = {}
        self.writes: list[Version] = []
        self.truth = {name: Shelf() for name in KINDS}
        self.index = {name: Shelf() for name in KINDS}
        self.related: dict[tuple[str, str], set[tuple[str, str]]] = {}
        self.index_number = 0
        self._late: list[tuple[int, int, Version]] = []
        self._lag = Random(f"{seed} lag")
        self._cache: dict[tuple[str, int], bytes] = {}
        self._created = 0
        self._erased_in_index: dict[str, int] = {}

    # --- reading

    @property
    def switches(self) -> Switches:
        """The answers in force."""
        return self._switches

    @switches.setter
    def switches(self, switches: Switches) -> None:
        with self.lock:
            self._switches = switches
            self._cache.clear()
            self.index_number += 1

    def get(self, kind: str, record_id: str) -> Json | None:
        """The true current record, soft-deleted ones too; None if unknown or erased."""
        versions = self.history.get((kind, record_id))
        if versions:
            return versions[-1].record
        i = self.base.find(kind, record_id)
        return None if i is None else self.base.record(kind, i)

    def latest(self, kind: str, record_id: str) -> Version | None:
        """The latest version, the base one if never changed."""
        versions = self.history.get((kind, record_id))
        return versions[-1] if versions else self.first(kind, record_id)

    def first(self, kind: str, record_id: str) -> Version | None:
        """The version a base record began with."""
        i = self.base.find(kind, record_id)
        if i is None:
            return None
        updated = self.base.updated(kind, i)
        record = self.base.record(kind, i)
        return Version(
            kind, record_id, self.base.rev(kind, i), updated, updated, record, "create", 0
        )

    def everything(self, kind: str) -> Iterator[Version]:
        """The latest version of every record that is not erased, base first."""
        shelf = self.truth[kind]
        for i in range(self.base.count(kind)):
            at = bisect_left(shelf.touched, i)
            if at == len(shelf.touched) or shelf.touched[at] != i:
                version = self.first(kind, self.base.id(kind, i))
                if version is not None:
                    yield version
        for _key, record_id in list(shelf.entries):
            yield self.history[kind, record_id][-1]

    def children(self, kind: str, ancestor: str, ancestor_id: str) -> list[Version]:
        """Latest versions of a kind whose relationship `ancestor` points at a record, by id."""
        found: dict[str, Version] = {}
        i = self.base.find(ancestor, ancestor_id)
        for child in self.base.children(kind, ancestor, i) if i is not None else ():
            record_id = self.base.id(kind, child)
            if (kind, record_id) not in self.history:
                version = self.first(kind, record_id)
                if version is not None and _points(version.record, ancestor, ancestor_id):
                    found[record_id] = version
        for name, record_id in self.related.get((ancestor, ancestor_id), ()):
            if name == kind:
                found[record_id] = self.history[kind, record_id][-1]
        return [found[record_id] for record_id in sorted(found)]

    def encoded(self, kind: str, ref: int | Version) -> bytes:
        """A record as the wire carries it."""
        if not isinstance(ref, int):
            return encode(self.present(KINDS[kind], ref.record or {}, ref.updated))
        known = self._cache.get((kind, ref))
        if known is None:
            record = self.base.record(kind, ref)
            known = encode(self.present(KINDS[kind], record, self.base.updated(kind, ref)))
            if len(self._cache) >= CACHED_RECORDS:
                for old in list(self._cache)[: CACHED_RECORDS // 4]:
                    del self._cache[old]
            self._cache[kind, ref] = known
        return known

    def present(self, kind: Kind, record: Json, updated: int) -> Json:
        """The record under the switches in force."""
        if not self._switches.klass_link_singular and kind.name == "kobject":
            relations = related(record)
            klass = dict(relations.get("klass") or {})
            if "link" in klass:
                klass["links"] = klass.pop("link")
                record = record | {"relationships": relations | {"klass": klass}}
        assistant = record["attributes"].get("assistant")
        if self._switches.emulation_as_word and isinstance(assistant, dict):
            word = "live" if assistant.get("emulation") else "none"
            assistant = assistant | {"emulation": word}
            record = record | {"attributes": record["attributes"] | {"assistant": assistant}}
        if self._switches.tags_as_names and updated < self.base.anchor_ms - 365 * DAY:
            tags = record["attributes"].get("tags")
            if isinstance(tags, list):
                names = [self._tag_name(tag) for tag in tags]
                record = record | {"attributes": record["attributes"] | {"tags": names}}
        return record

    def _tag_name(self, tag: Any) -> Any:
        record = self.get("tag", tag) if isinstance(tag, str) else None
        name = record["attributes"].get("name") if record else None
        return tag if name is None else name

    def klass_names(self) -> set[str]:
        """The names of all klasses."""
        return {
            version.record["attributes"]["name"]
            for version in self.everything("klass")
            if version.record is not None
        }

    def custom_names(self, resource: str) -> set[str]:
        """The custom attributes metadata knows of a resource."""
        found = self.metadata(resource)
        return set(found["attributes"]["properties"]) if found else set()

    def metadata(self, resource: str) -> Json | None:
        """The metadata record of `customer`, `kobject.<klass>` ..."""
        for version in self.everything("metadata"):
            record = version.record
            if record is not None and record["attributes"]["resource"] == resource:
                return record
        return None

    # --- the search index

    def catch_up(self) -> None:
        """Let the index see every write whose lag is over."""
        now = self.clock.now_ms()
        while self._late and self._late[0][0] <= now:
            self._reveal(heapq.heappop(self._late)[2])

    def settle(self) -> None:
        """Let the index see everything now."""
        with self.lock:
            while self._late:
                self._reveal(heapq.heappop(self._late)[2])

    def pending(self) -> int:
        """Writes the index has not seen."""
        return len(self._late)

    def _reveal(self, version: Version) -> None:
        shelf = self.index[version.kind]
        held = shelf.held.get(version.id)
        if held is not None and held[1].number > version.number:
            return
        if held is None and version.number < self._erased_in_index.get(version.id, 0):
            return
        if version.record is None:
            self._erased_in_index[version.id] = version.number
        key = version.updated
        if version.action == "delete" and not self._switches.delete_moves_in_index:
            key = held[0] if held is not None else self._before(version)
        shelf.put(self.base.find(version.kind, version.id), key, version)
        self.index_number += 1

    def _before(self, version: Version) -> int:
        versions = self.history[version.kind, version.id]
        at = versions.index(version)
        if at > 0:
            return versions[at - 1].updated
        first = self.first(version.kind, version.id)
        return first.updated if first else version.updated

    # --- writing

    def write(
        self,
        kind: str,
        record_id: str,
        action: str,
        change: Callable[[Json], None] | None,
        *,
        bump: bool = True,
        at: int | None = None,
        lag_ms: int | None = None,
    ) -> Version:
        """Make the next version of a record: rev + 1, `updatedAt` never before the last one's.

        `change` edits a private copy; None erases the record. `bump=False` leaves `updatedAt`.
        """
        with self.lock:
            before = self.latest(kind, record_id)
            if before is None or before.record is None:
                raise KeyError(f"no {kind} {record_id}")
            now = self.clock.now_ms()
            updated = max(now if at is None else at, before.updated) if bump else before.updated
            record = None
            if change is not None:
                record = copy.deepcopy(before.record)
                change(record)
                attributes = record["attributes"]
                attributes["updatedAt"] = iso(updated)
                if KINDS[kind].shows_rev:
                    attributes["rev"] = before.rev + 1
            return self._append(kind, record_id, before.rev + 1, updated, record, action, lag_ms)

    def restore(self, kind: str, record: Json, *, bump: bool = True) -> Version:
        """The next version of an erased record: as `record` has it, `updatedAt` now if `bump`."""
        with self.lock:
            before = self.history[kind, record["id"]][-1]
            back = copy.deepcopy(record)
            if bump:
                back["attributes"]["updatedAt"] = iso(self.clock.now_ms())
            at, rev = to_ms(back["attributes"]["updatedAt"]), before.rev + 1
            return self._append(kind, record["id"], rev, at, back, "restore", None)

    def create(
        self,
        kind: str,
        attributes: Json,
        relationships: Json | None = None,
        *,
        record_type: str | None = None,
        record_id: str | None = None,
        updated: int | None = None,
        lag_ms: int | None = None,
        link: str | None = None,
    ) -> str:
        """A new record; returns its id. Whatever is in `attributes` wins, `updatedAt` included."""
        with self.lock:
            now = self.clock.now_ms()
            self._created += 1
            made = KINDS[kind]
            record_id = record_id or (
                f"{now // SECOND:08x}{made.code:02x}{self.base.mark}"
                f"{CREATED_FROM + self._created:08x}"
            )
            if self.latest(kind, record_id) is not None:
                raise KeyError(f"{kind} {record_id} exists")
            stamp = iso(now if updated is None else updated)
            times: Json = {"createdAt": stamp, "updatedAt": stamp, "modifiedAt": stamp}
            if made.shows_rev:
                times["rev"] = 1
            full = times | attributes
            record = {
                "type": record_type or kind,
                "id": record_id,
                "attributes": full,
                "relationships": {"org": self.base.org_relation(), **(relationships or {})},
                "links": {"self": (link or f"{made.root}/{{id}}").format(id=record_id)},
            }
            moment = _moment(full["updatedAt"], now)
            self._append(kind, record_id, 1, moment, record, "create", lag_ms)
            return record_id

    def relation(self, kind: str, record_id: str) -> Json:
        """A relationship to a record."""
        return relation(kind, record_id, KINDS[kind].root)

    def _append(
        self,
        kind: str,
        record_id: str,
        rev: int,
        updated: int,
        record: Json | None,
        action: str,
        lag_ms: int | None,
    ) -> Version:
        now = self.clock.now_ms()
        version = Version(kind, record_id, rev, updated, now, record, action, len(self.writes) + 1)
        before = self.history.get((kind, record_id))
        self._relate(before[-1].record if before else None, version)
        self.history.setdefault((kind, record_id), []).append(version)
        self.writes.append(version)
        self.truth[kind].put(self.base.find(kind, record_id), record_id, version)
        lag = self._lag_of() if lag_ms is None else lag_ms
        if lag > 0:
            heapq.heappush(self._late, (now + lag, version.number, version))
        else:
            self._reveal(version)
        if kind == "tag":
            self._cache.clear()
        return version

    def _lag_of(self) -> int:
        longest = self._switches.index_lag_ms
        return self._lag.randint(0, longest) if self._switches.index_lag_random else longest

    def _relate(self, before: Json | None, version: Version) -> None:
        me = (version.kind, version.id)
        for name, other in _pointers(before):
            self.related.get((name, other), set()).discard(me)
        for name, other in _pointers(version.record):
            self.related.setdefault((name, other), set()).add(me)


def encode(record: Any) -> bytes:
    """JSON bytes; values orjson refuses (lone surrogates, huge integers) go as escapes."""
    try:
        return orjson.dumps(record)
    except TypeError:
        return json.dumps(record, separators=(",", ":")).encode()


def related(record: Json | None) -> Json:
    """The relationships of a record, none for one that lacks the key."""
    found: Json = (record or {}).get("relationships") or {}
    return found


def _pointers(record: Json | None) -> Iterator[tuple[str, str]]:
    """(relationship name, id) of every parent a record names."""
    for name in (
        "customer",
        "conversation",
        "message",
        "company",
        "sla",
        "schedule",
        "team",
        "source",
        "target",
    ):
        there = target(record, name)
        if there is not None:
            yield name, there


def _points(record: Json | None, name: str, record_id: str) -> bool:
    return target(record, name) == record_id


def target(record: Json | None, name: str) -> str | None:
    """The id of the one record that a relationship points at."""
    there = related(record).get(name)
    data = there.get("data") if isinstance(there, dict) else None
    found = data.get("id") if isinstance(data, dict) else None
    return found if isinstance(found, str) else None


def _moment(text: Any, otherwise: int) -> int:
    try:
        return to_ms(text)
    except (TypeError, ValueError, OverflowError):
        return otherwise
