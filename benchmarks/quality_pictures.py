"""Pictures without depth, before and after: worlds on a ground plane and dome beside worlds with learned depth.

    python benchmarks/quality_pictures.py --panorama FILE --photo FILE --out before_after.jpg [--head FILE]

For each picture two worlds are fitted (`draft`). Two columns of the sheet are one picture: grounded left, learned
right. Below the picture stand the distances, the view ahead from the start, and the views that far beside the start
that ``--off`` says, all of them of the fitted splats. There is no truth to compare with: look at it.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from matrix3d_core.depth.grounded import grounded_geometry
from matrix3d_core.depth.learned.estimate import LearnedDepth, load_learned
from matrix3d_core.depth.learned.head import read_head
from matrix3d_core.depth.preview import colorize_depth
from matrix3d_core.geometry.pinhole import intrinsics_from_fov
from matrix3d_core.geometry.rotations import matrix_from_yaw_pitch_roll
from matrix3d_core.outpaint.learned import learned_photo_world
from matrix3d_core.outpaint.lens import load_photo
from matrix3d_core.panorama.load import load_panorama
from matrix3d_core.raster.splat import render_gaussians
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.standalone.world import WorldConfig, make_world

CELL = (300, 450)
FOV = math.radians(80)


def world_of(geometry: PanoramaGeometry) -> Gaussians:
    """Fit a world to a panorama with distances."""
    with tempfile.TemporaryDirectory() as folder:
        return make_world(
            geometry.rgb, geometry=geometry, out_dir=folder, config=WorldConfig(quality="draft")
        ).gaussians


def view(world: Gaussians, yaw_deg: float, off: tuple[float, float]) -> Tensor:
    """Draw a view; ``off`` is meters to the right and ahead."""
    turn = matrix_from_yaw_pitch_roll(
        *(torch.tensor(a, dtype=torch.float64) for a in (math.radians(yaw_deg), 0.0, 0.0))
    )
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3] = turn.mT
    pose[:3, 3] = -turn.mT @ (turn @ torch.tensor((off[0], 0.0, off[1]), dtype=torch.float64))
    K_px = intrinsics_from_fov(FOV, *CELL)
    return render_gaussians(world, pose.float(), K_px.float(), *CELL).rgb


def column(geometry: PanoramaGeometry, yaws: list[float], off: float) -> Tensor:
    """Return what stands below the picture of one world."""
    world = world_of(geometry)
    cells = [_fitted(colorize_depth(geometry.depth_ray, geometry.is_sky)), view(world, yaws[0], (0, 0))]
    cells += [
        view(world, yaw, (side * off * 0.7, off * 0.7)) for yaw, side in zip(yaws, (1, -1, 1), strict=False)
    ]
    return torch.cat(cells, dim=0)


def _fitted(rgb: Tensor) -> Tensor:
    """Scale a picture into a cell, with white around it."""
    scale = min(CELL[0] / rgb.shape[0], CELL[1] / rgb.shape[1])
    size = (round(rgb.shape[0] * scale), round(rgb.shape[1] * scale))
    small = F.interpolate(rgb.movedim(-1, 0)[None].float(), size, mode="area")[0].movedim(0, -1)
    cell = torch.ones(*CELL, 3)
    top, left = (CELL[0] - size[0]) // 2, (CELL[1] - size[1]) // 2
    cell[top : top + size[0], left : left + size[1]] = small
    return cell


def main() -> None:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--panorama", type=Path, nargs="*", default=[])
    parser.add_argument("--photo", type=Path, nargs="*", default=[])
    parser.add_argument("--head", type=Path, help="default: the shipped one")
    parser.add_argument("--out", type=Path, required=True, help="JPEG or PNG")
    parser.add_argument("--off", type=float, default=1.0, help="meters beside the start")
    parser.add_argument("--yaw", type=float, nargs="+", default=[0.0, -90.0], help="of the views, degrees")
    options = parser.parse_args()
    found = load_learned()
    if isinstance(found, str):
        parser.error(found)
    networks = LearnedDepth(found.backbone, read_head(options.head), found.source) if options.head else found
    columns: list[Tensor] = []
    for path in options.panorama:
        rgb = load_panorama(path).rgb
        pair = (grounded_geometry(rgb), networks.geometry(rgb))
        columns += [
            torch.cat((_fitted(rgb), column(geometry, options.yaw, options.off))) for geometry in pair
        ]
    for path in options.photo:
        photo = load_photo(path)
        learned = learned_photo_world(photo.rgb, networks, exif=photo.lens).geometry
        pair = (grounded_geometry(learned.rgb), learned)
        narrow = [0.0] * len(options.yaw)  # the rest is filled in
        columns += [
            torch.cat((_fitted(photo.rgb), column(geometry, narrow, options.off))) for geometry in pair
        ]
    sheet = torch.cat(columns, dim=1)
    Image.fromarray((sheet.clamp(0, 1) * 255).round().byte().numpy()).save(options.out, quality=88)


if __name__ == "__main__":
    main()
