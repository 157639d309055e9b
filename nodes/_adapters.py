"""Host values to core records and back. Shapes only; no arithmetic on their content."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..matrix3d_core.checks import check_shape
from ..matrix3d_core.errors import InvalidInput
from ..matrix3d_core.io.world_json import WorldInfo
from ..matrix3d_core.light.irradiance import srgb_from_linear
from ..matrix3d_core.scene.gaussians import Gaussians
from ..matrix3d_core.scene.labels import LABELS
from ..matrix3d_core.scene.mesh import Mesh
from ..matrix3d_core.scene.sequence import GaussianSequence
from ..matrix3d_core.scene.trajectory import Trajectory
from ._host import Types

__all__ = [
    "distance_from_host",
    "each_gaussians_from_host",
    "gaussians_from_host",
    "image_from_host",
    "images_from_host",
    "info_of_path",
    "mask_from_host",
    "masks_from_host",
    "mesh_from_host",
    "mesh_to_host",
    "sequence_from_host",
    "sequence_to_host",
    "splat_to_host",
    "splats_to_host",
    "world_info_of",
]


def images_from_host(image: Tensor, name: str = "image") -> Tensor:
    """Check an IMAGE batch ``[B, H, W, 3 or 4]`` and return it as contiguous float32 ``[B, H, W, 3]``.

    An alpha channel is dropped. NaN and infinity are refused with their count.
    """
    if not isinstance(image, Tensor) or image.ndim != 4 or image.shape[-1] not in (1, 3, 4):
        shape = list(image.shape) if isinstance(image, Tensor) else type(image).__name__
        raise InvalidInput(f"{name} must be an IMAGE batch [B, H, W, 3]; got {shape}.")
    if image.shape[0] == 0:
        raise InvalidInput(f"{name} must hold at least 1 picture; got an empty batch.")
    image = image.detach().to("cpu", torch.float32)
    image = image.expand(-1, -1, -1, 3) if image.shape[-1] == 1 else image[..., :3]
    bad = _count_not_finite(image)
    if bad:
        raise InvalidInput(f"{name} must be finite; {bad} of {image.numel()} values are NaN or infinite.")
    return image.contiguous()


def _count_not_finite(batch: Tensor) -> int:
    """Count NaN and infinity picture by picture: over a whole batch the test takes as much memory again, and more."""
    return sum(picture.numel() - int(torch.isfinite(picture).sum()) for picture in batch)


def image_from_host(image: Tensor, name: str = "image") -> Tensor:
    """Return the only picture of a batch as ``[H, W, 3]``; more than one is refused."""
    batch = images_from_host(image, name)
    if batch.shape[0] != 1:
        count = batch.shape[0]
        raise InvalidInput(f"{name} must be a single picture; got a batch of {count}. Pick one first.")
    return batch[0]


def masks_from_host(mask: Tensor, name: str = "mask") -> Tensor:
    """Check a MASK batch ``[B, H, W]`` (one mask may come without its batch) and return it as float32."""
    if not isinstance(mask, Tensor) or mask.ndim not in (2, 3):
        shape = list(mask.shape) if isinstance(mask, Tensor) else type(mask).__name__
        raise InvalidInput(f"{name} must be a MASK batch [B, H, W]; got {shape}.")
    mask = mask.detach().to("cpu", torch.float32)
    mask = mask[None] if mask.ndim == 2 else mask
    if mask.shape[0] == 0:
        raise InvalidInput(f"{name} must hold at least 1 mask; got an empty batch.")
    bad = _count_not_finite(mask)
    if bad:
        raise InvalidInput(f"{name} must be finite; {bad} of {mask.numel()} values are NaN or infinite.")
    return mask


def mask_from_host(mask: Tensor, name: str = "mask") -> Tensor:
    """Return the only mask of a batch as ``[H, W]``; more than one is refused."""
    batch = masks_from_host(mask, name)
    if batch.shape[0] != 1:
        raise InvalidInput(f"{name} must be a single mask; got a batch of {batch.shape[0]}. Pick one first.")
    return batch[0]


_LABELS = "matrix3d_labels"
"""Attribute of a SPLAT with the labels of its Gaussians by kind, ``[B, N]`` each. The host knows nothing of it: its own
nodes make new SPLATs, which have none. Whoever cuts a SPLAT's columns in place and leaves this as it is loses them as
well: labels of another shape than the positions are not taken."""
_NAMES = "matrix3d_instance_names"
"""Attribute of a SPLAT with the names of its instances, a dict for each item."""
_GRAY = 0.7
"""Color of a mesh without any."""
_MOTIONS = "matrix3d_motions"
"""Attribute of a SPLAT with the motions of each item: `Gaussians.motion_table` and `Gaussians.color_waves`."""
_FPS = "matrix3d_fps"
"""Attribute of a SPLAT whose items are the frames of a sequence: frames per second."""
_INFO = "matrix3d_world_info"
"""Attribute of a SPLAT with what its file's sidecar or the path of its frames says; it does not outlive a change of the
splats either."""


def distance_from_host(depth: Tensor, name: str = "depth") -> Tensor:  # [1, H, W] -> [H, W]
    """Return the ray distance of one picture.

    Raises:
        InvalidInput: for another shape, or several frames.
    """
    count = check_shape(name, depth, "T H W")["T"]
    if count != 1:
        raise InvalidInput(f"{name} must be of one picture; got {count} frames. Pick one first.")
    return depth[0]


def splat_to_host(gaussians: Gaussians, *, info: WorldInfo | None = None) -> Types.SPLAT:
    """Wrap one set of Gaussians as the host's SPLAT, a batch of one.

    Labels go along where there are any, and so does what a file's sidecar said of it.
    """
    g = gaussians.detach().to("cpu")
    opacities = g.opacities[None, :, None]
    splat = Types.SPLAT(g.means[None], g.scales[None], g.quats_wxyz[None], opacities, g.sh[None])
    if g.labels:
        setattr(splat, _LABELS, {kind: values[None] for kind, values in g.labels.items()})
    if g.instance_names:
        setattr(splat, _NAMES, [g.instance_names])
    if g.motion_table:
        setattr(splat, _MOTIONS, [(g.motion_table, g.color_waves)])
    if info is not None:
        setattr(splat, _INFO, info)
    return splat


def info_of_path(path: Trajectory) -> WorldInfo:
    """Return what a camera path says of the world that is made from its frames."""
    return WorldInfo(start_pose=path.camera_from_world[0], meters_per_unit=1.0 if path.is_metric else None)


def world_info_of(splat: object) -> WorldInfo | None:
    """Return what is known of a SPLAT from the sidecar of its file or the path of its frames, if anything."""
    info = getattr(splat, _INFO, None)
    return info if isinstance(info, WorldInfo) else None


def gaussians_from_host(splat: Types.SPLAT, name: str = "splat", index: int = 0) -> Gaussians:
    """Return item ``index`` of a SPLAT batch without its padding."""
    if splat.positions.shape[0] <= index:
        raise InvalidInput(f"{name} must hold at least {index + 1} item(s); got {splat.positions.shape[0]}.")
    count = splat.positions.shape[1] if splat.counts is None else int(splat.counts[index])
    fields = (splat.positions, splat.rotations, splat.scales, splat.opacities[..., 0], splat.sh)
    held = getattr(splat, _LABELS, None) or {}
    labels = {
        kind: values[index, :count].detach().cpu()
        for kind, values in held.items()
        if kind in LABELS and values.shape == splat.positions.shape[:2]
    }
    names = getattr(splat, _NAMES, None) or []
    gaussians = Gaussians.from_columns(
        (f[index, :count].detach().to("cpu", torch.float32) for f in fields),
        labels,
        names[index] if "instances" in labels and index < len(names) else {},
    )
    moved = getattr(splat, _MOTIONS, None) or []
    if "motions" not in labels or index >= len(moved):
        return gaussians
    table, waves = moved[index]
    fits = waves is not None and len(waves) == count
    return replace(gaussians, motion_table=table, color_waves=waves if fits else None)


def each_gaussians_from_host(splat: Types.SPLAT, name: str = "splat") -> list[Gaussians]:
    """Return all items of a SPLAT batch, each without its padding; an empty batch is refused."""
    count = max(1, splat.positions.shape[0])
    return [gaussians_from_host(splat, name, index) for index in range(count)]


def splats_to_host(worlds: list[Gaussians]) -> Types.SPLAT:
    """Wrap worlds as one SPLAT batch, padded with zeros to the longest and the highest SH degree."""
    if len(worlds) == 1:
        return splat_to_host(worlds[0])
    items = [splat_to_host(world) for world in worlds]
    longest = max(len(world) for world in worlds)
    bases = max(world.sh.shape[1] for world in worlds)

    def join(name: str) -> Tensor:
        padded = []
        for item in items:
            values = getattr(item, name)
            shape = (1, longest, bases, 3) if name == "sh" else (1, longest, values.shape[2])
            room = values.new_zeros(shape)
            room[tuple(slice(0, size) for size in values.shape)] = values
            padded.append(room)
        return torch.cat(padded)

    counts = torch.tensor([len(world) for world in worlds])
    columns = [join(name) for name in ("positions", "scales", "rotations", "opacities", "sh")]
    splat = Types.SPLAT(*columns, counts=counts)
    kinds = {kind for world in worlds for kind in world.labels}
    labels = {
        kind: torch.full((len(worlds), longest), LABELS[kind].missing, dtype=LABELS[kind].dtype)
        for kind in kinds
    }
    for kind, rows in labels.items():
        for row, world in zip(rows, worlds, strict=True):
            row[: len(world)] = world.label(kind)
    if labels:
        setattr(splat, _LABELS, labels)
        setattr(splat, _NAMES, [world.instance_names for world in worlds])
        setattr(splat, _MOTIONS, [(world.motion_table, world.color_waves) for world in worlds])
    return splat


def sequence_to_host(sequence: GaussianSequence) -> Types.SPLAT:
    """Wrap a sequence as a batch that says its speed."""
    splat = splats_to_host(list(sequence.frames))
    setattr(splat, _FPS, sequence.fps)
    return splat


def sequence_from_host(splat: Types.SPLAT, name: str = "splat") -> GaussianSequence | None:
    """Return the sequence that a batch is; None for other batches."""
    fps = getattr(splat, _FPS, None)
    return None if fps is None else GaussianSequence(tuple(each_gaussians_from_host(splat, name)), fps)


def mesh_from_host(
    mesh: Types.MESH, name: str = "mesh", *, is_gltf: bool = True, with_look: bool = False
) -> Mesh:
    """Return the first item of a MESH batch without its padding, in the pack's axes.

    Args:
        mesh: the host's mesh.
        name: of the input, for messages.
        is_gltf: its y points up and its z backward, and colors of vertices are linear.
        with_look: with its texture, or the colors of its vertices; without either it is light gray.
    """
    vertices, faces = mesh.vertices[0], mesh.faces[0]
    vertex_counts, face_counts = getattr(mesh, "vertex_counts", None), getattr(mesh, "face_counts", None)
    if vertex_counts is not None:
        vertices = vertices[: int(vertex_counts[0])]
    if face_counts is not None:
        faces = faces[: int(face_counts[0])]
    vertices = vertices.detach().to("cpu", torch.float32)
    if _count_not_finite(vertices[None]):
        raise InvalidInput(f"{name} must be finite; some of its vertices are NaN or infinite.")
    faces = faces.detach().to("cpu", torch.int32)
    if is_gltf:
        vertices = vertices * torch.tensor((1.0, -1.0, -1.0))
    count = len(vertices)
    plain = Mesh(vertices, faces, torch.full((count, 3), _GRAY), torch.ones(count, dtype=torch.bool))
    if not with_look:
        return plain
    uvs, texture, colors = (getattr(mesh, kind, None) for kind in ("uvs", "texture", "vertex_colors"))
    if uvs is not None and texture is not None:
        return replace(plain, uvs=_first(uvs, count), texture=_first(texture, None))
    if colors is None:
        return plain
    shown = _first(colors, count)[:, :3]
    return replace(plain, colors=srgb_from_linear(shown) if is_gltf else shown)


def _first(values: Tensor, count: int | None) -> Tensor:
    return values[0, :count].detach().to("cpu", torch.float32)


def mesh_to_host(mesh: Mesh, *, unlit: bool = True) -> Types.MESH:
    """Wrap a mesh as the host's MESH, a batch of one with its texture, or without one with vertex colors."""
    faces = mesh.faces.to(torch.int64)[None]
    if mesh.uvs is not None and mesh.texture is not None:  # both would be multiplied
        return Types.MESH(
            mesh.vertices[None], faces, uvs=mesh.uvs[None], texture=mesh.texture[None], unlit=unlit
        )
    return Types.MESH(mesh.vertices[None], faces, vertex_colors=mesh.colors[None], unlit=unlit)
