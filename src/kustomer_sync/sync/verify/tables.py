"""What is wrong with our tables themselves, or between them, whatever Kustomer has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kustomer_sync.model import Strayed, Table
from kustomer_sync.report import Differing, counted
from kustomer_sync.shred import klass_table
from kustomer_sync.sync.histories import kept
from kustomer_sync.sync.run import Run


def made_of(run: Run, table: Table) -> Iterator[Table]:
    """The table, its klasses' tables, and the children of each."""
    for klass in _klass_tables(run, table):
        yield from klass.walk()
    yield from table.walk()


def changed(run: Run, table: Table, strayed: Iterable[Strayed]) -> list[str]:
    """What somebody did to the tables themselves: nothing of them can be compared then."""
    parts: dict[str, Table] = {}
    for part in made_of(run, table):
        parts |= dict.fromkeys([part.place, *([part.history] if part.history else ())], part)
    told = []
    for one in strayed:
        if one.table not in parts or one.column in parts[one.table].left_out:
            continue
        name, what = _named(run, one.table), "makes it again and fills it"
        by = "the next sync, or `verify --repair`,"
        if one.column is None:
            said = f"{name} is gone"
        elif one.now is None:
            said = f"{name} has lost its column {one.column}"
        else:
            said = f"{name}.{one.column} was {one.was} and somebody made it {one.now}"
            what = "sets it right"
        told.append(f"{said}; {by} {what}.")
    return told


def nameless(run: Run, table: Table) -> list[str]:
    """Rows that don't say of which record they are: nothing can be compared with them."""
    told = []
    columns = {part.place: part.parent_column or "id" for part in made_of(run, table)}
    for part in (table, *_klass_tables(run, table)):
        for place, rows in run.destination.nameless(part).items():
            name, column = _named(run, place), columns[place]
            remove = f"DELETE FROM {name} WHERE {column} IS NULL"  # noqa: S608 - said, not run
            which = "It is" if rows == 1 else "They are"
            told.append(
                f"{counted(rows, 'row')} of {name} without {column}. {which} of no record: {remove}"
            )
    return told


def astray(run: Run, table: Table) -> list[Differing]:
    """Histories whose last version of a record is not as its row is.

    Kustomer has no versions to compare with.
    """
    found = []
    for one in (table, *_klass_tables(run, table)):
        parts = {str(p.history) for p in one.walk() if p.history and kept(run.landing.state, p)}
        found += [
            Differing(record_id, history, what="history differs")
            for history, record_id in run.destination.astray(one)
            if history in parts
        ]
    return found


def _klass_tables(run: Run, table: Table) -> Iterator[Table]:
    landing = run.landing
    for name in landing.of_klasses(table):
        yield klass_table(table, name, landing.names)


def _named(run: Run, place: str) -> str:
    return f"{run.connection.sql_schema}.{place}"
