"""One drawing of each kind, of data that never change; for the tests of plots."""

from functools import cache, partial

import numpy as np

from mnistlr import SoftmaxRegression, explain, load_digits, plots

LETTERS = list("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt")  # 47 classes, those of EMNIST "balanced"
WORDS = ["Ankle boot", "Sandal", "T-shirt"]

X, y = load_digits()
IMAGES = X.reshape(-1, 8, 8)
# Wrong here and there, in a way that needs no model.
PREDICTED = np.where(np.arange(len(y)) % 7 == 0, (y + np.arange(len(y)) % 5) % 10, y)
IS_TWO = y == 2
SCORES = np.where(IS_TWO, 1.0, -1.5) + 2 * np.sin(np.arange(len(y)))
PROBABILITIES = 1 / (1 + np.exp(-SCORES))
WEIGHTS = np.sin(np.outer(np.arange(1, 11), np.arange(64)) / 9) / 100
PASSES = np.arange(1, 9)


def _history(rate, seconds, test_error):
    return {
        "objective": 0.25 + rate**PASSES,
        "passes": PASSES,
        "seconds": PASSES * seconds,
        "test_error": test_error + 0.1 / PASSES,
    }


HISTORIES = {"steep": _history(0.5, 0.02, 0.08), "flat": _history(0.8, 0.01, 0.09)}


def fixed_model(n_classes):
    """Return a softmax model with known weights, as if it had been fitted."""
    model = SoftmaxRegression()
    model.coef_ = WEIGHTS[: n_classes if n_classes > 2 else 1] * 3
    model.intercept_ = np.linspace(-1, 1, len(model.coef_))
    model.classes_, model.n_features_in_ = np.arange(n_classes), 64
    return model


def matrix(n_classes, largest=400):
    """Return a confusion matrix with a strong diagonal."""
    i, j = np.indices((n_classes, n_classes))
    return np.where(i == j, largest - 3 * i, np.maximum(0, 6 - (7 * i + 3 * j) % 23))


DRAWINGS = {
    "digits": partial(plots.plot_digits, IMAGES[:20], y[:20]),
    "one_digit": partial(plots.plot_digits, IMAGES[:1], ["image 0: 0"]),
    "means": partial(plots.plot_mean_images, X, y),
    "weights": partial(plots.plot_weights, WEIGHTS, range(10)),
    "one_row_of_weights": partial(plots.plot_weights, WEIGHTS[:1], ["2"]),
    "weights_of_47": partial(plots.plot_weights, np.tile(WEIGHTS, (5, 1))[:47], LETTERS, 8),
    "confusion": partial(plots.plot_confusion_matrix, matrix(10)),
    "errors": partial(plots.plot_confusion_matrix, matrix(10), normalize="errors"),
    "confusion_of_47": partial(plots.plot_confusion_matrix, matrix(47), LETTERS),
    "confusion_of_words": partial(plots.plot_confusion_matrix, matrix(3) + 5, WORDS, normalize="true"),
    "objective": partial(plots.plot_learning_curves, HISTORIES),
    "suboptimality": partial(plots.plot_learning_curves, HISTORIES, x="seconds", y="suboptimality", optimum=0.25),
    "test_error": partial(plots.plot_learning_curves, HISTORIES, x="iterations", y="test_error", baseline=0.9),
    "gallery": partial(plots.plot_error_gallery, X, y, PREDICTED, (3, 5)),
    "explanation": partial(plots.plot_explanation, explain(fixed_model(10), X[2]), true_label=2),
    "explanation_of_two": partial(plots.plot_explanation, explain(fixed_model(2), X[2])),
    "balance": partial(plots.plot_class_balance, y[:1000], y[1000:]),
    "balance_of_47": partial(plots.plot_class_balance, np.repeat(LETTERS, range(30, 77))),
    "folds": partial(plots.plot_folds, [0.979, 0.981, 0.978, 0.98, 0.982], [0.9] * 5),
    "thresholds": partial(plots.plot_thresholds, IS_TWO, SCORES),
    "precision_recall": partial(plots.plot_precision_recall, IS_TWO, {"one": SCORES, "two": -y}),
    "roc": partial(plots.plot_roc, IS_TWO, SCORES),
    "distributions": partial(plots.plot_score_distributions, IS_TWO, SCORES, names=("other", "2")),
    "reliability": partial(plots.plot_reliability, IS_TWO, PROBABILITIES),
}


@cache
def drawn(name):
    """Return the axes of a drawing on a new figure, whatever size of text the user has set."""
    import matplotlib as mpl

    with mpl.rc_context({"font.size": 4}):
        ax = DRAWINGS[name]()
        ax.figure.draw_without_rendering()
    return ax


def texts(figure):
    """Return the texts that are to be seen."""
    from matplotlib.text import Text

    figure.draw_without_rendering()
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
