"""Names of columns and tables that only the data tells: custom attributes and klasses."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Any

LONGEST = 63
"""Bytes of a name in PostgreSQL, the shortest limit of the destinations."""

# An acronym gives its last capital to the next word: `BNBuser` -> `BN`, `Buser`.
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^A-Za-z0-9]+")
_SPELLED = str.maketrans({
    "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O",
    "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "TH", "ı": "i",
})  # fmt: skip
_SHOWN = 8  # how many characters of an unspeakable name are spelled in hexadecimal


def snake(name: str) -> str:
    """The reference connector's naming: `airBNBuserIdNum` -> `air_bn_buser_id_num`.

    Non-ASCII letters are transliterated; camelCase and digits are split off (`address2` ->
    `address_2`); anything else becomes one `_`. A name never starts with a digit and is never
    empty: one without a letter or digit is spelled by its characters' numbers.
    """
    words = [w if w.isalnum() else "_" for w in _WORDS.findall(_ascii(name))]
    joined = re.sub("_+", "_", "_".join(words)).lower()
    if joined in ("", "_"):
        joined = "_".join(f"{ord(c):x}" for c in name[:_SHOWN]) or "empty"
    return f"_{joined}" if joined[0].isdigit() else joined


def _ascii(name: str) -> str:
    """Letters without their accents; each character that has no Latin letter becomes `_`."""
    split = unicodedata.normalize("NFKD", name.translate(_SPELLED))
    bare = (c for c in split if not unicodedata.combining(c))
    return "".join(c if c.isascii() else "_" for c in bare)


_HISTORIES = "*_history"
"""The scope of the klass tables' histories; no table is called so."""


class Names:
    """Which name each custom attribute and klass got, in order of first sight, for ever."""

    def __init__(self, given: Mapping[str, Mapping[str, str]] | None = None) -> None:
        self._given = {scope: dict(names) for scope, names in (given or {}).items()}
        self.admits: Callable[[str, str], bool] = lambda scope, wanted: True
        """Whether what has no name yet may have one, `wanted` if it is free, in a scope."""
        self.kept_out: dict[str, set[str]] = {}
        """Scope -> attributes and klasses that were met and not admitted."""

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Names:
        return cls(state)

    def state(self) -> dict[str, dict[str, str]]:
        return {scope: dict(names) for scope, names in self._given.items()}

    @staticmethod
    def of_klasses(root: str = "kobject") -> str:
        """The scope of the klasses of a table's records."""
        return f"{root}.*"

    def column(self, table: str, attribute: str, taken: Iterable[str]) -> str:
        """`custom_{snake}`; where that is taken `_2`, `_3`, the same for ever after."""
        return self._name(table, attribute, "custom", taken)

    def klass_table(self, klass: str, taken: Iterable[str], root: str = "kobject") -> str:
        """`kobject_{snake}`, by the same rule: klass `tag` is `kobject_tag_2`.

        No klass is called as a history is, nor as that of the common table would be.
        """
        taken = {*taken, f"{root}_history", *self._given.get(_HISTORIES, {}).values()}
        return self._name(self.of_klasses(root), klass, root, taken)

    def klass_history(self, table: str, root: str = "kobject") -> str:
        """`{table}_history` of a klass's table; where a klass is called so `_2`, `_3`."""
        names = self._given.setdefault(_HISTORIES, {})
        if table not in names:
            taken = {*names.values(), *self.klasses(root).values(), f"{root}_history"}
            names[table] = _free(f"{table}_history", taken)
        return names[table]

    def column_admitted(self, table: str, attribute: str) -> bool:
        """Whether a custom attribute has its column, or may have; else it is kept out."""
        return self._admitted(table, attribute, "custom")

    def klass_admitted(self, klass: str, root: str = "kobject") -> bool:
        """The same of a klass and its table."""
        return self._admitted(self.of_klasses(root), klass, root)

    def _admitted(self, scope: str, key: str, prefix: str) -> bool:
        if key in self._given.get(scope, {}) or self.admits(scope, wanted_name(prefix, key)):
            return True
        self.kept_out.setdefault(scope, set()).add(key)
        return False

    def klasses(self, root: str = "kobject") -> dict[str, str]:
        """The klasses met so far, each with its table."""
        return dict(self._given.get(self.of_klasses(root), {}))

    def columns(self, table: str) -> dict[str, str]:
        """The custom attributes met so far in a table, each with its column."""
        return dict(self._given.get(table, {}))

    def attributes(self, table: str) -> set[str]:
        """The custom attributes met so far in a table."""
        return set(self._given.get(table, {}))

    def _name(self, scope: str, key: str, prefix: str, taken: Iterable[str]) -> str:
        names = self._given.setdefault(scope, {})
        if key not in names:
            names[key] = _free(wanted_name(prefix, key), {*names.values(), *taken})
        return names[key]


def wanted_name(prefix: str, key: str) -> str:
    """The name it gets where that is free."""
    return f"{prefix}_{snake(key).lstrip('_')}"


def _free(wanted: str, taken: set[str]) -> str:
    name, n = wanted[:LONGEST], 1
    while name in taken:
        n += 1
        name = f"{wanted[: LONGEST - len(f'_{n}')]}_{n}"
    return name
