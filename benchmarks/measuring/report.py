"""Arguments, a description of the machine, and tables, for all benchmark scripts.

Nothing here judges: exit codes never depend on times.
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measuring.clocks import quartiles, ratio
from mnistlr import __version__
from mnistlr._support.threads import count_threads
from mnistlr.datasets.named import NamedData, load_named
from mnistlr.exceptions import DataUnavailableError

PACKAGES = (
    "numpy", "scipy", "numba", "scikit-learn", "scikit-learn-intelex", "jax", "torch", "liblinear-official", "cyanure",
    "skglm", "mlxtend", "xgboost", "vowpalwabbit", "benchopt",
)  # fmt: skip


@dataclass
class Row:
    """One line of a table: a value with its spread, what it is held against, and the most that was asked for."""

    what: str
    value: str
    spread: str = ""
    against: str = ""
    ratio: str = ""
    goal: str = ""
    met: str = ""
    readings: list[float] = field(default_factory=list)


def timed(
    what: str, seconds: Sequence[float], against: str = "", other: Sequence[float] = (), goal: float | None = None
) -> Row:
    """Make the row of a time, compared to ``other`` times; ``goal`` is the largest ratio that is good enough."""
    if not len(seconds) or not np.isfinite(seconds).all():
        return Row(what, "not reached", against=against, goal="" if goal is None else show_ratio(goal))
    q1, median, q3 = quartiles(seconds)
    row = Row(what, show_time(median), f"{show_time(q1)} - {show_time(q3)}", against, readings=list(seconds))
    if len(other) and np.isfinite(other).all():
        value = ratio(seconds, other)
        row.ratio = show_ratio(value)
        row.met = "" if goal is None else yes_no(value <= goal)
    if goal is not None:
        row.goal = show_ratio(goal)
    return row


def yes_no(met: bool) -> str:
    """Return the word in a table for a goal that was met or missed."""
    return "yes" if met else "NO"


def show_time(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if abs(seconds) >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} us"


def show_ratio(value: float) -> str:
    """Return a ratio: 1.7, or 1/12 for small ones."""
    return f"{value:.2f}" if value >= 0.5 else f"1/{1 / value:.3g}"


def machine() -> dict[str, Any]:
    """Describe where and when this runs."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    versions = {"mnistlr": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "threads": count_threads(),
        "versions": versions,
        "date": datetime.datetime.now().astimezone().isoformat(timespec="minutes"),
        "load": round(os.getloadavg()[0], 2),
    }


class Report:
    """The arguments of a script, the description of the machine, and the tables: printed, and kept for ``--json``.

    Parameters
    ----------
    question : str
        What the script answers; the first line of its output.
    repeats, quick_repeats : int
        How often everything is timed by default, and with ``--quick``.
    full : str, optional
        What ``--full`` adds; without it there is no such argument.
    keep : Path, optional
        The file for the readings of a run that is not quick, unless ``--json`` names one.
    arguments : sequence of str, optional
        By default those of the process.
    """

    def __init__(
        self, question: str, *, repeats: int, quick_repeats: int = 1, full: str = "",
        keep: Path | None = None, arguments: Sequence[str] | None = None,
    ) -> None:  # fmt: skip
        parser = argparse.ArgumentParser(description=question)
        parser.add_argument("--repeats", type=int, metavar="N", help=f"rounds of timing (default {repeats})")
        parser.add_argument("--quick", action="store_true", help="only check that everything runs, on little data")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write every reading to a file as well")
        if full:
            parser.add_argument("--full", action="store_true", help=full)
        options = parser.parse_args(arguments)
        self.quick: bool = options.quick
        self.full: bool = getattr(options, "full", False)
        self.repeats: int = options.repeats or (quick_repeats if self.quick else repeats)
        self._json: Path | None = options.json or (None if self.quick else keep)
        self._has_goals = not self.quick
        self._kept: dict[str, Any] = {"question": question, "machine": machine(), "tables": {}}
        about = self._kept["machine"]
        where = f"{about['cpu']}, {about['cores']} cores, {about['threads']} threads, load {about['load']}"
        versions = f"{', '.join(' '.join(pair) for pair in about['versions'].items())}; {about['date']}"
        self._pages = [f"# {question}", f"{where}; {versions}; {self.repeats} rounds"]
        print(f"{question}\n{where}\n{versions}")
        if about["load"] > 0.3 * (about["cores"] or 1):
            print("!!! The machine is busy with other things: these times mean little.")
        if full and not (self.quick or self.full):
            print(f"--full would {full}")
            self._pages.append(f"With `--full` it would {full}.")
        print(f"rounds: {self.repeats}" + ("; QUICK RUN, NO TIME OF IT MEANS ANYTHING" if self.quick else ""))

    def data(self) -> NamedData:
        """Load MNIST, or the 5,000 images for a quick run and where there is no MNIST, which is said."""
        try:
            data = load_named("mnist_5k" if self.quick else "mnist")
        except DataUnavailableError as error:
            if self.quick:
                raise
            data = load_named("mnist_5k")
            self._has_goals = False
            print(f"!!! NOT MNIST, BUT {data.title.upper()}, for which the goals are not meant.\n!!! {error}")
        print(f"data: {data.title}, {len(data.y_train):,} to train on, {len(data.y_test):,} to test on")
        self._kept["data"] = data.name
        return data

    def table(self, title: str, rows: Sequence[Row], note: str = "") -> None:
        """Print a table, and keep it; without the goals if they are not meant for these data."""
        if not self._has_goals:
            rows = [replace(row, goal="", met="") for row in rows]
        names = ["what", "value", "spread", "against", "ratio", "goal", "met"]
        cells = [names] + [[getattr(row, name) for name in names] for row in rows]
        columns = [column for column in zip(*cells, strict=True) if any(column[1:])]
        widths = [max(map(len, column)) for column in columns]
        self._pages += [f"## {title}", _markdown(columns), note]
        print(f"\n{title}")
        for number, line in enumerate(zip(*columns, strict=True)):
            print("  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
            if number == 0:
                print("  " + "  ".join("-" * width for width in widths))
        if note:
            print(note)
        self._kept["tables"][title] = [asdict(row) for row in rows]

    def close(self) -> None:
        """Write the file of ``--json``, and the tables as Markdown beside it."""
        if self._json:
            self._json.parent.mkdir(parents=True, exist_ok=True)
            self._json.write_text(json.dumps(self._kept, indent=1))
            self._json.with_suffix(".md").write_text("\n\n".join(filter(None, self._pages)) + "\n")


def _markdown(columns: Sequence[Sequence[str]]) -> str:
    """Return columns, their names first, as a table in Markdown."""
    lines = ["| " + " | ".join(cell.strip() for cell in line) + " |" for line in zip(*columns, strict=True)]
    return "\n".join([lines[0], "|" + " --- |" * len(columns), *lines[1:]])
