"""Lanes: the functions and instructions that loops are written in, against NumPy, compiled and not."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mnistlr.kernels import lanes
from mnistlr.kernels.compiling import jit
from mnistlr.kernels.lanes import count_lanes, first_lanes, lane_count, largest, load, minimum, store, total
from mnistlr.kernels.records import BLOCK, aligned, pack, room_for_raw, unpack, zero_weights

FLOATS = [np.float32, np.float64]


@jit
def exp_of(values, out):
    for first in range(0, values.shape[0], lane_count(values)):
        store(out, first, lanes.exp(load(values, first)))


@jit
def log1p_of(values, out):
    for first in range(0, values.shape[0], lane_count(values)):
        store(out, first, lanes.log1p(load(values, first)))


@jit
def arithmetic(a, b, number, out):
    n = lane_count(a)
    for row in range(8):
        x, y = load(a, 0), load(b, 0)
        if row == 0:
            store(out, 0, x + y)
        elif row == 1:
            store(out, n, x - y)
        elif row == 2:
            store(out, 2 * n, x * number)
        elif row == 3:
            store(out, 3 * n, x / y)
        elif row == 4:
            store(out, 4 * n, minimum(x, y))
        elif row == 5:
            x += y * number
            store(out, 5 * n, x)
        elif row == 6:
            store(out, 6 * n, first_lanes(x, 3))
        else:
            store(out, 7 * n, first_lanes(x, -5))


@jit
def reductions(a, out):
    out[0], out[1], out[2] = largest(load(a, 0)), total(load(a, 0)), lane_count(a)


def apply(function, values, dtype):
    """Call one of the functions above, for values of any number."""
    n = len(values) + -len(values) % count_lanes(dtype)
    padded, out = aligned((n,), dtype), aligned((n,), dtype)
    padded[: len(values)] = values
    with np.errstate(all="ignore"):
        function(padded, out)
    return out[: len(values)]


def assert_within(found, exact, dtype, n_eps):
    exact = exact.astype(np.float64)
    error = np.abs(found - exact)
    assert (error <= n_eps * np.finfo(dtype).eps * np.abs(exact)).all(), error.max()


@pytest.mark.parametrize("dtype", FLOATS)
def test_exp(dtype):
    x = -np.concatenate([np.linspace(0, 69, 40_001), np.logspace(-30, 0, 5000), np.log(2) * (np.arange(190) / 2)])
    x = x.astype(dtype)
    x = x[x >= lanes.FLUSH]
    assert_within(apply(exp_of, x, dtype), np.exp(x.astype(np.longdouble)), dtype, 2)
    assert_array_equal(apply(exp_of, [0.0, -0.0], dtype), [1, 1])


@pytest.mark.parametrize("dtype", FLOATS)
def test_exp_of_what_is_no_usual_number(dtype):
    """Below FLUSH all is 0, so that no subnormal number appears; NaN stays NaN."""
    below = [np.nextafter(dtype(lanes.FLUSH), dtype(-100)), -70, -87.5, -104, -745.2, -1e4, -1e30, -np.inf]
    assert_array_equal(apply(exp_of, below, dtype), np.zeros(len(below)))
    assert apply(exp_of, [lanes.FLUSH], dtype)[0] > 0
    assert np.isnan(apply(exp_of, [np.nan, 0], dtype)).tolist() == [True, False]
    tiny = np.finfo(dtype).smallest_subnormal
    assert_array_equal(apply(exp_of, [-tiny], dtype), [1])


@pytest.mark.parametrize("dtype", FLOATS)
def test_log1p(dtype):
    t = np.concatenate([np.linspace(0, 1, 40_001), np.logspace(-30, 0, 5000)]).astype(dtype)
    assert_within(apply(log1p_of, t, dtype), np.log1p(t.astype(np.longdouble)), dtype, 2)
    assert apply(log1p_of, [0.0], dtype)[0] == 0
    assert np.isnan(apply(log1p_of, [np.nan, 0.5], dtype)).tolist() == [True, False]


@pytest.mark.parametrize("dtype", FLOATS)
def test_arithmetic(dtype):
    random, n = np.random.default_rng(0), count_lanes(dtype)
    a, b, out = (aligned(shape, dtype) for shape in ((n,), (n,), (8, n)))
    a[:], b[:] = random.normal(size=(2, n))
    arithmetic(a, b, dtype(3), out)
    number, infinities = dtype(3), np.full(n, -np.inf)
    for row, exact in zip(out, [a + b, a - b, a * number, a / b, np.minimum(a, b)], strict=False):
        assert_array_equal(row, exact)
    wide = a.astype(np.longdouble) + b.astype(np.longdouble) * 3
    assert np.abs(out[5] - wide).max() <= 4 * np.finfo(dtype).eps  # one rounding or two
    assert_array_equal(out[6], np.append(a[:3], infinities[3:]))
    assert_array_equal(out[7], infinities)


@pytest.mark.parametrize("dtype", FLOATS)
def test_reductions(dtype):
    n = count_lanes(dtype)
    assert n * np.dtype(dtype).itemsize == lanes.BYTES
    a, out = aligned((n,), dtype), np.zeros(3, dtype)
    a[:] = np.random.default_rng(0).permutation(np.arange(n)) - 3
    reductions(a, out)
    assert_array_equal(out, [a.max(), a.sum(), n])


# --- records ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("K", [1, 2, 8, 9, 16, 17, 33])
def test_weights_are_packed_by_feature_and_start_at_a_cache_line(K, dtype):
    random = np.random.default_rng(K)
    W, b = random.normal(size=(K, 5)).astype(dtype), random.normal(size=K).astype(dtype)
    weights = pack(W, b, dtype)
    assert_array_equal(unpack(weights, K), np.concatenate([W.ravel(), b]))
    assert unpack(weights, K).dtype == np.float64
    for array in (*weights, *zero_weights(K, 5, dtype), room_for_raw(K, dtype)):
        assert array.dtype == dtype
        assert array.ctypes.data % lanes.BYTES == 0
        assert array.flags.c_contiguous
    if K > 1:
        assert weights.W.shape[1] * array.itemsize % lanes.BYTES == 0
        assert not weights.W[:, K:].any()
        assert room_for_raw(K, dtype).shape == (BLOCK, weights.W.shape[1])
