"""One sync in a process of its own, to be killed: URL, database, commit size."""

from __future__ import annotations

import sys

from kustomer_sync.settings import from_flags
from kustomer_sync.sync import Limits, sync

if __name__ == "__main__":
    url, database, commit = sys.argv[1:]
    connection = from_flags(
        base_url=url, access_token="demo-key", destination=f"duckdb:///{database}",
        index_lag_seconds=0, overlap_seconds=5,
    )  # fmt: skip
    report = sync(
        connection, limits=Limits(page_size=20, commit_records=int(commit)), reimport=True
    )
    sys.exit(report.exit_code)
