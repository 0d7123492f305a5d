"""What a walk-through is made of: steps of text, tables and pictures, for whoever draws them.

A step holds data, not drawings: the terminal, a page or a notebook each draw it their own way.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlr.metrics.summary import ClassificationSummary


@dataclass(frozen=True)
class Text:
    """A line of text; ``is_loud`` where it must not be overlooked."""

    text: str
    is_loud: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of cells under headings; the first column holds names, the others numbers."""

    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]


@dataclass(frozen=True)
class Picture:
    """An image of ink on paper: intensities 0 to 255, shape (rows, columns)."""

    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix with precision and recall of each class at its margins."""

    summary: ClassificationSummary


Block = Text | Table | Picture | Matrix


@dataclass(frozen=True)
class Step:
    """One step of a walk-through.

    Attributes
    ----------
    name : str
        What to find it by.
    title : str
    code : str
        The lines of Python that do the same.
    blocks : list of Block
        What there is to see.
    values : dict
        The results as numbers and arrays, by name.
    seconds : float
        What the step took.
    """

    name: str
    title: str
    code: str
    blocks: list[Block]
    values: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
