"""`Simulator`: a Kustomer in a box on a free port of this machine."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import replace
from threading import Event
from types import TracebackType
from typing import Any

from .access import DEMO_TOKEN
from .clock import Clock
from .control import Control
from .deeds import Deeds
from .desk import Desk
from .faults import Faults
from .kind import Json
from .ledger import Ledger
from .mutator import Mutator
from .org import Character
from .requestlog import RequestLog
from .scale import Scale
from .server import App, Server
from .switches import Limits, Switches
from .world import Version, World


class Simulator:
    """Serves a made-up org between `with` and its end; several may run in one process.

    The same seed, scale, character and UTC day (or `anchor_ms`) give the same org. In a `hostile`
    one nearly every record is odd: wrong types, missing parents, unprintable text.
    """

    def __init__(
        self,
        *,
        seed: int = 7,
        scale: str | Scale = "small",
        character: Character = "pleasant",
        switches: Switches | None = None,
        limits: Limits | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str = DEMO_TOKEN,
        anchor_ms: int | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        size = Scale.named(scale) if isinstance(scale, str) else scale
        if scale == "small" and character == "hostile":
            size = replace(size, messages=5_000, burst=2_000)
        self.clock = Clock(wall)
        self.world = World(seed, size, self.clock, switches or Switches(), anchor_ms, character)
        self._desk = Desk(self.world, token, limits or Limits())
        self._deeds = Deeds(self.world)
        self.ledger = Ledger(self.world)
        """The truth."""
        self.mutator = Mutator(self._deeds, seed)
        control = Control(self._desk, self._deeds, self.mutator, self.ledger)
        self._app = App(self._desk, control)
        self._host = host
        self._port = port
        self._server: Server | None = None

    def __enter__(self) -> Simulator:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Serve from now on."""
        self._server = Server(self._app, self._host, self._port)
        self._server.start()

    def stop(self) -> None:
        """Stop the mutator and the server. Harmless twice."""
        self.mutator.stop()
        if self._server is not None:
            self._server.stop()
            self._server = None

    @property
    def url(self) -> str:
        """Where it listens."""
        if self._server is None:
            raise RuntimeError("the simulator is not running; use it in a with statement")
        return f"http://{self._host}:{self._server.port}"

    @property
    def token(self) -> str:
        """The API key."""
        return self._desk.key.token

    @property
    def headers(self) -> dict[str, str]:
        """What a client must send."""
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def faults(self) -> Faults:
        """The rules that make requests fail."""
        return self._desk.faults

    @property
    def requests(self) -> RequestLog:
        """What was asked."""
        return self._desk.requests

    @property
    def switches(self) -> Switches:
        """Set it to change the answers from now on."""
        return self.world.switches

    @switches.setter
    def switches(self, switches: Switches) -> None:
        self.world.switches = switches

    @property
    def limits(self) -> Limits:
        """Set it to change the rate limits from now on."""
        return self._desk.buckets.limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._desk.buckets.limits = limits

    # --- the key

    def revoke_role(self, role: str) -> None:
        """The key loses a role: `org.permission.message.read`, or short `message.read`."""
        self._desk.key.revoke(role)

    def grant_role(self, role: str) -> None:
        """The key gets a role."""
        self._desk.key.grant(role)

    def expire_key(self, expired: bool = True) -> None:
        """Every request is answered 401 `Expired token` from now on."""
        self._desk.key.expired = expired

    # --- hand-made records

    def get(self, kind: str, record_id: str) -> Json | None:
        """The true current record."""
        return self.world.get(kind, record_id)

    def id(self, kind: str, i: int) -> str:
        """The id of base record i; negative counts from the newest."""
        return self.world.base.id(kind, i if i >= 0 else self.world.base.count(kind) + i)

    def create(
        self,
        kind: str,
        attributes: Json,
        relationships: Json | None = None,
        **how: Any,
    ) -> str:
        """A record with whatever attributes; its id. `kobject.<klass>` makes a KObject."""
        return self._deeds.create(kind, attributes, relationships, **how)

    def edit(
        self,
        kind: str,
        record_id: str,
        attributes: Json,
        relationships: Json | None = None,
        **how: Any,
    ) -> Version:
        """Set attributes and relationships; see `Deeds.edit`."""
        return self._deeds.edit(kind, record_id, attributes, relationships, **how)

    def soft_delete(self, kind: str, record_id: str) -> Version:
        """As a user deletes."""
        return self._deeds.soft_delete(kind, record_id)

    def undelete(self, kind: str, record_id: str) -> Version:
        """It returns."""
        return self._deeds.undelete(kind, record_id)

    def hard_delete(self, kind: str, record_id: str) -> Version:
        """It vanishes."""
        return self._deeds.hard_delete(kind, record_id)

    def restore(self, kind: str, record: Json, *, bump: bool = True) -> Version:
        """A vanished record is there again as it was; its `updatedAt` is now if `bump`."""
        return self._deeds.restore(kind, record, bump=bump)

    def redact(self, message_id: str) -> Version:
        """A message loses its body."""
        return self._deeds.redact(message_id)

    def merge(self, source: str, target: str) -> str:
        """Two customers become one."""
        return self._deeds.merge(source, target)

    def add_custom(self, resource: str, name: str, about: Json | None = None) -> None:
        """A new custom attribute in metadata."""
        self._deeds.add_custom(resource, name, about)

    def drop_custom(self, resource: str, name: str) -> None:
        """A custom attribute is deleted; metadata keeps it with `deletedAt`."""
        self._deeds.drop_custom(resource, name)

    def add_klass(self, name: str, kobjects: int = 3) -> str:
        """A new klass with metadata and some KObjects."""
        return self._deeds.add_klass(name, kobjects)

    def settle(self) -> None:
        """The search index sees every write now."""
        self.world.settle()


def serve(
    port: int = 8900,
    seed: int = 7,
    scale: str | Scale = "small",
    *,
    character: Character = "pleasant",
    switches: Switches | None = None,
    limits: Limits | None = None,
    host: str = "127.0.0.1",
    rate: float = 0,
    ready: Callable[[Simulator], None] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, then return. Prints nothing.

    `ready` is called once it listens; `rate` makes that many things happen a second.
    """
    over = Event()
    before = {
        number: signal.signal(number, lambda *_: over.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        with Simulator(
            seed=seed,
            scale=scale,
            character=character,
            switches=switches,
            limits=limits,
            host=host,
            port=port,
        ) as simulator:
            if rate > 0:
                simulator.mutator.start(rate)
            if ready is not None:
                ready(simulator)
            while not over.wait(0.5):
                pass
    finally:
        for number, old in before.items():
            signal.signal(number, old)
