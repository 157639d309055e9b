"""A kernel that calls another; copied into a package by the test of the kernels' cache."""

from matrix3d_core.compiled import compiled


@compiled(inline="always")
def one_more(x):
    return x + 1


@compiled()
def twice(x):
    return one_more(x) * 2
