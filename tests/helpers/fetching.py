"""Loads MNIST in a process of its own; imports little, and is quick to start from a fork server."""

import io
import json
import os
import sys
import time
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any, NamedTuple

import mnistlr._support.files
from mnistlr import DataUnavailableError
from mnistlr.datasets import download, load_mnist, mnist, mnist_files

PHASES = ("starting", "downloading", "unpacking", "writing", "renaming", "done")


def fork_server() -> ForkServerContext:
    context = ForkServerContext()
    context.set_forkserver_preload(["mnistlr.datasets.download", "requests", "tqdm", "mnistlr._support.files"])
    return context


class Task(NamedTuple):
    """What a process needs to know; `argument` makes it fit for a command line."""

    mirrors: list[str]
    cache: str
    files: dict[str, Any]

    @property
    def argument(self) -> str:
        return json.dumps(self)


def load(task: Task) -> int:
    """Load MNIST as the task says; return the sum of all pixels and labels."""
    download.MIRRORS, download.OPENML = tuple(task.mirrors), task.mirrors[0]
    download._from_openml = lambda url, parts, accept: "not imitated here"
    for part, (name, shape, sha256) in task.files.items():
        mnist_files.MNIST_FILES[part] = mnist_files.MnistFile(name, tuple(shape), sha256)
    os.environ.pop("MNISTLR_DATA", None)
    return sum(int(array.sum()) for array in load_mnist(cache_dir=task.cache, offline=False))


def load_and_check(task: Task, expected: int) -> None:
    """Load; end with another status than 0 if anything is wrong."""
    assert load(task) == expected


def load_slowly(task: Task, phase_file: str, pause: float) -> None:
    """Load with a slow disk, telling in a file of one byte what goes on."""
    file = os.open(phase_file, os.O_WRONLY | os.O_CREAT)

    def enter(phase: str) -> None:
        os.pwrite(file, bytes([PHASES.index(phase)]), 0)
        time.sleep(pause)

    class SlowFile(io.BufferedWriter):
        def write(self, data: Any) -> int:
            view = memoryview(data)
            for half in (view[: len(view) // 2], view[len(view) // 2 :]):
                enter("writing")
                super().write(half)
                self.flush()
            return len(view)

    def patch(module: Any, name: str, phase: str) -> None:
        function = getattr(module, name)

        def slowly(*arguments: Any) -> Any:
            enter(phase)
            result = function(*arguments)
            time.sleep(pause)
            return result

        setattr(module, name, slowly)

    patch(download, "_transfer", "downloading")
    patch(download, "read_idx_stream", "unpacking")
    patch(mnist, "check_contents", "unpacking")
    patch(os, "fsync", "writing")
    patch(os, "replace", "renaming")

    def open_slowly(path: Any, mode: str, **settings: Any) -> Any:
        return SlowFile(io.FileIO(path, mode)) if mode == "xb" else open(path, mode, **settings)

    mnistlr._support.files.open = open_slowly  # type: ignore[attr-defined]
    load(task)
    enter("done")


def write_often(path: str, n_times: int) -> None:
    """Write a file of 10,000 equal bytes again and again; half of the time it is half written."""
    for k in range(n_times):
        half = bytes([k % 256]) * 5_000
        with mnistlr._support.files.atomic_write(path) as file:
            file.write(half)
            file.flush()
            time.sleep(0.0005)
            file.write(half)
        contents = Path(path).read_bytes()
        assert len(contents) == 10_000
        assert len(set(contents)) == 1


if __name__ == "__main__":
    try:
        print(load(Task(*json.loads(sys.argv[1]))))
    except DataUnavailableError as error:
        print("DataUnavailableError:", error)
