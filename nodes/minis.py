"""Encoders of the small models: texts and pictures without weights."""

from __future__ import annotations

import torch

from ._adapters import images_from_host
from ._host import io
from ._host_minis import TEXT_MODELS, encode_image, encode_text
from ._search import PANORAMA_WORDS

__all__ = ["NODES", "MiniTextEncode", "MiniVisionEncode"]


class MiniTextEncode(io.ComfyNode):
    """A text for the small models."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MiniTextEncode",
            display_name="Mini Text Encode",
            category="Matrix-3D/models",
            description="Encodes a prompt for the pack's small models (matrix3d_mini_pano, matrix3d_mini_video), in "
            "place of CLIP Text Encode and without a model. For other models use CLIP Text Encode.",
            search_aliases=[
                *PANORAMA_WORDS,
                "mini text encode",
                "clip text encode",
                "prompt",
                "small model",
                "text to 3d",
                "text to world",
            ],
            inputs=[
                io.String.Input(
                    "text",
                    default="",
                    multiline=True,
                    tooltip="The scene, in plain words such as: a town square with trees, by day. Empty: the negative "
                    "prompt.",
                ),
                io.Combo.Input(
                    "model",
                    options=list(TEXT_MODELS),
                    default="panorama",
                    tooltip="Which small model it is for: panorama (FLUX) or video (Wan 2.1).",
                ),
            ],
            outputs=[
                io.Conditioning.Output(display_name="conditioning", tooltip="For that model's sampler.")
            ],
        )

    @classmethod
    def execute(cls, text: str, model: str) -> io.NodeOutput:
        return io.NodeOutput(encode_text(text, model))


class MiniVisionEncode(io.ComfyNode):
    """A picture for the small video model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MiniVisionEncode",
            display_name="Mini CLIP Vision Encode",
            category="Matrix-3D/models",
            description="Encodes the start panorama for the pack's small video model (matrix3d_mini_video), in place "
            "of CLIP Vision Encode and without a model.",
            search_aliases=[
                *PANORAMA_WORDS,
                "mini vision encode",
                "clip vision encode",
                "small model",
                "image to video",
            ],
            inputs=[
                io.Image.Input(
                    "image",
                    tooltip="The start panorama, or guidance frames, of which the first is used; squeezed to 224x224.",
                )
            ],
            outputs=[
                io.ClipVisionOutput.Output(
                    display_name="clip_vision_output", tooltip="For Panorama Video Sampler."
                )
            ],
        )

    @classmethod
    def execute(cls, image: torch.Tensor) -> io.NodeOutput:
        return io.NodeOutput(encode_image(images_from_host(image, "image")[0]))


NODES = [MiniTextEncode, MiniVisionEncode]
