"""`mnistlr fetch`, `info` and `show`."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistlr import __version__
from mnistlr.datasets.named import load_named
from tests.conftest import ImageData, TinyMnist
from tests.helpers.command_runs import Run, assert_error
from tests.helpers.local_server import LocalServer


def test_fetch_from_a_folder_and_check(
    run: Run, tiny_mnist: TinyMnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("MNISTLR_CACHE", str(cache))
    status, out, _ = run("fetch", "--check")
    assert status == 1
    assert out == "MNIST is not downloaded yet; `mnistlr fetch` gets it.\n"
    status, out, _ = run("fetch", "--from", tiny_mnist.write_to(tmp_path / "given"))
    assert status == 0
    assert out.count("ok ") == 4
    assert {path.name for path in cache.iterdir()} == set(tiny_mnist.raw)
    assert run("fetch", "--check").status == 0
    damaged = cache / "t10k-labels-idx1-ubyte"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\xff")
    status, out, _ = run("fetch", "--check")
    assert status == 1
    assert out.count("PROBLEM") == 1
    assert "t10k-labels" in out.split("PROBLEM")[1].splitlines()[0]
    damaged.unlink()
    status, out, _ = run("fetch", "--check")
    assert status == 1
    assert "PROBLEM" not in out
    assert "missing  t10k-labels-idx1-ubyte; `mnistlr fetch` gets it." in out.splitlines()


def test_fetch_downloads(run: Run, internet: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNISTLR_CACHE", str(tmp_path / "cache"))
    status, out, _ = run("fetch")
    assert status == 0
    assert out.count("ok ") == 4


def test_fetch_without_a_network(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MNISTLR_DATA", raising=False)
    monkeypatch.setenv("MNISTLR_CACHE", str(tmp_path / "cache"))
    status, out, err = run("fetch")
    assert (status, out) == (1, "")
    assert "switched off" in err


def test_info(run: Run, tiny_mnist: TinyMnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_info_tells_of_a_bad_folder(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNISTLR_DATA", str(tmp_path))
    status, out, _ = run("info")
    assert status == 1
    assert "PROBLEM           MNISTLR_DATA should name a folder with MNIST: expected the four IDX files" in out
    assert json.loads(run("info", "--json").out)["files"] == []


def test_info_before_the_download_and_after_damage(
    run: Run, tiny_mnist: TinyMnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.delenv("MNISTLR_DATA", raising=False)
    monkeypatch.setenv("MNISTLR_CACHE", str(cache))
    status, out, _ = run("info")
    assert status == 0
    assert "PROBLEM" not in out
    assert out.endswith("MNIST is not downloaded yet; `mnistlr fetch` gets it.\n")
    assert run("info", "--json").status == 0
    assert run("fetch", "--from", tiny_mnist.write_to(tmp_path / "given")).status == 0
    damaged = cache / "train-images-idx3-ubyte"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    status, out, _ = run("info")
    assert status == 1
    assert out.count("PROBLEM") == 1
    assert run("info", "--json").status == 1


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


@pytest.mark.parametrize("arguments", [("show", 2), ("show", "--grid", "3x4")])
def test_show_to_a_file(run: Run, arguments: tuple[Any, ...], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.image import imread

    assert run(*arguments, "--dataset", "digits", "-o", "digits.png").out == "saved digits.png\n"
    picture = imread(tmp_path / "digits.png")
    assert picture.min() == 0  # ink
    assert picture.mean() > 0.5  # on paper
    outcome = run(*arguments, "--dataset", "digits", "-o", "digits.xyz")
    assert_error(outcome, 1, "expected a file name that ends in one of .")
    assert [path.name for path in tmp_path.iterdir()] == ["digits.png"]


def test_show_to_a_file_without_matplotlib(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    outcome = run("show", 2, "--dataset", "digits", "-o", "digits.png")
    assert_error(outcome, 1, "pip install 'mnistlr[plots]'")


@pytest.mark.parametrize("command", [("show", "1"), ("train",)])
def test_what_can_be_done_without_mnist(
    run: Run, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("MNISTLR_DATA", raising=False)
    monkeypatch.setenv("MNISTLR_CACHE", str(tmp_path / "cache"))
    status, out, err = run(*command)
    assert (status, out) == (1, "")
    assert err.endswith(" Or do without MNIST: --dataset digits\n")
    assert err.count("\n") == 1
    assert run(*command, "--dataset", "digits").status == 0
