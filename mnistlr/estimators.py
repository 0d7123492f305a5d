"""The two models, as scikit-learn estimators.

Both predict from raw predictions X coef_^T + intercept_ and differ in the loss: logistic for two classes, softmax for
any number. What is minimised stands in ``objective``, how in ``solvers``, what they share in ``linear_classifier``.
"""

from typing import Any

import numpy.typing as npt

from mnistlr.linear_classifier import LinearClassifier

Array = npt.NDArray[Any]

_SHARED_DOC = """
    For ``uint8`` data the x_i are intensities, X / 255: in the objective, in ``alpha`` and in ``tol``. Data of other
    types are taken as they are.

    Parameters
    ----------
    solver : {"sgd", "lbfgs", "newton", "svrg", "gd", "nesterov"} or None
        See ``mnistlr.solvers``. None is "lbfgs" for LogisticRegression and "sgd" for SoftmaxRegression.
    alpha : float
        Strength of the penalty, >= 0. scikit-learn's C is 1 / (alpha * n_samples).
    tol : float or None
        "sgd" stops when an epoch improves the objective (or with ``early_stopping`` the validation loss) by less than
        this part of its value, default 2e-2; the others when no entry of the gradient is larger, default 1e-4.
    max_iter : int or None
        Most epochs ("sgd", "svrg", default 100) or iterations (default 1000, "newton" 100).
    fit_intercept : bool
    class_weight : dict {label: weight}, "balanced" or None
        Multiplies the sample weights; "balanced" gives every class the same total.
    warm_start : bool
        Whether ``fit`` starts from the present coefficients instead of zeros.
    random_state : int, RandomState or None
        Shuffles the samples ("sgd", "svrg").
    n_jobs : int or None
        Threads; None means all cores that the process may use. The result has the same bits for any number.
    batch_size : int
        "sgd", "svrg": samples a step.
    learning_rate : {"auto", "constant", "invscaling"}
        "sgd": "auto" derives steps from the data, feature by feature, and lets them fall like 1 / sqrt(t); "constant"
        is eta0; "invscaling" is eta0 / (1 + t)^power_t, t in epochs.
    eta0, power_t : float
        "sgd": see ``learning_rate``; "auto" ignores them. "svrg" always takes steps of constant size.
    average : bool
        "sgd": whether the result is the (Polyak-Ruppert) average of the weights or the last ones.
    momentum : float
        "sgd": 0 <= momentum < 1.
    early_stopping : bool
        "sgd": whether ``validation_fraction`` of the samples, stratified, is held back to decide when to stop; the
        weights with the smallest validation loss are kept.
    validation_fraction : float
    n_iter_no_change : int
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
        does not know it), ``step``, ``seconds``, ``passes`` over the data (and ``validation_loss``), by iteration.
    stop_reason_ : str
    n_features_in_ : int
    feature_names_in_ : ndarray, if the data had names
"""


def _documented(cls: type) -> type:
    """Put what both models share into the docstring, before its examples."""
    cls.__doc__ = (cls.__doc__ or "").replace("\n    Examples\n", _SHARED_DOC + "\n    Examples\n")
    return cls


@_documented
class LogisticRegression(LinearClassifier):
    """Logistic regression for two classes, with an L2 penalty.

    Minimises  mean_i log(1 + exp(-y_i (w . x_i + b))) + alpha/2 ||w||^2,  y_i = -1 or 1.

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


@_documented
class SoftmaxRegression(LinearClassifier):
    """Softmax (multinomial logistic) regression for any number of classes, with an L2 penalty.

    Minimises  mean_i -log softmax(W x_i + b)_{y_i} + alpha/2 ||W||^2.  For two classes this is one raw prediction with
    the logistic loss, as in LogisticRegression.

    Examples
    --------
    >>> from mnistlr import SoftmaxRegression, load_digits
    >>> X, y = load_digits()
    >>> model = SoftmaxRegression(random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.95)
    True
    """

    _default_solver = "sgd"
