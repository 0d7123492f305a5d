"""What the check of an exercise says, in a sentence, and that it never stops the notebook."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mnistlr import ArgumentError
from mnistlr.lessons import check
from mnistlr.lessons.checking import SOLUTION, _arguments
from mnistlr.lessons.exercises import EXERCISES

INPUTS = _arguments(["picture", "weights"], EXERCISES["score"].cases[0])
SCORE = f"{EXERCISES['score'].solution(*EXERCISES['score'].cases[0]):.5g}"
QUESTIONS = {"blank page": (-7.25,)}
MISTAKES = [(name, *mistake) for name, exercise in EXERCISES.items() for mistake in exercise.mistakes]


def say(capsys: pytest.CaptureFixture[str], name: str, answer: Any, *given: Any) -> str:
    capsys.readouterr()
    check(name, answer, *given)
    out, err = capsys.readouterr()
    assert out.count("\n") == 1 + out.endswith(f"\n{SOLUTION}\n")
    assert err == ""
    return out.rstrip()


@pytest.mark.parametrize(("name", "mistake", "sentence"), MISTAKES)
def test_a_usual_mistake_is_recognised(
    name: str, mistake: Callable[..., Any], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = QUESTIONS.get(name, ())
    answer = mistake(*given) if given else mistake
    assert say(capsys, name, answer, *given) == f"Not yet: {sentence}\n{SOLUTION}"
    assert sentence.endswith((".", "?", ")"))


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (..., "Still open: put your function in place of the dots (...), and run the cell again."),
        (3.0, "Not yet: a function of picture, weights was expected, and this is 3."),
        (lambda picture, weights: ..., "Still open: replace the dots (...) by your lines, and run the cell again."),
        (lambda picture, weights: None, "Not yet: your function returns nothing. Does it end with a `return`?"),
        (
            lambda picture: 0.0,
            f"Not yet: with {INPUTS} your function stops "
            "with TypeError: test.<lambda>() takes 1 positional argument but 2 were given.",
        ),
        (
            lambda picture, weights: picture[9],
            f"Not yet: with {INPUTS} your function stops "
            "with IndexError: index 9 is out of bounds for axis 0 with size 4.",
        ),
        (
            lambda picture, weights: [picture.sum()],
            f"Not yet: with {INPUTS} the result should be {SCORE}; it is a list of length 1.",
        ),
        (lambda picture, weights: "many", f"should be {SCORE}; it is the text 'many'."),
        (lambda picture, weights: 1.0, f"the result should be {SCORE}, and is 1."),
    ],
)
def test_other_answers_get_a_sentence_and_the_lesson_goes_on(
    answer: Any, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = say(capsys, "score", answer)
    name = f"{test_other_answers_get_a_sentence_and_the_lesson_goes_on.__module__}"
    assert sentence.replace("test.<lambda>", "<lambda>") in told.replace(f"{name}.<lambda>", "<lambda>"), told
    assert told.endswith(SOLUTION)
    assert check("score", answer)(np.array([1.0, 2.0]), np.array([3.0, 4.0])) == 11.0


def test_several_values_and_arrays_are_compared_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    right = EXERCISES["gradient"].solution
    told = say(capsys, "gradient", lambda *a: right(*a)[0])
    assert "should be 2 values, separated by commas; it is [" in told
    told = say(capsys, "gradient", lambda *a: (right(*a)[0], 7.0))
    assert "the result is off in its value number 2, which should be " in told
    told = say(capsys, "loss", lambda p, is_two: np.where(is_two, -np.log(p), 9.0))
    assert "the result should have 0.22314 at [1], and has 9 there." in told
    told = say(capsys, "loss", lambda p, is_two: p[:2])
    assert "should be [0.1054, 0.2231, 0.6931, 0.5108, 0.01005, 1.204]; it is [0.9, 0.2]." in told
    told = say(capsys, "blank page", "the bias", -7.25)
    assert told.startswith("Not yet: your answer should be -7.25; it is the text 'the bias'.")
    assert say(capsys, "blank page", 12.0, -7.25).startswith("Not yet: look again.")


def test_an_answer_that_changes_what_it_is_given_harms_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    def score(picture: Any, weights: Any) -> Any:
        picture *= weights
        return picture.sum()

    for _ in range(2):
        assert say(capsys, "score", score).startswith("Right. ")


def test_a_loop_that_does_not_end_is_ended(capsys: pytest.CaptureFixture[str]) -> None:
    def find_step(loss_along: Any, first: float) -> Any:
        while loss_along(first) >= loss_along(0):
            pass
        return first

    assert "does the loop make the step smaller?" in say(capsys, "line search", find_step)


def test_only_exercises_are_checked() -> None:
    with pytest.raises(ArgumentError, match=r"expected the name of an exercise, one of score, bias, .*, got 'scores'"):
        check("scores", 1.0)
