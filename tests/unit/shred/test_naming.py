"""Custom attributes and klasses get the names the reference connector gives them, for ever."""

from __future__ import annotations

import re

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kustomer_sync.shred import Names
from kustomer_sync.shred.naming import snake


@pytest.mark.parametrize(
    ("attribute", "column"),
    [
        ("airBnbThreadIdNum", "custom_air_bnb_thread_id_num"),
        ("airBNBuserIdNum", "custom_air_bn_buser_id_num"),
        ("verifiedAtAt", "custom_verified_at_at"),
        ("checkInDateLocalAt", "custom_check_in_date_local_at"),
        ("issueCategoryTree", "custom_issue_category_tree"),
        ("notesTxt", "custom_notes_txt"),
        ("zendeskTicketUrl", "custom_zendesk_ticket_url"),
        ("ordersCountNum", "custom_orders_count_num"),
    ],
)
def test_names_seen_at_the_reference_connector(attribute: str, column: str) -> None:
    """Public models query these names."""
    assert Names().column("conversation", attribute, ()) == column


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("address2", "address_2"), ("ipv4Address", "ipv_4_address"), ("2fa", "_2_fa"),
        ("HTTPServer", "http_server"), ("URL", "url"), ("already_snake", "already_snake"),
        ("ecomm-order", "ecomm_order"), ("a  b--c", "a_b_c"), ("größeStr", "grosse_str"),
        ("Éclair", "eclair"), ("a💥b", "a_b"), ("x__y", "x_y"),
        ("", "empty"), ("💥", "_1f4a5"), ("日本", "_65e5_672c"),
    ],
)  # fmt: skip
def test_snake(name: str, wanted: str) -> None:
    """camelCase and digits are split, foreign letters spelled, the rest is one underscore."""
    assert snake(name) == wanted


def test_a_name_already_taken_is_numbered_in_order_of_first_sight() -> None:
    """Two attributes never share a column, and each keeps the one it got."""
    names = Names()
    assert names.column("customer", "orderNum", ()) == "custom_order_num"
    assert names.column("customer", "order_num", ()) == "custom_order_num_2"
    assert names.column("customer", "OrderNum", ()) == "custom_order_num_3"
    assert names.column("customer", "orderNum", ()) == "custom_order_num"
    assert names.column("company", "order_num", ()) == "custom_order_num"


def test_a_column_of_the_catalog_is_taken() -> None:
    """It can't be overwritten by a custom attribute."""
    assert Names().column("customer", "idStr", ["custom_id_str"]) == "custom_id_str_2"


def test_a_klass_and_a_history_never_share_a_name() -> None:
    """Whichever is met first keeps the name."""
    names = Names()
    assert names.klass_table("history", []) == "kobject_history_2"
    assert names.klass_table("order", []) == "kobject_order"
    assert names.klass_history("kobject_order") == "kobject_order_history"
    assert names.klass_table("order_history", []) == "kobject_order_history_2"
    assert names.klass_table("case_history", []) == "kobject_case_history"
    assert names.klass_table("case", []) == "kobject_case"
    again = Names.from_state(names.state())
    assert again.klass_history("kobject_case") == "kobject_case_history_2"
    assert again.klass_history("kobject_order") == "kobject_order_history"


def test_klass_tables() -> None:
    """A klass called `tag` does not land in the child table `kobject_tag`."""
    names, taken = Names(), ["kobject", "kobject_tag"]
    assert names.klass_table("reservation", taken) == "kobject_reservation"
    assert names.klass_table("tag", taken) == "kobject_tag_2"
    assert names.klass_table("select", taken) == "kobject_select"
    assert names.klass_table("ecomm-order", taken) == "kobject_ecomm_order"
    assert names.klass_table("ecommOrder", taken) == "kobject_ecomm_order_2"


def test_long_names_are_cut_and_stay_different() -> None:
    """PostgreSQL would cut them silently and then refuse the second."""
    names = Names()
    found = [names.column("customer", "x" * 80 + str(n), ()) for n in range(12)]
    assert len(set(found)) == 12
    assert all(len(name.encode()) <= 63 for name in found)


@settings(deadline=None)
@given(st.lists(st.text(max_size=90), unique=True))
def test_every_name_is_its_own_and_remembered(attributes: list[str]) -> None:
    """Whatever an attribute is called, it has one plain name, also after a restart."""
    names = Names()
    found = [names.column("customer", attribute, ["custom_a"]) for attribute in attributes]
    assert len({*found, "custom_a"}) == len(attributes) + 1
    assert all(re.fullmatch("custom_[a-z0-9_]+", n) and len(n) <= 63 for n in found)
    again = Names.from_state(orjson.loads(orjson.dumps(names.state())))
    shuffled = list(reversed(attributes))
    assert [again.column("customer", a, ["custom_a"]) for a in shuffled] == found[::-1]
