"""Panoramas into latents and back without a border, and how visible a border is."""

from __future__ import annotations

import torch

from ..matrix3d_core.diffusion.circular import DECODE_REACH
from ..matrix3d_core.metrics.seam import describe_seam, pole_error, seam_error
from ._adapters import images_from_host
from ._host import io, progress_to_host, ui
from ._host_vae import DECODE_SEAM_MODES, ENCODE_SEAM_MODES, decode_panorama, encode_panorama
from ._search import PANORAMA_WORDS

__all__ = ["NODES", "PanoSeamMetric", "PanoVAEDecode", "PanoVAEEncode"]

_SEAM_TIP = (
    "How the left and right border are joined. circular: the VAE's convolutions pad circularly, so that no column "
    "is a border; needs the whole width. padded: columns of the opposite side are added and cropped off again. auto: "
    "circular where the VAE and the tiles allow it, else padded. none: as core does it."
)


def _tile_inputs() -> list:
    return [
        io.Int.Input(
            "tile_height",
            default=0,
            min=0,
            max=8192,
            step=16,
            tooltip="Tile height in pixels, to save memory; 0 = full height. Full-width tiles allow seam_mode "
            "circular.",
        ),
        io.Int.Input(
            "tile_width",
            default=0,
            min=0,
            max=16384,
            step=16,
            tooltip="Tile width in pixels; 0 = full width. Tiles wrap around the panorama.",
        ),
        io.Int.Input(
            "overlap",
            default=96,
            min=0,
            max=2048,
            step=8,
            advanced=True,
            tooltip="Overlap of neighboring tiles in pixels; the middle third is blended.",
        ),
        io.Int.Input(
            "margin",
            default=DECODE_REACH,
            min=0,
            max=256,
            step=1,
            advanced=True,
            tooltip="Latent columns added on either side with seam_mode padded. 18 is the receptive field of FLUX's "
            "and Wan's decoders.",
        ),
    ]


class PanoVAEEncode(io.ComfyNode):
    """Encode panoramas without a border."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoVAEEncode",
            display_name="Panorama VAE Encode",
            category="Matrix-3D/panorama",
            description="Encodes panoramas, or the frames of one panoramic video with a video VAE, without a seam: "
            "rolling the panorama rolls the latent.",
            search_aliases=[
                *PANORAMA_WORDS,
                "pano vae encode",
                "circular vae",
                "seamless encode",
                "tileable",
                "360 encode",
                "wrap around",
            ],
            inputs=[
                io.Image.Input(
                    "images",
                    tooltip="Panoramas; width and height multiples of 8 (of 16 for the Wan 2.2 VAE). With a video "
                    "VAE they are one video of 4k + 1 frames.",
                ),
                io.Vae.Input("vae", tooltip="VAE of the model that the latent is for."),
                io.Combo.Input(
                    "seam_mode", options=list(ENCODE_SEAM_MODES), default="auto", tooltip=_SEAM_TIP
                ),
                *_tile_inputs(),
            ],
            outputs=[
                io.Latent.Output(display_name="latent", tooltip="One per picture, or one of the whole video.")
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        images: torch.Tensor,
        vae: object,
        seam_mode: str,
        tile_height: int,
        tile_width: int,
        overlap: int,
        margin: int,
    ) -> io.NodeOutput:
        latent = encode_panorama(
            vae,
            images_from_host(images, "images"),
            seam_mode=seam_mode,
            tile_height_px=tile_height,
            tile_width_px=tile_width,
            overlap_px=overlap,
            margin=margin,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        return io.NodeOutput({"samples": latent})


class PanoVAEDecode(io.ComfyNode):
    """Decode panoramas without a border."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoVAEDecode",
            display_name="Panorama VAE Decode",
            category="Matrix-3D/panorama",
            description="Decodes latents of panoramas or panoramic videos without a seam: rolling the latent rolls "
            "the image.",
            search_aliases=[
                *PANORAMA_WORDS,
                "pano vae decode",
                "circular vae",
                "seamless decode",
                "tileable",
                "360 decode",
                "wrap around",
                "seam",
            ],
            inputs=[
                io.Latent.Input("latent", tooltip="Latents of panoramas or of panoramic videos."),
                io.Vae.Input("vae", tooltip="VAE of the model that made the latent."),
                io.Combo.Input(
                    "seam_mode",
                    options=list(DECODE_SEAM_MODES),
                    default="auto",
                    tooltip=_SEAM_TIP + " upstream: as Matrix-3D does, which blends the 16 border columns.",
                ),
                *_tile_inputs(),
            ],
            outputs=[
                io.Image.Output(display_name="images", tooltip="The panoramas; frames of videos in order.")
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        latent: dict,
        vae: object,
        seam_mode: str,
        tile_height: int,
        tile_width: int,
        overlap: int,
        margin: int,
    ) -> io.NodeOutput:
        images = decode_panorama(
            vae,
            latent["samples"],
            seam_mode=seam_mode,
            tile_height_px=tile_height,
            tile_width_px=tile_width,
            overlap_px=overlap,
            margin=margin,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        return io.NodeOutput(images)


class PanoSeamMetric(io.ComfyNode):
    """Measure a panorama's border and poles."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoSeamMetric",
            display_name="Panorama Seam Metric",
            category="Matrix-3D/panorama",
            description="Measures how visible the left/right border of panoramas is, and how far the first and last "
            "rows, the poles, are from uniform.",
            search_aliases=[
                *PANORAMA_WORDS,
                "pano seam metric",
                "seam check",
                "border error",
                "panorama quality",
                "pole error",
                "360 check",
            ],
            inputs=[io.Image.Input("images", tooltip="Panoramas, or the frames of a panoramic video.")],
            outputs=[
                io.Float.Output(
                    display_name="seam",
                    tooltip="Color step across the border divided by the steps beside it; 1 = as smooth as the "
                    "interior.",
                ),
                io.Float.Output(
                    display_name="pole",
                    tooltip="Variation along the pole rows relative to their neighboring rows; 1 = as smooth as "
                    "those. The worse of both poles.",
                ),
                io.String.Output(
                    display_name="report", tooltip="The numbers in words, and the worst picture."
                ),
            ],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, images: torch.Tensor) -> io.NodeOutput:
        pictures = images_from_host(images, "images")
        seam, pole = seam_error(pictures), pole_error(pictures)
        report = describe_seam(seam, pole)
        return io.NodeOutput(seam.error, pole.error, report, ui=ui.PreviewText(report))


NODES = [PanoVAEEncode, PanoVAEDecode, PanoSeamMetric]
