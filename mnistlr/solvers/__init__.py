"""One file an algorithm; each minimises an ``Objective`` and reports to a ``Monitor``."""

from mnistlr.solvers.gradient_descent import gradient_descent
from mnistlr.solvers.lbfgs import lbfgs
from mnistlr.solvers.monitor import Monitor, Result
from mnistlr.solvers.newton import newton
from mnistlr.solvers.sgd import SGD, sgd
from mnistlr.solvers.svrg import svrg

__all__ = ["SGD", "Monitor", "Result", "gradient_descent", "lbfgs", "newton", "sgd", "svrg"]
