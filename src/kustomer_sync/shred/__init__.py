"""Records become Arrow rows, driven by the catalog."""
