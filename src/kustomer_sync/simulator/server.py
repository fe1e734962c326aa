"""ASGI and the socket: sends answers, and breaks connections where a fault says so.

uvicorn's own `Date` and `Server` headers are off: `Date` is the simulator's time.
"""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from threading import Event, Thread
from typing import Any
from urllib.parse import unquote

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from .answers import Answer
from .control import Control
from .desk import Desk, Wire

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
WORTH_ZIPPING = 1_000
CONNECTION_FAULTS = ("reset", "reset_body", "cut_short", "slow", "delay")


class App:
    """The ASGI application: `/_sim/` is control, everything else is Kustomer."""

    def __init__(self, desk: Desk, control: Control) -> None:
        self._desk = desk
        self._control = control
        self.transports: dict[Any, asyncio.Transport] = {}
        """Open connections by peer, so that a fault can break one."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        body = await _body(receive)
        path = unquote(scope["raw_path"].decode("latin-1").partition("?")[0])
        query = scope["query_string"].decode("latin-1")
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        if path.startswith("/_sim"):
            told = await asyncio.to_thread(self._control.answer, scope["method"], path, query, body)
            await _stream(send, told.status, told.content_type, told.body)
            return
        reply, wire = self._desk.answer(
            scope["method"], path, query, body, headers.get("authorization")
        )
        if "gzip" in headers.get("accept-encoding", "") and len(reply.body) > WORTH_ZIPPING:
            reply.body = gzip.compress(reply.body, compresslevel=1)
            reply.headers["Content-Encoding"] = "gzip"
        await self._deliver(scope, send, reply, wire)

    async def _deliver(self, scope: Scope, send: Send, reply: Answer, wire: Wire) -> None:
        if wire.name not in CONNECTION_FAULTS:
            await _whole(send, reply)
            return
        transport = self.transports.get(scope["client"])
        value = wire.fault.value if wire.fault else None
        if wire.name == "delay":
            await asyncio.sleep(value or 1)
            await _whole(send, reply)
        elif wire.name == "slow":
            await _slowly(send, reply, value or 1_000)
        else:
            if wire.name != "reset":
                await _start(send, reply)
                half = reply.body[: len(reply.body) // 2]
                await send({"type": "http.response.body", "body": half, "more_body": True})
                await asyncio.sleep(0.02)
            if transport is not None:
                _break(transport, reset=wire.name != "cut_short")


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _start(send: Send, reply: Answer) -> None:
    headers = {**reply.headers, "Content-Length": str(len(reply.body))}
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": pairs})


async def _whole(send: Send, reply: Answer) -> None:
    await _start(send, reply)
    await send({"type": "http.response.body", "body": reply.body})


async def _slowly(send: Send, reply: Answer, per_second: float) -> None:
    await _start(send, reply)
    piece = max(1, int(per_second / 10))
    for at in range(0, len(reply.body), piece):
        part = reply.body[at : at + piece]
        await send({"type": "http.response.body", "body": part, "more_body": True})
        await asyncio.sleep(0.1)
    await send({"type": "http.response.body", "body": b""})


async def _stream(send: Send, status: int, content_type: str, body: Iterator[bytes]) -> None:
    headers = [(b"content-type", content_type.encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for part in body:
        await send({"type": "http.response.body", "body": part, "more_body": True})
        await asyncio.sleep(0)  # a long export lets other requests through
    await send({"type": "http.response.body", "body": b""})


def _break(transport: asyncio.Transport, *, reset: bool) -> None:
    """Close at once; with `reset` the peer gets RST instead of FIN."""
    if not reset:
        transport.close()
        return
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _protocol(app: App) -> type[asyncio.Protocol]:
    """uvicorn's HTTP protocol, telling the app of each connection's transport."""

    class Watched(H11Protocol):
        def connection_made(  # type: ignore[override]  # uvicorn narrows it too
            self, transport: asyncio.Transport
        ) -> None:
            super().connection_made(transport)
            # asyncio does so only for sockets whose protocol number is said; else each answer
            # waits 40 ms for the ACK of its head
            sock = transport.get_extra_info("socket")
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.peer = transport.get_extra_info("peername")
            app.transports[self.peer] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            app.transports.pop(self.peer, None)
            super().connection_lost(exc)

    return Watched


class Server:
    """uvicorn in a thread of its own, on one loopback socket."""

    def __init__(self, app: App, host: str, port: int) -> None:
        self._socket = socket.create_server((host, port), backlog=256)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            http=_protocol(app),
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            date_header=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
        )
        self._uvicorn = uvicorn.Server(config)
        self._app = app
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = Event()
        self._thread = Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to serve; the socket is listening already."""
        self._thread.start()

    def stop(self) -> None:
        """Close the socket and every connection. Harmless twice.

        Nobody can connect afterwards; uvicorn's thread ends by itself at its next tick.
        """
        while self._thread.is_alive() and not self._uvicorn.started:
            time.sleep(0.005)
        self._uvicorn.should_exit = True
        self._uvicorn.force_exit = True
        if self._thread.is_alive() and self._loop is not None:
            with suppress(RuntimeError):  # the loop may have ended meanwhile
                self._loop.call_soon_threadsafe(self._close)
                self._closed.wait(5)

    def _close(self) -> None:
        for server in self._uvicorn.servers:
            server.close()
        for transport in list(self._app.transports.values()):
            transport.abort()
        self._closed.set()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._uvicorn.serve(sockets=[self._socket])
        self._closed.set()
