"""Every error a user can meet, grouped by what happens next.

SyncError
├── UsageError          wrong flags, config or key: nothing was written; exit code 2
│   ├── ConfigError     the TOML file or a flag
│   ├── KeyRefused      Kustomer said 401
│   ├── SourceUnreachable   no answer at the first request
│   └── DestinationUnusable the database can't be opened, or something in it is in the way
├── SyncFailed          it began and could not finish; exit code 1
│   ├── SourceFailed    Kustomer kept failing past every deadline
│   │   └── PathFailed  one of its paths did, while others answer: it costs what is read there
│   └── DestinationFailed   the database refused a write
├── Rescheduled         no request was possible for too long; resumable; exit code 3
├── Interrupted         a signal stopped it; resumable; exit code 3
└── Superseded          another sync of this connection took over; exit code 1
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, known: Iterable[str], prefix: str = "") -> str:
    """The end of a sentence that named an unknown word.

    `prefix`: what all of them begin with, which makes none of them alike.
    """
    rest = {one.removeprefix(prefix): one for one in known}
    found = get_close_matches(word.lower().removeprefix(prefix), list(rest), n=1, cutoff=0.5)
    return f'; did you mean "{rest[found[0]]}"?' if found else "."


class SyncError(Exception):
    """One sentence that says what is wrong, and a hint that says what to do next."""

    code = "error"
    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


def cause(error: Exception) -> str:
    """What is wrong, in brackets after what it costs: without what to do next."""
    return error.message.rstrip(".") if isinstance(error, SyncError) else str(error)


class UsageError(SyncError):
    code = "usage"
    exit_code = 2


class ConfigError(UsageError):
    code = "config"


class KeyRefused(UsageError):  # noqa: N818 - reads as the sentence it is
    code = "key_refused"


class SourceUnreachable(UsageError):  # noqa: N818 - reads as the sentence it is
    code = "source_unreachable"


class DestinationUnusable(UsageError):  # noqa: N818 - reads as the sentence it is
    code = "destination_unusable"


class SyncFailed(SyncError):  # noqa: N818 - reads as the sentence it is
    code = "sync_failed"


class SourceFailed(SyncFailed):
    code = "source_failed"


class PathFailed(SourceFailed):
    pass


class DestinationFailed(SyncFailed):
    code = "destination_failed"


class Rescheduled(SyncError):  # noqa: N818 - reads as the sentence it is
    code = "rescheduled"
    exit_code = 3

    def __init__(self, message: str, wait: str) -> None:
        """`wait`: when to run it again, as `in 5 minutes`."""
        super().__init__(
            message, f"Run `kustomer-sync sync` again {wait}; it goes on where it stopped."
        )
        self.wait = wait


class Interrupted(SyncError):  # noqa: N818 - reads as the sentence it is
    code = "interrupted"
    exit_code = 3


class Superseded(SyncError):  # noqa: N818 - reads as the sentence it is
    code = "superseded"
