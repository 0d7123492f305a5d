"""Chapter 6: the same logistic regression, on features that see strokes instead of pixels."""

from textwrap import dedent

import numpy as np

from mnistlr.walkthrough.exhibit import About, Chapter, Exhibit, Names, Seen, percent, prose

SURE = 0.9  # a probability

EQUATIONS = (
    (
        "slant = Σ ink · (x − x₀)(y − y₀) / Σ ink · (y − y₀)²",
        "How far a digit leans: by how much its ink moves to the right from one row to the next. x₀ and y₀ are the "
        "middle of the ink. Moving every row back by slant · (y − y₀) makes the digit upright.",
    ),
    (
        "slope of a pixel = (pixel to the right − pixel to the left, pixel below − pixel above)",
        "It points from paper to ink, so it stands at right angles to the edge of a stroke, and it is zero where "
        "nothing changes.",
    ),
    (
        "feature = √(slopes of one direction at one place / all slopes)",
        "Which share of a digit's edges runs this way, here. The root lets faint edges count as well.",
    ),
)


def chapter(about: About) -> Chapter:
    """Return the chapter."""
    return Chapter(
        "better-eyes",
        "Better eyes",
        prose("""
            Many of these mistakes come from looking at single pixels: a digit that leans or lies a little to the side
            puts its ink on other pixels. So the program gets better eyes. First it sets every digit upright. Then it
            no longer asks where ink is, but which way its edges run, and roughly where. What learns from these numbers
            is the same softmax as before.
        """),
        [
            Exhibit(
                "upright",
                "Every digit set upright",
                dedent("""\
                    wrong = np.flatnonzero(y_pred != y_test)[:20]
                    upright = Deskew().fit_transform(X_test[wrong])"""),
                dedent("""\
                    display(
                        plot_digits(X_test[wrong], y_test[wrong], n_columns=5).figure,
                        plot_digits(upright, y_test[wrong], n_columns=5).figure,
                    )"""),
                prose("""
                    Twenty digits that were misread, with their labels. First as they were written, then with their rows
                    moved until they no longer lean.
                """),
                _look_at_upright,
            ),
            Exhibit(
                "edges",
                "What it sees then",
                dedent("""\
                    edges = EdgeFeatures(directions=8, grids=(8,)).fit(X_test)
                    seen = edges.transform(Deskew().fit_transform(picture[np.newaxis])).reshape(8, 8, 8)
                    directions = [f"{45 * k}°" for k in range(8)]"""),
                "plot_digits(np.moveaxis(seen, 2, 0), directions, n_columns=4).figure",
                prose("""
                    The picture of the first chapter, seen through eight directions of edges. 0° is an edge with paper
                    on the left and ink on the right, 90° one with paper above and ink below. Each little picture has
                    eight by eight places; where it is dark, many edges of its direction run. These 512 numbers take the
                    place of the pixels. The reader below has nine directions and a second, coarser grid: 900 numbers.
                """),
                _look_at_edges,
            ),
            Exhibit(
                "reader",
                "The same training, fewer mistakes",
                dedent(f"""\
                    reader = DigitReader(random_state={about.seed}).fit(X_train, y_train)
                    read = reader.predict(X_test)
                    eyes = {{"pixels": np.mean(y_pred == y_test), "edges": np.mean(read == y_test)}}"""),
                "plot_accuracies(eyes, baseline=1 - baseline).figure",
                "The share of test pictures that are read correctly, by the weights on pixels and by those on edges.",
                _look_at_reader,
            ),
            Exhibit(
                "remaining",
                "The mistakes that remain",
                dedent("""\
                    sure = reader.predict_proba(X_test)
                    remaining = np.flatnonzero(read != y_test)
                    remaining = remaining[np.argsort(-sure[remaining].max(axis=1), kind="stable")[:10]]"""),
                "plot_answers(X_test[remaining], y_test[remaining], sure[remaining]).figure",
                "Those of which the reader was surest, with the three digits that it thought most probable.",
                _look_at_remaining,
            ),
        ],
        EQUATIONS,
    )


def _look_at_upright(names: Names) -> Seen:
    labels = ", ".join(map(str, names["y_test"][names["wrong"]]))
    return Seen(
        "No training is needed for this: the lean of each digit is computed from its own ink.",
        (f"Twenty digits as they were written: {labels}.", "The same twenty digits, now set upright."),
    )


def _look_at_edges(names: Names) -> Seen:
    share = np.mean(names["seen"] == 0)
    return Seen(
        prose(f"""
            {percent(share, 0)} of the numbers are zero. A stroke shows twice, once on each side, in opposite
            directions.
        """),
        (f"Eight small pictures of a {names['label']}, one for each direction of its edges.",),
    )


def _look_at_reader(names: Names) -> Seen:
    pixels, edges = names["eyes"]["pixels"], names["eyes"]["edges"]
    y_test, old = names["y_test"], names["y_pred"] != names["y_test"]
    mended = np.mean(names["read"][old] == y_test[old])
    return Seen(
        prose(f"""
            Pixels: {percent(pixels, 2)}. Edges: {percent(edges, 2)}. Always the most frequent digit:
            {percent(1 - names["baseline"], 2)}. {percent(mended, 0)} of the old mistakes are mended. The program still
            only multiplies and adds up; what changed is what it looks at.
        """),
        (f"Bar chart of test accuracies: pixels {percent(pixels, 2)}, edges {percent(edges, 2)}.",),
    )


def _look_at_remaining(names: Names) -> Seen:
    sure, read, y_test = names["sure"], names["read"], names["y_test"]
    left, certain = np.count_nonzero(read != y_test), sure.max(axis=1) >= SURE
    wrong = np.mean(read[certain] != y_test[certain])
    return Seen(
        prose(f"""
            {left:,} of {len(y_test):,} test pictures are still misread, and some of them would puzzle anyone. The
            reader mostly knows: of the {percent(np.mean(certain), 0)} of the pictures for which it gave its answer
            {percent(SURE, 0)} or more, {percent(wrong, 2)} are wrong.
        """),
        (
            "Test pictures with bars for their three most probable digits: "
            + "; ".join(f"a {y_test[i]} read as {read[i]}" for i in names["remaining"])
            + ".",
        ),
    )
