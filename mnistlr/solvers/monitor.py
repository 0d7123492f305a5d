"""What happens between two iterations: history, the clock, the caller's hook."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistlr.exceptions import DivergenceError

Array = npt.NDArray[Any]

FIELDS = ("objective", "gradient_norm", "step", "seconds", "passes")


@dataclass(frozen=True)
class Result:
    """Where a solver stopped, after how many iterations, whether that is the optimum it was asked for, and why."""

    theta: Array
    n_iter: int
    converged: bool
    message: str


@dataclass
class Monitor:
    """Records the course of an optimisation.

    Parameters
    ----------
    on_iteration : callable, optional
        Called as ``on_iteration(theta, record)`` after each iteration; a true answer stops the solver.
    on_start : callable, optional
        Called as ``on_start(theta)`` before each iteration.

    Notes
    -----
    The time of both is not counted as the solver's. A record has the fields ``objective`` (the function being
    minimised, penalty included), ``gradient_norm`` (largest absolute entry; NaN where the solver does not know it),
    ``step`` (step size), ``seconds`` (since the start) and ``passes`` (over the data, since the start).
    """

    on_iteration: Callable[[Array, dict[str, float]], Any] | None = None
    on_start: Callable[[Array], Any] | None = None
    records: list[dict[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._started = time.perf_counter()

    def begin(self, theta: Array) -> None:
        """Say that an iteration starts, from ``theta``."""
        if self.on_start is not None:
            now = time.perf_counter()
            self.on_start(theta)
            self._started += time.perf_counter() - now

    def record(
        self,
        theta: Array,
        *,
        objective: float,
        passes: float,
        step: float = np.nan,
        gradient_norm: float = np.nan,
        **more: float,
    ) -> bool:
        """Note an iteration; return whether the caller wants to stop."""
        now = time.perf_counter()
        values = (objective, gradient_norm, step, now - self._started, passes)
        self.records.append(dict(zip(FIELDS, map(float, values), strict=True)) | more)
        if self.on_iteration is None:
            return False
        stop = bool(self.on_iteration(theta, self.records[-1]))
        self._started += time.perf_counter() - now
        return stop

    def judge(
        self,
        theta: Array,
        iteration: int,
        value: float,
        gradient: Array,
        *,
        step: float,
        passes: float,
        tol: float,
        max_iter: int,
    ) -> Result | None:
        """Note an iteration of a solver that knows its gradient; return the result if it is to stop here.

        Otherwise the next iteration begins.

        Raises
        ------
        DivergenceError
            If value or gradient are not finite.
        """
        norm = float(np.abs(gradient).max())
        if not (np.isfinite(value) and np.isfinite(norm)):
            raise DivergenceError(
                f"The objective is {value:.3g} and its gradient {norm:.3g} in iteration {iteration}; expected finite "
                "numbers. Scale the features."
            )
        stop = self.record(theta, objective=value, passes=passes, step=step, gradient_norm=norm)
        if norm <= tol:
            return Result(theta, iteration, True, f"gradient norm {norm:.2g} <= tol")
        if stop:
            return Result(theta, iteration, True, "stopped by a callback")
        if iteration == max_iter:
            return Result(theta, iteration, False, f"max_iter reached; gradient norm {norm:.2g} > tol")
        self.begin(theta)
        return None

    def history(self) -> dict[str, Array]:
        """Return one array for each field; the first entry belongs to the starting point where that was evaluated."""
        return {name: np.array([record[name] for record in self.records]) for name in self.records[0]}
