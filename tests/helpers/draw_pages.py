"""Fixtures and helpers for the page to draw on, in a real browser.

The fixture ``browser`` of conftest.py says what these need; where that is missing the tests are skipped.
"""

import base64
import json
from collections.abc import Callable, Iterator
from importlib.resources import as_file
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistlr import LogisticRegression, SoftmaxRegression
from mnistlr.draw.page import render_draw_page
from mnistlr.features import DigitReader
from mnistlr.images import normalise
from mnistlr.images.strokes import even_out
from mnistlr.saving.model_file import ModelFile, read_model_file
from mnistlr.trained import FILE
from tests.conftest import ImageData
from tests.helpers.strokes import Stroke

INK_SIDE = 140
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
def pages(
    softmax: SoftmaxRegression,
    detector: LogisticRegression,
    reader: DigitReader,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, str]:
    """The addresses of the pages of these three models, and of the reader that comes with the package."""
    models = (
        ("softmax", softmax, {"data": {"name": "mnist"}, "accuracy": 0.92}),
        ("detector", detector, {"digit": 2}),
        ("reader", reader, {}),
    )
    with as_file(FILE) as path:
        models += (("trained reader", *read_model_file(path)),)
    folder = tmp_path_factory.mktemp("pages")
    return {name: _write_page(folder / f"{name}.html", model, facts) for name, model, facts in models}


@pytest.fixture(scope="session")
def full_reader(mnist: ImageData, pages: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> DigitReader:
    """A reader of all training images; its page is "full reader". For long tests."""
    reader = DigitReader(random_state=0).fit(mnist.X_train, mnist.y_train)
    pages["full reader"] = _write_page(tmp_path_factory.mktemp("page") / "full.html", reader, {})
    return reader


def _write_page(file: Path, model: Any, facts: dict[str, Any]) -> str:
    file.write_bytes(render_draw_page(ModelFile(model, facts)).encode())
    return file.as_uri()


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Any, pages: dict[str, str]) -> Iterator[Open]:
    """Open a page; when the test ends, the console must have stayed silent and nothing may have been asked for."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def open_page(name: str = "softmax", width: int = 1280, height: int = 800, **settings: Any) -> Page:
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, **settings))
        page = contexts[-1].new_page()
        address = pages.get(name, name)
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


def draw_by_mouse(page: Page, strokes: list[Stroke]) -> None:
    for stroke in strokes:
        points = on_screen(page, stroke)
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point)
        page.mouse.up()


def draw_by_touch(page: Page, strokes: list[Stroke]) -> None:
    session = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        where = [{"x": x, "y": y} for x, y in points]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": where})

    for stroke in strokes:
        points = on_screen(page, stroke)
        touch("touchStart", points[0])
        for point in points[1:]:
            touch("touchMove", point)
        touch("touchEnd")
    session.detach()


def numbers(page: Page, what: str, *argument: Any) -> np.ndarray:
    """Evaluate an expression of the page that is a list of numbers (as text: playwright is slow with long lists)."""
    return np.array(json.loads(page.evaluate(f"(it) => JSON.stringify([...{what}])", *argument)))


def matrix(page: Page, what: str, *argument: Any) -> np.ndarray:
    """Evaluate an expression of the page that is a list of rows of numbers."""
    return numbers(page, f"({what}).map((row) => Array.from(row))", *argument)


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


def page_ink(page: Page) -> np.ndarray:
    return matrix(page, "mnistlr.ink()")


def page_pixels(page: Page) -> np.ndarray:
    return numbers(page, "mnistlr.pixels()").reshape(28, 28)


def python_pixels(page: Page) -> np.ndarray:
    """What Python makes of the ink of the page, as it does of a photo's."""
    return normalise(even_out(page_ink(page)))


def wait_until(page: Page, condition: str) -> None:
    """Wait for what the page does in its next frames; playwright's own wait_for_function needs 'unsafe-eval'."""
    for _ in range(100):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"never came true: {condition}")


def rounding_of(model: Any, X: np.ndarray) -> float:
    """Bound the difference of a raw prediction in float32 from one in float64: d rounded products and sums of them."""
    magnitudes = X.astype(float) @ np.abs(model.coef_).T + np.abs(model.intercept_)
    return float(X.shape[1] * 2**-24 * magnitudes.max())
