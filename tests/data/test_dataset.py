"""Data of one's own come in and go out, cannot change, and bad ones get one sentence."""

import pickle

import numpy as np
import pytest
import torch
from scipy import sparse

import sdd
from sdd.data import Dataset, DataSettings, sample


def bits(data):
    return data.indptr.tobytes(), data.indices.tobytes(), data.values.tobytes()


def counted(counts):
    rows = Dataset.from_dense(np.eye(3))
    return Dataset(rows.indptr, rows.indices, rows.values, 3, counts=counts)


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
    assert bits(Dataset.from_dense(drawn.to_dense())) == bits(drawn)
    # Zero features at the end and a zero row at the end are kept.
    assert Dataset.from_dense(np.array([[1.0, 0], [0, 0]])).to_dense().tolist() == [[1, 0], [0, 0]]


def test_taken_rows_are_those_rows_in_that_order():
    data = sample(20, 30, 0.8, seed=3)
    X = data.to_dense()
    for rows in ([3, 3, 0, 19], np.arange(20)[::-1], np.arange(20) % 3 == 0):
        np.testing.assert_array_equal(data.take(rows).to_dense(), X[rows])
        assert data.take(rows).content_hash() == Dataset.from_dense(X[rows]).content_hash()
    shorter = DataSettings(20, 30, 0.8, features=5).make()  # rows are not of unit norm
    np.testing.assert_array_equal(shorter.take([4, 1]).to_dense(), shorter.to_dense()[[4, 1]])


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


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil"])
def test_sparse_matrices_survive_the_round_trip(form):
    data = sample(50, 30, 0.8)
    X = data.to_sparse()
    np.testing.assert_array_equal(X.toarray(), data.to_dense())
    for matrix in (X, sparse.csr_matrix(X)):
        assert bits(Dataset.from_sparse(matrix.asformat(form))) == bits(data)
    half = sparse.coo_array(([0.5, 0.5, 0.0], ([1, 1, 0], [2, 2, 0])), shape=(2, 3))
    assert Dataset.from_sparse(half).to_dense().tolist() == [[0, 0, 0], [0, 0, 1]]
    assert half.nnz == 3  # the caller's own matrix is left alone


def test_each_non_zero_has_its_row():
    data = sample(30, 20, 0.9)
    np.testing.assert_array_equal((data.row_index(), data.indices), data.to_dense().nonzero())


def with_entry(value):
    X = np.eye(3)
    X[1, 1] = value
    return X


def divided(X):
    """The rows, each divided by its norm: those of zeros become NaN."""
    with np.errstate(invalid="ignore"):
        return X / np.linalg.norm(X, axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Dataset.from_dense(divided(np.array([[3.0, 4.0], [0.0, 0.0]]))),
            "row 1 is NaN throughout, as a row of zeros is that was divided .* leave such rows",
        ),
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
        (lambda: Dataset.from_sparse(sparse.eye_array(3) * 1j), "real numbers, not complex128"),
        (lambda: Dataset.from_sparse(sparse.eye_array(3) * 2), "row 0 has norm 2: divide"),
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
        (lambda: counted([2, 1]), r"one whole number a row, \(3,\), not \(2,\) of int64"),
        (lambda: counted([2.0, 1.0, 1.0]), r"not \(3,\) of float64"),
        (lambda: counted([2, 0, 1]), "counts must be at least 1"),
        (lambda: counted([2**31, 1, 1]), r"below 2\*\*31 in all"),
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
    X[2] = 0
    with pytest.raises(ValueError, match="divide each row by") as caught:
        Dataset.from_dense(X)
    advice = str(caught.value).split("divide each row by ")[1].split(", which")[0]
    data = Dataset.from_dense(X / eval(advice))  # as the message has it
    np.testing.assert_allclose(np.linalg.norm(data.to_dense(), axis=1), [1, 1, 0, 1], atol=1e-6)


# --- Like a sequence, and through the door --------------------------------------------------------


def test_a_data_set_is_a_sequence_of_its_points():
    data = sample(5, 30, 0.8, seed=1)
    X = data.to_dense()
    assert len(data) == 5
    np.testing.assert_array_equal(data[2], X[2])
    np.testing.assert_array_equal(data[-1], X[-1])
    np.testing.assert_array_equal(np.stack(list(data)), X)
    for rows in (slice(1, 4), slice(None, None, -2), [3, 3, 0], X[:, 0] == X[0, 0]):
        np.testing.assert_array_equal(data[rows].to_dense(), X[rows])
    assert isinstance(data[1:3], Dataset)
    for i in (5, -6):
        with pytest.raises(IndexError, match="T = 5 points has no point"):
            data[i]


def test_data_sets_of_the_same_rows_are_equal():
    data = sample(5, 30, 0.8, seed=1)
    same = Dataset.from_dense(data.to_dense())
    assert data == same
    assert len({data, same}) == 1
    assert data != data[:4]
    assert data != "data"


def test_counts_go_where_their_rows_go():
    data = counted([5, 1, 2])
    assert (data.T, data.total, len(data.copies)) == (3, 8, 8)
    np.testing.assert_array_equal(data.copies.to_dense(), np.eye(3)[[0, 0, 0, 0, 0, 1, 2, 2]])
    assert data.copies.counts is None
    assert data.take([2, 0]).counts.tolist() == data[[2, 0]].counts.tolist() == [2, 5]
    assert data[1:2].counts is None
    assert pickle.loads(pickle.dumps(data)) == data
    with pytest.raises(ValueError, match="read-only"):
        data.counts[0] = 1
    assert data.mean(np.array([1.0, 2.0, 4.0])) == 15 / 8


def test_data_are_others_where_points_count_otherwise_and_the_same_where_each_counts_once():
    once = Dataset.from_dense(np.eye(3))
    assert counted([1, 1, 1]) == once
    assert counted([1, 1, 1]).copies.counts is None
    assert len({once, counted([5, 1, 1]), counted([1, 5, 1]), counted([5, 1, 2])}) == 4


def test_a_copy_in_another_process_is_as_read_only():
    copy = pickle.loads(pickle.dumps(sample(5, 30, 0.8)))
    assert copy == sample(5, 30, 0.8)
    assert copy.settings == sample(5, 30, 0.8).settings
    with pytest.raises(ValueError, match="read-only"):
        copy.values[0] = 1


def test_matrices_are_taken_for_data_sets_wherever_data_are_asked_for():
    data = sample(6, 30, 0.8)
    X, W, b = data.to_dense(), np.full((2, 30), 0.2), np.full(30, -0.1)
    expected = sdd.loss(W, b, data)
    for form in (X, X.astype(float), torch.tensor(X), sparse.csr_matrix(X), sparse.csc_array(X)):
        assert sdd.loss(W, b, form) == expected
        assert sdd.loss_and_grad(W, b, form)[0] == expected
        np.testing.assert_array_equal(sdd.hidden(W, form), sdd.hidden(W, data))
    with pytest.raises(ValueError, match="rows must have unit norm"):
        sdd.loss(W, b, 2 * X)
    with pytest.raises(TypeError, match="not list"):
        sdd.hidden(W, X.tolist())


def test_weights_where_vectors_are_asked_for_are_refused():
    W = np.ones((2, 1_000))
    with pytest.raises(ValueError, match=r"2 rows of 1000 entries look like weights W.*pass W\.T"):
        sdd.dimensionality(W)
    assert sdd.dimensionality(W.T).shape == (1_000,)
    assert sdd.dimensionality(np.eye(5, 120)).shape == (5,)  # few vectors in many dimensions


def test_numbers_that_would_be_changed_are_refused():
    one, index = np.array([0, 1]), np.array([3])
    with pytest.raises(ValueError, match=r"n must be below 2\*\*31"):
        Dataset(one, index, np.ones(1), n=2**31)
    with pytest.raises(ValueError, match="values must hold real numbers, not complex128"):
        Dataset(one, index, np.array([1 + 1j]), n=9)
    with pytest.raises(ValueError, match="values must hold real numbers, not bool"):
        Dataset(one, index, np.array([True]), n=9)
    with pytest.raises(ValueError, match="entries of it are masked"):
        Dataset.from_dense(np.ma.array(np.eye(3), mask=np.eye(3) > 0))


def test_whole_numbers_are_exact_or_refused():
    assert sdd.DataSettings(5, seed=2**53 + 1).seed == 2**53 + 1
    assert sdd.DataSettings(np.float32(5)).T == 5
    for seed in (float(2**53), 1e30, 2**64):
        with pytest.raises(ValueError, match="seed must be"):
            sdd.DataSettings(5, seed=seed)
