"""What is ink, and what is not: faint writing is; blotches, the spots of lamps and the frames of forms are not."""

import itertools

import numpy as np
import pytest

from mnistlr.images.frames import find_side, missing_sides
from mnistlr.images.ink import find_ink
from mnistlr.images.lamps import without_lamps
from mnistlr.images.paper import find_paper
from mnistlr.images.pieces import separate
from mnistlr.images.rules import find_rules
from mnistlr.images.straight import StraightLine

# --- faint writing -----------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("faint", "n_digits"), [(0.08, 3), (0.1, 3), (0.15, 3), (0.0, 2)], ids=["0.08", "0.1", "0.15", "paper alone"]
)
def test_a_faint_digit_as_tall_as_the_others_is_found(faint: float, n_digits: int) -> None:
    assert len(separate(find_ink(page(0.5, faint, 0.5)).ink)) == n_digits


# --- lamps -------------------------------------------------------------------------------------------------

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
    "picture",
    [
        board((np.abs(Y - 50) < 25) & (np.abs(X - 50) < 35)),
        board(ellipse(30, 30) * (ellipse(15, 15) == 0)),
        board(ellipse(30, 8)),
        board(ellipse(30, 8), (np.abs(Y - 50) < 5) & (np.abs(X - 50) < 25)),
        board() + 0.1 * ellipse(20, 20),
    ],
    ids=["a sheet", "a zero", "a one", "a plus", "paper that is hardly lighter"],
)
def test_what_is_light_and_no_spot_stays(picture: np.ndarray) -> None:
    assert without_lamps(picture) is picture


def test_a_board_with_a_lamp_in_it_has_dark_ink() -> None:
    paper, sign = find_paper(board(ellipse(20, 28)))
    assert sign == -1
    np.testing.assert_allclose(paper[:, 85:91], 0.4 + 0.001 * X[:, 85:91], atol=0.03)


# --- frames ------------------------------------------------------------------------------------------------

# A frame from row 20 to 80 and column 30 to 110, two pixels thick. Upright lines are those of the transposed picture.
TOP, BOTTOM = StraightLine(20, 30, 22, 110, 1.0), StraightLine(78, 30, 80, 110, 1.0)
LEFT, RIGHT = StraightLine(30, 20, 32, 80, 1.0), StraightLine(108, 20, 110, 80, 1.0)
FRAME = {"level": [TOP, BOTTOM], "upright": [LEFT, RIGHT]}


@pytest.mark.parametrize("known", list(itertools.combinations([TOP, BOTTOM, LEFT, RIGHT], 2)))
def test_two_sides_tell_where_the_others_are(known: tuple[StraightLine, StraightLine]) -> None:
    level, upright = missing_sides(*([line for line in lines if line in known] for lines in FRAME.values()))
    for line in {TOP, BOTTOM, LEFT, RIGHT} - set(known):
        sides = level if line in FRAME["level"] else upright
        assert min(np.abs(np.subtract(side[:4], line[:4])).max() for side in sides) <= 2


def test_squares_have_no_missing_sides() -> None:
    assert missing_sides([TOP, BOTTOM], [LEFT, RIGHT]) == ([], [])


def picture(*areas: tuple[slice, slice]) -> np.ndarray:
    ink = np.zeros((100, 140), dtype=bool)
    for area in areas:
        ink[area] = True
    return ink


def test_a_side_is_found_where_a_stroke_covers_a_part_of_it() -> None:
    ink = picture(np.s_[22:24, 30:110], np.s_[15:60, 40:70])
    assert find_side(TOP, ink) == TOP._replace(top=22, bottom=24)


@pytest.mark.parametrize(
    "ink",
    [
        picture(),
        picture(np.s_[20:22, 30:90]),
        picture(np.s_[15:40, 30:110]),
        picture(np.s_[20:22, 30:50], np.s_[10:60, 45:110]),
        picture(np.s_[50:52, 30:110]),
    ],
    ids=["no ink", "ends too soon", "a broad stroke", "hardly seen alone", "too far away"],
)
def test_what_is_no_side_is_not_found(ink: np.ndarray) -> None:
    assert find_side(TOP, ink) is None


def test_a_frame_goes_with_the_side_along_which_a_stroke_lies() -> None:
    contrast = np.zeros((200, 200))
    contrast[40:160, 40:120] = 0.4
    contrast[42:158, 42:118] = 0
    contrast[60:130, 108:124] = 0.8  # over most of the right side
    contrast[60:76, 70:110] = 0.8
    rules = find_rules(contrast, 0.005)
    assert rules[44:56, 118:120].all()
    assert rules[136:156, 118:120].all()
    assert not rules[64:126, 109:117].any()
