"""The command line: words in, our values out, and back. No other module prints.

This file is what every call passes: it answers `--help` without importing anything, hands the
rest to the commands, and turns whatever they raise into one sentence and an exit code.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

from kustomer_sync.errors import Interrupted, SyncError, UsageError

COMMANDS = (
    ("demo", "Sync a made-up org into a DuckDB file and show what landed."),
    ("init", "Write a config file, asking for what is not given."),
    ("check", "Try the key and the destination; name what the key may not read."),
    ("sync", "Bring a destination up to date."),
    ("tables", "List the tables: how each is read, its key, what it is."),
    ("erd", "Print the tables and their relations as a diagram or as data."),
    ("simulator", "Serve a made-up Kustomer org on this machine."),
    ("version", "Print the version."),
)

HELP = """\
Keep a database in step with an org's data in Kustomer.

Usage: kustomer-sync COMMAND [OPTIONS]

Commands:
{commands}

Every command takes --config FILE (kustomer-sync.toml if not given) and --json
(JSON on stdout, words on stderr). `kustomer-sync COMMAND --help` tells the rest.

Begin with:
  kustomer-sync demo                       no account needed
  kustomer-sync init                       write the config file
  kustomer-sync check                      what may the key read?
  kustomer-sync sync                       rows in the database

Exit codes: 0 done; 1 failed after it began; 2 wrong usage, config or key, nothing
written; 3 stopped early, run it again to go on.
"""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. No traceback ever reaches a user."""
    arguments = _command_first(list(sys.argv[1:] if arguments is None else arguments))
    try:
        if arguments in ([], ["--help"], ["-h"], ["help"]):
            _print_help()
            return 0
        return _command(["version"] if arguments == ["--version"] else arguments)
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _command_first(arguments: list[str]) -> list[str]:
    """`--json` and `--config FILE` may also stand before the command."""
    before: list[str] = []
    rest = arguments
    while rest and (rest[0] == "--json" or rest[0].startswith("--config")):
        taken = 2 if rest[0] == "--config" else 1
        before, rest = before + rest[:taken], rest[taken:]
    if not rest or rest[0].startswith("-"):
        return [*rest, *before] if not rest else [rest[0]]
    return [rest[0], *before, *rest[1:]]


def _print_help() -> None:
    width = max(len(name) for name, _ in COMMANDS)
    commands = "\n".join(f"  {name:<{width}}  {what}" for name, what in COMMANDS)
    print(HELP.format(commands=commands), end="", flush=True)


def _command(arguments: list[str]) -> int:
    from kustomer_sync.cli import app

    as_json = "--json" in arguments
    about = arguments[0]
    try:
        code = app.execute(arguments)
        sys.stdout.flush()
        return code
    except SyncError as error:
        return fail(error, as_json=as_json, about=about)
    except (KeyboardInterrupt, EOFError):
        return fail(Interrupted("Stopped.", "Run it again."), as_json=as_json, about=about)
    except BrokenPipeError:
        raise
    except Exception as error:
        if os.environ.get("KUSTOMER_SYNC_DEBUG"):
            raise
        bug = SyncError(  # the error's own text may quote a record or a secret
            f"Something in kustomer-sync itself went wrong ({type(error).__name__}).",
            "Set KUSTOMER_SYNC_DEBUG=1, run it again and report what it prints.",
        )
        return fail(bug, as_json=as_json, about=about)


def fail(error: SyncError, *, as_json: bool, about: str, connection: str = "") -> int:
    """Say the error on stderr, and with --json on stdout too; its exit code."""
    if as_json:
        from kustomer_sync.report import Report, error_dict

        told = {"error": error_dict(error)}
        if about == "sync":
            told = Report.failed(connection, error).to_dict()
        print(json.dumps(told, indent=2, ensure_ascii=False), flush=True)
    print(" ".join(f"Error: {error}".split()), file=sys.stderr)
    return error.exit_code


def usage(message: str, command: str) -> UsageError:
    """Wrong flags, told with where the right ones are."""
    return UsageError(message, f"See `kustomer-sync {command} --help`.".replace("  ", " "))
