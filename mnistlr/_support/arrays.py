"""Names for arrays in annotations, sums of products, and read-only views."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def dot(a: Array, b: Array) -> float:
    """Return a . b, added up in an order that depends on the length alone.

    That of BLAS depends on the processor, and on the number of its threads for long vectors.
    """
    total: float = (a * b).sum()
    return total


def read_only(array: Array) -> Array:
    """Return a view that cannot be written to.

    numba compiles anew for writable arrays; views like this one give all callers one type.
    """
    view = array.view(np.ndarray)
    view.setflags(write=False)
    return view
