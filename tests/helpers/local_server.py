"""A server on this machine that imitates MNIST's mirrors and OpenML, and can fail in the ways they can."""

import contextlib
import gzip
import hashlib
import http.server
import json
import threading
import time
from collections.abc import Callable

import numpy as np

Behaviour = Callable[[http.server.BaseHTTPRequestHandler, bytes], None]


def send_head(handler: http.server.BaseHTTPRequestHandler, length: int, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(length), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()


def serve(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
    send_head(handler, len(body))
    handler.wfile.write(body)


def serve_changed(change: Callable[[bytes], bytes]) -> Behaviour:
    return lambda handler, body: serve(handler, change(body))


def with_another_byte(body: bytes) -> bytes:
    """Return a whole, well-formed file of the right length with one element that is not the right one."""
    raw = bytearray(gzip.decompress(body))
    raw[-1] ^= 1
    return gzip.compress(bytes(raw))


change_a_byte = serve_changed(with_another_byte)
truncate_untold = serve_changed(lambda body: body[: len(body) // 2])
login_page = serve_changed(lambda body: b"<!DOCTYPE html><title>Welcome to our wireless network</title>")


def fail_with(status: int) -> Behaviour:
    return lambda handler, body: handler.send_error(status)


def hang_up(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
    handler.close_connection = True


def truncate(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
    send_head(handler, len(body))
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True


def unpack_on_the_way(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
    """Declare the file to be packed for the transport only, so that the client unpacks it."""
    send_head(handler, len(body), Content_Encoding="gzip")
    handler.wfile.write(body)


def redirect_to(location: str) -> Behaviour:
    return lambda handler, body: send_head(handler, 0, 302, Location=location or handler.path)


def send_raw(answer: bytes) -> Behaviour:
    """Send what is no proper answer in HTTP, and close."""

    def send(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
        handler.wfile.write(answer)
        handler.close_connection = True

    return send


def stall_after(share: float) -> Behaviour:
    """Send a part of the body, then nothing until the client goes."""

    def stall(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
        send_head(handler, len(body))
        handler.wfile.write(body[: int(len(body) * share)])
        say_nothing(handler, body)

    return stall


def say_nothing(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
    """Wait for the client to go."""
    handler.connection.settimeout(20)
    handler.close_connection = True
    with contextlib.suppress(OSError):
        handler.rfile.read(1)


def in_pieces(n_pieces: int, seconds: float) -> Behaviour:
    """Send the body in pieces, with a pause before each."""

    def drip(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
        send_head(handler, len(body))
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
                send_head(self, 0, 403)  # as a bucket answers that may not be listed: a sign of life all the same

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

    def __exit__(self, *_: object) -> None:
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

    def feature(name: str, data_type: str, is_target: str) -> dict[str, str]:
        flags = {"is_target": is_target, "is_ignore": "false", "is_row_identifier": "false"}
        return {"name": name, "data_type": data_type, "number_of_missing_values": "0", **flags}

    features = [*(feature(name, "numeric", "false") for name in names), feature("class", "nominal", "true")]
    entry = {"name": "mnist_784", "version": "1", "status": "active", "format": "ARFF"}
    description = entry | {
        "id": "554",
        "description": "The MNIST database of handwritten digits",
        "url": "https://api.openml.org/data/v1/download/52667/mnist_784.arff",
        "file_id": "52667",
        "md5_checksum": hashlib.md5(arff).hexdigest(),
    }
    answers = {
        "data/list/data_name/mnist_784/limit/2/data_version/1": {"data": {"dataset": [entry | {"did": 554}]}},
        "data/554": {"data_set_description": description},
        "data/features/554": {
            "data_features": {"feature": [{"index": str(i), **each} for i, each in enumerate(features)]}
        },
        "data/qualities/554": {"data_qualities": {"quality": [{"name": "NumberOfInstances", "value": str(len(X))}]}},
    }
    site = {f"api/v1/json/{path}": json.dumps(answer).encode() for path, answer in answers.items()}
    site["data/v1/download/52667/mnist_784.arff"] = arff
    return site
