"""Fixtures that run the command, in this process or in one of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from mnistlr import DigitReader, LogisticRegression, SoftmaxRegression, save_model
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


def modules_after(code: str, *arguments: object) -> set[str]:
    """Run Python in a process of its own; return the modules that it has imported in the end."""
    tell = "import atexit, sys\natexit.register(lambda: print('\\n', *sys.modules))\n"
    command = [sys.executable, "-W", "error", "-c", tell + code, *map(str, arguments)]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1].split())


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Models of the bundled digits: all ten by their pixels and by their edges, and a detector of 2."""
    folder, data = tmp_path_factory.mktemp("models"), load_named("digits")
    fitted = {
        "softmax": SoftmaxRegression(random_state=0).fit(data.X_train, data.y_train),
        "edges": DigitReader(random_state=0).fit(data.X_train, data.y_train),
        "detector": LogisticRegression().fit(data.X_train, data.y_train == 2),
    }
    origins = {name: {"data": {"name": "digits"}, "digit": 2 if name == "detector" else None} for name in fitted}
    return {name: save_model(fitted[name], folder / f"{name}.npz", provenance=origins[name]) for name in fitted}


def assert_error(outcome: Outcome, status: int, message: str) -> None:
    assert outcome.status == status
    assert outcome.out == ""
    assert outcome.err.startswith("mnistlr: error: ")
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
