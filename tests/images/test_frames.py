"""A frame of which two sides are known has two more."""

import itertools

import numpy as np
import pytest

from mnistlr.images.frames import find_side, missing_sides
from mnistlr.images.rules import find_rules
from mnistlr.images.straight import StraightLine

# A frame from row 20 to 80 and column 30 to 110, two pixels thick. Upright lines are those of the transposed picture.
TOP, BOTTOM = StraightLine(20, 30, 22, 110, 1.0), StraightLine(78, 30, 80, 110, 1.0)
LEFT, RIGHT = StraightLine(30, 20, 32, 80, 1.0), StraightLine(108, 20, 110, 80, 1.0)
FRAME = {"level": [TOP, BOTTOM], "upright": [LEFT, RIGHT]}


def are_near(sides: list[StraightLine], expected: StraightLine) -> bool:
    return any(np.abs(np.subtract(side[:4], expected[:4])).max() <= 2 for side in sides)


@pytest.mark.parametrize("known", list(itertools.combinations([TOP, BOTTOM, LEFT, RIGHT], 2)))
def test_two_sides_tell_where_the_others_are(known: tuple[StraightLine, StraightLine]) -> None:
    level, upright = missing_sides(*([line for line in lines if line in known] for lines in FRAME.values()))
    for line in {TOP, BOTTOM, LEFT, RIGHT} - set(known):
        assert are_near(level if line in FRAME["level"] else upright, line)


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
