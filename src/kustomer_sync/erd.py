"""The catalog as a picture or as data: mermaid, svg, dbml, json."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from html import escape
from typing import Any

from kustomer_sync.model import Column, Origin, Table


def flat(tables: Iterable[Table], prefix: str = "_fivetran_") -> list[Table]:
    """Every table that lands, children and histories too, as plain tables."""
    found: list[Table] = []
    for root in tables:
        for table in root.walk():
            found.append(table)
            if table.history:
                found.append(_history(table))
    return [_physical(table, prefix) for table in found]


def _history(table: Table) -> Table:
    columns = (
        table.columns if table.parent is None
        else tuple(table.column(name) for name in table.history_key)
    )  # fmt: skip
    return replace(
        table, name=str(table.history), columns=columns, key=table.history_key, history=None,
        children=(),
    )  # fmt: skip


def _physical(table: Table, prefix: str) -> Table:
    """With the surrogate key under the name it has in the destination."""

    def name(column: Column) -> str:
        return f"{prefix}id" if column.origin is Origin.SURROGATE else column.name

    renamed = {c.name: name(c) for c in table.columns}
    return replace(
        table, columns=tuple(replace(c, name=renamed[c.name]) for c in table.columns),
        key=tuple(renamed[k] for k in table.key),
    )  # fmt: skip


def _relations(tables: list[Table]) -> Iterator[tuple[Table, Column, str]]:
    names = {t.name for t in tables}
    for table in tables:
        for column in table.columns:
            if column.references in names:
                yield table, column, str(column.references)


def render(tables: Iterable[Table], form: str, prefix: str = "_fivetran_") -> str:
    """The tables in the form asked for; json has the shape of the reference connector's ERD."""
    every = sorted(flat(tables, prefix), key=lambda t: t.name)
    return {"json": _json, "mermaid": _mermaid, "dbml": _dbml, "svg": _svg}[form](every)


def _json(tables: list[Table]) -> str:
    drawn = [
        {
            "name": t.name,
            "columns": [_column(t, c) for c in t.columns],
            "tags": [],
            "link": f"https://developer.kustomer.com/kustomer-api-docs/reference/{t.link}"
            if t.link
            else None,
        }
        for t in tables
    ]
    relations = [
        {
            "targetTable": target,
            "sourceTable": table.name,
            "targetColumns": ["id"],
            "sourceColumns": [column.name],
        }
        for table, column, target in _relations(tables)
    ]
    return json.dumps({"tables": drawn, "relations": relations}, indent=1)


def _column(table: Table, column: Column) -> dict[str, Any]:
    drawn: dict[str, Any] = {"name": column.name, "type": column.type.value}
    if column.name in table.key:
        drawn["primaryKey"] = True
    if column.references:
        drawn["foreignKey"] = True
    return drawn


def _mermaid(tables: list[Table]) -> str:
    lines = ["erDiagram"]
    for table in tables:
        lines.append(f"  {table.name} {{")
        for column in table.columns:
            marks = ["PK"] if column.name in table.key else []
            marks += ["FK"] if column.references else []
            lines.append(f"    {column.type.value} {column.name} {', '.join(marks)}".rstrip())
        lines.append("  }")
    for table, column, target in _relations(tables):
        lines.append(f'  {target} ||--o{{ {table.name} : "{column.name}"')
    return "\n".join(lines)


def _dbml(tables: list[Table]) -> str:
    lines = []
    for table in tables:
        lines.append(f'Table "{table.name}" {{')
        lines += [f'  "{c.name}" {c.type.value}' for c in table.columns]
        keys = ", ".join(f'"{k}"' for k in table.key)
        lines += ["  indexes {", f"    ({keys}) [pk]", "  }", "}", ""]
    for table, column, target in _relations(tables):
        lines.append(f'Ref: "{table.name}"."{column.name}" > "{target}"."id"')
    return "\n".join(lines)


_WIDTH, _LINE, _GAP, _COLUMNS = 320, 16, 24, 5


def _svg(tables: list[Table]) -> str:
    """Tables as boxes in columns of even height; foreign keys name the table they point to."""
    heights = [0] * _COLUMNS
    boxes = []
    for table in sorted(tables, key=lambda t: -len(t.columns)):
        lane = heights.index(min(heights))
        height = _LINE * (len(table.columns) + 2)
        boxes.append(_box(table, _GAP + lane * (_WIDTH + _GAP), _GAP + heights[lane], height))
        heights[lane] += height + _GAP
    width, height = _GAP + _COLUMNS * (_WIDTH + _GAP), max(heights) + _GAP
    style = (
        "text{font:11px ui-monospace,monospace;fill:#1c2733}.t{font-weight:700;fill:#fff}"
        ".k{font-weight:700}.y{fill:#6b7785;text-anchor:end}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}"><style>{style}</style>'
        f'<rect width="100%" height="100%" fill="#f4f6f8"/>{"".join(boxes)}</svg>'
    )


def _box(table: Table, x: int, y: int, height: int) -> str:
    lines = [
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{height}" rx="4" fill="#fff" '
        f'stroke="#c5ced8"/><path d="M{x} {y + 20}v-16q0-4 4-4h{_WIDTH - 8}q4 0 4 4v16z" '
        f'fill="#22577a"/><text class="t" x="{x + 8}" y="{y + 14}">{escape(table.name)}</text>'
    ]
    for n, column in enumerate(table.columns):
        at = y + 20 + _LINE * (n + 1) - 3
        mark = ' class="k"' if column.name in table.key else ""
        kind = f"→ {column.references}" if column.references else column.type.value
        lines.append(
            f'<text{mark} x="{x + 8}" y="{at}">{escape(column.name)}</text>'
            f'<text class="y" x="{x + _WIDTH - 8}" y="{at}">{escape(kind)}</text>'
        )
    return "".join(lines)
