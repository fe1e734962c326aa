"""Changes the org while syncs run, as agents, customers and admins would."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

from kustomer_sync.simulator.made_up import KLASSES, ident, ref
from kustomer_sync.simulator.org import Org
from kustomer_sync.simulator.switches import Switches


class Mutator:
    """`step(n)` makes n changes; `start(rate)` goes on making them until `stop`."""

    def __init__(self, org: Org, seed: int, switches: Callable[[], Switches]) -> None:
        self._org, self._switches = org, switches
        self._rng = random.Random(f"{seed}/mutator")
        self._halt = threading.Event()
        self._thread: threading.Thread | None = None
        self._made = 0
        self._changes: list[tuple[int, Callable[[], None]]] = [
            (30, self._edit_conversation), (12, self._edit_customer), (10, self._new_message),
            (8, self._new_conversation), (6, self._new_customer), (6, self._edit_kobject),
            (5, self._soft_delete), (3, self._undelete), (2, self._burst), (3, self._tags),
            (2, self._users_and_teams), (2, self._new_attribute), (1, self._new_klass),
            (2, self._merge), (3, self._redact),
        ]  # fmt: skip
        self.hard_deletes = True

    def step(self, n: int = 1) -> None:
        for _ in range(n):
            weights = [w for w, _ in self._changes]
            ((_, change),) = self._rng.choices(self._changes, weights)
            with self._org.lock:
                change()
            self._made += 1

    def start(self, rate: float, most: int = 10**9) -> None:
        """`rate` changes a second in a thread of its own, `most` in all."""
        self._halt.clear()

        def run() -> None:
            for _ in range(most):
                if self._halt.wait(1 / rate):
                    return
                self.step()

        self._thread = threading.Thread(target=run, daemon=True, name="mutator")
        self._thread.start()

    def stop(self) -> int:
        """Stop; how many changes were made in all."""
        self._halt.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        return self._made

    def _some(self, kind: str) -> str:
        """An id that is there: one of the first, or one that was changed before."""
        for _ in range(50):
            changed = list(self._org.changed[kind])
            if changed and self._rng.random() < 0.5:
                record_id = self._rng.choice(changed)
            else:
                record_id = ident(kind, self._rng.randrange(self._org.made_up.count(kind)))
            if self._org.get(kind, record_id) is not None:
                return record_id
        return str(self._org.create(kind, {"name": "the last one"})["id"])

    def _ids(self, kind: str, most: int) -> list[str]:
        return list(dict.fromkeys(self._some(kind) for _ in range(self._rng.randint(0, most))))

    def _edit_conversation(self) -> None:
        choices: list[dict[str, Any]] = [
            {"tags": self._ids("tag", 4)},
            {"assignedUsers": self._ids("user", 2), "assignedTeams": self._ids("team", 1)},
            {"channels": self._rng.sample(["email", "chat", "sms"], self._rng.randint(0, 3))},
            {"status": self._rng.choice(["open", "done", "snoozed"])},
            {"name": f"renamed {self._made}", "priority": self._rng.randint(1, 5)},
        ]
        self._org.edit("conversation", self._some("conversation"), self._rng.choice(choices))

    def _edit_customer(self) -> None:
        mails = [
            {"email": f"new{self._made}.{k}@example.com", "type": "work", "verified": bool(k)}
            for k in range(self._rng.randint(0, 3))
        ]
        self._org.edit(
            "customer", self._some("customer"), {"emails": mails, "tags": self._ids("tag", 3)}
        )

    def _edit_kobject(self) -> None:
        self._org.edit("kobject", self._some("kobject"), {"title": f"changed {self._made}"})

    def _new_customer(self) -> None:
        self._org.create(
            "customer", {"name": f"New {self._made}", "emails": [], "deleted": False, "custom": {}}
        )

    def _new_conversation(self) -> None:
        self._org.create(
            "conversation", {"name": f"new {self._made}", "status": "open", "channels": ["chat"]},
            {"customer": ref("customer", self._some("customer"))},
        )  # fmt: skip

    def _new_message(self) -> None:
        conversation = self._some("conversation")
        self._org.create(
            "message", {"preview": f"hello {self._made}", "channel": "chat", "direction": "in"},
            {"conversation": ref("conversation", conversation),
             "customer": ref("customer", self._some("customer"))},
        )  # fmt: skip
        self._org.edit("conversation", conversation, {"messageCount": self._made})

    def _soft_delete(self) -> None:
        kind = self._rng.choice(["customer", "conversation", "kobject"])
        bump = self._switches().delete_bumps_updated_at
        self._org.soft_delete(kind, self._some(kind), bump=bump)

    def _undelete(self) -> None:
        kind = self._rng.choice(["customer", "conversation"])
        gone = [
            i for i in self._org.changed[kind]
            if (r := self._org.get(kind, i)) and r["attributes"].get("deleted")
        ]  # fmt: skip
        if gone:
            self._org.undelete(kind, self._rng.choice(gone))

    def _burst(self) -> None:
        """Many records changed by one bulk call, in one millisecond."""
        at = self._org.stamp()
        for _ in range(self._rng.randint(5, 30)):
            self._org.edit(
                "conversation", self._some("conversation"), {"tags": self._ids("tag", 2)}, at=at
            )

    def _tags(self) -> None:
        roll = self._rng.random()
        if roll < 0.4:
            self._org.create("tag", {"name": f"tag {self._made}", "deleted": False})
        elif roll < 0.6:
            self._org.edit("tag", self._some("tag"), {"name": f"retagged {self._made}"})
        elif roll < 0.8:
            self._org.soft_delete("tag", self._some("tag"))
        elif (
            self.hard_deletes and self._org.made_up.count("tag") - len(self._org.erased["tag"]) > 8
        ):
            self._org.erase("tag", self._some("tag"))

    def _users_and_teams(self) -> None:
        roll = self._rng.random()
        if roll < 0.3:
            self._org.create("user", {"name": f"Agent {self._made}", "roles": ["org.user"]})
        elif roll < 0.6:
            self._org.edit("team", self._some("team"), {"members": self._ids("user", 5)})
        elif roll < 0.8:
            self._org.edit("user", self._some("user"), {"displayName": f"Agent {self._made}"})
        elif self.hard_deletes:
            self._org.erase("team", self._some("team"))
            self._org.create("team", {"name": f"Team {self._made}", "members": []})

    def _new_attribute(self) -> None:
        kind = self._rng.choice(["customer", "conversation", "kobject"])
        record_id = self._some(kind)
        record = self._org.get(kind, record_id)
        custom = dict((record or {})["attributes"].get("custom") or {})
        custom[f"later{self._rng.randint(1, 6)}Str"] = f"value {self._made}"
        if custom and self._rng.random() < 0.3:
            custom.pop(self._rng.choice(list(custom)))
        self._org.edit(kind, record_id, {"custom": custom})

    def _new_klass(self) -> None:
        klass = self._org.create("klass", {"name": f"klass-{self._made}", "status": "enabled"})
        for n in range(3):
            self._org.create(
                "kobject", {"title": f"thing {n}", "custom": {"sizeNum": n}},
                {"klass": {"data": {"type": "klass", "id": klass["id"]}}},
            )  # fmt: skip

    def _merge(self) -> None:
        """One customer becomes part of another: it is deleted, its conversations move."""
        source, target = self._some("customer"), self._some("customer")
        if source == target:
            return
        bump = self._switches().merge_bumps_conversations
        for record_id in list(self._org.changed["conversation"])[:20]:
            record = self._org.get("conversation", record_id)
            data = ((record or {}).get("relationships", {}).get("customer") or {}).get("data") or {}
            if data.get("id") == source:
                self._org.edit(
                    "conversation", record_id, {}, {"customer": ref("customer", target)}, bump=bump
                )
        self._org.soft_delete("customer", source, bump=self._switches().delete_bumps_updated_at)

    def _redact(self) -> None:
        self._org.edit("message", self._some("message"), {"redacted": True, "preview": ""})


__all__ = ["KLASSES", "Mutator"]
