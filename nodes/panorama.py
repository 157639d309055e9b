"""Panoramas: load one, give it distances, hand it to the host's MoGe nodes."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ..matrix3d_core.checks import check_shape, check_two_to_one
from ..matrix3d_core.depth.conversions import (
    IMAGE_TYPES,
    depth_from_image,
    depth_from_moge,
    describe_depth_image,
    moge_from_geometry,
)
from ..matrix3d_core.depth.describe import describe_geometry
from ..matrix3d_core.depth.learned.estimate import geometry_of_picture
from ..matrix3d_core.depth.learned.moge import merge_moge_views
from ..matrix3d_core.depth.missing import far_from_text, values_from_text
from ..matrix3d_core.depth.panorama_depth import SCALE_MODES, geometry_from_depth
from ..matrix3d_core.depth.preview import colorize_depth
from ..matrix3d_core.errors import InvalidInput
from ..matrix3d_core.io.depth_files import DEPTH_SUFFIXES, DEPTH_WRITE_SUFFIXES, load_depth
from ..matrix3d_core.io.images import FLOAT_KINDS, IMAGE_SUFFIXES, encode_image
from ..matrix3d_core.panorama.load import EYES, load_panorama
from ..matrix3d_core.progress import ProgressFn
from ..matrix3d_core.scene.panorama import PanoramaGeometry
from ._adapters import image_from_host
from ._file_inputs import file_input, file_state, load_width_input, preview_columns
from ._host import io, progress_to_host, resolve_input_file, ui
from ._host_depth import backbone_state, depth_device, learned_networks
from ._host_routes import answer_posts
from ._inputs import AUTO_BACKBONE, backbone_input, camera_height_input
from ._search import WORLD_WORDS
from ._types import DepthType, GeometryType, MoGeGeometryType

_CATEGORY = "Matrix-3D/panorama"
_SAMPLE = "sample: terrace"
_SAMPLE_FOLDER = Path(__file__).resolve().parents[1] / "assets" / "sample"
_NONE, _WITH_PANORAMA = "none", "with the panorama"
_AUTO, _MOGE, _DEPTH, _FILE = "auto", "moge geometry", "depth", "depth file"
_LEARNED, _GROUNDED = "learned", "grounded"


def _png_scale_input() -> Any:
    return io.Float.Input(
        "png_scale",
        default=0.001,
        min=1e-6,
        max=1000.0,
        step=0.0001,
        round=False,
        advanced=True,
        tooltip="For 16-bit PNG depth files: the distance of one step. 0.001 reads millimeters as meters.",
    )


def _depth_channel_input() -> Any:
    return io.String.Input(
        "depth_channel",
        default="",
        optional=True,
        advanced=True,
        tooltip="For depth files with several: the EXR channel, layer or part, or the NPZ array, that holds the "
        "distances. Empty: the one named after depth, or a single Z; if ambiguous, the error lists all.",
    )


class PanoLoad(io.ComfyNode):
    """A panorama from the host's input folder, or the shipped sample."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoLoad",
            display_name="Load Panorama",
            category=_CATEGORY,
            description="Load a 360-degree panorama (equirectangular, 2:1) and, when there is one, its depth "
            "file. The sample comes with exact distances.",
            search_aliases=[
                *WORLD_WORDS,
                "panorama",
                "360",
                "equirectangular",
                "load image",
                "sample",
                "hdri",
                "image to 3d",
                "image to world",
                "skybox",
                "street view",
            ],
            inputs=[
                file_input(
                    "image",
                    "panorama",
                    IMAGE_SUFFIXES,
                    first=(_SAMPLE,),
                    tooltip="A picture in the host's input folder, twice as wide as high (also HDR and EXR), or the "
                    "sample.",
                ),
                file_input(
                    "depth_file",
                    "depth",
                    DEPTH_SUFFIXES,
                    first=(_WITH_PANORAMA, _NONE),
                    tooltip="For the depth output. 'with the panorama': the sample's own, or a file called "
                    f"<panorama>_depth with {', '.join(DEPTH_WRITE_SUFFIXES)} beside the picture, if there is one.",
                ),
                load_width_input("images", 4096),
                _png_scale_input(),
                io.Combo.Input(
                    "eye",
                    options=list(EYES),
                    default=EYES[0],
                    optional=True,
                    advanced=True,
                    tooltip="For stereo pictures: over-under (1:1, left eye on top) or side by side (4:1). For 2:1: "
                    "half side by side or half over-under, each eye squeezed to half; VR180, each eye the half ahead, "
                    "the rest in the mask.",
                ),
                io.Float.Input(
                    "exposure",
                    default=0.0,
                    min=-20.0,
                    max=20.0,
                    step=0.25,
                    optional=True,
                    advanced=True,
                    tooltip="For HDR, EXR and float TIFF: exposure in stops applied before tone mapping to an image; "
                    "+1 doubles the light.",
                ),
                io.Combo.Input(
                    "float_values",
                    options=list(FLOAT_KINDS),
                    default=FLOAT_KINDS[0],
                    optional=True,
                    advanced=True,
                    tooltip="What the numbers of a float file are. auto: light in HDR and EXR; in TIFF light when "
                    "some are above 1, else display values.",
                ),
                io.Boolean.Input(
                    "use_tags",
                    default=True,
                    optional=True,
                    advanced=True,
                    tooltip="Apply the file's GPano metadata: a partial panorama is placed on the sphere and the rest "
                    "is in the mask; camera pitch and roll are leveled.",
                ),
                _depth_channel_input(),
            ],
            outputs=[
                io.Image.Output(display_name="panorama", tooltip="The picture."),
                DepthType.Output(
                    display_name="depth", tooltip="Distances from the depth file; empty without one."
                ),
                io.Mask.Output(
                    display_name="mask",
                    tooltip="1 where the file has no content: transparent, or outside a partial panorama. As "
                    "outpainting expects it.",
                ),
                io.String.Output(
                    display_name="report",
                    tooltip="How the files were interpreted, and which inputs override it.",
                ),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, image: str, depth_file: str, *_: Any, **__: Any) -> object:
        return [file_state(image), file_state(depth_file), file_state(str(_companion(image) or _NONE))]

    @classmethod
    def execute(
        cls,
        image: str,
        depth_file: str,
        max_width: int,
        png_scale: float,
        eye: str = EYES[0],
        exposure: float = 0.0,
        float_values: str = FLOAT_KINDS[0],
        use_tags: bool = True,
        depth_channel: str = "",
    ) -> io.NodeOutput:
        loaded = load_panorama(
            _path_of(image),
            max_width=max_width,
            eye=eye,
            exposure=exposure,
            floats=float_values,
            use_tags=use_tags,
        )
        if depth_file == _WITH_PANORAMA:
            depth_path = _companion(image)
        else:
            depth_path = None if depth_file == _NONE else resolve_input_file(depth_file)
        report, depth = loaded.report, None
        if depth_path is not None:
            found = load_depth(depth_path, png_scale=png_scale, channel=depth_channel)
            depth, report = found.depth_ray[None], f"{report}\n{depth_path.name}: {found.read_as}"
        mask = (
            loaded.missing if loaded.missing is not None else torch.zeros(1, 1).expand(loaded.rgb.shape[:2])
        )
        return io.NodeOutput(loaded.rgb[None], depth, mask[None], report)


def _preview(question: dict[str, Any]) -> bytes:
    """Return what a Load Panorama node is going to give as a small JPEG, from the values of its widgets."""
    loaded = load_panorama(
        _path_of(str(question.get("image", ""))),
        max_width=preview_columns(question),
        eye=str(question.get("eye", EYES[0])),
        exposure=float(question.get("exposure", 0.0)),
        floats=str(question.get("float_values", FLOAT_KINDS[0])),
        use_tags=question.get("use_tags") is not False,
    )
    return encode_image(loaded.rgb)


answer_posts("/matrix3d/panorama/preview", _preview)


def _path_of(image: str) -> Path:
    return _SAMPLE_FOLDER / "terrace.jpg" if image == _SAMPLE else resolve_input_file(image)


def _companion(image: str) -> Path | None:
    """Return the depth file that lies beside the panorama, if any."""
    if image == _SAMPLE:
        return _SAMPLE_FOLDER / "terrace_depth.npz"
    picture = Path(image)
    for suffix in DEPTH_WRITE_SUFFIXES:
        try:
            return resolve_input_file(picture.with_name(f"{picture.stem}_depth{suffix}").as_posix())
        except InvalidInput:
            continue
    return None


class PanoDepth(io.ComfyNode):
    """A panorama with distances: the geometry that everything else starts from."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoDepth",
            display_name="Panorama Depth",
            category=_CATEGORY,
            description="Add depth to a panorama: from MoGe, a depth map or a file, or without any from the picture "
            "itself or from a ground-plane and sky-dome proxy. Invalid depth is repaired and counted.",
            search_aliases=[
                *WORLD_WORDS,
                "depth",
                "geometry",
                "distance",
                "moge",
                "panorama to 3d",
                "metric scale",
                "sky",
                "image to 3d",
                "image to world",
                "depth to 3d",
            ],
            inputs=[
                io.Image.Input(
                    "panorama", tooltip="One equirectangular picture, twice as wide as it is high."
                ),
                io.Combo.Input(
                    "source",
                    options=[_AUTO, _MOGE, _DEPTH, _FILE, _LEARNED, _GROUNDED],
                    default=_AUTO,
                    tooltip="Source of the depth. auto: moge_geometry if linked, else depth or depth_image, else the "
                    "depth file, else learned if DINOv2-small is in models/clip_vision, else grounded. learned "
                    "estimates it from the picture. grounded estimates nothing: it is a proxy of a ground plane and "
                    "a sky dome.",
                ),
                io.Combo.Input(
                    "scale",
                    options=list(SCALE_MODES),
                    default=SCALE_MODES[0],
                    tooltip="The unit of the result. 'geometric mean 1' is Matrix-3D's. 'camera height' finds the "
                    "ground below the camera and scales to meters. learned and grounded are always in meters.",
                ),
                camera_height_input(", for scale 'camera height', learned and grounded."),
                file_input(
                    "depth_file",
                    "depth",
                    DEPTH_SUFFIXES,
                    first=(_NONE,),
                    tooltip="EXR, NPY, NPZ, PFM, float TIFF or 16-bit PNG in the host's input folder: distance along "
                    "the ray.",
                ),
                io.Int.Input(
                    "working_width",
                    default=2048,
                    min=0,
                    max=32768,
                    step=2,
                    tooltip="Wider panoramas are downsampled to this many columns. 0 keeps their size. The depth is "
                    "resized to match.",
                ),
                io.Boolean.Input(
                    "sky_rule",
                    default=True,
                    tooltip="Infinite distances and pixels outside MoGe's mask are sky and are placed at twice the "
                    "largest distance. Off: they get the distance of the nearest valid pixel.",
                ),
                io.Boolean.Input(
                    "repair_islands",
                    default=True,
                    tooltip="Turn small isolated regions in front of the sky into sky (below 1600 pixels at "
                    "2048x1024, scaled to the size).",
                ),
                io.Combo.Input(
                    "depth_image_type",
                    options=list(IMAGE_TYPES),
                    default=IMAGE_TYPES[0],
                    advanced=True,
                    tooltip="What the values of depth_image mean. Inverse depth is also called disparity.",
                ),
                io.Float.Input(
                    "depth_image_unit",
                    default=10.0,
                    min=1e-6,
                    max=1e6,
                    step=0.1,
                    advanced=True,
                    tooltip="The distance that white in depth_image stands for, when depth_image_far is 0.",
                ),
                _png_scale_input(),
                io.Float.Input(
                    "horizon",
                    default=0.0,
                    min=-40.0,
                    max=40.0,
                    step=0.5,
                    advanced=True,
                    tooltip="For grounded: how many degrees above the middle row the horizon is seen.",
                ),
                io.Float.Input(
                    "dome_radius",
                    default=20.0,
                    min=0.1,
                    max=10000.0,
                    step=1.0,
                    advanced=True,
                    tooltip="For grounded: distance of the dome in meters. The distance of surrounding walls looks "
                    "most natural.",
                ),
                io.Boolean.Input(
                    "upstream_exact",
                    default=False,
                    advanced=True,
                    tooltip="Reproduce Matrix-3D's repair exactly, flaws included: islands below 1600 pixels at any "
                    "size, not joined across the seam; unknown pixels become sky; nearest resampling.",
                ),
                MoGeGeometryType.Input(
                    "moge_geometry", optional=True, tooltip="From the host's MoGe Panorama Inference."
                ),
                DepthType.Input(
                    "depth",
                    optional=True,
                    tooltip="Ray distance, for instance from Load Panorama. May be empty.",
                ),
                io.Image.Input(
                    "depth_image", optional=True, tooltip="A grayscale depth map from another model."
                ),
                io.Float.Input(
                    "depth_image_near",
                    default=0.0,
                    min=0.0,
                    max=1e6,
                    step=0.1,
                    optional=True,
                    advanced=True,
                    tooltip="With depth_image_far: the distance of the nearest surface. 0 takes depth_image_unit for "
                    "inverse depth, and 0 for depth.",
                ),
                io.Float.Input(
                    "depth_image_far",
                    default=0.0,
                    min=0.0,
                    max=1e6,
                    step=0.1,
                    optional=True,
                    advanced=True,
                    tooltip="For relative depth (MiDaS, Depth Anything): the distance of the farthest surface, which "
                    "is black there. 0: the depth map is not relative, and black is sky or unknown.",
                ),
                io.String.Input(
                    "far_value",
                    default="auto",
                    optional=True,
                    advanced=True,
                    tooltip="Pixels at this distance or beyond are sky. auto detects what renderers write for no hit "
                    "(1e10, 65504, 65535, a far clip) and says so in the report. none keeps all pixels as surfaces.",
                ),
                io.String.Input(
                    "missing_value",
                    default="",
                    optional=True,
                    advanced=True,
                    tooltip="Comma-separated values that mean unknown, besides NaN, 0 and negatives, such as 9999, "
                    "65535.",
                ),
                _depth_channel_input(),
                backbone_input(advanced=True),
            ],
            outputs=[
                GeometryType.Output(
                    display_name="geometry", tooltip="The panorama with a ray distance for every pixel."
                ),
                io.Image.Output(display_name="preview", tooltip="Depth visualization: near is bright."),
                DepthType.Output(display_name="depth", tooltip="Ray distance, infinite where there is sky."),
                io.Mask.Output(display_name="sky", tooltip="1 where there is sky."),
                io.String.Output(display_name="report", tooltip="Source, counts, range and scale, in words."),
            ],
            is_output_node=True,
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(cls, backbone: str = AUTO_BACKBONE) -> bool:
        return True  # without the file auto takes another source, and learned says where it goes

    @classmethod
    def fingerprint_inputs(
        cls, source: str = _AUTO, depth_file: str = _NONE, backbone: str = AUTO_BACKBONE, **_: Any
    ) -> object:
        return [file_state(depth_file), backbone_state(backbone) if source in (_AUTO, _LEARNED) else ""]

    @classmethod
    def execute(
        cls,
        panorama: torch.Tensor,
        source: str,
        depth_file: str = _NONE,
        moge_geometry: dict | None = None,
        depth: torch.Tensor | None = None,
        depth_image: torch.Tensor | None = None,
        **settings: Any,
    ) -> io.NodeOutput:
        rgb = image_from_host(panorama, "panorama")
        check_two_to_one("panorama", rgb.shape[0], rgb.shape[1])
        given = {
            _MOGE: moge_geometry is not None,
            _DEPTH: depth is not None or depth_image is not None,
            _FILE: depth_file != _NONE,
        }
        chosen = next((name for name, there in given.items() if there), _AUTO) if source == _AUTO else source
        if not given.get(chosen, True):
            raise InvalidInput(_MISSING[chosen])
        if chosen not in given:
            geometry = _of_picture(rgb, chosen, settings, progress_to_host(cls.hidden.unique_id))
        else:
            given_depth, valid, read_as = _given_depth(
                chosen, depth_file, moge_geometry, depth, depth_image, settings
            )
            geometry = _measured(rgb, given_depth, valid, chosen, read_as, settings)
        preview = colorize_depth(geometry.depth_ray, geometry.is_sky)[None]
        distance = geometry.depth_ray.masked_fill(geometry.is_sky, math.inf)[None]
        return io.NodeOutput(
            geometry,
            preview,
            distance,
            geometry.is_sky[None].float(),
            describe_geometry(geometry),
            ui=ui.PreviewImage(preview, cls=cls),
        )


_MISSING = {
    _MOGE: "source 'moge geometry' needs the moge_geometry input; nothing is linked. Link it or choose auto.",
    _DEPTH: "source 'depth' needs the depth or depth_image input; nothing arrived. Link one or choose auto.",
    _FILE: "source 'depth file' needs a file; depth_file is none. Choose one or choose auto.",
}


def _rows(rgb: torch.Tensor, settings: dict[str, Any]) -> int:
    rows = rgb.shape[0]
    wanted = settings["working_width"] // 2
    return min(rows, max(2, wanted)) if wanted else rows


def _of_picture(
    rgb: torch.Tensor, source: str, settings: dict[str, Any], progress: ProgressFn
) -> PanoramaGeometry:
    return geometry_of_picture(
        rgb,
        partial(learned_networks, settings.get("backbone", AUTO_BACKBONE)),
        source=source,
        camera_height=settings["camera_height"],
        height=_rows(rgb, settings),
        device=depth_device(),
        progress=progress,
        dome_radius=settings["dome_radius"],
        horizon_rad=math.radians(settings["horizon"]),
    )


def _given_depth(
    chosen: str,
    depth_file: str,
    moge_geometry: Any,
    depth: torch.Tensor | None,
    depth_image: Any,
    settings: dict[str, Any],
) -> tuple[torch.Tensor, torch.Tensor | None, str]:
    if chosen == _MOGE:
        return *depth_from_moge(moge_geometry), ""
    if chosen == _FILE:
        found = load_depth(
            resolve_input_file(depth_file),
            png_scale=settings["png_scale"],
            channel=settings.get("depth_channel", ""),
        )
        return found.depth_ray, None, found.read_as
    if depth is not None:
        count = check_shape("depth", depth, "T H W")["T"]
        if count != 1:
            raise InvalidInput(f"depth must be one map for one panorama; got {count} frames. Pick one first.")
        return depth[0], None, ""
    check_shape("depth_image", depth_image, "1 H W C")
    values = {
        "kind": settings["depth_image_type"],
        "unit": settings["depth_image_unit"],
        "near": settings.get("depth_image_near", 0.0),
        "far": settings.get("depth_image_far", 0.0),
    }
    return depth_from_image(depth_image[0], **values), None, describe_depth_image(depth_image[0], **values)


def _measured(
    rgb: torch.Tensor,
    depth_ray: torch.Tensor,
    valid: torch.Tensor | None,
    chosen: str,
    read_as: str,
    settings: dict[str, Any],
) -> PanoramaGeometry:
    return geometry_from_depth(
        rgb,
        depth_ray,
        valid=valid,
        sky="upstream" if settings["sky_rule"] else "none",
        repair_components=settings["repair_islands"],
        scale=settings["scale"],
        camera_height=settings["camera_height"],
        height=_rows(rgb, settings),
        upstream_exact=settings["upstream_exact"],
        source=chosen,
        far=far_from_text(settings.get("far_value", "auto")),
        missing=values_from_text(settings.get("missing_value", "")),
        read_as=read_as,
    )


class PanoGeometryToMoGe(io.ComfyNode):
    """Our geometry as the host's MOGE_GEOMETRY."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoGeometryToMoGe",
            display_name="Panorama Geometry to MoGe",
            category=_CATEGORY,
            description="Convert a panorama geometry for the host's MoGe nodes, for instance to render it or to make "
            "a textured GLB mesh.",
            search_aliases=[*WORLD_WORDS, "moge", "convert geometry", "mesh", "glb", "point map"],
            inputs=[GeometryType.Input("geometry", tooltip="From Panorama Depth.")],
            outputs=[
                MoGeGeometryType.Output(
                    display_name="moge_geometry", tooltip="Depth, mask, image and points as MoGe makes them."
                )
            ],
        )

    @classmethod
    def execute(cls, geometry: PanoramaGeometry) -> io.NodeOutput:
        return io.NodeOutput(moge_from_geometry(geometry))


class PanoMergeViews(io.ComfyNode):
    """MoGe's geometry of twelve views as that of the panorama."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PanoMergeViews",
            display_name="Merge MoGe Views",
            category=_CATEGORY,
            description="Merge MoGe's depth of the twelve icosahedral crops of a panorama, without seams and in MoGe's "
            "meters. The host's MoGe Panorama Inference loses the meters.",
            search_aliases=[
                *WORLD_WORDS,
                "moge",
                "merge depth",
                "metric depth",
                "panorama depth",
                "12 views",
            ],
            inputs=[
                io.Image.Input("panorama", tooltip="The panorama that the crops were cut from."),
                MoGeGeometryType.Input(
                    "moge_geometry",
                    tooltip="From the host's MoGe Inference on the twelve icosahedral crops, with their field of view.",
                ),
                io.Float.Input(
                    "fov",
                    default=90.0,
                    min=70.0,
                    max=140.0,
                    step=0.5,
                    round=0.001,
                    tooltip="Field of view of the crops in degrees: 90 as in the host's panorama node, 100 upstream.",
                ),
                io.Int.Input(
                    "working_width",
                    default=1920,
                    min=64,
                    max=8192,
                    step=2,
                    tooltip="Columns of the merged depth, at most those of the panorama.",
                ),
            ],
            outputs=[
                MoGeGeometryType.Output(
                    display_name="moge_geometry", tooltip="Of the panorama, for Panorama Depth."
                ),
                io.String.Output(
                    display_name="report", tooltip="How well the views agree, and the factor of each."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(
        cls, panorama: torch.Tensor, moge_geometry: dict, fov: float, working_width: int
    ) -> io.NodeOutput:
        merged, facts = merge_moge_views(
            moge_geometry,
            image_from_host(panorama, "panorama"),
            fov_rad=math.radians(fov),
            height=working_width // 2,
            progress=progress_to_host(cls.hidden.unique_id),
        )
        return io.NodeOutput(merged, facts.describe())


NODES = [PanoLoad, PanoDepth, PanoGeometryToMoGe, PanoMergeViews]
