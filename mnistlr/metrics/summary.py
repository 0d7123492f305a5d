"""What follows from a confusion matrix alone: accuracy, precision, recall, F1, the most confused pairs."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mnistlr.metrics.confusion import count_pairs
from mnistlr.metrics.html import summary_as_html


class Confusion(NamedTuple):
    """A pair of labels that was confused, and the number (or total weight) of the samples."""

    true_label: Any
    predicted_label: Any
    n_samples: int | float


class Average(NamedTuple):
    """Precision, recall and F1 averaged over the classes."""

    precision: float
    recall: float
    f1: float


class ClassificationSummary:
    r"""Accuracy, precision, recall and F1 of a confusion matrix.

    With :math:`C_{ij}` the samples of true class :math:`i` that were predicted as class :math:`j`:

    .. math::
        \text{precision}_k = \frac{C_{kk}}{\sum_i C_{ik}}, \quad
        \text{recall}_k = \frac{C_{kk}}{\sum_j C_{kj}}, \quad
        F_{1,k} = \frac{2\, C_{kk}}{\sum_i C_{ik} + \sum_j C_{kj}}, \quad
        \text{accuracy} = \frac{\sum_k C_{kk}}{\sum_{ij} C_{ij}}

    0 / 0 counts as 0, as in scikit-learn with ``zero_division=0``. The summary knows the matrix alone:
    samples that were not counted there do not count here either. It never changes.

    Parameters
    ----------
    matrix : array-like of shape (n_classes, n_classes)
        Counts or total weights; true classes down, predicted classes across.
    labels : array-like of shape (n_classes,), optional
        The labels of the classes, by default 0, 1, 2, ...

    Raises
    ------
    ValueError
        A matrix that is not square, is empty, or holds numbers that are negative or not finite; a wrong
        number of labels.

    Examples
    --------
    >>> summary = ClassificationSummary([[8, 2], [1, 9]], labels=["cat", "dog"])
    >>> summary.accuracy
    0.85
    >>> summary.most_confused(1)
    [Confusion(true_label='cat', predicted_label='dog', n_samples=2)]
    """

    def __init__(self, matrix: npt.ArrayLike, labels: npt.ArrayLike | None = None) -> None:
        self._matrix = np.array(matrix)
        n_classes = len(self._matrix) if self._matrix.ndim else 0
        if n_classes == 0 or self._matrix.shape != (n_classes, n_classes):
            raise ValueError(f"A confusion matrix is square and not empty; got shape {self._matrix.shape}.")
        if self._matrix.dtype.kind not in "iuf":
            raise ValueError(f"A confusion matrix holds counts or weights; got type {self._matrix.dtype}.")
        if not np.isfinite(self._matrix).all() or (self._matrix < 0).any():
            raise ValueError("A confusion matrix holds finite numbers from 0 up; got negative or non-finite ones.")
        names = np.arange(n_classes) if labels is None else np.asarray(labels)
        if names.shape != (n_classes,):
            raise ValueError(f"{n_classes} classes need {n_classes} labels; got labels of shape {names.shape}.")
        self._matrix.flags.writeable = False
        self._labels = tuple(names.tolist())

    @classmethod
    def from_predictions(
        cls, y_true: npt.ArrayLike, y_pred: npt.ArrayLike, labels: npt.ArrayLike | None = None
    ) -> "ClassificationSummary":
        """Summarise the :func:`confusion_matrix` of the same arguments, with the same errors and warnings."""
        return cls(*count_pairs(y_true, y_pred, labels, None))

    @property
    def matrix(self) -> npt.NDArray[Any]:
        """The confusion matrix, read-only, of shape (n_classes, n_classes)."""
        return self._matrix

    @property
    def labels(self) -> tuple[Any, ...]:
        """The labels of the classes."""
        return self._labels

    @property
    def support(self) -> npt.NDArray[Any]:
        """Samples of each true class."""
        support: npt.NDArray[Any] = self._matrix.sum(axis=1)
        return support

    @property
    def precision(self) -> npt.NDArray[np.float64]:
        """Of the samples predicted as a class, the share that is of it."""
        return _ratio(self._matrix.diagonal(), self._matrix.sum(axis=0))

    @property
    def recall(self) -> npt.NDArray[np.float64]:
        """Of the samples of a class, the share that is predicted as it."""
        return _ratio(self._matrix.diagonal(), self.support)

    @property
    def f1(self) -> npt.NDArray[np.float64]:
        """The harmonic mean of precision and recall."""
        return _ratio(2 * self._matrix.diagonal(), self._matrix.sum(axis=0) + self.support)

    @property
    def accuracy(self) -> float:
        """The share of samples whose label was predicted right."""
        return float(_ratio(self._matrix.trace(), self._matrix.sum()))

    @property
    def baseline(self) -> float:
        """The accuracy of always predicting the most frequent true class."""
        return float(_ratio(self.support.max(), self._matrix.sum()))

    @property
    def macro_average(self) -> Average:
        """The plain mean over the classes."""
        return Average(*(float(score.mean()) for score in (self.precision, self.recall, self.f1)))

    @property
    def weighted_average(self) -> Average:
        """The mean over the classes, weighted by their support."""
        share = _ratio(self.support, self._matrix.sum())
        return Average(*(float(score @ share) for score in (self.precision, self.recall, self.f1)))

    def most_confused(self, n: int = 10) -> list[Confusion]:
        """The (at most) `n` pairs of different labels with the most samples, the most confused first.

        Raises
        ------
        ValueError
            If `n` is negative.
        """
        if n < 0:
            raise ValueError(f"`n` is a number of pairs, 0 or more; got {n}.")
        true, pred = np.nonzero(self._matrix * (1 - np.eye(len(self._labels), dtype=np.int64)))
        most_first = np.argsort(-self._matrix[true, pred].astype(np.float64), kind="stable")[:n]
        return [
            Confusion(self._labels[i], self._labels[j], self._matrix[i, j].item())
            for i, j in zip(true[most_first], pred[most_first], strict=True)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Everything above as plain Python types, ready for ``json.dumps``."""
        scores = zip(self._labels, self.precision, self.recall, self.f1, self.support, strict=True)
        return {
            "accuracy": self.accuracy,
            "baseline": self.baseline,
            "n_samples": self._matrix.sum().item(),
            "classes": [
                {
                    "label": label,
                    "precision": float(precision),
                    "recall": float(recall),
                    "f1": float(f1),
                    "support": support.item(),
                }
                for label, precision, recall, f1, support in scores
            ],
            "macro_average": self.macro_average._asdict(),
            "weighted_average": self.weighted_average._asdict(),
            "most_confused": [pair._asdict() for pair in self.most_confused()],
            "confusion_matrix": self._matrix.tolist(),
        }

    def __str__(self) -> str:
        """A table of at most 80 columns."""
        total = self._matrix.sum()
        names = [str(label) for label in self._labels]
        width = min(max(len("weighted average"), *map(len, names)), 80 - 4 * 11)

        def line(name: str, *cells: object) -> str:
            short = name if len(name) <= width else name[: width - 1] + "…"
            return f"{short:>{width}}" + "".join(f" {_cell(cell):>10}" for cell in cells)

        return "\n".join(
            [
                line("", "precision", "recall", "F1", "support"),
                "",
                *map(line, names, self.precision, self.recall, self.f1, map(write_count, self.support)),
                "",
                line("accuracy", "", "", self.accuracy, write_count(total)),
                line("baseline", "", "", self.baseline, write_count(total)),
                line("macro average", *self.macro_average, write_count(total)),
                line("weighted average", *self.weighted_average, write_count(total)),
            ]
        )

    def __repr__(self) -> str:
        return f"<ClassificationSummary: {len(self._labels)} classes, accuracy {self.accuracy:.4f}>"

    def _repr_html_(self) -> str:
        return summary_as_html(self)


def _ratio(part: npt.ArrayLike, whole: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Divide, with 0 where the whole is 0."""
    part, whole = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    quotient: npt.NDArray[np.float64] = np.divide(part, whole, out=np.zeros_like(part), where=whole != 0)
    return quotient


def _cell(value: object) -> str:
    """Write a share to four digits, and text as it is."""
    return f"{value:.4f}" if isinstance(value, float) else f"{value}"


def write_count(value: Any) -> str:
    """Write a number of samples in full, a total of weights to about six digits, never with an exponent."""
    if not isinstance(value, float | np.floating):
        return f"{value}"
    return f"{value:.0f}" if value >= 1e5 else f"{value:.6g}" if value >= 1e-3 else f"{value:.6f}"
