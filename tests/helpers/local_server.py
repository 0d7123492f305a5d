"""A server on this machine that imitates MNIST's mirrors and OpenML, and can fail in the ways they can."""

import contextlib
import gzip
import hashlib
import http.server
import json
import threading
import time
from collections.abc import Callable
from types import TracebackType

import numpy as np

Behaviour = Callable[[http.server.BaseHTTPRequestHandler, bytes], None]


def serve(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def fail_with(status: int) -> Behaviour:
    return lambda handler, body: handler.send_error(status)


def hang_up(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
    handler.close_connection = True


def truncate(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True


def truncate_untold(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
    serve(handler, body[: len(body) // 2])


def change_a_byte(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
    """Send a whole, well-formed file of the right length with one element that is not the right one."""
    raw = bytearray(gzip.decompress(body))
    raw[-1] ^= 1
    serve(handler, gzip.compress(bytes(raw)))


def login_page(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
    serve(handler, b"<!DOCTYPE html><title>Welcome to our wireless network</title>")


def unpack_on_the_way(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
    """Declare the file to be packed for the transport only, so that the client unpacks it."""
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def too_long(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
    """Send a well-formed gzip stream in which something follows the array."""
    serve(handler, gzip.compress(gzip.decompress(body) + bytes(10)))


def garbage_after_it(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
    serve(handler, body + b"and so on")


def redirect_to(location: str) -> Behaviour:
    def redirect(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
        handler.send_response(302)
        handler.send_header("Location", location or handler.path)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return redirect


def send_raw(answer: bytes) -> Behaviour:
    """Send what is no proper answer in HTTP, and close."""

    def send(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
        handler.wfile.write(answer)
        handler.close_connection = True

    return send


def stall_after(share: float) -> Behaviour:
    """Send a part of the body, then nothing until the client goes."""

    def stall(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: int(len(body) * share)])
        wait_for_the_client_to_go(handler)

    return stall


def say_nothing(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
    wait_for_the_client_to_go(handler)


def wait_for_the_client_to_go(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.connection.settimeout(20)
    handler.close_connection = True
    with contextlib.suppress(OSError):
        handler.rfile.read(1)


def in_pieces(n_pieces: int, seconds: float) -> Behaviour:
    """Send the body in pieces, with a pause before each."""

    def drip(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        send_in_pieces(handler, body, n_pieces, seconds)

    return drip


def headers_in_pieces(n_pieces: int, seconds: float) -> Behaviour:
    """Send a long header a little at a time, then the body at once."""

    def drip(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nX: {'x' * n_pieces}".encode()
        if send_in_pieces(handler, head, n_pieces, seconds):
            handler.wfile.write(b"\r\n\r\n" + body)

    return drip


def send_in_pieces(handler: http.server.BaseHTTPRequestHandler, contents: bytes, n_pieces: int, seconds: float) -> bool:
    """Return whether the client stayed to the end."""
    size = -(-len(contents) // n_pieces)
    try:
        for start in range(0, len(contents), size):
            time.sleep(seconds)
            handler.wfile.write(contents[start : start + size])
    except OSError:
        handler.close_connection = True
        return False
    return True


class LocalServer:
    """Answers ``GET /name/file`` with ``sites[name][file]``, in the way that ``behaviour[name]`` says."""

    def __init__(self) -> None:
        self.sites: dict[str, dict[str, bytes]] = {}
        self.behaviour: dict[str, Behaviour] = {}
        self.gets: list[str] = []  # the paths asked for, in order
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                self.send_response(403)  # as a bucket answers that may not be listed: a sign of life all the same
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                outer.gets.append(self.path)
                _, site, file = self.path.split("/", 2)
                if file in outer.sites.get(site, {}):
                    outer.behaviour.get(site, serve)(self, outer.sites[site][file])
                else:
                    self.send_error(404)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> "LocalServer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def gets_from(self, site: str) -> list[str]:
        return [path.rpartition("/")[2] for path in self.gets if path.startswith(f"/{site}/")]


def openml_site(X: np.ndarray, y: np.ndarray) -> dict[str, bytes]:
    """Return OpenML's answers when `fetch_openml` asks for ``mnist_784``, as if that were X and y."""
    names = [f"pixel{i + 1}" for i in range(X.shape[1])]
    lines = ["@RELATION mnist_784", *(f"@ATTRIBUTE {name} real" for name in names)]
    lines += ["@ATTRIBUTE class {0,1,2,3,4,5,6,7,8,9}", "@DATA"]
    lines += [",".join(map(str, [*row, label])) for row, label in zip(X.tolist(), y.tolist(), strict=True)]
    arff = "\n".join(lines).encode()

    def feature(index: int, name: str, is_target: bool) -> dict[str, str]:
        return {
            "index": str(index),
            "name": name,
            "data_type": "nominal" if is_target else "numeric",
            "is_target": str(is_target).lower(),
            "is_ignore": "false",
            "is_row_identifier": "false",
            "number_of_missing_values": "0",
        }

    entry = {"did": 554, "name": "mnist_784", "version": 1, "status": "active", "format": "ARFF"}
    description = {
        "id": "554",
        "name": "mnist_784",
        "version": "1",
        "format": "ARFF",
        "status": "active",
        "description": "The MNIST database of handwritten digits",
        "url": "https://api.openml.org/data/v1/download/52667/mnist_784.arff",
        "file_id": "52667",
        "md5_checksum": hashlib.md5(arff).hexdigest(),
    }
    features = [
        *(feature(i, name, False) for i, name in enumerate(names)),
        feature(len(names), "class", True),
    ]
    answers = {
        "data/list/data_name/mnist_784/limit/2/data_version/1": {"data": {"dataset": [entry]}},
        "data/554": {"data_set_description": description},
        "data/features/554": {"data_features": {"feature": features}},
        "data/qualities/554": {"data_qualities": {"quality": [{"name": "NumberOfInstances", "value": str(len(X))}]}},
    }
    site = {f"api/v1/json/{path}": json.dumps(answer).encode() for path, answer in answers.items()}
    site["data/v1/download/52667/mnist_784.arff"] = arff
    return site
