"""What is blocked or hashed lands nowhere as it is, and comes back when it is wanted again."""

from __future__ import annotations

import hmac
import logging
import re
from typing import Any

import duckdb
import pytest

from kustomer_sync.check import check
from kustomer_sync.kustomer.catalog import TABLES
from kustomer_sync.settings import Connection, check_tables, load
from kustomer_sync.simulator import Simulator
from kustomer_sync.sync import Resync
from tests.acceptance.case import Case, connection_to, living
from tests.acceptance.test_verify import verified
from tests.acceptance.truth import contents

SALT = "a salt of the tests"
SECRET = "zqxsecretzqx"
"""Stands in no value of the made-up org."""
WANTED = ("customer", "conversation", "message", "kobject")


def digest(text: str) -> str:
    return hmac.new(SALT.encode(), text.encode(), "sha256").hexdigest()


def choices(**columns: Any) -> dict[str, Any]:
    """`customer__name={"enabled": False}` -> the section of that column."""
    tables: dict[str, Any] = {}
    for name, wish in columns.items():
        table, _, column = name.partition("__")
        if column:
            tables.setdefault(table, {}).setdefault("columns", {})[column] = wish
        else:
            tables.setdefault(table, {}).update(wish)
    return tables


def connect(
    case: Case, sim: Simulator, wanted: tuple[str, ...] = WANTED, *, salt: str | None = SALT,
    settings: dict[str, Any] | None = None, **columns: Any,
) -> Connection:  # fmt: skip
    """As `case.connect`, with what is said of columns and tables besides."""
    plain = case.connect(sim, tables=wanted)
    tables = {name: {"enabled": c.enabled} for name, c in plain.tables.items()}
    for name, said in choices(**columns).items():
        tables[name] = {**tables.get(name, {}), **said}
    given = {"hash_salt": salt} if salt else {}
    return connection_to(
        sim, case.database, overlap_seconds=5, tables=tables, **given, **(settings or {})
    )


def plant(sim: Simulator, *, misfits: bool = True) -> dict[str, str]:
    """Secrets in a customer, a conversation, a message and a KObject; their ids by kind.

    `misfits`: where a number is expected too.
    """
    customer = next(living(sim, "customer", 2))
    talk, sent, thing = (next(living(sim, k, 2)) for k in ("conversation", "message", "kobject"))
    sim.edit("customer", customer, {
        "displayName": f"{SECRET}1", "emails": [{"email": f"{SECRET}2", "type": "work"}],
        "custom": {"codeStr": f"{SECRET}3", "countNum": 4.5, "openStr": "open"},
    })  # fmt: skip
    odd = {"messageCount": f"{SECRET}5"}, {"size": f"{SECRET}7"}
    counted, sized = odd if misfits else ({}, {})
    sim.edit("conversation", talk, {"name": f"{SECRET}4", **counted})
    sim.edit("message", sent, {"preview": f"{SECRET}6", **sized})
    sim.edit("kobject", thing, {"title": f"{SECRET}8", "custom": {"codeStr": f"{SECRET}9"}})
    sim.clock.advance(60)
    return {"customer": customer, "conversation": talk, "message": sent, "kobject": thing}


def assert_nowhere(case: Case, secret: str = SECRET) -> None:
    """In no table, the state's and the rejects' included, and in no byte of the files."""
    tables = case.ask("SELECT table_name FROM duckdb_tables()")
    for (name,) in tables:
        rows = case.ask(f'SELECT CAST(t AS VARCHAR) FROM kustomer."{name}" t')
        assert not [row for (row,) in rows if secret in row], name
    for path in case.database.parent.glob(f"{case.database.name}*"):
        assert secret.encode() not in path.read_bytes(), path


BLOCKED: dict[str, Any] = {
    "customer__display_name": {"enabled": False}, "customer_email__email": {"enabled": False},
    "customer__custom_code_str": {"enabled": False},
    "customer__custom_count_num": {"enabled": False}, "conversation__name": {"enabled": False},
    "conversation__message_count": {"enabled": False}, "message__preview": {"enabled": False},
    "message__size": {"enabled": False}, "kobject__title": {"enabled": False},
    "kobject__custom_code_str": {"enabled": False},
}  # fmt: skip
HASHED: dict[str, Any] = {name: {"hashed": True} for name in BLOCKED}


@pytest.mark.parametrize("wish", ["blocked", "hashed"])
def test_protected_values_land_nowhere(
    case: Case, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], wish: str
) -> None:
    """In no row, reject, state, file or message; the rest of each row is there."""
    caplog.set_level(logging.INFO)
    with case.org(rate=2) as sim:
        plant(sim)
        columns = BLOCKED if wish == "blocked" else HASHED
        connection = connect(case, sim, **columns)
        notes: list[str] = []
        report = case.sync(connection, progress=lambda now: notes.append(repr(now)))
        assert report.status == "SUCCESSFUL", report.error
        assert_nowhere(case)
        told = [*notes, repr(report.to_dict()), caplog.text, *capfd.readouterr()]
        assert not [text for text in told if SECRET in text]
        rejects = case.ask(
            "SELECT value FROM kustomer._kustomer_sync_rejects "
            "WHERE column_name IN ('message_count', 'size')"
        )
        assert [value for (value,) in rejects if value is not None] == []
        if wish == "hashed":
            assert (None,) in rejects
        else:
            assert case.ask(
                "SELECT count(*) FROM duckdb_columns() "
                "WHERE (table_name, column_name) IN (('customer', 'display_name'), "
                "('conversation_history', 'name'), ('customer', 'custom_code_str'))"
            ) == [(0,)]


def test_digests_are_the_same_everywhere(case: Case) -> None:
    """Of the text as it would land; NULL stays NULL, so what joined still joins."""
    with case.org(rate=0) as sim:
        ids = plant(sim)
        nameless = next(living(sim, "conversation", 9))
        sim.edit("conversation", nameless, {"name": None})
        sim.clock.advance(60)
        case.sync(connect(case, sim, **HASHED))
        (customer,) = case.ask(
            "SELECT display_name, custom_code_str, custom_count_num, custom_open_str, "
            f"typeof(custom_count_num) FROM kustomer.customer WHERE id = '{ids['customer']}'"
        )
        assert customer == (
            digest(f"{SECRET}1"), digest(f"{SECRET}3"), digest("4.5"), "open", "VARCHAR"
        )  # fmt: skip
        for table in ("kobject", case.klass_table(sim, ids["kobject"])):
            titles = case.ask(f"SELECT title FROM kustomer.{table} WHERE id = '{ids['kobject']}'")
            assert titles == [(digest(f"{SECRET}8"),)]
        names = f"SELECT DISTINCT name FROM kustomer.{{}} WHERE id = '{ids['conversation']}'"
        for table in ("conversation", "conversation_history"):
            assert (digest(f"{SECRET}4"),) in case.ask(names.format(table))
            found = case.ask(f"SELECT name FROM kustomer.{table} WHERE id = '{nameless}'")
            assert (None,) in found


def test_a_blocked_column_rewrites_nothing_and_is_empty_in_rows_written_later(case: Case) -> None:
    """What stood there stays until its row changes."""
    with case.org(rate=0) as sim:
        ids = plant(sim)
        case.sync(connect(case, sim))
        before = case.ask("SELECT id, preview, _fivetran_synced FROM kustomer.message ORDER BY id")
        connection = connect(case, sim, message__preview={"enabled": False})
        sim.clock.advance(60)
        read_all_again(case)
        report = case.sync(connection, reimport=True)
        after = case.ask("SELECT id, preview, _fivetran_synced FROM kustomer.message ORDER BY id")
        assert after == before
        assert report.tables["message"].updated == 0
        sim.edit("message", ids["message"], {"subject": "changed"})
        sim.clock.advance(60)
        case.sync(connection)
        one = f"SELECT preview, subject FROM kustomer.message WHERE id = '{ids['message']}'"
        assert case.ask(one) == [(None, "changed")]


def test_turning_hashing_on_rewrites_what_is_there_and_reading_it_again_changes_nothing(
    case: Case,
) -> None:
    """In place, the history and the rejects too; nothing is requested for it.

    What is text from then on is told, once.
    """
    with case.org(rate=0) as sim:
        ids = plant(sim)
        case.sync(connect(case, sim))
        sim.clock.advance(60)
        connection = connect(case, sim, **HASHED)
        told = [
            warning.message
            for report in (case.sync(connection), case.sync(connection))
            for warning in report.warnings
            if warning.code == "column_changed" and "conversation.message_count" in warning.message
        ]
        assert len(told) == 1
        assert told[0].endswith(" were INTEGER and are VARCHAR now: it is hashed.")
        if case.character == "hostile":  # what landed before its column became text lands now
            read_all_again(case)
            sim.clock.advance(60)
            case.sync(connection, reimport=True)
        tables = case.ask("SELECT table_name FROM duckdb_tables()")
        for (name,) in tables:
            rows = case.ask(f'SELECT CAST(t AS VARCHAR) FROM kustomer."{name}" t')
            assert not [row for (row,) in rows if SECRET in row], name
        again = contents(case.database)
        (name,) = case.ask(f"SELECT name FROM kustomer.conversation_history WHERE id = "
                           f"'{ids['conversation']}' AND _fivetran_active")  # fmt: skip
        assert name == (digest(f"{SECRET}4"),)
        read_all_again(case)
        sim.clock.advance(60)
        case.sync(connection, reimport=True)
        assert contents(case.database) == again


def test_turning_it_off_brings_the_values_back(case: Case) -> None:
    """Blocked or hashed before, they are read again, in their own types."""
    with case.org(rate=0) as sim:
        plant(sim, misfits=False)
        case.sync(connect(case, sim, **HASHED))
        sim.mutator.start(case.rate)
        case.sync(connect(case, sim, **BLOCKED))
        case.assert_equal(sim, connect(case, sim))
        for column, table, type_ in (
            ("custom_count_num", "customer", "DOUBLE"), ("message_count", "conversation", "INTEGER")
        ):  # fmt: skip
            assert case.ask(f"SELECT DISTINCT typeof({column}) FROM kustomer.{table}") == [(type_,)]


def test_another_salt_is_refused_and_writes_nothing(case: Case) -> None:
    """Exit 2; once nothing is hashed any more, a new one is as good."""
    from kustomer_sync.errors import ConfigError

    with case.org(rate=0) as sim:
        plant(sim)
        case.sync(connect(case, sim, **HASHED))
        before = case.database.read_bytes()
        with pytest.raises(ConfigError, match="hash_salt"):
            case.sync(connect(case, sim, salt="another", **HASHED))
        with pytest.raises(ConfigError, match="hash_salt"):
            check(connect(case, sim, salt="another", **HASHED))
        assert case.database.read_bytes() == before
        case.sync(connect(case, sim, salt=None))
        case.sync(connect(case, sim, salt="another", **HASHED))
        found = case.ask("SELECT display_name FROM kustomer.customer")
        assert (hmac.new(b"another", f"{SECRET}1".encode(), "sha256").hexdigest(),) in found


def test_a_custom_name_that_nothing_has_is_said(case: Case) -> None:
    """A misspelt one would leave in clear what was to be kept out of sight."""
    with case.org(rate=0) as sim:
        plant(sim)
        wishes: dict[str, Any] = {
            "customer__custom_code_str": {"hashed": True},
            "customer__custom_cdoe_str": {"hashed": True},
            "kobject__custom_code_str": {"enabled": False},
            "kobject_ordr": {"enabled": False}, "kobject_order": {"enabled": False},
        }  # fmt: skip
        report = case.sync(connect(case, sim, **wishes))
        said = [w.message for w in report.warnings if w.code == "name_unmet"]
        assert len(said) == 2
        assert 'did you mean "customer.custom_code_str"?' in said[0]
        assert 'did you mean "kobject_order"?' in said[1]


def read_all_again(case: Case) -> None:
    """The state forgets what was read."""
    with duckdb.connect(str(case.database)) as db:
        db.execute("DELETE FROM kustomer._kustomer_sync_state WHERE key LIKE 'table:%'")


# ---- tables ----


def test_children_and_histories_sync_without_their_parent(case: Case) -> None:
    """The parent lands nowhere that users look; its children are the org's, living or gone."""
    off = {"enabled": False}
    with case.org() as sim:
        connection = connect(case, sim, customer=off, conversation=off, conversation_tag=off)
        report = case.sync(connection)
        assert "customer_email" in report.tables
        assert not {"customer", "conversation", "conversation_tag"} & set(report.tables)
        tables = {name for (name,) in case.ask("SELECT table_name FROM duckdb_tables()")}
        assert not {"customer", "conversation", "conversation_tag"} & tables
        assert {"conversation_history", "conversation_tag_history", "customer_email"} <= tables
        sim.hard_delete("customer", next(living(sim, "customer", 5)))
        sim.clock.advance(24 * 3600)
        case.sync(connection)
        case.assert_equal(sim, connection)
        flagged = case.ask("SELECT DISTINCT customer_id FROM kustomer.customer_email "
                           "WHERE _fivetran_deleted")  # fmt: skip
        absent = {v.id for v in sim.ledger.erased("customer")}
        assert {one for (one,) in flagged} <= absent


def test_a_table_that_is_hidden_and_comes_back_is_as_the_org(case: Case) -> None:
    """What changed and went meanwhile included; nothing of the hidden one is left."""
    with case.org() as sim:
        whole = connect(case, sim)
        case.sync(whole)
        case.sync(connect(case, sim, customer={"enabled": False}))
        sim.mutator.stop()
        gone = next(living(sim, "customer", 3))
        sim.hard_delete("customer", gone)
        sim.clock.advance(24 * 3600)
        case.sync(connect(case, sim, customer={"enabled": False}))
        assert case.sync(whole).tables["customer"].deleted > 0
        flag = f"SELECT _fivetran_deleted FROM kustomer.customer WHERE id = '{gone}'"
        assert case.ask(flag) == [(True,)]
        hidden = "SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE '%sync_customer'"
        assert case.ask(hidden) == [(0,)]
        case.assert_equal(sim, whole)


def test_what_came_and_went_while_its_table_was_hidden_is_flagged(case: Case) -> None:
    """Its child rows, which were there meanwhile, too."""
    with case.org(rate=0) as sim:
        whole = connect(case, sim)
        case.sync(whole)
        hidden = connect(case, sim, customer={"enabled": False})
        case.sync(hidden)
        came = sim.create("customer", {"displayName": "x", "emails": [{"email": "x@example.org"}]})
        sim.settle()
        sim.clock.advance(60)
        case.sync(hidden)
        flag = "SELECT _fivetran_deleted FROM kustomer.{} = '{}'"
        mine = flag.format("customer_email WHERE customer_id", came)
        assert case.ask(mine) == [(False,)]
        sim.hard_delete("customer", came)
        sim.clock.advance(60)
        began = case.sync(whole).started_at
        synced = f"SELECT _fivetran_synced FROM kustomer.customer WHERE id = '{came}'"
        assert case.ask(synced) == [(began,)]
        case.assert_equal(sim, whole)
        assert case.ask(mine) == [(True,)]
        assert case.ask(flag.format("customer WHERE id", came)) == [(True,)]


# ---- wanted again ----


@pytest.mark.parametrize(
    "name",
    [
        "customer__display_name", "customer_email", "customer", "kobject__custom_code_str",
    ],
)  # fmt: skip
def test_what_is_wanted_again_is_filled_and_nothing_else_is_read(case: Case, name: str) -> None:
    """The org changed meanwhile; what it costs is told before, and told once."""
    with case.org(rate=0, hard_deletes=False) as sim:
        plant(sim, misfits=False)
        off: dict[str, Any] = {name: {"enabled": False}}
        whole, without = connect(case, sim), connect(case, sim, **off)
        case.sync(without)
        sim.mutator.start(case.rate)
        sim.clock.advance(60)
        case.sync(without)
        sim.requests.clear()
        told: list[str] = []
        report = case.sync(whole, progress=lambda now: told.append(now.sentence))
        assert report.status == "SUCCESSFUL", report.error
        (notice,) = filter(None, told)
        assert name.replace("__", ".") in notice
        assert "request" in notice
        case.assert_equal_by_polling(sim, whole)
        told.clear()
        case.sync(whole, progress=lambda now: told.append(now.sentence))
        assert not any(told)


def test_a_back_fill_asks_for_nothing_else(case: Case) -> None:
    """Rows that are there for other tables' sake are not asked for again."""
    tables = ("conversation", "conversation_time", "customer", "message")
    with case.org(rate=0) as sim:
        off = {"enabled": False}
        case.sync(connect(case, sim, tables, conversation__name=off))
        sim.clock.advance(60)
        sim.requests.clear()
        case.sync(connect(case, sim, tables))
        assert sim.requests.count("/times") == 0
        assert sim.requests.count("/v1/conversations/.*/messages") == 0


def test_flags_are_caught_up_in_a_child_that_returns(case: Case) -> None:
    """Its record went while nobody wanted the child."""
    with case.org(rate=0) as sim:
        whole = connect(case, sim)
        case.sync(whole)
        ((gone,),) = case.ask("SELECT min(customer_id) FROM kustomer.customer_email")
        sim.hard_delete("customer", gone)
        sim.clock.advance(24 * 3600 + 60)
        case.sync(connect(case, sim, customer_email={"enabled": False}))
        case.sync(whole)
        flags = case.ask("SELECT customer_id, _fivetran_deleted FROM kustomer.customer_email")
        assert {flag for one, flag in flags if one == gone} == {True}


def test_a_back_fill_that_is_killed_goes_on(case: Case) -> None:
    """Nothing that it had still to read is forgotten."""
    import subprocess
    import sys
    import time

    with case.org(hard_deletes=False) as sim:
        plant(sim, misfits=False)
        whole = connect(case, sim)
        case.sync(connect(case, sim, customer_email={"enabled": False},
                          message__preview={"enabled": False}))  # fmt: skip
        command = [sys.executable, "-m", "tests.acceptance.run_sync", sim.url, str(case.database),
                   str(case.size), str(case.cap)]  # fmt: skip
        for _ in range(4):
            process = subprocess.Popen(command)
            time.sleep(1.5)
            process.kill()
            process.wait()
        case.assert_equal_by_polling(sim, whole)


# ---- what is new in Kustomer ----


def _new_things(sim: Simulator) -> None:
    sim.add_klass("parcel", kobjects=3)
    sim.add_custom("customer", "freshStr", {"type": "string"})
    for customer in (sim.id("customer", 3), sim.id("customer", 4)):
        sim.edit("customer", customer, {"custom": {"freshStr": "fresh"}})
    sim.clock.advance(60)


@pytest.mark.parametrize(
    ("handling", "klass", "attribute"),
    [("ALLOW_ALL", True, True), ("ALLOW_COLUMNS", False, True), ("BLOCK_ALL", False, False)],
)
def test_what_is_new_lands_as_the_connection_says(
    case: Case, handling: str, klass: bool, attribute: bool
) -> None:
    """And is filled when it is let in, by name or all of it."""
    with case.org(rate=0) as sim:
        case.sync(connect(case, sim))
        _new_things(sim)
        settings = {"schema_change_handling": handling}
        report = case.sync(connect(case, sim, settings=settings))
        tables = {name for (name,) in case.ask("SELECT table_name FROM duckdb_tables()")}
        assert ("kobject_parcel" in tables) == klass
        found = "SELECT count(*) FROM duckdb_columns() WHERE column_name = 'custom_fresh_str'"
        assert case.ask(found) == [(int(attribute),)]
        assert case.ask("SELECT count(*) FROM kustomer.kobject WHERE klass = 'parcel'") == [(3,)]
        warned = [w.message for w in report.warnings if w.code == "new_blocked"]
        assert bool(warned) == (not klass)
        assert all(("kobject_parcel" in w) for w in warned)
        _advice_works(case, warned)
        assert all(("custom_fresh_str" in w) == (not attribute) for w in warned)
        case.sync(connect(case, sim, settings=settings, kobject_parcel={"enabled": True},
                          customer__custom_fresh_str={"enabled": True}))  # fmt: skip
        assert case.ask("SELECT count(*) FROM kustomer.kobject_parcel") == [(3,)]
        fresh = "SELECT count(*) FROM kustomer.customer WHERE custom_fresh_str = 'fresh'"
        assert case.ask(fresh) == [(2,)]
        case.assert_equal(sim, connect(case, sim))


def _advice_works(case: Case, warned: list[str]) -> None:
    """The section that a warning names may stand beside one of the same table."""
    for section in (found for w in warned for found in re.findall(r"\[(connections\S+)\]", w)):
        assert section.startswith("connections.kustomer.tables.")
        table = section.split(".")[3]
        beside = f"[connections.kustomer.tables.{table}]\nhistory = true\n"
        text = beside if section.count(".") > 3 else ""
        path = case.database.with_name("advice.toml")
        path.write_text(
            '[connections.kustomer]\ndomain = "x"\naccess_token = "k"\n'
            f'destination = "duckdb:///x.duckdb"\n{text}[{section}]\nenabled = true\n'
        )
        check_tables(load(path), TABLES)


def test_going_back_to_all_brings_what_was_kept_out(case: Case) -> None:
    """Only roots that had some are read again."""
    with case.org(rate=0) as sim:
        case.sync(connect(case, sim))
        _new_things(sim)
        case.sync(connect(case, sim, settings={"schema_change_handling": "BLOCK_ALL"}))
        told: list[str] = []
        case.sync(connect(case, sim), progress=lambda now: told.append(now.sentence))
        assert sorted(t.partition(":")[0] for t in told if t) == [
            "customer.custom_fresh_str", "kobject_parcel"
        ]  # fmt: skip
        case.assert_equal(sim, connect(case, sim))


def test_a_klass_that_is_blocked_and_wanted_again(case: Case) -> None:
    """Its table stands still meanwhile."""
    with case.org(rate=0) as sim:
        sim.add_klass("parcel", kobjects=3)
        sim.clock.advance(60)
        whole = connect(case, sim)
        case.sync(whole)
        sim.create("kobject.parcel", {"title": "new", "tags": [], "custom": {}},
                   {"customer": sim.id("customer", 1)})  # fmt: skip
        sim.clock.advance(60)
        case.sync(connect(case, sim, kobject_parcel={"enabled": False}))
        assert case.ask("SELECT count(*) FROM kustomer.kobject_parcel") == [(3,)]
        case.sync(whole)
        assert case.ask("SELECT count(*) FROM kustomer.kobject_parcel") == [(4,)]
        case.assert_equal(sim, whole)


def test_a_hashed_key_of_content_does_not_give_its_content_away(case: Case) -> None:
    """It is made with the salt, stays over re-readings, and is turned in place."""
    with case.org(rate=0) as sim:
        key = "SELECT _fivetran_id FROM kustomer.work_session_channel ORDER BY 1"
        plain = connect(case, sim, ("work_session",))
        case.sync(plain)
        before = [one for (one,) in case.ask(key)]
        assert before
        connection = connect(case, sim, ("work_session",),
                             work_session_channel__capacity_max={"enabled": False})  # fmt: skip
        sim.clock.advance(60)
        case.sync(connection)
        after = [one for (one,) in case.ask(key)]
        assert after == sorted(digest(one) for one in before)
        report = case.sync(connection, reimport=True)
        assert [one for (one,) in case.ask(key)] == after
        assert report.tables["work_session_channel"].inserted == 0


def test_check_says_what_a_back_fill_costs(case: Case) -> None:
    """Before the sync that does it."""

    with case.org(rate=0) as sim:
        case.sync(connect(case, sim, customer_email={"enabled": False}))
        (fill,) = check(connect(case, sim)).back_fills
        ((rows,),) = case.ask("SELECT count(*) FROM kustomer.customer")
        assert (fill.table, fill.lacking, fill.records) == ("customer", ("customer_email",), rows)
        assert fill.searches is not None
        assert fill.searches >= 1


def test_a_klass_that_is_no_longer_listed_keeps_its_rows(case: Case) -> None:
    """No list and no path of its own shows them; of these the one that is erased is flagged."""
    with case.org(rate=0) as sim:
        klass = sim.add_klass("parcel", kobjects=3)
        sim.clock.advance(60)
        connection = connect(case, sim)
        case.sync(connection)
        rows = "SELECT id, _fivetran_deleted FROM kustomer.kobject_parcel ORDER BY id"
        before = case.ask(rows)
        sim.hard_delete("klass", klass)
        sim.clock.advance(24 * 3600)
        case.sync(connection)
        assert len(before) == 3
        assert case.ask(rows) == before
        erased = before[1][0]
        sim.hard_delete("kobject", erased)
        sim.clock.advance(24 * 3600 + 60)
        case.sync(connection)
        assert case.ask(rows) == [(one, one == erased) for one, _ in before]


@pytest.mark.parametrize("status", ["disabled", "existing_only"])
def test_a_klass_that_is_disabled_keeps_its_rows(case: Case, status: str) -> None:
    """It is in a list of its own from then on; its KObjects are read as before."""
    with case.org(rate=0) as sim:
        klass = sim.add_klass("parcel", kobjects=3)
        sim.clock.advance(60)
        connection = connect(case, sim, (*WANTED, "klass"))
        case.sync(connection)
        rows = "SELECT id, title, _fivetran_deleted FROM kustomer.kobject_parcel ORDER BY id"
        before = case.ask(rows)
        assert len(before) == 3
        sim.edit("klass", klass, {"status": status})
        sim.clock.advance(24 * 3600 + 60)
        report = case.sync(connection)
        assert report.tables["kobject_parcel"].deleted == report.tables["klass"].deleted == 0
        assert case.ask(rows) == before
        told = f"SELECT status, _fivetran_deleted FROM kustomer.klass WHERE id = '{klass}'"
        assert case.ask(told) == [(status, False)]
        changed = before[1][0]
        sim.edit("kobject", changed, {"title": "late"})
        sim.clock.advance(60)
        case.sync(connection)
        assert case.ask(rows) == [
            (one, "late" if one == changed else title, gone) for one, title, gone in before
        ]
        case.assert_equal(sim, connection)


def protected(case: Case) -> list[list[tuple[Any, ...]]]:
    """The digests, each with its record's id and with when its row was written."""
    return [
        case.ask(f"SELECT {columns}, _fivetran_synced FROM kustomer.{table} ORDER BY ALL")
        for table, columns in (
            ("customer", "id, display_name, custom_code_str"), ("kobject", "id, title"),
            ("customer_email", "customer_id, email"),
        )
    ]  # fmt: skip


def test_verify_and_re_sync_see_what_is_protected_as_it_is_to_be(case: Case) -> None:
    """Blocked and hashed columns and a hidden root are no difference, and stay as they are."""
    with case.org(rate=0) as sim:
        ids = plant(sim)
        connection = connect(
            case, sim, message={"enabled": False}, **{
                **HASHED, "conversation__name": {"enabled": False},
                "customer_email__type": {"enabled": False},
            },
        )  # fmt: skip
        case.sync(connection)
        told = verified(case, connection)
        assert told.status == "AGREES", told
        assert "message" not in told.tables
        assert told.tables["message_assigned_team"].sampled > 0  # the first of its children
        assert told.tables["customer"].sampled > 0
        before = protected(case)
        sim.clock.advance(60)
        report = case.sync(connection, resync=Resync())
        assert report.status == "SUCCESSFUL", report.error
        assert protected(case) == before
        assert_nowhere(case)
        one = f"WHERE id = '{ids['customer']}'"
        assert case.ask(f"SELECT display_name FROM kustomer.customer {one}") == [
            (digest(f"{SECRET}1"),)
        ]
        with duckdb.connect(str(case.database)) as db:
            db.execute(f"UPDATE kustomer.customer SET display_name = 'x' {one}")
            db.execute(f"DELETE FROM kustomer._kustomer_sync_message WHERE id = '{ids['message']}'")
        told = verified(case, connection)
        assert [(d.id, d.columns) for d in told.tables["customer"].differing] == [
            (ids["customer"], ("display_name",))
        ]
        assert told.tables["message_assigned_team"].missing == [ids["message"]]
        assert verified(case, connection, repair=True).status == "AGREES"
        assert case.ask(f"SELECT display_name FROM kustomer.customer {one}") == [
            (digest(f"{SECRET}1"),)
        ]
        assert_nowhere(case)
