"""Data in the form that the kernels take, whatever it came as: ``Dense`` or ``Csr``.

``uint8`` values are intensities: x / 255 is what the model sees. The pixels are never copied to floats as a whole:
compiled code reads them so (``kernels.rows``), and so do the methods here. Others ask for ``unit``, 1/255 or 1.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from mnistlr._support.arrays import Array, dot, read_only
from mnistlr._support.threads import parts_of_triangle, run_chunks
from mnistlr.kernels.linear_algebra import add_inner_products
from mnistlr.kernels.passes import PERIOD, largest_of_each, raw_predictions, raw_predictions_of_all
from mnistlr.kernels.records import BLOCK, CsrArrays, Scratch, Weights, aligned, pack, room_for_raw

MAX_CHUNKS = 32
MIN_CHUNK = 512  # samples; fewer are done sooner than a thread starts
WORTH_A_MOVE = 4  # entries of the samples whose sums are moved, for each feature
KEPT_BYTES = 1 << 20  # of scratch, at most, that a thread keeps for its next prediction
LOOKED_AT = 64  # rows that tell whether most entries are zero
RARE = 0.5  # of the batches, at most, hold a rare feature
PAYS = 100  # weights for each entry of a batch: to move one in order takes that much less than to look one up


@dataclass(frozen=True)
class Samples:
    """n samples by d features: what ``Dense`` and ``Csr`` have in common.

    Attributes
    ----------
    X : ndarray (n, d) or ``CsrArrays``; C-contiguous, read-only views of the caller's data
    n, d : number of samples and of features
    unit : what an entry is multiplied with before the model sees it: 1/255 for uint8, else 1
    dtype : arithmetic type: float64 for float64 data, else float32
    """

    X: Any
    n: int
    d: int
    unit: float
    dtype: np.dtype[Any]

    @staticmethod
    def of(X: Any) -> "Samples":
        """Wrap a dense or CSR matrix of uint8, float32 or float64 (already validated) without copying it.

        A CSR matrix with unsorted or repeated entries is put in order in a copy: the same matrix gives the same bits.

        Raises
        ------
        ValueError
            If the index arrays of a CSR matrix point outside of it.
        """
        about = (*X.shape, *unit_and_dtype(X.dtype))
        if sp.issparse(X):
            X = _canonical(X)
            return Csr(CsrArrays(*map(read_only, (X.data, X.indices, X.indptr))), *about)
        return Dense(read_only(np.ascontiguousarray(X)), *about)

    @staticmethod
    def joined(parts: Sequence["Samples"]) -> "Samples":
        """Return copies of samples of one kind one after the other."""
        if isinstance(parts[0], Csr):
            return Samples.of(sp.vstack([sp.csr_array(part.X, shape=(part.n, part.d)) for part in parts], format="csr"))
        return Samples.of(np.concatenate([part.X for part in parts]))

    @property
    def nbytes(self) -> int:
        """Size of the data."""
        raise NotImplementedError

    def every(self, stride: int) -> "Samples":
        """Return a copy of every ``stride``-th sample, the first included."""
        return self.take(np.arange(0, self.n, stride))

    def take(self, rows: Array) -> "Samples":
        """Return a copy of the samples with these numbers."""
        raise NotImplementedError

    def peaks(self, n_threads: int = 1) -> Array:
        """Return the largest absolute value of every feature, (d,)."""
        raise NotImplementedError

    def moments(self, weight: Array) -> tuple[Array, Array, Array]:
        """Return mean, variance and range of every feature, (d,) each, for weights of mean 1."""
        raise NotImplementedError

    def squared_norms(self, mean: Array, metric: Array) -> Array:
        """Return sum_j metric_j (x_ij - mean_j)^2 of every sample, (n,)."""
        raise NotImplementedError

    def project(self, direction: Array) -> Array:
        """Return X direction, (n,), in float64: equal samples land on the same spot."""
        raise NotImplementedError

    def are_equal(self, i: int, j: int) -> bool:
        """Whether two samples have the same features."""
        raise NotImplementedError

    def has_zeros(self) -> bool:
        """Whether so many entries are zero that it pays to look for the others."""
        raise NotImplementedError

    def entry_counts(self) -> Array | None:
        """Return in how many samples each feature has an entry, (d,), or None where zeros are stored, too."""
        raise NotImplementedError

    def rare_features(self, batch_size: int, n_raw: int) -> Array:
        """Return which features are in so few of all batches that it pays to move them only then, bool (d,)."""
        counts = self.entry_counts()
        if counts is None or self.d * n_raw * self.n < PAYS * batch_size * int(counts.sum()):
            return np.zeros(self.d, bool)
        is_rare: Array = counts * batch_size <= RARE * self.n
        return is_rare

    def scratch(self, n_raw: int, *, full: bool = False) -> Scratch:
        """Return room for what kernels note of a block of rows; ``full`` if they are to take rows whole."""
        entries = self.entries_noted(n_raw)
        whole = full and entries > 0
        return Scratch(
            rows=np.zeros(2 * BLOCK, np.int64),
            columns=np.zeros(0 if whole or not entries else BLOCK * entries + 8, np.uint32),
            value=np.zeros(0 if whole or not entries else BLOCK * entries + 8, self.dtype),
            ends=np.zeros(BLOCK + 1, np.int64),
            tile=aligned((BLOCK, self.d if whole else 0), self.dtype),
            raw=room_for_raw(n_raw, self.dtype),
            along=room_for_raw(n_raw, self.dtype),
        )

    def entries_noted(self, n_raw: int) -> int:
        """Return how many entries of a row kernels may note: 0 where they read rows as they are."""
        raise NotImplementedError

    def features_moved_often(self) -> Array:
        """Return the features whose sums go to the float64 total every ``PERIOD`` samples.

        All, but for sparse data with so many features that going over them would cost more than the samples do: then
        those with more than ``PERIOD`` entries.
        """
        return np.arange(self.d)

    def chunks(self, bytes_each: int = 0) -> list[tuple[int, int]]:
        """Cut the samples into ranges by the data alone, at most ``MAX_CHUNKS``, of at least ``MIN_CHUNK`` samples.

        ``bytes_each`` is what an accumulator takes; all of them together stay under 64 MB (or there is just one).
        """
        most = min(MAX_CHUNKS, max(1, (64 << 20) // max(bytes_each, 1)))
        length = max(MIN_CHUNK, -(-self.n // most))
        length += -length % BLOCK
        return [(start, min(start + length, self.n)) for start in range(0, self.n, length)]

    def raw_predictions(self, W: Array, b: Array, n_threads: int = 1) -> Array:
        """Return X W^T + b, (n, K), in the arithmetic type, for W (K, d) in the units that the model sees."""
        return self.multiply(pack(W, b, self.dtype), len(W), n_threads)

    def multiply(self, weights: Weights, n_raw: int, n_threads: int = 1) -> Array:
        """Return the raw predictions for weights that are packed."""
        out, chunks = np.empty((self.n, n_raw), self.dtype), self.chunks()

        def work(chunk: int) -> None:
            raw_predictions(self.X, *chunks[chunk], weights, _borrow_scratch(self, n_raw), out)

        run_chunks(work, len(chunks), n_threads)
        return out


@dataclass(frozen=True)
class Dense(Samples):
    """Samples in the rows of a C-contiguous matrix."""

    @property
    def nbytes(self) -> int:
        """Size of the data."""
        return int(self.X.nbytes)

    def multiply(self, weights: Weights, n_raw: int, n_threads: int = 1) -> Array:
        """Return the raw predictions for weights that are packed."""
        if self.n > MIN_CHUNK:
            return super().multiply(weights, n_raw, n_threads)
        out = np.empty((self.n, n_raw), self.dtype)
        *room, _ = _borrow_scratch(self, n_raw)
        raw_predictions_of_all(self.X, *weights, out, *room)
        return out

    def take(self, rows: Array) -> "Dense":
        """Return a copy of the samples with these numbers."""
        return replace(self, X=read_only(self.X[rows]), n=len(rows))

    def peaks(self, n_threads: int = 1) -> Array:
        """Return the largest absolute value of every feature, (d,)."""
        chunks = self.chunks()
        high = np.zeros((len(chunks), self.d), self.X.dtype)
        low = np.zeros_like(high)

        def work(chunk: int) -> None:
            rows = self.X[slice(*chunks[chunk])]
            high[chunk] = _extremes(np.maximum, rows)
            if self.X.dtype != np.uint8:  # whose values are not negative
                low[chunk] = _extremes(np.minimum, rows)

        run_chunks(work, len(chunks), n_threads)
        peaks: Array = np.maximum(high.max(axis=0), -low.min(axis=0).astype(np.float64))
        return peaks * self.unit

    def inner_products(self, n_threads: int = 1) -> Array:
        """Return the lower triangle of X X^T, (n, n), in float64."""
        K, parts = np.zeros((self.n, self.n)), parts_of_triangle(self.n)
        run_chunks(lambda part: add_inner_products(self.X, *parts[part], K), len(parts), n_threads)
        return K * self.unit**2

    def moments(self, weight: Array) -> tuple[Array, Array, Array]:
        """Return mean, variance and range of every feature, (d,) each, for weights of mean 1."""
        low, high = self.X.min(axis=0).astype(np.float64), self.X.max(axis=0).astype(np.float64)
        # In the arithmetic type and in place: a first step that comes soon is worth more than digits of its size.
        X, weight = self.X.astype(self.dtype), weight.astype(self.dtype)
        mean = np.einsum("i,ij->j", weight, X).astype(np.float64) / self.n
        X -= mean.astype(X.dtype)
        variance = np.einsum("i,ij->j", weight, np.square(X, out=X)).astype(np.float64) / self.n
        return mean * self.unit, variance * self.unit**2, (high - low) * self.unit

    def squared_norms(self, mean: Array, metric: Array) -> Array:
        """Return sum_j metric_j (x_ij - mean_j)^2 of every sample, (n,)."""
        X = self.X.astype(self.dtype)
        X -= (mean / self.unit).astype(X.dtype)
        X *= (np.sqrt(metric) * self.unit).astype(X.dtype)
        norms: Array = np.einsum("ij,ij->i", X, X).astype(np.float64)
        return norms

    def project(self, direction: Array) -> Array:
        """Return X direction, (n,), in float64."""
        return np.array([(x * direction).sum() for x in self.X])

    def are_equal(self, i: int, j: int) -> bool:
        """Whether two samples have the same features."""
        return np.array_equal(self.X[i], self.X[j])

    def entries_noted(self, n_raw: int) -> int:
        """Return how many entries of a row kernels may note."""
        return 0 if n_raw == 1 else self.d

    def has_zeros(self) -> bool:
        """Whether so many entries are zero that it pays to look for the others: half, by measurement."""
        answer: bool = self._has_zeros
        return answer

    @cached_property
    def _has_zeros(self) -> bool:
        some = self.X[:: max(1, self.n // LOOKED_AT)]
        return bool(2 * int(np.count_nonzero(some)) <= some.size)

    def entry_counts(self) -> None:
        """Zeros are stored, too."""


@dataclass(frozen=True)
class Csr(Samples):
    """Samples in the rows of a CSR matrix."""

    @property
    def nbytes(self) -> int:
        """Size of the data."""
        return sum(array.nbytes for array in self.X)

    def take(self, rows: Array) -> "Csr":
        """Return a copy of the samples with these numbers."""
        data, indices, indptr = self.X
        lengths = np.diff(indptr)[rows]
        new_indptr = np.append(0, np.cumsum(lengths)).astype(indptr.dtype)
        entries = np.arange(lengths.sum()) + np.repeat(indptr[rows] - new_indptr[:-1], lengths)
        X = CsrArrays(*map(read_only, (data[entries], indices[entries], new_indptr)))
        return replace(self, X=X, n=len(rows))

    def peaks(self, n_threads: int = 1) -> Array:
        """Return the largest absolute value of every feature, (d,)."""
        peaks = np.zeros(self.d)
        np.maximum.at(peaks, self.X.indices, np.abs(self.X.data.astype(np.float64)))
        return peaks * self.unit

    def moments(self, weight: Array) -> tuple[Array, Array, Array]:
        """Return mean, variance and range of every feature, (d,) each, for weights of mean 1."""
        indices, data = self.X.indices, self.X.data * self.unit
        weights = np.repeat(weight, np.diff(self.X.indptr))
        mean = np.bincount(indices, weights * data, self.d) / self.n
        variance = np.bincount(indices, weights * np.square(data), self.d) / self.n - mean**2
        low, high = np.zeros(self.d), np.zeros(self.d)  # most entries are zeros that are not stored
        np.minimum.at(low, indices, data)
        np.maximum.at(high, indices, data)
        return mean, np.maximum(variance, 0), high - low

    def squared_norms(self, mean: Array, metric: Array) -> Array:
        """Return sum_j metric_j (x_ij - mean_j)^2 of every sample, (n,)."""
        # The square multiplied out, for only x differs from sample to sample and most of it is zero.
        indices, data = self.X.indices, self.X.data * self.unit
        terms = metric[indices] * data * (data - 2 * mean[indices])
        norms: Array = np.maximum(np.bincount(self._row_of_entry(), terms, self.n) + dot(metric, mean**2), 0)
        return norms

    def project(self, direction: Array) -> Array:
        """Return X direction, (n,), in float64."""
        terms = self.X.data * direction[self.X.indices]
        return np.bincount(self._row_of_entry(), terms, self.n).astype(np.float64)

    def are_equal(self, i: int, j: int) -> bool:
        """Whether two samples have the same features."""
        data, indices, indptr = self.X
        a, b = slice(indptr[i], indptr[i + 1]), slice(indptr[j], indptr[j + 1])
        return np.array_equal(indices[a], indices[b]) and np.array_equal(data[a], data[b])

    def entries_noted(self, n_raw: int) -> int:
        """Return how many entries of a row kernels may note."""
        return 0 if n_raw == 1 else self._longest_row

    def has_zeros(self) -> bool:
        """Whether so many entries are zero that it pays to look for the others: they are not even stored."""
        return True

    def entry_counts(self) -> Array:
        """Return in how many samples each feature has an entry, (d,)."""
        counts: Array = self._entry_counts
        return counts

    @cached_property
    def _entry_counts(self) -> Array:
        return np.bincount(self.X.indices, minlength=self.d)

    def features_moved_often(self) -> Array:
        """Return the features whose sums go to the float64 total every ``PERIOD`` samples."""
        if WORTH_A_MOVE * self.d * self.n <= PERIOD * len(self.X.data):
            return super().features_moved_often()
        return np.flatnonzero(self.entry_counts() > PERIOD)

    @cached_property
    def _longest_row(self) -> int:
        return max(int(np.diff(self.X.indptr).max(initial=0)), 1)

    def _row_of_entry(self) -> Array:
        return np.repeat(np.arange(self.n), np.diff(self.X.indptr))


def _extremes(ufunc: np.ufunc, rows: Array) -> Array:
    """Return the largest or smallest of 0 and each column, (d,). NumPy starts a loop a row: eight rows share one."""
    d, eights = rows.shape[1], len(rows) - len(rows) % 8
    of_eights = ufunc.reduce(rows[:eights].reshape(-1, 8 * d), axis=0, initial=0)
    extremes: Array = ufunc.reduce(np.vstack([of_eights.reshape(8, d), rows[eights:]]), axis=0)
    return extremes


_kept = threading.local()


def _borrow_scratch(samples: Samples, n_raw: int) -> Scratch:
    """Return scratch to predict with, the last one of this thread where it fits."""
    key = samples.entries_noted(n_raw), n_raw, samples.dtype
    if getattr(_kept, "key", None) != key:
        scratch = samples.scratch(n_raw)
        if scratch.columns.nbytes > KEPT_BYTES:
            return scratch
        _kept.key, _kept.scratch = key, scratch
    kept: Scratch = _kept.scratch
    return kept


def most_probable(raw: Array) -> Array:
    """Return the number of each sample's class, (n,), for raw predictions (n, K): for K = 1 whether they are > 0."""
    if raw.shape[1] == 1:
        return (raw[:, 0] > 0).astype(np.intp)
    numbers = np.empty(len(raw), np.intp)
    largest_of_each(raw, numbers)
    return numbers


def unit_and_dtype(dtype: npt.DTypeLike) -> tuple[float, np.dtype[Any]]:
    """Return ``Samples.unit`` and ``Samples.dtype`` for data of a type."""
    unit = 1 / 255 if dtype == np.uint8 else 1.0
    return unit, np.dtype(np.float64 if dtype == np.float64 else np.float32)


def _canonical(X: Any) -> Any:
    """Return a CSR matrix with each row's columns in order and named once: X itself where that holds."""
    # An object of its own: the checks below replace its index arrays, and X belongs to the caller.
    X = sp.csr_array((X.data, X.indices, X.indptr), shape=X.shape)
    if (np.diff(X.indptr) < 0).any():
        raise ValueError("The indptr array of the CSR matrix must not decrease, but it does.")
    X.check_format(full_check=True)  # the kernels would read and write wherever an index points
    if max(X.shape[1], len(X.data)) < 1 << 31:  # one type for the same matrix, and one compiled kernel
        X.indices, X.indptr = (array.astype(np.int32, copy=False) for array in (X.indices, X.indptr))
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X
