"""A Kustomer in a box, for tests and demos. Written from the API's documentation alone; knows
nothing of the rest of this package, so that it can't confirm the reader's mistakes.

    with Simulator(seed=7) as org:
        ...  # org.url, org.token, org.mutator, org.org, org.faults, org.clock
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import uvicorn

from kustomer_sync.simulator.app import TOKEN, App, Seen
from kustomer_sync.simulator.clock import Clock
from kustomer_sync.simulator.faults import Faults
from kustomer_sync.simulator.made_up import SCALES, MadeUp, Scale
from kustomer_sync.simulator.mutator import Mutator
from kustomer_sync.simulator.org import Org
from kustomer_sync.simulator.switches import Limits, Switches

__all__ = ["Limits", "Scale", "Simulator", "Switches", "serve"]


class Simulator:
    """A made-up org served on a free loopback port while the `with` block lasts."""

    def __init__(
        self, *, seed: int = 7, scale: str | Scale = "small", switches: Switches | None = None,
        limits: Limits | None = None, port: int = 0,
    ) -> None:  # fmt: skip
        self.clock = Clock()
        sized = SCALES[scale] if isinstance(scale, str) else scale
        self.app = App(
            seed, MadeUp(seed, sized, self.clock.now()), self.clock, switches or Switches(),
            limits or Limits(),
        )  # fmt: skip
        self.token = TOKEN
        self._port = port
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self.url = ""

    @property
    def org(self) -> Org:
        return self.app.org

    @property
    def mutator(self) -> Mutator:
        return self.app.mutator

    @property
    def faults(self) -> Faults:
        return self.app.faults

    @property
    def seen(self) -> Seen:
        return self.app.seen

    def revoke(self, role: str) -> None:
        self.app.roles.discard(role)

    def __enter__(self) -> Simulator:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._port))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._server = uvicorn.Server(_config(self.app))
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, daemon=True
        )
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.005)
        return self

    def __exit__(self, *error: object) -> None:
        self.mutator.stop()
        if self._server is not None:
            self._server.should_exit = True
            self._server.force_exit = True
        if self._thread is not None:
            self._thread.join(10)


def _config(app: Any) -> uvicorn.Config:
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    return uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", date_header=False,
        server_header=False, timeout_graceful_shutdown=1,
    )  # fmt: skip


def serve(
    port: int, seed: int = 7, scale: str = "small",
    ready: Callable[[str], None] = lambda url: None,
) -> None:  # fmt: skip
    """Serve until interrupted; `OSError` when the port is taken."""
    with Simulator(seed=seed, scale=scale, port=port) as org:
        ready(org.url)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
