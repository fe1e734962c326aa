"""One sync of one connection: the loop that everything else serves.

    choice     which tables and columns a connection wants
    run        check the key -> begin (epoch) -> listings that are due -> windows, newest first
    landing    one way of one record: page -> shred -> batch -> write with the state that covers it
    named      which root tables are meant by names, those of klasses among them
    wanted     what is wanted now and was not: back-fills, and what somebody else changed
    reimport   listed tables, read whole
    frugal     little memory, little time
    sweep      searched tables compared with the source: what a search by time can't show
    verify     what the destination has compared with the source, and nothing written
    adopt      going on in a schema that the reference connector filled
    resync     what was read is read once more
    follow     records that only others point to: attachments, what a merge moved

Source and destination meet only here.
"""

from kustomer_sync.sync.adopt import adopt
from kustomer_sync.sync.choice import (
    Limits,
    choose,
    client_for,
    first_contact,
    org_of,
    refuse_other_org,
)
from kustomer_sync.sync.landing import ATTACHMENTS, everything_of
from kustomer_sync.sync.named import roots
from kustomer_sync.sync.resync import Resync
from kustomer_sync.sync.run import sync
from kustomer_sync.sync.wanted import pending, refuse_changed

__all__ = [
    "ATTACHMENTS", "Limits", "Resync", "adopt", "choose", "client_for", "everything_of",
    "first_contact", "org_of", "pending", "refuse_changed", "refuse_other_org", "roots", "sync",
]  # fmt: skip
