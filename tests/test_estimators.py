"""What a user of the two estimators meets: labels, kinds of data, weights, going on from before."""

from itertools import islice

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning

from benchmarks.questions.defaults import accuracies, problems
from mnistlr import DivergenceError, LogisticRegression, SoftmaxRegression
from mnistlr.objective import Objective
from mnistlr.training import DEFAULTS
from tests.conftest import ImageData
from tests.helpers.clouds import MODELS, labels_for, refuse

# --- labels and kinds of data -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels",
    [
        np.array([False, True]),
        np.array(["yes", "no"]),
        np.array(["yes", "no"], object),
        np.array([-7, 10**12]),
        np.array([2.0, 1.0]),
        np.array([3, 1], np.uint8),
        np.array(["a", "b", "c"]),
        np.array([5, -5, 0]),
    ],
    ids=str,
)
@pytest.mark.parametrize("model", MODELS)
def test_labels_come_back_as_they_went_in(clouds, model, labels):
    if len(labels) > 2 and model is LogisticRegression:
        return
    X, y = clouds
    y = labels[y % len(labels)]
    fit = model(random_state=0).fit(X, y)
    assert fit.classes_.dtype == labels.dtype
    assert_array_equal(fit.classes_, np.unique(labels))
    predicted = fit.predict(X)
    assert predicted.dtype == labels.dtype
    assert set(predicted) <= set(labels)
    assert fit.score(X, y) > 0.5


@pytest.mark.parametrize("model", MODELS)
def test_shapes_and_the_decision_function(clouds, model):
    X, y = clouds
    fit = model(random_state=0).fit(X, labels_for(model, y))
    K = 1 if model is LogisticRegression else 3
    assert fit.coef_.shape == (K, 6)
    assert fit.intercept_.shape == (K,)
    raw = X @ fit.coef_.T + fit.intercept_
    assert_allclose(fit.decision_function(X), raw[:, 0] if K == 1 else raw, rtol=1e-12, atol=1e-12)
    proba = fit.predict_proba(X)
    assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    assert_allclose(np.log(proba), fit.predict_log_proba(X), rtol=1e-9, atol=1e-12)
    assert_array_equal(fit.classes_[proba.argmax(axis=1)], fit.predict(X))


def test_log_probabilities_that_underflow(clouds):
    X, y = clouds
    for model in MODELS:
        fit = model(random_state=0).fit(X, labels_for(model, y))
        log_proba = fit.predict_log_proba(X * 1e6)
        assert np.isfinite(log_proba).all()
        assert log_proba.min() < -1e5


@pytest.mark.parametrize("solver", DEFAULTS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_dense_csr_lists_and_any_layout_are_one(small_mnist: ImageData, solver):
    X, y = small_mnist.X_train[:400, 300:420], small_mnist.y_train[:400]
    model = SoftmaxRegression(solver=solver, random_state=0, max_iter=3)
    plain = clone(model).fit(X, y)
    for other in (np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2], X[:, ::-1][:, ::-1]):
        assert_array_equal(clone(model).fit(other, y).coef_, plain.coef_)
    sparse, arrays, floats = (clone(model).fit(other, y) for other in (sp.csr_matrix(X), sp.csr_array(X), X / 255.0))
    listed = clone(model).fit((X / 255.0).tolist(), y.tolist())
    # float32 arithmetic here, float64 there, over a few iterations
    size = np.abs(floats.coef_).max()
    assert_allclose(sparse.coef_ * 255, floats.coef_, rtol=0, atol=1e-4 * size)
    assert_allclose(plain.coef_ * 255, floats.coef_, rtol=0, atol=1e-4 * size)
    assert_array_equal(arrays.coef_, sparse.coef_)
    assert_array_equal(listed.coef_, floats.coef_)
    assert_array_equal(sparse.predict(sp.csr_matrix(X)), sparse.predict(X))


def test_arrays_that_start_at_odd_addresses_or_have_their_bytes_swapped(clouds):
    X, y = clouds
    buffer = np.zeros(X.size * 8 + 1, np.uint8)
    unaligned = buffer[1:].view(np.float64).reshape(X.shape)
    unaligned[:] = X
    assert not unaligned.flags.aligned
    plain = SoftmaxRegression(random_state=0).fit(X, y)
    for other in (unaligned, X.astype(X.dtype.newbyteorder())):
        fit = SoftmaxRegression(random_state=0).fit(other, y)
        assert_array_equal(fit.coef_, plain.coef_)
        assert_array_equal(fit.predict_proba(other), plain.predict_proba(X))


def test_the_quick_way_of_predict_is_the_checked_one(small_mnist: ImageData):
    X, y = small_mnist.X_train[:500], small_mnist.y_train[:500]
    fit = SoftmaxRegression(random_state=0).fit(X, y)
    for rows in (X[:1], X[:7], X):
        assert_array_equal(fit.predict(np.asfortranarray(rows)), fit.predict(np.ascontiguousarray(rows)))
    with pytest.raises(ValueError, match="784 features"):
        fit.predict(X[:, 1:])
    with pytest.raises(ValueError, match="2D"):
        fit.predict(X[0])
    with pytest.raises(ValueError, match="0 sample"):
        fit.predict(X[:0])


@pytest.mark.parametrize("model", MODELS)
def test_predictions_follow_coefficients_that_are_changed_by_hand(clouds, model):
    """In place, in another layout or type, and to fewer features or classes: the packed ones are asked each time."""
    X, y = (clouds[0] * 8 + 128).clip(0, 255).astype(np.uint8), clouds[1]
    fit = model(random_state=0).fit(X, labels_for(model, y))
    for change in (np.array, np.asfortranarray, np.float32, np.float64, lambda W: W[:, :4].copy(), lambda W: W[-2:]):
        fit.decision_function(X)
        fit.coef_ = change(fit.coef_)
        fit.intercept_ = fit.intercept_[-len(fit.coef_) :]
        fit.n_features_in_ = fit.coef_.shape[1]
        X = X[:, : fit.n_features_in_].copy()
        for step in (0.0, 0.5, 0.5):
            fit.coef_[-1, 1] += step
            fit.intercept_[-1] -= step
            expected = X @ fit.coef_.T.astype(float) + fit.intercept_
            found = fit.decision_function(X).reshape(expected.shape)
            assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


# --- weights ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", DEFAULTS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_class_weights_are_sample_weights(clouds, solver):
    X, y = clouds
    y = np.array(["a", "b", "c"])[np.minimum(y, np.arange(300) % 5 % 3)]
    counts = {label: (y == label).sum() for label in "abc"}
    balanced = {label: 300 / (3 * count) for label, count in counts.items()}
    settings = {"solver": solver, "random_state": 0, "max_iter": 5}
    by_name = SoftmaxRegression(class_weight="balanced", **settings).fit(X, y)
    by_hand = SoftmaxRegression(class_weight=balanced, **settings).fit(X, y)
    by_sample = SoftmaxRegression(**settings).fit(X, y, [balanced[label] for label in y])
    assert_array_equal(by_name.coef_, by_sample.coef_)
    assert_array_equal(by_hand.coef_, by_sample.coef_)
    assert np.abs(by_name.coef_ - SoftmaxRegression(solver="lbfgs").fit(X, y).coef_).max() > 1e-3


# --- going on from before ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["lbfgs", "newton", "svrg", "gd", "nesterov"])
def test_warm_start_starts_where_it_was(clouds, solver):
    X, y = clouds
    fit = SoftmaxRegression(solver=solver, alpha=0.1, tol=1e-6, warm_start=True, random_state=0).fit(X, y)
    before = fit.coef_
    assert fit.fit(X, y).n_iter_ == 0
    assert_allclose(fit.coef_, before, rtol=1e-12)
    with pytest.raises(ValueError, match="same classes and features"):
        fit.fit(X, y % 2)


def test_warm_start_of_sgd_goes_on(clouds):
    X, y = clouds
    fit = SoftmaxRegression(alpha=1e-3, warm_start=True, max_iter=2, tol=1e-9, random_state=0)
    with pytest.warns(ConvergenceWarning):
        first = fit.fit(X, y).history_["objective"]
    with pytest.warns(ConvergenceWarning):
        assert fit.fit(X, y).history_["objective"][0] < first[0]


@pytest.mark.parametrize("model", MODELS)
def test_partial_fit(clouds, model):
    X, y = clouds
    y = labels_for(model, y)
    fit = model(solver="sgd", random_state=0)
    for _ in range(5):
        for start in range(0, 300, 100):
            fit.partial_fit(X[start : start + 100], y[start : start + 100], classes=np.unique(y))
    assert fit.score(X, y) > model(solver="lbfgs").fit(X, y).score(X, y) - 0.03
    with pytest.raises(ValueError, match="among the classes"):
        fit.partial_fit(X, np.full(300, 7))
    with pytest.raises(ValueError, match="differ from those of the first call"):
        fit.partial_fit(X, y, classes=[0, 1, 2, 3])
    with pytest.raises(ValueError, match="uint8, or none"):
        fit.partial_fit(np.zeros((3, 6), np.uint8), y[:3])
    with pytest.raises(ValueError, match="needs classes"):
        model(solver="sgd").partial_fit(X, y)
    assert not hasattr(model(solver="lbfgs"), "partial_fit")
    assert hasattr(SoftmaxRegression(), "partial_fit")


def test_partial_fit_of_all_is_one_epoch_of_fit(clouds):
    X, y = np.vstack([clouds[0], clouds[0] + 0.1]), np.tile(clouds[1], 2)
    pieces = SoftmaxRegression(random_state=3).partial_fit(X, y, classes=[0, 1, 2])
    with pytest.warns(ConvergenceWarning) as warned:
        whole = SoftmaxRegression(random_state=3, max_iter=1).fit(X, y)
    assert warned[0].filename == __file__
    assert_array_equal(pieces.coef_, whole.coef_)
    assert not hasattr(whole.partial_fit(X, y), "history_")


def test_steps_are_as_long_as_asked_for(clouds):
    X, y = np.vstack([clouds[0], clouds[0] + 0.1]), np.tile(clouds[1], 2)
    with pytest.warns(ConvergenceWarning):
        fits = [SoftmaxRegression(alpha=0, step_scale=f, max_iter=1, random_state=0).fit(X, y) for f in (1.0, 0.5, 4.0)]
    first = [float(fit.history_["step"][0]) for fit in fits]
    np.testing.assert_allclose(first, np.array([1.0, 0.5, 4.0]) * first[0])
    pieces = SoftmaxRegression(alpha=0, step_scale=4.0, random_state=0).partial_fit(X, y, classes=[0, 1, 2])
    assert_array_equal(pieces.coef_, fits[2].coef_)
    few, rest = slice(None, 60), slice(60, None)  # from the second piece the steps are derived anew
    etas = []
    for scale in (1.0, 4.0):
        grown = SoftmaxRegression(alpha=0, step_scale=scale, random_state=0)
        grown.partial_fit(X[few], y[few], classes=[0, 1, 2])
        first = grown._sgd.eta
        etas.append(grown.partial_fit(X[rest], y[rest])._sgd.eta)
        assert etas[-1] != first
    np.testing.assert_allclose(etas[1], 4 * etas[0])


def test_early_stopping_waits_as_long_as_asked_for(small_mnist: ImageData):
    X, y = small_mnist.X_train[:1500], small_mnist.y_train[:1500]
    fit = SoftmaxRegression(early_stopping=True, alpha=0, n_iter_no_change=3, tol=0, random_state=0).fit(X, y)
    losses = fit.history_["validation_loss"]
    assert fit.n_iter_ == len(losses) == losses.argmin() + 1 + 3
    assert "validation loss" in fit.stop_reason_


# --- once found wrong -------------------------------------------------------------------------------------------


def test_sgd_without_intercept_on_a_column_of_ones(clouds):
    X, y = clouds
    fit = SoftmaxRegression(fit_intercept=False, random_state=0).fit(np.hstack([X, np.ones((300, 1))]), y)
    assert not fit.intercept_.any()
    assert fit.score(np.hstack([X, np.ones((300, 1))]), y) > 0.5


@pytest.mark.parametrize("solver", DEFAULTS)
def test_nothing_to_learn_from(solver):
    fit = LogisticRegression(solver=solver, fit_intercept=False, random_state=0).fit(
        np.zeros((100, 3)), np.arange(100) < 30
    )
    assert not fit.coef_.any()


def test_steps_that_overflow_do_not_advise_what_was_done(clouds):
    X, y = clouds
    with pytest.raises(DivergenceError) as error:
        SoftmaxRegression(solver="sgd").fit((X * 1e30).astype(np.float32), y)
    assert "nan" not in str(error.value)
    assert "'auto'" not in str(error.value)


def test_gradient_descent_stops_at_the_first_nan(clouds, monkeypatch):
    X, y = clouds
    calls = []
    original = Objective.value_and_gradient

    def counted(self, theta):
        calls.append(1)
        return original(self, theta)

    monkeypatch.setattr(Objective, "value_and_gradient", counted)
    with pytest.raises(DivergenceError):
        SoftmaxRegression(solver="gd").fit(X * 1e200, y)
    assert len(calls) < 5


@pytest.mark.parametrize("weights", [{0: -1.0}, {0: np.nan}, {0: 0, 1: 0, 2: 0}], ids=str)
@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
def test_bad_class_weights_are_refused(clouds, weights, solver):
    refuse(ValueError, "weight", SoftmaxRegression(solver=solver, class_weight=weights), *clouds)


def test_early_stopping_with_all_weight_on_one_side(clouds):
    X, y = np.vstack([clouds[0], clouds[0]]), np.tile(clouds[1], 2)
    weight = (np.arange(600) < 1) * 1.0
    refuse(ValueError, "one side of the split", SoftmaxRegression(early_stopping=True, random_state=0), X, y, weight)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_sgd_with_one_heavy_sample(clouds):
    X, y = clouds
    weight = np.where(np.arange(300) == 1, 1e5, 1.0)
    ours = LogisticRegression(solver="sgd", alpha=1e-2, tol=1e-3, random_state=0).fit(X, y == 1, weight)
    best = LogisticRegression(alpha=1e-2).fit(X, y == 1, weight)
    assert ours.history_["objective"][-1] < 2 * best.history_["objective"][-1]


def test_score_is_counted_here(digits: ImageData, monkeypatch: pytest.MonkeyPatch) -> None:
    model = SoftmaxRegression(random_state=0).fit(digits.X_train, digits.y_train)
    expected = np.mean(model.predict(digits.X_test) == digits.y_test)
    monkeypatch.delattr("sklearn.metrics.accuracy_score")
    assert model.score(digits.X_test, digits.y_test) == expected


@pytest.mark.long
def test_defaults_reach_the_optimum_of_bundled_data():
    """Half a point of accuracy at most is left, mean of four splits; ``benchmarks.defaults`` has larger sets."""
    for name, X, y in islice(problems(), 8):
        default = (LogisticRegression if len(np.unique(y)) == 2 else SoftmaxRegression)(random_state=0)
        optimum = type(default)(solver="lbfgs", tol=1e-7, max_iter=5000)
        ours, best = accuracies(X, y, default, optimum)
        assert ours >= best - 0.005, name


def test_defaults_reach_the_optimum_of_few_samples_with_many_features():
    """SGD reads a third of these."""
    X, y = make_classification(
        800,
        10_000,
        n_informative=60,
        n_redundant=0,
        n_classes=10,
        n_clusters_per_class=1,
        class_sep=3.0,
        random_state=0,
    )
    fit = SoftmaxRegression().fit(X[:300], y[:300])
    optimum = SoftmaxRegression(solver="lbfgs", tol=1e-7).fit(X[:300], y[:300])
    assert fit.score(X[300:], y[300:]) >= optimum.score(X[300:], y[300:]) - 0.005
    assert optimum.score(X[300:], y[300:]) > 0.9
