"""The names of ``matrix3d_core`` itself, from the rooms that hold them; `__getattr__` there loads this on first use."""
# ruff: noqa: I001  ("as" tells strict type checkers that a name is public)

from __future__ import annotations

from .depth.conversions import depth_from_image as depth_from_image, depth_from_moge as depth_from_moge
from .depth.grounded import grounded_geometry as grounded_geometry
from .depth.panorama_depth import geometry_from_depth as geometry_from_depth
from .depth.preview import colorize_depth as colorize_depth
from .errors import (
    BackendUnavailable as BackendUnavailable,
    Cancelled as Cancelled,
    DiskError as DiskError,
    FormatError as FormatError,
    InvalidInput as InvalidInput,
    Matrix3DError as Matrix3DError,
    WeightsMismatch as WeightsMismatch,
)
from .explore.extend import Extension as Extension, extend_world as extend_world, place_path as place_path
from .explore.next_view import propose_path as propose_path
from .geometry.cubemap import cubemap_from_erp as cubemap_from_erp, erp_from_cubemap as erp_from_cubemap
from .geometry.rotations import matrix_from_yaw_pitch_roll as matrix_from_yaw_pitch_roll
from .guidance.fill import FilledFrames as FilledFrames, fill_guidance as fill_guidance
from .guidance.render import GuidanceFrames as GuidanceFrames, render_guidance as render_guidance
from .guidance.scene_mesh import mesh_from_panorama as mesh_from_panorama
from .io.cameras_json import read_trajectory as read_trajectory, write_trajectory as write_trajectory
from .io.dataset import DatasetConfig as DatasetConfig, write_dataset as write_dataset
from .io.depth_files import load_depth as load_depth, read_depth as read_depth, write_depth as write_depth
from .io.images import read_image as read_image, write_image as write_image
from .io.splats import (
    SAVE_FORMATS as SAVE_FORMATS,
    SPLAT_FORMATS as SPLAT_FORMATS,
    load_gaussians as load_gaussians,
    read_gaussians as read_gaussians,
    write_gaussians as write_gaussians,
)
from .io.video import read_mp4 as read_mp4, write_mp4 as write_mp4
from .io.world_json import WorldInfo as WorldInfo
from .layers.complete import split_panorama as split_panorama
from .layers.layer import LayeredPanorama as LayeredPanorama, PanoramaLayer as PanoramaLayer
from .layers.mesh import meshes_from_layers as meshes_from_layers
from .layers.splats import gaussians_from_layers as gaussians_from_layers
from .layers.split import find_foreground as find_foreground
from .lrm.decode import (
    DecodeSettings as DecodeSettings,
    LRMResult as LRMResult,
    decode_latents as decode_latents,
)
from .lrm.weights import build_lrm as build_lrm, read_lrm_weights as read_lrm_weights
from .metrics.image import psnr as psnr, ssim as ssim
from .metrics.loop_closure import measure_loop as measure_loop
from .metrics.lpips import open_lpips as open_lpips
from .metrics.seam import pole_error as pole_error, seam_error as seam_error
from .optimize.config import (
    OPTIMIZE_PRESETS as OPTIMIZE_PRESETS,
    OptimizeConfig as OptimizeConfig,
    preset_config as preset_config,
)
from .optimize.loop import OptimizeResult as OptimizeResult, optimize_gaussians as optimize_gaussians
from .panorama.load import load_panorama as load_panorama
from .panorama.upright import canonicalize as canonicalize
from .panorama.views import render_views as render_views, rotate_panorama as rotate_panorama
from .progress import ProgressEvent as ProgressEvent
from .raster.mesh import MESH_BACKENDS as MESH_BACKENDS, open_mesh_renderer as open_mesh_renderer
from .raster.splat import (
    SPLAT_BACKENDS as SPLAT_BACKENDS,
    render_gaussians as render_gaussians,
    render_gaussians_panorama as render_gaussians_panorama,
)
from .scene.camera import Camera as Camera, Equirect as Equirect, Pinhole as Pinhole
from .scene.gaussians import Gaussians as Gaussians
from .scene.mesh import Mesh as Mesh
from .scene.panorama import PanoramaGeometry as PanoramaGeometry
from .scene.label_colors import count_origins as count_origins
from .scene.labels import ORIGINS as ORIGINS
from .scene.trajectory import Trajectory as Trajectory
from .splats.clean import CleanConfig as CleanConfig, clean_gaussians as clean_gaussians
from .splats.levels import levels_of_detail as levels_of_detail
from .splats.merge import merge_gaussians as merge_gaussians
from .splats.mesh import MeshConfig as MeshConfig, mesh_from_gaussians as mesh_from_gaussians
from .splats.prune import PruneConfig as PruneConfig, prune_gaussians as prune_gaussians
from .splats.render import render_path as render_path
from .splats.selection import crop_gaussians as crop_gaussians
from .splats.transform import similarity as similarity, transform_gaussians as transform_gaussians
from .standalone.world import WorldConfig as WorldConfig, make_world as make_world
from .trajectories.clearance import (
    measure_clearance as measure_clearance,
    shorten_to_clear as shorten_to_clear,
)
from .trajectories.keyframes import look_at as look_at
from .trajectories.plot import plot_trajectory as plot_trajectory
from .trajectories.presets import (
    TRAJECTORY_PRESETS as TRAJECTORY_PRESETS,
    make_preset as make_preset,
    preset_in_scene as preset_in_scene,
)
from .trajectories.spline import spline_trajectory as spline_trajectory
