"""A small or a read-only disk for a test, in a mount namespace of its own."""

import shutil
import subprocess
from pathlib import Path

import pytest


def on_own_disk(folder: Path, size: str, command: list[str], before: str = "true", after: str = "true") -> list[str]:
    """Return the command that runs ``command`` where a new file system of ``size`` lies on ``folder``.

    ``before`` and ``after`` are shell commands; the first runs in the empty file system, the second when the command
    is done, before the file system is gone. The exit status is the command's, unless ``after`` fails.
    """
    enter = ["unshare", "--map-root-user", "--mount"]
    mount = 'mount -t tmpfs -o size="$2" tmpfs "$1"'
    if (
        shutil.which("unshare") is None
        or subprocess.run([*enter, "sh", "-c", mount, "sh", str(folder), size], capture_output=True).returncode
    ):
        pytest.skip("needs to be allowed to mount a file system in a namespace of its own")
    script = f'{mount} && cd "$1" && {before} && shift 2 && ("$@"); status=$?; {after} && exit $status'
    return [*enter, "sh", "-c", script, "sh", str(folder), size, *command]
