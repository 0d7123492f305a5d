"""Every kind of matrix and labels, and what our models and scikit-learn's make of the same input."""

import warnings

import hypothesis.extra.numpy as npst
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import polars as pl
import scipy.sparse as sp
import sklearn.linear_model
from hypothesis import HealthCheck, given, settings
from numpy.testing import assert_array_equal

from mnistlr import DivergenceError, LogisticRegression, SoftmaxRegression
from mnistlr.training import DEFAULTS

SOLVERS = sorted(DEFAULTS)
OVERFLOWS_FROM = {np.dtype(np.float32): 1e19, np.dtype(np.float64): 1e150}


def for_many(attack, n_examples, check, **strategies):
    """Call ``check`` with many examples, the same ones every time unless ``--attacks`` asks for more."""
    many = settings(
        max_examples=n_examples * attack.factor,
        derandomize=attack.factor == 1,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    many(given(**strategies)(check))()


def outcome(call):
    """What the call returned or raised; only what is worth a warning to both is left out."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return call()
    except Exception as error:
        return error


def peak(X):
    """The largest absolute value, 0 for what is no matrix of numbers."""
    values = outcome(lambda: np.abs(np.asarray(X.tocsr().toarray() if sp.issparse(X) else X, np.float64)))
    return 0.0 if isinstance(values, Exception) else float(np.max(values, initial=0))


def arithmetic(X):
    narrow = (np.dtype(np.float32), np.dtype(np.uint8))
    dtype = np.asarray(X[:0]).dtype if hasattr(X, "dtypes") else getattr(X, "dtype", None)
    return np.dtype(np.float32 if dtype in narrow else np.float64)


def judge(attack, theirs, ours, *, refusable=False, diverges=False):
    """Compare outcomes, count how it ended; ``refusable`` and ``diverges`` are the differences named on top."""
    if isinstance(ours, DivergenceError) and diverges:
        attack.ends["diverged"] += 1
    elif isinstance(theirs, Exception) or (isinstance(ours, Exception) and refusable):
        kind = type(theirs) if isinstance(theirs, TypeError | OverflowError) else ValueError
        assert isinstance(ours, kind), (theirs, ours)
        assert str(ours)
        attack.ends["refused"] += 1
    else:
        assert not isinstance(ours, Exception), ours
        if hasattr(ours, "coef_"):
            assert np.isfinite(ours.coef_).all()
            assert np.isfinite(ours.intercept_).all()
            assert_array_equal(ours.classes_, theirs.classes_)
            assert ours.classes_.dtype == theirs.classes_.dtype
        attack.ends["finite"] += 1


def fits(X, y, solver, sample_weight=None, **params):
    """Both models' outcomes on the same input, ours by the class that the labels ask for."""
    theirs = outcome(lambda: sklearn.linear_model.LogisticRegression(max_iter=1, **params).fit(X, y, sample_weight))
    binary = len(getattr(theirs, "classes_", ())) == 2
    model = (LogisticRegression if binary else SoftmaxRegression)(solver=solver, max_iter=5, random_state=0, **params)
    before = dict(vars(model))
    ours = outcome(lambda: model.fit(X, y, sample_weight))
    if isinstance(ours, Exception):
        assert vars(model) == before
    return theirs, ours


# --- dense matrices ---------------------------------------------------------------------------------------------

FINITE = {"allow_nan": False, "allow_infinity": False}
DTYPES = [*"?bBhHiIlLqQefdg", *"fdB" * 3, *"FDSUO", "m8[s]", "M8[s]", ">f8", ">f4", ">i2"]

LAYOUTS = {
    "C": lambda X: X,
    "Fortran": np.asfortranarray,
    "backwards": lambda X: X[::-1],
    "every other": lambda X: np.repeat(X, 2, axis=0)[::2],
    "one row": lambda X: np.broadcast_to(X[:1], X.shape),
    "unaligned": lambda X: unaligned(X),
    "read-only": lambda X: frozen(X),
    "list": lambda X: X.tolist(),
    "objects": lambda X: X.astype(object),
    "frame": lambda X: pd.DataFrame(X.astype(X.dtype.newbyteorder("="))),  # scikit-learn takes no other
    "polars": pl.DataFrame,
    "masked": np.ma.masked_array,
    "matrix": np.asmatrix,
    "CSR": sp.csr_matrix,
}


def as_far_as_possible(convert, X):
    converted = outcome(lambda: convert(X))
    return X if isinstance(converted, Exception) else converted


def unaligned(X):
    if X.dtype.hasobject:
        return X
    copy = np.zeros(X.nbytes + 1, np.uint8)[1:].view(X.dtype).reshape(X.shape)
    copy[...] = X
    return copy


def frozen(X):
    X = X.copy()
    X.flags.writeable = False
    return X


ODD_SHAPES = npst.array_shapes(min_dims=0, max_dims=3, min_side=0)
SHAPES = st.integers(0, 4).flatmap(lambda i: st.tuples(st.integers(2, 8), st.integers(1, 4)) if i else ODD_SHAPES)


@st.composite
def matrices(draw, shapes=SHAPES):
    """Any array: mostly a matrix of tame numbers, wild ones or the extremes and NaN of its type, in any layout."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shape = draw(shapes)
    if dtype.kind == "O":
        elements = st.one_of(st.floats(), st.integers(), st.none(), st.text(max_size=2), st.booleans(), st.just("1.5"))
    elif dtype.kind in "fc" and draw(st.integers(0, 9)):
        elements = npst.from_dtype(dtype, **FINITE)
    else:
        elements = npst.from_dtype(dtype)
    X = draw(npst.arrays(dtype, shape, elements=elements))
    return as_far_as_possible(LAYOUTS[draw(st.sampled_from(sorted(LAYOUTS)))], X)


# --- sparse matrices --------------------------------------------------------------------------------------------


@st.composite
def sparse_matrices(draw):
    """A sparse matrix in any format, entries repeated, unsorted, zero, NaN, infinite; indices of any type."""
    dtype = np.dtype(draw(st.sampled_from("?bBhHiIlLfdgFD" + "fdB" * 4)))
    n, d = draw(st.tuples(st.integers(2, 8), st.integers(1, 4))) if draw(st.integers(0, 9)) else (0, 4)
    size = draw(st.integers(0, 20)) if n * d else 0
    extreme = draw(st.integers(0, 9)) == 0
    elements = npst.from_dtype(dtype, **{} if dtype.kind not in "fc" or extreme else FINITE)
    data = draw(npst.arrays(dtype, size, elements=elements))
    rows = draw(npst.arrays(np.int32, size, elements=st.integers(0, max(n - 1, 0))))
    columns = draw(npst.arrays(np.int32, size, elements=st.integers(0, max(d - 1, 0))))
    kind = draw(st.sampled_from(["csr", "csc", "coo", "lil", "dok", "dia", "bsr", "raw csr", "raw csr 64"]))
    if not kind.startswith("raw"):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            X = sp.coo_array((data, (rows, columns)), shape=(n, d))
            return outcome(lambda: X.asformat(kind)) if kind != "coo" else X
    order = np.argsort(rows, kind="stable")  # columns stay as they came: unsorted, and some of them twice
    X = sp.csr_array(
        (data[order], columns[order], np.append(0, np.cumsum(np.bincount(rows, minlength=n)))), shape=(n, d)
    )
    if kind.endswith("64"):
        X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


# --- labels -----------------------------------------------------------------------------------------------------


def some(elements, min_size=0):
    return st.lists(elements, min_size=min_size, max_size=12)


LABELS = st.one_of(
    some(st.integers(-3, 3)),
    some(st.integers(-(2**63), 2**63 - 1)).map(lambda y: np.array(y, np.int64)),
    some(st.integers(0, 2**70)),
    some(st.sampled_from([0.0, 1.0, -0.0, 2.0, 1e300])),
    some(st.floats()),
    some(st.booleans()),
    some(st.text(max_size=2)),
    some(st.binary(max_size=2)),
    some(st.sampled_from(["", "a", "é", "a "]), min_size=6),
    some(st.sampled_from([0, 1, "a", None, 1.5, b"b", (1, 2), np.nan])),
    npst.arrays(np.int64, st.tuples(st.integers(0, 9), st.integers(0, 3))),
    npst.arrays(np.int64, st.tuples(*[st.integers(0, 3)] * 3)),
    st.sampled_from([None, 1, "spam", np.int64(3), {}, object(), {1, 2}]),
    st.just(np.full(8, np.datetime64("2020-01-01"))),
    npst.arrays(np.complex128, 8, elements=st.sampled_from([0, 1j])),
    st.just(sp.csr_array([[0], [1], [0], [1]])),
)

WRAPPERS = {
    "as it is": lambda y: y,
    "array": np.array,
    "objects": lambda y: np.array(y, object),
    "read-only": lambda y: frozen(np.array(y)),
    "backwards": lambda y: np.array(y)[::-1],
    "column": lambda y: np.array(y)[:, np.newaxis],
    "series": lambda y: pd.Series(y),
    "categories": lambda y: pd.Series(y, dtype="category"),
    "nullable": lambda y: pd.Series(y).convert_dtypes(),
    "polars": lambda y: pl.Series(y),
    "strings": lambda y: np.array(y, np.dtypes.StringDType()),
    "narrow": lambda y: np.array(y, np.uint8),
    "half": lambda y: np.array(y, np.float16),
}


@st.composite
def labels(draw):
    return as_far_as_possible(WRAPPERS[draw(st.sampled_from(sorted(WRAPPERS)))], draw(LABELS))
