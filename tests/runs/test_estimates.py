"""Estimates add up timed steps; the timings are in proportion."""

import math
import time

import pytest
from sweeps import DATA, spec

from sdd import engine
from sdd.runs import estimates
from sdd.data import DataSettings
from sdd.runs.estimates import estimate
from sdd.training.config import TrainConfig
from sdd.runs.spec import RunSpec


@pytest.fixture
def timed(monkeypatch):
    """The sizes timed, as (m, rows): a step takes 10 us a row and m, a row's loss 1 us an m."""
    sizes = []

    def costs(m, rows, law):
        sizes.append((m, rows))
        return 1e-5 * m * rows, 1e-6 * m

    monkeypatch.setattr(estimates, "_costs", costs)
    monkeypatch.setattr(engine, "warm_up", lambda *_: None)  # nothing is computed
    return sizes


def test_the_estimate_adds_up_steps_records_and_evaluation(timed):
    # 1.03 times 50,000 steps (so few rows skip no pairs); 200 losses; of the test set, 200,000.
    steps, records, tests = 1.03 * 50_000 * 2e-4, 200 * 10 * 2e-6, 200_000 * 2e-6
    wanted = spec(50_000, T=10, restarts=4)
    assert estimate([wanted], jobs=1) == pytest.approx(4 * (steps + records) + tests)
    assert estimate([spec(50, T=10)], jobs=1) == pytest.approx(
        1.03 * 50 * 2e-4 + 50 * 10 * 2e-6 + tests
    )
    assert estimate([]) == 0


def test_the_estimate_shares_runs_among_processes_that_take_time_to_start(timed):
    a, b = spec(10_000), spec(30_000)
    one, other = (estimate([s], jobs=1) for s in (a, b))
    start = estimates.START_UP
    assert estimate([a, b], jobs=1) == pytest.approx(one + other)
    assert estimate([a, b], jobs=2) == pytest.approx(other + start)  # the longest
    assert estimate([b, b, a, a], jobs=2) == pytest.approx(one + other + start)
    assert estimate([a], jobs=8) == pytest.approx(one)  # here, in this process
    four = estimate([spec(10_000, restarts=4)], jobs=1)
    assert estimate([spec(10_000, restarts=4)], jobs=4) == pytest.approx(four / 4)  # side by side


@pytest.mark.parametrize(
    ("m", "n", "T", "share"),
    [(2, 10_000, 100, 1.03), (1, 10_000, 900, 1.03), (2, 100, 900, 1.03), (2, 1_000, 900, 0.7),
     (2, 10_000, 900, 0.5), (2, 10_000, 90_000, 0.3), (4, 10_000, 900, 0.3), (8, 1_000, 900, 0.7)],
)  # fmt: skip
def test_steps_are_expected_to_become_faster_where_pairs_are_skipped(m, n, T, share, timed):
    def taken(steps):
        return estimate([RunSpec(DataSettings(T, n), TrainConfig(m=m, steps=steps))], jobs=1)

    first = share if share > 1 else 1.0
    assert taken(500) - taken(400) == pytest.approx(100 * first * 1e-5 * m * T)
    assert taken(31_750) - taken(30_750) == pytest.approx(share * 1_000 * 1e-5 * m * T)


def test_fresh_rows_are_drawn_anew_however_many_pairs_are_skipped(timed):
    def taken(steps):
        data = DataSettings(math.inf, 10_000, batch=10_000)
        return estimate([RunSpec(data, TrainConfig(steps=steps))], jobs=1)

    assert taken(31_750) - taken(30_750) == pytest.approx(0.75 * 1_000 * 1e-5 * 2 * 10_000)


def test_many_widths_share_few_timings_and_small_ones_are_exact(timed):
    widths, sizes = (5, 6, 8, 10, 12, 15, 18, 22, 26, 30, 40, 60, 90, 128), (50, 100, 150, 200, 300)
    for m in widths:
        for T in sizes:
            near = min((8, 16, 32, 64, 128), key=lambda v: abs(math.log2(m / v)))
            as_wide = near * (m + 18) / (near + 18)  # a part of a step does not grow with m
            records, tests = 200 * T * 1e-6 * as_wide, 200_000 * 1e-6 * as_wide
            steps = 1.03 * 1_000 * 1e-5 * as_wide * T  # (at n = 200 no pairs are skipped)
            assert estimate([spec(1_000, T=T, m=m)], jobs=1) == pytest.approx(
                steps + records + tests
            )
    assert len(set(timed)) == 5 * 3  # m = 8, 16, 32, 64, 128; T = 46, 100, 215
    timed.clear()
    estimate([spec(m=m, T=T) for m in (1, 2, 3, 4) for T in sizes], jobs=1)
    assert len(set(timed)) == 4 * len(sizes)


class Clock:
    """CPU time of a machine on which a step takes 2 us a row, drawing a row 1, its loss 3."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(time, "thread_time", lambda: self.now)
        monkeypatch.setattr(engine, "advance", self.advance)
        monkeypatch.setattr(engine, "loss", self.loss)

    def advance(self, state, data, rates, **options):
        fresh = not hasattr(data, "indptr")
        self.now += rates.size * data.T * (3e-6 if fresh else 2e-6)

    def loss(self, W, b, data):
        self.now += data.T * 3e-6
        return 0.0


@pytest.mark.parametrize("rows", [5, 700, 3_000_000])  # of the last only a part is timed
def test_steps_and_losses_are_timed_in_proportion_to_rows(rows, monkeypatch):
    Clock(monkeypatch)
    monkeypatch.setattr(estimates, "TIMED", 2e5)
    fresh = DataSettings(math.inf, 200, 0.95, batch=1)
    costs = estimates._costs.__wrapped__
    assert costs(2, rows, DATA) == pytest.approx((rows * 2e-6, 3e-6))
    assert costs(2, rows, fresh) == pytest.approx((rows * 3e-6, 3e-6))


def test_sizes_are_timed_once():
    estimates._costs.cache_clear()
    estimate([spec(1_000), spec(9_000, seed=3), spec(700, seed=2, lr=0.1)], jobs=1)
    assert estimates._costs.cache_info().misses == 1
    estimate([spec(1_000, T=6)], jobs=1)
    estimate([RunSpec(DataSettings(math.inf, 200, 0.95, batch=5), TrainConfig())], jobs=1)
    assert estimates._costs.cache_info().misses == 3
