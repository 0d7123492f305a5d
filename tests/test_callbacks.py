"""scikit-learn's callbacks on our estimators, with every solver, alone and inside others."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mnistlr import LogisticRegression, SoftmaxRegression
from mnistlr.training import DEFAULTS
from tests.helpers.recorder import Recorder

callback = pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9 has no callbacks")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(params=[LogisticRegression, SoftmaxRegression])
def model(request):
    return request.param


@pytest.fixture
def data(model, digits):
    X, y = digits.X_train[:600].astype(np.uint8), digits.y_train[:600]
    return X, y == 2 if model is LogisticRegression else y


@pytest.mark.parametrize("solver", DEFAULTS)
def test_the_course_of_a_fit(model, solver, data):
    """What is seen after an iteration is the model of a fit that stops there."""
    X, y = data
    weight = np.ones(len(y))
    recorder = Recorder()
    fit = model(solver=solver, max_iter=5, random_state=0).set_callbacks(recorder).fit(X, y, weight)
    iterations = ["begin iteration", "end iteration"] * fit.n_iter_
    assert recorder.events == ["setup", "begin fit", *iterations, "end fit", "teardown"]
    for n_iter, (before, after) in enumerate(zip(recorder.begun, recorder.ended, strict=True)):
        assert (before.n_iter_, after.n_iter_) == (n_iter, n_iter + 1)
        if n_iter:
            assert_array_equal(before.coef_, recorder.ended[n_iter - 1].coef_)
        stopped = model(solver=solver, max_iter=n_iter + 1, random_state=0).fit(X, y, weight)
        assert_array_equal(after.coef_, stopped.coef_)
        assert_array_equal(after.intercept_, stopped.intercept_)
        assert_array_equal(after.predict(X), stopped.predict(X))
    assert_array_equal(fit.coef_, stopped.coef_)
    for X_seen, y_seen, metadata in recorder.seen:
        assert X_seen is X
        assert y_seen is y
        assert metadata["sample_weight"] is weight
    assert not any(name.startswith(("_callback", "_skl_callbacks_")) for name in vars(fit))


@pytest.mark.parametrize("solver", DEFAULTS)
def test_a_callback_stops_the_fit(model, solver, data):
    recorder = Recorder(stop_after=2)
    fit = model(solver=solver, random_state=0, tol=1e-12).set_callbacks(recorder).fit(*data)
    assert fit.n_iter_ == 2
    assert fit.stop_reason_ == "stopped by a callback"
    assert recorder.events[-2:] == ["end fit", "teardown"]


def test_with_early_stopping_the_best_so_far_is_shown(digits):
    X, y = digits.X_train, digits.y_train
    settings = {"early_stopping": True, "random_state": 0, "learning_rate": "constant", "eta0": 3.0, "average": False}
    recorder = Recorder()
    fit = SoftmaxRegression(n_iter_no_change=5, tol=0, **settings).set_callbacks(recorder).fit(X, y)
    loss = fit.history_["validation_loss"]
    assert loss.argmin() < len(loss) - 1, "this is about a fit whose last epoch is not its best"
    assert_array_equal(recorder.ended[-1].coef_, fit.coef_)


def test_a_broken_callback_leaves_the_estimator_as_it_was(model, data):
    fit = model(random_state=0).fit(*data)
    before = dict(vars(fit))
    broken = Recorder(stop_after="a word")  # which is no number to compare with
    with pytest.raises(TypeError, match="not supported between"):
        fit.set_callbacks(broken).fit(*data)
    assert broken.events[-1] == "teardown"
    fit.set_callbacks()
    assert vars(fit).keys() == before.keys()
    assert all(vars(fit)[name] is before[name] for name in before)


def test_bad_data_are_torn_down_after(model, data):
    X, y = data
    recorder = Recorder()
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model().set_callbacks(recorder).fit(X, y[:-1])
    assert recorder.events == ["setup", "begin fit", "teardown"]


@pytest.mark.parametrize("solver", DEFAULTS)
def test_scoring_monitor(model, solver, data):
    X, y = data
    monitor = callback.ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
    fit = model(solver=solver, max_iter=5, random_state=0).set_callbacks(monitor).fit(X, y)
    log = [row for row in monitor.get_logs().data if row["task_name"] == "iteration"]
    assert len(log) == fit.n_iter_
    assert log[-1]["accuracy"] == fit.score(X, y)
    # The objective less its penalty is the log-loss, in the arithmetic of the data: float32.
    penalty = fit.alpha / 2 * np.square(fit.coef_ * 255).sum()
    assert_allclose(-log[-1]["neg_log_loss"], fit.history_["objective"][-1] - penalty, rtol=1e-4)


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.long)])
@pytest.mark.filterwarnings("ignore:X holds whole numbers")
def test_inside_grid_search_and_pipeline(model, data, n_jobs, capsys):
    X, y = data
    monitor = callback.ScoringMonitor(scoring="accuracy")
    classifier = model(max_iter=2, random_state=0, solver="lbfgs").set_callbacks(monitor)
    pipeline = make_pipeline(StandardScaler(), classifier)
    search = GridSearchCV(pipeline, {f"{model.__name__.lower()}__alpha": [1e-3, 1e-1]}, cv=2, n_jobs=n_jobs)
    search.set_callbacks(callback.ProgressBar(max_propagation_depth=None)).fit(X.astype(float), y)
    (log,) = monitor.get_logs(select="all")
    assert log.estimator_name == "GridSearchCV"
    iterations = [row for row in log.data if row["task_name"] == "iteration"]
    assert len(iterations) == (2 * 2 + 1) * 2
    assert all(row["estimator_name"] == model.__name__ for row in iterations)
    assert f"{model.__name__} - fit" in capsys.readouterr().out
    assert search.best_estimator_[-1].n_iter_ == 2


def test_what_is_no_callback_is_refused(model):
    with pytest.raises(TypeError, match="FitCallback"):
        model().set_callbacks(print)
