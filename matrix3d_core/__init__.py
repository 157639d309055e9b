"""Panorama to walkable world: the host-free library behind the ComfyUI nodes.

``import matrix3d_core as m3d`` loads nothing heavy: each name loads on its first use. The names come in tiers, in the
order of the work, as ``__all__`` lists them; ``docs/library.md`` shows each in use:

- records: what functions take and return
- panorama: read, turn and resample panoramas
- depth: the panorama's geometry, estimated, given or assumed
- trajectory: camera paths
- guidance: the scene mesh, its frames along a path, and their inpainting
- layers: a panorama in layers, and worlds made of them without a fit
- fit: frames to Gaussians
- splats: edit, render and extend Gaussians
- files: Gaussians, videos and data sets
- LRM: video latents to Gaussians in one pass
- metrics: picture quality, seams, loops
- backends and errors
- whole: a panorama to a folder in one call

The rooms hold more; import them by name (``from matrix3d_core.splats.texture import texture_mesh``).
"""
# ruff: noqa: F405

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .public import *  # noqa: F403

__all__ = [  # noqa: RUF022
    # records
    "Camera", "Equirect", "Gaussians", "Mesh", "ORIGINS", "PanoramaGeometry", "Pinhole", "Trajectory", "count_origins",
    "matrix_from_yaw_pitch_roll",
    # panorama
    "canonicalize", "cubemap_from_erp", "erp_from_cubemap", "load_panorama", "read_image", "render_views",
    "rotate_panorama", "write_image",
    # depth
    "colorize_depth", "depth_from_image", "depth_from_moge", "geometry_from_depth", "grounded_geometry", "load_depth",
    "read_depth", "write_depth",
    # trajectory
    "TRAJECTORY_PRESETS", "look_at", "make_preset", "measure_clearance", "plot_trajectory", "preset_in_scene",
    "read_trajectory", "shorten_to_clear", "spline_trajectory", "write_trajectory",
    # guidance
    "FilledFrames", "GuidanceFrames", "fill_guidance", "mesh_from_panorama", "open_mesh_renderer", "render_guidance",
    # layers
    "LayeredPanorama", "PanoramaLayer", "find_foreground", "gaussians_from_layers", "meshes_from_layers",
    "split_panorama",
    # fit
    "OPTIMIZE_PRESETS", "OptimizeConfig", "OptimizeResult", "ProgressEvent", "optimize_gaussians", "preset_config",
    # splats
    "CleanConfig", "Extension", "MeshConfig", "PruneConfig", "clean_gaussians", "crop_gaussians", "extend_world",
    "levels_of_detail", "merge_gaussians", "mesh_from_gaussians", "place_path", "propose_path", "prune_gaussians",
    "render_gaussians", "render_gaussians_panorama", "render_path", "similarity", "transform_gaussians",
    # files
    "DatasetConfig", "SAVE_FORMATS", "SPLAT_FORMATS", "WorldInfo", "load_gaussians", "read_gaussians", "read_mp4",
    "write_dataset", "write_gaussians", "write_mp4",
    # LRM
    "DecodeSettings", "LRMResult", "build_lrm", "decode_latents", "read_lrm_weights",
    # metrics
    "measure_loop", "open_lpips", "pole_error", "psnr", "seam_error", "ssim",
    # backends and errors
    "BackendUnavailable", "Cancelled", "DiskError", "FormatError", "InvalidInput", "MESH_BACKENDS", "Matrix3DError",
    "SPLAT_BACKENDS", "WeightsMismatch",
    # whole
    "WorldConfig", "make_world",
]  # fmt: skip

__version__ = "0.1.0"


if not TYPE_CHECKING:  # type checkers would take any name for an object

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})

    def __getattr__(name: str) -> object:
        if name in __all__:
            from . import public

            globals()[name] = getattr(public, name)
            return globals()[name]
        from difflib import get_close_matches

        near = " or ".join(get_close_matches(name, __all__))
        raise AttributeError(
            f"{__name__} must be asked for a name of docs/library.md or an imported room; got {name!r}. "
            + (f"Did you mean {near}?" if near else f"Import rooms first: import {__name__}.io.")
        )
