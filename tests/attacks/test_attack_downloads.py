"""Hostile servers, planted links, full and read-only disks: the cache is good, or one sentence says why not."""

import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mnistlr import DataUnavailableError, load_mnist
from mnistlr.datasets import download, mnist_files
from tests.conftest import Attack, TinyMnist
from tests.helpers import fetching, local_server
from tests.helpers.fetching import Task
from tests.helpers.loads import assert_is, contents, expected_sum
from tests.helpers.local_server import Behaviour, LocalServer, fail_with
from tests.helpers.namespaces import on_own_disk

# What the first mirror does, and what the error says of it.
SERVERS: dict[str, tuple[Behaviour, str]] = {
    "504": (fail_with(504), "the server answered 504 Gateway Timeout"),
    "redirect loop": (local_server.redirect_to(""), "Exceeded 30 redirects"),
    "redirect to a closed port": (local_server.redirect_to("http://127.0.0.1:9/"), "Connection refused"),
    "redirect to a file": (local_server.redirect_to("file:///etc/hostname"), "No connection adapters"),
    "redirect to nonsense": (local_server.redirect_to("http://[/:x"), "."),
    "too long": (local_server.too_long, "more bytes follow"),
    "garbage after it": (local_server.garbage_after_it, "gzip stream, but it is damaged"),
    "another protocol": (local_server.send_raw(b"SSH-2.0-OpenSSH_9.6\r\n"), "."),
    "endless header": (local_server.send_raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000), "."),
    "length that is no number": (local_server.send_raw(b"HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\nx"), "."),
    "length below zero": (local_server.send_raw(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nx"), "."),
    "chunks that are none": (
        local_server.send_raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n"),
        ".",
    ),
    "packed only by its word": (
        local_server.send_raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip."),
        ".",
    ),
}
STALLING_SERVERS: dict[str, tuple[Behaviour, str]] = {
    "says nothing": (local_server.say_nothing, "did not answer in time|Read timed out|too slow"),
    "stalls before the body": (local_server.stall_after(0), "Read timed out|too slow"),
    "stalls amid the body": (local_server.stall_after(0.5), "Read timed out|too slow"),
    # These end at last, so that without a limit the tests fail rather than hang.
    "a byte now and then": (local_server.in_pieces(200, 0.02), "too slow"),
    "a header now and then": (local_server.headers_in_pieces(200, 0.02), "too slow"),
}


class TestServers:
    @pytest.mark.parametrize("server_does", SERVERS)
    def test_the_second_mirror_helps(
        self, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path, attack: Attack, server_does: str
    ) -> None:
        internet.behaviour["first"] = SERVERS[server_does][0]
        assert_is(load_mnist(cache_dir=tmp_path), tiny_mnist)
        assert len(internet.gets_from("second")) == 4
        assert contents(tmp_path) == tiny_mnist.raw
        attack.ends["loaded from the second mirror"] += 1

    @pytest.mark.parametrize("server_does", SERVERS | STALLING_SERVERS)
    def test_no_mirror_helps(
        self,
        internet: LocalServer,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        attack: Attack,
        server_does: str,
    ) -> None:
        if server_does in STALLING_SERVERS:
            monkeypatch.setattr(download, "STALL_SECONDS", 0.15)
        behaviour, message = (SERVERS | STALLING_SERVERS)[server_does]
        internet.behaviour = {"first": behaviour, "second": behaviour, "openml": fail_with(503)}
        with pytest.raises(DataUnavailableError) as caught:
            load_mnist(cache_dir=tmp_path)
        told = str(caught.value)  # what to do; the folder, the cache and three hosts, with the reasons
        assert "\n" not in told
        for site in ("first", "second"):
            assert re.search(f"/{site}/( and http[^ ]*)?: .*({message})", told)
        assert contents(tmp_path) == {}
        attack.ends["DataUnavailableError"] += 1

    def test_a_slow_first_mirror_is_left(
        self,
        internet: LocalServer,
        tiny_mnist: TinyMnist,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        attack: Attack,
    ) -> None:
        """And the transfer that was given up goes on no longer than until it has something to store."""
        monkeypatch.setattr(download, "STALL_SECONDS", 0.7)
        stayed = []

        def slowly(handler: Any, body: bytes) -> None:
            local_server.in_pieces(200, 0.02)(handler, body)
            stayed.append(not handler.close_connection)

        internet.behaviour["first"] = slowly
        assert_is(load_mnist(cache_dir=tmp_path), tiny_mnist)
        assert len(internet.gets_from("first")) == 1
        assert len(internet.gets_from("second")) == 4
        while not stayed:
            time.sleep(0.01)
        assert stayed == [False]
        attack.ends["loaded from the second mirror"] += 1


def test_slow_and_steady_is_good_enough(
    internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attack: Attack
) -> None:
    monkeypatch.setattr(download, "STALL_SECONDS", 0.5)
    monkeypatch.setattr(download, "STALL_BYTES", 1)

    def slow_if_large(handler: Any, body: bytes) -> None:
        behaviour = local_server.in_pieces(20, 0.05) if len(body) > 20_000 else local_server.serve
        behaviour(handler, body)

    internet.behaviour["first"] = slow_if_large
    assert_is(load_mnist(cache_dir=tmp_path), tiny_mnist)
    assert internet.gets_from("second") == []
    attack.ends["loaded from the first mirror"] += 1


def test_openml_takes_too_long(
    internet: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attack: Attack
) -> None:
    del internet.sites["first"], internet.sites["second"]
    monkeypatch.setattr(download, "OPENML_SECONDS", 0.3)
    internet.behaviour["openml"] = local_server.in_pieces(100, 0.02)
    with pytest.raises(DataUnavailableError, match=r"openml/: TimeoutError: too slow"):
        load_mnist(cache_dir=tmp_path)
    assert contents(tmp_path) == {}
    attack.ends["DataUnavailableError"] += 1


class TestLinks:
    @pytest.fixture
    def victim(self, tmp_path: Path) -> Iterator[Path]:
        """What symbolic links in the cache, an empty folder beside it, lead to."""
        (tmp_path / "cache").mkdir()
        victim = tmp_path / "victim"
        victim.write_bytes(b"precious")
        yield victim
        assert victim.read_bytes() == b"precious"

    def link(self, victim: Path, names: Iterable[str]) -> list[Path]:
        links = [victim.with_name("cache") / name for name in names]
        for link in links:
            link.symlink_to(victim)
        return links

    def test_in_place_of_the_temporary_file(
        self,
        internet: LocalServer,
        tiny_mnist: TinyMnist,
        victim: Path,
        monkeypatch: pytest.MonkeyPatch,
        attack: Attack,
    ) -> None:
        """Somebody guesses the name; the random one that follows is free."""
        guessed = self.link(victim, (f".{name}.00000000.part" for name in tiny_mnist.raw))
        tokens = ["00000000", "11111111"] * 4
        monkeypatch.setattr("secrets.token_hex", lambda n: tokens.pop(0))
        assert_is(load_mnist(cache_dir=victim.with_name("cache")), tiny_mnist)
        assert all(link.is_symlink() for link in guessed)
        attack.ends["victim unharmed, loaded"] += 4

    def test_in_place_of_every_temporary_file(
        self,
        internet: LocalServer,
        tiny_mnist: TinyMnist,
        victim: Path,
        monkeypatch: pytest.MonkeyPatch,
        attack: Attack,
    ) -> None:
        self.link(victim, (f".{name}.00000000.part" for name in tiny_mnist.raw))
        monkeypatch.setattr("secrets.token_hex", lambda n: "0" * 2 * n)
        with pytest.raises(DataUnavailableError, match=r"cannot be stored in the cache .*set MNISTLR_CACHE"):
            load_mnist(cache_dir=victim.with_name("cache"))
        attack.ends["victim unharmed, DataUnavailableError"] += 1

    def test_in_place_of_the_file(
        self, internet: LocalServer, tiny_mnist: TinyMnist, victim: Path, attack: Attack
    ) -> None:
        cache = victim.with_name("cache")
        self.link(victim, tiny_mnist.raw)
        assert_is(load_mnist(cache_dir=cache), tiny_mnist)
        assert contents(cache) == tiny_mnist.raw
        assert not any(file.is_symlink() for file in cache.iterdir())
        attack.ends["victim unharmed, loaded"] += 4

    def test_in_place_of_the_cache_folder(
        self, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path, attack: Attack
    ) -> None:
        (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(DataUnavailableError, match=r"cannot be stored in the cache"):
            load_mnist(cache_dir=tmp_path / "link")
        assert internet.gets == []
        attack.ends["DataUnavailableError"] += 1
        (tmp_path / "elsewhere").mkdir()
        assert_is(load_mnist(cache_dir=tmp_path / "link"), tiny_mnist)
        assert contents(tmp_path / "elsewhere") == tiny_mnist.raw
        attack.ends["loaded"] += 1


class TestDisk:
    @pytest.fixture
    def task(self, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path) -> Task:
        mirrors = [f"{internet.url}/first/", f"{internet.url}/second/"]
        return Task(mirrors, str(tmp_path / "disk"), mnist_files.MNIST_FILES)

    def load_on_own_disk(self, task: Task, size: str, before: str = "true") -> tuple[str, list[str]]:
        """Return what was printed, and which files there are afterwards."""
        Path(task.cache).mkdir()
        command = [sys.executable, "-W", "error", fetching.__file__, task.argument]
        line = on_own_disk(Path(task.cache), size, command, before, after="ls -A")
        done = subprocess.run(line, capture_output=True, text=True, timeout=60)
        assert done.stderr == ""
        printed = done.stdout.splitlines()
        names = [name for name in printed if "idx" in name and " " not in name]
        return "\n".join(printed[: len(printed) - len(names)]), names

    def test_full(self, task: Task, internet: LocalServer, attack: Attack) -> None:
        message, names = self.load_on_own_disk(task, "40k")  # the first file has 47
        assert re.match(r"DataUnavailableError: .*No space left on device.*55 MB free", message)
        assert names == []
        assert len(internet.gets) == 1  # nor is another source asked in vain
        attack.ends["DataUnavailableError"] += 1

    @pytest.mark.long
    def test_full_after_two_files(self, task: Task, tiny_mnist: TinyMnist, attack: Attack) -> None:
        message, names = self.load_on_own_disk(task, "56k")
        assert "No space left on device" in message
        assert set(names) < set(tiny_mnist.raw)
        assert names
        attack.ends["DataUnavailableError"] += 1

    def test_full_of_what_a_killed_process_left(self, task: Task, tiny_mnist: TinyMnist, attack: Attack) -> None:
        leave = "head -c 70000 /dev/zero > .train-images-idx3-ubyte.0123abcd.part"
        printed, names = self.load_on_own_disk(task, "100k", leave)
        assert printed == str(expected_sum(tiny_mnist))
        assert set(names) == set(tiny_mnist.raw)
        attack.ends["swept and loaded"] += 1

    def test_file_size_limit(self, task: Task, tiny_mnist: TinyMnist, attack: Attack) -> None:
        """As `ulimit -f` sets it: the one file that is too large fails, in the middle of a write."""
        pytest.importorskip("resource")
        script = "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)); "
        script += "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
        done = subprocess.run(
            [sys.executable, "-B", "-W", "error", "-c", script, fetching.__file__, task.argument],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stderr == ""
        assert re.match(r"DataUnavailableError: .*File too large.*set MNISTLR_CACHE", done.stdout)
        assert contents(Path(task.cache)) == {}
        attack.ends["DataUnavailableError"] += 1

    def test_read_only(self, task: Task, internet: LocalServer, attack: Attack) -> None:
        message, _ = self.load_on_own_disk(task, "1m", "mount -o remount,ro .")
        assert re.match(r"DataUnavailableError: .*Read-only file system.*set MNISTLR_CACHE", message)
        assert internet.gets == []  # told before anything was downloaded
        attack.ends["DataUnavailableError"] += 1

    def test_read_only_and_good(
        self, task: Task, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path, attack: Attack
    ) -> None:
        good = tiny_mnist.write_to(tmp_path / "good", packed=False)
        printed, names = self.load_on_own_disk(task, "1m", f"cp {good}/* . && mount -o remount,ro .")
        assert printed == str(expected_sum(tiny_mnist))
        assert set(names) == set(tiny_mnist.raw)
        assert internet.gets == []
        attack.ends["loaded"] += 1

    @pytest.mark.long
    def test_read_only_and_damaged(
        self, task: Task, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path, attack: Attack
    ) -> None:
        good = tiny_mnist.write_to(tmp_path / "good", packed=False)
        damage = "truncate -s 50 t10k-images-idx3-ubyte"
        message, _ = self.load_on_own_disk(task, "1m", f"cp {good}/* . && {damage} && mount -o remount,ro .")
        assert re.match(r"DataUnavailableError: .*Read-only file system", message)
        assert internet.gets == []
        attack.ends["DataUnavailableError"] += 1
