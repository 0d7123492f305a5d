"""Race all solvers of the benchmark in one run, round by round, to given levels.

    python -m benchmarks.race [--quick] [--only NAME ...] [--patience SECONDS] [--repeats N] [--readme]

benchopt runs one solver after the other; here the same objective, data sets and solvers take turns, so that whatever
else the machine does hits all alike. First each is scouted, ours before the others: how many iterations (or steps) it
needs for each level, to within a tenth, or a quarter where it is ten times slower than ours. Then, in every round,
each runs just so far, and no weights are judged meanwhile. A solver that has used up its patience in readings sits out
the further rounds. Data conversion, compilation and warm-up are not timed; they have a column of their own, and so has
the peak of memory, measured in a process of its own. stderr shows the time that is left. ``--readme`` replaces the
tables in ``benchmarks/README.md`` by this run's, and the readings in ``benchmarks/readings/``.
"""

import argparse
import json
import math
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measuring.clocks import PAUSE
from benchmarks.measuring.memory import in_new_process, peak
from benchmarks.measuring.report import machine
from benchmarks.race.files import write_all
from benchmarks.race.report import OURS, Race

FOLDER = Path(__file__).parents[1]
TASKS = ("2 or not", "ten classes")
ACCURACY = {"2 or not": (0.975, 0.98), "ten classes": (0.92, 0.925)}
SUBOPTIMALITY = (1e-2, 1e-4, 1e-6)
# How near to the least number of iterations that reaches a level, and for those so many times slower than ours.
NEAR, NEAR_ENOUGH, MUCH_SLOWER = 0.1, 0.25, 10

Level = tuple[str, float]


def reaches(result: dict[str, float], level: Level) -> bool:
    """Return whether a result of the objective is as good as a level."""
    kind, value = level
    return result[kind] >= value if kind == "test_accuracy" else result[kind] <= value


@dataclass
class Contestant:
    """A solver with its parameters, ready to run, and its results so far."""

    solver: Any
    name: str
    prepare_seconds: float = 0.0
    memory: float | None = None
    settings: dict[Level, int] = field(default_factory=dict)  # iterations or steps
    curve: list[dict[str, float]] = field(default_factory=list)
    readings: dict[Level, list[float]] = field(default_factory=dict)
    spent: float = 0.0

    @property
    def steps(self) -> bool:
        """Whether it can be looked at on the way."""
        return bool(self.solver.sampling_strategy == "callback")

    def run_for(self, iterations: int) -> float:
        """Run it; return the seconds."""
        began = time.perf_counter()
        self.solver.run(iterations)
        return time.perf_counter() - began


def tell(text: str) -> None:
    """Report progress."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


class Watch:
    """benchopt's callback: called between steps, stops the clock while ``look(step, seconds)`` decides to go on."""

    def __init__(self, look: Callable[[int, float], bool]) -> None:
        self.look, self.step, self.seconds = look, 0, 0.0
        self.began = time.perf_counter()

    def __call__(self) -> bool:
        """Look."""
        self.seconds += time.perf_counter() - self.began
        go_on = self.look(self.step, self.seconds)
        self.step += 1
        self.began = time.perf_counter()
        return go_on


def load(benchmark: Any, dataset: str, parameters: dict[str, Any]) -> Any:
    """Return the objective with data in it."""
    Dataset = next(cls for cls in benchmark.get_datasets() if cls.name == dataset)
    objective = benchmark.get_benchmark_objective().get_instance()
    objective._set_dataset(Dataset.get_instance(**parameters))
    return objective


def instances(benchmark: Any) -> Iterator[tuple[Any, str]]:
    """Yield every solver with every value of its parameters; or its name, and why it cannot be had."""
    from benchopt.utils.parametrized_name_mixin import product_param

    for cls in sorted(benchmark.get_solvers(), key=lambda cls: cls.name.lower()):
        if not cls.is_installed(quiet=True):
            yield cls.name, str(cls._exc)
            continue
        for parameters in product_param(cls.parameters):
            yield cls.get_instance(**parameters), ""


def short(solver: Any) -> str:
    """Return the name with the parameters' values."""
    return " ".join([solver.name, *map(str, solver._parameters.values())])


def enter(benchmark: Any, objective: Any, skipped: dict[str, str], only: Sequence[str] = ()) -> list[Contestant]:
    """Prepare the solvers that take part; note why others do not.

    Parameters
    ----------
    benchmark, objective
        The benchmark, and its objective with data in it.
    skipped : dict
        Gets the reasons.
    only : sequence of str
        Solvers with one of these in their name take part, and ours; by default all.
    """
    contestants = []
    for solver, problem in instances(benchmark):
        name = solver if problem else short(solver)
        if only and not (name.startswith(OURS) or any(part.lower() in name.lower() for part in only)):
            continue
        if problem:
            skipped[name] = problem
            continue
        began = time.perf_counter()
        skip, reason = solver._set_objective(objective)
        if skip:
            skipped[name] = reason
            continue
        prepare_seconds = time.perf_counter() - began
        try:
            solver._warm_up()
        except Exception as error:  # a rival that fails is a result, not the end of the race
            skipped[name] = f"failed: {error!r}"
            continue
        contestants.append(Contestant(solver, name, prepare_seconds))
    return contestants


def scout(
    entry: Contestant, judge: Callable[..., dict[str, float]], levels: list[Level], patience: float,
    ours: dict[Level, float] | None = None,
) -> None:  # fmt: skip
    """Find the settings for the levels, as far as ``patience`` seconds of a run get; ``ours`` are the times to beat."""
    entry.settings, entry.curve = {}, []

    def note(setting: int, seconds: float) -> None:
        result = judge(**entry.solver.get_result())
        entry.curve.append({"setting": setting, "seconds": seconds, **result})
        for level in levels:
            if reaches(result, level):
                entry.settings[level] = min(setting, entry.settings.get(level, setting))

    if entry.steps:
        due = 1

        def look(step: int, seconds: float) -> bool:
            nonlocal due
            if step >= due:
                note(step, seconds)
                due = max(step + 1, int(1.1 * step))
            return len(entry.settings) < len(levels) and seconds < patience

        entry.solver.run(Watch(look))
        return

    def run(iterations: int) -> float:
        seconds = entry.run_for(iterations)
        note(iterations, seconds)
        return seconds

    iterations = 1
    while run(iterations) < patience and len(entry.settings) < len(levels) and iterations < 10_000:
        iterations = max(iterations + 1, int(1.5 * iterations))
    for level in set(entry.settings):
        while True:
            high = entry.settings[level]
            low = max((point["setting"] for point in entry.curve if point["setting"] < high), default=high - 1)
            slower = scouted(entry, level) > MUCH_SLOWER * (ours or {}).get(level, math.inf)
            if high - low <= max(1, (NEAR_ENOUGH if slower else NEAR) * high):
                break
            run((low + high) // 2)
    entry.curve.sort(key=lambda point: point["setting"])


def scouted(entry: Contestant, level: Level) -> float:
    """Return the seconds to a level, as seen when scouting; infinity if it was not reached."""
    setting = entry.settings.get(level)
    return min((point["seconds"] for point in entry.curve if point["setting"] == setting), default=math.inf)


def reseed(entry: Contestant, seed: int, judge: Callable[..., dict[str, float]], patience: float) -> None:
    """Scout again with another seed, for the levels reached so far; one that is missed now is not reached at all."""
    curve, known = entry.curve, list(entry.settings)
    entry.solver.seed = seed
    scout(entry, judge, known, patience)
    entry.curve = curve
    for level in set(known) - set(entry.settings):
        entry.readings.pop(level, None)


def time_once(entry: Contestant) -> None:
    """Take one reading for every level that is reached."""
    wanted = sorted(set(entry.settings.values()))
    if not wanted:
        return
    seconds: dict[int, float] = {}
    time.sleep(PAUSE)
    if entry.steps:

        def look(step: int, spent: float) -> bool:
            if step in wanted:
                seconds[step] = spent
            return step < wanted[-1]

        entry.solver.run(Watch(look))
    else:
        for setting in wanted:
            seconds[setting] = entry.run_for(setting)
    entry.spent += sum(seconds.values())
    for level, setting in entry.settings.items():
        entry.readings.setdefault(level, []).append(seconds[setting])


def peak_of(file: str, own: dict[str, Any], dataset: str, parameters: dict[str, Any]) -> float:
    """Return the megabytes that a solver takes at most beyond the data as loaded, conversion included.

    Parameters
    ----------
    file, own
        The solver's file and its parameters.
    dataset, parameters
        As in `race`.
    """
    from benchopt.benchmark import Benchmark
    from benchopt.utils.dynamic_modules import _load_class_from_module

    warnings.simplefilter("ignore")
    benchmark = Benchmark(FOLDER)
    solver = _load_class_from_module(FOLDER, Path(file), "Solver").get_instance(**own)
    task = {"task": parameters["task"]} if "task" in parameters else {}
    small = load(benchmark, "pictures", {"source": "digits"} | task)
    objective = load(benchmark, dataset, parameters)
    objective.X64 = objective.X64_test = None  # only the judge's
    solver._set_objective(small)
    solver.run_once(1)

    def train() -> None:
        solver._set_objective(objective)
        solver.run_once(2)

    return peak(train)


def note_peak(entry: Contestant, dataset: str, parameters: dict[str, Any]) -> None:
    """Measure the peak of a contestant in a process of its own."""
    try:
        file, own = str(entry.solver._module_filename), entry.solver._parameters
        entry.memory = in_new_process(peak_of, file, own, dataset, parameters)
    except Exception as error:  # the table goes without this number
        tell(f"{entry.name}: its peak of memory was not measured: {error!r}")


def race(
    dataset: str, parameters: dict[str, Any], levels: list[Level], *, rounds: int, patience: float, memory: bool,
    only: Sequence[str] = (),
) -> Race:  # fmt: skip
    """Run a race on one data set.

    Parameters
    ----------
    dataset, parameters
        Name and parameters of a class in ``datasets/``.
    levels : list of (measure, value)
    rounds : int
    patience : float
        A run that takes more seconds than this is not continued. A solver that has used up so many seconds of
        readings sits out further rounds.
    memory : bool
        Whether to measure peaks as well, of solvers that reach a level.
    only : sequence of str
        As in ``enter``.
    """
    from benchopt.benchmark import Benchmark

    benchmark, skipped = Benchmark(FOLDER), {}
    objective = load(benchmark, dataset, parameters)
    judge = objective.evaluate_result
    tell(f"{parameters.get('task', dataset)}: preparing, warming up")
    contestants = sorted(enter(benchmark, objective, skipped, only), key=lambda entry: not entry.name.startswith(OURS))
    # Steps are scouted in one run, iterations in growing ones; a solver that reaches a level is timed.
    # Peaks are measured two at a time, each with the preparation once more.
    seconds = sum((3 if entry.steps else 6) * patience for entry in contestants)
    if memory:
        seconds += sum(5 + entry.prepare_seconds + entry.solver.warm_up_seconds for entry in contestants) / 2
    tell(f"{len(contestants)} take part; this takes up to about {math.ceil(seconds / 60)} minutes")
    ours = dict.fromkeys(levels, math.inf)
    for entry in list(contestants):
        try:
            scout(entry, judge, levels, patience, ours)
        except Exception as error:  # a rival that fails is a result, not the end of the race
            skipped[entry.name] = f"failed: {error!r}"
            contestants.remove(entry)
        if entry.name.startswith(OURS):
            ours = {level: min(best, scouted(entry, level)) for level, best in ours.items()}
        tell(f"{entry.name}: {len(entry.curve)} looks, {len(entry.settings)} of {len(levels)} levels")
    for number in range(rounds):
        for entry in contestants:
            if number and entry.solver.shuffles:
                reseed(entry, number, judge, patience)
            if entry.spent < patience:
                time_once(entry)
        tell(f"round {number + 1} of {rounds}")
    if memory and Path("/proc/self/clear_refs").exists():
        reaching = [entry for entry in contestants if entry.settings]
        tell(f"the peaks of memory of {len(reaching)}")
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # no times are taken, so that they may run side by side
            list(pool.map(lambda entry: note_peak(entry, dataset, parameters), reaching))
    about = machine()
    rows = [
        {
            "dataset": dataset, **parameters, "solver": entry.name, "measure": kind, "level": value,
            "setting": entry.settings.get((kind, value)), "seconds": entry.readings.get((kind, value), []),
            "prepare_seconds": entry.prepare_seconds, "warm_up_seconds": entry.solver.warm_up_seconds,
            "peak_megabytes": entry.memory, "patience": patience, "machine": about,
        }
        for entry in contestants
        for kind, value in levels
    ]  # fmt: skip
    curves = {entry.name: entry.curve for entry in contestants}
    return Race(dict(dataset=dataset, **parameters), levels, rows, curves, skipped, objective.optimum)


def main() -> None:
    """Race on both tasks, write everything down."""
    parser = argparse.ArgumentParser(description="Solvers race to given levels")
    parser.add_argument("--quick", action="store_true", help="only check that everything runs, on little data")
    parser.add_argument("--readme", action="store_true", help="put tables and figures into benchmarks/README.md")
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME",
        help="solvers with this in their name, beside ours; may be repeated",
    )  # fmt: skip
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="rounds of timing (default 5)")
    parser.add_argument("--patience", type=float, default=3, metavar="S", help="seconds a run may take (default 3)")
    parser.add_argument("--json", type=Path, default=Path("results", "race.json"), metavar="FILE")
    options = parser.parse_args()
    try:
        import benchopt  # noqa: F401
    except ImportError:
        print('skipped: the race needs benchopt (pip install "mnistlr[bench]")')
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps({"skipped": "benchopt is not installed"}))
        return
    warnings.simplefilter("ignore")  # limits on iterations are meant
    np.seterr(all="ignore")
    races = []
    for task in TASKS:
        levels = [("test_accuracy", value) for value in ((0.9,) if options.quick else ACCURACY[task])]
        levels += [("suboptimality", value) for value in ((0.3,) if options.quick else SUBOPTIMALITY)]
        races.append(
            race(
                "pictures", {"source": "digits" if options.quick else "mnist", "task": task}, levels,
                rounds=1 if options.quick else options.repeats, patience=0.2 if options.quick else options.patience,
                memory=not options.quick, only=options.only,
            )
        )  # fmt: skip
    write_all(races, options.json, readme=options.readme)


if __name__ == "__main__":
    main()
