"""Which histories are kept, and since when some are not: they may be switched at any time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kustomer_sync.model import Begun, Column, Table, Type
from kustomer_sync.sync.landing import ADOPTED

if TYPE_CHECKING:
    from kustomer_sync.sync.run import Run

KEY = "histories"
"""In the state: the tables whose history was ever kept; null while it is, else when that ended."""


def take_up(run: Run) -> None:
    """A history that this sync keeps and the last one did not has what its table has by now.

    In one transaction, with the state that says so, before anything else is written; so no sync
    writes a table without its history while the state says that it is kept.
    """
    before: dict[str, str | None] = run.landing.state.get(KEY) or {}
    wanted = {name for table in run.chosen for name in _kept(table)}
    ended = run.synced_at.isoformat()
    after = {name: at or (None if name in wanted else ended) for name, at in before.items()}
    begun = tuple(_begun(run, before))
    after |= {name: None for table in run.tables for name in _kept(table)}
    if begun or after != before:
        run.landing.put(KEY, after)
        run.landing.put("names", run.landing.names.state())
        run.landing.commit(begun=begun)


def kept(state: Mapping[str, Any], table: Table) -> bool:
    """Whether the state says that its history is kept; a klass's for its own sake or all's."""
    told = state.get(KEY) or {}
    return any(name in told and told[name] is None for name in (table.name, table.common))


def _kept(table: Table) -> set[str]:
    return {part.name for part in table.walk() if part.history} | table.klasses_kept


def _begun(run: Run, before: dict[str, str | None]) -> Iterator[Begun]:
    """Every history of this sync that was not kept before."""
    stored = run.destination.columns()
    for table in (*run.tables, *run.landing.klass_tables()):
        root = replace(_whole(run, table, stored), children=())
        # A klass's history was kept for its own sake or for the common table's.
        names = [table.name, *([table.common] if table.common else ())]
        for part in table.walk():
            if part.hidden:
                continue  # its rows say too little: it is read again
            own = names if part is table else [part.name]
            since = [before[name] for name in own if name in before]
            if part.history and None not in since:
                alone = root
                if part is not table:
                    alone = replace(root, history=None, children=(_whole(run, part, stored),))
                ended = [datetime.fromisoformat(at) for at in since if at]
                yield Begun(alone, max(ended, default=None))


def _whole(run: Run, table: Table, stored: Mapping[str, Mapping[str, Type]]) -> Table:
    """With the columns of its custom attributes that landed, and no one else's of such a name."""
    known = {name: key for key, name in run.landing.names.columns(table.name).items()}
    adopted = run.landing.state.get(ADOPTED) is not None
    custom = (
        Column(name, type_, custom=known.get(name, name))
        for name, type_ in stored.get(table.place, {}).items()
        if name in known or (adopted and name.startswith("custom_"))
    )
    return run.protection.dressed(replace(table, columns=(*table.columns, *custom)))
