"""The second half of the merge plan: what a history keeps of each record and each array.

For a batch of table T staged as S, and each child C staged as SC:

    T_history every copy is a version; versions tile; only rows that change are written
    C_history intervals in which an element was present, rebuilt over the record's sightings

A copy's time is its `updatedAt`, or since when a version of that `updatedAt` is kept: the reference
connector may have begun it when it came. One that has none, or of which the table says that it is
the record's present although something is known of later, was seen when the sync began; it is a
version only if it differs from the last one. So the last version is what the table's row is,
and it is active until Kustomer no longer has the record.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from kustomer_sync.destinations.merge import PLACE, Plan, Staged, Step, Steps, wanted
from kustomer_sync.model import REV, ROW, UPDATED_AT, Origin, Table, Type, wider

TAKEN = "taken"
"""A view: what is stored of a table, as a batch would bring it."""


def histories(plan: Plan, root: Staged, children: Sequence[Staged]) -> Steps:
    """After `plan.batch`: its records' histories, and those of their children, are theirs."""
    never = f"CAST(NULL AS {plan.dialect.types[Type.INSTANT]})"
    kept = [_first_of_each_key(plan, child) for child in children if child.table.history]
    yield from _Histories(plan, root, kept, plan.synced_at, never).steps()


def _first_of_each_key(plan: Plan, child: Staged) -> Staged:
    """Of a repeated key the first element, as in the child's table; where that may matter."""
    table = child.table
    indexed = any(c.origin is Origin.INDEX for c in table.columns)
    if indexed or set(table.key) >= {c.name for c in table.history_columns()}:
        return child
    same = ", ".join(map(plan.q, dict.fromkeys([ROW, table.parent_column, *table.key])))
    return replace(
        child,
        relation=f"(SELECT DISTINCT ON ({same}) * FROM {child.relation} ORDER BY {same}, {PLACE})",
    )


def taken_in(plan: Plan, table: Table, paused: str | None) -> Steps:
    """The history of the table, or of its child, goes on from the rows that are stored.

    What is there and not in the history is taken in at its record's `updated_at`, else at its
    `{prefix}synced`; what was flagged since `paused`, SQL of a time, is closed by the time it was;
    what is no longer there ends. `table` has the stored columns, at the stored types. A second
    time changes nothing.
    """
    synced, flag = plan.q(plan.system.synced), plan.q(plan.system.deleted)
    names = {column.name for column in table.columns}
    instant, long = plan.dialect.types[Type.INSTANT], plan.dialect.types[Type.LONG]
    timed = "updated_at" in names and table.column("updated_at").type is Type.INSTANT
    marks = [
        f"{'updated_at' if timed else f'CAST(NULL AS {instant})'} AS {UPDATED_AT}",
        f"CAST({'rev' if 'rev' in names else 'NULL'} AS {long}) AS {REV}",
        f"id AS {ROW}",
    ]
    # What was flagged before was so under the history's eyes: it is closed, or a soft delete.
    before = f" WHERE NOT coalesce({flag} AND {synced} < {paused}, FALSE)" if paused else ""
    yield Step(
        table.place,
        f"CREATE OR REPLACE TEMP VIEW {TAKEN} AS "
        f"SELECT *, {', '.join(marks)} FROM {plan.t(table.place)}{before}",
    )
    yield Step(
        table.place, f"CREATE OR REPLACE TEMP TABLE winners AS SELECT id, {ROW} FROM {TAKEN}"
    )
    children = []
    for n, child in enumerate(child for child in table.children if child.history):
        children.append(Staged(child, f"{TAKEN}_{n}"))
        yield Step(
            child.place,
            f"CREATE OR REPLACE TEMP VIEW {TAKEN}_{n} AS "
            f"SELECT *, {plan.q(child.parent_column)} AS {ROW} FROM {plan.t(child.place)}",
        )
    yield from _Histories(
        plan, Staged(table, TAKEN), children, f"s.{synced}",
        f"CASE WHEN s.{flag} THEN s.{synced} END",
    ).steps()  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Histories:
    plan: Plan
    root: Staged
    children: Sequence[Staged]
    """Those that have a history."""
    since: str
    """SQL over the staged rows `s`: when a copy without `updatedAt` was seen."""
    gone: str
    """SQL over the same: since when Kustomer no longer has the record; NULL for one it has."""

    def steps(self) -> Steps:
        if not (self.root.table.history or self.children):
            return
        yield from self._known()
        yield from self._present()
        yield from self._copies()
        if self.root.table.history:
            yield from self._versions()
            yield from self._tiles()
            yield from self._land()
        if self.children:
            yield from self._sightings()
            for n in range(len(self.children)):
                yield from self._intervals(n)

    # ---- names ----

    @property
    def _history(self) -> str:
        return str(self.root.table.history)

    def _marks(self) -> tuple[str, str, str]:
        """The quoted names of a version's start, its end, and whether it is active."""
        system = self.plan.system
        start, end, active = map(self.plan.q, (system.start, system.end, system.active))
        return start, end, active

    def _has(self, table: str, column: str, *types: Type) -> bool:
        return self.plan.stored[table].get(column) in types

    def _owner(self, n: int) -> str:
        return self.plan.q(self.children[n].table.parent_column)

    # ---- what is known, what is new ----

    def _known(self) -> Steps:
        """Temp tables `kept`, the stored versions of the batch's records, and `spans_n`, the
        stored intervals of each child.
        """
        row = self.plan.dialect.row
        start, end, active = self._marks()
        of_these = f"IN (SELECT id FROM {self.root.relation})"
        if self.root.table.history:
            rev = ", rev" if self._has(self._history, "rev", Type.INT, Type.LONG) else ""
            own = "updated_at" if self._has(self._history, "updated_at", Type.INSTANT) else "NULL"
            yield Step(
                self._history,
                f"CREATE OR REPLACE TEMP TABLE kept AS SELECT {row} AS there, id, "
                f"{start} AS start, {end} AS until, {active} AS open, "
                f"CAST({own} AS {self.plan.dialect.types[Type.INSTANT]}) AS own{rev} "
                f"FROM {self.plan.t(self._history)} WHERE id {of_these}",
            )
            yield from self._once(self._history, "kept", "id, start")
        for n, child in enumerate(self.children):
            history = str(child.table.history)
            yield Step(
                history,
                f"CREATE OR REPLACE TEMP TABLE spans_{n} AS SELECT {row} AS there, * "
                f"FROM {self.plan.t(history)} WHERE {self._owner(n)} {of_these}",
            )
            # As in the history: a batch may lack a column that tells two elements apart.
            content = wanted(self.plan.values(child, "s", history), child.table)
            same = [self._owner(n), start, *map(self.plan.q, content)]
            yield from self._once(history, f"spans_{n}", ", ".join(dict.fromkeys(same)))

    def _once(self, history: str, temp: str, columns: str) -> Steps:
        """What somebody made twice is there once, in the history and in `temp`, its rows."""
        first = f"SELECT min(there) FROM {temp} GROUP BY {columns}"
        (more,) = yield Step(
            history,
            f"SELECT count(*) FROM {temp} HAVING count(*) > (SELECT count(*) FROM ({first}))",
        )
        if more:
            rows = f"SELECT there FROM {temp} WHERE there NOT IN ({first})"
            table, row = self.plan.t(history), self.plan.dialect.row
            yield Step(history, f"DELETE FROM {table} WHERE {row} IN ({rows})", ("deleted",))
            yield Step(history, f"DELETE FROM {temp} WHERE there NOT IN ({first})")

    def _present(self) -> Steps:
        """Temp table `present`: from when on each accepted copy is what its record is.

        Nothing that is known begins later. `own` is its own time, `gone` since when Kustomer
        no longer has the record.
        """
        start, _, _ = self._marks()
        known = ["SELECT id, start FROM kept"] if self.root.table.history else []
        known += [
            f"SELECT {self._owner(n)}, {start} FROM spans_{n}" for n in range(len(self.children))
        ]
        now = self.plan.synced_at
        own, stood = self._own_time()
        yield Step(
            self.root.table.place,
            f"""
            CREATE OR REPLACE TEMP TABLE present AS
            SELECT id, {ROW}, own, gone,
                   CASE WHEN latest IS NULL OR since >= latest THEN since
                        WHEN {now} >= latest THEN {now}
                        ELSE latest + INTERVAL 1 MILLISECOND END AS start
            FROM (
                SELECT w.id, s.{ROW}, {own} AS own, {self.gone} AS gone,
                       coalesce({own}, {self.since}) AS since, k.latest
                FROM winners w JOIN {self.root.relation} s ON s.{ROW} = w.{ROW} {stood}
                LEFT JOIN (
                    SELECT id, max(start) AS latest
                    FROM ({" UNION ALL ".join(known)}) AS known (id, start) GROUP BY id
                ) k ON k.id = w.id
            )
            """,
        )

    def _own_time(self) -> tuple[str, str]:
        """The time of a staged row `s`, and SQL to join what it takes.

        That is its `updatedAt`; of one of which a version is kept that began at another time, that.
        """
        own = f"s.{UPDATED_AT}"
        if not self.root.table.history:
            return own, ""
        return f"coalesce(v.start, {own})", (
            "LEFT JOIN (SELECT id, own, max(start) AS start FROM kept GROUP BY id, own "
            f"HAVING NOT bool_or(start = own)) v ON v.id = s.id AND v.own = {own}"
        )

    def _copies(self) -> Steps:
        """Temp table `copies`: the staged copies that say something, one for each start.

        A copy of a time of which a higher `rev` is known says nothing. `late`: it starts later
        than its `updatedAt` says, or has none.
        """
        table = self.root.table
        (own, stood), join, refused = self._own_time(), "", "FALSE"
        if table.history:
            if self._has(self._history, "rev", Type.INT, Type.LONG):
                join = "LEFT JOIN kept k ON k.id = c.id AND k.start = c.start"
                refused = "coalesce(k.rev > c.rev, FALSE)"
        elif self._has(table.place, "updated_at", Type.INSTANT):
            join = f"LEFT JOIN {self.plan.t(table.place)} k ON k.id = c.id"
            refused = "k.updated_at IS NOT DISTINCT FROM c.start"
        yield Step(
            table.place,
            f"""
            CREATE OR REPLACE TEMP TABLE copies AS
            SELECT c.id, c.start, c.{ROW}, FALSE AS late
            FROM (
                SELECT s.id, {own} AS start, s.{REV} AS rev, s.{ROW}
                FROM {self.root.relation} s {stood}
                WHERE s.{UPDATED_AT} IS NOT NULL
                QUALIFY row_number() OVER (
                    PARTITION BY s.id, {own} ORDER BY s.{REV} DESC NULLS LAST, s.{ROW} DESC
                ) = 1
            ) c LEFT JOIN present p ON p.{ROW} = c.{ROW} {join}
            WHERE p.{ROW} IS NOT NULL OR NOT {refused}
            UNION ALL
            SELECT id, start, {ROW}, TRUE FROM present WHERE start IS DISTINCT FROM own
            """,
        )

    # ---- records ----

    def _versions(self) -> Steps:
        """Temp table `versions`: the stored ones and the copies that are, or replace, one.

        A late copy that is as the version before is none; nor is any such, where no column of the
        table tells that the record was written.
        """
        doubtful = "c.late" if "updated_at" in self.plan.stored[self._history] else "TRUE"
        yield Step(
            self._history,
            f"""
            CREATE OR REPLACE TEMP TABLE versions AS
            SELECT coalesce(c.id, k.id) AS id, coalesce(c.start, k.start) AS start, k.there,
                   k.until, k.open, c.{ROW}, k.there IS NULL AND {doubtful} AS doubtful
            FROM copies c FULL JOIN kept k ON k.id = c.id AND k.start = c.start
            """,
        )
        (doubted,) = yield Step(self._history, "SELECT count(*) FROM versions WHERE doubtful")
        if doubted:
            yield self._without_same()

    def _without_same(self) -> Step:
        staged = wanted(self.plan.values(self.root, "s", self._history), self.root.table)
        stored = {name: f"o.{self.plan.q(name)}" for name in staged}
        for name in staged:
            if self.plan.stored[self._history][name] is Type.JSON:
                staged[name] = f"CAST({staged[name]} AS VARCHAR)"
                stored[name] = f"CAST({stored[name]} AS VARCHAR)"
        return Step(
            self._history,
            f"""
            DELETE FROM versions WHERE doubtful AND (id, start) IN (
                SELECT id, start FROM (
                    SELECT id, start, lag(id) OVER w IS NOT NULL
                           AND content IS NOT DISTINCT FROM lag(content) OVER w AS same
                    FROM (
                        SELECT v.id, v.start, row({", ".join(staged.values())}) AS content
                        FROM versions v JOIN {self.root.relation} s ON s.{ROW} = v.{ROW}
                        UNION ALL
                        SELECT v.id, v.start, row({", ".join(stored.values())}) AS content
                        FROM versions v JOIN {self.plan.t(self._history)} o
                          ON o.{self.plan.dialect.row} = v.there
                        WHERE v.{ROW} IS NULL
                    ) WHERE id IN (SELECT id FROM versions WHERE doubtful)
                    WINDOW w AS (PARTITION BY id ORDER BY start)
                ) WHERE same
            )
            """,
        )

    def _tiles(self) -> Steps:
        """Temp table `tiles`: every version of the batch's records, with its end anew.

        `there` is its stored row, `__row` the staged copy that is or replaces it; `until` and
        `open` are its end and whether it is active; `status` as in `winners`.
        """
        yield Step(
            self._history,
            f"""
            CREATE OR REPLACE TEMP TABLE tiles AS
            WITH ordered AS (
                SELECT v.*, lead(v.start) OVER (PARTITION BY v.id ORDER BY v.start) AS following
                FROM versions v
            ), ended AS (
                SELECT v.id, v.start, v.there, v.{ROW}, v.until AS old_until, v.open AS old_open,
                       CASE WHEN v.following IS NOT NULL
                            THEN v.following - INTERVAL 1 MILLISECOND
                            WHEN p.gone IS NOT NULL AND v.open IS NOT DISTINCT FROM FALSE
                            THEN v.until
                            WHEN p.gone IS NOT NULL THEN greatest(v.start, p.gone)
                            WHEN p.id IS NOT NULL OR v.{ROW} IS NOT NULL
                            THEN {self.plan.end_of_time}
                            ELSE v.until END AS until,
                       CASE WHEN v.following IS NOT NULL OR p.gone IS NOT NULL THEN FALSE
                            WHEN p.id IS NOT NULL OR v.{ROW} IS NOT NULL THEN TRUE
                            ELSE v.open END AS open
                FROM ordered v LEFT JOIN present p ON p.id = v.id
            )
            SELECT id, start, there, {ROW}, until, open,
                   CASE WHEN there IS NULL THEN 'new'
                        WHEN old_until IS DISTINCT FROM until OR old_open IS DISTINCT FROM open
                        THEN 'changed'
                        ELSE 'same' END AS status
            FROM ended
            """,
        )

    def _land(self) -> Steps:
        """The history's rows are the tiles; of a stored one that stays nothing is written."""
        stored, row = self.plan.t(self._history), self.plan.dialect.row
        start, end, active = self._marks()
        synced = self.plan.q(self.plan.system.synced)
        again = f"SELECT count(*) FROM tiles WHERE status = 'same' AND {ROW} IS NOT NULL"
        (same,) = yield Step(self._history, again)
        if same:
            yield from self.plan.compared("tiles", self.root, self._history)
        new, changed, replaced = yield Step(
            self._history,
            f"""
            SELECT count(*) FILTER (status = 'new'), count(*) FILTER (status = 'changed'),
                   count(*) FILTER (status = 'changed' AND {ROW} IS NOT NULL)
            FROM tiles
            """,
            ("inserted", "updated"),
        )
        if changed > replaced:
            yield Step(
                self._history,
                f"UPDATE {stored} h SET {end} = t.until, {active} = t.open, "
                f"{synced} = {self.plan.synced_at} FROM tiles t "
                f"WHERE h.{row} = t.there AND t.status = 'changed' AND t.{ROW} IS NULL",
            )
        gone = f"SELECT there FROM tiles WHERE status = 'changed' AND {ROW} IS NOT NULL"
        if replaced:
            yield Step(self._history, f"DELETE FROM {stored} WHERE {row} IN ({gone})")
        if new or replaced:
            values = self.plan.values(self.root, "s", self._history)
            made = [*values.values(), "t.start", "t.until", "t.open", self.plan.synced_at]
            yield Step(
                self._history,
                f"""
                INSERT INTO {stored}
                    ({", ".join([*map(self.plan.q, values), start, end, active, synced])})
                SELECT {", ".join(made)}
                FROM tiles t JOIN {self.root.relation} s ON s.{ROW} = t.{ROW}
                WHERE t.status <> 'same'
                """,
            )

    # ---- children ----

    def _sightings(self) -> Steps:
        """Temp table `sightings`: the times at which it is known what the records' arrays held.

        These are the copies, the stored versions, and when elements came and went; where versions
        are not kept, the row's `updated_at` too. What was seen last and is not staged ends as its
        stored elements do. `n` numbers them; `gone`: it ends because the record is gone.
        """
        table = self.root.table
        start, end, active = self._marks()
        seen = ["SELECT id, start FROM copies"]
        erased = ""
        if table.history:
            seen.append("SELECT id, start FROM kept")
            # A hard delete ended all at once; nobody saw the arrays then.
            erased = (
                "AND NOT EXISTS (SELECT 1 FROM kept k "
                f"WHERE k.id = {{owner}} AND NOT k.open AND k.until = o.{end})"
            )
        elif self._has(table.place, "updated_at", Type.INSTANT):
            seen.append(
                f"SELECT id, updated_at FROM {self.plan.t(table.place)} WHERE updated_at "
                f"IS NOT NULL AND id IN (SELECT id FROM {self.root.relation})"
            )
        for n in range(len(self.children)):
            owner = f"o.{self._owner(n)}"
            seen += [
                f"SELECT {owner}, o.{start} FROM spans_{n} o",
                f"SELECT {owner}, o.{end} + INTERVAL 1 MILLISECOND FROM spans_{n} o "
                f"WHERE NOT o.{active} {erased.format(owner=owner)}",
            ]
        yield Step(
            table.place,
            f"""
            CREATE OR REPLACE TEMP TABLE sightings AS
            WITH seen (id, start) AS ({" UNION ".join(seen)}), ordered AS (
                SELECT s.id, s.start, c.{ROW}, p.gone,
                       lead(s.start) OVER (PARTITION BY s.id ORDER BY s.start) AS following,
                       row_number() OVER (PARTITION BY s.id ORDER BY s.start) AS n
                FROM seen s LEFT JOIN present p ON p.id = s.id
                LEFT JOIN copies c ON c.id = s.id AND c.start = s.start
                WHERE p.id IS NULL OR s.start <= p.start
            )
            SELECT id, start, {ROW}, n, following IS NULL AND gone IS NOT NULL AS gone,
                   CASE WHEN following IS NOT NULL THEN following - INTERVAL 1 MILLISECOND
                        WHEN gone IS NOT NULL THEN greatest(start, gone)
                        WHEN {ROW} IS NOT NULL THEN {self.plan.end_of_time} END AS until,
                   CASE WHEN following IS NOT NULL OR gone IS NOT NULL THEN FALSE
                        WHEN {ROW} IS NOT NULL THEN TRUE END AS open
            FROM ordered
            """,
        )

    def _intervals(self, n: int) -> Steps:
        """When each content was there, for the records of `sightings`.

        A staged copy says itself what its array held; at any other sighting there was what a
        stored interval covers. A run of sightings with the content is an interval, as long as
        the time that they cover.
        """
        child, owner = self.children[n], self._owner(n)
        history = str(child.table.history)
        start, end, active = self._marks()
        found = wanted(self.plan.values(child, "s", history), child.table)
        values = {self.plan.q(k): v for k, v in found.items()}
        del values[owner]
        others = list(values)
        keys = ", ".join(["__id", *others])  # all of its own columns may be blocked
        stored = "".join(f", o.{k}" for k in others)
        ours = "".join(f", {value} AS {k}" for k, value in values.items())
        same_key = " AND ".join(
            [
                f"o.{owner} = i.__id",
                f"o.{start} = i.__start",
                *(f"o.{k} IS NOT DISTINCT FROM i.{k}" for k in others),
            ]
        )
        # An element may have columns of any name: ours begin with two underscores.
        yield from self.plan.changes(
            history,
            f"""
            WITH held AS (
                SELECT t.id AS __id, t.n AS __n, t.start AS __start, t.until AS __until,
                       t.open AS __open, t.gone AS __gone{ours}
                FROM sightings t JOIN {child.relation} s ON s.{ROW} = t.{ROW}
                UNION
                SELECT t.id, t.n, t.start, coalesce(t.until, o.{end}), coalesce(t.open, o.{active}),
                       t.gone{stored}
                FROM sightings t JOIN spans_{n} o
                  ON o.{owner} = t.id AND t.start >= o.{start} AND t.start <= o.{end}
                WHERE t.{ROW} IS NULL
            ), numbered AS (
                SELECT *, __n - row_number() OVER (PARTITION BY {keys} ORDER BY __n) AS __run
                FROM held
            ), intervals AS (
                SELECT {keys}, min(__start) AS __start, max(__until) AS __until,
                       bool_or(__open) AS __open, bool_or(__gone) AS __gone
                FROM numbered GROUP BY {keys}, __run
            )
            SELECT i.__id AS {owner}{"".join(f", i.{k}" for k in others)}, i.__start AS {start},
                   i.__until AS {end}, i.__open AS {active}, o.there, i.__id IS NOT NULL AS here
            FROM intervals i FULL JOIN spans_{n} o ON {same_key}
            WHERE i.__id IS NULL OR o.there IS NULL OR o.{active} IS DISTINCT FROM i.__open
               OR (NOT i.__gone AND o.{end} IS DISTINCT FROM i.__until)
            """,
            [owner, *others, start, end, active],
        )


def as_stored(table: Table, plan: Plan) -> Table:
    """The table as it is stored: what it and its children have of their columns, at these types."""

    def seen(one: Table) -> Table:
        there = plan.stored[one.place]
        return replace(
            one,
            columns=tuple(
                replace(c, type=there[plan.system.physical(c)])
                for c in one.columns
                if plan.system.physical(c) in there
            ),
        )

    return replace(seen(table), children=tuple(map(seen, table.children)))


def astray(plan: Plan, table: Table) -> Iterator[tuple[str, str]]:
    """Each history of the table and its children, and a query for whom it does not fit.

    That is the ids of records, of those that are not flagged, whose active rows in the history are
    not what the table holds of them, each once, or of which a version or interval is there twice.
    """
    flag, active = plan.q(plan.system.deleted), plan.q(plan.system.active)
    start = plan.q(plan.system.start)
    living = f"SELECT id FROM {plan.t(table.place)} WHERE {flag} IS DISTINCT FROM TRUE"
    for part in table.walk():
        place, history = part.place, str(part.history)
        if part.hidden or not {place, history} <= plan.stored.keys():
            continue
        names = (plan.stored[place].keys() & plan.stored[history].keys()) - {*part.left_out}
        if part.parent is not None:
            own = {plan.system.physical(column) for column in part.history_columns()}
            names = {name for name in names if name in own or name.startswith("custom_")}
        owner = plan.q(part.parent_column or "id")
        mine, kept = _contents(plan, sorted(names), place, history)
        here = f"SELECT DISTINCT {owner} AS id, hash({mine}) AS content FROM {plan.t(place)} o"
        here = f"{here} WHERE {flag} IS DISTINCT FROM TRUE AND {owner} IN ({living})"
        there = f"SELECT {owner} AS id, hash({kept}) AS content FROM {plan.t(history)} o"
        there = f"{there} WHERE {active} AND {owner} IN ({living})"
        same = ", ".join([owner, start, *([f"hash({kept})"] if part.parent is not None else [])])
        twice = f"SELECT {owner} AS id FROM {plan.t(history)} o WHERE {owner} IN ({living})"
        yield (
            history,
            f"SELECT DISTINCT id FROM (SELECT id FROM (({here}) EXCEPT ALL ({there})) UNION ALL "
            f"SELECT id FROM (({there}) EXCEPT ALL ({here})) UNION ALL "
            f"{twice} GROUP BY {same} HAVING count(*) > 1) ORDER BY id",
        )


def _contents(plan: Plan, names: list[str], place: str, history: str) -> tuple[str, str]:
    """The values of these columns in the table and in its history, at types that hold both."""
    sides: tuple[list[str], list[str]] = ([], [])
    for name in names:
        types = plan.stored[place][name], plan.stored[history][name]
        wide = wider(*types)
        for side, type_ in zip(sides, types, strict=True):
            value = plan.dialect.cast(f"o.{plan.q(name)}", type_, wide)
            side.append(f"CAST({value} AS VARCHAR)" if wide is Type.JSON else value)
    return ", ".join(sides[0]), ", ".join(sides[1])
