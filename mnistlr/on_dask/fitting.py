"""``fit`` on data in blocks: on a Dask cluster, or one after the other in this process."""

import copy
import sys
import time
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any, Self

import numpy as np

from mnistlr._support.arrays import Array
from mnistlr._support.sklearn import check_feature_names
from mnistlr._support.threads import count_threads
from mnistlr.exceptions import ArgumentError
from mnistlr.on_dask import worker
from mnistlr.on_dask.blocked_objective import BlockedObjective, BlockedSamples, LocalRunner, Runner
from mnistlr.on_dask.worker import Facts
from mnistlr.samples import unit_and_dtype
from mnistlr.training import class_weights, scaled, solver_of

_settings: ContextVar[tuple[Any, bool | None]] = ContextVar("client and progress of a fit", default=(None, None))


def fit(
    model: Any, X: Any, y: Any, sample_weight: Any = None, *, client: Any = None, progress: bool | None = None
) -> Any:
    """Fit an estimator of this package to Dask arrays or data frames; ``model.fit(X, y)`` does the same.

    The result is an ordinary estimator. When to use which solver:

    - ``"lbfgs"``, ``"newton"``, ``"gd"``, ``"nesterov"`` look at all samples for each step. All workers take part, and
      only weights and their gradients travel. For the optimum, and wherever there are several workers.
    - ``"sgd"`` takes thousands of steps in one pass, but one after the other: the model travels from block to block,
      and only one worker is busy at a time (all of them when an epoch is judged). It needs few passes, so it is the
      one to use when data have to come from a slow disk, and when a good model is enough.

    Parameters
    ----------
    model : LogisticRegression or SoftmaxRegression
    X : Dask array (n, d) of dense or CSR blocks, or Dask data frame
        Blocks that are views of memory-mapped files (``open_array``, ``open_folder``) take no memory of the workers:
        they are read anew for each pass, or, where a worker's share of them is less than a quarter of its memory
        limit, stay mapped. Others are kept in memory.
    y : Dask array or series, or array-like, shape (n,)
    sample_weight : the same, optional
    client : Client or str, optional
        A Dask client or the address of a scheduler. By default the current client, else a cluster in this process,
        started for the fit.
    progress : bool, optional
        Whether to report each pass on stderr; by default if that is a terminal.

    Returns
    -------
    model
        Fitted.

    Raises
    ------
    ValueError
        As for ordinary data; the message names the block.
    ClusterError
        If workers have another version of this package, or the cluster is lost. The model is then as it was.

    Notes
    -----
    The result has the same bits for any number of workers and threads, and whatever happens to them: each block is
    one term of every sum, and the terms are added in a fixed order. Other blocks give other bits. ``fit_in_blocks``
    gives the same on one machine without Dask, and with a single block so does ``model.fit`` on an array ("sgd": of
    more than 512 samples).

    At the start, some 10,000 evenly spaced samples come to this process, for the step size of "sgd" and the
    preconditioner of "lbfgs" and "newton"; with ``early_stopping`` a byte of every sample, its class.
    """
    token = _settings.set((client, progress))
    try:
        return model.fit(X, y, sample_weight)
    finally:
        _settings.reset(token)


def learn(model: Any, X: Any, y: Any, sample_weight: Any, tasks: Any) -> None:
    """Fit ``model`` itself on Dask, for ``model.fit``; a failure leaves it half done.

    Parameters
    ----------
    model : LogisticRegression or SoftmaxRegression
        A copy that may be spoilt.
    X, y, sample_weight
        As for ``fit``, which also supplies the client and the progress option.
    tasks : FitTasks or None
        Reports to the model's callbacks.

    Raises
    ------
    ValueError
        For data that do not fit together or are not finite; the message names the block.
    ClusterError
        If workers have another version of this package, or the cluster is lost.
    """
    from mnistlr.on_dask.cluster import ClusterRunner, check_versions, connected
    from mnistlr.on_dask.loading import delayed_blocks, load

    client, progress = _settings.get()
    checker = _checker(model)
    parts = delayed_blocks(X, y, sample_weight)
    with connected(client, model.n_jobs) as own:
        check_versions(own)
        n_threads = None if model.n_jobs is None else count_threads(model.n_jobs)
        runner = ClusterRunner(own, load(own, parts, checker), n_threads)
        try:
            _learn_in_blocks(model, X._meta, runner, progress, tasks)
        finally:
            runner.close()


def fit_in_blocks(model: Any, X: Sequence[Any], y: Sequence[Any], sample_weight: Sequence[Any] | None = None) -> Any:
    """Fit an estimator to data in blocks, in this process and without Dask: the same bits as ``fit`` gives on Dask.

    Parameters
    ----------
    model : LogisticRegression or SoftmaxRegression
    X, y, sample_weight : sequences of arrays, one a block
        Of shapes (n, d), (n,) and (n,), n for each block its own; the weights are optional.

    Returns
    -------
    model
        Fitted.

    Raises
    ------
    ValueError
        As for ordinary data; the message names the block. The model is then as it was.
    """
    weights = [None] * len(X) if sample_weight is None else sample_weight
    checker = _checker(model)
    blocks = [worker.check(i, *part, checker) for i, part in enumerate(zip(X, y, weights, strict=True))]
    fitted = copy.copy(model)
    _learn_in_blocks(fitted, X[0], LocalRunner(blocks, count_threads(model.n_jobs)), False, None)
    model.__dict__ = fitted.__dict__
    return model


def _checker(model: Any) -> Any:
    """Return an unfitted estimator of the same kind, to check the blocks."""
    model._validate_params()
    if solver_of(model) == "svrg":
        raise ArgumentError(
            "solver='svrg' does not work on data in blocks; expected 'lbfgs', 'newton', 'gd', 'nesterov' or 'sgd'."
        )
    return type(model)()


def _learn_in_blocks(model: Any, like: Any, runner: Any, progress: bool | None, tasks: Any) -> None:
    with Progress(progress) as shown:
        objective, classes = objective_in_blocks(model, like, runner)
        objective.watch = shown.watch
        model._learn(objective, classes, tasks)


def objective_in_blocks(model: Any, like: Any, runner: Any) -> tuple[BlockedObjective, Array]:
    """Return what ``model`` is to minimise, and the classes; note in ``model`` the number and names of features.

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
    model._check_classes(classes)
    # So that no sum of the weights overflows, and none of their squares vanishes.
    exponent = max((fact.exponent for fact in facts if fact.label_weights.any()), default=0)
    per_class = None if model.class_weight is None else _class_weights(model, classes, facts, exponent)
    runner.is_mapped = all(fact.is_mapped or fact.n == 0 for fact in facts)
    blocks: Runner = runner.change(worker.encode, classes, first.d, first, exponent, per_class)
    starts = np.cumsum([0] + [fact.n for fact in facts])
    objective = BlockedObjective(
        BlockedSamples(None, int(starts[-1]), first.d, *unit_and_dtype(first.dtype), blocks, starts),
        1 if len(classes) == 2 else len(classes), alpha=float(model.alpha), fit_intercept=model.fit_intercept,
    )  # fmt: skip
    if objective.n_counted == 0:
        raise ArgumentError("At least one of the sample weights must be positive, all are zero.")
    return objective, classes


def _agree(facts: list[Facts]) -> tuple[Array, Facts]:
    """Return the classes and the facts of the first block with samples; raise what is wrong with a block."""
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
    # One sample of each class that weighs as much as all of them: "balanced" asks for no more.
    return scaled(class_weights(model, classes, classes, totals))


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
