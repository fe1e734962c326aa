"""The API itself: which requests there are, and the page each gets.

Routes are a list of values; the first that matches answers. Lists and reads by id of every Kind
with a `path` need no line here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any
from urllib.parse import urlencode

from .access import AUDIT_ROLES, EVENT_ROLES, SEARCH_ROLES, Key
from .answers import Page, Refusal, document
from .clock import DAY, SECOND, iso, to_ms
from .kind import Json, Kind
from .org import KINDS
from .org.assistants import ASSISTANT_PATHS
from .org.staff import MACHINE_USER
from .search import Search
from .sequence import Keyed, Merged, Run
from .world import Version, World, encode, related

ID = r"(?P<id>[0-9a-f]{24})"
IDS = r"(?P<ids>[0-9a-fA-F]{24}(?:,[0-9a-fA-F]{24})*)"
UNDER_CONVERSATION = {
    "messages": "message",
    "notes": "note",
    "times": "conversation_time",
}
UNDER_CUSTOMER = {"conversations": "conversation", "messages": "message", "notes": "note"}
TIMES = ("handleTime", "messageTime", "noteTime")
AUDITED = ("company", "conversation", "customer", "message", "shortcut", "user", "work_session")
"""Object types of the audit log that the simulator has [D]."""


@dataclass(frozen=True)
class Ask:
    """One request."""

    method: str
    path: str
    params: dict[str, str]
    body: bytes = b""
    number: int = 0
    shift: int = 0
    """Records by which a page begins too early (a fault)."""

    @property
    def page(self) -> int:
        """The page asked for, from 1."""
        return self.whole("page", 1)

    def whole(self, name: str, default: int) -> int:
        """A parameter that must be a positive whole number."""
        text = self.params.get(name, str(default))
        if not text.isdigit() or int(text) < 1:
            raise Refusal(400, f"{name} must be a positive number", name)
        return int(text)

    def link(self, page: int, size: int) -> str:
        """A relative link to another page of the same request [D]."""
        params = {**self.params, "page": str(page), "pageSize": str(size)}
        return f"{self.path}?{urlencode(params, safe=':,')}"


Handler = Callable[[Ask, dict[str, str]], Page]


@dataclass(frozen=True)
class Route:
    """A method and a path, who may ask, and what answers."""

    method: str
    pattern: re.Pattern[str]
    roles: tuple[str, ...]
    answer: Handler
    searching: bool = False


class Api:
    """Answers requests about one world."""

    def __init__(self, world: World, key: Key) -> None:
        self._world = world
        self._key = key
        self._search = Search(world)
        self._filtered: dict[Any, list[Keyed]] = {}
        self.routes = [*self._special(), *(r for k in KINDS.values() for r in self._of(k))]

    def route(self, ask: Ask) -> tuple[Route, dict[str, str]]:
        """The route of a request and what its path names; Refusal 404."""
        for route in self.routes:
            match = route.pattern.fullmatch(ask.path)
            if match is not None and route.method == ask.method:
                return route, match.groupdict()
        raise Refusal(404, f"Cannot {ask.method} {ask.path}")

    def _special(self) -> list[Route]:
        def get(path: str, kind: str | tuple[str, ...], answer: Handler) -> Route:
            roles = KINDS[kind].roles if isinstance(kind, str) else kind
            return Route("GET", re.compile(path), roles, answer)

        def post(path: str, answer: Handler) -> Route:
            return Route("POST", re.compile(path), SEARCH_ROLES, answer, searching=True)

        def under(path: str, owner: str, kind: str) -> Route:
            return get(path, kind, lambda ask, named: self._children(ask, named, owner, kind))

        return [
            post("/v1/customers/search", lambda ask, _: self._searched(ask, archive=False)),
            post("/v1/customers/archive/search", lambda ask, _: self._searched(ask, archive=True)),
            get("/v1/auth/tokens/current", (), self._token),
            get("/v1/users/current", (), self._current_user),
            get("/v1/audit-logs", AUDIT_ROLES, self._audit),
            get(f"/v1/customers/{ID}/events", EVENT_ROLES, _deprecated),
            get(f"/v1/customers/{ID}/merges", "customer_merge", self._merges),
            get(
                rf"/v1/customers/{ID}/klasses/(?P<klass>[^/]+)",
                "customer",
                self._things_of("customer"),
            ),
            get(
                rf"/v1/companies/{ID}/klasses/(?P<klass>[^/]+)",
                "company",
                self._things_of("company"),
            ),
            *(under(f"/v1/customers/{ID}/{p}", "customer", k) for p, k in UNDER_CUSTOMER.items()),
            *(
                under(f"/v1/conversations/{ID}/{p}", "conversation", k)
                for p, k in UNDER_CONVERSATION.items()
            ),
            under(f"/v2/conversations/{ID}/times", "conversation", "conversation_time"),
            get(f"/v1/conversations/times/{IDS}", "conversation_time", self._times),
            get(f"/v1/conversations/{ID}/events", EVENT_ROLES, self._events),
            get(f"/v1/conversations/{ID}/attachments", "attachment", self._attachments),
            get(
                rf"/v1/messages/(?P<message>[0-9a-f]{{24}})/attachments/{ID}",
                "attachment",
                lambda ask, named: self._one(
                    ask, named | {"ids": named["id"]}, KINDS["attachment"]
                ),
            ),
            get(
                f"/v1/attachments/{IDS}",
                "attachment",
                lambda ask, named: self._one(ask, named, KINDS["attachment"]),
            ),
            get(
                f"/v1/customers/merges/{IDS}",
                "customer_merge",
                lambda ask, named: self._one(ask, named, KINDS["customer_merge"]),
            ),
            get("/v1/brands/default", "brand", self._default("brand")),
            get("/v1/schedules/default", "schedule", self._default("schedule")),
            *(get(path, "assistant", self._assistants) for path in ASSISTANT_PATHS),
            *(get(f"{path}/{IDS}", "assistant", self._assistants) for path in ASSISTANT_PATHS),
            get(r"/v1/metadata/(?P<resource>[^/]+)", "metadata", self._metadata),
            get(
                r"/v1/klasses/(?P<klass>[^/]+)/externalId=(?P<value>.+)",
                "kobject",
                self._thing_named,
            ),
            get(rf"/v1/klasses/(?P<klass>[^/]+)/{ID}", "kobject", self._thing),
            get(r"/v1/klasses/(?P<klass>(?![0-9a-f]{24})[^/]+)", "klass", self._things),
        ]

    def _of(self, kind: Kind) -> list[Route]:
        """The routes every listed kind has."""
        if kind.path is None:
            return []
        path = re.escape(kind.path)
        routes = [
            Route("GET", re.compile(path), kind.roles, lambda ask, _: self._listed(ask, kind)),
            Route(
                "GET",
                re.compile(f"{path}/{IDS}"),
                kind.roles,
                lambda ask, named: self._one(ask, named, kind),
            ),
        ]
        for name, fits in kind.lookups.items():
            answer = self._lookup(kind, fits)
            pattern = re.compile(f"{path}/{name}=(?P<value>.+)")
            routes.append(Route("GET", pattern, kind.roles, answer))
        return routes

    # --- lists

    def _listed(self, ask: Ask, kind: Kind) -> Page:
        switches = self._world.switches
        filters = {n: v for n, v in {**kind.defaults, **ask.params}.items() if n in kind.filters}
        shown = self._deleted_shown(ask, kind)
        if kind.name == "company" and {"externalId", "filter"} <= set(filters):
            filters = {}
        descending = ask.params.get("sort") == "desc"
        if kind.order_switch and getattr(switches, kind.order_switch) == "desc":
            descending = not descending
        if filters or shown == "only":
            records = self._sifted(kind, filters, shown, descending)
        else:
            records = self._plain(kind, shown == "all", descending)
        return self._page(ask, kind, records)

    def _assistants(self, ask: Ask, named: dict[str, str]) -> Page:
        """Under the path that the switch says; the other one does not exist [U]."""
        path = self._world.switches.assistants_path
        if path is None or not ask.path.startswith(path):
            raise Refusal(404, f"Cannot GET {ask.path}")
        kind = KINDS["assistant"]
        return self._one(ask, named, kind) if named else self._listed(ask, kind)

    def _deleted_shown(self, ask: Ask, kind: Kind) -> str:
        """`all`, `live` or `only` the deleted ones."""
        if kind.deleted_switch is None:
            return "all"
        asked = ask.params.get("deleted") if kind.name in ("user", "tag", "team") else None
        if asked is not None:
            return "only" if asked == "true" else "live"
        return "all" if getattr(self._world.switches, kind.deleted_switch) else "live"

    def _plain(self, kind: Kind, deleted: bool, descending: bool) -> Merged:
        base, shelf = self._world.base, self._world.truth[kind.name]
        residues = base.residues(kind.name, lambda facts: deleted or not facts["deleted"])
        run = Run(0, base.count(kind.name), residues, shelf.touched)
        changed = self._changed(kind, lambda version: deleted or not version.deleted)
        return Merged(run, lambda i: base.id(kind.name, i), changed, descending)

    def _changed(self, kind: Kind, fits: Callable[[Version], bool]) -> list[Keyed]:
        shelf = self._world.truth[kind.name]
        versions = (shelf.held[record_id][1] for _key, record_id in shelf.entries)
        return [(version.id, version) for version in versions if fits(version)]

    def _sifted(self, kind: Kind, filters: dict[str, str], shown: str, descending: bool) -> Merged:
        key = (kind.name, tuple(sorted(filters.items())), shown, len(self._world.writes))
        found = self._filtered.get(key)
        if found is None:
            found = [
                (version.id, version)
                for version in self._world.everything(kind.name)
                if version.record is not None
                and (shown == "all" or version.deleted is (shown == "only"))
                and all(
                    kind.filters[n](version.record["attributes"], v) for n, v in filters.items()
                )
            ]
            found.sort(key=lambda keyed: keyed[0])
            if len(self._filtered) > 8:
                self._filtered.clear()
            self._filtered[key] = found
        return _listed(self._world, kind.name, found, descending)

    def _page(self, ask: Ask, kind: Kind, records: Merged, counted: bool | None = None) -> Page:
        switches = self._world.switches
        largest = switches.list_max_page_size or kind.page_max
        size = min(ask.whole("pageSize", 100), largest)
        total = len(records)
        reach = total if switches.list_depth_cap is None else min(total, switches.list_depth_cap)
        self._within(ask, size, reach)
        offset = max(0, (ask.page - 1) * size - ask.shift)
        refs = [ref for _key, ref in records.slice(offset, min(size, reach - offset))]
        page = self._served(kind, refs, "attachments" in ask.params.get("include", ""))
        self._extras(ask, kind, page, refs)
        meta: Json = {}
        if switches.list_page_size_reported:
            meta = {"pageSize": size, "page": ask.page}
        pages = max(1, -(-total // size))
        page.links = _links(ask, size, ask.page * size < reach)
        if kind.counted if counted is None else counted:
            meta |= {"total": total, "totalPages": pages}
            page.links["last"] = ask.link(pages, size)
        page.meta = meta
        if switches.list_links == "object":
            page.links = {name: link and {"href": link} for name, link in page.links.items()}
        elif switches.list_links == "none":
            page.links = page.meta = None
        return page

    def _within(self, ask: Ask, size: int, total: int) -> None:
        past = ask.page > 1 and (ask.page - 1) * size >= total
        if past and self._world.switches.past_last_page != "empty":
            raise Refusal(int(self._world.switches.past_last_page), "Page not found", "page")

    def _served(self, kind: Kind, refs: Sequence[int | Version], attachments: bool) -> Page:
        world = self._world
        if kind.name == "message" and attachments:
            return self._with_attachments(refs)
        return Page([world.encoded(kind.name, ref) for ref in refs])

    def _with_attachments(self, refs: Sequence[int | Version]) -> Page:
        """Messages whose `relationships.attachments` name what `included` holds [D]."""
        world = self._world
        data, included = [], []
        for ref in refs:
            record = world.base.record("message", ref) if isinstance(ref, int) else ref.record or {}
            found = world.children("attachment", "message", record["id"])
            if world.base.hostile and record["id"][-1] in "02468ace":
                found += found[:1]  # a hostile message names its first attachment twice
            names = [{"type": "attachment", "id": version.id} for version in found]
            relations = related(record) | {"attachments": {"data": names}}
            data.append(encode(record | {"relationships": relations}))
            included += [world.encoded("attachment", version) for version in found]
        return Page(data, included=included if world.switches.attachments_included else None)

    def _extras(self, ask: Ask, kind: Kind, page: Page, refs: Sequence[int | Version]) -> None:
        """SLA versions, holidays of one schedule [D, O]."""
        versions = ask.params.get("versions")
        if kind.name == "sla" and versions in ("active", "all"):
            ids = [self._id_of(kind, ref) for ref in refs]
            page.included = [
                self._world.encoded("sla_version", version)
                for sla in ids
                for version in self._sla_versions(sla, versions == "active")
            ]
        if kind.name == "schedule" and page.single and ask.params.get("include") == "holidays":
            days = self._world.children("holiday", "schedule", self._id_of(kind, refs[0]))
            page.included = [self._world.encoded("holiday", day) for day in days]

    def _sla_versions(self, sla: str, active: bool) -> list[Version]:
        found = self._world.children("sla_version", "sla", sla)
        return found[-1:] if active else found

    def _id_of(self, kind: Kind, ref: int | Version) -> str:
        return self._world.base.id(kind.name, ref) if isinstance(ref, int) else ref.id

    # --- one or several by id

    def _one(self, ask: Ask, named: dict[str, str], kind: Kind) -> Page:
        ids = named["ids"].split(",")
        found = [v for record_id in ids if (v := self._visible(kind.name, record_id)) is not None]
        if len(ids) > 1:
            keyed = [(version.id, version) for version in found]
            return self._page(
                ask, replace(kind, counted=False), _listed(self._world, kind.name, keyed)
            )
        if not found:
            raise Refusal(404, f"{kind.name} {ids[0]} not found")
        included = self._world.switches.get_includes_attachments
        attachments = included and "attachments" in ask.params.get("include", "")
        served = self._served(kind, found, attachments)
        page = document(served.data[0], served.included)
        self._extras(ask, kind, page, found)
        return page

    def _visible(self, kind: str, record_id: str) -> Version | None:
        version = self._world.latest(kind, record_id)
        if version is None or version.record is None:
            return None
        hidden = version.deleted and self._world.switches.get_deleted == "404"
        return None if hidden else version

    def _lookup(self, kind: Kind, fits: Callable[[Json, str], bool]) -> Handler:
        def answer(_ask: Ask, named: dict[str, str]) -> Page:
            for version in self._world.everything(kind.name):
                record = version.record
                if record and not version.deleted and fits(record["attributes"], named["value"]):
                    return document(self._world.encoded(kind.name, version))
            raise Refusal(404, f"{kind.name} {named['value']} not found")

        return answer

    def _default(self, kind: str) -> Handler:
        def answer(ask: Ask, _named: dict[str, str]) -> Page:
            return self._one(ask, {"ids": self._world.base.id(kind, 0)}, KINDS[kind])

        return answer

    # --- children

    def _children(self, ask: Ask, named: dict[str, str], owner: str, kind: str) -> Page:
        self._existing(owner, named["id"])
        shown = self._world.switches.core_lists_include_deleted
        found = [
            version
            for version in self._world.children(kind, owner, named["id"])
            if shown or not version.deleted
        ]
        if kind == "conversation_time":
            return self._timed(ask, found)
        return self._rows(ask, kind, found)

    def _rows(self, ask: Ask, kind: str, versions: Sequence[Version]) -> Page:
        keyed = [(version.id, version) for version in versions]
        descending = ask.params.get("sort") == "desc"
        merged = _listed(self._world, kind, keyed, descending)
        return self._page(ask, KINDS[kind], merged, counted=False)

    def _existing(self, kind: str, record_id: str) -> None:
        if self._world.get(kind, record_id) is None:
            raise Refusal(404, f"{kind} {record_id} not found")

    def _times(self, ask: Ask, named: dict[str, str]) -> Page:
        ids = named["ids"].split(",")
        found = [
            v for i in ids for v in self._world.children("conversation_time", "conversation", i)
        ]
        return self._timed(ask, found)

    def _timed(self, ask: Ask, found: Sequence[Version]) -> Page:
        """Conversation times: milliseconds in v2, seconds in v1; up to 1,000 a page [D]."""
        kind = replace(KINDS["conversation_time"], page_max=1_000)
        keyed = [(v.id, v if ask.path.startswith("/v2") else _seconds(v)) for v in found]
        return self._page(ask, kind, _listed(self._world, kind.name, keyed), counted=False)

    def _attachments(self, ask: Ask, named: dict[str, str]) -> Page:
        self._existing("conversation", named["id"])
        found = [
            attachment
            for message in self._world.children("message", "conversation", named["id"])
            for attachment in self._world.children("attachment", "message", message.id)
        ]
        return self._rows(ask, "attachment", found)

    def _merges(self, ask: Ask, named: dict[str, str]) -> Page:
        pointing = self._world.related
        ids = {
            record_id
            for name in ("source", "target")
            for kind, record_id in pointing.get((name, named["id"]), ())
            if kind == "customer_merge"
        }
        found = [self._world.latest("customer_merge", i) for i in sorted(ids)]
        return self._rows(ask, "customer_merge", [v for v in found if v is not None])

    # --- klasses and metadata

    def _things(self, ask: Ask, named: dict[str, str]) -> Page:
        """KObjects of one klass. `fromDate` compares `updatedAt` [field U]."""
        klass, base, kind = self._klass(named), self._world.base, KINDS["kobject"]
        start = _moment(ask, "fromDate")
        shown = self._world.switches.core_lists_include_deleted
        residues = base.residues(
            "kobject", lambda f: f["klass"] == klass and (shown or not f["deleted"])
        )
        first = 0 if start is None else base.first_at("kobject", start)
        run = Run(first, base.count("kobject"), residues, self._world.truth["kobject"].touched)
        changed = self._changed(
            kind,
            lambda v: (
                (v.record or {}).get("type") == f"kobject.{klass}"
                and (shown or not v.deleted)
                and (start is None or v.updated >= start)
            ),
        )
        descending = ask.params.get("sort") == "desc"
        merged = Merged(run, lambda i: base.id("kobject", i), changed, descending)
        return self._page(ask, kind, merged)

    def _things_of(self, owner: str) -> Handler:
        def answer(ask: Ask, named: dict[str, str]) -> Page:
            self._existing(owner, named["id"])
            klass, start = self._klass(named), _moment(ask, "fromDate")
            found = [
                version
                for version in self._world.children("kobject", owner, named["id"])
                if version.record is not None
                and version.record["type"] == f"kobject.{klass}"
                and not version.deleted
                and (start is None or version.updated >= start)
            ]
            return self._rows(ask, "kobject", found)

        return answer

    def _klass(self, named: dict[str, str]) -> str:
        if named["klass"] not in self._world.klass_names():
            raise Refusal(404, f"Klass {named['klass']} not found")
        return named["klass"]

    def _thing(self, ask: Ask, named: dict[str, str]) -> Page:
        klass = self._klass(named)
        record = self._world.get("kobject", named["id"])
        if record is None or record["type"] != f"kobject.{klass}":
            raise Refusal(404, f"{klass} {named['id']} not found")
        return self._one(ask, {"ids": named["id"]}, KINDS["kobject"])

    def _thing_named(self, _ask: Ask, named: dict[str, str]) -> Page:
        klass = self._klass(named)
        for version in self._world.everything("kobject"):
            record = version.record
            if (
                record is not None
                and record["type"] == f"kobject.{klass}"
                and record["attributes"].get("externalId") == named["value"]
            ):
                return document(self._world.encoded("kobject", version))
        raise Refusal(404, f"{klass} {named['value']} not found")

    def _metadata(self, _ask: Ask, named: dict[str, str]) -> Page:
        found = self._world.metadata(named["resource"])
        if found is None:
            raise Refusal(404, f"No metadata for {named['resource']}")
        return document(encode(found))

    # --- search

    def _searched(self, ask: Ask, *, archive: bool) -> Page:
        world, switches = self._world, self._world.switches
        if archive and not switches.archive_available:
            raise Refusal(404, f"Cannot POST {ask.path}")
        if switches.ids_only == "refused" and "idsOnly" in ask.params:
            raise Refusal(400, "Unknown parameter idsOnly", "idsOnly")
        if switches.search_includes_attachments == "refused" and "include" in ask.params:
            raise Refusal(400, "Unknown parameter include", "include")
        query = self._search.understand(ask.body, archive)
        if switches.search_needs_object_role:
            self._key.allow(KINDS[query.kind].roles)
        size = min(ask.whole("pageSize", 100), switches.max_search_page_size)
        found = self._search.run(query)
        total = len(found)
        offset = max(0, (ask.page - 1) * size - ask.shift)
        self._reachable(ask, size, total)
        chance = Random(f"{world.seed} {ask.number}") if switches.shuffle_ties else None
        cap = switches.record_cap
        refs = found.refs(offset, size if cap is None else min(size, max(0, cap - offset)), chance)
        page = self._hits(ask, query.kind, refs)
        told = total if switches.total_capped is None else min(total, switches.total_capped)
        pages = max(1, -(-told // size))
        page.meta = {
            "pageSize": size,
            "page": ask.page,
            "total": told,
            "totalPages": pages,
            "aggregations": {},
            "timed_out": False,
        }
        page.links = _links(ask, size, ask.page * size < total)
        page.links["last"] = ask.link(pages, size)
        if switches.search_says != "total":
            page.meta = None
        if switches.search_says == "nothing":
            page.links = None
        return page

    def _reachable(self, ask: Ask, size: int, total: int) -> None:
        switches = self._world.switches
        if ask.page > switches.page_cap:
            raise Refusal(
                switches.page_cap_status, f"page must be at most {switches.page_cap}", "page"
            )
        cap = switches.record_cap
        beyond = cap is not None and (ask.page - 1) * size >= cap
        if beyond and switches.past_record_cap == "error":
            raise Refusal(switches.page_cap_status, "Result window is too large", "page")
        self._within(ask, size, total)

    def _hits(self, ask: Ask, kind: str, refs: Sequence[int | Version]) -> Page:
        switches = self._world.switches
        if ask.params.get("idsOnly") == "true" and switches.ids_only == "supported":
            return Page([encode(_name(self._world, kind, ref)) for ref in refs])
        return self._served(KINDS[kind], refs, switches.search_includes_attachments is True)

    # --- the key, its user, events, the audit log

    def _token(self, _ask: Ask, _named: dict[str, str]) -> Page:
        base, now = self._world.base, self._world.clock.now_ms()
        record = {
            "type": "token",
            "id": f"{base.org_id[:8]}ff{base.mark}00000001",
            "attributes": {
                "name": "Sync Key",
                "lastTokenChars": self._key.token[-4:],
                "ipAddress": "127.0.0.1",
                "userAgent": "",
                "roles": sorted(self._key.roles),
                "createdAt": iso(base.anchor_ms - 30 * DAY),
                "updatedAt": iso(base.anchor_ms - 30 * DAY),
                "lastAccessedAt": iso(now),
            },
            "relationships": {
                "org": base.org_relation(),
                "user": base.relation("user", MACHINE_USER % base.count("user")),
            },
            "links": {"self": "/v1/auth/tokens/current"},
        }
        return document(encode(record))

    def _current_user(self, ask: Ask, _named: dict[str, str]) -> Page:
        base = self._world.base
        ids = base.id("user", MACHINE_USER % base.count("user"))
        return self._one(ask, {"ids": ids}, KINDS["user"])

    def _events(self, ask: Ask, named: dict[str, str]) -> Page:
        """What happened to a conversation, newest first [D]."""
        self._existing("conversation", named["id"])
        world = self._world
        first = world.first("conversation", named["id"])
        versions = ([first] if first else []) + world.history.get(("conversation", named["id"]), [])
        pairs = list(zip([None, *versions], versions, strict=False))
        kept = world.switches.events_kept_days
        since = 0 if kept is None else world.clock.now_ms() - kept * DAY
        events = [self._event(before, after) for before, after in pairs if after.at >= since]
        if ask.params.get("sort") != "asc":
            events.reverse()
        size = min(ask.whole("pageSize", 100), 100)
        self._within(ask, size, len(events))
        start = (ask.page - 1) * size
        page = Page([encode(event) for event in events[start : start + size]])
        if world.switches.events_linked:
            page.meta = {"pageSize": size, "page": ask.page}
            page.links = _links(ask, size, start + size < len(events))
        return page

    def _event(self, before: Version | None, after: Version) -> Json:
        base, record = self._world.base, after.record or {}
        event_id = f"{after.at // SECOND:08x}f0{base.mark}{after.number:08x}"
        if after.number == 0:
            event_id = f"{after.at // SECOND:08x}f1{after.id[10:]}"
        verb = after.action if after.action in ("create", "delete") else "update"
        attributes = record["attributes"]
        relations = related(record)
        return {
            "type": "customer_event",
            "id": event_id,
            "attributes": {
                "name": f"kustomer.conversation.{verb}",
                "type": "conversation",
                "publishedAt": iso(after.at + 17),
                "createdAt": attributes.get("createdAt"),
                "updatedAt": attributes.get("updatedAt"),
                "modifiedAt": attributes.get("modifiedAt"),
                "changes": _changes(before.record if before else None, record),
                "location": None,
                "meta": None,
            },
            "relationships": {
                "org": base.org_relation(),
                "createdBy": base.relation("user", 0),
                "modifiedBy": base.relation("user", 0),
                "customer": relations.get("customer"),
                "conversation": self._world.relation("conversation", after.id),
            },
            "links": {"self": f"/v1/customers/{_pointed(relations)}/events/{event_id}"},
        }

    def _audit(self, ask: Ask, _named: dict[str, str]) -> Page:
        """Writes since the start, by cursor [D; order I]."""
        count = min(ask.whole("count", 100), 1_000)
        rows = [(self._audit_id(v), v) for v in reversed(self._world.writes) if _fits(v, ask)]
        if self._world.switches.audit_order == "asc":
            return self._audit_rising(ask, count, rows[::-1])
        total = len(rows)
        before, after = ask.params.get("before"), ask.params.get("after")
        if before:
            rows = [row for row in rows if row[0] < before]
        if after:
            rows = [row for row in rows if row[0] > after]
        shown = rows[:count]
        if after and not before:
            shown = rows[-count:]
        page = Page([encode(self._audited(audit_id, v)) for audit_id, v in shown])
        page.meta = {"count": len(shown), "total": total, "cursorCount": len(rows)}
        kept = {k: v for k, v in ask.params.items() if k not in ("before", "after")}
        kept["count"] = str(count)
        here = f"{ask.path}?{urlencode(kept)}"
        more = len(rows) > count
        page.links = {
            "self": here,
            "first": here,
            "prev": f"{here}&after={shown[0][0]}" if shown and (before or after) else None,
            "next": f"{here}&before={shown[-1][0]}" if shown and more else None,
        }
        return page

    def _audit_rising(self, ask: Ask, count: int, rows: list[tuple[str, Version]]) -> Page:
        """The same, oldest first: what comes next is `after` the last one shown."""
        left = [row for row in rows if row[0] > ask.params.get("after", "")]
        shown = left[:count]
        page = Page([encode(self._audited(audit_id, v)) for audit_id, v in shown])
        page.meta = {"count": len(shown), "total": len(rows), "cursorCount": len(left)}
        here = f"{ask.path}?count={count}"
        more = len(left) > count
        page.links = {"self": here, "next": f"{here}&after={shown[-1][0]}" if more else None}
        return page

    def _audit_id(self, version: Version) -> str:
        return f"{version.at // SECOND:08x}fa{self._world.base.mark}{version.number:08x}"

    def _audited(self, audit_id: str, version: Version) -> Json:
        verb = {"create": "create", "delete": "delete", "erase": "delete", "merge": "merge"}.get(
            version.action, "update"
        )
        history = self._world.history[version.kind, version.id]
        at = history.index(version)
        first = self._world.first(version.kind, version.id)
        before = history[at - 1] if at else first
        return {
            "type": "audit_log",
            "id": audit_id,
            "attributes": {
                "eventName": f"kustomer.{version.kind}.{verb}",
                "eventVerb": verb,
                "org": self._world.base.org_id,
                "userId": self._world.base.id("user", 0),
                "userType": "user",
                "objectId": version.id,
                "objectType": version.kind,
                "client": "web",
                "ip": None,
                "changes": _changes(before.record if before else None, version.record or {}),
                "createdAt": iso(version.at),
                "publishedAt": iso(version.at + 17),
                "expiresAt": iso(version.at + 90 * DAY),
            },
            "relationships": {},
        }


def _deprecated(_ask: Ask, _named: dict[str, str]) -> Page:
    """`GET /v1/customers/{id}/events` is deprecated and answers 404 [D]."""
    raise Refusal(404, "Not found")


def _listed(world: World, kind: str, keyed: Sequence[Keyed], descending: bool = False) -> Merged:
    """A list that is already there."""
    nothing = Run(0, 0, world.base.residues(kind, lambda _facts: True), ())
    return Merged(nothing, lambda i: i, keyed, descending)


def _links(ask: Ask, size: int, more: bool) -> Json:
    page = ask.page
    return {
        "self": ask.link(page, size),
        "first": ask.link(1, size),
        "prev": ask.link(page - 1, size) if page > 1 else None,
        "next": ask.link(page + 1, size) if more else None,
    }


def _name(world: World, kind: str, ref: int | Version) -> Json:
    if isinstance(ref, int):
        klass = world.base.facts(kind, ref).get("klass")
        return {"type": f"kobject.{klass}" if klass else kind, "id": world.base.id(kind, ref)}
    return {"type": (ref.record or {}).get("type", kind), "id": ref.id}


def _seconds(version: Version) -> Version:
    if version.record is None:
        return version
    attributes = {
        name: value / 1_000 if name in TIMES and type(value) in (int, float) else value
        for name, value in version.record["attributes"].items()
    }
    whole = {
        n: int(v) if isinstance(v, float) and v.is_integer() else v for n, v in attributes.items()
    }
    return replace(version, record=version.record | {"attributes": whole})


def _changes(before: Json | None, after: Json) -> Json:
    """What changed, as events and the audit log write it [D]."""
    return {
        name: _diff((before or {}).get(name, {}), after.get(name, {}))
        for name in ("attributes", "relationships")
    }


def _diff(before: Json, after: Json) -> Json:
    changes: Json = {}
    for key in (*after, *(k for k in before if k not in after)):
        old, new = before.get(key), after.get(key)
        if old != new:
            op = "add" if key not in before else "remove" if key not in after else "replace"
            changes[key] = {"op": op, "before": old, "after": new}
    return changes if before else {}


def _pointed(relations: Json) -> str:
    return str(((relations.get("customer") or {}).get("data") or {}).get("id", ""))


def _moment(ask: Ask, name: str) -> int | None:
    """A parameter that is a date-time."""
    text = ask.params.get(name)
    try:
        return None if text is None else to_ms(text)
    except ValueError as wrong:
        raise Refusal(400, f"{name} must be a date-time", name) from wrong


def _fits(version: Version, ask: Ask) -> bool:
    params = ask.params
    if version.kind not in AUDITED:
        return False
    wanted = {
        "filter[objectType]": version.kind,
        "filter[objectId]": version.id,
    }
    if any(name in params and params[name] != value for name, value in wanted.items()):
        return False
    start, end = _moment(ask, "filter[start]"), _moment(ask, "filter[end]")
    return (start is None or version.at >= start) and (end is None or version.at <= end)
