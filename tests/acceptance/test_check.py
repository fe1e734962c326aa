"""`check` says what a key can do, and writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kustomer_sync.check import check, has
from kustomer_sync.errors import DestinationUnusable, SourceUnreachable
from kustomer_sync.kustomer.catalog import CONVERSATION
from kustomer_sync.model import SEARCH_ROLE
from kustomer_sync.settings import Connection
from kustomer_sync.simulator import Limits, Simulator, Switches
from kustomer_sync.sync import Limits as Narrow
from kustomer_sync.sync import sync
from kustomer_sync.sync.choice import choose
from kustomer_sync.sync.landing import everything_of
from tests.acceptance.case import TINY, UNLIMITED

Connect = Callable[..., Connection]
SEARCHED = {"customer", "conversation", "message", "kobject"}


def test_the_search_role_costs_every_searched_table(connect: Connect) -> None:
    """It is a role of its own."""
    with Simulator(limits=UNLIMITED) as sim:
        sim.revoke_role("org.permission.search.create")
        (missing,) = check(connect(sim)).missing
        assert missing.role == "org.permission.search.create"
        assert set(missing.tables) >= SEARCHED


@pytest.mark.parametrize("role", ["search.create", "conversation.read"])
def test_what_is_asked_for_by_what_is_searched_needs_the_roles_of_that(
    connect: Connect, role: str
) -> None:
    """Though that itself is not wanted."""
    with Simulator(
        scale=TINY, switches=Switches(search_needs_object_role=True), limits=UNLIMITED
    ) as sim:
        sim.revoke_role(f"org.permission.{role}")
        off = {name: {"enabled": False} for name in everything_of(CONVERSATION)}
        connection = connect(sim, tables={**off, "conversation_event": {"enabled": True}})
        assert "conversation" not in {table.name for table in choose(connection)}
        missing = {m.role: m.tables for m in check(connection).missing}
        assert {"conversation_time", "conversation_event"} <= {*missing[f"org.permission.{role}"]}


def test_a_search_that_is_refused_although_the_key_has_the_roles_is_said(
    connect: Connect,
) -> None:
    """What the token names is believed only as far as Kustomer does."""
    with Simulator(scale=TINY, limits=UNLIMITED) as sim:
        sim.faults.add("status", "/search", value=403)
        (missing,) = check(connect(sim)).missing
        assert missing.role == SEARCH_ROLE
        assert set(missing.tables) >= SEARCHED


@pytest.mark.parametrize("included", [True, False])
def test_what_a_first_sync_costs_is_told(connect: Connect, included: bool) -> None:
    """Searches by table, and a request for each conversation where searches name no attachments."""
    switches = Switches(horizon_days=None, search_includes_attachments=included)
    with Simulator(switches=switches, limits=Limits(org=500, search=40)) as sim:
        found = check(connect(sim, api_utilization_percentage=50))
        costs = {cost.table: (cost.records, cost.searches, cost.others) for cost in found.costs}
        assert costs.pop("message_attachment", None) == (None if included else (150, 0, 150))
        assert costs.pop("conversation_time") == (150, 0, 150)
        assert costs == {
            "conversation": (150, 1, 0), "customer": (60, 1, 0), "message": (600, 2, 0),
            "kobject": (100, 1, 0), "company": (12, 1, 0), "note": (80, 1, 0),
        }  # fmt: skip
        assert (found.request_budget, found.search_budget) == (250, 20)


ROLES = (SEARCH_ROLE, *(
    f"org.permission.{kind}.read" for kind in ("conversation", "message", "kobject", "event", "tag")
))  # fmt: skip


@pytest.mark.parametrize("needs_object_role", [False, True])
def test_what_check_names_is_what_a_sync_lacks(
    connect: Connect, tmp_path: Path, needs_object_role: bool
) -> None:
    """For each way of reading, and whether or not a search needs the roles of what it finds.

    Notes of long ago come from a list.
    """
    switches = Switches(search_needs_object_role=needs_object_role)
    every = {name: {"enabled": True} for name in ("conversation_event", "audit_log")}
    with Simulator(scale=TINY, switches=switches, limits=UNLIMITED) as sim:

        def filled(file: str, known: str = "") -> tuple[set[str], set[str]]:
            """Tables with rows, and what `check` says the key can't fill."""
            connection = connect(sim, destination=f"duckdb:///{tmp_path}/{file}", tables=every)
            found = check(connection)
            assert {m.role for m in found.missing} <= {known}
            report = sync(connection)
            assert report.status == "SUCCESSFUL", report.error
            lacking = {name for missing in found.missing for name in missing.tables}
            return {name for name, table in report.tables.items() if table.rows}, lacking

        whole, lacking = filled("whole.duckdb")
        assert lacking == set()
        for role in ROLES:
            sim.revoke_role(role)
            there, lacking = filled(f"{role}.duckdb", role)
            if "kobject_KLASS" in lacking:
                lacking |= {n for n in whole if n.startswith("kobject_")}
            of_notes = {n for n in whole if n.startswith("note")} if role == SEARCH_ROLE else set()
            assert whole - there - of_notes == lacking & whole - of_notes, role
            sim.grant_role(role)


def test_where_the_roles_are_not_told_each_path_is_tried(connect: Connect) -> None:
    """A server without the path that tells them."""
    with Simulator(limits=UNLIMITED) as sim:
        sim.faults.add("status", "/current", value=404)
        sim.revoke_role("org.permission.tag.read")
        sim.revoke_role("org.permission.search.create")
        found = check(connect(sim))
        assert not found.roles_known
        costs = {name for missing in found.missing for name in missing.tables}
        assert costs >= {"tag", *SEARCHED}
        assert not costs & {"team", "user"}


def test_an_address_that_is_no_kustomer_is_refused_and_writes_nothing(
    connect: Connect, tmp_path: Path
) -> None:
    """One with /v1 too many, say: every path below it is unknown, which is not one missing role."""
    with Simulator(limits=UNLIMITED) as sim:
        file = tmp_path / "none.duckdb"
        connection = connect(sim, base_url=f"{sim.url}/v1", destination=f"duckdb:///{file}")
        for does in (check, sync):
            with pytest.raises(SourceUnreachable, match=r"none of the paths.*ends before /v1"):
                does(connection)
        assert not file.exists()


def test_a_web_page_at_every_path_is_no_kustomer(connect: Connect, tmp_path: Path) -> None:
    """What answers at the org's web address, not at its API's: exit code 2, nothing written."""
    with Simulator(limits=UNLIMITED) as sim:
        file, limits = tmp_path / "none.duckdb", Narrow(retry_seconds=1)
        sim.faults.add("html", value=200)
        with pytest.raises(SourceUnreachable, match="not Kustomer's API") as refused:
            sync(connect(sim, destination=f"duckdb:///{file}"), limits=limits)
        assert refused.value.exit_code == 2
        assert not file.exists()


def test_a_destination_that_can_not_be_opened_is_said(connect: Connect, tmp_path: Path) -> None:
    """Before a sync would meet it."""
    with Simulator(limits=UNLIMITED) as sim, pytest.raises(DestinationUnusable):
        check(connect(sim, destination=f"duckdb:///{tmp_path}/nowhere/x.duckdb"))


@pytest.mark.parametrize(
    ("given", "granted"),
    [
        ("org.permission.message.read", True), ("org.permission.message", True),
        ("org.permission", True), ("org", True), ("org.user.message.read", True),
        ("org.admin.message.read", True), ("org.permission.messages.read", False),
        ("org.permission.message.create", False), ("org.permission.customer.read", False),
    ],
)  # fmt: skip
def test_a_role_is_granted_by_itself_its_legacy_name_and_what_is_above(
    given: str, granted: bool
) -> None:
    """And by nothing else."""
    assert has({given}, "org.permission.message.read") is granted
