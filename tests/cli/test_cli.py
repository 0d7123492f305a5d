"""The command line: what it prints where, what it refuses and how."""

import inspect
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mnistlr import DigitReader, LogisticRegression, SoftmaxRegression, __version__
from mnistlr.cli.arguments import SolverName
from mnistlr.training import DEFAULTS
from tests.conftest import ImageData
from tests.helpers.command_runs import Run, assert_error, modules_after, process

COMMANDS = ("tour", "fetch", "info", "show", "train", "evaluate", "predict", "explain", "draw", "warmup", "help")


def test_help_of_all_commands_fits_80_columns_and_has_an_example(run: Run) -> None:
    status, out, err = run("--help")
    assert (status, err) == (0, "")
    assert all(f" {command} " in out for command in COMMANDS)
    assert run() == (0, out, "")
    for command in COMMANDS:
        status, out, err = run(command, "--help")
        assert (status, err) == (0, "")
        assert f"Example: mnistlr {command}" in out
        assert "[[" not in out  # an optional argument, in brackets twice
        assert "<" not in out  # a type of Python
        assert run("help", command) == (status, out, err)
        assert max(map(len, out.splitlines())) <= 80


def test_help_imports_nothing_slow() -> None:
    imported = modules_after("from mnistlr.cli import main; main(['--help'])")
    assert not {"numpy", "numba", "scipy", "sklearn", "matplotlib"} & imported


def test_version(run: Run) -> None:
    assert run("--version") == (0, f"mnistlr {__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["draw-me"], "'draw-me'"),
        (["tour", "--dataset", "cifar"], "'cifar'"),
        (["tour", "--dataset", "digits", "--data", "."], "--data FOLDER is for MNIST"),
        (["show"], "expected one of INDEX, --train NUMBER and --test NUMBER, or --grid"),
        (["show", "3", "--test", "3"], "expected one of INDEX, --train NUMBER and --test NUMBER"),
        (["show", "-1"], "expected a number from 0 on, got -1; images are counted from 0."),
        (["show", "--test", "-1"], "expected a whole number from 0 on, got '-1'"),
        (["show", "abc"], "'abc'"),
        (["help", "draw-me"], "draw-me"),
        (["tour", "--no-report", "-o", "x.html"], "--output names the report, and --no-report leaves it out"),
        (["fetch", "--check", "--force"], "--check changes nothing"),
        (["predict", "m.npz", "a.png", "--dataset", "digits"], "--dataset and --data are for an image of the data set"),
        (["explain", "m.npz", "a.png", "--data", "."], "--dataset and --data are for an image of the data set"),
        (["show", "--grid", "10"], "expected --grid ROWSxCOLUMNS such as 10x10, got '10'"),
        (["show", "--grid", "0x3"], "expected --grid ROWSxCOLUMNS"),
        (["train", "--digit", "10"], "'--digit': expected a whole number from 0 to 9, got '10'"),
        (["train", "--alpha", "-1"], "'--alpha': expected a finite number from 0 on, got '-1'"),
        (["train", "--alpha", "nan"], "'--alpha': expected a finite number from 0 on, got 'nan'"),
        (["train", "--solver", "magic"], "'magic' is not one of 'sgd', "),
        (["predict", "model.npz"], "--index"),
        (["evaluate"], "MODEL"),
        (["explain", "model.npz"], "expected one of the two: a PHOTO, or an image"),
        (["explain", "model.npz", "photo.png", "--index", "1"], "expected one of the two: a PHOTO, or an image"),
        (["explain", "model.npz", "--test", "1", "--train", "1"], "expected one of the two: a PHOTO, or an image"),
        (["tour", "-o", "x.pdf"], "expected a file name that ends in .html, got x."),
        (["tour", "--no-report", "--notebook", "x.html"], "expected a file name that ends in .ipynb, got x."),
        (["draw", "-o", "x.png"], "expected a file name that ends in .html, got x."),
        (["train", "-o", "x.txt"], "expected a file name that ends in .npz, got x."),
    ],
)
def test_misuse_is_one_line_and_status_2(run: Run, arguments: list[str], message: str, tmp_path: Path) -> None:
    outcome = run(*arguments)
    assert_error(outcome, 2, message)
    assert outcome.err.count(message) == 1
    assert not list(tmp_path.iterdir())
    assert not re.search("Value error|Input should|Invalid value: ", outcome.err)  # pydantic's words, and typer's


def test_the_help_of_train_names_solvers_and_defaults_as_they_are(run: Run) -> None:
    assert {str(solver) for solver in SolverName} == set(DEFAULTS)
    text = " ".join(re.sub("[│\\s]+", " ", run("train", "--help").out).split())
    alpha = inspect.signature(SoftmaxRegression).parameters["alpha"].default
    tols, limits = ({solver: values[k] for solver, values in DEFAULTS.items()} for k in (0, 1))
    edges = inspect.signature(DigitReader).parameters
    assert f"Strength of the L2 penalty; by default {alpha}, for edges {edges['alpha'].default:.5f}." in text
    tol = f"by default {tols.pop('sgd')} for sgd, for edges {edges['tol'].default}, {tols.pop('gd')} for the others."
    assert tol in text
    assert set(tols.values()) == {1e-4}
    long = [solver for solver, limit in limits.items() if limit == 1000]
    assert sorted(long) == ["gd", "lbfgs", "nesterov"]
    assert {limits[solver] for solver in set(limits) - set(long)} == {100}
    assert "by default 1000 for lbfgs, gd and nesterov, 100 for the others." in text
    assert "by default sgd, for a detector lbfgs." in text
    assert (SoftmaxRegression._default_solver, LogisticRegression._default_solver) == ("sgd", "lbfgs")


@pytest.mark.parametrize(
    ("words", "completed"),
    [("mnistlr tr", "train"), ("mnistlr train --solver n", "newton nesterov"), ("mnistlr help wa", "warmup")],
)
def test_the_tab_key_completes(words: str, completed: str) -> None:
    asked = {"_MNISTLR_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    assert process(**asked).stdout.split() == completed.split()


def test_other_errors_are_one_line_and_status_1(run: Run, models: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("no model")
    digits = ("--dataset", "digits")
    for arguments, message in (
        (("show", 1797, *digits), "expected the index of an image of digits, 0 to 1796, got 1797"),
        (("show", "--test", 359, *digits), "number of a test image of digits, 0 to 358, got 359"),
        (("show", "--train", 1438, *digits), "number of a training image of digits, 0 to 1437, got 1438"),
        (("show", 1790, "--grid", "2x5", *digits), "at most 7 images, as many as there are from 1790 on"),
        (("show", "--test", 358, "--grid", "2x1", *digits), "at most 1 image, as many as there are from"),
        (("show", 1, "--data", tmp_path), "expected the four IDX files"),
        (("train", *digits, "-o", "no/model.npz"), "there is no folder no"),
        (("train", *digits, "-o", "."), "expected the name of a file to write"),
        (("tour", *digits, "-o", "."), "expected the name of a file to write"),
        (("tour", *digits, "--no-report", "--notebook", "."), "expected the name of a file to write"),
        (("show", 1, *digits, "-o", "no/image.png"), "there is no folder"),
        (("show", 1, *digits, "-o", "image.npz"), ".png, "),
        (("evaluate", "."), "is a folder"),
        (("evaluate", "none.npz"), "expected a file, but there is no none.npz;"),
        (("evaluate", "text.npz"), "text.npz is no model file"),
        (("predict", models["softmax"], "--index", 99999), "got 99999"),
        (("evaluate", models["softmax"], "--dataset", "mnist_5k"), "takes 64 features"),
    ):
        assert_error(run(*arguments), 1, message)
    assert not list(tmp_path.glob("*.part")) + list(tmp_path.glob("mnistlr*"))


def test_tour_without_mnist_takes_the_digits_and_says_so_first_and_last(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MNISTLR_DATA", raising=False)
    status, out, _ = run("tour", "--no-report")
    assert status == 0
    for part in (out[:500], out[-500:]):
        assert "This is not MNIST, which could not be had." in part
        assert "Data: scikit-learn's bundled digits, 1,797 images" in part
        assert "mnistlr fetch" in part


def test_tour_of_mnist(run: Run, mnist: ImageData) -> None:
    status, out, _ = run("tour", "--dataset", mnist.name, "--seed", 1, "--n-jobs", 1, "--no-report")
    assert status == 0
    assert "a 2? yes" in out
    assert [line[:2] for line in out.splitlines() if "───" in line and line[1:2] == "."] == [
        f"{k}." for k in range(1, 10)
    ]
    assert "\n9. In short ─" in out
    assert max(map(len, out.splitlines())) <= 80
    if mnist.is_full:
        assert "2. Image 36001" in out


def test_streams_of_a_process() -> None:
    done = process("tour", "--dataset", "digits", "--no-report", NO_COLOR="1")
    assert done.returncode == 0
    assert "1. The data" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert set(done.stderr.splitlines()) <= {"compiling the loops: on the first run this takes a moment ..."}
    done = process("show", 5000, "--dataset", "digits")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "mnistlr: error: expected the index of an image of digits, 0 to 1796, got 5000.\n"


@pytest.mark.long
def test_first_run_says_that_it_compiles_and_the_second_does_not(tmp_path: Path) -> None:
    arguments = ("train", "--dataset", "digits", "--digit", 2, "-o", tmp_path / "m.npz")
    notices = [process(*arguments, NUMBA_CACHE_DIR=str(tmp_path / "numba")).stderr for _ in range(2)]
    assert notices == ["compiling the loops: on the first run this takes a moment ...\n", ""]


@pytest.mark.skipif(os.name != "posix", reason="pipes and signals as in POSIX")
@pytest.mark.parametrize("arguments", [("show", "--grid", "200x1", "--dataset", "digits"), ("info", "--json"), ()])
def test_closed_pipe_is_quiet(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "mnistlr", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == b""


@pytest.mark.skipif(os.name != "posix", reason="a shell as in POSIX")
def test_closed_stdout_is_no_traceback() -> None:
    command = f"{shlex.quote(sys.executable)} -m mnistlr info --json >&-"
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, check=False)
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="pipes and signals as in POSIX")
def test_interrupt_is_one_line_and_status_130() -> None:
    code = (
        "import mnistlr.cli.data, signal, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background jobs ignore it
        "def wait(*_):\n    print('ready', flush=True); time.sleep(60)\n"
        "mnistlr.cli.data.load_named = wait\n"
        "from mnistlr.cli import main\n"
        "main(['train', '--dataset', 'digits'])\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline() == "ready\n"
        time.sleep(0.1)
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=30) == 130
        assert running.stderr.read().strip() == "mnistlr: interrupted"
