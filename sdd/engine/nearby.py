"""Which pairs of a point and a feature may become active, for some steps to come.

Where a model memorises, nearly all outputs a_ij = W_j · h_i + b_j are far below zero, and stay
there until weights and points have moved. With movements since then of at most

    |ΔW_j| ≤ δ_j,   |Δh_i| ≤ η_i,   Δb_j ≤ β_j

an output rises by at most δ_j |h_i| + (|W_j| + δ_j) η_i + β_j, plus rounding. So the pairs above
minus that are listed, as molecular dynamics lists near atoms with a skin; the others are silent,
exactly. A feature or a point that has moved further is *restless*: all its pairs are computed.
When that costs too much, lists are made anew, from a step that computes everything.

When that is, how wide the skin is, and whether lists are used at all decides about speed alone:
the results of `tiles.py` have the same bits with lists of any age and without.
"""

import numpy as np

from sdd.kernels import kernel

__all__ = ["Nearby"]

LARGEST_SHARE = 0.06  # of all pairs: longer lists are not worth it
PAIR_COST = 12.0  # a listed pair takes about so many times as long as one of all pairs
LIST_COST = 1.2  # a step that makes lists, likewise in steps that compute all pairs
LONGEST_WAIT = 64  # steps until lists are tried again
UP = 1 + 1e-6  # covers the rounding of norms, which are taken in float64
STILL = 1e-4  # a movement that small, in parts of what moves, is always allowed


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


class Nearby:
    """Lists of near pairs, and the plan of when to make and to use them."""

    def __init__(self, rows: list[tuple[int, int]], n: int) -> None:
        self.n, self.T = n, rows[-1][1]
        self.starts = [np.zeros(last - first + 1, np.int64) for first, last in rows]
        room = [int(LARGEST_SHARE * n * (last - first)) + 8 for first, last in rows]
        self.listed = [np.zeros(size, np.int32) for size in room]
        self.restless = np.zeros(0, np.int32)  # features
        self.whole = np.zeros(self.T, np.bool_)  # restless points
        self.usable = False
        self.before: tuple[np.ndarray, ...] | None = None  # W, b, h that movements count from
        self.age = 0  # steps since then
        self.spent = self.spent_on_restless = 0.0  # since then, in steps that compute all pairs
        self.horizon = 4.0  # steps that lists should last
        self.wait, self.pause = 1, 4
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
            self._give_up()
            return "all"
        if self.usable and self._still_good(*moved):
            return "listed"
        if self.usable:
            self._learn()
        self.usable = False
        if self.wait > 0 or not self._reach(moved, WT, b, h):
            self._give_up()
            return "all"
        return "list"

    def _still_good(self, moved_W, moved_h, risen_b) -> bool:
        """Note who is restless; tell whether lists still pay."""
        delta, eta, beta = self.bounds
        restless = (moved_W > delta) | (risen_b > beta)
        self.restless = np.flatnonzero(restless).astype(np.int32)
        self.whole = moved_h > eta
        extra = PAIR_COST * (self.restless.size / self.n + self.whole.mean())
        cost = PAIR_COST * self.share + extra
        # A cycle is at its cheapest a step where the next one would cost more than the average.
        if cost > (LIST_COST + self.spent) / self.age:
            return False
        self.spent += cost
        self.spent_on_restless += extra
        return True

    def _reach(self, moved, WT, b, h) -> bool:
        """Set the bounds for the steps to come, and how far below zero a pair counts as near."""
        zero = np.zeros(1, WT.dtype)
        lengths = _distances(WT, np.broadcast_to(zero, WT.shape)) * UP
        sizes = _distances(h, np.broadcast_to(zero, h.shape)) * UP
        ages = self.horizon / max(1, self.age)
        moved_W, moved_h, risen_b = moved
        delta = np.maximum(moved_W * ages, STILL * lengths)
        eta = np.maximum(moved_h * ages, STILL * sizes)
        beta = np.maximum(np.abs(risen_b) * ages, STILL * np.abs(b))
        self.bounds = delta / UP, eta / UP, beta / UP
        # Both outputs, the one now and the one then, carry the rounding of m fused products.
        rounding = 4 * (WT.shape[1] + 8) * np.finfo(WT.dtype).eps
        lift = beta + rounding * (np.abs(b) + beta)
        lift[self.n :] = -np.inf  # what pads the last panel is no feature
        per_size = delta + rounding * (lengths + delta)
        reach = lift, per_size, lengths + delta, sizes + eta, eta
        self.reach = tuple((x * UP).astype(WT.dtype) for x in reach)
        self.before, self.age = (WT.copy(), b.copy(), h.copy()), 0
        self.spent = self.spent_on_restless = 0.0
        return all(not np.isnan(x).any() and x.max() < np.inf for x in self.reach)

    def room(self, k: int) -> tuple:
        """Return what chunk k needs to make its lists, and where they go."""
        self.starts[k][:] = 0
        return self.reach, self.starts[k], self.listed[k]

    def lists(self, k: int) -> tuple[np.ndarray, ...]:
        """Return the lists of chunk k, and who is restless."""
        return self.starts[k], self.listed[k], self.restless, self.whole

    def take_stock(self) -> None:
        """Look at the lists just made: use them, or not if they are too long."""
        ends = [int(starts[-1]) for starts in self.starts]
        self.share = sum(ends) / (self.n * self.T)
        self.usable = min(ends) >= 0 and PAIR_COST * self.share < 0.7
        if not self.usable:
            self.horizon = max(self.horizon / 2, 2.0)
            self._give_up()

    def _learn(self) -> None:
        """Balance the cost of the lists that have just expired with that of making them."""
        on_lists = self.spent - self.spent_on_restless
        rest = LIST_COST + self.spent_on_restless
        if on_lists < rest / 2:
            self.horizon = min(2 * self.horizon, 256.0)
        elif on_lists > rest * 2:
            self.horizon = max(self.horizon / 2, 1.0)
        if (LIST_COST + self.spent) / self.age > 0.9:
            self._give_up()
        else:
            self.pause = 4

    def _give_up(self) -> None:
        self.wait, self.usable = self.pause, False
        self.pause = min(2 * self.pause, LONGEST_WAIT)
