"""A Kustomer in a box."""
