"""Chunks of work on the thread pool: each done once, errors told, safe from threads and after a fork."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from contextlib import nullcontext

import joblib
import numba
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mnistlr._support import threads
from mnistlr._support.threads import add_up_chunks, count_threads, run_chunks


@pytest.mark.parametrize("n_threads", [1, 2, 3, 8, 100])
@pytest.mark.parametrize("n_chunks", [0, 1, 2, 7, 200])
def test_each_chunk_is_done_once(n_chunks, n_threads):
    done = []
    run_chunks(done.append, n_chunks, n_threads)
    assert sorted(done) == list(range(n_chunks))


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_vectors_are_added_in_the_order_of_the_chunks(n_threads):
    """Whichever is there first: the bits are those of one sum after the other."""
    random = np.random.default_rng(0)
    vectors = random.standard_normal((40, 3)) * 10.0 ** random.integers(-8, 8, (40, 1))
    delays = random.random(40) / 500

    def work(chunk, vector):
        time.sleep(delays[chunk])
        vector += vectors[chunk]

    expected = np.zeros(3)
    for vector in vectors:
        expected += vector
    assert_array_equal(add_up_chunks(work, 40, n_threads, 3), expected)
    assert not np.array_equal(vectors[::-1].cumsum(axis=0)[-1], expected), "here the order matters"
    assert_array_equal(add_up_chunks(work, 0, n_threads, 3), np.zeros(3))


def test_one_thread_starts_no_other():
    before = threading.active_count()
    names = set()
    run_chunks(lambda chunk: names.add(threading.current_thread().name), 50, 1)
    assert names == {threading.current_thread().name}
    assert threading.active_count() == before


@pytest.mark.parametrize("n_threads", [1, 2, 4])
@pytest.mark.parametrize("bad_chunk", [0, 3, 9])
def test_an_error_in_a_chunk_is_raised(bad_chunk, n_threads):
    def work(chunk):
        if chunk == bad_chunk:
            raise LookupError(f"chunk {chunk}")

    for _ in range(20):
        with pytest.raises(LookupError, match=f"chunk {bad_chunk}"):
            run_chunks(work, 10, n_threads)
    test_each_chunk_is_done_once(7, n_threads)  # the pool goes on working


def test_an_error_in_a_helper_is_raised():
    """Also if the thread that called has no part in it."""
    caller = threading.current_thread()
    helper_failed = threading.Event()

    def work(chunk):
        if threading.current_thread() is caller:
            assert helper_failed.wait(30)
        else:
            helper_failed.set()
            raise LookupError("helper")

    with pytest.raises(LookupError, match="helper"):
        run_chunks(work, 2, 2)


def test_the_caller_takes_part_and_waits_for_the_slowest():
    caller = threading.current_thread()
    helper_began, finished = threading.Event(), {}

    def work(chunk):
        if threading.current_thread() is caller:
            assert helper_began.wait(30)
        else:
            helper_began.set()
            time.sleep(0.05)
        finished[threading.current_thread()] = chunk

    run_chunks(work, 2, 2)
    assert caller in finished
    assert sorted(finished.values()) == [0, 1]


def test_nothing_runs_on_after_an_interrupt():
    caller = threading.current_thread()
    running = []

    def work(chunk):
        if threading.current_thread() is caller:
            raise KeyboardInterrupt
        running.append(chunk)
        time.sleep(0.001)
        running.append(-chunk)

    with pytest.raises(KeyboardInterrupt):
        run_chunks(work, 10_000, 3)
    count = len(running)
    assert count < 1000
    assert count % 2 == 0  # what had been begun was finished
    time.sleep(0.01)
    assert len(running) == count


def test_from_several_threads_at_once():
    results = [np.zeros(300) for _ in range(8)]

    def call(result):
        for _ in range(20):
            run_chunks(lambda chunk: result.__setitem__(chunk, result[chunk] + 1), 300, 4)

    callers = [threading.Thread(target=call, args=(result,)) for result in results]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60)
    for result in results:
        assert_array_equal(result, 20)


def _child(connection):
    done = []
    run_chunks(done.append, 100, 3)
    connection.send(sorted(done))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("while_locked", [False, True])
def test_after_a_fork(while_locked):
    run_chunks(lambda chunk: None, 10, 3)  # the parent's pool exists
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(sender,), daemon=True)  # one that hangs dies with us
    with threads._lock if while_locked else nullcontext():
        child.start()
    assert receiver.poll(30), "the child hangs"
    assert receiver.recv() == list(range(100))
    child.join()
    test_each_chunk_is_done_once(20, 3)  # and so does the parent's


# --- how many -------------------------------------------------------------------------------------------------


def test_count_threads():
    cores = count_threads()
    assert 1 <= cores <= os.cpu_count()
    assert count_threads(None) == cores == count_threads(-1)
    assert count_threads(3) == 3
    assert count_threads(-2) == max(1, cores - 1)
    assert count_threads(-1000) == 1
    with pytest.raises(ValueError, match="n_jobs"):
        count_threads(0)


def test_count_threads_takes_the_share_that_joblib_leaves():
    assert joblib.Parallel(2, backend="threading")(joblib.delayed(count_threads)() for _ in range(2)) == [1, 1]
    one_of_two = max(1, joblib.cpu_count() // 2)
    inside = joblib.Parallel(2, backend="loky")(joblib.delayed(count_threads)() for _ in range(2))
    assert max(inside) <= one_of_two


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_count_threads_obeys_joblibs_configuration(backend):
    with joblib.parallel_config(backend):
        assert count_threads() == count_threads(-1)  # no number is given, and nothing shared yet
    with joblib.parallel_config(backend, n_jobs=3):
        assert count_threads() == 3
        assert count_threads(2) == 2  # an argument goes before
    with joblib.parallel_config(backend, n_jobs=1):
        assert count_threads() == 1


@pytest.mark.parametrize(("value", "most"), [("1", 1), ("1,8", 1), (" 1 ", 1), ("1000", None), ("", None), ("0", None)])
def test_count_threads_keeps_the_limits_of_openmp_and_numba(monkeypatch, value, most):
    """joblib and Dask tell their workers their share by numba's."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    cores = count_threads(-1)
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert count_threads() == count_threads(-1) == (most or cores)
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 1)
    assert count_threads() == count_threads(-1) == 1
    assert count_threads(3) == 3


LATE = {
    "at exit": "import atexit; atexit.register(work)",
    "after the main thread": (
        "import threading, time\n"
        "threading.Thread(target=lambda: (threading.main_thread().join(), time.sleep(0.1), work())).start()"
    ),
    "no thread starts": (
        'import threading\ndef refuse(*_): raise RuntimeError("can\'t start new thread")\n'
        "threading.Thread.start = refuse\nwork(); work()"
    ),
    "all threads wait for chunks of their own": "run_chunks(lambda i: run_chunks(lambda j: None, 8, 8), 8, 8); work()",
}


@pytest.mark.parametrize("before", ["", "run_chunks(lambda chunk: None, 4, 4)"], ids=["no pool yet", "a pool"])
@pytest.mark.parametrize("when", LATE)
def test_where_no_thread_can_be_started(when, before):
    code = (
        "from mnistlr._support.threads import run_chunks\n"
        "def work():\n    done = []\n    run_chunks(done.append, 9, 4)\n    print(sorted(done) == list(range(9)))\n"
        f"{before}\n{LATE[when]}"
    )
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], timeout=60, capture_output=True, text=True)
    assert (run.stderr, set(run.stdout.split())) == ("", {"True"})


def test_a_task_whose_thread_failed_to_start_is_waited_for(monkeypatch):
    """The pool has queued it, and a thread of another caller takes it while this one is still at work."""
    monkeypatch.setattr(threads, "_pool", None)
    first_is_done, done = threading.Event(), []
    released = threading.Thread(target=lambda: run_chunks(lambda chunk: first_is_done.wait(30), 2, 2))
    released.start()
    while len(threads._get_pool()._threads) < 1:
        time.sleep(0.001)

    def refuse(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)

    def work(chunk):
        if chunk == 0:
            first_is_done.set()
            time.sleep(0.05)
        else:
            time.sleep(0.1)
        done.append(chunk)

    run_chunks(work, 4, 2)
    assert sorted(done) == [0, 1, 2, 3]
    released.join(30)
