"""The HTTP face: keys, budgets, faults, lists, GETs, searches, and a test's controls."""

from __future__ import annotations

import asyncio
import gzip
import random
import re
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlencode

import orjson

from kustomer_sync.simulator import search
from kustomer_sync.simulator.clock import Clock
from kustomer_sync.simulator.faults import Faults, Kind
from kustomer_sync.simulator.made_up import ORG, MadeUp, Record, ref
from kustomer_sync.simulator.mutator import Mutator
from kustomer_sync.simulator.org import KINDS, Org
from kustomer_sync.simulator.switches import Limits, Switches

TOKEN = "demo-key"  # noqa: S105 - the made-up org's key, printed to whoever runs it
_PATHS = {
    "customers": "customer", "conversations": "conversation", "messages": "message",
    "notes": "note", "companies": "company", "tags": "tag", "teams": "team", "users": "user",
    "klasses": "klass",
}  # fmt: skip
_TOTALS = ("customer",)
_LARGE_PAGES = ("user", "team")
_READ = (
    "customer", "conversation", "message", "note", "company", "kobject", "klass", "metadata",
    "tag", "team", "user", "attachment",
)  # fmt: skip
ROLES = (*(f"org.permission.{kind}.read" for kind in _READ), "org.permission.search.create")
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


@dataclass(slots=True)
class Bucket:
    """A fixed minute of requests."""

    limit: int
    used: int = 0
    ends: float = 0.0

    def take(self, others: int) -> bool:
        now = time.time()
        if now >= self.ends:
            self.ends, self.used = now - now % 60 + 60, min(others, self.limit)
        if self.used >= self.limit:
            return False
        self.used += 1
        return True


@dataclass(slots=True)
class Seen:
    """What was asked: counts for ever, the last requests in full."""

    by_path: Counter[str] = field(default_factory=Counter)
    by_status: Counter[int] = field(default_factory=Counter)
    last: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=5000))

    @property
    def total(self) -> int:
        return sum(self.by_status.values())

    def clear(self) -> None:
        self.by_path.clear()
        self.by_status.clear()
        self.last.clear()


class Answer(Exception):  # noqa: N818 - an answer on its way out
    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code, self.message = status, code, message


class App:
    """A made-up Kustomer as an ASGI application."""

    def __init__(
        self, seed: int, made_up: MadeUp, clock: Clock, switches: Switches, limits: Limits
    ) -> None:
        self.clock, self.switches, self.limits = clock, switches, limits
        self.org = Org(made_up, clock, seed)
        self.org.index_lag_ms = switches.index_lag_ms
        self.mutator = Mutator(self.org, seed, lambda: self.switches)
        self.faults = Faults(seed)
        self.seen = Seen()
        self.roles = set(ROLES)
        self.expired = False
        self._rng = random.Random(f"{seed}/app")
        self._buckets = {"org": Bucket(limits.org), "search": Bucket(limits.search)}
        self._last_pages: dict[str, dict[str, Any]] = {}

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = await _body(receive)
        headers = {k.decode().lower(): v.decode() for k, v in scope["headers"]}
        path = scope["path"].rstrip("/") or "/"
        query = {k: v[-1] for k, v in parse_qs(scope["query_string"].decode()).items()}
        if path.startswith("/_sim/"):
            await _reply(send, 200, orjson.dumps(self._control(path, query, body)), {})
            return
        searching = path.endswith("/search")
        extra: dict[str, str] = {}
        fault: Kind | None = None
        try:
            self._authenticate(headers)
            self._budget(searching, extra)
            fault = self.faults.draw(path)
            content = await asyncio.to_thread(
                self._answer, scope["method"], path, query, body, fault
            )
            status, payload = 200, orjson.dumps(content)
        except Answer as answer:
            status, payload = answer.status, self._error(answer)
            if fault == "429":
                extra["retry-after"] = "1"
        self.seen.by_path[path] += 1
        self.seen.last.append({"path": path, "query": query, "body": body, "at": time.time()})
        if self.switches.date_header:
            extra["date"] = self.clock.http_date()
        if status == 200 and "gzip" in headers.get("accept-encoding", ""):
            payload, extra["content-encoding"] = gzip.compress(payload, 1), "gzip"
        self.seen.by_status[await _faulty(send, fault, status, payload, extra)] += 1

    def _authenticate(self, headers: dict[str, str]) -> None:
        if headers.get("authorization") != f"Bearer {TOKEN}":
            raise Answer(401, "unauthorized", "Unauthorized")
        if self.expired:
            raise Answer(401, "unauthorized", "Expired token")

    def _budget(self, searching: bool, extra: dict[str, str]) -> None:
        lanes = ("org", "search") if searching else ("org",)
        asked = [self._buckets[n].take(self.limits.others if n == "org" else 0) for n in lanes]
        taken = all(asked)
        shown = self.switches.search_headers if searching else "org"
        if shown != "none":
            bucket = self._buckets[shown]
            extra |= {
                "x-ratelimit-limit": str(bucket.limit),
                "x-ratelimit-remaining": str(max(bucket.limit - bucket.used, 0)),
                "x-ratelimit-reset": self._reset(bucket),
            }
        if not taken:
            if self.switches.retry_after:
                ends = max(self._buckets[n].ends for n in lanes)
                extra["retry-after"] = str(int(ends - time.time()) + 1)
            raise Answer(429, "too_many_requests", "Too Many Requests")

    def _reset(self, bucket: Bucket) -> str:
        left = max(bucket.ends - time.time(), 0)
        epoch = self.clock.now() / 1000 + left
        match self.switches.reset_unit:
            case "seconds":
                return str(int(left) + 1)
            case "ms":
                return str(int(epoch * 1000))
        return str(int(epoch) + 1)

    def _error(self, answer: Answer) -> bytes:
        match self.switches.error_shape:
            case "empty":
                return b""
            case "html":
                return b"<html><body>error</body></html>"
            case "B":
                error: dict[str, Any] = {
                    "status": str(answer.status), "code": answer.code, "title": answer.message,
                    "detail": answer.message, "source": {"parameter": "page"}, "meta": {},
                }  # fmt: skip
            case _:
                error = {"code": answer.code, "message": answer.message, "meta": {}}
        return orjson.dumps({"errors": [error]})

    def _need(self, kind: str) -> None:
        if f"org.permission.{kind}" not in self.roles:
            raise Answer(403, "forbidden", f"missing role org.permission.{kind}")

    # ---- routes ----

    def _answer(
        self, method: str, path: str, query: dict[str, str], body: bytes, fault: Kind | None
    ) -> Any:
        if fault == "expired":
            self.expired = True
            raise Answer(401, "unauthorized", "Expired token")
        if fault == "forbidden":
            raise Answer(403, "forbidden", "Forbidden")
        if fault == "429":
            raise Answer(429, "too_many_requests", "Too Many Requests")
        content = self._route(method, path, query, body)
        if fault is not None and isinstance(content, dict) and "meta" in content:
            content = self._twisted(path, content, fault)
        if isinstance(content, dict) and content.get("data"):
            self._last_pages[_topic(path, content)] = content
        return content

    def _twisted(self, path: str, content: dict[str, Any], fault: Kind) -> dict[str, Any]:
        """The reply with what a fault does to it."""
        meta, links = dict(content["meta"]), dict(content["links"])
        match fault:
            case "timed_out":
                half = content["data"][: len(content["data"]) // 2]
                return content | {"meta": meta | {"timed_out": True}, "data": half}
            case "repeat":
                last = self._last_pages.get(_topic(path, content), content)
                return content | {"data": last["data"], "included": last.get("included", [])}
            case "shift":
                return content | {"data": content["data"][1:]}
            case "foreign_next":
                return content | {"links": links | {"next": "https://elsewhere.example/v1/x"}}
            case "loop_next":
                return content | {"links": links | {"next": links["self"]}}
            case "lying_total" if "total" in meta:
                return content | {"meta": meta | {"total": meta["total"] + 3}}
        return content

    def _route(self, method: str, path: str, query: dict[str, str], body: bytes) -> Any:
        if method == "POST" and path in ("/v1/customers/search", "/v1/customers/archive/search"):
            return self._search(path, query, body, archive="archive" in path)
        if method != "GET":
            raise Answer(404, "not_found", "Not Found")
        if path == "/v1/auth/tokens/current" and self.switches.tokens_current:
            return self._token()
        if path == "/v1/users/current":
            return {"data": self.org.get("user", _first(self.org, "user"))}
        parts = path.removeprefix("/v1/").split("/")
        match parts:
            case ["metadata", resource]:
                self._need("metadata.read")
                return {"data": self.org.made_up.metadata(resource)}
            case [plural] if plural in _PATHS:
                return self._list(_PATHS[plural], path, query)
            case ["klasses", name] if self._klass(name) is not None:
                return self._klass_records(name, path, query)
            case [plural, record_id] if plural in _PATHS:
                return self._by_id(_PATHS[plural], record_id)
            case ["klasses", _, record_id]:
                return self._by_id("kobject", record_id)
            case ["customers", record_id, "events"]:
                raise Answer(404, "not_found", "deprecated")
            case [("customers" | "conversations") as owner, record_id, inner] if inner in _PATHS:
                kind, by = _PATHS[inner], _PATHS[owner]
                self._need(f"{kind}.read")
                return self._paged(
                    path, query, [r for r in self.org.everything(kind) if _of(r, by) == record_id],
                    100, kind,
                )  # fmt: skip
            case ["conversations", record_id, "attachments"]:
                self._need("attachment.read")
                found = [
                    a for m in self.org.everything("message")
                    if _of(m, "conversation") == record_id
                    for a in self.org.made_up.attachments(m["id"])
                ]  # fmt: skip
                return self._paged(path, query, found, 100, "attachment")
        raise Answer(404, "not_found", "Not Found")

    def _token(self) -> dict[str, Any]:
        return {
            "data": {
                "type": "token", "id": "5f000000000000000000707e",
                "attributes": {"name": "sync key", "lastTokenChars": "-key",
                               "roles": sorted(self.roles)},
                "relationships": {"org": ref("org", ORG)},
            }
        }  # fmt: skip

    def _klass(self, name: str) -> Record | None:
        return next(
            (k for k in self.org.everything("klass") if k["attributes"]["name"] == name), None
        )

    def _klass_records(self, name: str, path: str, query: dict[str, str]) -> Any:
        self._need("klass.read")
        found = [r for r in self.org.everything("kobject") if search.klass_of(self.org, r) == name]
        return self._paged(path, query, found, 100, "kobject")

    def _by_id(self, kind: str, ids: str) -> Any:
        self._need(f"{kind}.read")
        found = []
        for record_id in ids.split(","):
            record = self.org.get(kind, record_id)
            hidden = record is not None and record["attributes"].get("deleted")
            if record is None or (hidden and self.switches.get_deleted == "404"):
                if "," not in ids:
                    raise Answer(404, "not_found", "Not Found")
                continue
            found.append(self._shown(kind, record))
        return {"data": found if "," in ids else found[0]}

    def _list(self, kind: str, path: str, query: dict[str, str]) -> Any:
        self._need(f"{kind}.read")
        records: Iterable[Record] = self.org.everything(kind)
        want = query.get("deleted")
        shown = {
            "user": self.switches.users_list_deleted, "tag": self.switches.tags_list_deleted,
            "team": self.switches.teams_list_deleted, "klass": True,
        }.get(kind, False)  # fmt: skip
        if want is not None and kind in ("tag", "user"):
            records = [
                r for r in records if bool(r["attributes"].get("deleted")) == (want == "true")
            ]
        elif not shown:
            records = [r for r in records if not r["attributes"].get("deleted")]
        if kind == "klass":
            status = query.get("status", "enabled")
            records = [r for r in records if r["attributes"].get("status", "enabled") == status]
        most = 500 if kind in _LARGE_PAGES else self.switches.max_list_page_size
        return self._paged(path, query, list(records), most, kind)

    def _paged(
        self, path: str, query: dict[str, str], records: list[Record], most: int, kind: str
    ) -> Any:
        page, size = _number(query, "page", 1), min(_number(query, "pageSize", 100), most)
        shown = records[(page - 1) * size : page * size]
        total = len(records) if kind in _TOTALS or self.switches.list_totals else None
        more = page * size < len(records)
        return self._envelope(path, query, page, size, shown, total, more, kind)

    def _search(self, path: str, query: dict[str, str], body: bytes, *, archive: bool) -> Any:
        self._need("search.create")
        if archive and not self.switches.archive:
            raise Answer(404, "not_found", "Not Found")
        switches = self.switches
        page = _number(query, "page", 1)
        size = min(_number(query, "pageSize", 100), switches.max_search_page_size)
        past = page > switches.page_cap or (
            switches.record_cap is not None and (page - 1) * size >= switches.record_cap
        )
        if past:
            raise Answer(switches.page_cap_status, "bad_request", "page out of range")
        try:
            wanted = orjson.loads(body)
            kind = str(wanted.get("queryContext")).split("_")[0]
            self._need(f"{kind}.read")
            result = search.run(
                self.org, wanted, offset=(page - 1) * size, size=size, archive=archive,
                switches=switches, rng=self._rng,
            )  # fmt: skip
        except orjson.JSONDecodeError:
            raise Answer(400, "bad_request", "Invalid request body or parameters.") from None
        except search.BadRequest as error:
            raise Answer(400, "bad_request", str(error)) from None
        shown, total = result.records, result.total
        if switches.record_cap is not None:
            shown = shown[: max(switches.record_cap - (page - 1) * size, 0)]
        if page > 1 and not shown and switches.past_last_page == "error":
            raise Answer(404, "not_found", "past the last page")
        more = page * size < total
        if switches.total_capped is not None:
            total = min(total, switches.total_capped)
        return self._envelope(path, query, page, size, shown, total, more, kind)

    def _envelope(
        self, path: str, query: dict[str, str], page: int, size: int, records: list[Record],
        total: int | None, more: bool, kind: str,
    ) -> dict[str, Any]:  # fmt: skip
        def link(n: int) -> str:
            return f"{path}?{urlencode(query | {'page': str(n), 'pageSize': str(size)})}"

        meta: dict[str, Any] = {"page": page}
        if self.switches.page_size_in_meta:
            meta["pageSize"] = size
        links = {
            "self": link(page), "first": link(1), "prev": link(page - 1) if page > 1 else None,
            "next": link(page + 1) if more else None,
        }  # fmt: skip
        if total is not None:
            meta |= {"total": total, "totalPages": -(-total // size)}
            links["last"] = link(max(-(-total // size), 1))
        if path.endswith("/search"):
            meta |= {"aggregations": {}, "timed_out": False}
        content: dict[str, Any] = {"meta": meta, "links": links}
        searching = path.endswith("/search")
        with_them = query.get("include") == "attachments" and (
            not searching or self.switches.attachments_in_search
        )
        if kind == "message" and with_them:
            included = [a for r in records for a in self.org.made_up.attachments(r["id"])]
            records = [self._with_attachments(r) for r in records]
            content["included"] = included
        return content | {"data": [self._shown(kind, r) for r in records]}

    def _with_attachments(self, record: Record) -> Record:
        refs = [
            {"type": "attachment", "id": a["id"]}
            for a in self.org.made_up.attachments(record["id"])
        ]
        relationships = record["relationships"] | {"attachments": {"data": refs}}
        return record | {"relationships": relationships}

    def _shown(self, kind: str, record: Record) -> Record:
        if kind == "kobject" and self.switches.klass_in_type:
            klass = search.klass_of(self.org, record)
            return record | {"type": f"kobject.{klass}"} if klass else record
        return record

    # ---- the test's controls ----

    def _control(self, path: str, query: dict[str, str], body: bytes) -> Any:
        given = orjson.loads(body) if body else {}
        match path.removeprefix("/_sim/").split("/"):
            case ["mutate"]:
                self.mutator.step(int(query.get("n", "1")))
            case ["clock"]:
                self.clock.advance(float(query.get("advance", "0")))
            case ["faults"]:
                self.faults.add(**given) if given else self.faults.clear()
            case ["switches"]:
                self.switches = replace(self.switches, **given)
                self.org.index_lag_ms = self.switches.index_lag_ms
            case ["ledger", kind] if kind in KINDS:
                return list(self.org.everything(kind))
        return {
            "now": self.clock.now(),
            "requests": dict(self.seen.by_path),
            "statuses": {str(k): v for k, v in self.seen.by_status.items()},
            "switches": asdict(self.switches),
            "org": self.org.state(),
        }


def _topic(path: str, content: dict[str, Any]) -> str:
    """What a reply is about: its path and the kind of its records."""
    data = content["data"]
    return f"{path} {data[0]['type'].split('.')[0]}" if isinstance(data, list) and data else path


def _of(record: Record, relation: str) -> str | None:
    data = (record["relationships"].get(relation) or {}).get("data") or {}
    return str(data.get("id")) if data else None


def _first(org: Org, kind: str) -> str:
    return str(next(iter(org.everything(kind)))["id"])


def _number(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not re.fullmatch(r"\d{1,9}", text) or int(text) < 1:
        raise Answer(400, "bad_request", f"{name} must be a positive number")
    return int(text)


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _reply(send: Send, status: int, payload: bytes, extra: dict[str, str]) -> None:
    headers = {"content-type": "application/json", "content-length": str(len(payload)), **extra}
    await send(
        {
            "type": "http.response.start", "status": status,
            "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
        }
    )  # fmt: skip
    await send({"type": "http.response.body", "body": payload})


async def _faulty(
    send: Send, fault: Kind | None, status: int, payload: bytes, extra: dict[str, str]
) -> int:
    """Send the reply, or what a fault makes of it; the status that went out."""
    plain = {k: v for k, v in extra.items() if k != "content-encoding"}
    match fault:
        case "500" | "503":
            await _reply(send, int(fault), b'{"errors":[{"code":"internal_server_error"}]}', plain)
            return int(fault)
        case "html":
            await _reply(send, 502, b"<html><h1>502 Bad Gateway</h1></html>", plain)
            return 502
        case "empty":
            await _reply(send, 200, b"", plain)
            return 200
        case "garbage":
            await _reply(send, 200, b"<html>not json</html>", plain)
            return 200
        case "truncated":
            await _reply(send, 200, gzip_free(payload, extra)[: len(payload) // 2], plain)
            return 200
        case "reset" | "slow":
            await _broken(send, fault, gzip_free(payload, extra), plain)
            return 200
    await _reply(send, status, payload, extra)
    return status


def gzip_free(payload: bytes, extra: dict[str, str]) -> bytes:
    return gzip.decompress(payload) if extra.get("content-encoding") == "gzip" else payload


async def _broken(send: Send, fault: Kind, payload: bytes, extra: dict[str, str]) -> None:
    """A body that stops half way and closes the connection, or that drips."""
    headers = {"content-length": str(len(payload)), **extra}
    await send(
        {
            "type": "http.response.start", "status": 200,
            "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
        }
    )  # fmt: skip
    if fault == "reset":
        await send(
            {"type": "http.response.body", "body": payload[: len(payload) // 2], "more_body": True}
        )
        return  # the server closes the connection of an answer that was never finished
    for n in range(0, len(payload), max(len(payload) // 50, 1)):
        await send(
            {"type": "http.response.body", "body": payload[n : n + max(len(payload) // 50, 1)],
             "more_body": True}
        )  # fmt: skip
        await asyncio.sleep(0.2)
    await send({"type": "http.response.body", "body": b""})
