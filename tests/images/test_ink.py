"""Faint writing beside strong writing: as tall as it, it is writing; the paper's blotches are not."""

import numpy as np
import pytest

from mnistlr.images.ink import find_ink
from mnistlr.images.pieces import separate


def page(*strengths: float) -> np.ndarray:
    """Draw a seven for each strength, 80 pixels tall, on paper whose brightness varies by 0.02 from pixel to pixel."""
    light = 0.85 + 0.02 * np.random.default_rng(0).standard_normal((160, 100 * len(strengths)))
    for k, strength in enumerate(strengths):
        left = 100 * k + 25
        light[40:50, left : left + 50] -= strength
        for row in range(50, 120):
            middle = left + 45 - (row - 50) // 3
            light[row, middle - 5 : middle + 5] -= strength
    return light


def count(light: np.ndarray) -> int:
    return len(separate(find_ink(light).ink))


@pytest.mark.parametrize("faint", [0.08, 0.1, 0.15])
def test_a_faint_digit_as_tall_as_the_others_is_found(faint: float) -> None:
    assert count(page(0.5, faint, 0.5)) == 3


def test_paper_alone_beside_digits_has_no_ink() -> None:
    assert count(page(0.5, 0.0, 0.5)) == 2
