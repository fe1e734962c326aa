"""Records become Arrow rows, driven by the catalog."""

from kustomer_sync.shred.custom import CustomTypes
from kustomer_sync.shred.naming import Names
from kustomer_sync.shred.shredder import Shredder, concat

__all__ = ["CustomTypes", "Names", "Shredder", "concat"]
