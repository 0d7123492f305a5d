"""The work of a worker: a block of samples, and every function that is run on one.

Nothing here knows of Dask.
"""

import copy
import math
import mmap
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_array

from mnistlr._support.arrays import Array
from mnistlr.objective import Objective
from mnistlr.samples import Samples


class MappedArray(NamedTuple):
    """A C-contiguous part of a file, in place of the array in it.

    What is sent to another worker is the name of the file.
    """

    path: str
    dtype: str
    shape: tuple[int, ...]
    offset: int

    @classmethod
    def of(cls, array: Any) -> "MappedArray | None":
        """Return the part of a memory-mapped file that ``array`` is a view of, None for anything else."""
        base = array
        while isinstance(base, np.ndarray) and not isinstance(base, np.memmap):
            base = base.base
        if not isinstance(base, np.memmap) or not base.filename or not array.flags.c_contiguous or not array.size:
            return None
        start: int = np.frombuffer(base._mmap, np.uint8).ctypes.data  # type: ignore[attr-defined]
        offset = base.offset - base.offset % mmap.ALLOCATIONGRANULARITY + array.ctypes.data - start
        return cls(str(base.filename), array.dtype.str, array.shape, offset)

    def rows(self, start: int, stop: int) -> "MappedArray":
        """Return the part that is ``array[start:stop]``."""
        bytes_each = np.dtype(self.dtype).itemsize * math.prod(self.shape[1:])
        return self._replace(shape=(stop - start, *self.shape[1:]), offset=self.offset + start * bytes_each)

    def open(self) -> Array:
        """Return the array, read-only."""
        if 0 in self.shape:
            return np.empty(self.shape, self.dtype)
        return np.asarray(np.memmap(self.path, self.dtype, "r", self.offset, self.shape))


@dataclass(frozen=True)
class Block:
    """Some of the samples, checked, with their labels and weights.

    Attributes
    ----------
    number : its place among the blocks
    X : ndarray (n, d), CSR matrix, or ``MappedArray``
    y : ndarray (n,); labels, or class numbers (int32) once the classes are known
    weight : ndarray of float64 (n,), None for all 1
    rows : numbers of the samples to train on by SGD, None for all
    error : what is wrong with the block, else empty
    """

    number: int
    X: Any
    y: Array
    weight: Array | None = None
    rows: Array | None = None
    error: str = ""

    def open(self) -> Any:
        """Return the matrix of the samples.

        A part of a file is opened for each use and closed after it, unless it is ``held``. Its pages are then not
        charged to the worker.
        """
        if isinstance(self.X, MappedArray):
            return self.__dict__["_held"] if "_held" in self.__dict__ else self.X.open()
        return self.X

    @property
    def mapped_bytes(self) -> int:
        """Size of the part of a file that X is, else 0."""
        return math.prod(self.X.shape) * np.dtype(self.X.dtype).itemsize if isinstance(self.X, MappedArray) else 0

    def hold(self, held: bool) -> None:
        """Keep the file open from now on, or not. Mapping its pages anew costs a tenth of a pass."""
        if not held:
            self.__dict__.pop("_held", None)
        elif isinstance(self.X, MappedArray):
            self.__dict__.setdefault("_held", self.X.open())

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_held"}

    @property
    def weights(self) -> Array:
        """The weights, (n,)."""
        return np.ones(len(self.y)) if self.weight is None else self.weight

    def objective(self, n_raw: int, n_threads: int = 1, *, alpha: float = 0.0, fit_intercept: bool = True) -> Objective:
        """Return the objective on this block alone."""
        settings: dict[str, Any] = {"alpha": alpha, "fit_intercept": fit_intercept, "n_threads": n_threads}
        return Objective(Samples.of(self.open()), self.y, n_raw, sample_weight=self.weights, **settings)


class Facts(NamedTuple):
    """Facts about a block, small enough to travel."""

    n: int
    d: int
    dtype: np.dtype[Any]
    is_sparse: bool
    is_mapped: bool
    labels: Array
    label_weights: Array
    """The total sample weight of each label, over 2^``exponent``."""
    exponent: int
    """The largest weight lies in [2^(exponent - 1), 2^exponent)."""
    error: str


def name_file(X: Any) -> Any:
    """Return a ``MappedArray`` for a view of a file, else X itself."""
    mapped = MappedArray.of(X) if isinstance(X, np.ndarray) else None
    return X if mapped is None else mapped


def check(number: int, X: Any, y: Any, weight: Any, model: Any) -> Block:
    """Check a block as ``model.fit`` checks its data.

    Parameters
    ----------
    number : int
        Of the block.
    X : array, CSR matrix, frame or MappedArray, shape (n, d)
    y, weight : array-like, shape (n,); no weight: None
    model : estimator
        Of the kind to be fitted; it notes the number of features.

    Returns
    -------
    Block
        A fault becomes its ``error``, so that the block can be named where all of them are known.
    """
    try:
        X = X.open() if isinstance(X, MappedArray) else X
        y = np.asarray(y)
        y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
        if X.shape[0] != len(y):
            raise ValueError(f"there are {X.shape[0]} samples, but {len(y)} labels.")
        if weight is not None and np.shape(weight) != y.shape:
            raise ValueError(f"there are {len(y)} samples, but sample weights of shape {np.shape(weight)}.")
        if len(y) == 0:
            return Block(number, np.empty((0, X.shape[1]), np.uint8), y[:0])
        X, y = model._validate(X, y, reset=True)
        if weight is not None:
            weight = check_array(weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight")
            if (weight < 0).any():  # all of them may be 0 in one block
                raise ValueError("Negative values in data passed to `sample_weight`")
    except (ValueError, TypeError) as error:
        return Block(number, np.empty((0, 0), np.uint8), np.empty(0), error=str(error))
    return Block(number, name_file(X), y, weight)


def describe(block: Block) -> Facts:
    """Return the facts about a block."""
    labels, codes = np.unique(block.y, return_inverse=True)
    exponent = int(np.frexp(block.weights.max(initial=0))[1])
    label_weights = np.bincount(codes, np.ldexp(block.weights, -exponent), len(labels))
    n, d = len(block.y), block.X.shape[1]
    kind = np.dtype(block.X.dtype), sp.issparse(block.X), isinstance(block.X, MappedArray)
    return Facts(n, d, *kind, labels, label_weights, exponent, block.error)


def encode(block: Block, classes: Array, d: int, like: Facts, exponent: int, per_class: Array | None) -> Block:
    """Replace labels by class numbers, and multiply the weights, over 2^``exponent``, with those of the classes.

    Parameters
    ----------
    block : Block
    classes : ndarray (n_classes,), sorted
    d, like : number of features and the facts of a block with samples, for a block without
    exponent : int
        That of the largest weight in any block: none is then above 1.
    per_class : ndarray of float64 (n_classes,), None for all 1

    Returns
    -------
    Block
    """
    if len(block.y) == 0:  # has no kind of its own
        X = sp.csr_matrix((0, d), dtype=like.dtype) if like.is_sparse else np.empty((0, d), like.dtype)
        return Block(block.number, X, np.empty(0, np.int32))
    y = np.searchsorted(classes, block.y).astype(np.int32)
    weight = None if block.weight is None else np.ldexp(block.weight, -exponent)
    if per_class is not None:
        weight = per_class[y] * (1.0 if weight is None else weight)
    return replace(block, y=y, weight=weight)


def restrict(block: Block, held_back: Array, keep_held_back: bool) -> Block:
    """Give weight zero to some of the samples.

    Parameters
    ----------
    block : Block
    held_back : ndarray of bool (n,)
    keep_held_back : bool
        Whether these samples keep their weights and all others lose them, or the other way round.

    Returns
    -------
    Block
        Its ``rows`` are the samples that keep their weights.
    """
    counts = held_back if keep_held_back else ~held_back
    return replace(block, weight=np.where(counts, block.weights, 0.0), rows=np.flatnonzero(counts))


# Terms of sums over the blocks. The arguments are a block, the number of threads that may work on it, and n_raw, theta
# and vector as for ``Objective``. The results are float64 vectors.


def weight_sums(block: Block, n_threads: int) -> Array:
    """Return the sums of s and s^2, how many samples have s > 0, and the sum of s and the number of ``rows``."""
    weight = block.weights
    trained_on = weight if block.rows is None else weight[block.rows]
    sums = weight.sum(), np.square(weight).sum(), np.count_nonzero(weight), trained_on.sum(), len(trained_on)
    return np.array(sums, dtype=np.float64)


def loss_sum(block: Block, n_threads: int, n_raw: int, theta: Array) -> Array:
    """Return the sum of the losses, (1,)."""
    return np.array([block.objective(n_raw, n_threads).loss_sum(theta)])


def loss_and_gradient_sums(block: Block, n_threads: int, n_raw: int, theta: Array) -> Array:
    """Return the sum of the losses, and behind it that of the gradients."""
    loss, gradient = block.objective(n_raw, n_threads).loss_and_gradient_sums(theta)
    return np.concatenate([[loss], gradient])


def hessian_vector_sum(block: Block, n_threads: int, n_raw: int, theta: Array, vector: Array) -> Array:
    """Return the sum of the Hessians times ``vector``."""
    return block.objective(n_raw, n_threads).hessian_vector_sum(theta, vector)


# Functions of a single block.


def peaks(block: Block) -> Array:
    """Return the largest absolute value of every feature."""
    samples = Samples.of(block.open())
    return samples.peaks() if samples.n else np.zeros(samples.d)


def entry_counts(block: Block) -> Array | None:
    """Return in how many samples each feature has an entry, or None where zeros are stored, too."""
    return Samples.of(block.open()).entry_counts()


def labels(block: Block) -> Array:
    """Return the class numbers in the smallest type that holds them."""
    return block.y.astype(np.min_scalar_type(int(block.y.max(initial=0))))


def every(block: Block, first: int, stride: int) -> tuple[Any, Array]:
    """Return copies of every ``stride``-th sample from the ``first``, and their weights."""
    X = block.open()[first::stride]
    return X.copy(), block.weights[first::stride].copy()


def sgd_epoch(
    block: Block, baton: tuple[Any, np.random.RandomState], n_raw: int, alpha: float, fit_intercept: bool, mean: float
) -> tuple[Any, np.random.RandomState]:
    """Let SGD go once over the block.

    Parameters
    ----------
    block : Block
    baton : state of SGD, and of the random numbers; neither is changed
    n_raw, alpha, fit_intercept
        As for ``Objective``.
    mean : float
        The mean weight of the samples of all blocks.

    Returns
    -------
    state, random_state
        Both new.
    """
    state, random_state = copy.copy(baton[0]), np.random.RandomState()
    random_state.set_state(baton[1].get_state())
    objective = block.objective(n_raw, alpha=alpha, fit_intercept=fit_intercept)
    state.epoch(objective, block.rows, random_state, mean)
    return state, random_state


def second_moment_vector_sum(block: Block, n_threads: int, v: Array) -> Array:
    """Return sum_i s_i x~_i (x~_i . v)."""
    return block.objective(1, n_threads).second_moment_vector_sum(v)
