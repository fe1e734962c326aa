"""What a connection asks for."""

from __future__ import annotations

import threading
from typing import Any

from kustomer_sync.settings import Connection, from_flags
from kustomer_sync.sync import Limits, choose, client_for


def connection(**settings: Any) -> Connection:
    return from_flags(domain="acme", access_token="k", destination="duckdb:///x.duckdb", **settings)


def names(**settings: Any) -> set[str]:
    tables = [t for root in choose(connection(**settings)) for t in root.walk()]
    return {t.name for t in tables} | {t.history for t in tables if t.history}


def test_service_version_1_has_no_histories() -> None:
    """It is version 2 without the six."""
    gone = names() - names(service_version=1)
    assert len(gone) == 6
    assert all(name.endswith("_history") for name in gone)


def test_a_disabled_table_takes_only_itself() -> None:
    """A root with its children and histories, a child, or a history."""
    assert "message_attachment" not in names(tables={"message": {"enabled": False}})
    assert names() - names(tables={"conversation_tag_history": {"enabled": False}}) == {
        "conversation_tag_history"
    }
    assert names() - names(tables={"team_member": {"enabled": False}}) == {"team_member"}


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
