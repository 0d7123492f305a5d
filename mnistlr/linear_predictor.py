"""What both models share as scikit-learn classifiers: predicting, scoring, saving."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from mnistlr._support.foreign import is_dask
from mnistlr._support.threads import count_threads
from mnistlr.metrics.confusion import accuracy
from mnistlr.samples import MIN_CHUNK, Samples

Array = npt.NDArray[Any]

LARGEST = np.finfo(np.float64).max / 4


def _lazy_on_dask(method: Callable[[Any, Any], Array]) -> Callable[[Any, Any], Any]:
    """Let a method of X (n, d) that returns a row for each sample take Dask arrays, and be lazy on them."""

    @functools.wraps(method)
    def dispatched(self: Any, X: Any) -> Any:
        if is_dask(X):
            from mnistlr.on_dask import lazily

            return lazily(self, method.__name__, X)
        return method(self, X)

    return dispatched


class LinearPredictor(ClassifierMixin):  # type: ignore[misc]
    """Predicts from the raw predictions X coef_^T + intercept_."""

    classes_: Array
    coef_: Array
    intercept_: Array
    n_features_in_: int
    n_jobs: int | None

    def _raw_predictions(self, X: Any) -> Array:
        check_is_fitted(self)
        if not self._is_plain(X):
            X = validate_data(self, X, accept_sparse="csr", dtype=dtype_of(X), order="C", reset=False)
        samples = Samples.of(X)
        n_threads = count_threads(self.n_jobs) if samples.n > MIN_CHUNK else 1
        raw = samples.raw_predictions(self.coef_, self.intercept_, n_threads)
        if np.isnan(raw).any():  # infinity minus infinity
            raise ValueError(
                f"The sums X coef_^T overflow with features as large as {samples.peaks().max():.3g}; expected features "
                "of about the size of those that the model was fitted on. Scale them alike."
            )
        return raw

    def _is_plain(self, X: Any) -> bool:
        """Whether X is so plainly right that scikit-learn's checks, 60 microseconds, can find nothing."""
        return (
            type(X) is np.ndarray
            and X.dtype == np.uint8
            and X.ndim == 2
            and X.shape[0] > 0
            and X.shape[1] == self.n_features_in_
            and X.flags.c_contiguous
            and not hasattr(self, "feature_names_in_")
        )

    @_lazy_on_dask
    def decision_function(self, X: Any) -> Array:
        """Return the raw predictions X coef_^T + intercept_.

        Returns
        -------
        ndarray, shape (n_samples,) for two classes, else (n_samples, n_classes)
            For two classes, positive values speak for ``classes_[1]``.
        """
        raw = self._raw_predictions(X)
        return raw[:, 0] if raw.shape[1] == 1 else raw

    @_lazy_on_dask
    def predict(self, X: Any) -> Array:
        """Return the most probable label of each sample.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
            In the units of the data that the model was fitted on. For Dask arrays and data frames this method, and
            those below and above that return a row a sample, are lazy: see :func:`mnistlr.on_dask.lazily`.

        Returns
        -------
        ndarray, shape (n_samples,)
            In the type that the labels came in.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the model is not fitted.
        ValueError
            If ``X`` has another number of features or other names, or is not finite.
        """
        raw = self._raw_predictions(X)
        labels: Array = self.classes_[(raw[:, 0] > 0).astype(np.intp) if raw.shape[1] == 1 else raw.argmax(axis=1)]
        return labels

    @_lazy_on_dask
    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class.

        Parameters and errors are those of ``predict``.

        Returns
        -------
        ndarray of float64, shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        proba: Array = np.exp(self.predict_log_proba(X))
        return proba

    @_lazy_on_dask
    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithms of the probabilities, exact also where a probability underflows.

        Parameters and errors are those of ``predict``.

        Returns
        -------
        ndarray of float64, shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        # No difference of two raw predictions overflows, infinite ones included.
        raw = np.clip(self._raw_predictions(X).astype(np.float64), -LARGEST, LARGEST)
        if raw.shape[1] == 1:
            # log p = -log(1 + exp(-raw)), log(1 - p) = -log(1 + exp(raw))
            log_p: Array = -np.logaddexp(0, np.hstack([raw, -raw]))
            return log_p
        raw -= raw.max(axis=1, keepdims=True)
        log_proba: Array = raw - np.log(np.exp(raw).sum(axis=1, keepdims=True))
        return log_proba

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of samples, or of their weight, that are given their label.

        On Dask arrays the blocks are scored where they lie.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
        y : array-like, shape (n_samples,)
            The true labels.
        sample_weight : array-like, shape (n_samples,), optional

        Returns
        -------
        float
            From 0 to 1.

        Raises
        ------
        ValueError
            For labels or weights that :func:`mnistlr.confusion_matrix` would refuse.
        """
        if is_dask(X):
            from mnistlr.on_dask import score

            return score(self, X, y, sample_weight)
        return accuracy(y, self.predict(X), sample_weight)

    def save(
        self,
        path: Any,
        *,
        training_data: tuple[Any, Any] | None = None,
        accuracy: float | None = None,
        provenance: dict[str, Any] | None = None,
    ) -> Any:
        """Write the fitted model to a file; see :func:`mnistlr.save_model`."""
        from mnistlr.saving.model_file import save_model

        return save_model(self, path, training_data=training_data, accuracy=accuracy, provenance=provenance)


def dtype_of(X: Any) -> Any:
    """Return the type to validate X as: uint8 and floats stay, everything else becomes float64."""
    # A frame is what its columns have in common, which an empty piece of it tells.
    dtype = np.asarray(X[:0]).dtype if hasattr(X, "dtypes") else getattr(X, "dtype", None)
    return dtype if dtype in (np.uint8, np.float32, np.float64) else np.float64
