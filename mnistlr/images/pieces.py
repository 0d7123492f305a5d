"""Tell the digits of a picture apart: which pieces of ink belong together, and in which order they are read."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse.csgraph import connected_components

Array = NDArray[np.float64]

_SHARED = 0.5  # of the narrower piece's width; slanting digits side by side overlap a little, too
_BROKEN = 0.05  # of the tallest piece's height: gaps of a thin stroke that broke; one of MNIST's 20 pixels
_NEAR = 0.3  # of the taller piece's height; lines of writing are farther apart


class Box(NamedTuple):
    """A rectangle of pixels: rows ``top`` to ``bottom`` - 1, columns ``left`` to ``right`` - 1."""

    top: int
    left: int
    bottom: int
    right: int


def separate(ink: Array) -> list[tuple[Array, Box]]:
    """Return the ink of each digit, cut out, and its box; line by line, left to right.

    Pieces of ink that stand above one another and close are one digit, such as a 5 and its bar; so are pieces that
    nearly touch, such as those of a thin stroke that the camera saw broken. Digits that (nearly) touch count as one.
    """
    pieces, _ = ndimage.label(ink > 0, np.ones((3, 3)))
    found = [Box(rows.start, columns.start, rows.stop, columns.stop) for rows, columns in ndimage.find_objects(pieces)]
    belong = np.array([[_belong_together(one, other) for other in found] for one in found])
    belong |= _broken(pieces, found)
    n_digits, digit_of = connected_components(belong, directed=False)
    digit_of_pixel = np.append(-1, digit_of)[pieces]
    digits = [cut_out(ink * (digit_of_pixel == digit)) for digit in range(n_digits)]
    return _in_reading_order(digits)


def cut_out(ink: Array) -> tuple[Array, Box]:
    """Return the rectangle that holds all ink, and where it is."""
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    box = Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
    return ink[box.top : box.bottom, box.left : box.right], box


def count_tall(digits: list[tuple[Array, Box]]) -> int:
    """Count those at least half as tall as the tallest; the others may be a detached part of one of them."""
    heights = np.array([box.bottom - box.top for _, box in digits])
    return int((heights >= heights.max() / 2).sum())


def _belong_together(one: Box, other: Box) -> bool:
    shared = min(one.right, other.right) - max(one.left, other.left)
    gap = max(one.top, other.top) - min(one.bottom, other.bottom)
    narrower = min(one.right - one.left, other.right - other.left)
    taller = max(one.bottom - one.top, other.bottom - other.top)
    return shared >= _SHARED * narrower and gap <= _NEAR * taller


def _broken(pieces: NDArray[np.int32], found: list[Box]) -> NDArray[np.bool_]:
    """Return which pieces nearly touch, or are linked by pieces that do: a matrix, shape (n_pieces, n_pieces)."""
    reach = _BROKEN * max(box.bottom - box.top for box in found)
    joined, _ = ndimage.label(ndimage.distance_transform_edt(pieces == 0) <= reach / 2, np.ones((3, 3)))
    whole = np.zeros(len(found) + 1, dtype=np.int32)
    whole[pieces] = joined
    same: NDArray[np.bool_] = whole[1:, None] == whole[1:]
    return same


def _in_reading_order(digits: list[tuple[Array, Box]]) -> list[tuple[Array, Box]]:
    lines: list[list[tuple[Array, Box]]] = []
    for digit in sorted(digits, key=lambda digit: digit[1].top):
        box = digit[1]
        if lines and (box.top + box.bottom) / 2 < max(other.bottom for _, other in lines[-1]):
            lines[-1].append(digit)
        else:
            lines.append([digit])
    return [digit for line in lines for digit in sorted(line, key=lambda digit: digit[1].left)]
