"""Names for arrays in annotations, and read-only views."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Floats = NDArray[np.float64]


def read_only(array: Array) -> Array:
    """Return a view that cannot be written to.

    numba compiles anew for writable arrays; views like this one give all callers one type.
    """
    view = array.view(np.ndarray)
    view.flags.writeable = False
    return view
