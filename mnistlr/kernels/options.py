"""How the kernels are compiled."""

import numba

# Lets sums be reordered, hence vectorised; unlike fastmath=True it keeps NaN and infinity meaningful.
REORDER = {"reassoc", "contract", "arcp", "nsz"}

jit = numba.njit(cache=True, nogil=True, error_model="numpy")
jit_reorder = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=REORDER)
