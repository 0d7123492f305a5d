"""What is private in other libraries may go with any release: what happens then, tried by taking it away."""

import subprocess
import sys
from pathlib import Path

import pytest

COUNT = "from mnistlr import confusion_matrix; print(confusion_matrix([0, 1, 1], [0, 1, 0]).tolist())"
COUNTED = "[[1, 0], [1, 1]]\n"


def run(*lines: str, cache: Path) -> "subprocess.CompletedProcess[str]":
    environment = {"NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], env=environment, capture_output=True, encoding="utf-8", check=False
    )


@pytest.mark.parametrize(
    "removal",
    [
        # numba itself needs this one, so it is away only while our module looks for it.
        "import numba.core.caching as it; kept = it.NullCache; del it.NullCache\n"
        "import mnistlr.kernels.compiling; it.NullCache = kept",
        "from numba.core.compiler import CompileResult; del CompileResult._rebuild",
        "from numba.core.compiler import CompileResult; del CompileResult._reduce",
    ],
)
def test_numba_without_what_the_cache_needs_compiles_each_time(removal: str, tmp_path: Path) -> None:
    for _ in range(2):
        done = run("import numba", removal, COUNT, cache=tmp_path)
        assert (done.stdout, done.returncode) == (COUNTED, 0), done.stderr


def test_numba_without_events_compiles_without_a_notice(tmp_path: Path) -> None:
    removal = "import sys, numba; sys.modules['numba.core.event'] = None"
    show = f"from mnistlr.cli.console import progress\nwith progress('counting'): {COUNT}"
    done = run(removal, show, cache=tmp_path)
    assert (done.stdout, done.returncode) == (COUNTED, 0), done.stderr
    assert "compiling" not in done.stderr
    assert "compiling the loops" in run(show, cache=tmp_path / "empty").stderr


@pytest.mark.parametrize(
    "removal",
    [
        "import sklearn.utils.validation as it; del it._check_sample_weight",
        "import sklearn.utils._param_validation as it; del it.Interval",
    ],
)
def test_scikit_learn_without_what_estimators_need_is_named(removal: str, tmp_path: Path) -> None:
    error = run(removal, "import mnistlr.estimators", cache=tmp_path).stderr.splitlines()[-1]
    assert error.startswith("ImportError: expected private functions of scikit-learn that version ")
    assert error.endswith("install a newer mnistlr, or scikit-learn 1.9.")
