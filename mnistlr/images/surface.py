"""What varies slowly over a picture, such as the light: estimated from some of the pixels, in a small picture."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[np.float64]


def shrink(picture: NDArray[Any], longest: int) -> Array:
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


def enlarge(small: Array, shape: tuple[int, ...]) -> Array:
    """Undo `shrink`, interpolating linearly between the middles of the blocks."""
    k = -(-max(shape) // max(small.shape))
    rows, columns = (np.clip((np.arange(n) + 0.5) / k - 0.5, 0, m - 1) for n, m in zip(shape, small.shape, strict=True))
    whole: Array = ndimage.map_coordinates(small, np.meshgrid(rows, columns, indexing="ij"), order=1)
    return whole


def fit_quadratic(picture: Array) -> Array:
    """Fit a quadratic polynomial in row and column by least absolute deviations.

    Half of the pixels less some could be ink and the fit would still follow the paper. Iteratively reweighted least
    squares: weight 1 / |residual|.
    """
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in picture.shape), indexing="ij")
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1).reshape(-1, 6)
    values, weights = picture.ravel(), np.ones(picture.size)
    for _ in range(20):
        weighted = terms * weights[:, None]
        # lstsq, not solve: in a picture of few rows some of the terms are the same.
        fitted = terms @ np.linalg.lstsq(weighted.T @ terms, weighted.T @ values, rcond=1e-9)[0]
        weights = 1 / np.maximum(np.abs(values - fitted), 0.005)
    surface: Array = fitted.reshape(picture.shape)
    return surface


def spread(picture: Array, weight: Array, reach: float) -> Array:
    """Fill in a picture from the pixels with weight: Gaussian-weighted means, however far those pixels are.

    Normalised convolution (Knutsson and Westin 1993): blur(weight * picture) / blur(weight).

    Parameters
    ----------
    picture, weight : ndarray, shape (rows, columns)
    reach : float
        Standard deviation of the Gaussian, as a part of the longer side.
    """
    sigma = reach * max(picture.shape)
    everywhere = 1e-9  # of the plain mean: out of the Gaussian's reach, the best guess
    total = ndimage.gaussian_filter(weight * picture, sigma) + everywhere * (weight * picture).mean()
    filled: Array = total / (ndimage.gaussian_filter(weight, sigma) + everywhere * weight.mean())
    return filled
