"""Figures: legible, labelled, drawn where they were asked to be, and unknown to pyplot."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

matplotlib = pytest.importorskip("matplotlib")
from matplotlib.figure import Figure  # noqa: E402

from mnistlr import ArgumentError, MissingExtraError, plots  # noqa: E402
from mnistlr.plots.style import LINES, against_for, text_colour  # noqa: E402
from tests.helpers.drawings import (  # noqa: E402
    DRAWINGS,
    HISTORIES,
    IS_TWO,
    PREDICTED,
    PROBABILITIES,
    SCORES,
    WEIGHTS,
    X,
    drawn,
    fixed_model,
    matrix,
    texts,
    y,
)

# --- all of them -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DRAWINGS)
def test_text_is_legible_inside_the_figure_and_axes_are_labelled(name):
    ax = drawn(name)
    found = texts(ax.figure)
    assert found
    assert min(text.get_fontsize() for text in found) >= 8
    everything, (width, height) = ax.figure.get_tightbbox(), ax.figure.get_size_inches()
    assert 0 <= everything.x0 < everything.x1 <= width
    assert 0 <= everything.y0 < everything.y1 <= height
    for part in ax.child_axes or [ax]:  # those that it was split into, or itself
        assert part.get_xlabel()
        assert part.get_ylabel() or not len(part.get_yticks())


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawing_goes_where_it_was_asked_to_and_nowhere_else(name):
    figure = Figure(figsize=(8, 6), layout="constrained")
    left, right = figure.subplots(1, 2)
    assert DRAWINGS[name](ax=right) is right
    assert min(text.get_fontsize() for text in texts(figure)) >= 8
    assert not [*left.lines, *left.images, *left.patches, *left.texts, *left.child_axes]


@pytest.mark.long
def test_pyplot_knows_of_no_figure():
    code = (
        "import sys\n"
        "from tests.helpers.drawings import DRAWINGS\n"
        "assert 'matplotlib' not in sys.modules\n"
        "for draw in DRAWINGS.values(): draw()\n"
        "assert 'matplotlib' in sys.modules\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_missing_matplotlib_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    for draw in DRAWINGS.values():
        with pytest.raises(MissingExtraError, match=r"pip install 'mnistlr\[plots\]'"):
            draw()


def test_colours_differ_in_lightness_and_not_in_hue_alone():
    """All kinds of colour vision see lightness: it falls from zero to both ends."""
    rgb = against_for()(np.linspace(0, 1, 101))[:, :3]
    lightness = luminance(rgb)
    assert (np.diff(lightness[:51]) > 0).all()
    assert (np.diff(lightness[50:]) < 0).all()
    orange, blue = rgb[20], rgb[80]
    assert orange[0] > 2 * orange[2]
    assert blue[2] > 2 * blue[0]


def linear(colours):
    rgb = matplotlib.colors.to_rgba_array(colours)[:, :3]
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def luminance(colours):
    return linear(colours) @ [0.2126, 0.7152, 0.0722]


# Linear RGB as seen with one kind of cones missing: G. Machado, M. Oliveira, L. Fernandes, "A physiologically-based
# model for simulation of color vision deficiency", IEEE Trans. Visualization and Computer Graphics 15 (2009).
VISION = {
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


def seen(colours, vision):
    """Return colours as CIELAB coordinates; a distance of 2.3 is just noticeable."""
    rgb = np.clip(linear(colours) @ np.transpose(VISION[vision]), 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(np.maximum((rgb @ to_xyz.T) / to_xyz.sum(axis=1), 0.008856)).T
    return np.column_stack([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("vision", VISION)
def test_colours_stay_apart_for_every_kind_of_colour_vision(vision):
    lines = seen(LINES, vision)
    distances = np.linalg.norm(lines[:, None] - lines, axis=2) + 1000 * np.eye(len(lines))
    assert distances.min() > 10
    scale = seen(against_for()(np.linspace(0, 1, 21)), vision)
    for k in range(1, 10):  # as far from zero on both sides
        assert np.linalg.norm(scale[10 - k] - scale[10 + k]) > 10


@pytest.mark.parametrize("grey", np.linspace(0, 1, 11))
def test_text_has_contrast_on_any_colour(grey):
    low, high = np.sort(luminance([text_colour((grey, grey, grey, 1)), [grey] * 3]))
    assert (high + 0.05) / (low + 0.05) >= 4.5  # WCAG 2.2, AA


# --- files, notebooks, errors ------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_figures_are_saved_whole(ending, tmp_path):
    path = plots.save_figure(DRAWINGS["digits"]().figure, tmp_path / f"digits.{ending}")
    assert path.read_bytes()[:4] in (b"\x89PNG", b"<?xm", b"%PDF")
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(ValueError, match="xyz"):
        plots.save_figure(DRAWINGS["digits"]().figure, tmp_path / "digits.xyz")
    assert list(tmp_path.iterdir()) == [path]


def test_displays_show_themselves_in_a_notebook():
    display = plots.ConfusionMatrixDisplay(matrix(3))
    assert display._repr_png_().startswith(b"\x89PNG")  # drawn when it is first shown
    figure = Figure()
    part = figure.subfigures(1, 2)[0]
    assert display.plot(ax=part.subplots()).figure_ is figure


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plots.plot_digits(X[0]), r"got shape \(64,\); put a single image into brackets"),
        (lambda: plots.plot_digits(X[:, :63]), "as many rows as columns, got 63 pixels each; say image_shape"),
        (lambda: plots.plot_digits(X, image_shape=(7, 9)), "images of 7 x 9 pixels, got 64"),
        (lambda: plots.plot_digits(X[:0]), "at least one image"),
        (lambda: plots.plot_digits(X[:2], ["a"]), "a title for each of 2 images, got 1"),
        (lambda: plots.plot_mean_images(X[:0], y[:0]), "images and a label for each, got 0 images and 0 labels"),
        (lambda: plots.plot_mean_images(X[:5], y[:4]), "images and a label for each, got 5 images and 4 labels"),
        (lambda: plots.plot_weights(WEIGHTS, ["a"]), "a label for each of 10 rows of weights, got 1"),
        (lambda: plots.plot_confusion_matrix(np.ones((2, 3))), r"square confusion matrix, got shape \(2, 3\)"),
        (lambda: plots.plot_confusion_matrix(np.eye(2), ["a"]), "a label for each of 2 classes, got 1"),
        (lambda: plots.confusion_shares(np.eye(2), "all"), "None, 'true', 'pred' or 'errors', got 'all'"),
        (lambda: plots.plot_learning_curves(HISTORIES, x="miles"), "passes, seconds, iterations"),
        (lambda: plots.plot_learning_curves({}), "at least one history"),
        (lambda: plots.plot_learning_curves({"a": {"passes": [1]}}), "the history of a has no objective, only passes"),
        (lambda: plots.LearningCurveDisplay.from_estimator({"a": fixed_model(10)}), "a has none"),
        (lambda: plots.plot_error_gallery(X, y[:3], PREDICTED, (3, 5)), "as many labels as images"),
        (lambda: plots.plot_error_gallery(X, y, PREDICTED, (3, 3)), r"two different labels, got \(3, 3\)"),
        (lambda: plots.plot_folds([1, 2], [1]), "a score and a baseline for each fold"),
        (lambda: plots.plot_score_distributions(IS_TWO, SCORES[:3]), "a label for each score"),
        (lambda: plots.plot_reliability(IS_TWO, 2 + PROBABILITIES), "between 0 and 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()


def test_pictures_stand_in_rows_of_about_the_same_length():
    """Six as two rows of three, although four would fit into the first."""
    sizes = [plots.plot_pictures([np.zeros((9, 9))] * n, ["x"] * n).figure.get_size_inches() for n in (3, 4, 6)]
    (width, height), (_, height_of_four), (width_of_six, height_of_six) = sizes
    assert height_of_four == pytest.approx(height)
    assert height_of_six == pytest.approx(2 * height)
    assert width_of_six == pytest.approx(width, rel=0.05)
