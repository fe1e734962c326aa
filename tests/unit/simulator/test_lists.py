"""Lists and reads by id, as the reference documents them."""

from __future__ import annotations

from typing import Any

import pytest

from kustomer_sync.simulator import Scale, Switches

from .conftest import Kustomer, Start

LISTS = [
    "customers", "conversations", "messages", "notes", "companies", "tags", "teams", "users",
    "klasses", "slas", "brands", "schedules", "routing/work-sessions", "routing/queues",
    "shortcuts", "snoozes", "satisfaction", "klasses/order",
    "routing/settings", "routing/statuses", "cards", "notifications",
    "chat/assistants",
]  # fmt: skip


@pytest.mark.parametrize("path", LISTS)
def test_a_list_is_ascending_by_id_with_the_common_envelope(kustomer: Kustomer, path: str) -> None:
    """type, id, attributes, relationships.org and links.self on every record."""
    reply = kustomer.get(f"/v1/{path}").json()
    ids = [record["id"] for record in reply["data"]]
    assert ids
    assert ids == sorted(ids)
    assert reply["links"]["self"].startswith("/v1/")
    for record in reply["data"]:
        assert len(record["id"]) == 24
        assert record["relationships"]["org"]["data"]["type"] == "org"
        assert record["links"]["self"].startswith("/v1/")
        assert record["attributes"]["createdAt"] <= record["attributes"]["updatedAt"]


@pytest.mark.parametrize("path", LISTS)
def test_every_listed_record_is_read_by_its_own_link(kustomer: Kustomer, path: str) -> None:
    """The body of a list is the body of a GET by id."""
    record = kustomer.get(f"/v1/{path}").json()["data"][0]
    link = record["links"]["self"]
    assert kustomer.get(link).json()["data"] == record


def test_paging_is_relative_and_ends_with_null(kustomer: Kustomer) -> None:
    """`links.next` leads through every record once."""
    first = kustomer.get("/v1/messages", pageSize=70).json()
    assert first["links"]["next"] == "/v1/messages?pageSize=70&page=2"
    assert first["links"]["prev"] is None
    ids = [record["id"] for record in kustomer.listed("/v1/messages", pageSize=70)]
    assert len(ids) == len(set(ids)) == 600


def test_the_default_page_size_is_100_and_a_larger_one_is_clamped(kustomer: Kustomer) -> None:
    """Most lists clamp at 100, users at 500."""
    assert len(kustomer.get("/v1/messages").json()["data"]) == 100
    assert kustomer.get("/v1/messages", pageSize=400).json()["meta"]["pageSize"] == 100
    assert kustomer.get("/v1/users", pageSize=900).json()["meta"]["pageSize"] == 500


def test_only_customers_report_totals(kustomer: Kustomer) -> None:
    """`meta.total` and `links.last` where documented."""
    customers = kustomer.get("/v1/customers", pageSize=10).json()
    assert customers["meta"]["total"] == 59
    assert customers["meta"]["totalPages"] == 6
    assert customers["links"]["last"].endswith("page=6")
    conversations = kustomer.get("/v1/conversations").json()
    assert "total" not in conversations["meta"]
    assert "last" not in conversations["links"]


def test_a_trailing_slash_is_accepted(kustomer: Kustomer) -> None:
    """As Kustomer does."""
    assert kustomer.get("/v1/users/current/").json()["data"]["attributes"]["userType"] == "machine"


def test_sort_desc_turns_the_order_round(kustomer: Kustomer) -> None:
    """`sort=desc` on conversations and messages."""
    up = [record["id"] for record in kustomer.listed("/v1/conversations")]
    down = [record["id"] for record in kustomer.listed("/v1/conversations", sort="desc")]
    assert down == up[::-1]


def test_comma_separated_ids_give_a_list(kustomer: Kustomer) -> None:
    """Unknown ids are left out of it; one unknown id alone is a 404."""
    ids = [kustomer.sim.id("conversation", i) for i in (7, 3)]
    found = kustomer.get(f"/v1/conversations/{ids[0]},{ids[1]},{'0' * 24}").json()["data"]
    assert [record["id"] for record in found] == ids
    assert kustomer.get(f"/v1/conversations/{'0' * 24}").status_code == 404


def test_a_strange_page_is_a_400(kustomer: Kustomer) -> None:
    """Pages and sizes are positive numbers."""
    assert kustomer.get("/v1/users", page=0).status_code == 400
    assert kustomer.get("/v1/users", pageSize="x").status_code == 400


def test_an_unknown_path_is_a_404(kustomer: Kustomer) -> None:
    """In the error shape."""
    reply = kustomer.get("/v1/nothing")
    assert reply.status_code == 404
    assert reply.json()["errors"][0]["code"] == "not_found"


def test_users_can_be_filtered(kustomer: Kustomer) -> None:
    """`deleted`, `userType`, `email`."""
    gone = kustomer.listed("/v1/users", deleted="true")
    assert len(gone) == 2
    assert all(user["attributes"]["deleted"] for user in gone)
    assert len(kustomer.listed("/v1/users", deleted="false")) == 22
    machines = kustomer.listed("/v1/users", userType="machine")
    assert [m["id"] for m in machines] == [kustomer.get("/v1/users/current").json()["data"]["id"]]
    assert len(kustomer.listed("/v1/users", email="agent.3@example.com")) == 1


def test_companies_ignore_two_filters_together(kustomer: Kustomer) -> None:
    """`externalId` and `filter` at once filter nothing."""
    company = next(c for c in kustomer.listed("/v1/companies") if "externalId" in c["attributes"])
    external = company["attributes"]["externalId"]
    assert [c["id"] for c in kustomer.listed("/v1/companies", externalId=external)] == [
        company["id"]
    ]
    both = kustomer.listed("/v1/companies", externalId=external, filter="zzz")
    assert len(both) == len(kustomer.listed("/v1/companies"))


def test_klasses_default_to_the_enabled_ones(kustomer: Kustomer) -> None:
    """`status` chooses others."""
    names = [k["attributes"]["name"] for k in kustomer.listed("/v1/klasses")]
    assert names == ["order", "shipment-event", "reservation"]
    other = [
        k["attributes"]["name"] for k in kustomer.listed("/v1/klasses", status="existing_only")
    ]
    assert other == ["imported-case"]


def test_kobjects_are_listed_by_klass_and_from_a_date(kustomer: Kustomer) -> None:
    """`/klasses/{name}?fromDate=`."""
    orders = kustomer.listed("/v1/klasses/order")
    assert {order["type"] for order in orders} == {"kobject.order"}
    start = orders[-10]["attributes"]["updatedAt"]
    later = [o["id"] for o in orders if o["attributes"]["updatedAt"] >= start]
    assert [o["id"] for o in kustomer.listed("/v1/klasses/order", fromDate=start)] == later
    assert kustomer.get("/v1/klasses/nothing").status_code == 404


def test_a_kobject_is_read_through_its_own_klass_only(kustomer: Kustomer) -> None:
    """By id, by external id, by customer."""
    order = next(o for o in kustomer.listed("/v1/klasses/order") if "externalId" in o["attributes"])
    assert kustomer.get(f"/v1/klasses/reservation/{order['id']}").status_code == 404
    external = order["attributes"]["externalId"]
    assert kustomer.get(f"/v1/klasses/order/externalId={external}").json()["data"] == order
    customer = order["relationships"].get("customer")
    if customer is not None:
        path = f"/v1/customers/{customer['data']['id']}/klasses/order"
        assert order["id"] in [o["id"] for o in kustomer.listed(path)]


def test_messages_include_their_attachments(kustomer: Kustomer) -> None:
    """`relationships.attachments` names what `included` holds."""
    reply = kustomer.get("/v1/messages", include="attachments").json()
    named = [a["id"] for m in reply["data"] for a in m["relationships"]["attachments"]["data"]]
    assert named == [attachment["id"] for attachment in reply["included"]]
    assert named
    plain = kustomer.get("/v1/messages").json()
    assert "included" not in plain
    assert "attachments" not in plain["data"][0]["relationships"]


def test_a_conversations_children_are_those_that_point_at_it(kustomer: Kustomer) -> None:
    """Messages, notes, times, attachments; counters agree."""
    for conversation in kustomer.listed("/v1/conversations")[:20]:
        path = conversation["links"]["self"]
        messages = kustomer.listed(f"{path}/messages")
        assert len(messages) == conversation["attributes"]["messageCount"]
        assert all(_points(m, "conversation") == conversation["id"] for m in messages)
        assert len(kustomer.listed(f"{path}/notes")) <= conversation["attributes"]["noteCount"]
        for attachment in kustomer.listed(f"{path}/attachments"):
            assert _points(attachment, "message") in [m["id"] for m in messages]


def test_a_customers_children_are_those_that_point_at_it(kustomer: Kustomer) -> None:
    """And the relationship names each klass linked to it."""
    customer = kustomer.listed("/v1/customers")[5]
    path = customer["links"]["self"]
    talks = kustomer.listed(f"{path}/conversations")
    assert talks
    assert all(_points(talk, "customer") == customer["id"] for talk in talks)
    for name, there in customer["relationships"].items():
        if there.get("meta", {}).get("kobject"):
            assert kustomer.get(there["links"]["self"]).status_code == 200
            assert name in ("order", "shipment-event", "reservation", "imported-case")


def test_conversation_times_are_seconds_in_v1_and_milliseconds_in_v2(kustomer: Kustomer) -> None:
    """The same timers, a thousand times larger."""
    talk = kustomer.sim.id("conversation", 9)
    seconds = kustomer.get(f"/v1/conversations/{talk}/times").json()["data"]
    milli = kustomer.get(f"/v2/conversations/{talk}/times").json()["data"]
    assert seconds
    for one, other in zip(seconds, milli, strict=True):
        assert one["attributes"]["handleTime"] * 1_000 == other["attributes"]["handleTime"]
    together = kustomer.get(f"/v1/conversations/times/{talk},{kustomer.sim.id('conversation', 10)}")
    assert len(together.json()["data"]) >= len(seconds)


def test_slas_bring_their_versions_along(kustomer: Kustomer) -> None:
    """`versions=all` or `active`."""
    every = kustomer.get("/v1/slas", versions="all").json()
    active = kustomer.get("/v1/slas", versions="active").json()
    assert [v["attributes"]["version"] for v in every["included"]] == [1, 2] * 3
    assert [v["attributes"]["version"] for v in active["included"]] == [2] * 3
    assert "included" not in kustomer.get("/v1/slas").json()


def test_holidays_come_with_one_schedule_only(kustomer: Kustomer) -> None:
    """`include=holidays` by id and on the default one, not on the list."""
    one = kustomer.get("/v1/schedules/default", include="holidays").json()
    assert len(one["included"]) == 3
    assert one["data"]["attributes"]["hours"]["0"] is None
    assert "included" not in kustomer.get("/v1/schedules", include="holidays").json()


def test_metadata_describes_every_custom_attribute_in_use(kustomer: Kustomer) -> None:
    """Keys of `custom` are in `properties`, each with a type."""
    for resource, path in (("customer", "customers"), ("kobject.order", "klasses/order")):
        known = kustomer.get(f"/v1/metadata/{resource}").json()["data"]["attributes"]["properties"]
        used = {key for r in kustomer.listed(f"/v1/{path}") for key in r["attributes"]["custom"]}
        assert used <= set(known)
        assert all(about["type"] for about in known.values())
    assert kustomer.get("/v1/metadata/nothing").status_code == 404


def test_active_work_sessions_can_be_asked_for(kustomer: Kustomer) -> None:
    """`active=true`: not signed out yet."""
    active = kustomer.listed("/v1/routing/work-sessions", active="true")
    assert len(active) == 4
    assert all("signedOutAt" not in session["attributes"] for session in active)


def test_the_deprecated_customer_events_are_a_404(kustomer: Kustomer) -> None:
    """Documented as gone."""
    assert kustomer.get(f"/v1/customers/{kustomer.sim.id('customer', 0)}/events").status_code == 404


def test_events_are_listed_as_long_as_they_are_kept(start: Start) -> None:
    """For good where nothing else is said."""
    for kept, there in ((None, True), (90, False)):
        kustomer = start(switches=Switches(events_kept_days=kept))
        path = f"/v1/conversations/{kustomer.sim.id('conversation', -1)}/events"
        kustomer.sim.clock.advance(4_000 * 24 * 3600)
        assert bool(kustomer.get(path).json()["data"]) is there


def test_a_message_may_include_its_attachments(kustomer: Kustomer) -> None:
    """By its id; documented is that of lists alone."""
    attached = kustomer.sim.id("attachment", 0)
    owner = kustomer.get(f"/v1/attachments/{attached}").json()["data"]["relationships"]["message"]
    path = f"/v1/messages/{owner['data']['id']}"
    told = kustomer.get(path, include="attachments").json()
    assert attached in {one["id"] for one in told["included"]}
    kustomer.sim.switches = Switches(attachments_included=False)
    told = kustomer.get(path, include="attachments").json()
    assert "included" not in told
    assert attached in {one["id"] for one in told["data"]["relationships"]["attachments"]["data"]}
    kustomer.sim.switches = Switches(get_includes_attachments=False)
    told = kustomer.get(path, include="attachments").json()
    assert "included" not in told
    assert "attachments" not in told["data"]["relationships"]


def test_links_may_be_objects_or_not_be_there(kustomer: Kustomer) -> None:
    """As JSON:API has them too; without them there is no `meta` either."""
    kustomer.sim.switches = Switches(list_links="object")
    reply = kustomer.get("/v1/tags", pageSize=5).json()
    assert reply["links"]["next"] == {"href": "/v1/tags?pageSize=5&page=2"}
    assert reply["links"]["prev"] is None
    kustomer.sim.switches = Switches(list_links="none")
    assert set(kustomer.get("/v1/tags", pageSize=5).json()) == {"data"}


def test_events_may_say_where_they_go_on(kustomer: Kustomer) -> None:
    """Their published reply has neither links nor anything in `meta`."""
    path = f"/v1/conversations/{kustomer.sim.id('conversation', -1)}/events"
    reply = kustomer.get(path).json()
    assert "links" not in reply
    assert reply["meta"] == {}
    kustomer.sim.switches = Switches(events_linked=True)
    assert kustomer.get(path).json()["links"]["next"] is None


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_the_audit_log_is_read_by_cursor_to_its_end(start: Start, order: Any) -> None:
    """Every write of an object that is audited once, in either order."""
    kustomer = start(switches=Switches(audit_order=order))
    for _ in range(7):
        kustomer.sim.create("tag", {"name": "noise"})
        kustomer.sim.edit("customer", kustomer.sim.id("customer", 1), {"name": "another"})
    seen: list[str] = []
    link = "/v1/audit-logs?count=3"
    while link:
        body = kustomer.get(link).json()
        seen += [entry["id"] for entry in body["data"]]
        link = body["links"]["next"]
    assert len(seen) == 7
    assert seen == sorted(seen, reverse=order == "desc")


def test_conversation_events_tell_its_story_newest_first(kustomer: Kustomer) -> None:
    """One event per version, with before and after."""
    talk = kustomer.sim.id("conversation", 20)
    before = kustomer.sim.get("conversation", talk)
    assert before is not None
    kustomer.sim.edit("conversation", talk, {"priority": 9})
    events = kustomer.get(f"/v1/conversations/{talk}/events").json()["data"]
    assert [e["attributes"]["name"].rpartition(".")[2] for e in events] == ["update", "create"]
    change = events[0]["attributes"]["changes"]["attributes"]["priority"]
    assert change == {"op": "replace", "before": before["attributes"]["priority"], "after": 9}


def test_the_audit_log_pages_by_cursor(kustomer: Kustomer) -> None:
    """Newest first, `before` goes back, deletes are there."""
    talks = [kustomer.sim.id("conversation", i) for i in range(5)]
    for talk in talks:
        kustomer.sim.edit("conversation", talk, {"priority": 2})
    kustomer.sim.hard_delete("conversation", talks[0])
    entries = kustomer.listed("/v1/audit-logs", count=2)
    assert [e["attributes"]["objectId"] for e in entries] == [talks[0], *talks[::-1]]
    assert entries[0]["attributes"]["eventVerb"] == "delete"
    only = kustomer.get(
        "/v1/audit-logs",
        **{"filter[objectType]": "conversation", "filter[objectId]": talks[3]},
    )
    assert only.json()["meta"]["total"] == 1


def test_lookups_by_value(kustomer: Kustomer) -> None:
    """`/customers/email=`, `/conversations/externalId=`."""
    customer = kustomer.listed("/v1/customers")[3]
    email = customer["attributes"]["emails"][0]["email"]
    assert kustomer.get(f"/v1/customers/email={email}").json()["data"]["id"] == customer["id"]
    assert kustomer.get("/v1/customers/email=nobody@example.com").status_code == 404


def test_gzip_when_the_client_takes_it(kustomer: Kustomer) -> None:
    """And plain when it does not."""
    zipped = kustomer.get("/v1/messages")
    assert zipped.headers["content-encoding"] == "gzip"
    plain = kustomer.http.get("/v1/messages", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.json() == zipped.json()


@pytest.mark.parametrize(
    ("switch", "path", "kind"),
    [
        ("users_list_includes_deleted", "/v1/users", "user"),
        ("tags_list_includes_deleted", "/v1/tags", "tag"),
        ("teams_list_includes_deleted", "/v1/teams", "team"),
        ("core_lists_include_deleted", "/v1/notes", "note"),
    ],
)
def test_whether_lists_contain_deleted_records(
    kustomer: Kustomer, switch: str, path: str, kind: str
) -> None:
    """Each switch both ways."""
    deleted = {v.id for v in kustomer.sim.ledger.current(kind) if v.deleted}
    assert deleted
    shown: Any = {}
    for answer in (True, False):
        kustomer.sim.switches = Switches(**{switch: answer})  # type: ignore[arg-type]  # by name
        shown[answer] = {record["id"] for record in kustomer.listed(path)}
    assert deleted <= shown[True]
    assert shown[True] - shown[False] == deleted


def test_get_of_a_deleted_record_is_a_record_or_a_404(kustomer: Kustomer) -> None:
    """Both answers."""
    talk = kustomer.sim.id("conversation", 3)
    kustomer.sim.soft_delete("conversation", talk)
    found = kustomer.get(f"/v1/conversations/{talk}").json()["data"]
    assert found["attributes"]["deleted"] is True
    assert found["relationships"]["deletedBy"]["data"]["type"] == "user"
    kustomer.sim.switches = Switches(get_deleted="404")
    assert kustomer.get(f"/v1/conversations/{talk}").status_code == 404


def test_lists_end_at_the_depth_cap(start: Start) -> None:
    """10,000 by default, any other number, or none."""
    kustomer = start(switches=Switches(list_depth_cap=250))
    assert len(kustomer.listed("/v1/messages")) == 250
    kustomer.sim.switches = Switches(list_depth_cap=None)
    assert len(kustomer.listed("/v1/messages")) == 600


def test_other_list_switches(start: Start) -> None:
    """Page size maximum and report, order of work sessions, klass link, past the end, tag names."""
    kustomer = start()
    sessions = [s["id"] for s in kustomer.listed("/v1/routing/work-sessions")]
    kustomer.sim.switches = Switches(
        list_max_page_size=500,
        list_page_size_reported=False,
        work_session_order="desc",
        klass_link_singular=False,
        past_last_page="404",
        tags_as_names=True,
        emulation_as_word=True,
    )
    assert "none" in _emulations(kustomer)
    assert [s["id"] for s in kustomer.listed("/v1/routing/work-sessions")] == sessions[::-1]
    assert len(kustomer.get("/v1/messages", pageSize=600).json()["data"]) == 500
    assert kustomer.get("/v1/messages").json()["meta"] == {}
    assert kustomer.get("/v1/users", page=9).status_code == 404
    order = kustomer.get("/v1/klasses/order").json()["data"][0]
    assert "links" in order["relationships"]["klass"]
    tags = [t for c in kustomer.listed("/v1/conversations") for t in c["attributes"]["tags"]]
    assert any(len(tag) < 24 for tag in tags)
    kustomer.sim.switches = Switches()
    assert _emulations(kustomer) == {None, False}
    assert kustomer.get("/v1/users", page=9).json()["data"] == []
    order = kustomer.get("/v1/klasses/order").json()["data"][0]
    assert "link" in order["relationships"]["klass"]
    tags = [t for c in kustomer.listed("/v1/conversations") for t in c["attributes"]["tags"]]
    assert all(len(tag) == 24 for tag in tags)


def test_a_scale_of_ones_own(start: Start) -> None:
    """Any counts."""
    kustomer = start(scale=Scale(customers=3, conversations=7, messages=7, notes=0))
    assert len(kustomer.sim.ledger.records("conversation")) == 7
    assert kustomer.listed("/v1/notes") == []


def _emulations(kustomer: Any) -> set[Any]:
    conversations = kustomer.listed("/v1/conversations")
    return {(c["attributes"].get("assistant") or {}).get("emulation") for c in conversations}


def _points(record: dict[str, Any], name: str) -> str:
    return str(record["relationships"][name]["data"]["id"])


@pytest.mark.parametrize("path", ["/v1/chat/assistants", "/v1/assistants", None])
def test_assistants_are_where_the_switch_says(start: Start, path: Any) -> None:
    """`assistants_path`: one of two, or nowhere."""
    kustomer = start(switches=Switches(assistants_path=path))
    truth = kustomer.sim.ledger.records("assistant")
    for asked in ("/v1/chat/assistants", "/v1/assistants"):
        if asked == path:
            assert {r["id"]: r for r in kustomer.listed(asked)} == truth
            for record_id, record in truth.items():
                assert kustomer.get(f"{asked}/{record_id}").json()["data"] == record
        else:
            assert kustomer.get(asked).status_code == 404
            assert kustomer.get(f"{asked}/{next(iter(truth))}").status_code == 404
