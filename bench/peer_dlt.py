"""The same records by dlt, tuned as its documentation says: pages of dicts, parquet, merge by id.

Runs in the environment that `contestants.py` makes of `dlt-requirements.txt`, and knows nothing of
ours. Lists become child tables and nested objects columns, as dlt does with dicts.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dlt  # type: ignore[import-not-found]  # is in an environment of its own
from dlt.common import json  # type: ignore[import-not-found]  # as above
from dlt.sources.helpers import requests  # type: ignore[import-not-found]  # as above

SEARCHED = ("conversation", "customer", "message", "kobject")
LISTED = ("tag", "team", "user")
PAGE = 500
CAP = 10_000
"""Records that one search yields at most, in however many pages."""
YEARS = timedelta(days=5 * 365)
Json = dict[str, Any]


class Kustomer:
    """The API as its reference describes it."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    def window(self, kind: str, lo: datetime, hi: datetime) -> Iterator[list[Json]]:
        """The pages of what was updated from `lo` to before `hi`."""
        first = self._search(kind, lo, hi, 1)
        total = first["meta"]["total"]
        if total >= CAP:
            parts = total // CAP + 1
            cuts = [lo + (hi - lo) * n / parts for n in range(parts)]
            for start, end in zip(cuts, [*cuts[1:], hi], strict=True):
                yield from self.window(kind, start, end)
            return
        yield rows(first)
        for number in range(2, -(-total // PAGE) + 1):
            yield rows(self._search(kind, lo, hi, number))

    def _search(self, kind: str, lo: datetime, hi: datetime, number: int) -> Json:
        updated = f"{kind}_updated_at"
        body = {
            "queryContext": kind, "includeDeleted": True, "sort": [{updated: "asc"}],
            "and": [{updated: {"gte": iso(lo), "lt": iso(hi)}}],
        }  # fmt: skip
        query = f"page={number}&pageSize={PAGE}&include=attachments"
        return self._json("POST", f"/v1/customers/search?{query}", json=body)

    def listed(self, kind: str) -> Iterator[list[Json]]:
        """The pages of a small table, the deleted ones too."""
        for more in ("", "&deleted=true"):
            path: str | None = f"/v1/{kind}s?pageSize={PAGE}{more}"
            while path:
                page = self._json("GET", path)
                yield rows(page)
                path = page["links"]["next"]

    def _json(self, method: str, path: str, **how: Any) -> Json:
        reply = self._session.request(method, self._url + path, **how)
        reply.raise_for_status()
        return dict(json.loadb(reply.content))


def rows(page: Json) -> list[Json]:
    """JSON:API records as rows: attributes and the ids of relations; a message's attachments."""
    included = {r["id"]: r for r in page.get("included") or ()}
    return [row(record, included) for record in page["data"]]


def row(record: Json, included: dict[str, Json]) -> Json:
    flat = {"id": record["id"], "type": record["type"], **record["attributes"]}
    for name, relation in record["relationships"].items():
        data = relation.get("data")
        if isinstance(data, dict):
            flat[f"{name}_id"] = data["id"]
        elif isinstance(data, list):
            flat[name] = [row(included[r["id"]], {}) if r["id"] in included else r for r in data]
    return flat


def iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def main() -> None:
    read = ArgumentParser()
    for name in ("url", "token", "database"):
        read.add_argument(name)
    read.add_argument("--since", help="leave out what was updated before")
    read.add_argument("--only", help="of the searched tables, this one")
    asked = read.parse_args()

    api, now = Kustomer(asked.url, asked.token), datetime.now(UTC)
    since = datetime.fromisoformat(asked.since) if asked.since else now - YEARS
    until = now + timedelta(days=1)  # the source's clock may be ahead of ours
    found = {kind: api.window(kind, since, until) for kind in SEARCHED}
    if asked.only:
        found = {asked.only: found[asked.only]}
    elif not asked.since:
        found |= {kind: api.listed(kind) for kind in LISTED}
    pipeline = dlt.pipeline(
        "peer", pipelines_dir=str(Path(asked.database).parent / "pipelines"),
        destination=dlt.destinations.duckdb(asked.database), dataset_name="kustomer",
    )  # fmt: skip
    resources = [
        dlt.resource(pages, name=kind, primary_key="id", write_disposition="merge")
        for kind, pages in found.items()
    ]
    pipeline.run(resources, loader_file_format="parquet").raise_on_failed_jobs()


if __name__ == "__main__":
    main()
