"""How kernels are compiled, and how their code is kept on the disk for the next process.

numba's own cache trusts what it finds: a file that is cut short or has a flipped bit ends in an error of ``pickle`` or
in a crash of LLVM, two processes that fill an empty cache may write two signatures of a function under one number, and
a kernel that calls one of another file is kept when that file changes. Here a file holds the code for one signature. A
seal in front shows whether it is what was written, by this numba, from these sources: the contents of every module in
the folder that defines the kernel, and in this one. A kernel calls only kernels of these two folders.

Whatever is wrong with the cache, or different in another numba, the kernel is compiled anew: slower, never another
result. So what is private to numba is used in here, where its absence does no harm (and in ``lanes``, which needs it).
"""

import functools
import hashlib
import os
import pickle
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numba

from mnistlr._support.files import atomic_write

try:
    from numba.core.caching import NullCache  # what it does by default: nothing
except Exception:
    NullCache = object  # type: ignore[misc]
try:
    from numba.core.event import Listener, register, unregister
except Exception:
    Listener, register, unregister = object, None, None  # type: ignore[misc]

# Lets sums be reordered, hence vectorised; unlike fastmath=True it keeps NaN and infinity meaningful.
REORDER = {"reassoc", "contract", "arcp", "nsz"}


# Kernels allocate nothing. Without numba's reference counts they compile in two thirds of the time, and without its
# runtime they are loaded sooner. A kernel that does not say what it lets the compiler reorder would get that from its
# caller.
COMMON: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": False, "_nrt": False}


def _njit(**options):
    """Return a decorator like ``numba.njit(cache=True)``, with our cache."""
    decorate = numba.njit(**{**COMMON, **options})

    def compile_when_called(function):
        kernel = decorate(function)
        if hasattr(kernel, "_cache"):  # not with NUMBA_DISABLE_JIT
            with suppress(Exception):  # nowhere to keep it
                kernel._cache = KernelCache(function)
        return kernel

    return compile_when_called


class KernelCache(NullCache):
    """The compiled code of one function: any failure is a miss. numba calls the methods.

    Raises
    ------
    Exception
        Of any kind, if the function has no sources or none of the folders can be written.
    """

    def __init__(self, function):
        self._closure = function.__closure__ or ()
        folder = Path(function.__globals__["__spec__"].origin).parent
        origin = (
            numba.__version__,
            [hash_modules(each) for each in sorted({folder, Path(__file__).parent})],
            hashlib.sha256(function.__code__.co_code).hexdigest(),  # of two functions of one name
        )
        name = f"{function.__module__}.{function.__qualname__}.{sys.implementation.cache_tag}"
        self._folder = find_place(folder)
        self._files = SealedFiles(self._folder, name.replace("<", "").replace(">", ""), origin)

    @property
    def cache_path(self):
        """The folder of the files."""
        return str(self._folder)

    def load_overload(self, sig, target_context, *_):
        """Return the code compiled for a signature, or None."""
        try:
            from numba.core.compiler import CompileResult

            parts = self._files.load(self._key(sig, target_context.codegen()))
            if parts is None:
                return None
            # numba's own cache first imports all that numba can compile, 0.4 s: to compile more, not to run this.
            return CompileResult._rebuild(target_context, *parts)
        except Exception:  # whatever it was, compiling is the remedy
            return None

    def save_overload(self, sig, data, *_):
        """Keep the code compiled for a signature, if possible."""
        with suppress(Exception):  # a full disk, say: the code is in memory all the same
            if not (data.lifted or data.library.has_dynamic_globals):  # else it holds addresses of this process
                self._files.save(self._key(sig, data.codegen), data._reduce())

    def flush(self):
        """Forget everything."""
        with suppress(Exception):
            self._files.flush()

    def _key(self, sig, codegen):
        fields = [getattr(argument, "fields", ()) for argument in sig]  # named tuples are printed without them
        return sig, fields, codegen.magic_tuple(), self._closure and _hash_closure(self._closure)


def _hash_closure(cells):
    """Return the SHA-256 of what a function finds in its closure."""
    from numba.core.serialize import dumps

    return hashlib.sha256(dumps([cell.cell_contents for cell in cells])).hexdigest()


def hash_modules(folder):
    """Return the SHA-256 of all modules in a folder: of their sources, their byte code, or the archive they are in."""
    if folder.is_dir():
        files = sorted((file for file in os.scandir(folder) if file.name.endswith((".py", ".pyc"))), key=os.fspath)
    else:
        files = [next(parent for parent in folder.parents if parent.exists())]
    states = [(file, file.stat()) for file in files]
    return [(file.name, _hash_file(os.fspath(file), state.st_mtime_ns, state.st_size)) for file, state in states]


@functools.cache
def _hash_file(path, mtime, size):
    """Read a file once a process, again when it has changed meanwhile and a module is imported anew."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def find_place(folder):
    """Return the first folder to keep code in that can be written; the places are those of numba."""
    places = [folder / "__pycache__"]
    name = f"{folder.name}_{hashlib.sha256(os.fsencode(folder)).hexdigest()[:40]}"
    if chosen := getattr(numba.config, "CACHE_DIR", ""):
        places.insert(0, Path(chosen, name))
    for place in places:
        if _is_writable(place):
            return place
    from numba.misc.appdirs import AppDirs

    place = Path(AppDirs(appname="numba", appauthor=False).user_cache_dir, name)
    if not _is_writable(place):
        raise OSError(f"{place} cannot be written.")
    return place


def _is_writable(place):
    """Whether a folder exists, or can be made, and takes files."""
    with suppress(OSError):
        place.mkdir(parents=True, exist_ok=True)
        return os.access(place, os.W_OK)
    return False


class SealedFiles:
    """One file for each key: the SHA-256 of origin, key and contents (32 bytes), then the pickled contents."""

    def __init__(self, folder, name, origin):
        self._folder, self._name, self._origin = Path(folder), name, origin

    def load(self, key):
        """Return what was saved under ``key``; None if that is nothing, damaged, or of another origin."""
        try:
            sealed = self._path(key).read_bytes()
        except OSError:
            return None
        seal, contents = sealed[:32], sealed[32:]
        return pickle.loads(contents) if seal == self._seal(key, contents) else None

    def save(self, key, data):
        """Keep ``data`` under ``key``."""
        from numba.core.serialize import dumps

        contents = dumps(data)
        with atomic_write(self._path(key), follow_links=False) as file:
            file.write(self._seal(key, contents) + contents)

    def flush(self):
        """Forget everything."""
        for path in self._folder.glob(f"{self._name}.*.nbc"):
            path.unlink(missing_ok=True)

    def _path(self, key):
        return self._folder / f"{self._name}.{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.nbc"

    def _seal(self, key, contents):
        return hashlib.sha256(repr((self._origin, key)).encode() + contents).digest()


@contextmanager
def when_compiling(notice):
    """Call ``notice`` once if numba begins to compile in this block: where the cache has no code to load.

    A numba that does not tell when it compiles leaves out the notice.
    """
    if register is None:
        yield
        return
    listener = _FirstTime(notice)
    register("numba:compile", listener)
    try:
        yield
    finally:
        unregister("numba:compile", listener)


class _FirstTime(Listener):
    """Calls a function at the first event. numba calls the methods."""

    def __init__(self, notice):
        self._notice = notice

    def on_start(self, _):
        if self._notice is not None:
            notice, self._notice = self._notice, None
            notice()

    def on_end(self, _):
        pass


jit = _njit()
jit_reorder = _njit(fastmath=REORDER)
# For what is called for every sample: passing arrays to a function costs as much as a short one does.
jit_inline = _njit(inline="always")
