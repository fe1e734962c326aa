"""An org that lives: seeded chance makes things happen to it, one at a time or at a rate."""

from __future__ import annotations

import copy
from collections import Counter
from random import Random
from threading import Event, Thread

from .clock import iso
from .deeds import GONE, Deeds
from .kind import Json
from .world import Version, World, related, target

WEIGHTS = {
    "update": 30,
    "message": 18,
    "create": 8,
    "note": 5,
    "tags": 8,
    "assign": 8,
    "channels": 3,
    "soft_delete": 4,
    "undelete": 2,
    "hard_delete": 2,
    "merge": 2,
    "redact": 2,
    "new_custom": 1,
    "custom_gone": 3,
    "new_klass": 1,
    "kobject": 4,
    "staff": 4,
    "shift": 3,
    "handled": 3,
    "setting": 5,
    "burst": 2,
    "late": 4,
}
"""How often each thing happens."""
CHANGING = ("customer", "conversation", "conversation", "message", "note", "company", "kobject")
DELETABLE = ("customer", "conversation", "conversation", "note", "kobject", "company")
SETTINGS: dict[str, Json] = {
    "brand": {},
    "card": {"context": ["customer"]},
    "shortcut": {"isPrivate": True},
    "snooze": {"enabled": False},
    "schedule": {"hours": {"0": None, "1": [[360, 600], [660, 900]]}, "default": False},
    "holiday": {"enabled": True},
    "sla": {},
    "queue": {"priority": 9, "system": False},
    "routing_setting": {"enabled": False},
    "notification": {"status": "read"},
    "assistant": {"status": "disabled"},
    "satisfaction": {"enabled": False},
}
"""What the org sets up for itself, and what an edit of it sets besides its name."""
FIXED = ("name", "displayName", "system", "default")
"""What an edit leaves alone in an org's first schedule, brand and queue: those the system made."""


class Mutator:
    """Makes things happen. The same seed on the same world makes the same things happen."""

    def __init__(self, deeds: Deeds, seed: int) -> None:
        self._deeds = deeds
        self._chance = Random(f"{seed} mutator")
        self._stop = Event()
        self._thread: Thread | None = None
        self.done: Counter[str] = Counter()
        """How often each thing happened so far."""

    def step(self, n: int = 1) -> Counter[str]:
        """Let n things happen; what they were. One thing may be several writes."""
        happened: Counter[str] = Counter()
        for _ in range(n):
            with self._world.lock:
                name = self._chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
                getattr(self, f"_{name}")()
            happened[name] += 1
        self.done.update(happened)
        return happened

    def burst(self, kind: str, count: int) -> int:
        """Change up to `count` records of a kind so that all share one `updatedAt`; how many."""
        with self._world.lock:
            now = self._world.clock.now_ms()
            chosen = dict.fromkeys(self._pick(kind) for _ in range(count * 2))
            ids = [record_id for record_id in chosen if record_id is not None][:count]
            for record_id in ids:
                self._deeds.edit(kind, record_id, {"priority": self._die(5) + 1}, at=now)
            return len(ids)

    def start(self, rate: float) -> None:
        """Things happen in the background, `rate` a second, until `stop`."""
        self.stop()
        self._stop = Event()
        self._thread = Thread(target=self._run, args=(rate, self._stop), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Nothing happens any more. Harmless twice."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self, rate: float, stop: Event) -> None:
        while not stop.wait(1 / rate):
            self.step()

    @property
    def _world(self) -> World:
        return self._deeds.world

    def _die(self, sides: int) -> int:
        return self._chance.randrange(sides)

    def _pick(self, kind: str, deleted: bool = False) -> str | None:
        """An existing record; soft-deleted or not as asked."""
        for _ in range(30):
            version = self._anyone(kind)
            if version is not None and version.record is not None and version.deleted is deleted:
                return version.id
        return None

    def _anyone(self, kind: str) -> Version | None:
        world = self._world
        count, changed = world.base.count(kind), world.truth[kind].entries
        if count and (not changed or self._die(10) < 7):
            return world.latest(kind, world.base.id(kind, self._die(count)))
        if changed:
            return world.latest(kind, changed[self._die(len(changed))][1])
        return None

    def _like(self, kind: str) -> Json:
        """The attributes of some base record, for a new one, without its times."""
        world = self._world
        record = world.base.record(kind, self._die(world.base.count(kind)))
        attributes: Json = copy.deepcopy(record["attributes"])
        for name in ("createdAt", "updatedAt", "modifiedAt", "rev", "deleted", "deletedAt"):
            attributes.pop(name, None)
        return attributes

    def _pair(self) -> tuple[str, str] | None:
        """A living conversation and its customer."""
        talk = self._pick("conversation")
        record = self._world.get("conversation", talk) if talk else None
        customer = target(record, "customer")
        return (record["id"], customer) if record and customer else None

    # --- what happens

    def _update(self, lag_ms: int | None = None) -> None:
        kind = self._chance.choice(CHANGING)
        record_id = self._pick(kind)
        if record_id is None:
            return
        number = self._die(10_000)
        changes: dict[str, Json] = {
            "customer": {"displayName": f"Renamed {number}", "lastActivityAt": self._now()},
            "conversation": {
                "status": self._chance.choice(("open", "snoozed", "done")),
                "priority": 1 + number % 5,
                "lastActivityAt": self._now(),
            },
            "message": {"status": "sent", "firstRead": {"timestamp": self._now()}},
            "note": {"body": f"Edited {number}"},
            "company": {"employeeCount": number},
            "kobject": {"title": f"Retitled {number}", "custom": {"totalNum": number / 4}},
        }
        self._deeds.edit(kind, record_id, changes[kind], lag_ms=lag_ms)

    def _late(self) -> None:
        longest = self._world.switches.late_write_ms
        self._update(lag_ms=self._die(longest + 1))

    def _create(self) -> None:
        customer = self._pick("customer")
        if customer is None or self._die(3) == 0:
            customer = self._deeds.create("customer", self._like("customer"))
        if self._die(6) == 0:
            self._deeds.create("company", self._like("company"))
        attributes = self._like("conversation") | {"messageCount": 0, "status": "open"}
        talk = self._deeds.create("conversation", attributes, {"customer": customer})
        self._say(talk, customer)

    def _message(self) -> None:
        pair = self._pair()
        if pair is not None:
            self._say(*pair)

    def _say(self, talk: str, customer: str) -> None:
        there = {"conversation": talk, "customer": customer}
        message = self._deeds.create("message", self._like("message"), there)
        if self._die(4) == 0:
            about = self._like("attachment")
            self._deeds.create("attachment", about, {"message": message})
        record = self._world.get("conversation", talk)
        count = record["attributes"].get("messageCount") if record else 0
        self._deeds.edit(
            "conversation",
            talk,
            {
                "messageCount": (count if isinstance(count, int) else 0) + 1,
                "lastMessageAt": self._now(),
                "lastActivityAt": self._now(),
            },
        )

    def _note(self) -> None:
        pair = self._pair()
        if pair is not None:
            there = {"conversation": pair[0], "customer": pair[1]}
            self._deeds.create("note", self._like("note"), there)

    def _tags(self) -> None:
        kind = self._chance.choice(("conversation", "customer", "kobject", "company"))
        self._toggle(kind, "tags", self._pick("tag"))

    def _assign(self) -> None:
        key, kind = self._chance.choice((("assignedUsers", "user"), ("assignedTeams", "team")))
        self._toggle("conversation", key, self._pick(kind))

    def _channels(self) -> None:
        self._toggle("conversation", "channels", self._chance.choice(("email", "sms", "chat")))

    def _toggle(self, kind: str, key: str, value: str | None) -> None:
        record_id = self._pick(kind)
        record = self._world.get(kind, record_id) if record_id and value else None
        if record is None:
            return
        there = record["attributes"].get(key)
        held = list(there) if isinstance(there, list) else []
        if value in held:
            held.remove(value)
        else:
            held.append(value)
        self._deeds.edit(kind, record["id"], {key: held})

    def _soft_delete(self) -> None:
        kind = self._chance.choice(DELETABLE)
        record_id = self._pick(kind)
        if record_id is not None:
            self._deeds.soft_delete(kind, record_id)

    def _undelete(self) -> None:
        kind = self._chance.choice(DELETABLE)
        record_id = self._pick(kind, deleted=True)
        if record_id is not None:
            self._deeds.undelete(kind, record_id)

    def _hard_delete(self) -> None:
        kind = self._chance.choice((*DELETABLE, "message"))
        record_id = self._pick(kind)
        if record_id is not None and self._world.switches.hard_deletes:
            self._deeds.hard_delete(kind, record_id)

    def _merge(self) -> None:
        source, target = self._pick("customer"), self._pick("customer")
        if source and target and source != target:
            self._deeds.merge(source, target)

    def _redact(self) -> None:
        message = self._pick("message")
        if message is not None:
            self._deeds.redact(message)

    def _new_custom(self) -> None:
        resource = self._chance.choice(("conversation", "customer", "company"))
        name = f"extra{self._die(1_000)}Str"
        self._deeds.add_custom(resource, name)
        record_id = self._pick(resource)
        if record_id is not None:
            self._deeds.edit(resource, record_id, {"custom": {name: "first value"}})

    def _custom_gone(self) -> None:
        kind = self._chance.choice(("conversation", "customer", "kobject"))
        record_id = self._pick(kind)
        record = self._world.get(kind, record_id) if record_id else None
        custom = record["attributes"].get("custom") if record else None
        held = sorted(custom) if isinstance(custom, dict) else []
        if record is not None and held:
            gone = {"custom": {self._chance.choice(held): GONE}}
            self._deeds.edit(kind, record["id"], gone)

    def _new_klass(self) -> None:
        name = f"thing-{self._die(100_000)}"
        if name not in self._world.klass_names():
            customer = self._pick("customer")
            self._deeds.add_klass(name, 1 + self._die(5), [customer] if customer else [])

    def _kobject(self) -> None:
        klass = self._chance.choice(("order", "shipment-event", "reservation"))
        customer = self._pick("customer")
        if customer is not None:
            title = f"{klass} {self._die(10_000)}"
            values = {"title": title, "custom": {"totalNum": self._die(500) / 2}, "tags": []}
            self._deeds.create(f"kobject.{klass}", values, {"customer": customer})

    def _staff(self) -> None:
        kind = self._chance.choice(("user", "team", "tag"))
        back = self._pick(kind, deleted=True) if self._die(3) == 0 else None
        record_id = back or self._pick(kind)
        if back is not None:
            self._deeds.undelete(kind, back)
        elif self._die(3) == 0:
            self._deeds.create(kind, self._like(kind) | {"name": f"new {self._die(10_000)}"})
        elif record_id is not None and self._die(2) == 0 and record_id != self._machine():
            self._deeds.soft_delete(kind, record_id)
        elif record_id is not None:
            self._deeds.edit(kind, record_id, {"displayName": f"Renamed {self._die(10_000)}"})

    def _machine(self) -> str:
        return self._world.base.id("user", 1)

    def _shift(self) -> None:
        session = self._pick("work_session")
        record = self._world.get("work_session", session) if session else None
        if record is not None and record["attributes"].get("active"):
            over = {"active": False, "signedOutAt": self._now(), "statusType": "offline"}
            self._deeds.edit("work_session", record["id"], over)
        else:
            fresh = self._like("work_session") | {"active": True, "signedInAt": self._now()}
            fresh.pop("signedOutAt", None)
            self._deeds.create("work_session", fresh, {"user": self._machine()})

    def _handled(self) -> None:
        """An agent's time on a conversation, which is activity of the conversation too."""
        pair = self._pair()
        if pair is not None and self._world.base.count("conversation_time"):
            there = {"conversation": pair[0], "customer": pair[1], **self._made()}
            self._deeds.create("conversation_time", self._like("conversation_time"), there)
            self._deeds.edit("conversation", pair[0], {"lastActivityAt": self._now()})

    def _setting(self) -> None:
        kind = self._chance.choice(list(SETTINGS))
        die, record_id = self._die(6), self._pick(kind)
        if die == 0 or record_id is None:
            self._set_up(kind)
        elif die == 1 and record_id != self._world.base.id(kind, 0):
            self._take_away(kind, record_id)
        else:
            self._change(kind, record_id)

    def _change(self, kind: str, record_id: str) -> None:
        if kind == "sla":
            self._new_version(record_id)
            return
        values = {"name": f"Renamed {self._die(10_000)}"} | SETTINGS[kind]
        if kind == "routing_setting":
            queues = {self._pick("queue"): None for _ in range(3)}
            values = SETTINGS[kind] | {"queues": [queue for queue in queues if queue]}
        if record_id == self._world.base.id(kind, 0):
            values = {name: value for name, value in values.items() if name not in FIXED}
        self._deeds.edit(kind, record_id, values)

    def _set_up(self, kind: str) -> None:
        if kind == "sla":
            self._new_version(self._deeds.create(kind, {"currentVersion": 0}, self._made()))
            return
        values, there = self._like(kind) | SETTINGS[kind], self._made()
        if kind == "notification":
            there["user"] = self._machine()
        elif kind in ("holiday", "routing_setting"):
            name = "schedule" if kind == "holiday" else "team"
            owner = self._pick(name) if kind == "holiday" else self._teamless()
            if owner is None:
                return
            there[name] = owner
        if kind != "routing_setting":
            values["name"] = f"New {self._die(10_000)}"
        self._deeds.create(kind, values, there)

    def _made(self) -> Json:
        user = self._world.relation("user", self._machine())
        return {"createdBy": user, "modifiedBy": user}

    def _teamless(self) -> str | None:
        """A team without routing settings: each has them once at most."""
        related = self._world.related
        base = range(self._world.base.count("team"))
        settled = {self._world.base.id("team", i) for i in base}
        for version in self._world.everything("team"):
            kinds = {kind for kind, _ in related.get(("team", version.id), ())}
            if version.id not in settled and "routing_setting" not in kinds:
                return version.id
        return None

    def _new_version(self, sla: str) -> None:
        """An SLA is never edited, it gets a new version [O]."""
        record = self._world.get("sla", sla)
        if record is None:
            return
        number = record["attributes"].get("currentVersion")
        number = number + 1 if isinstance(number, int) else 1
        about = self._like("sla_version") | {"version": number, "name": f"Version {number}"}
        version = self._deeds.create("sla_version", about, {"sla": sla})
        held = (related(record).get("versions") or {}).get("data") or []
        data = [*held, {"type": "sla_version", "id": version}]
        self._deeds.edit("sla", sla, {"currentVersion": number}, {"versions": {"data": data}})

    def _take_away(self, kind: str, record_id: str) -> None:
        if kind == "shortcut":
            self._deeds.soft_delete(kind, record_id)
        elif self._world.switches.hard_deletes:
            self._deeds.hard_delete(kind, record_id)

    def _burst(self) -> None:
        self.burst(self._chance.choice(CHANGING), 5 + self._die(40))

    def _now(self) -> str:
        return iso(self._world.clock.now_ms())
