"""Distortions: the same digits as other hands might have written them, to learn from as well.

A distorted image takes its pixel p = (y, x) from another place of the image v,

    out(p) = v(c + A (p - c) + t + sum_ij r_i(y) c_j(x) u_ij),

between four pixels in proportion to the distances, and paper from beyond the edge. c is the middle of the image,

    A = (cos a  -sin a)  (s_y   0 )
        (sin a   cos a)  ( h   s_x)

turns, stretches and slants it, t moves it, and the last term bends it: in a coarse grid of ``PLACES`` x ``PLACES``
places, whose windows are those of ``edges``, each has a displacement u_ij of its own. All of a, log s_y, log s_x, h, t
and u are normal random numbers, whose standard deviations are the constants below. They were chosen by the errors of a
reader on 20,000 of MNIST's training images that it had not learned from.

LeCun et al., "Gradient-based learning applied to document recognition", Proceedings of the IEEE 86 (1998), section
III.E, learn from distorted digits; Simard, Steinkraus & Platt, "Best practices for convolutional neural networks
applied to visual document analysis" (ICDAR 2003) bend them.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array, check_random_state

from mnistlr._support.arrays import Array, read_only
from mnistlr._support.threads import count_threads, run_chunks
from mnistlr.exceptions import ArgumentError
from mnistlr.features.edges import windows
from mnistlr.features.pixels import TYPES, as_pixels, full_ink, image_shape
from mnistlr.kernels.compiling import jit, jit_reorder

PLACES = 5
CHUNK = 256
"""Images that a thread takes at a time."""
PIECE = 16 * CHUNK
"""Images whose random numbers are in memory at a time."""
TURN = 0.12  # standard deviations: radians, 7 degrees
STRETCH = 0.08  # of the logarithm, 8 %
SLANT = 0.1
MOVE = 0.01  # heights and widths of the image
BEND = 0.025  # the same, at each place of the grid


class Numbers(NamedTuple):
    """The random numbers of n images: A (n, 2, 2), t (n, 2) and u (n, 2, P, P), in pixels."""

    matrices: Array
    moves: Array
    bends: Array


@jit
def bilinear(image, y, x):
    """Return the value between the four pixels around a point of ``image`` (rows, columns); beyond it is paper."""
    top, left = int(np.floor(y)), int(np.floor(x))
    value = np.float32(0)
    for row in (top, top + 1):
        for column in (left, left + 1):
            if 0 <= row < image.shape[0] and 0 <= column < image.shape[1]:
                share = (1 - abs(y - row)) * (1 - abs(x - column))
                value += np.float32(share) * image[row, column]
    return value


@jit_reorder
def distort_images(images, matrices, moves, bends, row_windows, column_windows, bend, out):
    """Write the ``images`` (n, rows, columns), uint8, to ``out``, distorted.

    Each has a matrix A, ``matrices`` (n, 2, 2), a move t, ``moves`` (n, 2), and the displacements u of the places of
    the grid, ``bends`` (n, 2, P, P). The windows are (P, rows) and (P, columns). ``bend`` (2, P) is room for those of a
    row of pixels, sum_i r_i(y) u_ij.
    """
    n, n_rows, n_columns = images.shape
    n_places = len(row_windows)
    middle_y, middle_x = (n_rows - 1) / 2, (n_columns - 1) / 2
    for image in range(n):
        A = matrices[image]
        for y in range(n_rows):
            for axis in range(2):
                for j in range(n_places):
                    bend[axis, j] = 0.0
                    for i in range(n_places):
                        bend[axis, j] += row_windows[i, y] * bends[image, axis, i, j]
            for x in range(n_columns):
                from_y = middle_y + A[0, 0] * (y - middle_y) + A[0, 1] * (x - middle_x) + moves[image, 0]
                from_x = middle_x + A[1, 0] * (y - middle_y) + A[1, 1] * (x - middle_x) + moves[image, 1]
                for j in range(n_places):
                    from_y += column_windows[j, x] * bend[0, j]
                    from_x += column_windows[j, x] * bend[1, j]
                out[image, y, x] = np.uint8(bilinear(images[image], from_y, from_x) + 0.5)


def draw(n: int, strength: float, shape: tuple[int, int], random: np.random.RandomState) -> Numbers:
    """Draw the matrices A (n, 2, 2), the moves t (n, 2) and the displacements u (n, 2, P, P) of n images, in pixels."""
    a, log_y, log_x, slant = strength * np.array([[TURN], [STRETCH], [STRETCH], [SLANT]]) * random.normal(size=(4, n))
    turned = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    stretched = np.array([[np.exp(log_y), np.zeros(n)], [slant, np.exp(log_x)]])
    matrices = np.einsum("ijn,jkn->nik", turned, stretched, order="C")  # or numba compiles anew for a single image
    moves = strength * MOVE * np.array(shape) * random.normal(size=(n, 2))
    bends = strength * BEND * np.array(shape)[:, None, None] * random.normal(size=(n, 2, PLACES, PLACES))
    return Numbers(matrices, moves, bends)


def distort(
    X: Any, *, strength: float = 1.0, shape: Any = None, random_state: Any = None, n_jobs: int | None = None
) -> NDArray[np.uint8]:
    """Return a distorted copy of each image: the same digit, as another hand might have written it.

    See :func:`add_copies` for what it is good for.

    Parameters
    ----------
    X : array-like or sparse matrix, shape (n_samples, n_features)
        An image in each row: 0 is paper, larger values are ink. ``uint8`` is taken as it is; in other types the largest
        value of all images is full ink.
    strength : float
        How strong the distortions are; 0 changes nothing.
    shape : (rows, columns) or None
        Of the images; one of them may be -1. None: they are square.
    random_state : int, RandomState or None
        Other numbers give other copies.
    n_jobs : int or None
        Threads; None means all cores that the process may use. The result has the same bits for any number.

    Returns
    -------
    ndarray of uint8, shape (n_samples, n_features)

    Raises
    ------
    ArgumentError
        If so many pixels do not make an image of ``shape``, or ``strength`` is negative or not finite.
    ValueError
        If ``X`` is not finite.

    Examples
    --------
    >>> from mnistlr import load_digits
    >>> from mnistlr.features import distort
    >>> X, y = load_digits()
    >>> distort(X, random_state=0).shape
    (1797, 64)
    """
    if not 0 <= strength < np.inf:
        raise ArgumentError(f"expected strength >= 0, such as 1, got {strength}.")
    X = check_array(X, accept_sparse="csr", dtype=TYPES, order="C")
    rows, columns = image_shape(X.shape[1], shape)
    full, random = full_ink(X), check_random_state(random_state)
    grid = [read_only(windows(side, PLACES)) for side in (rows, columns)]
    out = np.empty(X.shape, np.uint8)
    n_threads = count_threads(n_jobs)
    for start in range(0, len(out), PIECE):
        n = min(PIECE, len(out) - start)
        numbers = draw(n, strength, (rows, columns), random)

        def work(chunk: int, start: int = start, numbers: Numbers = numbers) -> None:
            part = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
            there = slice(start + part.start, min(start + part.stop, start + PIECE))
            images = read_only(as_pixels(X[there], full).reshape(-1, rows, columns))
            bend = np.zeros((2, PLACES))
            distort_images(images, *(array[part] for array in numbers), *grid, bend, out[there].reshape(images.shape))

        run_chunks(work, -(-n // CHUNK), n_threads)
    return out
