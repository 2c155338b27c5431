"""Products of matrices, a few rows of one against a run of another with every sum in registers.

Each sum is taken one term after another, with multiplication and addition rounded once: its bits
depend neither on the sizes of tiles nor on how wide a machine's vectors are.
"""

from collections.abc import Callable

import llvmlite.binding
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

__all__ = ["PANEL_BYTES", "ROWS", "fma", "products"]

# As many sums as fit into registers: of those AVX-512 has 32, other machines 16 of half the width.
_WIDE = bool(llvmlite.binding.get_host_cpu_features().get("avx512f"))
ROWS = 8 if _WIDE else 4
PANEL_BYTES = 128 if _WIDE else 64


@intrinsic
def _fma(typingctx, x, y, z):
    """Return x y + z, rounded once."""

    def emit(context, builder, signature, args):
        return builder.fma(*args)

    return z(z, z, z), emit


fma: Callable = _fma  # (to a type checker the intrinsic is the function above)


def products(rows: int, width: int):
    """Return a function that sets out[p, :] = start[p, :] + Σ_k scalars[p, k] vectors[k, :].

    That is for p < `rows` and runs of `width` bytes, k < `count`. Arrays are flat; each comes with
    the offset of its first number and with its strides, in numbers.
    """

    @intrinsic
    def add_products(
        typingctx, out, o, op, start, s, sp, scalars, c, cp, ck, vectors, v, vk, count
    ):
        bits = out.dtype.bitwidth
        scalar = ir.FloatType() if bits == 32 else ir.DoubleType()
        size = 8 * width // bits
        vector = ir.VectorType(scalar, size)
        index = types.intp
        signature = types.void(
            *(out, index, index, start, index, index),
            *(scalars, index, index, index, vectors, index, index, index),
        )

        def emit(context, builder, signature, args):
            def data(k):
                return context.make_array(signature.args[k])(context, builder, args[k]).data

            def run(base, *terms):
                """Address of the run that begins at the sum of the terms."""
                at = terms[0]
                for term in terms[1:]:
                    at = builder.add(at, term)
                return builder.bitcast(builder.gep(base, [at]), vector.as_pointer())

            def fused(x, y, z):
                name = f"llvm.fma.v{size}f{bits}"
                kind = ir.FunctionType(vector, [vector] * 3)
                function = cgutils.get_or_insert_function(builder.module, kind, name)
                return builder.call(function, [x, y, z])

            def times(p, stride):
                return builder.mul(ir.Constant(stride.type, p), stride)

            first, order = ir.Constant(ir.IntType(32), 0), ir.VectorType(ir.IntType(32), size)
            undefined = ir.Constant(vector, ir.Undefined)

            def splat(number):
                one = builder.insert_element(undefined, number, first)
                return builder.shuffle_vector(one, undefined, ir.Constant(order, [0] * size))

            out, o, op, start, s, sp, scalars, c, cp, ck, vectors, v, vk, count = args
            out, start, scalars, vectors = data(0), data(3), data(6), data(10)
            align = bits // 8
            sums = [cgutils.alloca_once(builder, vector) for _ in range(rows)]
            for p, total in enumerate(sums):
                builder.store(builder.load(run(start, s, times(p, sp)), align=align), total)
            with cgutils.for_range(builder, count) as loop:
                right = builder.load(run(vectors, v, builder.mul(loop.index, vk)), align=align)
                column = builder.add(c, builder.mul(loop.index, ck))
                for p, total in enumerate(sums):
                    left = builder.gep(scalars, [builder.add(column, times(p, cp))])
                    left = splat(builder.load(left))
                    builder.store(fused(left, right, builder.load(total)), total)
            for p, total in enumerate(sums):
                builder.store(builder.load(total), run(out, o, times(p, op)), align=align)
            return context.get_dummy_value()

        return signature, emit

    return add_products
