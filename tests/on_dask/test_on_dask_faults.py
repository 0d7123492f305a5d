"""What breaks on a cluster of real processes: workers killed, the scheduler lost, another version, Ctrl-C."""

import asyncio
import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import dask
import numpy as np
import pytest
from distributed import Client, Worker
from sklearn.base import clone

from mnistlr import __version__, write_idx
from mnistlr.exceptions import ClusterError
from mnistlr.on_dask import SoftmaxRegression, cluster, open_array
from mnistlr.on_dask.fitting import Progress
from tests.helpers.blocks import fit_in_blocks

ROWS = 2000
KILLS = 8
pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")]


def environment() -> dict[str, str]:
    """The present one, of a process in another folder that finds the package here."""
    return os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}


def run_worker(address: str) -> None:
    """Be a worker, until killed."""

    async def main() -> None:
        async with Worker(address, nthreads=1, dashboard=False) as worker:
            await worker.finished()

    asyncio.run(main())


class Cluster:
    """A scheduler and workers as a user starts them, in processes of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.processes = folder, []
        self.file = folder / "scheduler.json"
        self.scheduler = self.start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", self.file)
        while not self.file.exists():
            assert self.scheduler.poll() is None, self.log()
            time.sleep(0.05)

    def start(self, what: str, *arguments: object) -> subprocess.Popen:
        command = [sys.executable, "-m", "dask", what, "--no-dashboard", *map(str, arguments)]
        with open(self.folder / "log.txt", "a") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, env=environment())
        self.processes.append(process)
        return process

    def worker(self, *arguments: object) -> subprocess.Popen:
        return self.start("worker", "--no-nanny", "--nthreads", 1, "--scheduler-file", self.file, *arguments)

    def quick_worker(self) -> multiprocessing.Process:
        """Fork a worker from a process that has imported everything: it is there at once."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["distributed", "mnistlr.on_dask.fitting"])
        process = context.Process(target=run_worker, args=[json.loads(self.file.read_text())["address"]], daemon=True)
        process.start()
        self.processes.append(process)
        return process

    def log(self) -> str:
        return (self.folder / "log.txt").read_text()

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            (process.wait if isinstance(process, subprocess.Popen) else process.join)()


@pytest.fixture
def processes(tmp_path):
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.stop()


@pytest.fixture
def files(tmp_path, mnist):
    """Images and labels in files, opened on Dask."""
    np.save(tmp_path / "X.npy", mnist.X_train)
    np.save(tmp_path / "y.npy", mnist.y_train)
    return [open_array(tmp_path / name, rows=ROWS) for name in ("X.npy", "y.npy")]


def expected(model, mnist):
    """What the fit should give, by one process without Dask."""
    edges = range(ROWS, len(mnist.X_train), ROWS)
    return fit_in_blocks(model, np.split(mnist.X_train, edges), np.split(mnist.y_train, edges))


def test_workers_killed_at_random_moments(processes, files, mnist, attack):
    """Fits end with the same bits while one worker after the other is killed in the middle of them and replaced."""
    models = [
        SoftmaxRegression(solver="lbfgs", max_iter=40, tol=0.0),
        SoftmaxRegression(solver="sgd", max_iter=6, tol=0.0, random_state=0),
        SoftmaxRegression(solver="newton", max_iter=3, tol=0.0),
    ]
    right = [expected(model, mnist) for model in models]
    in_memory = [column.map_blocks(np.array, dtype=column.dtype) for column in files]
    random = np.random.default_rng()
    workers = [processes.quick_worker() for _ in range(3)]
    in_pass, moments = threading.Event(), []
    with Client(scheduler_file=processes.file, set_as_default=False) as client:

        def kill() -> None:
            while len(moments) < KILLS * attack.factor:
                client.wait_for_workers(3)
                time.sleep(random.uniform(0.0, 1.0))
                in_pass.wait()
                victim = workers.pop(random.integers(len(workers)))
                victim.kill()
                moments.append(time.perf_counter())
                victim.join()
                while len(client.nthreads()) == 3:
                    time.sleep(0.01)
                workers.append(processes.quick_worker())

        client.wait_for_workers(3)
        killer = threading.Thread(target=kill)
        killer.start()
        kills_in_fit = []
        while killer.is_alive():
            number, before = len(kills_in_fit) % len(models), len(moments)
            model = clone(models[number])
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Progress, "watch", lambda self, value, norm: in_pass.set())  # from the first pass on
                model.fit(*(in_memory if len(kills_in_fit) % 2 else files), client=client)
            in_pass.clear()
            np.testing.assert_array_equal(model.coef_, right[number].coef_, strict=True)
            np.testing.assert_array_equal(model.intercept_, right[number].intercept_, strict=True)
            kills_in_fit.append(len(moments) - before)
        killer.join()
    print(f"{len(kills_in_fit)} fits, workers killed in each: {kills_in_fit}")
    assert sum(kills_in_fit) >= KILLS * attack.factor - 1  # the last may fall between two fits


def test_scheduler_lost(processes, files):
    """A clear error, and the estimator is as it was."""
    processes.quick_worker()
    model = SoftmaxRegression(solver="lbfgs", max_iter=2)
    with Client(scheduler_file=processes.file, set_as_default=False) as client:
        model.fit(*files, client=client)
        before = dict(model.__dict__)
        model.set_params(max_iter=10_000, tol=0.0)
        threading.Timer(1.0, processes.scheduler.kill).start()
        with pytest.raises(ClusterError, match="The Dask scheduler was lost"):
            model.fit(*files, client=client)
    after = model.set_params(max_iter=2, tol=None).__dict__
    assert after.keys() == before.keys()
    assert all(after[name] is before[name] for name in ("coef_", "intercept_", "classes_", "history_"))


def test_no_scheduler(files):
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "0.5s"}),
        pytest.raises(ClusterError, match=r"No Dask scheduler answers at tcp://127.0.0.1:1"),
    ):
        SoftmaxRegression().fit(*files, client="tcp://127.0.0.1:1")


def test_worker_with_another_version(processes, files, tmp_path, monkeypatch):
    preload = tmp_path / "other_version.py"
    preload.write_text("import mnistlr._version\nmnistlr._version.__version__ = '0.0.1'\n")
    processes.worker("--name", "old", "--preload", preload)
    with Client(scheduler_file=processes.file, set_as_default=False) as client:
        client.wait_for_workers(1)
        (address,) = client.nthreads()
        with pytest.raises(ClusterError, match=rf"{address} .* expected version {__version__}, found version 0\.0\.1"):
            SoftmaxRegression(solver="lbfgs").fit(*files, client=client)
        monkeypatch.setattr(cluster, "check_versions", lambda client: None)  # as if the worker had come later
        with pytest.raises(ClusterError, match=rf"{address} .* found version 0\.0\.1"):
            SoftmaxRegression(solver="lbfgs").fit(*files, client=client)


def test_interrupt_cancels_the_work_on_the_cluster(processes, files, tmp_path):
    """Ctrl-C in a process that fits: the workers go idle, the estimator is as it was."""
    processes.worker()
    script = tmp_path / "script.py"
    script.write_text(
        f"""
import sys, time
from distributed import Client
from mnistlr.on_dask import SoftmaxRegression, open_array

model = SoftmaxRegression(solver="gd", max_iter=10**6, tol=0.0)
with Client(scheduler_file={str(processes.file)!r}) as client:
    try:
        X, y = (open_array({str(tmp_path)!r} + name, rows=1000)[:4000] for name in ("/X.npy", "/y.npy"))
        model.fit(X, y, progress=True)
    except KeyboardInterrupt:
        untouched = not hasattr(model, "coef_") and not hasattr(model, "n_features_in_")
        print("interrupted", untouched, flush=True)
        time.sleep(1)
        left = client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks))
        print(list(client.processing().values()), left, flush=True)
"""
    )
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, str(script)], env=environment(), **pipes)
    seen = ""
    while "pass 3" not in seen:
        seen += process.stderr.read(1)
        assert process.poll() is None, seen
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    assert printed.splitlines() == ["interrupted True", "[()] 0"]


def test_the_readme_word_by_word(processes, tmp_path, small_mnist):
    """The program of the README's section runs as it is there, but for the address of the scheduler."""
    section = (Path(__file__).parents[2] / "README.md").read_text().partition("\n## Beyond one machine\n")[2]
    (program,) = re.findall(r"```python\n(.*?)```", section.partition("\n## ")[0], re.DOTALL)
    (tmp_path / "mnist").mkdir()
    for part, X, y in (("train", *small_mnist[:3:2]), ("t10k", *small_mnist[1:4:2])):
        write_idx(tmp_path / "mnist" / f"{part}-images-idx3-ubyte", X.reshape(-1, 28, 28))
        write_idx(tmp_path / "mnist" / f"{part}-labels-idx1-ubyte", y.astype(np.uint8))
    processes.quick_worker()
    program = program.replace("tcp://scheduler:8786", json.loads(processes.file.read_text())["address"])
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert float(result.stdout) > 0.8
