"""Names of columns and tables that only the data tells: custom attributes and klasses."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

LONGEST = 63  # bytes, PostgreSQL's limit
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def snake(name: str) -> str:
    """The reference connector's naming: `airBNBuserIdNum` -> `air_bn_buser_id_num`.

    Non-ASCII is transliterated where it decomposes; camelCase and digits are split; an acronym
    gives its last capital to the next word; what is left of anything else becomes `_`.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = [word.lower() for word in _WORDS.findall(plain)]
    joined = "_".join(words) or "_".join(f"{ord(c):x}" for c in name[:8]) or "empty"
    return f"_{joined}" if joined[0].isdigit() else joined


class Names:
    """Which name each custom attribute and klass got, in order of first sight."""

    def __init__(self, given: dict[str, dict[str, str]] | None = None) -> None:
        self._given = given or {}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Names:
        return cls({scope: dict(names) for scope, names in state.items()})

    def state(self) -> dict[str, dict[str, str]]:
        return {scope: dict(names) for scope, names in self._given.items()}

    def column(self, table: str, attribute: str, taken: Iterable[str]) -> str:
        """`custom_{snake}`; one already taken gets `_2`, `_3`; the same for ever after."""
        return self._name(table, attribute, f"custom_{snake(attribute)}", taken)

    def klass_table(self, root: str, klass: str, taken: Iterable[str]) -> str:
        """`{root}_{snake}`, by the same rule."""
        return self._name(f"{root}.*", klass, f"{root}_{snake(klass)}", taken)

    def _name(self, scope: str, key: str, wanted: str, taken: Iterable[str]) -> str:
        names = self._given.setdefault(scope, {})
        if key not in names:
            names[key] = _free(wanted, {*names.values(), *taken})
        return names[key]


def _free(wanted: str, taken: set[str]) -> str:
    name, n = wanted[:LONGEST], 1
    while name in taken:
        n += 1
        name = f"{wanted[: LONGEST - len(str(n)) - 1]}_{n}"
    return name
