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


FORMS = ("mermaid", "svg", "dbml", "json")


def render(
    tables: Iterable[Table], form: str, prefix: str = "_fivetran_", *, extras: bool = True
) -> str:
    """The tables in the form asked for; json has the shape of the reference connector's ERD.

    Without `extras` what is beyond the reference schema is left out.
    """
    every = sorted(flat(tables, prefix), key=lambda t: t.name)
    if not extras:
        every = [
            replace(t, columns=tuple(c for c in t.columns if not c.extra or c.name in t.key))
            for t in every
            if not t.extra
        ]
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


# The picture: a family (a root, its children and histories) is a panel; panels fill columns of
# even height. A foreign key names its table beside it and links to it: 169 lines would hide all.

_WIDTH, _LINE, _HEAD, _GAP, _PAD, _LANES = 420, 16, 22, 14, 12, 6

_STYLE = """
text{font:11px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#1c2733}
.f{font:700 15px system-ui,'DejaVu Sans',sans-serif;fill:#12344d}
.t{font-weight:700;fill:#fff}.k{font-weight:700}.y{fill:#64717f;text-anchor:end}
.r{fill:#0b63a5;text-anchor:end}a:hover .r{text-decoration:underline}
.p{fill:#e6edf3}.b{fill:#fff;stroke:#b7c3cf}.root{fill:#12344d}.child{fill:#3a6b8c}
.h{fill:#7a5c1e}g:target .b{stroke:#d9480f;stroke-width:3}
"""


def _svg(tables: list[Table]) -> str:
    names = {t.name for t in tables}
    bottoms = [_GAP] * _LANES
    panels = []
    for family in sorted(_families(tables), key=_height, reverse=True):
        lane = bottoms.index(min(bottoms))
        x = _GAP + lane * (_WIDTH + 2 * _PAD + _GAP)
        panels.append(_panel(family, x, bottoms[lane], names))
        bottoms[lane] += _height(family) + _GAP
    width, height = _GAP + _LANES * (_WIDTH + 2 * _PAD + _GAP), max(bottoms)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">'
        f"<title>{len(tables)} tables of kustomer-sync</title><style>{_STYLE}</style>"
        f'<rect width="100%" height="100%" fill="#f7f9fb"/>{"".join(panels)}</svg>'
    )


def _families(tables: list[Table]) -> list[list[Table]]:
    """Roots, each with its children after it; the histories of a root are a family of their own."""
    families: dict[str, list[Table]] = {}
    for table in tables:
        root = table.parent or table.name.removesuffix("_history")
        title = f"{root}, history" if table.name.endswith("_history") else root
        families.setdefault(title, []).append(table)
    return [sorted(f, key=lambda t: (t.parent is not None, t.name)) for f in families.values()]


def _height(family: list[Table]) -> int:
    return _PAD + 20 + sum(_box_height(t) + _PAD for t in family)


def _box_height(table: Table) -> int:
    return _HEAD + _LINE * len(table.columns) + 6


def _panel(family: list[Table], x: int, y: int, names: set[str]) -> str:
    width = _WIDTH + 2 * _PAD
    drawn = [
        f'<rect class="p" x="{x}" y="{y}" width="{width}" height="{_height(family)}" rx="8"/>'
        f'<text class="f" x="{x + _PAD}" y="{y + 22}">{escape(family[0].name)}</text>'
    ]
    y += _PAD + 20
    for table in family:
        drawn.append(_box(table, x + _PAD, y, names))
        y += _box_height(table) + _PAD
    return "".join(drawn)


def _box(table: Table, x: int, y: int, names: set[str]) -> str:
    kind = "child" if table.parent else "root"
    kind = "h" if table.name.endswith("_history") else kind
    lines = [
        f'<g id="{escape(table.name)}"><rect class="b" x="{x}" y="{y}" width="{_WIDTH}" '
        f'height="{_box_height(table)}" rx="4"/>'
        f'<path class="{kind}" d="M{x} {y + _HEAD}v-{_HEAD - 4}q0-4 4-4h{_WIDTH - 8}'
        f'q4 0 4 4v{_HEAD - 4}z"/>'
        f'<text class="t" x="{x + 8}" y="{y + 15}">{escape(table.name)}</text>'
    ]
    for n, column in enumerate(table.columns, 1):
        lines.append(_line(table, column, x, y + _HEAD + _LINE * n - 3, names))
    return "".join([*lines, "</g>"])


def _line(table: Table, column: Column, x: int, y: int, names: set[str]) -> str:
    mark = ' class="k"' if column.name in table.key else ""
    name = f'<text{mark} x="{x + 8}" y="{y}">{escape(column.name)}</text>'
    right = f'x="{x + _WIDTH - 8}" y="{y}"'
    if column.references in names:
        target = escape(str(column.references))
        return f'{name}<a href="#{target}"><text class="r" {right}>→ {target}</text></a>'
    return f'{name}<text class="y" {right}>{column.type.value}</text>'
