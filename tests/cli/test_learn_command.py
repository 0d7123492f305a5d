"""`mnistlr learn`: it writes the lessons, spares a reader's answers, and says what to do next."""

import sys
from pathlib import Path

import pytest

from tests.helpers.command_runs import Run, assert_error

pytest.importorskip("nbformat")


def test_lessons_are_written_and_the_next_step_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MNISTLR_DATA", raising=False)
    status, out, err = run("learn")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    written = sorted((tmp_path / "mnistlr-lessons").iterdir())
    assert [line.partition(":")[0] for line in lines[:9]] == [f"saved {path.relative_to(tmp_path)}" for path in written]
    assert "MNIST is not here, so the lessons take small digits." in out
    assert lines[-1] == "Next: jupyter lab mnistlr-lessons"


def test_answers_are_replaced_only_with_force(run: Run, tmp_path: Path) -> None:
    run("learn", "mine")
    answered = tmp_path / "mine" / "2-surprise.ipynb"
    fresh = answered.read_bytes()
    answered.write_text("my answers")
    assert_error(run("learn", "mine"), 1, "1-score.ipynb is there and may hold your answers; name another folder, or")
    assert answered.read_text() == "my answers"
    assert run("learn", "mine", "--force").status == 0
    assert answered.read_bytes() == fresh


def test_what_is_in_the_way_gets_a_sentence(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    assert_error(run("learn", "file"), 1, "expected a folder to write the lessons to, but file is a file.")
    monkeypatch.setitem(sys.modules, "nbformat", None)
    assert_error(run("learn", "new"), 1, "writing the lessons needs nbformat, which is not installed; install it with")
    assert not (tmp_path / "new").exists()
