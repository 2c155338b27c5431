"""For m ≥ 5 (`tiles.py`): which pairs may become active, for some steps to come.

Where a model memorises, nearly all outputs a_ij = W_j · h_i + b_j are far below zero, and stay
there until weights and points have moved. With movements since then of at most

    |ΔW_j| ≤ δ_j,   |Δh_i| ≤ η_i,   Δb_j ≤ β_j

an output rises by at most δ_j |h_i| + (|W_j| + δ_j) η_i + β_j, plus rounding. Pairs above minus
that are listed, the others are silent, exactly: neighbour lists with a skin, as molecular dynamics
has them (Verlet, Phys. Rev. 159, 98, 1967). Features and points that have moved further are
*stale*: all their pairs are computed. When that costs too much, a step that computes all pairs
makes the lists anew.

When that is, how wide the skin is, and whether lists are used at all decides about speed alone:
the results of `tiles.py` have the same bits with lists of any age and without.
"""

from typing import Any

import numpy as np

from sdd.kernels import kernel

__all__ = ["NeighborList"]

MAX_SHARE = 0.06  # of all pairs: longer lists are not worth it
PAIR_COST = 12.0  # a listed pair takes about so many times as long as one of all pairs
LIST_COST = 1.2  # a step that makes lists, likewise in steps that compute all pairs
MAX_PAUSE = 64  # steps until lists are tried again
UP = 1 + 1e-6  # covers the rounding of norms, which are computed in float64
MIN_MOVEMENT = 1e-4  # relative to what moves: so much is always allowed


@kernel(fastmath={"reassoc", "contract"})
def _distances(rows, before):
    """Return |rows[k] − before[k]| for every row, in float64."""
    out = np.empty(len(rows))
    for k in range(len(rows)):
        total = 0.0
        for c in range(rows.shape[1]):
            d = np.float64(rows[k, c]) - np.float64(before[k, c])
            total += d * d
        out[k] = np.sqrt(total)
    return out


class NeighborList:
    """Lists of near pairs by chunk of points, and the plan of when to make and to use them."""

    def __init__(self, chunks: list[tuple[int, int]], n: int) -> None:
        self.n, self.T = n, chunks[-1][1]
        self.starts = [np.zeros(last - first + 1, np.int64) for first, last in chunks]
        sizes = [int(MAX_SHARE * n * (last - first)) + 8 for first, last in chunks]
        self.listed = [np.zeros(size, np.int32) for size in sizes]
        self.stale_features = np.zeros(0, np.int32)  # their numbers
        self.stale_points = np.zeros(self.T, np.bool_)
        self.usable = False
        self.before: tuple[np.ndarray, ...] | None = None  # W, b, h that movements count from
        self.age = 0  # steps since then
        self.spent = self.spent_on_stale = 0.0  # since then, in steps that compute all pairs
        self.horizon = 4.0  # steps that lists should last
        self.wait, self.pause = 1, 4  # steps until lists are tried, and at the next failure
        self.share = 0.0  # of all pairs that are listed

    def plan(self, WT: np.ndarray, b: np.ndarray, h: np.ndarray) -> str:
        """Return what this step does: use the lists ("listed"), make them ("list"), or "all"."""
        self.age += 1
        if self.wait > 0:
            self.wait -= 1
            if self.wait == 0:
                self.before, self.age = (WT.copy(), b.copy(), h.copy()), 0
            return "all"
        assert self.before is not None
        W0, b0, h0 = self.before
        moved = _distances(WT, W0), _distances(h, h0), b.astype(np.float64) - b0
        if not all(np.isfinite(x.sum()) for x in moved):  # diverging: zeros may not be skipped
            self._back_off()
            return "all"
        if self.usable and self._lists_pay(*moved):
            return "listed"
        if self.usable:
            self._tune_horizon()
        self.usable = False
        if self.wait > 0 or not self._set_skin(moved, WT, b, h):
            self._back_off()
            return "all"
        return "list"

    def _lists_pay(self, moved_W, moved_h, risen_b) -> bool:
        """Set the stale features and points; return whether the lists still pay."""
        delta, eta, beta = self.bounds
        stale = (moved_W > delta) | (risen_b > beta)
        self.stale_features = np.flatnonzero(stale).astype(np.int32)
        self.stale_points = moved_h > eta
        extra = PAIR_COST * (self.stale_features.size / self.n + self.stale_points.mean())
        cost = PAIR_COST * self.share + extra
        # Costs per step are least where the next step would cost more than the average so far.
        if cost > (LIST_COST + self.spent) / self.age:
            return False
        self.spent += cost
        self.spent_on_stale += extra
        return True

    def _set_skin(self, moved, WT, b, h) -> bool:
        """Set the allowed movements, and with them what is near; return whether all is finite."""
        zero = np.zeros(1, WT.dtype)
        lengths = _distances(WT, np.broadcast_to(zero, WT.shape)) * UP
        sizes = _distances(h, np.broadcast_to(zero, h.shape)) * UP
        ages = self.horizon / max(1, self.age)
        moved_W, moved_h, risen_b = moved
        delta = np.maximum(moved_W * ages, MIN_MOVEMENT * lengths)
        eta = np.maximum(moved_h * ages, MIN_MOVEMENT * sizes)
        beta = np.maximum(np.abs(risen_b) * ages, MIN_MOVEMENT * np.abs(b))
        self.bounds = delta / UP, eta / UP, beta / UP
        # Both outputs, the one now and the one then, carry the rounding of m fused products.
        rounding = 4 * (WT.shape[1] + 8) * np.finfo(WT.dtype).eps
        lift = beta + rounding * (np.abs(b) + beta)
        lift[self.n :] = -np.inf  # the last panel's padding is no feature
        per_size = delta + rounding * (lengths + delta)
        reach = lift, per_size, lengths + delta, sizes + eta, eta
        self.reach = tuple((x * UP).astype(WT.dtype) for x in reach)
        self.before, self.age = (WT.copy(), b.copy(), h.copy()), 0
        self.spent = self.spent_on_stale = 0.0
        return all(not np.isnan(x).any() and x.max() < np.inf for x in self.reach)

    def new_lists(self, k: int) -> tuple[Any, ...]:
        """Return how far pairs of chunk k reach, and the arrays that its new lists go to."""
        self.starts[k][:] = 0
        return self.reach, self.starts[k], self.listed[k]

    def lists(self, k: int) -> tuple[Any, ...]:
        """Return the lists of chunk k, and the stale features and points."""
        return self.starts[k], self.listed[k], self.stale_features, self.stale_points

    def accept_lists(self) -> None:
        """Use the lists just made, unless they are too long."""
        ends = [int(starts[-1]) for starts in self.starts]
        self.share = sum(ends) / (self.n * self.T)
        self.usable = min(ends) >= 0 and PAIR_COST * self.share < 0.7
        if not self.usable:
            self.horizon = max(self.horizon / 2, 2.0)
            self._back_off()

    def _tune_horizon(self) -> None:
        """Balance the cost of using the lists that have just expired with that of making them."""
        on_lists = self.spent - self.spent_on_stale
        rest = LIST_COST + self.spent_on_stale
        if on_lists < rest / 2:
            self.horizon = min(2 * self.horizon, 256.0)
        elif on_lists > rest * 2:
            self.horizon = max(self.horizon / 2, 1.0)
        if (LIST_COST + self.spent) / self.age > 0.9:
            self._back_off()
        else:
            self.pause = 4

    def _back_off(self) -> None:
        """Compute all pairs for some steps: at each failure in a row for twice as many."""
        self.wait, self.usable = self.pause, False
        self.pause = min(2 * self.pause, MAX_PAUSE)
