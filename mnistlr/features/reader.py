"""The reader of digits: upright, edges, softmax regression."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from mnistlr._support.arrays import Array
from mnistlr._support.foreign import check_in_process
from mnistlr._support.sklearn import Interval, check_sample_weight
from mnistlr.estimators import SoftmaxRegression
from mnistlr.features.pixels import TYPES, is_plain
from mnistlr.features.transformers import Deskew, EdgeFeatures
from mnistlr.metrics import Explanation

FEATURES_VERSION = 1
"""Goes up when the same images get other features, for which a model has to be trained anew."""

STEP_SCALE = 4.0
"""Edges are dense and tell digits well apart: they bear longer steps than data in general. By cross-validation."""


class DigitReader(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Read handwritten digits: ``Deskew``, ``EdgeFeatures`` and ``SoftmaxRegression``, one after the other.

    The defaults were chosen by cross-validation on MNIST's training images.

    Parameters
    ----------
    directions, grids : int, sequence of int
        Of :class:`~mnistlr.features.EdgeFeatures`.
    alpha : float
        Strength of the penalty, >= 0.
    tol : float
        Training stops when an epoch improves the objective by less than this part of its value.
    max_iter : int
        Most epochs.
    shape : (rows, columns) or None
        Of the images; one of them may be -1. None: they are square.
    random_state : int, RandomState or None
        Shuffles the samples.
    n_jobs : int or None
        Threads; None means all cores that the process may use. The result has the same bits for any number.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
    deskew_, edges_, classifier_ : Deskew, EdgeFeatures, SoftmaxRegression
        The three steps, fitted.
    n_iter_ : int
        Epochs.
    stop_reason_ : str
    n_features_in_ : int
    feature_names_in_ : ndarray, if the data had names

    Examples
    --------
    >>> from mnistlr import DigitReader, load_digits
    >>> X, y = load_digits()
    >>> reader = DigitReader(grids=(4,), random_state=0).fit(X, y)
    >>> bool(reader.score(X, y) > 0.98)
    True
    """

    _parameter_constraints: dict[str, list[Any]] = {  # noqa: RUF012
        **EdgeFeatures._parameter_constraints,
        "alpha": [Interval(Real, 0, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    _classifier: type[SoftmaxRegression] = SoftmaxRegression

    classes_: Array
    deskew_: Deskew
    edges_: EdgeFeatures
    classifier_: SoftmaxRegression

    def __init__(
        self,
        *,
        directions: int = 9,
        grids: Sequence[int] = (8, 6),
        alpha: float = 1e-5,
        tol: float = 5e-2,
        max_iter: int = 100,
        shape: Any = None,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.directions = directions
        self.grids = grids
        self.alpha = alpha
        self.tol = tol
        self.max_iter = max_iter
        self.shape = shape
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
            An image in each row: 0 is paper, larger values are ink. ``uint8`` is taken as it is; in other types the
            largest value of all images is full ink.
        y : array-like, shape (n_samples,)
            Labels of any kind.
        sample_weight : array-like, shape (n_samples,), optional
            Weights >= 0.

        Returns
        -------
        self

        Raises
        ------
        ArgumentError
            If so many pixels do not make an image of ``shape``.
        ValueError
            For data that do not fit together or are not finite, or labels of one class only.
        """
        self._validate_params()
        check_in_process("DigitReader", X=X, y=y, sample_weight=sample_weight)
        X, y = self._validate(X, y, reset=True)
        counted = X
        if sample_weight is not None:
            sample_weight = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
            counted = X[sample_weight > 0] if sample_weight.any() else X
        self._look_at(counted)
        self._learn(self.edges_.convert(self.deskew_.convert(X)), y, sample_weight)
        return self

    def _learn(self, features: Any, y: Any, sample_weight: Any) -> None:
        self.classifier_.fit(features, y, sample_weight)
        self.classes_, self.n_iter_ = self.classifier_.classes_, self.classifier_.n_iter_
        self.stop_reason_ = self.classifier_.stop_reason_

    def steps(self) -> tuple[Deskew, EdgeFeatures, SoftmaxRegression]:
        """Return the three steps with these parameters, not fitted."""
        common: dict[str, Any] = {"n_jobs": self.n_jobs}
        return (
            Deskew(shape=self.shape, **common),
            EdgeFeatures(directions=self.directions, grids=self.grids, shape=self.shape, **common),
            self._classifier(
                alpha=self.alpha,
                tol=self.tol,
                max_iter=self.max_iter,
                random_state=self.random_state,
                step_scale=STEP_SCALE,
                **common,
            ),
        )

    def _look_at(self, X: Any) -> None:
        """Learn the shape of the images and their full ink."""
        self.deskew_, self.edges_, self.classifier_ = self.steps()
        self.edges_.fit(self.deskew_.fit(X).convert(X[:1]))

    def features(self, X: Any) -> NDArray[np.uint8]:
        """Return the features that the classifier sees, shape (n_samples, n_edge_features).

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
            As for ``predict``.

        Returns
        -------
        ndarray of uint8
        """
        if not is_plain(X, self):
            check_in_process("DigitReader", X=X)
            check_is_fitted(self)
            X = self._validate(X, reset=False)
        return self.edges_.convert(self.deskew_.convert(X))

    def decision_function(self, X: Any) -> Array:
        """Return the scores of the classes, as ``SoftmaxRegression.decision_function``."""
        features = self.features(X)
        out: Array = self.classifier_.decision_function(features)
        return out

    def predict(self, X: Any) -> Array:
        """Return the most probable label of each image.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
            ``uint8``, or in the units of the images that the model was fitted on.

        Returns
        -------
        ndarray, shape (n_samples,)

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the model is not fitted.
        ValueError
            If ``X`` has another number of features or other names, or is not finite.
        """
        features = self.features(X)
        out: Array = self.classifier_.predict(features)
        return out

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, shape (n_samples, n_classes)."""
        features = self.features(X)
        out: Array = self.classifier_.predict_proba(features)
        return out

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithms of the probabilities, exact also where a probability underflows."""
        features = self.features(X)
        out: Array = self.classifier_.predict_log_proba(features)
        return out

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of images, or of their weight, that are given their label."""
        features = self.features(X)
        return self.classifier_.score(features, y, sample_weight)

    def explain(self, image: Any) -> Explanation:
        """Take the scores of one image apart, pixel by pixel; see :func:`mnistlr.features.explain_reader`."""
        from mnistlr.features.contributions import explain_reader

        return explain_reader(self, image)

    def _validate(self, X: Any, y: Any = "no_validation", *, reset: bool) -> Any:
        return validate_data(self, X, y, accept_sparse="csr", dtype=TYPES, order="C", reset=reset)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.classifier_tags.poor_score = True  # on what is no image
        return tags
