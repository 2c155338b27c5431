"""Vectors and tuples of them compute what numpy computes, on any machine."""

import os
import subprocess
import sys

import numba
import numpy as np
import pytest

from sdd.engine import vectors


@numba.njit
def _every_operation(a, b, packed, quads, numbers, out, places):
    x, y = vectors.load(a, 0), vectors.load(b, 0)
    mask = x < y
    vectors.store_packed(out, 0, mask, x)
    vectors.store(out, 48, vectors.larger(vectors.splat(a.dtype.type(0)), x * y - x + y))
    vectors.store(out, 64, vectors.keep(~mask | (y < x), vectors.magnitude(x)))
    vectors.store(out, 80, x / y)
    vectors.store(out, 96, vectors.lane_totals(quads, 0))
    vectors.store(out, 112, vectors.root(vectors.magnitude(x)))
    vectors.store_packed(places, 1, mask, vectors.load(numbers, 0))
    same = vectors.lanes(vectors.bits(mask))
    vectors.store(out, 128, vectors.load_packed(packed, 1, same))
    extremes = vectors.least(x), vectors.largest(x)
    return vectors.total(x), extremes, vectors.count(mask), vectors.bits(mask)


@numba.njit
def _every_tuple(rows, quads, like):
    u, v = vectors.load_rows(rows, 0, like), vectors.load_rows(rows, 16, like)
    p, q = vectors.column(rows, 3, like), vectors.column(rows, 5, like)
    first, triangle = u[0], vectors.outer(u, v)
    mask = first < v[0]
    vectors.store_rows(rows, 32, vectors.add_each(u, vectors.keep(mask, v)))
    return (
        vectors.total(triangle),
        vectors.total(vectors.add_outer(triangle, v, u)),
        vectors.total(vectors.multiply(triangle, u)),
        vectors.total(vectors.add_multiplied(v, triangle, u)),
        vectors.total(vectors.add_scaled(u, first, v[:-1])),
        vectors.total(vectors.scale_each(first, vectors.magnitude(v))),
        vectors.total(vectors.load_columns(quads, 1, like)),
        vectors.total(vectors.splat(p)),
        (vectors.total(vectors.dot(u, v)), vectors.total(vectors.combine(first, u[1:], v))),
        vectors.smaller(p, q),
        vectors.larger(p, q),
    )


def check_vectors():
    rng = np.random.default_rng(0)
    close = {"rtol": 1e-4, "atol": 1e-5}
    for dtype in (np.float32, np.float64):
        for _ in range(20):
            a, b, packed, quads = (
                rng.standard_normal(k).astype(dtype) for k in (16, 16, 32, (64, 4))
            )
            numbers, places = np.arange(16, dtype=np.int32), np.full(40, -1, np.int32)
            out = np.zeros(144, dtype)
            given = a, b, packed, quads, numbers, out, places
            total, extremes, count, bits = _every_operation(*given)
            mask = a < b
            np.testing.assert_allclose(total, a.sum(), **close)
            assert extremes == (a.min(), a.max())
            assert count == mask.sum()
            np.testing.assert_array_equal(out[:count], a[mask])
            np.testing.assert_array_equal(places[1 : 1 + count], numbers[mask])
            assert (places[[0, *range(17, 40)]] == -1).all()
            np.testing.assert_array_equal(out[112:128], np.sqrt(abs(a)))
            assert bits == sum(1 << k for k in range(16) if mask[k])
            np.testing.assert_array_equal(out[128:][mask], packed[1 : 1 + count])
            assert not out[128:][~mask].any()
            np.testing.assert_allclose(out[48:64], np.maximum(0, a * b - a + b), **close)
            np.testing.assert_array_equal(out[64:80], np.where(~mask | (a > b), abs(a), 0))
            np.testing.assert_allclose(out[80:96], a / b, **close)
            np.testing.assert_allclose(out[96:112], quads.reshape(16, 16).sum(1), **close)


def check_tuples():
    rng = np.random.default_rng(1)
    for dtype in (np.float32, np.float64):
        for size in (2, 3, 5):
            rows, quads = rng.standard_normal((size, 48)), rng.standard_normal((80, 4))
            rows, quads = rows.astype(dtype), quads.astype(dtype)
            u, v, p, q = rows[:, :16].copy(), rows[:, 16:32].copy(), rows[:, 3].copy(), rows[:, 5]
            found = _every_tuple(rows, quads, (dtype(0),) * size)
            upper = np.triu_indices(size)
            triangle = u[upper[0]] * v[upper[1]]
            full = np.empty((size, size, 16))
            full[upper] = full[upper[::-1]] = triangle
            product = np.einsum("cdk,dk->ck", full, u)
            columns = [quads[1 + 40 * (d // 4) :][:16, d % 4] for d in range(size)]
            expected = (
                triangle.sum(1),
                (triangle + v[upper[0]] * u[upper[1]]).sum(1),
                product.sum(1),
                (v + product).sum(1),
                (u + u[0] * np.vstack([v[:-1], np.ones(16)])).sum(1),
                (u[0] * abs(v)).sum(1),
                np.sum(columns, axis=1),
                16 * p,
                ((u * v).sum(), (u[0] + (u[1:] * v[:-1]).sum(0)).sum()),
                np.minimum(p, q),
                np.maximum(p, q),
            )
            for ours, numpys in zip(found, expected, strict=True):
                np.testing.assert_allclose(ours, numpys, rtol=1e-4, atol=1e-4)
            np.testing.assert_allclose(rows[:, 32:], u + np.where(u[0] < v[0], v, 0), rtol=1e-6)


def test_vectors_compute_what_numpy_computes():
    check_vectors()


def test_tuples_compute_what_numpy_computes():
    check_tuples()


@pytest.mark.slow
def test_vectors_need_no_particular_machine():
    # Numba's "generic" processor has short registers, and no instruction that packs.
    program = "import sys; sys.path.insert(0, 'tests/engine'); import test_vectors as t; "
    done = subprocess.run(
        [sys.executable, "-c", program + "t.check_vectors(); t.check_tuples()"],
        env=os.environ | {"NUMBA_CPU_NAME": "generic", "NUMBA_DISABLE_CACHE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
