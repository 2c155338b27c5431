"""The status page says of a build what the journal knows, and no more."""

import json

import numpy as np
import pandas as pd
import pytest

from sdd.findings import EXPERIMENTS, specs, status, verify
from sdd.measures import verification
from sdd.measures.verification import SAME
from sdd.runs import journal, store
from sdd.runs.journal import Entry

EVIL = "A|B <script>alert(1)</script> [x](http://y) `z`"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A store of files under the names of two experiments that share no run, half recorded."""
    monkeypatch.setenv("SDD_STORE", str(tmp_path))
    entries = []
    for k, name in enumerate(("dataset-size", "fresh-data")):
        for spec in specs(name, "quick")[:4]:
            store.path(spec.name).write_bytes(b"x" * 500_000)
            where = {"date": f"2025-01-0{k + 1}T00:00:00Z", "machine": ("One", EVIL)[k]}
            software = [("sdd", "1"), ("numpy", "2")][:: 1 if len(entries) % 2 else -1]
            where |= {"software": dict(software), "archive": "ab" * k}
            entries.append(Entry(spec.name, seconds=3_600.0, **where))
    journal.note([e for k, e in enumerate(entries) if k != 0], tmp_path)
    return tmp_path


def test_totals_are_of_the_runs_that_are_stored_and_say_what_is_not_recorded(folder):
    runs = status.records("quick")
    assert {"dataset-size", "fresh-data"} <= set(runs["experiment"])
    found = status.totals(runs, "quick")
    assert (found["runs"], found["megabytes"], found["unrecorded"]) == (8, 4.0, 1)
    assert (found["compute"], found["imported"]) == ("7.0 h", 4)
    assert found["dates"] == "2025-01-01 to 2025-01-02"
    assert found["sound"] == pytest.approx(100 * verification.CONFIDENCE)
    assert found["verified"] == "They have not been verified here."


def test_runs_that_experiments_share_count_once_in_all_and_for_each(folder):
    runs = status.records("quick")
    runs = pd.concat([runs, runs.assign(experiment="width")])
    assert status.totals(runs, "quick")["runs"] == 8
    assert status.by_machine(runs)["Runs"].tolist() == ["1", "4", "3"]
    by_name = status.by_experiment(runs).set_index("Experiment")
    assert by_name.loc["`width`", "Runs"] == "8"
    assert by_name.loc["`fresh-data`", "CPU time"] == "4.0 h"


def test_nothing_that_an_archive_says_of_a_machine_becomes_markup(folder):
    shown = status.by_machine(status.records("quick"))["Trained on"].tolist()
    assert shown == ["not recorded", "A?B ?script?alert(1)??script? ?x?(http:??y) ?z?", "One"]


def test_the_last_verification_of_the_profile_is_told(folder):
    counts = dict.fromkeys(verify.COUNTED, 0) | {"sample": 20, "stored": 600, SAME: 20}
    texts = {"date": "2025-02-03T00:00:00Z", "machine": "One <b>", "profile": "quick"}
    (folder / verify.NOTE).write_text(json.dumps(counts | texts))
    said = status.totals(status.records("quick"), "quick")["verified"]
    assert said.startswith("On 2025-02-03 a sample was trained again, on One ?b?: 20 of 20 have")
    assert "fewer than 14 % of the 600 stored runs" in said


def test_without_any_record_the_page_is_the_same_in_form(tmp_path, monkeypatch):
    monkeypatch.setenv("SDD_STORE", str(tmp_path))
    empty = status.records("quick")
    found = status.totals(empty, "quick")
    assert (found["runs"], found["compute"], found["dates"]) == (0, *["not recorded"] * 2)
    assert list(status.by_machine(empty)) == ["Trained on", "With", *status.COLUMNS]
    assert list(status.by_experiment(empty)) == ["Experiment", "What", *status.COLUMNS]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [([0.25], "0.2 s"), ([60, 29], "89.0 s"), ([90], "1.5 min"), ([5_400, np.nan], "1.5 h"),
     ([np.nan], "not recorded"), ([4e6], "1,111.1 h")],
)  # fmt: skip
def test_times_have_units_that_fit(seconds, said):
    assert status._time(pd.Series(seconds)) == said


def test_every_experiment_says_what_it_is_in_one_cell_of_a_table():
    assert not [name for name, e in EXPERIMENTS.items() if "|" in e.description]
