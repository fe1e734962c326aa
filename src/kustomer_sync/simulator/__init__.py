"""A Kustomer in a box: its API over a made-up org, for tests and demos.

Built from the reference alone; imports nothing else of this package.

    with Simulator(seed=7, scale="small") as kustomer:
        httpx2.get(f"{kustomer.url}/v1/customers", headers=kustomer.headers)
"""

from .access import DEMO_TOKEN
from .clock import Clock
from .deeds import GONE
from .faults import Fault
from .ledger import Ledger
from .mutator import Mutator
from .org import Character
from .scale import Scale
from .simulator import Simulator, serve
from .switches import Limits, Switches
from .world import Version

__all__ = [
    "DEMO_TOKEN",
    "GONE",
    "Character",
    "Clock",
    "Fault",
    "Ledger",
    "Limits",
    "Mutator",
    "Scale",
    "Simulator",
    "Switches",
    "Version",
    "serve",
]
