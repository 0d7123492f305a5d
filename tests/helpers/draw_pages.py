"""Fixtures and helpers for the page to draw on, in a real browser.

The fixture ``browser`` of conftest.py says what these need; where that is missing the tests are skipped.
"""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistlr import LogisticRegression, SoftmaxRegression
from mnistlr.draw.page import render_draw_page
from mnistlr.features import DigitReader
from mnistlr.images import normalise
from mnistlr.images.strokes import even_out
from mnistlr.saving.model_file import ModelFile
from tests.conftest import ImageData
from tests.helpers.strokes import Drawing, Stroke

LONG = pytest.mark.long

Page = Any  # playwright is imported where it is used, so that the other tests run without it


@pytest.fixture(scope="session")
def softmax(mnist: ImageData) -> SoftmaxRegression:
    return SoftmaxRegression(random_state=0).fit(mnist.X_train, mnist.y_train)


@pytest.fixture(scope="session")
def detector(mnist: ImageData) -> LogisticRegression:
    return LogisticRegression().fit(mnist.X_train, mnist.y_train == 2)


@pytest.fixture(scope="session")
def reader(small_mnist: ImageData) -> DigitReader:
    return DigitReader(random_state=0).fit(small_mnist.X_train, small_mnist.y_train)


@pytest.fixture(scope="session")
def full_reader(mnist: ImageData) -> DigitReader:
    """A reader of all training images, for long tests."""
    return DigitReader(random_state=0).fit(mnist.X_train, mnist.y_train)


FACTS = {"softmax": {"data": {"name": "mnist"}, "accuracy": 0.92}, "detector": {"digit": 2}}


def write_page(folder: Path, saved: ModelFile) -> str:
    """Write a page and return its address."""
    file = folder / "page.html"
    file.write_bytes(render_draw_page(saved).encode())
    return file.as_uri()


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Any, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Open the page of a model, or of a fixture that is one.

    When the test ends, the console must have stayed silent and nothing may have been asked for.
    """
    contexts: list[Any] = []
    complaints: list[str] = []

    def open_page(saved: str | ModelFile = "softmax", width: int = 1280, height: int = 800, **settings: Any) -> Page:
        if isinstance(saved, str):
            saved = ModelFile(request.getfixturevalue(saved), FACTS.get(saved, {}))
        address = write_page(tmp_path, saved)
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, **settings))
        page = contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: request.url in (address, "data:,") or complaints.append(request.url))
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def on_screen(page: Page, stroke: Stroke) -> list[tuple[float, float]]:
    box = page.locator("#pad").bounding_box()
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]


def draw_by_mouse(page: Page, strokes: Drawing) -> None:
    for stroke in strokes:
        points = on_screen(page, stroke)
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point)
        page.mouse.up()


def draw_by_touch(page: Page, strokes: Drawing) -> None:
    with fingers(page) as touch:
        for stroke in strokes:
            points = on_screen(page, stroke)
            touch("touchStart", points[0])
            for point in points[1:]:
                touch("touchMove", point)
            touch("touchEnd")


@contextmanager
def fingers(page: Page) -> Iterator[Callable[..., None]]:
    """Yield a function of what the fingers do, and where each of them is on the screen."""
    session = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        where = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": where})

    yield touch
    session.detach()


def numbers(page: Page, what: str, *argument: Any) -> np.ndarray:
    """Evaluate numbers, or lists of them, in the page. They come as text: playwright is slow with long lists."""
    plain = "(_, each) => ArrayBuffer.isView(each) ? Array.from(each) : each"
    return np.array(json.loads(page.evaluate(f"(it) => JSON.stringify({what}, {plain})", *argument)))


def evaluate_images(page: Page, X: np.ndarray, what: str) -> Any:
    """Evaluate an expression of the page for every row of X, there called x."""
    code = f"""(text) => {{
        const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
        return JSON.stringify(Array.from({{ length: bytes.length / 784 }}, (_, i) => {{
            const x = bytes.subarray(784 * i, 784 * (i + 1));
            return {what};
        }}));
    }}"""
    return json.loads(page.evaluate(code, base64.b64encode(X.tobytes()).decode()))


def page_pixels(page: Page) -> np.ndarray:
    return numbers(page, "mnistlr.pixels()").reshape(28, 28)


def python_pixels(page: Page) -> np.ndarray:
    """What Python makes of the ink of the page, as it does of a photo's."""
    return normalise(even_out(numbers(page, "mnistlr.ink()")))


def wait_until(page: Page, condition: str) -> None:
    """Wait for what the page does in its next frames; playwright's own wait_for_function needs 'unsafe-eval'."""
    for _ in range(100):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"never came true: {condition}")
