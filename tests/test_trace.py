"""Watching a fit: the same course as the fit itself, and the error of the model as it is after each iteration."""

import copy
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from mnistlr import LogisticRegression, SoftmaxRegression, estimators, trace, training
from mnistlr.trace import trace_fit
from tests.conftest import ImageData


@pytest.mark.parametrize(
    ("model", "digit"),
    [
        (SoftmaxRegression(random_state=0, max_iter=4, tol=0), None),
        (SoftmaxRegression(solver="lbfgs", tol=1e-2), None),
        (LogisticRegression(tol=1e-3), 2),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("divisor", [None, 255.0])
def test_course_is_that_of_fit(digits: ImageData, model: Any, digit: int | None, divisor: float | None) -> None:
    X, X_test = (part if divisor is None else part / divisor for part in (digits.X_train, digits.X_test))
    y, y_test = (part if digit is None else part == digit for part in (digits.y_train, digits.y_test))
    model = clone(model)
    before = copy.deepcopy(model.__dict__)
    course = trace_fit(model, X, y, X_test, y_test)
    assert model.__dict__ == before
    model.fit(X, y)
    for name in ("objective", "passes", "step"):
        assert np.array_equal(course[name], model.history_[name], equal_nan=True)
    assert course["test_error"][-1] == pytest.approx(1 - model.score(X_test, y_test), abs=1e-12)
    assert (np.diff(course["seconds"]) >= 0).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_error_after_each_iteration(digits: ImageData) -> None:
    labels = np.array(list("abcdefghij"))
    y, y_test = labels[digits.y_train], labels[digits.y_test]
    settings: dict[str, Any] = {"random_state": 0, "tol": 0}
    course = trace_fit(SoftmaxRegression(max_iter=3, **settings), digits.X_train, y, digits.X_test, y_test)
    for k in range(3):
        model = SoftmaxRegression(max_iter=k + 1, **settings).fit(digits.X_train, y)
        assert course["test_error"][k] == pytest.approx(1 - model.score(digits.X_test, y_test), abs=1e-12)


@pytest.mark.parametrize("solver", ["sgd", "svrg", "newton", "gd"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_clock_starts_when_the_code_is_compiled(
    digits: ImageData, solver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The training runs on a few samples before it is timed: else the first run of a solver would look slow."""
    run, sizes = training.run, []

    def spy(model: Any, objective: Any, *others: Any) -> Any:
        sizes.append(objective.samples.n)
        return run(model, objective, *others)

    for module in (estimators, trace):
        monkeypatch.setattr(module, "run", spy)
    model = SoftmaxRegression(solver=solver, max_iter=3)
    trace_fit(model, digits.X_train, digits.y_train, digits.X_test, digits.y_test)
    assert sizes == [10, len(digits.y_train)]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_warm_up_draws_no_random_numbers(digits: ImageData) -> None:
    """Else a model with a ``RandomState`` of its own would be traced along another course than it is fitted."""
    settings: dict[str, Any] = {"max_iter": 1, "tol": 0}
    few, traced, fitted = slice(600), np.random.RandomState(0), np.random.RandomState(0)
    arguments = digits.X_train[few], digits.y_train[few]
    trace_fit(SoftmaxRegression(random_state=traced, **settings), *arguments, digits.X_test, digits.y_test)
    SoftmaxRegression(random_state=fitted, **settings).fit(*arguments)
    assert traced.randint(1 << 30) == fitted.randint(1 << 30)
