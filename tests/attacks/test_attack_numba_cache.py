"""Whatever is wrong with a file of the cache of compiled kernels, or with their sources, it is noticed."""

import ast
import importlib
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numba
import pytest

import mnistlr
from mnistlr.kernels import compiling
from mnistlr.kernels.compiling import jit
from tests.conftest import Attack
from tests.helpers.mutations import DAMAGES


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
