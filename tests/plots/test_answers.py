"""Bars with names, and images beside the answers: what is drawn is what was given."""

import numpy as np
import pytest

from mnistlr.exceptions import ArgumentError

pytest.importorskip("matplotlib")

from mnistlr.metrics.summary import ClassificationSummary
from mnistlr.plots import plot_accuracies, plot_answers, plot_confusion_matrix, plot_learning_curves, plot_most_confused


def test_accuracies() -> None:
    ax = plot_accuracies({"ours": 0.925, "theirs": 0.5}, baseline=0.1)
    assert [bar.get_width() for bar in ax.patches] == [92.5, 50]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["ours", "theirs"]
    assert {"92.50 %", "50.00 %"} <= {text.get_text() for text in ax.texts}
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["most frequent label: 10.00 %"]
    assert plot_accuracies({"ours": 1.0}).get_legend() is None
    with pytest.raises(ArgumentError, match="at least one accuracy"):
        plot_accuracies({})


def test_most_confused() -> None:
    summary = ClassificationSummary([[5, 3, 0], [1, 9, 7], [0, 0, 4]])
    ax = plot_most_confused(summary.most_confused(2))
    assert [bar.get_width() for bar in ax.patches] == [7, 3]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["1 read as 2", "0 read as 1"]
    assert len(plot_most_confused([]).patches) == 0


def test_answers() -> None:
    images = np.arange(4 * 9, dtype=np.uint8).reshape(4, 3, 3)
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.05, 0.9, 0.05], [0.5, 0.2, 0.3]])
    ax = plot_answers(images, ["a", "b", "b", "c"], probabilities, list("abc"), n_answers=2)
    assert [image.get_array().tolist() for image in ax.images] == images.tolist()
    widths = np.array([bar.get_width() for bar in ax.patches]).reshape(4, 2)
    assert widths / widths[2, 0] * 0.9 == pytest.approx(-np.sort(-probabilities, axis=1)[:, :2])
    # Blue and without a hatch: the true class.
    assert [bar.get_hatch() in ("", None) for bar in ax.patches] == [1, 0, 0, 1, 1, 0, 0, 1]
    texts = [text.get_text() for text in ax.texts]
    assert [text for text in texts if text.startswith("true")] == [f"true class: {label}" for label in "abbc"]
    assert {"70.0 %", "60.0 %", "90.0 %", "50.0 %"} <= set(texts)
    left, right = ax.get_xlim()
    assert all(left <= image.get_extent()[0] < right for image in ax.images)


def test_answers_that_do_not_fit() -> None:
    for images, labels, probabilities in ((np.zeros((2, 4)), [1], [[1.0]]), (np.zeros((0, 4)), [], np.zeros((0, 2)))):
        with pytest.raises(ArgumentError, match="as many labels and rows of probabilities as images"):
            plot_answers(images, labels, probabilities)


@pytest.mark.parametrize(("cells", "wanted"), [("counts", "3"), ("shares", "30.0"), ("both", "3\n30.0 %")])
def test_what_is_written_into_cells(cells: str, wanted: str) -> None:
    ax = plot_confusion_matrix([[6, 3], [0, 1]], cells=cells)
    assert [text.get_text() for text in ax.texts][1] == wanted
    with pytest.raises(ArgumentError, match="'counts' or 'shares', got 'all'"):
        plot_confusion_matrix([[1]], cells="all")


def test_logarithmic_learning_curves_are_labelled_plainly() -> None:
    course = {"run": {"passes": [0, 1, 2], "objective": [2.3, 0.5, 0.25]}}
    assert plot_learning_curves(course).get_yscale() == "linear"
    ax = plot_learning_curves(course, logarithmic=True)
    ax.figure.canvas.draw()
    assert ax.get_yscale() == "log"
    low, high = ax.get_ylim()
    shown = [t.get_text() for t in ax.get_yticklabels() if low <= t.get_position()[1] <= high]
    assert {"0.5", "1", "2"} <= set(shown)
