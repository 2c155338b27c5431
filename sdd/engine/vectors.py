"""Vectors of sixteen numbers, and short tuples of them, as types that compiled kernels can use.

Left to itself the compiler turns simple loops into vector instructions, but not loops that must
pick lanes, skip some of them or pack the rest side by side. This module gives kernels the
vectors themselves: ``v = load(array, k)`` is ``array[k:k + 16]`` in registers, ``+ - *`` work
lane by lane, comparisons give a mask. A machine with narrower registers uses several for one.

A quad is four numbers, for arrays that hold what belongs to one feature side by side.

A mask's lanes are booleans; `store_packed` writes the chosen lanes of a vector side by side,
`load_packed` reads such lanes back into the places they came from.

Tuples hold one vector (or number) for each dimension. Their length is part of their type, so that
a kernel written once is compiled for any number of dimensions, with all of a tuple in registers.
An argument named `like` is a tuple that gives a length and is not read. Functions of single
entries (`larger`, `total`, …) take tuples too, and then return one of the same length.

`products` makes products of matrices, with every sum in registers.
"""

import operator
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba.core import cgutils, config, types
from numba.core.imputils import lower_builtin
from numba.extending import intrinsic, models, register_model, type_callable

__all__ = [
    "LANES",
    "PANEL_BYTES",
    "ROWS",
    "add_each",
    "add_multiplied",
    "add_outer",
    "add_scaled",
    "bits",
    "column",
    "combine",
    "count",
    "dot",
    "fma",
    "keep",
    "lane_totals",
    "lanes",
    "larger",
    "largest",
    "least",
    "load",
    "load_columns",
    "load_packed",
    "load_row",
    "load_rows",
    "magnitude",
    "multiply",
    "outer",
    "part",
    "products",
    "quad",
    "root",
    "scale_each",
    "smaller",
    "splat",
    "store",
    "store_packed",
    "store_row",
    "store_rows",
    "total",
]

LANES = 16
# Registers of 512 bits come with an instruction that packs; where there are none, a store that
# skips lanes does it, more slowly. (That store is slow on some machines that have both.)
_WIDE = bool(get_host_cpu_features().get("avx512f"))
_PACKS = _WIDE and not getattr(config, "CPU_NAME", None)
# As many sums of `products` as fit into registers: of those AVX-512 has 32, other machines 16 of
# half the width.
ROWS = 8 if _WIDE else 4
PANEL_BYTES = 128 if _WIDE else 64


# --- Types and operators --------------------------------------------------------------------------


class VectorType(types.Type):
    """Sixteen float32 or float64, or whole numbers, which can only be loaded and stored."""

    size = LANES

    def __init__(self, dtype: types.Type) -> None:
        self.dtype = dtype
        super().__init__(name=f"{type(self).__name__}({dtype})")


class QuadType(VectorType):
    """Four float32 or float64: a row of an (N, 4) array."""

    size = 4


class MaskType(VectorType):
    """Sixteen booleans."""


MASK = MaskType(types.boolean)
_BITS = ir.IntType(LANES)


def _ir_type(dtype, size: int = LANES) -> ir.VectorType:
    if isinstance(dtype, types.Float):
        return ir.VectorType(ir.FloatType() if dtype.bitwidth == 32 else ir.DoubleType(), size)
    return ir.VectorType(ir.IntType(1 if dtype is types.boolean else dtype.bitwidth), size)


@register_model(VectorType)
@register_model(QuadType)
@register_model(MaskType)
class _Model(models.PrimitiveModel):
    def __init__(self, manager, kind) -> None:
        super().__init__(manager, kind, _ir_type(kind.dtype, kind.size))


def _operator(symbol, emit, kinds=(VectorType,), result=lambda kind: kind) -> None:
    """Let `symbol` work on one value, or two of one type, where that is one of `kinds`."""

    @type_callable(symbol)
    def typer(context):
        return lambda a, b=None: result(a) if type(a) in kinds and b in (a, None) else None

    for kind in kinds:
        arguments = (kind,) if symbol is operator.invert else (kind, kind)
        lower_builtin(symbol, *arguments)(lambda _, builder, signature, args: emit(builder, *args))


# Products may be fused into sums: the only freedom taken, and NaN and infinity keep their meaning.
_FLAGS = ("contract",)
_BOTH = VectorType, QuadType
_operator(operator.add, lambda b, x, y: b.fadd(x, y, flags=_FLAGS), _BOTH)
_operator(operator.sub, lambda b, x, y: b.fsub(x, y, flags=_FLAGS), _BOTH)
_operator(operator.mul, lambda b, x, y: b.fmul(x, y, flags=_FLAGS), _BOTH)
_operator(operator.truediv, lambda b, x, y: b.fdiv(x, y))
_operator(operator.lt, lambda b, x, y: b.fcmp_ordered("<", x, y), result=lambda kind: MASK)
_operator(operator.le, lambda b, x, y: b.fcmp_ordered("<=", x, y), result=lambda kind: MASK)
_operator(operator.invert, lambda b, x: b.not_(x), (MaskType,))
_operator(operator.or_, lambda b, x, y: b.or_(x, y), (MaskType,))


# --- How functions of kernels are made ------------------------------------------------------------


class _Array:
    """A contiguous array of a kernel: no bounds are checked."""

    def __init__(self, context, builder, kind, value) -> None:
        array = context.make_array(kind)(context, builder, value)
        self.builder, self.dtype, self.data = builder, kind.dtype, array.data
        self.shape = cgutils.unpack_tuple(builder, array.shape)

    def pointer(self, start, size: int):
        """Return the address of the number at `start`, as a pointer to a vector."""
        number = self.builder.gep(self.data, [start])
        return self.builder.bitcast(number, _ir_type(self.dtype, size).as_pointer())

    def number(self, start):
        return self.builder.load(self.builder.gep(self.data, [start]))

    def load(self, start, size: int = LANES):
        return self.builder.load(self.pointer(start, size), align=self.dtype.bitwidth // 8)

    def store(self, start, vector) -> None:
        pointer = self.pointer(start, vector.type.count)
        self.builder.store(vector, pointer, align=self.dtype.bitwidth // 8)

    def rows(self, start, count: int) -> list:
        """Return where array[0, start], array[1, start], … are in an array of rows."""
        return [_shift(self.builder, start, k, self.shape[-1]) for k in range(count)]


def _shift(builder, start, count: int, stride=None):
    """Return start + count · stride."""
    step = ir.Constant(start.type, count)
    return builder.add(start, step if stride is None else builder.mul(stride, step))


def _last(*kinds):
    return kinds[-1]


def _compiled(result: Callable = _last) -> Callable[[Callable], Any]:
    """Return a decorator that makes a function of LLVM's values one that kernels can call.

    It gets LLVM's builder, then an `_Array` for each array, a list for each tuple, else values.
    `result` gives the type of what it returns (for a tuple, a list) from those of its arguments;
    without it, that is the last argument's.
    """

    def decorate(function: Callable) -> Any:
        @wraps(function)
        def compiled(typingctx, *kinds):
            given = [types.intp if isinstance(kind, types.Integer) else kind for kind in kinds]
            returned = result(*given)

            def emit(context, builder, signature, args):
                def opened(kind, value):
                    if isinstance(kind, types.Array):
                        return _Array(context, builder, kind, value)
                    many = isinstance(kind, types.BaseTuple)
                    return cgutils.unpack_tuple(builder, value) if many else value

                values = function(builder, *map(opened, given, args))
                if returned is types.void:
                    return context.get_dummy_value()
                many = isinstance(returned, types.BaseTuple)
                return context.make_tuple(builder, returned, values) if many else values

            return returned(*given), emit

        return intrinsic(compiled)

    return decorate


def _for_each(result: Callable = _last) -> Callable[[Callable], Any]:
    """As `_compiled`, for a function of single entries: of tuples, it takes entry by entry."""

    def kind_of(*kinds):
        lengths = [kind.count for kind in kinds if isinstance(kind, types.UniTuple)]
        entry = result(*(k.dtype if isinstance(k, types.UniTuple) else k for k in kinds))
        return types.UniTuple(entry, lengths[0]) if lengths else entry

    def decorate(function: Callable) -> Any:
        @_compiled(kind_of)
        @wraps(function)
        def each(builder, *args):
            lengths = [len(a) for a in args if isinstance(a, list)]
            if not lengths:
                return function(builder, *args)
            lists = [a if isinstance(a, list) else [a] * lengths[0] for a in args]
            return [function(builder, *entries) for entries in zip(*lists, strict=True)]

        return each

    return decorate


def _void(*kinds):
    return types.void


def _vector(array, *others):
    return VectorType(array.dtype)


def _vectors(array, start, like):
    return types.UniTuple(VectorType(array.dtype), len(like))


def _llvm(builder, name, *arguments, void: bool = False):
    """Call an intrinsic function of LLVM, which returns such a vector as its last argument.

    If `void`, it returns nothing, and is named by its first.
    """
    vector = arguments[0 if void else -1].type
    letter = {"float": "f32", "double": "f64"}.get(str(vector.element), str(vector.element))
    name = f"llvm.{name}.v{vector.count}{letter}"
    signature = ir.FunctionType(ir.VoidType() if void else vector, [a.type for a in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, signature, name), arguments)


def _shuffle(builder, a, b, order: Sequence[int]):
    """Return the lanes of a, followed by those of b, that `order` names."""
    kind = ir.VectorType(ir.IntType(32), len(order))
    return builder.shuffle_vector(a, b, ir.Constant(kind, list(order)))


def _splat(builder, number, size: int = LANES):
    vector = ir.Constant(ir.VectorType(number.type, size), ir.Undefined)
    first = builder.insert_element(vector, number, ir.Constant(ir.IntType(32), 0))
    return _shuffle(builder, first, vector, [0] * size)


def _times(builder, x, y):
    return builder.fmul(x, y, flags=_FLAGS if isinstance(x.type, ir.VectorType) else ())


def _plus(builder, x, y):
    return builder.fadd(x, y, flags=_FLAGS if isinstance(x.type, ir.VectorType) else ())


# --- Arrays ---------------------------------------------------------------------------------------


@_compiled(_vector)
def load(builder, array, start):
    """Return array[start:start + 16] of a contiguous vector."""
    return array.load(start)


@_compiled(_void)
def store(builder, array, start, value):
    """Set array[start:start + 16]."""
    array.store(start, value)


@_compiled(lambda array, row: QuadType(array.dtype))
def load_row(builder, array, row):
    """Return array[row] of a contiguous (N, 4) array."""
    return array.load(builder.mul(row, ir.Constant(row.type, 4)), 4)


@_compiled(_void)
def store_row(builder, array, row, value):
    """Set array[row] of a contiguous (N, 4) array."""
    array.store(builder.mul(row, ir.Constant(row.type, 4)), value)


@_compiled(_vectors)
def load_rows(builder, array, start, like):
    """Return array[k, start : start + 16] for k = 0, 1, …, of a contiguous array of rows."""
    return [array.load(at) for at in array.rows(start, len(like))]


@_compiled(_void)
def store_rows(builder, array, start, vectors):
    """Set array[k, start : start + 16] for k = 0, 1, …, of a contiguous array of rows."""
    for value, at in zip(vectors, array.rows(start, len(vectors)), strict=True):
        array.store(at, value)


@_compiled(lambda array, place, like: types.UniTuple(array.dtype, len(like)))
def column(builder, array, place, like):
    """Return the numbers array[0, place], array[1, place], … of a contiguous array of rows."""
    return [array.number(at) for at in array.rows(place, len(like))]


@_compiled(_vectors)
def load_columns(builder, array, row, like):
    """Return the entries 0, 1, … of the rows row … row + 15, each as a vector.

    A row is `array[row]` of a contiguous (N, 4) array; of a (2 N, 4) array `array[N + row]` has its
    entries from the fourth on.
    """
    quads = ir.Constant(row.type, -(-len(like) // 4))
    rows = builder.udiv(array.shape[0], quads)
    halves = [*range(LANES // 2), *range(LANES, LANES + LANES // 2)]
    columns = []
    for k in range(len(like)):
        start = builder.mul(_shift(builder, row, k // 4, rows), ir.Constant(row.type, 4))
        a, b, c, d = (array.load(_shift(builder, start, i * LANES)) for i in range(4))
        # Every fourth lane of two vectors, then the first half of either of two.
        every = [k % 4 + 4 * (i % 8) for i in range(LANES)]
        low, high = _shuffle(builder, a, b, every), _shuffle(builder, c, d, every)
        columns.append(_shuffle(builder, low, high, halves))
    return columns


@_compiled(_vector)
def lane_totals(builder, array, start):
    """Return the vector whose lane k is the sum of array[start + 16 k : start + 16 k + 16].

    Cheaper than sixteen times `total`, with the same bits: vectors are added two at a time, half
    of one beside half of the other, until one is left.
    """
    rest = [array.load(_shift(builder, start, k * LANES)) for k in range(LANES)]
    while len(rest) > 1:
        half = len(rest) // 2
        low = [k + i for k in range(0, 2 * LANES, 2 * half) for i in range(half)]
        high = [k + half for k in low]
        rest = [
            builder.fadd(_shuffle(builder, a, b, low), _shuffle(builder, a, b, high))
            for a, b in zip(rest[::2], rest[1::2], strict=True)
        ]
    return rest[0]


@_compiled(_void)
def store_packed(builder, array, start, mask, value):
    """Set array[start], array[start + 1], … to the chosen lanes of `value`.

    What follows these in the array, as far as start + 15, may be overwritten with anything.
    """
    width = 512 // array.dtype.bitwidth if _PACKS else LANES
    kind = _ir_type(array.dtype, width)
    for k in range(0, LANES, width):
        order = range(k, k + width)
        some, chosen = (_shuffle(builder, v, v, order) for v in (value, mask))
        if _PACKS:
            undefined = ir.Constant(kind, ir.Undefined)
            packed = _llvm(builder, "experimental.vector.compress", some, chosen, undefined)
            array.store(start, packed)
        else:
            pointer = builder.gep(array.data, [start])
            _llvm(builder, "masked.compressstore", some, pointer, chosen, void=True)
        number = builder.ctpop(builder.bitcast(chosen, ir.IntType(width)))
        start = builder.add(start, builder.zext(number, start.type))


@_compiled(_vector)
def load_packed(builder, array, start, mask):
    """Return a vector whose chosen lanes are array[start], array[start + 1], …, the others zero."""
    zero = ir.Constant(_ir_type(array.dtype), [0.0] * LANES)
    pointer = builder.gep(array.data, [start])
    return _llvm(builder, "masked.expandload", pointer, mask, zero)


# --- Single entries: numbers, vectors and masks, and tuples of them -------------------------------


@_for_each(VectorType)
def splat(builder, value):
    """Return sixteen times one number."""
    return _splat(builder, value)


@_for_each()
def larger(builder, a, b):
    """Return the larger of the two in every lane; NaN in `b` stays NaN."""
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


@_for_each()
def smaller(builder, a, b):
    """Return the smaller of the two in every lane; NaN in `b` stays NaN."""
    return builder.select(builder.fcmp_ordered("<", a, b), a, b)


@_for_each()
def keep(builder, mask, value):
    """Return `value` where the mask is true, zero elsewhere."""
    return builder.select(mask, value, ir.Constant(value.type, [0.0] * LANES))


@_for_each()
def magnitude(builder, value):
    """Return the absolute value of every lane."""
    return _llvm(builder, "fabs", value)


@_for_each()
def root(builder, value):
    """Return the square root of every lane."""
    return _llvm(builder, "sqrt", value)


def _fold(builder, vector, join):
    """Join halves, `join(one, other)`, until one lane is left."""
    number = LANES
    while number > 1:
        number //= 2
        other = [(k + number) % LANES for k in range(LANES)]
        vector = join(vector, _shuffle(builder, vector, vector, other))
    return builder.extract_element(vector, ir.Constant(ir.IntType(32), 0))


@_for_each(lambda value: value.dtype)
def total(builder, value):
    """Return the sum of all lanes, always in the same order."""
    return _fold(builder, value, builder.fadd)


@_for_each(lambda value: value.dtype)
def least(builder, value):
    """Return the least lane; where one is not a number, any of them."""
    return _fold(builder, value, lambda a, b: builder.select(builder.fcmp_ordered("<", a, b), a, b))


@_for_each(lambda value: value.dtype)
def largest(builder, value):
    """Return the largest lane; where one is not a number, any of them."""
    return _fold(builder, value, lambda a, b: builder.select(builder.fcmp_ordered(">", a, b), a, b))


@_compiled(lambda mask: types.int64)
def bits(builder, mask):
    """Return the mask as a whole number: bit k is lane k."""
    return builder.zext(builder.bitcast(mask, _BITS), ir.IntType(64))


@_compiled(lambda number: MASK)
def lanes(builder, number):
    """Return the mask whose lane k is bit k of a whole number."""
    return builder.bitcast(builder.trunc(number, _BITS), _ir_type(types.boolean))


@_compiled(lambda mask: types.int64)
def count(builder, mask):
    """Return how many lanes are true."""
    return builder.zext(builder.ctpop(builder.bitcast(mask, _BITS)), ir.IntType(64))


@_compiled(lambda a, b, c, d: QuadType(a))
def quad(builder, a, b, c, d):
    """Return four numbers of one type as a quad."""
    vector = ir.Constant(ir.VectorType(a.type, 4), ir.Undefined)
    for k, value in enumerate((a, b, c, d)):
        vector = builder.insert_element(vector, value, ir.Constant(ir.IntType(32), k))
    return vector


@_compiled(lambda quad, place: quad.dtype)
def part(builder, value, place):
    """Return one number of a quad; the place is a constant."""
    return builder.extract_element(value, builder.trunc(place, ir.IntType(32)))


@_compiled()
def fma(builder, x, y, z):
    """Return x y + z for numbers of one type, rounded once."""
    return builder.fma(x, y, z)


# --- Tuples: sums and products --------------------------------------------------------------------


@_for_each()
def add_each(builder, a, b):
    """Return a + b, entry by entry."""
    return _plus(builder, a, b)


@_for_each()
def scale_each(builder, factor, value):
    """Return each vector multiplied by one and the same."""
    return _times(builder, value, factor)


def _combine(builder, pairs, start=None):
    """Return start + x y + …, or without a start x y + …, for the pairs (x, y) in their order."""
    for x, y in pairs:
        product = _times(builder, x, y)
        start = product if start is None else _plus(builder, start, product)
    return start


@_compiled(lambda start, a, b: start)
def combine(builder, start, a, b):
    """Return start + a[0] b[0] + a[1] b[1] + …, as far as the shorter tuple goes."""
    return _combine(builder, zip(a, b, strict=False), start)


@_compiled(lambda a, b: a.dtype)
def dot(builder, a, b):
    """Return a[0] b[0] + a[1] b[1] + …, as far as the shorter tuple goes."""
    return _combine(builder, zip(a, b, strict=False))


@_compiled(lambda sums, factor, values: sums)
def add_scaled(builder, sums, factor, values):
    """Return sums[k] + factor · values[k] for every k; where there is no values[k], it is one."""
    added = [_times(builder, factor, v) for v in values]
    added += [factor] * (len(sums) - len(added))
    return [_plus(builder, x, y) for x, y in zip(sums, added, strict=False)]


def _outer(builder, a, b):
    return [_times(builder, a[c], b[d]) for c in range(len(a)) for d in range(c, len(b))]


@_compiled(lambda a, b: types.UniTuple(a.dtype, len(a) * (len(a) + 1) // 2))
def outer(builder, a, b):
    """Return the upper triangle of the matrix a bᵀ, row after row, as one tuple."""
    return _outer(builder, a, b)


@_compiled(lambda sums, a, b: sums)
def add_outer(builder, sums, a, b):
    """Return the tuple `sums` with `outer(a, b)` added."""
    return [_plus(builder, x, y) for x, y in zip(sums, _outer(builder, a, b), strict=True)]


def _symmetric(triangle, size: int) -> list[list]:
    """Return the rows of the symmetric matrix that has this upper triangle."""
    values = iter(triangle)
    upper = {(c, d): next(values) for c in range(size) for d in range(c, size)}
    return [[upper[min(c, d), max(c, d)] for d in range(size)] for c in range(size)]


@_compiled()
def multiply(builder, triangle, vector):
    """Return the product of a symmetric matrix, given as by `outer`, and a tuple."""
    rows = _symmetric(triangle, len(vector))
    return [_combine(builder, zip(row, vector, strict=True)) for row in rows]


@_compiled()
def add_multiplied(builder, sums, triangle, vector):
    """Return sums + `multiply(triangle, vector)`, with terms added one by one, the last first."""
    results = []
    for start, row in zip(sums, _symmetric(triangle, len(vector)), strict=True):
        terms = list(zip(row, vector, strict=True))
        results.append(_combine(builder, [terms[-1], *terms[:-1]], start))
    return results


# --- Products of matrices -------------------------------------------------------------------------


def products(rows: int, width: int):
    """Return a function that sets out[p, :] = start[p, :] + Σ_k scalars[p, k] vectors[k, :].

    That is for p < `rows` and runs of `width` bytes, k < `count`, a few rows against a run with
    every sum in registers. Arrays are flat; each comes with the offset of its first number and with
    its strides, in numbers. Each sum is taken one term after another, with multiplication and
    addition rounded once: its bits depend neither on these sizes nor on a machine's vectors.
    """

    @_compiled(_void)
    def add_products(builder, out, o, op, start, s, sp, scalars, c, cp, ck, vectors, v, vk, count):
        size = 8 * width // out.dtype.bitwidth
        kind = _ir_type(out.dtype, size)
        sums = [cgutils.alloca_once(builder, kind) for _ in range(rows)]
        for p, total in enumerate(sums):
            builder.store(start.load(_shift(builder, s, p, sp), size), total)
        with cgutils.for_range(builder, count) as loop:
            right = vectors.load(builder.add(v, builder.mul(loop.index, vk)), size)
            term = builder.add(c, builder.mul(loop.index, ck))
            for p, total in enumerate(sums):
                left = _splat(builder, scalars.number(_shift(builder, term, p, cp)), size)
                builder.store(_llvm(builder, "fma", left, right, builder.load(total)), total)
        for p, total in enumerate(sums):
            out.store(_shift(builder, o, p, op), builder.load(total))

    return add_products
