"""How fast pages are shredded: `python bench/shred_speed.py [records]`; prints CPU time.

Conversations of about 3 KB, 100 a page, of which some have nulls, missing keys, emojis and a
growing set of custom attributes: 87 columns and six children.
"""

from __future__ import annotations

import random
import sys
import time

import orjson

from kustomer_sync.kustomer.parse import parse
from kustomer_sync.model import Column, Origin, Table, Type
from kustomer_sync.shred import CustomTypes, Names, Shredder, concat

PAGE = 100
_ISO = "2026-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z"


def _columns(text: str) -> tuple[Column, ...]:
    found = []
    for line in text.strip().splitlines():
        kind, *paths = line.split()
        for path in paths:
            found.append(Column(path.replace(".", "_"), Type(kind), tuple(path.split("."))))
    return tuple(found)


_ATTRIBUTES = """
String name status direction priority_ replyChannel externalId preview locale defaultLang
String lastMessageDirection endedReason phase endedByType
Instant createdAt updatedAt modifiedAt lastActivityAt lastMessageAt lastReceivedAt endedAt
Int messageCount noteCount outboundMessageCount doneCount reopenCount snoozeCount priority
Boolean spam ended deleted pinned
Json firstDone lastDone
Long rev
Double sentiment.polarity sentiment.confidence
String firstMessageIn.id firstMessageIn.channel lastMessageOut.id
Instant firstMessageIn.sentAt firstMessageIn.createdAt lastMessageOut.sentAt
String satisfactionLevel.status satisfactionLevel.channel
Int satisfactionLevel.rating satisfactionLevel.score
Instant satisfactionLevel.sentAt
String sla.name sla.status
Instant sla.matchedAt
Instant sla.metrics.firstResponse.breachAt
"""


def _table() -> Table:
    attributes = tuple(
        Column(c.name, c.type, ("attributes", *c.source)) for c in _columns(_ATTRIBUTES)
    )
    relations = tuple(
        Column(f"{r}_id", source=("relationships", r, "data", "id"))
        for r in ("org", "customer", "createdBy", "modifiedBy", "queue", "brand", "endedBy")
    )

    def joined(name: str, other: str, path: str, source: tuple[str, ...] = ()) -> Table:
        return Table(
            f"conversation_{name}",
            (
                Column("conversation_id", origin=Origin.PARENT),
                Column(f"{other}_id", source=source, references=other),
            ),
            key=("conversation_id", f"{other}_id"), elements=("attributes", path),
        )  # fmt: skip

    channel = Table(
        "conversation_channel",
        (
            Column("index", Type.INT, origin=Origin.INDEX),
            Column("conversation_id", origin=Origin.PARENT),
            Column("name"),
        ),
        key=("index", "conversation_id"), elements=("attributes", "channels"),
    )  # fmt: skip
    children = (
        joined("tag", "tag", "tags"), joined("assigned_user", "user", "assignedUsers"),
        joined("assigned_team", "team", "assignedTeams"), channel,
        joined("suggested_tag", "tag", "suggestedTags", ("tag",)),
        joined("suggested_shortcut", "shortcut", "suggestedShortcuts"),
    )  # fmt: skip
    columns = (Column("id", source=("id",)), *relations, *attributes)
    return Table("conversation", columns, children=children, custom=True)


def _pages(count: int) -> list[bytes]:
    rng = random.Random(7)  # noqa: S311 - made-up records, not cryptography

    def ident() -> str:
        return f"{rng.getrandbits(96):024x}"

    def at() -> str:
        return _ISO.format(*(rng.randint(1, n) for n in (12, 28, 23, 59, 59, 999)))

    def ids(most: int) -> list[str]:
        return [ident() for _ in range(rng.randint(0, most))]

    kinds = {"Str": ident, "Num": lambda: rng.randint(0, 10**6), "At": at,
             "Bool": lambda: rng.random() < 0.5,
             "Txt": lambda: "text \N{GRINNING FACE} " * 6}  # fmt: skip

    def record(n: int) -> dict[str, object]:
        known = min(60, 20 + n * 40 // max(count, 1))
        custom = {}
        for c in rng.sample(range(known), 20):
            kind = list(kinds)[c % len(kinds)]
            custom[f"fieldNumber{c}{kind}"] = None if rng.random() < 0.1 else kinds[kind]()
        attributes: dict[str, object] = {
            "name": "Where is my order? \N{PACKAGE}", "status": "open", "direction": "in",
            "replyChannel": "email", "externalId": None, "preview": "Hello, I wonder " * 12,
            "locale": "en_US", "defaultLang": "en_us", "lastMessageDirection": "out",
            "createdAt": at(), "updatedAt": at(), "modifiedAt": at(), "lastActivityAt": at(),
            "lastMessageAt": at(), "messageCount": rng.randint(0, 40), "noteCount": 1,
            "outboundMessageCount": 3, "doneCount": 1, "reopenCount": 0, "snoozeCount": 0,
            "priority": 3, "spam": False, "ended": rng.random() < 0.5, "rev": rng.randint(1, 500),
            "firstDone": {"createdAt": at(), "createdBy": ident(), "noteCount": 1},
            "lastDone": {"createdAt": at(), "createdBy": ident(), "noteCount": 1},
            "sentiment": {"polarity": 0, "confidence": rng.random()},
            "firstMessageIn": {"id": ident(), "channel": "email", "sentAt": at(),
                               "createdAt": at()},
            "lastMessageOut": {"id": ident(), "sentAt": at()},
            "satisfactionLevel": {"status": "rated", "rating": 5, "sentAt": at()},
            "sla": {"name": "gold", "status": "done", "matchedAt": at(),
                    "metrics": {"firstResponse": {"breachAt": at()}}},
            "tags": ids(5), "assignedUsers": ids(2), "assignedTeams": ids(2),
            "channels": ["email", "chat"], "suggestedShortcuts": ids(1),
            "suggestedTags": [{"tag": i, "confidence": 0.5} for i in ids(2)],
            "custom": custom,
        }  # fmt: skip
        if rng.random() < 0.3:
            del attributes["satisfactionLevel"]
        relations = {
            r: {"links": {"self": f"/v1/{r}s/x"}, "data": {"type": r, "id": ident()}}
            for r in ("org", "customer", "createdBy", "modifiedBy", "queue", "brand")
        }
        return {"type": "conversation", "id": ident(), "attributes": attributes,
                "relationships": relations, "links": {"self": "/v1/conversations/x"}}  # fmt: skip

    return [
        orjson.dumps({"data": [record(n + k) for k in range(PAGE)]}) for n in range(0, count, PAGE)
    ]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    pages = _pages(count)
    size = sum(map(len, pages)) / count
    for _ in range(3):
        shredder = Shredder(_table(), names=Names(), custom_types=CustomTypes())
        start = time.process_time()
        for page in pages:
            parse(page)
        parsed = time.process_time()
        batches = [batch for page in pages for batch in shredder.shred(parse(page)["data"])]
        shredded = time.process_time()
        whole = concat(batches)
        done = time.process_time()
        width = len(whole.root.table.columns)
        print(
            f"{size:.0f} B a record, {width} columns, {len(whole.children)} children; CPU-s/100k: "
            f"parse {1e5 * (parsed - start) / count:.2f}, "
            f"parse + shred {1e5 * (shredded - parsed) / count:.2f}, "
            f"concat {1e5 * (done - shredded) / count:.2f}; "
            f"{count / (shredded - parsed):,.0f} records per CPU-second"
        )


if __name__ == "__main__":
    main()
