"""Pictures as people take them: ``python -m benchmarks.scenes`` reads scenes of every kind, drawn with test digits.

A digit on a plain page, or a code of five digits, is compared with the same digits in the scene. Refused pictures are
wrong, and so are all digits of a picture in which another number of digits was found. ``--scenes 100`` draws more.
"""

import argparse
import contextlib

import numpy as np
from tqdm import tqdm

from benchmarks.measuring.report import Report, Row, yes_no
from mnistlr import ImageError
from mnistlr.features import DigitReader
from mnistlr.images import trace
from tests.helpers.scenes import SCENES, draw_scene

SEVERAL = ("code", "form", "lines", "pencil")
"""How the kinds begin that have several digits."""


def read_scenes(reader: DigitReader, kind: str, X: np.ndarray, y: np.ndarray, n_scenes: int) -> tuple[float, float]:
    """Return the share of digits that are read, and of pictures in which as many digits are found as there are."""
    find_all = kind.startswith(SEVERAL)
    n_right = n_digits = n_counted = 0
    for seed in range(n_scenes):
        indices = np.random.default_rng([seed, 7]).integers(len(y), size=SCENES[kind].n_digits)
        wanted, found = y[indices if find_all else indices[:1]], []
        with contextlib.suppress(ImageError):
            jpeg = draw_scene(kind, X[indices].reshape(-1, 28, 28), seed)
            found = trace(jpeg, find_all=find_all, reader=reader).digits
        n_digits += len(wanted)
        if len(found) == len(wanted):
            n_counted += 1
            n_right += int((reader.predict(np.array([digit.pixels.ravel() for digit in found])) == wanted).sum())
    return n_right / n_digits, n_counted / n_scenes


def main() -> None:
    """Train, read, report."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--scenes", type=int, default=25)
    options, others = parser.parse_known_args()
    report = Report("How well digits in scenes are read", repeats=1, arguments=others)
    data = report.data()
    reader = DigitReader(random_state=0).fit(data.X_train, data.y_train)
    shares = {
        kind: read_scenes(reader, kind, data.X_test, data.y_test, options.scenes)
        for kind in tqdm(SCENES, unit=" kinds", disable=None)
    }
    rows = []
    for kind, (right, counted) in shares.items():
        undisturbed, _ = shares["code" if kind.startswith(SEVERAL) else "plain"]
        row = Row(f"{kind}, counted right: {counted:.0%}", f"{right:.1%}")
        row.against, row.readings = f"{undisturbed:.1%} undisturbed", [right, counted]
        row.goal, row.met = "4 points", yes_no(right >= undisturbed - 0.04 - 1e-9)
        rows.append(row)
    report.table(f"Digits read right in {options.scenes} scenes of every kind", rows)
    report.close()


if __name__ == "__main__":
    main()
