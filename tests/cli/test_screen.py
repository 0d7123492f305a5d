"""Commands on a real terminal, where results and progress share one screen."""

import os
import re
from pathlib import Path

import pytest

from tests.helpers.command_runs import Run, process
from tests.helpers.screens import lines_left, screen_of, written_by

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals as in POSIX")
SPINNER = re.compile(r"[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]|\.\.\.$")
TIMES = re.compile(r"─* *\d+\.\d+ s")


@pytest.mark.long
def test_the_tour_leaves_on_the_screen_what_it_prints_to_a_file(tmp_path: Path) -> None:
    arguments = ("tour", "--dataset", "digits", "--no-report")
    status, lines = screen_of(*arguments, folder=tmp_path, NO_COLOR="1")
    lines = [line for line in lines if "compiling the loops" not in line]  # said once, where nothing is compiled yet
    assert status == 0
    assert not [line for line in lines if SPINNER.search(line)]
    printed = [line.rstrip() for line in process(*arguments, NO_COLOR="1").stdout.splitlines()]
    assert [TIMES.sub("", line) for line in lines if line] == [TIMES.sub("", line) for line in printed if line]


@pytest.mark.long  # where nothing has been compiled yet
def test_the_warm_up_leaves_a_line_for_each_kind_of_data(tmp_path: Path) -> None:
    status, lines = screen_of("warmup", folder=tmp_path)
    left = [line for line in lines if line and "compiling the loops" not in line]
    assert status == 0
    assert left
    assert all(re.fullmatch(r"\S.* +\d+\.\d s", line) for line in left), left


def test_a_long_training_shows_how_it_gets_on(run: Run, tmp_path: Path) -> None:
    """The iteration, the loss, the norm of the gradient and the time, where the spinner is, and nothing of it stays."""
    pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9 has no callbacks")
    long = ("train", "--dataset", "digits", "--solver", "gd", "--tol", "0", "--max-iter", "500")
    status, written = written_by(*long, folder=tmp_path)
    assert status == 0
    seen = re.findall(r"training: iteration (\d+), loss (\d\.\d{4}), gradient (\d\.\de-\d\d), \d+\.\d s", written)
    iterations, losses = [int(one[0]) for one in seen], [float(one[1]) for one in seen]
    assert iterations == sorted(iterations)
    assert len(set(iterations)) > 1
    assert losses == sorted(losses, reverse=True)
    left = "\n".join(lines_left(written))
    assert "iteration 1" not in left
    assert "500 iterations in" in left
    assert "iteration" not in run("train", "--dataset", "digits").err  # in no terminal
