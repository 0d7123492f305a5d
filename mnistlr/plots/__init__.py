"""Figures. They take arrays and return matplotlib objects; matplotlib is imported only when one is drawn.

A ``plot_*`` function draws on ``ax``, or on the axes of a new figure, and returns the axes; their figure is
``ax.figure``. Without matplotlib it raises ``MissingExtraError``.
A Display holds what it shows and can be drawn again; ``from_estimator`` takes any fitted scikit-learn classifier.
Nothing is ever shown, and pyplot keeps no figure unless you pass one of its axes.
"""

from mnistlr.plots.bars import plot_accuracies, plot_class_balance, plot_folds, plot_most_confused
from mnistlr.plots.digits import plot_answers, plot_digits, plot_mean_images, plot_pictures
from mnistlr.plots.gallery import ErrorGalleryDisplay, plot_error_gallery
from mnistlr.plots.learning import LearningCurveDisplay, plot_learning_curves
from mnistlr.plots.matrix import ConfusionMatrixDisplay, confusion_shares, plot_confusion_matrix
from mnistlr.plots.scores import (
    plot_precision_recall,
    plot_reliability,
    plot_roc,
    plot_score_distributions,
    plot_thresholds,
)
from mnistlr.plots.style import save_figure
from mnistlr.plots.weights import WeightsDisplay, plot_weights
from mnistlr.plots.why import ExplanationDisplay, plot_explanation

__all__ = [
    "ConfusionMatrixDisplay",
    "ErrorGalleryDisplay",
    "ExplanationDisplay",
    "LearningCurveDisplay",
    "WeightsDisplay",
    "confusion_shares",
    "plot_accuracies",
    "plot_answers",
    "plot_class_balance",
    "plot_confusion_matrix",
    "plot_digits",
    "plot_error_gallery",
    "plot_explanation",
    "plot_folds",
    "plot_learning_curves",
    "plot_mean_images",
    "plot_most_confused",
    "plot_pictures",
    "plot_precision_recall",
    "plot_reliability",
    "plot_roc",
    "plot_score_distributions",
    "plot_thresholds",
    "plot_weights",
    "save_figure",
]
