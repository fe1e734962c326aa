"""What a destination must hold after a series of writes, said again without SQL.

Naive on purpose: dictionaries, one record at a time, everything recomputed. It shares no code with
`kustomer_sync.destinations`, so that both would have to make the same mistake.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from kustomer_sync.model import END_OF_TIME, Batch, Column, Origin, Rows, Table, Type, Write

MS = timedelta(milliseconds=1)
Row = dict[str, Any]
Content = dict[tuple[Any, ...], Row]


def lowest_first(value: Any) -> tuple[bool, Any]:
    """Sorts None below everything."""
    return (value is not None, value if value is not None else 0)


def as_text(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e38 else repr(value)
    if isinstance(value, datetime):
        text = value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return text[:-4] + "Z" if text.endswith("000Z") else text
    return str(value)


def meet(a: Type, b: Type) -> Type:
    if a is b:
        return a
    return Type.LONG if {a, b} == {Type.INT, Type.LONG} else Type.STRING


WHOLE = {Type.INT: 31, Type.LONG: 63}


def narrowed(value: Any, stored: Type, incoming: Type) -> Any:
    """A value as a narrower column holds it; `ValueError` where that is not the same."""
    if value is None or stored is incoming or {stored, incoming} == set(WHOLE):
        return value
    if incoming is Type.STRING:
        made: Any = None
        if stored is Type.BOOLEAN:
            made = {"true": True, "false": False}.get(value)
        elif stored is Type.INSTANT:
            made = datetime.fromisoformat(value)
        elif stored in (Type.DOUBLE, *WHOLE):
            made = float(value) if stored is Type.DOUBLE else int(value)
        if made is None or as_text(made) != value:
            raise ValueError(value)
    elif incoming is Type.DOUBLE and stored in WHOLE:
        made = int(value)
    elif incoming in WHOLE and stored is Type.DOUBLE:
        made = float(value)
    else:
        raise ValueError(value)
    if made != value and incoming is not Type.STRING:
        raise ValueError(value)
    if stored in WHOLE and not -(2 ** WHOLE[stored]) <= made < 2 ** WHOLE[stored]:
        raise ValueError(value)
    return made


def narrower(stored: Type, incoming: Type) -> bool:
    return stored is not incoming and (
        (incoming is Type.STRING and stored is not Type.JSON)
        or (incoming is Type.DOUBLE and stored in WHOLE)
        or (stored is Type.DOUBLE and incoming in WHOLE)
    )


@dataclass
class Model:
    prefix: str = "_fivetran_"
    content: dict[str, Content] = field(default_factory=dict)
    types: dict[str, dict[str, Type]] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    rejects: dict[tuple[str, str, str, str | None, str], datetime] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)

    # -- names

    def name(self, column: Column) -> str:
        return f"{self.prefix}id" if column.origin is Origin.SURROGATE else column.name

    def key_of(self, table: Table) -> list[str]:
        names = ([table.parent_column] if table.parent_column else []) + list(table.key)
        return [self.name(table.column(n)) for n in dict.fromkeys(names)]

    def history_key_of(self, table: Table) -> list[str]:
        names = ([table.parent_column] if table.parent_column else []) + list(table.history_key)
        return list(dict.fromkeys(names))

    # -- shapes

    def ensure(self, table: Table) -> None:
        self.tables[table.name] = table
        for one in [table, *table.children]:
            self._shape(one)

    def _shape(self, table: Table, raws: Sequence[Row] = ()) -> None:
        self._columns(table.name, table.columns, raws)
        if table.history:
            kept = [c for c in table.columns if not table.parent or c.name in table.history_key]
            self._columns(table.history, kept, raws)

    def _columns(self, name: str, columns: Iterable[Column], raws: Sequence[Row]) -> None:
        content = self.content.setdefault(name, {})
        types = self.types.setdefault(name, {})
        for column in columns:
            landed = self.name(column)
            if landed not in types:
                types[landed] = column.type
                for row in content.values():
                    row[landed] = None
                continue
            stored, to = types[landed], meet(types[landed], column.type)
            if narrower(stored, column.type):
                try:
                    for raw in raws:
                        narrowed(raw.get(column.name), stored, column.type)
                    continue
                except ValueError:
                    if stored in WHOLE and column.type is Type.DOUBLE:
                        to = Type.DOUBLE  # no number of the stories is too long for it
                        for row in content.values():
                            row[landed] = None if row[landed] is None else float(row[landed])
            if to is not stored:
                types[landed] = to
                if to is Type.STRING:
                    for row in content.values():
                        row[landed] = as_text(row[landed])

    # -- one write

    def write(self, write: Write, synced: datetime) -> dict[str, dict[str, int]]:
        self.counts = {}
        for batch in write.batches:
            for rows in [batch.root, *batch.children]:
                self._shape(rows.table, rows.data.to_pylist())
                self._count(rows.table.name)
                if rows.table.history:
                    self._count(rows.table.history)
            self._batch(batch, synced)
        for name, ids in write.absent.items():
            self._absent(self.tables[name], set(ids), synced)
        for key, value in write.state.items():
            self.state[key] = json.loads(json.dumps(value))
        return self.counts

    def _count(self, name: str) -> dict[str, int]:
        return self.counts.setdefault(name, {"inserted": 0, "updated": 0, "deleted": 0})

    def _settle(self, name: str, new: Content, synced: datetime) -> None:
        """Make `new` the content; what is equal keeps its `synced`."""
        old, count, stamp = self.content[name], self._count(name), f"{self.prefix}synced"
        for key, row in new.items():
            before = old.get(key)
            if before is None:
                count["inserted"] += 1
                row[stamp] = synced
            elif {k: v for k, v in before.items() if k != stamp} == {
                k: v for k, v in row.items() if k != stamp
            }:
                row[stamp] = before[stamp]
            else:
                count["updated"] += 1
                row[stamp] = synced
        count["deleted"] += len(old.keys() - new.keys())
        self.content[name] = new

    def _landed(self, rows: Rows, raw: Row, target: str) -> Row:
        types = self.types[target]
        out: Row = dict.fromkeys(types)
        for column in rows.table.columns:
            name = self.name(column)
            if name in types and column.name in raw:
                value = raw[column.name]
                if types[name] is Type.STRING:
                    out[name] = as_text(value)
                else:
                    out[name] = narrowed(value, types[name], column.type)
        return out

    def _batch(self, batch: Batch, synced: datetime) -> None:
        root, copies = batch.root, batch.root.data.to_pylist()
        winners = self._winners(root, copies)
        self._land_roots(root, winners, synced)
        accepted = {raw["__row"]: raw for raw in winners}
        for child in batch.children:
            self._land_children(child, accepted, synced)
        self._land_rejects(batch, {raw["id"] for raw in winners}, synced)
        self._land_histories(batch, copies, synced)

    def _winners(self, root: Rows, copies: list[Row]) -> list[Row]:
        best: dict[tuple[Any, ...], Row] = {}
        names = root.table.key

        def rank(raw: Row) -> tuple[Any, ...]:
            updated, rev = raw.get("__updated_at"), raw.get("__rev")
            return (lowest_first(updated), lowest_first(rev), raw["__row"])

        for raw in copies:
            key = tuple(raw[k] for k in names)
            if key not in best or rank(raw) > rank(best[key]):
                best[key] = raw
        types = self.types[root.table.name]
        out = []
        for key, raw in best.items():
            stored = self.content[root.table.name].get(key)
            if stored is None or "updated_at" not in types or not self._is_older(raw, stored):
                out.append(raw)
        return out

    @staticmethod
    def _is_older(raw: Row, stored: Row) -> bool:
        """Only what both of them say can make one older."""
        mine, theirs = raw["__updated_at"], stored["updated_at"]
        if mine is None or theirs is None or mine != theirs:
            return mine is not None and theirs is not None and mine < theirs
        rev, stored_rev = raw["__rev"], stored.get("rev")
        return rev is not None and stored_rev is not None and rev < stored_rev

    def _land_roots(self, root: Rows, winners: list[Row], synced: datetime) -> None:
        name, new = root.table.name, dict(self.content[root.table.name])
        for raw in winners:
            row = self._landed(root, raw, name)
            row[f"{self.prefix}deleted"] = bool(raw.get("__deleted"))
            new[tuple(row[k] for k in self.key_of(root.table))] = row
        self._settle(name, new, synced)

    def _land_children(self, child: Rows, accepted: dict[int, Row], synced: datetime) -> None:
        name, table = child.table.name, child.table
        ids = {raw["id"] for raw in accepted.values()}
        new = {
            k: row for k, row in self.content[name].items() if row[table.parent_column] not in ids
        }
        for raw in child.data.to_pylist():
            if raw["__row"] in accepted:
                row = self._landed(child, raw, name)
                row[f"{self.prefix}deleted"] = bool(accepted[raw["__row"]].get("__deleted"))
                new.setdefault(tuple(row[k] for k in self.key_of(table)), row)
        self._settle(name, new, synced)

    def _land_rejects(self, batch: Batch, ids: set[str], synced: datetime) -> None:
        tables = {batch.root.table.name, *(c.table.name for c in batch.children)}
        new = {
            (r.table, r.record_id, r.column, r.value, r.reason)
            for r in batch.rejects
            if r.record_id in ids or not r.record_id
        }
        kept = {
            k: v
            for k, v in self.rejects.items()
            if not (k[1] in ids and k[0] in tables) or k in new
        }
        self.rejects = {**dict.fromkeys(new, synced), **kept}

    # -- histories

    def _land_histories(self, batch: Batch, copies: list[Row], synced: datetime) -> None:
        staged = self._staged_versions(batch.root, copies)
        history = batch.root.table.history
        if history:
            starts = self._land_versions(batch.root, history, staged, synced)
        else:
            starts = {i: self._sightings(batch.root.table, i, v) for i, v in staged.items()}
        for child in batch.children:
            if child.table.history:
                self._land_intervals(child, child.table.history, staged, starts, synced)

    def _staged_versions(self, root: Rows, copies: list[Row]) -> dict[str, dict[datetime, Row]]:
        staged: dict[str, dict[datetime, Row]] = {}
        for raw in sorted(copies, key=lambda c: (lowest_first(c.get("__rev")), c["__row"])):
            if raw.get("__updated_at") is not None:
                staged.setdefault(raw["id"], {})[raw["__updated_at"]] = raw
        history = root.table.history
        if history and "rev" in self.types[history]:
            for id_, versions in staged.items():
                for start in list(versions):
                    stored = self.content[history].get((id_, start))
                    rev = versions[start]["__rev"]
                    if stored and None not in (stored["rev"], rev) and stored["rev"] > rev:
                        del versions[start]
        return {id_: versions for id_, versions in staged.items() if versions}

    def _land_versions(
        self,
        root: Rows,
        history: str,
        staged: dict[str, dict[datetime, Row]],
        synced: datetime,
    ) -> dict[str, list[datetime]]:
        p, new, all_starts = self.prefix, dict(self.content[history]), {}
        for id_, versions in staged.items():
            stored = {start: row for (i, start), row in self.content[history].items() if i == id_}
            starts = sorted({*stored, *versions})
            all_starts[id_] = starts
            for place, start in enumerate(starts):
                is_staged = start in versions
                row = (
                    self._landed(root, versions[start], history)
                    if is_staged
                    else dict(stored[start])
                )
                row[f"{p}start"] = start
                if place + 1 < len(starts):
                    row[f"{p}end"], row[f"{p}active"] = starts[place + 1] - MS, False
                elif is_staged:
                    row[f"{p}end"], row[f"{p}active"] = END_OF_TIME, True
                new[(id_, start)] = row
        self._settle(history, new, synced)
        return all_starts

    def _land_intervals(
        self,
        child: Rows,
        history: str,
        staged: dict[str, dict[datetime, Row]],
        all_starts: dict[str, list[datetime]],
        synced: datetime,
    ) -> None:
        p, table = self.prefix, child.table
        by_row: dict[int, list[Row]] = {}
        for raw in child.data.to_pylist():
            by_row.setdefault(raw["__row"], []).append(raw)
        new = {
            k: r for k, r in self.content[history].items() if r[table.parent_column] not in staged
        }
        for id_, versions in staged.items():
            stored = [r for r in self.content[history].values() if r[table.parent_column] == id_]
            starts = all_starts[id_]
            open_: dict[tuple[Any, ...], Row] = {}
            for place, start in enumerate(starts):
                last = place + 1 == len(starts)
                present: dict[tuple[Any, ...], tuple[Row, datetime, bool]] = {}
                if start in versions:
                    for raw in by_row.get(versions[start]["__row"], []):
                        row = self._landed(child, raw, history)
                        key = tuple(row[k] for k in self.history_key_of(table))
                        if None not in key:
                            present.setdefault(key, (row, END_OF_TIME, True))
                else:
                    for r in stored:
                        if r[f"{p}start"] <= start <= r[f"{p}end"]:
                            values = {c: r[c] for c in self.types[history]}
                            key = tuple(values[k] for k in self.history_key_of(table))
                            present[key] = (values, r[f"{p}end"], r[f"{p}active"])
                for key in list(open_):
                    values = {c: open_[key][c] for c in self.types[history]}
                    if key not in present or present[key][0] != values:
                        row = open_.pop(key)
                        row[f"{p}end"], row[f"{p}active"] = start - MS, False
                for key, (values, end, active) in present.items():
                    if key not in open_:
                        open_[key] = {**values, f"{p}start": start}
                        new[(*key, start)] = open_[key]
                    if last:
                        open_[key][f"{p}end"], open_[key][f"{p}active"] = end, active
        self._settle(history, new, synced)

    def _sightings(self, root: Table, id_: str, versions: Iterable[datetime]) -> list[datetime]:
        """When a record was seen whose own history is not kept: never after its last change."""
        p, seen = self.prefix, set(versions)
        for child in root.children:
            if child.history:
                for row in self.content[child.history].values():
                    if row[child.parent_column] == id_:
                        ended = set() if row[f"{p}active"] else {row[f"{p}end"] + MS}
                        seen |= {row[f"{p}start"], *ended}
        latest = self.content[root.name][(id_,)].get("updated_at")
        return sorted(s for s in {*seen, latest or min(seen)} if not latest or s <= latest)

    # -- what Kustomer no longer has

    def _absent(self, table: Table, ids: set[str], synced: datetime) -> None:
        p = self.prefix
        for one in [table, *table.children]:
            owner = one.parent_column or "id"
            count = self._count(one.name)
            for row in self.content[one.name].values():
                if row[owner] in ids and not row[f"{p}deleted"]:
                    row[f"{p}deleted"], row[f"{p}synced"] = True, synced
                    count["deleted"] += 1
            if one.history:
                count = self._count(one.history)
                for row in self.content[one.history].values():
                    if row[owner] in ids and row[f"{p}active"]:
                        row[f"{p}active"], row[f"{p}synced"] = False, synced
                        row[f"{p}end"] = max(row[f"{p}start"], synced)
                        count["deleted"] += 1
