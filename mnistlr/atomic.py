"""Write a file so that a reader sees the old contents or the new, and never a part of either."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path`` for writing; give it that name when the block ends well.

    The temporary name lies in the same folder, because a rename is atomic only within one file system. When
    the block raises, the temporary file goes and ``path`` stays what it was.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # else a power cut could leave the new name on empty blocks
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
