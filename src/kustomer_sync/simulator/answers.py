"""What goes back to the client: a page, one document, or an error in one of Kustomer's shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from .kind import Json
from .switches import Switches

CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    422: "unprocessable_entity",
    429: "too_many_requests",
    500: "internal_server_error",
}
"""`bad_request` is documented, the others are the reference's suggestion [I]."""


@dataclass(frozen=True)
class Refusal(Exception):  # noqa: N818 - the API refuses; it is an answer, not our error
    """A request the API answers with an error status."""

    status: int
    message: str
    parameter: str | None = None


@dataclass
class Page:
    """A document before it is bytes, so that faults can lie about it."""

    data: list[bytes]
    meta: Json | None = field(default_factory=dict)
    links: Json | None = None
    included: list[bytes] | None = None
    single: bool = False

    def body(self) -> bytes:
        """JSON."""
        parts = []
        if self.meta is not None:
            parts.append(b'"meta":' + orjson.dumps(self.meta))
        if self.links is not None:
            parts.append(b'"links":' + orjson.dumps(self.links))
        if self.single:
            parts.append(b'"data":' + self.data[0])
        else:
            parts.append(b'"data":[' + b",".join(self.data) + b"]")
        if self.included is not None:
            parts.append(b'"included":[' + b",".join(self.included) + b"]")
        return b"{" + b",".join(parts) + b"}"


@dataclass
class Answer:
    """A finished reply."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def error(refusal: Refusal, switches: Switches) -> Answer:
    """An error body: shape A, shape B, or none [D, O]."""
    if switches.empty_error_bodies:
        return Answer(refusal.status, b"")
    code = CODES.get(refusal.status, "error")
    one: dict[str, Any]
    if switches.error_shape == "A":
        one = {"code": code, "message": refusal.message, "meta": {}}
    else:
        one = {
            "status": str(refusal.status),
            "code": code,
            "title": refusal.message,
            "detail": refusal.message,
            "source": {"parameter": refusal.parameter or ""},
            "meta": {},
        }
    return Answer(refusal.status, orjson.dumps({"errors": [one]}))


def document(record: bytes, included: Sequence[bytes] | None = None) -> Page:
    """One record."""
    extra = None if included is None else list(included)
    return Page([record], meta=None, included=extra, single=True)
