"""The commands that ask a model: predict and explain, for images of a data set and for pictures such as photos."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console

from mnistlr.cli.console import open_console, print_json
from mnistlr.cli.data import name_image
from mnistlr.cli.errors import in_words, tell
from mnistlr.cli.saved import (
    is_training_image,
    label_names,
    labels_for,
    load_model_and_data,
    load_model_file,
    name_of,
    names_of,
)
from mnistlr.cli.terminal import draw_contributions, draw_explanation, draw_image, draw_table
from mnistlr.exceptions import ImageError

if TYPE_CHECKING:
    from mnistlr.images import Steps
    from mnistlr.saving.model_file import ModelFile

_STAGES = {  # of `Steps`
    "grey": "The picture without colours",
    "paper": "The paper without what is on it",
    "contrast": "What differs from the paper",
    "removed": "Printed lines, which were taken away",
    "ink": "The ink, as strong in the dark as in the light",
}
_TRAINED_ON = "The model was trained on this image."
_SMALL = 40  # pixels of the longer side of a stage in the terminal
_TOP = 5  # classes whose probabilities are shown for a picture


def predict(
    path: Path | None, images: list[tuple[str, int]], name: str | None, folder: Path | None, as_json: bool
) -> None:
    """Print a model's answers to images of a data set, each given as a part of it and a number in that part."""
    saved, data = load_model_and_data(path, name, folder)
    indices = [data.index_of(part, number) for part, number in images]
    X = np.array([data.image(index)[0] for index in indices])
    truth = labels_for(saved, np.array([data.image(index)[1] for index in indices]))
    predicted, probabilities = saved.model.predict(X), saved.model.predict_proba(X)
    classes, names = saved.model.classes_.tolist(), names_of(saved)
    rows = zip(indices, predicted.tolist(), truth.tolist(), probabilities, strict=True)
    if as_json:
        answers = []
        for index, answer, label, row in rows:
            part, number = data.place_of(index)
            place = {
                "index": index,
                "part": part,
                "number": number,
                "trained_on": is_training_image(saved, data, index),
            }
            answers.append(place | {"predicted": answer, "label": label, "probabilities": row.tolist()})
        print_json({"model": name_of(path), "dataset": data.name, "classes": classes, "answers": answers})
        return
    console = open_console()
    for index, answer, label, row in rows:
        said = f"predicted {names.get(answer, answer)}, label {names.get(label, label)}"
        console.print(f"{name_image(data, index)}: {said}", soft_wrap=True)
        if is_training_image(saved, data, index):
            console.print(_TRAINED_ON)
        shown = sorted(np.argsort(-row, kind="stable")[:10])  # more would not fit
        numbers = ("P", *(f"{row[k]:.3f}" for k in shown))
        console.print(draw_table(("", *(names[classes[k]] for k in shown)), [numbers]))


def predict_pictures(
    path: Path | None, pictures: list[Path], find_all: bool, show_steps: bool, output: Path | None, as_json: bool
) -> None:
    """Print a model's answers to photos or drawings."""
    from mnistlr.images import shrink, trace
    from mnistlr.trained import trained_reader

    if output is not None:
        from mnistlr.plots.style import check_figure_file

        check_figure_file(output)
    model: Any = trained_reader()
    names = label_names(model.classes_, None)
    if path is not None:
        saved = _load_model_of_pictures(path)
        model, names = saved.model, names_of(saved)
    classes = model.classes_.tolist()
    console, is_complete = open_console(), True
    answers: list[dict[str, Any]] = []
    for picture in pictures:
        try:
            steps = trace(picture, find_all=find_all, reader=model)
        except (ImageError, OSError) as error:
            if len(pictures) == 1:
                raise error if isinstance(error, OSError) else ImageError(f"{picture}: {error}") from error
            tell(in_words(error) if isinstance(error, OSError) else f"{picture}: {error}")
            answers.append({"picture": str(picture), "error": str(error)})
            is_complete = False
            continue
        X = np.array([digit.pixels.ravel() for digit in steps.digits])
        predicted, probabilities = model.predict(X).tolist(), model.predict_proba(X)
        if output is not None:
            _save_steps(steps, [names[answer] for answer in predicted], output)
        if show_steps and not as_json:
            for name, sentence in _STAGES.items():
                stage = getattr(steps, name)
                if name != "removed":
                    _draw_stage(sentence, stage, console)
                elif stage.any():
                    console.print(f"{sentence}:")
                    console.print(draw_contributions(-shrink(stage, _SMALL), console))
        for digit, answer, row in zip(steps.digits, predicted, probabilities, strict=True):
            box = digit.box._asdict()
            found = {"picture": str(picture), "box": box, "doubts": digit.doubts}
            answers.append({**found, "predicted": answer, "probabilities": row.tolist()})
            if show_steps and not as_json:
                _draw_stage("A digit cut out, its strokes as wide as MNIST's", digit.strokes, console)
            if not as_json:
                console.print(draw_image(digit.pixels, console))
                console.print(f"{picture}: predicted {names[answer]}", soft_wrap=True)
                if digit.doubts:
                    console.print(f"Not sure: {', and '.join(digit.doubts)}.", soft_wrap=True)
                best = np.argsort(-row, kind="stable")[:_TOP]
                numbers = ("P", *(f"{row[k]:.3f}" for k in best))
                console.print(draw_table(("", *(names[classes[k]] for k in best)), [numbers]))
        if find_all and not as_json:
            console.print(f"{picture}: {' '.join(names[answer] for answer in predicted)}", soft_wrap=True)
        if output is not None and not as_json:
            console.print(f"saved {output}", soft_wrap=True)
    if as_json:
        print_json({"model": name_of(path), "classes": classes, "answers": answers})
    if not is_complete:
        raise typer.Exit(1)


def explain(
    path: Path | None,
    shown: Path | tuple[str, int],
    name: str | None,
    folder: Path | None,
    output: Path | None,
) -> None:
    """Print why a model gave its answer to a photo, or to an image given as part and number; draw it to a file."""
    from mnistlr.metrics.explanation import explain

    if output is not None:
        from mnistlr.plots.style import check_figure_file

        check_figure_file(output)
    console, truth, was_trained_on = open_console(), None, False
    if isinstance(shown, Path):
        from mnistlr.images import to_mnist

        saved, photo = _load_model_of_pictures(path), shown
        try:
            image = to_mnist(photo)
        except ImageError as error:
            raise ImageError(f"{photo}: {error}") from error
        pixels, shape, what = image.ravel(), image.shape, str(photo)
    else:
        saved, data = load_model_and_data(path, name, folder)
        index = data.index_of(*shown)
        pixels, digit = data.image(index)
        label = labels_for(saved, np.array([digit])).item()
        truth = names_of(saved).get(label, label)
        shape, what, was_trained_on = data.image_shape, name_image(data, index), is_training_image(saved, data, index)
    why = explain(saved.model, pixels)
    why = replace(why, classes=np.array(list(names_of(saved).values()), dtype=object))
    if output is not None:
        from mnistlr.plots import plot_explanation, save_figure

        save_figure(plot_explanation(why, true_label=truth, image_shape=shape).figure, output)
    console.print(what if truth is None else f"{what}, label {truth}", soft_wrap=True)
    if was_trained_on:
        console.print(_TRAINED_ON)
    console.print(f"predicted {why.label}, runner-up {why.runner_up}", soft_wrap=True)
    console.print()
    console.print(draw_explanation(why, shape, console))
    if output is not None:
        console.print(f"saved {output}", soft_wrap=True)


def _load_model_of_pictures(path: Path | None) -> "ModelFile":
    from mnistlr.images import SIDE

    saved = load_model_file(path)
    if saved.model.n_features_in_ != SIDE * SIDE:
        raise ValueError(
            f"the model {path} takes {saved.model.n_features_in_} features, but a picture becomes {SIDE}x{SIDE} pixels "
            "as in MNIST; train a model with: mnistlr train --dataset mnist"
        )
    return saved


def _draw_stage(title: str, stage: NDArray[np.float64], console: Console) -> None:
    """Draw a stage small, its darkest pixel black and its lightest white."""
    from mnistlr.images import shrink

    small = shrink(stage, _SMALL)
    low, high = small.min(), small.max()
    console.print(f"{title}, from {low:z.2f} to {high:z.2f}:")
    console.print(draw_image((255 * (small - low) / max(high - low, 1e-9)).astype(np.uint8), console))


def _save_steps(steps: "Steps", predicted: list[Any], output: Path) -> None:
    from matplotlib.colors import to_rgb

    from mnistlr.plots import plot_pictures, save_figure
    from mnistlr.plots.style import ORANGE

    titles = [name for name in _STAGES if getattr(steps, name).any()]
    pictures = [getattr(steps, name) for name in titles]
    if steps.removed.any():
        pictures[titles.index("removed")] = np.where(
            steps.removed[:, :, None] > 0, to_rgb(ORANGE), 0.6 * steps.ink[:, :, None]
        )
    for k, (digit, answer) in enumerate(zip(steps.digits, predicted, strict=True), start=1):
        which = f"{k}: " if len(steps.digits) > 1 else ""
        pictures += [digit.strokes, digit.pixels / 255]
        titles += [f"{which}strokes", f"{which}predicted {answer}"]
    save_figure(plot_pictures(pictures, titles).figure, output)
