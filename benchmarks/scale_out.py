"""Scale out: a pass over the data on Dask workers against the same work without Dask, and what that says of many.

Images lie on disk, as in ``benchmarks.scale``. A pass, value and gradient over all blocks, is timed in this process
without Dask and on one and two workers of one thread each; ``--full`` fits 8 million images on two workers that are
limited to 700 MB. The projection to 1,000 machines adds up measured parts; what it assumes stands beside it.
"""

import copy
import functools
import math
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.measure import clock, quartiles, take_turns
from benchmarks.memory import resident
from benchmarks.report import Report, Row, show_time, timed
from benchmarks.scale import generate
from mnistlr import SoftmaxRegression, open_idx
from mnistlr.threads import count_threads

FULL, USUAL, QUICK = 8_000_000, 1_000_000, 20_000
MEMORY_LIMIT = 700_000_000  # bytes, of a worker
OVERHEAD = 1.1  # the most that a pass on Dask may take, in passes without it
MANY = 16  # workers, to see what one more costs the scheduler
NETWORK = 1.25e9  # bytes a second: 10 Gbit/s
ROUND_TRIP = 0.5e-3  # seconds, between two machines
RESULTS = Path("results")


@contextmanager
def cluster(n_workers: int, in_processes: bool, memory_limit: Any = "auto") -> Iterator[Any]:
    """Yield a client of workers of one thread each, with limited memory."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=n_workers, threads_per_worker=1, processes=in_processes, dashboard_address="127.0.0.1:0",
            memory_limit=memory_limit if in_processes else 0,
        ) as workers,
        Client(workers, set_as_default=False) as client,
    ):  # fmt: skip
        yield client


def objective_on_dask(client: Any, folder: Path, n: int, rows: int | None = None) -> Any:
    """Return the objective on the first ``n`` images, in blocks on the cluster."""
    from mnistlr.on_dask import open_array
    from mnistlr.on_dask.cluster import ClusterRunner
    from mnistlr.on_dask.fitting import objective_in_blocks
    from mnistlr.on_dask.loading import delayed_blocks, load

    X = open_array(folder / "images.idx", rows=rows)[:n]
    y = open_array(folder / "labels.npy", rows=X.chunksize[0])[:n]
    model = SoftmaxRegression()
    runner = ClusterRunner(client, load(client, delayed_blocks(X, y), copy.copy(model)))
    return objective_in_blocks(model, X._meta, runner)[0]


def objective_here(folder: Path, n: int, rows: int, n_threads: int) -> Any:
    """Return the objective on the same blocks in this process, without Dask."""
    from mnistlr.on_dask.block import check
    from mnistlr.on_dask.fitting import objective_in_blocks
    from mnistlr.on_dask.objective import LocalRunner

    X = open_idx(folder / "images.idx")
    X, y = X.reshape(len(X), -1), np.load(folder / "labels.npy")
    model = SoftmaxRegression()
    blocks = [
        check(i, X[start : min(start + rows, n)], y[start : min(start + rows, n)], None, copy.copy(model))
        for i, start in enumerate(range(0, n, rows))
    ]
    return objective_in_blocks(model, X, LocalRunner(blocks, n_threads))[0]


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


def measure_passes(folder: Path, n: int, repeats: int, quick: bool) -> tuple[list[Row], dict[str, Any]]:
    """Time a pass over ``n`` images with and without Dask; return the rows of a table and the parts."""
    rows = 5000 if quick else 21_000
    found: dict[str, Any] = {}
    table = []
    for n_workers in (1, 2):
        here = objective_here(folder, n, rows, n_workers)
        theta = np.full(here.n_parameters, 1e-3)
        with cluster(n_workers, not quick) as client:
            there = objective_on_dask(client, folder, n, rows)
            for objective in (here, there):  # compiles, and brings the file into memory
                objective.value_and_gradient(theta)
            moved = there.runner.bytes_moved
            same = np.array_equal(there.value_and_gradient(theta)[1], here.value_and_gradient(theta)[1])
            moved = there.runner.bytes_moved - moved
            clocks = {
                name: clock(functools.partial(objective.value_and_gradient, theta), warm_up=False)
                for name, objective in (("here", here), ("there", there))
            }
            seconds = take_turns(clocks, repeats)
        what = f"{n:,} images, {n_workers} worker{'s' * (n_workers > 1)}"
        goal = OVERHEAD if n >= 1_000_000 else None
        table.append(timed(what, seconds["there"], f"{n_workers} thread(s), no Dask", seconds["here"], goal))
        table.append(Row("  moved in a pass", f"{moved / 1e3:.0f} kB", against="same bits" if same else "OTHER BITS"))
        found[f"seconds {n_workers}"], found[f"moved {n_workers}"] = seconds, moved
    return table, found


def measure_scheduling(folder: Path) -> tuple[float, float]:
    """Return the seconds of a pass over next to nothing on one worker, and what each further worker adds."""
    medians = []
    for n_workers in (1, MANY):
        with cluster(n_workers, False) as client:
            objective = objective_on_dask(client, folder, 50 * MANY, 50)
            theta = np.zeros(objective.n_parameters)
            objective.value_and_gradient(theta)
            read = clock(functools.partial(objective.value_and_gradient, theta), warm_up=False)
            read = clock(functools.partial(objective.value_and_gradient, theta), warm_up=False)
            seconds = [read() for _ in range(9)]
        medians.append(quartiles(seconds)[1])
    return medians[0], max(medians[1] - medians[0], 0.0) / (MANY - 1)


def fit_in_little_memory(folder: Path, n: int) -> list[Row]:
    """Fit ``n`` images on two limited workers; return the rows of a table."""
    from mnistlr.on_dask import fit, open_array

    with cluster(2, True, MEMORY_LIMIT) as client:
        X = open_array(folder / "images.idx")[:n]
        y = open_array(folder / "labels.npy", rows=X.chunksize[0])[:n]
        model = SoftmaxRegression(solver="lbfgs", max_iter=12)
        workers = set(client.nthreads())
        before = client.run(resident, "VmRSS")
        start = time.perf_counter()
        fit(model, X, y, client=client, progress=True)
        seconds = time.perf_counter() - start
        peaks = client.run(resident, "VmHWM")
        spilled = sum(client.run(spilled_bytes).values())
        lost = len(workers - set(client.nthreads()))
    passes = model.history_["passes"][-1]
    loop = model.history_["seconds"][-1] / passes
    size = n * 784 / 1e9
    return [
        Row(f"{n:,} images, {size:.1f} GB", f"{seconds:.0f} s", f"{passes:.0f} passes, {loop:.2f} s each"),
        Row("  peak of a worker", f"{max(peaks.values()) / 1e6:.0f} MB", f"{max(before.values()) / 1e6:.0f} MB before",
            f"limit {MEMORY_LIMIT / 1e6:.0f} MB", readings=[peak / 1e6 for peak in peaks.values()]),
        Row("  spilled to disk", f"{spilled / 1e6:.0f} MB", f"workers lost: {lost}"),
        Row("  accuracy on the images", f"{100 * model.score(X[:60_000], y[:60_000]):.1f} %"),
    ]  # fmt: skip


def spilled_bytes(dask_worker: Any) -> int:
    """Return how much a worker has written to its disk."""
    return int(getattr(dask_worker.data, "spilled_total", (0, 0))[1])


def draw(parts: Parts, cores: int, fan_in: int, path: Path) -> None:
    """Draw the seconds of a pass over the number of machines."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no figure: matplotlib is not installed")
        return
    machines = np.unique(np.logspace(0, 3, 61).round())
    figure = Figure(figsize=(9, 4.4), layout="constrained")
    axes = figure.subplots(1, 2)
    settings = ((8e6 * machines, "8 million images a machine"), (1e9 + 0 * machines, "1,000 million images in all"))
    for ax, (rows, title) in zip(axes, settings, strict=True):
        projected = parts.project(machines, rows, cores, fan_in)
        for name, seconds in projected.items():
            ax.plot(machines, seconds, label=name)
        ax.plot(machines, sum(projected.values()), "k", label="a pass, in all")
        ax.set(xscale="log", yscale="log", xlabel="machines", ylabel="seconds", title=title, ylim=(1e-3, None))
        ax.grid(alpha=0.3)
    axes[0].legend(frameon=False, fontsize="small")
    figure.suptitle("\n".join(assumptions(parts, cores)), fontsize=7, ha="left", x=0.02)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    print(f"figure: {path}")


def assumptions(parts: Parts, cores: int) -> list[str]:
    """Return what the projection takes for granted."""
    return [
        f"Measured here: {parts.row * 1e6:.2f} us of a core an image; {show_time(parts.fixed)} a pass and "
        f"{show_time(parts.worker)} a worker for scheduling; {show_time(parts.level)}",
        f"to add up answers; {parts.sent / 1e3:.0f} kB to a worker, {parts.returned / 1e3:.0f} kB back. (Scheduling "
        f"was measured with {MANY} workers in one process on these",
        "cores, so it includes what the workers do themselves, and is an upper bound.) Assumed: machines of "
        f"{cores} cores like these, one worker each, all equally",
        "fast; blocks read from a local disk as fast as they are worked on, or from the page cache; a network of "
        f"{NETWORK * 8 / 1e9:.0f} Gbit/s",
        f"with {show_time(ROUND_TRIP)} a round trip; a scheduler whose time grows in proportion to the workers; no "
        "failures.",
    ]


def main() -> None:
    """Generate, measure, print, draw."""
    report = Report(
        "Scale out: a pass on Dask workers against the same work without Dask", repeats=5,
        full=f"also fit {FULL:,} images on two workers of {MEMORY_LIMIT / 1e6:.0f} MB",
    )  # fmt: skip
    try:
        from mnistlr.on_dask.cluster import FAN_IN
    except ImportError:
        print('skipped: this needs Dask, pip install "mnistlr[dask]"')
        return
    warnings.simplefilter("ignore")  # twelve iterations do not converge
    data = report.data()
    n = QUICK if report.quick else USUAL
    most = FULL if report.full else n
    with tempfile.TemporaryDirectory(prefix="mnistlr-scale-out-") as name:
        folder = Path(name)
        free = shutil.disk_usage(folder).free
        if free < 1.2 * most * 784 + 1e9:
            print(f"skipped: it takes {most * 784 / 1e9:.1f} GB of disk and some to spare, free: {free / 1e9:.1f} GB")
            return
        generate(folder, most, data.X_train, data.y_train)
        rows, found = measure_passes(folder, n, report.repeats, report.quick)
        report.table("A pass, value and gradient for ten classes", rows)
        fixed, worker = measure_scheduling(folder)
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
    report.table("Projected: a pass over 8 million images a machine", rows, "\n".join(assumptions(parts, cores)))
    draw(parts, cores, FAN_IN, RESULTS / ("scale_out-quick.png" if report.quick else "scale_out.png"))
    report.close()


if __name__ == "__main__":
    main()
