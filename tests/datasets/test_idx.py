import gzip
import hashlib
import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from mnistlr import DataFormatError, open_idx, read_idx, write_idx
from mnistlr.datasets.idx import idx_sha256

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
SHAPES = [(), (0,), (1,), (7,), (3, 5), (2, 3, 4), (0, 28, 28), (2, 1, 3, 1, 2)]


def idx_bytes(array: np.ndarray) -> bytes:
    """The format from its description, independently of the package: what a file with `array` must hold."""
    header = bytes([0, 0, CODES[array.dtype.str[1:]], array.ndim])
    header += b"".join(int(size).to_bytes(4, "big") for size in array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def an_array(kind: str, shape: tuple[int, ...]) -> np.ndarray:
    random = np.random.default_rng(0)
    dtype = np.dtype(kind)
    if dtype.kind == "f":
        return np.asarray(random.normal(size=shape), dtype)
    limits = np.iinfo(dtype)
    return np.asarray(random.integers(limits.min, limits.max, size=shape, endpoint=True), dtype)


GOOD = idx_bytes(an_array("u1", (3, 4)))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", CODES)
def test_every_type_and_rank_is_written_read_and_mapped(tmp_path: Path, kind: str, shape: tuple[int, ...]) -> None:
    array, plain, packed = an_array(kind, shape), tmp_path / "a", tmp_path / "a.gz"
    write_idx(plain, array)
    write_idx(packed, array)
    assert plain.read_bytes() == gzip.decompress(packed.read_bytes()) == idx_bytes(array)
    for path in (plain, packed):
        read = read_idx(path)
        assert read.dtype == array.dtype
        assert read.dtype.isnative
        assert read.shape == shape
        np.testing.assert_array_equal(read, array)
    mapped = open_idx(plain)
    assert mapped.dtype == array.dtype.newbyteorder(">")
    assert mapped.shape == shape
    assert isinstance(mapped, np.memmap) == (array.size > 0)
    assert not mapped.flags.writeable
    np.testing.assert_array_equal(mapped, array)


def test_gzip_is_recognised_by_contents_not_by_name(tmp_path: Path) -> None:
    array = an_array("u1", (3, 4))
    packed, raw = tmp_path / "packed", tmp_path / "raw.gz"
    packed.write_bytes(gzip.compress(GOOD))
    raw.write_bytes(GOOD)
    for found in (read_idx(packed), read_idx(raw), open_idx(raw)):
        np.testing.assert_array_equal(found, array)
    with pytest.raises(DataFormatError, match=r"gzipped and cannot be memory-mapped.*read_idx"):
        open_idx(packed)


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 16, 20])
def test_gzip_in_several_members(tmp_path: Path, cut: int) -> None:
    array = an_array("i2", (3, 4))
    contents = idx_bytes(array)
    (tmp_path / "a").write_bytes(gzip.compress(contents[:cut]) + gzip.compress(contents[cut:]))
    np.testing.assert_array_equal(read_idx(tmp_path / "a"), array)


@pytest.mark.parametrize(
    "array",
    [
        an_array("i4", (4, 6)).T,
        an_array("i4", (4, 6))[::2, ::-1],
        np.asfortranarray(an_array("f8", (4, 6))),
        an_array("i2", (4, 6)).astype(">i2"),
    ],
    ids=["transposed", "strided", "fortran", "big-endian"],
)
def test_write_any_memory_layout(tmp_path: Path, array: np.ndarray) -> None:
    write_idx(tmp_path / "a", array)
    np.testing.assert_array_equal(read_idx(tmp_path / "a"), array)


def test_equal_arrays_give_equal_gzip_files(tmp_path: Path) -> None:
    write_idx(tmp_path / "a.gz", an_array("u1", (50, 50)))
    write_idx(tmp_path / "b.gz", an_array("u1", (50, 50)))
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
    assert (tmp_path / "a.gz").read_bytes()[4:8] == b"\0\0\0\0"  # where gzip puts the time


def test_sha256_is_that_of_the_file(tmp_path: Path) -> None:
    array = an_array("i2", (5, 3))
    write_idx(tmp_path / "a", array)
    assert idx_sha256(array) == hashlib.sha256((tmp_path / "a").read_bytes()).hexdigest()


HUGE = b"\0\0\x08\x02" + struct.pack(">2I", 2**20, 2**20)
DAMAGED = {
    "three bytes": (GOOD[:3], "at least 4 bytes, it has 3"),
    "html": (b"<!DOCTYPE html><html></html>", "a web page; get the file itself"),
    "unknown type": (b"\0\0\x0a" + GOOD[3:], r"element type 0x0A; expected one of 0x08 \(uint8\)"),
    "header cut short": (GOOD[:9], "2 axes and should go on for 8 bytes, but the file ends after 5"),
    "rank too high": (b"\0\0\x08\x03" + GOOD[4:], "uint8 of shape"),
    "rank too low": (b"\0\0\x08\x01" + GOOD[4:], r"uint8 of shape \(3,\)"),
    "rank over NumPy's": (b"\0\0\x08\x41" + struct.pack(">65I", *[1] * 65) + b"\0", "65 axes, expected at most 64"),
    "one byte short": (GOOD[:-1], "end|truncated"),
    "one byte long": (GOOD + b"\0", "more bytes follow|too long"),
    "2**40 elements": (HUGE + b"\0" * 40, "1099511627776|1099511627788"),
    "2**96 elements": (b"\0\0\x08\x03" + b"\xff" * 12 + b"\0" * 40, "more than memory can address"),
    "0 by 2**96": (b"\0\0\x08\x04" + b"\0" * 4 + b"\xff" * 12, "more than memory can address"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_file_is_refused_by_its_name(tmp_path: Path, case: str) -> None:
    contents, message = DAMAGED[case]
    path = tmp_path / "some-file"
    for read, written in ((read_idx, contents), (open_idx, contents), (read_idx, gzip.compress(contents))):
        path.write_bytes(written)
        with pytest.raises(DataFormatError, match=message) as caught:
            read(path)
        assert "some-file" in str(caught.value)


PACKED = gzip.compress(idx_bytes(an_array("u1", (30, 40))))
WRONG_STREAMS = {f"bytes up to {end}": PACKED[:end] for end in (3, 9, 12, 20, -9, -1)} | {"more": PACKED + b"garbage"}


@pytest.mark.parametrize("contents", WRONG_STREAMS.values(), ids=WRONG_STREAMS)
def test_a_gzip_stream_that_is_cut_short_or_goes_on_is_refused(tmp_path: Path, contents: bytes) -> None:
    (tmp_path / "some-file").write_bytes(contents)
    with pytest.raises(DataFormatError, match=r"some-file.*gzip stream"):
        read_idx(tmp_path / "some-file")


def test_a_flipped_bit_of_a_gzip_file_never_gives_other_data(tmp_path: Path) -> None:
    array = an_array("u1", (3, 4))
    packed = gzip.compress(idx_bytes(array), mtime=0)
    n_noticed = 0
    for i in range(8 * len(packed)):
        damaged = bytearray(packed)
        damaged[i // 8] ^= 1 << i % 8
        (tmp_path / "a").write_bytes(damaged)
        try:
            np.testing.assert_array_equal(read_idx(tmp_path / "a"), array)  # a bit that carries no data
        except DataFormatError:
            n_noticed += 1
    assert n_noticed > 0.75 * 8 * len(packed)


def test_lying_headers_and_gzip_bombs_cost_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "a"
    a_lot = b"\0" * (64 << 20)
    lies = [
        HUGE + b"\0" * 1000,
        gzip.compress(HUGE + b"\0" * 1000),
        gzip.compress(GOOD + a_lot),  # the header promises 12 bytes, 64 MB follow
        gzip.compress(a_lot),  # a bomb that is no IDX file
    ]
    for contents in lies:
        path.write_bytes(contents)
        tracemalloc.start()
        try:
            with pytest.raises(DataFormatError):
                read_idx(path)
            assert tracemalloc.get_traced_memory()[1] < 4 << 20
        finally:
            tracemalloc.stop()


def test_a_missing_file_is_told_by_name(tmp_path: Path) -> None:
    for read in (read_idx, open_idx):
        with pytest.raises(FileNotFoundError, match="no-such-file"):
            read(tmp_path / "no-such-file")


UNFIT = {kind: (np.zeros(3, kind), "no element type") for kind in ("bool", "u2", "i8", "f2", "c8", "U3", "O")}
UNFIT["an axis too long"] = (np.broadcast_to(np.uint8(0), (2**32,)), r"2\*\*32 - 1")


@pytest.mark.parametrize(("array", "message"), UNFIT.values(), ids=UNFIT)
def test_what_idx_cannot_hold_leaves_the_old_file(tmp_path: Path, array: np.ndarray, message: str) -> None:
    (tmp_path / "a").write_bytes(GOOD)
    with pytest.raises(DataFormatError, match=message):
        write_idx(tmp_path / "a", array)
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == GOOD


@pytest.mark.skipif(os.name != "posix", reason="an open file cannot be replaced elsewhere")
def test_who_has_the_old_file_open_keeps_it(tmp_path: Path) -> None:
    write_idx(tmp_path / "a", np.zeros(1000, np.uint8))
    mapped = open_idx(tmp_path / "a")
    write_idx(tmp_path / "a", np.ones(1000, np.uint8))
    assert not mapped.any()
    assert open_idx(tmp_path / "a").all()


@pytest.mark.skipif(os.name != "posix", reason="permission bits")
def test_a_written_file_has_ordinary_permissions(tmp_path: Path) -> None:
    write_idx(tmp_path / "a", np.zeros(3, np.uint8))
    (tmp_path / "b").touch()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode
