"""Write the reference pages from the code, and the real output into every page that shows some.

`python docs/build.py` renews `docs/reference/` and each block of README.md and docs/*.md that
begins with three backticks and `console`: its commands are run in an empty folder, and what they
print replaces what stands below them.
"""

from __future__ import annotations

import ast
import inspect
import os
import re
import shlex
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.features import BEYOND, REFERENCE

from kustomer_sync import settings
from kustomer_sync.cli.screen import table_entries
from kustomer_sync.cli.words import COMMANDS, help_of, overview
from kustomer_sync.destinations.types import TYPES
from kustomer_sync.erd import flat, render
from kustomer_sync.kustomer.catalog import TABLES

ROOT = Path(__file__).parent.parent
NOTE = "<!-- Written by docs/build.py; edit the code, then run `make docs`. -->\n\n"


# ---- pages made from the code ----


def reference() -> dict[str, str]:
    """The pages of docs/reference, by file name."""
    return {
        "commands.md": NOTE + commands(),
        "settings.md": NOTE + configuration(),
        "tables.md": NOTE + tables(),
        "features.md": NOTE + features(),
        "erd.svg": render(TABLES, "svg") + "\n",
    }


def commands() -> str:
    parts = [f"# Commands\n\n```\n{overview()}\n```\n"]
    parts += [f"\n## {name}\n\n```\n{help_of(name)}\n```\n" for name in COMMANDS]
    return "".join(parts)


def configuration() -> str:
    text = (
        "# Settings\n\n"
        "`kustomer-sync.toml` has one section for each connection. Every value may be `env:NAME` "
        "or `file:PATH`; a relative path is relative to the file. An unknown key is an error that "
        "names the nearest right one.\n"
    )
    for title, section in (
        ("[connections.NAME]", settings.Connection),
        ("[connections.NAME.tables.TABLE]", settings.TableChoice),
        ("[connections.NAME.tables.TABLE.columns.COLUMN]", settings.ColumnChoice),
    ):
        text += f"\n## `{title}`\n\n| key | default | meaning |\n|---|---|---|\n"
        told = _attribute_docs(section)
        keys = settings.keys_of(section)
        declared = {f.name: f for f in fields(section)}
        for key, name in keys.items():
            text += f"| `{key}` | {_default(declared[name])} | {told[name]} |\n"
    return text


def _attribute_docs(section: type[Any]) -> dict[str, str]:
    """The text below each field of a class."""
    body = ast.parse(inspect.getsource(section)).body[0]
    assert isinstance(body, ast.ClassDef)
    told = {}
    for before, node in zip(body.body, body.body[1:], strict=False):
        if isinstance(before, ast.AnnAssign) and isinstance(node, ast.Expr):
            assert isinstance(before.target, ast.Name)
            told[before.target.id] = " ".join(ast.literal_eval(node.value).split())
    return told


def _default(field: Any) -> str:
    value = field.default
    if isinstance(value, FieldInfo):
        if value.default_factory is not None:
            return ""
        value = value.default
    if value is MISSING or repr(value) in ("PydanticUndefined", "Ellipsis"):
        return "needed"
    if value is None:
        return ""
    shown = str(value).lower() if isinstance(value, bool) else repr(value).replace("'", '"')
    return f"`{shown}`"


def tables() -> str:
    named = {table.name: table for table in flat(TABLES)}
    types = ", ".join(f"{type_.value} {name}" for type_, name in TYPES.items())
    text = (
        "# Tables\n\n"
        f"{sum(not t.extra for t in named.values())} tables of the reference connector's schema, "
        f"{sum(t.extra for t in named.values())} beyond it, and one `kobject_KLASS` for each "
        "klass of the org. Types "
        f"in DuckDB: {types}. Tables and columns marked *extra* are beyond the "
        "reference connector's schema and left out with `extras = false`. Every table has "
        "`_fivetran_synced`; all but histories have `_fivetran_deleted`; histories have "
        "`_fivetran_start`, `_fivetran_end` and `_fivetran_active`. Custom attributes become "
        "columns `custom_NAME`.\n\n"
        "Tables are read by *search* (what changed since the last sync), by *listing* (whole, once "
        "a day), by *recent* (whole once a day, in between what may have changed), by *each* "
        "(one request for each changed conversation, the newest first), or by *log* (its newest "
        "pages). *From* is where a value is in the API's record; in a child table, in the array's "
        "element.\n\n"
        "![All tables](erd.svg)\n"
    )
    for entry in table_entries(TABLES):
        table = named[entry["table"]]
        text += f"\n## {table.name}\n\n{entry['about'][:1].upper()}{entry['about'][1:]}."
        if table.extra:
            text += " *Extra.*"
        how = "with its record" if entry["parent"] else f"by {entry['reading']}"
        text += f" Read {how}: `{entry['source']}`"
        text += f"; role `{entry['role']}`." if entry["role"] else "; no role is documented."
        text += "\n\n| column | type | from | |\n|---|---|---|---|\n"
        fields = {column["name"]: column["source"] for column in entry["columns"]}
        for column in table.columns:
            notes = ["key"] if column.name in table.key else []
            notes += [f"→ [{column.references}](#{column.references})"] if column.references else []
            notes += ["*extra*"] if column.extra else []
            field = fields.get(column.name, fields.get("_fivetran_id", ""))
            text += f"| `{column.name}` | {column.type.value} | {field} | {', '.join(notes)} |\n"
    return text


def features() -> str:
    """Each feature, and the tests that prove it."""
    text = (
        "# Features\n\n"
        "Each promise with the tests that prove it. The suite requires that the tests are there, "
        "and breaks what each is for on purpose to see that it notices "
        "([the mutations](../../tests/mutations/listed.py); `make test-all`); but for those that "
        "go by chance, which are marked so: drawn stories, kills at random moments.\n"
    )
    for title, listed in (
        ("Of the reference connector", REFERENCE), ("Beyond it", BEYOND)
    ):  # fmt: skip
        text += f"\n## {title}\n\n| feature | what holds | proved by |\n|---|---|---|\n"
        for feature in listed:
            proved = [_proof(test) for test in feature.tests]
            proved += [f"{_proof(test)} (by chance)" for test in feature.by_chance]
            proofs = "<br>".join(proved)
            text += f"| {feature.name} | {feature.promise} | {proofs} |\n"
    return text


def _proof(test: str) -> str:
    file, name = test.split("::")
    return f"[{name.removeprefix('test_').replace('_', ' ')}](../../{file})"


# ---- real output ----

_BLOCK = re.compile(r"```(console|toml)\n(.*?)```\n", re.DOTALL)
_CONFIG = "kustomer-sync.toml"
_SERVING = "Ctrl-C stops it."


def pages() -> list[Path]:
    """The pages that show commands."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [path for path in found if "```console\n" in path.read_text("utf-8")]


PORT = "8900"


def played(text: str, port: str = PORT) -> str:
    """The page with every console block's commands run, in one new folder.

    A TOML block is its config file from there on if it begins a connection, and else is added to
    the last one that does. Where they say 8900, `port` is meant: it must be free.
    """
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        whole = ""

        def block(found: re.Match[str]) -> str:
            nonlocal whole
            shown = []
            if found[1] == "toml":
                begins = re.search(r"^\[connections\.\w+\]", found[2], re.MULTILINE)
                whole = found[2] if begins else whole
                text = whole if begins else f"{whole}\n{found[2]}"
                (Path(folder) / _CONFIG).write_text(text.replace(PORT, port), "utf-8")
                return found[0]
            for command in _commands(found[2]):
                typed = command.replace(PORT, port)
                output = _output(typed, Path(folder), running)
                shown.append(f"$ {command}\n{output.replace(port, PORT)}")
            return f"```console\n{''.join(shown)}```\n"

        return _BLOCK.sub(block, text)


def _commands(block: str) -> Iterator[str]:
    lines = iter(block.splitlines())
    for line in lines:
        if line.startswith("$ "):
            command = line[2:]
            while command.endswith("\\"):
                command += "\n" + next(lines)
            yield command


def _output(command: str, folder: Path, running: ExitStack) -> str:
    typed = command.replace("make demo", "kustomer-sync demo")
    environment = {
        **os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "KUSTOMER_ACCESS_TOKEN": "demo-key", "KUSTOMER_HASH_SALT": "a salt for the docs",
    }  # fmt: skip
    if typed.endswith(" &"):
        return running.enter_context(_served(shlex.split(typed[:-2]), folder, environment))
    done = subprocess.run(
        ["bash", "-c", typed], cwd=folder, env=environment, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.stdout if done.stdout.endswith("\n") or not done.stdout else done.stdout + "\n"


@contextmanager
def _served(words: list[str], folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """What a server says until it is ready; it runs until the page ends."""
    with subprocess.Popen(
        words, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        said = ""
        for line in server.stdout:
            said += line
            if line.strip() == _SERVING:
                break
        try:
            yield said
        finally:
            server.terminate()


def main() -> None:
    """Renew all pages."""
    folder = ROOT / "docs" / "reference"
    folder.mkdir(exist_ok=True)
    for name, text in reference().items():
        (folder / name).write_text(text, "utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:  # another program may have 8900
        port = str(free.getsockname()[1])
    for path in pages():
        path.write_text(played(path.read_text("utf-8"), port), "utf-8")


if __name__ == "__main__":
    main()
