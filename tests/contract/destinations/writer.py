"""A process that writes one numbered batch after the other until somebody kills it."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from random import Random

from kustomer_sync.destinations import destination
from kustomer_sync.model import Write
from tests.contract.destinations.org import CONVERSATION, EPOCH, Copy, at, batch

SCHEMA = "kustomer"


def synced(number: int) -> datetime:
    return EPOCH + timedelta(days=30, seconds=number)


def numbered(number: int) -> Write:
    """The same write for the same number, in every process."""
    rng = Random(number)
    copies = [
        Copy(
            id=f"c{rng.randrange(80)}",
            name=rng.choice(["x", "y", "z"]),
            updated_at=at(rng.randrange(number, number + 6)),
            rev=rng.randrange(3),
            tags=[f"t{rng.randrange(4)}" for _ in range(rng.randrange(4))],
            channels=[(rng.choice(["mail", "chat"]), 1) for _ in range(rng.randrange(3))],
            metrics=[f"m{rng.randrange(3)}" for _ in range(rng.randrange(3))],
            deleted=rng.random() < 0.1,
        )
        for _ in range(150)
    ]
    return Write(
        (batch(copies),),
        {"conversation": (f"c{rng.randrange(80)}",)},
        {"written": number, f"of {number % 7}": number},
    )


def main(url: str) -> None:
    to = destination(url, schema=SCHEMA, system_prefix="_fivetran_", memory_limit="128MB")
    number = to.state().get("written", 0)
    to.begin(synced(number))
    to.ensure([CONVERSATION])
    while True:
        print(number, flush=True)
        number += 1
        to.begin(synced(number))
        to.write(numbered(number))


if __name__ == "__main__":
    main(sys.argv[1])
