"""The lessons: each runs from top to bottom, whatever the reader has answered, and its checks say what is off."""

import io
import os
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistlr.lessons import read_lessons, write_lessons
from mnistlr.lessons.checking import SOLUTION
from mnistlr.lessons.exercises import EXERCISES
from mnistlr.lessons.notebooks import Lesson
from tests.helpers.answers import ANSWERS

matplotlib = pytest.importorskip("matplotlib")
nbformat = pytest.importorskip("nbformat")

LESSONS = read_lessons()
NAMES = [lesson.path.stem for lesson in LESSONS]
CHECK = re.compile(r'(\w+) = check\("([^"]+)", .*\)')


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
            for right in (cell.text, ANSWERS[CHECK.fullmatch(last)[2]]):  # the lesson goes on with the second
                told = reader.run(f"{right}\n{last}")
                assert told.startswith("Right. "), told
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
    text = "\n".join(cell.text for lesson in LESSONS for cell in lesson.cells if cell.kind == "markdown")
    text = re.sub(r"`[^`]*`|\(`alpha=0`[^)]*\)|^#.*$", "", text, flags=re.MULTILINE)
    terms = (
        "weight score bias odds probability sigmoid logit nat loss gradient epoch SGD batch softmax penalty curvature"
    )
    for term in [
        *terms.split(),
        "log-odds",
        "line search",
        "confusion matrix",
        "overfitting",
        "Hessian",
        "convolution",
    ]:
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
    for lesson in LESSONS:
        for cell in lesson.cells:
            if cell.kind == "markdown" and "$$" in cell.text:
                for after in re.findall(r"^\$\$.*\$\$\n\n(.*)$", cell.text, re.MULTILINE):
                    assert after.startswith(("In words", "(")), (lesson.number, after)
                assert len(re.findall(r"^\$\$.*\$\$\n\n", cell.text, re.MULTILINE)) == cell.text.count("$$") // 2


def test_no_line_of_text_is_taken_for_something_else() -> None:
    """A number and a full stop at the beginning of a line make a list, and formulas and code end where they begin."""
    for lesson in LESSONS:
        for cell in lesson.cells:
            if cell.kind == "markdown":
                for line in cell.text.splitlines():
                    assert not re.match(r"\d+[.)]( |$)|[+>*] ", line), (lesson.number, line)
                    assert line.count("$") % 2 == line.count("`") % 2 == 0, (lesson.number, line)


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
