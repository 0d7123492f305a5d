import gzip
import re
from pathlib import Path

import numpy as np
import pytest

from mnistlr import DataFormatError, load_idx_folder, write_idx
from mnistlr.datasets.mnist_files import MNIST_FILES

MNIST_NAMES = tuple(file.file_name for file in MNIST_FILES.values())
NAMES = {
    "MNIST, Fashion-MNIST": tuple(f"{name}.gz" for name in MNIST_NAMES),
    "unpacked": MNIST_NAMES,
    "dotted": tuple(name.replace("-idx", ".idx") for name in MNIST_NAMES),
    "EMNIST": tuple(f"emnist-letters-{name.replace('t10k', 'test')}.gz" for name in MNIST_NAMES),
    "mixed": (f"{MNIST_NAMES[0]}.gz", *MNIST_NAMES[1:]),
    "test, unpacked": tuple(name.replace("t10k", "test") for name in MNIST_NAMES),
}


def some_data(n_train: int = 12, n_test: int = 5, size: tuple[int, ...] = (4, 3)) -> list[np.ndarray]:
    random = np.random.default_rng(n_train)
    return [
        random.integers(0, 256, (n_train, *size)).astype(np.uint8),
        random.integers(0, 256, (n_test, *size)).astype(np.uint8),
        random.integers(0, 26, n_train).astype(np.uint8),
        random.integers(0, 26, n_test).astype(np.uint8),
    ]


def write(folder: Path, data: list[np.ndarray], names: tuple[str, ...] = MNIST_NAMES) -> None:
    for name, array in zip(names, data, strict=True):
        write_idx(folder / name, array)


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_names_of_all_kinds(tmp_path: Path, names: tuple[str, ...]) -> None:
    data = some_data()
    write(tmp_path, data, names)
    (tmp_path / "readme.txt").write_text("other files do not matter")
    (tmp_path / f"._{names[0]}").write_text("what macOS leaves behind")
    (tmp_path / "train-images").mkdir()
    split = load_idx_folder(tmp_path, transpose=False)
    for got, expected in zip(split, data, strict=True):
        np.testing.assert_array_equal(got, expected.reshape(len(expected), -1) if expected.ndim == 3 else expected)
        assert type(got) is np.ndarray
        assert got.flags.c_contiguous
        assert not got.flags.writeable
    assert [array.dtype for array in split] == [np.uint8, np.uint8, np.int64, np.int64]


def test_emnist_is_turned_upright(tmp_path: Path) -> None:
    """It is recognised by its names; True and False overrule them."""
    data = some_data()
    upright = [images.transpose(0, 2, 1).reshape(len(images), -1) for images in data[:2]]
    as_stored = [images.reshape(len(images), -1) for images in data[:2]]
    for names, by_default in ((NAMES["EMNIST"], upright), (MNIST_NAMES, as_stored)):
        folder = tmp_path / names[0]
        folder.mkdir()
        write(folder, data, names)
        for transpose, expected in ((None, by_default), (True, upright), (False, as_stored)):
            for got, images in zip(load_idx_folder(folder, transpose=transpose)[:2], expected, strict=True):
                np.testing.assert_array_equal(got, images)
                assert got.flags.c_contiguous
                assert not got.flags.writeable


def test_files_in_folders_of_the_same_name(tmp_path: Path) -> None:
    """As some programs unpack them, with or without a dot in the folder's name."""
    data = some_data()
    for k, (name, array) in enumerate(zip(MNIST_NAMES, data, strict=True)):
        folder = tmp_path / (name if k % 2 else name.replace("-idx", ".idx"))
        folder.mkdir()
        write_idx(folder / name, array)
    np.testing.assert_array_equal(load_idx_folder(tmp_path)[2], data[2])


def test_what_is_there_instead_is_named(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    write(raw, some_data())
    with pytest.raises(DataFormatError, match=rf"none is there, but in {re.escape(str(raw))}; give that folder\."):
        load_idx_folder(tmp_path)
    copy = raw / "t10k-labels-idx1-ubyte (1).gz"
    (raw / "t10k-labels-idx1-ubyte").rename(copy)
    with pytest.raises(DataFormatError, match=r"labels is missing; 't10k-labels-idx1-ubyte \(1\).gz' has another name"):
        load_idx_folder(raw)
    copy.rename(raw / "t10k-labels-idx1-ubyte")
    for page in (b"<!DOCTYPE html><html>", b"\n<html>"):
        (raw / "train-images-idx3-ubyte").write_bytes(page)
        with pytest.raises(DataFormatError, match=r"train-images-idx3-ubyte is no IDX file but a web page; get the"):
            load_idx_folder(raw)


def test_the_unpacked_form_is_preferred(tmp_path: Path) -> None:
    data = some_data()
    write(tmp_path, data, NAMES["dotted"])
    for name in NAMES["MNIST, Fashion-MNIST"]:
        (tmp_path / name).write_bytes(b"not looked at")
    np.testing.assert_array_equal(load_idx_folder(tmp_path)[2], data[2])


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32])
def test_labels_of_other_integer_types(tmp_path: Path, dtype: type) -> None:
    X_train, X_test, y_train, y_test = some_data()
    write(tmp_path, [X_train, X_test, (y_train - 13).astype(dtype), y_test.astype(dtype)])
    _, _, labels, _ = load_idx_folder(tmp_path)
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(labels, (y_train - 13).astype(dtype))


def test_several_data_sets_in_one_folder(tmp_path: Path) -> None:
    plain, letters = some_data(12), some_data(9)
    write(tmp_path, plain)
    write(tmp_path, letters, NAMES["EMNIST"])
    with pytest.raises(DataFormatError, match=r"several data sets; .*one of '', 'emnist-letters'"):
        load_idx_folder(tmp_path)
    assert len(load_idx_folder(tmp_path, name="")[0]) == 12
    assert len(load_idx_folder(tmp_path, name="emnist-letters")[0]) == 9
    assert len(load_idx_folder(tmp_path / "emnist-letters")[0]) == 9
    with pytest.raises(DataFormatError, match=r"four IDX files of 'emnist-digits'.*it holds '', 'emnist-letters'"):
        load_idx_folder(tmp_path, name="emnist-digits")


X_TRAIN, X_TEST, Y_TRAIN, Y_TEST = some_data()
UNFIT = {  # which file holds what instead, and what is said of it
    "fewer labels": (2, Y_TRAIN[:-1], r"12 images and .*train-labels-idx1-ubyte 11 labels"),
    "fewer images": (1, X_TEST[:-1], r"4 images and .*t10k-labels-idx1-ubyte 5 labels"),
    "as many pixels, another shape": (1, X_TEST.transpose(0, 2, 1), r"images of one size.*\(4, 3\).*\(3, 4\)"),
    "labels for images": (0, Y_TRAIN, r"train-images-idx3-ubyte: expected uint8 images"),
    "images for labels": (2, X_TRAIN, r"train-labels-idx1-ubyte: expected integer labels"),
    "images of floats": (0, X_TRAIN.astype(np.float32), r"expected uint8 images.*holds float32"),
    "labels of floats": (2, Y_TRAIN.astype(np.float32), r"expected integer labels.*holds float32"),
    "no images": (0, X_TRAIN[:0], r"train-images.* of shape \(0, 4, 3\)"),
}


@pytest.mark.parametrize(("position", "array", "message"), UNFIT.values(), ids=UNFIT)
def test_a_file_that_does_not_fit_is_named(tmp_path: Path, position: int, array: np.ndarray, message: str) -> None:
    write(tmp_path, some_data())
    write_idx(tmp_path / MNIST_NAMES[position], array)
    with pytest.raises(DataFormatError, match=message):
        load_idx_folder(tmp_path)


@pytest.mark.parametrize("name", NAMES["EMNIST"])
def test_a_file_that_is_missing_or_damaged_is_named(tmp_path: Path, name: str) -> None:
    write(tmp_path, some_data(), NAMES["EMNIST"])
    (tmp_path / name).write_bytes(gzip.compress(b"\0\0\x08\x03"))
    with pytest.raises(DataFormatError, match=name):
        load_idx_folder(tmp_path)
    (tmp_path / name).unlink()
    part = name.removeprefix("emnist-letters-").replace("test", "t10k").rpartition("-idx")[0]
    with pytest.raises(DataFormatError, match=f"{part} is missing"):
        load_idx_folder(tmp_path)


def test_no_folder_and_no_files(tmp_path: Path) -> None:
    with pytest.raises(DataFormatError, match="nowhere does not exist"):
        load_idx_folder(tmp_path / "nowhere")
    with pytest.raises(DataFormatError, match="none is there"):
        load_idx_folder(tmp_path)
