"""Whatever is wrong with the cache of compiled kernels, it costs time at worst: the results are the same bits."""

import ast
import importlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numba
import pytest

import mnistlr
from mnistlr.kernels import compiling
from mnistlr.kernels.compiling import jit
from tests.conftest import Attack
from tests.helpers.mutations import flip_bit
from tests.helpers.namespaces import on_own_disk

Damage = Callable[[bytes, random.Random], bytes]


DAMAGES: dict[str, Damage] = {
    "truncated": lambda contents, rng: contents[: rng.randrange(len(contents))],
    "bit flipped": flip_bit,
    "page of zeros": lambda contents, rng: contents[: len(contents) // 2] + bytes(4096) + contents[-1:],
    "longer": lambda contents, rng: contents + rng.randbytes(1 + rng.randrange(100)),
    "garbage": lambda contents, rng: rng.randbytes(len(contents)),
    "pickle of something else": lambda contents, rng: b"\x80\x04N.",
    "empty": lambda contents, rng: b"",
}


class TestOneFile:
    """A toy in this process: an unnoticed damage would crash it."""

    @pytest.fixture
    def compile_toy(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], tuple[int, int]]:
        monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

        def compile_toy() -> tuple[int, int]:
            """Compile or load for a new process's sake; return the counts of hits and misses."""

            @jit
            def triple(x):  # type: ignore[no-untyped-def]
                return 3 * x

            assert triple(14) == 42
            return sum(triple.stats.cache_hits.values()), sum(triple.stats.cache_misses.values())

        return compile_toy

    def test_undamaged(self, compile_toy: Callable[[], tuple[int, int]]) -> None:
        assert compile_toy() == (0, 1)
        assert compile_toy() == (1, 0)

    @pytest.mark.parametrize("damage", DAMAGES)
    def test_damaged(
        self, compile_toy: Callable[[], tuple[int, int]], tmp_path: Path, attack: Attack, damage: str
    ) -> None:
        rng = random.Random(damage)
        compile_toy()
        (file,) = tmp_path.rglob("*.nbc")
        for _ in range(3 * attack.factor):
            file.write_bytes(DAMAGES[damage](file.read_bytes(), rng))
            assert compile_toy() == (0, 1)
            assert compile_toy() == (1, 0)  # the first has mended it
            attack.ends["compiled anew, mended"] += 1

    def test_another_version(
        self, compile_toy: Callable[[], tuple[int, int]], monkeypatch: pytest.MonkeyPatch, attack: Attack
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(numba, "__version__", "0.0.1")
            compile_toy()
        assert compile_toy() == (0, 1)
        assert compile_toy() == (1, 0)
        attack.ends["compiled anew, mended"] += 1

    @pytest.mark.parametrize("contents", [b"\x80\x04N.", b"\x80\x04]\x94.", b"cno_such_module\nx\n.", b"no pickle"])
    def test_sealed_and_useless_all_the_same(
        self,
        compile_toy: Callable[[], tuple[int, int]],
        monkeypatch: pytest.MonkeyPatch,
        attack: Attack,
        contents: bytes,
    ) -> None:
        """As if another version of some library had written it."""
        with monkeypatch.context() as patch:
            patch.setattr("numba.core.serialize.dumps", lambda data: contents)
            compile_toy()
        assert compile_toy() == (0, 1)
        assert compile_toy() == (1, 0)
        attack.ends["compiled anew, mended"] += 1

    @pytest.mark.parametrize("obstacle", ["folder", "link to nowhere", "link to a victim"])
    def test_something_else_in_its_place(
        self, compile_toy: Callable[[], tuple[int, int]], tmp_path: Path, attack: Attack, obstacle: str
    ) -> None:
        compile_toy()
        (file,) = tmp_path.rglob("*.nbc")
        victim = tmp_path / "victim"
        victim.write_text("precious")
        file.unlink()
        if obstacle == "folder":
            file.mkdir()
        else:
            file.symlink_to(victim if "victim" in obstacle else tmp_path / "nowhere")
        assert compile_toy() == (0, 1)
        assert compile_toy() == ((0, 1) if obstacle == "folder" else (1, 0))
        assert victim.read_text() == "precious"
        attack.ends["compiled anew"] += 1

    def test_nothing_can_be_written(
        self, compile_toy: Callable[[], tuple[int, int]], monkeypatch: pytest.MonkeyPatch, attack: Attack
    ) -> None:
        def no_room(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", no_room)
        assert compile_toy() == (0, 1)
        assert compile_toy() == (0, 1)
        attack.ends["compiled anew"] += 1


def test_a_change_in_a_file_of_what_a_kernel_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """numba itself looks at the caller's file only, and would keep the old result."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "toy_caller.py").write_text(
        "from mnistlr.kernels.compiling import jit\nfrom toy_callee import times\n\n\n"
        "@jit\ndef caller(x):\n    return times(x)\n"
    )

    def call_in_new_modules(factor: int) -> tuple[int, int]:
        """Check the product, and return the counts of hits and misses."""
        (tmp_path / "toy_callee.py").write_text(
            f"from mnistlr.kernels.compiling import jit\n\n\n@jit\ndef times(x):\n    return {factor} * x\n"
        )
        for name in ("toy_callee", "toy_caller"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        caller = importlib.import_module("toy_caller").caller
        assert caller(7) == 7 * factor
        return sum(caller.stats.cache_hits.values()), sum(caller.stats.cache_misses.values())

    assert call_in_new_modules(3) == (0, 1)
    assert call_in_new_modules(5) == (0, 1)


CALL_TOY = """
from mnistlr.toys.caller import caller
print(caller(7), sum(caller.stats.cache_hits.values()), sum(caller.stats.cache_misses.values()))
"""
CALLEE = "from mnistlr.kernels.compiling import jit\n\n\n@jit\ndef times(x):\n    return {} * x\n"
CALLER = (
    "from mnistlr.kernels.callee import times\nfrom mnistlr.kernels.compiling import jit\n\n\n"
    "@jit\ndef caller(x):\n    return times(x) + {}\n"
)


@pytest.mark.long
class TestSourcesOfAKernel:
    """A kernel in one folder of the package calls one of kernels/; each call is a process of its own."""

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        """A copy of the package with two toys more."""
        shutil.copytree(Path(mnistlr.__file__).parent, tmp_path / "mnistlr", ignore=lambda *_: ["__pycache__"])
        (tmp_path / "mnistlr" / "toys").mkdir()
        (tmp_path / "mnistlr" / "toys" / "__init__.py").touch()
        (tmp_path / "elsewhere").mkdir()  # where "python -c" looks first
        self.write(tmp_path, 3, 0)
        return tmp_path

    def write(self, root: Path, factor: int, term: int) -> None:
        """Write both toys: whatever the numbers, their files are of one size and time."""
        for place, text in (("kernels/callee.py", CALLEE.format(factor)), ("toys/caller.py", CALLER.format(term))):
            (root / "mnistlr" / place).write_text(text)
            os.utime(root / "mnistlr" / place, (10**9, 10**9))

    def call(self, root: Path, path: Path, *, beside_sources: bool = False) -> tuple[int, int, int]:
        """Return what the toy gives for 7, and its counts of hits and misses."""
        environment = {**os.environ, "PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"}
        environment["NUMBA_CACHE_DIR"] = "" if beside_sources else str(root / "cache")
        run = subprocess.run(
            [sys.executable, "-W", "error", "-c", CALL_TOY],
            cwd=root / "elsewhere",
            env=environment,
            capture_output=True,
            text=True,
        )
        assert run.stderr == ""
        value, hits, misses = map(int, run.stdout.split())
        return value, hits, misses

    @pytest.mark.parametrize("beside_sources", [False, True])
    def test_folder(self, root: Path, beside_sources: bool) -> None:
        assert self.call(root, root, beside_sources=beside_sources) == (21, 0, 1)
        assert self.call(root, root, beside_sources=beside_sources) == (21, 1, 0)
        self.write(root, 5, 0)
        assert self.call(root, root, beside_sources=beside_sources) == (35, 0, 1)
        self.write(root, 5, 1)
        assert self.call(root, root, beside_sources=beside_sources) == (36, 0, 1)
        assert self.call(root, root, beside_sources=beside_sources) == (36, 1, 0)

    def test_archive(self, root: Path) -> None:
        def pack() -> Path:
            archive = Path(shutil.make_archive(str(root / "package"), "zip", root, "mnistlr"))
            os.utime(archive, (10**9, 10**9))
            return archive

        assert self.call(root, pack()) == (21, 0, 1)
        assert self.call(root, pack()) == (21, 1, 0)
        self.write(root, 5, 0)
        assert self.call(root, pack()) == (35, 0, 1)

    def test_byte_code_without_sources(self, root: Path) -> None:
        def compile_only() -> Path:
            shutil.rmtree(root / "lib", ignore_errors=True)
            shutil.copytree(root / "mnistlr", root / "lib" / "mnistlr", ignore=lambda *_: ["__pycache__"])
            compileall = [sys.executable, "-m", "compileall", "-q", "-b", "-s", str(root), str(root / "lib")]
            subprocess.run(compileall, check=True)
            for file in (root / "lib").rglob("*.py"):
                file.unlink()
            return root / "lib"

        for beside_sources in (False, True):
            assert self.call(root, compile_only(), beside_sources=beside_sources) == (21, 0, 1)
            assert self.call(root, root / "lib", beside_sources=beside_sources) == (21, 1, 0)
        self.write(root, 5, 0)
        assert self.call(root, compile_only()) == (35, 0, 1)


@pytest.mark.parametrize("folder", ["kernels", "solvers", "features"])
def test_kernels_are_made_of_what_the_cache_watches(folder: str) -> None:
    """What a kernel names comes from its own folder or from kernels/: a change elsewhere would not be noticed."""
    root = Path(mnistlr.__file__).parent
    for path in (root / folder).glob("*.py"):
        module = importlib.import_module(f"mnistlr.{folder}.{path.stem}".removesuffix(".__init__"))
        imported = {
            alias.asname or alias.name: node.module
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("mnistlr")
            for alias in node.names
        }
        for kernel in vars(module).values():
            if hasattr(kernel, "py_func"):
                names = set(kernel.py_func.__code__.co_names) & imported.keys()
                sources = {imported[name] for name in names}
                assert all(source.startswith(("mnistlr.kernels", f"mnistlr.{folder}.")) for source in sources), kernel


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
cholesky(A)
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


def test_seal(tmp_path: Path, attack: Attack) -> None:
    """Every bit and every length of a file counts; so do the key and the origin."""
    files = compiling.SealedFiles(tmp_path, "f", "numba 1")
    files.save("key", "data")
    assert files.load("key") == "data"
    (path,) = tmp_path.iterdir()
    contents = path.read_bytes()
    flipped = [
        contents[:i] + bytes([contents[i] ^ 1 << bit]) + contents[i + 1 :]
        for i in range(len(contents))
        for bit in range(8)
    ]
    for damaged in [*flipped, *(contents[:n] for n in range(len(contents)))]:
        path.write_bytes(damaged)
        assert files.load("key") is None
        attack.ends["noticed"] += 1
    path.write_bytes(contents)
    assert files.load("another key") is None
    path.rename(files._path("another key"))
    assert files.load("another key") is None  # it is sealed for the first
    files.save("key", "data")
    assert compiling.SealedFiles(tmp_path, "f", "numba 2").load("key") is None
    assert files.load("key") == "data"
    files.flush()
    assert files.load("key") is None
    assert list(tmp_path.iterdir()) == []


# Prints a checksum of the results, then how many kernels were loaded and how many compiled.
USE_SMALL_KERNELS = """
import hashlib
import numpy as np
from mnistlr.kernels.linear_algebra import cholesky, cholesky_solve
from mnistlr.metrics.confusion import confusion_matrix

y = np.arange(200) % 4
A = np.cov(np.random.default_rng(0).standard_normal((5, 50)))
cholesky(A)
cholesky_solve(A, solution := np.ones((1, 5)))
results = [confusion_matrix(y, y[::-1]), A, solution]
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
