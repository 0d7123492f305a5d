"""Compiled loops that solvers and metrics share, and how they are compiled.

Read ``rows`` (how a row is read), ``block`` (raw predictions forth, gradients back), ``losses`` and ``passes``, in
this order. ``lanes`` is the vector type that they are written in, ``records`` what they are given. ``counting`` fills
confusion matrices, ``linear_algebra`` has what preconditioners need, ``compiling`` keeps code for the next process.
Kernels take arrays, scalars and small records; outputs are owned by the caller, and nothing is left to validate.
They release the GIL.
"""
