"""Golden outputs: what the code gives for small fixed inputs, to show that a rebuild changes only what it means to change.

    python tests/golden/record.py                  # compare with tests/golden/*.json; 1 when something differs
    python tests/golden/record.py --against DIR    # compare arrays with another checkout, recorded there and now
    python tests/golden/record.py --write          # record new names, and those that MEANT_TO_CHANGE.md lists
    ... --only fit,files  --long                   # some groups; also the slow group `templates`

On the machine of the record (`machine` in the file) every bit must be the same; elsewhere shapes, means, deviations
and a few values must be, within `TOLERANCES`. Names of the code stand in `names.py` alone.

Left out, because they differ from run to run or say nothing of the result: seconds, memory and paths in reports; the
program inside a world's page (`web/` has tests of its own); bytes of MP4 files, which an encoder's threads and version
change (their decoded frames stand for them, but for the flythrough: x264 was seen to give the same pictures other bits
after other work in the same process); tEXt chunks of PNG files that the host writes, which hold the graph.
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import json
import logging
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support"), str(ROOT / "scripts")]

import names as code  # noqa: E402
import numpy as np  # noqa: E402

TABLE = FOLDER / "MEANT_TO_CHANGE.md"
SAMPLES = 6
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")

TOLERANCES = {
    "*": 2e-3,
    "video/continued/*": 0.1,
    "video/continued/seen": 50,
    "edit/prune/*": 0.1,
    "edit/mesh/*": 0.1,
}
"""By pattern of names, the last that fits: how far numbers may be off on another machine, in deviations.

Measured with the kernels of a processor without AVX: at most 6.9e-4, but where a comparison decides (an edge of the mesh,
which splats are pruned, where a texture's patch goes), there 0.03, and other single values; from 0.01 on only means and
deviations count.
"""

Values = dict[str, "np.ndarray | bytes | str"]


# Inputs: arithmetic that rounds the same everywhere, so that other machines start from the same numbers ------------


def rounded(values, steps=4096.0):
    """Round so coarsely that the last bits of sine and root do not count."""
    return (np.round(np.asarray(values) * steps) / steps).astype(np.float32)


def sphere_rays(height):
    """Unit rays of a panorama's pixel centers: x right, y down, z forward."""
    longitude = ((np.arange(2 * height) + 0.5) / (2 * height) - 0.5) * 2 * np.pi
    latitude = (0.5 - (np.arange(height) + 0.5) / height)[:, None] * np.pi
    x, z = np.cos(latitude) * np.sin(longitude), np.cos(latitude) * np.cos(longitude)
    return np.stack((x, np.broadcast_to(-np.sin(latitude), x.shape), z), -1)


def pinhole_rays(K, height, width):
    x = (np.arange(width) + 0.5 - K[0, 2]) / K[0, 0]
    y = ((np.arange(height) + 0.5 - K[1, 2]) / K[1, 1])[:, None]
    rays = np.stack(np.broadcast_arrays(x, y, 1.0), -1)
    return rays / np.linalg.norm(rays, axis=-1, keepdims=True)


def look(center, rays):
    """Color and distance of a painted room with a ball in it."""
    half = np.array([2.0, 1.5, 3.0])
    center = np.asarray(center, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.abs(np.where(rays > 0, half - center, -half - center) / rays).min(-1)
    to_ball = np.array([0.5, 0.3, 1.4]) - center
    along = rays @ to_ball
    under = along**2 - (to_ball @ to_ball - 0.45**2)
    ball = np.where((under > 0) & (along > 0), along - np.sqrt(np.maximum(under, 0)), np.inf)
    distance = np.minimum(distance, ball)
    x, y, z = np.moveaxis(center + rays * distance[..., None], -1, 0)
    rgb = np.stack((np.sin(2 * x + z), np.cos(3 * y - x), np.sin(2 * z + 1) * np.cos(y)), -1)
    return rounded(0.5 + 0.4 * rgb, 255.0), rounded(distance)


def turn(yaw, pitch=0.0):
    """World from camera, rounded to a rotation of rational numbers: exact everywhere."""
    a, b = round(np.tan(yaw / 2) * 64) / 64, round(np.tan(pitch / 2) * 64) / 64
    c, s = (1 - a * a) / (1 + a * a), 2 * a / (1 + a * a)
    cp, sp = (1 - b * b) / (1 + b * b), 2 * b / (1 + b * b)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) @ np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])


def poses_of(count, step=0.2):
    """A path that goes forward, swings and looks about; the first pose is the world's axes."""
    poses = np.tile(np.eye(4), (count, 1, 1))
    for i in range(count):
        rotation = turn(0.06 * i, -0.03 * i)
        poses[i, :3, :3] = rotation.T
        poses[i, :3, 3] = -rotation.T @ center_of(i, step)
    return poses


def center_of(i, step=0.2):
    return np.array([0.0625 * i, -0.03125 * i, step * i])


def panoramas(count, height):
    views = [look(center_of(i), sphere_rays(height) @ turn(0.06 * i, -0.03 * i).T) for i in range(count)]
    return np.stack([rgb for rgb, _ in views]), np.stack([distance for _, distance in views])


def pinholes(count, K, height, width):
    rays = pinhole_rays(K, height, width)
    views = [look(center_of(i), rays @ turn(0.06 * i, -0.03 * i).T) for i in range(count)]
    return np.stack([rgb for rgb, _ in views]), np.stack([distance for _, distance in views])


LENS = np.array([[30.0, 0.0, 20.0], [0.0, 30.0, 15.0], [0.0, 0.0, 1.0]])  # centered, square pixels, 40 x 30
OFF_CENTER = np.array([[36.0, 0.0, 14.0], [0.0, 28.0, 18.0], [0.0, 0.0, 1.0]])


def room(height=48):
    rgb, distance = look((0, 0, 0), sphere_rays(height))
    sky = distance > 3.25
    return code.make_geometry(rgb, distance, ~sky, sky)


def cloud(count=400, bases=16, seed=0, origins=True):
    """Splats on the walls of the room, of all turns, opacities and colors."""
    rng = np.random.default_rng(seed)
    rays = rng.integers(-512, 513, (count, 3)) / 512.0 + np.array([0, 0, 1 / 4096])
    rays = rays / np.linalg.norm(rays, axis=1, keepdims=True)
    rgb, distance = look((0, 0, 0), rays)
    quats = rng.integers(-64, 65, (count, 4)) + 0.5
    quats = quats / np.linalg.norm(quats, axis=1, keepdims=True)
    sh = rng.integers(-128, 129, (count, bases, 3)) / 1024.0
    sh[:, 0] = (rgb - 0.5) / 0.28209479177387814
    return code.make_splats(
        (rays * distance[:, None]).astype(np.float32),
        quats.astype(np.float32),
        (rng.integers(16, 200, (count, 3)) / 1024.0).astype(np.float32),
        (rng.integers(1, 256, count) / 256.0).astype(np.float32),
        sh.astype(np.float32),
        rng.integers(0, 3, count).astype(np.uint8) if origins else None,
    )


# Groups: each gives values by name ----------------------------------------------------------------------------------


def under(prefix: str, values) -> Values:
    return {f"{prefix}/{name}": value for name, value in values.items()}


def group_panorama() -> Values:
    found = under("sample", code.sample_panorama(32)) | under(
        "sample/away", code.sample_panorama(16, (0.5, 0.1, 1.0))
    )
    rgb, distance = look((0, 0, 0), sphere_rays(48))
    other, _ = look((0.3, 0.1, -0.5), sphere_rays(48))
    holes = distance.copy()
    holes[5:9, 10:20], holes[:3], holes[20, 30:34] = np.inf, 0.0, np.nan
    for name, options in {
        "height": {"scale": "camera height"},
        "mean": {"scale": "geometric mean 1", "sky": "none"},
        "exact": {"upstream_exact": True},
        "small": {"height": 20},
    }.items():
        geometry = code.geometry_from_depth(rgb, holes, **options)
        found |= under(f"depth/{name}", code.geometry_arrays(geometry))
    found |= under("depth/grounded", code.geometry_arrays(code.grounded_geometry(rgb)))
    return found | under("pano", code.panorama_results(rgb, other))


def group_paths() -> Values:
    found = {f"preset/{name}": code.path_arrays(code.preset_path(name))["poses"] for name in code.PRESETS}
    for name, value in code.path_results(room()).items():
        found[f"path/{name}"] = (
            value if isinstance(value, np.ndarray | str) else code.path_arrays(value)["poses"]
        )
    lens = code.make_path(poses_of(5), np.tile(OFF_CENTER, (5, 1, 1)), (30, 40), name="lens", is_metric=True)
    text = code.path_text(lens, "matrix3d")
    return found | {"path/lens_text": text} | under("path/lens_back", code.path_arrays(code.read_path(text)))


def group_guidance() -> Values:
    geometry, path = room(), code.make_path(poses_of(5))
    found: Values = {}
    for kind in code.GUIDANCE_KINDS:
        found |= under(f"guidance/{kind}", code.guidance_arrays(code.guidance(geometry, path, 32, kind)))
    for backend in code.MESH_BACKENDS:
        frames = code.guidance(geometry, path, 24, backend=backend)
        found |= under(f"guidance/backend/{backend}", code.guidance_arrays(frames))
    mesh = code.scene_mesh(geometry, 24)
    found |= under("mesh", code.mesh_arrays(mesh))
    for backend in code.CASTING:
        for name, K in (("centered", LENS), ("off_center", OFF_CENTER)):
            seen = code.cast_pinhole(mesh, poses_of(5)[3], K, 30, 40, backend)
            found |= under(f"pinhole/{backend}/{name}", seen)
    frames = code.guidance(geometry, path, 32)
    found |= under("fill", code.filled_arrays(code.filled_frames(frames, path)))
    rgb, distance = look(center_of(3), sphere_rays(32))
    is_open = np.zeros(distance.shape, bool)
    is_open[8:20, 10:22], is_open[14, :] = True, True
    for name, epipole in (("epipole", np.array([0.6, 0.0, 0.8])), ("plain", None)):
        found |= under(f"inpaint/{name}", code.inpainted(rgb, distance, is_open, epipole))
    pictures, _ = panoramas(9, 32)
    mask = np.ones(pictures.shape[:3], np.float32)
    mask[1:, 8:20, 20:40] = 0
    return found | under("video", code.video_results(pictures, mask, geometry, code.make_path(poses_of(9))))


def group_raster() -> Values:
    world, pose = cloud(), poses_of(5)[3]
    found: Values = {}
    for backend in code.SPLAT_BACKENDS:
        options = {"median_depth": True}
        for name, K in (("centered", LENS), ("off_center", OFF_CENTER)):
            found |= under(
                f"splat/{backend}/{name}", code.draw_splats(world, pose, K, 30, 40, backend, **options)
            )
            found |= under(
                f"splat/{backend}/{name}/gradient", code.draw_gradients(world, pose, K, 30, 40, backend)
            )
        found |= under(
            f"splat/{backend}/antialiased",
            code.draw_splats(world, pose, LENS, 30, 40, backend, antialiased=True),
        )
        found |= under(f"splat/{backend}/panorama", code.draw_panorama(world, pose, 24, backend, **options))
        found |= under(
            f"splat/{backend}/panorama/gradient", code.draw_gradients(world, pose, None, 24, 48, backend)
        )
    return found


def group_fit() -> Values:
    count, height = 5, 40
    path, geometry = code.make_path(poses_of(count)), room(height)
    frames, depth = panoramas(count, height)
    mask = np.ones(depth.shape, np.float32)
    mask[2:, 10:25, 30:50] = 0
    given = {"geometry": geometry, "depth": depth, "mask": mask}
    found: Values = {}
    for backend in code.SPLAT_BACKENDS:
        for name, settings in code.FITS.items():
            found |= under(
                f"fit/{backend}/{name}", code.fit(frames, path, backend=backend, **given, **settings)
            )
    found |= under("fit/numba/swept", code.fit(frames, path, backend="numba", geometry=geometry))
    found |= under("fit/numba/frames_only", code.fit(frames, path, backend="numba"))
    start = cloud(300, bases=4)
    found |= under("fit/numba/continued", code.fit(frames, path, backend="numba", start=start))
    found |= under(
        "fit/numba/extended", code.fit(frames, path, backend="numba", depth=depth, start=start, extend=True)
    )
    for name, K in (("pinhole", LENS), ("off_center", OFF_CENTER)):
        pictures, distances = pinholes(count, K, 30, 40)
        seen = code.make_path(poses_of(count), np.tile(K, (count, 1, 1)), (30, 40))
        for backend in code.SPLAT_BACKENDS:
            found |= under(
                f"fit/{backend}/{name}", code.fit(pictures, seen, backend=backend, depth=distances)
            )
        found |= under(f"fit/numba/{name}_swept", code.fit(pictures, seen, backend="numba"))
        found |= under(f"sweep/{name}", code.swept_depth(pictures, seen))
    found |= under("sweep/panorama", code.swept_depth(frames, path))
    return found | {"align": code.aligned_depth(rounded(depth * 0.7 + 0.3), path, geometry)}


def group_edit() -> Values:
    world, path = cloud(600, bases=4), code.make_path(poses_of(9, 0.1))
    found: Values = {}
    for name, value in code.edited_splats(world, path).items():
        found |= (
            {f"edit/{name}": code.numpy(value)}
            if hasattr(value, "numpy")
            else under(f"edit/{name}", code.splat_arrays(value))
        )
    for name, mesh in code.meshed_splats(cloud(1500, bases=1), path).items():
        found |= under(f"edit/mesh/{name}", mesh)
    for kind in ("perspective", "panorama", "stereo", "vr180"):
        found |= under(f"render/{kind}", code.rendered_path(world, path, kind))
    return found | under("explore", code.explored(world, path, room()))


def group_files() -> Values:
    found: Values = {}
    for bases in (1, 16):
        world = cloud(300, bases)
        for kind in code.SPLAT_KINDS:
            data = code.splat_file(world, kind)
            found |= {f"file/{kind}/{bases}": data}
            found |= under(f"read/{kind}/{bases}", code.splat_arrays(code.read_splats(data, kind)))
        data = code.splat_file(world, "spz", spz_version=4)
        found |= {f"file/spz4/{bases}": data} | under(
            f"read/spz4/{bases}", code.splat_arrays(code.read_splats(data, "spz"))
        )
    world = cloud(120, bases=4)
    found["file/ply/turned"] = code.splat_file(world, "ply", axes="RUB")
    found["file/spz/tagged"] = code.spz_file(world, axes="LUF")
    found["file/ply/no_origins"] = code.splat_file(cloud(50, 1, origins=False), "ply")
    for name, data in foreign_plys().items():
        found |= under(f"read/ply/{name}", code.splat_arrays(code.read_splats(data, "ply")))
    path = code.make_path(poses_of(5), is_metric=True)
    found["file/html/world"], found["file/html/splats"] = (text.encode() for text in code.html_payload(world))
    found["file/world.json"] = code.world_text(world, path)
    found["file/world.json/turned"] = code.world_text(world, path, axes="RUB")
    with tempfile.TemporaryDirectory() as place:
        found |= pictures_and_datasets(Path(place), world, path)
    return found


def foreign_plys() -> dict[str, bytes]:
    """PLYs as other programs write them: flat, text, colored, linear, and packed in chunks."""
    rng = np.random.default_rng(5)
    count = 40
    rows = {
        name: rng.integers(-100, 100, count) / 64.0
        for name in ("x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity")
    }
    rows |= {f"scale_{k}": rng.integers(-300, -100, count) / 64.0 for k in range(3)}
    rows |= {f"rot_{k}": rng.integers(-64, 65, count) / 64.0 + (k == 0) * 2.0 for k in range(4)}
    flat = {name: values for name, values in rows.items() if name != "scale_2"}
    linear = {name: np.exp2(np.round(v)) / 64 if name.startswith("scale") else v for name, v in rows.items()}
    linear["opacity"] = rng.integers(1, 255, count) / 256.0
    chunk = np.array([[-2, -2, -2, 2, 2, 2, -6, -6, -6, -2, -2, -2, 0, 0, 0, 1, 1, 1]], "<f4")
    packed = rng.integers(0, 2**32, (count, 4), dtype=np.uint64).astype("<u4")
    parts = ("min_x", "min_y", "min_z", "max_x", "max_y", "max_z")
    limits = [*parts, *(name.replace("_", "_scale_") for name in parts)]
    limits += ["min_r", "min_g", "min_b", "max_r", "max_g", "max_b"]
    head = [
        "ply",
        "format binary_little_endian 1.0",
        "element chunk 1",
        *(f"property float {name}" for name in limits),
    ]
    head += [f"element vertex {count}"]
    head += [f"property uint packed_{name}" for name in ("position", "rotation", "scale", "color")] + [
        "end_header",
        "",
    ]
    return {
        "flat": ply_of(flat),
        "text": ply_of(rows, text=True),
        "linear": ply_of(linear),
        "axis_comment": ply_of(rows, comment="Vertical Axis: y"),
        "compressed": "\n".join(head).encode() + chunk.tobytes() + packed.tobytes(),
    }


def ply_of(rows, *, text=False, comment="") -> bytes:
    table = np.stack(list(rows.values()), 1).astype("<f4")
    head = [
        "ply",
        f"format {'ascii' if text else 'binary_little_endian'} 1.0",
        *([f"comment {comment}"] if comment else []),
    ]
    head += [f"element vertex {len(table)}", *(f"property float {name}" for name in rows), "end_header", ""]
    body = (
        "".join(" ".join(map(repr, row)) + "\n" for row in table.tolist()).encode()
        if text
        else table.tobytes()
    )
    return "\n".join(head).encode() + body


def pictures_and_datasets(place: Path, world, path) -> Values:
    frames, depth = panoramas(5, 32)
    mask = (depth > 1.5).astype(np.float32)
    found: Values = {}
    for layout in code.DATASET_LAYOUTS:
        kinds = code.DATASET_CROPS if layout == "nerfstudio" else code.DATASET_CROPS[:1]
        for index, crop_set in enumerate(kinds):
            name = f"dataset/{layout.replace(' ', '_')}/{index}"
            code.dataset_files(place / "set", frames, path, mask, depth, world, layout, crop_set)
            found |= under(name, folder_values(place / "set", move_to=place / name.replace("/", "_")))
    pictures, distances = pinholes(5, OFF_CENTER, 30, 40)
    lens = code.make_path(poses_of(5), np.tile(OFF_CENTER, (5, 1, 1)), (30, 40))
    code.dataset_files(
        place / "set",
        pictures,
        lens,
        mask[:, :30, :40],
        distances,
        world,
        code.DATASET_LAYOUTS[0],
        code.DATASET_CROPS[0],
    )
    found |= under("dataset/off_center", folder_values(place / "set", move_to=place / "off"))
    for index, values in enumerate(code.geometry_points(room(24))):
        found[f"dataset/geometry_points/{index}"] = values
    for suffix in ("png", "jpg", "webp"):
        code.picture_file(frames[3], place / f"picture.{suffix}")
        found[f"picture/{suffix}"] = (place / f"picture.{suffix}").read_bytes()
        found[f"picture/{suffix}/back"] = code.read_picture(place / f"picture.{suffix}")
    part = place / "part.jpg"
    part.write_bytes(with_gpano((place / "picture.jpg").read_bytes(), 64, 32, 96, 48, 8, 4))
    found |= under("picture/gpano", code.read_panorama_file(part))
    for suffix in ("npz", "npy", "exr"):
        code.depth_file(depth[2], place / f"depth.{suffix}")
        found[f"depth_file/{suffix}"] = code.read_depth_file(place / f"depth.{suffix}")
    (place / "preview").mkdir()
    for name in code.preview_files(place / "preview", frames):
        found[f"preview/{name}"] = (place / "preview" / name).read_bytes()
    for index, layout in enumerate((None, *code.VIDEO_LAYOUTS)):
        code.video_file(frames, place / "film.mp4", layout)
        found[f"video_file/{index}/boxes"] = "\n".join(boxes_of((place / "film.mp4").read_bytes())).encode()
    return found | {"video_file/frames": film_frames(place / "film.mp4")}


def folder_values(folder: Path, move_to: Path) -> Values:
    """Give the text of a folder's files and one digest of all pictures, and move it out of the way."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    pictures = [path for path in files if path.suffix in (".png", ".jpg")]
    found: Values = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in files if path not in pictures
    }
    found["names"] = "\n".join(path.relative_to(folder).as_posix() for path in files)
    for kind in ("images", "masks", "depths"):
        shown = [pixels_of(path) for path in pictures if path.parent.name == kind]
        if shown:
            found[kind] = np.concatenate([picture.reshape(-1) for picture in shown])
    folder.rename(move_to)
    return found


def pixels_of(path: Path) -> np.ndarray:
    from PIL import Image

    with Image.open(path) as picture:
        return np.asarray(picture)


def film_frames(path: Path) -> np.ndarray:
    import av

    with av.open(str(path)) as film:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)])


def boxes_of(data: bytes, start=0, end=None, depth=0) -> list[str]:
    """The tree of an MP4's boxes; of those that tell of the sphere also the bytes."""
    lines, end = [], len(data) if end is None else end
    while start + 8 <= end:
        size, kind = int.from_bytes(data[start : start + 4], "big"), data[start + 4 : start + 8]
        told = (
            data[start + 8 : start + size].hex()
            if kind in (b"st3d", b"uuid", b"svhd", b"prhd", b"equi")
            else ""
        )
        lines.append(f"{'  ' * depth}{kind.decode('latin-1')} {told}".rstrip())
        inside = {
            b"moov": 8,
            b"trak": 8,
            b"mdia": 8,
            b"minf": 8,
            b"stbl": 8,
            b"stsd": 16,
            b"avc1": 86,
            b"sv3d": 8,
        }.get(kind)
        if inside:
            lines += boxes_of(data, start + inside, start + size, depth + 1)
        start += max(size, 8)
    return lines


def with_gpano(jpeg: bytes, width, height, full_width, full_height, left, top) -> bytes:
    tags = {
        "ProjectionType": "equirectangular",
        "CroppedAreaImageWidthPixels": width,
        "CroppedAreaImageHeightPixels": height,
        "FullPanoWidthPixels": full_width,
        "FullPanoHeightPixels": full_height,
        "CroppedAreaLeftPixels": left,
        "CroppedAreaTopPixels": top,
        "PosePitchDegrees": 5,
        "PoseRollDegrees": -3,
    }
    words = " ".join(f'GPano:{name}="{value}"' for name, value in tags.items())
    xmp = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description xmlns:GPano="http://ns.google.com/photos/1.0/panorama/" {words}/></rdf:RDF></x:xmpmeta>'
    )
    block = b"http://ns.adobe.com/xap/1.0/\0" + xmp.encode()
    return jpeg[:2] + b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block + jpeg[2:]


def group_lrm() -> Values:
    from tiny_lrm import tiny_latents, tiny_state, turning_path

    found: Values = {}
    for name, settings in code.LRM_SETTINGS.items():
        found |= under(
            f"lrm/{name}", code.decoded_latents(tiny_state(), tiny_latents(), turning_path(), **settings)
        )
    return found


def group_world() -> Values:
    rgb, distance = look((0, 0, 0), sphere_rays(48))
    with tempfile.TemporaryDirectory() as place:
        world, path, files = code.demo_world(rgb, distance, place)
        found = under("world", code.splat_arrays(world)) | under("world", code.path_arrays(path))
        for name, file in files.items():
            if file.suffix in (".ply", ".spz"):
                found[f"world/{name}"] = file.read_bytes()
            elif file.suffix == ".png":
                found[f"world/{name}"] = pixels_of(file)
        return found | {"world/path.json": files["trajectory.json"].read_text()}


def group_templates() -> Values:
    """Every template with tiny models, run by the host over its API: what it leaves in the output folder."""
    from comfy_server import ComfyServer, find_host
    from small_templates import WORKFLOWS_DIR, small_template
    from tiny_models import fill_models_folder, mount
    from workflow_api import graphs_of, set_widget, to_prompt

    place = find_host()
    if isinstance(place, str):
        raise SystemExit(place)
    found: Values = {}
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "base"
        mount(base, fill_models_folder(Path(folder) / "models"))
        with ComfyServer(place, base, arguments=("--cpu", "--fp32-text-enc")) as server:
            code.picture_file(look((0, 0, 0), sphere_rays(48))[0][:72, :96], server.input_dir / "example.png")
            info = server.object_info()
            for path in sorted(WORKFLOWS_DIR.glob("*.json")):
                before = set(server.output_dir.rglob("*.*"))
                workflow = small_template(path.stem, info)
                for node in [node for graph in graphs_of(workflow) for node in graph["nodes"]]:
                    if node["type"] == "PanoDepth":  # random models show no level ground
                        set_widget(node, info["PanoDepth"], "scale", "geometric mean 1")
                server.run(to_prompt(workflow, info), timeout=900)
                files = sorted(
                    set(server.output_dir.rglob("*.*")) - before,
                    key=lambda file: (file.suffix, uncounted(file)),
                )
                for index, file in enumerate(files):
                    found |= under(f"template/{path.stem}/{index}{file.suffix}", host_file(file))
    return found


def uncounted(path: Path) -> str:
    """A file's text, or another file's name, without the host's counter: which of two nodes saves first is open."""
    return re.sub(r"_\d{5}_", "_", path.read_text() if path.suffix == ".json" else path.name)


def host_file(path: Path) -> Values:
    if path.suffix == ".png":
        return {"pixels": pixels_of(path)}
    if path.suffix == ".mp4":
        return {"frames": film_frames(path)}
    if path.suffix == ".json":
        return {"text": uncounted(path)}
    return code.splat_arrays(code.read_splats(path.read_bytes(), path.suffix[1:]))


GROUPS: dict[str, Callable[[], Values]] = {
    name.removeprefix("group_"): function
    for name, function in list(globals().items())
    if name.startswith("group_")
}
LONG = ("templates",)


# Digests and comparison -----------------------------------------------------------------------------------------------


def digest(value) -> dict[str, object]:
    """Return the hash of a value's bits and a summary in numbers."""
    found: dict[str, object] = {}
    if isinstance(value, np.ndarray):
        bits, numbers = value.tobytes(), value.astype(np.float64).reshape(-1)
        found |= {"shape": list(value.shape), "type": str(value.dtype)}
    else:
        bits = value.encode() if isinstance(value, str) else value
        found["bytes"] = len(bits)
        text = isinstance(value, str) or bits[:1] in (b"{", b"[", b"#")
        numbers = np.array([float(number) for number in NUMBER.findall(bits)] if text else [])
    finite = numbers[np.isfinite(numbers)]
    if len(finite):
        picked = numbers[np.linspace(0, len(numbers) - 1, SAMPLES).round().astype(int)]
        found |= {"mean": shown(finite.mean()), "deviation": shown(finite.std()), "finite": len(finite)}
        found["values"] = [shown(number) for number in picked]
    return {"bits": hashlib.sha256(bits).hexdigest()[:16], **found}


def shown(number) -> float | str:
    return float(f"{number:.7g}") if np.isfinite(number) else str(number)


def difference(name: str, was: dict, now: dict, exact: bool) -> str:
    """Say how two digests differ, or return nothing."""
    if was["bits"] == now["bits"]:
        return ""
    if exact:
        return f"other bits: {brief(was)} -> {brief(now)}"
    if "type" in was and (was["type"] != now.get("type") or was["shape"][1:] != now["shape"][1:]):
        return f"other kind: {brief(was)} -> {brief(now)}"
    tolerance = [limit for pattern, limit in TOLERANCES.items() if fnmatch.fnmatch(name, pattern)][-1]
    length, size = ("shape", 0) if "type" in was else ("bytes", None)
    counts = [entry[length] if size is None else (entry[length] or [1])[0] for entry in (was, now)]
    if abs(counts[0] - counts[1]) > 200 * tolerance * max(counts):
        return f"other size: {brief(was)} -> {brief(now)}"
    if "mean" not in was:
        return ""
    unit = max(float(was["deviation"]), 1e-3 * abs(float(was["mean"])), 1e-9)
    pairs = [(was["mean"], now["mean"]), (was["deviation"], now["deviation"])]
    if counts[0] == counts[1] and tolerance < 1e-2:
        pairs += list(zip(was["values"], now["values"], strict=True))
    worst = max(off(a, b) / unit for a, b in pairs)
    return f"off by {worst:.2g} deviations ({tolerance:g} allowed)" if worst > tolerance else ""


def off(a, b) -> float:
    a, b = float(a), float(b)
    return 0.0 if a == b or (a != a and b != b) else abs(a - b)


def brief(entry: dict) -> str:
    size = "x".join(map(str, entry["shape"])) if "shape" in entry else f"{entry['bytes']} bytes"
    return f"{size} mean {entry.get('mean', '-')} deviation {entry.get('deviation', '-')}"


def machine() -> dict[str, str]:
    """What the bits depend on: the processor as the libraries use it, and their versions."""
    import av
    import numba
    import PIL
    import torch
    from llvmlite import binding

    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    flags = re.search(r"^flags\s*:(.*)$", text, re.M)
    model = re.search(r"^model name\s*:\s*(.*)$", text, re.M)
    features = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    return {
        "processor": model[1] if model else platform.processor(),
        "flags": hashlib.sha256(" ".join(sorted(flags[1].split())).encode()).hexdigest()[:16]
        if flags
        else "",
        "torch": f"{torch.__version__} {torch.backends.cpu.get_cpu_capability()}",
        "numba": f"{numba.__version__} {numba.config.CPU_NAME or binding.get_host_cpu_name()}",
        "numpy": f"{np.__version__} {' '.join(features)}",
        "pillow": PIL.__version__,
        "av": av.__version__,
        "python": platform.python_version(),
    }


def record(groups) -> Values:
    """Run groups; return all values."""
    found: Values = {}
    for group in groups:
        values = GROUPS[group]()
        assert not set(values) & set(found), f"{group} gives a name twice"
        found |= values
    return found


def file_of(is_long: bool) -> Path:
    return FOLDER / ("long.json" if is_long else "short.json")


def compare(found: Values, groups, is_long: bool) -> list[str]:
    """Return a line for each name that differs from the record."""
    kept = json.loads(file_of(is_long).read_text())
    exact = kept["machine"] == machine()
    if not exact:
        other = [key for key, value in machine().items() if kept["machine"].get(key) != value]
        print(f"another machine ({', '.join(other)}): compared within tolerances", flush=True)
    was = {name: entry for name, entry in kept["values"].items() if entry["group"] in groups}
    lines = [f"{name}: gone" for name in was if name not in found]
    for name, value in found.items():
        if name not in was:
            lines.append(f"{name}: new")
        elif change := difference(name, was[name], digest(value), exact):
            lines.append(f"{name}: {change}")
    return lines


def meant(name: str) -> bool:
    """Return whether the table says that a name may change."""
    rows = [line.split("|")[1].strip(" `") for line in TABLE.read_text().splitlines() if line.startswith("|")]
    return any(fnmatch.fnmatch(name, pattern) for pattern in rows[2:])


def write(found: dict[str, Values], is_long: bool) -> list[str]:
    """Write the record; return the names that differ and may not."""
    path = file_of(is_long)
    kept = json.loads(path.read_text()) if path.exists() else {"machine": machine(), "values": {}}
    exact = kept["machine"] == machine()
    refused = []
    for group, values in found.items():
        was = {name: entry for name, entry in kept["values"].items() if entry["group"] == group}
        for name in [name for name in was if name not in values]:
            if meant(name):
                del kept["values"][name]
            else:
                refused.append(f"{name}: gone")
        for name, value in values.items():
            now = {"group": group, **digest(value)}
            change = difference(name, was[name], now, exact) if name in was else ""
            if change and not meant(name):
                refused.append(f"{name}: {change}")
            else:
                kept["values"][name] = now
    if not refused:
        kept["machine"] = machine()
        lines = [f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in sorted(kept["values"].items())]
        head = json.dumps(kept["machine"], indent=1)
        path.write_text(f'{{"machine": {head},\n"values": {{\n' + ",\n".join(lines) + "\n}}\n")
    return refused


def save_arrays(found: Values, folder: Path) -> None:
    """Save all values as they are, for `--against`."""
    raw = {
        name: value if isinstance(value, np.ndarray) else np.frombuffer(digestible(value), np.uint8)
        for name, value in found.items()
    }
    np.savez(folder / "values.npz", **raw)


def digestible(value) -> bytes:
    return value.encode() if isinstance(value, str) else value


def against(checkout: Path, found: Values, groups) -> list[str]:
    """Run another checkout's copy of this script with its own code; return a line for each value that differs."""
    with tempfile.TemporaryDirectory() as place:
        script = checkout / "tests" / "golden" / "record.py"
        subprocess.run(
            [sys.executable, str(script), "--arrays", place, "--only", ",".join(groups)],
            cwd=checkout,
            check=True,
        )
        was = dict(np.load(Path(place) / "values.npz"))
    lines = [f"{name}: only there" for name in was if name not in found]
    for name, value in found.items():
        now = value if isinstance(value, np.ndarray) else np.frombuffer(digestible(value), np.uint8)
        if name not in was:
            lines.append(f"{name}: only here")
        elif was[name].shape != now.shape or was[name].dtype != now.dtype:
            lines.append(f"{name}: {was[name].shape} {was[name].dtype} there, {now.shape} {now.dtype} here")
        elif was[name].tobytes() != now.tobytes():
            gap = np.nan_to_num(np.abs(was[name].astype(np.float64) - now.astype(np.float64)))
            lines.append(f"{name}: {np.count_nonzero(gap)} of {gap.size} differ, most {gap.max():.3g}")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="record")
    parser.add_argument("--against", type=Path, metavar="DIR", help="a checkout that has this script")
    parser.add_argument(
        "--arrays", type=Path, metavar="DIR", help="save the values there and compare nothing"
    )
    parser.add_argument("--only", default="", help="groups with commas between")
    parser.add_argument("--long", action="store_true", help=f"the groups {', '.join(LONG)} instead")
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # the library's own words about what it writes and reads
    chosen = options.only.split(",") if options.only else [g for g in GROUPS if (g in LONG) == options.long]
    is_long = any(group in LONG for group in chosen)
    by_group = {group: record([group]) for group in chosen}
    found = {name: value for values in by_group.values() for name, value in values.items()}
    if options.arrays:
        save_arrays(found, options.arrays)
        return 0
    if options.write:
        lines = write(by_group, is_long)
    elif options.against:
        lines = against(options.against.resolve(), found, chosen)
    else:
        lines = compare(found, chosen, is_long)
    print("\n".join([*lines, f"{len(found)} values, {len(lines)} differ"]))
    if lines and options.write:
        print(f"Nothing was written: list what is meant to change in {TABLE.name}, with the reason.")
    return 1 if lines else 0


if __name__ == "__main__":
    raise SystemExit(main())
