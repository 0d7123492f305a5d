"""Every compiled loop, and nothing but compiled loops.

Kernels take arrays and scalars only: C-contiguous inputs, outputs owned by the caller, nothing left to validate.
They release the GIL. A kernel calls kernels of its own file only, because numba's on-disk cache notices changes of the
file that defines a function, not of the files of its callees.
"""

from mnistlr.kernels.counting import HISTOGRAMS, count_label_pairs, sum_label_pairs
from mnistlr.kernels.linear_algebra import add_gram, cholesky, cholesky_solve
from mnistlr.kernels.passes import (
    TILE,
    hessian_vector,
    loss_gradient,
    loss_sum,
    raw_predictions,
    sgd_epoch,
    svrg_epoch,
)

__all__ = [
    "HISTOGRAMS",
    "TILE",
    "add_gram",
    "cholesky",
    "cholesky_solve",
    "count_label_pairs",
    "hessian_vector",
    "loss_gradient",
    "loss_sum",
    "raw_predictions",
    "sgd_epoch",
    "sum_label_pairs",
    "svrg_epoch",
]
