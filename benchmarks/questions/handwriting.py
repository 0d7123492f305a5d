"""Strangers' digits: ``python -m benchmarks.handwriting FOLDER`` reads pictures that people took, drew or scanned.

``FOLDER/labels.csv`` has a line for each picture: file, label (lines of writing separated by ``/``), kind (drawn,
photo, scan) and set (single, multi, or rotated). Single digits go through ``to_mnist``, all others through
``find_digits`` with the DigitReader. In a string, as many digits are right as it has, less those that must be changed,
added or left out to get it from the answer. A sheet shows the failures with what the model saw.
"""

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from benchmarks.measuring.report import Report, Row, yes_no
from mnistlr import SoftmaxRegression
from mnistlr.exceptions import ImageError
from mnistlr.features import DigitReader
from mnistlr.images import trace
from mnistlr.plots import plot_pictures, save_figure
from mnistlr.trained import trained_reader

GOAL, GOAL_WHOLE = 0.98, 25 / 28
"""Of the single digits, and of the numbers that are wholly right."""


class Reading(NamedTuple):
    """A picture, and what was made of it."""

    file: str
    label: str
    kind: str
    part: str
    grey: Any
    """The picture as a whole; None if nothing was found in it."""
    seen: Any
    """Its digits, (n, 784) of uint8."""


def read_folder(folder: Path, reader: DigitReader) -> list[Reading]:
    """Find the digits of every picture."""
    readings = []
    with open(folder / "labels.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    for line in tqdm(lines, unit=" pictures", disable=None):  # on a terminal, on stderr
        label = line["label"].replace("/", "")
        try:
            steps = trace(folder / line["file"], find_all=len(label) > 1, reader=reader)
        except ImageError as error:
            print(f"{line['file']}: {error}", file=sys.stderr)
            grey, seen = None, np.zeros((0, 784), np.uint8)
        else:
            grey, seen = steps.grey, np.stack([digit.pixels.ravel() for digit in steps.digits])
        readings.append(Reading(line["file"], label, line["kind"], line["set"], grey, seen))
    return readings


def count_right(label: str, answer: str) -> int:
    """Return how many digits of ``label`` are right in ``answer``: all but the changes between the two."""
    changes = list(range(len(answer) + 1))
    for i, wanted in enumerate(label, 1):
        corner, changes[0] = changes[0], i
        for j, given in enumerate(answer, 1):
            corner, changes[j] = changes[j], min(changes[j] + 1, changes[j - 1] + 1, corner + (wanted != given))
    return max(len(label) - changes[-1], 0)


def answers_of(model: Any, readings: Sequence[Reading]) -> list[str]:
    """Return what the model reads in every picture."""
    return ["".join(map(str, model.predict(each.seen))) if len(each.seen) else "" for each in readings]


def table(readings: Sequence[Reading], answers: dict[str, list[str]]) -> list[Row]:
    """Compare the models by set and kind."""
    rows = []
    for part in ("single", "multi", "rotated"):
        of_part = [number for number, reading in enumerate(readings) if reading.part == part]
        kinds = sorted({readings[number].kind for number in of_part})
        for kind in [*kinds, "all"] if len(kinds) > 1 else kinds:
            chosen = [number for number in of_part if kind in ("all", readings[number].kind)]
            n_digits = sum(len(readings[number].label) for number in chosen)
            share = {
                name: sum(count_right(readings[number].label, answer[number]) for number in chosen) / n_digits
                for name, answer in answers.items()
            }
            row = Row(f"{part}, {kind}: {n_digits} digits in {len(chosen)} pictures", f"{share['edges']:.1%}")
            row.against = f"{share['pixels']:.1%} from pixels, {share['trained']:.1%} by the trained reader"
            row.readings = list(share.values())
            if part == "single" and kind == "all":
                row.goal, row.met = f"{GOAL:.0%}", yes_no(share["edges"] >= GOAL)
            rows.append(row)
    numbers = [number for number, reading in enumerate(readings) if reading.part == "multi"]
    whole = [answers["edges"][number] == readings[number].label for number in numbers]
    row = Row("multi, wholly right", f"{sum(whole)} of {len(whole)}", readings=[float(one) for one in whole])
    row.goal, row.met = f"{GOAL_WHOLE:.0%}", yes_no(not whole or sum(whole) >= GOAL_WHOLE * len(whole))
    return [*rows, row]


def confidence(model: Any, readings: Sequence[Reading]) -> Row:
    """Report how many of the single digits that are read with 90 % and more are wrong."""
    single = [reading for reading in readings if reading.part == "single" and len(reading.seen)]
    probabilities = model.predict_proba(np.concatenate([reading.seen for reading in single]))
    sure = probabilities.max(axis=1) >= 0.9
    right = model.classes_[probabilities.argmax(axis=1)].astype(str) == [reading.label for reading in single]
    value = f"{1 - right[sure].mean():.1%} of them wrong"
    return Row(f"single, read with 90 % and more: {sure.sum()} of {len(single)}", value)


def draw_failures(path: Path, reader: Any, readings: Sequence[Reading], answers: Sequence[str]) -> int:
    """Save a sheet of the pictures that were misread, each beside its digits as the model saw them, made upright."""
    pictures, titles = [], []
    for reading, answer in zip(readings, answers, strict=True):
        if answer == reading.label or reading.grey is None:
            continue
        upright = reader.deskew_.transform(reading.seen).reshape(-1, 28, 28)
        pictures += [reading.grey, 1 - np.hstack(list(upright)) / 255]
        titles += [f"{reading.file}: {reading.label}", f"read as {answer}"]
    if pictures:
        save_figure(plot_pictures(pictures, titles).figure, path)
    return len(pictures) // 2


def main() -> None:
    """Train, read, report."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sheet", type=Path, default=Path("results/handwriting.png"))
    options, others = parser.parse_known_args()
    report = Report("How well strangers' digits are read", repeats=1, arguments=others)
    data = report.data()
    models = {
        "pixels": SoftmaxRegression(random_state=0).fit(data.X_train, data.y_train),
        "edges": DigitReader(random_state=0).fit(data.X_train, data.y_train),
        "trained": trained_reader(),
    }
    readings = read_folder(options.folder, models["edges"])
    answers = {name: answers_of(model, readings) for name, model in models.items()}
    rows = [*table(readings, answers), confidence(models["edges"], readings)]
    report.table("Digits read right, by DigitReader, by SoftmaxRegression, and by the trained reader", rows)
    misread = [
        f"{reading.file} {reading.label} as {answer or 'nothing'}"
        for reading, answer in zip(readings, answers["edges"], strict=True)
        if answer != reading.label
    ]
    print("\nMisread: " + "; ".join(misread))
    options.sheet.parent.mkdir(parents=True, exist_ok=True)
    drawn = draw_failures(options.sheet, models["edges"], readings, answers["edges"])
    print(f"{drawn} of them are drawn in {options.sheet}")
    report.close()


if __name__ == "__main__":
    main()
