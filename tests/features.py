"""What the product promises, and the tests that prove it: `docs/reference/features.md` is made of
this, and `tests/contract/test_features.py` requires that each test is there and, but for those
`by_chance`, is one that must fail when something is broken on purpose.
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
    by_chance: tuple[str, ...] = ()
    """More of them, which no mutation names: drawn stories, kills at random moments."""


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
            f"{A}test_reimport.py", "a_custom_attribute_that_is_deleted_is_flagged",
            "what_vanishes_is_flagged_with_its_children_a_day_later_and_returns",
            "an_element_that_left_is_removed_not_flagged",
            "listed_tables_are_read_once_a_day_whatever_the_frequency",
            "the_flags_of_a_listing_change_in_one_transaction",
            "a_part_of_a_list_that_is_refused_flags_nothing",
            "an_api_that_is_down_meanwhile_flags_nothing",
            "a_second_listing_that_repeats_a_page_flags_nothing",
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
        "nothing, a soft delete is a version, only a hard delete closes; a history that begins "
        "later takes what is flagged by then as closed. An element's history has its custom "
        "attributes, and gaps where it was not there.",
        _of(
            f"{D}test_promises.py", "versions_tile_time_and_a_late_one_goes_between",
            "a_soft_delete_is_a_new_active_version",
            "a_hard_delete_closes_the_active_version_and_stays_closed",
            "a_tag_taken_off_and_put_back_has_a_gap",
            "a_late_copy_without_the_tag_splits_its_span",
            "a_join_history_is_kept_without_its_record_s",
        ) + _of(
            f"{D}test_histories.py",
            "a_record_without_a_time_has_a_version_from_the_sync_that_saw_it",
            "an_element_is_known_by_its_content", "a_history_that_begins_has_what_is_there",
            "a_history_that_goes_on_takes_in_what_changed_meanwhile",
            "elements_of_a_record_that_returns_as_it_was_are_open_again",
        ) + _of(
            f"{A}test_together.py", "a_repair_leaves_no_hole_in_a_history_that_is_paused",
        ) + _of(
            f"{A}test_histories.py", "switched_off_it_stays_and_switched_on_again_it_goes_on",
            "a_history_begins_with_what_is_there", "what_is_taken_in_lands_whole_or_not_at_all",
        ) + _of(
            f"{A}test_attributes.py", "attributes_of_elements_have_their_history",
            "the_history_of_tags_has_their_attributes",
            "a_history_that_begins_has_the_attributes_of_elements",
        ),
        _of(
            f"{D}test_stories.py", "the_destination_holds_what_the_model_says",
            "it_does_so_through_hundreds_of_stories", "histories_may_be_switched_at_any_time",
            "histories_may_be_switched_in_many_stories",
            "they_may_be_so_through_thousands_of_stories",
        ),
    ),
    Feature(
        "Custom data",
        "A column `custom_*` for each custom attribute of customers, companies, conversations and "
        "their history, messages, notes, KObjects, and of the elements and attachments in child "
        "tables, from metadata and from the records; types "
        "by suffix and metadata, never by values; several values as JSON; names that collide are "
        "numbered for ever. 100 attributes per object, and more; Id and Tree attributes are "
        "text; one that is deleted and created again with another type widens its column in place. "
        "A table `kobject_KLASS` for each klass, whose rows stay when the klass "
        "is disabled or no longer listed.",
        _of(
            f"{A}test_attributes.py", "a_new_attribute_of_several_values_lands_as_what_it_is",
            "elements_may_have_attributes_of_their_own",
            "attachments_may_have_attributes_of_their_own",
            "what_was_learnt_of_an_attribute_is_kept_between_syncs",
            "a_hundred_attributes_land_as_what_their_names_say",
            "an_attribute_that_is_created_again_with_another_type_loses_no_value",
            "a_new_klass_is_typed_by_its_metadata",
            "attributes_of_elements_that_were_kept_out_are_filled_when_they_are_let_in",
        ) + _of(
            "tests/unit/shred/test_promises.py",
            "types_come_from_the_suffix_and_metadata_never_from_values",
            "colliding_names_are_numbered_in_order_of_first_sight",
        ) + _of(
            f"{A}test_protect.py", "a_klass_that_is_no_longer_listed_keeps_its_rows",
            "a_klass_that_is_disabled_keeps_its_rows",
        )
        + _of(
            f"{A}test_untold.py", "kobjects_whose_klass_has_no_name_yet_get_their_table_later"
        ),
    ),
    Feature(
        "Data blocking",
        "Tables and columns, `enabled = false`: blocked values reach no disk, log or reject. A "
        "blocked table is read only for the children and histories that are wanted. Keys can't be "
        "blocked. What is wanted again is filled, and nothing else is read; what that costs is "
        "said before. By the config file; by REST: not yet.",
        _of(
            f"{A}test_protect.py", "protected_values_land_nowhere",
            "a_blocked_column_rewrites_nothing_and_is_empty_in_rows_written_later",
            "children_and_histories_sync_without_their_parent",
            "what_is_wanted_again_is_filled_and_nothing_else_is_read",
            "a_back_fill_asks_for_nothing_else",
        ) + _of(
            f"{A}test_settings_change.py",
            "what_attachments_lack_is_asked_for_by_conversation",
            "columns_of_klasses_whose_common_table_is_blocked_are_filled",
            "what_never_was_is_not_read_again_when_its_section_goes",
            "a_history_that_was_whole_when_its_table_was_blocked_is_not_read_again",
        ) + _of(
            f"{A}test_attributes.py", "attributes_of_elements_are_blocked_and_hashed_as_others",
        ) + _of(
            f"{A}test_together.py", "a_blocked_root_keeps_its_history_if_that_is_asked_for",
            "a_klass_that_returns_knows_what_went_meanwhile",
            "times_that_return_know_which_conversations_went",
        ) + _of(
            f"{A}test_untold.py",
            "what_came_while_its_followers_were_left_out_is_asked_for_later",
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
        ) + _of(f"{A}test_together.py", "a_history_that_begins_has_the_digests_of_its_table")
        + _of(
            f"{A}test_attributes.py",
            "histories_have_protected_attributes_of_elements_as_their_table",
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
            "a_resync_that_ended_early_goes_on_with_the_next_sync",
        ),
        _of(f"{A}test_resync.py", "kills_during_a_resync_leave_nothing_wrong"),
    ),
    Feature("API configurable", "Not yet: by the config file, not by a REST API."),
    Feature(
        "Priority-first sync",
        "The reference connector has none for Kustomer. The newest records first, then backwards; "
        "`status` says how far back the data reaches, what is to come, and when it will be whole, "
        "as far as searches have counted. After a crash, or with another quota, at most the "
        "windows in work are read again.",
        _of(
            f"{A}test_status.py",
            "an_unfinished_backfill_says_what_is_open_and_when_it_will_be_whole",
            "what_is_not_counted_yet_has_no_time",
            "a_table_that_can_not_be_read_says_so_and_keeps_no_other_from_its_time",
        ) + _of(
            "tests/unit/kustomer/test_windows.py", "the_newest_are_read_first",
            "all_that_is_to_be_read_is_counted_once",
            "a_long_reading_is_counted_whole_before_it_goes_on",
        ) + _of(
            f"{A}test_resume.py", "each_commit_saves_what_was_completed",
            "what_was_read_is_not_read_again_and_what_was_not_is",
        ) + _of(
            f"{A}test_status.py", "when_others_use_the_budget_up_it_goes_on_later_without_loss",
        ),
    ),
    Feature("Data models", "Not yet."),
    Feature(
        "Private networking",
        "Not yet, but for a proxy to Kustomer and certificates of your own.",
        _of(
            f"{A}test_settings_work.py", "everything_goes_through_the_proxy",
            "a_certificate_of_one_s_own_is_trusted_where_it_is_named",
        ),
    ),
    Feature("Authorization via API", "Not yet: there is no service yet."),
    Feature(
        "Supported deployment models",
        "Self-hosted: one command on a machine of your own, started by cron or a supervisor, with "
        "exit codes for each outcome; a signal stops it resumably. A service of your own: not yet. "
        "Nobody hosts it for you.",
        _of(
            f"{A}test_command.py", "an_unreachable_host_and_a_bad_key_write_nothing",
            "a_signal_stops_resumably",
        ),
    ),
    Feature(
        "Setup and region",
        "The org's name and an API key, in a file that `init` writes; `eu_region` for an org in "
        "the EU. `check` names each role that the key lacks and what that costs, and writes "
        "nothing.",
        _of("tests/unit/cli/test_interview.py", "the_file_has_another_name_than_the_schema")
        + _of(
            f"{A}test_settings_work.py", "the_region_and_the_org_say_where_the_api_is",
        ) + _of(
            f"{A}test_check.py", "what_check_names_is_what_a_sync_lacks",
            "an_address_that_is_no_kustomer_is_refused_and_writes_nothing",
        ),
    ),
    Feature(
        "Incremental sync",
        "Conversations, customers, KObjects, messages, notes and work sessions, with their child "
        "tables and a `kobject_KLASS` for each klass: each sync reads what changed since the last "
        "one, and a table where nothing changed costs one request, work sessions two.",
        _of(
            f"{A}test_truth.py",
            "what_changed_in_the_six_incremental_tables_is_all_that_is_read",
            "a_second_sync_of_an_unchanged_org_changes_nothing_and_only_polls",
        ) + _of(
            f"{A}test_readings.py",
            "little_of_the_work_sessions_is_read_between_two_daily_readings",
        ),
    ),
)  # fmt: skip
"""The rows of the reference connector's own table of features, and what its overview promises."""

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
        "twice, number columns stay numbers while values fit, columns and tables of "
        "somebody's own stay as they are; a dry run first.",
        _of(
            f"{A}test_adopt.py", "an_adopted_schema_ends_equal_to_the_org",
            "it_goes_on_a_day_before_the_oldest_table_was_synced",
            "a_number_column_of_a_text_attribute_stays_one_while_values_fit",
            "what_is_ours_already_is_refused", "what_is_not_ours_is_left_alone",
        ) + _of(f"{A}test_command.py", "adopt_tells_first_and_does_it_then")
        + _of(f"{A}test_untold.py", "an_adopted_schema_without_a_klass_s_table_gets_it_whole"),
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
            "a_column_of_another_type_is_named_and_set_right",
            "rows_whose_key_was_dropped_are_replaced",
            "a_flag_that_was_dropped_is_made_again_from_the_truth",
            "what_is_somebody_s_own_is_left_alone",
        ) + _of(f"{D}test_promises.py", "an_int_column_widens_and_later_ints_still_fit")
        + _of(
            f"{A}test_together.py",
            "somebody_s_column_keeps_its_values_through_repairs_and_new_histories",
            "a_flag_in_passing_hides_no_column_that_somebody_dropped",
        ),
    ),
    Feature(
        "Quota",
        "25 to 90 % of both limits, changed while a sync or `verify` runs; `status` shows the "
        "budget by the share of now, what was used of it when, and when it resets. Where others "
        "use it up a sync says that it waits and until when; only when no request could be sent "
        "for `max_wait_minutes` it ends RESCHEDULED, and the next goes on.",
        _of("tests/unit/cli/test_settings.py", "the_share_is_from_25_to_90")
        + _of("tests/unit/test_choice.py", "the_client_keeps_the_connection_s_share")
        + _of("tests/unit/kustomer/test_client.py", "the_share_of_the_budget_is_kept")
        + _of(
            "tests/unit/kustomer/test_quota.py", "searches_stay_within_their_share_in_any_minute",
            "too_long_without_a_possible_request_reschedules",
            "a_reset_beyond_the_wait_is_not_waited_for_when_the_budget_frees_earlier",
        ) + _of(f"{A}test_command.py", "a_wait_is_told_while_it_lasts")
        + _of(
            f"{A}test_status.py",
            "a_share_changed_in_the_file_counts_for_the_sync_that_runs",
            "a_comparison_takes_a_changed_share_too",
            "a_share_changed_in_the_file_counts_for_what_is_told",
            "a_sync_that_was_killed_is_not_over",
            "when_others_use_the_budget_up_it_goes_on_later_without_loss",
        ),
    ),
    Feature(
        "Proof that source and destination agree",
        "`verify` compares counts and whole records, names what differs, and raises no alarm for "
        "what changed since; the exit code is 1 where something differs; `verify --repair` reads "
        "it again, and fills what somebody took out of a table.",
        _of(
            f"{A}test_verify.py", "each_damage_is_named_repaired_and_then_gone",
            "a_history_that_does_not_end_with_its_rows_is_named_and_repaired",
            "a_living_org_raises_no_alarm",
            "the_command_tells_its_price_and_by_its_exit_code_what_it_found",
            "attachments_of_a_message_that_returned_are_there_again",
            "times_of_a_conversation_that_is_there_are_there",
            "a_repair_flags_nothing_of_a_record_that_it_does_not_read",
            "attachments_that_were_lost_are_named_and_repaired",
            "attachments_that_nothing_tells_are_no_difference_and_said",
            "a_message_is_made_anew_and_keeps_its_attachments",
            "no_more_is_asked_than_was_announced", "rows_without_an_id_are_a_difference",
            "what_somebody_did_to_a_table_is_named", "a_repair_fills_what_somebody_took_out",
        ) + _of(f"{A}test_untold.py", "a_quiet_soft_delete_is_a_difference"),
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
        "records are found, whether or not a delete moves "
        "`updatedAt`. A table that lost more than half is searched again and reported before "
        "anything is flagged. What the comparison costs in requests is printed before it is paid.",
        _of(
            f"{A}test_deletes.py", "an_erased_record_is_flagged_with_its_children_and_returns",
            "a_soft_delete_that_moves_no_time_is_found_by_the_daily_comparison",
            "nothing_is_flagged_when_a_look_by_id_shows_nothing_at_all",
            "the_comparison_tells_its_requests_before_it_sends_them",
            "a_table_that_shrank_by_half_is_searched_again_and_reported_first",
        ) + _of(
            f"{A}test_untold.py",
            "a_record_that_is_hidden_keeps_no_other_from_being_flagged",
        ),
    ),
    Feature(
        "Merged customers",
        "What a merge of customers moved becomes the other customer's, whether or not the merge "
        "moved `updatedAt` of what it took along; one that can't be followed at once is "
        "remembered until it could be.",
        _of(
            f"{A}test_deletes.py", "what_a_merge_moved_is_the_other_customer_s",
            "a_merge_is_remembered_until_its_records_could_be_read",
            "a_merge_met_by_a_sync_of_customers_alone_is_remembered",
            "a_merge_that_can_not_be_followed_is_tried_once_a_day",
            "a_comparison_that_failed_forgets_no_merge",
        ) + _of(
            f"{A}test_untold.py", "a_customer_who_was_erased_after_a_merge_is_followed",
            "a_record_that_is_hidden_keeps_no_other_from_following_a_merge",
        ),
    ),
    Feature(
        "Data older than two years",
        "By the archive search; notes, which it lacks, from their list or by conversation.",
        _of(f"{A}test_time.py", "records_on_either_side_of_two_years_land")
        + _of(f"{A}test_readings.py", "notes_of_over_two_years_ago_come_from_their_list")
        + _of(f"{A}test_untold.py", "an_old_note_that_was_soft_deleted_is_still_there")
        + _of(
            f"{A}test_together.py",
            "old_notes_are_asked_for_by_conversations_that_land_hidden",
        ),
    ),
    Feature(
        "Crashes",
        "A kill at any moment loses, doubles, or wrongly deletes nothing; a stale sync that wakes "
        "up writes nothing.",
        _of(f"{A}test_resume.py", "a_commit_that_failed_leaves_nothing_that_says_it_was_made")
        + _of(f"{D}test_promises.py", "only_the_newest_sync_may_write"),
        _of(f"{A}test_kill.py", "twenty_five_kills_leave_nothing_wrong")
        + _of(f"{D}test_kill.py", "a_kill_at_any_moment_leaves_whole_writes")
        + _of(f"{A}test_resume.py", "a_sync_that_is_cut_off_in_a_living_org_loses_nothing"),
    ),
    Feature(
        "Extras",
        "Columns and tables beyond the reference schema, on by default, off with `extras = false`; "
        "conversation events and the audit log where they are named.",
        _of(f"{A}test_truth.py", "without_extras_the_reference_schema_alone_lands")
        + _of(
            f"{A}test_readings.py", "events_and_the_audit_log_land_only_where_they_are_named",
            "the_audit_log_is_there_to_its_last_entry",
        ) + _of(f"{A}test_together.py", "the_audit_log_is_filled_like_any_other_table"),
    ),
)  # fmt: skip
"""What the reference connector lacks, or does not promise."""

FEATURES = (*REFERENCE, *BEYOND)
