"""The exercises of lessons 1 to 3."""

from typing import Any

import numpy as np

from mnistlr._support.arrays import Array
from mnistlr.lessons.checking import Exercise
from mnistlr.lessons.exercises.common import IS_TWO, SCORES, WEIGHTS, P, X, gradient, sigmoid

# --- Lesson 1 --------------------------------------------------------------------------------------------------------


def _bias(scores: Array, is_two: Array) -> Any:
    return -(scores[is_two].mean() + scores[~is_two].mean()) / 2


LESSON_1 = {
    "score": Exercise(
        lambda picture, weights: (picture * weights).sum(),
        "Every pixel has voted, and the votes are counted.",
        ((X[0], WEIGHTS), (X[1], WEIGHTS), (np.zeros(4), WEIGHTS)),
        (
            (lambda picture, weights: picture * weights, "these are the votes, one a pixel. Now add them up."),
            (lambda picture, weights: (picture * weights).mean(), "this is the mean vote. The score is their sum."),
            (
                lambda picture, weights: weights[picture > 0].sum(),
                "this adds the weights where there is ink. A darker pixel votes louder: multiply by its ink.",
            ),
            (lambda picture, weights: (picture + weights).sum(), "ink and weight are multiplied, not added."),
        ),
    ),
    "bias": Exercise(
        _bias,
        "Zero now lies half-way between the two hills.",
        ((SCORES, SCORES > 1), (SCORES + 5, SCORES > 1)),
        (
            (
                lambda scores, is_two: -_bias(scores, is_two),
                "this is the point half-way. What has to be added to it to get zero?",
            ),
            (
                lambda scores, is_two: -scores.mean(),
                "this is the mean of all scores. There are more others than twos, so they pull it to their side. "
                "Take the two means first.",
            ),
            (lambda scores, is_two: 2 * _bias(scores, is_two), "half-way is the sum of the two means, divided by 2."),
        ),
    ),
    "blank page": Exercise(
        lambda bias: bias,
        "With no ink there are no votes, and only the bias is left.",
        mistakes=((lambda bias: 0.0, "no pixel votes, that is true. But something else is added to every score."),),
    ),
}

# --- Lesson 2 --------------------------------------------------------------------------------------------------------


def _loss(p: Array, is_two: Array) -> Any:
    return -np.log(np.where(is_two, p, 1 - p))


LESSON_2 = {
    "probability": Exercise(
        sigmoid,
        "A score of 0 is 50 %, and each point more multiplies the odds by 2.7.",
        ((0.0,), (2.0,), (-2.0,), (SCORES,)),
        (
            (lambda score: np.exp(score), "these are the odds. The probability is odds / (odds + 1)."),
            (
                lambda score: 1 / (1 + np.exp(score)),
                "this is the probability of the opposite. The sign of the score is turned round.",
            ),
            (lambda score: score / (score + 1), "the odds are np.exp(score), not the score itself."),
        ),
    ),
    "log-odds": Exercise(
        lambda probability: np.log(probability / (1 - probability)),
        "90 % is a score of 2.2. And 99 % is only 4.6.",
        ((0.9,), (0.5,), (np.array([0.01, 0.2]),)),
        (
            (lambda probability: probability / (1 - probability), "these are the odds. The score is their logarithm."),
            (
                lambda probability: np.log(probability),
                "this is the logarithm of the probability. Make odds of it first: probability / (1 - probability).",
            ),
            (
                lambda probability: np.log((1 - probability) / probability),
                "these odds are upside down: for 90 % they should be 9, not 1/9.",
            ),
            (
                lambda probability: np.log10(probability / (1 - probability)),
                "this is the logarithm to base 10. The one that undoes np.exp is np.log.",
            ),
        ),
    ),
    "loss": Exercise(
        _loss,
        "What is certain does not surprise, and what was thought impossible surprises without end.",
        ((P, IS_TWO), (P, ~IS_TWO)),
        (
            (
                lambda p, is_two: -np.log(p),
                "this is the surprise if every picture is a 2. For the others, the truth had the probability 1 - p.",
            ),
            (lambda p, is_two: -_loss(p, is_two), "the sign is turned round. A surprise is never below zero."),
            (
                lambda p, is_two: -np.log(np.where(is_two, 1 - p, p)),
                "this is the surprise about the opposite of the truth. Exchange the two.",
            ),
            (lambda p, is_two: _loss(p, is_two).mean(), "this is the mean. Return one number for each picture."),
            (lambda p, is_two: _loss(p, is_two) / np.log(2), "these are bits. Use np.log, not np.log2."),
        ),
    ),
}

# --- Lesson 3 --------------------------------------------------------------------------------------------------------


PATIENCE = 1000


def _square(place: float) -> float:
    return place * place


def _cube(place: float) -> float:
    return place**3


class _Valley:
    """A loss along a line. It stops a loop that does not end."""

    __name__ = "(step - bottom) ** 2"

    def __init__(self, bottom: float) -> None:
        self.bottom, self.calls = bottom, 0

    def __call__(self, step: float) -> float:
        self.calls += 1
        if self.calls > PATIENCE:
            raise RuntimeError(f"the loss was computed {PATIENCE} times; does the loop make the step smaller?")
        return (step - self.bottom) ** 2


def _halve(loss_along: Any, first: float) -> float:
    while loss_along(first) >= loss_along(0):
        first /= 2
    return first


LESSON_3 = {
    "measured slope": Exercise(
        lambda function, place, width: (function(place + width) - function(place - width)) / (2 * width),
        "With this you can check any gradient.",
        ((_square, 3.0, 0.01), (_cube, 1.0, 0.1), (_cube, -2.0, 0.1)),
        (
            (
                lambda function, place, width: (function(place + width) - function(place - width)) / width,
                "twice too steep: from left to right it is 2 * width.",
            ),
            (
                lambda function, place, width: (function(place + width) - function(place)) / width,
                "close. You go only to the right of the place. Going to both sides is far more exact.",
            ),
            (
                lambda function, place, width: (function(place - width) - function(place + width)) / (2 * width),
                "the sign is turned round: right minus left.",
            ),
            (
                lambda function, place, width: function(place + width) - function(place - width) / 2 * width,
                "brackets are missing: Python divides before it subtracts, and / 2 * width multiplies by the width.",
            ),
            (
                lambda function, place, width: (function(place + width) - function(place - width)) / 2 * width,
                "brackets are missing: / 2 * width divides by 2 and then multiplies by the width.",
            ),
        ),
    ),
    "gradient": Exercise(
        gradient,
        "Error times ink, averaged over the pictures: this line is the heart of the method.",
        ((WEIGHTS, 0.5, X, IS_TWO), (np.zeros(4), 0.0, X, IS_TWO)),
        (
            (
                lambda *a: tuple(len(a[2]) * part for part in gradient(*a)),
                "this is the sum over all pictures. For the mean, divide by len(X).",
            ),
            (
                lambda *a: (len(a[2]) * gradient(*a)[0], gradient(*a)[1]),
                "the bias is right. For the weights you have the sum over all pictures: divide by len(X).",
            ),
            (
                lambda *a: (gradient(*a)[0], len(a[2]) * gradient(*a)[1]),
                "the weights are right. For the bias you have the sum of the errors: take their mean.",
            ),
            (
                lambda *a: tuple(-part for part in gradient(*a)),
                "the sign is turned round: the error is the probability minus the truth.",
            ),
            (
                lambda *a: (gradient(*a)[0], 0.0),
                "the weights are right. But the bias has a slope, too: the mean of the errors.",
            ),
        ),
    ),
    "line search": Exercise(
        _halve,
        "A bold step where the valley is wide, a small one where it is narrow.",
        ((_Valley(0.3), 8.0), (_Valley(3.0), 8.0), (_Valley(3.0), 1.0)),
        (
            (lambda loss_along, first: first, "this takes the first step in any case, even if it leads uphill."),
            (lambda loss_along, first: _halve(loss_along, first) / 2, "this halves the step once too often."),
            (
                lambda loss_along, first: first / 2 if loss_along(first) >= loss_along(0) else first,
                "this halves the step once. It may take several times: use a while loop.",
            ),
        ),
    ),
}
