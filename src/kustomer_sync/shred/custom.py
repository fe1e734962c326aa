"""The type of a custom attribute: by its suffix and its metadata, never guessed from values.

Kustomer's rule (custom-attributes page, documented): a name ends in its type. A multi-value
attribute (`multi` or `array` in its metadata) is an array, so it lands as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kustomer_sync.model import Column, Type

_BY_SUFFIX = {"Num": Type.DOUBLE, "At": Type.INSTANT, "Bool": Type.BOOLEAN}


class CustomTypes:
    """What is known of each resource's custom attributes; kept between syncs.

    A type that was once given up for text stays text, and a multi-value attribute stays one. What
    the metadata calls the type of a single one does not matter, for the name ends in it; unless
    that changes: then the attribute was created again with another type, and is text.
    """

    def __init__(self) -> None:
        self._multi: dict[str, set[str]] = {}
        self._text: dict[str, set[str]] = {}
        self._said: dict[str, dict[str, str]] = {}
        """The `type` that its metadata has of each attribute; which there are is undocumented."""
        self._described: dict[str, set[str]] = {}
        self.changes = 0
        """Grows with whatever is learnt; what was derived before may be out of date."""

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> CustomTypes:
        types = cls()
        types._multi = {r: set(names) for r, names in (state.get("multi") or {}).items()}
        types._text = {r: set(names) for r, names in (state.get("text") or {}).items()}
        types._said = {r: dict(said) for r, said in (state.get("said") or {}).items()}
        return types

    def state(self) -> dict[str, dict[str, Any]]:
        return {
            "multi": {r: sorted(names) for r, names in self._multi.items()},
            "text": {r: sorted(names) for r, names in self._text.items()},
            "said": self._said,
        }

    def described(self, resource: str) -> set[str]:
        """The attributes that its metadata named since this was made."""
        return self._described.get(resource, set())

    def learn(self, resource: str, properties: Mapping[str, Any] | None) -> None:
        """Take in `attributes.properties` of `GET /v1/metadata/{resource}`; None: unreadable."""
        self.changes += 1
        multi, types = self._multi.setdefault(resource, set()), self._said.setdefault(resource, {})
        self._described.setdefault(resource, set()).update(properties or ())
        for name, said in (properties or {}).items():
            if not isinstance(said, dict):
                continue
            if said.get("multi") or said.get("array"):
                multi.add(name)
            type_ = said.get("type")
            if isinstance(type_, str) and type_:
                if types.setdefault(name, type_) != type_:
                    self._text.setdefault(resource, set()).add(name)
                types[name] = type_

    def widen(self, resource: str, attribute: str) -> None:
        """From now on this number is text: as a double it would lose digits."""
        self.changes += 1
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
        """The column `name` that holds `attribute` of the records of `resource`."""
        source = ("attributes", "custom", attribute)
        return Column(name, self.type_of(resource, attribute), source, custom=attribute)
