"""Damaged and hostile model files: each gives a model that works or is refused by name, in bounded memory."""

import hashlib
import io
import json
import multiprocessing
import os
import random
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Attack
from hypothesis import given, settings
from hypothesis import strategies as st

import mnistlr.exceptions
from mnistlr import LogisticRegression, MnistlrError, ModelFileError, SoftmaxRegression, load_digits, load_model
from mnistlr.model_file import read_model_file

Members = dict[str, bytes]
N_FEATURES = 5

LABELS = [
    [False, True],
    np.array([-3, 1, 7], np.int64),
    np.array([0, 255], np.uint8),
    np.array([1, 2, 4], ">i4"),
    np.array([-0.0, 1.0], np.float32),
    np.array([1.0, 2.0, 3.0]),
    ["one", "three", "zwölf"],
    np.array(["a", "b"], object),
    np.array(["a", "b", "ç\0"], object),
    np.array(["2020-01-01", "2021-01-01"], "M8[D]"),
]


@pytest.fixture(scope="module")
def starts(tmp_path_factory: pytest.TempPathFactory) -> list[Members]:
    """Model files of all kinds of labels, as the members of their zip."""
    folder, files = tmp_path_factory.mktemp("starts"), []
    rng = np.random.default_rng(0)
    for labels in LABELS:
        y = np.repeat(np.asarray(labels), 8)
        X = rng.normal(size=(len(y), N_FEATURES)) + np.arange(len(y))[:, None]
        for cls in (LogisticRegression, SoftmaxRegression)[len(labels) > 2 :]:
            model = cls(tol=0.5, random_state=3).fit(X, y)
            if len(files) % 3 == 0:
                model.set_params(
                    class_weight={model.classes_.tolist()[0]: 1.5} if y.dtype.kind in "iuUO" else "balanced"
                )
            if len(files) % 2:
                model.feature_names_in_ = np.array([f"größe {i}" for i in range(N_FEATURES)], object)
            with zipfile.ZipFile(model.save(folder / "m", training_data=(X, y), accuracy=0.5)) as archive:
                files.append({name: archive.read(name) for name in archive.namelist()})
    return files


# Mutations of the bytes of the whole file, or of one member


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
    return data + rng.choice([b"\0", rng.randbytes(rng.randrange(1, 20)), data])


def cut_out(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + data[at + rng.randrange(9) :]


def repeat(data: bytes, rng: random.Random) -> bytes:
    at, n = rng.randrange(len(data) + 1), rng.randrange(9)
    return data[: at + n] + data[at:]


RAW = [flip_bit, flip_bit, set_bytes, truncate, lengthen, cut_out, repeat]


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
    fortran = rng.choice(["False", "True", "1", "None"])
    text = rng.choice(
        [
            f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}",
            f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}",
            f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}" + " " * rng.randrange(100),
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
    new = rng.choice(
        [
            "history_x.npy",
            "extra.npy",
            "../coef.npy",
            "coef",
            "classes.npy",
            "header",
            "",
            "a/",
            "\x1b[2J",
            "history_.npy",
        ]
    )
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
    """One value anywhere in the JSON header replaced, removed or added."""
    header = parse(members)
    target = header
    while True:
        keys = list(target) if isinstance(target, dict) else list(range(len(target)))
        if not keys:
            break
        key = rng.choice(keys)
        if isinstance(target[key], dict | list) and target[key] and rng.random() < 0.7:
            target = target[key]
            continue
        if rng.random() < 0.15:
            del target[key]
        else:
            target[key] = rng.choice(STRANGE)
        break
    if rng.random() < 0.1:
        parameters = header.get("parameters")
        if isinstance(parameters, dict):
            parameters[rng.choice(["fit_prior", "__class__", "self", "n_jobs", "class_weight"])] = rng.choice(STRANGE)
    with_text(members, json.dumps(header).encode())


def other_text(members: Members, rng: random.Random) -> None:
    """JSON that is none, or extreme."""
    text = np.load(io.BytesIO(members["header.npy"])).tobytes()
    newer = text.replace(
        b'"format_version": 1', b'"format_version": ' + rng.choice([b"2", b"1e0", b"9" * 50, b"9" * 5000])
    )
    with_text(
        members,
        rng.choice(
            [
                lambda: rng.choice(RAW)(text, rng),
                lambda: rng.choice(RAW)(text, rng),
                lambda: b"[" * 100_000,
                lambda: b'{"a":' * 5000 + b"1" + b"}" * 5000,
                lambda: text[:-1] + b', "provenance": {"a": ' + b"[" * 3000 + b"]" * 3000 + b"}}",
                lambda: text[:-1] + b', "n_iter_": 1' + b"0" * 5000 + b"}",
                lambda: text[:-1] + b', "provenance": {"a": [' + b"[]," * 20_000 + b"1]}}",
                lambda: text[:-1] + b', "coef": NaN, "a": -Infinity}',
                lambda: text[:-1] + b', "n_features_in_": 5, "n_features_in_": 5}',
                lambda: b"\xef\xbb\xbf" + text,
                lambda: text.decode().encode("utf-16"),
                lambda: text.decode().encode("utf-32-le"),
                lambda: newer,
                lambda: b"\xff" + text,
                lambda: text + b"\0",
                lambda: b"",
            ]
        )(),
    )


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


def lie_about_members(data: bytes, rng: random.Random) -> bytes:
    """Another number in the zip's directory or at its end: sizes, offsets, counts, methods, flags."""
    mark = rng.choice([b"PK\1\2", b"PK\1\2", b"PK\1\2", b"PK\3\4", b"PK\5\6"])
    places = [at for at in range(len(data)) if data.startswith(mark, at)] if rng.random() < 0.5 else [data.rfind(mark)]
    at = rng.choice(places or [0])
    # (offset in the record, length): the fields that a reader acts upon
    fields = {
        b"PK\1\2": [(8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (20, 8), (28, 2), (30, 2), (32, 2), (42, 4)],
        b"PK\3\4": [(6, 2), (8, 2), (18, 4), (22, 4), (26, 2), (28, 2)],
        b"PK\5\6": [(8, 2), (10, 2), (12, 4), (16, 4), (20, 2)],
    }[mark]
    offset, length = rng.choice(fields)
    value = rng.choice(
        [0, 1, 8, 12, 14, 99, 2**31, 2**32 - 1, 2**31 - 1, 65535, 64, 200, 1000, len(data), rng.randrange(2**32)]
    )
    field = (value % 2 ** (8 * length)).to_bytes(length, "little")
    return data[: at + offset] + field + data[at + offset + length :]


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


X_SOME = np.random.default_rng(1).normal(size=(4, N_FEATURES))


def assert_works(model: Any, path: Path) -> None:
    n_classes = len(model.classes_)
    assert type(model) in (LogisticRegression, SoftmaxRegression)
    assert n_classes == 2 or (n_classes > 2 and type(model) is SoftmaxRegression)
    assert np.array_equal(np.unique(model.classes_), model.classes_)
    assert model.coef_.shape == (1 if n_classes == 2 else n_classes, model.n_features_in_)
    assert model.intercept_.shape == (len(model.coef_),)
    assert np.isfinite(model.coef_).all()
    assert np.isfinite(model.intercept_).all()
    assert model.coef_.flags.writeable
    assert model.coef_.flags.c_contiguous
    type(model)(**model.get_params())._validate_params()
    if model.n_features_in_ == N_FEATURES and not hasattr(model, "feature_names_in_"):
        with np.errstate(all="ignore"):
            assert np.isin(model.predict(X_SOME), model.classes_).all()
    # What was loaded can be saved, and loaded again.
    saved = load_model(model.save(path.with_name("again")))
    for name in ("coef_", "intercept_", "classes_"):
        old, new = getattr(model, name), getattr(saved, name)
        assert old.dtype == new.dtype
        assert old.tolist() == new.tolist()
    assert repr(saved.get_params()) == repr(model.get_params())


def attack_loader(n: int, seed: int, starts: list[Members], path: Path, ends: dict[str, int]) -> None:
    rng = random.Random(seed)
    for _ in range(n):
        data = mutate(rng.choice(starts), rng)
        path.write_bytes(data)
        model, message = None, ""
        tracemalloc.start()
        try:
            model = load_model(path)
        except ModelFileError as error:
            message = str(error)
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        # An empty list, three characters of JSON, takes 80 bytes in Python.
        assert peak < 40 * len(data) + (1 << 18)
        if model is None:
            assert message.startswith(f"{path} "), message
            assert message.isprintable()
            assert len(message) < len(str(path)) + 400
            assert "MemoryError" not in message
            ends["refused"] += 1
        else:
            assert_works(model, path)
            ends["read"] += 1


def test_mutated_files(starts: list[Members], memory_folder: Path, attack: Attack) -> None:
    attack_loader(300 * attack.factor, 1, starts, memory_folder / "model", attack.ends)
    assert min(attack.ends["refused"], attack.ends["read"]) > 20


def attack_apart(n: int, seed: int, starts: list[Members], folder: Path) -> Counter[str]:
    folder.mkdir()
    ends: Counter[str] = Counter()
    attack_loader(n, seed, starts, folder / "model", ends)
    return ends


@pytest.mark.long
def test_20_000_mutated_files(starts: list[Members], memory_folder: Path, attack: Attack) -> None:
    n = 10_000 * attack.factor
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        parts = [pool.submit(attack_apart, n, seed, starts, memory_folder / f"{seed}") for seed in (2, 3)]
    for part in parts:
        attack.ends.update(part.result())
    assert min(attack.ends["refused"], attack.ends["read"]) > 1000


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["a", "sgd", "pairs"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["pairs", "values", "dtype"]), inner),
    max_leaves=6,
)
KEYS = ["class", "parameters", "labels", "n_features_in_", "feature_names_in_", "n_iter_", "stop_reason_", "provenance"]


@settings(deadline=None, max_examples=150, derandomize=True, database=None)
@given(which=st.integers(0, 99), key=st.sampled_from(KEYS), value=JSON, as_parameter=st.booleans(), data=st.data())
def test_whatever_header(
    starts: list[Members], tmp_path_factory: pytest.TempPathFactory, which: int, key: str, value: Any,
    as_parameter: bool, data: st.DataObject,
) -> None:  # fmt: skip
    members, path = dict(starts[which % len(starts)]), tmp_path_factory.getbasetemp() / "header"
    header = parse(members)
    if as_parameter:
        header["parameters"][data.draw(st.sampled_from(sorted(header["parameters"])))] = value
    else:
        header[key] = value
    with_text(members, json.dumps(header).encode())
    path.write_bytes(zipped(members, random.Random(0)))
    try:
        model = load_model(path)
    except ModelFileError:
        return
    assert_works(model, path)


# What a process is allowed


def in_a_process(script: str, *arguments: object) -> str:
    command = [sys.executable, "-W", "error", "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


_WATCHED = """
import os, sys
from mnistlr import ModelFileError, load_model

seen, watching = [], False

def watch(event, arguments):
    if watching and (
        event in ("exec", "compile", "import", "os.system", "subprocess.Popen", "pickle.find_class", "ctypes.dlopen")
        or (event == "open" and arguments[1] not in ("r", "rb", None))
    ):
        seen.append((event, arguments))

folder = sys.argv[1]
names = sorted(os.listdir(folder))
load_model(f"{folder}/{names[0]}")  # imports what it needs
sys.addaudithook(watch)
refused = 0
watching = True
for name in names:
    try:
        load_model(f"{folder}/{name}")
    except ModelFileError:
        refused += 1
watching = False
assert not seen, seen[:3]
assert sorted(os.listdir(folder)) == names
print(refused)
"""


def test_nothing_is_executed(starts: list[Members], memory_folder: Path, attack: Attack) -> None:
    """Python reports to an audit hook whatever is compiled, executed, imported, unpickled or opened for writing."""
    n, rng = 400 * attack.factor, random.Random(4)
    (memory_folder / "000000").write_bytes(zipped(starts[0], random.Random(0)))
    for i in range(1, n):
        (memory_folder / f"{i:06}").write_bytes(mutate(rng.choice(starts), rng))
    attack.ends["refused"] += int(in_a_process(_WATCHED, memory_folder))
    attack.ends["read"] += n - attack.ends["refused"]


_LIMITED = """
import json, resource, sys
from mnistlr import ModelFileError, load_model

with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20),) * 2)
answers = []
for path in sys.argv[1:]:
    try:
        answers.append(type(load_model(path)).__name__)
    except ModelFileError as error:
        answers.append(str(error))
print(json.dumps(answers))
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="reads its size from /proc")
def test_bombs_in_a_process_with_little_memory(starts: list[Members], tmp_path: Path, attack: Attack) -> None:
    def stored(**members: bytes) -> bytes:
        names = {f"{name}.npy": data for name, data in members.items()}
        return zipped({**starts[0], **names}, random.Random(0))

    def lie(descr: str, shape: str) -> bytes:
        return npy_with_header(f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}", b"")

    def header(text: bytes) -> bytes:
        return npy(np.frombuffer(text, np.uint8))

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("header.npy", "w") as member:
        for _ in range(20):
            member.write(bytes(10 << 20))
    wide = json.dumps(parse(starts[0]) | {"provenance": {"a": [[]] * 100_000}}).encode()
    cases = {
        "200 MB, deflated": (out.getvalue(), "compressed, or larger than the file"),
        "no bytes each": (stored(coef=lie("|S0", "(4294967296,)")), "should have 0 bytes"),
        "nothing of much": (stored(coef=lie("<f8", "(0, 4294967296, 4294967296)")), "is damaged"),
        "2^64": (stored(coef=lie("<f8", "(4294967296, 4294967296)")), "should have 147573952589676412928 bytes"),
        "long text": (stored(classes=lie("<U1073741824", "(2,)")), "is damaged"),
        "deep JSON": (stored(header=header(b"[" * 1_000_000)), "is damaged"),
        "wide JSON": (stored(header=header(wide)), "LogisticRegression"),
        "many members": (zipped({f"history_{i}.npy": b"" for i in range(20_000)}, random.Random(0)), "without this"),
        "sound": (stored(), "LogisticRegression"),
    }
    for name, (data, _) in cases.items():
        (tmp_path / name).write_bytes(data)
    answers = json.loads(in_a_process(_LIMITED, *(tmp_path / name for name in cases)))
    for answer, (_, message) in zip(answers, cases.values(), strict=True):
        assert message in answer
        assert "MemoryError" not in answer
        attack.ends["read" if answer == "LogisticRegression" else "refused"] += 1


# What lies there is no file


def test_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(ModelFileError, match=r"expected a plain file, but .* is a pipe, a socket or a device"):
            load_model(path)
    with pytest.raises(ModelFileError, match=r"expected a file, but .* is a folder"):
        load_model(tmp_path)
    with pytest.raises(OSError, match="symbolic links"):
        load_model(tmp_path / "loop")
    (tmp_path / "secret").touch()
    (tmp_path / "secret").chmod(0)
    if os.geteuid() != 0:
        with pytest.raises(PermissionError, match="secret"):
            load_model(tmp_path / "secret")


def test_a_newer_version_is_refused_by_name_whatever_else_is_new(starts: list[Members], tmp_path: Path) -> None:
    members, path = dict(starts[0]), tmp_path / "newer.npz"
    with_text(members, json.dumps(parse(members) | {"format_version": 2, "class": "ConvNet"}).encode())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("weights.npy", b"of a kind that nobody knows yet")
        archive.writestr("header.npy", members["header.npy"], zipfile.ZIP_STORED)
    message = r"newer\.npz was written by a newer version of mnistlr \(format 2; this one reads up to 1\)"
    with pytest.raises(ModelFileError, match=message):
        load_model(path)


# Files of released versions


@pytest.mark.parametrize("version", ["0.1.0"])
def test_files_of_released_versions_load_and_predict_the_same(version: str) -> None:
    """A model file of every class and kind of labels, and what it gave when it was written.

    Made by that version, from ``X, y = load_digits()`` with X / 16 as floats: the name of a file says class and dtype
    of the labels, which are ``y`` (two classes: ``y == 2``) as numbers, text ("digit 3"), text objects, truth values,
    days after 1970-01-01 (three a digit) or spans of time; text objects go with names of features. ``expected.json``
    has by file: the SHA-256 of the coefficients, the parameters that were given, and for X[:10] the labels predicted,
    as text, and the decision function.
    """
    folder = Path(__file__).parent / "data" / version
    expected = json.loads((folder / "expected.json").read_text())
    assert sorted(expected) == sorted(path.name for path in folder.glob("*.npz"))
    X, kinds = load_digits()[0][:10] / 16, set()
    for name, then in expected.items():
        saved = read_model_file(folder / name)
        model = saved.model
        kinds.add((type(model).__name__, model.classes_.dtype.kind))
        assert name.startswith(type(model).__name__)
        for array in ("coef", "intercept"):
            contents = getattr(model, f"{array}_").astype("<f8").tobytes()
            assert hashlib.sha256(contents).hexdigest() == then["sha256"][array]
        if model.classes_.dtype == object:
            assert model.feature_names_in_.tolist() == [f"pixel {i}" for i in range(64)]
            del model.feature_names_in_
        assert list(map(str, model.predict(X))) == then["predicted"]
        np.testing.assert_allclose(model.decision_function(X), then["decision_function"], rtol=1e-10, atol=1e-12)
        given = {name: value for name, value in model.get_params().items() if name in then["parameters"]}
        assert json.loads(json.dumps(given)) == then["parameters"]  # keys of class weights as JSON has them
        assert saved.provenance["versions"]["mnistlr"] == version
        assert saved.provenance["seed"] == 3
        assert saved.provenance["data"]["shape"] == [1797, 64]
        assert 0.9 < saved.provenance["accuracy"] <= 1
    assert kinds == {("LogisticRegression", kind) for kind in "biufUOMm"} | {
        ("SoftmaxRegression", kind) for kind in "iufUOMm"
    }


# Errors


def test_every_error_is_caught_both_ways() -> None:
    classes = [value for value in vars(mnistlr.exceptions).values() if isinstance(value, type)]
    assert len(classes) >= 5
    for cls in classes:
        assert issubclass(cls, MnistlrError)
        assert getattr(mnistlr, cls.__name__) is cls
        if cls is not MnistlrError:
            ours, built_in = cls.__bases__
            assert ours is MnistlrError
            assert built_in.__module__ == "builtins"
            assert issubclass(built_in, Exception)
            assert built_in is not Exception
