"""Which root tables are meant by the names that a user gave; a klass's table is one of them.

Which klasses an org has only the destination tells, so only it is asked, and nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kustomer_sync.destinations import destination
from kustomer_sync.errors import ConfigError, did_you_mean
from kustomer_sync.kustomer.catalog import TABLES
from kustomer_sync.model import Table
from kustomer_sync.protect import Protection
from kustomer_sync.settings import Connection, named_table
from kustomer_sync.shred import Names, wanted_name
from kustomer_sync.sync.choice import choose
from kustomer_sync.sync.landing import ADOPTED, family


def roots(
    connection: Connection, names: Iterable[str], tell: Callable[[str], None]
) -> list[str]:  # fmt: skip
    """The root of each name; `ConfigError` for a name that no table has, or one that is off.

    Before a first sync any klass may be there; `tell` hears what else is read with a klass's table.
    """
    chosen = choose(connection)
    found = {name: named_table(name, (*chosen, *TABLES)) for name in names}
    for name, root in found.items():
        _refuse_off(connection, chosen, root, name)
        if root.per_klass and name not in _family(root):
            _refuse_unknown(connection, root, name, tell)
            tell(f"{name} is read with all of {root.name}: all klasses come together.")
    return [table.parent or table.name for table in found.values()]


def _family(root: Table) -> set[str]:
    return {name for part in root.walk() for name in (part.name, part.history) if name}


def _refuse_off(
    connection: Connection, chosen: Iterable[Table], table: Table, name: str
) -> None:  # fmt: skip
    """What comes with a root is wanted; of a root itself, that anything is, is seen later."""
    if name == table.name and table.parent is None:
        return
    klass = name.removesuffix("_history")
    of_klass = table.per_klass and name not in _family(table)
    lands = Protection(connection).klass_lands(klass, table.name) if of_klass else False
    if not lands and not any(name in family(root) for root in chosen):
        raise ConfigError(f"{name} is not enabled.", "Enable it in the config file.")


def _refuse_unknown(
    connection: Connection, root: Table, name: str, tell: Callable[[str], None]
) -> None:  # fmt: skip
    """The klass is one that was met, or that the config names; else the nearest is named."""
    met = _met(connection, root, tell)
    if met and name not in met | connection.tables.keys():
        raise ConfigError(
            f'Unknown table "{name}"{did_you_mean(name, sorted(met), f"{root.name}_")}',
            f"It is of no klass met so far; a new one is met by a sync of {root.name}.",
        )


def _met(connection: Connection, root: Table, tell: Callable[[str], None]) -> set[str]:
    """The tables of all klasses that the destination's state knows, kept out or not."""
    there = destination(
        connection.destination_url, schema=connection.schema_name,
        system_prefix=connection.system_prefix, memory_limit=connection.memory_limit, tell=tell,
    )  # fmt: skip
    try:
        state = there.state()
    finally:
        there.close()
    names = Names.from_state(state.get("names") or {})
    listed = (state.get("klasses") or {}).values()
    kept_out = (state.get("kept_out") or {}).get(names.of_klasses(root.name), ())
    adopted = (state.get(ADOPTED) or {}).get("klass_tables", ())
    met = {*names.klasses(root.name).values(), *adopted}
    met |= {wanted_name(root.name, klass) for klass in (*listed, *kept_out)}
    return met | {f"{name}_history" for name in met}
