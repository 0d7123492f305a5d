"""One line on stderr that tells how far a fit is."""

import sys
import time
from typing import Any, Self

import numpy as np


class Progress:
    """Rewrites a line on stderr after each pass over the data.

    Parameters
    ----------
    shown : bool or None
        Whether to write at all; None: if stderr is a terminal.
    """

    def __init__(self, shown: bool | None) -> None:
        self.shown = sys.stderr.isatty() if shown is None else shown
        self.passes, self.started = 0, time.perf_counter()

    def watch(self, value: float, gradient_norm: float) -> None:
        """Note a pass that found this objective, and this gradient if it is not NaN."""
        self.passes += 1
        if self.shown:
            gradient = "" if np.isnan(gradient_norm) else f", gradient {gradient_norm:.2g}"
            seconds = time.perf_counter() - self.started
            line = f"pass {self.passes}: objective {value:.6g}{gradient}, {seconds:.1f} s"
            print(f"\r{line:<70}", end="", file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        if self.shown and self.passes:
            print(file=sys.stderr)
