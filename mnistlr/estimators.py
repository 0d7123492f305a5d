"""The two models, as scikit-learn estimators.

Both predict from raw predictions X coef_^T + intercept_ and differ in the loss: logistic for two classes, softmax for
any number. What is minimised stands in ``objective``, how in ``solvers``.
"""

import warnings
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from mnistlr.objective import Objective
from mnistlr.samples import Samples
from mnistlr.solvers import Monitor, Result, lbfgs, sgd
from mnistlr.threads import count_threads

Array = npt.NDArray[Any]


class _LinearClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """What both models share: checking, fitting, predicting."""

    _parameter_constraints: dict[str, list[Any]] = {  # noqa: RUF012
        "solver": [StrOptions({"lbfgs", "sgd"})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "fit_intercept": ["boolean"],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "eta0": [Interval(Real, 0, None, closed="neither"), None],
    }

    classes_: Array
    coef_: Array
    intercept_: Array

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
            ``uint8`` values are taken as intensities x / 255; floats as they are; everything else becomes float64.
        y : array-like, shape (n_samples,)
            Labels of any kind: integers, booleans, strings.
        sample_weight : array-like, shape (n_samples,), optional
            Weights >= 0.

        Returns
        -------
        self
            A failed or interrupted fit leaves the estimator as it was.

        Raises
        ------
        ValueError
            For data that do not fit together or are not finite, or labels of the wrong number of classes.
        DivergenceError
            If the optimisation leaves the finite numbers.
        """
        self._validate_params()
        before = self.__dict__.copy()
        try:
            return self._fit(X, y, sample_weight)
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> Self:
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=_dtype_of(X), order="C", accept_large_sparse=True)
        check_classification_targets(y)
        classes, y = np.unique(y, return_inverse=True)
        self._check_classes(classes)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        samples = Samples.of(X)
        n_raw = 1 if len(classes) == 2 else len(classes)
        objective = Objective(
            samples, y.astype(np.int64, copy=False), n_raw, alpha=float(self.alpha), sample_weight=sample_weight,
            fit_intercept=self.fit_intercept, n_threads=count_threads(self.n_jobs),
        )  # fmt: skip
        monitor = Monitor()
        result = self._minimise(objective, np.zeros(objective.n_parameters), monitor)
        if not result.converged:
            warnings.warn(
                f"{type(self).__name__}(solver={self.solver!r}) did not converge: {result.message}. Increase max_iter, "
                "raise tol or alpha, or scale the features.",
                ConvergenceWarning,
                stacklevel=3,
            )
        W, b = objective.unpack(result.theta)
        self.classes_ = classes
        self.coef_, self.intercept_ = W * samples.scale, b.copy()
        self.n_iter_, self.history_, self.stop_reason_ = result.n_iter, monitor.history(), result.message
        return self

    def _check_classes(self, classes: Array) -> None:
        if len(classes) < 2:
            raise ValueError(
                f"This solver needs samples of at least 2 classes in the data, but the data contains only one class: "
                f"{classes[0]!r}."
            )

    def _minimise(self, objective: Objective, theta: Array, monitor: Monitor) -> Result:
        common = {"tol": self.tol, "max_iter": self.max_iter, "monitor": monitor}
        if self.solver == "lbfgs":
            return lbfgs(objective, theta, **common)
        random_state = check_random_state(self.random_state)
        return sgd(objective, theta, random_state=random_state, batch_size=self.batch_size, eta=self.eta0, **common)

    def _raw_predictions(self, X: Any) -> Array:
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=_dtype_of(X), order="C", reset=False)
        return Samples.of(X).raw_predictions(self.coef_, self.intercept_, count_threads(self.n_jobs))

    def decision_function(self, X: Any) -> Array:
        """Return the raw predictions X coef_^T + intercept_.

        Returns
        -------
        ndarray, shape (n_samples,) for two classes, else (n_samples, n_classes)
            For two classes, positive values speak for ``classes_[1]``.
        """
        raw = self._raw_predictions(X)
        return raw[:, 0] if raw.shape[1] == 1 else raw

    def predict(self, X: Any) -> Array:
        """Return the most probable label of each sample, in the type the labels came in."""
        raw = self._raw_predictions(X)
        return self.classes_[(raw[:, 0] > 0).astype(np.intp) if raw.shape[1] == 1 else raw.argmax(axis=1)]

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, shape (n_samples, n_classes), in the order of ``classes_``."""
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithms of the probabilities, float64, exact also where the probability underflows."""
        raw = self._raw_predictions(X).astype(np.float64)
        if raw.shape[1] == 1:
            # log p = -log(1 + exp(-raw)), log (1 - p) = -log(1 + exp(raw))
            return -np.logaddexp(0, np.hstack([raw, -raw]))
        raw -= raw.max(axis=1, keepdims=True)
        return raw - np.log(np.exp(raw).sum(axis=1, keepdims=True))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class LogisticRegression(_LinearClassifier):
    """Logistic regression for two classes, with an L2 penalty.

    Minimises  mean_i log(1 + exp(-y_i (w . x_i + b))) + alpha/2 ||w||^2  with y_i = -1 or 1. For ``uint8`` data the
    x_i are intensities, X / 255, in the penalty and in ``tol`` too.

    Parameters
    ----------
    solver : {"lbfgs", "sgd"}
        See ``mnistlr.solvers``.
    alpha : float
        Strength of the penalty. scikit-learn's C is 1 / (alpha * n_samples).
    tol : float
        ``lbfgs`` stops when no entry of the gradient is larger; ``sgd`` when an epoch improves the objective by less
        than this part of its value.
    max_iter : int
        Most iterations (epochs of ``sgd``).
    fit_intercept : bool
    random_state : int, RandomState or None
        Shuffles the samples of ``sgd``.
    n_jobs : int or None
        Threads; None means all cores the process may use. The result has the same bits for any number.
    batch_size, eta0 : int, float or None
        Of ``sgd``: samples a step; first step size, None derives it from the data.

    Attributes
    ----------
    classes_ : ndarray, shape (2,)
    coef_ : ndarray, shape (1, n_features), in the units of the input
    intercept_ : ndarray, shape (1,)
    n_iter_ : int
    history_ : dict of ndarray
        ``objective``, ``gradient_norm``, ``step``, ``seconds``, ``passes`` after each iteration.
    stop_reason_ : str
    n_features_in_ : int
    feature_names_in_ : ndarray, if the data had names

    Examples
    --------
    >>> from mnistlr import LogisticRegression, load_digits
    >>> X, y = load_digits()
    >>> is_two = LogisticRegression().fit(X, y == 2)
    >>> bool(is_two.score(X, y == 2) > 0.99)
    True
    """

    def __init__(
        self,
        *,
        solver: str = "lbfgs",
        alpha: float = 1e-4,
        tol: float = 1e-4,
        max_iter: int = 1000,
        fit_intercept: bool = True,
        random_state: Any = None,
        n_jobs: int | None = None,
        batch_size: int = 16,
        eta0: float | None = None,
    ) -> None:
        self.solver = solver
        self.alpha = alpha
        self.tol = tol
        self.max_iter = max_iter
        self.fit_intercept = fit_intercept
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.batch_size = batch_size
        self.eta0 = eta0

    def _check_classes(self, classes: Array) -> None:
        super()._check_classes(classes)
        if len(classes) > 2:
            raise ValueError(
                f"Only binary classification is supported. LogisticRegression takes 2 classes, got {len(classes)}; "
                "use SoftmaxRegression for more."
            )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags


class SoftmaxRegression(_LinearClassifier):
    """Softmax (multinomial logistic) regression for any number of classes, with an L2 penalty.

    Minimises  mean_i -log softmax(W x_i + b)_{y_i} + alpha/2 ||W||^2. Two classes have one raw prediction, as in
    :class:`LogisticRegression`.

    Parameters are those of :class:`LogisticRegression`; the default solver is ``"sgd"``.
    """

    def __init__(
        self,
        *,
        solver: str = "sgd",
        alpha: float = 1e-4,
        tol: float = 1e-3,
        max_iter: int = 1000,
        fit_intercept: bool = True,
        random_state: Any = None,
        n_jobs: int | None = None,
        batch_size: int = 16,
        eta0: float | None = None,
    ) -> None:
        self.solver = solver
        self.alpha = alpha
        self.tol = tol
        self.max_iter = max_iter
        self.fit_intercept = fit_intercept
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.batch_size = batch_size
        self.eta0 = eta0


def _dtype_of(X: Any) -> Any:
    """Return the type to validate X as: uint8 and floats stay, everything else becomes float64."""
    dtype = getattr(X, "dtype", None)
    return dtype if dtype in (np.uint8, np.float32, np.float64) else np.float64
