"""The scorecard of the quick profile, claim by claim, against the verdicts on record.

A change that flips a verdict fails here. Where that is what the change is for, it also changes
`verdicts.json`, and says why.
"""

import json
from pathlib import Path

import pytest

from sdd.findings import CLAIMS, Evidence
from sdd.findings.scorecard import judge

RECORDED = json.loads(Path(__file__).with_name("verdicts.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def quick(book_store):
    """Evidence from the quick runs, which `make test` trains beforehand."""
    return Evidence.stored("quick")


def test_every_claim_is_on_record_once():
    assert sorted(CLAIMS) == sorted(RECORDED)


@pytest.mark.slow
@pytest.mark.parametrize("claim", CLAIMS.values(), ids=lambda c: f"{c.id}: {c.statement}")
def test_the_verdict_is_the_one_on_record(claim, quick):
    assert judge(claim, quick).verdict == RECORDED[claim.id]
