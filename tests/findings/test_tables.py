"""Tables hold every published number beside ours, and read as tables whatever is in their cells."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from markdown_it import MarkdownIt
from worlds import changed, world

from sdd import paper
from sdd.findings import claims, tables
from sdd.findings.claims import Judgement
from sdd.findings.grids import Grid
from sdd.measures.decomposition import Share
from sdd.measures.summary import Summary

INF = math.inf


def plain(table):
    """Return a table's text with ordinary spaces around ±, where it has ones that do not break."""
    assert " ± " not in "".join(table.data.splitlines()[2:])
    return table.data.replace("\u00a0", " ")


def cells(table):
    """Return header and rows as a reader of GitHub's table syntax sees them: text by column."""
    lines = plain(table).splitlines()
    split = [re.split(r"(?<!\\)\|", line.strip())[1:-1] for line in lines]
    widths = {len(row) for row in split}
    assert len(widths) == 1, f"rows of {widths} cells"
    assert set("".join(split[1])) <= set(" -:")
    assert "<table>" in MarkdownIt("commonmark").enable("table").render(table.data)
    header, _, *rows = [[cell.strip() for cell in row] for row in split]
    assert all(cell for row in rows for cell in row), "an empty cell says nothing"
    return header, rows


def by_T(table):
    """Return {T: row} of a table whose first column is T."""
    _, rows = cells(table)
    assert len({row[0] for row in rows}) == len(rows)
    return {INF if row[0] == "∞" else int(row[0].replace(",", "")): row for row in rows}


@pytest.fixture(scope="module")
def here():
    return world("paper")


@pytest.mark.parametrize("make", [tables.test_losses, tables.dimensions, tables.norms])
def test_every_size_trained_on_or_published_has_a_row_in_order_of_size(here, make):
    rows = by_T(make(here))
    assert list(rows) == sorted(rows)
    assert set(rows) >= {*here.sizes, INF}
    for T, row in rows.items():
        assert ("not run at this profile" in row) != bool(here.at(T))
    if make is not tables.norms:  # the paper says nothing of the norms between 2,000 and infinity
        assert set(rows) == {*paper.DATASET_SIZES, INF}


def test_every_published_test_loss_stands_beside_ours(here):
    rows = by_T(tables.test_losses(here))
    for T, loss in paper.TEST_LOSS.items():
        assert rows[T][1].startswith(f"{loss:.4f} ± ")
    assert rows[2_000][1] == "1.0150 ± 0.0020"
    assert rows[5_000][1] == "0.9995 ± 0.0003"
    for T in paper.OFF_THE_TOP:
        assert "off the top" in rows[T][1]


def test_our_test_losses_are_mean_and_deviation_over_seeds(here):
    altered = changed(
        here,
        lambda s: s.T == 100,
        lambda run: replace(
            run, test_loss=(1.0, 1.2, 1.4, 1.6)[run.data.seed], test_error=run.data.seed / 1e3
        ),
    )
    row = by_T(tables.test_losses(altered))[100]
    assert row[2] == "1.3000 ± 0.2582"  # √(0.2/3)
    assert row[3:] == ["3.0e-03", "4"]
    single = replace(here, finite=[s for s in here.finite if s.seed == 0])
    assert "one seed" in by_T(tables.test_losses(single))[100][2]


def test_what_rounds_to_zero_has_no_sign(here):
    altered = changed(here, lambda s: s.T == 100, lambda run: replace(run, test_loss=-1e-9))
    assert by_T(tables.test_losses(altered))[100][2] == "0.0000 ± 0.0000"


def test_every_published_dimensionality_stands_beside_ours(here):
    rows = by_T(tables.dimensions(here))
    for T, values in paper.EXAMPLE_D.items():
        assert rows[T][1] == " / ".join(f"{D:g}" for D in values)
    assert rows[10_000][2] == "0.23 to 0.25"
    assert rows[INF][2] == "0.255"
    for T in (20_000, 50_000, 100_000, 200_000, 500_000):
        assert rows[T][2] == "0.18 to 0.285"
        assert ("not run at this profile" in rows[T]) == (T > 50_000)
    ours = [cell for cell in rows[5] if cell.count("/") == 2]
    assert ours == ["0.400 / 0.400 / 0.400"]
    assert rows[10_000][5] == "2 of 2"
    assert rows[200][5] == "0 of 4"


def few(evidence):
    return replace(evidence, finite=[s for s in evidence.finite if s.T <= 30], fresh=[])


def test_polygons_are_compared_with_two_over_t(here):
    header, _ = cells(tables.polygons(few(here)))
    rows = {
        T: dict(zip(header, r, strict=True)) for T, r in by_T(tables.polygons(few(here))).items()
    }
    assert list(rows) == [3, 5, 6, 8, 10, 15, 30]
    for T, row in rows.items():
        published = paper.EXAMPLE_D.get(T)
        assert row["D, published (fig)"] == (
            " / ".join(f"{D:g}" for D in published) if published else "–"
        )
        assert row["2/T"] == f"{2 / T:.3f}"
        ring = 21 if T == 30 else T
        assert row["highest D"] == f"{2 / ring:.3f} ± 0.000"
        assert row["lowest D"] == f"{0 if T == 30 else 2 / T:.3f} ± 0.000"
        assert row["on the ring"] == f"{ring}.0 ± 0.0"
        assert row["trainings that lost a point"] == f"{4 if T == 8 else 0} of 16"
    assert rows[30]["on the ring, published (fig)"] == "21 to 22"
    assert rows[8]["on the ring, published (fig)"].startswith("6 ")


def test_norms_stand_beside_what_the_paper_says_of_them(here):
    rows = by_T(tables.norms(here))
    assert "peak" in rows[paper.NORM_PEAK_AT][1]
    assert "plateau" in rows[100][1]
    assert "√5 = 2.24" in rows[INF][1]
    assert rows[INF][2] == "2.24 ± 0.00"
    assert rows[200][2:4] == ["16.00 ± 0.00", "12.80 ± 0.00"]
    radius = 1 / math.sqrt(1 - math.cos(2 * math.pi / 21))
    assert rows[30][4] == f"{radius:.2f} ± 0.00"


@pytest.mark.parametrize("make", [tables.test_losses, tables.dimensions, tables.norms])
def test_at_other_sizes_published_values_are_listed_but_not_set_beside_ours(make):
    quick = world("quick")
    _, rows = cells(make(quick))
    _, at_paper_size = cells(make(world("paper")))
    ours = [row for row in rows if "n = 10,000" not in row[0]]
    theirs = [row for row in rows if "n = 10,000" in row[0]]
    assert len(ours) == len(quick.sizes) + 1
    for row in ours:
        assert row[1] == "–"
        assert "not run at this profile" not in row
    for row in theirs:
        assert "not run at this profile" in row
    published = {tuple(row[1:2]) for row in at_paper_size} - {("–",)}
    assert published <= {tuple(row[1:2]) for row in theirs}


def test_batches_are_all_shown(here):
    header, rows = cells(tables.batches(here))
    assert [row[0] for row in rows] == ["1,000", "10,000"]
    assert all(row[1].startswith("0.255 ±") for row in rows)
    assert all(row[2].startswith("0.0 ±") for row in rows)
    assert all(row[3].startswith("0.9988 ±") for row in rows)
    assert header[1:4] == ["mean D of the five", "largest deviation from 72°", "test loss"]
    bias = 0.65 / math.sqrt(10_000)  # that of every feature, so of the others too
    assert all(row[4].startswith(f"{bias:.5f} ±") for row in rows)


def test_bumps_are_listed_by_value_with_their_top_and_height():
    losses = np.array([[[1.0, 1.0], [1.3, 1.5], [0.9, 0.9]], [[1.0, 1.0], [0.9, 0.9], [0.8, 0.8]],
                       [[1.0, 1.0], [1.1, 1.1], [1.2, 1.2]]])  # fmt: skip
    g = Grid((0.01, 1.0, 2.0), (10, 3_000, 5_000), losses, np.full(losses.shape, 1e-5))
    *_, bump, none, rising = plain(tables.bumps(g, "weight decay")).splitlines()
    assert bump == "| 0.01 | 3,000 | 1.4000 ± 0.1414 | 0.4000 ± 0.1414 |"
    assert rising.startswith("| 2.0 | still rising at the end | – | 0.0000")
    assert none == "| 1.0 | no bump | – | 0.0000 ± 0.0000 |"


def test_checks_show_the_claims_asked_for_and_no_others(here):
    _, rows = cells(tables.checks(here, "F1", "F3-bump"))
    expected = [c for c in claims.CLAIMS if c.id.startswith(("F1", "F3-bump"))]
    assert len(rows) == len(expected) > 5
    for row, claim in zip(rows, expected, strict=True):
        assert claim.statement in row
        assert claim.published in row
        assert "**reproduced**" in row


def test_the_scorecard_has_every_claim_with_verdict_and_figure(here):
    judged = claims.judge_all(here)
    _, rows = cells(tables.scorecard(judged))
    assert len(rows) == len(judged)
    for row, j in zip(rows, judged, strict=True):
        text = " ".join(row)
        for part in (j.id, j.statement, j.source, j.published, f"**{j.verdict}**"):
            assert part in text
        assert f"{{numref}}`{j.figure.split('#')[1]}`" in text


def test_bars_in_a_cell_do_not_end_it():
    awkward = Judgement(
        "id", "body", "a; b", "x", "1", "|a| | |b|; |c|", "|", "partly", "p#fig", "paper"
    )
    _, (row,) = cells(tables.scorecard([awkward]))
    assert r"\|a\| \| \|b\|;<br>\|c\|" in row


def test_verdicts_are_counted_under_the_names_that_the_prose_uses():
    found = ["reproduced", "partly", "reproduced", "not judged (too noisy)", "reproduced"]
    assert tables.tally(found) == {
        "reproduced": 3,
        "partly": 1,
        "not": 0,
        "noisy": 1,
        "small": 0,
        "claims": 5,
    }


def test_published_values_reach_the_prose_as_plain_numbers(monkeypatch):
    glued = {}
    monkeypatch.setattr(
        tables, "glue", lambda name, value, display: glued.update({name: (value, display)})
    )
    tables.publish({"peak": np.float32(0.5), "count": np.int64(3), "word": "quick"})
    assert glued == {"peak": (0.5, False), "count": (3, False), "word": ("quick", False)}
    assert [type(value) for value, _ in glued.values()] == [float, int, str]


def test_timings_show_medians_extremes_and_how_many_times_faster():
    seconds = {"textbook": [0.9, 0.8, 1.2], "engine, 1 core": [0.004], "engine": [0.002, 0.0021]}
    alone = {"engine, 1 core": [0.0001], "engine": [0.0003]}
    rows = [
        {"T": 1_000, "seconds": seconds, "pairs": 1_000, "visited": 100},
        {"T": 5_000, "seconds": alone, "pairs": 5_000, "visited": 5_000},
    ]
    found = by_T(tables.timings({"cores": 4, "sizes": rows}))
    assert found[1_000][1:] == [
        "900 (800 to 1,200)", "–", "4.00 (4.00 to 4.00)", "2.05 (2.00 to 2.10)", "439 ×", "10.0%",
    ]  # fmt: skip
    assert found[5_000][1] == found[5_000][5] == "–"
    assert found[5_000][6] == "100.0%"
    assert "engine, 4 cores" in tables.timings({"cores": 4, "sizes": rows}).data


def test_the_summary_of_a_measurement_shows_large_numbers_whole():
    found = tables.summary({"summary": {"T = 1,000: textbook ÷ engine": 1449.6, "slope": 0.4567}})
    assert cells(found)[1] == [["T = 1,000: textbook ÷ engine", "1,450"], ["slope", "0.457"]]


def test_the_parts_of_the_loss_stand_beside_the_training_means_formula(here):
    rows = by_T(tables.loss_parts([*here.finite, *here.shown_fresh]))
    assert list(rows) == [*sorted(here.sizes), INF]
    for T, row in rows.items():
        parts = [s.split.parts for s in here.at(T)]
        assert row[3].startswith(f"{np.mean([p.feature_gain for p in parts]):.5f}")
        assert row[4].startswith(f"{np.mean([p.false_firing for p in parts]):.5f}")
        assert row[-1] == str(len(parts))
    assert rows[INF][1] == "–"
    gain = 1 - 0.99926  # of the best constant; that of a training set's mean is less by about 1/T
    assert float(rows[2_000][1]) == pytest.approx(gain - 1 / 2_000, abs=6e-5)


def test_false_firing_is_shared_out_by_how_often_features_were_seen(here):
    found = []
    for T in (500, 2_000):
        for s in here.at(T)[:2]:
            copy = Summary(s.run)
            copy.__dict__["seen"] = [Share(0.25, 0.0, f) for f in (0.0, 0.1, 0.3, 0.6)]
            found.append(copy)
    header, rows = cells(tables.firing_by_seen(found))
    words = ["seen never", "seen once", "seen 2 to 5 times", "seen more often"]
    assert [h.partition(":")[0] for h in header[1:]] == words
    assert rows[0] == ["500", "0.0% (25.0%)", "10.0% (25.0%)", "30.0% (25.0%)", "60.0% (25.0%)"]
    assert [row[0] for row in rows] == ["500", "2,000"]
