"""Loading MNIST: seconds and peak of memory, against scikit-learn's fetch_openml and against unpacking alone.

Every reading is a process of its own; the files lie in the system's page cache. load_mnist maps the unpacked files of
its cache into memory, of which only what is looked at is read, so that it is measured with a look at every pixel as
well. fetch_openml reads from its own cache, which is filled beforehand by an imitation of OpenML's answers; nothing
touches the network.
"""

import gzip
import hashlib
import io
import json
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import numpy as np

from benchmarks.measuring.clocks import quartiles
from benchmarks.measuring.memory import in_new_process, peak
from benchmarks.measuring.report import Report, Row, timed
from mnistlr.datasets.mnist import fetch_mnist, load_mnist
from mnistlr.datasets.mnist_files import MNIST_FILES

API, FILE = "api/v1/json/data", "data/v1/download/52667/mnist_784.arff"


def openml_answers(X: Any, y: Any) -> dict[str, bytes]:
    """Return what OpenML answers when ``mnist_784`` is asked for, as if that were X and y; path -> body."""
    names = [f"pixel{i + 1}" for i in range(X.shape[1])]
    lines = ["@RELATION mnist_784", *(f"@ATTRIBUTE {name} real" for name in names)]
    lines += ["@ATTRIBUTE class {0,1,2,3,4,5,6,7,8,9}", "@DATA"]
    lines += [",".join(map(str, [*row, label])) for row, label in zip(X.tolist(), y.tolist(), strict=True)]
    arff = "\n".join(lines).encode()
    entry = {"name": "mnist_784", "version": "1", "status": "active", "format": "ARFF"}
    description = entry | {
        "id": "554", "description": "", "file_id": "52667", "md5_checksum": hashlib.md5(arff).hexdigest(),
        "url": "https://api.openml.org/" + FILE,
    }  # fmt: skip
    features = [
        {
            "index": str(i), "name": name, "data_type": "nominal" if name == "class" else "numeric",
            "is_target": str(name == "class").lower(), "is_ignore": "false", "is_row_identifier": "false",
            "number_of_missing_values": "0",
        }
        for i, name in enumerate([*names, "class"])
    ]  # fmt: skip
    answers: dict[str, Any] = {
        f"{API}/list/data_name/mnist_784/limit/2/data_version/1": {"data": {"dataset": [entry | {"did": 554}]}},
        f"{API}/554": {"data_set_description": description},
        f"{API}/features/554": {"data_features": {"feature": features}},
        f"{API}/qualities/554": {
            "data_qualities": {"quality": [{"name": "NumberOfInstances", "value": str(len(X))}]}
        },
    }  # fmt: skip
    return {path: json.dumps(answer).encode() for path, answer in answers.items()} | {FILE: arff}


class Answer(io.BytesIO):
    """What ``urlopen`` returns, as far as fetch_openml looks."""

    def info(self) -> dict[str, str]:
        """Return the headers: nothing is packed."""
        return {}


def load_by_openml(parser: str, data_home: str) -> Any:
    """Load by fetch_openml, in arrays."""
    from sklearn.datasets import fetch_openml

    return fetch_openml("mnist_784", version=1, as_frame=False, parser=parser, data_home=data_home)


def fill_openml_cache(data_home: str, X: Any, y: Any) -> str:
    """Let fetch_openml download from the imitation once; return its quickest parser that can read digits.

    pandas is quicker by far, but scikit-learn 1.9 fails on whole-numbered categories as pandas 3.1 reads them.
    """
    answers = openml_answers(X, y)
    with (
        mock.patch(
            "sklearn.datasets._openml.urlopen", lambda request: Answer(answers[urlsplit(request.full_url).path[1:]])
        ),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # that it downloads again
        try:
            load_by_openml("pandas", data_home)
        except (TypeError, ImportError) as error:
            print(f"fetch_openml's parser by pandas is skipped: {error!r}")
            load_by_openml("liac-arff", data_home)
            return "liac-arff"
    return "pandas"


def load_ours(folder: str | None, cache: str) -> Any:
    """Load by load_mnist, from a folder or else from the cache."""
    if folder is None:
        os.environ.pop("MNISTLR_DATA", None)
    return load_mnist(folder, cache_dir=cache, offline=True)


def load_ours_and_look(folder: str | None, cache: str) -> Any:
    """Load and look at every pixel."""
    arrays = load_ours(folder, cache)
    return arrays, [int(array.max()) for array in arrays]


def unpack_only(folder: str) -> Any:
    """Unpack the four files into arrays, check nothing: the least that reading packed files takes."""
    return [
        np.frombuffer(gzip.decompress(Path(folder, f"{file.file_name}.gz").read_bytes()), np.uint8)
        for file in MNIST_FILES.values()
    ]


def measured(load: Callable[..., Any], *arguments: Any) -> tuple[float, float]:
    """Return seconds and peak megabytes of loading."""
    import sklearn.datasets  # noqa: F401  imports are not what is measured

    seconds = 0.0

    def timed_load() -> Any:
        nonlocal seconds
        began = time.perf_counter()
        loaded = load(*arguments)
        seconds = time.perf_counter() - began
        return loaded

    megabytes = peak(timed_load)
    return seconds, megabytes


def main() -> None:
    """Measure, print."""
    report = Report("Loading MNIST", repeats=3, full="let fetch_openml load all 70,000 images too, which takes minutes")
    data = report.data()
    if not Path("/proc/self/clear_refs").exists():
        print("skipped: this needs Linux, where a process can read its own peak")
        return
    X, y = np.concatenate([data.X_train, data.X_test]), np.concatenate([data.y_train, data.y_test])
    with tempfile.TemporaryDirectory() as folder:
        openml, cache, packed = (str(Path(folder, name)) for name in ("openml", "cache", "packed"))
        few = 1000 if report.quick else len(X) if report.full else 10_000
        parser = fill_openml_cache(openml, X[:few], y[:few])
        base = f"fetch_openml, from its cache, {parser}"
        ways: dict[str, tuple[Any, ...]] = {base: (load_by_openml, parser, openml)}
        if data.name == "mnist":
            fetch_mnist(cache_dir=cache, offline=True)
            Path(packed).mkdir()
            for file in MNIST_FILES.values():
                raw = Path(cache, file.file_name).read_bytes()
                Path(packed, f"{file.file_name}.gz").write_bytes(gzip.compress(raw, mtime=0))
            ways |= {
                "load_mnist, from its cache, mapped": (load_ours, None, cache),
                "load_mnist, from its cache, every pixel read": (load_ours_and_look, None, cache),
                "load_mnist, from a folder of packed files": (load_ours, packed, cache),
                "gzip.decompress of the four files, no more": (unpack_only, packed),
            }
        else:
            print("load_mnist is skipped: there is no MNIST here")
        readings: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(report.repeats):
            for name, way in ways.items():
                readings[name].append(in_new_process(measured, *way))
    theirs = [seconds for seconds, _ in readings[base]]
    rows, memory = [], []
    for name, values in readings.items():
        seconds, megabytes = (list(column) for column in zip(*values, strict=True))
        rows.append(timed(name, seconds, "fetch_openml", theirs))
        q1, median, q3 = quartiles(megabytes)
        memory.append(Row(name, f"{median:.0f} MB", f"{q1:.0f} - {q3:.0f}", readings=megabytes))
    report.table(f"Time; {len(X):,} images, but {few:,} by fetch_openml", rows)
    report.table(f"Peak of memory, the arrays included ({X.nbytes / 1e6:.0f} MB as uint8)", memory)
    report.close()


if __name__ == "__main__":
    main()
