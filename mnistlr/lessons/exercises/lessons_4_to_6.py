"""The exercises of lessons 4 to 6."""

from typing import Any

import numpy as np

from mnistlr._support.arrays import Array
from mnistlr.lessons.checking import Exercise
from mnistlr.lessons.exercises.common import IS_TWO, WEIGHTS, X, gradient, random

# --- Lesson 4 --------------------------------------------------------------------------------------------------------


def _step(weights: Array, bias: float, pictures: Array, is_two: Array, eta: float) -> Any:
    for_weights, for_bias = gradient(weights, bias, pictures, is_two)
    return weights - eta * for_weights, bias - eta * for_bias


LESSON_4 = {
    "SGD step": Exercise(
        _step,
        "A small step, against the gradient of a handful of pictures.",
        ((WEIGHTS, 0.5, X, IS_TWO, 0.1), (np.zeros(4), 0.0, X[:1], IS_TWO[:1], 2.0)),
        (
            (
                lambda w, b, pictures, is_two, eta: _step(w, b, pictures, is_two, -eta),
                "this goes along the gradient, which is uphill. Subtract.",
            ),
            (
                lambda w, b, pictures, is_two, eta: _step(w, b, pictures, is_two, 1.0),
                "the step size eta is missing: this subtracts the whole gradient.",
            ),
            (
                lambda w, b, pictures, is_two, eta: (_step(w, b, pictures, is_two, eta)[0], b),
                "the weights are right, but the bias has to move, too.",
            ),
        ),
    ),
    "running average": Exercise(
        lambda average, value, t: average + (value - average) / t,
        "You have the mean of all values, and never kept more than one.",
        ((0.0, 4.0, 1), (4.0, 7.0, 2), (5.0, 2.0, 3), (WEIGHTS, 2 * WEIGHTS, 10)),
        (
            (
                lambda average, value, t: (average + value) / 2,
                "this is half of each, whenever it comes. The value number t should count 1/t only.",
            ),
            (
                lambda average, value, t: average + value / t,
                "what counts is the distance to the old average: (value - average) / t.",
            ),
            (
                lambda average, value, t: average + (value - average) / (t + 1),
                "t counts from 1: the very first value should be taken over whole.",
            ),
        ),
    ),
    "largest step": Exercise(
        lambda X: 8 / ((X**2).sum(axis=1).max() + 1),
        "Safe even for the picture with the most ink.",
        ((X,), (10 * X,)),
        (
            (
                lambda X: 8 / ((X**2).sum(axis=1).mean() + 1),
                "this is safe for a picture with an average amount of ink, but not for every one.",
            ),
            (lambda X: 8 / (X**2).sum(axis=1).max(), "nearly. The bias moves, too: the 1 is missing."),
            (lambda X: 8 / ((X**2).sum(axis=1) + 1), "this is the limit for each picture. Which one suits them all?"),
            (
                lambda X: 8 / ((X**2).sum(axis=1).min() + 1),
                "this suits the picture with the least ink. The one with the most ink is the delicate one.",
            ),
            (lambda X: 8 / ((X**2).sum() + 1), "this adds up the ink of all pictures. Use axis=1, then the largest."),
        ),
    ),
}

# --- Lesson 5 --------------------------------------------------------------------------------------------------------


def _softmax(scores: Array) -> Array:
    brought = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Array = brought / brought.sum(axis=1, keepdims=True)
    return shares


def _gradient_for_ten(p: Array, y: Array, X: Array) -> Any:
    return (p - np.eye(10)[y]).T @ X / len(X)


def _count(y_true: Array, y_read: Array) -> Array:
    table = np.zeros((10, 10))
    np.add.at(table, (y_true, y_read), 1)
    return table


_TEN = random.normal(size=(6, 10))
_LARGE = np.array([[1000.0, 999.0, *[0.0] * 8], [-1000.0, -1000.0, *[-1001.0] * 8]])
_Y = np.array([3, 1, 4, 1, 5, 9])

LESSON_5 = {
    "softmax": Exercise(
        _softmax,
        "The ten shares add up to 1, whatever the scores.",
        ((_TEN,), (_LARGE,)),
        (
            (
                lambda scores: np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True),
                "right for small scores, but for scores of 1000 the powers get too large. First subtract the largest "
                "score of each row.",
            ),
            (
                lambda scores: _softmax(scores.T).T,
                "your shares add up to 1 in each column. They should in each row, which is a picture: axis=1.",
            ),
            (
                lambda scores: np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum(axis=1, keepdims=True),
                "you subtract the largest score of all pictures. Subtract the largest of each row (axis=1), "
                "or nothing may be left of the others.",
            ),
            (
                lambda scores: np.exp(scores - scores.max(axis=1, keepdims=True)),
                "this is what each digit brings. Divide it by the sum of its row.",
            ),
        ),
    ),
    "gradient for ten": Exercise(
        _gradient_for_ten,
        "The same as for one digit, ten times at once.",
        ((_softmax(_TEN), _Y, X),),
        (
            (
                lambda p, y, X: len(X) * _gradient_for_ten(p, y, X),
                "this is the sum over all pictures. For the mean, divide by len(X).",
            ),
            (
                lambda p, y, X: -_gradient_for_ten(p, y, X),
                "the sign is turned round: the error is probability minus truth.",
            ),
            (
                lambda p, y, X: _gradient_for_ten(p, y, X).T,
                "all numbers are there, but rows and columns are exchanged: one row a digit, one column a pixel.",
            ),
            (
                lambda p, y, X: p.T @ X / len(X),
                "the truth is missing: the error is p - np.eye(10)[y].",
            ),
        ),
    ),
    "confusion matrix": Exercise(
        _count,
        "Every answer has its cell. What is off the diagonal is a mistake.",
        ((_Y, np.array([3, 7, 9, 1, 5, 4])), (_Y, _Y)),
        (
            (
                lambda y_true, y_read: _count(y_read, y_true),
                "rows and columns are exchanged: the row is what a digit is, the column what it was taken for.",
            ),
            (
                lambda y_true, y_read: _count(y_true, y_read) > 0,
                "this marks the cells that occur. Count how often: add 1 each time.",
            ),
            (
                lambda y_true, y_read: _count(y_true, y_read) / len(y_true),
                "these are shares of all pictures. Return the counts themselves.",
            ),
        ),
    ),
}

# --- Lesson 6 --------------------------------------------------------------------------------------------------------


def _penalise(loss: float, gradient: Array, weights: Array, alpha: float) -> Any:
    return loss + alpha / 2 * (weights**2).sum(), gradient + alpha * weights


LESSON_6 = {
    "penalty": Exercise(
        _penalise,
        "Now a weight has to be worth its price.",
        ((0.5, X[0], WEIGHTS, 0.1), (0.7, X[1], 3 * WEIGHTS, 2.0), (0.3, X[2], WEIGHTS, 0.0)),
        (
            (
                lambda loss, gradient, weights, alpha: (
                    loss + alpha * (weights**2).sum(),
                    gradient + alpha * weights,
                ),
                "the gradient is right. In the value, the one half is missing: alpha / 2.",
            ),
            (
                lambda loss, gradient, weights, alpha: (
                    loss + alpha / 2 * (weights**2).sum(),
                    gradient + 2 * alpha * weights,
                ),
                "the value is right. In the gradient, the one half of alpha / 2 takes away the 2.",
            ),
            (
                lambda loss, gradient, weights, alpha: (
                    loss + alpha * (weights**2).sum(),
                    gradient + 2 * alpha * weights,
                ),
                "value and gradient fit together, but the price is twice what was agreed: alpha / 2 times the squares.",
            ),
            (
                lambda loss, gradient, weights, alpha: (loss + alpha / 2 * (weights**2).sum(), gradient),
                "the value is right. But the price has a slope, too: alpha * weights.",
            ),
            (
                lambda loss, gradient, weights, alpha: (
                    loss + alpha / 2 * (weights**2).sum(),
                    gradient - alpha * weights,
                ),
                "the value is right. In the gradient, the price is added: it makes the slope away from zero steeper.",
            ),
            (
                lambda loss, gradient, weights, alpha: (
                    loss + alpha / 2 * np.abs(weights).sum(),
                    gradient + alpha * weights,
                ),
                "the gradient is right. In the value, the weights are squared.",
            ),
        ),
    ),
    "choose alpha": Exercise(
        lambda alphas, surprises: alphas[surprises == surprises.min()].max(),
        "Chosen by pictures that it had not seen, and the simplest of the best.",
        (
            (np.array([0.1, 1.0, 10.0]), np.array([0.3, 0.2, 0.4])),
            (np.array([0.5, 5.0, 50.0, 500.0]), np.array([0.3, 0.2, 0.2, 0.5])),
        ),
        (
            (
                lambda alphas, surprises: alphas[surprises.argmin()],
                "nearly: if two have equally little surprise, this takes the smaller alpha. Take the larger.",
            ),
            (lambda alphas, surprises: surprises.min(), "this is the surprise itself. Return the alpha that had it."),
            (
                lambda alphas, surprises: surprises.argmin(),
                "this is a place in the list. Return the alpha there.",
            ),
            (lambda alphas, surprises: alphas[surprises.argmax()], "this one is surprised the most."),
        ),
    ),
}
