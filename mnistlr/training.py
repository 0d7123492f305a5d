"""From an estimator's parameters to a run: which solver, and the one loop that all solvers share.

A solver is a generator of iterates and never stops by itself, unless it finds no better point. ``minimise`` decides
when to stop, keeps the history, tells callbacks, and lets the clock run only while the solver works.
"""

import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from inspect import signature
from typing import Any, Protocol

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from mnistlr._support.arrays import Array
from mnistlr._support.inputs import warn
from mnistlr._support.threads import count_threads
from mnistlr.datasets.split import stratified_split
from mnistlr.exceptions import DivergenceError
from mnistlr.objective import Objective
from mnistlr.samples import Samples
from mnistlr.solvers import SGD, Iterate, gradient_descent, lbfgs, newton, sgd, span, svrg
from mnistlr.stopping import GradientRule, ImprovementRule
from mnistlr.weighting import combined

# solver -> default tol, default max_iter
DEFAULTS = {
    "lbfgs": (1e-4, 1000),
    "newton": (1e-4, 100),
    "svrg": (1e-4, 100),
    "gd": (1e-4, 1000),
    "nesterov": (1e-4, 1000),
    "sgd": (2e-2, 100),
}
SMALL = 10_000_000  # n_samples * n_features * n_raw: "lbfgs" finds the optimum of smaller problems in about a second
SMALL_AND_WIDE = 200_000_000  # the same where features are as many as samples: it takes a dozen iterations there
SMALL_TOL, SMALL_AND_WIDE_TOL = 3e-5, 3e-6  # of "lbfgs" for these, where they are no larger or larger than SMALL
SPAN_TOL = 1e-7  # of "lbfgs" in the span of few samples, where an iteration costs next to nothing
SET_FOR_SGD = {"batch_size", "learning_rate", "step_scale", "eta0", "power_t", "average", "momentum", "early_stopping"}
SET_FOR_SGD |= {"validation_fraction", "n_iter_no_change", "tol", "max_iter"}


@dataclass(frozen=True)
class Result:
    """The outcome of a run: its last point, the number of iterations, whether it converged, and why it stopped."""

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
    seconds: float = 0.0,
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
    seconds : float
        What the solver took to be set up.

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
    history, theta, n_iter, has_begun = History(), start, 0, False
    while True:
        if watcher is not None and not has_begun:
            watcher.begin(theta)
            has_begun = True
        started = time.perf_counter()
        iterate = next(iterates, None)
        seconds += time.perf_counter() - started
        if iterate is None:
            return Result(theta, n_iter, *rule.stuck()), history.arrays()
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
    return piece_of(model, X, y, classes, sample_weight)[0]


def piece_of(model: Any, X: Any, y: Array, classes: Array, sample_weight: Array | None) -> tuple[Objective, int]:
    """Return the objective of a piece of the data, and e: the weights that were asked for are its weights times 2^e."""
    weight, exponent = combined(model.class_weight, classes, y, sample_weight)
    objective = Objective(
        Samples.of(X),
        y.astype(np.int32),
        1 if len(classes) == 2 else len(classes),
        alpha=float(model.alpha),
        sample_weight=weight,
        fit_intercept=model.fit_intercept,
        n_threads=count_threads(model.n_jobs),
    )
    return objective, exponent


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
    intercept = model.intercept_ if model.fit_intercept else np.zeros_like(model.intercept_)
    return np.concatenate([model.coef_.ravel() / objective.samples.unit, intercept])


def coefficients(objective: Objective, classes: Array, theta: Array) -> dict[str, Array]:
    """Return the attributes that a model needs to predict, in the units of the input."""
    W, b = objective.unpack(theta)
    return {"classes_": classes, "coef_": W * objective.samples.unit, "intercept_": b.copy()}


def solver_of(model: Any) -> str:
    """Return the name of the solver that ``model`` uses, for small problems see ``solver_for``."""
    name: str = model._default_solver if model.solver is None else model.solver
    return name


def solver_for(model: Any, objective: Objective) -> str:
    """Return the name of the solver that minimises ``objective``: "lbfgs" where SGD is not asked for and saves nothing.

    On a small problem SGD stops short of the optimum, for a second at most. Whoever sets its parameters gets it.
    """
    is_wide = objective.samples.d >= objective.samples.n
    is_small = _size(objective) <= (SMALL_AND_WIDE if is_wide else SMALL)
    if model.solver is None and solver_of(model) == "sgd" and is_small and _may_choose(model):
        return "lbfgs"
    return solver_of(model)


def _size(objective: Objective) -> int:
    return objective.samples.n * objective.samples.d * objective.n_raw


def _may_choose(model: Any) -> bool:
    defaults = signature(type(model)).parameters
    return all(getattr(model, name) == defaults[name].default for name in SET_FOR_SGD)


def most_iterations(model: Any) -> int:
    """Return a bound on the iterations before the data are known, which may choose the solver."""
    own = limits_of(model)[1]
    chosen = limits_of(model, "lbfgs")[1]
    return max(own, chosen) if model.solver is None and _may_choose(model) else own


def limits_of(model: Any, solver: str | None = None) -> tuple[float, int]:
    """Return ``tol`` and ``max_iter``, the solver's own where the model names none."""
    tol, max_iter = DEFAULTS[solver or solver_of(model)]
    return tol if model.tol is None else model.tol, max_iter if model.max_iter is None else model.max_iter


def sgd_settings(model: Any) -> dict[str, Any]:
    """Return the settings of ``SGD``."""
    auto = model.learning_rate == "auto"
    return {
        "batch_size": model.batch_size,
        "eta": None if auto else model.eta0,
        "step_scale": model.step_scale,
        "power": 0.5 if auto else 0.0 if model.learning_rate == "constant" else model.power_t,
        "average": model.average,
        "momentum": model.momentum,
    }


def run_piece(model: Any, piece: tuple[Objective, int], classes: Array, state: SGD | None) -> SGD:
    """Go once over a piece of the data, from ``piece_of``; return the state that continues ``state``.

    Raises
    ------
    ValueError
        If the piece is of pixels and those before were not, or the reverse.
    DivergenceError
        If the weights are no longer finite.
    """
    objective, exponent = piece
    theta = starting_point(model, objective, classes, warm=hasattr(model, "coef_"))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if state is None:
            state = SGD(objective, theta, **sgd_settings(model))
        elif state.unit != objective.samples.unit:
            raise ValueError("All pieces of the data must be uint8, or none; this one differs from those before.")
        else:
            state = copy.copy(state)
            last = coefficients(objective, classes, state.theta)
            if any(not np.array_equal(last[name], getattr(model, name)) for name in ("coef_", "intercept_")):
                state.restart(objective, theta)  # the user has changed them
        state.piece(objective, exponent, check_random_state(model.random_state))
    return state


def run(
    model: Any, objective: Objective, theta: Array, watcher: Watcher | None = None
) -> tuple[Result, dict[str, Array]]:
    """Minimise ``objective`` from ``theta`` as the model's parameters say; see ``minimise``."""
    solver = solver_for(model, objective)
    tol, max_iter = limits_of(model, solver)
    # Where nobody asked for this solver and its tolerance, what rounding allows is enough.
    enough = 0.0
    if solver != solver_of(model):
        if span.pays(objective) and not theta.any():
            return _run_in_span(objective, max_iter, watcher)
        enough, tol = np.inf, SMALL_TOL if _size(objective) <= SMALL else SMALL_AND_WIDE_TOL
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
        return minimise(iterates, theta, GradientRule(tol, objective, enough), max_iter, watcher)


def _run_in_span(objective: Objective, max_iter: int, watcher: Watcher | None) -> tuple[Result, dict[str, Array]]:
    """Minimise from zero by L-BFGS in the span of the samples, as far as rounding allows."""
    started = time.perf_counter()
    inner = span.Span(objective)
    seconds = time.perf_counter() - started
    iterates, rule = lbfgs(inner.objective, precondition=False), GradientRule(SPAN_TOL, inner.objective, np.inf)
    watcher = None if watcher is None else FromSpan(watcher, inner)
    result, history = minimise(iterates, inner.objective.zeros(), rule, max_iter, watcher, seconds)
    return replace(result, theta=inner.theta(result.theta)), history


@dataclass(frozen=True)
class FromSpan:
    """Shows a watcher where a run in a span is."""

    watcher: Watcher
    inner: span.Span

    def begin(self, theta: Array) -> None:
        """See that an iteration starts."""
        self.watcher.begin(self.inner.theta(theta))

    def end(self, theta: Array, iteration: int, record: dict[str, float]) -> bool:
        """See that an iteration has ended; return whether to stop."""
        return self.watcher.end(self.inner.theta(theta), iteration, record)


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
        solver = solver_for(model, objective)
        is_short = result.n_iter >= limits_of(model, solver)[1]
        advice = "Increase max_iter, raise" if is_short else "Raise"
        warn(
            f"{type(model).__name__}(solver={solver!r}) did not converge: {result.message}. "
            f"{advice} tol or alpha, or scale the features.",
            ConvergenceWarning,
        )
