"""Whole syncs of a living org, compared with its ledger."""

import pytest

pytest.register_assert_rewrite("tests.acceptance.case")  # so that it says what differs
