"""Strokes neither much thinner nor much thicker than MNIST's.

MNIST was written with soft pens into small fields: its strokes are a ninth of a digit's height wide. A ballpoint on a
large sheet leaves a fiftieth, which scaled down is a breath of grey that no template fits.
"""

import numpy as np
from scipy import ndimage

from mnistlr._support.arrays import Floats, Mask
from mnistlr.images.normalise import BOX
from mnistlr.images.surface import enlarge

THINNEST, THICKEST = 2.1, 3.4
"""In pixels of the 20x20 box; by `stroke_width`, on MNIST's images enlarged, a sixth are thinner and a sixth thicker.
Of 17,600 pictures of training images that a reader had not learned from, it was surest of the truth with a lower bound
of 2 to 2.2."""
FINE = 100
"""Pixels of a digit's longer side, below which it is enlarged first: an edge cannot be moved by part of a pixel."""


def stroke_width(ink: Floats) -> float:
    """Return the mean width of the strokes, in the pixels of ``ink``, which has some above 1/2.

    Across a stroke of width w the distance to its edge rises from 0 to w/2 and falls again: its mean is w/4.
    """
    inside = np.pad(ink > 0.5, 1)
    return 4 * float(ndimage.distance_transform_edt(inside)[inside].mean() - 0.5)


def even_out(ink: Floats) -> Floats:
    """Move the edges of all strokes out or in alike, so that they are as wide as MNIST's usually are.

    Parameters
    ----------
    ink : ndarray, shape (rows, columns)
        The ink of one digit, from 0 to 1, cropped to it.

    Returns
    -------
    ndarray, shape (rows, columns)
        Enlarged if it was small, with a margin on all sides for strokes that grow; ``ink`` as it is if its strokes will
        do.
    """
    fine = _enlarged(ink)
    inside = fine > 0.5
    if not inside.any():
        return ink
    width, longer = stroke_width(fine), max(_extent(inside))
    wanted = min(max(width / longer, THINNEST / BOX), THICKEST / BOX)
    # The digit grows by 2 move as its strokes do, and is scaled to the box afterwards:
    # (width + 2 move) / (longer + 2 move) = wanted.
    move = (wanted * longer - width) / (2 * (1 - wanted))
    if wanted == width / longer:
        return ink
    padded = np.pad(inside, int(abs(move)) + 2)
    moved: Floats = np.clip(0.5 + _signed_distance(padded) + move, 0, 1)
    return moved if moved.any() else ink


def _enlarged(ink: Floats) -> Floats:
    """Enlarge ink by a whole factor, interpolating linearly, until its longer side has at least `FINE` pixels."""
    factor = -(-FINE // max(ink.shape))
    if factor == 1:
        return ink
    padded = np.pad(ink, 1)
    return enlarge(padded, (factor * padded.shape[0], factor * padded.shape[1]))


def _extent(inside: Mask) -> tuple[int, int]:
    """Return how many rows and columns lie between the first and the last that have some."""
    rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    return int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


def _signed_distance(inside: Mask) -> Floats:
    """Return how deep each pixel's middle lies inside, or, negative, how far outside; the edge is between pixels."""
    padded = np.pad(inside, 1)
    deep = ndimage.distance_transform_edt(padded) - 0.5
    far = ndimage.distance_transform_edt(~padded) - 0.5
    signed: Floats = np.where(padded, deep, -far)[1:-1, 1:-1]
    return signed
