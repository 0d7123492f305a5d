"""Compiled loops that all solvers share, and nothing but compiled loops.

Read ``rows`` (how a row is read), ``block`` (raw predictions forth, gradients back), ``losses`` and ``passes``, in
this order; ``lanes`` is the vector type that they are written in, ``records`` what they are given.
Kernels take arrays, scalars and small records; outputs are owned by the caller, and nothing is left to validate.
They release the GIL.
"""
