"""Every name of the code that the golden outputs need: a rename or a move changes these lines, and no other of this folder.

Functions take and give numpy arrays, bytes and text, or objects that only functions of this file look into.
"""

from __future__ import annotations

import io
import json
import math
import re
from pathlib import Path

import numpy as np
import torch

from matrix3d_core.collision import walls
from matrix3d_core.collision.occupancy import encode_occupancy
from matrix3d_core.depth import alignment as align
from matrix3d_core.depth import grounded, panorama_depth
from matrix3d_core.depth import plane_sweep as sweep
from matrix3d_core.diffusion import circular, conditioning, schedule, tiles
from matrix3d_core.diffusion import latent_roll as rotation
from matrix3d_core.explore import extend, next_view
from matrix3d_core.explore import path_editor as studio
from matrix3d_core.geometry import crops, harmonics, pinhole
from matrix3d_core.guidance.fill import fill_guidance
from matrix3d_core.guidance.inpaint import inpaint_background
from matrix3d_core.guidance.render import GUIDANCE_MODES, render_guidance
from matrix3d_core.guidance.scene_mesh import mesh_from_panorama
from matrix3d_core.io import (
    cameras_json,
    dataset,
    html_world,
    images,
    pano_frames,
    splats,
    spz,
    video,
    world_json,
)
from matrix3d_core.io import painted_mask as brush
from matrix3d_core.io.depth_files import read_depth, write_depth
from matrix3d_core.io.spherical_mp4 import LAYOUTS_360, add_spherical_metadata
from matrix3d_core.lrm.decode import DecodeSettings, decode_latents
from matrix3d_core.lrm.weights import build_lrm, sort_weights
from matrix3d_core.metrics import image as metrics
from matrix3d_core.metrics import loop_closure as loop
from matrix3d_core.metrics import seam
from matrix3d_core.optimize import config as fit_config
from matrix3d_core.optimize.loop import optimize_gaussians
from matrix3d_core.panorama import composite, photo, views
from matrix3d_core.panorama import composite_known as texels
from matrix3d_core.panorama import load as panorama_load
from matrix3d_core.panorama import upright as canonical
from matrix3d_core.raster import mesh as mesh_raster
from matrix3d_core.raster import splat as splat_raster
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.panorama import PanoramaGeometry
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.splats import clean, levels, merge, prune, render, selection, texture, transform
from matrix3d_core.splats import mesh as splat_mesh
from matrix3d_core.standalone.world import WorldConfig, make_world
from matrix3d_core.synth.sample_scene import render_erp
from matrix3d_core.trajectories import (
    clearance,
    edit,
    keyframes,
    placement,
    presets,
    recording,
    rescale,
    spline,
)
from matrix3d_core.video import prompts, segments
from matrix3d_core.video.continued_guidance import continued_guidance

MESH_BACKENDS = ("numba", "embreex", "torch")
SPLAT_BACKENDS = ("numba", "torch")
SPLAT_KINDS = splats.SPLAT_FORMATS
GUIDANCE_KINDS = GUIDANCE_MODES
PRESETS = tuple(presets.TRAJECTORY_PRESETS)

FIT_SMALL = {
    "steps": 12,
    "max_gaussians": 900,
    "crop_size_px": 32,
    "key_frame_stride": 2,
    "preview_every": 99,
    "held_out_max": 1,
}
FITS = {
    "plain": {},
    "adc": {"densify": "adc", "densify_every": 3, "init_ratio": 0.5},
    "mcmc": {
        "densify": "mcmc",
        "densify_every": 3,
        "init_ratio": 0.5,
        "opacity_reg": 0.01,
        "scale_reg": 0.01,
    },
    "corrections": {"exposure": "affine", "refine_poses": True},
    "grid": {"exposure": "grid", "source_ratio": 0.3, "fov_max_deg": 80.0},
    "panorama": {"view_mode": "panorama", "panorama_rows": 32},
    "losses": {
        "depth_weight": 0.1,
        "normal_weight": 0.1,
        "ssim_lambda": 0.5,
        "adaptive_density": False,
        "adam_eps_pixels": 0.0,
    },
    "monocular": {"depth_type": "monocular", "key_frame_mode": "parallax"},
}
"""Settings of the fit by name of the case; the words are fields of its configuration."""


def numpy(value):
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)


def tensor(value):
    return None if value is None else torch.from_numpy(np.ascontiguousarray(value))


# Records ----------------------------------------------------------------------------------------------


def make_splats(means, quats, scales, opacities, sh, origins=None):
    return Gaussians(*map(tensor, (means, quats, scales, opacities, sh)), origins=tensor(origins))


def splat_arrays(world):
    found = dict(
        zip(("means", "quats", "scales", "opacities", "sh"), map(numpy, world.tensors()), strict=True)
    )
    return found if world.origins is None else {**found, "origins": numpy(world.origins)}


def make_path(poses, K=None, size=None, **fields):
    return Trajectory(tensor(poses), K_px=tensor(K), image_size_px=size, **fields)


def path_arrays(path):
    lens = {} if path.K_px is None else {"K": numpy(path.K_px)}
    return {"poses": numpy(path.camera_from_world), **lens}


def make_geometry(rgb, distance, valid, sky):
    return PanoramaGeometry(*map(tensor, (rgb, distance, valid, sky)), is_metric=True)


def geometry_arrays(geometry):
    return {name: numpy(getattr(geometry, name)) for name in ("rgb", "depth_ray", "is_valid", "is_sky")}


def mesh_arrays(mesh):
    names = ("vertices", "faces", "colors", "is_visible", "uvs", "texture")
    return {name: numpy(getattr(mesh, name)) for name in names if getattr(mesh, name) is not None}


# Panorama and depth -----------------------------------------------------------------------------------


def sample_panorama(height, center=(0.0, 0.0, 0.0)):
    rgb, distance = render_erp(torch.tensor(center, dtype=torch.float64), height, 2 * height)
    return {"rgb": numpy(rgb), "depth_ray": numpy(distance)}


def geometry_from_depth(rgb, distance, **options):
    return panorama_depth.geometry_from_depth(tensor(rgb), tensor(distance), **options)


def grounded_geometry(rgb):
    return grounded.grounded_geometry(tensor(rgb))


def panorama_results(rgb, other):
    """Views, crops, cubes, photos, leveling, seams; diffusion on a ring with a plain stand-in for the VAE."""
    picture, second = tensor(rgb), tensor(other)
    height, width = picture.shape[:2]
    found = {f"crops/{name}": cut for name, cut in _crops(picture).items()}
    faces = views.cube_faces(picture, 16)
    found |= {"cube/faces": faces, "cube/back": views.panorama_from_faces(faces, height, width)}
    found["view"] = views.perspective_views(
        picture[None],
        yaw_rad=0.4,
        pitch_rad=-0.2,
        roll_rad=0.1,
        fov_x_rad=1.4,
        fov_y_rad=None,
        height=20,
        width=30,
    )
    placed = [
        photo.place_photo(second[:20, :28], 1.2, yaw_rad=yaw, pitch_rad=0.2, roll_rad=0.1)
        for yaw in (0.3, 2.9)
    ]
    canvas, mask, placement = photo.project_on_canvas(placed[0], width=width, grow_px=2.0)
    canvas, mask, placement = photo.project_on_canvas(
        placed[1], width=width, earlier=placement, canvas=canvas, mask=mask, feather_rad=0.05
    )
    found |= {"photo/canvas": canvas, "photo/mask": mask}
    upstream = photo.project_on_canvas(placed[0], width=1024, mapping="upstream")
    found |= {"photo/upstream": upstream[0][::8, ::8], "photo/upstream_mask": upstream[1][::8, ::8]}
    merged = composite.composite_photos(picture, placement)
    found |= {"photo/composite": merged.rgb, "photo/weight": merged.photo_weight}
    level = canonical.canonicalize(picture, pitch_rad=0.1, roll_rad=-0.05)
    found |= {"level/rgb": level.rgb, "level/rotation": level.source_from_result}
    found["seam"] = np.float64([seam.seam_error(picture[None]).error, seam.pole_error(picture[None]).error])
    found["texels"] = texels.composite_texels(
        second[None].expand(3, -1, -1, -1),
        picture[None].expand(3, -1, -1, -1),
        (picture[None, ..., 0] > 0.4).float().expand(3, -1, -1),
    )
    found["psnr_ssim"] = np.float64([metrics.psnr(picture, second), metrics.ssim(picture, second)])
    closing = loop.measure_loop(
        picture, second, torch.eye(4, dtype=torch.float64), _pose(0.1, 0.2), length=3.0
    )
    found["loop"] = np.float64([closing.position, closing.angle_rad, closing.psnr, closing.ssim])
    found["mask_text"] = brush.parse_painted_mask(
        brush.write_painted_mask((picture[..., 0] > 0.5).float()), height
    )
    return {name: numpy(value) for name, value in found.items()}


def _crops(picture):
    K = pinhole.intrinsics_from_fov(1.2, 18, 24)
    turn = crops.upstream_crop_rotations()[3:4]
    return {
        **{mode: crops.crop_erp(picture, turn, K, 18, 24, mode) for mode in ("bilinear", "nearest")},
        "icosahedron": views.cut_crops(picture[None], views.CROP_SETS[0], 12, fov_rad=1.4)[::5],
        "training": views.cut_crops(picture[None], views.CROP_SETS[1], 12, fov_rad=1.4)[::2],
    }


def _pose(yaw, shift):
    pose = torch.eye(4, dtype=torch.float64)
    pose[0, 0] = pose[2, 2] = math.cos(yaw)
    pose[2, 0], pose[0, 2] = math.sin(yaw), -math.sin(yaw)
    pose[0, 3] = shift
    return pose


# Camera paths -----------------------------------------------------------------------------------------


def preset_path(name, frames=9, distance=1.0, **options):
    return presets.make_preset(name, frames=frames, distance=distance, **options)


def path_results(geometry):
    """What makes, changes and checks paths, by name; paths as they are, the rest as arrays."""
    curve = preset_path("s_curve", frames=13)
    keys = '[{"position": [0,0,0]}, {"position": [0.3,-0.1,0.5], "yaw": 20}, {"position": [0.2,0,1], "look_at": [0,0,3]}]'
    positions, turns = keyframes.parse_keyframes(keys)
    walk = [[0.1 * i, 0.02 * i, 0.0, 0.05 * i, 3.0 * i, -0.5 * i] for i in range(12)]
    text = json.dumps({"walk": walk, "keys": [row[1:] for row in walk[::4]], "use": "walk"})
    shortened, share = clearance.shorten_to_clear(preset_path("straight", distance=4.0), geometry, radius=0.3)
    near = clearance.measure_clearance(curve, geometry, radius=0.3)
    given = edit.transform(
        curve, translation=tensor(np.array([0.4, 0.1, -0.2])), rotation=_pose(0.7, 0.0)[:3, :3]
    )
    drawn = studio.drawn_path(json.dumps({"keys": [row[1:] for row in walk[::4]], "use": "keys"}), frames=9)
    return {
        "keyframes": spline.spline_trajectory(positions, turns, frames=9, ease=True),
        "keyframes_closed": spline.spline_trajectory(
            positions, turns, frames=9, closed=True, speed_profile="per segment"
        ),
        "recorded": recording.trajectory_from_recording(recording.parse_recording(text), frames=9),
        "recorded_keys": recording.trajectory_from_recording(
            recording.parse_recording(text.replace('"walk"}', '"keys"}')), frames=9
        ),
        "drawn": drawn,
        "in_scene": presets.preset_in_scene("forward_right", geometry, frames=9),
        "exact": preset_path("s_curve", frames=81, upstream_exact=True),
        "joined": edit.join(curve, preset_path("forward_left")),
        "resampled": edit.resample(curve, 7, by="distance"),
        "reversed": edit.reverse(curve),
        "smoothed": edit.smooth(curve),
        "transformed": given,
        **{f"placed/{place}": placement.place_panorama(given, place) for place in placement.PANORAMA_PLACES},
        **{
            f"rescaled/{mode}": rescale.adapt_to_scene(curve, geometry, rescale=mode).trajectory
            for mode in rescale.RESCALE_MODES
        },
        "shortened": shortened,
        "clearance": np.float64([near.min_distance, share, *near.per_frame]),
        "walls": np.frombuffer(encode_occupancy(walls.walls_of_panorama(geometry)), np.uint8),
        "map": numpy(studio.draw_map(geometry, center=(0.0, 1.0), span=6.0, size_px=48)),
        "start_text": path_text(curve, "matrix3d"),
        "bare_text": path_text(curve, "upstream"),
    }


def path_text(path, layout):
    return cameras_json.format_trajectory(path, layout=layout)


def read_path(text):
    return cameras_json.parse_trajectory(text)


# Guidance ---------------------------------------------------------------------------------------------


def guidance(geometry, path, height, mode="mesh", backend="numba", jump=0.2):
    """``jump``: relative difference of distance between neighbors, at the mesh's own rows, that tears it."""
    return render_guidance(
        geometry, path, height=height, edge_threshold=jump * height / 1024, mode=mode, backend=backend
    )


def guidance_arrays(frames):
    return {name: numpy(getattr(frames, name)) for name in ("rgb", "mask", "depth_ray")}


def filled_frames(frames, path, backend="numba"):
    return fill_guidance(frames, path, method="smooth", backend=backend)


def filled_arrays(filled):
    return {name: numpy(getattr(filled, name)) for name in ("rgb", "depth_ray", "is_filled")}


def inpainted(rgb, distance, is_open, epipole):
    found = inpaint_background(*map(tensor, (rgb, distance, is_open)), tensor(epipole), rim_px=1)
    return {"rgb": numpy(found.rgb), "depth_ray": numpy(found.depth_ray), "region": numpy(found.region)}


def scene_mesh(geometry, height, jump=0.2):
    return mesh_from_panorama(
        geometry, height=height, edge_threshold=jump * height / 1024, close_poles=True, wrap_edges=True
    )


def cast_pinhole(mesh, pose, K, height, width, backend):
    """What a pinhole camera sees of a mesh."""
    _, renderer = mesh_raster.open_mesh_renderer(mesh, backend=backend, needs=("cast",))
    rays = pinhole.pinhole_directions(tensor(K), height, width)
    frame = mesh_raster.shade_hits(mesh, renderer.cast(tensor(pose), rays))
    return {"rgb": numpy(frame.rgb), "is_seen": numpy(frame.is_seen), "depth_ray": numpy(frame.depth_ray)}


CASTING = ("embreex", "torch")


def video_results(frames, mask, geometry, path):
    """Conditioning of the video model, and diffusion on a ring and in tiles with a stand-in for the VAE."""
    clip = conditioning.prepare_guidance(tensor(frames), tensor(mask), 32, 64)
    plan = segments.plan_segments(17, 9, 1)
    found = {
        "clip/frames": clip.frames,
        "clip/mask": clip.mask,
        "packed_mask": conditioning.pack_mask(clip.mask, 4, 8),
        "clip_picture": conditioning.clip_pixels(tensor(frames)[0])[..., ::16, ::16],
        "segments": np.int64([(part.start, part.stop, part.known) for part in plan]),
        "sigmas": schedule.flow_sigmas(10),
        "timesteps": schedule.round_timesteps(1000 * schedule.flow_sigmas(10)),
    }
    latent = torch.linspace(0, 1, 4 * 3 * 12 * 60).sin().reshape(1, 4, 3, 12, 60)
    pixels = torch.linspace(0, 9, 3 * 9 * 64 * 320).cos().reshape(9, 64, 320, 3)
    found |= {
        "ring/decoded": circular.circular_decode(_decoder, latent, tile_width=44)[:, ::4, ::4],
        "ring/encoded": circular.circular_encode(_encoder, pixels, tile_width_px=304, is_video=True),
        "tiles/decoded": tiles.decode_tiles(lambda part: _decoder(part)[None], latent)[:, :, ::4, ::4],
        "tiles/encoded": tiles.encode_tiles(_encoder, pixels),
    }
    for mode in rotation.ROLL_MODES:
        plan = rotation.roll_plan(mode, 6, 60, 0)
        found[f"turns/{mode}"] = np.int64([*plan.offsets, plan.final])
    part = segments.Segment(4, len(frames), 1)
    continued, seen = continued_guidance(
        conditioning.GuidanceClip(tensor(frames)[4:], tensor(mask)[4:]),
        part,
        tensor(frames)[4],
        geometry,
        path,
        edge_threshold=0.2 * 32 / 1024,
        backend="numba",
    )
    found |= {
        "continued/frames": continued.frames,
        "continued/mask": continued.mask,
        "continued/seen": np.float64(seen),
    }
    texts = {
        f"prompt/{name}": "\n".join(prompts.apply_prompt_preset(name, "a hall", "fog"))
        for name in prompts.PROMPT_PRESETS
    }
    return {**{name: numpy(value) for name, value in found.items()}, **texts}


def _decoder(latent):  # [1, C, t, h, w] -> [T, H, W, 3]
    frames = latent.repeat_interleave(4, 2)[0, :3, 3:]
    wide = frames.repeat_interleave(8, 2).repeat_interleave(8, 3).permute(1, 2, 3, 0)
    return wide + 0.1 * wide.roll(1, 2)


def _encoder(pixels):  # [T, H, W, 3] -> [1, C, t, h, w]
    frames = pixels[[0, *range(4, len(pixels), 4)]].permute(3, 0, 1, 2)
    small = torch.nn.functional.avg_pool2d(frames, 8)
    return torch.cat((small, small[:1].square()))[None]


# Splats -----------------------------------------------------------------------------------------------


def draw_splats(world, pose, K, height, width, backend, **options):
    frame = splat_raster.render_gaussians(
        world, tensor(pose), tensor(K), height, width, backend=backend, background=(0.2, 0.3, 0.4), **options
    )
    return _frame_arrays(frame, ("rgb", "alpha", "depth_z", "median_z"))


def draw_panorama(world, pose, height, backend, **options):
    frame = splat_raster.render_gaussians_panorama(
        world, tensor(pose), height, 2 * height, backend=backend, **options
    )
    return _frame_arrays(frame, ("rgb", "alpha", "depth_ray", "median_ray"))


def _frame_arrays(frame, names):
    return {name: numpy(getattr(frame, name)) for name in names if getattr(frame, name) is not None}


def draw_gradients(world, pose, K, height, width, backend):
    """Gradients of a weighted sum of the picture to all values of the splats; ``K`` None for a panorama."""
    leaves = [values.clone().requires_grad_() for values in world.tensors()]
    with torch.enable_grad():
        if K is None:
            frame = splat_raster.render_gaussians_panorama(
                Gaussians(*leaves), tensor(pose), height, width, backend=backend
            )
        else:
            frame = splat_raster.render_gaussians(
                Gaussians(*leaves), tensor(pose), tensor(K), height, width, backend=backend
            )
        weight = torch.linspace(-1, 1, frame.rgb.numel()).sin().reshape(frame.rgb.shape)
        ((frame.rgb * weight).sum() + frame.alpha.sum()).backward()
    return dict(
        zip(("means", "quats", "scales", "opacities", "sh"), (numpy(v.grad) for v in leaves), strict=True)
    )


def fit(frames, path, *, backend, geometry=None, depth=None, mask=None, start=None, **settings):
    """Return arrays of the fitted world, its preview, and the numbers of the report that say how it went."""
    result = optimize_gaussians(
        tensor(frames),
        path,
        geometry=geometry,
        depth_ray=tensor(depth),
        mask=tensor(mask),
        initial=start,
        config=fit_config.OptimizeConfig(**{**FIT_SMALL, **settings}, backend=backend),
    )
    report = result.report
    held = report["held_out"]
    numbers = [held["psnr"], held["ssim"], report["gaussians"], *report["gaussians_initial"].values()]
    return {
        **splat_arrays(result.gaussians),
        "preview": numpy(result.preview)[::8, ::8],
        "loss": np.float64(report["loss"]),
        "report": np.float64([value for value in numbers if value is not None]),
    }


def swept_depth(frames, path):
    found = sweep.plane_sweep_depth(tensor(frames), path, [0, 2, 4], levels=16, rows=24)
    return {str(key): numpy(value.depth_ray) for key, value in found.items()}


def aligned_depth(depth, path, geometry):
    return numpy(align.align_frames(tensor(depth), path, [0, 2, 4], geometry=geometry))


def edited_splats(world, path):
    """Every edit of a world of splats, by name."""
    turn = transform.similarity(
        yaw_rad=0.3, pitch_rad=0.1, scale=1.5, translation=(0.1, 0.2, 0.3), to_axes="RUB"
    )
    moved = transform.transform_gaussians(world, turn)
    shapes = {
        shape: selection.crop_gaussians(
            world, shape, center=(0.2, 0, 0.5), size=(2, 2, 3), radius=1.2, yaw_rad=0.3
        )[0]
        for shape in selection.CROP_SHAPES
    }
    merged = {mode: merge.merge_gaussians((world, shapes["box"]), fuse=mode)[0] for mode in merge.FUSE_MODES}
    config = prune.PruneConfig(views=2, size_px=48, refit_steps=2, backend="numba")
    return {
        "transformed": moved,
        **{f"crop/{shape}": found for shape, found in shapes.items()},
        **{f"merge/{mode}": found for mode, found in merged.items()},
        "clean": clean.clean_gaussians(world, clean.CleanConfig(min_cluster=5))[0],
        "prune": prune.prune_gaussians(world, len(world) // 2, trajectory=path, config=config)[0],
        **{
            f"coarser/{cells}": levels.downsample(world, len(world) // 3, cells=cells)
            for cells in levels.CELLS
        },
        "lod": levels.levels_of_detail(world, 2, trajectory=path, size_px=48, refit_steps=2, backend="numba")[
            0
        ][1],
        "lowpass_sh": harmonics.sh_rotation(turn[:3, :3] / 1.5, 16),
    }


def meshed_splats(world, path):
    config = splat_mesh.MeshConfig(resolution=28, views=3, rows=48, min_faces=4, backend="numba")
    mesh, _ = splat_mesh.mesh_from_gaussians(world, trajectory=path, config=config)
    textured, _ = texture.texture_mesh(
        mesh, world, trajectory=path, size_px=512, views=2, tolerance=0.3, backend="numba"
    )
    return {
        "mesh": mesh_arrays(splat_mesh.for_gltf(mesh)),
        "coarse": mesh_arrays(splat_mesh.decimate(mesh, len(mesh.faces) // 2)),
        "textured": {
            name: value[::4] if name == "texture" else value for name, value in mesh_arrays(textured).items()
        },
    }


def rendered_path(world, path, projection):
    pictures = render.render_path(
        world, path, projection=projection, height=32, width=64, stride=4, backend="numba"
    )
    return {
        "rgb": numpy(pictures.rgb),
        "alpha": numpy(pictures.alpha),
        "depth_ray": numpy(pictures.depth_ray),
    }


def explored(world, path, geometry):
    """Going on from a place of a world, and where to go next."""
    seen = extend.extend_world(
        world, path.camera_from_world[2], height=32, path=path, backend="numba", mesh_backend="numba"
    )
    placed, _ = extend.place_path(preset_path("straight"), edit.sample_at(path, torch.tensor([2.0])))
    proposed = next_view.propose_path(
        geometry,
        step=0.5,
        clearance=0.2,
        directions=4,
        frames=9,
        edge_threshold=0.3 * 48 / 1024,
        backend="numba",
    )
    fields = {name: value for name, value in vars(seen).items() if isinstance(value, torch.Tensor)}
    scores = [(c.yaw_rad, c.distance, c.unseen_sr, c.score) for c in proposed.candidates]
    return {
        **{f"extension/{index}": numpy(value) for index, value in enumerate(fields.values())},
        "placed": numpy(placed.camera_from_world),
        "next": numpy(proposed.trajectory.camera_from_world),
        "candidates": np.float64(scores),
    }


# Files ------------------------------------------------------------------------------------------------


def splat_file(world, kind, **options):
    target = io.BytesIO()
    kind = "spz 4" if options.pop("spz_version", 3) == 4 else kind
    splats.write_gaussians(target, world, kind=kind, **options)
    return target.getvalue()


def read_splats(data, kind, **options):
    return splats.read_gaussians(io.BytesIO(data), kind=kind, **options)


def spz_file(world, **options):
    target = io.BytesIO()
    spz.write_spz(target, world, **options)
    return target.getvalue()


def html_payload(world):
    """The splats in a page and what it says of the world; the page's own program is not an output."""
    target = io.BytesIO()
    html_world.write_html(target, world, info=world_json.describe_world(world), title="room")
    page = target.getvalue().decode()
    return [re.search(f'id="m3d-{part}">([^<]*)<', page)[1] for part in ("world", "splats")]


def world_text(world, path, **options):
    info = world_json.describe_world(world, trajectory=path, meters_per_unit=1.0, eye_height=1.6, **options)
    return world_json.format_world_info(info, file_name="room.ply")


def dataset_files(folder, frames, path, mask, depth, world, layout, crop_set):
    """Write a data set; return its files by name."""
    config = dataset.DatasetConfig(
        layout=layout, crops=crop_set, crop_size_px=0 if path.K_px is not None else 16, stride=2
    )
    points = dataset.points_from_gaussians(world, 50)
    dataset.write_dataset(
        folder, tensor(frames), path, mask=tensor(mask), depth_ray=tensor(depth), points=points, config=config
    )


DATASET_LAYOUTS = dataset.DATASET_LAYOUTS
DATASET_CROPS = dataset.CROP_SETS


def geometry_points(geometry):
    return [numpy(values) for values in dataset.points_from_geometry(geometry, 50)]


def picture_file(rgb, path):
    images.write_image(path, tensor(rgb))


def read_picture(path):
    return numpy(images.read_image(path))


def read_panorama_file(path):
    """A picture file put where its tags say it belongs on the sphere."""
    return {
        name: numpy(v)
        for name, v in panorama_load.load_panorama(path)._asdict().items()
        if isinstance(v, torch.Tensor)
    }


def preview_files(folder, frames):
    return [name for _, name in pano_frames.write_pano_frames(folder, "frame", tensor(frames), max_width=32)]


def depth_file(depth, path):
    write_depth(path, tensor(depth))


def read_depth_file(path):
    return numpy(read_depth(path))


def video_file(frames, path, layout=None):
    video.write_mp4(path, tensor(frames), fps=12.0)
    if layout is not None:
        add_spherical_metadata(path, layout)


VIDEO_LAYOUTS = LAYOUTS_360


# Reconstruction model ---------------------------------------------------------------------------------


def decoded_latents(state, latents, path, **settings):
    result = decode_latents(build_lrm(sort_weights(state, "tiny")), latents, path, DecodeSettings(**settings))
    return {**splat_arrays(result.gaussians), "depth": numpy(result.depth)}


LRM_SETTINGS = {
    "plain": {},
    "thinned": {"frame_stride": 2, "min_opacity": 0.3, "max_gaussians": 200},
    "chunked": {"chunk": 2, "pose_scale": 2.0},
}


# The whole ---------------------------------------------------------------------------------------------


def demo_world(rgb, distance, folder, steps=15):
    """The console's world, with a draft of few steps; returns the path of each file by its name."""
    fit_config.OPTIMIZE_PRESETS["draft"] = fit_config.OptimizeConfig(
        steps=steps, crop_size_px=64, key_frame_stride=4, preview_every=10
    )
    config = WorldConfig(
        frames=9,
        distance=1.0,
        width=128,
        edge_threshold=0.3 * 64 / 1024,
        max_gaussians=3000,
        flythrough_size_px=(48, 80),
        backend_mesh="numba",
        fill="smooth",
        backend_splat="numba",
        clearance=0.3,
    )
    result = make_world(tensor(rgb), depth_ray=tensor(distance), out_dir=folder, config=config)
    return (
        result.gaussians,
        result.trajectory,
        {Path(path).name: Path(path) for path in result.files.values()},
    )
