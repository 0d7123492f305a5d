"""Chapter 4: the confusion matrix, divided in several ways."""

import numpy as np

from mnistlr.walkthrough.exhibit import About, Chapter, Exhibit, Names, Seen, percent, prose


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
                "In numbers",
                "summary = ClassificationSummary.from_predictions(y_test, y_pred)",
                'plot_confusion_matrix(summary.matrix, cells="counts").figure',
                "How many pictures fell into each cell; the stronger the colour, the more.",
                _look_at_counts,
                lambda names: [names["summary"]],
            ),
            Exhibit(
                "by-row",
                "Each row divided by its sum",
                "",
                'plot_confusion_matrix(summary.matrix, normalize="true", cells="shares").figure',
                prose("""
                    Of all pictures of a digit, how many per cent were read as which? Every row adds up to 100 %, so
                    frequent and rare digits can be compared. On the diagonal stands the recall of each digit.
                """),
                _look_by_row,
            ),
            Exhibit(
                "by-column",
                "Each column divided by its sum",
                "",
                'plot_confusion_matrix(summary.matrix, normalize="pred", cells="shares").figure',
                prose("""
                    The other way round: of all pictures read as a digit, how many per cent are really which? Every
                    column adds up to 100 %. On the diagonal stands the precision of each digit.
                """),
                _look_by_column,
            ),
            Exhibit(
                "errors-only",
                "Mistakes only",
                "",
                'plot_confusion_matrix(summary.matrix, normalize="errors", cells="shares").figure',
                prose("""
                    The correct answers are left out, and the mistakes in each row are divided by their sum: when a
                    digit is misread, what is it taken for? A pattern appears that the strong diagonal had outshone.
                """),
                _look_at_errors,
            ),
            Exhibit(
                "counts-and-shares",
                "Numbers and percentages together",
                "",
                "print(summary)\nplot_confusion_matrix(summary.matrix).figure",
                prose("""
                    For looking things up: in every cell the number of pictures, and how many per cent of the test set
                    they are. The table lists precision and recall of each digit, their harmonic mean F1, and how many
                    pictures of it there were (support).
                """),
                _look_at_all,
                is_dense=True,
            ),
        ],
    )


def _look_at_counts(names: Names) -> Seen:
    summary = names["summary"]
    right, total, most = int(summary.matrix.trace()), int(summary.matrix.sum()), int(summary.support.max())
    return Seen(
        prose(f"""
            {right:,} of {total:,} pictures lie on the diagonal: {percent(summary.accuracy)}. Always answering with the
            most frequent digit would be right {most:,} times, or {percent(summary.baseline)}.
        """),
        (f"Confusion matrix in counts, ten rows and ten columns: {right:,} of {total:,} on the diagonal.",),
    )


def _look_by_row(names: Names) -> Seen:
    recall = names["summary"].recall
    best, worst = int(recall.argmax()), int(recall.argmin())
    return Seen(
        prose(f"""
            The {best} is recognised most reliably: {percent(recall[best])} of them are read correctly. The {worst} is
            the hardest: {percent(recall[worst])}.
        """),
        (_describe("rows", "recall", recall),),
    )


def _look_by_column(names: Names) -> Seen:
    precision = names["summary"].precision
    best, worst = int(precision.argmax()), int(precision.argmin())
    return Seen(
        prose(f"""
            When the program says {best}, it can be trusted most: it is right in {percent(precision[best])} of these
            cases. When it says {worst}, it is right in {percent(precision[worst])}.
        """),
        (_describe("columns", "precision", precision),),
    )


def _look_at_errors(names: Names) -> Seen:
    matrix = names["summary"].matrix
    wrong, taken_for = int(matrix.sum() - matrix.trace()), matrix.sum(axis=0) - matrix.diagonal()
    favourite = int(np.argmax(taken_for))
    return Seen(
        prose(f"""
            A column with much colour is a digit that others are often taken for: {taken_for[favourite]:,} of the
            {wrong:,} mistakes are a wrong {favourite}. Two coloured cells that mirror each other across the diagonal
            are a pair that looks alike.
        """),
        (
            prose(f"""
                Confusion matrix of the mistakes alone, every row divided by its mistakes. {wrong:,} mistakes, most
                often a wrong {favourite}, {taken_for[favourite]:,} times.
            """),
        ),
    )


def _look_at_all(names: Names) -> Seen:
    f1 = names["summary"].f1
    best, worst = int(f1.argmax()), int(f1.argmin())
    return Seen(
        prose(f"""
            Taking precision and recall together, the program does best on the {best} (F1 {f1[best]:.3f}) and worst on
            the {worst} ({f1[worst]:.3f}).
        """),
        ("Confusion matrix with the number and the percentage of test pictures in every cell.",),
    )


def _describe(whole: str, score: str, values: np.ndarray) -> str:
    each = ", ".join(f"{digit}: {percent(value)}" for digit, value in enumerate(values))
    return f"Confusion matrix divided by the sums of its {whole}. On the diagonal the {score} of each digit: {each}."
