"""Memory of a process, as the operating system sees it, and processes that share nothing. Linux only."""

import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any


def resident(field: str) -> int:
    """Return the bytes of a field of /proc/self/status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def peak(task: Callable[[], Any]) -> float:
    """Run ``task``; return the megabytes (10^6 bytes) that it took at most."""
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    before = resident("VmRSS")
    kept = task()
    del kept
    return (resident("VmHWM") - before) / 1e6


def in_new_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return ``function(*arguments)``, called in a process of its own that shares nothing with this one."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)
