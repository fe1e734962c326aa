"""The same controls over HTTP, `serve`, and two simulators at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from typing import Any

import httpx2

from kustomer_sync.simulator.org import KINDS

from .conftest import Kustomer, Start


def _post(kustomer: Kustomer, path: str, body: Any) -> Any:
    reply = httpx2.post(f"{kustomer.sim.url}{path}", json=body, trust_env=False)
    assert reply.status_code == 200, reply.text
    return reply.json()


def _rows(kustomer: Kustomer, path: str) -> list[dict[str, Any]]:
    reply = httpx2.get(f"{kustomer.sim.url}{path}", trust_env=False)
    assert reply.status_code == 200, reply.text
    return [json.loads(line) for line in reply.text.splitlines()]


def test_deeds_over_http(kustomer: Kustomer) -> None:
    """create, edit, soft_delete, undelete, hard_delete, merge, add_klass."""
    note = _post(kustomer, "/_sim/create", {"kind": "note", "attributes": {"body": "hello"}})["id"]
    row = _post(
        kustomer,
        "/_sim/edit",
        {"kind": "note", "record_id": note, "attributes": {"x": 1}, "remove": ["body"]},
    )
    assert row["rev"] == 2
    assert "body" not in row["record"]["attributes"]
    for deed, deleted in (("soft_delete", True), ("undelete", False)):
        row = _post(kustomer, f"/_sim/{deed}", {"kind": "note", "record_id": note})
        assert row["deleted"] is deleted
    assert _post(kustomer, "/_sim/hard_delete", {"kind": "note", "record_id": note})["erased"]
    assert [row["id"] for row in _rows(kustomer, "/_sim/ledger/erased")] == [note]
    assert len(_rows(kustomer, f"/_sim/ledger/note/{note}")) == 5
    _post(kustomer, "/_sim/add_klass", {"name": "boat"})
    customers = [kustomer.sim.id("customer", i) for i in (2, 3)]
    assert _post(kustomer, "/_sim/merge", {"source_id": customers[0], "target_id": customers[1]})


def test_the_ledger_over_http(kustomer: Kustomer) -> None:
    """Every kind as JSON lines, or only what changed."""
    kustomer.sim.mutator.step(50)
    for kind in KINDS:
        rows = {row["id"]: row for row in _rows(kustomer, f"/_sim/ledger/{kind}")}
        assert {i: row["record"] for i, row in rows.items()} == kustomer.sim.ledger.records(kind)
    changed = {row["id"] for row in _rows(kustomer, "/_sim/ledger/conversation?changed=true")}
    assert changed <= set(kustomer.sim.ledger.changed("conversation"))


def test_settings_over_http(kustomer: Kustomer) -> None:
    """clock, switches, limits, key, faults, mutate, requests, state."""
    url = kustomer.sim.url
    before = kustomer.sim.clock.now_ms()
    _post(kustomer, "/_sim/clock", {"advance": 3_600})
    assert kustomer.sim.clock.now_ms() - before >= 3_600_000
    patched = httpx2.patch(
        f"{url}/_sim/switches", json={"page_cap": 3, "error_shape": "B"}, trust_env=False
    ).json()
    assert patched["page_cap"] == kustomer.sim.switches.page_cap == 3
    httpx2.patch(f"{url}/_sim/limits", json={"org": 500}, trust_env=False)
    assert kustomer.sim.limits.org == 500
    _post(kustomer, "/_sim/key", {"revoke": "note.read"})
    assert kustomer.get("/v1/notes").status_code == 403
    _post(kustomer, "/_sim/key", {"grant": "note.read", "expired": True})
    assert kustomer.get("/v1/notes").status_code == 401
    _post(kustomer, "/_sim/key", {"expired": False})
    _post(kustomer, "/_sim/faults", {"name": "status", "path": "/v1/notes", "times": 1})
    assert kustomer.get("/v1/notes").status_code == 500
    assert httpx2.get(f"{url}/_sim/faults", trust_env=False).json()[0]["fired"] == 1
    assert httpx2.delete(f"{url}/_sim/faults", trust_env=False).json() == []
    assert _post(kustomer, "/_sim/mutate", {"steps": 20, "burst": ["message", 30]})["burst"] == 30
    _post(kustomer, "/_sim/mutate", {"rate": 50})
    _post(kustomer, "/_sim/mutate", {"rate": 0})
    assert _post(kustomer, "/_sim/settle", {}) == {"pending_in_index": 0}
    log = httpx2.get(f"{url}/_sim/requests?lines=2", trust_env=False).json()
    assert log["total"] == 3
    assert [line["status"] for line in log["lines"]] == [401, 500]
    httpx2.delete(f"{url}/_sim/requests", trust_env=False)
    state = httpx2.get(f"{url}/_sim/state", trust_env=False).json()
    assert state["requests"] == 0
    assert state["writes"] > 30
    assert state["records"]["conversation"] >= 140


def test_wrong_control_requests_say_why(kustomer: Kustomer) -> None:
    """404 and 400."""
    url = kustomer.sim.url
    assert httpx2.get(f"{url}/_sim/nothing", trust_env=False).status_code == 404
    bad = httpx2.post(f"{url}/_sim/faults", json={"name": "x"}, trust_env=False)
    assert bad.status_code == 400
    assert "unknown fault" in bad.json()["error"]
    assert httpx2.get(f"{url}/_sim/ledger/planet", trust_env=False).status_code == 400


def test_two_simulators_in_one_process(start: Start) -> None:
    """Nothing is shared."""
    one, other = start(seed=1), start(seed=2, token="second-key")
    assert one.sim.url != other.sim.url
    note = one.sim.create("note", {"body": "only here"})
    assert one.get(f"/v1/notes/{note}").status_code == 200
    assert other.get(f"/v1/notes/{note}").status_code == 404
    assert one.http.get(f"{other.sim.url}/v1/notes").status_code == 401


def test_serve_returns_when_interrupted() -> None:
    """It prints nothing of its own and ends with status 0 on SIGTERM and SIGINT."""
    script = textwrap.dedent("""
        from kustomer_sync.simulator import serve
        serve(port=0, seed=7, rate=20, ready=lambda sim: print(sim.url, flush=True))
    """)
    for number in (signal.SIGTERM, signal.SIGINT):
        process = subprocess.Popen(
            [sys.executable, "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
        )
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        reply = httpx2.get(
            f"{url}/v1/users/current",
            headers={"Authorization": "Bearer demo-key"},
            trust_env=False,
        )
        assert reply.status_code == 200
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
        assert (process.returncode, out, err) == (0, "", "")
