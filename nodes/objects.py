"""Objects into worlds, out of them, and edited views back into them."""

from __future__ import annotations

import json
import math
from io import BytesIO

import torch

from ..matrix3d_core.errors import Matrix3DError
from ..matrix3d_core.io.axes import NAMED_AXES, OPENCV, change_axes
from ..matrix3d_core.io.gltf_meshes import write_meshes_glb
from ..matrix3d_core.io.mesh_files import MESH_FORMATS, read_meshes
from ..matrix3d_core.io.splat_formats import FORMATS
from ..matrix3d_core.io.splats import holds_splats, read_gaussians
from ..matrix3d_core.objects.edited_views import apply_edited_views
from ..matrix3d_core.objects.erase import erase_instance
from ..matrix3d_core.objects.place import RELATIONS, Placement, place_object, placed_collider
from ..matrix3d_core.objects.sample_object import sample_object
from ..matrix3d_core.objects.shading import DirectLight, direct_light
from ..matrix3d_core.objects.surfels import gaussians_from_meshes
from ..matrix3d_core.scene.gaussians import Gaussians
from ..matrix3d_core.scene.mesh import Mesh, join_meshes
from ..matrix3d_core.scene.trajectory import Trajectory
from ..matrix3d_core.splats.mesh import for_gltf
from ._adapters import (
    gaussians_from_host,
    image_from_host,
    images_from_host,
    masks_from_host,
    mesh_from_host,
    mesh_to_host,
    splat_to_host,
    world_info_of,
)
from ._file_inputs import file_input, file_state
from ._host import Types, io, progress_to_host, resolve_input_file, save_target
from ._inputs import (
    degrees_input,
    number_input,
    report_output,
    splat_input,
    splat_output,
    trajectory_input,
    trajectory_output,
)
from ._search import SPLAT_WORDS
from ._shown_splat import keep_world, world_to_show
from ._types import DepthType

__all__ = ["NODES", "ObjectLoad", "WorldEdit", "WorldErase", "WorldPlace"]

_CATEGORY = "Matrix-3D/edit"
_WORDS = (*SPLAT_WORDS, "edit world", "edit splats")
_SAMPLE = "sample: chair"
_OBJECT_AXES = ("auto", "glTF (y up)", "OpenCV (y down)")
_FILES = [
    io.Mesh,
    *(getattr(io, f"File3D{name}") for name in ("Any", "GLB", "GLTF", "OBJ", "STL", "PLY", "SplatAny")),
    *(getattr(io, form.host_type) for form in FORMATS if form.host_type and form.host_type != "File3DPLY"),
]


class ObjectLoad(io.ComfyNode):
    """Read an object's file from the input folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ObjectLoad",
            display_name="Load Object",
            category="Matrix-3D/files",
            description="Loads an object for Place Object in World: a GLB, glTF, OBJ, STL or PLY below the input "
            "folder, or the sample chair.",
            search_aliases=[*_WORDS, "load object", "load mesh", "load glb", "import mesh", "3d file"],
            inputs=[
                file_input(
                    "file",
                    "object",
                    tuple(f".{kind}" for kind in MESH_FORMATS),
                    first=(_SAMPLE,),
                    tooltip="A mesh file below the input folder. Press R to see new files.",
                )
            ],
            outputs=[io.File3DAny.Output(display_name="model_3d", tooltip="The file.")],
        )

    @classmethod
    def validate_inputs(cls, file: str = _SAMPLE) -> bool | str:
        if file == _SAMPLE:
            return True
        try:
            resolve_input_file(file)
        except Matrix3DError as error:
            return str(error)
        return True

    @classmethod
    def fingerprint_inputs(cls, file: str) -> object:
        return file_state(file)

    @classmethod
    def execute(cls, file: str) -> io.NodeOutput:
        if file != _SAMPLE:
            return io.NodeOutput(Types.File3D(str(resolve_input_file(file))))
        path, _, _ = save_target("matrix3d/chair", ".glb", kind="temp")
        write_meshes_glb(path, {"chair": for_gltf(sample_object())})
        return io.NodeOutput(Types.File3D(str(path)))


class WorldPlace(io.ComfyNode):
    """Put an object into a world."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="WorldPlace",
            display_name="Place Object in World",
            category=_CATEGORY,
            description="Puts a mesh or splats into a world: standing on the ground, scaled in meters, lit by the "
            "panorama and with a contact shadow. It becomes an instance that can be selected, moved and erased.",
            search_aliases=[
                *_WORDS,
                "place object",
                "add object",
                "insert object",
                "composite object",
                "gizmo",
                "glb into world",
            ],
            is_output_node=True,
            inputs=[
                splat_input("The world; of a batch, the first."),
                io.MultiType.Input(
                    io.Splat.Input("object"),
                    types=_FILES,
                    tooltip="The object: splats, a MESH, or a file (GLB, glTF, OBJ, STL, PLY, splats), such as from "
                    "Hunyuan3D, TRELLIS.2, SAM 3D Objects, TripoSplat or Load 3D.",
                ),
                io.String.Input(
                    "name",
                    default="object",
                    tooltip="Name of the instance, up to 40 characters; new in this world.",
                ),
                io.Combo.Input(
                    "relation",
                    options=list(RELATIONS),
                    default=RELATIONS[0],
                    tooltip="Where it goes, as seen from the viewer: at the point x, y, z, or next to it or to the "
                    "anchor. beside: left or right, where less is in the way.",
                ),
                io.String.Input(
                    "anchor",
                    default="",
                    tooltip="Name of the instance that the relation is to. Empty: the point x, y, z.",
                ),
                number_input("distance", 0.3, "Gap between object and anchor, world units.", low=0.0),
                number_input(
                    "x", 0.0, "x (right) of the point, world units. The view's gizmo writes it.", step=0.05
                ),
                number_input("y", 0.0, "y (down, OpenCV axes) of the point.", step=0.05),
                number_input("z", 2.0, "z (forward) of the point.", step=0.05),
                degrees_input("yaw", "Turns the object about the vertical, degrees to the right.", 360.0),
                number_input(
                    "height",
                    1.0,
                    "Height of the object, meters in a metric world. 0 keeps the size in its file.",
                    low=0.0,
                    step=0.05,
                ),
                io.Float.Input(
                    "scale",
                    default=1.0,
                    min=0.001,
                    max=1000.0,
                    step=0.01,
                    tooltip="Factor of its size after that.",
                ),
                io.Boolean.Input(
                    "on_ground",
                    default=True,
                    tooltip="Lets it down onto what is below the point. Off: its base is at the point.",
                ),
                io.Float.Input(
                    "light",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="How much the world's light colors it; 0 keeps its own colors, for objects that hold "
                    "their light.",
                ),
                io.Float.Input(
                    "shadow",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="How much it dims what it keeps light from; 0 = no shadow.",
                ),
                *_light_inputs("its light. Without it: the light that the world itself sends to the place."),
                trajectory_input(
                    "Its first pose is the viewer, from whom left, right, in front and behind are seen. Without it: "
                    "the world's origin.",
                    optional=True,
                ),
                io.Mesh.Input(
                    "collider",
                    optional=True,
                    tooltip="The world's collider; the object's joins it. glTF axes.",
                ),
                io.Int.Input(
                    "max_gaussians",
                    default=60_000,
                    min=100,
                    max=2_000_000,
                    step=1000,
                    optional=True,
                    advanced=True,
                    tooltip="Most splats that a mesh becomes.",
                ),
                io.Combo.Input(
                    "object_axes",
                    options=list(_OBJECT_AXES),
                    default=_OBJECT_AXES[0],
                    optional=True,
                    advanced=True,
                    tooltip="Axes of the object. auto: a mesh is glTF, splats are OpenCV.",
                ),
            ],
            outputs=[
                splat_output("The world with the object."),
                io.Splat.Output(display_name="object", tooltip="The object alone, as it is in the world."),
                io.Mesh.Output(
                    display_name="collider",
                    tooltip="The given collider with the object's, for Preview Splats (glTF axes).",
                ),
                report_output(
                    "JSON: position, size, instance, what it stands on, how many splats its shadow dims."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        splat: Types.SPLAT,
        object: Types.SPLAT | Types.MESH | Types.File3D,
        name: str,
        relation: str,
        anchor: str,
        distance: float,
        x: float,
        y: float,
        z: float,
        yaw: float,
        height: float,
        scale: float,
        on_ground: bool,
        light: float,
        shadow: float,
        panorama: torch.Tensor | None = None,
        hdri: torch.Tensor | None = None,
        trajectory: Trajectory | None = None,
        collider: Types.MESH | None = None,
        max_gaussians: int = 60_000,
        object_axes: str = _OBJECT_AXES[0],
    ) -> io.NodeOutput:
        world = gaussians_from_host(splat)
        item, meshes = _object_from_host(object, object_axes, max_gaussians)
        placement = Placement(
            name=name.strip(),
            position=(x, y, z),
            yaw_rad=math.radians(yaw),
            height=height,
            scale=scale,
            relation=relation,
            anchor=anchor.strip(),
            distance=distance,
            on_ground=on_ground,
            viewer=(0.0, 0.0, 0.0) if trajectory is None else tuple(trajectory.centers[0].tolist()),
        )
        placed = place_object(
            world,
            item,
            placement,
            light=_light_from_host(panorama, hdri),
            light_strength=light,
            shadow_strength=shadow,
            outward_normals=bool(meshes),
            progress=progress_to_host(),  # its text would take half of the view's place
        )
        walls = placed_collider(placed, meshes)
        if collider is not None:
            walls = join_meshes([mesh_from_host(collider, "collider"), walls])
        shown = {
            **world_to_show(cls.hidden.unique_id, splat),
            "placed": {
                **keep_world(f"{cls.hidden.unique_id} object", splat_to_host(placed.item)).shown,
                **placed.handle(),
            },
        }
        return io.NodeOutput(
            splat_to_host(placed.world, info=world_info_of(splat)),
            splat_to_host(placed.item),
            mesh_to_host(for_gltf(walls)),
            json.dumps(placed.report, indent=2),
            ui={"matrix3d_splat": [shown]},
        )


class WorldErase(io.ComfyNode):
    """Take an object out of a world."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="WorldErase",
            display_name="Erase Object",
            category=_CATEGORY,
            description="Takes an instance out of a world, fills what it hid by continuing the surfaces around it, and "
            "refits the new splats locally. Everything else stays bit by bit as it is.",
            search_aliases=[
                *_WORDS,
                "erase object",
                "remove object",
                "delete object",
                "object removal",
                "inpaint",
            ],
            inputs=[
                splat_input("The world; of a batch, the first."),
                io.String.Input(
                    "instance",
                    default="selection",
                    tooltip="Name or number of the instance: from Select in World, Label Splats, Layers to Splats or "
                    "Place Object in World.",
                ),
                io.Boolean.Input(
                    "fill",
                    default=True,
                    tooltip="Fill what it hid. Off: only take it out, as for an object placed over a whole world.",
                ),
                io.Int.Input(
                    "refit_steps",
                    default=40,
                    min=0,
                    max=1000,
                    tooltip="Steps in which new splats, and those seen through the hole, are fitted; 0 = none.",
                ),
                trajectory_input(
                    "Its first pose is the viewpoint from which the hole is filled. Without it: the world's origin.",
                    optional=True,
                ),
                *_light_inputs(
                    "the light that a placed object stood in, given there, too: its shadow is taken off."
                ),
            ],
            outputs=[
                splat_output("The world without the object."),
                io.Splat.Output(display_name="object", tooltip="What was taken out."),
                io.Image.Output(
                    display_name="image",
                    tooltip="A view of the filled place, for an inpainting model (FLUX Fill); its result goes to "
                    "Edit World.",
                ),
                io.Mask.Output(display_name="mask", tooltip="1 where the object was in that view."),
                trajectory_output("Pose and lens of that view, for Edit World."),
                report_output("JSON: how many splats were erased, made and refitted."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        splat: Types.SPLAT,
        instance: str,
        fill: bool,
        refit_steps: int,
        trajectory: Trajectory | None = None,
        panorama: torch.Tensor | None = None,
        hdri: torch.Tensor | None = None,
    ) -> io.NodeOutput:
        erased = erase_instance(
            gaussians_from_host(splat),
            instance.strip(),
            fill=fill,
            center=None if trajectory is None else trajectory.centers[0],
            shadow_light=_light_from_host(panorama, hdri),
            refit_steps=refit_steps,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        view = erased.place
        return io.NodeOutput(
            splat_to_host(erased.world, info=world_info_of(splat)),
            splat_to_host(erased.item),
            view.rgb[None],
            view.weight[None],
            view.trajectory(),
            json.dumps(erased.report, indent=2),
        )


class WorldEdit(io.ComfyNode):
    """Bring edited views back into a world."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="WorldEdit",
            display_name="Edit World",
            category=_CATEGORY,
            description="Brings edited views back into a world: the splats that the masks show take the colors of the "
            "edited pictures (FLUX Fill, Kontext, Qwen Edit, a paint program); with depth, new surfaces are made. "
            "Everything outside the masks stays bit by bit as it is.",
            search_aliases=[
                *_WORDS,
                "edit world",
                "inpaint world",
                "flux fill",
                "kontext",
                "repaint",
                "texture edit",
            ],
            inputs=[
                splat_input("The world; of a batch, the first."),
                io.Image.Input("images", tooltip="The edited views, one for each pose of the trajectory."),
                io.Mask.Input("masks", tooltip="Where the views were edited."),
                trajectory_input(
                    "Poses and lenses of the views, from Render Splats, World Views or Erase Object."
                ),
                DepthType.Input(
                    "depth",
                    optional=True,
                    tooltip="Ray distance in the edited views, any scale: where it differs from the world's, new "
                    "splats are made and what stands before them is taken out. Without it, surfaces stay.",
                ),
                io.String.Input(
                    "instance",
                    default="",
                    tooltip="Name of the object that new splats become; empty = none.",
                ),
                io.Int.Input(
                    "refit_steps", default=60, min=0, max=2000, tooltip="Steps of the local refit; 0 = none."
                ),
            ],
            outputs=[
                splat_output("The edited world."),
                report_output(
                    "JSON: splats recolored, removed and new; PSNR of the masked pixels before and after."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls,
        splat: Types.SPLAT,
        images: torch.Tensor,
        masks: torch.Tensor,
        trajectory: Trajectory,
        instance: str,
        refit_steps: int,
        depth: torch.Tensor | None = None,
    ) -> io.NodeOutput:
        edited = apply_edited_views(
            gaussians_from_host(splat),
            images_from_host(images, "images"),
            masks_from_host(masks, "masks"),
            trajectory,
            depth_ray=None if depth is None else depth.detach().to("cpu", torch.float32),
            instance=instance.strip(),
            refit_steps=refit_steps,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        return io.NodeOutput(
            splat_to_host(edited.world, info=world_info_of(splat)), json.dumps(edited.report, indent=2)
        )


def _light_inputs(use: str) -> list:
    """Return the inputs for the world's light."""
    return [
        io.Image.Input("panorama", optional=True, tooltip=f"The world's panorama, for {use}"),
        io.Image.Input(
            "hdri",
            optional=True,
            tooltip="The same as linear light from Panorama to HDRI, instead: then the sun casts a shadow.",
        ),
    ]


def _light_from_host(panorama: torch.Tensor | None, hdri: torch.Tensor | None) -> DirectLight | None:
    if hdri is not None:
        return direct_light(image_from_host(hdri, "hdri"), is_linear=True)
    return None if panorama is None else direct_light(image_from_host(panorama, "panorama"))


def _object_from_host(
    value: Types.SPLAT | Types.MESH | Types.File3D, axes: str, most: int
) -> tuple[Gaussians, list[Mesh]]:
    """Return an object in OpenCV axes as Gaussians, and its meshes if it is made of those."""
    y_up = axes != _OBJECT_AXES[2]
    if isinstance(value, Types.SPLAT):
        item = gaussians_from_host(value, "object")
        return (change_axes(item, source=NAMED_AXES["opengl"]) if axes == _OBJECT_AXES[1] else item), []
    if isinstance(value, Types.MESH):
        meshes = [mesh_from_host(value, "object", is_gltf=y_up, with_look=True)]
    else:
        data = value.get_bytes()
        if holds_splats(value.format, data[:4096]):
            given = {"auto": None, _OBJECT_AXES[1]: NAMED_AXES["opengl"], _OBJECT_AXES[2]: OPENCV}[axes]
            return read_gaussians(BytesIO(data), kind=value.format, axes=given), []
        meshes = read_meshes(data, value.format, y_up=y_up)
    return gaussians_from_meshes(meshes, max_gaussians=most), meshes


NODES = [ObjectLoad, WorldPlace, WorldErase, WorldEdit]
