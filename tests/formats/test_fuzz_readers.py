"""Every reader, on thousands of damaged files: it gives something sound, or one of the project's own errors.

The files are made from small valid ones by `mutations`, from seeds that a failure names. MATRIX3D_FUZZ is how many
each kind of file gets (100); by hand, for hours: MATRIX3D_FUZZ=100000.
"""

from __future__ import annotations

import io
import json
import logging
import math
import os
import time
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mutations import mutate
from PIL import Image
from splat_scenes import random_gaussians
from tiff_files import write_tiff
from tiny_lrm import tiny_state, write_upstream_file

from matrix3d_core.collision.occupancy import Occupancy, decode_occupancy, encode_occupancy
from matrix3d_core.errors import Matrix3DError
from matrix3d_core.explore.extend import parse_pose
from matrix3d_core.io.cameras_json import read_trajectory, write_trajectory
from matrix3d_core.io.depth_files import read_depth, write_depth
from matrix3d_core.io.gltf_cameras import read_gltf_camera
from matrix3d_core.io.images import read_image, write_image
from matrix3d_core.io.painted_mask import parse_painted_mask, write_painted_mask
from matrix3d_core.io.splats import read_gaussians, write_gaussians
from matrix3d_core.io.world_json import WorldInfo, format_world_info, parse_world_info
from matrix3d_core.lora.files import read_lora
from matrix3d_core.lrm.weights import read_lrm_weights
from matrix3d_core.scene.gaussians import Gaussians
from matrix3d_core.scene.trajectory import Trajectory
from matrix3d_core.trajectories.keyframes import parse_keyframes
from matrix3d_core.trajectories.load3d import camera_info_from_pose, pose_from_camera_info
from matrix3d_core.trajectories.presets import make_preset
from matrix3d_core.trajectories.recording import parse_recording

OpenEXR = pytest.importorskip("OpenEXR")

COUNT = int(os.environ.get("MATRIX3D_FUZZ", "100"))
LONGEST_S = 20.0
"""Processor time after which one small file counts as a hang; all of them take milliseconds."""
MOST_BYTES = 1 << 30
"""More than any of these small files has a reason to take."""


def sound_gaussians(found: Gaussians) -> None:
    for tensor in found.tensors():
        assert torch.isfinite(tensor).all()
    assert (found.scales > 0).all()
    assert ((found.opacities >= 0) & (found.opacities <= 1)).all()
    torch.testing.assert_close(found.quats_wxyz.norm(dim=-1), torch.ones(len(found)), rtol=0, atol=1e-4)


def sound_trajectory(found: Trajectory) -> None:
    assert torch.isfinite(found.camera_from_world).all()
    turns = found.camera_from_world[:, :3, :3]
    torch.testing.assert_close(
        turns @ turns.mT, torch.eye(3, dtype=turns.dtype).expand_as(turns), rtol=0, atol=1e-5
    )
    if found.K_px is not None:
        assert torch.isfinite(found.K_px).all()
        assert (found.K_px[..., 0, 0] > 0).all()


def sound_picture(found: Any) -> None:
    picture = found if isinstance(found, torch.Tensor) else found[0]
    assert torch.isfinite(picture).all()
    assert picture.numel() < MOST_BYTES / 4


def sound_depth(found: torch.Tensor) -> None:
    assert found.ndim == 2
    assert found.numel() < MOST_BYTES / 4


def sound_world(found: WorldInfo) -> None:
    format_world_info(found).encode()


def nothing(found: object) -> None:
    """There is no contract beyond that it was read."""


def splat_files(folder: Path) -> dict[str, Path]:
    pytest.importorskip("zstandard")  # of the SPZ files
    made = {}
    for kind in ("ply", "compressed.ply", "spz", "sog", "splat", "ksplat", "glb"):
        made[kind] = folder / f"world.{kind}"
        write_gaussians(made[kind], random_gaussians(12, 4))
    made["spz4"] = folder / "world4.spz"
    write_gaussians(made["spz4"], random_gaussians(12, 4), kind="spz 4")
    made["ascii.ply"] = folder / "ascii.ply"
    names = "x y z f_dc_0 f_dc_1 f_dc_2 opacity scale_0 scale_1 scale_2 rot_0 rot_1 rot_2 rot_3".split()
    head = ["ply", "format ascii 1.0", "comment made for a test", "element vertex 3"]
    head += [*(f"property float {n}" for n in names), "end_header"]
    made["ascii.ply"].write_text("\n".join(head) + "\n" + "0.5 1 2 0 0.1 0.2 1 -3 -3 -4 1 0 0 0.1\n" * 3)
    return made


def picture_files(folder: Path) -> dict[str, Path]:
    rgb = torch.rand(8, 16, 3, generator=torch.Generator().manual_seed(0))
    made = {kind: folder / f"picture.{kind}" for kind in ("png", "jpg", "webp", "tif", "bmp", "gif")}
    for kind, path in made.items():
        if kind in ("png", "jpg"):
            write_image(path, rgb)
        else:
            Image.fromarray((rgb.numpy() * 255).astype(np.uint8)).save(path)
    made["deep.png"] = folder / "deep.png"
    Image.fromarray((rgb[..., 0].numpy() * 65535).astype(np.uint16)).save(made["deep.png"])
    names = ("deep.tif", "float.tif", "light.hdr", "light.exr")
    made["deep.tif"], made["float.tif"], made["hdr"], made["exr"] = (folder / name for name in names)
    deep = zlib.compress((rgb.numpy() * 65535).astype(np.uint16).tobytes())
    write_tiff(made["deep.tif"], [deep], [16] * 3, 1, size=(8, 16), t259=[8], t317=[2])
    halves = [half.tobytes() for half in (2 * rgb.numpy()).reshape(2, 4, 16, 3)]
    write_tiff(made["float.tif"], halves, [32] * 3, 3, size=(8, 16), t278=[4], t274=[6])
    row = b"\2\2\0\x10" + b"".join(bytes((128 + 8, 90 + k)) * 2 for k in range(3)) + bytes((128 + 16, 128))
    made["hdr"].write_bytes(b"#?RADIANCE\nEXPOSURE=2\nFORMAT=32-bit_rle_rgbe\n\n-Y 8 +X 16\n" + row * 8)
    with OpenEXR.File(
        {"compression": OpenEXR.ZIP_COMPRESSION}, {"RGBA": rgb[..., [0, 1, 2, 0]].numpy()}
    ) as file:
        file.write(str(made["exr"]))
    return made


def depth_files(folder: Path) -> dict[str, Path]:
    pytest.importorskip("OpenEXR")
    depth = 1 + torch.rand(8, 16, generator=torch.Generator().manual_seed(0))
    made = {kind: folder / f"depth.{kind}" for kind in ("npy", "npz", "exr")}
    for path in made.values():
        write_depth(path, depth)
    made["pfm"], made["tif"] = folder / "depth.pfm", folder / "depth.tif"
    made["pfm"].write_bytes(b"Pf\n16 8\n-1.0\n" + depth.numpy()[::-1].tobytes())
    Image.fromarray(depth.numpy()).save(made["tif"])
    made["png"] = folder / "depth.png"
    Image.fromarray((depth.numpy() * 1000).astype(np.uint16)).save(made["png"])
    return made


def path_files(folder: Path) -> dict[str, Path]:
    path = make_preset("s_curve", distance=1.0, frames=5)
    made = {"json": folder / "path.json"}
    write_trajectory(made["json"], path)
    bare = folder / "bare.json"
    bare.write_text(json.dumps(path.camera_from_world.tolist()))
    made["bare.json"] = bare
    frames = [
        {"file_path": f"images/{k}.png", "transform_matrix": pose.tolist()}
        for k, pose in enumerate(path.world_from_camera)
    ]
    made["transforms.json"] = folder / "transforms.json"
    made["transforms.json"].write_text(
        json.dumps(
            {
                "camera_model": "OPENCV",
                "fl_x": 20.0,
                "fl_y": 20.0,
                "cx": 8.0,
                "cy": 4.0,
                "w": 16,
                "h": 8,
                "frames": frames,
            }
        )
    )
    return made


def gltf_files(folder: Path) -> dict[str, Path]:
    times = np.array([0, 0.5, 1], np.float32)
    moves = np.array([[0, 0, 0], [0, 0, -1], [1, 0, -1]], np.float32)
    from base64 import b64encode

    body = times.tobytes() + moves.tobytes()
    document = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [
            {"children": [1], "scale": [1, 1, 1]},
            {"camera": 0, "translation": [0, 1, 0], "rotation": [0, 0, 0, 1]},
        ],
        "cameras": [{"type": "perspective", "perspective": {"yfov": 0.8, "znear": 0.1, "aspectRatio": 1.5}}],
        "buffers": [
            {
                "byteLength": len(body),
                "uri": "data:application/octet-stream;base64," + b64encode(body).decode(),
            }
        ],
        "bufferViews": [{"buffer": 0, "byteLength": 12}, {"buffer": 0, "byteOffset": 12, "byteLength": 36}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 3, "type": "SCALAR"},
            {"bufferView": 1, "componentType": 5126, "count": 3, "type": "VEC3"},
        ],
        "animations": [
            {
                "channels": [{"sampler": 0, "target": {"node": 1, "path": "translation"}}],
                "samplers": [{"input": 0, "output": 1}],
            }
        ],
    }
    made = folder / "camera.gltf"
    made.write_text(json.dumps(document))
    return {"gltf": made}


def text_files(folder: Path) -> dict[str, tuple[Path, Callable[[str], object]]]:
    mask = torch.zeros(8, 16)
    mask[2:5, 3:9] = 1
    texts: dict[str, tuple[str, Callable[[str], object]]] = {
        "keyframes": (
            json.dumps([{"position": [0, 0, 0], "yaw": 10}, {"position": [0, 0, 1], "look_at": [1, 0, 2]}]),
            parse_keyframes,
        ),
        "recording": (
            json.dumps(
                {
                    "version": 1,
                    "walk": [[0, 0, 0, 0, 0, 0], [1, 0, 0, 1, 5, 1]],
                    "keys": [[0, 0, 1, 2, 3]],
                    "use": "walk",
                    "view": [0, 0, 0, 0, 0, 60],
                }
            ),
            parse_recording,
        ),
        "pose": ("[0, 0, 1, 90, 5]", parse_pose),
        "camera": (
            json.dumps(camera_info_from_pose(torch.eye(4, dtype=torch.float64))),
            lambda text: pose_from_camera_info(json.loads(text)),
        ),
        "mask": (write_painted_mask(mask > 0.5), lambda text: parse_painted_mask(text, 16)),
    }
    made = {}
    for name, (text, read) in texts.items():
        made[name] = (folder / f"{name}.txt", read)
        made[name][0].write_text(text)
    return made


def lora_files(folder: Path) -> dict[str, Path]:
    from safetensors.torch import save_file

    stem = "transformer.transformer_blocks.0.attn.to_q"
    rng = torch.Generator().manual_seed(0)
    pair = {
        f"{stem}.lora_A.weight": torch.randn(2, 6, generator=rng),
        f"{stem}.lora_B.weight": torch.randn(6, 2, generator=rng),
    }
    made = {"safetensors": folder / "lora.safetensors", "pt": folder / "lora.pt"}
    about = {"transformer.r": 2, "transformer.lora_alpha": 4}
    save_file(
        pair, made["safetensors"], metadata={"lora_adapter_metadata": json.dumps(about), "format": "pt"}
    )
    torch.save(pair, made["pt"])
    return made


def world_file(folder: Path) -> Path:
    file = folder / "world.json"
    file.write_text(format_world_info(WorldInfo()))
    return file


def occupancy_file(folder: Path) -> Path:
    file = folder / "walls.bin"
    solid = torch.zeros(3, 4, 5, dtype=torch.bool)
    solid[1, 2, 3] = True
    file.write_bytes(encode_occupancy(Occupancy(solid, (0.0, 0.0, 0.0), 0.1)))
    return file


def highest_kb() -> int:
    """Return the highest resident memory since the last call, or 0 where the system does not tell."""
    try:
        text = Path("/proc/self/status").read_text()
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return 0
    return int(text.split("VmHWM:")[1].split()[0])


def attack(
    kind: str, seed_file: Path, read: Callable[[Path], Any], sound: Callable[[Any], None], tmp_path: Path
) -> None:
    """Read many damaged versions of one file; complain of all foreign exceptions and unsound results at once."""
    valid = seed_file.read_bytes()
    sound(read(seed_file))
    target = tmp_path / f"damaged{''.join(seed_file.suffixes)}"
    before = highest_kb()
    faults: dict[str, str] = {}
    refused = 0
    for number in range(COUNT):
        name = f"{kind}-{number}"
        target.write_bytes(mutate(valid, name))
        began = time.process_time()
        fault = ""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "ignore"
                )  # of other people's decoders; the project's own are tested elsewhere
                sound(read(target))
        except Matrix3DError as error:
            refused += 1
            if not str(error).strip() or len(str(error)) > 2000:
                fault = f"message of {len(str(error))} characters"
        except Exception as error:
            fault = f"{type(error).__name__}: {str(error)[:160]}"
        if time.process_time() - began > LONGEST_S:
            fault += " took very long"
        if fault:
            faults.setdefault(fault.split(":")[0] + fault[:60], f"{name}: {fault}")
    grown = highest_kb() - before if before else 0
    assert not faults, f"{len(faults)} kinds of faults:\n" + "\n".join(faults.values())
    assert grown * 1024 < MOST_BYTES, f"{kind}: memory grew by {grown >> 10} MB"
    assert refused > COUNT // 20, "hardly anything was refused: are the files damaged at all?"


@pytest.fixture(autouse=True)
def quiet_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


SPLATS = ("ply", "compressed.ply", "spz", "spz4", "sog", "splat", "ksplat", "glb", "ascii.ply")


@pytest.mark.parametrize("kind", SPLATS)
def test_splat_files(kind, tmp_path):
    if kind == "spz4":
        pytest.importorskip("zstandard")
    file = splat_files(tmp_path)[kind]
    attack(kind, file, lambda path: read_gaussians(path), sound_gaussians, tmp_path)


@pytest.mark.parametrize(
    "kind", ["png", "jpg", "webp", "tif", "bmp", "gif", "deep.png", "deep.tif", "float.tif", "hdr", "exr"]
)
def test_pictures(kind, tmp_path):
    attack(kind, picture_files(tmp_path)[kind], read_image, sound_picture, tmp_path)


@pytest.mark.parametrize("kind", ["npy", "npz", "png", "exr", "pfm", "tif"])
def test_depth_files(kind, tmp_path):
    attack(f"depth {kind}", depth_files(tmp_path)[kind], read_depth, sound_depth, tmp_path)


@pytest.mark.parametrize("kind", ["json", "bare.json", "transforms.json"])
def test_camera_paths(kind, tmp_path):
    attack(f"path {kind}", path_files(tmp_path)[kind], read_trajectory, sound_trajectory, tmp_path)


def test_gltf_cameras(tmp_path):
    attack("gltf", gltf_files(tmp_path)["gltf"], read_gltf_camera, sound_trajectory, tmp_path)


@pytest.mark.parametrize("kind", ["keyframes", "recording", "pose", "camera", "mask"])
def test_texts_of_the_views(kind, tmp_path):
    file, read = text_files(tmp_path)[kind]

    def read_text(path: Path) -> object:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        if kind == "camera":
            try:
                json.loads(text)
            except (ValueError, RecursionError):  # the host's own parser stands before this door
                raise Matrix3DError("not JSON") from None
        return read(text)

    attack(kind, file, read_text, nothing, tmp_path)


def test_world_json(tmp_path):
    attack(
        "world",
        world_file(tmp_path),
        lambda path: parse_world_info(path.read_bytes().decode("utf-8", "replace")),
        sound_world,
        tmp_path,
    )


def test_walls(tmp_path):
    attack(
        "walls", occupancy_file(tmp_path), lambda path: decode_occupancy(path.read_bytes()), nothing, tmp_path
    )


@pytest.mark.parametrize("kind", ["safetensors", "pt"])
def test_lora_files(kind, tmp_path):
    attack(f"lora {kind}", lora_files(tmp_path)[kind], read_lora, nothing, tmp_path)


def test_reconstruction_weights(tmp_path):
    file = tmp_path / "lrm.pt"
    write_upstream_file(file, {name: value[..., :1] for name, value in list(tiny_state().items())[:4]})
    target = tmp_path / "seed"
    target.mkdir()

    def read(path: Path) -> object:
        return read_lrm_weights(path)

    with pytest.raises(Matrix3DError):
        read(file)  # four tensors are no network; what matters is how it is refused
    valid = file.read_bytes()
    for number in range(COUNT // 4):
        file.write_bytes(mutate(valid, f"lrm-{number}"))
        with pytest.raises(Matrix3DError):
            read(file)


def test_the_same_seed_damages_alike():
    data = io.BytesIO()
    write_gaussians(data, random_gaussians(3), kind="ply")
    made = [mutate(data.getvalue(), f"x-{k % 20}") for k in range(40)]
    assert made[:20] == made[20:]
    assert len(set(made)) > 15
    assert math.isfinite(COUNT)
