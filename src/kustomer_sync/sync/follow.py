"""Records that only other records point to.

A customer merge moves the source's conversations, messages, notes and KObjects to the target;
whether that moves their `updatedAt` is not documented. Searches do not document
`include=attachments` either; the messages of a conversation do. Some tables are listed by
conversation alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from kustomer_sync.errors import PathFailed, cause
from kustomer_sync.kustomer import windows
from kustomer_sync.kustomer.catalog import TABLES
from kustomer_sync.kustomer.client import Forbidden, NotFound
from kustomer_sync.kustomer.singly import (
    UNSURE,
    by_ids,
    message,
    messages_of,
    named_alone,
    of_parent,
    related,
    tried,
)
from kustomer_sync.model import Each, Record, Search, Table
from kustomer_sync.report import counted
from kustomer_sync.sync.landing import (
    ATTACHMENTS,
    TableState,
    everything_of,
    ids_of,
    of_long_ago,
)

if TYPE_CHECKING:
    from kustomer_sync.sync.run import Run

OWNED = ("conversation", "message", "note", "kobject")
_CUSTOMERS = 50  # whose records are looked for in the destination at once
_ALL = 1 << 40
_UNTOLD = 10_000  # ids that are kept to be asked for again
_ASKED = 1000  # rows of the parent, at most, by whose ids is asked before they count as followed


def follow_merged(run: Run) -> None:
    """What belonged to a customer found deleted is read again, wherever it is now.

    The customer is remembered until that was done in every table the connection wants; one of
    whom something could not be read is followed again when customers are compared, once a day.
    """
    run.landing.commit()
    tables = [t for t in run.tables if t.name in OWNED]
    wanted = {t.name for t in run.chosen if t.name in OWNED}
    landing = run.landing
    waiting = iter(sorted(landing.merged | (landing.unfollowed if run.compared else set())))
    while customers := list(islice(waiting, _CUSTOMERS)):
        done = [_read_again(run, table, customers) for table in tables]
        if wanted <= {t.name for t in tables}:
            landing.merged -= set(customers)
            landing.unfollowed -= set(customers)
            landing.unfollowed |= set() if all(done) else set(customers)
        landing.commit()


def _read_again(run: Run, table: Table, customers: list[str]) -> bool:
    """What the table has of these customers is as Kustomer has it; False where it did not tell."""
    there = run.destination.holding(table, "customer_id", customers)
    if there:
        run.note(f"following merged customers: {table.name}", cost=len(there))
    klasses = run.landing.klasses_of(table, there)
    looks = by_ids(run.client, table, there, klasses=klasses, workers=run.limits.workers)
    told = True

    def found() -> Iterator[Record]:
        nonlocal told
        for _, record in looks:
            told = told and record is not UNSURE
            if record:
                yield record

    try:
        run.landing.take_all(table, found())
    except Forbidden as error:
        run.denied(table, str(error))
    except PathFailed as error:
        run.unread(table, error)
        told = False
    return told


def to_read(run: Run, table: Table, span: windows.Span) -> None:
    """A span of `table` is about to be read: what is asked for by its records is open again.

    Before the first of its rows lands, so that no crash leaves a changed parent that counts as
    followed; and whether or not the tables that follow are in this sync, or wanted at all by now.
    """
    for name in _asked_for_by(table):
        for part in windows.gaps(span, run.landing.of(table.name).again):
            _reopen(run, name, part)


def have_read(run: Run, table: Table, span: windows.Span) -> None:
    """A span of `table` was read, perhaps with what is else asked for by its records."""
    for follower in _followers(run, run.chosen):
        if follower.parent.name == table.name and follower.known():
            follower.state.complete(span)
            run.landing.touch(follower.name)


def forget(run: Run, names: Collection[str], span: windows.Span) -> None:
    """Those that fill these tables have followed nothing of the span: they ask by all of it."""
    for follower in _followers(run, run.chosen):
        if follower.table.name in names:
            follower.state.forget(span)
            run.landing.touch(follower.name)


def follow(run: Run) -> None:
    """What only other records point to is there as far as these are, the newest first.

    It goes on until the next sync is due, and the next sync goes on from there. One that took
    the time until then is the last the next time.
    """
    run.landing.commit()
    turns = run.landing.state.get("turns") or []
    followers = list(_followers(run, run.tables))
    for follower in sorted(followers, key=lambda f: f.name in turns and turns.index(f.name) + 1):
        late = run.next_is_due()
        if not follower.catch_up() and not late:
            others = [name for name in turns if name != follower.name]
            run.landing.put("turns", [*others, follower.name])


def follow_again(run: Run) -> None:
    """What this run opened again is asked for, by what it changed; what was open before stays so.

    What can't be told now stays open for the next sync.
    """
    run.landing.commit()
    for follower in _followers(run, run.tables):
        follower.ask_of_changed()
    run.landing.commit()


@dataclass(frozen=True)
class _Follower:
    """Records that are asked for by those of another table, and how far that was done."""

    run: Run
    name: str
    """The table that it fills, and whose state says how far."""
    parent: Table
    column: str
    """The parent's column with the ids to ask by."""
    table: Table
    """That of its records."""
    ask: Callable[[list[str]], set[str]]
    """Takes what is listed for these ids; those of them that told nothing though they may.

    Raises `Forbidden`, `NotFound` or `PathFailed` where no list is to be had.
    """
    alone: bool = False
    """Whether parents that have nothing in `column` are asked by too, by their own ids."""
    known: Callable[[], bool] = lambda: False
    """Whether what was read of the parent brought them along."""
    made_before: int | None = None
    """Only by parents made before, in milliseconds since 1970."""

    @property
    def state(self) -> TableState:
        return self.run.landing.of(self.name)

    def catch_up(self) -> bool:
        """Ask by what is open; False where the next sync was due before the end."""
        run = self.run
        self._ask_again()
        again = windows.merged(run.reread.get(self.name, ()))
        # A quarter of a minute's budget: one that is used up on the way costs no more.
        most = min(_ASKED, max(run.limits.workers, run.client.quota.org.allowed // 4))
        parts = list(self._open(again))
        left = self._to_ask(parts)
        for lo, hi, changed in reversed(parts):
            while hi > lo:
                since, ids = run.destination.newest(
                    self.parent, self.column, lo, hi, most, changed=changed,
                    made_before=self.made_before,
                )  # fmt: skip
                if self.alone:
                    ids += run.destination.newest(
                        self.parent, "id", since, hi, _ALL, changed=changed, lacking=self.column,
                    )[1]  # fmt: skip
                if ids:
                    run.note(f"reading {self.name}", cost=left if left >= _ASKED else 0)
                left -= len(ids)
                if not self._asked(ids):
                    return True
                self.state.complete((since, hi))
                run.landing.touch(self.name)
                hi = since
                if run.next_is_due():
                    run.warn(
                        "pending",
                        f"{self.name} is complete back to {windows.iso(hi)}; the next sync goes "
                        "on.",
                    )
                    return False
        return True

    def _to_ask(self, parts: list[tuple[int, int, bool]]) -> int:
        """About how many requests that is, as far as each row of the parent takes one; else 0."""
        if self.column != "id" or self.made_before is not None:
            return 0
        spread = self.run.destination.spread
        whole = ((lo, hi) for lo, hi, changed in parts if not changed)
        return sum(held.kept for span in whole for held in spread(self.parent, *span, _ALL))

    def ask_of_changed(self) -> None:
        """Ask by those rows of the parent alone that this run changed."""
        for lo, hi in windows.merged(self.run.reread.get(self.name, ())):
            newest = partial(
                self.run.destination.newest, self.parent, lo=lo, hi=hi, most=_ALL, changed=True,
                made_before=self.made_before,
            )  # fmt: skip
            alone = newest("id", lacking=self.column)[1] if self.alone else []
            if not self._asked([*newest(self.column)[1], *alone]):
                return
            self.state.complete((lo, hi))
            self.run.landing.touch(self.name)

    def _asked(self, ids: list[str]) -> bool:
        """Those that told nothing though they may are kept; False where no list is to be had."""
        run, state = self.run, self.state
        try:
            untold = self.ask(ids)
        except (Forbidden, NotFound, PathFailed) as error:
            state.denied = True
            run.landing.touch(self.name)
            if isinstance(error, Forbidden):
                role = f"Give the key the role {self.table.role}; it costs: {self._costs()}."
                run.warn("role_missing", f"{self.name} was not read ({error}). {role}")
            else:
                again = "the next sync tries again."
                run.warn("not_read", f"{self.name} was not read ({cause(error)}); {again}")
                run.failed_by(error)
            return False
        state.denied = False
        left = [one for one in state.untold if one not in {*ids} - untold]
        state.untold = [*left, *sorted(untold - {*left})][-_UNTOLD:]
        run.landing.touch(self.name)
        return True

    def _costs(self) -> str:
        filled = next((t for t in self.table.walk() if t.name == self.name), None)
        return self.name if filled is None else ", ".join(everything_of(filled))

    def _ask_again(self) -> None:
        """Once a day, those that told nothing before."""
        state = self.state
        if state.untold and self.run.due(state.asked_at):
            # These may be hidden from the key, or fail, and others not.
            denied, failed = state.denied, self.run.failed
            if not self._asked(state.untold):
                state.denied, self.run.failed = denied, failed
            state.asked_at = self.run.now().isoformat()
            self.run.landing.touch(self.name)

    def _open(self, again: list[windows.Span]) -> Iterator[tuple[int, int, bool]]:
        """Spans of the parent that were read and not followed; whether only what changed counts."""
        for span in self.run.landing.of(self.parent.name).done:
            for gap in windows.gaps(span, self.state.done):
                fresh = windows.gaps(gap, again)
                parts = [(*part, False) for part in fresh]
                parts += [(*part, True) for part in windows.gaps(gap, fresh)]
                yield from sorted(parts)


def _asked_for_by(table: Table) -> Iterator[str]:
    """The names of what any connection may ask for by this table's records."""
    for other in TABLES:
        if other.name == table.name and any(c.name == ATTACHMENTS for c in other.children):
            yield ATTACHMENTS
        if isinstance(other.reading, Each) and other.reading.of == table.name:
            yield other.name
        each = other.reading.older_each if isinstance(other.reading, Search) else None
        if each and each.of == table.name:
            yield of_long_ago(other.name)


def _reopen(run: Run, name: str, span: windows.Span) -> None:
    """Of a part that was followed before, only what changes now is to be asked for."""
    lo, hi = span
    state = run.landing.of(name)
    again = [(max(lo, a), min(hi, b)) for a, b in state.done if max(lo, a) < min(hi, b)]
    if again:
        run.reread.setdefault(name, []).extend(again)
        state.forget(span)
        run.landing.touch(name)


def _followers(run: Run, tables: Iterable[Table]) -> Iterator[_Follower]:
    """Those that fill `tables`; their parents may be there already."""
    parents = {table.name: table for table in run.chosen}
    tables = tuple(tables)
    sent = next((table for table in tables if table.name == "message"), None)
    if sent and any(child.name == ATTACHMENTS for child in sent.children):
        yield _Follower(
            run, ATTACHMENTS, sent, "conversation_id", sent,
            partial(_attachments, run, sent), alone=True,
            known=lambda: not run.landing.unattached,
        )  # fmt: skip
    for table in tables:
        name, each, whole, made_before = table.name, table.reading, True, None
        if isinstance(each, Search):
            cut = run.landing.of(name).list_cut
            name, each, whole = of_long_ago(name), each.older_each, False
            each, made_before = each if cut else None, run.horizon if cut else None
        elif isinstance(each, Each):
            whole = not each.fades
        if isinstance(each, Each) and each.of not in parents:
            run.warn("parent_disabled", f"{name} is asked for by {each.of}, which is disabled.")
        elif isinstance(each, Each):
            yield _Follower(
                run, name, parents[each.of], "id", table,
                partial(land_each, run, table, each, whole), made_before=made_before,
            )  # fmt: skip


def land_each(
    run: Run, table: Table, reading: Each, whole: bool, parents: list[str]
) -> set[str]:  # fmt: skip
    """What Kustomer lists for each parent lands; if it lists all, what it lacks is flagged.

    Returns the parents whose lists could not be read. Raises `Forbidden` or `NotFound` where that
    is all of them, though they are there.
    """
    listed, untold = _listed(run, table, reading, parents)
    gone = set(run.destination.holding(table, reading.via, listed)) - _ids(listed)
    if whole and gone:  # a list may have shifted while it was read: it is asked a second time
        theirs = set(run.destination.holding(table, "id", gone, reading.via))
        second, _ = _listed(run, table, reading, sorted(theirs & set(listed)))
        run.landing.commit()
        sure = set(run.destination.holding(table, reading.via, second))
        gone &= sure - _ids(second)
        run.landing.commit(run.landing.absent(table, sorted(gone)))
    return untold


def _ids(listed: Mapping[str, set[str]]) -> set[str]:
    return {record_id for ids in listed.values() for record_id in ids}


def _listed(
    run: Run, table: Table, reading: Each, parents: list[str]
) -> tuple[dict[str, set[str]], set[str]]:
    """What is listed for each parent is taken; the ids by parent, and whose list is not to be read.

    A parent without a list may be gone, or have nothing: where another one tells something. Where
    none does, the path itself may be away, and then one of the parents shows that it is there.
    """
    told: dict[str, set[str]] = {}
    lost: dict[str, Exception] = {}

    def ask(one: str) -> list[Record]:
        return of_parent(run.client, reading.path, one)

    def found() -> Iterator[Record]:
        for parent, records in _lists(run, table.name, ask, parents, lost):
            told[parent] = ids_of(records)
            for record in records:
                belongs(record, reading.of, parent)
            yield from records

    run.landing.take_all(table, found())
    absent = [one for one in parents if isinstance(lost.get(one), NotFound)]
    of = next(one for one in TABLES if one.name == reading.of)
    looks = by_ids(run.client, of, () if told else absent)
    if any(record for _, record in looks):
        raise lost[absent[0]]
    return told, lost.keys() - {*absent}


def _lists(
    run: Run, name: str, ask: Callable[[str], list[Record]], parents: list[str],
    lost: dict[str, Exception],
) -> Iterator[tuple[str, list[Record]]]:  # fmt: skip
    """What is listed for each of the parents; into `lost` goes why there is no list of one.

    Raises `Forbidden` where every one of them is: then a role is missing.
    """
    for parent, found in tried(ask, parents, run.limits.workers):
        run.minimum.others += 1
        if isinstance(found, Exception):
            lost[parent] = found
        else:
            yield parent, found
    refused = [error for error in lost.values() if not isinstance(error, NotFound)]
    if refused and len(refused) == len(parents) and isinstance(refused[0], Forbidden):
        raise refused[0]
    if refused:
        run.warn(
            "not_told",
            f"{name}: {len(refused)} lists could not be read ({cause(refused[0])}); they are tried "
            "again once a day.",
        )


def belongs(record: Record, of: str, parent: str) -> None:
    """The record names the parent that it was asked for by."""
    relationships = related(record)
    if not isinstance(relationships.get(of), dict):
        relationships[of] = {"data": {"type": of, "id": parent}}


def _attachments(run: Run, table: Table, ids: list[str]) -> set[str]:
    """By conversation; where that tells none, by customer; else by message.

    `ids`: of conversations, and of messages that have none. Returns those of which some message
    was told in none of these ways.
    """
    holding = run.destination.holding
    lone = holding(table, "id", ids)
    bare: set[str] = set()
    lost = _attachments_of(
        run, table, "conversations", [one for one in ids if one not in {*lone}], bare
    )
    untold = set(_alone(run, table, lone))
    if not lost:
        return untold | set(holding(table, "id", bare, "conversation_id"))
    customers = holding(table, "conversation_id", lost, "customer_id")
    try:
        gone = _attachments_of(run, table, "customers", customers, bare)
    except (Forbidden, PathFailed):  # a detour that the key need not be allowed
        gone = customers
    asked = holding(table, "customer_id", set(customers) - set(gone))
    left = _alone(run, table, sorted(set(holding(table, "conversation_id", lost)) - set(asked)))
    return untold | set(holding(table, "id", bare | {*left}, "conversation_id"))


def _alone(run: Run, table: Table, messages: list[str]) -> list[str]:
    """Messages that no list leads to, each by its own id; those that could not be read whole."""
    left, failed = list[str](), list[Exception]()
    ask = partial(message, run.client)

    def found() -> Iterator[Record]:
        for one, record in tried(ask, messages, run.limits.workers):
            run.minimum.others += 1
            if isinstance(record, Exception):
                left.append(one)
                failed.append(record)
            elif record is not None:
                left.extend(_bare(run, [record]))
                yield record

    run.landing.take_all(table, found())
    if failed:
        run.warn(
            "not_told",
            f"{ATTACHMENTS}: {counted(len(failed), 'message')} could not be read "
            f"({cause(failed[0])}); that is tried again once a day.",
        )
    return left


def _bare(run: Run, messages: list[Record]) -> set[str]:
    """The messages of which an attachment is named, and nowhere to be read."""
    bare = ids_of(one for one in messages if named_alone(one))
    if bare:
        run.warn(
            "not_told",
            f"{ATTACHMENTS}: attachments are named that can't be read by their own paths (which "
            "take the role org.permission.attachment.read); they are tried again once a day.",
        )
    return bare


def _attachments_of(
    run: Run, table: Table, owner: str, ids: list[str], bare: set[str]
) -> list[str]:  # fmt: skip
    """The owners' messages land with their attachments; the owners that list none.

    Into `bare` go the messages of which some attachment could not be read.
    """
    lost: dict[str, Exception] = {}
    ask = partial(messages_of, run.client, owner)
    lists = _lists(run, ATTACHMENTS, ask, ids, lost)

    def found() -> Iterator[Record]:
        for _, records in lists:
            bare.update(_bare(run, records))
            yield from records

    run.landing.take_all(table, found())
    return list(lost)
