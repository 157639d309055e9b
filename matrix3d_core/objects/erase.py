"""Objects out of worlds: what stood behind them is continued, as new Gaussians, and fitted where it was changed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TypedDict

import torch
from torch import Tensor

from ..checks import check_shape
from ..errors import InvalidInput
from ..guidance.exemplar import most_of_3x3
from ..guidance.hidden_geometry import dilate
from ..layers.complete import complete_behind
from ..optimize.init.surfels import SIGMA_PER_SPACING, surfels_from_erp
from ..progress import ProgressEvent, ProgressFn, attentive, no_progress
from ..raster.camera_view import render_view
from ..scene.camera import Camera, Equirect, Pinhole
from ..scene.gaussians import Gaussians
from ..scene.labels import CLASS_SKY, NO_INSTANCE, ORIGIN_UNOBSERVED, UNKNOWN
from ..scene.trajectory import Trajectory
from ..splats.labeling import mask_votes
from .local_refit import TargetView, facing, perspective_targets, refit_part
from .place import instance_number, take_out, without_shadow
from .shading import DirectLight

__all__ = ["EraseReport", "Erased", "ErasedInstance", "erase_gaussians", "erase_instance"]

_ROWS = 512  # of the panorama in which the hole is completed
_SHOWN = 0.08  # share of a pixel's color from what is erased: the pixel shows it
_AROUND = 2 / 512  # of the rows: pixels around it are mixed
_SAME = 1.06  # what is this much farther than the continued surface is seen through a hole in it
_NOTHING = 0.8  # alpha of a pixel behind which something is missing
_BEFORE = 1.02  # what is this much nearer than the continued surface stands before it
_BESIDE = 4.0  # pixels
_PLACE_PX = 512
_ROOM = 2.0  # width of the picture of the place, by the object's
_NARROWEST_RAD, _WIDEST_RAD = math.radians(20), math.radians(100)
_IN_MASK = 0.5  # share of a remaining Gaussian within the region: it may be refitted


class EraseReport(TypedDict):
    """The report of `erase_gaussians`."""

    erased: int
    new: int
    refitted: int
    """Of those that were there."""
    hole_percent: float
    """Of the sphere around the viewpoint that showed the object."""


@dataclass(frozen=True)
class Erased:
    """A world without an object.

    Attributes:
        world: the rest in its old order, then new Gaussians.
        is_changed: ``[N]`` bool of `world`, which are new or refitted; all others are bit by bit as before.
        view: what the viewpoint shows now where the object was, with weight where it is made up; None: it showed
            nothing of the object.
        report: see `EraseReport`.
    """

    world: Gaussians
    is_changed: Tensor
    view: TargetView | None
    report: EraseReport


@dataclass(frozen=True)
class ErasedInstance:
    """A world without an instance.

    Attributes:
        world: see `Erased`.
        item: what was taken out.
        place: the world now, where the object was, from the viewpoint; the weight is 1 where it was seen.
        report: see `EraseReport`.
    """

    world: Gaussians
    item: Gaussians
    place: TargetView
    report: EraseReport


def erase_instance(
    world: Gaussians,
    name: str,
    *,
    fill: bool = True,
    center: Tensor | None = None,  # [3]
    shadow_light: DirectLight | None = None,
    refit_steps: int = 40,
    backend: str = "auto",
    progress: ProgressFn = no_progress,
) -> ErasedInstance:
    """Take an instance out of a world, fill what it hid, and look at the place.

    Args:
        world: the world, on the CPU.
        name: of the instance, or its number.
        fill: whether what it hid is filled, see `erase_gaussians`.
        center: ``[3]`` the viewpoint; None: the world's origin.
        shadow_light: that an object was placed in: its shadow is taken off, see `without_shadow`.
        refit_steps: see `erase_gaussians`.
        backend: splat backend.
        progress: called between steps; raising in it cancels.

    Raises:
        InvalidInput: when there is no such instance, and see `erase_gaussians`.
    """
    rest, item = take_out(world, name)
    chosen = world.label("instances") == instance_number(world, name)
    report: EraseReport = {"erased": len(item), "new": 0, "refitted": 0, "hole_percent": 0.0}
    result = rest
    if fill:
        erased = erase_gaussians(
            world, chosen, center=center, refit_steps=refit_steps, backend=backend, progress=progress
        )
        result, report = erased.world, erased.report
    if shadow_light is not None:
        viewer = (0.0, 0.0, 0.0) if center is None else tuple(center.tolist())
        result = without_shadow(result, item, shadow_light, viewer=viewer, backend=backend, progress=progress)
    return ErasedInstance(result, item, _look_at(world, chosen, result, center, backend), report)


def _look_at(
    world: Gaussians, chosen: Tensor, after: Gaussians, center: Tensor | None, backend: str
) -> TargetView:
    """Return a picture of a world where Gaussians of another one are seen from a viewpoint."""
    eye = torch.zeros(3, dtype=torch.float64) if center is None else center.double()
    offset = world.means[chosen].double() - eye
    middle = torch.nn.functional.normalize(offset.median(0).values, dim=0)
    angles = (torch.nn.functional.normalize(offset, dim=-1) @ middle).clamp(-1, 1).acos()
    fov = min(max(_ROOM * 2 * float(angles.quantile(0.98)), _NARROWEST_RAD), _WIDEST_RAD)
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3] = facing(middle)
    pose[:3, 3] = -pose[:3, :3] @ eye
    lens = Pinhole.from_fov(fov, _PLACE_PX, _PLACE_PX)
    with torch.no_grad():
        shown = render_view(after.without_labels(), pose, lens, backend=backend)
    return TargetView(
        pose, lens, shown.rgb.clamp(0, 1).cpu(), _shows(world, chosen, pose, lens, backend).float()
    )


@attentive
def erase_gaussians(
    world: Gaussians,
    chosen: Tensor,  # [N] bool
    *,
    center: Tensor | None = None,  # [3]
    refit_steps: int = 40,
    backend: str = "auto",
    progress: ProgressFn = no_progress,
) -> Erased:
    """Take Gaussians out of a world and fill what they hid from a viewpoint.

    A panorama is drawn at the viewpoint. Where it shows what is taken out, the surfaces around are continued behind it,
    with their texture (see `complete_behind`). They become Gaussians where the world has nothing there, or only what is
    seen through the hole; what was there already stays.

    Args:
        world: the world, on the CPU.
        chosen: ``[N]`` bool, what is taken out.
        center: ``[3]`` the viewpoint, such as the panorama's; None: the world's origin.
        refit_steps: steps in which the new Gaussians, and those of the rest that the region shows, are fitted to the
            completed picture; 0: none.
        backend: splat backend; must draw panoramas and give gradients.
        progress: called between steps; raising in it cancels.

    Raises:
        InvalidInput: when nothing is chosen, or everything that can be seen.
    """
    check_shape("chosen", chosen, f"{len(world)}")
    if not bool(chosen.any()):
        raise InvalidInput(
            "the selection must hold at least 1 splat to be erased; it is empty. Select the object first (Select in "
            "World or Label Splats)."
        )
    if bool(chosen.all()):
        raise InvalidInput("the selection must leave something of the world; it holds every splat.")
    pose = torch.eye(4, dtype=torch.float64)
    if center is not None:
        pose[:3, 3] = -center.double()
    camera = Equirect((_ROWS, 2 * _ROWS))
    progress(ProgressEvent(0, 4, "erase object"))
    hidden = _shows(world, chosen, pose, camera, backend)
    share = camera.sphere_share(hidden)
    report: EraseReport = {
        "erased": int(chosen.sum()),
        "new": 0,
        "refitted": 0,
        "hole_percent": round(100 * share, 2),
    }
    if not bool(hidden.any()):
        rest = world.select(~chosen)
        return Erased(_named(rest, rest), torch.zeros(len(rest), dtype=torch.bool), None, report)
    if bool(hidden.all()):
        raise InvalidInput(
            "the selection must leave something in sight; it covers all around the viewpoint. Select less."
        )
    with torch.no_grad():
        before = render_view(world.without_labels(), pose, camera, backend=backend)
    progress(ProgressEvent(1, 4, "complete what it hid", before.rgb))
    farthest = torch.where(torch.isfinite(before.depth_ray), before.depth_ray, 0.0).max().clamp_min(1e-3)
    depth = torch.where(torch.isfinite(before.depth_ray) & (before.alpha > 0.5), before.depth_ray, farthest)
    rgb, made, new = complete_behind(before.rgb.clamp(0, 1), depth, hidden)
    gone = chosen | _rim(world, chosen, hidden, made, pose, camera) | _guessed(world, hidden, pose, camera)
    rest = world.select(~gone)
    report["erased"] = len(world) - len(rest)
    unchanged = torch.zeros(len(rest), dtype=torch.bool)
    with torch.no_grad():
        behind = render_view(rest.without_labels(), pose, camera, backend=backend)
    is_open = (behind.alpha < _NOTHING) | (behind.depth_ray > _SAME * made)
    use = new & _whole(is_open)
    target = torch.where(use.unsqueeze(-1), rgb, behind.rgb.clamp(0, 1))
    added = _surfels(target, made, use, pose, rest, camera)
    joined = _named(Gaussians.concatenate(rest, added), rest)
    report["new"] = len(added)
    weight = dilate(hidden, 2).float()
    targets = perspective_targets(camera, pose, target, weight)
    free = torch.cat((unchanged, torch.ones(len(added), dtype=torch.bool)))
    if refit_steps:
        free |= _inside(joined, hidden & new, pose, len(rest), backend)
        joined = refit_part(joined, free, targets, steps=refit_steps, backend=backend, progress=progress)
    report["refitted"] = int(free[: len(rest)].sum())
    progress(ProgressEvent(4, 4, "object erased", target))
    return Erased(joined, free, targets[0] if targets else None, report)


def _shows(world: Gaussians, chosen: Tensor, pose: Tensor, camera: Camera, backend: str) -> Tensor:
    """Return the pixels ``[H, W]`` that show what is chosen, and mixed ones around them."""
    parts = world.without_labels().tensors()[:4]
    with torch.no_grad():
        drawn = render_view(
            Gaussians.from_colors(*parts, chosen.float().unsqueeze(-1).expand(-1, 3)),
            pose,
            camera,
            backend=backend,
        )
    seen = drawn.rgb[..., 0] > _SHOWN
    return dilate(seen, max(1, round(camera.height * _AROUND))) if bool(seen.any()) else seen


def _rim(
    world: Gaussians, chosen: Tensor, hidden: Tensor, made: Tensor, pose: Tensor, camera: Equirect
) -> Tensor:  # [N]
    """Return what else is the object's: Gaussians beside it and before what is behind it, hidden or of mixed colors."""
    from scipy.spatial import cKDTree

    local = world.means.double() @ pose[:3, :3].T + pose[:3, 3]
    distance = local.norm(dim=-1)
    is_before = distance * _BEFORE < camera.lookup(made, local)[0].double()
    asked = (camera.lookup(hidden, local)[0] & is_before & ~chosen).nonzero()[:, 0]
    found = torch.zeros(len(world), dtype=torch.bool)
    if len(asked):
        tree = cKDTree(world.means[chosen].double().numpy())
        gap = torch.from_numpy(tree.query(world.means[asked].double().numpy())[0])
        found[asked] = gap < _BESIDE * camera.pixel_rad * distance[asked]
    return found


def _guessed(world: Gaussians, hidden: Tensor, pose: Tensor, camera: Equirect) -> Tensor:  # [N]
    """Return what was made up in the region before, such as behind all of a layer: now more of its surroundings is "
    "known."""
    local = world.means.double() @ pose[:3, :3].T + pose[:3, 3]
    is_free = (world.label("origins") == ORIGIN_UNOBSERVED) & (world.label("instances") == NO_INSTANCE)
    return is_free & camera.lookup(hidden, local)[0]


def _whole(is_open: Tensor) -> Tensor:
    """Return open pixels and those around them: new Gaussians overlap with what is there."""
    return most_of_3x3(is_open.float()) > 0


def _surfels(
    rgb: Tensor, depth: Tensor, use: Tensor, pose: Tensor, rest: Gaussians, camera: Equirect
) -> Gaussians:
    """Return new Gaussians for pixels, with the class of what is around them."""
    world_from_camera = torch.linalg.inv(pose)
    made = surfels_from_erp(
        rgb, depth, rows=camera.height, use=use, world_from_camera=world_from_camera, spread=SIGMA_PER_SPACING
    )
    sky = rest.label("classes") == CLASS_SKY
    classes = torch.full((len(made),), UNKNOWN, dtype=torch.uint8)
    if bool(sky.any()):
        reach = (rest.means[sky].double() - world_from_camera[:3, 3]).norm(dim=-1).median()
        far = (made.means.double() - world_from_camera[:3, 3]).norm(dim=-1) > 0.7 * reach
        classes[far] = CLASS_SKY
    origins = torch.full((len(made),), ORIGIN_UNOBSERVED, dtype=torch.uint8)
    return made.with_labels(origins=origins, classes=classes)


def _inside(joined: Gaussians, region: Tensor, pose: Tensor, count: int, backend: str) -> Tensor:
    """Return which of the first ``count`` Gaussians are seen within a region of the panorama alone."""
    votes = mask_votes(joined, region.float()[None], Trajectory(pose[None]), backend=backend)
    inside = votes.chosen(_IN_MASK)
    inside[count:] = False
    return inside


def _named(world: Gaussians, rest: Gaussians) -> Gaussians:
    """Return a world with the names of those instances that it still has."""
    there = set(world.label("instances").unique().tolist())
    names = {number: name for number, name in rest.instance_names.items() if number in there}
    return replace(world, instance_names=names)
