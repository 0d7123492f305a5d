"""The numbers in a picture, with how sure the reader is of them."""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from mnistlr.images import Box, find_digits
from mnistlr.trained.quick import trained_reader

_BESIDE = 0.35  # of the lower one's height: digits of a line have so much in common, as in `mnistlr.images`


class Line(NamedTuple):
    """A line of digits."""

    text: str
    """What is written there, such as ``"2024"``. A gap that is as wide as the writing is high, and twice as wide as the
    gaps of the line usually are, is a space."""
    probabilities: tuple[float, ...]
    """Of each digit, that it is what was read."""
    boxes: tuple[Box, ...]
    """Of each digit, where it is, in pixels of the picture held upright."""
    doubts: tuple[tuple[str, ...], ...] = ()
    """Of each digit, what may have gone wrong in finding it, such as ``"ink touches the edge of the picture"``."""

    @property
    def probability(self) -> float:
        """That all digits of the line are what was read."""
        return float(np.prod(self.probabilities))

    def __str__(self) -> str:
        return self.text


def read_digits(picture: Any, *, reader: Any = None) -> list[Line]:
    """Read the digits in a photo or a drawing.

    Parameters
    ----------
    picture : path-like, bytes, binary file, PIL.Image.Image or array-like
        Dark on light or light on dark, of any size, grey or coloured, in any light. Files and Pillow's images need
        the extra ``images``. An array has shape (rows, columns) or, with colours, (rows, columns, 3 or 4), and black
        is 0; white is 1, 255 or what the type of integers has for it.
    reader : classifier, optional
        Fitted on images like MNIST's, shape (n, 784) of ``uint8``, with ``predict_proba`` and ``classes_``. By default
        the trained reader that comes with the package.

    Returns
    -------
    list of Line
        From top to bottom, at least one.

    Raises
    ------
    ImageError
        If it is no picture, or damaged, too large or empty.
    OSError
        If the file cannot be opened.
    MissingExtraError
        If Pillow is needed and not installed.

    Notes
    -----
    Whatever looks like pen strokes is read as digits, letters too. A picture on its side is not noticed.

    Examples
    --------
    >>> from mnistlr import read_digits
    >>> for line in read_digits("photo.jpg"):  # doctest: +SKIP
    ...     print(line.text, f"{line.probability:.0%}")
    2024 98%
    """
    reader = trained_reader() if reader is None else reader
    digits = find_digits(picture, reader=reader)
    probabilities = reader.predict_proba(np.array([digit.pixels.ravel() for digit in digits]))
    labels = [str(label) for label in reader.classes_[probabilities.argmax(axis=1)]]
    surest, boxes = probabilities.max(axis=1).tolist(), [digit.box for digit in digits]
    starts = [0, *(k for k, pair in enumerate(pairwise(boxes), 1) if not _continues(*pair)), len(boxes)]
    lines = []
    for start, end in pairwise(starts):
        of_line = boxes[start:end]
        text = labels[start] + "".join(
            space + label for space, label in zip(_spaces(of_line), labels[start + 1 : end], strict=True)
        )
        doubts = tuple(digit.doubts for digit in digits[start:end])
        lines.append(Line(text, tuple(surest[start:end]), tuple(of_line), doubts))
    return lines


def _continues(one: Box, other: Box) -> bool:
    """Return whether the next digit in reading order is in the same line."""
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    return other.left >= one.left and shared > _BESIDE * min(one.bottom - one.top, other.bottom - other.top)


def _spaces(boxes: list[Box]) -> list[str]:
    """Return what to write between the digits of a line."""
    height = np.median([box.bottom - box.top for box in boxes])
    gaps = [max(other.left - one.right, 0) for one, other in pairwise(boxes)]
    usual = sorted(gaps)[(len(gaps) - 1) // 2] if gaps else 0
    return [" " if gap >= max(height, 2 * usual) and gap > usual else "" for gap in gaps]
