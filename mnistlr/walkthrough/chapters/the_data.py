"""Chapter 1: what the images look like."""

from textwrap import dedent

import numpy as np

from mnistlr.walkthrough.exhibit import About, Block, Chapter, Exhibit, Names, Seen, Table, percent, prose

EQUATIONS = (
    (
        "x = stored number / 255",
        "What the model sees of a pixel: 0 is blank paper, 1 is full ink.",
    ),
    (
        "average picture of a digit = (sum of all its pictures, pixel by pixel) / number of its pictures",
        "Where nearly all writers leave ink, the average is dark.",
    ),
)
_LOADERS = {"mnist": "load_mnist", "digits": "load_digits", "mnist_5k": "load_mnist_5k"}


def imports(about: About) -> str:
    """Return the imports that all code of the walk-through needs."""
    split = "split_mnist" if about.name == "mnist" else "stratified_split"
    return f"""\
import warnings
from itertools import pairwise

import numpy as np
from sklearn.linear_model import SGDClassifier

from mnistlr import ClassificationSummary, LogisticRegression, SoftmaxRegression
from mnistlr.datasets import {_LOADERS[about.name]}, shuffle, {split}, stratified_folds
from mnistlr.features import Deskew, DigitReader, EdgeFeatures
from mnistlr.metrics import auc, average_precision, precision_recall_curve, roc_curve
from mnistlr.objective import Objective
from mnistlr.plots import (
    ErrorGalleryDisplay, plot_accuracies, plot_answers, plot_class_balance,
    plot_confusion_matrix, plot_digits, plot_folds, plot_learning_curves,
    plot_mean_images, plot_most_confused, plot_precision_recall, plot_reliability,
    plot_roc, plot_score_distributions, plot_thresholds, plot_weights,
)
from mnistlr.solvers import SGD
from mnistlr.trace import trace_fit"""


def chapter(about: About) -> Chapter:
    """Return the chapter."""
    arguments, split = "", f"stratified_split(X, y, test_size={about.n_test}, random_state=0)"
    if about.name == "mnist":
        arguments, split = "return_all=True", "split_mnist(X, y)"
        if about.folder is not None:
            arguments = f"{about.folder!r}, {arguments}"
    return Chapter(
        "data",
        "The data",
        prose(f"""
            The material is {about.n_train + about.n_test:,} pictures of digits that people wrote by hand. Each comes
            with a label: the digit that the writer meant. To a program, a picture is just a row of numbers, one for
            each pixel: 0 is blank paper, 255 is full ink. The program learns from {about.n_train:,} of the pictures,
            the training set. The other {about.n_test:,} are the test set: they are put aside, to see how well the
            program does on writing that it has never seen.
        """),
        [
            Exhibit(
                "load",
                "Pictures and labels",
                f"X, y = {_LOADERS[about.name]}({arguments})",
                "",
                "X holds the pictures, a row for each and a column for each pixel. y holds their labels.",
                _look_at_numbers,
                _count,
            ),
            Exhibit(
                "example",
                f"Image {about.example}",
                f"picture, label = X[{about.example}], y[{about.example}]",
                "plot_digits([picture], [label]).figure",
                prose("""
                    One picture from close by, with its label. These grey squares, the pixels, are all that the program
                    gets to see. It knows nothing of strokes or loops.
                """),
                lambda names: _look_at_example(names, about.example),
                _print_example,
            ),
            Exhibit(
                "split",
                "Training set and test set",
                dedent(f"""\
                    parts = {split}
                    X_train, X_test, y_train, y_test = parts
                    X_train, y_train = shuffle(X_train, y_train, random_state={about.seed})"""),
                "",
                prose("""
                    The test set is put aside. The training set is shuffled, so that no part of it holds only the
                    digits of a few writers.
                """),
                _look_at_split,
                _print_split,
            ),
            Exhibit(
                "grid",
                "A hundred of them",
                "",
                "plot_digits(X_train[:100]).figure",
                "The first hundred pictures of the training set, after shuffling.",
                _look_at_grid,
            ),
            Exhibit(
                "balance",
                "How many there are of each digit",
                "",
                "plot_class_balance(y_train, y_test).figure",
                prose("""
                    The height of a bar is the share of one digit, in the training set and in the test set. If all ten
                    digits were equally frequent, every bar would end at the dashed line.
                """),
                _look_at_balance,
            ),
            Exhibit(
                "means",
                "The average picture of each digit",
                "",
                "plot_mean_images(X_train, y_train, n_columns=5).figure",
                prose("""
                    All training pictures of one digit, laid on top of each other: the more writers left ink on a
                    pixel, the stronger it shows.
                """),
                lambda _: Seen(
                    prose("""
                        Every average can still be read, so pictures of the same digit do have pixels in common. Where
                        an average is sharp, people agree on how to write the digit; where it is blurred, they do not.
                    """),
                    ("The mean image of each digit from 0 to 9: blurred, but every digit can be recognised.",),
                ),
            ),
        ],
        EQUATIONS,
    )


def _look_at_numbers(names: Names) -> Seen:
    X, side = names["X"], _side(names["X"][0])
    return Seen(f"There are {len(X):,} rows of {side} x {side} = {X.shape[1]} pixels, from {X.min()} to {X.max()}.", ())


def _count(names: Names) -> list[Block]:
    X, side, counts = names["X"], _side(names["X"][0]), np.bincount(names["y"], minlength=10)
    return [
        f"X has shape ({len(X):,}, {X.shape[1]}): {side} x {side} pixels an image, from {X.min()} to {X.max()} "
        f"({X.dtype}).",
        Table(("digit", *map(str, range(10))), [("images", *(f"{count:,}" for count in counts))]),
    ]


def _print_example(names: Names) -> list[Block]:
    side = _side(names["picture"])
    return [names["picture"].reshape(side, side), f"Its label: {names['label']}"]


def _look_at_split(names: Names) -> Seen:
    first = ", ".join(map(str, names["y_train"][:10]))
    return Seen(f"After shuffling, the training set begins with these labels: {first}.", ())


def _print_split(names: Names) -> list[Block]:
    y_train, y_test = names["y_train"], names["y_test"]
    first = " ".join(map(str, y_train[:10]))
    return [
        f"{len(y_train):,} images to train on, {len(y_test):,} to test on; the labels are integers ({y_train.dtype}).",
        f"The first ten training labels, shuffled: {first}",
    ]


def _look_at_grid(names: Names) -> Seen:
    first = ", ".join(map(str, names["y_train"][:10]))
    return Seen(
        prose(f"""
            No two people write alike: strokes are thick or thin, upright or slanted, loops closed or open. No simple
            rule fits them all, which is why the program has to learn from examples. Only
            {percent(np.mean(names["X_train"] > 0), 0)} of the pixels have any ink; all others are blank paper.
        """),
        (f"A hundred handwritten digits in ten rows of ten; the first row reads {first}.",),
    )


def _look_at_balance(names: Names) -> Seen:
    counts = np.bincount(names["y_train"], minlength=10)
    most, least = int(counts.argmax()), int(counts.argmin())
    each = ", ".join(f"{count:,} of {digit}" for digit, count in enumerate(counts))
    return Seen(
        prose(f"""
            The digits are about equally frequent: the training set has between {counts[least]:,} (of the {least}) and
            {counts[most]:,} (of the {most}). Keep {percent(counts[most] / counts.sum())} in mind. That is how often one
            would be right by always answering “{most}” without looking, and it is what any program has to beat.
        """),
        (f"Bar chart of the share of each digit, all near 10 %. Training pictures: {each}.",),
    )


def _look_at_example(names: Names, index: int) -> Seen:
    picture, label, side = names["picture"], names["label"], _side(names["picture"])
    return Seen(
        prose(f"""
            This {label} consists of {len(picture)} numbers, in {side} rows of {side}; {np.count_nonzero(picture)} of
            them are not zero. We will meet it again in the next chapter.
        """),
        (f"Image {index}, enlarged until its pixels can be counted: a handwritten {label}.",),
    )


def _side(picture: np.ndarray) -> int:
    return int(len(picture) ** 0.5)
