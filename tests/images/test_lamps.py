"""The spot of a lamp does not decide what is ink."""

import numpy as np
import pytest

from mnistlr.images.lamps import without_lamps
from mnistlr.images.paper import find_paper

Y, X = np.mgrid[:100, :140]


def board(*light: np.ndarray) -> np.ndarray:
    """Draw a dark picture with a darker stroke, and something white close to it that fades over five pixels."""
    picture = 0.4 + 0.001 * X
    picture[20:80, 85:91] = 0.1
    for shape in light:
        picture = np.maximum(picture, shape)
    return picture


def ellipse(height: float, width: float) -> np.ndarray:
    distance = (np.hypot((Y - 50) / height, (X - 50) / width) - 1) * min(height, width)
    return np.clip(1 - distance / 5, 0, 1)


def test_a_spot_becomes_what_is_around_and_strokes_stay() -> None:
    dimmed = without_lamps(board(ellipse(20, 28)))
    np.testing.assert_allclose(dimmed, board(), atol=0.03)
    np.testing.assert_array_equal(dimmed[:, 85:], board()[:, 85:])


@pytest.mark.parametrize(
    "shape",
    [
        ((np.abs(Y - 50) < 25) & (np.abs(X - 50) < 35)).astype(float),
        ellipse(30, 30) * (ellipse(15, 15) == 0),
        ellipse(30, 8),
        np.maximum(ellipse(30, 8), (np.abs(Y - 50) < 5) & (np.abs(X - 50) < 25)),
    ],
    ids=["a sheet", "a zero", "a one", "a plus"],
)
def test_what_is_light_and_no_spot_stays(shape: np.ndarray) -> None:
    picture = board(shape)
    assert without_lamps(picture) is picture


def test_paper_that_is_hardly_lighter_in_the_middle_stays() -> None:
    picture = board() + 0.1 * ellipse(20, 20)
    assert without_lamps(picture) is picture


def test_a_board_with_a_lamp_in_it_has_dark_ink() -> None:
    paper, sign = find_paper(board(ellipse(20, 28)))
    assert sign == -1
    np.testing.assert_allclose(paper[:, 85:91], 0.4 + 0.001 * X[:, 85:91], atol=0.03)
