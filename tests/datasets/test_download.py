"""The real download code, against a local server that imitates both mirrors and OpenML."""

import gzip
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mnistlr import DataUnavailableError, load_mnist, write_idx
from mnistlr.datasets import download, fetch_mnist, mnist_files, verify_mnist
from tests.conftest import ImageData, TinyMnist
from tests.helpers import local_server
from tests.helpers.loads import assert_cache_is_good_and_clean, assert_is, failing_load
from tests.helpers.local_server import LocalServer, fail_with, openml_site

ALL_FILES = [
    "train-images-idx3-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
]


def test_first_mirror(internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path) -> None:
    assert_is(load_mnist(cache_dir=tmp_path), tiny_mnist)
    assert internet.gets == [f"/first/{file}" for file in ALL_FILES]
    assert_cache_is_good_and_clean(tmp_path, tiny_mnist)


def test_the_second_load_is_a_memory_map(internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path) -> None:
    load_mnist(cache_dir=tmp_path)
    internet.gets.clear()
    X_train, X_test, y_train, y_test = load_mnist(cache_dir=tmp_path)
    assert internet.gets == []
    for X in (X_train, X_test):
        base: object = X
        while not isinstance(base, np.memmap):
            base = base.base  # type: ignore[attr-defined]
        assert base.filename is not None
    assert_is((X_train, X_test, y_train, y_test), tiny_mnist)


FAILURES: dict[str, tuple[local_server.Behaviour, str]] = {
    "500": (fail_with(500), "the server answered 500 Internal Server Error"),
    "404": (fail_with(404), "the server answered 404 Not Found"),
    "403": (fail_with(403), "the server answered 403 Forbidden"),
    "hangs up": (local_server.hang_up, "closed connection without response"),
    "truncated": (local_server.truncate, "more expected"),
    "truncated and not told": (local_server.truncate_untold, "gzip stream, but it is damaged or cut short"),
    "wrong bytes": (local_server.change_a_byte, "expected the SHA-256"),
    "login page": (local_server.login_page, "no IDX file but a web page"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_first_mirror_fails(internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path, failure: str) -> None:
    internet.behaviour["first"] = FAILURES[failure][0]
    assert_is(load_mnist(cache_dir=tmp_path), tiny_mnist)
    assert internet.gets_from("second") == ALL_FILES
    assert internet.gets_from("openml") == []
    assert_cache_is_good_and_clean(tmp_path, tiny_mnist)


@pytest.mark.parametrize("failure", FAILURES)
def test_both_mirrors_fail(internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path, failure: str) -> None:
    internet.behaviour["first"] = internet.behaviour["second"] = FAILURES[failure][0]
    assert_is(load_mnist(cache_dir=tmp_path), tiny_mnist)
    assert "mnist_784.arff" in internet.gets_from("openml")
    assert_cache_is_good_and_clean(tmp_path, tiny_mnist)


@pytest.mark.parametrize("failure", FAILURES)
def test_everything_fails(internet: LocalServer, tmp_path: Path, failure: str) -> None:
    behaviour, message = FAILURES[failure]
    internet.behaviour = {"first": behaviour, "second": behaviour, "openml": fail_with(500)}
    told = failing_load(tmp_path)
    assert "\n" not in told
    remedy, _, tried = told.partition(" Tried ")
    assert "`mnistlr fetch --from FOLDER`" in remedy
    assert "MNISTLR_DATA" in remedy
    assert tried.startswith(f"MNISTLR_DATA: not set; the cache {tmp_path}: MNIST is not in it; {internet.url}/first/")
    mirrors, _, openml = tried.partition(f"{internet.url}/openml/: ")
    assert f"{internet.url}/second/" in mirrors
    assert message in mirrors
    assert "HTTP Error 500" in openml


def test_a_site_has_only_some_of_the_files(internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path) -> None:
    internet.sites["first"] = {name: internet.sites["first"][name] for name in ALL_FILES[1:3]}
    internet.sites["second"] = {name: internet.sites["second"][name] for name in (ALL_FILES[0], ALL_FILES[3])}
    assert_is(load_mnist(cache_dir=tmp_path), tiny_mnist)
    assert internet.gets_from("first") == ALL_FILES
    assert internet.gets_from("second") == [ALL_FILES[0], ALL_FILES[3]]


def test_a_host_that_breaks_down_is_not_asked_for_each_file(internet: LocalServer, tmp_path: Path) -> None:
    internet.behaviour["first"] = local_server.hang_up
    load_mnist(cache_dir=tmp_path)
    assert internet.gets_from("first") == ALL_FILES[:1]


def test_server_that_unpacks_on_the_way(internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path) -> None:
    internet.behaviour["first"] = local_server.unpack_on_the_way
    assert_is(load_mnist(cache_dir=tmp_path), tiny_mnist)
    assert internet.gets_from("second") == []


def test_endless_download_is_cut(
    internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "MAX_BYTES", 1000)  # the labels are smaller, the images larger
    internet.sites["openml"] = {}
    with pytest.raises(DataUnavailableError, match="the server sends more than 1000 bytes"):
        load_mnist(cache_dir=tmp_path)


def test_progress_is_shown_in_a_terminal(
    internet: LocalServer,
    tiny_mnist: TinyMnist,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    load_mnist(cache_dir=tmp_path / "a")
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    load_mnist(cache_dir=tmp_path / "b")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("100%") >= 4
    del internet.sites["first"], internet.sites["second"]
    load_mnist(cache_dir=tmp_path / "c")
    assert "about a minute" in capsys.readouterr().err


class TestOpenML:
    def test_wrong_pixels(self, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path) -> None:
        X_train, X_test, y_train, y_test = tiny_mnist.split
        X, y = np.concatenate([X_train, X_test]).astype(float), np.concatenate([y_train, y_test])
        del internet.sites["first"], internet.sites["second"]
        for wrong, message in (
            (0.5, "integers from 0 to 255"),
            (256, "integers from 0 to 255"),
            (7, "SHA-256"),
        ):
            changed = X.copy()
            changed[3, 5] = wrong
            internet.sites["openml"] = openml_site(changed, y)
            assert message in failing_load(tmp_path)
        internet.sites["openml"] = openml_site(X[:-1], y[:-1])
        assert "expected 70 rows of 784" in failing_load(tmp_path)

    def test_wrong_order(self, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path) -> None:
        X_train, X_test, y_train, y_test = tiny_mnist.split
        del internet.sites["first"], internet.sites["second"]
        internet.sites["openml"] = openml_site(np.concatenate([X_test, X_train]), np.concatenate([y_test, y_train]))
        assert "SHA-256" in failing_load(tmp_path)

    def test_the_default_socket_timeout_is_put_back(
        self, internet: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        del internet.sites["first"], internet.sites["second"]
        seen = []
        set_timeout = socket.setdefaulttimeout
        monkeypatch.setattr(socket, "setdefaulttimeout", lambda t: (seen.append(t), set_timeout(t)))
        load_mnist(cache_dir=tmp_path)
        assert seen == [download.STALL_SECONDS, None]
        assert socket.getdefaulttimeout() is None


class TestCache:
    def test_files_with_wrong_size_are_replaced(
        self, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path
    ) -> None:
        load_mnist(cache_dir=tmp_path)
        internet.gets.clear()
        images, labels = tmp_path / "train-images-idx3-ubyte", tmp_path / "t10k-labels-idx1-ubyte"
        images.write_bytes(images.read_bytes()[:-100])
        labels.unlink()
        assert_is(load_mnist(cache_dir=tmp_path), tiny_mnist)
        assert internet.gets == [f"/first/{ALL_FILES[0]}", f"/first/{ALL_FILES[3]}"]
        assert_cache_is_good_and_clean(tmp_path, tiny_mnist)

    def test_gzipped_files_in_the_cache_are_replaced(
        self, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path
    ) -> None:
        for name, contents in tiny_mnist.raw.items():
            (tmp_path / name).write_bytes(gzip.compress(contents))
        assert not any(check.ok for check in verify_mnist(cache_dir=tmp_path))
        assert_is(load_mnist(cache_dir=tmp_path), tiny_mnist)
        assert_cache_is_good_and_clean(tmp_path, tiny_mnist)

    def test_another_data_set_in_the_cache_is_replaced(
        self, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path
    ) -> None:
        fetch_mnist(cache_dir=tmp_path)
        write_idx(tmp_path / "t10k-images-idx3-ubyte", np.zeros((10, 8, 8), np.uint8))
        with pytest.raises(DataUnavailableError, match=r"t10k-images: expected uint8 of shape \(10, 28, 28\)"):
            load_mnist(cache_dir=tmp_path, offline=True)
        assert_is(load_mnist(cache_dir=tmp_path), tiny_mnist)
        assert_cache_is_good_and_clean(tmp_path, tiny_mnist)

    def test_a_flipped_bit_is_found_by_verify_and_mended_by_fetch(
        self, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path
    ) -> None:
        fetch_mnist(cache_dir=tmp_path)
        file = tmp_path / "t10k-images-idx3-ubyte"
        damaged = bytearray(file.read_bytes())
        damaged[2000] ^= 4
        file.write_bytes(damaged)
        assert [check.ok for check in verify_mnist(cache_dir=tmp_path)] == [True, False, True, True]
        internet.gets.clear()
        assert fetch_mnist(cache_dir=tmp_path) == tmp_path
        assert internet.gets == [f"/first/{ALL_FILES[1]}"]
        assert_cache_is_good_and_clean(tmp_path, tiny_mnist)

    def test_force(self, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path) -> None:
        fetch_mnist(cache_dir=tmp_path)
        internet.gets.clear()
        fetch_mnist(cache_dir=tmp_path)
        assert internet.gets == []
        fetch_mnist(cache_dir=tmp_path, force=True)
        assert internet.gets == [f"/first/{file}" for file in ALL_FILES]

    def test_a_failing_force_keeps_the_good_files(
        self, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path
    ) -> None:
        fetch_mnist(cache_dir=tmp_path)
        internet.behaviour = dict.fromkeys(internet.sites, local_server.change_a_byte)
        internet.behaviour["openml"] = fail_with(500)
        with pytest.raises(DataUnavailableError):
            fetch_mnist(cache_dir=tmp_path, force=True)
        assert_cache_is_good_and_clean(tmp_path, tiny_mnist)

    def test_no_file_has_its_name_before_it_is_whole(
        self, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path
    ) -> None:
        cache = tmp_path / "cache"
        seen: list[int] = []

        def slowly(handler: object, body: bytes) -> None:
            def write(data: bytes) -> None:
                for file in cache.iterdir():
                    assert file.read_bytes() == tiny_mnist.raw[file.name]
                seen.append(len(list(cache.iterdir())))
                out(data)

            out = handler.wfile.write  # type: ignore[attr-defined]
            handler.wfile.write = write  # type: ignore[attr-defined]
            local_server.serve(handler, body)  # type: ignore[arg-type]

        internet.behaviour["first"] = slowly
        load_mnist(cache_dir=cache)
        assert set(seen) == {0, 1, 2, 3}

    def test_cannot_be_written(self, internet: LocalServer, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(DataUnavailableError, match="MNISTLR_CACHE to a folder that can be written"):
            load_mnist(cache_dir=tmp_path / "file" / "cache")
        assert internet.gets == []

    def test_disk_full(self, internet: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(DataUnavailableError, match=r"No space left on device.*MNISTLR_CACHE"):
            load_mnist(cache_dir=tmp_path)
        assert list(tmp_path.iterdir()) == []
        assert len(internet.gets) == 1  # nor is another source asked in vain


LOAD_IN_A_PROCESS = """
import json, sys
from mnistlr.datasets import download, load_mnist, mnist_files
url, cache, files = json.loads(sys.argv[1])
download.MIRRORS, download.OPENML = (url + "/first/", url + "/second/"), url + "/openml/"
for part, (name, shape, sha256) in files.items():
    mnist_files.MNIST_FILES[part] = mnist_files.MnistFile(name, tuple(shape), sha256)
print(sum(int(array.sum()) for array in load_mnist(cache_dir=cache, offline=False)))
"""


def test_concurrent_processes_end_with_one_good_copy(
    internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path
) -> None:
    n_processes = 3
    together = threading.Barrier(n_processes)

    def all_at_once(handler: object, body: bytes) -> None:
        together.wait(30)  # every process has found the cache empty by now
        local_server.serve(handler, body)  # type: ignore[arg-type]

    internet.behaviour["first"] = all_at_once
    argument = json.dumps([internet.url, str(tmp_path), mnist_files.MNIST_FILES])
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", LOAD_IN_A_PROCESS, argument],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(n_processes)
    ]
    printed = [process.communicate(timeout=60)[0] for process in processes]
    assert printed == [f"{sum(int(array.sum()) for array in tiny_mnist.split)}\n"] * n_processes
    assert_cache_is_good_and_clean(tmp_path, tiny_mnist)


@pytest.fixture
def real_site(mnist: ImageData, server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> LocalServer:
    """A server with the original files."""
    if not mnist.is_full:
        pytest.skip("needs the original files: set MNISTLR_DATA")
    folder = Path(os.environ["MNISTLR_DATA"]).expanduser()
    for name in ("MNISTLR_DATA", "MNISTLR_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download, "MIRRORS", (f"{server.url}/first/", f"{server.url}/second/"))
    monkeypatch.setattr(download, "OPENML", f"{server.url}/openml/")
    packed: Callable[[Path], bytes] = lambda file: (  # noqa: E731
        file.read_bytes() if file.suffix == ".gz" else gzip.compress(file.read_bytes(), 1)
    )
    from mnistlr.datasets.folder import find_idx_files

    files = find_idx_files(folder, name="")
    server.sites["second"] = {
        f"{mnist_files.MNIST_FILES[part].file_name}.gz": packed(file) for part, file in files.items()
    }
    return server


def test_the_original_files(real_site: LocalServer, mnist: ImageData, tmp_path: Path) -> None:
    for got, expected in zip(load_mnist(cache_dir=tmp_path), mnist[:4], strict=True):
        np.testing.assert_array_equal(got, expected)
    assert all(check.ok for check in verify_mnist(cache_dir=tmp_path))


@pytest.mark.long
def test_the_original_table_of_openml(
    real_site: LocalServer, imitate_openml: None, mnist: ImageData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for patience in ("PROBE_SECONDS", "STALL_SECONDS"):  # on a busy machine the server, a thread of ours, takes long
        monkeypatch.setattr(download, patience, 300.0)
    X, y = np.concatenate([mnist.X_train, mnist.X_test]), np.concatenate([mnist.y_train, mnist.y_test])
    real_site.sites = {"openml": openml_site(X, y)}
    for got, expected in zip(load_mnist(cache_dir=tmp_path), mnist[:4], strict=True):
        np.testing.assert_array_equal(got, expected)
    assert all(check.ok for check in verify_mnist(cache_dir=tmp_path))
