"""Data follow their law, are the same everywhere, and bad ones are refused in one sentence."""

import math
import resource
import tracemalloc
from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from sdd.data import Dataset, DataSettings, Stream, sample, stream
from sdd.data.rows import philox as _philox

# Four training rows, two fresh and two test rows, as first drawn.
GOLDEN = {
    "indptr": [0, 6, 9, 9, 11],
    "indices": [1, 2, 3, 9, 10, 11, 8, 9, 11, 2, 5],
    "values": [
        "0x1.9d876e0000000p-2",
        "0x1.d925880000000p-3",
        "0x1.358ea60000000p-1",
        "0x1.02a6b00000000p-3",
        "0x1.53ffaa0000000p-3",
        "0x1.3951ac0000000p-1",
        "0x1.5d55340000000p-2",
        "0x1.d415c60000000p-1",
        "0x1.bfc9300000000p-3",
        "0x1.bb9c1a0000000p-2",
        "0x1.cd761c0000000p-1",
    ],
    "fresh indices": [2, 10, 2, 4, 5, 10],
    "fresh values": [
        "0x1.bae1ce0000000p-1",
        "0x1.00e7580000000p-1",
        "0x1.9fadde0000000p-2",
        "0x1.4d25ac0000000p-1",
        "0x1.89e94c0000000p-3",
        "0x1.3977a60000000p-1",
    ],
    "test indices": [8, 10, 11, 1, 5, 8],
    "test values": [
        "0x1.e6e29e0000000p-1",
        "0x1.c89b420000000p-4",
        "0x1.277e660000000p-2",
        "0x1.6b3b360000000p-1",
        "0x1.0e0aee0000000p-2",
        "0x1.4ea0e80000000p-1",
    ],
}


def rows_of(data):
    """The rows as (indices, values) bytes, for comparison and for sets."""
    return [
        (data.indices[a:b].tobytes(), data.values[a:b].tobytes())
        for a, b in zip(data.indptr[:-1], data.indptr[1:], strict=True)
    ]


def counts_of(data):
    return np.diff(data.indptr)


def chi_square_is_plausible(observed, expected):
    """Pearson's statistic within four standard deviations of its mean, both ways."""
    observed, expected = np.asarray(observed, float), np.asarray(expected, float)
    assert expected.min() >= 5
    statistic = ((observed - expected) ** 2 / expected).sum()
    freedom = expected.size - 1
    return abs(statistic - freedom) < 4 * math.sqrt(2 * freedom)


def uniform_is_plausible(u):
    """Kolmogorov and Smirnov's distance from the uniform law on (0, 1), at the 0.1 % level."""
    u = np.sort(np.asarray(u, float))
    grid = np.arange(u.size + 1) / u.size
    distance = max((grid[1:] - u).max(), (u - grid[:-1]).max())
    return distance < 1.95 / math.sqrt(u.size)


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
    words = _philox(*(np.uint64(word) for word in (*counter, *key)))
    assert " ".join(f"{int(word):08x}" for word in words) == expected


def test_a_seed_gives_these_very_rows_on_every_platform():
    data = sample(T=4, n=12, sparsity=0.75, seed=7)
    assert data.indptr.tolist() == GOLDEN["indptr"]
    assert data.indices.tolist() == GOLDEN["indices"]
    assert [float(v).hex() for v in data.values] == GOLDEN["values"]
    fresh = stream(2, n=12, sparsity=0.75, seed=7).at(3)
    assert fresh.indices.tolist() == GOLDEN["fresh indices"]
    assert [float(v).hex() for v in fresh.values] == GOLDEN["fresh values"]
    test = sample(T=2, n=12, sparsity=0.75, seed=2**40 + 7, split="test")
    assert test.indices.tolist() == GOLDEN["test indices"]
    assert [float(v).hex() for v in test.values] == GOLDEN["test values"]


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


# --- The law ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "sparsity"), [(1_000, 0.99), (10_000, 0.999), (20, 0.3), (7, 0.9)])
def test_the_number_of_non_zeros_is_binomial(n, sparsity):
    T = 20_000
    counts = counts_of(sample(T, n, sparsity, seed=1))
    p = 1 - sparsity
    law = [math.comb(n, k) * p**k * sparsity ** (n - k) for k in range(min(n, 60) + 1)]
    likely = [k for k in range(len(law)) if T * law[k] >= 5]
    observed = [(counts == k).sum() for k in likely]
    expected = [T * law[k] for k in likely]
    rest = T - sum(expected)
    if rest >= 5:
        observed, expected = [*observed, T - sum(observed)], [*expected, rest]
    assert chi_square_is_plausible(observed, expected)
    assert counts.mean() == pytest.approx(n * p, abs=4 * math.sqrt(n * p * sparsity / T))


def test_every_set_of_positions_is_equally_likely():
    T, n = 30_000, 6
    data = sample(T, n, sparsity=0.5, seed=2)
    seen = Counter(tuple(row.nonzero()[0]) for row in data.to_dense())
    for k in range(1, n):
        sets = list(combinations(range(n), k))
        observed = [seen[s] for s in sets]
        assert chi_square_is_plausible(observed, np.full(len(sets), sum(observed) / len(sets)))


def test_positions_do_not_prefer_any_feature():
    data = sample(40_000, 500, 0.98, seed=3)
    observed = np.bincount(data.indices, minlength=500)
    assert chi_square_is_plausible(observed, np.full(500, data.indices.size / 500))


def test_values_are_uniform_before_the_row_is_scaled():
    data = sample(60_000, 10, 0.8, seed=4)
    counts = counts_of(data)
    first = data.indptr[:-1]
    single = data.values[first[counts == 1]]
    assert (single == 1).all()
    # The smaller of two uniform values is a uniform share of the larger.
    a, b = data.values[first[counts == 2]], data.values[first[counts == 2] + 1]
    assert a.size > 15_000
    assert uniform_is_plausible(np.minimum(a, b) / np.maximum(a, b))
    assert abs((a > b).mean() - 0.5) < 4 * 0.5 / math.sqrt(a.size)  # no order within a row
    # Of three, the middle one is the larger of two uniform shares of the largest.
    three = np.sort([data.values[first[counts == 3] + k] for k in range(3)], axis=0)
    assert uniform_is_plausible((three[1] / three[2]) ** 2)


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


def test_indices_increase_within_rows_as_the_constructor_demands():
    data = sample(2_000, 50, 0.7, seed=6)
    again = Dataset(data.indptr, data.indices, data.values, data.n)  # checks every rule
    assert rows_of(again) == rows_of(data)


# --- Streams and seeds --------------------------------------------------------------------------


def test_the_first_rows_of_a_larger_draw_are_the_rows_of_a_smaller_one():
    large = sample(3_000, 200, 0.95, seed=8)
    for T in (1, 2, 57, 2_999):
        small = sample(T, 200, 0.95, seed=8)
        assert rows_of(small) == rows_of(large)[:T]


def test_training_test_and_fresh_rows_never_meet():
    settings = {"n": 1_000, "sparsity": 0.99}
    drawn = {}
    for seed in (0, 1, 2**32, 2**63):
        drawn["train", seed] = sample(2_000, seed=seed, **settings)
        drawn["test", seed] = sample(2_000, seed=seed, split="test", **settings)
        fresh = stream(1_000, seed=seed, **settings)
        drawn["fresh", seed] = fresh.at(0)
        drawn["later", seed] = fresh.at(1)
    # A row of one non-zero is 1 at one of n places, so it may well be met again.
    rows = {
        key: {row for row, count in zip(rows_of(data), counts_of(data), strict=True) if count > 1}
        for key, data in drawn.items()
    }
    for one, other in combinations(rows, 2):
        assert len(rows[one]) > 900
        assert not rows[one] & rows[other], (one, other)


def test_a_batch_does_not_depend_on_what_was_drawn_before():
    fresh = stream(30, 100, 0.9, seed=9)
    in_order = [rows_of(fresh.at(step)) for step in range(6)]
    backwards = [rows_of(stream(30, 100, 0.9, seed=9).at(step)) for step in (5, 4, 3, 2, 1, 0)]
    assert in_order == backwards[::-1]
    # Rows follow one another: the batch size only cuts them differently.
    assert [row for batch in in_order for row in batch] == rows_of(
        stream(180, 100, 0.9, seed=9).at(0)
    )
    assert fresh.T == 30
    assert fresh.n == 100


def test_a_row_does_not_depend_on_the_rows_it_is_drawn_with():
    # Short and long rows side by side, with repeated positions, and rows of more than one vector.
    for n, sparsity in ((3, 0.6), (40, 0.6), (90, 0.9), (10_000, 0.999), (10_000, 0.99)):
        settings = DataSettings(T=60, n=n, sparsity=sparsity, seed=12)
        together = rows_of(settings.make())
        assert together == [rows_of(settings.rows(i, 1, "train"))[0] for i in range(60)]
        assert together[7:31] == rows_of(settings.rows(7, 24, "train"))


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_rows_have_the_same_bits_on_any_number_of_threads(threads, monkeypatch):
    monkeypatch.setattr("sdd.data.rows.CORES", 8)
    monkeypatch.setattr("sdd.data.rows.ALONE", 1)  # so few rows would be drawn on one thread
    for T, n, sparsity in ((1_000, 10_000, 0.999), (50, 300, 0.5), (5, 1, 0.5), (1, 9, 0.5)):
        settings = DataSettings(T=T, n=n, sparsity=sparsity, seed=13)
        alone = settings.rows(3, T, "test")
        shared = settings.rows(3, T, "test", threads=threads)
        assert shared.content_hash() == alone.content_hash()
        fresh = stream(T, n, sparsity, seed=13)
        assert fresh.at(9, threads).content_hash() == fresh.at(9).content_hash()


def test_batches_drawn_together_are_those_drawn_one_by_one(monkeypatch):
    fresh = stream(30, 100, 0.97, seed=14)
    for rows_together in (1, 100, 10_000):
        monkeypatch.setattr("sdd.data.DRAWN_TOGETHER", rows_together)
        batches = list(fresh.between(4, 12, threads=2))
        assert [rows_of(batch) for batch in batches] == [rows_of(fresh.at(t)) for t in range(4, 12)]
        assert all(batch.settings == fresh.settings for batch in batches)
        assert not any(batch.values.flags.writeable for batch in batches)
    assert not list(fresh.between(4, 4))


def test_row_numbers_beyond_32_bits_give_new_rows():
    fresh = stream(10, 100, 0.9)
    near, far = rows_of(fresh.at(0)), rows_of(fresh.at(2**32))
    assert not {r for r in far if len(r[0]) > 4} & set(near)


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
    tracemalloc.start()
    data = sample(50_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    stored = data.indptr.nbytes + data.indices.nbytes + data.values.nbytes
    assert peak < 1.05 * stored


# --- Data of one's own --------------------------------------------------------------------------


def test_dense_arrays_survive_the_round_trip():
    rng = np.random.default_rng(0)
    X = rng.random((40, 25)) * (rng.random((40, 25)) < 0.2)
    X[7] = 0
    X /= np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-300)
    data = Dataset.from_dense(X)
    assert (data.T, data.n) == (40, 25)
    assert data.to_dense().dtype == np.float32
    np.testing.assert_array_equal(data.to_dense(), X.astype(np.float32))
    assert data.settings is None
    drawn = sample(50, 30, 0.8)
    assert rows_of(Dataset.from_dense(drawn.to_dense())) == rows_of(drawn)
    # Zero features at the end and a zero row at the end are kept.
    assert Dataset.from_dense(np.array([[1.0, 0], [0, 0]])).to_dense().tolist() == [[1, 0], [0, 0]]


def test_taken_rows_are_those_rows_in_that_order():
    data = sample(20, 30, 0.8, seed=3)
    X = data.to_dense()
    for rows in ([3, 3, 0, 19], np.arange(20)[::-1], np.arange(20) % 3 == 0):
        np.testing.assert_array_equal(data.take(rows).to_dense(), X[rows])


def test_a_data_set_cannot_be_changed():
    for data in (sample(5, 20, 0.5), Dataset.from_dense(np.eye(3)), sample(5, 20, 0.5).take([1])):
        for array in (data.indptr, data.indices, data.values):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0
        with pytest.raises(AttributeError):
            data.n = 3


def test_arrays_given_are_copied_and_stay_the_callers_own():
    arrays = np.array([0, 1, 2]), np.array([0, 2], np.int32), np.ones(2, np.float32)
    data = Dataset(*arrays, 3)
    for array in arrays:
        array[:] = 0
    assert data.to_dense().tolist() == [[1, 0, 0], [0, 0, 1]]


def test_the_content_hash_tells_data_sets_apart():
    data = sample(5, 20, 0.5)
    same = Dataset.from_dense(data.to_dense())
    assert same.content_hash() == data.content_hash()
    padded = np.pad(data.to_dense(), ((0, 0), (0, 1)))
    others = [sample(5, 20, 0.5, seed=1), data.take([0, 1, 2, 4, 3]), Dataset.from_dense(padded)]
    assert len({d.content_hash() for d in (data, *others)}) == 4


# --- Bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "rule", "value"),
    [
        ({"T": 0}, "T must be a whole number of at least 1", "0"),
        ({"T": -3}, "T must be a whole number of at least 1", "-3"),
        ({"T": 2.5}, "T must be a whole number", "2.5"),
        ({"T": math.nan}, "T must be a whole number", "nan"),
        ({"T": -math.inf}, "T must be a whole number", "-inf"),
        ({"T": "ten"}, "T must be a whole number", "'ten'"),
        ({"T": True}, "T must be a whole number", "True"),
        ({"T": None}, "T must be a whole number", "None"),
        ({"T": math.inf}, "T must be finite here; for T = infinity use sdd.stream", ""),
        ({"n": 0}, "n must be a whole number of at least 1", "0"),
        ({"n": -10}, "n must be a whole number of at least 1", "-10"),
        ({"n": 10.5}, "n must be a whole number", "10.5"),
        ({"n": math.inf}, "n must be a whole number", "inf"),
        ({"sparsity": 1}, r"sparsity must be in \[0, 1\)", "1"),
        ({"sparsity": 1.5}, r"sparsity must be in \[0, 1\)", "1.5"),
        ({"sparsity": -0.1}, r"sparsity must be in \[0, 1\)", "-0.1"),
        ({"sparsity": math.nan}, r"sparsity must be in \[0, 1\)", "nan"),
        ({"sparsity": "0.9"}, r"sparsity must be in \[0, 1\)", "'0.9'"),
        ({"seed": -1}, "seed must be a whole number of at least 0", "-1"),
        ({"seed": 0.5}, "seed must be a whole number", "0.5"),
        ({"seed": 2**64}, r"seed must be below 2\*\*64", str(2**64)),
        ({"split": "fresh"}, 'split must be "train" or "test"', "'fresh'"),
    ],
)
def test_a_bad_setting_is_named_with_its_rule_and_value(settings, rule, value):
    with pytest.raises(ValueError, match=rule) as caught:
        sample(**{"T": 5, "n": 10, "sparsity": 0.5} | settings)
    message = str(caught.value)
    assert message.endswith(value)
    assert "\n" not in message
    assert ". " not in message


def test_a_stream_needs_a_batch_and_a_finite_set_has_none():
    with pytest.raises(ValueError, match="batch must be a whole number of at least 1, not 0"):
        stream(0)
    with pytest.raises(ValueError, match=r"batch must be a whole number .* not 1\.5"):
        stream(1.5)
    with pytest.raises(ValueError, match="batch must be given where T is infinite"):
        DataSettings(T=math.inf)
    with pytest.raises(ValueError, match="only for T = infinity, but T = 5 and batch = 3"):
        DataSettings(T=5, batch=3)
    assert isinstance(DataSettings(T=math.inf, batch=3).make(), Stream)


def test_whole_numbers_may_come_as_floats_and_numpy_scalars():
    plain = DataSettings(T=5, n=10, sparsity=0.5)
    assert DataSettings(T=5.0, n=np.int64(10), sparsity=np.float32(0.5)) == plain
    other = DataSettings(T=np.float64(5), n=10, sparsity=0, seed=np.uint8(0))
    assert [type(x) for x in (other.T, other.n, other.sparsity, other.seed)] == [
        int,
        int,
        float,
        int,
    ]


def with_entry(value):
    X = np.eye(3)
    X[1, 1] = value
    return X


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Dataset.from_dense(with_entry(np.nan)), "values must be finite; row 1"),
        (lambda: Dataset.from_dense(with_entry(np.inf)), "values must be finite; row 1"),
        (lambda: Dataset.from_dense(with_entry(-1.0)), "must not be negative; row 1 holds -1"),
        (
            lambda: Dataset.from_dense(with_entry(0.5)),
            r"unit norm or be all zero; row 1 has norm 0\.5: divide each row by np\.linalg\.norm",
        ),
        (lambda: Dataset.from_dense(2 * np.eye(3)), "row 0 has norm 2: divide"),
        (lambda: Dataset.from_dense(np.ones(3)), r"X must be a matrix .* not of shape \(3,\)"),
        (lambda: Dataset.from_dense(np.ones((0, 3))), "at least one row"),
        (lambda: Dataset.from_dense(np.ones((3, 0))), "n must be a whole number .* not 0"),
        (lambda: Dataset.from_dense(np.eye(3) * 1j), "real numbers, not complex128"),
        (lambda: Dataset.from_dense(np.array([["a"]])), "real numbers, not <U1"),
        (lambda: Dataset([0, 1], [3], [1.0], 3), r"indices must be in \[0, 3\), but one is 3"),
        (lambda: Dataset([0, 1], [-1], [1.0], 3), r"indices must be in \[0, 3\), but one is -1"),
        (lambda: Dataset([0, 1, 3], [0, 2, 1], [1, 0.6, 0.8], 3), "increase within a row; row 1"),
        (lambda: Dataset([0, 1, 3], [0, 2, 2], [1, 0.6, 0.8], 3), "increase within a row; row 1"),
        (lambda: Dataset([0, 1], [0.0], [1.0], 3), "indices must be whole numbers, not float64"),
        (lambda: Dataset([0, 1.5], [0], [1.0], 3), "indptr must be whole numbers, not float64"),
        (lambda: Dataset([0, 1], [0, 1], [1.0], 3), r"of shapes \(2,\) and \(1,\)"),
        (lambda: Dataset([0, 2], [0], [1.0], 3), r"non-zeros \(1\); it goes from 0 to 2"),
        (lambda: Dataset([1, 1], [0], [1.0], 3), r"non-zeros \(1\); it goes from 1 to 1"),
        (lambda: Dataset([0, 2, 1], [0], [1.0], 3), "indptr must rise"),
        (lambda: Dataset([0], [], [], 3), "at least one row"),
        (lambda: Dataset([0, 1], [0], [1.0], 2.5), r"n must be a whole number .* not 2\.5"),
        (lambda: Dataset.from_dense(np.eye(3)).take([3]), r"row numbers in \[0, 3\)"),
        (lambda: Dataset.from_dense(np.eye(3)).take([-1]), r"row numbers in \[0, 3\)"),
        (lambda: Dataset.from_dense(np.eye(3)).take([]), "at least one"),
        (lambda: Dataset.from_dense(np.eye(3)).take([0.5]), r"row numbers in \[0, 3\)"),
        (lambda: Dataset.from_dense(np.eye(3)).take([True]), r"one entry per row, 3, not \(1,\)"),
    ],
)
def test_bad_data_are_refused_in_one_sentence_that_says_where(make, message):
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_the_advice_for_rows_that_are_not_of_unit_norm_helps():
    X = np.random.default_rng(1).random((4, 6))
    with pytest.raises(ValueError, match="divide each row by") as caught:
        Dataset.from_dense(X)
    advice = str(caught.value).split("divide each row by ")[1]
    data = Dataset.from_dense(X / eval(advice))  # as the message has it
    np.testing.assert_allclose(np.linalg.norm(data.to_dense(), axis=1), 1, atol=1e-6)
