"""Strokes neither much thinner nor much thicker than MNIST's.

MNIST was written with soft pens into small fields: its strokes are a ninth of a digit's height wide. A ballpoint on a
large sheet leaves a fiftieth, which scaled down is a breath of grey that no template fits.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mnistlr.images.normalise import BOX

Array = NDArray[np.float64]

THINNEST, THICKEST = 1.8, 3.4
"""In pixels of the 20x20 box; by `stroke_width`, a sixth of MNIST's digits are thinner and a tenth thicker."""


def stroke_width(ink: Array) -> float:
    """Return the mean width of the strokes, in the pixels of ``ink``, which has some above 1/2.

    Across a stroke of width w the distance to its edge rises from 0 to w/2 and falls again: its mean is w/4.
    """
    inside = ink > 0.5
    return 4 * float(_signed_distance(inside)[inside].mean())


def even_out(ink: Array) -> Array:
    """Move the edges of all strokes out or in alike, so that they are as wide as MNIST's usually are.

    Parameters
    ----------
    ink : ndarray, shape (rows, columns)
        The ink of one digit, from 0 to 1, cropped to it.

    Returns
    -------
    ndarray, shape (rows + 2 margin, columns + 2 margin)
        With a margin on all sides for strokes that grow; ``ink`` as it is, without one, if its strokes will do.
    """
    longer = max(ink.shape)
    if not (ink > 0.5).any():
        return ink
    width = stroke_width(ink)
    wanted = min(max(width, THINNEST * longer / BOX), THICKEST * longer / BOX)
    if wanted == width:
        return ink
    move = (wanted - width) / 2
    padded = np.pad(ink, int(abs(move)) + 2)
    moved: Array = np.clip(0.5 + _signed_distance(padded > 0.5) + move, 0, 1)
    return moved if moved.any() else ink


def _signed_distance(inside: NDArray[np.bool_]) -> Array:
    """Return how deep each pixel's middle lies inside, or, negative, how far outside; the edge is between pixels."""
    padded = np.pad(inside, 1)
    deep = ndimage.distance_transform_edt(padded) - 0.5
    far = ndimage.distance_transform_edt(~padded) - 0.5
    signed: Array = np.where(padded, deep, -far)[1:-1, 1:-1]
    return signed
