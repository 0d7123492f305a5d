"""Files appear complete under their names or not at all, take no name but a plain file's, and leave nothing behind."""

import errno
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mnistlr._support.files import atomic_write, check_writable
from tests.conftest import Attack

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links, pipes and limits as POSIX has them")


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


def test_no_pipe_and_no_folder_is_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for name in ("pipe", "link"):
        with pytest.raises(OSError, match=r"plain file to write, but .*pipe is a pipe, a socket or a device"):
            write(tmp_path / name)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
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


def test_a_device_is_not_replaced() -> None:
    with pytest.raises(OSError, match="null is a pipe, a socket or a device"):
        write(Path(os.devnull))
    assert Path(os.devnull).is_char_device()


def test_what_a_killed_process_left_goes_with_the_next_write(tmp_path: Path) -> None:
    path = tmp_path / "m[1].npz"
    leftovers = [".m[1].npz.0123abcd.part", ".m[1].npz.ffffffff.part"]
    others = [
        ".m1.npz.0123abcd.part",  # another file's
        ".m[1].npz.new.0123abcd.part",
        ".m[1].npz.old.part",  # the user's own
        "m[1].npz.0123abcd.part",
    ]
    for name in leftovers + others:
        (tmp_path / name).touch()
    with atomic_write(path) as outer:
        outer.write(b"outer")
        write(path)  # another writer's file, in the making, stays
        assert len(os.listdir(tmp_path)) == len([path, "outer", *others])
    assert path.read_bytes() == b"outer"
    assert sorted(os.listdir(tmp_path)) == sorted([path.name, *others])


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


_MODELS = """
import json, os, random, resource, signal, sys, time, warnings
import numpy as np
from mnistlr import SoftmaxRegression, load_model, save_model

path = sys.argv[1]
model = SoftmaxRegression()
model.classes_, model.coef_, model.intercept_ = np.arange(3), np.zeros((3, 784)), np.zeros(3)
model.n_features_in_, model.n_iter_, model.stop_reason_ = 784, 1, "made by hand"

def save(number):
    model.coef_[:], model.intercept_[:] = number, number
    save_model(model, path)

def check():
    loaded = load_model(path)
    number = loaded.coef_[0, 0]
    assert (loaded.coef_ == number).all() and (loaded.intercept_ == number).all() and loaded.coef_.shape == (3, 784)
    return int(number)

def others():
    return len(os.listdir(os.path.dirname(path))) - 1

save(0)
"""

_KILLED = (
    _MODELS
    + """
random.seed(0)
newest, left, advanced = 0, 0, 0
started = time.perf_counter()
for _ in range(20):
    save(0)
duration = (time.perf_counter() - started) / 20
os.fsync = lambda descriptor: time.sleep(duration)  # a slow disk: half of the time the file is not complete
for _ in range(int(sys.argv[2])):
    child = os.fork()
    if child == 0:
        for number in range(newest + 1, newest + 10_000):
            save(number)
    time.sleep(random.uniform(1, 8) * duration)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    found = check()
    assert found >= newest
    advanced += found > newest
    newest = found
    left += others()
    assert others() <= 1
save(1)
print(json.dumps({"advanced": advanced, "left": left, "in the end": others()}))
"""
)

_FULL = (
    _MODELS
    + """
size = os.path.getsize(path)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
refused = 0
for limit in [*range(0, size, size // 40), size - 1]:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        save(1)
    except OSError as error:
        assert error.errno == 27, error
        refused += 1
    assert check() == 0 and others() == 0
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 1000, resource.RLIM_INFINITY))
save(1)
assert check() == 1 and others() == 0
print(refused)
"""
)

_FULL_DISK = (
    _MODELS
    + """
filler = os.path.dirname(path) + "/filler"
with open(filler, "wb", buffering=0) as file:
    try:
        while file.write(bytes(4096)):
            pass
    except OSError as error:
        assert error.errno == 28
    size = file.tell()
    refused = 0
    for free in range(0, os.path.getsize(path), 4096):
        file.truncate(size - free)
        try:
            save(1)
        except OSError as error:
            assert error.errno == 28, error
            refused += 1
        assert check() == 0 and others() == 1
os.unlink(filler)
save(1)
assert check() == 1 and others() == 0
print(refused)
"""
)


def in_a_process(script: str, *arguments: object, launcher: tuple[str, ...] = ()) -> str:
    command = [*launcher, sys.executable, "-W", "error", "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # no complaint of a file object that could not be closed
    return done.stdout


@pytest.mark.long
def test_a_save_that_is_killed_leaves_the_old_model_or_the_new(memory_folder: Path, attack: Attack) -> None:
    n = 100 * attack.factor
    counts = json.loads(in_a_process(_KILLED, memory_folder / "model.npz", n))
    attack.ends["survived by the old file or the new"] += n
    assert counts["advanced"] > 0  # the children were given time to save: how much depends on the machine
    assert counts["left"] > 0  # and some were killed in the middle
    assert counts["in the end"] == 0


@pytest.mark.long
def test_a_file_that_may_not_grow_leaves_the_old_model(memory_folder: Path, attack: Attack) -> None:
    attack.ends["refused"] += int(in_a_process(_FULL, memory_folder / "model.npz"))
    assert attack.ends["refused"] == 42


def test_a_full_disk_leaves_the_old_model(tmp_path: Path, attack: Attack) -> None:
    launcher = ("unshare", "--mount", "sh", "-c", f'mount -t tmpfs -o size=256k none "{tmp_path}" && exec "$@"', "sh")
    try:
        subprocess.run([*launcher, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no small file system can be mounted here: {error}")
    attack.ends["refused"] += int(in_a_process(_FULL_DISK, tmp_path / "model.npz", launcher=launcher))
    assert attack.ends["refused"] > 3
