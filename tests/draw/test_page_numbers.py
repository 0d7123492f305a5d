"""The page to draw on, in a real browser: the same numbers as Python, from ink to evidence to a step of learning."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree

from mnistlr import SoftmaxRegression
from mnistlr.features import DigitReader, explain_reader
from mnistlr.images import normalise
from mnistlr.images.strokes import even_out
from mnistlr.objective import Objective
from mnistlr.samples import Samples
from mnistlr.solvers.sgd import SGD
from tests.conftest import ImageData
from tests.helpers.draw_pages import (
    LONG,
    Open,
    Page,
    draw_by_mouse,
    evaluate_images,
    numbers,
    page_pixels,
)
from tests.helpers.strokes import DIGITS, moved

INK_SIDE = 140
PEN = 0.6 * 0.15 / 0.85
"""The width of the pen, in sides of the paper, where 0.6 is the longer side of a drawing without it."""
CELL = (0.6 + 2 * PEN) / INK_SIDE

# --- ink ---------------------------------------------------------------------------------------------------


def test_ink_is_where_the_pen_has_been(open_page: Open) -> None:
    """Ink is 1 within half a pen's width of a stroke, 0 beyond, and the edge is one cell wide.

    The drawing is as wide as high, 0.6 without the pen, 3/20 of the whole is the pen, and the grid leaves another half
    pen all around. Points on a circle, every 15 degrees, must give the circle back to a fifth of a cell, but for the
    two pieces at the ends, where the curve does not know how it would go on.
    """
    angles = np.radians(np.arange(0, 361, 15))
    ring = 0.5 + 0.3 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    bar = np.array([[0.2, 0.2], [0.8, 0.2]])
    found = numbers(open_page(), "mnistlr.inkOf(it)", [ring.tolist(), bar.tolist()])
    t = np.linspace(0, 2 * np.pi, 5000)
    circle = 0.5 + 0.3 * np.stack([np.cos(t), np.sin(t)], axis=1)
    line = np.linspace(bar[0], bar[1], 2000)
    places = (np.concatenate([circle, line]) - (0.2 - PEN)) / CELL
    centres = np.stack(np.meshgrid(np.arange(INK_SIDE) + 0.5, np.arange(INK_SIDE) + 0.5), axis=-1).reshape(-1, 2)
    expected = np.clip(PEN / 2 / CELL + 0.5 - cKDTree(places).query(centres)[0], 0, 1)
    is_end = (centres[:, 0] > 0.8 * INK_SIDE) & (np.abs(centres[:, 1] - INK_SIDE / 2) < 0.2 * INK_SIDE)
    assert np.abs(found.ravel() - expected)[~is_end].max() < 0.2
    assert np.abs(found.ravel() - expected)[is_end].max() < 0.6


def test_a_curve_goes_through_its_points_and_cuts_no_corner(open_page: Open) -> None:
    """A stick of four points: at each of them lies the middle of the stroke, also in the sharp corner."""
    stroke = [(0.2, 0.2), (0.8, 0.2), (0.3, 0.5), (0.5, 0.8)]
    found = numbers(open_page(), "mnistlr.inkOf(it)", [stroke])
    deep = ndimage.distance_transform_edt(found > 0.5)
    for x, y in stroke:
        column, row = ((u - (0.2 - PEN)) / CELL - 0.5 for u in (x, y))
        assert deep[round(row), round(column)] > 0.85 * PEN / 2 / CELL


def test_writing_of_any_size_gives_the_same_pixels(open_page: Open) -> None:
    page = open_page()
    for strokes in DIGITS.values():
        large, small = (numbers(page, "mnistlr.pixelsOf(it)", it) for it in (strokes, moved(strokes, 0.2, 0.8, 0.15)))
        assert np.abs(large - small).max() <= 1


def test_strokes_are_evened_out_as_in_photos(open_page: Open) -> None:
    page, random = open_page(), np.random.default_rng(0)
    for sigma, above in ((2.5, 0.0), (4, 0.02), (9, -0.04)):
        blurred = ndimage.gaussian_filter(random.normal(size=(100, 80)), sigma)
        ink = np.clip(0.5 + (blurred - above) * 4 * sigma**2, 0, 1).round(6)
        found, expected = numbers(page, "mnistlr.evenOut(it)", ink.tolist()), even_out(ink)
        assert found.shape == expected.shape != ink.shape
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
        assert np.array_equal(numbers(page, "mnistlr.normalise(it)", found.tolist()), normalise(expected).ravel())
    assert np.array_equal(numbers(page, "mnistlr.evenOut(it)", [[0.0, 0.4]]), [[0.0, 0.4]])


def test_normalise_agrees_on_every_kind_of_ink(open_page: Open) -> None:
    page, random = open_page(), np.random.default_rng(0)
    shapes = [(1, 1), (1, 50), (50, 1), (3, 2), (20, 20), (40, 40), (31, 17), (140, 140), (65, 280)]
    for shape in shapes:
        for levels in (1, 2, 255):  # few levels make ties, which both must round alike
            ink = random.integers(0, levels + 1, shape) / levels
            ink[shape[0] // 2, shape[1] // 2] = 1
            found = numbers(page, "mnistlr.normalise(it)", ink.tolist())
            assert np.array_equal(found, normalise(ink).ravel())
    assert page.evaluate("mnistlr.normalise([[0, 0.009], [0, 0]])") is None


# --- answers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["softmax", pytest.param("detector", marks=LONG)])
def test_all_test_images_get_the_label_that_python_gives(
    name: str, open_page: Open, request: pytest.FixtureRequest, mnist: ImageData
) -> None:
    """Probabilities may differ by the rounding of d products and sums of them in float32."""
    model, page = request.getfixturevalue(name), open_page(name)
    found = np.array(evaluate_images(page, mnist.X_test, "mnistlr.predict(x)"))
    assert len(found) == (10_000 if mnist.is_full else 1000)
    assert np.array_equal(model.classes_[found], model.predict(mnist.X_test))
    some = mnist.X_test[::20]
    magnitudes = some.astype(float) @ np.abs(model.coef_).T + np.abs(model.intercept_)
    shares = evaluate_images(page, some, "mnistlr.probabilities(x)")
    np.testing.assert_allclose(shares, model.predict_proba(some), rtol=0, atol=784 * 2**-24 * magnitudes.max())


def check_reader(page: Page, reader: DigitReader, X: np.ndarray) -> None:
    """Compare features, labels and scores; a sum in another order may round a feature to its neighbour."""
    features = np.array(evaluate_images(page, X[::8], "Array.from(mnistlr.look(x).features)"))
    differences = np.abs(features - reader.features(X[::8]).astype(int))
    assert differences.max() <= 1
    assert differences.mean() < 1e-4
    scores = np.array(evaluate_images(page, X, "mnistlr.rawPredictions(x)"))
    assert np.array_equal(scores.argmax(axis=1), reader.predict(X))
    by_a_neighbour = np.abs(reader.classifier_.coef_).max()  # a score moves by its weight
    np.testing.assert_allclose(scores, reader.decision_function(X), rtol=0, atol=2 * by_a_neighbour)
    shares = evaluate_images(page, X[::8], "mnistlr.probabilities(x)")
    np.testing.assert_allclose(shares, reader.predict_proba(X[::8]), rtol=0, atol=0.002)


def test_the_reader_sees_and_answers_as_in_python(open_page: Open, reader: DigitReader, mnist: ImageData) -> None:
    page, extremes = open_page("reader"), np.zeros((8, 784), np.uint8)
    extremes[0] = 255
    extremes[2, 5] = extremes[3, 30:40] = 200
    drawings = [numbers(page, "mnistlr.pixelsOf(it)", strokes).astype(np.uint8) for strokes in DIGITS.values()]
    check_reader(page, reader, np.concatenate([extremes[:1], mnist.X_test[::40], extremes, drawings]))


@LONG
def test_all_test_images_are_read_as_in_python(open_page: Open, full_reader: DigitReader, mnist: ImageData) -> None:
    check_reader(open_page("full_reader"), full_reader, mnist.X_test)


# --- evidence ----------------------------------------------------------------------------------------------


def test_the_evidence_is_the_difference_of_the_raw_predictions(open_page: Open, softmax: SoftmaxRegression) -> None:
    page = open_page()
    draw_by_mouse(page, DIGITS[3])
    pixels = page_pixels(page).ravel()
    found = page.evaluate("mnistlr.evidence(mnistlr.pixels(), 3, 5)")
    expected = (softmax.coef_[3] - softmax.coef_[5]) * pixels
    np.testing.assert_allclose(found["contributions"], expected, rtol=1e-5, atol=1e-6)
    raw = softmax.coef_ @ pixels + softmax.intercept_
    total = found["speaksFor"] + found["speaksAgainst"] + found["headStart"]
    assert total == pytest.approx(raw[3] - raw[5], rel=1e-5)
    picture = page.evaluate("document.getElementById('evidence').toDataURL()")
    page.get_by_role("button", name="Clear").click()
    assert page.evaluate("document.getElementById('evidence').toDataURL()") != picture


def test_the_readers_evidence_is_that_of_python_and_drawing_times_weights(
    open_page: Open, reader: DigitReader, mnist: ImageData
) -> None:
    images = mnist.X_test[5::1999]
    found = evaluate_images(open_page("reader"), images, "mnistlr.evidence(x, 3, 5)")
    raw = evaluate_images(open_page("reader"), images, "mnistlr.rawPredictions(x)")
    for image, scores, one in zip(images, raw, found, strict=True):
        contributions = explain_reader(reader, image).contributions
        expected = contributions[3] - contributions[5]
        # A feature that the page rounds to its neighbour moves the shares of its pixels a little.
        np.testing.assert_allclose(one["contributions"], expected, rtol=0, atol=0.01 * np.abs(expected).max())
        np.testing.assert_allclose(one["contributions"], image * np.array(one["counts"]), rtol=1e-12)
        total = one["speaksFor"] + one["speaksAgainst"] + one["headStart"]
        assert total == pytest.approx(scores[3] - scores[5], abs=1e-8)


# --- learning ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "right"), [pytest.param("reader", 4, marks=LONG), ("softmax", 7), ("detector", 1)])
def test_a_step_of_learning_is_that_of_the_packages_sgd(
    name: str, right: int, open_page: Open, request: pytest.FixtureRequest, mnist: ImageData
) -> None:
    """One sample, one step of a given size, no penalty."""
    model, page, image = request.getfixturevalue(name), open_page(name), mnist.X_test[mnist.y_test == 5][:1]
    linear, features = (model.classifier_, model.features(image)) if name == "reader" else (model, image)
    features.flags.writeable = False  # as the data sets' are: the step is compiled for these already
    n_classes, n_raw = len(model.classes_), len(linear.coef_)
    step = 1 / ((0.25 if n_raw == 1 else 0.5) * (((features / 255) ** 2).sum() + 1))
    objective = Objective(Samples.of(features), np.array([right], np.int32), n_raw, alpha=0.0)
    theta = np.concatenate([255 * linear.coef_.ravel(), linear.intercept_])
    state = SGD(objective, theta, batch_size=1, eta=step, power=0, average=False)
    state.epoch(objective, None, np.random.RandomState(0))
    expected_W, expected_b = objective.unpack(state.theta)
    before = evaluate_images(page, image, "mnistlr.probabilities(x)")[0][right]
    after = evaluate_images(page, image, f"(mnistlr.learn(x, {right}), mnistlr.probabilities(x))")[0][right]
    W = numbers(page, "mnistlr.W").reshape(n_classes, -1)[-n_raw:]
    np.testing.assert_allclose(255 * W, expected_W, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(numbers(page, "mnistlr.b")[-n_raw:], expected_b, rtol=1e-5, atol=1e-5)
    assert np.abs(expected_W - 255 * linear.coef_).max() > 1e-3
    assert after > before
    page.evaluate("mnistlr.forget()")
    assert evaluate_images(page, image, "mnistlr.probabilities(x)")[0][right] == before
