"""Cold start: what the first fit of a new process costs, and the first photo that it reads.

Every reading is a process of its own. Compiled code lies in a cache of this script, empty at first: the first process
compiles, as on the very first run ever; the others find it, as on every later run.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.measuring.clocks import quartiles, take_turns
from benchmarks.measuring.report import Report, Row, show_time, timed, yes_no
from tests.helpers.scenes import draw_scene

GOAL = 0.4  # seconds of import and first fit beyond importing numba and sklearn.base and a warm fit
GOAL_HELP = 0.5  # seconds
GOAL_PHOTO = 0.5  # seconds of a new process that reads a photo beyond one that imports what it needs

IMPORTS = """
import time
start = time.perf_counter()
import numba, sklearn.base
print(time.perf_counter() - start)
"""
READ_PHOTO = "import sys, mnistlr; print(*mnistlr.read_digits(sys.argv[1]))"
FIRST_FIT = """
import json, sys, time
start = time.perf_counter()
import mnistlr
Model = getattr(mnistlr, sys.argv[1])
seconds = [time.perf_counter() - start]
import numpy as np
data = np.load(sys.argv[2])
X, y = data["X"], data["y"]
if sys.argv[1] == "LogisticRegression":
    y = y == 2
for _ in range(2):
    start = time.perf_counter()
    Model(random_state=0).fit(X, y)
    seconds.append(time.perf_counter() - start)
print(json.dumps(seconds))
"""


def run(*arguments: str, cache: Path) -> str:
    """Run Python in a new process and return what it printed."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache)}
    result = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, check=True)
    return result.stdout


def main() -> None:
    """Measure, print."""
    report = Report("Cold start: a new process until its first fit is done", repeats=9)
    data = report.data()
    with tempfile.TemporaryDirectory() as folder:
        file, cache = Path(folder, "data.npz"), Path(folder, "cache")
        np.savez(file, X=data.X_train, y=data.y_train)
        models = ["SoftmaxRegression", "LogisticRegression"][: 1 if report.quick else 2]
        fits: dict[str, list[list[float]]] = {}

        def first_fit(model: str) -> float:
            importing, first, warm = json.loads(run("-c", FIRST_FIT, model, str(file), cache=cache))
            fits.setdefault(model, []).append([importing, first, warm])
            return float(importing + first)

        def process(*arguments: str) -> float:
            start = time.perf_counter()
            run(*arguments, cache=cache)
            return time.perf_counter() - start

        rows = []
        for model in models:
            importing, first, warm = (first_fit(model), fits[model].pop())[1]
            rows.append(timed(f"{model}: import and first fit", [importing + first]))
            rows.append(timed("  of it compiling, about", [first - warm]))
        report.table("The very first run, empty cache", rows, "one run each; both models share much of the code")

        clocks = {model: (lambda model=model: first_fit(model)) for model in models}
        clocks["imports"] = lambda: float(run("-c", IMPORTS, cache=cache))
        clocks["help"] = lambda: process("-m", "mnistlr", "--help")
        photo = Path(folder, "photo.jpg")
        photo.write_bytes(draw_scene("plain", data.X_test[:1].reshape(-1, 28, 28), 0))
        commands = {
            "photo imports": ("-c", "import numba, scipy.ndimage, PIL.Image"),
            "read_digits": ("-c", READ_PHOTO, str(photo)),
            "predict": ("-m", "mnistlr", "predict", str(photo)),
        }
        clocks |= {name: (lambda command=command: process(*command)) for name, command in commands.items()}
        for command in commands.values():
            process(*command)  # compiles
        times = take_turns(clocks, report.repeats)

    rows = [timed("import numba, sklearn.base", times["imports"])]
    for model in models:
        parts = dict(zip(("import mnistlr", "first fit", "warm fit"), zip(*fits[model], strict=True), strict=True))
        rows += [timed(f"{model}: {name}", seconds) for name, seconds in parts.items()]
        extra = [
            importing + first - warm - imports
            for (importing, first, warm), imports in zip(fits[model], times["imports"], strict=True)
        ]
        q1, median, q3 = quartiles(extra)
        goal, met = show_time(GOAL), yes_no(median <= GOAL)
        spread = f"{show_time(q1)} - {show_time(q3)}"
        rows.append(Row("  import + first fit - warm fit - numba", show_time(median), spread, "", "", goal, met, extra))
    report.table("Compiled code cached", rows)

    row = timed("mnistlr --help, the whole process", times["help"])
    row.goal, row.met = show_time(GOAL_HELP), yes_no(quartiles(times["help"])[1] <= GOAL_HELP)
    report.table("Command line", [row])
    rows = [timed("import numba, scipy.ndimage, PIL", times["photo imports"])]
    for name, title in (("read_digits", "mnistlr.read_digits"), ("predict", "mnistlr predict")):
        beyond = [whole - imports for whole, imports in zip(times[name], times["photo imports"], strict=True)]
        rows.append(timed(f"{title}, beyond that", beyond))
        rows[-1].goal, rows[-1].met = show_time(GOAL_PHOTO), yes_no(quartiles(beyond)[1] <= GOAL_PHOTO)
    report.table("A new process that reads a photo", rows)
    report.close()


if __name__ == "__main__":
    main()
