"""From the ink of one digit to the 28x28 pixels that MNIST's authors would have made of it.

LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", Proceedings of the
IEEE 86 (1998), section III.A: the digits are "size normalized to fit in a 20x20 pixel box while preserving their
aspect ratio", which leaves grey levels "as result of the anti-aliasing", and "centered in a 28x28 image by computing
the center of mass of the pixels, and translating the image so as to position this point at the center of the 28x28
field". What the article leaves open was read off the 70,000 images: each reaches 254 or 255, and the centre of mass
lies within half a pixel of the pixel (14, 14), counted from 0.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistlr._support.arrays import Floats
from mnistlr.exceptions import ImageError

SIDE = 28
"""Rows and columns of an MNIST image."""
BOX = 20
"""Pixels of the longer side of a digit in it."""
FAINT = 0.01
"""Ink up to this much is taken for paper where the extent of a digit is measured."""
HALF = 0.5 + 1e-9
"""What is added before rounding down. Symmetric drawings make ties, and sums in another order, such as those of the
page to draw on, miss a tie by 1e-14: with this margin all of them round up."""


def normalise(ink: ArrayLike) -> NDArray[np.uint8]:
    """Scale and centre the ink of one digit as MNIST's authors did.

    1. Crop to the rows and columns that have ink > 0.01 somewhere: h rows, w columns.
    2. Let s = max(h, w). Shrink or enlarge to m rows and n columns, m = max(1, floor(20 h / s + 1/2)), n alike of w.
       Pixel (i, j) is the mean ink over the rows [i h/m, (i+1) h/m) and the columns [j w/n, (j+1) w/n) of the
       crop, whose pixel a covers [a, a+1); a pixel that lies partly in the interval counts by that part.
    3. Divide by the largest value.
    4. With (y, x) the centre of mass, y = sum_ij i v_ij / sum_ij v_ij and x alike, place pixel (0, 0) at row
       floor(14.5 - y), column floor(14.5 - x) of an empty 28x28 image; where that would push the digit over the
       edge, at the nearest place at which it stays inside, in [0, 28 - m] and [0, 28 - n].
    5. Round to integers: floor(255 v + 1/2).

    Parameters
    ----------
    ink : array-like of float or bool, shape (rows, columns)
        0 is paper, 1 is full ink; of any size.

    Returns
    -------
    ndarray of uint8, shape (28, 28)
        0 is paper, 255 is ink.

    Raises
    ------
    ImageError
        If there is no ink, or ``ink`` has another shape or values outside [0, 1].
    """
    ink = np.asarray(ink, dtype=np.float64)
    if ink.ndim != 2:
        raise ImageError(f"expected ink of shape (rows, columns), got an array of shape {ink.shape}.")
    if not np.all((ink >= 0) & (ink <= 1)):
        raise ImageError("expected ink from 0 (paper) to 1 (full ink), got values outside that range.")
    scaled = scale_to_box(crop(ink))
    return centre(scaled / scaled.max())


def crop(ink: Floats) -> Floats:
    """Cut out the rectangle that holds all ink; step 1 of `normalise`."""
    rows, columns = np.flatnonzero((ink > FAINT).any(axis=1)), np.flatnonzero((ink > FAINT).any(axis=0))
    if not len(rows):
        raise ImageError("the picture is empty: no ink was found in it.")
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def scale_to_box(ink: Floats) -> Floats:
    """Scale by area averaging so that the longer side gets 20 pixels; step 2 of `normalise`."""
    n_rows, n_columns = ink.shape
    longer = max(ink.shape)
    rows = _averages(n_rows, max(1, math.floor(BOX * n_rows / longer + 0.5)))
    columns = _averages(n_columns, max(1, math.floor(BOX * n_columns / longer + 0.5)))
    scaled: Floats = rows @ ink @ columns.T
    return scaled


def centre(scaled: Floats) -> NDArray[np.uint8]:
    """Move the centre of mass to the middle of 28x28 pixels by whole pixels, and round; steps 4 and 5."""
    image = np.zeros((SIDE, SIDE))
    starts = []
    for axis, size in enumerate(scaled.shape):
        mass = scaled.sum(axis=1 - axis)
        centre_of_mass = (mass @ np.arange(size)) / mass.sum()
        starts.append(min(max(math.floor(SIDE / 2 + HALF - centre_of_mass), 0), SIDE - size))
    (top, left), (n_rows, n_columns) = starts, scaled.shape
    image[top : top + n_rows, left : left + n_columns] = scaled
    return np.floor(255 * image + HALF).astype(np.uint8)


def _averages(n_in: int, n_out: int) -> Floats:
    """Return the matrix (n_out, n_in) whose product with a signal is its mean over n_out equal intervals.

    Entry (i, a) is the length that [i r, (i+1) r) and [a, a+1) share, over r, with r = n_in / n_out.
    """
    edges = np.arange(n_out + 1) * n_in / n_out
    pixel = np.arange(n_in)
    shared = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    averages: Floats = np.maximum(shared, 0) * n_out / n_in
    return averages
