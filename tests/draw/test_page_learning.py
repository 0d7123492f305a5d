"""The page to draw on, in a real browser: how well it reads, why, and what it is taught."""

from collections import Counter
from importlib.resources import as_file

import numpy as np
import pytest

from mnistlr.features import DigitReader
from mnistlr.saving.model_file import read_model_file
from mnistlr.trained import FILE
from tests.conftest import ImageData
from tests.helpers.draw_pages import LONG, Open, Page, draw_by_mouse, numbers
from tests.helpers.strokes import DIGITS, SHAPES, moved, variants

# --- reading -----------------------------------------------------------------------------------------------


@pytest.fixture
def trained_reader() -> DigitReader:
    """The one that comes with the package."""
    with as_file(FILE) as path:
        return read_model_file(path).model


@pytest.mark.parametrize(
    "name", ["trained_reader", *(pytest.param(name, marks=LONG) for name in ("reader", "full_reader"))]
)
def test_our_own_shapes_are_read(name: str, open_page: Open, mnist: ImageData) -> None:
    """Of 4,000 images the reader learns enough for that; of those that stand in for MNIST, but for two shapes."""
    names, kinds, drawings = zip(*variants(), strict=True)
    code = "(drawings) => drawings.map((it) => mnistlr.labels[mnistlr.predict(mnistlr.pixelsOf(it))])"
    labels = open_page(name).evaluate(code, drawings)
    hits = Counter(kind for name, kind, label in zip(names, kinds, labels, strict=True) if label == name[0])
    found = {kind: hits[kind] / len(SHAPES) for kind in kinds}
    n_missed = 2 if name == "reader" and not mnist.is_full else 0
    assert hits.total() / len(names) >= 0.92, found
    assert found["upright"] >= 0.97 - n_missed / len(SHAPES), found
    assert min(found["half size"], found["tiny in a corner"], found["huge"]) >= found["upright"] - 0.04, found


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
    taught, forgotten = page.evaluate(
        """(it) => {
            const x = mnistlr.pixelsOf(it), taught = mnistlr.probabilities(x)[4];
            mnistlr.forget();
            return [taught, mnistlr.probabilities(x)[4]];
        }""",
        moved(DIGITS[9], 0.9, 0.47, 0.55),
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
