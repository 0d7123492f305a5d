"""The lessons: each runs from top to bottom, whatever the reader has answered, and its checks say what is off."""

import io
import os
import re
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import special
from sklearn.metrics import confusion_matrix

from mnistlr.lessons import read_lessons, write_lessons
from mnistlr.lessons.checking import SOLUTION
from mnistlr.lessons.exercises import EXERCISES
from mnistlr.lessons.notebooks import Lesson

matplotlib = pytest.importorskip("matplotlib")
nbformat = pytest.importorskip("nbformat")

LESSONS = read_lessons()
NAMES = [lesson.path.stem for lesson in LESSONS]
TEXTS = [(lesson.number, cell.text) for lesson in LESSONS for cell in lesson.cells if cell.kind == "markdown"]
CHECK = re.compile(r'(\w+) = check\("([^"]+)", .*\)')


def gradient(weights: Any, bias: Any, X: Any, is_two: Any) -> Any:
    errors = special.expit(X @ weights + bias) - is_two
    return (X * errors[:, None]).mean(axis=0), errors.mean()


def find_step(loss_along: Any, first: Any) -> Any:
    while loss_along(first) >= loss_along(0):
        first = first / 2
    return first


def take_step(weights: Any, bias: Any, pictures: Any, is_two: Any, eta: Any) -> Any:
    of_weights, of_bias = gradient(weights, bias, pictures, is_two)
    return weights - eta * of_weights, bias - eta * of_bias


def slant(image: Any) -> Any:
    table = np.cov(np.indices(image.shape).reshape(2, -1), aweights=image.ravel(), ddof=0)
    return table[0, 1] / table[0, 0]


# Right answers to the exercises, in another form than the solutions have.
ANSWERS: dict[str, Callable[..., Any]] = {
    "score": np.dot,
    "bias": lambda scores, is_two: -np.mean([scores[is_two].mean(), scores[~is_two].mean()]),
    "blank page": lambda bias: 0 + bias,
    "probability": special.expit,
    "log-odds": special.logit,
    "loss": lambda p, is_two: -np.where(is_two, np.log(p), np.log1p(-p)),
    "measured slope": lambda function, place, width: (function(place + width) - function(place - width)) / 2 / width,
    "gradient": gradient,
    "line search": find_step,
    "SGD step": take_step,
    "running average": lambda average, value, t: ((t - 1) * average + value) / t,
    "largest step": lambda X: min(8 / (x @ x + 1) for x in X),
    "softmax": partial(special.softmax, axis=1),
    "gradient for ten": lambda p, y, X: (p - np.equal.outer(y, range(10))).T @ X / len(y),
    "confusion matrix": partial(confusion_matrix, labels=range(10)),
    "penalty": lambda loss, gradient, w, alpha: (loss + alpha * (w @ w) / 2, gradient + alpha * w),
    "choose alpha": lambda alphas, surprises: max(alphas[surprises == surprises.min()]),
    "Hessian": lambda p, F, alpha: (F.T * (p * (1 - p))) @ F / len(F) + alpha * np.identity(len(F[0])),
    "felt curvature": lambda move, change: np.dot(move, change) / np.linalg.norm(move) ** 2,
    "Newton step": lambda w, gradient, hessian: w - np.linalg.inv(hessian) @ gradient,
    "skip the blanks": lambda x, by_pixel, b: b + x[x > 0] @ by_pixel[x > 0],
    "slant": slant,
    "slopes": lambda smoothed: tuple(2 * along[1:-1, 1:-1] for along in np.gradient(smoothed)[::-1]),
}


@pytest.fixture
def on_digits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No MNIST, and a screen that shows nothing."""
    import matplotlib.pyplot as plt

    monkeypatch.delenv("MNISTLR_DATA", raising=False)
    monkeypatch.setenv("MNISTLR_CACHE", str(tmp_path / "empty"))
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))
    before = plt.get_backend()
    plt.switch_backend("Agg")
    yield
    plt.close("all")
    plt.switch_backend(before)


def split_exercise(text: str) -> tuple[str, str]:
    """Return the lines of an exercise that the reader works on, and the line that checks them."""
    *work, last = text.splitlines()
    assert "check(" in last, text
    return "\n".join(work).rstrip(), last


class Reader:
    """Runs the cells of a lesson as a notebook does, in this process."""

    def __init__(self, lesson: Lesson) -> None:
        self.lesson = lesson
        self.names: dict[str, Any] = {"__name__": "lesson"}

    def run(self, code: str, line: int = 0) -> str:
        """Return what the code prints; errors name the line of the lesson."""
        with redirect_stdout(io.StringIO()) as printed:
            exec(compile("\n" * (line - 1) + code, str(self.lesson.path), "exec"), self.names)
        return printed.getvalue()


@pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)
def test_a_lesson_runs_with_no_answers_wrong_ones_and_right_ones(lesson: Lesson, on_digits: None) -> None:
    reader, printed, work, last = Reader(lesson), "", "", ""
    for cell in lesson.cells:
        if cell.kind == "code":
            printed += reader.run(cell.text, cell.line)
        elif cell.kind == "exercise":
            told = reader.run(cell.text, cell.line)
            assert told.startswith("Still open: "), told
            assert told.endswith(f"{SOLUTION}\n")
            work, last = split_exercise(cell.text)
            name = CHECK.fullmatch(last)[1]
            reader.names[name] = (lambda *_: "no idea") if work.startswith("def") else "no idea"
            told = reader.run(last)
            assert told.startswith("Not yet: "), told
            assert told.endswith(f"{SOLUTION}\n")
        elif cell.kind == "solution":
            name, exercise = CHECK.fullmatch(last).groups()
            right = f"Right. {EXERCISES[exercise].right}\n"
            assert reader.run(f"{cell.text}\n{last}") == right
            answer = ANSWERS[exercise] if EXERCISES[exercise].cases else ANSWERS[exercise](reader.names["bias"])
            reader.names[name] = answer
            assert reader.run(last) == right
            assert reader.names[name] is answer  # with which the lesson goes on
    assert re.search(r"^The same .*True$", printed, re.MULTILINE)
    assert re.search(r"^[\w.]+: mnistlr/\w+.*\.py, line \d+$", printed, re.MULTILINE)
    assert "False" not in printed


def test_every_exercise_is_in_one_lesson_and_has_a_solution() -> None:
    found = []
    for lesson in LESSONS:
        for cell, following in zip(lesson.cells, lesson.cells[1:], strict=False):
            if cell.kind == "exercise":
                work, last = split_exercise(cell.text)
                variable, name = CHECK.fullmatch(last).groups()
                found.append(name)
                assert following.kind == "solution"
                assert variable in work.splitlines()[0]  # def variable(...), or variable = ...
                assert work.splitlines()[0].split(":")[0] in following.text or not EXERCISES[name].cases
                assert "..." in work
                assert "..." not in following.text
    assert sorted(found) == sorted(EXERCISES)
    assert [lesson.number for lesson in LESSONS] == list(range(1, 10))


def test_no_term_is_used_before_it_is_explained() -> None:
    """The first time that a term occurs in the text, it is set off: there it is explained."""
    text = "\n".join(text for _, text in TEXTS)
    text = re.sub(r"`[^`]*`|\(`alpha=0`[^)]*\)|^#.*$", "", text, flags=re.MULTILINE)
    terms = (
        "weight, score, bias, odds, probability, sigmoid, logit, nat, loss, gradient, epoch, SGD, batch, softmax, "
        "penalty, curvature, log-odds, line search, confusion matrix, overfitting, Hessian, convolution"
    )
    for term in terms.split(", "):
        first = re.search(rf"(?i)\b{re.escape(term)}s?\b", text)
        if term == "SGD":
            assert "**stochastic gradient descent**" in text[: first.start()]
            continue
        assert first, term
        around = text[max(0, first.start() - 3) : first.end() + 3]
        assert "*" in around, (term, text[max(0, first.start() - 60) : first.end() + 60])
    assert re.search(r"(?<!\\)alpha", text).start() == text.index("(alpha)") + 1
    assert text.index("Logistic regression") > text.index("**score**")


def test_every_formula_is_followed_by_its_words() -> None:
    for number, text in TEXTS:
        followed = re.findall(r"^\$\$.*\$\$\n\n(.*)$", text, re.MULTILINE)
        assert all(after.startswith(("In words", "(")) for after in followed), (number, followed)
        assert len(followed) == text.count("$$") // 2


def test_no_line_of_text_is_taken_for_something_else() -> None:
    """A number and a full stop at the beginning of a line make a list, and formulas and code end where they begin."""
    for number, text in TEXTS:
        for line in text.splitlines():
            assert not re.match(r"\d+[.)]( |$)|[+>*] ", line), (number, line)
            assert line.count("$") % 2 == line.count("`") % 2 == 0, (number, line)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_lessons(tmp_path_factory.mktemp("lessons") / "of" / "mine")


def test_notebooks_are_valid_and_lead_to_each_other(paths: list[Path], tmp_path: Path) -> None:
    assert len(paths) == 9
    for path, lesson, following in zip(paths, LESSONS, [*paths[1:], None], strict=True):
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert notebook.cells[0].source.startswith(f"# Lesson {lesson.number}: {lesson.title}")
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert code[0].source.startswith("%matplotlib inline\n")
        assert not any(cell.outputs for cell in code)
        folded = [cell.source for cell in notebook.cells if cell.source.startswith("<details>")]
        assert len(folded) == sum(cell.kind == "exercise" for cell in lesson.cells) >= 1
        solutions = [cell.text for cell in lesson.cells if cell.kind == "solution"]
        assert all(f"```python\n{solution}\n```" in fold for solution, fold in zip(solutions, folded, strict=True))
        assert not any(solution in cell.source for solution in solutions for cell in code)
        if following:
            assert f"]({following.name})" in notebook.cells[-1].source
    again = write_lessons(tmp_path)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in paths]


@pytest.mark.long
@pytest.mark.parametrize("number", [0, 4, 8], ids=NAMES[::4])  # the code of all runs in the tests above
def test_a_notebook_runs_unanswered_within_a_minute_of_the_processor(number: int, paths: list[Path]) -> None:
    """On MNIST, where MNISTLR_DATA names it."""
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(paths[number], as_version=4)
    before = os.times()
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    after = os.times()
    assert after.children_user - before.children_user + after.children_system - before.children_system < 60
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output.text for output in outputs if output.output_type == "stream" and output.name == "stderr"]
    printed = "".join(output.text for output in outputs if output.output_type == "stream")
    assert "Still open" in printed
    assert "False" not in printed
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 1


def test_a_picture_needs_as_many_titles_and_signs_as_it_has_images() -> None:
    from mnistlr import ArgumentError
    from mnistlr.lessons import show

    ink, weights = np.eye(4), np.eye(4) - 0.5
    drawn = show([ink, weights.ravel()], ["ink", "weights"], between=["×"])
    maps = [ax.images[0].get_cmap().name for ax in drawn.axes]
    assert maps == ["gray_r", "against_for"]
    assert drawn.axes[1].images[0].get_clim() == (-0.5, 0.5)
    for images, titles, between in (([], [], []), ([ink], ["a", "b"], []), ([ink, ink], [], ["×", "="])):
        with pytest.raises(ArgumentError, match="expected images, a title for each and signs between them"):
            show(images, titles, between=between)
