"""Rises between cells, steps that hurt and tops are what a plain loop finds."""

import numpy as np
import pytest
from curves import grid
from scipy import stats

from sdd.findings import grids


@pytest.mark.parametrize("along", ["m", "T"])
def test_a_step_hurts_where_a_paired_t_test_says_so(along):
    rng = np.random.default_rng(0)
    losses = rng.normal(1, 0.1, (4, 5, 4)) + 0.3 * rng.normal(size=(4, 5, 1))
    found = grids.hurts(grid(losses, 0.0).sample(frac=1, random_state=0), "m", along)
    expected = set()
    for i, j in np.ndindex(4, 5):
        a, b = (i, j), (i + (along == "m"), j + (along == "T"))
        if b[0] < 4 and b[1] < 5:
            test = stats.ttest_rel(losses[b], losses[a], alternative="greater")
            if test.pvalue < 0.005:
                expected.add((2**i, 10 * 2**j))
    assert set(found.itertuples(index=False, name=None)) == expected
    assert expected


def test_one_model_a_cell_is_never_enough():
    runs = grid([[[1.0], [9.0]], [[1.0], [20.0]]], 0.0)
    assert not any(len(grids.hurts(runs, "m", along)) for along in ("m", "T"))


def test_rises_are_paired_by_data_seed_and_have_the_error_of_both_test_losses():
    runs = grid([[[1.0, 5.0], [2.0, 6.0]]], 0.3)
    found = grids.rise(grids.cell(runs, T=10), grids.cell(runs, m=1, T=20))
    assert found.values == (1.0, 1.0)
    assert found.error == pytest.approx(0.3 * 2**0.5)


def test_cells_of_unlike_numbers_of_runs_are_refused_in_one_sentence():
    with pytest.raises(ValueError, match=r"every cell must have as many runs.*\[1, 2\]"):
        grids.models(grid(np.ones((2, 2, 2)))[:-1], "m")


def test_a_top_is_where_the_mean_is_highest_unless_that_is_at_an_end():
    losses = [[[1.0, 1.0], [1.3, 1.5], [0.9, 0.9]], [[1.0, 1.0], [0.9, 0.9], [0.8, 0.8]],
              [[1.0, 1.0], [1.1, 1.1], [1.2, 1.2]]]  # fmt: skip
    found = grids.tops(grid(losses), "m")
    assert found.to_numpy().tolist() == [[1, 20]]


def test_losses_are_listed_by_value_and_size():
    found = grids.loss_table(grid([[[1.0, 1.0], [1.3, 1.5]]]), "m", "hidden dimensions")
    assert list(found.columns) == ["hidden dimensions", "T = 10", "T = 20"]
    assert found.to_numpy().tolist() == [["1", "1.0000 ± 0.0000", "1.4000 ± 0.1414"]]


def test_a_slope_is_per_tenfold_setting():
    setting = np.array([0.01, 0.1, 1.0])
    assert grids.slope(setting, 3 * np.log10(setting)) == pytest.approx(3)
