"""The command line: its commands with their options.

``arguments`` has what several of them take. ``data``, ``models``, ``answers``, ``tour``, ``learn`` and ``draw`` do the
work. ``parsing`` reads numbers, ``errors`` reports what went wrong. Results go to stdout, progress to stderr. Nothing
slow is imported before a command runs.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from mnistlr._version import __version__
from mnistlr.cli.arguments import (
    OF_THE_DATA,
    TEST_IMAGE,
    TRAIN_IMAGE,
    AnyModel,
    Data,
    Dataset,
    DatasetName,
    Features,
    Jobs,
    Json,
    ModelDataset,
    ModelPath,
    Seed,
    SolverName,
    TestImage,
    TrainImage,
    model_first,
)
from mnistlr.cli.errors import run as run_app
from mnistlr.cli.parsing import Commands, images_of, real, shape_of, whole

app = typer.Typer(
    name="mnistlr",
    help="Handwritten-digit recognition with logistic regression.",
    epilog="Start with: mnistlr tour",
    cls=Commands,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
    data: Annotated[
        Path | None, typer.Option("--data", metavar="FOLDER", help="Folder with MNIST's four IDX files.")
    ] = None,
    seed: Seed = 42,
    n_jobs: Jobs = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE.html",
            help="Report to write (extra `plots`); by default mnistlr-report.html.",
        ),
    ] = None,
    no_report: Annotated[bool, typer.Option("--no-report", help="Write no report.")] = False,
    is_opened: Annotated[bool, typer.Option("--open", help="Open the report in a browser.")] = False,
    notebook: Annotated[
        Path | None,
        typer.Option(metavar="FILE.ipynb", help="Write the walk-through as a notebook, too (extra `notebook`)."),
    ] = None,
) -> None:
    """Walk through it all: data, a detector of one digit, all ten digits, the confusion matrix.

    Without --dataset it takes MNIST if that can be had, else the bundled digits.

    At the end it writes a report, a page with pictures of all of it.
    """
    if no_report and (output or is_opened):
        option = "--output names" if output else "--open opens"
        raise typer.BadParameter(f"{option} the report, and --no-report leaves it out; give one of the two.")
    _check_ending(output, ".html")
    _check_ending(notebook, ".ipynb")
    from mnistlr.cli.tour import tour as run

    report = None if no_report else output or Path("mnistlr-report.html")
    run(_name(dataset, data), data, seed, n_jobs, report, notebook, is_opened)


@app.command(epilog="Example: mnistlr fetch --from ~/Downloads/mnist")
def fetch(
    source: Annotated[
        Path | None, typer.Option("--from", metavar="FOLDER", help="Take the four IDX files from a folder.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only check the files that are there.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace good files as well.")] = False,
) -> None:
    """Download MNIST into the cache, or check it there."""
    if check and force:
        raise typer.BadParameter("--check changes nothing, and --force replaces files; give one of the two.")
    from mnistlr.cli import data

    raise typer.Exit(data.check(source) if check else data.fetch(source, force))


@app.command(epilog="Example: mnistlr info --json")
def info(as_json: Json = False) -> None:
    """Print versions, where MNIST is, and whether its files are the right ones."""
    from mnistlr.cli.data import info as run

    raise typer.Exit(run(as_json))


@app.command(epilog="Example: mnistlr show --test 8; or: mnistlr show 36001; or: mnistlr show --grid 10x10")
def show(
    index: Annotated[
        int | None,
        typer.Argument(
            help="Number of an image, from 0, of training and test images.", **whole(0) | {"metavar": "INDEX"}
        ),
    ] = None,
    train: TrainImage = None,
    test: TestImage = None,
    grid: Annotated[
        str | None, typer.Option(metavar="ROWSxCOLUMNS", help="Show so many images, from that one (or 0) on.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.png", help="Draw to a file instead (extra `plots`)."),
    ] = None,
    dataset: Dataset = None,
    data: Data = None,
) -> None:
    """Draw images of a data set in the terminal or to a file."""
    shape = shape_of(grid)
    images = images_of(index, train, test)
    if len(images) > 1 or (not images and shape is None):
        raise typer.BadParameter("expected one of INDEX, --train NUMBER and --test NUMBER, or --grid ROWSxCOLUMNS.")
    from mnistlr.cli.data import show as run

    run(_name(dataset, data) or "mnist", data, images[0] if images else ("", 0), shape, output)


@app.command(epilog="Example: mnistlr train --digit 2 -o two.npz")
def train(
    digit: Annotated[
        int | None, typer.Option(help="Train a detector of this digit; by default a model of all ten.", **whole(0, 9))
    ] = None,
    features: Annotated[
        Features,
        typer.Option(
            metavar="KIND", help="pixels, as in the tutorial, or edges, which read photos and drawings better."
        ),
    ] = Features.PIXELS,
    copies: Annotated[
        int,
        typer.Option(
            help="Learn from so many distorted copies of each image, too, and from one with another pen. 3 mend a "
            "fifth of the errors of edges.",
            **whole(0),
        ),
    ] = 0,
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
        SolverName | None,
        typer.Option(
            metavar="SOLVER", help="sgd, svrg, lbfgs, newton, gd or nesterov; by default sgd, for a detector lbfgs."
        ),
    ] = None,
    alpha: Annotated[
        float | None, typer.Option(help="Strength of the L2 penalty; by default 0.0001, for edges 0.00001.", **real(0))
    ] = None,
    tol: Annotated[
        float | None,
        typer.Option(
            help="Tolerance of the solver; by default 0.02 for sgd, for edges 0.05, 0.0001 for the others.", **real(0)
        ),
    ] = None,
    max_iter: Annotated[
        int | None,
        typer.Option(
            help="Most iterations or epochs; by default 1000 for lbfgs, gd and nesterov, 100 for the others.",
            **whole(1),
        ),
    ] = None,
    seed: Seed = 42,
    n_jobs: Jobs = None,
    dataset: Dataset = None,
    data: Data = None,
) -> None:
    """Train a model, print its test accuracy, save it."""
    _check_ending(output, ".npz")
    if features == Features.EDGES and solver not in (None, "sgd"):
        raise typer.BadParameter(f"models of edges are trained with sgd; --solver {solver} is for --features pixels.")
    if features == Features.PIXELS and copies:
        raise typer.BadParameter("--copies is for --features edges: copies do not help a model of pixels.")
    from mnistlr.cli.models import train as run

    parameters: dict[str, Any] = {"alpha": alpha, "tol": tol, "max_iter": max_iter}
    if features == Features.PIXELS:
        parameters["solver"] = solver and str(solver)
    given = {name: value for name, value in parameters.items() if value is not None}
    settings = {**given, "random_state": seed, "n_jobs": n_jobs}
    run(_name(dataset, data) or "mnist", data, digit, features == Features.EDGES, copies, output, settings)


@app.command(epilog="Example: mnistlr evaluate mnistlr-softmax.npz --json")
def evaluate(model: ModelPath, dataset: ModelDataset = None, data: Data = None, as_json: Json = False) -> None:
    """Print accuracy, report and confusion matrix of a model on the test images."""
    from mnistlr.cli.models import evaluate as run

    run(model, _name(dataset, data), data, as_json)


@app.command(epilog="Example: mnistlr predict photo.jpg; or: mnistlr predict mnistlr-softmax.npz --test 8")
def predict(
    model: AnyModel = None,
    pictures: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PICTURE", help="Photos or drawings of a digit, held upright (extra `images`)."),
    ] = None,
    index: Annotated[
        list[int] | None,
        typer.Option("--index", "-i", help="Number of an image, from 0, of training and test images.", **whole(0)),
    ] = None,
    train: Annotated[list[int] | None, typer.Option("--train", help=TRAIN_IMAGE, **whole(0))] = None,
    test: Annotated[
        list[int] | None, typer.Option("--test", help=f"{TEST_IMAGE} All three may be repeated.", **whole(0))
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
    images = images_of(index, train, test)
    if bool(pictures) == bool(images):
        raise typer.BadParameter(f"expected one of the two: PICTURE files, or {OF_THE_DATA}.")
    if images and (find_all or show_steps or output):
        raise typer.BadParameter(f"--all, --show-steps and --output are for PICTURE files, not for {OF_THE_DATA}.")
    if pictures and (dataset or data):
        raise typer.BadParameter(f"--dataset and --data are for {OF_THE_DATA}, not for PICTURE files.")
    if output and len(pictures) > 1:
        raise typer.BadParameter("--output draws the steps of one PICTURE, got several.")
    from mnistlr.cli import answers

    if pictures:
        answers.predict_pictures(model, pictures, find_all, show_steps, output, as_json)
    else:
        answers.predict(model, images, _name(dataset, data), data, as_json)


@app.command(epilog="Example: mnistlr explain mnistlr-softmax.npz --test 8 -o why.png")
def explain(
    model: AnyModel = None,
    photo: Annotated[
        Path | None, typer.Argument(metavar="PHOTO", help="A photo or drawing of one digit (extra `images`).")
    ] = None,
    index: Annotated[
        int | None,
        typer.Option("--index", "-i", help="Number of an image, from 0, of training and test images.", **whole(0)),
    ] = None,
    train: TrainImage = None,
    test: TestImage = None,
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
    images = images_of(index, train, test)
    if len(images) + len(photos) != 1:
        raise typer.BadParameter(f"expected one of the two: a PHOTO, or {OF_THE_DATA}.")
    if photos and (dataset or data):
        raise typer.BadParameter(f"--dataset and --data are for {OF_THE_DATA}, not for a PHOTO.")
    from mnistlr.cli.answers import explain as run

    run(model, (photos or images)[0], _name(dataset, data), data, output)


@app.command(epilog="Example: mnistlr draw mnistlr-softmax.npz")
def draw(
    model: Annotated[
        Path | None,
        typer.Argument(
            metavar="MODEL",
            help="A model file; by default the newest in this folder, or else the reader that comes along.",
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


@app.command(epilog="Example: mnistlr learn lessons")
def learn(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to write them; is created.")] = Path(
        "mnistlr-lessons"
    ),
    force: Annotated[
        bool, typer.Option("--force", help="Replace lessons that are there, with the answers in them.")
    ] = False,
) -> None:
    """Write nine lessons, notebooks in which you build it all yourself (extra `notebook`)."""
    from mnistlr.cli.learn import learn as run

    run(folder, force)


@app.command(epilog="Example: mnistlr warmup")
def warmup() -> None:
    """Compile everything ahead of time, so that no later run has to wait for it."""
    from mnistlr.cli.models import warmup as run

    run()


def _commands() -> list[str]:
    return [str(known.name or getattr(known.callback, "__name__", "")) for known in app.registered_commands]


@app.command("help", epilog="Example: mnistlr help train")
def show_help(
    command: Annotated[
        str | None,
        typer.Argument(metavar="COMMAND", help="A command; by default all of them.", autocompletion=_commands),
    ] = None,
) -> None:
    """Show the help of a command.

    `mnistlr --install-completion` makes the tab key complete commands and options.
    """
    app([*filter(None, [command]), "--help"], prog_name="mnistlr", standalone_mode=False)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.
    """
    sys.exit(run_app(app, sys.argv[1:] if arguments is None else arguments))


def _name(dataset: DatasetName | None, data: Path | None) -> str | None:
    if data is not None and dataset not in (None, DatasetName.MNIST):
        raise typer.BadParameter(f"--data FOLDER is for MNIST; it does not go with --dataset {dataset}.")
    return "mnist" if data is not None else dataset and str(dataset)


def _check_ending(path: Path | None, ending: str) -> None:
    """Refuse a file name whose ending belongs to another kind of file."""
    if path is not None and path.suffix.lower() != ending and not path.is_dir():  # a folder is reported elsewhere
        raise typer.BadParameter(f"expected a file name that ends in {ending}, got {path}.")
