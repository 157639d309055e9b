"""Layered panoramas: sky, background and foreground, and the instant worlds made of them."""

from __future__ import annotations

import json

import torch

from ..matrix3d_core.errors import InvalidInput
from ..matrix3d_core.io.gltf_meshes import write_meshes_glb
from ..matrix3d_core.layers.complete import split_panorama
from ..matrix3d_core.layers.hunyuanworld import read_hunyuanworld_folder
from ..matrix3d_core.layers.layer import (
    MOST_LAYERS,
    LayeredPanorama,
    layers_from_pictures,
    layers_report,
    pictures_from_layers,
)
from ..matrix3d_core.layers.mesh import meshes_from_layers
from ..matrix3d_core.layers.splats import gaussians_from_layers
from ..matrix3d_core.layers.split import find_foreground, given_foreground
from ..matrix3d_core.scene.panorama import PanoramaGeometry
from ..matrix3d_core.splats.labeling import label_report
from ..matrix3d_core.splats.mesh import for_gltf
from ._adapters import images_from_host, masks_from_host, splat_to_host
from ._file_inputs import file_state
from ._host import Types, io, progress_to_host, resolve_input, save_target
from ._inputs import geometry_input, report_output, splat_output
from ._search import SPLAT_WORDS, WORLD_WORDS
from ._types import DepthType

__all__ = ["NODES", "LayersToMesh", "LayersToSplats", "LoadHunyuanWorldLayers", "PanoLayers"]

_CATEGORY = "Matrix-3D/layers"
_WORDS = (*WORLD_WORDS, "layered panorama", "panorama layers", "hunyuanworld")


class PanoLayers(io.ComfyNode):
    """Split a panorama into layers."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoLayers",
            display_name="Panorama Layers",
            category=_CATEGORY,
            description="Splits a panorama into sky, background and foreground layers, each completed behind the "
            "nearer ones: surfaces are continued, or the pictures of an inpainting model are taken.",
            search_aliases=[
                *_WORDS,
                "segment panorama",
                "layer decomposition",
                "foreground",
                "parallax",
                "ldi",
            ],
            inputs=[
                geometry_input("The panorama with its depth, from Panorama Depth."),
                io.Int.Input(
                    "foreground_layers",
                    default=2,
                    min=0,
                    max=MOST_LAYERS - 2,
                    tooltip="Number of foreground layers at most: near objects that stand in front of something, found "
                    "from depth edges and classes. Objects that occlude each other need several.",
                ),
                io.Mask.Input(
                    "foreground",
                    optional=True,
                    tooltip="Masks of the foreground layers instead, one per layer, farthest first (SAM 3 or any "
                    "MASK).",
                ),
                io.Image.Input(
                    "completed",
                    optional=True,
                    tooltip="A picture of each layer without what occludes it, farthest first: sky (if there is one), "
                    "background, foreground. From an inpainting model on images and filled, or Load HunyuanWorld "
                    "Layers.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="images", tooltip="One panorama per layer, farthest first."),
                io.Mask.Output(display_name="masks", tooltip="1 where the layer shows something."),
                DepthType.Output(
                    display_name="depth", tooltip="Ray distance of each layer; infinite in the sky layer."
                ),
                io.Mask.Output(
                    display_name="filled",
                    tooltip="1 where the layer was completed behind nearer ones: what an inpainting model may redo.",
                ),
                report_output("JSON: what each layer shows, in percent of the panorama."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        geometry: PanoramaGeometry,
        foreground_layers: int,
        foreground: torch.Tensor | None = None,
        completed: torch.Tensor | None = None,
    ) -> io.NodeOutput:
        if foreground is None:
            masks = find_foreground(geometry, foreground_layers)
        else:
            masks = given_foreground(geometry, masks_from_host(foreground, "foreground"))
        pictures = None if completed is None else images_from_host(completed, "completed")
        layered = split_panorama(
            geometry, masks, completed=pictures, progress=progress_to_host(cls.hidden.unique_id)
        )
        return io.NodeOutput(*pictures_from_layers(layered), json.dumps(layers_report(layered), indent=2))


class LayersToSplats(io.ComfyNode):
    """Turn layers into an instant world."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LayersToSplats",
            display_name="Layers to Splats (instant world)",
            category=_CATEGORY,
            description="Turns the layers of a panorama into Gaussian splats in seconds, without a fit: an instant "
            "world to step around in. Each foreground layer becomes an instance.",
            search_aliases=[*SPLAT_WORDS, *_WORDS, "instant world", "worldgen", "layers to splats"],
            inputs=[
                *_layer_inputs(),
                io.Mask.Input(
                    "filled",
                    optional=True,
                    tooltip="1 where a layer was completed: those splats are coarser and count as unobserved.",
                ),
                io.Int.Input(
                    "max_gaussians",
                    default=1_000_000,
                    min=100,
                    max=20_000_000,
                    step=1000,
                    tooltip="The finest even density that keeps below this is used, but no finer than the panorama.",
                ),
                io.Float.Input(
                    "step",
                    default=2.0,
                    min=0.0,
                    max=1000.0,
                    step=0.1,
                    tooltip="How far from the center the world will be seen, world units: surfaces are continued "
                    "behind near parts of the background by so much. 0 = not at all.",
                ),
            ],
            outputs=[
                splat_output("The world, in the panorama's frame."),
                report_output("JSON: splats by class and instance."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        images: torch.Tensor,
        masks: torch.Tensor,
        depth: torch.Tensor,
        max_gaussians: int,
        step: float,
        filled: torch.Tensor | None = None,
    ) -> io.NodeOutput:
        world = gaussians_from_layers(
            _layers_from_host(images, masks, depth, filled),
            max_gaussians=max_gaussians,
            step=step,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        return io.NodeOutput(splat_to_host(world), json.dumps(label_report(world), indent=2))


class LayersToMesh(io.ComfyNode):
    """Save layers as meshes of one GLB."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LayersToMesh",
            display_name="Save Layers as Mesh",
            category=_CATEGORY,
            description="Saves the layers of a panorama as a GLB with one textured mesh per layer, cut out by its "
            "mask, for Blender and game engines.",
            search_aliases=[*_WORDS, "layers to mesh", "layered mesh", "glb", "export mesh"],
            is_output_node=True,
            inputs=[
                *_layer_inputs(),
                io.Int.Input(
                    "rows",
                    default=256,
                    min=8,
                    max=2048,
                    step=8,
                    tooltip="Rows of quads from pole to pole of each mesh; the texture keeps the panorama's size.",
                ),
                io.String.Input(
                    "filename_prefix",
                    default="matrix3d/layers",
                    tooltip="Name below the output folder; a number is added. Subfolders with a slash.",
                ),
            ],
            outputs=[io.File3DGLB.Output(display_name="model_3d", tooltip="The saved file.")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        images: torch.Tensor,
        masks: torch.Tensor,
        depth: torch.Tensor,
        rows: int,
        filename_prefix: str = "matrix3d/layers",
    ) -> io.NodeOutput:
        found = meshes_from_layers(_layers_from_host(images, masks, depth, None), rows=rows)
        path, filename, subfolder = save_target(filename_prefix or "matrix3d/layers", ".glb")
        write_meshes_glb(path, {name: for_gltf(mesh) for name, mesh in found.items()})
        saved = {"filename": filename, "subfolder": subfolder, "type": "output"}
        return io.NodeOutput(Types.File3D(str(path)), ui={"3d": [saved]})


class LoadHunyuanWorldLayers(io.ComfyNode):
    """Read the layers of HunyuanWorld-1.0."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LoadHunyuanWorldLayers",
            display_name="Load HunyuanWorld Layers",
            category=_CATEGORY,
            description="Reads the folder that HunyuanWorld-1.0's layer decomposition wrote: the panorama, the "
            "masks of its foreground layers, and the pictures behind them.",
            search_aliases=[*_WORDS, "hunyuan world", "load layers", "hyworld"],
            inputs=[
                io.String.Input(
                    "folder",
                    default="hunyuanworld",
                    tooltip="Folder inside the input folder, with full_image.png, fg1_mask.png, remove_fg1_image.png, "
                    "sky_image.png and so on.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The whole panorama, for Panorama Depth."),
                io.Mask.Output(display_name="foreground", tooltip="For Panorama Layers; farthest first."),
                io.Image.Output(display_name="completed", tooltip="For Panorama Layers; farthest first."),
                io.Mask.Output(display_name="sky", tooltip="1 = sky."),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, folder: str) -> object:
        return file_state(f"{folder}/full_image.png")

    @classmethod
    def execute(cls, folder: str) -> io.NodeOutput:
        path = resolve_input(folder)
        if not path.is_dir():
            raise InvalidInput(f"folder must be a folder inside the input folder; got the file {folder!r}.")
        found = read_hunyuanworld_folder(path)
        return io.NodeOutput(
            found.image[None], found.foreground.float(), found.completed, found.is_sky[None].float()
        )


def _layer_inputs() -> list:
    """Return the inputs for the layers of a panorama."""
    return [
        io.Image.Input("images", tooltip="One panorama per layer, farthest first, from Panorama Layers."),
        io.Mask.Input("masks", tooltip="Where each layer shows something."),
        DepthType.Input("depth", tooltip="Ray distance of each layer; a first layer without any is the sky."),
    ]


def _layers_from_host(
    images: torch.Tensor, masks: torch.Tensor, depth: torch.Tensor, filled: torch.Tensor | None
) -> LayeredPanorama:
    return layers_from_pictures(
        images_from_host(images, "images"),
        masks_from_host(masks, "masks"),
        depth.detach().to("cpu", torch.float32),
        None if filled is None else masks_from_host(filled, "filled"),
    )


NODES = [PanoLayers, LayersToSplats, LayersToMesh, LoadHunyuanWorldLayers]
