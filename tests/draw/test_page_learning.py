"""The page to draw on, in a real browser: how well it reads, why, and what it is taught."""

from collections import Counter

import numpy as np
import pytest

from mnistlr.features import DigitReader
from tests.conftest import ImageData
from tests.helpers.draw_pages import LONG, Open, Page, draw_by_mouse, numbers
from tests.helpers.shapes import SHAPES, variants
from tests.helpers.strokes import DIGITS

# --- reading -----------------------------------------------------------------------------------------------


def share_read(page: Page) -> dict[str, float]:
    """Return which share of our shapes is read right, variant by variant and of all together."""
    names, kinds, drawings = zip(*variants(), strict=True)
    code = "(drawings) => drawings.map((it) => mnistlr.labels[mnistlr.predict(mnistlr.pixelsOf(it))])"
    right = np.array([label == name[0] for label, name in zip(page.evaluate(code, drawings), names, strict=True)])
    hits = Counter(kind for kind, is_right in zip(kinds, right, strict=True) if is_right)
    return {kind: hits[kind] / len(SHAPES) for kind in kinds} | {"all": right.mean()}


def check_shapes(page: Page, n_missed: int = 0) -> None:
    found = share_read(page)
    assert found["all"] >= 0.92, found
    assert found["upright"] >= 0.97 - n_missed / len(SHAPES), found
    assert min(found["half size"], found["tiny in a corner"], found["huge"]) >= found["upright"] - 0.04, found


@pytest.mark.long
def test_our_own_shapes_are_read(open_page: Open, mnist: ImageData) -> None:
    """Of 4,000 images the reader learns enough for that; of those that stand in for MNIST, but for two shapes."""
    check_shapes(open_page("reader"), 0 if mnist.is_full else 2)


def test_our_own_shapes_are_read_by_the_reader_that_comes_with_the_package(open_page: Open) -> None:
    check_shapes(open_page("trained reader"))


@LONG
def test_our_own_shapes_are_read_by_the_full_reader(open_page: Open, full_reader: DigitReader) -> None:
    check_shapes(open_page("full reader"))


# --- why not another? --------------------------------------------------------------------------------------


def test_any_bar_compares_with_the_answer(open_page: Open) -> None:
    page = open_page("reader")
    draw_by_mouse(page, DIGITS[9])
    reason, pictures = page.locator("#why").text_content(), pictures_of(page)
    assert reason.startswith("Why 9? The ink ")
    bar = page.locator("#bars tr").nth(1)
    bar.locator(".bar").click()
    assert bar.get_by_role("button").get_attribute("aria-pressed") == "true"
    assert page.locator("#why").text_content().startswith("Why not 1? The ink ")
    assert page.locator("#status").text_content() == page.locator("#why").text_content()
    assert all(new != old for new, old in zip(pictures_of(page), pictures, strict=True))
    found = page.evaluate("mnistlr.evidence(mnistlr.pixels(), 9, 1)")
    gains = [f"{abs(found[name]):.1f} points" for name in ("speaksFor", "speaksAgainst", "headStart")]
    lead = found["speaksFor"] + found["speaksAgainst"] + found["headStart"]
    balance = page.locator("#balance").text_content()
    assert f"earns {gains[0]} for 9 and {gains[1]} for 1." in balance
    assert f"is {gains[2]} ahead. In all, 9 leads by {lead:.1f} points." in balance
    bar.get_by_role("button").press("Enter")  # and back again
    assert page.locator("#why").text_content() == reason
    page.locator("#bars tr").nth(9).get_by_role("button").click()  # the answer itself
    assert page.locator("#why").text_content() == reason


def pictures_of(page: Page) -> list[str]:
    return [page.evaluate(f"document.getElementById('{name}').toDataURL()") for name in ("weights", "evidence")]


# --- it is another -----------------------------------------------------------------------------------------


def test_the_right_digit_is_one_click_away_and_can_be_forgotten(open_page: Open) -> None:
    page = open_page("reader")
    teach = page.get_by_role("group", name="Wrong? Teach the model. It is:")
    assert teach.get_by_role("button", name="Teach: 4").get_attribute("aria-disabled") == "true"
    teach.get_by_role("button", name="Teach: 4").click(force=True)  # there is nothing to learn from
    assert page.evaluate("mnistlr.taught") == [0] * 10
    draw_by_mouse(page, DIGITS[9])
    untaught = page.evaluate("mnistlr.probabilities(mnistlr.pixels())")
    weights, bars, pictures = numbers(page, "mnistlr.W"), page.locator("#bars").text_content(), pictures_of(page)
    for _ in range(5):  # five steps make a 4 of any 9
        teach.get_by_role("button", name="Teach: 4").click()
    teach.get_by_role("button", name="Teach: 7").click()
    teach.get_by_role("button", name="Teach: 4").click()
    assert page.locator("#answer").text_content() == "It is a 4"
    assert page.evaluate("mnistlr.probabilities(mnistlr.pixels())")[4] > 0.5 > untaught[4]
    assert "Taught so far: 4 × 6, 7 × 1." in page.locator("#taught").text_content()
    assert page.locator("#status").text_content().startswith("You said 4: in one step of learning it went from ")
    assert page.locator("#bars").text_content() != bars
    assert all(new != old for new, old in zip(pictures_of(page), pictures, strict=True))
    page.get_by_role("button", name="Forget all that").click()
    assert np.array_equal(numbers(page, "mnistlr.W"), weights)
    assert page.evaluate("mnistlr.probabilities(mnistlr.pixels())") == untaught
    assert page.evaluate("mnistlr.taught") == [0] * 10
    assert page.locator("#bars").text_content() == bars
    assert not page.locator("#taught").is_visible()
    assert page.evaluate("document.activeElement.className") == "teach"


@pytest.mark.long
def test_what_it_is_taught_helps_with_the_next_drawing(open_page: Open) -> None:
    page = open_page("reader")
    draw_by_mouse(page, DIGITS[9])
    page.get_by_role("button", name="Teach: 4").click()
    page.get_by_role("button", name="Clear").click()
    other = [[(0.9 * x + 0.02, 0.9 * y + 0.1) for x, y in stroke] for stroke in DIGITS[9]]
    taught, forgotten = page.evaluate(
        """(it) => {
            const x = mnistlr.pixelsOf(it), taught = mnistlr.probabilities(x)[4];
            mnistlr.forget();
            return [taught, mnistlr.probabilities(x)[4]];
        }""",
        other,
    )
    assert taught > 3 * forgotten


# --- on a phone --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["reader", pytest.param("detector", marks=LONG)])
def test_answer_and_reason_are_above_the_fold(name: str, open_page: Open) -> None:
    page = open_page(name, width=360, height=640, has_touch=True, is_mobile=True)
    draw_by_mouse(page, DIGITS[2])
    assert page.evaluate("scrollY") == 0
    boxes = [page.locator(part).bounding_box() for part in ("#pad", "#answer", "#share", "#why")]
    assert all(box["y"] + box["height"] <= 640 for box in boxes)
    assert boxes[0]["width"] >= 300
    targets = [each.bounding_box() for each in page.locator(".teach, #bars tr").all()]
    assert all(box["height"] >= 24 and box["width"] >= 24 for box in targets)
