"""The command line: words in, our values out, and back. No other module prints."""

from kustomer_sync.cli.app import run

__all__ = ["run"]
