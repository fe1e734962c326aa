"""Search attributes: which exist in which context, and where their value is in a record.

From Kustomer's own JSON schema of the search body; only those that map to a place in a record.
`string` and `text` compare case-insensitively by words, `number` as numbers, `datetime` as times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .kind import Json

Getter = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One searchable attribute of one kind."""

    kind: str
    name: str
    """Without the kind's prefix."""
    place: Getter
    sort: str
    """string, number, datetime, boolean or any."""

    def values(self, record: Json) -> list[Any]:
        """All values a record has for it; lists are spread, missing and null give none."""
        if self.sort == "any":
            return [_text(record["attributes"])]
        found: list[Any] = [record]
        for step in self.place:
            found = [value for here in found for value in _step(here, step)]
        return [value for value in found if value is not None]


def _step(here: Any, step: str) -> list[Any]:
    if not isinstance(here, dict):
        return []
    value = here.get(step)
    return list(value) if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(_text(inner) for inner in value.values())
    if isinstance(value, list):
        return " ".join(_text(inner) for inner in value)
    return value if isinstance(value, str) else ""


TABLE = """
customer any_text any
customer name string
customer gender string
customer presence string
customer email string emails.email
customer shared_email string sharedEmails.email
customer phone string phones.phone
customer shared_phone string sharedPhones.phone
customer urls string urls.url
customer address string locations.address
customer locale string
customer activity_at datetime lastActivityAt
customer last_seen_at datetime
customer signed_up_at datetime
customer last_message_sent_at datetime lastMessageIn.sentAt
customer last_message_out_sent_at datetime lastMessageOut.sentAt
customer last_message_unresponded_to_sent_at datetime lastMessageUnrespondedTo.sentAt
customer last_message_at datetime
customer externalId string externalId
customer shared_externalId string sharedExternalIds.externalId
customer created_at datetime
customer updated_at datetime
customer modified_at datetime
customer created_by string @createdBy
customer modified_by string @modifiedBy
customer satisfaction_avg_score number satisfactionLevel.avgScore
customer satisfaction_avg_rating number satisfactionLevel.avgRating
customer conversations_count number conversationCounts.all
customer progressive_status string
customer status string progressiveStatus
customer active_users string
customer watchers string
customer tags string
customer social_type string socials.type
customer social_userid string socials.userid
customer social_username string socials.username
customer default_lang string
customer imported_at datetime
customer deleted boolean
customer company_id string @company
company any_text any
company name string
company tags string
company default_lang string
company imported_at datetime
company created_at datetime
company updated_at datetime
company deleted boolean
message any_text any
message body string preview
message channel string
message size number
message direction string
message sent_at datetime
message created_at datetime
message updated_at datetime
message created_by string @createdBy
message modified_by string @modifiedBy
message customer_id string @customer
message status string
message error_at datetime
message error_title string error.title
message external_id string
message direction_type string
message created_by_teams string
message redacted boolean
message redacted_at datetime
message imported_at datetime
message recipients string meta.to
message sender string meta.from
message subject string
message source string
message auto boolean
message lang string
note any_text any
note body string
note created_at datetime
note modified_at datetime
note updated_at datetime
note created_by string @createdBy
note modified_by string @modifiedBy
note deleted boolean
note user_mentions string userMentions.user
note team_mentions string userMentions.team
note external_id string
note customer_id string @customer
note conversation_id string @conversation
note lang string
note imported_at datetime
conversation any_text any
conversation name string
conversation status string
conversation sub_status string @subStatus
conversation created_at datetime
conversation updated_at datetime
conversation modified_at datetime
conversation modified_by string @modifiedBy
conversation message_count number
conversation note_count number
conversation satisfaction_survey_id string satisfactionLevel.form
conversation satisfaction_sent_by string satisfactionLevel.sentBy
conversation satisfaction_sent_by_teams string satisfactionLevel.sentByTeams
conversation satisfaction_status string satisfactionLevel.status
conversation satisfaction_created_at datetime satisfactionLevel.createdAt
conversation satisfaction_score number satisfactionLevel.score
conversation satisfaction_rating number satisfactionLevel.rating
conversation channels string
conversation tags string
conversation assigned_users string
conversation assigned_teams string
conversation customer_id string @customer
conversation first_response_created_by string firstResponse.createdBy
conversation first_response_sent_at datetime firstResponse.sentAt
conversation first_response_time number firstResponse.time
conversation last_message_sent_at datetime lastMessageIn.sentAt
conversation last_message_out_sent_at datetime lastMessageOut.sentAt
conversation last_message_unresponded_to_sent_at datetime lastMessageUnrespondedTo.sentAt
conversation last_message_at datetime
conversation last_message_direction string
conversation direction string
conversation first_message_in_direction_type string firstMessageIn.directionType
conversation first_message_in_channel string firstMessageIn.channel
conversation first_message_in_sent_at datetime firstMessageIn.sentAt
conversation first_message_out_channel string firstMessageOut.channel
conversation first_message_out_sent_at datetime firstMessageOut.sentAt
conversation priority number
conversation outbound_message_count number
conversation sla_status string sla.status
conversation sla_breached boolean sla.breached
conversation sla_breach_at datetime sla.breach.at
conversation sla_breach_metric string sla.breach.metric
conversation sla_satisfied_at datetime sla.summary.satisfiedAt
conversation sla_id string @sla
conversation sla_version_id string @slaVersion
conversation first_done_created_by string firstDone.createdBy
conversation last_done_created_by string lastDone.createdBy
conversation last_done_created_by_teams string lastDone.createdByTeams
conversation last_done_created_at datetime lastDone.createdAt
conversation reply_channel string
conversation queue string @queue
conversation external_queue string
conversation ended boolean
conversation ended_at datetime
conversation ended_reason string
conversation default_lang string
conversation imported_at datetime
conversation deleted boolean
conversation_time conversation_id string @conversation
conversation_time created_at datetime
conversation_time updated_at datetime
conversation_time handle_at datetime
conversation_time handle_time number
kobject any_text any
kobject created_at datetime
kobject updated_at datetime
kobject imported_at datetime
kobject customer_id string @customer
kobject company_id string @company
kobject deleted boolean
"""


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _place(text: str) -> Getter:
    if text == "#id":
        return ("id",)
    if text.startswith("@"):
        return ("relationships", text[1:], "data", "id")
    return ("attributes", *text.split("."))


def _read(table: str) -> dict[tuple[str, str], Attribute]:
    found = {}
    for line in table.strip().splitlines():
        kind, name, sort, *place = line.split()
        at = _place(place[0] if place else _camel(name))
        found[kind, name] = Attribute(kind, name, at, sort)
    return found


ATTRIBUTES = _read(TABLE)
ONLY_ARCHIVE = {
    ("customer", "company_id"),
    ("kobject", "customer_id"),
    ("kobject", "company_id"),
    *((kind, "deleted") for kind in ("customer", "conversation", "company", "kobject")),
}
"""Listed for the archive search only [D]."""
CUSTOM_SORTS = {
    "Num": "number",
    "At": "datetime",
    "Bool": "boolean",
}
ARCHIVE_NAMES = {
    "conversation": {"id", "created_at", "updated_at", "customer_id", "any_text", "deleted"},
    "customer": {"id", "companyId", "created_at", "updated_at", "deleted", "any_text_new"},
    "message": {"id", "created_at", "updated_at", "conversation_id", "any_text"},
    "kobject": {"id", "created_at", "updated_at", "customer_id", "company_id", "any_text"},
    "company": {"created_at", "updated_at"},
    "note": set[str](),
    "conversation_time": set[str](),
}
"""What the archive search filters by [D]; notes have nothing."""


def custom(kind: str, name: str, attribute: str) -> Attribute:
    """`<object>_custom_<attrName>` [D]."""
    sort = next((s for suffix, s in CUSTOM_SORTS.items() if attribute.endswith(suffix)), "string")
    return Attribute(kind, name, ("attributes", "custom", attribute), sort)


def identity(kind: str) -> Attribute:
    """`<object>_id` [D only for the archive]."""
    return Attribute(kind, "id", ("id",), "string")


def conversation_of(kind: str) -> Attribute:
    """`message_conversation_id` [D only for the archive]."""
    return Attribute(
        kind, "conversation_id", ("relationships", "conversation", "data", "id"), "string"
    )
