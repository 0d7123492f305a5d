"""Where is ink? The light is divided out, and what then differs from the paper is ink.

A pixel of brightness I shows paper of brightness P, or ink, I = P + C. The light falls unevenly, so that P and the
contrast C vary over the picture. Both are unknown, and so is the sign of C: ink is darker than paper, chalk is
lighter than the board.

1. P and the sign of C: see ``paper``.
2. Printed lines differ from the paper, too, and are taken away: see ``rules``.
3. Ink, coarsely: what is farther from P than Otsu's threshold.
4. C: the mean of I - P over the ink around.

Then (I - P) / C is 0 on paper and 1 on ink, in bright light and in dim.
"""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from mnistlr._support.arrays import Floats, Mask
from mnistlr.exceptions import ImageError
from mnistlr.images.paper import find_paper, otsu_threshold
from mnistlr.images.rules import find_rules
from mnistlr.images.surface import enlarge, fit_quadratic, shrink, spread

_SMALL = 64  # longer side of the small picture in which paper and contrast are estimated
# Ink has to stand out from the paper by so much of the way from black to white, and by so many times the paper's own
# variation. Empty pages stay below 3 times as a rule, and digits are above 10 (tests/helpers/photos.py).
_VISIBLE = 0.02
_ABOVE_NOISE = 6
_TALL, _ABOVE_BLOTCHES = 0.6, 4.5  # of the tallest piece, and times the paper's variation: digits, however faint
_DARK, _GRAIN = 0.75, 0.3  # of the ground on which the writing's largest piece lies, and of its ink
_WEAK = 0.4  # of the strongest piece's contrast: writing has more, also in a shadow that takes half the light
_FAINT = 0.15  # of the strength of ink around: the faintest parts of strokes are above
_FAINTER = 0.7  # of the strength of ink around: from there on the narrow circle counts
_NARROW = 0.012  # of the longer side: the deviation of the circle in which a stroke is about alike
_NARROWEST = 5.0  # pixels of that deviation: in small pictures the edges of strokes are as wide as they
_FAINTEST = 0.35  # of the strongest ink's contrast; the faults in photos of small digits have up to a third


class Ink(NamedTuple):
    """The ink of a picture and how it was found; all of shape (rows, columns)."""

    grey: Floats
    """The picture along the axis of colour on which it varies most."""
    paper: Floats
    """Its estimated brightness without the ink."""
    contrast: Floats
    """The difference of the two, positive on ink whichever is darker, without what was removed."""
    removed: Floats
    """The same difference, of printed lines only."""
    ink: Floats
    """From 0 (paper) to 1 (ink)."""


def find_ink(light: Floats) -> Ink:
    """Find the ink in a picture.

    Parameters
    ----------
    light : ndarray, shape (rows, columns) or (rows, columns, 3)
        From 0 (black) to 1 (white).

    Raises
    ------
    ImageError
        If nothing stands out from the paper.
    """
    grey = ndimage.gaussian_filter(_to_grey(light), 0.5)
    paper, sign = find_paper(grey)
    contrast = sign * (grey - paper)
    noise = _noise(contrast)
    rules = find_rules(contrast, noise)
    removed = contrast * rules
    contrast = contrast * ~rules
    is_ink = contrast > max(otsu_threshold(contrast), 4 * noise)
    if not is_ink.any() or contrast[is_ink].mean() < max(_VISIBLE, _ABOVE_NOISE * noise):
        raise ImageError("the picture is empty, or its ink too faint: nothing stands out from the paper.")
    ink = np.clip((contrast / _strength(contrast, paper, is_ink, noise) - 0.3) / 0.5, 0, 1)
    return Ink(grey, paper, contrast, removed, _without_specks(ink, contrast, paper, noise))


def _strength(contrast: Floats, paper: Floats, is_ink: Mask, noise: float) -> Floats:
    """Return the contrast of the ink around each pixel: within a wide circle, or a narrow one where that is fainter.

    Pencil is fainter than pen, and a pen that hurries is fainter than itself. The narrow mean is weighted by contrast,
    so that beside a dark stroke its blurred edge stays paper. A desk, much darker, has no faint ink.
    """
    covered = shrink(is_ink, _SMALL)
    around = spread(shrink(contrast * is_ink, _SMALL) / np.maximum(covered, 1e-9), covered, (0.25, 1))
    around = enlarge(around, contrast.shape)
    visible = np.where(contrast > np.maximum(_FAINT * around, _ABOVE_NOISE / 2 * noise), contrast, 0)
    visible *= paper >= _DARK * np.median(paper[is_ink])
    reach = max(_NARROW * max(contrast.shape), _NARROWEST)
    amount = ndimage.gaussian_filter(visible, reach)
    near = ndimage.gaussian_filter(visible**2, reach) / np.maximum(amount, 1e-9)
    near_or_around: Floats = np.where(
        (amount > 1e-6) & (near > _FAINT * around), np.minimum(near / _FAINTER, around), around
    )
    return near_or_around


def _noise(contrast: Floats) -> float:
    """Return the standard deviation of the paper, by the median deviation of what is on its other side than ink."""
    below = contrast[contrast <= 0]
    return 1.4826 * float(np.median(-below)) if len(below) else 0.0


def _to_grey(light: Floats) -> Floats:
    """Project colours onto the axis along which they differ most from those of the paper (the principal axis)."""
    if light.ndim == 2:
        return light
    small = shrink(light, _SMALL)
    difference = small - np.stack([fit_quadratic(channel) for channel in np.moveaxis(small, 2, 0)], axis=-1)
    axis = np.linalg.svd(difference.reshape(-1, 3), full_matrices=False)[2][0]
    axis /= np.abs(axis).sum() * (np.sign(axis.sum()) or 1)
    grey: Floats = light @ axis
    return grey


def _without_specks(ink: Floats, contrast: Floats, paper: Floats, noise: float) -> Floats:
    """Drop what hangs together with less than 3 % of the ink that the largest piece has, and what is much fainter.

    Far from a small digit all that stands out are the paper's own blotches, and step 4 takes their contrast for that of
    ink. As parts of the paper's brightness the contrasts tell them apart in any light: ``depth``. Small or weak pieces
    on much darker ground than the writing has are the grain of a desk around the sheet. The writing is the largest
    piece of those that are about as strong as the strongest.
    """
    depth = contrast / np.maximum(paper, 0.1)
    pieces, n_pieces = ndimage.label(ink > 0, np.ones((3, 3)))
    numbers = np.arange(n_pieces + 1)
    sizes = ndimage.sum_labels(ink, pieces, numbers)
    depths = ndimage.sum_labels(ink * depth, pieces, numbers) / np.maximum(sizes, 1e-300)
    is_large = sizes >= 0.03 * sizes.max()
    is_kept = is_large & (depths >= _FAINTEST * depths[is_large].max())
    heights = np.array([0, *(rows.stop - rows.start for rows, _ in ndimage.find_objects(pieces))])
    strengths = ndimage.sum_labels(ink * contrast, pieces, numbers) / np.maximum(sizes, 1e-300)
    is_kept |= is_large & (heights >= _TALL * heights[is_kept].max()) & (strengths > _ABOVE_BLOTCHES * noise)
    grounds = ndimage.sum_labels(ink * paper, pieces, numbers) / np.maximum(sizes, 1e-300)
    is_strong = strengths >= _WEAK * strengths[is_large].max()
    writing = int(np.argmax(np.where(is_large & is_strong, sizes, 0)))
    is_kept &= (grounds >= _DARK * grounds[writing]) | (is_strong & (sizes >= _GRAIN * sizes[writing]))
    kept: Floats = ink * is_kept[pieces]
    return kept
