"""Taking pages in, gathering batches, and committing them with the state that covers them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from kustomer_sync.errors import PathFailed, cause
from kustomer_sync.kustomer import windows
from kustomer_sync.kustomer.catalog import METADATA, TABLES
from kustomer_sync.kustomer.client import Forbidden
from kustomer_sync.kustomer.klasses import UNKNOWN, Klasses, properties
from kustomer_sync.kustomer.singly import UNSURE, by_id, told_apart
from kustomer_sync.model import Batch, Begun, Counts, Each, Listing, Record, Search, Table, Write
from kustomer_sync.shred import CustomTypes, Names, Shredder, concat, klass_table
from kustomer_sync.sync.choice import COMMIT_BYTES

if TYPE_CHECKING:
    from kustomer_sync.protect import Protection
    from kustomer_sync.sync.run import Run

ATTACHMENTS = "message_attachment"
_CUSTOMER = "customer"
_UNNAMED = "unnamed_klasses"
"""State key: ids of klasses whose KObjects are in no klass's table, for want of a name."""
ADOPTED = "adopted"
"""State key: what is known of a schema that was adopted."""
PREFIX = "system_prefix"
"""State key: what the names of the system columns begin with in the tables that are there."""
UNATTACHED = "unattached"
"""State key: messages do not say which attachments they have, which are asked for then."""
_WITHHELD = "withheld"
"""State key: resources whose metadata could not be read when it was asked for last."""
_UNDOCUMENTED = "note"
"""Has custom attributes; the list of resources with metadata does not name it, and what a server
says to one that is not on the list is not documented."""
LONG_AGO = "1970-01-01T00:00:00+00:00"
"""When a table was listed that is to be listed again."""
_SHOWN = 3  # columns named in one warning
_REJECTED = 100_000
"""Rejected values that are told apart; more may be counted twice."""


@dataclass(slots=True)
class TableState:
    """What of a table was read and compared; times are in milliseconds since 1970 or ISO."""

    done: list[windows.Span] = field(default_factory=list)
    """Spans of `updatedAt` that were read to the last record."""
    again: list[windows.Span] = field(default_factory=list)
    """Of these, what is read once more for what was not wanted then: nothing else depends on it."""
    archive_denied: bool = False
    list_cut: bool = False
    """The list of its older records may have ended early: they are asked for by their parents."""
    listed_at: str | None = None
    swept_at: str | None = None
    described_at: str | None = None
    """When the metadata of its custom attributes was read."""
    untold: list[str] = field(default_factory=list)
    """Of what it is asked for by: ids that told nothing though they may have something."""
    asked_at: str | None = None
    """When those were last asked again."""
    counted: list[windows.Span] = field(default_factory=list)
    """Spans of which the last sync was told how many records they have."""
    records: int = 0
    """How many that is."""
    denied: bool = False
    """It could not be read when it was asked for last, nor is it known when it can be."""

    @classmethod
    def from_state(cls, kept: Mapping[str, Any]) -> TableState:
        return cls(
            [(lo, hi) for lo, hi in kept.get("done", [])],
            [(lo, hi) for lo, hi in kept.get("again", [])],
            kept.get("archive_denied", False), kept.get("list_cut", False), kept.get("listed_at"),
            kept.get("swept_at"), kept.get("described_at"), kept.get("untold", []),
            kept.get("asked_at"), [(lo, hi) for lo, hi in kept.get("counted", [])],
            kept.get("records", 0), kept.get("denied", False),
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        return {
            "done": [list(span) for span in self.done],
            "again": [list(span) for span in self.again],
            "archive_denied": self.archive_denied, "list_cut": self.list_cut,
            "listed_at": self.listed_at, "swept_at": self.swept_at,
            "described_at": self.described_at, "untold": self.untold, "asked_at": self.asked_at,
            "counted": [list(span) for span in self.counted], "records": self.records,
            "denied": self.denied,
        }  # fmt: skip

    def complete(self, span: windows.Span) -> None:
        self.done = windows.merged([*self.done, span])
        self.again = [rest for part in self.again for rest in windows.gaps(part, [span])]

    def forget(self, span: windows.Span) -> None:
        """Nothing of the span counts as read."""
        self.done = [rest for part in self.done for rest in windows.gaps(part, [span])]

    def reread(self) -> None:
        """What was read is read once more, by this sync or the next ones; cursors stay."""
        self.again = list(self.done)

    @property
    def cursor(self) -> str | None:
        """The end of the part that is read without a gap from the beginning of time."""
        if self.done and self.done[0][0] <= 0:
            return windows.iso(self.done[0][1])
        return None


class Landing:
    """What was taken in and is not committed yet, and the state as it will be then."""

    def __init__(self, run: Run, state: dict[str, Any]) -> None:
        self._run = run
        self.state = state
        self.names = Names.from_state(state.get("names") or {})
        self.names.admits = self._admits(run.protection)
        self.types = CustomTypes.from_state(state.get("custom_types") or {})
        self.klasses = Klasses(run.client, state.get("klasses") or {})
        self.merged: set[str] = set(state.get("merged") or ())
        """Customers found deleted whose conversations may have moved to another."""
        self.unfollowed: set[str] = set(state.get("unfollowed") or ())
        """Those of whom something could not be read: they are followed again once a day."""
        self.counts: dict[str, Counts] = {}
        self.taken: dict[str, int] = {}
        self.unattached = False
        """A message came that does not say which attachments it has."""
        self.broken = False
        """A commit failed: what it held is in no table, and its state must not be written."""
        self._rejected: set[int] = set()
        """Which values were counted as rejected."""
        self._described: dict[str, Record | None] = {}
        self.withheld: set[str] = set(state.get(_WITHHELD) or ())
        """Resources whose metadata was refused for want of a role, or kept failing, the last time
        that it was asked for."""
        self._doubted: set[tuple[str, str]] = set()
        """Custom columns with a value that did not fit, of which the metadata was asked for."""
        self._asked: dict[str, set[str]] = {}
        """Resource -> custom attributes for whose sake its metadata was asked for again."""
        self._states: dict[str, TableState] = {}
        self._changed: dict[str, Any] = {}
        self._shredders: dict[tuple[str, bool], Shredder] = {}
        self._buffered: dict[tuple[str, bool], list[Batch]] = {}
        self._records = self._nbytes = 0
        self._since = time.monotonic()

    def _admits(self, protection: Protection) -> Callable[[str, str], bool]:
        """Whether what has no name yet may have one: as the config says, or as it was adopted."""
        klasses, columns = self.adopted
        admits = protection.admits(self._run.connection.schema_change_handling)

        def admitted(scope: str, wanted: str) -> bool:
            met = klasses if scope == self.names.of_klasses() else columns.get(scope, ())
            return wanted in met or admits(scope, wanted)

        return admitted

    # ---- state ----

    def of(self, table: str) -> TableState:
        """A table's state; `touch` what was changed in it."""
        if table not in self._states:
            self._states[table] = TableState.from_state(self.state.get(f"table:{table}") or {})
        return self._states[table]

    def touch(self, table: str) -> None:
        """The next commit writes the table's state."""
        self._changed[f"table:{table}"] = self.of(table).state()

    @property
    def changes(self) -> dict[str, Any]:
        """What the next commit writes of the state."""
        return self._changed

    def made_ready(self, counts: Mapping[str, Counts]) -> None:
        """The changes of the state were written with the tables."""
        self.state |= self._changed
        self._changed = {}
        self._count(counts)

    def put(self, key: str, value: Any) -> None:
        """The next commit writes `value` for `key`."""
        self.state[key] = self._changed[key] = value

    def cursor_of(self, name: str) -> str | None:
        for table in self._run.tables:
            if name in family(table) and isinstance(table.reading, Search):
                state = self.of(table.name)
                whole = table.reading.older is None or state.listed_at is not None
                return state.cursor if whole else None
        return None

    # ---- what the data alone tells ----

    def describe(self, table: Table) -> None:
        """Ask for klasses and the metadata of custom attributes: they say how values are typed."""
        if table.per_klass:
            self.klasses.refresh()
            self._name_klasses(table)
            for error in self.klasses.unlisted.values():
                self._run.unlisted(self.klasses.lacking, error)
            for klass in self.klass_names():
                self._learn(f"{table.name}.{klass}")
        else:
            self._learn(table.name)
        if not (table.per_klass and self.klasses.unlisted):  # a role may be given at any time
            self.of(table.name).described_at = self._run.now().isoformat()
            self.touch(table.name)

    def describe_withheld(self) -> None:
        """What was refused of the metadata last time is asked for at once, not a day later."""
        tables = {table.name for table in self._run.tables}
        for resource in sorted(self.withheld):
            if tables & {resource.partition(".")[0], METADATA.name}:
                self._land(self._learn(resource))

    def _name_klasses(self, table: Table) -> None:
        """KObjects of a klass whose name was not known go to its table: they are read again."""
        before = set(self.state.get(_UNNAMED) or ())
        if before & self.klasses.names.keys():
            self.of(table.name).reread()
            self.put(_UNNAMED, sorted(before - self.klasses.names.keys()))

    def klass_names(self) -> list[str]:
        """Every klass that was listed, or of which a KObject was met."""
        scope = self.names.of_klasses()
        kept_out = {*self.names.kept_out.get(scope, ()), *self.kept_out.get(scope, ())}
        return sorted({*self.klasses.names.values(), *self.names.klasses(), *kept_out})

    @property
    def kept_out(self) -> dict[str, list[str]]:
        """Scope -> attributes and klasses that earlier syncs met and did not let in."""
        return self.state.get("kept_out") or {}

    def klasses_of(self, table: Table, ids: Sequence[str]) -> Callable[[str], list[str]]:
        """For each of the ids the klasses it may be of, first the one whose table has it.

        None where it may be of one whose name is not known: then no look by id tells anything.
        """
        names = self.klass_names() if table.per_klass else []
        nameless = bool(self.klasses.unnamed or self.state.get(_UNNAMED))
        found: dict[str, str] = {}
        for klass, name in self.names.klasses(table.name).items() if table.per_klass else ():
            own = table.of_klass(name)
            found |= dict.fromkeys(self._run.destination.holding(own, "id", ids), klass)

        def klasses(one: str) -> list[str]:
            if found.get(one) == UNKNOWN or (nameless and one not in found):
                return []
            return sorted(names, key=lambda klass: klass != found.get(one))

        return klasses

    def _learn(self, resource: str, *, again: bool = False) -> Record | None:
        """Its metadata, from which the types of its custom attributes are known now."""
        found = self.described(resource, again=again)
        self.types.learn(resource, properties(found))
        return found

    def _land(self, metadata: Record | None) -> None:
        """What tells of a resource's custom attributes is a record too, where that is wanted."""
        for table in self._run.tables:
            if metadata and table.name == METADATA.name:
                self._shred(table, [metadata], whole=True)

    def resources(self) -> list[str]:
        """What may have custom attributes, and metadata that describes them."""
        self.klasses.ensure()
        own = [table.name for table in TABLES if table.custom and not table.per_klass]
        return [*own, *(f"kobject.{klass}" for klass in self.klass_names())]

    def described(self, resource: str, *, again: bool = False) -> Record | None:
        """The metadata of a resource's custom attributes, asked for once a sync unless `again`.

        None when there is none, `UNSURE` when it can't be told. Without the role a warning says
        so, once.
        """
        if resource not in self._described or (again and resource not in self.withheld):
            self._described[resource] = self._asked_for(resource)
            self._run.minimum.others += 1
        return self._described[resource]

    def _asked_for(self, resource: str) -> Record | None:
        self.withheld.add(resource)
        try:
            found = by_id(self._run.client, METADATA, resource)
        except Forbidden as error:
            self._run.denied(METADATA, str(error))
            return UNSURE
        except PathFailed as error:
            self._run.warn("not_read", f"The metadata of {resource} was not read ({cause(error)}).")
            return UNSURE
        self.withheld.discard(resource)
        return None if found is UNSURE and resource == _UNDOCUMENTED else found

    def _klassed(self, record: Record) -> None:
        klass = self.klasses.of(record)
        record["klass"] = klass
        attributes = record.get("attributes")
        if isinstance(attributes, dict) and attributes.get("name") is None:
            attributes["name"] = klass

    def _learn_new(self, table: Table, records: Sequence[Record]) -> None:
        """Ask for the metadata of custom attributes that were never met, once a sync for each."""
        for record in records:
            resource, name = table.name, table.name
            if table.per_klass:
                resource = f"{table.name}.{record['klass']}"
                name = self.names.klasses(table.name).get(str(record["klass"]), "")
            attributes = record.get("attributes")
            custom = attributes.get("custom") if isinstance(attributes, dict) else None
            met = set(custom if isinstance(custom, dict) else ())
            known = self.names.attributes(name) | self.types.described(resource)
            known |= set(self.kept_out.get(name, ()))
            if new := met - known - self._asked.get(resource, set()):
                self._asked.setdefault(resource, set()).update(new)
                self._land(self._learn(resource, again=True))

    # ---- taking in ----

    def take(self, table: Table, records: list[Record], nbytes: int, *, whole: bool = True) -> None:
        """Shred a page and keep it for the next commit, which comes when enough is gathered.

        Not `whole`: the records are as a list has them, which leaves some children out.
        """
        if table.name == _CUSTOMER:
            self._note_merged(records)
        self._take_in(table, records, whole=whole)
        self.taken[table.name] = self.taken.get(table.name, 0) + len(records)
        self._records += len(records)
        self._nbytes += nbytes
        self._run.tell()
        late = time.monotonic() - self._since > self._run.limits.commit_seconds
        if self._records >= self._run.limits.commit_records or self._nbytes >= COMMIT_BYTES or late:
            self.commit()

    def take_all(self, table: Table, records: Iterable[Record]) -> None:
        """As `take`, of what comes a few at a time: a page takes as long to shred, and as much
        memory until its commit, however few its records are. Where nothing comes at all, what was
        completed is committed in time all the same.
        """
        left, size = iter(records), self._run.limits.page_size
        page = list(islice(left, size))
        self.take(table, page, 0)
        while len(page) == size:
            page = list(islice(left, size))
            self.take(table, page, 0)

    def _note_merged(self, customers: list[Record]) -> None:
        """Remember those of them that were deleted, perhaps merged, since last time."""
        since = self._run.merged_since
        found = ids_of(
            r for r in customers
            if (r.get("attributes") or {}).get("deleted")
            and ((at := read_ms(r, "deletedAt")) is None or at >= since)
        )  # fmt: skip
        self.merged |= found - self.unfollowed

    def renew(self, table: Table, records: list[Record]) -> None:
        """The records' rows are made anew in one commit, whatever is stored; children too."""
        self.commit()
        self._take_in(table, records, whole=True)
        ids = tuple(sorted(ids_of(records)))
        self.commit(anew=dict.fromkeys((table.name, *self.of_klasses(table)), ids))

    def shredded(self, table: Table, records: list[Record], *, whole: bool = True) -> list[Batch]:
        """The batches that `take` would have made of the records; none of them is kept."""
        self._take_in(table, records, whole=whole)
        made = ((batch, batch.root.table) for batch in self._gathered())
        return [batch for batch, root in made if table.name in (root.name, root.common)]

    def _take_in(self, table: Table, records: list[Record], *, whole: bool) -> None:
        if table.per_klass:
            for record in records:
                self._klassed(record)
        if table.custom:
            self._learn_new(table, records)
        if any(child.name == ATTACHMENTS for child in table.children):
            known, unknown = told_apart(records)
            self.unattached = self.unattached or bool(unknown)
            self._shred(table, known, whole=True)
            self._shred(table, unknown, whole=False)
        else:
            self._shred(table, records, whole=whole)

    def _shred(self, table: Table, records: list[Record], *, whole: bool) -> None:
        """Not `whole`: what these records do not tell of their children stays as it is stored."""
        if not records:
            return
        key = (table.name, whole)
        if key not in self._shredders:
            kept = tuple(c for c in table.children if whole or not _told_elsewhere(table, c))
            self._shredders[key] = Shredder(
                replace(table, children=kept), names=self.names, custom_types=self.types,
                klass_of=self._table_of_klass,
            )  # fmt: skip
        made = self._shredders[key].shred(records)
        if self._typed_anew(table, made):
            made = self._shredders[key].shred(records)
        for raw in made:
            batch = self._run.protection.protect(raw)
            if batch is not None:
                self._buffered.setdefault((batch.root.table.name, whole), []).append(batch)

    def _typed_anew(self, table: Table, batches: Sequence[Batch]) -> bool:
        """Whether a custom value did not fit because its attribute has another type by now.

        Its metadata is asked for again, once a sync for each such column.
        """
        klasses = {name: klass for klass, name in self.names.klasses(table.name).items()}
        misfits = {
            (r.table, r.column) for batch in batches for r in batch.rejects
            if r.column.startswith("custom_") and (r.table == table.name or r.table in klasses)
        } - self._doubted  # fmt: skip
        if not misfits:
            return False
        self._doubted |= misfits
        before = self.types.state()["text"]
        for name in sorted({name for name, _ in misfits}):
            resource = f"{table.name}.{klasses[name]}" if name in klasses else name
            self._learn(resource, again=True)
        return self.types.state()["text"] != before

    def _table_of_klass(self, record: Record) -> str | None:
        """Which klass's table it lands in too; None where only the klass's id is known."""
        klass = str(record["klass"])
        return None if klass in self.klasses.unnamed else klass

    # ---- committing ----

    def absent(self, table: Table, gone: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """What a commit takes to flag records that are gone; of customers it says who is followed.

        In the klasses' tables too, and with what is read by a call for each of them.
        """
        if not gone:
            return {}
        if table.name == _CUSTOMER:  # erased, perhaps after a merge
            self.merged |= {*gone} - self.unfollowed
        found = {name: tuple(gone) for name in sorted({table.name, *self.of_klasses(table)})}
        for other in self._run.chosen:
            if isinstance(other.reading, Each) and other.reading.of == table.name:
                theirs = self._run.destination.holding(other, other.reading.via, gone)
                if theirs:
                    self._run.destination.know(other)
                    found[other.name] = tuple(theirs)
        return found

    def commit(
        self, absent: Mapping[str, tuple[str, ...]] | None = None,
        anew: Mapping[str, tuple[str, ...]] | None = None, begun: tuple[Begun, ...] = (),
    ) -> None:  # fmt: skip
        """Everything taken so far is in the destination, with the state that it completes."""
        batches = tuple(self._gathered())
        if batches:
            if self.unattached and not self.state.get(UNATTACHED):
                self.put(UNATTACHED, True)
            self._changed |= {
                "names": self.names.state(),
                "custom_types": self.types.state(),
                "klasses": self.klasses.names,
            }
        kept_out = self.kept_out
        for scope, keys in self.names.kept_out.items():
            if not keys <= set(kept_out.get(scope, ())):
                kept_out = {**kept_out, scope: sorted({*kept_out.get(scope, ()), *keys})}
                self.put("kept_out", kept_out)
        unnamed = self.klasses.unnamed | set(self.state.get(_UNNAMED) or ())
        for key, ids in (
            ("merged", self.merged), ("unfollowed", self.unfollowed), (_UNNAMED, unnamed),
            (_WITHHELD, self.withheld),
        ):  # fmt: skip
            if ids != set(self.state.get(key) or ()):
                self.put(key, sorted(ids))
        if batches or absent or begun or self._changed:
            self._changed = {**self._run.told(), **self._changed}
            self.broken = True  # the rows are let go: nothing may say that they were read
            write = Write(batches, absent or {}, self._changed, anew or {}, begun)
            counts = self._run.destination.write(write)
            self.broken = False
            self._count(counts)
            self._say_rejects(batches)
            self.say_changed()
        self.state |= self._changed
        self._changed = {}
        self._records = self._nbytes = 0
        self._since = time.monotonic()

    def _count(self, counts: Mapping[str, Counts]) -> None:
        for name, count in counts.items():
            self.counts.setdefault(name, Counts())
            self.counts[name] += count

    @property
    def adopted(self) -> tuple[list[str], dict[str, list[str]]]:
        """The klasses' tables that were adopted, and by table the custom columns."""
        adopted = self.state.get(ADOPTED) or {}
        return adopted.get("klass_tables") or [], adopted.get("columns") or {}

    def of_klasses(self, table: Table) -> list[str]:
        """The klasses' tables of a root that the connection wants, adopted ones included."""
        if not table.per_klass:
            return []
        names = sorted({*self.names.klasses(table.name).values(), *self.adopted[0]})
        return [name for name in names if self._run.protection.klass_lands(name, table.name)]

    def _gathered(self) -> Iterator[Batch]:
        """One batch for each table; its pages are let go, or there would be two of all."""
        for key in list(self._buffered):
            yield concat(self._buffered.pop(key))

    def _say_rejects(self, batches: Sequence[Batch]) -> None:
        rejected: dict[str, int] = {}
        for batch in batches:
            for reject in batch.rejects:
                one = hash((reject.table, reject.record_id, reject.column, reject.value))
                if one in self._rejected:
                    continue  # its record was read twice
                if len(self._rejected) < _REJECTED:
                    self._rejected.add(one)
                key = f"{reject.table}.{reject.column}"
                rejected[key] = rejected.get(key, 0) + 1
        for key, count in rejected.items():
            self._run.reject(key, count)

    def say_changed(self) -> None:
        """Columns whose type had to change are told of, each once; those alike together."""
        alike: dict[tuple[str | None, str | None, str], list[str]] = {}
        for change in self._run.destination.changed:
            key = (change.stored, change.becomes, change.why)
            alike.setdefault(key, []).append(f"{change.table}.{change.column}")
        for (stored, becomes, why), names in alike.items():
            one = len(names) == 1
            told = ", ".join(names[:_SHOWN])
            more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
            self._run.warn(
                "column_changed",
                f"{told}{more} {'was' if one else 'were'} {stored} and {'is' if one else 'are'} "
                f"{becomes} now: {why}.",
            )
        self._run.destination.changed.clear()

    def names_of_all(self) -> set[str]:
        names = {name for name in self.counts if not name.startswith("_")}
        for table in (*self._run.tables, *self.klass_tables()):
            names |= family(table)
        return names

    def klass_tables(self) -> Iterator[Table]:
        """The tables of the klasses met so far, without their custom columns."""
        for table in self._run.tables:
            for name in self.of_klasses(table):
                yield klass_table(table, name, self.names)


def _told_elsewhere(table: Table, child: Table) -> bool:
    """Whether lists and searches may leave a child out."""
    return child.name == ATTACHMENTS or isinstance(table.reading, Listing)


def of_long_ago(name: str) -> str:
    """What a table's records of before the search begins are called in the state and in words."""
    return f"{name} of over two years ago"


def family(table: Table) -> set[str]:
    """The table, its children, and the histories of both."""
    return {t.name for t in table.shown()} | {t.history for t in table.walk() if t.history}


def everything_of(table: Table) -> list[str]:
    """As `family`, in the order of the catalog; of KObjects with the klasses' tables."""
    shown = [t.name for t in table.shown()]
    histories = [t.history for t in table.walk() if t.history]
    return [*shown, *histories, *([f"{table.name}_KLASS"] if table.per_klass else ())]


def read_ms(record: Record, key: str) -> int | None:
    """A time of a record in milliseconds since 1970; None where there is none."""
    value: Any = (record.get("attributes") or {}).get(key)
    try:
        return windows.millis(datetime.fromisoformat(value))
    except (TypeError, ValueError):
        return None


def ids_of(records: Iterable[Record]) -> set[str]:
    return {str(r["id"]) for r in records if r.get("id") is not None}
