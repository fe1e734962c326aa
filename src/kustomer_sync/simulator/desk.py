"""The way of one request: key, route, role, rate limit, fault, answer, log."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

from .access import Key, all_roles
from .answers import Answer, Page, Refusal, error
from .api import Api, Ask, Route
from .buckets import Buckets
from .clock import Clock
from .deeds import Deeds
from .faults import Fault, Faults
from .kind import Json
from .org import KINDS
from .requestlog import Request, RequestLog
from .switches import Limits
from .world import World

HTML = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>oops</body></html>"
JSON_TYPE = "application/json; charset=utf-8"


@dataclass(frozen=True)
class Wire:
    """What happens to the bytes of an answer: a fault of the connection, or none."""

    fault: Fault | None = None

    @property
    def name(self) -> str:
        """The fault's name, or nothing."""
        return self.fault.name if self.fault else ""


class Desk:
    """Answers every request of one simulator."""

    def __init__(self, world: World, token: str, limits: Limits) -> None:
        self.world = world
        self.key = Key(token, all_roles(list(KINDS.values())))
        self.buckets = Buckets(world.clock, limits)
        self.faults = Faults()
        self.requests = RequestLog()
        self._api = Api(world, self.key)
        self._deeds = Deeds(world)
        self._number = 0

    @property
    def clock(self) -> Clock:
        """Server time."""
        return self.world.clock

    def answer(
        self, method: str, path: str, query: str, body: bytes, authorization: str | None
    ) -> tuple[Answer, Wire]:
        """The reply, and what is to happen to it on the wire."""
        with self.world.lock:
            self._number += 1
            ask = Ask(method, _tidy(path), dict(parse_qsl(query)), body, self._number)
            headers: dict[str, str] = {}
            fault: Fault | None = None
            try:
                self.key.check(authorization)
                route, named = self._api.route(ask)
                self.key.allow(route.roles)
                verdict = self.buckets.take(route.searching, self.world.switches)
                headers = verdict.headers
                if not verdict.allowed:
                    raise Refusal(429, "Too Many Requests")
                fault = self.faults.strike(method, f"{path}?{query}" if query else path)
                reply = self._reply(ask, route, named, fault)
            except Refusal as refusal:
                reply = error(refusal, self.world.switches)
            except Exception as bug:  # ours, not the client's: a test must be able to see it
                self.requests.crashes.append(bug)
                reply = error(Refusal(500, f"Simulator bug: {bug!r}"), self.world.switches)
            reply.headers = {"Content-Type": JSON_TYPE, **headers, **reply.headers}
            if self.world.switches.date_header:
                reply.headers["Date"] = self.clock.http_date()
            self._log(ask, query, reply, fault)
            return reply, Wire(fault)

    def _reply(self, ask: Ask, route: Route, named: dict[str, str], fault: Fault | None) -> Answer:
        if fault is None:
            return Answer(200, route.answer(ask, named).body())
        instead = _instead(fault)
        if instead is not None:
            return instead
        page = _lied(ask, route, named, fault)
        body = _spoiled(page.body(), fault)
        if fault.name == "shift":
            self._shift(page, int(fault.value or 1))
        return Answer(200, body)

    def _shift(self, page: Page, many: int) -> None:
        """Change records of the page just served, so that what follows moves up."""
        for encoded in page.data[:many]:
            record = json.loads(encoded)  # orjson refuses lone surrogates
            kind = record["type"].partition(".")[0]
            with suppress(KeyError):  # the index may show what was erased
                self._deeds.edit(kind, record["id"], {})

    def _log(self, ask: Ask, query: str, reply: Answer, fault: Fault | None) -> None:
        self.requests.add(
            Request(
                ask.number,
                self.clock.now_ms(),
                ask.method,
                ask.path,
                query,
                ask.body,
                reply.status,
                fault.name if fault else None,
                len(reply.body),
            )
        )


def _tidy(path: str) -> str:
    """A trailing slash is accepted [O]."""
    return path.rstrip("/") or "/"


def _instead(fault: Fault) -> Answer | None:
    """Answers that have nothing to do with the request."""
    status = int(fault.value or 0)
    if fault.name == "html":
        return Answer(status or 502, HTML, {"Content-Type": "text/html"})
    if fault.name == "empty":
        return Answer(status or 500, b"")
    if fault.name == "status":
        raise Refusal(status or 500, "Too Many Requests" if status == 429 else "Something broke")
    if fault.name == "expired":
        raise Refusal(401, "Expired token")
    if fault.name == "forbidden":
        raise Refusal(403, "Forbidden: role withdrawn")
    return None


def _lied(ask: Ask, route: Route, named: dict[str, str], fault: Fault) -> Page:
    """The page, changed in the way the fault says."""
    if fault.name == "overlap":
        ask = replace(ask, shift=int(fault.value or 10))
    page = route.answer(ask, named)
    links, meta = page.links or {}, page.meta or {}
    if fault.name in ("duplicate_page", "repeat"):
        earlier = max(1, ask.page - 1) if fault.name == "duplicate_page" else 1
        again = route.answer(replace(ask, params=ask.params | {"page": str(earlier)}), named)
        page.data, page.included = again.data, again.included
        if fault.name == "repeat":
            links["next"] = ask.link(ask.page + 1, int(meta.get("pageSize", 100)))
    if fault.name == "next_self":
        links["next"] = links.get("self")
    if fault.name == "next_foreign":
        links["next"] = f"https://elsewhere.example.com{links.get('self', '')}"
    if fault.name == "timed_out":
        page.data = page.data[: len(page.data) // 2]
        meta["timed_out"] = True
    if fault.name == "wrong_total" and "total" in meta:
        meta["total"] = max(0, meta["total"] + int(fault.value or 7))
    return page


def _spoiled(body: bytes, fault: Fault) -> bytes:
    """The body, broken in the way the fault says."""
    if fault.name == "truncated":
        return body[: len(body) // 2]
    if fault.name == "bad_utf8":
        return body.replace(b'"attributes":{', b'"attributes":{"junkStr":"\xff\xfe",', 1)
    if fault.name == "surrogate":
        return body.replace(b'"attributes":{', b'"attributes":{"junkStr":"a\\ud83d",', 1)
    if fault.name == "huge_integer":
        junk = b'"custom":{"hugeNum":36893488147419103233,'
        return re.sub(rb'"custom":\{(?!\})', junk, body)
    return body


def state(desk: Desk) -> Json:
    """A short account of a simulator, for people and tests in other processes."""
    world, log = desk.world, desk.requests
    return {
        "now": desk.clock.now().isoformat(),
        "seed": world.seed,
        "character": world.character,
        "writes": len(world.writes),
        "pending_in_index": world.pending(),
        "requests": log.total,
        "searches": log.searches,
        "rate_limited": log.rate_limited,
        "roles": sorted(desk.key.roles),
        "expired": desk.key.expired,
        "faults": [
            {"name": rule.name, "path": rule.path, "fired": rule.fired}
            for rule in desk.faults.rules
        ],
    }
