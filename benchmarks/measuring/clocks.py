"""Clocks that take turns, and summaries of their readings.

Ways to do one thing are timed in turn, A B C A B C ..., so that whatever else the machine does hits all alike, and
compared round by round.
"""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

# BLAS and OpenMP threads spin for a while after their work and would slow the next task.
PAUSE = 0.04


def clock(task: Callable[[], Any], at_least: float = 0.0, *, warm_up: bool = True) -> Callable[[], float]:
    """Return a function that runs ``task`` and returns the seconds of one call.

    The task is run once here, outside the clock, to compile and warm up what it needs, unless that has been done.
    With ``at_least`` > 0 it is repeated so often that one reading takes at least so many seconds, after half as many
    calls outside the clock: cores that have slept through the pause between two tasks are slow for a while.
    """
    if warm_up:
        task()
    if at_least <= 0:
        return lambda: _seconds(task, 1)
    calls = max(1, math.ceil(at_least / max(_seconds(task, 1), 1e-7)))

    def read() -> float:
        _seconds(task, -(-calls // 2))
        return _seconds(task, calls)

    return read


def _seconds(task: Callable[[], Any], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        task()
    return (time.perf_counter() - start) / calls


def take_turns(clocks: dict[str, Callable[[], float]], repeats: int) -> dict[str, list[float]]:
    """Read every clock ``repeats`` times, one after the other, round after round; return name -> readings."""
    readings: dict[str, list[float]] = {name: [] for name in clocks}
    for _ in range(repeats):
        for name, read in clocks.items():
            time.sleep(PAUSE)
            readings[name].append(read())
    return readings


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return first quartile, median and third quartile; NaN for no values."""
    q1, q2, q3 = np.quantile(values, [0.25, 0.5, 0.75]) if len(values) else [math.nan] * 3
    return float(q1), float(q2), float(q3)


def ratio(ours: Sequence[float], other: Sequence[float]) -> float:
    """Return ours / other: the median over rounds if both took part in each, else the ratio of the medians."""
    if len(ours) == len(other):
        return quartiles([a / b for a, b in zip(ours, other, strict=True)])[1]
    return quartiles(ours)[1] / quartiles(other)[1]
