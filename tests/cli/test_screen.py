"""Commands on a real terminal, where results and progress share one screen."""

import os
import re
from pathlib import Path

import pytest

from tests.helpers.command_runs import process
from tests.helpers.screens import lines_left, screen_of

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals as in POSIX")
SPINNER = re.compile(r"[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]|\.\.\.$")
TIMES = re.compile(r"─* *\d+\.\d+ s")


def test_the_tour_leaves_on_the_screen_what_it_prints_to_a_file(tmp_path: Path) -> None:
    arguments = ("tour", "--dataset", "digits", "--no-report")
    status, lines = screen_of(*arguments, folder=tmp_path, NO_COLOR="1")
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


def test_a_screen_obeys_as_a_terminal_does() -> None:
    assert lines_left("one\r\ntwo\x1b[1A\r\x1b[2Kthree\r\n") == ["three", "two"]
    assert lines_left("x" * 81) == ["x" * 80, "x"]
    assert lines_left("\x1b[31mred\x1b[0m\rb") == ["bed"]
