"""The walk-through is made of chapters, and chapters of exhibits, each with the code that makes it.

The terminal runs the code and prints what it found. The page runs the same code and shows its pictures. The notebook
holds it for its reader to run. There is no other telling of the story, so the three cannot drift apart.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlr.datasets.named import NamedData
from mnistlr.metrics import ClassificationSummary

DIGIT = 2  # the digit to detect
MNIST_EXAMPLE = 36001  # an image of it

Names = dict[str, Any]
"""The variables that the code has set so far."""


@dataclass(frozen=True)
class Table:
    """Rows of cells under headings; the first column holds names, the others numbers."""

    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]


Block = str | Table | ClassificationSummary | NDArray[np.uint8]
"""A line of text, a table, a confusion matrix, or an image of shape (rows, columns)."""


@dataclass(frozen=True)
class About:
    """The facts about a data set that its code depends on.

    Attributes
    ----------
    name, title : str
        As in `NamedData`.
    folder : str or None
        Where MNIST is to be read from, if that was said.
    example : int
        The index of the image that the walk-through follows.
    n_train, n_test : int
        How many images there are to train and to test on.
    seed : int
        Of the shuffle and of the training.
    """

    name: str
    title: str
    folder: str | None
    example: int
    n_train: int
    n_test: int
    seed: int

    @classmethod
    def of(cls, data: NamedData, *, folder: str | None = None, seed: int = 42) -> "About":
        """Look at the data."""
        example = MNIST_EXAMPLE if data.name == "mnist" else data.first_image_of(DIGIT)
        return cls(data.name, data.title, folder, example, len(data.y_train), len(data.y_test), seed)


@dataclass(frozen=True)
class Seen:
    """A description of an exhibit, on the data at hand.

    Attributes
    ----------
    text : str
        A sentence or two.
    alt : tuple of str
        Each picture in words, for readers who cannot see it.
    """

    text: str
    alt: tuple[str, ...]


@dataclass(frozen=True)
class Live:
    """The numbers with which the page lets an exhibit move. Without its script the pictures of the exhibit stay.

    Attributes
    ----------
    kind : {"training", "threshold", "matrix"}
        The file in ``templates/live`` that shows it.
    data : dict
        Numbers, texts and lists, for JSON; arrays as `packed` returns them.
    """

    kind: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Exhibit:
    """One thing to look at: lines of code, a picture or two, and what there is to see.

    Attributes
    ----------
    name : str
        Unique in the walk-through; the page links to it.
    title : str
    code : str
        The lines of Python that compute. They set variables for the exhibits that follow.
    drawing : str
        The lines that draw, on the page and in the notebook. The value of their last expression is shown, and what
        they ``display``.
    how_to_read : str
        Explains the picture; true of any data.
    look : callable
        Describes what there is to see, given the variables after the code has run.
    in_words : callable, optional
        Returns what the terminal shows, given the same variables. An exhibit without it is for the page only.
    live : callable, optional
        Returns what the page's script shows in place of the pictures, given the same variables.
    """

    name: str
    title: str
    code: str
    drawing: str
    how_to_read: str
    look: Callable[[Names], Seen]
    in_words: Callable[[Names], list[Block]] | None = None
    live: Callable[[Names], Live] | None = None

    @property
    def cell(self) -> str:
        """All lines, as a cell of a notebook has them."""
        return "\n".join(filter(None, (self.code, self.drawing)))


@dataclass(frozen=True)
class Chapter:
    """Exhibits under a title, after a paragraph that leads to them.

    Attributes
    ----------
    name, title, introduction : str
    exhibits : list of Exhibit
    equations : tuple of (str, str)
        Formulas, each with the same in plain words; for the page and the notebook.
    """

    name: str
    title: str
    introduction: str
    exhibits: list[Exhibit] = field(default_factory=list)
    equations: tuple[tuple[str, str], ...] = ()


def packed(array: NDArray[Any]) -> str:
    """Return the bytes of an array, little-endian, in base64: a tenth of the same numbers in JSON."""
    return base64.b64encode(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()).decode()


def percent(share: float | np.floating[Any], digits: int = 1) -> str:
    """Write a share as a percentage; equal shares alike, however they were computed."""
    return f"{round(100 * share, 9):.{digits}f} %"


def prose(text: str) -> str:
    """Join the lines of a text into one."""
    return " ".join(text.split())
