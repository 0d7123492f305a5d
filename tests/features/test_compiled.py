"""The kernels of features are compiled once, for all images, and then come from the cache."""

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mnistlr.features import Deskew, EdgeFeatures, distort, redraw
from mnistlr.features.deskew import deskew
from mnistlr.features.distortion import distort_images
from mnistlr.features.edges import edge_features
from mnistlr.features.redrawing import redraw_images
from mnistlr.trained.quick import trained_reader

pytestmark = pytest.mark.skipif(not hasattr(edge_features, "signatures"), reason="not compiled")

SCRIPT = """
import numpy as np
from mnistlr.features import Deskew, EdgeFeatures
from mnistlr.features.deskew import deskew
from mnistlr.features.edges import edge_features

EdgeFeatures().fit_transform(Deskew().fit_transform(np.ones((2, 64), np.uint8)))
print([sum(kernel.stats.cache_misses.values()) for kernel in (deskew, edge_features)])
"""


def test_one_form_for_all_images():
    writable = np.zeros((3, 784), np.uint8)
    read_only = writable.copy()
    read_only.flags.writeable = False
    for X in (writable, read_only, writable / 255):
        EdgeFeatures().fit_transform(Deskew().fit_transform(redraw(distort(X))))
        redraw(distort(X[:1]))
        assert X is read_only or X.flags.writeable
    fit = EdgeFeatures().fit(writable)
    for copied in (copy.deepcopy(fit), pickle.loads(pickle.dumps(fit))):  # as in another process of joblib
        assert np.array_equal(copied.transform(writable), fit.transform(writable))
    assert trained_reader().features(writable).shape == (3, 900)
    for kernel in (deskew, edge_features, distort_images, redraw_images):
        assert len(kernel.signatures) == 1


@pytest.mark.long
def test_the_second_process_finds_them_in_the_cache(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", SCRIPT]
    settings = {"env": environment, "capture_output": True, "text": True, "check": True}
    printed = [subprocess.run(command, **settings).stdout for _ in range(2)]
    assert printed == ["[1, 1]\n", "[0, 0]\n"]
