"""How the kernels are compiled."""

import numba
from numba.core.dispatcher import Dispatcher

from mnistlr.kernels.cache import open_cache

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


jit = _njit()
jit_reorder = _njit(fastmath=REORDER)
# For what is called for every sample: passing arrays to a function costs as much as a short one does.
jit_inline = _njit(inline="always")
