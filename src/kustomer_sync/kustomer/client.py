"""The only file that speaks HTTP. A request goes down a staircase of small steps:

    pages / page   follow `links.next`, on the same host only
    json           one answer, retried under a total deadline, errors told apart
    _attempt       one request within the quota, its body read within the page's deadline

What comes back is parsed JSON. 401 stops at once, 403 costs a table, 404 is an answer, 429
waits for the reset, everything else (5xx, resets, truncated, slow or non-JSON bodies) is tried
again with jitter for up to 15 minutes; bodies that are not JSON for one, where nothing else ever
came: something else answers there. A path that still fails then, while Kustomer answers on
another, is `PathFailed`; from there on another path is tried for a minute, and after each that is
given up for half as long, some seconds at least.
"""

from __future__ import annotations

import random
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2

from kustomer_sync import __version__
from kustomer_sync.errors import (
    ConfigError,
    Interrupted,
    KeyRefused,
    PathFailed,
    SourceFailed,
    SourceUnreachable,
)
from kustomer_sync.kustomer.parse import parse
from kustomer_sync.kustomer.quota import Quota, parse_limit
from kustomer_sync.model import Record

RETRY_SECONDS = 900.0
PAGE_SECONDS = 120.0
_SHORT_SECONDS = 60.0
"""For a path after another was given up, and for the word that Kustomer answers at all."""
_LEAST_SECONDS = 8.0
"""For a path after many were given up: a thousand broken records cost no day."""
_TOLD_SECONDS = 30.0
PULSE = "/v1/auth/tokens/current"
"""Every key may ask this; what answers here is not down."""
_GO_ON = "Run the sync again; it goes on where it stopped."
MAX_BODY = 512 * 1024 * 1024
_STALE_PAGES = 5  # one may be a shift or a repeat that passes
_FIRST_TRIES = 3  # an unreachable host at the very first request is a mistake, not an outage


class Forbidden(Exception):  # noqa: N818 - an answer, not a failure
    """403 (or 402): the key lacks a role for this path."""


class NotFound(Exception):  # noqa: N818 - an answer, not a failure
    """404 or 410."""


class Refused(Exception):  # noqa: N818 - an answer, not a failure
    """Another 4xx: this request will never work as it is."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class _Again(Exception):  # noqa: N818 - control flow within this file
    """This attempt failed in a way that the next may not."""


class _NotJson(_Again):
    """The status is 200, and the body is no answer of an API."""


@dataclass(slots=True)
class Requests:
    """How many requests went out, by what they cost."""

    total: int = 0
    search: int = 0
    rate_limited: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True)
class Page:
    """One reply of a list or search; `records` have what it `included` already in place."""

    records: list[Record]
    number: int | None = None
    size: int | None = None
    total: int | None = None
    next: str | None = None
    timed_out: bool = False
    nbytes: int = 0
    cut: str = ""
    """Why the list breaks off here; made by its reader."""
    linked: bool = True
    """Its links say whether the list goes on; the published reply of events has none."""


def _trusting(ca_file: str | None) -> ssl.SSLContext:
    """The system's certificates, and those of the file."""
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (ssl.SSLError, OSError):
            raise ConfigError(
                f"`ca_file`: {ca_file} holds no certificates.", "Give the path of a PEM file."
            ) from None
    return context


class Client:
    """Kustomer's API for one key; safe to use from many threads."""

    def __init__(
        self,
        base_url: str,
        token: str,
        quota: Quota,
        *,
        proxy: str | None = None,
        ca_file: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        stop: threading.Event | None = None,
        rng: random.Random | None = None,
        retry_seconds: float = RETRY_SECONDS,
        page_seconds: float = PAGE_SECONDS,
        tell: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        """`tell` hears, in a sentence and from any thread, of what makes it wait."""
        self.base_url = base_url.rstrip("/")
        self.quota = quota
        self.requests = Requests()
        self.server_time: datetime | None = None
        """The latest `Date` of any reply; None where none carried one."""
        self._tell = tell
        self._told_at: float | None = None
        self._given_up = 0  # paths
        self._answered = self._known = False  # by anything; by an API
        self._clock, self._retry, self._page_seconds = clock, retry_seconds, page_seconds
        self._stop = stop or threading.Event()
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not cryptography
        try:
            self._http = httpx2.Client(
                base_url=self.base_url,
                headers={
                    "authorization": f"Bearer {token}",
                    "accept": "application/json",
                    "user-agent": f"kustomer-sync/{__version__}",
                },
                timeout=httpx2.Timeout(30.0, connect=15.0),
                proxy=proxy,
                verify=_trusting(ca_file),
                follow_redirects=False,
                limits=httpx2.Limits(max_connections=32, max_keepalive_connections=16),
            )
        except ImportError:
            raise ConfigError(
                "A SOCKS proxy needs one more package.",
                "Install it: pip install 'kustomer-sync[socks]'.",
            ) from None
        except (httpx2.InvalidURL, ValueError) as error:
            raise SourceUnreachable(
                f"{base_url!r} is not an address of an API ({error}).", "Check `base_url`."
            ) from None

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """The JSON at `path`."""
        return self.json("GET", path, params=params)

    def one(self, path: str, params: Mapping[str, Any] | None = None) -> Record | None:
        """The record at `path` with what its reply includes; None when the reply has none."""
        body = self.get(path, params)
        data = body.get("data") if isinstance(body, dict) else None
        if isinstance(data, list):
            data = data[0] if len(data) == 1 else None
        return _whole([data], body.get("included"))[0] if isinstance(data, dict) else None

    def page(self, path: str, params: Mapping[str, Any] | None = None) -> Page:
        return _page(*self._sized("GET", path, params=params))

    def search(
        self, body: Mapping[str, Any], *, page: int, page_size: int, archive: bool = False,
        params: Mapping[str, Any] | None = None, room: threading.Semaphore | None = None,
    ) -> Page:  # fmt: skip
        """One page of a search; the same path serves every kind of object.

        Parsed, a page takes five times its bytes: it is when there is `room`, which the caller
        gives back once it let go of the page.
        """
        path = "/v1/customers/archive/search" if archive else "/v1/customers/search"
        query = {"page": page, "pageSize": page_size, **(params or {})}
        told, nbytes = self._sized("POST", path, params=query, body=body, search=True, room=room)
        try:
            return _page(told, nbytes)
        except Refused:
            if room is not None:
                room.release()
            raise

    def next_path(self, link: str, path: str) -> str:
        """A `links.next` of the list at `path` as a path below `base_url`, query included.

        It may be absolute, a path, or a query alone. One to another host is never followed; of
        this one nothing else is taken, so a proxy's may name another scheme or port.
        """
        target = urlsplit(urljoin(self.base_url + path, link))
        own = urlsplit(self.base_url)
        if target.hostname != own.hostname:
            raise SourceFailed(
                f"Kustomer's reply links to another host ({target.netloc}), never followed.",
                "If that host is yours, set it as `base_url`.",
            )
        below = target.path.removeprefix(own.path)
        return below + (f"?{target.query}" if target.query else "")

    def json(
        self, method: str, path: str, *, params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None, search: bool = False,
    ) -> Any:  # fmt: skip
        return self._sized(method, path, params=params, body=body, search=search)[0]

    def _sized(
        self, method: str, path: str, *, params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None, search: bool = False,
        room: threading.Semaphore | None = None, patience: float | None = None,
    ) -> tuple[Any, int]:  # fmt: skip
        """One answer and its size in bytes, however many attempts it takes within the deadline.

        Past it, Kustomer has to answer elsewhere before the path is tried once more and given up:
        so an outage costs no path, however many are asked meanwhile.
        """
        if patience is None:
            patience = self._patience
        began = self._clock()
        deadline = began + patience
        delay, tries, elsewhere = 0.5, 0, False
        foreign: float | None = None  # since when nothing but bodies came that are not JSON
        while True:
            tries += 1
            sent = self._clock()
            try:
                told = self._parsed(self._attempt(method, path, params, body, search), room)
                self._known = True
                return told
            except (Forbidden, NotFound, Refused):
                self._known = True
                raise
            except _Limited:
                deadline = max(deadline, self._clock() + patience)  # waiting is not failing
                continue
            except _Again as error:
                reason = str(error)
                first = not self._answered and isinstance(
                    error.__cause__, httpx2.ConnectError | httpx2.UnsupportedProtocol
                )
                if first and tries >= _FIRST_TRIES:
                    raise SourceUnreachable(
                        f"{self.base_url} can't be reached ({reason}).",
                        "Check `domain`, `eu_region`, `base_url` and the network.",
                    ) from None
                alien = isinstance(error, _NotJson) and not self._known
                foreign = (sent if foreign is None else foreign) if alien else None
            borne = self._retry if foreign is None else self._short_patience
            given_up = deadline if foreign is None else min(deadline, foreign + borne)
            now = self._clock()
            if foreign is not None and now >= given_up:
                raise SourceUnreachable(
                    f"What answers at {self.base_url} is not Kustomer's API ({reason}).",
                    "Check `base_url`; Kustomer's own is like https://acme.api.kustomerapp.com.",
                )
            self._tell_of(path, reason, began, borne)
            if now >= deadline:
                said = f"{method} {path} kept failing for {_duration(patience)} ({reason})."
                if elsewhere:
                    self._given_up += 1
                    raise PathFailed(said, "What else there is was read; run the sync again.")
                self._answers_elsewhere(path, said, patience)
                elsewhere = True
                continue
            # However long the pause: the last try is at the deadline.
            pause = min(delay * (0.5 + self._rng.random()), given_up - now)
            if self._stop.wait(pause):
                raise Interrupted("The sync was interrupted.", "Run it again to go on.")
            delay = min(delay * 2, 30.0)

    @property
    def _patience(self) -> float:
        """How long a path may fail, in seconds, given how many others did for as long."""
        if self._given_up == 0:
            return self._retry
        return min(self._retry, max(_LEAST_SECONDS, _SHORT_SECONDS * 0.5 ** (self._given_up - 1)))

    @property
    def _short_patience(self) -> float:
        return min(self._retry, _SHORT_SECONDS)

    def _tell_of(self, path: str, reason: str, began: float, borne: float) -> None:
        """Say that a path keeps failing; once in the time for which that is borne."""
        now = self._clock()
        silent = self._told_at is None or now - self._told_at > self._retry
        if silent and now - began > _TOLD_SECONDS:
            self._told_at = now
            self._tell(
                f"Kustomer keeps failing at {path} ({reason}); it is tried again for up to "
                f"{_duration(borne)}."
            )

    def _answers_elsewhere(self, path: str, said: str, patience: float) -> None:
        """Returns when Kustomer answers at all; `SourceFailed` where it does not.

        What the path was not waited for, Kustomer is.
        """
        if path == PULSE:
            raise SourceFailed(said, _GO_ON)
        try:
            self._sized("GET", PULSE, patience=self._retry + self._short_patience - patience)
        except SourceFailed:
            raise SourceFailed(said, _GO_ON) from None
        except (Forbidden, NotFound, Refused):
            return

    def _attempt(
        self, method: str, path: str, params: Mapping[str, Any] | None,
        body: Mapping[str, Any] | None, search: bool,
    ) -> bytes:  # fmt: skip
        self.quota.acquire(search=search)
        limit, refused_for = None, None
        try:
            with self.requests.lock:
                self.requests.total += 1
                self.requests.search += search
            try:
                request = self._http.build_request(method, path, params=params, json=body)
                reply = self._http.send(request, stream=True)
                try:
                    content = self._read(reply)
                finally:
                    reply.close()
            except httpx2.HTTPError as error:
                raise _Again(f"{type(error).__name__}: {error}".rstrip(": ")) from error
            self._answered = True
            server_time = self._note_time(reply.headers.get("date"))
            limit = parse_limit(reply.headers, server_time)
            if reply.status_code == 429:
                refused_for = _refused_for(reply.headers.get("retry-after"), limit, server_time)
                with self.requests.lock:
                    self.requests.rate_limited += 1
                raise _Limited
            _accepted(reply.status_code, content, path)
            return content
        finally:
            self.quota.release(search=search, limit=limit, refused_for=refused_for)

    def _parsed(self, content: bytes, room: threading.Semaphore | None) -> tuple[Any, int]:
        while room is not None and not room.acquire(timeout=1.0):
            if self._stop.is_set():
                raise Interrupted("The sync was interrupted.", "Run it again to go on.")
        try:
            return parse(content), len(content)
        except ValueError:
            if room is not None:
                room.release()
            raise _NotJson("the body is not JSON") from None

    def _read(self, reply: httpx2.Response) -> bytes:
        """The whole body, or `_Again` when it drips for longer than a page may take."""
        deadline = self._clock() + self._page_seconds
        parts, size = [], 0
        for part in reply.iter_bytes():
            parts.append(part)
            size += len(part)
            if self._clock() > deadline:
                raise _Again(f"the body took longer than {self._page_seconds:g} seconds")
            if size > MAX_BODY:
                raise SourceFailed(
                    f"A reply is larger than {MAX_BODY >> 20} MB.", "That is no page of records."
                )
            if self._stop.is_set():
                raise Interrupted("The sync was interrupted.", "Run it again to go on.")
        return b"".join(parts)

    def _note_time(self, date: str | None) -> float | None:
        told = _epoch(date)
        if told is not None:
            at = datetime.fromtimestamp(told, UTC)
            if self.server_time is None or at > self.server_time:
                self.server_time = at
        return told


def _epoch(date: str | None) -> float | None:
    """An HTTP date in seconds since 1970; None where it is none. Without a zone it is UTC."""
    if date is None:
        return None
    try:
        at = parsedate_to_datetime(date)
    except (TypeError, ValueError):
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


class _Limited(Exception):  # noqa: N818 - control flow within this file
    """429."""


def _refused_for(retry_after: str | None, limit: Any, now: float | None) -> float:
    """Seconds until the server takes requests again; `Retry-After` is honoured if it comes.

    It may be seconds or a date, which is by the server's clock: `now`, where it tells one.
    """
    if retry_after is not None and retry_after.strip().isdigit():
        return float(retry_after) + 0.1
    until = _epoch(retry_after)
    if until is not None:
        return max(0.0, until - (time.time() if now is None else now)) + 1.0  # dates have no more
    if limit is not None:
        return float(limit.reset_in) + 0.5
    return 15.0


def _accepted(status: int, content: bytes, path: str) -> None:
    """The body is an answer; else raises what the status says."""
    if status == 401:
        message = _message(content)
        if "expired" in message.lower():
            raise KeyRefused(
                "The API key has expired.", "Create a new one in Kustomer and set `access_token`."
            )
        raise KeyRefused("Kustomer refused the API key (401).", "Check `access_token`.")
    if status in (402, 403):
        raise Forbidden(_message(content) or path)
    if status in (404, 410):
        raise NotFound(f"{status}: {path}")
    if status >= 500 or status == 408 or status == 425:
        raise _Again(f"status {status}")
    if status >= 400:
        raise Refused(status, _message(content))
    if status >= 300:
        raise SourceFailed(
            f"{path} redirects elsewhere (status {status}), which is not followed.",
            "Check `base_url`.",
        )


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:g} seconds"
    return "a minute" if seconds == 60 else f"{seconds / 60:g} minutes"


def _message(content: bytes) -> str:
    """What an error body says, in either of the two documented shapes or the older one."""
    try:
        body = parse(content)
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return ""
    errors = body.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else body
    if not isinstance(first, dict):
        return str(first)[:300]
    for key in ("message", "detail", "title", "error", "code"):
        if isinstance(first.get(key), str):
            return str(first[key])[:300]
    return ""


def _page(body: Any, nbytes: int) -> Page:
    """A list reply as a page. A body without `data` is an empty page only if it says so."""
    if not isinstance(body, dict) or not isinstance(body.get("data"), list):
        raise Refused(200, "a list reply without a list of `data`")
    meta = body.get("meta") if isinstance(body.get("meta"), dict) else {}
    links = body.get("links") if isinstance(body.get("links"), dict) else {}
    assert isinstance(meta, dict)  # noqa: S101 - narrows for the type checker
    assert isinstance(links, dict)  # noqa: S101 - narrows for the type checker
    following = links.get("next")
    if isinstance(following, dict):  # a link of JSON:API may be an object
        following = following.get("href")
    return Page(
        records=_whole(body["data"], body.get("included")),
        number=_whole_number(meta.get("page")),
        size=_whole_number(meta.get("pageSize")),
        total=_whole_number(meta.get("total")),
        next=following if isinstance(following, str) and following else None,
        linked="next" in links,
        timed_out=meta.get("timed_out") is True,
        nbytes=nbytes,
    )


def _whole_number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _whole(data: list[Any], included: Any) -> list[Record]:
    """Records with `included` objects in the place of the references to them.

    One that no record refers to is in the `included` of the record it refers to itself, or of
    the only one.
    """
    records = [record for record in data if isinstance(record, dict)]
    if isinstance(included, dict):
        included = [included]
    if not isinstance(included, list) or not included:
        return records
    by_ref = {ref: item for item in included if isinstance(item, dict) and (ref := _ref(item))}
    placed: set[Any] = set()
    for record in records:
        for relation in _relations(record):
            refs = relation.get("data")
            if isinstance(refs, list):
                placed |= {_ref(ref) for ref in refs}
                relation["data"] = [by_ref.get(_ref(ref) or ("", ""), ref) for ref in refs]
    for ref, item in by_ref.items():
        if ref not in placed:
            owners = {_ref(to.get("data")) for to in _relations(item)}
            for record in records:
                if _ref(record) in owners or len(records) == 1:
                    record.setdefault("included", []).append(item)
    return records


def _relations(record: Record) -> Iterator[dict[str, Any]]:
    relationships = record.get("relationships")
    for relation in relationships.values() if isinstance(relationships, dict) else ():
        if isinstance(relation, dict):
            yield relation


def _ref(value: Any) -> tuple[str, str] | None:
    """What names an object: its type and its id."""
    if not isinstance(value, dict):
        return None
    return str(value.get("type")), str(value.get("id"))


def walk(client: Client, path: str, params: Mapping[str, Any]) -> Iterator[Page]:
    """The pages of a list: by `links.next`, or by number where full ones do not say.

    `Refused` when a link was followed before, or page after page brings nothing new: the list
    would never end.
    """
    page = client.page(path, params)
    yield page
    first, number = path, 1
    followed: set[str] = set()
    seen: set[Any] = {record.get("id") for record in page.records}
    stale = 0
    while True:
        if page.next is not None:
            path = client.next_path(page.next, path)
            if path in followed:
                raise Refused(200, f"the list {path} links back to a page already read")
            followed.add(path)
            page = client.page(path)
        elif _may_go_on(page, len(seen)):
            number += 1
            try:
                page = client.page(first, {**params, "page": str(number)})
            except (NotFound, Refused):  # as either may be past the last one
                return
            if {record.get("id") for record in page.records} <= seen:
                return
        else:
            return
        yield page
        ids = {record.get("id") for record in page.records}
        stale = stale + 1 if ids <= seen else 0
        seen |= ids
        if stale == _STALE_PAGES:
            raise Refused(200, f"the list {path} goes on without bringing anything new")


def _may_go_on(page: Page, seen: int) -> bool:
    """It does not say that it is the last, by a link, its size or a total.

    What size was asked for says nothing: a server may give fewer.
    """
    if page.linked or not page.records:
        return False
    full = page.size is not None and page.size <= len(page.records)
    return full or (page.size is None if page.total is None else seen < page.total)
