"""What both models share as scikit-learn estimators: checking and fitting."""

import copy
import inspect
import warnings
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state, compute_class_weight
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, validate_data

from mnistlr._support.foreign import is_dask
from mnistlr._support.sklearn import CallbackSupportMixin, FitTasks, with_callbacks
from mnistlr._support.threads import count_threads
from mnistlr.datasets.split import stratified_split
from mnistlr.exceptions import ArgumentError, DivergenceError
from mnistlr.linear_predictor import LinearPredictor, dtype_of
from mnistlr.objective import Objective
from mnistlr.samples import Samples
from mnistlr.solvers import FEW, SGD, Monitor, Result, distinct, gradient_descent, lbfgs, newton, sgd, svrg

Array = npt.NDArray[Any]

# solver -> default tol, default max_iter
DEFAULTS = {
    "lbfgs": (1e-4, 1000),
    "newton": (1e-4, 100),
    "svrg": (1e-4, 100),
    "gd": (1e-4, 1000),
    "nesterov": (1e-4, 1000),
    "sgd": (2e-2, 100),
}


def _solver_is_sgd(estimator: "LinearClassifier") -> bool:
    if estimator._solver() != "sgd":
        raise AttributeError(f"partial_fit needs solver='sgd', this estimator has solver={estimator.solver!r}.")
    return True


class LinearClassifier(CallbackSupportMixin, LinearPredictor, BaseEstimator):  # type: ignore[misc]
    """A classifier with raw predictions X coef_^T + intercept_; subclasses say which classes they take."""

    _default_solver: str
    _parameter_constraints: dict[str, list[Any]] = {  # noqa: RUF012
        "solver": [StrOptions(set(DEFAULTS)), None],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left"), None],
        "max_iter": [Interval(Integral, 1, None, closed="left"), None],
        "fit_intercept": ["boolean"],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "batch_size": [Interval(Integral, 1, 2**31 - 1, closed="both")],
        "learning_rate": [StrOptions({"auto", "constant", "invscaling"})],
        "eta0": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "average": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    }

    classes_: Array
    coef_: Array
    intercept_: Array

    def __init__(
        self,
        *,
        solver: str | None = None,
        alpha: float = 1e-4,
        tol: float | None = None,
        max_iter: int | None = None,
        fit_intercept: bool = True,
        class_weight: Any = None,
        warm_start: bool = False,
        random_state: Any = None,
        n_jobs: int | None = None,
        batch_size: int = 16,
        learning_rate: str = "auto",
        eta0: float = 0.01,
        power_t: float = 0.5,
        average: bool = True,
        momentum: float = 0.0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 1,
    ) -> None:
        self.solver = solver
        self.alpha = alpha
        self.tol = tol
        self.max_iter = max_iter
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.eta0 = eta0
        self.power_t = power_t
        self.average = average
        self.momentum = momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change

    @with_callbacks  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
            ``uint8``, ``float32`` and ``float64`` are used as they are, without a copy if C-contiguous or CSR;
            everything else becomes float64. Dask arrays and data frames: see :func:`mnistlr.on_dask.fit`.
        y : array-like, shape (n_samples,)
            Labels of any kind: integers, booleans, strings.
        sample_weight : array-like, shape (n_samples,), optional
            Weights >= 0.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For data that do not fit together or are not finite, or labels of a wrong number of classes.
        DivergenceError
            If the optimisation leaves the finite numbers.

        Notes
        -----
        A failed or interrupted fit leaves the estimator as it was.
        """
        self._validate_params()
        tasks = None
        if getattr(self, "_skl_callbacks", None):
            metadata = None if sample_weight is None else {"sample_weight": sample_weight}
            tasks = FitTasks(self, self._limits()["max_iter"], X=X, y=y, metadata=metadata)
        fitted = copy.copy(self)
        if is_dask(X):
            from mnistlr.on_dask import learn

            learn(fitted, X, y, sample_weight, tasks)
        else:
            fitted._fit(X, y, sample_weight, tasks)
        self.__dict__ = fitted.__dict__  # one step, so that nobody, interrupt or thread, finds it half done
        return self

    def _fit(self, X: Any, y: Any, sample_weight: Any, tasks: FitTasks | None) -> None:
        X, y = self._validate(X, y, reset=True)
        classes, y = np.unique(y, return_inverse=True)
        self._check_classes(classes)
        objective = self._objective(X, y, classes, sample_weight)
        if self._solver() in ("sgd", "svrg") and len(y) <= FEW:
            objective = distinct(objective)
        self._learn(objective, classes, tasks)

    def _learn(self, objective: Objective, classes: Array, tasks: FitTasks | None = None) -> None:
        """Minimise, and keep the result and the course it took."""
        monitor = Monitor()
        if tasks is not None:
            monitor = Monitor(tasks.end_iteration, tasks.begin_iteration)
            tasks.model_at = lambda theta: {**self.__dict__, **_coefficients(objective, classes, theta)}
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # finiteness is checked by name
            result = self._minimise(objective, self._start(objective, classes), monitor)
        self._keep(objective, classes, result)
        self.n_iter_, self.history_, self.stop_reason_ = result.n_iter, monitor.history(), result.message
        self.__dict__.pop("_sgd", None)
        if tasks is not None:
            tasks.end(self.__dict__)

    @available_if(_solver_is_sgd)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Go once over a piece of the data with SGD, continuing from the pieces before.

        Parameters
        ----------
        X, y, sample_weight
            As for ``fit``, but here and not on Dask; all pieces of the same kind of numbers (all ``uint8`` or all
            floats).
        classes : array-like, shape (n_classes,)
            All labels that will ever occur; needed in the first call only.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For data that do not fit together or to the pieces before, labels not among ``classes``, or
            ``class_weight="balanced"``, which a piece cannot know, or Dask arrays. The model stays as it was.
        """
        if any(map(is_dask, (X, y, sample_weight))):
            raise ArgumentError(
                "partial_fit takes a piece that is in this process, but this one is on Dask: use fit, which with "
                "solver='sgd' goes over the blocks one after the other, or hand over each block computed."
            )
        self._validate_params()
        fitted = copy.copy(self)
        fitted._fit_piece(X, y, classes, sample_weight)
        self.__dict__ = fitted.__dict__
        return self

    def _fit_piece(self, X: Any, y: Any, classes: Any, sample_weight: Any) -> None:
        if self.class_weight == "balanced":
            raise ValueError(
                "partial_fit does not support class_weight='balanced': a piece does not tell how often the classes "
                "occur in all data. Use the weights {label: n_samples / (n_classes * count of the label)}."
            )
        first = not hasattr(self, "classes_")
        if first and (classes is None or not np.size(classes)):
            raise ValueError("The first call of partial_fit needs classes: all labels that will ever occur.")
        X, y = self._validate(X, y, reset=first)
        known = np.unique(classes) if first else self.classes_
        if not first and classes is not None and not np.array_equal(np.unique(classes), known):
            raise ValueError(f"classes={np.unique(classes)} differ from those of the first call, {known}.")
        if first:
            self._check_classes(known)
        y_numbers = np.searchsorted(known, y).clip(max=len(known) - 1)
        if (known[y_numbers] != y).any():
            unknown = np.setdiff1d(y, known)
            raise ValueError(f"y has labels that are not among the classes {known}: {unknown}.")
        objective = self._objective(X, y_numbers, known, sample_weight)
        state = self.__dict__.get("_sgd")
        if state is None:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                state = SGD(objective, self._start(objective, known, warm=not first), **self._sgd_settings())
        if state.scale != objective.samples.scale:
            raise ValueError("All pieces of the data must be uint8, or none; this one differs from those before.")
        self._sgd = state.copy()
        self._sgd.epoch(objective, None, check_random_state(self.random_state))
        self._keep(objective, known, Result(self._sgd.theta, 1, True, "partial_fit does one pass"))
        self.n_iter_, self.stop_reason_ = 1, "partial_fit does one pass"
        self.__dict__.pop("history_", None)  # that of an earlier fit is not this model's

    def _validate(self, X: Any, y: Any, reset: bool) -> tuple[Any, Array]:
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=dtype_of(X), order="C", reset=reset)
        check_classification_targets(y)
        return X, y

    def _check_classes(self, classes: Array) -> None:
        if len(classes) < 2:
            raise ValueError(
                f"{type(self).__name__} needs samples of at least 2 classes, but the data contains only one class: "
                f"{classes.tolist()[0]!r}."
            )

    def _objective(self, X: Any, y: Array, classes: Array, sample_weight: Any) -> Objective:
        """What is to be minimised, for labels given as class numbers."""
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
            sample_weight = scaled(sample_weight)
        if self.class_weight is not None:
            per_class = scaled(self._class_weights(classes, classes[y], sample_weight))
            sample_weight = scaled(per_class[y] * (1.0 if sample_weight is None else sample_weight))
        if sample_weight is not None and not sample_weight.any():
            raise ValueError("At least one of the sample weights must be positive, all are zero.")
        return Objective(
            Samples.of(X), y.astype(np.int32), 1 if len(classes) == 2 else len(classes), alpha=float(self.alpha),
            sample_weight=sample_weight, fit_intercept=self.fit_intercept, n_threads=count_threads(self.n_jobs),
        )  # fmt: skip

    def _class_weights(self, classes: Array, y: Array, sample_weight: Array | None) -> Array:
        """Return the weight of each class, for samples with the labels ``y``."""
        per_class: Array
        with np.errstate(divide="ignore"):  # "balanced", and a class without weight
            per_class = compute_class_weight(self.class_weight, classes=classes, y=y, sample_weight=sample_weight)
        if not (np.isfinite(per_class).all() and (per_class >= 0).all()):
            raise ValueError(
                f"class_weight must be finite and >= 0, got {self.class_weight}, which makes "
                f"{dict(zip(classes.tolist(), per_class.tolist(), strict=True))} with these samples."
            )
        return per_class

    def _start(self, objective: Objective, classes: Array, warm: bool | None = None) -> Array:
        """The starting point: zeros, or with a warm start the present coefficients."""
        if not (self.warm_start if warm is None else warm) or not hasattr(self, "coef_"):
            return np.zeros(objective.n_parameters)
        if not np.array_equal(classes, self.classes_) or self.coef_.shape[1] != objective.samples.d:
            raise ValueError(
                f"warm_start needs the same classes and features as before: {self.classes_} and {self.coef_.shape[1]} "
                f"features, got {classes} and {objective.samples.d} features."
            )
        return np.concatenate([self.coef_.ravel() / objective.samples.scale, self.intercept_])

    def _minimise(self, objective: Objective, theta: Array, monitor: Monitor) -> Result:
        common: dict[str, Any] = {**self._limits(), "monitor": monitor}
        if self._solver() == "lbfgs":
            return lbfgs(objective, theta, **common)
        if self._solver() == "newton":
            return newton(objective, theta, **common)
        if self._solver() in ("gd", "nesterov"):
            return gradient_descent(objective, theta, accelerated=self._solver() == "nesterov", **common)
        random_state = check_random_state(self.random_state)
        if self._solver() == "svrg":
            eta = None if self.learning_rate == "auto" else self.eta0
            return svrg(objective, theta, random_state=random_state, batch_size=self.batch_size, eta=eta, **common)
        held_back = None
        if self.early_stopping:
            numbers = np.arange(objective.samples.n)
            _, held_back, _, _ = stratified_split(
                numbers, objective.y, test_size=self.validation_fraction, random_state=random_state
            )
        return sgd(
            objective, theta, random_state=random_state, held_back=held_back, n_iter_no_change=self.n_iter_no_change,
            **self._sgd_settings(), **common,
        )  # fmt: skip

    def _solver(self) -> str:
        return self._default_solver if self.solver is None else self.solver

    def _limits(self) -> dict[str, Any]:
        tol, max_iter = DEFAULTS[self._solver()]
        return {
            "tol": tol if self.tol is None else self.tol,
            "max_iter": max_iter if self.max_iter is None else self.max_iter,
        }

    def _sgd_settings(self) -> dict[str, Any]:
        auto = self.learning_rate == "auto"
        return {
            "batch_size": self.batch_size,
            "eta": None if auto else self.eta0,
            "power": 0.5 if auto else 0.0 if self.learning_rate == "constant" else self.power_t,
            "average": self.average,
            "momentum": self.momentum,
        }

    def _keep(self, objective: Objective, classes: Array, result: Result) -> None:
        if not np.isfinite(result.theta).all():
            raise DivergenceError(
                f"The weights are no longer finite ({result.message}); are the features, of size up to "
                f"{objective.samples.peaks().max():.3g}, in sensible units? Scale them."
            )
        if not result.converged:
            warnings.warn(
                f"{type(self).__name__}(solver={self._solver()!r}) did not converge: {result.message}. Increase "
                "max_iter, raise tol or alpha, or scale the features.",
                ConvergenceWarning,
                stacklevel=_frames_here(),
            )
        self.__dict__.update(_coefficients(objective, classes, result.theta))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _coefficients(objective: Objective, classes: Array, theta: Array) -> dict[str, Array]:
    """Return the attributes that a model needs to predict, in the units of the input."""
    W, b = objective.unpack(theta)
    return {"classes_": classes, "coef_": W * objective.samples.scale, "intercept_": b.copy()}


def _frames_here() -> int:
    """Return the ``stacklevel`` at which who warns names the line that called this package."""
    frame, level = inspect.currentframe(), 0
    while frame and frame.f_globals.get("__name__", "").startswith(("mnistlr.", "sklearn.callback")):
        frame, level = frame.f_back, level + 1
    return level


def scaled(weight: Array) -> Array:
    """Return weights in the same proportions, the largest in [1/2, 1): no sum or product of them overflows."""
    same: Array = np.ldexp(weight, -np.frexp(weight.max())[1])
    return same
