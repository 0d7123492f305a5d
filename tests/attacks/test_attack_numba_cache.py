"""Whatever is wrong with the cache of compiled kernels, or with their sources, it costs time: the bits are the same."""

import ast
import importlib
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import pytest

import mnistlr
from mnistlr.kernels import compiling
from mnistlr.kernels.compiling import jit
from tests.helpers.mutations import flip_bit

COMPILED, LOADED = (0, 1), (1, 0)

DAMAGES = {
    "truncated": lambda contents, rng: contents[: rng.randrange(len(contents))],
    "bit flipped": flip_bit,
    "page of zeros": lambda contents, rng: contents[: len(contents) // 2] + bytes(4096) + contents[-1:],
    "longer": lambda contents, rng: contents + rng.randbytes(1 + rng.randrange(100)),
    "garbage": lambda contents, rng: rng.randbytes(len(contents)),
    "pickle of something else": lambda contents, rng: b"\x80\x04N.",
    "empty": lambda contents, rng: b"",
}


def hits_and_misses(kernel):
    return sum(kernel.stats.cache_hits.values()), sum(kernel.stats.cache_misses.values())


class TestOneFile:
    """A toy in this process: an unnoticed damage would crash it."""

    @pytest.fixture
    def use_toy(self, tmp_path, monkeypatch):
        """A function that compiles or loads the toy, as a new process would, and returns which of the two."""
        monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

        def use_toy():
            @jit
            def triple(x):
                return 3 * x

            assert triple(14) == 42
            return hits_and_misses(triple)

        return use_toy

    @pytest.fixture
    def file(self, use_toy, tmp_path):
        """The file that the toy is kept in."""
        assert use_toy() == COMPILED
        assert use_toy() == LOADED
        (file,) = tmp_path.rglob("*.nbc")
        return file

    @pytest.mark.parametrize("damage", DAMAGES)
    def test_a_damage_is_noticed_and_mended(self, use_toy, file, attack, damage):
        rng = random.Random(damage)
        for _ in range(3 * attack.factor):
            file.write_bytes(DAMAGES[damage](file.read_bytes(), rng))
            assert use_toy() == COMPILED
            assert use_toy() == LOADED
            attack.ends["compiled anew, mended"] += 1

    def test_what_another_version_wrote_is_written_over(self, use_toy, tmp_path, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(numba, "__version__", "0.0.1")
            use_toy()
        assert use_toy() == COMPILED
        assert use_toy() == LOADED
        assert len(list(tmp_path.rglob("*.nbc"))) == 1

    @pytest.mark.parametrize("contents", [b"\x80\x04N.", b"\x80\x04]\x94.", b"cno_such_module\nx\n.", b"no pickle"])
    def test_what_is_sealed_and_useless_all_the_same_is_mended(self, use_toy, monkeypatch, contents):
        """As if another version of some library had written it."""
        with monkeypatch.context() as patch:
            patch.setattr("numba.core.serialize.dumps", lambda data: contents)
            use_toy()
        assert use_toy() == COMPILED
        assert use_toy() == LOADED

    @pytest.mark.parametrize("obstacle", ["folder", "link to nowhere", "link to a victim"])
    def test_something_else_in_its_place(self, use_toy, file, tmp_path, obstacle):
        victim = tmp_path / "victim"
        victim.write_text("precious")
        file.unlink()
        if obstacle == "folder":
            file.mkdir()
        else:
            file.symlink_to(victim if "victim" in obstacle else tmp_path / "nowhere")
        assert use_toy() == COMPILED
        assert use_toy() == (COMPILED if obstacle == "folder" else LOADED)
        assert victim.read_text() == "precious"

    def test_a_full_disk_keeps_nothing(self, use_toy, monkeypatch):
        def no_room(_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", no_room)
        assert use_toy() == COMPILED
        assert use_toy() == COMPILED

    def test_where_nothing_can_be_written_nothing_is_kept(self, use_toy, tmp_path, monkeypatch):
        """Neither where NUMBA_CACHE_DIR says, nor beside the source, nor in the user's cache folder."""
        obstacle, beside = tmp_path / "file", tmp_path / "__pycache__"
        obstacle.touch()
        beside.touch()
        monkeypatch.setattr(numba.config, "CACHE_DIR", str(obstacle / "cache"))
        for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
            monkeypatch.setenv(name, str(obstacle))
        find_place = compiling.find_place
        monkeypatch.setattr(compiling, "find_place", lambda folder: find_place(tmp_path))
        assert use_toy() == COMPILED
        assert use_toy() == COMPILED
        beside.unlink()
        assert use_toy() == COMPILED
        assert use_toy() == LOADED


def test_every_bit_and_length_of_a_file_counts_and_so_do_key_and_origin(tmp_path, attack):
    files = compiling.SealedFiles(tmp_path, "f", "numba 1")
    files.save("key", "data")
    assert files.load("key") == "data"
    (path,) = tmp_path.iterdir()
    contents = path.read_bytes()
    bits = [(i, 1 << bit) for i in range(len(contents)) for bit in range(8)]
    flipped = [contents[:i] + bytes([contents[i] ^ bit]) + contents[i + 1 :] for i, bit in bits]
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


# --- sources ----------------------------------------------------------------------------------------------------

CALLEE = "from mnistlr.kernels.compiling import jit\n\n\n@jit\ndef times(x):\n    return {} * x\n"
CALLER = (
    "from {} import times\nfrom mnistlr.kernels.compiling import jit\n\n\n@jit\ndef caller(x):\n    return times(x)\n"
)


def test_a_change_in_a_file_of_what_a_kernel_calls(tmp_path, monkeypatch):
    """numba itself looks at the caller's file only, and would keep the old result."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "toy_caller.py").write_text(CALLER.format("toy_callee"))
    for factor in (3, 5):
        (tmp_path / "toy_callee.py").write_text(CALLEE.format(factor))
        for name in ("toy_callee", "toy_caller"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        caller = importlib.import_module("toy_caller").caller
        assert caller(7) == 7 * factor
        assert hits_and_misses(caller) == COMPILED


def sources(root):
    return root


def an_archive(root):
    archive = shutil.make_archive(str(root / "package"), "zip", root, "mnistlr")
    os.utime(archive, (10**9, 10**9))
    return archive


def byte_code(root):
    shutil.rmtree(root / "lib", ignore_errors=True)
    shutil.copytree(root / "mnistlr", root / "lib" / "mnistlr", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, "-m", "compileall", "-q", "-b", "-s", root, root / "lib"], check=True)
    for file in (root / "lib").rglob("*.py"):
        file.unlink()
    return root / "lib"


CALL_TOY = """
from mnistlr.toys.caller import caller
print(caller(7), sum(caller.stats.cache_hits.values()), sum(caller.stats.cache_misses.values()))
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("pack", "beside"),
    [(sources, False), (sources, True), (an_archive, False), (byte_code, False), (byte_code, True)],
    ids=["of sources", "of sources, beside them", "in an archive", "of byte code", "of byte code, beside it"],
)
def test_a_change_in_kernels_in_a_package(tmp_path, pack, beside):
    """A kernel in one folder of the package calls one of kernels/; each call is a process of its own."""
    package, elsewhere = tmp_path / "mnistlr", tmp_path / "elsewhere"  # where "python -c" looks first
    shutil.copytree(Path(mnistlr.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    elsewhere.mkdir()
    (package / "toys").mkdir()
    (package / "toys" / "__init__.py").touch()
    (package / "toys" / "caller.py").write_text(CALLER.format("mnistlr.kernels.callee"))
    environment = os.environ | {
        "PYTHONDONTWRITEBYTECODE": "1",
        "NUMBA_CACHE_DIR": "" if beside else str(tmp_path / "c"),
    }

    def call_toy():
        run = subprocess.run(
            [sys.executable, "-W", "error", "-c", CALL_TOY],
            cwd=elsewhere,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert run.stderr == ""
        value, *counts = map(int, run.stdout.split())
        return value, tuple(counts)

    for factor in (3, 5):
        (package / "kernels" / "callee.py").write_text(CALLEE.format(factor))
        os.utime(package / "kernels" / "callee.py", (10**9, 10**9))  # nor does the file's size tell of the change
        environment["PYTHONPATH"] = str(pack(tmp_path))
        assert call_toy() == (7 * factor, COMPILED)
        assert call_toy() == (7 * factor, LOADED)


@pytest.mark.parametrize("folder", ["kernels", "solvers", "features"])
def test_kernels_are_made_of_what_the_cache_watches(folder):
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


# --- a whole fit ------------------------------------------------------------------------------------------------

# Prints a checksum of the results, then how many kernels were loaded and how many compiled.
FIT = """
import hashlib, sys
import numpy as np
from mnistlr import SoftmaxRegression, confusion_matrix

X, y = np.random.default_rng(0).integers(0, 256, (200, 8), dtype=np.uint8), np.arange(200) % 4
model = SoftmaxRegression(random_state=0).fit(X, y)
results = [model.coef_, model.intercept_, confusion_matrix(y, model.predict(X))]
modules = [module for name, module in sys.modules.items() if name.startswith("mnistlr.")]
used = {id(value): value for module in modules for value in vars(module).values() if hasattr(value, "py_func")}.values()
print(hashlib.sha256(b"".join(np.ascontiguousarray(result).tobytes() for result in results)).hexdigest())
print(sum(sum(kernel.stats.cache_hits.values()) for kernel in used))
print(sum(sum(kernel.stats.cache_misses.values()) for kernel in used))
"""


@pytest.mark.long
def test_a_whole_fit_beside_another_and_from_damaged_files(tmp_path, monkeypatch, attack):
    """Two processes compile it at once; then its files are damaged, each in another way."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))

    def start():
        command = [sys.executable, "-W", "error", "-c", FIT]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def outcome(process):
        out, err = process.communicate(timeout=300)
        assert (err, process.returncode) == ("", 0)
        checksum, hits, misses = out.split()
        return checksum, int(hits), int(misses)

    ((checksum, *_), (another, *_)) = map(outcome, [start(), start()])
    assert another == checksum
    found, hits, misses = outcome(start())
    assert (found, hits > 0, misses) == (checksum, True, 0)
    rng = random.Random(0)
    for _ in range(attack.factor):
        for file in tmp_path.rglob("*.nbc"):
            file.write_bytes(rng.choice(list(DAMAGES.values()))(file.read_bytes(), rng))
        mended, hits_of_damaged, misses = outcome(start())
        assert (mended, hits_of_damaged) == (checksum, 0)
        assert misses >= hits  # one from the cache brings along what it calls, one that is compiled looks for it
        assert outcome(start()) == (checksum, hits, 0)
        attack.ends["same bits, mended"] += 1
