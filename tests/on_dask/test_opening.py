"""Files are opened as Dask arrays whose blocks the workers read."""

import pickle

import dask
import numpy as np
import pytest

from mnistlr import DataFormatError, write_idx
from mnistlr.on_dask import SoftmaxRegression, open_array, open_folder
from mnistlr.on_dask.cluster import ClusterRunner
from mnistlr.on_dask.fitting import objective_in_blocks
from mnistlr.on_dask.loading import delayed_blocks, load
from mnistlr.on_dask.worker import MappedArray, check
from tests.helpers.blocks import MARKS, assert_same_bits, cut, fit_in_blocks

pytestmark = MARKS


@pytest.mark.parametrize("kind", ["npy", "idx", "zarr"])
def test_open_array(tmp_path, digits, kind):
    images = digits.X_train[:1000].reshape(-1, 8, 8)
    path = tmp_path / f"images.{kind}"
    if kind == "npy":
        np.save(path, images)
    elif kind == "idx":
        write_idx(path, images)
    else:
        zarr = pytest.importorskip("zarr")
        zarr.create_array(str(path), shape=images.shape, chunks=(150, 8, 4), dtype=images.dtype)[:] = images
    array = open_array(path, rows=400)
    assert array.chunks == (((400, 400, 200) if kind != "zarr" else (450, 450, 100)), (64,))
    np.testing.assert_array_equal(array.compute(), digits.X_train[:1000], strict=True)
    np.testing.assert_array_equal(array[37:901:3].compute(), digits.X_train[37:901:3])
    assert open_array(path).numblocks == (1, 1)
    if kind != "zarr":
        block = array[50:350].to_delayed()[0, 0].compute()
        mapped = MappedArray.of(block)
        assert mapped.path == str(path)
        np.testing.assert_array_equal(mapped.open(), digits.X_train[50:350])
        assert MappedArray.of(block[:, :5]) is None
        assert MappedArray.of(np.array(block)) is None


def test_open_folder_turns_emnist_upright(tmp_path, small_mnist):
    images = small_mnist.X_train[:50].reshape(-1, 28, 28)
    for subset in ("train", "test"):
        write_idx(tmp_path / f"emnist-digits-{subset}-images-idx3-ubyte", images.transpose(0, 2, 1))
        write_idx(tmp_path / f"emnist-digits-{subset}-labels-idx1-ubyte", small_mnist.y_train[:50].astype(np.uint8))
    X_train, X_test, _, _ = open_folder(tmp_path, rows=20)
    for X in (X_train, X_test):
        np.testing.assert_array_equal(X.compute(scheduler="sync"), small_mnist.X_train[:50])
        assert X.chunks == ((20, 20, 10), (784,))


def test_open_folder(tmp_path, small_mnist):
    pairs = (("train", small_mnist.X_train, small_mnist.y_train), ("t10k", small_mnist.X_test, small_mnist.y_test))
    for part, X, y in pairs:
        write_idx(tmp_path / f"{part}-images-idx3-ubyte", X.reshape(-1, 28, 28))
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", y.astype(np.uint8))
    X_train, X_test, y_train, y_test = open_folder(tmp_path, rows=700)
    assert X_train.chunks[0] == y_train.chunks[0] == (700,) * 5 + (500,)
    for lazy, array in zip((X_train, X_test, y_train, y_test), small_mnist, strict=False):
        np.testing.assert_array_equal(lazy.compute(), array)
    model = SoftmaxRegression(solver="lbfgs", max_iter=2)
    edges = [*range(0, 4000, 700), 4000]
    here = fit_in_blocks(model, cut(small_mnist.X_train, edges), cut(small_mnist.y_train.astype(np.uint8), edges))
    assert_same_bits(here, model.fit(X_train, y_train))
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    write_idx(tmp_path / "train-labels-idx1-ubyte", small_mnist.y_train[1:].astype(np.uint8))
    with pytest.raises(DataFormatError, match="a label for each"):
        open_folder(tmp_path)


def test_only_the_name_of_a_file_goes_to_a_fit(tmp_path, digits):
    """Blocks of files are opened where they are used: what tasks hand on is small."""
    np.save(tmp_path / "X.npy", digits.X_train)
    X = open_array(tmp_path / "X.npy", rows=400)
    blocks = dask.compute(*delayed_blocks(X, digits.y_train).X, scheduler="sync")
    assert all(isinstance(block, MappedArray) for block in blocks)
    in_memory = dask.compute(*delayed_blocks(X * 2, digits.y_train).X, scheduler="sync")
    assert all(isinstance(block, np.ndarray) for block in in_memory)
    keys = {key for key in delayed_blocks(X, digits.y_train).X[0].dask if "mnistlr" in str(key)}
    assert not keys, "reading and naming are one task"


@pytest.mark.parametrize(("n", "rows"), [(1000, 1000), (20_000, 10_699), (1_000_000, 62_500), (8_000_000, 85_598)])
def test_default_blocks_are_a_sixteenth_of_8_to_64_megabytes(tmp_path, n, rows):
    with open(tmp_path / "images.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (n, 784)})
        file.truncate(file.tell() + n * 784)  # takes no place on the disk
    assert open_array(tmp_path / "images.npy").chunksize == (rows, 784)


@pytest.mark.parametrize("held", [True, False])
def test_files_stay_mapped_if_they_take_little_of_a_workers_memory(client, tmp_path, digits, monkeypatch, held):
    X, y = digits.X_train[:1200], digits.y_train[:1200]
    np.save(tmp_path / "X.npy", X)
    parts = delayed_blocks(open_array(tmp_path / "X.npy", rows=400), y)
    runner = ClusterRunner(client, load(client, parts, SoftmaxRegression()))
    objective, _ = objective_in_blocks(SoftmaxRegression(), X, runner)
    limits = client.run(lambda dask_worker: dask_worker.memory_manager.memory_limit)
    a_block = X.nbytes / 3 / min(limits.values())
    monkeypatch.setattr("mnistlr.on_dask.cluster.HELD", a_block * (1.01 if held else 0.99))
    objective.value(np.zeros(objective.n_parameters))
    open_twice = client.map(lambda block: block.open() is block.open(), objective.runner.blocks, pure=False)
    assert client.gather(open_twice) == [held] * 3


def test_a_held_block_travels_as_a_name(tmp_path, digits):
    np.save(tmp_path / "X.npy", digits.X_train)
    block = check(0, np.load(tmp_path / "X.npy", mmap_mode="r"), digits.y_train, None, SoftmaxRegression())
    for held in (True, False):
        block.hold(held)
        assert (block.open() is block.open()) == held
        copied = pickle.loads(pickle.dumps(block))
        assert copied.open() is not copied.open()
        np.testing.assert_array_equal(copied.open(), digits.X_train)


def test_what_cannot_be_opened(tmp_path):
    pytest.importorskip("zarr")
    np.save(tmp_path / "fortran.npy", np.asfortranarray(np.ones((3, 4))))
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    write_idx(tmp_path / "packed.gz", np.ones((3, 4)))
    (tmp_path / "folder").mkdir()
    for name, message in (
        ("fortran.npy", "in Fortran order"),
        ("objects.npy", "expected a .npy file"),
        ("packed.gz", "gzipped"),
        ("folder", "expected a Zarr array"),
    ):
        with pytest.raises(DataFormatError, match=message):
            open_array(tmp_path / name)
