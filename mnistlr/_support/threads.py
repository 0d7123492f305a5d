"""Work in numbered chunks on a pool of Python threads.

The kernels release the GIL, so plain threads run them on all cores; unlike numba's own threading layers, a Python
pool may be entered from several threads at once, and after a fork. Results never depend on the number of threads
when chunks are cut by the data alone and write to places of their own.
"""

import itertools
import math
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar

import numba
import numpy as np
import numpy.typing as npt

PARTS = 16  # of a triangle
_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None
_default: ContextVar[int | None] = ContextVar("default n_jobs", default=None)


def _forget_pool() -> None:
    # The threads of the parent do not exist in a forked child, and its lock may have been held.
    global _lock, _pool
    _lock, _pool = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


@contextmanager
def default_n_jobs(n_jobs: int | None) -> Iterator[None]:
    """Let ``n_jobs=None`` mean ``n_jobs`` inside the block."""
    token = _default.set(n_jobs)
    try:
        yield
    finally:
        _default.reset(token)


def count_threads(n_jobs: int | None = None) -> int:
    """Return the number of threads that ``n_jobs`` means, at least 1.

    Parameters
    ----------
    n_jobs : int or None
        None: what ``joblib.parallel_config(n_jobs=...)`` says; otherwise all cores that this process may use, or the
        share that joblib or Dask left to it. Negative: counted from those cores in the manner of joblib, -1 being all.

    Raises
    ------
    ValueError
        If it is 0.

    Notes
    -----
    The cores are those of the process's affinity and of its container, and no more than ``OMP_NUM_THREADS`` or
    ``NUMBA_NUM_THREADS`` in the environment. Inside a thread of joblib, None is one thread. In threads of other
    pools it is not: helpers come from one pool with a thread for each core, so that any number of callers shares it.
    ``threadpoolctl.threadpool_limits`` limits BLAS and OpenMP, and not this pool.
    """
    from joblib import cpu_count
    from joblib.parallel import get_active_backend

    n_jobs = _default.get() if n_jobs is None else n_jobs
    if n_jobs is None:
        backend, n_jobs = get_active_backend()
        if (backend.nesting_level or 0) > 0:
            return 1
    if n_jobs == 0:
        raise ValueError(
            "n_jobs must be a positive or a negative number of threads or None, got 0; use 1 for one thread."
        )
    if n_jobs is not None and n_jobs > 0:
        return n_jobs
    # joblib and Dask put the share of a worker process into NUMBA_NUM_THREADS, which numba reads.
    cores = int(max(1, min(cpu_count(), _openmp_limit(), numba.config.NUMBA_NUM_THREADS)))  # type: ignore[attr-defined]
    return cores if n_jobs is None else max(1, cores + 1 + n_jobs)


def _openmp_limit() -> float:
    """Return the first number of ``OMP_NUM_THREADS``, such as ``4`` or ``4,2``; infinity where it has none above 0."""
    first = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(first) if first.isdecimal() and int(first) > 0 else math.inf


def run_chunks(work: Callable[[int], None], n_chunks: int, n_threads: int) -> None:
    """Call ``work(0), ..., work(n_chunks - 1)``, each once, on up to ``n_threads`` threads, this one included.

    Where no other thread can be started, this one does all: at exit, after the end of the main thread, or in a
    container at its limit.

    Raises
    ------
    BaseException
        The first error of any chunk, once all threads have stopped.
    """
    chunks = itertools.count()  # its next() is atomic

    def run() -> None:
        while (chunk := next(chunks)) < n_chunks:
            work(chunk)

    def help_out(helper: Future[None]) -> None:
        if helper.set_running_or_notify_cancel():
            try:
                run()
                helper.set_result(None)
            except BaseException as error:
                helper.set_exception(error)

    # Futures of our own: the pool queues a task before it fails to start a thread, and another thread may take it.
    helpers: list[Future[None]] = []
    try:
        with suppress(RuntimeError):  # no thread can be started, as at the end of the process: then do without
            for _ in range(min(n_threads, n_chunks) - 1):
                helpers.append(Future())
                _get_pool().submit(help_out, helpers[-1])
        run()
    finally:
        for _ in range(n_chunks):  # after an error or an interrupt here, the others find nothing left to do
            next(chunks)
        # Never wait for a helper that has not started: it may be queued behind this very thread.
        errors = [helper.exception() for helper in helpers if not helper.cancel()]
    for error in errors:
        if error is not None:
            raise error


def parts_of_triangle(n: int) -> list[tuple[int, int]]:
    """Cut the n rows of a lower triangle into parts, (first, last), that are alike in area."""
    edges = np.rint(n * np.sqrt(np.arange(PARTS + 1) / PARTS)).astype(int)
    return [(int(first), int(last)) for first, last in itertools.pairwise(edges)]


def add_up_chunks(
    work: Callable[[int, npt.NDArray[np.float64]], None], n_chunks: int, n_threads: int, size: int
) -> npt.NDArray[np.float64]:
    """Return the sum of vectors, shape (size,): ``work(chunk, vector)`` adds to a vector of zeros.

    They are summed in the order of the chunks, each as soon as all before it have been. So only a few of them exist at
    a time.
    """
    total = np.zeros(size)
    waiting: dict[int, npt.NDArray[np.float64]] = {}
    following, lock = 0, threading.Lock()

    def run(chunk: int) -> None:
        nonlocal following
        vector = np.zeros(size)
        work(chunk, vector)
        with lock:
            waiting[chunk] = vector
            while following in waiting:
                np.add(total, waiting.pop(following), out=total)
                following += 1

    run_chunks(run, n_chunks, n_threads)
    return total


def _get_pool() -> ThreadPoolExecutor:
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="mnistlr")
        return _pool
