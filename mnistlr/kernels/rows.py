"""Rows of data, dense or CSR: find what is not zero, and read it. All compiled passes read rows by these functions.

Four of five pixels of a handwritten digit are zero, so kernels go over a row's entries that are not. In dense rows they
are found 64 at a time: a comparison gives 64 bits, and for each eight of them a table gives the places of those that
are set. NaN is an entry; -0.0 is a zero like any other.

``uint8`` entries are intensities: everything here reads them as x / 255.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from mnistlr.kernels.compiling import REORDER, jit, jit_inline, jit_reorder
from mnistlr.kernels.lanes import IS_COMPILED, address, spread

INTENSITY = (np.arange(256) / 255).astype(np.float32)
PLACES = np.zeros((256, 8), np.uint8)  # of the bits that are set in a byte
for _byte in range(256):
    _places = [place for place in range(8) if _byte >> place & 1]
    PLACES[_byte, : len(_places)] = _places


# ---------------------------------------------------------------------------------------------------------------
# What the other files call, as it is without the compiler. Compiled code chooses by the storage while compiling.
# ---------------------------------------------------------------------------------------------------------------


def find_entries(X, i, index, value, n):
    """Append the columns of row i's entries to ``index[n:]``; return how many ``index`` then holds.

    CSR: their values go to ``value``, too. Dense: ``read_entry`` reads them later, when it costs nothing.
    """
    return (_find_in_csr if isinstance(X, tuple) else _find_in_dense)(X, i, index, value, n)


def read_entry(X, i, index, value, t):
    """Return the value of the entry in column ``index[t]`` of row i, and leave it in ``value[t]``."""
    if not isinstance(X, tuple):
        value[t] = intensity(X[i, index[t]])
    return value[t]


def copy_row(X, i, out):
    """out[:d] = x_i."""
    return (_copy_csr_row if isinstance(X, tuple) else _copy_dense_row)(X, i, out)


def dot_row(X, i, w):
    """Return x_i . w."""
    return (_dot_csr_row if isinstance(X, tuple) else _dot_dense_row)(X, i, w)


def add_row(X, i, a, g):
    """g += a x_i."""
    return (_add_csr_row if isinstance(X, tuple) else _add_dense_row)(X, i, a, g)


def add_rows(X, rows, m, a, g):
    """g += sum_r a[r] x_rows[r] over r < m."""
    return (_add_csr_rows if isinstance(X, tuple) else _add_dense_rows)(X, rows, m, a, g)


def fetch_half(X, i, half):
    """Ask for half of row i to be brought near: 0 or 1, in CSR its columns or its values. Changes only the speed.

    A core can wait for some tens of cache lines at a time. Asked for at once, a row of 784 float32 would keep all that
    is computed meanwhile from reading; in two halves, it comes while the row before it is worked on.
    """


def intensity(x):
    """Return x, for ``uint8`` x / 255, in the arithmetic type."""
    return INTENSITY[x] if isinstance(x, np.uint8) else x


# ---------------------------------------------------------------------------------------------------------------
# Dense rows
# ---------------------------------------------------------------------------------------------------------------


def are_not_zero(X, first):
    """Return 64 bits: whether ``X.flat[first + place]`` is not zero."""
    entries = X.reshape(-1)[first : first + 64]
    return np.packbits(entries != 0, bitorder="little").view(np.uint64)[0]


def append_places(index, n, first, byte):
    """Append ``first`` + the places of the bits that are set to ``index[n:]``; return how many there are."""
    count = int(byte).bit_count()
    index[n : n + 8] = first + PLACES[byte]
    return count


def _find_in_dense(X, i, index, value, n):
    d = X.shape[1]
    whole = d - d % 64
    for first in range(0, whole, 64):
        bits = are_not_zero(X, i * d + first)
        if bits != 0:
            for shift in range(0, 64, 8):
                n += append_places(index, n, first + shift, (bits >> np.uint64(shift)) & np.uint64(255))
    if whole < d and d >= 64:  # the last 64 of the row, without those that have been looked at
        bits = are_not_zero(X, i * d + d - 64) >> np.uint64(64 - (d - whole))
        for shift in range(0, d - whole, 8):
            n += append_places(index, n, whole + shift, (bits >> np.uint64(shift)) & np.uint64(255))
    elif whole < d:
        for j in range(d):
            index[n] = j
            n += X[i, j] != 0
    return n


def _copy_dense_row(X, i, out):
    x = X[i]
    for j in range(x.shape[0]):
        out[j] = out.dtype.type(x[j]) / white(X)


def _dot_dense_row(X, i, w):
    x = X[i]
    total = w.dtype.type(0)
    for j in range(w.shape[0]):
        total += w.dtype.type(x[j]) * w[j]
    return total * unit(X)


@jit_reorder
def _add_four(a0, a1, a2, a3, x0, x1, x2, x3, g):
    """g += a0 x0 + a1 x1 + a2 x2 + a3 x3: four rows share the load and the store of g."""
    for j in range(g.shape[0]):
        two = a0 * g.dtype.type(x0[j]) + a1 * g.dtype.type(x1[j])
        g[j] += two + a2 * g.dtype.type(x2[j]) + a3 * g.dtype.type(x3[j])


def _add_dense_row(X, i, a, g):
    x, a = X[i], a * unit(X)
    for j in range(g.shape[0]):
        g[j] += a * g.dtype.type(x[j])


def _add_dense_rows(X, rows, m, a, g):
    u = unit(X)
    fours = m - m % 4
    for r in range(0, fours, 4):
        x0, x1, x2, x3 = X[rows[r]], X[rows[r + 1]], X[rows[r + 2]], X[rows[r + 3]]
        _add_four(u * a[r], u * a[r + 1], u * a[r + 2], u * a[r + 3], x0, x1, x2, x3, g)
    for r in range(fours, m):
        add_row(X, rows[r], a[r], g)


# ---------------------------------------------------------------------------------------------------------------
# CSR rows
# ---------------------------------------------------------------------------------------------------------------


@jit_inline
def _cut_out(X, i):
    """Return columns and values of row i. Loops over such slices are vectorised: an index into them is not negative."""
    return X.indices[X.indptr[i] : X.indptr[i + 1]], X.data[X.indptr[i] : X.indptr[i + 1]]


def _find_in_csr(X, i, index, value, n):
    columns, values = _cut_out(X, i)
    index, value = index[n:], value[n:]
    for t in range(columns.shape[0]):
        index[t] = columns[t]
        value[t] = value.dtype.type(values[t]) / white(X)
    return n + columns.shape[0]


def _copy_csr_row(X, i, out):
    out[:] = 0
    columns, values = _cut_out(X, i)
    for t in range(columns.shape[0]):
        out[columns[t]] = intensity(values[t])


@jit  # in order: reordered sums would differ between index types
def _dot_csr_row(X, i, w):
    total = w.dtype.type(0)
    columns, values = _cut_out(X, i)
    for t in range(columns.shape[0]):
        total += intensity(values[t]) * w[columns[t]]
    return total


def _add_csr_row(X, i, a, g):
    columns, values = _cut_out(X, i)
    for t in range(columns.shape[0]):
        g[columns[t]] += a * intensity(values[t])


def _add_csr_rows(X, rows, m, a, g):
    for r in range(m):
        add_row(X, rows[r], a[r], g)


# ---------------------------------------------------------------------------------------------------------------
# The choice while compiling
# ---------------------------------------------------------------------------------------------------------------


def unit(X):
    """Return what an entry is multiplied with to be read: 1/255 for ``uint8``, else 1, in the arithmetic type."""
    return np.float32(1 / 255) if X.dtype == np.uint8 else X.dtype.type(1)


def white(X):
    """Return what an entry is divided by to be read, to the bits of ``intensity``: 255 for ``uint8``, else 1.

    Sixteen are divided at a time, which is quicker than the table where all entries of a row are read in order.
    """
    dtype = (X[0] if isinstance(X, tuple) else X).dtype
    return np.float32(255) if dtype == np.uint8 else dtype.type(1)


@overload(find_entries, jit_options={"fastmath": False})
def _choose_find_entries(X, i, index, value, n):
    return _find_in_csr if isinstance(X, types.BaseTuple) else _find_in_dense


@overload(read_entry)
def _choose_read_entry(X, i, index, value, t):
    if isinstance(X, types.BaseTuple):
        return lambda X, i, index, value, t: value[t]

    def read_dense(X, i, index, value, t):
        value[t] = intensity(X[i, index[t]])
        return value[t]

    return read_dense


@overload(copy_row, jit_options={"fastmath": False})  # a division is none by the reciprocal, whoever calls
def _choose_copy_row(X, i, out):
    return _copy_csr_row if isinstance(X, types.BaseTuple) else _copy_dense_row


@overload(dot_row, jit_options={"fastmath": REORDER})
def _choose_dot_row(X, i, w):
    if isinstance(X, types.BaseTuple):
        return lambda X, i, w: _dot_csr_row(X, i, w)
    return _dot_dense_row


@overload(add_row, jit_options={"fastmath": REORDER})
def _choose_add_row(X, i, a, g):
    return _add_csr_row if isinstance(X, types.BaseTuple) else _add_dense_row


@overload(add_rows)
def _choose_add_rows(X, rows, m, a, g):
    return _add_csr_rows if isinstance(X, types.BaseTuple) else _add_dense_rows


@overload(unit)
def _choose_unit(X):
    number = (
        np.float32(1 / 255) if X.dtype == types.uint8 else (np.float32 if X.dtype == types.float32 else np.float64)(1)
    )
    return lambda X: number


@overload(white)
def _choose_white(X):
    dtype = X.dtype if isinstance(X, types.Array) else X[0].dtype
    number = np.float32(255) if dtype == types.uint8 else (np.float32 if dtype == types.float32 else np.float64)(1)
    return lambda X: number


@overload(intensity)
def _choose_intensity(x):
    if x == types.uint8:
        return lambda x: INTENSITY[x]
    return lambda x: x


@overload(fetch_half)
def _choose_fetch_half(X, i, half):
    def fetch_half_of_csr(X, i, half):
        if half == 0:
            _fetch(X.indices, X.indptr[i], X.indptr[i + 1])
        else:
            _fetch(X.data, X.indptr[i], X.indptr[i + 1])

    def fetch_half_of_dense(X, i, half):
        d = X.shape[1]
        middle = d // 2
        _fetch(X, i * d + half * middle, i * d + (d if half else middle))

    return fetch_half_of_csr if isinstance(X, types.BaseTuple) else fetch_half_of_dense


@jit_inline
def _fetch(array, first, last):
    for place in range(first, last, 64 // array.itemsize):
        _fetch_line(array, place)


@intrinsic
def _fetch_line(context, array, first):
    """Ask the processor to bring the cache line of ``array.flat[first]`` near, and go on without waiting."""

    def generate(context, builder, signature, arguments):
        pointer, number = address(context, builder, array, *arguments, ir.IntType(8)), ir.IntType(32)
        function_type = ir.FunctionType(ir.VoidType(), [pointer.type, number, number, number])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [pointer.type], function_type)
        builder.call(prefetch, [pointer, number(0), number(3), number(1)])  # to read, nearest cache, data
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


@intrinsic
def _are_not_zero(context, array, first):
    bits = array.dtype.bitwidth

    def generate(context, builder, signature, arguments):
        entry = {8: ir.IntType(8), 32: ir.FloatType(), 64: ir.DoubleType()}[bits]
        vector = ir.VectorType(entry, 64)
        entries = builder.load(address(context, builder, array, *arguments, vector), align=bits // 8)
        compare = builder.icmp_unsigned if bits == 8 else builder.fcmp_unordered
        return builder.bitcast(compare("!=", entries, ir.Constant(vector, None)), ir.IntType(64))

    return types.uint64(array, types.intp), generate


@intrinsic
def _append_places(context, index, n, first, byte):
    def generate(context, builder, signature, arguments):
        array, offset, start, bits = arguments
        eight, wide = ir.VectorType(ir.IntType(8), 8), ir.VectorType(ir.IntType(32), 8)
        table = _table_of_places(builder.module)
        entry = builder.gep(table, [ir.IntType(64)(0), builder.shl(bits, ir.IntType(64)(3))])
        places = builder.zext(builder.load(builder.bitcast(entry, eight.as_pointer()), align=8), wide)
        places = builder.add(places, spread(builder, builder.trunc(start, ir.IntType(32)), 8))
        builder.store(places, address(context, builder, index, array, offset, wide), align=4)
        return builder.ctpop(bits)

    return types.intp(index, types.intp, types.intp, types.uint64), generate


def _table_of_places(module):
    name = "mnistlr.places"
    if name in module.globals:
        return module.globals[name]
    contents = ir.Constant(ir.ArrayType(ir.IntType(8), PLACES.size), bytearray(PLACES.tobytes()))
    table = ir.GlobalVariable(module, contents.type, name)
    table.linkage, table.global_constant, table.initializer, table.align = "internal", True, contents, 64
    return table


if IS_COMPILED:
    are_not_zero, append_places = _are_not_zero, _append_places
