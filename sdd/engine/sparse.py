"""The sparse terms: what happens only at the few non-zeros of each data point.

The squared error Σ_ij (r_ij − x_ij)² is the pair term Σ r_ij² plus Σ (x_ij² − 2 x_ij r_ij) over
the non-zeros; and the encoder sees W only through h_i = Σ_k x_ik W_k, again over the non-zeros.
"""

import numba

__all__ = ["add_sparse", "encode"]


@numba.njit(cache=True)
def encode(W, indptr, indices, values, first, last, h):
    """Set h[:, i] = W x_i for rows `first` … `last` − 1."""
    for i in range(first, last):
        for c in range(W.shape[0]):
            total = W.dtype.type(0)
            for k in range(indptr[i], indptr[i + 1]):
                total += values[k] * W[c, indices[k]]
            h[c, i] = total


@numba.njit(cache=True)
def add_sparse(W, b, h, indptr, indices, values, first, last, dW, db, dh):
    """Add the half-gradients of −2 x_ij r_ij, then send dL/dh back through the encoder."""
    m = W.shape[0]
    for i in range(first, last):
        for k in range(indptr[i], indptr[i + 1]):
            j, x = indices[k], values[k]
            a = b[j]
            for c in range(m):
                a += W[c, j] * h[c, i]
            if a > 0:
                db[j] -= x
                for c in range(m):
                    dW[c, j] -= x * h[c, i]
                    dh[c, i] -= x * W[c, j]
        # dh[:, i] is complete only now, so the encoder's share needs a second pass.
        for k in range(indptr[i], indptr[i + 1]):
            for c in range(m):
                dW[c, indices[k]] += values[k] * dh[c, i]
