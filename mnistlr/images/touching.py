"""Split digits that touch, where a reader is surer of the parts than of the whole.

Cuts are offered where the ink is narrow: at minima of the ink per column. A cut is a path from top to bottom that meets
as little ink as it can near its column. Of all ways to cut at some of these places, the best has the largest

    sum over parts of width (log(largest probability) - oddness)  -  sum over cuts of cost x ink met,

where oddness is ((width - usual) / spread)^2 / 2, and lengths are in units of the writing's height. Weighting by width
makes ways with few and with many parts comparable. A reader is sure of itself where several digits look like a wide
one, and the oddness is what speaks against that. The best way is found part by part from the left.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mnistlr._support.arrays import Floats

Reader = Callable[[list[Floats]], Floats]
"""From the ink of n candidates to the probability of the best class of each, shape (n,)."""

_NORMAL = 0.8  # of the writing's height: digits up to this width are left alone
_SURE = 0.98  # probability of one digit, from which on only a very wide piece is split
_WIDEST, _NARROWEST = 1.15, 0.12  # of the writing's height: the bounds of a part's width
_LOWEST = 0.65  # of the writing's height: a part is no lower
_USUAL, _NARROWER, _WIDER = 0.7, 0.5, 0.2  # of the height: a digit's width, and its spread on both sides
_NEAR = 0.1  # of the height: so far a path may leave its column
_APART = 0.06  # of the height: between places to cut
_COST = 10  # of a cut through ink as long as the writing is high


def split(ink: Floats, height: float, reader: Reader) -> list[Floats]:
    """Split a piece of ink into the digits that touch in it.

    Parameters
    ----------
    ink : ndarray, shape (rows, columns)
        Cropped to the piece.
    height : float
        How high the writing is around it, pixels.
    reader : callable
        See `Reader`.

    Returns
    -------
    list of ndarray, shape (rows, columns)
        The ink of each part, left to right, in the place where it is; their sum is ``ink``.
    """
    n_columns = ink.shape[1]
    if n_columns <= _NORMAL * height or (n_columns <= _WIDEST * height and reader([ink])[0] > _SURE):
        return [ink]
    paths, met = _paths(ink, _places(ink, height), height)
    n_cuts = len(paths)
    middles = paths.mean(axis=1)
    whole = 0, n_cuts - 1
    pairs = [
        (i, j)
        for i in range(n_cuts)
        for j in range(i + 1, n_cuts)
        if _NARROWEST * height <= middles[j] - middles[i] <= _WIDEST * height or (i, j) == whole
    ]
    parts = {pair: _between(ink, paths[pair[0]], paths[pair[1]]) for pair in pairs}
    parts = {pair: part for pair, part in parts.items() if pair == whole or _rows(part) >= _LOWEST * height}
    sureness = dict(zip(parts, np.log(np.maximum(reader(list(parts.values())), 1e-6)), strict=True))
    widths = {(i, j): (middles[j] - middles[i]) / height for i, j in parts}
    best, came_from = np.full(n_cuts, -np.inf), np.zeros(n_cuts, dtype=int)
    best[0] = 0
    for i, j in sorted(parts, key=lambda pair: pair[1]):
        total = best[i] + widths[i, j] * (sureness[i, j] - _oddness(widths[i, j])) - _COST * met[j] / height
        if total > best[j]:
            best[j], came_from[j] = total, i
    chosen, j = [], n_cuts - 1
    while j > 0:
        chosen.append(parts[int(came_from[j]), j])
        j = int(came_from[j])
    return chosen[::-1]


def _rows(part: Floats) -> int:
    """Return how high a part is."""
    rows = np.flatnonzero((part > 0.5).any(axis=1))
    return int(np.ptp(rows)) + 1 if len(rows) else 0


def _oddness(width: float) -> float:
    """Return how unusual a width is for a digit, in units of its height."""
    return ((width - _USUAL) / (_NARROWER if width < _USUAL else _WIDER)) ** 2 / 2


def _places(ink: Floats, height: float) -> list[int]:
    """Return the columns at which to cut: both ends, and the minima of the ink per column."""
    n_columns, reach = ink.shape[1], max(1, round(_APART * height))
    per_column = np.pad(ink.sum(axis=0), reach, constant_values=np.inf)
    per_column[reach:-reach] += 1e-6 * np.arange(n_columns)  # of equal ones the first
    windows = np.lib.stride_tricks.sliding_window_view(per_column, 2 * reach + 1)
    minima = np.flatnonzero(windows.min(axis=1) == per_column[reach:-reach])
    inside = (minima > _NARROWEST * height) & (minima < n_columns - _NARROWEST * height)
    return [0, *(int(column) for column in minima[inside]), n_columns]


def _paths(ink: Floats, places: list[int], height: float) -> tuple[NDArray[np.intp], Floats]:
    """Return a path for each place, the first column of its right side in each row, and the ink that it meets."""
    n_rows, n_columns = ink.shape
    reach = max(1, round(_NEAR * height))
    offsets = np.arange(-reach, reach + 1)
    columns = np.clip(np.array(places)[:, None] + offsets, 0, n_columns - 1)  # (places, offsets)
    total = ink[0, columns] + 1e-3 * np.abs(offsets)
    steps = np.zeros((n_rows, *columns.shape), dtype=np.int8)
    for row in range(1, n_rows):
        around = np.pad(total, ((0, 0), (1, 1)), constant_values=np.inf)
        before = np.stack([around[:, 1:-1], around[:, :-2] + 1e-3, around[:, 2:] + 1e-3])
        steps[row] = np.array([0, -1, 1])[before.argmin(axis=0)]
        total = before.min(axis=0) + ink[row, columns] + 1e-3 * np.abs(offsets) / n_rows
    at = total.argmin(axis=1)
    met, rows = total.min(axis=1), np.arange(len(places))
    paths = np.zeros((len(places), n_rows), dtype=np.intp)
    for row in range(n_rows - 1, -1, -1):
        paths[:, row] = columns[rows, at]
        at = at + steps[row, rows, at]
    paths[0], paths[-1], met[0], met[-1] = 0, n_columns, 0, 0
    return paths, met


def _between(ink: Floats, left: NDArray[np.intp], right: NDArray[np.intp]) -> Floats:
    columns = np.arange(ink.shape[1])
    part: Floats = ink * ((columns >= left[:, None]) & (columns < right[:, None]))
    return part
