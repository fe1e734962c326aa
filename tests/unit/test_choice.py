"""What a connection asks for."""

from __future__ import annotations

import threading
from typing import Any

from kustomer_sync.kustomer.catalog import TABLES
from kustomer_sync.settings import Connection, from_flags
from kustomer_sync.shred import Names
from kustomer_sync.sync import Limits, choose, client_for
from kustomer_sync.sync.wanted import kept_out


def connection(**settings: Any) -> Connection:
    return from_flags(domain="acme", access_token="k", destination="duckdb:///x.duckdb", **settings)


def names(**settings: Any) -> set[str]:
    tables = [t for root in choose(connection(**settings)) for t in root.walk()]
    return {t.name for t in tables if not t.hidden} | {t.history for t in tables if t.history}


def roots(**settings: Any) -> set[str]:
    return {root.name for root in choose(connection(**settings))}


def test_service_version_1_has_no_histories() -> None:
    """It is version 2 without the six."""
    gone = names() - names(service_version=1)
    assert len(gone) == 6
    assert all(name.endswith("_history") for name in gone)


def test_a_disabled_table_takes_only_itself() -> None:
    """A root, a child, or a history; the others sync without it."""
    for one in ("message", "conversation", "team_member", "conversation_tag_history"):
        assert names() - names(tables={one: {"enabled": False}}) == {one}
    assert "conversation_tag_history" in names(tables={"conversation_tag": {"enabled": False}})


def test_a_table_is_requested_only_if_something_of_it_is_wanted() -> None:
    """A child, or a history that is spelled out where all else is blocked."""
    family = [part.name for root in TABLES if root.name == "conversation" for part in root.walk()]
    without = {name: {"enabled": False} for name in family}
    assert "conversation" not in roots(tables=without)
    child = {**without, "conversation_tag": {"enabled": True}}
    assert "conversation" in roots(tables=child)
    history = {**without, "conversation_history": {"enabled": True}}
    assert "conversation" in roots(tables=history)
    assert "conversation" not in names(tables=history)


def test_a_klass_may_be_wanted_alone() -> None:
    """Of KObjects that are blocked whole, the klass that is named."""
    without: dict[str, Any] = {name: {"enabled": False} for name in ("kobject", "kobject_tag")}
    assert "kobject" not in roots(tables=without)
    assert "kobject" in roots(tables={**without, "kobject_parcel": {"enabled": True}})


def test_what_lands_for_its_children_alone_has_what_the_program_reads() -> None:
    """Nothing else of a blocked table is shredded, unless its history is wanted."""
    tables = {"customer": {"enabled": False}}
    (customer,) = (t for t in choose(connection(tables=tables)) if t.name == "customer")
    assert customer.place == "_kustomer_sync_customer"
    assert {c.name for c in customer.columns} == {"id", "updated_at", "rev", "deleted"}
    assert not customer.custom
    tables = {"conversation": {"enabled": False}}
    (talk,) = (t for t in choose(connection(tables=tables)) if t.name == "conversation")
    assert {c.name for c in talk.landing} == {"id", "updated_at", "rev", "deleted", "customer_id"}
    assert "status" in {c.name for c in talk.columns}


def test_a_blocked_column_is_not_shredded() -> None:
    """Of a table of the catalog; its history goes without it too."""
    tables = {"conversation": {"columns": {"name": {"enabled": False}}}}
    (talk,) = (t for t in choose(connection(tables=tables)) if t.name == "conversation")
    assert "name" not in {c.name for c in talk.columns}
    assert "name" in talk.left_out


def test_any_table_may_have_a_history() -> None:
    """A root, children with an index, a made-up key, a join's; one klass, or all of them."""
    wanted = ("customer", "customer_email", "sla_metric", "user_role", "kobject")
    tables = {name: {"history": True} for name in wanted}
    found = {t.name: t for root in choose(connection(tables=tables)) for t in root.walk()}
    assert names(tables=tables) - names() == {f"{name}_history" for name in wanted}
    assert found["customer"].history_key == ("id",)
    assert found["customer_email"].history_key == ("customer_id", "email", "type", "verified")
    assert "_fivetran_id" not in found["sla_metric"].history_key
    assert found["conversation_channel"].history_key == ("name", "conversation_id")
    alone = choose(connection(tables={"kobject_order": {"history": True}}), ["kobject"])
    assert [(t.history, t.klasses_kept) for t in alone] == [(None, frozenset({"kobject_order"}))]


def test_a_history_may_be_asked_for_where_the_six_are_not() -> None:
    """`history = true` wins over `service_version = 1`."""
    asked = names(service_version=1, tables={"conversation": {"history": True}})
    assert asked - names(service_version=1) == {"conversation_history"}


def test_without_extras_only_the_reference_s_columns_are_left() -> None:
    """`rev`, `meta` and the like."""
    (message,) = (t for t in choose(connection(extras=False)) if t.name == "message")
    assert not {"rev", "meta", "body_link"} & {c.name for c in message.columns}
    assert "preview" in {c.name for c in message.columns}


def test_a_child_s_name_chooses_its_root() -> None:
    """`--table message_attachment` reads messages."""
    assert [t.name for t in choose(connection(), ["message_attachment"])] == ["message"]


def test_the_client_keeps_the_connection_s_share() -> None:
    """`api_utilization_percentage`, of both budgets."""
    client = client_for(connection(api_utilization_percentage=40), threading.Event(), Limits())
    assert (client.quota.search.allowed, client.quota.org.allowed) == (40, 120)
    client.close()


def test_the_section_that_lets_a_klass_in_names_the_table_that_it_gets() -> None:
    """`kobject_history` keeps versions, and `kobject_tag` is a child."""
    connection = from_flags(base_url="http://x", access_token="k", destination="duckdb:///x.duckdb")
    said = kept_out(connection, {"kobject.*": {"history", "tag", "order"}}, Names(), TABLES)
    assert ": kobject_history_2, kobject_order, kobject_tag_2. To let one in" in said
