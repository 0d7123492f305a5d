"""Find straight, thin, long runs of ink, and the angle at which most of them lie along rows and columns."""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from mnistlr._support.arrays import Floats, Mask
from mnistlr.images.surface import shrink

_ANGLES = 0, -3, 3, -6, 6, -9, 9, -12, 12  # degrees, to which a picture is held askew at most
_COARSE = 200  # longer side of the small picture in which the angle is found
_LONG, _LONG_IN_PIECE = 0.15, 0.35  # of the shorter side, of the largest piece: shorter straight runs are no lines
_SHORT, _USUAL = 16, 24  # pixels, at least: with small pieces of ink, and else
_COVERED, _ALIKE = 0.4, 2.0  # of a line: a digit may cover as much; times as much ink: parts of a line have no more
_THIN = 0.235  # of that length: lines are no thicker


class StraightLine(NamedTuple):
    """A straight run in a turned picture: rows ``top`` to ``bottom`` - 1, columns ``left`` to ``right`` - 1."""

    top: int
    left: int
    bottom: int
    right: int
    ink: float
    """The sum of the contrast across it, as a rule."""

    @property
    def extent(self) -> int:
        """Its length."""
        return self.right - self.left

    @property
    def area(self) -> tuple[slice, slice]:
        """Its rows and two more at either side, and its columns."""
        return slice(max(self.top - 2, 0), self.bottom + 2), slice(self.left, self.right)

    @property
    def near(self) -> int:
        """The largest gap between its end and another line at which it still ends there."""
        return max(4, 2 * (self.bottom - self.top), self.extent // 12)

    def meets(self, others: list["StraightLine"]) -> tuple[bool, bool]:
        """Return whether its left end and its right end are at one of the lines across it."""
        ends = [False, False]
        for other in others:  # transposed: its top and bottom are columns here
            if other.left - self.near <= self.top and self.bottom <= other.right + self.near:
                ends[0] |= other.top - self.near <= self.left <= other.bottom + self.near
                ends[1] |= other.top - self.near <= self.right <= other.bottom + self.near
        return ends[0], ends[1]


def size_of_largest(ink: Mask) -> int:
    """Return the longer side of the piece of ink that has most."""
    pieces, n_pieces = ndimage.label(ink, np.ones((3, 3)))
    if not n_pieces:
        return 0
    largest = int(np.bincount(pieces.ravel())[1:].argmax())
    rows, columns = ndimage.find_objects(pieces)[largest]
    return int(max(rows.stop - rows.start, columns.stop - columns.start))


def find_angle(contrast: Floats, threshold: float, size: int) -> tuple[int, int]:
    """Return the angle at which most thin ink lies in long straight runs, and how much; ``size`` as for `find_lines`.

    Longer runs count up to three times.
    """
    small = shrink(contrast, _COARSE)
    length, thick = _bounds(small.shape, size * max(small.shape) // max(contrast.shape))
    small = _cropped(small, threshold / 2, thick + 2)

    def straightness(angle: int) -> int:
        ink = (ndimage.rotate(small, angle, order=1) if angle else small) > threshold / 2
        total = 0
        for one in (ink, ink.T):
            thin = _thin(one, thick)
            for k in (1, 2, 4):
                straight = int(np.count_nonzero(_straight(one, length * k * 4 // 3) & thin))
                total += straight
                if not straight:
                    break
        return total

    best, most = 0, 0
    for angles in (_ANGLES, (-2, -1, 1, 2)):
        for angle in [best + a for a in angles]:
            straight = straightness(angle)
            if straight > 1.05 * most:
                best, most = angle, straight
    return best, most


def _cropped(contrast: Floats, threshold: float, margin: int) -> Floats:
    """Return the part of a picture that has ink, and a margin."""
    ink = contrast > threshold
    parts = []
    for axis in (1, 0):
        places = np.flatnonzero(ink.any(axis=axis))
        parts.append(slice(max(places[0] - margin, 0), places[-1] + margin + 1) if len(places) else slice(None))
    return contrast[tuple(parts)]


def find_lines(contrast: Floats, threshold: float, size: int) -> list[StraightLine]:
    """Return the straight runs along rows that are thin for more than half of their length.

    Parameters
    ----------
    contrast : ndarray, shape (rows, columns)
    threshold : float
        Of ink.
    size : int
        Of the largest piece of ink, pixels: lines are long and thin beside it.
    """
    ink = contrast > threshold
    length, thick = _bounds(contrast.shape, size)
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
            rows, columns = top + rows, left + columns
            line = StraightLine(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1, 0.0)
            across = np.maximum(contrast[line.area], 0).sum(axis=0)
            lines.append(line._replace(ink=float(np.quantile(across, 0.4))))
    return _mended(lines)


def _mended(lines: list[StraightLine]) -> list[StraightLine]:
    """Join parts of one line, which a digit lies over."""
    mended: list[StraightLine] = []
    for line in sorted(lines, key=lambda line: line.left):
        for k, one in enumerate(mended):
            is_level = one.top <= line.bottom + 1 and line.top <= one.bottom + 1
            gap, whole = line.left - one.right, line.right - one.left
            if is_level and 0 < gap < _COVERED * whole and max(one.ink, line.ink) < _ALIKE * min(one.ink, line.ink):
                top, bottom = min(one.top, line.top), max(one.bottom, line.bottom)
                mended[k] = StraightLine(top, one.left, bottom, line.right, min(one.ink, line.ink))
                break
        else:
            mended.append(line)
    return mended


def _bounds(shape: tuple[int, ...], size: int) -> tuple[int, int]:
    """Return from where on a run is long, and up to where it is thin."""
    length = max(_SHORT, round(min(max(_USUAL, _LONG * min(shape)), _LONG_IN_PIECE * size)))
    return length, max(3, round(_THIN * length))


def _thin(ink: Mask, thick: int) -> Mask:
    """Find the ink that lies in short runs along its column; at the picture's edge it may go on outside."""
    beyond = np.pad(ink.T, ((0, 0), (thick + 1, thick + 1)), mode="symmetric")
    thin: Mask = ink & ~_in_runs(beyond, thick + 1)[:, thick + 1 : -thick - 1].T
    return thin


def _straight(ink: Mask, length: int) -> Mask:
    """Find the ink that lies in runs along a row, at least so long; a step of a pixel is allowed."""
    wider = ink.copy()
    wider[1:] |= ink[:-1]
    wider[:-1] |= ink[1:]
    return _in_runs(wider, length) & ink


def _in_runs(mask: Mask, length: int) -> Mask:
    """Find the pixels that lie in runs along a row, at least so long."""
    framed = np.pad(mask, ((0, 0), (1, 1))).view(np.int8).ravel()  # no run goes on in the next row
    borders = np.flatnonzero(framed[1:] != framed[:-1]) + 1
    firsts, ends = borders[::2], borders[1::2]
    is_long = ends - firsts >= length
    changes = np.zeros(framed.size, np.int8)
    changes[firsts[is_long]], changes[ends[is_long]] = 1, -1
    rows = np.cumsum(changes, dtype=np.int8).reshape(mask.shape[0], -1)
    return rows[:, 1:-1].view(np.bool_)
