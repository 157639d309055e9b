"""Mesh: triangles with per-vertex color and visibility."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput

__all__ = ["Mesh", "join_meshes"]


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh in the world frame.

    Attributes:
        vertices: ``[N, 3]`` float32 positions, world units.
        faces: ``[M, 3]`` int32 vertex indices.
        colors: ``[N, 3]`` float32 in [0, 1].
        is_visible: ``[N]`` bool; a surface point counts as seen only when all three corners do.
        uvs: optional ``[N, 2]`` float32 places in the texture, (0, 0) its upper left corner, (1, 1) the lower right.
        texture: optional ``[H, W, 3]`` float32 in [0, 1], or ``[H, W, 4]`` with alpha, together with ``uvs``.
    """

    vertices: Tensor
    faces: Tensor
    colors: Tensor
    is_visible: Tensor
    uvs: Tensor | None = None
    texture: Tensor | None = None

    def __post_init__(self) -> None:
        count = check_shape("vertices", self.vertices, "N 3")["N"]
        check_shape("faces", self.faces, "M 3")
        check_shape("colors", self.colors, f"{count} 3")
        check_shape("is_visible", self.is_visible, f"{count}")
        if self.uvs is not None and self.texture is not None:
            check_shape("uvs", self.uvs, f"{count} 2")
            check_shape("texture", self.texture, "H W 4" if self.texture.shape[-1] == 4 else "H W 3")
        elif self.uvs is not None or self.texture is not None:
            raise InvalidInput("uvs and texture must come together; got one of them.")
        if self.faces.dtype != torch.int32 or self.is_visible.dtype != torch.bool:
            raise InvalidInput(
                "faces must be int32 and is_visible bool; "
                f"got {self.faces.dtype} and {self.is_visible.dtype}."
            )
        if self.faces.numel() and (int(self.faces.min()) < 0 or int(self.faces.max()) >= count):
            raise InvalidInput(
                f"faces must index 0..{count - 1}; got {int(self.faces.min())}..{int(self.faces.max())}."
            )


def join_meshes(meshes: Sequence[Mesh]) -> Mesh:
    """Return several meshes in one frame as one, with the colors of their vertices; textures are left out."""
    starts = [0]
    for mesh in meshes:
        starts.append(starts[-1] + len(mesh.vertices))
    return Mesh(
        torch.cat([mesh.vertices for mesh in meshes]),
        torch.cat([mesh.faces + start for mesh, start in zip(meshes, starts, strict=False)]),
        torch.cat([mesh.colors for mesh in meshes]),
        torch.cat([mesh.is_visible for mesh in meshes]),
    )
