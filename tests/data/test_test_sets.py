"""All runs on one kind of data are judged on one test set."""

from sdd import paper
from sdd.data import DataSettings, test_sets


def test_all_runs_on_one_kind_of_data_share_one_test_set_of_200_000_rows():
    test = test_sets.test_set(200, 0.95)
    assert test.T == paper.TEST_ROWS == 200_000
    assert test.settings == DataSettings(200_000, 200, 0.95, seed=0, split="test")
    assert test_sets.test_set(200, 0.95) is test


def test_the_test_set_of_a_part_of_the_features_is_that_part_of_the_test_set():
    whole, part = test_sets.test_set(60, 0.9), test_sets.test_set(60, 0.9, features=4)
    assert (part.to_dense() == whole.to_dense()[:, :4]).all()
