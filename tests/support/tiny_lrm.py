"""A tiny reconstruction model with random weights: its published state dict, latents, paths and files."""

from __future__ import annotations

import json
import math
from pathlib import Path

import torch
from oracle_lrm import tiny_shapes
from torch import Tensor

from matrix3d_core.scene.trajectory import Trajectory

PUBLISHED = Path(__file__).resolve().parents[1] / "data" / "pano_lrm_state_dict.json"


def published_shapes() -> dict[str, list[int]]:
    """Names and shapes of the released network."""
    return json.loads(PUBLISHED.read_text())["tensors"]


def tiny_state(seed: int = 0, gain: float = 1.0, **sizes: int) -> dict[str, Tensor]:
    """All 257 published names with small shapes; second names hold the same tensors.

    Variances are kept through the layers, so that every part of the network matters in the result.
    """
    rng = torch.Generator().manual_seed(seed)
    state: dict[str, Tensor] = {}
    for name, shape in tiny_shapes(published_shapes(), **sizes).items():
        value = torch.randn(shape, generator=rng)
        if len(shape) == 1:
            value = 1 + 0.2 * value if "norm" in name and name.endswith("weight") else 0.1 * value
        else:
            fan = math.prod(shape[1:])
            if "deconv3d" in name:
                fan = shape[0]
            elif name.endswith(("act_postprocess.0.1.weight", "act_postprocess.1.1.weight")):
                fan = shape[0]
            value = value * gain / math.sqrt(fan)
        state[name] = value
    aliases = json.loads(PUBLISHED.read_text())["aliases_same_tensor"]
    for first, others in aliases.items():
        for other in others:
            state[other] = state[first]
    return state


def tiny_latents(frames: int = 3, height: int = 8, batch: int = 1, seed: int = 1) -> Tensor:
    """Latents ``[batch, 16, frames, height, 2 height]``."""
    return torch.randn(batch, 16, frames, height, 2 * height, generator=torch.Generator().manual_seed(seed))


def turning_path(count: int = 9, first_yaw: float = 0.3) -> Trajectory:
    """A curved path whose first camera is turned and away from the origin."""
    poses = torch.eye(4, dtype=torch.float64).repeat(count, 1, 1)
    for i in range(count):
        yaw, pitch = first_yaw + 0.05 * i, 0.1 * math.sin(i)
        c, s, cp, sp = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
        turn = torch.tensor([[c, 0, -s], [0, 1, 0], [s, 0, c]], dtype=torch.float64)
        tilt = torch.tensor([[1, 0, 0], [0, cp, -sp], [0, sp, cp]], dtype=torch.float64)
        poses[i, :3, :3] = tilt @ turn
        center = torch.tensor([0.2 + 0.1 * i, -0.05 * i, 0.3 * i], dtype=torch.float64)
        poses[i, :3, 3] = -(poses[i, :3, :3] @ center)
    return Trajectory(poses)


def write_upstream_file(path: Path, state: dict[str, Tensor], *, dtype: torch.dtype = torch.float32) -> None:
    """A file as a trainer leaves it: nested, prefixed, a VAE beside, and things that are no tensors."""
    module = {f"gs_decoder1.{name}": tensor.to(dtype) for name, tensor in state.items()}
    module["pipe.vae.model.encoder.conv1.weight"] = torch.zeros(4, 3, 3, 3)
    module["pipe.vae.model.decoder.conv1.bias"] = torch.zeros(4)
    extra = {
        "buffer_names": [],
        "optimizer": None,
        "global_steps": 20000,
        "ds_version": "0.16",
        "mp_world_size": 1,
    }
    torch.save({"module": module, "dtype": torch.float32, **extra}, path)
