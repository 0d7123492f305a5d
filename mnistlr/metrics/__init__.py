"""Judge predictions: the confusion matrix, what follows from it, curves, and why a model gave an answer."""

from mnistlr.metrics.confusion import accuracy, confusion_matrix
from mnistlr.metrics.curves import (
    PrecisionRecall,
    Reliability,
    Roc,
    auc,
    average_precision,
    precision_recall_curve,
    reliability,
    roc_curve,
)
from mnistlr.metrics.explanation import Explanation, explain
from mnistlr.metrics.summary import ClassificationSummary

__all__ = [
    "ClassificationSummary",
    "Explanation",
    "PrecisionRecall",
    "Reliability",
    "Roc",
    "accuracy",
    "auc",
    "average_precision",
    "confusion_matrix",
    "explain",
    "precision_recall_curve",
    "reliability",
    "roc_curve",
]
