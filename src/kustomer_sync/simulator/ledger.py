"""The truth: every version of every record, whatever the switches make the API say."""

from __future__ import annotations

from collections.abc import Iterator

from .kind import Json
from .world import Version, World


class Ledger:
    """What a perfect copy of the org would hold."""

    def __init__(self, world: World) -> None:
        self._world = world

    def current(self, kind: str) -> Iterator[Version]:
        """The latest version of every record that exists, soft-deleted ones too (`.deleted`)."""
        return self._world.everything(kind)

    def records(self, kind: str) -> dict[str, Json]:
        """The same, as records by id."""
        return {v.id: v.record for v in self.current(kind) if v.record is not None}

    def versions(self, kind: str, record_id: str) -> list[Version]:
        """All versions from the first, the erasure (record None) included."""
        with self._world.lock:
            first = self._world.first(kind, record_id)
            later = self._world.history.get((kind, record_id), [])
            return ([] if first is None else [first]) + list(later)

    def erased(self, kind: str | None = None) -> list[Version]:
        """Hard-deleted records, with the time it happened in `.at`."""
        with self._world.lock:
            return [v for v in self._world.writes if v.record is None and kind in (None, v.kind)]

    def changed(self, kind: str) -> list[str]:
        """Ids of records written since the start, in order of their first write."""
        with self._world.lock:
            return list(dict.fromkeys(v.id for v in self._world.writes if v.kind == kind))

    def count(self, kind: str) -> int:
        """How many records exist, soft-deleted ones too."""
        shelf = self._world.truth[kind]
        return self._world.base.count(kind) - len(shelf.touched) + len(shelf.entries)
