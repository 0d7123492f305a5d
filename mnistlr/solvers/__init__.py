"""One algorithm a file: its equation, its step, and the generator that drives it.

A solver is a generator of iterates. It can be stepped through by hand::

    for iterate in lbfgs(Objective.from_labels(X, y, alpha=1e-4)):
        print(iterate.iteration, iterate.value, iterate.gradient_norm)
        if iterate.gradient_norm < 1e-4:
            break

Estimators let ``mnistlr.training`` do that.
"""

from mnistlr.solvers.gradient_descent import gradient_descent
from mnistlr.solvers.iterate import Iterate
from mnistlr.solvers.lbfgs import lbfgs
from mnistlr.solvers.newton import newton
from mnistlr.solvers.sgd import SGD, sgd
from mnistlr.solvers.svrg import svrg

__all__ = ["SGD", "Iterate", "gradient_descent", "lbfgs", "newton", "sgd", "svrg"]
