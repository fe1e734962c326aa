"""The command. Everything heavy is imported by the subcommand that needs it."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its documented code."""
    if sys.argv[1:] == ["version"]:
        from kustomer_sync import __version__

        print(__version__)
        return
    from kustomer_sync.cli import run

    sys.exit(run())


if __name__ == "__main__":
    main()
