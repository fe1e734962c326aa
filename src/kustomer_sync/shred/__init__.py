"""Records become Arrow rows, driven by the catalog."""

from kustomer_sync.shred.concat import concat
from kustomer_sync.shred.custom import CustomTypes
from kustomer_sync.shred.naming import Names, wanted_name
from kustomer_sync.shred.shredder import Shredder, klass_names_taken, klass_table

__all__ = [
    "CustomTypes", "Names", "Shredder", "concat", "klass_names_taken", "klass_table", "wanted_name",
]  # fmt: skip
