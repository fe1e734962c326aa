"""The API key: its token, its roles, whether it has expired [D unless marked]."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .answers import Refusal
from .kind import Kind

DEMO_TOKEN = "demo-key"  # noqa: S105 - a made-up key for a made-up org, printed to users
BEARER = re.compile(r"Bearer ([^ ]+)")
SEARCH_ROLES = (
    "org.permission.search.create",
    "org.admin.search.read",
    "org.permission.search.update",
    "org.permission.search_global.create",
    "org.permission.search_preview.create",
    "org.user.search.read",
)
EVENT_ROLES = ("org.permission.event.read", "org.user.event.read")
AUDIT_ROLES = ("org.permission.audit_logs.read", "org.user.audit_logs.read")


@dataclass
class Key:
    """One API key. Roles are what an endpoint needs any one of."""

    token: str = DEMO_TOKEN
    roles: set[str] = field(default_factory=set)
    expired: bool = False

    def check(self, header: str | None) -> None:
        """Refusal 401 unless the header is `Bearer <token>` with exactly one space."""
        match = BEARER.fullmatch(header or "")
        if match is None or match.group(1) != self.token:
            raise Refusal(401, "Unauthorized")
        if self.expired:
            raise Refusal(401, "Expired token")

    def allow(self, roles: tuple[str, ...]) -> None:
        """Refusal 403 unless the key has one of the roles, or a grant that covers one."""
        if roles and not any(self._has(role) for role in roles):
            raise Refusal(403, f"Forbidden: requires any of {', '.join(roles)}")

    def revoke(self, role: str) -> None:
        """Take a role away. `message.read` takes away every spelling of it."""
        self.roles = {held for held in self.roles if held != role and not held.endswith(f".{role}")}

    def grant(self, role: str) -> None:
        """Give a role."""
        self.roles.add(role if role.startswith("org.") else f"org.permission.{role}")

    def _has(self, role: str) -> bool:
        """A broad `org.permission` or `org.user` grant covers what is below it [D in use]."""
        return any(role == held or role.startswith(f"{held}.") for held in self.roles)


def all_roles(kinds: list[Kind]) -> set[str]:
    """The new-style role of everything the simulator serves."""
    listed = [kind.roles for kind in kinds] + [SEARCH_ROLES, EVENT_ROLES, AUDIT_ROLES]
    return {roles[0] for roles in listed if roles} | {"org.permission.attachment.read"}
