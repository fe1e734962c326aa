"""`/_sim/`: the Python API's controls over HTTP, for tests whose sync is another process.

No key is needed; the simulator listens on loopback only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

import orjson

from .deeds import GONE, Deeds
from .desk import Desk, state
from .faults import Fault
from .kind import Json
from .ledger import Ledger
from .mutator import Mutator
from .org import KINDS
from .requestlog import Request
from .world import Version, encode

ROWS_PER_PART = 200


@dataclass(frozen=True)
class Told:
    """A reply of the control routes, streamed."""

    body: Iterator[bytes]
    status: int = 200
    content_type: str = "application/json"


@dataclass(frozen=True)
class Control:
    """All that can be done to a simulator from outside."""

    desk: Desk
    deeds: Deeds
    mutator: Mutator
    ledger: Ledger

    def answer(self, method: str, path: str, query: str, body: bytes) -> Told:
        """Do what is asked; 404 for an unknown route, 400 with the reason for a wrong body."""
        params = dict(parse_qsl(query))
        try:
            given = orjson.loads(body) if body else {}
            for verb, pattern, act in ROUTES:
                match = re.fullmatch(pattern, path.rstrip("/"))
                if match is not None and verb == method:
                    with self.desk.world.lock:
                        return act(self, match.groupdict() | params, given)
        except (KeyError, TypeError, ValueError) as wrong:
            return _json({"error": f"{type(wrong).__name__}: {wrong}"}, 400)
        return _json({"error": f"unknown route {method} {path}"}, 404)

    def state(self, _p: Json, _b: Json) -> Told:
        """A short account."""
        counts = {kind: self.ledger.count(kind) for kind in KINDS}
        return _json(state(self.desk) | {"records": counts, "mutations": dict(self.mutator.done)})

    def mutate(self, _p: Json, body: Json) -> Told:
        """`{"steps": 50}`, `{"burst": ["message", 700]}`, or `{"rate": 5}` (0 stops)."""
        happened: Json = {}
        if "rate" in body:
            self._pace(float(body["rate"]))
        if "burst" in body:
            kind, count = body["burst"]
            happened["burst"] = self.mutator.burst(kind, int(count))
        if "steps" in body:
            happened |= self.mutator.step(int(body["steps"]))
        return _json(happened)

    def _pace(self, rate: float) -> None:
        # stop() waits for the mutating thread, which may itself be waiting for our lock
        lock = self.desk.world.lock
        lock.release()
        try:
            self.mutator.stop()
        finally:
            lock.acquire()
        if rate > 0:
            self.mutator.start(rate)

    def clock(self, _p: Json, body: Json) -> Told:
        """`{"advance": seconds}`."""
        self.desk.clock.advance(float(body.get("advance", 0)))
        return _json({"now": self.desk.clock.now().isoformat()})

    def settle(self, _p: Json, _b: Json) -> Told:
        """The index sees everything now."""
        self.desk.world.settle()
        return _json({"pending_in_index": self.desk.world.pending()})

    def faults(self, _p: Json, _b: Json) -> Told:
        """The rules in force."""
        return _json(state(self.desk)["faults"])

    def add_fault(self, _p: Json, body: Json) -> Told:
        """One rule, the fields of `Fault`."""
        self.desk.faults.rules.append(Fault(**body))
        return self.faults({}, {})

    def clear_faults(self, _p: Json, _b: Json) -> Told:
        """No more faults."""
        self.desk.faults.clear()
        return self.faults({}, {})

    def switches(self, _p: Json, _b: Json) -> Told:
        """All switches."""
        return _json(asdict(self.desk.world.switches))

    def set_switches(self, _p: Json, body: Json) -> Told:
        """Some switches; the others stay."""
        self.desk.world.switches = replace(self.desk.world.switches, **body)
        return self.switches({}, {})

    def limits(self, _p: Json, body: Json) -> Told:
        """Some rate limits; the others stay."""
        self.desk.buckets.limits = replace(self.desk.buckets.limits, **body)
        return _json(asdict(self.desk.buckets.limits))

    def key(self, _p: Json, body: Json) -> Told:
        """`{"expired": true}`, `{"revoke": "message.read"}`, `{"grant": "message.read"}`."""
        key = self.desk.key
        key.expired = bool(body.get("expired", key.expired))
        if "revoke" in body:
            key.revoke(body["revoke"])
        if "grant" in body:
            key.grant(body["grant"])
        return _json({"roles": sorted(key.roles), "expired": key.expired})

    def export(self, given: Json, _b: Json) -> Told:
        """JSON lines: id, rev, deleted, updatedAt in ms, record; hard-deleted ones left out."""
        kind = _kind(given["kind"])
        changed = given.get("changed") == "true"
        ids = set(self.ledger.changed(kind)) if changed else None
        versions = (v for v in self.ledger.current(kind) if ids is None or v.id in ids)
        return Told(_lines(_row(v) for v in versions), content_type="application/x-ndjson")

    def versions(self, given: Json, _b: Json) -> Told:
        """JSON lines: every version of one record."""
        found = self.ledger.versions(_kind(given["kind"]), given["id"])
        return Told(_lines(_row(v) for v in found), content_type="application/x-ndjson")

    def erased(self, _p: Json, _b: Json) -> Told:
        """JSON lines: hard-deleted records with the time."""
        rows = (_row(v) for v in self.ledger.erased())
        return Told(_lines(rows), content_type="application/x-ndjson")

    def requests(self, given: Json, _b: Json) -> Told:
        """Counters by method, route and status; the last lines with `?lines=N`."""
        log = self.desk.requests
        counts = [
            {"method": method, "route": route, "status": status, "count": count}
            for (method, route, status), count in sorted(log.counts.items())
        ]
        many = int(given.get("lines", 0))
        lines = [_line(request) for request in list(log.lines)[-many:]] if many else []
        total = {"total": log.total, "searches": log.searches, "rate_limited": log.rate_limited}
        return _json({**total, "counts": counts, "lines": lines})

    def forget_requests(self, _p: Json, _b: Json) -> Told:
        """Counters at nothing."""
        self.desk.requests.clear()
        return _json({})

    def deed(self, given: Json, body: Json) -> Told:
        """One deed by name; null in `remove` takes attributes away."""
        name = given["deed"]
        if name == "create":
            return _json({"id": self.deeds.create(**body)})
        if name == "edit":
            gone = dict.fromkeys(body.pop("remove", []), GONE)
            body["attributes"] = body.get("attributes", {}) | gone
            return _json(_row(self.deeds.edit(**body)))
        if name == "merge":
            return _json({"id": self.deeds.merge(**body)})
        if name == "add_klass":
            return _json({"id": self.deeds.add_klass(**body)})
        if name in ("soft_delete", "undelete", "hard_delete", "redact"):
            return _json(_row(getattr(self.deeds, name)(**body)))
        getattr(self.deeds, name)(**body)
        return _json({})


Act = Callable[[Control, Json, Any], Told]
KIND = r"(?P<kind>[a-z_]+)"
ROUTES: list[tuple[str, str, Act]] = [
    ("GET", "/_sim/state", Control.state),
    ("POST", "/_sim/mutate", Control.mutate),
    ("POST", "/_sim/clock", Control.clock),
    ("POST", "/_sim/settle", Control.settle),
    ("GET", "/_sim/faults", Control.faults),
    ("POST", "/_sim/faults", Control.add_fault),
    ("DELETE", "/_sim/faults", Control.clear_faults),
    ("GET", "/_sim/switches", Control.switches),
    ("PATCH", "/_sim/switches", Control.set_switches),
    ("PATCH", "/_sim/limits", Control.limits),
    ("POST", "/_sim/key", Control.key),
    ("GET", "/_sim/ledger/erased", Control.erased),
    ("GET", f"/_sim/ledger/{KIND}", Control.export),
    ("GET", f"/_sim/ledger/{KIND}/(?P<id>[0-9a-f]+)", Control.versions),
    ("GET", "/_sim/requests", Control.requests),
    ("DELETE", "/_sim/requests", Control.forget_requests),
    (
        "POST",
        "/_sim/(?P<deed>create|edit|soft_delete|undelete|hard_delete|redact|merge|add_klass"
        "|add_custom|drop_custom)",
        Control.deed,
    ),
]


def _kind(name: str) -> str:
    if name not in KINDS:
        raise ValueError(f"no kind {name}; one of {', '.join(KINDS)}")
    return name


def _json(value: Any, status: int = 200) -> Told:
    return Told(iter([encode(value)]), status)


def _lines(rows: Iterator[Json]) -> Iterator[bytes]:
    part: list[bytes] = []
    for row in rows:
        part.append(encode(row))
        if len(part) == ROWS_PER_PART:
            yield b"\n".join(part) + b"\n"
            part = []
    if part:
        yield b"\n".join(part) + b"\n"


def _row(version: Version) -> Json:
    return {
        "kind": version.kind,
        "id": version.id,
        "rev": version.rev,
        "deleted": version.deleted,
        "erased": version.record is None,
        "action": version.action,
        "updated": version.updated,
        "at": version.at,
        "record": version.record,
    }


def _line(request: Request) -> Json:
    return asdict(request) | {"body": request.body.decode("utf-8", "replace")}
