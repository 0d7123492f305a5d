"""What each figure shows is what it was given: pixels, numbers, names."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp
from scipy import ndimage

matplotlib = pytest.importorskip("matplotlib")
from matplotlib.figure import Figure  # noqa: E402
from sklearn.linear_model import LogisticRegression as SklearnLogisticRegression  # noqa: E402
from sklearn.metrics import confusion_matrix, roc_auc_score  # noqa: E402

from mnistlr import ArgumentError, LogisticRegression, SoftmaxRegression, explain, plots  # noqa: E402
from mnistlr.metrics.summary import ClassificationSummary  # noqa: E402
from tests.helpers.drawings import (  # noqa: E402
    DRAWINGS,
    HISTORIES,
    IMAGES,
    IS_TWO,
    LETTERS,
    PREDICTED,
    SCORES,
    WEIGHTS,
    X,
    drawn,
    fixed_model,
    matrix,
    texts,
    y,
)

# --- digits, weights ---------------------------------------------------------------------------------------


def tiles(image):
    """Cut what was drawn back into images, by the lines of NaN between them."""
    canvas = np.ma.filled(image.get_array().astype(float), np.nan)
    return [canvas[tile] for tile in ndimage.find_objects(ndimage.label(~np.isnan(canvas))[0])]


def test_a_hundred_digits_without_titles_fit_a_page_with_a_legible_caption():
    width = plots.plot_digits(IMAGES[:100]).figure.get_size_inches()[0]
    assert width <= 6  # inches: a column of the report is 5 of them wide


def test_digits_are_drawn_whole_in_order_and_dark_on_white():
    ax = plots.plot_digits(IMAGES[:13], y[:13], n_columns=5)
    (image,) = ax.images
    assert np.array_equal(tiles(image), IMAGES[:13])
    assert [text.get_text() for text in ax.texts] == [str(label) for label in y[:13]]
    assert image.get_clim() == (0, 255)
    assert image.cmap(image.norm(255))[:3] == (0, 0, 0)
    assert image.cmap(image.norm(0))[:3] == (1, 1, 1)


def test_sparse_rows_and_frames_are_images_too():
    pandas = pytest.importorskip("pandas")
    for same in (sp.csr_matrix(X[:3]), pandas.DataFrame(X[:3])):
        (image,) = plots.plot_digits(same).images
        assert np.array_equal(tiles(image), IMAGES[:3])


def test_titles_stand_above_their_images():
    ax = plots.plot_digits(IMAGES[:13], y[:13], n_columns=5)
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent().transformed(ax.transData.inverted()) for text in ax.texts]
    for k, box in enumerate(boxes):
        assert abs((box.x0 + box.x1) / 2 - (k % 5) * 1.125 - 0.5) < 0.05
    canvas = ax.images[0].get_array()
    for k, box in enumerate(boxes):
        top, bottom = (int(8 * y) for y in sorted((box.y0, box.y1)))
        assert canvas.mask[top : bottom + 1, 9 * (k % 5)].all()  # nothing drawn where it stands
        assert not canvas.mask[bottom + 2, 9 * (k % 5)]  # and its image right below


def test_float_images_reach_from_nothing_to_their_largest():
    (image,) = plots.plot_digits(IMAGES[:3] / 255).images
    assert image.get_clim() == (0, IMAGES[:3].max() / 255)


def test_mean_images_are_means():
    (image,) = plots.plot_mean_images(X, y).images
    np.testing.assert_allclose(tiles(image), [IMAGES[y == digit].mean(axis=0) for digit in range(10)])


@pytest.mark.parametrize("weights", [WEIGHTS, np.abs(WEIGHTS), -np.abs(WEIGHTS), WEIGHTS * 0, WEIGHTS[:1]])
def test_weights_share_one_scale_with_zero_in_its_middle(weights):
    ax = plots.plot_weights(weights)
    (image,) = ax.images
    low, high = image.get_clim()
    assert -low == high >= np.quantile(np.abs(weights), 0.998)
    assert image.norm(0) == 0.5
    assert image.cmap.name == "against_for"
    assert ax.figure.axes[1].get_ylabel() == "weight (nats per unit of intensity)"


def test_one_strong_weight_does_not_leave_the_others_pale():
    strong = WEIGHTS.copy()
    strong[0, 0] = 100 * np.abs(WEIGHTS).max()
    assert plots.plot_weights(strong).images[0].get_clim()[1] <= np.abs(WEIGHTS).max()


def test_weights_display_takes_any_linear_model():
    ours = SoftmaxRegression(random_state=0).fit(X, y)
    theirs = SklearnLogisticRegression(max_iter=5, tol=100).fit(X, y)
    for model in (ours, theirs):
        display = plots.WeightsDisplay.from_estimator(model)
        assert np.array_equal(tiles(display.ax_.images[0]), model.coef_.reshape(10, 8, 8))
        assert [text.get_text() for text in display.ax_.texts] == [str(k) for k in range(10)]
    detector = plots.WeightsDisplay.from_estimator(LogisticRegression().fit(X, IS_TWO))
    assert [text.get_text() for text in detector.ax_.texts] == ["True"]


# --- confusion matrix --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["confusion", "errors", "confusion_of_47", "confusion_of_words"])
def test_numbers_fit_into_their_cells(name):
    ax = drawn(name)
    assert len(ax.texts) > 5
    for text in ax.texts:
        box = text.get_window_extent().transformed(ax.transData.inverted())
        column, row = text.get_position()
        assert max(abs(box.x0 - column), abs(box.x1 - column)) < 0.5, text
        assert max(abs(box.y0 - row), abs(box.y1 - row)) < 0.5, text


@pytest.mark.parametrize("name", ["confusion", "confusion_of_47", "confusion_of_words"])
@pytest.mark.parametrize("size", [(2.5, 2), (5, 4)])
def test_names_of_classes_do_not_overlap_however_small_the_axes(name, size):
    figure = Figure(figsize=size, layout="constrained")
    ax = DRAWINGS[name](ax=figure.subplots())
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in ax.get_yticklabels()]
    assert all(a.y0 >= b.y1 - 2 for a, b in pairwise(boxes))
    assert boxes


def test_small_axes_have_no_numbers_that_would_overlap():
    ax = plots.plot_confusion_matrix(matrix(47), ax=Figure(figsize=(4, 3)).subplots())
    assert not ax.texts


@pytest.mark.parametrize("normalize", [None, "true", "pred", "errors"])
def test_shares_are_those_of_sklearn(normalize):
    """To count errors only, scikit-learn gives right answers the weight zero."""
    counts = confusion_matrix(y, PREDICTED)
    settings = {"normalize": normalize or "all"}
    if normalize == "errors":
        settings = {"normalize": "true", "sample_weight": y != PREDICTED}
    expected = confusion_matrix(y, PREDICTED, **settings)
    np.testing.assert_allclose(plots.confusion_shares(counts, normalize), expected, rtol=1e-15)


def test_shares_of_nothing_are_zero():
    assert not plots.confusion_shares([[0, 0], [0, 3]], "true")[0].any()
    assert not plots.confusion_shares([[2, 0], [0, 3]], "errors").any()
    plots.plot_confusion_matrix([[2, 0], [0, 3]], normalize="errors")
    plots.plot_confusion_matrix(np.zeros((2, 2), int))


def test_cells_hold_count_and_percentage():
    ax = plots.plot_confusion_matrix([[8, 2], [0, 10]], ["cat", "dog"], normalize="true")
    assert {text.get_position(): text.get_text() for text in ax.texts} == {
        (0, 0): "8\n80.0 %",
        (1, 0): "2\n20.0 %",
        (1, 1): "10\n100.0 %",
    }
    assert ax.get_title() == "accuracy 90.00 % (always “cat”: 50.00 %)"
    assert [label.get_text() for label in ax.get_xticklabels()] == ["cat", "dog"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")


@pytest.mark.parametrize(("cells", "wanted"), [("counts", "3"), ("shares", "30.0"), ("both", "3\n30.0 %")])
def test_what_is_written_into_cells(cells, wanted):
    ax = plots.plot_confusion_matrix([[6, 3], [0, 1]], cells=cells)
    assert [text.get_text() for text in ax.texts][1] == wanted
    with pytest.raises(ArgumentError, match="'counts' or 'shares', got 'all'"):
        plots.plot_confusion_matrix([[1]], cells="all")


def test_confusion_display_counts(digits):
    model = SoftmaxRegression(random_state=0).fit(digits.X_train, digits.y_train)
    display = plots.ConfusionMatrixDisplay.from_estimator(model, digits.X_test, digits.y_test)
    assert np.array_equal(display.matrix, confusion_matrix(digits.y_test, model.predict(digits.X_test)))
    first = display.ax_
    assert display.plot(normalize="errors") is display
    assert display.ax_ is not first
    assert display.figure_ is display.ax_.figure
    some = plots.ConfusionMatrixDisplay.from_predictions(["b", "a"], ["a", "a"], labels=["b", "a"])
    assert some.labels == ("b", "a")
    assert some.matrix.tolist() == [[0, 1], [0, 1]]


# --- learning curves ---------------------------------------------------------------------------------------


def test_learning_curves_draw_the_history():
    ax = plots.plot_learning_curves(HISTORIES, x="seconds")
    for line, history in zip(ax.lines, HISTORIES.values(), strict=True):
        assert np.array_equal(line.get_xydata(), np.column_stack([history["seconds"], history["objective"]]))
    assert ax.get_xlabel() == "training time (s)"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(HISTORIES)
    assert len({(line.get_color(), line.get_linestyle()) for line in ax.lines}) == 2


def test_suboptimality_is_relative_to_the_optimum_and_leaves_it_out():
    ax = plots.plot_learning_curves(HISTORIES, y="suboptimality")
    least = HISTORIES["steep"]["objective"].min()
    steep, flat = (line.get_ydata() for line in ax.lines)
    np.testing.assert_allclose(steep[:-1], HISTORIES["steep"]["objective"][:-1] / least - 1)
    assert np.isnan(steep[-1])
    np.testing.assert_allclose(flat, HISTORIES["flat"]["objective"] / least - 1)
    assert ax.get_yscale() == "log"
    ax = plots.plot_learning_curves(HISTORIES, y="suboptimality", optimum=0.25)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), HISTORIES["steep"]["objective"] / 0.25 - 1)


def test_test_error_is_in_per_cent_beside_the_baseline():
    ax = plots.plot_learning_curves(HISTORIES, y="test_error", baseline=0.9)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), 100 * HISTORIES["steep"]["test_error"])
    assert set(ax.lines[2].get_ydata()) == {90}
    assert ax.get_ylim()[0] == 0


def test_logarithmic_learning_curves_are_labelled_plainly():
    course = {"run": {"passes": [0, 1, 2], "objective": [2.3, 0.5, 0.25]}}
    assert plots.plot_learning_curves(course).get_yscale() == "linear"
    ax = plots.plot_learning_curves(course, logarithmic=True)
    ax.figure.canvas.draw()
    assert ax.get_yscale() == "log"
    low, high = ax.get_ylim()
    shown = [t.get_text() for t in ax.get_yticklabels() if low <= t.get_position()[1] <= high]
    assert {"0.5", "1", "2"} <= set(shown)


def test_learning_curve_display(digits):
    models = {
        solver: LogisticRegression(solver=solver, random_state=0, tol=0.1).fit(digits.X_train, digits.y_train == 2)
        for solver in ("lbfgs", "sgd")
    }
    one = plots.LearningCurveDisplay.from_estimator(models["lbfgs"])
    assert one.ax_.get_ylabel().startswith("objective")
    assert np.array_equal(one.ax_.lines[0].get_ydata(), models["lbfgs"].history_["objective"])
    both = plots.LearningCurveDisplay.from_estimator(models, x="seconds")
    assert both.ax_.get_ylabel().startswith("relative suboptimality")
    assert [line.get_label() for line in both.ax_.lines] == ["lbfgs", "sgd"]
    with_errors = plots.LearningCurveDisplay(HISTORIES, baseline=0.9).plot()
    assert with_errors.test_ax_.get_ylabel() == "test error (%)"
    assert len(with_errors.test_ax_.lines) == 3
    assert min(text.get_fontsize() for text in texts(with_errors.figure_)) >= 8


# --- gallery, explanation ----------------------------------------------------------------------------------


def test_gallery_has_the_right_images_in_its_blocks():
    ax = plots.plot_error_gallery(X, y, PREDICTED, (3, 5), side=3)
    counts = confusion_matrix(y, PREDICTED)
    blocks = [(a, b) for a in (3, 5) for b in (3, 5) if counts[a, b]]
    assert len(ax.images) == len(blocks)
    for image, (a, b) in zip(ax.images, blocks, strict=True):
        expected = IMAGES[(y == a) & (b == PREDICTED)][:9]
        assert np.array_equal(tiles(image), expected)
        left, _, bottom, top = image.get_extent()
        assert (left > 1) == (b == 5)
        assert (top > 1) == (a == 5)
        assert bottom > top  # the first row is the upper one
    said = [text.get_text() for text in ax.texts]
    assert said == [
        f"{'the first 9 of ' if counts[a, b] > 9 else ''}{counts[a, b]:,} image{'' if counts[a, b] == 1 else 's'}"
        for a in (3, 5)
        for b in (3, 5)
    ]


def test_gallery_takes_the_most_confused_pair():
    true = np.array([0, 0, 1, 2, 2, 2, 1])
    pred = np.array([0, 1, 0, 1, 1, 2, 1])
    display = plots.ErrorGalleryDisplay.from_predictions(IMAGES[:7], true, pred)
    assert display.pair_ == (0, 1)  # two: 0 as 1 and 1 as 0; but 2 as 1 twice as well, found later
    display = plots.ErrorGalleryDisplay.from_predictions(IMAGES[:7], true, np.array([0, 1, 1, 1, 1, 1, 1]))
    assert display.pair_ == (1, 2)
    with pytest.raises(ArgumentError, match="none wrong"):
        plots.ErrorGalleryDisplay.from_predictions(IMAGES[:7], true, true)


@pytest.mark.parametrize("n_classes", [2, 10])
def test_explanation_draws_what_decided(n_classes):
    why = explain(fixed_model(n_classes), X[2])
    ax = plots.plot_explanation(why)
    *tile_axes, bars = ax.child_axes
    assert len(tile_axes) == (2 if n_classes == 2 else 4)
    maps = [tile.images[0] for tile in tile_axes]
    assert np.array_equal(maps[0].get_array(), IMAGES[2])
    assert np.array_equal(maps[-1].get_array().ravel(), why.decision)
    if n_classes > 2:
        assert np.array_equal(maps[1].get_array().ravel(), why.contributions[why.ranking[0]])
        assert np.array_equal(maps[2].get_array().ravel(), why.contributions[why.ranking[1]])
    ((low, high),) = {image.get_clim() for image in maps[1:]}
    assert -low == high == max(np.abs(image.get_array()).max() for image in maps[1:])
    (dots,) = tile_axes[-1].lines
    assert {8 * int(row) + int(column) for column, row in dots.get_xydata()} == set(why.decisive_pixels)
    assert [bar.get_width() for bar in bars.patches] == why.raw_prediction[why.ranking[:10]].tolist()
    assert bars.get_ylim()[0] > bars.get_ylim()[1]  # the best on top


def test_explanation_of_many_classes_shows_the_ten_best():
    model = fixed_model(10)
    model.coef_, model.intercept_ = np.tile(model.coef_, (5, 1))[:47], np.linspace(-2, 2, 47)
    model.classes_ = np.array(LETTERS)
    display = plots.ExplanationDisplay.from_estimator(model, X[2], true_label="2")
    bars = display.ax_.child_axes[-1]
    assert len(bars.patches) == 10
    assert bars.get_title().endswith("10 best of 47")
    assert display.ax_.child_axes[0].get_title() == "the image, label 2"


# --- scores, bars ------------------------------------------------------------------------------------------


def test_scores_are_drawn_from_our_curves():
    roc = plots.plot_roc(IS_TWO, SCORES)
    assert f"{roc_auc_score(IS_TWO, SCORES):.4f}" in roc.get_legend().get_texts()[0].get_text()
    thresholds = plots.plot_thresholds(IS_TWO, SCORES, threshold=1.5)
    precision, recall = (line.get_xydata() for line in thresholds.lines[:2])
    k = np.searchsorted(precision[:, 0], 1.5)
    yes = precision[k, 0] <= SCORES
    assert precision[k, 1] == pytest.approx(100 * IS_TWO[yes].mean())
    assert recall[k, 1] == pytest.approx(100 * yes[IS_TWO].mean())
    both = plots.plot_precision_recall(IS_TWO, {"one": SCORES, "two": -SCORES})
    assert [text.get_text()[:4] for text in both.get_legend().get_texts()] == ["one:", "two:", "alwa"]


def test_distributions_hold_every_score_and_sum_to_100_per_cent():
    ax = plots.plot_score_distributions(IS_TWO, SCORES)
    for stairs in ax.patches:
        values, edges, _ = stairs.get_data()
        assert values.sum() == pytest.approx(100)
        assert edges[0] == SCORES.min()
        assert edges[-1] == SCORES.max()


def test_balance_and_folds_are_in_per_cent_beside_the_baseline():
    ax = plots.plot_class_balance(y[:1000], y[1000:])
    heights = np.array([bar.get_height() for bar in ax.patches]).reshape(2, 10)
    np.testing.assert_allclose(heights[0], np.bincount(y[:1000]) / 10)
    np.testing.assert_allclose(heights.sum(axis=1), 100)
    ax = plots.plot_folds([0.98, 0.97], [0.9, 0.91])
    assert [bar.get_height() for bar in ax.patches] == pytest.approx([98, 97, 90, 91])
    assert ax.get_ylim()[0] == 0
    assert "mean 97.50 %" in ax.get_legend().get_texts()[0].get_text()


# --- bars with names, images beside the answers --------------------------------------------------------------


def test_accuracies():
    ax = plots.plot_accuracies({"ours": 0.925, "theirs": 0.5}, baseline=0.1)
    assert [bar.get_width() for bar in ax.patches] == [92.5, 50]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["ours", "theirs"]
    assert {"92.50 %", "50.00 %"} <= {text.get_text() for text in ax.texts}
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["most frequent label: 10.00 %"]
    assert plots.plot_accuracies({"ours": 1.0}).get_legend() is None
    with pytest.raises(ArgumentError, match="at least one accuracy"):
        plots.plot_accuracies({})


def test_most_confused():
    summary = ClassificationSummary([[5, 3, 0], [1, 9, 7], [0, 0, 4]])
    ax = plots.plot_most_confused(summary.most_confused(2))
    assert [bar.get_width() for bar in ax.patches] == [7, 3]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["1 read as 2", "0 read as 1"]
    assert len(plots.plot_most_confused([]).patches) == 0


def test_answers():
    images = np.arange(4 * 9, dtype=np.uint8).reshape(4, 3, 3)
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.05, 0.9, 0.05], [0.5, 0.2, 0.3]])
    ax = plots.plot_answers(images, ["a", "b", "b", "c"], probabilities, list("abc"), n_answers=2)
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


def test_answers_that_do_not_fit():
    for images, labels, probabilities in ((np.zeros((2, 4)), [1], [[1.0]]), (np.zeros((0, 4)), [], np.zeros((0, 2)))):
        with pytest.raises(ArgumentError, match="as many labels and rows of probabilities as images"):
            plots.plot_answers(images, labels, probabilities)
