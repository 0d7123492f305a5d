"""The whole walk: its chapters in order, and running them."""

from collections.abc import Callable, Iterator

import numpy as np

from mnistlr.walkthrough.chapters import better_eyes, confused, detector, mistakes, ten_digits, the_data, the_solvers
from mnistlr.walkthrough.exhibit import DIGIT, About, Chapter, Names, Table, percent
from mnistlr.walkthrough.run import Shown, run_code, run_exhibit


def build_chapters(about: About) -> list[Chapter]:
    """Return the chapters in the order of the walk-through."""
    parts = (the_data, detector, ten_digits, confused, mistakes, better_eyes, the_solvers)
    return [part.chapter(about) for part in parts]


class Walk:
    """The walk-through over one data set.

    Parameters
    ----------
    about : About
        The data. The code loads them anew, so that the results are those of the lines shown.
    draw : bool
        Whether to run and draw all exhibits. Otherwise only those of the terminal are run.

    Attributes
    ----------
    chapters : list of (Chapter, list of Shown)
        What has been run so far.
    names : dict
        The variables that the code has set so far.

    Examples
    --------
    >>> from mnistlr.datasets.named import load_named
    >>> from mnistlr.walkthrough import About, Walk
    >>> for _, shown in Walk(About.of(load_named("digits")), draw=False).run():
    ...     print(shown.exhibit.name)
    load
    example
    split
    weights
    folds
    ten-weights
    counts
    pairs
    """

    def __init__(self, about: About, *, draw: bool = True) -> None:
        self.about, self.draw = about, draw
        self.chapters: list[tuple[Chapter, list[Shown]]] = []
        self.names: Names = {}

    def run(self, tell: Callable[[str], None] = lambda _: None) -> Iterator[tuple[Chapter, Shown]]:
        """Run each exhibit and yield it; call ``tell`` with the title of each before it runs."""
        self.chapters, self.names = [], {}
        run_code(the_data.imports(self.about), self.names)
        for chapter in build_chapters(self.about):
            self.chapters.append((chapter, []))
            for exhibit in chapter.exhibits:
                if self.draw or exhibit.in_words:
                    tell(f"{chapter.title}: {exhibit.title}")
                    self.chapters[-1][1].append(run_exhibit(exhibit, self.names, draw=self.draw))
                    yield chapter, self.chapters[-1][1][-1]

    def in_short(self) -> Table:
        """Return every accuracy beside its baseline, once all has been run."""
        names = self.names
        often = np.bincount(names["y_train"]).argmax()
        rows = {
            f"is it a {DIGIT}? test images": (names["found"].accuracy, np.mean(names["y_test"] != DIGIT)),
            f"is it a {DIGIT}? mean of 5 folds": (np.mean(names["accuracies"]), np.mean(names["baselines"])),
            "all ten digits, test images": (names["summary"].accuracy, np.mean(names["y_test"] == often)),
        }
        return Table(
            ("accuracy", "ours", "baseline"),
            [(what, percent(ours, 2), percent(baseline, 2)) for what, (ours, baseline) in rows.items()],
        )
