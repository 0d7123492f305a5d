"""Why this answer? A linear model explains itself exactly: its score is a sum over the pixels.

    raw_k = sum_j coef_kj x_j + intercept_k

The term of pixel j is what it contributes to the score of class k. Which of two classes wins is the sign of
raw_a - raw_b, again a sum over the pixels: the differences of their contributions, and of the intercepts.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlr._support.arrays import Floats
from mnistlr._support.inputs import warn_of_scale
from mnistlr.exceptions import ArgumentError
from mnistlr.metrics.html import explanation_as_html


@dataclass(frozen=True, repr=False)
class Explanation:
    """What each pixel of one image contributed to the score of each class.

    A model of two classes has one score, which speaks for ``classes[1]``. It is held against a score of zero for
    ``classes[0]``, so that here too ``raw_prediction`` has a number for each class, the larger wins, and the softmax of
    them gives the probabilities.

    Attributes
    ----------
    classes : ndarray, shape (n_classes,)
        The labels.
    pixels : ndarray, shape (n_features,)
        The image, as the model saw it.
    contributions : ndarray of float64, shape (n_classes, n_features)
        In nats, as all scores.
    intercept : ndarray of float64, shape (n_classes,)
        What every image gets, whatever its pixels.
    raw_prediction : ndarray of float64, shape (n_classes,)
        Scores: ``contributions.sum(axis=1) + intercept``.
    probabilities : ndarray of float64, shape (n_classes,)
        Softmax of the scores.
    from_edges : bool
        Whether the score is a sum over edges, as a DigitReader's. A contribution is then the pixel's share of it, with
        the digit's slant and the strength of all its edges held fixed; without the pixel these would change as well.
    """

    classes: NDArray[Any]
    pixels: NDArray[Any]
    contributions: Floats
    intercept: Floats
    raw_prediction: Floats
    probabilities: Floats
    from_edges: bool = False

    def __repr__(self) -> str:
        probability = self.probabilities[self.ranking[0]]
        return (
            f"<Explanation: {self.label} rather than {self.runner_up}, margin {self.margin:.3g} nats, P = "
            f"{probability:.3g}>"
        )

    def _repr_html_(self) -> str:
        return explanation_as_html(self)

    @property
    def ranking(self) -> NDArray[np.intp]:
        """Numbers of the classes, the highest score first; among equals the first class."""
        ranking: NDArray[np.intp] = np.argsort(-self.raw_prediction, kind="stable")
        return ranking

    @property
    def label(self) -> Any:
        """The answer: the class with the highest score."""
        return self.classes[self.ranking[0]]

    @property
    def runner_up(self) -> Any:
        """The class with the next highest score."""
        return self.classes[self.ranking[1]]

    @property
    def margin(self) -> float:
        """By how much the answer's score exceeds the runner-up's: the logarithm of the ratio of their probabilities."""
        first, second = self.raw_prediction[self.ranking[:2]]
        return float(first - second)

    @property
    def decision(self) -> Floats:
        """What each pixel contributed to the margin, shape (n_features,): positive for the answer, else the runner-up.

        With the difference of the two intercepts it sums to ``margin``.
        """
        first, second = self.ranking[:2]
        decision: Floats = self.contributions[first] - self.contributions[second]
        return decision

    @property
    def decisive_pixels(self) -> NDArray[np.intp]:
        """The fewest pixels without whose ink the runner-up would have had as high a score, the strongest first.

        Of a score that is a sum over edges they are the fewest whose contributions make up the margin.
        The scores are sums, so the largest contributions to the margin are the fewest that exceed it. Empty if the
        answer would remain without any ink that speaks for it.
        """
        decision = self.decision
        strongest = np.argsort(-decision, kind="stable")[: np.count_nonzero(decision > 0)]
        n_needed = int(np.searchsorted(np.cumsum(decision[strongest]), self.margin)) + 1
        return strongest[:n_needed] if n_needed <= len(strongest) else strongest[:0]


def explain(model: Any, image: Any) -> Explanation:
    """Take the scores of one image apart, pixel by pixel.

    Parameters
    ----------
    model : LogisticRegression, SoftmaxRegression or DigitReader, fitted
        Or another with ``coef_``, ``intercept_`` and ``classes_`` whose probabilities are the softmax of its scores.
    image : array-like or sparse matrix, shape (n_features,), (1, n_features) or (rows, columns)
        In the units that the model was trained on.

    Returns
    -------
    Explanation

    Raises
    ------
    ArgumentError
        If the image has another number of pixels than the model takes, or pixels that are not finite.
    sklearn.exceptions.NotFittedError
        If the model is not fitted.

    Examples
    --------
    >>> from mnistlr import SoftmaxRegression, explain, load_digits
    >>> X, y = load_digits()
    >>> model = SoftmaxRegression(random_state=0).fit(X, y)
    >>> why = explain(model, X[0])
    >>> bool(why.label == model.predict(X[:1])[0])
    True
    >>> why.contributions.shape
    (10, 64)
    """
    from sklearn.utils.validation import check_is_fitted

    if hasattr(model, "explain"):
        of_reader: Explanation = model.explain(image)
        return of_reader
    check_is_fitted(model)
    pixels = np.asarray(image.toarray() if hasattr(image, "toarray") else image).ravel()
    coef, intercept = np.asarray(model.coef_, np.float64), np.asarray(model.intercept_, np.float64)
    if len(pixels) != coef.shape[1]:
        raise ArgumentError(f"expected an image of {coef.shape[1]} pixels, as the model takes, got {len(pixels)}.")
    warn_of_scale(model, pixels[np.newaxis])
    values = pixels.astype(np.float64)
    if not np.isfinite(values).all():
        raise ArgumentError("expected an image of finite numbers, got infinite ones or NaN among them.")
    if len(coef) == 1:
        coef, intercept = np.concatenate([np.zeros_like(coef), coef]), np.append(0.0, intercept)
    contributions = coef * values
    raw = contributions.sum(axis=1) + intercept
    odds = np.exp(raw - raw.max())
    return Explanation(np.asarray(model.classes_), pixels, contributions, intercept, raw, odds / odds.sum())
