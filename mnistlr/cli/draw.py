"""What the commands about pictures do: predict photos, explain an answer, write the page to draw on."""

import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from mnistlr._support.files import atomic_write, check_writable
from mnistlr.cli.console import open_console, print_json, progress
from mnistlr.cli.models import labels_for, load_model_and_data
from mnistlr.cli.terminal import draw_explanation, draw_image, draw_table
from mnistlr.exceptions import ImageError
from mnistlr.saving.model_file import ModelFile, read_model_file
from mnistlr.walkthrough.exhibit import Table

if TYPE_CHECKING:
    from mnistlr.images import Steps

_TOP = 5  # classes whose probabilities are shown for a picture


def predict_pictures(
    path: Path, pictures: list[Path], find_all: bool, show_steps: bool, output: Path | None, as_json: bool
) -> None:
    """Print a model's answers to photos or drawings."""
    from mnistlr.images import trace

    model = _load_model_of_pictures(path).model
    classes = model.classes_.tolist()
    console, answers = open_console(), []
    for picture in pictures:
        try:
            steps = trace(picture, find_all=find_all)
        except ImageError as error:
            raise ImageError(f"{picture}: {error}") from error
        X = np.array([digit.pixels.ravel() for digit in steps.digits])
        predicted, probabilities = model.predict(X).tolist(), model.predict_proba(X)
        if output is not None:
            _save_steps(steps, predicted, output)
        if show_steps and not as_json:
            for title, stage in zip(steps._fields, steps[:-1], strict=False):
                _draw_stage(title, stage, console)
        for digit, answer, row in zip(steps.digits, predicted, probabilities, strict=True):
            box = digit.box._asdict()
            answers.append({"picture": str(picture), "box": box, "predicted": answer, "probabilities": row.tolist()})
            if show_steps and not as_json:
                _draw_stage("strokes", digit.strokes, console)
            if not as_json:
                console.print(draw_image(digit.pixels, console))
                console.print(f"{picture}: predicted {answer}", soft_wrap=True)
                best = np.argsort(-row, kind="stable")[:_TOP]
                numbers = ("P", *(f"{row[k]:.3f}" for k in best))
                console.print(draw_table(Table(("", *(str(classes[k]) for k in best)), [numbers])))
        if find_all and not as_json:
            console.print(f"{picture}: {' '.join(map(str, predicted))}", soft_wrap=True)
        if output is not None and not as_json:
            console.print(f"saved {output}", soft_wrap=True)
    if as_json:
        print_json({"model": str(path), "classes": classes, "answers": answers})


def explain(
    path: Path, photo: Path | None, index: int | None, name: str | None, folder: Path | None, output: Path | None
) -> None:
    """Print why a model gave its answer to an image of a data set or to a photo; draw it to a file."""
    from mnistlr.metrics.explanation import explain

    console = open_console()
    if photo is not None:
        from mnistlr.images import to_mnist

        saved, truth = _load_model_of_pictures(path), None
        try:
            image = to_mnist(photo)
        except ImageError as error:
            raise ImageError(f"{photo}: {error}") from error
        pixels, shape, what = image.ravel(), image.shape, str(photo)
    else:
        assert index is not None  # the command line has seen to it
        saved, data = load_model_and_data(path, name, folder)
        pixels, digit = data.image(index)
        truth = labels_for(saved, np.array([digit]))[0]
        shape, what = data.image_shape, f"Image {index} of {data.title}"
    why = explain(saved.model, pixels)
    if output is not None:
        from mnistlr.plots import plot_explanation, save_figure

        save_figure(plot_explanation(why, true_label=truth, image_shape=shape).figure, output)
    label = "" if truth is None else f", label {truth}"
    console.print(what + label, soft_wrap=True)
    console.print(f"predicted {why.label}, runner-up {why.runner_up}", soft_wrap=True)
    console.print()
    console.print(draw_explanation(why, shape, console))
    if output is not None:
        console.print(f"saved {output}", soft_wrap=True)


def draw(path: Path | None, output: Path, is_opened: bool) -> None:
    """Write the page to draw a digit on, and open it."""
    from mnistlr.draw.page import render_draw_page

    check_writable(output)
    page = render_draw_page(_model_to_draw() if path is None else read_model_file(path))
    with atomic_write(output) as file:
        file.write(page.encode())
    open_console().print(f"saved {output}", soft_wrap=True)
    if is_opened and not webbrowser.open(output.resolve().as_uri()):
        print(f"mnistlr: no browser was found; open {output} in one", file=sys.stderr)


def _model_to_draw() -> ModelFile:
    from mnistlr.draw.model import last_trained_model, train_model_to_draw

    last = last_trained_model(Path())
    if last is not None:
        print(f"mnistlr: taking {last[0]}, the newest model in this folder", file=sys.stderr)
        return last[1]
    print("mnistlr: no model of 28x28 pixels in this folder; training one", file=sys.stderr)
    with progress("training"):
        saved = train_model_to_draw()
    if saved.provenance["data"]["name"] == "digits":
        print(
            "mnistlr: MNIST could not be had, and a model of the bundled digits misreads nearly every second drawing; "
            "run `mnistlr fetch` where there is a network",
            file=sys.stderr,
        )
    return saved


def _draw_stage(title: str, stage: NDArray[np.float64], console: Console) -> None:
    """Draw a stage small, its darkest pixel black and its lightest white."""
    from mnistlr.images import shrink

    small = shrink(stage, 40)
    low, high = small.min(), small.max()
    console.print(f"{title}, from {low:z.2f} to {high:z.2f}")
    console.print(draw_image((255 * (small - low) / max(high - low, 1e-9)).astype(np.uint8), console))


def _save_steps(steps: "Steps", predicted: list[Any], output: Path) -> None:
    from mnistlr.plots import plot_pictures, save_figure

    pictures, titles = list(steps[:-1]), list(steps._fields[:-1])
    for k, (digit, answer) in enumerate(zip(steps.digits, predicted, strict=True), start=1):
        which = f"{k}: " if len(steps.digits) > 1 else ""
        pictures += [digit.strokes, digit.pixels / 255]
        titles += [f"{which}strokes", f"{which}predicted {answer}"]
    save_figure(plot_pictures(pictures, titles).figure, output)


def _load_model_of_pictures(path: Path) -> ModelFile:
    from mnistlr.images import SIDE

    saved = read_model_file(path)
    if saved.model.n_features_in_ != SIDE * SIDE:
        raise ValueError(
            f"the model {path} takes {saved.model.n_features_in_} features, but a picture becomes {SIDE}x{SIDE} pixels "
            "as in MNIST; train a model with: mnistlr train --dataset mnist"
        )
    return saved
