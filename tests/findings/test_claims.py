"""The scorecard of the quick profile, row by row, against the verdicts on record.

A change that flips a verdict fails here. Where that is what the change is for, it records them anew
and says why:

    .venv/bin/python tests/findings/test_claims.py
"""

import json
from pathlib import Path

import pytest

from sdd.findings import CLAIMS, Evidence
from sdd.findings.scorecard import judge, judge_all

FILE = Path(__file__).with_name("verdicts.json")
RECORDED = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def quick(book_store):
    """Evidence from the quick runs, which `make test` trains beforehand."""
    return Evidence.stored("quick")


def test_every_claim_is_on_record_once():
    assert {key.partition(": ")[0] for key in RECORDED} == set(CLAIMS)


@pytest.mark.slow
@pytest.mark.parametrize("claim", CLAIMS.values(), ids=lambda c: f"{c.id}: {c.statement}")
def test_the_verdict_is_the_one_on_record(claim, quick):
    recorded = {k: v for k, v in RECORDED.items() if k.partition(": ")[0] == claim.id}
    assert {row.key: row.verdict for row in judge(claim, quick)} == recorded


if __name__ == "__main__":
    found = {row.key: row.verdict for row in judge_all(Evidence.stored("quick"))}
    FILE.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
