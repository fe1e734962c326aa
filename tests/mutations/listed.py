"""The mutations: plausible bugs, each with the promise it breaks and the tests that must notice.

A new promise comes with its line here. `old` must be in the file exactly once.
"""

from __future__ import annotations

from dataclasses import dataclass

A, U = "tests/acceptance/", "tests/unit/"
CLIENT = f"{U}kustomer/test_client.py::"
QUOTA = f"{U}kustomer/test_quota.py::"
WINDOWS = f"{U}kustomer/test_windows.py::"
PARSE = f"{U}kustomer/test_parse.py::"
CHOICE = f"{U}test_choice.py::"
SHREDDER = f"{U}shred/test_shredder.py::"
SHRED = f"{U}shred/test_promises.py::"
TRUTH = f"{A}test_truth.py::"
DELETES = f"{A}test_deletes.py::"
FAULTS = f"{A}test_faults.py::"
TIME = f"{A}test_time.py::"
LISTINGS = f"{A}test_listings.py::"
ATTRIBUTES = f"{A}test_attributes.py::"
RESUME = f"{A}test_resume.py::"
CHECK = f"{A}test_check.py::"
READINGS = f"{A}test_readings.py::"
PROTECT = f"{A}test_protect.py::"
PROTECTION = f"{U}test_protect.py::"
FOREIGN = f"{A}test_foreign.py::"
VERIFY = f"{A}test_verify.py::"
STATUS = f"{A}test_status.py::"
ADOPT = f"{A}test_adopt.py::"
LEGACY = "tests/contract/test_legacy_schema.py::"
FOREIGN_TYPES = "tests/contract/destinations/test_foreign_columns.py::"
RESYNC = f"{A}test_resync.py::"
REIMPORT = f"{A}test_reimport.py::"
LOOKS = f"{A}test_looks.py::"
HISTORIES = f"{A}test_histories.py::"
KEPT = "tests/contract/destinations/test_histories.py::"
PROMISES = "tests/contract/destinations/test_promises.py::"
TOGETHER = f"{A}test_together.py::"
UNTOLD = f"{A}test_untold.py::"
UNDOCUMENTED = f"{A}test_undocumented.py::"
CHANGES = f"{A}test_settings_change.py::"
COMMAND = f"{A}test_command.py::"
SETTINGS = f"{U}cli/test_settings.py::"


@dataclass(frozen=True)
class Mutation:
    sentence: str
    """The promise it breaks."""
    file: str
    """Below `src/kustomer_sync`."""
    old: str
    new: str
    tests: tuple[str, ...]
    """pytest node ids; with the mutation, one of them at least fails."""

    @property
    def id(self) -> str:
        words = "".join(c if c.isalnum() else " " for c in self.sentence.lower()).split()
        return f"{self.file.removesuffix('.py').replace('/', '.')}: {'-'.join(words)}"


def _of(file: str, *lines: tuple[str, str, str, str] | tuple[str, str, str, str, str]) -> tuple[
    Mutation, ...
]:  # fmt: skip
    return tuple(Mutation(line[0], file, line[1], line[2], tuple(line[3:])) for line in lines)


_CLIENT = _of(
    "kustomer/client.py",
    (
        "`links.next` is followed only on the same host",
        "if target.hostname != own.hostname:",
        "if False:",
        f"{CLIENT}test_a_link_to_another_host_is_never_followed",
    ),
    (
        "A list that links back to itself is given up",
        "if path in followed:",
        "if False:",
        f"{FAULTS}test_a_link_that_leads_astray_is_not_followed[next_self]",
    ),
    (
        "A list that never ends is given up",
        "if stale == _STALE_PAGES:",
        "if False:",
        f"{LISTINGS}test_a_list_that_never_ends_is_given_up",
    ),
    (
        "401 stops at once",
        "    if status == 401:\n",
        '    if status == 401:\n        raise _Again("401")\n    if status == 499:\n',
        f"{CLIENT}test_a_refused_key_is_not_tried_again",
    ),
    (
        "403 costs its table, not the sync",
        "raise Forbidden(_message(content) or path)",
        'raise SourceFailed(_message(content) or path, "")',
        f"{FAULTS}test_a_withdrawn_role_costs_its_table_and_no_other",
    ),
    (
        "5xx is tried again",
        "if status >= 500 or status == 408",
        "if status > 500 or status == 408",
        f"{FAULTS}test_a_passing_fault_loses_nothing[status-500]",
    ),
    (
        "A body that is no JSON is tried again",
        'raise _NotJson("the body is not JSON") from None',
        'raise Refused(status, "the body is not JSON") from None',
        f"{FAULTS}test_a_passing_fault_loses_nothing[truncated-None]",
    ),
    (
        "A reset in the middle of a body is tried again",
        'raise _Again(f"{type(error).__name__}: {error}".rstrip(": ")) from error',
        'raise SourceFailed(f"{type(error).__name__}: {error}", "") from error',
        f"{FAULTS}test_a_passing_fault_loses_nothing[reset_body-None]",
    ),
    (
        "A body that drips is not waited for",
        "            if self._clock() > deadline:\n",
        "            if False:\n",
        f"{CLIENT}test_a_body_that_drips_is_asked_for_again",
    ),
    (
        "Retries end at the total deadline",
        "if now >= deadline:",
        "if False:",
        f"{CLIENT}test_what_keeps_failing_is_given_up_at_the_deadline",
    ),
    (
        "Retry-After is honoured",
        "return float(retry_after) + 0.1",
        "return 0.1",
        f"{CLIENT}test_a_retry_after_is_honoured",
    ),
    (
        "A 429 is waited out until the reset that the headers name",
        "return float(limit.reset_in) + 0.5",
        "return 0.5",
        f"{CLIENT}test_a_429_is_waited_out_until_the_reset",
    ),
    (
        "A host that answered once is not unreachable",
        "            self._answered = True\n",
        "",
        f"{TIME}test_an_outage_is_waited_for_where_no_reply_carries_a_date",
    ),
    (
        "The server's time is its latest `Date`",
        "if self.server_time is None or at > self.server_time:",
        "if False:",
        f"{TIME}test_a_clock_of_ours_that_is_wrong_loses_nothing[-600-True]",
        f"{TIME}test_a_clock_of_ours_that_is_wrong_loses_nothing[600-True]",
    ),
    (
        "Included objects are in the place of their references",
        'by_ref.get(_ref(ref) or ("", ""), ref)',
        "ref",
        f"{DELETES}test_attachments_that_a_search_includes_cost_no_request_more",
    ),
)

_QUOTA = _of(
    "kustomer/quota.py",
    (
        "Only the share of the budget is used",
        "return share_of(self.limit, self.percentage)",
        "return self.limit",
        f"{QUOTA}test_searches_stay_within_their_share_in_any_minute",
        f"{CLIENT}test_the_share_of_the_budget_is_kept",
    ),
    (
        "The share holds in any minute",
        "_MINUTE = 60.25",
        "_MINUTE = 58.0",
        f"{QUOTA}test_searches_stay_within_their_share_in_any_minute",
    ),
    (
        "When others eat the budget, we slow down",
        "if now < self.window_ends and self.used_by_all + self.in_flight >= self.allowed:",
        "if False:",
        f"{QUOTA}test_when_others_use_the_budget_up_it_waits_for_the_reset",
    ),
    (
        "A refused lane waits",
        "lane.blocked_until = max(lane.blocked_until, now + refused_for)",
        "lane.blocked_until = now",
        f"{CLIENT}test_a_429_is_waited_out_until_the_reset",
    ),
    (
        "Too long without a possible request ends the sync, to be run again",
        "if now >= until:",
        "if False:",
        f"{QUOTA}test_refusals_alone_reschedule_after_the_wait",
        f"{QUOTA}test_without_a_wait_the_sentence_says_now",
    ),
    (
        "A reset beyond the wait is waited for all the same",
        "if now >= until:",
        "if at > until:",
        f"{QUOTA}test_too_long_without_a_possible_request_reschedules",
        f"{QUOTA}test_a_reset_beyond_the_wait_is_not_waited_for_when_the_budget_frees_earlier",
    ),
    (
        "A minute of waiting is not given up for a quarter of a second",
        "if at <= until + _SOON:",
        "if at <= until:",
        f"{QUOTA}test_a_minute_s_wait_lasts_until_the_next_request",
    ),
    (
        "A refused request is none that could be sent",
        "                self._stuck(now)\n            else:",
        "                self._stuck_since = None\n            else:",
        f"{QUOTA}test_refusals_alone_reschedule_after_the_wait",
    ),
    (
        "A wait begins when a request is wanted",
        "            else:\n                self._stuck_since = None\n",
        "            else:\n                self._stuck_since = now\n",
        f"{QUOTA}test_time_without_a_wish_to_send_is_no_wait",
    ),
    (
        "Searches have a budget of their own",
        "return self.org if limit.limit == self._org_limit_heard else self.search",
        "return self.search",
        f"{QUOTA}test_headers_of_a_search_that_speak_of_the_org_do_not_widen_the_search_lane",
    ),
    (
        "A search uses up both budgets",
        "lanes = (self.org, self.search) if search else (self.org,)\n        with self._changed:\n"
        "            while True:",
        "lanes = (self.org,)\n        with self._changed:\n            while True:",
        f"{QUOTA}test_searches_stay_within_their_share_in_any_minute",
    ),
    (
        "A reset in milliseconds is one",
        "reset /= 1000",
        "reset /= 1",
        f"{QUOTA}test_a_reset_is_understood_in_every_unit",
    ),
    (
        "A reset is an epoch of the server's clock",
        "reset = reset - server_time if server_time is not None else 60.0",
        "reset = 60.0",
        f"{QUOTA}test_a_reset_is_understood_in_every_unit",
    ),
)

_AUDITED = (
    *_of(
        "sync/choice.py",
        (
            "Without extras no table beyond the reference's lands",
            "if (connection.extras or not table.extra) and _any",
            "if _any",
            f"{TRUTH}test_without_extras_the_reference_schema_alone_lands",
        ),
    ),
    *_of(
        "sync/run.py",
        (
            "What changed is all that is read",
            "done = windows.merged((lo, top - overlap) for lo, top in state.done)",
            "done = windows.merged((lo, lo) for lo, top in state.done)",
            f"{TRUTH}test_what_changed_in_the_six_incremental_tables_is_all_that_is_read",
        ),
    ),
    *_of(
        "settings.py",
        (
            "A file of the schema's name is warned of",
            'if scheme != "duckdb" or file.partition(".")[0].lower() != schema:',
            "if True:",
            f"{U}cli/test_interview.py::test_a_file_and_a_schema_of_one_name_are_warned_of",
        ),
    ),
    *_of(
        "cli/interview.py",
        (
            "The file that is proposed has another name than the schema",
            'file = f"{org}-sync" if org == schema else org',
            "file = org",
            f"{U}cli/test_interview.py::test_the_file_has_another_name_than_the_schema",
        ),
    ),
    *_of(
        "cli/commands.py",
        (
            "`check` warns of a file of the schema's name",
            "if said := clash(connection.destination, connection.schema_name):",
            'if said := "":',
            f"{U}cli/test_interview.py::test_a_file_and_a_schema_of_one_name_are_warned_of",
        ),
    ),
    *_of(
        "sync/verify/tables.py",
        (
            "A statement that is told works in any file",
            "connection.sql_schema}.{place}",
            "connection.schema_name}.{place}",
            f"{VERIFY}test_what_is_told_to_remove_them_works_in_a_file_of_the_schema_s_name",
        ),
    ),
    *_of(
        "sync/status.py",
        (
            "What a running sync used is told as it last wrote it",
            "past = not runs and now",
            "past = now",
            f"{STATUS}test_a_sync_that_was_killed_is_not_over",
        ),
        (
            "A changed share is told at once",
            "share = connection.api_utilization_percentage",
            'share = quota["share"]',
            f"{STATUS}test_a_share_changed_in_the_file_counts_for_what_is_told",
        ),
    ),
    *_of(
        "settings.py",
        (
            "Text is no flag",
            "    if not isinstance(told, bool):\n",
            "    if False:\n",
            f"{U}cli/test_settings.py::test_a_wrong_value_is_one_sentence_that_names_it",
        ),
        (
            "A flag's text is understood",
            '{"true": True, "false": False}.get(value.lower())',
            "None",
            f"{U}cli/test_settings.py::test_values_come_from_the_environment_and_from_files",
        ),
        (
            "An absurd lag is refused",
            "Field(ge=0, le=86_400)",
            "Field(ge=0)",
            f"{U}cli/test_settings.py::test_a_wrong_value_is_one_sentence_that_names_it",
        ),
        (
            "An absurd overlap is refused",
            "Field(ge=0, le=1_000_000_000)",
            "Field(ge=0)",
            f"{U}cli/test_settings.py::test_a_wrong_value_is_one_sentence_that_names_it",
        ),
        (
            "Two connections do not land in one schema",
            "    _refuse_shared(connection, sections, origin)\n",
            "",
            f"{U}cli/test_settings.py::test_two_connections_do_not_share_a_schema",
        ),
        (
            "A file is the same however it is written",
            'rest = str((folder / unquote(rest.removeprefix("/"))).resolve())',
            'rest = str(folder / unquote(rest.removeprefix("/")))',
            f"{U}cli/test_settings.py::test_two_connections_do_not_share_a_schema",
        ),
    ),
    *_of(
        "cli/commands.py",
        (
            "A comparison takes a changed share",
            "stop=stop, share=_share(asked, connection),\n        )  # fmt: skip",
            "stop=stop,\n        )  # fmt: skip",
            f"{STATUS}test_a_comparison_takes_a_changed_share_too",
        ),
    ),
    *_of(
        "kustomer/quota.py",
        (
            "A wait is told once",
            "            self._told_until = until\n",
            "",
            f"{QUOTA}test_a_long_wait_is_told_once_and_until_when",
        ),
        (
            "A wait is told as long as it may last",
            "self._tell(now, until)",
            "self._tell(now, at)",
            f"{QUOTA}test_a_wait_that_is_given_up_earlier_is_told_until_then",
        ),
    ),
    *_of(
        "sync/run.py",
        (
            "A waiting sync says so",
            "limits, share, self.wait, self.say)",
            "limits, share, tell=self.say)",
            f"{A}test_command.py::test_a_wait_is_told_while_it_lasts",
        ),
    ),
    *_of(
        "cli/screen.py",
        (
            "What was used is told of when it was used",
            "used in the minute before {instant(at)}",
            "used in the minute before {instant(reset)}",
            f"{STATUS}test_what_people_read_has_one_kind_of_time",
        ),
        (
            "A limit that no reply told is no fact",
            'if not told.get("told", True):',
            "if False:",
            f"{STATUS}test_a_limit_that_kustomer_did_not_tell_is_no_fact",
        ),
        (
            "Off a terminal a wait is a line",
            "if self._live is None and now.waits_until is not None:",
            "if False:",
            f"{U}cli/test_screen.py::test_a_wait_is_told_with_its_end",
        ),
    ),
)

_WINDOWS = _of(
    "kustomer/windows.py",
    (
        "A window begins with its first millisecond",
        '{"gte": iso(lo)}',
        '{"gte": iso(lo + 1)}',
        f"{WINDOWS}test_every_record_is_found_at_every_page_size_and_cap",
    ),
    (
        "A window reaches to its last millisecond",
        '{"lt": iso(hi)}',
        '{"lt": iso(hi - 1)}',
        f"{WINDOWS}test_every_record_is_found_at_every_page_size_and_cap",
    ),
    (
        "A total at the cap says nothing",
        "return total >= self._cap(size)",
        "return total > self._cap(size)",
        f"{WINDOWS}test_every_record_is_found_at_every_page_size_and_cap",
    ),
    (
        "What page 2 of a search that says nothing of its end shows is not all on page 1",
        "_ids(second) <= known:",
        "True:",
        f"{WINDOWS}test_a_search_that_tells_no_total_is_read_to_its_end",
    ),
    (
        "A silent search that timed out is not an empty one",
        "number > 1 or page.timed_out or ",
        "number > 1 or ",
        f"{WINDOWS}test_a_silent_search_that_times_out_is_not_an_empty_one",
    ),
    (
        "What slid to page 1 meanwhile is looked for",
        "again = self._answered(window, archive, 1, wanted)",
        "again = page",
        f"{WINDOWS}test_what_slides_to_page_1_while_page_2_of_a_silent_search_is_asked_for_is_read",
    ),
    (
        "Nor is a page that a search says to go on after, without a total",
        "return len(_ids(page)) if page.next is None else None",
        "return len(_ids(page))",
        f"{WINDOWS}test_a_search_that_tells_no_total_is_read_to_its_end",
    ),
    (
        "A window is read when its last page has all that is left",
        "if distinct == left:",
        "if distinct >= left - 1:",
        f"{WINDOWS}test_a_record_that_changes_among_equal_times_hides_no_other",
    ),
    (
        "Equal times at the end of a page are read again with what is older",
        "sum(time > at for time in times), at + 1",
        "len(times), at",
        f"{WINDOWS}test_equal_times_at_the_ends_of_pages_cost_few_requests",
    ),
    (
        "A window counts only when the distinct ids equal the total",
        "if agreed and shown.distinct() == total:",
        "if agreed:",
        f"{WINDOWS}test_records_alike_in_both_times_are_read_again_until_all_were_seen",
    ),
    (
        "A window counts only when every page reported the same total",
        "if page.total != total or self._size_of(page, size) != size:",
        "if self._size_of(page, size) != size:",
        f"{WINDOWS}test_a_total_that_changes_between_pages_by_number_makes_them_be_read_again",
    ),
    (
        "A window that does not add up is read once more",
        "for attempt in range(2):",
        "for attempt in range(1, 2):",
        f"{WINDOWS}test_a_window_that_changed_once_is_read_once_more_before_it_is_cut",
    ),
    (
        "A search that timed out is not believed",
        "fits = not page.timed_out and all(",
        "fits = all(",
        f"{WINDOWS}test_a_search_that_timed_out_is_not_believed",
    ),
    (
        "Searches that always time out end the sync",
        "if late and self._unanswered >= _UNANSWERED:",
        "if False:",
        f"{FAULTS}test_searches_that_always_time_out_end_the_sync",
    ),
    (
        "The page's size is the reply's",
        "return page.size or default or len(page.records) or self._page_size",
        "return self._page_size",
        f"{WINDOWS}test_smaller_pages_than_asked_for_cost_no_more_than_their_number",
    ),
    (
        "A refusal within the documented cap teaches a lower one",
        "if records < self._caps.records:",
        "if False:",
        f"{WINDOWS}test_a_server_with_a_lower_cap_than_documented_loses_nothing",
    ),
    (
        "One millisecond over a page is read by createdAt",
        "return self._by_created(window, archive)",
        "return self._ties(window, archive)",
        f"{WINDOWS}test_equal_timestamps_beyond_the_cap_are_read_by_their_creation",
    ),
    (
        "Records alike in both times are told apart by another attribute",
        "                return self._alike(window, archive)\n            return",
        "                return self._ties(window, archive)\n            return",
        f"{WINDOWS}test_records_alike_in_both_times_beyond_the_cap_are_told_apart_by_id",
    ),
    (
        "A span that could not be read whole is not completed",
        "return  # its parts were queued, or it was said to be incomplete",
        "read = 0",
        f"{WINDOWS}test_what_cannot_be_read_completely_is_said_and_not_completed",
    ),
    (
        "A range over the cap is cut by the density seen",
        "cuts = self._many(lo, hi, first, total)",
        "cuts = []",
        f"{WINDOWS}test_a_large_clean_range_costs_few_requests_more_than_its_pages",
    ),
    (
        "The newest window comes first",
        "self._sign = 1 if oldest_first else -1",
        "self._sign = -1 if oldest_first else 1",
        f"{WINDOWS}test_the_newest_are_read_first",
    ),
    (
        "Spans with a gap between them are two",
        "if out and lo <= out[-1][1]:",
        "if out:",
        f"{WINDOWS}test_gaps_are_what_is_not_done",
    ),
    (
        "Soft-deleted records are asked for",
        '"includeDeleted": deleted,',
        '"includeDeleted": False,',
        f"{DELETES}test_a_soft_delete_that_moves_no_time_is_found_by_the_daily_comparison[record]",
    ),
    (
        "Without the archive only the old part is missing",
        "self._deny(window.table, (archive,), error)\n                return\n",
        "self._deny(window.table, (False, True), error)\n                return\n",
        f"{TRUTH}test_cursors_reach_the_present_and_say_null_while_a_backfill_has_gaps",
    ),
    (
        "Attachments are asked for with the search",
        '[{"include": "attachments"}] if window.table.object == "message" else []',
        "[]",
        f"{DELETES}test_attachments_that_a_search_includes_cost_no_request_more",
    ),
)

_LISTED = _of(
    "kustomer/listings.py",
    (
        "A list whose total is as far as it may count is not known to be whole",
        "total is not None and total != _MOST_RECORDS",
        "total is not None",
        "tests/unit/kustomer/test_listings.py::"
        "test_a_list_is_whole_when_it_ended_by_itself_or_its_total_agrees",
    ),
    (
        "A list of 100 pages or 10,000 records may be cut off",
        "elif len(ids) >= _MOST_RECORDS or number >= _MOST_PAGES:",
        "elif False:",
        f"{LISTINGS}test_a_list_that_is_cut_off_flags_nothing",
    ),
    (
        "A list that repeats itself may lack others",
        "    if count > len(ids) and not whole.cut:\n",
        "    if False:\n",
        f"{LISTINGS}test_a_list_that_repeats_itself_is_read_again",
    ),
    (
        "The lists that complete the first are read too",
        "for further in ((), *reading.also):",
        "for further in ((),):",
        f"{TRUTH}test_metadata_is_asked_for_by_table",
    ),
)

_SINGLY = _of(
    "kustomer/singly.py",
    (
        "A list of several pages below a parent is read again, for it may have shifted",
        "return records, len(totals) == 1 or",
        "return records, True or",
        f"{LISTINGS}test_a_list_below_a_parent_that_shifts_is_read_until_it_does_not[1]",
    ),
    (
        "A list below a parent is read until nothing left it between two readings",
        "before is not None and before <= ids",
        "before is not None",
        f"{LISTINGS}test_a_list_below_a_parent_that_shifts_is_read_until_it_does_not[3]",
    ),
    (
        "A refusal is no proof that a record is gone",
        "        except Refused:\n            record = None\n",
        "        except Refused:\n            absent.append(True)\n            continue\n",
        f"{DELETES}test_a_refusal_is_no_proof_that_a_record_is_gone",
    ),
    (
        "A message that names no attachments may have some",
        "    if not any(relation is not None for relation in told):\n        return [], records\n",
        "    if not any(relation is not None for relation in told):\n        return records, []\n",
        f"{DELETES}test_attachments_wait_for_the_role_and_land_when_it_is_there",
    ),
    (
        "The messages of a conversation are asked for with their attachments",
        '/messages", dict(ATTACHED))',
        '/messages", {})',
        f"{DELETES}test_attachments_wait_for_the_role_and_land_when_it_is_there",
    ),
)

_KLASSES = _of(
    "kustomer/klasses.py",
    (
        "Without the role for klasses the KObjects still come",
        "                self.unlisted[status] = error\n",
        "                raise\n",
        f"{DELETES}test_what_changes_while_it_is_compared_is_not_flagged",
    ),
    (
        "A KObject's klass is what its type says",
        'if isinstance(kind, str) and kind.startswith("kobject.") and len(kind) > 8:',
        "if False:",
        f"{DELETES}test_what_changes_while_it_is_compared_is_not_flagged",
        f"{TRUTH}test_either_answer_to_an_open_question_gives_the_same_rows[tag-names]",
    ),
)

_PARSE = _of(
    "kustomer/parse.py",
    (
        "Integers keep every digit",
        "    if not _beyond_64_bits(body):\n",
        "    if body:\n",
        f"{PARSE}test_integers_keep_their_digits",
    ),
    (
        "Lone surrogates become U+FFFD",
        r'_UNLANDABLE = re.compile("[\x00\ud800-\udfff]")',
        r'_UNLANDABLE = re.compile("[\x00]")',
        f"{PARSE}test_what_some_databases_refuse_is_replaced",
        f"{FAULTS}test_a_passing_fault_loses_nothing[surrogate-None]",
    ),
    (
        "NUL becomes U+FFFD",
        'return _scrubbed(value) if b"\\\\u0000" in body else value',
        "return value",
        f"{PARSE}test_what_some_databases_refuse_is_replaced",
    ),
    (
        "Invalid UTF-8 costs no page",
        'text = body.decode("utf-8", "replace")',
        'text = body.decode("utf-8")',
        f"{PARSE}test_what_some_databases_refuse_is_replaced",
    ),
)

_CHOICE = _of(
    "sync/choice.py",
    (
        "Service version 1 has no histories",
        "connection.service_version != 1 and (kept is None",
        "(kept is None",
        f"{CHOICE}test_service_version_1_has_no_histories",
    ),
    (
        "Without extras the reference's columns are left",
        "        if c.name not in extra and (old",
        "        if (old",
        f"{CHOICE}test_without_extras_only_the_reference_s_columns_are_left",
        f"{TRUTH}test_without_extras_the_reference_schema_alone_lands",
    ),
    (
        "A disabled table does not sync",
        "return found if protection.enabled(table.name) else _hidden(found)",
        "return found",
        f"{CHOICE}test_a_disabled_table_takes_only_itself",
    ),
    (
        "The connection's share is the quota's",
        "        connection.api_utilization_percentage,\n",
        "        90,\n",
        f"{CHOICE}test_the_client_keeps_the_connection_s_share",
    ),
)

_RUN = _of(
    "sync/run.py",
    (
        "A file that was waited for in vain is not waited for again",
        "        if error is None or error.code != DestinationUnusable.code:",
        "        if True:",
        f"{COMMAND}test_a_file_taken_while_a_sync_runs_is_reported[1-FAILURE-1]",
    ),
    (
        "A sync that committed all ends well though its rows can't be counted",
        "            except DestinationUnusable as unusable:",
        "            except ConfigError as unusable:",
        f"{COMMAND}test_a_file_taken_while_a_sync_runs_is_reported[2-SUCCESSFUL-0]",
    ),
    (
        "Searches stop `index_lag_seconds` before the present",
        "hi = windows.millis(self.now()) - self.connection.index_lag_seconds * 1000",
        "hi = windows.millis(self.now())",
        f"{TIME}test_what_the_index_shows_late_is_read[60-0]",
    ),
    (
        "`overlap_seconds` before each cursor are read again",
        "overlap = self.connection.overlap_seconds * 1000",
        "overlap = 0",
        f"{TIME}test_what_the_index_shows_late_is_read[0-60]",
    ),
    (
        "The overlap is before every part that was read, not only the newest",
        "done = windows.merged((lo, top - overlap) for lo, top in state.done)",
        "done = [*state.done[:-1], *((lo, top - overlap) for lo, top in state.done[-1:])]",
        f"{TIME}test_what_the_index_shows_late_is_read_after_a_sync_that_was_cut_off",
    ),
    (
        "Only the server's clock is compared with the server's times",
        "        return self.client.server_time\n",
        "        return datetime.now(UTC)\n",
        f"{TIME}test_a_clock_of_ours_that_is_wrong_loses_nothing[600-True]",
    ),
    (
        "Without a `Date` the cursor does not pass what was seen",
        "return span[0], min(span[1], certain)",
        "return span",
        f"{TIME}test_without_a_date_the_cursor_does_not_pass_what_was_seen",
        f"{TIME}test_a_clock_of_ours_that_is_wrong_loses_nothing[600-False]",
    ),
    (
        "The state claims no more than was read",
        "                self.landing.of(table.name).complete(span)\n",
        "                self.landing.of(table.name).complete((0, span[1]))\n",
        f"{RESUME}test_what_was_read_is_not_read_again_and_what_was_not_is",
    ),
    (
        "A resumed sync does not read completed spans again",
        "unread = windows.gaps((0, hi), done)",
        "unread = windows.gaps((0, hi), ())",
        f"{TRUTH}test_a_second_sync_of_an_unchanged_org_changes_nothing_and_only_polls",
    ),
    (
        "A sync that ends early keeps what it completed",
        "self._ended(self.report.status)\n        try:\n            self.landing.commit()\n",
        "self._ended(self.report.status)\n        try:\n            pass\n",
        f"{FAULTS}test_an_expired_key_ends_the_sync_and_what_was_read_stays",
        f"{RESUME}test_what_was_read_is_not_read_again_and_what_was_not_is",
    ),
    (
        "Older than two years comes from the archive",
        "((lo, min(hi, self.horizon)), () if listed else (False, True)),",
        "((lo, min(hi, self.horizon)), () if listed else (False,)),",
        f"{TRUTH}test_metadata_is_asked_for_by_table",
    ),
    (
        "The archive is read on both sides of the boundary",
        "_HORIZON_MARGIN = 3 * windows.DAY_MS",
        "_HORIZON_MARGIN = -3 * windows.DAY_MS",
        f"{TIME}test_records_on_either_side_of_two_years_land",
    ),
    (
        "Lists are read once a day, not at every sync",
        "return now - at >= _DAY\n",
        "return True\n",
        f"{TRUTH}test_a_second_sync_of_an_unchanged_org_changes_nothing_and_only_polls",
    ),
    (
        "Once a day the tables are compared",
        "return now - at >= _DAY\n",
        "return False\n",
        f"{DELETES}test_an_erased_record_is_flagged_with_its_children_and_returns[conversation]",
    ),
    (
        "The daily reading is due at `daily_sync_time`",
        "            due -= timedelta(days=1)\n",
        "            due -= timedelta(days=0)\n",
        f"{TIME}test_the_daily_reading_is_due_at_its_time",
    ),
    (
        "Customers found deleted are followed, also those deleted since the last comparison",
        "self.merged_since = windows.millis(datetime.fromisoformat(compared)) - windows.DAY_MS",
        "self.merged_since = windows.millis(datetime.fromisoformat(compared)) + windows.DAY_MS",
        f"{DELETES}test_what_a_merge_moved_is_the_other_customer_s[False]",
    ),
    (
        "A new sync compares what an earlier one read",
        "elif self.whole or self.due(state.swept_at, self.connection.sweep_frequency):",
        "elif self.whole:",
        f"{DELETES}test_an_erased_record_is_flagged_with_its_children_and_returns[conversation]",
    ),
)

_LANDING = _of(
    "sync/landing.py",
    (
        "The state is in the transaction of the rows it covers",
        "Write(batches, absent or {}, self._changed,",
        "Write(batches, absent or {}, {},",
        f"{RESUME}test_each_commit_saves_what_was_completed",
    ),
    (
        "A cursor is the end of what is read without a gap",
        "if self.done and self.done[0][0] <= 0:",
        "if self.done:",
        f"{TRUTH}test_cursors_reach_the_present_and_say_null_while_a_backfill_has_gaps",
    ),
    (
        "An erased KObject is flagged in its klass's table too",
        "found = {name: tuple(gone) for name in sorted({table.name, *self.of_klasses(table)})}",
        "found = {table.name: tuple(gone)}",
        f"{DELETES}test_an_erased_record_is_flagged_with_its_children_and_returns[kobject]",
    ),
    (
        "A klass that is not listed is known by its KObjects",
        "*self.klasses.names.values(), *self.names.klasses(), *kept_out}",
        "*self.klasses.names.values(), *kept_out}",
        f"{DELETES}test_what_changes_while_it_is_compared_is_not_flagged",
    ),
    (
        "The metadata of a new attribute is asked for when it is met",
        "        if table.custom:\n            self._learn_new(table, records)\n",
        "",
        f"{ATTRIBUTES}test_a_new_attribute_of_several_values_lands_as_what_it_is",
        f"{ATTRIBUTES}test_a_new_klass_is_typed_by_its_metadata",
    ),
    (
        "Types of custom attributes are kept between syncs",
        '"custom_types": self.types.state(),',
        '"custom_types": {},',
        f"{ATTRIBUTES}test_what_was_learnt_of_an_attribute_is_kept_between_syncs",
    ),
    (
        "Attachments that are not known of stay as they are stored",
        "self._shred(table, unknown, whole=False)",
        "self._shred(table, unknown, whole=True)",
        f"{DELETES}test_attachments_stay_while_they_can_not_be_asked_for",
    ),
    (
        "A batch is committed when enough is gathered",
        "if self._records >= self._run.limits.commit_records or self._nbytes >= COMMIT_BYTES or "
        "late:",
        "if False:",
        f"{RESUME}test_each_commit_saves_what_was_completed",
    ),
)

_REIMPORT = _of(
    "sync/reimport.py",
    (
        "An incomplete list is said",
        "    if not whole.complete:\n",
        "    if False:\n",
        f"{LISTINGS}test_a_list_that_is_cut_off_flags_nothing",
    ),
    (
        "A list that failed flags nothing",
        "            run.landing.touch(table.name)\n        return False\n",
        "            run.landing.touch(table.name)\n        whole = listings.Whole()\n"
        "        absent = tuple(run.destination.missing(table, ()))\n",
        f"{LISTINGS}test_a_list_that_is_refused_flags_nothing",
    ),
    (
        "A shrunken list is read again before it is believed",
        "second = whole if agreed else _listing(run, table, again=True)",
        "second = whole",
        f"{LISTINGS}test_a_list_that_shrank_once_flags_nothing",
    ),
    (
        "A list that shrank by more than half is said",
        "if len(missing) * 2 > before:",
        "if False:",
        f"{LISTINGS}test_what_a_list_lacks_and_a_look_by_id_shows_is_not_flagged",
    ),
    (
        "A look by id comes before a flag",
        "        if record:\n            run.landing",
        "        if False:\n            run.landing",
        f"{LISTINGS}test_what_a_list_lacks_and_a_look_by_id_shows_is_not_flagged",
    ),
    (
        "A list that repeated itself is read again",
        "        if whole.unsure:\n",
        "        if False:\n",
        f"{LISTINGS}test_a_list_that_repeats_itself_is_read_again",
    ),
)

_SWEEP = _of(
    "sync/sweep.py",
    (
        "A comparison that failed is not one",
        "        return  # not `swept_at`",
        "        gone = ()  # not `swept_at`",
        f"{DELETES}test_a_comparison_that_failed_forgets_no_merge",
    ),
    (
        "A quiet soft delete is found",
        "if counted(run, window, deleted=False) != held.live:",
        "if False:",
        f"{DELETES}test_a_soft_delete_that_moves_no_time_is_found_by_the_daily_comparison[record]",
    ),
    (
        "An erased record that was soft-deleted is found",
        "return counted(run, window, deleted=True) == held.kept",
        "return True",
        f"{DELETES}test_an_erased_record_that_had_been_soft_deleted_is_flagged",
    ),
    (
        "Only the word that there is none proves a record gone",
        "        if record is None:\n",
        "        if not record:\n",
        f"{DELETES}test_a_refusal_is_no_proof_that_a_record_is_gone",
    ),
    (
        "A deletion is flagged only after a look by id",
        "        if record is None:\n",
        "        if True:\n",
        f"{DELETES}test_a_refusal_is_no_proof_that_a_record_is_gone",
    ),
    (
        "A path that shows no living record proves nothing",
        "if not _shows_one(looks, living(run, table)):",
        "if False:",
        f"{DELETES}test_nothing_is_flagged_when_a_look_by_id_shows_nothing_at_all",
    ),
    (
        "What was read again is there",
        "before -= ids_of(records)",
        "pass",
        f"{DELETES}test_a_soft_delete_that_moves_no_time_is_found_by_the_daily_comparison[404]",
    ),
    (
        "What could not be read again is not flagged",
        "    if unread:\n",
        "    if False:\n",
        f"{DELETES}test_a_comparison_that_can_not_read_its_spans_flags_nothing",
    ),
    (
        "The archive is counted too",
        "    for archive in window.archives:\n",
        "    for archive in window.archives[:1]:\n",
        f"{DELETES}test_the_comparison_of_an_unchanged_org_costs_its_counts_and_changes_nothing",
    ),
)

_FOLLOW = _of(
    "sync/follow.py",
    (
        "A merge whose records were not told is not forgotten",
        "told = told and record is not UNSURE",
        "pass",
        f"{DELETES}test_a_merge_is_remembered_until_its_records_could_be_read[400]",
    ),
    (
        "A merge is followed in every table the connection wants",
        "if wanted <= {t.name for t in tables}:",
        "if True:",
        f"{DELETES}test_a_merge_met_by_a_sync_of_customers_alone_is_remembered",
    ),
    (
        "What a merge moved lands",
        "            if record:\n",
        "            if False:\n",
        f"{DELETES}test_what_a_merge_moved_is_the_other_customer_s[False]",
    ),
)

SETTINGS_WORK = f"{A}test_settings_work.py::"

_SETTINGS_WORK = (
    *_of(
        "sync/run.py",
        (
            "`priority_first` says which end is read first",
            "oldest_first=not self.connection.priority_first",
            "oldest_first=False",
            f"{SETTINGS_WORK}test_a_first_sync_reads_the_newest_first_or_the_oldest",
        ),
        (
            "`sweep_frequency` says how often tables are compared",
            "self.due(state.swept_at, self.connection.sweep_frequency)",
            "self.due(state.swept_at)",
            f"{SETTINGS_WORK}test_searched_tables_are_compared_as_often_as_is_asked_for",
        ),
        (
            "The fewest requests are whole pages",
            "sum(max(1, -(-count // page_size)) for count in counts)",
            "sum(counts)",
            f"{SETTINGS_WORK}test_the_fewest_requests_are_those_that_the_records_fill",
        ),
    ),
    *_of(
        "kustomer/quota.py",
        (
            "A search uses up the budget of all requests too",
            "        lanes = (self.org, self.search) if search else (self.org,)\n        with",
            "        lanes = (self.search,) if search else (self.org,)\n        with",
            f"{SETTINGS_WORK}test_no_request_is_refused_however_a_server_counts",
        ),
    ),
    *_of(
        "kustomer/client.py",
        (
            "Everything goes through the proxy",
            "                proxy=proxy,\n",
            "",
            f"{SETTINGS_WORK}test_everything_goes_through_the_proxy",
        ),
        (
            "A certificate of one's own is trusted where it is named",
            "verify=_trusting(ca_file),",
            "verify=_trusting(None),",
            f"{SETTINGS_WORK}test_a_certificate_of_one_s_own_is_trusted_where_it_is_named",
        ),
    ),
    *_of(
        "settings.py",
        (
            "The region says where the API is",
            'return "https://api.prod2.kustomerapp.com"',
            'return "https://api.kustomerapp.com"',
            f"{SETTINGS_WORK}test_the_region_and_the_org_say_where_the_api_is",
        ),
    ),
    *_of(
        "cli/__init__.py",
        (
            "A fault of ours quotes nothing",
            "itself went wrong ({type(error).__name__}).",
            "itself went wrong ({type(error).__name__}: {error}).",
            f"{A}test_command.py::test_a_fault_of_ours_is_one_sentence_that_quotes_nothing",
        ),
    ),
)

_CHECK = _of(
    "sync/choice.py",
    (
        "An address that knows none of Kustomer's paths is no Kustomer",
        "    if unknown == 2 and not any(",
        "    if unknown > 2 and not any(",
        f"{CHECK}test_an_address_that_is_no_kustomer_is_refused_and_writes_nothing",
    ),
) + _of(
    "check.py",
    (
        "Searched tables need the search role",
        "(SEARCH_ROLE, searched.role) if searched else ()",
        "()",
        f"{CHECK}test_what_is_asked_for_by_what_is_searched_needs_the_roles_of_that[search.create]",
    ),
    (
        "A role that a key lacks costs what a path refuses",
        "for role, names in _refused(client, table, roles):",
        "for role, names in [(table.role, everything_of(table))]:",
        f"{CHECK}test_what_check_names_is_what_a_sync_lacks",
    ),
    (
        "What is asked for by others needs these to be found",
        "(SEARCH_ROLE, searched.role) if searched",
        "(SEARCH_ROLE,) if searched",
        f"{CHECK}test_what_is_asked_for_by_what_is_searched_needs_the_roles_of_that[conversation.read]",
    ),
    (
        "Legacy roles count",
        'legacy = {f"org.user.{kind}.read", f"org.admin.{kind}.read", f"org.user.{kind}.{action}"}',
        "legacy = set[str]()",
        f"{CHECK}test_a_role_is_granted_by_itself_its_legacy_name_and_what_is_above",
    ),
    (
        "Where roles are not told each path is tried",
        "if doubted or roles is None or not all(",
        "if roles is not None and not all(",
        f"{CHECK}test_where_the_roles_are_not_told_each_path_is_tried",
    ),
    (
        "A destination that can't be opened is said",
        "        found.check()\n",
        "",
        f"{CHECK}test_a_destination_that_can_not_be_opened_is_said",
    ),
)

_SHRED = (
    *_of(
        "shred/lists.py",
        (
            "`index` counts from 1, by kernels",
            "place = place + 1 if parent == last else 1",
            "place = place + 1 if parent == last else 0",
            f"{SHREDDER}test_elements_keep_their_order_and_count_from_one",
        ),
        (
            "A text is not an array of its letters",
            "if how.elements is None and _maybe_texts(values) and _texts(child, records):",
            "if False:",
            f"{SHREDDER}test_a_text_is_not_an_array_of_its_letters",
        ),
    ),
    *_of(
        "shred/elements.py",
        (
            "`index` counts from 1, one by one",
            "enumerate(there, start=1)",
            "enumerate(there, start=0)",
            f"{SHREDDER}test_an_element_that_is_no_object_is_a_row_all_the_same",
        ),
        (
            "Surrogate ids do not depend on the order of keys",
            "option=orjson.OPT_SORT_KEYS",
            "option=0",
            f"{SHREDDER}test_equal_elements_have_ids_of_their_own",
        ),
        (
            "Equal elements have ids of their own",
            "seen[same] = seen.get(same, 0) + 1",
            "seen[same] = 1",
            f"{SHREDDER}test_equal_elements_have_ids_of_their_own",
        ),
    ),
    *_of(
        "shred/custom.py",
        (
            "The type of a custom attribute is its suffix's",
            '{"Num": Type.DOUBLE,',
            '{"Num": Type.STRING,',
            f"{SHRED}test_types_come_from_the_suffix_and_metadata_never_from_values",
        ),
        (
            "An attribute of several values is JSON",
            "if attribute in self._multi.get(resource, ()):",
            "if False:",
            f"{SHRED}test_types_come_from_the_suffix_and_metadata_never_from_values",
        ),
    ),
    *_of(
        "shred/naming.py",
        (
            "A name already taken gets a number",
            "while name in taken:",
            "while False:",
            f"{SHRED}test_colliding_names_are_numbered_in_order_of_first_sight",
        ),
    ),
    *_of(
        "shred/shredder.py",
        (
            "A value that does not fit is kept as text",
            "                self._reject(self._table, place, column.name, value, why)\n",
            "                pass\n",
            f"{SHREDDER}test_one_misfit_leaves_the_other_columns_alone",
        ),
        (
            "A number that would lose digits makes its column text",
            "column.type is Type.DOUBLE and loses_digits(values):",
            "False:",
            f"{U}shred/test_custom.py::test_a_number_that_would_lose_digits_makes_its_column_text",
        ),
    ),
    *_of(
        "shred/values.py",
        (
            "A fraction is not cut off",
            "if pc.all(same).as_py() is False:",
            "if False:",
            f"{SHREDDER}test_a_fraction_in_an_integer_column_is_not_cut_off",
        ),
        (
            "An integer column widens for a longer one",
            "return Settled(integers, Type.LONG)",
            "return Settled(pc.cast(integers, pa.int32(), safe=False), type_)",
            f"{SHREDDER}test_an_integer_column_widens_for_the_batch_only",
        ),
    ),
    *_of(
        "shred/concat.py",
        (
            "Pages together are the pages apart",
            "rows = pc.add(data.column(ROW), shifts.take(owners))",
            "rows = data.column(ROW)",
            f"{SHREDDER}test_pages_together",
        ),
    ),
)

_DESTINATION = (
    *_of(
        "destinations/merge.py",
        (
            "A row that somebody doubled is one again",
            "        if twice:\n",
            "        if False:\n",
            "tests/acceptance/test_foreign.py::test_rows_that_were_doubled_are_one_again_when_read",
        ),
        (
            "A child row that somebody doubled is one again",
            "        yield from self._once(name, parent, keys)\n",
            "",
            "tests/acceptance/test_foreign.py::test_child_rows_that_were_doubled_are_one_again_when"
            "_read",
        ),
        (
            "A doubled row makes no version more",
            'QUALIFY row_number() OVER (PARTITION BY id ORDER BY {", ".join(newest)}) = 1',
            "QUALIFY TRUE",
            "tests/acceptance/test_foreign.py::test_rows_that_were_doubled_are_one_again_when_read",
        ),
        (
            "What a page does not tell of is flagged as its record is",
            'yield Step(child.place, f"{update} AND w.{DELETED}", ("deleted",))',
            "pass",
            "tests/acceptance/test_deletes.py::test_attachments_are_flagged_as_their_message_is",
        ),
        (
            "What a page does not tell of is there again with its record",
            'yield Step(child.place, f"{update} AND NOT w.{DELETED}", ("updated",))',
            "pass",
            "tests/acceptance/test_verify.py::test_attachments_of_a_message_that_returned_are_there_again",
        ),
        (
            "Never older over newer",
            "OR s.{UPDATED_AT} > o.updated_at OR ({equal})",
            "OR TRUE OR ({equal})",
            f"{PROMISES}test_an_older_copy_never_overwrites_a_newer",
        ),
        (
            "Of two copies with one time the higher rev stays, in a batch",
            "ORDER BY {UPDATED_AT} DESC NULLS LAST, {REV} DESC NULLS LAST, {ROW} DESC\n"
            "                ) = 1\n            ) s",
            "ORDER BY {UPDATED_AT} DESC NULLS LAST, {ROW} DESC\n                ) = 1\n"
            "            ) s",
            f"{PROMISES}test_of_two_copies_with_one_time_the_higher_rev_stays",
        ),
        (
            "Of two copies with one time the higher rev stays, against what is stored",
            "OR s.{REV} >= o.rev)",
            "OR TRUE)",
            f"{PROMISES}test_of_two_copies_with_one_time_the_higher_rev_stays",
        ),
        (
            "An unchanged row is not rewritten",
            "                        ELSE 'same' END AS status\n            FROM (",
            "                        ELSE 'changed' END AS status\n            FROM (",
            f"{PROMISES}test_an_unchanged_row_is_not_rewritten",
        ),
        (
            "Elements that left an array are removed",
            "        if updated or deleted:\n",
            "        if updated:\n",
            f"{PROMISES}test_an_emptied_array_empties_its_child_table",
        ),
        (
            "Of a repeated element the first stays",
            'ORDER BY {", ".join(keys)}, {PLACE}\n',
            'ORDER BY {", ".join(keys)}, {PLACE} DESC\n',
            f"{PROMISES}test_a_repeated_element_is_one_row_the_first",
        ),
        (
            "A record that returns is un-flagged",
            'flag = f" OR o.{self.q(self.system.deleted)} IS DISTINCT FROM s.{DELETED}"',
            'flag = ""',
            f"{PROMISES}test_a_record_that_returns_is_unflagged",
        ),
        (
            "Of a copy that is two versions only the changed one is written",
            "'changed' WHERE status = 'same' AND there IN (\n"
            "                    SELECT t.there FROM",
            "'changed' WHERE status = 'same' AND {ROW} IN (\n"
            "                    SELECT t.{ROW} FROM",
            f"{KEPT}test_of_a_copy_that_is_two_versions_only_the_changed_one_is_written",
        ),
        (
            "A hard delete closes the active version",
            'f"WHERE {owner} IN (SELECT id FROM {gone}) AND {active}",',
            'f"WHERE FALSE",',
            f"{PROMISES}test_a_hard_delete_closes_the_active_version_and_stays_closed",
        ),
    ),
    *_of(
        "destinations/duckdb.py",
        (
            "Only the newest sync may write",
            "if self._epoch_there(connection) != self._epoch:",
            "if False:",
            f"{PROMISES}test_only_the_newest_sync_may_write",
        ),
        (
            "The state lands with its rows or not at all",
            "        with self._transaction() as connection:\n            self._own(connection)\n"
            "            stored = self._columns(connection)\n            for begun in",
            "        with self._transaction() as connection:\n"
            "            for key, value in write.state.items():\n"
            "                self._put(connection, key, value)\n"
            "        with self._transaction() as connection:\n            self._own(connection)\n"
            "            stored = self._columns(connection)\n            for begun in",
            f"{PROMISES}test_a_refused_write_leaves_nothing",
        ),
    ),
)

_HISTORIES = (
    *_of(
        "destinations/histories.py",
        (
            "A version is known by its updatedAt, whenever it began",
            'f"HAVING NOT bool_or(start = own)) v',
            'f"HAVING FALSE) v',
            "tests/acceptance/test_adopt.py::test_histories_go_on_whenever_their_versions_began",
        ),
        (
            "A version that somebody doubled is there once",
            "        if more:\n",
            "        if False:\n",
            "tests/acceptance/test_verify.py::test_a_version_that_somebody_doubled_is_there_once_after_a_repair",
        ),
        (
            "A record without a time opens a version only when it changed",
            'doubtful = "c.late" if',
            'doubtful = "FALSE" if',
            f"{KEPT}test_a_record_without_a_time_has_a_version_from_the_sync_that_saw_it",
        ),
        (
            "Nor does one whose time no column holds",
            'in self.plan.stored[self._history] else "TRUE"',
            'in self.plan.stored[self._history] else "c.late"',
            f"{KEPT}test_a_time_that_no_column_holds_opens_a_version_only_with_a_change",
        ),
        (
            "The last version is what the table's row is",
            "CASE WHEN latest IS NULL OR since >= latest THEN since",
            "CASE WHEN TRUE THEN since",
            f"{KEPT}test_what_the_table_took_is_the_last_version",
        ),
        (
            "A record that returns as it was is open again",
            "                            WHEN p.id IS NOT NULL OR v.{ROW} IS NOT NULL THEN TRUE\n",
            "                            WHEN v.{ROW} IS NOT NULL THEN TRUE\n",
            f"{KEPT}test_a_record_without_a_time_that_returns_is_open_again",
        ),
        (
            "What a record without a time holds is seen when the sync begins",
            "TRUE FROM present WHERE start IS DISTINCT FROM own",
            "TRUE FROM present WHERE FALSE",
            f"{KEPT}test_elements_of_a_record_without_a_time_open_when_they_are_seen",
        ),
        (
            "Versions tile",
            "THEN v.following - INTERVAL 1 MILLISECOND",
            "THEN v.following",
            f"{PROMISES}test_versions_tile_time_and_a_late_one_goes_between",
        ),
        (
            "NULL in an element is a value like another",
            '*(f"o.{k} IS NOT DISTINCT FROM i.{k}" for k in others),',
            '*(f"o.{k} = i.{k}" for k in others),',
            f"{KEPT}test_an_element_is_known_by_its_content",
        ),
        (
            "Of a repeated key the history has the first element, as the table",
            "if indexed or set(table.key) >= {c.name for c in table.history_columns()}:",
            "if True:",
            f"{KEPT}test_a_repeated_key_is_in_the_history_as_in_the_table",
        ),
        (
            "When an element left is known although its record did not change",
            "{owner}, o.{end} + INTERVAL 1 MILLISECOND FROM spans_{n} o",
            "{owner}, o.{start} FROM spans_{n} o",
            f"{KEPT}test_elements_of_a_record_without_a_time_open_when_they_are_seen",
        ),
        (
            "Elements of a record that returns as it was are open again",
            "WHERE p.id IS NULL OR s.start <= p.start",
            "WHERE TRUE",
            f"{KEPT}test_elements_of_a_record_that_returns_as_it_was_are_open_again",
        ),
        (
            "A copy of a lower rev says nothing of its elements",
            'refused = "k.updated_at IS NOT DISTINCT FROM c.start"',
            'refused = "FALSE"',
            f"{KEPT}test_a_copy_of_a_lower_rev_says_nothing_of_what_was_there",
        ),
        (
            "What was flagged when its history begins is closed",
            'f"CASE WHEN s.{flag} THEN s.{synced} END",',
            'f"CASE WHEN s.{flag} THEN NULL ELSE s.{synced} END",',
            f"{KEPT}test_a_history_that_begins_has_what_is_there",
        ),
        (
            "A pause closes nothing that was soft-deleted before",
            'AND {synced} < {paused}, FALSE)" if paused else ""',
            'AND {synced} < {paused}, FALSE)" if not paused else ""',
            f"{KEPT}test_a_soft_delete_before_the_pause_is_still_none_of_its_end",
        ),
    ),
    *_of(
        "model.py",
        (
            "The place of an element is no part of what it is",
            "if c.origin in (Origin.VALUE, Origin.PARENT)",
            "if c.origin is not Origin.SURROGATE",
            f"{KEPT}test_an_element_is_known_by_its_content",
        ),
    ),
    *_of(
        "sync/histories.py",
        (
            "That a history was switched off is remembered",
            "{name: at or (None if name in wanted else ended) for name, at in before.items()}",
            "dict(before)",
            f"{HISTORIES}test_switched_off_it_stays_and_switched_on_again_it_goes_on",
        ),
        (
            "One that is switched on again goes on",
            "if part.history and None not in since:",
            "if part.history and not since:",
            f"{HISTORIES}test_switched_off_it_stays_and_switched_on_again_it_goes_on",
        ),
        (
            "A history begins with what is there",
            "run.landing.commit(begun=begun)",
            "run.landing.commit()",
            f"{HISTORIES}test_a_history_begins_with_what_is_there",
        ),
        (
            "It begins with the custom columns too",
            'if name in known or (adopted and name.startswith("custom_"))',
            'if adopted and name.startswith("custom_")',
            f"{HISTORIES}test_a_history_begins_with_what_is_there",
        ),
        (
            "It is kept from when it was taken in, not from when it was asked for",
            "after |= {name: None for table in run.tables for name in _kept(table)}",
            "after |= dict.fromkeys(wanted)",
            f"{HISTORIES}test_a_sync_of_some_tables_leaves_the_others_histories_for_later",
        ),
    ),
    *_of(
        "destinations/duckdb.py",
        (
            "What is taken in lands with the state that says so or not at all",
            "                self._take_in(connection, begun, stored, counts)\n",
            "                self._take_in(connection, begun, stored, counts)\n"
            '                connection.execute("COMMIT")\n'
            '                connection.execute("BEGIN")\n',
            f"{HISTORIES}test_what_is_taken_in_lands_whole_or_not_at_all",
        ),
    ),
    *_of(
        "sync/wanted.py",
        (
            "A klass's history is closed by a record that is gone",
            "    for name in run.landing.of_klasses(root):\n",
            "    for name in list[str]():\n",
            f"{HISTORIES}test_a_kobject_that_is_gone_is_closed_in_its_klass_s_history",
        ),
    ),
    *_of(
        "sync/choice.py",
        (
            "`history = true` wins over `service_version = 1`",
            "if _history_wanted(connection, table.name):",
            "if _history_wanted(connection, table.name) and connection.service_version != 1:",
            f"{CHOICE}test_a_history_may_be_asked_for_where_the_six_are_not",
        ),
    ),
    *_of(
        "shred/naming.py",
        (
            "No klass is called as a history is",
            'taken = {*taken, f"{root}_history", *self._given.get(_HISTORIES, {}).values()}',
            "taken = set(taken)",
            f"{U}shred/test_naming.py::test_a_klass_and_a_history_never_share_a_name",
        ),
        (
            "No history is called as a klass is",
            'taken = {*names.values(), *self.klasses(root).values(), f"{root}_history"}',
            "taken = set(names.values())",
            f"{U}shred/test_naming.py::test_a_klass_and_a_history_never_share_a_name",
        ),
    ),
    *_of(
        "settings.py",
        (
            "A history can have none",
            "    if connection.tables[name].history:\n",
            "    if False:\n",
            "tests/unit/cli/test_settings.py::test_a_wrong_value_is_one_sentence_that_names_it",
        ),
    ),
)

_CLI = (
    *_of(
        "settings.py",
        (
            "The percentage is 25 to 90",
            "Field(ge=25, le=90,",
            "Field(ge=0, le=100,",
            "tests/unit/cli/test_settings.py::test_the_share_is_from_25_to_90",
            "tests/unit/cli/test_settings.py::test_a_wrong_value_is_one_sentence_that_names_it",
        ),
        (
            "An unknown key is named with the nearest right one",
            '_check_keys(sections[name], str(path), f"connections.{name}")',
            "pass",
            "tests/unit/cli/test_settings.py::test_a_wrong_value_is_one_sentence_that_names_it",
        ),
        (
            "Relative paths are relative to the file",
            "quote(str(self.folder.resolve()))",
            "quote(str(Path.cwd()))",
            "tests/unit/cli/test_settings.py::test_paths_are_relative_to_the_file_not_to_the_shell",
        ),
    ),
    *_of(
        "cli/__init__.py",
        (
            "Wrong usage, config, key and host end with 2",
            "return error.exit_code",
            "return 1",
            f"{A}test_command.py::test_an_unreachable_host_and_a_bad_key_write_nothing",
        ),
    ),
    *_of(
        "cli/words.py",
        (
            "Help imports nothing that takes time",
            "import argparse\n",
            "import argparse\nimport asyncio\n",
            "tests/unit/cli/test_words.py::test_help_imports_nothing_that_takes_time",
        ),
    ),
    *_of(
        "cli/commands.py",
        (
            "A connection's tables are listed without its key",
            "choose(_of_file(asked, asks=False))",
            "choose(_of_file(asked))",
            f"{A}test_command.py::test_the_tables_of_a_connection_are_listed_without_its_key",
        ),
        (
            "A signal stops resumably",
            "        stop.set()\n",
            "        os._exit(1)\n",
            f"{A}test_command.py::test_a_signal_stops_resumably",
        ),
    ),
    *_of(
        "cli/interview.py",
        (
            "The file that may hold the key is its owner's alone",
            "os.fchmod(descriptor, 0o600)",
            "os.fchmod(descriptor, 0o644)",
            "tests/unit/cli/test_interview.py::test_questions_are_asked_until_the_answer_is_right",
        ),
    ),
    *_of(
        "cli/screen.py",
        (
            "The time left is no shorter than the budget allows",
            "return max(60 * waiting",
            "return min(60 * waiting",
            "tests/unit/cli/test_screen.py::test_the_time_left_is_bounded_by_the_budget",
        ),
    ),
    *_of(
        "erd.py",
        (
            "Without extras the reference schema alone is drawn",
            "if not c.extra or c.name in t.key",
            "if True",
            "tests/unit/cli/test_erd.py::test_without_extras_the_reference_schema_alone_is_drawn",
        ),
    ),
    *_of(
        "check.py",
        (
            "Attachments cost a request for each conversation",
            "searches=0, others=told.records",
            "searches=0, others=0",
            f"{CHECK}test_what_a_first_sync_costs_is_told[False]",
        ),
    ),
)

SEARCHES = f"{U}simulator/test_search.py::"
LIMITS = f"{U}simulator/test_key_and_limits.py::"
_SIMULATOR = (
    *_of(
        "simulator/api.py",
        (
            "Page sizes are clamped",
            'min(ask.whole("pageSize", 100), switches.max_search_page_size)',
            'ask.whole("pageSize", 100)',
            f"{SEARCHES}test_page_sizes_are_clamped",
        ),
        (
            "A search yields 100 pages",
            "if ask.page > switches.page_cap:",
            "if False:",
            f"{SEARCHES}test_next_still_points_past_the_page_cap",
        ),
        (
            "A search yields 10,000 records",
            "size if cap is None else min(size, max(0, cap - offset))",
            "size",
            f"{SEARCHES}test_the_record_cap_refuses_or_runs_dry",
        ),
        (
            "A total may be capped",
            "total if switches.total_capped is None else min(total, switches.total_capped)",
            "total",
            f"{SEARCHES}test_the_total_may_be_capped",
        ),
    ),
    *_of(
        "simulator/search.py",
        (
            "A search ends at two years",
            "return ALWAYS if horizon is None else (horizon, math.inf)",
            "return ALWAYS",
            f"{SEARCHES}test_both_searches_together_find_everything_once",
        ),
        (
            "Deleted records are hidden unless asked for",
            'asked.get("includeDeleted") is True',
            "True",
            f"{SEARCHES}test_deleted_records_are_hidden_unless_asked_for",
        ),
    ),
    *_of(
        "simulator/desk.py",
        (
            "Over the limit is a 429",
            "if not verdict.allowed:",
            "if False:",
            f"{LIMITS}test_the_org_limit_refuses_until_the_window_ends",
        ),
        (
            "A missing role is a 403",
            "self.key.allow(route.roles)",
            "pass",
            f"{LIMITS}test_a_missing_role_is_a_403_in_either_shape",
        ),
    ),
)

_READINGS = (
    *_of(
        "sync/landing.py",
        (
            "Lists of a few records are shredded together",
            "left, size = iter(records), self._run.limits.page_size",
            "left, size = iter(records), 1",
            f"{READINGS}test_lists_by_record_say_how_many_are_left_and_are_shredded_together",
        ),
        (
            "Where nothing is listed, what was followed is committed in time",
            "        self.take(table, page, 0)\n        while",
            "        if page:\n            self.take(table, page, 0)\n        while",
            f"{READINGS}test_lists_of_nothing_are_followed_by_commits_too",
        ),
    ),
    *_of(
        "sync/follow.py",
        (
            "It is said how many requests are left, one for each record",
            "                left -= len(ids)\n",
            "",
            f"{READINGS}test_lists_by_record_say_how_many_are_left_and_are_shredded_together",
        ),
        (
            "What was read again is asked for again",
            "        state.forget(span)\n        run.landing.touch(name)\n",
            "        state.complete(span)\n        run.landing.touch(name)\n",
            f"{READINGS}test_times_are_asked_for_by_changed_conversations_alone",
            f"{DELETES}test_attachments_wait_for_the_role_and_land_when_it_is_there",
        ),
        (
            "Of a part read before only what changed is asked for",
            "parts += [(*part, True) for part in windows.gaps(gap, fresh)]",
            "parts += [(*part, False) for part in windows.gaps(gap, fresh)]",
            f"{READINGS}test_times_are_asked_for_by_changed_conversations_alone",
        ),
        (
            "A time that is listed no longer is flagged",
            "    if whole and gone:  # a list",
            "    if False:  # a list",
            f"{READINGS}test_a_time_that_is_listed_no_longer_is_flagged",
        ),
        (
            "A list of old notes flags nothing that it lacks",
            "    if whole and gone:  # a list",
            "    if gone:  # a list",
            f"{READINGS}test_notes_of_a_list_that_ends_early_come_by_conversation",
        ),
        (
            "A message that nothing leads to is asked for by its id",
            "    left = _alone(run, table, sorted(set(holding",
            "    left = list(sorted(set(holding",
            f"{DELETES}test_attachments_of_messages_that_nothing_leads_to_land",
        ),
        (
            "A message of no conversation is asked for by its id",
            "                if self.alone:\n",
            "                if False:\n",
            f"{DELETES}test_attachments_of_messages_that_nothing_leads_to_land",
        ),
    ),
    *_of(
        "sync/landing.py",
        (
            "Times of a conversation that is gone are flagged with it",
            "if isinstance(other.reading, Each) and other.reading.of == table.name:",
            "if False:",
            f"{READINGS}test_times_of_a_vanished_conversation_are_flagged_and_return_with_it",
        ),
        (
            "What only the program needs is in no report",
            'names = {name for name in self.counts if not name.startswith("_")}',
            "names = set(self.counts)",
            f"{READINGS}test_what_only_the_program_needs_is_shown_to_nobody",
        ),
    ),
    *_of(
        "sync/recent.py",
        (
            "A work session that was open is looked at by its id",
            'ended = sorted(set(before.get("open", ())) - still)',
            "ended: list[str] = []",
            f"{READINGS}test_little_of_the_work_sessions_is_read_between_two_daily_readings",
        ),
        (
            "A list that ends early shows its other end in the other order",
            "    for order in _NEWEST_FIRST:\n",
            "    for order in _NEWEST_FIRST[:1]:\n",
            f"{READINGS}test_a_list_of_work_sessions_that_ends_early_is_read_from_both_ends",
        ),
        (
            "New work sessions are read",
            "        if not whole:\n",
            "        if False:\n",
            f"{READINGS}test_work_sessions_are_as_they_are_in_a_living_org",
        ),
        (
            "The newest are read no further than what was there",
            "if since is not None and last is not None and last < since - overlap:",
            "if False:",
            f"{READINGS}test_little_of_the_work_sessions_is_read_between_two_daily_readings",
        ),
        (
            "An order that falls nowhere proves nothing",
            "return len(set(run)) > 1 and run == sorted(run, reverse=True)",
            "return True",
            f"{READINGS}test_work_sessions_are_as_they_are_in_a_living_org",
        ),
    ),
    *_of(
        "sync/older.py",
        (
            "Old notes that vanished are flagged",
            "gone = confirmed(run, table, sorted(unseen))",
            "gone = ()",
            f"{READINGS}test_notes_of_over_two_years_ago_come_from_their_list",
        ),
        (
            "A list of notes that is by age is read no further than the search knows",
            "        if rising and last >= horizon:\n",
            "        if False:\n",
            f"{READINGS}test_the_old_notes_cost_a_look_at_the_oldest_pages_alone",
        ),
        (
            "Old notes whose list ends early are asked for by conversation",
            "state.list_cut = whole.cut",
            "state.list_cut = False",
            f"{READINGS}test_notes_of_a_list_that_ends_early_come_by_conversation",
        ),
    ),
    *_of(
        "kustomer/listings.py",
        (
            "A list is looked for wherever it may be",
            "            elif not paths or isinstance(error, Refused):\n",
            "            else:\n",
            f"{READINGS}test_assistants_are_read_wherever_they_are_listed",
        ),
        (
            "A record whose own path tells nothing stays as it is",
            "whole.unread.append(listed)",
            "found.append(listed)",
            f"{READINGS}test_what_a_single_path_does_not_tell_stays_as_it_is",
        ),
    ),
    *_of(
        "sync/reimport.py",
        (
            "Metadata that can't be read flags nothing",
            "        elif record is UNSURE:\n",
            "        elif False:\n",
            f"{READINGS}test_metadata_that_can_not_be_read_flags_nothing",
        ),
    ),
    *_of(
        "kustomer/client.py",
        (
            "What a reply includes is given to the record that it names",
            "if _ref(record) in owners or len(records) == 1:",
            "if False:",
            f"{TRUTH}test_a_reimport_of_an_unchanged_org_changes_nothing",
            f"{READINGS}test_what_a_single_path_does_not_tell_stays_as_it_is",
        ),
    ),
    *_of(
        "sync/landing.py",
        (
            "A commit that failed leaves no state",
            "self.broken = True  # the rows are let go: nothing may say that they were read",
            "pass",
            f"{RESUME}test_a_commit_that_failed_leaves_nothing_that_says_it_was_made",
        ),
        (
            "What is asked for by a record that is gone is flagged by any sync",
            "for other in self._run.chosen:",
            "for other in self._run.tables:",
            f"{READINGS}test_times_are_asked_for_after_a_sync_of_conversations_alone",
        ),
    ),
    *_of(
        "sync/run.py",
        (
            "A span is open before the first of its rows lands",
            "            to_read(self, window.table, window.span)\n",
            "            pass\n",
            f"{READINGS}test_times_are_asked_for_also_when_the_sync_that_read_their_conversations"
            "_was_cut_off",
        ),
    ),
    *_of(
        "sync/follow.py",
        (
            "A span that is read is open for all that follow, in this sync or not",
            "    for name in _asked_for_by(table):\n",
            "    for name in {*_asked_for_by(table)} & {one.name for one in run.tables}:\n",
            f"{READINGS}test_times_are_asked_for_after_a_sync_of_conversations_alone",
        ),
        (
            "One conversation that is refused costs the others nothing",
            "        if isinstance(found, Exception):\n            lost[parent] = found\n",
            "        if isinstance(found, Exception):\n            raise found\n",
            f"{READINGS}test_one_conversation_that_is_refused_costs_the_others_nothing",
        ),
        (
            "A time that came to another conversation is not flagged",
            "        run.landing.commit()\n        sure =",
            "        sure =",
            f"{READINGS}test_a_time_that_came_to_another_conversation_is_not_flagged",
        ),
    ),
    *_of(
        "sync/recent.py",
        (
            "An order that is not offered is no obstacle",
            "            if not order:\n                raise\n",
            "            raise\n",
            f"{READINGS}test_work_sessions_are_read_where_no_other_order_is_offered",
        ),
        (
            "A work session that is not signed out may change",
            "                still.add(record_id)",
            "                pass",
            f"{READINGS}test_a_work_session_that_is_not_signed_out_is_looked_at_again",
        ),
    ),
    *_of(
        "kustomer/listings.py",
        (
            "A list that breaks off is not a list that failed",
            "            if began:  # it says",
            "            if False:  # it says",
            f"{READINGS}test_a_list_that_breaks_off_is_read_from_its_other_end",
        ),
    ),
    *_of(
        "sync/reimport.py",
        (
            "A look by id that is forbidden does not end the sync",
            "        except (Forbidden, PathFailed):\n            record = UNSURE\n",
            "        except ZeroDivisionError:\n            record = UNSURE\n",
            f"{READINGS}test_a_look_by_id_that_is_forbidden_does_not_end_the_sync",
        ),
        (
            "A listed record lands though its own path tells nothing",
            "        run.landing.take(table, whole.unread, 0, whole=False)\n",
            "",
            f"{READINGS}test_what_a_single_path_does_not_tell_stays_as_it_is",
        ),
    ),
    *_of(
        "sync/follow.py",
        (
            "A merge that can't be followed is tried once a day",
            "landing.unfollowed if run.compared else set()",
            "landing.unfollowed",
            f"{DELETES}test_a_merge_that_can_not_be_followed_is_tried_once_a_day",
        ),
        (
            "A merge that could not be followed is not forgotten",
            "landing.unfollowed |= set() if all(done) else set(customers)",
            "pass",
            f"{DELETES}test_a_merge_that_can_not_be_followed_is_tried_once_a_day",
        ),
    ),
    *_of(
        "sync/log.py",
        (
            "An audit log that begins with the oldest is read to its end",
            "until is not None and falling and last is not None",
            "until is not None and last is not None",
            f"{READINGS}test_only_the_newest_pages_of_the_audit_log_are_read_again",
        ),
        (
            "Only the newest pages of the audit log are read again",
            "                break\n",
            "                pass\n",
            f"{READINGS}test_only_the_newest_pages_of_the_audit_log_are_read_again",
        ),
    ),
    *_of(
        "sync/follow.py",
        (
            "Events that Kustomer keeps no longer are not gone",
            "whole = not each.fades",
            "pass",
            f"{READINGS}test_events_that_kustomer_keeps_no_longer_stay",
        ),
    ),
    *_of(
        "protect.py",
        (
            "What costs many requests lands only where it is named",
            "            return table not in _OFF\n",
            "            return True\n",
            f"{READINGS}test_events_and_the_audit_log_land_only_where_they_are_named",
        ),
    ),
)

_VERIFY = (
    *_of(
        "sync/verify/comparison.py",
        (
            "What changed since the cursor is no difference",
            "        return within(touched(record), self.spans)\n",
            "        return True\n",
            f"{VERIFY}test_a_living_org_raises_no_alarm",
        ),
        (
            "What a merge moved since without a trace is no difference",
            "moved = {_OWNER} <= set(unlike.columns) <= _QUIET",
            "moved = False",
            f"{VERIFY}test_a_living_org_raises_no_alarm[merges-move-no-time]",
        ),
        (
            "A record that the destination lacks is named",
            "found.missing.append(u.record_id)\n            elif self._follows",
            "pass\n            elif self._follows",
            f"{VERIFY}test_each_damage_is_named_repaired_and_then_gone",
        ),
    ),
    *_of(
        "sync/verify/searched.py",
        (
            "A soft delete that only searches show is compared with what they show",
            "        shown = self._shown(table, times)\n        self._seen",
            "        shown: dict[str, Record] = {}\n        self._seen",
            f"{VERIFY}test_a_soft_deleted_record_that_only_searches_show_is_compared",
        ),
        (
            "A row that Kustomer has no record of is named",
            "self.common.of(table).extra = sorted({*self.common.of(table).extra, *stored})",
            "pass",
            f"{VERIFY}test_each_damage_is_named_repaired_and_then_gone",
        ),
    ),
    *_of(
        "sync/verify/listed.py",
        (
            "A listed row that the list lacks is named",
            "            suspects |= set(there) - records.keys()\n",
            "            pass\n",
            f"{VERIFY}test_each_damage_is_named_repaired_and_then_gone",
        ),
    ),
    *_of(
        "sync/verify/asked.py",
        (
            "What is asked for by parent is compared",
            "for u in self.common.unlike(table, list(records.values()))}",
            "for u in ()}",
            f"{VERIFY}test_each_damage_is_named_repaired_and_then_gone",
        ),
    ),
    *_of(
        "sync/verify/verification.py",
        (
            "A difference ends with exit code 1",
            'found.status = "DIFFERS" if left else "AGREES"',
            'found.status = "AGREES"',
            f"{VERIFY}test_the_command_tells_its_price_and_by_its_exit_code_what_it_found",
        ),
        (
            "A repair that changed nothing is not one",
            "            for repair in (self._read_again, self._renew):\n",
            "            for repair in (self._read_again,):\n",
            f"{VERIFY}test_a_row_that_says_it_is_newer_or_is_there_twice_is_made_anew",
        ),
    ),
    *_of(
        "destinations/merge.py",
        (
            "A row that is there twice is unlike",
            'marks = {"id": f"o.{TIMES} > 1"}',
            'marks = {"id": "FALSE"}',
            f"{VERIFY}test_a_row_that_says_it_is_newer_or_is_there_twice_is_made_anew",
        ),
        (
            "A custom value that the record lacks or has is compared",
            "                tests[name] = self._unequal(name, type_, column,",
            '                tests[name] = "FALSE" or self._unequal(name, type_, column,',
            f"{VERIFY}test_each_damage_is_named_repaired_and_then_gone",
        ),
        (
            "A child's row that has another value is unlike",
            "name: self._unequal(name, type_, own[name], new[name])",
            'name: "FALSE"',
            f"{PROMISES}test_what_is_unlike_is_what_landing_would_change",
        ),
    ),
    *_of(
        "destinations/duckdb.py",
        (
            "Who only reads leaves the file as it is",
            "read_only = not create and self._epoch is None",
            "read_only = False",
            "tests/contract/destinations/test_files.py::test_who_did_not_begin_only_reads",
        ),
        (
            "What somebody else changed while the file was free is seen",
            "if self._stored is None or self._stored_in != self._file.openings:",
            "if self._stored is None:",
            "tests/contract/destinations/test_files.py::test_what_others_do_while_the_file_is_free_is_seen",
        ),
        (
            "A file that is held is put in order when that is due",
            'connection.execute("RESET max_vacuum_tasks")',
            "pass",
            "tests/acceptance/test_scale.py::test_many_small_syncs_leave_few_pieces_of_a_table",
        ),
    ),
    *_of(
        "destinations/file.py",
        (
            "A file is not held for longer than a moment",
            "self._closer.start()",
            "pass",
            "tests/contract/destinations/test_files.py::test_a_file_is_held_for_a_moment_and_then_free",
        ),
        (
            "A file that is always in use is free now and then",
            "if now - self._opened_at > _LONGEST_HOLD:",
            "if False:",
            "tests/contract/destinations/test_files.py::test_a_file_that_is_always_in_use_is_free_now_and_then",
        ),
        (
            "A file that is in use is not closed under whoever uses it",
            "            if left > 0:\n                self._wait(left)\n            elif",
            "            if",
            "tests/contract/destinations/test_files.py::test_a_file_that_was_taken_up_again_is_held_from_then_on",
        ),
        (
            "A file is opened once for what follows each other",
            "if done and self._hold_seconds:",
            "if False:",
            "tests/contract/destinations/test_files.py::test_a_file_is_held_for_a_moment_and_then_free",
        ),
        (
            "What one call made is not there for the next",
            "cursor = file.cursor()",
            "cursor = file",
            "tests/contract/destinations/test_files.py::test_a_file_is_held_for_a_moment_and_then_free",
        ),
    ),
    *_of(
        "kustomer/quota.py",
        (
            "A changed share counts for both budgets",
            "            self.org.percentage = self.search.percentage = percentage\n",
            "            self.org.percentage = percentage\n",
            f"{QUOTA}test_a_changed_share_counts_from_the_next_request_on",
        ),
        (
            "The share is looked at while a request waits",
            "                self._look(now)\n",
            "",
            f"{QUOTA}test_a_waiting_request_goes_when_the_share_it_waits_for_grows",
            f"{STATUS}test_a_share_changed_in_the_file_counts_for_the_sync_that_runs",
        ),
    ),
    *_of(
        "cli/commands.py",
        (
            "A changed file that can't be used changes nothing",
            '            except SyncError as error:\n                say(f"Warning',
            '            except ZeroDivisionError as error:\n                say(f"Warning',
            f"{STATUS}test_a_changed_file_that_can_not_be_used_is_said_once_and_changes_nothing",
        ),
    ),
    *_of(
        "sync/run.py",
        (
            "The state says how the last sync ended",
            "        self._ended(self.report.status)\n",
            "",
            f"{STATUS}test_when_others_use_the_budget_up_it_goes_on_later_without_loss",
        ),
    ),
    *_of(
        "sync/landing.py",
        (
            "Each commit tells the budgets",
            "            self._changed = {**self._run.told(), **self._changed}\n",
            "",
            f"{STATUS}test_a_sync_that_was_killed_is_not_over",
        ),
    ),
    *_of(
        "sync/status.py",
        (
            "A list that is to be re-imported says so",
            "listed_at = None if own.listed_at == LONG_AGO else own.listed_at",
            "listed_at = own.listed_at",
            f"{STATUS}test_a_list_that_a_resync_did_not_come_to_is_to_be_re_imported",
        ),
        (
            "What was used over a minute ago no longer counts",
            '{"used": 0}',
            '{"used": 1}',
            f"{STATUS}test_a_complete_connection_says_so_and_is_only_read",
        ),
        (
            "The searches to come are counted by pages",
            "math.ceil((table.to_come or 0) / many)",
            "math.ceil(table.to_come or 0)",
            f"{STATUS}test_an_unfinished_backfill_says_what_is_open_and_when_it_will_be_whole",
        ),
    ),
)

_ADOPT = (
    *_of(
        "sync/adopt.py",
        (
            "A history that is there is gone on with, not begun anew",
            "ADOPTED: adopted, HISTORIES: going_on, PREFIX",
            "ADOPTED: adopted, PREFIX",
            "tests/acceptance/test_adopt.py::test_histories_go_on_whenever_their_versions_began",
        ),
        (
            "A child table that is empty is filled",
            "empty = sorted(name for name in told if not self._filled(name))",
            "empty = []",
            "tests/acceptance/test_adopt.py::test_a_child_table_that_is_empty_is_filled",
        ),
        (
            "The cursor is a day before the oldest table was synced",
            "return min(known) - _DAY if known else None",
            "return max(known) if known else None",
            f"{ADOPT}test_it_goes_on_a_day_before_the_oldest_table_was_synced",
        ),
        (
            "What was read before is not read again",
            '        done = {"done": [[0, self.millis]]} if self.cursor else {}\n',
            "        done: dict[str, Any] = {}\n",
            f"{ADOPT}test_it_goes_on_a_day_before_the_oldest_table_was_synced",
        ),
        (
            "A table that lacks a child is read from the beginning",
            "missing = sorted(family(table) - self.found.keys())",
            "missing: list[str] = []",
            f"{ADOPT}test_a_table_that_can_t_be_whole_is_read_from_the_beginning",
        ),
        (
            "A dry run writes nothing",
            "        if apply:\n",
            "        if True:\n",
            f"{ADOPT}test_an_adopted_schema_ends_equal_to_the_org[1]",
            f"{A}test_command.py::test_adopt_tells_first_and_does_it_then",
        ),
        (
            "What is ours already is not adopted",
            "        if there.state():\n",
            "        if False:\n",
            f"{ADOPT}test_what_is_ours_already_is_refused",
        ),
        (
            "A table that somebody else made is refused",
            "            if column not in columns:\n",
            "            if False:\n",
            f"{ADOPT}test_what_can_t_be_adopted_is_refused",
        ),
    ),
    *_of(
        "sync/landing.py",
        (
            "A KObject that is gone is flagged in an adopted table of its klass",
            "sorted({*self.names.klasses(table.name).values(), *self.adopted[0]})",
            "sorted(self.names.klasses(table.name).values())",
            f"{ADOPT}test_what_was_erased_before_is_flagged_everywhere",
        ),
        (
            "A column that had to change is told of",
            "            self.say_changed()\n",
            "",
            f"{ADOPT}test_a_number_column_of_a_text_attribute_stays_one_while_values_fit",
        ),
    ),
    *_of(
        "sync/choice.py",
        (
            "Only service_version 1 has the columns of before August 2022",
            "        if c.name not in extra and (old or not c.legacy)\n",
            "        if c.name not in extra\n",
            f"{LEGACY}test_only_version_1_has_what_the_reference_schema_dropped",
        ),
    ),
    *_of(
        "destinations/duckdb.py",
        (
            "A value that does not fit a narrower column widens it",
            "        if misfit is None:\n",
            "        if True:\n",
            f"{FOREIGN_TYPES}test_a_narrower_column_stays_while_every_value_fits",
        ),
        (
            "Another program's type becomes ours only if no value is lost",
            "return self._first_other(connection, self._t(name), quoted, back) is not None",
            "return False",
            f"{FOREIGN_TYPES}test_making_ready_gives_the_nearest_of_our_types",
        ),
        (
            "A row that nobody flagged is not flagged",
            'connection.execute(f"UPDATE {table} SET {quoted} = FALSE")',
            "pass",
            f"{FOREIGN_TYPES}test_rows_are_not_flagged_where_nobody_flagged_any",
        ),
    ),
    *_of(
        "model.py",
        (
            "A number column of a text attribute stays a number",
            "    return (stored, incoming) in _NARROWER\n",
            "    return False\n",
            f"{FOREIGN_TYPES}test_a_narrower_column_stays_while_every_value_fits",
            f"{ADOPT}test_a_number_column_of_a_text_attribute_stays_one_while_values_fit",
        ),
    ),
)

_RESYNC = (
    *_of(
        "sync/resync.py",
        (
            "What a re-sync is still to read is kept with what it read",
            "            _keep(run)\n            run.landing.commit()\n            run.keep_up()\n",
            "            run.landing.commit()\n            run.keep_up()\n",
            f"{RESYNC}test_a_resync_that_ended_early_goes_on_with_the_next_sync",
        ),
        (
            "A re-sync that was asked for outlives the sync",
            "    _keep(run)\n    run.landing.commit()\n    run.say(",
            "    run.landing.commit()\n    run.say(",
            f"{RESYNC}test_a_resync_that_never_came_to_read_is_done_by_the_next_sync",
        ),
        (
            "A re-sync flags nothing before its end",
            "            asked.unseen |= unseen\n",
            "            run.landing.commit(run.landing.absent(table, sorted(unseen)))\n",
            f"{RESYNC}test_readers_keep_their_rows_until_new_ones_replace_them",
        ),
        (
            "A re-sync that could not read all flags nothing",
            "if _left(run, table, asked.spans):",
            "if False:",
            f"{RESYNC}test_a_resync_of_an_api_that_fails_flags_nothing",
        ),
        (
            "What no look by id can tell is looked at again by the next sync",
            "    if gone is None:\n        return",
            "    if gone is None:\n        gone = ()",
            f"{RESYNC}test_a_resync_of_an_api_that_fails_flags_nothing",
        ),
        (
            "Since a date, what is soft-deleted does not count as unseen",
            "living=not asked.whole",
            "living=False",
            f"{RESYNC}test_a_soft_deleted_record_that_no_look_shows_is_not_flagged[300]",
        ),
        (
            "A record met elsewhere is not unseen",
            "        self.unseen -= ids_of(records)\n",
            "        pass\n",
            f"{RESYNC}test_a_soft_deleted_record_that_no_look_shows_is_not_flagged[None]",
        ),
        (
            "What was deleted meanwhile is looked for among the changes before it is flagged",
            "        run.changes()  # what",
            "        pass  # what",
            f"{RESYNC}test_what_is_deleted_while_a_resync_reads_is_not_flagged",
        ),
        (
            "Since a date, what is older is not read",
            "    lo = max(0, windows.millis(wanted.since)) if wanted.since else 0\n",
            "    lo = 0\n",
            f"{RESYNC}test_a_resync_since_a_date_mends_what_is_newer",
        ),
        (
            "Rows that no search by time leads to are looked for",
            "        asked.unseen |= set(run.destination.strays(table, hi, _held(run, table)))\n",
            "        _held(run, table), hi\n",
            f"{RESYNC}test_a_resync_mends_whatever_is_wrong",
        ),
        (
            "What is asked for by others is asked for again",
            "    forget(run, names, span)\n",
            "",
            f"{RESYNC}test_a_resync_of_an_unchanged_org_rewrites_no_row",
        ),
        (
            "Listed tables are read again",
            "            state.listed_at = LONG_AGO  # so it is due\n",
            "            pass\n",
            f"{RESYNC}test_a_resync_of_an_unchanged_org_rewrites_no_row",
        ),
        (
            "Changes are read while a long re-sync goes on",
            "            run.keep_up()\n",
            "",
            f"{RESYNC}test_changes_are_read_while_a_long_resync_goes_on",
        ),
        (
            "A date that is to come is refused",
            "if self.since is not None and self.since > now:",
            "if False:",
            f"{RESYNC}test_what_can_not_be_resynced_is_one_sentence",
        ),
        (
            "Rows beyond the end of what was read are compared too",
            "before.unseen.union(newer)",
            "before.unseen",
            f"{RESYNC}test_a_row_newer_than_the_last_search_is_compared",
        ),
    ),
    *_of(
        "sync/follow.py",
        (
            "What took all the time is the last the next time",
            "        if not follower.catch_up() and not late:",
            "        if not follower.catch_up() and late and False:",
            f"{LOOKS}test_what_is_asked_for_by_others_has_its_turn",
        ),
        (
            "Only conversations of long ago are asked for old notes",
            "run.horizon if cut else None",
            "None",
            f"{READINGS}test_notes_of_a_list_that_ends_early_come_by_conversation",
        ),
    ),
    *_of(
        "sync/landing.py",
        (
            "A KObject is looked for in its own klass first",
            "sorted(names, key=lambda klass: klass != found.get(one))",
            "names",
            f"{LOOKS}test_a_kobject_is_looked_for_in_its_own_klass_first",
        ),
        (
            "A value that is read twice is counted once",
            "                if one in self._rejected:\n",
            "                if False:\n",
            f"{LOOKS}test_a_value_that_is_read_twice_is_counted_once",
        ),
    ),
    *_of(
        "kustomer/singly.py",
        (
            "A path that is forbidden does not hide the others",
            "            forbidden.append(error)\n            record = None\n",
            "            raise error\n",
            f"{LOOKS}test_a_klass_that_is_forbidden_does_not_hide_the_others",
        ),
    ),
    *_of(
        "kustomer/listings.py",
        (
            "A list may be behind a path that is forbidden",
            "            if began or not paths:\n                raise\n",
            "            raise\n",
            f"{LOOKS}test_assistants_are_looked_for_behind_a_path_that_is_forbidden",
        ),
        (
            "Where one path is forbidden and the other has no list, a role may be missing",
            "raise (forbidden or error) from None",
            "raise",
            f"{LOOKS}test_assistants_are_looked_for_behind_a_path_that_is_forbidden",
        ),
        (
            "A part of a list that is refused flags nothing",
            'whole.complete, whole.why = False, f"a part of the list can\'t be read ({error})"',
            "continue",
            f"{REIMPORT}test_a_part_of_a_list_that_is_refused_flags_nothing",
        ),
    ),
    *_of(
        "sync/reimport.py",
        (
            "The flags of a listing come with the word that it was listed",
            "    run.landing.commit(run.landing.absent(table, absent))\n",
            "    run.landing.commit()\n    run.landing.commit(run.landing.absent(table, absent))\n",
            f"{REIMPORT}test_the_flags_of_a_listing_change_in_one_transaction",
        ),
    ),
    *_of(
        "sync/run.py",
        (
            "Listed tables are read once a day whatever the frequency",
            "            return now - at >= _DAY\n",
            "            return now - at >= timedelta(minutes=self.connection.sync_frequency)\n",
            f"{REIMPORT}test_listed_tables_are_read_once_a_day_whatever_the_frequency[None-60-2]",
        ),
    ),
    *_of(
        "destinations/duckdb.py",
        (
            "Child rows without a record are missing from a list too",
            'held = [(part.place, part.parent_column or "id") for part in table.walk()]',
            'held = [(table.place, "id")]',
            f"{RESYNC}test_a_resync_mends_listed_tables_and_what_is_asked_for_by_others",
        ),
    ),
)

_PROTECT = (
    *_of(
        "destinations/duckdb.py",
        (
            "A number column of ours that is hashed is told to be text now",
            "        elif raw and have[column] is not Type.STRING:",
            "        elif False:",
            f"{PROTECT}test_turning_hashing_on_rewrites_what_is_there_and_reading_it_again_changes"
            "_nothing",
        ),
    ),
    *_of(
        "protect.py",
        (
            "What is said of all klasses is said of each",
            "for name in (table.common, table.name):",
            "for name in (table.name,):",
            f"{PROTECTION}test_what_is_said_of_kobjects_is_said_of_each_klass",
        ),
        (
            "A reject does not tell what its column may not",
            "        return replace(reject, value=None)\n",
            "        return reject\n",
            f"{PROTECTION}test_a_reject_keeps_its_text_only_where_that_may_land",
            f"{PROTECT}test_protected_values_land_nowhere",
        ),
        (
            "A key made of content does not give it away",
            "        return bool(hashed or blocked)\n",
            "        return False\n",
            f"{PROTECTION}test_a_key_made_of_content_is_made_with_the_salt",
        ),
        (
            "A blocked custom attribute is dropped",
            "rows.data.drop_columns(sorted(dropped)) if dropped else rows.data",
            "rows.data",
            f"{PROTECTION}test_a_column_is_dropped_or_hashed_and_the_others_stay",
        ),
        (
            "A klass that is blocked has no table",
            "            return None\n        if not self._guarded(table):",
            "            pass\n        if not self._guarded(table):",
            f"{PROTECTION}test_a_blocked_klass_has_no_batch",
        ),
    ),
    *_of(
        "sync/choice.py",
        (
            "A family that is blocked whole is not requested",
            "    return shown or histories or _klass_named(protection, root)\n",
            "    return True\n",
            f"{CHOICE}test_a_table_is_requested_only_if_something_of_it_is_wanted",
        ),
        (
            "A hidden table has no more than the program reads",
            "    if table.history or table.per_klass:\n",
            "    if True:\n",
            f"{CHOICE}test_what_lands_for_its_children_alone_has_what_the_program_reads",
        ),
    ),
    *_of(
        "destinations/merge.py",
        (
            "A blocked column makes no row differ",
            "if name not in table.left_out}",
            "if True}",
            f"{PROTECT}test_a_blocked_column_rewrites_nothing_and_is_empty_in_rows_written_later",
        ),
    ),
    *_of(
        "destinations/duckdb.py",
        (
            "Turning hashing on rewrites what is there",
            "            self._hash(connection, name, column, have, counts)\n",
            "            pass\n",
            f"{PROTECT}test_turning_hashing_on_rewrites_what_is_there_and_reading_it_again_"
            "changes_nothing",
        ),
        (
            "A table that was hidden is caught up",
            "                self._uncovered(connection, part, twin, stored, counts)\n",
            "                pass\n",
            f"{PROTECT}test_a_table_that_is_hidden_and_comes_back_is_as_the_org",
        ),
        (
            "A child that returns knows which records went",
            "                self._returned(connection, back, stored, counts)\n",
            "                pass\n",
            f"{PROTECT}test_flags_are_caught_up_in_a_child_that_returns",
        ),
    ),
    *_of(
        "destinations/foreign.py",
        (
            "Somebody's column is no difference",
            "        return table not in self._now or column in self._now[table]\n",
            "        return True\n",
            f"{FOREIGN}test_what_is_somebody_s_own_is_left_alone",
        ),
        (
            "Somebody's column keeps its values",
            "    for sql in restore:\n",
            "    for sql in ():\n",
            f"{FOREIGN}test_what_is_somebody_s_own_is_left_alone",
            f"{ADOPT}test_what_is_not_ours_is_left_alone",
        ),
    ),
    *_of(
        "sync/wanted.py",
        (
            "A back-fill asks for nothing else",
            "state.reread()",
            "state.done = []",
            f"{PROTECT}test_a_back_fill_asks_for_nothing_else",
        ),
        (
            "What is wanted again is filled",
            "        state.reread()\n",
            "        pass\n",
            f"{PROTECT}test_what_is_wanted_again_is_filled_and_nothing_else_is_read",
        ),
        (
            "A listed table that was dropped is listed again",
            "    elif isinstance(root.reading, Listing):\n        state.listed_at = None\n",
            "    elif isinstance(root.reading, Listing):\n        pass\n",
            f"{FOREIGN}test_a_table_that_was_dropped_is_named_and_filled",
        ),
        (
            "Another salt is refused",
            "    if kept and given and kept != given and there and wanted:\n",
            "    if False:\n",
            f"{PROTECT}test_another_salt_is_refused_and_writes_nothing",
        ),
        (
            "What was kept out and may come now is filled",
            "            if names.admits(scope, name):\n                yield scope",
            "            if False:\n                yield scope",
            f"{PROTECT}test_going_back_to_all_brings_what_was_kept_out",
        ),
    ),
    *_of(
        "shred/shredder.py",
        (
            "A klass that is kept out has no table",
            "if klass is None or not self._names.klass_admitted(klass, self.table.name):\n",
            "if klass is None:\n",
            f"{PROTECT}test_what_is_new_lands_as_the_connection_says",
        ),
    ),
)

_TOGETHER = (
    *_of(
        "sync/histories.py",
        (
            "A history that begins digests nothing a second time",
            "run.protection.dressed(replace(table, columns=(*table.columns, *custom)))",
            "replace(table, columns=(*table.columns, *custom))",
            f"{TOGETHER}test_a_history_that_begins_has_the_digests_of_its_table",
        ),
        (
            "Somebody's column is no custom attribute of a history",
            'if name in known or (adopted and name.startswith("custom_"))\n',
            'if name.startswith("custom_")\n',
            f"{TOGETHER}test_somebody_s_column_keeps_its_values_through_repairs_and_new_histories",
        ),
    ),
    *_of(
        "sync/choice.py",
        (
            "A root is read for its history alone",
            "        _history_wanted(connection, part.name) or (part",
            "        False or (part",
            f"{TOGETHER}test_a_blocked_root_keeps_its_history_if_that_is_asked_for",
        ),
    ),
    *_of(
        "destinations/foreign.py",
        (
            "A history's rows are told apart by what lands of them",
            "[name for name in there if name not in table.left_out]\n",
            "list(table.history_key)\n",
            f"{TOGETHER}test_somebody_s_column_of_a_history_without_a_blocked_one_stops_no_sync",
        ),
    ),
    *_of(
        "destinations/duckdb.py",
        (
            "What is made anew keeps other people's columns",
            "        with foreign.kept(connection, plan, theirs, (root, *children)):\n"
            "            self._take_away(connection, anew, batch, stored)\n",
            "        self._take_away(connection, anew, batch, stored)\n"
            "        with foreign.kept(connection, plan, theirs, (root, *children)):\n",
            f"{TOGETHER}test_somebody_s_column_keeps_its_values_through_repairs_and_new_histories",
        ),
        (
            "A history that is taken up keeps other people's columns",
            "            with foreign.kept(connection, plan, theirs, whole):\n",
            "            with foreign.kept(connection, plan, {}, whole):\n",
            f"{TOGETHER}test_somebody_s_column_of_a_history_keeps_its_values_through_a_pause",
        ),
        (
            "A history that goes on is wide enough for what its table holds",
            "            self._ensure(connection, table, stored, counts, rows)\n",
            "            self._ensure(connection, table, stored, counts)\n",
            f"{KEPT}test_a_history_that_goes_on_holds_what_its_table_came_to_hold",
        ),
        (
            "A hidden table is not asked for what does not land in it",
            'made_before is not None and any(c.name == "created_at" for c in table.landing):',
            "made_before is not None:",
            f"{TOGETHER}test_old_notes_are_asked_for_by_conversations_that_land_hidden",
        ),
    ),
    *_of(
        "destinations/merge.py",
        (
            "A value too large for an element's column is compared",
            "        wide = wider(stored, column.type)\n        old",
            "        wide = stored\n        old",
            f"{PROMISES}test_what_no_longer_fits_an_elements_narrower_column_is_unlike_its_row",
        ),
    ),
    *_of(
        "sync/verify/verification.py",
        (
            "A repair takes up no history behind its back",
            "        take_up(run)\n",
            "",
            f"{TOGETHER}test_a_repair_leaves_no_hole_in_a_history_that_is_paused",
        ),
    ),
    *_of(
        "sync/verify/searched.py",
        (
            "What changed a moment ago may be indexed late",
            "        compared.looked = max(lo, now - self.run.connection.overlap_seconds * 1000)\n",
            "        compared.looked = now\n",
            f"{VERIFY}test_a_delete_that_searches_show_late_is_no_difference",
        ),
    ),
    *_of(
        "sync/landing.py",
        (
            "A flag in passing makes no table ready",
            "                    self._run.destination.know(other)\n",
            "                    self._run.destination.ensure([other])\n",
            f"{TOGETHER}test_a_flag_in_passing_hides_no_column_that_somebody_dropped",
        ),
    ),
    *_of(
        "sync/wanted.py",
        (
            "A log that lost a column is read again",
            "        landing.put(log_key(root), None)\n",
            "        pass\n",
            f"{TOGETHER}test_the_audit_log_is_filled_like_any_other_table",
        ),
        (
            "A log that was read is known",
            "or state.listed_at is not None or logged",
            "or state.listed_at is not None",
            f"{TOGETHER}test_the_audit_log_is_filled_like_any_other_table",
        ),
        (
            "A klass's table that returns with its family is flagged",
            'back = bool({table.name, table.common, f"{table.place}.{flag}"} & missing)',
            'back = bool({table.name, f"{table.place}.{flag}"} & missing)',
            f"{TOGETHER}test_a_klass_that_returns_knows_what_went_meanwhile",
        ),
        (
            "What is asked for by others is flagged when it returns",
            "        returned += _orphaned(run, root) if orphans else ()\n",
            "",
            f"{TOGETHER}test_times_that_return_know_which_conversations_went",
        ),
    ),
)

_UNTOLD = (
    *_of(
        "sync/follow.py",
        (
            "A list that was not told is asked for again",
            "        state.untold = [*left, *sorted(untold - {*left})][-_UNTOLD:]\n",
            "        state.untold = left\n",
            f"{UNTOLD}test_a_list_that_was_not_told_is_asked_for_again",
        ),
        (
            "A path that is away for a while is no empty list",
            "    if any(record for _, record in looks):\n",
            "    if False:\n",
            f"{UNTOLD}test_a_list_that_was_not_told_is_asked_for_again",
        ),
        (
            "What is never told is asked for once a day",
            "        if state.untold and self.run.due(state.asked_at):\n",
            "        if state.untold:\n",
            f"{UNTOLD}test_what_is_never_told_is_asked_for_once_a_day",
        ),
        (
            "A detour that is forbidden blocks no attachments",
            "    except (Forbidden, PathFailed):  # a detour that the key need not be allowed\n",
            "    except NotFound:\n",
            f"{UNTOLD}test_a_detour_that_is_forbidden_blocks_no_attachments",
        ),
        (
            "What is left out for a while is opened again too",
            "    for name in _asked_for_by(table):\n",
            "    names = {one.name for one in choose(run.connection)} | {ATTACHMENTS}\n"
            "    for name in names & {*_asked_for_by(table)}:\n",
            f"{UNTOLD}test_what_came_while_its_followers_were_left_out_is_asked_for_later",
        ),
    ),
    *_of(
        "kustomer/singly.py",
        (
            "What has a first page is there",
            "        if totals:  # what has a first page is there\n",
            "        if False:\n",
            f"{UNTOLD}test_a_list_without_a_later_page_is_not_the_end_of_its_owner",
        ),
        (
            "A record that is hidden hides no other",
            "        yield one, UNSURE if isinstance(found, Exception) else found\n    if forb",
            "        if isinstance(found, Forbidden):\n            raise found\n"
            "        yield one, UNSURE if isinstance(found, Exception) else found\n    if forb",
            f"{UNTOLD}test_a_record_that_is_hidden_keeps_no_other_from_following_a_merge",
        ),
    ),
    *_of(
        "sync/sweep.py",
        (
            "Records that are hidden stop no comparison",
            "    with suppress(Forbidden):  # the",
            "    with suppress(NotFound):  # the",
            f"{UNTOLD}test_a_record_that_is_hidden_keeps_no_other_from_being_flagged",
        ),
    ),
    *_of(
        "sync/landing.py",
        (
            "A merged customer's records are read again",
            "        if table.name == _CUSTOMER:\n            self._note_merged(records)\n",
            "",
            f"{DELETES}test_what_a_merge_moved_is_the_other_customer_s[False]",
        ),
        (
            "An erased customer is followed",
            "            self.merged |= {*gone} - self.unfollowed\n",
            "            pass\n",
            f"{UNTOLD}test_a_customer_who_was_erased_after_a_merge_is_followed",
        ),
        (
            "A klass without a name has no table",
            "        return None if klass in self.klasses.unnamed else klass\n",
            "        return klass\n",
            f"{UNTOLD}test_kobjects_whose_klass_has_no_name_yet_get_their_table_later",
        ),
        (
            "KObjects of a klass that has a name by now are read again",
            "            self.of(table.name).reread()\n            self.put(_UNNAMED",
            "            self.put(_UNNAMED",
            f"{UNTOLD}test_kobjects_whose_klass_has_no_name_yet_get_their_table_later",
        ),
    ),
    *_of(
        "sync/older.py",
        (
            "An old note that was soft-deleted is still there",
            "run.destination.ids(table, 0, horizon, living=True)",
            "run.destination.ids(table, 0, horizon)",
            f"{UNTOLD}test_an_old_note_that_was_soft_deleted_is_still_there",
        ),
    ),
    *_of(
        "sync/adopt.py",
        (
            "KObjects without their klass's table are read from the beginning",
            "        if table.per_klass and self._klassless(table):\n",
            "        if False:\n",
            f"{UNTOLD}test_an_adopted_schema_without_a_klass_s_table_gets_it_whole",
        ),
    ),
    *_of(
        "sync/verify/searched.py",
        (
            "Whether a record is deleted is compared too",
            "(stamp.updated, says and stamp.deleted)",
            "(stamp.updated, says and bool(listed) and _deleted(listed.get(stamp.id, {})))",
            f"{UNTOLD}test_a_quiet_soft_delete_is_a_difference",
        ),
    ),
)

_AGAIN = f"{ATTRIBUTES}test_an_attribute_that_is_created_again_with_another_type_loses_no_value"
_RETYPED = (
    *_of(
        "shred/custom.py",
        (
            "An attribute that is created again with another type is text",
            "                if types.setdefault(name, type_) != type_:\n",
            "                if False:\n",
            _AGAIN,
        ),
    ),
    *_of(
        "sync/landing.py",
        (
            "A value that does not fit asks for its attribute's type again",
            "        if self._typed_anew(table, made):\n",
            "        if False:\n",
            _AGAIN,
        ),
    ),
    *_of(
        "destinations/merge.py",
        (
            "A text among several values is text without quotes",
            "        if stored is Type.JSON and wanted is Type.STRING:",
            "        if False:",
            _AGAIN,
        ),
    ),
)

_STANDING = (
    *_of(
        "protect.py",
        (
            "A blocked column has no new rejects",
            " if (reject.table, reject.column) not in blocked\n",
            "\n",
            f"{CHANGES}test_columns_that_are_left_out_have_no_rejects",
        ),
        (
            "What was adopted is there",
            "            met |= {c for one in scopes for c in columns.get(one, ())}\n",
            "",
            f"{ADOPT}test_a_custom_column_that_is_hashed_at_once_is_told_as_it_is",
        ),
    ),
    *_of(
        "destinations/duckdb.py",
        (
            "Columns that are left out have no rejects of before",
            "for table in tables for part in table.walk() for column in part.left_out\n",
            "for table in () for part in table.walk() for column in part.left_out\n",
            f"{CHANGES}test_columns_that_are_left_out_have_no_rejects",
        ),
        (
            "What is hashed is told as text, whatever it became in between",
            "_hashed(change) if raw else change",
            "change",
            f"{ADOPT}test_a_custom_column_that_is_hashed_at_once_is_told_as_it_is",
        ),
    ),
    *_of(
        "sync/adopt.py",
        (
            "An adopted schema keeps its system columns' names",
            "HISTORIES: going_on, PREFIX: self.connection.system_prefix,",
            "HISTORIES: going_on,",
            f"{CHANGES}test_another_system_prefix_is_refused_and_writes_nothing",
        ),
    ),
    *_of(
        "sync/wanted.py",
        (
            "What is wanted no more becomes digests when it is hashed",
            "            silent=silent, standing=standing,\n",
            "            silent=silent,\n",
            f"{CHANGES}test_what_is_wanted_no_more_becomes_digests_too",
        ),
        (
            "It is said of old versions that they are not read again",
            "f' and read again{but}'",
            "' and read again'",
            f"{FOREIGN}test_what_old_versions_lost_is_not_read_again_and_that_is_said",
        ),
        (
            "System columns have one name",
            "    if kept != connection.system_prefix:\n",
            "    if False:\n",
            f"{CHANGES}test_another_system_prefix_is_refused_and_writes_nothing",
        ),
        (
            "The salt of digests that stand is not forgotten",
            '(landing.state.get("hash_salt") or protection.fingerprint())',
            '(protection.fingerprint() or landing.state.get("hash_salt"))',
            f"{CHANGES}test_another_salt_is_refused_as_long_as_digests_of_the_former_stand",
        ),
        (
            "A family that is wanted no more does, too",
            "        elif old is not None and root.name not in chosen:\n",
            "        elif False:\n",
            f"{CHANGES}test_what_is_wanted_no_more_becomes_digests_too",
        ),
    ),
)

_SAID = (
    *_of(
        "protect.py",
        (
            "A custom name that nothing has is said",
            '                if guarded and column.startswith("custom_") and column not in met:\n',
            "                if False:\n",
            f"{PROTECT}test_a_custom_name_that_nothing_has_is_said",
        ),
    ),
    *_of(
        "check.py",
        (
            "A check refuses another salt",
            "        refuse_changed(connection, state)\n",
            "",
            f"{PROTECT}test_another_salt_is_refused_and_writes_nothing",
        ),
    ),
    *_of(
        "sync/verify/verification.py",
        (
            "Where nothing was compared nothing agrees",
            "            if not left and compared and not any(compared):\n",
            "            if False:\n",
            f"{VERIFY}test_the_command_tells_its_price_and_by_its_exit_code_what_it_found",
        ),
    ),
)

_WORDS = (
    *_of(
        "sync/named.py",
        (
            "A klass that no one met is an unknown table",
            "    if met and name not in",
            "    if False and name not in",
            f"{COMMAND}test_a_klass_that_no_one_met_is_an_unknown_table",
        ),
        (
            "What else is read with a klass's table is said",
            '            tell(f"{name} is read',
            '            str(f"{name} is read',
            f"{COMMAND}test_a_klass_that_no_one_met_is_an_unknown_table",
        ),
    ),
    *_of(
        "sync/wanted.py",
        (
            "What lets in what is kept out is advised as a section of its own",
            "such as [connections.{connection.name}.{first}];",
            "such as {first} in [connections.{connection.name}];",
            f"{PROTECT}test_what_is_new_lands_as_the_connection_says[ALLOW_COLUMNS-False-True]",
        ),
    ),
    *_of(
        "settings.py",
        (
            "A section that is there twice is named",
            "if (twice := _TWICE.fullmatch(reason)) is not None:",
            "if (twice := _TWICE.fullmatch('')) is not None:",
            f"{SETTINGS}test_a_wrong_file_is_one_sentence",
        ),
        (
            "A section of a history that nobody asked for says where to ask",
            "    if base in known and not known[base].history and not (kept and kept.history):\n",
            "    if False:\n",
            f"{SETTINGS}test_a_wrong_value_is_one_sentence_that_names_it",
        ),
        (
            "What asks Kustomer nothing needs no key",
            'key = {} if asks else {"access_token"',
            'key = {} if True else {"access_token"',
            f"{STATUS}test_the_key_is_not_needed",
        ),
    ),
    *_of(
        "sync/run.py",
        (
            "A first sync says that nothing was adopted",
            "            self._say_if_not_adopted()\n",
            "            pass\n",
            f"{ADOPT}test_a_first_sync_says_that_nothing_was_adopted",
        ),
        (
            "What is ours says nothing of adopting",
            "        if not before:\n",
            "        if True:\n",
            f"{ADOPT}test_an_empty_schema_and_one_that_was_adopted_say_nothing_of_it",
        ),
    ),
    *_of(
        "sync/adopt.py",
        (
            "Somebody's own tables are no other connector's",
            "        if part.name in found and found[part.name].rows and synced in",
            "        if found and synced in",
            f"{ADOPT}test_an_empty_schema_and_one_that_was_adopted_say_nothing_of_it",
        ),
        (
            "A schema with a history is no old one",
            "        old = not histories & self.found.keys() and self._filled(",
            "        old = self._filled(",
            f"{ADOPT}test_a_schema_without_histories_may_be_an_old_one",
        ),
    ),
    *_of(
        "sync/resync.py",
        (
            "What was never read is not read again",
            "    fresh = [table for table in searched if not run.marks[table.name].spans]\n",
            "    fresh: list[Table] = []\n",
            f"{RESYNC}test_the_command_says_what_it_will_take",
        ),
    ),
    *_of(
        "destinations/file.py",
        (
            "That a locked file is waited for is said",
            "                if waited == _PATIENCE:\n",
            "                if False:\n",
            f"{COMMAND}test_a_locked_file_is_waited_for_then_said",
        ),
    ),
    *_of(
        "cli/__init__.py",
        (
            "A sync ends as it does though nobody reads what it says",
            "    except BrokenPipeError:\n        lost(stream)\n",
            "    except BlockingIOError:\n        lost(stream)\n",
            f"{COMMAND}test_nobody_need_look_for_a_sync_to_end_as_it_does",
        ),
    ),
    *_of(
        "cli/screen.py",
        (
            "Whoever reads may have seen enough",
            "        self.quiet = True\n        lost(self.file)\n",
            "        super().on_broken_pipe()\n",
            f"{COMMAND}test_whoever_reads_may_have_seen_enough",
        ),
        (
            "A sync that has not ended may have been killed",
            "{sync['status']}, or killed,",
            "{sync['status']},",
            f"{STATUS}test_what_people_read_has_one_kind_of_time",
        ),
        (
            "A budget that is back is not yet to reset",
            'if datetime.fromisoformat(reset) > now else ""',
            'if True else ""',
            f"{STATUS}test_what_people_read_has_one_kind_of_time",
        ),
    ),
    *_of(
        "cli/interview.py",
        (
            "No database is written down that no sync would write to",
            "        _refuse_unwritable(connection)\n",
            "        pass\n",
            "tests/unit/cli/test_interview.py::test_without_a_terminal_what_is_missing_is_named",
        ),
    ),
    *_of(
        "report.py",
        (
            "One is not many",
            "if number == 1 else many",
            "if number == 0 else many",
            "tests/unit/cli/test_screen.py::test_one_is_not_many",
        ),
    ),
)

_ASTRAY = (
    *_of(
        "sync/verify/tables.py",
        (
            "A history that does not end with its rows is named",
            "            if history in parts\n",
            "            if False\n",
            f"{VERIFY}test_a_history_that_does_not_end_with_its_rows_is_named_and_repaired",
        ),
    ),
    *_of(
        "sync/verify/verification.py",
        (
            "Where a row differs its history says nothing more",
            "        ids = {*found.ids}\n",
            "        ids = set[str]()\n",
            f"{VERIFY}test_each_damage_is_named_repaired_and_then_gone",
        ),
    ),
    *_of(
        "destinations/histories.py",
        (
            "A row of a history that is too many is astray",
            "(({there}) EXCEPT ALL ({here}))",
            "(({here}) EXCEPT ALL ({here}))",
            f"{VERIFY}test_a_history_that_does_not_end_with_its_rows_is_named_and_repaired",
        ),
    ),
)

_STATUS2 = (
    *_of(
        "sync/status.py",
        (
            "What was counted and is there is not to come",
            "own.records - self._there_are(name, own.counted)",
            "own.records",
            f"{STATUS}test_an_unfinished_backfill_says_what_is_open_and_when_it_will_be_whole",
        ),
        (
            "What is not counted yet has no number",
            "        if windows.gaps(wanted, known):\n            return None\n",
            "",
            f"{STATUS}test_what_is_not_counted_yet_has_no_time",
        ),
        (
            "Where one table is not counted none has a time",
            "        if any(table.to_come is None for table in tables):\n",
            "        if False:\n",
            f"{STATUS}test_what_is_not_counted_yet_has_no_time",
        ),
        (
            "All tables share the budget",
            "        pages = sum(math.ceil(",
            "        pages = max(math.ceil(",
            f"{STATUS}test_an_unfinished_backfill_says_what_is_open_and_when_it_will_be_whole",
        ),
        (
            "Requests follow the searches",
            "        minutes += pages",
            "        minutes = pages",
            f"{STATUS}test_an_unfinished_backfill_says_what_is_open_and_when_it_will_be_whole",
        ),
        (
            "Who was asked by already is asked by no more",
            "windows.gaps(span, done)])",
            "windows.gaps(span, [])])",
            f"{STATUS}test_an_unfinished_backfill_says_what_is_open_and_when_it_will_be_whole",
        ),
        (
            "What can't be read keeps no other from its time",
            "t.reading == reading and not t.denied]",
            "t.reading == reading]",
            f"{STATUS}test_a_table_that_can_not_be_read_says_so_and_keeps_no_other_from_its_time",
        ),
    ),
    *_of(
        "kustomer/windows.py",
        (
            "Records alike in both times that have one value too are paged through",
            "return seen if whole else None",
            "return None",
            f"{DELETES}test_equal_times_beyond_the_cap_lose_nothing",
        ),
        (
            "Where a number is capped, seeing so many is not seeing all",
            "            if self._over(total, size):\n                return seen, total, False\n",
            "",
            f"{WINDOWS}test_what_cannot_be_read_completely_is_said_and_not_completed",
        ),
        (
            "A capped total counts nothing",
            "total in (None, self._caps.records)",
            "total is None",
            f"{WINDOWS}test_all_that_is_to_be_read_is_counted_once",
        ),
        (
            "Parts are counted where the whole was not",
            "{(name, span, other) for name, _, other in uncounted}",
            "set()",
            f"{WINDOWS}test_all_that_is_to_be_read_is_counted_once",
        ),
        (
            "A long reading is counted whole",
            "if before < _LONG <= self._told else []",
            "if False else []",
            f"{WINDOWS}test_a_long_reading_is_counted_whole_before_it_goes_on",
        ),
        (
            "A short reading is not counted ahead",
            "if before < _LONG <= self._told else []",
            "if before == 0 else []",
            f"{WINDOWS}test_a_long_reading_is_counted_whole_before_it_goes_on",
        ),
    ),
    *_of(
        "sync/run.py",
        (
            "What a former sync counted is not counted twice",
            "                    state.counted = []\n",
            "                    pass\n",
            f"{STATUS}test_an_unfinished_backfill_says_what_is_open_and_when_it_will_be_whole",
        ),
        (
            "A table that can't be read is known",
            "return\n                self.landing.of(table.name).denied = True\n",
            "return\n",
            f"{STATUS}test_a_table_that_can_not_be_read_says_so_and_keeps_no_other_from_its_time",
        ),
    ),
    *_of(
        "sync/follow.py",
        (
            "What can't be asked for is known",
            "            state.denied = True\n",
            "            pass\n",
            f"{STATUS}test_a_table_that_can_not_be_read_says_so_and_keeps_no_other_from_its_time",
        ),
        (
            "What could be asked for again is like any other",
            "        state.denied = False\n",
            "",
            f"{STATUS}test_a_table_that_can_not_be_read_says_so_and_keeps_no_other_from_its_time",
        ),
    ),
    *_of(
        "sync/landing.py",
        (
            "Attachments that are asked for count",
            "                self.put(UNATTACHED, True)\n",
            "                pass\n",
            f"{STATUS}test_an_unfinished_backfill_says_what_is_open_and_when_it_will_be_whole",
        ),
    ),
    *_of(
        "cli/screen.py",
        (
            "It is said what could not be read",
            '        return "could not be read"\n',
            '        return ""\n',
            f"{STATUS}test_a_table_that_can_not_be_read_says_so_and_keeps_no_other_from_its_time",
        ),
        (
            "It is said what is not counted yet",
            '        return "; what is to come is not counted yet"\n',
            '        return ""\n',
            f"{STATUS}test_what_is_not_counted_yet_has_no_time",
        ),
    ),
)

_FEATURES = (
    *_of(
        "sync/reimport.py",
        (
            "What two lists lack and no look shows is gone",
            "            gone.append(record_id)\n",
            "            continue\n",
            f"{REIMPORT}test_what_vanishes_is_flagged_with_its_children_a_day_later_and_returns",
        ),
    ),
    *_of(
        "destinations/merge.py",
        (
            "An element that left an array is removed",
            'WHERE {self.dialect.row} IN (SELECT there FROM changes)"',
            'WHERE {self.dialect.row} IN (SELECT there FROM changes WHERE here)"',
            f"{REIMPORT}test_an_element_that_left_is_removed_not_flagged",
        ),
    ),
    *_of(
        "destinations/histories.py",
        (
            "A soft delete does not close a record's last version",
            "(plan, root, kept, plan.synced_at, never)",
            '(plan, root, kept, plan.synced_at, f"CASE WHEN s.__deleted THEN now() END")',
            f"{PROMISES}test_a_soft_delete_is_a_new_active_version",
        ),
    ),
    *_of(
        "shred/custom.py",
        (
            "Ids are text, be they of digits",
            '"Bool": Type.BOOLEAN}',
            '"Bool": Type.BOOLEAN, "Id": Type.LONG}',
            f"{ATTRIBUTES}test_a_hundred_attributes_land_as_what_their_names_say",
        ),
    ),
    *_of(
        "sync/landing.py",
        (
            "An erased KObject is flagged in its klass's table too",
            "sorted({table.name, *self.of_klasses(table)})}",
            "[table.name]}",
            f"{PROTECT}test_a_klass_that_is_no_longer_listed_keeps_its_rows",
        ),
    ),
    *_of(
        "sync/choice.py",
        (
            "A blocked table is read for its children",
            "    shown = any(protection.enabled(part.name) for part in root.shown())\n",
            "    shown = protection.enabled(root.name)\n",
            f"{PROTECT}test_children_and_histories_sync_without_their_parent",
        ),
        (
            "Version 1 has the columns of before August 2022",
            "    old = connection.service_version == 1\n",
            "    old = connection.service_version == 0\n",
            f"{LEGACY}test_a_query_on_the_old_schema_finds_every_column",
        ),
    ),
    *_of(
        "model.py",
        (
            "Int widens to Long",
            "    (Type.INT, Type.LONG): Type.LONG,\n",
            "",
            f"{PROMISES}test_an_int_column_widens_and_later_ints_still_fit",
        ),
    ),
    *_of(
        "destinations/foreign.py",
        (
            "A column has its own type again where all values fit",
            "        if odd:\n",
            "        if not odd:\n",
            f"{FOREIGN}test_a_column_of_another_type_is_named_and_set_right",
        ),
    ),
    *_of(
        "kustomer/windows.py",
        (
            "Equal times beyond the cap are read",
            "        read = self._created(window, archive)\n",
            "        read = self._page(window, archive, 1).total\n",
            f"{DELETES}test_equal_times_beyond_the_cap_lose_nothing",
        ),
    ),
    *_of(
        "sync/sweep.py",
        (
            "The comparison says what it costs",
            " * (2 if table.says_deleted else 1)\n",
            "\n",
            f"{DELETES}test_the_comparison_tells_its_requests_before_it_sends_them",
        ),
    ),
    *_of(
        "sync/log.py",
        (
            "The audit log is read back to what was there",
            "if until is not None and falling and last is not None and last < until:",
            "if True:",
            f"{READINGS}test_the_audit_log_is_there_to_its_last_entry",
        ),
    ),
)

_CHANGES = (
    *_of(
        "destinations/foreign.py",
        (
            "Rows whose key was dropped are not there beside those that are read again",
            "if not one.lossless and not still_time and one.column in told_by[one.table]:\n",
            "if False:\n",
            f"{FOREIGN}test_rows_whose_key_was_dropped_are_replaced",
        ),
        (
            "Nor are those whose key lost something",
            "if not one.lossless and not still_time and one.column in told_by[one.table]:\n",
            "if one.now is None and one.column in told_by[one.table]:\n",
            f"{FOREIGN}test_rows_whose_key_lost_something_are_replaced",
        ),
        (
            "Versions that begin at about the same time stay",
            "not one.lossless and not still_time and",
            "not one.lossless and",
            f"{FOREIGN}test_versions_whose_start_is_another_kind_of_time_stay",
        ),
    ),
    *_of(
        "destinations/duckdb.py",
        (
            "An element's row goes when somebody drops whose it is",
            "found[part.place] = set() if root.fades else {owner}\n",
            'found[part.place] = set() if root.fades else {"id"}\n',
            f"{FOREIGN}test_rows_whose_key_was_dropped_are_replaced",
        ),
        (
            "A version's row goes when somebody drops its start",
            "found[part.history] = set() if root.fades else {owner, self._system.start}",
            "found[part.history] = set() if root.fades else {owner}",
            f"{FOREIGN}test_rows_whose_key_was_dropped_are_replaced",
        ),
        (
            "What Kustomer keeps for a while only stays, without its key",
            "                found[part.place] = set() if root.fades else {owner}\n",
            "                found[part.place] = {owner}\n",
            f"{FOREIGN}test_what_could_not_be_read_again_stays_without_its_key",
        ),
        (
            "What is flagged at the start of a sync is counted",
            "        counts.setdefault(back.table, Counts()).deleted += int(rows[0][0])\n",
            "",
            f"{FOREIGN}test_what_is_flagged_at_the_start_of_a_sync_is_counted",
        ),
        (
            "What was flagged while a table was hidden is counted",
            "        counts.setdefault(table.place, Counts()).deleted += int(rows[0][0])\n",
            "",
            f"{PROTECT}test_a_table_that_is_hidden_and_comes_back_is_as_the_org",
        ),
    ),
    *_of(
        "sync/wanted.py",
        (
            "What was blocked and is hashed now is filled",
            'let_go = {*before["blocked"]} | (set(before["hashed"]) - set(now["hashed"]))',
            'let_go = set(before["hashed"]) - set(now["hashed"])',
            f"{CHANGES}test_a_custom_column_that_was_blocked_and_is_hashed_now_is_filled",
        ),
        (
            "Another klass of a blocked family is filled",
            '        let_go |= set(now["klasses"]) - set(before.get("klasses", now["klasses"]))\n',
            "        pass\n",
            f"{CHANGES}test_a_second_klass_of_a_family_that_is_blocked_is_filled",
        ),
        (
            "A column of attachments that is wanted again is asked for",
            'return {name for name in missing if name.partition(".")[0] in names}',
            "return set(missing) & names",
            f"{CHANGES}test_what_attachments_lack_is_asked_for_by_conversation",
        ),
        (
            "No message is searched for again for what its attachments lack",
            "    if _only_attachments(root, missing, landing.state):\n        pass\n    elif ",
            "    if ",
            f"{CHANGES}test_what_attachments_lack_costs_a_request_for_each_conversation",
        ),
        (
            "A column of klasses whose common table is blocked is filled",
            "        blocked -= {root.name}\n",
            "",
            f"{CHANGES}test_columns_of_klasses_whose_common_table_is_blocked_are_filled",
        ),
        (
            "Extras of klasses whose common table is blocked are filled",
            '        found |= {f"{root.name}.{c}" for c in of_klasses if root.name not in whole}\n',
            "",
            f"{CHANGES}test_columns_of_klasses_whose_common_table_is_blocked_are_filled",
        ),
        (
            "What never was is not read again for",
            "found |= {name for name in let_go if met(name)}",
            "found |= let_go",
            f"{CHANGES}test_what_never_was_is_not_read_again_when_its_section_goes",
        ),
        (
            "A custom attribute that was met while it was blocked is filled",
            "columns = {c for one in scopes for c in names.columns(one).values()}",
            "columns = set[str]()",
            f"{CHANGES}test_a_custom_attribute_that_came_while_it_was_blocked_is_filled",
        ),
        (
            "A klass that was met while it was blocked is filled",
            'klasses = {*names.klasses(root.name).values(), *adopted.get("klass_tables", ())}',
            'klasses = {*adopted.get("klass_tables", ())}',
            f"{CHANGES}test_a_custom_attribute_that_came_while_it_was_blocked_is_filled",
        ),
        (
            "A flag that was dropped is made again by a comparison",
            "                landing.of(root.name).swept_at = None",
            "                landing.of(root.name)",
            f"{FOREIGN}test_a_flag_that_was_dropped_is_made_again_from_the_truth",
        ),
        (
            "A child's flag that was dropped is its record's",
            'back = bool({table.name, table.common, f"{table.place}.{flag}"} & missing)',
            "back = bool({table.name, table.common} & missing)",
            f"{FOREIGN}test_a_flag_that_was_dropped_is_made_again_from_the_truth",
        ),
        (
            "The price of a back-fill of a table that is gone is no guess",
            "    return max(there.values()) or None\n",
            "    return max(there.values())\n",
            f"{FOREIGN}test_the_price_of_a_table_that_is_gone_is_no_guess",
        ),
    ),
    *_of(
        "sync/verify/verification.py",
        (
            "What is wanted since is no difference",
            "        if missing := lacks(self.run, table):\n",
            "        if missing := set[str]():\n",
            f"{CHANGES}test_what_is_wanted_since_is_no_difference_and_stops_no_repair",
        ),
    ),
    *_of(
        "destinations/foreign.py",
        (
            "A file may be called as its schema is",
            "        place = (catalog, schema, one.table)",
            "        place = (schema, one.table)",
            f"{CHANGES}test_a_file_that_is_called_as_its_schema_is_mended_too",
        ),
        (
            "An array that is emptied loses nothing of somebody's",
            " IN (SELECT id FROM {staged[0].relation})",
            " IN (SELECT {plan.dialect.name(owner)} FROM {one.relation})",
            f"{CHANGES}test_somebody_s_column_of_a_history_stays_when_an_array_is_emptied",
        ),
    ),
    *_of(
        "sync/choice.py",
        (
            "Columns of the old schema stay",
            "extra | {c.name for c in table.columns if c.legacy and not old}",
            "extra",
            f"{CHANGES}test_columns_of_the_old_schema_stay_when_the_new_one_is_wanted",
        ),
    ),
    *_of(
        "destinations/histories.py",
        (
            "A history of elements may have no column left",
            '        keys = ", ".join(["__id", *others])',
            '        keys = "__id, " + ", ".join(others)',
            f"{CHANGES}test_a_history_of_elements_may_have_no_column_left",
        ),
    ),
    *_of(
        "shred/shredder.py",
        (
            "No klass is called as a history of the family",
            '(part.name, f"{part.name}_history")',
            "(part.name,)",
            f"{CHANGES}test_no_klass_is_called_as_a_history_of_the_family",
        ),
    ),
    *_of(
        "sync/landing.py",
        (
            "What was adopted is not new",
            "            return wanted in met or admits(scope, wanted)\n",
            "            return admits(scope, wanted)\n",
            f"{CHANGES}test_what_was_adopted_is_not_new",
        ),
    ),
)

_SILENT = (
    *_of(
        "kustomer/client.py",
        (
            "A link of a query alone is one of the list's path",
            "urljoin(self.base_url + path, link)",
            'urljoin(self.base_url + "/", link)',
            f"{CLIENT}test_a_link_is_a_path_of_this_host_however_it_is_written",
        ),
        (
            "A link below a base path is a path below it",
            "below = target.path.removeprefix(own.path)",
            "below = target.path",
            f"{CLIENT}test_a_link_is_a_path_of_this_host_however_it_is_written",
        ),
        (
            "A list without links is read to its end",
            "if page.linked or not page.records:",
            "if True:",
            f"{UNDOCUMENTED}test_a_list_that_says_nothing_of_its_end_is_read_to_it[False-empty]",
        ),
    ),
    *_of(
        "kustomer/windows.py",
        (
            "A search that refuses to sort is read unsorted",
            "for one in (_ordered(window), body(window))]",
            "for one in (_ordered(window),)]",
            f"{WINDOWS}test_a_search_that_refuses_to_sort_is_read_unsorted",
        ),
        (
            "A search that refuses to include attachments is read without them",
            "for params in [*included, {}]",
            "for params in included or [{}]",
            f"{TRUTH}test_either_answer_to_an_open_question_gives_the_same_rows[sparing-search]",
        ),
        (
            "A search that knows no `createdAt` is read without it",
            "        except (NotFound, Refused):\n            return self._alike(window, archive)",
            "        except (NotFound, Refused):\n            raise",
            f"{WINDOWS}test_a_search_that_refuses_to_sort_is_read_unsorted",
        ),
    ),
    *_of(
        "kustomer/catalog/people.py",
        (
            "Companies that no search knows are listed",
            ', listed=Listing("/v1/companies")',
            "",
            f"{UNDOCUMENTED}test_companies_that_no_search_knows_are_listed_once_a_day",
        ),
    ),
    *_of(
        "kustomer/catalog/org.py",
        (
            "A snooze lands in the documented shape too",
            ", shaped=_timed",
            "",
            f"{REIMPORT}test_a_snooze_lands_in_either_shape",
        ),
    ),
    *_of(
        "sync/run.py",
        (
            "A search that is refused is no missing role",
            "self.unread(table, error)\n            case windows.Incomplete",
            "self.denied(table, str(error))\n            case windows.Incomplete",
            f"{UNDOCUMENTED}test_a_search_that_is_refused_is_no_missing_role",
        ),
        (
            "A re-sync reads the list of what no search knows",
            "            if self._listing_due(table):\n                reimport(self, table)\n"
            "        for table in self.tables:\n            listing",
            "            if self.landing.of(table.name).listed_at is None:\n"
            "                reimport(self, table)\n"
            "        for table in self.tables:\n            listing",
            f"{UNDOCUMENTED}test_companies_that_no_search_knows_are_listed_once_a_day",
        ),
    ),
    *_of(
        "sync/sweep.py",
        (
            "Counts are had where ids alone are refused",
            "    except Refused:\n        return ask()\n",
            "    except Refused:\n        raise\n",
            f"{UNDOCUMENTED}test_a_deleted_record_is_missed_where_ids_alone_are_refused",
        ),
    ),
    *_of(
        "sync/landing.py",
        (
            "Notes need no metadata",
            "return None if found is UNSURE and resource == _UNDOCUMENTED else found",
            "return found",
            f"{UNDOCUMENTED}test_notes_need_no_metadata",
        ),
    ),
    *_of(
        "kustomer/catalog/org.py",
        (
            "A deleted custom attribute is flagged",
            'bool(said.get("deletedAt"))',
            "False",
            f"{REIMPORT}test_a_custom_attribute_that_is_deleted_is_flagged",
        ),
        (
            "A custom attribute that vanished keeps its row, flagged",
            ", stays=True,",
            ",",
            f"{REIMPORT}test_a_custom_attribute_that_is_deleted_is_flagged",
        ),
    ),
    *_of(
        "destinations/merge.py",
        (
            "What is flagged because it is gone stays as it is",
            'here, gone = "TRUE", f"o.{flag} IS DISTINCT FROM TRUE"',
            'here, gone = "TRUE", "TRUE"',
            f"{REIMPORT}test_a_custom_attribute_that_is_deleted_is_flagged",
        ),
        (
            "What is flagged because it is gone is no difference",
            'stays = f"AND NOT (e.{parent} IS NULL AND o.{flag})" if table.stays else ""',
            'stays = ""',
            f"{REIMPORT}test_a_custom_attribute_that_is_deleted_is_flagged",
        ),
    ),
    *_of(
        "kustomer/catalog/talk.py",
        (
            "A mention that is a bare id is a user's",
            'else kind == "user"',
            "else False",
            f"{SHRED}test_a_mention_may_be_a_bare_id",
        ),
    ),
    *_of(
        "sync/follow.py",
        (
            "What is asked for by others gets on however small the budget is",
            "most = min(_ASKED, max(",
            "most = max(_ASKED, max(",
            f"{READINGS}test_times_get_on_however_small_the_budget_is",
        ),
    ),
    *_of(
        "cli/__init__.py",
        (
            "A sync that could not begin is told in the shape of its report",
            'if words[:1] not in (["sync"], ["resync"]):',
            "if True:",
            f"{COMMAND}test_sync_json_is_the_documented_report",
        ),
    ),
    *_of(
        "shred/plan.py",
        (
            "Arrow passes over no element that has custom attributes",
            "            elements.add(place, (pa.null(),))",
            "            pass",
            f"{SHRED}test_custom_attributes_of_elements_are_columns_of_their_own",
        ),
    ),
    *_of(
        "shred/shredder.py",
        (
            "Custom attributes are an element's own or among its attributes",
            "product(elements, (CUSTOM[1:], CUSTOM))",
            "product(elements, (CUSTOM[1:],))",
            f"{ATTRIBUTES}test_attachments_may_have_attributes_of_their_own",
        ),
        (
            "A custom number of an element keeps its digits",
            "type_ = self._type_of(column, values, child.name)",
            "type_ = column.type",
            f"{SHRED}test_custom_attributes_of_elements_are_columns_of_their_own",
        ),
    ),
    *_of(
        "shred/elements.py",
        (
            "An id that comes among objects with custom attributes is no misfit",
            "[c for c in values if c.custom is None]",
            "values",
            f"{SHRED}test_custom_attributes_of_elements_are_columns_of_their_own",
        ),
    ),
    *_of(
        "settings.py",
        (
            "Custom columns of child tables can be blocked and hashed",
            "(table.custom or table.parent is not None)",
            "table.custom",
            f"{SETTINGS}test_a_custom_column_may_be_any_of_a_table_that_may_have_some",
        ),
    ),
    *_of(
        "sync/wanted.py",
        (
            "Custom attributes of elements that were kept out are filled when they are let in",
            "scopes = {klasses, *(part.name for part in root.walk())}",
            "scopes = {klasses, root.name}",
            f"{ATTRIBUTES}test_attributes_of_elements_that_were_kept_out_are_filled_when_they_are_let_in",
        ),
    ),
)

_REPAIRED = (
    *_of(
        "sync/verify/comparison.py",
        (
            "Attachments that a message's own path leaves out are its conversation's",
            "                attach(talks[talk], listed)\n",
            "                pass\n",
            f"{VERIFY}test_attachments_that_were_lost_are_named_and_repaired",
            f"{VERIFY}test_attachments_of_a_message_that_returned_are_there_again[by-list]",
        ),
        (
            "Attachments that nothing tells are said",
            "        if untold := [r for r in quiet if silent(table, r)]:\n",
            "        if untold := list[Record]():\n",
            f"{VERIFY}test_attachments_that_nothing_tells_are_no_difference_and_said",
        ),
        (
            "A record is asked for once",
            "            if found is UNSURE and also:\n",
            "            if also:\n",
            f"{VERIFY}test_no_more_is_asked_than_was_announced",
        ),
        (
            "What a path refuses to include is not asked for again and again",
            "                self._alone = found is not UNSURE\n",
            "",
            f"{VERIFY}test_no_more_is_asked_than_was_announced",
        ),
    ),
    *_of(
        "sync/verify/searched.py",
        (
            "What is asked for by a record that returned is asked for again",
            "                    to_read(run, table, (at, at + 1))\n",
            "                    pass\n",
            f"{VERIFY}test_attachments_of_a_message_that_returned_are_there_again[later]",
            f"{VERIFY}test_times_of_a_conversation_that_is_there_are_there",
        ),
        (
            "What is announced has the lists of attachments",
            " * (2 if attaches(table) else 1)\n",
            "\n",
            f"{VERIFY}test_no_more_is_asked_than_was_announced",
        ),
    ),
    *_of(
        "sync/verify/verification.py",
        (
            "A repair asks at once for what its records lead to",
            "        follow_again(run)\n",
            "",
            f"{VERIFY}test_times_of_a_conversation_that_is_there_are_there",
        ),
        (
            "A repair flags nothing of records that it does not read",
            "make_ready(run, orphans=False)",
            "make_ready(run)",
            f"{VERIFY}test_a_repair_flags_nothing_of_a_record_that_it_does_not_read",
        ),
        (
            "A message is made anew whatever is told of its attachments",
            "            self.run.landing.renew(table, part)\n",
            "            if not _silent(table, part[0]):\n"
            "                self.run.landing.renew(table, part)\n",
            f"{VERIFY}test_a_message_is_made_anew_and_keeps_its_attachments",
        ),
        (
            "Rows without an id are a difference",
            "        self.common.of(table).unfit += standing.nameless(self.run, table)\n",
            "",
            f"{VERIFY}test_rows_without_an_id_are_a_difference",
        ),
        (
            "What somebody did to a table is named",
            "        if changed := self._changed(table):\n",
            "        if changed := list[str]():\n",
            f"{VERIFY}test_what_somebody_did_to_a_table_is_named",
        ),
        (
            "A comparison that was cut off begins anew",
            "    if isinstance(error, Rescheduled):\n        error.hint",
            "    if False:\n        error.hint",
            f"{VERIFY}test_the_command_tells_its_price_and_by_its_exit_code_what_it_found",
        ),
    ),
    *_of(
        "sync/verify/records.py",
        (
            "Attachments that nothing tells are no difference",
            "        if part := [r for r in records if silent(table, r) is quiet]:\n",
            "        if part := [r for r in records if not quiet]:\n",
            f"{VERIFY}test_attachments_that_nothing_tells_are_no_difference_and_said",
        ),
    ),
    *_of(
        "sync/verify/listed.py",
        (
            "What is announced has the metadata of each resource",
            "            return len(self.run.landing.resources()) + 1\n",
            "            return 1\n",
            f"{VERIFY}test_no_more_is_asked_than_was_announced",
        ),
    ),
    *_of(
        "sync/verify/asked.py",
        (
            "What is asked for by a table that somebody changed can't be told",
            "        if changed(self.run, parent, self.common.strayed):\n",
            "        if False:\n",
            f"{VERIFY}test_what_somebody_did_to_a_table_is_named",
        ),
    ),
    *_of(
        "destinations/duckdb.py",
        (
            "Rows without an id are not counted",
            "FROM kept WHERE id IS NOT NULL AND epoch_ms(updated_at) BETWEEN ? AND ?\n"
            "            ), cuts",
            "FROM kept WHERE epoch_ms(updated_at) BETWEEN ? AND ?\n            ), cuts",
            f"{VERIFY}test_rows_without_an_id_are_a_difference",
        ),
    ),
    *_of(
        "report.py",
        (
            "What somebody did to a table ends with exit code 1",
            "        return bool(self.left or self.unfit)\n",
            "        return bool(self.left)\n",
            f"{VERIFY}test_rows_without_an_id_are_a_difference",
        ),
    ),
    *_of(
        "kustomer/quota.py",
        (
            "One minute is not minutes",
            "f\"in {counted(max(1, round(wait / 60)), 'minute')}\"",
            'f"in {max(1, round(wait / 60))} minutes"',
            f"{VERIFY}test_the_command_tells_its_price_and_by_its_exit_code_what_it_found",
        ),
    ),
)

_OUTSIDE = (
    *_of(
        "kustomer/client.py",
        (
            "A list without links ends before what is refused, not there only if it is 404",
            "            except (NotFound, Refused):  # as either",
            "            except NotFound:  # as either",
            f"{UNDOCUMENTED}test_a_list_that_says_nothing_of_its_end_is_read_to_it[False-400]",
        ),
        (
            "A link of this host is followed although a proxy has another scheme",
            "target.hostname != own.hostname",
            "target.netloc != own.netloc",
            f"{CLIENT}test_a_link_is_a_path_of_this_host_however_it_is_written",
        ),
        (
            "An HTTP date without a zone is UTC",
            "(at if at.tzinfo else at.replace(tzinfo=UTC))",
            "at",
            f"{CLIENT}test_each_form_of_an_http_date_is_the_same_moment",
        ),
        (
            "A path that keeps failing while others answer is that path alone",
            "                    raise PathFailed(said",
            "                    raise SourceFailed(said",
            f"{CLIENT}test_a_path_that_keeps_failing_while_others_answer_is_that_path_alone",
        ),
        (
            "A Kustomer that is down is no matter of a path",
            "                self._answers_elsewhere(path, said, patience)\n",
            "",
            f"{CLIENT}test_a_kustomer_that_is_down_is_no_matter_of_a_path",
        ),
        (
            "After a path was given up another has a minute",
            "if self._given_up == 0:",
            "if True:",
            f"{CLIENT}test_a_path_that_keeps_failing_while_others_answer_is_that_path_alone",
        ),
        (
            "After many were given up another has seconds",
            "_SHORT_SECONDS * 0.5 ** (self._given_up - 1)",
            "_SHORT_SECONDS",
            f"{CLIENT}test_a_path_that_keeps_failing_while_others_answer_is_that_path_alone",
        ),
        (
            "It has some all the same",
            "max(_LEAST_SECONDS, _SHORT_SECONDS",
            "max(0, _SHORT_SECONDS",
            f"{CLIENT}test_a_path_that_keeps_failing_while_others_answer_is_that_path_alone",
        ),
        (
            "An outage costs no path, however little a path is waited for",
            "patience=self._retry + self._short_patience - patience",
            "patience=self._short_patience",
            f"{CLIENT}test_an_outage_after_a_path_was_given_up_costs_no_other_path",
        ),
        (
            "What keeps failing is said",
            "if silent and now - began > _TOLD_SECONDS:",
            "if False:",
            f"{CLIENT}test_what_keeps_failing_is_said_once",
        ),
    ),
    *_of(
        "kustomer/singly.py",
        (
            "One record whose path keeps failing costs itself alone",
            "except (Forbidden, NotFound, Refused, PathFailed) as error:\n            return",
            "except (Forbidden, NotFound, Refused) as error:\n            return",
            f"{FAULTS}test_one_record_whose_path_keeps_failing_costs_itself_alone[times]",
        ),
        (
            "A path below each record is given up after some",
            "if isinstance(found, PathFailed) and failed == _IN_A_ROW:",
            "if False:",
            f"{FAULTS}test_a_path_that_keeps_failing_costs_what_is_read_there_and_no_more",
        ),
    ),
    *_of(
        "sync/run.py",
        (
            "A sync that could not read a table because its path failed fails",
            "            if self.failed is not None:\n",
            "            if False:\n",
            f"{FAULTS}test_a_path_that_keeps_failing_costs_what_is_read_there_and_no_more",
        ),
    ),
    *_of(
        "kustomer/windows.py",
        (
            "A search that keeps failing costs its table, not the sync",
            "            except (NotFound, Refused, PathFailed) as error:\n",
            "            except (NotFound, Refused) as error:\n",
            f"{FAULTS}test_a_path_that_keeps_failing_costs_what_is_read_there_and_no_more",
        ),
    ),
    *_of(
        "sync/reimport.py",
        (
            "A list that keeps failing costs its table, not the sync",
            "    except (Forbidden, NotFound, Refused, PathFailed) as error:\n",
            "    except (Forbidden, NotFound, Refused) as error:\n",
            f"{FAULTS}test_a_path_that_keeps_failing_costs_what_is_read_there_and_no_more",
        ),
        (
            "A look by id that keeps failing does not contradict two listings",
            "        except (Forbidden, PathFailed):\n",
            "        except Forbidden:\n",
            f"{REIMPORT}test_a_look_by_id_that_keeps_failing_does_not_contradict_two_listings",
        ),
    ),
    *_of(
        "kustomer/listings.py",
        (
            "A list of several pages that nothing proves is read a second time",
            "    if number > 1 and totals != {count} and not whole.cut:\n",
            "    if False:\n",
            "tests/unit/kustomer/test_listings.py::"
            "test_a_list_of_several_pages_may_have_shifted_unless_each_says_how_many_there_are",
            f"{LISTINGS}test_what_slid_to_a_page_already_read_is_read_all_the_same",
        ),
        (
            "Where the second reading lacks what the first has, the next sync lists again",
            "second.again = second.again or not first.ids <= second.ids",
            "second.again = second.again or False",
            "tests/unit/kustomer/test_listings.py::"
            "test_what_left_between_two_readings_may_have_hidden_another",
        ),
    ),
    *_of(
        "sync/run.py",
        (
            "What was refused in part is read as soon as a role is given",
            "        self.landing.describe_withheld()\n",
            "",
            f"{LISTINGS}test_what_was_refused_in_part_is_read_as_soon_as_a_role_is_given",
        ),
    ),
    *_of(
        "sync/landing.py",
        (
            "Of the metadata that was refused only what is wanted is asked for",
            '            if tables & {resource.partition(".")[0], METADATA.name}:\n',
            "            if True:\n",
            f"{LISTINGS}test_of_metadata_only_what_was_refused_is_asked_for_at_every_sync",
        ),
        (
            "Metadata that was refused keeps no other from being read for the day",
            "        if not (table.per_klass and self.klasses.unlisted):",
            "        if not (self.klasses.unlisted or self.withheld):",
            f"{LISTINGS}test_of_metadata_only_what_was_refused_is_asked_for_at_every_sync",
        ),
        (
            "Metadata that was refused lands when it is read",
            "                self._land(self._learn(resource))\n",
            "                self._learn(resource)\n",
            f"{LISTINGS}test_what_was_refused_in_part_is_read_as_soon_as_a_role_is_given",
        ),
        (
            "Metadata of notes that is refused is not gone",
            "            return UNSURE\n        self.withheld.discard(resource)\n",
            "            return None if resource == _UNDOCUMENTED else UNSURE\n"
            "        self.withheld.discard(resource)\n",
            f"{LISTINGS}test_metadata_of_notes_that_was_there_and_is_refused_is_not_gone",
        ),
        (
            "Attributes land as their table is wanted, whenever they are met",
            "                self._shred(table, [metadata], whole=True)\n",
            "                self._shred(METADATA, [metadata], whole=True)\n",
            f"{ATTRIBUTES}test_an_attribute_that_is_met_between_two_daily_readings_has_its_history",
        ),
    ),
    *_of(
        "check.py",
        (
            "A search that is refused although the key has the roles is said",
            "            refused.add(table.name)\n",
            "",
            f"{CHECK}test_a_search_that_is_refused_although_the_key_has_the_roles_is_said",
        ),
    ),
    *_of(
        "kustomer/client.py",
        (
            "A link that is an object is followed",
            '        following = following.get("href")\n',
            "        following = None\n",
            f"{UNDOCUMENTED}test_a_list_is_read_to_its_end_however_it_says_that_it_goes_on[object]",
        ),
        (
            "A page that says nothing of the list may not be the last",
            "return full or (page.size is None if",
            "return full or (False if",
            f"{UNDOCUMENTED}test_a_list_is_read_to_its_end_however_it_says_that_it_goes_on[none]",
        ),
        (
            "A Retry-After that is a date is honoured",
            "    if until is not None:\n",
            "    if False:\n",
            f"{CLIENT}test_a_retry_after_may_be_a_date",
        ),
    ),
    *_of(
        "kustomer/singly.py",
        (
            "An id is one part of a path",
            'return quote(value, safe="")',
            "return value",
            "tests/unit/kustomer/test_singly.py::test_an_id_is_one_part_of_a_path",
        ),
        (
            "A record whose relationships are null can be given some",
            '    if record.get("relationships") is None:\n',
            '    if "relationships" not in record:\n',
            "tests/unit/kustomer/test_singly.py::"
            "test_a_record_that_names_no_relationships_can_be_given_some",
        ),
    ),
    *_of(
        "shred/shredder.py",
        (
            "The section that lets a klass in names the table that it gets",
            'for name in (part.name, f"{part.name}_history")}',
            "for name in (part.name,) if part.history}",
            f"{CHOICE}test_the_section_that_lets_a_klass_in_names_the_table_that_it_gets",
        ),
    ),
    *_of(
        "sync/verify/searched.py",
        (
            "Where Kustomer tells no total the source's is not nought",
            "found.source = None if theirs is None or before is None else before + theirs",
            "found.source = (before or 0) + (theirs or 0)",
            f"{VERIFY}test_where_kustomer_tells_no_totals_the_source_s_is_not_nought",
        ),
    ),
    *_of(
        "kustomer/singly.py",
        (
            "Attachments that are named alone are read by their own paths",
            "    _fill(client, messages)\n    return messages\n",
            "    return messages\n",
            f"{DELETES}test_attachments_that_are_named_alone_are_read_by_their_own_paths",
        ),
    ),
    *_of(
        "sync/follow.py",
        (
            "Attachments that are named and can't be read don't count as followed",
            "            bare.update(_bare(run, records))\n",
            "",
            f"{DELETES}test_attachments_that_are_named_alone_are_read_by_their_own_paths",
        ),
    ),
    # END
)

_THEIRS = (
    *_of(
        "destinations/foreign.py",
        (
            "The engine knows no case",
            "    return name.translate(_LOWER)\n",
            "    return name\n",
            f"{ADOPT}test_names_in_capitals_are_the_same_names",
        ),
        (
            "Of letters beyond a to z it does",
            "    return name.translate(_LOWER)\n",
            "    return name.lower()\n",
            f"{ADOPT}test_names_in_capitals_are_the_same_names",
        ),
        (
            "An empty table without columns of its own is nobody's",
            "    if own or connection.execute",
            "    if own or not connection.execute",
            f"{FOREIGN}test_a_table_that_is_empty_and_has_no_column_of_its_own_is_filled",
        ),
        (
            "A table with columns of its own is somebody's, though it is empty",
            "    if own or connection.execute",
            "    if connection.execute",
            f"{FOREIGN}test_what_is_in_the_way_is_named_before_anything_is_written",
        ),
        (
            "A view in capitals is in the way too",
            "list_contains(?, lower(view_name))",
            "list_contains(?, view_name)",
            f"{FOREIGN_TYPES}test_the_engine_s_case_is_no_other_name",
        ),
        (
            "A required column of a table in capitals is in the way too",
            "list_contains(?, lower(table_name))",
            "list_contains(?, table_name)",
            f"{FOREIGN_TYPES}test_the_engine_s_case_is_no_other_name",
        ),
    ),
    *_of(
        "destinations/duckdb.py",
        (
            "The schema's name may be in capitals",
            'AND lower(schema_name) = ? "\n            "ORDER BY column_index"',
            'AND schema_name = ? "\n            "ORDER BY column_index"',
            f"{FOREIGN_TYPES}test_the_engine_s_case_is_no_other_name",
        ),
        (
            "A history of somebody's own is not taken over",
            "(self._system.start, self._system.synced) if m in",
            "(self._system.synced,) if m in",
            f"{FOREIGN}test_what_is_in_the_way_is_named_before_anything_is_written",
        ),
        (
            "Nor is a klass's table",
            "        self._refuse_own(connection, shape, have)\n",
            "",
            f"{FOREIGN}test_a_klass_s_table_that_is_somebody_s_own_is_not_taken_over",
        ),
        (
            "A table of ours that lost a mark is ours",
            "if have and lacking and not self._ours.knows(shape.name):",
            "if have and lacking:",
            f"{FOREIGN}test_a_mark_that_was_dropped_from_a_table_of_ours_is_made_again",
        ),
        (
            "Who did not begin knows what is ours",
            "            self._recall(connection, stored)\n            shapes = ",
            "            shapes = ",
            f"{FOREIGN}test_a_mark_that_was_dropped_from_a_table_of_ours_is_made_again",
        ),
        (
            "A key's column in capitals keeps its type",
            "list_contains([lower(c) for c in constraint_column_names], ?)",
            "list_contains(constraint_column_names, ?)",
            f"{FOREIGN_TYPES}test_the_engine_s_case_is_no_other_name",
        ),
    ),
)

_REFUSED = (
    *_of(
        "sync/run.py",
        (
            "Another org is not synced into this one's schema",
            "        refuse_other_org(self.connection, told, before)\n",
            "",
            f"{FOREIGN}test_another_org_s_key_is_refused",
        ),
        (
            "The org is remembered",
            "            self.landing.put(ORG, org)\n",
            "            pass\n",
            f"{FOREIGN}test_another_org_s_key_is_refused",
        ),
        (
            "A sync refuses before it writes",
            "        self.destination.refuse(self.tables)\n",
            "",
            f"{FOREIGN}test_what_is_in_the_way_is_named_before_anything_is_written",
        ),
    ),
    *_of(
        "check.py",
        (
            "`check` refuses what the sync would",
            "        found.refuse(tables)\n",
            "",
            f"{FOREIGN}test_what_is_in_the_way_is_named_before_anything_is_written",
        ),
    ),
    *_of(
        "sync/adopt.py",
        (
            "Without a time to go on from, nothing goes on",
            "        if self.cursor is None:\n",
            "        if not table.columns:\n",
            f"{ADOPT}test_a_schema_that_does_not_say_when_it_was_synced_is_read_from_the_beginning",
        ),
        (
            "A custom column's change is told for when it comes",
            "    if at_once or change.becomes is None:\n",
            "    if change:\n",
            f"{ADOPT}test_a_custom_column_of_another_type_changes_with_its_first_value",
        ),
        (
            "Why Kustomer could not be asked is said",
            "told = replace(told, unasked=str(error))",
            "pass",
            f"{ADOPT}test_why_kustomer_could_not_be_asked_is_said",
        ),
        (
            "`adopt` refuses what the first sync would",
            "        there.refuse(plan.as_stored())\n",
            "",
            f"{ADOPT}test_what_the_first_sync_would_refuse_is_refused",
        ),
    ),
)


_QUIETLY = (
    *_of(
        "kustomer/singly.py",
        (
            "A parent's id is one part of a path",
            "path.format(id=quoted(parent))",
            "path.format(id=parent)",
            "tests/unit/kustomer/test_singly.py::test_so_is_a_parent_s_id",
        ),
    ),
    *_of(
        "destinations/duckdb.py",
        (
            "What came while its table was hidden is there when it is not",
            "WHERE NOT EXISTS (SELECT 1 FROM {self._t(table.place)} t WHERE {same})",
            "WHERE FALSE",
            f"{A}test_protect.py::test_what_came_and_went_while_its_table_was_hidden_is_flagged",
        ),
    ),
    *_of(
        "sync/verify/asked.py",
        (
            "A history of what is asked for by its parent is repaired by it",
            "        self._owners.setdefault(table.name, set()).update(owners)\n",
            "        pass\n",
            f"{VERIFY}test_what_is_asked_for_by_its_parent_is_repaired_by_it",
        ),
    ),
    *_of(
        "sync/verify/verification.py",
        (
            "A repair by a list that is not read is none",
            "untold |= set(self.run.destination.holding(table, table.reading.via, untold))",
            "pass",
            f"{VERIFY}test_a_repair_by_a_list_that_is_not_read_is_none",
        ),
    ),
    *_of(
        "sync/sweep.py",
        (
            "A soft-deleted record that a search by when it was made shows is not flagged",
            "    doubted = _doubted(run, table, gone)\n",
            "    doubted = set[str]()\n",
            f"{DELETES}test_a_soft_deleted_record_that_is_searched_at_its_old_moment_is_not_flagged",
            f"{DELETES}test_a_soft_deleted_record_of_a_time_that_can_not_be_searched_is_not_flagged",
        ),
        (
            "A soft-deleted record that no search shows by when it was made is gone",
            "if unshown is not True}",
            "if True}",
            f"{DELETES}test_an_erased_record_that_had_been_soft_deleted_is_flagged",
        ),
        (
            "How many looks by id a comparison takes is said",
            "cost=len(left))",
            "cost=0)",
            f"{DELETES}test_looks_for_what_was_erased_are_announced_and_none_is_paid_twice",
        ),
        (
            "What a comparison found gone is flagged though the sync is stopped then",
            "        gone = confirmed(run, table, left[:_PART])\n",
            "        gone = confirmed(run, table, left)\n",
            f"{DELETES}test_looks_for_what_was_erased_are_announced_and_none_is_paid_twice",
        ),
        (
            "A comparison that lacks more than half of a table says so",
            "    if len(absent) * 2 > there.kept:\n",
            "    if False:\n",
            f"{DELETES}test_a_table_that_shrank_by_half_is_searched_again_and_reported_first",
        ),
        (
            "A table that shrank by more than half is read again",
            "        absent &= reread(run, table, spans)[0]\n",
            "        pass\n",
            f"{DELETES}test_a_table_that_shrank_by_half_is_searched_again_and_reported_first[True]",
        ),
    ),
    *_of(
        "destinations/histories.py",
        (
            "Two active versions of a record are seen though they are alike",
            "SELECT id FROM (({there}) EXCEPT ALL ({here}))",
            "SELECT id FROM (({there}) EXCEPT ({here}))",
            f"{VERIFY}test_a_history_that_has_a_row_twice_is_named_and_repaired[active]",
        ),
        (
            "A version that is there twice is seen though it is over",
            "HAVING count(*) > 1) ORDER",
            "HAVING FALSE) ORDER",
            f"{VERIFY}test_a_history_that_has_a_row_twice_is_named_and_repaired[over]",
        ),
    ),
    *_of(
        "sync/verify/searched.py",
        (
            "What no search counts is said",
            "            self.common.untold(table, _OLD, old)\n",
            "            pass\n",
            f"{VERIFY}test_what_only_a_sample_compares_is_said",
        ),
        (
            "What is stored as soft-deleted and on no path is no difference",
            "{stamp.id for stamp in stamps if stamp.deleted}",
            "set[str]()",
            f"{VERIFY}test_a_soft_deleted_record_that_no_path_shows_is_no_difference",
        ),
    ),
    *_of(
        "sync/verify/asked.py",
        (
            "Without a sample what is asked for by parent is not compared, and that is said",
            "        if not self.common.sample:\n",
            "        if False:\n",
            f"{VERIFY}test_what_only_a_sample_compares_is_said",
        ),
    ),
)


_ALONE = (
    *_of(
        "sync/adopt.py",
        (
            "A search that is refused keeps nobody from adopting",
            "    except (Forbidden, NotFound, Refused):\n        return 0\n",
            "    except NotFound:\n        return 0\n",
            f"{ADOPT}test_a_search_that_kustomer_refuses_keeps_nobody_from_adopting",
        ),
    ),
    *_of(
        "sync/follow.py",
        (
            "A message of no conversation that was not told is asked for again",
            "    untold = set(_alone(run, table, lone))\n",
            "    _alone(run, table, lone)\n    untold = set[str]()\n",
            f"{UNTOLD}test_attachments_of_a_message_of_no_conversation_are_asked_for_again",
        ),
        (
            "That a message could not be read is said",
            "    if failed:\n        run.warn(",
            "    if False:\n        run.warn(",
            f"{UNTOLD}test_attachments_of_a_message_of_no_conversation_are_asked_for_again",
        ),
        (
            "A path below each message that fails costs the attachments alone",
            "        except (Forbidden, NotFound, PathFailed) as error:\n",
            "        except (Forbidden, NotFound) as error:\n",
            f"{FAULTS}test_messages_of_no_conversation_that_all_fail_keep_nothing_else_from_being_asked_for",
        ),
    ),
    *_of(
        "sync/verify/verification.py",
        (
            "A path that keeps failing costs its table, not the comparison",
            "        except (Forbidden, NotFound, Refused, PathFailed) as error:\n"
            "            self.run.unread(table, error)\n            self.common.untold",
            "        except (Forbidden, NotFound, Refused) as error:\n"
            "            self.run.unread(table, error)\n            self.common.untold",
            f"{VERIFY}test_a_path_that_keeps_failing_costs_its_table_and_the_comparison_its_success",
        ),
        (
            "What could not be compared because its path failed is no success",
            "            if run.failed is not None:\n",
            "            if False:\n",
            f"{VERIFY}test_a_path_that_keeps_failing_costs_its_table_and_the_comparison_its_success",
        ),
    ),
    *_of(
        "sync/verify/searched.py",
        (
            "A search that keeps failing is no missing role",
            "                    raise error\n",
            "                    raise Forbidden(error)\n",
            f"{VERIFY}test_a_path_that_keeps_failing_costs_its_table_and_the_comparison_its_success",
        ),
    ),
    *_of(
        "sync/verify/comparison.py",
        (
            "A row that is there twice is said to be",
            "_what(u, twice=columns != u.columns)",
            "_what(u, twice=False)",
            f"{VERIFY}"
            "test_what_is_said_tells_repaired_from_unrepaired_and_a_row_that_is_there_twice",
        ),
    ),
    *_of(
        "sync/sweep.py",
        (
            "A klass without a name keeps no other's KObjects from being flagged",
            "        klasses = run.landing.klasses_of(table, ids)\n",
            "        klasses = run.landing.klasses_of(table, absent)\n",
            f"{UNTOLD}test_a_klass_that_has_no_name_keeps_no_other_s_kobjects_from_being_flagged",
        ),
    ),
    *_of(
        "cli/screen.py",
        (
            "What was repaired is told from what was not",
            "    left, done = {*table.left}, {*table.repaired}\n",
            "    left, done = {*table.ids}, set[str]()\n",
            f"{VERIFY}"
            "test_what_is_said_tells_repaired_from_unrepaired_and_a_row_that_is_there_twice",
        ),
        (
            "After a repair no repair is advised",
            "    if found.repaired:\n",
            "    if False:\n",
            f"{VERIFY}"
            "test_what_is_said_tells_repaired_from_unrepaired_and_a_row_that_is_there_twice",
        ),
    ),
)


_WALKED = (
    *_of(
        "sync/verify/verification.py",
        (
            "A repair fills what somebody took out",
            "        self._fill(behind)\n",
            "        self._fill(())\n",
            f"{VERIFY}test_a_repair_fills_what_somebody_took_out",
        ),
        (
            "What somebody took out is repaired though no row differs",
            "if repair and (behind or any(",
            "if repair and (any(",
            f"{VERIFY}test_a_repair_fills_what_somebody_took_out",
        ),
        (
            "What differed before a repair filled its table is told",
            "                self.common.of(table).recall(before)\n",
            "",
            f"{CHANGES}test_a_repair_by_records_that_lack_what_is_wanted_since_is_no_success_unseen",
        ),
    ),
    *_of(
        "cli/screen.py",
        (
            "What the price leaves out is said",
            "return [*told, _UNPRICED, ",
            "return [*told, ",
            f"{COMMAND}test_check_names_each_missing_role_and_what_it_costs",
        ),
    ),
    *_of(
        "sync/reimport.py",
        (
            "What a list lacks is flagged by no look that failed with all of Kustomer",
            "        except (Forbidden, PathFailed):\n            record = UNSURE\n",
            "        except Exception:\n            record = UNSURE\n",
            f"{REIMPORT}test_an_api_that_is_down_meanwhile_flags_nothing",
        ),
    ),
    *_of(
        "kustomer/listings.py",
        (
            "A list that repeats a page says nothing of what it lacks",
            "        whole.complete, whole.unsure, whole.again = False, True, True\n",
            "        whole.complete, whole.unsure, whole.again = True, True, True\n",
            f"{REIMPORT}test_a_second_listing_that_repeats_a_page_flags_nothing",
        ),
    ),
    *_of(
        "kustomer/catalog/klasses.py",
        (
            "A klass that is disabled is listed apart, and not gone",
            'also=((("status", "existing_only"),), (("status", "disabled"),))',
            "also=()",
            f"{PROTECT}test_a_klass_that_is_disabled_keeps_its_rows",
        ),
    ),
    *_of(
        "settings.py",
        (
            "A schema that databases keep for themselves is refused",
            '    if value in _TAKEN or value.startswith("pg_"):\n',
            "    if False:\n",
            f"{SETTINGS}test_a_wrong_value_is_one_sentence_that_names_it",
        ),
        (
            "A database in memory is refused",
            '.startswith(":memory:")',
            '.startswith(":none:")',
            f"{SETTINGS}test_a_wrong_file_is_one_sentence",
        ),
    ),
    *_of(
        "sync/named.py",
        (
            "A table that is off is not asked for by its name",
            "    if not lands and not any(name in family(root) for root in chosen):\n",
            "    if False:\n",
            f"{COMMAND}test_a_table_that_is_off_is_not_asked_for_by_its_name",
        ),
        (
            "What is left of a root that is off may be asked for by its name",
            "    if name == table.name and table.parent is None:\n",
            "    if False:\n",
            f"{COMMAND}test_a_table_that_is_off_is_not_asked_for_by_its_name",
        ),
    ),
    *_of(
        "kustomer/client.py",
        (
            "What never speaks JSON is not waited for as an outage is",
            "            if foreign is not None and now >= given_up:\n",
            "            if False:\n",
            f"{CLIENT}test_what_never_speaks_json_is_not_kustomer",
            f"{CHECK}test_a_web_page_at_every_path_is_no_kustomer",
        ),
        (
            "A page with an error's status is an outage's",
            "                alien = isinstance(error, _NotJson) and not self._known\n",
            "                alien = not self._known\n",
            f"{CLIENT}test_a_page_that_says_that_kustomer_is_down_is_waited_out",
        ),
        (
            "What was Kustomer before still is",
            "                alien = isinstance(error, _NotJson) and not self._known\n",
            "                alien = isinstance(error, _NotJson)\n",
            f"{CLIENT}test_a_page_that_says_that_kustomer_is_down_is_waited_out",
        ),
    ),
)


_ELEMENTS = (
    *_of(
        "model.py",
        (
            "The history of a child table has the attributes of its elements",
            "return (*known, *(c for c in self.columns if c.custom is not None))",
            "return tuple(known)",
            f"{ATTRIBUTES}test_attributes_of_elements_have_their_history",
        ),
    ),
    *_of(
        "destinations/histories.py",
        (
            "Of a tag that is there twice the first counts, whatever attributes the other has",
            "if indexed or set(table.key) >= {c.name for c in table.history_columns()}:",
            "if indexed or set(table.key) >= set(table.history_key):",
            f"{ATTRIBUTES}test_the_history_of_tags_has_their_attributes",
        ),
        (
            "A batch without an attribute takes no elements for one that differ in it alone",
            'content = wanted(self.plan.values(child, "s", history), child.table)',
            "content = [c.name for c in child.table.history_columns()]",
            f"{ATTRIBUTES}test_attributes_of_elements_have_their_history",
        ),
        (
            "What a history has of an element's attribute is compared with the table",
            'if name in own or name.startswith("custom_")}',
            "if name in own}",
            f"{ATTRIBUTES}test_attributes_of_elements_have_their_history",
        ),
        (
            "Between two times at which an element was there it was not",
            "__n - row_number() OVER (PARTITION BY {keys} ORDER BY __n) AS __run",
            "0 AS __run",
            f"{PROMISES}test_a_tag_taken_off_and_put_back_has_a_gap",
        ),
        (
            "A copy says itself what its array held, whatever was known of that time",
            "                WHERE t.{ROW} IS NULL\n            ), numbered AS (\n",
            "            ), numbered AS (\n",
            f"{PROMISES}test_a_late_copy_without_the_tag_splits_its_span",
        ),
        (
            "An array has its history where its record has none",
            "if not (self.root.table.history or self.children):",
            "if not self.root.table.history:",
            f"{PROMISES}test_a_join_history_is_kept_without_its_record_s",
        ),
        (
            "What was flagged in a pause is closed when the history goes on",
            'AND {synced} < {paused}, FALSE)" if paused else ""',
            ', FALSE)" if paused else ""',
            f"{KEPT}test_a_history_that_goes_on_takes_in_what_changed_meanwhile",
        ),
    ),
    *_of(
        "sync/histories.py",
        (
            "A history that begins has the attributes of elements",
            "children=(_whole(run, part, stored),))",
            "children=(part,))",
            f"{ATTRIBUTES}test_a_history_that_begins_has_the_attributes_of_elements",
        ),
    ),
    *_of(
        "sync/wanted.py",
        (
            "An attribute of elements that is hashed later is hashed in their history",
            "children = tuple(_customized(run, child, child.name) for child in table.children)",
            "children = table.children",
            f"{ATTRIBUTES}test_histories_have_protected_attributes_of_elements_as_their_table",
        ),
        (
            "A history that was whole when its table was blocked is not read again",
            '{*before["lands"], *_went_on(root, state, before["lands"])}',
            '{*before["lands"]}',
            f"{CHANGES}test_a_history_that_was_whole_when_its_table_was_blocked_is_not_read_again",
        ),
        (
            "A history that was paused when its table was blocked is read again",
            "if p.history and kept(state, p)}",
            "if p.history}",
            f"{CHANGES}test_a_history_that_was_whole_when_its_table_was_blocked_is_not_read_again",
        ),
    ),
    *_of(
        "shred/shredder.py",
        (
            "Attributes of elements may stand in the element itself",
            "product(elements, (CUSTOM[1:], CUSTOM))",
            "product(elements, (CUSTOM,))",
            f"{ATTRIBUTES}test_elements_may_have_attributes_of_their_own",
        ),
    ),
    *_of(
        "protect.py",
        (
            "Attributes of elements are blocked and hashed as other columns",
            "tuple(self._rows(child) for child in batch.children)",
            "batch.children",
            f"{ATTRIBUTES}test_attributes_of_elements_are_blocked_and_hashed_as_others",
        ),
    ),
)


MUTATIONS = (
    *_VERIFY, *_AUDITED,
    *_CLIENT, *_QUOTA, *_WINDOWS, *_LISTED, *_SINGLY, *_KLASSES, *_PARSE, *_CHOICE, *_RUN,
    *_LANDING, *_REIMPORT, *_SWEEP, *_FOLLOW, *_READINGS, *_SETTINGS_WORK, *_CHECK, *_SHRED,
    *_DESTINATION, *_HISTORIES, *_CLI,
    *_SIMULATOR, *_ADOPT, *_RESYNC, *_PROTECT, *_TOGETHER, *_UNTOLD, *_RETYPED, *_SAID, *_STANDING,
    *_WORDS, *_STATUS2, *_FEATURES, *_ASTRAY, *_CHANGES, *_SILENT, *_REPAIRED, *_ELEMENTS,
    *_OUTSIDE, *_THEIRS, *_REFUSED, *_QUIETLY, *_ALONE, *_WALKED,
)  # fmt: skip
