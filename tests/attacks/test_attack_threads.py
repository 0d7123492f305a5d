"""Fits at the same time in threads, forked children and workers, and fits interrupted at any moment.

Expected every time: no crash, the same bits as of a fit alone, and an estimator that is as it was before or wholly
fitted. ``--attacks N`` attacks N times as often.
"""

import json
import multiprocessing
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from pathlib import Path

import joblib
import numpy as np
import pytest

from mnistlr import SoftmaxRegression
from mnistlr.training import DEFAULTS

SOLVERS = sorted(DEFAULTS)
# For all tests alike: warnings.catch_warnings is no help where several threads run.
pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")]


def images(seed=0, n=2000):
    """Random pixels, enough of them for several chunks; 10 classes that differ a little."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 10, n)
    X = random.integers(0, 200, (n, 60)).astype(np.uint8)
    X[np.arange(n), y] += 55
    return X, y


def model(solver, **settings):
    return SoftmaxRegression(**{"solver": solver, "max_iter": 2, "random_state": 0, "n_jobs": 2, **settings})


def bits(value):
    """Everything that is in a value, to the bit, to be compared; without the seconds that it took."""
    if isinstance(value, np.ndarray):
        return (str(value.dtype), value.shape, value.tobytes())
    if isinstance(value, dict):
        return {key: bits(item) for key, item in value.items() if key != "seconds"}
    if hasattr(value, "__dict__"):
        return (type(value).__name__, bits(vars(value)))
    return pickle.dumps(value)


def fit_bits(X, y, solver):
    return bits(model(solver).fit(X, y))


@pytest.fixture(scope="module")
def alone():
    """What each solver makes of the images when it is alone."""
    return {solver: fit_bits(*images(), solver) for solver in SOLVERS}


def in_threads(n_threads, work):
    """Call ``work(0), ..., work(n_threads - 1)`` at once; return what they return or raise what one raises."""
    together = threading.Barrier(n_threads)

    def call(i):
        together.wait(60)
        return work(i)

    return joblib.Parallel(n_threads, backend="threading")(joblib.delayed(call)(i) for i in range(n_threads))


@pytest.mark.parametrize("solver", SOLVERS)
def test_eight_threads_at_once(attack, alone, solver):
    """Half of them with threads of their own."""
    X, y = images()
    for _ in range(attack.factor):
        for found in in_threads(8, lambda i: bits(model(solver, n_jobs=1 + i % 2 * 3).fit(X, y))):
            found[1].pop("n_jobs")
            assert found[1] == {key: part for key, part in alone[solver][1].items() if key != "n_jobs"}
            attack.ends["the same bits"] += 1


def test_eight_threads_on_one_estimator(attack):
    """The last to finish wins; nothing of the others' is left in it."""
    sets = [(X[:, seed:], y) for seed, (X, y) in enumerate(map(images, range(4)))]
    expected = [bits(model("sgd").fit(*data)) for data in sets]
    for _ in range(5 * attack.factor):
        shared = model("sgd").fit(*sets[0])
        in_threads(8, lambda i, shared=shared: shared.fit(*sets[i % 4]))
        assert bits(shared) in expected
        attack.ends["one of four"] += 1


# --- forked children and workers --------------------------------------------------------------------------------


def _child(connection, solver):
    connection.send(fit_bits(*images(), solver))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_children_forked_while_threads_fit(attack, alone):
    """The pool's threads are in the middle of their work and do not exist in the child."""
    context, done = multiprocessing.get_context("fork"), threading.Event()

    def keep_busy(solver):
        X, y = images()
        while not done.is_set():
            fit_bits(X, y, solver)

    busy = [threading.Thread(target=keep_busy, args=(solver,)) for solver in ("lbfgs", "sgd")]
    for thread in busy:
        thread.start()
    try:
        for round_ in range(12 * attack.factor):
            receiver, sender = context.Pipe(duplex=False)
            solver = SOLVERS[round_ % len(SOLVERS)]
            child = context.Process(target=_child, args=(sender, solver), daemon=True)  # one that hangs dies with us
            child.start()
            assert receiver.poll(60), "the child hangs"
            assert receiver.recv() == alone[solver]
            child.join(60)
            assert child.exitcode == 0
            attack.ends["the same bits"] += 1
    finally:
        done.set()
        for thread in busy:
            thread.join(60)


def _kind_and_fit(X, y, solver):
    return type(X), fit_bits(X, y, solver)


def test_joblib_workers(attack, alone):
    """A worker gets its data as read-only memory maps, and a share of the cores."""
    X, y = images()
    solvers = SOLVERS * attack.factor
    found = joblib.Parallel(2, "loky", max_nbytes=1000)(joblib.delayed(_kind_and_fit)(X, y, each) for each in solvers)
    assert found == [(np.memmap, alone[solver]) for solver in solvers]
    attack.ends["the same bits"] += len(solvers)


# --- interrupts -------------------------------------------------------------------------------------------------

INTERRUPTED = "interrupted, as before"
FITTED = "interrupted, fitted"
TOO_LATE = "finished first"


class Interrupter(threading.Thread):
    """Sends SIGINT to this process, to whatever the main thread is doing, after a delay."""

    def __init__(self):
        super().__init__(daemon=True)
        self.delays = queue.SimpleQueue()
        self.start()

    def run(self):
        while True:
            time.sleep(self.delays.get())
            os.kill(os.getpid(), signal.SIGINT)


def interrupt(interrupter, delay, estimator, method, arguments, before, after):
    """Interrupt one call; return how it ended."""
    finished = False
    try:
        interrupter.delays.put(delay)
        getattr(estimator, method)(*arguments)
        finished = True
        time.sleep(30)
        raise AssertionError("the interrupt was lost")
    except KeyboardInterrupt:
        pass
    found = bits(estimator)
    assert found in ((after,) if finished else (before, after)), "the estimator is in between"
    return TOO_LATE if finished else INTERRUPTED if found == before else FITTED


def interrupt_often(rounds, seed):
    """Interrupt fits of new and of fitted estimators and ``partial_fit``, by all solvers; return counts as JSON."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    warnings.simplefilter("ignore")
    random, interrupter, ends = np.random.default_rng(seed), Interrupter(), Counter()
    lost = []
    sys.unraisablehook = lost.append  # where Python drops an exception: in __del__ and the like
    X, y = images()
    X_other, y_other = images(1, 1500)
    cases = []
    for solver in SOLVERS:
        new, old = model(solver), model(solver).fit(X_other, y_other)
        cases += [(start, "fit", (X, y)) for start in (new, old)]
    begun = model("sgd").partial_fit(X_other, y_other, classes=np.arange(10))
    cases += [(model("sgd"), "partial_fit", (X, y, np.arange(10))), (begun, "partial_fit", (X, y))]
    for round_ in range(rounds):
        start, method, arguments = cases[round_ % len(cases)]
        estimator, undisturbed = (pickle.loads(pickle.dumps(start)) for _ in range(2))
        before, began = bits(estimator), time.perf_counter()
        getattr(undisturbed, method)(*arguments)
        delay = random.uniform(0, time.perf_counter() - began)
        ends[interrupt(interrupter, delay, estimator, method, arguments, before, bits(undisturbed))] += 1
        getattr(estimator, method)(*arguments)  # the threads go on working
        if method == "fit":
            assert bits(estimator) == bits(undisturbed)
    return json.dumps({"ends": ends, "lost": [repr(error.exc_value) for error in lost]})


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_interrupts_at_a_hundred_moments(attack):
    """In a process of its own, so that a signal that comes too late hits no other test."""
    code = "from tests.attacks.test_attack_threads import interrupt_often; "
    code += f"print(interrupt_often({100 * attack.factor}, {attack.factor}))"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=600
    )
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    attack.ends.update(result["ends"])
    assert result["lost"] == []
    assert attack.ends.total() == 100 * attack.factor
    assert attack.ends[INTERRUPTED] > 30 * attack.factor
