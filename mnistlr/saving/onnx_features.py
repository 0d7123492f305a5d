"""What a DigitReader looks at, as operators of ONNX: deskewing and edges, from raw pixels.

The equations are those of `mnistlr.features.deskew` and `mnistlr.features.edges`, in float64. Smoothing and slopes are
products with banded matrices, and a shear gathers pixels from a row that has paper on both sides. A feature in some
100,000 lies so near a half that it is rounded to the other side, by 1 of 255: probabilities differ by up to 1e-4.
"""

from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper

from mnistlr._support.arrays import Array
from mnistlr.features.edges import FULL
from mnistlr.features.reader import DigitReader


class Operators:
    """Nodes of a graph and their constants, in the order in which they are applied."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, Array] = {}

    def __call__(self, operator: str, *inputs: Any, **attributes: Any) -> str:
        """Apply an operator to names or constants; return the name of the result."""
        names = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        result = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, names, [result], **attributes))
        return result

    def constant(self, value: Any, dtype: Any = np.float64) -> str:
        """Return the name of a new constant: of integers as they are, of other numbers in this type."""
        name = f"constant_{len(self.constants)}"
        value = np.asarray(value)
        self.constants[name] = value.astype(dtype) if value.dtype.kind == "f" else value
        return name


def apply_features(apply: Operators, reader: DigitReader, dtype: np.dtype[Any]) -> str:
    """Turn the input ``X`` (n, pixels) into features (n, n_edge_features) of float64; return their name."""
    rows, columns = reader.deskew_.shape_
    pixels = "X"
    if dtype != np.uint8:  # as `mnistlr.features.pixels.as_pixels`, in the type of X
        full_ink, paper, most, unit = (
            apply.constant(value, dtype) for value in (reader.deskew_.full_ink_, 0.0, 255.0, 1.0)
        )
        share = apply("Clip", apply("Div", "X", full_ink), paper, unit)
        pixels = apply("Round", apply("Mul", share, most))
    pixels = apply("Cast", pixels, to=TensorProto.DOUBLE)
    upright = _deskew(apply, pixels, rows, columns)
    return _edges(apply, upright, reader)


def _deskew(apply: Operators, pixels: str, rows: int, columns: int) -> str:
    """Return the upright images (n, rows, columns)."""
    y, x = np.divmod(np.arange(rows * columns), columns)
    moments = np.stack([np.ones_like(x), x, y, x * y, y * y], axis=1).astype(np.float64)
    m, m_x, m_y, m_xy, m_yy = (
        apply("MatMul", pixels, column) for column in np.split(moments, 5, axis=1)
    )  # (n, 1) each
    spread = apply("Sub", apply("Mul", m, m_yy), apply("Mul", m_y, m_y))
    slant = apply("Sub", apply("Mul", m, m_xy), apply("Mul", m_x, m_y))
    slant = apply("Div", slant, apply("Max", spread, 1.0))  # without spread, it is 0
    from_middle = apply("Sub", apply("Mul", m, np.arange(rows, dtype=np.float64)[None]), m_y)
    shift = apply("Div", apply("Mul", slant, from_middle), apply("Max", m, 1.0))
    shift = apply("Clip", shift, -columns - 1.0, columns + 1.0)
    shift = apply("Floor", apply("Add", apply("Mul", shift, 256.0), 0.5))
    whole = apply("Floor", apply("Div", shift, 256.0))  # (n, rows)
    part = apply("Unsqueeze", apply("Sub", shift, apply("Mul", whole, 256.0)), np.array([2]))
    room = columns + 2
    images = apply("Reshape", pixels, np.array([-1, rows, columns]))
    padded = apply("Pad", images, np.array([0, 0, room, 0, 0, room]))
    at = apply("Unsqueeze", apply("Cast", whole, to=TensorProto.INT64), np.array([2]))
    gathered = apply("GatherElements", padded, apply("Add", at, room + np.arange(columns + 1)), axis=2)
    left, right = (
        apply("Slice", gathered, np.array([start]), np.array([start + columns]), np.array([2])) for start in (0, 1)
    )
    mixed = apply("Add", apply("Mul", apply("Sub", 256.0, part), left), apply("Mul", part, right))
    return apply("Floor", apply("Div", apply("Add", mixed, 128.0), 256.0))


def _edges(apply: Operators, images: str, reader: DigitReader) -> str:
    """Return the features of upright images (n, rows, columns)."""
    edges, (rows, columns) = reader.edges_, reader.deskew_.shape_
    smooth, slope = (1, 2, 1), (-1, -2, 0, 2, 1)
    slope_x = apply("MatMul", apply("MatMul", _band(rows, smooth), images), _band(columns, slope).T)
    slope_y = apply("MatMul", apply("MatMul", _band(rows, slope), images), _band(columns, smooth).T)
    slope_x, slope_y = (apply("Unsqueeze", each, np.array([1])) for each in (slope_x, slope_y))
    compass = edges.compass_.astype(np.float64)[:, :, None, None]
    before, after = compass[:, :-2], compass[:, 2:]
    to_after = apply("Sub", apply("Mul", slope_x, after[1]), apply("Mul", slope_y, after[0]))
    from_before = apply("Sub", apply("Mul", slope_y, before[0]), apply("Mul", slope_x, before[1]))
    votes = apply("Max", apply("Min", to_after, from_before), 0.0)  # (n, directions, rows, columns)
    first, features = 0, []
    for grid in edges.grids:
        places = slice(first, first + grid)
        first += grid
        n_sums = grid * grid * edges.directions
        sums = apply("MatMul", apply("MatMul", edges.row_windows_[places], votes), edges.column_windows_[places].T)
        sums = apply("Reshape", apply("Transpose", sums, perm=[0, 2, 3, 1]), np.array([-1, n_sums]))
        total = apply("Max", apply("ReduceSum", sums, np.array([1]), keepdims=1), 1e-300)
        root = apply("Sqrt", apply("Mul", sums, apply("Div", 255.0**2 * n_sums / FULL, total)))
        features.append(apply("Floor", apply("Min", apply("Add", root, 0.5), 255.0)))
    return apply("Concat", *features, axis=1)


def _band(size: int, weights: tuple[int, ...]) -> Array:
    """Return the matrix (size, size) that weighs every entry's neighbours; beyond the ends there is paper."""
    reach = len(weights) // 2
    return sum(weight * np.eye(size, k=k - reach) for k, weight in enumerate(weights))  # type: ignore[return-value]
