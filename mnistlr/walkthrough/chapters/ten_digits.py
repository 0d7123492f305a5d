"""Chapter 3: all ten digits, and what training minimises."""

from collections.abc import Mapping
from textwrap import dedent
from typing import Any

import numpy as np

from mnistlr.walkthrough.exhibit import About, Block, Chapter, Exhibit, Names, Seen, Table, percent, prose

FEW = 10_000  # pictures for the comparison with scikit-learn's SGD, which takes minutes for all of MNIST
FEW_PASSES = 3


def chapter(about: About) -> Chapter:
    """Return the chapter."""
    few = min(FEW, about.n_train)
    return Chapter(
        "ten-digits",
        "All ten digits",
        prose("""
            To tell all ten digits apart, the program gets ten sets of weights, one for each digit, and so ten scores
            for a picture. A formula called softmax turns the scores into ten probabilities that add up to 100 %; the
            most probable digit is the answer. Training makes one number, the objective, as small as it can: roughly,
            how surprised the program is on average by the correct labels.
        """),
        [
            Exhibit(
                "ten-weights",
                "What it looks for in each digit",
                dedent(f"""\
                    softmax = SoftmaxRegression(random_state={about.seed}).fit(X_train, y_train)
                    y_pred = softmax.predict(X_test)"""),
                "plot_weights(softmax.coef_, softmax.classes_).figure",
                prose("""
                    Blue: ink here speaks for the digit. Orange: it speaks against it. The average pictures showed what
                    a digit looks like; these show what sets it apart from the other nine.
                """),
                _look_at_weights,
                _print_answers,
            ),
            Exhibit(
                "passes",
                "Two ways of learning, pass by pass",
                dedent(f"""\
                    models = {{
                        "SGD": SoftmaxRegression(max_iter=8, tol=0, random_state={about.seed}),
                        "L-BFGS": SoftmaxRegression(solver="lbfgs", max_iter=20),
                    }}
                    runs = {{
                        name: trace_fit(model, X_train, y_train, X_test, y_test)
                        for name, model in models.items()
                    }}
                    baseline = np.mean(y_test != np.bincount(y_train).argmax())"""),
                _draw_runs("passes"),
                prose("""
                    SGD, stochastic gradient descent, looks at sixteen pictures at a time and adjusts the weights at
                    once. L-BFGS looks at all pictures before it takes one careful step. A pass is one look at the
                    whole training set. First picture: the objective that both make small. Second: the share of test
                    pictures that are read wrongly.
                """),
                _look_at_passes,
            ),
            Exhibit(
                "seconds",
                "The same race against the clock",
                "",
                _draw_runs("seconds"),
                prose("""
                    A pass of one method does not take as long as a pass of the other. These are the same two runs,
                    drawn against the seconds that they took.
                """),
                _look_at_seconds,
            ),
            Exhibit(
                "one-versus-rest",
                "Or ten detectors instead?",
                dedent("""\
                    detectors = [LogisticRegression().fit(X_train, y_train == digit) for digit in range(10)]
                    answers = np.argmax([one.decision_function(X_test) for one in detectors], axis=0)
                    two_ways = {
                        "softmax": np.mean(y_pred == y_test),
                        "one versus rest": np.mean(answers == y_test),
                    }"""),
                "plot_accuracies(two_ways, baseline=1 - baseline).figure",
                prose("""
                    There is another way: train a detector like that of the last chapter for every digit (is it a 0? is
                    it a 1? and so on), and believe the one with the highest score. This is called one versus rest.
                """),
                _look_at_one_versus_rest,
            ),
            Exhibit(
                "scaling",
                "Raw pixels against scaled pixels",
                dedent(f"""\
                    def follow(model, divisor):
                        X_few, y_few, X_new = X_train[:{few}] / divisor, y_train[:{few}], X_test / divisor
                        passes = np.arange(1, {FEW_PASSES + 1})
                        scores = [model.partial_fit(X_few, y_few, range(10)).score(X_new, y_test) for _ in passes]
                        return {{"passes": passes, "test_error": 1 - np.array(scores)}}

                    theirs, ours = {{}}, {{}}
                    for pixels, divisor in {{"raw": 1.0, "scaled": 255.0}}.items():
                        sgd = SGDClassifier(loss="log_loss", random_state={about.seed})
                        fixed = SoftmaxRegression(learning_rate="constant", average=False, random_state={about.seed})
                        derived = SoftmaxRegression(random_state={about.seed})
                        theirs[pixels] = follow(sgd, divisor)
                        ours[f"fixed step, {{pixels}}"] = follow(fixed, divisor)
                        ours[f"derived step, {{pixels}}"] = follow(derived, divisor)"""),
                dedent("""\
                    display(
                        plot_learning_curves(theirs, y="test_error").figure,
                        plot_learning_curves(ours, y="test_error").figure,
                    )"""),
                prose(f"""
                    The larger the numbers in the data, the longer the steps of SGD. With raw pixels, 0 to 255, a step
                    of fixed size can jump over the goal again and again; pixels scaled to the range from 0 to 1 make
                    the steps short. First picture: scikit-learn's SGD. Second: ours. To keep the wait short, both see
                    only {few:,} pictures, {FEW_PASSES} times each; with all of MNIST scikit-learn's takes minutes.
                """),
                _look_at_scaling,
            ),
        ],
    )


def _draw_runs(across: str) -> str:
    return dedent(f"""\
        display(
            plot_learning_curves(runs, x="{across}", y="objective", logarithmic=True).figure,
            plot_learning_curves(
                runs, x="{across}", y="test_error", baseline=baseline, logarithmic=True
            ).figure,
        )""")


def _look_at_weights(names: Names) -> Seen:
    softmax, y_test = names["softmax"], names["y_test"]
    accuracy, often = softmax.score(names["X_test"], y_test), np.bincount(names["y_train"]).argmax()
    return Seen(
        prose(f"""
            After {softmax.n_iter_} passes over the training set, the program reads {percent(accuracy)} of the
            {len(y_test):,} test pictures correctly. Always answering “{often}” would get
            {percent(np.mean(y_test == often))}. Look at the 0: ink in the middle is strong evidence against it.
        """),
        ("Ten images of weights, one for each digit: blue where ink speaks for it, orange where it speaks against.",),
    )


def _print_answers(names: Names) -> list[Block]:
    predicted, true = names["y_pred"][:10], names["y_test"][:10]
    often = np.bincount(names["y_train"]).argmax()
    accuracy, baseline = np.mean(names["y_pred"] == names["y_test"]), np.mean(names["y_test"] == often)
    marks = ("" if right else "^" for right in predicted == true)
    return [
        Table(
            ("the first ten test images", *[""] * 10),
            [("predicted", *map(str, predicted)), ("true", *map(str, true)), ("", *marks)],
        ),
        Table(
            ("on the test images", "softmax", f'always "{often}"'),
            [("accuracy", percent(accuracy, 2), percent(baseline, 2))],
        ),
        f"Stochastic gradient descent, {names['softmax'].n_iter_} passes over the training images.",
    ]


def _look_at_passes(names: Names) -> Seen:
    sgd, lbfgs = names["runs"]["SGD"], names["runs"]["L-BFGS"]
    goal = sgd["test_error"][0]
    return Seen(
        prose(f"""
            After a single pass, SGD misreads {percent(goal)} of the test pictures. {_catch_up(lbfgs, goal, "passes")}
            Always answering with the most frequent digit would misread
            {percent(names["baseline"])}. Note how the objective keeps falling when the test error no longer does: from
            then on, the program learns only about the pictures that it has already seen.
        """),
        _describe(names["runs"], "passes over the data"),
    )


def _look_at_seconds(names: Names) -> Seen:
    sgd, lbfgs = names["runs"]["SGD"], names["runs"]["L-BFGS"]
    return Seen(
        prose(f"""
            On this machine, the first pass of SGD took {sgd["seconds"][0]:.2g} s.
            {_catch_up(lbfgs, sgd["test_error"][0], "seconds")}
        """),
        _describe(names["runs"], "seconds"),
    )


def _look_at_one_versus_rest(names: Names) -> Seen:
    joint, apart = names["two_ways"]["softmax"], names["two_ways"]["one versus rest"]
    return Seen(
        prose(f"""
            Softmax reads {percent(joint)} of the test pictures correctly, one versus rest {percent(apart)}; always the
            most frequent digit: {percent(1 - names["baseline"])}. The ten detectors are trained separately, so nothing
            makes their scores comparable. Softmax trains all weights together, for the very question that is asked.
        """),
        (
            prose(f"""
                Bar chart of test accuracies: softmax {percent(joint, 2)}, one versus rest {percent(apart, 2)}, always
                the most frequent digit {percent(1 - names["baseline"], 2)}.
            """),
        ),
    )


def _look_at_scaling(names: Names) -> Seen:
    theirs, ours = names["theirs"], names["ours"]
    derived = percent(ours["derived step, raw"]["test_error"][-1])
    return Seen(
        prose(f"""
            Over these passes, scikit-learn's SGD misreads {_range(theirs["raw"])} of the test pictures when the pixels
            are raw, and {_range(theirs["scaled"])} when they are scaled; ours, with a step of fixed size,
            {_range(ours["fixed step, raw"])} and {_range(ours["fixed step, scaled"])}. By default, ours derives the
            size of its steps from the data and does not care: {derived} with raw pixels at the end. (Always the most
            frequent digit:
            {percent(names["baseline"])}.)
        """),
        (
            "Test error of scikit-learn's SGD, pass by pass. " + _ends(theirs, "test_error"),
            "Test error of our SGD, pass by pass. " + _ends(ours, "test_error"),
        ),
    )


def _catch_up(lbfgs: Mapping[str, Any], goal: float, across: str) -> str:
    """Say when L-BFGS first had a test error of ``goal`` or less."""
    unit = "s" if across == "seconds" else across
    reached = np.flatnonzero(lbfgs["test_error"] <= goal)
    if not len(reached):
        return f"L-BFGS did not do as well in all of its {lbfgs[across][-1]:.2g} {unit}."
    return f"L-BFGS did as well after {lbfgs[across][reached[0]]:.2g} {unit}."


def _range(run: Mapping[str, Any]) -> str:
    return f"{percent(run['test_error'].min())} to {percent(run['test_error'].max())}"


def _describe(runs: Mapping[str, Any], across: str) -> tuple[str, str]:
    return (
        f"Objective against {across}: a steep fall, then a slow one. {_ends(runs, 'objective')}",
        f"Test error against {across}: a steep fall, then level. {_ends(runs, 'test_error')}",
    )


def _ends(runs: Mapping[str, Any], what: str) -> str:
    write = percent if what == "test_error" else "{:.3f}".format
    return "At the end: " + "; ".join(f"{name} {write(run[what][-1])}" for name, run in runs.items()) + "."
