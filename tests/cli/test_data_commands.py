"""`mnistlr fetch`, `info` and `show`."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from mnistlr import __version__
from mnistlr.datasets.named import load_named
from tests.conftest import ImageData, TinyMnist
from tests.helpers.command_runs import Run, assert_error
from tests.helpers.local_server import LocalServer


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The cache that the commands use, not yet there."""
    monkeypatch.delenv("MNISTLR_DATA", raising=False)
    monkeypatch.setenv("MNISTLR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_fetch_and_info_tell_what_is_not_yet_there_and_what_is_damaged(
    run: Run, tiny_mnist: TinyMnist, cache: Path, tmp_path: Path
) -> None:
    """Not to be downloaded yet is no fault in the eyes of info."""
    not_yet = "MNIST is not downloaded yet; `mnistlr fetch` gets it.\n"
    assert run("fetch", "--check")[:2] == (1, not_yet)
    status, out, _ = run("info")
    assert status == 0
    assert "PROBLEM" not in out
    assert out.endswith(not_yet)
    assert run("info", "--json").status == 0
    status, out, _ = run("fetch", "--from", tiny_mnist.write_to(tmp_path / "given"))
    assert status == 0
    assert out.count("ok ") == 4
    assert {path.name for path in cache.iterdir()} == set(tiny_mnist.raw)
    assert run("fetch", "--check").status == 0
    damaged = cache / "t10k-labels-idx1-ubyte"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\xff")
    for command in (("fetch", "--check"), ("info",)):
        status, out, _ = run(*command)
        assert status == 1
        assert out.count("PROBLEM") == 1
        assert "t10k-labels" in out.split("PROBLEM")[1].splitlines()[0]
    assert run("info", "--json").status == 1
    damaged.unlink()
    status, out, _ = run("fetch", "--check")
    assert status == 1
    assert "PROBLEM" not in out
    assert "missing  t10k-labels-idx1-ubyte; `mnistlr fetch` gets it." in out.splitlines()


def test_fetch_downloads(run: Run, internet: LocalServer, cache: Path) -> None:
    status, out, _ = run("fetch")
    assert status == 0
    assert out.count("ok ") == 4


def test_info_of_a_good_folder_and_a_bad_one(
    run: Run, tiny_mnist: TinyMnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNISTLR_DATA", str(tiny_mnist.write_to(tmp_path / "given")))
    found = json.loads(run("info", "--json").out)
    assert found["versions"]["mnistlr"] == __version__
    assert found["versions"]["numpy"] == np.__version__
    assert [file["ok"] for file in found["files"]] == [True] * 4
    assert str(tmp_path / "given") in found["data"]
    status, out, _ = run("info")
    assert status == 0
    assert str(tmp_path / "given") in out
    assert out.count("ok ") == 4
    share = 100 * found["reader"]["accuracy"]
    assert f"trained reader    {share:.2f} % on MNIST's test images, trained with mnistlr " in out
    monkeypatch.setenv("MNISTLR_DATA", str(tmp_path))
    status, out, _ = run("info")
    assert status == 1
    assert "PROBLEM           MNISTLR_DATA should name a folder with MNIST: expected the four IDX files" in out
    assert json.loads(run("info", "--json").out)["files"] == []


def test_show_in_the_terminal(run: Run) -> None:
    status, out, _ = run("show", 2, "--dataset", "digits")
    assert status == 0
    assert "█" in out
    assert out.endswith("label 2\n")
    assert len(out.splitlines()) == 13
    status, out, _ = run("show", "--grid", "10x10", "--dataset", "mnist_5k")
    assert status == 0
    assert len(out.splitlines()) == 40
    assert max(map(len, out.splitlines())) <= 80


def test_show_an_image_by_its_part_and_number(run: Run) -> None:
    data = load_named("digits")
    for part, number, label in (("train", 7, data.y_train[7]), ("test", 8, data.y_test[8])):
        out = run("show", f"--{part}", number, "--dataset", "digits").out
        index = data.index_of(part, number)
        assert out.endswith(f"Image {index} of scikit-learn's bundled digits ({part} {number}), label {label}\n")
        assert out == run("show", index, "--dataset", "digits").out


def test_show_36001(run: Run, mnist: ImageData) -> None:
    if not mnist.is_full:
        pytest.skip("needs all of MNIST: set MNISTLR_DATA")
    assert run("show", 36001).out.endswith("Image 36001 of MNIST (train 36001), label 2\n")
    assert run("show", "--test", 8).out.endswith("Image 60008 of MNIST (test 8), label 5\n")


@pytest.mark.parametrize("command", ["show 2 --dataset digits", "show --grid 3x4 --dataset digits", "explain -i 2"])
def test_a_figure_is_saved_or_refused_by_the_end_of_its_name(
    run: Run, models: dict[str, Path], command: str, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.image import imread

    arguments = [*command.split(), *([models["softmax"]] if command.startswith("explain") else [])]
    assert run(*arguments, "-o", "digits.png").out.endswith("saved digits.png\n")
    picture = imread(tmp_path / "digits.png")
    assert picture.min() == 0  # ink
    assert picture.mean() > 0.5  # on paper
    assert_error(run(*arguments, "-o", "digits.xyz"), 1, "expected a file name that ends in one of .")
    assert [path.name for path in tmp_path.iterdir()] == ["digits.png"]


def test_show_to_a_file_without_matplotlib(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    outcome = run("show", 2, "--dataset", "digits", "-o", "digits.png")
    assert_error(outcome, 1, "pip install 'mnistlr[plots]'")


@pytest.mark.parametrize("command", ["show 1", "train", "fetch", "tour --dataset mnist"])
def test_without_mnist_it_is_said_what_can_be_done(run: Run, command: str, cache: Path) -> None:
    """Nothing takes other data unasked."""
    outcome = run(*command.split())
    assert_error(outcome, 1, "error: MNIST could not be had from any source; put its four IDX files into a folder and")
    assert "switched off" in outcome.err
    takes_other_data = command in ("show 1", "train")
    assert outcome.err.endswith(" Or do without MNIST: --dataset digits\n") == takes_other_data
    if takes_other_data:
        assert run(*command.split(), "--dataset", "digits").status == 0
