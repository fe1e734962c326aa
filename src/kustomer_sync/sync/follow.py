"""Records that only other records point to.

A customer merge moves the source's conversations, messages and KObjects to the target; whether
that moves their `updatedAt` is not documented. Searches do not document `include=attachments`
either; the messages of a conversation do.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from kustomer_sync.kustomer import windows
from kustomer_sync.kustomer.client import Forbidden, NotFound, Refused
from kustomer_sync.kustomer.singly import UNSURE, by_id, many, messages_of
from kustomer_sync.model import Record, Table
from kustomer_sync.sync.choice import choose
from kustomer_sync.sync.landing import ATTACHMENTS, ids_of, read_ms

if TYPE_CHECKING:
    from kustomer_sync.sync.run import Run

_OWNED = ("conversation", "message", "kobject")
_CUSTOMERS = 50  # whose records are looked for in the destination at once
_MESSAGES = 1000  # whose conversations are asked for before their span counts as read


def note_merged(run: Run, records: list[Record]) -> None:
    """Remember the customers among `records` that were deleted, perhaps merged, since last time."""
    run.landing.merged |= ids_of(
        r for r in records
        if (r.get("attributes") or {}).get("deleted")
        and ((at := read_ms(r, "deletedAt")) is None or at >= run.merged_since)
    )  # fmt: skip


def follow_merged(run: Run) -> None:
    """What belonged to a customer found deleted is read again, wherever it is now.

    The customer is remembered until that was done in every table the connection wants.
    """
    run.landing.commit()
    tables = [t for t in run.tables if t.name in _OWNED]
    wanted = {t.name for t in choose(run.connection) if t.name in _OWNED}
    waiting = iter(sorted(run.landing.merged))
    while customers := list(islice(waiting, _CUSTOMERS)):
        done = [_read_again(run, table, customers) for table in tables]
        if all(done) and wanted <= {t.name for t in tables}:
            run.landing.merged -= set(customers)
        run.landing.commit()


def _read_again(run: Run, table: Table, customers: list[str]) -> bool:
    """What the table has of these customers is as Kustomer has it; False where it did not tell."""
    there = run.destination.holding(table, "customer_id", customers)
    if there:
        run.note(f"following merged customers: {table.name}")
    klasses = run.landing.klass_names()
    told = True
    try:
        for _, record in many(
            lambda record_id: by_id(run.client, table, record_id, klasses), there,
            run.limits.workers,
        ):  # fmt: skip
            if record:
                run.landing.take(table, [record], 0)
            told = told and record is not UNSURE
    except Forbidden as error:
        run.denied(table, str(error))
        return False
    return told


def follow_attachments(run: Run) -> None:
    """The messages read by a search that named no attachments are read by conversation.

    The newest first, until the next sync is due; it goes on from there.
    """
    table = next((t for t in run.tables if t.name == "message"), None)
    if table is None or not any(c.name == ATTACHMENTS for c in table.children):
        return
    run.landing.commit()
    state = run.landing.of(ATTACHMENTS)
    for lo, hi in reversed(_open(run)):
        while hi > lo:
            since, conversations = run.destination.newest(
                table, "conversation_id", lo, hi, _MESSAGES
            )
            if conversations:
                run.note("reading attachments")
            try:
                lost = _attachments_of(run, table, "conversations", conversations)
                customers = run.destination.holding(table, "conversation_id", lost, "customer_id")
                _attachments_of(run, table, "customers", customers)
            except (Forbidden, NotFound, Refused) as error:
                run.warn(
                    "role_missing",
                    f"{ATTACHMENTS} was not read ({error}). Give the key the role {table.role}.",
                )
                return
            state.complete((since, hi))
            run.landing.touch(ATTACHMENTS)
            hi = since
            if run.next_is_due():
                run.warn(
                    "attachments_pending",
                    f"{ATTACHMENTS} is complete back to {windows.iso(hi)}; the next sync goes on.",
                )
                return


def _attachments_of(run: Run, table: Table, owner: str, ids: list[str]) -> list[str]:
    """The owners' messages land with their attachments; the owners that Kustomer no longer has."""
    lost = []
    for one, records in many(
        lambda one: messages_of(run.client, owner, one), ids, run.limits.workers
    ):
        run.minimum.others += 1
        if records is None:
            lost.append(one)
        else:
            run.landing.take(table, records, 0)
    return lost


def _open(run: Run) -> list[windows.Span]:
    """Spans of messages that were read, and whose attachments were not."""
    done = run.landing.of(ATTACHMENTS).done
    return [gap for span in run.landing.of("message").done for gap in windows.gaps(span, done)]
