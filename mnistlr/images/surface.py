"""What varies slowly over a picture, such as the light: estimated from some of the pixels, in a small picture."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mnistlr._support.arrays import Floats

_MARGIN = 0.85  # where the margin of a picture begins, on the way from its middle to an edge


def shrink(picture: NDArray[Any], longest: int) -> Floats:
    """Average blocks of k x k pixels, k the smallest with which no side exceeds ``longest``; edges may get less."""
    k = -(-max(picture.shape[:2]) // longest)
    averaged: NDArray[Any] = picture
    for axis in (0, 1):
        size = picture.shape[axis]
        starts = np.arange(0, size, k)
        sums = np.add.reduceat(averaged, starts, axis=axis, dtype=np.float64)
        counts = np.minimum(starts + k, size) - starts
        averaged = sums / np.expand_dims(counts, tuple(a for a in range(picture.ndim) if a != axis))
    return averaged


def enlarge(small: Floats, shape: tuple[int, ...]) -> Floats:
    """Undo `shrink`, interpolating linearly between the middles of the blocks."""
    k = -(-max(shape) // max(small.shape))
    rows, columns = (np.clip((np.arange(n) + 0.5) / k - 0.5, 0, m - 1) for n, m in zip(shape, small.shape, strict=True))
    whole: Floats = ndimage.map_coordinates(small, np.meshgrid(rows, columns, indexing="ij"), order=1)
    return whole


def fit_quadratic(picture: Floats) -> Floats:
    """Fit a quadratic polynomial in row and column to the paper, which is most of the picture and of its margin.

    Least absolute deviations ignore what is on less than half of the pixels (weighted: those of the margin, where
    digits seldom reach, count ten times). Iteratively reweighted least squares: weight 1 / |residual|.
    """
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in picture.shape), indexing="ij")
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1).reshape(-1, 6)
    values = picture.ravel()
    importance = np.where(np.maximum(np.abs(x), np.abs(y)) > _MARGIN, 10.0, 1.0).ravel()
    weights = importance
    for _ in range(20):
        weighted = terms * weights[:, None]
        # lstsq, not solve: in a picture of few rows some of the terms are the same.
        fitted = terms @ np.linalg.lstsq(weighted.T @ terms, weighted.T @ values, rcond=1e-9)[0]
        weights = importance / np.maximum(np.abs(values - fitted), 0.005)
    surface: Floats = fitted.reshape(picture.shape)
    return surface


def spread(picture: Floats, weight: Floats, reaches: Sequence[float]) -> Floats:
    """Fill in a picture from the pixels with weight, by means of those around: of near ones, if there are any.

    Normalised convolution (Knutsson and Westin 1993), blur(weight * picture) / blur(weight), the kernel being a
    narrow Gaussian plus a thousandth of a wider one and so on.

    Parameters
    ----------
    picture, weight : ndarray, shape (rows, columns)
    reaches : sequence of float
        Standard deviations of the Gaussians, as parts of the longer side.
    """
    total, share = np.zeros_like(picture), np.zeros_like(picture)
    for k, reach in enumerate(reaches):
        sigma = reach * max(picture.shape)
        total += 1e-3**k * ndimage.gaussian_filter(weight * picture, sigma, truncate=6)
        share += 1e-3**k * ndimage.gaussian_filter(weight, sigma, truncate=6)
    filled: Floats = total / np.maximum(share, 1e-300)
    return np.where(share > 1e-12, filled, (weight * picture).sum() / max(weight.sum(), 1e-300))
