"""The published settings, and what makes a smaller problem a twin of the published one."""

from dataclasses import replace

import numpy as np
import pytest

from sdd import paper
from sdd.data import Dataset, sample
from sdd.training import train
from sdd.training.config import TrainConfig


def test_the_rescaled_eps_is_exact_at_the_sizes_of_the_profiles():
    assert paper.rescaled_eps(10_000, 0.999) == 1e-8
    assert paper.rescaled_eps(1_000, 0.99) == 1e-6
    assert paper.rescaled_eps(1_000, 0.999) == 1e-7
    assert paper.rescaled_eps(10_000, 0.99) == 1e-7
    assert paper.rescaled_eps(1_000, 0.99, eps=3e-8) == 3e-6
    # In the form of the sum over features, ε ÷ (1 − S) is what stays the same.
    for n, sparsity in [(500, 0.98), (2_000, 0.995), (100_000, 0.9999)]:
        summed = n * paper.rescaled_eps(n, sparsity) / (1 - sparsity)
        assert summed == pytest.approx(10_000 * 1e-8 / 1e-3, rel=1e-8)


def test_the_rescaled_size_shrinks_with_the_features():
    assert paper.rescaled_size(2_000, 1_000) == 200
    assert [paper.rescaled_size(T, 10_000) for T in (3, 500)] == [3, 500]
    assert paper.rescaled_size(3, 1_000) == 1  # never none


def test_copies_side_by_side_train_like_one_with_the_rescaled_eps_and_only_with_it():
    # Four copies of a problem that do not meet (4 n features, 4 m dimensions, 4 T points, and
    # biases below zero, so that a copy's outputs are silent on the others' points) are four
    # times as sparse and as large. Their weights are those of the single problem, at ε
    # rescaled by 1/4 for n and 1/4 for 1 − S.
    copies, n, m, T = 4, 12, 2, 20
    rng = np.random.default_rng(0)
    X = rng.random((T, n)) * (rng.random((T, n)) < 0.3)
    X[np.arange(T), np.arange(T) % n] += 0.5
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    W, b = 1.5 * rng.normal(size=(m, n)), np.full(n, -0.6)
    blocks = np.eye(copies)
    config = TrainConfig(m=m, steps=150, lr=3e-3, eps=1e-3, dtype="float64")
    one = train(Dataset.from_dense(X), config, init=(W, b))
    assert one.b.max() < 0
    assert np.abs(one.W - W).max() > 0.1

    def side_by_side(eps):
        many = replace(config, m=copies * m, eps=eps)
        start = np.kron(blocks, W), np.tile(b, copies)
        return train(Dataset.from_dense(np.kron(blocks, X)), many, init=start)

    ratio = paper.rescaled_eps(copies * n, 1 - 0.1 / copies) / paper.rescaled_eps(n, 1 - 0.1)
    assert ratio == pytest.approx(1 / copies**2)
    rescaled = side_by_side(config.eps * ratio)
    np.testing.assert_allclose(rescaled.W, np.kron(blocks, one.W), rtol=0, atol=1e-9)
    np.testing.assert_allclose(rescaled.b, np.tile(one.b, copies), rtol=0, atol=1e-9)
    literal = side_by_side(config.eps)
    assert np.abs(literal.W - np.kron(blocks, one.W)).max() > 0.01


@pytest.mark.slow
def test_a_small_twin_follows_the_full_size_run_with_the_rescaled_eps_and_only_with_it():
    # 300 hurried steps at the twin of T = 2,000, where ε and the gradients are alike in size.
    # What grows alike in both: the sum over points of what the loss has fallen, and ‖b‖.
    config = TrainConfig(steps=300, lr=1e-2)

    def grown(T, n, sparsity, eps, seed):
        run = train(sample(T, n, sparsity, seed), replace(config, eps=eps, seed=seed))
        return T * (1 - run.train_loss), np.linalg.norm(run.b)

    def mean(*setting):
        return np.mean([grown(*setting, seed) for seed in range(4)], axis=0)

    full = grown(2_000, 10_000, 0.999, 1e-8, 0)
    assert full[0] > 5  # as much as five points memorised
    twin = mean(paper.rescaled_size(2_000, 1_000), 1_000, 0.99, paper.rescaled_eps(1_000, 0.99))
    np.testing.assert_allclose(twin / full, 1, atol=0.3)
    assert twin[0] == pytest.approx(full[0], rel=0.1)
    literal = mean(200, 1_000, 0.99, 1e-8)  # "the same" ε is another problem
    assert literal[0] / full[0] > 1.25
    assert literal[1] / full[1] > 3
    larger = mean(200, 1_000, 0.99, 1e-5)
    assert larger[0] / full[0] < 0.8
    assert larger[1] / full[1] < 0.5
