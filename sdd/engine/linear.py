"""The same training without the ReLU: the control for what the ReLU does.

The model is x' = Wᵀ W x + b. With h = W x, r = x' and all sums over the rows, half the gradient of
Σ ‖x − r‖² is Σ (r − x) for b, and Σ h (r − x)ᵀ + Σ W (r − x) xᵀ for W. As W x = h,

    W (r − x) = W Wᵀ h + W b − h,    Σ h rᵀ = (Σ h hᵀ) W + (Σ h) bᵀ,    Σ h xᵀ stays sparse,

so a step visits the non-zeros and no pair of a point and a feature.
"""

import numpy as np
from jaxtyping import Float

from sdd.data import Dataset
from sdd.engine.sparse import encode, hidden_columns
from sdd.engine.step import Step
from sdd.kernels import kernel

__all__ = ["WithoutReLU", "loss_without_relu"]


@kernel()
def _differentiate(W, b, rows, h, dW, db):
    """Set dW and db to half the gradient of Σ ‖x − Wᵀ W x − b‖²."""
    indptr, indices, values = rows
    m, T = h.shape
    encode(W, indptr, indices, values, 0, T, h)
    gram, seen, squares = W @ W.T, np.zeros(m, W.dtype), h @ h.T
    Wb = W @ b
    dW[:] = 0
    db[:] = T * b
    for i in range(T):
        for c in range(m):
            g = Wb[c] - 2 * h[c, i]
            for d in range(m):
                g += gram[c, d] * h[d, i]
            seen[c] += h[c, i]
            for k in range(indptr[i], indptr[i + 1]):
                dW[c, indices[k]] += values[k] * g
        for k in range(indptr[i], indptr[i + 1]):
            db[indices[k]] -= values[k]
    for c in range(m):
        db += seen[c] * W[c]
        dW[c] += seen[c] * b
        for d in range(m):
            dW[c] += squares[c, d] * W[d]


class WithoutReLU(Step):
    """AdamW's steps of the model x' = Wᵀ W x + b, on one thread."""

    def __init__(self, m: int, n: int, data: Dataset, dtype: np.dtype) -> None:
        super().__init__(m, n, data, dtype, threads=1, chunk_rows=data.T)
        self.h = np.empty((m, data.T), dtype)

    def differentiate(self, W: np.ndarray, b: np.ndarray) -> None:
        """Set dW and db."""
        _differentiate(W, b, self.rows, self.h, self.dW, self.db)


def loss_without_relu(
    W: Float[np.ndarray, "m n"], b: Float[np.ndarray, " n"], data: Dataset
) -> float:
    """Return the mean of ‖x − Wᵀ W x − b‖² over the rows, in float64."""
    W, b = W.astype(np.float64), b.astype(np.float64)
    h, x = hidden_columns(W, data), data.values.astype(np.float64)
    # ‖x‖² − 2 x·(Wᵀh + b) + ‖Wᵀh + b‖², where x·Wᵀh = ‖h‖².
    sparse = float(x @ (x - 2 * b[data.indices])) / data.T
    outputs = ((W @ W.T @ h) * h).sum() + 2 * (W @ b) @ h.sum(axis=1)
    return sparse + float(b @ b) + float(outputs - 2 * (h * h).sum()) / data.T
