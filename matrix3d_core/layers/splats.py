"""The instant world: layers to Gaussians in one step, nothing is fitted.

What is seen becomes surfels as in the start of a fit, and so does, coarser, what each layer continues behind nearer
ones. What the background's own near parts hide, such as a street behind the corner of a house, is continued as far as
a step of the viewer shows it.

Source: the idea of an instant world from one panorama, WorldGen, 2025.
"""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..depth.resample import resized
from ..errors import InvalidInput
from ..guidance.exemplar import most_of_3x3
from ..guidance.scene_mesh import depth_jumps
from ..optimize.init.density import make_surfels
from ..optimize.init.sources import SurfelSource
from ..progress import ProgressEvent, ProgressFn, attentive, no_progress, report_while
from ..scene.camera import Equirect
from ..scene.gaussians import Gaussians
from ..scene.labels import CLASS_OBJECT, CLASS_SKY, NO_INSTANCE, ORIGIN_SOURCE, ORIGIN_UNOBSERVED, UNKNOWN
from .complete import ROWS, complete_behind
from .layer import BACKGROUND, SKY, LayeredPanorama, PanoramaLayer

__all__ = ["gaussians_from_layers"]

_FILLED_DENSITY = 0.5  # surfels along a row, of what was made up at half the rows
_JUMP = 1.12  # factor of distance from one surface to what it hides
_AROUND_PX = 2  # how far the colors of mixed pixels are looked for
_MOST_RIM = 1 / 8  # of the rows: how far behind a near part at most
_BEYOND = 0.7  # of the distance where there is nothing: what is continued so far out is nothing
_BEHIND = 1.02  # what is continued is farther than what hides it by this factor


@attentive
def gaussians_from_layers(
    layered: LayeredPanorama,
    *,
    max_gaussians: int = 1_000_000,
    step: float = 2.0,
    progress: ProgressFn = no_progress,
) -> Gaussians:
    """Turn a layered panorama into a world that can be looked at from beside its center.

    Args:
        layered: the layers; the camera is at the world's origin.
        max_gaussians: the finest density that keeps below this is used.
        step: world units that the viewer may leave the center by: how far surfaces are continued behind near parts of
            their own layer; 0: not at all.
        progress: called between steps; raising in it cancels.

    Returns:
        Gaussians with origin and class; those of a foreground layer are an instance of the layer's name.

    Raises:
        InvalidInput: for fewer than 100 Gaussians or a step that is no distance.
    """
    if max_gaussians < 100:
        raise InvalidInput(f"max_gaussians must be at least 100; got {max_gaussians}.")
    if not 0 <= step < math.inf:
        raise InvalidInput(f"step must be 0 or more; got {step}.")
    pose, layers = torch.eye(4, dtype=torch.float64), layered.layers
    height, width = layers[0].rgb.shape[:2]
    camera, total = Equirect((height, width)), len(layers) + 2
    sources = _seen(layers, camera, pose)
    for index, layer in enumerate(layers):
        parts = [(layer.rgb, layer.depth_ray, layer.is_filled & layer.mask)]
        if step and layer.name == BACKGROUND:
            event = ProgressEvent(index, total, "continue the background behind itself", layer.rgb)
            parts.append(report_while(functools.partial(_behind_itself, layer, step), progress, event))
        labels = _labels(layer, index + 1)
        for rgb, depth, use in parts:
            name, density = ("sky", 1.0) if layer.name == SKY else ("filled", _FILLED_DENSITY)
            source = SurfelSource(rgb, depth, use, pose, name, ORIGIN_UNOBSERVED, camera, density=density)
            sources.append(replace(source, **labels))
    event = ProgressEvent(total - 1, total, "make surfels")
    used = [source for source in sources if bool(source.use.any())]
    made = report_while(lambda: make_surfels(used, max_gaussians, adaptive=True), progress, event).gaussians
    progress(ProgressEvent(total, total, "world made"))
    there = set(made.label("instances").unique().tolist())
    names = {number: layer.name for number, layer in enumerate(layers, 1) if number in there}
    return replace(made, instance_names=names)


def _labels(layer: PanoramaLayer, number: int) -> dict[str, Any]:
    """Return classes and instances of a layer's pixels: those of a foreground are objects where not known better."""
    size = layer.mask.shape
    if layer.name == SKY:
        return {"classes": torch.full(size, CLASS_SKY, dtype=torch.uint8)}
    unknown = torch.full(size, UNKNOWN, dtype=torch.uint8)
    classes = unknown if layer.classes is None else torch.where(layer.is_filled, unknown, layer.classes)
    if layer.name == BACKGROUND:
        return {"classes": classes}
    return {
        "classes": torch.where(classes == UNKNOWN, CLASS_OBJECT, classes).to(torch.uint8),
        "instances": torch.full(size, number, dtype=torch.int32),
    }


def _seen(layers: tuple[PanoramaLayer, ...], camera: Equirect, pose: Tensor) -> list[SurfelSource]:
    """Return what the layers show from the center, the nearer before the farther, as surfaces and sky."""
    size = layers[0].mask.shape
    rgb, depth = torch.zeros(*size, 3), torch.ones(size)
    use = {name: torch.zeros(size, dtype=torch.bool) for name in ("source", "sky")}
    labels: dict[str, Any] = {
        "classes": torch.full(size, UNKNOWN, dtype=torch.uint8),
        "instances": torch.full(size, NO_INSTANCE, dtype=torch.int32),
    }
    for number, layer in enumerate(layers, 1):
        here = layer.mask & ~layer.is_filled
        rgb[here], depth[here] = layer.rgb[here], layer.depth_ray[here]
        own = _labels(layer, number)
        for kind, missing in (("classes", UNKNOWN), ("instances", NO_INSTANCE)):
            labels[kind][here] = own[kind][here] if kind in own else missing
        for name, pixels in use.items():
            pixels[here] = (name == "sky") == (layer.name == SKY)
    rgb = _unmixed(rgb, torch.where(use["sky"], torch.inf, depth))
    return [
        replace(SurfelSource(rgb, depth, pixels, pose, name, ORIGIN_SOURCE, camera), **labels)
        for name, pixels in use.items()
    ]


def _unmixed(rgb: Tensor, depth_ray: Tensor) -> Tensor:
    """Return colors without those of near things in the far pixels beside them, which would stay as a ghost outline."""
    height, width = depth_ray.shape
    least = -most_of_3x3(-depth_ray)
    is_mixed = depth_ray > _JUMP * least
    row, column = is_mixed.nonzero(as_tuple=True)
    own, total = depth_ray[row, column], torch.zeros(len(row), 4)
    for dy in range(-_AROUND_PX, _AROUND_PX + 1):
        for dx in range(-_AROUND_PX, _AROUND_PX + 1):
            y, x = (row + dy).clamp(0, height - 1), (column + dx) % width
            other = depth_ray[y, x]
            alike = (other == own) | ((other < _JUMP * own) & (own < _JUMP * other))
            share = (alike & ~is_mixed[y, x]).float() / (1 + dy * dy + dx * dx)
            total += share.unsqueeze(1) * torch.cat((rgb[y, x], torch.ones(len(row), 1)), 1)
    found = total[:, 3] > 0
    result = rgb.clone()
    result[row[found], column[found]] = total[found, :3] / total[found, 3:]
    return result


def _behind_itself(layer: PanoramaLayer, step: float) -> tuple[Tensor, Tensor, Tensor]:
    """Continue a layer's farther surfaces behind its own nearer ones, as far as a step of the viewer shows them."""
    size = layer.rgb.shape[:2]
    rows = min(ROWS, size[0])
    beyond = 2 * float(layer.depth_ray[layer.mask].max())  # where the layer shows nothing
    depth = resized(torch.where(layer.mask, layer.depth_ray, beyond), (rows, 2 * rows))
    shown = resized(layer.mask.float(), depth.shape) > 0.5
    reach = most_of_3x3(torch.where(shown, depth, 0.0))
    hidden = shown & depth_jumps(depth) & (reach > _JUMP * depth)
    reach = torch.where(hidden, reach, 0.0)
    for pixels in range(1, max(2, round(rows * _MOST_RIM))):
        spread = most_of_3x3(reach)
        parallax = rows / math.pi * step * (1 / depth - 1 / spread.clamp(min=1e-6))
        new = shown & ~hidden & (depth * _JUMP < spread) & (parallax > pixels)
        hidden, reach = hidden | new, torch.where(new, spread, reach)
    hidden = (resized(hidden.float(), size) > 0.5) & layer.mask
    whole = torch.where(layer.mask, layer.depth_ray, beyond)
    rgb, made, new = complete_behind(layer.rgb, whole, hidden, resized(reach, size))
    return rgb, made, new & layer.mask & (made > _BEHIND * layer.depth_ray) & (made < _BEYOND * beyond)
