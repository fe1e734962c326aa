"""What a connection wants now and wanted last: what that asks of the destination and the source.

A column, child table, history or klass that is wanted and was not is read again; a column that is
hashed from now on is rewritten where it stands, one that is hashed no longer is read again. So is
what somebody else took out of the destination. Other tables, cursors and rows that are equal stay
as they are, and the state says what is left to read in the transaction that makes the tables ready,
so a crash in between loses nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kustomer_sync.destinations import Destination
from kustomer_sync.errors import ConfigError
from kustomer_sync.kustomer.catalog import TABLES
from kustomer_sync.model import Column, Each, Listing, Log, Returned, Search, Strayed, Table
from kustomer_sync.protect import Protection
from kustomer_sync.report import BackFill
from kustomer_sync.settings import Connection
from kustomer_sync.shred import Names, klass_names_taken, klass_table, wanted_name
from kustomer_sync.sync.histories import kept
from kustomer_sync.sync.landing import (
    ADOPTED,
    ATTACHMENTS,
    PREFIX,
    UNATTACHED,
    TableState,
    family,
    of_long_ago,
)
from kustomer_sync.sync.log import log_key

if TYPE_CHECKING:
    from kustomer_sync.sync.landing import Landing
    from kustomer_sync.sync.run import Run

_LISTED = 100
"""Records a page of a list has."""


# ---- what changed ----


def choice_of(protection: Protection, root: Table, before: Mapping[str, Any]) -> dict[str, Any]:
    """What is wanted of a root now, as the state keeps it."""
    blocked = protection.blocked_names(root)
    hashed = {*protection.hashed_names(root), *(blocked & set(before.get("hashed", ())))}
    return {
        "lands": sorted(_lands(root)), "blocked": sorted(blocked), "hashed": sorted(hashed),
        "klasses": protection.klasses_named(root),
        "of_klasses": sorted(c.name for c in root.columns) if root.per_klass else [],
    }  # fmt: skip


def _lands(root: Table) -> Iterator[str]:
    """`table.column` of what lands where users see it, but for custom attributes.

    A history goes on from its table's rows; only where these do not land must it be read.
    """
    for part in root.walk():
        name = part.history if part.hidden else part.name
        yield from (f"{name}.{c.name}" for c in part.columns) if name else ()


def _went_on(root: Table, state: Mapping[str, Any], landed: Iterable[str]) -> Iterator[str]:
    """`history.column` of what a history has by its table, which landed until now."""
    histories = {p.name: p.history for p in root.walk() if p.history and kept(state, p)}
    for name in landed:
        table, _, column = name.partition(".")
        if table in histories:
            yield f"{histories[table]}.{column}"


def lacking(
    protection: Protection, root: Table, state: Mapping[str, Any], names: Names
) -> set[str]:  # fmt: skip
    """What is wanted of a root that has been synced, and was not wanted last time."""
    before = (state.get("choice") or {}).get(root.name)
    found = {shown for _, _, shown in let_in(root, names, state.get("kept_out") or {})}
    if before is None:
        return found
    now = choice_of(protection, root, before)
    landed = {*before["lands"], *_went_on(root, state, before["lands"])}
    new = set(now["lands"]) - landed
    whole = {name.partition(".")[0] for name in new} - {name.partition(".")[0] for name in landed}
    found |= whole | {name for name in new if name.partition(".")[0] not in whole}
    let_go = {*before["blocked"]} | (set(before["hashed"]) - set(now["hashed"]))
    if not any(name.partition(".")[0] == root.name for name in before["lands"]):
        # Of a family that is blocked whole only those klasses land that the config names.
        let_go |= set(now["klasses"]) - set(before.get("klasses", now["klasses"]))
    met = _met(root, names, state.get(ADOPTED) or {})
    found |= {name for name in let_go if met(name)} - {*whole, root.name}
    blocked = set(now["blocked"])
    if root.per_klass:  # each klass's table has the columns, whether or not their common one lands
        of_klasses = set(now["of_klasses"]) - set(before.get("of_klasses", now["of_klasses"]))
        found |= {f"{root.name}.{c}" for c in of_klasses if root.name not in whole}
        blocked -= {root.name}
    return {name for name in found if not {name, name.partition(".")[0]} & blocked}


def _met(root: Table, names: Names, adopted: Mapping[str, Any]) -> Callable[[str], bool]:
    """Whether there is a table, or `table.column`, of a name; of what only data tells, by now."""
    klasses = {*names.klasses(root.name).values(), *adopted.get("klass_tables", ())}
    tables = family(root) | {root.name} | (klasses if root.per_klass else set())

    def met(name: str) -> bool:
        table, _, column = name.partition(".")
        scopes = (table, *(klasses if root.per_klass and table == root.name else ()))
        columns = {c for one in scopes for c in names.columns(one).values()}
        columns |= {c for one in scopes for c in (adopted.get("columns") or {}).get(one, ())}
        return table in tables and (not column.startswith("custom_") or column in columns)

    return met


def let_in(
    root: Table, names: Names, kept_out: Mapping[str, Iterable[str]]
) -> Iterator[tuple[str, str, str]]:
    """Scope, key and shown name of what was kept out and may come now."""
    klasses = names.of_klasses(root.name)
    scopes = {klasses, *(part.name for part in root.walk())}
    scopes |= set(names.klasses(root.name).values() if root.per_klass else ())
    for scope in scopes & set(kept_out):
        for key in kept_out[scope]:
            name = wanted_name(root.name if scope == klasses else "custom", key)
            if names.admits(scope, name):
                yield scope, key, name if scope == klasses else f"{scope}.{name}"


def refuse_changed(connection: Connection, state: Mapping[str, Any]) -> None:
    """What may not change as long as the destination stands is as it was when it was written."""
    _refuse_other_prefix(connection, state)
    _refuse_other_salt(connection, state)


def _refuse_other_prefix(connection: Connection, state: Mapping[str, Any]) -> None:
    """Versions and flags are in columns that begin with it: others would say nothing of the rows
    that are there, and theirs would stay as they are for ever."""
    kept = state.get(PREFIX, connection.system_prefix)
    if kept != connection.system_prefix:
        raise ConfigError(
            f'system_prefix in [connections.{connection.name}] is "{connection.system_prefix}", '
            f'and the system columns in the destination begin with "{kept}".',
            f'Set system_prefix = "{kept}"; for another one, sync into a new schema.',
        )


def _refuse_other_salt(connection: Connection, state: Mapping[str, Any]) -> None:
    """Digests made with another salt would match none of those that are there.

    Those count that stand in what is not wanted any more, and in what another sync comes to.
    """
    protection = Protection(connection)
    kept, given = state.get("hash_salt"), protection.fingerprint()
    there = sorted(n for old in (state.get("choice") or {}).values() for n in old["hashed"])
    wanted = any(protection.hashed_names(root) for root in TABLES)
    if kept and given and kept != given and there and wanted:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise ConfigError(
            f"hash_salt in [connections.{connection.name}] is not the one that the digests in the "
            f"destination were made with ({there[0]}{more}), so nothing would match them.",
            "Give the former one; to change it, sync once with all that has digests wanted and no "
            "column hashed, then hash anew.",
        )


def back_fill(
    destination: Destination, root: Table, missing: set[str], page_size: int,
    state: Mapping[str, Any],
) -> BackFill:  # fmt: skip
    """What it costs to read a root again."""
    reading = root.reading
    of = reading.of if isinstance(reading, Each) else root.name
    records = _records(destination, of)
    searches: int | None = 0
    others: int | None = 0
    if isinstance(reading, Each):
        others = records
    elif not isinstance(reading, Search):
        others = _pages(records, _LISTED)
    elif not _only_attachments(root, missing, state):
        searches = _pages(records, page_size)
    asked = TableState.from_state(state.get(f"table:{ATTACHMENTS}") or {})
    brought = asked.done and not state.get(UNATTACHED)
    if _of_attachments(root, missing) and not brought:
        others = _records(destination, "conversation")
    return BackFill(root.name, tuple(sorted(missing)), records, searches, others)


def _pages(records: int | None, size: int) -> int | None:
    return None if records is None else max(1, -(-records // size))


def _records(destination: Destination, name: str) -> int | None:
    """How many records of a table are there; None of one that is lost, for nothing tells then."""
    there = destination.rows([name, replace(Table(name, ()), hidden=True).place])
    return max(there.values()) or None


def _of_attachments(root: Table, missing: Iterable[str]) -> set[str]:
    """What of that the attachments of its records have."""
    names = {
        name for child in root.children if child.name == ATTACHMENTS
        for name in (child.name, child.place, child.history)
    }  # fmt: skip
    return {name for name in missing if name.partition(".")[0] in names}


def _only_attachments(root: Table, missing: set[str], state: Mapping[str, Any]) -> bool:
    """Whether no search brings any of it: attachments are asked for by conversation then."""
    return missing == _of_attachments(root, missing) and bool(state.get(UNATTACHED))


def kept_out(
    connection: Connection, met: Mapping[str, Iterable[str]], names: Names, roots: Iterable[Table]
) -> str:  # fmt: skip
    """What new was met and not let in, and how to let it in."""
    sections = {}
    families = {root.name: klass_names_taken(root) for root in roots}
    names = Names.from_state(names.state())  # nothing gets its name by being told of
    for scope, keys in sorted(met.items()):
        for key in sorted(keys):
            root = scope.removesuffix(".*")
            if scope != root:
                klass = names.klass_table(key, families[root], root)
                sections[klass] = f"tables.{klass}"
            else:
                column = wanted_name("custom", key)
                sections[f"{scope}.{column}"] = f"tables.{scope}.columns.{column}"
    first = next(iter(sections.values()))
    return (
        f"New in Kustomer and kept out by schema_change_handling = "
        f'"{connection.schema_change_handling}": {", ".join(sections)}. To let one in, give it a '
        f"section with enabled = true, such as [connections.{connection.name}.{first}]; what it "
        "missed is read then."
    )


def pending(
    connection: Connection, destination: Destination, tables: Iterable[Table], page_size: int
) -> tuple[BackFill, ...]:  # fmt: skip
    """What the next sync will read again for what is wanted now and was not."""
    state = destination.state()
    protection, names = Protection(connection), Names.from_state(state.get("names") or {})
    names.admits = protection.admits(connection.schema_change_handling)
    found = []
    for root in tables:
        missing = lacking(protection, root, state, names)
        read = state.get(f"table:{root.name}") or state.get(log_key(root))
        if missing and read:
            found.append(back_fill(destination, root, missing, page_size, state))
    return tuple(found)


# ---- making ready ----


def lacks(run: Run, root: Table) -> set[str]:
    """What of a root is wanted now, and was not when it was read."""
    return lacking(run.protection, root, run.landing.state, run.landing.names)


def make_ready(run: Run, *, orphans: bool = True) -> None:
    """The destination is as the connection wants it; what it lacks then will be read again.

    `orphans`: what was asked for by records that are flagged is flagged too.
    """
    landing, protection = run.landing, run.protection
    before = landing.state.get("choice") or {}
    kept_out = landing.kept_out
    parts = {root.name: list(_parts(run, root)) for root in run.tables}
    strayed = run.destination.strayed()
    returned: list[Returned] = []
    flag = f"{run.connection.system_prefix}deleted"
    for root in run.tables:
        missing = lacks(run, root) | _strayed(run, parts[root.name], strayed)
        if missing and _known(landing, root):
            returned += _returned(root, parts[root.name], missing, flag)
            if f"{root.place}.{flag}" in missing:
                landing.of(root.name).swept_at = None  # only a comparison says what is gone
            others = (t.place for part in parts[root.name] for t in part.walk())
            if unread := missing - {f"{name}.{flag}" for name in others if name != root.place}:
                _read_again(run, root, unread)
        returned += _orphaned(run, root) if orphans else ()
        for scope, key, _ in list(let_in(root, landing.names, kept_out)):
            left = [k for k in kept_out[scope] if k != key]
            kept_out = {**kept_out, scope: left}
    choices, standing = dict(before), list[Table]()
    silent: dict[str, set[str]] = {}
    for root, now in _choices(run, before):
        whole = tuple(_whole(run, root))
        standing += whole if root.name in parts else map(_hashed_only, whole)
        if now != before.get(root.name):
            choices[root.name] = now
            guarded = whole if now["blocked"] or now["hashed"] else ()
            for table in (table for one in guarded for table in one.walk()):
                custom = landing.names.columns(table.name).values()
                silent[table.name] = protection.open_columns(table, custom)
    hashed = any(choice["hashed"] for choice in choices.values())
    for key, value in (
        ("choice", choices), ("kept_out", kept_out), (PREFIX, run.connection.system_prefix),
        # Who did not refuse another one hashes nothing: what has digests has those of the former.
        ("hash_salt", (landing.state.get("hash_salt") or protection.fingerprint()) if hashed
         else None),
    ):  # fmt: skip
        if landing.state.get(key) != value:
            landing.put(key, value)
    landing.made_ready(
        run.destination.ensure(
            [part for found in parts.values() for part in found],
            digests=protection.digests, state=landing.changes, returned=returned,
            silent=silent, standing=standing,
        )
    )  # fmt: skip


def _choices(
    run: Run, before: Mapping[str, dict[str, Any]]
) -> Iterator[tuple[Table, dict[str, Any]]]:  # fmt: skip
    """What is wanted from now on of each root of this sync, and of those no longer wanted at all.

    What is hashed of the latter counts as hashed until they are wanted and read again.
    """
    synced, chosen = {t.name: t for t in run.tables}, {t.name for t in run.chosen}
    for root in TABLES:
        old = before.get(root.name)
        if root.name in synced:
            yield root, choice_of(run.protection, synced[root.name], old or {})
        elif old is not None and root.name not in chosen:
            hashed = {*old["hashed"], *run.protection.hashed_names(root)}
            yield root, {**old, "hashed": sorted(hashed)}


def _whole(run: Run, root: Table) -> Iterator[Table]:
    """All that may stand of a root, wanted or not: each table, klass and column, each history."""
    names = Names.from_state(run.landing.names.state())  # no klass's history is named for this
    whole = _kept_whole(run, root)
    klasses = {name: klass for klass, name in names.klasses(root.name).items()}
    yield _customized(run, whole, root.name)
    for name in sorted({*klasses, *run.landing.adopted[0]}) if root.per_klass else ():
        table = run.protection.dressed(klass_table(whole, name, names))
        yield _customized(run, table, f"{root.name}.{klasses.get(name)}")


def _kept_whole(run: Run, table: Table) -> Table:
    """The table and its children with all their columns and histories."""
    kept = table.versioned(table.history or f"{table.name}_history")
    children = tuple(_kept_whole(run, child) for child in table.children)
    return run.protection.dressed(replace(kept, children=children))


def _hashed_only(table: Table) -> Table:
    """What was hashed of a root that is wanted no more stays so until that is read again."""
    columns = tuple(column for column in table.columns if column.hashed)
    return replace(table, columns=columns, children=tuple(map(_hashed_only, table.children)))


def _known(landing: Landing, root: Table) -> bool:
    """Whether anything of the root was read before."""
    state = landing.of(root.name)
    logged = landing.state.get(log_key(root)) is not None
    return bool(state.done) or state.listed_at is not None or logged


def _parts(run: Run, root: Table) -> Iterator[Table]:
    """The root and its klasses' tables, with the custom columns that are known."""
    names = run.landing.names
    yield root if root.per_klass else _customized(run, root, root.name)
    klasses = {name: klass for klass, name in names.klasses(root.name).items()}
    for name in run.landing.of_klasses(root):
        table = klass_table(root, name, names)
        yield _customized(run, table, f"{root.name}.{klasses.get(name)}")


def _customized(run: Run, table: Table, resource: str) -> Table:
    """With the columns of its records' custom attributes, and of its elements'."""
    children = tuple(_customized(run, child, child.name) for child in table.children)
    table = replace(table, children=children)
    if not table.custom and table.parent is None:
        return table
    found = run.landing.names.columns(table.name)
    own = [run.landing.types.column(resource, name, key) for key, name in found.items()]
    hashed = (name for name, wish in run.protection.of(table).items() if wish.hashed)
    there = run.destination.columns().get(table.name, ()) if run.landing.state.get(ADOPTED) else ()
    for name in hashed:  # it stands there raw, whether or not one of its values ever comes
        if name.startswith("custom_") and name in there and name not in found.values():
            own.append(Column(name, custom=name))
    return run.protection.dressed(replace(table, columns=(*table.columns, *own)))


def _strayed(run: Run, parts: Iterable[Table], strayed: Iterable[Strayed]) -> set[str]:
    """What of these somebody took out or made narrower; each is told."""
    places: dict[str, Table] = {}
    for one in (table for part in parts for table in part.walk()):
        places |= dict.fromkeys([one.place, *([one.history] if one.history else ())], one)
    lost = set()
    for change in strayed:
        table, column = places.get(change.table), change.column
        if table is None or (column is not None and column in table.left_out):
            continue
        name = f"{run.connection.schema_name}.{change.table}"
        but = ", but for the versions of before" if change.table == table.history else ""
        if column is None:
            said = f"The table {name} is gone: it is made again and filled{but}."
        elif change.now is None:
            said = f"{name} has lost its column {column}: it is made again and filled{but}."
        else:
            said = (
                f"{name}.{column} was {change.was} and somebody made it {change.now}: it is set "
                f"right{'' if change.lossless else f' and read again{but}'}."
            )
        run.warn("destination_changed", said)
        if change.now is None or not change.lossless:
            lost.add(change.table if column is None else f"{change.table}.{column}")
    return lost


def _read_again(run: Run, root: Table, missing: set[str]) -> None:
    """The state says that the root is to be read again; what that costs is told."""
    landing = run.landing
    state = landing.of(root.name)
    price = back_fill(run.destination, root, missing, run.limits.page_size, landing.state)
    if _of_attachments(root, missing):
        _ask_again(landing, ATTACHMENTS)
    if _only_attachments(root, missing, landing.state):
        pass
    elif isinstance(root.reading, Search):
        state.reread()
        state.listed_at = None  # of those that a list has, all or the older ones
        if root.reading.older is not None:
            _ask_again(landing, of_long_ago(root.name))
    elif isinstance(root.reading, Listing):
        state.listed_at = None
    elif isinstance(root.reading, Log):
        landing.put(log_key(root), None)
    else:
        state.done = []
    landing.touch(root.name)
    run.say(str(price))


def _ask_again(landing: Landing, name: str) -> None:
    landing.of(name).done = []
    landing.touch(name)


def _returned(
    root: Table, parts: list[Table], missing: set[str], flag: str
) -> Iterator[Returned]:  # fmt: skip
    """Of the tables that are wanted again, or lost their flags, those in which these are behind.

    A klass's table is, whether it or all of them were not wanted.
    """
    place = root.place
    for part in parts:
        for table in part.walk():
            owner = table.parent_column or "id"
            back = bool({table.name, table.common, f"{table.place}.{flag}"} & missing)
            if back and table.place != place:
                yield Returned(table.place, owner, place)
            unseen = table.hidden and table.history in missing and root.says_deleted
            if table.history and (unseen or (back and table.common)):
                yield Returned(table.history, owner, place, history=True)


def _orphaned(run: Run, root: Table) -> Iterator[Returned]:
    """Records asked for by others, of which some may have gone while these were not wanted."""
    if not isinstance(root.reading, Each):
        return
    for parent in run.chosen:
        if parent.name == root.reading.of and parent.says_deleted:
            yield Returned(root.place, root.reading.via, parent.place)
            for child in root.children:
                yield Returned(child.place, child.parent_column, root.place)
