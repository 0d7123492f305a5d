"""Bad and extreme input, and interrupts: a clear error or a finite model, never a half-fitted one."""

import pickle
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning

from mnistlr import DivergenceError, LogisticRegression, SoftmaxRegression, objective
from mnistlr.solvers import sgd, svrg
from mnistlr.training import DEFAULTS
from tests.conftest import ImageData
from tests.helpers.clouds import MODELS, labels_for, refuse, state


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize("model", MODELS)
def test_bad_data_are_refused_and_change_nothing(clouds, model, fitted):
    X, y = clouds
    y = labels_for(model, y)
    estimator = model(random_state=0)
    if fitted:
        estimator.fit(X, y)
    hole = X.copy()
    hole[3, 2] = np.nan
    refuse(ValueError, "NaN", estimator, hole, y)
    hole[3, 2] = np.inf
    refuse(ValueError, "infinity", estimator, hole, y)
    refuse(ValueError, "inconsistent numbers of samples", estimator, X[1:], y)
    refuse(ValueError, "2D array", estimator, X[0], y[:6])
    refuse(ValueError, "0 sample", estimator, X[:0], y[:0])
    refuse(ValueError, "only one class: 4", estimator, X, np.full(300, 4))
    refuse(ValueError, "continuous", estimator, X, np.linspace(0, 1, 300))
    refuse(ValueError, "[Nn]egative", estimator, X, y, -np.ones(300))
    refuse(ValueError, "zero", estimator, X, y, np.zeros(300))
    refuse(ValueError, "Complex", estimator, X.astype(complex), y)


def test_more_than_two_classes_name_the_other_model(clouds):
    refuse(ValueError, "takes 2 classes, got 3; use SoftmaxRegression", LogisticRegression(), *clouds)


@pytest.mark.parametrize(
    "setting",
    [
        {"alpha": -1},
        {"solver": "adam"},
        {"tol": -1},
        {"max_iter": 0},
        {"batch_size": 0},
        {"batch_size": 2**31},
        {"momentum": 1.0},
        {"eta0": 0},
    ],
    ids=str,
)
def test_bad_settings_are_named(clouds, setting):
    refuse(ValueError, next(iter(setting)), SoftmaxRegression(**setting), *clouds)


DIVERGING = {
    "constant": {"learning_rate": "constant", "eta0": 1e30, "alpha": 1.0},
    "falling": {"learning_rate": "invscaling", "eta0": 1e30, "alpha": 1.0, "power_t": 0.1},
    "derived, to finite weights": {"step_scale": 1e300, "alpha": 0},
    "constant, to finite weights": {"learning_rate": "constant", "eta0": 1e300, "alpha": 0},
    "slowly": {"solver": "sgd", "learning_rate": "constant", "eta0": 2.1, "alpha": 1.0, "max_iter": 3},
    "slowly by svrg": {"solver": "svrg", "learning_rate": "constant", "eta0": 2.1, "alpha": 1.0, "max_iter": 3},
}


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize("steps", DIVERGING)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_diverging_steps_end_in_an_error(clouds, steps, fitted):
    """An objective that is not finite, though the weights are, does not count as no improvement."""
    estimator = SoftmaxRegression(random_state=0)
    if fitted:
        estimator.fit(*clouds)
    estimator.set_params(**DIVERGING[steps])
    message = "The objective is nan" if "finite" in steps else "smaller eta0"
    refuse(DivergenceError, message, estimator, *clouds)
    estimator.set_params(eta0=0.1, step_scale=1.0).fit(*clouds)  # these steps are short enough


@pytest.mark.parametrize("solver", DEFAULTS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore::RuntimeWarning")
@pytest.mark.parametrize("size", [1e-300, 1e-160, 1e160, 1e300])
def test_numbers_at_the_ends_of_the_range(clouds, solver, size):
    """A finite model or a clear error, never NaN."""
    X, y = clouds
    estimator = SoftmaxRegression(solver=solver, random_state=0, max_iter=20)
    before, message = state(estimator), ""
    try:
        estimator.fit(X * size, y)
    except DivergenceError as error:
        message = str(error)
    if message:
        assert "scale" in message.lower()
        assert state(estimator) == before
    else:
        assert np.isfinite(estimator.coef_).all()
        assert np.isfinite(estimator.intercept_).all()


@pytest.mark.parametrize("solver", DEFAULTS)
def test_features_and_samples_that_say_nothing(clouds, solver):
    X, y = clouds
    odd = np.hstack([X, np.ones((300, 1)) * 5, np.zeros((300, 1)), X[:, :1]])  # constant, zero, a duplicate
    odd[::7] = 0
    fit = SoftmaxRegression(solver=solver, alpha=0.01, random_state=0).fit(odd, y)
    assert_array_equal(fit.coef_[:, 7], 0)
    if solver in ("lbfgs", "newton"):  # the optimum shares the weight between duplicates
        assert_allclose(fit.coef_[:, 0], fit.coef_[:, 8], rtol=0, atol=1e-4 / 0.01)
    assert fit.score(odd, y) > 0.5


@pytest.mark.parametrize("solver", DEFAULTS)
def test_one_sample_a_class(solver):
    X = np.eye(4)
    fit = SoftmaxRegression(solver=solver, alpha=0.01, random_state=0).fit(X, [3, 1, 2, 0])
    assert_array_equal(fit.predict(X), [3, 1, 2, 0])


@pytest.mark.parametrize("solver", ["lbfgs", "newton", "gd", "nesterov", pytest.param("svrg", marks=pytest.mark.long)])
def test_separable_data_without_a_penalty(solver):
    """There is no optimum: the weights grow until the gradient is under tol, or max_iter is reached with a warning."""
    X, y = np.array([[-1.0], [-2.0], [1.0], [2.0]]), np.array([0, 0, 1, 1])
    fit = LogisticRegression(solver=solver, alpha=0, random_state=0, max_iter=25_000).fit(X, y)
    assert fit.history_["gradient_norm"][-1] <= 1e-4
    assert fit.score(X, y) == 1
    with pytest.warns(ConvergenceWarning, match="gradient norm .* > tol.*Increase max_iter"):
        LogisticRegression(solver=solver, alpha=0, random_state=0, max_iter=1, tol=1e-12).fit(X, y)


SGD_MODULE, SVRG_MODULE = (sys.modules[solver.__module__] for solver in (sgd, svrg))
PASSES = [
    (objective, "loss_gradient"),
    (objective, "loss_sum"),
    (objective, "hessian_vector"),
    (SGD_MODULE, "sgd_steps"),
    (SVRG_MODULE, "svrg_steps"),
]


@pytest.mark.parametrize("solver", ["lbfgs", "newton", "nesterov", "svrg", "sgd"])
@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_interrupt_leaves_the_estimator_as_it_was(small_mnist: ImageData, monkeypatch, solver, n_jobs, fitted):
    """Whichever pass is at work when Ctrl-C comes, in whichever of its chunks."""
    X, y = small_mnist.X_train[:2000, 300:340], small_mnist.y_train[:2000]
    estimator = SoftmaxRegression(solver=solver, n_jobs=n_jobs, max_iter=3, tol=0.5, random_state=0)
    if fitted:
        estimator.fit(X, y)

    def interrupted(kernel, calls):
        def call(*arguments):
            calls.append(kernel)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return kernel(*arguments)

        return call

    for module, name in PASSES:
        calls = []
        with monkeypatch.context() as patch:
            patch.setattr(module, name, interrupted(getattr(module, name), calls))
            before = state(estimator)
            try:
                estimator.fit(X[::-1], y)
            except KeyboardInterrupt:
                assert state(estimator) == before
            else:
                assert len(calls) < 3  # this solver has no such passes


def test_an_interrupt_of_partial_fit_leaves_what_came_before(clouds, monkeypatch):
    X, y = clouds
    fit = SoftmaxRegression(random_state=0).partial_fit(X, y, classes=[0, 1, 2])
    undisturbed = pickle.loads(pickle.dumps(fit)).partial_fit(X, y)
    before = state(fit)

    def interrupted(*arguments, kernel=SGD_MODULE.sgd_steps):
        kernel(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(SGD_MODULE, "sgd_steps", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fit.partial_fit(X, y)
    assert state(fit) == before
    assert_array_equal(fit.partial_fit(X, y).coef_, undisturbed.coef_)  # the weights inside are as before as well
