"""What a page was made from. A page that would come out the same is not made again, which takes half a minute.

The page keeps a fingerprint of its origin: of the code of this package, the libraries that compute and draw, the
machine and the threads whose seconds it shows, the data, the seed and the notices.
"""

import platform
from collections.abc import Iterable, Iterator
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from mnistlr.datasets.named import NamedData
from mnistlr.walkthrough.exhibit import About

LIBRARIES = ("numpy", "scipy", "numba", "scikit-learn", "matplotlib", "jinja2")
HEAD = 4096  # bytes at the beginning of a page, which hold its fingerprint


def fingerprint(about: About, data: NamedData, notices: Iterable[str], n_threads: int = 1) -> str:
    """Return the SHA-256, in hexadecimal digits, of all that a page depends on."""
    origin = sha256()
    for part in (*LIBRARIES, platform.platform(), n_threads, about, *sorted(data.checksums.items()), *notices):
        known = f"{part} {version(part)}" if part in LIBRARIES else str(part)
        origin.update(known.encode() + b"\0")
    for array in (data.X_test, data.y_test):
        origin.update(array)
    for name, source in sorted(_sources(files("mnistlr"))):
        origin.update(name.encode() + b"\0" + source.read_bytes())
    return origin.hexdigest()


def is_up_to_date(page: Path, origin: str) -> bool:
    """Return whether a file is a page with this fingerprint."""
    try:
        with page.open("rb") as file:
            return origin.encode() in file.read(HEAD)
    except OSError:
        return False


def _sources(folder: Traversable, name: str = "") -> Iterator[tuple[str, Traversable]]:
    """Yield the files of a package, with their names in it; not those that Python writes."""
    for entry in folder.iterdir():
        if entry.is_file():
            yield f"{name}/{entry.name}", entry
        elif entry.name != "__pycache__":
            yield from _sources(entry, f"{name}/{entry.name}")
