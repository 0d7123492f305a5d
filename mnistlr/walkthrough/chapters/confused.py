"""Chapter 4: the confusion matrix, divided in several ways."""

import numpy as np

from mnistlr.walkthrough.exhibit import About, Chapter, Exhibit, Live, Names, Seen, packed, percent, prose

IN_A_CELL = 4  # pictures of a cell of the matrix that the page holds

EQUATIONS = (
    (
        "recall of a digit = pictures of it that were read as it / all pictures of it",
        "A cell of the diagonal divided by the sum of its row.",
    ),
    (
        "precision of a digit = pictures of it that were read as it / all pictures that were read as it",
        "The same cell divided by the sum of its column.",
    ),
)


def chapter(about: About) -> Chapter:
    """Return the chapter."""
    return Chapter(
        "confusion",
        "Which digits are confused",
        prose(f"""
            One number, the accuracy, does not tell what kind of mistakes are made. The confusion matrix does. It sorts
            the {about.n_test:,} test pictures into rows by the digit that they are, and into columns by the digit that
            they were read as. The correct answers lie on the diagonal; everything beside it is a mistake.
        """),
        [
            Exhibit(
                "counts",
                "The confusion matrix",
                "summary = ClassificationSummary.from_predictions(y_test, y_pred)",
                'plot_confusion_matrix(summary.matrix, cells="counts").figure',
                prose("""
                    How many pictures fell into each cell; the stronger the colour, the more. Divided by the sum of its
                    row, a cell says how a digit is read; divided by the sum of its column, what an answer is worth. Two
                    cells that mirror each other across the diagonal are a pair that looks alike.
                """),
                _look_at_counts,
                lambda names: [names["summary"]],
                live=_move_matrix,
            ),
            Exhibit(
                "by-digit",
                "Digit by digit",
                "",
                "print(summary)",
                prose("""
                    For looking things up: precision and recall of each digit, their harmonic mean F1, and how many
                    pictures of it there were (support).
                """),
                _look_at_digits,
            ),
        ],
        EQUATIONS,
    )


def _look_at_counts(names: Names) -> Seen:
    summary = names["summary"]
    matrix, right, total = summary.matrix, int(summary.matrix.trace()), int(summary.matrix.sum())
    most, taken_for = int(summary.support.max()), summary.matrix.sum(axis=0) - summary.matrix.diagonal()
    favourite = int(np.argmax(taken_for))
    return Seen(
        prose(f"""
            {right:,} of {total:,} pictures lie on the diagonal: {percent(summary.accuracy, 2)}. Always answering with
            the most frequent digit would be right {most:,} times, or {percent(summary.baseline, 2)}.
            {taken_for[favourite]:,} of the {total - right:,} mistakes are a wrong {favourite}.
        """),
        (
            prose(f"""
                Confusion matrix in counts, ten rows and ten columns: {right:,} of {total:,} on the diagonal, which
                reads {", ".join(f"{digit}: {n:,}" for digit, n in enumerate(matrix.diagonal()))}.
            """),
        ),
    )


def _move_matrix(names: Names) -> Live:
    summary, model = names["summary"], names["softmax"]
    y_test, y_pred, X_test = names["y_test"], names["y_pred"], names["X_test"]
    cells = [np.flatnonzero((y_test == a) & (y_pred == b))[:IN_A_CELL] for a in range(10) for b in range(10)]
    shown = np.concatenate(cells)
    images = [{"index": i, "label": int(y_test[i]), "answer": int(y_pred[i])} for i in shown.tolist()]
    weights = np.column_stack([model.coef_, model.intercept_]).astype(np.float32)
    return Live(
        "matrix",
        {
            "labels": [str(label) for label in model.classes_],
            "counts": summary.matrix.tolist(),
            "side": int(np.sqrt(X_test.shape[1])),
            "images": images,
            "pixels": packed(X_test[shown]),
            "weights": packed(weights),
        },
    )


def _look_at_digits(names: Names) -> Seen:
    summary = names["summary"]
    recall, precision, f1 = summary.recall, summary.precision, summary.f1
    return Seen(
        prose(f"""
            The {recall.argmax()} is recognised most reliably: {percent(recall.max())} of them are read correctly. The
            {recall.argmin()} is the hardest: {percent(recall.min())}. When the program says {precision.argmax()}, it
            can be trusted most: it is right in {percent(precision.max())} of these cases. When it says
            {precision.argmin()}, it is right in {percent(precision.min())}. Taking both together, it does best on the
            {f1.argmax()} (F1 {f1.max():.3f}) and worst on the {f1.argmin()} ({f1.min():.3f}).
        """),
        (),
    )
