"""The words every other module speaks: tables, columns, batches, counts.

Imports nothing of ours. Knows neither HTTP nor SQL: a table is a value, declared once in the
catalog, from which reading, shredding, DDL, ERD and docs are all derived.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pyarrow as pa

Params = tuple[tuple[str, str], ...]
"""Parameters of a request, as a value."""

Record = dict[str, Any]
"""One JSON object from the API, with what its reply `included` already put in place."""


class Type(StrEnum):
    """A column's type, in the reference schema's words."""

    STRING = "String"
    INT = "Int"
    LONG = "Long"
    DOUBLE = "Double"
    BOOLEAN = "Boolean"
    INSTANT = "Instant"
    JSON = "Json"


ARROW_TYPES: Mapping[Type, pa.DataType] = {
    Type.STRING: pa.string(),
    Type.INT: pa.int32(),
    Type.LONG: pa.int64(),
    Type.DOUBLE: pa.float64(),
    Type.BOOLEAN: pa.bool_(),
    Type.INSTANT: pa.timestamp("us", tz="UTC"),
    Type.JSON: pa.string(),  # JSON text; a destination gives it its own JSON type
}

_WIDER = {
    (Type.INT, Type.LONG): Type.LONG,
    (Type.LONG, Type.INT): Type.LONG,
}


def wider(stored: Type, incoming: Type) -> Type:
    """The type a column must have to hold both; anything that is not Int/Long meets in String."""
    if stored == incoming:
        return stored
    return _WIDER.get((stored, incoming), Type.STRING)


_WHOLE = (Type.INT, Type.LONG)
_NARROWER = {
    *((stored, Type.STRING) for stored in (*_WHOLE, Type.DOUBLE, Type.BOOLEAN, Type.INSTANT)),
    *((whole, Type.DOUBLE) for whole in _WHOLE), *((Type.DOUBLE, whole) for whole in _WHOLE),
}  # fmt: skip


def may_stay(stored: Type, incoming: Type) -> bool:
    """Whether a column may keep its type for as long as every value that comes fits it.

    Another program may have made it so: a number for text that so far was all digits.
    """
    return (stored, incoming) in _NARROWER


class Origin(StrEnum):
    """Where a column's value comes from."""

    VALUE = "value"  # the value at `source`
    PARENT = "parent"  # the id of the record the row is made from
    INDEX = "index"  # the element's place in its array, counted from 1
    SURROGATE = "surrogate"  # a stable hash of parent id and element


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: Type = Type.STRING
    source: tuple[str, ...] = ()
    """Keys from the record (for a child: from its element) to the value; () is the element."""
    origin: Origin = Origin.VALUE
    first: bool = False
    """The API may give an array; its first element is the value."""
    extra: bool = False
    """Beyond the reference schema; `extras = false` leaves it out."""
    legacy: bool = False
    """In the schema of connections made before August 2022; only `service_version = 1` has it."""
    custom: str | None = None
    """The custom attribute it holds."""
    references: str | None = None
    """The table whose id it holds."""
    hashed: bool = False
    """It lands as digests of its values' texts."""

    @property
    def number_as_text(self) -> bool:
        """A custom number of which a value would lose digits."""
        return (self.custom or "").endswith("Num") and self.type is Type.STRING

    @property
    def landed(self) -> Type:
        """The type that it has in the destination."""
        return Type.STRING if self.hashed else self.type


@dataclass(frozen=True, slots=True)
class Search:
    """Read incrementally, by windows of `{context}_updated_at`."""

    context: str
    one: str
    """The path of a single record, with `{id}`; `{klass}` where it names the klass."""
    older: Listing | None = None
    """What lists the records of over two years ago, where the archive search has none of them."""
    older_each: Each | None = None
    """The same where that list ends early: by the records of another table."""
    listed: Listing | None = None
    """What lists them where no search knows them: that one does is observed, not documented."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Read whole, at least daily; a complete listing says what is absent."""

    path: str
    also: tuple[Params, ...] = ()
    """Further listings of the same path, each with these parameters, that complete the first."""
    instead: tuple[str, ...] = ()
    """Where the list may be if nothing is at `path`: no document says which it is."""
    singly: Params = ()
    """Each record is read again by its id with these, for what lists leave out."""
    identity: tuple[str, ...] = ()
    """The path to what tells the records apart, where that is not their own id."""
    shaped: Callable[[Record], None] | None = None
    """Brings a record that has another of the documented shapes into the one the columns name."""


@dataclass(frozen=True, slots=True)
class Recent(Listing):
    """Read whole once a day; in between the open ones, and back to what was there last time."""

    open: Params = ()
    """What lists the records that may still change."""
    closed: str = ""
    """The attribute without which a record may."""


@dataclass(frozen=True, slots=True)
class Described(Listing):
    """One record for each `{resource}` of the path that has custom attributes."""


@dataclass(frozen=True, slots=True)
class Each:
    """Read by one call per changed record of table `of`, named by column `via` of this table."""

    of: str
    path: str
    via: str
    fades: bool = False
    """What is listed no longer is not gone: it was only kept for a while."""


@dataclass(frozen=True, slots=True)
class Log:
    """Read by a cursor, newest first, back to what was there; Kustomer keeps it for a while."""

    path: str
    most: int
    """Records that one reply brings at most."""
    at: str
    """The attribute that says when."""


Reading = Search | Listing | Each | Log

SEARCH_ROLE = "org.permission.search.create"
"""What any search needs; whether it needs the roles of what it finds too is not documented."""

SYSTEM = "_kustomer_sync_"
"""What the names of tables that only the program needs begin with."""

READ_BACK: Mapping[str, str] = {
    "updated_at": "decides which copy of a record is newer",
    "deleted": "tells soft-deleted records from the others when counts are compared",
    "customer_id": "says which records a merge of customers may have moved",
    "conversation_id": "says which conversations are asked for what belongs to them",
}
"""Columns of a table of records that the program reads from the destination, and what for."""

Elements = tuple[str, ...] | Callable[[Record], Iterable[Any]]


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the catalog and of the destination."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ("id",)
    reading: Reading | None = None
    """How its records are read; None on a child table."""
    object: str = ""
    """The `type` of its records."""
    role: str = ""
    """The API role that reading it needs."""
    elements: Elements = ()
    """A child's array: its path in the record, or a function of the record."""
    parent: str | None = None
    """A child's root table."""
    parent_column: str = ""
    """A child's column that holds the root record's id."""
    stays: bool = False
    """Of a child: its rows are objects of their own, so one that is gone stays, flagged."""
    children: tuple[Table, ...] = ()
    history: str | None = None
    """The table that keeps every version of its rows."""
    history_key: tuple[str, ...] = ()
    """The key of that table, `{prefix}start` not counted."""
    klasses_kept: frozenset[str] = frozenset()
    """The klasses' tables that have a history although their common one has none."""
    custom: bool = False
    """Its records carry custom attributes, each a column of its own."""
    per_klass: bool = False
    """Each klass of its records has a table `{name}_{klass}` too."""
    extra: bool = False
    off: bool = False
    """It lands only where its owner names it: it costs many requests."""
    hidden: bool = False
    """It lands for the sake of its children or history alone, in a system table."""
    lands: tuple[str, ...] = ()
    """If not (), the only columns that land; a hidden table's history may have more."""
    left_out: tuple[str, ...] = ()
    """Columns that it could have and that are not wanted: what stands in them is no difference."""
    common: str = ""
    """Of a klass's table: the table that has the records of every klass."""
    link: str = ""
    """The reference page of its source endpoint."""

    @property
    def place(self) -> str:
        """Its name in the destination."""
        hidden = self.hidden and not self.name.startswith(SYSTEM)
        return f"{SYSTEM}{self.name}" if hidden else self.name

    @property
    def landing(self) -> tuple[Column, ...]:
        """The columns that land in the table itself."""
        return tuple(c for c in self.columns if not self.lands or c.name in self.lands)

    @property
    def says_deleted(self) -> bool:
        """Whether its rows say themselves that they are soft-deleted; else their flag does."""
        return any(column.name == "deleted" for column in self.columns)

    @property
    def fades(self) -> bool:
        """Whether Kustomer keeps its records for a while only."""
        reading = self.reading
        return isinstance(reading, Log) or (isinstance(reading, Each) and reading.fades)

    def column(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)

    def versioned(self, history: str) -> Table:
        """The same with a history of that name.

        A record is known in it by its id; an element by all that it holds and whose it is, for
        its place and a made-up key say nothing of it.
        """
        kept = ("id",) if self.parent is None else tuple(
            c.name for c in self.columns if c.origin in (Origin.VALUE, Origin.PARENT)
        )  # fmt: skip
        return replace(self, history=history, history_key=self.history_key or kept)

    def history_columns(self) -> tuple[Column, ...]:
        """The columns of its history, the system's left out."""
        if self.parent is None:
            return self.columns
        known = (c for name in self.history_key for c in self.columns if c.name == name)
        return (*known, *(c for c in self.columns if c.custom is not None))

    def of_klass(self, name: str) -> Table:
        """The table of one klass of its records, without a history."""
        return replace(
            self, name=name, children=(), per_klass=False, hidden=False, lands=(),
            common=self.name, history=None, history_key=(), klasses_kept=frozenset(),
        )  # fmt: skip

    def walk(self) -> Iterator[Table]:
        """Itself, then its children."""
        yield self
        yield from self.children

    def shown(self) -> Iterator[Table]:
        """The same without what only the program needs."""
        return (table for table in self.walk() if not table.hidden)

    @property
    def known_as(self) -> str:
        """As people know a root: one that lands for other tables' sake goes by the first of them.

        By its own name where these are tables of klasses alone.
        """
        shown = next(self.shown(), None)
        if shown is not None:
            return shown.name
        return next((t.history for t in self.walk() if t.history), self.name)


# What a batch carries beside a table's own columns; a destination uses these and lands none.
ROW = "__row"
"""int64, in every table of a batch: which copy of which record the row was made from."""
UPDATED_AT = "__updated_at"
"""timestamp[us, UTC], in a root table: the copy's `updatedAt`; null when the record has none."""
REV = "__rev"
"""int64, in a root table: the copy's `rev`; null when the record has none."""
DELETED = "__deleted"
"""bool, in a root table and in a child whose rows stay: soft-deleted in Kustomer, where the table
has no column that says so.
"""


@dataclass(frozen=True, slots=True)
class Rows:
    table: Table
    """With every column that lands, custom ones included, at the type this batch needs."""
    data: pa.Table


@dataclass(frozen=True, slots=True)
class Reject:
    """A value that did not fit its column and landed as NULL."""

    table: str
    record_id: str
    column: str
    value: str | None
    """None where the column is blocked or hashed."""
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Whole records with all their rows; loaded all or nothing.

    A record may be there in several copies. `root.data` has one row a copy; the children rows of
    a copy carry its `__row`. A child table is there even when empty: a living record's array may
    have been emptied.
    """

    root: Rows
    children: tuple[Rows, ...] = ()
    rejects: tuple[Reject, ...] = ()

    @property
    def records(self) -> int:
        return int(self.root.data.num_rows)

    @property
    def nbytes(self) -> int:
        return int(self.root.data.nbytes) + sum(int(c.data.nbytes) for c in self.children)


@dataclass(slots=True)
class Counts:
    """What happened to the rows of one table."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0

    def __iadd__(self, other: Counts) -> Counts:
        self.inserted += other.inserted
        self.updated += other.updated
        self.deleted += other.deleted
        return self


@dataclass(frozen=True, slots=True)
class Begun:
    """A history that begins, or goes on after a pause, with what is stored of its table."""

    table: Table
    """The root table, which has that history alone or through the only child it has here; with
    the custom columns that are to be kept.
    """
    paused: datetime | None = None
    """When the first sync began that did not keep it; None where no sync ever did."""


@dataclass(frozen=True, slots=True)
class Write:
    """One transaction: what is made anew, batches, absences, and the state that covers them."""

    batches: tuple[Batch, ...] = ()
    absent: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Root table -> ids that Kustomer no longer has; their rows and child rows are flagged."""
    state: Mapping[str, Any] = field(default_factory=dict)
    """State key -> JSON value; written over what was there."""
    anew: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Root table -> ids whose rows and child rows go before a batch lands that brings them."""
    begun: tuple[Begun, ...] = ()
    """Histories that begin or go on; what is stored is taken into them before anything else."""


@dataclass(frozen=True, slots=True)
class Returned:
    """A table that is wanted again: records went meanwhile, and its rows do not say so."""

    table: str
    owner: str
    """Its column with the record's id."""
    root: str
    """The table whose rows say which records went."""
    history: bool = False


@dataclass(frozen=True, slots=True)
class Strayed:
    """What somebody else did to a table or a column that the program made."""

    table: str
    column: str | None
    """None: it is the table that is gone."""
    was: str
    now: str | None
    """The column's type in the engine's words; None where it is gone."""
    lossless: bool = False
    """Whether what it is now can hold whatever it held."""


@dataclass(frozen=True, slots=True)
class Held:
    """How many rows of a table fall into [lo, hi) of `updated_at`, in milliseconds since 1970."""

    lo: int
    hi: int
    kept: int
    """Rows not flagged as gone."""
    live: int
    """Of these, the rows that Kustomer has not soft-deleted."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which version of a record a row is."""

    id: str
    updated: int | None
    """Its `updated_at` in milliseconds since 1970."""
    deleted: bool
    """Whether Kustomer has soft-deleted it, where the table has a column that says so."""
    created: int | None = None
    """Its `created_at` in milliseconds since 1970; None where that is not stored."""


@dataclass(frozen=True, slots=True)
class Unlike:
    """A row of the destination that is not as a batch has it."""

    table: str
    record_id: str
    """The id of the record that the row is made from."""
    columns: tuple[str, ...] = ()
    """Those that differ, where the row is in both."""
    there: bool = True
    """The destination has the row."""
    here: bool = True
    """The batch has it."""


@dataclass(frozen=True, slots=True)
class Change:
    """A column that is not as this program would make it; types in the engine's words."""

    table: str
    column: str
    stored: str | None
    """None: it is not there and is added."""
    ours: str
    becomes: str | None
    """None: it stays as it is while every value fits."""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A table of the schema, whoever made it."""

    columns: Mapping[str, Type]
    """With the nearest of our types."""
    rows: int
    synced: datetime | None
    """The newest `{prefix}synced` in it."""


END_OF_TIME = datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)
"""`{prefix}end` of a version that is still active."""
