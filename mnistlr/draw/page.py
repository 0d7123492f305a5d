"""The page to draw a digit on: one HTML file with the model's weights inside.

The page computes what `mnistlr.images`, `mnistlr.features` and the estimators' ``decision_function`` compute, in
JavaScript that is kept as readable: ``templates/`` holds the files of ``SCRIPTS``, to be read in this order. It loads
nothing and sends nothing: its content-security policy allows this one script and this one style, by their checksums,
and nothing else.
"""

import base64
import hashlib
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from numpy.typing import NDArray

from mnistlr._version import __version__
from mnistlr.exceptions import ImageError
from mnistlr.features import DigitReader
from mnistlr.images.normalise import SIDE
from mnistlr.saving.model_file import Model, ModelFile

SCRIPTS = (
    "ink.js",
    "strokes.js",
    "normalise.js",
    "deskew.js",
    "edges.js",
    "model.js",
    "view.js",
    "main.js",
)

_DATA = {
    "mnist": "MNIST",
    "mnist_5k": "5,000 images of MNIST",
}

_SIGHT = {
    False: "This model looks at every square by itself, so its weights are the same for all drawings.",
    True: (
        "This model looks at edges: how the lines run, and where. The picture of weights shows what that comes to for "
        "your drawing, square by square, and changes with it."
    ),
}


def render_draw_page(saved: ModelFile) -> str:
    """Write the page to draw a digit on.

    Parameters
    ----------
    saved : ModelFile
        A fitted model of 28x28 ``uint8`` pixels or a fitted `DigitReader` of such images, with any labels, and what is
        known of its making: ``digit``, the digit that a detector with boolean labels detects; ``data`` and
        ``accuracy``, which the page shows.

    Returns
    -------
    str
        HTML, complete in itself.

    Raises
    ------
    ImageError
        If the model takes other images than 28x28.
    """
    model: Any = saved.model
    if model.n_features_in_ != SIDE * SIDE:
        raise ImageError(
            f"drawings become {SIDE}x{SIDE} pixels, {SIDE * SIDE} features, but the model takes "
            f"{model.n_features_in_}; give one that was trained on MNIST, or none."
        )
    is_reader = isinstance(model, DigitReader)
    if is_reader and model.deskew_.shape_ != (SIDE, SIDE):
        rows, columns = model.deskew_.shape_
        raise ImageError(
            f"drawings become {SIDE}x{SIDE} pixels, but the reader takes {rows}x{columns}; give one that was trained "
            "on MNIST, or none."
        )
    linear = model.classifier_ if is_reader else model
    coef, intercept = _one_row_a_class(linear)
    labels, sentences = zip(*(_words(label, saved.provenance) for label in model.classes_.tolist()), strict=True)
    templates = Environment(
        loader=PackageLoader("mnistlr.draw", "templates"), autoescape=True, undefined=StrictUndefined
    )
    sources = {name: _source(templates, name) for name in (*SCRIPTS, "page.css")}
    script, style = "\n" + "\n".join(sources[name] for name in SCRIPTS), sources["page.css"]
    return templates.get_template("page.html").render(
        policy=_policy(script, style),
        version=__version__,
        title=_title(model, saved.provenance),
        lead=_lead(model, saved.provenance),
        side=SIDE,
        sight=_SIGHT[is_reader],
        labels=labels,
        is_wordy=any(len(label) > 2 for label in labels),
        about=_about(saved.provenance, type(model).__name__, linear.coef_.size),
        model={
            "labels": labels,
            "sentences": sentences,
            "coef": _encode(coef),
            "intercept": _encode(intercept),
            "edges": _edges(model) if is_reader else None,
        },
        script=Markup(script),
        style=Markup(style),
    )


def _edges(reader: DigitReader) -> dict[str, Any]:
    """Return what the page needs to compute the reader's features."""
    return {"directions": int(reader.edges_.directions), "grids": [int(grid) for grid in reader.edges_.grids]}


def _one_row_a_class(model: Model) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return weights (n_classes, n_features) and intercepts (n_classes,): a row of zeros beside that of a detector.

    softmax(0, r) = (1 - p, p) with p = 1 / (1 + exp(-r)): the page needs no case of its own for two classes.
    """
    missing = len(model.classes_) - len(model.coef_)
    coef = np.concatenate([np.zeros((missing, model.coef_.shape[1])), model.coef_])
    return coef, np.concatenate([np.zeros(missing), model.intercept_])


def _words(label: Any, provenance: dict[str, Any]) -> tuple[str, str]:
    """Return a class's short name and the sentence that announces it."""
    digit = provenance.get("digit")
    if isinstance(label, bool) and isinstance(digit, int):
        return (f"{digit}", f"It is {_a(digit)}") if label else (f"not {digit}", f"It is not {_a(digit)}")
    if isinstance(label, bool):
        return ("yes", "Yes") if label else ("no", "No")
    return str(label), f"It is {_a(label)}" if isinstance(label, int) else f"It is “{label}”"


def _title(model: Any, provenance: dict[str, Any]) -> str:
    if _is_yes_or_no(model) and isinstance(provenance.get("digit"), int):
        return f"Draw a digit: is it {_a(provenance['digit'])}?"
    return "Draw a digit"


def _lead(model: Any, provenance: dict[str, Any]) -> str:
    """Return what the page is for, in a sentence or three."""
    question = _question(model, provenance)
    if _is_yes_or_no(model):
        return (
            f"This is a yes/no page. Its model answers one question only: {question} It does not know the other digits."
        )
    if len(model.classes_) == 2:
        return f"The model of this page knows two answers only: {question} Write one and watch it decide."
    return f"Write one digit, and watch the model decide: {question}"


def _is_yes_or_no(model: Any) -> bool:
    return bool(model.classes_.dtype == bool)


def _question(model: Any, provenance: dict[str, Any]) -> str:
    if len(model.classes_) > 2:
        return "which digit is it?"
    if _is_yes_or_no(model) and isinstance(provenance.get("digit"), int):
        return f"is it {_a(provenance['digit'])}?"
    no, yes = (_words(label, provenance)[0] for label in model.classes_.tolist())
    return f"{no} or {yes}?"


def _a(digit: int) -> str:
    return f"an {digit}" if digit == 8 else f"a {digit}"


def _about(provenance: dict[str, Any], class_name: str, n_weights: int) -> str:
    """Return a sentence on the model's making."""
    data, accuracy = provenance.get("data"), provenance.get("accuracy")
    name = data.get("name") if isinstance(data, dict) else None
    sentence = f"The model: {class_name}, {n_weights:,} weights"
    if name in _DATA:
        sentence += f", trained on {_DATA[name]}"
    if isinstance(accuracy, float):
        sentence += f"; it gets {100 * accuracy:.1f} % of the test images right"
    return sentence + "."


def _source(templates: Environment, name: str) -> str:
    assert templates.loader is not None
    source = templates.loader.get_source(templates, name)[0]
    return source.replace("\r\n", "\n")  # as the browser reads it before it computes the checksum


def _policy(script: str, style: str) -> str:
    """Return the content-security policy; `data:` is for the icon, without which a browser asks a server for one."""
    return (
        f"default-src 'none'; script-src '{_checksum(script)}'; style-src '{_checksum(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _checksum(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _encode(numbers: NDArray[np.float64]) -> str:
    """Return the numbers in the precision in which Python reads pixels, little-endian float32, in base64."""
    return base64.b64encode(np.ascontiguousarray(numbers, dtype="<f4").tobytes()).decode()
