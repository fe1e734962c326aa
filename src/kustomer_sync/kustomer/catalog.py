"""The catalog: every table, declared once. Everything else about a table is derived from here.

Names and types are those of the reference connector's ERD; where values are in the records is
known from Kustomer's API documentation and public payloads. Adding an object touches this file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kustomer_sync.kustomer.declare import joined, keyed, listed, root
from kustomer_sync.model import Column, Listing, Origin, Recent, Record, Search, Table, Type

_CONTACT = "String type\nBoolean verified"
_LOCATION = """
    String address address2 address3 areaCode cityName countryCode countryName name regionCode
    String regionName type zipCode
    Double latitude longitude
"""
_SOCIAL = "String type url userid username\nBoolean verified"


def _path(*keys: str) -> tuple[str, ...]:
    return ("attributes", *keys)


CUSTOMER = root(
    "customer",
    Search("customer", "/v1/customers/{id}"),
    """
    rel      company
    by       createdBy deletedBy modifiedBy
    String   last_conversation_id<-lastConversation.id
    Int      conversationCounts.all conversationCounts.done conversationCounts.open
    Int      conversationCounts.snoozed
    Instant  createdAt deletedAt lastActivityAt lastMessageAt lastMessageOut.sentAt modifiedAt
    Instant  updatedAt
    String   defaultLang displayName externalId firstName lastName name progressiveStatus
    Boolean  deleted verified
    Double   sentiment.confidence sentiment.polarity
    extra Long rev
    """,
    children=(
        joined("customer_active_user", "customer", _path("activeUsers"), "user"),
        listed("customer_email", "customer", _path("emails"), f"String email\n{_CONTACT}"),
        listed("customer_external_link", "customer", _path("externalIds"),
               "String externalId\nBoolean verified"),
        joined("customer_last_conversation_tag", "customer", _path("lastConversation", "tags"),
               "tag"),
        listed("customer_location", "customer", _path("locations"), _LOCATION),
        listed("customer_phone", "customer", _path("phones"), f"String phone\n{_CONTACT}"),
        listed("customer_shared_email", "customer", _path("sharedEmails"),
               f"String email\n{_CONTACT}"),
        listed("customer_shared_external_link", "customer", _path("sharedExternalIds"),
               "String externalId\nBoolean verified"),
        listed("customer_shared_phone", "customer", _path("sharedPhones"),
               f"String phone\n{_CONTACT}"),
        listed("customer_shared_social", "customer", _path("sharedSocials"), _SOCIAL),
        listed("customer_shared_whatsapp", "customer", _path("sharedWhatsapps"),
               f"String phone\n{_CONTACT}"),
        listed("customer_social", "customer", _path("socials"), _SOCIAL),
        joined("customer_tag", "customer", _path("tags"), "tag"),
        listed("customer_url", "customer", _path("urls"), "String type url"),
        joined("customer_watcher", "customer", _path("watchers"), "user"),
        listed("customer_whatsapp", "customer", _path("whatsapps"), f"String phone\n{_CONTACT}"),
    ),
    role="org.permission.customer.read",
    custom=True,
    link="getcustomers",
)  # fmt: skip

CONVERSATION = root(
    "conversation",
    Search("conversation", "/v1/conversations/{id}"),
    """
    String   assistant_id<-assistant.assistantId*
    rel      brand customer queue sla
    by       createdBy deletedBy endedBy modifiedBy
    String   firstCompany.id firstMessageIn.id last_message_out_message_id<-lastMessageOut.id
    String   last_message_in_message_id<-lastMessageIn.id
    Boolean  assistant.emulation deleted ended sla.breached spam
    String   assistant.status assistant.type defaultLang direction endedAt endedReason externalId
    String   firstCompany.name firstMessageIn.channel firstMessageIn.meta.recipient.email
    String   firstMessageIn.meta.recipient.mailboxHash firstMessageIn.meta.to
    String   firstResponse.createdBy firstResponse.id lastMessageDirection name
    String   satisfactionLevel.channel satisfactionLevel.firstAnswer satisfactionLevel.form
    String   satisfactionLevel.formResponse satisfactionLevel.sentBy satisfactionLevel.status
    String   sla_breach_metric<-sla.breach.metric sla.name sla.status snooze.status status
    Instant  assistant.transferredAt createdAt deletedAt firstMessageIn.createdAt
    Instant  firstMessageIn.sentAt firstResponse.createdAt firstResponse.sentAt lastActivityAt
    Instant  lastMessageAt lastMessageIn.createdAt lastMessageIn.sentAt lastMessageOut.createdAt
    Instant  lastMessageOut.sentAt modifiedAt open.statusAt satisfactionLevel.createdAt
    Instant  satisfactionLevel.scheduledFor satisfactionLevel.sentAt satisfactionLevel.updatedAt
    Instant  sla_breach_at<-sla.breach.at sla.matchedAt
    Instant  sla.metrics.firstResponse.breachAt sla.metrics.longestUnrespondedMessage.breachAt
    Instant  sla.metrics.totalConversationOpenTime.breachAt
    Instant  sla.metrics.totalCustomerWaitTime.breachAt sla.summary.firstBreachAt
    Instant  snooze.statusAt snooze.time updatedAt
    Int      messageCount noteCount outboundMessageCount priority reopenCount satisfaction
    Int      satisfactionLevel.rating satisfactionLevel.score sla_version<-sla.version snoozeCount
    String   sla_version_id<-/relationships/slaVersion/data/id
    Long     firstResponse.responseTime firstResponse.time
    Double   sentiment.confidence sentiment.polarity
    Json     firstDone lastDone satisfactionLevel.sentByTeams
    extra Long rev
    """,
    children=(
        joined("conversation_assigned_team", "conversation", _path("assignedTeams"), "team",
               history="conversation_assigned_team_history"),
        joined("conversation_assigned_user", "conversation", _path("assignedUsers"), "user",
               history="conversation_assigned_user_history"),
        listed("conversation_channel", "conversation", _path("channels"), "String name<-@",
               history="conversation_channel_history",
               history_key=("name", "conversation_id")),
        joined("conversation_suggested_tag", "conversation", _path("suggestedTags"), "tag",
               source=("tag",), history="conversation_suggested_tag_history"),
        joined("conversation_tag", "conversation", _path("tags"), "tag",
               history="conversation_tag_history"),
    ),
    role="org.permission.conversation.read",
    custom=True,
    history="conversation_history",
    link="getconversations",
)  # fmt: skip

MESSAGE = root(
    "message",
    Search("message", "/v1/messages/{id}"),
    """
    rel      conversation customer
    by       createdBy modifiedBy redactedBy
    String   firstCompany.id app channel direction directionType externalId firstCompany.name
    String   firstDelivered.clientType firstDelivered.timestamp preview source status subject
    Boolean  auto redacted
    Instant  createdAt modifiedAt redactedAt sentAt updatedAt
    Int      size
    extra Long rev responseTime responseBusinessTime
    extra Json meta
    extra String body_link<-/links/related
    """,
    children=(
        joined("message_assigned_team", "message", _path("assignedTeams"), "team"),
        joined("message_assigned_user", "message", _path("assignedUsers"), "user"),
        keyed("message_attachment", "message", ("relationships", "attachments", "data"), """
              String id<-/id org_id<-/relationships/org/data/id
              Int    content_length<-/attributes/contentLength
              String content_type<-/attributes/contentType name<-/attributes/name
              Boolean redacted<-/attributes/redacted
              String related<-/links/related self<-/links/self
              """, key=("id",)),
        joined("message_created_by_team", "message", _path("createdByTeams"), "team"),
        joined("message_shortcut", "message", ("relationships", "shortcuts", "data"), "shortcut",
               source=("id",)),
    ),
    role="org.permission.message.read",
    custom=True,
    link="getmessages",
)  # fmt: skip

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
    children=(joined("kobject_tag", "kobject", _path("tags"), "tag"),),
    role="org.permission.kobject.read",
    custom=True,
    per_klass=True,
    link="getkobjects",
)

TAG = root(
    "tag",
    # Whether the plain list holds deleted tags is undocumented, so both are asked for.
    Listing("/v1/tags", also=((("deleted", "true"),),)),
    """
    by       createdBy deletedBy modifiedBy
    String   color name
    Instant  createdAt deletedAt modifiedAt updatedAt
    Boolean  deleted
    """,
    role="org.permission.tag.read",
    link="gettags",
)

TEAM = root(
    "team",
    Listing("/v1/teams"),
    """
    by       createdBy deletedBy modifiedBy
    String   displayName name
    Instant  createdAt deletedAt modifiedAt updatedAt
    Boolean  deleted
    """,
    children=(joined("team_member", "team", _path("members"), "user"),),
    role="org.permission.team.read",
    link="getteams",
)

USER = root(
    "user",
    # Whether the plain list holds deleted users is undocumented, so both are asked for.
    Listing("/v1/users", also=((("deleted", "true"),),)),
    """
    by       createdBy modifiedBy
    String   displayName email emailSignature mobile name userType
    Instant  createdAt deletedAt modifiedAt updatedAt
    Boolean  deleted
    """,
    children=(listed("user_role", "user", _path("roles"), "String name<-@"),),
    role="org.permission.user.read",
    link="getusers",
)


def _versions(record: Record) -> Iterator[Record]:
    data = ((record.get("relationships") or {}).get("versions") or {}).get("data") or ()
    for version in data:
        if isinstance(version, dict):
            yield version


def _metrics(record: Record) -> Iterator[Record]:
    """One element a metric and priority: `times` has a commitment for each priority 1-5."""
    for version in _versions(record):
        metrics = (version.get("attributes") or {}).get("metrics") or {}
        for name, metric in metrics.items():
            for priority, commitment in ((metric or {}).get("times") or {}).items():
                yield {
                    "version": version.get("id"), "name": name, "enabled": metric.get("enabled"),
                    "priority": priority, "commitment": commitment,
                }  # fmt: skip


def _criteria(record: Record) -> Iterator[Record]:
    for version in _versions(record):
        criteria: dict[str, Any] = (version.get("attributes") or {}).get("criteria") or {}
        for match, conditions in criteria.items():
            for condition in conditions or ():
                for field, test in (condition or {}).items():
                    yield {
                        "version": version.get("id"), "match": match, "field": field,
                        "type": (test or {}).get("type"),
                        "operator": (test or {}).get("operator"),
                        "value": (test or {}).get("value"),
                    }  # fmt: skip


SLA = root(
    "sla",
    Listing("/v1/slas", params=(("versions", "all"),)),
    "by createdBy\nInstant createdAt\nInt currentVersion",
    children=(
        keyed("sla_version", "sla", ("relationships", "versions", "data"), """
              String id<-/id org_id<-/relationships/org/data/id
              String created_by<-/relationships/createdBy/data/id
              Instant created_at<-/attributes/createdAt
              String description<-/attributes/description hours<-/attributes/hours
              String name<-/attributes/name
              Int    version<-/attributes/version
              """, key=("id", "sla_id")),
        keyed("sla_metric", "sla", _metrics, """
              String sla_version_id<-version name
              Long commitment
              Boolean enabled
              Int priority
              """, key=("_fivetran_id",), surrogate=True),
        keyed("sla_criteria", "sla", _criteria, """
              String sla_version_id<-version field field_type<-type match_type<-match operator value
              """, key=("_fivetran_id",), surrogate=True),
    ),
    role="org.permission.sla.read",
    link="slas",
)  # fmt: skip

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
        keyed("work_session_capacity", "work_session", _path("capacities"),
              "Long capacity_limit<-limit priority remaining",
              key=("_fivetran_id", "work_session_id"), surrogate=True),
        keyed("work_session_channel", "work_session", _path("channels"),
              "Long capacity_max<-max capacity_remaining<-remaining\nString name",
              key=("_fivetran_id", "work_session_id"), surrogate=True),
    ),
    role="org.permission.work_session.read",
)  # fmt: skip

TABLES: tuple[Table, ...] = (TAG, TEAM, USER, CONVERSATION, CUSTOMER, MESSAGE, KOBJECT)
"""The tables that sync, small reference tables first: what the large ones point to is there."""

TRIALS: tuple[Table, ...] = (SLA, WORK_SESSION)
"""Declared to prove that the notation carries the awkward ones; they do not sync yet."""


def history_table(table: Table, prefix: str = "_fivetran_") -> Table | None:
    """The history table of `table` as a table: its columns, the key with the version's start."""
    if table.history is None:
        return None
    kept = tuple(c for c in table.columns if c.origin is not Origin.INDEX)
    start = Column(f"{prefix}start", Type.INSTANT)
    return Table(
        table.history, (*kept, start), key=(*table.history_key, start.name),
        parent=table.parent, parent_column=table.parent_column, link=table.link,
    )  # fmt: skip
