"""Geometry of a panorama from the picture alone: backbone, head, merge, edges, ground."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...checks import check_finite, check_floating, check_shape, check_two_to_one
from ...errors import BackendUnavailable, InvalidInput
from ...features.dinov2 import PATCH_PX, Dinov2
from ...features.weights import BACKBONE_FILE, find_backbone, how_to_get_backbone, read_backbone
from ...progress import ProgressEvent, ProgressFn, no_progress
from ...scene.labels import CLASS_GROUND, CLASS_SKY, CLASS_WALL, CLASSES
from ...scene.panorama import GeometryReport, PanoramaGeometry
from ..grounded import grounded_geometry
from ..resample import resize_panorama
from ..scale import geometric_mean
from ..sky import SKY_FACTOR, fill_sky, small_islands
from .crops import view_rays
from .ground import find_ground, snap_to_ceiling, snap_to_ground
from .head import SURFACE_CLASSES, DepthHead, HeadOutput, read_head
from .merge import blend_views, merge_views
from .refine import enlarge_map, refine_distance
from .views import ViewSet, crop_views, make_views

__all__ = [
    "HEAD_FILE",
    "PICTURE_SOURCES",
    "LearnedDepth",
    "geometry_of_picture",
    "learned_geometry",
    "load_learned",
    "shipped_head",
]

PICTURE_SOURCES = ("auto", "learned", "grounded")

HEAD_FILE = Path(__file__).with_name("depth_head.safetensors")
"""The head that is part of this package."""

VIEW_PX = 392
_MERGE_ROWS = 256
_BATCH = 2  # views at a time, for bounded memory
_MOST_HEIGHTS = 250.0  # camera heights; farther surfaces are put there
_LEAST_SURFACE = 0.005  # of the sphere
_AS_LABEL = [
    {"terrain": CLASS_GROUND, "ceiling": CLASS_WALL}.get(name) or CLASSES.index(name)
    for name in SURFACE_CLASSES
]
_GROUND, _WALL, _CEILING = (SURFACE_CLASSES.index(name) for name in ("ground", "wall", "ceiling"))


@dataclass(frozen=True)
class LearnedDepth:
    """The two networks, ready to run.

    Attributes:
        backbone: see `matrix3d_core.features.dinov2`.
        head: see `matrix3d_core.depth.learned.head`.
        source: name of the backbone's file.
    """

    backbone: Dinov2
    head: DepthHead
    source: str

    def geometry(
        self,
        rgb: Tensor,  # [H, W, 3]
        *,
        camera_height: float = 1.6,
        height: int = 0,
        device: torch.device | str = "cpu",
        progress: ProgressFn = no_progress,
    ) -> PanoramaGeometry:
        """Run them; see `learned_geometry`."""
        geometry = learned_geometry(
            rgb,
            self.backbone,
            self.head,
            camera_height=camera_height,
            height=height,
            device=device,
            progress=progress,
        )
        geometry.report["backbone"] = self.source
        return geometry


def shipped_head() -> DepthHead:
    """Return the head of this package, in float32.

    Raises:
        FormatError: when the file is missing or damaged.
    """
    return read_head(HEAD_FILE)


def load_learned(
    folders: Iterable[Path | str] | None = None, *, backbone: Path | str = "auto", place: str = ""
) -> LearnedDepth | str:
    """Return the networks, or a sentence that says what is missing and how to get it.

    Args:
        folders: a host's model folders, see `find_backbone`.
        backbone: ``"auto"`` to look for one; else the file itself, with ``folders`` its name in them.
        place: the name of the host's folder in that sentence.

    Raises:
        FormatError: when a file is there but damaged.
        WeightsMismatch: when it holds another network.
    """
    if not HEAD_FILE.is_file():
        return f"the depth head {HEAD_FILE.name} is missing from this package; install it again."
    is_file = folders is None and backbone != "auto"
    path = Path(backbone) if is_file else find_backbone(folders or (), str(backbone))
    if path is None:
        name = "" if backbone in ("auto", BACKBONE_FILE) else f" in the file {str(backbone)!r}"
        return f"depth from the picture needs DINOv2-small{name}, which was not found. {how_to_get_backbone(place)}"
    return LearnedDepth(read_backbone(path), shipped_head(), path.name)


def geometry_of_picture(
    rgb: Tensor,  # [H, W, 3]
    networks: Callable[[], LearnedDepth | str],
    *,
    source: str = "auto",
    camera_height: float = 1.6,
    height: int = 0,
    device: torch.device | str = "cpu",
    progress: ProgressFn = no_progress,
    **proxy: float,
) -> PanoramaGeometry:
    """Give a panorama distances where none are known: from the networks, or a ground plane and a dome.

    Args:
        rgb: ``[H, W, 3]`` floating point in 0..1, ``W == 2 * H``.
        networks: `load_learned` with its arguments; called unless ``source`` is grounded.
        source: ``"auto"`` (learned if the networks are there, else grounded with how to get them in the report),
            ``"learned"`` or ``"grounded"``.
        camera_height: see `learned_geometry` and `grounded_geometry`.
        height: likewise.
        device: for the networks.
        progress: called between steps.
        proxy: further arguments of `grounded_geometry`.

    Raises:
        BackendUnavailable: when ``source`` is learned and a network is missing.
        InvalidInput: for another source, or as those two raise it.
    """
    if source not in PICTURE_SOURCES:
        raise InvalidInput(f"source must be one of {', '.join(PICTURE_SOURCES)}; got {source!r}.")
    found = networks() if source != "grounded" else ""
    if isinstance(found, LearnedDepth):
        return found.geometry(
            rgb, camera_height=camera_height, height=height, device=device, progress=progress
        )
    if source == "learned":
        raise BackendUnavailable(f"source 'learned': {found}")
    geometry = grounded_geometry(rgb, camera_height=camera_height, height=height, **proxy)
    if found:
        geometry.report["advice"] = found
    return geometry


def learned_geometry(
    rgb: Tensor,  # [H, W, 3]
    backbone: Dinov2,
    head: nn.Module,
    *,
    camera_height: float = 1.6,
    height: int = 0,
    views: str = "rings",
    device: torch.device | str = "cpu",
    progress: ProgressFn = no_progress,
) -> PanoramaGeometry:
    """Estimate the ray distances of an upright panorama.

    Twelve views go through backbone and head; their distances are merged without seams, brought to the size of the
    panorama with its edges, and scaled to meters by the ground that the head sees, or by the head's own unit where it
    sees none.

    Args:
        rgb: ``[H, W, 3]`` floating point in 0..1, ``W == 2 * H``, the horizon in the middle row.
        backbone: the features' network.
        head: of the interface of `DepthHead`.
        camera_height: meters above the ground.
        height: rows of the result, 0 for those of the panorama.
        views: one of `VIEW_SETS`.
        device: where the networks run; they stay there.
        progress: called between steps; raising in it cancels.

    Returns:
        The geometry, metric; sky at twice the largest distance.

    Raises:
        InvalidInput: on a wrong shape, NaN, a camera height that is not positive, or a panorama of pure sky.
    """
    start = time.perf_counter()
    size = check_shape("rgb", rgb, "H W 3")
    check_floating("rgb", rgb)
    check_two_to_one("rgb", size["H"], size["W"])
    check_finite("rgb", rgb)
    if not 0 < camera_height < math.inf:
        raise InvalidInput(f"camera_height must be positive; got {camera_height}.")
    if height < 0 or height == 1:
        raise InvalidInput(f"height must be 0 (the panorama's) or at least 2; got {height}.")
    rgb = resize_panorama(rgb.detach().to("cpu", torch.float32).clamp(0, 1), height or size["H"]).contiguous()
    view_set = make_views(views)
    seen = _see(rgb, backbone, head, view_set, torch.device(device), progress)
    rows = min(_MERGE_ROWS, len(rgb))
    sky = torch.sigmoid(seen.sky_logit)
    classes = torch.softmax(seen.class_logits.movedim(1, -1), dim=-1)
    maps = torch.cat((sky[..., None], classes, seen.normal.movedim(1, -1)), dim=-1)
    blended = blend_views(maps, view_set, rows)
    sky_map, class_map, normals = blended[..., 0], blended[..., 1:-3], blended[..., -3:]
    _check_surface(sky_map)
    merged = merge_views(
        seen.log_distance,
        torch.exp(-seen.log_uncertainty.clamp(-4, 4)) * (sky < 0.5),
        view_set,
        rows,
        normals=_plausible_normals(normals, class_map),
        progress=progress,
    )
    progress(ProgressEvent(0, 2, "sharpen edges"))
    log_distance, sky_fine = refine_distance(merged.log_distance, sky_map, rgb, weight=merged.weight)
    progress(ProgressEvent(1, 2, "sharpen edges"))
    ground = enlarge_map(class_map[..., _GROUND], len(rgb)) * (sky_fine < 0.5)
    found = find_ground(log_distance, ground)
    log_distance = log_distance - (math.log(found.height) if found else 0.0)
    log_distance = snap_to_ground(log_distance.clamp(max=math.log(_MOST_HEIGHTS)), ground, 1.0)
    ceiling = enlarge_map(class_map[..., _CEILING], len(rgb)) * (sky_fine < 0.5)
    log_distance = snap_to_ceiling(log_distance, ceiling)
    depth_ray = camera_height * torch.exp(log_distance)
    is_sky = sky_fine >= 0.5
    depth_ray = fill_sky(depth_ray, ~is_sky)
    islands = small_islands(depth_ray) if bool(is_sky.any()) else torch.zeros_like(is_sky)
    depth_ray = torch.where(islands, depth_ray.max(), depth_ray)
    is_sky = is_sky | islands
    progress(ProgressEvent(2, 2, "sharpen edges"))
    surface = depth_ray[~is_sky]
    report: GeometryReport = {
        "source": "learned",
        "size": [rgb.shape[1], rgb.shape[0]],
        "sky_pixels": int(is_sky.sum()),
        "sky_rule": f"{SKY_FACTOR:g} x largest distance",
        "island_pixels_to_sky": int(islands.sum()),
        "scale": "ground" if found else "the network's own unit, as no level ground is seen",
        "camera_height": camera_height,
        "factor": camera_height / (found.height if found else 1.0),
        "distance_min": float(surface.min()),
        "distance_max": float(surface.max()),
        "distance_geometric_mean": geometric_mean(depth_ray, ~is_sky),
        "views": f"{len(view_set)} of {math.degrees(view_set.fov_rad):.0f} degrees, {VIEW_PX} px",
        "disagreement": float(merged.disagreement[merged.weight > 0].median()),
        "seconds": round(time.perf_counter() - start, 2),
    }
    if found:
        report["class_ground"] = found.as_dict()
    classes = _classes(class_map, is_sky)
    return PanoramaGeometry(rgb, depth_ray, ~is_sky, is_sky, True, report, classes=classes)


def _classes(probabilities: Tensor, is_sky: Tensor) -> Tensor:  # [h, w, 8], [H, W] -> [H, W] uint8
    """Return the likeliest class of every pixel; sky is what ``is_sky`` says."""
    maps = [enlarge_map(values, len(is_sky)) for values in probabilities.unbind(-1)]
    surface = torch.tensor(_AS_LABEL[1:], dtype=torch.uint8)[torch.stack(maps[1:]).argmax(0)]
    return torch.where(is_sky, torch.tensor(CLASS_SKY, dtype=torch.uint8), surface)


def _see(
    rgb: Tensor, backbone: Dinov2, head: nn.Module, views: ViewSet, device: torch.device, progress: ProgressFn
) -> HeadOutput:
    """Run both networks on the views; results are on the CPU."""
    backbone, head = backbone.to(device), head.to(device)
    pictures = crop_views(rgb, views, VIEW_PX).movedim(-1, 1)
    tokens = VIEW_PX // PATCH_PX
    tangents = torch.full((len(views), 2), math.tan(views.fov_rad / 2))
    rays = view_rays(views.rotations.mT.float(), tangents, tokens, tokens)
    layers = head.config.layers  # type: ignore[union-attr]
    parts = []
    with torch.inference_mode():
        for first in range(0, len(views), _BATCH):
            progress(ProgressEvent(first, len(views), "look around"))
            some = slice(first, first + _BATCH)
            pixels = pictures[some].to(device)
            found: HeadOutput = head(backbone(pixels, layers), rays[some].to(device), pixels)
            parts.append([value.float().cpu() for value in vars(found).values()])
    progress(ProgressEvent(len(views), len(views), "look around"))
    return HeadOutput(*(torch.cat(values).clone() for values in zip(*parts, strict=True)))


def _check_surface(sky: Tensor) -> None:
    """Refuse a panorama that shows sky alone."""
    rows = (torch.arange(len(sky)) + 0.5) / len(sky) * math.pi
    area = torch.sin(rows)[:, None].expand_as(sky)
    if float((area * (sky < 0.5)).sum() / area.sum()) < _LEAST_SURFACE:
        raise InvalidInput(
            "panorama must show some surface; the network sees sky everywhere. Use source 'grounded', or give depth."
        )


def _plausible_normals(normals: Tensor, classes: Tensor) -> Tensor:  # [H, W, 3], [H, W, 8] -> [H, W, 3]
    """Make ground and ceiling level and walls upright, each as far as the pixel is such a surface.

    The result is as long as it is certain: views that disagree, or classes that do, shorten it.
    """
    level = torch.tensor([0.0, 1.0, 0.0])
    ground, ceiling, wall = (classes[..., k : k + 1] for k in (_GROUND, _CEILING, _WALL))
    upright = F.normalize(normals * (1 - level), dim=-1)
    rest = (1 - ground - ceiling - wall).clamp_min(0)
    return (ceiling - ground) * level + wall * upright + rest * normals
