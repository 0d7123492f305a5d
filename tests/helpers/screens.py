"""A command on a terminal of its own, and what stays on its screen."""

import os
import re
import subprocess
import sys
from pathlib import Path

WIDTH = 80
_PART = re.compile(r"\x1b\[([\d;?]*)([A-Za-z])|([^\x1b])", re.DOTALL)


def screen_of(*arguments: object, folder: Path, **environment: str) -> tuple[int, list[str]]:
    """Run a command of mnistlr on a terminal of its own; return its status and the lines it leaves there."""
    status, written = written_by(*arguments, folder=folder, **environment)
    return status, lines_left(written)


def written_by(*arguments: object, folder: Path, stderr: int | None = None, **environment: str) -> tuple[int, str]:
    """Run a command of mnistlr on a pseudo-terminal of 80 columns; return its status and all that it writes there.

    stdout and stderr are both the terminal, as they are for a user, unless ``stderr`` is another.
    """
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, WIDTH, 0, 0))
    settings = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES", "NO_COLOR")}
    with subprocess.Popen(
        [sys.executable, "-m", "mnistlr", *map(str, arguments)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs if stderr is None else stderr,
        cwd=folder,
        env={**settings, "TERM": "xterm-256color", **environment},
    ) as running:
        os.close(theirs)
        written = b""
        try:
            while part := os.read(ours, 65536):
                written += part
        except OSError:  # so Linux reports that nobody holds the other end any more
            pass
        status = running.wait()
    os.close(ours)
    return status, written.decode()


def lines_left(written: str) -> list[str]:
    """Return the lines of a screen without end after a terminal of 80 columns has obeyed all that was written."""
    lines, row, column = [[" "] * WIDTH], 0, 0
    for options, command, character in _PART.findall(written):
        if command == "A":
            row = max(0, row - int(options or 1))
        elif command == "K":
            start = 0 if options == "2" else column
            lines[row][start:] = [" "] * (WIDTH - start)
        elif command in ("m", "h", "l"):
            pass
        elif command:
            raise ValueError(f"this screen does not know ESC[{options}{command}")
        elif character == "\r":
            column = 0
        elif character == "\n" or column == WIDTH:
            row, column = row + 1, 0 if character != "\n" else column
        if row == len(lines):
            lines.append([" "] * WIDTH)
        if not command and character >= " ":
            lines[row][column] = character
            column += 1
    return ["".join(line).rstrip() for line in lines]
