"""Rows follow their law, are the same everywhere, and cost no more than their non-zeros."""

import math
import resource
import tracemalloc
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from sdd.data import DataSettings, sample, stream
from sdd.data.rows import philox


def counts_of(data):
    return np.diff(data.indptr)


def is_plausible(test):
    return 1e-4 < test.pvalue < 1 - 1e-4  # neither too far from the law nor too near to it


# --- The generator ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0, 0, 0, 0), (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ((2**32 - 1,) * 4, (2**32 - 1,) * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_philox_gives_the_published_known_answers(counter, key, expected):
    words = philox(*(np.uint64(word) for word in (*counter, *key)))
    assert " ".join(f"{int(word):08x}" for word in words) == expected


def test_a_seed_gives_these_very_rows_on_every_platform():
    data = sample(T=4, n=12, sparsity=0.75, seed=7)
    assert data.indptr.tolist() == [0, 6, 9, 9, 11]
    assert data.indices.tolist() == [1, 2, 3, 9, 10, 11, 8, 9, 11, 2, 5]
    assert [float(v).hex()[:8] for v in data.values] == [
        "0x1.9d87", "0x1.d925", "0x1.358e", "0x1.02a6", "0x1.53ff", "0x1.3951", "0x1.5d55",
        "0x1.d415", "0x1.bfc9", "0x1.bb9c", "0x1.cd76",
    ]  # fmt: skip


# Content hashes as first drawn: usual rows, a seed beyond 63 bits, no sparsity, a single feature
# (with rows of none), rows mostly of none, and rows from short to thousands of non-zeros.
PINNED = {
    (3_000, 10_000, 0.999, 0): "01a36ad5f52b632f",
    (400, 10_000, 0.999, 2**63 + 5): "a96b793152bb5be7",
    (50, 30, 0.0, 1): "82df93e157fd7f88",
    (5, 1, 0.0, 2): "f8407471889b823b",
    (9, 1, 0.5, 3): "71f5710c6a13d687",
    (200, 5, 0.9, 4): "7c1357efb546e71f",
    (300, 1_000, 0.9, 5): "d1caa0128b7d66cf",
    (40, 2_000, 0.5, 6): "4a6ee8d4ed12d228",
    (100, 100_000, 0.9995, 7): "c5a4aa92379d3418",
    (30, 3_000, 0.97, 8): "e87a13354f4827ba",
    (64, 64, 0.75, 2**64 - 1): "da9035cd2ee8a49b",
    (500, 17, 0.4, 9): "2bc46fc602c0f441",
    (2_000, 150, 0.9, 10): "1fe9c183341be79f",
    (3, 5_000, 0.0, 12): "bcdaf9d883d5ca24",
}


@pytest.mark.parametrize("settings", PINNED)
def test_a_draw_is_pinned_to_the_bit(settings):
    data = sample(*settings)
    assert data.content_hash() == PINNED[settings]
    assert settings[2] > 0 or (counts_of(data) == data.n).all()


@pytest.mark.parametrize(("step", "pinned"), [(5, "8a7fef7219f70078"), (2**40, "2210878019eec4bf")])
def test_a_fresh_batch_is_pinned_to_the_bit(step, pinned):
    assert stream(700, 2_000, 0.995, seed=11).at(step).content_hash() == pinned


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_rows_have_the_same_bits_on_any_number_of_threads(threads):
    for T, n, sparsity in ((8_000, 10_000, 0.999), (300, 300, 0.2), (5, 1, 0.5)):
        settings = DataSettings(T=T, n=n, sparsity=sparsity, seed=13)
        alone = settings.rows(3, T, "test")
        shared = settings.rows(3, T, "test", threads=threads)
        assert shared.content_hash() == alone.content_hash()


# --- The law ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "sparsity"), [(1_000, 0.99), (10_000, 0.999), (20, 0.3), (7, 0.9)])
def test_the_number_of_non_zeros_is_binomial(n, sparsity):
    T = 20_000
    counts = counts_of(sample(T, n, sparsity, seed=1))
    law = stats.binom(n, 1 - sparsity).pmf(np.arange(n + 1))
    likely = np.flatnonzero(T * law >= 5)
    observed, expected = np.bincount(counts, minlength=n + 1)[likely], T * law[likely]
    both = np.append(observed, T - observed.sum()), np.append(expected, T - expected.sum())
    assert is_plausible(stats.chisquare(*both))


def test_every_set_of_positions_is_equally_likely():
    T, n = 30_000, 6
    data = sample(T, n, sparsity=0.5, seed=2)
    seen = Counter(tuple(row.nonzero()[0]) for row in data.to_dense())
    for k in range(1, n):
        sets = list(combinations(range(n), k))
        observed = [seen[s] for s in sets]
        assert is_plausible(stats.chisquare(observed))


def test_positions_do_not_prefer_any_feature():
    data = sample(40_000, 500, 0.98, seed=3)
    observed = np.bincount(data.indices, minlength=500)
    assert is_plausible(stats.chisquare(observed))


def test_values_are_uniform_before_the_row_is_scaled():
    data = sample(60_000, 10, 0.8, seed=4)
    counts = counts_of(data)
    first = data.indptr[:-1]
    single = data.values[first[counts == 1]]
    assert (single == 1).all()
    # The smaller of two uniform values is a uniform share of the larger.
    a, b = data.values[first[counts == 2]], data.values[first[counts == 2] + 1]
    assert a.size > 15_000
    assert is_plausible(stats.kstest(np.minimum(a, b) / np.maximum(a, b), "uniform"))
    assert abs((a > b).mean() - 0.5) < 4 * 0.5 / math.sqrt(a.size)  # no order within a row
    # Of three, the middle one is the larger of two uniform shares of the largest.
    three = np.sort([data.values[first[counts == 3] + k] for k in range(3)], axis=0)
    assert is_plausible(stats.kstest((three[1] / three[2]) ** 2, "uniform"))


def test_rows_have_unit_norm_and_empty_rows_stay_zero():
    data = sample(5_000, 10, 0.8, seed=5)
    assert data.values.dtype == np.float32
    assert data.values.min() > 0
    norms = np.linalg.norm(data.to_dense().astype(np.float64), axis=1)
    empty = counts_of(data) == 0
    assert empty.mean() == pytest.approx(0.8**10, abs=4 * math.sqrt(0.1 * 0.9 / 5_000))
    assert (norms[empty] == 0).all()
    np.testing.assert_allclose(norms[~empty], 1, atol=1e-6)


def test_without_sparsity_every_feature_is_active():
    data = sample(20, 30, sparsity=0, seed=0)
    assert (counts_of(data) == 30).all()
    assert (data.indices.reshape(20, 30) == np.arange(30)).all()
    assert sample(3, 1, 0.0).values.tolist() == [1, 1, 1]


# --- Size ---------------------------------------------------------------------------------------


def test_the_cost_grows_with_the_non_zeros_and_not_with_the_features():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    data = sample(2_000, n=10**6, sparsity=1 - 1e-5, seed=0)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (after - before) / 1024 < 400  # MB; as a dense array it would take 8,000
    assert data.values.size == pytest.approx(20_000, abs=5 * math.sqrt(20_000))
    stored = data.indptr.nbytes + data.indices.nbytes + data.values.nbytes
    assert stored < 10 * data.values.size
    assert data.indices.max() > 900_000


def test_drawing_needs_little_more_memory_than_the_rows():
    sample(10)  # compiled before it is measured
    tracemalloc.start()
    data = sample(50_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    stored = data.indptr.nbytes + data.indices.nbytes + data.values.nbytes
    assert peak < 1.05 * stored
