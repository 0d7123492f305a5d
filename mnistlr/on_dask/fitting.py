"""From checked blocks and an estimator's parameters to a run, and how far it has come."""

import sys
import time
from typing import Any, Self

import numpy as np

from mnistlr._support.arrays import Array
from mnistlr._support.sklearn import check_feature_names
from mnistlr.exceptions import ArgumentError
from mnistlr.on_dask import worker
from mnistlr.on_dask.blocked_objective import BlockedObjective, BlockedSamples, Runner
from mnistlr.on_dask.worker import Facts
from mnistlr.samples import unit_and_dtype
from mnistlr.weighting import class_weights, scaled


def learn_in_blocks(model: Any, like: Any, runner: Any, progress: bool | None, tasks: Any) -> None:
    """Fit ``model`` itself to checked blocks; a failure leaves it half done.

    Parameters
    ----------
    model : LogisticRegression or SoftmaxRegression
        A copy that may be spoilt.
    like : array or frame with the features' names, if they have any
    runner : Runner
        Of the checked blocks.
    progress : bool or None
        As for ``Progress``.
    tasks : FitTasks or None
        Reports to the model's callbacks.

    Raises
    ------
    ValueError
        If something is wrong with a block, which the message names, or blocks are not alike.
    """
    with Progress(progress) as shown:
        objective, classes = objective_in_blocks(model, like, runner)
        objective.watch = shown.watch
        model._learn(objective, classes, tasks)


def objective_in_blocks(model: Any, like: Any, runner: Any) -> tuple[BlockedObjective, Array]:
    """Return the objective of ``model`` and the classes, and note the number and names of features in ``model``.

    Parameters
    ----------
    model : estimator
    like : array or frame with the features' names, if they have any
    runner : Runner
        Of the checked blocks.

    Returns
    -------
    objective : BlockedObjective
    classes : ndarray (n_classes,)
        The labels, sorted.

    Raises
    ------
    ArgumentError
        If something is wrong with a block, blocks are not alike, or no sample has a weight.
    """
    facts: list[Facts] = runner.each(worker.describe)
    classes, first = _agree(facts)
    check_feature_names(model, like, reset=True)
    model.n_features_in_ = first.d
    model.__dict__.pop("_trained_range", None)  # of an earlier fit
    if first.dtype == np.uint8:
        model._trained_range = (0.0, 255.0)
    model._check_classes(classes)
    # So that no sum of the weights overflows, and none of their squares vanishes.
    exponent = max((fact.exponent for fact in facts if fact.label_weights.any()), default=0)
    per_class = None if model.class_weight is None else _class_weights(model, classes, facts, exponent)
    runner.is_mapped = all(fact.is_mapped or fact.n == 0 for fact in facts)
    blocks: Runner = runner.change(worker.encode, classes, first.d, first, exponent, per_class)
    starts = np.cumsum([0] + [fact.n for fact in facts])
    samples = BlockedSamples(None, int(starts[-1]), first.d, *unit_and_dtype(first.dtype), blocks, starts)
    n_raw = 1 if len(classes) == 2 else len(classes)
    objective = BlockedObjective(samples, n_raw, alpha=float(model.alpha), fit_intercept=model.fit_intercept)
    if objective.n_counted == 0:
        raise ArgumentError("At least one of the sample weights must be positive, all are zero.")
    return objective, classes


def _agree(facts: list[Facts]) -> tuple[Array, Facts]:
    """Return the classes and the facts of the first block with samples, or raise the error of a block."""
    for number, fact in enumerate(facts):
        if fact.error:
            raise ArgumentError(f"Block {number} of {len(facts)}: {fact.error}")
    first_number = next((number for number, fact in enumerate(facts) if fact.n), None)
    if first_number is None:
        raise ArgumentError(f"Found no samples in the {len(facts)} block(s) while a minimum of 1 is required.")
    first = facts[first_number]
    for number, fact in enumerate(facts):
        if fact.n and _kind(fact) != _kind(first):
            raise ArgumentError(
                f"Block {number} of {len(facts)} has {_kind(fact)}, but block {first_number} has {_kind(first)}; "
                "expected all blocks to be alike."
            )
    return np.unique(np.concatenate([fact.labels for fact in facts if fact.n])), first


def _kind(fact: Facts) -> str:
    numbers = "strings" if fact.labels.dtype.kind in "OU" else "numbers"
    return f"{fact.d} features of {'sparse ' * fact.is_sparse}{fact.dtype} and labels that are {numbers}"


def _class_weights(model: Any, classes: Array, facts: list[Facts], exponent: int) -> Array:
    """Return the weight of each class, in the same proportions, the largest in [1/2, 1)."""
    totals = np.zeros(len(classes))
    for fact in facts:
        if fact.n:
            totals[np.searchsorted(classes, fact.labels)] += np.ldexp(fact.label_weights, fact.exponent - exponent)
    return scaled(class_weights(model.class_weight, classes, totals))[0]


class Progress:
    """Rewrites a line on stderr after each pass over the data.

    Parameters
    ----------
    shown : bool or None
        Whether to write at all; None: if stderr is a terminal.
    """

    def __init__(self, shown: bool | None) -> None:
        self.shown = sys.stderr.isatty() if shown is None else shown
        self.passes, self.started = 0, time.perf_counter()

    def watch(self, value: float, gradient_norm: float) -> None:
        """Report a pass with its objective, and its gradient if that is not NaN."""
        self.passes += 1
        if self.shown:
            gradient = "" if np.isnan(gradient_norm) else f", gradient {gradient_norm:.2g}"
            seconds = time.perf_counter() - self.started
            line = f"pass {self.passes}: objective {value:.6g}{gradient}, {seconds:.1f} s"
            print(f"\r{line:<70}", end="", file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        if self.shown and self.passes:
            print(file=sys.stderr)
