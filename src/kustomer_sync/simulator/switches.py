"""Every fact about Kustomer that nobody is sure of, as a field with the likelier answer.

A connector should hold under both answers of each. Marks as in the reference: [D] documented,
[O] observed, [I] inferred, [U] unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

AssistantsPath = Literal["/v1/chat/assistants", "/v1/assistants"]


@dataclass(frozen=True)
class Switches:
    """What this Kustomer answers where the documentation is silent. Replace, never mutate."""

    # --- search: how far and how much
    page_cap: int = 100
    """Pages a search yields [D]; tests use small ones."""
    page_cap_status: int = 400
    """Status for a page past the cap: 400 or 404 [U; one script saw each]."""
    past_last_page: Literal["empty", "404", "400"] = "empty"
    """A page past the last one of the result, in searches and lists [U; one script saw each]."""
    record_cap: int | None = 10_000
    """Records a search yields whatever the page size [U; O by Glue]."""
    past_record_cap: Literal["error", "empty"] = "error"
    """A page past `record_cap`: `page_cap_status`, or an empty page [U]."""
    max_search_page_size: int = 500
    """Larger page sizes are clamped [O]."""
    total_capped: int | None = None
    """`meta.total` never says more than this, e.g. 10_000 [U]."""
    search_says: Literal["total", "links", "nothing"] = "total"
    """A search's reply says how many records there are, and in links whether it goes on [D]; only
    the latter; or is `data` alone [U]."""
    subsecond_exact: bool = True
    """Whether date comparisons see milliseconds [I]; False compares whole seconds."""
    shuffle_ties: bool = True
    """Records with equal sort keys come in another order at each request [I]."""
    ids_only: Literal["supported", "ignored", "refused"] = "supported"
    """`idsOnly=true`: only `type` and `id`, full records all the same, or 400 [D, shape U]."""
    sorts: Literal["all", "customers"] = "all"
    """Which searches can be sorted; the others answer 400 [D for customers]."""
    search_needs_object_role: bool = False
    """A search needs the role of what it finds, beside its own [U]."""
    company_context: bool = True
    """`queryContext: company` exists [O]."""
    conversation_time_context: bool = False
    """`queryContext: conversation_time` exists [U]."""
    ids_searchable: bool = False
    """`conversation_id` and its like work in the standard search too [D only for the archive]."""
    string_ranges: bool = False
    """`gt`, `lt` ... compare strings and ids too (else 400) [U]."""
    search_includes_attachments: bool | Literal["refused"] = False
    """Messages of a search carry `relationships.attachments` and `included`, or the parameter
    `include` gets 400 [U]."""

    # --- search: the index
    index_lag_ms: int = 0
    """A write can be searched this long after it happened [U]."""
    index_lag_random: bool = False
    """Draw each write's lag between 0 and `index_lag_ms`: later writes may show earlier."""
    late_write_ms: int = 20_000
    """The longest extra lag of the mutator's late-indexed writes."""
    horizon_days: int | None = 730
    """The standard search holds records updated in the last two years [D]; None: all of them."""
    archive_available: bool = True
    """Whether the archive search exists (else 404)."""
    archive_boundary: Literal["exact", "overlapping"] = "exact"
    """Whether the archive also holds a day of records younger than two years [U]."""

    # --- deletes and merges
    delete_bumps_updated_at: bool = True
    """A soft delete moves `updatedAt` [U, likely]."""
    delete_moves_in_index: bool = True
    """A soft-deleted record is searched by its new `updatedAt`; False: by its old one [U]."""
    note_deletes_visible: bool = True
    """`includeDeleted` shows deleted notes [U]."""
    company_deletes_visible: bool = True
    """`includeDeleted` shows deleted companies [U]."""
    get_deleted: Literal["record", "404"] = "record"
    """GET by id of a soft-deleted record [U]."""
    attachments_included: bool = True
    """Attachments that a message names are in `included` [D]; False: their ids are all there is."""
    get_includes_attachments: bool = True
    """GET of a message by id with `include=attachments` names them [D for lists alone]."""
    core_lists_include_deleted: bool = False
    """Lists of customers, conversations, notes ... contain soft-deleted ones [U]."""
    users_list_includes_deleted: bool = False
    """The unfiltered list of users contains deleted ones [U]."""
    tags_list_includes_deleted: bool = True
    """The unfiltered list of tags contains deleted ones [I]."""
    teams_list_includes_deleted: bool = True
    """The list of teams contains deleted ones [O]."""
    merge_bumps_updated_at: bool = True
    """A customer merge moves `updatedAt` of the conversations it moves [I]."""
    hard_deletes: bool = True
    """The mutator erases records for good now and then."""

    # --- lists
    list_max_page_size: int | None = None
    """One maximum for all lists; None: each endpoint's own (100, users and teams 500) [D]."""
    list_depth_cap: int | None = 10_000
    """Records a list yields before `next` ends [O by Glue]."""
    list_links: Literal["text", "object", "none"] = "text"
    """A list's links are text [D], objects with `href` as JSON:API has them too, or its reply is
    `data` alone [U]."""
    list_page_size_reported: bool = True
    """`meta.pageSize` and `meta.page` are in the reply [D]."""
    work_session_order: Literal["asc", "desc"] = "asc"
    """Order of the work session list [U]."""
    events_linked: bool = False
    """The list of a conversation's events says in `meta` and `links` where it is and goes on [its
    published reply has neither]."""
    events_kept_days: int | None = None
    """How long a conversation's events are listed; None: for ever [U]."""
    audit_order: Literal["asc", "desc"] = "desc"
    """Order of the audit log [I from the ids of its one published reply]."""
    assistants_path: AssistantsPath | None = "/v1/chat/assistants"
    """Where assistants are listed; None: no endpoint has them (404) [U]."""
    klass_link_singular: bool = True
    """A KObject's `relationships.klass` says `link`, not `links` [D, O]."""
    emulation_as_word: bool = False
    """A conversation's `assistant.emulation` is a word; False: a boolean, as the reference
    connector's column [U]."""
    tags_as_names: bool = False
    """Records last updated over a year ago carry tag names instead of ids [I]."""

    # --- headers and errors
    date_header: bool = True
    """Replies carry `Date`."""
    ratelimit_headers: bool = True
    """Replies carry `x-ratelimit-*` ("in most APIs" [D])."""
    ratelimit_headers_on_search: Literal["search", "org"] = "search"
    """Which limit those headers describe on a search [U]."""
    reset_unit: Literal["seconds", "delta", "ms"] = "seconds"
    """`x-ratelimit-reset`: epoch seconds [D/I], seconds from now, or epoch milliseconds."""
    retry_after: bool = False
    """A 429 carries `Retry-After` [U]."""
    search_counts_towards_org: bool = True
    """A search uses up both limits [U]."""
    error_shape: Literal["A", "B"] = "A"
    """A: code, message, meta. B: JSON:API status, code, title, detail [D both]."""
    empty_error_bodies: bool = False
    """Errors have no body at all [O]."""


@dataclass(frozen=True)
class Limits:
    """The two budgets, in requests per fixed window of server time [D]."""

    org: int = 1_000
    """All keys and users of the org (Enterprise) [D]."""
    search: int = 100
    """Searches by API keys [D]."""
    window_seconds: int = 60
    others: int = 0
    """Requests the org's other integrations use up in each window, evenly over its time."""
    other_searches: int = 0
    """The same for searches."""
