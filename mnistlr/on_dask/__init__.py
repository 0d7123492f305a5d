"""The same models on Dask: data in blocks on many machines.

``LogisticRegression``, ``SoftmaxRegression`` and ``confusion_matrix`` take Dask arrays and data frames, ``DigitReader``
takes Dask arrays; all take ordinary data as well. ``open_array`` and ``open_folder`` open files as Dask arrays, whose
blocks the workers read.
"""

from mnistlr._support.extras import needed

with needed("Dask", "dask", "mnistlr.on_dask"):
    from mnistlr.on_dask.classifiers import LogisticRegression, SoftmaxRegression
    from mnistlr.on_dask.digit_reader import DigitReader
    from mnistlr.on_dask.loading import open_array, open_folder
    from mnistlr.on_dask.predicting import confusion_matrix

__all__ = ["DigitReader", "LogisticRegression", "SoftmaxRegression", "confusion_matrix", "open_array", "open_folder"]
