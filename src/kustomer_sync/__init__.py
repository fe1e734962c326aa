"""kustomer-sync keeps a database in step with an org's data in Kustomer."""

__version__ = "0.1.0"
