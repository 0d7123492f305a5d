"""Model files, and ways to make them wrong or hostile."""

import io
import json
import random
import struct
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from mnistlr import DigitReader, LogisticRegression, SoftmaxRegression, save_model
from tests.helpers.mutations import RAW

Members = dict[str, bytes]
N_FEATURES = 5

LABELS = [
    np.array([False, True]),
    np.array([-3, 1, 7]),
    np.array([-1, 1], np.int8),
    np.array([0, 255], np.uint8),
    np.array([1, 2, 4], ">i4"),
    np.array([-0.0, 1.0], np.float32),
    np.array([1.0, 2.0, 3.0]),
    np.array(["one", "three", "zwölf"]),
    np.array(["a", "b"], object),
    np.array(["a", "b\0\ud800", "ç"], object),
    np.array(["2020-01-01", "2021-01-01"], "M8[D]"),
]


def all_kinds_of_files(folder: Path) -> list[Members]:
    """Model files of all kinds of labels, as the members of their zip."""
    files = []
    rng = np.random.default_rng(0)
    for labels in LABELS:
        y = np.repeat(labels, 20)
        X = rng.normal(size=(len(y), N_FEATURES)) + np.arange(len(y))[:, None]
        for cls in (LogisticRegression, SoftmaxRegression)[len(labels) > 2 :]:
            model = cls(tol=0.5, random_state=3).fit(X, y)
            if len(files) % 3 == 0:
                model.set_params(class_weight={labels.tolist()[0]: 1.5} if y.dtype.kind in "iuUO" else "balanced")
            if len(files) % 2:
                model.feature_names_in_ = np.array([f"größe {i}" for i in range(N_FEATURES)], object)
            files.append(members_of(save_model(model, folder / "m", training_data=(X, y), accuracy=0.5)))
    X, y = rng.integers(0, 256, (60, N_FEATURES), dtype=np.uint8), np.arange(60) % 3
    for shape, labels in (((1, -1), y), ((N_FEATURES, 1), y == 1)):
        reader = DigitReader(directions=4, grids=(2, 1), shape=shape, random_state=3).fit(X, labels)
        files.append(members_of(save_model(reader, folder / "m")))
    return files


def members_of(path: Path) -> Members:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


# Mutations of the members; the zip around them is written anew, with checksums that are right


def npy(array: Any) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array(out, np.asarray(array), version=(1, 0))
    return out.getvalue()


def npy_with_header(text: str, data: bytes) -> bytes:
    header = text.encode("latin-1", "replace") + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header) % 65536) + header + data


def other_bytes(members: Members, rng: random.Random) -> None:
    name = rng.choice(list(members))
    members[name] = rng.choice(RAW)(members[name], rng)


def lie_about_an_array(members: Members, rng: random.Random) -> None:
    """Another type, order or shape in an array's header; sizes past 2^31, 2^63 and below zero."""
    name = rng.choice(list(members))
    data = members[name][128:]
    descr = rng.choice(
        ["<f8", "<f4", ">f8", "<f2", "<f16", "<i8", "|u1", "|b1", "|S0", "|V0", "<U0", "<U1", "|V8", "|O", "<c16",
         "<M8[s]", "<m8[D]", "<U999999999", "<f99", "f8", "|S4294967296"]
    )  # fmt: skip
    n = rng.choice([len(data) // 8, len(data), 0, 1, 3, -1, 2**31, 2**31 - 1, 2**32, 2**61, 2**63, 2**64, 10**30])
    m = rng.choice([N_FEATURES, 0, 1, 2**33, -8, 2**62])
    shape = rng.choice(
        [f"({n},)", f"({n}, {m})", f"({m}, {n})", "()", f"({n})", f"[{n}]", f"({n}, {m}, 0)", f"({n}.0,)", "(True,)"]
    )
    usual = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    text = rng.choice(
        [
            usual,
            usual + " " * rng.randrange(100),
            usual.replace("False", rng.choice(["True", "1", "None"])),
            f"{{'shape': {shape}, 'descr': [('a', '{descr}')], 'fortran_order': False}}",
            "(" * 5000,
            "-" * 5000 + "1",
            "{'descr': __import__('os').abort(), 'fortran_order': False, 'shape': (1,), }",
            "{'descr': '\\d', 'fortran_order': False, 'shape': (1,), }",
        ]
    )
    members[name] = npy_with_header(text, data)


def other_values(members: Members, rng: random.Random) -> None:
    """An array that is sound, but not what a model of these labels and features has."""
    name = rng.choice([name for name in members if name != "header.npy"])
    array = np.load(io.BytesIO(members[name]))
    members[name] = npy(
        rng.choice(
            [
                lambda: array[::-1],
                lambda: np.asfortranarray(array),
                lambda: array.T,
                lambda: array[:-1],
                lambda: array[None],
                lambda: np.concatenate([array, array]),
                lambda: array.astype(rng.choice(["f4", "f2", ">f8", "i8", "S8", "c16", "M8[s]"])),
                lambda: array + array.dtype.type(1) if array.dtype.kind in "iuf" else array,
                lambda: np.full(array.shape, rng.choice([np.nan, np.inf, -np.inf, 1e308, 0.0])),
                lambda: np.where(np.arange(array.size).reshape(array.shape) == 1, np.nan, 1.0),
                lambda: np.zeros((0, *array.shape[1:])),
                lambda: np.frombuffer(bytes([2] * 3), bool),
                lambda: np.array([0, 0x110000, 0x7FFFFFFF], "u4").view("U1"),
                lambda: np.array(["b", "a", "a"]),
            ]
        )()
    )


def other_members(members: Members, rng: random.Random) -> None:
    name = rng.choice(list(members))
    new = rng.choice(["extra.npy", "../coef.npy", "coef", "classes.npy", "", "a/", "\x1b[2J", "history_x.npy"])
    if rng.random() < 0.3:
        members[new] = members[name]
    elif rng.random() < 0.5:
        members[new] = members.pop(name)
    else:
        del members[name]


STRANGE: list[Any] = [
    None, True, False, -1, 0, 1, 2, 3, 2**31, 2**63, 10**400, 0.5, -0.5, 1e308, float("nan"), float("inf"), "", "x",
    "sgd", "auto", "balanced", "LogisticRegression", "SoftmaxRegression", "object", "<i8", [], [[]], ["a", "b"],
    ["b", "a"], [1, 2], {}, {"pairs": []}, {"pairs": 1}, {"pairs": [[1, 2], [1, "x"]]}, {"pairs": [[[], 1]]},
    {"values": ["a", "b"]}, {"values": ["a", "b"], "dtype": "object"}, "é\ud800\0", "\n" * 999,
    "z" * 5000, {"dtype": "<i8"}, {"dtype": None},
]  # fmt: skip


def parse(members: Members) -> Any:
    return json.loads(np.load(io.BytesIO(members["header.npy"])).tobytes())


def with_text(members: Members, text: bytes) -> None:
    members["header.npy"] = npy(np.frombuffer(text, np.uint8))


def other_header(members: Members, rng: random.Random) -> None:
    """One value anywhere in the JSON header replaced or removed."""
    header = target = parse(members)
    key = rng.choice(list(target))
    while isinstance(target[key], dict | list) and target[key] and rng.random() < 0.7:
        target = target[key]
        key = rng.choice(list(target) if isinstance(target, dict) else range(len(target)))
    if rng.random() < 0.15:
        del target[key]
    else:
        target[key] = rng.choice(STRANGE)
    with_text(members, json.dumps(header).encode())


def other_text(members: Members, rng: random.Random) -> None:
    """JSON that is none, or extreme."""
    text = np.load(io.BytesIO(members["header.npy"])).tobytes()
    version = b'"format_version": 1'
    texts = [
        rng.choice(RAW)(text, rng),
        rng.choice(RAW)(text, rng),
        b"[" * 100_000,
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        text[:-1] + b', "provenance": {"a": ' + b"[" * 3000 + b"]" * 3000 + b"}}",
        text[:-1] + b', "n_iter_": 1' + b"0" * 5000 + b"}",
        text[:-1] + b', "provenance": {"a": [' + b"[]," * 20_000 + b"1]}}",
        text[:-1] + b', "coef": NaN, "a": -Infinity}',
        text[:-1] + b', "n_features_in_": 5, "n_features_in_": 5}',
        b"\xef\xbb\xbf" + text,
        text.decode().encode("utf-16"),
        text.decode().encode("utf-32-le"),
        text.replace(version, version[:-1] + rng.choice([b"2", b"1e0", b"9" * 50, b"9" * 5000])),
        b"\xff" + text,
        text + b"\0",
        b"",
    ]
    with_text(members, rng.choice(texts))


def a_pickle(members: Members, rng: random.Random) -> None:
    """An array of objects, whose pickle would create a file."""

    class Trap:
        def __reduce__(self) -> Any:
            return (open, ("sprung", "w"))

    out = io.BytesIO()
    np.lib.format.write_array(out, np.array([Trap()], object), allow_pickle=True)
    name = rng.choice([*members, "history_trap.npy"])
    members[name] = rng.choice([out.getvalue(), out.getvalue()[out.getvalue().index(b"\n") + 1 :]])


INSIDE = [other_bytes, lie_about_an_array, lie_about_an_array, other_values, other_values, other_members, other_header,
          other_header, other_header, other_text, a_pickle]  # fmt: skip


def zipped(members: Members, rng: random.Random) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            deflated = rng.random() < 0.004
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED)
    return out.getvalue()


FIELDS = {  # of a zip's directory, of its members and at its end: (offset in the record, length), what readers act upon
    b"PK\1\2": [(8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (20, 8), (28, 2), (30, 2), (32, 2), (42, 4)],
    b"PK\3\4": [(6, 2), (8, 2), (18, 4), (22, 4), (26, 2), (28, 2)],
    b"PK\5\6": [(8, 2), (10, 2), (12, 4), (16, 4), (20, 2)],
}


def lie_about_members(data: bytes, rng: random.Random) -> bytes:
    """Another number in the zip's directory or at its end: sizes, offsets, counts, methods, flags."""
    mark = rng.choice([b"PK\1\2", *FIELDS])
    places = [at for at in range(len(data)) if data.startswith(mark, at)]
    offset, length = rng.choice(FIELDS[mark])
    at = rng.choice(places or [0]) + offset
    values = [0, 1, 8, 12, 14, 99, 200, 1000, 65535, 2**31 - 1, 2**31, 2**32 - 1, len(data), rng.randrange(2**32)]
    return data[:at] + (rng.choice(values) % 256**length).to_bytes(length, "little") + data[at + length :]


def mutate(start: Members, rng: random.Random) -> bytes:
    members, where = dict(start), rng.random()
    if where < 0.7:
        for _ in range(rng.choice([1, 1, 1, 2])):
            with suppress(Exception):  # a second mutation may not find what it needs
                rng.choice(INSIDE)(members, rng)
    data = zipped(members, rng)
    if where > 0.65:
        for _ in range(rng.choice([1, 1, 2])):
            data = rng.choice([*RAW, lie_about_members, lie_about_members, lie_about_members])(data, rng)
    return data
