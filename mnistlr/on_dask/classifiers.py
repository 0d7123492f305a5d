"""The two models over Dask: the ordinary ones, whose ``fit``, ``predict`` and ``score`` take Dask arrays and frames."""

from typing import Any, Self

from mnistlr import estimators
from mnistlr._support.foreign import is_dask
from mnistlr._support.sklearn import FitTasks, with_callbacks
from mnistlr._support.threads import count_threads
from mnistlr.exceptions import ArgumentError
from mnistlr.on_dask.cluster import ClusterRunner, check_versions, connected
from mnistlr.on_dask.fitting import learn_in_blocks
from mnistlr.on_dask.loading import delayed_blocks, load
from mnistlr.on_dask.predicting import lazily, score
from mnistlr.training import solver_of


class OnDask(estimators.LinearClassifier):
    """The methods of both models for data on Dask. Other data go to the ordinary methods."""

    @with_callbacks  # type: ignore[untyped-decorator]
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, client: Any = None, progress: bool | None = None
    ) -> Self:
        """Fit the model to Dask arrays or data frames.

        When to use which solver:

        - ``"lbfgs"``, ``"newton"``, ``"gd"``, ``"nesterov"`` look at all samples for each step. All workers take part,
          and only weights and their gradients travel. For the optimum, and wherever there are several workers.
        - ``"sgd"`` takes thousands of steps in one pass, but one after the other: the model travels from block to
          block, and only one worker is busy at a time (all of them when an epoch is judged). It needs few passes, so
          it is the one to use when data have to come from a slow disk, and when a good model is enough.
        - ``"svrg"`` does not work on blocks.

        Parameters
        ----------
        X : Dask array (n, d) of dense or CSR blocks, or Dask data frame
            Blocks that are views of memory-mapped files (``open_array``, ``open_folder``) take no memory of the
            workers: they are read anew for each pass, or, where a worker's share of them is less than a quarter of
            its memory limit, stay mapped. Others are kept in memory.
        y : Dask array or series, or array-like, shape (n,)
        sample_weight : the same, optional
        client : Client or str, optional
            A Dask client or the address of a scheduler. By default the current client, else a cluster in this
            process, started for the fit.
        progress : bool, optional
            Whether to report each pass on stderr. By default it is reported if stderr is a terminal.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As for ordinary data. The message names the block.
        ClusterError
            If workers have another version of this package, or the cluster is lost.

        Notes
        -----
        The result has the same bits for any number of workers and threads, and whatever happens to them: each block
        is one term of every sum, and the terms are added in a fixed order. Other blocks give other bits. A single
        block gives those of the ordinary estimator ("sgd": on more than 512 samples).

        At the start, some 10,000 evenly spaced samples come to this process, for the step size of "sgd" and the
        preconditioner of "lbfgs" and "newton". With ``early_stopping`` a byte of every sample comes, its class.

        A failed or interrupted fit leaves the estimator as it was.
        """
        return self._fit_or_stay(X, y, sample_weight, client=client, progress=progress)

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, tasks: FitTasks | None, client: Any = None, progress: Any = None
    ) -> None:
        if not is_dask(X):
            _check_together(X, y, sample_weight)
            super()._fit(X, y, sample_weight, tasks)
            return
        if solver_of(self) == "svrg":
            raise ArgumentError(
                "solver='svrg' does not work on data in blocks; expected 'lbfgs', 'newton', 'gd', 'nesterov' or 'sgd'."
            )
        parts = delayed_blocks(X, y, sample_weight)
        with connected(client, self.n_jobs) as own:
            check_versions(own)
            n_threads = None if self.n_jobs is None else count_threads(self.n_jobs)
            runner = ClusterRunner(own, load(own, parts, type(self)()), n_threads)
            try:
                learn_in_blocks(self, X._meta, runner, progress, tasks)
            finally:
                runner.close()

    def _fit_piece(self, X: Any, y: Any, classes: Any, sample_weight: Any) -> None:
        if any(map(is_dask, (X, y, sample_weight))):
            raise ArgumentError(
                "partial_fit takes a piece that is in this process, but this one is on Dask: use fit, which with "
                "solver='sgd' goes over the blocks one after the other, or hand over each block computed."
            )
        super()._fit_piece(X, y, classes, sample_weight)

    def decision_function(self, X: Any) -> Any:
        """Return the raw predictions, of Dask data lazily: see ``predict``."""
        return lazily(self, "decision_function", X) if is_dask(X) else super().decision_function(X)

    def predict(self, X: Any) -> Any:
        """Return the most probable label of each sample, of Dask data lazily.

        Parameters
        ----------
        X : Dask array (n, d) or data frame, or data for the ordinary estimator

        Returns
        -------
        dask.array.Array, shape (n,)
            In the blocks of X, computed when needed. An ndarray where X is not on Dask.

        Raises
        ------
        ArgumentError
            If X has another number of features. Computing raises it, too, with the number of the block, if a block
            is wrong, because it holds NaN, say.
        ValueError
            If the features have other names.
        NotFittedError
            If the model is not fitted.
        """
        return lazily(self, "predict", X) if is_dask(X) else super().predict(X)

    def predict_proba(self, X: Any) -> Any:
        """Return the probability of each class, of Dask data lazily: see ``predict``."""
        return lazily(self, "predict_proba", X) if is_dask(X) else super().predict_proba(X)

    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithms of the probabilities, of Dask data lazily: see ``predict``."""
        return lazily(self, "predict_log_proba", X) if is_dask(X) else super().predict_log_proba(X)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of samples, or of their weight, that are given their label.

        Parameters
        ----------
        X : Dask array or data frame, shape (n, d), or data for the ordinary estimator
            Blocks are scored where they lie, and their sums added in the order of the blocks.
        y, sample_weight : Dask array or series, or array-like, shape (n,)

        Returns
        -------
        float
            From 0 to 1.

        Raises
        ------
        ArgumentError
            If X, y and weights cannot be cut alike, if something is wrong with a block, which the message names, if
            there are no samples, or if the weights sum to zero.
        ValueError
            If the features have other names.
        NotFittedError
            If the model is not fitted.
        """
        if is_dask(X):
            return score(self, X, y, sample_weight)
        _check_together(X, y, sample_weight)
        return super().score(X, y, sample_weight)


def _check_together(X: Any, y: Any, sample_weight: Any) -> None:
    """Refuse labels and weights on Dask where X is in this process."""
    for name, column in (("y", y), ("sample_weight", sample_weight)):
        if is_dask(column):
            raise ArgumentError(
                f"{name} is on Dask, but X is in this process: expected X on Dask as well, as "
                f"dask.array.from_array(X) makes it, or {name}.compute()."
            )


class LogisticRegression(OnDask, estimators.LogisticRegression):
    """:class:`mnistlr.LogisticRegression` over Dask, with the same parameters and attributes.

    ``save_model`` writes it as the ordinary class, so that it is loaded and predicts without Dask.
    """


class SoftmaxRegression(OnDask, estimators.SoftmaxRegression):
    """:class:`mnistlr.SoftmaxRegression` over Dask, with the same parameters and attributes.

    ``save_model`` writes it as the ordinary class, so that it is loaded and predicts without Dask.

    Examples
    --------
    >>> import dask.array as da
    >>> from mnistlr import load_digits
    >>> from mnistlr.on_dask import SoftmaxRegression
    >>> X, y = load_digits()
    >>> X, y = da.from_array(X, chunks=(600, -1)), da.from_array(y, chunks=600)
    >>> model = SoftmaxRegression(solver="lbfgs").fit(X, y)
    >>> bool((model.predict(X) == y).mean().compute() > 0.98)
    True
    """
