"""The commands about models: train, evaluate, predict, explain and warmup.

``predict`` and ``explain`` take images of a data set or pictures such as photos.
"""

import time
from dataclasses import replace
from importlib.resources import as_file
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console

from mnistlr._support.files import check_writable
from mnistlr.cli.console import open_console, print_json, progress, watched
from mnistlr.cli.data import load, load_any, name_image
from mnistlr.cli.errors import in_words, tell
from mnistlr.cli.terminal import draw_contributions, draw_explanation, draw_image, draw_matrix, draw_table
from mnistlr.datasets import shuffle
from mnistlr.datasets.named import NAMES, NamedData
from mnistlr.exceptions import ImageError
from mnistlr.metrics import ClassificationSummary

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


def train(
    name: str,
    folder: Path | None,
    digit: int | None,
    of_edges: bool,
    copies: int,
    output: Path | None,
    parameters: dict[str, Any],
) -> None:
    """Train a model, on ``copies`` distorted copies of each image as well, print its accuracy, save it."""
    from mnistlr.estimators import LogisticRegression, SoftmaxRegression
    from mnistlr.features import DigitReader, add_distorted
    from mnistlr.saving.model_file import save_model
    from mnistlr.warmup import warm_up_fit

    kind = "edges" if of_edges else "softmax"
    output = output or Path(f"mnistlr-{kind}.npz" if digit is None else f"mnistlr-is-it-a-{digit}.npz")
    check_writable(output)
    data = load_any(name, folder)
    if digit is not None and digit not in data.y_train:
        raise ValueError(f"there is no {digit} among the labels of {data.title}; choose another --digit.")
    # As the tour does, so that the same seed makes the same model.
    X, y = shuffle(data.X_train, data.y_train, random_state=parameters["random_state"])
    y, y_test = (labels if digit is None else labels == digit for labels in (y, data.y_test))
    of_pixels = SoftmaxRegression if digit is None else LogisticRegression
    model: Any = (DigitReader if of_edges else of_pixels)(**parameters)
    with progress(f"training on {(1 + copies) * len(y):,} images"):
        warm_up_fit(model, X, y)
        started = time.perf_counter()
        if copies:
            X, y = add_distorted(X, y, copies, random_state=parameters["random_state"], n_jobs=parameters["n_jobs"])
        with watched(model):
            model.fit(X, y)
        seconds = time.perf_counter() - started
    summary = ClassificationSummary.from_predictions(y_test, model.predict(data.X_test), labels=model.classes_)
    provenance = {
        "data": {"name": data.name, "sha256": data.checksums},
        "digit": digit,
        "copies": copies,
        "accuracy": summary.accuracy,
        "baseline": summary.baseline,
    }
    path = save_model(model, output, provenance=provenance)
    console = open_console()
    unit = "iteration" if model.n_iter_ == 1 else "iterations"
    on = f"{data.title} and {copies} distorted copies" if copies else data.title
    console.print(f"{type(model).__name__} on {on}: {model.n_iter_} {unit} in {seconds:.2f} s", soft_wrap=True)
    console.print(f"stopped because {model.stop_reason_}", soft_wrap=True)
    _print_accuracy(_in_words(summary, _names(model.classes_, digit)), data)
    console.print(f"saved {path}", soft_wrap=True)
    if not of_edges:
        console.print("Photos and drawings are read better from edges: mnistlr train --features edges", soft_wrap=True)


def evaluate(path: Path, name: str | None, folder: Path | None, as_json: bool) -> None:
    """Print how a model does on the test images."""
    saved, data = _load_model_and_data(path, name, folder)
    y_test = _labels_for(saved, data.y_test)
    with progress("predicting"):
        predicted = saved.model.predict(data.X_test)
    labels = saved.model.classes_
    if np.isin(y_test, labels).all():
        summary = ClassificationSummary.from_predictions(y_test, predicted, labels=labels)
    else:  # a model of some of the digits: count the others as well
        summary = ClassificationSummary.from_predictions(y_test, predicted)
    if data.name == "mnist_5k" and _origin(saved).get("name") == "mnist":
        tell("the model was trained on these images, which are part of MNIST's training set; it does worse on others")
    if as_json:
        about = {"model": str(path), "class": type(saved.model).__name__, "dataset": data.name}
        print_json(about | {"digit": saved.provenance.get("digit")} | summary.to_dict())
        return
    summary = _in_words(summary, _names_of(saved))
    console = open_console()
    console.print(f"{type(saved.model).__name__} on {data.title}", style="bold", soft_wrap=True)
    _print_accuracy(summary, data)
    console.print()
    console.print(str(summary), soft_wrap=True)
    console.print()
    console.print(draw_matrix(summary, console))
    pairs = summary.most_confused(5)
    if pairs:
        heads = [f"{pair.true_label} as {pair.predicted_label}" for pair in pairs]
        console.print()
        console.print(draw_table(("most confused", *heads), [("images", *(str(p.n_samples) for p in pairs))]))


def predict(
    path: Path | None, images: list[tuple[str, int]], name: str | None, folder: Path | None, as_json: bool
) -> None:
    """Print a model's answers to images of a data set, each given as a part of it and a number in that part."""
    saved, data = _load_model_and_data(path, name, folder)
    indices = [data.index_of(part, number) for part, number in images]
    X = np.array([data.image(index)[0] for index in indices])
    truth = _labels_for(saved, np.array([data.image(index)[1] for index in indices]))
    predicted, probabilities = saved.model.predict(X), saved.model.predict_proba(X)
    classes, names = saved.model.classes_.tolist(), _names_of(saved)
    rows = zip(indices, predicted.tolist(), truth.tolist(), probabilities, strict=True)
    if as_json:
        answers = []
        for index, answer, label, row in rows:
            part, number = data.place_of(index)
            place = {"index": index, "part": part, "number": number, "trained_on": _was_trained_on(saved, data, index)}
            answers.append(place | {"predicted": answer, "label": label, "probabilities": row.tolist()})
        print_json({"model": _name_of(path), "dataset": data.name, "classes": classes, "answers": answers})
        return
    console = open_console()
    for index, answer, label, row in rows:
        said = f"predicted {names.get(answer, answer)}, label {names.get(label, label)}"
        console.print(f"{name_image(data, index)}: {said}", soft_wrap=True)
        if _was_trained_on(saved, data, index):
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
    names = _names(model.classes_, None)
    if path is not None:
        saved = _load_model_of_pictures(path)
        model, names = saved.model, _names_of(saved)
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
        print_json({"model": _name_of(path), "classes": classes, "answers": answers})
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
        saved, data = _load_model_and_data(path, name, folder)
        index = data.index_of(*shown)
        pixels, digit = data.image(index)
        label = _labels_for(saved, np.array([digit])).item()
        truth = _names_of(saved).get(label, label)
        shape, what, was_trained_on = data.image_shape, name_image(data, index), _was_trained_on(saved, data, index)
    why = explain(saved.model, pixels)
    why = replace(why, classes=np.array(list(_names_of(saved).values()), dtype=object))
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


def warmup() -> None:
    """Compile all kernels; print the seconds for every kind of data."""
    from mnistlr.warmup import warm_up

    console = open_console()
    started = time.perf_counter()
    with progress("compiling"):
        for kind in warm_up():
            seconds, started = time.perf_counter() - started, time.perf_counter()
            console.print(f"{kind:<16} {seconds:5.1f} s")


def load_model_file(path: Path | None) -> "ModelFile":
    """Load a model file, or the reader that comes with the package."""
    from mnistlr.saving.model_file import read_model_file
    from mnistlr.trained import FILE

    if path is not None:
        return read_model_file(path)
    with as_file(FILE) as found:
        return read_model_file(found)


def _name_of(path: Path | None) -> str:
    return "the reader that comes with mnistlr" if path is None else str(path)


def _load_model_and_data(path: Path | None, name: str | None, folder: Path | None) -> "tuple[ModelFile, NamedData]":
    """Load a model and a data set of images of its size, by default the one that it was trained on."""
    saved = load_model_file(path)
    if name is None:
        name = _origin(saved).get("name")
        if isinstance(name, str) and name not in NAMES:
            raise ValueError(f"the model {path} was trained on {name}; give the folder with its files: --data FOLDER")
        if name is None:
            name = "mnist"
            tell(f"{path} does not say what it was trained on; taking mnist")
    data = load(name, folder)
    n_features, n_pixels = saved.model.n_features_in_, data.X_test.shape[1]
    if n_features != n_pixels:
        raise ValueError(
            f"the model {_name_of(path)} takes {n_features} features, but images of {name} have {n_pixels} pixels; "
            "choose the data set that it was trained on with --dataset."
        )
    return saved, data


def _load_model_of_pictures(path: Path | None) -> "ModelFile":
    from mnistlr.images import SIDE

    saved = load_model_file(path)
    if saved.model.n_features_in_ != SIDE * SIDE:
        raise ValueError(
            f"the model {path} takes {saved.model.n_features_in_} features, but a picture becomes {SIDE}x{SIDE} pixels "
            "as in MNIST; train a model with: mnistlr train --dataset mnist"
        )
    return saved


def _labels_for(saved: "ModelFile", digits: NDArray[np.int64]) -> NDArray[Any]:
    """Return the labels that the model should have given to images of these digits."""
    classes, digit = saved.model.classes_, saved.provenance.get("digit")
    if classes.dtype.kind in "iu":
        return digits
    if classes.dtype == bool and isinstance(digit, int):
        is_digit: NDArray[np.bool_] = digits == digit
        return is_digit
    raise ValueError(
        f"the labels of this model, {', '.join(map(str, classes.tolist()))}, are not digits, and its file does not say "
        "which digit it detects."
    )


def _names(classes: NDArray[Any], digit: Any) -> dict[Any, str]:
    """Return what to call each label: those of a detector are "2" and "not 2"."""
    if classes.dtype == bool and isinstance(digit, int):
        return {False: f"not {digit}", True: str(digit)}
    return {label: str(label) for label in classes.tolist()}


def _names_of(saved: "ModelFile") -> dict[Any, str]:
    return _names(saved.model.classes_, saved.provenance.get("digit"))


def _in_words(summary: ClassificationSummary, names: dict[Any, str]) -> ClassificationSummary:
    return ClassificationSummary(summary.matrix, [names.get(label, str(label)) for label in summary.labels])


def _origin(saved: "ModelFile") -> dict[str, Any]:
    """Return what a model file says of the data that the model was trained on."""
    origin = saved.provenance.get("data")
    return origin if isinstance(origin, dict) else {}


def _was_trained_on(saved: "ModelFile", data: NamedData, index: int) -> bool:
    """Return whether it is known that an image was among those that a model was trained on."""
    origin = _origin(saved)
    if origin.get("name") == "mnist" and data.name == "mnist_5k":  # which is part of MNIST's training set
        return True
    is_same = origin.get("name") == data.name and origin.get("sha256", data.checksums) == data.checksums
    return is_same and data.is_for_training(index)


def _print_accuracy(summary: ClassificationSummary, data: NamedData) -> None:
    answer = summary.labels[int(np.argmax(summary.support))]
    open_console().print(
        f"accuracy {100 * summary.accuracy:.2f} % on {len(data.y_test):,} test images "
        f'(always "{answer}": {100 * summary.baseline:.2f} %)',
        soft_wrap=True,
    )


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
