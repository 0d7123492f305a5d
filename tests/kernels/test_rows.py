"""What is found in the rows of dense and CSR data, and what floats that are no usual numbers come to."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from mnistlr.kernels.block import find
from mnistlr.kernels.compiling import jit, jit_reorder
from mnistlr.kernels.records import BLOCK
from mnistlr.kernels.rows import copy_row, read_entry
from mnistlr.samples import Samples


@jit
def read_values(X, m, scratch):
    """Read every entry that has been found, as a pass does."""
    for r in range(m):
        for t in range(scratch.ends[r], scratch.ends[r + 1]):
            scratch.value[t] = read_entry(X, scratch.rows[r], scratch.columns, scratch.value, np.uint64(t))


def entries_of(X, rows):
    """Return columns and values of what is found in rows."""
    samples = Samples.of(X)
    scratch = samples.scratch(2)
    scratch.rows[: len(rows)] = rows
    for r in range(len(rows)):
        find(samples.X, r, scratch)
    read_values(samples.X, len(rows), scratch)
    pieces = [slice(*scratch.ends[r : r + 2]) for r in range(len(rows))]
    return [(scratch.columns[piece], scratch.value[piece]) for piece in pieces]


SPECIAL = [np.nan, np.inf, -np.inf, -0.0, "smallest_subnormal", "tiny", "max", -1.0]


def special_rows(d, dtype, random):
    """Return rows of all shares of zeros; floats with what is no usual number among them."""
    X = random.integers(0, 256, (BLOCK, d)) * (random.random((BLOCK, d)) < np.linspace(0, 1, BLOCK)[:, None])
    X = X.astype(dtype)
    if dtype != np.uint8:
        numbers = [getattr(np.finfo(dtype), x) if isinstance(x, str) else x for x in SPECIAL]
        where = random.random((BLOCK, d)) < 0.3
        X[where] = random.choice(numbers, where.sum())
    return X


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array], ids=["dense", "CSR"])
def test_entries_are_found(make, dtype):
    """NaN, infinities and subnormal numbers are entries; -0.0 is a zero like any other."""
    random = np.random.default_rng(0)
    for d in range(1, 131):
        X = special_rows(d, dtype, random)
        seen = (X / 255).astype(np.float32) if dtype == np.uint8 else X
        rows = random.permutation(BLOCK)
        for i, (columns, values) in zip(rows, entries_of(make(X), rows), strict=True):
            assert_array_equal(columns, np.flatnonzero(X[i] != 0), err_msg=f"d = {d}")
            assert_array_equal(values, seen[i, columns])


@jit_reorder
def copy_reordered(X, out):
    """Copy a row from a kernel that lets sums be reordered."""
    copy_row(X, 0, out)


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array], ids=["dense", "CSR"])
def test_a_copied_row_has_the_bits_of_the_quotients(make):
    grey = np.arange(256, dtype=np.uint8)
    out = np.full(256, np.nan, np.float32)
    copy_reordered(Samples.of(make(grey[np.newaxis])).X, out)
    assert_array_equal(out, (grey / 255).astype(np.float32))


@pytest.mark.parametrize("K", [1, 3])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array], ids=["dense", "CSR"])
@pytest.mark.parametrize("share_of_zeros", [0.8, 0.0])
def test_what_is_no_usual_number_is_not_lost(K, make, share_of_zeros):
    random = np.random.default_rng(0)
    X = random.normal(size=(20, 70)) * (random.random((20, 70)) >= share_of_zeros)
    W = random.normal(size=(K, 70))
    W[0, 3] = 1e308
    X[:, 3] = 0
    X[5, 3], X[6, 9], X[7, 68] = 1e-310, np.nan, np.inf  # 1e-310 is subnormal
    exact = np.delete(X, [6, 7], axis=0) @ W.T
    with_signs = np.where(X == 0, -0.0, X)
    with np.errstate(invalid="ignore"):  # where NumPy stands in for compiled code
        raw, same = (Samples.of(make(data)).raw_predictions(W, np.zeros(K)) for data in (X, with_signs))
    assert_array_equal(same, raw)
    assert abs(X[5, 3] * W[0, 3]) > 0.009
    assert_allclose(np.delete(raw, [6, 7], axis=0), exact, rtol=1e-12, atol=1e-12)
    assert np.isnan(raw[6]).all()
    assert np.isinf(raw[7]).all()
