"""Chapter 7: how the solvers get to the optimum."""

from textwrap import dedent

import numpy as np

from mnistlr.walkthrough.exhibit import DIGIT, About, Chapter, Exhibit, Names, Seen, percent, prose

CLOSE = 1e-3  # to the optimum, relative
EQUATIONS = (
    (
        "objective = average surprise + ½ alpha · (w₁² + w₂² + …)",
        "The height of the valley. The second part, the penalty, keeps the weights small, so that no single pixel "
        "decides. Alpha is its strength.",
    ),
    (
        "slope = average of (p(yes) − is it a yes? 1 or 0) · picture, plus alpha · w",
        "Which way is up. Each picture counts by how wrong the answer to it was.",
    ),
    (
        "w ← w − step · slope (gradient descent),  w ← w − slope / curvature (Newton)",
        "Where the ground curves little, the lowest point is far, so Newton's steps are longer there. L-BFGS learns "
        "the curvature from its own steps.",
    ),
)


def chapter(about: About) -> Chapter:
    """Return the chapter."""
    return Chapter(
        "solvers",
        "How the solvers get there",
        prose(f"""
            Training is like walking down into a valley in fog: one feels the slope underfoot, and little else. For the
            question “is it a {DIGIT}?” the valley has a single lowest point. The methods of finding it, the solvers,
            differ in how fast they get close. All of these start from the same place, with all weights at zero, and
            all minimise the same objective.
        """),
        [
            Exhibit(
                "suboptimality",
                "Distance from the optimum, by the clock",
                dedent(f"""\
                    most_steps = {{"lbfgs": 40, "newton": 20, "sgd": 8, "svrg": 4, "nesterov": 20, "gd": 20}}
                    runs = {{}}
                    for solver, max_iter in most_steps.items():
                        model = LogisticRegression(
                            solver=solver, max_iter=max_iter, tol=1e-7, random_state={about.seed}
                        )
                        runs[solver] = trace_fit(model, X_train, is_{DIGIT}, X_test, y_test == {DIGIT})"""),
                'plot_learning_curves(runs, x="seconds", y="suboptimality").figure',
                prose("""
                    Up: how far the objective still is above the lowest value that any of them reached, relative to it.
                    The scale is in powers of ten: from one power down to the next means ten times closer. To keep the
                    wait short, every solver is stopped after a number of steps.
                """),
                _look_at_suboptimality,
            ),
            Exhibit(
                "solver-errors",
                "What that means for the answers",
                f"baseline = np.mean(y_test == {DIGIT})",
                'plot_learning_curves(runs, x="seconds", y="test_error", baseline=baseline).figure',
                "The same runs and the same seconds, but up is now the share of wrong answers on the test set.",
                _look_at_errors,
            ),
        ],
        EQUATIONS,
    )


def _look_at_suboptimality(names: Names) -> Seen:
    runs = names["runs"]
    least = min(run["objective"].min() for run in runs.values())
    soonest = {}
    for name, run in runs.items():
        close = np.flatnonzero(run["objective"] <= (1 + CLOSE) * least)
        if len(close):
            soonest[name] = run["seconds"][close[0]]
    reached = ", ".join(f"{name} after {soonest[name]:.2g} s" for name in sorted(soonest, key=soonest.__getitem__))
    late = ", ".join(name for name in runs if name not in soonest)
    rest = f" Stopped before that: {late}." if late else ""
    return Seen(
        prose(f"""
            Within {percent(CLOSE)} of the lowest value: {reached}.{rest} Gradient descent (gd) only feels the slope
            and creeps. L-BFGS and Newton's method also estimate how the ground curves, and end in a steep dive.
        """),
        (f"Distance from the optimum against seconds for six solvers, on a logarithmic scale. {reached}.{rest}",),
    )


def _look_at_errors(names: Names) -> Seen:
    errors = {name: run["test_error"][-1] for name, run in names["runs"].items()}
    each = "; ".join(f"{name} {percent(error, 2)}" for name, error in errors.items())
    return Seen(
        prose(f"""
            Where they stop, they are wrong on {percent(min(errors.values()), 2)} to
            {percent(max(errors.values()), 2)} of the test pictures; always answering “no” is wrong on
            {percent(names["baseline"], 2)}. For reading digits, getting near the optimum is good enough. The last
            decimals matter to those who compare methods, and want to know that they all find the same place.
        """),
        (f"Test error against seconds for six solvers: a steep fall, then level. At the end: {each}.",),
    )
