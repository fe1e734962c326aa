"""The words of the command line: each command's flags, its help, and what a slip is answered.

Imports little but `argparse`: asking for help answers within the time Python takes to start.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from kustomer_sync.errors import UsageError, did_you_mean

Parser = argparse.ArgumentParser

HELP = """\
Keep a database in step with an org's data in Kustomer.

Usage: kustomer-sync COMMAND [OPTIONS]

Commands:
{commands}

`kustomer-sync COMMAND --help` tells a command's options. Every command takes
--config FILE (kustomer-sync.toml if not given) and --json (machine-readable on
stdout, words for people on stderr).

Begin with:
  kustomer-sync demo      no account needed
  kustomer-sync init      write the config file
  kustomer-sync check     what may the key read, and what will it cost?
  kustomer-sync sync      rows in the database

Exit codes:
  0  done, with warnings or not
  1  it began and failed; run it again. verify: something differs, with --repair
     still
  2  wrong usage, config, key or host; nothing was written
  3  stopped early and resumable: rate limit, or a signal"""


class Help(Exception):  # noqa: N818 - an answer, not a failure
    """Somebody asked for help; its text is the message."""


# ---- the commands ----


def _demo(parser: Parser) -> None:
    _flag(parser, "--output", "DIR", "The folder to write to.", type=Path, default=Path("demo"))
    _flag(parser, "--seed", "N", "Another number makes another org.", type=_number, default=7)


def _init(parser: Parser) -> None:
    _flag(parser, "--name", "NAME", "What to call the connection; else the org's name.")
    _flag(parser, "--domain", "ORG", "The org: acme for acme.kustomerapp.com.")
    _flag(parser, "--access-token", "KEY", "The API key, best as env:NAME or file:PATH.")
    region = parser.add_mutually_exclusive_group()
    region.add_argument(
        "--us", dest="eu_region", action="store_false", default=None, help="The org is in the US."
    )
    region.add_argument(
        "--eu", dest="eu_region", action="store_true", default=None, help="The org is in the EU."
    )
    _flag(parser, "--base-url", "URL", "The API's address, if it is neither of these.")
    _flag(parser, "--destination", "URL", "The database, such as duckdb:///acme.duckdb.")
    _flag(parser, "--schema", "NAME", "The schema of the database to write to.")
    parser.add_argument("--force", action="store_true", help="Write over an existing file.")


def _one_connection(parser: Parser) -> None:
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="A connection of the config file; may be left out "
        "where there is only one.",
    )  # fmt: skip
    flags = parser.add_argument_group("instead of a config file")
    _flag(flags, "--domain", "ORG", "The org: acme for acme.kustomerapp.com.")
    _flag(flags, "--access-token", "KEY", "The API key, best as env:NAME or file:PATH.")
    _flag(flags, "--base-url", "URL", "The API's address; wins over the domain.")
    _flag(flags, "--destination", "URL", "The database, such as duckdb:///acme.duckdb.")
    _flag(flags, "--schema", "NAME", "The schema of the database to write to.")


def _sync(parser: Parser) -> None:
    _one_connection(parser)
    _flag(
        parser, "--table", "TABLE", "Only this table, its children and histories; repeatable. A "
        "klass's table is read with all of kobject.",
        action="append", default=[],
    )  # fmt: skip
    parser.add_argument(
        "--reimport", action="store_true", help="Re-import listed tables even if done today."
    )


def _verify(parser: Parser) -> None:
    _one_connection(parser)
    _flag(
        parser, "--table", "TABLE", "Only this table and its children; repeatable. A klass's table "
        "is compared with all of kobject; a history, as far as it is active, with its table.",
        action="append", default=[],
    )  # fmt: skip
    _flag(
        parser, "--sample", "N", "Records of each table compared value by value, drawn by chance "
        "from either side; 100 if not given.", type=_natural, default=100,
    )  # fmt: skip
    parser.add_argument(
        "--repair", action="store_true", help="Read again what differs, and compare it once more."
    )


def _status(parser: Parser) -> None:
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="A connection of the config file; all of them if "
        "not given.",
    )  # fmt: skip


def _adopt(parser: Parser) -> None:
    _one_connection(parser)
    parser.add_argument(
        "--apply", action="store_true", help="Do it; without this it is only told what would "
        "change.",
    )  # fmt: skip


def _resync(parser: Parser) -> None:
    _one_connection(parser)
    _flag(
        parser, "--table", "TABLE", "Only this table, its children and histories; repeatable. "
        "A klass's table is read with all of kobject. Changes of the others are read as by any "
        "sync.",
        action="append", default=[],
    )  # fmt: skip
    _flag(
        parser, "--since", "DATE", "Only what was updated since, in UTC: 2026-01-31 or "
        "2026-01-31T12:00:00Z. Small tables, which are listed, are read whole all the same.",
        type=_date, default=None,
    )  # fmt: skip


def _tables(parser: Parser) -> None:
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="A connection: only the tables that it syncs."
    )


def _erd(parser: Parser) -> None:
    _flag(
        parser, "--format", "FORMAT", "mermaid, svg, dbml or json; mermaid if not given.",
        type=_one_of("format", "mermaid", "svg", "dbml", "json"), default="mermaid",
    )  # fmt: skip
    parser.add_argument(
        "--no-extras", dest="extras", action="store_false",
        help="Without what is beyond the reference schema.",
    )  # fmt: skip


def _simulator(parser: Parser) -> None:
    _flag(
        parser, "--port", "PORT", "Where it listens, 8900 if not given; 0 takes a free one.",
        type=_port, default=8900,
    )  # fmt: skip
    _flag(parser, "--seed", "N", "Another number makes another org.", type=_number, default=7)
    _flag(
        parser, "--scale", "SCALE", "small, medium or large; small if not given.",
        type=_one_of("scale", "small", "medium", "large"), default="small",
    )  # fmt: skip


def _nothing(parser: Parser) -> None:
    pass


COMMANDS: dict[str, tuple[str, Callable[[Parser], None]]] = {
    "demo": ("Sync a made-up org into a DuckDB file and show what landed.", _demo),
    "init": ("Write a config file, asking for what is not given.", _init),
    "check": ("Try the key and the destination; say what the key may not read.", _one_connection),
    "sync": ("Bring a destination up to date.", _sync),
    "status": (
        "How far each table is, the last sync, the budgets; asks Kustomer nothing.",
        _status,
    ),
    "verify": (
        "Compare the destination with Kustomer; names what differs, writes nothing.",
        _verify,
    ),
    "adopt": ("Go on in a schema that the reference connector filled.", _adopt),
    "resync": ("Read again what was read; what Kustomer lacks is flagged at the end.", _resync),
    "tables": ("List the tables: how each is read, its key, what it is.", _tables),
    "erd": ("Print the tables and their relations as a diagram or as data.", _erd),
    "simulator": ("Serve a made-up Kustomer org on this machine.", _simulator),
    "version": ("Print the version.", _nothing),
}
"""Each command in the order of a first day: what it does, and the flags it has."""


def _flag(parser: Any, name: str, metavar: str, text: str, **how: Any) -> None:
    parser.add_argument(name, metavar=metavar, help=text, **how)


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number, not {text!r}") from None


def _natural(text: str) -> int:
    number = _number(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return number


def _date(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no date; write 2026-01-31 or 2026-01-31T12:00:00Z"
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _port(text: str) -> int:
    number = _number(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError("must be from 0 to 65535")
    return number


def _one_of(what: str, *known: str) -> Callable[[str], str]:
    def chosen(text: str) -> str:
        if text not in known:
            raise argparse.ArgumentTypeError(
                f"{text!r} is no {what}{did_you_mean(text, known)} There are: {', '.join(known)}"
            )
        return text

    return chosen


# ---- reading them ----


def read(words: Sequence[str]) -> argparse.Namespace:
    """What was asked: the command's name and its flags. Raises `Help` or `UsageError`."""
    words = _command_first(list(words))
    if not words or words[0] in ("--help", "-h", "help"):
        if len(words) > 1 and words[1] in COMMANDS:
            raise Help(help_of(words[1]))
        raise Help(overview())
    if words[0] in ("--version", "-V"):
        words[0] = "version"
    if words[0] not in COMMANDS:
        kind = "option" if words[0].startswith("-") else "command"
        raise UsageError(
            f'There is no {kind} "{words[0]}"{did_you_mean(words[0], COMMANDS)}',
            "See `kustomer-sync --help`.",
        )
    return _parsed(words[0], words[1:])


def _command_first(words: list[str]) -> list[str]:
    """`--json` and `--config FILE` may also stand before the command."""
    before: list[str] = []
    while words and (words[0] == "--json" or words[0].partition("=")[0] == "--config"):
        taken = 2 if words[0] == "--config" else 1
        before, words = before + words[:taken], words[taken:]
    return [*words[:1], *before, *words[1:]] if words else []


def _parsed(command: str, words: Sequence[str]) -> argparse.Namespace:
    parser = _parser(command)
    asked, rest = parser.parse_known_args(words)
    if asked.help:
        raise Help(help_of(command))
    for word in rest:
        if word.startswith("-"):
            flag = word.partition("=")[0]
            known = [o for action in parser._actions for o in action.option_strings]
            parser.error(f'There is no option "{flag}"{did_you_mean(flag, known)}')
    if rest:
        parser.error("There is a word too many.")  # it is not repeated: it may be a key
    asked.command = command
    return asked


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        told = message.removeprefix("argument ")
        told = told if told.endswith((".", "?")) else f"{told}."
        raise UsageError(told, f"See `{self.prog} --help`.")


class _Formatter(argparse.HelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=88)

    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: Any = None) -> None:
        super().add_usage(usage, actions, groups, "Usage: ")


def _parser(command: str) -> argparse.ArgumentParser:
    summary, declare = COMMANDS[command]
    parser = _Parser(
        f"kustomer-sync {command}", description=summary, add_help=False, allow_abbrev=False,
        formatter_class=_Formatter, usage=f"kustomer-sync {command} {_takes(command)}",
    )  # fmt: skip
    declare(parser)
    parser.add_argument(
        "--config", metavar="FILE", type=Path, default=None,
        help="The config file; kustomer-sync.toml if not given.",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="Machine-readable on stdout.")
    parser.add_argument("-h", "--help", action="store_true", help="Show this.")
    return parser


_NAMED = ("check", "sync", "resync", "status", "verify", "adopt", "tables")


def _takes(command: str) -> str:
    return "[NAME] [OPTIONS]" if command in _NAMED else "[OPTIONS]"


def overview() -> str:
    """What `kustomer-sync --help` prints."""
    width = max(map(len, COMMANDS))
    return HELP.format(
        commands="\n".join(f"  {name:<{width}}  {what}" for name, (what, _) in COMMANDS.items())
    )


def help_of(command: str) -> str:
    """What `kustomer-sync COMMAND --help` prints."""
    text = _parser(command).format_help().rstrip()
    for title in ("positional arguments:", "options:", "instead of a config file:"):
        text = text.replace(f"\n{title}\n", f"\n{title.capitalize()}\n")
    return text.replace("\nPositional arguments:\n", "\nArguments:\n")
