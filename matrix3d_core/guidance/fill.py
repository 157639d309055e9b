"""Model-free inpainting of the holes of guidance frames: a stand-in for a video model.

It invents no object: it continues the background's surfaces and their texture. It guarantees that no pixel stays
open, that seen pixels keep their exact values, and that the frames of a path are consistent, because new content is
made once, lifted to 3D, and rendered into all of them.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import check_shape, check_two_to_one
from ..errors import InvalidInput
from ..geometry.spherical import erp_directions
from ..progress import ProgressEvent, ProgressFn, attentive, no_progress, report_while
from ..raster.mesh import MeshFrame, MeshRenderer, open_mesh_renderer
from ..scene.mesh import Mesh, join_meshes
from ..scene.trajectory import Trajectory
from .closed_objects import close_objects
from .exemplar import inpaint_by_example
from .inpaint import Inpainted, close_slivers, inpaint_background
from .render import GuidanceFrames

__all__ = ["FILL_METHODS", "FilledFrames", "describe_fill", "fill_guidance"]

FILL_METHODS = ("exemplar", "smooth")
"""``exemplar``: planes of the background continued to where they meet, with texture from patches beside the hole.
``smooth``: color and inverse distance as smooth as possible."""


_KEY_FRAMES = 12  # frames that decide where new content is made
_ROUNDS = 8
_ENOUGH = 2e-3  # stop when no key frame has a larger share of open pixels
_RIM_PX_PER_ROW = 1 / 80  # how far to continue behind objects, for views from the side
_SLIVER_RADII_PX = (3, 6, 12)
_MEET = 1.1  # two surfaces meet where their distances differ by no more than this factor
_MOST_SLIVER_LOOKUPS = 4_000_000  # a frame with more left gets a second pass


@dataclass(frozen=True)
class FilledFrames:
    """Guidance frames without holes.

    Attributes:
        rgb: ``[T, H, W, 3]`` float32 in [0, 1]; exactly the guidance where that was seen.
        depth_ray: ``[T, H, W]`` float32, world units, finite and positive everywhere.
        is_filled: ``[T, H, W]`` bool, True where the content was inpainted.
    """

    rgb: Tensor
    depth_ray: Tensor
    is_filled: Tensor


@attentive
def fill_guidance(
    frames: GuidanceFrames,
    trajectory: Trajectory,
    *,
    method: str = "exemplar",
    backend: str = "auto",
    progress: ProgressFn = no_progress,
) -> FilledFrames:
    """Inpaint the open pixels of all frames, background first and consistently along the path.

    With ``exemplar``, first what the fullest frame shows at silhouettes is drawn into the others (see
    `close_objects`). The frame with most open pixels is inpainted from its background (see `inpaint_by_example` and
    `inpaint_background`), color and distance. The new surface is lifted to a mesh and rendered into the open pixels of
    the other frames. This repeats until little is left; the rest, thin slivers, is filled frame by frame.

    Args:
        frames: from `render_guidance`; its tensors are not changed.
        trajectory: the path that the frames were rendered along.
        method: one of `FILL_METHODS`.
        backend: mesh backend, a name of `MESH_BACKENDS` or ``"auto"``.
        progress: called between steps with the latest frame as preview; raising in it cancels.

    Returns:
        Frames without open pixels.

    Raises:
        InvalidInput: for another method, when frames and trajectory do not match, a seen pixel has no distance,
            or nothing at all was seen.
        BackendUnavailable: when the backend asked for cannot run.
    """
    if method not in FILL_METHODS:
        raise InvalidInput(f"method must be one of {', '.join(FILL_METHODS)}; got {method!r}.")
    _check(frames, trajectory)
    is_open = frames.mask < 0.5
    rgb = frames.rgb.clone(memory_format=torch.contiguous_format)
    depth_ray = frames.depth_ray.clone(memory_format=torch.contiguous_format)
    count = len(trajectory)
    total = _ROUNDS + count
    poses = trajectory.camera_from_world
    source = trajectory.world_from_panorama[:3, 3]
    inpaint, seen = functools.partial(_inpaint, source=source), []
    if method == "exemplar":
        best = int(frames.mask.flatten(1).mean(1).argmax())  # what it sees has nothing in front
        reference = torch.where(frames.mask[best] >= 0.5, frames.depth_ray[best], 0.0)
        inpaint = functools.partial(
            _inpaint_by_example, source=source, reference=reference, reference_pose=poses[best]
        )
        seen = [close_objects(frames.rgb[best], reference, reference > 0, poses[best])]
    patches = _make_patches(rgb, depth_ray, is_open.clone(), poses, inpaint, seen, backend, total, progress)

    draw = open_mesh_renderer(join_meshes(patches), backend=backend)[1] if patches else None
    for t in range(count):
        progress(
            ProgressEvent(_ROUNDS + t, total, f"fill frame {t + 1} of {count}", rgb[t - 1] if t else None)
        )
        left = is_open[t].clone()
        if not bool(left.any()):
            continue
        # Key frames were drawn on while new content was made; start again from what was seen.
        rgb[t], depth_ray[t] = frames.rgb[t], frames.depth_ray[t]
        if draw is not None:
            _composite(draw.render(poses[t], *left.shape), rgb[t], depth_ray[t], left)
        for radius_px in _SLIVER_RADII_PX:
            if left.sum() * (2 * radius_px + 1) ** 2 < _MOST_SLIVER_LOOKUPS:
                left = close_slivers(rgb[t], depth_ray[t], left, radius_px=radius_px)
        if bool(left.any()):
            rest = _inpaint(rgb[t], depth_ray[t], left, poses[t], source=source, rim_px=0)
            _composite(MeshFrame(rest.rgb, rest.region, rest.depth_ray), rgb[t], depth_ray[t], left)
    progress(ProgressEvent(total, total, "frames filled", rgb[-1]))
    return FilledFrames(rgb, depth_ray, is_open)


def describe_fill(filled: FilledFrames, method: str, seconds: float) -> str:
    """Return the report: the inpainted share, and the time."""
    share = filled.is_filled.float().mean((1, 2)) * 100
    worst = int(share.argmax())
    return (
        f"{len(share)} frames inpainted in {seconds:.1f} s from the background ({method}, no model).\n"
        f"Inpainted: {float(share.mean()):.1f} % of all pixels; "
        f"most in frame {worst}, {float(share[worst]):.1f} %."
    )


def _make_patches(
    rgb: Tensor,
    depth_ray: Tensor,
    is_open: Tensor,
    poses: Tensor,
    inpaint: Callable[..., Inpainted],
    patches: list[Mesh],
    backend: str,
    total: int,
    progress: ProgressFn,
) -> list[Mesh]:
    """Add new surfaces to ``patches``, made on key frames until these are covered; draws on the key frames given."""
    count, height, width = is_open.shape
    keys = sorted({round(k * (count - 1) / (_KEY_FRAMES - 1)) for k in range(_KEY_FRAMES)})
    done: set[int] = set()
    for patch in patches:
        renderer = open_mesh_renderer(patch, backend=backend)[1]
        show = functools.partial(_show_on, keys, done, renderer, rgb, depth_ray, is_open, poses)
        report_while(show, progress, ProgressEvent(0, total, "close objects"))
    for index in range(_ROUNDS):
        left = {t: int(is_open[t].sum()) for t in keys if t not in done}
        base = max(left, key=lambda t: (left[t], t), default=-1)  # of equals, the later one
        if base < 0 or left[base] <= _ENOUGH * height * width:
            break
        event = ProgressEvent(index, total, f"inpaint frame {base + 1}", rgb[base])
        progress(event)
        rim_px = max(1, round(height * _RIM_PX_PER_ROW))
        work = functools.partial(
            inpaint, rgb[base], depth_ray[base], is_open[base], poses[base], rim_px=rim_px
        )
        made = report_while(work, progress, event)  # its kernels may be compiled first
        patch = _lift(made, poses[base])
        patches.append(patch)
        done.add(base)
        made_frame = MeshFrame(made.rgb, made.region, made.depth_ray)
        _composite(made_frame, rgb[base], depth_ray[base], is_open[base])
        renderer = open_mesh_renderer(patch, backend=backend)[1]
        show = functools.partial(_show_on, keys, done, renderer, rgb, depth_ray, is_open, poses)
        report_while(show, progress, event)  # a backend may compile its kernels on the first frame
    return patches


def _show_on(
    keys: list[int],
    done: set[int],
    renderer: MeshRenderer,
    rgb: Tensor,
    depth_ray: Tensor,
    is_open: Tensor,
    poses: Tensor,
) -> None:
    """Draw a new surface on the open pixels of the key frames that are not done, in place."""
    for t in keys:
        if t not in done and bool(is_open[t].any()):
            frame = renderer.render(poses[t], *is_open.shape[1:])
            _composite(frame, rgb[t], depth_ray[t], is_open[t])


def _inpaint(
    rgb: Tensor, depth_ray: Tensor, is_open: Tensor, pose: Tensor, *, source: Tensor, rim_px: int
) -> Inpainted:
    epipole = _epipole(depth_ray, is_open, pose, source)
    return inpaint_background(rgb, depth_ray, is_open, epipole, rim_px=rim_px)


def _inpaint_by_example(
    rgb: Tensor,
    depth_ray: Tensor,
    is_open: Tensor,
    pose: Tensor,
    *,
    source: Tensor,
    reference: Tensor,
    reference_pose: Tensor,
    rim_px: int,
) -> Inpainted:
    to_reference = reference_pose.double() @ torch.linalg.inv(pose.double())
    epipole = _epipole(depth_ray, is_open, pose, source)
    return inpaint_by_example(rgb, depth_ray, is_open, epipole, to_reference, reference, rim_px=rim_px)


def _epipole(depth_ray: Tensor, is_open: Tensor, pose: Tensor, source: Tensor) -> Tensor | None:
    epipole = pose[:3, :3] @ source + pose[:3, 3]
    nearest = float(torch.where(is_open, torch.inf, depth_ray).min())
    return epipole if float(epipole.norm()) > 1e-6 * nearest else None


def _composite(drawn: MeshFrame, rgb: Tensor, depth_ray: Tensor, is_open: Tensor) -> None:
    """Copy the render to the open pixels, in place, and close them."""
    hit = (is_open & drawn.is_seen).flatten().nonzero().squeeze(1)
    rgb.view(-1, 3)[hit] = drawn.rgb.reshape(-1, 3)[hit]
    depth_ray.view(-1)[hit] = drawn.depth_ray.flatten()[hit]
    is_open.view(-1)[hit] = False


def _lift(made: Inpainted, pose: Tensor) -> Mesh:
    """Lift new content and the border it extends to a mesh in the world."""
    height, width = made.depth_ray.shape
    used = made.region | made.border
    number = torch.full((height * width,), -1, dtype=torch.int32)
    chosen = used.flatten().nonzero().squeeze(1)
    number[chosen] = torch.arange(len(chosen), dtype=torch.int32)
    in_camera = erp_directions(height, width, dtype=torch.float64) * made.depth_ray.unsqueeze(-1)
    vertices = (in_camera.reshape(-1, 3)[chosen] - pose[:3, 3]) @ pose[:3, :3]  # R^T (x - t)
    number = number.reshape(height, width)
    right, low = number.roll(-1, 1)[:-1], number[1:]
    corner, low_right = number[:-1], number.roll(-1, 1)[1:]
    faces = torch.cat(
        (
            torch.stack((corner, low, right), -1).reshape(-1, 3),
            torch.stack((right, low, low_right), -1).reshape(-1, 3),
        )
    )
    # Faces among border pixels alone are observed already.
    is_new = made.region.flatten()[chosen]
    faces = faces[(faces >= 0).all(1)]
    faces = faces[is_new[faces.long()].any(1)]
    if made.label is not None:  # no sheets between surfaces that do not meet
        label, far = made.label.flatten()[chosen], made.depth_ray.flatten()[chosen]
        corners = faces.long()
        is_one = (label[corners] == label[corners[:, :1]]).all(1)
        faces = faces[is_one | (far[corners].amax(1) <= _MEET * far[corners].amin(1))]
    colors = made.rgb.reshape(-1, 3)[chosen]
    return Mesh(vertices.float(), faces, colors, torch.ones(len(chosen), dtype=torch.bool))


def _check(frames: GuidanceFrames, trajectory: Trajectory) -> None:
    size = check_shape("frames.rgb", frames.rgb, "T H W 3")
    count, height, width = size["T"], size["H"], size["W"]
    check_two_to_one("frames", height, width)
    check_shape("frames.mask", frames.mask, f"{count} {height} {width}")
    check_shape("frames.depth_ray", frames.depth_ray, f"{count} {height} {width}")
    if count != len(trajectory):
        raise InvalidInput(
            f"trajectory must have one pose per frame; got {len(trajectory)} poses for {count} frames. "
            "Give the one the frames were rendered along."
        )
    is_seen = frames.mask >= 0.5
    if not bool(is_seen.flatten(1).any(1).all()):
        empty = int((~is_seen.flatten(1).any(1)).nonzero()[0])
        raise InvalidInput(
            f"every frame must have a seen pixel; frame {empty} has none. Shorten the path so that it "
            "stays inside the scene."
        )
    is_usable = (frames.depth_ray > 0) & (frames.depth_ray < torch.inf)
    bad = int((is_seen & ~is_usable).sum())
    if bad:
        raise InvalidInput(f"depth_ray must be finite and positive where mask is 1; {bad} pixels are not.")
    if not math.isfinite(float(frames.rgb.sum())):
        raise InvalidInput("frames.rgb must be finite; it holds NaN or infinity.")
