"""Chapter 2: is it a 2? A detector of one digit, and how to judge it."""

from textwrap import dedent

import numpy as np

from mnistlr.walkthrough.exhibit import DIGIT, About, Block, Chapter, Exhibit, Live, Names, Seen, Table, percent, prose

PRECISION = 0.98  # what the chosen threshold is to reach
SURE = 0.9  # a probability
EQUATIONS = (
    (
        "score = b + w₁ x₁ + w₂ x₂ + …, over all pixels",
        "x are the pixels of the picture (0 is paper, 1 is full ink), w their weights, and b is the score of blank "
        "paper.",
    ),
    (
        "probability of yes = 1 / (1 + exp(−score))",
        "The logistic function: a score of 0 is even odds, and every 2.3 more makes a yes ten times as likely against "
        "a no. The unit of the score is called nat: one nat more makes a yes 2.7 times as likely.",
    ),
)


def chapter(about: About) -> Chapter:
    """Return the chapter."""
    return Chapter(
        "detector",
        f"Is it a {DIGIT}?",
        prose(f"""
            The first task is a yes-or-no question: is this picture a {DIGIT}? Logistic regression gives every pixel a
            weight. To judge a picture, it multiplies the ink of each pixel by the weight of that pixel and adds
            everything up. The sum is the picture's score: above zero the answer is yes, below zero it is no, and the
            further from zero, the surer. Training means finding the weights that give the training pictures the right
            scores.
        """),
        [
            Exhibit(
                "weights",
                "What the detector looks for",
                dedent(f"""\
                    detector = LogisticRegression().fit(X_train, y_train == {DIGIT})
                    answers = detector.predict(X_test)
                    found = ClassificationSummary.from_predictions(y_test == {DIGIT}, answers)"""),
                "plot_weights(detector.coef_).figure",
                prose(f"""
                    The weight of each pixel, drawn in its place. Blue: ink here speaks for a {DIGIT}. Orange: ink here
                    speaks against it. Pale: it hardly matters.
                """),
                lambda names: _look_at_weights(names, about.example),
                lambda names: _print_detector(names, about.example),
            ),
            Exhibit(
                "folds",
                "Five tests instead of one",
                dedent(f"""\
                    is_{DIGIT} = y_train == {DIGIT}
                    scores, accuracies, baselines = np.empty(len(y_train)), [], []
                    for train, test in stratified_folds(is_{DIGIT}, 5):
                        model = LogisticRegression().fit(X_train[train], is_{DIGIT}[train])
                        scores[test] = model.decision_function(X_train[test])
                        accuracies.append(model.score(X_train[test], is_{DIGIT}[test]))
                        baselines.append(np.mean(~is_{DIGIT}[test]))"""),
                "plot_folds(accuracies, baselines).figure",
                prose("""
                    The training set is cut into five parts, called folds. Five times, a new detector learns from four
                    of them and is tested on the fifth. A grey bar shows what always answering “no” would score there.
                """),
                _look_at_folds,
                _print_folds,
            ),
            Exhibit(
                "scores",
                "The score of every picture",
                "",
                f'plot_score_distributions(is_{DIGIT}, scores, names=("other digits", "{DIGIT}s")).figure',
                prose(f"""
                    How many pictures got which score, for the {DIGIT}s and for all other digits. Every picture was
                    scored by the one of the five detectors that had not learned from it.
                """),
                _look_at_scores,
            ),
            Exhibit(
                "thresholds",
                "Where to draw the line",
                "",
                f"plot_thresholds(is_{DIGIT}, scores).figure",
                prose(f"""
                    The threshold is the score from which the answer is yes. It need not be zero. Precision is the
                    share of the yes-answers that are right; recall is the share of the {DIGIT}s that get a yes.
                """),
                _look_at_thresholds,
                live=_move_threshold,
            ),
            Exhibit(
                "precision-recall",
                "Precision against recall",
                f"area = average_precision(is_{DIGIT}, scores)",
                f"plot_precision_recall(is_{DIGIT}, scores).figure",
                prose(f"""
                    The same two numbers, one against the other: every threshold is a point on the curve. A perfect
                    detector would reach the top right corner: every {DIGIT} found, and nothing else.
                """),
                _look_at_precision_recall,
            ),
            Exhibit(
                "roc",
                "Hits against false alarms",
                dedent(f"""\
                    false_alarms, hits, _ = roc_curve(is_{DIGIT}, scores)
                    roc_area = auc(false_alarms, hits)"""),
                f"plot_roc(is_{DIGIT}, scores).figure",
                prose(f"""
                    Across: the share of the other digits that get a yes, the false alarms. Up: the share of the
                    {DIGIT}s that get one, the hits. Statisticians call this the ROC curve. The closer it comes to the
                    top left corner, the better.
                """),
                _look_at_roc,
            ),
            Exhibit(
                "chosen",
                "A threshold for those who dislike false alarms",
                dedent(f"""\
                    precision, recall, thresholds = precision_recall_curve(is_{DIGIT}, scores)
                    threshold = thresholds[np.argmax(precision[:-1] >= {PRECISION})]
                    answers = detector.decision_function(X_test) >= threshold
                    chosen = ClassificationSummary.from_predictions(y_test == {DIGIT}, answers)"""),
                dedent(f"""\
                    display(
                        plot_thresholds(is_{DIGIT}, scores, threshold=threshold).figure,
                        plot_confusion_matrix(chosen.matrix, ["other", "{DIGIT}"], normalize="true").figure,
                    )"""),
                prose(f"""
                    Suppose that {percent(PRECISION, 0)} of the yes-answers have to be right. We take the lowest
                    threshold that achieved this on the folds (first picture), and try it on the test set (second
                    picture: rows say what a digit is, columns what the detector said).
                """),
                _look_at_chosen,
            ),
            Exhibit(
                "reliability",
                "Do the probabilities mean what they say?",
                "probabilities = 1 / (1 + np.exp(-scores))",
                f"plot_reliability(is_{DIGIT}, probabilities).figure",
                prose(f"""
                    A formula, the logistic function, turns every score into a probability between 0 and 100 %. Here
                    the pictures are grouped by that probability; up is the share of a group that really are {DIGIT}s.
                    On the dotted line the two agree.
                """),
                _look_at_reliability,
            ),
        ],
        EQUATIONS,
    )


def _look_at_weights(names: Names, example: int) -> Seen:
    detector, y_test = names["detector"], names["y_test"] == DIGIT
    probability = float(detector.predict_proba(names["picture"][np.newaxis])[0, 1])
    accuracy = names["found"].accuracy
    return Seen(
        prose(f"""
            Is image {example} a {DIGIT}? The detector says {"yes" if probability > 0.5 else "no"}: it puts the
            probability at {percent(probability)}. On the test set, {percent(accuracy, 2)} of its {len(y_test):,}
            answers are right. That sounds better than it is: always answering “no” would be right
            {percent(np.mean(~y_test), 2)} of the time.
        """),
        (
            prose(f"""
                The weight of every pixel as an image: blue where ink speaks for a {DIGIT}, orange where it speaks
                against it, pale where it hardly matters.
            """),
        ),
    )


def _print_detector(names: Names, example: int) -> list[Block]:
    found, answer = names["found"], names["detector"].predict(names["picture"][np.newaxis])[0]
    none = percent(0, 2)  # always answering "no" finds nothing
    rows: list[tuple[str, ...]] = [
        ("accuracy", percent(found.accuracy, 2), percent(np.mean(names["y_test"] != DIGIT), 2)),
        (f"recall (share of the {DIGIT}s found)", percent(found.recall[1], 2), none),
        ("precision (share of the finds that are right)", percent(found.precision[1], 2), "none found"),
        ("F1 (harmonic mean of the two)", percent(found.f1[1], 2), none),
    ]
    return [
        f"Is image {example} a {DIGIT}? {'yes' if answer else 'no'}",
        Table(("on the test images", "detector", f'always "not a {DIGIT}"'), rows),
    ]


def _print_folds(names: Names) -> list[Block]:
    accuracies, baselines = names["accuracies"], names["baselines"]
    rows = [
        (what, *(percent(value, 2) for value in (*values, np.mean(values))))
        for what, values in {"accuracy": accuracies, f'always "not a {DIGIT}"': baselines}.items()
    ]
    return [Table(("fold", *map(str, range(1, len(accuracies) + 1)), "mean"), rows)]


def _look_at_folds(names: Names) -> Seen:
    accuracies, baselines = np.array(names["accuracies"]), np.array(names["baselines"])
    each = ", ".join(map(percent, accuracies))
    return Seen(
        prose(f"""
            The five results lie between {percent(accuracies.min(), 2)} and {percent(accuracies.max(), 2)}, so they do
            not depend on a lucky choice of pictures. But always answering “no” scores {percent(baselines.mean(), 2)},
            because only about one picture in ten is a {DIGIT}. Accuracy alone tells us little here; the next pictures
            look closer.
        """),
        (
            prose(f"""
                Bar chart of the accuracy in each of the five folds: {each}, mean {percent(accuracies.mean(), 2)}.
                Always no: {percent(baselines.mean(), 2)} on average.
            """),
        ),
    )


def _look_at_scores(names: Names) -> Seen:
    scores, is_digit = names["scores"], names[f"is_{DIGIT}"]
    return Seen(
        prose(f"""
            {percent(np.mean(scores[is_digit] > 0))} of the {DIGIT}s score above zero, and
            {percent(np.mean(scores[~is_digit] <= 0))} of the other digits below. Where the two hills overlap, no
            threshold can separate them without mistakes.
        """),
        (
            prose(f"""
                Two histograms of scores that overlap around zero: the other digits mostly below it, the {DIGIT}s
                mostly above.
            """),
        ),
    )


def _look_at_thresholds(names: Names) -> Seen:
    scores, is_digit = names["scores"], names[f"is_{DIGIT}"]
    yes = scores > 0
    precision, recall = percent(np.mean(is_digit[yes])), percent(np.mean(yes[is_digit]))
    return Seen(
        prose(f"""
            With the threshold at zero, precision is {precision} and recall is {recall}. Moving the threshold to the
            right makes a yes more trustworthy, but more {DIGIT}s are missed: one has to be traded for the other.
        """),
        ("Precision and recall against the threshold: precision rises to 100 % while recall falls to zero.",),
    )


def _move_threshold(names: Names) -> Live:
    scores, is_digit = names["scores"], names[f"is_{DIGIT}"]
    # A few scores lie far out. They fall into the outermost bins.
    low, high = np.floor(np.quantile(scores, 0.002)), np.ceil(np.quantile(scores, 0.998))
    edges = np.linspace(low, high, round(10 * (high - low)) + 1).round(1)
    inside = np.clip(scores, low, high)
    counts = {
        name: np.histogram(inside[of], edges)[0].tolist() for name, of in {"yes": is_digit, "no": ~is_digit}.items()
    }
    return Live("threshold", {"edges": edges.tolist(), "names": ["other digits", f"{DIGIT}s"], **counts})


def _look_at_precision_recall(names: Names) -> Seen:
    area, share = percent(names["area"]), percent(np.mean(names[f"is_{DIGIT}"]))
    return Seen(
        f"The curve in one number, the area under it: {area}. Guessing would get {share}, the share of {DIGIT}s.",
        (f"Precision against recall, high until shortly before the right edge; area {area}, guessing {share}.",),
    )


def _look_at_roc(names: Names) -> Seen:
    area = percent(names["roc_area"], 2)
    return Seen(
        prose(f"""
            The area under this curve is {area}, and it has a plain meaning: pick a {DIGIT} and another digit at
            random, and in {area} of the cases the {DIGIT} has the higher score. Guessing would get 50 %.
        """),
        (f"Hits against false alarms: the curve rises steeply at the left edge; area {area}, guessing 50 %.",),
    )


def _look_at_chosen(names: Names) -> Seen:
    chosen, threshold = names["chosen"], names["threshold"]
    (refused, false), (missed, found) = chosen.matrix.tolist()
    return Seen(
        prose(f"""
            The threshold becomes {threshold:.2f}. On the test set, {percent(chosen.precision[1])} of the yes-answers
            are right, and {percent(chosen.recall[1])} of the {DIGIT}s are found. The threshold was chosen on other
            pictures, so the promise holds here only roughly.
        """),
        (
            f"Precision and recall against the threshold, with a line at the chosen one, {threshold:.2f}.",
            prose(f"""
                Answers on the test set: {found:,} {DIGIT}s found, {missed:,} missed, {false:,} false alarms,
                {refused:,} other digits correctly refused.
            """),
        ),
    )


def _look_at_reliability(names: Names) -> Seen:
    probabilities, is_digit = names["probabilities"], names[f"is_{DIGIT}"]
    sure = probabilities > SURE
    said, right = percent(np.mean(probabilities[sure])), percent(np.mean(is_digit[sure]))
    return Seen(
        prose(f"""
            In {np.count_nonzero(sure):,} cases the detector was more than {percent(SURE, 0)} sure of a {DIGIT}. On
            average it said {said}, and {right} of them are {DIGIT}s. The closer the two numbers, the more its
            probabilities can be taken at their word.
        """),
        (
            prose(f"""
                Share of {DIGIT}s against the predicted probability, in groups, near the diagonal. More than
                {percent(SURE, 0)} sure: {said} predicted, {right} came true.
            """),
        ),
    )
