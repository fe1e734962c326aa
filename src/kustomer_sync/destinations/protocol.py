"""What a destination promises. One file per engine implements it; one behaviour suite tests all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from kustomer_sync.model import (
    Batch,
    Change,
    Counts,
    Found,
    Held,
    Returned,
    Stamp,
    Strayed,
    Table,
    Type,
    Unlike,
    Write,
)


class Destination(Protocol):
    """A schema of a database that one connection writes to.

    Every method may be called again after a crash at any moment and then leaves the same rows.
    """

    changed: list[Change]
    """The columns whose type was changed, for whoever tells of them and then empties the list."""

    def check(self) -> None:
        """Open, write and close; raises `DestinationUnusable`, and then nothing was written."""

    def refuse(self, tables: Iterable[Table]) -> None:
        """Raises `DestinationUnusable` where something of somebody's own is in the way of one.

        A view or a table of its name, or a column that can't be left empty. `ensure` and `write`
        refuse the same, with `DestinationFailed`. Nothing is written.
        """

    def begin(self, synced_at: datetime) -> dict[str, Any]:
        """Raise the epoch and return the state as of then, by key.

        From here on only this object may write: an older one gets `Superseded` and writes
        nothing. `synced_at` is what `{prefix}synced` says on each row this sync changes.
        """

    def state(self) -> dict[str, Any]:
        """The state without raising the epoch; {} where nothing was ever synced."""

    def ensure(
        self,
        tables: Iterable[Table],
        *,
        digests: Callable[[Any, Type], Any] | None = None,
        state: Mapping[str, Any] | None = None,
        returned: Iterable[Returned] = (),
        silent: Mapping[str, Iterable[str]] | None = None,
        standing: Iterable[Table] = (),
    ) -> Mapping[str, Counts]:
        """Every table is there, empty if new, with at least its columns; nothing is dropped.

        A column that is to be hashed has digests alone: what stood there raw is rewritten by
        `digests`, in this transaction or, where a column is met later, in that of the batch. A
        table that is hidden from now on begins with the rows it had. A column of ours to which
        somebody gave another type has its own again, or one that holds all that is in it. Where
        somebody dropped the column that says whose the rows are, or since when they were, or made
        it one that can't hold what it held, the rows go, but for those of records that Kustomer
        keeps for a while only, and versions whose start is still a time.

        `returned`: what of them flags are to be caught up in. `silent`: of a table's rejects those
        columns' texts alone stay. `standing`: tables that are not made for this; where they stand
        since before, what of them is to be hashed has digests too, and nothing else counts as
        such. Columns that are left out have no rejects. `state` is written in the same transaction.
        """

    def know(self, table: Table) -> None:
        """A table that was made ready by an earlier sync may be named as `absent` by this one."""

    def strayed(self) -> list[Strayed]:
        """What somebody else did to tables of ours since they were last written."""

    def columns(self) -> Mapping[str, Mapping[str, Type]]:
        """Table -> column -> type of every table of ours that is there."""

    def found(self) -> Mapping[str, Found]:
        """Every table of the schema, whoever made it; nothing is written."""

    def changes(self, tables: Iterable[Table]) -> list[Change]:
        """What `ensure` would change of the tables that are there; nothing is written."""

    def write(self, write: Write) -> Mapping[str, Counts]:
        """Land it all in one transaction, or nothing; counts by table, children and histories too.

        Of several copies of a record, stored ones included, the highest (updatedAt, rev) stays;
        of equal ones the incoming, and in a batch the last. An unchanged row is not rewritten.
        Rows to be made `anew` are as if they were never stored; their histories stay.
        A column that another program made narrower than ours stays so while every value fits it
        as it is, and is widened by the first that does not; its own columns keep their values.
        """

    def missing(self, table: Table, seen: Iterable[str]) -> list[str]:
        """Ids of rows not flagged, child rows' owners included, that are not in `seen`."""

    def spread(self, table: Table, lo: int, hi: int, most: int, turn: float = 0.0) -> list[Held]:
        """[lo, hi) of `updated_at` cut at whole seconds into spans of about `most` rows, in order.

        `turn`, from 0 to 1, moves the first cut; at 0 the first span is as long as the others.
        Rows flagged as gone are not counted, nor are those without an id.
        """

    def ids(self, table: Table, lo: int, hi: int, *, living: bool = False) -> list[str]:
        """Ids of rows not flagged with `updated_at` in [lo, hi), in milliseconds since 1970.

        `living`: without those that are soft-deleted.
        """

    def strays(self, table: Table, hi: int, held: Iterable[tuple[str, str]]) -> list[str]:
        """Ids in rows not flagged that no row of `table` with `updated_at` in [0, hi) has.

        `held` says where: tables, each with its column.
        """

    def stamps(
        self, table: Table, lo: int, hi: int, among: Iterable[str] | None = None
    ) -> list[Stamp]:
        """Of each row not flagged with `updated_at` in [lo, hi), which version it is.

        `among`: only of records with one of these ids.
        """

    def draw(self, table: Table, column: str, lo: int, hi: int, most: int) -> list[str]:
        """Up to `most` values of `column`, drawn by chance, of the rows that `ids` tells of."""

    def nameless(self, table: Table) -> Mapping[str, int]:
        """How many rows not flagged do not say of which record they are, by table; {} where none.

        Of the table and its children.
        """

    def unlike(self, batches: Iterable[Batch]) -> list[Unlike]:
        """What `write` would have to change for the rows to be as the batches have them.

        Whichever copy is newer. Each record may be in a batch once. Reads only; histories,
        system columns but the flag, and columns that the batch does not tell of are left out, but
        for custom ones, which a record that lacks them has empty.
        """

    def astray(self, table: Table) -> list[tuple[str, str]]:
        """Histories of the table and its children, each with the id of a record it does not fit.

        The record is not flagged, and its active rows there are not what the table holds of it.
        """

    def holding(
        self, table: Table, column: str, values: Iterable[str], wanted: str = "id"
    ) -> list[str]:
        """What rows not flagged that have one of `values` in `column` have in column `wanted`."""

    def newest(
        self,
        table: Table,
        column: str,
        lo: int,
        hi: int,
        most: int,
        *,
        changed: bool = False,
        lacking: str | None = None,
        made_before: int | None = None,
    ) -> tuple[int, list[str]]:
        """The values of `column` in the newest rows with `updated_at` in [lo, hi).

        Of about `most` rows not flagged; with the time from which on these are all there are.
        `changed`: only rows that this sync inserted or changed; `lacking`: only those that have
        nothing in that column; `made_before`: only those whose `created_at` is not known to be
        later.
        """

    def rows(self, tables: Iterable[str]) -> Mapping[str, int]:
        """How many rows each table has, flagged ones included; 0 for a table not there."""

    def close(self) -> None:
        """Let go of everything; may be called twice."""
