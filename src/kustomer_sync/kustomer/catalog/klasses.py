"""The org's own objects."""

from __future__ import annotations

from kustomer_sync.kustomer.declare import attribute, joined, root
from kustomer_sync.model import Listing, Search

KLASS = root(
    "klass",
    # Without a status it lists the enabled ones (documented).
    Listing("/v1/klasses", also=((("status", "existing_only"),), (("status", "disabled"),))),
    """
    String   color displayName icon name status
    Boolean  appDisabled
    String   appVersion
    Json     mixins
    Instant  createdAt updatedAt
    """,
    role="org.permission.klass.read",
    extra=True,
)

KOBJECT = root(
    "kobject",
    Search("kobject", "/v1/klasses/{klass}/{id}"),
    """
    rel      customer
    Instant  createdAt updatedAt
    String   externalId name title
    extra String klass<-/klass description status
    extra rel company queue
    extra String assignedUser assignedTeam conversation_id<-/relationships/conversation/data/id
    extra Long rev
    """,
    children=(joined("kobject_tag", "kobject", attribute("tags"), "tag"),),
    role="org.permission.kobject.read",
    custom=True,
    per_klass=True,
    link="getkobjects",
)
