"""Strips, grids and crosses of cube faces."""

from __future__ import annotations

import pytest
import torch

from matrix3d_core.errors import InvalidInput
from matrix3d_core.panorama.cube_layouts import FACE_ORDERS, faces_from_pictures

F, R, B, L, U, D = range(6)
GL = [R, L, U, D, F, B]


def faces(count: int = 6) -> torch.Tensor:
    return torch.rand(count, 4, 4, 3, generator=torch.Generator().manual_seed(0))


def laid_out(rows: list[list[int | None]], six: torch.Tensor) -> torch.Tensor:
    empty = torch.zeros(4, 4, 3)
    return torch.cat([torch.cat([empty if k is None else six[k] for k in row], 1) for row in rows], 0)[None]


@pytest.mark.parametrize(
    "rows",
    [[[F, R, B, L, U, D]], [[F], [R], [B], [L], [U], [D]], [[F, R, B], [L, U, D]], [[F, R], [B, L], [U, D]]],
)
def test_strips_and_grids_are_read_row_by_row(rows):
    six = faces()
    assert torch.equal(faces_from_pictures(laid_out(rows, six)), six)
    order = [[GL[k] for k in row] for row in rows]
    assert torch.equal(faces_from_pictures(laid_out(order, six), FACE_ORDERS[1]), six)


def test_crosses_say_their_order_themselves():
    six = faces()
    lying = laid_out([[None, U, None, None], [L, F, R, B], [None, D, None, None]], six)
    turned = six.clone()
    turned[B] = six[B].flip(0, 1)
    upright = laid_out([[None, U, None], [L, F, R], [None, D, None], [None, B, None]], turned)
    for order in FACE_ORDERS:
        assert torch.equal(faces_from_pictures(lying, order), six)
        assert torch.equal(faces_from_pictures(upright, order), six)


def test_batches_of_faces_and_of_strips():
    twelve = faces(12)
    assert torch.equal(faces_from_pictures(twelve), twelve)
    shuffled = torch.cat((twelve[:6][GL], twelve[6:][GL]))
    assert torch.equal(faces_from_pictures(shuffled, FACE_ORDERS[1]), twelve)
    strips = torch.cat((laid_out([GL], twelve[:6]), laid_out([GL], twelve[6:])))
    assert torch.equal(faces_from_pictures(strips, FACE_ORDERS[1]), twelve)


def test_other_shapes_are_refused():
    with pytest.raises(InvalidInput, match=r"faces must be square, or six in one picture .*; got 8x7\."):
        faces_from_pictures(torch.zeros(6, 7, 8, 3))
    with pytest.raises(InvalidInput, match="faces must come six to a panorama; got 5"):
        faces_from_pictures(torch.zeros(5, 4, 4, 3))
    with pytest.raises(InvalidInput, match="order must be one of"):
        faces_from_pictures(faces(), "any")
