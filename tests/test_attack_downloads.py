"""Hostile servers, full and read-only disks, sudden deaths: the cache is good, or one sentence says why not."""

import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import fetching
import local_server
import pytest
from conftest import Attack, TinyMnist
from fetching import PHASES, Task, fork_server
from loads import assert_is, contents
from local_server import Behaviour, LocalServer, fail_with
from namespaces import on_own_disk

from mnistlr import DataUnavailableError, load_mnist
from mnistlr.datasets import download, fetch_mnist, mnist_files, verify_mnist


def expected_sum(tiny: TinyMnist) -> int:
    return sum(int(array.sum()) for array in tiny.split)


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
        lines = str(caught.value).splitlines()
        assert len(lines) == 6  # what to do; the folder, the cache and three hosts, each with the reason
        for line in lines[3:5]:
            assert re.search(f"tried .*: .*({message})", line)
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


class TestProcesses:
    @pytest.fixture(autouse=True)
    def _quick_start(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # Else every process would import pytest's script again, which is its parent's main module.
        monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)

    def task(self, server: LocalServer, sites: tuple[str, ...], cache: Path) -> Task:
        return Task([f"{server.url}/{site}/" for site in sites], str(cache), dict(mnist_files.MNIST_FILES))

    def check_next_run(
        self, internet: LocalServer, tiny_mnist: TinyMnist, cache: Path, attack: Attack, phase: str
    ) -> None:
        """Another process loads, whatever lies in the cache, and leaves the four files and nothing else."""
        found = contents(cache) if cache.exists() else {}
        good = {name for name in found if not name.endswith(".part")}
        assert all(found[name] == tiny_mnist.raw[name] for name in good)
        assert len(found) - len(good) <= 1
        internet.gets.clear()
        arguments = self.task(internet, ("second",), cache), expected_sum(tiny_mnist)
        process = fork_server().Process(target=fetching.load_and_check, args=arguments)
        process.start()
        process.join()
        assert process.exitcode == 0
        assert len(internet.gets_from("second")) == 4 - len(good)
        assert contents(cache) == tiny_mnist.raw
        attack.ends[f"{'used' if len(good) == 4 else 'repaired'} after {phase}"] += 1

    def kill(self, n_kills: int, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path, attack: Attack) -> None:
        rng, context, phase_file = random.Random(0), fork_server(), tmp_path / "phase"
        internet.behaviour["first"] = local_server.in_pieces(8, 0.003)
        seconds = 0.0
        n_killed = attempt = 0
        while n_killed < n_kills:
            cache = tmp_path / str(attempt)
            phase_file.write_bytes(b"\0")
            arguments = self.task(internet, ("first",), cache), str(phase_file), 0.003
            process = context.Process(target=fetching.load_slowly, args=arguments)
            process.start()
            while phase_file.read_bytes() == b"\0":
                time.sleep(0.0005)
            start = time.monotonic()
            if attempt:  # else see how long it takes when it is left alone
                process.join(rng.uniform(0, seconds))
            else:
                process.join()
                seconds = time.monotonic() - start
            process.kill()
            process.join()
            phase = PHASES[phase_file.read_bytes()[0]]
            if process.exitcode:
                n_killed += 1
                self.check_next_run(internet, tiny_mnist, cache, attack, phase)
            else:
                assert contents(cache) == tiny_mnist.raw
            attempt += 1

    def test_killed_at_random_moments(
        self, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path, attack: Attack
    ) -> None:
        self.kill(5, internet, tiny_mnist, tmp_path, attack)

    @pytest.mark.long
    def test_killed_at_200_random_moments(
        self, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path, attack: Attack
    ) -> None:
        self.kill(200 * attack.factor, internet, tiny_mnist, tmp_path, attack)
        for phase in PHASES[1:5]:
            assert sum(n for end, n in attack.ends.items() if phase in end) >= 10

    def test_leftovers_do_not_pile_up(
        self, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path, attack: Attack
    ) -> None:
        """Killed again and again while it writes, with no good end between."""
        cache, phase_file = tmp_path / "cache", tmp_path / "phase"
        for _ in range(3 * attack.factor):
            phase_file.write_bytes(b"\0")
            arguments = self.task(internet, ("first",), cache), str(phase_file), 0.02
            process = fork_server().Process(target=fetching.load_slowly, args=arguments)
            process.start()
            while PHASES[phase_file.read_bytes()[0]] != "writing":
                time.sleep(0.001)
            process.kill()
            process.join()
            assert [name[:22] for name in contents(cache)] == [".train-images-idx3-uby"]
            attack.ends["one leftover"] += 1
        self.check_next_run(internet, tiny_mnist, cache, attack, "many deaths")

    def test_fetch_sweeps_a_good_cache(
        self, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path, attack: Attack
    ) -> None:
        """The slower of two processes may be killed after the other has written the same file."""
        fetch_mnist(cache_dir=tmp_path)
        (tmp_path / ".t10k-images-idx3-ubyte.0123abcd.part").write_bytes(b"half")
        fetch_mnist(cache_dir=tmp_path)
        assert contents(tmp_path) == tiny_mnist.raw
        attack.ends["swept"] += 1

    def test_eight_at_once(self, internet: LocalServer, tiny_mnist: TinyMnist, tmp_path: Path, attack: Attack) -> None:
        together = threading.Barrier(8)

        def all_at_once(handler: object, body: bytes) -> None:
            together.wait(30)  # every process has found the cache empty by now
            local_server.serve(handler, body)  # type: ignore[arg-type]

        internet.behaviour["first"] = all_at_once
        for k in range(attack.factor):
            cache = tmp_path / str(k)
            arguments = self.task(internet, ("first",), cache), expected_sum(tiny_mnist)
            processes = [fork_server().Process(target=fetching.load_and_check, args=arguments) for _ in range(8)]
            for process in processes:
                process.start()
            for process in processes:
                process.join()
                assert process.exitcode == 0
                attack.ends["loaded"] += 1
            assert contents(cache) == tiny_mnist.raw
            assert all(check.ok for check in verify_mnist(cache_dir=cache))
