"""Why this answer? What each pixel of the original image contributed to the scores of a DigitReader.

A score is a sum over features, sum_j w_j f_j + b, and f_j depends on its sum of votes s_j alone. With the geometry of
the digit and the strength of its edges held fixed, s_j is homogeneous of degree one in the ink p, so that by Euler's
theorem

    s_j = sum_p p ds_j/dp,        sum_j w_j f_j = sum_p p sum_j (w_j f_j / s_j) ds_j/dp.

The terms of the sum over p are the contributions of the pixels: each feature's share goes to those that voted for it.
For f = sqrt(s) they are twice ink times derivative of the score. They sum to the score as the model computes it, whose
features are rounded and at most 255, because w_j f_j is what is shared out.

A pixel of the upright image is made of two pixels of a row of the original; its contribution goes to these in
proportion to what they gave.
"""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlr._support.arrays import Floats
from mnistlr.exceptions import ArgumentError
from mnistlr.features.deskew import shifts
from mnistlr.features.pixels import as_pixels
from mnistlr.features.reader import DigitReader
from mnistlr.metrics.explanation import Explanation

_BLUR = np.array([1.0, 2.0, 1.0])


def explain_reader(reader: DigitReader, image: Any) -> Explanation:
    """Take the scores of one image apart, pixel by pixel of the image as it was given.

    Parameters
    ----------
    reader : DigitReader, fitted
    image : array-like, shape (n_features,), (1, n_features) or (rows, columns)
        As ``reader.predict`` takes it.

    Returns
    -------
    Explanation
        ``contributions.sum(axis=1) + intercept`` are the scores, to rounding.

    Raises
    ------
    ArgumentError
        If the image has another number of pixels than the model takes.
    sklearn.exceptions.NotFittedError
        If the model is not fitted.
    """
    from sklearn.utils.validation import check_is_fitted, validate_data

    check_is_fitted(reader)
    given = np.asarray(image).reshape(1, -1)
    if given.shape[1] != reader.n_features_in_:
        raise ArgumentError(
            f"expected an image of {reader.n_features_in_} pixels, as the model takes, got {given.shape[1]}."
        )
    deskew, edges, classifier = reader.deskew_, reader.edges_, reader.classifier_
    checked = validate_data(reader, given, dtype=[np.float64, np.float32, np.uint8], reset=False)
    pixels = as_pixels(checked, deskew.full_ink_).reshape(deskew.shape_)
    upright = deskew.convert(checked)
    features = edges.convert(upright)[0].astype(np.float64)
    ink = upright.reshape(deskew.shape_).astype(np.float64)
    coef, intercept = classifier.coef_, classifier.intercept_
    if len(coef) == 1:
        coef, intercept = np.concatenate([np.zeros_like(coef), coef]), np.append(0.0, intercept)
    sums, pull_back = vote_sums(ink, edges)
    # A sum beyond the rounding of float32 has a feature of 0 as well.
    per_vote = np.divide(coef * features, sums, out=np.zeros_like(coef), where=sums > 0)
    shares = np.stack([ink * pull_back(each) for each in per_vote])
    contributions = original_pixels(shares, pixels).reshape(len(coef), -1)
    raw = contributions.sum(axis=1) + intercept
    odds = np.exp(raw - raw.max())
    probabilities = odds / odds.sum()
    return Explanation(reader.classes_, given[0], contributions, intercept.copy(), raw, probabilities, from_edges=True)


def vote_sums(image: Floats, edges: Any) -> tuple[Floats, Any]:
    """Return the sums of votes s (n_edge_features,) of an image (rows, columns), and how to differentiate them.

    The second result is a function of weights a (n_edge_features,): it returns the derivative of sum_j a_j s_j by
    every pixel, (rows, columns).
    """
    rows, columns = image.shape
    padded = np.pad(image, 2)
    across = sum(weight * padded[:, x : x + columns + 2] for x, weight in enumerate(_BLUR))
    smooth = sum(weight * across[y : y + rows + 2] for y, weight in enumerate(_BLUR))
    slope_x, slope_y = smooth[1:-1, 2:] - smooth[1:-1, :-2], smooth[2:, 1:-1] - smooth[:-2, 1:-1]
    compass = edges.compass_.astype(np.float64)[:, :, None, None]
    before, after = compass[:, :-2], compass[:, 2:]
    to_after = slope_x * after[1] - slope_y * after[0]
    from_before = before[0] * slope_y - before[1] * slope_x
    votes = np.maximum(0, np.minimum(to_after, from_before))
    windows, starts = [], np.cumsum([0, *edges.grids])
    for start, end in pairwise(starts):
        windows.append((edges.row_windows_[start:end].astype(float), edges.column_windows_[start:end].astype(float)))
    sums = [np.einsum("iy,jx,kyx->ijk", *pair, votes, optimize=True).ravel() for pair in windows]

    def pull_back(weights: Floats) -> Floats:
        by_vote, first = np.zeros_like(votes), 0
        for by_row, by_column in windows:
            shape = (len(by_row), len(by_column), len(votes))
            part = weights[first : first + np.prod(shape)].reshape(shape)
            by_vote += np.einsum("iy,jx,ijk->kyx", by_row, by_column, part, optimize=True)
            first += part.size
        ahead, behind = by_vote * ((votes > 0) & (to_after <= from_before)), by_vote * (votes > 0)
        behind -= ahead
        by_slope_x = (ahead * after[1] - behind * before[1]).sum(axis=0)
        by_slope_y = (behind * before[0] - ahead * after[0]).sum(axis=0)
        by_smooth = np.zeros_like(smooth)
        by_smooth[1:-1, 2:] += by_slope_x
        by_smooth[1:-1, :-2] -= by_slope_x
        by_smooth[2:, 1:-1] += by_slope_y
        by_smooth[:-2, 1:-1] -= by_slope_y
        by_padded = np.zeros_like(padded)
        for y, down in enumerate(_BLUR):
            for x, right in enumerate(_BLUR):
                by_padded[y : y + rows + 2, x : x + columns + 2] += down * right * by_smooth
        derivative: Floats = by_padded[2:-2, 2:-2]
        return derivative

    return np.concatenate(sums), pull_back


def original_pixels(shares: Floats, pixels: NDArray[np.uint8]) -> Floats:
    """Give the contributions of the upright image's pixels, (n, rows, columns), to those of the original ``pixels``."""
    rows, columns = pixels.shape
    shift = np.zeros(rows, np.int64)
    shifts(pixels, shift)
    out = np.zeros_like(shares)
    for y, (whole, part) in enumerate(zip(shift >> 8, shift & 255, strict=True)):
        left = np.arange(columns) + whole
        amounts = [
            weight * np.where((x >= 0) & (x < columns), pixels[y, np.clip(x, 0, columns - 1)], 0)
            for weight, x in ((256.0 - part, left), (float(part), left + 1))
        ]
        whole_amount = np.maximum(amounts[0] + amounts[1], 1)
        for amount, x in zip(amounts, (left, left + 1), strict=True):
            inside = amount > 0
            out[:, y, x[inside]] += (shares[:, y] * amount / whole_amount)[:, inside]
    return out
