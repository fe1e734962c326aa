"""Settings that say how Kustomer is reached, and when and in which order it is asked."""

from __future__ import annotations

import http.client
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from kustomer_sync.errors import SyncError
from kustomer_sync.kustomer.windows import Caps
from kustomer_sync.settings import Connection, from_flags
from kustomer_sync.simulator import Limits as SimLimits
from kustomer_sync.simulator import Simulator, Switches
from kustomer_sync.sync import Limits, choose, sync
from tests.acceptance.case import TINY, UNLIMITED
from tests.acceptance.truth import differences

Connect = Callable[..., Connection]
FEW = ("tag", "team")


@contextmanager
def between(sim: Simulator, tls: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[str]]]:
    """What passes every request on to the simulator: its port, and the targets it was given."""
    there = urlsplit(sim.url).netloc
    targets: list[str] = []

    class Passing(BaseHTTPRequestHandler):
        def _pass(self) -> None:
            targets.append(self.path)
            asked = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            server = http.client.HTTPConnection(there)
            server.request(
                self.command, f"{asked.path}?{asked.query}", body, dict(self.headers.items())
            )
            reply = server.getresponse()
            content = reply.read()
            self.send_response_only(reply.status)
            for name, value in reply.getheaders():
                if name.lower() not in ("transfer-encoding", "content-length"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _pass  # noqa: N815 - as the base class calls them

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Passing)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1], targets
    finally:
        server.shutdown()
        server.server_close()


def test_everything_goes_through_the_proxy(connect: Connect, database: Path) -> None:
    """The org's own host is known to it alone."""
    with Simulator(scale=TINY, limits=UNLIMITED) as sim, between(sim) as (port, targets):
        connection = connect(
            sim, base_url="http://acme.api.example.invalid", proxy=f"http://127.0.0.1:{port}"
        )
        assert sync(connection, tables=FEW).status == "SUCCESSFUL"
        assert (
            differences(sim, database, tables=[t for t in choose(connection) if t.name in FEW])
            == []
        )
        assert targets
        assert all(t.startswith("http://acme.api.example.invalid/v1/") for t in targets)
        assert len(targets) == sim.requests.total


def test_a_certificate_of_one_s_own_is_trusted_where_it_is_named(
    connect: Connect, tmp_path: Path
) -> None:
    """And refused, before anything is written, where it is not."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    limits = Limits(retry_seconds=1)
    with Simulator(scale=TINY, limits=UNLIMITED) as sim, between(sim, tls) as (port, targets):
        url = f"https://localhost:{port}"
        with pytest.raises(SyncError):
            sync(connect(sim, base_url=url), tables=FEW, limits=limits)
        assert not targets
        trusting = connect(sim, base_url=url, ca_file=str(cert))
        assert sync(trusting, tables=FEW, limits=limits).status == "SUCCESSFUL"
        assert targets


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({"domain": "acme"}, "https://acme.api.kustomerapp.com"),
        ({"domain": "acme", "eu_region": True}, "https://api.prod2.kustomerapp.com"),
        ({"base_url": "http://localhost:1/x/", "eu_region": True}, "http://localhost:1/x"),
    ],
)
def test_the_region_and_the_org_say_where_the_api_is(
    given: dict[str, Any], url: str, database: Path
) -> None:
    connection = from_flags(access_token="x", destination=f"duckdb:///{database}", **given)
    assert connection.api_url == url


@pytest.mark.parametrize("newest_first", [True, False])
def test_a_first_sync_reads_the_newest_first_or_the_oldest(
    connect: Connect, newest_first: bool
) -> None:
    """As `priority_first` says: what is there after a few searches is one end of the org."""
    narrow = Limits(caps=Caps(60, 100), page_size=20, commit_records=20, workers=1)
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim, priority_first=newest_first)
        times = sorted(r["attributes"]["updatedAt"] for r in sim.ledger.records("message").values())
        sim.faults.add("expired", "search", skip=12)
        report = sync(connection, tables=["message"], limits=narrow)
        assert report.status == "FAILURE"
        ends = report.tables["message"].rows
        assert 0 < ends < len(times)
        cursor = report.tables["message"].cursor
        assert (cursor is None) is newest_first  # without a gap from the beginning of time


def test_searched_tables_are_compared_as_often_as_is_asked_for(connect: Connect) -> None:
    """Every ten minutes; by default once a day."""
    with Simulator(scale=TINY, limits=UNLIMITED) as sim:
        often, daily = connect(sim, sweep_frequency=10), connect(sim)
        sync(often, tables=["customer"])
        compared = []
        for connection, minutes in ((often, 9), (often, 2), (often, 9), (daily, 60), (often, 1)):
            sim.clock.advance(60 * minutes)
            sim.requests.clear()
            assert sync(connection, tables=["customer"]).status == "SUCCESSFUL"
            compared.append(any("idsOnly" in line.query for line in sim.requests.lines))
        assert compared == [False, True, False, False, True]


@pytest.mark.parametrize(
    "switches",
    [
        {}, {"search_counts_towards_org": False}, {"ratelimit_headers_on_search": "org"},
        {"reset_unit": "delta"}, {"reset_unit": "ms"}, {"ratelimit_headers": False},
    ],
)  # fmt: skip
@pytest.mark.parametrize(("org", "search"), [(24, 1000), (1000, 14)])
@pytest.mark.parametrize("workers", [1, 3])
def test_no_request_is_refused_however_a_server_counts(
    connect: Connect, switches: dict[str, Any], org: int, search: int, workers: int
) -> None:
    """Nor is the smaller of the two budgets left unused: nine tenths of it are permitted.

    But for what other workers asked meanwhile, which may count twice where replies come late.
    """
    given = Switches(**switches)
    known = {}  # what no reply tells of
    if not given.ratelimit_headers:
        known["requests_per_minute"] = org
    if not given.ratelimit_headers or given.ratelimit_headers_on_search == "org":
        known["searches_per_minute"] = search
    narrow = Limits(caps=Caps(60, 100), page_size=20, workers=workers, **known)
    with Simulator(switches=given, limits=SimLimits(org=org, search=search)) as sim:
        connection = connect(sim, max_wait_minutes=0)
        report = sync(connection, tables=["message"], limits=narrow)
        assert report.status == "RESCHEDULED"
        assert report.requests["rate_limited"] == 0
        used = report.requests["total" if org < search else "search"]
        permitted = int(0.9 * min(org, search))
        assert permitted - (workers - 1) <= used <= permitted


def test_the_fewest_requests_are_those_that_the_records_fill(connect: Connect) -> None:
    """Pages of searches, one at least for each table; pages of lists; a call for each parent."""
    with Simulator(limits=UNLIMITED) as sim:
        connection = connect(sim)
        report = sync(connection, tables=["message", "conversation", "tag"])
        pages = sum(-(-sim.ledger.count(name) // 500) for name in ("message", "conversation"))
        others = ("/v1/tags$", "/v1/metadata/", "/messages$")
        asked = {path: sim.requests.count(path) for path in others}
        assert asked["/messages$"] == sim.ledger.count("conversation")
        assert report.requests["minimum"] == pages + sum(asked.values())
