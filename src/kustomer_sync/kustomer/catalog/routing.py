"""Who is given which work."""

from __future__ import annotations

from kustomer_sync.kustomer.declare import attribute, keyed, root
from kustomer_sync.model import Listing, Recent

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

WORK_SESSION = root(
    "work_session",
    Recent("/v1/routing/work-sessions"),
    """
    by       createdBy modifiedBy
    rel      queue team user
    Long     capacityRemaining handledConversationCount handledItemCount pausedWorkItemCount
    Long     totalCapacity workItemCount
    String   capacityStatus statusType subsystem user_name_keyword<-userName
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
