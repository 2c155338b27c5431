"""Claims as lines that unfold: what each shows follows from its numbers."""

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from worlds import world

from sdd.findings import CLAIMS, cards, claim, page, scorecard
from sdd.findings.claims import LONGEST
from sdd.findings.rule import CONTRADICTED, REPRODUCED, UNDECIDED, above, between, judge
from sdd.measures.statistics import lowest, mean, share


@pytest.fixture(scope="module")
def judged():
    return scorecard.judge_all(world())


@pytest.fixture
def one(judged):
    """A row whose claim is true above zero, with three trainings."""
    row = next(j for j in judged if j.id == "F3-bump")
    return replace(row, value=2.0, low=1.0, high=3.0, values=(1.5, 2.0, 2.5), true_from=0.0,
                   true_to=None, ours="2.0 [1.0, 3.0]", region="above 0")  # fmt: skip


def drawn(j):
    """The region, the trainings and the interval of a plot, as places along it."""
    root = ElementTree.fromstring(cards.plot([j]))
    region, *paths = root
    left = float(region.get("x"))
    dots = [float(x) for x in re.findall(r"M([-\d.e]+),[\d.]+h0", paths[0].get("d"))]
    low, high = re.search(r"M([-\d.e]+),[\d.]+H([-\d.e]+)", paths[-1].get("d")).groups()
    return (left, left + float(region.get("width"))), dots, (float(low), float(high))


def test_every_title_fits_a_line_and_no_two_are_alike():
    titles = [c.title for c in CLAIMS.values()]
    assert max(map(len, titles)) <= LONGEST == 60
    assert len(set(titles)) == len(titles)


def test_a_title_that_is_too_long_is_refused():
    enter = claim("X-long", source="ours", published="", figure="fig-x", region=above(0),
                  estimand="", title="x" * 61)  # fmt: skip
    with pytest.raises(ValueError, match="the title of X-long must have at most 60 characters, no"):
        enter(lambda e: mean([1.0]))
    assert "X-long" not in CLAIMS


def test_a_plot_has_the_interval_inside_the_shade_where_the_claim_is_reproduced(one):
    region, dots, (low, high) = drawn(one)
    assert region == (cards.WIDTH / 2, cards.WIDTH)
    assert region[0] < low < high <= region[1]
    assert len(dots) == 3
    assert low < min(dots) < max(dots) < high
    crossing = replace(one, low=-1.0, high=5.0)
    region, _, (low, high) = drawn(crossing)
    assert low < region[0] < high
    below = replace(one, true_from=None, true_to=0.0)
    region, _, (low, high) = drawn(below)
    assert region == (0, cards.WIDTH / 2)
    assert low > region[1]


def test_a_region_with_two_ends_is_in_the_middle_of_its_plot(one):
    region, _, (low, high) = drawn(replace(one, true_from=0.0, true_to=4.0))
    assert sum(region) / 2 == pytest.approx(cards.WIDTH / 2)
    assert region[0] < low < high < region[1]


def test_a_plot_says_in_words_what_it_shows_and_is_left_out_without_numbers(one):
    assert 'role="img" aria-label="estimate 2.0, interval 1.0 to 3.0; true if above 0"' in (
        cards.plot([one])
    )
    assert cards.plot([replace(one, value=None)]) == ""
    assert cards.plot([replace(one, true_from=None)]) == ""
    without = cards.plot([replace(one, low=None, high=None)])
    assert "H" not in re.sub(r"<rect.*?/>", "", without)


def test_parts_have_a_band_each_and_are_counted_by_verdict(one):
    parts = [replace(one, row="a"), replace(one, row="b", verdict=UNDECIDED)]
    assert cards.plot(parts).count("<rect") == 2
    assert 'aria-label="2 parts: ' in cards.plot(parts)
    assert cards.together([REPRODUCED, REPRODUCED]) == ("✓", "reproduced", "reproduced")
    assert cards.together([REPRODUCED, CONTRADICTED, UNDECIDED]) == ("◐", "mixed", "1 of 3")


def test_a_verdict_keeps_the_numbers_that_it_follows_from():
    found = judge(mean([1.0, 2.0, 3.0]), above(0))
    assert (found.value, found.values) == (2.0, (1.0, 2.0, 3.0))
    assert (found.low, found.high) == mean([1.0, 2.0, 3.0]).interval()
    least = judge(lowest([mean([5.0, 6.0]), mean([1.0, 2.0])]), above(0))
    assert least.values == (1.0, 2.0)
    assert judge(mean([1.0]), between(0, 2)).low is None
    assert judge(share([True] * 4), above(0.9)).values == ()


def test_the_scorecard_has_each_claim_once_headlines_first_with_an_address_and_its_code(
    judged, monkeypatch
):
    monkeypatch.setenv("SDD_BUILD", "1")
    text = page.scorecard(judged).data
    assert sorted(re.findall(r'<div class="more" id="claim-([\w-]+)">', text)) == sorted(CLAIMS)
    assert "{numref}`fig-double-descent` · " in text
    assert 'href="../_modules/sdd/findings/double_descent.html#_bump_rises"' in text
    headlines = [c.id for c in CLAIMS.values() if c.headline]
    assert set(re.findall(r'data-claim="([\w-]+)"', text)[: len(headlines)]) == set(headlines)
    assert page.checks(world(), "F3-bump").data.count('scorecard.html#claim-F3-bump"') == 1
    assert 'id="claim-' not in page.checks(world(), "F3-bump").data


def test_there_is_a_tile_for_each_check_and_the_counts_above_agree(judged, monkeypatch):
    monkeypatch.setenv("SDD_BUILD", "1")
    assert sorted({j.id for j in judged}) == sorted(CLAIMS)
    assert len({j.key for j in judged}) == len(judged)
    text = page.tiles(judged).data
    assert text.count('href="#claim-') == len(judged)
    counts = re.findall(r"(\d+) checks of (\d+) claims", text)
    assert [sum(map(int, column)) for column in zip(*counts, strict=True)] == [
        len(judged), len(CLAIMS),
    ]  # fmt: skip
    monkeypatch.delenv("SDD_BUILD")
    assert re.findall(r"(\d+) checks of (\d+) claims", page.tiles(judged).data) == counts


def test_the_findings_rest_on_all_headlines_of_the_paper_and_their_signs_follow(judged):
    headlines = {c.id for c in CLAIMS.values() if c.headline and c.group == "body"}
    rest = [id for finding in cards.FINDINGS for id in finding.ids]
    assert sorted(rest) == sorted(headlines)
    altered = [replace(j, verdict=REPRODUCED) for j in judged]
    assert page.findings(altered).data.count("✓") == len(cards.FINDINGS) == 3
    altered = [replace(j, verdict=CONTRADICTED if j.id == "F3-bump" else j.verdict)
               for j in altered]  # fmt: skip
    assert "◐ <span>3 of 4 reproduced" in page.findings(altered).data


def test_a_program_reads_trainings_interval_and_region_as_numbers(judged):
    for row in json.loads(scorecard.to_json(judged)):
        assert row["title"]
        if row["low"] is not None:
            assert row["low"] <= row["value"] <= row["high"]
            assert row["true_from"] is not None or row["true_to"] is not None
