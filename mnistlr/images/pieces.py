"""Tell the digits of a picture apart: which pieces of ink belong together, and in which order they are read."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mnistlr._support.arrays import Floats, Mask
from mnistlr.exceptions import ImageError

_SHARED = 0.5  # of the narrower piece's width; slanting digits side by side overlap a little, too
_BROKEN = 0.05  # of the tallest piece's height: gaps of a thin stroke that broke; one of MNIST's 20 pixels
_NEAR = 0.3  # of the taller piece's height; lines of writing are farther apart, or have several tall pieces
_SEVERAL = 4  # tall pieces: from here on they are digits, not parts of one
_LOW, _ATTACHED = 0.5, 0.15  # of the tallest and of the usual height: low pieces so close to a digit are part of it
_BESIDE = 0.35  # of the lower one's height: digits of a line have so much in common
_SLICE = 0.5  # of the digit's ink: slices of its neighbours have less
_RIM = 0.006  # of the picture's longer side: the blur of the lens at its border
MOST = 200
"""Pieces of ink in a picture; more are dots or a pattern."""


class Box(NamedTuple):
    """A rectangle of pixels: rows ``top`` to ``bottom`` - 1, columns ``left`` to ``right`` - 1."""

    top: int
    left: int
    bottom: int
    right: int


def separate(ink: Floats) -> list[tuple[Floats, Box]]:
    """Return the ink of each digit, cut out, and its box; line by line, left to right.

    Pieces of ink that stand above one another and close are one digit, such as a 5 and its bar; so are pieces that
    nearly touch, such as those of a thin stroke that the camera saw broken. Digits that (nearly) touch count as one.

    Raises
    ------
    ImageError
        If there is no ink, or there are more pieces than `MOST`, as of dotted paper.
    """
    pieces, n_pieces = ndimage.label(ink > 0, np.ones((3, 3)))
    if not n_pieces:
        raise ImageError(
            "nothing in the picture looks like pen strokes; expected dark ink on light paper, or light on dark."
        )
    if n_pieces > MOST:
        raise ImageError(
            f"expected at most {MOST} pieces of ink, found {n_pieces:,}, as of dots or a pattern; crop the picture to "
            "the digits."
        )
    boxes = np.array([[r.start, c.start, r.stop, c.stop] for r, c in ndimage.find_objects(pieces)])
    belong = _belong_together(boxes) | _broken(pieces, boxes)
    digits = np.append(0, _groups(belong) + 1)[pieces]
    digits = _with_detached_parts(digits)
    found = []
    for k, area in enumerate(ndimage.find_objects(digits), start=1):
        box = Box(area[0].start, area[1].start, area[0].stop, area[1].stop)
        found.append((ink[area] * (digits[area] == k), box))
    return in_reading_order(found)


def height_of_writing(digits: list[tuple[Floats, Box]]) -> float:
    """Return the median height of the tall ones."""
    heights = np.array([box.bottom - box.top for _, box in digits])
    return float(np.median(heights[heights >= heights.max() / 2]))


def cut_out(ink: Floats) -> tuple[Floats, Box]:
    """Return the rectangle that holds all ink, and where it is."""
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    box = Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
    return ink[box.top : box.bottom, box.left : box.right], box


def join(digits: list[tuple[Floats, Box]]) -> tuple[Floats, Box]:
    """Return the ink of all in one rectangle, and where it is."""
    boxes = np.array([box for _, box in digits])
    whole = Box(*(int(n) for n in (*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0))))
    ink = np.zeros((whole.bottom - whole.top, whole.right - whole.left))
    for part, box in digits:
        ink[box.top - whole.top : box.bottom - whole.top, box.left - whole.left : box.right - whole.left] += part
    return ink, whole


def count_tall(digits: list[tuple[Floats, Box]]) -> int:
    """Count those at least half as tall as the tallest; the others may be a detached part of one of them."""
    heights = np.array([box.bottom - box.top for _, box in digits])
    return int((heights >= heights.max() / 2).sum())


def without_neighbours(digits: list[tuple[Floats, Box]], shape: tuple[int, ...]) -> list[tuple[Floats, Box]]:
    """Leave out what the picture's border cuts off, but for the largest: the neighbours of the one digit."""
    amounts = [part.sum() for part, _ in digits]
    largest = int(np.argmax(amounts))
    return [
        digit
        for k, digit in enumerate(digits)
        if k == largest or not _is_cut_off(digit[1], shape) or amounts[k] > _SLICE * amounts[largest]
    ]


def touches_edge(digits: list[tuple[Floats, Box]], shape: tuple[int, ...]) -> bool:
    """Return whether the picture's border cuts off any of the digits."""
    return any(_is_cut_off(box, shape) for _, box in digits)


def _is_cut_off(box: Box, shape: tuple[int, ...]) -> bool:
    rim = 1 + round(_RIM * max(shape))
    return box.top <= rim or box.left <= rim or box.bottom >= shape[0] - rim or box.right >= shape[1] - rim


def _belong_together(boxes: NDArray[np.int_]) -> Mask:
    """Return which pieces are one above the other and close: a matrix, shape (n_pieces, n_pieces).

    Of several lines of writing, whose digits are alike in height, no two tall pieces belong together.
    """
    top, left, bottom, right = boxes.T
    height, width = bottom - top, right - left
    shared = np.minimum(right, right[:, None]) - np.maximum(left, left[:, None])
    gap = np.maximum(top, top[:, None]) - np.minimum(bottom, bottom[:, None])
    belong: Mask = shared >= _SHARED * np.minimum(width, width[:, None])
    belong &= gap <= _NEAR * np.maximum(height, height[:, None])
    is_tall = height >= height.max() / 2
    if is_tall.sum() >= _SEVERAL:
        belong &= ~(is_tall & is_tall[:, None]) | (gap < -height.max() / 4)
    np.fill_diagonal(belong, True)
    return belong


def _groups(belong: Mask) -> NDArray[np.intp]:
    """Return the number of each piece's group: pieces are in one if others link them.

    By squaring, because importing SciPy's graphs takes as long as finding the digits.
    """
    linked = belong
    while (linked != (wider := linked @ linked)).any():
        linked = wider
    numbers: NDArray[np.intp] = np.unique(linked.argmax(axis=1), return_inverse=True)[1]
    return numbers


def _broken(pieces: NDArray[np.int32], boxes: NDArray[np.int_]) -> Mask:
    """Return which pieces nearly touch, or are linked by pieces that do: a matrix, shape (n_pieces, n_pieces)."""
    height = boxes[:, 2] - boxes[:, 0]
    reach = _BROKEN * max(height)
    joined, _ = ndimage.label(ndimage.distance_transform_edt(pieces == 0) <= reach / 2, np.ones((3, 3)))
    whole = np.zeros(len(boxes) + 1, dtype=np.int32)
    whole[pieces] = joined
    same: Mask = whole[1:, None] == whole[1:]
    is_tall = height >= 0.7 * height.max()
    if is_tall.sum() >= _SEVERAL:  # several whole digits, close together
        same &= ~(is_tall & is_tall[:, None])
        np.fill_diagonal(same, True)
    return same


def _with_detached_parts(digits: NDArray[np.int_]) -> NDArray[np.int_]:
    """Add low pieces to the tall one beside them, if it is close: the flag of a seven, which is no minus."""
    areas = ndimage.find_objects(digits)
    heights = np.array([rows.stop - rows.start for rows, _ in areas])
    reach = round(_ATTACHED * float(np.median(heights[heights >= heights.max() / 2])))
    owner = np.arange(len(areas) + 1)
    for k in np.flatnonzero(heights < _LOW * heights.max()) + 1:
        around = tuple(slice(max(side.start - reach, 0), side.stop + reach) for side in areas[k - 1])
        near = digits[around]
        distance = ndimage.distance_transform_edt(near != k)
        distance[(near == 0) | (near == k) | (np.append(0, heights)[near] < _LOW * heights.max())] = np.inf
        if distance.min() <= reach:
            owner[k] = near.ravel()[distance.argmin()]
    _, consecutive = np.unique(owner[digits], return_inverse=True)
    return consecutive.reshape(digits.shape)


def in_reading_order(digits: list[tuple[Floats, Box]]) -> list[tuple[Floats, Box]]:
    """Sort digits by lines. From the left, each continues the line whose last digit it is beside; lines may slant."""
    lines: list[list[tuple[Floats, Box]]] = []
    for digit in sorted(digits, key=lambda digit: digit[1].left):
        beside = [_beside(line[-1][1], digit[1]) for line in lines]
        if beside and max(beside) > _BESIDE:
            lines[int(np.argmax(beside))].append(digit)
        else:
            lines.append([digit])
    lines.sort(key=lambda line: float(np.mean([box.top + box.bottom for _, box in line])))
    return [digit for line in lines for digit in line]


def _beside(one: Box, other: Box) -> float:
    """Return how much of the lower one's height both have in common."""
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    return shared / min(one.bottom - one.top, other.bottom - other.top)
