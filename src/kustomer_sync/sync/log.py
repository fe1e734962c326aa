"""A log that Kustomer keeps for a while: read from its newest entry back to what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kustomer_sync.errors import PathFailed
from kustomer_sync.kustomer.client import Forbidden, NotFound, Refused, walk
from kustomer_sync.model import Log, Table
from kustomer_sync.sync.landing import read_ms

if TYPE_CHECKING:
    from kustomer_sync.sync.run import Run


def log_key(table: Table) -> str:
    """The state's key for the time of the newest entry that was met."""
    return f"log:{table.name}"


def log(run: Run, table: Table, reading: Log) -> None:
    """Every entry that Kustomer still has is there; those it let go stay.

    Newest first is inferred from the one published reply; where it shows another order, the log
    is read to its end.
    """
    run.note(f"reading {table.name}")
    known = run.landing.state.get(log_key(table))
    until = None if known is None else known - run.connection.overlap_seconds * 1000
    newest, last, falling = known or 0, None, True
    try:
        for page in walk(run.client, reading.path, {"count": str(reading.most)}):
            run.minimum.others += 1
            run.landing.take(table, page.records, page.nbytes)
            times = [at for r in page.records if (at := read_ms(r, reading.at)) is not None]
            run_of = times if last is None else [last, *times]
            falling = falling and run_of == sorted(run_of, reverse=True)
            newest, last = max([newest, *times]), times[-1] if times else last
            if until is not None and falling and last is not None and last < until:
                break
    except (Forbidden, NotFound, Refused, PathFailed) as error:
        run.unread(table, error)
        return
    run.landing.put(log_key(table), newest)
    run.landing.commit()
