"""What the product promises, and the tests that prove it: `docs/reference/features.md` is made of
this, and `tests/contract/test_features.py` requires that each test is there and fails when its
feature is broken on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass

A, D = "tests/acceptance/", "tests/contract/destinations/"


@dataclass(frozen=True)
class Feature:
    name: str
    promise: str
    tests: tuple[str, ...] = ()
    """pytest node ids; () where this version lacks it, as its promise says."""


def _of(file: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{file}::test_{name}" for name in names)


REFERENCE = (
    Feature(
        "Capture deletes",
        "All fourteen re-imported tables, once a day whatever the sync frequency, at "
        "`daily_sync_time` where it is set: what vanished is flagged with its child rows, the rows "
        "stay, and what returns is un-flagged. What a list does not show is flagged only after a "
        "second list and a look by id agree, all of one list in one transaction. Elements that "
        "left a living record's array are removed.",
        _of(
            f"{A}test_reimport.py",
            "what_vanishes_is_flagged_with_its_children_a_day_later_and_returns",
            "an_element_that_left_is_removed_not_flagged",
            "listed_tables_are_read_once_a_day_whatever_the_frequency",
            "the_flags_of_a_listing_change_in_one_transaction",
            "a_part_of_a_list_that_is_refused_flags_nothing",
        ) + _of(
            f"{A}test_listings.py", "a_list_that_shrank_once_flags_nothing",
            "what_a_list_lacks_and_a_look_by_id_shows_is_not_flagged",
            "a_list_that_is_refused_flags_nothing",
        ) + _of(f"{A}test_time.py", "the_daily_reading_is_due_at_its_time"),
    ),
    Feature(
        "History mode",
        "The six `conversation*_history` tables always; any other by `history = true`, switched on "
        "and off at any time. Versions tile, a late older one goes between, a replay changes "
        "nothing, a soft delete is a version, only a hard delete closes.",
        _of(
            f"{D}test_promises.py", "versions_tile_time_and_a_late_one_goes_between",
        ) + _of(
            f"{D}test_histories.py",
            "a_record_without_a_time_has_a_version_from_the_sync_that_saw_it",
            "an_element_is_known_by_its_content", "a_history_that_begins_has_what_is_there",
            "elements_of_a_record_that_returns_as_it_was_are_open_again",
        ) + _of(
            f"{A}test_histories.py", "switched_off_it_stays_and_switched_on_again_it_goes_on",
            "a_history_begins_with_what_is_there", "what_is_taken_in_lands_whole_or_not_at_all",
        ),
    ),
    Feature(
        "Custom data",
        "A column `custom_*` for each custom attribute, from metadata and from the records; types "
        "by suffix and metadata, never by values; several values as JSON; names that collide are "
        "numbered for ever. A table `kobject_KLASS` for each klass, whose rows stay when the klass "
        "is no longer listed.",
        _of(
            f"{A}test_attributes.py", "a_new_attribute_of_several_values_lands_as_what_it_is",
            "what_was_learnt_of_an_attribute_is_kept_between_syncs",
        ) + _of(
            "tests/unit/shred/test_promises.py",
            "types_come_from_the_suffix_and_metadata_never_from_values",
            "colliding_names_are_numbered_in_order_of_first_sight",
        ) + _of(f"{A}test_protect.py", "a_klass_that_is_no_longer_listed_keeps_its_rows"),
    ),
    Feature(
        "Data blocking",
        "Tables and columns, `enabled = false`: blocked values reach no disk, log or reject. A "
        "blocked table is read only for the children and histories that are wanted. Keys can't be "
        "blocked. What is wanted again is filled, and nothing else is read; what that costs is "
        "said before.",
        _of(
            f"{A}test_protect.py", "protected_values_land_nowhere",
            "a_blocked_column_rewrites_nothing_and_is_empty_in_rows_written_later",
            "children_and_histories_sync_without_their_parent",
            "what_is_wanted_again_is_filled_and_nothing_else_is_read",
            "a_back_fill_asks_for_nothing_else",
        ) + _of("tests/unit/cli/test_settings.py", "a_wrong_value_is_one_sentence_that_names_it"),
    ),
    Feature(
        "Column hashing",
        "`hashed = true`: HMAC-SHA-256 with `hash_salt`, the same for the same value everywhere, "
        "NULL stays NULL. Switched on later it rewrites what is there; another salt is refused.",
        _of(
            f"{A}test_protect.py", "protected_values_land_nowhere",
            "turning_hashing_on_rewrites_what_is_there_and_reading_it_again_changes_nothing",
            "another_salt_is_refused_and_writes_nothing",
        ),
    ),
    Feature(
        "Re-sync",
        "`resync`: a connection, a table, a table since a date. Old rows stay until new ones "
        "replace them; what Kustomer lacks is flagged at the end; stopped or killed, the next sync "
        "goes on with it.",
        _of(
            f"{A}test_resync.py", "a_resync_mends_whatever_is_wrong",
            "a_resync_since_a_date_mends_what_is_newer",
            "readers_keep_their_rows_until_new_ones_replace_them",
            "a_resync_of_an_api_that_fails_flags_nothing",
            "a_resync_of_an_unchanged_org_rewrites_no_row",
        ),
    ),
    Feature("API configurable", "Not yet: by the config file, not by a REST API."),
    Feature(
        "Priority-first sync",
        "The reference connector has none for Kustomer. The newest records first, then backwards; "
        "`status` says how far back the data reaches and when it will be whole. What was read is "
        "not read again after a crash or another quota.",
        _of(
            f"{A}test_status.py",
            "an_unfinished_backfill_says_what_is_open_and_when_it_will_be_whole",
        ) + _of("tests/unit/kustomer/test_windows.py", "the_newest_are_read_first")
        + _of(f"{A}test_resume.py", "each_commit_saves_what_was_completed"),
    ),
    Feature("Data models", "Not yet."),
    Feature(
        "Private networking",
        "Not yet, but for a proxy to Kustomer and certificates of your own.",
    ),
    Feature("Authorization via API", "Not yet: there is no service yet."),
)  # fmt: skip
"""The rows of the reference connector's own table of features."""

BEYOND = (
    Feature(
        "Both schema generations",
        "`service_version = 1` has the tables and columns of before August 2022, 2 the current "
        "ones.",
        _of("tests/unit/test_choice.py", "service_version_1_has_no_histories")
        + _of(
            "tests/contract/test_legacy_schema.py",
            "a_query_on_the_old_schema_finds_every_column",
        ),
    ),
    Feature(
        "Adopt",
        "`adopt` goes on in a schema that the reference connector filled: the same tables, no row "
        "twice, number columns stay numbers while values fit; a dry run first.",
        _of(
            f"{A}test_adopt.py", "an_adopted_schema_ends_equal_to_the_org",
            "it_goes_on_a_day_before_the_oldest_table_was_synced",
            "a_number_column_of_a_text_attribute_stays_one_while_values_fit",
            "what_is_ours_already_is_refused",
        ),
    ),
    Feature(
        "Schema changes",
        "`ALLOW_ALL`, `ALLOW_COLUMNS`, `BLOCK_ALL` for new klasses and custom attributes. Columns "
        "widen in place, nothing is dropped. What somebody else changed in the destination is "
        "found, named, and set right.",
        _of(
            f"{A}test_protect.py", "what_is_new_lands_as_the_connection_says",
            "going_back_to_all_brings_what_was_kept_out",
        ) + _of(
            f"{A}test_foreign.py", "a_table_that_was_dropped_is_named_and_filled",
            "what_is_somebody_s_own_is_left_alone",
        ),
    ),
    Feature(
        "Quota",
        "25 to 90 % of both limits, changed while a sync runs; `status` shows the budget, what is "
        "used, and when it resets. Where others use it up the sync ends RESCHEDULED, and the next "
        "goes on.",
        _of(
            f"{A}test_status.py",
            "a_share_changed_in_the_file_counts_for_the_sync_that_runs",
        ) + _of(
            "tests/unit/kustomer/test_quota.py", "searches_stay_within_their_share_in_any_minute",
            "too_long_without_a_possible_request_reschedules",
        ),
    ),
    Feature(
        "Proof that source and destination agree",
        "`verify` compares counts and whole records, names what differs, and raises no alarm for "
        "what changed since; `verify --repair` reads it again.",
        _of(
            f"{A}test_verify.py", "each_damage_is_named_repaired_and_then_gone",
            "a_living_org_raises_no_alarm",
        ),
    ),
    Feature(
        "Nothing lost in the 10,000-record window",
        "However many records one search hides, and however many share one millisecond.",
        _of(
            "tests/unit/kustomer/test_windows.py",
            "every_record_is_found_at_every_page_size_and_cap",
            "records_alike_in_both_times_beyond_the_cap_are_told_apart_by_id",
        ) + _of(f"{A}test_deletes.py", "equal_times_beyond_the_cap_lose_nothing"),
    ),
    Feature(
        "Deletes of searched objects",
        "Once a day source and destination are compared by counts: quiet soft deletes, erased "
        "records, and what a customer merge moved are found, whether or not a delete moves "
        "`updatedAt`.",
        _of(
            f"{A}test_deletes.py", "an_erased_record_is_flagged_with_its_children_and_returns",
            "a_soft_delete_that_moves_no_time_is_found_by_the_daily_comparison",
            "what_a_merge_moved_is_the_other_customer_s",
            "nothing_is_flagged_when_a_look_by_id_shows_nothing_at_all",
        ),
    ),
    Feature(
        "Data older than two years",
        "By the archive search; notes, which it lacks, from their list or by conversation.",
        _of(f"{A}test_time.py", "records_on_either_side_of_two_years_land")
        + _of(f"{A}test_readings.py", "notes_of_over_two_years_ago_come_from_their_list"),
    ),
    Feature(
        "Crashes",
        "A kill at any moment loses, doubles, or wrongly deletes nothing; a stale sync that wakes "
        "up writes nothing.",
        _of(f"{A}test_resume.py", "a_commit_that_failed_leaves_nothing_that_says_it_was_made")
        + _of(f"{D}test_promises.py", "only_the_newest_sync_may_write"),
    ),
    Feature(
        "Extras",
        "Columns and tables beyond the reference schema, on by default, off with `extras = false`; "
        "conversation events and the audit log where they are named.",
        _of("tests/unit/test_choice.py", "without_extras_only_the_reference_s_columns_are_left")
        + _of(
            f"{A}test_readings.py", "events_and_the_audit_log_land_only_where_they_are_named",
            "the_audit_log_is_there_to_its_last_entry",
        ),
    ),
)  # fmt: skip
"""What the reference connector lacks, or does not promise."""

FEATURES = (*REFERENCE, *BEYOND)
