"""Vectors of sixteen numbers, as a type that compiled kernels can compute with.

Left to itself the compiler turns simple loops into vector instructions, but not loops that must
pick lanes, skip some of them or pack the rest side by side. This module gives kernels the
vectors themselves: ``v = load(array, k)`` is ``array[k:k + 16]`` in registers, ``+ - *`` work
lane by lane, comparisons give a mask. A machine with narrower registers uses several for one.

A quad is four numbers, for arrays that hold what belongs to one feature side by side.

A mask's lanes are booleans; `store_packed` writes the chosen lanes of a vector side by side,
`load_packed` reads such lanes back into the places they came from.
"""

import operator

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba.core import cgutils, config, types
from numba.core.errors import RequireLiteralValue
from numba.core.imputils import lower_builtin
from numba.extending import intrinsic, models, register_model, type_callable

__all__ = [
    "LANES",
    "bits",
    "count",
    "keep",
    "lanes",
    "larger",
    "largest",
    "least",
    "load",
    "load_column",
    "load_packed",
    "load_row",
    "magnitude",
    "part",
    "quad",
    "root",
    "splat",
    "store",
    "store_packed",
    "store_row",
    "total",
    "totals",
]

LANES = 16


class VectorType(types.Type):
    """Sixteen float32 or float64, or whole numbers, which can only be loaded and stored."""

    def __init__(self, dtype: types.Float) -> None:
        self.dtype = dtype
        super().__init__(name=f"vector({dtype})")


class MaskType(types.Type):
    """Sixteen booleans."""

    def __init__(self) -> None:
        super().__init__(name="mask")


class QuadType(types.Type):
    """Four float32 or float64: a row of an (N, 4) array."""

    def __init__(self, dtype: types.Float) -> None:
        self.dtype = dtype
        super().__init__(name=f"quad({dtype})")


MASK = MaskType()
_BITS = ir.IntType(LANES)


def _ir_type(dtype, size: int = LANES) -> ir.VectorType:
    if isinstance(dtype, types.Float):
        return ir.VectorType(ir.FloatType() if dtype.bitwidth == 32 else ir.DoubleType(), size)
    return ir.VectorType(ir.IntType(dtype.bitwidth), size)


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, kind) -> None:
        super().__init__(manager, kind, _ir_type(kind.dtype))


@register_model(QuadType)
class _QuadModel(models.PrimitiveModel):
    def __init__(self, manager, kind) -> None:
        super().__init__(manager, kind, _ir_type(kind.dtype, 4))


@register_model(MaskType)
class _MaskModel(models.PrimitiveModel):
    def __init__(self, manager, kind) -> None:
        super().__init__(manager, kind, ir.VectorType(ir.IntType(1), LANES))


def _operator(symbol, emit, result=lambda kind: kind, kind=VectorType) -> None:
    """Let `symbol` work on two vectors (or masks) of one type."""

    @type_callable(symbol)
    def typer(context):
        def of(a, b):
            return result(a) if isinstance(a, kind) and a == b else None

        return of

    @lower_builtin(symbol, kind, kind)
    def lower(context, builder, signature, args):
        return emit(builder, *args)


# Products may be fused into sums: the only freedom taken, and NaN and infinity keep their meaning.
_FLAGS = ("contract",)
for _kind in (VectorType, QuadType):
    _operator(operator.add, lambda b, x, y: b.fadd(x, y, flags=_FLAGS), kind=_kind)
    _operator(operator.sub, lambda b, x, y: b.fsub(x, y, flags=_FLAGS), kind=_kind)
    _operator(operator.mul, lambda b, x, y: b.fmul(x, y, flags=_FLAGS), kind=_kind)
_operator(operator.truediv, lambda b, x, y: b.fdiv(x, y))
for _symbol, _name in ((operator.lt, "<"), (operator.le, "<=")):
    _operator(
        _symbol,
        lambda b, x, y, name=_name: b.fcmp_ordered(name, x, y),
        lambda kind: MASK,
    )


@lower_builtin(operator.invert, MaskType)
def _invert(context, builder, signature, args):
    return builder.not_(args[0])


@type_callable(operator.invert)
def _type_of_invert(context):
    return lambda a: a if isinstance(a, MaskType) else None


_operator(operator.or_, lambda b, x, y: b.or_(x, y), kind=MaskType)


def _pointer(context, builder, kind, array, start):
    """Address of array[start], as a pointer to a vector: no bounds are checked."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [start]), _ir_type(kind.dtype).as_pointer())


@intrinsic
def load(typingctx, array, start):
    """Return array[start:start + 16] of a contiguous vector."""
    kind = VectorType(array.dtype)

    def emit(context, builder, signature, args):
        pointer = _pointer(context, builder, array, args[0], args[1])
        return builder.load(pointer, align=array.dtype.bitwidth // 8)

    return kind(array, types.intp), emit


@intrinsic
def store(typingctx, array, start, value):
    """Set array[start:start + 16]."""

    def emit(context, builder, signature, args):
        pointer = _pointer(context, builder, array, args[0], args[1])
        builder.store(args[2], pointer, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), emit


@intrinsic
def splat(typingctx, value):
    """Return sixteen times one number."""
    kind = VectorType(value)

    def emit(context, builder, signature, args):
        vector = ir.Constant(_ir_type(value), ir.Undefined)
        zero = ir.Constant(ir.IntType(32), 0)
        first = builder.insert_element(vector, args[0], zero)
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        return builder.shuffle_vector(first, vector, lanes)

    return kind(value), emit


@intrinsic
def quad(typingctx, a, b, c, d):
    """Return four numbers of one type as a quad."""
    kind = QuadType(a)

    def emit(context, builder, signature, args):
        vector = ir.Constant(_ir_type(a, 4), ir.Undefined)
        for k, value in enumerate(args):
            vector = builder.insert_element(vector, value, ir.Constant(ir.IntType(32), k))
        return vector

    return kind(a, a, a, a), emit


@intrinsic
def part(typingctx, value, place):
    """Return one number of a quad; the place is a constant."""

    def emit(context, builder, signature, args):
        return builder.extract_element(args[0], builder.trunc(args[1], ir.IntType(32)))

    return value.dtype(value, types.intp), emit


@intrinsic
def load_row(typingctx, array, row):
    """Return array[row] of a contiguous (N, 4) array."""
    kind = QuadType(array.dtype)

    def emit(context, builder, signature, args):
        return builder.load(_row(context, builder, array, *args), align=array.dtype.bitwidth // 8)

    return kind(array, types.intp), emit


@intrinsic
def store_row(typingctx, array, row, value):
    """Set array[row] of a contiguous (N, 4) array."""

    def emit(context, builder, signature, args):
        pointer = _row(context, builder, array, *args[:2])
        builder.store(args[2], pointer, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), emit


@intrinsic
def load_column(typingctx, array, row, column):
    """Return array[row : row + 16, column] of a contiguous (N, 4) array; a constant column."""
    kind = VectorType(array.dtype)
    if not isinstance(column, types.IntegerLiteral):
        raise RequireLiteralValue("the column must be a constant")
    first = column.literal_value

    def emit(context, builder, signature, args):
        pointer = _row(context, builder, array, *args[:2])
        pointer = builder.bitcast(pointer, _ir_type(array.dtype).as_pointer())
        a, b, c, d = (
            builder.load(
                builder.gep(pointer, [ir.Constant(ir.IntType(32), k)]),
                align=array.dtype.bitwidth // 8,
            )
            for k in range(4)
        )
        # Every fourth lane of two vectors, then the first half of either of two.
        every = [first + 4 * (k % 8) for k in range(LANES)]
        halves = [*range(LANES // 2), *range(LANES, LANES + LANES // 2)]
        kinds = ir.VectorType(ir.IntType(32), LANES)
        every, halves = ir.Constant(kinds, every), ir.Constant(kinds, halves)
        low, high = builder.shuffle_vector(a, b, every), builder.shuffle_vector(c, d, every)
        return builder.shuffle_vector(low, high, halves)

    return kind(array, types.intp, column), emit


def _row(context, builder, kind, array, row):
    data = context.make_array(kind)(context, builder, array).data
    pointer = builder.gep(data, [builder.mul(row, ir.Constant(row.type, 4))])
    return builder.bitcast(pointer, _ir_type(kind.dtype, 4).as_pointer())


@intrinsic
def larger(typingctx, a, b):
    """Return the larger of the two in every lane; NaN in `b` stays NaN."""

    def emit(context, builder, signature, args):
        return builder.select(builder.fcmp_ordered(">", *args), *args)

    return a(a, a), emit


@intrinsic
def keep(typingctx, mask, value):
    """Return `value` where the mask is true, zero elsewhere."""

    def emit(context, builder, signature, args):
        zero = ir.Constant(_ir_type(value.dtype), [0.0] * LANES)
        return builder.select(args[0], args[1], zero)

    return value(mask, value), emit


def _llvm(builder, name, kind, arguments):
    """Call an intrinsic function of LLVM."""
    signature = ir.FunctionType(kind, [a.type for a in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, signature, name), arguments)


def _suffix(dtype) -> str:
    return f"v{LANES}f{dtype.bitwidth}"


@intrinsic
def magnitude(typingctx, value):
    """Return the absolute value of every lane."""

    def emit(context, builder, signature, args):
        return _llvm(builder, f"llvm.fabs.{_suffix(value.dtype)}", args[0].type, args)

    return value(value), emit


@intrinsic
def root(typingctx, value):
    """Return the square root of every lane."""

    def emit(context, builder, signature, args):
        return _llvm(builder, f"llvm.sqrt.{_suffix(value.dtype)}", args[0].type, args)

    return value(value), emit


@intrinsic
def total(typingctx, value):
    """Return the sum of all lanes, always in the same order."""

    def emit(context, builder, signature, args):
        vector, lanes = args[0], LANES
        undefined = ir.Constant(vector.type, ir.Undefined)
        while lanes > 1:  # halves are added until one lane is left
            lanes //= 2
            order = [(k + lanes) % LANES for k in range(LANES)]
            order = ir.Constant(ir.VectorType(ir.IntType(32), LANES), order)
            vector = builder.fadd(vector, builder.shuffle_vector(vector, undefined, order))
        return builder.extract_element(vector, ir.Constant(ir.IntType(32), 0))

    return value.dtype(value), emit


def _extreme(sign):
    """Return an intrinsic for the least or the largest lane."""

    @intrinsic
    def extreme(typingctx, value):
        def emit(context, builder, signature, args):
            vector, lanes = args[0], LANES
            while lanes > 1:
                lanes //= 2
                order = [(k + lanes) % LANES for k in range(LANES)]
                order = ir.Constant(ir.VectorType(ir.IntType(32), LANES), order)
                other = builder.shuffle_vector(vector, vector, order)
                vector = builder.select(builder.fcmp_ordered(sign, vector, other), vector, other)
            return builder.extract_element(vector, ir.Constant(ir.IntType(32), 0))

        return value.dtype(value), emit

    return extreme


least = _extreme("<")  # the least lane; where one is not a number, any of them
largest = _extreme(">")


@intrinsic
def totals(typingctx, vectors):
    """Return the vector whose lane k is the sum of the lanes of the k-th of sixteen vectors.

    Cheaper than sixteen times `total`: vectors are added two at a time, half of one beside
    half of the other, until one is left.
    """

    def emit(context, builder, signature, args):
        rest = cgutils.unpack_tuple(builder, args[0])
        half = LANES
        while half > 1:
            half //= 2
            low = [k + i for k in range(0, 2 * LANES, 2 * half) for i in range(half)]
            low_lanes, high_lanes = (
                ir.Constant(ir.VectorType(ir.IntType(32), LANES), [k + shift for k in low])
                for shift in (0, half)
            )
            rest = [
                builder.fadd(*(builder.shuffle_vector(a, b, x) for x in (low_lanes, high_lanes)))
                for a, b in zip(rest[::2], rest[1::2], strict=True)
            ]
        return rest[0]

    return vectors.dtype(vectors), emit


@intrinsic
def bits(typingctx, mask):
    """Return the mask as a whole number: bit k is lane k."""

    def emit(context, builder, signature, args):
        return builder.zext(builder.bitcast(args[0], _BITS), ir.IntType(64))

    return types.int64(mask), emit


@intrinsic
def lanes(typingctx, number):
    """Return the mask whose lane k is bit k of a whole number."""

    def emit(context, builder, signature, args):
        mask = ir.VectorType(ir.IntType(1), LANES)
        return builder.bitcast(builder.trunc(args[0], _BITS), mask)

    return MASK(types.int64), emit


@intrinsic
def count(typingctx, mask):
    """Return how many lanes are true."""

    def emit(context, builder, signature, args):
        number = builder.ctpop(builder.bitcast(args[0], _BITS))
        return builder.zext(number, ir.IntType(64))

    return types.int64(mask), emit


# Registers of 512 bits come with an instruction that packs; where there are none, a store that
# skips lanes does it, more slowly. (That store is slow on some machines that have both.)
_PACKS = bool(get_host_cpu_features().get("avx512f")) and not getattr(config, "CPU_NAME", None)


@intrinsic
def store_packed(typingctx, array, start, mask, value):
    """Set array[start], array[start + 1], … to the chosen lanes of `value`.

    What follows these in the array, as far as start + 15, may be overwritten with anything.
    """
    bitwidth = array.dtype.bitwidth
    width = 512 // bitwidth if _PACKS else LANES
    part = _ir_type(array.dtype, width)
    name = f"v{width}{'i' if isinstance(array.dtype, types.Integer) else 'f'}{bitwidth}"

    def emit(context, builder, signature, args):
        values, first, mask, vector = args
        data = context.make_array(array)(context, builder, values).data
        for k in range(0, LANES, width):
            pointer = builder.gep(data, [first])
            some, chosen = vector, mask
            if width < LANES:
                order = [k + i for i in range(width)]
                order = ir.Constant(ir.VectorType(ir.IntType(32), width), order)
                some = builder.shuffle_vector(vector, vector, order)
                chosen = builder.shuffle_vector(mask, mask, order)
            if _PACKS:
                packed = _llvm(
                    builder,
                    f"llvm.experimental.vector.compress.{name}",
                    part,
                    [some, chosen, ir.Constant(part, ir.Undefined)],
                )
                pointer = builder.bitcast(pointer, part.as_pointer())
                builder.store(packed, pointer, align=bitwidth // 8)
            else:
                _llvm(
                    builder,
                    f"llvm.masked.compressstore.{name}",
                    ir.VoidType(),
                    [some, pointer, chosen],
                )
            number = builder.ctpop(builder.bitcast(chosen, ir.IntType(width)))
            first = builder.add(first, builder.zext(number, first.type))
        return context.get_dummy_value()

    return types.void(array, types.intp, mask, value), emit


@intrinsic
def load_packed(typingctx, array, start, mask):
    """Return a vector whose chosen lanes are array[start], array[start + 1], …, the others zero."""
    kind = VectorType(array.dtype)

    def emit(context, builder, signature, args):
        values, first, chosen = args
        data = context.make_array(array)(context, builder, values).data
        pointer = builder.gep(data, [first])
        zero = ir.Constant(_ir_type(array.dtype), [0.0] * LANES)
        return _llvm(
            builder,
            f"llvm.masked.expandload.{_suffix(array.dtype)}",
            zero.type,
            [pointer, chosen, zero],
        )

    return kind(array, types.intp, mask), emit
