"""Generated images on disk: shifted and rotated MNIST, as many as asked for, for what is larger than memory."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measuring.report import Report

BLOCK = 500  # images that are shifted and rotated alike
FULL, USUAL, QUICK = 8_000_000, 1_000_000, 20_000
RESULTS = Path("results")


@contextmanager
def images_on_disk(report: Report) -> Iterator[tuple[Path | None, int]]:
    """Yield a folder that ``generate`` has filled, and how many images; the folder is removed after the block.

    It is None if the disk has no room for it, and a line is printed.
    """
    data = report.data()
    n = QUICK if report.quick else FULL if report.full else USUAL
    with tempfile.TemporaryDirectory(prefix="mnistlr-images-") as name:
        free = shutil.disk_usage(name).free
        if free < 1.2 * n * 784 + 1e9:
            print(f"skipped: it takes {n * 784 / 1e9:.1f} GB of disk and some to spare, free: {free / 1e9:.1f} GB")
            yield None, n
            return
        start = time.perf_counter()
        generate(Path(name), n, data.X_train, data.y_train)
        print(f"{n:,} images, {n * 784 / 1e9:.2f} GB, generated in {time.perf_counter() - start:.1f} s", flush=True)
        yield Path(name), n


def generate(folder: Path, n: int, X: Any, y: Any) -> None:
    """Write ``n`` images to ``images.idx`` and their labels to ``labels.npy``, a few at a time."""
    random = np.random.default_rng(0)
    padded = np.hstack([X, np.zeros((len(X), 1), np.uint8)])  # pixel 784 is black: outside the image
    labels = np.empty(n, np.uint8)
    with open(folder / "images.idx", "wb") as file:
        file.write(bytes([0, 0, 8, 3]) + b"".join(size.to_bytes(4, "big") for size in (n, 28, 28)))
        for start in range(0, n, BLOCK):
            picked = random.integers(len(X), size=min(BLOCK, n - start))
            pixels = moved(random.uniform(-15, 15), *random.integers(-2, 3, 2))
            file.write(padded[picked[:, np.newaxis], pixels].tobytes())
            labels[start : start + BLOCK] = y[picked]
        file.flush()
        os.fsync(file.fileno())  # only what is on the disk can be dropped from the page cache
    np.save(folder / "labels.npy", labels)


def moved(degrees: float, down: int, right: int) -> Any:
    """Return for every pixel of a 28x28 image where it comes from when the image is rotated and shifted."""
    angle = np.deg2rad(degrees)
    row, column = np.indices((28, 28)) - 13.5 - np.array([down, right])[:, np.newaxis, np.newaxis]
    i = np.rint(np.cos(angle) * row - np.sin(angle) * column + 13.5).astype(int)
    j = np.rint(np.sin(angle) * row + np.cos(angle) * column + 13.5).astype(int)
    return np.where((i >= 0) & (i < 28) & (j >= 0) & (j < 28), 28 * i + j, 784).ravel()


def new_figure(**settings: Any) -> Any:
    """Return a figure of matplotlib's; without matplotlib print so and return None."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no figure: matplotlib is not installed")
        return None
    return Figure(layout="constrained", **settings)


def save_figure(figure: Any, report: Report, name: str) -> None:
    """Write a figure into the folder of results."""
    path = RESULTS / f"{name}{'-quick' * report.quick}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    print(f"figure: {path}")
