"""Edges of a digit: which way its strokes run, and roughly where.

With S the image smoothed by (1 2 1) down and across, which is a Gaussian of 0.7 pixels, every pixel has a slope

    g = (S[y, x + 1] - S[y, x - 1],  S[y + 1, x] - S[y - 1, x]).

Around the circle lie K unit vectors u_k, 2 pi / K apart. A slope between two of them is a sum of both with weights
>= 0, and these are its votes. With a x b = a_x b_y - a_y b_x,

    v_k = max(0, min(g x u_k+1, u_k-1 x g)):

no angle and no square root is needed, the votes grow in proportion to the ink, and at most two of them are not zero
(for K >= 4).
Over the image lie one or more grids of places. A triangular window about the middle of each place, as wide as two
places, weighs the votes of the pixels; beyond the outermost middles it stays 1:

    s_ijk = sum_yx r_i(y) c_j(x) v_k(y, x),        feature_ijk = min(255, round(255 sqrt(s_ijk / (t m)))),

with t = sum of all votes, and m the share at which a feature is full: ``FULL`` times the share that each of the sums
of a grid has on average.

Maji & Malik, "Fast and accurate digit classification", UC Berkeley EECS-2009-159, have features of this kind (0.79 %
errors on MNIST, with an intersection kernel); the square root makes them good for a linear model.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mnistlr.kernels.compiling import jit_inline, jit_reorder

FULL = 3.0
"""A feature is 255 from this many times the average share on."""
LANES = 32
"""Numbers that a vectorised loop takes at a time; what remains is done one by one, at the same price."""


@jit_inline
def _whole_vectors(size):
    return (size + LANES - 1) // LANES * LANES


@jit_reorder
def _smooth(left, here, right, out):
    """(1 2 1) across and down; ``out[j]`` is about pixel ``j + 1``."""
    for y in range(len(out) - 2):
        above = left[y] + (here[y] << 1) + right[y]
        middle = left[y + 1] + (here[y + 1] << 1) + right[y + 1]
        below = left[y + 2] + (here[y + 2] << 1) + right[y + 2]
        out[y] = above + (middle << 1) + below


@jit_reorder
def _slopes(left, here, right, slope_x, slope_y):
    """Write the slopes of a column of pixels, and return whether any is not flat."""
    steep = np.int16(0)
    for y in range(len(left) - 2):
        across, down = np.int16(right[y + 1] - left[y + 1]), np.int16(here[y + 2] - here[y])
        slope_x[y], slope_y[y] = across, down
        steep |= across | down
    return steep != 0


@jit_reorder
def _vote(slope_x, slope_y, compass, votes):
    """Write the votes of a column of pixels, one direction after the other."""
    width = len(slope_x)
    for k in range(compass.shape[1] - 2):
        before_x, before_y, after_x, after_y = compass[0, k], compass[1, k], compass[0, k + 2], compass[1, k + 2]
        for y in range(width):
            to_after = slope_x[y] * after_y - slope_y[y] * after_x
            from_before = before_x * slope_y[y] - before_y * slope_x[y]
            votes[k * width + y] = max(np.float32(0), min(to_after, from_before))


@jit_reorder
def _add(share, source, out):
    for j in range(len(out)):
        out[j] += share * source[j]


@jit_reorder
def _roots(sums, scale, out):
    for j in range(len(out)):
        out[j] = np.uint8(np.int32(min(np.sqrt(scale * sums[j]) + np.float32(0.5), np.float32(255))))


@jit_reorder
def _total(lines):
    total = np.float32(0)
    for y in range(lines.shape[0]):
        for j in range(lines.shape[1]):
            total += lines[y, j]
    return total


@jit_reorder
def edge_features(images, compass, grids, row_windows, column_windows, out, pixels, slopes, by_column, turned):
    """Do the work of `write_edge_features`, with its room.

    Images lie here on their side, each column a line of memory, which makes the features come out in reading order.
    Arrays are flat, and the innermost loops as long as can be, so that they are vectorised.
    """
    n, n_rows, n_columns = images.shape
    n_directions, n_places, width = compass.shape[1] - 2, len(row_windows), n_rows + 4
    padded, smooth = pixels[: n_columns + 4], pixels[n_columns + 4 :]
    slope_x, slope_y, votes = slopes[:width], slopes[width : 2 * width], slopes[2 * width :]
    sums = turned[n_rows]
    for image in range(n):
        for y in range(n_rows):
            for x in range(n_columns):
                padded[x + 2, y + 2] = images[image, y, x]
        for x in range(n_columns + 2):
            _smooth(padded[x], padded[x + 1], padded[x + 2], smooth[x])
        by_column[:] = 0
        for x in range(n_columns):
            if not _slopes(smooth[x], smooth[x + 1], smooth[x + 2], slope_x, slope_y):
                continue
            _vote(slope_x, slope_y, compass, votes)
            for place in range(n_places):
                if column_windows[place, x] != 0:
                    _add(column_windows[place, x], votes, by_column[place])
        first, feature = 0, 0
        for grid in grids:
            n_sums = grid * n_directions
            length = _whole_vectors(n_sums)
            turned[:] = 0
            for place in range(grid):
                for k in range(n_directions):
                    for y in range(n_rows):
                        turned[y, place * n_directions + k] = by_column[first + place, k * width + y]
            total = _total(turned[:n_rows])
            scale = np.float32(0)
            if total > 0:
                scale = np.float32(255**2 * grid * n_sums / FULL) / total
            for row in range(first, first + grid):
                sums[:length] = 0
                for y in range(n_rows):
                    if row_windows[row, y] != 0:
                        _add(row_windows[row, y], turned[y, :length], sums[:length])
                _roots(sums[:n_sums], scale, out[image, feature : feature + n_sums])
                feature += n_sums
            first += grid


def write_edge_features(
    images: NDArray[np.uint8],
    compass: NDArray[np.float32],
    grids: NDArray[np.int64],
    row_windows: NDArray[np.float32],
    column_windows: NDArray[np.float32],
    out: NDArray[np.uint8],
) -> None:
    """Write the features of ``images`` (n, rows, columns) to ``out`` (n, n_features).

    ``compass`` (2, K + 2) has the x and the y of u_K-1, u_0, ..., u_K-1, u_0. ``row_windows`` (P, rows) and
    ``column_windows`` (P, columns) have a row for each place along a side, those of all ``grids`` (their sizes) one
    after the other. All but ``out`` are read-only.
    """
    n_rows, n_columns = images.shape[1:]
    n_directions, width = compass.shape[1] - 2, n_rows + 4
    longest = -(-max(grids.tolist()) * n_directions // LANES) * LANES
    room = (
        np.zeros((2 * n_columns + 6, width), np.int16),  # the pixels with a margin, and smooth
        np.zeros((2 + n_directions) * width, np.float32),  # of a column of pixels: slopes, votes
        np.empty((len(row_windows), n_directions * width), np.float32),  # the votes, summed over columns
        np.empty((n_rows + 1, longest), np.float32),  # those of a grid, a line for each row of pixels; their sum
    )
    edge_features(images, compass, grids, row_windows, column_windows, out, *room)


def windows(size: int, places: int) -> NDArray[np.float32]:
    """Return the triangular windows of ``places`` along ``size`` pixels, (places, size); every column sums to 1."""
    middles = (np.arange(places) + 0.5) * size / places - 0.5
    pixels = np.clip(np.arange(size), middles[0], middles[-1])
    return np.maximum(0, 1 - np.abs(pixels - middles[:, None]) * places / size).astype(np.float32)


def windows_of_grids(size: int, grids: Sequence[int]) -> NDArray[np.float32]:
    """Return the windows of all grids along ``size`` pixels, one grid after the other, (sum of grids, size)."""
    return np.concatenate([windows(size, grid) for grid in grids])


def compass(directions: int) -> NDArray[np.float32]:
    """Return the x and the y (down) of u_K-1, u_0, ..., u_K-1, u_0, shape (2, directions + 2)."""
    angles = 2 * np.pi * np.arange(-1, directions + 1) / directions
    return np.stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
