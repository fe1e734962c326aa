"""What `init` asks, and the file it writes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import typer

from kustomer_sync.errors import ConfigError

_STAND_INS = {"domain": "acme", "access_token": "key", "destination": "duckdb:///acme.duckdb"}
"""Good values: what is asked is tried among these."""


def answers(given: Mapping[str, Any]) -> dict[str, Any]:
    """Every value of the new connection: given, asked on a terminal, or its default."""
    values = {key: value for key, value in given.items() if value is not None}
    ask = _ask if sys.stdin.isatty() else _take_default
    if "base_url" not in values:
        _fill(values, "domain", "Your org (acme for acme.kustomerapp.com)", None, ask)
    key = "API key; env:NAME keeps it out of the file"
    _fill(values, "access_token", key, "env:KUSTOMER_ACCESS_TOKEN", ask)
    if "eu_region" not in values and "base_url" not in values:
        values["eu_region"] = sys.stdin.isatty() and typer.confirm(
            "Is the org in the EU region?", default=False, err=True
        )
    called = values.get("domain", "kustomer")
    plain = called if str(called).isidentifier() and "domain" in values else "kustomer-data"
    _fill(values, "destination", "Destination", f"duckdb:///{plain}.duckdb", ask)
    _fill(values, "schema", "Schema", "kustomer", ask)
    return values


_Question = Callable[[str, str | None], str | None]


def _fill(
    values: dict[str, Any], key: str, question: str, default: str | None, ask: _Question
) -> None:
    """The value is there and sound; a wrong answer is asked for again, a wrong flag is an error."""
    asked = key not in values
    while True:
        if asked:
            answer = ask(question, default)
            if answer is None:
                raise ConfigError(f"--{key.replace('_', '-')} is missing.", f"{question}.")
            values[key] = answer
        try:
            values[key] = _tried(key, values[key])
            return
        except ConfigError as error:
            if not asked or ask is _take_default:
                raise
            typer.echo(str(error), err=True)


def _ask(question: str, default: str | None) -> str | None:
    return str(typer.prompt(question, default=default, err=True)).strip()


def _take_default(question: str, default: str | None) -> str | None:
    return default


def _tried(key: str, value: str) -> str:
    """The value as the file should have it, if it would be accepted there."""
    from kustomer_sync.settings import from_flags

    if value.startswith(("env:", "file:")):
        return value  # looked up when it is used
    made = from_flags(**{**_STAND_INS, key: value})
    return str(made.domain) if key == "domain" else value


def toml(name: str, values: Mapping[str, Any]) -> str:
    """The config file."""
    lines = [f"[connections.{_key(name)}]"]
    lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if bare else json.dumps(name, ensure_ascii=False)


def write(path: Path, text: str, *, force: bool) -> None:
    """The file is there, readable by its owner only, since it may hold the key."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if force else os.O_EXCL)
    try:
        with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(f"{path} is there already.", "Use --force to write over it.") from None
    except OSError as error:
        raise ConfigError(f"{path} can't be written: {error.strerror}.") from None
