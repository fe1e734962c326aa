"""Re-importing a listed table: read whole, so that absence says that a record is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kustomer_sync.kustomer import listings
from kustomer_sync.kustomer.client import Forbidden, NotFound, Refused
from kustomer_sync.kustomer.singly import by_id
from kustomer_sync.model import Table

if TYPE_CHECKING:
    from kustomer_sync.sync.run import Run


def reimport(run: Run, table: Table) -> None:
    """The table is as Kustomer lists it; what two complete listings lack is flagged as gone."""
    run.note(f"re-importing {table.name}")
    try:
        whole = _listing(run, table)
        if whole.repeated:
            whole = _listing(run, table)
    except (Forbidden, NotFound, Refused) as error:
        run.denied(table, str(error))
        return
    absent: tuple[str, ...] = ()
    if whole.complete:
        absent = _gone(run, table, whole)
    else:
        run.warn("listing_incomplete", f"{table.name}: {whole.why}; nothing was flagged.")
    if not whole.repeated:  # else the next sync lists it again
        run.landing.of(table.name).listed_at = run.now().isoformat()
        run.landing.touch(table.name)
    run.landing.commit(run.landing.absent(table, absent))


def _listing(run: Run, table: Table) -> listings.Whole:
    whole = listings.Whole()
    for records in listings.read(run.client, table, whole):
        run.landing.take(table, records, 0)
    run.minimum.others += whole.pages
    return whole


def _gone(run: Run, table: Table, whole: listings.Whole) -> tuple[str, ...]:
    """Ids that two complete listings and a look by id agree are gone."""
    run.landing.commit()
    missing = run.destination.missing(table, sorted(whole.ids))
    if not missing:
        return ()
    before = len(missing) + len(whole.ids)
    if len(missing) * 2 > before:
        run.warn(
            "listing_shrank",
            f"{table.name}: {len(missing)} of {before} records are no longer listed; "
            "the list was read again before they were flagged.",
        )
    second = _listing(run, table)
    if not second.complete:
        return ()
    gone = []
    for record_id in missing:
        if record_id in second.ids:
            continue
        record = by_id(run.client, table, record_id)
        if record:
            run.landing.take(table, [record], 0)
        else:  # two listings agree; a path that tells nothing does not contradict them
            gone.append(record_id)
    return tuple(gone)
