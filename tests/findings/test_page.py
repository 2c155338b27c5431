"""What chapters show: tables beside published values, verdicts."""

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from worlds import around, changed, world

from sdd.findings import CLAIMS, cards, double_descent, elsewhere, page, rule, scorecard
from sdd.findings.rule import REPRODUCED, SMALL, UNDECIDED
from sdd.measures.statistics import mean

ASSETS = Path(__file__).resolve().parents[2] / "book" / "assets"
STYLES = ("site.css", "claims.css")


def test_mean_and_deviation_are_written_without_a_signed_zero():
    assert page.mean_sd([1, 2, 3], 2) == "2.00 ± 1.00"
    assert page.mean_sd([2], 1) == "2.0 (one training)"
    assert page.mean_sd([-1e-9, -1e-9], 2) == "0.00 ± 0.00"


def test_published_test_losses_stand_beside_ours():
    rows = double_descent.published_losses(world()).set_index("T")
    assert rows.loc["2,000", "published (fig)"] == "1.0150 ± 0.0020"
    assert rows.loc["2,000", "ours ± sd over trainings"] == "1.0150 ± 0.0010"
    assert rows.loc["3", "published (fig)"] == "off the top of the figure"
    assert rows.loc["500,000"].to_list()[1] == "not run at this profile"
    assert set(rows.loc["500,000"].to_list()[2:]) == {"–"}
    assert list(rows.index)[-1] == "∞"


def test_at_another_size_published_rows_follow_ours():
    rows = double_descent.published_losses(world("quick")).set_index("T")
    names = list(rows.index)
    assert names.index("∞") < names.index("3 (n = 10,000)")
    assert rows.loc["2,000", "published (fig)"] == "–"
    assert rows.loc["2,000 (n = 10,000)", "ours ± sd over trainings"] == "not run at this profile"


def test_a_table_of_text_keeps_a_value_and_its_deviation_on_one_line():
    text = page.markdown(pd.DataFrame({"T": ["5"], "loss": ["1 ± 2"]})).data
    assert text == "| T | loss |\n| --- | --- |\n| 5 | 1\u00a0±\u00a02 |"


def test_in_a_notebook_tables_have_links_and_words_in_place_of_roles():
    text = page.checks(world(), "F3-bump").data
    assert "(`F3-bump`, [fig-double-descent](double-descent.ipynb))" in text
    assert "{numref}" not in text
    assert "<details" not in text
    cited = elsewhere.table().iloc[:1]
    assert "Jermyn (2023)<br>" in page.markdown(cited).data


def test_in_a_notebook_each_part_of_a_claim_is_a_row_with_its_numbers():
    lines = page.checks(world(), "F4-norms").data.splitlines()[2:]
    assert ["*‖W‖ falls*" in lines[0], "*‖b‖ at large T*" in lines[1], len(lines)] == [
        True,
        True,
        2,
    ]
    assert "true if below 1; 8 trainings; " in lines[1]
    assert lines[1].endswith('<span class="verdict reproduced">✓ <span>reproduced</span></span> |')


def _luminance(color):
    parts = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_verdicts_differ_in_sign_and_words_and_their_colours_can_be_read_in_both_themes():
    signs = {sign for sign, *_ in cards.SIGNS.values()} | {cards.MIXED}
    assert len(signs) == len(cards.SIGNS) + 1 == 6
    rule = r"^(html.*)?\.bd-content \.verdict\.(\w+) \{ color: (#\w{6}); \}$"
    text = "".join((ASSETS / name).read_text(encoding="utf-8") for name in STYLES)
    found = re.findall(rule, text, re.MULTILINE)
    for dark, ground in ((False, "#ffffff"), (True, "#121212")):
        colors = {kind: color for theme, kind, color in found if bool(theme) == dark}
        assert set(colors) == {kind for _, kind, _ in cards.SIGNS.values()} | {"mixed"}
        for kind, color in colors.items():
            light, deep = sorted(map(_luminance, (color, ground)), reverse=True)
            assert (light + 0.05) / (deep + 0.05) >= 4.5, (kind, dark)


def test_checks_show_the_claims_asked_for_and_no_others():
    text = page.checks(world(), "F3-bump", "F3-floor").data
    asked = {i for i in CLAIMS if i.startswith(("F3-bump", "F3-floor"))}
    assert set(re.findall(r"\(`([\w-]+)`, \[", text)) == asked


def test_what_chance_does_is_counted_by_kind_of_interval_and_not_of_headlines():
    one = scorecard.judge_all(world(), ["F1-pentagon"])[0]
    kinds = [(True, 0.99), *[(False, 0.99)] * 3, (False, 0.9), (False, None)]
    rows = [replace(one, headline=head, confidence=confidence) for head, confidence in kinds]
    assert scorecard.by_chance(rows) == {
        "intervals": 3, "missed": pytest.approx(0.03), "shares": 1, "misjudged": 0.05,
    }  # fmt: skip


def test_headlines_are_corrected_together():
    """Where the interval alone just decides, all headlines together ask for more."""
    chosen = "data_seed >= 20 and batch == 10_000"
    for sd, verdict in ((0.15, UNDECIDED), (0.001, REPRODUCED)):
        angles = around(5.0, sd, 3)
        altered = changed(world(), "fresh-data", chosen, five_angle_error=lambda rows, a=angles: a)
        assert rule.judge(mean(angles), rule.below(6)).verdict == REPRODUCED
        (found,) = scorecard.judge(CLAIMS["F1-pentagon"], altered)
        assert found.verdict == verdict
        assert "corrected with the other headlines, p" in found.note


def test_the_scorecard_as_json_keeps_its_symbols():
    text = scorecard.to_json(scorecard.judge_all(world("quick"), ["F3-"]))
    assert "±" in text
    assert f'"verdict": "{SMALL}"' in text
