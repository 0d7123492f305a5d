"""What kernels are given: arrays, and small named records of arrays.

Notation
--------
n, d, K : number of samples, of features, and of raw predictions of a sample (``n_raw``): K is 1 for the logistic loss,
    the number of classes for softmax.
arithmetic type : float32 or float64, that of all arrays below.
L : K rounded up to whole lanes (``lanes``); the entries beyond K are 0.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mnistlr._support.arrays import Array
from mnistlr.kernels.lanes import BYTES, count_lanes

BLOCK = 16  # rows that are worked on together: what is noted of them stays in the nearest cache


class CsrArrays(NamedTuple):
    """A CSR matrix: row i has the entries ``data[indptr[i]:indptr[i + 1]]`` in the columns ``indices[...]``."""

    data: Array
    indices: Array
    indptr: Array


class Data(NamedTuple):
    """Features ``X`` (n, d), C-contiguous or ``CsrArrays``; class numbers ``y`` (n,) int32; ``weight`` (n,) float64."""

    X: Any
    y: Array
    weight: Array


class Weights(NamedTuple):
    """Weights by feature, or what has their shape: a gradient, a velocity.

    For K = 1, ``W`` is (d,) and ``b`` (1,). Otherwise ``W`` is (d, L), so that the weights of a feature for all
    classes lie side by side, and ``b`` is (L,).
    """

    W: Array
    b: Array


class Scratch(NamedTuple):
    """What is noted of a block of rows.

    Attributes
    ----------
    rows : int64 (2 BLOCK,)
        Their numbers; then those of the next block, which come from memory while this one is worked on.
    columns, value : uint32 and arithmetic type, (BLOCK * most entries of a row + 8,)
        The entries that are not zero, row after row; empty where rows are read as they are.
    ends : int64 (BLOCK + 1,)
        The entries of row r are ``columns[ends[r]:ends[r + 1]]``.
    tile : (BLOCK, d)
        The rows in the arithmetic type, for data without zeros; else (BLOCK, 0).
    raw, along : (BLOCK, L), or for K = 1 (3 BLOCK,)
        Raw predictions, which the loss turns into derivatives in place; for K = 1 also its room for two intermediate
        results.
    """

    rows: Array
    columns: Array
    value: Array
    ends: Array
    tile: Array
    raw: Array
    along: Array


def aligned(shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
    """Return zeros that start at a cache line; loads and stores that cross lines take twice as long."""
    dtype = np.dtype(dtype)
    n_bytes = math.prod(shape) * dtype.itemsize
    buffer = np.zeros(n_bytes + BYTES, np.uint8)
    offset = -buffer.ctypes.data % BYTES
    return buffer[offset : offset + n_bytes].view(dtype).reshape(shape)


def zero_weights(n_raw: int, d: int, dtype: npt.DTypeLike) -> Weights:
    """Return zeros in the shape of weights."""
    if n_raw == 1:
        return Weights(aligned((d,), dtype), aligned((1,), dtype))
    width = n_raw + -n_raw % count_lanes(dtype)
    return Weights(aligned((d, width), dtype), aligned((width,), dtype))


def pack(W: Array, b: Array, dtype: npt.DTypeLike) -> Weights:
    """Return ``W`` (K, d) and ``b`` (K,) as kernels take them."""
    n_raw, d = W.shape
    weights = zero_weights(n_raw, d, dtype)
    if n_raw == 1:
        weights.W[:] = W[0]
    else:
        weights.W[:, :n_raw] = W.T
    weights.b[:n_raw] = b
    return weights


def unpack(weights: Weights, n_raw: int) -> Array:
    """Return weights as one float64 vector: W row by row, class after class, then b."""
    W = weights.W if n_raw == 1 else weights.W[:, :n_raw].T
    return np.concatenate([W.ravel(), weights.b[:n_raw]], dtype=np.float64)


def room_for_raw(n_raw: int, dtype: npt.DTypeLike) -> Array:
    """Return ``Scratch.raw``."""
    if n_raw == 1:
        return aligned((3 * BLOCK,), dtype)
    return aligned((BLOCK, n_raw + -n_raw % count_lanes(dtype)), dtype)
