"""Tables hold every published number beside ours, and read as tables whatever is in their cells."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from markdown_it import MarkdownIt
from worlds import changed, world

from sdd import claims, paper, tables
from sdd.claims import Judgement

INF = math.inf


def cells(table):
    """Return header and rows as a reader of GitHub's table syntax sees them: text by column."""
    lines = table.data.splitlines()
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
    sizes = [INF if row[0] == "∞" else int(row[0].replace(",", "")) for row in rows]
    assert sizes == sorted(sizes)
    return dict(zip(sizes, rows, strict=True))


@pytest.fixture(scope="module")
def here():
    return world("paper")


@pytest.mark.parametrize("make", [tables.test_losses, tables.dimensions, tables.norms])
def test_every_published_size_has_a_row_with_ours_or_with_why_not(here, make):
    rows = by_T(make(here))
    assert set(rows) == {*paper.DATASET_SIZES, INF}
    for T, row in rows.items():
        trained = T in here.sizes or T == INF
        assert (tables.NOT_RUN in row) != trained
        assert tables.NOT_RUN == "not run at this profile"


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


def test_every_published_dimensionality_stands_beside_ours(here):
    rows = by_T(tables.dimensions(here))
    for T, values in paper.EXAMPLE_D.items():
        assert rows[T][1] == " / ".join(f"{D:g}" for D in values)
    assert rows[10_000][3] == "0.23 to 0.25"
    assert rows[INF][3] == "0.255"
    for T in (20_000, 50_000, 100_000, 200_000, 500_000):
        assert rows[T][3] == "0.18 to 0.285"
    assert rows[5][2] == "0.400 / 0.400 / 0.400"
    assert rows[10_000][5] == "2 of 2"
    assert rows[200][5] == "0 of 4"


def test_polygons_are_compared_with_two_over_t(here):
    _, rows = cells(tables.polygons(here, [5, 8, 30]))
    assert [row[:2] for row in rows] == [["5", "0.400"], ["8", "0.250"], ["30", "0.067"]]
    five, _, thirty = rows
    assert five[2] == "0.4"
    assert five[3:6] == ["0.400 ± 0.000", "0.400 ± 0.000", "5.0 ± 0.0"]
    assert thirty[2] == "0.095"
    assert thirty[4].startswith(f"{2 / 21:.3f}")
    assert thirty[5] == "21.0 ± 0.0"


def test_the_worst_training_loss_is_shown(here):
    failed = changed(
        here,
        lambda s: s.T == 8 and s.seed == 2,
        lambda run: replace(run, train_loss=0.125),
    )
    (row,) = cells(tables.polygons(failed, [8]))[1]
    assert row[-1] == "0.12"


def test_norms_stand_beside_what_the_paper_says_of_them(here):
    rows = by_T(tables.norms(here))
    assert "peak" in rows[paper.NORM_PEAK_AT][1]
    assert "plateau" in rows[100][1]
    assert "√5 = 2.24" in rows[INF][1]
    assert rows[INF][2] == "2.24 ± 0.00"
    assert rows[200][2:] == ["16.00 ± 0.00", "12.80 ± 0.00"]


def test_at_other_sizes_no_published_value_is_compared():
    quick = world("quick")
    for make in (tables.test_losses, tables.dimensions, tables.norms):
        for row in by_T(make(quick)).values():
            assert row[1] == "–"
            assert tables.NOT_RUN not in row


def test_batches_are_all_shown(here):
    header, rows = cells(tables.batches(here))
    assert [row[0] for row in rows] == ["1,000", "3,000"]
    assert all(row[1].startswith("0.255 ±") for row in rows)
    assert all(row[2].startswith("0.0 ±") for row in rows)
    assert all(row[3].startswith("0.9988 ±") for row in rows)
    assert len(header) == 4


def test_checks_show_the_claims_asked_for_and_no_others(here):
    _, rows = cells(tables.checks(here, "F1", "F3-bump"))
    expected = [c for c in claims.CLAIMS if c.id.startswith(("F1", "F3-bump"))]
    assert len(rows) == len(expected) == 8
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


def test_bars_in_a_cell_do_not_end_it(here):
    _, rows = cells(tables.checks(here, "F2-T5"))
    (row,) = [row for row in rows if "T = 5 " in row[0]]
    assert r"largest \|D − 2/T\|" in row[2]
    awkward = Judgement("id", "a; b", "x", "1", "|a| | |b|; |c|", "|", "partly", "p#fig", "paper")
    _, (row,) = cells(tables.scorecard([awkward]))
    assert r"\|a\| \| \|b\|;<br>\|c\|" in row


def test_published_values_reach_the_prose_as_plain_numbers(monkeypatch):
    glued = {}
    monkeypatch.setattr(
        tables, "glue", lambda name, value, display: glued.update({name: (value, display)})
    )
    tables.publish({"peak": np.float32(0.5), "count": np.int64(3), "word": "quick"})
    assert glued == {"peak": (0.5, False), "count": (3, False), "word": ("quick", False)}
    assert [type(value) for value, _ in glued.values()] == [float, int, str]
