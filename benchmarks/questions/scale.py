"""Scale: training streams from files larger than one would hold in memory.

Generates a memory-mapped IDX file of shifted and rotated MNIST and trains SoftmaxRegression on longer and longer
parts of it, each in a process of its own: time per image, and resident memory, divided into the process's own
(anonymous) memory and pages of the file, which the system takes back whenever it needs them. The file is dropped from
the page cache before the first epoch, so that the images come from the disk.
"""

import os
import threading
import time
import warnings
from pathlib import Path
from typing import Any, Self

import numpy as np

from benchmarks.measuring.generated import FULL, images_on_disk, new_figure, save_figure
from benchmarks.measuring.memory import in_new_process, resident
from benchmarks.measuring.report import Report, Row, timed
from mnistlr import SoftmaxRegression, open_idx
from mnistlr.objective import Objective
from mnistlr.samples import Samples
from mnistlr.solvers import SGD


class Watch:
    """Samples the resident memory of this process while the block runs; keeps the largest values, in bytes."""

    def __enter__(self) -> Self:
        self._done = threading.Event()
        self._start = resident("RssAnon")
        self.own, self.file = 0, 0
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()
        return self

    def _sample(self) -> None:
        while not self._done.wait(0.005):
            self.own = max(self.own, resident("RssAnon") - self._start)
            self.file = max(self.file, resident("RssFile"))

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def train(folder: Path, n: int, repeats: int) -> dict[str, Any]:
    """Train on the first ``n`` images; return seconds and bytes."""
    warnings.simplefilter("ignore")  # one epoch does not converge
    labels = np.load(folder / "labels.npy")[:n]
    few = np.arange(2000) % 256
    SoftmaxRegression(max_iter=1).fit(np.outer(few, np.ones(784)).astype(np.uint8), few % 10)  # compiles
    descriptor = os.open(folder / "images.idx", os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)
    seconds = []
    with Watch() as watch:
        X = open_idx(folder / "images.idx")[:n].reshape(n, 784)
        objective = Objective(Samples.of(X), labels.astype(np.int32), 10, alpha=1e-4)
        for _ in range(1 + repeats):
            state, random = SGD(objective, np.zeros(objective.n_parameters)), np.random.RandomState(0)
            start = time.perf_counter()
            state.epoch(objective, None, random)
            seconds.append(time.perf_counter() - start)
        start = time.perf_counter()
        SoftmaxRegression(max_iter=1, random_state=0).fit(X, labels)
        fit = time.perf_counter() - start
    return {"cold": seconds[0], "warm": seconds[1:], "fit": fit, "own": watch.own, "file": watch.file}


def draw(results: dict[int, dict[str, Any]], report: Report) -> None:
    """Draw time and memory over the number of images."""
    figure = new_figure(figsize=(9, 3.6))
    if figure is None:
        return
    n = np.array(list(results))
    time_axes, memory_axes = figure.subplots(1, 2)
    for key, name in (("cold", "epoch, from disk"), ("warm", "epoch, from the page cache"), ("fit", "fit, one epoch")):
        time_axes.plot(n, [np.median(result[key]) * 1e6 / m for m, result in results.items()], "o-", label=name)
    time_axes.set(xscale="log", xlabel="images", ylabel="microseconds an image", ylim=(0, None))
    memory_axes.plot(n, n * 784 / 1e6, "k--", label="size of the file")
    for key, name in (("file", "resident pages of files"), ("own", "own memory")):
        memory_axes.plot(n, [result[key] / 1e6 for result in results.values()], "o-", label=name)
    memory_axes.set(xscale="log", yscale="log", xlabel="images", ylabel="MB")
    for axes in (time_axes, memory_axes):
        axes.legend(frameon=False)
        axes.grid(alpha=0.3)
    save_figure(figure, report, "scale")


def main() -> None:
    """Generate, measure, print, draw."""
    report = Report(
        "Scale: one epoch over a memory-mapped file", repeats=3,
        full=f"go up to {FULL:,} images, a file of {FULL * 784 / 1e9:.1f} GB",
    )  # fmt: skip
    if not Path("/proc/self/status").exists():
        print("skipped: this needs Linux, where a process can read its own memory")
        return
    with images_on_disk(report) as (folder, most):
        if folder is None:
            return
        sizes = sorted({n for n in (10_000, 100_000, 1_000_000, 3_000_000) if n < most} | {most})
        results = {n: in_new_process(train, folder, n, report.repeats) for n in sizes}
    base = results[sizes[0]]["warm"]
    rows = []
    for n, result in results.items():
        each = [seconds / n for seconds in result["warm"]]
        rows.append(timed(f"{n:,} images", each, f"{sizes[0]:,}", [seconds / sizes[0] for seconds in base]))
        rows.append(timed("  first epoch, from disk", [result["cold"] / n]))
        rows.append(timed("  fit with one epoch, in all", [result["fit"] / n]))
    report.table("Time an image", rows, "epochs from the page cache, unless from disk is written")
    rows = [
        Row(f"{n:,} images", f"{result['own'] / 1e6:.1f} MB", f"{result['own'] / n:.0f} bytes an image",
            f"file of {n * 784 / 1e6:.0f} MB", readings=[result["own"], result["file"]])
        for n, result in results.items()
    ]  # fmt: skip
    report.table("Own memory at its peak", rows)
    draw(results, report)
    report.close()


if __name__ == "__main__":
    main()
