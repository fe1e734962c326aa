"""Every answer that the API's documentation leaves open, as a switch. Defaults are the likelier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Switches:
    record_cap: int | None = 10_000
    """How many records one search shows (observed by others at 10,000)."""
    page_cap: int = 100
    """Pages of one search (documented)."""
    page_cap_status: int = 400
    """What a page past the caps answers (unknown: 400 or 404)."""
    past_last_page: Literal["empty", "error"] = "empty"
    max_search_page_size: int = 500
    """Larger ones are clamped (observed)."""
    max_list_page_size: int = 100
    total_capped: int | None = None
    """`meta.total` never says more than this (newer calls use 10,000)."""
    list_totals: bool = False
    """Lists other than customers report totals (documented: not)."""
    page_size_in_meta: bool = True
    delete_bumps_updated_at: bool = True
    """Whether a soft delete moves `updatedAt` (unknown)."""
    get_deleted: Literal["record", "404"] = "record"
    users_list_deleted: bool = False
    tags_list_deleted: bool = True
    teams_list_deleted: bool = True
    retry_after: bool = False
    search_headers: Literal["search", "org", "none"] = "search"
    """Which budget the headers of a search reply describe (unknown)."""
    reset_unit: Literal["epoch", "seconds", "ms"] = "epoch"
    error_shape: Literal["A", "B", "empty", "html"] = "A"
    index_lag_ms: int = 0
    """A write shows in searches after up to this long, each record a time of its own."""
    archive: bool = True
    archive_overlap_days: int = 0
    """How far the archive reaches into the last two years."""
    attachments_in_search: bool = True
    """Searches honour `include=attachments` (unknown)."""
    klass_in_type: bool = True
    """KObjects have the type `kobject.<klass>` (inferred), else plain `kobject`."""
    merge_bumps_conversations: bool = True
    date_header: bool = True
    tokens_current: bool = True


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests a minute. Documented: 300-2,000 by plan for the org, 100 searches for an API key."""

    org: int = 1000
    search: int = 100
    others: int = 0
    """What other integrations of the org use up in each minute."""
