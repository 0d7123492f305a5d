"""Ways to damage a file: bytes -> other bytes. And what is no file at all, for whatever reads one."""

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def flip_bit(data: bytes, rng: random.Random) -> bytes:
    if not data:
        return data
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def set_bytes(data: bytes, rng: random.Random) -> bytes:
    at, n = rng.randrange(len(data) + 1), rng.choice([1, 2, 4, 8])
    return data[:at] + rng.choice([rng.randbytes(n), b"\0" * n, b"\xff" * n]) + data[at + n :]


def truncate(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def lengthen(data: bytes, rng: random.Random) -> bytes:
    return data + rng.choice([b"\0", b"\0" * 9, rng.randbytes(rng.randrange(1, 20)), data, data[:8]])


def cut_out(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + data[at + rng.randrange(9) :]


def repeat(data: bytes, rng: random.Random) -> bytes:
    at, n = rng.randrange(len(data) + 1), rng.randrange(9)
    return data[: at + n] + data[at:]


RAW = [flip_bit, flip_bit, set_bytes, truncate, lengthen, cut_out, repeat]


def assert_refuses_what_is_no_file(read: Callable[[Path], Any], error: type[Exception], folder: Path) -> None:
    """Neither waits for a pipe nor reads a device to its end; names what lies there."""
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to(folder / "loop")
    for path in (folder / "pipe", Path("/dev/zero")):
        with pytest.raises(error, match=r"expected a plain file, but .* is a pipe, a socket or a device"):
            read(path)
    with pytest.raises(error, match=r"expected a file, but .* is a folder"):
        read(folder)
    with pytest.raises(OSError, match="symbolic links"):
        read(folder / "loop")
    (folder / "secret").touch()
    (folder / "secret").chmod(0)
    if os.geteuid() != 0:
        with pytest.raises(PermissionError, match="secret"):
            read(folder / "secret")
