"""How fast batches land in DuckDB: `python bench/landing_speed.py [records] [--no-history]`.

Conversations as `shred_speed.py` makes them, through the real shredder and catalog: five child
tables, six histories. Loads them in batches of 20,000, then the first again, then 500 changed ones,
each write as a sync does it; prints CPU time, wall time and the peak of memory, Arrow included.
"""

from __future__ import annotations

import pickle
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from kustomer_sync.destinations import destination
from kustomer_sync.kustomer.catalog import CONVERSATION
from kustomer_sync.model import ROW, UPDATED_AT, Batch, Rows, Write

BATCH = 20_000
CHANGED = 500


def made() -> Batch:
    """A batch, from another process: what making it costs is not what landing it costs."""
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run([sys.executable, __file__, "--make", file.name], check=True)  # noqa: S603 - ourselves
        return pickle.loads(Path(file.name).read_bytes())  # type: ignore[no-any-return]  # noqa: S301 - ours


def make(path: str) -> None:
    from shred_speed import _pages

    from kustomer_sync.kustomer.parse import parse
    from kustomer_sync.shred import CustomTypes, Names, Shredder, concat

    shredder = Shredder(CONVERSATION, names=Names(), custom_types=CustomTypes())
    parts = [b for page in _pages(BATCH) for b in shredder.shred(parse(page)["data"])]
    Path(path).write_bytes(pickle.dumps(concat(parts)))


def numbered(batch: Batch, number: int) -> Batch:
    """The same records under other ids."""

    def renamed(rows: Rows, column: str) -> Rows:
        data = rows.data
        ids = pc.binary_join_element_wise(data.column(column), f"{number:03}", "-")
        place = data.column_names.index(column)
        return replace(rows, data=data.set_column(place, column, ids))

    return Batch(
        renamed(batch.root, "id"),
        tuple(renamed(child, child.table.parent_column) for child in batch.children),
    )


def changed(batch: Batch) -> Batch:
    """Some records an hour of 2027 later, with another name, and every third without channels."""
    step = max(batch.records // CHANGED, 1)
    kept = pa.array(range(0, batch.records, step), pa.int64())
    data = batch.root.data.take(kept)
    later = pa.array([datetime(2027, 1, 1, tzinfo=UTC)] * len(kept), pa.timestamp("us", "UTC"))
    for name, value in (
        ("updated_at", later), (UPDATED_AT, later), ("name", pa.array(["changed"] * len(kept)))
    ):  # fmt: skip
        data = data.set_column(data.column_names.index(name), name, value)
    children = []
    for child in batch.children:
        less = child.table.name.endswith("channel")
        whose = kept.filter(pc.greater(pc.bit_wise_and(kept, 3), 0)) if less else kept
        found = child.data.filter(pc.is_in(child.data.column(ROW), whose))
        children.append(replace(child, data=found))
    return Batch(replace(batch.root, data=data), tuple(children))


@contextmanager
def measured(what: str, records: int) -> Iterator[None]:
    cpu, wall = time.process_time(), time.perf_counter()
    yield
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    speed = f"{records / cpu:,.0f} records per CPU-second"
    print(f"{what}: {cpu:.2f} CPU-s, {wall:.2f} s, {speed}, peak {peak} MB", flush=True)


def main(records: int, history: bool) -> None:
    batch = made()
    if not history:
        without = [replace(c, table=replace(c.table, history=None)) for c in batch.children]
        root = replace(batch.root, table=replace(batch.root.table, history=None))
        batch = Batch(root, tuple(without))
    width, size = len(batch.root.table.columns), batch.nbytes // 2**20
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"a batch: {batch.records} records, {width} columns, {size} MB of Arrow; {base} MB")
    with tempfile.TemporaryDirectory() as folder:
        to = destination(
            f"duckdb:///{folder}/bench.duckdb", schema="kustomer", system_prefix="_fivetran_",
            memory_limit="128MB",
        )  # fmt: skip
        to.begin(datetime.now(UTC))
        with measured(f"load {records}", records):
            for number in range(records // BATCH):
                to.write(Write((numbered(batch, number),), state={"loaded": number}))
        with measured("the first batch again", BATCH):
            counts = to.write(Write((numbered(batch, 0),), state={"loaded": 0}))
        assert not any(c.inserted or c.updated or c.deleted for c in counts.values())  # noqa: S101 - or the figure is of something else
        for number in range(3):
            some = changed(numbered(batch, number))
            with measured(f"{some.records} changed", some.records):
                to.write(Write((some,), state={"loaded": 0}))
        print(f"file {Path(folder, 'bench.duckdb').stat().st_size // 2**20} MB")


if __name__ == "__main__":
    if "--make" in sys.argv:
        make(sys.argv[-1])
    else:
        numbers = [int(a) for a in sys.argv[1:] if a.isdigit()]
        main(numbers[0] if numbers else 100_000, "--no-history" not in sys.argv)
