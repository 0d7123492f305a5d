"""A frame has four sides. Where two of them are known, the others are looked for between their ends.

A side along which a stroke lies is thick there, and is no straight thin run any more. It still lies between the ends of
the other sides. Ink covers its whole length, and a part of it has no other ink beside it.
"""

import itertools

from mnistlr._support.arrays import Mask
from mnistlr.images.straight import StraightLine

_MOST = 3  # sides of one frame that are known; more lines are squares or a form
_NEAR = 4  # pixels, or twice as many as a side is thick: so far from its place
_COVERED, _ALONE = 0.9, 0.25  # of a side: has ink, and has no ink beside it


def missing_sides(
    level: list[StraightLine], upright: list[StraightLine]
) -> tuple[list[StraightLine], list[StraightLine]]:
    """Return where the other sides of a frame would be.

    Parameters
    ----------
    level, upright : list of StraightLine
        The lines along rows, and along columns: those of the transposed picture.

    Returns
    -------
    tuple of two lists of StraightLine
        The sides along rows, and along columns.
    """
    sides: tuple[list[StraightLine], list[StraightLine]] = [], []
    if len(level) + len(upright) > _MOST:
        return sides
    for lines, others in ((level, sides[1]), (upright, sides[0])):
        for a, b in itertools.combinations(sorted(lines), 2):
            if abs(a.left - b.left) <= a.near and abs(a.right - b.right) <= a.near:  # opposite sides
                others += [_side(a, (a.left + b.left) // 2, a.top, b.bottom)]
                others += [_side(a, (a.right + b.right) // 2, a.top, b.bottom)]
    for a, b in itertools.product(level, upright):
        if any(a.meets([b])) and any(b.meets([a])):  # neighbours: the others are opposite to them
            sides[0].append(_side(a, b.right if a.top < (b.left + b.right) // 2 else b.left, a.left, a.right))
            sides[1].append(_side(b, a.right if b.top < (a.left + a.right) // 2 else a.left, b.left, b.right))
    return sides


def _side(like: StraightLine, middle: int, left: int, right: int) -> StraightLine:
    """Return a line as thick as another, from left to right."""
    thick = like.bottom - like.top
    return StraightLine(middle - thick // 2, left, middle - thick // 2 + thick, right, like.ink)


def find_side(side: StraightLine, ink: Mask) -> StraightLine | None:
    """Return a side, moved up or down to where most ink lies along it; None if nothing there looks like a side."""
    thick = side.bottom - side.top
    near = max(_NEAR, 2 * thick)
    columns = slice(max(side.left + thick, 0), side.right - thick)  # between the corners
    found, most = None, (_COVERED, 0.0)
    for top in range(max(side.top - near, 0), min(side.top + near, len(ink) - thick) + 1):
        bottom, apart = top + thick, thick + 2
        along, above, below = (
            ink[max(first, 0) : max(last, 0), columns]
            for first, last in ((top, bottom), (top - apart, top - 2), (bottom + 2, bottom + apart))
        )
        covered = along.any(axis=0)
        alone = covered & ~above.any(axis=0) & ~below.any(axis=0)
        if covered.size and alone.mean() > _ALONE and (much := (covered.mean(), along.mean())) > most:
            found, most = side._replace(top=top, bottom=bottom), much
    return found
