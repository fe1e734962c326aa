"""The base org: record i of a kind is computed from (seed, kind, i) when somebody asks.

`updatedAt`, `createdAt` and the id all grow with i, so a window of time is a pair of binary
searches, and an id tells its own index. Children of one owner are a contiguous range of indices.
Nothing here is ever changed; changes live in `world.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from random import Random

from .clock import DAY, SECOND, TWO_YEARS, iso
from .kind import PERIOD, Draw, Facts, Json, Kind, Residues, relation
from .scale import Scale

OLD_SHARE = 8
"""Percent of the base records that were last updated more than two years ago."""
SMALL = 500
"""Kinds up to this size keep their ids in memory."""
CREATED_FROM = 0x8000_0000
"""Sequence numbers of records created later start here, so an id tells base from new."""


class Base:
    """All base records of one seed, scale and day."""

    def __init__(
        self,
        kinds: Mapping[str, Kind],
        seed: int,
        scale: Scale,
        anchor_ms: int,
        *,
        hostile: bool = False,
    ) -> None:
        self.kinds = kinds
        self.seed = seed
        self.scale = scale
        self.anchor_ms = anchor_ms
        self.hostile = hostile
        """Whether records may lack or misname their owners."""
        self.mark = blake2b(f"org {seed}".encode(), digest_size=3).hexdigest()
        self.org_id = f"{(anchor_ms - 2_000 * DAY) // SECOND:08x}00{self.mark}{0:08x}"
        self._org = relation("org", self.org_id, "/v1/orgs")
        self._counts = {name: kind.count(scale) for name, kind in kinds.items()}
        self._facts = {name: kind.facts(Random(f"{seed} {name}")) for name, kind in kinds.items()}
        self._lines = {
            name: Timeline(
                self._counts[name],
                anchor_ms,
                seed + kind.code,
                kind.bursts,
                scale.burst,
                0.4 if hostile else 0.25,
            )
            for name, kind in kinds.items()
        }

        self._leads = {name: kind.lead_ms for name, kind in kinds.items()}
        self._codes = {name: f"{kind.code:02x}{self.mark}" for name, kind in kinds.items()}
        self._small: dict[str, list[str]] = {}
        self._relations: dict[str, list[Json]] = {}
        for name, count in self._counts.items():
            if count <= SMALL:
                self._remember(name)

    def _remember(self, kind: str) -> None:
        """Ids and relationships of small kinds are asked for by nearly every record."""
        ids = [self.id(kind, i) for i in range(self._counts[kind])]
        root = self.kinds[kind].root
        self._relations[kind] = [relation(kind, record_id, root) for record_id in ids]
        self._small[kind] = ids

    def count(self, kind: str) -> int:
        """How many base records there are."""
        return self._counts[kind]

    def created(self, kind: str, i: int) -> int:
        """Non-decreasing in i."""
        return self._lines[kind].moment(i) - self.kinds[kind].lead_ms

    def updated(self, kind: str, i: int) -> int:
        """Non-decreasing in i."""
        return self._lines[kind].updated(i)

    def id(self, kind: str, i: int) -> str:
        """24 hex digits, the creation second in the first 8 [D]; ascending in i."""
        known = self._small.get(kind)
        if known is not None:
            return known[i]
        second = (self._lines[kind].moment(i) - self._leads[kind]) // SECOND
        return f"{second:08x}{self._codes[kind]}{i:08x}"

    def find(self, kind: str, record_id: str) -> int | None:
        """The index an id belongs to, None if it is no base record of that kind."""
        try:
            i = int(record_id[16:], 16)
        except ValueError:
            return None
        if len(record_id) == 24 and i < self._counts[kind] and self.id(kind, i) == record_id:
            return i
        return None

    def facts(self, kind: str, i: int) -> Facts:
        """The facts of record i that searches count by."""
        return self._facts[kind][i % PERIOD]

    def residues(self, kind: str, fits: Callable[[Facts], bool]) -> Residues:
        """The indices whose facts fit."""
        return Residues([n for n, facts in enumerate(self._facts[kind]) if fits(facts)])

    def first_at(self, kind: str, ms: int, by: str = "updated") -> int:
        """The first index updated (or created) at or after a moment."""
        value = self.updated if by == "updated" else self.created
        low, high = 0, self._counts[kind]
        while low < high:
            middle = (low + high) // 2
            if value(kind, middle) < ms:
                low = middle + 1
            else:
                high = middle
        return low

    def owner(self, kind: str, i: int) -> int:
        """The index of the owner of record i."""
        owner = self.kinds[kind].owner
        if owner is None:
            raise ValueError(f"{kind} has no owner")
        return i * self._counts[owner] // self._counts[kind]

    def children(self, kind: str, ancestor: str, i: int) -> range:
        """The indices of a kind that lie under record i of an ancestor kind."""
        return range(*self._below(kind, ancestor, i, i + 1))

    def _below(self, kind: str, ancestor: str, low: int, high: int) -> tuple[int, int]:
        if kind == ancestor:
            return low, high
        owner = self.kinds[kind].owner
        if owner is None:
            raise ValueError(f"{kind} does not lie under {ancestor}")
        low, high = self._below(owner, ancestor, low, high)
        mine, theirs = self._counts[kind], self._counts[owner]
        return -(-low * mine // theirs), -(-high * mine // theirs)

    def dice(self, kind: str, i: int) -> bytes:
        """64 bytes of chance that belong to record i."""
        return blake2b(b"%d %b %d" % (self.seed, kind.encode(), i)).digest()

    def rev(self, kind: str, i: int) -> int:
        """The `rev` of the base version, from 1."""
        return 1 + self.dice(kind, i)[63] % 24

    def relation(self, kind: str, i: int) -> Json:
        """A relationship to base record i."""
        known = self._relations.get(kind)
        if known is not None:
            return known[i]
        return relation(kind, self.id(kind, i), self.kinds[kind].root)

    def record(self, kind_name: str, i: int) -> Json:
        """The whole record, as GET gives it. A new dict at each call."""
        kind = self.kinds[kind_name]
        dice = self.dice(kind_name, i)
        facts = self.facts(kind_name, i)
        created, updated = self.created(kind_name, i), self.updated(kind_name, i)
        record_id = self.id(kind_name, i)
        drawn = kind.draw(Draw(self, i, record_id, dice, facts, created, updated))
        changed = iso(updated)
        attributes = drawn.attributes
        if "createdAt" not in attributes:
            attributes["createdAt"] = iso(created)
        attributes["updatedAt"] = changed
        if "modifiedAt" not in attributes:
            attributes["modifiedAt"] = changed if dice[62] & 1 else iso(created)
        if kind.shows_rev:
            attributes["rev"] = 1 + dice[63] % 24
        record: Json = {"type": drawn.type or kind_name, "id": record_id, "attributes": attributes}
        if facts["deleted"]:
            attributes["deleted"] = True
            attributes.setdefault("deletedAt", changed)
        if drawn.relationships is not None:
            relations = record["relationships"] = {"org": self._org, **drawn.relationships}
            if facts["deleted"] and self._counts.get("user"):
                relations["deletedBy"] = self.relation("user", i % self._counts["user"])
        record["links"] = drawn.links or {"self": f"{kind.root}/{record_id}"}
        return record

    def org_relation(self) -> Json:
        """The relationship every record has."""
        return self._org


class Timeline:
    """When the records of one kind were last updated: four years, most of them in the last two."""

    def __init__(
        self, count: int, anchor_ms: int, salt: int, bursts: bool, burst: int, share: float
    ) -> None:
        self._count = count
        self._old = count * OLD_SHARE // 100
        self._salt = salt * 0x9E37_79B9
        self._old_from = anchor_ms - 2 * TWO_YEARS
        self._new_from = anchor_ms - TWO_YEARS
        self._old_step = TWO_YEARS // self._old if self._old else 0
        self._new_step = TWO_YEARS // max(1, count - self._old)
        self._run, self._every = (0, 0)
        if bursts:
            self._run, self._every = (9, 37) if count < 1_000 else (120, 997)
        size = min(burst, int(count * share)) if bursts else 0
        self._burst = range(count * 6 // 10, count * 6 // 10 + size)

    def moment(self, i: int) -> int:
        """A time of its own for each record, ascending."""
        if i < self._old:
            start, n, step = self._old_from, i, self._old_step
        else:
            start, n, step = self._new_from, i - self._old, self._new_step
        jitter = (
            ((i * 0x9E37_79B9_7F4A_7C15 + self._salt) >> 17 & 0xFFFF_FFFF) % step if step else 0
        )
        return start + n * step + jitter

    def updated(self, i: int) -> int:
        """The same, with runs that share the time of their last record."""
        if i in self._burst:
            return self.moment(self._burst[-1])
        if self._every:
            at = i % self._every
            if at < self._run:
                end = min(i - at + self._run, self._count) - 1
                if not (self._burst and i < self._burst.stop and end >= self._burst.start):
                    if self._old > i and end >= self._old:
                        end = self._old - 1
                    return self.moment(end)
        return self.moment(i)
