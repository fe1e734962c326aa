"""What a connection says of columns, on batches."""

from __future__ import annotations

import hmac
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from kustomer_sync.kustomer.catalog import CUSTOMER, KOBJECT, WORK_SESSION
from kustomer_sync.model import ARROW_TYPES, Batch, Reject, Rows, Table, Type
from kustomer_sync.protect import Protection
from kustomer_sync.settings import from_flags
from kustomer_sync.shred import CustomTypes, Names, Shredder

UMLAUT = "\N{LATIN SMALL LETTER A WITH DIAERESIS}"
SALT = f"s{UMLAUT}lt"


def protection(tables: dict[str, Any]) -> Protection:
    return Protection(
        from_flags(
            domain="acme", access_token="k", destination="duckdb:///x.duckdb", hash_salt=SALT,
            tables=tables,
        )
    )  # fmt: skip


def digest(text: str) -> str:
    return hmac.new(SALT.encode(), text.encode(), "sha256").hexdigest()


def shredded(table: Table, *attributes: dict[str, Any], **top: Any) -> list[Batch]:
    records = [{"id": f"r{n}", "attributes": a, **top} for n, a in enumerate(attributes)]
    shredder = Shredder(
        table, names=Names(), custom_types=CustomTypes(), klass_of=lambda record: "parcel"
    )
    return shredder.shred(records)


def protected(choice: Protection, batch: Batch) -> Batch:
    found = choice.protect(batch)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("type_", "value", "text"),
    [
        (Type.STRING, f"{UMLAUT}n ", f"{UMLAUT}n "),
        (Type.INT, -5, "-5"),
        (Type.LONG, 2**40, "1099511627776"),
        (Type.DOUBLE, 5.0, "5"),
        (Type.DOUBLE, 0.1, "0.1"),
        (Type.BOOLEAN, True, "true"),
        (Type.INSTANT, datetime(2026, 11, 25, 8, tzinfo=UTC), "2026-11-25T08:00:00.000Z"),
        (Type.JSON, '{"b":1,"a":[2]}', '{"b":1,"a":[2]}'),
    ],
)  # fmt: skip
def test_a_digest_is_of_the_text_that_would_land(type_: Type, value: Any, text: str) -> None:
    """Every type's, as the module says; NULL stays NULL."""
    made = protection({}).digests(pa.array([value, None], ARROW_TYPES[type_]), type_)
    assert made.to_pylist() == [digest(text), None]


def test_a_column_is_dropped_or_hashed_and_the_others_stay() -> None:
    """In a root and a child; what nobody wants is told to the merge."""
    choice = protection({
        "customer": {"columns": {"custom_a_str": {"enabled": False}, "name": {"hashed": True}}},
        "customer_email": {"columns": {"email": {"hashed": True}}},
    })  # fmt: skip
    (raw,) = shredded(CUSTOMER, {
        "name": "Ann", "displayName": "A", "custom": {"aStr": "x", "bStr": "y"},
        "emails": [{"email": "a@b.c", "type": "work"}],
    })  # fmt: skip
    batch = protected(choice, raw)
    (row,) = batch.root.data.to_pylist()
    assert (row["name"], row["display_name"]) == (digest("Ann"), "A")
    assert "custom_a_str" not in row
    assert row["custom_b_str"] == "y"
    assert "custom_a_str" in batch.root.table.left_out
    assert batch.root.table.column("name").type is Type.STRING
    emails = next(c for c in batch.children if c.table.name == "customer_email")
    assert emails.data.to_pylist()[0]["email"] == digest("a@b.c")
    assert emails.data.to_pylist()[0]["type"] == "work"


def test_what_is_said_of_kobjects_is_said_of_each_klass() -> None:
    """And what is said of one klass is said of its table alone."""
    choice = protection({
        "kobject": {"columns": {"title": {"hashed": True}}},
        "kobject_parcel": {"columns": {"external_id": {"hashed": True}}},
    })  # fmt: skip
    whole, klass = shredded(KOBJECT, {"title": "t", "externalId": "e"}, klass="parcel")
    (common,) = protected(choice, whole).root.data.to_pylist()
    (own,) = protected(choice, klass).root.data.to_pylist()
    assert (common["title"], common["external_id"]) == (digest("t"), "e")
    assert (own["title"], own["external_id"]) == (digest("t"), digest("e"))


def test_a_blocked_klass_has_no_batch() -> None:
    """Its KObjects are in the common table alone."""
    choice = protection({"kobject_parcel": {"enabled": False}})
    whole, klass = shredded(KOBJECT, {"title": "t"}, klass="parcel")
    assert protected(choice, whole).records == 1
    assert choice.protect(klass) is None


def test_a_reject_keeps_its_text_only_where_that_may_land() -> None:
    """A whole element, or a record without an id, may hold anything; a blocked column has none."""
    choice = protection({"customer_email": {"columns": {"email": {"enabled": False}}}})
    rows = Rows(CUSTOMER, pa.table({"id": pa.array([], pa.string())}))
    email = next(c for c in CUSTOMER.children if c.name == "customer_email")
    child = Rows(email, pa.table({"email": pa.array([], pa.string())}))
    said = [
        ("customer", "id", None), ("customer", "attributes.emails", None),
        ("customer", "verified", "kept"), ("customer_email", "element", None),
        ("customer_email", "email", None), ("customer_email", "verified", "kept"),
    ]  # fmt: skip
    rejects = tuple(Reject(table, "r", column, "kept", "why") for table, column, _ in said)
    found = protected(choice, Batch(rows, (child,), rejects)).rejects
    assert [(r.table, r.column, r.value) for r in found] == [
        one for one in said if one[1] != "email"
    ]
    plain = protection({}).protect(Batch(rows, (child,), rejects))
    assert plain is not None
    assert plain.rejects == rejects


def test_a_key_made_of_content_is_made_with_the_salt() -> None:
    """Where a column of its table is protected, or it could be guessed from the key."""
    tables = {"work_session_channel": {"columns": {"name": {"enabled": False}}}}
    (raw,) = shredded(WORK_SESSION, {"channels": [{"name": "chat", "max": 3}]})
    plain = next(c for c in raw.children if c.table.name == "work_session_channel")
    batch = protected(protection(tables), raw)
    made = next(c for c in batch.children if c.table.name == "work_session_channel")
    (before,), (after,) = plain.data.to_pylist(), made.data.to_pylist()
    assert after["_fivetran_id"] == digest(before["_fivetran_id"])


def test_a_hidden_table_lands_under_a_system_s_name() -> None:
    """As the roots do that have no table of their own."""
    assert replace(CUSTOMER, hidden=True).place == "_kustomer_sync_customer"
    assert replace(CUSTOMER, name="_kustomer_sync_x", hidden=True).place == "_kustomer_sync_x"
