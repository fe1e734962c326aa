"""Listed tables: the whole list once more."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from kustomer_sync.kustomer import listings, windows
from kustomer_sync.model import Described, Listing, Record, Table, Unlike
from kustomer_sync.sync.landing import ids_of
from kustomer_sync.sync.reimport import described, reimport
from kustomer_sync.sync.verify.comparison import Compared, Comparison
from kustomer_sync.sync.verify.records import deleted, touched


class Listed:
    """How listed tables are compared, as of their last re-import."""

    def __init__(self, common: Comparison) -> None:
        self.common, self.run = common, common.run

    def cost(self, table: Table) -> int:
        """The list's pages, and records that only their own path tells whole."""
        if isinstance(table.reading, Described):
            return len(self.run.landing.resources()) + 1
        assert isinstance(table.reading, Listing)  # noqa: S101 - narrows for the type checker
        rows = self.run.destination.rows([table.place])[table.place]
        pages = -(-rows // listings.PAGE_SIZE) + len(table.reading.also)
        return max(1, pages) + (rows if table.reading.singly else 0)

    def compare(self, table: Table) -> None:
        """The whole list and the rows, as of the last re-import."""
        found, at = self.common.of(table), self.run.landing.of(table.name).listed_at
        if at is None:
            self.common.untold(table, "it is still to be listed to its end")
            return
        compared = Compared(table, [(0, windows.millis(datetime.fromisoformat(at)))])
        whole, records = self._list(table)
        there = self.run.destination.missing(table, [])
        found.source = sum(table.says_deleted or not deleted(r) for r in records.values())
        found.destination = len(there)
        settled = [r for r in records.values() if compared.settled(r) or touched(r) is None]
        self.common.count(table, (str(r["id"]) for r in settled))
        suspects = {u.record_id for u in self.common.unlike(table, settled)}
        suspects |= {one for one, times in Counter(there).items() if times > 1}
        if whole.complete:
            suspects |= set(there) - records.keys()
        else:
            self.common.untold(table, f"what it lacks: {whole.why}")
        if suspects:
            self._confirm_listed(compared, suspects)

    def read_again(self, table: Table, ids: list[str]) -> None:
        """A list has no part of it: the whole of it is read."""
        reimport(self.run, table)

    def again(self, table: Table, ids: list[str]) -> None:
        """As it was compared at first."""
        self.compare(table)

    def _list(self, table: Table) -> tuple[listings.Whole, dict[str, Record]]:
        whole = listings.Whole()
        if isinstance(table.reading, Described):
            pages = described(self.run, whole, again=True)
        else:
            pages = listings.read(self.run.client, table, whole)
        found = {str(r["id"]): r for page in pages for r in page if r.get("id") is not None}
        if whole.unread:
            self.common.untold(table, "their own paths tell nothing", ids_of(whole.unread))
        return whole, found

    def _confirm_listed(self, compared: Compared, suspects: set[str]) -> None:
        """By id; one whose path tells nothing by the list, which is read once more."""
        table = compared.table
        looked = dict(self.common.look(table, sorted(suspects)))
        records = [record for record in looked.values() if record]
        untold = [one for one, record in looked.items() if not record]
        whole, listed = self._list(table) if untold else (listings.Whole(), {})
        records += [listed[one] for one in untold if one in listed]
        self.common.differ(table, self._quiet(compared, self.common.not_since(compared, records)))
        left = [one for one in untold if one not in listed]
        if not whole.complete:
            self.common.untold(table, f"whether they are gone: {whole.why}", left)
            return
        stored = set(self.run.destination.missing(table, [])) & set(left)
        self.common.of(table).extra = sorted({*self.common.of(table).extra, *stored})

    def _quiet(self, compared: Compared, records: list[Record]) -> list[Record]:
        """Without those that lack what only their own path includes: when it left, nothing says."""
        table = compared.table
        if not (isinstance(table.reading, Listing) and table.reading.singly):
            return records
        unlike: dict[str, list[Unlike]] = {}
        for u in self.common.unlike(table, records):
            unlike.setdefault(u.record_id, []).append(u)
        quiet = {
            one for one, found in unlike.items()
            if all(u.table != table.name and not u.here for u in found)
        }  # fmt: skip
        if quiet:
            self.common.untold(table, "something of it was removed, perhaps since", quiet)
        return [r for r in records if str(r["id"]) not in quiet]
