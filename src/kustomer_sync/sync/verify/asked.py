"""Tables that are asked for by parent (conversation times): a sample of parents, each whole."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from kustomer_sync.kustomer import windows
from kustomer_sync.kustomer.client import NotFound
from kustomer_sync.kustomer.singly import of_parent, tried
from kustomer_sync.model import Each, Record, Table
from kustomer_sync.sync.follow import belongs, land_each
from kustomer_sync.sync.landing import ids_of
from kustomer_sync.sync.verify.comparison import EXHAUSTED, Compared, Comparison, spans_of
from kustomer_sync.sync.verify.tables import changed


class Asked:
    """How tables that are asked for by parent are compared, as far as that was followed."""

    def __init__(self, common: Comparison) -> None:
        self.common, self.run = common, common.run
        self._followed: dict[str, list[windows.Span]] = {}
        """By table what was asked for when the comparison began."""
        self._owners: dict[str, set[str]] = {}
        """By table the parents of what differs."""

    def cost(self, table: Table) -> int:
        """One request a sampled parent."""
        return self.common.sample_of(table)

    def compare(self, table: Table) -> None:
        """A sample of parents, each with all that is listed for it."""
        reading = _reading(table)
        if not self.common.sample:
            self.common.untold(table, "it is compared by a sample alone, and none was asked for")
            return
        compared = self._parent(table, reading)
        if compared is None:
            return
        found = self.common.of(table)
        listed = self._lists(table, reading, self.common.draw(compared.table, "id", compared.spans))
        records = {str(r["id"]): r for told in listed.values() for r in told}
        there = self._there(table, reading, listed, records)
        found.source, found.destination = len(records), len(there)
        self.common.count(table, records)
        unlike = {u.record_id for u in self.common.unlike(table, list(records.values()))}
        suspects = {
            one for one, told in listed.items() if unlike & ids_of(told)
        }  # fmt: skip
        suspects |= set(
            self.run.destination.holding(table, "id", there - records.keys(), reading.via)
        )
        self._confirm_each(table, reading, compared, suspects)

    def add(self, table: Table, ids: list[str]) -> None:
        """These differ, too: it is by their parents that they are read again."""
        via = _reading(table).via
        owners = self.run.destination.holding(table, "id", ids, via)
        self._owners.setdefault(table.name, set()).update(owners)

    def read_again(self, table: Table, ids: list[str]) -> None:
        """All that is listed for the parents of what differs."""
        reading = _reading(table)
        owners = sorted(self._owners.get(table.name, ()))
        land_each(self.run, table, reading, not reading.fades, owners)

    def again(self, table: Table, ids: list[str]) -> None:
        """Whether something of the parents of what differs still does."""
        reading = _reading(table)
        if parent := self._parent(table, reading):
            self._confirm_each(table, reading, parent, self._owners.get(table.name, set()))

    def forget(self, table: Table) -> None:
        """What was asked for is no longer what it was at the beginning, but what the state says."""
        self._followed.pop(table.name, None)

    def _parent(self, table: Table, reading: Each) -> Compared | None:
        """The table that its records are asked by, as far as that was followed."""
        parent = next((t for t in self.run.chosen if t.name == reading.of), None)
        if parent is None:
            self.common.untold(table, f"{reading.of} is disabled")
            return None
        if changed(self.run, parent, self.common.strayed):
            self.common.untold(table, f"somebody changed {reading.of}, by which it is asked for")
            return None
        followed = self._followed.setdefault(table.name, self.run.landing.of(table.name).done)
        spans = _both(spans_of(self.run, parent), followed)
        if not spans:
            self.common.untold(table, EXHAUSTED)
            return None
        return Compared(parent, spans)

    def _there(
        self, table: Table, reading: Each, parents: Iterable[str], listed: Collection[str]
    ) -> set[str]:
        """What the destination has of the parents; not what Kustomer keeps no longer."""
        there = set(self.run.destination.holding(table, reading.via, parents))
        return there & set(listed) if reading.fades else there

    def _lists(
        self, table: Table, reading: Each, parents: Iterable[str]
    ) -> dict[str, list[Record]]:
        """By parent what is listed for it; one that is gone is left out, its own table tells."""
        found, refused = {}, []
        for one, records in tried(
            lambda one: of_parent(self.run.client, reading.path, one), parents,
            self.run.limits.workers,
        ):  # fmt: skip
            if isinstance(records, NotFound):
                continue
            if isinstance(records, Exception):
                refused.append(one)
                continue
            for record in records:
                belongs(record, reading.of, one)
            found[one] = records
        if refused:
            self.common.untold(table, f"its list could not be read by {reading.of}", refused)
        return found

    def _confirm_each(
        self, table: Table, reading: Each, compared: Compared, parents: Iterable[str]
    ) -> None:
        """Parents that are settled are asked once more, and then it counts."""
        settled = [
            one for one, record in self.common.look(compared.table, sorted(parents))
            if record and compared.settled(record)
        ]  # fmt: skip
        self.common.of(table).changed += len(set(parents)) - len(settled)
        self._owners.setdefault(table.name, set()).update(settled)
        listed = self._lists(table, reading, settled)
        records = {str(r["id"]): r for told in listed.values() for r in told}
        there = self._there(table, reading, listed, records)
        self.common.differ(table, self.common.not_since(compared, list(records.values())))
        found = self.common.of(table)
        found.extra = sorted({*found.extra, *(there - records.keys())})


def _reading(table: Table) -> Each:
    assert isinstance(table.reading, Each)  # noqa: S101 - narrows for the type checker
    return table.reading


def _both(some: Iterable[windows.Span], others: Iterable[windows.Span]) -> list[windows.Span]:
    """What lies in both."""
    others = list(others)
    return windows.merged((max(a, c), min(b, d)) for a, b in some for c, d in others)
