"""The type of a custom attribute: by its suffix and its metadata, never guessed from values.

Kustomer's rule (custom-attributes page, documented): the name ends in its type. `Num` may be a
float; a multi-value attribute (metadata `multi`) is an array.
"""

from __future__ import annotations

from typing import Any

from kustomer_sync.model import Column, Type
from kustomer_sync.shred.naming import Names

_BY_SUFFIX = {"Num": Type.DOUBLE, "At": Type.INSTANT, "Bool": Type.BOOLEAN}


class CustomTypes:
    """What is known of each resource's custom attributes; kept between syncs."""

    def __init__(self) -> None:
        self._multi: dict[str, set[str]] = {}
        self._text: dict[str, set[str]] = {}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> CustomTypes:
        types = cls()
        types._multi = {r: set(names) for r, names in (state.get("multi") or {}).items()}
        types._text = {r: set(names) for r, names in (state.get("text") or {}).items()}
        return types

    def state(self) -> dict[str, Any]:
        return {
            "multi": {r: sorted(names) for r, names in self._multi.items()},
            "text": {r: sorted(names) for r, names in self._text.items()},
        }

    def knows(self, resource: str) -> bool:
        """Whether its metadata was asked for."""
        return resource in self._multi

    def learn(self, resource: str, properties: dict[str, Any] | None) -> None:
        """Take in a resource's metadata; a multi-value attribute stays one."""
        multi = self._multi.setdefault(resource, set())
        for name, property_ in (properties or {}).items():
            if isinstance(property_, dict) and (property_.get("multi") or property_.get("array")):
                multi.add(name)

    def widen(self, resource: str, attribute: str) -> None:
        """From now on this number is text: as a double it would lose digits."""
        self._text.setdefault(resource, set()).add(attribute)

    def type_of(self, resource: str, attribute: str) -> Type:
        if attribute in self._multi.get(resource, ()):
            return Type.JSON
        if attribute in self._text.get(resource, ()):
            return Type.STRING
        for suffix, type_ in _BY_SUFFIX.items():
            if attribute.endswith(suffix):
                return type_
        return Type.STRING

    def column(self, resource: str, name: str, attribute: str) -> Column:
        return Column(
            name, self.type_of(resource, attribute),
            ("attributes", "custom", attribute), custom=attribute,
        )  # fmt: skip


__all__ = ["CustomTypes", "Names"]
