"""One file an algorithm; each minimises an ``Objective`` and reports to a ``Monitor``."""

from mnistlr.solvers.distinct import FEW, distinct
from mnistlr.solvers.gradient_descent import gradient_descent
from mnistlr.solvers.lbfgs import lbfgs
from mnistlr.solvers.monitor import Monitor, Result
from mnistlr.solvers.newton import newton
from mnistlr.solvers.sgd import SGD, sgd
from mnistlr.solvers.svrg import svrg

__all__ = ["FEW", "SGD", "Monitor", "Result", "distinct", "gradient_descent", "lbfgs", "newton", "sgd", "svrg"]
