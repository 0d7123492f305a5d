"""Take away printed lines: rules, squares, margin lines, frames and form boxes, without cutting strokes across them.

Printed lines are straight, thin and long, and run in two directions at a right angle. The picture is turned by small
angles; at the right one the most ink lies in long straight runs along rows and columns. There, each run is judged:

- a line across the page is a rule or a margin line;
- a line that ends at such lines, at both ends, is part of a frame, of squares or of form boxes;
- a line that is longer than everything else that is written, and thinner, is an underline or what is left of a frame;
- so is a line at the side of what is written, when it has much less ink per length than the strokes;
- so are the other sides of a frame of which two are found, see ``frames``.

Digits have straight strokes, too. They hang together with others, which have as much ink per length, and a one stands
among digits of its height.

Of a line that is taken away, a pixel stays where ink goes on at both sides of the line, which is where a stroke crosses
it, or where it is much darker than the line.
"""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from mnistlr._support.arrays import Floats, Mask
from mnistlr.images.frames import find_side, missing_sides
from mnistlr.images.straight import StraightLine, find_angle, find_lines, size_of_largest
from mnistlr.images.strokes import stroke_width

_TINY = 48  # pixels of the shorter side, below which strokes are as thin as lines
_ACROSS = 0.7  # of the picture's side: such lines are rules or margin lines
_LEAST = 0.02  # of all ink: less is no digit
_FAINTEST, _STRONG = 0.08, 0.15  # of the darkest ink: rules are darker, and what is written
_PART = 0.3  # of a line's ink: strokes with less ink are its blots
_FINE = 0.5  # of the strokes' ink per length: printed lines that touch them have less
_FAINT = 0.25  # of the strokes' ink per length: no one beside another digit has less
_LONGER = 1.15  # times as long as all that is written
_ALONG = 0.6  # of what is written: lines at its side are as long
_BEYOND = 0.1  # of what is written: so much may be on the other side of such a line
_ROUNDS = 3  # a photo's perspective gives lines several angles


def find_rules(contrast: Floats, noise: float) -> Mask:
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
    if min(contrast.shape) < _TINY:
        return found
    darkest = float(np.quantile(contrast, 0.997))
    threshold, strong = max(2.5 * noise, _FAINTEST * darkest), max(4 * noise, _STRONG * darkest)
    n_ink, size = np.count_nonzero(contrast > 2 * threshold), size_of_largest(contrast > threshold)
    for _ in range(_ROUNDS):
        angle, n_straight = find_angle(left, threshold, size)
        if not n_straight:
            break
        turned = ndimage.rotate(left, angle, reshape=True, order=1) if angle else left
        before = ndimage.rotate(found.astype(float), angle, reshape=True, order=1) > 0.3 if angle else found
        rules = _printed(turned, threshold, strong, size, before)
        if not rules.any():
            break
        back = ndimage.rotate(rules.astype(float), -angle, reshape=False, order=1) if angle else rules.astype(float)
        top, start = ((big - size) // 2 for big, size in zip(back.shape, contrast.shape, strict=True))
        found |= back[top : top + contrast.shape[0], start : start + contrast.shape[1]] > 0.3
        left[found] = 0
    # A page with nothing but lines: one of them is a one.
    return found if np.count_nonzero(left > 2 * threshold) > _LEAST * n_ink else np.zeros_like(found)


class _View(NamedTuple):
    """A turned picture, or the same transposed; all arrays have shape (rows, columns)."""

    seen: Floats
    """Its contrast."""
    ink: Mask
    strokes: Mask
    """The stronger ink, without specks."""
    page: Mask
    """What is found to be printed."""
    before: Mask
    """What was found so before."""
    lines: list[StraightLine]
    """The straight runs along its rows."""
    taken: list[StraightLine]
    """Those that are taken away."""
    is_upright: bool
    """Whether it is transposed: its lines run along the picture's columns."""

    def take_away(self, line: StraightLine, threshold: float) -> None:
        """Call a line printed, but for the strokes across it."""
        self.page[line.area] |= ~_crossing(self.seen, line, threshold)
        self.taken.append(line)

    def rest(self, line: StraightLine) -> Mask:
        """Return the strokes beside a line."""
        rest: Mask = self.strokes & ~self.page
        rest[line.area] = False
        return rest


def _printed(contrast: Floats, threshold: float, strong: float, size: int, before: Mask) -> Mask:
    """Find more printed lines of a picture in which they run along rows and columns; ``before`` are known ones."""
    ink, printed = contrast > threshold, np.zeros(contrast.shape, dtype=bool)
    strokes = ndimage.binary_opening(contrast > strong, np.ones((3, 3)))
    level = _View(contrast, ink, strokes, printed, before, find_lines(contrast, threshold, size), [], False)
    found = find_lines(contrast.T, threshold, size)
    upright = _View(contrast.T, ink.T, strokes.T, printed.T, before.T, found, [], True)
    frames = _frames(level, upright)
    heavy = _ink_of_strokes(level, upright)
    usual = float(np.median([line.ink for lines in frames for line in lines] or [0.0]))
    for view, lines, others in zip((level, upright), frames, frames[::-1], strict=True):
        for line in lines:
            is_in_frame = all(line.meets(others)) and line.ink < usual / _FINE
            if is_in_frame or not _is_in_a_digit(line, view, heavy):
                view.take_away(line, threshold)
    heavy = _ink_of_strokes(level, upright)
    for view, lines in zip((level, upright), frames, strict=True):
        for line in view.lines:
            if line not in lines and _is_beside(line, view, heavy):
                view.take_away(line, threshold)
    for view, sides in zip((level, upright), missing_sides(level.taken, upright.taken), strict=True):
        for expected in sides:
            side = find_side(expected, view.ink & ~view.page)
            if side is not None:
                view.take_away(side, threshold)
    return printed


def _frames(level: _View, upright: _View) -> tuple[list[StraightLine], list[StraightLine]]:
    """Return the lines of both views that run across the page or end, at both ends, at others of these lines."""
    lines, fewer = None, (level.lines, upright.lines)
    while fewer != lines:
        lines = fewer
        fewer = (
            [one for one in lines[0] if one.extent >= _ACROSS * level.seen.shape[1] or all(one.meets(lines[1]))],
            [one for one in lines[1] if one.extent >= _ACROSS * level.seen.shape[0] or all(one.meets(lines[0]))],
        )
    return fewer


def _ink_of_strokes(level: _View, upright: _View) -> float:
    """Return how much ink the strokes have per length: those that are no lines; the lines if there is little else."""
    rest = level.strokes & ~level.page
    most = 0.0
    for view, strokes in ((level, rest), (upright, rest.T)):
        for line in view.lines:
            if not view.page[line.area].any():
                strokes[line.area] = False
                most = max(most, line.extent * line.ink)
    if rest.any() and level.seen[rest].sum() > _PART * most:
        return stroke_width(rest.astype(float)) * float(np.median(level.seen[rest]))
    inks = [line.ink for view in (level, upright) for line in view.lines if not view.page[line.area].any()]
    return max(inks, default=0.0)


def _is_in_a_digit(line: StraightLine, view: _View, heavy: float) -> bool:
    """Return whether a line hangs together with strokes that have no more ink per length, or stands among digits."""
    if line.left <= 2 and line.right >= view.seen.shape[1] - 2:  # through the whole picture
        return False
    pieces, _ = ndimage.label(view.ink & ~view.page, np.ones((3, 3)))
    on_line = pieces[line.top : line.bottom, line.left : line.right]
    joined = np.isin(pieces, np.unique(on_line[on_line > 0]))
    joined[line.area] = False
    if view.seen[joined].sum() > _PART * line.ink * line.extent:
        return line.ink > _FINE * heavy
    rest = view.rest(line)
    if not view.is_upright or line.extent >= _LONGER * _extent(rest):
        return False
    areas = np.bincount(ndimage.label(rest, np.ones((3, 3)))[0].ravel())[1:]
    is_one_of_several = np.count_nonzero(areas > 1.5 * np.count_nonzero(on_line)) > 1
    return bool(is_one_of_several or line.ink > _FAINT * heavy)


def _is_beside(line: StraightLine, view: _View, heavy: float) -> bool:
    """Return whether a line is an underline or what is left of a frame."""
    rest, thick = view.rest(line), line.bottom - line.top
    along = _extent(rest)
    if not along:
        return False
    if line.extent > max(_LONGER * along, 12 * thick) and rest.sum() > line.extent * thick / 2:
        return not _is_in_a_digit(line, view, heavy)
    if line.ink > _FINE * heavy or _is_in_a_digit(line, view, heavy):
        return False
    rows = slice(max(line.top - line.near, 0), line.bottom + line.near)
    ends = ((view.page | view.before)[rows, max(x - line.near, 0) : x + line.near] for x in (line.left, line.right))
    if line.extent < _ALONG * along and not any(end.any() for end in ends):
        return False
    above = np.count_nonzero(rest[: line.top, line.left : line.right])
    below = np.count_nonzero(rest[line.bottom :, line.left : line.right])
    return bool(min(above, below) < _BEYOND * max(above, below))


def _extent(ink: Mask) -> int:
    """Return how far ink extends along rows."""
    columns = np.flatnonzero(ink.sum(axis=0) > 1)
    return int(np.ptp(columns)) if len(columns) else 0


def _crossing(contrast: Floats, line: StraightLine, threshold: float) -> Mask:
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
