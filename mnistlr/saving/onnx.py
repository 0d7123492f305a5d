"""Hand a fitted model to other runtimes, as an ONNX graph.

The graph is the prediction written out: with the coefficients W, b as constants,

    raw = cast(X) W^T + b        label = labels[argmax raw]        probabilities = softmax(raw)

and for two classes, with one raw prediction and s = 1 / (1 + exp(-raw)),

    label = labels[raw > 0]            probabilities = (1 - s, s).
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from mnistlr._support.extras import needed
from mnistlr._version import __version__
from mnistlr.exceptions import ArgumentError
from mnistlr.features import DigitReader

if TYPE_CHECKING:
    import onnx

    from mnistlr.estimators import LinearClassifier

OPSET = 17  # of 2022: Softmax as it is meant since 13, and runtimes of the last years know it
IR_VERSION = 8


def to_onnx(model: "LinearClassifier | DigitReader", *, dtype: npt.DTypeLike = np.uint8) -> "onnx.ModelProto":
    """Return a fitted model as an ONNX graph.

    Parameters
    ----------
    model : LogisticRegression, SoftmaxRegression or DigitReader
    dtype : {uint8, float32, float64}
        Type of the input: raw pixels, or floats in the units that the model was fitted on. The graph computes in
        float32 for the first two and in float64 for the last, as the model does. For a DigitReader it computes the
        features as well, see `mnistlr.saving.onnx_features`.

    Returns
    -------
    onnx.ModelProto
        One input ``X``, shape (n, n_features); outputs ``label``, shape (n,), int64 or string or whatever the labels
        are, and ``probabilities``, shape (n, n_classes), in the order of ``classes_``.

    Raises
    ------
    MissingExtraError
        If the package onnx is not installed.
    ArgumentError
        If ``dtype`` is another, or the labels are of a kind that ONNX has no type for.
    sklearn.exceptions.NotFittedError
        If the model is not fitted.

    Examples
    --------
    >>> import onnx, onnxruntime  # doctest: +SKIP
    >>> onnx.save(mnistlr.to_onnx(model), "digits.onnx")  # doctest: +SKIP
    >>> session = onnxruntime.InferenceSession("digits.onnx")  # doctest: +SKIP
    >>> label, probabilities = session.run(None, {"X": X_test})  # doctest: +SKIP
    """
    with needed("onnx", "onnx", "to_onnx"):
        from onnx import TensorProto, checker, helper, numpy_helper
    check_is_fitted(model)
    dtype = np.dtype(dtype)
    if dtype not in (np.uint8, np.float32, np.float64):
        raise ArgumentError(f"expected dtype to be uint8, float32 or float64, got {dtype}.")
    onnx_type = helper.np_dtype_to_tensor_dtype
    classifier, source, nodes, constants = model, "X", [], {}
    if isinstance(model, DigitReader):
        from mnistlr.saving.onnx_features import Operators, apply_features

        operators = Operators()
        classifier, source = model.classifier_, apply_features(operators, model, dtype)
        nodes, constants = operators.nodes, operators.constants
    arithmetic = np.dtype(np.float64 if dtype == np.float64 and source == "X" else np.float32)
    labels = _labels(model.classes_)
    constants |= {
        "W": classifier.coef_.T.astype(arithmetic),
        "b": classifier.intercept_.astype(arithmetic),
        "labels": labels,
    }
    nodes += [
        helper.make_node("Cast", [source], ["x"], to=onnx_type(arithmetic)),
        helper.make_node("MatMul", ["x", "W"], ["product"]),
        helper.make_node("Add", ["product", "b"], ["raw"]),
    ]
    if len(classifier.intercept_) == 1:
        constants |= {"one": np.ones((), arithmetic), "zero": np.zeros((), arithmetic), "column": np.array([1])}
        nodes += [
            helper.make_node("Sigmoid", ["raw"], ["second"]),
            helper.make_node("Sub", ["one", "second"], ["first"]),
            helper.make_node("Concat", ["first", "second"], ["probabilities"], axis=1),
            helper.make_node("Greater", ["raw", "zero"], ["is_second"]),
            helper.make_node("Cast", ["is_second"], ["number_column"], to=TensorProto.INT64),
            helper.make_node("Squeeze", ["number_column", "column"], ["number"]),
        ]
    else:
        nodes += [
            helper.make_node("Softmax", ["raw"], ["probabilities"], axis=1),
            helper.make_node("ArgMax", ["raw"], ["number"], axis=1, keepdims=0),
        ]
    nodes.append(helper.make_node("Gather", ["labels", "number"], ["label"]))
    n_classes, n_features = len(model.classes_), model.n_features_in_
    graph = helper.make_graph(
        nodes,
        type(model).__name__,
        [helper.make_tensor_value_info("X", onnx_type(dtype), ["n", n_features])],
        [
            helper.make_tensor_value_info("label", onnx_type(labels.dtype), ["n"]),
            helper.make_tensor_value_info("probabilities", onnx_type(arithmetic), ["n", n_classes]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    proto = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="mnistlr",
        producer_version=__version__,
    )
    checker.check_model(proto, full_check=True)
    return proto


def _labels(classes: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the labels in a type that ONNX has."""
    if classes.dtype.kind == "b" or classes.dtype.kind == "f":
        return classes
    if classes.dtype.kind in "iu":
        return classes if classes.max() > np.iinfo(np.int64).max else classes.astype(np.int64)  # uint64
    if all(isinstance(label, str) for label in classes):
        return classes.astype(object)
    raise ArgumentError(
        f"expected labels that are integers, floats, booleans or strings, as ONNX has, got {classes!r}."
    )
