"""A connection as its owner wrote it down."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from kustomer_sync.errors import ConfigError
from kustomer_sync.model import Column, Each, Search, Table, Type
from kustomer_sync.settings import (
    Connection,
    api_url,
    check_tables,
    from_flags,
    load,
    named_table,
    refuse_unbuilt,
)

TABLES = (
    Table(
        "customer",
        (
            Column("id"),
            Column("updated_at", Type.INSTANT),
            Column("company_id", references="company"),
        ),
        reading=Search("customer"),
        children=(
            Table(
                "customer_email",
                (Column("customer_id", references="customer"), Column("index"), Column("email")),
                key=("index", "customer_id"),
                parent="customer",
                parent_column="customer_id",
            ),
        ),
    ),
    Table(
        "conversation",
        (Column("id"),),
        reading=Search("conversation"),
        history="conversation_history",
    ),
    Table("kobject", (Column("id"),), reading=Search("kobject"), per_klass=True),
    Table(
        "conversation_time", (Column("id"), Column("updated_at")), reading=Each("conversation", "x")
    ),
)

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file of one good connection plus the given lines."""

    def write(more: str = "", **lines: str) -> Path:
        good = {
            "domain": '"acme"',
            "access_token": '"made-up-key"',
            "destination": '"duckdb:///acme.duckdb"',
        } | lines
        body = "\n".join(f"{key} = {value}" for key, value in good.items())
        path = tmp_path / "kustomer-sync.toml"
        path.write_text(f"[connections.acme]\n{body}\n{more}\n", "utf-8")
        return path

    return write


def refusal(path: Path) -> str:
    """What is said of the file's only connection."""
    with pytest.raises(ConfigError) as caught:
        load(path).pick(None)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_defaults_are_the_documented_ones(write: Write) -> None:
    """Three keys are enough; the rest has the values that the documentation shows."""
    acme = load(write())["acme"]
    assert acme.schema_name == "kustomer"
    assert acme.service_version == 2
    assert acme.sync_frequency == 360
    assert acme.api_utilization_percentage == 90
    assert acme.index_lag_seconds == 60
    assert acme.overlap_seconds == 300
    assert acme.max_wait_minutes == 15
    assert acme.schema_change_handling == "ALLOW_ALL"
    assert acme.system_prefix == "_fivetran_"
    assert acme.memory_limit == "128MB"
    assert acme.priority_first
    assert acme.extras


def test_the_example_of_the_documentation_is_accepted(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every key of the documented file is known and lands where it says."""
    monkeypatch.setenv("KUSTOMER_HASH_SALT", "pepper")
    more = """
[connections.acme.tables.customer_email.columns.email]
hashed = true
[connections.acme.tables.note]
enabled = false
[connections.acme.tables.customer]
history = true
"""
    acme = load(
        write(
            more,
            eu_region="false",
            base_url='"http://127.0.0.1:8900/"',
            api_utilization_percentage="25",
            schema='"crm"',
            service_version="1",
            schema_change_handling='"ALLOW_COLUMNS"',
            sync_frequency="1440",
            daily_sync_time='"14:00"',
            index_lag_seconds="0",
            overlap_seconds="0",
            max_wait_minutes="1",
            priority_first="true",
            extras="false",
            hash_salt='"env:KUSTOMER_HASH_SALT"',
            system_prefix='"_sys_"',
            memory_limit='"1GB"',
            sweep_frequency="60",
            proxy='"socks5://127.0.0.1:1080"',
        )
    )["acme"]
    assert acme.api_url == "http://127.0.0.1:8900"
    assert acme.hash_salt is not None
    assert acme.hash_salt.get_secret_value() == "pepper"
    assert acme.table("customer_email").columns["email"].hashed
    assert not acme.table("note").enabled
    assert acme.table("customer").history
    assert acme.table("never_named").enabled


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("api_utilization_percentage", "20", "must be from 25 to 90"),
        ("api_utilization_percentage", "90.5", "must be from 25 to 90"),
        ("api_utilization_percentage", "nan", "must be from 25 to 90"),
        ("api_utilization_percentage", "true", "must be a number"),
        ("service_version", "3", "must be 1 or 2"),
        ("schema_change_handling", '"ALLOW"', "must be one of ALLOW_ALL, ALLOW_COLUMNS, BLOCK_ALL"),
        ("sync_frequency", "7", "must be one of 1, 5, 15, 30, 60, 120, 180, 360, 480, 720, 1440"),
        ("sync_frequency", '"often"', "must be a whole number"),
        ("daily_sync_time", '"25:00"', "must be a time of day"),
        ("daily_sync_time", "14:00:00", "must be a time of day"),
        ("index_lag_seconds", "-1", "must be 0 or more"),
        ("overlap_seconds", "-1", "must be 0 or more"),
        ("max_wait_minutes", "-1", "must be 0 or more"),
        ("schema", '"a;drop"', "must be lower-case letters"),
        ("eu_region", '"Frankfurt"', "must be true or false"),
        ("memory_limit", '"plenty"', "must be a size"),
        ("system_prefix", '"a b"', "must be letters"),
        ("schema", "7", "must be text in quotes"),
        ("schema", '""', "is empty"),
        ("domain", '"acme corp"', "must be the org's name alone"),
        ("domain", '"evil.example.com/acme"', "must be the org's name alone"),
        ("base_url", '"127.0.0.1:8900"', "must be an address"),
        ("destination", '"acme.duckdb"', "must be a database URL"),
        ("destination", '"duckdb://acme.duckdb"', "three slashes"),
        ("proxy", '"localhost"', "must begin with"),
        ("ca_file", '"nowhere.pem"', "is not a file"),
        ("ssh", '"bastion"', "must be a section"),
    ],
)
def test_a_value_out_of_range_is_told_with_what_is_allowed(
    write: Write, key: str, value: str, said: str
) -> None:
    """One sentence: the file, the key, what is allowed."""
    message = refusal(write(**{key: value}))
    assert said in message
    assert key in message
    assert "kustomer-sync.toml" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            "destinaton = 1",
            'unknown key "destinaton" in [connections.acme]; did you mean "destination"?',
        ),
        ("api_key = 1", 'did you mean "access_token"?'),
        (
            "[connections.acme.tables.note]\nenable = false",
            'unknown key "enable" in [connections.acme.tables.note]; did you mean "enabled"?',
        ),
        (
            "[connections.acme.tables.note.columns.body]\nhash = true",
            'in [connections.acme.tables.note.columns.body]; did you mean "hashed"?',
        ),
        ('[connections.acme.ssh]\nhots = "x"', 'in [connections.acme.ssh]; did you mean "host"?'),
        ("[connection.b]", 'unknown key "connection" at the top; did you mean "connections"?'),
        ("[connections.acme.tables]\nnote = false", "must be a section"),
    ],
)
def test_an_unknown_key_names_the_nearest_right_one(write: Write, more: str, said: str) -> None:
    """At every level: what was written, where, in which file, and what was probably meant."""
    message = refusal(write(more))
    assert said in message
    assert "kustomer-sync.toml" in message


def test_a_syntax_error_names_its_line(tmp_path: Path) -> None:
    """TOML that can't be read says where."""
    path = tmp_path / "bad.toml"
    path.write_text('[connections.acme]\ndomain = "acme"\naccess_token = env:KEY\n', "utf-8")
    assert "line 3" in refusal(path)


@pytest.mark.parametrize("content", [b"", b"[connections]\n", b"\xff\xfe"])
def test_a_file_without_a_connection_says_so(tmp_path: Path, content: bytes) -> None:
    """Empty files and files that are not text are told, not crashed on."""
    path = tmp_path / "empty.toml"
    path.write_bytes(content)
    assert "empty.toml" in refusal(path)


def test_a_missing_file_says_how_to_write_one(tmp_path: Path) -> None:
    """The first thing a newcomer meets points to `init`."""
    assert "kustomer-sync init" in refusal(tmp_path / "none.toml")


def test_an_unset_variable_is_named(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """`env:NAME` with nothing behind it names NAME."""
    monkeypatch.delenv("ACME_KEY", raising=False)
    assert "ACME_KEY, which is not set" in refusal(write(access_token='"env:ACME_KEY"'))
    monkeypatch.setenv("ACME_KEY", " ")
    assert "which is empty" in refusal(write(access_token='"env:ACME_KEY"'))


def test_any_value_may_be_a_reference(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers, switches and table choices too, not secrets alone."""
    monkeypatch.setenv("PERCENT", "50")
    monkeypatch.setenv("NO", "false")
    acme = load(
        write(
            '[connections.acme.tables.note]\nenabled = "env:NO"',
            api_utilization_percentage='"env:PERCENT"',
        )
    )["acme"]
    assert acme.api_utilization_percentage == 50
    assert not acme.table("note").enabled


def test_one_connections_missing_variable_does_not_stop_another(write: Write) -> None:
    """A reference is looked up when its connection is asked for."""
    path = write(
        '[connections.other]\ndomain = "other"\naccess_token = "env:NOT_SET_ANYWHERE"\n'
        'destination = "duckdb:///other.duckdb"'
    )
    assert load(path)["acme"].domain == "acme"
    with pytest.raises(ConfigError, match="NOT_SET_ANYWHERE"):
        load(path)["other"]


def test_a_secret_file_is_found_beside_the_config(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative paths are relative to the config file, wherever the command is run."""
    path = write(access_token='"file:secrets/key"')
    assert "no such file" in refusal(path)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/key").write_text("from-a-file\n", "utf-8")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    acme = load(path)["acme"]
    assert acme.access_token.get_secret_value() == "from-a-file"
    assert acme.destination_url == f"duckdb:///{tmp_path}/acme.duckdb"


def test_four_slashes_are_an_absolute_path(write: Write) -> None:
    """An absolute path stays as it is."""
    acme = load(write(destination='"duckdb:////data/acme.duckdb"'))["acme"]
    assert acme.destination_url == "duckdb:////data/acme.duckdb"


def test_flags_are_relative_to_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a file, where you are is what counts."""
    monkeypatch.chdir(tmp_path)
    made = from_flags(domain="acme", access_token="k", destination="duckdb:///a.duckdb")
    assert made.destination_url == f"duckdb:///{tmp_path}/a.duckdb"


def test_a_missing_flag_is_called_by_its_flag() -> None:
    """Who typed flags is told of flags, not of keys of a file."""
    with pytest.raises(ConfigError, match="--access-token is missing"):
        from_flags(domain="acme", destination="duckdb:///a.duckdb")
    with pytest.raises(ConfigError, match="--domain is missing"):
        from_flags(access_token="k", destination="duckdb:///a.duckdb")


def test_an_unknown_connection_names_the_nearest(write: Write) -> None:
    """A slip in the connection's name is recognised."""
    with pytest.raises(ConfigError, match=re.escape('no connection "amce"; did you mean "acme"?')):
        load(write()).pick("amce")


def test_several_connections_ask_for_a_name(write: Write) -> None:
    """Leaving the name out works only where there is one choice."""
    with pytest.raises(ConfigError, match="2 connections: acme, b"):
        load(write("[connections.b]")).pick(None)


def test_secrets_show_nowhere(write: Write) -> None:
    """Neither a connection's text nor an error holds a key, a password or a salt."""
    acme = load(
        write(
            access_token='"hush-token"',
            hash_salt='"hush-salt"',
            destination='"postgresql://me:hush@pass/word@db/x?sslpassword=hush"',
            proxy='"http://me:hush@proxy:3128"',
        )
    )["acme"]
    assert "hush" not in repr(acme)
    assert "hush" not in str(acme)
    assert acme.shown_destination == "postgresql://me:******@db/x?sslpassword=******"
    with pytest.raises(ConfigError) as caught:
        load(write(access_token='"hush hush"')).pick("acme")
    assert "hush" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "domain", ["acme", "Acme", "acme.kustomerapp.com", "https://acme.api.kustomerapp.com/"]
)
def test_a_domain_may_be_pasted_from_the_browser(domain: str) -> None:
    """Whatever form it is copied in, the org's name is found."""
    assert from_flags(domain=domain, access_token="k", destination="duckdb:///a").domain == "acme"


def test_the_api_address_follows_region_and_base_url() -> None:
    """The org's own host; the EU's; whatever the owner says."""
    assert api_url("acme") == "https://acme.api.kustomerapp.com"
    assert api_url("acme", eu_region=True) == "https://acme.api.prod2.kustomerapp.com"
    assert api_url("acme", eu_region=True, base_url="http://x/") == "http://x"


def chosen(table: str, column: str = "", salt: str | None = None, **wish: bool) -> Connection:
    choice: dict[str, object] = {"columns": {column: wish}} if column else {**wish}
    return from_flags(
        "acme",
        domain="acme",
        access_token="k",
        destination="duckdb:///a.duckdb",
        hash_salt=salt,
        tables={table: choice},
    )


@pytest.mark.parametrize(
    ("connection", "said"),
    [
        (chosen("custommer", enabled=False), 'unknown table "custommer"; did you mean "customer"?'),
        (chosen("customer", "emial", enabled=False), 'customer has no column "emial"'),
        (chosen("customer", "id", enabled=False), "part of customer's key and can't be blocked"),
        (chosen("customer_email", "index", "s", hashed=True), "can't be hashed"),
        (chosen("customer", "company_id", "s", hashed=True), "points to company"),
        (chosen("customer", "updated_at", enabled=False), "updated_at of a searched table"),
        (chosen("customer", "updated_at", "s", hashed=True), "updated_at of a searched table"),
        (chosen("customer", "_fivetran_synced", enabled=False), "system column"),
        (chosen("customer_email", "email", hashed=True), "hashing needs hash_salt"),
    ],
)
def test_a_choice_that_would_break_the_sync_is_refused(connection: Connection, said: str) -> None:
    """Names that do not exist, keys, and what the merge needs."""
    with pytest.raises(ConfigError, match=re.escape(said)):
        check_tables(connection, TABLES)


@pytest.mark.parametrize(
    "connection",
    [
        chosen("customer_email", "email", "s", hashed=True),
        chosen("customer", "company_id", enabled=False),
        chosen("customer", "custom_nickname_str", enabled=False),
        chosen("conversation_history", enabled=False),
        chosen("kobject_order", enabled=False),
        chosen("conversation_time", "updated_at", enabled=False),
    ],
)
def test_a_sound_choice_is_accepted(connection: Connection) -> None:
    """Children, histories, klasses and custom attributes may be chosen too."""
    check_tables(connection, TABLES)


@pytest.mark.parametrize(
    "connection",
    [
        chosen("customer", history=True),
        chosen("customer_email", "email", "s", hashed=True),
        chosen("customer", "company_id", enabled=False),
    ],
)
def test_what_is_not_built_yet_is_refused(connection: Connection) -> None:
    """A wish that this version can't fulfil is told, not ignored."""
    with pytest.raises(ConfigError, match="is not built yet"):
        refuse_unbuilt(connection)


def test_a_table_is_found_by_any_name_it_lands_under() -> None:
    """Roots, children, histories and klasses."""
    assert named_table("customer_email", TABLES).name == "customer_email"
    assert named_table("conversation_history", TABLES).name == "conversation"
    assert named_table("kobject_order", TABLES).name == "kobject"
