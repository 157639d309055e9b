"""What the real host needs to load the tiny models with its own loaders; runs inside the host.

The host knows the depth and the widths of some models from its own tables, not from the file: text
encoders, CLIP vision and the Wan 2.2 VAE. Here it learns them from the shapes in the file, while it loads
that file. A file of the released size loads as ever.

Used in two ways: `tiny_models.mount` makes a custom node folder of it for a server, and
functions of `tests/in_host` that load tiny models call `use_models` first.
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import comfy.clip_model
import comfy.clip_vision
import comfy.ldm.wan.vae2_2
import comfy.sd
import folder_paths

_DONE = "_reads_sizes_from_the_file"


def use_models(models_dir: str | Path) -> None:
    """Add the subfolders of ``models_dir`` to the host's model folders, and load by sizes in the file."""
    for kind in (
        "diffusion_models",
        "vae",
        "text_encoders",
        "clip_vision",
        "loras",
        "geometry_estimation",
        "upscale_models",
        "matrix3d_lrm",
    ):
        folder_paths.add_model_folder_path(kind, str(Path(models_dir) / kind))
    if not hasattr(comfy.sd, _DONE):
        setattr(comfy.sd, _DONE, True)
        _wrap(comfy.sd, "load_text_encoder_state_dicts", _load_text_encoders)
        _wrap(comfy.clip_vision, "load_clipvision_from_sd", _load_clip_vision)
        _wrap(comfy.sd.VAE, "__init__", _init_vae)


def _wrap(owner: Any, name: str, around: Callable[..., Any]) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        return around(original, *args, **kwargs)

    setattr(owner, name, call)


@contextlib.contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    original = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, original)


def _count(tensors: dict[str, Any], name: str) -> int:
    """Return how many blocks the file has from the first on; ``name`` holds {} for the index."""
    count = 0
    while name.format(count) in tensors:
        count += 1
    return count


def _t5_config(tensors: dict[str, Any]) -> dict[str, int]:
    first = "encoder.block.0.layer"
    return {
        "num_layers": _count(tensors, "encoder.block.{}.layer.0.layer_norm.weight"),
        "num_heads": tensors[f"{first}.0.SelfAttention.relative_attention_bias.weight"].shape[1],
        "d_ff": tensors[f"{first}.1.DenseReluDense.wi_0.weight"].shape[0],
        "vocab_size": tensors["shared.weight"].shape[0],
    }


def _clip_config(tensors: dict[str, Any], name: str) -> dict[str, int]:
    return {
        "num_hidden_layers": _count(tensors, name + ".encoder.layers.{}.mlp.fc1.weight"),
        "intermediate_size": tensors[f"{name}.encoder.layers.0.mlp.fc1.weight"].shape[0],
    }


def _load_text_encoders(
    original: Callable[..., Any], state_dicts: list[Any], *args: Any, **kwargs: Any
) -> Any:
    configs: dict[str, dict[str, int]] = {}
    embeddings = comfy.clip_model.CLIPEmbeddings
    for tensors in state_dicts:
        if "shared.weight" in tensors and "encoder.final_layer_norm.weight" in tensors:
            configs["t5xxl_model_config"] = configs["umt5xxl_model_config"] = _t5_config(tensors)
        elif "text_model.encoder.layers.0.mlp.fc1.weight" in tensors:
            # The host makes the first of these from the second, to which it adds the number of positions.
            configs["clip_l_model_config"] = configs["model_config"] = _clip_config(tensors, "text_model")
            vocabulary = tensors["text_model.embeddings.token_embedding.weight"].shape[0]
            embeddings = functools.partial(embeddings, vocab_size=vocabulary)
    kwargs["model_options"] = {**kwargs.get("model_options", {}), **configs}
    with _replaced(comfy.clip_model, "CLIPEmbeddings", embeddings):
        clip = original(state_dicts, *args, **kwargs)
    for name in ("clip_l", "t5xxl", "umt5xxl"):
        encoder = getattr(clip.cond_stage_model, name, None)
        if encoder is not None:
            encoder.transformer.get_input_embeddings().register_forward_pre_hook(_wrap_around)
    return clip


def _wrap_around(embedding: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Fold the tokens of the host's large vocabularies into a small one."""
    return (args[0] % embedding.num_embeddings, *args[1:])


def _load_clip_vision(original: Callable[..., Any], sd: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
    if "vision_model.encoder.layers.0.mlp.fc1.weight" not in sd:
        return original(sd, *args, **kwargs)
    model, sizes = comfy.clip_vision.ClipVisionModel, _clip_config(sd, "vision_model")

    def sized(config: Any) -> Any:
        known = config if isinstance(config, dict) else json.loads(Path(config).read_text())
        return model({**known, **sizes})

    with _replaced(comfy.clip_vision, "ClipVisionModel", sized):
        return original(sd, *args, **kwargs)


def _init_vae(original: Callable[..., Any], self: Any, sd: Any = None, *args: Any, **kwargs: Any) -> None:
    if "decoder.upsamples.0.upsamples.0.residual.2.weight" not in (sd or {}):
        return original(self, sd, *args, **kwargs)
    widths = {
        "dim": sd["encoder.conv1.weight"].shape[0],
        "dec_dim": sd["decoder.head.0.gamma"].shape[0],
    }
    model = comfy.ldm.wan.vae2_2.WanVAE
    with _replaced(comfy.ldm.wan.vae2_2, "WanVAE", lambda **config: model(**{**config, **widths})):
        return original(self, sd, *args, **kwargs)
