"""The page to draw a digit on: one HTML file with the model's weights inside.

The page computes what `mnistlr.images.normalise` and the estimators' ``decision_function`` compute, in JavaScript
that is kept as readable: ``templates/`` holds ``ink.js``, ``normalise.js``, ``model.js``, ``view.js`` and
``main.js``, to be read in this order. It loads nothing and sends nothing: its content-security policy allows this one
script and this one style, by their checksums, and nothing else.
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
from mnistlr.images.normalise import SIDE
from mnistlr.saving.model_file import Model, ModelFile

SCRIPTS = ("ink.js", "normalise.js", "model.js", "view.js", "main.js")

_DATA = {
    "mnist": "MNIST",
    "mnist_5k": "5,000 images of MNIST",
    "digits": "the 1,797 digits of 8x8 pixels that scikit-learn bundles, enlarged",
}


def render_draw_page(saved: ModelFile) -> str:
    """Write the page to draw a digit on.

    Parameters
    ----------
    saved : ModelFile
        A fitted model of 28x28 ``uint8`` pixels, with any labels, and what is known of its making: ``digit``, the digit
        that a detector with boolean labels detects; ``data`` and ``accuracy``, which the page shows.

    Returns
    -------
    str
        HTML, complete in itself.

    Raises
    ------
    ImageError
        If the model takes other images than 28x28.
    """
    model = saved.model
    if model.n_features_in_ != SIDE * SIDE:
        raise ImageError(
            f"drawings become {SIDE}x{SIDE} pixels, {SIDE * SIDE} features, but the model takes "
            f"{model.n_features_in_}; give one that was trained on MNIST, or none."
        )
    coef, intercept = _one_row_a_class(model)
    labels, sentences = zip(*(_words(label, saved.provenance) for label in model.classes_.tolist()), strict=True)
    templates = Environment(
        loader=PackageLoader("mnistlr.draw", "templates"), autoescape=True, undefined=StrictUndefined
    )
    sources = {name: _source(templates, name) for name in (*SCRIPTS, "page.css")}
    script, style = "\n" + "\n".join(sources[name] for name in SCRIPTS), sources["page.css"]
    return templates.get_template("page.html").render(
        policy=_policy(script, style),
        version=__version__,
        question=_question(model, saved.provenance),
        labels=labels,
        about=_about(saved),
        model={"labels": labels, "sentences": sentences, "coef": _encode(coef), "intercept": _encode(intercept)},
        script=Markup(script),
        style=Markup(style),
    )


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


def _question(model: Model, provenance: dict[str, Any]) -> str:
    if len(model.classes_) > 2:
        return "which digit is it?"
    if model.classes_.dtype == bool and isinstance(provenance.get("digit"), int):
        return f"is it {_a(provenance['digit'])}?"
    no, yes = (_words(label, provenance)[0] for label in model.classes_.tolist())
    return f"{no} or {yes}?"


def _a(digit: int) -> str:
    return f"an {digit}" if digit == 8 else f"a {digit}"


def _about(saved: ModelFile) -> str:
    """Return a sentence on the model's making."""
    data, accuracy = saved.provenance.get("data"), saved.provenance.get("accuracy")
    name = data.get("name") if isinstance(data, dict) else None
    sentence = f"The model: {type(saved.model).__name__}, {saved.model.coef_.size:,} weights"
    if name in _DATA:
        sentence += f", trained on {_DATA[name]}"
    if isinstance(accuracy, float):
        sentence += f"; it gets {100 * accuracy:.1f} % of the test images right"
    if name == "digits":
        sentence += (
            ", but nearly every second drawing wrong: with MNIST, which could not be had, it would get most right"
        )
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
    """Return the bytes of the numbers, little-endian float64, in base64."""
    return base64.b64encode(np.ascontiguousarray(numbers, dtype="<f8").tobytes()).decode()
