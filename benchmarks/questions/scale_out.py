"""Scale out: a pass on Dask workers against the same work without Dask, and a projection to many.

Images lie on disk, as in ``benchmarks.scale``. A pass, value and gradient over all blocks, is timed in this process
without Dask and on one and two workers of one thread each; ``--full`` fits 8 million images on two workers that are
limited to 700 MB. The projection to 1,000 machines adds up measured parts and lists its assumptions.
"""

import copy
import functools
import itertools
import logging
import math
import textwrap
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.measuring.clocks import clock, quartiles, take_turns
from benchmarks.measuring.generated import FULL, QUICK, RESULTS, USUAL, images_on_disk, new_figure, save_figure
from benchmarks.measuring.memory import resident
from benchmarks.measuring.report import Report, Row, show_time, timed
from mnistlr import SoftmaxRegression, open_idx
from mnistlr._support.threads import count_threads

MEMORY_LIMIT = 700_000_000  # bytes, of a worker
OVERHEAD = 1.1  # the most that a pass on Dask may take, in passes without it
MANY = 8  # workers, to see what one more costs the scheduler
NETWORK = 1.25e9  # bytes a second: 10 Gbit/s
ROUND_TRIP = 0.5e-3  # seconds, between two machines


@contextmanager
def cluster(n_workers: int, in_processes: bool, memory_limit: Any = "auto") -> Iterator[Any]:
    """Yield a client of workers of one thread each, in processes of their own or in this one."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=n_workers, threads_per_worker=1, processes=in_processes, dashboard_address="127.0.0.1:0",
            memory_limit=memory_limit if in_processes else 0, silence_logs=logging.CRITICAL,
        ) as workers,
        Client(workers, set_as_default=False) as client,
    ):  # fmt: skip
        yield client


def objective_on_dask(client: Any, folder: Path, n: int, model: Any, rows: int | None = None) -> tuple[Any, Any]:
    """Return the objective on the first ``n`` images, in blocks on the cluster, and the classes."""
    from mnistlr.on_dask import open_array
    from mnistlr.on_dask.cluster import ClusterRunner
    from mnistlr.on_dask.fitting import objective_in_blocks
    from mnistlr.on_dask.loading import delayed_blocks, load

    X = open_array(folder / "images.idx", rows=rows)[:n]
    y = open_array(folder / "labels.npy", rows=X.chunksize[0])[:n]
    runner = ClusterRunner(client, load(client, delayed_blocks(X, y), copy.copy(model)))
    return objective_in_blocks(model, X._meta, runner)


def objective_here(folder: Path, edges: Any, n_threads: int) -> Any:
    """Return the objective on the blocks between ``edges`` in this process, without Dask; the file is mapped."""
    from benchmarks.measuring.blocks import LocalRunner
    from mnistlr.on_dask.fitting import objective_in_blocks

    X = open_idx(folder / "images.idx")
    X, y = X.reshape(len(X), -1), np.load(folder / "labels.npy")
    model = SoftmaxRegression()
    blocks = ([column[start:stop] for start, stop in itertools.pairwise(edges)] for column in (X, y))
    return objective_in_blocks(model, X, LocalRunner.of(model, *blocks, None, n_threads))[0]


class Parts(NamedTuple):
    """What a pass is made of."""

    row: float
    """Seconds of one core for one image."""
    fixed: float
    """Seconds that a pass on one worker takes beyond the work."""
    worker: float
    """Seconds that each further worker costs the scheduler and this process."""
    level: float
    """Seconds of adding up some workers' answers on one of them."""
    sent: float
    """Bytes to a worker."""
    returned: float
    """Bytes from a worker."""

    def project(self, machines: Any, rows: Any, cores: int, fan_in: int) -> dict[str, Any]:
        """Return the seconds of a pass on so many machines, by part."""
        levels = np.maximum(np.ceil(np.log(machines) / math.log(fan_in)) - 1, 0)
        # Answers meet ``fan_in`` at a time; the weights spread in as many steps.
        travel = (self.sent + fan_in * self.returned) / NETWORK + 2 * ROUND_TRIP
        return {
            "compute": self.row * rows / machines / cores,
            "scheduling": self.fixed + self.worker * machines,
            "weights and gradients": (levels + 1) * travel + levels * self.level,
        }


def bytes_of_a_pass(objective: Any, theta: Any) -> tuple[int, Any]:
    """Return the bytes of arrays that a pass on the cluster sends and receives, and the gradient that it finds."""
    before = objective.runner.bytes_moved
    gradient = objective.value_and_gradient(theta)[1]
    return objective.runner.bytes_moved - before, gradient


def measure_passes(folder: Path, n: int, repeats: int, quick: bool) -> tuple[list[Row], dict[str, Any]]:
    """Time a pass over ``n`` images with and without Dask; return the rows of a table and the parts."""
    found: dict[str, Any] = {}
    table = []
    for n_workers in (1, 2):
        with cluster(n_workers, not quick) as client:
            there, _ = objective_on_dask(client, folder, n, SoftmaxRegression(), 5000 if quick else n // 16)
            blocks = there.samples.starts
            here = objective_here(folder, blocks, n_workers)
            whole = objective_here(folder, [0, n], n_workers)
            theta = np.full(here.n_parameters, 1e-3)
            for objective in (here, there, whole):  # compiles, and brings the file into memory
                objective.value_and_gradient(theta)
            moved, gradient = bytes_of_a_pass(there, theta)
            same = np.array_equal(gradient, here.value_and_gradient(theta)[1])
            clocks = {
                name: clock(functools.partial(objective.value_and_gradient, theta), warm_up=False)
                for name, objective in (("here", here), ("there", there), ("whole", whole))
            }
            seconds = take_turns(clocks, repeats)
        what = f"{n:,} images, {n_workers} worker{'s' * (n_workers > 1)}"
        threads = f"{n_workers} thread{'s' * (n_workers > 1)}"
        goal = OVERHEAD if n >= 1_000_000 else None
        table.append(timed(what, seconds["there"], f"{threads}, same {len(blocks) - 1} blocks", seconds["here"], goal))
        table.append(timed("", seconds["there"], f"{threads}, one block", seconds["whole"]))
        table.append(Row("  moved in a pass", f"{moved / 1e3:.0f} kB", against="same bits" if same else "OTHER BITS"))
        found[f"seconds {n_workers}"], found[f"moved {n_workers}"] = seconds, moved
    return table, found


def measure_scheduling(folder: Path, quick: bool) -> tuple[float, float]:
    """Return the seconds of a pass over next to nothing on one worker, and what each further worker adds.

    The latter in time of this process, in which the scheduler runs: the workers, here on the same cores, take turns.
    """
    n_workers = 2 if quick else MANY
    latency, work = [], []
    for workers in (1, n_workers):
        with cluster(workers, not quick) as client:
            client.wait_for_workers(workers)
            objective, _ = objective_on_dask(client, folder, 50 * n_workers, SoftmaxRegression(), 50)
            theta = np.zeros(objective.n_parameters)
            for _ in range(5):
                objective.value_and_gradient(theta)
            start = time.process_time()
            read = clock(functools.partial(objective.value_and_gradient, theta), warm_up=False)
            latency.append(quartiles([read() for _ in range(20)])[1])
            work.append((time.process_time() - start) / 20)
    return latency[0], max(work[1] - work[0], 0.0) / (n_workers - 1)


def fit_in_little_memory(folder: Path, n: int) -> list[Row]:
    """Fit ``n`` images on two limited workers; return the rows of a table."""
    from mnistlr import on_dask
    from mnistlr.on_dask.fitting import Progress

    model = on_dask.SoftmaxRegression(solver="lbfgs", max_iter=12)
    with cluster(2, True, MEMORY_LIMIT) as client:
        client.wait_for_workers(2)
        workers = set(client.nthreads())
        before = client.run(resident, "VmRSS")
        start = time.perf_counter()
        objective, classes = objective_on_dask(client, folder, n, model)
        with Progress(True) as progress:
            objective.watch = progress.watch
            model._learn(objective, classes)
        seconds = time.perf_counter() - start
        objective.watch = None
        moved, _ = bytes_of_a_pass(objective, np.zeros(objective.n_parameters))
        peaks = client.run(resident, "VmHWM")
        spilled = sum(client.run(spilled_bytes).values())
        lost = len(workers - set(client.nthreads()))
        n_blocks = objective.runner.n_blocks
        X, y = (on_dask.open_array(folder / name, rows=10_000)[:60_000] for name in ("images.idx", "labels.npy"))
        accuracy = model.score(X, y)
    passes = model.history_["passes"][-1]
    loop = model.history_["seconds"][-1] / passes
    return [
        Row(f"{n:,} images, {n * 784 / 1e9:.1f} GB", f"{seconds:.0f} s", f"{n_blocks} blocks"),
        Row("  a pass", f"{loop:.2f} s", f"{passes:.0f} of them", readings=[loop]),
        Row("  moved in a pass", f"{moved / 1e3:.0f} kB", readings=[moved]),
        Row("  peak of a worker", f"{max(peaks.values()) / 1e6:.0f} MB", f"{max(before.values()) / 1e6:.0f} MB before",
            f"limit {MEMORY_LIMIT / 1e6:.0f} MB", readings=[peak / 1e6 for peak in peaks.values()]),
        Row("  spilled to disk", f"{spilled / 1e6:.0f} MB", f"workers lost: {lost}"),
        Row("  accuracy on the images", f"{100 * accuracy:.1f} %"),
    ]  # fmt: skip


def spilled_bytes(dask_worker: Any) -> int:
    """Return how much a worker has written to its disk."""
    return int(getattr(dask_worker.data, "spilled_total", (0, 0))[1])


def draw(parts: Parts, cores: int, fan_in: int, report: Report) -> None:
    """Draw the seconds of a pass over the number of machines."""
    figure = new_figure(figsize=(9, 4.8))
    if figure is None:
        return
    machines = np.unique(np.logspace(0, 3, 61).round())
    axes = figure.subplots(1, 2)
    settings = ((8e6 * machines, "8 million images a machine"), (1e9 + 0 * machines, "1,000 million images in all"))
    for ax, (rows, title) in zip(axes, settings, strict=True):
        projected = parts.project(machines, rows, cores, fan_in)
        for name, seconds in projected.items():
            ax.plot(machines, seconds, label=name)
        ax.plot(machines, sum(projected.values()), "k", label="a pass, in all")
        ax.set(xscale="log", yscale="log", xlabel="machines", ylabel="seconds", title=title, ylim=(1e-3, None))
        ax.grid(alpha=0.3)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    figure.suptitle("\n".join(textwrap.wrap(assumptions(parts, cores), 170)), fontsize=7, ha="left", x=0.02)
    save_figure(figure, report, "scale_out")


def assumptions(parts: Parts, cores: int) -> str:
    """Return the assumptions of the projection."""
    return (
        f"Measured here: {parts.row * 1e6:.2f} us of a core an image; {show_time(parts.fixed)} a pass and "
        f"{show_time(parts.worker)} a worker for scheduling (with {MANY} workers on these cores); "
        f"{show_time(parts.level)} to add up answers; {parts.sent / 1e3:.0f} kB to a worker, "
        f"{parts.returned / 1e3:.0f} kB back. Assumed: machines of {cores} cores like these, one worker each, all "
        "equally fast; blocks read from a local disk as fast as they are worked on, or from the page cache; a network "
        f"of {NETWORK * 8 / 1e9:.0f} Gbit/s with {show_time(ROUND_TRIP)} a round trip; a scheduler whose time grows "
        "in proportion to the workers; no failures."
    )


def main() -> None:
    """Generate, measure, print, draw."""
    report = Report(
        "Scale out: a pass on Dask workers against the same work without Dask", repeats=9,
        full=f"also fit {FULL:,} images on two workers of {MEMORY_LIMIT / 1e6:.0f} MB",
        keep=RESULTS / "scale_out.json",
    )  # fmt: skip
    try:
        from mnistlr.on_dask.cluster import FAN_IN
    except ImportError:
        print('skipped: this needs Dask, pip install "mnistlr[dask]"')
        return
    warnings.simplefilter("ignore")  # twelve iterations do not converge
    n = QUICK if report.quick else USUAL
    with images_on_disk(report) as (folder, _):
        if folder is None:
            return
        rows, found = measure_passes(folder, n, report.repeats, report.quick)
        report.table("A pass, value and gradient for ten classes", rows)
        fixed, worker = measure_scheduling(folder, report.quick)
        if report.full:
            report.table("A fit in little memory", fit_in_little_memory(folder, FULL))
    n_parameters = 10 * 784 + 10
    vectors = [np.ones(1 + n_parameters) for _ in range(FAN_IN)]
    level = quartiles([clock(lambda: sum(vectors), at_least=0.001)() for _ in range(9)])[1]
    sent = 8 * n_parameters
    row = quartiles(found["seconds 1"]["here"])[1] / n
    parts = Parts(row, fixed, worker, level, sent, found["moved 2"] / 2 - sent)
    cores = count_threads()
    rows = []
    for machines in (1, 10, 100, 1000):
        projected = parts.project(machines, 8e6 * machines, cores, FAN_IN)
        whole = sum(projected.values())
        shares = ", ".join(f"{name} {show_time(seconds)}" for name, seconds in projected.items())
        efficiency = f"{100 * projected['compute'] / whole:.0f} % computing"
        rows.append(Row(f"{machines:,} machines", show_time(float(whole)), shares, efficiency))
    report.table(
        "Projected: a pass over 8 million images a machine", rows, textwrap.fill(assumptions(parts, cores), 118)
    )
    draw(parts, cores, FAN_IN, report)
    report.close()


if __name__ == "__main__":
    main()
