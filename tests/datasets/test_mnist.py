"""MNIST from a folder or the cache; what verify_mnist and mnist_location say. Downloads: test_download.py."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mnistlr import DataFormatError, load_mnist
from mnistlr.datasets import cache_folder, fetch_mnist, mnist_files, mnist_location, verify_mnist
from tests.conftest import TinyMnist
from tests.helpers.local_server import LocalServer


def assert_is(split: tuple[np.ndarray, ...], tiny: TinyMnist) -> None:
    for got, expected in zip(split, tiny.split, strict=True):
        np.testing.assert_array_equal(got, expected)


class TestFolder:
    @pytest.mark.parametrize("packed", [True, False])
    def test_argument(self, tiny_mnist: TinyMnist, tmp_path: Path, packed: bool) -> None:
        folder = tiny_mnist.write_to(tmp_path, packed=packed)
        assert_is(load_mnist(folder), tiny_mnist)
        assert_is(load_mnist(str(folder)), tiny_mnist)

    def test_environment(self, tiny_mnist: TinyMnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MNISTLR_DATA", str(tiny_mnist.write_to(tmp_path)))
        assert_is(load_mnist(), tiny_mnist)

    def test_home_folder(self, tiny_mnist: TinyMnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        tiny_mnist.write_to(tmp_path / "mnist")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("USERPROFILE", str(tmp_path))
        assert_is(load_mnist("~/mnist"), tiny_mnist)

    def test_types(self, tiny_mnist: TinyMnist, tmp_path: Path) -> None:
        for packed in (True, False):
            split = load_mnist(tiny_mnist.write_to(tmp_path / str(packed), packed=packed))
            assert [array.dtype for array in split] == [np.uint8, np.uint8, np.int64, np.int64]
            for array in split:
                assert type(array) is np.ndarray
                assert array.flags.c_contiguous
                assert not array.flags.writeable
                assert array.dtype.isnative

    @pytest.mark.parametrize("packed", [True, False])
    def test_all_in_one(self, tiny_mnist: TinyMnist, tmp_path: Path, packed: bool) -> None:
        X, y = load_mnist(tiny_mnist.write_to(tmp_path, packed=packed), return_all=True)
        X_train, X_test, y_train, y_test = tiny_mnist.split
        np.testing.assert_array_equal(X, np.concatenate([X_train, X_test]))
        np.testing.assert_array_equal(y, np.concatenate([y_train, y_test]))
        assert (X.dtype, y.dtype) == (np.uint8, np.int64)
        assert not X.flags.writeable
        assert not y.flags.writeable

    def test_dotted_names_and_other_data_beside(self, tiny_mnist: TinyMnist, tmp_path: Path) -> None:
        for name, contents in tiny_mnist.raw.items():
            (tmp_path / name.replace("-idx", ".idx")).write_bytes(contents)
            (tmp_path / f"fashion-{name}").write_bytes(b"something else")
        assert_is(load_mnist(tmp_path), tiny_mnist)

    def test_packed_files_beside_unpacked_ones(self, tiny_mnist: TinyMnist, tmp_path: Path) -> None:
        tiny_mnist.write_to(tmp_path, packed=False)
        for name in tiny_mnist.raw:
            (tmp_path / f"{name}.gz").write_bytes(b"not looked at")
        assert_is(load_mnist(tmp_path), tiny_mnist)


class TestWrongFolder:
    """A folder that is given and wrong is an error: neither the cache nor the network is tried."""

    @pytest.fixture(autouse=True)
    def _good_cache_and_network(
        self, internet: LocalServer, tiny_mnist: TinyMnist, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("MNISTLR_CACHE", str(tmp_path / "cache"))
        tiny_mnist.write_to(tmp_path / "cache", packed=False)
        assert_is(load_mnist(), tiny_mnist)

    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(DataFormatError, match=r"^expected a folder .*no-such-folder does not exist"):
            load_mnist(tmp_path / "no-such-folder")

    def test_the_error_names_the_environment_variable(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MNISTLR_DATA", str(tmp_path / "no-such-folder"))
        for use in (load_mnist, fetch_mnist, verify_mnist):
            with pytest.raises(DataFormatError, match=r"MNISTLR_DATA .*no-such-folder does not exist"):
                use()

    def test_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(DataFormatError, match="is no folder"):
            load_mnist(tmp_path / "file")

    def test_empty(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        with pytest.raises(DataFormatError, match="none is there"):
            load_mnist(tmp_path / "empty")

    @pytest.mark.parametrize("packed", [True, False])
    def test_three_of_four(self, tiny_mnist: TinyMnist, tmp_path: Path, packed: bool) -> None:
        folder = tiny_mnist.write_to(tmp_path / "three", packed=packed)
        next(folder.glob("t10k-labels*")).unlink()
        with pytest.raises(DataFormatError, match=r"four IDX files in .*three, but t10k-labels is missing"):
            load_mnist(folder)

    @pytest.mark.parametrize("packed", [True, False])
    @pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
    def test_flipped_bit(self, tiny_mnist: TinyMnist, tmp_path: Path, name: str, packed: bool) -> None:
        damaged = bytearray(tiny_mnist.raw[name])
        damaged[-3] ^= 1
        tiny_mnist.raw[name] = bytes(damaged)
        folder = tiny_mnist.write_to(tmp_path / "flipped", packed=packed)
        with pytest.raises(DataFormatError, match=f"{name}.* is not MNIST's .*expected the SHA-256 .*load_idx_folder"):
            load_mnist(folder)

    @pytest.mark.parametrize("packed", [True, False])
    def test_truncated(self, tiny_mnist: TinyMnist, tmp_path: Path, packed: bool) -> None:
        folder = tiny_mnist.write_to(tmp_path / "cut", packed=packed)
        for file in folder.glob("train-images*"):
            file.write_bytes(file.read_bytes()[:-1000])
        with pytest.raises(DataFormatError, match="train-images"):
            load_mnist(folder)

    def test_mislabelled(self, tiny_mnist: TinyMnist, tmp_path: Path) -> None:
        folder = tiny_mnist.write_to(tmp_path / "swapped", packed=False)
        images, labels = folder / "train-images-idx3-ubyte", folder / "train-labels-idx1-ubyte"
        images.rename(folder / "x")
        labels.rename(images)
        (folder / "x").rename(labels)
        with pytest.raises(
            DataFormatError, match=r"is not MNIST's train-images: expected uint8 of shape \(60, 28, 28\)"
        ):
            load_mnist(folder)

    def test_folder_with_other_data_only(self, tiny_mnist: TinyMnist, tmp_path: Path) -> None:
        folder = tmp_path / "emnist"
        folder.mkdir()
        for name, contents in tiny_mnist.raw.items():
            (folder / f"emnist-letters-{name}").write_bytes(contents)
        with pytest.raises(DataFormatError, match=r"train-images and t10k-images .* are missing"):
            load_mnist(folder)

    def test_nothing_was_fetched(self, internet: LocalServer, tmp_path: Path) -> None:
        with pytest.raises(DataFormatError):
            load_mnist(tmp_path / "no-such-folder")
        assert internet.gets == []


class TestFetchFromFolder:
    @pytest.mark.parametrize("packed", [True, False])
    def test_fills_the_cache(self, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path, packed: bool) -> None:
        folder = tiny_mnist.write_to(tmp_path / "folder", packed=packed)
        cache = tmp_path / "new" / "cache"
        assert fetch_mnist(source_folder=folder, cache_dir=cache) == cache
        assert {file.name: file.read_bytes() for file in cache.iterdir()} == tiny_mnist.raw
        shutil.rmtree(folder)
        assert_is(load_mnist(cache_dir=cache, offline=True), tiny_mnist)
        assert internet.gets == []

    def test_environment_names_the_folder(
        self, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MNISTLR_DATA", str(tiny_mnist.write_to(tmp_path / "folder")))
        fetch_mnist(cache_dir=tmp_path / "cache")
        assert internet.gets == []
        assert all((tmp_path / "cache" / name).is_file() for name in tiny_mnist.raw)

    def test_a_bad_folder_leaves_the_cache_alone(self, tiny_mnist: TinyMnist, tmp_path: Path) -> None:
        folder = tiny_mnist.write_to(tmp_path / "folder")
        (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(b"damaged")
        with pytest.raises(DataFormatError, match="t10k-labels"):
            fetch_mnist(source_folder=folder, cache_dir=tmp_path / "cache")
        assert not (tmp_path / "cache").exists()

    def test_the_folder_is_the_cache(self, tiny_mnist: TinyMnist, tmp_path: Path) -> None:
        cache = tiny_mnist.write_to(tmp_path, packed=False)
        fetch_mnist(source_folder=cache, cache_dir=cache, force=True)
        assert_is(load_mnist(cache_dir=cache, offline=True), tiny_mnist)


class TestVerify:
    @pytest.mark.parametrize("packed", [True, False])
    def test_good_folder(self, tiny_mnist: TinyMnist, tmp_path: Path, packed: bool) -> None:
        folder = tiny_mnist.write_to(tmp_path, packed=packed)
        checks = verify_mnist(folder)
        assert [check.name for check in checks] == list(tiny_mnist.raw)
        for check in checks:
            assert check.ok
            assert check.found == check.expected
            assert check.problem == ""
            assert check.path == folder / (check.name + ".gz" * packed)
            assert check.size == check.path.stat().st_size

    def test_damage_of_all_kinds(self, tiny_mnist: TinyMnist, tmp_path: Path) -> None:
        cache = tiny_mnist.write_to(tmp_path, packed=False)
        names = list(tiny_mnist.raw)
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

    def test_nothing_there(self, tiny_mnist: TinyMnist, tmp_path: Path) -> None:
        assert [check.path for check in verify_mnist(cache_dir=tmp_path / "none")] == [None] * 4


class TestLocation:
    def test_each_kind(self, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path) -> None:
        cache = tmp_path / "cache"
        location = mnist_location(tmp_path, cache_dir=cache)
        assert (location.kind, location.path) == ("folder", tmp_path)
        location = mnist_location(cache_dir=cache)
        assert (location.kind, location.path) == ("download", cache)
        location = mnist_location(cache_dir=cache, offline=True)
        assert (location.kind, location.path) == ("none", None)
        fetch_mnist(cache_dir=cache)
        location = mnist_location(cache_dir=cache, offline=True)
        assert (location.kind, location.path) == ("cache", cache)
        assert str(cache) in location.detail

    def test_environment(self, tiny_mnist: TinyMnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MNISTLR_DATA", str(tmp_path))
        location = mnist_location()
        assert (location.kind, location.path) == ("folder", tmp_path)
        assert "MNISTLR_DATA" in location.detail


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
    code = (
        "import sys, mnistlr.datasets as d, numpy as np\n"
        "d.write_idx(sys.argv[1], np.zeros(3, np.uint8)); d.read_idx(sys.argv[1])\n"
        "heavy = {'sklearn', 'scipy', 'pooch', 'requests', 'pandas', 'numba', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(tmp_path / "a")], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
