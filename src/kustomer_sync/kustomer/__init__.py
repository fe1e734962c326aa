"""Everything that knows Kustomer."""
