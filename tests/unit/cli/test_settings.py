"""A connection as it is written down: what is taken, and how what is wrong is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from kustomer_sync.errors import ConfigError
from kustomer_sync.kustomer.catalog import TABLES
from kustomer_sync.settings import Connection, check_tables, from_flags, load

GOOD = """
[connections.acme]
domain = "acme"
access_token = "key"
destination = "duckdb:///data/acme.duckdb"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kustomer-sync.toml"


def loaded(file: Path, text: str, name: str | None = None) -> Connection:
    file.write_text(text, "utf-8")
    return load(file, name)


def refused(file: Path, text: str, name: str | None = None) -> str:
    with pytest.raises(ConfigError) as error:
        check_tables(loaded(file, text, name), TABLES)
    assert "secret" not in str(error.value)
    return str(error.value)


def test_paths_are_relative_to_the_file_not_to_the_shell(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that cron and a person get the same database."""
    monkeypatch.chdir("/")
    connection = loaded(file, GOOD)
    assert connection.destination_url == f"duckdb:///{file.parent}/data/acme.duckdb"
    assert connection.shown_destination == f"{file.parent}/data/acme.duckdb"


def test_values_come_from_the_environment_and_from_files(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`file:` for secrets that an orchestrator mounts; a line end is not part of them."""
    monkeypatch.setenv("ACME_DOMAIN", "acme")
    (file.parent / "key").write_text("the-key\n")
    monkeypatch.setenv("EXTRAS", "False")
    text = GOOD.replace('"acme"', '"env:ACME_DOMAIN"').replace('"key"', '"file:key"')
    connection = loaded(file, text + 'extras = "env:EXTRAS"')
    assert not connection.extras
    assert (connection.domain, connection.token()) == ("acme", "the-key")


def test_another_connection_does_not_stop_the_one_that_is_named(file: Path) -> None:
    """Its variable is not set, its key unknown: neither is looked at."""
    other = '[connections.other]\naccess_token = "env:NOT_SET_ANYWHERE"\nnonsense = 1\n'
    assert loaded(file, GOOD + other, "acme").name == "acme"
    assert "nonsense" in refused(file, GOOD + other, "other")
    assert "has 2 connections" in refused(file, GOOD + other)


@pytest.mark.parametrize(
    "destination",
    ["duckdb:///data/acme.duckdb", "duckdb:///./data/../link/acme.duckdb", "env:SAME"],
)
def test_two_connections_do_not_share_a_schema(
    file: Path, destination: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are named, whichever is asked for; one of another schema is another."""
    (file.parent / "data").mkdir()
    (file.parent / "link").symlink_to("data")
    monkeypatch.setenv("SAME", f"duckdb:///{file.parent}/data/acme.duckdb")
    other = f'[connections.eu]\ndomain = "eu"\naccess_token = "k"\ndestination = "{destination}"\n'
    for name, rest in (("acme", "eu"), ("eu", "acme")):
        told = refused(file, GOOD + other, name)
        assert f"the connections {name} and {rest} have one destination, the schema kust" in told
        assert "another `schema` or another file" in told
    assert loaded(file, f'{GOOD}{other}schema = "eu"\n', "acme").schema_name == "kustomer"
    apart = other.replace(destination, "duckdb:///data/eu.duckdb")
    assert loaded(file, GOOD + apart, "acme").name == "acme"


def test_the_share_is_from_25_to_90(file: Path) -> None:
    """Both ends are taken; 90 where none is given."""
    for share in ("25", "62.5", "90"):
        told = loaded(file, f"{GOOD}api_utilization_percentage = {share}")
        assert told.api_utilization_percentage == float(share)
    assert loaded(file, GOOD).api_utilization_percentage == 90
    for share in ("24.9", "90.1", "0", "100", "nan"):
        assert "from 25 to 90" in refused(file, f"{GOOD}api_utilization_percentage = {share}")


def test_a_flag_s_connection_is_called_as_its_org_is() -> None:
    made = from_flags(domain="acme", access_token="k", destination="duckdb:///a.duckdb")
    assert made.name == "acme"
    assert made.api_url == "https://acme.api.kustomerapp.com"
    with pytest.raises(ConfigError, match="--domain is missing"):
        from_flags(access_token="k", destination="duckdb:///a.duckdb")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("api_utilization_percentage = 91", "must be from 25 to 90"),
        ("api_utilization_percentage = true", "must be a number"),
        ('api_key = "secret"', 'did you mean "access_token"?'),
        ('eu_region = "maybe"', "must be true or false"),
        ("overlap_seconds = -1", "must be from 0 to 1,000,000,000"),
        ("overlap_seconds = 99999999999999", "must be from 0 to 1,000,000,000"),
        ("index_lag_seconds = 99999999999", "must be from 0 to 86,400 (a day)"),
        ("sweep_frequency = 99999999999", "must be from 1 to 525,600 (a year of minutes)"),
        ("max_wait_minutes = 1e300", "must be from 0 to 525,600 (a year)"),
        ('extras = "no"', "must be true or false"),
        ("priority_first = 1", "must be true or false"),
        ('tables.note.enabled = "no"', "must be true or false"),
        ("overlap_seconds = 1.5", "must be a whole number"),
        ("max_wait_minutes = inf", "must be from 0 to 525,600"),
        ("sweep_frequency = 0", "must be from 1 to 525,600"),
        ("service_version = true", "must be"),
        ('schema = "information_schema"', "keep this one for themselves"),
        ('schema = "pg_catalog"', "keep this one for themselves"),
        ('schema = "temp"', "keep this one for themselves"),
        ('ca_file = "no.pem"', "which is not a file"),
        ('proxy = "127.0.0.1:8080"', "must begin with http://"),
        ('base_url = "acme.kustomerapp.com"', "must be an address like"),
        ('base_url = "https://user:secret@host"', "must be an address like"),
        ('hash_salt = "env:"', "no variable's name"),
        ('hash_salt = "file:nowhere"', "no such file"),
        ('hash_salt = ""', "is empty"),
        ('ssh = "host"', "not built yet"),
        ('tables.customer = "no"', "must be a section"),
        ("tables.custmer.enabled = false", 'did you mean "customer"?'),
        ("tables.customer.columns.emial.enabled = false", "has no column"),
        ("tables.customer.columns.updated_at.enabled = false", "newer"),
        ("tables.customer.columns.created_by.hashed = true", "points to user"),
        ("tables.customer.columns.name.hashed = true", "needs hash_salt"),
        ("tables.conversation_tag_history.history = true", "Write history = true in"),
        ("tables.kobject_order_history.history = true", "is a history itself"),
        (
            "tables.customer_history.enabled = true",
            "customer is kept. Write history = true in [connections.acme.tables.customer]",
        ),
        (
            "tables.note.history = true\ntables.note_history.columns.body.enabled = false",
            "are those of note",
        ),
        ("tables._kustomer_sync_state.history = true", 'unknown table "_kustomer_sync_state"'),
        (
            "tables.note.history = true\ntables.note_history.enabled = false",
            "leaves out what history = true of note asks for",
        ),
        ("tables.message.columns.customer_id.enabled = false", "merge of customers"),
        ("tables.tag.columns.deleted.enabled = false", "soft-deleted"),
        ("tables.tag.columns.custom_x_str.enabled = false", "has no column"),
        ("tables.conversation_channel.columns.name.enabled = false", "history's key"),
        ("tables.conversation_history.columns.name.enabled = false", "those of conversation"),
        ("tables.work_session_channel.columns.name.enabled = false", "needs hash_salt"),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_it(file: Path, line: str, said: str) -> None:
    assert said in refused(file, GOOD + line)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"acme"', '"acme.kustomerapp.com"', 'write "acme"'),
        ('"acme"', '"a b"', "alone"),
        ('"key"', '"secret key"', "must be the key alone"),
        ('"key"', "5", "must be text in quotes"),
        ('"key"', '"env:NOT_SET_ANYWHERE"', "export NOT_SET_ANYWHERE="),
        ("duckdb:///data/", "duckdb://data/", "three slashes"),
        ("duckdb:///data/acme.duckdb", "acme.duckdb", "must be a database URL"),
        ("duckdb:///data/acme.duckdb", "duckdb:///:memory:", "nothing is left after the sync"),
        ("duckdb:///data/acme.duckdb", "duckdb://:memory:", "nothing is left after the sync"),
        ("duckdb:///data/acme.duckdb", "duckdb:///%3Amemory:", "nothing is left after the sync"),
        ("access_token", "# access_token", "access_token in [connections.acme] is missing"),
        ("[connections.acme]", "[connection.acme]", 'did you mean "connections"?'),
        ("[connections.acme]", "[connections.acme", "is not valid TOML"),
        ("access_token", "domain = 1\naccess_token", "there only once"),
        (
            "[connections.acme]",
            "[connections.acme]\ntables.tag.history = true\n[connections.acme.tables.tag]\n"
            "[connections.acme]",
            "has the section [connections.acme.tables.tag] twice",
        ),
        ("connections.acme", "connections", "Begin the section with"),
    ],
)
def test_a_wrong_file_is_one_sentence(file: Path, old: str, new: str, said: str) -> None:
    text = GOOD.replace(old, new)
    assert text != GOOD
    assert said in refused(file, text)


def test_a_section_of_a_history_that_is_kept_is_taken(file: Path) -> None:
    """`history = true` is in its table's section; this one adds nothing."""
    text = "tables.customer.history = true\ntables.customer_history.enabled = true\n"
    check_tables(loaded(file, GOOD + text), TABLES)


@pytest.mark.parametrize("table", ["customer", "customer_email", "message_attachment"])
def test_a_custom_column_may_be_any_of_a_table_that_may_have_some(file: Path, table: str) -> None:
    """Only the org knows which it has; a child table's are its elements'."""
    text = f"tables.{table}.columns.custom_x_str.enabled = false\n"
    check_tables(loaded(file, GOOD + text), TABLES)


def test_advice_is_given_once(file: Path) -> None:
    """Not in the sentence and in its hint."""
    for wrong in ("acme.duckdb", "duckdb://acme.duckdb", "duckdb:///"):
        told = refused(file, GOOD.replace("duckdb:///data/acme.duckdb", wrong))
        assert told.count("duckdb:///") == 1, told


def test_a_password_is_never_shown() -> None:
    """In the URL, in a parameter, nor in the connection's own text."""
    for url in ("postgresql://me:hidden@host/db", "snowflake://host/db?password=hidden&x=1"):
        connection = from_flags(domain="acme", access_token="hidden", destination=url)
        assert "hidden" not in connection.shown_destination
        assert "hidden" not in repr(connection)
