"""The commands. Each imports what it needs when it runs, so that none pays for another."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from kustomer_sync.cli import failed, written
from kustomer_sync.errors import ConfigError, SyncError, UsageError

if TYPE_CHECKING:
    from kustomer_sync.model import Table
    from kustomer_sync.report import Report
    from kustomer_sync.settings import Connection
    from kustomer_sync.sync import Resync

_DEFAULT = Path("kustomer-sync.toml")
_ONE_SIGNAL = 1.0
"""Seconds within which further signals count as the same."""


def demo(asked: Namespace) -> int:
    """A made-up org is synced into a file, and two queries on it are answered."""
    from kustomer_sync.cli.screen import query_results, say, summary
    from kustomer_sync.settings import from_flags
    from kustomer_sync.simulator import Simulator

    path = _demo_file(asked.output)
    with Simulator(seed=asked.seed, scale="small") as org:
        say(f"A made-up Kustomer answers at {org.url}; it is synced into {path}.")
        connection = from_flags(
            "demo", base_url=org.url, access_token=org.token, index_lag_seconds=0,
            destination=f"duckdb:///{quote(str(path.resolve()))}",
        )  # fmt: skip
        report = _synced(connection)
    queries = query_results(path, connection.schema_name) if report.exit_code == 0 else []
    if asked.json:
        tried = [{"sql": q.sql, "columns": q.columns, "rows": q.rows} for q in queries]
        _print_json({**report.to_dict(), "database": str(path.resolve()), "queries": tried})
    summary(report, str(path), to_stdout=not asked.json)
    for query in queries:
        query.show(to_stdout=not asked.json)
    if queries:
        out = sys.stderr if asked.json else sys.stdout
        print(f'\nAsk more: duckdb {path}, or in Python duckdb.connect("{path}").', file=out)
    return report.exit_code


def _demo_file(folder: Path) -> Path:
    """The demo's file; the one of an earlier demo makes room."""
    path = folder / "kustomer-demo.duckdb"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{path} can't be written: {error.strerror}.", "Name another folder with --output."
        ) from None
    return path


def init(asked: Namespace) -> int:
    """A config file is there that `check` and `sync` accept."""
    from kustomer_sync.cli.interview import GIVEN, answers, next_steps, toml, write

    path = asked.config or _DEFAULT
    if path.exists() and not asked.force:
        raise ConfigError(f"{path} is there already.", "Use --force to write over it.")
    values = answers({key: getattr(asked, key) for key in GIVEN})
    called = asked.name or str(values.get("domain", "kustomer"))
    write(path, toml(called, values), force=asked.force)
    if asked.json:
        _print_json({"config": str(path), "connection": called, "error": None})
    out = sys.stderr if asked.json else sys.stdout
    print("\n".join(next_steps(path, called, values, named=asked.config is not None)), file=out)
    return 0


def check(asked: Namespace) -> int:
    """What the key can do is told; nothing is written."""
    from kustomer_sync.check import check as run_check
    from kustomer_sync.cli.screen import findings, say
    from kustomer_sync.settings import clash

    connection = _connection(asked)
    try:
        found = run_check(connection, say)
    except SyncError as error:
        error.exit_code = 2  # nothing was written
        raise
    if asked.json:
        _print_json(found.to_dict())
    findings(found, connection.name, _shown(connection), to_stdout=not asked.json)
    if said := clash(connection.destination, connection.schema_name):
        say(f"Warning: {said}")
    return 0


def sync(asked: Namespace) -> int:
    """The destination is up to date, or it is told why not and what to do."""
    return _synced_and_told(asked, reimport=asked.reimport)


def resync(asked: Namespace) -> int:
    """What was read before was read again, or the next sync goes on with that."""
    return _synced_and_told(asked, again=True)


def _synced_and_told(asked: Namespace, *, reimport: bool = False, again: bool = False) -> int:
    from kustomer_sync.cli.screen import say, summary
    from kustomer_sync.sync import roots

    connection = _connection(asked)
    named = roots(connection, asked.table, say)
    try:
        share = _share(asked, connection)
        if again:
            from kustomer_sync.sync import Resync

            report = _synced(connection, resync=Resync(tuple(named), asked.since), share=share)
        else:
            report = _synced(connection, named, reimport=reimport, share=share)
    except SyncError as error:
        return failed(error, asked.json, connection.name)
    if asked.json:
        _print_json(report.to_dict())
    summary(
        report, f"{_shown(connection)}, schema {connection.schema_name}", to_stdout=not asked.json
    )
    return report.exit_code


def verify(asked: Namespace) -> int:
    """Source and destination are compared; what differs is named, and repaired if that is asked."""
    from kustomer_sync.cli.screen import Screen, comparison, say
    from kustomer_sync.report import counted
    from kustomer_sync.sync import roots
    from kustomer_sync.sync.verify import verify as run_verify

    connection = _connection(asked)
    named = roots(connection, asked.table, say)

    def announce(requests: int) -> None:
        say(f"Comparing takes at most {counted(requests, 'request')}, and more for what differs.")

    with _stopping() as stop, Screen() as screen:
        found = run_verify(
            connection, tables=named, sample=asked.sample, repair=asked.repair,
            progress=screen.show, announce=announce, stop=stop, share=_share(asked, connection),
        )  # fmt: skip
    if asked.json:
        _print_json(found.to_dict())
    comparison(found, to_stdout=not asked.json)
    return found.exit_code


def status(asked: Namespace) -> int:
    """How far a connection is, or each of the file's, is told."""
    from kustomer_sync.cli.screen import say, standing
    from kustomer_sync.settings import check_tables, load, named
    from kustomer_sync.sync.status import status as run_status

    path = asked.config or _DEFAULT
    names = [asked.name] if asked.name else named(path)
    connections = [load(path, name, asks=False) for name in names]
    for connection in connections:
        check_tables(connection, _catalog())
    found = [run_status(connection, tell=say) for connection in connections]
    if asked.json:
        _print_json({"connections": [one.to_dict() for one in found]})
    for one in found:
        standing(one, to_stdout=not asked.json)
    return 0


def adopt(asked: Namespace) -> int:
    """What adopting the schema changes is told; with --apply the next sync goes on there."""
    from kustomer_sync.cli.screen import adoption, say
    from kustomer_sync.sync import adopt as run_adopt

    connection = _connection(asked)
    told = run_adopt(connection, apply=asked.apply, tell=say)
    if asked.json:
        _print_json(told.to_dict())
    adoption(
        told, f"{_shown(connection)}, schema {connection.schema_name}", to_stdout=not asked.json
    )
    return 0


def tables(asked: Namespace) -> int:
    """The tables are listed: all there are, or those of a connection."""
    from kustomer_sync.cli.screen import table_entries, table_list

    chosen = _catalog()
    if asked.name is not None:
        from kustomer_sync.sync import choose

        chosen = choose(_of_file(asked, asks=False))
    entries = table_entries(chosen)
    if asked.json:
        _print_json(entries)
    else:
        table_list(entries)
    return 0


def erd(asked: Namespace) -> int:
    """The tables and their relations are printed in the form asked for."""
    from kustomer_sync.erd import render

    form = "json" if asked.json else asked.format
    print(render(_catalog(), form, extras=asked.extras), flush=True)
    return 0


def simulator(asked: Namespace) -> int:
    """A made-up org is served until this is interrupted."""
    from kustomer_sync.simulator import Simulator, serve

    def ready(org: Simulator) -> None:
        command = (
            f"kustomer-sync sync --base-url {org.url} --access-token {org.token} "
            "--destination duckdb:///simulated.duckdb"
        )
        if asked.json:
            _print_json({"url": org.url, "access_token": org.token, "sync": command})
        out = sys.stderr if asked.json else sys.stdout
        print(
            f"A made-up Kustomer ({asked.scale}, seed {asked.seed}) answers at {org.url}.\n"
            f"Its API key: {org.token}\nSync it from another terminal:\n  {command}\n"
            "Ctrl-C stops it.",
            file=out, flush=True,
        )  # fmt: skip

    try:
        serve(port=asked.port, seed=asked.seed, scale=asked.scale, ready=ready)
    except OSError as error:
        raise ConfigError(
            f"Port {asked.port} can't be opened: {error.strerror}.", "Choose another with --port."
        ) from None
    return 0


def version(asked: Namespace) -> int:
    """The version is printed."""
    from kustomer_sync import __version__

    if asked.json:
        _print_json({"version": __version__, "python": sys.version.split()[0]})
    else:
        print(__version__)
    return 0


# ---- what the commands share ----


def _catalog() -> tuple[Table, ...]:
    from kustomer_sync.kustomer.catalog import TABLES

    return TABLES


_FLAGS = ("domain", "access_token", "base_url", "destination", "schema")


def _connection(asked: Namespace) -> Connection:
    """The connection meant, of the file or made of flags, checked against the catalog."""
    from kustomer_sync.settings import check_tables, from_flags

    given = {key: getattr(asked, key) for key in _FLAGS if getattr(asked, key) is not None}
    if not given:
        return _of_file(asked)
    if asked.name is not None or asked.config is not None:
        what = "connection's name" if asked.name is not None else "config file"
        raise UsageError(
            f"A {what} and flags of a connection were both given.", "Give one or the other."
        )
    connection = from_flags(**given)
    check_tables(connection, _catalog())
    return connection


def _of_file(asked: Namespace, *, asks: bool = True) -> Connection:
    """`asks`: whether Kustomer will be."""
    from kustomer_sync.settings import check_tables, load

    connection = load(asked.config or _DEFAULT, asked.name, asks=asks)
    check_tables(connection, _catalog())
    return connection


def _shown(connection: Connection) -> str:
    """The destination; a file below the working folder as one would type it."""
    return connection.shown_destination.removeprefix(f"{Path.cwd()}/")


def _print_json(value: Any) -> None:
    written(json.dumps(value, ensure_ascii=False) + "\n", sys.stdout)


def _synced(
    connection: Connection, tables: Sequence[str] = (), *, reimport: bool = False,
    share: Callable[[], float] | None = None,
    resync: Resync | None = None,
) -> Report:  # fmt: skip
    """One sync with its progress on stderr."""
    from kustomer_sync.cli.screen import Screen
    from kustomer_sync.sync import sync as run_sync

    with _stopping() as stop, Screen() as screen:
        return run_sync(
            connection, tables=tables, reimport=reimport, resync=resync, progress=screen.show,
            stop=stop, share=share,
        )  # fmt: skip


def _share(asked: Namespace, connection: Connection) -> Callable[[], float] | None:
    """The connection's `api_utilization_percentage` as the config file has it by now.

    A file that can't be used meanwhile changes nothing, and is said once.
    """
    from kustomer_sync.cli.screen import say

    if any(getattr(asked, key) is not None for key in _FLAGS):
        return None
    path = asked.config or _DEFAULT
    seen, share = _version_of(path), connection.api_utilization_percentage

    def now() -> float:
        nonlocal seen, share
        if (version := _version_of(path)) not in (seen, None):
            seen = version
            try:
                share = _of_file(asked).api_utilization_percentage
            except SyncError as error:
                say(f"Warning: the changed {path} is not used ({error.message})")
        return share

    return now


def _version_of(path: Path) -> tuple[int, int, int] | None:
    """What a file that was written to has another of; None while it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that the first SIGINT or SIGTERM sets; the second stops at once.

    Two within a second are one: `timeout`, a shell and a supervisor may each pass it on.
    """
    stop = threading.Event()
    first = 0.0

    def handle(number: int, frame: Any) -> None:
        nonlocal first
        if stop.is_set():
            if time.monotonic() - first > _ONE_SIGNAL:
                os._exit(3)
            return
        first = time.monotonic()
        stop.set()
        os.write(2, b"Stopping after what is being written; a second signal stops at once.\n")

    before = {n: signal.signal(n, handle) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
