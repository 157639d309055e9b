"""What a layered panorama is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

import torch
from torch import Tensor

from ..checks import check_shape, check_two_to_one
from ..errors import InvalidInput

__all__ = [
    "BACKGROUND",
    "FOREGROUND",
    "MOST_LAYERS",
    "SKY",
    "LayerReport",
    "LayeredPanorama",
    "PanoramaLayer",
    "layers_from_pictures",
    "layers_report",
    "pictures_from_layers",
]

SKY, BACKGROUND, FOREGROUND = "sky", "background", "foreground"
MOST_LAYERS = 10
_SKY_BEYOND = 2.0  # the sky's distance, times the farthest one known; as in `depth.panorama_depth`


@dataclass(frozen=True)
class PanoramaLayer:
    """One layer, seen from the world's origin.

    Attributes:
        name: ``sky``, ``background``, or ``foreground 1`` and so on, the farthest first.
        rgb: ``[H, W, 3]`` float32 in [0, 1].
        mask: ``[H, W]`` bool, where the layer shows something, seen or completed.
        depth_ray: ``[H, W]`` float32 world units, finite and positive where ``mask``.
        is_filled: ``[H, W]`` bool, where it was completed behind nearer layers.
        classes: ``[H, W]`` uint8, index into `scene.labels.CLASSES`; None: not known.
    """

    name: str
    rgb: Tensor
    mask: Tensor
    depth_ray: Tensor
    is_filled: Tensor
    classes: Tensor | None = None


@dataclass(frozen=True)
class LayeredPanorama:
    """Layers of one panorama, farthest first.

    Attributes:
        layers: at least one; all of one size.
        is_metric: True when one unit is one meter.
    """

    layers: tuple[PanoramaLayer, ...]
    is_metric: bool = False

    def __post_init__(self) -> None:
        if not 0 < len(self.layers) <= MOST_LAYERS:
            raise InvalidInput(f"a panorama must have 1 to {MOST_LAYERS} layers; got {len(self.layers)}.")
        height, width = self.layers[0].rgb.shape[:2]
        check_two_to_one("layers", height, width)
        for layer in self.layers:
            check_shape(f"rgb of layer {layer.name!r}", layer.rgb, f"{height} {width} 3")
            for key in ("mask", "depth_ray", "is_filled"):
                check_shape(f"{key} of layer {layer.name!r}", getattr(layer, key), f"{height} {width}")
            used = layer.depth_ray[layer.mask]
            if not bool((used.isfinite() & (used > 0)).all()):
                raise InvalidInput(
                    f"depth_ray of layer {layer.name!r} must be finite and positive wherever its mask is 1. Connect "
                    "masks and depth of the same Panorama Layers node."
                )

    @property
    def height(self) -> int:
        """Rows of the panorama."""
        return self.layers[0].rgb.shape[0]


def pictures_from_layers(layered: LayeredPanorama) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return layers as batches, farthest first.

    Returns:
        ``[L, H, W, 3]`` colors, 0 outside of a layer; ``[L, H, W]`` float32 masks; ``[L, H, W]`` ray distances,
        infinite outside of a layer and in all of the sky, which is known by that; ``[L, H, W]`` float32, 1 where
        completed.
    """
    shown = torch.stack([layer.mask for layer in layered.layers])
    colors = torch.stack([layer.rgb for layer in layered.layers]) * shown.unsqueeze(-1)
    depth = torch.stack([layer.depth_ray for layer in layered.layers])
    is_sky = torch.tensor([layer.name == SKY for layer in layered.layers])
    depth = torch.where(shown & ~is_sky.view(-1, 1, 1), depth, torch.inf)
    filled = torch.stack([layer.is_filled & layer.mask for layer in layered.layers])
    return colors, shown.float(), depth, filled.float()


def layers_from_pictures(
    images: Tensor,  # [L, H, W, 3]
    masks: Tensor,  # [L, H, W]
    depth_ray: Tensor,  # [L, H, W]
    filled: Tensor | None = None,  # [L, H, W]
) -> LayeredPanorama:
    """Return the layers that batches hold, farthest first; see `pictures_from_layers`.

    A first layer without any finite distance is the sky, twice as far as anything else. The next one is the background,
    and all after it are foreground.

    Args:
        images: colors.
        masks: 1 where a layer shows something.
        depth_ray: ray distances, positive, finite where a layer shows something.
        filled: 1 where a layer was completed. What a nearer layer hides counts as completed, too.

    Raises:
        InvalidInput: for batches that do not match, or distances missing.
    """
    count, height, width = images.shape[:3]
    check_shape("images", images, "L H W 3")
    for name, batch in (("masks", masks), ("depth", depth_ray), ("filled", filled)):
        if batch is not None and batch.shape != (count, height, width):
            raise InvalidInput(
                f"{name} must be of the layers' count and size, {[count, height, width]}; got {list(batch.shape)}. "
                "Connect the outputs of one Panorama Layers node, edited pictures in the same size and order."
            )
    shown = masks > 0.5
    finite = torch.isfinite(depth_ray) & shown
    if not bool(finite.any()):
        raise InvalidInput(
            "depth must be finite in some layer; got none. Connect the depth of Panorama Layers."
        )
    far = _SKY_BEYOND * float(depth_ray[finite].max())
    has_sky = not bool(finite[0].any())
    nearer = torch.cat((shown[1:].flip(0).cummax(0).values.flip(0), torch.zeros_like(shown[:1])))
    made = shown & (nearer if filled is None else nearer | (filled > 0.5))
    layers = []
    for index in range(count):
        number = index - has_sky
        name = SKY if number < 0 else BACKGROUND if number == 0 else f"{FOREGROUND} {number}"
        depth = torch.full_like(depth_ray[0], far) if number < 0 else depth_ray[index]
        layers.append(PanoramaLayer(name, images[index].clamp(0, 1), shown[index], depth, made[index]))
    return LayeredPanorama(tuple(layers))


class LayerReport(TypedDict):
    """What a layer shows, percent of the panorama's pixels, and its median distance; JSON-serializable."""

    name: str
    shown_percent: float
    filled_percent: float
    distance: float


def layers_report(layered: LayeredPanorama) -> list[LayerReport]:
    """Return what each layer shows, farthest first."""
    return [
        {
            "name": layer.name,
            "shown_percent": round(100 * float(layer.mask.float().mean()), 2),
            "filled_percent": round(100 * float((layer.is_filled & layer.mask).float().mean()), 2),
            "distance": round(float(layer.depth_ray[layer.mask].median()), 3)
            if bool(layer.mask.any())
            else 0.0,
        }
        for layer in layered.layers
    ]
