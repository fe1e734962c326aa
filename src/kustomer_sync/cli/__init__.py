"""The command line: words in, our values out, and back. No other module prints.

This file is what every call passes: it hands the words to a command, and turns whatever that
raises into one sentence and an exit code. Help needs nothing but `argparse`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import IO

from kustomer_sync.errors import Interrupted, SyncError


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. No traceback ever reaches a user."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _run(words)
    except BrokenPipeError:  # of a command that only shows something, which was seen
        lost(sys.stdout)
        return 0


def _run(words: list[str]) -> int:
    from kustomer_sync.cli.words import Help, read

    as_json, called = "--json" in words, _called(words)
    try:
        asked = read(words)
        from kustomer_sync.cli import commands

        code: int = getattr(commands, asked.command)(asked)
        written("", sys.stdout)
        return code
    except Help as help_:
        print(help_, flush=True)
        return 0
    except SyncError as error:
        return failed(error, as_json, called)
    except (KeyboardInterrupt, EOFError):
        if sys.stderr.isatty():
            written("\n", sys.stderr)  # after what was being typed
        return failed(Interrupted("Stopped.", "Run it again."), as_json, called)
    except BrokenPipeError:
        raise
    except Exception as error:
        if os.environ.get("KUSTOMER_SYNC_DEBUG"):
            raise
        bug = SyncError(  # the error's own text may quote a record or a secret
            f"Something in kustomer-sync itself went wrong ({type(error).__name__}).",
            "Set KUSTOMER_SYNC_DEBUG=1, run it again and report what it prints.",
        )
        return failed(bug, as_json, called)


def _called(words: list[str]) -> str | None:
    """The name of the connection that is to be synced, as far as it is said; None for no sync."""
    if words[:1] not in (["sync"], ["resync"]):
        return None
    return next((word for word in words[1:2] if not word.startswith("-")), "")


def failed(error: SyncError, as_json: bool, connection: str | None = None) -> int:
    """Say the error in one line on stderr, and with --json on stdout too; its exit code.

    `connection` is that of a sync, which is then told in the shape of its report.
    """
    if as_json:
        from kustomer_sync.report import Report

        told = Report.failed(connection or "", error).to_dict()
        if connection is None:
            told = {key: told[key] for key in ("status", "error")}
        written(json.dumps(told, ensure_ascii=False) + "\n", sys.stdout)
    written(" ".join(f"Error: {error}".split()) + "\n", sys.stderr)
    return error.exit_code


def written(text: str, stream: IO[str]) -> None:
    """The text is there for whoever reads; where nobody does any more, the command goes on."""
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        lost(stream)


def lost(stream: IO[str]) -> None:
    """What is written to it from now on is lost, without an error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
