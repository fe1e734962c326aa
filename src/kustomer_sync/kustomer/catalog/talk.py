"""Conversations and what is said in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kustomer_sync.kustomer.declare import (
    attribute,
    joined,
    keyed,
    listed,
    listed_in,
    mapped,
    placed,
    root,
)
from kustomer_sync.model import Each, Listing, Log, Record, Search

CONVERSATION = root(
    "conversation",
    Search("conversation", "/v1/conversations/{id}"),
    """
    to assistant assistant_id<-assistant.assistantId*
    rel      brand customer queue sla
    by       createdBy deletedBy endedBy modifiedBy
    to company firstCompany.id
    to message firstMessageIn.id last_message_out_message_id<-lastMessageOut.id
    to message last_message_in_message_id<-lastMessageIn.id
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
    extra Int doneCount inboundMessageCount reopenFromDoneCount
    extra Instant lastReceivedAt importedAt
    extra String locale mergedTarget phase preview replyChannel
    extra Boolean pinned
    extra Json linkedConversations modificationHistory
    """,
    children=(
        joined("conversation_assigned_team", "conversation", attribute("assignedTeams"), "team",
               history="conversation_assigned_team_history"),
        joined("conversation_assigned_user", "conversation", attribute("assignedUsers"), "user",
               history="conversation_assigned_user_history"),
        listed("conversation_channel", "conversation", attribute("channels"), "String name<-@",
               history="conversation_channel_history",
               history_key=("name", "conversation_id")),
        joined("conversation_suggested_tag", "conversation", attribute("suggestedTags"), "tag",
               source=("tag",), history="conversation_suggested_tag_history"),
        joined("conversation_tag", "conversation", attribute("tags"), "tag",
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
    to company firstCompany.id
    String   app channel direction directionType externalId firstCompany.name
    String   firstDelivered.clientType firstDelivered.timestamp preview source status subject
    Boolean  auto redacted
    Instant  createdAt modifiedAt redactedAt sentAt updatedAt
    Int      size
    extra Long rev responseTime responseBusinessTime
    extra Json meta
    extra String body_link<-/links/related
    """,
    children=(
        joined("message_assigned_team", "message", attribute("assignedTeams"), "team"),
        joined("message_assigned_user", "message", attribute("assignedUsers"), "user"),
        keyed("message_attachment", "message", ("relationships", "attachments", "data"), """
              String id<-/id org_id<-/relationships/org/data/id
              Int    content_length<-/attributes/contentLength
              String content_type<-/attributes/contentType name<-/attributes/name
              Boolean redacted<-/attributes/redacted
              String related<-/links/related self<-/links/self
              legacy Instant created_at<-/attributes/createdAt updated_at<-/attributes/updatedAt
              legacy to user created_by<-/relationships/createdBy/data/id
              legacy to user modified_by<-/relationships/modifiedBy/data/id
              """, key=("id",)),
        joined("message_created_by_team", "message", attribute("createdByTeams"), "team"),
        joined("message_shortcut", "message", ("relationships", "shortcuts", "data"), "shortcut",
               source=("id",)),
    ),
    role="org.permission.message.read",
    custom=True,
    link="getmessages",
)  # fmt: skip


def _mentions(kind: str) -> Callable[[Record], Iterator[Any]]:
    """The mentions of a note that name a user, or those that name a team.

    One that is no object is taken for the id of a user, as the list is called.
    """

    def elements(record: Record) -> Iterator[Any]:
        for mention in listed_in(record, "attributes", "userMentions"):
            if mention.get(kind) if isinstance(mention, dict) else kind == "user":
                yield mention

    elements.__doc__ = f"A {kind} that is mentioned in it."
    return elements


NOTE = root(
    "note",
    # The archive search has no attributes of notes (documented).
    Search(
        "note",
        "/v1/notes/{id}",
        older=Listing("/v1/notes"),
        older_each=Each("conversation", "/v1/conversations/{id}/notes", via="conversation_id"),
    ),
    """
    rel      conversation customer
    by       createdBy deletedBy modifiedBy
    String   body externalId
    Instant  createdAt deletedAt modifiedAt updatedAt
    Boolean  deleted
    """,
    children=(
        joined("note_team_mention", "note", _mentions("team"), "team", source=("team",)),
        joined("note_user_mention", "note", _mentions("user"), "user", source=("user",)),
    ),
    role="org.permission.note.read",
    custom=True,
    link="getnotesfororg",
)


def _with_conversation(array: str) -> Callable[[Record], Iterator[Record]]:
    """The array's elements, each with the conversation that its key names too."""

    def elements(record: Record) -> Iterator[Record]:
        conversation = mapped(record, "relationships", "conversation", "data").get("id")
        for value in listed_in(record, "attributes", array):
            yield {"value": value, "conversation": conversation}

    elements.__doc__ = f"An element of its {array}."
    return placed(
        value=f"attributes.{array}[]", conversation="relationships.conversation.data.id"
    )(elements)  # fmt: skip


CONVERSATION_TIME = root(
    "conversation_time",
    # Version 1 counts in seconds, as the reference connector's columns do.
    Each("conversation", "/v1/conversations/{id}/times", via="conversation_id"),
    """
    rel      conversation customer
    by       createdBy
    Instant  createdAt
    String   handleAt handlePauseAt handlePauseBy handleTime messageAt messageTime noteAt noteTime
    """,
    key=("id", "conversation_id"),
    children=(
        keyed("conversation_time_channel", "conversation_time", _with_conversation("channels"),
              "String channel<-value\nto conversation conversation_id<-conversation",
              key=("channel", "conversation_id", "conversation_time_id")),
        keyed("conversation_time_created_by_team", "conversation_time",
              _with_conversation("createdByTeams"),
              "to team team_id<-value\nto conversation conversation_id<-conversation",
              key=("conversation_id", "conversation_time_id", "team_id")),
    ),
    role="org.permission.conversation.read",
    link="getconversationtimesbyconversationid",
)  # fmt: skip

CONVERSATION_EVENT = root(
    "conversation_event",
    # How long Kustomer keeps them is not documented.
    Each("conversation", "/v1/conversations/{id}/events", "conversation_id", fades=True),
    """
    rel      conversation customer
    by       createdBy modifiedBy
    String   name type
    Instant  publishedAt createdAt modifiedAt updatedAt
    Json     changes location meta
    """,
    role="org.permission.event.read",
    kind="customer_event",
    extra=True,
    off=True,
)

AUDIT_LOG = root(
    "audit_log",
    Log("/v1/audit-logs", most=1_000, at="publishedAt"),
    """
    String   org_id<-org client eventName eventVerb ip objectId objectType userType
    to user  userId
    Json     changes relationships<-/relationships
    Instant  createdAt expiresAt publishedAt
    """,
    role="org.permission.audit_logs.read",
    extra=True,
    off=True,
)
