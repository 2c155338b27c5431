"""What chapters show: captions, tables beside published values, numbers for the prose, CSV."""

import pandas as pd
import pytest
from worlds import world

from sdd.findings import CLAIMS, double_descent, page, scorecard
from sdd.findings.rule import NOT, REPRODUCED


def test_a_caption_says_profile_sizes_steps_seeds_and_runs():
    runs = pd.DataFrame(
        {"run": ["a", "b", "c"], "n": 200, "sparsity": 0.95, "steps": 40, "data_seed": [0, 1, 0],
         "restarts": [2, 2, 1]}
    )  # fmt: skip
    said = "Profile quick: n = 200, S = 0.95, 40 steps; 2 data seeds, 3 runs, the best by training"
    assert page.source(runs, runs, of="quick") == f"{said} loss of 5 trainings."
    one = runs[2:].assign(n=1_000)
    assert page.source(one, of="quick").endswith("1 data seed, 1 run.")
    assert "n = 200, 1,000" in page.source(runs, one.assign(run="d"), of="quick")
    mixed = pd.concat([runs, one.assign(run="d", steps=9)])
    assert "9 to 40 steps" in page.source(mixed, of="quick")


def test_mean_and_deviation_are_written_without_a_signed_zero():
    assert page.mean_sd([1, 2, 3], 2) == "2.00 ± 1.00"
    assert page.mean_sd([2], 1) == "2.0 (one seed)"
    assert page.mean_sd([-1e-9, -1e-9], 2) == "0.00 ± 0.00"


def test_published_test_losses_stand_beside_ours():
    rows = double_descent.published_losses(world()).set_index("T")
    assert rows.loc["2,000", "published (fig)"] == "1.0150 ± 0.0020"
    assert rows.loc["2,000", "ours ± sd over seeds"] == "1.0150 ± 0.0010"
    assert rows.loc["3", "published (fig)"] == "off the top of the figure"
    assert list(rows.loc["500,000"])[1:] == ["not run at this profile", "–", "–"]
    assert list(rows.index)[-1] == "∞"


def test_at_another_size_published_rows_follow_ours():
    rows = double_descent.published_losses(world("quick")).set_index("T")
    names = list(rows.index)
    assert names.index("∞") < names.index("3 (n = 10,000)")
    assert rows.loc["2,000", "published (fig)"] == "–"
    assert rows.loc["2,000 (n = 10,000)", "ours ± sd over seeds"] == "not run at this profile"


def test_a_table_of_text_keeps_a_value_and_its_deviation_on_one_line():
    text = page.markdown(pd.DataFrame({"T": ["5"], "loss": ["1 ± 2"]})).data
    assert text == "| T | loss |\n| --- | --- |\n| 5 | 1\u00a0±\u00a02 |"


def test_the_data_of_a_figure_are_written_only_while_the_book_is_built(tmp_path, monkeypatch):
    frame = pd.DataFrame({"T": [3.0, float("inf")], "loss": [1.0, 0.5]})
    monkeypatch.delenv(page.FOLDER, raising=False)
    page.csv("fig-x", frame)
    monkeypatch.setenv(page.FOLDER, str(tmp_path / "data"))
    page.csv("fig-x", frame)
    assert (tmp_path / "data" / "fig-x.csv").read_text() == "T,loss\n3,1\ninf,0.5\n"
    with pytest.raises(ValueError, match="the table of fig-x must have rows, but is empty"):
        page.csv("fig-x", frame[:0])


def test_the_scorecard_has_the_claims_with_their_figures_by_source():
    judged = scorecard.judge_all(world())
    assert sorted(j.id for j in judged) == sorted(CLAIMS)
    text = page.scorecard(judged).data
    assert all(f"`{id}`" in text for id in CLAIMS)
    assert "{numref}`fig-double-descent`" in text
    groups = page.by_group(judged).data
    assert f"| **All** | **{len(CLAIMS)}** |" in groups
    assert scorecard.tally([REPRODUCED, REPRODUCED, NOT]) == {
        "reproduced": 2, "partly": 0, "not": 1, "noisy": 0, "small": 0, "claims": 3,
    }  # fmt: skip


def test_checks_show_the_claims_asked_for_and_no_others():
    text = page.checks(world(), "F3-bump", "F3-floor").data
    assert text.count("\n") == 1 + sum(i.startswith(("F3-bump", "F3-floor")) for i in CLAIMS)


def test_the_scorecard_as_json_keeps_its_symbols():
    text = scorecard.to_json(scorecard.judge_all(world("quick"), ["F3-"]))
    assert "±" in text
    assert '"verdict": "not judged at this size"' in text
