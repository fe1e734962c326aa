"""A sorted sequence that is mostly arithmetic: base records plus a short list of changed ones.

Nothing is materialised but the slice asked for, so a page deep inside a million records costs the
same as the first.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from .kind import Residues


class Run:
    """The base indices of [low, high) that fit `residues` and are not among `touched` (sorted)."""

    def __init__(self, low: int, high: int, residues: Residues, touched: Sequence[int]) -> None:
        self._residues = residues
        self._from = residues.rank(low)
        inside = touched[bisect_left(touched, low) : bisect_left(touched, high)]
        self._gone = [residues.rank(i) for i in inside if residues.holds(i)]
        self._slack = [rank - n - self._from for n, rank in enumerate(self._gone)]
        self._count = residues.rank(high) - self._from - len(self._gone) if high > low else 0

    def __len__(self) -> int:
        return self._count

    def index(self, k: int) -> int:
        """The k-th base index."""
        return self._residues.select(self._from + k + bisect_right(self._slack, k))

    def below(self, i: int) -> int:
        """How many of the run's indices are below i."""
        rank = self._residues.rank(i)
        if rank <= self._from:
            return 0
        return min(self._count, rank - self._from - bisect_left(self._gone, rank))


Ref = Any
"""A base index (int), or whatever the caller's list of changed records holds."""
Keyed = tuple[Any, Ref]


class Merged:
    """A run of base records and a sorted list of changed ones, in the order of their keys."""

    def __init__(
        self,
        run: Run,
        key: Callable[[int], Any],
        changed: Sequence[Keyed],
        descending: bool = False,
    ) -> None:
        self._run = run
        self._key = key
        self._changed = changed
        self._keys = [keyed[0] for keyed in changed]
        self._descending = descending

    def __len__(self) -> int:
        return len(self._run) + len(self._changed)

    def slice(self, offset: int, size: int) -> list[Keyed]:
        """The records at [offset, offset + size)."""
        total = len(self)
        size = max(0, min(size, total - offset))
        if not self._descending:
            return self._ascending(offset, size)
        return self._ascending(total - offset - size, size)[::-1]

    def shuffled(self, offset: int, size: int, chance: Random) -> list[Keyed]:
        """The same, with records of equal keys in an order of this request's own.

        Groups of equal keys that reach over the slice's ends are shuffled whole, so the same
        record may come on two pages and another on none, as from a real search index [I].
        """
        found = self.slice(offset, size)
        start = 0
        while start < len(found):
            key = found[start][0]
            end = start
            while end < len(found) and found[end][0] == key:
                end += 1
            if start > 0 and end < len(found):
                group = found[start:end]
                chance.shuffle(group)
            else:
                low, high = self._span(key)
                order = chance.sample(range(low, high), high - low)
                begin = offset + start - low
                group = [self.slice(at, 1)[0] for at in order[begin : begin + end - start]]
            found[start:end] = group
            start = end
        return found

    def _span(self, key: Any) -> tuple[int, int]:
        low = self._position(key, bisect_left)
        high = self._position(key, bisect_right)
        total = len(self)
        return (total - high, total - low) if self._descending else (low, high)

    def _position(self, key: Any, side: Callable[..., int]) -> int:
        in_base = side(_Keys(self._run, self._key), key)
        return in_base + side(self._keys, key)

    def _ascending(self, offset: int, size: int) -> list[Keyed]:
        run, key, keys = self._run, self._key, self._keys
        low, high = 0, len(run)
        if not keys:
            low = offset
        else:
            while low < high:
                middle = (low + high) // 2
                if middle + bisect_left(keys, key(run.index(middle))) < offset:
                    low = middle + 1
                else:
                    high = middle
        n, other = low, min(offset - low, len(keys))
        found: list[Keyed] = []
        count = len(run)
        while len(found) < size:
            if n < count:
                i = run.index(n)
                mine = key(i)
                if other >= len(keys) or mine <= keys[other]:
                    found.append((mine, i))
                    n += 1
                    continue
            found.append(self._changed[other])
            other += 1
        return found


class _Keys(Sequence[Any]):
    """The keys of a run, for bisect."""

    def __init__(self, run: Run, key: Callable[[int], Any]) -> None:
        self._run = run
        self._key = key

    def __len__(self) -> int:
        return len(self._run)

    def __getitem__(self, n: Any) -> Any:
        return self._key(self._run.index(n))
