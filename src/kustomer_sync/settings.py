"""A connection as its owner wrote it down: the TOML file or a handful of flags.

Everything wrong with it is a `ConfigError` of one sentence that names the key, the file and what
is allowed, and never quotes a secret. A value may be `env:NAME` or `file:PATH`; it is looked up
when its connection is asked for, so one connection's missing variable does not stop another.

Knows nothing of Kustomer's objects: table and column names are checked by `check_tables` against
the catalog that the caller brings.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple
from urllib.parse import urlsplit

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

from kustomer_sync.errors import ConfigError

if TYPE_CHECKING:
    from kustomer_sync.model import Column, Table

FREQUENCIES = (1, 5, 15, 30, 60, 120, 180, 360, 480, 720, 1440)
"""Minutes a connection may rest between syncs."""

SCHEMA_CHANGES = ("ALLOW_ALL", "ALLOW_COLUMNS", "BLOCK_ALL")

_FILE_SCHEMES = ("duckdb", "sqlite", "delta", "iceberg", "ducklake")
"""Destinations that are a path: three slashes relative, four absolute."""

_ALIASES = {
    "api_key": "access_token",
    "api_token": "access_token",
    "key": "access_token",
    "token": "access_token",
    "org": "domain",
    "subdomain": "domain",
    "database": "destination",
    "dataset": "schema",
    "connection": "connections",
    "eu": "eu_region",
    "region": "eu_region",
    "salt": "hash_salt",
    "table": "tables",
    "column": "columns",
    "blocked": "enabled",
    "hash": "hashed",
}
"""What people write -> the key that means it."""


_SECRET_PARAMETER = re.compile(r"(?i)([?&][^=&]*(?:password|token|secret|key)[^=&]*=)[^&]*")


# The kinds of values. A ValueError's text finishes the sentence "KEY ...".


def _number(value: Any) -> Any:
    if isinstance(value, bool):  # to Python, `true` is 1
        raise ValueError("must be a number")
    return value


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be text in quotes")
    if not value.strip():
        raise ValueError("is empty")
    return value


def _secret(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value
    text = _text(value)
    if any(c.isspace() or not c.isprintable() for c in text.strip()):
        raise ValueError("must be the key alone: it holds a space or a line break")
    return text.strip()


def _salt(value: Any) -> Any:
    return value if isinstance(value, SecretStr) else _text(value)


def _domain(value: str) -> str:
    name = re.sub(r"^https?://", "", value.strip().lower()).rstrip("/")
    name = re.sub(r"(\.api)?(\.prod\d+)?\.kustomerapp\.com$", "", name)
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name):
        raise ValueError('must be the org\'s name alone: "acme" for acme.kustomerapp.com')
    return name


def _base_url(value: str) -> str:
    try:
        parts = urlsplit(value.strip())
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine or parts.query or parts.fragment or parts.username is not None:
        raise ValueError("must be an address like https://acme.api.kustomerapp.com")
    return value.strip().rstrip("/")


def _proxy(value: str) -> str:
    if not re.match(r"(https?|socks5h?)://[^/]+", value):
        raise ValueError("must begin with http://, https:// or socks5:// and name a host")
    return value


def _destination(value: str) -> str:
    scheme, separator, rest = value.strip().partition("://")
    if not separator or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme) or not rest:
        raise ValueError(
            "must be a database URL, such as duckdb:///acme.duckdb or postgresql://host/database"
        )
    if scheme in _FILE_SCHEMES and not rest.startswith("/"):
        raise ValueError(
            f"needs three slashes before a relative path, four before an absolute one: "
            f"{scheme}:///acme.{scheme}"
        )
    if scheme in _FILE_SCHEMES and not rest.strip("/"):
        raise ValueError("names no file")
    return value.strip()


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


def _daily_sync_time(value: Any) -> Any:
    if not isinstance(value, str) or not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        raise ValueError('must be a time of day in UTC in quotes, such as "14:00"')
    return value


def _schema(value: str) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", value):
        raise ValueError("must be lower-case letters, digits and _, not beginning with a digit")
    return value


def _system_prefix(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,31}", value):
        raise ValueError("must be letters, digits and _ only, not beginning with a digit")
    return value


def _memory_limit(value: str) -> str:
    if not re.fullmatch(r"[1-9]\d*(\.\d+)?\s*([KMGT]i?B)", value.strip(), re.IGNORECASE):
        raise ValueError('must be a size such as "128MB" or "2GB"')
    return value.strip()


_Text = Annotated[str, BeforeValidator(_text)]
_Seconds = Annotated[int, BeforeValidator(_number), Field(ge=0)]
_Minutes = Annotated[float, BeforeValidator(_number), Field(ge=0, allow_inf_nan=False)]


_STRICT = ConfigDict(extra="forbid", hide_input_in_errors=True, populate_by_name=True)
DEFAULT_FILE = "kustomer-sync.toml"


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class ColumnChoice:
    """What the owner wants of one column."""

    enabled: bool = True
    hashed: bool = False


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class TableChoice:
    """What the owner wants of one table."""

    enabled: bool = True
    history: bool = False
    columns: Mapping[str, ColumnChoice] = Field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Ssh:
    """The host through which the destination is reached."""

    host: _Text
    port: Annotated[int, BeforeValidator(_number), Field(ge=1, le=65535)] = 22
    user: _Text
    private_key: Annotated[SecretStr, BeforeValidator(_salt)] | None = None
    private_key_passphrase: Annotated[SecretStr, BeforeValidator(_salt)] | None = None
    password: Annotated[SecretStr, BeforeValidator(_salt)] | None = None
    known_hosts: Path | None = None


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Connection:
    """One Kustomer org -> one destination schema, with its choices; every value looked up."""

    name: str
    folder: Path = Field(default_factory=Path.cwd, repr=False)
    """What a relative destination is relative to."""
    domain: Annotated[_Text, AfterValidator(_domain)] | None = None
    access_token: Annotated[SecretStr, BeforeValidator(_secret)]
    eu_region: bool = False
    base_url: Annotated[_Text, AfterValidator(_base_url)] | None = None
    api_utilization_percentage: Annotated[
        float, BeforeValidator(_number), Field(ge=25, le=90, allow_inf_nan=False)
    ] = 90
    destination: Annotated[_Text, AfterValidator(_destination)] = Field(repr=False)
    """May hold a password: show `shown_destination` instead."""
    schema_name: Annotated[_Text, AfterValidator(_schema)] = Field("kustomer", alias="schema")
    service_version: Annotated[int, BeforeValidator(_number), AfterValidator(_service_version)] = 2
    schema_change_handling: Annotated[_Text, AfterValidator(_schema_change)] = "ALLOW_ALL"
    sync_frequency: Annotated[int, BeforeValidator(_number), AfterValidator(_frequency)] = 360
    daily_sync_time: Annotated[str, BeforeValidator(_daily_sync_time)] | None = None
    index_lag_seconds: _Seconds = 60
    overlap_seconds: _Seconds = 300
    max_wait_minutes: _Minutes = 15
    priority_first: bool = True
    extras: bool = True
    hash_salt: Annotated[SecretStr, BeforeValidator(_salt)] | None = None
    system_prefix: Annotated[_Text, AfterValidator(_system_prefix)] = "_fivetran_"
    memory_limit: Annotated[_Text, AfterValidator(_memory_limit)] = "128MB"
    sweep_frequency: Annotated[int, BeforeValidator(_number), Field(ge=1)] | None = None
    """Minutes between two sweeps for hard deletes."""
    proxy: Annotated[_Text, AfterValidator(_proxy)] | None = Field(None, repr=False)
    ca_file: str | None = None
    ssh: Ssh | None = None
    tables: Mapping[str, TableChoice] = Field(default_factory=dict)

    @property
    def api_url(self) -> str:
        return api_url(self.domain, eu_region=self.eu_region, base_url=self.base_url)

    def token(self) -> str:
        return self.access_token.get_secret_value()

    @property
    def destination_url(self) -> str:
        """The destination; a relative file made absolute from the config file's folder."""
        return _absolute_url(self.destination, self.folder)

    @property
    def shown_destination(self) -> str:
        """The destination without its password, fit for people and logs."""
        shown = re.sub(r"(?<=://)([^/@:]*):.*@", r"\1:******@", self.destination_url)
        return _SECRET_PARAMETER.sub(r"\1******", shown)

    def table(self, name: str) -> TableChoice:
        """The owner's wish for a table; the defaults where nothing is said."""
        return self.tables.get(name, TableChoice())


def api_url(domain: str | None, *, eu_region: bool = False, base_url: str | None = None) -> str:
    """The API's address: `base_url` if given, else the org's own host.

    Kustomer documents `{org}.api.kustomerapp.com`, and `api.prod2.kustomerapp.com` for the EU.
    Whether an EU org answers at `{org}.api.prod2` is not documented; `base_url` overrides it.
    """
    if base_url:
        return base_url.rstrip("/")
    return f"https://{domain}.api{'.prod2' if eu_region else ''}.kustomerapp.com"


# Reading the file.


class Connections(Mapping[str, Connection]):
    """The connections of a file by name; each is looked up and checked when asked for."""

    def __init__(self, sections: Mapping[str, Mapping[str, Any]], origin: _Origin) -> None:
        self._sections = sections
        self._origin = origin

    def __getitem__(self, name: str) -> Connection:
        if name not in self._sections:
            raise KeyError(name)
        return _connection(name, self._sections[name], self._origin)

    def __iter__(self) -> Iterator[str]:
        return iter(self._sections)

    def __len__(self) -> int:
        return len(self._sections)

    def pick(self, name: str | None) -> Connection:
        """The connection of that name, or the only one."""
        if name is None:
            if len(self) != 1:
                raise ConfigError(
                    f"{self._origin.file} has {len(self)} connections: {', '.join(self)}.",
                    "Name the one you mean.",
                )
            name = next(iter(self))
        if name not in self._sections:
            known = f"It has: {', '.join(self)}."
            raise ConfigError(
                f'{self._origin.file} has no connection "{name}"{_did_you_mean(name, self)}', known
            )
        return self[name]


class _Origin(NamedTuple):
    """Where a section was written."""

    file: str
    """As the user calls it; "" for flags."""
    folder: Path
    """What relative paths are relative to."""


_Called = Callable[[tuple[str, ...]], str]
"""From the path to a value, its name in the user's words."""


def load(path: Path | str) -> Connections:
    """Read the file; syntax and keys are checked here, values when a connection is asked for."""
    path = Path(path)
    origin = _Origin(str(path), path.resolve().parent)
    document = _parse(path)
    _refuse_unknown(document, ("connections",), origin.file, "")
    sections = document.get("connections")
    if not isinstance(sections, dict) or not sections:
        raise ConfigError(
            f"{path} has no connection.", "Begin one with [connections.NAME], or run init."
        )
    for name, section in sections.items():
        _check_keys(section, origin.file, f"connections.{name}")
    return Connections(sections, origin)


def from_flags(name: str | None = None, **flags: Any) -> Connection:
    """A connection made of flags alone; relative paths are relative to the working folder."""
    given = {key: value for key, value in flags.items() if value is not None}
    made = _connection(name or "kustomer", given, _Origin("", Path.cwd()))
    return made if name else replace(made, name=made.domain or made.name)


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(
            f"There is no file {path}.",
            "Write one with `kustomer-sync init`, or name yours with --config.",
        ) from None
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text.", "Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"{path} is not valid TOML: {str(error).rstrip('.')}.",
            "Text needs quotes; numbers, true and false have none.",
        ) from None


def _keys_of(section: type[Any]) -> tuple[str, ...]:
    inner = ("name", "folder")  # ours to fill in
    names = (getattr(f.default, "alias", None) or f.name for f in fields(section))
    return tuple(name for name in names if name not in inner)


def _check_keys(section: Any, file: str, where: str) -> None:
    """No key below `where` is unknown."""
    _refuse_unknown(_mapping(section, file, where), _keys_of(Connection), file, where)
    if isinstance(section.get("ssh"), dict):
        _refuse_unknown(section["ssh"], _keys_of(Ssh), file, f"{where}.ssh")
    tables = _mapping(section.get("tables", {}), file, f"{where}.tables")
    for name, table in tables.items():
        spot = f"{where}.tables.{name}"
        _refuse_unknown(_mapping(table, file, spot), _keys_of(TableChoice), file, spot)
        columns = _mapping(table.get("columns", {}), file, f"{spot}.columns")
        for column, choice in columns.items():
            here = f"{spot}.columns.{column}"
            _refuse_unknown(_mapping(choice, file, here), _keys_of(ColumnChoice), file, here)


def _mapping(value: Any, file: str, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{file}: {where} must be a section, [{where}], not a single value.")
    return value


def _refuse_unknown(section: Mapping[str, Any], known: Sequence[str], file: str, at: str) -> None:
    for key in section:
        if key not in known:
            where = f"in [{at}]" if at else "at the top"
            raise ConfigError(
                f'{file}: unknown key "{key}" {where}{_did_you_mean(key, known)}',
                f"Allowed there: {', '.join(known)}.",
            )


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    words = list(known)
    if _ALIASES.get(word.lower()) in words:
        return _ALIASES[word.lower()]
    found = get_close_matches(word.lower(), words, n=1, cutoff=0.5)
    return found[0] if found else None


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of the sentence that names an unknown word."""
    guess = nearest(word, known)
    return f'; did you mean "{guess}"?' if guess else "."


# From a section to a connection.


def _connection(name: str, section: Mapping[str, Any], origin: _Origin) -> Connection:
    def called(path: tuple[str, ...]) -> str:
        if not origin.file:
            return "--" + path[0].replace("_", "-")
        return f"{origin.file}: {'.'.join(path)} in [connections.{name}]"

    values = {
        key: _looked_up(value, origin.folder, called, (key,)) for key, value in section.items()
    }
    connection = _validated({**values, "name": name, "folder": origin.folder}, called)
    if not connection.domain and not connection.base_url:
        raise ConfigError(
            f"{called(('domain',))} is missing.", 'Give the org\'s name, such as "acme".'
        )
    return replace(connection, **_absolute(connection, origin.folder, called))


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
    value = os.environ.get(name)
    if value is None:
        raise ConfigError(
            f"{called} names the environment variable {name or '(none)'}, which is not set.",
            f"Set it: export {name or 'NAME'}=...",
        )
    if not value.strip():
        raise ConfigError(f"{called} names the environment variable {name}, which is empty.")
    return value.strip()


def _from_file(path: Path, called: str) -> str:
    try:
        return path.read_text("utf-8").strip()
    except OSError as error:
        reason = (error.strerror or "it can't be read").lower()
        raise ConfigError(f"{called} names the file {path}: {reason}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{called} names the file {path}, which is not text.") from None


def _validated(values: dict[str, Any], called: _Called) -> Connection:
    try:
        return TypeAdapter(Connection).validate_python(values)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        order = [*_keys_of(Connection), *(str(f["loc"][0]) for f in faults)]
        fault = min(faults, key=lambda f: order.index(str(f["loc"][0])))
    # Raised outside the handler: the first error's context may hold a secret.
    path = tuple(str(part) for part in fault["loc"])
    raise ConfigError(f"{called(path)} {_sentence(fault)}.", _hint(path[0]))


def _sentence(fault: Any) -> str:
    """What is allowed, to follow the key's name."""
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return "is not a known key"
    if kind.startswith("bool"):
        return "must be true or false"
    if kind in ("greater_than_equal", "less_than_equal", "greater_than", "finite_number"):
        return _range(fault["loc"][-1])
    if kind.startswith(("int", "float")):
        return f"must be a {'whole ' if kind.startswith('int') else ''}number"
    if kind in ("dataclass_type", "dict_type", "mapping_type"):
        return "must be a section with keys of its own"
    return "must be text in quotes"


_RANGES = {
    "api_utilization_percentage": "must be from 25 to 90",
    "port": "must be from 1 to 65535",
    "sweep_frequency": "must be 1 (minute) or more",
}


def _range(key: Any) -> str:
    return _RANGES.get(str(key), "must be 0 or more")


def _hint(key: str) -> str:
    return {
        "access_token": "Give the API key, best as env:KUSTOMER_ACCESS_TOKEN.",
        "destination": "Give a database URL, such as duckdb:///acme.duckdb.",
    }.get(key, "")


def _absolute(connection: Connection, folder: Path, called: _Called) -> dict[str, Any]:
    """The values that are paths, made absolute."""
    changed: dict[str, Any] = {}
    if connection.ca_file:
        path = folder / Path(connection.ca_file).expanduser()
        if not path.is_file():
            raise ConfigError(f"{called(('ca_file',))} names {path}, which is not a file.")
        changed["ca_file"] = str(path)
    if connection.ssh and connection.ssh.known_hosts:
        known = folder / connection.ssh.known_hosts.expanduser()
        changed["ssh"] = replace(connection.ssh, known_hosts=known)
    return changed


def _absolute_url(url: str, folder: Path) -> str:
    scheme, _, rest = url.partition("://")
    if scheme not in _FILE_SCHEMES or rest.startswith("//"):
        return url
    path, mark, query = rest[1:].partition("?")
    if path == ":memory:":
        return url
    return f"{scheme}:///{(folder / path).as_posix()}{mark}{query}"


# Against the catalog.


def refuse_unbuilt(connection: Connection) -> None:
    """What the contract names and this version can't do yet is refused, never silently ignored."""
    asked = {
        "ssh": connection.ssh is not None,
        "sweep_frequency": connection.sweep_frequency is not None,
        "schema_change_handling": connection.schema_change_handling != "ALLOW_ALL",
    }
    for name, choice in connection.tables.items():
        asked[f"tables.{name}.history"] = choice.history
        for column, wish in choice.columns.items():
            asked[f"tables.{name}.columns.{column}"] = wish.hashed or not wish.enabled
    for key, wanted in asked.items():
        if wanted:
            raise ConfigError(
                f"{key} in [connections.{connection.name}] is not built yet.",
                "Leave it out with this version.",
            )


def check_tables(connection: Connection, tables: Sequence[Table]) -> None:
    """Every table and column named in `[tables.*]` is there and may be treated so."""
    for name, choice in connection.tables.items():
        where = f"[connections.{connection.name}.tables.{name}]"
        table = named_table(name, tables, where)
        for column, wish in choice.columns.items():
            _check_column(connection, table, column, wish, f"{where[:-1]}.columns.{column}]")


def named_table(name: str, tables: Sequence[Table], where: str = "") -> Table:
    """The table of that name: root, child, history or one klass's; else the nearest is named.

    A history table is answered by the table whose versions it keeps, a klass's by its common one.
    """
    known: dict[str, Table] = {}
    for root in tables:
        for table in root.walk():
            known[table.name] = table
            if table.history:
                known[table.history] = table
    if name in known:
        return known[name]
    for root in tables:
        if root.per_klass and re.fullmatch(re.escape(root.name) + r"_[a-z0-9_]+", name):
            return root
    raise ConfigError(
        f'{where + ": u" if where else "U"}nknown table "{name}"{_did_you_mean(name, known)}',
        "`kustomer-sync tables` lists them all.",
    )


def _check_column(
    connection: Connection, table: Table, name: str, wish: ColumnChoice, where: str
) -> None:
    column = _column(connection, table, name, where)
    if wish.enabled and not wish.hashed:
        return
    treated = "hashed" if wish.enabled else "blocked"
    if column is None:
        if name.startswith(connection.system_prefix):
            raise ConfigError(f"{where}: {name} is a system column and can't be {treated}.")
    elif name in table.key or name == table.parent_column:
        raise ConfigError(f"{where}: {name} is part of {table.name}'s key and can't be {treated}.")
    elif name == "updated_at" and _searched(table):
        raise ConfigError(
            f"{where}: updated_at of a searched table can't be {treated}: "
            "it decides which copy of a record is newer."
        )
    elif treated == "hashed" and column.references:
        raise ConfigError(
            f"{where}: {name} points to {column.references} and can't be hashed.",
            "Block it instead: enabled = false.",
        )
    if treated == "hashed" and connection.hash_salt is None:
        raise ConfigError(
            f"{where}: hashing needs hash_salt in [connections.{connection.name}].",
            'Add hash_salt = "env:KUSTOMER_HASH_SALT".',
        )


def _column(connection: Connection, table: Table, name: str, where: str) -> Column | None:
    """The column; None for one that only the org or we know: custom and system columns."""
    known = {column.name: column for column in table.columns}
    if name in known:
        return known[name]
    if name.startswith((connection.system_prefix, "custom_")):
        return None
    raise ConfigError(
        f'{where}: {table.name} has no column "{name}"{_did_you_mean(name, known)}',
        f"`kustomer-sync tables` and `erd` show what {table.name} has.",
    )


def _searched(table: Table) -> bool:
    return type(table.reading).__name__ == "Search"
