"""The spot of a lamp, which a whiteboard or a glossy page reflects, is neither paper nor ink.

It is much lighter than the rest, and an ellipse. An ellipse whose points have the covariance S has the area
4 pi sqrt(det S). Shapes with holes, arms or corners have less for their covariance, so strokes and sheets of paper are
no spots. Around the spot the light fades over a part of its radius.
"""

import numpy as np
from scipy import ndimage

from mnistlr._support.arrays import Floats, Mask
from mnistlr.images.surface import spread

_MUCH = 0.15  # of the way from black to white: so much lighter than the middle of the picture
_ROUND, _LONG = 0.97, 2.0  # of an ellipse's area, of which rectangles have 0.955; times as long as wide
_SMALLEST = 20  # pixels
_FADING = 0.5  # of the radius


def without_lamps(picture: Floats) -> Floats:
    """Darken the spots of lamps, and where they fade, to what is around; what is darker there stays.

    Parameters
    ----------
    picture : ndarray, shape (rows, columns)
        0 is dark, 1 is light; a small one will do.
    """
    middle = float(np.median(picture))
    half = (float(picture.max()) - middle) / 2
    if half < _MUCH / 2:
        return picture
    is_spot = _find_spots(picture > middle + half)
    if not is_spot.any():
        return picture
    is_ink = picture < middle - half
    around = spread(picture, (~is_spot & ~is_ink).astype(float), (0.05, 0.15, 0.5))
    darkened: Floats = np.where(is_spot, np.minimum(picture, around), picture)
    return darkened


def _find_spots(is_light: Mask) -> Mask:
    """Find the pieces that are ellipses and not long, and where they fade."""
    found = np.zeros(is_light.shape, dtype=bool)
    pieces, _ = ndimage.label(is_light)
    for k, area in enumerate(ndimage.find_objects(pieces), start=1):
        rows, columns = np.nonzero(pieces[area] == k)
        n = len(rows)
        if n < _SMALLEST:
            continue
        shorter, longer = np.linalg.eigvalsh(np.cov(rows, columns) + np.eye(2) / 12)  # a pixel is a square
        if longer < _LONG**2 * shorter and n > _ROUND * 4 * np.pi * np.sqrt(shorter * longer):
            found |= ndimage.distance_transform_edt(pieces != k) <= _FADING * np.sqrt(n / np.pi)
    return found
