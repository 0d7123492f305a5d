"""Every kind of input into ``fit`` and ``predict``, each beside scikit-learn's LogisticRegression with the same input.

Where that raises a ValueError or a TypeError ours raises the same kind, where it gives a model ours is finite. The
differences, all of them deliberate:

- sample and class weights that are negative, not finite or all zero are refused; scikit-learn lets some of them pass
  (all zero before 1.9), or divides by zero;
- "gd", "nesterov", "svrg" and "sgd" derive a step from the squares of the features; where these overflow in the
  arithmetic type (above 1e19 for float32, 1e150 for float64) they raise a DivergenceError, "lbfgs" and "newton" do not;
- where terms of X coef^T are infinite and of both signs scikit-learn predicts NaN, ours raises a ValueError.

``--attacks N`` makes N times as many inputs, other ones every time.
"""

import hypothesis.extra.numpy as npst
import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.linear_model
from numpy.testing import assert_allclose, assert_array_equal

from mnistlr import LogisticRegression, SoftmaxRegression
from tests.helpers.any_input import (
    OVERFLOWS_FROM,
    SHAPES,
    SOLVERS,
    arithmetic,
    fits,
    for_many,
    judge,
    labels,
    matrices,
    outcome,
    peak,
    sparse_matrices,
)

pytestmark = pytest.mark.long

METHODS = ["predict", "predict_proba", "predict_log_proba", "decision_function"]


def test_any_matrix(attack):
    def check(X, solver, n_classes):
        n = X.shape[0] if sp.issparse(X) else outcome(lambda: len(X))
        n = 4 if isinstance(n, Exception) else n
        y = np.arange(n) % n_classes
        size = peak(X)
        theirs, ours = fits(X, y, solver)
        judge(attack, theirs, ours, diverges=size > OVERFLOWS_FROM[arithmetic(X)])
        if not isinstance(ours, Exception):
            for method in METHODS:
                result = outcome(lambda method=method: getattr(ours, method)(X))
                if not (isinstance(result, ValueError) and size > 1e30):
                    assert method == "predict" or not np.isnan(result).any()
                    assert len(result) == n
                    assert "proba" not in method or np.isfinite(result).all()

    for_many(attack, 250, check, X=matrices(), solver=st.sampled_from(SOLVERS), n_classes=st.integers(2, 3))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_any_magnitudes(attack, solver, dtype):
    """From subnormal to nearly infinite, each entry its own or all alike."""
    # In float64: the logarithm of a float32 may round up, and its power of ten exceed the largest float32.
    low, high = (np.log10(float(end)) for end in (np.finfo(dtype).smallest_subnormal, np.finfo(dtype).max))
    high -= 1e-6
    sizes, shapes = st.floats(low, high), st.tuples(st.integers(3, 6), st.integers(1, 3))
    exponents = npst.arrays(np.float64, shapes, elements=sizes, fill=sizes)

    def check(exponents, seed):
        X = (np.random.default_rng(seed).choice([-1, 0, 1], exponents.shape) * 10.0**exponents).astype(dtype)
        theirs, ours = fits(X, np.arange(len(X)) % 2, solver)
        diverges = solver not in ("lbfgs", "newton") and peak(X) > OVERFLOWS_FROM[X.dtype]
        judge(attack, theirs, ours, diverges=diverges)

    for_many(attack, 20, check, exponents=exponents, seed=st.integers(0, 9))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("alpha", [0, 1e-4, 1])
@pytest.mark.parametrize("size", [1e-300, 1e-15, 1e-6])
@pytest.mark.parametrize("solver", ["sgd", "svrg"])
def test_a_feature_too_small_to_count_does_not_hold_up_the_others(solver, size, alpha):
    random = np.random.default_rng(0)
    y = np.arange(300) % 3
    X = random.normal(size=(300, 4)) + 2 * np.eye(4)[y]
    small = np.hstack([X, size * random.normal(size=(300, 1))])
    model = SoftmaxRegression(solver=solver, alpha=alpha, tol=1e-2, random_state=0)
    plain, fit = (model.fit(data, y).history_["objective"][-1] for data in (X, small))
    assert_allclose(fit, plain, rtol=0.05)


def test_any_sparse_matrix(attack):
    def check(X, solver, n_classes):
        if isinstance(X, Exception):  # this format cannot hold it
            return
        parts = {name: vars(X)[name] for name in ("data", "indices", "indptr") if X.format == "csr"}
        copies = {name: part.copy() for name, part in parts.items()}
        y = np.arange(X.shape[0]) % n_classes
        theirs, ours = fits(X, y, solver)
        judge(attack, theirs, ours, diverges=peak(X) > OVERFLOWS_FROM[arithmetic(X)])
        for name, part in parts.items():
            assert vars(X)[name] is part
            assert_array_equal(part, copies[name])

    for_many(attack, 150, check, X=sparse_matrices(), solver=st.sampled_from(SOLVERS), n_classes=st.integers(2, 3))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_same_matrix_gives_the_same_bits_however_it_is_stored(solver):
    random = np.random.default_rng(0)
    y = np.arange(200) % 3
    X = random.integers(0, 4, (200, 6)) * (random.random((200, 6)) < 0.5) + np.eye(6)[y]
    plain = sp.csr_array(X)
    rows = np.repeat(np.arange(200), np.diff(plain.indptr))
    backwards = plain.indptr[rows] + plain.indptr[rows + 1] - 1 - np.arange(len(rows))
    unsorted = sp.csr_array((plain.data[backwards], plain.indices[backwards], plain.indptr), shape=X.shape)
    halves = np.repeat(np.arange(plain.nnz), 2)
    repeated = sp.csr_array((plain.data[halves] / 2, plain.indices[halves], plain.indptr * 2), shape=X.shape)
    longer = sp.csr_array((plain.data.copy(), plain.indices.copy(), plain.indptr.copy()), shape=X.shape)
    longer.data, longer.indices = np.append(longer.data, [7, 7]), np.append(longer.indices, [0, 1]).astype(np.int64)
    model = SoftmaxRegression(solver=solver, max_iter=3, random_state=0)
    expected = model.fit(plain, y).coef_
    for X in (unsorted, repeated, longer):
        assert_array_equal(model.fit(X, y).coef_, expected)
        assert_array_equal(model.decision_function(X), model.decision_function(plain))


@pytest.mark.parametrize(
    ("name", "wrong"), [("indices", -1), ("indices", 4), ("indices", 10**8), ("indptr", -1), ("indptr", 10**8)]
)
@pytest.mark.parametrize("solver", SOLVERS)
def test_indices_that_point_outside_are_refused(solver, name, wrong):
    """SciPy does not look at them when it makes the matrix; compiled code would read and write wherever they point."""
    X = sp.csr_array(np.eye(4))
    fit = SoftmaxRegression(solver=solver, random_state=0, max_iter=100, tol=0.1).fit(X, np.arange(4))
    getattr(X, name)[2] = wrong
    for call in (lambda: fit.predict(X), lambda: fit.fit(X, np.arange(4))):
        with pytest.raises(ValueError, match=r"ind(ices|ex values) must be|indptr array .* must not decrease"):
            call()


def test_any_labels(attack):
    def check(y, solver):
        n = y.shape[0] if sp.issparse(y) else outcome(lambda: len(y))
        n = 8 if isinstance(n, Exception) else n
        X = np.random.default_rng(0).normal(size=(max(n, 1), 2))
        theirs, ours = fits(X, y, solver)
        judge(attack, theirs, ours)
        if not isinstance(ours, Exception):
            assert ours.predict(X).dtype == theirs.predict(X).dtype
            assert outcome(lambda: theirs.score(X, y)) == pytest.approx(outcome(lambda: ours.score(X, y)), abs=1)

    for_many(attack, 300, check, y=labels(), solver=st.sampled_from(["lbfgs", "sgd"]))


# --- weights ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data():
    y = np.arange(60) % 3
    return np.random.default_rng(0).normal(size=(60, 4)) + np.eye(4)[y], y


WEIGHTS = {
    "any": npst.arrays(np.float64, 60, elements=st.floats()),
    "tame": npst.arrays(np.float64, 60, elements=st.floats(0, 10)),
    "wide": npst.arrays(np.float64, 60, elements=st.floats(0, 1.7e308)),
    "zeros": st.just(np.zeros(60)),
    "few": npst.arrays(np.float64, 60, elements=st.sampled_from([0, 5e-324, 1.0, 1e300]), fill=st.just(0.0)),
    "negative": npst.arrays(np.float64, 60, elements=st.floats(-1, 1)),
    "numbers": npst.arrays(np.int16, 60, elements=st.integers(0, 9)),
    "length": npst.arrays(np.float32, st.integers(0, 70), elements=st.integers(0, 9)),
    "columns": npst.arrays(np.float64, (60, 1), elements=st.floats(0, 1)),
    "one": st.one_of(st.floats(), st.integers(), st.text(max_size=2), st.booleans()),
    "odd": st.sampled_from(
        [["1"] * 60, ["a"] * 60, [None] * 60, [[1]] * 60, np.ones(60, complex), {}, [object()] * 60]
    ),
}


def test_any_sample_weights(attack, data):
    def check(kind, draw, solver, balanced):
        weight = draw.draw(WEIGHTS[kind])
        numbers = outcome(lambda: np.asarray(weight, np.float64))
        refusable = isinstance(numbers, Exception) or not (numbers >= 0).all() or not numbers.any()
        if not refusable and balanced and numbers.shape == (60,):
            with np.errstate(all="ignore"):  # a class may have next to none of it
                refusable = not np.isfinite(numbers.max() / np.bincount(data[1], numbers)).all()
        theirs, ours = fits(*data, solver, weight, class_weight="balanced" if balanced else None)
        judge(attack, theirs, ours, refusable=refusable)

    kinds, solvers = st.sampled_from(sorted(WEIGHTS)), st.sampled_from(SOLVERS)
    for_many(attack, 150, check, kind=kinds, draw=st.data(), solver=solvers, balanced=st.booleans())


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("size", [2.0**-1074, 2.0**-300, 2.0**1023])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_only_the_proportions_of_weights_matter(data, solver, size):
    """To the bit for powers of two, also where their sum would overflow or vanish in the mean loss."""
    X, y = data
    model = SoftmaxRegression(solver=solver, max_iter=3, random_state=0)
    expected = model.fit(X, y).coef_
    assert_array_equal(model.fit(X, y, np.full(60, size)).coef_, expected)
    model.set_params(class_weight=dict.fromkeys(range(3), size))
    assert_array_equal(model.fit(X, y).coef_, expected)
    assert_array_equal(model.fit(X, y, np.full(60, size)).coef_, expected)


def test_any_class_weights(attack, data):
    keys = st.one_of(st.integers(-1, 4), st.sampled_from(["0", "1", "a", None, 0.0, 1.0, True, np.int64(2)]))
    values = st.one_of(
        st.floats(), st.floats(0, 1e3), st.integers(0, 9), st.sampled_from(["2", "a", None, 10**400, 1j, [1, 2], 1e308])
    )
    some = st.dictionaries(keys, values, max_size=5)
    every = st.fixed_dictionaries(dict.fromkeys(range(3), st.floats(0, 2) | st.floats(0, 1.7e308)))
    others = st.sampled_from(["balanced", "BALANCED", 3, [1, 1, 1], None, np.ones(3)])

    def check(class_weight, solver):
        theirs, ours = fits(*data, solver, class_weight=class_weight)
        weights = list(class_weight.values()) if isinstance(class_weight, dict) else []
        numbers = outcome(lambda: np.array([weights], np.float64))
        refusable = isinstance(numbers, Exception) or not np.isfinite(numbers).all() or not (numbers > 0).any()
        judge(attack, theirs, ours, refusable=refusable or (numbers < 0).any())

    for_many(attack, 150, check, class_weight=st.one_of(some, every, others), solver=st.sampled_from(SOLVERS))


# --- predict ----------------------------------------------------------------------------------------------------


def test_any_matrix_to_predict(attack, data):
    """Fitted on four features, given anything."""
    X, y = data
    models = {2: (LogisticRegression, y == 1), 3: (SoftmaxRegression, y)}
    fitted = {
        k: (sklearn.linear_model.LogisticRegression().fit(X, labels), model(solver="lbfgs").fit(X, labels))
        for k, (model, labels) in models.items()
    }

    def check(given, n_classes, method):
        if getattr(getattr(given, "dtype", None), "kind", "") in "mM":
            return  # durations, which scikit-learn takes for numbers in fit, but not in predict
        before = dict(vars(fitted[n_classes][1]))
        theirs, ours = (outcome(lambda m=m: getattr(m, method)(given)) for m in fitted[n_classes])
        assert vars(fitted[n_classes][1]) == before
        judge(attack, theirs, ours, refusable=peak(given) > np.finfo(arithmetic(given)).max / 100)
        if not isinstance(ours, Exception):
            assert ours.shape == theirs.shape
            assert "proba" not in method or np.isfinite(ours).all()
            assert method == "predict" or not np.isnan(ours).any()

    kinds = matrices(
        shapes=st.integers(0, 4).flatmap(lambda i: st.tuples(st.integers(0, 5), st.just(4)) if i else SHAPES)
    )
    for_many(attack, 200, check, given=kinds, n_classes=st.integers(2, 3), method=st.sampled_from(METHODS))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_predictions_that_overflow(dtype, n_classes):
    """Infinite decision functions have labels and probabilities, undefined ones an error."""
    X, y = np.eye(4) * 1e-3, np.arange(4) % n_classes
    fit = SoftmaxRegression(solver="lbfgs", alpha=1e-9, tol=1e-6).fit(X, y)
    huge = (np.eye(4) * np.finfo(dtype).max / 2).astype(dtype)
    assert np.isinf(fit.decision_function(huge)).any()
    assert_array_equal(fit.predict(huge), y)
    for method in METHODS[1:3]:
        assert np.isfinite(getattr(fit, method)(huge)).all()
    assert_allclose(fit.predict_proba(huge).sum(axis=1), 1)
    fit.intercept_[:] = -np.inf  # as the other terms' sum might be, depending on the order in which they are added
    for method in METHODS:
        with pytest.raises(ValueError, match=r"overflow .* Scale them"):
            getattr(fit, method)(huge)


# --- partial_fit ------------------------------------------------------------------------------------------------


def test_any_piece(attack):
    """Pieces that follow a good one, beside SGDClassifier; a bad piece leaves the model as it was."""
    X, y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 3
    classes = [[0, 1, 2], [2, 1, 0], ["a", "b", "c"], [0, 1], [0, 1, 2, 3], [], None]

    def check(X_piece, y_piece, classes, fitted):
        theirs = sklearn.linear_model.SGDClassifier(loss="log_loss", random_state=0)
        ours = SoftmaxRegression(random_state=0)
        if fitted:  # scikit-learn's takes no piece of another precision
            for model in (theirs, ours):
                model.partial_fit(X.astype(arithmetic(X_piece)), y, classes=[0, 1, 2])
        before = dict(vars(ours))
        theirs = outcome(lambda: theirs.partial_fit(X_piece, y_piece, classes=classes))
        end = outcome(lambda: ours.partial_fit(X_piece, y_piece, classes=classes))
        if isinstance(end, Exception):
            assert vars(ours) == before
        if "Argument 'dataset'" in str(theirs):
            return  # a polars frame of float32, which scikit-learn makes float64
        if isinstance(theirs, Exception) and isinstance(end, TypeError | ValueError):
            theirs = end  # several things may be wrong, each finds another one first
        if "under-/overflow occurred" in str(theirs):
            theirs = end  # its steps of fixed size left the finite numbers; ours may stay within
        pixels = fitted and "uint8" in str(end)
        judge(attack, theirs, end, refusable=pixels, diverges=peak(X_piece) > OVERFLOWS_FROM[arithmetic(X_piece)])

    pieces = matrices(shapes=st.integers(0, 4).flatmap(lambda i: st.just((6, 3)) if i else SHAPES))
    good = st.lists(st.integers(0, 2), min_size=6, max_size=6)
    for_many(
        attack, 100, check, X_piece=pieces, y_piece=st.one_of(good, good, labels()), classes=st.sampled_from(classes),
        fitted=st.booleans(),
    )  # fmt: skip


def test_balanced_pieces_are_refused_in_one_sentence(data):
    model = SoftmaxRegression(class_weight="balanced")
    with pytest.raises(ValueError, match="partial_fit does not support class_weight='balanced'"):
        model.partial_fit(*data, classes=[0, 1, 2])
    assert not hasattr(model, "classes_")
