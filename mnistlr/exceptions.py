"""What can go wrong, by name.

Every error of this package is a :class:`MnistlrError` and also the built-in exception that it refines, so that
``except ValueError`` and ``except mnistlr.MnistlrError`` both catch it.
"""


class MnistlrError(Exception):
    """Base class of all errors that this package raises of its own."""


class DataFormatError(MnistlrError, ValueError):
    """A file is not what its name or header says: truncated, damaged, of another type or with wrong contents."""


class DataUnavailableError(MnistlrError, OSError):
    """A data set could not be had from any source."""


class ModelFileError(MnistlrError, ValueError):
    """A file is no model file of this package, is damaged, or comes from a newer version."""


class DivergenceError(MnistlrError, ValueError):
    """An optimisation left the finite numbers; the estimator is as it was before ``fit``."""


class ImageError(MnistlrError, ValueError):
    """A picture cannot be read, is too large, or has no digit in it."""


class ArgumentError(MnistlrError, ValueError):
    """What a function was given does not fit together."""


class MissingExtraError(MnistlrError, ModuleNotFoundError):
    """A library that only an extra of this package brings is not installed."""


class ClusterError(MnistlrError, RuntimeError):
    """A Dask cluster was lost or does not fit; the estimator is as it was before ``fit``."""
