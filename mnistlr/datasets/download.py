"""Download MNIST: from two mirrors of the original files, or from OpenML.

Without a network the decision must fall within seconds, and neither ``requests`` nor scikit-learn promises
that: a connection timeout applies to each of a host's addresses in turn, looking up a name has none, and
`sklearn.datasets.fetch_openml` has none at all and tries again and again. So every host is first asked for a
sign of life, all at once, and one that gives none by a common deadline is left out. A timeout of the socket does not
bound a transfer either: a server that sends a byte now and then meets it for ever. So transfers run in threads of their
own and are abandoned when they get on too slowly.
"""

import io
import re
import socket
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mnistlr.datasets.idx import read_idx_stream
from mnistlr.datasets.mnist_files import MNIST_FILES
from mnistlr.exceptions import DataFormatError

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
OPENML = "https://www.openml.org/"

PROBE_SECONDS = 5.0  # for all hosts together
STALL_SECONDS = 20.0  # a transfer that brings less than ...
STALL_BYTES = 100_000  # ... this many bytes in that time is given up; at this pace all of MNIST takes 40 minutes
OPENML_SECONDS = 1800.0  # for its table, all in all
MAX_BYTES = 64 << 20  # no file is larger, packed or not

Accept = Callable[[str, NDArray[Any], str], None]
T = TypeVar("T")

_socket_timeout_lock = threading.Lock()


def download_mnist(parts: list[str], accept: Accept) -> list[str]:
    """Download files of MNIST from the first sources that give them.

    Parameters
    ----------
    parts : list of str
        Which of the four files, keys of `MNIST_FILES`. Each is removed from the list as it is accepted, so
        that an empty list means success.
    accept : callable
        ``accept(part, array, where)`` checks and stores a file; it raises `DataFormatError` to refuse it.

    Returns
    -------
    list of str
        The addresses of the sources that did not give all that was asked of them, and why; in one entry those that
        failed for the same reason.
    """
    failures: dict[str, list[str]] = {}
    sources = [*((url, _from_mirror) for url in MIRRORS), (OPENML, _from_openml)]
    deadline = time.monotonic() + PROBE_SECONDS
    probes = [_start_probe(url) for url, _ in sources]
    for (url, fetch), probe in zip(sources, probes, strict=True):
        reason = _await_probe(probe, deadline) or fetch(url, parts, accept)
        if reason:
            failures.setdefault(reason.rstrip("."), []).append(url)
        if not parts:
            break
    return [f"{' and '.join(urls)}: {reason}" for reason, urls in failures.items()]


def _from_mirror(mirror: str, parts: list[str], accept: Accept) -> str:
    """Fetch what the mirror has; return the first reason why something is missing, or an empty string."""
    import requests

    reasons = []
    for part in list(parts):
        file_name = MNIST_FILES[part].file_name + ".gz"
        try:
            packed = _download(mirror + file_name)
        except (requests.ConnectionError, requests.Timeout, TimeoutError) as error:
            reasons.append(_why(error))
            break  # the host is gone: it would be so for the other files as well
        # HTTP knows more ways to fail than requests has names for: all mean "not from here".
        except Exception as error:
            reasons.append(f"{file_name}: {_why(error)}")
            continue
        try:
            size = packed.tell()
            packed.seek(0)
            accept(part, read_idx_stream(packed, mirror + file_name, size), mirror + file_name)
            parts.remove(part)
        except DataFormatError as error:
            reasons.append(f"{file_name}: {_why(error)}")
    return reasons[0] if reasons else ""


def _download(url: str) -> "_BoundedBuffer":
    # The file goes through memory (10 MB), so that nothing unchecked ever lies on the disk. Checked are the unpacked
    # bytes, which stay the same however a server packs them, or unpacks them on the way.
    packed = _BoundedBuffer()
    try:
        _in_time(lambda: _transfer(url, packed), STALL_SECONDS, packed.tell)
    except BaseException:
        packed.close()  # the transfer, if it is not over, ends when it next writes
        raise
    return packed


def _transfer(url: str, packed: "_BoundedBuffer") -> None:
    import requests
    from tqdm import tqdm

    with requests.get(url, stream=True, timeout=(PROBE_SECONDS, STALL_SECONDS)) as response:
        response.raise_for_status()
        size = int(response.headers.get("Content-Length", 0))
        with tqdm(total=size or None, unit="B", unit_scale=True, ncols=79, disable=not _has_terminal()) as progress:
            for chunk in response.iter_content(1 << 13):
                packed.write(chunk)
                progress.update(len(chunk))


class _BoundedBuffer(io.BytesIO):
    def write(self, data: Any) -> int:
        if self.tell() + len(data) > MAX_BYTES:
            raise DataFormatError(f"the server sends more than {MAX_BYTES} bytes, more than any file of MNIST has.")
        return super().write(data)


def _from_openml(url: str, parts: list[str], accept: Accept) -> str:
    """Fetch the 70,000 images as one table of text; return why that failed, or an empty string."""
    if _has_terminal():
        print(f"Downloading MNIST from {url}; reading its text format takes about a minute.", file=sys.stderr)
    try:
        arrays = _openml_arrays()
        for part in list(parts):
            accept(part, arrays[part], f"OpenML's mnist_784 ({part})")
            parts.remove(part)
    except DataFormatError as error:
        return _why(error)
    return ""


def _openml_arrays() -> dict[str, NDArray[Any]]:
    from sklearn.datasets import fetch_openml

    try:
        # With a folder of its own scikit-learn downloads the table once, without one twice.
        with (
            tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
            _default_socket_timeout(),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")  # one for each retry; the error reports the outcome once
            table, digits = _in_time(
                lambda: fetch_openml(
                    "mnist_784",
                    version=1,
                    as_frame=False,
                    parser="liac-arff",
                    return_X_y=True,
                    data_home=folder,
                    n_retries=1,
                ),
                OPENML_SECONDS,
            )
            pixels, labels = table.astype(np.uint8), digits.astype(np.int64)
    # Its failures come as URLError, HTTPException, ValueError, KeyError and others: all mean "not from here".
    except Exception as error:
        raise DataFormatError(f"{type(error).__name__}: {_why(error)}") from error

    train, test = MNIST_FILES["train-images"].shape, MNIST_FILES["t10k-images"].shape
    n, n_train = train[0] + test[0], train[0]
    if pixels.shape != (n, train[1] * train[2]) or not np.array_equal(pixels, table):
        raise DataFormatError(
            f"expected {n} rows of {train[1] * train[2]} integers from 0 to 255, got a table of shape "
            f"{table.shape} with other numbers."
        )
    images = pixels.reshape(n, *train[1:])
    return {
        "train-images": images[:n_train],
        "t10k-images": images[n_train:],
        "train-labels": labels[:n_train].astype(np.uint8),
        "t10k-labels": labels[n_train:].astype(np.uint8),
    }


@contextmanager
def _default_socket_timeout() -> Iterator[None]:
    """Give new sockets a timeout: fetch_openml takes none and would wait for a stalled server for ever."""
    with _socket_timeout_lock:
        before = socket.getdefaulttimeout()
        socket.setdefaulttimeout(STALL_SECONDS if before is None else before)
        try:
            yield
        finally:
            socket.setdefaulttimeout(before)


def _start_probe(url: str) -> Future[None]:
    import requests

    # Any answer will do, an error too. requests goes through the proxy, if one is set.
    return _in_background(lambda: requests.head(url, timeout=PROBE_SECONDS, allow_redirects=False).close())


def _in_background(function: Callable[[], T]) -> Future[T]:
    future: Future[T] = Future()
    # A daemon: a name server that does not answer must not hold up the end of the program either.
    threading.Thread(target=_fulfil, args=(future, function), daemon=True).start()
    return future


def _fulfil(future: Future[T], function: Callable[[], T]) -> None:
    try:
        future.set_result(function())
    except BaseException as error:
        future.set_exception(error)
        del future  # see _in_time


def _in_time(function: Callable[[], T], seconds: float, n_bytes: Callable[[], int] = lambda: 0) -> T:
    """Call in a thread; raise `TimeoutError` when ``seconds`` pass in which ``n_bytes()`` grows too little."""
    future, before = _in_background(function), 0
    try:
        while not wait([future], seconds).done:
            if n_bytes() < before + STALL_BYTES:
                raise TimeoutError(f"too slow: neither done nor {STALL_BYTES} bytes further after {seconds:g} s")
            before = n_bytes()
        return future.result()
    finally:
        del future  # its error refers to this frame; without that cycle it goes at once, and its connection with it


def _await_probe(probe: Future[None], deadline: float) -> str:
    try:
        probe.result(timeout=max(0.0, deadline - time.monotonic()))
    except TimeoutError:
        return f"no answer within {PROBE_SECONDS:g} s"
    except Exception as error:
        return _why(error)
    return ""


def _why(error: BaseException) -> str:
    """Return the heart of an error, on one line, with what can be done where that is known."""
    import requests

    if isinstance(error, requests.Timeout):
        return "the server did not answer in time"
    if isinstance(error, requests.exceptions.ProxyError):
        return f"the proxy cannot be reached ({_heart(error)}); check HTTPS_PROXY, or unset it"
    if isinstance(error, requests.exceptions.SSLError):
        return f"its certificate is not trusted ({_heart(error)}); set REQUESTS_CA_BUNDLE to a file with the right ones"
    if isinstance(error, OSError) and "CA certificate bundle" in str(error):
        return f"there are no certificates at {str(error).rpartition(': ')[2]}; check REQUESTS_CA_BUNDLE, or unset it"
    if isinstance(error, requests.exceptions.InvalidSchema) and "SOCKS" in str(error):
        return "the proxy speaks SOCKS, which takes: pip install pysocks"
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    return _heart(error)


def _heart(error: BaseException) -> str:
    """Return what an error says that wraps others: requests' urllib3's, and that the socket's."""
    inner = error
    while isinstance(within := getattr(inner, "reason", inner.args[-1] if inner.args else None), BaseException):
        inner = within
    # The address stands before it anyway.
    text = " ".join(re.sub(r"HTTPS?Connection(Pool)?\([^)]*\): ", "", str(inner)).split())
    return text if len(text) <= 300 else text[:297] + "..."


def _has_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()
