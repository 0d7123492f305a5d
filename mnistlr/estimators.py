"""The two models, as scikit-learn estimators.

Both predict from raw predictions X coef_^T + intercept_ and differ in the loss: logistic for two classes, softmax for
any number. What is minimised stands in ``objective``, how a fit runs in ``training``, the algorithms in ``solvers``.
"""

import copy
import math
from typing import Any, Self
from weakref import WeakKeyDictionary

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from mnistlr._support.arrays import Array
from mnistlr._support.foreign import check_in_process
from mnistlr._support.inputs import advise_pixels, check_shape, dtype_of, range_of, warn_of_scale
from mnistlr._support.sklearn import CallbackSupportMixin, FitTasks, check_sample_weight, with_callbacks
from mnistlr._support.threads import count_threads
from mnistlr.kernels.linear_algebra import are_same
from mnistlr.kernels.records import Weights, pack
from mnistlr.metrics.confusion import accuracy
from mnistlr.objective import Objective
from mnistlr.parameters import CONSTRAINTS, by_name, check_names
from mnistlr.samples import MIN_CHUNK, Samples, most_probable
from mnistlr.solvers.few_samples import FEW, distinct
from mnistlr.training import (
    Result,
    check_result,
    coefficients,
    most_iterations,
    objective_of,
    piece_of,
    run,
    run_piece,
    solver_for,
    solver_of,
    starting_point,
)

LARGEST = np.finfo(np.float64).max / 4
# Estimator -> coefficients and their packed form. Not an attribute, for predictions do not change an estimator.
_packed: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def _solver_is_sgd(estimator: Any) -> bool:
    if solver_of(estimator) != "sgd":
        raise AttributeError(f"partial_fit needs solver='sgd', this estimator has solver={estimator.solver!r}.")
    return True


class LinearClassifier(CallbackSupportMixin, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier with raw predictions X coef_^T + intercept_; subclasses say which classes they take."""

    _default_solver: str
    _parameter_constraints = CONSTRAINTS

    classes_: Array
    coef_: Array
    intercept_: Array
    n_features_in_: int
    n_jobs: int | None

    @by_name
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
        step_scale: float = 1.0,
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
        self.step_scale = step_scale
        self.eta0 = eta0
        self.power_t = power_t
        self.average = average
        self.momentum = momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name.

        Raises
        ------
        ValueError
            If there is none of that name.
        """
        check_names(self, params, self._get_param_names(), ValueError)
        return super().set_params(**params)  # type: ignore[no-any-return]

    @with_callbacks  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
            ``uint8``, ``float32`` and ``float64`` are used as they are, without a copy if C-contiguous or CSR;
            everything else becomes float64.
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
        return self._fit_or_stay(X, y, sample_weight)

    def _fit_or_stay(self, X: Any, y: Any, sample_weight: Any, **options: Any) -> Self:
        """Fit a copy, with callbacks and the options of ``_fit``, and become it if all went well."""
        self._validate_params()
        tasks = None
        if getattr(self, "_skl_callbacks", None):
            metadata = None if sample_weight is None else {"sample_weight": sample_weight}
            tasks = FitTasks(self, most_iterations(self), X=X, y=y, metadata=metadata)
        fitted = copy.copy(self)
        fitted._fit(X, y, sample_weight, tasks, **options)
        self.__dict__ = fitted.__dict__  # one step, so that nobody, interrupt or thread, finds it half done
        return self

    def _fit(self, X: Any, y: Any, sample_weight: Any, tasks: FitTasks | None) -> None:
        check_in_process(type(self).__name__, X=X, y=y, sample_weight=sample_weight)
        X, y = self._validate(X, y, reset=True)
        classes, y = np.unique(y, return_inverse=True)
        self._check_classes(classes)
        objective = objective_of(self, X, y, classes, self._check_weight(X, sample_weight))
        if solver_for(self, objective) in ("sgd", "svrg") and len(y) <= FEW:
            objective = distinct(objective)
        self._learn(objective, classes, tasks)

    def _learn(self, objective: Objective, classes: Array, tasks: FitTasks | None = None) -> None:
        """Minimise, and keep the result and the course it took."""
        if tasks is not None:
            tasks.model_at = lambda theta: {**self.__dict__, **coefficients(objective, classes, theta)}
        start = starting_point(self, objective, classes, self.warm_start)
        result, self.history_ = run(self, objective, start, tasks)
        self._keep(objective, classes, result)
        self.__dict__.pop("_sgd", None)
        if tasks is not None:
            tasks.finish(self.__dict__)

    def _keep(self, objective: Objective, classes: Array, result: Result) -> None:
        check_result(self, objective, result)
        self.__dict__.update(coefficients(objective, classes, result.theta))
        self.n_iter_, self.stop_reason_ = result.n_iter, result.message

    @available_if(_solver_is_sgd)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Go once over a piece of the data with SGD, continuing from the pieces before.

        Parameters
        ----------
        X, y, sample_weight
            As for ``fit``; all pieces of the same kind of numbers (all ``uint8`` or all floats). Weights count
            relative to their mean over all pieces so far, and at most twice as much.
        classes : array-like, shape (n_classes,)
            All labels that will ever occur; needed in the first call only.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For data that do not fit together or to the pieces before, labels not among ``classes``, or
            ``class_weight="balanced"`` or ``early_stopping``, which a piece does not allow. The model stays as it was.
        """
        self._validate_params()
        fitted = copy.copy(self)
        fitted._fit_piece(X, y, classes, sample_weight)
        self.__dict__ = fitted.__dict__
        return self

    def _fit_piece(self, X: Any, y: Any, classes: Any, sample_weight: Any) -> None:
        check_in_process(type(self).__name__, X=X, y=y, sample_weight=sample_weight)
        if self.class_weight == "balanced":
            raise ValueError(
                "partial_fit does not support class_weight='balanced': a piece does not tell how often the classes "
                "occur in all data. Use the weights {label: n_samples / (n_classes * count of the label)}."
            )
        if self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True: it does one pass, and then stops.")
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
        piece = piece_of(self, X, y_numbers, known, self._check_weight(X, sample_weight))
        self._sgd = run_piece(self, piece, known, self.__dict__.get("_sgd"))
        self._keep(piece[0], known, Result(self._sgd.theta, 1, True, "partial_fit does one pass"))
        self.__dict__.pop("history_", None)  # that of an earlier fit is not this model's

    def _validate(self, X: Any, y: Any, reset: bool) -> tuple[Any, Array]:
        check_shape(X, None if reset else self.n_features_in_)
        given = X
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=dtype_of(X), order="C", reset=reset)
        check_classification_targets(y)
        if reset:
            advise_pixels(given, X)
            self._trained_range = range_of(X)
        return X, y

    def _check_classes(self, classes: Array) -> None:
        if len(classes) < 2:
            hint = (
                " Was y compared with a number, and holds strings?" if classes.dtype == bool and not classes[0] else ""
            )
            raise ValueError(
                f"{type(self).__name__} needs samples of at least 2 classes, but the data contains only one class: "
                f"{classes.tolist()[0]!r}.{hint}"
            )

    def _check_weight(self, X: Any, sample_weight: Any) -> Array | None:
        if sample_weight is None:
            return None
        if np.asarray(sample_weight).dtype.kind == "c":
            raise ValueError("`sample_weight` is complex; real weights are needed.")
        weight: Array = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        return weight

    def _raw_predictions(self, X: Any) -> Array:
        if not self._is_plain(X):
            check_in_process(type(self).__name__, X=X)
            check_is_fitted(self)
            check_shape(X, self.n_features_in_)
            X = validate_data(self, X, accept_sparse="csr", dtype=dtype_of(X), order="C", reset=False)
        warn_of_scale(self, X)
        samples = Samples.of(X)
        n_threads = count_threads(self.n_jobs) if samples.n > MIN_CHUNK else 1
        raw = samples.multiply(self._packed(samples), len(self.coef_), n_threads)
        if math.isnan(raw.max()):  # infinity minus infinity
            raise ValueError(
                f"The sums X coef_^T overflow with features as large as {samples.peaks().max():.3g}; expected features "
                "of about the size of those that the model was fitted on. Scale them alike."
            )
        return raw

    def _packed(self, samples: Samples) -> Weights:
        """Return the coefficients as kernels take them, as made for the last prediction where they are the same."""
        key, made = _packed.get(self, (None, None))
        kind = samples.dtype, samples.unit
        if made is None or key[2] != kind or not _are_equal(self.coef_, key[0], self.intercept_, key[1]):
            made = pack(self.coef_ / samples.unit, self.intercept_, samples.dtype)
            _packed[self] = (self.coef_.copy(), self.intercept_.copy(), kind), made
        weights: Weights = made
        return weights

    def _is_plain(self, X: Any) -> bool:
        """Return whether X may skip scikit-learn's checks, which take 60 microseconds and would find nothing."""
        return (
            type(X) is np.ndarray
            and X.dtype == np.uint8
            and X.ndim == 2
            and X.shape[0] > 0
            and X.shape[1] == self.__dict__.get("n_features_in_")
            and X.flags.c_contiguous
            and "feature_names_in_" not in self.__dict__
        )

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
        """Return the most probable label of each sample.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
            In the units of the data that the model was fitted on.

        Returns
        -------
        ndarray, shape (n_samples,)
            In the type that the labels came in.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the model is not fitted.
        ValueError
            If ``X`` has another number of features or other names, or is not finite.
        """
        numbers = most_probable(self._raw_predictions(X))
        labels: Array = self.classes_[numbers]
        return labels

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class.

        Parameters and errors are those of ``predict``.

        Returns
        -------
        ndarray of float64, shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        proba: Array = np.exp(self.predict_log_proba(X))
        return proba

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithms of the probabilities, exact also where a probability underflows.

        Parameters and errors are those of ``predict``.

        Returns
        -------
        ndarray of float64, shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        # No difference of two raw predictions overflows, infinite ones included.
        raw = np.clip(self._raw_predictions(X).astype(np.float64), -LARGEST, LARGEST)
        if raw.shape[1] == 1:
            # log p = -log(1 + exp(-raw)), log(1 - p) = -log(1 + exp(raw))
            log_p: Array = -np.logaddexp(0, np.hstack([raw, -raw]))
            return log_p
        raw -= raw.max(axis=1, keepdims=True)
        log_proba: Array = raw - np.log(np.exp(raw).sum(axis=1, keepdims=True))
        return log_proba

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of samples, or of their weight, that are given their label.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
        y : array-like, shape (n_samples,)
            The true labels.
        sample_weight : array-like, shape (n_samples,), optional

        Returns
        -------
        float
            From 0 to 1.

        Raises
        ------
        ValueError
            For labels or weights that :func:`mnistlr.confusion_matrix` would refuse.
        """
        check_in_process(type(self).__name__, X=X, y=y, sample_weight=sample_weight)
        return accuracy(y, self.predict(X), sample_weight)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _are_equal(W: Array, V: Array, b: Array, c: Array) -> bool:
    """Whether W and b have the shapes and the entries of V and c."""
    if W.shape != V.shape or b.shape != c.shape:
        return False
    # As fit leaves them they are compared in a quarter of the time, by code that is compiled for them alone.
    if W.flags.carray and b.flags.carray and W.dtype == V.dtype == b.dtype == c.dtype == np.float64:
        return bool(are_same(W, V, b, c))
    return bool((W == V).all() and (b == c).all())


class LogisticRegression(LinearClassifier):
    """Logistic regression for two classes, with an L2 penalty.

    Minimises  mean_i log(1 + exp(-y_i (w . x_i + b))) + alpha/2 ||w||^2,  y_i = -1 or 1.

    For ``uint8`` data the x_i are intensities, X / 255: in the objective, in ``alpha`` and in ``tol``. Data of other
    types are taken as they are.

    Parameters
    ----------
    solver : {"sgd", "lbfgs", "newton", "svrg", "gd", "nesterov"} or None, default None
        See ``mnistlr.solvers``. None is "lbfgs" for LogisticRegression, "sgd" for SoftmaxRegression: there "lbfgs" with
        a ``tol`` of 3e-5 if n_samples * n_features * n_classes <= 10 million, else of 3e-6 if it is <= 200 million and
        the features are as many as the samples (in the span of at most 1,000 samples with four times as many features:
        of 1e-7), unless a parameter of "sgd", ``tol`` or ``max_iter`` is set.
    alpha : float, default 1e-4
        Strength of the penalty, >= 0. scikit-learn's C is 1 / (alpha * n_samples).
    tol : float or None, default None
        "sgd" stops when an epoch improves the objective (or with ``early_stopping`` the validation loss) by less than
        this part of its value, default 2e-2; the others when no entry of the gradient is larger, default 1e-4.
    max_iter : int or None, default None
        Most epochs ("sgd", "svrg", default 100) or iterations (default 1000, "newton" 100).
    fit_intercept : bool, default True
    class_weight : dict {label: weight}, "balanced" or None, default None
        Multiplies the sample weights; "balanced" gives every class the same total.
    warm_start : bool, default False
        Whether ``fit`` starts from the present coefficients instead of zeros.
    random_state : int, RandomState or None, default None
        Shuffles the samples ("sgd", "svrg").
    n_jobs : int or None, default None
        Threads; None means all cores that the process may use. The result has the same bits for any number.
    batch_size : int, default 16
        "sgd", "svrg": samples a step.
    learning_rate : {"auto", "constant", "invscaling"}, default "auto"
        "sgd": "auto" derives steps from the data, feature by feature, and lets them fall like 1 / sqrt(t); "constant"
        is eta0; "invscaling" is eta0 / (1 + t)^power_t, t in epochs.
    step_scale : float, default 1.0
        "sgd": how many times as long the steps of "auto" are, > 0. 1 suits all data; dense features that tell the
        classes well apart, such as edges, are learned in half the epochs with 4.
    eta0, power_t : float, default 0.01 and 0.5
        "sgd": see ``learning_rate``; "auto" ignores them. "svrg" always takes steps of constant size.
    average : bool, default True
        "sgd": whether the result is the (Polyak-Ruppert) average of the weights or the last ones.
    momentum : float, default 0.0
        "sgd": 0 <= momentum < 1.
    early_stopping : bool, default False
        "sgd": whether ``validation_fraction`` of the samples, stratified, is held back to decide when to stop; the
        weights with the smallest validation loss are kept.
    validation_fraction : float, default 0.1
    n_iter_no_change : int, default 1
        "sgd": how many epochs in a row may fail ``tol``.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
    coef_ : ndarray of float64, shape (1, n_features) for two classes, else (n_classes, n_features)
        In the units of the input, so that X coef_^T + intercept_ is the decision function.
    intercept_ : ndarray of float64, shape (1,) or (n_classes,)
    n_iter_ : int
    history_ : dict of ndarray
        ``objective`` (the function above, all of it), ``gradient_norm`` (largest absolute entry; NaN where the solver
        does not know it), ``step``, ``seconds``, ``passes`` over the data (and ``validation_loss``), by iteration. In
        the span of few samples the gradient is that along its axes, and a pass is one over the samples in them.
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

    _default_solver = "lbfgs"

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


class SoftmaxRegression(LinearClassifier):
    """Softmax (multinomial logistic) regression for any number of classes, with an L2 penalty.

    Minimises  mean_i -log softmax(W x_i + b)_{y_i} + alpha/2 ||W||^2.  For two classes this is one raw prediction with
    the logistic loss, as in LogisticRegression.

    For ``uint8`` data the x_i are intensities, X / 255: in the objective, in ``alpha`` and in ``tol``. Data of other
    types are taken as they are.

    Parameters
    ----------
    solver : {"sgd", "lbfgs", "newton", "svrg", "gd", "nesterov"} or None, default None
        See ``mnistlr.solvers``. None is "lbfgs" for LogisticRegression, "sgd" for SoftmaxRegression: there "lbfgs" with
        a ``tol`` of 3e-5 if n_samples * n_features * n_classes <= 10 million, else of 3e-6 if it is <= 200 million and
        the features are as many as the samples (in the span of at most 1,000 samples with four times as many features:
        of 1e-7), unless a parameter of "sgd", ``tol`` or ``max_iter`` is set.
    alpha : float, default 1e-4
        Strength of the penalty, >= 0. scikit-learn's C is 1 / (alpha * n_samples).
    tol : float or None, default None
        "sgd" stops when an epoch improves the objective (or with ``early_stopping`` the validation loss) by less than
        this part of its value, default 2e-2; the others when no entry of the gradient is larger, default 1e-4.
    max_iter : int or None, default None
        Most epochs ("sgd", "svrg", default 100) or iterations (default 1000, "newton" 100).
    fit_intercept : bool, default True
    class_weight : dict {label: weight}, "balanced" or None, default None
        Multiplies the sample weights; "balanced" gives every class the same total.
    warm_start : bool, default False
        Whether ``fit`` starts from the present coefficients instead of zeros.
    random_state : int, RandomState or None, default None
        Shuffles the samples ("sgd", "svrg").
    n_jobs : int or None, default None
        Threads; None means all cores that the process may use. The result has the same bits for any number.
    batch_size : int, default 16
        "sgd", "svrg": samples a step.
    learning_rate : {"auto", "constant", "invscaling"}, default "auto"
        "sgd": "auto" derives steps from the data, feature by feature, and lets them fall like 1 / sqrt(t); "constant"
        is eta0; "invscaling" is eta0 / (1 + t)^power_t, t in epochs.
    step_scale : float, default 1.0
        "sgd": how many times as long the steps of "auto" are, > 0. 1 suits all data; dense features that tell the
        classes well apart, such as edges, are learned in half the epochs with 4.
    eta0, power_t : float, default 0.01 and 0.5
        "sgd": see ``learning_rate``; "auto" ignores them. "svrg" always takes steps of constant size.
    average : bool, default True
        "sgd": whether the result is the (Polyak-Ruppert) average of the weights or the last ones.
    momentum : float, default 0.0
        "sgd": 0 <= momentum < 1.
    early_stopping : bool, default False
        "sgd": whether ``validation_fraction`` of the samples, stratified, is held back to decide when to stop; the
        weights with the smallest validation loss are kept.
    validation_fraction : float, default 0.1
    n_iter_no_change : int, default 1
        "sgd": how many epochs in a row may fail ``tol``.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
    coef_ : ndarray of float64, shape (1, n_features) for two classes, else (n_classes, n_features)
        In the units of the input, so that X coef_^T + intercept_ is the decision function.
    intercept_ : ndarray of float64, shape (1,) or (n_classes,)
    n_iter_ : int
    history_ : dict of ndarray
        ``objective`` (the function above, all of it), ``gradient_norm`` (largest absolute entry; NaN where the solver
        does not know it), ``step``, ``seconds``, ``passes`` over the data (and ``validation_loss``), by iteration. In
        the span of few samples the gradient is that along its axes, and a pass is one over the samples in them.
    stop_reason_ : str
    n_features_in_ : int
    feature_names_in_ : ndarray, if the data had names

    Examples
    --------
    >>> from mnistlr import SoftmaxRegression, load_digits
    >>> X, y = load_digits()
    >>> model = SoftmaxRegression(random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.95)
    True
    """

    _default_solver = "sgd"
