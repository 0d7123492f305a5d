"""How the kernels are compiled."""

import numba

# Lets sums be reordered, hence vectorised; unlike fastmath=True it keeps NaN and infinity meaningful.
REORDER = {"reassoc", "contract", "arcp", "nsz"}

jit = numba.njit(cache=True, nogil=True, error_model="numpy")
jit_reorder = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=REORDER)
# For what is called for every sample: passing arrays to a function costs as much as a short one does.
jit_inline = numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
