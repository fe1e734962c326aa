"""What `init` asks, and the file it writes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from kustomer_sync.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from kustomer_sync.settings import Connection

GIVEN = ("domain", "access_token", "eu_region", "base_url", "destination", "schema")
_STAND_INS = {"domain": "acme", "access_token": "key", "destination": "duckdb:///acme.duckdb"}
"""Good values: what is asked is tried among these."""


def answers(given: Mapping[str, Any]) -> dict[str, Any]:
    """Every value of the new connection, in the order of the file: given, asked, or its default.

    Only on a terminal is anything asked; elsewhere what has no default must be given.
    """
    values = {key: value for key, value in given.items() if value is not None}
    ask = _ask if sys.stdin.isatty() else None
    if ask is None:
        missing = [
            flag
            for key, flag in (("domain", "--domain"), ("access_token", "--access-token"))
            if key not in values and not (key == "domain" and "base_url" in values)
        ]
        if missing:
            raise UsageError(
                f"Without a terminal nothing can be asked, and {' and '.join(missing)} "
                f"{'is' if len(missing) == 1 else 'are'} missing.",
                "Give at least --domain ORG (or --base-url URL) and --access-token env:NAME.",
            )
    if "base_url" not in values:
        _fill(values, "domain", "Org (acme for acme.kustomerapp.com)", None, ask)
    _fill(
        values, "access_token", "API key, best as env:NAME so that the file does not hold it",
        "env:KUSTOMER_ACCESS_TOKEN", ask,
    )  # fmt: skip
    if "eu_region" not in values and "base_url" not in values:
        values["eu_region"] = ask is not None and _yes("Is the org in the EU region?")
    org, schema = values.get("domain", "kustomer"), values.get("schema", "kustomer")
    # SQL can't tell a file from a schema of the same name.
    file = f"{org}-sync" if org == schema else org
    _fill(values, "destination", "Destination", f"duckdb:///{file}.duckdb", ask)
    _fill(values, "schema", "Schema", "kustomer", ask)
    return {key: values[key] for key in GIVEN if key in values}


_Ask = Callable[[str, str | None], str]


def _fill(
    values: dict[str, Any], key: str, question: str, default: str | None, ask: _Ask | None
) -> None:
    """The value is there and sound; a wrong answer is asked for again, a wrong flag is an error."""
    asked = key not in values
    while True:
        if asked:
            values[key] = default if ask is None else ask(question, default)
        try:
            values[key] = _tried(key, str(values[key]))
            return
        except ConfigError as error:
            if not asked or ask is None:
                raise
            print(f"  {error}", file=sys.stderr)


def _ask(question: str, default: str | None) -> str:
    while True:
        offered = f" [{default}]" if default else ""
        print(f"{question}{offered}: ", end="", file=sys.stderr, flush=True)
        answer = input().strip() or default
        if answer:
            return answer


def _yes(question: str) -> bool:
    while True:
        answer = _ask(f"{question} y/n", "n").lower()
        if answer in ("y", "yes", "n", "no"):
            return answer.startswith("y")


def _tried(key: str, value: str) -> str:
    """The value as the file should have it, if it would be accepted there."""
    from kustomer_sync.settings import from_flags, org_of

    if value.startswith(("env:", "file:")):
        return value  # looked up when it is used
    if key == "domain":
        value = org_of(value) or value
    connection = from_flags(**{**_STAND_INS, key: value})
    if key == "destination":
        _refuse_unwritable(connection)
    return value


def _refuse_unwritable(connection: Connection) -> None:
    """No other database is written down than one that `sync` would write to."""
    from kustomer_sync.destinations import destination

    destination(
        connection.destination_url, schema=connection.schema_name,
        system_prefix=connection.system_prefix, memory_limit=connection.memory_limit,
    )  # fmt: skip


_OPTIONAL = """\

# Most useful of what may be added; the values are the defaults:
# api_utilization_percentage = 90   # the share of Kustomer's rate limits to use, 25 to 90
# sync_frequency = 360              # minutes between two syncs
# daily_sync_time = "14:00"         # when the daily re-import is due, UTC; not set by default
# extras = true                     # false: the reference schema alone
# service_version = 2               # 1: without the six history tables
# [connections.{name}.tables.message]
# enabled = true                    # false: leave a table out
"""


def toml(name: str, values: Mapping[str, Any]) -> str:
    """The config file."""
    lines = [f"[connections.{_key(name)}]"]
    lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return "\n".join(lines) + "\n" + _OPTIONAL.format(name=_key(name))


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if bare else json.dumps(name, ensure_ascii=False)


def write(path: Path, text: str, *, force: bool) -> None:
    """The file is there, readable by its owner only, since it may hold the key."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if force else os.O_EXCL)
    try:
        descriptor = os.open(path, flags, 0o600)
        os.fchmod(descriptor, 0o600)  # the file that --force writes over may be open to others
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(f"{path} is there already.", "Use --force to write over it.") from None
    except OSError as error:
        raise ConfigError(
            f"{path} can't be written: {error.strerror}.", "Name another with --config."
        ) from None


def next_steps(path: Path, called: str, values: Mapping[str, Any], *, named: bool) -> list[str]:
    """What was written, what to know of it, and what to type next."""
    from kustomer_sync.settings import clash

    lines = [f"Wrote {path} with the connection {called}."]
    if said := clash(str(values["destination"]), str(values["schema"])):
        lines.append(f"Warning: {said}")
    kind, _, variable = str(values["access_token"]).partition(":")
    if kind == "env" and variable not in os.environ:
        lines.append(f"Set {variable} to the API key (Settings > Security > API Keys in Kustomer):")
        lines.append(f"  export {variable}=...")
    lines.append("Then:")
    where = f" --config {quote(str(path))}" if named else ""
    lines += [f"  kustomer-sync {command} {quote(called)}{where}" for command in ("check", "sync")]
    return lines
