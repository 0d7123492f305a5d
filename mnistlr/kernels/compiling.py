"""Compiled kernels on the disk: numba's cache, made safe against damage and against many processes at once.

numba trusts its cache: a file that is cut short or has a flipped bit ends in an error of ``pickle`` or in a crash of
LLVM, two processes that fill an empty cache may write two signatures of a function under one number, and a kernel that
calls one of another file is kept when that file changes. Here a file holds one signature, and a seal in front tells
whether it is what was written, by this numba, from these sources: all of the folder that the kernel is defined in.
Whatever is wrong with the cache, the kernel is compiled anew: slower, never another result.
"""

import hashlib
import pickle
from pathlib import Path

import numba
from numba.core.caching import FunctionCache, NullCache
from numba.core.dispatcher import Dispatcher
from numba.core.serialize import dumps

from mnistlr._support.files import atomic_write

# Lets sums be reordered, hence vectorised; unlike fastmath=True it keeps NaN and infinity meaningful.
REORDER = {"reassoc", "contract", "arcp", "nsz"}


def _njit(**options):
    """Return a decorator like ``numba.njit(cache=True)``, with a cache that survives damage."""
    decorate = numba.njit(nogil=True, error_model="numpy", **options)

    def compile_when_called(function):
        kernel = decorate(function)
        if isinstance(kernel, Dispatcher):  # not with NUMBA_DISABLE_JIT
            kernel._cache = open_cache(function)  # type: ignore[attr-defined]
        return kernel

    return compile_when_called


def open_cache(function):
    """Return the cache for a kernel, in the first of numba's folders that can be written, or one that keeps nothing."""
    try:
        return KernelCache(function)
    except (RuntimeError, OSError):  # no such folder
        return NullCache()


class KernelCache(FunctionCache):
    """numba's cache of one function, for which any failure is a miss."""

    def __init__(self, function):
        super().__init__(function)
        origin = (numba.__version__, self._impl.locator.get_source_stamp(), folder_stamps(function))
        self._cache_file = SealedFiles(self.cache_path, self._impl.filename_base, origin)  # type: ignore[assignment]

    def load_overload(self, sig, target_context):
        """Return the code compiled for a signature, or None."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # whatever it was, compiling is the remedy
            return None

    def save_overload(self, sig, data):
        """Keep the code compiled for a signature, if possible."""
        try:
            super().save_overload(sig, data)
        except Exception:  # a full disk, say: the code is in memory all the same
            return


def folder_stamps(function):
    """Return name, time of change and size of every source file beside the one that defines ``function``."""
    files = sorted(Path(function.__code__.co_filename).parent.glob("*.py"))
    return [(file.name, file.stat().st_mtime, file.stat().st_size) for file in files]


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


jit = _njit()
jit_reorder = _njit(fastmath=REORDER)
# For what is called for every sample: passing arrays to a function costs as much as a short one does.
jit_inline = _njit(inline="always")
