"""The commands. Each imports what it needs when it runs, so that asking for help is quick."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kustomer_sync.cli import COMMANDS, fail, usage
from kustomer_sync.errors import ConfigError, Interrupted, SyncError

if TYPE_CHECKING:
    from kustomer_sync.model import Table
    from kustomer_sync.report import Report
    from kustomer_sync.settings import Connection

_ONE_SIGNAL = 1.0
"""Seconds within which further signals count as the same."""
_DEFAULT = Path("kustomer-sync.toml")
_SUMMARIES = dict(COMMANDS)

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: rich alone would take half a second
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

Name = Annotated[
    str | None, typer.Argument(help="A connection of the config file; its only one if left out.")
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="The config file; kustomer-sync.toml if not given."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout and words on stderr.")]
Domain = Annotated[str | None, typer.Option(metavar="ORG", help="acme for acme.kustomerapp.com.")]
Token = Annotated[
    str | None, typer.Option(metavar="KEY", help="The API key, best as env:NAME or file:PATH.")
]
BaseUrl = Annotated[
    str | None, typer.Option(metavar="URL", help="The API's address; wins over the domain.")
]
Destination = Annotated[
    str | None, typer.Option(metavar="URL", help="The database, such as duckdb:///acme.duckdb.")
]
Schema = Annotated[str | None, typer.Option(help="The schema of the database to write to.")]
Seed = Annotated[int, typer.Option(help="Another number makes another org.")]

_UsageError: type[Exception] = typer.BadParameter.__mro__[1]  # typer exports no name for it


def execute(arguments: Sequence[str]) -> int:
    """Run the command; its exit code. Wrong usage is a `UsageError` of ours."""
    command = typer.main.get_command(app)
    try:
        result = command.main(
            args=list(arguments), prog_name="kustomer-sync", standalone_mode=False
        )
    except _UsageError as error:
        named = arguments[0] if arguments[0] in _SUMMARIES else ""
        raise usage(_one_line(error), named) from None
    except typer.Abort:
        raise Interrupted("Stopped.", "Run it again.") from None
    if result == 130:  # what typer makes of Ctrl-C
        raise Interrupted("Stopped.", "Run it again.")
    return result if isinstance(result, int) else 0


def _one_line(error: Exception) -> str:
    told = error.format_message() if hasattr(error, "format_message") else str(error)
    return " ".join(str(told).split())


# What the commands share.


def _catalog() -> tuple[Table, ...]:
    from kustomer_sync.kustomer.catalog import TABLES

    return TABLES


def _chosen(command: str, name: str | None, config: Path | None, **flags: str | None) -> Connection:
    """The connection meant, of the file or made of flags, checked against the catalog."""
    from kustomer_sync.settings import check_tables, from_flags, load, refuse_unbuilt

    given = {key: value for key, value in flags.items() if value is not None}
    if given and name is not None:
        raise usage(
            "A connection's name and flags were both given: give one or the other.", command
        )
    connection = from_flags(**given) if given else load(config or _DEFAULT).pick(name)
    refuse_unbuilt(connection)
    check_tables(connection, _catalog())
    return connection


def _one_of(word: str, known: Sequence[str], what: str, command: str) -> str:
    from kustomer_sync.settings import nearest

    if word in known:
        return word
    guess = nearest(word, known)
    meant = f'; did you mean "{guess}"?' if guess else "."
    raise usage(f'"{word}" is no {what}{meant} There are: {", ".join(known)}.', command)


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False), flush=True)


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


# The commands, in the order of a first day.


@app.command(help=_SUMMARIES["demo"])
def demo(
    output: Annotated[Path, typer.Option(metavar="DIR", help="The folder to write to.")] = Path(),
    seed: Seed = 7,
    config: Config = None,
    as_json: Json = False,
) -> int:
    from kustomer_sync.cli.screen import query_results, say, summary
    from kustomer_sync.settings import from_flags
    from kustomer_sync.simulator import Simulator

    path = _demo_file(output)
    with Simulator(seed=seed, scale="small") as org:
        say(f"A made-up Kustomer org answers at {org.url}; it is synced into {path}.")
        connection = from_flags(
            "demo",
            base_url=org.url,
            access_token=org.token,
            destination=f"duckdb:///{path.resolve()}",
            index_lag_seconds=0,
        )
        report = _synced(connection)
    queries = query_results(path, connection.schema_name) if report.exit_code == 0 else []
    if as_json:
        tried = [{"sql": q.sql, "columns": q.columns, "rows": q.rows} for q in queries]
        _print_json({**report.to_dict(), "database": str(path.resolve()), "queries": tried})
    summary(report, str(path), to_stdout=not as_json)
    for query in queries:
        query.show(to_stdout=not as_json)
    if queries:
        say(f'\nAsk more: duckdb {path}, or in Python duckdb.connect("{path}").')
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


def _synced(
    connection: Connection, tables: Sequence[str] = (), *, reimport: bool = False
) -> Report:
    """One sync with its progress on stderr."""
    from kustomer_sync.cli.screen import Screen
    from kustomer_sync.sync import sync as run_sync

    with _stopping() as stop, Screen() as screen:
        return run_sync(
            connection, tables=tables, reimport=reimport, progress=screen.show, stop=stop
        )


@app.command(help=_SUMMARIES["init"])
def init(
    name: Annotated[str | None, typer.Option(help="What to call the connection.")] = None,
    domain: Domain = None,
    access_token: Token = None,
    eu_region: Annotated[
        bool | None,
        typer.Option("--eu/--us", "--eu-region/--no-eu-region", help="The org's region."),
    ] = None,
    base_url: BaseUrl = None,
    destination: Destination = None,
    schema: Schema = None,
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> int:
    from kustomer_sync.cli.interview import answers, toml, write

    path = config or _DEFAULT
    if path.exists() and not force:
        raise ConfigError(f"{path} is there already.", "Use --force to write over it.")
    given = {
        "domain": domain,
        "access_token": access_token,
        "eu_region": eu_region,
        "base_url": base_url,
        "destination": destination,
        "schema": schema,
    }
    values = answers(given)
    called = name or str(values.get("domain", "kustomer"))
    write(path, toml(called, values), force=force)
    if as_json:
        _print_json({"config": str(path), "connection": called, "error": None})
    out = sys.stderr if as_json else sys.stdout
    print(f"Wrote {path} with the connection {called}.", file=out)
    kind, _, variable = str(values["access_token"]).partition(":")
    if kind == "env" and variable not in os.environ:
        print(f"Set {variable} to the API key: export {variable}=...", file=out)
    where = f" --config {path}" if config else ""
    print(f"Next: kustomer-sync check {called}{where}", file=out)
    return 0


@app.command(help=_SUMMARIES["check"])
def check(
    name: Name = None,
    domain: Domain = None,
    access_token: Token = None,
    base_url: BaseUrl = None,
    destination: Destination = None,
    schema: Schema = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Exit code 0 when the key and the destination work, 2 otherwise."""
    from kustomer_sync.check import check as run_check
    from kustomer_sync.cli.screen import findings

    connection = _chosen(
        "check", name, config, domain=domain, access_token=access_token, base_url=base_url,
        destination=destination, schema=schema,
    )  # fmt: skip
    try:
        found = run_check(connection)
    except SyncError as error:
        error.exit_code = 2  # nothing was written
        raise
    if as_json:
        _print_json(found.to_dict())
    findings(found, connection.shown_destination, to_stdout=not as_json)
    return 0


@app.command(help=_SUMMARIES["sync"])
def sync(
    name: Name = None,
    table: Annotated[
        list[str] | None, typer.Option(metavar="T", help="Only this table; may be repeated.")
    ] = None,
    reimport: Annotated[
        bool, typer.Option("--reimport", help="Re-import listed tables even if done today.")
    ] = False,
    domain: Domain = None,
    access_token: Token = None,
    base_url: BaseUrl = None,
    destination: Destination = None,
    schema: Schema = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    from kustomer_sync.cli.screen import summary
    from kustomer_sync.settings import named_table

    connection = _chosen(
        "sync", name, config, domain=domain, access_token=access_token, base_url=base_url,
        destination=destination, schema=schema,
    )  # fmt: skip
    for wanted in table or ():
        named_table(wanted, _catalog())
    try:
        report = _synced(connection, tuple(table or ()), reimport=reimport)
    except SyncError as error:
        return fail(error, as_json=as_json, about="sync", connection=connection.name)
    if as_json:
        _print_json(report.to_dict())
    summary(report, connection.shown_destination, to_stdout=not as_json)
    return report.exit_code


@app.command(help=_SUMMARIES["tables"])
def tables(
    name: Annotated[
        str | None, typer.Argument(help="A connection: only the tables that it syncs.")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    from kustomer_sync.cli.screen import table_entries, table_list

    chosen = _catalog()
    if name is not None:
        from kustomer_sync.sync import choose

        chosen = choose(_chosen("tables", name, config))
    entries = table_entries(chosen)
    if as_json:
        _print_json(entries)
    else:
        table_list(entries)
    return 0


@app.command(help=_SUMMARIES["erd"])
def erd(
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="mermaid, svg, dbml or json.")
    ] = "mermaid",
    extras: Annotated[
        bool, typer.Option("--extras", help="With the columns beyond the reference schema too.")
    ] = False,
    config: Config = None,
    as_json: Json = False,
) -> int:
    from kustomer_sync.erd import FORMS, render

    wanted = "json" if as_json else _one_of(form, FORMS, "format", "erd")
    print(render(_catalog(), wanted, extras=extras), flush=True)
    return 0


@app.command(help=_SUMMARIES["simulator"])
def simulator(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where it listens; 0 takes a free one.")
    ] = 8900,
    seed: Seed = 7,
    scale: Annotated[str, typer.Option(help="small, medium or large.")] = "small",
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Serves until it is interrupted."""
    from kustomer_sync import simulator as box

    _one_of(scale, ("small", "medium", "large"), "scale", "simulator")
    key = getattr(box, "TOKEN", "demo-key")

    def ready(url: str) -> None:
        command = (
            f"kustomer-sync sync --base-url {url} --access-token {key} "
            "--destination duckdb:///simulated.duckdb"
        )
        if as_json:
            _print_json({"url": url, "access_token": key, "sync": command})
        out = sys.stderr if as_json else sys.stdout
        print(f"A made-up Kustomer org ({scale}, seed {seed}) answers at {url}.", file=out)
        print(f"Its API key: {key}\nSync it from another terminal:\n  {command}", file=out)
        print("Ctrl-C stops it.", file=out, flush=True)

    try:
        box.serve(port=port, seed=seed, scale=scale, ready=ready)
    except KeyboardInterrupt:
        pass  # the way it ends
    except OSError as error:
        raise ConfigError(
            f"Port {port} can't be opened: {error.strerror}.", "Choose another with --port."
        ) from None
    return 0


@app.command(help=_SUMMARIES["version"])
def version(config: Config = None, as_json: Json = False) -> int:
    from kustomer_sync import __version__

    if as_json:
        _print_json({"version": __version__, "python": sys.version.split()[0]})
    else:
        print(__version__)
    return 0
