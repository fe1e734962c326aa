"""The page of figures is what the committed results say."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parent.parent.parent


def _page() -> ModuleType:
    spec = importlib.util.spec_from_file_location("page", ROOT / "bench" / "page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["page"] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


def test_the_page_shows_the_results_of_the_largest_plan() -> None:
    """`python bench/page.py` renews it."""
    page = _page()
    assert page.PAGE.read_text("utf-8") == page.text(page.largest())


def test_what_is_missed_says_why() -> None:
    """Each bar by its name, none for want of having been looked into."""
    page = _page()
    results = page.largest()
    shown = page.figures(results)
    assert page.UNKNOWN not in shown
    causes = [line for line in shown.splitlines() if line.startswith("- ")]
    missed = [
        line.split(" | ")[0].strip("| ") for line in shown.splitlines() if "**missed**" in line
    ]
    assert all(any(what in cause for cause in causes) for what in missed)
