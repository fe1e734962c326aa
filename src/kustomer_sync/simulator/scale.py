"""How large the made-up org is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Counts of base records; a base record costs no memory until it is changed."""

    customers: int = 60
    conversations: int = 150
    messages: int = 600
    notes: int = 80
    companies: int = 12
    kobjects: int = 100
    attachments: int = 150
    conversation_times: int = 200
    users: int = 24
    teams: int = 6
    tags: int = 30
    work_sessions: int = 40
    burst: int = 40
    """Records of each searched kind that share one `updatedAt`, at about 60 % of its history."""

    @staticmethod
    def named(name: str) -> Scale:
        """`small`, `medium` (100,000 conversations) or `large` (1,000,000)."""
        try:
            return SCALES[name]
        except KeyError:
            raise ValueError(f"scale {name!r} is not one of {', '.join(SCALES)}") from None


def _times(conversations: int, burst: int) -> Scale:
    return Scale(
        customers=conversations // 4,
        conversations=conversations,
        messages=conversations * 2,
        notes=conversations * 3 // 10,
        companies=conversations // 50,
        kobjects=conversations // 2,
        attachments=conversations // 2,
        conversation_times=conversations,
        users=240,
        teams=30,
        tags=150,
        work_sessions=conversations // 100,
        burst=burst,
    )


SCALES = {
    "small": Scale(),
    "medium": _times(100_000, burst=1_500),
    "large": _times(1_000_000, burst=4_000),
}
