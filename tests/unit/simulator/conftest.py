"""A running simulator and a client that speaks to it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest

from kustomer_sync.simulator import Limits, Simulator

Json = dict[str, Any]
CERTIFICATES = ssl.create_default_context()  # loading them anew for each client is slow
PLENTY = Limits(org=1_000_000, search=1_000_000)


class Kustomer:
    """A simulator and the shortest way to ask it things."""

    def __init__(self, sim: Simulator) -> None:
        self.sim = sim
        self.http = httpx2.Client(
            base_url=sim.url, headers=sim.headers, trust_env=False, timeout=20, verify=CERTIFICATES
        )

    def get(self, path: str, **params: Any) -> httpx2.Response:
        """A GET."""
        return self.http.get(path, params=params or None)

    def search(
        self,
        context: str,
        *where: Json,
        archive: bool = False,
        sort: str | None = None,
        way: str = "asc",
        deleted: bool = False,
        page: int = 1,
        size: int = 100,
        more: Json | None = None,
        query: Json | None = None,
    ) -> httpx2.Response:
        """One page of a search, sorted by update time unless told otherwise."""
        kind = "kobject" if context.startswith("kobject") else context
        key = sort or f"{kind}_updated_at"
        body: Json = {"queryContext": context, "sort": [{key: way}], **(more or {})}
        if where:
            body["and"] = list(where)
        if deleted:
            body["includeDeleted"] = True
        path = "/v1/customers/archive/search" if archive else "/v1/customers/search"
        params = {"page": page, "pageSize": size, **(query or {})}
        return self.http.post(path, json=body, params=params)

    def ids(self, context: str, *where: Json, **how: Any) -> list[str]:
        """All ids a search finds, all pages."""
        found: list[str] = []
        page, size = 1, how.pop("size", 500)
        while True:
            reply = self.search(context, *where, page=page, size=size, **how)
            assert reply.status_code == 200, reply.text
            found += [record["id"] for record in reply.json()["data"]]
            if reply.json()["links"]["next"] is None:
                return found
            page += 1

    def listed(self, path: str, **params: Any) -> list[Json]:
        """All records of a list, following `next`; by number where there are no links."""
        reply = self.get(path, **params)
        found: list[Json] = []
        page = 1
        while True:
            assert reply.status_code == 200, reply.text
            told = reply.json()
            found += told["data"]
            if "links" in told:
                if told["links"]["next"] is None:
                    return found
                reply = self.http.get(told["links"]["next"])
            elif told["data"]:
                page += 1
                reply = self.get(path, **{**params, "page": page})
            else:
                return found


Start = Callable[..., Kustomer]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start simulators with whatever settings; they stop after the test."""
    begun: list[Kustomer] = []
    with ExitStack() as stack:

        def begin(**how: Any) -> Kustomer:
            how.setdefault("limits", PLENTY)
            kustomer = Kustomer(stack.enter_context(Simulator(**how)))
            stack.callback(kustomer.http.close)
            begun.append(kustomer)
            return kustomer

        yield begin
    assert [bug for kustomer in begun for bug in kustomer.sim.requests.crashes] == []


@pytest.fixture
def kustomer(start: Start) -> Kustomer:
    """A small org of its own for each test."""
    return start()
