"""A machine vector as a number: 64 bytes whose lanes lie side by side, 16 of float32 or 8 of float64.

Compiled code loads lanes from an array, adds, subtracts, multiplies and divides them (by lanes or by a number, which
then stands in every lane), and stores them again. A product that is added becomes one fused multiply-add. Without the
compiler the same functions work on NumPy arrays of as many entries.

Arrays that lanes are loaded from start at a cache line and have rows of whole lanes (see ``records.aligned``).
"""

import math
import operator

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic, lower_builtin, models, overload, register_model, type_callable

BYTES = 64
IS_COMPILED = not config.DISABLE_JIT  # type: ignore[attr-defined]
FLUSH = -69.0  # exp of less, under 1e-30, is taken as 0: subnormal numbers would slow every loop behind it


def count_lanes(dtype):
    """Return how many numbers of a type stand side by side in lanes."""
    return BYTES // np.dtype(dtype).itemsize


# ---------------------------------------------------------------------------------------------------------------
# What the other files call, as it is without the compiler
# ---------------------------------------------------------------------------------------------------------------


def lane_count(array):
    """Return how many lanes the numbers of an array make."""
    return count_lanes(array.dtype)


def load(array, first):
    """Return the lanes at ``array.flat[first:]``."""
    return array.reshape(-1)[first : first + count_lanes(array.dtype)].copy()


def store(array, first, lanes):
    """Write lanes to ``array.flat[first:]``."""
    array.reshape(-1)[first : first + count_lanes(array.dtype)] = lanes


def first_lanes(lanes, count):
    """Return the first ``count`` lanes, -infinity in the others."""
    return np.where(np.arange(len(lanes)) < count, lanes, -np.inf).astype(lanes.dtype)


def minimum(a, b):
    """Return the smaller number of each lane."""
    return np.minimum(a, b)


def largest(lanes):
    """Return the largest of the numbers."""
    return lanes.max()


def total(lanes):
    """Return the sum of the numbers."""
    return lanes.sum()


def exp(lanes):
    """Return exp of numbers <= 0, with 0 for what is under exp(FLUSH).

    With k = round(x / log 2) and r = x - k log 2, exp(x) = 2^k exp(r). As |r| <= (log 2) / 2, the Taylor series of
    exp(r) to degree 7 (float32) or 13 (float64) is exact to rounding. log 2 is subtracted in two parts, the first of
    which has few digits, so that its product with k is exact.
    """
    return np.where(lanes < FLUSH, 0, np.exp(lanes)).astype(lanes.dtype)


def log1p(lanes):
    """Return log(1 + t) for 0 <= t <= 1.

    With u = t / (2 + t) it is 2 (u + u^3 / 3 + u^5 / 5 + ...), where u <= 1/3: eight terms (float32) or seventeen
    (float64) are exact to rounding.
    """
    return np.log1p(lanes)


# ---------------------------------------------------------------------------------------------------------------
# The type, and its instructions
# ---------------------------------------------------------------------------------------------------------------


class Lanes(types.Type):
    """The type of lanes: numba's, for compiled code."""

    def __init__(self, dtype):
        self.dtype, self.count = dtype, BYTES * 8 // dtype.bitwidth
        super().__init__(f"Lanes({dtype})")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, lanes):
        super().__init__(manager, lanes, _vector(lanes))


def _number(dtype):
    return ir.FloatType() if dtype.bitwidth == 32 else ir.DoubleType()


def _vector(lanes):
    return ir.VectorType(_number(lanes.dtype), lanes.count)


def address(context, builder, array_type, array, first, pointee):
    """Return the address of ``array.flat[first]`` as a pointer to ``pointee``."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [first]), pointee.as_pointer())


def spread(builder, number, count):
    """Return a vector with ``number`` in every lane."""
    vector = ir.VectorType(number.type, count)
    undefined = ir.Constant(vector, ir.Undefined)
    one = builder.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(ir.IntType(32), count), [0] * count))


def _call(builder, name, lanes, result, arguments, **options):
    function_type = ir.FunctionType(result, [argument.type for argument in arguments])
    name = f"llvm.{name}.v{lanes.count}f{lanes.dtype.bitwidth}"
    return builder.call(cgutils.get_or_insert_function(builder.module, function_type, name), arguments, **options)


def _define_operator(operation, instruction):
    @type_callable(operation)
    def resolve(context):
        def result(a, b):
            for lanes, other in ((a, b), (b, a)):
                if isinstance(lanes, Lanes) and (other == lanes or isinstance(other, types.Number)):
                    return lanes
            return None

        return result

    def generate(context, builder, signature, arguments):
        lanes, vectors = signature.return_type, []
        for kind, value in zip(signature.args, arguments, strict=True):
            if not isinstance(kind, Lanes):
                value = spread(builder, context.cast(builder, value, kind, lanes.dtype), lanes.count)
            vectors.append(value)
        return getattr(builder, instruction)(*vectors, flags=("contract", "nsz"))

    for kinds in ((Lanes, Lanes), (Lanes, types.Number), (types.Number, Lanes)):
        lower_builtin(operation, *kinds)(generate)


for _operation, _instruction in (
    (operator.add, "fadd"),
    (operator.iadd, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _define_operator(_operation, _instruction)


@intrinsic
def _lane_count(context, array):
    count = BYTES * 8 // array.dtype.bitwidth

    def generate(context, builder, signature, arguments):
        return ir.Constant(ir.IntType(64), count)

    return types.intp(array), generate


@intrinsic
def _load(context, array, first):
    lanes = Lanes(array.dtype)

    def generate(context, builder, signature, arguments):
        return builder.load(
            address(context, builder, array, *arguments, _vector(lanes)), align=array.dtype.bitwidth // 8
        )

    return lanes(array, types.intp), generate


@intrinsic
def _store(context, array, first, lanes):
    def generate(context, builder, signature, arguments):
        target, offset, value = arguments
        builder.store(
            value, address(context, builder, array, target, offset, _vector(lanes)), align=array.dtype.bitwidth // 8
        )
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), generate


@intrinsic
def _first_lanes(context, lanes, count):
    def generate(context, builder, signature, arguments):
        numbers = ir.VectorType(ir.IntType(64), lanes.count)
        numbered = ir.Constant(numbers, list(range(lanes.count)))
        inside = builder.icmp_signed("<", numbered, spread(builder, arguments[1], lanes.count))
        return builder.select(inside, arguments[0], ir.Constant(_vector(lanes), [-math.inf] * lanes.count))

    return lanes(lanes, types.intp), generate


@intrinsic
def _minimum(context, a, b):
    def generate(context, builder, signature, arguments):
        return builder.select(builder.fcmp_ordered("<", *arguments), *arguments)

    return a(a, b), generate


@intrinsic
def _largest(context, lanes):
    def generate(context, builder, signature, arguments):
        number = _number(lanes.dtype)
        return _call(builder, "vector.reduce.fmax", lanes, number, arguments, fastmath=("nnan", "nsz"))

    return lanes.dtype(lanes), generate


@intrinsic
def _total(context, lanes):
    def generate(context, builder, signature, arguments):
        number = _number(lanes.dtype)
        arguments = [ir.Constant(number, 0.0), *arguments]
        return _call(builder, "vector.reduce.fadd", lanes, number, arguments, fastmath=("reassoc",))

    return lanes.dtype(lanes), generate


@intrinsic
def _nearest_in_low_bits(context, lanes, factor, magic):
    """Return factor x + magic, rounded: the nearest whole number is then in the low bits (Hacker's Delight, 2013)."""

    def generate(context, builder, signature, arguments):
        x, by, plus = arguments[0], *(spread(builder, number, lanes.count) for number in arguments[1:])
        return builder.fadd(builder.fmul(x, by), plus)

    return lanes(lanes, lanes.dtype, lanes.dtype), generate


@intrinsic
def _times_power_of_two(context, lanes, shifted):
    """Return x 2^k, k the low bits of ``shifted``: k is added to the exponent."""

    def generate(context, builder, signature, arguments):
        bits = lanes.dtype.bitwidth
        whole = ir.VectorType(ir.IntType(bits), lanes.count)
        mantissa = ir.Constant(whole, [23 if bits == 32 else 52] * lanes.count)
        x, k = (builder.bitcast(argument, whole) for argument in arguments)
        return builder.bitcast(builder.add(x, builder.shl(k, mantissa)), _vector(lanes))

    return lanes(lanes, lanes), generate


@intrinsic
def _zero_where_below(context, lanes, limit, value):
    def generate(context, builder, signature, arguments):
        x, least, result = arguments
        below = builder.fcmp_ordered("<", x, spread(builder, least, lanes.count))
        return builder.select(below, ir.Constant(_vector(lanes), [0.0] * lanes.count), result)

    return lanes(lanes, lanes.dtype, lanes), generate


if IS_COMPILED:  # compiled code then takes the instructions instead of the functions above
    lane_count, load, store, first_lanes, minimum, largest, total = (
        _lane_count,
        _load,
        _store,
        _first_lanes,
        _minimum,
        _largest,
        _total,
    )


@overload(exp)
def _compile_exp(lanes):
    single = lanes.dtype == types.float32
    real = np.float32 if single else np.float64
    magic = real(1.5 * 2.0 ** (23 if single else 52))
    per_log_2, flush = real(1 / math.log(2)), real(FLUSH)
    high = real(0.693359375) if single else real(0.693145751953125)  # the leading bits of log 2
    low = real(-2.12194440054690583e-4 if single else 1.42860682030941723e-6)  # the digits behind
    highest, second, *others = (real(1 / math.factorial(power)) for power in range(7 if single else 13, -1, -1))
    coefficients = tuple(others)

    def series(lanes):
        shifted = _nearest_in_low_bits(lanes, per_log_2, magic)
        k = shifted - magic
        r = lanes - k * high
        r = r - k * low
        value = r * highest + second
        for coefficient in coefficients:
            value = value * r + coefficient
        return _zero_where_below(lanes, flush, _times_power_of_two(value, shifted))

    return series


@overload(log1p)
def _compile_log1p(lanes):
    single = lanes.dtype == types.float32
    real = np.float32 if single else np.float64
    two = real(2)
    highest, *others = (real(2 / power) for power in range(15 if single else 33, 0, -2))
    coefficients = tuple(others)

    def series(lanes):
        u = lanes / (lanes + two)
        square = u * u
        value = square * real(0) + highest
        for coefficient in coefficients:
            value = value * square + coefficient
        return value * u

    return series
