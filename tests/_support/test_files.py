"""Files appear complete under their names or not at all, take no name but a plain file's, and leave nothing behind."""

import errno
import os
import random
import stat
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mnistlr import SoftmaxRegression, save_model
from mnistlr._support import files
from mnistlr._support.files import atomic_write, check_writable, sweep_leftovers
from tests.conftest import Attack
from tests.helpers.fetching import fork_server, write_often

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links, pipes, locks and limits as POSIX has them")


def write(path: Path, contents: bytes = b"new") -> None:
    with atomic_write(path) as file:
        file.write(contents)


def test_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")

    def write_half() -> None:
        with atomic_write(path) as file:
            file.write(b"half of the ne")
            assert path.read_text() == "old"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert os.listdir(tmp_path) == ["a"]
    assert path.read_text() == "old"


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "file", tmp_path / "link"
    link.symlink_to(target)
    for contents in (b"first", b"second"):  # the link dangles before the first
        write(link, contents)
        assert link.is_symlink()
        assert target.read_bytes() == contents
    assert os.listdir(tmp_path / "there") == ["file"]


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    write(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_no_pipe_no_folder_and_no_device_is_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for name in ("pipe", "link"):
        with pytest.raises(OSError, match=r"plain file to write, but .*pipe is a pipe, a socket or a device"):
            write(tmp_path / name)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    with pytest.raises(OSError, match="null is a pipe, a socket or a device"):
        check_writable(os.devnull)  # not to be written, lest a broken check costs root the device itself
    with pytest.raises(IsADirectoryError, match=r"the name of a file to write, but .* is a folder"):
        write(tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["link", "pipe"]


def test_a_folder_that_takes_no_files_is_said_to_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root, who may run the tests, may write everywhere
    with pytest.raises(PermissionError, match="you may not write into the folder"):
        check_writable(tmp_path / "file")


def test_a_missing_folder_is_told_by_name(tmp_path: Path) -> None:
    for ask in (check_writable, write):
        with pytest.raises(FileNotFoundError, match=r"there is no folder .*none"):
            ask(tmp_path / "none" / "file")


def test_no_leave_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write(path, b"old")
    if os.geteuid() == 0:  # root may write everywhere

        def refuse(*_: object) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(os, "replace", refuse)
        monkeypatch.setattr(os, "listdir", refuse)
    else:
        tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError, match="Permission denied"):
            write(path)
    finally:
        tmp_path.chmod(0o700)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["file"]
    assert path.read_bytes() == b"old"


def test_a_file_that_may_not_grow_leaves_the_old_model(memory_folder: Path) -> None:
    """As on a full disk, writing fails at every place in the file."""
    resource = pytest.importorskip("resource")
    path, X, y = memory_folder / "model.npz", np.eye(3, 784), [0, 1, 2]
    old = save_model(SoftmaxRegression(tol=0.5).fit(X, y), path).read_bytes()
    model = SoftmaxRegression(tol=0.5).fit(2 * X, y)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for size in [*range(0, len(old), len(old) // 40), len(old) - 1]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
        try:
            with pytest.raises(OSError, match=r"model\.npz cannot be written: File too large") as caught:
                save_model(model, path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert caught.value.errno == errno.EFBIG
        assert path.read_bytes() == old
        assert os.listdir(memory_folder) == ["model.npz"]
    assert save_model(model, path).read_bytes() != old


# --- what killed processes leave --------------------------------------------------------------------------------


def test_leftovers_go_before_their_room_is_needed_and_what_looks_similar_stays(tmp_path: Path) -> None:
    path = tmp_path / "m*[1].npz"  # no pattern: a name
    others = [
        ".m1.npz.0123abcd.part",  # another file's
        ".m*[1].npz.new.0123abcd.part",
        ".m*[1].npz.0123abcg.part",
        ".m*[1].npz.old.part",  # the user's own
        "m*[1].npz.0123abcd.part",
    ]
    leftovers = [".m*[1].npz.0123abcd.part", ".m*[1].npz.ffffffff.part"]
    for name in leftovers + others:
        (tmp_path / name).write_bytes(b"half")
    with atomic_write(path):
        assert not any((tmp_path / name).exists() for name in leftovers)
    assert sorted(os.listdir(tmp_path)) == sorted([path.name, *others])


def test_the_file_of_a_live_process_stays(tmp_path: Path) -> None:
    """The lock counts, not the age; it separates two files opened by one process as it does two processes."""
    path = tmp_path / "file"
    with atomic_write(path) as file:
        file.write(b"first")
        (temporary,) = tmp_path.iterdir()
        os.utime(temporary, (0, 0))
        sweep_leftovers(path)
        write(path, b"second")
        assert temporary.exists()
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_folders_and_links_stay(tmp_path: Path) -> None:
    victim, link = tmp_path / "victim", tmp_path / ".file.00000001.part"
    (tmp_path / ".file.00000000.part").mkdir()
    victim.write_bytes(b"precious")
    link.symlink_to(victim)
    write(tmp_path / "file")
    assert victim.read_bytes() == b"precious"
    assert link.is_symlink()


def test_there_is_nothing_to_sweep_in_no_folder(tmp_path: Path) -> None:
    sweep_leftovers(tmp_path / "none" / "file")


def test_a_file_swept_between_creation_and_lock_is_created_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, lock, n_locked = tmp_path / "file", files._lock, []

    def swept_first(descriptor: int) -> None:
        n_locked.append(descriptor)
        if len(n_locked) == 1:
            sweep_leftovers(path)
        lock(descriptor)

    monkeypatch.setattr(files, "_lock", swept_first)
    write(path)
    assert len(n_locked) == 2
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"new"


def test_a_file_system_without_locks_keeps_leftovers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(37, "No locks available")

    leftover = tmp_path / ".file.0123abcd.part"
    leftover.touch()
    monkeypatch.setattr("fcntl.flock", no_locks)
    write(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"new"
    assert leftover.exists()  # better too much than another's


@pytest.mark.parametrize("n_taken", [2, 100])
def test_temporary_names_that_links_have_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_taken: int) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    names = [f"{i:08x}" for i in range(n_taken + 1)]
    links = [tmp_path / f".file.{name}.part" for name in names[:n_taken]]
    for i, link in enumerate(links):
        link.symlink_to(tmp_path / "nowhere" if i % 2 else victim)
    monkeypatch.setattr("secrets.token_hex", lambda n: names.pop(0))
    if n_taken == 2:
        write(tmp_path / "file")
        assert (tmp_path / "file").read_bytes() == b"new"
    else:
        with pytest.raises(FileExistsError, match="100 names in a row were taken"):
            write(tmp_path / "file")
    assert victim.read_bytes() == b"precious"
    assert all(link.is_symlink() for link in links)  # not ours to remove


def test_a_write_that_is_killed_leaves_the_old_file_or_the_new(
    memory_folder: Path, monkeypatch: pytest.MonkeyPatch, attack: Attack
) -> None:
    # Else every process would import pytest's script again, which is its parent's main module.
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)
    path, rng = memory_folder / "file", random.Random(0)
    for _ in range(30 * attack.factor):
        before = path.stat().st_mtime_ns if path.exists() else 0
        process = fork_server().Process(target=write_often, args=(str(path), 10**9))
        process.start()
        while not path.exists() or path.stat().st_mtime_ns == before:
            time.sleep(0.0001)
        time.sleep(rng.uniform(0, 0.003))
        process.kill()
        process.join()
        contents = path.read_bytes()
        assert len(contents) == 10_000
        assert len(set(contents)) == 1
        left = len(os.listdir(memory_folder)) - 1
        assert left <= 1
        attack.ends["a leftover" if left else "no leftover"] += 1
    assert attack.ends["a leftover"] > 0
    write(path)
    assert os.listdir(memory_folder) == ["file"]


def test_eight_processes_write_and_sweep_at_once(tmp_path: Path, attack: Attack) -> None:
    context, n_times = fork_server(), 25 * attack.factor
    processes = [context.Process(target=write_often, args=(str(tmp_path / "file"), n_times)) for _ in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
        attack.ends["whole file read back"] += n_times
    assert os.listdir(tmp_path) == ["file"]
