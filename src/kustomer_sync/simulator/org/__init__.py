"""The made-up org: every kind of object the simulator serves."""

from __future__ import annotations

from ..kind import Kind
from .people import PEOPLE
from .routing import ROUTING
from .staff import STAFF
from .talk import TALK
from .things import THINGS

KINDS: dict[str, Kind] = {kind.name: kind for kind in (*PEOPLE, *TALK, *THINGS, *STAFF, *ROUTING)}
"""By `type`. To serve one more object, add its Kind to one of the lists."""
