"""Every function that writes a file leaves the old one when the disk is full, and nothing beside it."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mnistlr import SoftmaxRegression, save_model, write_idx
from mnistlr.datasets.named import load_named
from mnistlr.walkthrough import About, Walk, write_notebook, write_page
from mnistlr.walkthrough.exhibit import Table

Write = Callable[[Path, int], object]  # the file, and a number that its contents depend on


def model(path: Path, number: int) -> None:
    save_model(SoftmaxRegression().fit(np.eye(3) * number, [0, 1, 2]), path)


def array(path: Path, number: int) -> None:
    write_idx(path, np.full(1000, number, np.uint8))


def figure(path: Path, number: int) -> None:
    pytest.importorskip("matplotlib")
    from mnistlr.plots import plot_accuracies, save_figure

    save_figure(plot_accuracies({"one": number / 10}).figure, path)


def notebook(path: Path, number: int) -> None:
    pytest.importorskip("nbformat")
    write_notebook(path, About.of(load_named("digits"), seed=number))


def page(path: Path, number: int) -> None:
    walk = Walk(About.of(load_named("digits"), seed=number))
    walk.in_short = lambda: Table(("accuracy",), [("99 %",)])  # type: ignore[method-assign]  # nothing has run
    write_page(path, walk)


WRITERS: dict[str, Write] = {
    "m.npz": model,
    "a-idx1-ubyte": array,
    "a-idx1-ubyte.gz": array,
    "f.png": figure,
    "n.ipynb": notebook,
    "p.html": page,
}


def full(_: int) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.filterwarnings("ignore:.*did not converge")
def test_a_full_disk_leaves_the_old_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, write = tmp_path / name, WRITERS[name]
    write(path, 1)
    old = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            write(path, 2)
    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == [name]
    write(path, 2)
    assert path.read_bytes() != old
