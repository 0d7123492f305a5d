"""Chapter 5: the mistakes themselves, and where the program is not sure."""

from textwrap import dedent

import numpy as np

from mnistlr.walkthrough.exhibit import About, Block, Chapter, Exhibit, Names, Seen, Table, percent, prose

CLOSE = 0.2  # between the two highest probabilities
EQUATIONS = (
    (
        "sureness = largest of the ten p(digit)",
        "The worst mistakes are wrong answers with a sureness near 1.",
    ),
    (
        "lead = largest p(digit) − second largest p(digit)",
        "Near 0, another digit was about as probable as the answer.",
    ),
)


def chapter(about: About) -> Chapter:
    """Return the chapter."""
    del about
    return Chapter(
        "mistakes",
        "Looking at the mistakes",
        prose("""
            Numbers say how often the program fails; only the pictures can say why. It pays to look at them before
            trying to improve anything.
        """),
        [
            Exhibit(
                "pairs",
                "The most frequent mistakes",
                "pairs = summary.most_confused(10)",
                "plot_most_confused(pairs).figure",
                "Each bar is one kind of mistake: what the picture is, what it was read as, and how often.",
                _look_at_pairs,
                _print_pairs,
            ),
            Exhibit(
                "gallery",
                "The most confused pair, side by side",
                "",
                "gallery = ErrorGalleryDisplay.from_predictions(X_test, y_test, y_pred)\ngallery.figure_",
                prose("""
                    The two digits that are most often mistaken for one another. Rows say what a picture is, columns
                    what it was read as: the blocks at top left and bottom right are correct, the other two are
                    mistakes.
                """),
                _look_at_gallery,
            ),
            Exhibit(
                "worst",
                "The worst mistakes",
                dedent("""\
                    probabilities, wrong = softmax.predict_proba(X_test), np.flatnonzero(y_pred != y_test)
                    worst = wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")[:10]]"""),
                "plot_answers(X_test[worst], y_test[worst], probabilities[worst]).figure",
                prose("""
                    The ten mistakes of which the program was surest, with the three digits that it thought most
                    probable.
                """),
                _look_at_worst,
            ),
            Exhibit(
                "unsure",
                "Where it is least sure",
                dedent("""\
                    two_best = np.sort(probabilities, axis=1)[:, -2:]
                    unsure = np.argsort(two_best[:, 1] - two_best[:, 0], kind="stable")[:10]"""),
                "plot_answers(X_test[unsure], y_test[unsure], probabilities[unsure]).figure",
                "The ten test pictures for which the two most probable digits come closest to a tie.",
                _look_at_unsure,
            ),
        ],
        EQUATIONS,
    )


def _look_at_pairs(names: Names) -> Seen:
    pairs, matrix = names["pairs"], names["summary"].matrix
    wrong, shown = int(matrix.sum() - matrix.trace()), sum(pair.n_samples for pair in pairs)
    true, read_as, n = pairs[0]
    each = "; ".join(f"{p.true_label} read as {p.predicted_label}, {p.n_samples} times" for p in pairs)
    return Seen(
        prose(f"""
            The most frequent one, with {n} of {wrong:,} mistakes, is a {true} read as a {read_as}. Mistakes are far
            from random: of 90 possible kinds, these {len(pairs)} make up {percent(shown / wrong, 0)} of all mistakes.
        """),
        (f"Bar chart of the most frequent mistakes: {each}.",),
    )


def _print_pairs(names: Names) -> list[Block]:
    pairs = names["pairs"][:5]
    heads = (f"{pair.true_label} as {pair.predicted_label}" for pair in pairs)
    return [Table(("most confused", *heads), [("images", *(str(pair.n_samples) for pair in pairs))])]


def _look_at_gallery(names: Names) -> Seen:
    (a, b), matrix = names["gallery"].pair_, names["summary"].matrix
    return Seen(
        prose(f"""
            {_times(matrix[a, b])} a {a} was read as a {b}, {_times(matrix[b, a]).lower()} it was the other way round.
            Some of these would puzzle a human reader, but many are plain to the eye. The program only adds up ink,
            pixel by pixel: when a digit is slanted or shifted, its ink falls on other pixels, and that is enough to
            mislead it.
        """),
        (f"Four blocks of pictures: {a}s read as {a}, {a}s read as {b}, {b}s read as {a}, {b}s read as {b}.",),
    )


def _look_at_worst(names: Names) -> Seen:
    first, probabilities = names["worst"][0], names["probabilities"]
    answer = probabilities[first].argmax()
    return Seen(
        prose(f"""
            The worst of all is a {names["y_test"][first]}; the program took it for a {answer} and was
            {percent(probabilities[first, answer], 2)} sure. Being sure is no proof of being right: the program cannot
            know that a picture is unlike all those that it has learned from.
        """),
        (_describe(names, names["worst"]),),
    )


def _look_at_unsure(names: Names) -> Seen:
    two_best, probabilities = names["two_best"], names["probabilities"]
    close = two_best[:, 1] - two_best[:, 0] < CLOSE
    right = probabilities.argmax(axis=1) == names["y_test"]
    return Seen(
        prose(f"""
            On the {np.count_nonzero(close):,} test pictures where the two best are less than {100 * CLOSE:.0f}
            percentage points apart, {percent(right[close].mean())} of the answers are right; on all the others,
            {percent(right[~close].mean())}. So the program often does know that it is guessing, and could hand such
            pictures to a human being.
        """),
        (_describe(names, names["unsure"]),),
    )


def _times(n: int) -> str:
    return {1: "Once", 2: "Twice"}.get(int(n), f"{n} times")


def _describe(names: Names, chosen: np.ndarray) -> str:
    probabilities, y_test = names["probabilities"][chosen], names["y_test"][chosen]
    answers = zip(y_test, probabilities.argmax(axis=1), probabilities.max(axis=1), strict=True)
    each = "; ".join(f"a {label} read as {answer}, {percent(p, 0)} sure" for label, answer, p in answers)
    return f"Test pictures with bars for their three most probable digits: {each}."
