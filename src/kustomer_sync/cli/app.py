"""The commands. Each imports what it needs when it runs, so that `--help` is quick."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kustomer_sync.errors import ConfigError, Interrupted, SyncError, UsageError

if TYPE_CHECKING:
    from kustomer_sync.settings import Connection

app = typer.Typer(
    help="Keep a database in step with an org's data in Kustomer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
Config = Annotated[Path, typer.Option("--config", help="The config file.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable on stdout.")]
_DEFAULT = Path("kustomer-sync.toml")


def run(arguments: list[str] | None = None) -> int:
    """Run one command; its exit code. No traceback ever reaches a user."""
    as_json = "--json" in (sys.argv[1:] if arguments is None else arguments)
    try:
        command = typer.main.get_command(app)
        result = command.main(args=arguments, prog_name="kustomer-sync", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except SyncError as error:
        return _failed(error, as_json)
    except KeyboardInterrupt:
        return _failed(Interrupted("Interrupted.", "Run it again to go on."), as_json)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if hasattr(error, "exit_code") and hasattr(error, "format_message"):
            return _failed(UsageError(error.format_message(), "See --help."), as_json)
        if type(error).__name__ in ("Abort", "Exit"):
            return int(getattr(error, "exit_code", 2))
        if os.environ.get("KUSTOMER_SYNC_DEBUG"):
            raise
        bug = SyncError(
            f"A mistake in kustomer-sync itself ({type(error).__name__}: {error}).",
            "Set KUSTOMER_SYNC_DEBUG=1, run it again and report what it prints.",
        )
        return _failed(bug, as_json)


def _failed(error: SyncError, as_json: bool) -> int:
    from kustomer_sync.report import error_dict

    if as_json:
        print(json.dumps({"status": "FAILURE", "error": error_dict(error)}))
    print(f"Error: {error}", file=sys.stderr)
    return error.exit_code


def _chosen(config: Path, name: str | None) -> Connection:
    """The connection a command is about; the only one may be left unnamed."""
    from kustomer_sync.settings import load, nearest

    connections = load(config)
    if name is None:
        if len(connections) == 1:
            return next(iter(connections.values()))
        raise ConfigError(
            f"{str(config)!r} has several connections.", f"Name one: {', '.join(connections)}."
        )
    if name not in connections:
        raise ConfigError(f"There is no connection {name!r}.", nearest(name, connections))
    return connections[name]


@app.command()
def version() -> None:
    """Print the version."""
    from kustomer_sync import __version__

    print(__version__)


@app.command()
def sync(
    name: Annotated[str | None, typer.Argument(help="A connection of the config file.")] = None,
    table: Annotated[list[str] | None, typer.Option(help="Only this table; repeatable.")] = None,
    reimport: Annotated[bool, typer.Option(help="Re-import listed tables even if done today.")] = (
        False
    ),
    domain: Annotated[str | None, typer.Option(help="acme of acme.kustomerapp.com.")] = None,
    access_token: Annotated[str | None, typer.Option(help="API key, best as env:NAME.")] = None,
    base_url: Annotated[str | None, typer.Option(help="The API's address.")] = None,
    destination: Annotated[str | None, typer.Option(help="Such as duckdb:///acme.duckdb.")] = None,
    schema: Annotated[str | None, typer.Option(help="The destination schema.")] = None,
    config: Config = _DEFAULT,
    as_json: Json = False,
) -> int:
    """Bring a destination up to date: a connection of the file, or one given by flags."""
    from kustomer_sync.cli.screen import Screen, summary
    from kustomer_sync.settings import check_tables, from_flags, nearest

    flags = {
        "domain": domain, "access_token": access_token, "base_url": base_url,
        "destination": destination, "schema": schema,
    }  # fmt: skip
    if any(value is not None for value in flags.values()):
        if name is not None:
            raise ConfigError(
                "A connection's name and flags were both given.", "Give one or the other."
            )
        for needed in ("access_token", "destination"):
            if flags[needed] is None:
                raise ConfigError(
                    f"--{needed.replace('_', '-')} is missing.",
                    "Without a config file, give --domain, --access-token and --destination.",
                )
        connection = from_flags(**flags)
    else:
        connection = _chosen(config, name)
    from kustomer_sync.kustomer.catalog import TABLES

    check_tables(connection, TABLES)
    known = {t.name for root in TABLES for t in root.walk()}
    for wanted in table or ():
        if wanted not in known:
            raise ConfigError(f"There is no table {wanted!r}.", nearest(wanted, known))
    from kustomer_sync.sync import sync as run_sync

    with _stopping() as stop, Screen() as screen:
        report = run_sync(
            connection, tables=table or (), reimport=reimport, progress=screen.show, stop=stop
        )
    if as_json:
        print(json.dumps(report.to_dict()))
    summary(report, connection.destination_url)
    return report.exit_code


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that the first SIGINT or SIGTERM sets; the second stops at once."""
    stop = threading.Event()

    def handle(number: int, frame: Any) -> None:
        if stop.is_set():
            os._exit(3)
        stop.set()
        print("Stopping after what is being written; once more stops at once.", file=sys.stderr)

    before = {n: signal.signal(n, handle) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@app.command()
def check(
    name: Annotated[str | None, typer.Argument(help="A connection of the config file.")] = None,
    config: Config = _DEFAULT,
    as_json: Json = False,
) -> int:
    """Try the key and the destination; name each role the key lacks and the tables that costs."""
    from kustomer_sync.check import check as run_check
    from kustomer_sync.kustomer.catalog import TABLES
    from kustomer_sync.settings import check_tables

    connection = _chosen(config, name)
    check_tables(connection, TABLES)
    found = run_check(connection)
    if as_json:
        print(json.dumps(found.to_dict()))
    out = sys.stderr if as_json else sys.stdout
    print(f"The key {found.key_name or '(unnamed)'} of org {found.org or '(unknown)'} works.",
          file=out)  # fmt: skip
    if not found.roles_known:
        print("Kustomer did not tell its roles, so each path was tried.", file=out)
    for missing in found.missing:
        print(f"It lacks {missing.role}, which costs: {', '.join(missing.tables)}.", file=out)
    if not found.missing:
        print("It may read every table.", file=out)
    print(f"The destination {connection.destination_url} opens.", file=out)
    return 0


@app.command()
def init(
    path: Annotated[Path, typer.Option("--config", help="The file to write.")] = _DEFAULT,
    name: Annotated[str | None, typer.Option(help="The connection's name.")] = None,
    domain: Annotated[str | None, typer.Option(help="acme of acme.kustomerapp.com.")] = None,
    access_token: Annotated[str | None, typer.Option(help="Best as env:NAME.")] = None,
    eu: Annotated[bool | None, typer.Option("--eu/--us", help="The org's region.")] = None,
    destination: Annotated[str | None, typer.Option(help="Such as duckdb:///acme.duckdb.")] = None,
    schema: Annotated[str | None, typer.Option(help="The destination schema.")] = None,
    force: Annotated[bool, typer.Option(help="Write over an existing file.")] = False,
) -> int:
    """Write a config file, asking for what is not given."""
    if path.exists() and not force:
        raise ConfigError(f"{str(path)!r} is there already.", "Use --force to write over it.")
    domain = domain or typer.prompt("Domain (acme of acme.kustomerapp.com)", err=True)
    name = name or domain
    token = access_token or typer.prompt(
        "API key, or env:NAME of a variable that holds it", "env:KUSTOMER_ACCESS_TOKEN", err=True
    )
    if eu is None:
        eu = typer.confirm("Is the org in the EU region?", default=False, err=True)
    destination = destination or typer.prompt("Destination", f"duckdb:///{domain}.duckdb", err=True)
    schema = schema or typer.prompt("Schema", "kustomer", err=True)
    lines = [
        f"[connections.{json.dumps(name)}]",
        f"domain = {json.dumps(domain)}",
        f"access_token = {json.dumps(token)}",
        f"eu_region = {json.dumps(eu)}",
        f"destination = {json.dumps(destination)}",
        f"schema = {json.dumps(schema)}",
    ]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    path.chmod(0o600)
    print(f"Wrote {path}.")
    if str(token).startswith("env:"):
        print(f"Set {str(token).removeprefix('env:')} to the API key, then run:")
    print(f"  kustomer-sync check {name} && kustomer-sync sync {name}")
    return 0


@app.command()
def tables(
    name: Annotated[str | None, typer.Argument(help="A connection: only what it syncs.")] = None,
    config: Config = _DEFAULT,
    as_json: Json = False,
) -> int:
    """List the tables: what each is read from, how, and its key."""
    from kustomer_sync.cli.screen import table_list
    from kustomer_sync.kustomer.catalog import TABLES

    chosen = TABLES
    if name is not None:
        from kustomer_sync.sync import choose

        chosen = choose(_chosen(config, name))
    table_list(chosen, as_json)
    return 0


@app.command()
def erd(
    form: Annotated[str, typer.Option("--format", help="mermaid, svg, dbml or json.")] = "mermaid",
) -> int:
    """Print the tables and their relations as a diagram or as data."""
    from kustomer_sync.erd import render
    from kustomer_sync.kustomer.catalog import TABLES
    from kustomer_sync.settings import nearest

    forms = ("mermaid", "svg", "dbml", "json")
    if form not in forms:
        raise ConfigError(f"{form!r} is not a format.", nearest(form, forms))
    print(render(TABLES, form))
    return 0


@app.command()
def simulator(
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8900,
    seed: int = 7,
    scale: Annotated[str, typer.Option(help="small, medium or large.")] = "small",
) -> int:
    """Serve a made-up Kustomer org on this machine, until interrupted."""
    from kustomer_sync.simulator import Simulator, serve

    if scale not in ("small", "medium", "large"):
        raise ConfigError(f"{scale!r} is not a scale.", "Choose small, medium or large.")

    def ready(org: Simulator) -> None:
        print(f"A made-up Kustomer ({scale}, seed {seed}) answers at {org.url}.")
        print("Sync it from another terminal:")
        print(
            f"  kustomer-sync sync --base-url {org.url} --access-token {org.token} "
            "--destination duckdb:///demo.duckdb",
            flush=True,
        )

    try:
        serve(port=port, seed=seed, scale=scale, ready=ready)
    except OSError as error:
        raise ConfigError(
            f"Port {port} can't be opened ({error.strerror}).", "Choose another with --port."
        ) from None
    return 0


@app.command()
def demo(
    output: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("demo"),
    seed: int = 7,
    as_json: Json = False,
) -> int:
    """Sync a made-up org into a DuckDB file, and show what landed and where."""
    from kustomer_sync.cli.screen import Screen, show_queries, summary
    from kustomer_sync.settings import from_flags
    from kustomer_sync.simulator import Simulator
    from kustomer_sync.sync import sync as run_sync

    output.mkdir(parents=True, exist_ok=True)
    path = (output / "kustomer-demo.duckdb").resolve()
    path.unlink(missing_ok=True)
    with Simulator(seed=seed, scale="small") as org:
        connection = from_flags(
            base_url=org.url, access_token=org.token, destination=f"duckdb:///{path}",
            index_lag_seconds=0,
        )  # fmt: skip
        with _stopping() as stop, Screen() as screen:
            report = run_sync(connection, progress=screen.show, stop=stop)
    if as_json:
        print(json.dumps(report.to_dict()))
    summary(report, str(output / path.name), to_stdout=not as_json)
    if report.exit_code == 0 and not as_json:
        show_queries(path, output / path.name)
    return report.exit_code
