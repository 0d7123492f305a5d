"""How well scenes are read: a digit on a plain page, or a code of five, is compared with the same in other scenes."""

import contextlib
from typing import Any, NamedTuple

import numpy as np

from mnistlr import ImageError
from mnistlr.images import Digit, trace
from tests.helpers.scenes import SCENES, draw_scene

SEVERAL = [kind for kind in SCENES if kind.startswith(("code", "form", "lines", "pencil"))]
"""The kinds of which all digits are read; of the others one is."""
COUNTED = {"code touching": 0.8, "code overlapping": 0.5}
"""Kinds of which so many scenes have to be split into as many digits as they have."""


class Reading(NamedTuple):
    """What was read of a scene."""

    n_digits: int
    n_found: int
    """0 if it was refused."""
    n_right: int
    """0 if another number of digits was found."""


def draw(kind: str, X: np.ndarray, y: np.ndarray, seed: int) -> tuple[bytes, np.ndarray]:
    """Draw a scene with images chosen by the seed; return it and the labels to be read."""
    chosen = np.random.default_rng([seed, 7]).integers(len(y), size=SCENES[kind].n_digits)
    return draw_scene(kind, X[chosen].reshape(-1, 28, 28), seed), y[chosen if kind in SEVERAL else chosen[:1]]


def read_scene(reader: Any, kind: str, X: np.ndarray, y: np.ndarray, seed: int) -> Reading:
    """Draw a scene, and let a reader find and read its digits."""
    jpeg, labels = draw(kind, X, y, seed)
    found: list[Digit] = []
    with contextlib.suppress(ImageError):
        found = trace(jpeg, find_all=kind in SEVERAL, reader=reader).digits
    if len(found) != len(labels):
        return Reading(len(labels), len(found), 0)
    predicted = reader.predict(np.array([digit.pixels.ravel() for digit in found]))
    return Reading(len(labels), len(found), int((predicted == labels).sum()))


def share_right(readings: list[Reading]) -> float:
    """Return the share of digits that are read right."""
    return sum(one.n_right for one in readings) / sum(one.n_digits for one in readings)


def share_counted(readings: list[Reading]) -> float:
    """Return the share of scenes in which as many digits are found as there are."""
    return sum(one.n_found == one.n_digits for one in readings) / len(readings)
