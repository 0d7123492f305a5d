import os
import subprocess
import sys

import pytest

from mnistlr.warmup import KINDS, warm_up

USE = """
import numpy as np
import sys
from mnistlr import DigitReader, LogisticRegression, SoftmaxRegression, confusion_matrix
from mnistlr.features import add_copies

X, y = np.arange(1600, dtype=np.uint8).reshape(200, 8), np.arange(200) % 4
model = SoftmaxRegression(random_state=0).fit(X, y)
confusion_matrix(y, model.predict(X))
model.predict(X)  # with the weights that were packed before
LogisticRegression(tol=0.1).fit(X, y == 2).predict_proba(X)
DigitReader(shape=(2, 4)).fit(*add_copies(X, y, 1, 1, shape=(2, 4))).predict(X)
folders = "mnistlr.kernels.", "mnistlr.solvers.", "mnistlr.features."
modules = [module for name, module in sys.modules.items() if name.startswith(folders)]
used = {kernel for module in modules for kernel in vars(module).values() if hasattr(kernel, "stats")}
print(sum(sum(kernel.stats.cache_hits.values()) for kernel in used))
print(sum(sum(kernel.stats.cache_misses.values()) for kernel in used))
"""


def run(code, cache):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return result.stdout.split()


@pytest.mark.long
def test_a_new_process_compiles_nothing_after_warmup(tmp_path):
    run("from mnistlr.warmup import warm_up; list(warm_up(('uint8',)))", tmp_path)
    hits, misses = map(int, run(USE, tmp_path))
    assert hits >= 5
    assert misses == 0


@pytest.mark.long
def test_every_kind_of_data():
    assert tuple(warm_up()) == KINDS
