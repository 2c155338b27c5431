"""The sparse terms: what happens only at the few non-zeros of each data point.

The squared error Σ_ij (r_ij − x_ij)² is the pair term Σ r_ij² plus Σ (x_ij² − 2 x_ij r_ij) over
the non-zeros; and the encoder sees W only through h_i = Σ_k x_ik W_k, again over the non-zeros.
"""

import numpy as np

from sdd.kernels import kernel

__all__ = ["add_sparse", "add_sparse_2", "encode", "hidden_columns"]


@kernel()
def encode(W, indptr, indices, values, first, last, h):
    """Set h[:, i] = W x_i for rows `first` … `last` − 1."""
    for i in range(first, last):
        for c in range(W.shape[0]):
            total = W.dtype.type(0)
            for k in range(indptr[i], indptr[i + 1]):
                total += values[k] * W[c, np.uint32(indices[k])]
            h[c, i] = total


@kernel()
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
                dW[c, np.uint32(indices[k])] += values[k] * dh[c, i]


@kernel()
def add_sparse_2(W, b, h, indptr, indices, values, first, last, dW, db, dh):
    """As `add_sparse`, for m = 2, with the same operations in the same order: the same bits.

    (Columns are taken as unsigned: a signed index would be tested for being negative.)
    """
    for i in range(first, last):
        h0, h1 = h[0, i], h[1, i]
        dh0, dh1 = dh[0, i], dh[1, i]
        for k in range(indptr[i], indptr[i + 1]):
            j, x = np.uint32(indices[k]), values[k]
            if b[j] + W[0, j] * h0 + W[1, j] * h1 > 0:
                db[j] -= x
                dW[0, j] -= x * h0
                dW[1, j] -= x * h1
                dh0 -= x * W[0, j]
                dh1 -= x * W[1, j]
        for k in range(indptr[i], indptr[i + 1]):
            j = np.uint32(indices[k])
            dW[0, j] += values[k] * dh0
            dW[1, j] += values[k] * dh1
        dh[0, i], dh[1, i] = dh0, dh1


def hidden_columns(W, data):
    """Return the hidden vectors h_i = W x_i as columns, (m, T) of W's type."""
    h = np.empty((W.shape[0], data.T), W.dtype)
    encode(W, data.indptr, data.indices, data.values.astype(W.dtype), 0, data.T, h)
    return h
