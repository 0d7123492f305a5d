"""Redrawing: the same digits with another pen, to learn from as well.

MNIST's pens were soft, and their strokes are wide here and narrow there. Most people's pens draw a line that is as wide
everywhere. A redrawn image follows the same line with such a pen:

1. Enlarge the image ``FINE`` times, linearly. More than half of full ink is 1, all else 0.
2. Thin it to a line of single pixels (Zhang & Suen): take away ink at its edge, until nothing changes. With p2 to p9
   the pixels around one, clockwise from above, it goes if 2 to 6 of them are ink, if these hang together (going round,
   there is one step from paper to ink), and if it lies at the edge: in the first half of a round below or on the
   right, p2 p4 p6 = p4 p6 p8 = 0, in the second half above or on the left, p2 p4 p8 = p2 p6 p8 = 0.
3. With L the longer side of the digit and l that of the line, a pen of width w takes each point p of the line to

       p' = m + s (p - m_l) + t,    s = (L - w) / l.

   m and m_l are the middles of what digit and line take up, so that the digit stays as large as it was. t keeps its
   centre of mass where it was. A blot, whose line is shorter than half of it, is not stretched: s = 1.
4. The ink of a pixel whose middle is q is 1/2 + w/2 - min_p |q - p'|, at least 0 and at most 1.

w/L is a random number between ``NARROWEST`` and ``WIDEST``, as in the digits that `mnistlr.images` finds in photos. An
image of which no line is left, or a line too short to be seen, stays as it is.

Zhang & Suen, "A fast parallel algorithm for thinning digital patterns", Communications of the ACM 27 (1984).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array, check_random_state

from mnistlr._support.arrays import read_only
from mnistlr._support.threads import count_threads, run_chunks
from mnistlr.features.distortion import CHUNK, bilinear
from mnistlr.features.pixels import TYPES, as_pixels, full_ink, image_shape
from mnistlr.kernels.compiling import jit

FINE = 4
NARROWEST, WIDEST = 0.105, 0.17
"""Width of a stroke, as a share of the longer side."""


@jit
def enlarge(image, line):
    """Write the ink of ``image`` (rows, columns) to ``line`` (FINE rows + 2, FINE columns + 2), whose rim is paper.

    So far beyond the edge of the image less than half of its ink is left.
    """
    for y in range(line.shape[0]):
        for x in range(line.shape[1]):
            line[y, x] = bilinear(image, place(y), place(x)) > 127.5


@jit
def place(fine):
    """Return where the middle of an enlarged pixel lies between the middles of pixels, along one side."""
    return (fine - 0.5) / FINE - 0.5


@jit
def may_go(line, y, x, half):
    """Return whether a pixel can be taken away in this half of a round, 0 or 1."""
    p2, p3, p4, p5 = line[y - 1, x], line[y - 1, x + 1], line[y, x + 1], line[y + 1, x + 1]
    p6, p7, p8, p9 = line[y + 1, x], line[y + 1, x - 1], line[y, x - 1], line[y - 1, x - 1]
    n_ink = p2 + p3 + p4 + p5 + p6 + p7 + p8 + p9
    n_steps = int(p2 < p3) + int(p3 < p4) + int(p4 < p5) + int(p5 < p6) + int(p6 < p7) + int(p7 < p8)
    n_steps += int(p8 < p9) + int(p9 < p2)
    is_edge = p4 * p6 * (p2 + p8) == 0 if half == 0 else p2 * p8 * (p4 + p6) == 0
    return 2 <= n_ink <= 6 and n_steps == 1 and is_edge


@jit
def thin(line, points):
    """Thin ``line``, 1 on ink, in place; write its ``points`` (n, 2), rows and columns; return their number."""
    n_rows, n_columns = line.shape
    n_gone = 1
    while n_gone > 0:
        n_gone = 0
        for half in range(2):
            n = 0
            for y in range(1, n_rows - 1):
                for x in range(1, n_columns - 1):
                    if line[y, x] and may_go(line, y, x, half):
                        points[n, 0], points[n, 1] = y, x
                        n += 1
            for k in range(n):
                line[points[k, 0], points[k, 1]] = 0
            n_gone += n
    n = 0
    for y in range(n_rows):
        for x in range(n_columns):
            if line[y, x]:
                points[n, 0], points[n, 1] = y, x
                n += 1
    return n


@jit
def extent(line):
    """Return the first row and column with ink, and the last ones: top, left, bottom, right."""
    top, left, bottom, right = line.shape[0], line.shape[1], -1, -1
    for y in range(line.shape[0]):
        for x in range(line.shape[1]):
            if line[y, x]:
                top, left, bottom, right = min(top, y), min(left, x), max(bottom, y), max(right, x)
    return top, left, bottom, right


@jit
def centre_of_mass(image):
    """Return row and column; NaN of an empty image."""
    mass, row, column = 0.0, 0.0, 0.0
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            ink = float(image[y, x])
            mass += ink
            row += y * ink
            column += x * ink
    return row / mass, column / mass


@jit
def draw_line(points, scale, move_y, move_x, width, ink):
    """Write the ``ink`` (rows, columns) of a pen that goes to ``scale`` p + (``move_y``, ``move_x``); step 4."""
    ink[:] = 0
    reach = width / 2 + 0.5
    for k in range(len(points)):
        point_y, point_x = scale * points[k, 0] + move_y, scale * points[k, 1] + move_x
        for y in range(max(int(point_y - reach), 0), min(int(point_y + reach) + 2, ink.shape[0])):
            for x in range(max(int(point_x - reach), 0), min(int(point_x + reach) + 2, ink.shape[1])):
                away = np.sqrt((y - point_y) ** 2 + (x - point_x) ** 2)
                ink[y, x] = max(ink[y, x], min(reach - away, 1.0))


@jit
def draw(image, share, of_digit, of_line, points, ink):
    """Write the ``ink`` of a digit redrawn, steps 3 and 4; return whether there is any."""
    top, left, bottom, right = of_digit
    line_top, line_left, line_bottom, line_right = of_line
    longer, line_longer = max(bottom - top, right - left) + 1, max(line_bottom - line_top, line_right - line_left)
    width = share * longer
    scale = (longer - width) / line_longer if 2 * line_longer > longer else 1.0
    move_y = place((top + bottom) / 2) - scale / FINE * (line_top + line_bottom) / 2
    move_x = place((left + right) / 2) - scale / FINE * (line_left + line_right) / 2
    draw_line(points, scale / FINE, move_y, move_x, width / FINE, ink)
    wanted_y, wanted_x = centre_of_mass(image)
    drawn_y, drawn_x = centre_of_mass(ink)
    if np.isnan(drawn_y):
        return False
    draw_line(points, scale / FINE, move_y + wanted_y - drawn_y, move_x + wanted_x - drawn_x, width / FINE, ink)
    return True


@jit
def redraw_images(images, shares, line, points, ink, out):
    """Write the ``images`` (n, rows, columns), uint8, to ``out``, redrawn by pens of w = ``shares`` (n,) L.

    There has to be room for the enlarged image, ``line`` (FINE rows + 2, FINE columns + 2), for as many ``points``,
    (n, 2), and for ``ink`` (rows, columns).
    """
    for image in range(len(images)):
        enlarge(images[image], line)
        of_digit = extent(line)
        n = thin(line, points)
        is_drawn = n > 0 and draw(images[image], shares[image], of_digit, extent(line), points[:n], ink)
        for y in range(ink.shape[0]):
            for x in range(ink.shape[1]):
                out[image, y, x] = np.uint8(255 * ink[y, x] + 0.5) if is_drawn else images[image, y, x]


def redraw(X: Any, *, shape: Any = None, random_state: Any = None, n_jobs: int | None = None) -> NDArray[np.uint8]:
    """Return a redrawn copy of each image: the same digit, with a pen that is as wide everywhere.

    See :func:`add_copies` for what it is good for.

    Parameters
    ----------
    X : array-like or sparse matrix, shape (n_samples, n_features)
        An image in each row: 0 is paper, larger values are ink. ``uint8`` is taken as it is; in other types the largest
        value of all images is full ink.
    shape : (rows, columns) or None
        Of the images; one of them may be -1. None: they are square.
    random_state : int, RandomState or None
        Chooses the width of each pen.
    n_jobs : int or None
        Threads; None means all cores that the process may use. The result has the same bits for any number.

    Returns
    -------
    ndarray of uint8, shape (n_samples, n_features)
        An image without a line, a blot or a faint one, stays as it is.

    Raises
    ------
    ArgumentError
        If so many pixels do not make an image of ``shape``.
    ValueError
        If ``X`` is not finite.

    Examples
    --------
    >>> from mnistlr import load_digits
    >>> from mnistlr.features import redraw
    >>> X, y = load_digits()
    >>> redraw(X, random_state=0).shape
    (1797, 64)
    """
    X = check_array(X, accept_sparse="csr", dtype=TYPES, order="C")
    rows, columns = image_shape(X.shape[1], shape)
    full = full_ink(X)
    shares = read_only(check_random_state(random_state).uniform(NARROWEST, WIDEST, X.shape[0]))
    out = np.empty(X.shape, np.uint8)

    def work(chunk: int) -> None:
        part = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        images = read_only(as_pixels(X[part], full).reshape(-1, rows, columns))
        line = np.empty((FINE * rows + 2, FINE * columns + 2), np.uint8)
        room = line, np.empty((line.size, 2), np.int64), np.empty((rows, columns))
        redraw_images(images, shares[part], *room, out[part].reshape(images.shape))

    run_chunks(work, -(-len(out) // CHUNK), count_threads(n_jobs))
    return out
