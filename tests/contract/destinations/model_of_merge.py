"""What a destination must hold after a series of writes, said again without SQL.

Naive on purpose: dictionaries, one record at a time, everything recomputed. It shares no code with
`kustomer_sync.destinations`, so that both would have to make the same mistake.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from kustomer_sync.model import END_OF_TIME, Batch, Begun, Column, Origin, Rows, Table, Type, Write

MS = timedelta(milliseconds=1)
Row = dict[str, Any]
Content = dict[tuple[Any, ...], Row]


def lowest_first(value: Any) -> tuple[bool, Any]:
    """Sorts None below everything."""
    return (value is not None, value if value is not None else 0)


def as_text(value: Any, was: Type) -> Any:
    if was is Type.JSON and str(value).startswith('"'):
        return json.loads(value)
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
        if made is None or as_text(made, stored) != value:
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


@dataclass(frozen=True)
class Said:
    """A copy, and the time from which on its record was so."""

    at: datetime
    raw: Row
    late: bool
    """It did not say so itself."""


@dataclass(frozen=True)
class Lot:
    """What histories are made from: a batch, or what is stored."""

    root: Rows
    children: tuple[Rows, ...]
    copies: list[Row]
    winners: dict[str, Row]
    since: Callable[[Row], datetime]
    """When a copy without a time was seen."""
    gone: Callable[[Row], datetime | None]
    """Since when a record is gone."""
    stored_children: dict[str, list[Row]] = field(default_factory=dict)

    @property
    def ids(self) -> set[str]:
        return {raw["id"] for raw in self.copies}

    def elements(self, child: Rows) -> list[Row]:
        if child.data is None:
            return self.stored_children[child.table.name]
        return list(child.data.to_pylist())


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

    # -- shapes

    def ensure(self, table: Table) -> None:
        self.tables[table.name] = table
        for one in [table, *table.children]:
            self._shape(one)

    def _shape(self, table: Table, raws: Sequence[Row] = ()) -> None:
        self._columns(table.name, table.columns, raws)
        if table.history:
            kept = [
                c for c in table.columns
                if not table.parent or c.name in table.history_key or c.custom
            ]  # fmt: skip
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
                        row[landed] = as_text(row[landed], stored)

    # -- one write

    def write(self, write: Write, synced: datetime) -> dict[str, dict[str, int]]:
        self.counts = {}
        for begun in write.begun:
            self._take_in(begun, synced)
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
                    out[name] = as_text(value, column.type)
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
        lot = Lot(
            batch.root, batch.children, copies, {raw["id"]: raw for raw in winners},
            lambda _: synced, lambda _: None,
        )  # fmt: skip
        self._land_histories(lot, synced)

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

    def _land_histories(self, lot: Lot, synced: datetime) -> None:
        """`lot` says which copies there are, and which of them are what their records are."""
        table, children = lot.root.table, [c for c in lot.children if c.table.history]
        if not table.history and not children:
            return
        told = {i: self._told(lot, i, children, synced) for i in sorted(lot.ids)}
        seen = {i: self._seen(lot, i, children, told[i]) for i in told}
        if table.history:
            self._land_versions(lot, table.history, told, synced)
        for child in children:
            self._land_intervals(lot, child, told, seen, synced)

    def _told(self, lot: Lot, id_: str, children: list[Rows], synced: datetime) -> list[Said]:
        """What the copies of a record say, each at its time, the last one last."""
        best: dict[datetime, Row] = {}
        mine = [raw for raw in lot.copies if raw["id"] == id_ and raw["__updated_at"]]
        for raw in sorted(mine, key=lambda c: (lowest_first(c["__rev"]), c["__row"])):
            best[raw["__updated_at"]] = raw
        now = lot.winners.get(id_)
        out = [
            Said(at, raw, False)
            for at, raw in sorted(best.items())
            if raw is now or not self._known_better(lot.root.table, id_, raw)
        ]
        if now is not None:
            start = now["__updated_at"] or lot.since(now)
            latest = max(self._starts(lot, id_, children), default=None)
            if latest and start < latest:
                start = synced if synced >= latest else latest + MS
            if start != now["__updated_at"]:
                out.append(Said(start, now, True))
        return out

    def _known_better(self, table: Table, id_: str, raw: Row) -> bool:
        """A copy of the same time and a higher `rev` is there."""
        if not table.history:
            current = self.content[table.name][(id_,)]
            return bool(current.get("updated_at") == raw["__updated_at"])
        stored = self.content[table.history].get((id_, raw["__updated_at"]), {})
        rev, its = stored.get("rev"), raw["__rev"]
        return rev is not None and its is not None and bool(rev > its)

    def _starts(self, lot: Lot, id_: str, children: list[Rows]) -> list[datetime]:
        found = [r[f"{self.prefix}start"] for c in children for r in self._spans(c.table, id_)]
        return found + list(self._stored_versions(lot.root.table, id_))

    def _spans(self, child: Table, id_: str) -> list[Row]:
        content = self.content[str(child.history)].values()
        return [row for row in content if row[child.parent_column] == id_]

    def _stored_versions(self, table: Table, id_: str) -> dict[datetime, Row]:
        if not table.history:
            return {}
        found = self.content[table.history].items()
        return {start: row for (i, start), row in found if i == id_}

    def _seen(
        self, lot: Lot, id_: str, children: list[Rows], told: list[Said]
    ) -> list[datetime]:  # fmt: skip
        """When it is known what the record's arrays held."""
        p, table = self.prefix, lot.root.table
        versions = self._stored_versions(table, id_)
        erased = [r[f"{p}end"] for r in versions.values() if not r[f"{p}active"]]
        seen = {said.at for said in told} | {*versions}
        if not table.history:
            latest = self.content[table.name][(id_,)].get("updated_at")
            seen |= set() if latest is None else {latest}
        for child in children:
            for row in self._spans(child.table, id_):
                seen.add(row[f"{p}start"])
                if not row[f"{p}active"] and row[f"{p}end"] not in erased:
                    seen.add(row[f"{p}end"] + MS)
        last = told[-1].at if id_ in lot.winners else END_OF_TIME
        return sorted(at for at in seen if at <= last)

    def _land_versions(
        self, lot: Lot, history: str, told: dict[str, list[Said]], synced: datetime
    ) -> None:
        p, new = self.prefix, dict(self.content[history])
        for id_, said in told.items():
            stored = self._stored_versions(lot.root.table, id_)
            rows = {start: dict(row) for start, row in stored.items()}
            for one in sorted(said, key=lambda one: one.at):
                row = self._landed(lot.root, one.raw, history)
                before = [rows[start] for start in sorted(rows) if start < one.at]
                doubtful = one.late or "updated_at" not in row
                same = before and {c: before[-1].get(c) for c in row} == row
                if one.at not in stored and doubtful and same:
                    continue
                rows[one.at] = {**row, f"{p}start": one.at}
            starts = sorted(rows)
            for start, following in zip(starts, [*starts[1:], None], strict=True):
                row = rows[start]
                if following is not None:
                    row[f"{p}end"], row[f"{p}active"] = following - MS, False
                elif id_ in lot.winners and (gone := lot.gone(lot.winners[id_])):
                    if row.get(f"{p}active", stored.get(start, {}).get(f"{p}active")) is not False:
                        row[f"{p}end"] = max(start, gone)
                    else:
                        row[f"{p}end"] = stored[start][f"{p}end"]
                    row[f"{p}active"] = False
                elif id_ in lot.winners or start in {one.at for one in said}:
                    row[f"{p}end"], row[f"{p}active"] = END_OF_TIME, True
                new[(id_, start)] = row
        self._settle(history, new, synced)

    def _land_intervals(
        self,
        lot: Lot,
        child: Rows,
        told: dict[str, list[Said]],
        seen: dict[str, list[datetime]],
        synced: datetime,
    ) -> None:
        table, history = child.table, str(child.table.history)
        new = {k: r for k, r in self.content[history].items() if r[table.parent_column] not in told}
        by_row: dict[Any, list[Row]] = {}
        met: set[tuple[Any, ...]] = set()
        for raw in lot.elements(child):
            key = raw["__row"], *(raw.get(n) for n in (table.parent_column, *table.key))
            if key not in met or child.data is None:
                by_row.setdefault(raw["__row"], []).append(raw)
            met.add(key)
        for id_ in told:
            at = {one.at: one.raw for one in told[id_]}
            staged = {
                start: [self._landed(child, raw, history) for raw in by_row.get(r["__row"], [])]
                for start, r in at.items()
            }
            gone = lot.gone(lot.winners[id_]) if id_ in lot.winners else None
            for row in self._intervals(table, self._spans(table, id_), seen[id_], staged, gone):
                own = {k: v for k, v in row.items() if k in self.types[history]}
                key = tuple((k, v) for k, v in sorted(own.items()) if v is not None)
                new[(*key, row[f"{self.prefix}start"])] = row
        self._settle(history, new, synced)

    def _intervals(
        self, table: Table, stored: list[Row], seen: list[datetime],
        staged: dict[datetime, list[Row]], gone: datetime | None,
    ) -> list[Row]:  # fmt: skip
        """Walk through the sightings with what is open in the hand."""
        p, columns = self.prefix, list(self.types[str(table.history)])
        open_: list[Row] = []
        out: list[Row] = []
        for start in seen:
            last = start == seen[-1]
            here: list[tuple[Row, datetime, bool]] = []
            if start in staged:
                for values in staged[start]:
                    if values not in [h[0] for h in here]:
                        here.append((values, max(start, gone) if gone else END_OF_TIME, not gone))
            else:
                here = [
                    ({c: r[c] for c in columns}, r[f"{p}end"], r[f"{p}active"])
                    for r in stored
                    if r[f"{p}start"] <= start <= r[f"{p}end"]
                ]
            for row in list(open_):
                if {c: row[c] for c in columns} not in [h[0] for h in here]:
                    row[f"{p}end"], row[f"{p}active"] = start - MS, False
                    open_.remove(row)
            for values, end, active in here:
                row = next((o for o in open_ if {c: o[c] for c in columns} == values), {})
                if not row:
                    row.update({**values, f"{p}start": start})
                    open_.append(row)
                    out.append(row)
                if last:
                    row[f"{p}end"], row[f"{p}active"] = end, active
                    was = [
                        r for r in stored
                        if all(r[c] == row[c] for c in [*columns, f"{p}start"])
                    ]  # fmt: skip
                    if gone and start in staged and was and not was[0][f"{p}active"]:
                        row[f"{p}end"] = was[0][f"{p}end"]
        return out

    def _take_in(self, begun: Begun, synced: datetime) -> None:
        """The history goes on from what is stored."""
        table, paused = begun.table, begun.paused
        for one in [table, *table.children]:
            self._shape(one)
            types = self.types[one.name]
            own = [c for c in one.columns if self.name(c) in types]
            self._shape(
                replace(one, columns=tuple(replace(c, type=types[self.name(c)]) for c in own)),
                list(self.content[one.name].values()),
            )
        p, content = self.prefix, self.content[table.name].values()
        copies = [
            {**row, "__updated_at": row.get("updated_at"), "__rev": row.get("rev"),
             "__row": row["id"]}
            for row in content
            if not (row[f"{p}deleted"] and paused and row[f"{p}synced"] < paused)
        ]  # fmt: skip
        children = {
            c.name: [{**r, "__row": r[c.parent_column]} for r in self.content[c.name].values()]
            for c in table.children
        }
        lot = Lot(
            Rows(table, None), tuple(Rows(c, None) for c in table.children), copies,
            {raw["id"]: raw for raw in copies},
            lambda raw: raw[f"{p}synced"],
            lambda raw: raw[f"{p}synced"] if raw[f"{p}deleted"] else None,
            children,
        )  # fmt: skip
        if copies:
            self._land_histories(lot, synced)

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
