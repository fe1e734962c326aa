"""What lies in a DuckDB file: `python bench/landed.py FILE`, as JSON.

A process of its own, so that the driver, which the measured processes are forked from, stays small.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import duckdb

ROOTS = ("conversation", "customer", "message", "kobject", "tag", "team", "user")


def landed(path: str) -> dict[str, Any]:
    """Records of each root table, and what there is in all but the loaders' own tables."""
    with duckdb.connect(path, read_only=True) as db:
        columns: dict[str, int] = dict(
            db.execute(
                "SELECT table_name, count(*) FROM information_schema.columns "
                r"WHERE table_schema = 'kustomer' AND table_name NOT LIKE '\_%' ESCAPE '\' "
                "GROUP BY table_name"
            ).fetchall()
        )
        rows = {
            name: db.execute(f'SELECT count(*) FROM kustomer."{name}"').fetchall()[0][0]  # noqa: S608 - the catalog's own names
            for name in columns
        }
    records = {name: rows[name] for name in ROOTS}
    return {
        "records": sum(records.values()), "by_table": records, "rows": sum(rows.values()),
        "tables": len(columns), "columns": sum(columns.values()),
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(landed(sys.argv[1])))
