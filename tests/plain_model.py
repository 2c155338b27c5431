"""The plain model on weights made by hand: the oracle of closed forms."""

import numpy as np
import torch

from sdd.model import ReLUOutput


def plain(W, b):
    return ReLUOutput.from_weights(torch.tensor(W), torch.tensor(b))


def plain_loss(W, b, X):
    return plain(W, b).loss(torch.tensor(X)).item()


def ring(F, r):
    """F columns of length r at equal angles."""
    angles = 2 * np.pi * np.arange(F) / F
    return r * np.stack([np.cos(angles), np.sin(angles)])


def disjoint_points(T, seed=0):
    """T unit-norm points on disjoint supports, with some features that no point has."""
    rng = np.random.default_rng(seed)
    X = np.zeros((T, 5 * T + 3))
    for k in range(T):
        X[k, rng.permutation(5)[: rng.integers(1, 6)] + 5 * k] = 0.1
    X *= rng.uniform(0.1, 1.0, X.shape)
    return X / np.linalg.norm(X, axis=1, keepdims=True)
