"""Damaged and hostile IDX files: read as a second, tiny reader reads them, or refused by name, in bounded memory."""

import gzip
import math
import os
import random
import struct
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mnistlr import DataFormatError, load_idx_folder, open_idx, read_idx
from mnistlr.datasets.mnist_files import MNIST_FILES
from tests.conftest import Attack
from tests.helpers.mutations import RAW, assert_refuses_what_is_no_file, flip_bit

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MAX_RATIO = 1032  # of deflate


def reference_read(data: bytes) -> np.ndarray | None:
    """Return what is in an IDX file, as it lies there, or None where it is none."""
    try:
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
        zeros, code, rank = struct.unpack_from(">HBB", data)
        shape = struct.unpack_from(f">{rank}I", data, 4)
        elements = np.frombuffer(data, TYPES[code], offset=4 + 4 * rank)
        return None if zeros else elements.reshape(shape)
    except (EOFError, zlib.error, gzip.BadGzipFile, struct.error, KeyError, ValueError):
        return None


def idx_bytes(code: int, shape: tuple[int, ...], elements: bytes) -> bytes:
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + elements


def seeds() -> list[bytes]:
    rng = random.Random(0)
    shapes = [(), (0,), (5,), (40,), (3, 4), (0, 7), (2, 3, 4), (10, 4, 4), (2, 1, 3, 2), (1, 2, 0, 2)]
    return [
        idx_bytes(code, shape, rng.randbytes(math.prod(shape) * np.dtype(dtype).itemsize))
        for code, dtype in TYPES.items()
        for shape in shapes
    ]


def gzip_member(data: bytes, rng: random.Random) -> bytes:
    """A gzip member with any of the optional fields."""
    flags = rng.choice([0, 0, 8, 4 | 8, 4 | 8 | 16 | 2, 1])
    header = b"\x1f\x8b\x08" + bytes([flags]) + b"\0\0\0\0\2\3"
    header += b"\5\0extra" if flags & 4 else b""
    header += b"name\0" if flags & 8 else b""
    header += b"comment\0" if flags & 16 else b""
    header += struct.pack("<H", zlib.crc32(header) & 0xFFFF) if flags & 2 else b""
    deflate = zlib.compressobj(rng.choice([0, 1, 6]), zlib.DEFLATED, -15)
    return header + deflate.compress(data) + deflate.flush() + struct.pack("<2I", zlib.crc32(data), len(data))


BOMB = gzip.compress(bytes(1 << 20), 9)  # 1 kB


def flip_bit_of_header(data: bytes, rng: random.Random) -> bytes:
    return flip_bit(data[:24], rng) + data[24:]


def lie_about_a_size(data: bytes, rng: random.Random) -> bytes:
    if len(data) < 8 or not data[3]:
        return data
    at = 4 + 4 * rng.randrange(min(data[3], (len(data) - 4) // 4))
    true = int.from_bytes(data[at : at + 4], "big")
    lie = rng.choice(
        [0, 1, true + 1, true - 1, 2 * true, 2**31 - 1, 2**31, 2**31 + true, 2**32 - 1, 2**16, 2**20,
         int.from_bytes(data[at : at + 4], "little"), rng.randrange(2**32)]
    )  # fmt: skip
    return data[:at] + struct.pack(">I", lie % 2**32) + data[at + 4 :]


def lie_about_the_rank(data: bytes, rng: random.Random) -> bytes:
    return data[:3] + bytes([rng.choice([0, 1, 2, 3, 4, 5, 33, 64, 65, 255])]) + data[4:]


def lie_about_the_type(data: bytes, rng: random.Random) -> bytes:
    return data[:2] + bytes([rng.choice([*TYPES, 0x0A, 0x0F, 0, 7, rng.randrange(256)])]) + data[3:]


def add_axes_of_one(data: bytes, rng: random.Random) -> bytes:
    """The same elements in more axes: a valid file, up to rank 64."""
    n = rng.choice([1, 2, 60, 64])
    return data[:3] + bytes([(data[3] + n) % 256]) + struct.pack(f">{n}I", *[1] * n) + data[4:] if data[3:] else data


IDX = [
    *RAW, flip_bit_of_header, lie_about_a_size, lie_about_a_size, lie_about_the_rank, lie_about_the_type,
    add_axes_of_one,
]  # fmt: skip


def pack(data: bytes, rng: random.Random) -> bytes:
    """Gzip in one of many ways, several of them wrong."""
    cut = rng.randrange(len(data) + 1)
    return rng.choice(
        [
            lambda: gzip_member(data, rng),
            lambda: gzip_member(data, rng),
            lambda: gzip_member(data[:cut], rng) + gzip_member(data[cut:], rng),
            lambda: gzip_member(data[:cut], rng) + b"\0" * 3 + gzip_member(b"", rng) * 3 + gzip_member(data[cut:], rng),
            lambda: gzip_member(data, rng) + b"\0" * rng.randrange(40),
            lambda: gzip_member(data, rng) + rng.randbytes(5),
            lambda: gzip_member(data, rng) + data,
            lambda: gzip_member(data, rng) * 2,
            lambda: gzip_member(gzip_member(data, rng), rng),
            lambda: gzip_member(data, rng) + BOMB,
            lambda: BOMB + gzip_member(data, rng),
        ]
    )()


def mutate(data: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.choice([0, 0, 1, 1, 2, 3])):
        data = rng.choice(IDX)(data, rng)
    if rng.random() < 0.5:
        data = pack(data, rng)
        if rng.random() < 0.5:
            data = rng.choice(RAW)(data, rng)
    return data


def read_or_refuse(read: Callable[[Path], np.ndarray], path: Path, size: int) -> np.ndarray | None:
    """Read in no more memory than a file of that size may need: two copies of all that could be in it."""
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    array, message = None, f"{path}"
    try:
        array = read(path)
    except DataFormatError as error:
        message = str(error)
    assert str(path) in message
    assert message.isprintable()
    assert len(message) < 1500  # 64 axes take room
    grown = tracemalloc.get_traced_memory()[1] - before
    assert grown < 2 * MAX_RATIO * size + (3 << 20)
    return array


@pytest.mark.parametrize("n", [300, pytest.param(5_000, marks=pytest.mark.long)])
def test_mutated_files(memory_folder: Path, attack: Attack, n: int) -> None:
    rng, starts, path = random.Random(n), seeds(), memory_folder / "attacked"
    tracemalloc.start()
    try:
        for _ in range(n * attack.factor):
            data = mutate(rng.choice(starts), rng)
            path.write_bytes(data)
            expected, is_gzipped = reference_read(data), data[:2] == b"\x1f\x8b"
            for read in (read_idx, open_idx):
                array = read_or_refuse(read, path, len(data))
                if expected is None or (is_gzipped and read is open_idx):
                    assert array is None, data
                else:
                    assert array is not None, data
                    assert array.dtype == expected.dtype.newbyteorder("=" if read is read_idx else ">")
                    assert array.shape == expected.shape
                    assert array.astype(expected.dtype).tobytes() == expected.tobytes()
            attack.ends["refused" if expected is None else "read"] += 1
    finally:
        tracemalloc.stop()
    assert min(attack.ends["refused"], attack.ends["read"]) > n // 7


@pytest.mark.parametrize("n", [200, pytest.param(1_000, marks=pytest.mark.long)])
def test_a_folder_with_a_mutated_file(memory_folder: Path, attack: Attack, n: int) -> None:
    rng, images, labels = random.Random(n), idx_bytes(8, (4, 2, 3), bytes(range(24))), idx_bytes(8, (4,), bytes(4))
    files = [(memory_folder / file.file_name, images if len(file.shape) == 3 else labels)
             for file in MNIST_FILES.values()]  # fmt: skip
    for path, good in files:
        path.write_bytes(good)
    for _ in range(n * attack.factor):
        position = rng.randrange(4)
        path, good = files[position]
        data = mutate(good, rng)
        path.write_bytes(data)
        try:
            array = load_idx_folder(memory_folder)[position]
        except DataFormatError:
            attack.ends["refused"] += 1
        else:
            np.testing.assert_array_equal(array, reference_read(data).reshape(array.shape))
            attack.ends["read"] += 1
        path.write_bytes(good)
    assert min(attack.ends["refused"], attack.ends["read"]) > 20


READ_IN_LITTLE_MEMORY = """
import resource, sys
from mnistlr import DataFormatError, read_idx

with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (256 << 20),) * 2)
for path in sys.argv[1:]:
    try:
        read_idx(path)
    except DataFormatError as error:
        print(error)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="reads its size from /proc")
def test_what_is_larger_than_memory_is_refused_but_mapped(tmp_path: Path) -> None:
    packed, plain = tmp_path / "2 GB in a gzip bomb", tmp_path / "4 GB of nothing"
    packed.write_bytes(gzip.compress(idx_bytes(8, (2**31,), b"")) + gzip.compress(bytes(16 << 20), 9) * 128)
    plain.write_bytes(idx_bytes(8, (2**32 - 1,), b""))
    os.truncate(plain, 8 + 2**32 - 1)
    command = [sys.executable, "-W", "error", "-c", READ_IN_LITTLE_MEMORY, packed, plain]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.stderr == ""
    for path, answer in zip((packed, plain), done.stdout.splitlines(), strict=True):
        assert answer.startswith(f"{path}: ")
        assert "more than this machine has memory" in answer
    mapped = open_idx(plain)  # what is mapped needs no memory
    assert mapped.shape == (2**32 - 1,)
    assert mapped[-1] == 0


@pytest.mark.parametrize("read", [read_idx, open_idx])
def test_no_file(read: Callable[[Path], np.ndarray], tmp_path: Path) -> None:
    assert_refuses_what_is_no_file(read, DataFormatError, tmp_path)


def test_a_folder_of_pipes(tmp_path: Path) -> None:
    for file in MNIST_FILES.values():
        os.mkfifo(tmp_path / file.file_name)
    with pytest.raises(DataFormatError, match="none is there"):
        load_idx_folder(tmp_path)
