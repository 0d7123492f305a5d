"""Every compiled loop, and nothing but compiled loops.

Kernels take arrays and scalars only: C-contiguous inputs, outputs owned by the caller, nothing left to validate.
They release the GIL.

Notation
--------
X : the data, n samples by d features: a C-contiguous matrix of any number type, or the three arrays
    ``(data, indices, indptr)`` of a CSR matrix.
W, b : weights (rows, d) and intercepts (rows,), float32 or float64: the *arithmetic type*.
K : number of raw predictions of a sample, ``n_raw``: 1 for the logistic model, the number of classes for softmax.
rows : K for K = 1, else K rounded up to even, the rest zero, so that loops can take two classes at a time.
samples, tile, raw : scratch for ``TILE`` samples: their numbers, (TILE,) int64; their features, unpacked, (TILE, d);
    their raw predictions, (TILE, rows), which a loss turns into d loss / d raw in place.
"""

from mnistlr.kernels.counting import HISTOGRAMS, count_label_pairs, sum_label_pairs
from mnistlr.kernels.linear_algebra import add_gram, cholesky, cholesky_solve
from mnistlr.kernels.passes import hessian_vector, loss_gradient, loss_sum, raw_predictions
from mnistlr.kernels.stochastic import sgd_epoch, svrg_epoch
from mnistlr.kernels.tiles import TILE

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
