"""What features and stored points are worth moves with how many points are stored."""

import pytest
from worlds import settings, with_tables, world

from sdd.findings import crossover


@pytest.fixture
def evidence():
    runs = settings("memorising-branch", train_loss=0.99)
    return with_tables(world(), {"memorising-branch": runs})


def test_the_crossover_moves_with_how_many_points_are_stored(evidence):
    bounds = crossover.bounds(evidence)
    assert list(bounds["K"]) == [21, 21, 100, 100]
    assert (bounds["high"] > bounds["low"]).all()
    few, _, many, free = bounds["low"]
    assert many / few == pytest.approx(100 / 21)
    assert free < many  # a pentagon with its best biases gains more


def test_the_lines_that_are_drawn_cross_at_the_bounds(evidence):
    gains = crossover.gains(evidence).pivot(index="T", columns="of", values="gain")
    for _, row in crossover.bounds(evidence).query("free_bias").iterrows():
        stored = gains[f"{row['K']} points stored"]
        for name, bound in (("pentagon", "high"), ("pentagon and constant", "low")):
            more = stored.index[stored > gains[name]]
            assert more.max() < row[bound] < stored.index[stored < gains[name]].min()
