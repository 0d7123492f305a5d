"""Pictures as people take them: each kind of scene is read about as well as the same digits undisturbed."""

import contextlib
import functools
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from mnistlr import ImageError
from mnistlr.features import DigitReader
from mnistlr.images import Digit, trace
from tests.conftest import Attack, ImageData

pytest.importorskip("PIL.Image", reason="needs the extra images")
from tests.helpers.scenes import SCENES, draw_scene

SINGLE = [kind for kind in SCENES if not kind.startswith(("code", "form", "lines", "pencil"))]

COUNTED = {"code touching": 0.8, "code overlapping": 0.5}
"""Kinds of which so many codes have to be split into as many digits as they have."""


@pytest.fixture(scope="module")
def reader(mnist: ImageData) -> DigitReader:
    return DigitReader(random_state=0).fit(mnist.X_train, mnist.y_train)


def draw(kind: str, data: ImageData, seed: int) -> tuple[np.ndarray, bytes]:
    """Return the numbers of the test images in a scene, and the scene."""
    indices = np.random.default_rng([seed, 7]).integers(len(data.y_test), size=SCENES[kind].n_digits)
    return indices, draw_scene(kind, data.X_test[indices].reshape(-1, 28, 28), seed)


def read(reader: DigitReader, kind: str, data: ImageData, seed: int) -> tuple[int, int, str]:
    """Return how many digits of a scene are right, of how many, and how it ended: right, refused or wrong."""
    indices, jpeg = draw(kind, data, seed)
    expected = data.y_test[indices[:1] if kind in SINGLE else indices]
    found: list[Digit] = []
    with contextlib.suppress(ImageError):
        found = trace(jpeg, find_all=kind not in SINGLE, reader=reader).digits
    if len(found) != len(expected):
        return 0, len(expected), "wrong" if found else "refused"
    n_right = int((reader.predict(np.array([digit.pixels.ravel() for digit in found])) == expected).sum())
    return n_right, len(expected), "right" if n_right == len(expected) else "wrong"


def share_right(reader: DigitReader, kind: str, data: ImageData, n_scenes: int, ends: Counter[str]) -> float:
    n_right = n_digits = 0
    for seed in range(n_scenes):
        right, digits, end = read(reader, kind, data, seed)
        ends[f"{kind}: {end}"] += 1
        n_right, n_digits = n_right + right, n_digits + digits
    return n_right / n_digits


@pytest.fixture(scope="module")
def undisturbed(reader: DigitReader, mnist: ImageData) -> Callable[[str, int], float]:
    """The share of the same digits that are right without what a kind of scene adds."""
    return functools.cache(lambda kind, n_scenes: share_right(reader, kind, mnist, n_scenes, Counter()))


@pytest.mark.parametrize("kind", ["hard shadow", "box", "squared"])
def test_what_lies_around_a_digit_is_no_ink(
    reader: DigitReader, mnist: ImageData, undisturbed: Callable[[str, int], float], attack: Attack, kind: str
) -> None:
    found = share_right(reader, kind, mnist, 12, attack.ends)
    assert found >= undisturbed("plain", 12) - 0.17  # two of the twelve


@pytest.mark.parametrize("kind", ["lines 10 apart", "form boxes"])
def test_digits_of_lines_and_boxes_are_told_apart(
    reader: DigitReader, mnist: ImageData, attack: Attack, kind: str
) -> None:
    assert share_right(reader, kind, mnist, 4, attack.ends) >= 0.6


@pytest.mark.parametrize(
    ("kind", "doubts"),
    [
        ("plain", set()),
        ("box", set()),
        ("ruled", {"printed lines were taken away from it"}),
        ("cropped tightly", {"ink touches the edge of the picture"}),
        ("code touching", {"it was cut from what it touches"}),
    ],
)
def test_a_digit_that_is_unsure_says_why(reader: DigitReader, mnist: ImageData, kind: str, doubts: set[str]) -> None:
    digits = trace(draw(kind, mnist, 0)[1], find_all=kind not in SINGLE, reader=reader).digits
    assert {doubt for digit in digits for doubt in digit.doubts} == doubts


def test_touching_digits_need_a_reader(reader: DigitReader, mnist: ImageData) -> None:
    """Without one a code of five touching digits is fewer; with one most codes are counted right."""
    n_right = n_alone = 0
    for seed in range(6):
        jpeg = draw("code touching", mnist, seed)[1]
        n_right += len(trace(jpeg, find_all=True, reader=reader).digits) == 5
        n_alone += len(trace(jpeg, find_all=True).digits) == 5
    assert n_alone < n_right
    assert n_right >= 3


@pytest.mark.long
@pytest.mark.parametrize("kind", [kind for kind in SCENES if kind not in ("plain", "code", *COUNTED)])
def test_every_kind_of_scene(
    reader: DigitReader, mnist: ImageData, undisturbed: Callable[[str, int], float], attack: Attack, kind: str
) -> None:
    """The tally at the end of the test run is the table by kind; ``--attacks 4`` draws four times as many."""
    n_scenes = 25 * attack.factor
    baseline = undisturbed("plain" if kind in SINGLE else "code", n_scenes)
    assert share_right(reader, kind, mnist, n_scenes, attack.ends) >= baseline - 0.04 - 1e-9


@pytest.mark.long
@pytest.mark.parametrize("kind", COUNTED)
def test_codes_whose_digits_touch_are_counted(reader: DigitReader, mnist: ImageData, attack: Attack, kind: str) -> None:
    n_scenes, n_counted = 60 * attack.factor, 0
    for seed in range(n_scenes):
        indices, jpeg = draw(kind, mnist, seed)
        n_digits = len(trace(jpeg, find_all=True, reader=reader).digits)
        attack.ends[f"{kind}: {n_digits} of {len(indices)} digits"] += 1
        n_counted += n_digits == len(indices)
    assert n_counted >= COUNTED[kind] * n_scenes
