"""The made-up org: every kind of object the simulator serves."""

from __future__ import annotations

from ..kind import Kind
from .assistants import ASSISTANTS
from .people import PEOPLE
from .routing import ROUTING
from .staff import STAFF
from .talk import TALK
from .things import THINGS

ALL = (*PEOPLE, *TALK, *THINGS, *STAFF, *ROUTING, *ASSISTANTS)
KINDS: dict[str, Kind] = {kind.name: kind for kind in ALL}
"""By `type`. To serve one more object, add its Kind to one of the lists."""
