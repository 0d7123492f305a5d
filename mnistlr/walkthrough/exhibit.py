"""What the report and the notebook are made of: chapters of exhibits, each with the code that makes it.

The report runs the code and shows what comes out; the notebook holds the same code for its reader to run. There is
no other drawing code, so that the two cannot drift apart.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mnistlr.datasets.named import NamedData
from mnistlr.walkthrough.tour import DIGIT, MNIST_EXAMPLE

__all__ = ["DIGIT", "About", "Chapter", "Exhibit", "Names", "Seen", "percent", "prose"]

Names = dict[str, Any]
"""The variables that the code has set so far."""


@dataclass(frozen=True)
class About:
    """What has to be known of a data set before its code can be written.

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
    """What there is to see in an exhibit, on the data at hand.

    Attributes
    ----------
    text : str
        A sentence or two.
    alt : tuple of str
        Each picture in words, for those who do not see it.
    """

    text: str
    alt: tuple[str, ...]


@dataclass(frozen=True)
class Exhibit:
    """A picture or two, or a table.

    Attributes
    ----------
    name : str
        What to find it by; unique in the report.
    title : str
    code : str
        The lines of Python that make it; what their last expression gives, or what they ``display``, is shown.
    how_to_read : str
        What is drawn: true of any data.
    look : callable
        Says what there is to see, given the variables after the code has run.
    is_dense : bool
        Whether the picture is full of small numbers, so that it should rather be scrolled than shrunk.
    """

    name: str
    title: str
    code: str
    how_to_read: str
    look: Callable[[Names], Seen]
    is_dense: bool = False


@dataclass(frozen=True)
class Chapter:
    """Exhibits under a title, after a paragraph that leads to them."""

    name: str
    title: str
    introduction: str
    exhibits: list[Exhibit] = field(default_factory=list)


def percent(share: float | np.floating[Any], digits: int = 1) -> str:
    """Write a share as a percentage; equal shares alike, however they were computed."""
    return f"{round(100 * share, 9):.{digits}f} %"


def prose(text: str) -> str:
    """Join the lines of a text into one."""
    return " ".join(text.split())
