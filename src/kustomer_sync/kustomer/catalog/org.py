"""Who works in the org, and what they set up: small tables, read whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator

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
from kustomer_sync.model import Described, Listing, Record

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
    children=(joined("team_member", "team", attribute("members"), "user"),),
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
    children=(listed("user_role", "user", attribute("roles"), "String name<-@"),),
    role="org.permission.user.read",
    link="getusers",
)

BRAND = root(
    "brand",
    Listing("/v1/brands"),
    "by createdBy modifiedBy\nString name\nInstant createdAt modifiedAt updatedAt",
    role="org.permission.brand.read",
    link="getbrands",
)

CARD = root(
    "card",
    Listing("/v1/cards"),
    """
    String   app_id<-app description name url
    Instant  createdAt modifiedAt updatedAt
    legacy by createdBy modifiedBy
    """,
    children=(listed("card_context", "card", attribute("context"), "String name<-@"),),
    role="org.permission.apps.read",
    link="getcards",
)

SHORTCUT = root(
    "shortcut",
    Listing("/v1/shortcuts"),
    """
    by       createdBy deletedBy modifiedBy
    String   conversation.name conversation_snooze_id<-conversation.snooze conversation.status name
    Boolean  deleted isPrivate
    Instant  createdAt deletedAt modifiedAt updatedAt
    """,
    children=(
        joined("shortcut_assigned_team", "shortcut", attribute("conversation", "assignedTeams"),
               "team"),
        joined("shortcut_assigned_user", "shortcut", attribute("conversation", "assignedUsers"),
               "user"),
        joined("shortcut_tag", "shortcut", attribute("conversation", "tags"), "tag"),
    ),
    role="org.permission.shortcut.read",
    link="getallshortcuts",
)  # fmt: skip


def _timed(record: Record) -> None:
    """The documented shape is a `type` and its `value`; the columns name an older one, `time`."""
    attributes = record.get("attributes")
    if not isinstance(attributes, dict) or attributes.get("time") is not None:
        return
    value = attributes.get("value")
    if attributes.get("type") == "relative":
        attributes["time"] = {"relative": value}
    elif isinstance(value, dict):
        attributes["time"] = {"day": value.get("day"), "value": value.get("time")}
    else:
        attributes["time"] = {"value": value}


SNOOZE = root(
    "snooze",
    Listing("/v1/snoozes", shaped=_timed),
    """
    by       createdBy modifiedBy
    String   name time_day_type<-time.day.type time_day_value<-time.day.value
    String   time_value<-time.value
    Int      time_relative<-time.relative
    Boolean  enabled
    Instant  createdAt updatedAt
    """,
    role="org.permission.snooze.read",
    link="getallsnoozes",
)


@placed(
    day="the key in attributes.hours", index="place among the day's openings, from 1",
    start="attributes.hours.{day}[][0]", end="attributes.hours.{day}[][1]",
)  # fmt: skip
def _hours(record: Record) -> Iterator[Record]:
    """An opening on a day (0 is Sunday, inferred), in minutes from midnight."""
    for day, openings in mapped(record, "attributes", "hours").items():
        for place, opening in enumerate(listed_in(openings), 1):
            start, end = (*listed_in(opening), None, None)[:2]
            yield {"day": day, "index": place, "start": start, "end": end}


def _included(relation: str) -> Callable[[Record], Iterator[Record]]:
    """What a reply includes of a relationship, whether the record names it or it the record."""

    def elements(record: Record) -> Iterator[Record]:
        named = listed_in(record, "relationships", relation, "data")
        for item in (*named, *listed_in(record, "included")):
            if isinstance(item, dict) and "attributes" in item:
                yield item

    elements.__doc__ = f"One of its {relation}, as the reply to its own path includes them."
    return elements


_versions = _included("versions")


BUSINESS_SCHEDULE = root(
    "business_schedule",
    Listing("/v1/schedules", singly=(("include", "holidays"),)),
    """
    by       createdBy modifiedBy
    String   name timezone
    Boolean  default
    Instant  createdAt modifiedAt updatedAt
    """,
    children=(
        keyed("business_holiday", "business_schedule", _included("holidays"), """
              String id<-/id org_id<-/relationships/org/data/id
              to user created_by<-/relationships/createdBy/data/id
              to user modified_by<-/relationships/modifiedBy/data/id
              Instant created_at<-/attributes/createdAt modified_at<-/attributes/modifiedAt
              Instant updated_at<-/attributes/updatedAt start_date<-/attributes/startDate
              Instant end_date<-/attributes/endDate
              String description<-/attributes/description name<-/attributes/name
              Boolean enabled<-/attributes/enabled
              """, key=("id", "business_schedule_id")),
        keyed("business_schedule_hour", "business_schedule", _hours,
              "String day\nInt index start_time<-start end_time<-end",
              key=("day", "index", "business_schedule_id")),
    ),
    role="org.permission.schedule.read",
    kind="schedule",
)  # fmt: skip

NOTIFICATION = root(
    "notification",
    # The key's own user's alone, and gone after seven days (documented).
    Listing("/v1/notifications"),
    "rel user\nString name status\nInstant createdAt updatedAt",
    link="getnotifications",
)


@placed(
    version="id of the version", name="the key in attributes.metrics",
    enabled="attributes.metrics.{name}.enabled",
    priority="the key in attributes.metrics.{name}.times",
    commitment="attributes.metrics.{name}.times.{priority}",
)  # fmt: skip
def _metrics(record: Record) -> Iterator[Record]:
    """A metric of a version and a priority: `times` has a commitment for each, 1 to 5."""
    for version in _versions(record):
        for name, metric in mapped(version, "attributes", "metrics").items():
            for priority, commitment in mapped(metric, "times").items():
                yield {
                    "version": version.get("id"), "name": name, "enabled": metric.get("enabled"),
                    "priority": priority, "commitment": commitment,
                }  # fmt: skip


@placed(
    version="id of the version", match="the key in attributes.criteria",
    field="the key in attributes.criteria.{match}[]",
    type="attributes.criteria.{match}[].{field}.type",
    operator="attributes.criteria.{match}[].{field}.operator",
    value="attributes.criteria.{match}[].{field}.value",
)  # fmt: skip
def _criteria(record: Record) -> Iterator[Record]:
    """A test among the criteria of a version."""
    for version in _versions(record):
        for match, conditions in mapped(version, "attributes", "criteria").items():
            for condition in listed_in(conditions):
                for field, test in mapped(condition).items():
                    said = mapped(test)
                    yield {
                        "version": version.get("id"), "match": match, "field": field,
                        "type": said.get("type"), "operator": said.get("operator"),
                        "value": said.get("value"),
                    }  # fmt: skip


SLA = root(
    "sla",
    # That the list takes `versions` was observed; that the single path does is documented.
    Listing("/v1/slas", singly=(("versions", "all"),)),
    "by createdBy\nInstant createdAt\nInt currentVersion",
    children=(
        keyed("sla_version", "sla", _versions, """
              String id<-/id org_id<-/relationships/org/data/id
              to user created_by<-/relationships/createdBy/data/id
              Instant created_at<-/attributes/createdAt
              String description<-/attributes/description hours<-/attributes/hours
              String name<-/attributes/name
              Int    version<-/attributes/version
              """, key=("id", "sla_id")),
        keyed("sla_metric", "sla", _metrics, """
              to sla_version sla_version_id<-version
              String name
              Long commitment
              Boolean enabled
              Int priority
              """, key=("_fivetran_id",), surrogate=True),
        keyed("sla_criteria", "sla", _criteria, """
              to sla_version sla_version_id<-version
              String field field_type<-type match_type<-match operator value
              """, key=("_fivetran_id",), surrogate=True),
    ),
    role="org.permission.sla.read",
    link="slas",
)  # fmt: skip


@placed(
    dialog="attributes.dialogs[].id", id="attributes.dialogs[].nodes[].id",
    type="attributes.dialogs[].nodes[].type",
)  # fmt: skip
def _nodes(record: Record) -> Iterator[Record]:
    """A node of one of its dialogs."""
    for dialog in listed_in(record, "attributes", "dialogs"):
        for node in listed_in(dialog, "nodes"):
            if isinstance(node, dict):
                yield {"dialog": dialog.get("id"), "id": node.get("id"), "type": node.get("type")}


ASSISTANT = root(
    "assistant",
    # No reference page names the list.
    Listing("/v1/chat/assistants", instead=("/v1/assistants",)),
    """
    by       createdBy modifiedBy
    String   avatarUrl channel description name publicId publicName start status template type
    Instant  createdAt modifiedAt updatedAt
    Long     version
    """,
    children=(
        keyed("assistant_dialog", "assistant", attribute("dialogs"), "String id name",
              key=("id", "assistant_id")),
        keyed("assistant_dialog_node", "assistant", _nodes,
              "String id type\nto assistant_dialog assistant_dialog_id<-dialog",
              key=("id", "assistant_dialog_id", "assistant_id")),
    ),
)  # fmt: skip


@placed(id="the key in attributes.properties")
def _properties(record: Record) -> Iterator[Record]:
    """A custom attribute that its metadata describes."""
    for name, said in mapped(record, "attributes", "properties").items():
        yield {"id": name, "deleted": isinstance(said, dict) and bool(said.get("deletedAt"))}


METADATA = root(
    "_kustomer_sync_metadata",
    # A deleted attribute stays described, with `deletedAt` (documented).
    Described("/v1/metadata/{resource}"),
    "Instant createdAt updatedAt",
    children=(
        keyed("custom_attribute_metadata", "metadata", _properties, "String id",
              key=("id", "resource"), owner="resource", stays=True,
              link="getcustomattributemetadata"),
    ),
    role="org.permission.metadata.read",
    kind="metadata",
    hidden=True,
)  # fmt: skip

SATISFACTION = root(
    "satisfaction",
    Listing("/v1/satisfaction"),
    """
    by       createdBy modifiedBy
    String   channel description followUpType formType introduction name ratingPrompt
    Boolean  enabled
    Long     delayTime
    Json     criteria from questions scale
    Instant  createdAt modifiedAt updatedAt
    """,
    role="org.permission.satisfaction.read",
    extra=True,
)
