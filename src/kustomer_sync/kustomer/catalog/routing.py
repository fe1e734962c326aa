"""Who is given which work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kustomer_sync.kustomer.declare import attribute, joined, keyed, listed_in, placed, root
from kustomer_sync.model import Listing, Recent, Record

QUEUE = root(
    "queue",
    Listing("/v1/routing/queues"),
    """
    by       createdBy modifiedBy
    String   description displayName name
    Int      itemSize priority
    Boolean  restrictTransfersByUsers system
    Instant  createdAt updatedAt
    """,
    role="org.permission.queue.read",
    link="getqueues",
)


@placed(**{"": "attributes.queues[].id, or the element where it is an id"})
def _queues(record: Record) -> Iterator[Any]:
    """A queue in the routing settings of a team."""
    for queue in listed_in(record, "attributes", "queues"):
        yield queue.get("id") if isinstance(queue, dict) else queue


ROUTING = root(
    "_kustomer_sync_routing",
    # Settings are addressed by their team (documented).
    Listing("/v1/routing/settings", identity=("relationships", "team", "data", "id")),
    "Instant createdAt updatedAt",
    children=(
        joined("team_queue", "routing", _queues, "queue", owner="team_id",
               link="getroutingsettings"),
    ),
    role="org.permission.routing.read",
    kind="routing_setting",
    hidden=True,
)  # fmt: skip

WORK_SESSION = root(
    "work_session",
    Recent("/v1/routing/work-sessions", open=(("active", "true"),), closed="signedOutAt"),
    """
    by       createdBy modifiedBy
    rel      queue team user
    Long     capacityRemaining handledConversationCount handledItemCount pausedWorkItemCount
    Long     totalCapacity workItemCount
    String   capacityStatus statusType subsystem userName.keyword
    Boolean  changedTeam hasPendingItem hasSkills routable
    Instant  createdAt idleSince lastAssignedItemAt modifiedAt signedInAt signedOutAt updatedAt
    Int      rev
    Long     totalAvailableAtCapacity.businessTime totalAvailableAtCapacity.time
    Long     totalAvailable.businessTime totalAvailable.time
    Long     totalUnavailableAtCapacity.businessTime totalUnavailableAtCapacity.time
    Long     totalUnavailable.businessTime totalUnavailable.time
    Long     totalUnavailableIdleCapacity.businessTime totalUnavailableIdleCapacity.time
    Instant  totalAvailableAtCapacity.statusAt totalAvailable.statusAt
    Instant  totalUnavailableAtCapacity.statusAt totalUnavailableIdleCapacity.statusAt
    Instant  totalUnavailable.statusAt
    """,
    children=(
        keyed("work_session_capacity", "work_session", attribute("capacities"),
              "Long capacity_limit<-limit priority remaining",
              key=("_fivetran_id", "work_session_id"), surrogate=True),
        keyed("work_session_channel", "work_session", attribute("channels"),
              "Long capacity_max<-max capacity_remaining<-remaining\nString name",
              key=("_fivetran_id", "work_session_id"), surrogate=True),
    ),
    role="org.permission.work_session.read",
)  # fmt: skip
