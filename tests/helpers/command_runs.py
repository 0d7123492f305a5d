"""Fixtures that run the command, in this process or in one of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from mnistlr import LogisticRegression, SoftmaxRegression, save_model
from mnistlr.cli import main
from mnistlr.datasets.named import load_named

COMPILING = "compiling the loops: on the first run this takes a moment ...\n"  # no test depends on what ran before


class Outcome(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run the command in this process, in an empty folder, at 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Outcome(int(caught.value.code or 0), out, err.replace(COMPILING, ""))

    return run


def process(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mnistlr", *map(str, arguments)],
        env={**os.environ, "COLUMNS": "80", **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Models of the bundled digits: all ten, and a detector of 2."""
    folder, data = tmp_path_factory.mktemp("models"), load_named("digits")
    origin = {"name": "digits"}
    softmax = SoftmaxRegression(random_state=0).fit(data.X_train, data.y_train)
    detector = LogisticRegression().fit(data.X_train, data.y_train == 2)
    return {
        "softmax": save_model(softmax, folder / "softmax.npz", provenance={"data": origin, "digit": None}),
        "detector": save_model(detector, folder / "detector.npz", provenance={"data": origin, "digit": 2}),
    }


def assert_error(outcome: Outcome, status: int, message: str) -> None:
    assert outcome.status == status
    assert outcome.out == ""
    assert outcome.err.startswith("mnistlr: error: ")
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
