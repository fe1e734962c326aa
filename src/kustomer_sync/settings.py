"""A connection as its owner wrote it down: the TOML file or a handful of flags.

Everything wrong with it is a `ConfigError` of one sentence that names the key, the file and what
is allowed, and never quotes a secret. A connection is looked at when it is asked for, so what is
wrong with one of a file does not stop another.

Knows nothing of Kustomer's objects: table and column names are checked by `check_tables` against
the catalog that the caller brings.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
)
from pydantic.dataclasses import dataclass

from kustomer_sync.errors import ConfigError, did_you_mean
from kustomer_sync.model import READ_BACK, Column, Origin, Table

FREQUENCIES = (1, 5, 15, 30, 60, 120, 180, 360, 480, 720, 1440)
SCHEMA_CHANGES = ("ALLOW_ALL", "ALLOW_COLUMNS", "BLOCK_ALL")
_FILES = ("duckdb", "sqlite", "delta", "iceberg", "ducklake")
"""Destinations that are a path: three slashes relative, four absolute."""
_TAKEN = ("information_schema", "temp", "system")
"""Schemas, and DuckDB's own databases, which SQL takes such a name for."""
_MEANT = {
    "api_key": "access_token", "api_token": "access_token", "key": "access_token",
    "token": "access_token", "org": "domain", "subdomain": "domain", "database": "destination",
    "dataset": "schema", "connection": "connections", "eu": "eu_region", "region": "eu_region",
    "salt": "hash_salt", "table": "tables", "column": "columns", "blocked": "enabled",
    "hash": "hashed",
}  # fmt: skip
"""What people write -> the key that means it."""

_SECRET_PARAMETER = re.compile(r"(?i)([?&][^=&]*(?:password|token|secret|key)[^=&]*=)[^&]*")

# What a value must be. A ValueError's text goes on after the key's name.


def _number(value: Any) -> Any:
    if isinstance(value, bool):  # to Python, `true` is 1
        raise ValueError("must be a number")
    return value


def _flag(value: Any) -> Any:
    """A variable's or file's value is text: `true` and `false` are understood there too."""
    told = {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(told, bool):
        raise ValueError("must be true or false")
    return told


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be text in quotes")
    if not value.strip():
        raise ValueError("is empty")
    return value.strip()


def _key(value: Any) -> Any:
    text = _text(value)
    if any(c.isspace() or not c.isprintable() or ord(c) > 126 for c in text):
        raise ValueError("must be the key alone: it holds a space or a character that no key has")
    return text


def _domain(value: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", value):
        return value.lower()
    org = org_of(value)
    if org is not None:
        raise ValueError(f'must be the org\'s name alone: write "{org}"')
    raise ValueError('must be the org\'s name alone: "acme" for acme.kustomerapp.com')


def org_of(address: str) -> str | None:
    """`https://acme.api.kustomerapp.com/app` -> `acme`; None where no org can be seen."""
    host = re.sub(r"^https?://", "", address.strip().lower()).partition("/")[0]
    found = re.fullmatch(
        r"([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)((\.api)?(\.prod\d+)?\.kustomerapp\.com)?", host
    )
    return found[1] if found and found[1] not in ("api", "www") else None


def _base_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine or parts.query or parts.fragment or parts.username is not None:
        raise ValueError("must be an address like https://acme.api.kustomerapp.com")
    return value.rstrip("/")


def _proxy(value: str) -> str:
    if not re.match(r"(https?|socks5h?)://[^/]+", value):
        raise ValueError("must begin with http://, https:// or socks5:// and name a host")
    return value


def _destination(value: str) -> str:
    scheme, separator, rest = value.partition("://")
    if not separator or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme) or not rest:
        raise ValueError("must be a database URL")
    if scheme in _FILES and unquote(rest).lstrip("/").startswith(":memory:"):
        raise ValueError("must be a file: of a database in memory nothing is left after the sync")
    if scheme in _FILES and not rest.startswith("/"):
        raise ValueError("needs three slashes before a relative path, four before an absolute one")
    if scheme in _FILES and not rest.strip("/"):
        raise ValueError("names no file")
    return value


def _frequency(value: int) -> int:
    if value not in FREQUENCIES:
        raise ValueError(f"must be one of {', '.join(map(str, FREQUENCIES))} (minutes)")
    return value


def _service_version(value: int) -> int:
    if value not in (1, 2):
        raise ValueError("must be 1 or 2")
    return value


def _schema_change(value: str) -> str:
    if value not in SCHEMA_CHANGES:
        raise ValueError(f"must be one of {', '.join(SCHEMA_CHANGES)}")
    return value


def _time_of_day(value: Any) -> Any:
    if not isinstance(value, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        raise ValueError('must be a time of day in UTC in quotes, such as "14:00"')
    return value


def _name(value: str) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", value):
        raise ValueError("must be lower-case letters, digits and _, not beginning with a digit")
    return value


def _schema(value: str) -> str:
    if value in _TAKEN or value.startswith("pg_"):
        raise ValueError("must be another name: databases keep this one for themselves")
    return _name(value)


def _size(value: str) -> str:
    if not re.fullmatch(r"[1-9]\d*(\.\d+)?\s*([KMGT]i?B)", value, re.IGNORECASE):
        raise ValueError('must be a size such as "128MB" or "2GB"')
    return value


_Text = Annotated[str, BeforeValidator(_text)]
_Whole = Annotated[int, BeforeValidator(_number)]
_Flag = Annotated[bool, BeforeValidator(_flag)]
_Secret = Annotated[SecretStr, BeforeValidator(_text)]
_MODEL = ConfigDict(extra="forbid", hide_input_in_errors=True, populate_by_name=True)


@dataclass(frozen=True, kw_only=True, config=_MODEL)
class ColumnChoice:
    """What the owner wants of one column: `[connections.NAME.tables.TABLE.columns.COLUMN]`."""

    enabled: _Flag = True
    """`false` blocks it: its values never leave the machine that syncs."""
    hashed: _Flag = False
    """`true` lands a digest made with `hash_salt` instead of each value."""


@dataclass(frozen=True, kw_only=True, config=_MODEL)
class TableChoice:
    """What the owner wants of one table: `[connections.NAME.tables.TABLE]`."""

    enabled: _Flag = True
    """`false` leaves the table out; its records are read if a child or history of it is wanted."""
    history: _Flag = False
    """`true` keeps every version of its rows in `{table}_history` beside it."""
    columns: Mapping[str, ColumnChoice] = Field(default_factory=dict)
    """Sections of its columns."""


@dataclass(frozen=True, kw_only=True, config=_MODEL)
class Connection:
    """One Kustomer org -> one destination schema, with its choices: `[connections.NAME]`."""

    name: str
    folder: Path = Field(default_factory=Path.cwd, repr=False)
    domain: Annotated[_Text, AfterValidator(_domain)] | None = None
    """The org's name: `acme` for acme.kustomerapp.com. Needed unless `base_url` is given."""
    access_token: Annotated[SecretStr, BeforeValidator(_key)]
    """The API key, best as `env:NAME`. `check` names each role it lacks."""
    eu_region: _Flag = False
    """`true` for an org in Kustomer's EU region."""
    base_url: Annotated[_Text, AfterValidator(_base_url)] | None = None
    """The API's address; wins over `domain` and `eu_region`."""
    api_utilization_percentage: Annotated[
        float, BeforeValidator(_number), Field(ge=25, le=90, allow_inf_nan=False)
    ] = 90
    """The share of Kustomer's rate limits this connection may use, 25 to 90."""
    destination: Annotated[_Text, AfterValidator(_destination)] = Field(repr=False)
    """The database: `duckdb:///acme.duckdb`; three slashes relative to the file, four absolute."""
    schema_name: Annotated[_Text, AfterValidator(_schema)] = Field("kustomer", alias="schema")
    """The schema of the destination that the tables are in."""
    service_version: Annotated[_Whole, AfterValidator(_service_version)] = 2
    """`2`: the tables of the reference schema; `1`: those of before August 2022, without the six
    history tables and with a few columns dropped since."""
    schema_change_handling: Annotated[_Text, AfterValidator(_schema_change)] = "ALLOW_ALL"
    """New klasses and attributes that land: all; `ALLOW_COLUMNS`: the latter; `BLOCK_ALL`: none."""
    sync_frequency: Annotated[_Whole, AfterValidator(_frequency)] = 360
    """Minutes between two syncs: 1, 5, 15, 30, 60, 120, 180, 360, 480, 720 or 1440."""
    daily_sync_time: Annotated[str, BeforeValidator(_time_of_day)] | None = None
    """When the daily re-import is due, in UTC: `"14:00"`; else a day after the last one."""
    index_lag_seconds: Annotated[_Whole, Field(ge=0, le=86_400)] = 60
    """Searches stop this far before the server's present."""
    overlap_seconds: Annotated[_Whole, Field(ge=0, le=1_000_000_000)] = 300
    """How much before each cursor is read again, for records that Kustomer indexed late."""
    max_wait_minutes: Annotated[
        float, BeforeValidator(_number), Field(ge=0, le=525_600, allow_inf_nan=False)
    ] = 15
    """No request was possible for this long: the sync ends RESCHEDULED and can be resumed."""
    priority_first: _Flag = True
    """The newest records are read first."""
    extras: _Flag = True
    """`false` leaves out what is beyond the reference schema."""
    hash_salt: _Secret | None = None
    """The secret that hashed columns are hashed with; never change it."""
    system_prefix: Annotated[_Text, AfterValidator(_name)] = "_fivetran_"
    """What the system columns' names begin with; the first sync settles it."""
    memory_limit: Annotated[_Text, AfterValidator(_size)] = "128MB"
    """DuckDB's own cache."""
    sweep_frequency: Annotated[_Whole, Field(ge=1, le=525_600)] | None = None
    """Minutes between two sweeps for hard deletes; once a day where it is not given."""
    proxy: Annotated[_Text, AfterValidator(_proxy)] | None = Field(None, repr=False)
    """The proxy to Kustomer: http://, https:// or socks5://."""
    ca_file: _Text | None = None
    """Further certificates to trust, a PEM file."""
    ssh: Any = None
    """The host through which the destination is reached; not built yet."""
    tables: Mapping[str, TableChoice] = Field(default_factory=dict)
    """Sections of tables."""

    @property
    def api_url(self) -> str:
        """The API's address: `base_url`, else the org's own host, else its region's.

        `{org}.api.kustomerapp.com` is the documented preference; whether EU orgs answer there or
        below `prod2` is not documented, so EU takes the region's host, which is.
        """
        if self.base_url:
            return self.base_url
        if self.eu_region:
            return "https://api.prod2.kustomerapp.com"
        return f"https://{self.domain}.api.kustomerapp.com"

    @property
    def destination_url(self) -> str:
        """The destination, a relative file made absolute from the config file's folder."""
        scheme, _, rest = self.destination.partition("://")
        if scheme not in _FILES or rest.startswith("//"):
            return self.destination
        return f"{scheme}:///{quote(str(self.folder.resolve()))}{rest}"

    @property
    def shown_destination(self) -> str:
        """The destination as people may see it: the file, or the URL without its password."""
        url = self.destination_url
        if url.partition("://")[0] in _FILES:
            return unquote(urlsplit(url).path[1:])
        url = re.sub(r"(?<=://)([^/@:]*):.*@", r"\1:******@", url)
        return _SECRET_PARAMETER.sub(r"\1******", url)

    @property
    def sql_schema(self) -> str:
        """What SQL calls the schema, in any file: see `clash`."""
        if clash(self.destination, self.schema_name):
            return f"{self.schema_name}.{self.schema_name}"
        return self.schema_name

    def token(self) -> str:
        return self.access_token.get_secret_value()


def clash(destination: str, schema: str) -> str:
    """What to say of a DuckDB file with its schema's name, which SQL can't tell apart; else ""."""
    scheme, _, path = destination.partition("://")
    file = Path(unquote(path)).name
    if scheme != "duckdb" or file.partition(".")[0].lower() != schema:
        return ""
    return (
        f"{file} and its schema have one name, so DuckDB refuses {schema}.tag as ambiguous: write "
        f"{schema}.{schema}.tag, or give one of them another name."
    )


# ---- the file ----


class _Origin(NamedTuple):
    """Where a connection was written."""

    file: str
    """As the user calls it; "" for flags."""
    folder: Path
    """What relative paths are relative to."""


_Called = Callable[[tuple[str, ...]], str]
"""From the path to a value, its name in the user's words."""


def load(path: Path, name: str | None = None, *, asks: bool = True) -> Connection:
    """The connection of that name, or the file's only one; the others are not looked at.

    `asks`: whether Kustomer will be asked. Where it will not, the key is not looked up: a report
    on the destination needs no secret.
    """
    sections = _sections(path)
    if name is None and len(sections) > 1:
        raise ConfigError(
            f"{path} has {len(sections)} connections.", f"Name one: {', '.join(sections)}."
        )
    name = next(iter(sections)) if name is None else name
    if name not in sections:
        raise ConfigError(
            f'{path} has no connection "{name}"{did_you_mean(name, sections)}',
            f"It has: {', '.join(sections)}.",
        )
    _check_keys(sections[name], str(path), f"connections.{name}")
    key = {} if asks else {"access_token": "not-looked-up"}
    origin = _Origin(str(path), path.resolve().parent)
    connection = _connection(name, sections[name] | key, origin)
    _refuse_shared(connection, sections, origin)
    return connection


def _refuse_shared(connection: Connection, sections: Mapping[str, Any], origin: _Origin) -> None:
    """No other connection of the file lands where this one does: one state can't tell two orgs."""
    place = _place(connection.destination, connection.schema_name, origin.folder)
    for other, section in sections.items():
        if other != connection.name and _place_of(section, origin.folder) == place:
            raise ConfigError(
                f"{origin.file}: the connections {connection.name} and {other} have one "
                f"destination, the schema {connection.schema_name} of "
                f"{connection.shown_destination}.",
                "Give one of them another `schema` or another file.",
            )


def _place_of(section: Mapping[str, Any], folder: Path) -> tuple[str, str] | None:
    """Where a section's connection lands; None where it is not sound, which stops no other."""
    written = (section.get("destination"), section.get("schema", "kustomer"))
    try:
        destination, schema = (_looked_up(value, folder, ".".join, ()) for value in written)
    except ConfigError:
        return None
    if not isinstance(destination, str) or not isinstance(schema, str):
        return None
    return _place(destination, schema, folder)


def _place(destination: str, schema: str, folder: Path) -> tuple[str, str]:
    """Equal for two that name one schema of one database; a file by where it really is."""
    scheme, _, rest = destination.strip().partition("://")
    if scheme in _FILES:
        rest = str((folder / unquote(rest.removeprefix("/"))).resolve())
    return f"{scheme}://{rest}", schema.strip()


def named(path: Path) -> tuple[str, ...]:
    """The names of the file's connections."""
    return tuple(_sections(path))


def _sections(path: Path) -> dict[str, Any]:
    document = _parse(path)
    _refuse_unknown(document, ("connections",), str(path), "")
    sections = document.get("connections")
    if not isinstance(sections, dict) or not sections:
        raise ConfigError(
            f"{path} has no connection.",
            "Begin one with [connections.NAME], or run `kustomer-sync init`.",
        )
    if stray := [key for key, value in sections.items() if not isinstance(value, dict)]:
        raise ConfigError(
            f"{path}: {stray[0]} stands in [connections] itself.",
            "Begin the section with the connection's name: [connections.NAME].",
        )
    return sections


def from_flags(name: str | None = None, **flags: Any) -> Connection:
    """A connection made of flags alone; relative paths are relative to the working folder."""
    given = {key: value for key, value in flags.items() if value is not None}
    return _connection(name, given, _Origin("", Path.cwd()))


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(
            f"There is no config file {path}.",
            "Write one with `kustomer-sync init`, or name yours with --config.",
        ) from None
    except OSError as error:
        raise ConfigError(
            f"{path} can't be read: {_reason(error)}.", "Name another with --config."
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text.", "Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(path, str(error).rstrip(".")) from None


_TWICE = re.compile(r"Cannot declare \((.*?),?\) twice \(at (.*)\)")


def _not_toml(path: Path, reason: str) -> ConfigError:
    """What Python's reader found, with advice that fits it."""
    if (twice := _TWICE.fullmatch(reason)) is not None:
        section = ".".join(part.strip(" '\"") for part in twice[1].split(","))
        return ConfigError(
            f"{path} has the section [{section}] twice; the second is at {twice[2]}.",
            f"Write both into one; a key such as {section.rpartition('.')[2]}.KEY in the section "
            "above it counts as one of them.",
        )
    advice = "Text needs quotes; numbers, true and false have none."
    if reason.startswith(("Cannot overwrite", "Cannot mutate", "Cannot redefine")):
        advice = "A key or section may be there only once."
    return ConfigError(f"{path} is not valid TOML: {reason}.", advice)


def keys_of(section: type[Any]) -> dict[str, str]:
    """The keys of a section as they are written -> the names they have here."""
    ours = ("name", "folder")
    return {
        getattr(field.default, "alias", None) or field.name: field.name
        for field in fields(section)
        if field.name not in ours
    }


def _check_keys(section: Any, file: str, where: str) -> None:
    """No key below `where` is unknown."""
    _refuse_unknown(_section(section, file, where), keys_of(Connection), file, where)
    tables = _section(section.get("tables", {}), file, f"{where}.tables")
    for name, table in tables.items():
        at = f"{where}.tables.{name}"
        _refuse_unknown(_section(table, file, at), keys_of(TableChoice), file, at)
        for column, choice in _section(table.get("columns", {}), file, f"{at}.columns").items():
            here = f"{at}.columns.{column}"
            _refuse_unknown(_section(choice, file, here), keys_of(ColumnChoice), file, here)


def _section(value: Any, file: str, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(
            f"{file}: {where} must be a section, not a single value.", f"Write [{where}]."
        )
    return value


def _refuse_unknown(section: Mapping[str, Any], known: Iterable[str], file: str, at: str) -> None:
    known = tuple(known)
    for key in section:
        if key not in known:
            where = f"in [{at}]" if at else "at the top"
            guess = did_you_mean(_MEANT.get(key.lower(), key), known)
            raise ConfigError(
                f'{file}: unknown key "{key}" {where}{guess}',
                f"Allowed there: {', '.join(known)}.",
            )


# ---- from what was written to a connection ----


def _connection(name: str | None, section: Mapping[str, Any], origin: _Origin) -> Connection:
    """Without a name it is called as its org is."""

    def called(path: tuple[str, ...]) -> str:
        if not origin.file:
            return "--" + ".".join(path).replace("_", "-")
        return f"{origin.file}: {'.'.join(path)} in [connections.{name}]"

    values = {
        key: _looked_up(value, origin.folder, called, (key,)) for key, value in section.items()
    }
    values |= {"name": name or values.get("domain") or "kustomer", "folder": origin.folder}
    if isinstance(values.get("ca_file"), str):
        values["ca_file"] = _existing(values["ca_file"], origin.folder, called)
    connection = _validated(values, called)
    if not connection.domain and not connection.base_url:
        raise ConfigError(
            f"{called(('domain',))} is missing.", 'Give the org\'s name, such as "acme".'
        )
    return connection


def _existing(ca_file: str, folder: Path, called: _Called) -> str:
    path = folder / Path(ca_file).expanduser()
    if not path.is_file():
        raise ConfigError(
            f"{called(('ca_file',))} names {path}, which is not a file.",
            "Give the path of a PEM file.",
        )
    return str(path)


def _looked_up(value: Any, folder: Path, called: _Called, path: tuple[str, ...]) -> Any:
    """The value with every `env:` and `file:` in it replaced by what it points to."""
    if isinstance(value, dict):
        return {k: _looked_up(v, folder, called, (*path, k)) for k, v in value.items()}
    if not isinstance(value, str):
        return value
    kind, colon, target = value.partition(":")
    if colon and kind == "env":
        return _from_environment(target.strip(), called(path))
    if colon and kind == "file":
        return _from_file(folder / Path(target.strip()).expanduser(), called(path))
    return value


def _from_environment(name: str, called: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):  # it may be the secret itself
        raise ConfigError(
            f"{called} has no variable's name after env:.", "Write env:NAME and export NAME=..."
        )
    value = os.environ.get(name)
    if value is None or not value.strip():
        state = "not set" if value is None else "empty"
        raise ConfigError(
            f"{called} names the environment variable {name}, which is {state}.",
            f"Set it: export {name}=...",
        )
    return value.strip()


def _from_file(path: Path, called: str) -> str:
    try:
        value = path.read_text("utf-8").strip()
    except OSError as error:
        raise ConfigError(
            f"{called} names the file {path}: {_reason(error)}.",
            "Relative paths are relative to the config file.",
        ) from None
    except ValueError:  # not UTF-8, or no path at all
        raise ConfigError(
            f"{called} names a file that is not text.", "Write the value into it as UTF-8."
        ) from None
    if not value:
        raise ConfigError(f"{called} names the file {path}, which is empty.", "Write it there.")
    return value


def _reason(error: OSError) -> str:
    return (error.strerror or "it can't be read").lower()


def _validated(values: dict[str, Any], called: _Called) -> Connection:
    try:
        return TypeAdapter(Connection).validate_python(values)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
    # Raised outside the handler: the first error's context may hold a secret.
    order = [*keys_of(Connection), *(str(f["loc"][0]) for f in faults)]
    fault = min(faults, key=lambda f: order.index(str(f["loc"][0])))
    path = tuple(str(part) for part in fault["loc"])
    raise ConfigError(f"{called(path)} {_sentence(fault)}.", _NEXT.get(path[0], "Correct it."))


_NEXT = {
    "access_token": "Give the API key, best as env:KUSTOMER_ACCESS_TOKEN.",
    "destination": "Give a database URL, such as duckdb:///acme.duckdb.",
}
_RANGES = {
    "api_utilization_percentage": "must be from 25 to 90",
    "index_lag_seconds": "must be from 0 to 86,400 (a day)",
    "overlap_seconds": "must be from 0 to 1,000,000,000",
    "max_wait_minutes": "must be from 0 to 525,600 (a year)",
    "sweep_frequency": "must be from 1 to 525,600 (a year of minutes)",
}


def _sentence(fault: Any) -> str:
    """What is allowed, to follow the key's name."""
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "missing":
        return "is missing"
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        return "is not a setting"
    if kind in ("greater_than_equal", "less_than_equal", "finite_number"):
        return _RANGES[str(fault["loc"][-1])]
    if kind.startswith(("int", "float")):
        return f"must be a {'whole ' if kind.startswith('int') else ''}number"
    if kind in ("dataclass_type", "dict_type", "mapping_type"):
        return "must be a section with keys of its own"
    return "must be text in quotes"


# ---- against the catalog ----


def check_tables(connection: Connection, tables: Sequence[Table]) -> None:
    """Every table and column named in `[tables.*]` is there, may be treated so, and can be yet."""
    for name, choice in connection.tables.items():
        where = f"[connections.{connection.name}.tables.{name}]"
        _check_history(connection, name, tables, where)
        table = named_table(name, tables, where)
        if choice.columns and name in (table.history, f"{table.name}_history"):
            raise ConfigError(
                f"{where}: the columns of {name} are those of {table.name}.",
                f"Write them below tables.{table.name}; they go for both.",
            )
        for column, wish in choice.columns.items():
            _check_column(connection, table, column, wish, f"{where[:-1]}.columns.{column}]")
    _refuse_unbuilt(connection)


def _refuse_unbuilt(connection: Connection) -> None:
    """What the contract names and this version can't do is refused, never silently ignored."""
    if connection.ssh is not None:
        raise ConfigError(
            f"ssh in [connections.{connection.name}] is not built yet.",
            "Leave it out with this version.",
        )


def _check_history(
    connection: Connection, name: str, tables: Sequence[Table], where: str
) -> None:  # fmt: skip
    """Only what is no history itself can have one."""
    base = name.removesuffix("_history")
    if base == name:
        return
    known = {table.name: table for root in tables for table in root.shown()}
    kept = connection.tables.get(base)
    if base in known and not known[base].history and not (kept and kept.history):
        raise ConfigError(
            f"{where}: no history of {base} is kept.",
            f"Write history = true in [connections.{connection.name}.tables.{base}].",
        )
    if connection.tables[name].history:
        raise ConfigError(
            f"{where}: {name} is a history itself, so it can have none.",
            f"Write history = true in [connections.{connection.name}.tables.{base}].",
        )
    if base in known and kept is not None and kept.history and not connection.tables[name].enabled:
        raise ConfigError(
            f"{where}: enabled = false leaves out what history = true of {base} asks for.",
            "Remove one of the two.",
        )


def named_table(name: str, tables: Sequence[Table], where: str = "") -> Table:
    """The table of that name: root, child, history or one klass's; else the nearest is named.

    A history table is answered by the table whose versions it keeps, a klass's by its common one.
    """
    known: dict[str, Table] = {}
    for root in tables:
        for table in root.shown():
            known[table.name] = table
            if table.history:
                known[table.history] = table
    if name in known:
        return known[name]
    base = name.removesuffix("_history")
    if where and base in known:  # `history = true` of the table asks for it
        return known[base]
    for root in tables:
        if root.per_klass and re.fullmatch(re.escape(root.name) + r"_[a-z0-9_]+", name):
            return root
    if base in known:
        raise ConfigError(
            f"No history of {base} is kept, so there is no table {name}.",
            f"Write history = true in the section tables.{base} of the connection.",
        )
    raise ConfigError(
        f'{where + ": u" if where else "U"}nknown table "{name}"{did_you_mean(name, known)}',
        "`kustomer-sync tables` lists them all.",
    )


def _check_column(
    connection: Connection, table: Table, name: str, wish: ColumnChoice, where: str
) -> None:
    column = _column(connection, table, name, where)
    if wish.enabled and not wish.hashed:
        return
    treated = "hashed" if wish.hashed else "blocked"
    fixed = _fixed(connection, table, name, column)
    if fixed:
        raise ConfigError(
            f"{where}: {name} {fixed}, so it can be neither blocked nor hashed.",
            "Choose another column.",
        )
    if wish.hashed and wish.enabled and column is not None and column.references:
        raise ConfigError(
            f"{where}: {name} points to {column.references}, so it can't be {treated}.",
            "Block it instead: enabled = false.",
        )
    made = any(c.origin is Origin.SURROGATE for c in table.columns)
    if made and not wish.enabled and connection.hash_salt is None:
        raise ConfigError(
            f"{where}: the key of {table.name} is made from what its rows hold, so blocking one of "
            f"its columns needs hash_salt in [connections.{connection.name}].",
            'Add hash_salt = "env:KUSTOMER_HASH_SALT".',
        )
    if wish.hashed and connection.hash_salt is None:
        raise ConfigError(
            f"{where}: hashing needs hash_salt in [connections.{connection.name}].",
            'Add hash_salt = "env:KUSTOMER_HASH_SALT".',
        )


def _fixed(connection: Connection, table: Table, name: str, column: Column | None) -> str:
    """Why the column must stay as it is; "" where it need not."""
    if column is None:
        return "is a system column" if name.startswith(connection.system_prefix) else ""
    if name in table.key or name == table.parent_column:
        return f"is part of {table.name}'s key"
    if name in table.history_key:
        return f"is part of {table.history}'s key"
    return READ_BACK.get(name, "") if table.reading is not None else ""


def _column(connection: Connection, table: Table, name: str, where: str) -> Column | None:
    """The column; None for one that only the org or we know: custom and system columns."""
    known = {column.name: column for column in table.columns}
    if name in known:
        return known[name]
    custom = name.startswith("custom_") and (table.custom or table.parent is not None)
    if custom or name.startswith(connection.system_prefix):
        return None
    raise ConfigError(
        f'{where}: {table.name} has no column "{name}"{did_you_mean(name, known)}',
        "`kustomer-sync tables --json` lists its columns.",
    )
