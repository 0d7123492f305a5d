"""Take away printed lines: rules, squares, margin lines, frames and form boxes, without cutting strokes across them.

Printed lines are straight, thin and long, and run in two directions at a right angle. The picture is turned by small
angles; at the right one the most ink lies in long straight runs along rows and columns. There, each run is judged:

- a line across the page is a rule or a margin line;
- a line that ends at lines across it, at both ends, is part of a frame, of squares or of form boxes;
- a line that is longer than everything else that is written, and thinner, is an underline or what is left of a frame.

Of a line that is taken away, a pixel stays where ink goes on at both sides of the line, which is where a stroke crosses
it, or where it is much darker than the line.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mnistlr.images.surface import shrink

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_ANGLES = np.arange(-12, 13)  # degrees, to which a picture is held askew at most
_COARSE = 200  # longer side of the small picture in which the angle is found
_LONG = 0.15  # of the shorter side: straight runs from here on are looked at
_THIN = 0.035  # of the shorter side: lines are no thicker
_ACROSS = 0.7  # of the picture's side: such lines are rules or margin lines
_LEAST = 0.02  # of all ink: less is no digit
_ROUNDS = 3  # a photo's perspective gives lines several angles


class _Line(NamedTuple):
    """A straight run in a turned picture: rows ``top`` to ``bottom`` - 1, columns ``left`` to ``right`` - 1."""

    top: int
    left: int
    bottom: int
    right: int


def find_rules(contrast: Array, noise: float) -> Mask:
    """Find the pixels of printed lines, but for those where a stroke crosses.

    Parameters
    ----------
    contrast : ndarray, shape (rows, columns)
        How far the picture differs from its paper towards the ink.
    noise : float
        The standard deviation of the paper's contrast.

    Returns
    -------
    ndarray of bool, shape (rows, columns)
    """
    left, found = contrast.copy(), np.zeros(contrast.shape, dtype=bool)
    threshold = max(4 * noise, 0.15 * float(np.quantile(contrast, 0.997)))
    n_ink = np.count_nonzero(contrast > 2 * threshold)
    for _ in range(_ROUNDS):
        angle, n_straight = _angle(left, threshold)
        if not n_straight:
            break
        turned = ndimage.rotate(left, angle, reshape=True, order=1) if angle else left
        rules = _printed(turned, threshold)
        if not rules.any():
            break
        back = ndimage.rotate(rules.astype(float), -angle, reshape=False, order=1) if angle else rules.astype(float)
        top, start = ((big - size) // 2 for big, size in zip(back.shape, contrast.shape, strict=True))
        found |= back[top : top + contrast.shape[0], start : start + contrast.shape[1]] > 0.3
        left[found] = 0
    # A page with nothing but lines: one of them is a one.
    return found if np.count_nonzero(left > 2 * threshold) > _LEAST * n_ink else np.zeros_like(found)


def _angle(contrast: Array, threshold: float) -> tuple[float, int]:
    """Return the angle at which most thin ink lies in long straight runs, and how much."""
    small = shrink(contrast, _COARSE)
    length, thick = _sizes(small.shape)
    best, most = 0.0, 0
    for angle in sorted(_ANGLES, key=abs):
        ink = (ndimage.rotate(small, angle, order=1) if angle else small) > threshold / 2
        n_straight = sum(int((_straight(one, length * 4 // 3) & _thin(one, thick)).sum()) for one in (ink, ink.T))
        if n_straight > 1.05 * most:
            best, most = float(angle), n_straight
    return best, most


def _sizes(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return from where on a run is long, and up to where it is thin."""
    return max(24, round(_LONG * min(shape))), max(3, round(_THIN * min(shape)))


def _thin(ink: Mask, thick: int) -> Mask:
    """Find the ink that lies in short runs along its column."""
    thin: Mask = ink & ~ndimage.grey_opening(ink.astype(np.uint8), (thick + 1, 1)).astype(bool)
    return thin


def _straight(ink: Mask, length: int) -> Mask:
    """Find the ink that lies in runs along a row, at least so long; a step of a pixel is allowed."""
    wider = ndimage.maximum_filter1d(ink.astype(np.uint8), 3, axis=0)
    shorter = ndimage.minimum_filter1d(wider, length, axis=1, mode="constant")
    straight: Mask = ndimage.maximum_filter1d(shorter, length, axis=1).astype(bool) & ink
    return straight


def _printed(contrast: Array, threshold: float) -> Mask:
    """Find the printed lines of a picture in which they run along rows and columns."""
    ink = contrast > threshold
    length, thick = _sizes(contrast.shape)
    level, upright = _lines(ink, length, thick), _lines(ink.T, length, thick)
    printed = np.zeros(contrast.shape, dtype=bool)
    strokes = ndimage.binary_opening(ink, np.ones((3, 3)))  # without specks
    views = (
        (level, upright, contrast, strokes, printed),
        (upright, level, contrast.T, strokes.T, printed.T),
    )
    for is_frame in (True, False):
        for lines, others, seen, inked, page in views:
            for line in lines:
                rest = inked & ~page
                rest[_area(line)] = False
                if _joins(line, others, seen.shape) if is_frame else _is_longest(line, rest):
                    page[_area(line)] |= ~_crossing(seen, line, threshold)
    return printed


def _area(line: _Line) -> tuple[slice, slice]:
    return slice(max(line.top - 2, 0), line.bottom + 2), slice(line.left, line.right)


def _lines(ink: Mask, length: int, thick: int) -> list[_Line]:
    """Return the straight runs along rows that are thin for more than half of their length."""
    found = _straight(ink, length) & _thin(ink, thick)
    joined = ndimage.maximum_filter1d(found, 4 * thick + 1, axis=1)  # where strokes cross a line it is not thin
    pieces, _ = ndimage.label(joined, np.ones((3, 3)))
    lines = []
    for k, area in enumerate(ndimage.find_objects(pieces), start=1):
        thin = found[area] & (pieces[area] == k)
        columns = np.flatnonzero(thin.any(axis=0))
        if len(columns) < length / 2 or np.ptp(columns) < length:
            continue
        rows = np.flatnonzero(thin.sum(axis=1) > 0.1 * len(columns))
        if len(columns) > np.ptp(columns) / 2 and len(rows) and np.ptp(rows) < 2 * thick:
            top, left = (part.start for part in area)
            lines.append(
                _Line(*(int(n) for n in (top + rows[0], left + columns[0], top + rows[-1] + 1, left + columns[-1] + 1)))
            )
    return lines


def _joins(line: _Line, others: list[_Line], shape: tuple[int, ...]) -> bool:
    """Return whether a line runs across the page, or ends at lines across it."""
    extent = line.right - line.left
    if extent >= _ACROSS * shape[1]:
        return True
    near = max(4, 2 * (line.bottom - line.top), extent // 12)
    ends = [False, False]
    for other in others:  # transposed: its top and bottom are columns here
        if other.left - near <= line.top and line.bottom <= other.right + near:
            ends[0] |= other.top - near <= line.left <= other.bottom + near
            ends[1] |= other.top - near <= line.right <= other.bottom + near
    return all(ends)


def _is_longest(line: _Line, rest: Mask) -> bool:
    """Return whether a line is longer than all else that is written, and so thin that it is no stroke."""
    columns = np.flatnonzero(rest.sum(axis=0) > 1)
    extent, thick = line.right - line.left, line.bottom - line.top
    return len(columns) > 0 and extent > max(1.15 * np.ptp(columns), 12 * thick) and rest.sum() > extent * thick / 2


def _crossing(contrast: Array, line: _Line, threshold: float) -> Mask:
    """Find where strokes cross a line that runs along rows: in its rows and two more at either side."""
    top, bottom = max(line.top - 2, 0), line.bottom + 2
    area = contrast[top:bottom, line.left : line.right]
    strength = np.median(area.max(axis=0))
    above = contrast[max(top - 2, 0) : top, line.left : line.right]
    below = contrast[bottom : bottom + 2, line.left : line.right]
    if not (above.size and below.size):
        return np.zeros(area.shape, dtype=bool)
    level = max(2 * threshold, 0.5 * strength)
    goes_on = ndimage.maximum_filter1d(above.max(axis=0), 3) > level
    goes_on &= ndimage.maximum_filter1d(below.max(axis=0), 3) > level
    crossing: Mask = (area > 1.6 * strength) | goes_on[None, :]
    return crossing
