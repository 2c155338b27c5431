"""Promises name tests that exist, and the page shows a record of all trials, without a fault."""

import re
from pathlib import Path

import harness
import pytest

from sdd.findings import promises
from sdd.runs import worker

TESTS = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("test", sorted({t for p in promises.PROMISES for t in p.tests}))
def test_every_test_that_holds_a_promise_exists(test):
    file, _, name = test.partition("::")
    assert re.search(rf"^def {name}\(", (TESTS / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_promise_has_a_test_and_every_trial_tries_one():
    assert all(promise.tests for promise in promises.PROMISES)
    assert {name for p in promises.PROMISES for name in p.trials} == set(harness.TRIALS)


def test_the_record_is_of_all_trials_at_their_full_length():
    rows = {row["trial"]: row for row in promises.record()["trials"]}
    assert list(rows) == list(harness.TRIALS)
    for name, trial in harness.TRIALS.items():
        assert rows[name]["tried"] >= trial.many or rows[name]["left_out"], name


def test_the_record_has_no_fault_and_shows_every_kind():
    assert list(promises.COLUMNS) == list(harness.FAULTS)
    for row in promises.record()["trials"]:
        assert {kind: row[kind] for kind in harness.FAULTS} == dict.fromkeys(harness.FAULTS, 0)


def test_the_numbers_of_the_page_are_those_of_the_record():
    counts, rows = promises.counts(), promises.trials().set_index("Trial")
    assert f"{counts['kills']:,}" == rows["tried"]["kills"]
    assert counts["faults"] == 0
    assert counts["checkpoint"] == worker.CHECKPOINT_EVERY_S
    assert len(promises.table()) == len(promises.PROMISES)
