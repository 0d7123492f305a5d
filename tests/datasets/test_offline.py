"""No network, or told not to use it: one clear error, and soon."""

import re
import socket
import threading
from pathlib import Path

import pytest

from mnistlr import DataUnavailableError, load_mnist
from mnistlr.datasets import download, fetch_mnist, mnist_location
from tests.conftest import TinyMnist
from tests.helpers.loads import assert_is, failing_load
from tests.helpers.local_server import LocalServer


def address_where_nobody_listens() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


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
        self.point_to(address_where_nobody_listens(), monkeypatch)
        message = failing_load(tmp_path)  # three of them for one reason
        assert re.search(r"/first/ and http\S+/second/ and http\S+/openml/: [^;]*Connection refused", message)

    def test_names_do_not_resolve(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def unknown(*_: object, **__: object) -> None:
            raise socket.gaierror(-2, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        message = failing_load(tmp_path)  # the real addresses
        assert "Name or service not known" in message
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
            assert failing_load(tmp_path).count("no answer within 0.2 s") == 1  # said once of all three
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
        assert "no answer within 0.2 s" in message or "did not answer in time" in message
        assert all(f"/{site}/" in message for site in ("first", "second", "openml"))

    def test_a_proxy_is_respected(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, address_where_nobody_listens())
            monkeypatch.delenv(name.upper(), raising=False)
        for name in ("no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.delenv(name, raising=False)
        message = failing_load(tmp_path)
        assert "the proxy cannot be reached" in message
        assert "Connection refused" in message
        assert "check HTTPS_PROXY, or unset it" in message
        assert "Error(" not in message  # a tuple of exceptions

    def test_missing_certificates(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
        (tmp_path / "cache").mkdir()
        message = failing_load(tmp_path / "cache")  # the real addresses, which nobody gets to ask
        assert message.count(f"there are no certificates at {tmp_path / 'none.pem'}; check REQUESTS_CA_BUNDLE") == 1


class TestOffline:
    @pytest.mark.parametrize(
        ("value", "kind"),
        [("1", "none"), ("true", "none"), ("yes", "none"), ("", "download"), ("0", "download"), ("false", "download")],
    )
    def test_the_environment_says_it(
        self, internet: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, kind: str
    ) -> None:
        monkeypatch.setenv("MNISTLR_OFFLINE", value)
        assert mnist_location(cache_dir=tmp_path).kind == kind
        if kind == "none":
            assert "switched off" in failing_load(tmp_path)
        load_mnist(cache_dir=tmp_path, offline=False if kind == "none" else None)

    def test_argument(self, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path) -> None:
        for load in (load_mnist, fetch_mnist):
            with pytest.raises(DataUnavailableError, match="switched off"):
                load(cache_dir=tmp_path / "new", offline=True)
        assert internet.gets == []
        assert not (tmp_path / "new").exists()
        load_mnist(cache_dir=tmp_path)
        assert_is(load_mnist(cache_dir=tmp_path, offline=True), tiny_mnist)
