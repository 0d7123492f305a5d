"""The real download code, against a local server that imitates both mirrors and OpenML."""

import gzip
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mnistlr import DataUnavailableError, load_mnist
from mnistlr.datasets import download, fetch_mnist, mnist_files, verify_mnist
from tests.conftest import ImageData, TinyMnist
from tests.helpers import fetching, local_server
from tests.helpers.fetching import Task
from tests.helpers.loads import assert_cache_is_good_and_clean, assert_is, expected_sum, failing_load
from tests.helpers.local_server import LocalServer, change_a_byte, fail_with, openml_site

ALL_FILES = [f"{file.file_name}.gz" for file in mnist_files.MNIST_FILES.values()]


def test_the_first_mirror_fills_the_cache_which_is_then_mapped(
    internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path
) -> None:
    assert_is(load_mnist(cache_dir=tmp_path), tiny_mnist)
    assert internet.gets == [f"/first/{file}" for file in ALL_FILES]
    assert_cache_is_good_and_clean(tmp_path, tiny_mnist)
    split = load_mnist(cache_dir=tmp_path)
    assert_is(split, tiny_mnist)
    assert len(internet.gets) == 4
    for X in split[:2]:
        base: object = X
        while not isinstance(base, np.memmap):
            base = base.base  # type: ignore[attr-defined]
        assert base.filename is not None


FAILURES: dict[str, tuple[local_server.Behaviour, str]] = {
    "500": (fail_with(500), "the server answered 500 Internal Server Error"),
    "404": (fail_with(404), "the server answered 404 Not Found"),
    "403": (fail_with(403), "the server answered 403 Forbidden"),
    "hangs up": (local_server.hang_up, "closed connection without response"),
    "truncated": (local_server.truncate, "more expected"),
    "truncated and not told": (local_server.truncate_untold, "gzip stream, but it is damaged or cut short"),
    "wrong bytes": (change_a_byte, "expected the SHA-256"),
    "login page": (local_server.login_page, "no IDX file but a web page"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_where_mirrors_fail_others_help_or_it_is_told(
    internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path, failure: str
) -> None:
    behaviour, message = FAILURES[failure]
    internet.behaviour["first"] = behaviour
    assert_is(load_mnist(cache_dir=tmp_path / "second"), tiny_mnist)
    has_broken_down = failure == "hangs up"  # then it is not asked for each file
    assert internet.gets_from("first") == ALL_FILES[: 1 if has_broken_down else 4]
    assert internet.gets_from("second") == ALL_FILES
    assert internet.gets_from("openml") == []
    internet.behaviour["second"] = behaviour
    assert_is(load_mnist(cache_dir=tmp_path / "openml"), tiny_mnist)
    assert "mnist_784.arff" in internet.gets_from("openml")
    for cache in tmp_path.iterdir():
        assert_cache_is_good_and_clean(cache, tiny_mnist)

    internet.behaviour["openml"] = fail_with(500)
    cache = tmp_path / "none"
    told = failing_load(cache)
    assert "\n" not in told
    remedy, _, tried = told.partition(" Tried ")
    assert "`mnistlr fetch --from FOLDER`" in remedy
    assert "MNISTLR_DATA" in remedy
    assert tried.startswith(f"MNISTLR_DATA: not set; the cache {cache}: MNIST is not in it; {internet.url}/first/")
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


def test_server_that_unpacks_on_the_way(internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path) -> None:
    internet.behaviour["first"] = local_server.unpack_on_the_way
    assert_is(load_mnist(cache_dir=tmp_path), tiny_mnist)
    assert internet.gets_from("second") == []


def test_endless_download_is_cut(internet: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "MAX_BYTES", 1000)  # the labels are smaller, the images larger
    internet.sites["openml"] = {}
    with pytest.raises(DataUnavailableError, match="the server sends more than 1000 bytes"):
        load_mnist(cache_dir=tmp_path)


def test_progress_is_shown_in_a_terminal(
    internet: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
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
    @pytest.fixture(autouse=True)
    def _no_mirrors(self, internet: LocalServer) -> None:
        del internet.sites["first"], internet.sites["second"]

    def test_a_wrong_table_is_refused(self, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path) -> None:
        X, y = np.concatenate(tiny_mnist.split[:2]).astype(float), np.concatenate(tiny_mnist.split[2:])
        changed = {}
        for wrong in (0.5, 256, 7):
            changed[wrong] = X.copy()
            changed[wrong][3, 5] = wrong
        for table, message in (
            ((changed[0.5], y), "integers from 0 to 255"),
            ((changed[256], y), "integers from 0 to 255"),
            ((changed[7], y), "SHA-256"),
            ((X[:-1], y[:-1]), "expected 70 rows of 784"),
            ((np.roll(X, 10, axis=0), np.roll(y, 10)), "SHA-256"),  # the test images come first
        ):
            internet.sites["openml"] = openml_site(*table)
            assert message in failing_load(tmp_path)

    def test_the_default_socket_timeout_is_put_back(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        seen = []
        set_timeout = socket.setdefaulttimeout
        monkeypatch.setattr(socket, "setdefaulttimeout", lambda t: (seen.append(t), set_timeout(t)))
        load_mnist(cache_dir=tmp_path)
        assert seen == [download.STALL_SECONDS, None]
        assert socket.getdefaulttimeout() is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda contents: contents[:-100], "truncated"),
        (gzip.compress, "is gzipped"),
        (
            lambda contents: contents[:7] + b"\x05" + contents[8 : 16 + 5 * 784],
            "t10k-images: expected uint8 of shape",
        ),
    ],
    ids=["cut short", "gzipped", "another data set"],
)
def test_a_bad_file_in_the_cache_is_told_and_replaced(
    internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path, change: Callable[[bytes], bytes], message: str
) -> None:
    file = fetch_mnist(cache_dir=tmp_path) / "t10k-images-idx3-ubyte"
    file.write_bytes(change(file.read_bytes()))
    internet.gets.clear()
    with pytest.raises(DataUnavailableError) as caught:
        load_mnist(cache_dir=tmp_path, offline=True)
    told = str(caught.value)
    assert re.search(f"damaged, to be mended by `mnistlr fetch` where there is a network .*{message}", told)
    assert "\n" not in told
    assert_is(load_mnist(cache_dir=tmp_path), tiny_mnist)
    assert internet.gets == [f"/first/{ALL_FILES[1]}"]
    assert_cache_is_good_and_clean(tmp_path, tiny_mnist)


def test_a_flipped_bit_is_found_by_verify_and_mended_by_fetch(
    internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path
) -> None:
    fetch_mnist(cache_dir=tmp_path)
    file = tmp_path / "t10k-images-idx3-ubyte"
    damaged = bytearray(file.read_bytes())
    damaged[2000] ^= 4
    file.write_bytes(damaged)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    assert [check.ok for check in verify_mnist(cache_dir=tmp_path)] == [True, False, True, False]
    internet.gets.clear()
    assert fetch_mnist(cache_dir=tmp_path) == tmp_path
    assert internet.gets == [f"/first/{ALL_FILES[1]}", f"/first/{ALL_FILES[3]}"]
    assert_cache_is_good_and_clean(tmp_path, tiny_mnist)


def test_force_replaces_good_files_and_keeps_them_where_that_fails(
    internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path
) -> None:
    for force, expected in ((False, ALL_FILES), (False, []), (True, ALL_FILES)):
        internet.gets.clear()
        fetch_mnist(cache_dir=tmp_path, force=force)
        assert internet.gets == [f"/first/{file}" for file in expected]
    internet.behaviour = {"first": change_a_byte, "second": change_a_byte, "openml": fail_with(500)}
    with pytest.raises(DataUnavailableError):
        fetch_mnist(cache_dir=tmp_path, force=True)
    assert_cache_is_good_and_clean(tmp_path, tiny_mnist)


def test_no_file_has_its_name_before_it_is_whole(internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path) -> None:
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


def test_a_cache_that_cannot_be_written_is_told_before_the_download(internet: LocalServer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataUnavailableError, match="MNISTLR_CACHE to a folder that can be written"):
        load_mnist(cache_dir=tmp_path / "file" / "cache")
    assert internet.gets == []


def test_a_full_disk_is_told_and_no_other_source_asked(
    internet: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataUnavailableError, match=r"No space left on device.*MNISTLR_CACHE"):
        load_mnist(cache_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert len(internet.gets) == 1  # nor is another source asked in vain


def test_concurrent_processes_end_with_one_good_copy(
    internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path
) -> None:
    n_processes = 3
    together = threading.Barrier(n_processes)

    def all_at_once(handler: object, body: bytes) -> None:
        together.wait(30)  # every process has found the cache empty by now
        local_server.serve(handler, body)  # type: ignore[arg-type]

    internet.behaviour["first"] = all_at_once
    task = Task([f"{internet.url}/first/"], str(tmp_path), dict(mnist_files.MNIST_FILES))
    command = [sys.executable, "-W", "error", fetching.__file__, task.argument]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(n_processes)]
    printed = [process.communicate(timeout=60)[0] for process in processes]
    assert printed == [f"{expected_sum(tiny_mnist)}\n"] * n_processes
    assert_cache_is_good_and_clean(tmp_path, tiny_mnist)


@pytest.fixture
def real_site(mnist: ImageData, server: LocalServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> LocalServer:
    """A server with the original files."""
    if not mnist.is_full:
        pytest.skip("needs the original files: set MNISTLR_DATA")
    originals = fetch_mnist(cache_dir=tmp_path / "originals")
    for name in ("MNISTLR_DATA", "MNISTLR_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download, "MIRRORS", (f"{server.url}/first/", f"{server.url}/second/"))
    monkeypatch.setattr(download, "OPENML", f"{server.url}/openml/")
    packed = {f"{file.name}.gz": gzip.compress(file.read_bytes(), 1) for file in originals.iterdir()}
    server.sites["second"] = packed
    return server


def test_the_original_files(real_site: LocalServer, mnist: ImageData, tmp_path: Path) -> None:
    for got, expected in zip(load_mnist(cache_dir=tmp_path / "cache"), mnist[:4], strict=True):
        np.testing.assert_array_equal(got, expected)
    assert all(check.ok for check in verify_mnist(cache_dir=tmp_path / "cache"))


@pytest.mark.long
def test_the_original_table_of_openml(
    real_site: LocalServer, imitate_openml: None, mnist: ImageData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for patience in ("PROBE_SECONDS", "STALL_SECONDS"):  # on a busy machine the server, a thread of ours, takes long
        monkeypatch.setattr(download, patience, 300.0)
    real_site.sites = {"openml": openml_site(np.concatenate(mnist[:2]), np.concatenate(mnist[2:4]))}
    for got, expected in zip(load_mnist(cache_dir=tmp_path / "cache"), mnist[:4], strict=True):
        np.testing.assert_array_equal(got, expected)
    assert all(check.ok for check in verify_mnist(cache_dir=tmp_path / "cache"))
