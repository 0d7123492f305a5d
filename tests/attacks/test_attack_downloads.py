"""Hostile servers, planted links, odd disks and killed processes: the cache is good, or one sentence says why not."""

import random
import re
import shlex
import subprocess
import sys
import time

import pytest

from mnistlr import DataUnavailableError, load_mnist
from mnistlr.datasets import download, fetch_mnist, mnist_files
from tests.helpers import fetching, local_server
from tests.helpers.fetching import PHASES, Task, fork_server
from tests.helpers.loads import assert_is, contents, expected_sum, failing_load
from tests.helpers.local_server import Behaviour, fail_with, redirect_to, send_raw

# What both mirrors do, and what the error says of it.
SERVERS: dict[str, tuple[Behaviour, str]] = {
    "redirects for ever": (redirect_to(""), "Exceeded 30 redirects"),
    "redirects to a closed port": (redirect_to("http://127.0.0.1:9/"), "Connection refused"),
    "redirects to a file": (redirect_to("file:///etc/hostname"), "No connection adapters"),
    "redirects to nonsense": (redirect_to("http://[/:x"), "."),
    "speaks another protocol": (send_raw(b"SSH-2.0-OpenSSH_9.6\r\n"), "."),
    "sends an endless header": (send_raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000), "."),
    "tells a length that is no number": (send_raw(b"HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\nx"), "."),
    "tells a length below zero": (send_raw(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nx"), "."),
    "sends chunks that are none": (
        send_raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n"),
        ".",
    ),
    "packs only by its word": (
        send_raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip."),
        ".",
    ),
}
STALLING_SERVERS: dict[str, tuple[Behaviour, str]] = {
    "says nothing": (local_server.say_nothing, "did not answer in time|Read timed out|too slow"),
    "stalls before the body": (local_server.stall_after(0), "Read timed out|too slow"),
    "stalls amid the body": (local_server.stall_after(0.5), "Read timed out|too slow"),
    # These end at last, so that without a limit the tests fail rather than hang.
    "sends a byte now and then": (local_server.in_pieces(200, 0.02), "too slow"),
    "sends a header now and then": (local_server.headers_in_pieces(200, 0.02), "too slow"),
}


@pytest.mark.parametrize("what_it_does", SERVERS | STALLING_SERVERS)
def test_the_error_names_a_server_that(internet, tmp_path, monkeypatch, what_it_does):
    if what_it_does in STALLING_SERVERS:
        monkeypatch.setattr(download, "STALL_SECONDS", 0.15)
    behaviour, message = (SERVERS | STALLING_SERVERS)[what_it_does]
    internet.behaviour = {"first": behaviour, "second": behaviour, "openml": fail_with(503)}
    told = failing_load(tmp_path)
    assert "\n" not in told
    for site in ("first", "second"):
        assert re.search(f"/{site}/( and http[^ ]*)?: .*({message})", told)


def test_a_slow_first_mirror_is_left(internet, tiny_mnist, tmp_path, monkeypatch):
    """And the transfer that was given up goes on no longer than until it has something to store."""
    monkeypatch.setattr(download, "STALL_SECONDS", 0.7)
    stayed = []

    def slowly(handler, body):
        local_server.in_pieces(200, 0.02)(handler, body)
        stayed.append(not handler.close_connection)

    internet.behaviour["first"] = slowly
    assert_is(load_mnist(cache_dir=tmp_path), tiny_mnist)
    assert len(internet.gets_from("first")) == 1
    assert len(internet.gets_from("second")) == 4
    while not stayed:
        time.sleep(0.01)
    assert stayed == [False]


def test_slow_and_steady_is_good_enough(internet, tiny_mnist, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "STALL_SECONDS", 0.5)
    monkeypatch.setattr(download, "STALL_BYTES", 1)

    def slow_if_large(handler, body):
        behaviour = local_server.in_pieces(20, 0.05) if len(body) > 20_000 else local_server.serve
        behaviour(handler, body)

    internet.behaviour["first"] = slow_if_large
    assert_is(load_mnist(cache_dir=tmp_path), tiny_mnist)
    assert internet.gets_from("second") == []


def test_openml_takes_too_long(internet, tmp_path, monkeypatch):
    del internet.sites["first"], internet.sites["second"]
    monkeypatch.setattr(download, "OPENML_SECONDS", 0.3)
    internet.behaviour["openml"] = local_server.in_pieces(100, 0.02)
    assert "openml/: TimeoutError: too slow" in failing_load(tmp_path)


# --- links and disks --------------------------------------------------------------------------------------------


def test_links_in_place_of_the_files_are_replaced(internet, tiny_mnist, tmp_path):
    cache, victim = tmp_path / "cache", tmp_path / "victim"
    cache.mkdir()
    victim.write_bytes(b"precious")
    for name in tiny_mnist.raw:
        (cache / name).symlink_to(victim)
    assert_is(load_mnist(cache_dir=cache), tiny_mnist)
    assert contents(cache) == tiny_mnist.raw
    assert not any(file.is_symlink() for file in cache.iterdir())
    assert victim.read_bytes() == b"precious"


def test_a_link_in_place_of_the_folder_is_followed(internet, tiny_mnist, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataUnavailableError, match="cannot be stored in the cache"):
        load_mnist(cache_dir=tmp_path / "link")
    (tmp_path / "elsewhere").mkdir()
    assert_is(load_mnist(cache_dir=tmp_path / "link"), tiny_mnist)
    assert contents(tmp_path / "elsewhere") == tiny_mnist.raw


def task(server, sites, cache):
    return Task([f"{server.url}/{site}/" for site in sites], str(cache), dict(mnist_files.MNIST_FILES))


@pytest.fixture
def load_on_own_disk(internet, tmp_path):
    """A function that lets a process load into a disk of its own, which no other process sees.

    ``before`` is a shell command that runs in the empty disk. What the process printed is returned, and which files
    there are afterwards.
    """

    def load(size, before="true"):
        disk = tmp_path / "disk"
        disk.mkdir()
        enter = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
        mount = f"mount -t tmpfs -o size={size} none {shlex.quote(str(disk))}"
        try:
            subprocess.run([*enter, mount], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"no file system can be mounted here: {error}")
        argument = task(internet, ("first", "second"), disk).argument
        command = shlex.join([sys.executable, "-W", "error", fetching.__file__, argument])
        line = f"{mount} && cd {shlex.quote(str(disk))} && {before} && {command} && echo && ls -A"
        done = subprocess.run([*enter, line], capture_output=True, text=True, timeout=60)
        assert (done.stderr, done.returncode) == ("", 0)
        printed, _, names = done.stdout.partition("\n\n")
        return printed, names.split()

    return load


def test_a_full_disk_is_named_and_no_other_source_asked(load_on_own_disk, internet):
    printed, names = load_on_own_disk("40k")  # the first file has 47
    assert re.match(r"DataUnavailableError: .*No space left on device.*55 MB free", printed)
    assert names == []
    assert len(internet.gets) == 1


def test_a_read_only_disk_is_named_before_anything_is_downloaded(load_on_own_disk, internet):
    printed, _ = load_on_own_disk("1m", "mount -o remount,ro .")
    assert re.match(r"DataUnavailableError: .*Read-only file system.*set MNISTLR_CACHE", printed)
    assert internet.gets == []


def test_a_good_cache_on_a_read_only_disk_is_read(load_on_own_disk, internet, tiny_mnist, tmp_path):
    good = tiny_mnist.write_to(tmp_path / "good", packed=False)
    printed, names = load_on_own_disk("1m", f"cp {good}/* . && mount -o remount,ro .")
    assert printed == str(expected_sum(tiny_mnist))
    assert set(names) == set(tiny_mnist.raw)
    assert internet.gets == []


# --- processes that are killed ----------------------------------------------------------------------------------


@pytest.mark.parametrize("n_kills", [5, pytest.param(60, marks=pytest.mark.long)])
def test_killed_at_random_moments(internet, tiny_mnist, tmp_path, monkeypatch, attack, n_kills):
    """Every file under its own name is good; the next process loads the others and sweeps what is left over."""
    # Else every process would import pytest's script again, which is its parent's main module.
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)
    internet.behaviour["first"] = local_server.in_pieces(8, 0.003)
    rng, context, phase_file, seconds = random.Random(0), fork_server(), tmp_path / "phase", 0.0
    while attack.ends.total() - attack.ends["done"] < n_kills * attack.factor:
        cache = tmp_path / str(attack.ends.total())
        phase_file.write_bytes(b"\0")
        arguments = task(internet, ["first"], cache), str(phase_file), 0.003
        process = context.Process(target=fetching.load_slowly, args=arguments)
        process.start()
        while phase_file.read_bytes() == b"\0":
            time.sleep(0.0005)
        start = time.monotonic()
        process.join(rng.uniform(0, seconds) if seconds else None)  # the first shows how long it takes
        elapsed = time.monotonic() - start
        process.kill()
        process.join()
        if process.exitcode == 0:
            seconds = min(seconds or elapsed, elapsed)
        found = contents(cache) if cache.exists() else {}
        good = {name for name in found if not name.endswith(".part")}
        assert all(found[name] == tiny_mnist.raw[name] for name in good)
        assert len(found) - len(good) <= 1
        internet.gets.clear()
        arguments = task(internet, ["second"], cache), expected_sum(tiny_mnist)
        following = context.Process(target=fetching.load_and_check, args=arguments)
        following.start()
        following.join()
        assert following.exitcode == 0
        assert len(internet.gets_from("second")) == 4 - len(good)
        assert contents(cache) == tiny_mnist.raw
        attack.ends[PHASES[phase_file.read_bytes()[0]]] += 1
    assert n_kills < 60 or all(attack.ends[phase] >= 3 for phase in PHASES[1:5])


def test_fetch_sweeps_a_good_cache(internet, tiny_mnist, tmp_path):
    """The slower of two processes may be killed after the other has written the same file."""
    fetch_mnist(cache_dir=tmp_path)
    (tmp_path / ".t10k-images-idx3-ubyte.0123abcd.part").write_bytes(b"half")
    fetch_mnist(cache_dir=tmp_path)
    assert contents(tmp_path) == tiny_mnist.raw
