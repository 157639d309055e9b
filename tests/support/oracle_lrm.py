"""The reconstruction model written a second time, slowly, from the fact sheet: float64 numpy, loops, no torch.

Layer by layer as described: tokens, pose windows, joining, post-norm layers, DPT heads, temporal deconvolution,
activations. Nothing here knows the package.
"""

import math

import numpy as np

__all__ = [
    "activate",
    "deconv_time",
    "dpt_head",
    "fuse_tokens",
    "latent_tokens",
    "layer",
    "place",
    "pose_tokens",
    "run",
    "tiny_shapes",
    "upsample2",
    "upstream_rays",
]


def layer_norm(x, weight, bias=None):
    centered = x - x.mean(-1, keepdims=True)
    out = centered / np.sqrt((centered**2).mean(-1, keepdims=True) + 1e-5) * weight
    return out if bias is None else out + bias


def latent_tokens(p, latents):  # [16, t, h, w] -> [t * h/2 * w/2, D]
    """Conv2d k2 s2 per latent frame, then LayerNorm; time first, then rows, then columns."""
    _, frames, height, width = latents.shape
    rows = []
    for t in range(frames):
        for i in range(height // 2):
            for j in range(width // 2):
                patch = latents[:, t, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
                rows.append((p["video_conv.weight"] * patch).sum((1, 2, 3)) + p["video_conv.bias"])
    return layer_norm(np.stack(rows), p["video_layer_norm.weight"], p["video_layer_norm.bias"])


def pose_tokens(p, rays):  # [T, H, W, 6] -> [t * H/16 * W/16, D]
    """Window t covers frames 4t-2 .. 4t+1; those before the first are zeros. No norm."""
    count, height, width, _ = rays.shape
    weight = p["camera_conv.weight"]  # [D, 6, 4, 16, 16]
    rows = []
    for t in range((count - 1) // 4 + 1):
        for i in range(height // 16):
            for j in range(width // 16):
                total = p["camera_conv.bias"].copy()
                for k in range(4):
                    frame = 4 * t - 2 + k
                    if 0 <= frame < count:
                        patch = rays[frame, 16 * i : 16 * i + 16, 16 * j : 16 * j + 16]  # [16, 16, 6]
                        total += np.einsum("dcij,ijc->d", weight[:, :, k], patch)
                rows.append(total)
    return np.stack(rows)


def fuse_tokens(p, latent, pose):
    """Latent first, pose second, Linear, LayerNorm without bias."""
    joined = np.concatenate((latent, pose), axis=-1)
    out = joined @ p["linear_proj.weight"].T + p["linear_proj.bias"]
    return layer_norm(out, p["transformer_input_layernorm.weight"])


def layer(p, prefix, x, heads=4):
    """A post-norm encoder layer with exact GELU."""
    width = x.shape[-1]
    size = width // heads
    projected = x @ p[f"{prefix}.self_attn.in_proj_weight"].T + p[f"{prefix}.self_attn.in_proj_bias"]
    q, k, v = projected[:, :width], projected[:, width : 2 * width], projected[:, 2 * width :]
    out = np.empty_like(x)
    for h in range(heads):
        part = slice(h * size, (h + 1) * size)
        scores = q[:, part] @ k[:, part].T / math.sqrt(size)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        out[:, part] = weights / weights.sum(-1, keepdims=True) @ v[:, part]
    out = out @ p[f"{prefix}.self_attn.out_proj.weight"].T + p[f"{prefix}.self_attn.out_proj.bias"]
    x = layer_norm(x + out, p[f"{prefix}.norm1.weight"], p[f"{prefix}.norm1.bias"])
    hidden = x @ p[f"{prefix}.linear1.weight"].T + p[f"{prefix}.linear1.bias"]
    hidden = 0.5 * hidden * (1 + np.vectorize(math.erf)(hidden / math.sqrt(2)))
    out = hidden @ p[f"{prefix}.linear2.weight"].T + p[f"{prefix}.linear2.bias"]
    return layer_norm(x + out, p[f"{prefix}.norm2.weight"], p[f"{prefix}.norm2.bias"])


def conv(x, weight, bias=None, stride=1):  # [C, H, W]; a 3x3 kernel is padded by 1
    out_channels, _, k, _ = weight.shape
    pad = k // 2
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    height = (x.shape[1] + 2 * pad - k) // stride + 1
    width = (x.shape[2] + 2 * pad - k) // stride + 1
    out = np.zeros((out_channels, height, width))
    for a in range(k):
        for b in range(k):
            seen = padded[:, a : a + stride * height : stride, b : b + stride * width : stride]
            out += np.einsum("oc,chw->ohw", weight[:, :, a, b], seen)
    return out if bias is None else out + bias[:, None, None]


def enlarge(x, weight, bias):
    """Transposed convolution whose stride is its kernel: every pixel becomes a block."""
    k = weight.shape[-1]
    out = np.zeros((weight.shape[1], x.shape[1] * k, x.shape[2] * k))
    for a in range(k):
        for b in range(k):
            out[:, a::k, b::k] = np.einsum("co,chw->ohw", weight[:, :, a, b], x)
    return out + bias[:, None, None]


def upsample2(x):  # [C, H, W] -> [C, 2H, 2W]; the corners of both grids coincide
    def along(size):
        matrix = np.zeros((2 * size, size))
        for i in range(2 * size):
            place = i * (size - 1) / (2 * size - 1)
            low = min(int(place), size - 1)
            high = min(low + 1, size - 1)
            matrix[i, low] += 1 - (place - low)
            matrix[i, high] += place - low
        return matrix

    return np.einsum("ih,chw,jw->cij", along(x.shape[1]), x, along(x.shape[2]))


def residual(p, prefix, x):
    y = conv(np.maximum(x, 0), p[f"{prefix}.conv1.weight"], p[f"{prefix}.conv1.bias"])
    return conv(np.maximum(y, 0), p[f"{prefix}.conv2.weight"], p[f"{prefix}.conv2.bias"]) + x


def dpt_head(p, head, maps):  # 4 x [D, h, w] -> [C, 8h, 8w]
    """One latent frame's maps through stages, fusion from coarse to fine, and the final convolutions."""
    post, scratch = f"{head}.dpt.act_postprocess", f"{head}.dpt.scratch"
    stages = []
    for i, x in enumerate(maps):
        x = conv(x, p[f"{post}.{i}.0.weight"], p[f"{post}.{i}.0.bias"])
        if i < 2:
            x = enlarge(x, p[f"{post}.{i}.1.weight"], p[f"{post}.{i}.1.bias"])
        if i == 3:
            x = conv(x, p[f"{post}.3.1.weight"], p[f"{post}.3.1.bias"], stride=2)
        stages.append(conv(x, p[f"{scratch}.layer{i + 1}_rn.weight"]))
    x = None
    for i in (4, 3, 2, 1):
        block = f"{scratch}.refinenet{i}"
        if x is None:
            x = stages[3]
        else:
            skip = stages[i - 1]
            x = x[:, : skip.shape[1], : skip.shape[2]] + residual(p, f"{block}.resConfUnit1", skip)
        x = upsample2(residual(p, f"{block}.resConfUnit2", x))
        x = conv(x, p[f"{block}.out_conv.weight"], p[f"{block}.out_conv.bias"])
    x = conv(x, p[f"{head}.dpt.head.0.weight"], p[f"{head}.dpt.head.0.bias"])
    x = np.maximum(conv(x, p[f"{head}.dpt.head.1.weight"], p[f"{head}.dpt.head.1.bias"]), 0)
    return conv(x, p[f"{head}.dpt.head.3.weight"], p[f"{head}.dpt.head.3.bias"])


def deconv_time(weight, features):  # [C, O, 5, 1, 1], [t, C, H, W] -> [4 (t - 1) + 1, O, H, W]
    """Latent frame t adds tap k to frame 4t - 2 + k."""
    count = 4 * (len(features) - 1) + 1
    out = np.zeros((count, weight.shape[1], *features.shape[2:]))
    for t, feature in enumerate(features):
        for k in range(5):
            frame = 4 * t - 2 + k
            if 0 <= frame < count:
                out[frame] += np.einsum("co,chw->ohw", weight[:, :, k, 0, 0], feature)
    return out


def run(p, latents, rays, heads=4):
    """One video: ``latents [16, t, h, w]``, ``rays [T, 8h, 8w, 6]`` to raw depth and raw attributes."""
    frames, rows, columns = latents.shape[1], latents.shape[2] // 2, latents.shape[3] // 2
    x = fuse_tokens(p, latent_tokens(p, latents), pose_tokens(p, rays))
    raw = []
    for room, head, deconv in (
        ("transformer", "dpt_head", "deconv3d_dpt"),
        ("transformer_gs", "dpt_head_gs", "deconv3d_sh"),
    ):
        outputs = []
        for i in range(4):
            x = layer(p, f"{room}.layers.{i}", x, heads)
            outputs.append(x.reshape(frames, rows, columns, -1).transpose(0, 3, 1, 2))
        features = np.stack([dpt_head(p, head, [o[t] for o in outputs]) for t in range(frames)])
        raw.append(deconv_time(p[f"{deconv}.weight"], features))
    return raw


def upstream_rays(camera_to_world, height, width):  # [T, 4, 4] -> [T, H, W, 6]
    """(o x d, d) with d in (forward, right, down), turned by the OpenCV camera-to-world rotation."""
    out = np.empty((len(camera_to_world), height, width, 6))
    for t, pose in enumerate(camera_to_world):
        for j in range(height):
            for i in range(width):
                theta = (2 * (i + 0.5) / width - 1) * math.pi
                phi = (2 * (j + 0.5) / height - 1) * math.pi / 2
                d = np.array(
                    [math.cos(phi) * math.cos(theta), math.cos(phi) * math.sin(theta), math.sin(phi)]
                )
                d = pose[:3, :3] @ (d / np.linalg.norm(d))
                out[t, j, i] = [*np.cross(pose[:3, 3], d), *d]
    return out


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def activate(depth_raw, attributes, width=480, height=240):
    """One pixel: ``[3]`` and ``[14]`` to depth, scales, quaternion (x, y, z, w), color, opacity."""
    depth = 30 * sigmoid(sum(depth_raw) / 3)
    unit = 0.1 * (2 / width + 2 / height)
    scales = [(0.5 + 24.5 * sigmoid(v)) * depth * unit / 5 for v in attributes[3:6]]
    q = np.array(attributes[6:10])
    q = q / (np.linalg.norm(q) + 1e-8)
    color = [0.5 + 0.28209479 * v for v in attributes[10:13]]
    return depth, scales, q, color, sigmoid(attributes[13])


def place(column, row, depth, scales, q_xyzw, camera_to_world, width, height):
    """Mean and covariance in the world of the Gaussian of one pixel."""
    azimuth = 2 * math.pi * ((column + 0.5) / width - 0.5)
    v = math.pi * (row + 0.5) / height
    ray = np.array([math.sin(v) * math.sin(azimuth), -math.cos(v), math.sin(v) * math.cos(azimuth)])
    R, center = camera_to_world[:3, :3], camera_to_world[:3, 3]
    x, y, z, w = q_xyzw
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    half = R @ turn @ np.diag(scales)
    return R @ (ray * depth) + center, half @ half.T


def tiny_shapes(published, width=32, ffn=48, features=24, hidden=12, out=10, stages=(6, 8, 12, 16)):
    """Shrink the published shapes to a small model's; names and structure stay."""
    sizes = {
        1024: width,
        2048: ffn,
        3072: 3 * width,
        512: hidden,
        256: out,
        **dict(zip((96, 192, 384, 768), stages, strict=True)),
    }
    small = {}
    for name, shape in published.items():
        new = [sizes.get(n, n) for n in shape]
        if name == "linear_proj.weight":
            new = [width, 2 * width]
        elif ".scratch." in name or ".head.0." in name:
            if "_rn" in name:
                new[0] = features
            elif ".refinenet" in name:
                new = [features if n == 1024 else n for n in shape]
            elif name.endswith("head.0.weight"):
                new[1] = features
        small[name] = new
    return small
