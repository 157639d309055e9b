"""Eight boxes against one ray, as vector instructions that the compiler does not find by itself."""

# mypy: ignore-errors
from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["LANES", "enter_boxes", "first_lane"]

LANES = 8
"""Boxes of a node: what one register of AVX holds; elsewhere the compiler splits them."""

_F, _I = ir.FloatType(), ir.IntType(32)
_VECTOR = ir.VectorType(_F, LANES)


@intrinsic
def enter_boxes(typing, boxes, node, nx, ny, nz, ox, oy, oz, ix, iy, iz, limit, entries, at):
    """Where a ray enters the boxes of a node: bits of those that it meets, distances in ``entries[at : at + LANES]``.

    ``boxes [N, 6, LANES]`` float32: low x, y, z, high x, y, z. ``nx, ny, nz``: which of the six the ray meets first.
    ``o`` and ``i``: its origin and the inverses of its direction.
    """

    def generate(context, builder, signature, args):
        def splat(value):
            vector = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), value, ir.Constant(_I, 0))
            return builder.shuffle_vector(vector, vector, ir.Constant(ir.VectorType(_I, LANES), [0] * LANES))

        def constant(value):
            return ir.Constant(_VECTOR, [value] * LANES)

        def place(array, kind, index):
            start = builder.gep(context.make_array(kind)(context, builder, array).data, [index])
            return builder.bitcast(start, _VECTOR.as_pointer())

        def chosen(relation, a, b):
            return builder.select(builder.fcmp_ordered(relation, a, b), a, b)

        size = context.get_constant(types.intp, LANES)
        first = builder.mul(args[1], context.get_constant(types.intp, 6))
        near = far = None
        for axis in range(3):
            row = args[2 + axis]  # axis or axis + 3
            other = builder.sub(context.get_constant(types.intp, 2 * axis + 3), row)
            origin, inverse = splat(args[5 + axis]), splat(args[8 + axis])
            low, high = (
                builder.fmul(
                    builder.fsub(
                        builder.load(
                            place(args[0], signature.args[0], builder.mul(builder.add(first, which), size)),
                            align=4,
                        ),
                        origin,
                    ),
                    inverse,
                )
                for which in (row, other)
            )
            near = low if near is None else chosen(">", low, near)
            far = high if far is None else chosen("<", high, far)
        zero, shrink, grow = constant(0.0), constant(0.999998), constant(1.000002)
        met = builder.and_(
            builder.fcmp_ordered("<=", near, builder.fmul(far, grow)),
            builder.and_(
                builder.fcmp_ordered(">=", far, zero),
                builder.fcmp_ordered("<=", builder.fmul(near, shrink), splat(args[11])),
            ),
        )
        builder.store(chosen(">", near, zero), place(args[12], signature.args[12], args[13]), align=4)
        return builder.zext(builder.bitcast(met, ir.IntType(LANES)), ir.IntType(64))

    whole, real = (types.intp,) * 4, (types.float32,) * 7
    return types.int64(boxes, *whole, *real, entries, types.intp), generate


@intrinsic
def first_lane(typing, bits):
    """Index of the lowest set bit of an int64 that is not zero."""

    def generate(context, builder, signature, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), generate
