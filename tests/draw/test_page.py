"""The page to draw on, in a real browser: drawing, recognising, agreeing with Python."""

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.spatial import cKDTree

from mnistlr import LogisticRegression, SoftmaxRegression
from mnistlr.draw.page import render_draw_page
from mnistlr.exceptions import ImageError
from mnistlr.images import normalise
from mnistlr.saving.model_file import ModelFile
from tests.conftest import ImageData
from tests.helpers.draw_pages import (
    INK_SIDE,
    LONG,
    Open,
    Page,
    draw_by_mouse,
    draw_by_touch,
    numbers,
    on_screen,
    page_ink,
    page_pixels,
    python_pixels,
    rounding_of,
    wait_until,
)
from tests.helpers.strokes import DIGITS, Stroke

# --- drawing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("draw", [draw_by_mouse, draw_by_touch])
def test_ten_digits_are_recognised(
    draw: Callable[[Page, list[Stroke]], None], open_page: Open, softmax: SoftmaxRegression, mnist: ImageData
) -> None:
    page, missed = open_page(has_touch=True), []
    for digit, strokes in DIGITS.items():
        draw(page, strokes)
        pixels = page_pixels(page)
        assert np.array_equal(pixels, python_pixels(page))
        X = pixels.reshape(1, 784).astype(np.uint8)
        raw = page.evaluate("mnistlr.rawPredictions(mnistlr.pixels())")
        np.testing.assert_allclose(raw, softmax.decision_function(X)[0], rtol=0, atol=rounding_of(softmax, X))
        shares = page.evaluate("mnistlr.probabilities(mnistlr.pixels())")
        np.testing.assert_allclose(shares, softmax.predict_proba(X)[0], rtol=0, atol=rounding_of(softmax, X))
        label = softmax.predict(X)[0]
        assert page.locator("#answer").text_content() == f"It is {'an' if label == 8 else 'a'} {label}"
        assert page.locator("tr.is-best th").text_content() == str(label)
        status = page.locator("#status").text_content()
        assert re.fullmatch(rf"It is an? {label}, (> )?\d+\.\d %; next \d, (< )?\d+\.\d %\.", status)
        if label != digit:
            missed.append((digit, label))
        page.get_by_role("button", name="Clear").click()
    assert len(missed) <= (0 if mnist.is_full else 2), missed


def test_the_page_does_not_scroll_under_the_finger(open_page: Open) -> None:
    page = open_page(width=360, height=500, has_touch=True, is_mobile=True)
    draw_by_touch(page, [[(0.5, 0.9), (0.5, 0.6), (0.5, 0.3), (0.5, 0.1)]])
    assert page.evaluate("scrollY") == 0
    assert page.locator("#answer").text_content() != "The canvas is empty"
    before = page.locator("#answer").text_content()
    draw_by_touch(page, [[(0.5, -0.05), (0.5, -0.1), (0.5, -0.2), (0.5, -0.3)]])  # above the pad it scrolls
    wait_until(page, "scrollY > 0")
    assert page.locator("#answer").text_content() == before


def test_a_second_finger_and_the_right_button_draw_nothing(open_page: Open) -> None:
    page = open_page(has_touch=True)
    (x, y), (x2, y2) = on_screen(page, [(0.3, 0.3), (0.7, 0.7)])
    page.mouse.move(x, y)
    page.mouse.down(button="right")
    page.mouse.move(x2, y2)
    page.mouse.up(button="right")
    assert page.evaluate("mnistlr.pixels()") is None
    session = page.context.new_cdp_session(page)
    first, second = {"x": x, "y": y, "id": 0}, {"x": x2, "y": y2, "id": 1}
    for kind, points in (("touchStart", [first]), ("touchStart", [first, second]), ("touchMove", [first, second])):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    ink = page_ink(page)
    assert ink[84, 84] == 1
    assert ink[196, 196] == 0
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_a_stroke_goes_on_outside_the_pad(open_page: Open) -> None:
    page = open_page()
    draw_by_mouse(page, [[(0.5, 0.5), (1.2, 0.5), (1.2, 0.8), (0.5, 0.8)]])
    ink = page_ink(page)
    assert ink[140, 270] == ink[224, 270] == 1
    assert len(page.evaluate("mnistlr.pixels()") or []) == 784


def test_undo_and_clear(open_page: Open) -> None:
    page = open_page()
    undo, clear = (page.get_by_role("button", name=name) for name in ("Undo", "Clear"))
    assert [button.get_attribute("aria-disabled") for button in (undo, clear)] == ["true", "true"]
    draw_by_mouse(page, DIGITS[4][:1])
    one = page_ink(page).sum()
    draw_by_mouse(page, DIGITS[4][1:])
    two = page_ink(page).sum()
    assert two > one > 0
    undo.click()
    assert page_ink(page).sum() == one
    clear.click()
    assert page_ink(page).sum() == 0
    assert page.locator("#status").text_content() == "The canvas is empty."
    page.keyboard.press("Control+z")  # what clear took away comes back
    assert page_ink(page).sum() == one
    undo.click()
    assert page.locator("#answer").text_content() == "The canvas is empty"
    assert [button.get_attribute("aria-disabled") for button in (undo, clear)] == ["true", "true"]


def test_an_empty_canvas_says_so(open_page: Open) -> None:
    page = open_page()
    assert page.locator("#answer").is_visible()
    assert page.locator("#answer").text_content() == "The canvas is empty"
    assert page.get_by_text("Draw here").is_visible()
    assert set(page.locator(".percent").all_text_contents()) == {"–"}
    assert page.evaluate("mnistlr.pixels()") is None
    draw_by_mouse(page, [[(0.5, 0.5)]])  # a dot is a drawing
    assert not page.get_by_text("Draw here").is_visible()
    assert python_pixels(page).sum() == page_pixels(page).sum() > 0


def test_the_ink_does_not_depend_on_the_screen(open_page: Open) -> None:
    """The same strokes give the same ink; the same drawing too, but for the rounding of positions to whole pixels.

    That moves an edge by less than a pixel of the smallest screen, a cell of ink, and a stroke is 22 cells wide.
    """
    pages = [open_page(width=width, device_scale_factor=scale) for width, scale in ((320, 3), (1280, 1), (3840, 2))]
    inks = [numbers(page, "mnistlr.inkOf(it)", DIGITS[2]) for page in pages]
    assert np.array_equal(inks[0], inks[1])
    assert np.array_equal(inks[0], inks[2])
    for page in pages:
        draw_by_mouse(page, DIGITS[2])
        assert np.abs(page_ink(page).ravel() - inks[0]).sum() < 2 / 22 * inks[0].sum()


def test_drawing_by_keys(open_page: Open, softmax: SoftmaxRegression) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "pad"
    page.keyboard.press("Space")
    for _ in range(24):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    assert page.locator("#answer").text_content() == "It is a 1"
    assert page.locator("#status").text_content().startswith("It is a 1, ")
    assert page.evaluate("scrollY") == 0
    page.keyboard.press("ArrowRight")  # the pen is up
    assert np.array_equal(python_pixels(page), page_pixels(page))
    assert np.count_nonzero(page_pixels(page).any(axis=0)) <= 4
    for name in ("undo", "clear"):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == name
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.locator("#answer").text_content() == "The canvas is empty"


# --- the same numbers as Python ----------------------------------------------------------------------------


def evaluate_images(page: Page, X: np.ndarray, what: str) -> Any:
    """Evaluate an expression of the page for every row of X, there called x."""
    code = f"""(text) => {{
        const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
        return Array.from({{ length: bytes.length / 784 }}, (_, i) => {{
            const x = bytes.subarray(784 * i, 784 * (i + 1));
            return {what};
        }});
    }}"""
    return page.evaluate(code, base64.b64encode(X.tobytes()).decode())


@pytest.mark.parametrize("name", ["softmax", pytest.param("detector", marks=LONG)])
def test_all_test_images_get_the_label_that_python_gives(
    name: str, open_page: Open, softmax: SoftmaxRegression, detector: LogisticRegression, mnist: ImageData
) -> None:
    model = softmax if name == "softmax" else detector
    page = open_page(name)
    found = np.array(evaluate_images(page, mnist.X_test, "mnistlr.predict(x)"))
    assert len(found) == (10_000 if mnist.is_full else 1000)
    assert np.array_equal(model.classes_[found], model.predict(mnist.X_test))
    some = mnist.X_test[::20]
    shares = evaluate_images(page, some, "mnistlr.probabilities(x)")
    np.testing.assert_allclose(shares, model.predict_proba(some), rtol=0, atol=rounding_of(model, some))


def test_ink_is_where_the_pen_has_been(open_page: Open) -> None:
    """Ink is 1 within half a pen's width of a stroke, 0 beyond, and the edge is one cell wide.

    From p over q to r a stroke is a quadratic Bezier curve from p to the middle of q and r, then straight. The page
    makes chords of it, which on curves as mild as this one miss it by less than a tenth of a cell.
    """
    p, q, r = np.array([[0.2, 0.2], [0.8, 0.3], [0.3, 0.9]])
    t = np.linspace(0, 1, 2000)[:, None]
    curve = (1 - t) ** 2 * p + 2 * t * (1 - t) * q + t**2 * (q + r) / 2
    straight = (q + r) / 2 * (1 - t) + t * r
    other = np.array([0.2, 0.7]) * (1 - t) + t * np.array([0.7, 0.4])  # a second stroke, which crosses the first
    places = np.concatenate([curve, straight, other]) * INK_SIDE
    centres = np.stack(np.meshgrid(np.arange(INK_SIDE) + 0.5, np.arange(INK_SIDE) + 0.5), axis=-1).reshape(-1, 2)
    nearest = cKDTree(places).query(centres)[0]
    expected = np.clip(0.04 * INK_SIDE + 0.5 - nearest, 0, 1)
    strokes = [[p.tolist(), q.tolist(), r.tolist()], [[0.2, 0.7], [0.7, 0.4]]]
    found = numbers(open_page(), "mnistlr.inkOf(it)", strokes)
    assert np.abs(found - expected).max() < 0.1


def test_normalise_agrees_on_every_kind_of_ink(open_page: Open) -> None:
    page, random = open_page(), np.random.default_rng(0)
    shapes = [(1, 1), (1, 50), (50, 1), (3, 2), (20, 20), (40, 40), (31, 17), (200, 200), (280, 280), (65, 280)]
    for shape in shapes:
        for levels in (1, 2, 255):  # few levels make ties, which both must round alike
            ink = random.integers(0, levels + 1, shape) / levels
            ink[shape[0] // 2, shape[1] // 2] = 1
            text = json.dumps(ink.ravel().tolist())
            found = numbers(page, f"mnistlr.normalise(JSON.parse(it), {shape[1]})", text)
            assert np.array_equal(found, normalise(ink).ravel())
    assert page.evaluate("mnistlr.normalise([0, 0.009, 0, 0], 2)") is None


def test_the_evidence_is_the_difference_of_the_raw_predictions(open_page: Open, softmax: SoftmaxRegression) -> None:
    page = open_page()
    draw_by_mouse(page, DIGITS[3])
    pixels = page_pixels(page).ravel()
    found = page.evaluate("mnistlr.evidence(mnistlr.pixels(), 3, 5)")
    expected = (softmax.coef_[3] - softmax.coef_[5]) * pixels
    np.testing.assert_allclose(found["contributions"], expected, rtol=1e-12)
    raw = softmax.coef_ @ pixels + softmax.intercept_
    total = found["speaksFor"] + found["speaksAgainst"] + found["headStart"]
    assert total == pytest.approx(raw[3] - raw[5], rel=1e-9)
    assert page.locator("#for").text_content().startswith("for 3: +")
    picture = page.evaluate("document.getElementById('evidence').toDataURL()")
    page.get_by_role("button", name="Clear").click()
    assert page.evaluate("document.getElementById('evidence').toDataURL()") != picture


def test_what_the_model_sees_is_what_is_shown(open_page: Open) -> None:
    page = open_page()
    draw_by_mouse(page, DIGITS[5])
    code = "document.getElementById('sight').getContext('2d').getImageData(0, 0, 336, 336).data"
    red = numbers(page, code).reshape(28, 12, 28, 12, 4)[:, 6, :, 6, 0]
    paper, ink = red.max(), red.min()
    np.testing.assert_allclose(red, paper + (ink - paper) * page_pixels(page) / 255, atol=1.5)


def test_the_detector(open_page: Open) -> None:
    page = open_page("detector")
    assert page.locator("#bars th").all_text_contents() == ["not 2", "2"]
    draw_by_mouse(page, DIGITS[2])
    assert page.locator("#status").text_content().startswith("It is a 2, ")
    page.get_by_role("button", name="Clear").click()
    draw_by_mouse(page, DIGITS[0])
    assert page.locator("#status").text_content().startswith("It is not a 2, ")
    assert page.locator("tr.is-best th").text_content() == "not 2"


# --- without a browser -------------------------------------------------------------------------------------


def test_the_page_is_one_file_with_a_strict_policy(softmax: SoftmaxRegression) -> None:
    page = render_draw_page(ModelFile(softmax, {}))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert "default-src &#39;none&#39;" in policy[1]
    assert "unsafe" not in policy[1]
    assert re.findall(r'(?:src|href|action)="([^"]*)"', page) == ["data:,"]
    assert not re.search(r"https?://|\son\w+=|\sstyle=|url\(|@import", page)


@pytest.mark.parametrize(
    ("labels", "facts", "names"),
    [
        (np.array([False, True]), {"digit": 8}, ["not 8", "8", "It is not an 8", "It is an 8", "is it an 8?"]),
        (np.array([False, True]), {}, ["no", "yes", '"No"', '"Yes"', "no or yes?"]),
        (np.array([1, 7]), {}, ["It is a 1", "It is a 7", "1 or 7?"]),
        (np.array(["even", "odd"], dtype=object), {}, ["It is \\u201codd\\u201d", "even or odd?"]),
        (np.array([1.5, 2.5]), {}, ["1.5", "It is \\u201c1.5\\u201d"]),
    ],
)
def test_words_for_two_classes(
    labels: np.ndarray, facts: dict[str, Any], names: list[str], detector: LogisticRegression
) -> None:
    model = LogisticRegression()
    model.__dict__.update(detector.__dict__)
    model.classes_ = labels
    page = render_draw_page(ModelFile(model, facts))
    assert all(name in page for name in names)


def test_models_of_other_images_are_refused(digits: ImageData) -> None:
    model = LogisticRegression().fit(digits.X_train, digits.y_train == 2)
    with pytest.raises(ImageError, match="28x28 pixels, 784 features, but the model takes 64"):
        render_draw_page(ModelFile(model, {}))
