"""The page to draw on reaches everybody: small and large screens, dark rooms, screen readers; and lets nothing out."""

import copy
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistlr import LogisticRegression
from mnistlr.saving.model_file import ModelFile
from tests.helpers.draw_pages import LONG, Open, draw_by_mouse, numbers, page_pixels, wait_until, write_page
from tests.helpers.strokes import DIGITS

WIDTHS = (320, 1280, *(pytest.param(width, marks=LONG) for width in (360, 768, 2560, 3840)))


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=LONG)])
@pytest.mark.parametrize("name", ["reader", pytest.param("softmax", marks=LONG), pytest.param("detector", marks=LONG)])
def test_no_accessibility_violation(scheme: str, name: str, open_page: Open) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = open_page(name, 360, 740, color_scheme=scheme, reduced_motion="reduce")
    for strokes in ([], DIGITS[2]):
        draw_by_mouse(page, strokes)
        if strokes:
            page.locator(".teach").nth(0).click()
            page.locator("#bars tr").nth(1).click()
        found = axe.run(page, options={"resultTypes": ["violations", "incomplete"]})
        assert found.violations_count == 0, found.generate_report()


def test_what_a_screen_reader_tells(open_page: Open) -> None:
    page = open_page()
    pad = page.get_by_role("application", name="Paper to draw on")
    assert "move the pen" in page.locator(f"#{pad.get_attribute('aria-describedby')}").text_content()
    assert page.get_by_role("img", name="The evidence: none yet, the canvas is empty.").count() == 1
    draw_by_mouse(page, DIGITS[3])
    inked = np.count_nonzero(page_pixels(page))
    assert page.get_by_role("img", name=re.compile(rf"^The 28 by 28 pixels .* {inked} have ink\.$")).count() == 1
    told = page.locator("#evidence").get_attribute("aria-label")
    found = re.fullmatch(
        r"Where the evidence lies: [\d.]+ points for 3, most ([a-z ]+); [\d.]+ points for (\d), most ([a-z ]+)\.", told
    )
    assert found is not None
    places = ["at the top left", "at the top", "at the top right", "on the left", "in the middle", "on the right"]
    places += ["at the bottom left", "at the bottom", "at the bottom right"]
    third = np.clip((np.arange(28) - 4) * 3 // 20, 0, 2)  # of the 20x20 pixels that a digit fills
    ninth = (3 * third[:, None] + third).ravel()
    contributions = numbers(page, f"mnistlr.evidence(mnistlr.pixels(), 3, {found[2]}).contributions")
    for sign, place in ((1, found[1]), (-1, found[3])):
        assert place == places[np.bincount(ninth, np.maximum(0, sign * contributions)).argmax()]
    other = f"the ink {found[3]}" if found[3] != found[1] else "but some of it"
    reason = f"Why 3? The ink {found[1]} speaks most for 3, {other} for {found[2]}."
    assert page.locator("#why").text_content() == reason
    assert page.get_by_role("row", name=re.compile(r"^3 \d\d\.\d %$")).count() == 1
    assert page.get_by_role("status").text_content().startswith("It is a 3, ")


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_overflows(width: int, open_page: Open) -> None:
    page = open_page(width=width)
    draw_by_mouse(page, DIGITS[3])
    code = """[...document.querySelectorAll('body *')].filter((e) => !e.classList.contains('unseen'))
        .filter((e) => e.getBoundingClientRect().right > innerWidth || e.getBoundingClientRect().left < 0)
        .map((e) => e.outerHTML)"""
    assert page.evaluate(code) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    buttons = [page.locator(f"#{name}").bounding_box() for name in ("undo", "clear")]
    assert all(box["height"] >= 44 and box["width"] >= 44 for box in buttons)
    box = page.locator("#pad").bounding_box()
    assert box["width"] == pytest.approx(box["height"], abs=1)


def test_colours_follow_the_scheme(open_page: Open) -> None:
    page = open_page()
    draw_by_mouse(page, DIGITS[1])
    shade = """() => {
        const copy = new OffscreenCanvas(1, 1).getContext("2d");
        copy.drawImage(document.getElementById("pad"), -9, -9);
        return copy.getImageData(0, 0, 1, 1).data[0];
    }"""
    for scheme, condition in (("light", "> 200"), ("dark", "< 60"), ("light", "> 200")):
        page.emulate_media(color_scheme=scheme)
        wait_until(page, f"({shade})() {condition}")
    page.emulate_media(color_scheme="dark", media="print")  # paper is light
    wait_until(page, f"({shade})() > 200")


def test_labels_are_text_and_nothing_else(open_page: Open, detector: LogisticRegression) -> None:
    model, evil = copy.copy(detector), "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    model.classes_ = np.array([evil, "'\"&<b>" + 300 * "w"], dtype=object)
    page = open_page(ModelFile(model, {"data": {"name": evil}, "digit": evil}), width=320)
    assert page.locator("#bars th").all_text_contents() == model.classes_.tolist()
    assert page.evaluate("mnistlr.labels") == model.classes_.tolist()
    draw_by_mouse(page, DIGITS[3])
    label = page.evaluate("mnistlr.labels[mnistlr.predict(mnistlr.pixels())]")
    assert page.locator("#answer").text_content() == f"It is “{label}”"
    assert page.locator("img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_the_policy_lets_no_other_script_and_nothing_out(
    browser: Any, detector: LogisticRegression, tmp_path: Path
) -> None:
    page, told = browser.new_page(), []
    page.on("console", lambda message: told.append(message.text))
    page.goto(write_page(tmp_path, ModelFile(detector, {})))
    code = """() => {
        const script = document.createElement('script'), image = new Image();
        script.textContent = 'window.wasRun = true';
        image.src = 'http://127.0.0.1:9/';
        document.body.append(script, image);
        return fetch('http://127.0.0.1:9/').then(() => 'sent', () => window.wasRun ?? 'refused');
    }"""
    assert page.evaluate(code) == "refused"
    assert sum("Content Security Policy" in text for text in told) >= 3
    page.close()
