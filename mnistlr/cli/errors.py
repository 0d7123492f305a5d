"""How a command ends: its exit status, and an error as one line on stderr, "mnistlr: error: ..."."""

import os
import re
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import typer

from mnistlr.exceptions import MnistlrError

# In click, which newer versions of typer carry inside: UsageError, and ClickException above it.
_UsageError: type[Exception]
_CommandError: type[Exception]
_UsageError, _CommandError = typer.BadParameter.__mro__[1:3]

_INTERRUPTED = 130
_NEGATIVE = re.compile(r"-\d+(\.\d+)?")


def run(app: typer.Typer, arguments: Sequence[str]) -> int:
    """Run a command; return its exit status: 1 after an error, 2 if it was misused, 130 after Ctrl-C."""
    if hasattr(sys.stdout, "reconfigure"):  # a file name that the encoding cannot show must not lose the answer
        sys.stdout.reconfigure(errors="backslashreplace")
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            status = app(arguments, prog_name="mnistlr", standalone_mode=False)
            if sys.stdout is not None:  # as it is where the shell closed it: >&-
                sys.stdout.flush()
        except (KeyboardInterrupt, typer.Abort):
            status = _INTERRUPTED
        except BrokenPipeError:  # the reader, such as `head`, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except _UsageError as error:
            context = getattr(error, "ctx", None)
            path = context.command_path if context else "mnistlr"
            tell(f"error: {_misuse(error, arguments)} (See: {path} --help)")
            return 2
        except (_CommandError, MnistlrError, OSError, ValueError, ModuleNotFoundError) as error:
            tell(f"error: {in_words(error)}")
            return 1
    if status == _INTERRUPTED:  # newer versions of typer return it themselves
        tell("interrupted")
    return status if isinstance(status, int) else 0


def tell(message: str) -> None:
    """Print a line on stderr; other packages' messages may have several."""
    print(f"mnistlr: {' '.join(message.splitlines())}", file=sys.stderr)


def _misuse(error: Exception, arguments: Sequence[str]) -> str:
    negative = next(filter(_NEGATIVE.fullmatch, arguments), None)
    if type(error).__name__ == "NoSuchOption" and negative:
        return f"expected a number from 0 on, got {negative}; images are counted from 0."
    return in_words(error)


def in_words(error: BaseException) -> str:
    """Return what to say of an error."""
    if isinstance(error, _CommandError):
        told = " ".join(str(error.format_message()).split())  # type: ignore[attr-defined]
        # Newer versions of typer convert with pydantic, which puts its own words before a sentence.
        return told.replace("Value error, ", "").removeprefix("Invalid value: ")
    if isinstance(error, FileNotFoundError) and error.filename is not None:
        return f"expected a file, but there is no {error.filename}; check the name and the folder."
    if isinstance(error, IsADirectoryError) and error.filename is not None:
        return f"expected a file, but {error.filename} is a folder."
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    tell(f"warning: {message}")
