"""What a solver yields: where it is after each iteration."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Iterate:
    """A point on the way of a solver.

    Attributes
    ----------
    iteration : int
        0 is the starting point, which solvers that step by the full gradient evaluate and yield first.
    theta : ndarray of float64, shape (n_parameters,)
    value : float
        The objective there, penalty included.
    gradient_norm : float
        The largest absolute entry of the gradient; NaN where the solver does not know it.
    step : float
        Size of the last step.
    passes : float
        Passes over the data so far.
    """

    iteration: int
    theta: npt.NDArray[Any]
    value: float
    gradient_norm: float = np.nan
    step: float = np.nan
    passes: float = 0.0


def largest_entry(gradient: npt.NDArray[Any]) -> float:
    """Return the largest absolute entry of a gradient."""
    return float(np.abs(gradient).max())
