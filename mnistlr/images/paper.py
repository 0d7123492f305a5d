"""How light is the paper under the ink? It is what is left when everything narrow and dark is filled.

A grey closing by a square, the largest of a neighbourhood and then the smallest of those, fills what is dark and
narrower than the square, and leaves what is wide as it is: the desk beside the sheet, a shadow with a hard or a soft
edge. An edge between two wide areas stays where it is to the pixel. Pen strokes, rules and frames are narrow and are
filled. Beyond the picture's border everything counts as dark, so that the dark band of a scan, which runs along the
border, is wide as well.

Strokes of a broad pen, and those of a digit that fills the picture, are wider than the square. Such a picture has two
tones, and paper is what fills most of the border.
"""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from mnistlr._support.arrays import Floats, Mask
from mnistlr.images.lamps import without_lamps
from mnistlr.images.surface import enlarge, shrink, spread

_WIDE = 0.25  # of the longer side: the square. Strokes are narrower, even of a digit that fills the picture
_LEAST = 9  # pixels of the square: in pictures as small as MNIST's the digit fills nearly all of it
_WIDTHS = 0.03, 0.06, 0.12, 0.25  # of the squares with which ink is told from paper
_STEEP = 0.1  # from a pixel to the next: the outline of a lamp is bright, that of ink is long
_TWO_TONES = 0.8  # of the picture's variance: what two tones explain of it
_BROAD, _LONG = 0.85, 2.5  # of the square, and squares of that width: the width and area of broad strokes
_COARSE = 250  # longer side of the small picture in which that is done
_SMALL = 64  # longer side of the small picture in which the paper's unevenness is estimated


class Paper(NamedTuple):
    """What lies under the ink."""

    paper: Floats
    """Its brightness, shape (rows, columns)."""
    sign: float
    """1 if ink is lighter than paper, -1 if it is darker."""


def find_paper(grey: Floats) -> Paper:
    """Find the paper's brightness, and whether ink is darker or lighter than it.

    Both are tried with squares of several widths. Strokes are narrower than the space between them: filled in the
    right colour, the unevenness of the picture is gone with narrower squares. The spot of a lamp would count as light
    ink, and is darkened before.
    """
    smooth = _median(_median(grey).T).T
    small = shrink(smooth, _COARSE)
    strokes = _broad_strokes(small)
    if strokes is not None:
        is_ink, sign = strokes
        paper = spread(small, (~ndimage.binary_dilation(is_ink, iterations=2)).astype(float), (0.05, 0.15, 0.5))
        return Paper(enlarge(paper, grey.shape), sign)
    dimmed = without_lamps(small)
    sign = -1.0 if _left_over(dimmed) <= _left_over(-dimmed) else 1.0
    if sign < 0 and dimmed is not small:
        smooth = smooth + enlarge(dimmed - small, grey.shape)
    upright = -sign * smooth  # ink is dark in it
    filled = _fill(upright, max(_WIDE, _LEAST / max(grey.shape)))
    return Paper(-sign * _lower(filled, upright), sign)


def _median(picture: Floats) -> Floats:
    """Return the median of each pixel and its neighbours above and below: edges stay, single bright pixels go."""
    padded = np.pad(picture, ((1, 1), (0, 0)), mode="edge")
    above, below = padded[:-2], padded[2:]
    median: Floats = np.maximum(np.minimum(above, below), np.minimum(np.maximum(above, below), picture))
    return median


def _left_over(picture: Floats) -> float:
    """Return how uneven the picture still is when what is dark and narrow has been filled: a mean over squares."""
    filled = [_fill(picture, width) for width in _WIDTHS]
    steps = [np.diff(one, axis=axis) for one in filled for axis in (0, 1)]
    return float(sum(np.minimum(step**2, _STEEP**2).sum() for step in steps))


def _fill(picture: Floats, width: float) -> Floats:
    """Fill what is dark and narrower than a square, whose width is a part of the longer side."""
    side = max(3, round(width * max(picture.shape))) | 1
    padded = np.pad(picture, side, constant_values=picture.min() - 1)  # darkness around
    filled: Floats = ndimage.grey_closing(padded, (side, side))[side:-side, side:-side]
    return filled


def _lower(filled: Floats, picture: Floats) -> Floats:
    """Lower the filled picture, which follows the lightest pixels, to the mean of the paper."""
    above = filled - picture
    small = shrink(above, _SMALL)
    limit = np.median(small) * 3 + 0.01
    is_paper = small <= limit
    return filled - enlarge(spread(small, is_paper.astype(float), (0.05, 0.15, 0.5)), picture.shape)


def _broad_strokes(small: Floats) -> tuple[Mask, float] | None:
    """Find strokes about as wide as the square in a picture of two tones, and whether they are light (1) or dark (-1).

    They take up less than half of each side of the picture, which a desk or a shadow does not, and are longer than
    wide, which the spot of a lamp or a sheet of paper with a digit on it is not.
    """
    threshold, square = otsu_threshold(small), max(_WIDE * max(small.shape), _LEAST)
    dark = small < threshold
    if not 0 < dark.mean() < 1:
        return None
    means = small[dark].mean(), small[~dark].mean()
    between = dark.mean() * (1 - dark.mean()) * (means[1] - means[0]) ** 2
    if between < _TWO_TONES * small.var():
        return None
    for is_ink, sign in ((dark, -1.0), (~dark, 1.0)):
        whole = is_ink | _thin_holes(is_ink)
        width = 2 * float(ndimage.distance_transform_edt(whole).max())
        sides = is_ink[0], is_ink[-1], is_ink[:, 0], is_ink[:, -1]
        if (
            max(side.mean() for side in sides) < 0.5
            and _BROAD * square < width < 2 * square
            and whole.sum() > _LONG * width**2
        ):
            return is_ink, sign
    return None


def _thin_holes(shape: Mask) -> Mask:
    """Find the holes that are thin beside the shape: what is written on a sheet."""
    holes = ndimage.binary_fill_holes(shape) & ~shape
    pieces, n_pieces = ndimage.label(holes)
    depths = ndimage.maximum(ndimage.distance_transform_edt(holes), pieces, np.arange(n_pieces + 1))
    is_thin = np.asarray(depths) < ndimage.distance_transform_edt(shape).max() / 2
    thin: Mask = holes & is_thin[pieces]
    return thin


def otsu_threshold(values: Floats) -> float:
    """Return the threshold that leaves the least variance within its two sides.

    N. Otsu, "A threshold selection method from gray-level histograms", IEEE Transactions on Systems, Man and
    Cybernetics 9 (1979): equivalently, the largest n0 n1 (mean1 - mean0)^2 between them.
    """
    counts, edges = np.histogram(values, 128)
    sums = counts * (edges[1:] + edges[:-1]) / 2
    n_below, n_above = np.cumsum(counts)[:-1], np.cumsum(counts[::-1])[-2::-1]
    mean_below = np.cumsum(sums)[:-1] / np.maximum(n_below, 1)
    mean_above = np.cumsum(sums[::-1])[-2::-1] / np.maximum(n_above, 1)
    between = n_below * n_above * (mean_above - mean_below) ** 2
    return float(edges[1:-1][np.argmax(between)])
