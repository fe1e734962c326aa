"""The made-up orgs, pleasant and hostile: every kind of object the simulator serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from ..kind import Kind
from .assistants import ASSISTANTS
from .hostile import hostile_kinds
from .people import PEOPLE
from .routing import ROUTING
from .staff import STAFF
from .talk import TALK
from .things import THINGS

ALL = (*PEOPLE, *TALK, *THINGS, *STAFF, *ROUTING, *ASSISTANTS)
KINDS: dict[str, Kind] = {kind.name: kind for kind in ALL}
"""By `type`. To serve one more object, add its Kind to one of the lists."""

Character = Literal["pleasant", "hostile"]
"""`hostile`: the same org, its records as odd as JSON allows; see `hostile.py`."""


def kinds_of(character: Character) -> Mapping[str, Kind]:
    """The kinds as an org of this character draws them; ValueError for an unknown one."""
    if character not in get_args(Character):
        raise ValueError(f"character {character!r} is not one of {', '.join(get_args(Character))}")
    return KINDS if character == "pleasant" else hostile_kinds(KINDS)
