"""Edited views back into a world: colors onto the surfaces that a mask shows, or new surfaces in their place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypedDict

import torch
from torch import Tensor

from ..checks import check_finite, check_shape
from ..errors import InvalidInput
from ..optimize.init.sources import SurfelSource
from ..optimize.init.surfels import surfels_from_picture
from ..progress import ProgressEvent, ProgressFn, attentive, no_progress
from ..raster.camera_view import render_view
from ..scene.camera import Camera, select_intrinsics
from ..scene.gaussians import Gaussians
from ..scene.labels import CLASS_OBJECT, ORIGIN_UNOBSERVED
from ..scene.trajectory import Trajectory
from ..splats.labeling import find_instance, mask_votes
from .local_refit import TargetView, perspective_targets, refit_part

__all__ = ["EditReport", "Edited", "apply_edited_views"]

_IN_MASK = 0.5
_MOVED = 1.04  # factor of distance from which a surface is another one
_FEWEST = 16  # pixels around the mask that a distance is scaled by


class EditReport(TypedDict):
    """The report of `apply_edited_views`."""

    views: int
    recolored: int
    removed: int
    new: int
    psnr_before: float
    """Of the masked pixels against the edited views, dB."""
    psnr_after: float


@dataclass(frozen=True)
class Edited:
    """A world with edited views in it.

    Attributes:
        world: Gaussians that are kept first, in their old order, then new ones.
        is_changed: ``[N]`` bool of `world`; all others are bit by bit as before.
        report: see `EditReport`.
    """

    world: Gaussians
    is_changed: Tensor
    report: EditReport


@attentive
def apply_edited_views(
    world: Gaussians,
    images: Tensor,  # [T, H, W, 3]
    masks: Tensor,  # [T, H, W]
    trajectory: Trajectory,
    *,
    depth_ray: Tensor | None = None,  # [T, H, W]
    instance: str = "",
    refit_steps: int = 60,
    backend: str = "auto",
    progress: ProgressFn = no_progress,
) -> Edited:
    """Change what masks on views show to what edited pictures of these views show.

    Without distances the surfaces stay, and take the new colors. With them, pixels of a mask whose distance differs
    from the world's become new Gaussians; what stands before them is taken out. The distances of each view are
    scaled until they agree with the world's around the mask.

    Args:
        world: the world, on the CPU.
        images: ``[T, H, W, 3]`` the edited views.
        masks: ``[T, H, W]`` in [0, 1], where they were edited.
        trajectory: their poses and intrinsics; panoramas have none.
        depth_ray: ``[T, H, W]`` distances along the ray in the edited views, any scale; NaN or infinite where unknown.
        instance: name of the object that new Gaussians become; empty: none.
        refit_steps: steps of the refit; 0: none.
        backend: splat backend; must give gradients.
        progress: called between steps; raising in it cancels.

    Raises:
        InvalidInput: for another number of pictures, masks or distances than poses, sizes that differ, masks that are
            empty, or that cover all of every view.
    """
    _check(images, masks, trajectory, depth_ray)
    if not bool((masks > 0.5).any()):
        raise InvalidInput("masks must mark what was edited; they are empty. Paint what may change.")
    if bool((masks > 0.5).all()):
        raise InvalidInput(
            "masks must leave something of the views unchanged; they cover everything. Restyle World changes whole "
            "views."
        )
    count, size = len(images), (images.shape[1], images.shape[2])
    shown = []
    for number in range(count):
        progress(ProgressEvent(number, count, "draw views", images[number]))
        camera = trajectory.camera(number, size)
        with torch.no_grad():
            shown.append(
                render_view(
                    world.without_labels(), trajectory.camera_from_world[number], camera, backend=backend
                )
            )
    targets: list[TargetView] = []
    added, gone = [], torch.zeros(len(world), dtype=torch.bool)
    for number, seen in enumerate(shown):
        camera, pose, mask = (
            trajectory.camera(number, size),
            trajectory.camera_from_world[number],
            masks[number],
        )
        target = torch.lerp(seen.rgb.clamp(0, 1), images[number].clamp(0, 1), mask.unsqueeze(-1))
        targets += perspective_targets(camera, pose, target, mask)
        if depth_ray is None:
            continue
        own = _scaled(depth_ray[number], seen.depth_ray, mask)
        moved = (mask > 0.5) & torch.isfinite(own) & ~((own / seen.depth_ray - 1).abs() < _MOVED - 1)
        if bool(moved.any()):
            added.append(_surfels(target, own, moved, pose, camera))
            gone |= _before(world, own, moved, trajectory, number, size, backend)
    joined, new = _with_new(world.select(~gone), added, instance)
    free = new.clone()
    votes = mask_votes(joined, masks, trajectory, backend=backend, progress=progress)
    free |= votes.chosen(_IN_MASK)
    before = _psnr(world, images, masks, trajectory, backend)
    # Without distances nothing moves: colors alone.
    joined = refit_part(
        joined,
        free,
        targets,
        steps=refit_steps,
        only_colors=not added,
        from_pictures=True,
        backend=backend,
        progress=progress,
    )
    report: EditReport = {
        "views": count,
        "recolored": int((free & ~new).sum()),
        "removed": int(gone.sum()),
        "new": int(new.sum()),
        "psnr_before": round(before, 2),
        "psnr_after": round(_psnr(joined, images, masks, trajectory, backend), 2),
    }
    return Edited(joined, free, report)


def _check(images: Tensor, masks: Tensor, trajectory: Trajectory, depth_ray: Tensor | None) -> None:
    size = check_shape("images", images, "T H W 3")
    check_finite("images", images)
    check_finite("masks", masks)
    for name, value in (("masks", masks), ("depth_ray", depth_ray)):
        if value is not None and value.shape != images.shape[:3]:
            raise InvalidInput(
                f"{name} must be of the images' number and size, {list(images.shape[:3])}; got {list(value.shape)}. "
                "Use what the edited views were made from."
            )
    if size["T"] != len(trajectory):
        raise InvalidInput(
            f"there must be one edited view for each pose; got {size['T']} views and {len(trajectory)} poses."
        )
    trajectory.check_frames("images", (size["H"], size["W"]))


def _scaled(depth: Tensor, seen: Tensor, mask: Tensor) -> Tensor:
    """Return distances times the factor that brings them to the world's around the mask."""
    around = (mask < 0.5) & torch.isfinite(depth) & torch.isfinite(seen) & (depth > 0)
    if int(around.sum()) < _FEWEST:
        return depth
    return depth * (seen[around] / depth[around]).median()


def _surfels(rgb: Tensor, depth: Tensor, use: Tensor, pose: Tensor, camera: Camera) -> Gaussians:
    source = SurfelSource(
        rgb,
        torch.where(use, depth, torch.inf),
        use,
        torch.linalg.inv(pose.double()),
        "filled",
        ORIGIN_UNOBSERVED,
        camera,
    )
    made = surfels_from_picture(source, rows=_rows(camera), use=use, spread=0.6)
    origins = torch.full((len(made),), ORIGIN_UNOBSERVED, dtype=torch.uint8)
    return made.with_labels(origins=origins)


def _rows(camera: Camera) -> int:
    """Return how many rows a panorama with the camera's pixels would have."""
    return max(8, round(torch.pi / camera.pixel_rad))


def _before(
    world: Gaussians,
    own: Tensor,
    moved: Tensor,
    trajectory: Trajectory,
    number: int,
    size: tuple[int, int],
    backend: str,
) -> Tensor:  # [N]
    """Return which Gaussians a view shows in moved pixels, before what is there now."""
    path = Trajectory(
        trajectory.camera_from_world[number : number + 1],
        K_px=select_intrinsics(trajectory.K_px, slice(number, number + 1)),
        image_size_px=trajectory.image_size_px,
    )
    inside = mask_votes(world, moved.float()[None], path, backend=backend).chosen(_IN_MASK)
    pose = trajectory.camera_from_world[number].double()
    local = world.means.double() @ pose[:3, :3].T + pose[:3, 3]
    there, _ = trajectory.camera(number, size).lookup(own, local)
    is_before: Tensor = inside & (local.norm(dim=-1) * _MOVED < there.double())
    return is_before


def _with_new(kept: Gaussians, added: list[Gaussians], instance: str) -> tuple[Gaussians, Tensor]:
    joined = Gaussians.concatenate(kept, *added)
    new = torch.zeros(len(joined), dtype=torch.bool)
    new[len(kept) :] = True
    if instance and added:
        number = find_instance(kept, instance)
        numbers, classes = joined.label("instances").clone(), joined.label("classes").clone()
        numbers[new], classes[new] = number, CLASS_OBJECT
        joined = joined.with_labels(instances=numbers, classes=classes)
        joined = replace(joined, instance_names={**joined.instance_names, number: instance})
    return joined, new


def _psnr(world: Gaussians, images: Tensor, masks: Tensor, trajectory: Trajectory, backend: str) -> float:
    total, weight = 0.0, 0.0
    for number, (image, mask) in enumerate(zip(images, masks, strict=True)):
        camera = trajectory.camera(number, (image.shape[0], image.shape[1]))
        with torch.no_grad():
            seen = render_view(
                world.without_labels(), trajectory.camera_from_world[number], camera, backend=backend
            )
        off = (seen.rgb.clamp(0, 1).cpu() - image.clamp(0, 1)).square().mean(-1)
        total += float((off * mask).sum())
        weight += float(mask.sum())
    return float(-10 * torch.log10(torch.tensor(max(total / max(weight, 1e-9), 1e-10))))
