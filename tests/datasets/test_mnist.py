"""MNIST from a folder or the cache; what verify_mnist and mnist_location say; facts. Downloads: test_download.py."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mnistlr import DataFormatError, load_mnist, load_mnist_5k, split_mnist
from mnistlr.datasets import cache_folder, fetch_mnist, mnist_files, mnist_location, verify_mnist
from tests.conftest import ImageData, TinyMnist
from tests.helpers.command_runs import modules_after
from tests.helpers.loads import assert_cache_is_good_and_clean, assert_is
from tests.helpers.local_server import LocalServer


@pytest.mark.parametrize("packed", [True, False])
def test_the_arrays_of_a_folder_are_plain_and_read_only(tiny_mnist: TinyMnist, tmp_path: Path, packed: bool) -> None:
    folder = tiny_mnist.write_to(tmp_path, packed=packed)
    split = load_mnist(str(folder))
    assert_is(split, tiny_mnist)
    X, y = load_mnist(folder, return_all=True)
    np.testing.assert_array_equal(X, np.concatenate(tiny_mnist.split[:2]))
    np.testing.assert_array_equal(y, np.concatenate(tiny_mnist.split[2:]))
    arrays = (*split, X, y)
    assert [array.dtype for array in arrays] == [np.uint8, np.uint8, np.int64, np.int64, np.uint8, np.int64]
    for array in arrays:
        assert type(array) is np.ndarray
        assert array.flags.c_contiguous
        assert not array.flags.writeable
        assert array.dtype.isnative


def test_a_folder_in_the_environment_and_at_home(
    tiny_mnist: TinyMnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_mnist.write_to(tmp_path / "mnist")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert_is(load_mnist("~/mnist"), tiny_mnist)
    for named in ("~/mnist", str(tmp_path / "mnist")):
        monkeypatch.setenv("MNISTLR_DATA", named)
        assert_is(load_mnist(), tiny_mnist)


def test_dotted_names_and_other_data_beside(tiny_mnist: TinyMnist, tmp_path: Path) -> None:
    for name, contents in tiny_mnist.raw.items():
        (tmp_path / name.replace("-idx", ".idx")).write_bytes(contents)
        (tmp_path / f"fashion-{name}").write_bytes(b"something else")
    assert_is(load_mnist(tmp_path), tiny_mnist)


class TestWrongFolder:
    """A folder that is given and wrong is an error: neither the cache nor the network is tried."""

    @pytest.fixture(autouse=True)
    def _good_cache_and_network(
        self, internet: LocalServer, tiny_mnist: TinyMnist, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> Iterator[None]:
        monkeypatch.setenv("MNISTLR_CACHE", str(tmp_path / "cache"))
        tiny_mnist.write_to(tmp_path / "cache", packed=False)
        assert_is(load_mnist(), tiny_mnist)
        yield
        assert internet.gets == []

    def test_no_folder_and_an_empty_one(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "file").touch()
        (tmp_path / "empty").mkdir()
        for name, message in (("none", "none does not exist"), ("file", "is no folder"), ("empty", "none is there")):
            with pytest.raises(DataFormatError, match=f"^expected .*{message}"):
                load_mnist(tmp_path / name)
        monkeypatch.setenv("MNISTLR_DATA", str(tmp_path / "none"))
        for use in (load_mnist, fetch_mnist, verify_mnist):
            with pytest.raises(DataFormatError, match=r"MNISTLR_DATA .*none does not exist"):
                use()

    @pytest.mark.parametrize("packed", [True, False])
    @pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
    def test_a_file_that_is_damaged_missing_or_another(
        self, tiny_mnist: TinyMnist, tmp_path: Path, name: str, packed: bool
    ) -> None:
        good, part = tiny_mnist.raw[name], name.rpartition("-idx")[0]
        for contents, message in (
            (good[:-3] + bytes([good[-3] ^ 1]) + good[-2:], rf"{name}.* is not MNIST's {part}: expected the SHA-256 "),
            (good[:-5], name),
            (tiny_mnist.raw["train-labels-idx1-ubyte"], rf"{part}: expected uint8 of shape .*load_idx_folder"),
        ):
            tiny_mnist.raw[name] = contents
            with pytest.raises(DataFormatError, match=message):
                load_mnist(tiny_mnist.write_to(tmp_path / "given", packed=packed))
        del tiny_mnist.raw[name]
        with pytest.raises(DataFormatError, match=rf"four IDX files in .*three, but {part} is missing"):
            load_mnist(tiny_mnist.write_to(tmp_path / "three", packed=packed))

    def test_folder_with_other_data_only(self, tiny_mnist: TinyMnist, tmp_path: Path) -> None:
        folder = tmp_path / "emnist"
        folder.mkdir()
        for name, contents in tiny_mnist.raw.items():
            (folder / f"emnist-letters-{name}").write_bytes(contents)
        with pytest.raises(DataFormatError, match=r"train-images and t10k-images .* are missing"):
            load_mnist(folder)


@pytest.mark.parametrize("packed", [True, False])
def test_fetch_fills_the_cache_from_a_folder(
    internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    folder = tiny_mnist.write_to(tmp_path / "folder", packed=packed)
    cache = tmp_path / "new" / "cache"
    assert fetch_mnist(source_folder=folder, cache_dir=cache) == cache
    assert_cache_is_good_and_clean(cache, tiny_mnist)
    monkeypatch.setenv("MNISTLR_DATA", str(folder))
    assert_cache_is_good_and_clean(fetch_mnist(cache_dir=tmp_path / "another"), tiny_mnist)
    monkeypatch.delenv("MNISTLR_DATA")
    shutil.rmtree(folder)
    assert_is(load_mnist(cache_dir=cache, offline=True), tiny_mnist)
    assert internet.gets == []


def test_a_bad_folder_leaves_the_cache_alone(tiny_mnist: TinyMnist, tmp_path: Path) -> None:
    folder = tiny_mnist.write_to(tmp_path / "folder")
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(b"damaged")
    with pytest.raises(DataFormatError, match="t10k-labels"):
        fetch_mnist(source_folder=folder, cache_dir=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_the_folder_to_fetch_from_is_the_cache(tiny_mnist: TinyMnist, tmp_path: Path) -> None:
    cache = tiny_mnist.write_to(tmp_path, packed=False)
    fetch_mnist(source_folder=cache, cache_dir=cache, force=True)
    assert_is(load_mnist(cache_dir=cache, offline=True), tiny_mnist)


@pytest.mark.parametrize("packed", [True, False])
def test_verify_finds_damage_of_all_kinds(tiny_mnist: TinyMnist, tmp_path: Path, packed: bool) -> None:
    folder = tiny_mnist.write_to(tmp_path / "folder", packed=packed)
    checks = verify_mnist(folder)
    assert [check.name for check in checks] == list(tiny_mnist.raw)
    for check in checks:
        assert (check.ok, check.found, check.problem) == (True, check.expected, "")
        assert check.path == folder / (check.name + ".gz" * packed)
        assert check.size == check.path.stat().st_size

    cache, names = tiny_mnist.write_to(tmp_path / "cache", packed=False), list(tiny_mnist.raw)
    flipped = bytearray(tiny_mnist.raw[names[0]])
    flipped[500] ^= 1
    (cache / names[0]).write_bytes(flipped)
    (cache / names[1]).write_bytes(tiny_mnist.raw[names[1]][:-1])
    (cache / names[2]).unlink()
    first, second, third, fourth = verify_mnist(cache_dir=cache)
    assert not first.ok
    assert first.found not in (None, first.expected)
    assert "expected the SHA-256" in first.problem
    assert (second.ok, second.found) == (False, None)
    assert "truncated" in second.problem
    assert (third.ok, third.found, third.path, third.size) == (False, None, None, 0)
    assert "missing" in third.problem
    assert fourth.ok


def test_the_location_is_told_of_each_kind(
    internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    assert mnist_location(tmp_path, cache_dir=cache)[:2] == ("folder", tmp_path)
    assert mnist_location(cache_dir=cache)[:2] == ("download", cache)
    assert mnist_location(cache_dir=cache, offline=True)[:2] == ("none", None)
    fetch_mnist(cache_dir=cache)
    assert mnist_location(cache_dir=cache, offline=True) == ("cache", cache, f"the cache {cache}")
    monkeypatch.setenv("MNISTLR_DATA", str(tmp_path))
    assert mnist_location() == ("folder", tmp_path, f"the folder {tmp_path}, given by MNISTLR_DATA")


def test_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pooch

    monkeypatch.setenv("MNISTLR_CACHE", str(tmp_path / "a"))
    assert cache_folder() == tmp_path / "a"
    assert cache_folder(tmp_path / "b") == tmp_path / "b"
    monkeypatch.delenv("MNISTLR_CACHE")
    assert cache_folder() == Path(pooch.os_cache("mnistlr"))


def test_checksums() -> None:
    """The published ones: the package must not accept anything else as MNIST."""
    assert {file.file_name: file.sha256 for file in mnist_files.MNIST_FILES.values()} == {
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    }


def test_importing_and_reading_is_light(tmp_path: Path) -> None:
    code = "from mnistlr.datasets import read_idx, write_idx; write_idx(sys.argv[1], [1.0]); read_idx(sys.argv[1])"
    heavy = {"sklearn", "scipy", "pooch", "requests", "pandas", "numba", "matplotlib"}
    assert not heavy & modules_after(code, tmp_path / "a")


# --- the original files ------------------------------------------------------------------------------------

TRAIN_COUNTS = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
TEST_COUNTS = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@pytest.fixture
def full(mnist: ImageData) -> ImageData:
    if not mnist.is_full:
        pytest.skip("needs all of MNIST: set MNISTLR_DATA")
    return mnist


def test_shapes_values_and_labels(full: ImageData) -> None:
    for X, y, n_images, counts, first in (
        (full.X_train, full.y_train, 60_000, TRAIN_COUNTS, [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]),
        (full.X_test, full.y_test, 10_000, TEST_COUNTS, [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]),
    ):
        assert X.shape == (n_images, 784)
        assert (X.min(), X.max()) == (0, 255)
        assert np.bincount(y).tolist() == counts
        assert y[:10].tolist() == first
    # The constants with which MNIST is commonly standardised.
    assert full.X_train.mean() / 255 == pytest.approx(0.1307, abs=5e-5)
    assert full.X_train.std() / 255 == pytest.approx(0.3081, abs=5e-5)


def test_order_of_all_70_000(full: ImageData) -> None:
    X, y = load_mnist(return_all=True)
    for got, expected in zip(split_mnist(X, y), full[:4], strict=True):
        np.testing.assert_array_equal(got, expected)
    assert y[36001] == 2
    assert X[36001].any()


def test_the_5000_images_are_part_of_the_training_set(full: ImageData) -> None:
    X, y = load_mnist_5k()
    label_of = {row.tobytes(): label for row, label in zip(full.X_train, full.y_train.tolist(), strict=True)}
    assert [label_of[row.tobytes()] for row in X] == y.tolist()
