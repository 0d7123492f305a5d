"""Redrawn copies: thinning by its definition, the pen by its equation, and what a copy keeps of the digit."""

import itertools

import numpy as np
import pytest
from scipy import ndimage

from mnistlr._support.arrays import read_only
from mnistlr.features.redrawing import (
    FINE,
    NARROWEST,
    WIDEST,
    centre_of_mass,
    draw_line,
    enlarge,
    extent,
    may_go,
    redraw_images,
    thin,
)
from mnistlr.images import strokes
from mnistlr.images.normalise import BOX

AROUND = [(-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1)]  # p2 to p9
EIGHT = np.ones((3, 3))  # ink hangs together across corners, paper does not


def goes(p, half):
    """Do what the article says about the pixels around one, p[2] to p[9]."""
    steps = sum(pair == (0, 1) for pair in itertools.pairwise([*p[2:], p[2]]))
    edges = ((2, 4, 6), (4, 6, 8)) if half == 0 else ((2, 4, 8), (2, 6, 8))
    return 2 <= sum(p[2:]) <= 6 and steps == 1 and all(any(p[k] == 0 for k in edge) for edge in edges)


def thinned(line):
    """Thin by the definition, pixel after pixel."""
    line = line.copy()
    while True:
        before = line.copy()
        for half in range(2):
            was = line.copy()
            for y, x in np.argwhere(was):
                if goes([None, None, *(int(was[y + dy, x + dx]) for dy, dx in AROUND)], half):
                    line[y, x] = 0
        if np.array_equal(line, before):
            return line


def redrawn(image, share):
    """Redraw one image with a pen as wide as this share of the digit's longer side."""
    line = np.empty((FINE * image.shape[0] + 2, FINE * image.shape[1] + 2), np.uint8)
    out = np.empty((1, *image.shape), np.uint8)
    points, ink = np.empty((line.size, 2), np.int64), np.empty(image.shape)
    redraw_images(read_only(image[None].copy()), read_only(np.array([share])), line, points, ink, out)
    return out[0]


@pytest.mark.parametrize("half", [0, 1])
def test_what_may_go_is_what_the_article_says(half):
    for around in itertools.product((0, 1), repeat=8):
        line = np.ones((3, 3), np.uint8)
        for (dy, dx), value in zip(AROUND, around, strict=True):
            line[1 + dy, 1 + dx] = value
        assert may_go(line, 1, 1, half) == goes([None, None, *around], half), around


def test_thinning_is_what_the_article_says():
    random = np.random.default_rng(0)
    blots = ndimage.gaussian_filter(random.normal(size=(6, 30, 40)), (0, 2, 2)) > 0.03
    for blot in np.pad(blots, ((0, 0), (1, 1), (1, 1))).astype(np.uint8):
        expected, points = thinned(blot), np.empty((blot.size, 2), np.int64)
        n = thin(blot, points)
        assert np.array_equal(blot, expected)
        assert np.array_equal(points[:n], np.argwhere(expected))


def test_enlarging_is_linear_and_leaves_a_rim():
    image = read_only(np.array([[0, 255], [0, 255]], np.uint8))
    line = np.full((2 * FINE + 2, 2 * FINE + 2), 9, np.uint8)
    enlarge(image, line)
    assert not line[0].any() and not line[:, 0].any() and not line[-1].any() and not line[:, -1].any()  # noqa: PT018
    assert np.array_equal(line[FINE, 1:-1], [0] * FINE + [1] * FINE)


def test_a_pen_draws_what_the_equation_says():
    points, ink = np.array([[3, 2], [3, 3], [4, 4], [30, 1]]), np.full((9, 12), np.nan)
    scale, move, width = 1.3, np.array([0.4, 2.6]), 1.9
    draw_line(points, scale, *move, width, ink)
    places = scale * points + move
    pixels = np.stack(np.indices(ink.shape), axis=-1)
    away = np.sqrt(((pixels[:, :, None] - places) ** 2).sum(axis=-1)).min(axis=2)
    np.testing.assert_allclose(ink, np.clip(0.5 + width / 2 - away, 0, 1), atol=1e-12)


SHARES = pytest.mark.parametrize("share", [NARROWEST, 0.14, WIDEST])


@SHARES
@pytest.mark.parametrize("place", [8, 9, 11])
def test_a_bar_is_drawn_by_the_pen_that_was_asked_for(share, place):
    """Ink across a stroke adds up to its width, less at most 0.05.

    The points of the line are 0.3 pixels apart at most, so a pixel at its edge, 0.55 away or more, is up to
    0.15^2 / (2 * 0.55) farther from the nearest point than from the line. Rounding makes 1/510 of a pixel.
    """
    bar = np.zeros((28, 28), np.uint8)
    bar[4:24, place : place + 4] = 255
    ink = redrawn(bar, share) / 255
    np.testing.assert_allclose(ink[10:18].sum(axis=1), share * 20, atol=0.05)
    np.testing.assert_allclose(centre_of_mass(ink), (13.5, place + 1.5), atol=0.02)


@SHARES
def test_a_copy_keeps_size_and_centre(mnist, share):
    """To how far a round pen of radius r seems to end short, in a column of pixels beside its tip.

    The column is up to 1/2 away. Its one pixel at the soft edge lies v along it, r - 1/2 or more, and so up to
    sqrt(v^2 + 1/4) - v farther from the tip.
    """
    for image in mnist.X_train[:100].reshape(-1, 28, 28):
        line = np.empty((FINE * 28 + 2, FINE * 28 + 2), np.uint8)
        enlarge(read_only(image), line)
        top, left, bottom, right = extent(line)
        longer = (max(bottom - top, right - left) + 1) / FINE
        ink, radius = redrawn(image, share) / 255, share * longer / 2
        drawn = max(ink.max(axis=axis).sum() for axis in range(2))
        short = np.sqrt((radius - 0.5) ** 2 + 1 / 4) - (radius - 0.5)
        assert longer - 2 * short - 0.02 <= drawn <= longer + 0.02
        np.testing.assert_allclose(centre_of_mass(image), centre_of_mass(ink), atol=0.25)


def test_pens_are_those_of_photos():
    np.testing.assert_allclose([NARROWEST, WIDEST], [strokes.THINNEST / BOX, strokes.THICKEST / BOX])


def test_what_leaves_no_line_stays_as_it_is():
    spot = np.zeros((8, 8), np.uint8)
    spot[2:6, 2:6] = 255 * np.clip(1.5 - np.hypot(*(np.indices((4, 4)) - 1.5)), 0, 1)  # one point, amid four pixels
    for image in (spot, np.full((5, 5), 100, np.uint8), np.zeros((5, 5), np.uint8), np.full((1, 1), 255, np.uint8)):
        assert np.array_equal(redrawn(image, NARROWEST), image)
    assert np.isnan(centre_of_mass(np.zeros((5, 5), np.uint8))).all()


def test_ink_may_lie_at_the_edge():
    image = np.zeros((6, 9), np.uint8)
    image[0] = image[:, 8] = 255
    copy = redrawn(image, 0.15)
    assert copy[0, :8].min() > 120
    assert copy[1:, 8].min() > 120
    assert not copy[3:, :6].any()


def test_a_dot_stays_a_dot():
    """Its line is two points long: stretched to the dot's size, it would be two dots."""
    dot = np.zeros((20, 20), np.uint8)
    dot[8:12, 8:13] = 255
    for share in (NARROWEST, WIDEST):
        assert ndimage.label(redrawn(dot, share), EIGHT)[1] == 1
