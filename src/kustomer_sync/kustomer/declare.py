"""The catalog's notation: a table is declared by where its values are in the API's records.

One rule gives a column its name and its place: `lastMessageIn.sentAt` in a record's attributes
is column `last_message_in_sent_at`. What does not follow the rule is spelled out
(`name <- path`). Lines of a declaration:

    String   name status firstCompany.id         attributes, by type
    Instant  createdAt open.statusAt
    rel      customer brand                      {x}_id <- relationship x
    by       createdBy deletedBy                 created_by <- relationship createdBy
    to company firstCompany.id                   attributes that hold the id of a company
    extra    Int doneCount                       beyond the reference schema
    legacy   by createdBy                        only in the schema of before August 2022
    Int      version <- sla.version              a name of its own
    String   org_id <- /relationships/org/data/id   a path from the record's top

`*` after a path takes an array's first element.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from kustomer_sync.model import Column, Elements, Origin, Reading, Table, Type

Made = TypeVar("Made", bound=Callable[..., Any])

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_USER_RELATIONSHIPS = "user"
_REFERENCES = {
    "customer": "customer", "brand": "brand", "queue": "queue", "sla": "sla", "team": "team",
    "user": "user", "company": "company", "conversation": "conversation",
}  # fmt: skip


def snake(path: str) -> str:
    """`lastMessageIn.sentAt` -> `last_message_in_sent_at`; `address2` -> `address_2`."""
    return "_".join(w.lower() for w in _WORDS.findall(path))


def columns(text: str, *, top: tuple[str, ...] = ("attributes",)) -> tuple[Column, ...]:
    """The columns a declaration spells; `top` is where plain paths start in the record."""
    found: list[Column] = []
    for line in text.strip().splitlines():
        words = line.replace(" <- ", "<-").split()
        mark = words[0] if words and words[0] in ("extra", "legacy") else ""
        words = words[1:] if mark else words
        if words[:1] == ["to"]:
            made = [_column("String", word, top) for word in words[2:]]
            made = [replace(column, references=words[1]) for column in made]
        else:
            made = [_column(words[0], word, top) for word in words[1:]]
        found += [replace(c, extra=mark == "extra", legacy=mark == "legacy") for c in made]
    return tuple(found)


def _column(kind: str, word: str, top: tuple[str, ...]) -> Column:
    first = word.endswith("*")
    name, _, path = word.rstrip("*").rpartition("<-")
    if kind == "rel":
        return Column(
            name or f"{snake(path)}_id", source=("relationships", path, "data", "id"),
            references=_REFERENCES.get(path),
        )  # fmt: skip
    if kind == "by":
        return Column(
            name or snake(path), source=("relationships", path, "data", "id"),
            references=_USER_RELATIONSHIPS,
        )  # fmt: skip
    if path.startswith("/"):
        source = tuple(path[1:].split("/"))
        return Column(name, Type(kind), source, first=first)
    source = (*top, *path.split(".")) if path != "@" else ()
    return Column(name or snake(path), Type(kind), source, first=first)


ID = Column("id", source=("id",))
ORG = Column("org_id", source=("relationships", "org", "data", "id"))


def mapped(value: Any, *keys: str) -> dict[str, Any]:
    """The object at a path below `value`; {} where anything else is."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def listed_in(value: Any, *keys: str) -> list[Any]:
    """The array at a path below `value`; one element where a single one stands in its place."""
    *way, last = keys or ("",)
    found = mapped(value, *way).get(last) if keys else value
    if isinstance(found, list):
        return found
    return [] if found in (None, "", {}) else [found]


def placed(**places: str) -> Callable[[Made], Made]:
    """Of elements that a function makes: where in the API's record each of their values is."""

    def told(elements: Made) -> Made:
        vars(elements)["places"] = places
        return elements

    return told


def attribute(*keys: str) -> tuple[str, ...]:
    """The path in a record to what `keys` lead to in its attributes."""
    return ("attributes", *keys)


def root(
    name: str, reading: Reading, text: str, *, children: tuple[Table, ...] = (), role: str = "",
    custom: bool = False, per_klass: bool = False, history: str | None = None, link: str = "",
    kind: str = "", key: tuple[str, ...] = ("id",), hidden: bool = False, extra: bool = False,
    off: bool = False,
) -> Table:  # fmt: skip
    """A table of records, with its children tied to it."""
    own = columns(text)
    org = () if any(column.name == ORG.name for column in own) else (ORG,)
    return Table(
        name, (ID, *org, *own), key, reading=reading, object=kind or name, role=role,
        children=tuple(_tied(child, name) for child in children), custom=custom,
        per_klass=per_klass, history=history, history_key=("id",) if history else (), link=link,
        hidden=hidden, extra=extra, off=off,
    )  # fmt: skip


def _tied(child: Table, root_name: str) -> Table:
    return replace(child, parent=root_name)


def listed(
    name: str, parent: str, elements: Elements, text: str, *, link: str = "",
    history: str | None = None, history_key: tuple[str, ...] = (), extra: bool = False,
) -> Table:  # fmt: skip
    """A child table of an array's elements, keyed by place (from 1) and parent."""
    own = (Column("index", Type.INT, origin=Origin.INDEX), _parent(parent))
    return Table(
        name, (*own, *columns(text, top=())), key=("index", f"{parent}_id"), elements=elements,
        parent=parent, parent_column=f"{parent}_id", history=history, history_key=history_key,
        link=link, extra=extra,
    )  # fmt: skip


def joined(
    name: str, parent: str, elements: Elements, other: str, *, history: str | None = None,
    link: str = "", source: tuple[str, ...] = (), extra: bool = False, owner: str = "",
) -> Table:  # fmt: skip
    """A child table that joins its parent to the records whose ids an array holds.

    `owner` names the column with the parent's id where that is not `{parent}_id`.
    """
    ours, theirs = _parent(parent, owner), Column(f"{other}_id", source=source, references=other)
    key = (ours.name, theirs.name)
    return Table(
        name, (ours, theirs), key=key,
        elements=elements, parent=parent, parent_column=ours.name, history=history,
        history_key=key if history else (), link=link, extra=extra,
    )  # fmt: skip


def keyed(
    name: str, parent: str, elements: Elements, text: str, *, key: tuple[str, ...],
    surrogate: bool = False, link: str = "", extra: bool = False, owner: str = "",
    stays: bool = False,
) -> Table:  # fmt: skip
    """A child table whose elements have keys of their own, or get a surrogate `_fivetran_id`."""
    own = (Column("_fivetran_id", origin=Origin.SURROGATE),) if surrogate else ()
    ours = _parent(parent, owner)
    return Table(
        name, (*own, ours, *columns(text, top=())), key=key, elements=elements,
        parent=parent, parent_column=ours.name, link=link, extra=extra, stays=stays,
    )  # fmt: skip


def _parent(parent: str, owner: str = "") -> Column:
    if not owner:
        return Column(f"{parent}_id", origin=Origin.PARENT, references=parent)
    other = owner.removesuffix("_id")
    return Column(owner, origin=Origin.PARENT, references=other if other != owner else None)
