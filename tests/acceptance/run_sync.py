"""One sync in a process of its own, to be killed: URL, database, page size, cap.

Then `plain` for one that does what is due, or `resync`; else listed tables are re-imported.
"""

from __future__ import annotations

import sys

from kustomer_sync.kustomer.windows import Caps
from kustomer_sync.settings import from_flags
from kustomer_sync.sync import Limits, Resync, sync

if __name__ == "__main__":
    url, database, size, cap, *how = sys.argv[1:]
    connection = from_flags(
        base_url=url, access_token="demo-key", destination=f"duckdb:///{database}",
        index_lag_seconds=0, overlap_seconds=5,
    )  # fmt: skip
    limits = Limits(caps=Caps(int(cap), 100), page_size=int(size), commit_records=20)
    again = Resync() if how == ["resync"] else None
    report = sync(connection, limits=limits, reimport=not how, resync=again)
    sys.exit(report.exit_code)
