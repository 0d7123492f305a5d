"""Data in the form that the kernels take, whatever it came as.

``uint8`` values are intensities: x / 255 is what the model sees. The factor is folded into the weights, so the
pixels are never copied to floats.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from mnistlr import kernels
from mnistlr._support.threads import run_chunks

Array = npt.NDArray[Any]
MAX_CHUNKS = 32
MIN_CHUNK = 512  # samples; fewer are done sooner than a thread starts


@dataclass(frozen=True)
class Samples:
    """n samples by d features, as the kernels take them.

    Attributes
    ----------
    X : ndarray (n, d), or the CSR arrays (data, indices, indptr); C-contiguous, read-only views of the caller's data
    n, d : number of samples and of features
    scale : what an entry is multiplied with before the model sees it: 1/255 for uint8, else 1
    dtype : arithmetic type: float64 for float64 data, else float32
    """

    X: Any
    n: int
    d: int
    scale: float
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, X: Any) -> "Samples":
        """Wrap a dense or CSR matrix of uint8, float32 or float64 (already validated) without copying it.

        A CSR matrix with unsorted or repeated entries is put in order in a copy: the same matrix gives the same bits.

        Raises
        ------
        ValueError
            If the index arrays of a CSR matrix point outside of it.
        """
        scale = 1 / 255 if X.dtype == np.uint8 else 1.0
        dtype = np.dtype(np.float64 if X.dtype == np.float64 else np.float32)
        n, d = X.shape
        if sp.issparse(X):
            X = _canonical(X)
            return cls(tuple(map(_read_only, (X.data, X.indices, X.indptr))), n, d, scale, dtype)
        return cls(_read_only(X), n, d, scale, dtype)

    @property
    def is_sparse(self) -> bool:
        """Whether X is a CSR matrix."""
        return isinstance(self.X, tuple)

    @property
    def nbytes(self) -> int:
        """Size of the data."""
        return sum(array.nbytes for array in self.X) if self.is_sparse else self.X.nbytes

    def peaks(self) -> Array:
        """Return the largest absolute value of every feature, (d,), as the model sees it."""
        if not self.is_sparse:
            high, low = self.X.max(axis=0), self.X.min(axis=0)
            peaks: Array = np.maximum(high, -low.astype(np.float64))
        else:
            peaks = np.zeros(self.d)
            np.maximum.at(peaks, self.X[1], np.abs(self.X[0].astype(np.float64)))
        return peaks * self.scale

    def every(self, stride: int) -> "Samples":
        """Return a copy of every ``stride``-th sample, the first included."""
        return self.take(np.arange(0, self.n, stride))

    def take(self, rows: Array) -> "Samples":
        """Return a copy of the samples with these numbers."""
        if not self.is_sparse:
            return replace(self, X=_read_only(self.X[rows]), n=len(rows))
        data, indices, indptr = self.X
        lengths = np.diff(indptr)[rows]
        new_indptr = np.append(0, np.cumsum(lengths)).astype(indptr.dtype)
        entries = np.arange(lengths.sum()) + np.repeat(indptr[rows] - new_indptr[:-1], lengths)
        return replace(self, X=tuple(map(_read_only, (data[entries], indices[entries], new_indptr))), n=len(rows))

    def pad(self, W: Array) -> Array:
        """Return W (K, d) in the arithmetic type with an even number of rows (or one), as the kernels want it."""
        padded = aligned((len(W) if len(W) == 1 else len(W) + len(W) % 2, self.d), self.dtype)
        padded[: len(W)] = W
        return padded

    def scratch(self, rows: int) -> tuple[Array, Array, Array]:
        """Return the sample numbers, the unpacked samples and the raw predictions of a tile."""
        # Only dense data with several classes are unpacked.
        width = 0 if self.is_sparse or rows == 1 else self.d
        return (
            np.empty(kernels.TILE, np.int64),
            aligned((kernels.TILE, width), self.dtype),
            np.empty((kernels.TILE, rows), self.dtype),
        )

    def partial(self, rows: int) -> tuple[int, Array]:
        """Return how many samples' gradients are summed before they go to the total, and where.

        Dense: 256 at a time in the arithmetic type, which is fast and loses nothing that matters. Sparse: all of
        them in float64, because going over d features every 256 samples would cost more than the samples do.
        """
        if self.is_sparse:
            return max(self.n, 1), aligned((rows, self.d), np.dtype(np.float64))
        return 256, aligned((rows, self.d), self.dtype)

    def chunks(self, bytes_each: int = 0) -> list[tuple[int, int]]:
        """Cut the samples into ranges by the data alone, at most ``MAX_CHUNKS``, of at least ``MIN_CHUNK`` samples.

        ``bytes_each`` is what an accumulator takes; all of them together stay under 64 MB (or there is just one).
        """
        most = min(MAX_CHUNKS, max(1, (64 << 20) // max(bytes_each, 1)))
        length = max(MIN_CHUNK, -(-self.n // most))
        length += -length % kernels.TILE
        return [(start, min(start + length, self.n)) for start in range(0, self.n, length)]

    def raw_predictions(self, W: Array, b: Array, n_threads: int = 1) -> Array:
        """Return X W^T + b, (n, K), in the arithmetic type; W is taken as it is, without ``scale``."""
        out = np.empty((self.n, len(W)), self.dtype)
        padded, b_padded = self.pad(W), pad_vector(b, self.dtype)
        chunks = self.chunks()

        def work(chunk: int) -> None:
            kernels.raw_predictions(self.X, *chunks[chunk], padded, b_padded, *self.scratch(len(padded)), out)

        run_chunks(work, len(chunks), n_threads)
        return out


def aligned(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return zeros that start at a cache line; a vector load that crosses lines takes twice as long."""
    n_bytes = int(np.prod(shape)) * dtype.itemsize
    buffer = np.zeros(n_bytes + 64, np.uint8)
    offset = -buffer.ctypes.data % 64
    return buffer[offset : offset + n_bytes].view(dtype).reshape(shape)


def pad_vector(b: Array, dtype: npt.DTypeLike) -> Array:
    """Return b (K,) with as many entries as ``Samples.pad`` makes rows."""
    padded = np.zeros(len(b) if len(b) == 1 else len(b) + len(b) % 2, dtype)
    padded[: len(b)] = b
    return padded


def _canonical(X: Any) -> Any:
    """Return a CSR matrix with each row's columns in order and named once: X itself where that holds."""
    # An object of its own: the checks below replace its index arrays, and X belongs to the caller.
    X = sp.csr_array((X.data, X.indices, X.indptr), shape=X.shape)
    if (np.diff(X.indptr) < 0).any():
        raise ValueError("The indptr array of the CSR matrix must not decrease, but it does.")
    X.check_format(full_check=True)  # the kernels would read and write wherever an index points
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def _read_only(array: Array) -> Array:
    # One type for all callers: numba compiles anew for writable arrays and for memory maps.
    view = np.ascontiguousarray(array).view(np.ndarray)
    view.flags.writeable = False
    return view
