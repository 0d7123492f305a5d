"""Whatever is wrong with the cache of compiled kernels, it costs a new process time at worst: the bits are the same."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import mnistlr
from tests.conftest import Attack
from tests.helpers.mutations import DAMAGES
from tests.helpers.namespaces import on_own_disk

# Prints a checksum of the results, then how many kernels were loaded and how many compiled.
USE_SMALL_KERNELS = """
import hashlib
import numpy as np
from mnistlr.kernels.linear_algebra import cholesky, cholesky_solve

A = np.cov(np.random.default_rng(0).standard_normal((5, 50)))
cholesky(A, 0.0)
cholesky_solve(A, solution := np.ones((1, 5)))
results = [A, solution]
"""
FIT = """
import hashlib
import numpy as np
from mnistlr import SoftmaxRegression, confusion_matrix

X, y = np.random.default_rng(0).integers(0, 256, (200, 8), dtype=np.uint8), np.arange(200) % 4
model = SoftmaxRegression(random_state=0).fit(X, y)
results = [model.coef_, model.intercept_, confusion_matrix(y, model.predict(X))]
"""
REPORT = """
import sys
modules = [module for name, module in sys.modules.items() if name.startswith("mnistlr.")]
used = {id(value): value for module in modules for value in vars(module).values() if hasattr(value, "py_func")}.values()
print(hashlib.sha256(b"".join(np.ascontiguousarray(result).tobytes() for result in results)).hexdigest())
print(sum(sum(kernel.stats.cache_hits.values()) for kernel in used))
print(sum(sum(kernel.stats.cache_misses.values()) for kernel in used))
"""


class Outcome(tuple[str, int, int]):
    """Checksum of the results, number of kernels loaded, number of kernels compiled."""


def command(code: str) -> list[str]:
    return [sys.executable, "-W", "error", "-c", code + REPORT]


def start(code: str, folder: Path, cwd: Path | None = None, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(code),
        cwd=cwd,
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outcome(process: subprocess.Popen[str]) -> Outcome:
    out, err = process.communicate(timeout=300)
    assert err == ""
    assert process.returncode == 0
    checksum, hits, misses = out.split()
    return Outcome((checksum, int(hits), int(misses)))


def run(code: str, folder: Path, cwd: Path | None = None, **environment: str) -> Outcome:
    return outcome(start(code, folder, cwd, **environment))


def kernel_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.nbc"))


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
USE_ONE_KERNEL = """
import hashlib
import numpy as np
from mnistlr.kernels.linear_algebra import cholesky

A = np.cov(np.random.default_rng(0).standard_normal((5, 50)))
cholesky(A, 0.0)
results = [A]
"""


@pytest.mark.parametrize(
    "surprise", [pytest.param(one, marks=[] if one == "a part" else pytest.mark.long) for one in SURPRISES]
)
def test_another_numba(tmp_path: Path, attack: Attack, surprise: str) -> None:
    """A cache that finds numba changed, while it is imported or later, is no cache; nothing else fails."""
    right = run(USE_ONE_KERNEL, tmp_path)
    for _ in range(2):
        found = run(f"import numba\n{SURPRISES[surprise]}\n{USE_ONE_KERNEL}", tmp_path)
        assert found[0] == right[0]
        assert found[1] + found[2] == right[2]
    attack.ends["same bits"] += 1


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A cache with the small kernels, and what they give."""
    folder = tmp_path_factory.mktemp("filled")
    right = run(USE_SMALL_KERNELS, folder)
    assert run(USE_SMALL_KERNELS, folder) == (right[0], right[2], 0)
    return folder, right


@pytest.mark.long
class TestNewProcess:
    @pytest.mark.parametrize("damage", [*DAMAGES, "swapped", "removed"])
    def test_every_file_damaged(
        self, filled: tuple[Path, Outcome], tmp_path: Path, attack: Attack, damage: str
    ) -> None:
        folder, right = tmp_path / "cache", filled[1]
        shutil.copytree(filled[0], folder)
        for _ in range(attack.factor):
            rng = random.Random(damage)
            files = kernel_files(folder)
            contents = [file.read_bytes() for file in files]
            for file, before, after in zip(files, contents, contents[1:] + contents[:1], strict=True):
                if damage == "removed":
                    file.unlink()
                else:
                    file.write_bytes(after if damage == "swapped" else DAMAGES[damage](before, rng))
                attack.ends["same bits, mended"] += 1
            assert run(USE_SMALL_KERNELS, folder) == right
            assert run(USE_SMALL_KERNELS, folder) == (right[0], right[2], 0)

    def test_written_by_another_version(self, filled: tuple[Path, Outcome], tmp_path: Path, attack: Attack) -> None:
        other = "import numba; numba.__version__ = '0.0.1'\n" + USE_SMALL_KERNELS
        assert run(other, tmp_path) == filled[1]
        assert run(USE_SMALL_KERNELS, tmp_path) == filled[1]
        assert len(kernel_files(tmp_path)) == len(kernel_files(filled[0]))  # written over, not piled up
        attack.ends["same bits, mended"] += 1

    def test_nothing_can_be_written(self, filled: tuple[Path, Outcome], tmp_path: Path, attack: Attack) -> None:
        """Neither where NUMBA_CACHE_DIR says, nor beside the source, nor in the user's cache folder."""
        file = tmp_path / "file"
        file.touch()
        shutil.copytree(Path(mnistlr.__file__).parent, tmp_path / "mnistlr", ignore=lambda *_: ["__pycache__"])
        (tmp_path / "mnistlr" / "kernels" / "__pycache__").touch()
        for _ in range(2):
            found = run(
                USE_SMALL_KERNELS,
                file / "cache",
                cwd=tmp_path,  # "python -c" looks there first
                PYTHONPATH=str(tmp_path),
                HOME=str(file),
                XDG_CACHE_HOME=str(file),
                LOCALAPPDATA=str(file),
            )
            assert found == filled[1]
            attack.ends["same bits, compiled anew"] += 1
        assert not kernel_files(tmp_path)

    def test_read_only(self, filled: tuple[Path, Outcome], tmp_path: Path, attack: Attack) -> None:
        self.check_own_disk(
            filled, tmp_path, attack, "50m", f"cp -r {filled[0]}/* . && mount -o remount,ro . && ! touch x 2>&-"
        )

    def test_full_disk(self, filled: tuple[Path, Outcome], tmp_path: Path, attack: Attack) -> None:
        self.check_own_disk(filled, tmp_path, attack, "40k", "true")

    def check_own_disk(
        self, filled: tuple[Path, Outcome], tmp_path: Path, attack: Attack, size: str, before: str
    ) -> None:
        line = on_own_disk(tmp_path, size, command(USE_SMALL_KERNELS), before, after="! ls -AR | grep [.]part")
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
        process = subprocess.Popen(
            line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
        )
        assert outcome(process)[0] == filled[1][0]
        attack.ends["same bits"] += 1

    def test_killed(self, filled: tuple[Path, Outcome], tmp_path: Path, attack: Attack) -> None:
        rng = random.Random(0)
        n_files = len(kernel_files(filled[0]))
        for _ in range(3 * attack.factor):
            shutil.rmtree(tmp_path)
            process = start(USE_SMALL_KERNELS, tmp_path)
            n_before = rng.randrange(1, n_files)
            while process.poll() is None and len(kernel_files(tmp_path)) < n_before:
                time.sleep(0.001)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            checksum, hits, misses = run(USE_SMALL_KERNELS, tmp_path)
            assert checksum == filled[1][0]
            assert hits + misses == filled[1][2]
            assert not list(tmp_path.rglob("*.part"))
            attack.ends["same bits, the rest compiled"] += 1

    def test_eight_at_once(self, filled: tuple[Path, Outcome], tmp_path: Path, attack: Attack) -> None:
        """All compile the same into an empty cache; what is left serves a ninth completely."""
        processes = [start(USE_SMALL_KERNELS, tmp_path) for _ in range(8)]
        assert {outcome(process)[0] for process in processes} == {filled[1][0]}
        assert run(USE_SMALL_KERNELS, tmp_path) == (filled[1][0], filled[1][2], 0)
        attack.ends["same bits"] += 8

    def test_a_whole_fit(self, tmp_path: Path, attack: Attack) -> None:
        """Two processes compile it at once; then its files are damaged, each in another way."""
        ((checksum, *_), (another, *_)) = map(outcome, [start(FIT, tmp_path) for _ in range(2)])
        assert another == checksum
        found, hits, misses = run(FIT, tmp_path)
        assert (found, hits > 0, misses) == (checksum, True, 0)
        rng = random.Random(0)
        for _ in range(attack.factor):
            for file in kernel_files(tmp_path):
                file.write_bytes(rng.choice(list(DAMAGES.values()))(file.read_bytes(), rng))
            mended, hits_of_damaged, misses = run(FIT, tmp_path)
            assert (mended, hits_of_damaged) == (checksum, 0)
            assert misses >= hits  # one from the cache brings along what it calls, one that is compiled looks for it
            assert run(FIT, tmp_path) == (checksum, hits, 0)
            attack.ends["same bits, mended"] += 1
