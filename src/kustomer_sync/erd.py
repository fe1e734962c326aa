"""The catalog as a picture or as data: mermaid, svg, dbml, json."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any

from kustomer_sync.model import Column, Origin, Table

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


def flat(tables: Iterable[Table], prefix: str = "_fivetran_") -> list[Table]:
    """Every table that lands, children and histories too, as plain tables."""
    found: list[Table] = []
    for root in tables:
        for table in root.shown():
            table = replace(table, columns=tuple(c for c in table.columns if not c.legacy))
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


def _families(tables: list[Table]) -> dict[str, list[Table]]:
    """Each root with its children after it, and what keeps their versions, by the root's name."""
    names = {t.name for t in tables}
    families: dict[str, list[Table]] = {}
    for table in tables:
        root = table.parent or table.name.removesuffix("_history")
        families.setdefault(root if root in names else table.name, []).append(table)
    return {
        name: sorted(family, key=lambda t: (_kind(t) == "history", t.parent is not None, t.name))
        for name, family in families.items()
    }


def _kind(table: Table) -> str:
    if table.name.endswith("_history"):
        return "history"
    return "child" if table.parent else "root"


# ---- json, mermaid, dbml ----


def _json(tables: list[Table]) -> str:
    boxes = _placed(tables)
    families = {name: family for name, family in _families(tables).items() if len(family) > 1}
    drawn = {
        "tables": [
            {
                "name": t.name,
                "columns": [_column(t, c) for c in t.columns],
                "tags": [],
                "link": f"https://developer.kustomer.com/kustomer-api-docs/reference/{t.link}"
                if t.link
                else None,
            }
            for t in tables
        ],
        "relations": [
            {
                "targetTable": target,
                "sourceTable": table.name,
                "targetColumns": ["id"],
                "sourceColumns": [column.name],
            }
            for table, column, target in _relations(tables)
        ],
        "positions": {t.name: {"x": boxes[t.name].x, "y": boxes[t.name].y} for t in tables},
        "notes": {"byTable": {}, "generalNotes": []},
        "tableGroups": [_group(name, family, boxes) for name, family in families.items()],
    }
    return json.dumps(drawn, indent=2)


def _column(table: Table, column: Column) -> dict[str, Any]:
    drawn: dict[str, Any] = {"name": column.name, "type": column.type.value}
    if column.name in table.key:
        drawn["primaryKey"] = True
    if column.references:
        drawn["foreignKey"] = True
    return drawn


def _group(name: str, family: list[Table], boxes: dict[str, _Box]) -> dict[str, Any]:
    own = [boxes[t.name] for t in family]
    return {
        "id": hashlib.sha256(name.encode()).hexdigest()[:10],
        "parentTable": name,
        "tables": [t.name for t in family if t.name != name],
        "excludedTables": [],
        "width": max(b.x + b.width for b in own) - min(b.x for b in own),
        "height": max(b.y + b.height for b in own) - min(b.y for b in own),
    }


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


# ---- svg ----
#
# A family (a root, its children, their histories) is a panel of lanes; panels fill rows of the
# page. Lines run from a foreign key to the table it names: within a panel from every child to its
# root, between panels from the roots alone, since a line from each of 170 columns would hide all.
# What has no line is named beside its column, and links to its table.

_LINE, _HEAD, _GAP, _PAD, _TITLE = 15, 21, 34, 16, 30
_LETTER = 6.4
"""The width of a letter."""
_PAGE = 1900
"""How wide the page is, if no family is wider."""

_STYLE = """
text{font:10.5px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#1c2733}
.f{font:700 16px system-ui,'DejaVu Sans',sans-serif;fill:#12344d}
.t{font-weight:700;fill:#fff}.k{font-weight:700}.y{fill:#64717f;text-anchor:end}
.r{fill:#0b63a5;text-anchor:end}a:hover .r{text-decoration:underline}
.p{fill:#e9eff4}.b{fill:#fff;stroke:#b7c3cf}.root{fill:#12344d}.child{fill:#3a6b8c}
.history{fill:#7a5c1e}.l{fill:none;stroke:#7d97ac;stroke-width:1.3}
.o{fill:none;stroke:#c46a1b;stroke-width:1.5;opacity:.55}g:target .b{stroke:#d9480f;stroke-width:3}
"""


@dataclass(slots=True)
class _Box:
    table: Table
    x: int = 0
    y: int = 0
    width: int = 0
    height: int = 0


@dataclass(slots=True)
class _Panel:
    name: str
    boxes: list[_Box] = field(default_factory=list)
    x: int = 0
    y: int = 0
    width: int = 0
    height: int = 0


def _panels(tables: list[Table]) -> list[_Panel]:
    """The families, their boxes placed within each, the panels placed on the page."""
    panels = [_panel(name, family) for name, family in _families(tables).items()]
    panels.sort(key=lambda p: (-p.width, -p.height, p.name))
    page = max(_PAGE, *(p.width for p in panels))
    skyline = [_GAP] * (page + 1)  # how far down each pixel column is taken
    for panel in panels:
        starts = {0, *(p.x + p.width for p in panels if p.y)}
        starts = {s for s in starts if s + panel.width <= page}
        x = min(starts, key=lambda s: (max(skyline[s : s + panel.width + 1]), s))
        y = max(skyline[x : x + panel.width + 1])
        skyline[x : x + panel.width + 1] = [y + panel.height + _GAP] * len(
            skyline[x : x + panel.width + 1]
        )
        panel.x, panel.y = x + _GAP, y
        for box in panel.boxes:
            box.x, box.y = box.x + panel.x, box.y + panel.y
    return panels


def _panel(name: str, family: list[Table]) -> _Panel:
    """The root alone in the first lane, its children and histories in lanes of even height."""
    lane_width = max(map(_width, family))
    boxes = [_Box(t, width=lane_width, height=_HEAD + _LINE * len(t.columns) + 5) for t in family]
    root, others = boxes[0], boxes[1:]
    total = sum(b.height + _PAD for b in others)
    most = (_PAGE - 2 * _PAD) // (lane_width + _GAP) - 1
    lanes = min(most, max(1, round(total / max(root.height, 240)))) if others else 0
    bottoms = [_TITLE + _PAD] * (lanes + 1)
    root.x, root.y = _PAD, bottoms[0]
    bottoms[0] += root.height + _PAD
    for kinds in ("root", "child"), ("history",):
        for box in sorted(
            (b for b in others if _kind(b.table) in kinds), key=lambda b: (-b.height, b.table.name)
        ):
            lane = bottoms.index(min(bottoms[1:]), 1)
            box.x, box.y = _PAD + lane * (lane_width + _GAP), bottoms[lane]
            bottoms[lane] += box.height + _PAD
    width = 2 * _PAD + (lanes + 1) * (lane_width + _GAP) - _GAP
    return _Panel(name, boxes, width=width, height=max(bottoms))


def _width(table: Table) -> int:
    """What the longest line needs: a column's name, and its type or the table it names."""
    lines = [len(c.name) + max(len(c.type.value), len(c.references or "") + 2) + 2
             for c in table.columns]  # fmt: skip
    return 16 + round(_LETTER * max(len(table.name) + 2, *lines))


def _placed(tables: list[Table]) -> dict[str, _Box]:
    return {box.table.name: box for panel in _panels(tables) for box in panel.boxes}


def _svg(tables: list[Table]) -> str:
    panels = _panels(tables)
    names = {t.name for t in tables}
    width = max(p.x + p.width for p in panels) + _GAP
    height = max(p.y + p.height for p in panels) + _GAP
    drawn = [_background(p) for p in panels]
    drawn += [_family_lines(p) for p in panels]
    drawn.append(_outer_lines(panels))  # behind the boxes, whose text stays readable
    drawn += [_box(box, names) for p in panels for box in p.boxes]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">'
        f"<title>{len(tables)} tables of kustomer-sync</title><style>{_STYLE}</style>"
        f'<rect width="100%" height="100%" fill="#fbfcfd"/>{"".join(drawn)}</svg>'
    )


def _background(panel: _Panel) -> str:
    return (
        f'<rect class="p" x="{panel.x}" y="{panel.y}" width="{panel.width}" '
        f'height="{panel.height}" rx="8"/>'
        f'<text class="f" x="{panel.x + _PAD}" y="{panel.y + 26}">{escape(panel.name)}</text>'
    )


def _row(box: _Box, column: str) -> int:
    """The middle of a column's line."""
    at = next(n for n, c in enumerate(box.table.columns) if c.name == column)
    return box.y + _HEAD + _LINE * at + _LINE // 2 + 1


def _family_lines(panel: _Panel) -> str:
    """From each child's column to its root's key, along the gutter left of the child."""
    root = panel.boxes[0]
    lines = []
    for box in panel.boxes[1:]:
        column = box.table.parent_column or "id"
        y, gutter = _row(box, column), box.x - _GAP // 2
        first = root.x + root.width + _GAP // 2
        top = panel.y + _TITLE + 4
        start = root.y + _HEAD // 2
        path = f"M{root.x + root.width} {start}H{first}"
        path += f"V{y}H{box.x}" if gutter == first else f"V{top}H{gutter}V{y}H{box.x}"
        lines.append(f'<path class="l" d="{path}"/><circle cx="{box.x}" cy="{y}" r="2.5" '
                     'fill="#7d97ac"/>')  # fmt: skip
    return "".join(lines)


def _outer_lines(panels: list[_Panel]) -> str:
    """From a root's foreign key to the root it names: one line for each pair of families."""
    roots = {p.name: p.boxes[0] for p in panels}
    lines, seen = [], set()
    for name, box in roots.items():
        for column in box.table.columns:
            target = roots.get(str(column.references))
            if target is None or target is box or (name, column.references) in seen:
                continue
            seen.add((name, column.references))
            lines.append(_curve(box, _row(box, column.name), target))
    return "".join(lines)


def _curve(box: _Box, y: int, target: _Box) -> str:
    x1, x2, y2 = box.x, target.x, target.y + _HEAD // 2
    if target.x > box.x + box.width:
        x1 = box.x + box.width
        bend = (x2 - x1) // 2
        path = f"M{x1} {y}C{x1 + bend} {y} {x2 - bend} {y2} {x2} {y2}"
    else:
        path = f"M{x1} {y}C{x1 - 60} {y} {x2 - 60} {y2} {x2} {y2}"
    return f'<path class="o" d="{path}"/><circle cx="{x2}" cy="{y2}" r="3" fill="#c46a1b"/>'


def _box(box: _Box, names: set[str]) -> str:
    table, x, y = box.table, box.x, box.y
    lines = [
        f'<g id="{escape(table.name)}"><rect class="b" x="{x}" y="{y}" width="{box.width}" '
        f'height="{box.height}" rx="4"/>'
        f'<path class="{_kind(table)}" d="M{x} {y + _HEAD}v-{_HEAD - 4}q0-4 4-4h{box.width - 8}'
        f'q4 0 4 4v{_HEAD - 4}z"/>'
        f'<text class="t" x="{x + 8}" y="{y + 15}">{escape(table.name)}</text>'
    ]
    for n, column in enumerate(table.columns, 1):
        lines.append(_column_line(box, column, y + _HEAD + _LINE * n - 3, names))
    return "".join([*lines, "</g>"])


def _column_line(box: _Box, column: Column, y: int, names: set[str]) -> str:
    x = box.x
    mark = ' class="k"' if column.name in box.table.key else ""
    name = f'<text{mark} x="{x + 8}" y="{y}">{escape(column.name)}</text>'
    right = f'x="{x + box.width - 8}" y="{y}"'
    if column.references in names:
        target = escape(str(column.references))
        return f'{name}<a href="#{target}"><text class="r" {right}>→ {target}</text></a>'
    return f'{name}<text class="y" {right}>{column.type.value}</text>'
