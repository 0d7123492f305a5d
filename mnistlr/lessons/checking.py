"""The check of an exercise: it says right, or in a sentence what is off, and never stops the notebook."""

import copy
import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mnistlr.exceptions import ArgumentError

SOLUTION = "The lesson goes on with its own answer."
FEW = 6  # numbers that fit into a sentence


@dataclass(frozen=True)
class Exercise:
    """What an answer is compared with.

    Attributes
    ----------
    solution : callable
        What the reader's function has to do; for a question, a function of what ``check`` is given.
    right : str
        A sentence about what the reader has got.
    cases : tuple of tuples
        Arguments to compare on; empty for a question, whose answer is a value.
    mistakes : tuple of (callable, str)
        Answers that readers give, and a sentence for each.
    tolerance : float
        Relative, and absolute for numbers below 1.
    """

    solution: Callable[..., Any]
    right: str
    cases: tuple[tuple[Any, ...], ...] = ()
    mistakes: tuple[tuple[Callable[..., Any], str], ...] = ()
    tolerance: float = 1e-6


def check(name: str, answer: Any, *given: Any) -> Any:
    """Print whether an answer is right, or what is off.

    Parameters
    ----------
    name : str
        That of the exercise.
    answer : callable or value
    *given
        What the answer to a question depends on.

    Returns
    -------
    callable or value
        The answer if it is right, else the lesson's own, so that the lesson can go on.

    Raises
    ------
    ArgumentError
        If there is no such exercise.
    """
    from mnistlr.lessons.exercises import EXERCISES

    if name not in EXERCISES:
        raise ArgumentError(f"expected the name of an exercise, one of {', '.join(EXERCISES)}, got {name!r}.")
    exercise = EXERCISES[name]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        fault = _fault_of_function(exercise, answer) if exercise.cases else _fault_of_value(exercise, answer, given)
    if fault is None:
        print(f"Right. {exercise.right}")
        return answer
    print(f"{fault}\n{SOLUTION}")
    return exercise.solution if exercise.cases else exercise.solution(*given)


def _fault_of_value(exercise: Exercise, answer: Any, given: tuple[Any, ...]) -> str | None:
    if answer is ...:
        return "Still open: replace the dots (...) by your answer, and run the cell again."
    expected = exercise.solution(*given)
    fault = _difference(answer, expected, exercise.tolerance)
    if fault is None:
        return None
    for mistake, sentence in exercise.mistakes:
        if _difference(answer, mistake(*given), exercise.tolerance) is None:
            return f"Not yet: {sentence}"
    return f"Not yet: your answer {fault}" if _shape(answer) != _shape(expected) else "Not yet: look again."


def _fault_of_function(exercise: Exercise, answer: Any) -> str | None:
    names = list(inspect.signature(exercise.solution).parameters)
    if answer is ...:
        return "Still open: put your function in place of the dots (...), and run the cell again."
    if not callable(answer):
        return f"Not yet: a function of {', '.join(names)} was expected, and this is {_in_words(answer)}."
    results = []
    for case in exercise.cases:
        try:
            results.append(answer(*copy.deepcopy(case)))
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
            return f"Not yet: with {_arguments(names, case)} your function stops with {told}."
        if results[-1] is ... or (isinstance(results[-1], tuple) and any(part is ... for part in results[-1])):
            return "Still open: replace the dots (...) by your lines, and run the cell again."
        if results[-1] is None:
            return "Not yet: your function returns nothing. Does it end with a `return`?"
    faults = [
        _difference(result, exercise.solution(*copy.deepcopy(case)), exercise.tolerance)
        for result, case in zip(results, exercise.cases, strict=True)
    ]
    if not any(faults):
        return None
    for mistake, sentence in exercise.mistakes:
        made = [mistake(*copy.deepcopy(case)) for case in exercise.cases]
        pairs = zip(results, made, strict=True)
        if all(_difference(result, wrong, exercise.tolerance) is None for result, wrong in pairs):
            return f"Not yet: {sentence}"
    case, fault = next((case, fault) for case, fault in zip(exercise.cases, faults, strict=True) if fault)
    return f"Not yet: with {_arguments(names, case)} the result {fault}"


def _difference(answer: Any, expected: Any, tolerance: float) -> str | None:
    """Return what is off, as the rest of a sentence about the answer, or None."""
    if isinstance(expected, tuple):
        if not isinstance(answer, tuple) or len(answer) != len(expected):
            return f"should be {len(expected)} values, separated by commas; it is {_in_words(answer)}."
        for place, (one, other) in enumerate(zip(answer, expected, strict=True), 1):
            fault = _difference(one, other, tolerance)
            if fault:
                return f"is off in its value number {place}, which {fault}"
        return None
    try:
        found, wanted = np.asarray(answer, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    except (TypeError, ValueError):
        return f"should be {_in_words(expected)}; it is {_in_words(answer)}."
    if found.shape != wanted.shape:
        return f"should be {_in_words(expected)}; it is {_in_words(answer)}."
    is_off = ~np.isclose(found, wanted, rtol=tolerance, atol=tolerance, equal_nan=True)
    if not is_off.any():
        return None
    if wanted.ndim == 0:
        return f"should be {wanted:.5g}, and is {found:.5g}."
    first = tuple(int(number) for number in np.argwhere(is_off)[0])
    where = ", ".join(map(str, first))
    return f"should have {wanted[first]:.5g} at [{where}], and has {found[first]:.5g} there."


def _shape(value: Any) -> tuple[int, ...] | None:
    try:
        return np.asarray(value, dtype=np.float64).shape
    except (TypeError, ValueError):
        return None


def _arguments(names: list[str], case: tuple[Any, ...]) -> str:
    return ", ".join(f"{name} = {_in_words(value)}" for name, value in zip(names, case, strict=True))


def _in_words(value: Any) -> str:
    """Return a short description of a value."""
    if isinstance(value, np.ndarray) and value.ndim:
        if value.ndim == 1 and value.size <= FEW:
            return f"[{', '.join(str(one) if isinstance(one, bool) else f'{one:.4g}' for one in value.tolist())}]"
        return f"an array of shape {value.shape}"
    if isinstance(value, list):
        return f"a list of length {len(value)}"
    if isinstance(value, bool | int | float | np.generic):
        return f"{value:.5g}" if isinstance(value, float | np.floating) else str(value)
    if isinstance(value, str):
        return f"the text {value!r}"
    if isinstance(value, tuple):
        return f"{len(value)} values"
    if callable(value):
        return f"the function {getattr(value, '__name__', 'without a name')}"
    return f"a value of the type {type(value).__name__}"
