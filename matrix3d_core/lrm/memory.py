"""Estimates the memory of a pass before it starts, and how many latent frames fit at a time.

The counts follow the tensors that are alive at each stage of `LatentLRM.forward`; the tests compare
them with measured live tensors. Kernels may need workspace beyond, for which there is a margin.
"""

from __future__ import annotations

from dataclasses import dataclass

from .config import LRMConfig

__all__ = ["MemoryPlan", "estimate_memory", "plan_chunk"]

_MARGIN = 1.15
_FIXED = 256 << 20


@dataclass(frozen=True)
class MemoryPlan:
    """The memory that a pass needs.

    Attributes:
        chunk: latent frames per call of a head.
        activations: bytes beyond the weights, at the peak.
        weights: bytes of the weights.
        gaussians: their number before any are dropped, all frames.
    """

    chunk: int
    activations: int
    weights: int
    gaussians: int

    @property
    def total(self) -> int:
        """Bytes in all."""
        return self.activations + self.weights

    def describe(self) -> str:
        """Return one line of text."""
        return (
            f"needs about {self.total / 2**30:.1f} GB ({self.weights / 2**30:.1f} GB of it weights), "
            f"{self.chunk} latent frames at a time"
        )


def estimate_memory(
    config: LRMConfig,
    latent_frames: int,
    latent_height: int,
    latent_width: int,
    chunk: int,
    *,
    item_bytes: int = 2,
    weight_bytes: int = 2,
    parameters: int | None = None,
    batch: int = 1,
) -> MemoryPlan:
    """Return the memory that a pass over ``[batch, C, t, h, w]`` needs with a given chunk.

    Args:
        config: of the model.
        latent_frames: t.
        latent_height: h.
        latent_width: w.
        chunk: latent frames per call of a head.
        item_bytes: of the arithmetic's number type.
        weight_bytes: of the stored weights.
        parameters: of the model; None takes the released model's number.
        batch: videos at once.
    """
    rows, columns = latent_height // config.patch, latent_width // config.patch
    chunk = max(1, min(chunk, latent_frames))
    tokens = batch * latent_frames * rows * columns
    token = tokens * config.width * item_bytes
    frames = batch * config.frames(latent_frames)
    grid = 64 * rows * columns  # pixels of one frame's map
    depth_map, splat_map = (frames * grid * c * 4 for c in (config.depth_channels, config.attribute_channels))

    window = batch * config.time_stride * (config.pixels_per_latent**2 * latent_height * latent_width) * 6
    embedding = tokens * config.width * 4 * 2 + window * (4 * 3 + 8)
    joining = token * 5 + tokens * config.width * 4
    # Outputs of the layers so far, the layer's input, queries, keys and values twice, the result, two sums.
    attention = token * (4 + 8)
    feed_forward = token * 4 + token * 2 + tokens * config.ffn * item_bytes * 2
    layers = max(attention, feed_forward) + depth_map
    n = batch * chunk
    features = config.features * item_bytes
    # At full size: the fused map, the first convolution's result and its own; then the output in float32.
    full = n * grid * (features + max(2 * config.head_hidden, config.features // 4) * item_bytes)
    quarter = n * grid // 4 * features * 4
    last = n * grid * (config.head_hidden * item_bytes + config.head_out * (item_bytes + 4))
    taps = batch * grid * 4 * config.attribute_channels * 5 * 2
    heads = token * 5 + depth_map + splat_map + max(full, quarter + n * grid * features, last + taps)
    activations = max(embedding, joining, layers, heads)
    count = (403_470_976 if parameters is None else parameters) * weight_bytes
    return MemoryPlan(chunk, int(activations * _MARGIN) + _FIXED, count, frames * grid)


def plan_chunk(
    config: LRMConfig,
    latent_frames: int,
    latent_height: int,
    latent_width: int,
    free_bytes: float,
    *,
    most: int = 8,
    item_bytes: int = 2,
    weight_bytes: int = 2,
    parameters: int | None = None,
) -> MemoryPlan:
    """Return the plan with the largest chunk that fits into ``free_bytes`` (weights included), or with 1.

    More than about 8 latent frames at a time have no benefit: one alone saturates a large GPU.
    """
    plans = [
        estimate_memory(
            config,
            latent_frames,
            latent_height,
            latent_width,
            chunk,
            item_bytes=item_bytes,
            weight_bytes=weight_bytes,
            parameters=parameters,
        )
        for chunk in range(min(most, latent_frames), 0, -1)
    ]
    return next((plan for plan in plans if plan.total <= free_bytes), plans[-1])
