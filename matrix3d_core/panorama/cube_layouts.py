"""Six cube faces in one picture: strips, grids and crosses, as game engines and cameras write them."""

from __future__ import annotations

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput

__all__ = ["FACE_ORDERS", "faces_from_pictures"]

FACE_ORDERS = ("front, right, back, left, up, down", "right, left, up, down, front, back")
"""Order of faces in a batch, a strip or a grid: this pack's, and that of OpenGL, DirectX and most game engines."""

_NAMES = FACE_ORDERS[0].split(", ")
_STRIPS = {(6, 1), (1, 6), (3, 2), (2, 3)}  # columns, rows
_CROSSES = {
    (4, 3): {"left": (1, 0), "front": (1, 1), "right": (1, 2), "back": (1, 3), "up": (0, 1), "down": (2, 1)},
    (3, 4): {"left": (1, 0), "front": (1, 1), "right": (1, 2), "back": (3, 1), "up": (0, 1), "down": (2, 1)},
}
"""Row and column of each face; in the vertical cross the back is below down, upside down."""


def faces_from_pictures(
    pictures: Tensor, order: str = FACE_ORDERS[0]
) -> Tensor:  # [B, H, W, C] -> [6 N, S, S, C]
    """Split pictures that hold six faces each into faces, and reorder faces to this pack's order.

    Args:
        pictures: square faces, six to a panorama; or pictures of six faces: strips (6:1, 1:6) and grids (3:2, 2:3),
            read row by row, and crosses (4:3 horizontal, 3:4 vertical), whose order is given by their shape.
        order: one of `FACE_ORDERS`, for faces, strips and grids.

    Returns:
        Faces in the order front, right, back, left, up, down.

    Raises:
        InvalidInput: on another order or shape, or when faces do not come six to a panorama.
    """
    if order not in FACE_ORDERS:
        raise InvalidInput(f"order must be one of {'; '.join(FACE_ORDERS)}; got {order!r}.")
    size = check_shape("faces", pictures, "N h w C")
    faces, named = pictures, order.split(", ")
    for (columns, rows), places in {**dict.fromkeys(_STRIPS), **_CROSSES}.items():
        if size["w"] * rows != size["h"] * columns or size["w"] % columns:
            continue
        side = size["w"] // columns
        tiles = pictures.reshape(size["N"], rows, side, columns, side, size["C"]).transpose(2, 3)
        if places is None:
            faces = tiles.reshape(-1, side, side, size["C"])
        else:
            named = list(places)
            cut = [tiles[:, row, column] for row, column in places.values()]
            if rows == 4:
                cut[named.index("back")] = cut[named.index("back")].flip(1, 2)
            faces = torch.stack(cut, dim=1).flatten(0, 1)
    if faces.shape[1] != faces.shape[2]:
        raise InvalidInput(
            "faces must be square, or six in one picture (6:1, 1:6, 3:2, 2:3, or a cross of 4:3 or 3:4); "
            f"got {size['w']}x{size['h']}."
        )
    if faces.shape[0] < 6 or faces.shape[0] % 6:
        raise InvalidInput(
            f"faces must come six to a panorama; got {faces.shape[0]}. Batch all six in order first."
        )
    if named == _NAMES:
        return faces
    indices = torch.tensor([named.index(name) for name in _NAMES])
    result: Tensor = faces.unflatten(0, (-1, 6))[:, indices].flatten(0, 1)
    return result
