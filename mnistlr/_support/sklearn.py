"""Names of scikit-learn that are private or new, and reports of a fit to its callbacks.

A fit is one task, and each iteration a task inside it.

The protocol is that of ``sklearn.callback`` (scikit-learn 1.9), so its ``ProgressBar`` and ``ScoringMonitor`` and all
others that follow it can be set on the estimators here, alone or inside ``Pipeline`` and ``GridSearchCV``. What a
callback is shown as ``fitted_estimator`` is the model that ``fit`` would return if it stopped there.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
import sklearn
from sklearn.utils.validation import validate_data

try:
    from sklearn.utils._param_validation import Interval, StrOptions
    from sklearn.utils.validation import _check_sample_weight as check_sample_weight
except ImportError as error:
    raise ImportError(
        f"expected private functions of scikit-learn that version {sklearn.__version__} does not have ({error}); "
        "install a newer mnistlr, or scikit-learn 1.9."
    ) from error

from mnistlr._support.arrays import Floats

__all__ = [
    "CallbackSupportMixin",
    "FitTasks",
    "Interval",
    "StrOptions",
    "check_feature_names",
    "check_sample_weight",
    "with_callbacks",
]

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn before 1.9 has no callbacks

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing to support."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """Return a method that does the same."""

        @wraps(method)
        def same(*args: Any, **kwargs: Any) -> Any:
            return method(*args, **kwargs)

        return same


def check_feature_names(estimator: Any, X: Any, *, reset: bool) -> None:
    """Remember the names of the features in ``estimator`` if ``reset``, else compare them, and nothing else."""
    validate_data(estimator, X, reset=reset, skip_check_array=True, ensure_2d=False)


class FitTasks:
    """Reports a fit and its iterations to an estimator's callbacks.

    Parameters
    ----------
    estimator : the estimator being fitted, with callbacks set
    max_iter : the most iterations there may be
    data : ``X`` and ``y`` as they were given to fit, and ``metadata``, for the hooks
    """

    def __init__(self, estimator: Any, max_iter: int, **data: Any) -> None:
        self.estimator = estimator
        self.data = {"estimator": estimator, **data}
        self.fit = estimator._init_callback_context(max_subtasks=max_iter)
        self.fit.call_on_fit_task_begin(**self.data)
        self.iteration: Any = None
        self.n_iter = 0
        self.records: list[dict[str, float]] = []
        self.model_at: Callable[[Floats], dict[str, Any]]  # theta -> attributes; set by fit

    def begin(self, theta: Floats) -> None:
        """Begin an iteration that starts from ``theta``."""
        self.iteration = self.fit.subcontext(task_name="iteration")
        self.iteration.call_on_fit_task_begin(**self.data, reconstruction_attributes=lambda: self._model(theta))

    def end(self, theta: Floats, iteration: int, record: dict[str, float]) -> bool:
        """End an iteration at ``theta``; return whether a callback wants the fit to stop."""
        self.records.append(record)
        if iteration == 0:  # the starting point was evaluated, which is no iteration
            return False
        ended, self.iteration = self.iteration, None
        self.n_iter += 1
        stop: bool = ended.call_on_fit_task_end(**self.data, reconstruction_attributes=lambda: self._model(theta))
        return stop

    def finish(self, fitted: dict[str, Any]) -> None:
        """End the fit, with these attributes."""
        if self.iteration is not None:  # it found no better point than it began with
            self.iteration.call_on_fit_task_end(**self.data)
        self.fit.call_on_fit_task_end(**self.data, reconstruction_attributes=fitted)

    def _model(self, theta: Floats) -> dict[str, Any]:
        history = {name: np.array([record[name] for record in self.records]) for name in (self.records or [{}])[0]}
        return {**self.model_at(theta), "n_iter_": self.n_iter, "history_": history}
