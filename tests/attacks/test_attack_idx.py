"""Damaged and hostile IDX files: read as a second, tiny reader reads them, or refused by name, in bounded memory."""

import gzip
import json
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
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from mnistlr import DataFormatError, load_idx_folder, open_idx, read_idx, write_idx
from tests.conftest import Attack
from tests.helpers.mutations import RAW, assert_refuses_what_is_no_file, flip_bit

TYPES = {0x08: "B", 0x09: "b", 0x0B: "h", 0x0C: "i", 0x0D: "f", 0x0E: "d"}  # code -> the letter of struct
MAX_RATIO = 1032  # of deflate

Read = tuple[str, tuple[int, ...], bytes]  # letter, shape, elements as they lie in the file


def reference_gunzip(data: bytes) -> bytes | None:
    """RFC 1952, without gzip.py: members one after another, zeros between and after them."""
    unpacked, rest = b"", data
    while rest:
        try:
            if rest[:3] != b"\x1f\x8b\x08":
                return None
            flags, at = rest[3], 10
            if flags & 4:
                at += 2 + int.from_bytes(rest[at : at + 2], "little")
            for flag in (8, 16):
                if flags & flag:
                    at = rest.index(b"\0", at) + 1
            at += flags & 2
            inflate = zlib.decompressobj(-15)
            part = inflate.decompress(rest[at:])
            crc, length = struct.unpack_from("<2I", inflate.unused_data)
        except (zlib.error, struct.error, ValueError, IndexError):
            return None
        if not inflate.eof or crc != zlib.crc32(part) or length != len(part) % 2**32:
            return None
        unpacked, rest = unpacked + part, inflate.unused_data[8:].lstrip(b"\0")
    return unpacked


def reference_read(data: bytes) -> Read | None:
    """Return what is in an IDX file, or None where it is none."""
    if data[:2] == b"\x1f\x8b":
        unpacked = reference_gunzip(data)
        if unpacked is None:
            return None
        data = unpacked
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in TYPES or data[3] > 64:
        return None
    letter, rank, start = TYPES[data[2]], data[3], 4 + 4 * data[3]
    if len(data) < start:
        return None
    shape = tuple(int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(rank))
    itemsize = struct.calcsize(letter)
    if len(data) - start != math.prod(shape) * itemsize or math.prod(n for n in shape if n) * itemsize >= 2**63:
        return None
    return letter, shape, data[start:]


def assert_same(array: np.ndarray, expected: Read) -> None:
    letter, shape, elements = expected
    assert array.dtype == np.dtype(letter)
    assert array.dtype.isnative
    assert array.shape == shape
    assert array.astype(array.dtype.newbyteorder(">")).tobytes() == elements
    values = struct.unpack(f">{math.prod(shape)}{letter}", elements)
    np.testing.assert_array_equal(array.ravel(), np.array(values, array.dtype))


# Valid files to start from


def idx_bytes(code: int, shape: tuple[int, ...], elements: bytes) -> bytes:
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + elements


def seeds() -> list[bytes]:
    rng = random.Random(0)
    shapes = [(), (0,), (5,), (40,), (3, 4), (0, 7), (2, 3, 4), (10, 4, 4), (2, 1, 3, 2), (1, 2, 0, 2)]
    return [
        idx_bytes(code, shape, rng.randbytes(math.prod(shape) * struct.calcsize(letter)))
        for code, letter in TYPES.items()
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

# Mutations: bytes -> bytes


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
    array = None
    try:
        array = read(path)
    except DataFormatError as error:
        message = str(error)
        good = str(path) in message and message.isprintable() and len(message) < 1500  # 64 axes take room
    else:
        good = True
    assert good, message
    grown = tracemalloc.get_traced_memory()[1] - before
    assert grown < 2 * MAX_RATIO * size + (3 << 20)
    return array


def attack_reader(n: int, seed: int, path: Path, ends: dict[str, int]) -> None:
    rng, starts = random.Random(seed), seeds()
    tracemalloc.start()
    try:
        for _ in range(n):
            data = mutate(rng.choice(starts), rng)
            path.write_bytes(data)
            expected, is_gzipped = reference_read(data), data[:2] == b"\x1f\x8b"
            for read in (read_idx, open_idx):
                array = read_or_refuse(read, path, len(data))
                if expected is None or (is_gzipped and read is open_idx):
                    assert array is None, data
                else:
                    assert array is not None, data
                    assert_same(np.asarray(array, array.dtype.newbyteorder("=")), expected)
            ends["refused" if expected is None else "read"] += 1
    finally:
        tracemalloc.stop()


@pytest.fixture
def fast_path(memory_folder: Path) -> Path:
    return memory_folder / "attacked"


def test_mutated_files(fast_path: Path, attack: Attack) -> None:
    attack_reader(300 * attack.factor, 1, fast_path, attack.ends)
    assert min(attack.ends["refused"], attack.ends["read"]) > 50


@pytest.mark.long
def test_5_000_mutated_files(fast_path: Path, attack: Attack) -> None:
    attack_reader(5_000 * attack.factor, 2, fast_path, attack.ends)
    assert min(attack.ends["refused"], attack.ends["read"]) > 750


ANY_ARRAY = st.sampled_from(
    [f"{order}{kind}" for kind in ("u1", "i1", "i2", "i4", "f4", "f8") for order in "<>"]
).flatmap(lambda dtype: arrays(dtype, array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=5)))


@settings(deadline=None, max_examples=100, derandomize=True, database=None)
@given(array=ANY_ARRAY, packed=st.booleans())
def test_whatever_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, array: np.ndarray, packed: bool) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{'.gz' * packed}"
    write_idx(path, array)
    expected = reference_read(path.read_bytes())
    assert expected is not None
    assert_same(read_idx(path), expected)
    assert expected[1] == array.shape
    assert expected[2] == array.astype(array.dtype.newbyteorder(">")).tobytes()


@settings(deadline=None, max_examples=200, derandomize=True, database=None)
@given(
    start=st.one_of(
        st.binary(max_size=40),
        st.builds(
            idx_bytes,
            st.sampled_from(list(TYPES)),
            st.lists(st.integers(0, 3) | st.integers(0, 2**32 - 1), max_size=6).map(tuple),
            st.binary(max_size=40),
        ),
    ),
    packed=st.booleans(),
)
def test_whatever_bytes(tmp_path_factory: pytest.TempPathFactory, start: bytes, packed: bool) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes"
    data = gzip.compress(start) if packed else start
    path.write_bytes(data)
    expected = reference_read(data)
    try:
        array = read_idx(path)
    except DataFormatError:
        assert expected is None
    else:
        assert expected is not None
        assert_same(array, expected)


def attack_folder(n: int, folder: Path, ends: dict[str, int]) -> None:
    rng = random.Random(3)
    images, labels = idx_bytes(8, (4, 2, 3), bytes(range(24))), idx_bytes(8, (4,), bytes(4))
    files = {f"{subset}-{kind}": images if kind == "images-idx3-ubyte" else labels
             for subset in ("train", "t10k") for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")}  # fmt: skip
    for name, data in files.items():
        (folder / name).write_bytes(data)
    others = [idx_bytes(code, shape, bytes(math.prod(shape) * struct.calcsize(letter)))
              for code, letter in TYPES.items() for shape in ((4,), (3,), (4, 2, 3), (4, 3, 2), (3, 2, 3))]  # fmt: skip
    for _ in range(n):
        name = rng.choice(list(files))
        data = rng.choice(others) if rng.random() < 0.2 else mutate(files[name], rng)
        (folder / name).write_bytes(data)
        expected = reference_read(data)
        try:
            split = load_idx_folder(folder)
        except DataFormatError:
            ends["refused"] += 1
        else:
            assert expected is not None
            X_train, X_test, y_train, y_test = split
            assert X_train.dtype == X_test.dtype == np.uint8
            assert X_train.shape == X_test.shape == (4, 6)
            assert y_train.dtype == y_test.dtype == np.int64
            assert y_train.shape == y_test.shape == (4,)
            position = ("train-i", "t10k-i", "train-l", "t10k-l").index(name[: name.index("-") + 2])
            values = struct.unpack(f">{math.prod(expected[1])}{expected[0]}", expected[2])
            np.testing.assert_array_equal(split[position].ravel(), values)
            ends["read"] += 1
        (folder / name).write_bytes(files[name])


def test_a_folder_with_a_mutated_file(memory_folder: Path, attack: Attack) -> None:
    attack_folder(200 * attack.factor, memory_folder, attack.ends)
    assert min(attack.ends["refused"], attack.ends["read"]) > 20


@pytest.mark.long
def test_1_000_folders_with_a_mutated_file(memory_folder: Path, attack: Attack) -> None:
    attack_folder(1000 * attack.factor, memory_folder, attack.ends)


# In little memory

_LIMITED = """
import json, resource, sys, time
from mnistlr import DataFormatError, read_idx

used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (256 << 20),) * 2)
answers = []
for path in sys.argv[1:]:
    try:
        answers.append(f"read {read_idx(path).shape}")
    except DataFormatError as error:
        answers.append(str(error))
# Not ru_maxrss, which starts with what the process that forked had.
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(json.dumps({"answers": answers, "peak": peak << 10}))
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="reads its size from /proc")
def test_bombs_in_a_process_with_little_memory(tmp_path: Path, attack: Attack) -> None:
    zeros = gzip.compress(bytes(16 << 20), 9)
    two_gigabytes = zeros * 128  # 2 MB
    whole = idx_bytes(8, (2, 1024, 1024), b"")
    too_large = "more than this machine has memory"
    cases = {
        "bomb that is no IDX file": (b"\x1f\x8b" + two_gigabytes[2:], "unknown IDX element type 0x00"),
        "more than promised": (gzip.compress(idx_bytes(8, (3,), b"abc")) + two_gigabytes, "more bytes follow"),
        "more than memory": (gzip.compress(idx_bytes(8, (2**31,), b"")) + two_gigabytes, too_large),
        "cut short": (gzip.compress(idx_bytes(8, (2**31 - 9,), b"")) + two_gigabytes[:-9], too_large),
        "a lie": (gzip.compress(idx_bytes(0x0E, (2**31, 2**20), b"")), "gzipped bytes can hold"),
        "a plain lie": (idx_bytes(0x0E, (2**31, 2**20), b""), "truncated or its header is damaged"),
        "all true": (gzip.compress(whole + bytes(2 << 20)), r"read (2, 1024, 1024)"),
    }  # fmt: skip
    paths = []
    for name, (data, _) in cases.items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(data)
    sparse = tmp_path / "4 GB of nothing"
    with open(sparse, "wb") as file:
        file.write(idx_bytes(8, (2**32 - 1,), b""))
        file.truncate(8 + 2**32 - 1)
    command = [sys.executable, "-W", "error", "-c", _LIMITED, *map(str, [*paths, sparse])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    messages = [message for _, message in cases.values()] + [too_large]
    for answer, message in zip(report["answers"], messages, strict=True):
        assert message in answer
        attack.ends["read" if answer.startswith("read") else "refused"] += 1
    assert report["peak"] < 512 << 20
    mapped = open_idx(sparse)  # what is mapped needs no memory
    assert mapped.shape == (2**32 - 1,)
    assert mapped[-1] == 0


# What lies there is no file


@pytest.mark.parametrize("read", [read_idx, open_idx])
def test_no_file(read: Callable[[Path], np.ndarray], tmp_path: Path) -> None:
    assert_refuses_what_is_no_file(read, DataFormatError, tmp_path)


def test_a_folder_of_pipes(tmp_path: Path) -> None:
    for subset in ("train", "t10k"):
        for kind in ("images-idx3-ubyte", "labels-idx1-ubyte"):
            os.mkfifo(tmp_path / f"{subset}-{kind}")
    with pytest.raises(DataFormatError, match="none is there"):
        load_idx_folder(tmp_path)
