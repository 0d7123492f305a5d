"""What is private in other libraries may go with any release: what happens then, tried by taking it away."""

import subprocess
import sys
from pathlib import Path

import pytest

USE_A_KERNEL = """
import numpy as np
from mnistlr.kernels.linear_algebra import cholesky
A = np.array([[4.0, 2.0], [2.0, 5.0]])
cholesky(A, 0.0)
print(np.tril(A).tolist())
"""
# What our cache cannot import while numba, which needs it, still can.
REFUSE = """
import builtins
numba_import = builtins.__import__
def refuse(name, globals=None, *rest):
    if name == {!r} and globals and globals.get("__name__") == "mnistlr.kernels.compiling":
        raise ImportError(name)
    return numba_import(name, globals, *rest)
builtins.__import__ = refuse
"""
# Each takes from numba something that the cache uses, or might, and that is nobody's promise.
SURPRISES = {
    **{
        name: REFUSE.format(name)
        for name in ("numba.core.caching", "numba.core.compiler", "numba.core.serialize", "numba.misc.appdirs")
    },
    "numba's own cache": "from numba.core.caching import FunctionCache; FunctionCache.__init__ = None",
    "_rebuild": "from numba.core.compiler import CompileResult; del CompileResult._rebuild",
    "_reduce": "from numba.core.compiler import CompileResult; del CompileResult._reduce",
    "a part": "from numba.core.compiler import CompileResult as C; r = C._reduce; C._reduce = lambda s: r(s)[1:]",
    "magic_tuple": "from numba.core.codegen import CPUCodegen; del CPUCodegen.magic_tuple",
    "the user's folder": REFUSE.format("numba.misc.appdirs") + "numba.config.CACHE_DIR = '/dev/null'",
    "CACHE_DIR": "del numba.config.CACHE_DIR",
}
QUICK = ("numba.core.caching", "_rebuild", "_reduce", "a part")


def run(*lines: str, cache: Path) -> "subprocess.CompletedProcess[str]":
    environment = {"NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], env=environment, capture_output=True, encoding="utf-8", check=False
    )


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.long) for name in SURPRISES]
)
def test_a_cache_that_finds_numba_without(name: str, tmp_path: Path) -> None:
    """It is no cache, whether it finds out while it is imported or later; nothing else fails."""
    for _ in range(2):
        done = run("import numba", SURPRISES[name], USE_A_KERNEL, cache=tmp_path)
        assert (done.stdout, done.returncode) == ("[[2.0, 0.0], [1.0, 2.0]]\n", 0), done.stderr
        assert done.stderr == ""


def test_numba_without_events_compiles_without_a_notice(tmp_path: Path) -> None:
    removal = "import sys, numba; sys.modules['numba.core.event'] = None"
    count = "from mnistlr import confusion_matrix; print(confusion_matrix([0, 1, 1], [0, 1, 0]).tolist())"
    show = f"from mnistlr.cli.console import progress\nwith progress('counting'): {count}"
    done = run(removal, show, cache=tmp_path)
    assert (done.stdout, done.returncode) == ("[[1, 0], [1, 1]]\n", 0), done.stderr
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
