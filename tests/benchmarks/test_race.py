"""The race: settings are found, clocks stop while weights are judged, rivals are easily added. No time is judged."""

import csv
from collections.abc import Callable
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from benchmarks.race.figure import chosen
from benchmarks.race.files import BEGIN, END, replace_part, write_all, write_readings
from benchmarks.race.report import Race, headline, losses, table


@pytest.fixture
def race() -> Any:
    pytest.importorskip("benchopt")
    from benchmarks.race import run as race

    return race


RIVAL = """
from sklearn.linear_model import LogisticRegression
from benchmarks.rival import Rival


class Solver(Rival):
    name = "my rival"

    def fit(self, n_iter):
        return LogisticRegression(C=self.C, tol=1e-9, max_iter=n_iter).fit(self.X, self.y)
"""


def digits_for(race: Any, task: str) -> tuple[Any, Any]:
    from benchopt.benchmark import Benchmark

    benchmark = Benchmark(race.FOLDER)
    return benchmark, race.load(benchmark, "pictures", {"source": "digits", "task": task})


# How far from the optimum everybody may be after so many iterations or looks, by the nature of the method: 2e-6 in
# float64 (for scikit-learn's in float32), more for sums in float32, still more for constant steps.
EXACT, FLOAT32, STEPS = 2e-6, 2e-5, 5e-2
OPTIMUM = {
    "mnistlr lbfgs": (100, EXACT), "mnistlr newton": (20, EXACT), "mnistlr svrg": (60, EXACT),
    "mnistlr nesterov": (2000, FLOAT32), "mnistlr gd": (3000, 1e-1), "mnistlr sgd": (1000, 1e-4),
    "scikit-learn lbfgs": (400, EXACT), "scikit-learn newton-cg": (60, EXACT), "scikit-learn sag": (1000, EXACT),
    "scikit-learn newton-cholesky": (20, EXACT), "scikit-learn liblinear": (100, EXACT),
    "scikit-learn saga": (1000, EXACT),
    "scikit-learn sag sparse": (1000, STEPS), "scikit-learn saga sparse": (1000, STEPS),
    "scikit-learn-intelex": (400, EXACT), "LIBLINEAR": (40, EXACT),
    "cyanure": (400, FLOAT32), "skglm": (400, EXACT), "XGBoost gblinear": (1000, EXACT), "JAX L-BFGS": (400, FLOAT32),
    "PyTorch L-BFGS": (400, FLOAT32), "JAX": (3000, STEPS), "PyTorch": (400, STEPS), "mlxtend": (500, STEPS),
    "scikit-learn MLPClassifier": (500, 1e-1),
}  # fmt: skip
# Nobody looks at the optimum of these: no penalty; for ten classes one versus the rest.
OTHERS = {"Vowpal Wabbit", "scikit-learn SGDClassifier scaled", "scikit-learn SGDClassifier raw"}


@pytest.mark.long
@pytest.mark.parametrize("task", ["2 or not", "ten classes"])
@pytest.mark.filterwarnings("ignore")
def test_all_reach_the_same_optimum(race: Any, task: str) -> None:
    """Whoever minimises this objective gets to it, whatever its scalings are called."""
    benchmark, objective = digits_for(race, task)
    skipped: dict[str, str] = {}
    entries = {entry.name: entry for entry in race.enter(benchmark, objective, skipped)}
    assert set(entries) <= set(OPTIMUM) | OTHERS
    assert set(OPTIMUM) | OTHERS <= set(entries) | set(skipped)
    far = {}
    for name, entry in entries.items():
        if name in OTHERS or (name == "scikit-learn newton-cholesky" and task == "ten classes"):  # the latter: 30 s
            continue
        number, tolerance = OPTIMUM[name]
        entry.solver.run(race.Watch(lambda step, _, most=number: step < most) if entry.steps else number)
        distance = objective.evaluate_result(**entry.solver.get_result())["suboptimality"]
        if not -1e-7 < distance < tolerance:
            far[name] = distance
    assert far == {}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_rival_in_ten_lines(race: Any, tmp_path: Path) -> None:
    from benchopt.utils.dynamic_modules import _load_class_from_module

    assert len(RIVAL.strip().splitlines()) <= 10
    _, objective = digits_for(race, "2 or not")
    (tmp_path / "my_rival.py").write_text(RIVAL)
    Solver = _load_class_from_module(race.FOLDER, tmp_path / "my_rival.py", "Solver")
    solver = Solver.get_instance()
    assert solver._set_objective(objective) == (False, None)
    solver._warm_up()
    entry = race.Contestant(solver, race.short(solver))
    race.scout(entry, objective.evaluate_result, [("suboptimality", 1e-4)], patience=5.0)
    race.time_once(entry)
    assert len(entry.readings["suboptimality", 1e-4]) == 1
    assert solver.warm_up_seconds > 0


def test_why_somebody_does_not_take_part_is_told(race: Any) -> None:
    skipped: dict[str, str] = {}
    benchmark, objective = digits_for(race, "ten classes")
    names = [entry.name for entry in race.enter(benchmark, objective, skipped)]
    assert "one versus the rest" in skipped["scikit-learn liblinear"]
    assert "scikit-learn liblinear" not in names


class Told:
    """A solver that does what it is told, and whose result is the number of its iterations."""

    sampling_strategy = "iteration"
    now = 0

    def run(self, iterations: int) -> None:
        self.now = iterations

    def get_result(self) -> dict[str, Any]:
        return {"now": self.now}


class Stepping(Told):
    sampling_strategy = "callback"

    def run(self, go_on: Any) -> None:
        self.now = 0
        while go_on():
            sleep(0.001)
            self.now += 1


LEVEL = ("suboptimality", 1.0)


def reached_after(needed: int) -> Callable[[int], dict[str, float]]:
    return lambda now: {"suboptimality": 0.0 if now >= needed else 2.0}


@pytest.mark.parametrize("solver", [Told, Stepping])
@pytest.mark.parametrize("needed", [1, 2, 7, 57, 130])
def test_settings_are_found(race: Any, solver: type, needed: int) -> None:
    entry = race.Contestant(solver(), "told")
    race.scout(entry, reached_after(needed), [LEVEL], patience=5.0)
    assert needed <= entry.settings[LEVEL] <= max(needed, 1.11 * needed)


def test_no_time_is_lost_on_whoever_is_much_slower(race: Any) -> None:
    entry = race.Contestant(Told(), "told")
    asked = []
    for ours in (1e3, 1e-9):
        race.scout(entry, reached_after(150), [LEVEL], 5.0, {LEVEL: ours})
        assert 150 <= entry.settings[LEVEL] <= 1.26 * 150
        asked.append(len(entry.curve))
    assert asked[1] < asked[0]


def test_out_of_reach(race: Any) -> None:
    entry = race.Contestant(Stepping(), "told")
    race.scout(entry, lambda now: {"suboptimality": 2.0}, [LEVEL], patience=0.05)
    assert entry.settings == {}
    race.time_once(entry)
    assert entry.readings == {}


def test_a_level_that_one_seed_misses_is_not_reached(race: Any) -> None:
    entry = race.Contestant(Stepping(), "told")
    race.scout(entry, lambda now: {"suboptimality": 0.0}, [LEVEL], patience=5.0)
    race.time_once(entry)
    curve = entry.curve
    race.reseed(entry, 7, lambda now: {"suboptimality": 2.0}, patience=0.02)
    assert (entry.solver.seed, entry.settings, entry.readings) == (7, {}, {})
    assert entry.curve is curve


def test_judging_stops_the_clock(race: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("benchmarks.race.run.time.perf_counter", lambda: clock[0])

    def judge(now: int) -> dict[str, float]:
        clock[0] += 1.0
        return reached_after(3)(now)

    entry = race.Contestant(Stepping(), "told")
    race.scout(entry, judge, [LEVEL], patience=5.0)
    assert [point["seconds"] for point in entry.curve] == [0.0] * len(entry.curve)
    assert clock[0] == len(entry.curve)


def a_race(ours: list[float], theirs: list[float]) -> Race:
    levels = [("test_accuracy", 0.92), ("suboptimality", 1e-4)]
    machine = {"cpu": "a CPU", "cores": 2, "threads": 2, "load": 0.0, "versions": {"numpy": "2"}, "date": "2026-11-24T"}
    rows = [
        {"solver": name, "measure": kind, "level": value, "setting": 3, "seconds": seconds, "patience": 3.0,
         "prepare_seconds": 0.1, "warm_up_seconds": 0.2, "peak_megabytes": 12.0, "machine": machine}
        for name, seconds in (("mnistlr sgd", ours), ("rival", theirs), ("late", []))
        for kind, value in levels
    ]  # fmt: skip
    point = {"setting": 1, "seconds": 0.1, "suboptimality": 0.1, "test_accuracy": 0.9}
    curves: dict[str, list] = {name: [point] for name in ("mnistlr sgd", "rival")}
    return Race(
        {"dataset": "pictures", "task": "ten classes"}, levels, rows, curves, {"absent": "no such package"}, 1.0
    )


def test_table_and_losses() -> None:
    slower = a_race([1.0, 1.0, 3.0], [2.0, 2.0, 4.0])
    shown = table(slower, brief=True)
    assert "**1 s ± 50%**" in shown
    assert "2 s ± 25% (2)" in shown
    assert "None of these levels within 3 s: late" in shown
    assert "> 3 s (> 3) |" in table(a_race([1.0], [2.0]), brief=False)
    assert "| 12 MB (1) |" in shown
    assert losses([slower]).startswith("At none of these levels")
    faster = a_race([1.0], [0.5])
    assert "500 ms (**0.5**)" in table(faster, brief=True)
    assert "Ahead of ours: ten classes, 92.0% right: rival" in losses([faster])


def test_brief_table_keeps_whoever_is_near_at_some_level() -> None:
    race = a_race([1.0], [9.0])
    seconds = {"fifth": (5, 12), "fourth": (4, 11), "sprinter": (1.5, 9), "second": (2, 2), "third": (3, 3), "late": ()}
    rows = [row for row in race.rows if row["solver"] == "late"]
    race.rows[:] = [row for row in race.rows if row["solver"] == "mnistlr sgd"] + [
        {**row, "solver": name, "seconds": [float(those[number])] if those else []}
        for name, those in seconds.items()
        for number, row in enumerate(rows)
    ]
    shown = table(race, brief=True)
    assert [line.split(" | ")[0] for line in shown.splitlines()[2:6]] == [
        "| mnistlr sgd", "| sprinter", "| second", "| third"
    ]  # fmt: skip
    assert "At every level slower than 3 other peers, the quickest first: fourth, fifth." in shown
    assert "None of these levels within 3 s: late." in shown
    assert all(f"| {name} |" in table(race, brief=False) for name in seconds)


def test_everything_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    write_all([a_race([1.0], [2.0])], tmp_path / "results" / "race.json", readme=False)
    page = (tmp_path / "results" / "race.md").read_text()
    assert "absent does not take part: no such package" in page
    assert "numpy 2" in page
    assert (tmp_path / "results" / "race-ten-classes.svg").read_text().startswith("<?xml")


def test_at_most_eight_are_drawn_the_quickest_of_ours_and_of_the_peers() -> None:
    race = a_race([1.0], [2.0])
    row, point = race.rows[0], race.curves["rival"]
    names = [f"mnistlr {k}" for k in range(5)] + [f"peer {k}" for k in range(9)]
    for level in race.levels:  # at the one level in this order, at the other in the reverse
        order = names if level == race.levels[0] else names[::-1]
        for place, name in enumerate(order, start=10):
            race.rows.append({**row, "solver": name, "measure": level[0], "level": level[1], "seconds": [place]})
    race.curves.update(dict.fromkeys(names, point))
    drawn = chosen(race)
    assert drawn[:3] == ["mnistlr sgd", "mnistlr 0", "mnistlr 4"]
    assert drawn[3] == "rival"
    assert set(drawn[4:]) == {"peer 0", "peer 8", "peer 1", "peer 7"}
    assert "late" not in drawn  # it reaches no level


def test_the_readings_are_written_as_data(tmp_path: Path) -> None:
    """The medians of the table come out of them again."""
    race = a_race([1.0, 1.5, 3.0], [2.0])
    write_readings([race], tmp_path)
    with (tmp_path / "race.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    seconds = [float(line["seconds"]) for line in lines if line["solver"] == "mnistlr sgd" and line["level"] == "0.92"]
    assert seconds == [1.0, 1.5, 3.0]
    assert {line["task"] for line in lines} == {"ten classes"}
    with (tmp_path / "curves.csv").open(newline="") as file:
        assert {line["solver"] for line in csv.DictReader(file)} == set(race.curves)


def test_only_may_be_repeated(race: Any) -> None:
    benchmark, objective = digits_for(race, "ten classes")
    names = {entry.name.split()[0] for entry in race.enter(benchmark, objective, {}, ["mlxtend", "LIBLINEAR"])}
    assert names <= {"mnistlr", "mlxtend", "LIBLINEAR", "scikit-learn"}
    assert {"mnistlr", "mlxtend"} <= names


def test_the_readme_s_part_is_replaced(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    text = headline([a_race([1.0], [2.0])], ["--only", "JAX"])
    assert "`python -m benchmarks.race --only JAX` on a CPU" in text
    replace_part(readme, text)
    replace_part(readme, text)
    assert readme.read_text() == f"before\n{BEGIN}\n{text}\n{END}\nafter\n"
    readme.write_text("no marks")
    with pytest.raises(ValueError, match="found not both"):
        replace_part(readme, text)
    assert readme.read_text() == "no marks"
