"""What a write leaves behind, against a model that knows no SQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kustomer_sync.destinations import Destination, destination
from kustomer_sync.errors import DestinationUnusable, Superseded
from kustomer_sync.kustomer.catalog import CONVERSATION, TAG
from kustomer_sync.model import Batch, Counts, Write
from kustomer_sync.shred import CustomTypes, Names, Shredder, concat

T0 = datetime(2024, 1, 1, tzinfo=UTC)
END = 253402300799999


def opened(path: Path) -> Destination:
    return destination(
        f"duckdb:///{path}",
        schema="kustomer",
        system_prefix="_fivetran_",
        memory_limit="128MB",
        hold_seconds=0,
    )


def copy(n: int, at: int, rev: int, tags: list[str], **attributes: Any) -> dict[str, Any]:
    """Conversation n as it was at hour `at`."""
    updated = (T0 + timedelta(hours=at)).isoformat().replace("+00:00", ".000Z")
    return {
        "type": "conversation",
        "id": f"c{n}",
        "attributes": {
            "name": f"{at}/{rev}", "tags": tags, "updatedAt": updated, "rev": rev, **attributes
        },
    }  # fmt: skip


def batch(*copies: dict[str, Any]) -> Batch:
    shredder = Shredder(CONVERSATION, names=Names(), custom_types=CustomTypes())
    return concat([shredder.shred([c])[0] for c in copies])


@dataclass
class Model:
    """The versions of each record, by the hour they start at."""

    versions: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)
    current: dict[str, dict[str, Any]] = field(default_factory=dict)

    def write(self, copies: list[dict[str, Any]]) -> None:
        best: dict[tuple[str, int], dict[str, Any]] = {}
        for c in copies:
            key = (c["id"], self.hour(c))
            if key not in best or c["attributes"]["rev"] >= best[key]["attributes"]["rev"]:
                best[key] = c
        for (record_id, hour), c in best.items():
            kept = self.versions.setdefault(record_id, {})
            if hour not in kept or c["attributes"]["rev"] >= kept[hour]["attributes"]["rev"]:
                kept[hour] = c
        for record_id, kept in self.versions.items():
            self.current[record_id] = kept[max(kept)]

    @staticmethod
    def hour(c: dict[str, Any]) -> int:
        at = datetime.fromisoformat(c["attributes"]["updatedAt"])
        return int((at - T0).total_seconds()) // 3600

    def history(self) -> set[tuple[Any, ...]]:
        rows = set()
        for record_id, kept in self.versions.items():
            starts = [*sorted(kept), None]
            for start, following in pairwise(starts):
                assert start is not None
                rows.add((record_id, ms(start), end(following), following is None,
                          kept[start]["attributes"]["name"]))  # fmt: skip
        return rows

    def tag_history(self) -> set[tuple[Any, ...]]:
        rows = set()
        for record_id, kept in self.versions.items():
            opened: dict[str, int] = {}
            for start in sorted(kept):
                tags = set(kept[start]["attributes"]["tags"])
                for tag in [t for t in opened if t not in tags]:
                    rows.add((record_id, tag, ms(opened.pop(tag)), ms(start) - 1, False))
                for tag in tags - opened.keys():
                    opened[tag] = start
            rows |= {(record_id, tag, ms(at), END, True) for tag, at in opened.items()}
        return rows


def ms(hour: int) -> int:
    return int(T0.timestamp() * 1000) + hour * 3_600_000


def end(hour: int | None) -> int:
    return END if hour is None else ms(hour) - 1


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query).fetchall()


COPIES = st.lists(
    st.builds(
        copy, st.integers(0, 2), st.integers(0, 5), st.integers(1, 3),
        st.lists(st.sampled_from("abc"), max_size=4),
    ),
    min_size=1, max_size=6,
)  # fmt: skip


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(writes=st.lists(COPIES, min_size=1, max_size=5))
def test_copies_in_any_order_leave_the_model_s_rows(
    writes: list[list[dict[str, Any]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Late older copies, several in one batch, repeats: rows, children and histories are right."""
    path = tmp_path_factory.mktemp("merge") / "m.duckdb"
    target, model = opened(path), Model()
    target.begin(datetime.now(UTC))
    target.ensure([CONVERSATION])
    for copies in writes:
        target.write(Write((batch(*copies),)))
        model.write(copies)
    marks = "epoch_ms(_fivetran_start), epoch_ms(_fivetran_end), _fivetran_active"
    current = rows(path, "SELECT id, name FROM kustomer.conversation")
    assert sorted(current) == sorted((i, c["attributes"]["name"]) for i, c in model.current.items())
    tags = rows(path, "SELECT conversation_id, tag_id FROM kustomer.conversation_tag")
    assert sorted(tags) == sorted(
        (i, t) for i, c in model.current.items() for t in set(c["attributes"]["tags"])
    )
    history = rows(path, f"SELECT id, {marks}, name FROM kustomer.conversation_history")
    assert len(history) == len(set(history))
    assert set(history) == model.history()
    query = f"SELECT conversation_id, tag_id, {marks} FROM kustomer.conversation_tag_history"
    intervals = rows(path, query)
    assert len(intervals) == len(set(intervals))
    assert set(intervals) == model.tag_history()
    target.begin(datetime.now(UTC))
    again = target.write(Write((batch(*writes[-1]),)))
    changed = {n: c for n, c in again.items() if (c.inserted, c.updated, c.deleted) != (0, 0, 0)}
    assert changed == {}, "a replay changes nothing"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "m.duckdb"


def test_a_frozen_sync_that_wakes_up_writes_nothing(path: Path) -> None:
    """Another sync has begun since: the older one is refused, and no row of it lands."""
    older, newer = opened(path), opened(path)
    older.begin(T0)
    older.ensure([CONVERSATION])
    newer.begin(T0)
    with pytest.raises(Superseded):
        older.write(Write((batch(copy(1, 1, 1, [])),)))
    assert newer.rows(["conversation"]) == {"conversation": 0}


def test_state_comes_back_as_it_was_written_with_the_rows(path: Path) -> None:
    """The cursor is in the destination, in the transaction of the rows it covers."""
    target = opened(path)
    target.begin(T0)
    target.write(Write((batch(copy(1, 1, 1, [])),), state={"table:x": {"done": [[0, 5]]}}))
    assert opened(path).begin(T0) == {"table:x": {"done": [[0, 5]]}}


def test_an_emptied_array_leaves_no_child_rows(path: Path) -> None:
    """The last tag removed: its row goes, counted as deleted."""
    target = opened(path)
    target.begin(T0)
    target.write(Write((batch(copy(1, 1, 1, ["a"])),)))
    counts = target.write(Write((batch(copy(1, 2, 2, [])),)))
    assert counts["conversation_tag"] == Counts(deleted=1)
    assert target.rows(["conversation_tag"]) == {"conversation_tag": 0}


def test_an_absent_record_is_flagged_with_its_children_and_its_versions_end(path: Path) -> None:
    """Flagged, never removed; the active version closes; when it returns all is open again."""
    target = opened(path)
    target.begin(T0)
    target.ensure([CONVERSATION])
    target.write(Write((batch(copy(1, 1, 1, ["a"])),)))
    target.write(Write(absent={"conversation": ("c1",)}))
    flags = "SELECT _fivetran_deleted FROM kustomer.conversation UNION ALL " \
            "SELECT _fivetran_deleted FROM kustomer.conversation_tag"  # fmt: skip
    active = "SELECT _fivetran_active FROM kustomer.conversation_history UNION ALL " \
             "SELECT _fivetran_active FROM kustomer.conversation_tag_history"  # fmt: skip
    assert rows(path, flags) == [(True,), (True,)]
    assert rows(path, active) == [(False,), (False,)]
    target.write(Write((batch(copy(1, 1, 1, ["a"])),)))
    assert rows(path, flags) == [(False,), (False,)]
    assert rows(path, active) == [(True,), (True,)]


def test_a_number_that_becomes_text_keeps_its_digits(path: Path) -> None:
    """A later integer too long for a double widens the column in place."""
    target = opened(path)
    target.begin(T0)
    types = CustomTypes()
    shredder = Shredder(CONVERSATION, names=Names(), custom_types=types)
    for n, value in enumerate([5, 2.5, 2**63 + 1]):
        (made,) = shredder.shred([copy(n, 1, 1, [], custom={"orderNum": value})])
        target.write(Write((made,)))
    query = "SELECT custom_order_num FROM kustomer.conversation ORDER BY id"
    assert rows(path, query) == [("5",), ("2.5",), ("9223372036854775809",)]


def test_an_unreadable_file_is_said_and_left_alone(tmp_path: Path) -> None:
    """Neither a text file nor a missing folder is a DuckDB file."""
    text = tmp_path / "notes.txt"
    text.write_text("not a database, but somebody's notes " * 100)
    with pytest.raises(DestinationUnusable):
        opened(text).check()
    assert text.read_text().startswith("not a database")
    with pytest.raises(DestinationUnusable, match="does not exist"):
        opened(tmp_path / "nowhere" / "m.duckdb").check()


def test_a_file_may_have_the_schema_s_name(tmp_path: Path) -> None:
    """`duckdb:///kustomer.duckdb` with schema `kustomer`, the default, works like another."""
    target = opened(tmp_path / "kustomer.duckdb")
    target.begin(T0)
    target.ensure([CONVERSATION])
    counts = target.write(Write((batch(copy(1, 1, 1, ["a"])),)))
    assert counts["conversation"] == Counts(inserted=1)
    assert target.rows(["conversation_tag"]) == {"conversation_tag": 1}


def test_checking_a_new_file_leaves_none_behind(path: Path) -> None:
    """`check` writes nothing."""
    opened(path).check()
    assert not path.exists()


def test_ids_missing_from_a_listing_are_those_not_flagged_yet(path: Path) -> None:
    """What was flagged before is not asked about again."""
    target = opened(path)
    target.begin(T0)
    target.ensure([TAG])
    shredder = Shredder(TAG, names=Names(), custom_types=CustomTypes())
    tags = [{"type": "tag", "id": i, "attributes": {"name": i}} for i in "abc"]
    target.write(Write(tuple(shredder.shred(tags))))
    target.write(Write(absent={"tag": ("a",)}))
    assert target.missing(TAG, ["c"]) == ["b"]
