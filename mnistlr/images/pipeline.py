"""Turn a photo or a drawing into images of 28x28 pixels like MNIST's.

``reading`` decodes the picture, ``ink`` finds what is written on it, ``pieces`` tells several digits apart,
``strokes`` evens out the width of the pen, ``normalise`` makes 28x28 pixels of a digit.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnistlr._support.arrays import Floats
from mnistlr.exceptions import ImageError
from mnistlr.images.ink import find_ink
from mnistlr.images.normalise import normalise
from mnistlr.images.pieces import (
    Box,
    count_tall,
    cut_out,
    height_of_writing,
    in_reading_order,
    join,
    separate,
    touches_edge,
    without_neighbours,
)
from mnistlr.images.reading import read_picture
from mnistlr.images.strokes import even_out
from mnistlr.images.touching import split


class Digit(NamedTuple):
    """One of the digits of a picture."""

    pixels: NDArray[np.uint8]
    """Shape (28, 28), as MNIST: 0 is paper, 255 is ink."""
    box: Box
    """Where it is in the picture, in pixels of the picture held upright."""
    strokes: Floats
    """Its ink, from 0 to 1, with strokes that are not much thinner or thicker than MNIST's."""
    doubts: tuple[str, ...] = ()
    """What may have gone wrong in finding it, such as ``"ink touches the edge of the picture"``."""


class Steps(NamedTuple):
    """What becomes of a picture, stage by stage. The arrays have shape (rows, columns), at most 500 a side."""

    grey: Floats
    """The picture without colours: 0 is dark, 1 is light."""
    paper: Floats
    """How light the paper would be without the ink."""
    contrast: Floats
    """How far the picture differs from its paper towards the ink, from 0 to 1."""
    removed: Floats
    """Printed lines that were taken away, in the same units; 0 elsewhere."""
    ink: Floats
    """Ink, whatever the light: 0 is paper, 1 is ink."""
    digits: list[Digit]
    """The result."""


def to_mnist(picture: Any) -> NDArray[np.uint8]:
    """Turn a photo or a drawing of one digit into an image of 28x28 pixels like MNIST's.

    Parameters
    ----------
    picture : path-like, bytes, binary file, PIL.Image.Image or array-like
        Dark on light or light on dark, of any size, grey or coloured, in any light. Files and Pillow's images need
        the extra ``images``. An array has shape (rows, columns) or, with colours, (rows, columns, 3 or 4), and black
        is 0; white is 1, 255 or what the type of integers has for it. A single channel, (rows, columns, 1), or a batch
        of one, (1, rows, columns), will do.

    Returns
    -------
    ndarray of uint8, shape (28, 28)
        0 is paper, 255 is ink; ``pixels.reshape(1, -1)`` is a sample for ``predict``.

    Raises
    ------
    ImageError
        If it is no picture, or damaged, larger than 50 million pixels or empty, or if several digits stand side by side
        in it.
    OSError
        If the file cannot be opened.
    MissingExtraError
        If Pillow is needed and not installed.

    See Also
    --------
    find_digits : All digits of a picture.
    trace : The stages in between.

    Notes
    -----
    A picture on its side is not noticed: a digit that lies on its side can be another one that stands.
    """
    return trace(picture).digits[0].pixels


def find_digits(picture: Any, *, reader: Any = None) -> list[Digit]:
    """Find all digits of a picture, line by line, left to right.

    Digits that touch are taken for one, unless a ``reader`` helps to split them. A picture on its side is not noticed.

    Parameters
    ----------
    picture : path-like, bytes, binary file, PIL.Image.Image or array-like
        As for `to_mnist`.
    reader : classifier, optional
        Fitted on images like MNIST's, shape (n, 784), with ``predict_proba``: digits that touch are split where it is
        surer of the parts than of the whole.

    Returns
    -------
    list of Digit
        At least one.

    Raises
    ------
    ImageError, OSError, MissingExtraError
        As `to_mnist`.
    """
    return trace(picture, find_all=True, reader=reader).digits


def trace(picture: Any, *, find_all: bool = False, reader: Any = None) -> Steps:
    """Do what `to_mnist` does, or `find_digits`, and keep every stage.

    Parameters
    ----------
    picture : path-like, bytes, binary file, PIL.Image.Image or array-like
        As for `to_mnist`.
    find_all : bool
        Whether to tell several digits apart; else all ink is taken for one digit.
    reader : classifier, optional
        As for `find_digits`.

    Returns
    -------
    Steps

    Raises
    ------
    ImageError, OSError, MissingExtraError
        As `to_mnist`.
    """
    light, shape = read_picture(picture)
    were_split: list[Box] = []
    grey, paper, contrast, removed, ink = find_ink(light)
    found = separate(ink)
    if find_all:
        found = _split(found, reader, were_split) if reader is not None else found
    else:
        found = without_neighbours(found, ink.shape)
        n_digits = count_tall(found)
        if n_digits > 1:
            advice = "; find_digits (--all) tells them apart."
            if touches_edge(found, ink.shape):  # what is cut off may be no digit at all
                advice = ", some of them cut off by the picture's edge; crop the picture to one digit."
            raise ImageError(f"expected one digit, found {n_digits} side by side{advice}")
        found = [join(found)]
    scale = np.tile(np.divide(shape[:2], ink.shape), 2)
    digits = []
    for part, box in found:
        strokes = even_out(part)
        place = Box(*np.rint(box * scale).astype(int).tolist())
        doubts = {
            "ink touches the edge of the picture": touches_edge([(part, box)], ink.shape),
            "printed lines were taken away from it": removed[box.top : box.bottom, box.left : box.right].any(),
            "it was cut from what it touches": box in were_split,
        }
        digits.append(
            Digit(normalise(strokes), place, strokes, tuple(doubt for doubt, is_so in doubts.items() if is_so))
        )
    return Steps(grey, paper, np.clip(contrast, 0, 1), np.clip(removed, 0, 1), ink, digits)


def _split(found: list[tuple[Floats, Box]], reader: Any, were_split: list[Box]) -> list[tuple[Floats, Box]]:
    """Split the digits that touch, and note which."""

    def sureness(parts: list[Floats]) -> Floats:
        pixels = np.array([normalise(even_out(cut_out(part)[0])).ravel() for part in parts])
        surest: Floats = reader.predict_proba(pixels).max(axis=1)
        return surest

    height, digits = height_of_writing(found), []
    for piece, place in found:
        parts = split(piece, height, sureness)
        for part in parts:
            cut, box = cut_out(part)
            digits.append((cut, Box(*np.add(box, (place.top, place.left) * 2).tolist())))
            were_split += [digits[-1][1]] * (len(parts) > 1)
    return in_reading_order(digits)
