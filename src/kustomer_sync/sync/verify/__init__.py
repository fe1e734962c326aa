"""Whether source and destination agree. Read `verification` first."""

from kustomer_sync.sync.verify.verification import verify

__all__ = ["verify"]
