"""The TOML file and the flags -> connections. Says in one sentence what is wrong with either."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, ValidationError

from kustomer_sync.errors import ConfigError
from kustomer_sync.model import Origin, Search, Table

FREQUENCIES = (1, 5, 15, 30, 60, 120, 180, 360, 480, 720, 1440)
DEFAULT_FILE = "kustomer-sync.toml"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True, hide_input_in_errors=True)


class ColumnChoice(_Model):
    enabled: bool = True
    hashed: bool = False


class TableChoice(_Model):
    enabled: bool = True
    history: bool = False
    columns: dict[str, ColumnChoice] = Field(default_factory=dict)


class Connection(_Model):
    """One Kustomer org -> one destination schema, with its schedule and choices."""

    domain: str | None = None
    access_token: SecretStr
    eu_region: bool = False
    base_url: str | None = None
    api_utilization_percentage: float = Field(90, ge=25, le=90)
    destination: str
    schema_name: str = Field("kustomer", alias="schema", pattern=r"^[a-z_][a-z0-9_]*$")
    service_version: Literal[1, 2] = 2
    schema_change_handling: Literal["ALLOW_ALL", "ALLOW_COLUMNS", "BLOCK_ALL"] = "ALLOW_ALL"
    sync_frequency: int = 360
    daily_sync_time: str | None = Field(None, pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    index_lag_seconds: int = Field(60, ge=0)
    overlap_seconds: int = Field(300, ge=0)
    max_wait_minutes: float = Field(15, ge=0)
    priority_first: bool = True
    extras: bool = True
    hash_salt: SecretStr | None = None
    system_prefix: str = Field("_fivetran_", pattern=r"^[a-z_][a-z0-9_]*$")
    memory_limit: str = Field("128MB", pattern=r"(?i)^\d+(\.\d+)?\s*(KB|MB|GB|KiB|MiB|GiB)$")
    sweep_frequency: int | None = Field(None, ge=1)
    proxy: str | None = None
    ca_file: str | None = None
    ssh: str | None = None
    tables: dict[str, TableChoice] = Field(default_factory=dict)

    _name: str = PrivateAttr(default="cli")
    _folder: Path = PrivateAttr(default_factory=Path.cwd)

    @property
    def name(self) -> str:
        return self._name

    @property
    def api_url(self) -> str:
        """The API's address: `base_url`, else the org's own host, else its region's.

        `{org}.api.kustomerapp.com` is the documented preference; whether EU orgs answer there or
        below `prod2` is not documented, so EU takes the region's host, which is.
        """
        if self.base_url:
            return self.base_url.rstrip("/")
        if self.eu_region:
            return "https://api.prod2.kustomerapp.com"
        return f"https://{self.domain}.api.kustomerapp.com"

    @property
    def destination_url(self) -> str:
        """The destination, a relative file made absolute from the config file's folder."""
        scheme, found, rest = self.destination.partition(":///")
        if scheme == "duckdb" and found and rest and not rest.startswith("/"):
            return f"duckdb:///{(self._folder / rest).resolve()}"
        return self.destination

    def token(self) -> str:
        return self.access_token.get_secret_value()


def load(path: Path) -> dict[str, Connection]:
    """The connections of a config file, every `env:` and `file:` value filled in."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"There is no config file {str(path)!r}.",
            "Write one with `kustomer-sync init`, or name it with --config.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{str(path)!r} can't be read ({error}).", "Check the file.") from None
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{str(path)!r} is not TOML: {error}.", "Mend that line.") from None
    _known(content, ("connections",), str(path))
    connections = content.get("connections")
    if not isinstance(connections, dict) or not connections:
        raise ConfigError(f"{str(path)!r} has no connection.", "Add a [connections.NAME] section.")
    folder = path.resolve().parent
    return {
        name: _connection(name, values, folder, f"{path}, [connections.{name}]")
        for name, values in connections.items()
    }


def from_flags(**flags: Any) -> Connection:
    """A connection given by flags alone; its paths are relative to the current folder."""
    given = {key: value for key, value in flags.items() if value is not None}
    return _connection("cli", given, Path.cwd(), "the flags")


def _connection(name: str, values: Any, folder: Path, where: str) -> Connection:
    if not isinstance(values, dict):
        raise ConfigError(f"In {where}: a connection is a section.", "Write [connections.NAME].")
    _known(values, _fields(Connection), where)
    for table, choice in _sections(values.get("tables"), f"{where} tables"):
        _known(choice, _fields(TableChoice), f"{where} table {table}")
        for column, own in _sections(choice.get("columns"), f"{where} columns of {table}"):
            _known(own, _fields(ColumnChoice), f"{where} column {table}.{column}")
    filled = _filled(values, folder, where)
    try:
        connection = Connection.model_validate(filled)
    except ValidationError as error:
        raise _sentence(error, where) from None
    connection._name, connection._folder = name, folder
    if not connection.base_url and not connection.domain:
        raise ConfigError(
            f"In {where}: neither `domain` nor `base_url` is given.",
            "Set domain to the part before .kustomerapp.com.",
        )
    if connection.domain and not re.fullmatch(r"[A-Za-z0-9-]+", connection.domain):
        raise ConfigError(
            f"In {where}: {connection.domain!r} is not a domain name.",
            "Give only the part before .kustomerapp.com.",
        )
    if not connection.token().strip() or any(c.isspace() for c in connection.token()):
        raise ConfigError(f"In {where}: `access_token` is empty or has spaces.", "Set the API key.")
    if connection.sync_frequency not in FREQUENCIES:
        raise ConfigError(
            f"In {where}: `sync_frequency` is {connection.sync_frequency}.",
            f"Choose one of {', '.join(map(str, FREQUENCIES))} (minutes).",
        )
    return connection


def _fields(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(f.alias or name for name, f in model.model_fields.items())


def _sections(values: Any, where: str) -> Iterable[tuple[str, dict[str, Any]]]:
    if values is None:
        return
    if not isinstance(values, dict):
        raise ConfigError(f"In {where}: a section was expected.", "See the README's example.")
    for name, own in values.items():
        if not isinstance(own, dict):
            raise ConfigError(f"In {where}: {name} must be a section.", "See the README's example.")
        yield name, own


def _known(values: Mapping[str, Any], allowed: Iterable[str], where: str) -> None:
    allowed = tuple(allowed)
    for key in values:
        if key not in allowed:
            raise ConfigError(f"In {where}: {key!r} is not a setting.", nearest(key, allowed))


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest right one."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"Did you mean {close[0]!r}?" if close else f"Known are: {', '.join(known)}."


def _filled(value: Any, folder: Path, where: str) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, folder, where) for key, item in value.items()}
    if not isinstance(value, str):
        return value
    if value.startswith("env:"):
        name = value.removeprefix("env:")
        if not _NAME.fullmatch(name) or name not in os.environ:
            raise ConfigError(
                f"In {where}: the environment variable {name} is not set.", f"Set {name}."
            )
        return os.environ[name]
    if value.startswith("file:"):
        path = folder / value.removeprefix("file:")
        try:
            return path.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise ConfigError(
                f"In {where}: the file {str(path)!r} can't be read.", "Check the path."
            ) from None
    return value


_SENTENCES = {
    "api_utilization_percentage": "Choose a number from 25 to 90.",
    "schema": "Use lower-case letters, digits and _, not starting with a digit.",
    "service_version": "It is 1 or 2.",
    "schema_change_handling": "Choose ALLOW_ALL, ALLOW_COLUMNS or BLOCK_ALL.",
    "daily_sync_time": 'Write it as "14:00".',
    "memory_limit": 'Write it as "128MB".',
}


def _sentence(error: ValidationError, where: str) -> ConfigError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return ConfigError(f"In {where}: `{key}` is missing.", f"Set {key}.")
    return ConfigError(
        f"In {where}: `{key}` is not right ({first['msg'].lower()}).",
        _SENTENCES.get(key, "Correct it."),
    )


def check_tables(connection: Connection, tables: Iterable[Table]) -> None:
    """The tables and columns named in `[tables]` exist, and may be treated so."""
    known: dict[str, Table | None] = {}
    for root in tables:
        for table in root.walk():
            known[table.name] = table
            if table.history:
                known[table.history] = None
    for name, choice in connection.tables.items():
        if name not in known and not name.startswith("kobject_"):
            raise ConfigError(f"There is no table {name!r}.", nearest(name, known))
        where = f"In [tables.{name}]: "
        if choice.history or any(c.hashed or not c.enabled for c in choice.columns.values()):
            raise ConfigError(
                where + "history mode, blocked and hashed columns are not built yet.",
                "Leave them out with this version.",
            )
        named = known.get(name)
        if named is None:
            continue
        columns = {c.name: c for c in named.columns}
        for column, own in choice.columns.items():
            if column not in columns and not column.startswith("custom_"):
                raise ConfigError(
                    where + f"there is no column {column!r}.", nearest(column, columns)
                )
            if own.enabled and not own.hashed:
                continue
            found = columns.get(column)
            fixed = column in named.key or (found is not None and found.origin is Origin.PARENT)
            if fixed or (column == "updated_at" and isinstance(named.reading, Search)):
                raise ConfigError(
                    where + f"{column} can be neither blocked nor hashed.",
                    "The tables are joined and kept current by it.",
                )
