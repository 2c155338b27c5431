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
An argument named `like` is a tuple that gives a length and is not read.
"""

import operator

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba.core import cgutils, config, types
from numba.core.imputils import lower_builtin
from numba.extending import intrinsic, models, register_model, type_callable

__all__ = [
    "LANES",
    "add_each",
    "add_multiplied",
    "add_outer",
    "add_scaled",
    "bits",
    "column",
    "combine",
    "count",
    "dot",
    "higher",
    "keep",
    "keep_each",
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
    "lower",
    "magnitude",
    "magnitudes",
    "multiply",
    "outer",
    "part",
    "quad",
    "root",
    "scale_each",
    "splat",
    "splat_each",
    "store",
    "store_packed",
    "store_row",
    "store_rows",
    "total",
    "total_each",
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


def _splat(builder, value):
    vector = ir.Constant(ir.VectorType(value.type, LANES), ir.Undefined)
    first = builder.insert_element(vector, value, ir.Constant(ir.IntType(32), 0))
    return _shuffle(builder, first, vector, [0] * LANES)


@intrinsic
def splat(typingctx, value):
    """Return sixteen times one number."""

    def emit(context, builder, signature, args):
        return _splat(builder, args[0])

    return VectorType(value)(value), emit


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
def load_columns(typingctx, array, row, like):
    """Return the entries 0, 1, … of the rows row … row + 15, each as a vector.

    A row is `array[row]` of a contiguous (N, 4) array; of a (2 N, 4) array `array[N + row]` has its
    entries from the fourth on.
    """
    kind = types.UniTuple(VectorType(array.dtype), len(like))
    align = array.dtype.bitwidth // 8

    def emit(context, builder, signature, args):
        quads = -(-len(like) // 4)
        rows = context.make_array(array)(context, builder, args[0]).shape
        rows = cgutils.unpack_tuple(builder, rows)[0]
        rows = builder.udiv(rows, ir.Constant(rows.type, quads))
        columns = []
        for k in range(len(like)):
            row = builder.add(args[1], builder.mul(rows, ir.Constant(rows.type, k // 4)))
            pointer = _row(context, builder, array, args[0], row)
            pointer = builder.bitcast(pointer, _ir_type(array.dtype).as_pointer())
            a, b, c, d = (
                builder.load(builder.gep(pointer, [ir.Constant(ir.IntType(32), i)]), align=align)
                for i in range(4)
            )
            # Every fourth lane of two vectors, then the first half of either of two.
            every = [k % 4 + 4 * (i % 8) for i in range(LANES)]
            low, high = _shuffle(builder, a, b, every), _shuffle(builder, c, d, every)
            halves = [*range(LANES // 2), *range(LANES, LANES + LANES // 2)]
            columns.append(_shuffle(builder, low, high, halves))
        return context.make_tuple(builder, kind, columns)

    return kind(array, types.intp, like), emit


def _shuffle(builder, a, b, order):
    """Return the lanes of a, followed by those of b, that `order` names."""
    kind = ir.VectorType(ir.IntType(32), len(order))
    return builder.shuffle_vector(a, b, ir.Constant(kind, order))


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


def _keep(builder, mask, vector):
    zero = ir.Constant(vector.type, [0.0] * LANES)
    return builder.select(mask, vector, zero)


@intrinsic
def keep(typingctx, mask, value):
    """Return `value` where the mask is true, zero elsewhere."""

    def emit(context, builder, signature, args):
        return _keep(builder, *args)

    return value(mask, value), emit


def _llvm(builder, name, kind, arguments):
    """Call an intrinsic function of LLVM."""
    signature = ir.FunctionType(kind, [a.type for a in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, signature, name), arguments)


def _suffix(dtype) -> str:
    return f"v{LANES}f{dtype.bitwidth}"


def _fabs(builder, kind, vector):
    return _llvm(builder, f"llvm.fabs.{_suffix(kind.dtype)}", vector.type, [vector])


@intrinsic
def magnitude(typingctx, value):
    """Return the absolute value of every lane."""

    def emit(context, builder, signature, args):
        return _fabs(builder, value, args[0])

    return value(value), emit


@intrinsic
def root(typingctx, value):
    """Return the square root of every lane."""

    def emit(context, builder, signature, args):
        return _llvm(builder, f"llvm.sqrt.{_suffix(value.dtype)}", args[0].type, args)

    return value(value), emit


def _total(builder, vector):
    number = LANES
    while number > 1:  # halves are added until one lane is left
        number //= 2
        other = [(k + number) % LANES for k in range(LANES)]
        vector = builder.fadd(vector, _shuffle(builder, vector, vector, other))
    return builder.extract_element(vector, ir.Constant(ir.IntType(32), 0))


@intrinsic
def total(typingctx, value):
    """Return the sum of all lanes, always in the same order."""

    def emit(context, builder, signature, args):
        return _total(builder, args[0])

    return value.dtype(value), emit


def _extreme(sign):
    """Return an intrinsic for the least or the largest lane."""

    @intrinsic
    def extreme(typingctx, value):
        def emit(context, builder, signature, args):
            vector, number = args[0], LANES
            while number > 1:
                number //= 2
                other = [(k + number) % LANES for k in range(LANES)]
                other = _shuffle(builder, vector, vector, other)
                vector = builder.select(builder.fcmp_ordered(sign, vector, other), vector, other)
            return builder.extract_element(vector, ir.Constant(ir.IntType(32), 0))

        return value.dtype(value), emit

    return extreme


least = _extreme("<")  # the least lane; where one is not a number, any of them
largest = _extreme(">")


@intrinsic
def lane_totals(typingctx, array, start):
    """Return the vector whose lane k is the sum of array[start + 16 k : start + 16 k + 16].

    Cheaper than sixteen times `total`, with the same bits: vectors are added two at a time, half
    of one beside half of the other, until one is left.
    """
    kind = VectorType(array.dtype)

    def emit(context, builder, signature, args):
        pointer = _pointer(context, builder, array, *args)
        rest = [
            builder.load(
                builder.gep(pointer, [ir.Constant(ir.IntType(32), k)]),
                align=array.dtype.bitwidth // 8,
            )
            for k in range(LANES)
        ]
        half = LANES
        while half > 1:
            half //= 2
            low = [k + i for k in range(0, 2 * LANES, 2 * half) for i in range(half)]
            high = [k + half for k in low]
            rest = [
                builder.fadd(_shuffle(builder, a, b, low), _shuffle(builder, a, b, high))
                for a, b in zip(rest[::2], rest[1::2], strict=True)
            ]
        return rest[0]

    return kind(array, types.intp), emit


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


# --- Tuples: a vector, or a number, for each dimension -------------------------------------------


def _times(builder, x, y):
    return builder.fmul(x, y, flags=_FLAGS if isinstance(x.type, ir.VectorType) else ())


def _plus(builder, x, y):
    return builder.fadd(x, y, flags=_FLAGS if isinstance(x.type, ir.VectorType) else ())


def _each(emit_one):
    """Return a function that works on each pair of entries of two tuples."""

    @intrinsic
    def each(typingctx, a, b):
        def emit(context, builder, signature, args):
            pairs = zip(*(cgutils.unpack_tuple(builder, t) for t in args), strict=True)
            return context.make_tuple(builder, a, [emit_one(builder, x, y) for x, y in pairs])

        return a(a, a), emit

    return each


add_each = _each(_plus)
lower = _each(lambda b, x, y: b.select(b.fcmp_ordered("<", y, x), y, x))
higher = _each(lambda b, x, y: b.select(b.fcmp_ordered(">", y, x), y, x))


def _tuple(context, builder, kind, values):
    return context.make_tuple(builder, kind, list(values))


@intrinsic
def load_rows(typingctx, array, start, like):
    """Return array[k, start : start + 16] for k = 0, 1, …, of a contiguous array of rows."""
    kind = types.UniTuple(VectorType(array.dtype), len(like))

    def emit(context, builder, signature, args):
        starts = _starts(context, builder, array, args[0], args[1], len(like))
        pointers = [_pointer(context, builder, array, args[0], start) for start in starts]
        align = array.dtype.bitwidth // 8
        return _tuple(context, builder, kind, (builder.load(p, align=align) for p in pointers))

    return kind(array, types.intp, like), emit


@intrinsic
def store_rows(typingctx, array, start, vectors):
    """Set array[k, start : start + 16] for k = 0, 1, …, of a contiguous array of rows."""

    def emit(context, builder, signature, args):
        values = cgutils.unpack_tuple(builder, args[2])
        starts = _starts(context, builder, array, args[0], args[1], len(values))
        for value, start in zip(values, starts, strict=True):
            pointer = _pointer(context, builder, array, args[0], start)
            builder.store(value, pointer, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, vectors), emit


def _starts(context, builder, kind, array, start, count):
    """Return where array[0, start], array[1, start], … stand in the array's memory."""
    shape = context.make_array(kind)(context, builder, array).shape
    width = cgutils.unpack_tuple(builder, shape)[-1]
    return [
        builder.add(start, builder.mul(width, ir.Constant(width.type, k))) for k in range(count)
    ]


@intrinsic
def column(typingctx, array, place, like):
    """Return the numbers array[0, place], array[1, place], … of a contiguous array of rows."""
    kind = types.UniTuple(array.dtype, len(like))

    def emit(context, builder, signature, args):
        data = context.make_array(array)(context, builder, args[0]).data
        starts = _starts(context, builder, array, args[0], args[1], len(like))
        values = (builder.load(builder.gep(data, [start])) for start in starts)
        return _tuple(context, builder, kind, values)

    return kind(array, types.intp, like), emit


@intrinsic
def splat_each(typingctx, values):
    """Return each number of a tuple sixteen times."""
    kind = types.UniTuple(VectorType(values.dtype), len(values))

    def emit(context, builder, signature, args):
        vectors = (_splat(builder, value) for value in cgutils.unpack_tuple(builder, args[0]))
        return _tuple(context, builder, kind, vectors)

    return kind(values), emit


@intrinsic
def keep_each(typingctx, mask, vectors):
    """Return each vector where the mask is true, zero elsewhere."""

    def emit(context, builder, signature, args):
        kept = (_keep(builder, args[0], v) for v in cgutils.unpack_tuple(builder, args[1]))
        return _tuple(context, builder, vectors, kept)

    return vectors(mask, vectors), emit


@intrinsic
def magnitudes(typingctx, vectors):
    """Return the absolute values of each vector."""

    def emit(context, builder, signature, args):
        values = (_fabs(builder, vectors.dtype, v) for v in cgutils.unpack_tuple(builder, args[0]))
        return _tuple(context, builder, vectors, values)

    return vectors(vectors), emit


@intrinsic
def scale_each(typingctx, factor, vectors):
    """Return each vector multiplied by one and the same."""

    def emit(context, builder, signature, args):
        scaled = (_times(builder, v, args[0]) for v in cgutils.unpack_tuple(builder, args[1]))
        return _tuple(context, builder, vectors, scaled)

    return vectors(factor, vectors), emit


@intrinsic
def total_each(typingctx, vectors):
    """Return the sum of all lanes of each vector."""
    kind = types.UniTuple(vectors.dtype.dtype, len(vectors))

    def emit(context, builder, signature, args):
        sums = (_total(builder, vector) for vector in cgutils.unpack_tuple(builder, args[0]))
        return _tuple(context, builder, kind, sums)

    return kind(vectors), emit


@intrinsic
def combine(typingctx, start, a, b):
    """Return start + a[0] b[0] + a[1] b[1] + …, as far as the shorter tuple goes."""

    def emit(context, builder, signature, args):
        result, *tuples = args
        for x, y in zip(*(cgutils.unpack_tuple(builder, t) for t in tuples), strict=False):
            result = _plus(builder, result, _times(builder, x, y))
        return result

    return start(start, a, b), emit


@intrinsic
def dot(typingctx, a, b):
    """Return a[0] b[0] + a[1] b[1] + …, as far as the shorter tuple goes."""

    def emit(context, builder, signature, args):
        pairs = zip(*(cgutils.unpack_tuple(builder, t) for t in args), strict=False)
        first, *others = (_times(builder, x, y) for x, y in pairs)
        for term in others:
            first = _plus(builder, first, term)
        return first

    return a.dtype(a, b), emit


@intrinsic
def add_scaled(typingctx, sums, factor, values):
    """Return sums[k] + factor · values[k] for every k; where there is no values[k], it is one."""

    def emit(context, builder, signature, args):
        added = [_times(builder, args[1], v) for v in cgutils.unpack_tuple(builder, args[2])]
        totals = cgutils.unpack_tuple(builder, args[0])
        added += [args[1]] * (len(totals) - len(added))
        pairs = zip(totals, added, strict=False)
        return _tuple(context, builder, sums, (_plus(builder, x, y) for x, y in pairs))

    return sums(sums, factor, values), emit


def _outer(builder, a, b):
    a, b = cgutils.unpack_tuple(builder, a), cgutils.unpack_tuple(builder, b)
    return [_times(builder, a[c], b[d]) for c in range(len(a)) for d in range(c, len(b))]


@intrinsic
def outer(typingctx, a, b):
    """Return the upper triangle of the matrix a bᵀ, row after row, as one tuple."""
    kind = types.UniTuple(a.dtype, len(a) * (len(a) + 1) // 2)

    def emit(context, builder, signature, args):
        return _tuple(context, builder, kind, _outer(builder, *args))

    return kind(a, b), emit


@intrinsic
def add_outer(typingctx, sums, a, b):
    """Return the tuple `sums` with `outer(a, b)` added."""

    def emit(context, builder, signature, args):
        pairs = zip(cgutils.unpack_tuple(builder, args[0]), _outer(builder, *args[1:]), strict=True)
        return _tuple(context, builder, sums, (_plus(builder, x, y) for x, y in pairs))

    return sums(sums, a, b), emit


def _symmetric(builder, triangle, size):
    """Return the rows of the symmetric matrix that has this upper triangle."""
    values = iter(cgutils.unpack_tuple(builder, triangle))
    upper = {(c, d): next(values) for c in range(size) for d in range(c, size)}
    return [[upper[min(c, d), max(c, d)] for d in range(size)] for c in range(size)]


@intrinsic
def multiply(typingctx, triangle, vector):
    """Return the product of a symmetric matrix, given as by `outer`, and a tuple."""

    def emit(context, builder, signature, args):
        values, products = cgutils.unpack_tuple(builder, args[1]), []
        for row in _symmetric(builder, args[0], len(vector)):
            first, *others = (_times(builder, x, y) for x, y in zip(row, values, strict=True))
            for term in others:
                first = _plus(builder, first, term)
            products.append(first)
        return _tuple(context, builder, vector, products)

    return vector(triangle, vector), emit


@intrinsic
def add_multiplied(typingctx, sums, triangle, vector):
    """Return sums + `multiply(triangle, vector)`, with terms added one by one, the last first."""

    def emit(context, builder, signature, args):
        sums, values = (cgutils.unpack_tuple(builder, args[k]) for k in (0, 2))
        results = []
        for total, row in zip(sums, _symmetric(builder, args[1], len(values)), strict=True):
            for k in (-1, *range(len(values) - 1)):
                total = _plus(builder, total, _times(builder, row[k], values[k]))
            results.append(total)
        return _tuple(context, builder, vector, results)

    return vector(sums, triangle, vector), emit
