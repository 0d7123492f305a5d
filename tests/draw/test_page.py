"""The page to draw on, in a real browser: drawing, recognising, agreeing with Python."""

import copy
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mnistlr import LogisticRegression, SoftmaxRegression
from mnistlr.draw.page import render_draw_page
from mnistlr.exceptions import ImageError
from mnistlr.features import DigitReader
from mnistlr.saving.model_file import ModelFile
from tests.conftest import ImageData
from tests.helpers.draw_pages import (
    Open,
    Page,
    draw_by_mouse,
    draw_by_touch,
    fingers,
    numbers,
    on_screen,
    page_pixels,
    python_pixels,
    wait_until,
)
from tests.helpers.strokes import DIGITS, Drawing

# --- drawing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("draw", [draw_by_mouse, pytest.param(draw_by_touch, marks=pytest.mark.long)])
def test_ten_digits_are_recognised(
    draw: Callable[[Page, Drawing], None], open_page: Open, softmax: SoftmaxRegression, mnist: ImageData
) -> None:
    page, missed = open_page(has_touch=True), []
    for digit, strokes in DIGITS.items():
        draw(page, strokes)
        pixels = page_pixels(page)
        assert np.array_equal(pixels, python_pixels(page))
        label = softmax.predict(pixels.reshape(1, 784).astype(np.uint8))[0]
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


def test_a_finger_makes_a_dot_and_a_second_finger_and_the_right_button_draw_nothing(open_page: Open) -> None:
    page = open_page(has_touch=True)
    first, second = on_screen(page, [(0.3, 0.3), (0.7, 0.7)])
    page.mouse.move(*first)
    page.mouse.down(button="right")
    page.mouse.move(*second)
    page.mouse.up(button="right")
    assert page.evaluate("mnistlr.ink()") is None
    with fingers(page) as touch:
        touch("touchStart", first)
        touch("touchStart", first, second)
        touch("touchMove", first, second)
        assert np.array_equal(page_pixels(page).ravel(), numbers(page, "mnistlr.pixelsOf([[[0.3, 0.3]]])"))
        assert np.array_equal(page_pixels(page), python_pixels(page))
        touch("touchEnd")


def test_a_stroke_goes_on_outside_the_pad(open_page: Open) -> None:
    page = open_page()
    draw_by_mouse(page, [[(0.4, 0.3), (1.2, 0.3), (1.2, 0.9), (0.4, 0.9)]])
    rows = page_pixels(page).any(axis=1)
    assert not page_pixels(page)[13:15].any()  # of what lies beyond the edge nothing is seen
    assert rows[5:8].any()
    assert rows[20:23].any()


def test_undo_and_clear_lead_back_to_a_canvas_that_says_it_is_empty(open_page: Open) -> None:
    page = open_page()
    undo, clear = (page.get_by_role("button", name=name) for name in ("Undo", "Clear"))

    def check_empty(undo_is_disabled: str) -> None:
        assert page.evaluate("mnistlr.pixels()") is None
        assert page.locator("#answer").is_visible()
        assert page.locator("#answer").text_content() == "The canvas is empty"
        assert page.get_by_text("Draw here").is_visible()
        assert set(page.locator(".percent").all_text_contents()) == {"–"}
        assert [button.get_attribute("aria-disabled") for button in (undo, clear)] == [undo_is_disabled, "true"]

    check_empty(undo_is_disabled="true")
    draw_by_mouse(page, DIGITS[4][:1])
    assert not page.get_by_text("Draw here").is_visible()
    one = page_pixels(page)
    draw_by_mouse(page, DIGITS[4][1:])
    assert not np.array_equal(page_pixels(page), one)
    undo.click()
    assert np.array_equal(page_pixels(page), one)
    clear.click()
    check_empty(undo_is_disabled="false")
    assert page.locator("#status").text_content() == "The canvas is empty."
    page.keyboard.press("Control+z")  # what clear took away comes back
    assert np.array_equal(page_pixels(page), one)
    undo.click()
    check_empty(undo_is_disabled="true")


@pytest.mark.long
def test_the_ink_does_not_depend_on_the_screen(open_page: Open) -> None:
    """The same strokes give the same ink; the same drawing too, but for the rounding of positions to whole pixels.

    That moves both edges of a stroke by up to a pixel of the smallest screen, half a cell of ink; a stroke is 18 wide.
    """
    pages = [open_page(width=width, device_scale_factor=scale) for width, scale in ((320, 3), (1280, 1), (3840, 2))]
    inks = [numbers(page, "mnistlr.inkOf(it)", DIGITS[2]) for page in pages]
    assert np.array_equal(inks[0], inks[1])
    assert np.array_equal(inks[0], inks[2])
    for page in pages:
        draw_by_mouse(page, DIGITS[2])
        assert np.abs(numbers(page, "mnistlr.ink()") - inks[0]).sum() < 2 / 18 * inks[0].sum()


def test_positions_between_two_frames_are_drawn(open_page: Open) -> None:
    page = open_page()
    (x0, y0), (x1, y1), (x2, y2) = on_screen(page, [(0.2, 0.5), (0.5, 0.2), (0.8, 0.5)])
    page.mouse.move(x0, y0)
    page.mouse.down()
    code = f"""() => {{
        const at = (x, y, more) => new PointerEvent("pointermove", {{ pointerId: 1, clientX: x, clientY: y, ...more }});
        const two = [at({x1}, {y1}), at({x2}, {y2})];
        document.getElementById("pad").dispatchEvent(at({x2}, {y2}, {{ coalescedEvents: two }}));
    }}"""
    page.evaluate(code)
    page.mouse.move(x2, y2)
    page.mouse.up()
    expected = numbers(page, "mnistlr.pixelsOf([[[0.2, 0.5], [0.5, 0.2], [0.8, 0.5]]])")
    assert np.abs(page_pixels(page).ravel() - expected).mean() < 2


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


# --- what is shown ------------------------------------------------------------------------------------------


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
    ("labels", "facts", "words"),
    [
        (
            np.array([False, True]),
            {"digit": 8},
            ["not 8", "8", "It is not an 8", "It is an 8", "This is a yes/no page. ", "one question only: is it an 8?"],
        ),
        (np.array([False, True]), {}, ["no", "yes", '"No"', '"Yes"', "no or yes?"]),
        (np.array([1, 7]), {}, ["It is a 1", "It is a 7", "The model of this page knows two answers only: 1 or 7?"]),
        (np.array(["even", "odd"], dtype=object), {}, ["It is \\u201codd\\u201d", "even or odd?"]),
        (np.array([1.5, 2.5]), {}, ["1.5", "It is \\u201c1.5\\u201d"]),
    ],
    ids=["a detector", "yes or no", "two digits", "words", "numbers"],
)
def test_a_page_of_two_answers_says_so(
    labels: np.ndarray, facts: dict[str, Any], words: list[str], detector: LogisticRegression
) -> None:
    model = copy.copy(detector)
    model.classes_ = labels
    page = render_draw_page(ModelFile(model, facts))
    assert [word for word in words if word not in page] == []


def test_models_of_other_images_are_refused(small_mnist: ImageData) -> None:
    X, y = small_mnist.X_train[:50], small_mnist.y_train[:50]
    wide = DigitReader(shape=(14, 56), grids=(4,), tol=1.0).fit(X, y)
    small = LogisticRegression().fit(X[:, :64], y == 2)
    for model, takes in ((wide, "but the reader takes 14x56"), (small, "784 features, but the model takes 64")):
        with pytest.raises(ImageError, match=f"28x28 pixels, {takes}"):
            render_draw_page(ModelFile(model, {}))
