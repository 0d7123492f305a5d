"""Confusion matrix: ours against scikit-learn's, and against the least that NumPy could do.

The least is np.bincount(10 * y_true + y_pred), which checks nothing and knows the labels beforehand. Accuracy is
compared with (y_true == y_pred).mean() in the same way.
"""

import numpy as np
from sklearn.metrics import confusion_matrix as sklearn_confusion_matrix

from benchmarks.measuring.clocks import clock, take_turns
from benchmarks.measuring.report import Report, timed
from mnistlr import confusion_matrix
from mnistlr.metrics import accuracy

SIZES = [10**3, 10**4, 10**5, 10**6, 10**7]
GOALS = {  # the largest ratio that is good enough, by what is compared and the number of labels
    ("np.bincount", 10**4): 4,
    ("np.bincount", 10**5): 1.2,
    ("np.bincount", 10**7): 1 / 3,
    ("scikit-learn", 10**7): 1 / 100,
}
MOST_FOR_SKLEARN = 10**7


def main() -> None:
    """Measure, print."""
    report = Report("Confusion matrix: ten classes, int64 labels", repeats=5, full="count 10^8 labels too, 1.6 GB")
    random = np.random.default_rng(0)
    sizes = SIZES[:3] if report.quick else [*SIZES, 10**8] if report.full else SIZES
    for n in sizes:
        y_true = random.integers(10, size=n)
        y_pred = np.where(random.random(n) < 0.92, y_true, random.integers(10, size=n))
        tasks = {
            "mnistlr": lambda y=y_true, z=y_pred: confusion_matrix(y, z),
            "np.bincount": lambda y=y_true, z=y_pred: np.bincount(10 * y + z, minlength=100).reshape(10, 10),
        }
        if n <= MOST_FOR_SKLEARN:
            tasks["scikit-learn"] = lambda y=y_true, z=y_pred: sklearn_confusion_matrix(y, z)
        results = [task() for task in tasks.values()]
        if not all((result == results[0]).all() for result in results):
            raise AssertionError(f"the counts of {', '.join(tasks)} differ for {n:,} labels.")
        clocks = {name: clock(task, 0 if n > 10**5 else 0.01, warm_up=False) for name, task in tasks.items()}
        times = take_turns(clocks, report.repeats)
        rows = []
        for name in tasks:
            if name == "mnistlr":
                rows.append(timed("mnistlr", times["mnistlr"]))
                continue
            compared = timed("", times["mnistlr"], "", times[name], GOALS.get((name, n)))
            rows.append(timed(name, times[name], "mnistlr / this"))
            rows[-1].ratio, rows[-1].goal, rows[-1].met = compared.ratio, compared.goal, compared.met
        shares = {
            "accuracy": lambda y=y_true, z=y_pred: accuracy(y, z),
            "its mean": lambda y=y_true, z=y_pred: (y == z).mean(),
        }
        times = take_turns(
            {name: clock(task, 0 if n > 10**5 else 0.01) for name, task in shares.items()}, report.repeats
        )
        rows.append(timed("accuracy, over (y_true == y_pred).mean()", times["accuracy"], "", times["its mean"]))
        report.table(f"{n:,} labels", rows)
    report.close()


if __name__ == "__main__":
    main()
