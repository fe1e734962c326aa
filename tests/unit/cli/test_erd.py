"""The diagram: every table once, nothing over anything else, every line where it belongs."""

from __future__ import annotations

import json
import re
from itertools import combinations
from xml.etree import ElementTree

import pytest

from kustomer_sync.erd import flat, render
from kustomer_sync.kustomer.catalog import TABLES

NAMES = {table.name for table in flat(TABLES)}
_SVG = "{http://www.w3.org/2000/svg}"


def boxes() -> dict[str, tuple[float, float, float, float]]:
    found = {}
    for group in ElementTree.fromstring(render(TABLES, "svg")).iter(f"{_SVG}g"):
        rect = group.find(f"{_SVG}rect")
        assert rect is not None
        found[group.attrib["id"]] = tuple(
            float(rect.attrib[key]) for key in ("x", "y", "width", "height")
        )
    return found  # type: ignore[return-value]  # found just now


def test_the_picture_has_every_table_once_and_none_over_another() -> None:
    placed = boxes()
    assert set(placed) == NAMES
    for (a, one), (b, two) in combinations(placed.items(), 2):
        apart = (
            one[0] + one[2] <= two[0] or two[0] + two[2] <= one[0]
            or one[1] + one[3] <= two[1] or two[1] + two[3] <= one[1]
        )  # fmt: skip
        assert apart, f"{a} lies over {b}"


def test_the_picture_has_a_line_for_every_child_and_between_the_roots() -> None:
    drawn = render(TABLES, "svg")
    children = sum(len(list(root.shown())) - 1 for root in TABLES)
    histories = sum(1 for root in TABLES for t in root.walk() if t.history)
    assert drawn.count('class="l"') == children + histories
    assert drawn.count('class="o"') >= 8
    for target in re.findall(r'href="#(\w+)"', drawn):
        assert target in NAMES


@pytest.mark.parametrize("form", ["mermaid", "dbml", "json", "svg"])
def test_without_extras_the_reference_schema_alone_is_drawn(form: str) -> None:
    assert "body_link" in render(TABLES, form)
    assert "body_link" not in render(TABLES, form, extras=False)


def _drawn(form: str) -> tuple[dict[str, dict[str, str]], set[tuple[str, str, str]]]:
    """Each table's columns with their types, and from which column of which to which it points."""
    text = render(TABLES, form)
    if form == "json":
        found = json.loads(text)
        tables = {t["name"]: {c["name"]: c["type"] for c in t["columns"]} for t in found["tables"]}
        return tables, {
            (r["sourceTable"], r["sourceColumns"][0], r["targetTable"]) for r in found["relations"]
        }
    opens, column, relation = {
        "mermaid": (r"  (\w+) \{", r"    (\w+) (\w+)", r'  (\w+) \S+ (\w+) : "(\w+)"'),
        "dbml": (r'Table "(\w+)" \{', r'  "(\w+)" (\w+)', r'Ref: "(\w+)"\."(\w+)" > "(\w+)"'),
    }[form]
    tables, relations, last = {}, set(), ""
    for line in text.splitlines():
        if of := re.match(opens, line):
            last = of[1]
            tables[last] = {}
        elif pointing := re.match(relation, line):
            one, two, three = pointing.groups()
            relations.add((two, three, one) if form == "mermaid" else (one, two, three))
        elif there := re.match(column, line):
            name, type_ = there.groups() if form == "dbml" else reversed(there.groups())
            tables[last][name] = type_
    return tables, relations


@pytest.mark.parametrize("form", ["mermaid", "dbml"])
def test_each_form_has_the_tables_columns_and_relations_of_the_others(form: str) -> None:
    tables, relations = _drawn(form)
    assert set(tables) == NAMES
    assert (tables, relations) == _drawn("json")


def test_the_json_form_places_tables_where_the_picture_does() -> None:
    positions = json.loads(render(TABLES, "json"))["positions"]
    assert {name: (p["x"], p["y"]) for name, p in positions.items()} == {
        name: (int(x), int(y)) for name, (x, y, _, _) in boxes().items()
    }
