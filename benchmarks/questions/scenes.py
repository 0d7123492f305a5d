"""Pictures as people take them: ``python -m benchmarks.scenes`` reads scenes of every kind, drawn with test digits.

A digit on a plain page, or a code of five digits, is compared with the same digits in the scene. Refused pictures are
wrong, and so are all digits of a picture in which another number of digits was found. For codes whose
digits touch there is a goal for the share that is counted right, too. ``--scenes 100`` draws more.
"""

import argparse

from tqdm import tqdm

from benchmarks.measuring.report import Report, Row, yes_no
from mnistlr.features import DigitReader
from tests.helpers.reading import COUNTED, SEVERAL, read_scene, share_counted, share_right
from tests.helpers.scenes import SCENES


def main() -> None:
    """Train, read, report."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--scenes", type=int, default=25)
    options, others = parser.parse_known_args()
    report = Report("How well digits in scenes are read", repeats=1, arguments=others)
    data = report.data()
    reader = DigitReader(random_state=0).fit(data.X_train, data.y_train)
    shares = {}
    for kind in tqdm(SCENES, unit=" kinds", disable=None):
        readings = [read_scene(reader, kind, data.X_test, data.y_test, seed) for seed in range(options.scenes)]
        shares[kind] = share_right(readings), share_counted(readings)
    rows = []
    for kind, (right, counted) in shares.items():
        undisturbed, _ = shares["code" if kind in SEVERAL else "plain"]
        row = Row(f"{kind}, counted right: {counted:.0%}", f"{right:.1%}")
        row.against, row.readings = f"{undisturbed:.1%} undisturbed", [right, counted]
        row.goal, row.met = "4 points", yes_no(right >= undisturbed - 0.04 - 1e-9)
        rows.append(row)
        if kind in COUNTED:
            row = Row(f"{kind}, split into as many digits", f"{counted:.0%}", readings=[counted])
            row.goal, row.met = f"{COUNTED[kind]:.0%}", yes_no(counted >= COUNTED[kind])
            rows.append(row)
    report.table(f"Digits read right in {options.scenes} scenes of every kind", rows)
    report.close()


if __name__ == "__main__":
    main()
