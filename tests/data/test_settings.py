"""One seed gives the same rows, streams never meet, and bad settings get one sentence."""

import math
from itertools import combinations

import numpy as np
import pytest

from sdd import data, paper
from sdd.data import Dataset, DataSettings, Stream, origin, sample, stream


def rows_of(data):
    """The rows as (indices, values) bytes, for comparison and for sets."""
    return [
        (data.indices[a:b].tobytes(), data.values[a:b].tobytes())
        for a, b in zip(data.indptr[:-1], data.indptr[1:], strict=True)
    ]


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
        key: {
            row for row, count in zip(rows_of(data), np.diff(data.indptr), strict=True) if count > 1
        }
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


def test_row_numbers_beyond_32_bits_give_new_rows():
    fresh = stream(10, 100, 0.9)
    near, far = rows_of(fresh.at(0)), rows_of(fresh.at(2**32))
    assert not {r for r in far if len(r[0]) > 4} & set(near)


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


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ({"repeats": 0}, "repeats must be a whole number of at least 1, not 0"),
        ({"repeats": 2.5}, "repeats must be a whole number of at least 1, not 2.5"),
        ({"repeats": 2, "repeated": 0}, "repeated must be a whole number of at least 1, not 0"),
        ({"repeats": 2, "repeated": 21}, "repeated must be at most T = 20, not 21"),
        ({"repeats": 2**30, "repeated": 3}, r"points must be below 2\*\*31 with their repeats"),
        ({"T": math.inf, "batch": 9, "repeats": 2}, "repeats must be 1 where T is infinite"),
    ],
)
def test_repeats_that_cannot_be_are_refused_in_one_sentence(settings, rule):
    with pytest.raises(ValueError, match=rule):
        DataSettings(**{"T": 20, "n": 50} | settings)


def test_the_first_points_count_as_often_as_asked():
    data = DataSettings(20, 50, 0.9, repeats=5, repeated=3).make()
    assert data.counts.tolist() == [5] * 3 + [1] * 17
    assert data.settings.total == data.total == 32
    once = sample(20, 50, 0.9)
    np.testing.assert_array_equal(data.to_dense(), once.to_dense())
    assert once.counts is None
    assert DataSettings(20, 50, 0.9, repeats=5).rows(1, 4, "train").counts is None
    assert origin(data) is data.settings
    assert isinstance(origin(data[:10]), Dataset)
    # Where nothing is repeated it makes no difference how many points are not.
    assert DataSettings(20, 50, 0.9, repeated=3) == DataSettings(20, 50, 0.9)


def test_whole_numbers_may_come_as_floats_and_numpy_scalars():
    plain = DataSettings(T=5, n=10, sparsity=0.5)
    assert DataSettings(T=5.0, n=np.int64(10), sparsity=np.float32(0.5)) == plain
    other = DataSettings(T=np.float64(5), n=10, sparsity=0, seed=np.uint8(0))
    kinds = [type(x) for x in (other.T, other.n, other.sparsity, other.seed)]
    assert kinds == [int, int, float, int]


def test_all_runs_on_one_kind_of_data_share_one_test_set_of_200_000_rows():
    test = data.test_set(200, 0.95)
    assert test.T == paper.TEST_ROWS == 200_000
    assert test.settings == DataSettings(200_000, 200, 0.95, seed=0, split="test")
    assert data.test_set(200, 0.95) is test


def test_the_test_set_of_a_part_of_the_features_is_that_part_of_the_test_set():
    whole, part = data.test_set(60, 0.9), data.test_set(60, 0.9, features=4)
    assert (part.to_dense() == whole.to_dense()[:, :4]).all()
