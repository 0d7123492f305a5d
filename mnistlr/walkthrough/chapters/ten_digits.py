"""Chapter 3: all ten digits, and what training minimises."""

from collections.abc import Mapping
from textwrap import dedent
from typing import Any

import numpy as np

from mnistlr.walkthrough.exhibit import About, Block, Chapter, Exhibit, Live, Names, Seen, Table, packed, percent, prose

FEW = 10_000  # pictures for the comparison with scikit-learn's SGD, which takes minutes for all of MNIST
FEW_PASSES = 3
MORE_PASSES = 4  # of SGD, after the one that is looked into
EQUATIONS = (
    (
        "p(digit) = exp(score of digit) / (exp(score of 0) + … + exp(score of 9))",
        "Softmax. Each score becomes a positive number, which grows fast with the score. Its share of the sum of all "
        "ten is the probability.",
    ),
    (
        "surprise = −log p(correct digit)",
        "Nothing when the correct digit was certain, and the more, the less probable it was thought to be. It is "
        "measured in nats, too.",
    ),
    (
        "objective = average surprise + ½ alpha · (w₁² + w₂² + …)",
        "What training makes as small as it can. The second part is the penalty, which keeps weights small. Alpha says "
        "how much it counts.",
    ),
    (
        "weights of digit ← weights of digit + step · (is it the digit? 1 or 0 − p(digit)) · picture",
        "One step of SGD, here for a single picture: the correct digit takes on some of the picture's ink, the others "
        "give some of it away, each in proportion to how wrong it was.",
    ),
)


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
                "forming",
                "How the weights take shape",
                dedent(f"""\
                    # All weights start at zero. Look again after 16, 64, 256, ... pictures, then after whole passes.
                    looks = [16 * 4**k for k in range(8) if 16 * 4**k < len(y_train)] + [len(y_train)]
                    objective = Objective.from_labels(X_train, y_train, alpha=softmax.alpha)
                    state, order = SGD(objective, objective.zeros()), np.random.RandomState({about.seed})
                    pieces = [np.arange(*ends) for ends in pairwise([0, *looks])] + [None] * {MORE_PASSES}
                    forming = {{"passes": [], "objective": [], "test_error": [], "weights": []}}
                    seen, intensities = 0, X_test / np.float32(255)
                    for rows in pieces:  # None: all of them
                        state.epoch(objective, rows, order)
                        seen += len(y_train) if rows is None else len(rows)
                        W, b = objective.unpack(state.theta)
                        answers = np.argmax(intensities @ W.T + b, axis=1)
                        forming["passes"].append(seen / len(y_train))
                        forming["objective"].append(objective.value(state.theta))
                        forming["test_error"].append(np.mean(answers != y_test))
                        forming["weights"].append(W.copy())"""),
                "plot_weights(forming['weights'][3], softmax.classes_).figure",
                prose("""
                    SGD, stochastic gradient descent, looks at sixteen pictures at a time and at once adjusts the
                    weights a little. The digit that it should have answered takes on some of the ink, the digits that
                    it thought too probable give some away. Every moment has its own scale of colours, because weights
                    grow.
                """),
                _look_at_forming,
                live=_move_forming,
            ),
            Exhibit(
                "passes",
                "Two ways of learning, pass by pass",
                dedent("""\
                    model = SoftmaxRegression(solver="lbfgs", max_iter=20)
                    runs = {"SGD": forming, "L-BFGS": trace_fit(model, X_train, y_train, X_test, y_test)}
                    baseline = np.mean(y_test != np.bincount(y_train).argmax())"""),
                dedent("""\
                    for what, least in {"objective": None, "test_error": baseline}.items():
                        ax = plot_learning_curves(runs, y=what, baseline=least, logarithmic=True)
                        ax.set_xscale("log")
                        display(ax.figure)"""),
                prose("""
                    L-BFGS looks at all pictures before it takes one careful step. A pass is one look at the whole
                    training set; a hundredth of a pass is a hundredth of its pictures. First picture: the objective
                    that both make small. Second: the share of test pictures that are read wrongly. L-BFGS starts late:
                    it has to look at everything twice to choose its first step.
                """),
                _look_at_passes,
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
                        with warnings.catch_warnings():  # of raw pixels as floats, which are the point here
                            warnings.simplefilter("ignore")
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
        EQUATIONS,
    )


def _look_at_weights(names: Names) -> Seen:
    softmax, y_test = names["softmax"], names["y_test"]
    accuracy, often = softmax.score(names["X_test"], y_test), np.bincount(names["y_train"]).argmax()
    return Seen(
        prose(f"""
            After {_passes(names)} passes over the training set, the program reads {percent(accuracy, 2)} of the
            {len(y_test):,} test pictures correctly. Always answering “{often}” would get
            {percent(np.mean(y_test == often), 2)}. Look at the 0: ink in the middle is strong evidence against it.
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
        f"Trained in {_passes(names)} passes over the training images.",
    ]


def _passes(names: Names) -> int:
    return int(names["softmax"].history_["passes"][-1])


def _look_at_forming(names: Names) -> Seen:
    errors, looks = names["forming"]["test_error"], names["looks"]
    return Seen(
        prose(f"""
            Before the first picture every answer is a guess. After {looks[0]} pictures {percent(errors[0])} of the test
            pictures are misread, after {looks[3]:,} {percent(errors[3])}, after one pass over all {looks[-1]:,}
            {percent(errors[len(looks) - 1])}, and after {MORE_PASSES + 1} passes {percent(errors[-1])}. Nearly all is
            learned within the first pass.
        """),
        (f"Ten images of weights after {looks[3]:,} pictures: blurred digits in blue, with orange around them.",),
    )


def _move_forming(names: Names) -> Live:
    forming, labels = names["forming"], [str(label) for label in names["softmax"].classes_]
    weights = np.array(forming["weights"])
    strongest = np.quantile(np.abs(weights), 0.998, axis=(1, 2), keepdims=True)
    seen = (np.array(forming["passes"]) * len(names["y_train"])).round().astype(int)
    looks = [
        f"after {n:,} pictures, {percent(error)} of the test pictures are misread"
        for n, error in zip(seen.tolist(), forming["test_error"], strict=True)
    ]
    shades = np.clip(np.round(127 * weights / strongest), -127, 127).astype(np.int8)
    side = int(np.sqrt(weights.shape[2]))
    return Live("training", {"labels": labels, "looks": looks, "side": side, "weights": packed(shades)})


def _look_at_passes(names: Names) -> Seen:
    sgd, lbfgs = names["runs"]["SGD"], names["runs"]["L-BFGS"]
    first = len(names["looks"]) - 1
    goal = sgd["test_error"][first]
    return Seen(
        prose(f"""
            After a single pass, SGD misreads {percent(goal)} of the test pictures. {_catch_up(lbfgs, goal)}
            Always answering with the most frequent digit would misread
            {percent(names["baseline"])}. Note how the objective keeps falling when the test error no longer does: from
            then on, the program learns only about the pictures that it has already seen.
        """),
        _describe(names["runs"]),
    )


def _look_at_one_versus_rest(names: Names) -> Seen:
    joint, apart = names["two_ways"]["softmax"], names["two_ways"]["one versus rest"]
    return Seen(
        prose(f"""
            Softmax reads {percent(joint, 2)} of the test pictures correctly, one versus rest {percent(apart, 2)};
            always the most frequent digit: {percent(1 - names["baseline"], 2)}. The ten detectors are trained
            separately, so nothing makes their scores comparable. Softmax trains all weights together, for the very
            question that is asked.
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


def _catch_up(lbfgs: Mapping[str, Any], goal: float) -> str:
    """Say when L-BFGS first had a test error of ``goal`` or less."""
    reached = np.flatnonzero(lbfgs["test_error"] <= goal)
    if not len(reached):
        passes, seconds = lbfgs["passes"][-1], lbfgs["seconds"][-1]
        return f"L-BFGS did not do as well in all of its {passes:.0f} passes, {seconds:.2g} s on this machine."
    passes, seconds = lbfgs["passes"][reached[0]], lbfgs["seconds"][reached[0]]
    return f"L-BFGS did as well after {passes:.0f} passes, {seconds:.2g} s on this machine."


def _range(run: Mapping[str, Any]) -> str:
    return f"{percent(run['test_error'].min())} to {percent(run['test_error'].max())}"


def _describe(runs: Mapping[str, Any]) -> tuple[str, str]:
    return (
        f"Objective against passes over the data: a steep fall, then a slow one. {_ends(runs, 'objective')}",
        f"Test error against passes over the data: a steep fall, then level. {_ends(runs, 'test_error')}",
    )


def _ends(runs: Mapping[str, Any], what: str) -> str:
    write = percent if what == "test_error" else "{:.3f}".format
    return "At the end: " + "; ".join(f"{name} {write(run[what][-1])}" for name, run in runs.items()) + "."
