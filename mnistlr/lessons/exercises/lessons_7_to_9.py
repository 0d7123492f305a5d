"""The exercises of lessons 7 to 9."""

from typing import Any

import numpy as np

from mnistlr._support.arrays import Array
from mnistlr.lessons.checking import Exercise
from mnistlr.lessons.exercises.common import P, X, random

# --- Lesson 7 --------------------------------------------------------------------------------------------------------


def _hessian(p: Array, F: Array, alpha: float) -> Array:
    table: Array = F.T @ ((p * (1 - p))[:, None] * F) / len(F) + alpha * np.eye(F.shape[1])
    return table


_TABLE = np.array([[2.0, 0.5], [0.5, 1.0]])

LESSON_7 = {
    "Hessian": Exercise(
        _hessian,
        "This table knows how the valley bends in every direction.",
        ((P, X, 0.1), (P[::-1], X[:, :2], 0.0)),
        (
            (
                lambda p, F, alpha: (
                    len(F) * (_hessian(p, F, alpha) - alpha * np.eye(F.shape[1])) + alpha * np.eye(F.shape[1])
                ),
                "this is the sum over all pictures. For the mean, divide by len(F).",
            ),
            (
                lambda p, F, alpha: _hessian(p, F, 0.0),
                "the penalty bends the valley, too: alpha * np.eye(F.shape[1]) is missing.",
            ),
            (
                lambda p, F, alpha: _hessian(p, F, 0.0) + alpha,
                "alpha belongs only where row and column are the same: multiply it by np.eye(F.shape[1]).",
            ),
            (
                lambda p, F, alpha: F.T @ F / len(F) + alpha * np.eye(F.shape[1]),
                "every picture counts with p * (1 - p), and that is missing.",
            ),
            (
                lambda p, F, alpha: F.T @ (p[:, None] * F) / len(F) + alpha * np.eye(F.shape[1]),
                "every picture counts with p * (1 - p), not with p.",
            ),
        ),
    ),
    "felt curvature": Exercise(
        lambda move, change: (move @ change) / (move @ move),
        "Two slopes, and no table.",
        ((np.array([1.0, 2.0]), np.array([0.5, 0.25])), (np.array([-0.3, 0.1, 0.2]), np.array([-1.0, 2.0, 0.5]))),
        (
            (lambda move, change: move @ change, "this grows with the length of the move. Divide by move @ move."),
            (
                lambda move, change: (move @ change) / np.sqrt(move @ move),
                "nearly. The length of the move counts twice: divide by move @ move, without the root.",
            ),
            (
                lambda move, change: change / move,
                "this looks at each weight alone. Add up first: (move @ change) / (move @ move).",
            ),
            (
                lambda move, change: np.sqrt((change @ change) / (move @ move)),
                "only the part of the change that points along the move counts: move @ change.",
            ),
        ),
    ),
    "Newton step": Exercise(
        lambda w, gradient, hessian: w - np.linalg.solve(hessian, gradient),
        "Straight to the bottom, if the valley is a parabola.",
        ((np.array([1.0, 2.0]), np.array([0.5, -1.0]), _TABLE), (np.zeros(2), np.array([1.0, 1.0]), 3 * _TABLE)),
        (
            (
                lambda w, gradient, hessian: w - gradient,
                "this is plain gradient descent. Solve with the Hessian.",
            ),
            (
                lambda w, gradient, hessian: w + np.linalg.solve(hessian, gradient),
                "this goes uphill. Subtract the step.",
            ),
            (lambda w, gradient, hessian: np.linalg.solve(hessian, gradient), "this is the step. Subtract it from w."),
            (
                lambda w, gradient, hessian: w - hessian @ gradient,
                "this multiplies by the Hessian. One has to divide, so to speak: np.linalg.solve.",
            ),
            (
                lambda w, gradient, hessian: w - gradient / np.diag(hessian),
                "this looks at each weight alone. The other entries of the table matter, too: np.linalg.solve.",
            ),
        ),
    ),
}

# --- Lesson 8 --------------------------------------------------------------------------------------------------------


def _skip(x: Array, by_pixel: Array, b: Array) -> Array:
    has_ink = x != 0
    scores: Array = b + x[has_ink] @ by_pixel[has_ink]
    return scores


_SPARSE = np.array([0.0, 0.5, 0.0, 1.0])
_BY_PIXEL = np.round(random.normal(size=(4, 10)), 2)
_POISONED = np.where(_SPARSE[:, None] != 0, _BY_PIXEL, np.nan)  # NaN times 0 is NaN
_B = np.arange(10.0)

LESSON_8 = {
    "skip the blanks": Exercise(
        _skip,
        "And blank paper costs nothing any more.",
        ((X[0], _BY_PIXEL, _B), (_SPARSE, _BY_PIXEL, _B), (_SPARSE, _POISONED, _B)),
        (
            (
                lambda x, by_pixel, b: x @ by_pixel + b,
                "the scores are right, but you multiply with the weights of blank pixels, too. (The check puts "
                "not-a-number there, and it came out.)",
            ),
            (lambda x, by_pixel, b: _skip(x, by_pixel, 0 * b), "the biases are missing: begin with b.copy()."),
            (
                lambda x, by_pixel, b: b + by_pixel[x != 0].sum(axis=0),
                "you add the weights as they are. Multiply them by the ink, x[j].",
            ),
            (lambda x, by_pixel, b: b.copy(), "these are the biases alone. The loop is missing."),
        ),
    ),
}

# --- Lesson 9 --------------------------------------------------------------------------------------------------------


def _slant(image: Array, powers: tuple[int, int] = (0, 2)) -> Any:
    y, x = np.indices(image.shape)
    y_0, x_0 = (image * y).sum() / image.sum(), (image * x).sum() / image.sum()
    below = (x - x_0) ** powers[0] * (y - y_0) ** powers[1]
    return (image * (x - x_0) * (y - y_0)).sum() / (image * below).sum()


def _slopes(smoothed: Array) -> Any:
    return smoothed[1:-1, 2:] - smoothed[1:-1, :-2], smoothed[2:, 1:-1] - smoothed[:-2, 1:-1]


_STROKE = np.eye(6)[:, ::-1] + 0.5 * np.eye(6, k=1)
_SPOTS = np.round(random.random((5, 7)), 2)

LESSON_9 = {
    "slant": Exercise(
        lambda image: _slant(image),
        "So many pixels to the right for each row further down.",
        ((_STROKE,), (_SPOTS,), (100 * _SPOTS,)),
        (
            (
                lambda image: _slant(image, (2, 0)),
                "this divides by the spread to the sides. Divide by the spread up and down: (y - y_0) ** 2.",
            ),
            (lambda image: -_slant(image), "the sign is turned round."),
            (
                lambda image: _slant(image) * (image * (np.indices(image.shape)[0] - _middle(image)) ** 2).sum(),
                "this is the sum above the line. It has to be divided by the one below.",
            ),
        ),
    ),
    "slopes": Exercise(
        _slopes,
        "Two small subtractions, and the edges stand out.",
        ((_SPOTS,), (np.outer(np.arange(5.0), np.arange(4.0)),)),
        (
            (
                lambda smoothed: _slopes(smoothed)[::-1],
                "the two are exchanged: first right minus left, then below minus above.",
            ),
            (
                lambda smoothed: tuple(-part for part in _slopes(smoothed)),
                "the signs are turned round: right minus left, and below minus above.",
            ),
            (
                lambda smoothed: (_slopes(smoothed)[0], -_slopes(smoothed)[1]),
                "the first is right. The second is below minus above: rows are counted downwards.",
            ),
            (
                lambda smoothed: (
                    smoothed[1:-1, 2:] - smoothed[1:-1, 1:-1],
                    smoothed[2:, 1:-1] - smoothed[1:-1, 1:-1],
                ),
                "this subtracts the pixel itself. Subtract its neighbour on the other side.",
            ),
        ),
    ),
}


def _middle(image: Array) -> Any:
    return (image * np.indices(image.shape)[0]).sum() / image.sum()
