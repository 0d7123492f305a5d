"""No network, or told not to use it: one clear error, and soon."""

import socket
import threading
from pathlib import Path

import pytest

from mnistlr import DataUnavailableError, load_mnist
from mnistlr.datasets import download, fetch_mnist, mnist_location
from tests.conftest import TinyMnist
from tests.helpers.loads import assert_is, failing_load
from tests.helpers.local_server import LocalServer


class TestNoNetwork:
    @pytest.fixture(autouse=True)
    def _hosts(self, tiny_mnist: TinyMnist, monkeypatch: pytest.MonkeyPatch) -> None:
        def no_openml(*_: object, **__: object) -> None:
            raise AssertionError("fetch_openml must not be called when its host gives no sign of life")

        monkeypatch.setattr("sklearn.datasets.fetch_openml", no_openml)

    def point_to(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(download, "MIRRORS", (f"{url}/first/", f"{url}/second/"))
        monkeypatch.setattr(download, "OPENML", f"{url}/openml/")

    def test_connection_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        self.point_to(f"http://127.0.0.1:{port}", monkeypatch)
        assert failing_load(tmp_path).count("Connection refused") == 3

    def test_names_do_not_resolve(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def unknown(*_: object, **__: object) -> None:
            raise socket.gaierror(-2, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        message = failing_load(tmp_path)  # the real addresses
        assert message.count("Name or service not known") == 3
        for host in ("ossci-datasets.s3.amazonaws.com", "storage.googleapis.com", "www.openml.org"):
            assert f"https://{host}" in message

    def test_name_server_does_not_answer(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        asked, end = [], threading.Event()
        before = set(threading.enumerate())

        def wait(host: str, *_: object, **__: object) -> None:
            asked.append(host)
            end.wait(30)
            raise socket.gaierror(-2, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", wait)
        monkeypatch.setattr(download, "PROBE_SECONDS", 0.2)
        try:
            assert failing_load(tmp_path).count("no answer within 0.2 s") == 3
            assert len(asked) == 3  # each host once, not once a file
            # Those threads still wait, and must not keep the program from ending.
            assert all(thread.daemon for thread in set(threading.enumerate()) - before)
        finally:
            end.set()

    def test_hosts_accept_and_say_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(download, "PROBE_SECONDS", 0.2)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            self.point_to(f"http://127.0.0.1:{silent.getsockname()[1]}", monkeypatch)
            message = failing_load(tmp_path)
        assert message.count("no answer within 0.2 s") + message.count("did not answer in time") == 3

    def test_a_proxy_is_respected(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
            monkeypatch.delenv(name.upper(), raising=False)
        for name in ("no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.delenv(name, raising=False)
        assert failing_load(tmp_path).count("Unable to connect to proxy") == 3


class TestOffline:
    @pytest.mark.parametrize("value", ["1", "true", "yes"])
    def test_environment(
        self, internet: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
    ) -> None:
        monkeypatch.setenv("MNISTLR_OFFLINE", value)
        message = failing_load(tmp_path)
        assert "switched off" in message
        assert mnist_location(cache_dir=tmp_path).kind == "none"
        load_mnist(cache_dir=tmp_path, offline=False)

    @pytest.mark.parametrize("value", ["", "0", "false"])
    def test_environment_says_no(
        self, internet: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
    ) -> None:
        monkeypatch.setenv("MNISTLR_OFFLINE", value)
        assert mnist_location(cache_dir=tmp_path).kind == "download"
        load_mnist(cache_dir=tmp_path)

    def test_argument(self, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path) -> None:
        for load in (load_mnist, fetch_mnist):
            with pytest.raises(DataUnavailableError, match="switched off"):
                load(cache_dir=tmp_path / "new", offline=True)
        assert internet.gets == []
        assert not (tmp_path / "new").exists()
        load_mnist(cache_dir=tmp_path)
        assert_is(load_mnist(cache_dir=tmp_path, offline=True), tiny_mnist)
