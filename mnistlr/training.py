"""From an estimator's parameters to a run: which solver, and the one loop that all solvers share.

A solver is a generator of iterates and never stops by itself, unless it finds no better point. ``minimise`` decides
when to stop, keeps the history, tells callbacks, and lets the clock run only while the solver works.
"""

import inspect
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state, compute_class_weight

from mnistlr._support.arrays import Array
from mnistlr._support.threads import count_threads
from mnistlr.datasets.split import stratified_split
from mnistlr.exceptions import DivergenceError
from mnistlr.objective import Objective
from mnistlr.samples import Samples
from mnistlr.solvers import SGD, Iterate, gradient_descent, lbfgs, newton, sgd, svrg
from mnistlr.stopping import GradientRule, ImprovementRule

# solver -> default tol, default max_iter
DEFAULTS = {
    "lbfgs": (1e-4, 1000),
    "newton": (1e-4, 100),
    "svrg": (1e-4, 100),
    "gd": (1e-4, 1000),
    "nesterov": (1e-4, 1000),
    "sgd": (2e-2, 100),
}


@dataclass(frozen=True)
class Result:
    """Where a run stopped, after how many iterations, whether it is where it was to end, and why."""

    theta: Array
    n_iter: int
    converged: bool
    message: str


class Watcher(Protocol):
    """Sees a run from outside. Its time is not counted."""

    def begin(self, theta: Array) -> None:
        """See that an iteration starts from ``theta``."""

    def end(self, theta: Array, iteration: int, record: dict[str, float]) -> bool:
        """See that an iteration has ended, or for 0 that the starting point was evaluated; return whether to stop."""


@dataclass
class History:
    """The course of a run, a record an iteration."""

    records: list[dict[str, float]] = field(default_factory=list)

    def note(self, iterate: Iterate, seconds: float, **more: float) -> dict[str, float]:
        """Add a record and return it."""
        record = {
            "objective": iterate.value,
            "gradient_norm": iterate.gradient_norm,
            "step": iterate.step,
            "seconds": seconds,
            "passes": iterate.passes,
            **more,
        }
        self.records.append({name: float(value) for name, value in record.items()})
        return self.records[-1]

    def arrays(self) -> dict[str, Array]:
        """Return one array for each field; the first entry belongs to the starting point where that was evaluated."""
        return {name: np.array([record[name] for record in self.records]) for name in self.records[0]}


def minimise(
    iterates: Iterator[Iterate],
    start: Array,
    rule: GradientRule | ImprovementRule,
    max_iter: int,
    watcher: Watcher | None = None,
) -> tuple[Result, dict[str, Array]]:
    """Run a solver until the rule, a watcher or ``max_iter`` stops it.

    Parameters
    ----------
    iterates : iterator of Iterate
        The solver.
    start : ndarray
        Where it starts, to tell the watcher.
    rule : GradientRule or ImprovementRule
    max_iter : int
    watcher : Watcher, optional

    Returns
    -------
    result : Result
    history : dict of ndarray
        ``objective``, ``gradient_norm``, ``step``, ``seconds`` (of the solver alone), ``passes``, and
        ``validation_loss`` with early stopping.

    Raises
    ------
    DivergenceError
        If the numbers are no longer finite.
    """
    history, seconds, theta, n_iter, has_begun = History(), 0.0, start, 0, False
    while True:
        if watcher is not None and not has_begun:
            watcher.begin(theta)
            has_begun = True
        started = time.perf_counter()
        iterate = next(iterates, None)
        seconds += time.perf_counter() - started
        if iterate is None:
            return Result(theta, n_iter, False, rule.stuck()), history.arrays()
        n_iter = iterate.iteration
        record = history.note(iterate, seconds, **rule.extras(iterate))
        theta = rule.answer()
        stop = watcher is not None and watcher.end(theta, n_iter, record)
        has_begun = has_begun and n_iter == 0
        verdict = rule.judge(iterate)
        if verdict is not None:
            return Result(theta, n_iter, *verdict), history.arrays()
        if stop:
            return Result(theta, n_iter, True, "stopped by a callback"), history.arrays()
        if n_iter >= max_iter:
            return Result(theta, n_iter, False, rule.exhausted()), history.arrays()


# ---------------------------------------------------------------------------------------------------------------
# From an estimator's parameters to a run
# ---------------------------------------------------------------------------------------------------------------


def objective_of(model: Any, X: Any, y: Array, classes: Array, sample_weight: Array | None) -> Objective:
    """Return what ``model`` is to minimise, for checked data and labels given as class numbers.

    Raises
    ------
    ValueError
        For class weights that are no weights, or if no sample has a weight.
    """
    if sample_weight is not None:
        sample_weight = scaled(sample_weight)
    if model.class_weight is not None:
        per_class = scaled(class_weights(model, classes, classes[y], sample_weight))
        sample_weight = scaled(per_class[y] * (1.0 if sample_weight is None else sample_weight))
    if sample_weight is not None and not sample_weight.any():
        raise ValueError("At least one of the sample weights must be positive, all are zero.")
    return Objective(
        Samples.of(X),
        y.astype(np.int32),
        1 if len(classes) == 2 else len(classes),
        alpha=float(model.alpha),
        sample_weight=sample_weight,
        fit_intercept=model.fit_intercept,
        n_threads=count_threads(model.n_jobs),
    )


def class_weights(model: Any, classes: Array, y: Array, sample_weight: Array | None) -> Array:
    """Return the weight of each class, for samples with the labels ``y``.

    Raises
    ------
    ValueError
        If one is negative or not finite.
    """
    per_class: Array
    with np.errstate(divide="ignore"):  # "balanced", and a class without weight
        per_class = compute_class_weight(model.class_weight, classes=classes, y=y, sample_weight=sample_weight)
    if not (np.isfinite(per_class).all() and (per_class >= 0).all()):
        raise ValueError(
            f"class_weight must be finite and >= 0, got {model.class_weight}, which makes "
            f"{dict(zip(classes.tolist(), per_class.tolist(), strict=True))} with these samples."
        )
    return per_class


def scaled(weight: Array) -> Array:
    """Return weights in the same proportions, the largest in [1/2, 1): no sum or product of them overflows."""
    same: Array = np.ldexp(weight, -np.frexp(weight.max())[1])
    return same


def starting_point(model: Any, objective: Objective, classes: Array, warm: bool) -> Array:
    """Return zeros, or with a warm start the present coefficients.

    Raises
    ------
    ValueError
        If these are of other classes or features.
    """
    if not warm or not hasattr(model, "coef_"):
        return objective.zeros()
    if not np.array_equal(classes, model.classes_) or model.coef_.shape[1] != objective.samples.d:
        raise ValueError(
            f"warm_start needs the same classes and features as before: {model.classes_} and {model.coef_.shape[1]} "
            f"features, got {classes} and {objective.samples.d} features."
        )
    return np.concatenate([model.coef_.ravel() / objective.samples.unit, model.intercept_])


def coefficients(objective: Objective, classes: Array, theta: Array) -> dict[str, Array]:
    """Return the attributes that a model needs to predict, in the units of the input."""
    W, b = objective.unpack(theta)
    return {"classes_": classes, "coef_": W * objective.samples.unit, "intercept_": b.copy()}


def solver_of(model: Any) -> str:
    """Return the name of the solver that ``model`` uses."""
    name: str = model._default_solver if model.solver is None else model.solver
    return name


def limits_of(model: Any) -> tuple[float, int]:
    """Return ``tol`` and ``max_iter``, the solver's own where the model names none."""
    tol, max_iter = DEFAULTS[solver_of(model)]
    return tol if model.tol is None else model.tol, max_iter if model.max_iter is None else model.max_iter


def sgd_settings(model: Any) -> dict[str, Any]:
    """Return the settings of ``SGD``."""
    auto = model.learning_rate == "auto"
    return {
        "batch_size": model.batch_size,
        "eta": None if auto else model.eta0,
        "power": 0.5 if auto else 0.0 if model.learning_rate == "constant" else model.power_t,
        "average": model.average,
        "momentum": model.momentum,
    }


def start_sgd(model: Any, objective: Objective, theta: Array) -> SGD:
    """Return the state of a run that goes on piece by piece."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return SGD(objective, theta, **sgd_settings(model))


def run(
    model: Any, objective: Objective, theta: Array, watcher: Watcher | None = None
) -> tuple[Result, dict[str, Array]]:
    """Minimise ``objective`` from ``theta`` as the model's parameters say; see ``minimise``."""
    tol, max_iter = limits_of(model)
    solver = solver_of(model)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # finiteness is checked by name
        if solver == "sgd":
            iterates, rule = _start_epochs(model, objective, theta, tol)
            return minimise(iterates, theta, rule, max_iter, watcher)
        if solver == "svrg":
            eta = None if model.learning_rate == "auto" else model.eta0
            random_state = check_random_state(model.random_state)
            iterates = svrg(objective, theta, random_state=random_state, batch_size=model.batch_size, eta=eta)
        elif solver == "lbfgs":
            iterates = lbfgs(objective, theta)
        elif solver == "newton":
            iterates = newton(objective, theta)
        else:
            iterates = gradient_descent(objective, theta, accelerated=solver == "nesterov")
        return minimise(iterates, theta, GradientRule(tol, objective), max_iter, watcher)


def _start_epochs(
    model: Any, objective: Objective, theta: Array, tol: float
) -> tuple[Iterator[Iterate], ImprovementRule]:
    """Return SGD's epochs and when to stop them; with early stopping some samples are held back."""
    random_state = check_random_state(model.random_state)
    rows = validation = None
    if model.early_stopping:
        numbers = np.arange(objective.samples.n)
        _, held_back, _, _ = stratified_split(
            numbers, objective.y, test_size=model.validation_fraction, random_state=random_state
        )
        objective, validation, rows = objective.without(held_back)
    iterates = sgd(objective, theta, rows=rows, random_state=random_state, **sgd_settings(model))
    return iterates, ImprovementRule(tol, model.n_iter_no_change, validation)


def check_result(model: Any, objective: Objective, result: Result) -> None:
    """Warn of a run that did not converge.

    Raises
    ------
    DivergenceError
        If the weights are not finite.
    """
    if not np.isfinite(result.theta).all():
        raise DivergenceError(
            f"The weights are no longer finite ({result.message}); are the features, of size up to "
            f"{objective.samples.peaks().max():.3g}, in sensible units? Scale them."
        )
    if not result.converged:
        advice = "Increase max_iter, raise" if result.n_iter >= limits_of(model)[1] else "Raise"
        warnings.warn(
            f"{type(model).__name__}(solver={solver_of(model)!r}) did not converge: {result.message}. "
            f"{advice} tol or alpha, or scale the features.",
            ConvergenceWarning,
            stacklevel=_frames_here(),
        )


def _frames_here() -> int:
    """Return the ``stacklevel`` at which a warning names the line that called this package."""
    frame, level = inspect.currentframe(), 0
    while frame and frame.f_globals.get("__name__", "").startswith(("mnistlr.", "sklearn.callback")):
        frame, level = frame.f_back, level + 1
    return level
